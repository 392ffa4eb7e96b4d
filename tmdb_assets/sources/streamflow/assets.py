"""Streamflow in Dagster: one asset a table, monthly partitions, the job, the sensor that starts it.

What belongs here: wiring. What does not: anything that decides about a drop, a row or a question (arrivals.py, raw.py,
clean.py, star.py). Tables are wired by name: the function `star.labels` fills `contracts.LABELS`.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.orchestration.accounts import every_day_check, last_of, ledger_asset, quarantine_asset
from tmdb_assets.orchestration.jobs import tables_and_publication
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG
from tmdb_assets.orchestration.tables import derived_asset, raw_asset
from tmdb_assets.settings import Settings
from tmdb_assets.sources.streamflow import arrivals, clean, contracts, raw, star

FIRST_MONTH = "2020-01"
PARTITIONS = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, fmt="%Y-%m", timezone="UTC", end_offset=1)
TABLES = {c.name: c for c in contracts.CONTRACTS}
STAGES: dict[str, Any] = {"clean": clean, "star": star}
WARNINGS = clean.WARNINGS | star.WARNINGS
QUALITY = {contracts.FACT_COLUMN_QUALITY, contracts.FACT_TABLE_QUALITY, contracts.FACT_CHECK_QUALITY}
LOOK_EVERY_SECONDS = 60


def derived_tables() -> list[DerivedTable]:
    """Every clean and star table with the function of its name, every view with its text."""
    functions = {
        contract.name: getattr(STAGES[contract.stage], contract.name)
        for contract in contracts.CONTRACTS
        if contract.stage in STAGES and contract is not contracts.QUARANTINE
    }
    functions |= {view.contract.name: view for view in contracts.VIEWS}
    return [
        DerivedTable(TABLES[name], function, TABLES, received=clean.RECEIVED.get(name), warnings=WARNINGS.get(name, {}))
        for name, function in functions.items()
    ]


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and sensor of this source."""
    raws = [contracts.DROP_FILES]
    assets = [raw_asset(contract, PARTITIONS) for contract in raws]
    assets.append(ledger_asset(contracts.EXTRACTION_LEDGER, PARTITIONS, raws))
    derived = derived_tables()
    for table in derived:
        proof = [contracts.EXTRACTION_LEDGER] if table.contract.stage == "clean" else []
        assets.append(derived_asset(table, PARTITIONS, after=proof))
    # a whole table sets no row aside, and the profiles tell of the quarantine themselves
    last = last_of([t for t in derived if not t.contract.is_whole and t.contract not in QUALITY])
    assets.append(quarantine_asset(contracts.QUARANTINE, PARTITIONS, last))
    check = every_day_check(contracts.EXTRACTION_LEDGER, PARTITIONS, [contracts.QUARANTINE, *last_of(derived)])
    job = dg.define_asset_job(
        "streamflow_monthly",
        selection=tables_and_publication(contracts.SOURCE),
        config=CONSOLE_CONFIG,
        description="One month's drop: judged, kept, typed, with the last known state and the training set.",
    )

    @dg.sensor(
        job=job,
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        description="Starts a month's run when its six files are there and complete, and again when they change.",
    )
    def streamflow_drop_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        last = _last_month(Clock(settings.tmdb_assets_today).today())
        look = arrivals.look(settings.streamflow_drops, context.cursor, FIRST_MONTH, last)
        requests = [dg.RunRequest(run_key=a.run_key, partition_key=a.month) for a in look.arrivals]
        # Dagster shows a reason for months that wait only where no other starts
        for reason in look.waiting if requests else ():
            context.log.warning(reason)
        skipped = None if requests else dg.SkipReason("; ".join(look.waiting) or "no new drop")
        return dg.SensorResult(run_requests=requests, skip_reason=skipped, cursor=look.cursor)

    @dg.resource(required_resource_keys={"clock"})
    def streamflow(context: dg.InitResourceContext) -> Iterator[raw.Streamflow]:
        yield raw.Streamflow(
            settings.streamflow_drops,
            context.resources.clock,
            allows_mass_delete=settings.tmdb_assets_allow_mass_delete,
        )

    return dg.Definitions(
        assets=assets,
        asset_checks=[check],
        jobs=[job],
        sensors=[streamflow_drop_sensor],
        resources={contracts.SOURCE: streamflow},
    )


def _last_month(today: dt.date) -> str:
    """The newest month that is over, or ends today."""
    return contracts.CADENCE.key(contracts.CADENCE.before(today + dt.timedelta(days=1)))
