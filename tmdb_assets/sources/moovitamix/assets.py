"""moovitamix in Dagster: one asset a table, daily partitions, the job, its schedule.

What belongs here: wiring. What does not: anything that decides about a row, a day or a question (contracts.py, raw.py,
clean.py, star.py). Tables are wired by name: the function `star.dim_user` fills `contracts.DIM_USER`.
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
from tmdb_assets.orchestration.source import SideTable, Source, build_source
from tmdb_assets.settings import Settings, load_settings
from tmdb_assets.sources.moovitamix import accounts, checks, clean, contracts, listings, privacy, raw, star

FIRST_DAY = "2025-01-01"
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
STAGES: dict[str, ModuleType] = {"clean": clean, "star": star}
RAW_AFTER: dict[Contract, Sequence[Contract]] = {contracts.PAGES: ()}
WHY_SANDBOX = "MOOVITAMIX_URL is not set: the built-in sandbox serves invented music"


def derived_tables(settings: Settings | None = None) -> list[DerivedTable]:
    """Every clean and star table with the function of its name, every view with its text.

    `settings` say where the key of the hashes comes from; without them they are read when it is needed.
    """

    def options(contract: Contract) -> dict[str, Any]:
        return {
            "loaded": {"hash_key": lambda: privacy.hash_key(settings or load_settings())},
            "received": clean.RECEIVED.get(contract.name),
            "shape": clean.SHAPES.get(contract.name),
            "warnings": checks.WARNINGS.get(contract.name, {}),
            "follows": contracts.PAGES.name if contract.partition else "",
            "compared": contracts.CHANGES.name if contract.partition else "",
            "unsettled": listings.unsettled,
        }

    return wire(contracts.CONTRACTS, STAGES, contracts.VIEWS, options)


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


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and schedule of this source."""

    @contextmanager
    def client(clock: Clock, log: Callable[[str], None]) -> Iterator[raw.Moovitamix]:
        why = None if settings.moovitamix_url else WHY_SANDBOX
        with (
            sandbox_where_needed(settings, log, why) as sandbox,
            closing(raw.Moovitamix(settings, clock, sandbox, log)) as opened,
        ):
            yield opened

    return build_source(
        Source(
            contracts.SOURCE,
            contracts.CONTRACTS,
            PARTITIONS,
            RAW_AFTER,
            derived_tables(settings),
            client,
            job="moovitamix_daily",
            description="One day of moovitamix: read whole, what changed kept, standing as a star schema with history.",
            sides=SIDES,
            hour=22,
            minute=30,
            why="a day is observed near its end, well before midnight.",
        )
    )
