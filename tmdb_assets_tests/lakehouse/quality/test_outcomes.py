"""Checks made again day by day: by the very functions, each over its own day, whatever other days are there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Audit, ByDay, Contract, Whole, col
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.transforms import ROWS, reads
from tmdb_assets.lakehouse.quality.outcomes import CheckQuality, check_quality_contract, grain_of
from tmdb_assets_tests.stating import call

D1, D2, D3 = (dt.date(2026, 3, n) for n in (1, 2, 3))


def table(name: str, partition: str | None) -> Contract:
    day = partition or "date_id"
    columns = {day: col(pl.Date, "Day."), "thing_id": col(pl.Int64, "Thing."), "weight": col(pl.Int64, "Weight.")}
    return Contract(
        "toy", "clean", name, "Things.", (day, "thing_id"), columns, kept=ByDay(partition) if partition else Whole()
    )


THINGS, SHELVES, LIVE = table("things", "date_id"), table("shelves", "as_of"), table("live", None)


@reads(ROWS)
def light(rows: pl.LazyFrame) -> Outcome:
    """Nothing weighs more than 9."""
    heaviest = rows.select(pl.col("weight").max()).collect().item()
    return Outcome("light", heaviest is None or heaviest <= 9, f"the heaviest weighs {heaviest}")


@reads(THINGS, SHELVES)
def on_shelves(things: pl.LazyFrame, shelves: pl.LazyFrame) -> Outcome:
    """Every thing lies on a shelf."""
    lost = things.join(shelves, on="thing_id", how="anti").select(pl.len()).collect().item()
    return Outcome("on_shelves", not lost, f"{lost} lie elsewhere")


CHECKS = CheckQuality(
    [THINGS, SHELVES], {THINGS: {"grain": grain_of(THINGS), "light": light}, LIVE: {"on_shelves": on_shelves}}
)
Row = tuple[dt.date, int, int]


def ended(things: list[Row], shelves: list[Row] | None = None) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    answered = call(
        CHECKS,
        things=pl.LazyFrame(things, schema=THINGS.schema, orient="row"),
        shelves=pl.LazyFrame(shelves or [], schema=SHELVES.schema, orient="row"),
    )
    audit = Audit.of(check_quality_contract("toy", CHECKS.read), answered)
    assert not audit.quarantined.height
    assert not audit.kept.select(check_quality_contract("toy", ()).grain).is_duplicated().any()
    return {row[:3]: row[3:] for row in audit.kept.iter_rows()}


def test_what_the_checks_read_is_stated() -> None:
    assert [read.contract for read in CHECKS.inputs] == [THINGS, SHELVES]


def test_each_day_is_judged_by_itself() -> None:
    found = ended([(D1, 1, 3), (D1, 2, 12), (D2, 1, 4)], [(D1, 1, 0), (D1, 2, 0)])
    live, things = LIVE.path, THINGS.path
    assert found == {
        (D1, things, "grain"): (True, 2, "no grain twice"),
        (D2, things, "grain"): (True, 1, "no grain twice"),
        (D1, things, "light"): (False, 2, "the heaviest weighs 12"),
        (D2, things, "light"): (True, 1, "the heaviest weighs 4"),
        (D1, live, "on_shelves"): (True, 4, "0 lie elsewhere"),
        (D2, live, "on_shelves"): (False, 1, "1 lie elsewhere"),
    }


def test_a_day_on_which_only_one_of_the_tables_has_rows_is_judged_where_it_is_read() -> None:
    found = ended([], [(D3, 1, 0)])
    assert found == {(D3, LIVE.path, "on_shelves"): (True, 1, "0 lie elsewhere")}
    assert ended([], []) == {}


def test_a_grain_that_is_there_twice_is_found() -> None:
    passed, rows, sentence = ended([(D1, 1, 3), (D1, 1, 4), (D1, 2, 4)])[D1, THINGS.path, "grain"]
    assert (passed, rows) == (False, 3)
    assert sentence.startswith("2 rows share their grain, e.g. ")


DRAWN = st.lists(st.tuples(st.sampled_from([D1, D2, D3]), st.integers(0, 3), st.integers(0, 12)), max_size=12)


@given(DRAWN, DRAWN)
def test_days_together_end_as_each_alone(things: list[Row], shelves: list[Row]) -> None:
    alone: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for day in (D3, D1, D2):
        alone |= ended([row for row in things if row[0] == day], [row for row in shelves if row[0] == day])
    assert ended(things, shelves) == alone


def test_the_contract_says_what_an_outcome_is_made_of_and_how_often_it_comes() -> None:
    contract = check_quality_contract("toy", CHECKS.read, Cadence.MONTH)
    assert contract.cadence is Cadence.MONTH
    assert contract.comes_from["*"] == "things.date_id shelves.as_of"
    assert set(contract.comes_from["is_passed"].split()) == {
        f"{table.name}.{column}" for table in CHECKS.read for column in table.columns
    }
