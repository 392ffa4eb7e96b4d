"""What is taken of a month's drop: its six files as they are, or nothing.

What belongs here: when a drop is read, what the ledger is told of it, and what is kept. One method of `Streamflow` per
raw table, named as the table. What does not: what is wrong with a drop (drops.py), the order of keeping and accounting
(lakehouse/extraction.py), the types of its cells (clean.py).
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.extraction import Asked, Chunk, NothingToObserve, RawTable, Receipt
from tmdb_assets.lakehouse.http import EndpointStats
from tmdb_assets.lakehouse.ledger import REAL, SANDBOX
from tmdb_assets.sources.streamflow import contracts
from tmdb_assets.sources.streamflow.drops import Drop, Fault, read_drop

TOLD_AT_MOST = 20


class Streamflow:
    """The folder where drops land. A drop stays there, and may be corrected, so a month can be read at any time."""

    has_history = True

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root, self.clock = root, clock
        self._origin: str | None = None
        self._traffic: dict[str, EndpointStats] = {}

    def origin(self) -> str | None:
        """Whose drop was read last: the sandbox marks its own. None before any was."""
        return self._origin

    def traffic(self) -> dict[str, EndpointStats]:
        """Bytes read per file so far; no calls are made."""
        return self._traffic

    def tables(self) -> dict[str, RawTable]:
        """The one raw table."""
        endpoints = [contracts.FOLDER, *contracts.FILES]
        return {"drop_files": RawTable(contracts.DROP_FILES, self.drop_files, endpoints, is_corrected=True)}

    def drop_files(self, asked: Asked) -> Iterator[Chunk]:
        """The month's drop as it lies there now, if it differs from the one kept last.

        A folder that is gone leaves what was kept. Raises NothingToObserve when there is no drop at all.
        """
        month = contracts.CADENCE.key(asked.day)
        kept = _newest(asked)
        if not (self.root / month).is_dir():
            if not kept.height:
                raise NothingToObserve(
                    f"There is no drop of {month}: the folder {self.root / month} does not exist. Put the month's six "
                    f"files there, or write invented ones with `python -m tmdb_assets.sandbox drops --months {month}..{month}`."
                )
            asked.log(f"{month}: the drop's folder is gone, what was kept of it stays")
            yield Chunk(contracts.DROP_FILES.empty(), list(_kept_receipts(kept)), replaces=None)
            return
        drop = self._read(asked.day)
        for fault in drop.faults[:TOLD_AT_MOST]:
            asked.log(f"{month}: {fault}")
        hashes = {name: file.sha256 for name, file in drop.files.items()}
        if drop.faults or hashes == dict(kept.select("file", "sha256").iter_rows()):
            rows = contracts.DROP_FILES.empty()
        else:
            number = int(kept.get_column("drop_number").max() or 0) + 1  # type: ignore[arg-type]  # a column of integers
            rows = self._rows(drop, number)
        yield Chunk(rows, list(_receipts(drop, month)), replaces=None)

    def _read(self, day: dt.date) -> Drop:
        started = time.monotonic()
        drop = read_drop(self.root / contracts.CADENCE.key(day), day)
        self._origin = SANDBOX if drop.is_sandbox else REAL
        for name, file in drop.files.items():
            stats = self._traffic.setdefault(name, EndpointStats())
            stats.bytes += len(file.content)
        self._traffic.setdefault(contracts.FOLDER, EndpointStats()).seconds += time.monotonic() - started
        return drop

    def _rows(self, drop: Drop, number: int) -> pl.DataFrame:
        now = self.clock.now()
        rows = [
            (drop.as_of, number, name, len(file.ids), len(file.content), file.sha256, now, file.text)
            for name, file in drop.files.items()
        ]
        return pl.DataFrame(rows, schema=contracts.DROP_FILES.schema, orient="row")


def _newest(asked: Asked) -> pl.DataFrame:
    """The files of the month's drop that was kept last, without their text."""
    files = asked.store.scan(contracts.DROP_FILES, [asked.day]).drop("payload")
    return files.filter(pl.col("drop_number") == pl.col("drop_number").max()).collect()


def _receipts(drop: Drop, month: str) -> Iterator[Receipt]:
    """What the drop promised and what came: its six files, and in each a line for every user of users.csv."""
    users = len(drop.files["users.csv"].ids) if "users.csv" in drop.files else None
    faults = _by_endpoint(drop.faults)
    first = next(iter(drop.faults), None)
    said = ""
    if first:
        more = f" ({len(drop.faults) - 1:,} more faults are in the log.)" if len(drop.faults) > 1 else ""
        said = f"{first}{more} Nothing of {month} is published: drop the month again, corrected."
    found = len(drop.files) + len(drop.others) + len(drop.unreadable)
    is_sound = contracts.FOLDER not in faults
    yield Receipt(contracts.FOLDER, len(contracts.FILES), found, is_complete=is_sound, sentence=said)
    for name in contracts.FILES:
        file = drop.files.get(name)
        yield Receipt(
            name, 1, int(file is not None), users, len(file.ids) if file else 0, is_complete=name not in faults, sentence=said
        )  # fmt: skip


def _by_endpoint(faults: Sequence[Fault]) -> set[str]:
    return {fault.file if fault.file in contracts.FILES else contracts.FOLDER for fault in faults}


def _kept_receipts(kept: pl.DataFrame) -> Iterator[Receipt]:
    rows = dict(kept.select("file", "row_count").iter_rows())
    yield Receipt(contracts.FOLDER, len(contracts.FILES), len(rows))
    for name in contracts.FILES:
        yield Receipt(name, 1, 1, rows["users.csv"], rows[name])
