"""What a value holds on to: rows that a long run keeps in memory for nothing.

What belongs here: finding frames in what a run returns. What does not: assertions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

import polars as pl


def frames_in(value: object) -> Iterator[pl.DataFrame | pl.LazyFrame]:
    """Every frame within a value, through dataclasses, mappings and sequences."""
    if isinstance(value, pl.DataFrame | pl.LazyFrame):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from frames_in(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from frames_in(each)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for each in value:
            yield from frames_in(each)
