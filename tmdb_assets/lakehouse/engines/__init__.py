"""Who answers a view: its text is SQL with a contract, and an engine runs it over tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines.views import View


class Readable(Protocol):
    """A table that an engine reads: a snapshot of the lake, or a lazy frame."""

    def lazy(self) -> pl.LazyFrame:
        """Its rows."""


@runtime_checkable
class ParquetFiles(Protocol):
    """A table that is a list of Parquet files on this machine, which an engine may read by itself: a snapshot.

    The partition column of a table kept by the day stands in the names of folders. A column that a file lacks is null
    in it. `paths` is None where the files lie elsewhere, or hold days that were not asked for.
    """

    contract: Contract

    @property
    def paths(self) -> Sequence[str] | None:
        """Where the files lie."""

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


class Engine(Protocol):
    """Who answers views."""

    def answer(self, view: View, tables: Mapping[str, Readable]) -> pl.DataFrame:
        """The rows of a view over tables by the names it reads, typed as its contract says. Raises SqlError."""
