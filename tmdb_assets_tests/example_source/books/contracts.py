"""Every table of the source, and what it promises.

What belongs here: contracts. What does not: how rows come to be (raw.py, clean.py, star.py).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.contracts import (
    ByDay,
    Contract,
    Duplicates,
    Owned,
    Stage,
    col,
    counting,
    in_range,
    not_blank,
    within_days,
)
from tmdb_assets.lakehouse.engines.views import read_views
from tmdb_assets.lakehouse.flow.ledger import ledger_contract
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract

SOURCE = "books"
ENDPOINTS = ("authors", "books")

DAY = {"date_id": col(pl.Date, "Day of the observation (UTC).", within_days())}
SEEN = {"observed_on": col(pl.Date, "Day of the observation this row comes from (UTC).", within_days())}
AUTHOR = {"author_id": col(pl.Int64, "Author.", counting(1)), "name": col(pl.String, "Name.", not_blank())}
BOOK = {
    "book_id": col(pl.Int64, "Book.", counting(1)),
    "title": col(pl.String, "Title.", not_blank()),
    "author_id": AUTHOR["author_id"],
    "pages": col(pl.Int64, "Pages; null when unknown.", in_range(1, 10_000), nullable=True),
}

PAGES = Contract(
    SOURCE,
    Stage.RAW,
    "pages",
    "Pages of both lists, as they came.",
    ("date_id", "endpoint", "page"),
    {
        **DAY,
        "endpoint": col(pl.String, "List."),
        "page": col(pl.Int64, "Number of the page.", counting(1)),
        "payload": col(pl.String, "Body of the answer, as it came."),
    },
    kept=ByDay("date_id"),
)
AUTHORS = Contract(
    SOURCE, Stage.CLEAN, "authors", "Authors, as listed.", ("date_id", "author_id"), DAY | AUTHOR, ByDay("date_id")
)
BOOKS = Contract(
    SOURCE, Stage.CLEAN, "books", "Books, as listed.", ("date_id", "book_id"), DAY | BOOK, ByDay("date_id")
)
DIM_AUTHOR = Contract(
    SOURCE,
    Stage.STAR,
    "dim_author",
    "Authors as last known.",
    ("author_id",),
    AUTHOR | SEEN,
    kept=Owned(("author_id",), ("observed_on",)),
    duplicates=Duplicates.FIRST,
    comes_from={"observed_on": "authors.date_id"},
)
DIM_BOOK = Contract(
    SOURCE,
    Stage.STAR,
    "dim_book",
    "Books as last known.",
    ("book_id",),
    BOOK | SEEN,
    kept=Owned(("book_id",), ("observed_on",)),
    duplicates=Duplicates.FIRST,
    references={"author_id": DIM_AUTHOR},
    comes_from={"observed_on": "books.date_id"},
)
EXTRACTION_LEDGER, QUARANTINE = ledger_contract(SOURCE), quarantine_contract(SOURCE)

TABLES = (PAGES, EXTRACTION_LEDGER, AUTHORS, BOOKS, QUARANTINE, DIM_AUTHOR, DIM_BOOK)
VIEWS = read_views(Path(__file__).parent / "views", SOURCE, TABLES)
CONTRACTS = (*TABLES, *(view.contract for view in VIEWS))
