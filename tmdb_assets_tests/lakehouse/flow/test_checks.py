"""Checks of a table's own, and what a corrected partition is said to have changed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Contract, Tally, Whole
from tmdb_assets.lakehouse.flow import checks
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import Published
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets_tests.lakehouse.flow.test_publishing import (
    DAYS,
    DIM_THING,
    TABLES,
    THINGS,
    Toy,
    dim_thing,
    notice,
    things,
)
from tmdb_assets_tests.stating import by_name

CORRECTED = replace(THINGS, is_corrected=True)
MONTHS = [dt.date(2026, 1, 31), dt.date(2026, 2, 28), dt.date(2026, 3, 31)]


@pytest.fixture
def source(lake: DeltaStore) -> Toy:
    return Toy(lake)


def outcome(done: Published, check: str) -> Outcome:
    return next(o for o in done.outcomes if o.check == check)


# -- warnings ----------------------------------------------------------------------------------------------------------


def big_ones(rows: pl.LazyFrame, notices: pl.LazyFrame) -> Outcome:
    """No thing is bigger than 5."""
    big = rows.filter(pl.col("size") > 5).collect().height
    told = notices.select(pl.len()).collect().item()
    return Outcome("another name", not big, f"{big} of {told} are big", {"big": big})


def test_a_warning_of_its_own_sees_the_rows_and_never_stops_a_publication(source: Toy) -> None:
    source.says(DAYS[0], notice(1, "a", 9), notice(2, "b", 1))
    source.says(DAYS[1], notice(3, "c", 9))
    table = DerivedTable(THINGS, by_name(things, TABLES), warnings={"not_big": by_name(big_ones, TABLES)})
    assert table.checks["not_big"] == "No thing is bigger than 5."
    done = source.publish(table, DAYS[0])
    said = outcome(done, "not_big")
    assert (said.passed, said.warns, said.sentence) == (False, True, "1 of 2 are big"), "of the run's day alone"
    assert len(source.kept(THINGS)) == 2
    assert list(table.checks) == [o.check for o in done.outcomes]


def test_a_table_waits_for_what_its_warnings_read() -> None:
    table = DerivedTable(DIM_THING, by_name(dim_thing, TABLES), warnings={"not_big": by_name(big_ones, TABLES)})
    assert [c.name for c in table.upstream] == ["things", "notices"]
    assert list(table.reads) == [THINGS], "what it is made of stays what it was"


# -- where each limit lies ---------------------------------------------------------------------------------------------


def audited(received: int, bad: int = 0, **lost: int) -> Tally:
    """The count of an audit with so many rows set aside, and so many values of each column."""
    rules = {"name a rule": bad} if bad else {}
    for column, values in lost.items():
        rules[f"{column} a rule"] = rules.get(f"{column} a rule", 0) + values
    became = {"kept": received - bad, "quarantined": bad, "duplicates": 0}
    return Tally(received, became, sum(lost.values()), lost, rules)


@pytest.mark.parametrize(
    ("received", "bad", "lost", "is_blocked"),
    [
        (20, 20, 0, False), (21, 21, 0, True), (21, 20, 1, True), (20, 0, 20, False), (21, 0, 21, True),
        (41, 21, 0, True), (42, 21, 0, False), (43, 21, 0, False), (42, 22, 0, True), (42, 11, 10, False),
        (42, 11, 11, True), (1000, 500, 0, False), (1000, 501, 0, True), (1000, 0, 500, False), (1000, 250, 251, True),
    ],
)  # fmt: skip
def test_more_than_half_of_the_rows_and_more_than_twenty_block(
    received: int, bad: int, lost: int, is_blocked: bool
) -> None:
    outcome = checks.contract_kept(THINGS, [audited(received, bad, **({"size": lost} if lost else {}))])
    assert (outcome.passed, outcome.warns) == (False, not is_blocked)


def test_what_several_batches_lost_counts_together_column_by_column() -> None:
    half = [audited(21, 5, size=5, name=3), audited(21, 5, size=6, name=3)]
    assert checks.contract_kept(THINGS, half).warns, "10 rows and 11 sizes of 42"
    more = [half[0], audited(21, 6, size=6, name=3)]
    outcome = checks.contract_kept(THINGS, more)
    assert not outcome.warns
    assert outcome.sentence == "11 of 42 rows break it and 17 values of 42 rows are set aside alone, most often: " + (
        "name a rule"
    )
    assert outcome.figures == {"quarantined": 11, "values_set_aside": 17, "name a rule": 17, "size a rule": 11}


def test_a_contract_that_everything_keeps_holds_and_one_of_our_own_arithmetic_is_blocked_by_a_single_row() -> None:
    assert checks.contract_kept(THINGS, [audited(0)]) == Outcome(
        "contract", True, "every row keeps its contract", {"quarantined": 0, "values_set_aside": 0}, warns=True
    )
    assert not checks.contract_kept(replace(THINGS, kept=Whole()), [audited(1000, 1)]).warns


class Counted:
    """A store of which only the rows of days are known."""

    def __init__(self, **rows: int) -> None:
        self.rows = {dt.date.fromisoformat(day.replace("_", "-")[1:]): n for day, n in rows.items()}

    def partition_rows(self, contract: Contract) -> dict[dt.date, int]:
        return self.rows


@pytest.mark.parametrize(
    ("was", "rows", "limit", "passed"),
    [
        (100, 70, 0.3, True), (100, 69, 0.3, False), (100, 130, 0.3, True), (100, 131, 0.3, False),
        (0, 1000, 0.3, True), (1, 0, 0.3, False), (1, 0, 1.0, True), (1, 2, 1.0, True), (1, 3, 1.0, False),
        (5, 5, None, True), (5, 6, None, False),
    ],
)  # fmt: skip
def test_a_day_may_differ_from_the_day_before_by_exactly_its_limit(
    was: int, rows: int, limit: float | None, passed: bool
) -> None:
    store: Any = Counted(d2026_03_01=was, d2026_03_02=7)
    contract = replace(THINGS, drift_limit=limit)
    outcome = checks.drift(contract, store, [dt.date(2026, 3, 2)], {dt.date(2026, 3, 2): rows})
    assert (outcome.passed, outcome.warns, outcome.figures) == (
        passed,
        True,
        {"rows": rows, "rows_the_day_before": was},
    )


@pytest.mark.parametrize(("owners", "lost", "passed"), [(20, 1, True), (19, 1, False), (40, 2, True), (40, 3, False)])
def test_a_dimension_may_lose_exactly_a_twentieth(lake: DeltaStore, owners: int, lost: int, passed: bool) -> None:
    things = [(n, "a", 1, DAYS[0]) for n in range(owners)]
    lake.merge(DIM_THING, pl.DataFrame(things, schema=DIM_THING.schema, orient="row"), {})
    outcome = checks.shrinkage(DIM_THING, lake, lost)
    assert (outcome.passed, outcome.warns, outcome.figures) == (passed, True, {"before": owners, "lost": lost})
    assert outcome.sentence == f"{lost} of {owners} lost their rows"
    assert checks.shrinkage(DIM_THING, lake, 0).passed


def test_received_is_what_it_became_to_the_row() -> None:
    for received, passed in ((9, False), (10, True), (11, False)):
        outcome = checks.accounting(received, kept=6, quarantined=3, duplicates=1)
        assert (outcome.passed, outcome.warns, outcome.figures["received"]) == (passed, False, received)
        assert ("not accounted for" in outcome.sentence) == (not passed)


def test_the_outcomes_of_batches_are_one_whose_failure_stays() -> None:
    held, warned = Outcome("c", True, "held", {"n": 1, "day": "a"}), Outcome("c", False, "warned", {"n": 2}, warns=True)
    failed = Outcome("c", False, "failed", {"n": 4, "day": "b"})
    assert checks.merged([held, held]) == [Outcome("c", True, "held", {"n": 2, "day": "a"})]
    assert checks.merged([warned, replace(held, warns=True)]) == [
        Outcome("c", False, "warned", {"n": 3, "day": "a"}, warns=True)
    ]
    assert checks.merged([warned, failed, held]) == [Outcome("c", False, "warned", {"n": 7, "day": "a"})]
    assert [o.check for o in checks.merged([held, replace(failed, check="d"), held])] == ["c", "d"]


@pytest.mark.parametrize(
    ("key", "is_told"),
    [("a", True), ("a" * 60, True), ("a" * 61, False), ("a@b.c d", False), ("a.b[].c", True), ("a b", False),
     (".".join(["a"] * 21), True), (".".join(["a"] * 22), False)],
)  # fmt: skip
def test_only_what_looks_like_the_name_of_a_field_is_told(key: str, is_told: bool) -> None:
    assert bool(checks.FIELD_NAME.fullmatch(key)) == is_told


# -- corrections -------------------------------------------------------------------------------------------------------


def publish(source: Toy, *days: dt.date) -> Published:
    return source.publish(DerivedTable(CORRECTED, by_name(things, TABLES)), *days)


def test_a_day_filled_again_says_what_was_added_changed_and_removed(source: Toy) -> None:
    source.says(DAYS[0], notice(1), notice(2), notice(3, "c", None))
    first = publish(source, DAYS[0])
    assert first.difference is not None
    assert (first.difference.figures, first.difference.is_correction) == (
        {"rows_added": 3, "rows_changed": 0, "rows_removed": 0},
        False,
    )
    source.says(DAYS[0], notice(2, "b"), notice(3, "c", None), notice(4), notice(5))
    again = publish(source, DAYS[0])
    assert again.difference is not None
    assert again.difference.figures == {"rows_added": 2, "rows_changed": 1, "rows_removed": 1}
    assert source.lines[-1] == (
        "toy/clean/things 2026-03-01: corrected what was kept before: 2 rows added, 1 changed, 1 removed (version 2)"
    )
    assert source.store.history(CORRECTED, 1)[0]["rows_changed"] == "1"


def test_the_same_rows_again_cost_nothing_and_are_no_correction(source: Toy) -> None:
    source.says(DAYS[0], notice(1), notice(2, "b", None))
    publish(source, DAYS[0])
    done = publish(source, DAYS[0])
    assert source.store.version(CORRECTED) == 1
    assert [c.changed for c in done.commits] == [False]
    assert not any("corrected" in line for line in source.lines)


def test_a_day_without_rows_still_makes_its_table(source: Toy) -> None:
    source.says(DAYS[0])
    publish(source, DAYS[0])
    assert source.store.version(CORRECTED) is not None


def test_differences_of_several_batches_add_up(source: Toy) -> None:
    source.store.bytes_per_batch = 1
    for day in DAYS[:3]:
        source.says(day, notice(1), notice(2))
    publish(source, *DAYS[:2])
    source.says(DAYS[0], notice(1, "other"))
    done = publish(source, *DAYS[:3])
    assert done.difference is not None
    assert done.difference.figures == {"rows_added": 2, "rows_changed": 1, "rows_removed": 1}
    assert done.difference.is_correction


# -- months ------------------------------------------------------------------------------------------------------------


def test_a_monthly_table_is_compared_with_the_month_before(source: Toy) -> None:
    monthly = replace(THINGS, cadence=Cadence.MONTH)
    table = DerivedTable(monthly, by_name(things, TABLES))
    for month, rows in zip(MONTHS, (4, 4, 1), strict=True):
        source.says(month, *[notice(n + 1) for n in range(rows)])
    done = source.publish(table, *MONTHS)
    said = outcome(done, "row_count_drift")
    assert (said.passed, said.sentence) == (False, "2026-03-31: 1 rows after 4 the month before")
    assert said.figures == {"rows": 1, "rows_the_month_before": 4}
