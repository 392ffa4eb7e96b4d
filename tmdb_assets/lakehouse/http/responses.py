"""What a response says: its body as it was before it was packed, the words of a refusal, when to come back.

What belongs here: reading one response of requests, or the fault in its place. What does not: what is done about it
(client.py), how bodies are packed (bodies.py).
"""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from tmdb_assets.lakehouse.http.bodies import Unpackable, text_of, unpacked
from tmdb_assets.lakehouse.payloads.json_text import NotJson, read

READ_AT_ONCE = 64 * 2**10


def cause_of(error: BaseException) -> str:
    """The name of the exception below those of requests and urllib3, whose texts carry the URL."""
    while type(error).__module__.startswith(("requests", "urllib3")) and (
        inner := error.__cause__ or error.__context__
    ):
        error = inner
    name = type(error).__name__
    return "unknown host" if name == "gaierror" else name


def body_of(response: requests.Response, at_most: int) -> tuple[bytes, str]:
    """A response's body, unpacked, and "". As it came, with the reason, when it does not unpack."""
    parts: list[bytes] = []
    size = 0
    # urllib3 2 enforces Content-Length and the last chunk; test_client.py holds it to that.
    for part in response.raw.stream(READ_AT_ONCE, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > at_most:
            response.close()
            return b"", f"a body of more than {at_most:,} bytes"
    body = b"".join(parts)
    try:
        return unpacked(body, at_most, response.headers.get("Content-Encoding", "")), ""
    except Unpackable as error:
        return body, str(error)


def words_of_the_source(body: bytes) -> tuple[Any, str]:
    """The error code and message of a JSON error body ({status_code, status_message}), as " (7: Invalid key)"."""
    text = text_of(body)
    try:
        said = read(text)
    except NotJson:
        return None, ""
    if not isinstance(said, dict) or "status_message" not in said:
        return None, f" ({text[:200]})"
    return said.get("status_code"), f" ({said.get('status_code')}: {str(said['status_message'])[:200].rstrip('. ')})"


def retry_after_seconds(value: str) -> float:
    """Seconds from a Retry-After header: whole, fractional or an HTTP date; 0 when missing, past or malformed."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return 0.0
        aware = when if when.tzinfo else when.replace(tzinfo=dt.UTC)
        seconds = (aware - dt.datetime.now(dt.UTC)).total_seconds()
    return seconds if seconds > 0 else 0.0  # also for nan
