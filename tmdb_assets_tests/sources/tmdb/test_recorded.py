"""Recorded answers of the real TMDB pass through clean and star whole: what is set aside is little and explained."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.http import Answer, Request
from tmdb_assets.lakehouse.payloads import unknown_fields
from tmdb_assets.sources.tmdb import answers, clean, contracts, payloads, shipped, star
from tmdb_assets_tests.sources.tmdb.films import DAY, NOON, details, rows

pytestmark = pytest.mark.real


def films_of(file: Path) -> dict[int, tuple[dict[str, Any], str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return {(said := json.loads(line))["id"]: (said, line) for line in lines}


@pytest.fixture(scope="module", params=["movies_2017.jsonl.gz", "movies_2025.jsonl.gz"])
def recording(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_recorded_film_is_kept_or_explained(real_data: Path, recording: str) -> None:
    films = films_of(real_data / "tmdb" / recording)
    audit = Audit.of(
        contracts.MOVIES, clean.movies(details(DAY, *[(i, text) for i, (_, text) in films.items()]).lazy())
    )
    assert audit.accounted
    assert audit.received == len(films)
    assert audit.quarantined.height <= len(films) // 100, audit.rules
    for row in audit.kept.iter_rows(named=True):
        said = films[row["movie_id"]][0]
        assert row["title"] == said["title"].strip()
        assert row["budget_usd"] == (said["budget"] or None)
        assert row["revenue_usd"] == (said["revenue"] or None)
        assert row["release_date"] == (dt.date.fromisoformat(said["release_date"]) if said["release_date"] else None)
        assert [g["genre_id"] for g in row["genres"]] == [g["id"] for g in said["genres"]]
        if "credits" in said:
            assert [c["credit_id"] for c in row["cast"]] == [c["credit_id"] for c in said["credits"]["cast"]]


def test_recorded_people_and_companies_are_each_kept_once_by_id(real_data: Path, recording: str) -> None:
    films = films_of(real_data / "tmdb" / recording)
    kept = Audit.of(contracts.MOVIES, clean.movies(details(DAY, *[(i, t) for i, (_, t) in films.items()]).lazy())).kept
    for contract, frame in (
        (contracts.DIM_PERSON, star.dim_person(kept.lazy())),
        (contracts.DIM_COMPANY, star.dim_company(kept.lazy())),
        (contracts.DIM_KEYWORD, star.dim_keyword(kept.lazy())),
    ):
        audit = Audit.of(contract, frame)
        assert (audit.quarantined.height, audit.duplicates) == (0, 0), audit.rules
        assert audit.kept.height > 0 or contract is contracts.DIM_KEYWORD, "the newer recording has no keywords"
    companies = {c["id"] for said, _ in films.values() for c in said["production_companies"]}
    assert set(star.dim_company(kept.lazy())["company_id"]) <= companies


def body(real_data: Path, name: str) -> Any:
    return json.loads((real_data / "tmdb" / name).read_text(encoding="utf-8"))["body"]


def test_the_recorded_reference_lists_fill_their_dimensions(real_data: Path) -> None:
    said = [
        (DAY, endpoint, NOON, json.dumps(body(real_data, file)))
        for endpoint, file in (
            ("genre/movie/list", "genre_movie_list.json"),
            ("configuration/countries", "configuration_countries.json"),
            ("configuration/languages", "configuration_languages.json"),
        )
    ]
    reference, nothing = rows(contracts.REFERENCE, *said).lazy(), contracts.MOVIES.empty().lazy()
    countries = star.dim_country(nothing, reference, shipped.country_continents())
    assert countries.filter(pl.col("continent").is_null())["iso_3166_1"].to_list() == []
    for contract, frame in (
        (contracts.DIM_GENRE, star.dim_genre(nothing, reference)),
        (contracts.DIM_LANGUAGE, star.dim_language(nothing, reference)),
        (contracts.DIM_COUNTRY, countries),
    ):
        assert Audit.of(contract, frame).quarantined.height == 0
        assert frame.height > 15


def test_recorded_list_pages_changes_and_export_lines_fit_their_shapes(real_data: Path) -> None:
    pages = pl.Series([json.dumps(body(real_data, f)) for f in ("discover_movie.json", "discover_movie__page=2.json")])
    listed = answers.listed_movies(pages)
    assert listed["_rejected"].drop_nulls().to_list() == []
    assert unknown_fields(listed["_payload"], payloads.ListedMovie) == set()
    changes = answers.change_rows(body(real_data, "movie_changes__page=1.json")["results"], DAY, DAY, DAY)
    assert Audit.of(contracts.MOVIE_CHANGES, changes).kept.height > 0
    lines = (real_data / "tmdb" / "movie_ids_export_sample.jsonl").read_bytes()
    answer = Answer(Request("x"), 200, {}, NOON, content=gzip.compress(lines))
    audit = Audit.of(contracts.MOVIE_IDS, answers.export_rows(answer, DAY))
    assert (audit.quarantined.height, audit.kept.height) == (0, audit.received - audit.duplicates)
