"""Streamflow in Dagster: one asset a table, monthly partitions, the job, the sensor that starts it.

What belongs here: wiring. What does not: anything that decides about a drop, a row or a question (arrivals.py, raw.py,
clean.py, star.py). Tables are wired by name: the function `star.labels` fills `contracts.LABELS`.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.derived import DerivedTable, wire
from tmdb_assets.orchestration.source import Job, Source, build_source
from tmdb_assets.settings import Settings
from tmdb_assets.sources.streamflow import arrivals, clean, contracts, raw, star

FIRST_MONTH = "2020-01"
PARTITIONS = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, fmt="%Y-%m", timezone="UTC", end_offset=1)
STAGES: dict[str, ModuleType] = {"clean": clean, "star": star}
WARNINGS = clean.WARNINGS | star.WARNINGS
LOOK_EVERY_SECONDS = 60


def derived_tables() -> list[DerivedTable]:
    """Every clean and star table with the function of its name, every view with its text."""

    def options(contract: Contract) -> dict[str, Any]:
        return {"received": clean.RECEIVED.get(contract.name), "warnings": WARNINGS.get(contract.name, {})}

    return wire(contracts.CONTRACTS, STAGES, contracts.VIEWS, options)


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and sensor of this source."""

    @contextmanager
    def client(clock: Clock, log: Callable[[str], None]) -> Iterator[raw.Streamflow]:
        yield raw.Streamflow(
            settings.streamflow_drops, clock, allows_mass_delete=settings.tmdb_assets_allow_mass_delete
        )

    return build_source(
        Source(
            contracts.SOURCE,
            contracts.CONTRACTS,
            PARTITIONS,
            {contracts.DROP_FILES: ()},
            derived_tables(),
            client,
            job="streamflow_monthly",
            description="One month's drop: judged, kept, typed, with the last known state and the training set.",
            sensor=lambda job: _sensor(settings, job),
        )
    )


def _sensor(settings: Settings, job: Job) -> dg.SensorDefinition:
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

    return streamflow_drop_sensor


def _last_month(today: dt.date) -> str:
    """The newest month that is over, or ends today."""
    return contracts.CADENCE.key(contracts.CADENCE.before(today + dt.timedelta(days=1)))
