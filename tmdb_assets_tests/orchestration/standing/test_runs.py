"""How runs stand: those that failed, wait, went silent; what checks said last; what is switched on."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration import usage
from tmdb_assets.orchestration.standing.lake import DAYS
from tmdb_assets.orchestration.standing.runs import RunsStanding, Starter, partition_of
from tmdb_assets_tests.conftest import TODAY
from tmdb_assets_tests.orchestration.standing.toy import YESTERDAY, Toy, toy


@pytest.fixture
def watched(lake: DeltaStore, instance: dg.DagsterInstance) -> Toy:
    return toy(lake, instance)


def read(watched: Toy) -> RunsStanding:
    return watched.watch.reader.read(watched.instance)


def test_a_run_that_went_well_has_its_times_and_what_it_cost(watched: Toy) -> None:
    run_id = watched.run(TODAY)
    standing = read(watched)
    (run,) = standing.runs
    assert (run.job, run.partition, run.run_id, run.status) == ("toy_daily", "2026-03-10", run_id, "SUCCESS")
    assert not run.is_failed and run.why is None and run.heard_at is None
    now = time.time()
    took = run.duration(now)
    assert took is not None and 0 < took < 60 and 0 <= run.waited(now) < 60
    assert run.cpu_seconds is not None and run.cpu_seconds < 600
    assert run.peak_memory is not None and run.peak_memory > 10_000_000
    assert standing.successes == {("toy_daily", "2026-03-10"): pytest.approx(now, abs=60)}
    assert [made.table for made in standing.made] == ["toy/star/figures"]
    assert standing.made[0].source == "toy"


def test_a_failed_run_says_why_in_one_line_and_has_no_costs(watched: Toy) -> None:
    watched.run(TODAY, fails=True)
    (run,) = read(watched).runs
    assert run.is_failed
    assert run.why == "toy/star/figures failed: toy/star/figures: 2 of 3 pages came"
    assert (run.cpu_seconds, run.peak_memory) == (None, None)
    assert read(watched).successes == {}


def test_the_newest_run_of_a_partition_counts_and_all_are_counted(watched: Toy) -> None:
    watched.run(YESTERDAY)
    watched.run(TODAY, fails=True)
    watched.run(TODAY)
    standing = read(watched)
    assert [(run.partition, run.status) for run in standing.runs] == [
        ("2026-03-10", "SUCCESS"),
        ("2026-03-09", "SUCCESS"),
    ]
    assert standing.counts["toy_daily", "FAILURE"] == 1
    assert standing.counts["toy_daily", "SUCCESS"] == 2
    assert standing.counts["toy_daily", "QUEUED"] == 0


def test_a_check_stands_as_it_ended_last_for_each_partition(watched: Toy) -> None:
    watched.run(TODAY, fails=True)
    (blocked,) = read(watched).checks
    assert (blocked.source, blocked.table, blocked.check) == ("toy", "toy/star/figures", "whole")
    assert (blocked.partition, blocked.passed, blocked.is_blocking) == ("2026-03-10", False, True)
    assert blocked.sentence == "2 of 3 pages came"
    watched.run(YESTERDAY, warns=True)
    watched.run(TODAY)
    found = {(c.partition, c.check): (c.passed, c.is_blocking) for c in read(watched).checks}
    assert found["2026-03-10", "whole"] == (True, True)
    assert found["2026-03-10", "steady"] == (True, False)
    assert found["2026-03-09", "steady"] == (False, False)


def test_what_a_finished_run_said_is_read_once(watched: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.run(TODAY, fails=True)
    first = read(watched)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("events are read again")

    monkeypatch.setattr(type(watched.instance), "get_records_for_run", refuse)
    assert read(watched) == first


def test_no_more_than_the_partitions_run_last_are_told_of(watched: Toy) -> None:
    """By when they were run: of a backfill of old days one that fails is news."""
    days = [str(TODAY - dt.timedelta(days=before)) for before in range(DAYS + 2)]
    for day in days:
        tags = {"dagster/partition": day}
        create_run_for_test(watched.instance, "toy_daily", status=DagsterRunStatus.SUCCESS, tags=tags)
    standing = read(watched)
    assert [run.partition for run in standing.runs] == days[:1:-1]
    assert {partition for _, partition in standing.successes} == set(days[2:])
    assert standing.counts["toy_daily", "SUCCESS"] == DAYS + 2


def test_a_run_under_way_was_last_heard_and_one_that_waits_was_not(watched: Toy) -> None:
    ends = {"dagster/asset_partition_range_start": "2026-03-01", "dagster/asset_partition_range_end": "2026-03-05"}
    started = create_run_for_test(watched.instance, "toy_daily", status=DagsterRunStatus.STARTED, tags=ends)
    watched.instance.report_engine_event("still here", started)
    tags = {"dagster/partition": "2026-03-06"}
    create_run_for_test(watched.instance, "toy_daily", status=DagsterRunStatus.NOT_STARTED, tags=tags)
    waiting, running = read(watched).runs
    assert (running.partition, running.status) == ("2026-03-01...2026-03-05", "STARTED")
    assert running.heard_at == pytest.approx(time.time(), abs=60)
    assert (waiting.status, waiting.heard_at, waiting.duration(time.time())) == ("NOT_STARTED", None, None)
    assert waiting.waited(waiting.created_at + 90) == 90


def test_runs_of_jobs_that_are_gone_are_counted_as_others(watched: Toy) -> None:
    create_run_for_test(watched.instance, "renamed", status=DagsterRunStatus.FAILURE)
    assert read(watched).counts["other", "FAILURE"] == 1


def test_what_is_switched_on_and_who_was_heard(watched: Toy) -> None:
    assert not any(starter.is_on for starter in read(watched).starters)
    watched.switch_on("toy_daily_schedule")
    watched.instance.add_daemon_heartbeat(DaemonHeartbeat(1_000.0, "SCHEDULER", "1", []))
    standing = read(watched)
    assert standing.starters == (
        Starter("toy_daily_schedule", "schedule", "toy_daily", True),
        Starter("toy_sensor", "sensor", "toy_daily", False),
    )
    assert standing.heartbeats == {"SCHEDULER": 1_000.0}


@pytest.mark.parametrize(
    ("tags", "partition"),
    [
        ({}, ""),
        ({"dagster/partition": "2026-10"}, "2026-10"),
        ({"dagster/asset_partition_range_start": "a"}, ""),
    ],
)
def test_a_run_is_of_the_partition_that_its_tags_name(tags: dict[str, str], partition: str) -> None:
    assert partition_of(tags) == partition


def test_each_run_of_a_process_is_given_its_own_share(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = iter([10.0, 12.0, 19.5])
    monkeypatch.setattr(time, "process_time", lambda: next(spent))
    meter = usage._Meter()
    assert [meter.spent("a"), meter.spent("a"), meter.spent("b")] == [10.0, 12.0, 7.5]
