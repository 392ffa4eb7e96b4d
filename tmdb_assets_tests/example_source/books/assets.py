"""Books in Dagster: one asset a table, daily partitions, the job, its schedule.

What belongs here: wiring. What does not: anything that decides about a row, a day or a question.
"""

import dagster as dg
from pydantic import Field
from tmdb_assets.sources.books import clean, contracts, raw, star

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.derived import DerivedTable, tables_of_views
from tmdb_assets.lakehouse.flow.http_source import Served
from tmdb_assets.orchestration.partitions import Events, asset_of
from tmdb_assets.orchestration.resources import ClockResource, LakeResource, Log, SourceResource
from tmdb_assets.orchestration.source import Source, build_source
from tmdb_assets.orchestration.tables import RawStep
from tmdb_assets.settings import Settings

PARTITIONS = dg.DailyPartitionsDefinition(start_date="2026-01-01", timezone="UTC", end_offset=1)


class BooksResource(SourceResource):
    """How the API of books is asked."""

    url: str = Field(description="Root of the API.")

    def connect(self, settings: Settings, clock: Clock, sandbox: Served | None, log: Log) -> raw.Books:
        """The client of the API."""
        return raw.Books(self.url, clock, log)


def raw_asset(step: RawStep) -> dg.AssetsDefinition:
    """The asset of a raw table."""

    @asset_of(**step.options)
    def observe(
        context: dg.AssetExecutionContext, lake: LakeResource, clock: ClockResource, books: BooksResource
    ) -> Events:
        yield from step.observe(context, lake, clock, books)

    return observe


def derived_tables() -> tuple[DerivedTable, ...]:
    """Every clean and star table, every view."""
    return (*clean.TABLES, *star.TABLES, *tables_of_views(contracts.VIEWS))


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and schedule of this source."""
    return build_source(
        Source(
            contracts.SOURCE,
            contracts.CONTRACTS,
            PARTITIONS,
            {contracts.PAGES: ()},
            derived_tables(),
            raw_asset,
            BooksResource.of(settings, url=dg.EnvVar("BOOKS_URL")),
            job="books_daily",
            description="One day of books.",
            hour=7,
            why="the API is quiet then.",
        )
    )
