"""A Prometheus of the tests' own, on loopback, with the rules of ops/prometheus.

What belongs here: starting one, asking it. What does not: assertions. It needs the program (Debian's package
prometheus, which brings promtool); where it is not, the tests that ask for it are skipped.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tmdb_assets_tests.conftest import PROJECT

OPS = PROJECT / "ops" / "prometheus"
#: Everything seconds apart, so that a test need not wait for minutes.
CONFIG = """
global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: tmdb_assets
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def program(name: str) -> str:
    """Where a program of the package is; skips without it."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed: Debian's package prometheus brings it")
    return found


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    address: str

    def firing(self) -> list[dict[str, str]]:
        """The labels of the alerts that fire."""
        alerts = self._ask("alerts")["alerts"]
        return [alert["labels"] for alert in alerts if alert["state"] == "firing"]

    def value(self, query: str) -> float | None:
        """The value of a query with one answer; None without any."""
        result = self._ask(f"query?query={quote(query)}")["result"]
        return float(result[0]["value"][1]) if result else None

    def wait_for(self, holds: Callable[[], bool], seconds: float = 60) -> bool:
        """Whether something comes to hold within so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds():
                return True
            time.sleep(0.2)
        return holds()

    def _ask(self, what: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/api/v1/{what}", timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)["data"]
        return told


@contextmanager
def prometheus(folder: Path, port: int) -> Iterator[Prometheus]:
    """A server that scrapes a port of this machine, killed at the end; its files lie in a folder."""
    executable = program("prometheus")
    folder.mkdir()
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=OPS / "rules.yml", port=port), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        listens = f"127.0.0.1:{free.getsockname()[1]}"
    command = [executable, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={listens}"], stdout=log, stderr=log, cwd=folder)
        server = Prometheus(f"http://{listens}")
        try:
            assert server.wait_for(lambda: _answers(server)), (folder / "log").read_text(encoding="utf-8")
            yield server
        finally:
            process.kill()
            process.wait()


def _answers(server: Prometheus) -> bool:
    try:
        return server.value("vector(1)") == 1
    except OSError:
        return False
