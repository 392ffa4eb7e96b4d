"""Rules that a value must keep: an expression that is true where it holds, and the words for where it does not.

What belongs here: the kinds of rules there are, and the ends of what any source can mean by a day, an instant or a count.
What does not: which column has which rule (a source's contracts.py), what becomes of a value that breaks one (audit.py).

A range has two ends. What is far beyond anything the world has would be published otherwise: no sum holds it, and neither
Python nor DuckDB can show a day of the year -44.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

#: Days and instants that an observation can have, or that a source can write of itself.
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
#: More than anything here is counted to, and few enough that millions of them add up in 64 bits.
MOST = 10**12


@dataclass(frozen=True)
class Rule:
    """What every value of a column must be: an expression that is true where it holds, and the words for where it does not.

    A null keeps every rule; whether a column may have any is said by the column. `low` and `high` are the ends of a range.
    """

    holds: Callable[[pl.Expr], pl.Expr]
    error: str
    low: Any = None
    high: Any = None


def at_least(minimum: float) -> Rule:
    """The value is `minimum` or more: for what is computed here (a view's answer), never for what a source says."""
    return Rule(lambda value: value >= minimum, f"must be at least {minimum:g}", low=minimum)


def between(minimum: float, maximum: float) -> Rule:
    """The value lies in the closed interval."""
    error = f"must lie between {_shown(minimum)} and {_shown(maximum)}"
    return Rule(lambda value: value.is_between(minimum, maximum), error, minimum, maximum)


def counting(minimum: int = 0, maximum: int = MOST) -> Rule:
    """The value counts something."""
    return between(minimum, maximum)


def within_days(first: dt.date = FIRST_DAY, last: dt.date = LAST_DAY) -> Rule:
    """The day lies in the closed span."""
    return Rule(lambda value: value.is_between(first, last), f"must lie between {first} and {last}", first, last)


def within_instants(first: dt.date = FIRST_DAY, last: dt.date = LAST_DAY) -> Rule:
    """The instant (UTC) lies on one of the days of the closed span."""
    start = dt.datetime.combine(first, dt.time.min, dt.UTC)
    end = dt.datetime.combine(last, dt.time.max, dt.UTC)
    return Rule(lambda value: value.is_between(start, end), f"must lie between {first} and {last}", start, end)


def matches(pattern: str, meaning: str) -> Rule:
    """The whole text matches the regular expression; `meaning` says in words what that is."""
    return Rule(lambda value: value.str.contains(f"^(?:{pattern})$"), f"must be {meaning}")


def one_of(values: Iterable[str]) -> Rule:
    """The value is one of a closed list."""
    listed = sorted(values)
    return Rule(lambda value: value.is_in(listed), f"must be one of {', '.join(listed)}")


def not_blank() -> Rule:
    """The text has at least one character that is not white space."""
    return Rule(lambda value: value.str.contains(r"\S"), "must not be blank")


def _shown(number: float) -> str:
    """A number in full: 10000000000, not 1e+10."""
    return f"{number:d}" if isinstance(number, int) else f"{number:g}"
