"""Answers typed as their contract says, whichever engine gave them.

What belongs here: what becomes of the types and of the last digits of an answer, as a frame and in the words of an
engine that writes it as files. What does not: who answers (duckdb.py, spark.py), what becomes of values that break the
contract (contracts/audit.py).

Sums of fractions depend on the order of their terms, which is that of files and threads, in the 15th digit or so; no
source is as exact, and the same rows must give the same table. So fractions are kept to SIGNIFICANT_DIGITS. Two sums
that differ in their 16th digit may still lie on both sides of a half in the 12th: they are brought together at EXACT
digits first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import polars as pl
import polars.selectors as cs

from tmdb_assets.lakehouse.contracts import Contract

SIGNIFICANT_DIGITS = 12
EXACT_DIGITS = 14


def typed(frame: pl.DataFrame, contract: Contract, parts: Collection[dt.date] | None = None) -> pl.DataFrame:
    """An answer as its contract has it: whole numbers of any width are Int64, decimals Float64, fractions kept to
    SIGNIFICANT_DIGITS; rows of other parts than those wanted are left out.

    SQL widens sums; a text where a number is promised is left for the audit to refuse.
    """
    same_kind = {
        name: dtype
        for name, dtype in contract.schema.items()
        if (found := frame.schema.get(name)) is not None
        and ((_is_whole_number(found) and dtype.is_integer()) or (found.is_numeric() and dtype.is_float()))
    }
    rounded = cs.float().round_sig_figs(EXACT_DIGITS).round_sig_figs(SIGNIFICANT_DIGITS)
    rows = frame.cast(same_kind).with_columns(rounded)  # type: ignore[arg-type]  # names to types is what it takes
    if parts is None or contract.partition is None:
        return rows
    return rows.filter(pl.col(contract.partition).is_in(list(parts)))


def _is_whole_number(dtype: pl.DataType) -> bool:
    """A sum of whole numbers arrives as a decimal without a fraction."""
    return dtype.is_integer() or (isinstance(dtype, pl.Decimal) and dtype.scale == 0)
