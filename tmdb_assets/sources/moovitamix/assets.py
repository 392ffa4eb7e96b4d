"""moovitamix in Dagster: one asset a table, daily partitions, the job, its schedule.

What belongs here: wiring. What does not: anything that decides about a row, a day or a question (contracts.py, raw.py,
clean.py, star.py).
"""

import dagster as dg

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.derived import DerivedTable, tables_of_views
from tmdb_assets.lakehouse.flow.http_source import Served
from tmdb_assets.orchestration.partitions import Events, asset_of
from tmdb_assets.orchestration.resources import ClockResource, LakeResource, Log, SourceResource
from tmdb_assets.orchestration.source import SideTable, Source, build_source
from tmdb_assets.orchestration.tables import RawStep
from tmdb_assets.settings import Settings, load_settings
from tmdb_assets.sources.moovitamix import accounts, clean, contracts, privacy, raw, star

FIRST_DAY = "2025-01-01"
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)

SIDES = (
    SideTable(
        contracts.RECORDS, (contracts.PAGES,), "all_there", "Every row named by a page is kept.", accounts.all_there
    ),
    SideTable(
        contracts.LAYOUTS,
        (contracts.PAGES, contracts.RECORDS),
        "verbatim",
        "Every page of the day can be put together again, byte for byte.",
        accounts.verbatim,
    ),
    SideTable(
        contracts.FORGOTTEN,
        (contracts.PAGES,),
        "dropped",
        "The source does not serve rows of forgotten persons any more; those it serves are dropped.",
        accounts.nobody_back,
    ),
)


class MoovitamixResource(SourceResource):
    """How the music API is asked: as the settings say. Its address may hold a password, so it is no configuration."""

    def why_sandbox(self, settings: Settings) -> str | None:
        """Without an address nobody else can be asked."""
        why = "MOOVITAMIX_URL is not set: the built-in sandbox serves invented music"
        return None if settings.moovitamix_url else why

    def connect(self, settings: Settings, clock: Clock, sandbox: Served | None, log: Log) -> raw.Moovitamix:
        """The client of the API."""
        return raw.Moovitamix(settings, clock, sandbox, log)


def raw_asset(step: RawStep) -> dg.AssetsDefinition:
    """The asset of a raw table."""

    @asset_of(**step.options)
    def observe(
        context: dg.AssetExecutionContext, lake: LakeResource, clock: ClockResource, moovitamix: MoovitamixResource
    ) -> Events:
        yield from step.observe(context, lake, clock, moovitamix)

    return observe


def derived_tables(settings: Settings | None = None) -> tuple[DerivedTable, ...]:
    """Every clean and star table, every view.

    `settings` say where the key of the hashes comes from; without them they are read when it is needed.
    """
    stars = star.tables(lambda: privacy.hash_key(settings or load_settings()))
    return (*clean.TABLES, *stars, *tables_of_views(contracts.VIEWS))


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and schedule of this source."""
    return build_source(
        Source(
            contracts.SOURCE,
            contracts.CONTRACTS,
            PARTITIONS,
            {contracts.PAGES: ()},
            derived_tables(settings),
            raw_asset,
            MoovitamixResource.of(settings),
            job="moovitamix_daily",
            description="One day of moovitamix: read whole, what changed kept, standing as a star schema with history.",
            sides=SIDES,
            hour=22,
            minute=30,
            why="a day is observed near its end, well before midnight.",
        )
    )
