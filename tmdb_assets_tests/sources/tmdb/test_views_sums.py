"""Sums of money, held against dim_movie alone: every view that totals revenue, every group of it, over made-up films
and over the worlds.

What belongs here: adding up star tables in Polars, by which films a group has. What does not: any view but the one that
is asked; what a film's own row says is asked of its payload (test_views_base.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.sources.tmdb import contracts
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.tmdb.money import DAY, Row, a_star, answer
from tmdb_assets_tests.sources.tmdb.worlds import TABLES, World, frame

Star = Mapping[str, pl.DataFrame]
AMOUNTS = [1_000_000, 10_000_000, 50_000_000, 100_000_000]
MEANS = [3, 5, 6.5, 7.5, 8.5]


def of_column(column: str | pl.Expr) -> Callable[[Star], pl.DataFrame]:
    """Groups by a figure of the film itself; a film without it is in none."""
    made = pl.col(column) if isinstance(column, str) else column
    return lambda star: star["dim_movie"].select("movie_id", group=made).drop_nulls()


def of_bridge(table: str, key: str, *where: pl.Expr) -> Callable[[Star], pl.DataFrame]:
    """Groups by membership; a member that stands twice counts once."""
    return lambda star: star[table].filter(*where).select("movie_id", group=key).unique()


def tier(column: str, ends: list[float], names: list[str]) -> pl.Expr:
    """The name of the first tier whose end the value lies under; null has none."""
    value, found = pl.col(column), pl.lit(names[-1])
    for end, name in reversed(list(zip(ends, names[:-1], strict=True))):
        found = pl.when(value < end).then(pl.lit(name)).otherwise(found)
    return pl.when(value.is_not_null()).then(found)


def rated(star: Star) -> pl.DataFrame:
    """Films by the tier of the mean vote of their last day with votes."""
    voted = star["fact_movie_daily"].filter(pl.col("vote_count").is_not_null()).sort("date_id")
    last = voted.unique("movie_id", keep="last")
    names = ["poor", "below average", "average", "good", "very good", "excellent"]
    return last.select("movie_id", group=tier("vote_average", MEANS, names)).drop_nulls()


YEAR = pl.col("release_date").dt.year().cast(pl.Int64)
#: View -> the films of each group.
GROUPS: dict[str, Callable[[Star], pl.DataFrame]] = {
    "vw_yearly_box_office": of_column(YEAR),
    "vw_decades": of_column(YEAR // 10 * 10),
    "vw_languages": of_column("original_language"),
    "vw_franchises": of_column("collection_id"),
    "vw_franchise_vs_standalone": of_column(pl.col("collection_id").is_not_null()),
    "vw_budget_tiers": of_column(tier("budget_usd", AMOUNTS, ["micro", "low", "medium", "high", "blockbuster"])),
    "vw_rating_tiers": rated,
    "vw_genre_performance": of_bridge("bridge_movie_genre", "genre_id"),
    "vw_companies": of_bridge("bridge_movie_company", "company_id"),
    "vw_actors": of_bridge("bridge_movie_cast", "person_id"),
    "vw_directors": of_bridge("bridge_movie_crew", "person_id", pl.col("job") == "Director"),
}


def totals(star: Star, view: str) -> list[Row]:
    """What each group of a view must add up to, in its order."""
    date, status = pl.col("release_date"), pl.col("status")
    there = star["dim_movie"].filter(pl.col("observed_on").is_not_null(), pl.col("gone_on").is_null())
    is_released = (status == "Released") | (status.is_null() & (date <= pl.col("observed_on")).fill_null(False))
    money = there.select(
        "movie_id",
        budget=pl.when(is_released.fill_null(False)).then("budget_usd"),
        revenue=pl.when(is_released.fill_null(False)).then("revenue_usd"),
    )
    profit, both = (
        pl.col("revenue") - pl.col("budget"),
        pl.col("budget").is_not_null() & pl.col("revenue").is_not_null(),
    )

    def known(figure: pl.Expr, named: pl.Expr) -> pl.Expr:
        return pl.when(named.count() > 0).then(figure)

    return (
        GROUPS[view](star)
        .join(money, on="movie_id")
        .group_by("group")
        .agg(
            films=pl.len().cast(pl.Int64),
            films_with_budget=pl.col("budget").count().cast(pl.Int64),
            films_with_revenue=pl.col("revenue").count().cast(pl.Int64),
            films_with_both=both.sum().cast(pl.Int64),
            total_budget_usd=known(pl.col("budget").sum(), pl.col("budget")),
            total_revenue_usd=known(pl.col("revenue").sum(), pl.col("revenue")),
            total_profit_usd=known(profit.sum(), profit),
        )
        .sort("group")
        .to_dicts()
    )


def said(rows: list[Row], view: str) -> list[Row]:
    """The same columns of a view's rows."""
    (key,) = TABLES[view].grain
    columns = ["films", "films_with_budget", "films_with_revenue", "films_with_both"]
    columns += ["total_budget_usd", "total_revenue_usd", "total_profit_usd"]
    return sorted(({"group": row[key]} | {c: row[c] for c in columns} for row in rows), key=lambda row: row["group"])


def test_every_view_that_totals_revenue_is_held_against_the_films() -> None:
    totalling = {v.contract.name for v in contracts.VIEWS if any("total_revenue" in c for c in v.contract.columns)}
    assert totalling == set(GROUPS)


@pytest.mark.parametrize("view", GROUPS)
def test_each_group_of_a_world_adds_up_to_the_revenue_of_its_films(world: World, view: str) -> None:
    star = {c.name: frame(world, c.name) for c in contracts.CONTRACTS if c.stage == "star"}
    expected = totals(star, view)
    assert said(world.rows(view), view) == expected
    assert expected or view == "vw_franchises", "older recordings name no series"


def test_the_worlds_have_revenues_without_a_budget(world: World) -> None:
    """Else the sums would be the same with and without them."""
    films = frame(world, "dim_movie").filter(pl.col("gone_on").is_null(), pl.col("revenue_usd").is_not_null())
    assert films.filter(pl.col("budget_usd").is_null()).height > 3


maybe_money = st.one_of(st.none(), st.integers(1, 5), st.integers(1, 9 * 10**9))
days = st.dates(dt.date(1995, 1, 1), dt.date(2028, 12, 31))


@st.composite
def made_up(draw: st.DrawFn) -> dict[str, pl.DataFrame]:
    """A star of some films of any status, date and money, in few groups, so that most groups have several."""
    films: list[dict[str, Any]] = []
    for movie_id in range(1, draw(st.integers(1, 12)) + 1):
        rating = draw(st.one_of(st.none(), st.integers(0, 100).map(lambda n: n / 10)))
        films.append(
            {
                "movie_id": movie_id,
                "title": f"Film {movie_id}",
                "original_language": draw(st.sampled_from([None, "en", "zh"])),
                "status": draw(st.sampled_from([None, "Released", "Released", "Planned", "Canceled"])),
                "release_date": draw(st.one_of(st.none(), days)),
                "collection_id": draw(st.sampled_from([None, 1, 2])),
                "budget_usd": draw(maybe_money),
                "revenue_usd": draw(maybe_money),
                "has_implausible_money": draw(st.booleans()),
                "observed_on": draw(st.sampled_from([DAY, DAY, DAY, None])),
                "gone_on": draw(st.sampled_from([None, None, None, DAY])),
                "date_id": DAY,
                "popularity": 1.0,
                "vote_average": rating,
                "vote_count": None if rating is None else 10,
            }
        )
    pairs = st.tuples(st.integers(1, len(films)), st.integers(1, 3))
    credits = draw(st.sets(st.tuples(st.integers(1, len(films)), st.integers(1, 3), st.sampled_from(["a", "b"]))))
    members = {name: draw(st.sets(pairs)) for name in ("genre", "company")}
    people = [
        {"movie_id": film, "person_id": person, "credit_id": f"{film}-{person}-{role}", "job": "Director"}
        for film, person, role in sorted(credits)
    ]
    return a_star(
        *films,
        dim_language=[{"iso_639_1": code} for code in ("en", "zh")],
        dim_collection=[{"collection_id": n} for n in (1, 2)],
        dim_person=[{"person_id": n} for n in (1, 2, 3)],
        bridge_movie_cast=people,
        bridge_movie_crew=people,
        **{
            f"bridge_movie_{name}": [{"movie_id": f, f"{name}_id": m} for f, m in rows]
            for name, rows in members.items()
        },
        **{f"dim_{name}": [{f"{name}_id": n} for n in (1, 2, 3)] for name in members},
    )


@examples(8)
@given(star=made_up())
def test_each_group_of_made_up_films_adds_up(star: dict[str, pl.DataFrame]) -> None:
    for base in ("vw_movie_latest", "vw_movie_financials"):  # once for all that read them
        star |= {base: pl.DataFrame(answer(star, base), schema=TABLES[base].schema)}
    for view in GROUPS:
        assert said(answer(star, view), view) == totals(star, view), view
