"""TMDB's surface: paths, parameters, pages, errors, and the files of the ID export.

What belongs here: what a caller of the real API can see, its habits included. What does not: what the films are
(catalogue.py, recorded.py) and failures of the network (../faults.py).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tmdb_assets.sandbox.answers import NOT_FOUND, Answer, Request, encode, json_answer, tmdb_error
from tmdb_assets.sandbox.tmdb import reference
from tmdb_assets.sandbox.tmdb.catalogue import Cache, Catalogue, Change
from tmdb_assets.sandbox.tmdb.details import PARTS
from tmdb_assets.sandbox.tmdb.lists import Listed, Listing, Wanted, read_date
from tmdb_assets.sandbox.tmdb.noise import unit

PAGE_SIZE, MAX_PAGE, CHANGES_PAGE_SIZE, MAX_CHANGES_DAYS, EXPORT_DAYS = 20, 500, 100, 14, 90
_EXPORT = re.compile(r"/p/exports/movie_ids_(\d\d)_(\d\d)_(\d{4})\.json\.gz")
_MOVIE = re.compile(r"/3/movie/(\d{1,12})")
_DRIFT = 6

_UNAUTHORIZED = tmdb_error(401, 7, "Invalid API key: You must be granted a valid key.")
_INVALID_PAGE = tmdb_error(
    400, 22, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer."
)
_INVALID_PARAMETERS = tmdb_error(422, 5, "Invalid parameters: Your request parameters are incorrect.")
_INVALID_RANGE = tmdb_error(422, 20, "Invalid date range: Should be a range no longer than 14 days.")
_TOO_MANY_PARTS = tmdb_error(422, 27, "Too many append to response objects: The maximum number of remote calls is 20.")
EXPORT_ABSENT = Answer(
    403,
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
    "application/xml",
)


class TmdbSite:
    """The API and the export files over one catalogue."""

    def __init__(self, catalogue: Catalogue, token: str, genres: list[dict[str, Any]], drift: bool = False) -> None:
        self._catalogue, self._token, self._drift = catalogue, token, drift
        self._requests = 0
        self._lists, self._changes = Cache(64), Cache(32)
        self._fixed = {
            "/3/authentication": json_answer({"success": True, "status_code": 1, "status_message": "Success."}),
            "/3/genre/movie/list": json_answer({"genres": genres}),
            "/3/configuration": json_answer(reference.CONFIGURATION),
            "/3/configuration/languages": json_answer(reference.LANGUAGES),
            "/3/configuration/countries": json_answer(reference.COUNTRIES),
        }

    def answer(self, request: Request) -> Answer | None:
        """Answer a request, or None for a path that is not TMDB's."""
        if not request.path.startswith("/3/"):
            return self._export(request) if _EXPORT.fullmatch(request.path) else None
        if request.authorization != f"Bearer {self._token}" and request.query.get("api_key") != self._token:
            return _UNAUTHORIZED
        if movie := _MOVIE.fullmatch(request.path):
            return self._movie(request, int(movie[1]))
        if request.path == "/3/discover/movie":
            return self._discover(request)
        if request.path == "/3/movie/changes":
            return self._movie_changes(request)
        return self._fixed.get(request.path, NOT_FOUND)

    def truth(self, today: dt.date) -> dict[str, Any]:
        """What was planted up to a day."""
        return self._catalogue.truth(today)

    def _export(self, request: Request) -> Answer:
        day = export_day(request.path)
        if day is None or not 0 <= (request.today - day).days <= EXPORT_DAYS:
            return EXPORT_ABSENT
        return Answer(200, self._catalogue.export(day), "application/gzip")

    def _movie(self, request: Request, movie_id: int) -> Answer:
        asked = list(dict.fromkeys(request.query.get("append_to_response", "").split(",")))
        if len(asked) > 20:
            return _TOO_MANY_PARTS
        body = self._catalogue.details(movie_id, request.today, [part for part in PARTS if part in asked])
        return NOT_FOUND if body is None else Answer(200, body)

    def _discover(self, request: Request) -> Answer:
        page = _page(request.query)
        if page is None:
            return _INVALID_PAGE
        try:
            wanted = Wanted.read(request.query)
        except ValueError:
            return _INVALID_PARAMETERS
        key = (request.today, wanted)
        found = self._lists.get(key, lambda: self._catalogue.listing(request.today, wanted))
        pages, start, stop = page_bounds(len(found), page)
        rows = found[start:stop]
        if self._drift:
            self._requests += 1
            rows = _drifted(found, start, stop, self._requests)
        # Real totals differ between pages of one walk, because the catalogue changes underneath it.
        total = len(found) + (1 if page % 5 == 2 else -1 if page % 11 == 5 else 0)
        body = b'{"page":%d,"results":[%s],"total_pages":%d,"total_results":%d}'
        return Answer(200, body % (page, b",".join([entry.row() for entry in rows]), pages, total))

    def _movie_changes(self, request: Request) -> Answer:
        page = _page(request.query)
        if page is None:
            return _INVALID_PAGE
        try:
            first, last = changes_span(request)
        except ValueError:
            return _INVALID_PARAMETERS
        if not 0 <= (last - first).days <= MAX_CHANGES_DAYS:
            return _INVALID_RANGE
        key = (first, last, request.today)
        found: list[Change] = self._changes.get(key, lambda: self._catalogue.changes(first, last, request.today))
        rows = found[(page - 1) * CHANGES_PAGE_SIZE : page * CHANGES_PAGE_SIZE]
        results = [
            {"id": movie_id, "adult": None if movie_id is None else adult, "softcore": False}
            for movie_id, adult in rows
        ]
        pages = max(1, -(-len(found) // CHANGES_PAGE_SIZE))
        return Answer(
            200, encode({"results": results, "page": page, "total_pages": pages, "total_results": len(found)})
        )


def page_bounds(total: int, page: int) -> tuple[int, int, int]:
    """(total_pages, start, stop) of a page. Every fortieth page, from the third on, is short by one though not the
    last: a walker that stops there loses films, one that obeys total_pages finds every film once."""
    pages = max(1, -(-total // PAGE_SIZE))
    while _start(pages + 1, pages) < total:
        pages += 1
    return pages, _start(page, pages), _start(page + 1, pages)


def export_day(path: str) -> dt.date | None:
    """The day of the export that a path names; None when it names none, or a day that does not exist."""
    name = _EXPORT.fullmatch(path)
    try:
        return dt.date(int(name[3]), int(name[1]), int(name[2])) if name else None
    except ValueError:
        return None


def changes_span(request: Request) -> tuple[dt.date, dt.date]:
    """First and last day of the changes asked for, both included. Raises ValueError for a date that is none."""
    last = read_date(request.query, "end_date") or request.today
    return read_date(request.query, "start_date") or last - dt.timedelta(days=1), last


def _start(page: int, pages: int) -> int:
    return (page - 1) * PAGE_SIZE - (min(page, pages) + 36) // 40


def _drifted(found: Listing, start: int, stop: int, request_number: int) -> Sequence[Listed]:
    """The page as it stands in a list whose order is a little different at every request."""
    first = max(0, start - _DRIFT)
    window = list(enumerate(found[first : stop + _DRIFT]))
    window.sort(key=lambda item: item[0] + _DRIFT * unit(item[1].movie_id, request_number))
    return [listed for _, listed in window[start - first : stop - first]]


def _page(query: Mapping[str, str]) -> int | None:
    text = query.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PAGE else None
