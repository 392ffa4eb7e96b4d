"""How the lake stands: the newest days of each source, the room that is taken, the raw data past its retention.

What belongs here: reading the ledger, the profiles of quality and the Delta logs. What does not: runs (runs.py), how
any of it is shown (metrics.py, health.py). Nothing is written, and no table of facts is read.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import ByDay, Contract, Stage
from tmdb_assets.lakehouse.flow.ledger import LEDGER, Ledger
from tmdb_assets.lakehouse.quality.profiles import TABLE_QUALITY
from tmdb_assets.lakehouse.store import DeltaStore

#: So many of the newest days of a source are told of: a label of a metric must not have ever more values.
DAYS = 7
#: How long after the hour of its schedule a day may take, and a month's drop after the end of the month, before it is
#: missed.
GRACE = {Cadence.DAY: dt.timedelta(hours=3), Cadence.MONTH: dt.timedelta(days=15)}
#: The view that gives each table and day a score, in a source that has it.
SCORES = "vw_data_quality"


@dataclass(frozen=True)
class Watched:
    """A source as it is watched: its tables, and how long after the beginning of a day its schedule starts the day."""

    name: str
    contracts: Sequence[Contract]
    starts_after: dt.timedelta = dt.timedelta()

    def table(self, name: str) -> Contract | None:
        """The table of that name, if the source has one."""
        return next((contract for contract in self.contracts if contract.name == name), None)

    @property
    def cadence(self) -> Cadence:
        """How often it is observed."""
        return self.contracts[0].cadence

    def due_at(self, newest: dt.date) -> dt.datetime:
        """When the partition after that of `newest` should stand at the latest."""
        after = newest + dt.timedelta(days=1)
        if self.cadence is Cadence.MONTH:
            after = Cadence.MONTH.day(Cadence.MONTH.key(after)) + dt.timedelta(days=1)
        begun = dt.datetime.combine(after, dt.time(), dt.UTC)
        return begun + self.starts_after + GRACE[self.cadence]


@dataclass(frozen=True)
class TableDay:
    """What became of the rows of a table on a day. None where nobody counted."""

    table: str
    received: int | None
    kept: int
    quarantined: int
    duplicates: int | None
    score: float | None


@dataclass(frozen=True)
class SourceDay:
    """A day of a source: what asking cost, as its ledger has it, and its tables, as far as the day was built.

    `key` is the partition as it is typed (2026-11-20, or 2026-10 of a month). `fell_short`: endpoints that did not keep
    their promise, with `notes` on why.
    """

    day: dt.date
    key: str
    is_proven: bool
    endpoints: int
    fell_short: tuple[str, ...]
    notes: tuple[str, ...]
    calls: int
    retries: int
    throttled: int
    seconds: float
    bytes: int
    tables: tuple[TableDay, ...]


@dataclass(frozen=True)
class SourceStanding:
    """The newest days of a source, newest first; `newest` is the newest whose observation is proven, and `due_at` when
    the next one should be. `written_at`: when its ledger was last written, as it is after every few hundred answers."""

    name: str
    cadence: Cadence
    days: tuple[SourceDay, ...]
    newest: dt.date | None
    due_at: dt.datetime | None
    written_at: float | None


@dataclass(frozen=True)
class Sizes:
    """Room: bytes that the newest versions take, by source and stage; all files of a local lake, old versions too; of
    its disk what is free and what there is; raw days older than the retention."""

    stages: Mapping[tuple[str, str], int]
    lake_files: int | None
    disk_free: int | None
    disk_total: int | None
    raw_days_past_retention: int


def read_source(store: DeltaStore, source: Watched) -> SourceStanding:
    """How a source stands. Raises LakeError, and what Polars raises for a file that cannot be read."""
    ledger = source.table(LEDGER)
    every = [] if ledger is None else _days_of(store, ledger)
    if ledger is None or not every:
        return SourceStanding(source.name, source.cadence, (), None, None, None)
    days = every[:DAYS]
    proven = Ledger(store, source.name).days_proven(every)
    newest = proven[-1] if proven else None
    tables = _tables_of(store, source, days)
    rows = store.scan(ledger, days).sort("date_id", "endpoint").collect()
    short = Ledger(store, source.name).days_short(days)
    found = tuple(
        _source_day(source.cadence, day, rows.filter(pl.col("date_id") == day), short, tables.get(day, ()))
        for day in days
    )
    due_at = source.due_at(newest) if newest else None
    return SourceStanding(source.name, source.cadence, found, newest, due_at, _written_at(store, ledger))


def _days_of(store: DeltaStore, ledger: Contract) -> list[dt.date]:
    """Every day that a ledger tells of, newest first."""
    days = store.scan(ledger).select(pl.col("date_id").unique()).collect().get_column("date_id")
    return days.sort(descending=True).to_list()


def _written_at(store: DeltaStore, contract: Contract) -> float | None:
    commits = store.history(contract, 1)
    return commits[0]["timestamp"] / 1000 if commits else None


def _source_day(
    cadence: Cadence, day: dt.date, rows: pl.DataFrame, short: pl.DataFrame, tables: Sequence[TableDay]
) -> SourceDay:
    of_day = short.filter(pl.col("date_id") == day)
    costs = rows.select(pl.col("calls", "retries", "throttled", "seconds", "bytes").sum()).row(0, named=True)
    return SourceDay(
        day,
        cadence.key(day),
        is_proven=not of_day.height,
        endpoints=rows.height,
        fell_short=tuple(of_day.get_column("endpoint")),
        notes=tuple(of_day.get_column("note").drop_nulls().unique(maintain_order=True)),
        tables=tuple(tables),
        **costs,
    )


def _tables_of(store: DeltaStore, source: Watched, days: Sequence[dt.date]) -> dict[dt.date, list[TableDay]]:
    """The profiles of some days, with the score where the source gives one."""
    quality, scores = source.table(TABLE_QUALITY), source.table(SCORES)
    if quality is None:
        return {}
    counts = ["received", "kept", "quarantined", "duplicates"]
    rows = store.scan(quality, days).select("date_id", "table_name", *counts)
    if scores is None:
        rows = rows.with_columns(score=pl.lit(None, pl.Float64))
    else:
        given = store.scan(scores, days).select("date_id", "table_name", "score")
        rows = rows.join(given, on=["date_id", "table_name"], how="left")
    found: dict[dt.date, list[TableDay]] = {}
    for day, table, *figures in rows.sort("date_id", "table_name").collect().iter_rows():
        found.setdefault(day, []).append(TableDay(table, *figures))
    return found


def read_sizes(store: DeltaStore, sources: Sequence[Watched], oldest_raw: dt.date) -> Sizes:
    """The room that the lake takes. `oldest_raw`: the oldest day whose raw data may be kept. Raises LakeError,
    OSError."""
    stages: dict[tuple[str, str], int] = {}
    past: set[tuple[str, dt.date]] = set()
    for source in sources:
        for contract in source.contracts:
            files = store.files(contract)
            taken = int(files.get_column("size_bytes").sum()) if files.height else 0
            place = (source.name, contract.stage.value)
            stages[place] = stages.get(place, 0) + taken
            if contract.stage is Stage.RAW and isinstance(contract.kept, ByDay):
                past |= {(source.name, day) for day in store.partition_rows(contract) if day < oldest_raw}
    if not store.is_local:
        return Sizes(stages, None, None, None, len(past))
    disk = shutil.disk_usage(_there(store.folder))
    return Sizes(stages, _bytes_below(store.folder), disk.free, disk.total, len(past))


def _there(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())


def _bytes_below(folder: Path) -> int:
    """Bytes of all files below a folder; one that goes meanwhile counts for nothing."""
    total, waiting = 0, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += _size_of(entry)
        except FileNotFoundError:
            continue
    return total


def _size_of(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def read_targets(targets: Mapping[str, Callable[[], int]]) -> dict[str, int]:
    """Bytes that each target takes; one that was never published to has none yet. Raises what a target raises."""
    taken = {}
    for name, size in targets.items():
        try:
            taken[name] = size()
        except FileNotFoundError:
            continue
    return taken
