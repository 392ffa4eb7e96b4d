"""The daily report in Dagster: one HTML file per day of films, written after the warehouse.

What belongs here: wiring, which days a run reports, the file. What does not: what the report says (answers.py), how it
looks (page.py).
"""

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.store.locks import reading_publication
from tmdb_assets.orchestration.jobs import publication_options
from tmdb_assets.orchestration.log_file import teller
from tmdb_assets.orchestration.partitions import Events, asset_of, materialized, partition_keys
from tmdb_assets.orchestration.usage import record_usage
from tmdb_assets.places import led_to
from tmdb_assets.report.answers import Answers, Days, held_days, read, read_past
from tmdb_assets.report.page import render
from tmdb_assets.report.past import Past
from tmdb_assets.settings import Settings
from tmdb_assets.warehouse.reader import Info, Warehouse

SOURCE = "tmdb"  #: whose days are reported
KEY = dg.AssetKey("daily_report")
#: Whose days the report's days are: a backfill goes from partitions to partitions, and the warehouse has none.
FACTS = dg.AssetKey([SOURCE, "star", "fact_movie_daily"])
READ_ONLY = {"access_mode": "READ_ONLY"}  #: how DuckDB is told so


class ReportError(LakehouseError):
    """The report cannot be written. The message names the file and what to do."""


def warehouse_resource(settings: Settings) -> DuckDBResource:
    """The warehouse, for whatever reads it in Dagster: the resource `warehouse`, whose file a launchpad may change."""
    return DuckDBResource(database=str(settings.tmdb_assets_warehouse.absolute()), connection_config=READ_ONLY)


def opened(warehouse: DuckDBResource) -> Warehouse:
    """The warehouse that a resource names, to read: whatever a launchpad says of the connection, it cannot write.

    Where it could, it would keep all other readers out, and the launchpad forgets what it is not told again.
    """
    config = {**warehouse.connection_config, **READ_ONLY}
    resource = DuckDBResource(database=warehouse.database, connection_config=config)
    return Warehouse(resource.database, resource.get_connection)


def build(settings: Settings, partitions: dg.PartitionsDefinition[str], views: Mapping[str, str]) -> dg.Definitions:
    """The asset `daily_report`. `partitions`: the days of films; `views`: the text of every view, each after those it
    reads."""

    @asset_of(
        **publication_options(SOURCE),
        key=KEY,
        partitions_def=partitions,
        deps=[FACTS, dg.AssetKey(["warehouse", SOURCE])],
        description="A day of films as one HTML file that needs nothing else to be read: most popular, movers, "
        "breakouts, "
        "genres, money, data quality. One file per day of the run, and one of the newest day, which may have moved "
        "with the days before it; a day that is published again is written again.",
        kinds={"html"},
    )
    def daily_report(context: dg.AssetExecutionContext, warehouse: DuckDBResource) -> Events:
        wanted = [dt.date.fromisoformat(key) for key in partition_keys(context)]
        try:
            with (
                closing(opened(warehouse)) as to_read,
                reading_publication(to_read.path, teller(context)),
            ):
                written = write_days(to_read, wanted, views, settings.tmdb_assets_reports, teller(context))
        except LakehouseError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        record_usage(context)
        yield from materialized(context, KEY, {}, written)

    return dg.Definitions(assets=[daily_report])


def write_days(
    warehouse: Warehouse,
    wanted: Sequence[dt.date],
    views: Mapping[str, str],
    folder: Path,
    log: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """Write the reports of the days wanted and of the newest one, as far as the warehouse holds them.

    Returns what Dagster is told of each, by its day. Raises WarehouseError, ReportError.
    """
    started = time.monotonic()
    days = held_days(warehouse)
    if days.newest is None:
        log("The warehouse has no day of films yet: there is nothing to report")
        return {}
    past = Past.of(warehouse, views)
    written = {}
    for day in sorted({*wanted, days.newest} & days.held):
        answers = read(warehouse) if day == days.newest else read_past(warehouse, day, days, past)
        if answers:
            written[day.isoformat()] = _metadata(answers, write(answers, folder))
    several = f"{len(written)} reports, the last" if len(written) > 1 else "the report"
    log(f"{folder.absolute()}: {several} of {max(written)}, written in {time.monotonic() - started:.1f} s")
    if left_out := sorted(set(wanted) - days.held):
        log(_left_out(left_out, days, warehouse.info))
    return written


def _left_out(left_out: Sequence[dt.date], days: Days, info: Info) -> str:
    """Why days have no report."""
    listed = str(left_out[0]) if len(left_out) == 1 else f"{len(left_out)} days, {left_out[0]} to {left_out[-1]}"
    if info.fact_days and left_out[-1] < min(days.held):
        why = f"the warehouse holds the newest {info.fact_days} days of films alone (WAREHOUSE_FACT_DAYS)"
    else:
        why = f"the warehouse does not hold {'it' if len(left_out) == 1 else 'them'}"
    return f"No report of {listed}: {why}"


def write(answers: Answers, folder: Path) -> Path:
    """Write the report of a day, whole or not at all. Raises ReportError."""
    file = folder.absolute() / f"{answers.day.isoformat()}.html"
    unfinished = None
    try:
        place = led_to(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_name(f"{place.name}.next")
        unfinished.write_text(render(answers), encoding="utf-8")
        unfinished.replace(place)
    except OSError as error:
        with suppress(OSError):
            if unfinished:
                unfinished.unlink()  # half a report, where the disk is full
        raise ReportError(
            f"The report {file} cannot be written ({error.strerror}): make room, or set TMDB_ASSETS_REPORTS to a "
            f"folder that you may write to."
        ) from None
    return file


def _metadata(answers: Answers, file: Path) -> dict[str, Any]:
    published: dt.datetime = answers.info.published_at
    return {
        "report": dg.MetadataValue.path(str(file)),
        "open": dg.MetadataValue.url(file.as_uri()),
        "day": answers.day.isoformat(),
        "films": answers.head["films"],
        "bytes": file.stat().st_size,
        "warehouse_published_at": dg.MetadataValue.timestamp(published),
    }
