"""A derived table: what it is made of, by what function, and how its inputs are read.

What belongs here: the wiring of a table by the names of its function's parameters, the batches in which its days are
read. What does not: what becomes of the rows it builds (publishing.py), the functions (a source's clean.py and star.py).
"""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines import duckdb
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.flow.checks import CHECKS, Outcome
from tmdb_assets.lakehouse.flow.quarantine import QUARANTINE
from tmdb_assets.lakehouse.payloads import Shape
from tmdb_assets.lakehouse.store import DeltaStore

# Days are built together up to this many kept (compressed) bytes of input: a long backfill must fit a laptop's memory,
# and film payloads take about thirty times as much room decoded.
BYTES_PER_BATCH = 128_000_000

#: Of a frame whose rows have an owner: whether a row only says that the owner was observed, and names no member.
MARKER = "_marker"


def parameters(function: Callable[..., Any] | View) -> Collection[str]:
    """What a function reads: names of tables, and of what is found at run time. A view, or an object that is called as a
    function is, says it by its `reads`."""
    stated: Collection[str] | None = getattr(function, "reads", None)
    return inspect.signature(function).parameters if stated is None else stated  # type: ignore[arg-type]  # no View is left


@dataclass(frozen=True, eq=False)
class DerivedTable:
    """A table built from other tables of its source by a pure function whose parameters name what it reads.

    A parameter `<name>` is that table: the days of the run where it is kept by day, else whole; `all_<name>` is all of
    it; any other name is found in `loaded`, read at run time. `received` counts the rows the table must account for,
    by partition: a frame with a column `received`; `shape` is what its payloads should look like. `warnings` are checks of its own, by name, that never stop a
    publication: a function whose parameters name tables, and `rows` for those about to be published; its docstring says
    what is checked. `follows` names a table whose days are told one against the other: a day of this one says what
    changed since the kept day before it, so that publishing a day publishes the kept day after it too; `compared` names
    the one that says with which day each was compared (`compared_with`), and `unsettled` (its parameters name tables) finds
    days that do not tell all that stood on them: the next day is compared with the days before them too.
    """

    contract: Contract
    build: Callable[..., pl.DataFrame] | View
    tables: Mapping[str, Contract]
    loaded: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    received: Callable[..., pl.LazyFrame] | None = None
    shape: type[Shape] | None = None
    warnings: Mapping[str, Callable[..., Outcome]] = field(default_factory=dict)
    follows: str = ""
    compared: str = ""
    unsettled: Callable[..., set[dt.date]] | None = None

    def compute(self, inputs: Mapping[str, Any]) -> pl.DataFrame:
        """The rows that the function, or the engine of a view, makes of some inputs."""
        return duckdb.answer(self.build, inputs) if isinstance(self.build, View) else self.build(**inputs)

    def reads(self, function: Callable[..., Any] | View | None = None) -> dict[str, Contract]:
        """Parameter -> contract of the tables a function reads (by default the one that builds the table)."""
        names = parameters(function or self.build)
        own = {*self.loaded, "rows"}
        return {name: self.tables[name.removeprefix("all_")] for name in names if name not in own}

    @cached_property
    def lineage(self) -> dict[str, list[tuple[Contract, str]]]:
        """Column -> the columns it comes from.

        A view's text says it; else it is as the contract states, else those of its name in the tables read.
        """
        if isinstance(self.build, View):
            return self.build.lineage(self.tables)
        read = {c.name: c for c in self.reads().values() if c is not self.contract}
        found: dict[str, list[tuple[Contract, str]]] = {}
        stated = self.contract.comes_from
        for name in self.contract.columns:
            namesakes = [(table, name) for table in read.values() if name in table.columns]
            words = stated.get(name) or ("" if namesakes else stated.get("*", ""))
            found[name] = [(read[t], c) for t, c in (word.split(".") for word in words.split())] or namesakes
        return found

    @property
    def references(self) -> dict[str, Contract]:
        """Column -> dimension that must hold its values."""
        return {column: self.tables[name] for column, name in self.contract.references.items()}

    @property
    def upstream(self) -> list[Contract]:
        """Tables that must stand before this one: those it reads, those its warnings read and those it refers to."""
        read = [c for f in (self.build, *self.warnings.values()) for c in self.reads(f).values()]
        named = {c.key: c for c in [*read, *self.references.values()] if c is not self.contract}
        return list(named.values())

    @property
    def checks(self) -> dict[str, str]:
        """The checks made on this table: name -> what is checked."""
        skipped = {
            "referential_integrity": not self.contract.references,
            "unknown_fields": self.shape is None,
            "row_count_drift": self.contract.drift_limit is None,
            "accounting": self.received is None,
        }
        usual = {name: meaning for name, meaning in CHECKS.items() if not skipped.get(name)}
        return usual | {name: inspect.getdoc(judge) or name for name, judge in self.warnings.items()}

    def inputs(
        self, store: DeltaStore, days: Sequence[dt.date] | None, function: Callable[..., Any] | View | None = None
    ) -> dict[str, Any]:
        """Arguments of a function (by default the one that builds the table): lazy frames pinned to one version each.

        `days` None: every day.
        """
        wanted = parameters(function or self.build)
        read = self.reads(function)
        frames = {n: store.scan(c, None if n.startswith("all_") or not c.partition else days) for n, c in read.items()}
        return frames | {n: load() for n, load in self.loaded.items() if n in wanted}

    def state(self, store: DeltaStore, days: Sequence[dt.date] | None) -> dict[tuple[str, ...], frozenset[str]]:
        """Which files hold what the table is built of for some days, and what it must account for."""
        functions = [self.build, *([self.received] if self.received else [])]
        read = [(n, c) for function in functions for n, c in self.reads(function).items()]
        whole = {c.key for n, c in read if n.startswith("all_")}
        return {tuple(c.key): store.state(c, None if c.key in whole else days) for _, c in read}

    def is_unsettled(self, store: DeltaStore, day: dt.date) -> bool:
        """Whether a day does not tell all that stood on it."""
        return self.unsettled is not None and day in self.unsettled(**self.inputs(store, [day], self.unsettled))

    def batches(self, store: DeltaStore, days: Sequence[dt.date]) -> Iterator[list[dt.date]]:
        """The days, as many at a time as fit in memory."""
        daily = [store.partition_bytes(c) for c in self.reads().values() if len(days) > 1]
        batch: list[dt.date] = []
        size = 0
        for day in days:
            more = sum(kept.get(day, 0) for kept in daily)
            if batch and size + more > BYTES_PER_BATCH:
                yield batch
                batch, size = [], 0
            batch.append(day)
            size += more
        if batch:
            yield batch


def wire(
    contracts: Sequence[Contract],
    stages: Mapping[str, ModuleType],
    views: Sequence[View],
    options: Callable[[Contract], Mapping[str, Any]] = lambda contract: {},
) -> list[DerivedTable]:
    """Every table of some stages with the function of its name in the stage's module, and every view.

    `options`: what a table has beyond its function (see `DerivedTable`). The quarantine has none: the others fill it.
    """
    tables = {contract.name: contract for contract in contracts}
    built = [
        DerivedTable(contract, getattr(stages[contract.stage], contract.name), tables, **options(contract))
        for contract in contracts
        if contract.stage in stages and contract.name != QUARANTINE
    ]
    return built + [DerivedTable(view.contract, view, tables, **options(view.contract)) for view in views]
