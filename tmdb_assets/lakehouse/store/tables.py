"""Delta tables as they are opened: their files, and snapshots of them that any engine can read.

What belongs here: a handle of one version, its files from the log alone, `Snapshot`, whether its columns are those of
its contract. What does not: which version is opened (delta.py), how places are named (root.py).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store.root import LakeError, as_named

#: The key of a commit's metadata under which the versions stand that its rows were made of (changes.py).
MADE_OF = "made_of"


def commit_properties(metadata: Mapping[str, str], retries: int | None = None) -> CommitProperties:
    """What a commit says of itself, and how often deltalake tries it (None: as often as it likes)."""
    made_of = json.loads(metadata.get(MADE_OF, "{}"))
    return CommitProperties(
        custom_metadata=dict(metadata),
        max_commit_retries=retries,
        app_transactions=[Transaction(name, version) for name, version in made_of.items()],
    )


class Table(DeltaTable):
    """A Delta table whose place and files are named as they are, which is how Polars reads them: see root.py."""

    _files: tuple[int, pl.DataFrame] | None = None

    @property
    def table_uri(self) -> str:
        """Where the table lies."""
        return as_named(super().table_uri)

    def file_uris(self, *args: Any, **options: Any) -> list[str]:
        """Where its data files lie."""
        return [as_named(uri) for uri in super().file_uris(*args, **options)]

    @property
    def files(self) -> pl.DataFrame:
        """Its data files at the version it is at, as the log tells of them, and the `uri` of each; no columns while
        there are none. They are listed once: of a year of days the list is long."""
        if self._files is None or self._files[0] != self.version():
            self._files = self.version(), self._listed()
        return self._files[1]

    def _listed(self) -> pl.DataFrame:
        files, uris = pl.DataFrame(self.get_add_actions(flatten=True)), self.file_uris()
        if not files.height:
            return files
        if not all(uri.endswith(as_named(path)) for uri, path in zip(uris, files.get_column("path"), strict=True)):
            raise LakeError(f"{self.table_uri}: its log names files in another order than their statistics")
        return files.with_columns(uri=pl.Series(uris, dtype=pl.String))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A table at one version, or some days of it: Parquet files that nobody changes, as any engine can read them.

    `version` is None while the table has never been written. `days` are those asked for, None for all; of a table whose
    days share files, the files hold other days too. A column of the contract that is younger than a file is null in it.
    The partition column of a table kept by the day stands in the names of folders (`date_id=2026-11-20`).
    """

    contract: Contract
    uri: str
    version: int | None
    days: tuple[dt.date, ...] | None
    files: tuple[str, ...]
    storage_options: Mapping[str, str] | None = None

    @property
    def paths(self) -> tuple[str, ...] | None:
        """The files as paths of this machine; None where they lie elsewhere, or hold more than the days asked for."""
        shares = self.days is not None and self.contract.partition and not self.contract.folders
        if shares or not all(file.startswith("file://") or file.startswith("/") for file in self.files):
            return None
        return tuple(file.removeprefix("file://") for file in self.files)

    def only(self, files: tuple[str, ...]) -> Snapshot:
        """The rows that lie in some files of the table."""
        return replace(self, files=files)

    def lazy(self) -> pl.LazyFrame:
        """The rows, with exactly the contract's columns."""
        contract, days = self.contract, self.days
        if not self.files:
            return contract.empty().lazy()
        folder = contract.folders
        frame = pl.scan_parquet(
            list(self.files),
            schema=contract.schema,
            hive_partitioning=folder is not None,
            hive_schema={folder: contract.schema[folder]} if folder else None,
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,  # a folder may be called anything
            storage_options=dict(self.storage_options) if self.storage_options else None,
        ).select(list(contract.schema))
        return (
            frame
            if days is None or folder or not contract.partition
            else frame.filter(within(contract.partition, days))
        )


def snapshot_of(
    contract: Contract,
    table: Table | None,
    uri: str,
    days: Collection[dt.date] | None = None,
    storage_options: Mapping[str, str] | None = None,
) -> Snapshot:
    """A table as it was opened, or some days of it."""
    wanted = None if days is None or not contract.partition else tuple(sorted(days))
    if table is None:
        return Snapshot(contract, uri, None, wanted, ())
    files = table.files
    if files.height and contract.folders and wanted is not None:
        files = files.filter(pl.col(f"partition.{contract.folders}").is_in(list(wanted)))
    if contract.owner and (first := f"min.{contract.owner[0]}") in files.columns:
        files = files.sort(first, nulls_last=True, maintain_order=True)  # merged rows then come by their grain
    uris = tuple(files.get_column("uri")) if files.height else ()
    return Snapshot(contract, uri, table.version(), wanted, uris, storage_options)


def within(column: str, days: Collection[dt.date]) -> pl.Expr:
    """Rows of some days; the range lets the reader leave files out even where it does not see through the list."""
    if not days:
        return pl.lit(False)
    return pl.col(column).is_between(min(days), max(days)) & pl.col(column).is_in(sorted(days))


def oldest_commit(table: DeltaTable) -> dt.datetime:
    """When the oldest commit was made that the log still has."""
    return dt.datetime.fromtimestamp(min(h["timestamp"] for h in table.history()) / 1000, dt.UTC)


def refuse_other_types(contract: Contract, table: Table) -> None:
    """Delta casts int64 into an int32 column without a word: a type that changed must stop, not corrupt."""
    schema = table.schema()
    if schema == contract.delta_schema:
        return
    there = {f.name: f.type for f in schema.fields}
    for wanted in contract.delta_schema.fields:
        if wanted.name in there and there[wanted.name] != wanted.type:
            raise LakeError(
                f"{contract.path}, column {wanted.name}: the table holds {there[wanted.name]}, its contract "
                f"now says {wanted.type}. Rebuild the table from raw, or give the column another name."
            )
