"""Who answers a view: its text is SQL with a contract, and an engine runs it over tables."""

from collections.abc import Mapping
from typing import Protocol

import polars as pl

from tmdb_assets.lakehouse.engines.views import View


class Readable(Protocol):
    """A table that an engine reads: a snapshot of the lake, or a lazy frame."""

    def lazy(self) -> pl.LazyFrame:
        """Its rows."""


class Engine(Protocol):
    """Who answers views."""

    def answer(self, view: View, tables: Mapping[str, Readable]) -> pl.DataFrame:
        """The rows of a view over tables by the names it reads, typed as its contract says. Raises SqlError."""
