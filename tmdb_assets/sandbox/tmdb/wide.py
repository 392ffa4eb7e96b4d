"""A world of up to two million films: a few numbers are kept of each, all else is made when it is asked for.

What belongs here: the lists, changes and exports of such a world, made of columns (columns.py). What does not: worlds
that are small enough to keep every film as an object (catalogue.py), which draw their films otherwise and stay as they
are.
"""

from __future__ import annotations

import datetime as dt
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from random import Random
from typing import Any, Final

import polars as pl

from tmdb_assets.sandbox.tmdb import catalogue, columns, planted, quirks, timeline, vocabulary
from tmdb_assets.sandbox.tmdb.catalogue import Cache, Change
from tmdb_assets.sandbox.tmdb.details import Version, build, franchise_titles
from tmdb_assets.sandbox.tmdb.details import titles as titles_of
from tmdb_assets.sandbox.tmdb.lists import Row, Wanted
from tmdb_assets.sandbox.tmdb.noise import salt
from tmdb_assets.sandbox.tmdb.timeline import Film

_FILMS_PER_DAILY_EDIT: Final = 3400
"""So few films are edited a day that with those that appear or come out 6,000 of 1.1 million change."""
_TITLES: Final = {True: 1_000, False: 20_000}
"""How many titles there are in a language that has words of its own for them, and in one that has none."""
_ROWS_AT_ONCE: Final = 200_000


@dataclass(frozen=True, slots=True)
class _Shown:
    """A film on a page."""

    movie_id: int
    row: Row


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The numbers of a day, by the number of the film; of films that are not there too."""

    popularity: pl.Series
    votes: pl.Series


class WideCatalogue:
    """A world of about `films` films, the same for the same seed, until the end of the year after `today`."""

    def __init__(self, films: int, seed: int, today: dt.date) -> None:
        self.films, self.seed = films, seed
        self.until = dt.date(today.year + 1, 12, 31)
        self._every = max(round(1 / timeline.EDITS_PER_FILM_AND_DAY), films // _FILMS_PER_DAILY_EDIT)
        self._numbers, self._rankings, self._exports = Cache(6), Cache(3), Cache(4)
        self._film = lru_cache(maxsize=20_000)(self._make_film)
        self._edits = lru_cache(maxsize=20_000)(self._plan_edits)
        self._version = lru_cache(maxsize=16_000)(self._build_version)

    def prepare(self) -> None:
        """Make what every answer needs: seconds for a million films."""
        _ = self._special, self._title_places

    # -- who is there ----------------------------------------------------------------------------------------------

    @cached_property
    def _world(self) -> pl.DataFrame:
        """Every film, in the order of appearance; its row is its number."""
        born = catalogue.birthdays(self.seed, self.films, self.until)
        return columns.put_in(columns.draw(self.seed, born, catalogue.stride_of(self.films)), list(self._odd.values()))

    @cached_property
    def _odd(self) -> dict[int, Film]:
        """The films with planted oddities: drawn one by one, as in a small world."""
        planted_quirks = quirks.plant(catalogue.first_films(self.films))
        return {
            number: timeline.make_film(self.seed, number, timeline.BEFORE_EPOCH, None, names)
            for number, names in sorted(planted_quirks.items())
        }

    @cached_property
    def _special(self) -> dict[int, Film]:
        """The films whose numbers of a day are counted one by one: those with oddities, and those that break out."""
        seen: dict[int, Film] = {}
        planted.plant_breakouts(
            self.seed, self.until, self._world["born"].to_list(), lambda n: seen.setdefault(n, self._drawn(n))
        )
        return self._odd | {number: film for number, film in seen.items() if film.breakouts}

    def _make_film(self, number: int) -> Film:
        return self._special.get(number) or self._drawn(number)

    def _drawn(self, number: int) -> Film:
        if number in self._odd:
            return self._odd[number]
        row = self._world.row(number, named=True)
        named = self._titles[int(self._title_places[number])]
        return columns.film_of(row, columns.GENRES[row["genres"]], named)

    def _found(self, movie_id: int, day: int) -> Film | None:
        number = (movie_id - 100) // 37
        if not 0 <= number < self._world.height:
            return None
        film = self._film(number)
        return film if film.movie_id == movie_id and film.visible(day) else None

    # -- titles ----------------------------------------------------------------------------------------------------

    @cached_property
    def _series(self) -> pl.Series:
        """The franchises, by number."""
        return self._world.filter(pl.col("part") > 0)["franchise"].unique().sort()

    @cached_property
    def _titles(self) -> list[tuple[str, str]]:
        """Every title there is: those of each language, of the franchises, and of the films with oddities."""
        titles = []
        for language, words in vocabulary.TONGUES.items():
            rng = Random(f"{self.seed}:titles:{language}")
            titles += [vocabulary.title_in(rng, language) for _ in range(_TITLES["heads" in words])]
        titles += [(name, name) for part in self._series for name in franchise_titles(self.seed, part)]
        return titles + [titles_of(film, self.seed) for film in self._odd.values()]

    @cached_property
    def _title_places(self) -> pl.Series:
        """Where among the titles that of each film stands."""
        sizes = [_TITLES["heads" in words] for words in vocabulary.TONGUES.values()]
        starts = [sum(sizes[:place]) for place in range(len(sizes) + 1)]
        language = pl.col("language").cast(pl.Int64)
        start = language.replace_strict(dict(enumerate(starts)), return_dtype=pl.Int64)
        size = language.replace_strict(dict(enumerate(sizes)), return_dtype=pl.UInt64)
        drawn = columns.mixed(pl.col("salt"), salt("title"))
        part = self._series.search_sorted(self._world["franchise"]).cast(pl.Int64) * 3
        of_part = starts[-1] + part + self._world["part"].cast(pl.Int64) - 1
        places = self._world.select(
            pl.when(pl.col("part") > 0).then(of_part).otherwise(start + (drawn % size).cast(pl.Int64)).cast(pl.UInt32)
        ).to_series()
        return places.scatter(list(self._odd), range(len(self._titles) - len(self._odd), len(self._titles)))

    # -- a day -----------------------------------------------------------------------------------------------------

    def _numbers_of(self, day: int) -> _Numbers:
        return self._numbers.get(day, lambda: self._count(day))

    def _count(self, day: int) -> _Numbers:
        counted = self._world.lazy().select(popularity=columns.popularity(day), votes=columns.vote_count(day)).collect()
        films = list(self._special.values())
        places = [film.number for film in films]
        popularity = counted["popularity"].scatter(places, [film.popularity(day) for film in films])
        return _Numbers(popularity, counted["votes"].scatter(places, [film.vote_count(day) for film in films]))

    def _ranking(self, day: int) -> pl.DataFrame:
        """The films of a day, most popular first."""
        return self._rankings.get(day, lambda: self._rank(day))

    def _rank(self, day: int) -> pl.DataFrame:
        numbers = self._numbers_of(day)
        films = self._world.select(
            "number",
            "movie_id",
            "language",
            "genres",
            "adult",
            "video",
            "born",
            "gone",
            release=columns.release_on(day),
        ).with_columns(numbers.popularity, numbers.votes)
        there = films.filter(columns.visible(day)).drop("born", "gone")
        return there.sort("popularity", "movie_id", descending=[True, False])

    def listing(self, day: dt.date, wanted: Wanted) -> _Listing:
        """The films of a day that are asked for, in the order asked for. Takings are made film by film, so the order
        of "revenue.desc" is that of the votes here."""
        films = self._ranking(day.toordinal()).filter(_fits(wanted))
        orders: dict[str, tuple[list[Any], list[bool]]] = {
            "popularity.asc": (["popularity", "movie_id"], [False, False]),
            "vote_count.desc": (["votes", "movie_id"], [True, False]),
            "revenue.desc": (["votes", "movie_id"], [True, False]),
            "primary_release_date.asc": ([pl.col("release") == 0, "release", "movie_id"], [False, False, False]),
            "primary_release_date.desc": (["release", "movie_id"], [True, False]),
        }
        if wanted.sort in orders:
            by, descending = orders[wanted.sort]
            films = films.sort(by, descending=descending)
        return _Listing(self, day.toordinal(), films["number"])

    def show(self, number: int, day: int) -> _Shown:
        """A film as a page of a day shows it."""
        film = self._film(number)
        return _Shown(film.movie_id, lambda: self._version_on(film, day).row(self._figures(film, day)))

    def details(self, movie_id: int, day: dt.date, parts: Sequence[str]) -> bytes | None:
        """The answer to /movie/{id} with those parts appended; None when there is no such film that day."""
        ordinal = day.toordinal()
        film = self._found(movie_id, ordinal)
        if film is None:
            return None
        figures = self._figures(film, ordinal)
        if "popularity_text" in film.quirks:
            figures = (b'"%s"' % figures[0], *figures[1:])
        return self._version_on(film, ordinal).details(figures, parts)

    def _figures(self, film: Film, day: int) -> tuple[bytes, bytes, bytes]:
        numbers = self._numbers_of(day)
        popularity, count = float(numbers.popularity[film.number]), int(numbers.votes[film.number])
        return catalogue.numbers_of(popularity, film.vote_average(day, count), count)

    def _plan_edits(self, number: int) -> list[tuple[int, str]]:
        return timeline.steady_edits(self._film(number), self._every, self.until.toordinal())

    def _build_version(self, number: int, edits: int) -> Version:
        film = self._film(number)
        return build(film, self.seed, self._edits(number)[:edits])

    def _version_on(self, film: Film, day: int) -> Version:
        return self._version(film.number, bisect_right(self._edits(film.number), (day, "~")))

    def changes(self, first: dt.date, last: dt.date, seen_from: dt.date) -> list[Change]:
        """(id, adult) of the films that changed in those days and still exist; now and then a row without id."""
        days = range(first.toordinal(), min(last, seen_from).toordinal() + 1)
        if not days:
            return []
        found = columns.changes(self._world, days[0], days[-1], self._every)
        found = found.filter(~pl.col("number").is_in(list(self._odd)))
        films = self._world[found["number"]].select(found["day"], "movie_id", "adult", "born", "gone")
        rows: dict[int, list[Change]] = {}
        for day, *change in films.filter(columns.visible(seen_from.toordinal())).drop("born", "gone").rows():
            rows.setdefault(day, []).append((change[0], change[1]))
        return catalogue.feed_of(days, lambda day: rows.get(day, []))

    def export(self, day: dt.date) -> bytes:
        """The gzipped ID export of a day: adult films are in another file at TMDB, so they are not in this one."""
        return self._exports.get(day, lambda: b"".join(self._export(day.toordinal())))

    def _export(self, day: int) -> Iterator[bytes]:
        titles = pl.Series([original for _, original in self._titles])
        films = self._world.select("movie_id", "adult", "video", "born", "gone").with_columns(
            self._title_places.alias("title"), self._numbers_of(day).popularity
        )
        films = films.filter(columns.visible(day) & ~pl.col("adult"))
        packer = zlib.compressobj(1, wbits=31)
        for part in films.iter_slices(_ROWS_AT_ONCE):
            rows = part.select(
                "adult",
                id="movie_id",
                original_title=titles.gather(part["title"]),
                popularity="popularity",
                video="video",
            )
            yield packer.compress(rows.write_ndjson().encode())
        yield packer.flush()

    def truth(self, today: dt.date) -> dict[str, Any]:
        """What was planted up to a day."""
        now, special = today.toordinal(), list(self._special.values())
        gone = self._world.filter((pl.col("gone") <= now) & (pl.col("born") < pl.col("gone"))).sort("gone", "movie_id")
        return {
            "seed": self.seed,
            "films": self._world.select(columns.visible(now).sum()).item(),
            "breakouts": planted.tell_breakouts(special, now),
            "deleted": [
                {"movie_id": movie_id, "day": planted.iso(day)}
                for movie_id, day in gone.select("movie_id", "gone").rows()
            ],
            "vote_corrections": planted.tell_vote_corrections(self._odd.values(), now),
            "quirks": planted.tell_quirks(self._odd.values()),
        }


@dataclass(frozen=True, slots=True)
class _Listing:
    """The films that a question got, by number; each is made when its page is asked for."""

    catalogue: WideCatalogue
    day: int
    numbers: pl.Series

    def __len__(self) -> int:
        return self.numbers.len()

    def __getitem__(self, places: slice) -> list[_Shown]:
        return [self.catalogue.show(number, self.day) for number in self.numbers[places]]


def _fits(wanted: Wanted) -> pl.Expr:
    """Whether a film is asked for."""
    release = pl.col("release")
    genres = [place for place, genre_ids in enumerate(columns.GENRES) if wanted.fits_genres(genre_ids)]
    fits = (pl.col("votes") >= wanted.votes) & pl.col("genres").is_in(genres)
    if not wanted.adult:
        fits &= ~pl.col("adult")
    if not wanted.video:
        fits &= ~pl.col("video")
    if wanted.after or wanted.before:
        fits &= release != 0
    if wanted.after:
        fits &= release >= dt.date.fromisoformat(wanted.after).toordinal()
    if wanted.before:
        fits &= release <= dt.date.fromisoformat(wanted.before).toordinal()
    if wanted.language:
        known = timeline.LANGUAGES.index(wanted.language) if wanted.language in timeline.LANGUAGES else -1
        fits &= pl.col("language").cast(pl.Int16) == known
    return fits
