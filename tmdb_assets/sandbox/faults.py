"""The ways in which a real API fails, on purpose.

What belongs here: which request fails, how, and how such a failure is put on the wire. What does not: correct answers.
Which request fails depends on the seed and on the position of the request alone, so a retry of the same path usually
succeeds.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import format_datetime
from typing import Any

from tmdb_assets.sandbox.answers import Answer, tmdb_error

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

KINDS = (
    "limit_zero", "reset", "error_500", "cut", "slow", "limit_seconds", "error_502", "html", "empty", "limit_date",
    "error_503", "limit_bare",
)  # fmt: skip
_HTML = "text/html; charset=utf-8"
_TOO_MANY = "Your request count is over the allowed limit."
_MASK = (1 << 64) - 1


class Faults:
    """Decides for each request, in order of arrival, whether and how it fails; the kinds take turns."""

    def __init__(self, seed: int, fraction: float) -> None:
        self._seed, self._fraction = seed, fraction
        self._requests = self._failed = 0

    def next(self) -> str | None:
        """The fault of the next request, or None."""
        self._requests += 1
        # A low-discrepancy sequence: any stretch of requests fails at very nearly the fraction asked for.
        position = ((self._seed + self._requests) * 0x9E3779B97F4A7C15 & _MASK) / (_MASK + 1)
        if position >= self._fraction:
            return None
        self._failed += 1
        return KINDS[(self._failed - 1) % len(KINDS)]


def spoiled(kind: str) -> Answer | None:
    """The false answer of a fault that is a whole answer; None for a fault of timing or of the wire."""
    if kind.startswith("limit"):
        soon = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1), usegmt=True)
        waits = {"limit_zero": "0", "limit_seconds": "1", "limit_date": soon}
        return tmdb_error(429, 25, _TOO_MANY, waits.get(kind))
    if kind.startswith("error"):
        status = int(kind.removeprefix("error_"))
        return Answer(status, b"<html><body><h1>%d</h1><p>The sandbox is unwell.</p></body></html>" % status, _HTML)
    if kind == "html":
        return Answer(
            200, b"<!doctype html><html><body>Checking your browser before you may pass.</body></html>", _HTML
        )
    if kind == "empty":
        return Answer(200, b"")
    return None


def too_many() -> Answer:
    """The answer above --rate-limit."""
    return tmdb_error(429, 25, _TOO_MANY, "1")


async def reset(transport: asyncio.Transport, receive: Receive) -> None:
    """Break the connection before any byte: closing without lingering shows the peer a reset, not an end of file."""
    plug = transport.get_extra_info("socket")
    if plug is not None:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(receive)


async def cut(transport: asyncio.Transport, start: Message, body: bytes, send: Send, receive: Receive) -> None:
    """Promise the whole body, deliver half of it, hang up."""
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    transport.close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed the end of the connection; it would report an unfinished answer otherwise."""
    while (await receive())["type"] != "http.disconnect":
        pass
