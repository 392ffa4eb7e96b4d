"""The two accounts that every source keeps, as assets: its ledger and its quarantine.

What belongs here: what is read from them at the end of a run, and the verdict on it. What does not: who writes them
(lakehouse/extraction.py, lakehouse/publishing.py), how an asset is made of a side table (tables.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import polars as pl

from tmdb_assets.lakehouse.checks import Outcome
from tmdb_assets.lakehouse.contracts import Contract, is_value
from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.lakehouse.derived import DerivedTable
from tmdb_assets.lakehouse.ledger import Ledger
from tmdb_assets.orchestration.tables import side_asset


def ledger_asset(
    ledger: Contract, partitions: dg.PartitionsDefinition[str], after: Iterable[Contract]
) -> dg.AssetsDefinition:
    """The ledger of a source: the run stops here when an endpoint fell short. `after`: the source's raw tables."""

    def verdict(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
        account = Ledger(store, ledger.source)
        short, awaited = account.days_short(days), account.days_awaited(days)
        rows = store.scan(ledger, days).collect()
        sentence = "every endpoint is finished and kept its promise"
        span = ledger.cadence.value
        if short.height:
            sentence = (
                f"{_named(short)} fell short: run the {span} again; one that is over, and that the source does not keep, "
                "stays incomplete and is not published: leave it out of the range"
            )
        elif awaited.height:
            sentence = f"{_named(awaited)} had nothing yet, and the {span} goes on without: run it again later"
        figures = {c: int(rows.get_column(c).sum()) for c in ("calls", "retries", "throttled", "cache_hits", "bytes")}
        passed = not (short.height or awaited.height)
        return Outcome("extraction_complete", passed, sentence, figures, warns=not short.height), dict(figures)

    meaning = f"Every endpoint of the {ledger.cadence.value} is finished and what was promised arrived."
    return side_asset(ledger, partitions, after, "extraction_complete", meaning, verdict)


def _named(rows: pl.DataFrame) -> str:
    """Endpoints of some days, in words."""
    first = rows.row(0, named=True)
    more = f" and {rows.height - 1} more" if rows.height > 1 else ""
    return f"{first['endpoint']} on {first['date_id']}{more}"


def quarantine_asset(
    quarantine: Contract, partitions: dg.PartitionsDefinition[str], after: Iterable[Contract]
) -> dg.AssetsDefinition:
    """The quarantine of a source: what was set aside in the run and why. `after`: the last tables that set rows aside."""

    def verdict(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
        rows = store.scan(quarantine, days).collect()
        rules = rows.group_by("origin", "rule", is_value().alias("is_value")).len()
        rules = rules.sort("len", "origin", "rule", "is_value", descending=[True, False, False, False])
        listed = "\n".join(
            f"- {n} x {origin}: {rule}{' (the value alone)' if alone else ''}"
            for origin, rule, alone, n in rules.iter_rows()
        )
        values = rows.filter(is_value()).height
        unexplained = rows.filter(pl.col("reason").str.strip_chars() == "").height
        sentence = (
            f"{rows.height - values:,} rows and {values:,} single values are set aside, each with its reason"
            if not unexplained
            else f"{unexplained} rows or values lack a reason"
        )
        told = {"by_rule": dg.MetadataValue.md(listed or "nothing is quarantined")}
        return Outcome("explained", not unexplained, sentence, {"rows": rows.height - values, "values": values}), told

    return side_asset(quarantine, partitions, after, "explained", "Every row and value set aside says why.", verdict)


def last_of(tables: Sequence[DerivedTable]) -> list[Contract]:
    """Tables that no other one of them waits for: when they stand, every table stands."""
    awaited = {c.key for table in tables for c in table.upstream}
    return [t.contract for t in tables if t.contract.key not in awaited]
