"""Files that an engine has left in the folder of a table: looked at where they lie, then put into its log.

What belongs here: what lies there, its rows, what one commit makes of them, and what such folders leave behind. What
does not: who wrote them (engines/), how they are audited (flow/handed.py), the guard around the commit (delta.py).

Their rows may be more than memory holds, so they are only ever read a column or a part at a time. Until they are in the
log nobody sees them; files that never get there are removed by upkeep.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from deltalake._internal import DeltaFileSystemHandler  # its public face wants pyarrow, and fails on what pyarrow gives
from deltalake.exceptions import TableNotFoundError

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store.root import LakeError
from tmdb_assets.lakehouse.store.swaps import Swap, added, removed, statistics
from tmdb_assets.lakehouse.store.tables import Snapshot, Table

#: The beginning of the name of a folder in which files are left.
FOLDER = "answer-"


@dataclass(frozen=True, eq=False)
class Handed:
    """The Parquet files in a folder of a table. `uri`: where the table lies; `files`: path below it -> bytes."""

    contract: Contract
    uri: str
    files: dict[str, int]
    storage_options: dict[str, str] | None = None

    @cached_property
    def schema(self) -> pl.Schema:
        """The columns that the files have, and the one that stands in the names of their folders."""
        if not self.files:
            return self.contract.schema
        scanned = pl.scan_parquet(
            f"{self.uri}/{next(iter(self.files))}",
            hive_partitioning=False,
            glob=False,
            storage_options=self.storage_options,
        )
        folder = self.contract.folders
        there = {folder: self.contract.schema[folder]} if folder else {}
        return pl.Schema({**there, **scanned.collect_schema()})

    @cached_property
    def rows(self) -> int:
        """How many rows they have."""
        return sum(int(rows.select(pl.len()).collect().item()) for rows in self.each())

    @cached_property
    def days(self) -> set[dt.date]:
        """The values of the partition column, where folders are named by them."""
        return {dt.date.fromisoformat(day) for path in self.files for day in self._parts(path).values()}

    def lazy(self) -> pl.LazyFrame:
        """The rows, with exactly the contract's columns."""
        return self._of(*self.files)

    def parts(self) -> Iterator[Handed]:
        """The files of each day that a folder is named by; all of them where none is."""
        of_day: dict[str, dict[str, int]] = {}
        for path, size in self.files.items():
            of_day.setdefault("".join(self._parts(path).values()), {})[path] = size
        return (replace(self, files=files) for files in of_day.values())

    def each(self) -> Iterator[pl.LazyFrame]:
        """The rows of each file."""
        return (self._of(path) for path in self.files)

    def swap(self, table: Table, days: Collection[dt.date] | None) -> Swap:
        """What puts the files in the place of those that the table has, of some days or of all.

        Raises LakeError when a row lies outside of what is replaced: it would be added twice by the next run.
        """
        outside = self.days - set(self.days if days is None else days)
        if outside:
            raise LakeError(
                f"{self.contract.path}: rows ({self.contract.folders} {min(outside)}) lie outside of the partitions "
                "being replaced."
            )
        kept = table.files
        if kept.height and days is not None:
            kept = kept.filter(pl.col(f"partition.{self.contract.folders}").is_in(list(days)))
        adds = [
            added(p, size, statistics(self.contract, self._of(p)), self._parts(p)) for p, size in self.files.items()
        ]
        return Swap(adds, [removed(file) for file in kept.iter_rows(named=True)])

    def is_same_as(self, kept: pl.LazyFrame) -> bool:
        """Whether the rows are those, in whatever order: told by sums of their hashes, so that few are in memory."""
        return _summed(self.lazy()) == _summed(kept)

    def _of(self, *paths: str) -> pl.LazyFrame:
        uris = tuple(f"{self.uri}/{path}" for path in paths)
        return Snapshot(self.contract, self.uri, None, None, uris, self.storage_options).lazy()

    def _parts(self, path: str) -> dict[str, str]:
        folder = self.contract.folders
        return {folder: re.findall(rf"/{folder}=([^/]+)/", path)[-1]} if folder else {}


def left_in(
    contract: Contract, uri: str, address: str, name: str, storage_options: dict[str, str] | None = None
) -> Handed:
    """What an engine has left in the folder `name` of a table. Files without rows are none."""
    try:
        found = DeltaFileSystemHandler(address, storage_options).get_file_info_selector(name, True, True)
    except TableNotFoundError:  # nor is there a table yet
        found = []
    sizes = {file.path: file.size for file in found if file.path.endswith(".parquet") and not _is_hidden(file.path)}
    handed = Handed(contract, uri, dict(sorted(sizes.items())), storage_options)
    full = {path: size for path, size in handed.files.items() if handed._of(path).select(pl.len()).collect().item()}
    return Handed(contract, uri, full, storage_options)


def remove_remains(address: str, storage_options: dict[str, str] | None, before: dt.datetime) -> int:
    """Delete what writers of such folders have left beside their files, if it is older.

    Hadoop's marks, sums and temporary files begin with `_` or `.`, and vacuum takes files of such names for its own.
    Returns how many files.
    """
    handler = DeltaFileSystemHandler(address, storage_options)
    folders = [each.path for each in handler.get_file_info_selector("", True, False) if each.path.startswith(FOLDER)]
    inside = [file for folder in folders for file in handler.get_file_info_selector(folder, True, True) if file.is_file]
    hidden = [file.path for file in inside if _is_hidden(file.path) and file.mtime < before]
    for path in hidden:
        handler.delete_file(path)
    return len(hidden)


def remove_empty_folders(table: Path, before: dt.datetime) -> None:
    """Delete such folders below a table on this machine that have held nothing since an instant: a bucket has none."""
    for folder in table.glob(f"{FOLDER}*"):
        tree = [folder, *sorted(folder.rglob("*"))]
        if all(path.is_dir() and path.stat().st_mtime < before.timestamp() for path in tree):
            with suppress(OSError):  # its writer, at work, has just put something there
                for path in reversed(tree):
                    path.rmdir()


def _is_hidden(path: str) -> bool:
    return any(part.startswith(("_", ".")) for part in path.split("/"))


def _summed(rows: pl.LazyFrame) -> tuple[Any, ...]:
    """How many rows there are, and two sums of their hashes."""
    row = pl.struct(pl.all())
    sums = [row.hash(seed).cast(pl.Int128).sum().alias(str(seed)) for seed in (1, 2)]
    return rows.select(pl.len(), *sums).collect(engine="streaming").row(0)
