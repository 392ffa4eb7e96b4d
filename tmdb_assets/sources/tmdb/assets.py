"""TMDB in Dagster: one asset a table, daily partitions, the job, its schedule.

What belongs here: wiring. What does not: anything that decides about a row, a day or a question (contracts.py, raw.py,
clean.py, star.py). Tables are wired by name: the function `star.dim_movie` fills `contracts.DIM_MOVIE`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from types import ModuleType
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.derived import DerivedTable, wire
from tmdb_assets.orchestration.sandbox import sandbox_where_needed
from tmdb_assets.orchestration.source import Source, build_source
from tmdb_assets.settings import Settings
from tmdb_assets.sources.tmdb import clean, contracts, raw, star

FIRST_DAY = "2025-01-01"
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
STAGES: dict[str, ModuleType] = {"clean": clean, "star": star}
RECEIVED = clean.RECEIVED | star.RECEIVED
WHY_SANDBOX = "No TMDB credentials are set: the built-in sandbox serves invented films"

#: What each raw table waits for. The small lists come first: a wrong credential stops there, once, with nothing written.
RAW_AFTER: dict[Contract, Sequence[Contract]] = {
    contracts.REFERENCE: (),
    contracts.MOVIE_IDS: (contracts.REFERENCE,),
    contracts.MOVIE_CHANGES: (contracts.REFERENCE,),
    contracts.DISCOVER_PAGES: (contracts.MOVIE_IDS,),
    contracts.MOVIE_DETAILS: (contracts.MOVIE_IDS, contracts.DISCOVER_PAGES, contracts.MOVIE_CHANGES),
}


def derived_tables() -> list[DerivedTable]:
    """Every clean and star table with the function of its name, every view with its text."""

    def options(contract: Contract) -> dict[str, Any]:
        return {
            "loaded": {"country_continent": star.country_continents, "us_cpi": star.us_cpi},
            "received": RECEIVED.get(contract.name),
            "shape": clean.SHAPES.get(contract.name),
        }

    return wire(contracts.CONTRACTS, STAGES, contracts.VIEWS, options)


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and schedule of this source."""

    @contextmanager
    def client(clock: Clock, log: Callable[[str], None]) -> Iterator[raw.Tmdb]:
        why = WHY_SANDBOX if settings.uses_sandbox else None
        with (
            sandbox_where_needed(settings, log, why) as sandbox,
            closing(raw.Tmdb(settings, clock, sandbox, log)) as opened,
        ):
            yield opened

    return build_source(
        Source(
            contracts.SOURCE,
            contracts.CONTRACTS,
            PARTITIONS,
            RAW_AFTER,
            derived_tables(),
            client,
            job="tmdb_daily",
            description="One day of TMDB: observed, kept, cleaned, standing as a star schema, published.",
            raw_checks={contracts.MOVIE_DETAILS: ["mass_delete"]},
            hour=9,
            why="exports are ready by 08:00.",
        )
    )
