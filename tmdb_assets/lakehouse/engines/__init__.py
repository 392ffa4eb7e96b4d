"""Who answers a view: its text is SQL with a contract, and an engine runs it over tables."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.errors import LakehouseError


class EngineError(LakehouseError):
    """An engine cannot be had: it is not installed, or nobody answers where it should be. The message names the setting
    and what to do."""


class Readable(Protocol):
    """A table that an engine reads: a snapshot of the lake, or a lazy frame."""

    def lazy(self) -> pl.LazyFrame:
        """Its rows."""


@runtime_checkable
class ParquetFiles(Protocol):
    """A table that is a list of Parquet files, which an engine may read by itself: a snapshot.

    The partition column of a table kept by the day stands in the names of folders. A column that a file lacks is null
    in it. `paths` is None where the files do not lie on this machine, or hold days that were not asked for.
    """

    contract: Contract

    @property
    def files(self) -> Sequence[str]:
        """Where the files lie: paths, or URLs."""

    @property
    def days(self) -> Sequence[dt.date] | None:
        """The days that were asked for, of all that the files may hold; None for all."""

    @property
    def paths(self) -> Sequence[str] | None:
        """The files as paths of this machine."""

    def lazy(self) -> pl.LazyFrame:
        """The rows."""


@dataclass(frozen=True, eq=False)
class Extended:
    """A table and a few rows beside it."""

    table: Readable
    rows: pl.DataFrame

    def lazy(self) -> pl.LazyFrame:
        """All rows."""
        return pl.concat([self.table.lazy(), self.rows.lazy()])


@dataclass(frozen=True)
class Wanted:
    """What is wanted of an answer.

    `parts`: the days, or first days of periods, whose rows are wanted; None for all. `folder`: one that is not there
    yet, in which an engine may leave an answer of many rows as Parquet files; None where it has to hand all over.
    `rows`: about how many are expected, as far as that is known.
    """

    parts: Collection[dt.date] | None = None
    folder: str | None = None
    rows: int = 0


@dataclass(frozen=True)
class Written:
    """An answer of many rows: the folder in which it lies, as it was named.

    Its files are typed as the contract says, and lie in folders by its days where the table does. Nobody sees them
    before they are committed; where they never are, upkeep removes them.
    """

    folder: str


Answer = pl.DataFrame | Written
EVERYTHING = Wanted()


class Engine(Protocol):
    """Who answers views."""

    def answer(self, view: View, tables: Mapping[str, Readable], wanted: Wanted = EVERYTHING) -> Answer:
        """The rows of a view over tables by the names it reads, typed as its contract says.

        They are handed over, or, where they are many, left in files. Raises SqlError, EngineError.
        """
