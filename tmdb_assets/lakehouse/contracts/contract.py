"""What a table promises.

What belongs here: `Contract` (columns, units, grain, partition, ownership, references) and what is derived from it
alone (Polars schema, Delta schema, Pandera's schema, whether rules hold). What does not: a column (columns.py), the
kinds of rules (rules.py), how a frame is held to a contract (audit.py), the data dictionary (dictionary.py), reading or
writing tables (store/), and any source's tables (its contracts.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import deltalake
import polars as pl
from deltalake import Schema as DeltaSchema

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts.columns import Column, ContractError
from tmdb_assets.lakehouse.contracts.kept import ByDay, ByPeriod, FewADay, Kept, Owned, Whole
from tmdb_assets.lakehouse.contracts.verdict import are_present, holds, is_present, refuse_unknown

if TYPE_CHECKING:
    from tmdb_assets.lakehouse.contracts.schema import DataFrameSchema


class Stage(StrEnum):
    """How far the rows of a table have come: also the folder they lie in."""

    RAW = "raw"  #: what came, as it came
    CLEAN = "clean"  #: typed rows, audited
    STAR = "star"  #: dimensions, bridges and facts
    VIEWS = "views"  #: answers to questions


class Duplicates(StrEnum):
    """What two rows of one grain are."""

    REFUSE = "refuse"  #: a fault: nothing is published
    FIRST = "first"  #: expected: the first one counts


@dataclass(frozen=True, eq=False)
class Contract:
    """The promise of one table. `source/stage/name` is its asset key and its path under the lake root.

    `kept` says what a run replaces of it (kept.py). `duplicates` says what two rows of one grain are. `precedence`
    names a column and its values, the best first: of the rows of one grain those of the best value count, the others
    are *superseded*; equal ones are duplicates. `references` maps a column to the dimension that must hold its value.
    `drift_limit` is the share by which the rows of a day may differ from the day before without a warning; None where a
    day's rows follow demand. `comes_from` maps a column to those it is made of ("movies.genres reference.payload"), `*`
    all others that have no namesake in the tables read. `cadence` is how often the table is filled: a partition stands
    for the last day of its span. `is_corrected`: a partition may be filled again from another input; what that adds,
    changes and removes is then reported, and the same rows again cost nothing. `kept_for` is the table and the column
    that the rows are kept for: a row whose (only) key nothing there names any more is dropped by the upkeep. `personal`
    columns hold data of persons, which never leave the lake for a log or a preview. `subjects` columns say which person
    a row is about, by an id or a hash: they leave the lake for the warehouse, but not for a log or a preview either.
    `expiring` columns hold what a source may forbid to keep for long: they become null when raw of the row's day
    expires, while the row stays.
    """

    source: str
    stage: Stage
    name: str
    description: str
    grain: tuple[str, ...]
    columns: Mapping[str, Column]
    kept: Kept = field(default_factory=Whole)
    duplicates: Duplicates = Duplicates.REFUSE
    precedence: tuple[str, tuple[str, ...]] | None = None
    references: Mapping[str, Contract] = field(default_factory=dict)
    drift_limit: float | None = 0.25
    comes_from: Mapping[str, str] = field(default_factory=dict)
    cadence: Cadence = Cadence.DAY
    is_corrected: bool = False
    kept_for: tuple[Contract, str] | None = None
    personal: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    expiring: tuple[str, ...] = ()
    code_version: str = "1"

    def __post_init__(self) -> None:
        for name, kind in (("stage", Stage), ("duplicates", Duplicates)):
            object.__setattr__(self, name, _as_one_of(kind, getattr(self, name), f"{self.source} {self.name}"))
        named = {*self.grain, *self.owner, *self.order, *self.references, *self.hidden, *self.expiring}
        named |= {self.partition} if self.partition else set()
        named |= {self.precedence[0]} if self.precedence else set()
        for missing in sorted(named - set(self.columns)):
            raise ContractError(self.path, missing, "is named by the contract but is not among its columns")
        for held in (c for c in self.expiring if not self.partition or not self.columns[c].nullable):
            raise ContractError(self.path, held, "cannot expire: it must be nullable, and the table partitioned by day")
        for name, column in self.columns.items():
            refuse_unknown(self.path, name, column)
        if self.precedence and (self.duplicates is not Duplicates.FIRST or self.stage is Stage.RAW):
            problem = 'has a precedence: it needs duplicates "first", and is not for raw, which keeps what came'
            raise ContractError(self.path, None, problem)

    @property
    def key(self) -> tuple[str, str, str]:
        """Asset key of the table, also its folder under the lake root."""
        return (self.source, self.stage.value, self.name)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Columns whose values stand in no log, no check and no preview."""
        return (*self.personal, *self.subjects)

    @property
    def partition(self) -> str | None:
        """The date column whose days (or first days of periods) a run replaces; None where it replaces owners, or
        everything."""
        return self.kept.partition if isinstance(self.kept, ByDay | FewADay | ByPeriod) else None

    @property
    def folders(self) -> str | None:
        """The date column each of whose values lies in a folder of its own."""
        return self.kept.partition if isinstance(self.kept, ByDay | ByPeriod) else None

    def part_of(self, day: dt.date) -> dt.date:
        """The value of the partition column in the rows that a day is part of: the day itself, or the first day of its
        period."""
        return self.kept.period.start(day) if isinstance(self.kept, ByPeriod) else day

    @property
    def owner(self) -> tuple[str, ...]:
        """The columns that say whose rows are replaced as a set."""
        return self.kept.owner if isinstance(self.kept, Owned) else ()

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that say how new an owner's rows are."""
        return self.kept.order if isinstance(self.kept, Owned) else ()

    @property
    def is_whole(self) -> bool:
        """Whether every run replaces all of the table."""
        return isinstance(self.kept, Whole)

    @property
    def path(self) -> str:
        """The key as a path: `tmdb/star/dim_movie`."""
        return "/".join(self.key)

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and Polars types, in order."""
        return pl.Schema({name: column.dtype for name, column in self.columns.items()})

    @cached_property
    def required(self) -> frozenset[str]:
        """Columns without which a row is nothing: those that may not be null, and those that say which row it is."""
        keys = {*self.grain, *self.owner, *self.order, *([self.partition] if self.partition else ())}
        return frozenset(name for name, column in self.columns.items() if not column.nullable or name in keys)

    def holds(self, name: str, of: pl.Expr | None = None) -> pl.Expr:
        """Whether the value of a column, or `of` another expression that is to become it, keeps the column's rules, row
        by row; a null does where it is allowed."""
        column, value = self.columns[name], pl.col(name) if of is None else of
        kept = pl.all_horizontal(pl.lit(True), *[holds(rule, value) for rule in column.rules])
        return kept.fill_null(True) if column.nullable else kept.fill_null(False) & is_present(column, value)

    @cached_property
    def all_hold(self) -> pl.Expr:
        """Whether all rows keep all rules, in one pass."""
        present = [are_present(c, pl.col(name)) for name, c in self.columns.items() if not c.nullable]
        kept = [holds(rule, pl.col(name)).all() for name, c in self.columns.items() for rule in c.rules]
        return pl.all_horizontal(pl.lit(True), *present, *kept)

    @cached_property
    def pandera(self) -> DataFrameSchema:
        """The whole table as Pandera's schema, for a notebook or a test: `DIM_MOVIE.pandera.validate(frame)`.

        Give it a frame, not a LazyFrame, of which Pandera looks at the types alone.
        """
        from tmdb_assets.lakehouse.contracts.schema import table_schema  # Pandera takes seconds to import

        return table_schema(self.columns, self.path, self.description, self.grain)

    @cached_property
    def delta_schema(self) -> DeltaSchema:
        """The Delta schema: types, nullability, and each description as the column's comment."""
        arrow = DeltaSchema.from_arrow(self.empty().to_arrow().schema)
        return DeltaSchema(
            [
                deltalake.Field(
                    f.name,
                    f.type,
                    nullable=self.columns[f.name].nullable,
                    metadata={"comment": self.columns[f.name].description},
                )
                for f in arrow.fields
            ]
        )

    def empty(self) -> pl.DataFrame:
        """A frame with the contract's columns and no rows."""
        return pl.DataFrame(schema=self.schema)


def _as_one_of(kind: type[StrEnum], value: str, table: str) -> StrEnum:
    """The member of an enumeration, also by its text."""
    try:
        return kind(value)
    except ValueError:
        listed = ", ".join(kind)
        raise ContractError(table, None, f"{value!r} is no {kind.__name__.lower()}: use one of {listed}") from None
