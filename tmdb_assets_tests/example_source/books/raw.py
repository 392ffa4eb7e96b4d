"""What is asked of the API, and when; the answers are kept verbatim.

What belongs here: endpoints and paging. What does not: pages as rows (clean.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import polars as pl
from tmdb_assets.sources.books import contracts

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, RawTable, Receipt
from tmdb_assets.lakehouse.flow.http_source import HttpSource
from tmdb_assets.lakehouse.http import Http
from tmdb_assets.lakehouse.http.pages import PageStyle, walk_pages

STYLE = PageStyle(items="items", total_pages="pages", total_items="total", page_size=None)


class Books(HttpSource):
    """The API of books."""

    def __init__(self, url: str, clock: Clock, log: Callable[[str], None]) -> None:
        super().__init__(clock, None, log=log, address_hint="check BOOKS_URL")
        self.url = url

    @cached_property
    def api(self) -> Http:
        """The API."""
        return self.connect(self.url, requests_per_second=None)

    def tables(self) -> Mapping[str, RawTable]:
        """Raw tables by name."""
        return {"pages": RawTable(contracts.PAGES, self.pages, contracts.ENDPOINTS)}

    def pages(self, asked: Asked) -> Iterator[Chunk]:
        """Both lists of the day, page by page."""
        for endpoint in contracts.ENDPOINTS:
            walk = walk_pages(self.api, endpoint, {}, endpoint=endpoint, style=STYLE)
            rows = [(asked.day, endpoint, page.number, page.answer.text) for page in walk.pages]
            frame = pl.DataFrame(rows, schema=contracts.PAGES.schema, orient="row")
            came = len({page.number for page in walk.pages})
            proof = Receipt(
                endpoint,
                walk.promised_pages,
                came,
                walk.promised_items,
                walk.received_items,
                walk.complete,
                walk.describe(),
            )
            yield Chunk(frame, [proof], replaces={"endpoint": endpoint})
