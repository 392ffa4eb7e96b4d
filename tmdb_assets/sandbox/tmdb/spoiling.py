"""What is done to a true answer: impossible values, rows that cannot be read, bytes that are not what they seem.

What belongs here: pure functions of one payload or body. What does not: when they strike (habits.py), and any answer as
a whole (wild.py). No function makes a value false that is known: only what is unknown becomes impossible.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any

from tmdb_assets.sandbox.answers import encode

Payload = dict[str, Any]
BOM = b"\xef\xbb\xbf"
_MOST = 2**63 - 1

#: Field of a film -> what may stand there where it is unknown (null, "" or 0), though no film can have it.
IMPOSSIBLE: dict[str, tuple[Any, ...]] = {
    "imdb_id": ("tt12x4", "tt", "nm0000123x", 1234567, "tt-000001"),
    "release_date": ("0000-01-01", "+10000-01-01", "202-01-01", "-0001-05-05", "2021-02-30", 20210230),
    "runtime": (-5, "90 min", _MOST, 1.5, 2**64),
    "budget": (_MOST, -1, "12M", 2**63, 1e30),
    "revenue": (-1, _MOST, -(2**63), "$1,000", 2**64),
    "homepage": (5, {"url": None}, ["http://"]),
    "tagline": (0.5, ["none"]),
    "overview": ({"en": ""}, 1),
    "poster_path": (False, 7),
    "backdrop_path": (False, {}),
    "belongs_to_collection": ("none", {"id": -7, "name": "", "poster_path": None, "backdrop_path": None}),
}


def unknown_fields(payload: Payload) -> Iterator[str]:
    """The fields of a payload, of those that can be impossible, that say "unknown"."""
    return (field for field in IMPOSSIBLE if field in payload and _is_unknown(payload[field]))


def _is_unknown(value: Any) -> bool:
    return value is None or value == "" or (value == 0 and value is not False)


def without_surrogate(field: str) -> Callable[[Payload], bytes]:
    """A row whose field ends in half a character, as an escape."""
    return lambda row: _written_last(row, field, encode(str(row.get(field) or ""))[:-1] + b'\\ud83d"')


def without_number(text: bytes) -> Callable[[Payload], bytes]:
    """A row in which a number stands that JSON does not have, in a field that no table of lists is made of."""
    return lambda row: _written_last(row, "backdrop_path", text)


def _written_last(row: Payload, field: str, text: bytes) -> bytes:
    rest = encode({key: value for key, value in row.items() if key != field})
    return b'%s,"%s":%s}' % (rest[:-1], field.encode(), text)


#: Ways in which a row of a list cannot be read, each leaving what it says about the film as it was.
BROKEN_ROWS = (
    without_surrogate("overview"),
    without_number(b"NaN"),
    without_surrogate("backdrop_path"),
    without_number(b"Infinity"),
    without_number(b"-Infinity"),
)


def packed(body: bytes) -> bytes:
    """gzip, the same bytes whenever it is asked for."""
    return gzip.compress(body, compresslevel=1, mtime=0)


def cut(body: bytes) -> bytes:
    """Half of a packed body: it cannot be unpacked."""
    whole = packed(body)
    return whole[: len(whole) // 2]


def damaged(body: bytes) -> bytes:
    """A packed body whose checksum is wrong: it unpacks, and then says that it did not."""
    whole = packed(body)
    return whole[:-8] + bytes(byte ^ 0x5A for byte in whole[-8:-4]) + whole[-4:]


def half_of_the_lines(export: bytes) -> bytes:
    """The first half of a packed file, packed whole."""
    lines = gzip.decompress(export).splitlines(keepends=True)
    return packed(b"".join(lines[: len(lines) // 2]))
