"""A day of recorded real films, held against a plain reading of the recordings that shares no code with the project."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets_tests.conftest import REAL_DATA
from tmdb_assets_tests.end_to_end.harness import TODAY, fill, ledger, read

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("real_data")]

Film = dict[str, Any]


def recordings() -> list[Path]:
    """The recorded films, older first."""
    return [Path(REAL_DATA or "").resolve() / "tmdb" / f"movies_{year}.jsonl.gz" for year in (2017, 2025)]


@pytest.fixture(scope="module")
def films() -> dict[int, Film]:
    """Every recorded film by its id, as it was recorded last."""
    if not REAL_DATA:
        pytest.skip("TMDB_ASSETS_REAL_DATA names no folder of recorded input")
    found: dict[int, Film] = {}
    for file in recordings():
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            found |= {film["id"]: film for film in map(json.loads, lines)}
    return found


@pytest.fixture(scope="module")
def lake(films: dict[int, Film], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake after one day of them."""
    lake = tmp_path_factory.mktemp("recorded") / "lake"
    run = fill(lake, TODAY, tmdb_assets_sandbox_movies=os.pathsep.join(map(str, recordings())))
    assert run.success, run.said
    assert run.failed_checks == set()
    return lake


def text(value: str | None) -> str | None:
    """Trimmed; nothing is unknown."""
    return (value or "").strip() or None


def number(value: int | None) -> int | None:
    """Zero is unknown."""
    return value or None


def day(value: str | None) -> dt.date | None:
    """A date, if there is one."""
    return dt.date.fromisoformat(value) if value else None


def once(items: list[Film], key: str) -> Iterator[Film]:
    """The items without those whose key was seen before."""
    seen: set[Any] = set()
    for item in items:
        if item[key] not in seen:
            seen.add(item[key])
            yield item


def members(film: Film, name: str) -> list[Film]:
    """A nested list of a film; nothing where it was not recorded."""
    where = {"keywords": "keywords", "cast": "credits", "crew": "credits"}.get(name)
    return (film.get(where) or {}).get(name) or [] if where else film.get(name) or []


def test_every_film_is_there_once_and_none_is_set_aside_without_cause(films: dict[int, Film], lake: Path) -> None:
    quarantined = read(lake, "tmdb/clean/quarantine")
    kept = read(lake, "tmdb/clean/movies").get_column("movie_id").to_list()
    rejected = [json.loads(p)["id"] for p in quarantined.filter(origin="tmdb/clean/movies").get_column("payload")]
    assert sorted(kept + rejected) == sorted(films)
    for row in quarantined.iter_rows(named=True):
        value = row["reason"].partition(" = ")[2].partition(": ")[0].strip("'")
        assert value in row["payload"]
    assert ledger(lake, TODAY)["movie/{id}"]["received_ids"] == len(films)


def test_every_film_says_what_its_payload_says(films: dict[int, Film], lake: Path) -> None:
    told: dict[str, Callable[[Film], Any]] = {
        **{c: lambda film, c=c: text(film.get(c)) for c in ("title", "original_title", "original_language", "status")},
        **{c: lambda film, c=c: text(film.get(c)) for c in ("homepage", "tagline", "overview", "imdb_id")},
        "poster_path": lambda film: film.get("poster_path"),
        "adult": lambda film: film.get("adult"),
        "release_date": lambda film: day(film.get("release_date")),
        "runtime_minutes": lambda film: number(film.get("runtime")),
        "budget_usd": lambda film: number(film.get("budget")),
        "revenue_usd": lambda film: number(film.get("revenue")),
        "collection_id": lambda film: (film.get("belongs_to_collection") or {}).get("id"),
        "observed_on": lambda film: TODAY,
        "gone_on": lambda film: None,
    }
    rows = {row["movie_id"]: row for row in read(lake, "tmdb/star/dim_movie").iter_rows(named=True)}
    assert rows.keys() == films.keys()
    for film_id, film in films.items():
        assert {c: rows[film_id][c] for c in told} == {c: tell(film) for c, tell in told.items()}, film_id
    unknown = {c: sum(not film[c] for film in films.values()) for c in ("budget", "revenue")}
    nulls = read(lake, "tmdb/star/dim_movie").null_count().row(0, named=True)
    assert {"budget": nulls["budget_usd"], "revenue": nulls["revenue_usd"]} == unknown


def test_facts_are_the_recorded_figures(films: dict[int, Film], lake: Path) -> None:
    facts = {(r["date_id"], r["movie_id"]): r for r in read(lake, "tmdb/star/fact_movie_daily").iter_rows(named=True)}
    assert facts.keys() == {(TODAY, film_id) for film_id in films}
    for film_id, film in films.items():
        row, votes = facts[TODAY, film_id], film["vote_count"]
        assert row["popularity"] == pytest.approx(film["popularity"], rel=1e-12)
        assert (row["vote_count"], row["vote_average"]) == (votes, film["vote_average"] if votes else None)


@pytest.mark.parametrize(
    ("table", "nested", "key", "columns"),
    [
        ("genre", "genres", "id", {"genre_id": "id"}),
        ("company", "production_companies", "id", {"company_id": "id"}),
        ("country", "production_countries", "iso_3166_1", {"iso_3166_1": "iso_3166_1"}),
        ("language", "spoken_languages", "iso_639_1", {"iso_639_1": "iso_639_1"}),
        ("keyword", "keywords", "id", {"keyword_id": "id"}),
        ("cast", "cast", "credit_id", {"credit_id": "credit_id", "person_id": "id", "cast_order": "order"}),
        ("crew", "crew", "credit_id", {"credit_id": "credit_id", "person_id": "id"}),
    ],
)
def test_every_membership_is_the_recorded_one(
    films: dict[int, Film], lake: Path, table: str, nested: str, key: str, columns: dict[str, str]
) -> None:
    texts = {"cast": ["character"], "crew": ["department", "job"]}.get(table, [])
    expected = {
        (film_id, *(item[field] for field in columns.values()), *(text(item[field]) for field in texts))
        for film_id, film in films.items()
        for item in once(members(film, nested), key)
    }
    rows = read(lake, f"tmdb/star/bridge_movie_{table}").select("movie_id", *columns, *texts).rows()
    assert len(rows) == len(expected)
    assert set(rows) == expected


@pytest.mark.parametrize(
    ("table", "key", "nested", "field", "is_whole"),
    [
        ("genre", "genre_id", ("genres",), "id", False),
        ("company", "company_id", ("production_companies",), "id", True),
        ("keyword", "keyword_id", ("keywords",), "id", True),
        ("person", "person_id", ("cast", "crew"), "id", True),
        ("country", "iso_3166_1", ("production_countries",), "iso_3166_1", False),
        ("language", "iso_639_1", ("spoken_languages",), "iso_639_1", False),
    ],
)
def test_every_member_stands_in_its_dimension_under_a_name_it_was_seen_with(
    films: dict[int, Film], lake: Path, table: str, key: str, nested: tuple[str, ...], field: str, is_whole: bool
) -> None:
    seen: dict[Any, set[str | None]] = {}
    for film in films.values():
        for name in nested:
            for item in members(film, name):
                seen.setdefault(item[field], set()).add(text(item["name"]))
    names = dict(read(lake, f"tmdb/star/dim_{table}").select(key, "name").iter_rows())
    assert seen.keys() <= names.keys()
    if is_whole:  # the others have the reference lists too, which name them in English
        assert seen.keys() == names.keys()
        assert {k for k, known in seen.items() if names[k] not in known} == set()


def test_collections_are_the_recorded_ones(films: dict[int, Film], lake: Path) -> None:
    series = [film["belongs_to_collection"] for film in films.values() if film.get("belongs_to_collection")]
    rows = dict(read(lake, "tmdb/star/dim_collection").select("collection_id", "name").iter_rows())
    assert rows == {item["id"]: text(item["name"]) for item in series}


def test_every_country_of_a_film_lies_on_a_continent(lake: Path) -> None:
    countries = read(lake, "tmdb/star/dim_country")
    used = read(lake, "tmdb/star/bridge_movie_country").select("iso_3166_1").unique()
    assert used.join(countries.drop_nulls("continent"), on="iso_3166_1", how="anti").height == 0
    assert countries.filter(pl.col("iso_3166_1").is_duplicated()).height == 0
