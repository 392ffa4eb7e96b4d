"""Values as people can be shown them, whatever they are: no day of the year 0 stops a sentence or a preview.

What belongs here: columns as text. What does not: how text becomes a value (reading.py), which values may be there at
all (rules.py), how figures are written for readers (warehouse/figures.py).

Python has days and instants of the years 1 to 9999 only, and raises for any other; Polars, which has more, panics where
it must write one beyond the year 262142.
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.rejections import VALUE_CHARACTERS

_FURTHEST = {pl.Date: 95_000_000, pl.Datetime: 8_200_000_000_000_000_000}


def showable(dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """Values of which Polars can write every day and instant, nested ones too: those that no calendar reaches end
    there."""
    if isinstance(dtype, pl.List):
        return value.list.eval(showable(dtype.inner, pl.element()))  # type: ignore[arg-type]  # typed as class or instance
    if isinstance(dtype, pl.Struct):
        fields = [showable(f.dtype, value.struct.field(f.name)).alias(f.name) for f in dtype.fields]  # type: ignore[arg-type]  # as above
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    furthest = _FURTHEST.get(dtype.base_type())
    return value.to_physical().clip(-furthest, furthest).cast(dtype) if furthest else value


def as_text(dtype: pl.DataType, name: str) -> pl.Expr:
    """The values of a column as text, cut when long."""
    return showable(dtype, pl.col(name)).cast(pl.String).str.slice(0, VALUE_CHARACTERS)


def shown(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame whose rows Python can take: days and instants are text, and what is nested is JSON where it may hold
    some."""
    return frame.select(_shown(name, dtype) for name, dtype in frame.schema.items())


def _shown(name: str, dtype: pl.DataType) -> pl.Expr:
    value = showable(dtype, pl.col(name)).alias(name)
    if dtype.is_temporal():
        return value.cast(pl.String)
    if dtype.is_nested() and _has_days(dtype):
        return pl.struct(value).struct.json_encode().str.strip_prefix(f'{{"{name}":').str.strip_suffix("}").alias(name)
    return value


def _has_days(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return _has_days(dtype.inner)  # type: ignore[arg-type]  # as above
    if isinstance(dtype, pl.Struct):
        return any(_has_days(field.dtype) for field in dtype.fields)  # type: ignore[arg-type]  # as above
    return dtype.is_temporal()
