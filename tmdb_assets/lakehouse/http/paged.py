"""What a source's numbered pages look like, and what walking them brought.

What belongs here: values. What does not: asking (pages.py).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from tmdb_assets.lakehouse.http.exchange import Answer


@dataclass(frozen=True)
class PageStyle:
    """How a source writes its pages: the names of its fields and parameters, rows per full page (None: not known) and
    the last page it serves, whatever total it states (None: no such limit)."""

    items: str = "results"
    total_pages: str = "total_pages"
    total_items: str = "total_results"
    page: str = "page"
    page_size: int | None = 20
    size_param: str | None = None
    max_page: int | None = 500
    item_key: str = "id"


@dataclass(frozen=True)
class Page:
    """One page as it was served; its answer keeps the body verbatim."""

    number: int
    answer: Answer
    items: list[Any]
    total_pages: int
    total_items: int
    pass_number: int = 1


@dataclass
class PageWalk:
    """What a walk brought. `pages` are sorted by number, then pass; rows in them = received_items + duplicates.

    `missing_pages` are the first of them. `trouble` is what was last said instead of one, `gave_out` says where a
    source promised more pages than it has, so that it was asked no further.
    """

    endpoint: str
    pages: list[Page]
    promised_pages: int
    promised_items: int
    received_items: int
    duplicates: int
    complete: bool
    missing_pages: list[int]
    passes: int
    trouble: str = ""
    gave_out: str = ""

    def describe(self) -> str:
        """The walk in one sentence."""
        came = len({page.number for page in self.pages if page.number <= self.promised_pages})
        pages = f"{came:,} of {self.promised_pages:,} pages"
        items = f"{self.received_items:,} of {self.promised_items:,} promised items"
        extra = f"{self.duplicates:,} repeated rows, {self.passes} {'pass' if self.passes == 1 else 'passes'}"
        trouble = f" A missing page: {self.trouble}" if self.missing_pages and self.trouble else ""
        trouble += f" Asked no further: {self.gave_out}." if self.gave_out else ""
        return f"{self.endpoint}: {pages}, {items} ({extra}): {'complete' if self.complete else 'incomplete'}.{trouble}"


def finish(walking: Generator[Page, None, PageWalk]) -> PageWalk:
    """Walk to the end."""
    while True:
        try:
            next(walking)
        except StopIteration as end:
            return walk_of(end)


def walk_of(end: StopIteration) -> PageWalk:
    """What a walk that ended returned."""
    walk: PageWalk = end.value
    return walk
