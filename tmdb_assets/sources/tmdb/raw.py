"""What is asked of TMDB, and when; the answers are kept verbatim.

What belongs here: endpoints, paging, windows, which details to ask for. One method of `Tmdb` per raw table, named as the
table. What does not: HTTP itself (lakehouse/http.py), the order of keeping and accounting (lakehouse/extraction.py),
answers as rows (answers.py).

Endpoints and limits: developer.themoviedb.org/reference (discover-movie: 20 a page, pages 1 to 500; movie-changes:
100 a page, 14 days a window) and /docs/daily-id-exports (a file a day, kept about 90 days).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock, Reach
from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.lakehouse.extraction import Asked, BlockedError, Chunk, NothingToObserve, RawTable, Receipt
from tmdb_assets.lakehouse.http import Answer, EndpointStats, Http, Request
from tmdb_assets.lakehouse.ledger import REAL, SANDBOX
from tmdb_assets.lakehouse.pages import Page, PageStyle, PageWalk, walk_pages
from tmdb_assets.settings import Settings
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.addresses import EXPORT_HINT, api_address_hint
from tmdb_assets.sources.tmdb.answers import change_rows, details_rows, export_rows, listed_movies, page_rows

DISCOVER, EXPORT, CHANGES, DETAILS = "discover/movie", "exports/movie_ids", "movie/changes", "movie/{id}"
REFERENCE_LISTS = ("genre/movie/list", "configuration/languages", "configuration/countries")
APPENDED = "credits,keywords,external_ids,release_dates"

DISCOVER_STYLE = PageStyle(page_size=20, max_page=500)
CHANGES_STYLE = PageStyle(page_size=100, max_page=None)
LISTED_AT_MOST = 20 * 500
CHANGES_WINDOW_DAYS = 14
FIRST_RELEASE = dt.date(1870, 1, 1)
DETAILS_PER_COMMIT = 1000
MASS_DELETE_SHARE = 0.05


class Served(Protocol):
    """Something that serves at a URL, and may start when it is first asked for it (the sandbox)."""

    @property
    def url(self) -> str:
        """Root of the server."""


class Tmdb:
    """The two servers of TMDB, real or sandbox, and what a day's question looks like on them.

    The sandbox keeps its history, so each day is asked as it stood then (`/on/DAY/...`); the real TMDB only knows now.
    """

    def __init__(self, settings: Settings, clock: Clock, sandbox: Served | None, log: Callable[[str], None]) -> None:
        self.settings, self.clock = settings, clock
        self.has_history = sandbox is not None
        self._sandbox = sandbox
        self._common: dict[str, Any] = {
            "secrets": settings.secrets,
            "concurrency": settings.tmdb_concurrency,
            "credential_hint": "check TMDB_API_TOKEN (or TMDB_API_KEY)",
            "log": log,
            "now": clock.now,
        }

    @cached_property
    def api(self) -> Http:
        """The API, behind one token bucket; the sandbox is limited only if a rate was set."""
        settings = self.settings
        if self._sandbox is not None:
            limit = settings.tmdb_requests_per_second if settings.is_set("tmdb_requests_per_second") else None
            bearer = {"Authorization": "Bearer sandbox"}
            return Http(self._sandbox.url, headers=bearer, requests_per_second=limit, **self._common)
        auth: dict[str, Any] = {}
        if settings.tmdb_api_token:
            auth["headers"] = {"Authorization": f"Bearer {settings.tmdb_api_token.get_secret_value()}"}
        elif settings.tmdb_api_key:
            auth["params"] = {"api_key": settings.tmdb_api_key.get_secret_value()}
        rate, cache = settings.tmdb_requests_per_second, settings.http_cache
        hint = api_address_hint(settings.tmdb_api_url)
        return Http(
            settings.tmdb_api_url,
            requests_per_second=rate,
            cache=cache,
            address_hint=hint,
            **auth,
            **self._common,
        )

    @cached_property
    def files(self) -> Http:
        """The file server of the exports: public, no credentials."""
        if self._sandbox is not None:
            return Http(self._sandbox.url, requests_per_second=None, **self._common)
        root = self.settings.tmdb_export_url
        return Http(root, requests_per_second=None, address_hint=EXPORT_HINT, **self._common)

    def _opened(self) -> list[Http]:
        return [self.__dict__[name] for name in ("api", "files") if name in self.__dict__]

    def path(self, day: dt.date, endpoint: str) -> str:
        """Path of an API endpoint, as of `day` where the source can tell."""
        return f"on/{day}/3/{endpoint}" if self.has_history else endpoint

    def export_path(self, day: dt.date, seen_on: dt.date) -> str:
        """Path of the ID export of `day`, as the file server stood on `seen_on`."""
        name = f"movie_ids_{day:%m_%d_%Y}.json.gz"
        return f"on/{seen_on}/p/exports/{name}" if self.has_history else name

    def origin(self) -> str | None:
        """Who has been answering: the sandbox marks every answer, wherever it is reached. None before any answer."""
        seen = {marker for http in self._opened() for marker in http.markers}
        if self.has_history or seen - {None}:
            return SANDBOX
        return REAL if seen else None

    def traffic(self) -> dict[str, EndpointStats]:
        """Calls per endpoint so far."""
        return {endpoint: stats for http in self._opened() for endpoint, stats in http.stats.items()}

    def close(self) -> None:
        """Close the connections."""
        for http in self._opened():
            http.close()

    # -- one function per raw table --------------------------------------------------------------------------------

    def movie_ids(self, asked: Asked) -> Iterator[Chunk]:
        """The ID export of the day. A past day's is asked for as long as TMDB keeps it (about 90 days)."""
        answer = self._export(asked.day, asked.day)
        if answer is None:
            if _anything_kept(asked):
                asked.log(f"{EXPORT} {asked.day}: TMDB has no export of that day")
                return
            if asked.reach is Reach.PAST:
                raise NothingToObserve(
                    f"{asked.day}: nothing was kept on that day and TMDB has no ID export of it (exports are kept for "
                    "about 90 days); a past day cannot be observed any more, so nothing was written."
                )
            asked.log(
                f"{EXPORT} {asked.day}: not there yet (exports are ready by 08:00 UTC); votes and pages go on without"
            )
            return
        frame = export_rows(answer, asked.day)
        yield Chunk(frame, [Receipt(EXPORT, 1, 1, frame.height, frame.get_column("movie_id").n_unique())])

    def discover_pages(self, asked: Asked) -> Iterator[Chunk]:
        """The list of films by popularity: up to 10,000 of them in one walk, more by release-date windows."""
        wanted = self.settings.scope_size
        total = Receipt(DISCOVER, 0, 0, 0, 0)
        for window, params, floor in self._windows(asked, wanted):
            done = _window_kept_since(asked, window)
            if done is not None:
                total = _add(total, done)
                asked.log(f"{DISCOVER} {asked.day} {window}: kept already, not asked again")
                yield Chunk(contracts.DISCOVER_PAGES.empty(), [total], replaces=None)  # the proof is told all the same
                continue
            walk = self._walk_window(asked, window, params, wanted if floor is None else None, floor)
            total = _add(total, _receipt(DISCOVER, walk))
            yield Chunk(page_rows(asked.day, window, walk), [total], {"window": window})

    def movie_changes(self, asked: Asked) -> Iterator[Chunk]:
        """Films changed from the day last observed to yesterday, in windows of at most 14 days.

        Only days that are over: what changes today is complete tomorrow, and a film listed on two runs would be asked
        for twice. A source with history is asked for the day before, whatever is kept: what is asked for one of its
        days must not depend on the order in which days are run.
        """
        start = yesterday = asked.day - dt.timedelta(days=1)
        if asked.reach is not Reach.HISTORY:
            start = max((d for d in asked.ledger.finished_days(CHANGES) if d < asked.day), default=start)
        walks = [(yesterday, yesterday, self._walk_changes(asked, yesterday, yesterday))]
        earlier = (start, yesterday - dt.timedelta(days=1))
        if not walks[0][2].received_items:
            # Films change every day. A whole day without any says that the end date is left out: TMDB does not say.
            earlier = (start, asked.day)
        walks += [(first, last, self._walk_changes(asked, first, last)) for first, last in _spans(*earlier)]
        total = Receipt(CHANGES, 0, 0, 0, 0)
        for _, _, walk in walks:
            total = _add(total, _receipt(CHANGES, walk))
        rows = [
            change_rows([item for page in walk.pages for item in page.items], asked.day, first, last)
            for first, last, walk in walks
        ]
        yield Chunk(pl.concat(rows), [total])

    def reference(self, asked: Asked) -> Iterator[Chunk]:
        """The small lists: genres, languages, countries."""
        rows, receipts = [], []
        for endpoint in REFERENCE_LISTS:
            answer = self.api.get(Request(self.path(asked.day, endpoint)), endpoint=endpoint)
            rows.append((asked.day, endpoint, answer.fetched_at, answer.text))
            receipts.append(Receipt(endpoint, 1, 1, received_ids=None))
        frame = pl.DataFrame(rows, schema=contracts.REFERENCE.schema, orient="row")
        yield Chunk(frame, receipts)

    def movie_details(self, asked: Asked) -> Iterator[Chunk]:
        """Details of the films that are new, changed, stale or vanished, and not yet kept today; 404 is a tombstone."""
        wanted = self._wanted_details(asked)
        kept_today = _kept(asked.store, contracts.MOVIE_DETAILS, [asked.day], "movie_id")
        missing = wanted.join(kept_today, on="movie_id", how="anti").sort("movie_id")
        reasons = missing.group_by("asked_because").len().sort("asked_because").rows()
        told = ", ".join(f"{n:,} {why}" for why, n in reasons) or "none"
        asked.log(f"{DETAILS} {asked.day}: {missing.height:,} to ask ({told}), {kept_today.height:,} kept already")
        requests = (
            Request(self.path(asked.day, f"movie/{movie_id}"), {"append_to_response": APPENDED}, key=(movie_id, why))
            for movie_id, why in missing.iter_rows()
        )
        answers = self.api.get_many(
            requests, endpoint=DETAILS, accepted=(200, 404), progress=f"{DETAILS} {asked.day}", total=missing.height
        )
        received = kept_today.height
        batch: list[Answer] = []
        for answer in answers:
            batch.append(answer)
            if len(batch) == DETAILS_PER_COMMIT:
                received += len(batch)
                yield _details_chunk(asked.day, batch, wanted.height, received)
                batch = []
        received += len(batch)
        if batch or received:
            yield _details_chunk(asked.day, batch, max(wanted.height, received), received)

    # -- what to ask for -------------------------------------------------------------------------------------------

    def _walk_changes(self, asked: Asked, first: dt.date, last: dt.date) -> PageWalk:
        span = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        return walk_pages(self.api, self.path(asked.day, CHANGES), span, endpoint=CHANGES, style=CHANGES_STYLE)

    def _export(self, day: dt.date, seen_on: dt.date) -> Answer | None:
        answer = self.files.get_bytes(
            Request(self.export_path(day, seen_on)), endpoint=EXPORT, accepted=(200, 403, 404)
        )
        return answer if answer.status == 200 else None

    def _windows(self, asked: Asked, wanted: int | None) -> Iterator[tuple[str, dict[str, str], float | None]]:
        """Name, filter and popularity floor of each window to walk.

        A list ends at page 500, so more than 10,000 films need windows of release dates, each at most 500 pages; for
        the N most popular, each window is walked down to the popularity of the N-th film of the export.
        """
        if wanted is not None and wanted <= LISTED_AT_MOST:
            yield "popularity", {}, None
            return
        floor = float("-inf") if wanted is None else self._popularity_floor(asked, wanted)
        pending = [(FIRST_RELEASE, dt.date(asked.day.year + 20, 12, 31))]
        while pending:
            first, last = pending.pop()
            params = {"primary_release_date.gte": first.isoformat(), "primary_release_date.lte": last.isoformat()}
            head = self.api.get(
                Request(self.path(asked.day, DISCOVER), {**_BY_POPULARITY, **params}), endpoint=DISCOVER
            )
            pages = head.json["total_pages"]
            if pages > 500 and first < last:
                middle = first + (last - first) // 2
                pending += [(middle + dt.timedelta(days=1), last), (first, middle)]
            elif pages:
                yield f"{first}..{last}", params, floor

    def _popularity_floor(self, asked: Asked, wanted: int) -> float:
        """Popularity of the N-th film in the day's export, or in the newest one before it (there is none before 08:00)."""
        exported = [d for d in asked.store.partition_rows(contracts.MOVIE_IDS) if d <= asked.day]
        listed = self._exported_films(asked, max(exported, default=asked.day))
        top = listed.select(pl.col("popularity").top_k(wanted).min()).collect().item()
        return float("-inf") if top is None else float(top)

    def _exported_films(self, asked: Asked, day: dt.date) -> pl.LazyFrame:
        """The films of a kept export that the lists show: neither adult nor video."""
        return asked.store.scan(contracts.MOVIE_IDS, [day]).filter(pl.col("adult").not_(), pl.col("video").not_())

    def _walk_window(
        self, asked: Asked, window: str, params: dict[str, str], wanted: int | None, floor: float | None
    ) -> PageWalk:
        style = DISCOVER_STYLE
        if wanted is not None:
            style = replace(style, max_page=min(500, -(-wanted // 20)))

        def is_below_floor(page: Page) -> bool:
            known = [p for p in map(_popularity, page.items) if p is not None]
            return floor is not None and min(known, default=0.0) < floor

        return walk_pages(
            self.api,
            self.path(asked.day, DISCOVER),
            {**_BY_POPULARITY, **params},
            endpoint=DISCOVER,
            style=style,
            stop=is_below_floor if floor is not None and floor > float("-inf") else None,
            progress=f"{DISCOVER} {asked.day} {window}",
        )

    def _wanted_details(self, asked: Asked) -> pl.DataFrame:
        """movie_id, asked_because: every film whose details the day needs, each once."""
        scope = self._scope(asked)
        exported = _kept(asked.store, contracts.MOVIE_IDS, [asked.day], "movie_id")
        if asked.reach is Reach.HISTORY:
            # A source with history is observed whole on each of its days: anything less would depend on which days
            # happened to be run before. What left the export since the day before is asked for, to be a tombstone.
            left = self._left_since_yesterday(asked, exported)
            return _because(("history", scope), ("vanished", left))
        known = _last_details(asked.store, asked.day)
        alive = known.filter("is_alive")
        changed = _kept(asked.store, contracts.MOVIE_CHANGES, [asked.day], "movie_id")
        vanished = alive.join(exported, on="movie_id", how="anti") if exported.height else alive.clear()
        return _because(
            ("new", scope.join(alive, on="movie_id", how="anti")),  # listed again after a 404, it is new again
            ("vanished", vanished),
            ("changed", changed.join(scope.vstack(alive.select("movie_id")).unique(), on="movie_id", how="semi")),
            ("stale", alive.join(scope, on="movie_id", how="semi").filter(self._is_stale(asked.day))),
        )

    def _is_stale(self, day: dt.date) -> pl.Expr:
        """Older than allowed; or the film's own turn, while it was only asked for when it was new.

        The turns spread the first refresh of a catalogue, loaded in one day, evenly over the days that follow.
        """
        age_limit = self.settings.tmdb_details_max_age_days
        age = (pl.lit(day) - pl.col("date_id")).dt.total_days()
        turn = pl.col("movie_id") % age_limit == day.toordinal() % age_limit
        return (age > age_limit) | (turn & (age > 0) & (pl.col("asked_because") == "new"))

    def _scope(self, asked: Asked) -> pl.DataFrame:
        """movie_id of the films whose details are wanted: the N most popular listed, or the whole catalogue."""
        pages = asked.store.scan(contracts.DISCOVER_PAGES, [asked.day]).select("payload").collect()
        listed = (
            listed_movies(pages.get_column("payload"))
            .select(movie_id="id", popularity="popularity")
            .drop_nulls("movie_id")
        )
        if self.settings.scope_size is None:
            exported = _kept(asked.store, contracts.MOVIE_IDS, [asked.day], "movie_id")
            return pl.concat([listed.select("movie_id"), exported]).unique()
        best = listed.group_by("movie_id").agg(pl.col("popularity").max())
        if self.settings.scope_size > LISTED_AT_MOST:
            # Windows of release dates cannot reach films without one: those come from the export.
            exported = self._exported_films(asked, asked.day).select("movie_id", "popularity").collect()
            best = pl.concat([best, exported.join(best, on="movie_id", how="anti")])
        return (
            best.sort("popularity", "movie_id", descending=[True, False])
            .head(self.settings.scope_size)
            .select("movie_id")
        )

    def _left_since_yesterday(self, asked: Asked, exported: pl.DataFrame) -> pl.DataFrame:
        answer = self._export(asked.day - dt.timedelta(days=1), asked.day)
        if answer is None or not exported.height:
            return exported.clear()
        before = export_rows(answer, asked.day).select("movie_id").drop_nulls()
        return before.join(exported, on="movie_id", how="anti")

    def mass_delete(self, asked: Asked) -> None:
        """Raises BlockedError when more than 5% of the films known before the day answered that they are gone."""
        day_rows = asked.store.scan(contracts.MOVIE_DETAILS, [asked.day]).select("movie_id", "http_status").collect()
        gone = day_rows.filter(pl.col("http_status") == 404)
        if asked.reach is Reach.HISTORY:
            known = _kept(asked.store, contracts.MOVIE_IDS, [asked.day], "movie_id").height + gone.height
        else:
            known = _last_details(asked.store, asked.day).filter("is_alive").height
        if self.settings.tmdb_assets_allow_mass_delete or gone.height <= MASS_DELETE_SHARE * known:
            return
        raise BlockedError(
            "mass_delete",
            f"{asked.day}: TMDB says that {gone.height:,} of {known:,} known films are gone, more than 5%. Nothing of the "
            "day is published; if it is true, run the day again with TMDB_ASSETS_ALLOW_MASS_DELETE=1.",
            gone=gone.height,
            known=known,
        )

    def tables(self) -> dict[str, RawTable]:
        """Raw tables by name, in the order in which they are asked."""
        return {
            t.contract.name: t
            for t in (
                RawTable(contracts.MOVIE_IDS, self.movie_ids, [EXPORT], archived=True),
                RawTable(contracts.DISCOVER_PAGES, self.discover_pages, [DISCOVER]),
                RawTable(contracts.MOVIE_CHANGES, self.movie_changes, [CHANGES]),
                RawTable(contracts.REFERENCE, self.reference, REFERENCE_LISTS),
                RawTable(contracts.MOVIE_DETAILS, self.movie_details, [DETAILS], verify=self.mass_delete),
            )
        }


_BY_POPULARITY = {"sort_by": "popularity.desc", "include_adult": "false", "include_video": "false"}


# -- small steps -----------------------------------------------------------------------------------------------------------


def _popularity(item: Any) -> float | None:
    value = item.get("popularity") if isinstance(item, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _details_chunk(day: dt.date, answers: Sequence[Answer], promised: int, received: int) -> Chunk:
    proof = [Receipt(DETAILS, promised_ids=promised, received_ids=received)]
    return Chunk(details_rows(day, answers), proof, replaces=None)


def _receipt(endpoint: str, walk: PageWalk) -> Receipt:
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


def _add(total: Receipt, part: Receipt) -> Receipt:
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


def _window_kept_since(asked: Asked, window: str) -> Receipt | None:
    """The receipt of a window that the cut run being resumed had kept already."""
    pages = asked.store.scan(contracts.DISCOVER_PAGES, [asked.day]).filter(pl.col("window") == window).collect()
    if not pages.height or pages.get_column("fetched_at").min() < asked.since:  # type: ignore[operator]  # a column of instants
        return None
    count = pages.get_column("page").n_unique()
    ids = listed_movies(pages.get_column("payload")).get_column("id").n_unique()
    return Receipt(DISCOVER, count, count, ids, ids)


def _spans(start: dt.date, end: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """Windows of at most 14 days from start to end, both included, sharing their border days; none if end is earlier."""
    while start <= end:
        last = min(start + dt.timedelta(days=CHANGES_WINDOW_DAYS - 1), end)
        yield start, last
        if last == end:
            return
        start = last


def _anything_kept(asked: Asked) -> bool:
    days_kept = (
        asked.store.partition_rows(c) for c in contracts.CONTRACTS if c.stage == "raw" and c.name != "extraction_ledger"
    )
    return any(rows.get(asked.day) for rows in days_kept)


def _kept(store: DeltaStore, contract: Any, days: list[dt.date], column: str) -> pl.DataFrame:
    return store.scan(contract, days).select(column).unique().drop_nulls().collect()


def _last_details(store: DeltaStore, before: dt.date) -> pl.DataFrame:
    """movie_id, date_id, asked_because, is_alive of each film's newest details before a day, every film once.

    A film that was merged into another is not alive, though it answers: it would be looked for every day.
    """
    kept = store.scan(contracts.MOVIE_DETAILS).filter(pl.col("date_id") < before)
    is_merged = pl.col("answered_id") != pl.col("movie_id")
    state = kept.select(
        "movie_id", "date_id", "asked_because", is_alive=(pl.col("http_status") == 200) & ~is_merged.fill_null(False)
    )
    return state.sort("date_id").group_by("movie_id").last().collect()


def _because(*parts: tuple[str, pl.DataFrame]) -> pl.DataFrame:
    """movie_id, asked_because: each film once, with the first reason that holds."""
    frames = [frame.select("movie_id", asked_because=pl.lit(why)) for why, frame in parts]
    return pl.concat(frames).unique("movie_id", keep="first", maintain_order=True)
