"""Raw to clean: typed rows, one per item of a page; frame -> frame.

What belongs here: one function per clean table, what it reads stated above it. What does not: rules (contracts.py).
"""

from __future__ import annotations

import polars as pl
from tmdb_assets.sources.books import contracts

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.transforms import reads
from tmdb_assets.lakehouse.payloads import Id, Shape, decode_items


class Author(Shape):
    """An author on a page."""

    id: Id
    name: str


class Book(Shape):
    """A book on a page."""

    id: Id
    title: str
    author_id: Id
    pages: Id | None = None


@reads(contracts.PAGES)
def authors(pages: pl.LazyFrame) -> pl.DataFrame:
    """Authors, as listed."""
    return _items(pages, "authors", Author).select(*_columns(contracts.AUTHORS, author_id="id"))


@reads(contracts.PAGES)
def books(pages: pl.LazyFrame) -> pl.DataFrame:
    """Books, as listed."""
    return _items(pages, "books", Book).select(*_columns(contracts.BOOKS, book_id="id"))


TABLES = (
    DerivedTable(contracts.AUTHORS, authors, shape=Author),
    DerivedTable(contracts.BOOKS, books, shape=Book),
)


def _items(pages: pl.LazyFrame, endpoint: str, shape: type[Shape]) -> pl.DataFrame:
    kept = pages.filter(pl.col("endpoint") == endpoint).sort("date_id", "page").collect()
    days = kept.select("date_id").with_row_index("_page")
    rows = decode_items(kept.get_column("payload"), "items", shape)
    return rows.with_columns(pl.col("_page").cast(pl.UInt32)).join(days, on="_page", maintain_order="left")


def _columns(contract: Contract, **renamed: str) -> list[pl.Expr]:
    own = [pl.col(renamed.get(name, name)).cast(dtype).alias(name) for name, dtype in contract.schema.items()]
    return [*own, pl.col("^_(rejected|set_aside|payload)$")]
