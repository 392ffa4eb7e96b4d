"""What a caller of the sandbox sees over HTTP."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tmdb_assets_tests.sandbox.running import Running, running

DISCOVER = "/3/discover/movie"
# Read at import: tests themselves run without the variables of the caller's shell.
REAL_DATA = os.environ.get("TMDB_ASSETS_REAL_DATA")
ROW_KEYS = (
    "adult backdrop_path genre_ids id title original_language original_title overview popularity poster_path "
    "release_date softcore video vote_average vote_count"
)


def walk(sandbox: Running, path: str) -> list[dict[str, Any]]:
    """Every row of a list, page after page."""
    joint = "&" if "?" in path else "?"
    first = sandbox.json(path)
    rows = list(first["results"])
    for page in range(2, first["total_pages"] + 1):
        rows += sandbox.json(f"{path}{joint}page={page}")["results"]
    return rows


def test_the_ready_line_names_the_sandbox(sandbox: Running) -> None:
    assert sandbox.ready["sandbox"] == "tmdb_assets"
    assert sandbox.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "path", ["/3/configuration", "/nowhere", "/p/exports/none", f"{DISCOVER}?page=0", "/sandbox/truth"]
)
def test_every_answer_is_marked(sandbox: Running, path: str) -> None:
    assert sandbox.get(path).headers["x-sandbox"] == "tmdb_assets"


def test_credentials(sandbox: Running) -> None:
    refused = sandbox.get("/3/authentication", token=None)
    assert (refused.status, refused.json["status_code"], refused.json["success"]) == (401, 7, False)
    assert sandbox.get("/3/authentication", token="other").status == 401
    assert sandbox.get("/3/authentication?api_key=sandbox", token=None).json["success"] is True
    assert sandbox.json("/3/authentication")["success"] is True


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/3/movie/999999999", 404, 34),
        ("/3/movie/7/images", 404, 34),
        ("/3/nothing", 404, 34),
        ("/elsewhere", 404, 34),
        ("/on/2029-01-01/3/configuration", 404, 34),
        ("/on/2019-12-31/3/configuration", 404, 34),
        ("/on/2021-02-30/3/configuration", 404, 34),
        ("/on/2021-2-3/3/configuration", 404, 34),
        (f"{DISCOVER}?page=0", 400, 22),
        (f"{DISCOVER}?page=501", 400, 22),
        (f"{DISCOVER}?page=two", 400, 22),
        ("/3/movie/changes?page=501", 400, 22),
        (f"{DISCOVER}?primary_release_date.gte=2021-02-30", 422, 5),
        (f"{DISCOVER}?release_date.lte=soon", 422, 5),
        ("/3/movie/changes?start_date=2026-10-01&end_date=2026-10-16", 422, 20),
        ("/3/movie/changes?start_date=2026-10-05&end_date=2026-10-01", 422, 20),
    ],
)  # fmt: skip
def test_errors_have_tmdbs_envelope(sandbox: Running, path: str, status: int, code: int) -> None:
    reply = sandbox.get(path)
    assert reply.status == status
    assert reply.json["status_code"] == code
    assert reply.json["success"] is False
    assert reply.json["status_message"]


def test_discover_rows_and_pages(sandbox: Running) -> None:
    first = sandbox.json(DISCOVER)
    assert list(first) == ["page", "results", "total_pages", "total_results"]
    assert " ".join(first["results"][0]) == ROW_KEYS
    rows = walk(sandbox, DISCOVER)
    assert len({row["id"] for row in rows}) == len(rows) == first["total_results"]
    popularity = [row["popularity"] for row in rows]
    assert popularity == sorted(popularity, reverse=True)
    assert not any(row["adult"] or row["video"] for row in rows)
    assert len(walk(sandbox, f"{DISCOVER}?include_adult=true&include_video=true")) > len(rows)
    assert len(sandbox.json(f"{DISCOVER}?page=3")["results"]) == 19
    assert sandbox.json(f"{DISCOVER}?page=2")["total_results"] == first["total_results"] + 1
    assert sandbox.json(f"{DISCOVER}?page=500")["results"] == []


def test_discover_filters_and_orders(sandbox: Running) -> None:
    window = walk(sandbox, f"{DISCOVER}?primary_release_date.gte=2024-01-01&primary_release_date.lte=2025-12-31")
    assert window
    assert all("2024-01-01" <= row["release_date"] <= "2025-12-31" for row in window)
    undated = [row for row in walk(sandbox, DISCOVER) if not row["release_date"]]
    dated = walk(sandbox, f"{DISCOVER}?primary_release_date.lte=2099-01-01")
    assert undated
    assert all(row["release_date"] for row in dated)
    newest = walk(sandbox, f"{DISCOVER}?sort_by=primary_release_date.desc")
    assert [row["release_date"] for row in newest] == sorted((row["release_date"] for row in newest), reverse=True)
    voted = walk(sandbox, f"{DISCOVER}?sort_by=vote_count.desc&vote_count.gte=100")
    assert [row["vote_count"] for row in voted] == sorted((row["vote_count"] for row in voted), reverse=True)
    assert voted[-1]["vote_count"] >= 100
    assert {row["original_language"] for row in walk(sandbox, f"{DISCOVER}?with_original_language=fr")} == {"fr"}
    assert all({18, 36} <= set(row["genre_ids"]) for row in walk(sandbox, f"{DISCOVER}?with_genres=18,36"))
    assert all({27, 99} & set(row["genre_ids"]) for row in walk(sandbox, f"{DISCOVER}?with_genres=27%7C99"))
    richest = sandbox.json(f"{DISCOVER}?sort_by=revenue.desc")["results"][0]["id"]
    assert sandbox.json(f"/3/movie/{richest}")["revenue"] > 2**31


def test_details_have_the_parts_asked_for_and_agree_with_the_lists(sandbox: Running) -> None:
    row = sandbox.json(DISCOVER)["results"][5]
    bare = sandbox.json(f"/3/movie/{row['id']}")
    assert all(bare[key] == value for key, value in row.items() if key != "genre_ids")
    assert [genre["id"] for genre in bare["genres"]] == row["genre_ids"]
    assert not {"credits", "keywords"} & set(bare)
    full = sandbox.json(f"/3/movie/{row['id']}?append_to_response=credits,keywords,external_ids,release_dates,images")
    assert set(full) - set(bare) == {"credits", "keywords", "external_ids", "release_dates"}
    assert {"cast_id", "credit_id", "order", "known_for_department", "character"} <= set(full["credits"]["cast"][0])
    assert {"credit_id", "department", "job"} <= set(full["credits"]["crew"][0])
    assert full["external_ids"]["imdb_id"] == full["imdb_id"]
    assert full["release_dates"]["results"][0]["release_dates"][0]["type"] in {1, 3, 4}


def test_changes_are_paged_and_have_rows_without_id(sandbox: Running) -> None:
    window = "/3/movie/changes?start_date=2026-11-06&end_date=2026-11-20"
    rows = walk(sandbox, window)
    assert len(rows) == sandbox.json(window)["total_results"]
    assert all(set(row) == {"id", "adult", "softcore"} for row in rows)
    assert None in {row["id"] for row in rows}
    assert sandbox.json("/3/movie/changes") == sandbox.json(
        "/3/movie/changes?start_date=2026-11-19&end_date=2026-11-20"
    )


def test_reference_lists(sandbox: Running) -> None:
    assert len(sandbox.json("/3/genre/movie/list")["genres"]) == 19
    languages = {row["iso_639_1"]: row for row in sandbox.json("/3/configuration/languages")}
    assert languages["xx"]["english_name"] == "No Language"
    assert {"cn", "sh"} <= set(languages)
    assert any(not row["name"] for row in languages.values())
    countries = {row["iso_3166_1"] for row in sandbox.json("/3/configuration/countries")}
    assert {"AN", "BU", "CS", "SU", "TP", "XC", "XG", "XI", "XK", "YU", "ZR", "NA", "US"} <= countries
    assert len(countries) == 249 + 11


def test_a_past_day_stays_as_it_was(sandbox: Running) -> None:
    past = sandbox.json(f"/on/2022-05-05{DISCOVER}")
    assert past["total_results"] < sandbox.json(DISCOVER)["total_results"]
    row = past["results"][0]
    assert sandbox.json(f"/on/2022-05-05/3/movie/{row['id']}")["popularity"] == row["popularity"]
    assert sandbox.json(f"/on/2022-05-06/3/movie/{row['id']}")["popularity"] != row["popularity"]
    assert sandbox.json(f"/on/2026-11-20{DISCOVER}") == sandbox.json(DISCOVER)


def test_exports_are_kept_for_ninety_days(sandbox: Running) -> None:
    def status(path: str) -> int:
        return sandbox.get(path, token=None).status

    assert status("/p/exports/movie_ids_11_20_2026.json.gz") == 200
    assert status("/p/exports/movie_ids_08_22_2026.json.gz") == 200
    assert status("/p/exports/movie_ids_08_21_2026.json.gz") == 403
    assert status("/p/exports/movie_ids_11_21_2026.json.gz") == 403
    assert status("/p/exports/movie_ids_13_01_2026.json.gz") == 403
    assert status("/on/2022-05-05/p/exports/movie_ids_05_05_2022.json.gz") == 200
    assert status("/on/2022-05-05/p/exports/movie_ids_05_06_2022.json.gz") == 403
    assert b"AccessDenied" in sandbox.get("/p/exports/movie_ids_01_01_2021.json.gz").body
    lines = gzip.decompress(sandbox.get("/p/exports/movie_ids_11_20_2026.json.gz").body).splitlines()
    listed = {row["id"] for row in walk(sandbox, f"{DISCOVER}?include_video=true")}
    assert {json.loads(line)["id"] for line in lines} == listed


def test_truth_needs_no_credentials(sandbox: Running) -> None:
    truth = sandbox.get("/sandbox/truth", token=None).json
    assert truth["today"] == "2026-11-20"
    assert {"breakouts", "deleted", "quirks", "vote_corrections"} <= set(truth)


def test_drift_moves_rows_between_pages() -> None:
    with running("--drift") as drifting:
        pages = [tuple(row["id"] for row in drifting.json(f"{DISCOVER}?page=2")["results"]) for _ in range(6)]
        assert len(set(pages)) > 1
        ids = [row["id"] for row in walk(drifting, DISCOVER)]
        assert len(set(ids)) < len(ids)


def test_recorded_films_are_served_as_they_were(tmp_path: Path) -> None:
    older = {
        "id": 5,
        "title": "Old",
        "popularity": "12.5",
        "genres": [{"id": 1, "name": "Odd"}],
        "keywords": {"keywords": []},
    }
    newer = {"id": 5, "title": "New", "popularity": 3, "vote_count": None, "release_date": None, "zzz": {"kept": [1.5]}}
    text = {"id": 6, "title": "Text", "original_title": "Text", "popularity": "9.5", "keywords": {"keywords": []}}
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    first.write_text(f"{json.dumps(older)}\n\n{json.dumps(text)}\n")
    second.write_bytes(gzip.compress(json.dumps(newer).encode()))
    with running("--movies", str(first), "--movies", str(second)) as recorded:
        assert recorded.json("/3/movie/5?append_to_response=credits,keywords") == newer
        assert recorded.json("/3/movie/6?append_to_response=keywords") == text
        assert "keywords" not in recorded.json("/3/movie/6")
        rows = recorded.json(DISCOVER)["results"]
        assert [row["id"] for row in rows] == [6, 5]
        assert (rows[1]["release_date"], rows[1]["vote_count"], rows[1]["overview"]) == ("", 0, "")
        assert recorded.json(f"/on/2020-01-01{DISCOVER}")["results"] == rows
        assert recorded.json("/3/movie/changes")["results"] == []
        export = gzip.decompress(recorded.get("/p/exports/movie_ids_11_20_2026.json.gz").body).splitlines()
        assert {json.loads(line)["id"] for line in export} == {5, 6}
        assert recorded.get("/3/movie/5").headers["x-sandbox"] == "tmdb_assets"
        for sort in ("vote_count.desc", "revenue.desc", "popularity.asc", "primary_release_date.asc"):
            assert len(recorded.json(f"{DISCOVER}?sort_by={sort}")["results"]) == 2


@pytest.mark.real
def test_real_recordings_are_served_as_they_were() -> None:
    if not REAL_DATA:
        pytest.skip("TMDB_ASSETS_REAL_DATA names no folder of recorded answers")
    films: dict[int, Any] = {}
    options: list[str] = []
    for file in sorted(Path(REAL_DATA, "tmdb").glob("movies_*.jsonl.gz")):
        options += ["--movies", str(file)]
        with gzip.open(file) as lines:
            films.update({film["id"]: film for film in map(json.loads, lines)})
    with running(*options) as recorded:
        rows = walk(recorded, f"{DISCOVER}?include_adult=true&include_video=true")
        assert {row["id"] for row in rows} == set(films)
        assert len(rows) == len(films)
        for movie_id in list(films)[::10]:
            assert recorded.json(f"/3/movie/{movie_id}?append_to_response=credits,keywords") == films[movie_id]
