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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from random import Random
from typing import Any, Protocol, TypeVar

from tmdb_assets.sandbox.answers import encode
from tmdb_assets.sandbox.tmdb import details, quirks, timeline
from tmdb_assets.sandbox.tmdb.timeline import BEFORE_EPOCH, EPOCH, Breakout, Film

T = TypeVar("T")
Change = tuple[int | None, bool]
HISTORY_STARTS = dt.date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A film as the lists of a day see it: what they sort and filter by, and how to write its row."""

    movie_id: int
    popularity: float
    vote_count: int
    release_date: str
    language: str
    genre_ids: tuple[int, ...]
    adult: bool
    video: bool
    revenue: Callable[[], int]
    row: Callable[[], bytes]


class Catalogue(Protocol):
    """What api.py needs to know of a world, synthetic or recorded."""

    def entries(self, day: dt.date) -> list[Entry]:
        """The films of a day, most popular first."""

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
        start = max(50, int(self.films * 0.32))
        planted = quirks.plant(start)
        stride = max(24, self.films // 10)
        born = [BEFORE_EPOCH] * start
        for day in range(EPOCH, self.until.toordinal() + 1):
            born += [day] * timeline.births(self.seed, day, self.films)
        world = []
        for number, day in enumerate(born):
            part = None if number in planted else _part(number, stride)
            world.append(timeline.make_film(self.seed, number, day, part, planted.get(number, ())))
        self._plant_breakouts(world)
        return world

    def _plant_breakouts(self, world: list[Film]) -> None:
        """Two to five a month, on films that had calmed down, so that nothing else explains the rise."""
        month, known = HISTORY_STARTS, 0
        while month <= self.until:
            first = month.toordinal()
            following = (month + dt.timedelta(days=32)).replace(day=1)
            while known < len(world) and world[known].born < first:
                known += 1
            rng = Random(f"{self.seed}:breakouts:{month}")
            for _ in range(rng.randrange(2, 6)):
                day, length = first + rng.randrange(27), rng.randrange(3, 12)
                factor = round(5 + 15 * rng.random(), 2)
                for _ in range(40):
                    film = world[rng.randrange(known)]
                    calm = film.premiere and film.premiere + 500 < day and not (film.adult or film.video or film.quirks)
                    stays = film.gone is None or film.gone > day + length
                    if calm and stays and all(day > spike.last + 60 for spike in film.breakouts):
                        film.breakouts.append(Breakout(day, day + length - 1, factor))
                        break
            month = following

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
            lambda: self._version_on(film, day).row(_numbers(popularity, film.vote_average(day, count), count)),
        )

    def details(self, movie_id: int, day: dt.date, parts: Sequence[str]) -> bytes | None:
        """The answer to /movie/{id} with those parts appended; None when there is no such film that day."""
        film, ordinal = self._by_id.get(movie_id), day.toordinal()
        if film is None or not film.visible(ordinal):
            return None
        count = film.vote_count(ordinal)
        numbers = _numbers(film.popularity(ordinal), film.vote_average(ordinal, count), count)
        if "popularity_text" in film.quirks:
            numbers = (b'"%s"' % numbers[0], *numbers[1:])
        return self._version_on(film, ordinal).details(numbers, parts)

    def changes(self, first: dt.date, last: dt.date, seen_from: dt.date) -> list[Change]:
        """(id, adult) of the films that changed in those days and still exist; now and then a row without id."""
        found: dict[int, Change] = {}
        rows: list[Change] = []
        for day in range(min(last, seen_from).toordinal(), first.toordinal() - 1, -1):
            for film in self._changed_on.get(day, []):
                if film.number not in found and film.visible(seen_from.toordinal()):
                    found[film.number] = (film.movie_id, film.adult)
            if day % 5 == 2:
                rows.append((None, False))
        listed = list(found.values())
        for position, row in enumerate(rows):
            listed.insert(min(len(listed), 3 + 31 * position), row)
        return listed

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
        found = [(film, spike) for film in self._world for spike in film.breakouts if spike.first <= now]
        quirky: dict[str, list[int]] = {name: [] for name in quirks.EFFECTS}
        for film in self._world:
            for name in sorted(film.quirks):
                quirky[name].append(film.movie_id)
        return {
            "seed": self.seed,
            "films": sum(film.visible(now) for film in self._world),
            "breakouts": [
                {
                    "movie_id": film.movie_id,
                    "day": _iso(spike.first),
                    "last_day": _iso(spike.last),
                    "factor": spike.factor,
                }
                for film, spike in sorted(found, key=lambda pair: (pair[1].first, pair[0].movie_id))
            ],
            "deleted": [
                {"movie_id": film.movie_id, "day": _iso(film.gone)}
                for film in sorted(self._world, key=lambda film: (film.gone or 0, film.movie_id))
                if film.gone is not None and film.gone <= now and film.born < film.gone
            ],
            "vote_corrections": [
                {"movie_id": film.movie_id, "day": _iso(film.votes_corrected)}
                for film in self._world
                if 0 < film.votes_corrected <= now
            ],
            "quirks": quirky,
        }


def export_row(movie_id: int, original_title: str, popularity: Any, video: bool) -> bytes:
    """One line of the ID export."""
    row = {"adult": False, "id": movie_id, "original_title": original_title, "popularity": popularity, "video": video}
    return encode(row) + b"\n"


def _part(number: int, stride: int) -> tuple[int, int] | None:
    """Every twelfth residue of the stride is a run of franchises of three parts, which so appear far from each
    other."""
    residue = number % stride
    if residue % 12 != 5:
        return None
    run = number // stride
    return residue * 1000 + run // 3, run % 3 + 1


def _numbers(popularity: float, average: float, count: int) -> tuple[bytes, bytes, bytes]:
    return repr(popularity).encode(), repr(average).encode(), b"%d" % count


def _iso(day: int) -> str:
    return dt.date.fromordinal(day).isoformat()
