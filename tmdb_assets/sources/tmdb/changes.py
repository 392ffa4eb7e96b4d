"""Walking the feed of changed films, whose windows may be too long for it.

What belongs here: the windows, their halves, and what is said of what the feed does not tell: that stops no day, since
details are asked for again by their age. What does not: the rows (answers.py), since when is asked (raw.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from tmdb_assets.lakehouse.http import CacheUnusable, Http, HttpError, Unauthorized
from tmdb_assets.lakehouse.http.pages import Page, PageStyle, PageWalk, walk_pages

CHANGES = "movie/changes"
WINDOW_DAYS = 14
MAX_PAGE = 500
STYLE = PageStyle(page_size=100, max_page=MAX_PAGE)


@dataclass
class Feed:
    """What the feed told: walks with the days they cover, what it leaves out for good (`cut`), what failed."""

    api: Http
    path: str
    walks: list[tuple[dt.date, dt.date, PageWalk]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def walk(self, first: dt.date, last: dt.date, *, is_end_left_out: bool = False) -> None:
        """Walk a window, halved while it has more pages than are served. Raises Unauthorized and CacheUnusable."""
        shortest = dt.timedelta(days=int(is_end_left_out))

        def is_too_long(page: Page) -> bool:
            return page.total_pages > MAX_PAGE and last - first > shortest

        span = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        try:
            walk = walk_pages(self.api, self.path, span, endpoint=CHANGES, style=STYLE, stop=is_too_long)
        except (Unauthorized, CacheUnusable):
            raise
        except HttpError as error:
            self.failed.append(f"{first}..{last} could not be had ({error.message.rstrip('.')})")
            return
        if any(map(is_too_long, walk.pages)):
            for half in halves(first, last, shortest):
                self.walk(*half, is_end_left_out=is_end_left_out)
            return
        self.walks.append((first, last, walk))
        stated = max(page.total_pages for page in walk.pages)
        if walk.missing_pages:
            self.failed.append(f"{first}..{last} lacks {len(walk.missing_pages)} of {walk.promised_pages} pages")
        elif stated > MAX_PAGE:
            self.cut.append(f"{first}..{last} has {stated:,} pages, of which {MAX_PAGE} are served")
        elif not walk.complete:
            self.cut.append(f"{first}..{last} shows {walk.received_items:,} of {walk.promised_items:,} films")


def windows(start: dt.date, end: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """Windows of at most 14 days from start to end, both included, sharing their border days; none if end is
    earlier."""
    while start <= end:
        last = min(start + dt.timedelta(days=WINDOW_DAYS - 1), end)
        yield start, last
        if last == end:
            return
        start = last


def halves(first: dt.date, last: dt.date, shortest: dt.timedelta) -> list[tuple[dt.date, dt.date]]:
    """The two halves of a window, sharing the day between them; of a window of two days, each day by itself."""
    if last - first == dt.timedelta(days=1):
        return [(first, first), (last, last)]
    middle = first + max((last - first) // 2, shortest)
    return [(first, middle), (middle, last)]
