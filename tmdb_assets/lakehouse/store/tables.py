"""Delta tables as they are opened: their files, and their rows as the contract promises them.

What belongs here: a handle of one version, its files from the log alone, a lazy frame over them. What does not: which version
is opened (delta.py), how places are named (root.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import polars as pl
from deltalake import DeltaTable

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store.root import LakeError, as_named


class Table(DeltaTable):
    """A Delta table whose place and files are named as they are, which is how Polars reads them: see root.py."""

    @property
    def table_uri(self) -> str:
        """Where the table lies."""
        return as_named(super().table_uri)

    def file_uris(self, *args: Any, **options: Any) -> list[str]:
        """Where its data files lie."""
        return [as_named(uri) for uri in super().file_uris(*args, **options)]


class Files(Table):
    """The files that a table, or some days of it, has now: what a lazy frame reads, whatever becomes of the table.

    Polars asks a table for its files when a frame is collected, and for all of them, however few days are wanted.
    """

    def __init__(self, table: DeltaTable, column: str | None, days: Collection[dt.date] | None) -> None:
        vars(self).update(vars(table))
        actions, uris = pl.DataFrame(table.get_add_actions()), table.file_uris()
        if not all(uri.endswith(as_named(path)) for uri, path in zip(uris, actions.get_column("path"), strict=True)):
            raise LakeError(f"{table.table_uri}: its log names files in another order than their statistics")
        if column and days is not None:
            wanted = actions.get_column("partition").struct.field(column).is_in(list(days))
            actions = actions.filter(wanted)
            uris = [uri for uri, is_wanted in zip(uris, wanted, strict=True) if is_wanted]
        self._actions, self._uris = actions, uris

    def file_uris(self, *args: Any, **options: Any) -> list[str]:
        """The files."""
        return self._uris

    def get_add_actions(self, *args: Any, **options: Any) -> Any:
        """What the log says of them, in the same order."""
        return self._actions


def as_promised(contract: Contract, table: DeltaTable, days: Collection[dt.date] | None = None) -> pl.LazyFrame:
    """The rows of a table, or of some of its folders, with exactly the contract's columns; one younger than the kept
    files reads as null."""
    frame = pl.scan_delta(Files(table, contract.partition, days))
    there = frame.collect_schema()
    missing = [pl.lit(None, dtype=t).alias(c) for c, t in contract.schema.items() if c not in there]
    return frame.with_columns(missing).select(list(contract.schema))


def oldest_commit(table: DeltaTable) -> dt.datetime:
    """When the oldest commit was made that the log still has."""
    return dt.datetime.fromtimestamp(min(h["timestamp"] for h in table.history()) / 1000, dt.UTC)


def files_of(table: DeltaTable) -> pl.DataFrame:
    """The files of the version a handle is at, listed once: of a year of days the list is long."""
    kept: tuple[int, pl.DataFrame] | None = vars(table).get("_listed")
    if kept is None or kept[0] != table.version():
        kept = vars(table)["_listed"] = table.version(), pl.DataFrame(table.get_add_actions(flatten=True))
    return kept[1]
