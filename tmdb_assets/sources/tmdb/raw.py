"""What is asked of TMDB, and when; the answers are kept verbatim.

What belongs here: endpoints, paging, windows, which details to ask for. One method of `Tmdb` per raw table, named as
the table. What does not: HTTP itself (lakehouse/http/), the order of keeping and accounting
(lakehouse/flow/extraction.py), answers as rows (answers.py).

Endpoints and limits: developer.themoviedb.org/reference (discover-movie: 20 a page, pages 1 to 500; movie-changes:
100 a page, 14 days a window) and /docs/daily-id-exports (a file a day, kept about 90 days).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock, Reach
from tmdb_assets.lakehouse.contracts import Stage
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, NothingToObserve, RawTable, Receipt
from tmdb_assets.lakehouse.flow.http_source import HttpSource, Served
from tmdb_assets.lakehouse.http import Http, Request
from tmdb_assets.settings import Settings
from tmdb_assets.sources.tmdb import contracts, scope
from tmdb_assets.sources.tmdb.addresses import EXPORT_HINT, api_address_hint, wrong_export_address
from tmdb_assets.sources.tmdb.answers import REFERENCE_KEYS, change_rows, reference_entries, reference_problem
from tmdb_assets.sources.tmdb.changes import CHANGES, Feed, windows
from tmdb_assets.sources.tmdb.details import DETAILS, Asking
from tmdb_assets.sources.tmdb.exports import ASKED_BACK_DAYS, EXPORT, Exports, has_whole_export
from tmdb_assets.sources.tmdb.lists import DISCOVER, Lists, add, receipt_of

REFERENCE_LISTS = tuple(REFERENCE_KEYS)

#: How often a small list is asked for in one run before it is called false.
TIMES_ASKED = 4
#: The day stops when more films are gone than this share and this number (`few_of`: the larger counts).
MASS_DELETE_SHARE, MASS_DELETE_AT_LEAST = 0.05, 5


class Tmdb(HttpSource):
    """The two servers of TMDB, real or sandbox, and what a day's question looks like on them.

    The sandbox keeps its history, so each day is asked as it stood then (`/on/DAY/...`); the real TMDB only knows now.
    """

    def __init__(self, settings: Settings, clock: Clock, sandbox: Served | None, log: Callable[[str], None]) -> None:
        super().__init__(
            clock,
            sandbox,
            secrets=settings.secrets,
            concurrency=settings.tmdb_concurrency,
            credential_hint="check TMDB_API_TOKEN (or TMDB_API_KEY)",
            log=log,
        )
        self.settings = settings

    @cached_property
    def api(self) -> Http:
        """The API, asked at the rate of the settings; the sandbox is limited only if a rate was set."""
        settings = self.settings
        rate = settings.tmdb_requests_per_second
        if self.has_history:
            limit = rate if settings.is_set("tmdb_requests_per_second") else None
            return self.connect("", headers={"Authorization": "Bearer sandbox"}, requests_per_second=limit)
        auth: dict[str, Any] = {}
        if settings.tmdb_api_token:
            auth["headers"] = {"Authorization": f"Bearer {settings.tmdb_api_token.get_secret_value()}"}
        elif settings.tmdb_api_key:
            auth["params"] = {"api_key": settings.tmdb_api_key.get_secret_value()}
        return self.connect(
            settings.tmdb_api_url,
            requests_per_second=rate,
            cache=settings.http_cache,
            address_hint=api_address_hint(settings.tmdb_api_url),
            **auth,
        )

    @cached_property
    def files(self) -> Http:
        """The file server of the exports: public, no credentials."""
        hint = "" if self.has_history else EXPORT_HINT
        return self.connect(self.settings.tmdb_export_url, requests_per_second=None, address_hint=hint)

    def path(self, day: dt.date, endpoint: str) -> str:
        """Path of an API endpoint, as of `day` where the source can tell."""
        return self.as_of(day, "3", endpoint)

    def export_path(self, day: dt.date, seen_on: dt.date) -> str:
        """Path of the ID export of `day`, as the file server stood on `seen_on`."""
        name = f"movie_ids_{day:%m_%d_%Y}.json.gz"
        return self.as_of(seen_on, "p/exports", name)

    @cached_property
    def exports(self) -> Exports:
        """The ID exports on the file server."""
        return Exports(lambda: self.files, self.export_path, self.settings.tmdb_assets_allow_mass_delete)

    @cached_property
    def lists(self) -> Lists:
        """The lists of films on the API."""
        return Lists(lambda: self.api, self.path, self.exports, self.settings)

    # -- one function per raw table --------------------------------------------------------------------------------

    def movie_ids(self, asked: Asked) -> Iterator[Chunk]:
        """The ID export of the day. A past day's is asked for as long as TMDB keeps it (about 90 days).

        Without one that can be believed the day goes on, and the next run asks again.
        """
        frame, problem = self.exports.believed(asked)
        if frame is not None:
            whole = Receipt(EXPORT, 1, 1, frame.height, frame.get_column("movie_id").n_unique())
            if asked.reach is Reach.PAST and not self.exports.is_compared(asked):
                doubt = (
                    f"{EXPORT} {asked.day}: no other day's export is there to tell whether it is whole; the "
                    "next run asks again"
                )
                whole = replace(whole, is_finished=False, note=doubt)
            yield Chunk(frame, [whole])
            return
        if asked.reach is Reach.PAST and not _anything_kept(asked):
            if problem:
                refused = f"{problem}: run the day again, it is asked for anew."
                receipt = Receipt(
                    EXPORT, received_ids=0, is_complete=False, sentence=refused, is_finished=False, note=problem
                )
                yield Chunk(contracts.MOVIE_IDS.empty(), [receipt], replaces=None)
                return
            raise NothingToObserve(
                f"{asked.day}: nothing was kept on that day and TMDB has no ID export of it (exports are kept for "
                "about 90 days); a past day cannot be observed any more, so nothing was written."
            )
        note = f"{problem}; the next run asks for it again" if problem else self._absence(asked)
        nothing = Receipt(EXPORT, received_ids=0, is_finished=False, note=note)
        yield Chunk(contracts.MOVIE_IDS.empty(), [nothing], replaces=None)

    def _absence(self, asked: Asked) -> str:
        """What is said of a day without an export: it may come, or the address is wrong."""
        if asked.reach is Reach.PAST:
            return f"{EXPORT} {asked.day}: TMDB has no export of that day"
        if self.exports.newest(asked) is None and not self.has_history:
            return wrong_export_address(self.settings.tmdb_export_url, asked.day, ASKED_BACK_DAYS)
        return f"{EXPORT} {asked.day}: not there yet (exports are ready by 08:00 UTC); votes and pages go on without"

    def discover_pages(self, asked: Asked) -> Iterator[Chunk]:
        """The list of films by popularity: up to 10,000 of them in one walk, more by release-date windows.

        A list moves while it is walked. With the day's own export, films that it did not show are asked for by id;
        until then, it is asked again in other words.
        """
        yield from self.lists.chunks(asked)

    def movie_changes(self, asked: Asked) -> Iterator[Chunk]:
        """Films changed from the day last observed to yesterday, in windows of at most 14 days, each of at most 500
        pages.

        Only days that are over: what changes today is complete tomorrow, and a film listed on two runs would be asked
        for twice. A source with history is asked for the day before, whatever is kept: what is asked for one of its
        days must not depend on the order in which days are run. What the feed does not tell stops no day: details are
        asked for again by their age.
        """
        start = yesterday = asked.day - dt.timedelta(days=1)
        if asked.reach is not Reach.HISTORY:
            start = max((d for d in asked.ledger.finished_days(CHANGES) if d < asked.day), default=start)
            start = max(start, asked.day - dt.timedelta(days=self.settings.tmdb_details_max_age_days))
        feed = Feed(self.api, self.path(asked.day, CHANGES))
        feed.walk(yesterday, yesterday)
        earlier, is_end_left_out = (start, yesterday - dt.timedelta(days=1)), False
        if not feed.failed and not any(walk.received_items for _, _, walk in feed.walks):
            # Films change every day. A whole day without any says that the end date is left out: TMDB does not say.
            earlier, is_end_left_out = (start, asked.day), True
        for first, last in windows(*earlier):
            feed.walk(first, last, is_end_left_out=is_end_left_out)
        total = Receipt(CHANGES, 0, 0, 0, 0)
        for _, _, walk in feed.walks:
            total = add(total, replace(receipt_of(CHANGES, walk), is_complete=True))
        if notes := [*feed.failed, *feed.cut]:
            by_age = (
                f"films that changed unseen are asked for again after {self.settings.tmdb_details_max_age_days} days"
            )
            note = f"{CHANGES} {asked.day}: {'; '.join(notes)}; {by_age}"
            total = replace(total, note=note, is_finished=not feed.failed)
        rows = [
            change_rows([item for page in walk.pages for item in page.items], asked.day, first, last)
            for first, last, walk in feed.walks
        ]
        yield Chunk(pl.concat(rows) if rows else contracts.MOVIE_CHANGES.empty(), [total], {} if rows else None)

    def reference(self, asked: Asked) -> Iterator[Chunk]:
        """The small lists: genres, languages, countries. Each is looked at before anything else is asked."""
        rows, receipts = [], []
        before = self._reference_before(asked)
        for endpoint in REFERENCE_LISTS:
            problem = ""
            for times in range(TIMES_ASKED):
                request = Request(self.path(asked.day, endpoint))
                answer = self.api.get(request, endpoint=endpoint, fresh=times > 0)
                problem = reference_problem(endpoint, answer.json, answer.text, before.get(endpoint, 0))
                if not problem:
                    break
            if problem:
                raise BlockedError("extraction_complete", f"{endpoint} {asked.day}: {problem}; run the day again.")
            rows.append((asked.day, endpoint, answer.fetched_at, answer.text))
            receipts.append(Receipt(endpoint, 1, 1, received_ids=None))
        frame = pl.DataFrame(rows, schema=contracts.REFERENCE.schema, orient="row")
        yield Chunk(frame, receipts)

    def _reference_before(self, asked: Asked) -> dict[str, int]:
        """Entries of each small list on the newest day before that has them."""
        days = [day for day in asked.store.partition_rows(contracts.REFERENCE) if day < asked.day]
        kept = (
            asked.store.scan(contracts.REFERENCE, [max(days)]).select("endpoint", "payload").collect() if days else None
        )
        return {} if kept is None else {e: reference_entries(e, text) for e, text in kept.iter_rows()}

    def movie_details(self, asked: Asked) -> Iterator[Chunk]:
        """Details of the films that are new, changed, stale, vanished or not listed, and not yet kept today; 404 is a
        tombstone, and is asked for again by every later run of the day.

        What arrives is kept whatever comes after it. A film that cannot be had is named, and asked for again next time.
        """
        wanted, in_scope = self._wanted_details(asked)
        kept = scope.details_kept(asked.store, asked.day)
        answered = kept.filter("is_answered")
        again = kept.filter(~pl.col("is_answered")).select("movie_id", "asked_because")
        every = pl.concat([wanted, again]).unique("movie_id", keep="first", maintain_order=True)
        missing = every.join(answered, on="movie_id", how="anti").sort("movie_id")
        reasons = missing.group_by("asked_because").len().sort("asked_because").rows()
        told = ", ".join(f"{n:,} {why}" for why, n in reasons) or "none"
        asked.log(f"{DETAILS}: {missing.height:,} to ask ({told}), {answered.height:,} kept already")
        promised = max(wanted.height, answered.height + missing.height)
        asking = Asking(
            self.api,
            asked.day,
            lambda endpoint: self.path(asked.day, endpoint),
            lambda: self._shown(asked),
            set(again.get_column("movie_id")),
            promised,
            kept.height,
            max(promised, in_scope),
            wanted.filter(pl.col("asked_because") == "unlisted").height,
            self._unnamed(asked),
        )
        yield from asking.chunks(missing.rows())

    def _unnamed(self, asked: Asked) -> str:
        """What is said while the list lacks films that nothing names: the day's export is not there yet."""
        listed = asked.ledger.entry(asked.day, DISCOVER)
        if listed is None or has_whole_export(asked):
            return ""
        lacking = (listed.promised_ids or 0) - (listed.received_ids or 0)
        return f"the list lacks {lacking:,} films, which the day's export will name" if lacking > 0 else ""

    def _shown(self, asked: Asked) -> set[int]:
        """Films that list or export of the day show."""
        exported = asked.store.scan(contracts.MOVIE_IDS, [asked.day]).select("movie_id").collect()
        return {*scope.listed_films(asked.store, asked.day).get_column("movie_id"), *exported.get_column("movie_id")}

    # -- what to ask for -------------------------------------------------------------------------------------------

    def _wanted_details(self, asked: Asked) -> tuple[pl.DataFrame, int]:
        """movie_id, asked_because: every film whose details the day needs, each once; and how many films the day is
        about."""
        size, day = self.settings.scope_size, asked.day
        listed = scope.listed_films(asked.store, day)
        newest = self.exports.newest(asked)
        in_scope = scope.scope(listed, newest[1] if newest else contracts.MOVIE_IDS.empty().lazy(), size)
        exported = asked.store.scan(contracts.MOVIE_IDS, [day]).select("movie_id").collect()
        if not has_whole_export(asked):
            exported = exported.clear()  # what is not whole does not tell what has vanished
        last = scope.last_details(asked.store, day)
        unlisted = scope.unlisted(listed, in_scope, last, size)
        if asked.reach is Reach.HISTORY:
            # A source with history is observed whole on each of its days: anything less would depend on which days
            # happened to be run before. What left the export since the day before is asked for, to be a tombstone.
            left = self._left_since_yesterday(asked, exported)
            wanted = scope.because(("unlisted", unlisted), ("history", in_scope), ("vanished", left))
            return wanted, in_scope.height
        alive = last.filter("is_alive")
        vanished = alive.join(exported, on="movie_id", how="anti") if exported.height else alive.clear()
        oldest = day - dt.timedelta(days=self.settings.tmdb_details_max_age_days)
        wanted = scope.because(
            ("unlisted", unlisted),
            ("new", in_scope.join(alive, on="movie_id", how="anti")),  # listed again after a 404, it is new again
            ("vanished", vanished),
            ("changed", scope.changed_since_seen(asked, alive, oldest)),
            ("stale", alive.join(in_scope, on="movie_id", how="semi").filter(self._is_stale(day))),
        )
        return wanted, in_scope.height

    def _is_stale(self, day: dt.date) -> pl.Expr:
        """Older than allowed; or the film's own turn, while it was only asked for when it was new.

        The turns spread the first refresh of a catalogue, loaded in one day, evenly over the days that follow.
        """
        age_limit = self.settings.tmdb_details_max_age_days
        age = (pl.lit(day) - pl.col("date_id")).dt.total_days()
        turn = pl.col("movie_id") % age_limit == day.toordinal() % age_limit
        return (age > age_limit) | (turn & (age > 0) & (pl.col("asked_because") == "new"))

    def _left_since_yesterday(self, asked: Asked, exported: pl.DataFrame) -> pl.DataFrame:
        before = self.exports.of(asked, asked.day - dt.timedelta(days=1))
        if before is None or not exported.height:
            return exported.clear()
        return before.select("movie_id").collect().join(exported, on="movie_id", how="anti")

    def mass_delete(self, asked: Asked) -> None:
        """Raises BlockedError when more than 5% of the films known or asked for, and more than 5, are gone on the
        day."""
        day_rows = asked.store.scan(contracts.MOVIE_DETAILS, [asked.day]).select("movie_id", "http_status").collect()
        gone = day_rows.filter(pl.col("http_status") == 404)
        if asked.reach is Reach.HISTORY:
            known = asked.store.partition_rows(contracts.MOVIE_IDS).get(asked.day, 0) + gone.height
        else:
            known = scope.last_details(asked.store, asked.day).filter("is_alive").height
        known = max(known, day_rows.height)
        at_most = scope.few_of(known, MASS_DELETE_SHARE, MASS_DELETE_AT_LEAST)
        if self.settings.tmdb_assets_allow_mass_delete or gone.height <= at_most:
            return
        raise BlockedError(
            "mass_delete",
            f"{asked.day}: TMDB says that {gone.height:,} of {known:,} films are gone, more than 5%. Nothing of "
            "the day is published: run it again, they are asked for again; if it is true, with "
            "TMDB_ASSETS_ALLOW_MASS_DELETE=1.",
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


# -- small steps -------------------------------------------------------------------------------------------------------


def _anything_kept(asked: Asked) -> bool:
    days_kept = (
        asked.store.partition_rows(c)
        for c in contracts.CONTRACTS
        if c.stage is Stage.RAW and c.name != "extraction_ledger"
    )
    return any(rows.get(asked.day) for rows in days_kept)
