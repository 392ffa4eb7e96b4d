"""Trends, breakouts and the history of each film, against plain Python over the payloads."""

from __future__ import annotations

import datetime as dt
import math
import re
import statistics
from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.breakouts import Past, back_test, past_of
from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.engines.duckdb import answer
from tmdb_assets.lakehouse.engines.views import bases_of
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.tmdb.test_views_popularity import genres, of_continents, reference, without
from tmdb_assets_tests.sources.tmdb.tiny import DAY, TABLES, Rows, a_film, ago, ask, ask_frames, members, seen
from tmdb_assets_tests.sources.tmdb.worlds import Seen, World, approximately

ONE_DAY = dt.timedelta(days=1)


def there(world: World, day: dt.date) -> dict[int, Seen]:
    """Films observed on a day that were not gone by then."""
    gone = world.gone
    return {film: said for film, said in world.daily.get(day, {}).items() if not (film in gone and gone[film] <= day)}


def ranks(films: Mapping[int, Seen]) -> dict[int, int]:
    """1 is the most popular; equals share the better rank."""
    ordered = sorted(-said.popularity for said in films.values())
    return {film: bisect_left(ordered, -said.popularity) + 1 for film, said in films.items()}


def less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def near(figure: float | None) -> Any:
    return None if figure is None else pytest.approx(figure)


# -- over the worlds ---------------------------------------------------------------------------------------------------


def test_trending(world: World) -> None:
    days = {n: there(world, world.newest - n * ONE_DAY) for n in (0, 1, 7, 14, 30)}
    ranked = {n: ranks(films) for n, films in days.items()}
    answered = {row["movie_id"]: row for row in world.rows("vw_trending")}
    assert set(answered) == set(days[0]) - set(world.gone)
    for movie, row in answered.items():
        popularity = {n: days[n][movie].popularity if movie in days[n] else None for n in days}
        count = {n: days[n][movie].vote_count if movie in days[n] else None for n in days}
        rank = {n: ranked[n].get(movie) for n in days}
        velocity, before = less(count[0], count[7]), less(count[7], count[14])
        acceleration = less(velocity, before)
        title = row.pop("title")
        assert movie not in world.films or title == world.films[movie]["title"].strip()
        assert row == {
            "movie_id": movie,
            "observed_on": world.newest,
            "popularity": popularity[0],
            "popularity_1d_ago": popularity[1],
            "popularity_7d_ago": popularity[7],
            "popularity_30d_ago": popularity[30],
            "popularity_change_1d": near(less(popularity[0], popularity[1])),
            "popularity_change_7d": near(less(popularity[0], popularity[7])),
            "popularity_change_30d": near(less(popularity[0], popularity[30])),
            "popularity_rank": rank[0],
            "popularity_rank_1d_ago": rank[1],
            "popularity_rank_7d_ago": rank[7],
            "popularity_rank_30d_ago": rank[30],
            "rank_change_1d": less(rank[1], rank[0]),
            "rank_change_7d": less(rank[7], rank[0]),
            "rank_change_30d": less(rank[30], rank[0]),
            "votes_per_day_7d": None if velocity is None else pytest.approx(velocity / 7),
            "vote_acceleration": None if acceleration is None else pytest.approx(acceleration / 7),
        }


def test_the_sandbox_has_movement_to_tell_of(sandbox: World) -> None:
    rows = sandbox.rows("vw_trending")
    moved = [f"{figure}_change_{days}d" for figure in ("rank", "popularity") for days in (1, 7, 30)]
    for column in (*moved, "votes_per_day_7d", "vote_acceleration"):
        assert len({row[column] for row in rows}) > 5, column


def trend(world: World, key: str, groups: Mapping[int, set[Any]]) -> list[dict[str, Any]]:
    """Weekly mean of the daily shares of each group, in the order of the grain."""
    weeks: dict[dt.date, list[dict[int, Seen]]] = {}
    for day in sorted(world.daily):
        weeks.setdefault(day - day.weekday() * ONE_DAY, []).append(there(world, day))
    found = []
    for monday, days in sorted(weeks.items()):
        observed = {film for films in days for film in films}
        for group in sorted({member for film in observed for member in groups.get(film, ())}):
            shares = [
                math.fsum(said.popularity for film, said in films.items() if group in groups.get(film, ()))
                / math.fsum(said.popularity for said in films.values())
                for films in days
            ]
            found.append(
                {
                    "week_starts_on": monday,
                    key: group,
                    "popularity_share": statistics.fmean(shares),
                    "days_observed": len(days),
                    "films": sum(group in groups.get(film, ()) for film in observed),
                }
            )
    return found


def test_trend_of_genres(world: World) -> None:
    answered = world.rows("vw_genre_trend")
    assert approximately(without(answered, "name")) == approximately(trend(world, "genre_id", genres(world)))
    listed = reference(world, "genre/movie/list")
    assert {row["name"] for row in answered if row["genre_id"] in listed} <= set(listed.values())
    assert len({row["week_starts_on"] for row in answered}) > 1


def test_trend_of_continents(world: World) -> None:
    answered = world.rows("vw_continent_trend")
    assert approximately(answered) == approximately(trend(world, "continent", of_continents(world)))
    assert len({row["days_observed"] for row in answered}) == (1 if len(world.daily) == 2 else 3)


def test_history(world: World) -> None:
    answered = iter(world.rows("vw_movie_history"))
    voted: dict[int, tuple[dt.date, int]] = {}
    for day in sorted(world.daily):
        films = there(world, day)
        ranked, others = ranks(films), len(films) - 1
        for movie, said in sorted(world.daily[day].items()):
            rank, count = ranked.get(movie), said.vote_count
            before, last_count = voted.get(movie, (None, None))
            row = next(answered)
            assert row == {
                "date_id": day,
                "movie_id": movie,
                "popularity": said.popularity,
                "percentile": pytest.approx(1 - (rank - 1) / others) if rank else None,
                "popularity_rank": rank,
                "new_votes": less(count, last_count),
                "new_votes_days": (day - before).days if before and count is not None else None,
                "vote_count": count,
                "vote_average": said.vote_average,
            }
            if count is not None:
                voted[movie] = day, count
    assert next(answered, None) is None


def test_all_films_day_by_day(world: World) -> None:
    days = {day: there(world, day) for day in sorted(world.daily)}
    assert [tuple(row.values()) for row in world.rows("vw_daily_popularity")] == [
        (
            day,
            len(films),
            pytest.approx(math.fsum(round(said.popularity, 6) for said in films.values())),
            len(world.daily[day]),
            sum(said.vote_count is not None for said in world.daily[day].values()),
        )
        for day, films in days.items()
    ]


def test_a_film_is_there_until_the_day_it_is_gone() -> None:
    (days,) = bases_of(contracts.VIEWS)
    star = {
        "fact_movie_daily": [seen(ago(n), movie, 4.0, 10, 7.0) for n in (2, 1, 0) for movie in (1, 2)],
        "dim_movie": [a_film(1), a_film(2, gone_on=ago(1))],
    }
    frames = {name: pl.DataFrame(rows, schema=TABLES[name].schema).lazy() for name, rows in star.items()}
    answered = answer(days, frames).sort(days.contract.grain)
    assert Audit.of(days.contract, answered).rules == {}
    assert answered.filter(~pl.col("is_there")).select("date_id", "movie_id").rows() == [(ago(1), 2), (DAY, 2)]
    assert answered.drop("is_there").sort("date_id", "movie_id").rows() == [
        (ago(n), movie, 4.0, 7.0, 10) for n in (2, 1, 0) for movie in (1, 2)
    ]
    totals = ask("vw_daily_popularity", **star)
    assert [(row["films"], row["total_popularity"]) for row in totals] == [(2, 8.0), (1, 4.0), (1, 4.0)]


def test_on_a_day_of_films_that_are_all_gone_there_was_none() -> None:
    facts = [seen(ago(1), 1, 2.0), seen(DAY, 1, 2.0)]
    totals = ask("vw_daily_popularity", dim_movie=[a_film(1, gone_on=DAY)], fact_movie_daily=facts)
    assert [tuple(row.values()) for row in totals] == [(ago(1), 1, 2.0, 1, 0), (DAY, 0, 0.0, 1, 0)]


def test_who_was_there_on_a_day_is_said_in_one_view() -> None:
    """Whoever reads facts of past days reads them there; only what is last known of a film needs none."""
    read = {v.contract.name for v in contracts.VIEWS if re.search(r"\b(?:FROM|JOIN) fact_movie_daily\b", v.sql)}
    assert read == {"vw_movie_latest"}
    compared = {
        v.contract.name for v in contracts.VIEWS if re.search(r"date_id\s*[<>]=?\s*\w*\.?gone_on|gone_on\s*[<>]", v.sql)
    }
    assert compared == set()


# -- breakouts ---------------------------------------------------------------------------------------------------------


def breakouts(days: Mapping[dt.date, Mapping[int, float]]) -> list[dict[str, Any]]:
    """The films far above what is usual for them on the newest day, best first, from their popularity on each day."""
    newest = max(days)
    found: list[dict[str, Any]] = []
    for movie, now in days[newest].items():
        past = [films[movie] for day, films in days.items() if 1 <= (newest - day).days <= 60 and films.get(movie)]
        if now < 2 or len(past) < 21:
            continue
        logs = [math.log(value) for value in past]
        middle = statistics.median(logs)
        spread = max(1.4826 * statistics.median(abs(value - middle) for value in logs), 0.1)
        z, factor = (math.log(now) - middle) / spread, now / math.exp(middle)
        if z >= 5 and factor >= 2.5:
            found.append(
                {
                    "movie_id": movie,
                    "observed_on": newest,
                    "z_score": z,
                    "popularity": now,
                    "median_popularity": math.exp(middle),
                    "factor": factor,
                    "log_spread": spread,
                    "days_of_history": len(past),
                }
            )
    found.sort(key=lambda row: (-row["z_score"], row["movie_id"]))
    return [{**row, "breakout_rank": rank} for rank, row in enumerate(found, 1)]


def by_rank(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["breakout_rank"])


def test_breakouts_of_a_world(world: World) -> None:
    daily = {day: {film: said.popularity for film, said in there(world, day).items()} for day in world.daily}
    answered = without(by_rank(world.rows("vw_breakouts")), "title", "release_date")
    assert approximately(answered) == approximately(breakouts(daily))


@pytest.fixture(scope="module")
def past() -> Past:
    """Three months of a sandbox world, without a server."""
    return past_of(600, 3, DAY, 90)


@pytest.mark.parametrize("back", range(0, 30, 5))
def test_breakouts_over_a_long_history(past: Past, back: int) -> None:
    newest = ago(back)
    facts = past.facts.filter(pl.col("date_id") <= newest)
    daily: dict[dt.date, dict[int, float]] = {}
    for day, movie, popularity in facts.select("date_id", "movie_id", "popularity").iter_rows():
        daily.setdefault(day, {})[movie] = popularity
    star = {"fact_movie_daily": facts, "dim_movie": past.films[newest]}
    answered = by_rank(ask_frames("vw_breakouts", star).to_dicts())
    assert approximately(without(answered, "title", "release_date")) == approximately(breakouts(daily))


def test_the_long_history_has_breakouts(past: Past) -> None:
    """Else the test above would compare nothing with nothing."""
    found = [ask_frames("vw_breakouts", _until(past, ago(back))).height for back in range(0, 30, 5)]
    assert sum(found) > 2


def _until(past: Past, newest: dt.date) -> dict[str, pl.DataFrame]:
    return {"fact_movie_daily": past.facts.filter(pl.col("date_id") <= newest), "dim_movie": past.films[newest]}


def test_what_is_reported_was_planted_and_what_was_planted_is_reported() -> None:
    """A floor with margin below what `python -m benchmarks g` prints for larger worlds."""
    counts = back_test(400, 11, DAY, 30)
    assert counts.planted >= 20
    assert counts.precision >= 0.9
    assert counts.top_precision >= 0.9
    assert counts.recall >= 0.8


FLAT = [seen(ago(n), 1, 10.0) for n in range(1, 31)]


def test_a_film_that_never_moved_does_not_divide_by_zero() -> None:
    [row] = ask("vw_breakouts", dim_movie=[a_film(1)], fact_movie_daily=[*FLAT, seen(DAY, 1, 30.0)])
    assert row["log_spread"] == 0.1
    assert row["z_score"] == pytest.approx(math.log(3) / 0.1)
    assert (row["factor"], row["median_popularity"]) == (pytest.approx(3), pytest.approx(10))
    assert (row["days_of_history"], row["breakout_rank"]) == (30, 1)


def test_what_does_not_rise_enough_is_no_breakout() -> None:
    assert ask("vw_breakouts", dim_movie=[a_film(1)], fact_movie_daily=[*FLAT, seen(DAY, 1, 24.9)]) == []
    noisy = [seen(ago(n), 1, 10.0 * math.exp(0.5 * (-1) ** n)) for n in range(1, 31)]
    assert ask("vw_breakouts", dim_movie=[a_film(1)], fact_movie_daily=[*noisy, seen(DAY, 1, 90.0)]) == []


def test_small_new_and_gone_films_are_no_breakouts() -> None:
    small = [seen(ago(n), 2, 0.1) for n in range(1, 31)]
    young = [seen(ago(n), 3, 10.0) for n in range(1, 21)]
    gone = [seen(ago(n), 4, 10.0) for n in range(1, 31)]
    long_ago = [seen(ago(n), 5, 10.0) for n in range(61, 91)]
    zero = [seen(ago(n), 6, 0.0) for n in range(1, 31)]
    now = [seen(DAY, 2, 1.9), *(seen(DAY, n, 90.0) for n in (3, 4, 5, 6))]
    films = [a_film(2), a_film(3), a_film(4, gone_on=DAY), a_film(5), a_film(6)]
    facts = [*small, *young, *gone, *long_ago, *zero, *now]
    assert ask("vw_breakouts", dim_movie=films, fact_movie_daily=facts) == []
    enough = [*facts, seen(ago(21), 3, 10.0)]
    assert [row["movie_id"] for row in ask("vw_breakouts", dim_movie=films, fact_movie_daily=enough)] == [3]


@pytest.mark.parametrize(("oldest", "counted"), [(59, 59), (60, 60), (61, 60)])
def test_a_history_goes_back_sixty_days(oldest: int, counted: int) -> None:
    facts = [seen(ago(n), 1, 10.0) for n in range(1, oldest + 1)]
    [row] = ask("vw_breakouts", dim_movie=[a_film(1)], fact_movie_daily=[*facts, seen(DAY, 1, 30.0)])
    assert row["days_of_history"] == counted


@pytest.mark.parametrize(("days", "is_enough"), [(20, False), (21, True), (22, True)])
@pytest.mark.parametrize("first", [1, 39])
def test_a_breakout_needs_three_weeks_of_sixty_days(first: int, days: int, is_enough: bool) -> None:
    """The days at either end of the sixty count."""
    facts = [seen(ago(n), 1, 10.0) for n in (range(1, days + 1) if first == 1 else range(61 - days, 61))]
    answered = ask("vw_breakouts", dim_movie=[a_film(1)], fact_movie_daily=[*facts, seen(DAY, 1, 30.0)])
    assert bool(answered) == is_enough


@pytest.mark.parametrize(
    ("usual", "now", "is_one"),
    [(10.0, 25.01, True), (10.0, 24.99, False), (0.7, 2.0, True), (0.7, 1.99, False), (0.7, 2.01, True)],
)
def test_a_breakout_is_two_and_a_half_times_the_usual_and_at_least_two(usual: float, now: float, is_one: bool) -> None:
    facts = [seen(ago(n), 1, usual) for n in range(1, 31)]
    answered = ask("vw_breakouts", dim_movie=[a_film(1)], fact_movie_daily=[*facts, seen(DAY, 1, now)])
    assert bool(answered) == is_one


def test_equal_breakouts_stand_in_the_order_of_their_ids() -> None:
    facts = [seen(ago(n), movie, 10.0) for n in range(1, 31) for movie in (8, 7)]
    now = [seen(DAY, 8, 50.0), seen(DAY, 7, 50.0)]
    answered = ask("vw_breakouts", dim_movie=[a_film(7), a_film(8)], fact_movie_daily=[*facts, *now])
    assert [(row["movie_id"], row["breakout_rank"]) for row in answered] == [(7, 1), (8, 2)]


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_days_ago_are_calendar_days() -> None:
    """Observed 8 and 2 days ago only: nothing 7 days or 1 day ago, whatever is near."""
    facts = [seen(ago(8), 1, 9.0, 10, 7.0), seen(ago(2), 1, 8.0, 20, 7.0), seen(DAY, 1, 7.0, 30, 7.0)]
    [row] = ask("vw_trending", dim_movie=[a_film(1)], fact_movie_daily=facts)
    moved = {name: value for name, value in row.items() if value is not None}
    assert moved == {"movie_id": 1, "title": "Film 1", "observed_on": DAY, "popularity": 7.0, "popularity_rank": 1}


def test_velocity_needs_votes_on_both_days_and_may_be_negative() -> None:
    facts = [
        *[seen(ago(14), 1, 5.0, 100, 7.0), seen(ago(7), 1, 5.0, 170, 7.0), seen(DAY, 1, 5.0, 163, 7.0)],
        *[seen(ago(7), 2, 4.0), seen(DAY, 2, 4.0, 50, 7.0)],
        *[seen(ago(7), 3, 3.0, 0, None), seen(DAY, 3, 3.0, 7, 7.0)],
    ]
    answered = ask("vw_trending", dim_movie=[a_film(1), a_film(2), a_film(3)], fact_movie_daily=facts)
    assert [(row["votes_per_day_7d"], row["vote_acceleration"]) for row in answered] == [
        (-1.0, -11.0),
        (None, None),
        (1.0, None),
    ]


def test_a_film_that_vanished_ranks_on_the_days_it_was_there() -> None:
    facts = [
        *[seen(ago(7), 1, 5.0), seen(ago(7), 2, 9.0), seen(ago(1), 1, 5.0), seen(ago(1), 2, 9.0)],
        *[seen(DAY, 1, 5.0), seen(DAY, 2, 9.0)],
    ]
    films = [a_film(1), a_film(2, gone_on=ago(1))]
    [row] = ask("vw_trending", dim_movie=films, fact_movie_daily=facts)
    assert row["movie_id"] == 1
    assert (row["popularity_rank_7d_ago"], row["popularity_rank_1d_ago"], row["popularity_rank"]) == (2, 1, 1)
    history = ask("vw_movie_history", dim_movie=films, fact_movie_daily=facts)
    assert [(r["movie_id"], r["popularity_rank"], r["percentile"]) for r in history] == [
        *[(1, 2, 0.0), (2, 1, 1.0)],
        *[(1, 1, None), (2, None, None)] * 2,
    ]


def test_equals_share_the_better_rank() -> None:
    facts = [seen(DAY, n, popularity) for n, popularity in ((1, 3.0), (2, 9.0), (3, 9.0), (4, 1.0))]
    films = [a_film(n) for n in range(1, 5)]
    now = ask("vw_trending", dim_movie=films, fact_movie_daily=facts)
    assert [row["popularity_rank"] for row in now] == [3, 1, 1, 4]
    history = ask("vw_movie_history", dim_movie=films, fact_movie_daily=facts)
    assert [row["percentile"] for row in history] == pytest.approx([1 / 3, 1, 1, 0])


def test_new_votes_are_counted_from_the_last_day_that_had_any() -> None:
    facts = [
        *[seen(ago(9), 1, 1.0), seen(ago(8), 1, 1.0, 10, 7.0), seen(ago(7), 1, 1.0), seen(ago(5), 1, 1.0, 16, 7.0)],
        *[seen(ago(4), 1, 1.0, 12, 7.0), seen(DAY, 1, 1.0)],
    ]
    answered = ask("vw_movie_history", dim_movie=[a_film(1)], fact_movie_daily=facts)
    counted = [(row["new_votes"], row["new_votes_days"]) for row in answered]
    assert counted == [(None, None), (None, None), (None, None), (6, 3), (-4, 1), (None, None)]


def test_a_single_day_has_no_trend_but_a_share() -> None:
    star: dict[str, Rows] = {
        "dim_movie": [a_film(1), a_film(2), a_film(3)],
        "dim_genre": [{"genre_id": 18, "name": "Drama"}],
        "dim_country": [{"iso_3166_1": "QQ", "continent": None}, {"iso_3166_1": "JP", "continent": "Asia"}],
        "bridge_movie_genre": members("genre_id", {1: [18, 35], 2: [18]}),
        "bridge_movie_country": members("iso_3166_1", {1: ["QQ"], 2: ["JP", "QQ"]}),
        "fact_movie_daily": [seen(DAY, 1, 2.0), seen(DAY, 2, 3.0), seen(DAY, 3, 5.0)],
    }
    monday = DAY - dt.timedelta(days=1)
    by_genre = [tuple(row.values()) for row in ask("vw_genre_trend", **star)]
    assert by_genre == [(monday, 18, "Drama", 0.5, 1, 2), (monday, 35, None, 0.2, 1, 1)]
    by_continent = [tuple(row.values()) for row in ask("vw_continent_trend", **star)]
    assert by_continent == [(monday, "Asia", 0.3, 1, 1), (monday, "Unknown", 0.5, 1, 2)]


def test_a_week_is_the_mean_of_its_observed_days() -> None:
    """Monday and Wednesday observed, Tuesday missing; film 2 only on Wednesday: the genre's share on Monday is 0."""
    monday = dt.date(2026, 3, 2)
    facts = [seen(monday, 1, 4.0), seen(monday + 2 * ONE_DAY, 1, 3.0), seen(monday + 2 * ONE_DAY, 2, 1.0)]
    facts += [seen(monday - ONE_DAY, 1, 1.0), seen(monday + 7 * ONE_DAY, 3, 0.0)]
    answered = ask(
        "vw_genre_trend",
        dim_movie=[a_film(1), a_film(2), a_film(3)],
        fact_movie_daily=facts,
        bridge_movie_genre=members("genre_id", {1: [18], 2: [27], 3: [27]}),
    )
    shares = [(r["week_starts_on"], r["genre_id"], r["popularity_share"], r["days_observed"]) for r in answered]
    assert shares == [
        (monday - 7 * ONE_DAY, 18, 1.0, 1),
        (monday, 18, 0.875, 2),
        (monday, 27, 0.125, 2),
    ]


def test_a_past_week_keeps_a_film_that_vanished_later() -> None:
    facts = [seen(ago(7), 1, 1.0), seen(ago(7), 2, 3.0), seen(DAY, 1, 1.0), seen(DAY, 2, 3.0)]
    answered = ask(
        "vw_genre_trend",
        dim_movie=[a_film(1), a_film(2, gone_on=DAY)],
        fact_movie_daily=facts,
        bridge_movie_genre=members("genre_id", {1: [18], 2: [18]}),
    )
    assert [(row["popularity_share"], row["films"]) for row in answered] == [(1.0, 2), (1.0, 1)]


@pytest.mark.parametrize(
    "view",
    [
        "vw_trending",
        "vw_breakouts",
        "vw_genre_trend",
        "vw_continent_trend",
        "vw_movie_history",
        "vw_daily_popularity",
        "vw_observed_days",
    ],
)
def test_an_empty_lake_gives_no_rows(view: str) -> None:
    assert ask(view) == []


# -- observed days -----------------------------------------------------------------------------------------------------


def days_of(said: Mapping[int, str], order: list[int]) -> dict[str, list[dict[str, Any]]]:
    """Facts and ledger of days, as they come in some order: `live` of TMDB itself with votes, `export` without,
    `sandbox`."""
    facts = [seen(ago(n), 1, 1.0, *(() if said[n] == "export" else (10, 6.0))) for n in order]
    origin = {n: "sandbox" if kind == "sandbox" else "real" for n, kind in said.items()}
    asked = [{"date_id": ago(n), "endpoint": "discover/movie", "origin": origin[n]} for n in order]
    return {"fact_movie_daily": facts, "extraction_ledger": asked}


@given(st.dictionaries(st.integers(0, 40), st.sampled_from(["live", "export", "sandbox"]), min_size=1), st.randoms())
@examples(25)
def test_a_day_is_missed_only_while_the_lake_was_at_work(said: dict[int, str], rng: Any) -> None:
    order = list(said)
    rng.shuffle(order)
    answered = {row["date_id"]: row for row in ask("vw_observed_days", **days_of(said, order))}
    observed = sorted(ago(n) for n in said)
    assert list(answered) == observed
    began = observed[-1]
    for before, after in reversed(list(pairwise(observed))):
        if (after - before).days > 7:
            break
        began = before
    began = min([began, *(ago(n) for n, kind in said.items() if kind == "live")])
    missed = [began + n * ONE_DAY for n in range((observed[-1] - began).days)]
    missed = [day for day in missed if day not in answered]
    assert sum(row["days_missed"] for row in answered.values()) == len(missed)
    for before, after in pairwise(observed):
        between = [before + n * ONE_DAY for n in range(1, (after - before).days)]
        row = answered[after]
        assert (row["days_before"], row["days_missed"]) == (len(between), sum(day in missed for day in between))
    assert answered[observed[0]]["days_before"] is None


def test_a_backfill_of_days_long_ago_makes_no_day_missed() -> None:
    said = dict.fromkeys((90, 89, 88, *range(32)), "sandbox")
    assert {row["days_missed"] for row in ask("vw_observed_days", **days_of(said, list(said)))} == {0}
    del said[20]
    assert sum(row["days_missed"] for row in ask("vw_observed_days", **days_of(said, list(said)))) == 1


def test_observed_days_of_the_world(world: World) -> None:
    for row in world.rows("vw_observed_days"):
        films = world.daily[row["date_id"]].values()
        assert (row["films"], row["films_with_votes"]) == (len(films), sum(f.vote_count is not None for f in films))
    assert len(world.rows("vw_observed_days")) == len(world.daily)
