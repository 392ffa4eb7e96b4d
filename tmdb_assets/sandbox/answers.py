"""The seam between the server and the sources it stands in for: a Request goes in, an Answer comes out.

What belongs here: what every imitated source shares. What does not: sockets (server.py) and any source's own words (its
folder).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

JSON_TYPE = "application/json;charset=utf-8"
_encode_fast = msgspec.json.Encoder().encode
_to_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Request:
    """What a source may look at: the path without its day prefix, the query, the credentials, and the day it is."""

    path: str
    query: Mapping[str, str]
    authorization: str
    today: dt.date


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, ready to be sent or to be spoiled; `encoding` is what its Content-Encoding says, if
    anything."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    retry_after: str | None = None
    encoding: str | None = None


class Site(Protocol):
    """One imitated source."""

    def answer(self, request: Request) -> Answer | None:
        """Answer a request, or None for a path that is not this source's."""

    def truth(self, today: dt.date) -> dict[str, Any]:
        """What was planted up to that day, for tests that check whether a pipeline found it."""


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8, the way every answer is written."""
    return _to_text(value).encode()


def encode_fast(value: Any) -> bytes:
    """The same bytes in a fifth of the time, for a payload of text, whole numbers and a few decimals; not for numbers
    so great or so small that they have an exponent."""
    return _encode_fast(value)


def json_answer(value: Any, status: int = 200) -> Answer:
    """An answer whose body is the JSON of `value`."""
    return Answer(status, encode(value))


def tmdb_error(status: int, code: int, message: str, retry_after: str | None = None) -> Answer:
    """An error in TMDB's envelope, which the server also uses for paths no source knows."""
    return Answer(
        status, encode({"success": False, "status_code": code, "status_message": message}), retry_after=retry_after
    )


NOT_FOUND = tmdb_error(404, 34, "The resource you requested could not be found.")
