"""Columns as Pandera has them.

What belongs here: a rule as Pandera's check, a table as Pandera's schema. What does not: the rules (rules.py), what
becomes of a value that breaks one (audit.py). It is imported when it is needed: Pandera brings pandas along where
there is one.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

from tmdb_assets.lakehouse.contracts.columns import Column
from tmdb_assets.lakehouse.contracts.rules import Rule

with warnings.catch_warnings():  # Pandera imports Spark's client where there is one, which complains of a new pandas
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    import pandera.polars as pa
    from pandera.errors import SchemaErrors
    from pandera.polars import DataFrameSchema

__all__ = ["DataFrameSchema", "SchemaErrors", "table_schema"]


def table_schema(
    columns: Mapping[str, Column], name: str, description: str, unique: Sequence[str] = ()
) -> DataFrameSchema:
    """A table of these columns and no others, no two of whose rows share `unique`."""
    return DataFrameSchema(
        {
            column: pa.Column(
                promise.dtype,
                [_check(rule) for rule in promise.rules],
                nullable=promise.nullable,
                description=promise.description,
            )
            for column, promise in columns.items()
        },
        strict=True,
        unique=list(unique) or None,
        name=name,
        description=description,
    )


def _check(rule: Rule) -> pa.Check:
    check: pa.Check = getattr(pa.Check, rule.name)(**rule.statistics, error=rule.error)
    return check
