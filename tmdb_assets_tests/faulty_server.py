"""A real HTTP server on loopback that misbehaves as it is told.

What belongs here: faults of the wire and of the protocol, counting, and a rate limit. What does not: any payload of a
real source, and any assertion.
"""

from __future__ import annotations

import codecs
import gzip
import json
import socket
import struct
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

Disguise = Literal[
    "gzip without header", "header without gzip", "packed twice", "packed thrice", "deflate", "bare deflate",
    "zlib without header", "members", "BOM", "UTF-16", "gzip with a BOM",
]  # fmt: skip
Fault = Literal["none", "reset", "hang", "cut", "cut chunks", "cut gzip", "broken gzip", "slow body"] | Disguise

GZIP, DEFLATE = {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}
#: The same body as a server and what lies before it may send it: header, and bytes.
DISGUISES: dict[Disguise, tuple[dict[str, str], Callable[[bytes], bytes]]] = {
    "gzip without header": ({}, gzip.compress),
    "header without gzip": (GZIP, bytes),
    "packed twice": (GZIP, lambda body: gzip.compress(gzip.compress(body))),
    "packed thrice": ({}, lambda body: gzip.compress(zlib.compress(gzip.compress(body)))),
    "deflate": (DEFLATE, zlib.compress),
    "bare deflate": (DEFLATE, lambda body: zlib.compress(body, wbits=-15)),
    "zlib without header": ({}, zlib.compress),
    "members": (GZIP, lambda body: gzip.compress(body[:5]) + gzip.compress(body[5:]) + b"\0" * 512),
    "BOM": ({}, lambda body: codecs.BOM_UTF8 + body),
    "UTF-16": ({}, lambda body: body.decode().encode("utf-16")),
    "gzip with a BOM": (GZIP, lambda body: gzip.compress(codecs.BOM_UTF8 + body)),
}


@dataclass(frozen=True)
class Seen:
    """A request as it arrived. `nth` counts the requests for this path and query, from 1."""

    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    nth: int
    at: float


@dataclass(frozen=True)
class Reply:
    """What to answer, and how to spoil it. `delay` seconds pass first; "hang" never answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fault: Fault = "none"


Script = Callable[[Seen], Reply]


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON body; header names are written with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


def in_turn(*replies: Reply) -> Script:
    """The first request for a target gets the first reply, and so on; the last one stays."""
    return lambda seen: replies[min(seen.nth, len(replies)) - 1]


class FaultyServer:
    """Serves `script` in a thread of its own. Use as a context manager; `url` is its root.

    `seen` lists every request in order of arrival. `most_at_once` and `connections` count requests under way at the
    same time and connections opened. With `limit_per_second`, a request that is one too many in the sliding second
    gets a 429.
    """

    def __init__(self, script: Script, *, limit_per_second: int | None = None) -> None:
        self.script, self.limit_per_second = script, limit_per_second
        self.seen: list[Seen] = []
        self.most_at_once = self.connections = 0
        self._at_once = 0
        self._nth: Counter[str] = Counter()
        self._window: deque[float] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._sockets: set[socket.socket] = set()
        outer = self

        class Handler(_Handler):
            server_of = outer

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._sockets:
                _hang_up(connection)
        self._server.server_close()

    @property
    def calls(self) -> int:
        """How many requests arrived."""
        return len(self.seen)

    def answer(self, target: str, headers: dict[str, str]) -> Reply:
        """Count a request and ask the script, or refuse it when it came too soon."""
        parts = urlsplit(target)
        with self._lock:
            self._nth[target] += 1
            now = time.monotonic()
            seen = Seen(target, parts.path, dict(parse_qsl(parts.query)), headers, self._nth[target], now)
            self.seen.append(seen)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            while self._window and self._window[0] <= now - 1.0:
                self._window.popleft()
            if self.limit_per_second is not None and len(self._window) >= self.limit_per_second:
                return json_reply({"status_code": 25, "status_message": "Over the limit."}, 429, Retry_After="1")
            self._window.append(now)
        return self.script(seen)

    def done(self) -> None:
        """A request was answered."""
        with self._lock:
            self._at_once -= 1

    def opened(self, connection: socket.socket) -> None:
        """A connection came."""
        with self._lock:
            self.connections += 1
            self._sockets.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """A connection went."""
        with self._lock:
            self._sockets.discard(connection)

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the server."""
        self._closing.wait(seconds)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for every handler, and none outlives its test
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_of: FaultyServer

    def setup(self) -> None:
        super().setup()
        self.server_of.opened(self.connection)

    def finish(self) -> None:
        self.server_of.closed(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to say."""

    def do_GET(self) -> None:
        reply = self.server_of.answer(self.path, {name.lower(): value for name, value in self.headers.items()})
        try:
            self.server_of.wait(3600.0 if reply.fault == "hang" else reply.delay)
            self._send(reply)
        finally:
            self.server_of.done()

    def _send(self, reply: Reply) -> None:
        if reply.fault in {"reset", "hang"}:
            self._reset()
            return
        body, headers = reply.body, dict(reply.headers)
        if reply.fault in {"cut gzip", "broken gzip"}:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body) if reply.fault == "cut gzip" else gzip.compress(body)[:12] + b"not deflate"
        elif reply.fault in DISGUISES:
            named, disguised = DISGUISES[reply.fault]
            body, headers = disguised(body), headers | named
        chunked = reply.fault == "cut chunks"
        headers |= {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if chunked:
            self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")  # and no last chunk
        elif reply.fault in {"cut", "cut gzip"}:
            self.wfile.write(body[: len(body) // 2])
        elif reply.fault == "slow body":
            self.wfile.write(body[: len(body) // 2])
            self.server_of.wait(3600.0)
        else:
            self.wfile.write(body)
        if reply.fault != "none" and reply.fault not in DISGUISES:
            self.close_connection = True

    def _reset(self) -> None:
        """Close with a RST, not a FIN: linger of zero seconds, and no file object left that keeps the socket open."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.wfile.close()
        self.connection.close()


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
