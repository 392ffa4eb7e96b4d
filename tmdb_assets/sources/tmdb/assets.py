"""TMDB in Dagster: one asset a table, daily partitions, the job, its schedule.

What belongs here: wiring. What does not: anything that decides about a row, a day or a question (contracts.py, raw.py,
clean.py, star.py). Tables are wired by name: the function `star.dim_movie` fills `contracts.DIM_MOVIE`.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.lakehouse.ledger import Ledger
from tmdb_assets.lakehouse.publishing import DerivedTable, Outcome
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG
from tmdb_assets.orchestration.sandbox import Sandbox
from tmdb_assets.orchestration.tables import derived_asset, raw_asset, side_asset
from tmdb_assets.settings import Settings
from tmdb_assets.sources.tmdb import clean, contracts, raw, star

FIRST_DAY = "2025-01-01"
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
TABLES = {c.name: c for c in contracts.CONTRACTS}
STAGES: dict[str, Any] = {"clean": clean, "star": star}

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
            loaded={"country_continent": star.country_continents},
            received=clean.RECEIVED.get(contract.name),
            shape=clean.SHAPES.get(contract.name),
        )
        for contract in contracts.CONTRACTS
        if contract.stage in STAGES and contract is not contracts.QUARANTINE
    ]
    return built + [DerivedTable(view.contract, view, TABLES) for view in contracts.VIEWS]


def _last_of(tables: Sequence[DerivedTable]) -> list[Contract]:
    """Tables that no other one of them waits for: when they stand, every table stands."""
    awaited = {c.key for table in tables for c in table.upstream}
    return [t.contract for t in tables if t.contract.key not in awaited]


def _ledger_verdict(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
    ledger = Ledger(store, contracts.SOURCE)
    short = ledger.days_short(days)
    rows = store.scan(contracts.EXTRACTION_LEDGER, days).collect()
    sentence = "every endpoint is finished and kept its promise"
    if short.height:
        first = short.row(0, named=True)
        sentence = (
            f"{short.height} endpoints fell short, first {first['endpoint']} on {first['date_id']}: run the day again"
        )
    figures = {c: int(rows.get_column(c).sum()) for c in ("calls", "retries", "throttled", "cache_hits", "bytes")}
    return Outcome("extraction_complete", not short.height, sentence, figures), dict(figures)


def _quarantine_verdict(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
    rows = store.scan(contracts.QUARANTINE, days).collect()
    rules = rows.group_by("origin", "rule").len().sort("len", descending=True)
    listed = "\n".join(f"- {n} x {origin}: {rule}" for origin, rule, n in rules.iter_rows()) or "nothing is quarantined"
    unexplained = rows.filter(pl.col("reason").str.strip_chars() == "").height
    sentence = (
        f"{rows.height:,} rows are set aside, each with its reason"
        if not unexplained
        else f"{unexplained} rows lack a reason"
    )
    return Outcome("explained", not unexplained, sentence, {"rows": rows.height}), {
        "by_rule": dg.MetadataValue.md(listed)
    }


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and schedule of this source."""
    assets = [
        raw_asset(c, PARTITIONS, after, checks=["mass_delete"] if c is contracts.MOVIE_DETAILS else [])
        for c, after in RAW_AFTER.items()
    ]
    assets.append(
        side_asset(
            contracts.EXTRACTION_LEDGER,
            PARTITIONS,
            RAW_AFTER,
            "extraction_complete",
            "Every endpoint of the day is finished and what was promised arrived.",
            _ledger_verdict,
        )
    )
    derived = derived_tables()
    for table in derived:
        proof = [contracts.EXTRACTION_LEDGER] if table.contract.stage == "clean" else []
        assets.append(derived_asset(table, PARTITIONS, after=proof))
    assets.append(
        side_asset(
            contracts.QUARANTINE,
            PARTITIONS,
            _last_of([t for t in derived if not t.contract.is_whole]),  # a whole table sets no row aside
            "explained",
            "Every row set aside says why.",
            _quarantine_verdict,
        )
    )
    job = dg.define_asset_job(
        "tmdb_daily",
        selection=dg.AssetSelection.groups(contracts.SOURCE),
        config=CONSOLE_CONFIG,
        description="One day of TMDB: observed, kept, cleaned, standing as a star schema.",
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
        assets=assets, jobs=[job], schedules=[tmdb_daily_schedule], resources={contracts.SOURCE: tmdb}
    )
