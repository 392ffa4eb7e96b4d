"""A source in Dagster: one asset a table, its accounts, its job, what starts it.

What belongs here: what every source's definitions have in common, in the order in which data flow. What does not: what
a source asks for, keeps or answers (its own folder), how one table becomes an asset (tables.py).
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.contracts import Contract, Stage
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.ledger import LEDGER
from tmdb_assets.lakehouse.flow.quarantine import QUARANTINE
from tmdb_assets.lakehouse.quality.outcomes import CHECK_QUALITY
from tmdb_assets.lakehouse.quality.profiles import COLUMN_QUALITY, TABLE_QUALITY
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.accounts import every_day_check, last_of, ledger_asset, quarantine_asset
from tmdb_assets.orchestration.jobs import LISTED, tables_and_publication
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG
from tmdb_assets.orchestration.resources import SourceResource
from tmdb_assets.orchestration.tables import RawStep, derived_asset, side_asset

#: Profiles tell of the quarantine themselves: it does not wait for them.
PROFILES = {COLUMN_QUALITY, TABLE_QUALITY, CHECK_QUALITY}

Job = Any  #: what `dg.define_asset_job` gives: Dagster exports no name of it


@dataclass(frozen=True)
class SideTable:
    """A table that others fill, and the check that reads it at the end of a run."""

    contract: Contract
    after: Sequence[Contract]
    check: str
    meaning: str
    verdict: Callable[[DeltaStore, Sequence[dt.date]], tuple[Outcome, Mapping[str, Any]]]


@dataclass(frozen=True)
class Source:
    """What Dagster must know of a source.

    `raw`: its raw tables, in the order they are asked for, with those that each waits for; `raw_checks`: names of
    checks a raw table has beyond the usual ones. `raw_asset` makes an asset of the step of a raw table. `derived`: its
    other tables and its views. `resource`: how the source is asked. `job`: the name of the job that runs all of it, and
    `description` what a run of it does. A source is started daily at a time of UTC (`hour`, `minute`, and `why` that
    time), or by a `sensor` over its job.
    """

    name: str
    tables: Sequence[Contract]
    partitions: dg.PartitionsDefinition[str]
    raw: Mapping[Contract, Sequence[Contract]]
    derived: Sequence[DerivedTable]
    raw_asset: Callable[[RawStep], dg.AssetsDefinition]
    resource: SourceResource
    job: str
    description: str
    sides: Sequence[SideTable] = ()
    raw_checks: Mapping[Contract, Sequence[str]] = field(default_factory=dict)
    hour: int | None = None
    minute: int = 0
    why: str = ""
    sensor: Callable[[Job], dg.SensorDefinition] | None = None

    def table(self, name: str) -> Contract:
        """The table of that name."""
        return next(contract for contract in self.tables if contract.name == name)


def build_source(source: Source) -> dg.Definitions:
    """The assets, checks, resource, job and schedule or sensor of a source."""
    job = dg.define_asset_job(
        source.job,
        selection=tables_and_publication(source.name),
        config=CONSOLE_CONFIG,
        description=source.description,
        tags=LISTED,
    )
    assets, check = _assets(source)
    return dg.Definitions(
        assets=assets,
        asset_checks=[check],
        jobs=[job],
        schedules=[] if source.hour is None else [_schedule(source, job)],
        sensors=[source.sensor(job)] if source.sensor else [],
        resources={source.name: source.resource},
    )


def _assets(source: Source) -> tuple[list[dg.AssetsDefinition], dg.AssetChecksDefinition]:
    ledger, quarantine, days = source.table(LEDGER), source.table(QUARANTINE), source.partitions
    steps = [RawStep(c, days, after, source.raw_checks.get(c, ())) for c, after in source.raw.items()]
    assets = [source.raw_asset(step) for step in steps]
    assets += [side_asset(s.contract, days, s.after, s.check, s.meaning, s.verdict) for s in source.sides]
    assets.append(ledger_asset(ledger, days, source.raw))
    for table in source.derived:
        # what reads nothing of the source waits for the ledger too: what stops a day is then said once
        is_first = table.contract.stage is Stage.CLEAN or not table.upstream
        engine = source.resource.settings.tmdb_assets_engine
        assets.append(derived_asset(table, days, [ledger] if is_first else [], engine))
    # a whole table and an answer set no row aside
    rowwise = [
        t
        for t in source.derived
        if not t.contract.is_whole and t.contract.stage is not Stage.VIEWS and t.contract.name not in PROFILES
    ]
    assets.append(quarantine_asset(quarantine, days, last_of(rowwise)))
    return assets, every_day_check(ledger, days, [quarantine, *last_of(source.derived)])


def _schedule(source: Source, job: Job) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{source.job}_schedule",
        job=job,
        cron_schedule=f"{source.minute} {source.hour} * * *",
        execution_timezone="UTC",
        description=f"Daily at {source.hour:02}:{source.minute:02} UTC: {source.why}",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=context.scheduled_execution_time.astimezone(dt.UTC).date().isoformat())

    return daily
