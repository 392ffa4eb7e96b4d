"""Checks of a table's own, and what a corrected partition is said to have changed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import Published
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets_tests.lakehouse.flow.test_publishing import (
    DAYS,
    DIM_THING,
    TABLES,
    THINGS,
    Toy,
    dim_thing,
    notice,
    things,
)
from tmdb_assets_tests.stating import by_name

CORRECTED = replace(THINGS, is_corrected=True)
MONTHS = [dt.date(2026, 1, 31), dt.date(2026, 2, 28), dt.date(2026, 3, 31)]


@pytest.fixture
def source(lake: DeltaStore) -> Toy:
    return Toy(lake)


def outcome(done: Published, check: str) -> Outcome:
    return next(o for o in done.outcomes if o.check == check)


# -- warnings ----------------------------------------------------------------------------------------------------------


def big_ones(rows: pl.LazyFrame, notices: pl.LazyFrame) -> Outcome:
    """No thing is bigger than 5."""
    big = rows.filter(pl.col("size") > 5).collect().height
    told = notices.select(pl.len()).collect().item()
    return Outcome("another name", not big, f"{big} of {told} are big", {"big": big})


def test_a_warning_of_its_own_sees_the_rows_and_never_stops_a_publication(source: Toy) -> None:
    source.says(DAYS[0], notice(1, "a", 9), notice(2, "b", 1))
    source.says(DAYS[1], notice(3, "c", 9))
    table = DerivedTable(THINGS, by_name(things, TABLES), warnings={"not_big": by_name(big_ones, TABLES)})
    assert table.checks["not_big"] == "No thing is bigger than 5."
    done = source.publish(table, DAYS[0])
    said = outcome(done, "not_big")
    assert (said.passed, said.warns, said.sentence) == (False, True, "1 of 2 are big"), "of the run's day alone"
    assert len(source.kept(THINGS)) == 2
    assert list(table.checks) == [o.check for o in done.outcomes]


def test_a_table_waits_for_what_its_warnings_read() -> None:
    table = DerivedTable(DIM_THING, by_name(dim_thing, TABLES), warnings={"not_big": by_name(big_ones, TABLES)})
    assert [c.name for c in table.upstream] == ["things", "notices"]
    assert list(table.reads) == [THINGS], "what it is made of stays what it was"


# -- corrections -------------------------------------------------------------------------------------------------------


def publish(source: Toy, *days: dt.date) -> Published:
    return source.publish(DerivedTable(CORRECTED, by_name(things, TABLES)), *days)


def test_a_day_filled_again_says_what_was_added_changed_and_removed(source: Toy) -> None:
    source.says(DAYS[0], notice(1), notice(2), notice(3, "c", None))
    first = publish(source, DAYS[0])
    assert first.difference is not None
    assert (first.difference.figures, first.difference.is_correction) == (
        {"rows_added": 3, "rows_changed": 0, "rows_removed": 0},
        False,
    )
    source.says(DAYS[0], notice(2, "b"), notice(3, "c", None), notice(4), notice(5))
    again = publish(source, DAYS[0])
    assert again.difference is not None
    assert again.difference.figures == {"rows_added": 2, "rows_changed": 1, "rows_removed": 1}
    assert source.lines[-1] == (
        "toy/clean/things 2026-03-01: corrected what was kept before: 2 rows added, 1 changed, 1 removed (version 2)"
    )
    assert source.store.history(CORRECTED, 1)[0]["rows_changed"] == "1"


def test_the_same_rows_again_cost_nothing_and_are_no_correction(source: Toy) -> None:
    source.says(DAYS[0], notice(1), notice(2, "b", None))
    publish(source, DAYS[0])
    done = publish(source, DAYS[0])
    assert source.store.version(CORRECTED) == 1
    assert [c.changed for c in done.commits] == [False]
    assert not any("corrected" in line for line in source.lines)


def test_a_day_without_rows_still_makes_its_table(source: Toy) -> None:
    source.says(DAYS[0])
    publish(source, DAYS[0])
    assert source.store.version(CORRECTED) is not None


def test_differences_of_several_batches_add_up(source: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmdb_assets.lakehouse.flow.derived.BYTES_PER_BATCH", 1)
    for day in DAYS[:3]:
        source.says(day, notice(1), notice(2))
    publish(source, *DAYS[:2])
    source.says(DAYS[0], notice(1, "other"))
    done = publish(source, *DAYS[:3])
    assert done.difference is not None
    assert done.difference.figures == {"rows_added": 2, "rows_changed": 1, "rows_removed": 1}
    assert done.difference.is_correction


# -- months ------------------------------------------------------------------------------------------------------------


def test_a_monthly_table_is_compared_with_the_month_before(source: Toy) -> None:
    monthly = replace(THINGS, cadence=Cadence.MONTH)
    table = DerivedTable(monthly, by_name(things, TABLES))
    for month, rows in zip(MONTHS, (4, 4, 1), strict=True):
        source.says(month, *[notice(n + 1) for n in range(rows)])
    done = source.publish(table, *MONTHS)
    said = outcome(done, "row_count_drift")
    assert (said.passed, said.sentence) == (False, "2026-03-31: 1 rows after 4 the month before")
    assert said.figures == {"rows": 1, "rows_the_month_before": 4}
