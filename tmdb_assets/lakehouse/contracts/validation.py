"""Which values break which rules of a contract: Pandera, for the rows of which some do.

What belongs here: Pandera's failure cases in the words of the quarantine. What does not: a contract as Pandera's schema
(schema.py), what becomes of the rows (audit.py). It is imported when it is needed, as Pandera is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache

import polars as pl

from tmdb_assets.lakehouse.contracts.columns import ContractError
from tmdb_assets.lakehouse.contracts.contract import Contract
from tmdb_assets.lakehouse.contracts.schema import DataFrameSchema, SchemaErrors, table_schema
from tmdb_assets.lakehouse.contracts.showing import as_text
from tmdb_assets.lakehouse.rejections import rejected


def failures(contract: Contract, rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """One row per value of some columns that breaks rules: _row (as in `rows`), and `_rejected`.

    Raises ContractError for what is wrong with a column as a whole.
    """
    schema = _schema(contract, tuple(columns))
    try:
        schema.validate(rows.select(_as_python_has_it(rows, name) for name in schema.columns), lazy=True)
    except SchemaErrors as error:
        cases: pl.DataFrame = error.failure_cases
    else:
        raise ContractError(contract.path, None, "a rule does not hold, and Pandera names no row that breaks it")
    whole = cases.filter(pl.col("index").is_null())
    if whole.height:
        first = whole.row(0, named=True)
        raise ContractError(contract.path, first["column"], f"{first['check']} ({first['failure_case']})")
    index = cases.get_column("index").cast(pl.Int64)
    told = cases.select(
        "column",
        pl.col("check").replace({"not_nullable": "must not be null"}),
        _row=rows.get_column("_row").gather(index),
        value=pl.coalesce(
            pl.when(pl.col("column") == name).then(
                rows.select(as_text(rows.schema[name], name)).to_series().gather(index)
            )
            for name in cases.get_column("column").unique().sort()
        ).fill_null("null"),
    )
    of_value = told.group_by("_row", "column", "value", maintain_order=True).agg(pl.col("check").str.join(", and "))
    return of_value.select("_row", _rejected=rejected(pl.col("column"), pl.col("value"), pl.col("check")))


def _as_python_has_it(rows: pl.DataFrame, name: str) -> pl.Expr:
    """A column for Pandera, which tells of Python's values: days and instants beyond Python's are its first and
    last."""
    ends = {pl.Date: (dt.date.min, dt.date.max), pl.Datetime: (dt.datetime.min, dt.datetime.max)}
    first, last = ends.get(rows.schema[name].base_type(), (None, None))
    if first is None:
        return pl.col(name)
    whole = pl.Series([first, last]).to_physical()
    return pl.col(name).to_physical().clip(whole[0], whole[1]).cast(rows.schema[name])


@cache
def _schema(contract: Contract, columns: tuple[str, ...]) -> DataFrameSchema:
    """Those of some columns that promise more than their type, which the audit has compared before."""
    promises = {
        name: column
        for name, column in contract.columns.items()
        if name in columns and (column.rules or not column.nullable)
    }
    return table_schema(promises, contract.path, contract.description)
