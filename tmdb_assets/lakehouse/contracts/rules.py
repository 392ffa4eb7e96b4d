"""Rules that a value must keep: Pandera's checks, each as a value of its own.

What belongs here: `Rule`, how contracts write one, and the ends of what any source can mean by a day, an instant or a
count. What does not: which column has which rule (a source's contracts.py), what a rule becomes: Pandera's check
(schema.py), an expression of Polars (verdict.py); what becomes of a value that breaks one (audit.py).

A rule is stated once, in Pandera's words: `in_range` with `min_value` and `max_value`. It is no `pandera.Check` yet,
because importing Pandera costs seconds with pandas installed, and no command should wait for them.

A range has two ends. What is far beyond anything the world has would be published otherwise: no sum holds it, and
neither Python nor DuckDB can show a day of the year -44.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Days and instants that an observation can have, or that a source can write of itself.
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
#: More than anything here is counted to, and few enough that millions of them add up in 64 bits.
MOST = 10**12


@dataclass(frozen=True)
class Rule:
    """What every value of a column must be: a check of Pandera's by its name and statistics, and the words for a value
    that breaks it.

    A null keeps every rule; whether a column may have any is said by the column. Two rules that say the same are equal.
    """

    name: str
    statistics: Mapping[str, Any] = field(hash=False)
    error: str


def ge(minimum: float) -> Rule:
    """The value is `minimum` or more: for what is computed here (a view's answer), never for what a source says."""
    return Rule("greater_than_or_equal_to", {"min_value": minimum}, f"must be at least {minimum:g}")


def in_range(minimum: float, maximum: float) -> Rule:
    """The value lies in the closed interval."""
    return _in_range(minimum, maximum, f"must lie between {_shown(minimum)} and {_shown(maximum)}")


def counting(minimum: int = 0, maximum: int = MOST) -> Rule:
    """The value counts something."""
    return in_range(minimum, maximum)


def within_days(first: dt.date = FIRST_DAY, last: dt.date = LAST_DAY) -> Rule:
    """The day lies in the closed span."""
    return _in_range(first, last, f"must lie between {first} and {last}")


def within_instants(first: dt.date = FIRST_DAY, last: dt.date = LAST_DAY) -> Rule:
    """The instant (UTC) lies on one of the days of the closed span."""
    start = dt.datetime.combine(first, dt.time.min, dt.UTC)
    end = dt.datetime.combine(last, dt.time.max, dt.UTC)
    return _in_range(start, end, f"must lie between {first} and {last}")


def str_matches(pattern: str, meaning: str) -> Rule:
    """The whole text matches the regular expression; `meaning` says in words what that is."""
    return Rule("str_matches", {"pattern": f"^(?:{pattern})$"}, f"must be {meaning}")


def isin(values: Iterable[str]) -> Rule:
    """The value is one of a closed list."""
    listed = sorted(values)
    return Rule("isin", {"allowed_values": listed}, f"must be one of {', '.join(listed)}")


def not_blank() -> Rule:
    """The text has at least one character that is not white space."""
    return Rule("str_contains", {"pattern": r"\S"}, "must not be blank")


def _in_range(minimum: Any, maximum: Any, error: str) -> Rule:
    return Rule("in_range", {"min_value": minimum, "max_value": maximum}, error)


def _shown(number: float) -> str:
    """A number in full: 10000000000, not 1e+10."""
    return f"{number:d}" if isinstance(number, int) else f"{number:g}"
