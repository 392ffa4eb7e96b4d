"""The daily report in Dagster: one HTML file per day of the warehouse, written after it.

What belongs here: wiring and the file. What does not: what the report says (answers.py), how it looks (page.py).
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.store.locks import reading_publication
from tmdb_assets.orchestration.jobs import PUBLICATION
from tmdb_assets.places import led_to
from tmdb_assets.report.answers import Answers, read
from tmdb_assets.report.page import render
from tmdb_assets.settings import Settings
from tmdb_assets.warehouse.reader import Warehouse

KEY = dg.AssetKey("daily_report")


class ReportError(LakehouseError):
    """The report cannot be written. The message names the file and what to do."""


def build(settings: Settings) -> dg.Definitions:
    """The asset `daily_report`."""

    @dg.asset(
        key=KEY,
        deps=[dg.AssetKey("warehouse")],
        output_required=False,
        description="The newest day of films as one HTML file that needs nothing else to be read: most popular, movers, "
        "breakouts, genres, money, data quality. One file per day; a day that is published again is written again.",
        group_name=PUBLICATION,
        kinds={"html"},
        backfill_policy=dg.BackfillPolicy.single_run(),  # else a range of days that ends with it is refused
        owners=["team:data-engineering"],
    )
    def daily_report(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        warehouse = Warehouse(settings.tmdb_assets_warehouse)
        try:
            with reading_publication(settings.tmdb_assets_warehouse, context.log.info):
                answers = read(warehouse)
                file = write(answers, settings.tmdb_assets_reports) if answers else None
        except LakehouseError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        finally:
            warehouse.close()
        if answers is None or file is None:
            context.log.info("The warehouse has no day of films yet: there is nothing to report")
            return
        yield dg.MaterializeResult(metadata=_metadata(answers, file))

    return dg.Definitions(assets=[daily_report])


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
            f"The report {file} cannot be written ({error.strerror}): make room, or set TMDB_ASSETS_REPORTS to a folder "
            "that you may write to."
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
