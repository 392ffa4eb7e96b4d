"""Where the warnings of moovitamix begin: exactly half of a list gone, one day more than a sentence names."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from tmdb_assets.sources.moovitamix import checks

DAY = dt.date(2026, 3, 10)


def changes(*rows: tuple[int, int, str, int]) -> pl.LazyFrame:
    columns = ["date_id", "compared_with", "listed_before", "vanished", "endpoint", "held_back"]
    told = [(DAY + dt.timedelta(days=n), DAY, *row) for n, row in enumerate(rows)]
    return pl.DataFrame(told, schema=columns, orient="row").lazy()


@pytest.mark.parametrize(
    ("before", "vanished", "passed"),
    [(0, 0, True), (1, 0, True), (1, 1, False), (2, 1, True), (3, 1, True), (3, 2, False), (4, 2, True), (4, 3, False)],
)
@pytest.mark.parametrize("endpoint", ["tracks", "users", "listen_history"])
def test_more_than_half_of_tracks_or_users_gone_is_another_server(
    endpoint: str, before: int, vanished: int, passed: bool
) -> None:
    outcome = checks.full_churn(changes((before, vanished, endpoint, 0)))
    is_looked_at = before > 0 and endpoint != "listen_history"
    assert (outcome.passed, outcome.warns) == (passed or endpoint == "listen_history", True)
    assert outcome.figures == {
        "vanished": vanished if is_looked_at else 0,
        "listed_before": before if is_looked_at else 0,
    }


@pytest.mark.parametrize(("days", "more"), [(1, ""), (3, ""), (4, " and 1 more"), (5, " and 2 more")])
def test_three_days_that_held_rows_back_are_named(days: int, more: str) -> None:
    outcome = checks.held_back(changes((9, 0, "tracks", 0), *[(9, 0, "tracks", 2)] * days))
    assert not outcome.passed and outcome.figures == {"held_back": 2 * days}
    assert outcome.sentence.count("2 tracks on") == min(days, 3)
    assert f"{more}. The lists moved" in outcome.sentence
    assert checks.held_back(changes((9, 0, "tracks", 0))).passed
