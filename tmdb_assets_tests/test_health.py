"""`make health`: what it says, what it counts as in need of a hand, and the exit code."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from tmdb_assets import health
from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.standing.lake import Sizes, SourceDay, SourceStanding, TableDay
from tmdb_assets.orchestration.standing.runs import CheckStanding, Made, RunsStanding, RunStanding, Starter
from tmdb_assets.orchestration.standing.whole import LAKE, Standing, dagster_home
from tmdb_assets_tests.conftest import TODAY
from tmdb_assets_tests.orchestration.standing.toy import Toy, observe, toy

NOW = dt.datetime(2026, 3, 10, 15, tzinfo=dt.UTC)
AT = NOW.timestamp()
DAY = SourceDay(
    TODAY, "2026-03-10", True, 1, (), (), 1_200, 3, 2, 1.5, 4_000, (TableDay("toy/raw/pages", 102, 93, 7, 2, 87.5),)
)
SOURCE = SourceStanding("toy", Cadence.DAY, (DAY,), TODAY, NOW + dt.timedelta(hours=21), AT - 3_601)
RUN = RunStanding(
    "toy_daily", "2026-03-10", "1", "SUCCESS", AT - 300, AT - 240, AT - 180, None, 41.4, 512_000_000, None
)
SIZES = Sizes({("toy", "raw"): 1_500_000}, 2_500_000, 50, 100, 0)
RUNS = RunsStanding({}, (RUN,), {("lake_upkeep", ""): AT - 3_600}, (), (), {}, ())
WELL = Standing(NOW, (SOURCE,), SIZES, RUNS, {"warehouse": 15_200_000}, {})


def with_run(**fields: Any) -> Standing:
    return replace(WELL, runs=replace(RUNS, runs=(replace(RUN, **fields),)))


def with_runs(**fields: Any) -> Standing:
    return replace(WELL, runs=replace(RUNS, **fields))


def with_source(**fields: Any) -> Standing:
    return replace(WELL, sources=(replace(SOURCE, **fields),))


def test_all_is_well() -> None:
    assert health.needs(WELL) == []
    assert list(health.lines(WELL)) == [
        "toy        2026-03-10 observed: 1,200 calls, 3 of them repeated, 4.0 kB; 1 table, 7 rows set aside, mean "
        "score 87.5; the next by 2026-03-11 12:00 UTC",
        "Runs       toy_daily 2026-03-10 went well in 60 s, CPU 41 s, at most 512.0 MB of memory, 3 minutes ago",
        "Schedules  ; no daemon has run yet",
        "Upkeep     lake_upkeep last went well 1 hour ago; nothing is due",
        "Room       lake 2.5 MB, the newest versions 1.5 MB; warehouse 15.2 MB; 50 bytes of 100 bytes free",
    ]


LATE = NOW - dt.timedelta(hours=3)
FAILED = {"status": "FAILURE", "why": "toy/raw/pages failed: the disk is away"}
QUEUED = {"status": "QUEUED", "started_at": None, "ended_at": None}
UNDER_WAY = {"status": "STARTED", "ended_at": None}
SCHEDULE = (Starter("toy_daily_schedule", "schedule", "toy_daily", True),)
CHECK = CheckStanding("toy", "2026-03-10", "toy/raw/pages", "contract", False, True, "2 rows break it")
SHORT = replace(DAY, is_proven=False, fell_short=("list", "export"), notes=("half did not come",), tables=())


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (
            with_source(due_at=LATE, newest=TODAY - dt.timedelta(days=1)),
            "toy is late: 2026-03-09 is the newest day observed to the end, and the next was due by 2026-03-10 12:00 "
            "UTC.",
        ),
        (
            with_source(days=(SHORT,)),
            "toy 2026-03-10 fell short at list, export: run it again. half did not come.",
        ),
        (with_run(**FAILED), "toy_daily 2026-03-10 failed 3 minutes ago: toy/raw/pages failed: the disk is away"),
        (
            with_run(**UNDER_WAY, heard_at=AT - 3_601),
            "toy_daily 2026-03-10 is under way and last said something 1 hour ago: was its process killed?",
        ),
        (
            with_run(**QUEUED, created_at=AT - 3_601),
            "toy_daily 2026-03-10 was asked for 1 hour ago and has not started: is a daemon running?",
        ),
        (with_runs(checks=(CHECK,)), "toy/raw/pages 2026-03-10, check contract: 2 rows break it"),
        (
            with_runs(starters=SCHEDULE),
            "toy_daily_schedule is on, and no daemon has ever run: start `make dev`.",
        ),
        (
            with_runs(starters=SCHEDULE, heartbeats={"SCHEDULER": AT - 301}),
            "toy_daily_schedule is on, and the daemon was last heard 5 minutes ago: start `make dev`.",
        ),
        (
            with_runs(made=(Made("toy", "toy/star/a", AT - 48 * 3600 - 1), Made("toy", "toy/star/b", AT - 50 * 3600))),
            "toy/star/b and 1 more table of toy fell behind: last made 2 days ago.",
        ),
        (
            replace(WELL, sizes=replace(SIZES, disk_free=499, disk_total=10_000)),
            "The disk of the lake is nearly full: 499 bytes are free.",
        ),
        (
            replace(WELL, sizes=replace(SIZES, raw_days_past_retention=3)),
            "Raw data of 3 days is older than RAW_RETENTION_DAYS: run the job lake_upkeep.",
        ),
    ],
)
def test_what_needs_a_hand_is_a_sentence(standing: Standing, said: str) -> None:
    assert health.needs(standing) == [said]
    assert health.exit_code(standing, [said]) == 1


@pytest.mark.parametrize(
    "standing",
    [
        with_source(due_at=NOW),
        with_run(**UNDER_WAY, heard_at=AT - 3_600),
        replace(with_run(**UNDER_WAY, heard_at=AT - 9_999), sources=(replace(SOURCE, written_at=AT - 3_600),)),
        with_run(**QUEUED, created_at=AT - 3_600),
        with_run(status="CANCELED"),
        with_runs(checks=(replace(CHECK, is_blocking=False),)),
        with_runs(checks=(replace(CHECK, passed=True),)),
        with_runs(starters=SCHEDULE, heartbeats={"SCHEDULER": AT - 300, "SENSOR": AT - 9_999}),
        with_runs(starters=(replace(SCHEDULE[0], is_on=False),)),
        with_runs(made=(Made("toy", "toy/star/a", AT - 48 * 3600), Made("other", "other/star/b", 0.0))),
        replace(WELL, sizes=replace(SIZES, disk_free=500, disk_total=10_000)),
        replace(WELL, sizes=replace(SIZES, raw_days_past_retention=2)),
        replace(WELL, sizes=None),
        with_source(days=(), newest=None, due_at=None),
    ],
)
def test_what_stands_at_its_limit_needs_none(standing: Standing) -> None:
    assert health.needs(standing) == []


def test_tables_of_a_day_that_is_late_are_not_told_of_one_by_one() -> None:
    late = with_source(due_at=LATE)
    old = replace(late, runs=replace(RUNS, made=(Made("toy", "toy/star/a", 0.0),)))
    assert [sentence.partition(":")[0] for sentence in health.needs(old)] == ["toy is late"]


@pytest.mark.parametrize(
    ("found", "trouble", "code"),
    [([], {}, 0), (["failed"], {}, 1), ([], {LAKE: "away"}, 2), (["failed"], {LAKE: "away"}, 1)],
)
def test_the_exit_code(found: list[str], trouble: dict[str, str], code: int) -> None:
    assert health.exit_code(replace(WELL, trouble=trouble), found) == code


@pytest.fixture
def watched(lake: DeltaStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = toy(lake, instance)
    monkeypatch.setattr(health, "watch", lambda settings: made.watch)
    return made


@pytest.fixture
def asked(watched: Toy, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Asks, on the afternoon of the frozen day, and gives exit code and screen."""
    object.__setattr__(watched.watch.clock, "now", lambda: NOW)

    def ask(*words: str) -> tuple[int, str]:
        code = health.main(words)
        return code, capsys.readouterr().out

    return ask


def test_a_lake_goes_from_failed_to_well(watched: Toy, asked: Callable[..., tuple[int, str]]) -> None:
    observe(watched.store, TODAY, is_complete=False)
    watched.run(TODAY, fails=True)
    code, screen = asked()
    assert code == 1
    assert "toy        2026-03-10 fell short: 12 calls, 3 of them repeated, 4.0 kB; not built" in screen
    assert (
        "3 things need a hand:\n- toy 2026-03-10 fell short at list: run it again. half of it did not come." in screen
    )
    assert "failed: toy/star/figures: 2 of 3 pages came" in screen
    assert "- toy/star/figures 2026-03-10, check whole: 2 of 3 pages came" in screen
    observe(watched.store, TODAY)
    watched.run(TODAY)
    code, screen = asked()
    assert (code, screen.splitlines()[-1]) == (0, "All is well.")
    assert len(screen.splitlines()) < 24


def test_what_cannot_be_read_is_said_and_is_no_success(watched: Toy, asked: Callable[..., tuple[int, str]]) -> None:
    code, screen = asked()
    assert code == 2
    assert "Cannot be told: lake: The lake" in screen and "All is well" not in screen
    watched.watch.home = dagster_home
    watched.watch.close()
    assert "Cannot be told: dagster: DAGSTER_HOME is not set" in asked()[1]


def test_nothing_has_happened_yet(watched: Toy, asked: Callable[..., tuple[int, str]]) -> None:
    watched.store.folder.mkdir()
    code, screen = asked()
    assert code == 0
    assert "toy        nothing observed yet" in screen and "Runs       none yet" in screen


def test_a_program_reads_the_same(watched: Toy, asked: Callable[..., tuple[int, str]]) -> None:
    observe(watched.store, TODAY)
    watched.run(TODAY)
    code, text = asked("--json")
    told = json.loads(text)
    assert code == told["exit_code"] == 0 and told["needs"] == []
    assert told["sources"][0]["days"][0]["tables"][0]["score"] == 87.5
    assert {"job": "toy_daily", "status": "SUCCESS", "runs": 1} in told["runs"]["counts"]
    assert told["runs"]["successes"][0]["partition"] == "2026-03-10"
    assert {stage["stage"] for stage in told["sizes"]["stages"]} == {"raw", "star", "views"}


def test_many_sentences_stay_one_screen_and_lose_their_secrets(
    watched: Toy, asked: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.store.folder.mkdir()
    watched.watch.tell = lambda sentence: sentence.replace("hunter22", "***")
    monkeypatch.setattr(health, "needs", lambda standing: [f"{n} of hunter22 {'x' * 500}" for n in range(30)])
    code, screen = asked()
    assert code == 1 and "hunter22" not in screen
    assert "- and 18 more: `--json` has all" in screen
    assert max(map(len, screen.splitlines())) <= health.CHARACTERS + 3
