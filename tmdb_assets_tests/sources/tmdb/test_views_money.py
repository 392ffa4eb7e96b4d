"""Rankings, years, genres, tiers, series, languages, correlations, fair ratings and real money: against plain Python
over the payloads, and over a few films made by hand."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import random
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from statistics import correlation, fmean
from typing import Any

import pytest

from tmdb_assets.sources.tmdb import shipped
from tmdb_assets_tests.sources.tmdb.money import (
    DAY,
    VIEWS,
    Film,
    Row,
    a_film,
    a_star,
    answer,
    best_earning,
    differences,
    figures,
    films_of,
    grouped,
    years,
)
from tmdb_assets_tests.sources.tmdb.test_views_base import BUDGET_TIERS, RATING_TIERS, tier
from tmdb_assets_tests.sources.tmdb.worlds import Seen, World

GONE = {"gone_on": dt.date(2026, 3, 2)}


def test_the_worlds_have_what_these_views_are_about(world: World) -> None:
    films = films_of(world)
    assert sum(film.money is not None for film in films) > 20
    assert sum(film.money is None for film in films) > 20
    assert sum(film.rating is None for film in films) > 0 or world.gone
    assert len({film.year for film in films}) > 10


# -- rankings ----------------------------------------------------------------------------------------------------------


def audience(world: World) -> dict[int, tuple[dt.date, Seen]]:
    """Films ever seen and not gone: day and figures of the last day, with the votes of the last day that has some."""
    seen = {film: last for film, last in world.last_seen().items() if film not in world.gone}
    voted = {f: s for day in sorted(world.daily) for f, s in world.daily[day].items() if s.vote_count is not None}
    none = Seen(0, None, None)
    return {
        f: (day, Seen(s.popularity, voted.get(f, none).vote_average, voted.get(f, none).vote_count))
        for f, (day, s) in seen.items()
    }


def test_rankings(world: World) -> None:
    films = films_of(world)
    true = [film for film in films if not film.is_implausible]
    money = {film.movie_id: film.money for film in true if film.money}
    large = {film: (budget, revenue) for film, (budget, revenue) in money.items() if budget >= 10_000_000}
    false = [film for film in films if film.is_implausible]
    left_out = {
        "revenue": sum(film.counted_revenue is not None for film in false),
        "budget": sum(film.counted_budget is not None for film in false),
        **dict.fromkeys(("profit_highest", "profit_lowest"), sum(film.money is not None for film in false)),
        **dict.fromkeys(
            ("roi_highest", "roi_lowest"), sum(f.money is not None and (f.budget or 0) >= 10_000_000 for f in false)
        ),
    }
    seen = audience(world)
    ratings = {f: s.vote_average for f, (_, s) in seen.items() if (s.vote_count or 0) >= 10}
    populations: dict[str, dict[int, Any]] = {
        "revenue": {film.movie_id: film.counted_revenue for film in true if film.counted_revenue},
        "budget": {film.movie_id: film.counted_budget for film in true if film.counted_budget},
        "profit_highest": {film: revenue - budget for film, (budget, revenue) in money.items()},
        "profit_lowest": {film: revenue - budget for film, (budget, revenue) in money.items()},
        "roi_highest": {film: revenue / budget for film, (budget, revenue) in large.items()},
        "roi_lowest": {film: revenue / budget for film, (budget, revenue) in large.items()},
        "votes": {film: s.vote_count for film, (_, s) in seen.items() if s.vote_count is not None},
        "rating_highest": ratings,
        "rating_lowest": ratings,
        "popularity": {film: s.popularity for film, (day, s) in seen.items() if day == world.newest},
    }
    expected = []
    for metric in sorted(populations):
        sign = 1 if metric.endswith("_lowest") else -1
        best = sorted(populations[metric].items(), key=lambda item: (sign * item[1], item[0]))[:10]
        expected += [
            {
                "metric": metric,
                "position": place,
                "movie_id": film,
                "value": float(value),
                "left_out": left_out.get(metric, 0),
            }
            for place, (film, value) in enumerate(best, start=1)
        ]
    assert sum(left_out.values()) > 0, "no film's money is hardly true"
    answered = world.rows("vw_rankings")
    titles = {row["movie_id"]: row.pop("title") for row in answered}
    assert differences(answered, expected) == []
    assert {f: t for f, t in titles.items() if f in world.films and t != world.films[f]["title"].strip()} == {}


def ranking(star: Any, metric: str) -> list[tuple[int, float]]:
    rows = [row for row in answer(star, "vw_rankings") if row["metric"] == metric]
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    return [(row["movie_id"], row["value"]) for row in rows]


def test_between_equals_the_lower_film_id_comes_first_at_either_end() -> None:
    star = a_star(a_film(3), a_film(1), a_film(2))
    for metric in ("revenue", "profit_highest", "profit_lowest", "roi_lowest", "rating_lowest", "votes", "popularity"):
        assert [film for film, _ in ranking(star, metric)] == [1, 2, 3], metric


def test_a_ranking_has_ten_places_at_most_and_fewer_where_fewer_are_known() -> None:
    poor = [a_film(n, budget_usd=None) for n in range(1, 11)]
    star = a_star(*poor, a_film(11), a_film(12, budget_usd=9_999_999))
    assert len(ranking(star, "popularity")) == 10
    assert [film for film, _ in ranking(star, "budget")] == [11, 12]
    assert len(ranking(star, "revenue")) == 10
    assert ranking(star, "roi_highest") == [(11, 3.0)]
    assert ranking(a_star(a_film(1, revenue_usd=None)), "revenue") == []


def test_a_film_of_nine_votes_has_no_rank_by_rating_one_that_is_gone_none_at_all() -> None:
    star = a_star(a_film(1, vote_count=9), a_film(2, vote_count=10), a_film(3, **GONE), a_film(4, vote_count=0))
    assert ranking(star, "rating_highest") == [(2, 6.0)]
    assert [film for film, _ in ranking(star, "votes")] == [2, 1, 4]
    assert [film for film, _ in ranking(star, "revenue")] == [1, 2, 4]


def test_a_film_not_seen_on_the_newest_day_has_no_rank_by_popularity() -> None:
    star = a_star(a_film(1, popularity=99.0, date_id=dt.date(2026, 2, 1)), a_film(2))
    assert ranking(star, "popularity") == [(2, 1.0)]
    assert [film for film, _ in ranking(star, "votes")] == [1, 2]


# -- groups of films ---------------------------------------------------------------------------------------------------

BUDGET_ORDER = [name for _, name in BUDGET_TIERS]
RATING_ORDER = [name for _, name in RATING_TIERS]

#: View -> its key column, the keys of a film, and the columns beyond those that every grouped view has.
GROUPED: dict[str, tuple[str, Callable[[Film], Sequence[Any] | set[Any]], Callable[[Any, list[Film]], Row]]] = {
    "vw_yearly_box_office": ("release_year", lambda f: [f.year], lambda _, films: best_earning(films)),
    "vw_decades": ("decade", lambda f: [f.year and f.year // 10 * 10], lambda *_: {}),
    "vw_genre_performance": ("genre_id", lambda f: f.ids("genres"), lambda *_: {}),
    "vw_budget_tiers": (
        "budget_tier",
        lambda f: [tier(f.budget, BUDGET_TIERS)],
        lambda name, _: {"tier_order": BUDGET_ORDER.index(name) + 1},
    ),
    "vw_rating_tiers": (
        "rating_tier",
        lambda f: [tier(f.rating, RATING_TIERS)],
        lambda name, _: {"tier_order": RATING_ORDER.index(name) + 1},
    ),
    "vw_franchise_vs_standalone": ("is_franchise", lambda f: [f.series is not None], lambda *_: {}),
    "vw_franchises": (
        "collection_id",
        lambda f: [f.series],
        lambda _, films: years(films) | best_earning(films) | best_rated(films),
    ),
    "vw_languages": ("original_language", lambda f: [f.said["original_language"] or None], lambda *_: {}),
}


def best_rated(films: list[Film]) -> Row:
    """The film with the highest mean vote among those with at least 10 votes."""
    known = [(film.rating, film) for film in films if film.rating is not None and (film.votes or 0) >= 10]
    rating, best = min(known, key=lambda pair: (-pair[0], pair[1].movie_id), default=(None, None))
    return {
        "best_rated_movie_id": best.movie_id if best else None,
        "best_rated_title": best.title if best else None,
        "best_rated_vote_average": None if rating is None else float(rating),
    }


@pytest.mark.parametrize("view", GROUPED)
def test_groups_of_films(world: World, view: str) -> None:
    key, keys, more = GROUPED[view]
    answered = world.rows(view)
    for row in answered:
        row.pop("name", None)
    groups = grouped(films_of(world), keys)
    expected = [{key: value} | figures(films) | more(value, films) for value, films in groups.items()]
    assert expected or view == "vw_franchises", "older recordings name no series"
    assert differences(answered, expected) == []


def listed(world: World, endpoint: str) -> list[Any]:
    """The entries of one of TMDB's small lists, of every day."""
    answers = [json.loads(row["payload"]) for row in world.rows("reference") if row["endpoint"] == endpoint]
    return [entry for said in answers for entry in (said if isinstance(said, list) else said["genres"])]


@pytest.mark.parametrize("view", ["vw_genre_performance", "vw_franchises", "vw_languages"])
def test_groups_go_by_a_name_that_was_said_of_them(world: World, view: str) -> None:
    films = films_of(world)
    entries: list[tuple[Any, str]] = {
        "vw_genre_performance": [(g["id"], g["name"]) for film in films for g in film.said["genres"]]
        + [(g["id"], g["name"]) for g in listed(world, "genre/movie/list")],
        "vw_franchises": [
            (s["id"], s["name"]) for s in (film.said.get("belongs_to_collection") for film in films) if s
        ],
        "vw_languages": [(s["iso_639_1"], s["name"]) for film in films for s in film.said["spoken_languages"]]
        + [(s["iso_639_1"], s["english_name"]) for s in listed(world, "configuration/languages")],
    }[view]
    key = GROUPED[view][0]
    said: dict[Any, set[str | None]] = {}
    for value, name in entries:
        said.setdefault(value, set()).add(name.strip() or None)
    named = [(row[key], row["name"]) for row in world.rows(view)]
    assert [pair for pair in named if pair[1] not in said.get(pair[0], {None})] == []
    assert any(name for _, name in named) or not named


def test_a_film_with_two_genres_counts_in_both_one_that_is_gone_in_none() -> None:
    star = a_star(
        a_film(1, revenue_usd=20_000_000),
        a_film(2, revenue_usd=50_000_000, vote_average=7.0),
        a_film(3, **GONE),
        bridge_movie_genre=[{"movie_id": f, "genre_id": g} for f, g in [(1, 5), (2, 5), (2, 6), (3, 6), (3, 7)]],
        dim_genre=[{"genre_id": 5, "name": "Drama"}, {"genre_id": 6, "name": "War"}, {"genre_id": 7, "name": "None"}],
    )
    drama, war = answer(star, "vw_genre_performance")
    assert (drama["name"], drama["films"], drama["total_revenue_usd"]) == ("Drama", 2, 70_000_000)
    assert (war["name"], war["films"], war["total_revenue_usd"]) == ("War", 1, 50_000_000)
    assert (drama["median_roi"], drama["mean_rating"], war["mean_rating"]) == (3.5, 6.5, 7.0)


def test_without_a_film_with_money_every_money_figure_is_null() -> None:
    none = {"budget_usd": None, "revenue_usd": None}
    star = a_star(a_film(1, **none), a_film(2, **none), a_film(3, status="Planned"))
    for view in ("vw_yearly_box_office", "vw_decades", "vw_franchise_vs_standalone"):
        (row,) = answer(star, view)
        assert (row["films"], row["films_with_both"], row["films_with_votes"]) == (3, 0, 3)
        assert (row["films_with_budget"], row["films_with_revenue"]) == (0, 0)
        assert [name for name, value in row.items() if ("_usd" in name or "roi" in name) and value is not None] == []
        assert row.get("best_earning_title") is None


def test_half_known_money_counts_where_it_is_known_and_profit_needs_both() -> None:
    star = a_star(
        a_film(1, budget_usd=10, revenue_usd=40),
        a_film(2, budget_usd=1_000, revenue_usd=None),
        a_film(3, budget_usd=None, revenue_usd=60),
    )
    (row,) = answer(star, "vw_decades")
    counted = [row[name] for name in ("films", "films_with_budget", "films_with_revenue", "films_with_both")]
    assert (row["decade"], counted) == (2000, [3, 2, 2, 1])
    assert (row["total_budget_usd"], row["mean_budget_usd"], row["median_budget_usd"]) == (1_010, 505.0, 505.0)
    assert (row["total_revenue_usd"], row["mean_revenue_usd"], row["median_revenue_usd"]) == (100, 50.0, 50.0)
    assert (row["total_profit_usd"], row["median_profit_usd"], row["median_roi"]) == (30, 30.0, 4.0)


UNRELEASED = [
    {"status": "Post Production"},
    {"status": "Canceled"},
    {"status": None, "release_date": None},
    {"status": None, "release_date": DAY + dt.timedelta(days=1)},
]


@pytest.mark.parametrize("known", UNRELEASED, ids=lambda known: str(known.get("release_date", known["status"])))
def test_an_unreleased_film_counts_in_films_and_popularity_and_its_money_in_nothing(known: Row) -> None:
    together = {"collection_id": 9, "revenue_usd": 10**9}
    star = a_star(
        a_film(1, collection_id=9, popularity=1.0),
        a_film(2, popularity=5.0, **together, **known),
        dim_collection=[{"collection_id": 9, "name": "Nine"}],
    )
    (row,) = answer(star, "vw_franchises")
    counted = [row[name] for name in ("films", "films_with_budget", "films_with_revenue", "films_with_both")]
    assert (counted, row["mean_popularity"]) == ([2, 1, 1, 1], 3.0)
    assert (row["total_revenue_usd"], row["best_earning_movie_id"]) == (30_000_000, 1)
    assert [film for film, _ in ranking(star, "revenue")] == [1]
    film = answer(star, "vw_movie_financials")[1]
    assert (film["budget_usd"], film["revenue_usd"]) == (10_000_000, 10**9)
    assert not (film["is_released"] or film["has_budget"] or film["has_revenue"] or film["has_money"])
    assert (film["profit_usd"], film["roi"], film["revenue_per_minute_usd"]) == (None, None, None)


def test_without_a_status_a_film_of_a_past_date_is_released_and_a_status_outranks_the_date() -> None:
    star = a_star(
        a_film(1, status=None, release_date=DAY),
        a_film(2, release_date=DAY + dt.timedelta(days=30)),
        a_film(3, release_date=None),
    )
    assert [row["is_released"] for row in answer(star, "vw_movie_financials")] == [True, True, True]
    assert [row["total_revenue_usd"] for row in answer(star, "vw_franchise_vs_standalone")] == [90_000_000]


# -- what is hardly true -----------------------------------------------------------------------------------------------

FALSE = {"has_implausible_money": True, "revenue_usd": 9 * 10**9, "budget_usd": 8 * 10**9}


def test_what_is_hardly_true_is_in_sums_that_say_so_and_first_in_no_ranking() -> None:
    series = {"collection_id": 9}
    star = a_star(
        a_film(1, **FALSE, **series),
        a_film(2, **series),
        a_film(3, **FALSE | {"budget_usd": None}, **series),
        dim_collection=[{"collection_id": 9, "name": "Nine"}],
        dim_cpi=CPI,
    )
    for view in ("vw_yearly_box_office", "vw_franchises"):
        (row,) = answer(star, view)
        assert (row["best_earning_movie_id"], row["best_earning_title"]) == (2, "Film 2")
        assert (row["best_earning_revenue_usd"], row["films_with_implausible_money"]) == (30_000_000, 2)
        assert (row["total_revenue_usd"], row["films_with_revenue"]) == (18 * 10**9 + 30_000_000, 3)
        assert (row["ranked_total_revenue_usd"], row["ranked_films_with_revenue"]) == (30_000_000, 1)
        assert (row["ranked_median_revenue_usd"], row["ranked_median_roi"]) == (30_000_000.0, 3.0)
    ranks = [(row["movie_id"], row["revenue_rank"]) for row in answer(star, "vw_inflation_adjusted")]
    assert ranks == [(1, None), (2, 1), (3, None)]
    left_out = {row["metric"]: row["left_out"] for row in answer(star, "vw_rankings")}
    by_money = {"revenue": 2} | dict.fromkeys(
        ("budget", "profit_highest", "profit_lowest", "roi_highest", "roi_lowest"), 1
    )
    assert left_out == by_money | dict.fromkeys(("votes", "rating_highest", "rating_lowest", "popularity"), 0)
    for metric in by_money:
        assert [film for film, _ in ranking(star, metric)] == [2], metric
    assert [film for film, _ in ranking(star, "votes")] == [1, 2, 3]


def test_a_year_of_false_money_alone_has_no_best_film() -> None:
    star = a_star(a_film(1, **FALSE), dim_cpi=CPI)
    (row,) = answer(star, "vw_yearly_box_office")
    assert {name: value for name, value in row.items() if name.startswith("best_") and value is not None} == {}


@pytest.mark.parametrize(
    "view", [v for v in VIEWS if "movie_id" in VIEWS[v].contract.columns or "best" in VIEWS[v].sql]
)
def test_no_view_names_a_film_as_the_first_by_money_that_is_known_to_be_false(view: str) -> None:
    """Whatever view ranks films by money: the one film that would lead is flagged, and must lead nowhere."""
    star = a_star(a_film(1, **FALSE, collection_id=9), a_film(2, collection_id=9), dim_cpi=CPI,
                  dim_collection=[{"collection_id": 9, "name": "Nine"}])  # fmt: skip
    for row in answer(star, view):
        money = row.get("metric", "").startswith(("revenue", "budget", "profit", "roi"))
        assert not (money and row["movie_id"] == 1)
        assert row.get("best_earning_movie_id") != 1
        assert row.get("revenue_rank") is None or row["movie_id"] != 1


def test_a_median_of_an_even_number_lies_between_the_middle_two() -> None:
    star = a_star(*[a_film(n, budget_usd=b, revenue_usd=2 * b * b) for n, b in enumerate([1, 2, 5, 100], start=1)])
    (row,) = answer(star, "vw_decades")
    assert (row["median_budget_usd"], row["median_revenue_usd"]) == (3.5, 29.0)
    assert (row["median_profit_usd"], row["median_roi"]) == (25.5, 7.0)


def test_sums_of_large_amounts_are_exact_to_the_dollar() -> None:
    star = a_star(*[a_film(n, budget_usd=1, revenue_usd=9_007_199_254_740_993) for n in range(1, 101)])
    (row,) = answer(star, "vw_decades")
    assert row["total_revenue_usd"] == 900_719_925_474_099_300


def test_years_and_decades_leave_out_films_without_a_date_and_keep_the_turn_of_a_decade_apart() -> None:
    dates = [None, dt.date(1999, 12, 31), dt.date(2000, 1, 1), dt.date(2009, 12, 31)]
    star = a_star(*[a_film(n, release_date=day) for n, day in enumerate(dates, start=1)])
    assert [(row["decade"], row["films"]) for row in answer(star, "vw_decades")] == [(1990, 1), (2000, 2)]
    assert [row["release_year"] for row in answer(star, "vw_yearly_box_office")] == [1999, 2000, 2009]


def test_of_two_films_that_earned_the_same_the_lower_id_is_the_best_of_the_year() -> None:
    half = {"budget_usd": None, "revenue_usd": 30_000_000}
    star = a_star(a_film(2), a_film(1, **half), a_film(3, revenue_usd=29_999_999), a_film(5, **GONE))
    (row,) = answer(star, "vw_yearly_box_office")
    assert (row["best_earning_movie_id"], row["best_earning_title"]) == (1, "Film 1")
    assert row["best_earning_revenue_usd"] == 30_000_000


def test_tiers_stand_in_order_and_films_without_one_are_left_out() -> None:
    budgets = [None, 999_999, 1_000_000, 49_999_999, 50_000_000, 100_000_000]
    ratings = [None, 2.9, 3.0, 6.5, 8.4, 8.5]
    films = [a_film(n, budget_usd=b, vote_average=r) for n, (b, r) in enumerate(zip(budgets, ratings, strict=True), 1)]
    tiers = answer(a_star(*films), "vw_budget_tiers")
    assert sorted((row["tier_order"], row["budget_tier"]) for row in tiers) == list(enumerate(BUDGET_ORDER, start=1))
    liked = answer(a_star(*films), "vw_rating_tiers")
    assert sorted((row["tier_order"], row["rating_tier"]) for row in liked) == [
        (1, "poor"),
        (2, "below average"),
        (4, "good"),
        (5, "very good"),
        (6, "excellent"),
    ]


def test_a_tier_of_films_with_a_budget_alone_says_that_no_revenue_is_known() -> None:
    (row,) = answer(a_star(a_film(1, revenue_usd=None)), "vw_budget_tiers")
    assert (row["budget_tier"], row["films"], row["films_with_budget"]) == ("medium", 1, 1)
    assert (row["films_with_revenue"], row["films_with_both"]) == (0, 0)
    assert (row["mean_budget_usd"], row["mean_revenue_usd"], row["median_roi"]) == (10_000_000.0, None, None)


def test_a_series_names_its_best_and_one_whose_films_are_gone_has_no_row() -> None:
    star = a_star(
        a_film(1, collection_id=9, vote_average=9.9, vote_count=9, release_date=None),
        a_film(2, collection_id=9, vote_average=8.0, vote_count=10, revenue_usd=1),
        a_film(3, collection_id=9, vote_average=8.0, vote_count=99, release_date=dt.date(2004, 1, 1)),
        a_film(4, collection_id=8, **GONE),
        a_film(5),
        dim_collection=[{"collection_id": 9, "name": "Nine"}, {"collection_id": 8, "name": "Eight"}],
    )
    (nine,) = answer(star, "vw_franchises")
    assert (nine["name"], nine["films"], nine["first_year"], nine["last_year"]) == ("Nine", 3, 2000, 2004)
    assert (nine["best_earning_movie_id"], nine["best_earning_revenue_usd"]) == (1, 30_000_000)
    assert (nine["best_rated_movie_id"], nine["best_rated_vote_average"]) == (2, 8.0)
    alone, together = answer(star, "vw_franchise_vs_standalone")
    assert (alone["is_franchise"], alone["films"], together["is_franchise"], together["films"]) == (False, 1, True, 3)


def test_a_series_without_money_and_with_few_votes_has_no_best_film() -> None:
    few = {"revenue_usd": None, "vote_count": 9, "collection_id": 9}
    star = a_star(a_film(1, **few), dim_collection=[{"collection_id": 9, "name": "Nine"}])
    (nine,) = answer(star, "vw_franchises")
    assert {name: value for name, value in nine.items() if name.startswith("best_") and value is not None} == {}


def test_languages_have_a_name_and_films_of_an_unknown_one_are_left_out() -> None:
    films = [a_film(n, original_language=code) for n, code in enumerate(("fr", "xx", None), start=1)]
    known = [{"iso_639_1": code, "name": name} for code, name in (("fr", "French"), ("xx", None), ("de", "German"))]
    answered = answer(a_star(*films, dim_language=known), "vw_languages")
    named = [(row["original_language"], row["name"], row["films"]) for row in answered]
    assert named == [("fr", "French", 1), ("xx", None, 1)]


# -- correlations ------------------------------------------------------------------------------------------------------


def average_ranks(values: Sequence[float]) -> list[float]:
    """Rank 1 for the smallest; equals share the mean of the ranks they take."""
    return [sum(v < value for v in values) + (sum(v == value for v in values) + 1) / 2 for value in values]


METRICS: dict[str, Callable[[Film], float | None]] = {
    "budget": lambda film: film.counted_budget,
    "popularity": lambda film: film.popularity,
    "rating": lambda film: film.rating,
    "revenue": lambda film: film.counted_revenue,
    "runtime": lambda film: film.runtime,
    "votes": lambda film: film.votes,
}


def test_correlations(world: World) -> None:
    films = films_of(world)
    expected = []
    for first, second in combinations(METRICS, 2):
        pairs = [(METRICS[first](film), METRICS[second](film)) for film in films]
        known = [(float(x), float(y)) for x, y in pairs if x is not None and y is not None]
        one, other = [x for x, _ in known], [y for _, y in known]
        defined = len(known) >= 3 and len(set(one)) > 1 and len(set(other)) > 1
        expected.append(
            {
                "first_metric": first,
                "second_metric": second,
                "films": len(known),
                "pearson": correlation(one, other) if defined else None,
                "spearman": correlation(average_ranks(one), average_ranks(other)) if defined else None,
            }
        )
    assert any(row["pearson"] is not None for row in expected)
    assert differences(world.rows("vw_correlations"), expected) == []


def correlated(budgets: Sequence[int | None], revenues: Sequence[int | None]) -> Row:
    films = [a_film(n, budget_usd=b, revenue_usd=r) for n, (b, r) in enumerate(zip(budgets, revenues, strict=True), 1)]
    answered = answer(a_star(*films), "vw_correlations")
    assert len(answered) == 15
    return next(row for row in answered if (row["first_metric"], row["second_metric"]) == ("budget", "revenue"))


def test_ties_share_the_mean_of_their_ranks() -> None:
    """The example of scipy.stats.spearmanr's own documentation."""
    one, other = [1, 2, 3, 4, 5], [5, 6, 7, 8, 7]
    for row in (correlated(one, other), correlated(other, one)):
        assert row["spearman"] == pytest.approx(0.8207826816681233, abs=1e-12)
        assert row["pearson"] == pytest.approx(6 / math.sqrt(10 * 5.2), abs=1e-12)


def test_a_film_of_which_one_is_unknown_moves_no_rank() -> None:
    assert correlated([1, 2, 3, 4, 5, 3], [5, 6, 7, 8, 7, None]) == correlated([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])


def test_a_perfect_line_is_one_and_minus_one() -> None:
    steps = [round(math.pi * 1e6) * n for n in range(1, 12)]
    for revenues, perfect in ((steps, 1), (steps[::-1], -1)):
        row = correlated(steps, [7 * revenue for revenue in revenues])
        assert row["films"] == 11
        assert [row["pearson"], row["spearman"]] == pytest.approx([perfect, perfect], abs=1e-12)


def test_a_correlation_that_is_nearly_none_is_the_same_in_any_order_of_the_films() -> None:
    """What is left of it is rounding, of which no digit is to be kept: the same rows must give the same table."""
    pairs = [(x * 7_919_333, (x - 20) ** 2 * 104_729) for x in range(41)]
    answers = [correlated(*zip(*random.Random(seed).sample(pairs, len(pairs)), strict=True)) for seed in range(8)]
    assert {(row["pearson"], row["spearman"]) for row in answers} == {(0.0, 0.0)}


@pytest.mark.parametrize(
    ("budgets", "revenues", "films"),
    [
        ([1, 2], [3, 5], 2),
        ([1, 2, None], [3, 5, 6], 2),
        ([4, 4, 4], [3, 5, 6], 3),
        ([3, 5, 6], [4, 4, 4], 3),
        ([None], [None], 0),
    ],
)
def test_few_films_and_no_variance_have_no_correlation(
    budgets: list[int | None], revenues: list[int | None], films: int
) -> None:
    row = correlated(budgets, revenues)
    assert (row["films"], row["pearson"], row["spearman"]) == (films, None, None)


# -- a rating that does not reward few votes ---------------------------------------------------------------------------


def weighted(votes: dict[int, tuple[float, int]]) -> tuple[float, int, dict[int, float]]:
    """Prior mean, prior votes, and the rating of each film, from its mean vote and number of votes."""
    prior = fmean(mean for mean, _ in votes.values())
    counts = sorted(count for _, count in votes.values())
    quartile = next(c for c in counts if 4 * sum(other <= c for other in counts) >= 3 * len(counts))
    weight = max(50, quartile)
    return prior, weight, {f: (weight * prior + n * mean) / (weight + n) for f, (mean, n) in votes.items()}


def test_weighted_ratings(world: World) -> None:
    seen = {film: s for film, (_, s) in audience(world).items() if s.vote_average is not None and s.vote_count}
    votes = {film: (float(s.vote_average or 0), int(s.vote_count or 0)) for film, s in seen.items()}
    answered = world.rows("vw_weighted_rating")
    places = {row["movie_id"]: row.pop("position") for row in answered}
    titles = {row["movie_id"]: row.pop("title") for row in answered}
    assert {f: t for f, t in titles.items() if f in world.films and t != world.films[f]["title"].strip()} == {}
    if not votes:
        assert answered == []
        return
    prior, weight, ratings = weighted(votes)
    expected = [
        {
            "movie_id": film,
            "vote_average": votes[film][0],
            "vote_count": votes[film][1],
            "prior_mean": prior,
            "prior_votes": weight,
            "weighted_rating": ratings[film],
        }
        for film in sorted(votes)
    ]
    assert differences(answered, expected) == []
    exact = {row["movie_id"]: row["weighted_rating"] for row in answered}
    assert sorted(places, key=lambda film: places[film]) == sorted(exact, key=lambda film: (-exact[film], film))
    assert sorted(places.values()) == list(range(1, len(places) + 1))


def test_three_enthusiasts_do_not_beat_a_thousand_who_are_pleased() -> None:
    star = a_star(
        a_film(1, vote_average=10.0, vote_count=3),
        a_film(2, vote_average=8.0, vote_count=1000),
        a_film(3, vote_average=5.0, vote_count=40),
        a_film(4, vote_average=1.0, vote_count=1),
        a_film(5, vote_average=None, vote_count=0),
        a_film(6, vote_average=10.0, vote_count=10_000, **GONE),
    )
    answered = {row["movie_id"]: row for row in answer(star, "vw_weighted_rating")}
    assert {row["prior_mean"] for row in answered.values()} == {6.0}
    assert {row["prior_votes"] for row in answered.values()} == {50}
    assert [film for film, _ in sorted(answered.items(), key=lambda item: item[1]["position"])] == [2, 1, 4, 3]
    assert answered[1]["weighted_rating"] == pytest.approx((50 * 6 + 3 * 10) / 53)
    assert answered[2]["weighted_rating"] == pytest.approx((50 * 6 + 1000 * 8) / 1050)


def test_much_voted_films_weigh_their_prior_by_the_upper_quartile_of_votes() -> None:
    star = a_star(*[a_film(n, vote_count=100 * n) for n in (1, 2, 3, 4)])
    answered = answer(star, "vw_weighted_rating")
    assert {row["prior_votes"] for row in answered} == {300}
    assert [(row["movie_id"], row["position"], row["weighted_rating"]) for row in answered] == [
        (n, n, 6.0) for n in (1, 2, 3, 4)
    ]


def test_without_votes_there_is_no_weighted_rating() -> None:
    assert answer(a_star(a_film(1, vote_average=None, vote_count=None)), "vw_weighted_rating") == []


# -- money of other years ----------------------------------------------------------------------------------------------


def shipped_index() -> dict[int, float]:
    """The shipped file, read without the code under test."""
    with Path(shipped.US_CPI).open(encoding="utf-8", newline="") as file:
        return {int(row["year"]): float(row["cpi_u"]) for row in csv.DictReader(file)}


def test_the_index_in_the_star_is_the_shipped_one(world: World) -> None:
    assert {row["year"]: row["cpi_u"] for row in world.rows("dim_cpi")} == shipped_index()


def test_money_in_constant_dollars(world: World) -> None:
    index = shipped_index()
    newest = max(index)
    films = sorted((f for f in films_of(world) if f.year in index), key=lambda f: f.movie_id)
    expected: list[Row] = []
    for film in films:
        assert film.year is not None
        factor = index[newest] / index[film.year]
        budget, revenue = (None if m is None else math.floor(m * factor + 0.5) for m in (film.budget, film.revenue))
        expected.append(
            {
                "movie_id": film.movie_id,
                "title": film.title,
                "release_year": film.year,
                "constant_year": newest,
                "inflation_factor": factor,
                "has_budget": film.counted_budget is not None,
                "has_revenue": film.counted_revenue is not None,
                "has_money": film.money is not None,
                "has_implausible_money": film.is_implausible,
                "budget_usd": film.budget,
                "revenue_usd": film.revenue,
                "profit_usd": film.money[1] - film.money[0] if film.money else None,
                "real_budget_usd": budget,
                "real_revenue_usd": revenue,
                "real_profit_usd": revenue - budget if film.money and revenue and budget else None,
            }
        )
    answered = world.rows("vw_inflation_adjusted")
    ranks = {row["movie_id"]: row.pop("revenue_rank") for row in answered}
    assert differences(answered, expected) == []
    earned: dict[int, Any] = {
        row["movie_id"]: row["real_revenue_usd"]
        for row in expected
        if row["has_revenue"] and not row["has_implausible_money"]
    }
    assert len(earned) > 20
    places = {film: sum(other > revenue for other in earned.values()) + 1 for film, revenue in earned.items()}
    assert ranks == {film: places.get(film) for film in ranks}


CPI = [{"year": 1990, "cpi_u": 50.0}, {"year": 2000, "cpi_u": 100.0}, {"year": 2020, "cpi_u": 150.0}]


def test_dollars_of_a_year_become_those_of_the_newest_year_of_the_series() -> None:
    star = a_star(
        a_film(1, release_date=dt.date(1990, 6, 1), budget_usd=10, revenue_usd=21),
        a_film(2, release_date=dt.date(2000, 6, 1), budget_usd=11, revenue_usd=42),
        a_film(3, release_date=dt.date(2020, 6, 1), budget_usd=None, revenue_usd=99),
        a_film(4, release_date=dt.date(2020, 6, 1), budget_usd=1, revenue_usd=62),
        dim_cpi=CPI,
    )
    rows = answer(star, "vw_inflation_adjusted")
    assert {row["constant_year"] for row in rows} == {2020}
    assert [row["inflation_factor"] for row in rows] == [3.0, 1.5, 1.0, 1.0]
    assert [row["real_revenue_usd"] for row in rows] == [63, 63, 99, 62]
    assert [row["real_budget_usd"] for row in rows] == [30, 17, None, 1]
    assert [row["real_profit_usd"] for row in rows] == [33, 46, None, 61]
    assert [row["revenue_rank"] for row in rows] == [2, 2, 1, 4]


def test_a_film_of_a_year_that_the_series_lacks_has_no_row() -> None:
    dates = [dt.date(1989, 12, 31), dt.date(2010, 1, 1), dt.date(2021, 1, 1), None]
    films = [a_film(n, release_date=day) for n, day in enumerate(dates, start=1)]
    gone = a_film(9, release_date=dt.date(2000, 1, 1), **GONE)
    assert answer(a_star(*films, gone, dim_cpi=CPI), "vw_inflation_adjusted") == []
