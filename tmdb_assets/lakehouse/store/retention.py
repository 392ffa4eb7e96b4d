"""What is kept of a table, and for how long.

What belongs here: rows that expire, contents that nothing names any more, old versions and the files of killed writers.
What does not: how a commit is made (delta.py), when it is done (orchestration/upkeep.py), whom a source forgets (its
own module).
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Mapping
from contextlib import suppress

import polars as pl
from deltalake import CommitProperties

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store.delta import FILES_AT_MOST, WRITER, DeltaStore
from tmdb_assets.lakehouse.store.ranges import lie_apart

RETENTION = ("interval 30 days", "interval 1 week")  # Delta's own: of log entries, of files that no version needs
#: What a killed writer leaves of any file it was about to name: of data, of a commit with its statistics, of a
#: checkpoint.
STAGING_FILE = re.compile(r".+#\d+")


def expire(store: DeltaStore, contract: Contract, before: dt.date, metadata: Mapping[str, str]) -> int:
    """Delete the partitions older than `before`, or, of a table with columns that expire, what these hold there.

    Returns the rows that were deleted or emptied.
    """
    if contract.partition and contract.expiring:
        return _empty(store, contract, pl.col(contract.partition) < before, metadata)

    def attempt() -> int:
        rows = sum(n for day, n in store.partition_rows(contract).items() if day < before)
        table = store.open(contract)
        if rows and table is not None:
            table.delete(
                f"{contract.partition} < DATE '{before.isoformat()}'",
                commit_properties=CommitProperties(custom_metadata=dict(metadata)),
            )
        return rows

    return store.again_on_conflict(attempt)


def _empty(store: DeltaStore, contract: Contract, is_old: pl.Expr, metadata: Mapping[str, str]) -> int:
    """Put null into the columns that expire, of the old rows; returns how many of them held something."""
    holds = pl.any_horizontal(pl.col(contract.expiring).is_not_null())
    rows = int(store.scan(contract).filter(is_old, holds).select(pl.len()).collect().item())
    if rows:
        emptied = [pl.when(is_old).then(None).otherwise(pl.col(c)).alias(c) for c in contract.expiring]
        store.rewrite(contract, lambda there: there.with_columns(emptied), metadata)
    return rows


def drop_unnamed(store: DeltaStore, contract: Contract, metadata: Mapping[str, str]) -> int:
    """Delete the rows whose key the column that they are kept for names no more; returns how many.

    Contents come before what names them, so nobody may be fetching meanwhile (locks.py).
    """
    if contract.kept_for is None:
        return 0
    (key,), (naming, column) = contract.grain, contract.kept_for

    def named(there: pl.DataFrame) -> pl.DataFrame:
        names = store.scan(naming).select(pl.col(column).alias(key))
        if isinstance(naming.schema[column], pl.List):
            names = names.explode(key)
        return there.join(names.unique().collect(), on=key, how="semi", maintain_order="left")

    if not store.rows(contract):
        return 0
    commit = store.rewrite(contract, named, metadata)
    return commit.rows_removed - commit.rows_added


def compact_day(store: DeltaStore, contract: Contract, day: dt.date, metadata: Mapping[str, str]) -> None:
    """Make few files of many small ones of a day, where it lies in a folder of its own: what was kept as it came."""

    def attempt() -> None:
        files, table = store.files(contract), store.open(contract)
        if table is None or not contract.folders or not files.height:
            return
        if files.filter(pl.col(f"partition.{contract.folders}") == day).height > FILES_AT_MOST:
            table.optimize.compact(
                partition_filters=[(contract.folders, "=", day.isoformat())],
                max_concurrent_tasks=1,
                writer_properties=WRITER,
                commit_properties=CommitProperties(custom_metadata={**metadata, "purpose": "compaction"}),
            )

    store.again_on_conflict(attempt)


def upkeep(store: DeltaStore, contract: Contract, *, keep_hours: float = 168.0) -> dict[str, int]:
    """Compact small files, write a checkpoint, and delete files that no version younger than `keep_hours` needs.

    Files by ranges of owners stay: merges keep them at their size, and one file of all of them would be rewritten by
    each. Includes the orphans of killed writers, and their `NAME#N` staging files, which vacuum does not know.
    """

    def attempt() -> dict[str, int]:
        table = store.open(contract)
        if table is None:
            return {}
        compacted = 0
        if not (contract.owner and lie_apart(contract, table.files)):
            compacted = int(table.optimize.compact(writer_properties=WRITER)["numFilesRemoved"])
        table.create_checkpoint()
        vacuumed = table.vacuum(
            retention_hours=int(keep_hours), dry_run=False, enforce_retention_duration=keep_hours >= 168, full=True
        )
        table.cleanup_metadata()
        staged = _remove_staging_files(store, contract, keep_hours) + _remove_remains(store, contract, keep_hours)
        return {
            "files_compacted": compacted,
            "files_deleted": len(vacuumed) + staged,
        }

    return store.again_on_conflict(attempt)


def drop_past(store: DeltaStore, contract: Contract) -> None:
    """Delete everything but the newest version: older files, and the log entries that hold their statistics.

    For what must not be readable any more, in no version. Nobody else may be writing meanwhile. Cut before its end,
    it is finished by running it again.
    """
    if store.open(contract) is not None:
        store.again_on_conflict(lambda: _drop_past(store, contract))


def _drop_past(store: DeltaStore, contract: Contract) -> None:
    table = store.open_anew(contract)
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)
    names = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")
    table.alter.set_table_properties(dict.fromkeys(names, "interval 0 seconds"))
    table.update_incremental()
    table.create_checkpoint()
    table.cleanup_metadata()
    table.alter.set_table_properties(dict(zip(names, RETENTION, strict=True)))
    _remove_staging_files(store, contract, 0)
    _remove_remains(store, contract, 0)


def _remove_remains(store: DeltaStore, contract: Contract, keep_hours: float) -> int:
    return store.remove_remains(contract, dt.datetime.now(dt.UTC) - dt.timedelta(hours=keep_hours))


def _remove_staging_files(store: DeltaStore, contract: Contract, keep_hours: float) -> int:
    if not store.is_local:
        return 0  # object stores finish an upload or drop it: there are no staging files
    oldest, removed = time.time() - keep_hours * 3600, 0
    for file in (store.folder / contract.path).rglob("*#*"):
        with suppress(FileNotFoundError):  # its writer, at work, has just given it its name
            if STAGING_FILE.fullmatch(file.name) and file.stat().st_mtime < oldest:
                file.unlink()
                removed += 1
    return removed
