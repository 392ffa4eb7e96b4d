"""The lake: Delta tables under one root, written by commit and read as of any version.

What belongs here: `DeltaStore` (scan, append, replace partitions, merge owned rows, history) and what every commit
needs (metadata, another try after a conflict). What does not: what a table promises (contracts/), what expires
(retention.py), when a table is written (flow/), SQL over tables (engines/).
"""

from __future__ import annotations

import datetime as dt
import os
import re
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import polars as pl
from deltalake import WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store.handed import FOLDER, Handed, left_in, remove_empty_folders, remove_remains
from tmdb_assets.lakehouse.store.owned import in_order
from tmdb_assets.lakehouse.store.ranges import OwnedFiles
from tmdb_assets.lakehouse.store.refusals import first_line, no_panic, refusal, refused_by_the_system
from tmdb_assets.lakehouse.store.root import LakeError, LakeRoot, as_named
from tmdb_assets.lakehouse.store.swaps import Swap, commit_swap
from tmdb_assets.lakehouse.store.tables import (
    Snapshot,
    Table,
    commit_properties,
    oldest_commit,
    refuse_other_types,
    snapshot_of,
    within,
)

T = TypeVar("T")
Version = int | dt.datetime
_Stamp = tuple[int, int]

#: A third more effort than level 1, which deltalake takes by itself, for a fifteenth less bytes.
WRITER = WriterProperties(compression="ZSTD", compression_level=3)
#: Commits. Each since the last checkpoint costs whoever opens the table half a millisecond, writing one costs ten.
CHECKPOINT_EVERY = 10
#: Files of a small table. Each costs whoever reads it a millisecond; writing all anew costs as much as the table has.
FILES_AT_MOST = 8
RETRIES = 10


@dataclass(frozen=True)
class Commit:
    """What one write did: the table's version after it, rows it added and removed, bytes of the files it added."""

    version: int
    rows_added: int
    rows_removed: int
    bytes_added: int
    changed: bool = True


class OvertakenError(LakeError):
    """What rows were made of was written anew before they were committed: nothing was written, make them again."""


class DeltaStore:
    """Delta tables under `root`, a local folder or an object-store URL; a table lies at `root/source/stage/name`.

    `storage_options` are handed to the object store as they are (credentials usually come from its own
    environment variables). Each write is one commit: a reader sees the table before or after it, never between.
    """

    def __init__(self, root: str | Path, storage_options: Mapping[str, str] | None = None) -> None:
        self.root = re.sub(r"(?<=[^/:])/+$", "", str(root))
        self._place = LakeRoot(self.root)
        self.storage_options = dict(storage_options or {}) or None
        self._opened: dict[str, tuple[_Stamp, Table]] = {}
        #: Bytes of files that whoever reads many days reads at once: a long backfill must fit a laptop's memory. Rows
        #: take about thirty times as much decoded.
        self.bytes_per_batch = 16_000_000

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def is_local(self) -> bool:
        """Whether the root is a folder of this machine."""
        return self._place.is_local

    @property
    def folder(self) -> Path:
        """The folder of a local root, links followed. Raises LakeError for links that lead nowhere."""
        return self._place.folder

    def uri(self, contract: Contract) -> str:
        """Where the table lies, as the root was written."""
        return f"{self.root}/{contract.path}"

    def _address(self, contract: Contract) -> str:
        return self._place.address(contract.path)

    def open(self, contract: Contract, version: Version | None = None) -> Table | None:
        """The Delta table (as of a version or an aware instant), or None while it has never been written.

        Raises LakeError when the table is there but never had that version or was not yet there at that instant.
        """
        if (table := self._as_opened(contract)) and version in (None, table.version()):
            return table
        address = self._address(contract)
        try:
            with no_panic(self.root):
                table = Table(address, storage_options=self.storage_options)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            refused = refusal(self.root, error, "read", is_local=self.is_local) or LakeError(
                f"{contract.path} cannot be read ({first_line(error)}): its _delta_log is damaged, restore it "
                "from a copy."
            )
            raise refused from None
        if version is None:
            self._remember(contract, table)
        else:
            if isinstance(version, dt.datetime) and (oldest := oldest_commit(table)) > version:
                # Delta would give its oldest version without a word
                raise LakeError(f"{contract.path} has no version {version}: its oldest is of {oldest}")
            try:
                table.load_as_version(version)
            except (DeltaError, ValueError) as error:
                raise LakeError(f"{contract.path} has no version {version}: {error}") from None
        return table

    def open_anew(self, contract: Contract) -> Table:
        """The table, read from its log though it was opened before."""
        self._opened.pop(self._address(contract), None)
        return Table(self._address(contract), storage_options=self.storage_options)

    def _as_opened(self, contract: Contract) -> Table | None:
        """The table as last opened here, if nobody has committed since: reading a long log costs more than a small
        day."""
        stamp, table = self._opened.get(self._address(contract), (None, None))
        return table if table and stamp == self._stamp(contract, table) else None

    def _remember(self, contract: Contract, table: Table) -> None:
        if stamp := self._stamp(contract, table):
            self._opened[self._address(contract)] = stamp, table

    def _stamp(self, contract: Contract, table: Table) -> _Stamp | None:
        """What tells this version's commit file from any other of that number; None if it is not the newest."""
        if not self.is_local:
            return None  # asking an object store costs as much as opening the table does
        log, version = self.folder / contract.path / "_delta_log", table.version()
        try:
            kept = (log / f"{version:020}.json").stat()
        except OSError:
            return None
        return None if (log / f"{version + 1:020}.json").exists() else (kept.st_ino, kept.st_mtime_ns)

    def version(self, contract: Contract) -> int | None:
        """The table's newest version, None while it has never been written."""
        table = self.open(contract)
        return None if table is None else table.version()

    def scan(
        self, contract: Contract, days: Collection[dt.date] | None = None, *, version: Version | None = None
    ) -> pl.LazyFrame:
        """The table's rows with exactly the contract's columns; `days` prunes partitions; pinned to one version.

        A table never written reads as empty, and a column younger than the kept files reads as null.
        """
        return self.snapshot(contract, days, version=version).lazy()

    def snapshot(
        self, contract: Contract, days: Collection[dt.date] | None = None, *, version: Version | None = None
    ) -> Snapshot:
        """The table, or some days of it, at one version: what any engine can read."""
        return snapshot_of(contract, self.open(contract, version), self.uri(contract), days, self.storage_options)

    def _lazy(self, contract: Contract, table: Table) -> pl.LazyFrame:
        """The rows of a table as it was opened."""
        return snapshot_of(contract, table, self.uri(contract), None, self.storage_options).lazy()

    def rows(self, contract: Contract) -> int:
        """Rows of the table, from the Delta log alone."""
        table = self.open(contract)
        return 0 if table is None else int(table.files.get_column("num_records").sum())

    def files(self, contract: Contract, version: Version | None = None) -> pl.DataFrame:
        """The table's data files, from the Delta log alone: path (never used twice), num_records, size_bytes, and
        partition.<column> where it is partitioned by folder; no columns while there are no files."""
        table = self.open(contract, version)
        return pl.DataFrame() if table is None else table.files

    def state(self, contract: Contract, days: Collection[dt.date] | None = None) -> frozenset[str]:
        """The paths of the files that hold the rows of a table, or of some days of it where these lie in folders.

        No path is used twice, so two states are equal only when nobody has written these rows in between.
        """
        files = self.files(contract)
        if not files.height:
            return frozenset()
        if days is not None and contract.folders:
            files = files.filter(pl.col(f"partition.{contract.folders}").is_in(list(days)))
        return frozenset(files.get_column("path"))

    def largest(self, contract: Contract, column: str) -> Any:
        """The largest value of a column, from the Delta log alone; None where the log does not say it of every file."""
        files = self.files(contract)
        stated = f"max.{column}"
        if stated not in files.columns or files.get_column(stated).null_count():
            return None
        return files.get_column(stated).max()

    def partition_rows(self, contract: Contract) -> dict[dt.date, int]:
        """Rows per partition, from the Delta log alone where the table is partitioned by folder."""
        table = self.open(contract)
        if table is None or not contract.partition:
            return {}
        if not contract.folders:
            counted = self.scan(contract).group_by(contract.partition).len().collect()
            return dict(counted.iter_rows())
        files = table.files
        if not files.height:
            return {}
        counted = files.group_by(f"partition.{contract.partition}").agg(pl.col("num_records").sum())
        return dict(counted.iter_rows())

    def partition_bytes(self, contract: Contract) -> dict[dt.date, int]:
        """Bytes kept per partition (compressed), from the Delta log; empty for a table not partitioned by folder."""
        table = self.open(contract)
        if table is None or not contract.folders:
            return {}
        files = table.files
        if not files.height:
            return {}
        summed = files.group_by(f"partition.{contract.partition}").agg(pl.col("size_bytes").sum())
        return dict(summed.iter_rows())

    def history(self, contract: Contract, limit: int | None = None) -> list[dict[str, Any]]:
        """Commits of the table, newest first, with their metadata."""
        table = self.open(contract)
        return [] if table is None else table.history(limit)

    # -- writing ---------------------------------------------------------------------------------------------------

    def refuse_unwritable_root(self) -> None:
        """Raises LakeError before any work is done when tables could not be read back, or a local root not be
        written."""
        self._place.address("")
        if not self.is_local:
            return
        folder = self.folder
        probe = folder / f".writable-{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise LakeError(
                f"The lake root {self.root} cannot be written ({error.strerror}): "
                "set TMDB_ASSETS_LAKE to a folder or bucket that you may write to."
            ) from None

    def create(self, contract: Contract) -> None:
        """Create the table, empty, if it has never been written: a reader finds it even before its first row."""
        self.again_on_conflict(lambda: self._open_or_create(contract))

    def append(self, contract: Contract, frame: pl.DataFrame, metadata: Mapping[str, str]) -> Commit:
        """Add rows in one commit. The caller answers for their being new."""
        return self._commit(contract, lambda table: self._write(table, frame, metadata, mode="append"))

    def append_new(self, contract: Contract, frame: pl.DataFrame, metadata: Mapping[str, str]) -> Commit:
        """Add the rows whose grain is not kept yet, in one commit: how content is kept once, under its own hash.

        Raises LakeError when a kept row of the same grain says something else: two contents share a hash.
        """

        def write(table: Table) -> None:
            rows, grain = frame.unique(contract.grain, maintain_order=True), list(contract.grain)
            there = self._lazy(contract, table)
            kept = there.join(rows.lazy().select(grain), on=grain, how="semi").collect()
            other = kept.join(rows, on=list(contract.schema), how="anti", nulls_equal=True)
            if other.height:
                raise LakeError(
                    f"{contract.path}: another row than the one kept comes with {', '.join(grain)} {other.row(0)[0]}: "
                    "two contents share one hash, so nothing was written."
                )
            new = rows.join(kept, on=grain, how="anti")
            if new.height:
                self._write(table, in_order(contract, new), metadata, mode="append", retries=0)

        return self._commit(contract, write)

    def replace(
        self,
        contract: Contract,
        frame: pl.DataFrame,
        days: Collection[dt.date],
        metadata: Mapping[str, str],
        where: Mapping[str, str | Sequence[str] | Sequence[int]] | None = None,
        is_current: Callable[[], bool] | None = None,
    ) -> Commit:
        """Replace the rows of some partitions (within them, those where a column has a value, or one of some) in one
        commit.

        `is_current` says whether the rows are still what they should be; see `overwrite`. Raises LakeError when `frame`
        has a row outside of what it replaces: it would be added twice by the next run.
        """
        if not contract.partition:
            raise LakeError(f"{contract.path} has no partitions to replace: merge it.")
        parts = {column: [value] if isinstance(value, str) else list(value) for column, value in (where or {}).items()}
        inside = within(contract.partition, days) & pl.all_horizontal(
            pl.lit(True), *[pl.col(c).is_in(values) for c, values in parts.items()]
        )
        outside = frame.filter(inside.not_().fill_null(True))
        if outside.height:
            found = outside.get_column(contract.partition).unique().sort().to_list()
            raise LakeError(
                f"{contract.path}: {outside.height} rows ({contract.partition} {found[0]}) lie outside of the "
                "partitions being replaced."
            )
        if not days:
            return Commit(self.version(contract) or 0, 0, 0, 0, changed=False)
        if not contract.folders:
            return self._commit(
                contract, lambda table: self._replace_small(contract, table, frame, inside, metadata), is_current
            )
        listed = ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days))
        predicate = f"{contract.partition} IN ({listed})"
        for column, values in parts.items():
            predicate += f" AND {column} IN ({', '.join(map(_literal, values))})"
        # delta-rs would repeat the commit by itself without asking whether the rows are still current
        retries = None if is_current is None else 0
        return self._commit(
            contract,
            lambda table: self._write(table, frame, metadata, retries, mode="overwrite", predicate=predicate),
            is_current,
        )

    def _replace_small(
        self, contract: Contract, table: Table, frame: pl.DataFrame, inside: pl.Expr, metadata: Mapping[str, str]
    ) -> None:
        """New days come as a file of their own, until there are many; then, or to replace a row, all are written
        anew."""
        rows, there = in_order(contract, frame), self._lazy(contract, table)
        replaced = there.filter(inside).collect()
        if in_order(contract, replaced).equals(rows):
            return
        if not replaced.height and len(table.file_uris()) < FILES_AT_MOST:
            self._write(table, rows, metadata, mode="append", retries=0)
        else:
            self._rewrite(table, in_order(contract, pl.concat([there.filter(~inside).collect(), rows])), metadata)

    def overwrite(
        self,
        contract: Contract,
        frame: pl.DataFrame,
        metadata: Mapping[str, str],
        is_current: Callable[[], bool] | None = None,
    ) -> Commit:
        """Replace the whole table in one commit; the same rows again cost nothing.

        `is_current` says whether the rows are still what they should be. It is asked whenever the commit is tried,
        after the table was opened, so that rows made of an older state never take the place of those made of a newer
        one. Raises OvertakenError when they are not.
        """
        return self.rewrite(contract, lambda there: frame, metadata, is_current)

    def rewrite(
        self,
        contract: Contract,
        rows: Callable[[pl.DataFrame], pl.DataFrame],
        metadata: Mapping[str, str],
        is_current: Callable[[], bool] | None = None,
    ) -> Commit:
        """Put what `rows` makes of the table's rows in their place; the same rows again cost nothing."""

        def write(table: Table) -> None:
            there = self._rows(contract, table)
            made = rows(there)
            wanted = in_order(contract, made)
            if not there.equals(made) and not there.equals(wanted):
                self._rewrite(table, wanted, metadata)

        return self._commit(contract, write, is_current)

    def merge(
        self,
        contract: Contract,
        frame: pl.DataFrame,
        metadata: Mapping[str, str],
        retracted: pl.DataFrame | None = None,
        is_current: Callable[[], bool] | None = None,
    ) -> Commit:
        """Replace the rows of each owner in `frame` as a set, in one commit; unchanged rows cost nothing.

        A row of `frame` whose grain beyond the owner is null only states that the owner was observed (its set may be
        empty). With order columns, an owner whose kept rows are newer is left alone, unless it is still kept as
        `retracted` (a frame of owner and order columns) says: that no longer holds, and `frame` has all there is.
        `is_current`: see `overwrite`.
        """

        files = OwnedFiles(contract, self.uri(contract), self._address(contract), self.storage_options)

        def write(table: Table) -> None:
            swap = files.merge(table.files, frame, retracted)
            if swap.adds or swap.removes:
                commit_swap(contract, table, swap, metadata)

        return self._commit(contract, write, is_current)

    def note(self, contract: Contract, metadata: Mapping[str, str]) -> Commit:
        """A commit of metadata alone: the rows stay as they are."""
        return self._commit(contract, lambda table: commit_swap(contract, table, Swap(), metadata))

    # -- files of an engine ----------------------------------------------------------------------------------------

    def new_folder(self, contract: Contract) -> str:
        """A folder below the table, not there yet, in which an engine may leave files: as it is told of it."""
        return f"{as_named(self._address(contract))}/{FOLDER}{uuid.uuid4()}"

    def handed(self, contract: Contract, folder: str) -> Handed:
        """What an engine has left in such a folder."""
        address = self._address(contract)
        return left_in(contract, as_named(address), address, folder.rpartition("/")[2], self.storage_options)

    def take(
        self,
        contract: Contract,
        handed: Handed,
        days: Collection[dt.date] | None,
        metadata: Mapping[str, str],
        is_current: Callable[[], bool] | None = None,
    ) -> Commit:
        """Put such files in the place of those of some days, or of all, in one commit; the same rows as all that are
        kept cost nothing. `is_current`: see `overwrite`."""

        def write(table: Table) -> None:
            if days is not None or not handed.is_same_as(self._lazy(contract, table)):
                commit_swap(contract, table, handed.swap(table, days), metadata)

        return self._commit(contract, write, is_current)

    def remove_remains(self, contract: Contract, before: dt.datetime) -> int:
        """Delete what writers of such files have left beside them before an instant; returns how many files."""
        removed = remove_remains(self._address(contract), self.storage_options, before)
        if self.is_local:
            remove_empty_folders(self.folder / contract.path, before)
        return removed

    # -- commits ---------------------------------------------------------------------------------------------------

    def _rows(self, contract: Contract, table: Table) -> pl.DataFrame:
        return self._lazy(contract, table).collect()

    def _rewrite(self, table: Table, rows: pl.DataFrame, metadata: Mapping[str, str]) -> None:
        """Put `rows` in place of all that `table` holds, if nobody has committed since it was opened."""
        self._write(table, rows, metadata, mode="overwrite", retries=0)

    def _write(
        self,
        table: Table,
        frame: pl.DataFrame,
        metadata: Mapping[str, str],
        retries: int | None = None,
        **mode: Any,
    ) -> None:
        properties = commit_properties(metadata, retries)
        write_deltalake(
            table, frame, schema_mode="merge", writer_properties=WRITER, commit_properties=properties, **mode
        )

    def _commit(
        self, contract: Contract, write: Callable[[Table], None], is_current: Callable[[], bool] | None = None
    ) -> Commit:
        """Run one write on the table as it stands now, again from the start when another commit got in between."""

        def attempt() -> Commit:
            table = self._open_or_create(contract)
            if is_current is not None and not is_current():
                raise OvertakenError(
                    f"{contract.path}: another run changed its inputs meanwhile, so nothing was written: run it again."
                )
            before, version = table.files, table.version()
            write(table)
            table.update_incremental()
            after = table.files
            self._remember(contract, table)
            added = after.join(before, on="path", how="anti")
            removed = before.join(after, on="path", how="anti")
            return Commit(
                table.version(),
                int(added.get_column("num_records").sum()),
                int(removed.get_column("num_records").sum()),
                int(added.get_column("size_bytes").sum()),
                changed=table.version() != version,
            )

        return self.again_on_conflict(attempt)

    def again_on_conflict(self, attempt: Callable[[], T]) -> T:
        """Run what ends in a commit, again from the start when another commit got in between.

        Raises LakeError when the root does not take what is written: a full disk, one without permission.
        """

        def is_worth_repeating(error: BaseException) -> bool:
            """A full disk would still be full; a bucket that did not answer may."""
            return isinstance(error, CommitFailedError) and not (self.is_local and refused_by_the_system(error))

        retrying = Retrying(
            retry=retry_if_exception(is_worth_repeating),
            stop=stop_after_attempt(RETRIES),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            reraise=True,
        )
        try:
            with no_panic(self.root):
                return retrying(attempt)
        except (DeltaError, OSError) as error:
            refused = refusal(self.root, error, "written", is_local=self.is_local)
            if refused is None:
                raise
        raise refused

    def lay_out_anew(self, contract: Contract) -> bool:
        """Empty a table whose columns or folders are not those of its contract, in one commit; whether it was one.

        For what can be answered again of other tables: a view that is another one than in this lake, or kept otherwise.
        """
        table = self.open(contract)
        if table is None:
            return False
        folders = [contract.folders] if contract.folders else []
        there = {field.name: field.type for field in table.schema().fields}
        wanted = {field.name: field.type for field in contract.delta_schema.fields}
        if table.metadata().partition_columns == folders and there == wanted:
            return False
        self.again_on_conflict(lambda: self._create(contract, "overwrite"))
        self._opened.pop(self._address(contract), None)
        return True

    def _open_or_create(self, contract: Contract) -> Table:
        table = self.open(contract)
        if table is not None:
            refuse_other_types(contract, table)
            return table
        return self._create(contract, "ignore")

    def _create(self, contract: Contract, mode: Literal["ignore", "overwrite"]) -> Table:
        created = Table.create(
            self._address(contract),
            contract.delta_schema,
            mode=mode,
            partition_by=[contract.folders] if contract.folders else None,
            name=contract.path,
            description=contract.description,
            configuration={"delta.checkpointInterval": str(CHECKPOINT_EVERY)},
            storage_options=self.storage_options,
        )
        assert isinstance(created, Table)  # it makes one of the class that it is asked of
        return created


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
