"""What is asked of moovitamix, and when; the answers are kept verbatim.

What belongs here: endpoints, paging, and the proof that all pages of a day tell of one state of the source. What does
not: HTTP itself (lakehouse/http.py), the order of keeping and accounting (lakehouse/extraction.py), pages as rows
(answers.py), who is forgotten (privacy.py).

The API has no history, no filter and nothing incremental: a day is three lists, read whole. When its server restarts,
nearly every id changes: pages of two servers must not be mixed, nor lists of two servers. So a day whose totals differ
between pages, or whose first pages read otherwise at the end than at the beginning, is taken again from the start.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock, Reach
from tmdb_assets.lakehouse.extraction import Asked, Chunk, NothingToObserve, RawTable, Receipt
from tmdb_assets.lakehouse.http import EndpointStats, Http
from tmdb_assets.lakehouse.ledger import REAL, SANDBOX
from tmdb_assets.lakehouse.pages import Page, PageStyle, PageWalk, walk_pages
from tmdb_assets.settings import Settings
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix.answers import page_rows, take_apart
from tmdb_assets.sources.moovitamix.contracts import ENDPOINTS, HISTORIES_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.privacy import Door, hash_key

STYLE = PageStyle(
    items="items", total_pages="pages", total_items="total", page_size=100, size_param="size", max_page=None
)
FIRST_PAGE = PageStyle(
    items="items", total_pages="pages", total_items="total", page_size=100, size_param="size", max_page=1
)
TAKES_AT_MOST = 3


class Served(Protocol):
    """Something that serves at a URL, and may start when it is first asked for it (the sandbox)."""

    @property
    def url(self) -> str:
        """Root of the server."""


class Moovitamix:
    """The music API, real or sandbox. The sandbox keeps its history, so each day is asked as it stood then."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        sandbox: Served | None,
        log: Callable[[str], None],
        **http: Any,
    ) -> None:
        """`http`: options of the connection, for tests that must not wait."""
        self.settings, self.clock = settings, clock
        self.has_history = sandbox is not None
        self._sandbox, self._log, self._http = sandbox, log, http

    @cached_property
    def api(self) -> Http:
        """The API. Never through a cache: a day made of older and newer answers would be no state of the source."""
        root = self._sandbox.url if self._sandbox is not None else self.settings.moovitamix_url or ""
        options: dict[str, Any] = {
            "secrets": self.settings.secrets,
            "credential_hint": "check user and password in MOOVITAMIX_URL",
            "address_hint": "" if self.has_history else "check MOOVITAMIX_URL",
            "log": self._log,
            "now": self.clock.now,
        } | self._http
        return Http(root, requests_per_second=None, **options)

    def path(self, day: dt.date, endpoint: str) -> str:
        """Path of an endpoint, as of `day` where the source can tell."""
        return f"on/{day}/moovitamix/{endpoint}" if self.has_history else endpoint

    def origin(self) -> str | None:
        """Who has been answering: the sandbox marks every answer, wherever it is reached. None before any answer."""
        seen = self.api.markers if "api" in self.__dict__ else set()
        if self.has_history or seen - {None}:
            return SANDBOX
        return REAL if seen else None

    def traffic(self) -> Mapping[str, EndpointStats]:
        """Calls per endpoint so far."""
        return self.api.stats if "api" in self.__dict__ else {}

    def close(self) -> None:
        """Close the connections."""
        if "api" in self.__dict__:
            self.api.close()

    def tables(self) -> dict[str, RawTable]:
        """Raw tables by name: the pages bring the others with them."""
        # There is no archive. A past day is looked at all the same, to say why it stays empty.
        return {contracts.PAGES.name: RawTable(contracts.PAGES, self.pages, ENDPOINTS, archived=True)}

    def pages(self, asked: Asked) -> Iterator[Chunk]:
        """The three lists of a day, whole, all of one state of the source: up to three times from the start.

        Raises NothingToObserve for a past day of which nothing was kept; BlockedError follows from a last take that was
        mixed as well.
        """
        if asked.reach is Reach.PAST:
            yield self._kept(asked)
            return
        walks: dict[str, PageWalk] = {}
        trouble = ""
        for take in range(1, TAKES_AT_MOST + 1):
            walks = {endpoint: self._walk(asked.day, endpoint) for endpoint in ENDPOINTS}
            trouble = next(filter(None, map(_trouble, walks.values())), "") or self._moved(asked.day, walks)
            if not trouble:
                yield self._chunk(asked, walks, take)
                return
            if take < TAKES_AT_MOST:
                asked.log(
                    f"{asked.day}: {trouble}; the day is taken again from the start, nothing of this take is kept"
                )
        sentence = f"{trouble}, {TAKES_AT_MOST} takes in a row: nothing of them is kept. Run the day again."
        yield Chunk(contracts.PAGES.empty(), [_receipt(w, TAKES_AT_MOST, sentence) for w in walks.values()], None)

    def _kept(self, asked: Asked) -> Chunk:
        """What was kept of a past day whose run was cut before its end: it was kept whole or not at all."""
        rows = asked.store.scan(contracts.PAGES, [asked.day]).collect()
        if not rows.height:
            raise NothingToObserve(
                f"{asked.day}: nothing was kept on that day, and the music API only knows the present; a past day cannot be "
                "observed any more, so it stays empty."
            )
        receipts = []
        for endpoint in ENDPOINTS:
            of_endpoint = rows.filter(pl.col("endpoint") == endpoint)
            pages, count = of_endpoint.height, int(of_endpoint.get_column("row_count").sum())
            receipts.append(Receipt(endpoint, pages, pages, count, count))
        return Chunk(contracts.PAGES.empty(), receipts, None)

    def _walk(self, day: dt.date, endpoint: str) -> PageWalk:
        path = self.path(day, endpoint)
        return walk_pages(
            self.api, path, {}, endpoint=endpoint, style=STYLE, max_passes=1, progress=f"{endpoint} {day}"
        )

    def _moved(self, day: dt.date, walks: Mapping[str, PageWalk]) -> str:
        """Why lists that are sound each by itself do not belong together: the first page of one reads otherwise by now."""
        for endpoint, walk in walks.items():
            path = self.path(day, endpoint)
            again = walk_pages(self.api, path, {}, endpoint=endpoint, style=FIRST_PAGE, max_passes=1).pages[0]
            first = walk.pages[0]
            if (again.total_items, _names(again)) != (first.total_items, _names(first)):
                return f"{endpoint}: its first page lists others at the end of the walk than at the beginning"
        return ""

    def _chunk(self, asked: Asked, walks: Mapping[str, PageWalk], take: int) -> Chunk:
        door = Door(asked.store, lambda: hash_key(self.settings))
        door.learn(text for page in walks[USERS_ENDPOINT].pages for text in take_apart(page.answer.text)[1])
        rows = page_rows(asked.day, {e: _served(w) for e, w in walks.items()}, door.is_shut)
        dropped = int(rows.pages.get_column("forgotten_count").sum())
        if dropped:
            asked.log(f"{asked.day}: {dropped:,} rows of forgotten persons are not kept")
        return Chunk(rows.pages, [_receipt(w, take) for w in walks.values()], contents=rows.contents)


# -- small steps -----------------------------------------------------------------------------------------------------------


def _trouble(walk: PageWalk) -> str:
    """Why the pages of a walk do not tell of one state; empty when they do."""
    totals = {page.total_items: page.number for page in walk.pages}
    if len(totals) > 1:
        (one, first), (other, second) = sorted(totals.items(), key=lambda item: item[1])[:2]
        return f"{walk.endpoint}: page {first:,} says there are {one:,}, page {second:,} says {other:,}"
    if walk.missing_pages:
        return f"{walk.endpoint}: page {walk.missing_pages[0]:,} of {walk.promised_pages:,} did not come"
    rows, total = sum(len(page.items) for page in walk.pages), next(iter(totals))
    return "" if rows == total else f"{walk.endpoint}: {rows:,} rows came of {total:,}"


def _served(walk: PageWalk) -> list[Page]:
    """The pages there are; one past the end, asked for while the list grew shorter, is no page."""
    return [page for page in walk.pages if page.number <= max(walk.promised_pages, 1)]


def _names(page: Page) -> list[Any]:
    """What names the rows of a page: a row may change while one walks, another server has other rows."""
    fields = ("id", "user_id", "created_at") if page.answer.request.path.endswith(HISTORIES_ENDPOINT) else ("id",)
    return [[item.get(field) for field in fields] if isinstance(item, dict) else item for item in page.items]


def _receipt(walk: PageWalk, takes: int, trouble: str = "") -> Receipt:
    """What an endpoint promised and brought; `total` counts rows, so rows are counted here, whatever names them."""
    rows = sum(len(page.items) for page in walk.pages)
    promised = walk.pages[0].total_items
    pages = max(walk.promised_pages, 1)
    received = min(len({page.number for page in walk.pages}), pages)
    return Receipt(walk.endpoint, pages, received, promised, rows, not trouble, trouble, takes)
