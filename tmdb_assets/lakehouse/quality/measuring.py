"""One table measured: per day and column, how much is known and how much lies far off.

What belongs here: what is counted in the rows of a day, and the profile made of the counts. What does not: which tables
are profiled, what became of their rows (profiles.py).

An outlier lies more than 3 robust standard deviations from the median of its column and day: |x - median| > 3 * 1.4826
* MAD, where MAD is the median distance from the median (1.4826 of it is one standard deviation in a normal
distribution). Where at least half of the values are equal, MAD is 0 and gives no measure of far: the count is then
null, as it is for a column without numbers.
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract

SIGMAS = 3
MAD_TO_SIGMA = 1.4826


def measured_columns(contract: Contract) -> list[str]:
    """Columns whose outliers are counted: numbers that are no keys."""
    keys = {*contract.grain, *contract.references}
    return [c for c, t in contract.schema.items() if t.is_numeric() and c not in keys and not c.endswith("_id")]


def count_columns(contract: Contract, rows: pl.LazyFrame) -> pl.LazyFrame:
    """date_id, rows, `known <column>` and `outliers <column>`, for each day that has rows.

    Only nullable and measured columns are read; the others are known by contract.
    """
    return rows.group_by(date_id=contract.partition or "date_id").agg(
        pl.len().cast(pl.Int64).alias("rows"),
        *[pl.col(c).count().cast(pl.Int64).alias(f"known {c}") for c in nullable_columns(contract)],
        *[_outliers(c).alias(f"outliers {c}") for c in measured_columns(contract)],
    )


def profile_columns(contract: Contract, counted: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """The rows of `fact_column_quality` of one table for some days, from what count_columns() says of it.

    A day without rows has a profile too, of none.
    """
    nullable, measured = nullable_columns(contract), measured_columns(contract)
    every_day = days.unique().sort().to_frame("date_id").join(counted, on="date_id", how="left", maintain_order="left")
    every_day = every_day.with_columns(pl.col("rows").fill_null(0))
    profiles = [
        every_day.select(
            "date_id",
            table_name=pl.lit(contract.path),
            column_name=pl.lit(name),
            is_nullable=pl.lit(name in nullable),
            rows="rows",
            known_rows=pl.col(f"known {name}" if name in nullable else "rows").fill_null(0),
            outliers=pl.col(f"outliers {name}") if name in measured else pl.lit(None, dtype=pl.Int64),
        )
        for name in contract.schema
    ]
    return pl.concat(profiles)


def nullable_columns(contract: Contract) -> list[str]:
    """Columns that may be unknown."""
    return [name for name, column in contract.columns.items() if column.nullable]


def _outliers(column: str) -> pl.Expr:
    """Number of outliers of a column, null where its MAD is 0 or it has no value."""
    values = pl.col(column).cast(pl.Float64).fill_nan(None)
    distance = (values - values.median()).abs()
    deviation = distance.median()
    far = (distance > SIGMAS * MAD_TO_SIGMA * deviation).sum().cast(pl.Int64)
    return pl.when(deviation > 0).then(far)
