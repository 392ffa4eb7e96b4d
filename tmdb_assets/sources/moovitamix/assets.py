"""moovitamix in Dagster: one asset a table, daily partitions, the job, its schedule.

What belongs here: wiring. What does not: anything that decides about a row, a day or a question (contracts.py, raw.py,
clean.py, star.py). Tables are wired by name: the function `star.dim_user` fills `contracts.DIM_USER`.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.accounts import every_day_check, last_of, ledger_asset, quarantine_asset
from tmdb_assets.orchestration.jobs import tables_and_publication
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG
from tmdb_assets.orchestration.sandbox import Sandbox
from tmdb_assets.orchestration.tables import derived_asset, raw_asset, side_asset
from tmdb_assets.settings import Settings, load_settings
from tmdb_assets.sources.moovitamix import answers, checks, clean, contracts, listings, privacy, raw, star

FIRST_DAY = "2025-01-01"
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
TABLES = {c.name: c for c in contracts.CONTRACTS}
STAGES: dict[str, Any] = {"clean": clean, "star": star}
QUALITY = {contracts.FACT_COLUMN_QUALITY, contracts.FACT_TABLE_QUALITY}
RAW_AFTER: dict[Contract, Sequence[Contract]] = {contracts.PAGES: ()}
WHY_SANDBOX = "MOOVITAMIX_URL is not set: the built-in sandbox serves invented music"


def derived_tables(settings: Settings | None = None) -> list[DerivedTable]:
    """Every clean and star table with the function of its name, every view with its text.

    `settings` say where the key of the hashes comes from; without them they are read when it is needed.
    """
    built = [
        DerivedTable(
            contract,
            getattr(STAGES[contract.stage], contract.name),
            TABLES,
            loaded={"hash_key": lambda: privacy.hash_key(settings or load_settings())},
            received=clean.RECEIVED.get(contract.name),
            shape=clean.SHAPES.get(contract.name),
            warnings=checks.WARNINGS.get(contract.name, {}),
            follows=contracts.PAGES.name if contract.partition else "",
            compared=contracts.CHANGES.name if contract.partition else "",
            unsettled=listings.unsettled,
        )
        for contract in contracts.CONTRACTS
        if contract.stage in STAGES and contract is not contracts.QUARANTINE
    ]
    return built + [DerivedTable(view.contract, view, TABLES) for view in contracts.VIEWS]


def _verbatim(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
    """Puts the days' pages together again and compares each with the hash of what came."""
    frames = (store.scan(contracts.PAGES, days), store.scan(contracts.LAYOUTS), store.scan(contracts.RECORDS))
    pages = answers.restored_pages(*frames)
    other = [
        (day, endpoint, page)
        for day, endpoint, page, page_hash, text in pages.iter_rows()
        if answers.content_hash(endpoint, text) != page_hash
    ]
    sentence = f"{pages.height:,} pages can be put together again as they came"
    if other:
        day, endpoint, page = other[0]
        sentence = f"{len(other)} pages read otherwise than they came, first page {page} of {endpoint} on {day}"
    return Outcome("verbatim", not other, sentence, {"pages": pages.height, "other": len(other)}), {}


def _all_there(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
    """Looks for rows that a layout of the days names and that are not kept."""
    wanted = store.scan(contracts.PAGES, days).select("page_hash").unique()
    named = store.scan(contracts.LAYOUTS).join(wanted, on="page_hash", how="semi").select(record_hash="record_hashes")
    rows = named.explode("record_hash", empty_as_null=False, keep_nulls=False).unique()
    missing = rows.join(store.scan(contracts.RECORDS), on="record_hash", how="anti").collect().height
    sentence = f"{missing:,} rows named by a page are not kept" if missing else "every row named by a page is kept"
    return Outcome("all_there", not missing, sentence, {"missing": missing}), {}


def _nobody_back(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
    """Counts the rows that were dropped before they were kept."""
    kept = store.scan(contracts.FORGOTTEN).collect()
    dropped = int(store.scan(contracts.PAGES, days).collect().get_column("forgotten_count").sum())
    sentence = f"{dropped:,} rows of forgotten persons came and were not kept"
    return Outcome("dropped", dropped == 0, sentence, {"hashes": kept.height, "rows": dropped}, warns=True), {}


def build(settings: Settings) -> dg.Definitions:
    """The assets, resource, job and schedule of this source."""
    assets = [raw_asset(contract, PARTITIONS, after) for contract, after in RAW_AFTER.items()]
    sides = (
        (contracts.RECORDS, (contracts.PAGES,), "all_there", "Every row named by a page is kept.", _all_there),
        (
            contracts.LAYOUTS,
            (contracts.PAGES, contracts.RECORDS),
            "verbatim",
            "Every page of the day can be put together again, byte for byte.",
            _verbatim,
        ),
        (
            contracts.FORGOTTEN,
            (contracts.PAGES,),
            "dropped",
            "The source does not serve rows of forgotten persons any more; those it serves are dropped.",
            _nobody_back,
        ),
    )
    assets += [side_asset(c, PARTITIONS, after, check, meaning, judge) for c, after, check, meaning, judge in sides]
    assets.append(ledger_asset(contracts.EXTRACTION_LEDGER, PARTITIONS, RAW_AFTER))
    derived = derived_tables(settings)
    for table in derived:
        proof = [contracts.EXTRACTION_LEDGER] if table.contract.stage == "clean" else []
        assets.append(derived_asset(table, PARTITIONS, after=proof))
    # a whole table sets no row aside, and the profiles tell of the quarantine itself
    last = last_of([t for t in derived if not t.contract.is_whole and t.contract not in QUALITY])
    assets.append(quarantine_asset(contracts.QUARANTINE, PARTITIONS, last))
    check = every_day_check(contracts.EXTRACTION_LEDGER, PARTITIONS, [contracts.QUARANTINE, *last_of(derived)])
    job = dg.define_asset_job(
        "moovitamix_daily",
        selection=tables_and_publication(contracts.SOURCE),
        config=CONSOLE_CONFIG,
        description="One day of moovitamix: read whole, what changed kept, standing as a star schema with history.",
    )

    @dg.schedule(
        job=job,
        cron_schedule="30 22 * * *",
        execution_timezone="UTC",
        description="Daily at 22:30 UTC: a day is observed near its end, well before midnight.",
    )
    def moovitamix_daily_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=context.scheduled_execution_time.astimezone(dt.UTC).date().isoformat())

    @dg.resource(required_resource_keys={"clock"})
    def moovitamix(context: dg.InitResourceContext) -> Iterator[raw.Moovitamix]:
        log = context.log.info if context.log else print
        sandbox = None if settings.moovitamix_url else Sandbox(settings, log, WHY_SANDBOX)
        client = raw.Moovitamix(settings, context.resources.clock, sandbox, log)
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
        schedules=[moovitamix_daily_schedule],
        resources={contracts.SOURCE: moovitamix},
    )
