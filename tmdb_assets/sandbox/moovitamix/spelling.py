"""What is done to a true row: the same in other words, a field that cannot be read; and rows that are none.

What belongs here: pure functions of one row. What does not: when they strike (habits.py), pages (wild.py). No function
makes a value false: ids and instants stay what they are, however they are written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from tmdb_assets.sandbox.answers import encode

Row = dict[str, Any]
ID_FIELDS = ("id", "user_id", "items")
INSTANT_FIELDS = ("created_at", "updated_at")
YEAR_0 = "0001-01-01T00:00:00+02:00"  #: in UTC it lies before the year 1
STRANGE_IDS = 1_000_000  #: above every true id

ID_SPELLINGS: tuple[Callable[[int], Any], ...] = (
    str,
    float,
    lambda number: f" {number} ",
    lambda number: f"{number}.0",
)


def _with_offset(text: str) -> str:
    moment = dt.datetime.fromisoformat(text) + dt.timedelta(hours=2)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}+02:00"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".")


INSTANT_SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda text: f"{text}Z",
    lambda text: f"{text}+00:00",
    _with_offset,
    _without_zeros,
    lambda text: f"{_without_zeros(text)}Z",
)

#: Fields that no table is made of, and that JSON does not have.
BROKEN_FIELDS = (
    b'"mood":NaN',
    b'"mood":Infinity',
    b'"mood":-Infinity',
    b'"mood":"half \\ud83d"',
    b'"mood":{"valence":[0.5,NaN]}',
)


def with_ids(row: Row, spell: Callable[[int], Any]) -> Row:
    """The row with its ids in another spelling."""

    def spelled(value: Any) -> Any:
        return [spell(number) for number in value] if isinstance(value, list) else spell(value)

    return {field: spelled(value) if field in ID_FIELDS else value for field, value in row.items()}


def with_instants(row: Row, spell: Callable[[str], str]) -> Row:
    """The row with its instants in another spelling."""
    return {field: spell(value) if field in INSTANT_FIELDS else value for field, value in row.items()}


def with_broken_field(row: Row, field: bytes) -> bytes:
    """The row's text with a field more that cannot be read."""
    return b"%s,%s}" % (encode(row)[:-1], field)


def no_rows(like: Row, number: int) -> Sequence[Any]:
    """What stands among the rows of a list and is none, made after a row of that list."""
    name = "user_id" if "user_id" in like else "id"
    strange = STRANGE_IDS + number
    return (
        like | {name: None},
        like | {name: strange, "created_at": YEAR_0},
        {field: value for field, value in like.items() if field != name},
        None,
        like | {name: strange, "created_at": None},
    )
