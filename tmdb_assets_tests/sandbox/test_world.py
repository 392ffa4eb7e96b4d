"""The synthetic world: the same everywhere, true to its own history, and odd where it should be."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pytest

from tmdb_assets.sandbox.tmdb.api import page_bounds
from tmdb_assets.sandbox.tmdb.catalogue import SyntheticCatalogue
from tmdb_assets.sandbox.tmdb.details import PARTS
from tmdb_assets.sandbox.tmdb.quirks import EFFECTS
from tmdb_assets_tests.sandbox.running import PROJECT

TODAY = dt.date(2026, 11, 20)
NUMBERS = ("popularity", "vote_average", "vote_count")
DIGEST = "from tmdb_assets_tests.sandbox.test_world import digest; print(digest())"


def world(films: int = 400, seed: int = 7, today: dt.date = TODAY) -> SyntheticCatalogue:
    return SyntheticCatalogue(films, seed, today)


@lru_cache(maxsize=1)
def large_world() -> SyntheticCatalogue:
    """The world of the default size, for what shows in numbers only; what was asked before does not matter to it."""
    return world(2400)


def observe(catalogue: SyntheticCatalogue, day: dt.date) -> dict[int, dict[str, Any]]:
    """Every film of a day with all its parts."""
    seen = {}
    for entry in catalogue.entries(day):
        body = catalogue.details(entry.movie_id, day, PARTS)
        assert body is not None
        seen[entry.movie_id] = json.loads(body)
    return seen


def digest() -> str:
    """A fingerprint of a small world on three days."""
    catalogue, found = world(60), hashlib.sha256()
    for day in (TODAY, dt.date(2020, 1, 1), dt.date(2023, 7, 4)):
        found.update(repr([(entry.movie_id, entry.popularity) for entry in catalogue.entries(day)]).encode())
        found.update(json.dumps(observe(catalogue, day)).encode())
        found.update(repr(catalogue.changes(day, day, day)).encode() + catalogue.export(day))
    return found.hexdigest()


def test_another_process_sees_the_same_world() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    run = subprocess.run(
        [sys.executable, "-c", DIGEST], env=environment, cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == digest()


def test_another_seed_is_another_world() -> None:
    ids = [{entry.movie_id for entry in world(60, seed).entries(TODAY)} for seed in (1, 2)]
    assert ids[0] != ids[1]


def test_a_day_does_not_depend_on_what_was_asked_before_or_on_what_day_it_is_now() -> None:
    days = [dt.date(2020, 1, 1), dt.date(2021, 2, 28), dt.date(2022, 12, 31)]
    early, late = world(60, today=dt.date(2022, 12, 31)), world(60, today=dt.date(2029, 1, 1))
    forwards = {day: (observe(early, day), early.changes(day, day, day)) for day in days}
    backwards = {day: (observe(late, day), late.changes(day, day, day)) for day in reversed(days)}
    assert forwards == backwards
    now = days[-1]
    assert early.truth(now) == late.truth(now)


@pytest.mark.parametrize(("first", "last"), [("2021-03-01", "2021-03-08"), ("2026-11-06", "2026-11-20")])
def test_details_differ_exactly_if_the_feed_lists_the_film(first: str, last: str) -> None:
    catalogue = world(150)
    before, after = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    days = [before + dt.timedelta(days=n) for n in range((after - before).days + 1)]
    seen = {day: observe(catalogue, day) for day in days}
    for films in seen.values():
        for film in films.values():
            for number in NUMBERS:
                del film[number]
    pairs = [*pairwise(days), (before, after), (days[1], days[-2])]
    listed_at_all = 0
    for day_a, day_b in pairs:
        listed = {movie_id for movie_id, _ in catalogue.changes(day_a + dt.timedelta(days=1), day_b, day_b) if movie_id}
        differ = {movie_id for movie_id, film in seen[day_b].items() if seen[day_a].get(movie_id) != film}
        assert listed == differ
        listed_at_all += len(listed)
    assert listed_at_all


def test_takings_that_are_reported_after_all_never_lie_below_those_known() -> None:
    """Also of a film that came to the catalogue long after its premiere, with takings known from the start."""
    catalogue = large_world()
    known: dict[int, int] = {}
    early = [
        dt.date(2020, 1, 1) + dt.timedelta(days=4 * n) for n in range(16)
    ]  # such films report in their first weeks
    for before, day in pairwise(early):
        changed = {movie_id for movie_id, _ in catalogue.changes(before + dt.timedelta(days=1), day, day) if movie_id}
        for movie_id in changed:
            now, was = (catalogue.details(movie_id, d, PARTS) for d in (day, before))
            if now is None or was is None:
                continue
            state = [{k: v for k, v in json.loads(body).items() if k not in NUMBERS} for body in (now, was)]
            assert state[0] != state[1]
            assert state[0]["revenue"] >= max(state[1]["revenue"], known.get(movie_id, 0))
            known[movie_id] = state[0]["revenue"]
    assert len(known) > 100


def test_about_eight_in_a_thousand_films_change_a_day() -> None:
    catalogue = large_world()
    days = [TODAY - dt.timedelta(days=n) for n in range(60)]
    listed = sum(len(catalogue.changes(day, day, TODAY)) for day in days) / len(days)
    assert 0.005 < listed / len(catalogue.entries(TODAY)) < 0.013


def test_films_appear_and_vanish() -> None:
    catalogue = large_world()
    assert 2200 < len(catalogue.entries(TODAY)) < 2650
    gone = {row["movie_id"]: row["day"] for row in catalogue.truth(TODAY)["deleted"]}
    assert len(gone) > 100
    for movie_id, day in list(gone.items())[::10]:
        on = dt.date.fromisoformat(day)
        assert catalogue.details(movie_id, on, ()) is None
        assert catalogue.details(movie_id, on - dt.timedelta(days=1), ()) is not None
        assert movie_id not in [found for found, _ in catalogue.changes(on - dt.timedelta(days=14), on, on)]
    month_ago = {entry.movie_id for entry in catalogue.entries(TODAY - dt.timedelta(days=30))}
    assert 30 < len({entry.movie_id for entry in catalogue.entries(TODAY)} - month_ago) < 120


def test_votes_never_fall_but_for_the_planted_corrections() -> None:
    catalogue = world(150)
    corrected = {row["movie_id"]: row["day"] for row in catalogue.truth(TODAY)["vote_corrections"]}
    assert corrected
    falls: dict[int, list[str]] = {}
    known: dict[int, int] = {}
    for n in range(2499, -1, -7):
        day = TODAY - dt.timedelta(days=n)
        for entry in catalogue.entries(day):
            if entry.vote_count < known.get(entry.movie_id, 0):
                falls.setdefault(entry.movie_id, []).append(day.isoformat())
            known[entry.movie_id] = entry.vote_count
    assert set(falls) == set(corrected)
    assert all(len(days) == 1 and days[0] >= corrected[movie_id] for movie_id, days in falls.items())


def test_a_film_without_a_past_release_has_no_votes() -> None:
    films = observe(world(), TODAY).values()
    unreleased = [film for film in films if not film["release_date"] or film["release_date"] > TODAY.isoformat()]
    assert len(unreleased) > 10
    assert all((film["vote_count"], film["vote_average"], film["revenue"]) == (0, 0.0, 0) for film in unreleased)
    assert not any(film["status"] == "Released" for film in unreleased)


def test_breakouts_are_there_to_be_found() -> None:
    catalogue = large_world()
    breakouts = catalogue.truth(TODAY)["breakouts"]
    months = 12 * 6 + 11
    assert 1.5 * months < len(breakouts) < 5.5 * months
    for row in breakouts[::12]:
        day = dt.date.fromisoformat(row["day"])
        on, before = (
            json.loads(catalogue.details(row["movie_id"], d, ()) or b"") for d in (day, day - dt.timedelta(days=1))
        )
        assert 0.75 * row["factor"] < on["popularity"] / before["popularity"] < 1.4 * row["factor"]


def test_the_export_agrees_with_the_lists() -> None:
    catalogue = world(150)
    lines = [json.loads(line) for line in gzip.decompress(catalogue.export(TODAY)).splitlines()]
    assert list(lines[0]) == ["adult", "id", "original_title", "popularity", "video"]
    listed = {entry.movie_id: entry.popularity for entry in catalogue.entries(TODAY) if not entry.adult}
    assert {line["id"]: line["popularity"] for line in lines} == listed
    titles = {movie_id: film["original_title"] for movie_id, film in observe(catalogue, TODAY).items()}
    assert all(line["original_title"] == titles[line["id"]] for line in lines)


@pytest.mark.parametrize("total", [0, 1, 19, 20, 21, 59, 60, 61, 400, 2431, 12_000])
def test_short_pages_lose_no_film(total: int) -> None:
    pages = page_bounds(total, 1)[0]
    bounds = [page_bounds(total, page)[1:] for page in range(1, pages + 1)]
    shown = [position for start, stop in bounds for position in range(total)[start:stop]]
    assert shown == list(range(total))
    sizes = [stop - start for start, stop in bounds]
    assert set(sizes[:-1]) <= {19, 20}
    assert (19 in sizes[:-1]) == (pages > 3)


def _crew(film: dict[str, Any], job: str) -> int:
    return sum(credit["job"] == job for credit in film["credits"]["crew"])


def _cast_ids(film: dict[str, Any]) -> list[int]:
    return [credit["id"] for credit in film["credits"]["cast"]]


def _orders(film: dict[str, Any]) -> list[int]:
    return [credit["order"] for credit in film["credits"]["cast"]]


def _companies(film: dict[str, Any], key: str) -> list[Any]:
    return [company[key] for company in film["production_companies"]]


QUIRKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "popularity_text": lambda f: isinstance(f["popularity"], str),
    "same_person_twice": lambda f: (
        len(set(_cast_ids(f))) < len(_cast_ids(f)) == len({c["credit_id"] for c in f["credits"]["cast"]})
    ),
    "cast_order_gaps": lambda f: _orders(f) != list(range(len(_orders(f)))),
    "no_director": lambda f: _crew(f, "Director") == 0,
    "many_directors": lambda f: _crew(f, "Director") == 21,
    "huge_cast": lambda f: len(f["credits"]["cast"]) > 400,
    "odd_person_names": lambda f: any("|" in c["name"] for c in f["credits"]["cast"]),
    "vote_correction": lambda f: f["vote_count"] > 500,
    "budget_zero": lambda f: f["budget"] == 0,
    "revenue_zero": lambda f: f["revenue"] == 0,
    "runtime_zero": lambda f: f["runtime"] == 0,
    "runtime_null": lambda f: f["runtime"] is None,
    "release_date_empty": lambda f: f["release_date"] == "",
    "revenue_above_int32": lambda f: f["revenue"] > 2**31,
    "no_genres": lambda f: f["genres"] == [],
    "no_companies": lambda f: f["production_companies"] == [],
    "no_countries": lambda f: f["production_countries"] == [],
    "no_languages": lambda f: f["spoken_languages"] == [],
    "no_cast": lambda f: f["credits"]["cast"] == [],
    "no_crew": lambda f: f["credits"]["crew"] == [],
    "no_keywords": lambda f: f["keywords"] == {"keywords": []},
    "company_id_with_several_names": lambda f: 90002 in _companies(f, "id"),
    "company_name_with_several_ids": lambda f: "Commonplace Films" in _companies(f, "name"),
    "company_without_country": lambda f: "" in _companies(f, "origin_country"),
    "pipe_in_name": lambda f: any("|" in name for name in _companies(f, "name")),
    "entity_in_name": lambda f: any("&amp;" in name for name in _companies(f, "name")),
    "blanks_around_name": lambda f: any(name != name.strip() for name in _companies(f, "name")),
    "language_cn": lambda f: f["spoken_languages"][0]["iso_639_1"] == f["original_language"] == "cn",
    "language_xx": lambda f: f["spoken_languages"][0]["iso_639_1"] == f["original_language"] == "xx",
    "language_sh": lambda f: f["spoken_languages"][0]["iso_639_1"] == "sh",
    "language_without_name": lambda f: (
        f["spoken_languages"][0]["name"] == f["spoken_languages"][0]["english_name"] == ""
    ),
    "country_cs": lambda f: f["production_countries"][0]["iso_3166_1"] == "CS",
    "country_su": lambda f: f["production_countries"][0]["iso_3166_1"] == "SU",
    "country_na": lambda f: f["production_countries"][0]["iso_3166_1"] == "NA",
    "country_xk": lambda f: f["production_countries"][0]["iso_3166_1"] == "XK",
    "imdb_id_null": lambda f: f["imdb_id"] is None,
    "imdb_id_empty": lambda f: f["imdb_id"] == "",
    "older_payload": lambda f: "softcore" not in f and "origin_country" not in f,
    "implausible_revenue": lambda f: (f["budget"], f["revenue"]) == (1, 100_000_000),
    "implausible_votes": lambda f: (f["revenue"], f["vote_count"]) == (2_800_000_000, 5),
    "long_overview": lambda f: len(f["overview"]) > 3000,
    "emoji": lambda f: "🎬" in f["tagline"],
    "title_with_blanks": lambda f: f["title"] != f["title"].strip(),
    "titled_unknown": lambda f: f["title"] == "Unknown",
}  # fmt: skip


def test_every_quirk_has_its_check() -> None:
    assert set(QUIRKS) == set(EFFECTS)


@pytest.mark.parametrize("films", [100, 2400])
def test_quirks_are_where_the_truth_says(films: int) -> None:
    catalogue = world(films) if films < 1000 else large_world()
    planted = catalogue.truth(TODAY)["quirks"]
    for name, holds in QUIRKS.items():
        assert planted[name], name
        for movie_id in planted[name]:
            for day in (dt.date(2020, 1, 1), TODAY):
                assert holds(json.loads(catalogue.details(movie_id, day, PARTS) or b"")) or name == "vote_correction", (
                    name
                )


def test_only_one_film_has_its_popularity_as_text() -> None:
    catalogue = world(150)
    seen = observe(catalogue, TODAY)
    found = [movie_id for movie_id, film in seen.items() if isinstance(film["popularity"], str)]
    assert found == catalogue.truth(TODAY)["quirks"]["popularity_text"]
    assert all(isinstance(json.loads(entry.row())["popularity"], float) for entry in catalogue.entries(TODAY))


def test_companies_have_several_names_and_names_several_ids() -> None:
    catalogue = large_world()
    planted = catalogue.truth(TODAY)["quirks"]

    def first_companies(quirk: str, key: str) -> set[Any]:
        films = [json.loads(catalogue.details(movie_id, TODAY, ()) or b"") for movie_id in planted[quirk]]
        return {film["production_companies"][0][key] for film in films}

    assert first_companies("company_id_with_several_names", "id") == {90002}
    assert len(first_companies("company_id_with_several_names", "name")) > 1
    assert first_companies("company_name_with_several_ids", "name") == {"Commonplace Films"}
    assert len(first_companies("company_name_with_several_ids", "id")) > 1
