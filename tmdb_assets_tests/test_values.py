"""Values that cannot be: every figure, day and instant has two ends, and whatever a source says, every table is
published.

What belongs here: what holds for all sources at once. What does not: how one value is set aside
(lakehouse/contracts/test_audit.py), what becomes of one column (the tests of its source).
"""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pytest

from tmdb_assets.assembly import all_contracts
from tmdb_assets.lakehouse.contracts import Audit, Contract
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.http import Answer, Request
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import contracts as moovitamix
from tmdb_assets.sources.streamflow import contracts as streamflow
from tmdb_assets.sources.tmdb import answers, contracts
from tmdb_assets.sources.tmdb.assets import derived_tables
from tmdb_assets.trace import trace
from tmdb_assets_tests.sources.moovitamix import lakes
from tmdb_assets_tests.sources.streamflow import months
from tmdb_assets_tests.sources.tmdb.films import DAY, NOON, details, film, listed, page, role, rows

#: Hashes take all of 64 bits.
ANY_NUMBER = {"page_hash", "record_hash"}
NUMBERS: list[Any] = [-(2**63), -1, 2**62, 2**63 - 1, 2**63, 10**30, 1.5, -1e16, 1e16, 1e308]
DAYS = ["0000-01-01", "-0001-05-05", "+10000-01-01", "202-01-01", "9999-12-31", "1500-02-29", "", "soon"]
MOST_FILMS = 2_000_000
SOURCED = [c for c in all_contracts() if c.stage != "views"]  # a view is arithmetic over these


@pytest.mark.parametrize("contract", SOURCED, ids=lambda c: c.path)
def test_every_figure_day_and_instant_has_two_ends(contract: Contract) -> None:
    for name, column in contract.columns.items():
        ranges = [rule.statistics for rule in column.rules if {"min_value", "max_value"} & rule.statistics.keys()]
        assert all({"min_value", "max_value"} <= ends.keys() for ends in ranges), f"{name} has one end only"
        if contract.schema[name].is_numeric() or contract.schema[name].is_temporal():
            assert ranges or name in ANY_NUMBER, f"{name} may be anything"
        for low, high in ((ends["min_value"], ends["max_value"]) for ends in ranges):
            if contract.schema[name].is_temporal():
                assert 1870 <= low.year <= high.year <= 2199, f"{name}: Python and DuckDB must be able to show it"
            else:
                assert -(2**53) < low <= high < 2**53, f"{name}: a float must be able to hold it"


def test_no_sum_over_all_films_overflows() -> None:
    for contract in (contracts.DIM_MOVIE, contracts.FACT_MOVIE_DAILY):
        for name, column in contract.columns.items():
            ends = [rule.statistics.get("max_value", 0) for rule in column.rules]
            highest = ends if contract.schema[name].is_integer() else []
            assert all(MOST_FILMS * high < 2**63 for high in highest), name
    (popularity,) = contracts.FACT_MOVIE_DAILY.columns["popularity"].rules
    assert popularity.statistics["max_value"] < 10**12, "one fits DECIMAL(18, 6), whose sums have 38 digits"


# -- whatever a source says, every table is published ------------------------------------------------------------------


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
    """Where numbers, days and instants stand in a payload, each with what cannot be there."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, NUMBERS
    elif isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-":
        yield path, [day + value[10:] for day in DAYS]


def changed(payload: Mapping[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made: Any = copy.deepcopy(dict(payload))
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return dict(made)


def impossible(payload: Mapping[str, Any], *but: str) -> Iterator[dict[str, Any]]:
    """The payload with each of its numbers and days in turn made what cannot be; `but`: keys that name the row."""
    for path, values in places(payload):
        if path[0] not in but:
            for value in values:
                yield changed(payload, path, value)


def whole_film(movie_id: int) -> dict[str, Any]:
    """A film that belongs to everything there is."""
    crew = {
        "id": 9,
        "credit_id": f"d{movie_id}",
        "name": "D",
        "gender": 2,
        "department": "Directing",
        "job": "Director",
    }
    released = {"release_date": "2020-02-29T00:00:00.000Z", "type": 3, "certification": "12"}
    return film(
        movie_id,
        original_language="fr",
        belongs_to_collection={"id": 4, "name": "Series"},
        genres=[{"id": 18, "name": "Drama"}],
        production_companies=[{"id": 5, "name": "Studio", "origin_country": "FR"}],
        production_countries=[{"iso_3166_1": "FR", "name": "France"}],
        spoken_languages=[{"iso_639_1": "fr", "name": "French", "english_name": "French"}],
        keywords={"keywords": [{"id": 6, "name": "sea"}]},
        credits={"cast": [role(f"c{movie_id}", 8)], "crew": [crew]},
        release_dates={"results": [{"iso_3166_1": "FR", "release_dates": [released]}]},
    )


def exported(movie_id: int) -> dict[str, Any]:
    return {"id": movie_id, "original_title": "O", "popularity": 0.6, "adult": False, "video": False}


def publish_all(store: DeltaStore, *but_only: str) -> None:
    for table in derived_tables():
        if not but_only or table.contract.name in but_only:
            publish(table, Run(store, [DAY]))


def readable(store: DeltaStore, tables: tuple[Contract, ...]) -> dict[str, list[dict[str, Any]]]:
    """Every table as Python has it, which raises at a day that it cannot show; Pandera holds each to its whole
    contract."""
    return {c.name: c.pandera.validate(store.scan(c).collect()).to_dicts() for c in tables}


def test_films_whose_values_cannot_be_keep_nothing_from_being_published(lake: DeltaStore) -> None:
    good = [whole_film(n) for n in range(1, 401)]
    # as much as is believed: what is added up of it must fit too
    most = {"budget": 10**10, "revenue": 10**10, "popularity": 1e6, "vote_count": 10**9, "vote_average": 10.0}
    good[:50] = [payload | most for payload in good[:50]]
    bad = list(enumerate(impossible(whole_film(7), "id"), start=1001))
    says = {n: changed(payload, ("id",), n) for n, payload in bad}
    films = details(DAY, *good, *[(n, json.dumps(payload)) for n, payload in says.items()])
    answered = pl.when(pl.col("movie_id") > 1000).then("movie_id").otherwise("answered_id")
    lake.replace(contracts.MOVIE_DETAILS, films.with_columns(answered_id=answered), [DAY], {})
    on_lists = [listed(n, 1e6, vote_count=10**9) for n in range(1, 401)]
    on_lists += [row | {"id": n} for n, row in enumerate(impossible(listed(7), "id"), start=2001)]
    on_lists += [listed(n) for n in NUMBERS]
    pages = [page(DAY, n + 1, *on_lists[20 * n : 20 * n + 20]) for n in range(-(-len(on_lists) // 20))]
    lake.replace(contracts.DISCOVER_PAGES, pl.concat(pages), [DAY], {})
    lines = [exported(n) for n in range(1, 401)] + list(impossible(exported(3001)))
    content = gzip.compress("\n".join(map(json.dumps, lines)).encode())
    came = answers.export_rows(Answer(Request("export", key=DAY), 200, {}, NOON, content=content), DAY)
    lake.replace(contracts.MOVIE_IDS, Audit.of(contracts.MOVIE_IDS, came).kept, [DAY], {})
    spoken = [{"iso_639_1": "fr", "english_name": "French", "name": ""}]
    lake.replace(
        contracts.REFERENCE,
        rows(contracts.REFERENCE, (DAY, "configuration/languages", NOON, json.dumps(spoken))),
        [DAY],
        {},
    )

    publish_all(lake)

    found = readable(lake, contracts.CONTRACTS)
    kept = {row["movie_id"]: row for row in found["movies"]}
    alone = {row["column_name"] for row in found["quarantine"] if row["origin"] == contracts.MOVIES.path}
    assert alone >= {"release_date", "runtime_minutes", "budget_usd", "revenue_usd", "popularity", "vote_average",
    "vote_count",
                     "collection_id", "release_dates.results[].release_dates[].release_date"}  # fmt: skip
    refused = {row["raw_pointer"] for row in found["quarantine"] if row["column_name"] is None}
    for n, payload in says.items():
        assert (n in kept) != (f"tmdb/raw/movie_details date_id={DAY} movie_id={n}" in refused), payload
    assert {row["movie_id"] for row in found["dim_movie"]} >= set(kept)
    assert len(found["vw_movie_latest"]) >= 400
    told = [n for n, payload in says.items() if payload["release_date"] in DAYS and n in kept]
    assert told
    assert {kept[n]["release_date"] for n in told} == {None}


def test_what_stood_in_a_lake_before_its_rules_stops_no_trace(lake: DeltaStore) -> None:
    lake.replace(contracts.MOVIE_DETAILS, details(DAY, film(1), film(2)), [DAY], {})
    lake.replace(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1), listed(2)), [DAY], {})
    publish_all(
        lake,
        "movies",
        "movie_tombstones",
        "movie_stats",
        "dim_date",
        "dim_movie",
        "fact_movie_daily",
        "vw_movie_latest",
    )
    year_0 = pl.lit("0000-01-01").str.to_date("%Y-%m-%d")
    lake.overwrite(contracts.DIM_MOVIE, lake.scan(contracts.DIM_MOVIE).with_columns(release_date=year_0).collect(), {})
    lines = list(trace(lake, derived_tables(), "vw_movie_latest", "1"))
    assert lines[0] == "vw_movie_latest, film 1, Film 1 (0000)"
    assert any("release_date 0000-01-01" in line for line in lines)


def test_months_whose_values_cannot_be_keep_nothing_from_being_published(tmp_path: Any) -> None:
    world = months.World(DeltaStore(tmp_path / "lake"), tmp_path / "drops")
    files = months.drop(range(400))
    for lines in files.values():
        columns = lines[0].split(",")
        said = [
            (place, text) for place in range(1, len(columns)) for text in [*DAYS, *map(str, NUMBERS), "9" * 15, "nan"]
        ]
        for n, (place, text) in enumerate(said, start=1):
            cells = lines[n].split(",")
            lines[n] = ",".join([*cells[:place], text, *cells[place + 1 :]])
    world.write("2024-01", months.drop(range(400)))
    world.write("2024-02", files)
    world.run("2024-01", "2024-02", views=True)
    found = readable(world.store, streamflow.CONTRACTS)
    told = {row["table_name"]: row for row in found["fact_table_quality"] if row["date_id"].month == 2}
    for name in files:
        quality = told[f"streamflow/clean/{name.removesuffix('.csv')}_snapshots"]
        assert (quality["received"], quality["unaccounted"]) == (400, 0)
        assert quality["quarantined"] + quality["values_set_aside"] > 0


def test_music_whose_values_cannot_be_keeps_nothing_from_being_published(lake: DeltaStore) -> None:
    a_track, a_user, a_history = lakes.track(1), lakes.user(1), lakes.history(1, 1, 2)
    said = lakes.lists(
        [*[lakes.track(n) for n in range(1, 200)], *[row | {"id": n} for n, row in enumerate(impossible(a_track, "id"),
        301)],
         *[a_track | {"id": n} for n in NUMBERS]],
        [*[lakes.user(n) for n in range(1, 200)], *[row | {"id": n} for n, row in enumerate(impossible(a_user, "id"),
        301)],
         *[a_user | {"id": n} for n in NUMBERS]],
        [*[lakes.history(n, 1, n) for n in range(1, 200)],
         *[row | {"user_id": n} for n, row in enumerate(impossible(a_history, "user_id"), 301)],
         *[a_history | {"user_id": n} for n in NUMBERS]],
    )  # fmt: skip
    fewer = {endpoint: list(found)[:150] for endpoint, found in said.items()}
    lakes.fill_from_lists(lake, {lakes.day(1): said, lakes.day(0): fewer}, views=True)
    found = readable(lake, moovitamix.CONTRACTS)
    assert {row["column_name"] for row in found["quarantine"]} >= {None, "updated_at"}
    assert len(found["tracks"]) >= 200
