"""How a table is kept: what a run replaces of it, and where its rows lie.

What belongs here: the ways there are. What does not: how files are written (store/), what a table promises
(contract.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from tmdb_assets.lakehouse.calendar import Period


@dataclass(frozen=True)
class ByDay:
    """The rows of a day, by the date column `partition`, lie in a folder of their own: a run replaces exactly its
    days."""

    partition: str


@dataclass(frozen=True)
class FewADay:
    """A run replaces exactly its days, by the date column `partition`; all days lie in a few files.

    So neither reading nor writing costs more for the days gone by, as long as a day has few rows.
    """

    partition: str


@dataclass(frozen=True)
class ByPeriod:
    """The rows of a week or a month, by the date column `partition` that holds its first day, lie in a folder of their
    own: a run replaces the periods that its days are in."""

    partition: str
    period: Period


@dataclass(frozen=True)
class Owned:
    """The rows of one owner (the columns `owner`) are replaced as a set, by an observation that is at least as new.

    `order` names the columns that say how new. A dimension is the case where owner and grain are the same.
    """

    owner: tuple[str, ...]
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Whole:
    """Every run replaces all of it, as the answer of a view is."""


Kept = ByDay | FewADay | ByPeriod | Owned | Whole
