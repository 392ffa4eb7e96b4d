"""The lake: Delta tables under one root, written by commit and read as of any version.

What belongs here: `DeltaStore` (scan, append, replace partitions, merge owned rows, history, upkeep) and what every
commit needs (metadata, conflict retries, one sentence when the root cannot be written). What does not: what a
table promises (contracts.py), when it is written (orchestration), SQL over tables (sql.py).
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.root import LakeError as LakeError
from tmdb_assets.lakehouse.root import LakeRoot, as_named
from tmdb_assets.lakehouse.root import without_secrets as without_secrets

T = TypeVar("T")
Version = int | dt.datetime
_Stamp = tuple[int, int]

WRITER = WriterProperties(compression="ZSTD")
#: Commits. Each since the last checkpoint costs whoever opens the table half a millisecond, writing one costs ten.
CHECKPOINT_EVERY = 10
#: Files of a small table. Each costs whoever reads it a millisecond; writing all anew costs as much as the table has.
FILES_AT_MOST = 8
RETRIES = 10
CREDENTIALS = "AWS_*, AZURE_* or GOOGLE_*"
#: No room, no quota, beyond the limit of one file.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
RETENTION = ("interval 30 days", "interval 1 week")  # Delta's own: of log entries, of files that no version needs
#: What a killed writer leaves of any file it was about to name: of data, of a commit with its statistics, of a checkpoint.
STAGING_FILE = re.compile(r".+#\d+")


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


class _Table(DeltaTable):
    """A Delta table whose place and files are named as they are, which is how Polars reads them: see root.py."""

    @property
    def table_uri(self) -> str:
        """Where the table lies."""
        return as_named(super().table_uri)

    def file_uris(self, *args: Any, **options: Any) -> list[str]:
        """Where its data files lie."""
        return [as_named(uri) for uri in super().file_uris(*args, **options)]


class _Files(_Table):
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


class DeltaStore:
    """Delta tables under `root`, a local folder or an object-store URL; a table lies at `root/source/stage/name`.

    `storage_options` are handed to the object store as they are (credentials usually come from its own
    environment variables). Each write is one commit: a reader sees the table before or after it, never between.
    """

    def __init__(self, root: str | Path, storage_options: Mapping[str, str] | None = None) -> None:
        self.root = re.sub(r"(?<=[^/:])/+$", "", str(root))
        self._place = LakeRoot(self.root)
        self.storage_options = dict(storage_options or {}) or None
        self._opened: dict[str, tuple[_Stamp, DeltaTable]] = {}

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

    def open(self, contract: Contract, version: Version | None = None) -> DeltaTable | None:
        """The Delta table (as of a version or an aware instant), or None while it has never been written.

        Raises LakeError when the table is there but never had that version or was not yet there at that instant.
        """
        if (table := self._as_opened(contract)) and version in (None, table.version()):
            return table
        address = self._address(contract)
        try:
            with self._no_panic():
                table = _Table(address, storage_options=self.storage_options)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            refusal = self._refusal(error, "read") or LakeError(
                f"{contract.path} cannot be read ({_first_line(error)}): its _delta_log is damaged, restore it from a copy."
            )
            raise refusal from None
        if version is None:
            self._remember(contract, table)
        else:
            if isinstance(version, dt.datetime) and (oldest := _oldest_commit(table)) > version:
                # Delta would give its oldest version without a word
                raise LakeError(f"{contract.path} has no version {version}: its oldest is of {oldest}")
            try:
                table.load_as_version(version)
            except (DeltaError, ValueError) as error:
                raise LakeError(f"{contract.path} has no version {version}: {error}") from None
        return table

    def _as_opened(self, contract: Contract) -> DeltaTable | None:
        """The table as last opened here, if nobody has committed since: reading a long log costs more than a small day."""
        stamp, table = self._opened.get(self._address(contract), (None, None))
        return table if table and stamp == self._stamp(contract, table) else None

    def _remember(self, contract: Contract, table: DeltaTable) -> None:
        if stamp := self._stamp(contract, table):
            self._opened[self._address(contract)] = stamp, table

    def _stamp(self, contract: Contract, table: DeltaTable) -> _Stamp | None:
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
        table = self.open(contract, version)
        if table is None:
            return contract.empty().lazy()
        if contract.small and contract.partition and days is not None:
            return _as_promised(contract, table).filter(_within(contract.partition, days))
        return _as_promised(contract, table, days)

    def rows(self, contract: Contract) -> int:
        """Rows of the table, from the Delta log alone."""
        table = self.open(contract)
        return 0 if table is None else int(_files(table).get_column("num_records").sum())

    def files(self, contract: Contract, version: Version | None = None) -> pl.DataFrame:
        """The table's data files, from the Delta log alone: path (never used twice), num_records, size_bytes, and
        partition.<column> where it is partitioned by folder; no columns while there are no files."""
        table = self.open(contract, version)
        return pl.DataFrame() if table is None else _files(table)

    def state(self, contract: Contract, days: Collection[dt.date] | None = None) -> frozenset[str]:
        """The paths of the files that hold the rows of a table, or of some days of it where these lie in folders.

        No path is used twice, so two states are equal only when nobody has written these rows in between.
        """
        files = self.files(contract)
        if not files.height:
            return frozenset()
        if days is not None and contract.partition and not contract.small:
            files = files.filter(pl.col(f"partition.{contract.partition}").is_in(list(days)))
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
        if contract.small:
            counted = self.scan(contract).group_by(contract.partition).len().collect()
            return dict(counted.iter_rows())
        files = _files(table)
        if not files.height:
            return {}
        counted = files.group_by(f"partition.{contract.partition}").agg(pl.col("num_records").sum())
        return dict(counted.iter_rows())

    def partition_bytes(self, contract: Contract) -> dict[dt.date, int]:
        """Bytes kept per partition (compressed), from the Delta log; empty for a table not partitioned by folder."""
        table = self.open(contract)
        if table is None or not contract.partition or contract.small:
            return {}
        files = _files(table)
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
        """Raises LakeError before any work is done when tables could not be read back, or a local root not be written."""
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
        self._again_on_conflict(lambda: self._open_or_create(contract))

    def append(self, contract: Contract, frame: pl.DataFrame, metadata: Mapping[str, str]) -> Commit:
        """Add rows in one commit. The caller answers for their being new."""
        return self._commit(contract, lambda table: self._write(table, frame, metadata, mode="append"))

    def append_new(self, contract: Contract, frame: pl.DataFrame, metadata: Mapping[str, str]) -> Commit:
        """Add the rows whose grain is not kept yet, in one commit: how content is kept once, under its own hash.

        Raises LakeError when a kept row of the same grain says something else: two contents share a hash.
        """

        def write(table: DeltaTable) -> None:
            rows, grain = frame.unique(contract.grain, maintain_order=True), list(contract.grain)
            there = _as_promised(contract, table)
            kept = there.join(rows.lazy().select(grain), on=grain, how="semi").collect()
            other = kept.join(rows, on=list(contract.schema), how="anti", nulls_equal=True)
            if other.height:
                raise LakeError(
                    f"{contract.path}: another row than the one kept comes with {', '.join(grain)} {other.row(0)[0]}: "
                    "two contents share one hash, so nothing was written."
                )
            new = rows.join(kept, on=grain, how="anti")
            if new.height:
                self._write(table, _ordered(contract, new), metadata, mode="append", retries=0)

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
        """Replace the rows of some partitions (within them, those where a column has a value, or one of some) in one commit.

        `is_current` says whether the rows are still what they should be; see `overwrite`. Raises LakeError when `frame` has a row outside of what it replaces: it would be added twice by the next run.
        """
        if not contract.partition:
            raise LakeError(f"{contract.path} has no partitions to replace: merge it.")
        parts = {column: [value] if isinstance(value, str) else list(value) for column, value in (where or {}).items()}
        inside = _within(contract.partition, days) & pl.all_horizontal(
            pl.lit(True), *[pl.col(c).is_in(values) for c, values in parts.items()]
        )
        outside = frame.filter(inside.not_().fill_null(True))
        if outside.height:
            found = outside.get_column(contract.partition).unique().sort().to_list()
            raise LakeError(
                f"{contract.path}: {outside.height} rows ({contract.partition} {found[0]}) lie outside of the partitions being replaced."
            )
        if not days:
            return Commit(self.version(contract) or 0, 0, 0, 0, changed=False)
        if contract.small:
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
        self, contract: Contract, table: DeltaTable, frame: pl.DataFrame, inside: pl.Expr, metadata: Mapping[str, str]
    ) -> None:
        """New days come as a file of their own, until there are many; then, or to replace a row, all are written anew."""
        rows, there = _ordered(contract, frame), _as_promised(contract, table)
        replaced = there.filter(inside).collect()
        if _ordered(contract, replaced).equals(rows):
            return
        if not replaced.height and len(table.file_uris()) < FILES_AT_MOST:
            self._write(table, rows, metadata, mode="append", retries=0)
        else:
            self._rewrite(table, _ordered(contract, pl.concat([there.filter(~inside).collect(), rows])), metadata)

    def overwrite(
        self,
        contract: Contract,
        frame: pl.DataFrame,
        metadata: Mapping[str, str],
        is_current: Callable[[], bool] | None = None,
    ) -> Commit:
        """Replace the whole table in one commit; the same rows again cost nothing.

        `is_current` says whether the rows are still what they should be. It is asked whenever the commit is tried, after
        the table was opened, so that rows made of an older state never take the place of those made of a newer one.
        Raises OvertakenError when they are not.
        """
        return self._put_in_place(contract, lambda there: frame, metadata, is_current)

    def _put_in_place(
        self,
        contract: Contract,
        rows: Callable[[pl.DataFrame], pl.DataFrame],
        metadata: Mapping[str, str],
        is_current: Callable[[], bool] | None = None,
    ) -> Commit:
        """Put what `rows` makes of the table's rows in their place; the same rows again cost nothing."""

        def write(table: DeltaTable) -> None:
            there = self._rows(contract, table)
            made = rows(there)
            wanted = _ordered(contract, made)
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
        return self._commit(
            contract, lambda table: self._merge(contract, table, frame, metadata, retracted), is_current
        )

    def _merge(
        self,
        contract: Contract,
        table: DeltaTable,
        frame: pl.DataFrame,
        metadata: Mapping[str, str],
        retracted: pl.DataFrame | None,
    ) -> None:
        there, owner = self._rows(contract, table), list(contract.owner)
        owners = frame.select(owner).unique()
        gone = owners.clear()
        if retracted is not None:
            kept_as = [*contract.owner, *contract.order]
            gone = retracted.join(there, on=kept_as, how="semi", nulls_equal=True).select(owner)
            owners = pl.concat([owners, gone]).unique()
        members = frame.filter(pl.all_horizontal(pl.col(contract.grain).is_not_null()))
        if contract.order and not _all_newer(contract, frame, there):
            guarded = there.join(owners, on=owner, how="semi").join(gone, on=owner, how="anti")
            newer = newer_kept(contract, frame, guarded)
            members = members.join(newer, on=owner, how="anti")
            owners = owners.join(newer, on=owner, how="anti")
        others = there.join(owners, on=owner, how="anti")
        rows = _ordered(contract, pl.concat([others, members]))
        if not there.equals(rows):
            self._rewrite(table, rows, metadata)

    def _rows(self, contract: Contract, table: DeltaTable) -> pl.DataFrame:
        return _as_promised(contract, table).collect()

    def _rewrite(self, table: DeltaTable, rows: pl.DataFrame, metadata: Mapping[str, str]) -> None:
        """Put `rows` in place of all that `table` holds, if nobody has committed since it was opened.

        Delta's MERGE would rewrite nearly the same files (a day's films lie all over a table), takes twice as long and
        leaves small ones behind; one sorted file keeps a day's cost flat however many days a table has absorbed.
        """
        self._write(table, rows, metadata, mode="overwrite", retries=0)

    def _write(
        self,
        table: DeltaTable,
        frame: pl.DataFrame,
        metadata: Mapping[str, str],
        retries: int | None = None,
        **mode: Any,
    ) -> None:
        properties = CommitProperties(custom_metadata=dict(metadata), max_commit_retries=retries)
        write_deltalake(
            table, frame, schema_mode="merge", writer_properties=WRITER, commit_properties=properties, **mode
        )

    def _commit(
        self, contract: Contract, write: Callable[[DeltaTable], None], is_current: Callable[[], bool] | None = None
    ) -> Commit:
        """Run one write on the table as it stands now, again from the start when another commit got in between."""

        def attempt() -> Commit:
            table = self._open_or_create(contract)
            if is_current is not None and not is_current():
                raise OvertakenError(
                    f"{contract.path}: another run changed its inputs meanwhile, so nothing was written: run it again."
                )
            before, version = _files(table), table.version()
            write(table)
            table.update_incremental()
            after = _files(table)
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

        return self._again_on_conflict(attempt)

    def _again_on_conflict(self, attempt: Callable[[], T]) -> T:
        """Run what ends in a commit, again from the start when another commit got in between.

        Raises LakeError when the root does not take what is written: a full disk, one without permission.
        """

        def is_worth_repeating(error: BaseException) -> bool:
            """A full disk would still be full; a bucket that did not answer may."""
            return isinstance(error, CommitFailedError) and not (self.is_local and _refused_by_the_system(error))

        retrying = Retrying(
            retry=retry_if_exception(is_worth_repeating),
            stop=stop_after_attempt(RETRIES),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            reraise=True,
        )
        try:
            with self._no_panic():
                return retrying(attempt)
        except (DeltaError, OSError) as error:
            refusal = self._refusal(error, "written")
            if refusal is None:
                raise
        raise refusal

    @contextmanager
    def _no_panic(self) -> Iterator[None]:
        """What makes deltalake panic is one sentence: its panics are no `Exception`, and would end whatever runs us."""
        try:
            yield
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            said = _first_line(error)
        else:
            return
        raise LakeError(
            f"The lake root {without_secrets(self.root)} cannot be used ({said}): set TMDB_ASSETS_LAKE to another folder or "
            "bucket, plainly named."
        )

    def _refusal(self, error: Exception, what: str) -> LakeError | None:
        """What to say of a root that cannot be `what` (read, written); None when the fault is not the system's."""
        refused = _refused_by_the_system(error)
        if refused is None:
            return None
        number, reason = refused
        advice = "make room there, or set" if number in FULL else "set"
        if not self.is_local:
            advice = f"see that the bucket is there and that {CREDENTIALS} name a key, region and endpoint it is reached with, or set"
        return LakeError(
            f"The lake root {without_secrets(self.root)} cannot be {what} ({reason}): {advice} TMDB_ASSETS_LAKE to a folder "
            "or bucket that you may write to. What was kept before stays as it was, and another run goes on from there."
        )

    def _open_or_create(self, contract: Contract) -> DeltaTable:
        table = self.open(contract)
        if table is not None:
            self._refuse_other_types(contract, table)
            return table
        return _Table.create(
            self._address(contract),
            contract.delta_schema,
            mode="ignore",
            partition_by=[contract.partition] if contract.partition and not contract.small else None,
            name=contract.path,
            description=contract.description,
            configuration={"delta.checkpointInterval": str(CHECKPOINT_EVERY)},
            storage_options=self.storage_options,
        )

    def _refuse_other_types(self, contract: Contract, table: DeltaTable) -> None:
        """Delta casts int64 into an int32 column without a word: a type that changed must stop, not corrupt."""
        schema = table.schema()
        if schema == contract.delta_schema:
            return
        there = {f.name: f.type for f in schema.fields}
        for wanted in contract.delta_schema.fields:
            if wanted.name in there and there[wanted.name] != wanted.type:
                raise LakeError(
                    f"{contract.path}, column {wanted.name}: the table holds {there[wanted.name]}, its contract now says "
                    f"{wanted.type}. Rebuild the table from raw, or give the column another name."
                )

    # -- upkeep ----------------------------------------------------------------------------------------------------

    def expire(self, contract: Contract, before: dt.date, metadata: Mapping[str, str]) -> int:
        """Delete the partitions older than `before`, or, of a table with columns that expire, what these hold there.

        Returns the rows that were deleted or emptied.
        """
        if contract.partition and contract.expiring:
            return self._empty(contract, pl.col(contract.partition) < before, metadata)

        def attempt() -> int:
            rows = sum(n for day, n in self.partition_rows(contract).items() if day < before)
            table = self.open(contract)
            if rows and table is not None:
                table.delete(
                    f"{contract.partition} < DATE '{before.isoformat()}'",
                    commit_properties=CommitProperties(custom_metadata=dict(metadata)),
                )
            return rows

        return self._again_on_conflict(attempt)

    def _empty(self, contract: Contract, is_old: pl.Expr, metadata: Mapping[str, str]) -> int:
        """Put null into the columns that expire, of the old rows; returns how many of them held something."""
        holds = pl.any_horizontal(pl.col(contract.expiring).is_not_null())
        rows = int(self.scan(contract).filter(is_old, holds).select(pl.len()).collect().item())
        if rows:
            emptied = [pl.when(is_old).then(None).otherwise(pl.col(c)).alias(c) for c in contract.expiring]
            self._put_in_place(contract, lambda there: there.with_columns(emptied), metadata)
        return rows

    def drop_unnamed(self, contract: Contract, naming: Contract, metadata: Mapping[str, str]) -> int:
        """Delete the rows whose key no row of `naming` names, in the column that they are kept for; returns how many.

        Contents come before what names them, so nobody may be fetching meanwhile (locks.py).
        """
        (key,) = contract.grain
        column = contract.kept_for.split(".")[1]

        def named(there: pl.DataFrame) -> pl.DataFrame:
            names = self.scan(naming).select(pl.col(column).alias(key))
            if isinstance(naming.schema[column], pl.List):
                names = names.explode(key)
            return there.join(names.unique().collect(), on=key, how="semi", maintain_order="left")

        if not self.rows(contract):
            return 0
        commit = self._put_in_place(contract, named, metadata)
        return commit.rows_removed - commit.rows_added

    def upkeep(self, contract: Contract, *, keep_hours: float = 168.0) -> dict[str, int]:
        """Compact small files, write a checkpoint, and delete files that no version younger than `keep_hours` needs.

        Includes the orphans of killed writers, and their `NAME#N` staging files, which vacuum does not know.
        """

        def attempt() -> dict[str, int]:
            table = self.open(contract)
            if table is None:
                return {}
            compacted = table.optimize.compact(writer_properties=WRITER)
            table.create_checkpoint()
            vacuumed = table.vacuum(
                retention_hours=int(keep_hours), dry_run=False, enforce_retention_duration=keep_hours >= 168, full=True
            )
            table.cleanup_metadata()
            staged = self._remove_staging_files(contract, keep_hours)
            return {
                "files_compacted": int(compacted["numFilesRemoved"]),
                "files_deleted": len(vacuumed) + staged,
            }

        return self._again_on_conflict(attempt)

    def drop_past(self, contract: Contract) -> None:
        """Delete everything but the newest version: older files, and the log entries that hold their statistics.

        For what must not be readable any more, in no version. Nobody else may be writing meanwhile. Cut before its end,
        it is finished by running it again.
        """
        if self.open(contract) is not None:
            self._again_on_conflict(lambda: self._drop_past(contract))

    def _drop_past(self, contract: Contract) -> None:
        self._opened.pop(self._address(contract), None)
        table = _Table(self._address(contract), storage_options=self.storage_options)
        table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)
        names = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")
        table.alter.set_table_properties(dict.fromkeys(names, "interval 0 seconds"))
        table.update_incremental()
        table.create_checkpoint()
        table.cleanup_metadata()
        table.alter.set_table_properties(dict(zip(names, RETENTION, strict=True)))
        self._remove_staging_files(contract, 0)

    def _remove_staging_files(self, contract: Contract, keep_hours: float) -> int:
        if not self.is_local:
            return 0  # object stores finish an upload or drop it: there are no staging files
        oldest, removed = time.time() - keep_hours * 3600, 0
        for file in (self.folder / contract.path).rglob("*#*"):
            with suppress(FileNotFoundError):  # its writer, at work, has just given it its name
                if STAGING_FILE.fullmatch(file.name) and file.stat().st_mtime < oldest:
                    file.unlink()
                    removed += 1
        return removed


def _refused_by_the_system(error: Exception) -> tuple[int | None, str] | None:
    """The error number, if any, and the reason of a file system or an object store; None when the fault is another.

    deltalake gives the errors of either as text, coloured and over many lines, in more than one class of exception. A
    file that is not there is another fault: the table's.
    """
    if isinstance(error, FileNotFoundError):
        return None
    if isinstance(error, OSError) and error.strerror:
        return error.errno, error.strerror
    text = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).split())
    if numbers := re.findall(r"(?:\(os error |\bOs { code: )(\d+)", text):
        number = int(numbers[-1])
        return None if number == errno.ENOENT else (number, os.strerror(number))
    if "panicked with message" in text:
        return None, "deltalake gave up: an address such as AWS_ENDPOINT_URL is a full URL, https://host"
    if isinstance(error, OSError):
        said = re.sub(r"(://)(?:[^/\s]*@)?([^\s?#]*)\S*", r"\1\2", text)  # URLs may be signed
        said = said.removeprefix("Kernel error -> ").replace(" ↳", ":")
        if answer := re.search(r"<Code>(.*?)</Code>(?:.*?<Message>(.*?)</Message>)?", said):
            return None, ": ".join(filter(None, answer.groups()))[:200]
        return None, said.partition("<?xml")[0].rstrip(": ")[:200]
    return None


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _within(column: str, days: Collection[dt.date]) -> pl.Expr:
    """Rows of some days; the range lets the reader prune files even where it does not see through the list."""
    if not days:
        return pl.lit(False)
    return pl.col(column).is_between(min(days), max(days)) & pl.col(column).is_in(sorted(days))


def _as_promised(contract: Contract, table: DeltaTable, days: Collection[dt.date] | None = None) -> pl.LazyFrame:
    """The rows of a table, or of some of its folders, with exactly the contract's columns; one younger than the kept
    files reads as null."""
    frame = pl.scan_delta(_Files(table, contract.partition, days))
    there = frame.collect_schema()
    missing = [pl.lit(None, dtype=t).alias(c) for c, t in contract.schema.items() if c not in there]
    return frame.with_columns(missing).select(list(contract.schema))


def _ordered(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows in the order of their grain: the same content is the same file, and readers skip what they do not need."""
    return frame.select(list(contract.schema)).sort(contract.grain, nulls_last=True)


def _all_newer(contract: Contract, offered: pl.DataFrame, kept: pl.DataFrame) -> bool:
    """Whether every offered row is newer than all that is kept, as on a new day: no owner needs to be compared then."""
    if not (offered.height and kept.height):
        return True
    first = contract.order[0]
    later = pl.lit(offered.get_column(first)).min() > pl.lit(kept.get_column(first)).max()
    return not offered.get_column(first).null_count() and bool(pl.select(later.fill_null(value=True)).item())


def newer_kept(contract: Contract, offered: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Owners whose kept rows are newer than those offered; the order columns compare left to right, null first."""
    was = kept.group_by(contract.owner).agg(pl.col(c).first().alias(f"_kept_{c}") for c in contract.order)
    pairs = offered.join(was, on=list(contract.owner), how="inner")
    newer = pl.lit(False)
    for column in reversed(contract.order):
        kept_value, new_value = pl.col(f"_kept_{column}"), pl.col(column)
        later = (kept_value > new_value).fill_null(kept_value.is_not_null() & new_value.is_null())
        newer = later | (kept_value.eq_missing(new_value) & newer)
    return pairs.filter(newer).select(contract.owner).unique()


def _oldest_commit(table: DeltaTable) -> dt.datetime:
    return dt.datetime.fromtimestamp(min(h["timestamp"] for h in table.history()) / 1000, dt.UTC)


def _files(table: DeltaTable) -> pl.DataFrame:
    """The files of the version a handle is at, listed once: of a year of days the list is long."""
    kept: tuple[int, pl.DataFrame] | None = vars(table).get("_listed")
    if kept is None or kept[0] != table.version():
        kept = vars(table)["_listed"] = table.version(), pl.DataFrame(table.get_add_actions(flatten=True))
    return kept[1]
