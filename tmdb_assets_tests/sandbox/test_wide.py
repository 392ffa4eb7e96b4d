"""A world made of columns: true to the rules of the small one, and to itself."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from functools import lru_cache
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmdb_assets.sandbox.tmdb import columns, noise
from tmdb_assets.sandbox.tmdb.details import PARTS
from tmdb_assets.sandbox.tmdb.lists import Entry, Wanted
from tmdb_assets.sandbox.tmdb.reference import GENRE_NAMES
from tmdb_assets.sandbox.tmdb.wide import WideCatalogue
from tmdb_assets_tests.sandbox.running import running
from tmdb_assets_tests.sandbox.test_world import NUMBERS, QUIRKS

TODAY = dt.date(2026, 11, 20)
DAYS = (dt.date(2020, 1, 1), dt.date(2023, 7, 4), TODAY)
EVERYTHING = Wanted.read({"include_adult": "true", "include_video": "true"})


@lru_cache(maxsize=4)
def wide(films: int = 600, today: dt.date = TODAY) -> WideCatalogue:
    return WideCatalogue(films, 7, today)


def ids(catalogue: WideCatalogue, day: dt.date, wanted: Wanted = EVERYTHING) -> list[int]:
    return [film.movie_id for film in catalogue.listing(day, wanted)[:]]


def observe(catalogue: WideCatalogue, day: dt.date) -> dict[int, dict[str, Any]]:
    """Every film of a day with all its parts."""
    return {movie_id: json.loads(catalogue.details(movie_id, day, PARTS) or b"") for movie_id in ids(catalogue, day)}


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**36))
def test_columns_are_mixed_as_numbers_are(number: int, step: int) -> None:
    frame = pl.DataFrame({"number": [number], "step": [step]}, schema={"number": pl.UInt64, "step": pl.Int64})
    found = frame.select(
        mixed=columns.mixed(pl.col("number"), step),
        by_column=columns.mixed(pl.col("number"), pl.col("step")),
        unit=columns.unit(pl.col("number"), step),
    ).row(0)
    assert found == (noise.mix(number, step), noise.mix(number, step), noise.unit(number, step))


@pytest.mark.parametrize("day", DAYS)
def test_the_numbers_of_a_day_are_those_that_a_film_counts_by_itself(day: dt.date) -> None:
    catalogue, ordinal = wide(), day.toordinal()
    numbers = catalogue._numbers_of(ordinal)
    films = [catalogue._film(number) for number in range(catalogue._world.height)]
    shown = catalogue._world.select(columns.visible(ordinal), release=columns.release_on(ordinal)).rows()
    for film, popularity, votes, (visible, release) in zip(films, *vars_of(numbers), shown, strict=True):
        assert film.visible(ordinal) == visible
        if visible:
            assert film.release_on(ordinal) == release
            assert film.popularity(ordinal) == pytest.approx(popularity, abs=0.00011)
            assert film.vote_count(ordinal) == pytest.approx(votes, abs=1)


def vars_of(numbers: Any) -> tuple[list[float], list[int]]:
    return numbers.popularity.to_list(), numbers.votes.to_list()


@lru_cache(maxsize=1)
def entries() -> list[Entry]:
    """The films of the day as a small world has them."""
    catalogue, day = wide(), TODAY.toordinal()
    popularity, votes = vars_of(catalogue._numbers_of(day))
    films = [film for film in map(catalogue._film, range(catalogue._world.height)) if film.visible(day)]
    made = [
        Entry(
            film.movie_id,
            popularity[film.number],
            votes[film.number],
            dt.date.fromordinal(film.release_on(day)).isoformat() if film.release_on(day) else "",
            film.language,
            film.genre_ids,
            film.adult,
            film.video,
            lambda: 0,
            bytes,
        )
        for film in films
    ]
    return sorted(made, key=lambda entry: (-entry.popularity, entry.movie_id))


DATES = st.dates(dt.date(1930, 1, 1), dt.date(2028, 1, 1)).map(str)
QUESTIONS = st.fixed_dictionaries(
    {},
    optional={
        "sort_by": st.sampled_from(
            [f"{name}.{way}" for name in ("popularity", "primary_release_date") for way in ("asc", "desc")]
            + ["vote_count.desc", "nonsense"]
        ),
        "include_adult": st.sampled_from(["true", "false"]),
        "include_video": st.sampled_from(["true", "false"]),
        "primary_release_date.gte": DATES,
        "release_date.lte": DATES,
        "vote_count.gte": st.integers(0, 500).map(str),
        "with_original_language": st.sampled_from(["en", "fr", "xx", "qq"]),
        "with_genres": st.lists(st.sampled_from(sorted(GENRE_NAMES)), min_size=1, max_size=3).flatmap(
            lambda genres: st.sampled_from([joint.join(map(str, genres)) for joint in ",|"])
        ),
    },
)


@settings(max_examples=60, deadline=None)
@given(QUESTIONS)
def test_a_list_is_chosen_as_in_a_small_world(question: dict[str, str]) -> None:
    wanted = Wanted.read(question)
    assert ids(wide(), TODAY, wanted) == [entry.movie_id for entry in wanted.choose(entries())]


def test_lists_details_and_export_of_a_day_agree() -> None:
    catalogue = wide()
    rows = {film.movie_id: json.loads(film.row()) for film in catalogue.listing(TODAY, EVERYTHING)[:]}
    films = observe(catalogue, TODAY)
    assert all(float(films[film][name]) == row[name] for film, row in rows.items() for name in NUMBERS)
    assert all(films[film][name] == row[name] for film, row in rows.items() for name in ("title", "release_date"))
    lines = [json.loads(line) for line in gzip.decompress(catalogue.export(TODAY)).splitlines()]
    fields = ["adult", "id", "original_title", "popularity", "video"]
    assert list(lines[0]) == fields
    expected = [{field: row[field] for field in fields} for row in rows.values() if not row["adult"]]
    assert lines == sorted(expected, key=lambda line: line["id"])


def test_a_day_does_not_depend_on_what_was_asked_before_or_on_what_day_it_is_now() -> None:
    days = [dt.date(2020, 1, 1), dt.date(2021, 2, 28), dt.date(2022, 12, 31)]
    early, late = WideCatalogue(60, 7, days[-1]), WideCatalogue(60, 7, dt.date(2029, 1, 1))
    forwards = {day: (observe(early, day), early.changes(day, day, day), early.export(day)) for day in days}
    backwards = {day: (observe(late, day), late.changes(day, day, day), late.export(day)) for day in reversed(days)}
    assert forwards == backwards
    assert early.truth(days[-1]) == late.truth(days[-1])


@pytest.mark.parametrize(("first", "last"), [("2021-03-01", "2021-03-08"), ("2026-11-06", "2026-11-20")])
def test_details_differ_exactly_if_the_feed_lists_the_film(first: str, last: str) -> None:
    catalogue = WideCatalogue(150, 7, TODAY)
    before, after = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    days = [before + dt.timedelta(days=n) for n in range((after - before).days + 1)]
    seen = {day: observe(catalogue, day) for day in days}
    for films in seen.values():
        for film in films.values():
            for number in NUMBERS:
                del film[number]
    listed_at_all = 0
    for day_a, day_b in [*pairwise(days), (before, after), (days[1], days[-2])]:
        listed = {movie_id for movie_id, _ in catalogue.changes(day_a + dt.timedelta(days=1), day_b, day_b) if movie_id}
        assert listed == {movie_id for movie_id, film in seen[day_b].items() if seen[day_a].get(movie_id) != film}
        listed_at_all += len(listed)
    assert listed_at_all


def test_as_many_films_appear_vanish_and_change_as_in_a_small_world() -> None:
    catalogue = wide(2400)
    there = ids(catalogue, TODAY)
    assert 2200 < len(there) < 2650
    changed = [
        len(catalogue.changes(TODAY - dt.timedelta(days=n), TODAY - dt.timedelta(days=n), TODAY)) for n in range(60)
    ]
    assert 0.005 < sum(changed) / 60 / len(there) < 0.013
    truth = catalogue.truth(TODAY)
    assert truth["films"] == len(there)
    assert len(truth["deleted"]) > 100
    for row in truth["deleted"][::10]:
        on = dt.date.fromisoformat(row["day"])
        assert catalogue.details(row["movie_id"], on, ()) is None
        assert catalogue.details(row["movie_id"], on - dt.timedelta(days=1), ()) is not None
        assert row["movie_id"] not in [found for found, _ in catalogue.changes(on - dt.timedelta(days=14), on, on)]


def test_what_was_planted_is_there_to_be_found() -> None:
    catalogue = wide(2400)
    truth = catalogue.truth(TODAY)
    assert 1.5 * 83 < len(truth["breakouts"]) < 5.5 * 83
    for row in truth["breakouts"][::12]:
        day = dt.date.fromisoformat(row["day"])
        on, before = (
            json.loads(catalogue.details(row["movie_id"], d, ()) or b"") for d in (day, day - dt.timedelta(days=1))
        )
        assert 0.75 * row["factor"] < on["popularity"] / before["popularity"] < 1.4 * row["factor"]
    for name, holds in QUIRKS.items():
        for movie_id in truth["quirks"][name]:
            assert holds(json.loads(catalogue.details(movie_id, TODAY, PARTS) or b"")), name


def test_the_command_serves_a_world_of_columns_calm_and_wild() -> None:
    page = f"/on/{TODAY}/3/discover/movie?page=499"
    with running("--films", "20001") as sandbox:
        calm = sandbox.json(page)
        film = calm["results"][0]["id"]
        assert sandbox.json(f"/on/{TODAY}/3/movie/{film}")["popularity"] == calm["results"][0]["popularity"]
        assert 18_000 < calm["total_results"] < 22_000
    with running("--films", "20001", "--wild", "--empty-lists", "0", "--bom", "0", "--said-gzip", "0") as sandbox:
        wild = sandbox.json(page)
        assert wild["total_results"] == calm["total_results"]
