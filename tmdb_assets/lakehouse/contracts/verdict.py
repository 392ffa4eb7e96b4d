"""Rules as expressions of Polars: what Pandera's checks find, in one pass and without Pandera.

What belongs here: the expression of each of Pandera's checks that looks at one value, with its statistics as
parameters, and of "not null" as Pandera means it. What does not: the rules (rules.py), the checks themselves
(schema.py). A property test holds both verdicts against each other for every rule of every contract.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import polars as pl

from tmdb_assets.lakehouse.contracts.columns import Column, ContractError
from tmdb_assets.lakehouse.contracts.rules import Rule

if TYPE_CHECKING:
    from polars._typing import ClosedInterval


_CLOSED: dict[tuple[bool, bool], ClosedInterval] = {
    (True, True): "both",
    (True, False): "left",
    (False, True): "right",
    (False, False): "none",
}


def _in_range(
    of: pl.Expr, /, min_value: Any, max_value: Any, include_min: bool = True, include_max: bool = True
) -> pl.Expr:
    return of.is_between(min_value, max_value, closed=_CLOSED[include_min, include_max])


def _str_matches(of: pl.Expr, /, pattern: str) -> pl.Expr:
    return of.str.contains(pattern if pattern.startswith("^") else f"^{pattern}")


def _isin(of: pl.Expr, /, allowed_values: Collection[Any]) -> pl.Expr:
    return of.is_in(list(allowed_values))


def _notin(of: pl.Expr, /, forbidden_values: Collection[Any]) -> pl.Expr:
    return ~of.is_in(list(forbidden_values))


#: Name of a check of Pandera's -> its expression of a column, with its statistics as parameters.
EXPRESSIONS: dict[str, Callable[..., pl.Expr]] = {
    "equal_to": lambda of, /, value: of == value,
    "not_equal_to": lambda of, /, value: of != value,
    "greater_than": lambda of, /, min_value: of > min_value,
    "greater_than_or_equal_to": lambda of, /, min_value: of >= min_value,
    "less_than": lambda of, /, max_value: of < max_value,
    "less_than_or_equal_to": lambda of, /, max_value: of <= max_value,
    "in_range": _in_range,
    "isin": _isin,
    "notin": _notin,
    "str_matches": _str_matches,
    "str_contains": lambda of, /, pattern: of.str.contains(pattern),
    "str_startswith": lambda of, /, string: of.str.starts_with(string),
    "str_endswith": lambda of, /, string: of.str.ends_with(string),
}


def holds(rule: Rule, value: pl.Expr) -> pl.Expr:
    """Whether values keep a rule, row by row; null where there is no value."""
    return EXPRESSIONS[rule.name](value, **rule.statistics)


def is_present(column: Column, value: pl.Expr) -> pl.Expr:
    """Whether there is a value, row by row: NaN is none."""
    present = value.is_not_null()
    return present & value.is_not_nan() if column.dtype.is_float() else present


def are_present(column: Column, values: pl.Expr) -> pl.Expr:
    """Whether there is a value in every row; nulls are counted already."""
    present = values.null_count() == 0
    return present & ~values.is_nan().any() if column.dtype.is_float() else present


def refuse_unknown(table: str, name: str, column: Column) -> None:
    """Raises ContractError for a rule of a column of which there is no expression here."""
    for rule in column.rules:
        wanted = inspect.signature(EXPRESSIONS.get(rule.name, lambda of, /: of))
        try:
            wanted.bind(pl.col(name), **rule.statistics)
            known = rule.name in EXPRESSIONS
        except TypeError:
            known = False
        if not known:
            told = ", ".join(f"{statistic}={value!r}" for statistic, value in rule.statistics.items())
            raise ContractError(
                table,
                name,
                f"the check {rule.name}({told}) cannot be held in one pass: use one of {', '.join(EXPRESSIONS)}",
            )
