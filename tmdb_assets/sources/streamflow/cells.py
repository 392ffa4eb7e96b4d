"""A file's text as typed rows: what a cell may say, and which rows say something else.

What belongs here: lines, values, types. A value is what a cell plainly says, however its writer spells it: blanks
around it do not count, `TRUE`, `true` and `1` are True, `3.0` is 3, and an empty cell, `NaN` or `NULL` is unknown. What
does not: whether a file or a drop can be used at all (files.py, drops.py), the rules a typed value must keep
(contracts.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract, reading

#: Blanks that may stand around a value; others (a line feed, a blank of no width) are no blanks but a fault.
BLANKS = " \t\u00a0\u202f"
#: How databases, pandas and spreadsheets write that a value is unknown.
UNKNOWN = r"(?i)^(|nan|nat|null|none|n/a|#n/a|na|<na>|\\n)$"
# Digits are written [0-9]: \d takes those of every script, which no cast can read.
WHOLE_NUMBER = r"^[-+]?[0-9]{1,15}(\.0*)?$"  # pandas writes 3.0 for 3 as soon as one cell of the column is empty
NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
DECORATED = r"[0-9][,' \u00a0\u202f][0-9]|[$€£¥%]"
TRUE, FALSE = r"(?i)^(true|1(\.0+)?)$", r"(?i)^(false|0(\.0+)?)$"
MIDNIGHT = r"[ T]00:00(:00(\.0+)?)?(Z|\+00:00)?$"  # how a day is written by what knows instants only
USER_ID = re.compile(r"[0-9]{4}-[A-Za-z]{5}")
_UNKNOWN = re.compile(UNKNOWN)
_QUOTED = re.compile(r'"((?:[^"]++|"")*+)"(?=,|$)')
_PLAIN = re.compile(r"[^,]*")


class LineError(ValueError):
    """A line that cannot be taken apart; `number` is its own and `place` that of its value, from 1."""

    def __init__(self, number: int, place: int, problem: str) -> None:
        self.number, self.place, self.problem = number, place, problem
        super().__init__(f"line {number}, value {place}: {problem}")


def lines(text: str) -> list[str]:
    """The lines of a file, header first, without their ends (LF or CRLF); a last line without an end is a line too."""
    found = text.split("\n")
    return [line.removesuffix("\r") for line in (found if found[-1] else found[:-1])]


def values(text: str, *, strict: bool = False) -> Iterator[list[str]]:
    """The values of each line, header first. A quoted value is taken apart as CSV has it, and ends on its line.

    Raises LineError at a line whose quotes do not fit; if `strict`, also where one stands inside a value without
    quotes.
    """
    if '"' not in text:
        yield from (line.split(",") for line in lines(text))
        return
    for number, line in enumerate(lines(text), 1):
        yield _taken_apart(number, line, strict=strict) if '"' in line else line.split(",")


def _taken_apart(number: int, line: str, *, strict: bool) -> list[str]:
    found: list[str] = []
    at = 0
    while at <= len(line):
        is_quoted = line.startswith('"', at)
        value = (_QUOTED if is_quoted else _PLAIN).match(line, at)
        if value is None:
            problem = "a quotation mark is not closed on its line, or stands inside a value"
            raise LineError(number, len(found) + 1, problem)
        if strict and not is_quoted and '"' in value[0]:
            raise LineError(number, len(found) + 1, "a quotation mark too many: it stands inside a value")
        found.append(value[1].replace('""', '"') if is_quoted else value[0])
        at = value.end() + 1
    return found


def user_id(cell: str) -> str:
    """The user that a cell names, empty where it names none: capitals or small letters are one spelling or the
    other."""
    text = cell.strip(BLANKS)
    if _UNKNOWN.match(text):
        return ""
    return text.upper() if USER_ID.fullmatch(text) else text


def header_of(line: Sequence[str]) -> list[str]:
    """The names that a header's values say."""
    return [name.strip(BLANKS) for name in line]


def typed(text: str, contract: Contract, **same: Any) -> pl.DataFrame:
    """A sound file as rows of its table: the contract's columns, `_payload` (the line) and `_line` (its number).

    `same` are columns that every row shares. A column that the file lacks is null. A row with a cell that cannot be
    what its column promises has null there, and says so in `_set_aside`.
    """
    first, *rows = values(text)
    header = header_of(first)
    names = [n for n in header if n in contract.schema]
    places = [header.index(n) for n in names]
    written = {n: [row[place] for row in rows] for n, place in zip(names, places, strict=True)}
    if "user_id" in written:
        written["user_id"] = [user_id(cell) for cell in written["user_id"]]
    cells = _cells(written, names)
    read = {n: _read(pl.col(n), contract.schema[n]) for n in names}
    given = {n: pl.lit(same.get(n), dtype=t).alias(n) for n, t in contract.schema.items() if n not in names}
    return cells.select(
        *[read[n][0].alias(n) if n in read else given[n] for n in contract.schema],
        _set_aside=pl.concat_list(note for n in names for note in _notes(n, *read[n])).list.drop_nulls(),
        _payload=pl.Series(lines(text)[1:], dtype=pl.String),
        _line=pl.int_range(2, pl.len() + 2, dtype=pl.Int64),
    )


def _cells(written: dict[str, list[str]], names: Sequence[str]) -> pl.DataFrame:
    """The cells as texts without the blanks around them, null where they say unknown."""
    trimmed = pl.DataFrame(written, schema=dict.fromkeys(names, pl.String)).with_columns(
        pl.all().str.strip_chars(BLANKS)
    )
    return trimmed.select(pl.when(~pl.col(n).str.contains(UNKNOWN)).then(n).alias(n) for n in names)


def _read(cell: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, str]:
    """The typed value, null where the text is not one; and what it must be, in words."""
    if dtype == pl.Boolean:
        flag = pl.when(cell.str.contains(TRUE)).then(True).when(cell.str.contains(FALSE)).then(False)
        return flag, "must be True, False or empty"
    if dtype == pl.Int64:
        whole = pl.when(cell.str.contains(WHOLE_NUMBER)).then(cell)
        return whole.str.strip_prefix("+").str.replace(r"\.0*$", "").cast(pl.Int64), "must be a whole number"
    if dtype == pl.Float64:
        number = pl.when(cell.str.contains(NUMBER)).then(cell).str.strip_prefix("+").cast(pl.Float64)
        return pl.when(number.is_finite()).then(number), "must be a number"
    if dtype == pl.Date:
        return reading.day(cell.str.replace(MIDNIGHT, "")), "must be a day such as 2024-01-31"
    return cell, "must be a text"


def _notes(name: str, value: pl.Expr, wanted: str) -> Iterator[pl.Expr]:
    """The notes of a column's cells that could not be read."""
    cell = pl.col(name)
    if not wanted.endswith("number"):
        yield reading.unread(name, cell, value, wanted)
        return
    is_decorated = cell.str.contains(DECORATED)
    bare = f"{wanted}, without separators of thousands, with a point for the fraction, and no sign of a currency"
    yield reading.unread(name, pl.when(~is_decorated).then(cell), value, wanted)
    yield reading.unread(name, pl.when(is_decorated).then(cell), value, bare)


def ids(text: str) -> Sequence[str]:
    """The user of each line after the header of a sound file."""
    header, *rows = values(text)
    place = header_of(header).index("user_id")
    return [user_id(row[place]) for row in rows]
