"""A run: what one step of it (one table) works on, and how it tells what happens on the way.

What belongs here: `Run` and `Event`. What does not: what a run does (extraction.py, publishing.py), who listens
(orchestration), what Dagster is told of partitions (`Events` of orchestration/partitions.py, another thing).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines import Engine, duckdb
from tmdb_assets.lakehouse.store import Commit, DeltaStore


@dataclass(frozen=True)
class Event:
    """Something that happened to a table in a run.

    `what` says it in words, without the table and the days. `rows` and `bytes` are those written, `calls` those made,
    `seconds` what it took; None where it does not apply. Log lines and Dagster's metadata are made of it.
    """

    contract: Contract
    what: str
    days: Sequence[dt.date] = ()
    rows: int | None = None
    bytes: int | None = None
    calls: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """One line of a log."""
        return f"{name_of(self.contract, self.days)}: {self.what}"

    @property
    def fields(self) -> dict[str, object]:
        """What it says, for machines; None where it does not apply."""
        keys = [self.contract.cadence.key(day) for day in self.days]
        counts = {name: getattr(self, name) for name in ("rows", "bytes", "calls", "seconds")}
        return {"table": self.contract.path, "partitions": keys or None, **counts}


@dataclass(frozen=True)
class Run:
    """What a step of a run is handed: the store it reads and writes, and the days it is to fill. Each step has its own,
    and so has the forgetting of a person.

    `days` are the days asked for, oldest first. `metadata` goes into every commit, Dagster's `run_id` among it.
    `engine` answers views: a module or an object with `answer`. Whatever happens is handed to `tell`, one event at a
    time.
    """

    store: DeltaStore
    days: Sequence[dt.date]
    metadata: Mapping[str, str] = field(default_factory=dict)
    tell: Callable[[Event], object] = lambda event: None
    engine: Engine = duckdb

    def note(self, contract: Contract, what: str, days: Sequence[dt.date] = ()) -> None:
        """Tell something about a table, or some days of it."""
        self.tell(Event(contract, what, days))

    def note_commit(
        self, contract: Contract, what: str, days: Sequence[dt.date], commit: Commit, seconds: float | None = None
    ) -> None:
        """Tell of a commit, with what it wrote."""
        self.tell(Event(contract, what, days, commit.rows_added, commit.bytes_added, seconds=seconds))


def name_of(contract: Contract, days: Sequence[dt.date]) -> str:
    """A table, and the days or months of it that are spoken of."""
    keys = [contract.cadence.key(day) for day in days]
    if len(keys) > 1:
        return f"{contract.path} {keys[0]}..{keys[-1]} ({len(keys)} {contract.cadence.value}s)"
    return f"{contract.path} {keys[0]}" if keys else contract.path
