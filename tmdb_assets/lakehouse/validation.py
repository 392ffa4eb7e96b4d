"""Which rows break which rules of a contract: Pandera, for the frames of which some do.

What belongs here: a contract as a Pandera schema, and Pandera's failure cases in the words of the quarantine. What does
not: the rules (contracts.py), what becomes of the rows. It is imported when it is needed: Pandera brings pandas along.
"""

from __future__ import annotations

from functools import cache

import pandera.errors
import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from tmdb_assets.lakehouse.contracts import MAX_VALUE_CHARACTERS, Contract, ContractError, Rule


def failures(contract: Contract, rows: pl.DataFrame) -> pl.DataFrame:
    """One row per row and broken rule: _row (as in `rows`), rule, reason with column and value.

    Raises ContractError for what is wrong with a column as a whole.
    """
    model = schema(contract)
    try:
        model.validate(rows.select(list(model.columns)), lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases: pl.DataFrame = error.failure_cases
    else:
        raise ContractError(contract.path, None, "a rule does not hold, and Pandera names no row that breaks it")
    whole = cases.filter(pl.col("index").is_null())
    if whole.height:
        first = whole.row(0, named=True)
        raise ContractError(contract.path, first["column"], f"{first['check']} ({first['failure_case']})")
    check = pl.col("check").replace({"not_nullable": "must not be null"})
    value = pl.col("failure_case").fill_null("null").str.slice(0, MAX_VALUE_CHARACTERS)
    return cases.select(
        _row=rows.get_column("_row").gather(cases.get_column("index").cast(pl.Int64)),
        rule=pl.concat_str("column", pl.lit(" "), check),
        reason=pl.concat_str("column", pl.lit(" = "), value, pl.lit(": "), check),
    )


@cache
def schema(contract: Contract) -> pa.DataFrameSchema:
    """The columns that promise more than their type, which the audit has compared before."""
    return pa.DataFrameSchema(
        {
            name: pa.Column(column.dtype, [_check(rule) for rule in column.rules], nullable=column.nullable)
            for name, column in contract.columns.items()
            if column.rules or not column.nullable
        },
        strict=True,
    )


def _check(rule: Rule) -> pa.Check:
    def holds(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(rule.holds(pl.col(data.key)))

    return pa.Check(holds, error=rule.error)
