"""Invented answers of TMDB, as raw rows.

What belongs here: building payloads and the raw frames that carry them. What does not: assertions.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.sources.tmdb import contracts

DAY = dt.date(2026, 3, 1)
DAYS = [DAY + dt.timedelta(days=n) for n in range(10)]
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def film(movie_id: int, **changes: Any) -> dict[str, Any]:
    """A film's details as TMDB would write them; a change to `...` leaves the field out."""
    whole = {
        "id": movie_id,
        "title": f"Film {movie_id}",
        "original_title": f"Original {movie_id}",
        "original_language": None,
        "overview": "Someone looks for something.",
        "tagline": "",
        "status": "Released",
        "release_date": "2020-02-29",
        "runtime": 101,
        "budget": 5_000_000,
        "revenue": 9_000_000,
        "popularity": 12.5,
        "vote_average": 6.5,
        "vote_count": 320,
        "adult": False,
        "video": False,
        "homepage": "",
        "imdb_id": f"tt{movie_id:07d}",
        "poster_path": "/p.jpg",
        "backdrop_path": None,
        "belongs_to_collection": None,
        "origin_country": ["FR"],
        "genres": [],
        "production_companies": [],
        "production_countries": [],
        "spoken_languages": [],
        "keywords": {"keywords": []},
        "credits": {"cast": [], "crew": []},
        "external_ids": {"imdb_id": f"tt{movie_id:07d}", "wikidata_id": "Q1"},
        "release_dates": {"results": []},
    } | changes
    return {key: value for key, value in whole.items() if value is not ...}


def role(credit_id: str, person_id: int, name: str = "Someone", **changes: Any) -> dict[str, Any]:
    """A cast member."""
    said = {"id": person_id, "credit_id": credit_id, "name": name, "gender": 1, "known_for_department": "Acting"}
    return said | {"character": "Herself", "order": 0} | changes


def rows(contract: Contract, *values: tuple[Any, ...]) -> pl.DataFrame:
    """Rows of a table, by position."""
    return pl.DataFrame(list(values), schema=contract.schema, orient="row")


def details(day: dt.date, *answers: dict[str, Any] | tuple[int, dict[str, Any] | str | None]) -> pl.DataFrame:
    """Raw details of a day. An answer is a film, or (id asked for, what came): None is a 404, a text is taken
    verbatim."""
    made = []
    for answer in answers:
        asked, said = (answer["id"], answer) if isinstance(answer, dict) else answer
        status, answered = (404, None) if said is None else (200, said.get("id") if isinstance(said, dict) else asked)
        text = said if isinstance(said, str) else json.dumps(said or {"success": False, "status_code": 34})
        made.append((day, asked, "new", status, answered, NOON, text))
    return rows(contracts.MOVIE_DETAILS, *made)


def listed(movie_id: Any, popularity: Any = 5.0, **changes: Any) -> dict[str, Any]:
    """One row of a discover page."""
    said = {"id": movie_id, "title": f"Film {movie_id}", "original_title": f"Original {movie_id}", "adult": False}
    return said | {"popularity": popularity, "vote_average": 7.0, "vote_count": 10} | changes


def page(day: dt.date, number: int, *films: Any, window: str = "popularity", pass_number: int = 1) -> pl.DataFrame:
    """One discover page."""
    text = json.dumps({"page": number, "results": list(films), "total_pages": 9, "total_results": 180})
    one = (day, window, number, pass_number, 9, 180, len(films), 200, NOON, text)
    return rows(contracts.DISCOVER_PAGES, one)


def export(day: dt.date, *films: tuple[int, float], adult: bool = False) -> pl.DataFrame:
    """Rows of the ID export: (movie_id, popularity)."""
    return rows(contracts.MOVIE_IDS, *[(day, i, f"Original {i}", p, adult, False) for i, p in films])
