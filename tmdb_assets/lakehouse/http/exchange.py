"""What is asked over HTTP and what comes back: requests, answers, what they cost, and the errors in place of an answer.

What belongs here: values alone. What does not: how anything is sent (client.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tmdb_assets.lakehouse.errors import LakehouseError


@dataclass(frozen=True)
class Request:
    """One GET: a path below the base URL, its query, and a tag of the caller's that comes back with the answer."""

    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    key: Any = None


@dataclass(frozen=True)
class Answer:
    """What came back: `text` and `json` from `get`, `content` (unpacked, whatever its headers said) from `get_bytes`.

    `fetched_at` is the instant (UTC) the body was received, also when it is read from the cache later.
    """

    request: Request
    status: int
    headers: Mapping[str, str]
    fetched_at: dt.datetime
    text: str = ""
    content: bytes = b""
    json: Any = None
    from_cache: bool = False


@dataclass
class EndpointStats:
    """What one endpoint cost. `calls` counts every request sent, so it includes `retries`; `throttled` are the 429s
    among them; `bytes` are bodies as unpacked; `seconds` is time spent on the wire, summed over threads."""

    calls: int = 0
    retries: int = 0
    throttled: int = 0
    cache_hits: int = 0
    bytes: int = 0
    seconds: float = 0.0


class HttpError(LakehouseError):
    """A request that brought no usable answer. `str()` is one sentence; no field ever holds a secret.

    `request` is what was asked, as the caller wrote it (so without the client's credentials); None where the fault is
    not one request's.
    """

    def __init__(
        self,
        message: str,
        endpoint: str = "",
        status: int | None = None,
        url: str = "",
        request: Request | None = None,
    ) -> None:
        super().__init__(message, endpoint, status, url)
        self.message, self.endpoint, self.status, self.url, self.request = message, endpoint, status, url, request

    def __str__(self) -> str:
        return self.message


class Unauthorized(HttpError):
    """The credentials were refused: nothing is retried, the sentence says which setting to check."""


class SourceUnavailable(HttpError):
    """Every attempt failed; the sentence says how many were made and what came last."""


class RefusedRequest(HttpError):
    """The source understood the request and will not serve it (a 4xx that was not `accepted`): never retried."""


class CacheUnusable(HttpError):
    """The backend named by the setting HTTP_CACHE cannot be read or written."""
