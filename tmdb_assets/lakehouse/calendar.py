"""The honest calendar: which day it is, and what may still be observed for a given one.

What belongs here: the one clock of the project, the rule that a past day is never filled with today's numbers, and how
often a source is observed, weeks and months. What does not: what a source can serve (its raw.py), partitions as
Dagster knows them (orchestration).
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from tmdb_assets.lakehouse.errors import LakehouseError


class CalendarError(LakehouseError):
    """A day that cannot be observed. The message names the day and says what to do."""


class Cadence(enum.Enum):
    """How often a source is observed. A partition has a key, as it is typed, and stands for its last day."""

    DAY = "day"  #: keys such as 2026-11-20, the day itself
    MONTH = "month"  #: keys such as 2026-11, standing for 2026-11-30

    def day(self, key: str) -> dt.date:
        """The day that the partition of this key stands for."""
        if self is Cadence.DAY:
            return dt.date.fromisoformat(key)
        first = dt.date.fromisoformat(f"{key}-01")
        return (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)

    def key(self, day: dt.date) -> str:
        """The key of the partition that has this day."""
        return day.isoformat() if self is Cadence.DAY else f"{day:%Y-%m}"

    def before(self, day: dt.date) -> dt.date:
        """The day that the partition before this day's stands for."""
        return (day if self is Cadence.DAY else day.replace(day=1)) - dt.timedelta(days=1)


class Period(enum.StrEnum):
    """A span of days that figures are added up over."""

    WEEK = "week"  #: an ISO week, from Monday
    MONTH = "month"

    def start(self, day: dt.date) -> dt.date:
        """The first day of the period that has this day."""
        return day.replace(day=1) if self is Period.MONTH else day - dt.timedelta(days=day.weekday())


class Reach(enum.Enum):
    """What may be asked for a day."""

    LIVE = "live"  #: the day is today: everything may be asked
    HISTORY = "history"  #: the source keeps its history (the sandbox): everything may be asked, as of that day
    PAST = "past"  #: the day is gone: only what the source archives may be asked


@dataclass(frozen=True)
class Clock:
    """What time it is, in UTC. `frozen_on` stops the calendar at a day; the time of day goes on."""

    frozen_on: dt.date | None = None

    def now(self) -> dt.datetime:
        """The present instant, aware, in UTC."""
        now = dt.datetime.now(dt.UTC)
        return now if self.frozen_on is None else dt.datetime.combine(self.frozen_on, now.timetz())

    def today(self) -> dt.date:
        """The present UTC date."""
        return self.now().date()

    def reach(self, day: dt.date, *, has_history: bool, cadence: Cadence = Cadence.DAY) -> Reach:
        """What may be asked for `day`, the day or the last day of the month of a partition.

        Raises CalendarError for a day that has not begun, and for a month that is not over.
        """
        today = self.today()
        if day > today:
            key = cadence.key(day)
            if cadence is Cadence.MONTH and key == cadence.key(today):
                raise CalendarError(f"{key} is not over (today is {today} UTC): a month is observed once it is over.")
            raise CalendarError(
                f"{key} has not begun (today is {today} UTC): nothing can be observed for a future {cadence.value}."
            )
        if has_history:
            return Reach.HISTORY
        return Reach.LIVE if day == today else Reach.PAST
