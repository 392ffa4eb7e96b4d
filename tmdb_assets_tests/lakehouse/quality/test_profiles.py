"""The profiles: what is counted per column and table, and what a day without rows, without spread or without a count
says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import statistics
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Audit, ByDay, Contract, ContractError, col, ge
from tmdb_assets.lakehouse.flow.ledger import ledger_contract
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.flow.transforms import reads
from tmdb_assets.lakehouse.quality.measuring import count_columns, measured_columns, profile_columns
from tmdb_assets.lakehouse.quality.profiles import (
    ColumnQuality,
    TableQuality,
    column_quality_contract,
    table_quality_contract,
)
from tmdb_assets_tests.stating import call

D1, D2, D3 = (dt.date(2026, 3, n) for n in (1, 2, 3))
RAW = Contract(
    "toy",
    "raw",
    "notices",
    "Notices as they came.",
    grain=("date_id", "notice_id"),
    kept=ByDay("date_id"),
    columns={"date_id": col(pl.Date, "Day."), "notice_id": col(pl.Int64, "Notice."), "text": col(pl.String, "Text.")},
)
CLEAN = Contract(
    "toy",
    "clean",
    "things",
    "Things.",
    grain=("date_id", "thing_id"),
    kept=ByDay("date_id"),
    duplicates="first",
    drift_limit=None,
    columns={
        "date_id": col(pl.Date, "Day."),
        "thing_id": col(pl.Int64, "Thing."),
        "owner_id": col(pl.Int64, "Owner.", nullable=True),
        "name": col(pl.String, "Name.", nullable=True),
        "weight": col(pl.Float64, "Weight in kilograms.", nullable=True),
        "uses": col(pl.Int64, "Uses.", ge(0)),
        "tags": col(pl.List(pl.String), "Tags.", nullable=True),
    },
)
BOTH = (RAW, CLEAN)


def things(*rows: tuple[Any, ...]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema=CLEAN.schema, orient="row")


def thing(day: dt.date, n: int, weight: float | None = None, uses: int = 0, **more: Any) -> tuple[Any, ...]:
    return (day, n, more.get("owner_id"), more.get("name"), weight, uses, more.get("tags"))


def notices(*keys: tuple[dt.date, int]) -> pl.LazyFrame:
    return pl.LazyFrame([(day, n, "{}") for day, n in keys], schema=RAW.schema, orient="row")


def profile(rows: pl.LazyFrame, *days: dt.date) -> dict[tuple[dt.date, str], dict[str, Any]]:
    profiled = profile_columns(CLEAN, count_columns(CLEAN, rows).collect(), pl.Series(days, dtype=pl.Date))
    assert profiled.schema == column_quality_contract("toy", BOTH).schema
    return {(row["date_id"], row["column_name"]): row for row in profiled.iter_rows(named=True)}


def test_what_is_known_is_counted_per_day_and_column() -> None:
    rows = things(
        thing(D1, 1, 1.0, name="a", tags=[]), thing(D1, 2, None, name="b"), thing(D1, 3, 2.0), thing(D2, 1, None)
    )
    found = profile(rows, D1, D2)
    assert {name: found[D1, name]["known_rows"] for name in CLEAN.columns} == {
        "date_id": 3, "thing_id": 3, "owner_id": 0, "name": 2, "weight": 2, "uses": 3, "tags": 1,
    }  # fmt: skip
    assert [found[D2, name]["known_rows"] for name in ("thing_id", "weight")] == [1, 0]
    assert {row["rows"] for (day, _), row in found.items() if day == D1} == {3}
    assert {name for (_, name), row in found.items() if row["is_nullable"]} == {"owner_id", "name", "weight", "tags"}


def test_a_day_without_rows_has_a_profile_of_none() -> None:
    found = profile(things(thing(D1, 1, 1.0)), D1, D3)
    assert [(row["rows"], row["known_rows"], row["outliers"]) for (day, _), row in found.items() if day == D3] == [
        (0, 0, None)
    ] * len(CLEAN.columns)


def test_numbers_that_are_keys_are_not_measured() -> None:
    assert measured_columns(CLEAN) == ["weight", "uses"]
    found = profile(things(*[thing(D1, n, float(n), owner_id=n**3) for n in range(9)]), D1)
    assert [name for (_, name), row in found.items() if row["outliers"] is not None] == ["weight"]


def test_far_values_are_outliers_of_their_own_day() -> None:
    near = [thing(D1, n, float(n)) for n in range(10)]
    far = [thing(D1, 98, 40.0), thing(D1, 99, -40.0)]
    other_day = [thing(D2, n, 40.0 + n) for n in range(10)]
    found = profile(things(*near, *far, *other_day), D1, D2)
    assert (found[D1, "weight"]["outliers"], found[D2, "weight"]["outliers"]) == (2, 0)


def test_where_half_of_the_values_are_equal_nothing_is_far() -> None:
    found = profile(things(*[thing(D1, n, 1.0) for n in range(5)], thing(D1, 9, 1e9)), D1)
    assert found[D1, "weight"]["outliers"] is None
    assert profile(things(thing(D1, 1, None)), D1)[D1, "weight"]["outliers"] is None


def test_no_number_is_no_value_to_be_far() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 50.0, float("nan"), None]
    assert profile(things(*[thing(D1, n, v) for n, v in enumerate(values)]), D1)[D1, "weight"]["outliers"] == 1


@given(st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=30))
def test_outliers_are_those_of_the_definition(values: list[int]) -> None:
    median = statistics.median(map(float, values))
    deviation = statistics.median(abs(float(v) - median) for v in values)
    far = sum(abs(float(v) - median) > 3 * 1.4826 * deviation for v in values)
    found = profile(things(*[thing(D1, n, None, v) for n, v in enumerate(values)]), D1)
    assert found[D1, "uses"]["outliers"] == (far if deviation else None)


@given(st.lists(st.tuples(st.sampled_from([D1, D2, D3]), st.none() | st.floats(-9, 9)), max_size=20))
def test_days_together_are_profiled_as_each_alone(drawn: list[tuple[dt.date, float | None]]) -> None:
    rows = [thing(day, n, weight) for n, (day, weight) in enumerate(drawn)]
    together = profile(things(*rows), D1, D2, D3)
    alone = {
        key: row for day in (D3, D1, D2) for key, row in profile(things(*[r for r in rows if r[0] == day]), day).items()
    }
    assert together == alone


# -- all tables of a source --------------------------------------------------------------------------------------------

COLUMNS, LEDGER, ASIDE = column_quality_contract("toy", BOTH), ledger_contract("toy"), quarantine_contract("toy")


@reads(RAW)
def told_of_each_day(notices: pl.LazyFrame) -> pl.LazyFrame:
    return notices.group_by("date_id").agg(received=pl.len())


def table_quality(profiled: Sequence[Contract], received: Any = None, left_out: Any = None) -> TableQuality:
    return TableQuality(profiled, COLUMNS, LEDGER, ASIDE, received or {}, left_out or {})


def asked(day: dt.date, endpoint: str = "list", **said: Any) -> dict[str, Any]:
    return {"date_id": day, "endpoint": endpoint, "table_name": RAW.path, "is_finished": True, **said}


def accounts(
    raw: pl.LazyFrame, clean: pl.LazyFrame, ledger: list[dict[str, Any]], rejected: list[tuple[Any, ...]]
) -> dict[tuple[dt.date, str], dict[str, Any]]:
    columns = call(ColumnQuality(BOTH), notices=raw, things=clean)
    entries = pl.DataFrame(ledger, schema=ledger_contract("toy").schema).lazy()
    set_aside = pl.DataFrame(
        [(day, c.path, n, "rule", "reason", None, None, *value) for n, (day, c, *value) in enumerate(rejected)],
        schema=quarantine_contract("toy").schema,
        orient="row",
    )
    tables = {"fact_column_quality": columns.lazy(), "extraction_ledger": entries, "quarantine": set_aside.lazy()}
    answered = call(table_quality(BOTH, {CLEAN: told_of_each_day}), **tables, notices=raw)
    audit = Audit.of(table_quality_contract("toy"), answered)
    assert (audit.quarantined.height, audit.duplicates) == (0, 0)
    return {(row["date_id"], row["table_name"]): row for row in audit.kept.iter_rows(named=True)}


def test_what_they_read_is_stated() -> None:
    assert [read.contract for read in ColumnQuality(BOTH).inputs] == [RAW, CLEAN]
    counting = table_quality(BOTH, {CLEAN: told_of_each_day})
    assert [read.contract for read in counting.inputs] == [COLUMNS, LEDGER, ASIDE, RAW]


def test_every_received_row_is_kept_set_aside_or_a_duplicate() -> None:
    raw = notices(*[(D1, n) for n in range(10)], (D2, 1))
    clean = things(*[thing(D1, n) for n in range(6)], thing(D2, 1))
    entry = asked(D1, received_rows=13, duplicate_rows=2)
    row, value = (None, None), ("weight", "-1")
    aside = [(D1, RAW, *row), (D1, CLEAN, *row), (D1, CLEAN, *value), (D1, CLEAN, *value), (D2, RAW, *value)]
    found = accounts(raw, clean, [entry, asked(D2, received_rows=1, duplicate_rows=0)], aside)
    figures = ("received", "kept", "quarantined", "duplicates", "unaccounted")
    assert {key: tuple(row[f] for f in figures) for key, row in found.items()} == {
        (D1, RAW.path): (13, 10, 1, 2, 0),
        (D1, CLEAN.path): (10, 6, 1, 3, 0),
        (D2, RAW.path): (1, 1, 0, 0, 0),
        (D2, CLEAN.path): (1, 1, 0, 0, 0),
    }
    assert {key: row["values_set_aside"] for key, row in found.items()} == {
        (D1, RAW.path): 0, (D1, CLEAN.path): 2, (D2, RAW.path): 1, (D2, CLEAN.path): 0,
    }  # fmt: skip


def test_rows_that_got_lost_or_came_from_nowhere_are_not_accounted_for() -> None:
    found = accounts(
        notices((D1, 1), (D2, 1), (D2, 2)),
        things(thing(D1, 1), thing(D1, 2), thing(D1, 3)),
        [asked(D1, received_rows=5, duplicate_rows=1), asked(D2, received_rows=1, duplicate_rows=0)],
        [],
    )
    assert [found[day, RAW.path]["unaccounted"] for day in (D1, D2)] == [3, -1]
    assert [found[D1, CLEAN.path][f] for f in ("received", "duplicates", "unaccounted")] == [1, 0, -2]


def test_a_table_that_expects_no_duplicates_has_none_and_what_is_missing_is_lost() -> None:
    strict = dataclasses.replace(CLEAN, duplicates="refuse", drift_limit=0.1)
    empty = {"extraction_ledger": ledger_contract("toy"), "quarantine": quarantine_contract("toy")}
    answered = call(
        table_quality([strict], {strict: told_of_each_day}),
        fact_column_quality=call(ColumnQuality([strict]), things=things(thing(D1, 1), thing(D2, 1))).lazy(),
        notices=notices((D1, 1), (D1, 2), (D1, 3), (D2, 1)),
        **{name: contract.empty().lazy() for name, contract in empty.items()},
    )
    found = {row["date_id"]: row for row in answered.iter_rows(named=True)}
    figures = ("received", "kept", "duplicates", "unaccounted", "drift_limit")
    assert {day: tuple(row[f] for f in figures) for day, row in found.items()} == {
        D1: (3, 1, 0, 2, 0.1),
        D2: (1, 1, 0, 0, 0.1),
    }


RANKED = dataclasses.replace(CLEAN, duplicates="first", precedence=("name", ("list", "export")))


def ranked_accounts(left_out: list[tuple[dt.date, int, bool]]) -> dict[dt.date, tuple[Any, ...]]:
    told = pl.DataFrame(
        left_out, schema={"date_id": pl.Date, "thing_id": pl.Int64, "is_superseded": pl.Boolean}, orient="row"
    )
    empty = {"extraction_ledger": ledger_contract("toy"), "quarantine": quarantine_contract("toy")}
    left = {RANKED: reads(RAW)(lambda notices: told)}
    answered = call(
        table_quality([RANKED], {RANKED: told_of_each_day}, left),
        fact_column_quality=call(
            ColumnQuality([RANKED]), things=things(thing(D1, 1), thing(D1, 2), thing(D2, 1))
        ).lazy(),
        notices=notices(*[(D1, n) for n in range(7)], (D2, 1)),
        **{name: contract.empty().lazy() for name, contract in empty.items()},
    )
    figures = ("received", "kept", "duplicates", "superseded", "unaccounted")
    return {row["date_id"]: tuple(row[f] for f in figures) for row in answered.iter_rows(named=True)}


def test_what_a_better_source_stood_for_is_counted_and_what_is_then_missing_is_lost() -> None:
    left_out = [(D1, 1, True), (D1, 2, True), (D1, 1, False), (D1, 1, True), (D1, 2, True)]
    assert ranked_accounts(left_out) == {D1: (7, 2, 1, 4, 0), D2: (1, 1, 0, 0, 0)}
    assert ranked_accounts(left_out[:2]) == {D1: (7, 2, 0, 2, 3), D2: (1, 1, 0, 0, 0)}
    assert ranked_accounts([*left_out, (D2, 1, True)])[D2] == (1, 1, 0, 1, -1)


def test_a_table_that_ranks_its_sources_says_how_it_counts_what_they_left_out() -> None:
    with pytest.raises(ContractError, match="toy/clean/things: has a precedence, and nothing counts the rows"):
        table_quality([RANKED])


def test_a_month_is_profiled_by_its_own_partition_column() -> None:
    columns = {"as_of" if name == "date_id" else name: column for name, column in CLEAN.columns.items()}
    monthly = dataclasses.replace(
        CLEAN, columns=columns, grain=("as_of", "thing_id"), kept=ByDay("as_of"), cadence=Cadence.MONTH
    )
    end = dt.date(2026, 2, 28)
    rows = things(thing(end, 1, 1.0), thing(end, 2)).rename({"date_id": "as_of"})
    profiled = call(ColumnQuality([monthly]), things=rows)
    assert profiled.filter(column_name="weight").select("date_id", "rows", "known_rows").rows() == [(end, 2, 1)]
    received = {monthly: reads(RAW)(lambda notices: notices.group_by(as_of="date_id").agg(received=pl.len()))}
    answered = call(
        table_quality([monthly], received),
        fact_column_quality=profiled.lazy(),
        extraction_ledger=ledger_contract("toy").empty().lazy(),
        quarantine=quarantine_contract("toy").empty().lazy(),
        notices=notices((end, 1), (end, 2)),
    )
    assert answered.select("date_id", "received", "kept", "unaccounted").rows() == [(end, 2, 2, 0)]
    for contract in (
        column_quality_contract("toy", [monthly], Cadence.MONTH), table_quality_contract("toy", Cadence.MONTH),
    ):  # fmt: skip
        assert contract.cadence is Cadence.MONTH
        assert contract.columns["date_id"].description == "Last day of the month."


def test_what_nobody_counted_is_unknown() -> None:
    row = accounts(notices((D1, 1)), things(), [], [])[D1, RAW.path]
    unknown = (
        "received",
        "duplicates",
        "superseded",
        "unaccounted",
        "extraction_completeness",
        "is_extraction_finished",
    )
    assert [row[f] for f in unknown] == [None] * 6
    older = {"date_id": D1, "endpoint": "list", "promised_ids": 5, "received_ids": 5}
    assert accounts(notices((D1, 1)), things(), [older], [])[D1, RAW.path]["extraction_completeness"] is None


def test_completeness_is_the_mean_over_nullable_columns() -> None:
    row = accounts(notices((D1, 1)), things(thing(D1, 1, 1.0, name="a"), thing(D1, 2, 2.0)), [], [])[D1, CLEAN.path]
    assert row["completeness"] == pytest.approx((0 + 1 / 2 + 1 + 0) / 4)
    assert accounts(notices((D1, 1)), things(), [], [])[D1, CLEAN.path]["completeness"] is None
    assert accounts(notices((D1, 1)), things(), [], [])[D1, RAW.path]["completeness"] is None, "nothing may be null"


def test_outliers_add_up_over_columns_that_could_be_measured() -> None:
    weights = [*map(float, range(10)), 99.0]
    rows = things(*[thing(D1, n, w, uses=7) for n, w in enumerate(weights)])
    found = accounts(notices((D1, 1)), rows, [], [])
    assert (found[D1, CLEAN.path]["outliers"], found[D1, RAW.path]["outliers"]) == (1, None)


def test_extraction_is_as_complete_as_the_lesser_of_pages_and_ids() -> None:
    entries = [
        asked(D1, "a", promised_pages=10, received_pages=10, promised_ids=150, received_ids=120),
        asked(D1, "b", promised_pages=0, received_pages=0, promised_ids=50, received_ids=50, is_finished=False),
        asked(D2, "a", promised_pages=10, received_pages=4, promised_ids=100, received_ids=130),
        asked(D3, "a", received_ids=7),
    ]
    found = accounts(notices((D1, 1), (D2, 1), (D3, 1)), things(), entries, [])
    told = {day: found[day, RAW.path] for day in (D1, D2, D3)}
    assert {day: row["extraction_completeness"] for day, row in told.items()} == {
        D1: pytest.approx(170 / 200), D2: pytest.approx(0.4), D3: None,
    }  # fmt: skip
    assert {day: row["is_extraction_finished"] for day, row in told.items()} == {D1: False, D2: True, D3: True}
    assert {found[D1, c.path]["is_daily"] for c in BOTH} == {True, False}
    assert found[D1, CLEAN.path]["is_daily"] is False


def test_figures_of_a_table_stand_once_though_several_endpoints_brought_it() -> None:
    entries = [asked(D1, endpoint, received_rows=3, duplicate_rows=1) for endpoint in ("a", "b", "c")]
    row = accounts(notices((D1, 1), (D1, 2)), things(), entries, [])[D1, RAW.path]
    assert (row["received"], row["duplicates"], row["unaccounted"]) == (3, 1, 0)


def test_every_figure_says_what_it_is_made_of() -> None:
    for contract, read in (
        (column_quality_contract("toy", BOTH), {"notices", "things"}),
        (table_quality_contract("toy"), {"fact_column_quality", "extraction_ledger", "quarantine"}),
    ):
        named = {word.split(".")[0] for words in contract.comes_from.values() for word in words.split()}
        assert named == read


def test_rows_that_refer_to_nothing_are_counted_for_tables_that_refer() -> None:
    dim = Contract("toy", "star", "dim_thing", "Things.", ("key",), {"key": col(pl.Int64, "Key.")})
    day, key = {"date_id": col(pl.Date, "Day.")}, {"thing_id": col(pl.Int64, "Thing.")}
    kept = ByDay("date_id")
    facts = Contract(
        "toy", "star", "facts", "Facts.", ("date_id", "thing_id"), day | key, kept, references={"thing_id": dim}
    )
    rows = pl.LazyFrame({"date_id": [D1, D1, D1, D2], "thing_id": [1, 8, 9, 1]}, schema=facts.schema)
    profiled = (facts, RAW)
    columns = pl.concat(
        profile_columns(c, count_columns(c, f).collect(), pl.Series([D1, D2]))
        for c, f in zip(profiled, (rows, RAW.empty().lazy()), strict=True)
    )
    tables = {
        "fact_column_quality": columns.lazy(),
        "extraction_ledger": LEDGER.empty().lazy(),
        "quarantine": ASIDE.empty().lazy(),
    }
    answered = call(table_quality(profiled), **tables, facts=rows, dim_thing=pl.LazyFrame({"key": [1, 2]}))
    assert dict(answered.filter(table_name=facts.path).select("date_id", "orphans").iter_rows()) == {D1: 2, D2: 0}
    assert answered.filter(table_name=RAW.path).get_column("orphans").to_list() == [None, None]
