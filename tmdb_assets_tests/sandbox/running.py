"""A sandbox in its own process, for tests of what a caller sees.

What belongs here: starting, asking, stopping. What does not: assertions about answers.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TODAY = "2026-11-20"
COMMAND = [sys.executable, "-m", "tmdb_assets.sandbox"]
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Reply:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A sandbox that has said it is ready."""

    process: subprocess.Popen[bytes]
    ready: dict[str, str]

    @property
    def url(self) -> str:
        """Where it serves."""
        return self.ready["url"]

    def get(self, path: str, token: str | None = "sandbox") -> Reply:
        """Ask once, on a connection of its own."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        """The JSON of an answer that must be a success."""
        reply = self.get(path)
        assert reply.status == 200, (path, reply)
        return reply.json


@contextmanager
def running(*options: str) -> Iterator[Running]:
    """Start a small sandbox; it ends with the block, and must have had nothing to complain about."""
    command = [*COMMAND, "--films", "400", "--today", TODAY, "--exit-with-stdin", *options]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, cwd=PROJECT, **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            yield Running(process, json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            assert process.stderr.read() == b""
