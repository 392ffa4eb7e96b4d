"""The quality views: against plain Python over what was said, and with faults planted for every figure."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import assets, clean, contracts
from tmdb_assets_tests.end_to_end.harness import TODAY
from tmdb_assets_tests.sources.tmdb.tiny import DAY, TABLES, ago, ask
from tmdb_assets_tests.sources.tmdb.worlds import World

STATS, MOVIES, FACTS = "tmdb/clean/movie_stats", "tmdb/clean/movies", "tmdb/star/fact_movie_daily"
PAGES, IDS, DETAILS = "tmdb/raw/discover_pages", "tmdb/raw/movie_ids", "tmdb/raw/movie_details"
TOMBSTONES = "tmdb/clean/movie_tombstones"

Figures = dict[tuple[dt.date, str], dict[str, Any]]


def quality(world: World) -> Figures:
    return {(row["date_id"], row["table_name"]): row for row in world.rows("vw_data_quality")}


def far(values: Sequence[float]) -> int | None:
    """Values beyond 3 robust standard deviations; None where half of them are equal."""
    middle = statistics.median(values)
    spread = statistics.median(abs(v - middle) for v in values)
    return sum(abs(v - middle) > 3 * 1.4826 * spread for v in values) if spread else None


def days_of(world: World) -> list[dt.date]:
    return sorted({row["date_id"] for row in world.rows("extraction_ledger")})


# -- what came and what became of it, in plain Python ------------------------------------------------------------------


def test_every_table_has_figures_of_every_day(world: World) -> None:
    tables = {c.path for c in contracts.PROFILED}
    assert set(quality(world)) == {(day, table) for day in days_of(world) for table in tables}


def test_what_the_lists_said_is_accounted_for(world: World) -> None:
    found = quality(world)
    pages, ids, movies = (world.rows(table) for table in ("discover_pages", "movie_ids", "movies"))
    for day in days_of(world):
        listed = [film for p in pages if p["date_id"] == day for film in json.loads(p["payload"])["results"]]
        exported = [row["movie_id"] for row in ids if row["date_id"] == day]
        unfit = [film for film in listed if not isinstance(film["popularity"], int | float)]
        detailed = {film["movie_id"] for film in movies if film["date_id"] == day and film["popularity"] is not None}
        films = {film["id"] for film in listed if film not in unfit} | detailed | set(exported)
        stats, facts = found[day, STATS], found[day, FACTS]
        assert stats["received"] == len(listed) + len(detailed) + len(exported)
        assert (stats["kept"], stats["quarantined"]) == (len(films), len(unfit))
        seen = {film["id"] for film in listed if film not in unfit}
        assert stats["duplicates"] == len(listed) - len(unfit) - len(seen)
        assert stats["superseded"] == len(seen & detailed) + len((seen | detailed) & set(exported))
        assert [facts[f] for f in ("received", "kept", "quarantined", "duplicates")] == [len(films), len(films), 0, 0]
        assert [found[day, IDS][f] for f in ("received", "kept")] == [len(exported)] * 2
        assert {found[day, table]["unaccounted"] for table in (STATS, FACTS, IDS, PAGES)} == {0}


def test_what_the_details_said_is_accounted_for(world: World) -> None:
    found = quality(world)
    details = world.rows("movie_details")
    for day in days_of(world):
        answers = [row for row in details if row["date_id"] == day]
        gone = [row for row in answers if row["http_status"] == 404 or row["answered_id"] != row["movie_id"]]
        payloads = [json.loads(row["payload"]) for row in answers if row not in gone]
        movies, tombstones = found[day, MOVIES], found[day, TOMBSTONES]
        assert (movies["received"], movies["quarantined"]) == (len(payloads), 0)
        assert (movies["kept"], movies["duplicates"]) == (len(payloads), 0)
        assert [tombstones[f] for f in ("received", "kept", "duplicates")] == [len(gone), len(gone), 0]
        assert [found[day, DETAILS][f] for f in ("received", "kept", "unaccounted")] == [len(answers)] * 2 + [0]
        assert movies["quarantined_by_rule"] is None


def test_extraction_is_as_complete_as_the_ledger_says(world: World) -> None:
    found = quality(world)
    ledger = {(row["date_id"], row["endpoint"]): row for row in world.rows("extraction_ledger")}
    for day in days_of(world):
        for endpoint, table in (("discover/movie", PAGES), ("movie/{id}", DETAILS), ("exports/movie_ids", IDS)):
            row = ledger[day, endpoint]
            shares = [
                row[f"received_{what}"] / row[f"promised_{what}"]
                for what in ("pages", "ids")
                if row[f"promised_{what}"]
            ]
            assert found[day, table]["extraction_completeness"] == pytest.approx(min(1.0, *shares))
            assert found[day, table]["is_extraction_finished"] == row["is_finished"]
        assert found[day, STATS]["extraction_completeness"] is None


def test_completeness_is_the_share_of_what_the_payloads_say(world: World) -> None:
    said = {
        "budget_usd": lambda film: film["budget"],
        "revenue_usd": lambda film: film["revenue"],
        "runtime_minutes": lambda film: film["runtime"],
        "release_date": lambda film: film["release_date"],
        "tagline": lambda film: (film.get("tagline") or "").strip(),
        "collection_id": lambda film: film.get("belongs_to_collection"),
        "vote_average": lambda film: film["vote_count"],
        "cast": lambda film: (film.get("credits") or {}).get("cast") is not None,
    }
    columns = {
        (row["date_id"], row["column_name"]): row
        for row in world.rows("vw_column_quality")
        if row["table_name"] == MOVIES
    }
    details = world.rows("movie_details")
    found = quality(world)
    for day in days_of(world):
        films = [
            json.loads(row["payload"])
            for row in details
            if row["date_id"] == day and row["answered_id"] == row["movie_id"]
        ]
        for column, known in said.items():
            row = columns[day, column]
            assert (row["rows"], row["known"]) == (len(films), sum(bool(known(film)) for film in films)), column
            assert row["completeness"] == pytest.approx(row["known"] / len(films))
        shares = [row["completeness"] for (d, _), row in columns.items() if d == day and row["is_nullable"]]
        assert found[day, MOVIES]["completeness"] == pytest.approx(statistics.mean(shares))
        assert columns[day, "budget_usd"]["outliers"] == far([float(f["budget"]) for f in films if f["budget"]])
        assert columns[day, "movie_id"]["outliers"] is None


def test_outliers_are_counted_on_what_the_lists_said(world: World) -> None:
    columns = {
        (row["date_id"], row["column_name"]): row["outliers"]
        for row in world.rows("vw_column_quality")
        if row["table_name"] == FACTS
    }
    found = quality(world)
    for day, films in world.daily.items():
        expected = {
            name: far([float(v) for s in films.values() if (v := getattr(s, name)) is not None])
            for name in ("popularity", "vote_average", "vote_count")
        }
        assert {name: columns[day, name] for name in expected} == expected
        counted = [n for n in expected.values() if n is not None]
        assert found[day, FACTS]["outliers"] == (sum(counted) if counted else None)


def test_rules_are_counted_over_the_quarantine(world: World) -> None:
    rows, values = Counter[Any](), Counter[Any]()
    for row in world.rows("quarantine"):
        counted = rows if row["column_name"] is None else values
        counted.update((row["date_id"], row["origin"], rule) for rule in row["rule"].split("; "))
    answered = world.rows("vw_quarantine_rules")
    keys = [(r["date_id"], r["table_name"], r["rule"]) for r in answered]
    assert set(keys) == set(rows) | set(values)
    found = [(r["rows"], r["values_set_aside"]) for r in answered]
    assert found == [(rows[key], values[key]) for key in keys]


def test_no_fact_is_an_orphan_and_every_day_is_fresh(world: World) -> None:
    for (_, table), row in quality(world).items():
        assert row["orphans"] == (0 if table == FACTS else None)
        if table in {STATS, FACTS, IDS, PAGES}:
            assert row["days_stale"] == 0


def score(row: dict[str, Any], *, is_daily: bool) -> float | None:
    """The formula as the head of the view writes it down."""
    rows = max(row["received"] or 0, row["kept"] + row["quarantined"])
    bad = row["quarantined"] + abs(row["unaccounted"] or 0)
    stale = 365 if row["days_stale"] is None else row["days_stale"]
    parts = [
        (4, max(0.0, 1 - bad / rows) if rows else None),
        (3, row["extraction_completeness"]),
        (3, 1 - row["orphans"] / row["kept"] if row["orphans"] is not None and row["kept"] else None),
        (2, 1 / (1 + stale) if is_daily else None),
        (1, row["completeness"]),
    ]
    there = [(weight, part) for weight, part in parts if part is not None]
    return 100 * sum(w * p for w, p in there) / sum(w for w, _ in there) if there else None


def test_the_score_is_its_formula(world: World) -> None:
    daily = {c.path: c.drift_limit is not None for c in contracts.PROFILED}
    for (_, table), row in quality(world).items():
        expected = score(row, is_daily=daily[table])
        assert row["score"] == (None if expected is None else pytest.approx(expected))
        assert row["score"] is not None or table == TOMBSTONES or not row["kept"]


# -- faults, planted one by one ----------------------------------------------------------------------------------------


def profile(day: dt.date = DAY, table: str = FACTS, **figures: Any) -> dict[str, Any]:
    good = {"is_daily": True, "received": 10, "kept": 10, "quarantined": 0, "duplicates": 0, "superseded": 0}
    orphans = 0 if table == FACTS else None
    return {"date_id": day, "table_name": table, **good, "unaccounted": 0, "orphans": orphans, **figures}


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows
    return row


def test_a_day_without_fault_scores_100() -> None:
    row = only(ask("vw_data_quality", fact_table_quality=[profile(completeness=1.0, extraction_completeness=1.0)]))
    assert row["score"] == pytest.approx(100)


@pytest.mark.parametrize(
    "fault",
    [
        {"quarantined": 3, "kept": 7},
        {"kept": 6, "unaccounted": 4},
        {"received": 0, "unaccounted": -10},
        {"extraction_completeness": 0.5},
        {"completeness": 0.25},
        {"orphans": 4},
        {"kept": 0, "received": 0},
        {"received": None, "duplicates": None, "unaccounted": None, "quarantined": 5},
    ],
    ids=lambda fault: " ".join(fault),
)
def test_each_fault_lowers_the_score_by_its_weight(fault: dict[str, Any]) -> None:
    row = only(ask("vw_data_quality", fact_table_quality=[profile(**fault)]))
    assert row["score"] == pytest.approx(score(row, is_daily=True))
    assert row["score"] < 100


def test_duplicates_and_outliers_are_told_and_do_not_count() -> None:
    row = only(
        ask("vw_data_quality", fact_table_quality=[profile(received=30, duplicates=15, superseded=5, outliers=9)])
    )
    assert (row["duplicates"], row["superseded"], row["outliers"], row["score"]) == (15, 5, 9, pytest.approx(100))


def test_a_table_goes_stale_from_its_last_day_with_rows_and_comes_back() -> None:
    kept = {ago(9): 0, ago(8): 5, ago(5): 0, ago(1): 0, DAY: 5}
    rows = ask(
        "vw_data_quality",
        fact_table_quality=[profile(day, PAGES, kept=n, received=n) for day, n in kept.items()]
        + [profile(day, IDS) for day in kept],
    )
    stale = {row["date_id"]: row["days_stale"] for row in rows if row["table_name"] == PAGES}
    assert stale == {ago(9): None, ago(8): 0, ago(5): 3, ago(1): 7, DAY: 0}
    assert {row["days_stale"] for row in rows if row["table_name"] == IDS} == {0}
    assert [row["score"] for row in rows] == [pytest.approx(score(row, is_daily=True)) for row in rows]


def test_a_table_that_waits_for_events_is_not_stale_and_may_have_no_score() -> None:
    row = only(
        ask("vw_data_quality", fact_table_quality=[profile(table=TOMBSTONES, is_daily=False, kept=0, received=0)])
    )
    assert (row["score"], row["days_stale"]) == (None, None)


def rejected(n: int, rule: str, table: str = MOVIES) -> dict[str, Any]:
    return {"date_id": DAY, "origin": table, "row_number": n, "rule": rule, "reason": "because"}


def test_a_row_that_breaks_two_rules_counts_for_both_the_most_frequent_first() -> None:
    rules = ["b must not be null", "a must be at least 1; b must not be null", "c must not be blank"]
    tables = {
        "quarantine": [rejected(n, rule) for n, rule in enumerate(rules)] + [rejected(7, "x", "tmdb/star/dim_genre")],
        "fact_table_quality": [profile(table=MOVIES, quarantined=3, kept=7)],
    }
    counted = [
        (r["table_name"], r["rule"], r["rows"]) for r in ask("vw_quarantine_rules", quarantine=tables["quarantine"])
    ]
    assert counted == [
        (MOVIES, "a must be at least 1", 1),
        (MOVIES, "b must not be null", 2),
        (MOVIES, "c must not be blank", 1),
        ("tmdb/star/dim_genre", "x", 1),
    ]
    row = only(ask("vw_data_quality", **tables))
    assert row["quarantined_by_rule"] == "b must not be null: 2; a must be at least 1: 1; c must not be blank: 1"
    assert row["values_by_rule"] is None


def test_values_set_aside_are_told_beside_the_rows_and_do_not_count_as_rows() -> None:
    value = {"column_name": "d", "value": "-1"}
    tables = {
        "quarantine": [rejected(0, "b must not be null"), *[rejected(n, "d must be 1") | value for n in (5, 6)],
                       rejected(7, "b must not be null") | value],
        "fact_table_quality": [profile(table=MOVIES, quarantined=1, kept=9, values_set_aside=3)],
    }  # fmt: skip
    counted = [tuple(r.values())[2:] for r in ask("vw_quarantine_rules", quarantine=tables["quarantine"])]
    assert counted == [("b must not be null", 1, 1), ("d must be 1", 0, 2)]
    row = only(ask("vw_data_quality", **tables))
    assert (row["quarantined"], row["values_set_aside"], row["unaccounted"]) == (1, 3, 0)
    assert row["quarantined_by_rule"] == "b must not be null: 1"
    assert row["values_by_rule"] == "d must be 1: 2; b must not be null: 1"
    same = only(ask("vw_data_quality", fact_table_quality=[profile(table=MOVIES, quarantined=1, kept=9)]))
    assert row["score"] == same["score"], "what is unknown counts in completeness"


def test_what_a_value_says_is_no_rule() -> None:
    said = {"id": 1, "title": "T", "original_title": "T", "release_date": "2017: foo; bar"}
    schema = contracts.MOVIE_DETAILS.schema
    asked = {"date_id": DAY, "movie_id": 1, "http_status": 200, "answered_id": 1, "payload": json.dumps(said)}
    details = pl.DataFrame([{column: asked.get(column) for column in schema}], schema=schema)
    audit = Audit.of(contracts.MOVIES, clean.movies(details.lazy()))
    counted = ask("vw_quarantine_rules", quarantine=audit.entries.to_dicts())
    assert [tuple(row.values())[2:] for row in counted] == [("release_date must be a date", 0, 1)]
    assert audit.values["reason"].to_list() == ["release_date = 2017: foo; bar: must be a date"]


def test_a_column_without_rows_has_no_completeness() -> None:
    row = {"date_id": DAY, "table_name": MOVIES, "column_name": "title", "is_nullable": True}
    empty = only(ask("vw_column_quality", fact_column_quality=[{**row, "rows": 0, "known_rows": 0}]))
    half = only(ask("vw_column_quality", fact_column_quality=[{**row, "rows": 4, "known_rows": 2, "outliers": 1}]))
    assert (empty["completeness"], half["completeness"], half["outliers"]) == (None, 0.5, 1)


# -- and in a lake -----------------------------------------------------------------------------------------------------


def republished(store: DeltaStore, day: dt.date) -> dict[str, dict[str, Any]]:
    """The quality of a day by table, profiled and answered anew."""
    wanted = {"fact_column_quality", "fact_table_quality", "vw_quarantine_rules", "vw_data_quality"}
    for table in assets.derived_tables():
        if table.contract.name in wanted:
            publish(table, Run(store, [day]))
    rows = store.scan(TABLES["vw_data_quality"]).filter(pl.col("date_id") == day).collect()
    return {row["table_name"]: row for row in rows.iter_rows(named=True)}


def test_faults_planted_in_a_lake_show_in_its_figures(sandbox: World, tmp_path: Path) -> None:
    store = DeltaStore(shutil.copytree(sandbox.store.root, tmp_path / "lake"))
    before = republished(store, TODAY)

    ledger = Ledger(store, contracts.SOURCE)
    entry = ledger.entry(TODAY, "discover/movie")
    assert entry is not None
    assert entry.received_ids
    short = dataclasses.replace(entry, promised_ids=2 * entry.received_ids, is_complete=False)
    ledger.write(TODAY, [short], {})
    twice = ledger.entry(TODAY, "exports/movie_ids")
    assert twice is not None
    assert twice.received_rows
    came = dataclasses.replace(twice, received_rows=twice.received_rows + 4, duplicate_rows=4)
    ledger.write(TODAY, [came], {})
    facts = store.scan(contracts.FACT_MOVIE_DAILY, [TODAY]).sort("movie_id").collect()
    orphan = facts.head(1).with_columns(movie_id=pl.lit(999_999_999, dtype=pl.Int64), popularity=pl.lit(1e9))
    store.replace(contracts.FACT_MOVIE_DAILY, pl.concat([facts.tail(-2), orphan]), [TODAY], {})
    details = store.scan(contracts.MOVIE_DETAILS, [TODAY]).sort("movie_id").collect()
    store.replace(contracts.MOVIE_DETAILS, details.tail(-5), [TODAY], {})

    after = republished(store, TODAY)
    assert after[PAGES]["extraction_completeness"] == pytest.approx(0.5)
    assert (after[IDS]["duplicates"], after[IDS]["unaccounted"]) == (4, 0)
    assert (before[DETAILS]["unaccounted"], after[DETAILS]["unaccounted"]) == (0, 5)
    assert (before[FACTS]["orphans"], after[FACTS]["orphans"]) == (0, 1)
    assert after[FACTS]["kept"] == before[FACTS]["kept"] - 1
    assert after[FACTS]["outliers"] > 0
    assert before[MOVIES]["quarantined"] == 0, "a popularity written as text takes no film away"
    assert {t for t in before if after[t]["score"] is not None and after[t]["score"] < before[t]["score"]} >= {
        PAGES, DETAILS, FACTS,
    }  # fmt: skip
