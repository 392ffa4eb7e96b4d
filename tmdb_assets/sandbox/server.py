"""The sandbox's process: one ASGI application over all sites, on loopback, until it is told to stop.

What belongs here: day prefixes, limits, faults on the wire, headers, start and end of the process. What does not: what
any source says (its own folder).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import re
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tmdb_assets.sandbox import faults
from tmdb_assets.sandbox.answers import NOT_FOUND, Answer, Request, Site, json_answer

HISTORY_STARTS = dt.date(2020, 1, 1)
_ON_A_DAY = re.compile(r"/on/(\d{4}-\d\d-\d\d)(/.*)")
_MARK = ("X-Sandbox", "tmdb_assets")


@dataclass(frozen=True, slots=True)
class Weather:
    """What the sandbox does to its callers besides answering them."""

    latency: float = 0.0
    rate_limit: float = 0.0
    fault_fraction: float = 0.0
    slow: float = 0.5
    seed: int = 0


class Application:
    """The ASGI application."""

    def __init__(self, sites: Sequence[Site], today: Callable[[], dt.date], weather: Weather) -> None:
        self._sites, self._today, self._weather = sites, today, weather
        self._faults = faults.Faults(weather.seed, weather.fault_fraction)
        self._recent: deque[float] = deque()

    async def __call__(self, scope: faults.Scope, receive: faults.Receive, send: faults.Send) -> None:
        """Serve one request."""
        if scope["path"] == "/sandbox/truth":
            today = self._today()
            truth: dict[str, Any] = {"today": today.isoformat()}
            for site in self._sites:
                truth.update(site.truth(today))
            await _send(json_answer(truth), send)
            return
        if self._weather.latency:
            await asyncio.sleep(self._weather.latency)
        if self._above_limit():
            await _send(faults.too_many(), send)
            return
        fault = self._faults.next() if self._weather.fault_fraction else None
        if fault is None:
            await _send(self._answer(scope), send)
        else:
            await self._fail(fault, scope, receive, send)

    def _answer(self, scope: faults.Scope) -> Answer:
        path, today = scope["path"], self._today()
        if path.startswith("/on/"):
            dated = _ON_A_DAY.fullmatch(path)
            try:
                day = dt.date.fromisoformat(dated[1]) if dated else dt.date.min
            except ValueError:
                day = dt.date.min
            if dated is None or not HISTORY_STARTS <= day <= today:
                return NOT_FOUND
            path, today = dated[2], day
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        request = Request(path, query, authorization.decode("latin-1"), today)
        for site in self._sites:
            answer = site.answer(request)
            if answer is not None:
                return answer
        return NOT_FOUND

    async def _fail(self, fault: str, scope: faults.Scope, receive: faults.Receive, send: faults.Send) -> None:
        transport: asyncio.Transport = scope["state"]["transport"]
        if fault == "reset":
            await faults.reset(transport, receive)
            return
        if fault == "slow":
            await asyncio.sleep(self._weather.slow)
        answer = faults.spoiled(fault) or self._answer(scope)
        if fault == "cut":
            await faults.cut(transport, _start(answer), answer.body, send, receive)
        else:
            await _send(answer, send)

    def _above_limit(self) -> bool:
        """Whether this request is one too many within the last second; refused requests do not count."""
        if not self._weather.rate_limit:
            return False
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= self._weather.rate_limit:
            return True
        self._recent.append(now)
        return False


def _start(answer: Answer) -> faults.Message:
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", b"%d" % len(answer.body))]
    if answer.retry_after is not None:
        headers.append((b"retry-after", answer.retry_after.encode()))
    if answer.encoding is not None:
        headers.append((b"content-encoding", answer.encoding.encode()))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def _send(answer: Answer, send: faults.Send) -> None:
    await send(_start(answer))
    await send({"type": "http.response.body", "body": answer.body})


if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Protocol
else:
    _Protocol = AutoHTTPProtocol


class _BreakableProtocol(_Protocol):
    """uvicorn's protocol, showing its transport to the application: ASGI itself has no word for a broken connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself declares it
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready, and ends with exit code 0 on a signal instead of dying by it."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End soon, whatever is under way."""
        self.should_exit = self.force_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(json.dumps({"sandbox": "tmdb_assets", "url": self._url}), flush=True)


def run(application: Application, host: str, port: int, exit_with_stdin: bool) -> None:
    """Serve until a signal, or until stdin ends. Raises OSError when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            cast(Any, application),
            http=_BreakableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            headers=[_MARK],
            timeout_keep_alive=75,
        )
        server = _Server(config, f"http://{f'[{host}]' if ':' in host else host}:{port}")
        if exit_with_stdin:
            threading.Thread(target=_watch_stdin, args=(server,), daemon=True).start()
        server.run(sockets=[listener])


def _watch_stdin(server: _Server) -> None:
    """A killed parent cannot send a signal, but its end of the pipe is closed for it.

    Read past sys.stdin: its buffer's lock, held by this thread, would abort the interpreter's end.
    """
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    server.stop()
