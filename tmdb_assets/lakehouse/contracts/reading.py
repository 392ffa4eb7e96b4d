"""Texts read as values: what cannot be read is noted, so that it is set aside with its text instead of taken as
unknown.

What belongs here: how a text becomes a day or an instant, and the note of one that does not (`_set_aside`, which the
audit turns into entries of the quarantine). What does not: JSON (payloads/), the range a value must lie in (rules.py).
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.contracts.audit import TRACE
from tmdb_assets.lakehouse.rejections import rejected


def day(text: pl.Expr, then: str = "") -> pl.Expr:
    """The day a text states, written as 2024-01-31 and no other way; null when it does not.

    `then`: a character after which more may follow, such as a time of day.
    """
    end = f"({then}|$)" if then else "$"
    written = pl.when(text.str.contains(f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{end}")).then(text.str.head(10))
    return written.str.to_date("%Y-%m-%d", strict=False)


def instant(text: pl.Expr) -> pl.Expr:
    """The instant a text states: ISO 8601 to the second, in UTC when it names no zone; null when it does not.

    A blank in place of the T and a comma for the point are read as what they plainly are: one instant is one value.
    """
    written = text.str.strip_chars().str.replace(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[ t]([0-9]{2}:)", "${1}T${2}")
    pointed = written.str.replace(r"^(.{10}T[0-9:]{8}),([0-9])", "${1}.${2}")
    shaped = pl.when(pointed.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:")).then(pointed)
    naive = shaped.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False).dt.replace_time_zone("UTC")
    zoned = shaped.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(naive, zoned)


def unread(column: str, text: pl.Expr, value: pl.Expr, wanted: str) -> pl.Expr:
    """The note of a text that is there and has no value; `wanted` says what it must be. Null where all is well."""
    note = rejected(pl.lit(column), text, pl.lit(wanted))
    return pl.when(text.is_not_null() & value.is_null()).then(note)


def noted(frame: pl.DataFrame, *notes: pl.Expr) -> pl.DataFrame:
    """The frame with notes added to its `_set_aside`; as it is when there are none."""
    found = frame.select(pl.concat_list(notes).list.drop_nulls()).to_series()
    if not found.list.len().sum():
        return frame
    nothing = pl.lit([], dtype=TRACE["_set_aside"])
    before = pl.col("_set_aside").fill_null(nothing) if "_set_aside" in frame.columns else nothing
    return frame.with_columns(_set_aside=pl.concat_list(before, pl.lit(found).fill_null(nothing)))
