"""Rows and types as PostgreSQL reads them.

What belongs here: the type of a column, and a frame as the CSV that COPY takes. What does not: any statement
(postgres_tables.py).
"""

from __future__ import annotations

import io

import polars as pl

#: What stands for null in the CSV; a text that is the same is in quotes, and is a text.
NULL = "\\N"


def type_of(dtype: pl.DataType | type[pl.DataType]) -> str:
    """The type of a column as `format_type` names it. Raises TypeError for one that no table has."""
    if dtype == pl.List(pl.String) or dtype == pl.List(pl.Int64):
        return "text[]" if dtype == pl.List(pl.String) else "bigint[]"
    for known, name in (
        (pl.Int64, "bigint"),
        (pl.Float64, "double precision"),
        (pl.String, "text"),
        (pl.Boolean, "boolean"),
        (pl.Date, "date"),
    ):
        if dtype == known:
            return name
    if isinstance(dtype, pl.Struct):
        return "jsonb"
    if isinstance(dtype, pl.Datetime):
        return "timestamp with time zone" if dtype.time_zone else "timestamp without time zone"
    raise TypeError(f"no column of a table in PostgreSQL is a {dtype}")


def as_csv(frame: pl.DataFrame) -> bytes:
    """A frame as `COPY ... (FORMAT csv, NULL '\\N')` takes it.

    PostgreSQL has no character 0: it is the replacement character there, and stays what it is in the lake.
    """
    told = frame.select(_as_text(name, dtype) for name, dtype in frame.schema.items())
    buffer = io.BytesIO()
    told.write_csv(buffer, include_header=False, null_value=NULL, quote_style="non_numeric")
    return buffer.getvalue()


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.String:
        return _writable(column)
    if dtype == pl.Date:
        return _as_day(column)
    if isinstance(dtype, pl.Struct):
        return pl.when(column.is_not_null()).then(column.struct.json_encode()).alias(name)
    if isinstance(dtype, pl.List):
        item = pl.element()
        if dtype.inner == pl.String:
            escaped = (
                _writable(item).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
            )
            items = column.list.eval(pl.concat_str(pl.lit('"'), escaped, pl.lit('"')).fill_null("NULL"))
        else:
            items = column.list.eval(item.cast(pl.String).fill_null("NULL"))
        listed = pl.concat_str(pl.lit("{"), items.list.join(","), pl.lit("}"))
        return pl.when(column.is_not_null()).then(listed).alias(name)
    return column


def _writable(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all("\0", "\ufffd", literal=True)


def _as_day(day: pl.Expr) -> pl.Expr:
    """A day in words that PostgreSQL reads: it counts no year 0, and the years before it backwards."""
    year = day.dt.year()
    after = pl.concat_str(year.cast(pl.String).str.zfill(4), day.dt.to_string("-%m-%d"))
    before = pl.concat_str((1 - year).cast(pl.String).str.zfill(4), day.dt.to_string("-%m-%d BC"))
    return pl.when(year > 0).then(after).otherwise(before).alias(day.meta.output_name())
