"""The built-in sandbox as a child process: started when first needed, gone with its parent.

What belongs here: starting, waiting for and stopping `python -m tmdb_assets.sandbox`. What does not: what it serves
(tmdb_assets/sandbox, which nobody imports: it is reached over HTTP like any source).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.settings import Settings


class SandboxError(LakehouseError):
    """The sandbox did not start. The message carries its own words."""


class Sandbox:
    """A sandbox server on a free loopback port. Its standard input is our pipe: when we die, it sees the end and
    stops."""

    def __init__(
        self,
        settings: Settings,
        log: Callable[[str], None],
        why: str,
    ) -> None:
        self._settings, self._log, self._why = settings, log, why
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._url = ""

    @property
    def url(self) -> str:
        """Root of the server, started if it is not running. Raises SandboxError."""
        with self._lock:
            if self._process is None:
                self._url = self._start()
            return self._url

    def _start(self) -> str:
        command = [sys.executable, "-m", "tmdb_assets.sandbox", "serve", "--port", "0", "--exit-with-stdin"]
        if self._settings.tmdb_assets_today:
            command += ["--today", self._settings.tmdb_assets_today.isoformat()]
        if self._settings.tmdb_assets_sandbox_films:
            command += ["--films", str(self._settings.tmdb_assets_sandbox_films)]
        if self._settings.tmdb_assets_sandbox_wild:
            command += ["--wild"]
        for file in (self._settings.tmdb_assets_sandbox_movies or "").split(os.pathsep):
            command += ["--movies", file] if file else []
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload]  # one dict for three pipes
        line = process.stdout.readline()
        if not line:
            said = process.stderr.read().strip().splitlines()
            process.wait()
            raise SandboxError(f"The sandbox did not start: {said[-1] if said else 'it said nothing'}")
        threading.Thread(target=_drain, args=(process,), daemon=True).start()
        self._process = process
        url: str = json.loads(line)["url"]
        self._log(f"{self._why} at {url}")
        return url

    def stop(self) -> None:
        """End the server, if it was started."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.stdin.close()  # type: ignore[union-attr]  # a pipe, see _start
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()  # type: ignore[union-attr]  # as above


@contextmanager
def sandbox_where_needed(settings: Settings, log: Callable[[str], None], why: str | None) -> Iterator[Sandbox | None]:
    """A sandbox that is stopped at the end; None where there is no reason (`why`) for one."""
    sandbox = Sandbox(settings, log, why) if why else None
    try:
        yield sandbox
    finally:
        if sandbox:
            sandbox.stop()


def _drain(process: subprocess.Popen[str]) -> None:
    """Keep its error pipe from filling up; what a running sandbox complains about goes to our own standard error."""
    for line in process.stderr or ():
        sys.stderr.write(f"sandbox: {line}")
    if process.stderr:
        process.stderr.close()
