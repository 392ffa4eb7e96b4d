"""Clean to star: authors and books as last known.

What belongs here: one function per star table, what it reads stated above it. What does not: which of two observations
is newer (the contract says how it is told).
"""

from __future__ import annotations

import polars as pl
from tmdb_assets.sources.books import contracts

from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.transforms import reads


@reads(contracts.AUTHORS)
def dim_author(authors: pl.LazyFrame) -> pl.DataFrame:
    """Authors, the newest observation first."""
    return authors.rename({"date_id": "observed_on"}).sort("observed_on", descending=True).select(
        list(contracts.DIM_AUTHOR.schema)
    ).collect()  # fmt: skip


@reads(contracts.BOOKS)
def dim_book(books: pl.LazyFrame) -> pl.DataFrame:
    """Books, the newest observation first."""
    return books.rename({"date_id": "observed_on"}).sort("observed_on", descending=True).select(
        list(contracts.DIM_BOOK.schema)
    ).collect()  # fmt: skip


TABLES = (DerivedTable(contracts.DIM_AUTHOR, dim_author), DerivedTable(contracts.DIM_BOOK, dim_book))
