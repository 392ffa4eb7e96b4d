"""Answers are typed in one place: types, last digits, and the parts that were wanted."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import ByDay, Contract, col
from tmdb_assets.lakehouse.engines.answers import typed

DAYS = [dt.date(2026, 3, n) for n in (1, 2, 3)]
FIGURES = Contract(
    "toy",
    "views",
    "vw_figures",
    "Figures.",
    ("date_id",),
    {"date_id": col(pl.Date, "Day."), "n": col(pl.Int64, "Count."), "mean": col(pl.Float64, "Mean.", nullable=True)},
    kept=ByDay("date_id"),
)


def figures(n: Any, mean: Any) -> pl.DataFrame:
    return pl.DataFrame({"date_id": DAYS[:1], "n": [n], "mean": [mean]})


def mean_of(value: float) -> float:
    return float(typed(figures(1, value), FIGURES).item(0, "mean"))


@pytest.mark.parametrize("n", [Decimal(3), 3], ids=["a sum", "a count"])
def test_numbers_of_any_width_are_those_of_the_contract(n: Any) -> None:
    answer = typed(figures(n, Decimal("0.25")).with_columns(pl.col("date_id")), FIGURES)
    assert answer.schema == FIGURES.schema
    assert answer.rows() == [(DAYS[0], 3, 0.25)]


def test_a_text_or_a_fraction_where_a_whole_number_is_promised_is_left_for_the_audit() -> None:
    for n in ("3", 3.5, Decimal("3.5")):
        assert typed(figures(n, 0.5), FIGURES).schema["n"] != pl.Int64


def test_sums_that_differ_in_their_last_digit_are_one() -> None:
    """On both sides of a half in the twelfth digit too, where rounding once tells them apart."""
    below, above = 0.06540046985405, math.nextafter(0.06540046985405, 0)
    assert below != above
    once = pl.Series([below, above]).round_sig_figs(12)
    assert once[0] != once[1], "the example shows what it is for"
    assert mean_of(below) == mean_of(above)


@pytest.mark.parametrize("value", [0.0, 0.1, -2.5, 123456.789012, 1.5e9, -2.5e-8])
def test_what_has_few_digits_stays_as_it_is(value: float) -> None:
    assert mean_of(value) == value


def test_rows_of_other_days_than_those_wanted_are_left_out() -> None:
    rows = pl.DataFrame({"date_id": DAYS, "n": [1, 2, 3], "mean": [None, None, None]})
    assert typed(rows, FIGURES, [DAYS[2], DAYS[0]]).get_column("n").to_list() == [1, 3]
    assert typed(rows, FIGURES).height == 3
    assert typed(rows, FIGURES, []).height == 0
