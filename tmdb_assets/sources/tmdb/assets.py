"""TMDB in Dagster: one asset a table, daily partitions, the job, its schedule.

What belongs here: wiring. What does not: anything that decides about a row, a day or a question (contracts.py, raw.py,
clean.py, star.py).
"""

import dagster as dg

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.derived import DerivedTable, tables_of_views
from tmdb_assets.lakehouse.flow.http_source import Served
from tmdb_assets.orchestration.partitions import Events, asset_of
from tmdb_assets.orchestration.resources import ClockResource, LakeResource, Log, SourceResource, setting
from tmdb_assets.orchestration.source import Source, build_source
from tmdb_assets.orchestration.tables import RawStep
from tmdb_assets.settings import Settings
from tmdb_assets.sources.tmdb import clean, contracts, raw, star

FIRST_DAY = "2025-01-01"
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
WHY_SANDBOX = "No TMDB credentials are set: the built-in sandbox serves invented films"

#: What each raw table waits for. The small lists come first: a wrong credential stops there, once, with nothing
#: written.
RAW_AFTER = {
    contracts.REFERENCE: (),
    contracts.MOVIE_IDS: (contracts.REFERENCE,),
    contracts.MOVIE_CHANGES: (contracts.REFERENCE,),
    contracts.DISCOVER_PAGES: (contracts.MOVIE_IDS,),
    contracts.MOVIE_DETAILS: (contracts.MOVIE_IDS, contracts.DISCOVER_PAGES, contracts.MOVIE_CHANGES),
}


class TmdbResource(SourceResource):
    """How TMDB is asked. What is left out is as the settings say."""

    tmdb_scope: str | None = setting("tmdb_scope")
    tmdb_requests_per_second: float | None = setting("tmdb_requests_per_second")
    tmdb_concurrency: int | None = setting("tmdb_concurrency")
    tmdb_details_max_age_days: int | None = setting("tmdb_details_max_age_days")
    tmdb_assets_allow_mass_delete: bool | None = setting("tmdb_assets_allow_mass_delete")

    def why_sandbox(self, settings: Settings) -> str | None:
        """Without credentials nobody else can be asked."""
        return WHY_SANDBOX if settings.uses_sandbox else None

    def connect(self, settings: Settings, clock: Clock, sandbox: Served | None, log: Log) -> raw.Tmdb:
        """The client of both servers."""
        return raw.Tmdb(settings, clock, sandbox, log)


def derived_tables() -> tuple[DerivedTable, ...]:
    """Every clean and star table, every view."""
    return (*clean.TABLES, *star.TABLES, *tables_of_views(contracts.VIEWS))


def raw_asset(step: RawStep) -> dg.AssetsDefinition:
    """The asset of a raw table."""

    @asset_of(**step.options)
    def observe(
        context: dg.AssetExecutionContext, lake: LakeResource, clock: ClockResource, tmdb: TmdbResource
    ) -> Events:
        yield from step.observe(context, lake, clock, tmdb)

    return observe


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and schedule of this source."""
    return build_source(
        Source(
            contracts.SOURCE,
            contracts.CONTRACTS,
            PARTITIONS,
            RAW_AFTER,
            derived_tables(),
            raw_asset,
            TmdbResource.of(settings),
            job="tmdb_daily",
            description="One day of TMDB: observed, kept, cleaned, standing as a star schema, published.",
            raw_checks={contracts.MOVIE_DETAILS: ["mass_delete"]},
            hour=9,
            why="exports are ready by 08:00.",
        )
    )
