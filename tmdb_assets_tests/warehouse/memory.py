"""A target that is no file and no database: frames in memory, as publish.py sees any place.

What belongs here: all that a target must do, done in the plainest way. What does not: assertions, the toy (toy.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.warehouse.contents import Layout
from tmdb_assets.warehouse.reader import WarehouseError
from tmdb_assets.warehouse.recorded import INFO, PARTS, VERSIONS, Key, OwnTable, Recorded


@dataclass(frozen=True)
class State:
    """What readers of the target see."""

    tables: dict[Key, pl.DataFrame] = field(default_factory=dict)
    views: dict[Key, str] = field(default_factory=dict)
    comments: dict[Key, str] = field(default_factory=dict)
    own: dict[str, OwnTable] = field(default_factory=dict)
    published_at: dt.datetime | None = None


@dataclass
class Memory:
    """The target. `trouble`: what it says when it is to be published to, as a server that is gone does;
    `silent_on`: views whose SQL it does not speak."""

    name: str = "memory"
    trouble: str = ""
    state: State = State()
    silent_on: frozenset[str] = frozenset()
    noun = "memory"
    key = "memory"
    kind = "python"

    def description(self, source: str) -> str:
        """What it is."""
        return f"What {source} has, in memory."

    def refuse_unfit(self, sources: Collection[str]) -> None:
        """It has a schema of its own, as any database does."""
        if "memory" in sources:
            raise WarehouseError("The memory has a schema of that name.")

    def can_answer(self, view: View) -> bool:
        """All but those."""
        return view.contract.name not in self.silent_on

    @contextmanager
    def publication(self, log: Callable[[str], None]) -> Iterator[Next]:
        """A copy, which is shown when it is finished."""
        if self.trouble:
            raise WarehouseError(self.trouble)
        yield Next(self, replace(self.state))

    def size(self) -> int:
        """Its tables."""
        return sum(frame.estimated_size() for frame in self.state.tables.values())

    def files(self) -> list[Path]:
        """None."""
        return []

    @contextmanager
    def alone(self, log: Callable[[str], None]) -> Iterator[None]:
        """Nobody else knows of it."""
        yield

    def copies(self, source: str) -> list[str]:
        """Its tables of the source."""
        return [f"the table {schema}.{name} in {self.name}" for schema, name in self.state.tables if schema == source]

    def forget(self, source: str, log: Callable[[str], None]) -> str | None:
        """Let go of them, and of all that names them."""
        if not self.copies(source):
            return None
        kept = {key: frame for key, frame in self.state.tables.items() if key[0] != source}
        self.state = State(kept)
        return f"{self.name} let go of {source}."


@dataclass
class Next:
    """Its next publication."""

    target: Memory
    state: State

    def begin(self) -> str | None:
        """With copies of what is shown."""
        now = self.target.state
        self.state = State(dict(now.tables), dict(now.views), dict(now.comments), dict(now.own))
        return None if now.own else "there was none"

    def recorded(self) -> Recorded:
        """What its own tables say."""
        own = self.state.own
        return Recorded.of(*(own[name].frame for name in (INFO, VERSIONS, PARTS))) if own else Recorded.nothing()

    def drop_all_but(self, layouts: Sequence[Layout]) -> None:
        """Keep the tables of the layouts."""
        wanted = {(layout.source.name, table.name) for layout in layouts for table in layout.tables}
        self.state = replace(
            self.state, tables={k: v for k, v in self.state.tables.items() if k in wanted}, views={}, comments={}
        )

    def has(self, contract: Contract) -> bool:
        """Whether it is there with its columns."""
        frame = self.state.tables.get((contract.source, contract.name))
        return frame is not None and dict(frame.schema) == dict(contract.schema)

    def create(self, contract: Contract) -> None:
        """Empty."""
        self.state.tables[contract.source, contract.name] = contract.empty()

    def delete_days(self, contract: Contract, days: Collection[dt.date]) -> None:
        """All but those of other days."""
        frame = self.state.tables[contract.source, contract.name]
        kept = frame.filter(~pl.col(contract.partition or "").is_in(list(days)))
        self.state.tables[contract.source, contract.name] = kept

    def append(self, contract: Contract, frame: pl.DataFrame) -> None:
        """After those that are there."""
        rows = frame.select(list(contract.schema))
        self.state.tables[contract.source, contract.name] = pl.concat(
            [self.state.tables[contract.source, contract.name], rows]
        )

    def create_views(self, layout: Layout) -> None:
        """Their texts."""
        for view in layout.views:
            self.state.views[view.contract.source, view.contract.name] = view.sql

    def describe(self, layout: Layout, anew: Collection[Contract] | None = None) -> None:
        """Their words."""
        for contract in layout.tables if anew is None else anew:
            note = layout.notes("memory").get(contract.name, "")
            self.state.comments[contract.source, contract.name] = contract.description + note

    def record(self, tables: Sequence[OwnTable]) -> None:
        """By name."""
        self.state.own.update({table.name: table for table in tables})

    def count(self, contract: Contract) -> int:
        """Rows."""
        return self.state.tables[contract.source, contract.name].height

    def columns_apart(self, view: View) -> str | None:
        """A text keeps every promise, if it is there."""
        is_there = (view.contract.source, view.contract.name) in self.state.views
        return None if is_there else f"{view.contract.name} does not answer"

    def finish(self, at: dt.datetime) -> None:
        """Show it."""
        self.target.state = replace(self.state, published_at=at)
