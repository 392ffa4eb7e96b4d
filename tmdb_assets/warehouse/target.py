"""What a target of a publication must do: hold what the lake has, and show the next state of it all at once.

What belongs here: the two promises, of the place itself and of the next publication while it is being made, and the
sentences that are the same whatever the place. What does not: any place (targets/), the order in which publish.py asks
for all this, what is published (contents.py).

A target keeps a schema per source in which tables and views have the names of their contracts, and the three tables of
recorded.py, by which the next publication finds what has changed. A method raises WarehouseError, with one sentence
that names the place and what to do; what was published before stays as it was then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.copies import Copies
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.warehouse.contents import Layout
from tmdb_assets.warehouse.reader import WarehouseError
from tmdb_assets.warehouse.recorded import OwnTable, Recorded


class Target(Copies, Protocol):
    """A place that answers are published to. Readers see the last publication until the next one is finished.

    As a place with copies, it forgets a source in such a way that no byte of it can be found afterwards: rows that are
    only deleted are not enough where a database keeps them until the room is used again.
    """

    @property
    def name(self) -> str:
        """Where it is, as a sentence begins with it; no secret is in it."""

    @property
    def noun(self) -> str:
        """What it is, as a sentence goes on: `file`, `database`."""

    @property
    def key(self) -> str:
        """The first part of the keys of its assets in Dagster: `warehouse` makes `warehouse/tmdb`."""

    @property
    def kind(self) -> str:
        """The kind of its assets in Dagster's UI: `duckdb`."""

    def description(self, source: str) -> str:
        """What an analyst finds there, and how it is brought up to date, for the asset that does so after a source's
        run."""

    def refuse_unfit(self, sources: Collection[str]) -> None:
        """Raise when it can never hold these sources, whatever they have: asked before anything is done or waited
        for."""

    def can_answer(self, view: View) -> bool:
        """Whether it speaks the SQL of a view; of one that it does not speak it is given the lake's answers, as a
        table."""

    def publication(self, log: Callable[[str], None]) -> AbstractContextManager[Draft]:
        """The next publication, one at a time: another one is waited for, and a killed one is cleared up after.

        What is not finished when the context ends is thrown away. An error of the place itself, raised within the
        context, leaves it as a WarehouseError.
        """

    def size(self) -> int:
        """Bytes that the last publication takes."""

    def files(self) -> Sequence[Path]:
        """What it has on this machine as files, those of a killed publication too; nothing where it is a server.

        Raises OSError where that cannot be looked up.
        """

    def alone(self, log: Callable[[str], None]) -> AbstractContextManager[None]:
        """Nobody publishes there, or makes something of it, meanwhile; waits for whoever does. Raises OSError."""


class Draft(Protocol):
    """The next publication while it is being made: nobody sees it before `finish`."""

    def begin(self) -> str | None:
        """Begin with what the last publication holds. Returns why that cannot be, with nothing to begin with then.

        Raises WarehouseError when what is there is none of ours: it is never overwritten.
        """

    def recorded(self) -> Recorded:
        """What it was made of; nothing for one that begins with nothing."""

    def drop_all_but(self, layouts: Sequence[Layout]) -> None:
        """Drop every view and macro, and every table and schema that no layout has; make the schemas of those that
        have."""

    def has(self, contract: Contract) -> bool:
        """Whether the table is there as its contract says: columns, types, which of them may be null."""

    def create(self, contract: Contract) -> None:
        """Make the table, empty, in place of one that may be there."""

    def delete_days(self, contract: Contract, days: Collection[dt.date]) -> None:
        """Delete the rows of some days."""

    def append(self, contract: Contract, frame: pl.DataFrame) -> None:
        """Add rows. Raises what `refuses` makes where the place holds rows to their contract and one breaks it."""

    def create_views(self, layout: Layout) -> None:
        """Make a source's views and macros. Raises SqlError naming the file and line that cannot be."""

    def describe(self, layout: Layout, anew: Collection[Contract] | None = None) -> None:
        """Put the contracts' words on a source's tables, views and columns, or on some of its tables."""

    def record(self, tables: Sequence[OwnTable]) -> None:
        """Write down what it is and what it was made of, in place of what was written before."""

    def count(self, contract: Contract) -> int:
        """Rows of a table, as it will be seen."""

    def columns_apart(self, view: View) -> str | None:
        """What keeps a view, as it will be seen, from what its contract promises; None if nothing does."""

    def finish(self, at: dt.datetime) -> None:
        """Make it visible, all of it at once, as published at that time. Killed before its end, it is not visible at
        all."""


def described(contract: Contract, note: str) -> tuple[str, dict[str, str]]:
    """The comment of a table or view, `note` at its end, and that of each column: meaning, rules, dimension."""
    columns = {}
    for name, column in contract.columns.items():
        rules = "; ".join(rule.error for rule in column.rules)
        refers = f" Refers to {contract.references[name].name}." if name in contract.references else ""
        columns[name] = column.description + (f" ({rules})" if rules else "") + refers
    return f"{contract.description} Grain: {', '.join(contract.grain)}.{note}", columns


def refuses(contract: Contract, reason: str) -> WarehouseError:
    """The error of rows that the lake has from before their contract forbade them."""
    return WarehouseError(
        f"{contract.source}.{contract.name} holds what its contract forbids ({reason}), kept from before the contract "
        "said so: materialize those days again."
    )
