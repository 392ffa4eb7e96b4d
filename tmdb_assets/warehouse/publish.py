"""Publishing the lake into the warehouse: a copy of the file brought up to date, checked, and swapped in by one rename.

What belongs here: the order of things, what is loaded and what is left as it was, the swap, the proof that the file
holds what the lake has. What does not: what the file is to hold (contents.py), how its tables are made and described
(database.py), how Dagster shows it (assets.py).

The next file is made beside the published one, so a reader keeps what it has open, and a publication that fails or is
killed at any moment leaves the published file as it was.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tmdb_assets.database_files import remove_logs, unfinished
from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.store import DeltaStore, without_secrets
from tmdb_assets.lakehouse.store.locks import at_work, one_publication_at_a_time
from tmdb_assets.places import led_to
from tmdb_assets.warehouse.contents import Layout, Source, Wanted, definitions_of, lay_out, look_up
from tmdb_assets.warehouse.database import Database, Recorded
from tmdb_assets.warehouse.reader import FORMAT, Info, WarehouseError, first_line, not_ours, read_format, read_info

ROWS_PER_BATCH = 2_000_000  # read from the lake at once: a long history must fit a laptop's memory
HOLES_AT_MOST = 0.5  # share of the file that holds nothing any more; beyond, the file is made anew

CHECKS = {
    "rows": "Every table has as many rows as the lake has for it; checked before the file is swapped in.",
    "views": "Every view answers in the file, with the columns its contract promises; checked before the file is swapped in.",
}


@dataclass(frozen=True)
class Copied:
    """What became of one table: its rows in the file, how many of them were loaded now, and its Delta version."""

    name: str
    rows: int
    loaded: int
    version: int | None
    changed: bool


@dataclass(frozen=True)
class Publication:
    """What a publication did.

    `swapped`: whether anything had changed, so that there is a new file. `rebuilt`: why it was made anew rather than
    brought up to date, else None.
    """

    path: Path
    swapped: bool
    rebuilt: str | None
    tables: tuple[Copied, ...]
    outcomes: tuple[Outcome, ...]
    bytes: int
    seconds: float


def publish_warehouse(
    store: DeltaStore,
    path: Path,
    sources: Sequence[Source],
    fact_days: int | None,
    log: Callable[[str], None],
    clock: Clock | None = None,
) -> Publication:
    """Bring the warehouse at `path` up to what the lake has now, loading only what has changed since.

    `fact_days`: keep the newest so many days of the facts (None: all). One publication runs at a time; another waits.

    Raises WarehouseError when there is nothing to publish, or the file cannot be written or is none of ours; BlockedError
    naming the check that did not hold; SqlError naming the view's file and line. The published file stays then.
    """
    started = time.monotonic()
    named = path.absolute()
    with _spoken(named):
        path = led_to(named)
    for each in (named, path):
        _refuse_unfit_name(each, sources)
    layouts = [lay_out(source, fact_days) for source in sources]
    with (
        _spoken(named),
        at_work(store, [source.name for source in sources], log),
        _one_at_a_time(path, log),
        Database(unfinished(path)) as database,
    ):
        wanted = look_up(store, layouts, fact_days)
        if all(table.version is None for table in wanted):
            root = without_secrets(store.root)
            raise WarehouseError(
                f"The lake {root} holds no table yet: run `make demo` first, or materialize its tables."
            )
        rebuilt = _begin(database, path)
        info = Info(FORMAT, (clock or Clock()).now(), without_secrets(store.root), _origin(store, sources), fact_days)
        definitions = definitions_of(layouts, info.lake, info.origin, fact_days)
        recorded = database.recorded()
        tasks = [_Task(table, recorded, database.has(table.contract)) for table in wanted]
        is_redefined = recorded.definitions != definitions
        swapped = is_redefined or any(task.changed for task in tasks)
        if swapped:
            _fill(database, store, layouts, tasks, is_redefined=is_redefined)
            versions = [_told_version(store, task, recorded) for task in tasks]
            parts = {task.key: task.table.parts for task in tasks}
            database.record(info, definitions, versions, parts)
        outcomes = _proof(database, layouts, wanted)
        if swapped:
            database.checkpoint()
            database.close()
            _swap(database.file, path, info.published_at)
    done = Publication(
        named,
        swapped,
        rebuilt if swapped else None,
        tuple(task.outcome for task in tasks),
        outcomes,
        path.stat().st_size,
        time.monotonic() - started,
    )
    log(_sentence(done))
    return done


# -- what is loaded ------------------------------------------------------------------------------------------------------


@dataclass
class _Task:
    """What must be done to one table to bring it from what the file recorded to what the lake has."""

    table: Wanted
    recorded: Recorded
    is_there: bool
    loaded: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.key = (self.table.contract.source, self.table.contract.name)
        was = self.recorded.parts.get(self.key, {}) if self.is_there else {}
        now = self.table.parts
        #: Parts to load, and those whose rows in the file are no longer true.
        self.to_load = [part for part, digest in now.items() if was.get(part) != digest]
        self.to_delete = [part for part, digest in was.items() if now.get(part) != digest]
        #: Whether nothing of what the file has is kept, so that the table is made anew.
        self.is_anew = not self.is_there or (bool(was) and len(self.to_delete) == len(was))

    @property
    def same_version(self) -> bool:
        """Whether the file already names the Delta version that the lake has."""
        return self.key in self.recorded.versions and (
            self.recorded.versions[self.key]["delta_version"] == self.table.version
        )

    @property
    def changed(self) -> bool:
        """Whether the file must be written for this table."""
        return not self.is_there or bool(self.to_load or self.to_delete) or not self.same_version

    @property
    def outcome(self) -> Copied:
        """What became of it."""
        table = self.table
        return Copied(table.name, table.height, self.loaded, table.version, bool(self.to_load or self.to_delete))


def _fill(
    database: Database,
    store: DeltaStore,
    layouts: Sequence[Layout],
    tasks: Sequence[_Task],
    *,
    is_redefined: bool,
) -> None:
    """Load what changed. Only when something is said differently than at the last publication are views made anew."""
    if is_redefined:
        database.drop_all_but(layouts)
    for task in tasks:
        if task.is_anew:
            database.create(task.table.contract)
        elif days := [day for day in task.to_delete if day is not None]:
            database.delete_days(task.table.contract, days)
    database.checkpoint()  # what was dropped leaves room for what is loaded
    for task in tasks:
        _load(database, store, task)
    for layout in layouts:
        if is_redefined:
            database.create_views(layout)
        database.describe(layout, None if is_redefined else [t.table.contract for t in tasks if t.is_anew])


def _load(database: Database, store: DeltaStore, task: _Task) -> None:
    """Load the parts that changed, so many rows at a time."""
    for days in _batches(task):
        frame = task.table.scan(store, days).collect()
        try:
            database.append(task.table.contract, frame)
        except duckdb.ConstraintException as error:
            raise WarehouseError(
                f"{task.table.name} holds what its contract forbids ({first_line(error)}), kept from before the contract "
                "said so: materialize those days again."
            ) from None
        task.loaded += frame.height


def _batches(task: _Task) -> Iterator[list[dt.date] | None]:
    """Days to read together; None for a table that is read as a whole."""
    batch: list[dt.date] = []
    rows = 0
    for part in task.to_load:
        if part is None:
            yield None
            continue
        if batch and rows + task.table.rows[part] > ROWS_PER_BATCH:
            yield batch
            batch, rows = [], 0
        batch.append(part)
        rows += task.table.rows[part]
    if batch:
        yield batch


def _told_version(store: DeltaStore, task: _Task, recorded: Recorded) -> dict[str, object]:
    """The row of `lake_versions`; what a commit says is asked of the lake only when it is another one."""
    contract, version = task.table.contract, task.table.version
    if task.same_version and not task.outcome.changed:
        return dict(recorded.versions[task.key])
    commits = store.history(contract, 10) if version is not None else []
    commit = next((c for c in commits if c.get("version") == version), {})
    at = commit.get("timestamp")
    return {
        "source": contract.source,
        "table_name": contract.name,
        "table_path": contract.path,
        "delta_version": version,
        "rows": task.table.height,
        "committed_at": dt.datetime.fromtimestamp(at / 1000, dt.UTC) if at else None,
        "run_id": commit.get("run_id"),
    }


def _origin(store: DeltaStore, sources: Sequence[Source]) -> str | None:
    """Who answered for what the lake holds of any source."""
    origins = {origin for source in sources for origin in Ledger(store, source.name).origins()}
    return " and ".join(sorted(origins, reverse=True)) or None


# -- the proof -----------------------------------------------------------------------------------------------------------


def _proof(database: Database, layouts: Sequence[Layout], wanted: Collection[Wanted]) -> tuple[Outcome, ...]:
    """The checks, made while nobody sees the file yet. Raises BlockedError naming the first that does not hold."""
    counted = {table.name: database.count(table.contract.source, table.contract.name) for table in wanted}
    short = [
        f"{t.name} has {counted[t.name]:,} rows, the lake {t.height:,}" for t in wanted if counted[t.name] != t.height
    ]
    rows = sum(counted.values())
    views = [view for layout in layouts for view in layout.views]
    mute = [problem for view in views if (problem := database.columns_apart(view))]
    outcomes = (
        Outcome(
            "rows",
            not short,
            "; ".join(short) or f"{len(counted)} tables, {rows:,} rows, as many as the lake has",
            {"tables": len(counted), "rows": rows},
        ),
        Outcome("views", not mute, "; ".join(mute) or f"{len(views)} views answer", {"views": len(views)}),
    )
    for outcome in outcomes:
        if not outcome.passed:
            raise BlockedError(outcome.check, f"The warehouse is not published: {outcome.sentence}.", **outcome.figures)
    return outcomes


def _sentence(done: Publication) -> str:
    if not done.swapped:
        return f"{done.path}: nothing has changed, the file stays as it is"
    how = f"made anew ({done.rebuilt})" if done.rebuilt else "brought up to date"
    changed = sum(table.changed for table in done.tables)
    loaded = sum(table.loaded for table in done.tables)
    return (
        f"{done.path}: {how}, {changed} of {len(done.tables)} tables changed, {loaded:,} rows loaded, "
        f"{done.bytes / 1e6:.1f} MB, {done.seconds:.1f} s"
    )


# -- the file ------------------------------------------------------------------------------------------------------------


def _begin(database: Database, path: Path) -> str | None:
    """Start from a copy of the published file. Returns why that cannot be, and starts from nothing then.

    Even reading the published file through DuckDB would be in somebody's way, or meet one opened before; a copy is not.
    """
    try:
        is_there = path.stat().st_size > 0
    except FileNotFoundError:
        is_there = False
    if not is_there:
        database.open()
        return "there was none"
    shutil.copyfile(path, database.file)
    try:
        reason = _unusable(database, path)
    except duckdb.Error as error:
        raise WarehouseError(not_ours(str(path), first_line(error))) from None
    if reason:
        database.close()
        database.discard()
        database.open()
    return reason


def _unusable(database: Database, path: Path) -> str | None:
    """Why the copy of the published file is no ground to build on, None if it is."""
    connection = database.open()
    if read_format(connection, str(path)) != FORMAT:
        return "it was of another version of the project"
    if _nanoseconds(read_info(connection, str(path)).published_at) != path.stat().st_mtime_ns:
        return "somebody has written to it"
    return "most of it was empty" if database.holes() > HOLES_AT_MOST else None


def _swap(file: Path, path: Path, at: dt.datetime) -> None:
    """Put the finished file in the place of the published one: whoever looks sees the one or the other.

    Nobody may write to it: a DuckDB client that opens a file for writing, as it does unless told otherwise, keeps all
    others out. Its time of modification is the time of publication, so that the next publication sees whether somebody
    wrote to it nevertheless; the log that such a client may have left beside it belongs to the file that goes.
    """
    file.chmod(stat.S_IMODE(file.stat().st_mode) & ~0o222)
    os.utime(file, ns=(_nanoseconds(at), _nanoseconds(at)))
    _sync(file)
    remove_logs(path)
    file.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _nanoseconds(at: dt.datetime) -> int:
    return (at - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(microseconds=1) * 1000


@contextmanager
def _one_at_a_time(path: Path, log: Callable[[str], None]) -> Iterator[None]:
    """One publication of a file at a time, on whatever process; a killed one lets go by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with one_publication_at_a_time(path, log):
        yield


@contextmanager
def _spoken(path: Path) -> Iterator[None]:
    """A file that cannot be written is one sentence."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or first_line(error)
        raise WarehouseError(
            f"The warehouse {path} cannot be published ({reason}): make room, or set TMDB_ASSETS_WAREHOUSE to a file in a "
            "folder that you may write to. What was published before stays as it was."
        ) from None


def _refuse_unfit_name(path: Path, sources: Sequence[Source]) -> None:
    if found := {"\\", "?"} & set(str(path)):
        raise WarehouseError(
            f"The warehouse cannot lie at {path}: DuckDB takes the {min(found)} in it for something else. Set "
            "TMDB_ASSETS_WAREHOUSE to another path."
        )
    if path.stem.lower() in {"main", *(source.name for source in sources)}:
        raise WarehouseError(
            f"The warehouse cannot be called {path.name}: DuckDB calls the database after its file, and could not tell it "
            f"from the schema {path.stem} in it. Set TMDB_ASSETS_WAREHOUSE to a file of another name."
        )
