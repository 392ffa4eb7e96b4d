"""The synthetic world: every film there ever is, and what a caller sees of them on a day.

What belongs here: who exists when, breakouts, the list, the changes and the export of a day, what was planted. What
does not: paths and parameters (api.py), the payload of a film (details.py). Nothing is computed before it is asked for,
and nothing depends on what was asked before or on how far the world reaches.
"""

from __future__ import annotations

import datetime as dt
import gzip
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, Protocol, TypeVar

from tmdb_assets.sandbox.answers import encode
from tmdb_assets.sandbox.tmdb import details, planted, quirks, timeline
from tmdb_assets.sandbox.tmdb.lists import Entry, Listing, Wanted
from tmdb_assets.sandbox.tmdb.timeline import BEFORE_EPOCH, EPOCH, Film

T = TypeVar("T")
Change = tuple[int | None, bool]


class Catalogue(Protocol):
    """What api.py needs to know of a world, synthetic or recorded."""

    def listing(self, day: dt.date, wanted: Wanted) -> Listing:
        """The films of a day that are asked for, in the order asked for."""

    def details(self, movie_id: int, day: dt.date, parts: Sequence[str]) -> bytes | None:
        """The answer to /movie/{id} with those parts appended; None when there is no such film that day."""

    def changes(self, first: dt.date, last: dt.date, seen_from: dt.date) -> list[Change]:
        """(id, adult) of the films that changed in those days and still exist on the day they are seen from."""

    def export(self, day: dt.date) -> bytes:
        """The gzipped ID export of a day."""

    def truth(self, today: dt.date) -> dict[str, Any]:
        """What was planted up to a day."""


class Cache:
    """The last few results by key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """The kept result, or a new one."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        result: T = self._kept[key]
        return result


class SyntheticCatalogue:
    """A world of about `films` films, the same for the same seed, until the end of the year after `today`."""

    def __init__(self, films: int, seed: int, today: dt.date) -> None:
        self.films, self.seed = films, seed
        self.until = dt.date(today.year + 1, 12, 31)
        self._days, self._exports = Cache(12), Cache(8)
        self._version = lru_cache(maxsize=16_000)(self._build_version)

    @cached_property
    def _world(self) -> list[Film]:
        """Every film, in the order of appearance: a longer reach only adds films at the end."""
        start = first_films(self.films)
        odd = quirks.plant(start)
        stride = stride_of(self.films)
        born = birthdays(self.seed, self.films, self.until)
        world = []
        for number, day in enumerate(born):
            part = None if number in odd else part_of(number, stride)
            world.append(timeline.make_film(self.seed, number, day, part, odd.get(number, ())))
        planted.plant_breakouts(self.seed, self.until, born, world.__getitem__)
        return world

    @cached_property
    def _by_id(self) -> dict[int, Film]:
        return {film.movie_id: film for film in self._world}

    @cached_property
    def _edits(self) -> dict[int, list[tuple[int, str]]]:
        return {}

    def _edits_of(self, film: Film) -> list[tuple[int, str]]:
        found = self._edits.get(film.number)
        if found is None:
            found = self._edits[film.number] = timeline.edits(film, self.seed, self.until.toordinal())
        return found

    @cached_property
    def _changed_on(self) -> dict[int, list[Film]]:
        """Day -> the films that appeared or changed on it."""
        changed: dict[int, dict[int, Film]] = {}
        for film in self._world:
            days = [day for day, _ in self._edits_of(film)]
            for day in days if film.born == BEFORE_EPOCH else [film.born, *days]:
                changed.setdefault(day, {})[film.number] = film
        return {day: list(films.values()) for day, films in changed.items()}

    def _build_version(self, number: int, edits: int) -> details.Version:
        film = self._world[number]
        return details.build(film, self.seed, self._edits_of(film)[:edits])

    def _version_on(self, film: Film, day: int) -> details.Version:
        return self._version(film.number, bisect_right(self._edits_of(film), (day, "~")))

    def entries(self, day: dt.date) -> list[Entry]:
        """The films of a day, most popular first."""
        return self._days.get(day, lambda: self._entries(day.toordinal()))

    def listing(self, day: dt.date, wanted: Wanted) -> list[Entry]:
        """The films of a day that are asked for, in the order asked for."""
        return wanted.choose(self.entries(day))

    def _entries(self, day: int) -> list[Entry]:
        found = [self._entry(film, day) for film in self._world if film.visible(day)]
        return sorted(found, key=lambda entry: (-entry.popularity, entry.movie_id))

    def _entry(self, film: Film, day: int) -> Entry:
        popularity, count, release = film.popularity(day), film.vote_count(day), film.release_on(day)
        return Entry(
            film.movie_id,
            popularity,
            count,
            dt.date.fromordinal(release).isoformat() if release else "",
            film.language,
            film.genre_ids,
            film.adult,
            film.video,
            lambda: self._version_on(film, day).revenue,
            lambda: self._version_on(film, day).row(numbers_of(popularity, film.vote_average(day, count), count)),
        )

    def details(self, movie_id: int, day: dt.date, parts: Sequence[str]) -> bytes | None:
        """The answer to /movie/{id} with those parts appended; None when there is no such film that day."""
        film, ordinal = self._by_id.get(movie_id), day.toordinal()
        if film is None or not film.visible(ordinal):
            return None
        count = film.vote_count(ordinal)
        numbers = numbers_of(film.popularity(ordinal), film.vote_average(ordinal, count), count)
        if "popularity_text" in film.quirks:
            numbers = (b'"%s"' % numbers[0], *numbers[1:])
        return self._version_on(film, ordinal).details(numbers, parts)

    def changes(self, first: dt.date, last: dt.date, seen_from: dt.date) -> list[Change]:
        """(id, adult) of the films that changed in those days and still exist; now and then a row without id."""
        seen = seen_from.toordinal()

        def changed(day: int) -> Iterator[Change]:
            return ((film.movie_id, film.adult) for film in self._changed_on.get(day, []) if film.visible(seen))

        return feed_of(range(first.toordinal(), min(last, seen_from).toordinal() + 1), changed)

    def export(self, day: dt.date) -> bytes:
        """The gzipped ID export of a day: adult films are in another file at TMDB, so they are not in this one."""
        return self._exports.get(day, lambda: self._export(day.toordinal()))

    def _export(self, day: int) -> bytes:
        rows = (
            export_row(f.movie_id, self._original_title(f), f.popularity(day), f.video)
            for f in self._world
            if f.visible(day) and not f.adult
        )
        return gzip.compress(b"".join(rows), compresslevel=1, mtime=0)

    def _original_title(self, film: Film) -> str:
        return details.titles(film, self.seed)[1]

    def truth(self, today: dt.date) -> dict[str, Any]:
        """What was planted up to a day."""
        now = today.toordinal()
        return {
            "seed": self.seed,
            "films": sum(film.visible(now) for film in self._world),
            "breakouts": planted.tell_breakouts(self._world, now),
            "deleted": [
                {"movie_id": film.movie_id, "day": planted.iso(film.gone)}
                for film in sorted(self._world, key=lambda film: (film.gone or 0, film.movie_id))
                if film.gone is not None and film.gone <= now and film.born < film.gone
            ],
            "vote_corrections": planted.tell_vote_corrections(self._world, now),
            "quirks": planted.tell_quirks(self._world),
        }


def feed_of(days: range, changed: Callable[[int], Iterable[Change]]) -> list[Change]:
    """The feed of some days, the newest first: each film that changed once, now and then a row without id."""
    found: dict[int | None, Change] = {}
    unnamed = 0
    for day in reversed(days):
        for change in changed(day):
            found.setdefault(change[0], change)
        unnamed += day % 5 == 2
    listed = list(found.values())
    for position in range(unnamed):
        listed.insert(min(len(listed), 3 + 31 * position), (None, False))
    return listed


def export_row(movie_id: int, original_title: str, popularity: Any, video: bool) -> bytes:
    """One line of the ID export."""
    row = {"adult": False, "id": movie_id, "original_title": original_title, "popularity": popularity, "video": video}
    return encode(row) + b"\n"


def first_films(films: int) -> int:
    """How many films a world of that size begins with."""
    return max(50, int(films * 0.32))


def birthdays(seed: int, films: int, until: dt.date) -> list[int]:
    """The first day of every film, in the order of appearance: a longer reach only adds films at the end."""
    born = [BEFORE_EPOCH] * first_films(films)
    for day in range(EPOCH, until.toordinal() + 1):
        born += [day] * timeline.births(seed, day, films)
    return born


def stride_of(films: int) -> int:
    """How far the parts of a franchise lie apart in a world of that size."""
    return max(24, films // 10)


def part_of(number: int, stride: int) -> tuple[int, int] | None:
    """Every twelfth residue of the stride is a run of franchises of three parts, which so appear far from each
    other."""
    residue = number % stride
    if residue % 12 != 5:
        return None
    run = number // stride
    return residue * 1000 + run // 3, run % 3 + 1


def numbers_of(popularity: float, average: float, count: int) -> tuple[bytes, bytes, bytes]:
    """The numbers of a day as they are written."""
    return repr(popularity).encode(), repr(average).encode(), b"%d" % count
