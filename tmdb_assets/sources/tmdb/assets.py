"""TMDB in Dagster: one asset a table, daily partitions, the job, its schedule.

What belongs here: wiring. What does not: anything that decides about a row, a day or a question (contracts.py, raw.py,
clean.py, star.py). Tables are wired by name: the function `star.dim_movie` fills `contracts.DIM_MOVIE`.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.orchestration.accounts import every_day_check, last_of, ledger_asset, quarantine_asset
from tmdb_assets.orchestration.jobs import tables_and_publication
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG
from tmdb_assets.orchestration.sandbox import Sandbox
from tmdb_assets.orchestration.tables import derived_asset, raw_asset
from tmdb_assets.settings import Settings
from tmdb_assets.sources.tmdb import clean, contracts, raw, star

FIRST_DAY = "2025-01-01"
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
TABLES = {c.name: c for c in contracts.CONTRACTS}
STAGES: dict[str, Any] = {"clean": clean, "star": star}
RECEIVED = clean.RECEIVED | star.RECEIVED
QUALITY = {contracts.FACT_COLUMN_QUALITY, contracts.FACT_TABLE_QUALITY}

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
    built = [
        DerivedTable(
            contract,
            getattr(STAGES[contract.stage], contract.name),
            TABLES,
            loaded={"country_continent": star.country_continents, "us_cpi": star.us_cpi},
            received=RECEIVED.get(contract.name),
            shape=clean.SHAPES.get(contract.name),
        )
        for contract in contracts.CONTRACTS
        if contract.stage in STAGES and contract is not contracts.QUARANTINE
    ]
    return built + [DerivedTable(view.contract, view, TABLES) for view in contracts.VIEWS]


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and schedule of this source."""
    assets = [
        raw_asset(c, PARTITIONS, after, checks=["mass_delete"] if c is contracts.MOVIE_DETAILS else [])
        for c, after in RAW_AFTER.items()
    ]
    assets.append(ledger_asset(contracts.EXTRACTION_LEDGER, PARTITIONS, RAW_AFTER))
    derived = derived_tables()
    for table in derived:
        # a shipped table waits for it too: what stops a day is then said once
        is_first = table.contract.stage == "clean" or not table.upstream
        proof = [contracts.EXTRACTION_LEDGER] if is_first else []
        assets.append(derived_asset(table, PARTITIONS, after=proof))
    # a whole table sets no row aside, and the profiles tell of the quarantine itself
    last = last_of([t for t in derived if not t.contract.is_whole and t.contract not in QUALITY])
    assets.append(quarantine_asset(contracts.QUARANTINE, PARTITIONS, last))
    check = every_day_check(contracts.EXTRACTION_LEDGER, PARTITIONS, [contracts.QUARANTINE, *last_of(derived)])
    job = dg.define_asset_job(
        "tmdb_daily",
        selection=tables_and_publication(contracts.SOURCE),
        config=CONSOLE_CONFIG,
        description="One day of TMDB: observed, kept, cleaned, standing as a star schema, published.",
    )

    @dg.schedule(
        job=job,
        cron_schedule="0 9 * * *",
        execution_timezone="UTC",
        description="Daily at 09:00 UTC: exports are ready by 08:00.",
    )
    def tmdb_daily_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=context.scheduled_execution_time.astimezone(dt.UTC).date().isoformat())

    @dg.resource(required_resource_keys={"clock"})
    def tmdb(context: dg.InitResourceContext) -> Iterator[raw.Tmdb]:
        log = context.log.info if context.log else print
        sandbox = Sandbox(settings, log) if settings.uses_sandbox else None
        client = raw.Tmdb(settings, context.resources.clock, sandbox, log)
        try:
            yield client
        finally:
            client.close()
            if sandbox:
                sandbox.stop()

    return dg.Definitions(
        assets=assets,
        asset_checks=[check],
        jobs=[job],
        schedules=[tmdb_daily_schedule],
        resources={contracts.SOURCE: tmdb},
    )
