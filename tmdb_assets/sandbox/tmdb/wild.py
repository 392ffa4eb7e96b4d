"""TMDB as it is: the site with the habits that public bug reports tell of, at rates that are stated (habits.py).

What belongs here: which answers a habit changes, and how: bytes in, bytes out. What does not: correct answers (api.py).
Without any of these options this module has no part in an answer. Each option is a share from 0 to 1 (or a number), and
takes the rate it has with `--wild` when the number is left out; `--wild` sets all of them but the exports that stay
away.

    --wild             everything below
    --move             rows of /discover/movie stand on two pages, other films on none, page edges first; totals and the
                       number of rows are as ever, and every pass brings the same pages
    --no-export        no ID export, whatever the day          --export-late N  the newest N are absent (403)
    --empty-lists      a list says that it holds no film: no pages, or one without rows
    --bad-exports      an export is absent, empty, or half a file
    --bad-reference    genres, languages or countries: null, empty, or an error with status 200
    --nameless         details with status 200 and no id       --false-404      details of a film that exists: 404
    --failing          details: 500                            --garbled        details that cannot be unpacked
    --changes N        so many ids more in each day of the changes: fourteen days do not fit into 500 pages
    --broken-rows      rows with a lone surrogate, NaN or Infinity
    --unsaid-gzip      details packed without saying so        --said-gzip      plain JSON that says it is packed
    --bom              JSON behind a byte order mark           --odd-exports    exports unpacked, or packed twice
    --impossible       dates, money, ids and types that cannot be, only where the true value is unknown
    --lasting N        how many times in a row a false answer comes before the true one (1): empty lists, bad exports
                       and reference lists, nameless, 404, garbled; 500 comes three times as often

Films with planted quirks (quirks.py) keep their rows, their places and their values: a test may rely on them.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlencode

from tmdb_assets.sandbox.answers import NOT_FOUND, Answer, Request, encode, json_answer, tmdb_error
from tmdb_assets.sandbox.habits import Dice
from tmdb_assets.sandbox.tmdb import spoiling
from tmdb_assets.sandbox.tmdb.api import (
    CHANGES_PAGE_SIZE,
    EXPORT_ABSENT,
    MAX_PAGE,
    PAGE_SIZE,
    TmdbSite,
    changes_span,
    export_day,
)
from tmdb_assets.sandbox.tmdb.catalogue import Cache
from tmdb_assets.sandbox.tmdb.habits import FAILURES, LATER_PAGES

Place = tuple[int, int]
"""(page, position on it) in the list that does not move."""
_REFERENCE = {
    "/3/genre/movie/list": [b'{"genres":null}', b'{"genres":[]}'],
    "/3/configuration/languages": [b"null", b"[]"],
    "/3/configuration/countries": [b"null", b"[]"],
}
_GARBLED = [(spoil, said) for spoil in (spoiling.cut, spoiling.damaged) for said in ("gzip", None)]
_UNWELL = tmdb_error(500, 11, "Internal error: Something went wrong, contact TMDb.")


class WildSite:
    """TMDB's site with its habits."""

    def __init__(self, calm: TmdbSite, rates: Mapping[str, float], lasting: int, seed: int) -> None:
        self._calm = calm
        self._dice = Dice(rates, lasting, seed, {"failing": FAILURES})
        self._pages, self._edges = Cache(256), Cache(256)

    def answer(self, request: Request) -> Answer | None:
        """Answer a request, or None for a path that is not TMDB's."""
        answer = self._calm.answer(request)
        if answer is None or answer.status not in {200, 404}:
            return answer
        if (day := export_day(request.path)) is not None:
            return self._export(request, answer, day)
        if answer.status == 200:
            if request.path == "/3/discover/movie":
                answer = self._list(request, answer)
            elif request.path == "/3/movie/changes":
                answer = self._changes(request, answer)
            elif request.path in _REFERENCE:
                answer = self._reference(request, answer)
            elif _is_film(request.path):
                answer = self._details(request, answer)
        return self._sent(request, answer)

    def truth(self, today: dt.date) -> dict[str, Any]:
        """What was planted up to a day, and what the habits have done so far."""
        return {**self._calm.truth(today), "wild": self._dice.truth()}

    @cached_property
    def _quirky(self) -> frozenset[int]:
        """The films with planted quirks: they are there from the first day."""
        planted: dict[str, list[int]] = self._calm.truth(dt.date(2020, 1, 1))["quirks"]
        return frozenset(movie_id for ids in planted.values() for movie_id in ids)

    # -- the export ------------------------------------------------------------------------------------------------

    def _export(self, request: Request, answer: Answer, day: dt.date) -> Answer:
        today, question, dice = request.today, request.path, self._dice
        if dice.strikes("no_export", day, "") or (today - day).days < dice.rate("export_late"):
            return EXPORT_ABSENT
        if dice.strikes_at_first(today, question, {"bad_exports": dice.rate("bad_exports")}):
            bodies = (None, spoiling.packed(b""), spoiling.half_of_the_lines(answer.body))
            body = dice.one_of(bodies, "bad_exports", today, question)
            return EXPORT_ABSENT if body is None else replace(answer, body=body)
        if dice.strikes("odd_exports", today, question):
            change = dice.one_of((gzip.decompress, spoiling.packed), "odd_exports", today, question)
            return replace(answer, body=change(answer.body))
        return answer

    # -- lists -----------------------------------------------------------------------------------------------------

    def _list(self, request: Request, answer: Answer) -> Answer:
        head = json.loads(answer.body)
        page, day, words = head["page"], request.today, _words(request)
        rate = self._dice.rate("empty_lists") / (1 if page == 1 else LATER_PAGES)
        if self._dice.strikes_at_first(day, f"{words} page {page}", {"empty_lists": rate}):
            pages = self._dice.one_of((0, 1), "empty_lists", day, words)
            return json_answer({"page": page, "results": [], "total_pages": pages, "total_results": 0})
        places = {(page, position): (page, position) for position in range(len(head["results"]))}
        for left in (page - 1, page):
            moved = self._edges.get((day, words, left), partial(self._moved, request, left))
            places |= {hidden: shown for hidden, shown in moved.items() if hidden in places}
        rows = [self._written(day, self._rows(request, at)[position]) for at, position in sorted(places.values())]
        body = b'{"page":%d,"results":[%s],"total_pages":%d,"total_results":%d}'
        return replace(answer, body=body % (page, b",".join(rows), head["total_pages"], head["total_results"]))

    def _moved(self, request: Request, left: int) -> dict[Place, Place]:
        """Rows beside the edge between a page and the next one that are hidden, and which is shown in place of each.

        Rows are paired across the edge, and each belongs to one edge only: of a pair that is drawn one is shown twice,
        the other not at all; other words draw others. The edges share the rows that have to move evenly.
        """
        first = self._page(request, 1)
        reach = min(first["total_pages"], MAX_PAGE)
        if not 1 <= left < reach or not self._dice.rate("move"):
            return {}
        day, words = request.today, _words(request)
        per_edge = self._dice.rate("move") * min(first["total_results"], reach * PAGE_SIZE) / (reach - 1)
        start = self._dice.draw("move", day, words)
        count = math.floor(left * per_edge + start) - math.floor((left - 1) * per_edge + start)
        above, below = self._rows(request, left), self._rows(request, left + 1)
        lower_part = len(above) - (0 if left == 1 else len(above) // 2)
        upper_part = len(below) if left + 1 == reach else len(below) // 2
        nearest = range(min(lower_part, upper_part, 2 * count + 1))
        pairs = [((left, len(above) - 1 - step), (left + 1, step)) for step in nearest]
        free = [p for p in pairs if self._quirky.isdisjoint((above[p[0][1]]["id"], below[p[1][1]]["id"]))]
        drawn = {pair: self._dice.draw("move", day, f"{words} {pair}") for pair in free}
        moved: dict[Place, Place] = {}
        for pair in sorted(free, key=lambda pair: drawn[pair])[:count]:
            hidden, shown = pair if int(drawn[pair] * 1e6) % 2 else reversed(pair)
            moved[hidden] = shown
        return moved

    def _page(self, request: Request, number: int) -> Any:
        """A page of the list that does not move."""

        def ask() -> Any:
            answer = self._calm.answer(replace(request, query={**request.query, "page": str(number)}))
            return json.loads(answer.body) if answer else {}

        return self._pages.get((request.today, _words(request), number), ask)

    def _rows(self, request: Request, number: int) -> list[spoiling.Payload]:
        rows: list[spoiling.Payload] = self._page(request, number)["results"]
        return rows

    def _written(self, day: dt.date, row: spoiling.Payload) -> bytes:
        if row["id"] in self._quirky:
            return encode(row)
        if self._dice.strikes("broken_rows", day, str(row["id"])):
            write = self._dice.one_of(spoiling.BROKEN_ROWS, "broken_rows", day, str(row["id"]))
            return write(row)
        return encode(self._with_impossible_values(day, row))

    # -- the others ------------------------------------------------------------------------------------------------

    def _changes(self, request: Request, answer: Answer) -> Answer:
        """The feed with the ids that do not exist first, so that who stops at page 500 misses the true ones."""
        each = int(self._dice.rate("changes"))
        if not each:
            return answer
        first, last = changes_span(request)
        days = range(first.toordinal(), min(last, request.today).toordinal() + 1)
        invented, page = each * len(days), json.loads(answer.body)["page"]
        start, stop = (page - 1) * CHANGES_PAGE_SIZE, page * CHANGES_PAGE_SIZE
        rows = [
            {"id": _no_such_film(days[number // each], number % each), "adult": False, "softcore": False}
            for number in range(start, min(stop, invented))
        ]
        rows += self._rows_between(request, max(0, start - invented), max(0, stop - invented))
        total = invented + self._page(request, 1)["total_results"]
        pages = max(1, -(-total // CHANGES_PAGE_SIZE))
        return json_answer({"results": rows, "page": page, "total_pages": pages, "total_results": total})

    def _rows_between(self, request: Request, start: int, stop: int) -> list[spoiling.Payload]:
        """Some rows of the true feed, which cuts its pages elsewhere."""
        pages = range(start // CHANGES_PAGE_SIZE + 1, -(-stop // CHANGES_PAGE_SIZE) + 1)
        rows = [row for number in pages for row in self._rows(request, number)]
        offset = (pages.start - 1) * CHANGES_PAGE_SIZE
        return rows[start - offset : stop - offset]

    def _reference(self, request: Request, answer: Answer) -> Answer:
        rates = {"bad_reference": self._dice.rate("bad_reference")}
        if not self._dice.strikes_at_first(request.today, request.path, rates):
            return answer
        bodies = [*_REFERENCE[request.path], _UNWELL.body, NOT_FOUND.body]
        return replace(answer, body=self._dice.one_of(bodies, "bad_reference", request.today, request.path))

    def _details(self, request: Request, answer: Answer) -> Answer:
        day, question, dice = request.today, request.path, self._dice
        rates = {habit: dice.rate(habit) for habit in ("failing", "false_404", "garbled", "nameless")}
        habit = dice.strikes_at_first(day, question, rates)
        if habit == "failing":
            return _UNWELL
        if habit == "false_404":
            return NOT_FOUND
        if habit == "nameless":
            body = dice.one_of((NOT_FOUND.body, _UNWELL.body, b"{}", b"null"), habit, day, question)
            return replace(answer, body=body)
        if habit == "garbled":
            spoil, said = dice.one_of(_GARBLED, habit, day, question)
            return replace(answer, body=spoil(answer.body), encoding=said)
        film = json.loads(answer.body)
        changed = film if film["id"] in self._quirky else self._with_impossible_values(day, film)
        return answer if changed is film else replace(answer, body=encode(changed))

    def _with_impossible_values(self, day: dt.date, film: spoiling.Payload) -> spoiling.Payload:
        """The film, or a copy in which some unknown values are impossible."""
        found: spoiling.Payload = {}
        for field in spoiling.unknown_fields(film):
            question = f"{film['id']} {field}"
            if self._dice.strikes("impossible", day, question):
                found[field] = self._dice.one_of(spoiling.IMPOSSIBLE[field], "impossible", day, question)
        return {**film, **found} if found else film

    # -- the bytes -------------------------------------------------------------------------------------------------

    def _sent(self, request: Request, answer: Answer) -> Answer:
        """A JSON answer in bytes that are not what they seem."""
        if answer.status not in {200, 404} or answer.encoding or answer.body[:2] == b"\x1f\x8b":
            return answer
        day, question = request.today, f"{_words(request)} page {request.query.get('page', '1')}"
        if _is_film(request.path) and self._dice.strikes("unsaid_gzip", day, question):
            return replace(answer, body=spoiling.packed(answer.body))
        if self._dice.strikes("said_gzip", day, question):
            return replace(answer, encoding="gzip")
        if self._dice.strikes("bom", day, question):
            return replace(answer, body=spoiling.BOM + answer.body)
        return answer


def _no_such_film(day: int, number: int) -> int:
    """An id above all films, below 2^31, and not that of another day."""
    return 50_000_000 + day % 10_000 * 100_000 + number


def _is_film(path: str) -> bool:
    return path.startswith("/3/movie/") and path != "/3/movie/changes"


def _words(request: Request) -> str:
    """The words of a question: path and parameters in a fixed order, without the page and the credentials."""
    kept = sorted(item for item in request.query.items() if item[0] not in {"page", "api_key"})
    return f"{request.path}?{urlencode(kept)}"
