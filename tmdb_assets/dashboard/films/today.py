"""Today: how many films there are, which are watched most, which moved, which broke out.

What belongs here: the page and its questions. What does not: how a mover or a breakout is defined (the views).
"""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from tmdb_assets.dashboard import drawing, layout
from tmdb_assets.dashboard.asking import ask, row
from tmdb_assets.warehouse import figures

LATEST = """
SELECT
    max(observed_on) AS day,
    count(*) FILTER (WHERE is_current AND gone_on IS NULL) AS films,
    avg(vote_average) FILTER (WHERE is_current AND gone_on IS NULL) AS mean_rating,
    count(vote_average) FILTER (WHERE is_current AND gone_on IS NULL) AS films_with_votes,
    sum(vote_count) FILTER (WHERE is_current AND gone_on IS NULL) AS votes
FROM tmdb.vw_movie_latest
"""
FLOW = """
SELECT
    sum(votes_per_day_7d) AS votes_a_day,
    count(votes_per_day_7d) AS films_with_votes_a_day
FROM tmdb.vw_trending
"""
DAYS = """
SELECT
    fact.date_id,
    count(*) AS films,
    sum(fact.popularity) AS popularity
FROM tmdb.fact_movie_daily AS fact
LEFT JOIN tmdb.dim_movie AS movie ON movie.movie_id = fact.movie_id
WHERE movie.gone_on IS NULL OR movie.gone_on > fact.date_id
GROUP BY fact.date_id
ORDER BY fact.date_id DESC
LIMIT 60
"""
TOP = """
SELECT position, title, release_date, popularity, vote_average, vote_count
FROM tmdb.vw_top_movies
ORDER BY position
LIMIT 18
"""
MOVERS = """
SELECT
    title,
    popularity,
    popularity_{ago} AS popularity_ago,
    popularity_rank AS rank_now,
    popularity_rank_{ago} AS rank_ago,
    rank_change_{since} AS climbed
FROM tmdb.vw_trending
WHERE rank_change_{since} IS NOT NULL AND rank_change_{since} <> 0
    AND least(popularity_rank, popularity_rank_{ago}) <= $among
ORDER BY climbed DESC, movie_id
"""
AMONG = 200  # places: further down, a single visitor moves a film by dozens of them
SHOWN = 8
SINCE = {"7 days": "7d", "1 day": "1d", "30 days": "30d"}
BREAKOUTS = """
SELECT breakout_rank, title, release_date, popularity, median_popularity, factor, z_score, days_of_history
FROM tmdb.vw_breakouts
ORDER BY breakout_rank
"""


def page() -> None:
    """The page."""
    latest = row(LATEST)
    if not latest["films"]:
        layout.nothing("No film has been observed yet: run `make demo`, or the job `tmdb_daily`.")
        return
    st.markdown(f"As observed on **{figures.day(latest['day'])}** (UTC), the newest day.")
    _figures(latest)
    left, right = st.columns(2, gap="large")
    with left, layout.section("Most popular"):
        _top(latest["films"])
    with right, layout.section("Movers"):
        _movers()
    with layout.section("Breakouts"):
        _breakouts()
    with layout.section("Popularity of all films"):
        _days()


def _figures(latest: dict[str, Any]) -> None:
    flow = row(FLOW)
    days = ask(DAYS)
    before = days.item(1, "films") if days.height > 1 else None
    films, rating, votes, breakouts = st.columns(4)
    change = None if before is None else days.item(0, "films") - before
    films.metric(
        "Films",
        figures.count(latest["films"]),
        figures.change(change) if change else None,
        help="Observed on the newest day and not gone. Below: against the day observed before.",
    )
    rating.metric(
        "Mean rating",
        figures.decimal(latest["mean_rating"]),
        help=f"Mean of the mean votes of the {figures.count(latest['films_with_votes'])} films with votes, each film "
        "counting once.",
    )
    a_day = flow["votes_a_day"]
    votes.metric(
        "Votes",
        figures.count(latest["votes"]),
        f"{figures.change(a_day)} a day" if a_day else None,
        help="All votes so far of the films above. Below: new votes a day over the last 7 days, of the "
        f"{figures.count(flow['films_with_votes_a_day'])} films whose votes are known for both ends.",
    )
    breakouts.metric(
        "Breakouts",
        figures.count(ask(BREAKOUTS).height),
        help="Films far above what is usual for them.",
    )


def _top(films: int) -> None:
    top = ask(TOP)
    drawn = drawing.bars(
        top,
        "title",
        "popularity",
        title="TMDB popularity",
        style=drawing.DECIMAL,
        tooltip=drawing.tips(
            {
                "title": ("Film", None),
                "popularity": ("Popularity", drawing.DECIMAL),
                "vote_average": ("Mean vote", drawing.RATING),
                "vote_count": ("Votes", drawing.COUNT),
                "release_date": ("Released", "day"),
            }
        ),
    )
    layout.chart(
        drawn, f"The first {top.height} of {figures.count(films)} films.", "Bars: the most popular films of the day."
    )


def _movers() -> None:
    since = SINCE[layout.choice("Since", list(SINCE), "since")]
    movers = ask(MOVERS.format(since=since, ago=f"{since}_ago"), among=AMONG)
    if movers.is_empty():
        layout.nothing("No film of the first 200 has moved, or that day was not observed.")
        return
    climbed, fallen = movers.filter(pl.col("climbed") > 0), movers.filter(pl.col("climbed") < 0)
    drawn = drawing.bars(
        pl.concat([climbed.head(SHOWN), fallen.tail(SHOWN)]),
        "title",
        "climbed",
        title="Places climbed or fallen",
        style=drawing.COUNT,
        is_signed=True,
        tooltip=drawing.tips(
            {
                "title": ("Film", None),
                "climbed": ("Places climbed", "+,.0f"),
                "rank_ago": ("Rank then", drawing.COUNT),
                "rank_now": ("Rank now", drawing.COUNT),
                "popularity_ago": ("Popularity then", drawing.DECIMAL),
                "popularity": ("Popularity now", drawing.DECIMAL),
            }
        ),
    )
    layout.chart(
        drawn,
        f"Rests on {figures.count(climbed.height)} films that climbed and {figures.count(fallen.height)} that fell, "
        f"among the first {AMONG} of either day.",
        "Bars: the films that climbed and fell most in rank.",
    )


def _breakouts() -> None:
    found = ask(BREAKOUTS)
    if found.is_empty():
        layout.nothing(
            "No film broke out on this day. One does when it is far above its own last 60 days, of which at least 21 "
            "must have been observed."
        )
        return
    layout.table(
        found,
        {
            "title": layout.text("Film", width="medium"),
            "factor": layout.number("Times its usual", "%.1f ×"),
            "popularity": layout.number("Popularity", "%.1f"),
            "median_popularity": layout.number("Usual", "%.1f"),
            "z_score": layout.number("Robust z", "%.1f"),
            "days_of_history": layout.number("Days of history"),
            "release_date": st.column_config.DateColumn("Released", format="D MMM YYYY"),
        },
    )
    st.caption(
        f"{layout.films(found.height)}, measured against {'its' if found.height == 1 else 'their'} own history. A release lifts a film as well."
    )


def _days() -> None:
    days = ask(DAYS)
    calendar = drawing.whole_calendar(days, "date_id")
    drawn = drawing.lines(
        calendar.with_columns(series=pl.lit("All films")),
        "popularity",
        "series",
        title="Total TMDB popularity",
        style=drawing.COUNT,
        tooltip=drawing.tips(
            {
                "date_id": ("Day", "day"),
                "popularity": ("Total popularity", drawing.COUNT),
                "films": ("Films", drawing.COUNT),
            }
        ),
        height=220,
    )
    low, high = days.select(pl.col("films").min().alias("low"), pl.col("films").max().alias("high")).row(0)
    layout.chart(
        drawn,
        f"{days.height} observed days with {figures.count(low)} to {figures.count(high)} films each. A gap is a day that "
        "was not observed.",
        "Line: total popularity of all films by day.",
    )
