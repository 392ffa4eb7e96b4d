"""A file's text as typed rows: what a cell may say, and which rows say something else.

What belongs here: lines, values, types. An empty cell is unknown. What does not: whether a drop as a whole can be used
(drops.py), the rules a typed value must keep (contracts.py).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from tmdb_assets.lakehouse import reading
from tmdb_assets.lakehouse.contracts import Contract

# Digits are written [0-9]: \d takes those of every script, which no cast can read.
WHOLE_NUMBER = r"^-?[0-9]{1,15}(\.0+)?$"  # pandas writes 3.0 for 3 as soon as one cell of the column is empty
NUMBER = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
FLAGS = {"True": True, "False": False}


class LineError(ValueError):
    """A line that cannot be taken apart; `number` is its own, from 1."""

    def __init__(self, number: int, problem: str) -> None:
        self.number, self.problem = number, problem
        super().__init__(f"line {number}: {problem}")


def lines(text: str) -> list[str]:
    """The lines of a file, header first, without their ends (LF or CRLF); a last line without an end is a line too."""
    found = text.split("\n")
    return [line.removesuffix("\r") for line in (found if found[-1] else found[:-1])]


def values(text: str) -> Iterator[list[str]]:
    """The values of each line, header first. A quoted value is taken apart as CSV has it, and ends on its line.

    Raises LineError at a line whose quotes do not fit.
    """
    if '"' not in text:
        yield from (line.split(",") for line in lines(text))
        return
    for number, line in enumerate(lines(text), 1):
        try:
            yield next(csv.reader([line], strict=True), [""])
        except csv.Error:
            raise LineError(number, "a quotation mark is not closed on its line, or stands inside a value") from None


def typed(text: str, contract: Contract, **same: Any) -> pl.DataFrame:
    """A sound file as rows of its table: the contract's columns, `_payload` (the line) and `_line` (its number).

    `same` are columns that every row shares. A column that the file lacks is null. A row with a cell that cannot be
    what its column promises has null there, and says so in `_set_aside`.
    """
    header, *rows = values(text)
    names = [n for n in header if n in contract.schema]
    places = [header.index(n) for n in names]
    cells = pl.DataFrame(
        {n: [row[place] for row in rows] for n, place in zip(names, places, strict=True)},
        schema=dict.fromkeys(names, pl.String),
    ).with_columns(pl.when(pl.col(n) != "").then(pl.col(n)).alias(n) for n in names)
    read = {n: _read(pl.col(n), contract.schema[n]) for n in names}
    given = {n: pl.lit(same.get(n), dtype=t).alias(n) for n, t in contract.schema.items() if n not in names}
    return cells.select(
        *[read[n][0].alias(n) if n in read else given[n] for n in contract.schema],
        _set_aside=pl.concat_list(reading.unread(n, pl.col(n), *read[n]) for n in names).list.drop_nulls(),
        _payload=pl.Series(lines(text)[1:], dtype=pl.String),
        _line=pl.int_range(2, pl.len() + 2, dtype=pl.Int64),
    )


def _read(cell: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, str]:
    """The typed value, null where the text is not one; and what it must be, in words."""
    if dtype == pl.Boolean:
        return cell.replace_strict(FLAGS, default=None, return_dtype=pl.Boolean), "must be True, False or empty"
    if dtype == pl.Int64:
        whole = pl.when(cell.str.contains(WHOLE_NUMBER)).then(cell)
        return whole.str.replace(r"\.0+$", "").cast(pl.Int64), "must be a whole number"
    if dtype == pl.Float64:
        number = pl.when(cell.str.contains(NUMBER)).then(cell).cast(pl.Float64)
        return pl.when(number.is_finite()).then(number), "must be a number"
    if dtype == pl.Date:
        return reading.day(cell), "must be a day such as 2024-01-31"
    return cell, "must be a text"


def ids(text: str) -> Sequence[str]:
    """The user_id of each line after the header of a sound file."""
    header, *rows = values(text)
    place = header.index("user_id")
    return [row[place] for row in rows]
