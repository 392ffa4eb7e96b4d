"""The columns of a contract.

What belongs here: what a column promises, and the error of a frame or a contract that is not as promised. What does
not: the kinds of rules (rules.py), the table around the columns (contract.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tmdb_assets.lakehouse.contracts.rules import Rule
from tmdb_assets.lakehouse.errors import LakehouseError


class ContractError(LakehouseError):
    """A frame does not have the shape its table promises: a fault of the code, not of a row.

    Fields: `table`, `column` (None when it is about the whole frame) and `problem`.
    """

    def __init__(self, table: str, column: str | None, problem: str) -> None:
        self.table, self.column, self.problem = table, column, problem
        where = f"{table}, column {column}" if column else table
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True)
class Column:
    """A column of a contract: Polars type, meaning (with its unit), rules; not null unless `nullable`."""

    dtype: Any
    description: str
    rules: tuple[Rule, ...] = ()
    nullable: bool = False


def col(dtype: Any, description: str, *rules: Rule, nullable: bool = False) -> Column:
    """A column, as contracts write it."""
    return Column(dtype, description, rules, nullable)
