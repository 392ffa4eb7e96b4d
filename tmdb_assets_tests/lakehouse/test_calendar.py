"""The honest calendar: what may be asked for a day that is past, present or to come."""

from __future__ import annotations

import datetime as dt

import pytest

from tmdb_assets.lakehouse.calendar import CalendarError, Clock, Reach


@pytest.mark.parametrize("has_history", [False, True])
def test_a_future_day_is_refused_and_both_days_are_named(clock: Clock, today: dt.date, has_history: bool) -> None:
    tomorrow = today + dt.timedelta(days=1)
    with pytest.raises(CalendarError, match=rf"^{tomorrow} has not begun \(today is {today} UTC\)"):
        clock.reach(tomorrow, has_history=has_history)


@pytest.mark.parametrize(
    ("days_ago", "has_history", "reach"),
    [(0, False, Reach.LIVE), (1, False, Reach.PAST), (900, False, Reach.PAST)]
    + [(n, True, Reach.HISTORY) for n in (0, 1, 900)],
)
def test_only_a_source_with_history_can_be_asked_for_the_past(
    clock: Clock, today: dt.date, days_ago: int, has_history: bool, reach: Reach
) -> None:
    assert clock.reach(today - dt.timedelta(days=days_ago), has_history=has_history) is reach


def test_a_frozen_clock_keeps_its_day_and_is_aware(clock: Clock, today: dt.date) -> None:
    assert clock.today() == today
    assert clock.now().date() == today
    assert clock.now().utcoffset() == dt.timedelta(0)


def test_the_running_clock_tells_utc() -> None:
    before = dt.datetime.now(dt.UTC)
    now = Clock().now()
    assert before <= now <= dt.datetime.now(dt.UTC)
    assert now.utcoffset() == dt.timedelta(0)
