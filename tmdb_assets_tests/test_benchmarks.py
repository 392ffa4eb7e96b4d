"""What could make a benchmark's figure false without a word: a server that is not the same for both, a comparison that
finds everything equal, a view that becomes another question."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.against_dbt import VIEWS, as_model
from benchmarks.contestants import compared
from benchmarks.films_server import KINDS, ODD, TOKEN, Counting, Manners, OddCatalogue, application, endpoint_of

FILMS = [{"id": n, "title": f"Film {n}", "popularity": 1.5, "revenue": 0, "genres": []} for n in range(1, 41)]
QUESTIONS = [f"/3/movie/{film['id']} 1" for film in FILMS]


class Transport:
    """What a broken answer is broken off from."""

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def films(tmp_path: Path) -> Path:
    file = tmp_path / "films.jsonl"
    file.write_text("".join(json.dumps(film) + "\n" for film in FILMS), encoding="utf-8")
    return file


def ask(served: Counting, path: str) -> tuple[int, bytes]:
    """Status and body of an answer."""
    said: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    scope = {"path": path, "query_string": b"", "headers": headers, "state": {"transport": Transport()}}
    asyncio.run(served(scope, receive, send))
    return said[0]["status"], said[1]["body"]


def test_two_callers_meet_the_same_faults_whatever_their_order() -> None:
    manners = Manners(faults=0.3)
    forward = {(q, nth): manners.fault(q, nth) for q in QUESTIONS for nth in (1, 2, 3)}
    backward = {(q, nth): Manners(faults=0.3).fault(q, nth) for nth in (3, 2, 1) for q in reversed(QUESTIONS)}
    assert forward == backward
    failed = [fault for fault in forward.values() if fault]
    assert 0.2 < len(failed) / len(forward) < 0.4
    assert set(failed) == set(KINDS)
    assert {q: Manners(seed=8, faults=0.3).fault(q, 1) for q in QUESTIONS} != {q: forward[q, 1] for q in QUESTIONS}


def test_the_server_fails_as_it_says_and_counts_what_was_asked(films: Path) -> None:
    manners = Manners(faults=0.5)
    served = application(films, manners)
    asked = Counter[str]()
    for film in FILMS:
        path = f"/3/movie/{film['id']}"
        status, body = ask(served, path)
        fault = manners.fault(f"{path} 1", 1)
        asked.update(["movie/{id}"] + ["failed"] * (fault is not None))
        assert status == {"error": 500, "limit": 429}.get(fault or "", 200)
        assert (fault is None) == (body.endswith(b"}") and status == 200)
        if fault is None:
            assert json.loads(body) == film
    told = Counter(json.loads(ask(served, "/counted")[1]))
    assert told.pop("bytes") > 0
    assert told == asked
    assert json.loads(ask(served, "/counted")[1]) == {}


def test_a_film_is_odd_in_one_field_and_always_the_same(films: Path) -> None:
    manners = Manners(odd=0.5, ways=len(ODD))
    catalogue = OddCatalogue([films], manners)
    odd = 0
    for film in FILMS:
        body = json.loads(catalogue.details(film["id"], dt.date(2026, 11, 20), []) or b"")
        oddity = manners.oddity(film["id"])
        assert body == ({**film, oddity[0]: oddity[1]} if oddity else film)
        odd += oddity is not None
    assert 8 < odd < 32
    assert {Manners(odd=1, ways=1).oddity(film["id"]) for film in FILMS} == {ODD[0]}


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/3/movie/17", "movie/{id}"),
        ("/on/2026-11-20/3/discover/movie", "discover/movie"),
        ("/on/2026-11-20/p/exports/movie_ids_11_20_2026.json.gz", "exports"),
        ("/3/movie/changes", "movie/changes"),
    ],
)
def test_a_call_is_counted_for_what_it_asks(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint


@pytest.mark.parametrize(
    ("arrived", "told"),
    [
        ([1, 2, 3], "3 of 3 films"),
        ([1, 3], "2 of 3 films"),
        ([], "0 of 3 films"),
        ([1, 1, 2, 3], "3 of 3 films, 1 rows more than films"),
        ([1, 2, 9], "2 of 3 films, 1 that nobody serves"),
    ],
)
def test_what_arrived_is_held_against_what_was_served(arrived: list[int], told: str) -> None:
    assert compared(Counter(arrived), {1, 2, 3}) == told


def test_a_view_as_a_model_names_its_tables_as_the_view_knows_them() -> None:
    view = VIEWS["vw_movie_latest"]
    model = as_model(view, ("vw_trending",))
    assert model.count("FROM {{ source('lake', 'fact_movie_daily_last') }} AS fact_movie_daily\n") == 2
    assert "JOIN {{ source('lake', 'dim_movie') }} AS dim_movie ON" in model
    assert "FROM last_seen\n" in model
    trending = as_model(VIEWS["vw_trending"], ("vw_movie_latest",))
    assert "JOIN {{ ref('vw_movie_latest') }} AS film ON" in trending
    assert "FROM {{ ref('vw_movie_days') }} AS seen" in trending
