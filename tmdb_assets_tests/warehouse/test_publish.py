"""Publishing: the file holds what the lake has, only what changed is loaded, and that comes to the same."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import ByDay, Contract
from tmdb_assets.lakehouse.flow.ledger import REAL
from tmdb_assets.lakehouse.store import DeltaStore, retention
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import Publication, publish_warehouse, without_secrets
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.warehouse import toy


def loaded(done: Publication) -> dict[str, int]:
    """Rows that were loaded, of the tables that changed."""
    return {t.name: t.loaded for t in done.tables if t.changed}


def columns(path: Path, table: str) -> list[tuple[str, str, bool]]:
    return toy.ask(
        path,
        f"SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name = '{table}' ORDER BY "
        "column_index",
    )


# -- what it holds -----------------------------------------------------------------------------------------------------


def test_every_table_is_as_in_the_lake_with_its_types(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    held = toy.everything(path)
    for contract in (toy.DIM_THING, toy.FACT_DAILY, toy.NOTES):
        kept = store.scan(contract).sort(contract.grain).collect()
        assert kept.height
        assert held[f"toy.{contract.name}"].sort(contract.grain).equals(kept)
    assert columns(path, "dim_thing") == [
        ("thing_id", "BIGINT", False),
        ("name", "VARCHAR", True),
        ("order", "VARCHAR", True),
        ("is_new", "BOOLEAN", False),
        ("seen_at", "TIMESTAMP WITH TIME ZONE", False),
        ("tags", "VARCHAR[]", True),
        ("box", "STRUCT(width DOUBLE, since DATE)", True),
        ("observed_on", "DATE", False),
    ]
    assert columns(path, "fact_daily")[0] == ("date_id", "DATE", False)


def test_every_view_answers_as_in_the_lake_with_the_types_it_promises(
    store: DeltaStore, path: Path, views: Path
) -> None:
    toy.publish(store, path, views)
    held = toy.everything(path)
    for view in toy.source(views).views:
        kept = store.scan(view.contract).sort(view.contract.grain).collect()
        assert held[f"toy.{view.contract.name}"].sort(view.contract.grain).equals(kept), view.contract.name
    assert [kind for _, kind, _ in columns(path, "vw_totals")] == ["BIGINT", "VARCHAR", "BIGINT", "BIGINT"]
    totals = [total for (total,) in toy.ask(path, "SELECT total FROM toy.vw_totals")]
    assert totals == sorted(totals, reverse=True), "its order is kept when it is given its types"


def test_a_view_is_a_view_unless_what_it_reads_is_not_in_the_file(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    assert toy.ask(path, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'toy' ORDER BY 1") == [
        ("dim_thing",),
        ("fact_daily",),
        ("notes",),
        ("vw_pages",),
    ]
    found = toy.ask(path, "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1")
    assert found == [("vw_best",), ("vw_busy",), ("vw_days",), ("vw_things",), ("vw_totals",)]


BASED = {
    "vw_large": """-- Large facts.
--
-- Grain: date_id, thing_id
-- Kept: no
--
-- date_id   Date   Day.
-- thing_id  Int64  Thing.
-- amount    Int64  Amount.

SELECT date_id, thing_id, amount FROM fact_daily WHERE amount > 20
""",
    "vw_large_days": """-- Large facts of each day.
--
-- Grain: date_id
-- Kind: whole
--
-- date_id  Date   Day.
-- facts    Int64  Facts.

SELECT date_id, count(*) AS facts FROM vw_large GROUP BY date_id
""",
}


@pytest.mark.parametrize("fact_days", [None, 1])
def test_a_view_that_the_lake_keeps_nowhere_is_a_view_that_others_read(
    store: DeltaStore, path: Path, tmp_path: Path, fact_days: int | None
) -> None:
    views = toy.write_views(tmp_path / "based" / "views", toy.VIEWS | BASED)
    toy.answer(store, views)
    toy.publish(store, path, views, fact_days=fact_days)
    found = {name for (name,) in toy.ask(path, "SELECT view_name FROM duckdb_views() WHERE NOT internal")}
    tables = {name for (name,) in toy.ask(path, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'toy'")}
    assert "vw_large" in found
    assert "vw_large" not in tables
    assert "vw_large_days" in (tables if fact_days else found)
    (text,) = toy.ask(path, "SELECT sql FROM duckdb_views() WHERE view_name = 'vw_large'")
    assert "fact_daily" in text[0]
    days = toy.ask(path, "SELECT date_id, facts FROM toy.vw_large_days ORDER BY date_id")
    assert days == toy.ask(path, "SELECT date_id, count(*) FROM toy.vw_large GROUP BY date_id ORDER BY date_id")
    assert len(days) == (fact_days or 3)
    said = dict(toy.ask(path, "SELECT view_name, comment FROM duckdb_views()"))["vw_large"]
    assert said.endswith("Only its newest days are in this file.") == (fact_days is not None)
    assert "toy/views/vw_large" not in {p for (p,) in toy.ask(path, "SELECT table_path FROM main.lake_versions")}


def test_a_base_over_what_is_not_in_the_file_is_not_there_and_its_readers_are_tables(
    store: DeltaStore, path: Path, tmp_path: Path
) -> None:
    over_pages = {
        "vw_large": BASED["vw_large"].replace("SELECT date_id, thing_id, amount FROM fact_daily WHERE amount > 20",
                                              "SELECT date_id, page AS thing_id, page AS amount FROM pages"),
        "vw_large_days": BASED["vw_large_days"],
    }  # fmt: skip
    views = toy.write_views(tmp_path / "based" / "views", toy.VIEWS | over_pages)
    toy.answer(store, views)
    toy.publish(store, path, views)
    days = toy.ask(path, "SELECT date_id, facts FROM toy.vw_large_days ORDER BY date_id")
    assert days == [(toy.day(n), 2) for n in (0, 1, 2)]
    assert toy.ask(path, "SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'vw_large%'") == []


def test_a_table_with_personal_columns_stays_in_the_lake(store: DeltaStore, path: Path, views: Path) -> None:
    source = toy.source(views)
    personal = replace(toy.NOTES, personal=("note",))
    tables = tuple(personal if c is toy.NOTES else c for c in source.contracts)
    publish_warehouse(store, DuckDBFile(path), [Source("toy", tables, source.views)], None, lambda line: None)
    held = toy.everything(path)
    assert "toy.notes" not in held
    assert "toy.vw_busy" in held, "an answer about it is there, as a table"
    assert b"note 1" not in path.read_bytes()


def test_names_in_a_view_are_found_from_any_session(store: DeltaStore, path: Path, views: Path, tmp_path: Path) -> None:
    toy.publish(store, path, views)
    elsewhere = path.rename(tmp_path / "copied.duckdb")
    assert toy.ask(elsewhere, "SELECT total FROM toy.vw_best") == [(153,)]
    assert toy.ask(elsewhere, "USE toy; SELECT total FROM vw_best") == [(153,)]


def test_it_can_be_opened_by_clients_since_duckdb_1_4(store: DeltaStore, path: Path, views: Path) -> None:
    tag = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'warehouse'"
    for number in (3, 4):
        toy.publish(store, path, views)
        assert toy.ask(path, tag) == [("v1.4.0+",)]
        toy.put_day(store, number, 5)


def test_every_table_and_column_says_what_it_means(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    mute = """
        SELECT schema_name, table_name, column_name FROM duckdb_columns()
        WHERE NOT internal AND comment IS NULL AND table_name <> 'loaded_parts'
    """
    assert toy.ask(path, mute) == []
    said = dict(toy.ask(path, "SELECT table_name, comment FROM duckdb_tables()"))
    assert said["dim_thing"] == "It's the toy's dim_thing. Grain: thing_id."
    assert said["vw_pages"] == "Pages a day. Grain: date_id. The answers that the lake has, kept as a table."
    assert dict(toy.ask(path, "SELECT view_name, comment FROM duckdb_views()"))["vw_best"].startswith(
        "The thing with most."
    )
    words = "SELECT comment FROM duckdb_columns() WHERE table_name = '{}' AND column_name = '{}'"
    assert toy.ask(path, words.format("dim_thing", "order")) == [("A reserved word. (must be one of high, low)",)]
    assert toy.ask(path, words.format("fact_daily", "thing_id")) == [
        ("Thing. (must be at least 1) Refers to dim_thing.",)
    ]


def test_it_says_which_delta_versions_it_was_made_from(store: DeltaStore, path: Path, views: Path) -> None:
    toy.put_day(store, 1, 4, factor=2)
    toy.publish(store, path, views)
    found = {
        row[0]: row[1:]
        for row in toy.ask(
            path,
            "SELECT table_path, delta_version, rows, run_id, epoch_ms(committed_at), source FROM main.lake_versions",
        )
    }
    assert set(found) == {"toy/star/dim_thing", "toy/star/fact_daily", "toy/clean/notes", "toy/views/vw_pages"}
    for contract in (toy.DIM_THING, toy.FACT_DAILY):
        commit = store.history(contract, 1)[0]
        rows = store.scan(contract).collect().height
        assert found[contract.path] == (commit["version"], rows, "run-1", commit["timestamp"], "toy")
    assert found["toy/star/fact_daily"][1] == 14
    retention.upkeep(store, toy.FACT_DAILY)
    done = toy.publish(store, path, views)
    named = "SELECT delta_version FROM main.lake_versions WHERE table_name = 'fact_daily'"
    assert toy.ask(path, named) == [(store.version(toy.FACT_DAILY),)]
    assert done.rebuilt is None


def test_it_says_when_and_from_what_it_was_published(store: DeltaStore, path: Path, views: Path) -> None:
    info = "SELECT format_version, lake, origin, fact_days, epoch_us(published_at) FROM main.warehouse_info"
    toy.publish(store, path, views)
    assert toy.ask(path, info)[0][1:4] == (store.root, None, None)
    assert toy.ask(path, info)[0][4] * 1000 == path.stat().st_mtime_ns
    toy.own_up(store)
    toy.publish(store, path, views, fact_days=2)
    assert toy.ask(path, info)[0][2:4] == ("sandbox", 2)
    toy.own_up(store, REAL)
    toy.publish(store, path, views)
    assert toy.ask(path, info)[0][2:4] == ("real", None)


@pytest.mark.parametrize(
    ("root", "told"),
    [
        ("/data/lake", "/data/lake"),
        ("s3://bucket/lake", "s3://bucket/lake"),
        ("s3://key:s3cret@bucket/lake?token=s3cret", "s3://bucket/lake"),
        ("az://s3cret@account:80/lake#s3cret", "az://account:80/lake"),
    ],
)
def test_the_lakes_address_is_told_without_secrets(root: str, told: str) -> None:
    assert without_secrets(root) == told


def test_no_storage_option_reaches_the_file(store: DeltaStore, path: Path, views: Path) -> None:
    secret = "Zm9vYmFyc2VjcmV0"
    toy.publish(DeltaStore(store.root, {"aws_secret_access_key": secret}), path, views)
    assert secret.encode() not in path.read_bytes()
    assert b"thing 1" in path.read_bytes(), "bytes of the lake can be found this way"


# -- macros ------------------------------------------------------------------------------------------------------------


def test_macros_come_and_go_with_their_file(store: DeltaStore, path: Path, views: Path) -> None:
    listed = "SELECT function_name, comment FROM duckdb_functions() WHERE schema_name = 'toy' ORDER BY 1"
    toy.publish(store, path, views)
    assert toy.ask(path, listed) == [("on_day", "Facts of a day; nothing more."), ("twice", None)]
    assert len(toy.ask(path, "FROM toy.on_day('2026-03-02')")) == 5
    toy.write_views(views, macros="CREATE MACRO toy.twice(x) AS x + x + 0;")
    toy.publish(store, path, views)
    assert toy.ask(path, listed) == [("twice", None)]
    assert toy.ask(path, "SELECT toy.twice(4)") == [(8,)]
    toy.write_views(views, macros=None)
    toy.publish(store, path, views)
    assert toy.ask(path, listed) == []


# -- only what changed -------------------------------------------------------------------------------------------------


def test_when_nothing_changed_the_file_stays(store: DeltaStore, path: Path, views: Path) -> None:
    assert toy.publish(store, path, views).rebuilt == "there was none"
    before = path.stat()
    again = toy.publish(store, path, views)
    assert (again.swapped, loaded(again)) == (False, {})
    assert [o.passed for o in again.outcomes] == [True, True]
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_the_days_that_changed_are_loaded(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    toy.put_day(store, 3, 5)
    assert loaded(toy.publish(store, path, views)) == {"toy.fact_daily": 5, "toy.notes": 4}
    toy.put_day(store, 1, 3, factor=9)
    assert loaded(toy.publish(store, path, views)) == {"toy.fact_daily": 3, "toy.notes": 4}
    toy.put_day(store, 0, 0)
    done = toy.publish(store, path, views)
    assert loaded(done) == {"toy.fact_daily": 0, "toy.notes": 3}
    assert done.rebuilt is None
    toy.put_things(store, {n: f"Thing {n}" for n in range(1, 6)})
    assert loaded(toy.publish(store, path, views)) == {"toy.dim_thing": 5}
    found = toy.ask(path, "SELECT date_id, count(*) FROM toy.fact_daily GROUP BY 1 ORDER BY 1")
    assert found == [(toy.day(1), 3), (toy.day(2), 5), (toy.day(3), 5)]


def test_a_days_rows_are_replaced_even_when_as_many_come(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    toy.put_day(store, 1, 5, factor=3)
    toy.publish(store, path, views)
    found = toy.ask(path, "SELECT date_id, sum(amount) FROM toy.fact_daily GROUP BY 1 ORDER BY 1")
    assert found == [(toy.day(0), 150), (toy.day(1), 3 * 155), (toy.day(2), 160)]


def test_a_lake_made_again_at_the_same_version_is_another_one(
    store: DeltaStore, path: Path, views: Path, fresh_lake: Callable[[], DeltaStore]
) -> None:
    toy.publish(store, path, views)
    other = fresh_lake()
    toy.fill(other, views, range(3), things=4)
    assert other.version(toy.FACT_DAILY) == store.version(toy.FACT_DAILY)
    toy.publish(other, path, views)
    assert toy.ask(path, "SELECT count(*) FROM toy.fact_daily") == [(12,)]


def test_a_column_that_is_new_or_of_another_type_makes_its_table_anew(
    store: DeltaStore, path: Path, views: Path
) -> None:
    toy.publish(store, path, views)
    source = toy.source(views)
    contract = toy.FACT_DAILY
    wider = Contract(
        "toy",
        "star",
        "fact_daily",
        contract.description,
        contract.grain,
        {**contract.columns, "more": toy.DIM_THING.columns["name"]},
        kept=ByDay("date_id"),
    )
    changed = Source("toy", tuple(wider if c is contract else c for c in source.contracts), source.views)
    done = publish_warehouse(store, DuckDBFile(path), [changed], None, lambda line: None)
    assert loaded(done) == {"toy.fact_daily": 15}
    assert toy.ask(path, "SELECT count(*), count(more) FROM toy.fact_daily") == [(15, 0)]
    assert columns(path, "fact_daily")[-1] == ("more", "VARCHAR", True)


def test_a_table_a_view_and_a_source_that_are_no_more_leave_the_file(
    store: DeltaStore, path: Path, views: Path, tmp_path: Path
) -> None:
    toy.publish(store, path, views)
    kept = {name: text for name, text in toy.VIEWS.items() if name in {"vw_totals", "vw_things"}}
    toy.write_views(views, kept, macros=None)
    toy.publish(store, path, views)
    assert set(toy.everything(path)) == {
        "toy.dim_thing", "toy.fact_daily", "toy.vw_totals", "toy.vw_things", "versions",
    }  # fmt: skip
    other = Source("other", (Contract("other", "star", "dim_thing", "Other.", ("thing_id",), toy.DIM_THING.columns),))
    store.overwrite(other.contracts[0], toy.DIM_THING.empty(), {})
    publish_warehouse(store, DuckDBFile(path), [other], None, lambda line: None)
    assert set(toy.everything(path)) == {"other.dim_thing", "versions"}


STEPS = st.one_of(
    st.tuples(st.just("day"), st.integers(0, 5), st.integers(0, 6), st.integers(1, 3)),
    st.tuples(st.just("things"), st.integers(1, 6)),
    st.tuples(st.just("view"), st.sampled_from(["name", "upper(name) AS name", "'x' || name AS name"])),
    st.tuples(st.just("answer")),
    st.tuples(st.just("upkeep")),
    st.tuples(st.just("publish"), st.sampled_from([None, None, 2])),
)
COUNTER = itertools.count()


@given(steps=st.lists(STEPS, min_size=1, max_size=6))
@examples(5)
def test_bringing_it_up_to_date_comes_to_the_same_as_making_it_anew(
    steps: list[tuple[object, ...]], filled: Path, tmp_path: Path
) -> None:
    folder = tmp_path / f"example {next(COUNTER)}"
    views, path, anew = toy.write_views(folder / "toy" / "views"), folder / "warehouse.duckdb", folder / "anew.duckdb"
    store = DeltaStore(shutil.copytree(filled, folder / "lake"))
    toy.publish(store, path, views)
    for kind, *more in steps:
        match kind:
            case "day":
                toy.put_day(store, *more)  # type: ignore[arg-type]  # the strategy's tuples hold what it takes
            case "things":
                toy.put_things(store, {n: f"{n}" for n in range(1, more[0] + 1)})  # type: ignore[operator]  # as above
            case "view":
                text = toy.VIEWS["vw_things"].replace("thing_id, name FROM", f"thing_id, {more[0]} FROM")
                toy.write_views(views, toy.VIEWS | {"vw_things": text})
            case "answer":
                toy.answer(store, views)
            case "upkeep":
                retention.upkeep(store, toy.FACT_DAILY)
            case "publish":
                toy.publish(store, path, views, more[0])  # type: ignore[arg-type]  # as above
    last = toy.publish(store, path, views)
    assert last.rebuilt is None
    assert toy.publish(store, anew, views).rebuilt
    assert toy.differences(path, anew) == []


# -- only some days ----------------------------------------------------------------------------------------------------


def test_only_the_newest_days_of_facts_are_kept_when_asked_for(store: DeltaStore, path: Path, views: Path) -> None:
    days = "SELECT date_id FROM toy.fact_daily GROUP BY 1 ORDER BY 1"
    toy.put_day(store, 5, 2)
    toy.answer(store, views)
    toy.publish(store, path, views, fact_days=4)
    assert toy.ask(path, days) == [(toy.day(2),), (toy.day(5),)], (
        "days of the calendar, the newest observed one the last"
    )
    toy.put_day(store, 6, 2)
    done = toy.publish(store, path, views, fact_days=4)
    assert loaded(done)["toy.fact_daily"] == 2
    assert toy.ask(path, days) == [(toy.day(5),), (toy.day(6),)]
    said = dict(toy.ask(path, "SELECT table_name, comment FROM duckdb_tables()"))
    assert said["fact_daily"].endswith("Only its newest days are in this file.")
    done = toy.publish(store, path, views)
    assert loaded(done)["toy.fact_daily"] == 15, "the days that were left out come back"


def test_with_fewer_facts_every_answer_is_still_the_lakes(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views, fact_days=1)
    held = toy.everything(path)
    for view in toy.source(views).views:
        contract = view.contract
        kept = store.scan(contract).sort(contract.grain).collect()
        if "date_id" in contract.grain:
            kept = kept.filter(pl.col("date_id") == toy.day(2))
            assert kept.height == 1
        assert held[f"toy.{contract.name}"].sort(contract.grain).equals(kept), contract.name
    assert toy.ask(path, "SELECT before FROM toy.vw_days") == [(155,)], "a shortened fact would not know"
    views_left = toy.ask(path, "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1")
    assert views_left == [("vw_best",), ("vw_things",)]


def test_the_answer_of_a_day_leaves_with_the_day(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views, fact_days=2)
    toy.put_day(store, 3, 1)
    toy.publish(store, path, views, fact_days=2)
    assert toy.ask(path, "SELECT date_id FROM toy.vw_days") == [(toy.day(2),)], (
        "the lake has not answered the last day yet"
    )
    toy.answer(store, views)
    toy.publish(store, path, views, fact_days=2)
    assert toy.ask(path, "SELECT date_id FROM toy.vw_days ORDER BY 1") == [(toy.day(2),), (toy.day(3),)]


def test_a_time_of_publication_can_be_frozen(store: DeltaStore, path: Path, views: Path) -> None:
    publish_warehouse(store, DuckDBFile(path), [toy.source(views)], None, print, Clock(dt.date(2026, 3, 10)))
    assert toy.ask(path, "SELECT CAST(published_at AT TIME ZONE 'UTC' AS DATE) FROM main.warehouse_info") == [
        (dt.date(2026, 3, 10),)
    ]
