"""A derived table: what it is made of, by what function, and how its inputs are opened.

What belongs here: a table with its function or its view, the batches in which its days are read. What does not: what
becomes of the rows it builds (publishing.py), how a function states what it reads (transforms.py), the functions
themselves (a source's clean.py and star.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines import Answer, Engine, Wanted
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.flow.checks import CHECKS, Outcome
from tmdb_assets.lakehouse.flow.transforms import Input, Loaded, Read, Reader, Transform, tables_of
from tmdb_assets.lakehouse.flow.view_inputs import ViewInputs
from tmdb_assets.lakehouse.payloads import Shape
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store.changes import Basis, basis_of, changed_days, is_unchanged, recorded_version

#: A column of a bridge's frame: true in a row that names no member and only says that its owner was observed, so that
#: members kept of an earlier day go (a film that has no genre any more).
MARKER = "_marker"


@dataclass(frozen=True, eq=False)
class DerivedTable:
    """A table built from other tables of its source, by a function that states what it reads or by a view.

    `received` counts the rows the table must account for, by partition: a frame with a column `received`; `shape` is
    what its payloads should look like. `warnings` are checks of its own, by name, that never stop a publication; the
    docstring of each says what is checked.

    `catches_up_with`: a table kept by the day of which it absorbs every day that changed since it was last built,
    whatever the days of the run.

    The last three are for a table that holds changes: each of its days says what changed since the day kept before it.
    `follows` is the table whose days are compared; publishing a day publishes the kept day after it too. `compared` is
    the table that says with which day each was compared (`compared_with`). `unsettled` finds days that may lack rows
    which were there: the day after them is compared with the days before them too.
    """

    contract: Contract
    build: Reader[pl.DataFrame] | View
    received: Reader[pl.LazyFrame] | None = None
    shape: type[Shape] | None = None
    warnings: Mapping[str, Transform[Outcome]] = field(default_factory=dict)
    catches_up_with: Contract | None = None
    follows: Contract | None = None
    compared: Contract | None = None
    unsettled: Transform[set[dt.date]] | None = None

    @cached_property
    def stated(self) -> tuple[Read, ...]:
        """What the table is built of, in the order in which its function takes it."""
        if isinstance(self.build, View):
            return tuple(Input(contract) for contract in self.build.tables.values())
        return tuple(self.build.inputs)

    @cached_property
    def reads(self) -> tuple[Contract, ...]:
        """The tables it is built of."""
        return tuple(self.build.tables.values()) if isinstance(self.build, View) else tables_of(self.build)

    def compute(self, inputs: Sequence[Any]) -> pl.DataFrame:
        """The rows that the function makes of its inputs."""
        assert not isinstance(self.build, View), "an engine answers it"
        return self.build(*inputs)

    def answer(self, store: DeltaStore, days: Sequence[dt.date] | None, engine: Engine) -> Answer:
        """What the engine says to the view, of some days or of all.

        An answer of many rows may be left in the table's folder where it takes the place of whole files.
        """
        assert isinstance(self.build, View), "a function computes it"
        contract = self.contract
        folder = store.new_folder(contract) if contract.is_whole or contract.folders else None
        wanted = Wanted(days if contract.partition else None, folder, self._rows_expected(store, days))
        return engine.answer(self.build, dict(zip(self.build.tables, self.inputs(store, days), strict=True)), wanted)

    def _rows_expected(self, store: DeltaStore, days: Sequence[dt.date] | None) -> int:
        """About how many rows an answer will have: as many as it had, on a new day as many as on the largest one, and
        the first time as many as the largest table that it is made of."""
        if store.open(self.contract) is None:
            return max((store.rows(read) for read in self.reads), default=0)
        if days is None or not self.contract.folders:
            return store.rows(self.contract)
        counted = store.partition_rows(self.contract)
        most = max(counted.values(), default=0)
        return sum(counted.get(day, most) for day in days)

    @cached_property
    def lineage(self) -> dict[str, list[tuple[Contract, str]]]:
        """Column -> the columns it comes from.

        A view's text says it; else it is as the contract states, else those of its name in the tables read.
        """
        if isinstance(self.build, View):
            return self.build.lineage()
        read = {c.name: c for c in self.reads if c is not self.contract}
        found: dict[str, list[tuple[Contract, str]]] = {}
        stated = self.contract.comes_from
        for name in self.contract.columns:
            namesakes = [(table, name) for table in read.values() if name in table.columns]
            words = stated.get(name) or ("" if namesakes else stated.get("*", ""))
            found[name] = [(read[t], c) for t, c in (word.split(".") for word in words.split())] or namesakes
        return found

    @property
    def upstream(self) -> list[Contract]:
        """Tables that must stand before this one: those it reads, those its warnings read and those it refers to."""
        read = [*self.reads, *(c for judge in self.warnings.values() for c in tables_of(judge))]
        named = dict.fromkeys([*read, *self.contract.references.values()])
        return [contract for contract in named if contract is not self.contract]

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
        return usual | {name: judge.doc or name for name, judge in self.warnings.items()}

    def inputs(
        self,
        store: DeltaStore,
        days: Sequence[dt.date] | None,
        reader: Reader[Any] | None = None,
        rows: pl.LazyFrame | None = None,
    ) -> list[Any]:
        """What a function (by default the one that builds the table) is called with, in order.

        Tables are pinned to one version each: lazy frames for a function, snapshots for a view. `days` None: every day;
        `rows`: those about to be published.
        """
        if reader is None and isinstance(self.build, View):
            return list(ViewInputs(self.build, store).tables(days).values())

        def opened(stated: Read) -> Any:
            if isinstance(stated, Loaded):
                return stated.load()
            if isinstance(stated, Input):
                is_whole = stated.is_whole or not stated.contract.partition
                return store.scan(stated.contract, None if is_whole else days)
            return self.contract.empty().lazy() if rows is None else rows

        return [opened(stated) for stated in (self.stated if reader is None else reader.inputs)]

    def state(self, store: DeltaStore, days: Sequence[dt.date] | None) -> dict[tuple[str, ...], frozenset[str]]:
        """Which files hold what the table is built of for some days, and what it must account for."""
        if isinstance(self.build, View):
            return ViewInputs(self.build, store).state(days)
        stated = [*self.stated, *(self.received.inputs if self.received else ())]
        read = [each for each in stated if isinstance(each, Input)]
        whole = {each.contract.key for each in read if each.is_whole}
        return {
            tuple(each.contract.key): store.state(each.contract, None if each.contract.key in whole else days)
            for each in read
        }

    def parts_to_build(self, store: DeltaStore, days: Sequence[dt.date]) -> list[dt.date]:
        """The days (or first days of periods) that a run for some days builds, oldest first.

        A view is built where what it reads has changed since it was last built, which mostly is on these days. None of
        a whole table.
        """
        if self.contract.is_whole:
            return []
        if isinstance(self.build, View):
            return ViewInputs(self.build, store).parts(days)
        if self.catches_up_with is None:
            return sorted(days)
        since = recorded_version(store, self.contract, self.catches_up_with)
        return sorted({*days, *changed_days(store, self.catches_up_with, since)})

    def basis(self, store: DeltaStore) -> Basis:
        """The versions that it is recorded to be made of when it is built now; none where nobody asks for them."""
        if isinstance(self.build, View):
            return basis_of(store, self.contract, self.reads)
        return basis_of(store, self.contract, [self.catches_up_with]) if self.catches_up_with else {}

    def is_up_to_date(self, store: DeltaStore) -> bool:
        """Whether a view was last answered over the very files that its tables have. One with checks of its own
        is answered anew all the same: these may ask for more than it reads."""
        if not isinstance(self.build, View) or self.warnings or store.open(self.contract) is None:
            return False
        return all(is_unchanged(store, c, recorded_version(store, self.contract, c)) for c in self.reads)

    def is_unsettled(self, store: DeltaStore, day: dt.date) -> bool:
        """Whether a day does not tell all that stood on it."""
        return self.unsettled is not None and day in self.unsettled(*self.inputs(store, [day], self.unsettled))

    def batches(self, store: DeltaStore, days: Sequence[dt.date]) -> Iterator[list[dt.date]]:
        """The days, as many at a time as fit in memory."""
        if isinstance(self.build, View):
            yield from ViewInputs(self.build, store).batches(days)
            return
        daily = [store.partition_bytes(c) for c in self.reads if len(days) > 1]
        batch: list[dt.date] = []
        size = 0
        for day in days:
            more = sum(kept.get(day, 0) for kept in daily)
            if batch and size + more > store.bytes_per_batch:
                yield batch
                batch, size = [], 0
            batch.append(day)
            size += more
        if batch:
            yield batch


def tables_of_views(
    views: Iterable[View], warnings: Mapping[str, Mapping[str, Transform[Outcome]]] | None = None
) -> tuple[DerivedTable, ...]:
    """Every view as a table, with the checks that it has of its own (by the view's name)."""
    own = warnings or {}
    return tuple(DerivedTable(view.contract, view, warnings=own.get(view.contract.name, {})) for view in views)
