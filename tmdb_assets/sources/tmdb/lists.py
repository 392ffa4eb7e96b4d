"""The lists of films by popularity, which move while they are walked, and whether what they show can be believed.

What belongs here: the windows of a list, its walk, what is asked again and in what words, the proof. What does not:
which films the day is about (scope.py), the exports (exports.py), the table that the pages are kept in (raw.py).
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, Receipt
from tmdb_assets.lakehouse.http import Answer, Http, HttpError, Request
from tmdb_assets.lakehouse.http.pages import Page, PageStyle, PageWalk, finish, pages_as_they_come, walk_of
from tmdb_assets.settings import Settings
from tmdb_assets.sources.tmdb import contracts, parts, scope
from tmdb_assets.sources.tmdb.answers import listed_movies
from tmdb_assets.sources.tmdb.exports import EXPORT, Exports, has_whole_export, is_much_less
from tmdb_assets.sources.tmdb.scope import LISTED_AT_MOST

DISCOVER = "discover/movie"
MAX_PAGE = 500
STYLE = PageStyle(page_size=20, max_page=MAX_PAGE)
FIRST_RELEASE = dt.date(1870, 1, 1)

#: How often the first page of a list is asked for in one run before it is called false.
TIMES_ASKED = 4
#: Share of a list's films that may stay unseen while no export of the day names them: beyond, it is asked again.
UNNAMED_AT_MOST = 0.001
#: The day stops when a list lacks more films than this share and this number, and nothing names them (`few_of`).
UNSEEN_SHARE, UNSEEN_AT_LEAST = 0.05, 10

BY_POPULARITY = {"sort_by": "popularity.desc", "include_adult": "false", "include_video": "false"}
#: Filters that leave nothing out, alone and together: TMDB keeps its answers by the words of the question.
_NO_FILTERS = {"vote_count.gte": 0, "vote_average.gte": 0, "vote_average.lte": 10}
WORDINGS = tuple(
    {name: _NO_FILTERS[name] for name in names}
    for count in range(len(_NO_FILTERS) + 1)
    for names in itertools.combinations(_NO_FILTERS, count)
)


@dataclass(frozen=True)
class Lists:
    """The lists of one source. `path` tells where an endpoint is asked for a day."""

    api: Callable[[], Http]
    path: Callable[[dt.date, str], str]
    exports: Exports
    settings: Settings

    @property
    def size(self) -> int | None:
        """How many films are wanted; None for all."""
        return self.settings.scope_size

    def chunks(self, asked: Asked) -> Iterator[Chunk]:
        """The pages of each window with the proof so far."""
        size = self.size
        total = Receipt(DISCOVER, 0, 0, 0, 0)
        for window, params, floor in self.windows(asked):
            done = _stored_since(asked, window)
            if done is not None:
                total = add(total, done)
                asked.log(f"{DISCOVER} {window}: kept already, not asked again")
                yield Chunk(contracts.DISCOVER_PAGES.empty(), [total], replaces=None)  # the proof is told all the same
                continue
            walk = yield from self._walk_and_keep(asked, window, params, size if floor is None else None, floor, total)
            problem = self._disbelief_of(asked, walk) if floor is None else ""
            for _ in range(TIMES_ASKED - 1 if problem else 0):
                walk = self._walk(asked, window, params, size, floor, fresh=True)
                problem = self._disbelief_of(asked, walk)
                if not problem:
                    break
            if not problem and floor is None:
                self._doubt_export(asked, walk)
            if problem or not walk.complete:
                yield from parts.without_parts(asked, total)  # what is not believed is not resumed
            total = add(total, replace(receipt_of(DISCOVER, walk), **_short(problem)))
            yield parts.whole(asked.day, window, walk.pages, total)
        yield from parts.without_parts(asked, total)
        if total.is_complete and (problem := self._disbelief(asked, total.received_ids or 0)):
            yield Chunk(contracts.DISCOVER_PAGES.empty(), [replace(total, **_short(problem))], replaces=None)

    def windows(self, asked: Asked) -> Iterator[tuple[str, dict[str, str], float | None]]:
        """Name, filter and popularity floor of each window to walk.

        A list ends at page 500, so more than 10,000 films need windows of release dates, each at most 500 pages; for
        the N most popular, each window is walked down to the popularity of the N-th film of the export.
        """
        size = self.size
        if size is not None and size <= LISTED_AT_MOST:
            yield "popularity", {}, None
            return
        exported = self.exports.newest(asked) if size is not None else None
        floor = float("-inf") if exported is None or size is None else scope.popularity_floor(exported[1], size)
        pending = [(FIRST_RELEASE, dt.date(asked.day.year + 20, 12, 31))]
        while pending:
            first, last = pending.pop()
            params = {"primary_release_date.gte": first.isoformat(), "primary_release_date.lte": last.isoformat()}
            pages = self._pages_of(asked, params)
            if pages > MAX_PAGE and first < last:
                middle = first + (last - first) // 2
                pending += [(middle + dt.timedelta(days=1), last), (first, middle)]
            elif pages:
                yield f"{first}..{last}", params, floor

    def _pages_of(self, asked: Asked, params: dict[str, str]) -> int:
        """How many pages a window has. None at all is asked for again before it is believed."""
        request = Request(self.path(asked.day, DISCOVER), {**BY_POPULARITY, **params})
        for times in range(TIMES_ASKED):
            answer = self.api().get(request, endpoint=DISCOVER, fresh=times > 0)
            pages = answer.json.get("total_pages") if isinstance(answer.json, dict) else None
            if type(pages) is int and pages > 0:
                return pages
        if type(pages) is not int:
            raise HttpError(f"{DISCOVER}: the first page of {params} has no whole number as total_pages.", DISCOVER)
        return 0

    def _disbelief_of(self, asked: Asked, walk: PageWalk) -> str:
        """Why a list is not believed: it shows too few films, or lacks many that nothing names."""
        problem = self._disbelief(asked, walk.received_items)
        lacking = walk.promised_items - walk.received_items
        few = scope.few_of(walk.promised_items, UNSEEN_SHARE, UNSEEN_AT_LEAST)
        if problem or lacking <= few or has_whole_export(asked) or self.settings.tmdb_assets_allow_mass_delete:
            return problem
        if (newest := self.exports.newest(asked)) is not None:
            shown = scope.shown_on(_texts_of(walk)).lazy()
            named = scope.listable(newest[1]).join(shown, on="movie_id", how="anti").select(pl.len())
            lacking -= named.collect().item()
        if lacking <= few:
            return ""
        return (
            f"{DISCOVER}: the list shows {walk.received_items:,} of the {walk.promised_items:,} films that it "
            "promises, and no export names the others, so nothing of it is kept: run the day again."
        )

    def _disbelief(self, asked: Asked, shown: int) -> str:
        """Why a list that shows so many films is not believed, or nothing."""
        if self.settings.tmdb_assets_allow_mass_delete:
            return ""
        exported = self.exports.newest(asked)
        problem = scope.too_few_listed(asked, shown, self.size, exported)
        hint = "run the day again; if it is true, with TMDB_ASSETS_ALLOW_MASS_DELETE=1"
        return f"{DISCOVER}: {problem}, so nothing of it is kept: {hint}." if problem else ""

    def _doubt_export(self, asked: Asked, walk: PageWalk) -> None:
        """Say in the ledger that the day's export is not whole, when it lacks many films that the list shows."""
        entry = asked.ledger.entry(asked.day, EXPORT)
        exported = asked.store.scan(contracts.MOVIE_IDS, [asked.day]).select("movie_id").collect()
        if entry is None or not entry.is_finished or not exported.height:
            return
        shown = scope.shown_on(_texts_of(walk))
        lacking = shown.join(exported, on="movie_id", how="anti").height
        if is_much_less(shown.height - lacking, shown.height):
            note = (
                f"{EXPORT} {asked.day}: it lacks {lacking:,} of {shown.height:,} films that the list shows, so it "
                "is not whole; the next run of the day asks for it again"
            )
            asked.log(note)
            asked.ledger.write(asked.day, [replace(entry, is_finished=False, note=note)], {})

    def _walk_and_keep(
        self, asked: Asked, window: str, params: dict[str, str], size: int | None, floor: float | None, total: Receipt
    ) -> Generator[Chunk, None, PageWalk]:
        """Walk a list, and keep its pages as they come, so that a run that is cut here is resumed: what it kept is not
        asked for again.

        They are kept under a name of their own until the walk is whole. A list of the day that stands already is left
        alone until then.
        """
        entry = asked.ledger.entry(asked.day, DISCOVER)
        stands = entry is not None and entry.is_finished and entry.is_complete
        known = {} if stands else parts.known_pages(asked, window)
        if known:
            asked.log(f"{DISCOVER} {window}: {len(known):,} pages kept already, not asked again")
        walking = self._walking(asked, window, params, size, floor, known=known)
        batch, received = list[Page](), len(known)
        with closing(walking):
            while True:
                try:
                    batch.append(page := next(walking))
                except StopIteration as end:
                    return walk_of(end)
                if len(batch) == parts.PAGES_PER_COMMIT and not stands:
                    received += len(batch)
                    so_far = Receipt(DISCOVER, min(page.total_pages, MAX_PAGE), received, page.total_items)
                    yield parts.part(asked.day, window, batch, add(total, so_far))
                    batch = []

    def _walk(
        self, asked: Asked, window: str, params: dict[str, str], size: int | None, floor: float | None, *, fresh: bool
    ) -> PageWalk:
        return finish(self._walking(asked, window, params, size, floor, fresh=fresh))

    def _walking(
        self,
        asked: Asked,
        window: str,
        params: dict[str, str],
        size: int | None,
        floor: float | None,
        *,
        fresh: bool = False,
        known: Mapping[int, Answer] | None = None,
    ) -> Generator[Page, None, PageWalk]:
        style = STYLE
        if size is not None:
            style = replace(style, max_page=min(MAX_PAGE, -(-size // 20)))

        def is_below_floor(page: Page) -> bool:
            popularities = [p for p in map(_popularity, page.items) if p is not None]
            return floor is not None and min(popularities, default=0.0) < floor

        return pages_as_they_come(
            self.api(),
            self.path(asked.day, DISCOVER),
            {**BY_POPULARITY, **params},
            endpoint=DISCOVER,
            style=style,
            # every film of the scope is looked for by id, so what is proved here is that all pages came
            tolerance=1.0,
            repeat_above=1.0 if has_whole_export(asked) else UNNAMED_AT_MOST,
            wordings=WORDINGS,
            max_passes=len(WORDINGS),
            stop=is_below_floor if floor is not None and floor > float("-inf") else None,
            progress=f"{DISCOVER} {asked.day} {window}",
            fresh=fresh,
            known=known,
        )


def _texts_of(walk: PageWalk) -> pl.Series:
    return pl.Series([page.answer.text for page in walk.pages], dtype=pl.String)


def _popularity(item: Any) -> float | None:
    value = item.get("popularity") if isinstance(item, dict) else None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def receipt_of(endpoint: str, walk: PageWalk) -> Receipt:
    """What a walk proves."""
    received_pages = len({page.number for page in walk.pages})
    return Receipt(
        endpoint,
        walk.promised_pages,
        received_pages,
        walk.promised_items,
        walk.received_items,
        walk.complete,
        walk.describe(),
    )


def add(total: Receipt, part: Receipt) -> Receipt:
    """What two parts of an endpoint prove together."""

    def plus(a: int | None, b: int | None) -> int:
        return (a or 0) + (b or 0)

    return Receipt(
        total.endpoint,
        plus(total.promised_pages, part.promised_pages),
        plus(total.received_pages, part.received_pages),
        plus(total.promised_ids, part.promised_ids),
        plus(total.received_ids, part.received_ids),
        total.is_complete and part.is_complete,
        part.sentence or total.sentence,
    )


def _short(problem: str) -> dict[str, Any]:
    return {"is_complete": False, "sentence": problem} if problem else {}


def _stored_since(asked: Asked, window: str) -> Receipt | None:
    """The receipt of a window that the cut run being resumed had kept already."""
    pages = asked.store.scan(contracts.DISCOVER_PAGES, [asked.day]).filter(pl.col("window") == window).collect()
    if not pages.height or pages.get_column("fetched_at").min() < asked.since:  # type: ignore[operator]  # a column of instants
        return None
    count = pages.get_column("page").n_unique()
    ids = listed_movies(pages.get_column("payload")).get_column("id").n_unique()
    return Receipt(DISCOVER, count, count, ids, ids)
