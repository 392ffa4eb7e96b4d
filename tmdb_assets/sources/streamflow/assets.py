"""Streamflow in Dagster: one asset a table, monthly partitions, the job, the sensor that starts it.

What belongs here: wiring. What does not: anything that decides about a drop, a row or a question (arrivals.py, raw.py,
clean.py, star.py).
"""

import datetime as dt

import dagster as dg

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.derived import DerivedTable, tables_of_views
from tmdb_assets.lakehouse.flow.http_source import Served
from tmdb_assets.orchestration.partitions import Events, asset_of
from tmdb_assets.orchestration.resources import ClockResource, LakeResource, Log, SourceResource, setting
from tmdb_assets.orchestration.source import Job, Source, build_source
from tmdb_assets.orchestration.tables import RawStep
from tmdb_assets.settings import Settings
from tmdb_assets.sources.streamflow import arrivals, clean, contracts, raw, star

FIRST_MONTH = "2020-01"
PARTITIONS = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, fmt="%Y-%m", timezone="UTC", end_offset=1)
LOOK_EVERY_SECONDS = 60


class StreamflowResource(SourceResource):
    """Where drops are read. What is left out is as the settings say."""

    streamflow_drops: str | None = setting("streamflow_drops")
    tmdb_assets_allow_mass_delete: bool | None = setting("tmdb_assets_allow_mass_delete")

    def connect(self, settings: Settings, clock: Clock, sandbox: Served | None, log: Log) -> raw.Streamflow:
        """The folder of the drops."""
        allows = settings.tmdb_assets_allow_mass_delete
        return raw.Streamflow(settings.streamflow_drops, clock, allows_mass_delete=allows)


def derived_tables() -> tuple[DerivedTable, ...]:
    """Every clean and star table, every view."""
    return (*clean.TABLES, *star.TABLES, *tables_of_views(contracts.VIEWS, star.WARNINGS_OF_VIEWS))


def raw_asset(step: RawStep) -> dg.AssetsDefinition:
    """The asset of a raw table."""

    @asset_of(**step.options)
    def observe(
        context: dg.AssetExecutionContext, lake: LakeResource, clock: ClockResource, streamflow: StreamflowResource
    ) -> Events:
        yield from step.observe(context, lake, clock, streamflow)

    return observe


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and sensor of this source."""
    return build_source(
        Source(
            contracts.SOURCE,
            contracts.CONTRACTS,
            PARTITIONS,
            {contracts.DROP_FILES: ()},
            derived_tables(),
            raw_asset,
            StreamflowResource.of(settings),
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
