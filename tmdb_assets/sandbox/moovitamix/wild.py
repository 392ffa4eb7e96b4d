"""The music API on its bad days: the site with the habits that its sort of API has, at rates that are stated
(habits.py).

What belongs here: which answers a habit changes, and how: bytes in, bytes out. What does not: correct answers (api.py),
what is done to one row (spelling.py). Without any of these options this module has no part in an answer. Each option is
a share from 0 to 1, and takes the rate it has alone when the number is left out; `--wild` sets all of them.

    --music-repeats      each later page shows a row of the page before in place of one of its own: totals are right
    --music-unordered    each page is cut from the list in another order
    --music-slips        a row is deleted and another added while one walks: a row falls between two pages, none stands
    twice --music-totals       the totals differ from page to page
    --music-endless      900,000,000 pages, those beyond the last without rows
    --music-held         as repeats, the same rows for the whole day; never on a day on which a row of that list was
                         deleted, and never one that is new or other than the day before
    --music-failing      a page is an error, HTML with status 200, empty, or cut
    --music-ids, --music-instants, --music-broken-rows, --music-no-rows    see spelling.py
    --lasting N          how many times in a row a false page comes before the true one (1): repeats, unordered, totals,
                         endless, failing. Another asking of the same page hides another row.

A list of a day has one of the first six at most. Rows that are none are counted in its total, as true ones are.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tmdb_assets.sandbox.answers import Answer, Request, encode
from tmdb_assets.sandbox.habits import Dice
from tmdb_assets.sandbox.moovitamix import spelling
from tmdb_assets.sandbox.moovitamix.api import ROOT, MoovitamixSite
from tmdb_assets.sandbox.moovitamix.habits import ENDLESS
from tmdb_assets.sandbox.tmdb.noise import salt, unit

_HTML = "text/html; charset=utf-8"
_FEWEST = 4  #: rows of a page that hides one: another one each time it is asked for


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a list; `name` is empty of what is none."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class _Asked:
    """One page that was asked for, for the `times`-th time."""

    endpoint: str
    day: dt.date
    page: int
    size: int
    times: int

    @property
    def list(self) -> str:
        """The list in words, whatever page of it."""
        return f"{self.endpoint} by {self.size}"


@dataclass(frozen=True, slots=True)
class _Said:
    """What a page says."""

    rows: Sequence[_Row]
    total: int
    pages: int


class WildMusicSite:
    """The music API with its habits."""

    def __init__(self, calm: MoovitamixSite, rates: Mapping[str, float], lasting: int, seed: int) -> None:
        self._calm = calm
        self._dice = Dice(rates, lasting, seed)
        self._times: Counter[tuple[Any, ...]] = Counter()
        self._listed = lru_cache(maxsize=16)(self._list)
        self._ways: dict[str, Callable[[_Asked, Sequence[_Row], _Said], _Said]] = {
            "music_repeats": self._repeats,
            "music_unordered": self._unordered,
            "music_slips": self._slips,
            "music_totals": self._totals,
            "music_endless": self._endless,
            "music_held": self._held,
        }

    def answer(self, request: Request) -> Answer | None:
        """Answer a request, or None for a path that is not the music API's."""
        answer = self._calm.answer(request)
        if answer is None or answer.status != 200:
            return answer
        endpoint, day, true = request.path.removeprefix(ROOT), request.today, json.loads(answer.body)
        page, size = true["page"], true["size"]
        if failed := self._failing(answer, day, f"{endpoint} {page} by {size}"):
            return failed
        self._times[endpoint, day, page, size] += 1
        asked = _Asked(endpoint, day, page, size, self._times[endpoint, day, page, size])
        said = self._said(asked)
        rows = b",".join(self._written(endpoint, day, row) for row in said.rows)
        body = b'{"items":[%s],"total":%d,"page":%d,"size":%d,"pages":%d}'
        return replace(answer, body=body % (rows, said.total, page, size, said.pages))

    def truth(self, today: dt.date) -> dict[str, Any]:
        """What was planted up to a day, and what the habits have done so far."""
        (name, planted), *_ = self._calm.truth(today).items()
        return {name: {**planted, "wild": self._dice.truth()}}

    # -- answers -------------------------------------------------------------------------------------------------------

    def _failing(self, answer: Answer, day: dt.date, question: str) -> Answer | None:
        dice = self._dice
        if not dice.strikes_at_first(day, question, {"music_failing": dice.rate("music_failing")}):
            return None
        unwell = b"<html><body><h1>The music is off.</h1></body></html>"
        ways = (
            Answer(500, b'{"detail":"Internal Server Error"}'),
            Answer(503, unwell, _HTML),
            Answer(200, unwell, _HTML),
            replace(answer, body=b""),
            replace(answer, body=answer.body[: len(answer.body) // 2]),
        )
        return dice.one_of(ways, "music_failing", day, question)

    # -- lists ---------------------------------------------------------------------------------------------------------

    def _list(self, endpoint: str, day: dt.date) -> list[_Row]:
        """All rows of a day, those that are none among them."""
        true = self._calm.rows(endpoint, day)
        rows = [_Row(_name(row), row) for row in true]
        if not rows or not self._dice.strikes("music_no_rows", day, endpoint):
            return rows
        for number in range(2):
            rows.insert(self._place(len(rows), day, f"{endpoint} {number}"), self._no_row(endpoint, day, number))
        return rows

    def _no_row(self, endpoint: str, day: dt.date, number: int) -> _Row:
        question = f"{endpoint} no row {number}"
        like = self._dice.one_of(self._calm.rows(endpoint, day), "like", day, question)
        ways = spelling.no_rows(like, day.toordinal() % 10_000 * 10 + number)
        return _Row("", self._dice.one_of(ways, "music_no_rows", day, question))

    def _place(self, places: int, day: dt.date, question: str) -> int:
        return int(places * self._dice.draw("place", day, question))

    def _said(self, asked: _Asked) -> _Said:
        """What a page says: the truth, or what the list's habit makes of it."""
        rows = self._listed(asked.endpoint, asked.day)
        true = _Said(_cut(rows, asked.page, asked.size), len(rows), -(-len(rows) // asked.size))
        habit = self._dice.at_most_one(asked.day, asked.endpoint, {name: self._dice.rate(name) for name in self._ways})
        lasting = {"music_slips": 1, "music_held": asked.times}.get(habit or "", self._dice.lasting)
        if habit is None or asked.times > lasting:
            return true
        told = self._ways[habit](asked, rows, true)
        if told != true:
            self._dice.note(habit, asked.day)
        return told

    def _repeats(self, asked: _Asked, rows: Sequence[_Row], true: _Said) -> _Said:
        return replace(true, rows=self._repeating(asked, rows, {row.name for row in rows} - {""}))

    def _held(self, asked: _Asked, rows: Sequence[_Row], true: _Said) -> _Said:
        before = {_name(row): row for row in self._calm.rows(asked.endpoint, asked.day - dt.timedelta(days=1))}
        if not set(before) <= {row.name for row in rows}:
            return true
        known = {row.name for row in rows if row.name and before.get(row.name) == row.value}
        return replace(true, rows=self._repeating(replace(asked, times=1), rows, known))

    def _repeating(self, asked: _Asked, rows: Sequence[_Row], free: set[str]) -> Sequence[_Row]:
        """The rows of a page, one of those that are free replaced by a row that the page before shows."""
        own = list(_cut(rows, asked.page, asked.size))
        hidden = self._hidden(asked, rows, free)
        if hidden is None:
            return own
        earlier = replace(asked, page=asked.page - 1)
        above, hidden_above = _cut(rows, earlier.page, asked.size), self._hidden(earlier, rows, free)
        shown = [row for place, row in enumerate(above) if row.name and place != hidden_above]
        own[hidden] = shown[self._place(len(shown), asked.day, f"{asked.list} {asked.page} again")]
        return own

    def _hidden(self, asked: _Asked, rows: Sequence[_Row], free: set[str]) -> int | None:
        """The place of the row that a page hides, another one each time; none on the first page or on a short one."""
        own = _cut(rows, asked.page, asked.size)
        places = [place for place, row in enumerate(own) if row.name in free]
        if asked.page == 1 or len(places) < _FEWEST:
            return None
        start = self._place(len(places), asked.day, f"{asked.list} {asked.page} hidden")
        return places[(start + asked.times) % len(places)]

    def _unordered(self, asked: _Asked, rows: Sequence[_Row], true: _Said) -> _Said:
        """Cut from the list in an order of this asking; of half of the lists the first page stays as it is."""
        still = asked.size if self._dice.draw("first page", asked.day, asked.list) < 0.5 else 0
        bits = salt(f"{asked.list} {asked.day} {asked.page} {asked.times}")
        places = [*range(still), *sorted(range(still, len(rows)), key=lambda place: unit(bits, place))]
        return replace(true, rows=_cut([rows[place] for place in places if place < len(rows)], asked.page, asked.size))

    def _slips(self, asked: _Asked, rows: Sequence[_Row], true: _Said) -> _Said:
        """One page is from before the deletion, all others from after it: what was pushed off that page is on none."""
        between = range(2, true.pages)
        if not between or asked.page != self._dice.one_of(between, "music_slips", asked.day, asked.list):
            return true
        older = list(true.rows)
        older.insert(self._place(asked.size, asked.day, asked.list), self._no_row(asked.endpoint, asked.day, 9))
        return replace(true, rows=older[: asked.size])

    def _totals(self, asked: _Asked, rows: Sequence[_Row], true: _Said) -> _Said:
        total = true.total + asked.page
        return replace(true, total=total, pages=-(-total // asked.size))

    def _endless(self, asked: _Asked, rows: Sequence[_Row], true: _Said) -> _Said:
        return replace(true, pages=ENDLESS)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _written(self, endpoint: str, day: dt.date, row: _Row) -> bytes:
        """A row as it is served: other words, a broken field."""
        if not row.name:
            return encode(row.value)
        question, value, dice = f"{endpoint} {row.name}", row.value, self._dice
        if dice.strikes("music_ids", day, question):
            value = spelling.with_ids(value, dice.one_of(spelling.ID_SPELLINGS, "music_ids", day, question))
        if dice.strikes("music_instants", day, question):
            value = spelling.with_instants(
                value, dice.one_of(spelling.INSTANT_SPELLINGS, "music_instants", day, question)
            )
        if dice.strikes("music_broken_rows", day, question):
            field = dice.one_of(spelling.BROKEN_FIELDS, "music_broken_rows", day, question)
            return spelling.with_broken_field(value, field)
        return encode(value)


def _cut(rows: Sequence[_Row], page: int, size: int) -> Sequence[_Row]:
    return rows[(page - 1) * size : page * size]


def _name(row: Mapping[str, Any]) -> str:
    """What names a row of the world."""
    return f"{row['user_id']} {row['created_at']}" if "user_id" in row else str(row["id"])
