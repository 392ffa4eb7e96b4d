"""The honest calendar: what may be asked for a day that is past, present or to come."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.calendar import Cadence, CalendarError, Clock, Reach


@pytest.mark.parametrize("has_history", [False, True])
def test_a_future_day_is_refused_and_both_days_are_named(clock: Clock, today: dt.date, has_history: bool) -> None:
    tomorrow = today + dt.timedelta(days=1)
    with pytest.raises(CalendarError, match=rf"^{tomorrow} has not begun \(today is {today} UTC\)"):
        clock.reach(tomorrow, has_history=has_history)


@pytest.mark.parametrize(
    ("month", "said"),
    [("2026-03", "2026-03 is not over"), ("2026-04", "2026-04 has not begun"), ("2027-03", "2027-03 has not begun")],
)
def test_a_month_that_is_not_over_is_named_as_a_month(month: str, said: str) -> None:
    clock, last = Clock(dt.date(2026, 3, 30)), Cadence.MONTH.day(month)
    with pytest.raises(CalendarError, match=rf"^{said} \(today is 2026-03-30 UTC\): .* month") as told:
        clock.reach(last, has_history=True, cadence=Cadence.MONTH)
    assert str(last) not in str(told.value)
    assert Clock(last).reach(last, has_history=False, cadence=Cadence.MONTH) is Reach.LIVE


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


@pytest.mark.parametrize(
    ("cadence", "key", "day", "before"),
    [
        (Cadence.DAY, "2026-03-01", dt.date(2026, 3, 1), dt.date(2026, 2, 28)),
        (Cadence.MONTH, "2024-02", dt.date(2024, 2, 29), dt.date(2024, 1, 31)),
        (Cadence.MONTH, "2026-12", dt.date(2026, 12, 31), dt.date(2026, 11, 30)),
        (Cadence.MONTH, "2026-01", dt.date(2026, 1, 31), dt.date(2025, 12, 31)),
    ],
)
def test_a_partition_stands_for_its_last_day(cadence: Cadence, key: str, day: dt.date, before: dt.date) -> None:
    assert cadence.day(key) == day
    assert cadence.key(day) == key
    assert cadence.before(day) == before
    assert cadence.day(cadence.key(before)) == before


@given(st.dates(min_value=dt.date(1900, 1, 1), max_value=dt.date(2200, 1, 1)), st.sampled_from(Cadence))
def test_every_day_lies_in_a_partition_that_ends_on_or_after_it(day: dt.date, cadence: Cadence) -> None:
    last = cadence.day(cadence.key(day))
    assert last >= day
    assert cadence.before(day) < day
    assert cadence.before(last + dt.timedelta(days=1)) == last
