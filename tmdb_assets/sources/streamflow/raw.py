"""What is taken of a month's drop: its six files as they are, or nothing.

What belongs here: when a drop is read, what the ledger is told of it, and what is kept. One method of `Streamflow` per
raw table, named as the table. What does not: what is wrong with a drop (drops.py) or incredible about it (doubts.py),
the order of keeping and accounting (lakehouse/flow/extraction.py), the types of its cells (clean.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, NothingToObserve, RawTable, Receipt
from tmdb_assets.lakehouse.flow.ledger import REAL, SANDBOX
from tmdb_assets.lakehouse.http import EndpointStats
from tmdb_assets.lakehouse.store import LakeError
from tmdb_assets.sources.streamflow import contracts, folders
from tmdb_assets.sources.streamflow.doubts import doubts
from tmdb_assets.sources.streamflow.drops import Drop, read_drop
from tmdb_assets.sources.streamflow.files import DropFile, Fault

TOLD_AT_MOST = 20
LET_THROUGH = "TMDB_ASSETS_ALLOW_MASS_DELETE=1"


class Streamflow:
    """The folder where drops land. A drop stays there, and may be corrected, so a month can be read at any time."""

    has_history = True

    def __init__(self, root: Path, clock: Clock, *, allows_mass_delete: bool = False) -> None:
        self.root, self.clock, self.allows_mass_delete = root, clock, allows_mass_delete
        self._origin: str | None = None
        self._traffic: dict[str, EndpointStats] = {}

    def origin(self) -> str | None:
        """Whose drop was read last: the sandbox marks its own. None before any was."""
        return self._origin

    def traffic(self) -> dict[str, EndpointStats]:
        """Bytes read per file so far; no calls are made."""
        return self._traffic

    def close(self) -> None:
        """Nothing stays open between reads."""

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
        if not self._is_there(month):
            if not kept.height:
                raise NothingToObserve(
                    f"There is no drop of {month}: the folder {self.root / month} does not exist. Put the month's six "
                    "files there, or write invented ones with `python -m tmdb_assets.sandbox drops --months "
                    f"{month}..{month}`."
                )
            asked.log("the drop's folder is gone, what was kept of it stays")
            yield Chunk(contracts.DROP_FILES.empty(), list(_receipts_of_stored(kept)), replaces=None)
            return
        drop = self._read(asked)
        hashes = {name: file.sha256 for name, file in drop.files.items()}
        is_news = hashes != dict(kept.select("file", "sha256").iter_rows())
        faults = drop.faults or (self._doubts(asked, drop, month) if is_news else ())
        for fault in faults[:TOLD_AT_MOST]:
            asked.log(str(fault))
        rows = contracts.DROP_FILES.empty()
        if is_news and not faults:
            rows = self._rows(drop, int(kept.get_column("drop_number").max() or 0) + 1)  # type: ignore[arg-type]  # a column of integers
        yield Chunk(rows, list(_receipts(drop, faults, month)), replaces=None)

    def _is_there(self, month: str) -> bool:
        try:
            return folders.is_there(self.root / month)
        except folders.Unreadable:  # reading it will say why
            return True

    def _doubts(self, asked: Asked, drop: Drop, month: str) -> Sequence[Fault]:
        """What makes the drop incredible, unless it is let through."""
        found = list(doubts(drop, _stored_drop(asked)))
        if not self.allows_mass_delete:
            return found
        for doubt in found[:TOLD_AT_MOST]:
            asked.log(f"{doubt} It is let through by {LET_THROUGH}.")
        return ()

    def _read(self, asked: Asked) -> Drop:
        """The drop as it lies there now. Raises BlockedError for one that is invented in a lake of real ones, or the
        reverse: that is no matter of the other months of a run."""
        started = time.monotonic()
        drop = read_drop(self.root / contracts.CADENCE.key(asked.day), asked.day)
        self._origin = None if drop.is_sandbox is None else SANDBOX if drop.is_sandbox else REAL
        for name, file in drop.files.items():
            stats = self._traffic.setdefault(name, EndpointStats())
            stats.bytes += len(file.content)
        self._traffic.setdefault(contracts.FOLDER, EndpointStats()).seconds += time.monotonic() - started
        try:
            if self._origin:
                asked.ledger.refuse_mixing(self._origin)
        except LakeError as error:
            raise BlockedError("extraction_complete", str(error)) from None
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


def _stored_drop(asked: Asked) -> Drop | None:
    """The drop of the month that counts until now, as it was kept."""
    files = asked.store.scan(contracts.DROP_FILES, [asked.day])
    newest = files.filter(pl.col("drop_number") == pl.col("drop_number").max()).select("file", "payload").collect()
    kept = {name: DropFile(name, text.encode()) for name, text in newest.iter_rows()}
    return Drop(asked.day, kept) if kept else None


def _receipts(drop: Drop, faults: Sequence[Fault], month: str) -> Iterator[Receipt]:
    """What the drop promised and what came: its six files, and in each a line for every user of users.csv."""
    users = len(drop.files["users.csv"].ids) if "users.csv" in drop.files else None
    faulty = _by_endpoint(faults)
    said = _sentence(faults, month) if faults else ""
    found = len(drop.files) + len(drop.others) + len(drop.unreadable)
    yield Receipt(
        contracts.FOLDER, len(contracts.FILES), found, is_complete=contracts.FOLDER not in faulty, sentence=said
    )
    for name in contracts.FILES:
        file = drop.files.get(name)
        yield Receipt(
            name, 1, int(file is not None), users, len(file.ids) if file else 0, is_complete=name not in faulty,
            sentence=said
        )  # fmt: skip


def _sentence(faults: Sequence[Fault], month: str) -> str:
    """The first fault, how many there are beside it, and what to do."""
    more = f" ({len(faults) - 1:,} more faults are in the log.)" if len(faults) > 1 else ""
    instead = f"; if it is true, run the month with {LET_THROUGH}" if faults[0].may_be_true else ""
    return f"{faults[0]}{more} Nothing of {month} is published: drop the month again, corrected{instead}."


def _by_endpoint(faults: Sequence[Fault]) -> set[str]:
    return {fault.file if fault.file in contracts.FILES else contracts.FOLDER for fault in faults}


def _receipts_of_stored(kept: pl.DataFrame) -> Iterator[Receipt]:
    rows = dict(kept.select("file", "row_count").iter_rows())
    yield Receipt(contracts.FOLDER, len(contracts.FILES), len(rows))
    for name in contracts.FILES:
        yield Receipt(name, 1, 1, rows["users.csv"], rows[name])
