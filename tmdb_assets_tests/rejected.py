"""Rejections as tests write and read them: the columns of one, and its sentence in plain Python.

What belongs here: what tests of more than one room say of a rejection. What does not: a test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.rejections import REJECTION


def rejection(column: str, value: str, rule: str, is_text: bool = False) -> dict[str, Any]:
    """A rejection, as a row of REJECTION."""
    return {"column": column, "value": value, "is_text": is_text, "rule": rule}


def set_aside(*rows: Sequence[Mapping[str, Any]] | None) -> pl.Series:
    """The column `_set_aside` of some rows."""
    return pl.Series("_set_aside", rows, dtype=pl.List(REJECTION))


def sentence(of: Mapping[str, Any] | None) -> str:
    """What the quarantine says of a rejection; empty where there is none."""
    if of is None:
        return ""
    shown = json.dumps(of["value"], ensure_ascii=False) if of["is_text"] else of["value"]
    return f"{of['column']} = {shown}: {of['rule']}"
