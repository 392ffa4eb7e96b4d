"""Rejections: a value that is not what it must be, as columns, and the one sentence that is made of them.

What belongs here: the struct of a rejection, how readers and the audit make one, and its words in the quarantine. What
does not: which values are rejected (payloads/, contracts/, a source's reading), what becomes of the rows
(contracts/audit.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

#: Of a value that is shown; what is longer is cut.
VALUE_CHARACTERS = 200

#: Where the value stood (a column, or a path in the payload), the value as text, whether it was a text where numbers
#: have no quotation marks, and what it must be.
REJECTION = pl.Struct({"column": pl.String, "value": pl.String, "is_text": pl.Boolean, "rule": pl.String})

FIELDS = [field.name for field in REJECTION.fields]

_POSITION = (r"\[\d+\]", "[]")


def rejection(column: str, value: str, rule: str, *, is_text: bool = False) -> dict[str, Any]:
    """One rejection, as a row of REJECTION."""
    return {"column": column, "value": value[:VALUE_CHARACTERS], "is_text": is_text, "rule": rule}


def rejected(column: pl.Expr, value: pl.Expr, rule: pl.Expr) -> pl.Expr:
    """A rejection per row, as REJECTION has it."""
    shown = value.str.slice(0, VALUE_CHARACTERS)
    return pl.struct(column=column, value=shown, is_text=pl.lit(value=False), rule=rule)


def place() -> pl.Expr:
    """The column of a rejection without positions in lists: rows count under one column, and under one rule."""
    return pl.col("column").str.replace_all(*_POSITION)


def broken_rule() -> pl.Expr:
    """What the quarantine counts a rejection under: its column and what that must be."""
    return pl.concat_str(place(), pl.lit(" "), "rule")


def reason() -> pl.Expr:
    """The sentence of a rejection: column, value and what it must be. A text stands in quotation marks: "7" is not
    7."""
    quoted = pl.struct("value").struct.json_encode().str.strip_prefix('{"value":').str.strip_suffix("}")
    shown = pl.when(pl.col("is_text")).then(quoted).otherwise("value")
    return pl.concat_str("column", pl.lit(" = "), shown, pl.lit(": "), "rule")
