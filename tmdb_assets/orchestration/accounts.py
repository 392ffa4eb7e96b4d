"""The two accounts that every source keeps, as assets: its ledger and its quarantine.

What belongs here: what is read from them at the end of a run, and the verdict on it. What does not: who writes them
(lakehouse/flow/extraction.py, lakehouse/flow/publishing.py), how an asset is made of a side table (tables.py).
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from tmdb_assets.lakehouse.contracts import Contract, is_value
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.resources import LakeResource
from tmdb_assets.orchestration.tables import side_asset

NOTHING_YET = "had nothing yet, and what was observed goes on without"


def ledger_asset(
    ledger: Contract, partitions: dg.PartitionsDefinition[str], after: Iterable[Contract]
) -> dg.AssetsDefinition:
    """The ledger of a source: the run stops here when an endpoint fell short. `after`: the source's raw tables."""

    def verdict(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
        account = Ledger(store, ledger.source)
        short, noted = account.days_short(days), account.days_noted(days)
        rows = store.scan(ledger, days).collect()
        sentence = "every endpoint is finished and kept its promise"
        span = ledger.cadence.value
        proven = account.days_proven(days)
        if short.height:
            why = " ".join(f"{note.rstrip('.')}." for note in short.get_column("note").drop_nulls())
            sentence = (
                f"{_named(short)} fell short: run the {span} again; one that is over, and that the source does "
                f"not keep, stays incomplete and is not published{f' ({why})' if why else ''}"
            )
        elif noted.height:
            sentence = f"{_named(noted)} {NOTHING_YET}: run the {span} again later"
            if told := noted.get_column("note").drop_nulls().to_list():
                sentence = " ".join(f"{note.rstrip('.')}." for note in told)
        figures = {c: int(rows.get_column(c).sum()) for c in ("calls", "retries", "throttled", "cache_hits", "bytes")}
        passed = not (short.height or noted.height)
        # a day that fell short takes no other with it: what is built of the others says so itself
        return Outcome("extraction_complete", passed, sentence, figures, warns=bool(proven)), dict(figures)

    meaning = f"Every endpoint of the {ledger.cadence.value} is finished and what was promised arrived."
    return side_asset(ledger, partitions, after, "extraction_complete", meaning, verdict)


def every_day_check(
    ledger: Contract, partitions: dg.PartitionsDefinition[str], after: Iterable[Contract]
) -> dg.AssetChecksDefinition:
    """Fails the run, once all else is done, when days of it could not be had: the others are published by then.

    `after`: the source's last tables. It is a check without partitions, since those break on a range run.
    """
    key, span = dg.AssetKey(ledger.key), ledger.cadence.value
    spec = dg.AssetCheckSpec(
        f"every_{span}",
        asset=key,
        description=f"Every {span} of the run was observed whole; those that were not are named, the others published.",
        additional_deps=[dg.AssetKey(contract.key) for contract in after],
    )

    @dg.multi_asset_check(name=f"{ledger.source}_every_{span}", specs=[spec])
    def every_day(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        keys = keys_of_run(context.run.tags, partitions)
        days = [ledger.cadence.day(partition) for partition in keys]
        proven = Ledger(lake.store, ledger.source).days_proven(days)
        lost = [partition for partition, day in zip(keys, days, strict=True) if day not in proven]
        sentence = (
            f"{len(lost)} of {len(keys)} {span}s could not be had and are not published, the others are: "
            f"{', '.join(lost)}; the log says why of each"
            if lost
            else f"every {span} of the run was observed whole"
        )
        yield dg.AssetCheckResult(
            passed=not lost, asset_key=key, check_name=spec.name, description=sentence, metadata={f"{span}s": len(keys)}
        )
        if lost:
            raise dg.Failure(f"{ledger.source}: {sentence}.", allow_retries=False)

    return every_day


def keys_of_run(tags: Mapping[str, str], partitions: dg.PartitionsDefinition[str]) -> Sequence[str]:
    """The partitions that a run is of, as its tags name them; none for a run without."""
    if key := tags.get("dagster/partition"):
        return [key]
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    if not (first and last):
        return []
    return partitions.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))


def _named(rows: pl.DataFrame) -> str:
    """Endpoints of some days, in words."""
    first = rows.row(0, named=True)
    more = f" and {rows.height - 1} more" if rows.height > 1 else ""
    return f"{first['endpoint']} on {first['date_id']}{more}"


def quarantine_asset(
    quarantine: Contract, partitions: dg.PartitionsDefinition[str], after: Iterable[Contract]
) -> dg.AssetsDefinition:
    """The quarantine of a source: what was set aside in the run and why. `after`: the last tables that set rows
    aside."""

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
    """The ends of the graph: tables that none of the others is made of. When these are built, all are."""
    awaited = {c.key for table in tables for c in table.upstream}
    return [t.contract for t in tables if t.contract.key not in awaited]
