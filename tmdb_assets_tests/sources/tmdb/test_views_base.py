"""The views that others stand on, against plain Python over the payloads: last observation, money per film, the top."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest

from tmdb_assets_tests.sources.tmdb.money import films_of
from tmdb_assets_tests.sources.tmdb.tiny import DAY, a_film, ago, ask, seen
from tmdb_assets_tests.sources.tmdb.worlds import World

BUDGET_TIERS = [(1e6, "micro"), (1e7, "low"), (5e7, "medium"), (1e8, "high"), (float("inf"), "blockbuster")]
RATING_TIERS = [
    (3, "poor"),
    (5, "below average"),
    (6.5, "average"),
    (7.5, "good"),
    (8.5, "very good"),
    (99, "excellent"),
]


def tier(value: float | None, tiers: list[tuple[float, str]]) -> str | None:
    return None if value is None else next(name for limit, name in tiers if value < limit)


def test_the_last_observation_of_each_film(world: World) -> None:
    answered = {row["movie_id"]: row for row in world.rows("vw_movie_latest")}
    last = world.last_seen()
    voted = {
        film: (day, told)
        for day in sorted(world.daily)
        for film, told in world.daily[day].items()
        if told.vote_count is not None
    }
    assert set(answered) == set(last)
    today = [told.popularity for film, told in world.daily[world.newest].items() if film not in world.gone]
    for film, (day, told) in last.items():
        row = answered[film]
        assert (row["observed_on"], row["popularity"]) == (day, told.popularity)
        assert row["is_current"] == (day == world.newest)
        is_ranked = row["is_current"] and film not in world.gone
        better = sum(p > told.popularity for p in today) + 1 if is_ranked else None
        assert row["popularity_rank"] == better
        votes_on, votes = voted.get(film, (None, None))
        assert row["votes_on"] == votes_on
        assert row["vote_count"] == (votes.vote_count if votes else None)
        assert row["vote_average"] == (votes.vote_average if votes else None)
        assert row["rating_tier"] == tier(row["vote_average"], RATING_TIERS)
        assert row["gone_on"] == world.gone.get(film)
        if film in world.films:
            assert row["title"] == world.films[film]["title"].strip()


@pytest.mark.parametrize(
    ("last", "count", "mean", "votes_on"),
    [((12, 7.5), 12, 7.5, DAY), ((0, None), 0, None, DAY), ((), 10, 7.0, ago(1))],
    ids=["voted", "votes are gone", "not told"],
)
def test_a_mean_goes_with_its_votes_and_stays_while_nothing_is_told(
    last: tuple[Any, ...], count: int, mean: float | None, votes_on: dt.date
) -> None:
    facts = [seen(ago(1), 1, 5.0, 10, 7.0), seen(DAY, 1, 5.0, *last)]
    [row] = ask("vw_movie_latest", dim_movie=[a_film(1)], fact_movie_daily=facts)
    assert (row["vote_count"], row["vote_average"], row["votes_on"]) == (count, mean, votes_on)
    assert row["rating_tier"] == ("good" if mean == 7.0 else "very good" if mean else None)


@pytest.mark.parametrize(("mean", "name"), [(limit - 0.001, name) for limit, name in RATING_TIERS[:5]] + [
    (limit, after) for (limit, _), (_, after) in pairwise(RATING_TIERS)
])  # fmt: skip
def test_a_tier_begins_at_its_limit(mean: float, name: str) -> None:
    [row] = ask("vw_movie_latest", dim_movie=[a_film(1)], fact_movie_daily=[seen(DAY, 1, 5.0, 10, mean)])
    assert row["rating_tier"] == name


def test_the_top_is_the_200_most_popular_films_of_the_newest_day(world: World) -> None:
    there = {f: s for f, s in world.daily[world.newest].items() if f not in world.gone}
    best = sorted(there, key=lambda film: (-there[film].popularity, film))[:200]
    answered = world.rows("vw_top_movies")
    assert [row["position"] for row in answered] == list(range(1, len(best) + 1))
    assert [row["movie_id"] for row in answered] == best
    assert [row["popularity"] for row in answered] == [there[film].popularity for film in best]


def test_money_per_film(world: World) -> None:
    answered = {row["movie_id"]: row for row in world.rows("vw_movie_financials")}
    assert set(answered) == set(world.films) - set(world.gone)
    of_films = {film.movie_id: film for film in films_of(world)}
    for film, row in answered.items():
        said = world.films[film]
        budget, revenue = said["budget"] or None, said["revenue"] or None
        runtime = said["runtime"] or None
        assert (row["budget_usd"], row["revenue_usd"], row["runtime_minutes"]) == (budget, revenue, runtime)
        money = of_films[film].money
        assert (row["status"], row["is_released"]) == (said["status"], of_films[film].is_released)
        assert row["has_budget"] == (of_films[film].counted_budget is not None)
        assert row["has_revenue"] == (of_films[film].counted_revenue is not None)
        assert row["has_money"] == (money is not None)
        assert row["has_implausible_money"] == of_films[film].is_implausible
        assert row["profit_usd"] == (money[1] - money[0] if money else None)
        assert row["roi"] == (pytest.approx(money[1] / money[0]) if money else None)
        a_minute = money[1] / runtime if money and runtime else None
        assert row["revenue_per_minute_usd"] == (None if a_minute is None else pytest.approx(a_minute))
        assert row["budget_tier"] == tier(budget, BUDGET_TIERS)
        released = dt.date.fromisoformat(said["release_date"]) if said["release_date"] else None
        assert (row["release_date"], row["release_year"]) == (released, released.year if released else None)
