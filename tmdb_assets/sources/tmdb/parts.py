"""The pages of a list that is still being walked: kept as they come, so that a run that is cut is resumed.

What belongs here: under which name they are kept, how they are found again and done away with. What does not: the walk
(lists.py) and what is kept of a whole one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import polars as pl

from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, Receipt
from tmdb_assets.lakehouse.http import Answer, Request
from tmdb_assets.lakehouse.http.pages import Page
from tmdb_assets.lakehouse.payloads.json_text import read
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.answers import page_rows

#: What the window of such a page ends in. No page of a finished day has it.
UNDER_WAY = " (under way)"
#: Pages that are committed together.
PAGES_PER_COMMIT = 100


def is_whole() -> pl.Expr:
    """Whether a page belongs to a list that was walked to its end."""
    return ~pl.col("window").str.ends_with(UNDER_WAY)


def whole(day: dt.date, window: str, pages: Sequence[Page], total: Receipt) -> Chunk:
    """A list that was walked to its end, in place of what was kept of it on the way."""
    names = {"window": [window, window + UNDER_WAY]}
    return Chunk(page_rows(day, window, pages), [total], names, measure=is_whole().sum())


def part(day: dt.date, window: str, pages: Sequence[Page], so_far: Receipt) -> Chunk:
    """Some pages of a list that is being walked."""
    return Chunk(page_rows(day, window + UNDER_WAY, pages), [so_far], replaces=None)


def known_pages(asked: Asked, window: str) -> dict[int, Answer]:
    """What a cut run of the day kept of a list, by page."""
    kept = asked.store.scan(contracts.DISCOVER_PAGES, [asked.day])
    rows = kept.filter(pl.col("window") == window + UNDER_WAY, pl.col("fetched_at") >= asked.since)
    found = rows.select("page", "http_status", "fetched_at", "payload").collect()
    return {
        page: Answer(Request("", key=page), status, {}, fetched_at, text, json=read(text))
        for page, status, fetched_at, text in found.iter_rows()
    }


def without_parts(asked: Asked, total: Receipt) -> Iterator[Chunk]:
    """Do away with what is kept of lists that were not walked to their end, if there is any."""
    kept = asked.store.scan(contracts.DISCOVER_PAGES, [asked.day]).filter(~is_whole())
    names = kept.select(pl.col("window").unique().sort()).collect().get_column("window").to_list()
    if names:
        empty = contracts.DISCOVER_PAGES.empty()
        yield Chunk(empty, [total], {"window": names}, measure=is_whole().sum())
