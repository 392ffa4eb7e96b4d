"""A small project to watch: one source called toy, a job that goes as it is told, a lake written by hand.

What belongs here: making things stand somehow. What does not: assertions.
"""

import datetime as dt
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import dagster as dg
import polars as pl
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import ByDay, Contract, col
from tmdb_assets.lakehouse.flow.ledger import Entry, Ledger, ledger_contract
from tmdb_assets.lakehouse.quality.profiles import table_quality_contract
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.partitions import Events, asset_of
from tmdb_assets.orchestration.standing.lake import Watched
from tmdb_assets.orchestration.standing.runs import RunsReader
from tmdb_assets.orchestration.standing.whole import Watch
from tmdb_assets.orchestration.usage import record_usage
from tmdb_assets_tests.conftest import TODAY

YESTERDAY = TODAY - dt.timedelta(days=1)
PAGES = Contract(
    "toy",
    "raw",
    "pages",
    "Pages.",
    ("date_id", "number"),
    {"date_id": col(pl.Date, "Day."), "number": col(pl.Int64, "Number.")},
    kept=ByDay("date_id"),
)
LEDGER, QUALITY = ledger_contract("toy"), table_quality_contract("toy")
SCORES = Contract(
    "toy",
    "views",
    "vw_data_quality",
    "Scores.",
    ("date_id", "table_name"),
    {
        "date_id": col(pl.Date, "Day."),
        "table_name": col(pl.String, "Table."),
        "score": col(pl.Float64, "Score.", nullable=True),
    },
    kept=ByDay("date_id"),
)
TOY = Watched("toy", (PAGES, LEDGER, QUALITY, SCORES), dt.timedelta(hours=9))
FIGURES = dg.AssetKey(["toy", "star", "figures"])


def observe(store: DeltaStore, day: dt.date, *, is_complete: bool = True, quarantined: int = 0) -> None:
    """A day as its run leaves it; one that fell short is not built."""
    started = dt.datetime.combine(day, dt.time(9), dt.UTC)
    entry = Entry(
        "list",
        "sandbox",
        started,
        is_complete=is_complete,
        is_finished=is_complete,
        calls=12,
        retries=3,
        throttled=2,
        bytes=4_000,
        seconds=1.5,
        note=None if is_complete else "half of it did not come",
    )
    Ledger(store, "toy").write(day, [entry], {})
    store.replace(PAGES, pl.DataFrame([(day, 1), (day, 2)], schema=PAGES.schema, orient="row"), [day], {})
    if not is_complete:
        return
    row = {"date_id": day, "table_name": PAGES.path, "is_daily": True, "received": 102, "kept": 100 - quarantined}
    row |= {"quarantined": quarantined, "duplicates": 2}
    profile = pl.DataFrame([{name: row.get(name) for name in QUALITY.schema}], schema=QUALITY.schema)
    store.replace(QUALITY, profile, [day], {})
    score = pl.DataFrame([(day, PAGES.path, 87.5)], schema=SCORES.schema, orient="row")
    store.replace(SCORES, score, [day], {})


@dataclass
class Mood:
    """How the next run goes."""

    fails: bool = False
    warns: bool = False


def project(mood: Mood) -> dg.Definitions:
    """A job `toy_daily` over one asset with a check that blocks and one that warns, a schedule and a sensor."""

    @asset_of(
        key=FIGURES,
        group_name="toy",
        partitions_def=dg.DailyPartitionsDefinition("2026-01-01", end_offset=1),
        check_specs=[
            dg.AssetCheckSpec("whole", asset=FIGURES, blocking=True),
            dg.AssetCheckSpec("steady", asset=FIGURES),
        ],
    )
    def figures(context: dg.AssetExecutionContext) -> Events:
        if mood.fails:
            yield dg.AssetCheckResult(passed=False, check_name="whole", description="2 of 3 pages\ncame")
            raise dg.Failure("toy/star/figures: 2 of 3 pages came", allow_retries=False)
        record_usage(context)
        yield dg.MaterializeResult(asset_key=FIGURES)
        yield dg.AssetCheckResult(passed=True, check_name="whole")
        yield dg.AssetCheckResult(passed=not mood.warns, check_name="steady", severity=dg.AssetCheckSeverity.WARN)

    job = dg.define_asset_job("toy_daily", [figures])

    @dg.sensor(job=job)
    def toy_sensor() -> dg.SkipReason:
        return dg.SkipReason("nothing")

    schedule = dg.ScheduleDefinition(name="toy_daily_schedule", job=job, cron_schedule="0 9 * * *")
    return dg.Definitions(
        assets=[figures], jobs=[job], schedules=[schedule], sensors=[toy_sensor], executor=dg.in_process_executor
    )


@dataclass
class Toy:
    """The project, its lake and its instance of Dagster, watched."""

    store: DeltaStore
    instance: dg.DagsterInstance
    mood: Mood
    definitions: dg.Definitions
    watch: Watch

    def run(self, day: dt.date, *, fails: bool = False, warns: bool = False) -> str:
        """Run the job for a day; the id of the run."""
        self.mood.fails, self.mood.warns = fails, warns
        job = self.definitions.resolve_job_def("toy_daily")
        tags = {"dagster/partition": day.isoformat()}
        return job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False).run_id

    def switch_on(self, schedule: str) -> None:
        """Switch a schedule on, as Dagster's UI does."""
        place = RemoteRepositoryOrigin(GrpcServerCodeLocationOrigin(host="localhost", port=1), "__repository__")
        origin = RemoteInstigatorOrigin(place, schedule)
        data = ScheduleInstigatorData("0 9 * * *", start_timestamp=0.0)
        state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data)
        self.instance.add_instigator_state(state)


def toy(store: DeltaStore, instance: dg.DagsterInstance, tell: Callable[[str], str] = str) -> Toy:
    """The project, watched on the day of the frozen clock."""
    mood = Mood()
    definitions = project(mood)
    reader = RunsReader(definitions.get_repository_def())
    watch = Watch(store, [TOY], Clock(TODAY), 180, reader, {}, lambda: nullcontext(instance), tell)
    return Toy(store, instance, mood, definitions, watch)
