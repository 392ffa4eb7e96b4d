"""Texts of a row as values: trimmed, read as moments and durations, split.

What belongs here: one step per kind of text; what cannot be read is noted. What does not: which column is read how
(clean.py).
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract, reading, set_aside
from tmdb_assets.sources.moovitamix import contracts


def stamped(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Both moments as instants; one that is none, or that nobody can show, is set aside with its text."""
    wanted = "must be an ISO date and time"
    noted = reading.noted(
        rows,
        *[reading.unread(name, known_text(name), instant(name), wanted) for name in ("created_at", "updated_at")],
    )
    stamped = noted.with_columns(created_at=instant("created_at"), updated_at=instant("updated_at"))
    shown = set_aside(contract, stamped, "updated_at")
    return shown.with_columns(is_created_after_updated=(pl.col("created_at") > pl.col("updated_at")).fill_null(False))


def is_readable() -> pl.Expr:
    """Whether a row of the listening history says when: else it is set aside, and its listens with it."""
    return pl.col("_rejected").is_null() & contracts.LISTEN_HISTORIES.holds("created_at")


def timed(rows: pl.DataFrame) -> pl.DataFrame:
    """MM:SS in seconds; an hour and a half may be written 90:00. Anything else is set aside with its text."""
    parts = known_text("duration").str.extract_groups(r"^([0-9]{1,4}):([0-5][0-9])$")
    seconds = parts.struct.field("1").cast(pl.Int64) * 60 + parts.struct.field("2").cast(pl.Int64)
    note = reading.unread("duration", known_text("duration"), seconds, "must be minutes and seconds as MM:SS")
    return reading.noted(rows, note).with_columns(duration_seconds=seconds)


def instant(column: str) -> pl.Expr:
    """The instant a text states, in UTC when it names no zone."""
    return reading.instant(known_text(column))


def known_text(column: str) -> pl.Expr:
    """Trimmed text; blank is unknown."""
    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)


def known_texts(*columns: str) -> list[pl.Expr]:
    """Several columns of trimmed text."""
    return [known_text(column).alias(column) for column in columns]


def split(column: str) -> pl.Expr:
    """The parts of a text between commas, each once; unknown stays null."""
    part = pl.element().str.strip_chars()
    return known_text(column).str.split(",").list.eval(part.filter(part != "")).list.unique(maintain_order=True)
