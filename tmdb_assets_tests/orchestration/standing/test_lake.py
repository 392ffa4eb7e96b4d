"""How the lake stands: days from the ledger and the profiles, when the next is due, room, raw past its retention."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.flow.ledger import ledger_contract
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.standing.lake import (
    DAYS,
    Sizes,
    TableDay,
    Watched,
    read_sizes,
    read_source,
    read_targets,
)
from tmdb_assets_tests.conftest import TODAY
from tmdb_assets_tests.lakehouse.store.object_store import object_store
from tmdb_assets_tests.orchestration.standing.toy import PAGES, TOY, YESTERDAY, observe


def test_a_day_is_told_with_what_it_cost_and_what_became_of_its_rows(lake: DeltaStore) -> None:
    observe(lake, TODAY, quarantined=7)
    standing = read_source(lake, TOY)
    (day,) = standing.days
    assert (day.key, day.is_proven, day.endpoints, day.fell_short) == ("2026-03-10", True, 1, ())
    assert (day.calls, day.retries, day.throttled, day.seconds, day.bytes) == (12, 3, 2, 1.5, 4_000)
    assert day.tables == (TableDay(PAGES.path, 102, 93, 7, 2, 87.5),)
    assert standing.newest == TODAY
    assert standing.written_at == pytest.approx(time.time(), abs=60)


def test_a_day_that_fell_short_says_why_and_the_newest_is_the_one_before(lake: DeltaStore) -> None:
    observe(lake, YESTERDAY)
    observe(lake, TODAY, is_complete=False)
    standing = read_source(lake, TOY)
    assert [(d.key, d.is_proven) for d in standing.days] == [("2026-03-10", False), ("2026-03-09", True)]
    assert (standing.days[0].fell_short, standing.days[0].notes) == (("list",), ("half of it did not come",))
    assert standing.days[0].tables == ()
    assert standing.newest == YESTERDAY
    assert standing.due_at == dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)


def test_the_newest_observed_day_is_found_behind_more_days_that_fell_short(lake: DeltaStore) -> None:
    observe(lake, TODAY - dt.timedelta(days=DAYS))
    for before in range(DAYS):
        observe(lake, TODAY - dt.timedelta(days=before), is_complete=False)
    standing = read_source(lake, TOY)
    assert len(standing.days) == DAYS
    assert standing.newest == TODAY - dt.timedelta(days=DAYS)


def test_no_more_than_the_newest_days_are_told_of(lake: DeltaStore) -> None:
    for before in range(DAYS + 1):
        observe(lake, TODAY - dt.timedelta(days=before))
    assert [d.day for d in read_source(lake, TOY).days] == [TODAY - dt.timedelta(days=n) for n in range(DAYS)]


def test_of_a_source_never_observed_nothing_is_due(lake: DeltaStore) -> None:
    standing = read_source(lake, TOY)
    assert (standing.days, standing.newest, standing.due_at, standing.written_at) == ((), None, None, None)


@pytest.mark.parametrize(
    ("newest", "due"),
    [
        (dt.date(2026, 1, 31), dt.datetime(2026, 3, 16, tzinfo=dt.UTC)),
        (dt.date(2026, 11, 30), dt.datetime(2027, 1, 16, tzinfo=dt.UTC)),
    ],
)
def test_a_month_is_due_half_a_month_after_its_end(newest: dt.date, due: dt.datetime) -> None:
    assert Watched("toy", (ledger_contract("toy", Cadence.MONTH),)).due_at(newest) == due


@pytest.mark.parametrize(("oldest", "past"), [(TODAY, 1), (YESTERDAY, 0), (TODAY + dt.timedelta(days=1), 2)])
def test_sizes_are_of_the_newest_versions_and_of_all_files(lake: DeltaStore, oldest: dt.date, past: int) -> None:
    observe(lake, YESTERDAY)
    observe(lake, TODAY)
    once = read_sizes(lake, [TOY], oldest)
    assert once.raw_days_past_retention == past
    assert {stage for (_, stage), taken in once.stages.items() if taken} == {"raw", "star", "views"}
    assert once.lake_files == sum(f.stat().st_size for f in lake.folder.rglob("*") if f.is_file())
    assert once.disk_free is not None and once.disk_total is not None and 0 < once.disk_free < once.disk_total
    observe(lake, TODAY)  # replaces its rows: the old files stay until upkeep
    again = read_sizes(lake, [TOY], oldest)
    assert again.stages == once.stages
    assert again.lake_files is not None and again.lake_files > sum(again.stages.values())


def test_a_lake_that_is_not_there_yet_takes_no_room_but_has_a_disk(lake: DeltaStore) -> None:
    sizes = read_sizes(lake, [TOY], TODAY)
    assert isinstance(sizes, Sizes)
    assert (sum(sizes.stages.values()), sizes.lake_files) == (0, 0)
    assert sizes.disk_free


def test_a_lake_in_a_bucket_is_told_of_without_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    with object_store("lake") as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        lake = DeltaStore("s3://lake/films")
        observe(lake, TODAY, quarantined=7)
        standing, sizes = read_source(lake, TOY), read_sizes(lake, [TOY], TODAY + dt.timedelta(days=1))
    assert (standing.newest, standing.days[0].tables[0].quarantined) == (TODAY, 7)
    assert (sizes.lake_files, sizes.disk_free, sizes.disk_total) == (None, None, None)
    assert sizes.stages["toy", "raw"] > 0 and sizes.raw_days_past_retention == 1


def test_a_target_never_published_to_has_no_size() -> None:
    def missing() -> int:
        raise FileNotFoundError

    assert read_targets({"file": lambda: 5, "other": missing}) == {"file": 5}
