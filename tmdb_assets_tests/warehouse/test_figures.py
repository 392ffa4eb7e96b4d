"""How figures are written for people."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.warehouse import figures


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "$0"),
        (980, "$980"),
        (999.4, "$999"),
        (999.9, "$1K"),
        (12_500, "$12.5K"),
        (999_949, "$1M"),
        (1_000_000, "$1M"),
        (153_000_000, "$153M"),
        (99_960_000, "$100M"),
        (1_234_567_890, "$1.2B"),
        (2_923_706_026, "$2.9B"),
        (-12_500_000, "−$12.5M"),
    ],
)
def test_money_is_short(value: float | None, shown: str) -> None:
    assert figures.money(value) == shown


@given(st.floats(0, 1e12))
def test_money_is_never_far_from_what_it_says(value: float) -> None:
    units = {"K": 1e3, "M": 1e6, "B": 1e9}
    text = figures.money(value).removeprefix("$")
    read = float(text.rstrip("KMB").replace(",", "")) * units.get(text[-1], 1)
    assert read == pytest.approx(value, rel=0.06, abs=0.51)


def test_other_figures() -> None:
    assert [figures.count(n) for n in (None, 0, 12345, -7, -0.2)] == ["–", "0", "12,345", "−7", "0"]
    assert [figures.change(n) for n in (None, 0, 12, -3, 0.2)] == ["–", "0", "+12", "−3", "0"]
    assert [figures.decimal(n) for n in (None, 7.345, -0.01)] == ["–", "7.3", "0.0"]
    assert [figures.ratio(n) for n in (None, 2.24)] == ["–", "2.2×"]
    assert [figures.share(n) for n in (None, 0.378, 1, 0, 0.9999, 0.0001, 0.12)] == [
        *("–", "37.8%", "100%", "0%", "99.9%", "0.1%", "12.0%")
    ]
    assert [figures.day(d) for d in (None, dt.date(2026, 3, 1))] == ["–", "1 March 2026"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (90_000, "1 day ago")],
)
def test_how_long_ago(seconds: int, shown: str) -> None:
    now = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
    assert figures.ago(now - dt.timedelta(seconds=seconds), now) == shown
    assert figures.moment(now) == "10 March 2026, 12:00 UTC"
