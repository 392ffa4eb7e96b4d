"""Today: how many films there are, which are watched most, which moved, which broke out.

What belongs here: the page and its questions. What does not: how a mover or a breakout is defined (the views).
"""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from tmdb_assets.dashboard import layout, markup
from tmdb_assets.dashboard.asking import ask, row
from tmdb_assets.dashboard.films import ranked
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
NEWEST_DAYS = """
SELECT date_id, films
FROM tmdb.vw_daily_popularity
ORDER BY date_id DESC
LIMIT 2
"""
TOP = """
SELECT position, movie_id, title, release_date, popularity, vote_average, vote_count
FROM tmdb.vw_top_movies
ORDER BY position
LIMIT 16
"""
MOVERS = """
SELECT
    movie_id,
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
SHOWN = 8  # of either kind of mover
SINCE = {"1 day": 1, "7 days": 7, "30 days": 30}
THEN = """
SELECT newest - $days AS day, newest - $days IN (SELECT date_id FROM tmdb.vw_daily_popularity) AS is_observed
FROM (SELECT max(date_id) AS newest FROM tmdb.vw_daily_popularity)
"""
BREAKOUTS = """
SELECT breakout_rank, movie_id, title, release_date, popularity, median_popularity, factor, z_score, days_of_history
FROM tmdb.vw_breakouts
ORDER BY breakout_rank
"""
BREAKOUTS_DRAWN = 16


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


def _figures(latest: dict[str, Any]) -> None:
    flow = row(FLOW)
    days = ask(NEWEST_DAYS)
    before = days.item(1, "films") if days.height > 1 else None
    change = None if before is None else days.item(0, "films") - before
    a_day = flow["votes_a_day"]
    layout.tiles(
        markup.Tile(
            "Films",
            figures.count(latest["films"]),
            figures.change(change) if change else None,
            "Observed on the newest day and not gone. Below: against the day observed before.",
        ),
        markup.Tile(
            "Mean rating",
            figures.decimal(latest["mean_rating"]),
            told=f"Mean of the mean votes of the {figures.counted(latest['films_with_votes'], 'film')} with votes, "
            f"each film counting once.",
        ),
        markup.Tile(
            "Votes",
            figures.count(latest["votes"]),
            f"{figures.change(a_day)} a day" if a_day else None,
            "All votes so far of the films above. Below: new votes a day over the last 7 days, of "
            f"{figures.counted(flow['films_with_votes_a_day'], 'film')} with votes known for both ends.",
        ),
        markup.Tile("Breakouts", figures.count(ask(BREAKOUTS).height), told="Films far above what is usual for them."),
    )


def _top(films: int) -> None:
    top = ask(TOP)
    ranked.bars(
        top,
        "popularity",
        f"The first {top.height} of {figures.counted(films, 'film')}.",
        title="TMDB popularity",
        write=figures.decimal,
        said={
            "vote_average": ("Mean vote", figures.decimal),
            "vote_count": ("Votes", figures.count),
            "release_date": ("Released", figures.day),
        },
    )


def _movers() -> None:
    days = SINCE[layout.choice("Since", list(SINCE), "since", "7 days")]
    movers = ask(MOVERS.format(since=f"{days}d", ago=f"{days}d_ago"), among=AMONG)
    if movers.is_empty():
        then = row(THEN, days=days)
        layout.nothing(
            f"No film of the first {AMONG} has moved since {figures.day(then['day'])}."
            if then["is_observed"]
            else f"{figures.day(then['day'])} was not observed: there is nothing to compare with. `make day "
            f"DAY={then['day']}` asks for "
            "what can still be had of it."
        )
        return
    climbed, fallen = movers.filter(pl.col("climbed") > 0), movers.filter(pl.col("climbed") < 0)
    ranked.bars(
        pl.concat([climbed.head(SHOWN), fallen.tail(SHOWN)]),
        "climbed",
        f"Rests on {figures.counted(climbed.height, 'film')} that climbed and {figures.count(fallen.height)} that "
        f"fell, among the first {AMONG} of either day.",
        title="Places climbed or fallen",
        write=figures.change,
        is_signed=True,
        said={
            "rank_ago": ("Rank then", figures.count),
            "rank_now": ("Rank now", figures.count),
            "popularity_ago": ("Popularity then", figures.decimal),
            "popularity": ("Popularity now", figures.decimal),
        },
    )


def _breakouts() -> None:
    found = ask(BREAKOUTS)
    if found.is_empty():
        layout.nothing(
            "No film broke out on this day. One does when it is far above its own last 60 days, of which at least 21 "
            "must have been observed."
        )
        return
    is_cut = found.height > BREAKOUTS_DRAWN
    some = f"The first {BREAKOUTS_DRAWN} of " if is_cut else ""
    its = "its" if found.height == 1 else "their"
    ranked.bars(
        found.head(BREAKOUTS_DRAWN),
        "factor",
        f"{some}{figures.counted(found.height, 'film')}, measured against {its} own history, the most unusual first. A "
        f"release lifts a film as well.",
        title="Popularity, times what is usual for the film",
        write=figures.ratio,
        said={
            "popularity": ("Popularity", figures.decimal),
            "median_popularity": ("Usual", figures.decimal),
            "z_score": ("Robust z", figures.decimal),
            "days_of_history": ("Days of history", figures.count),
            "release_date": ("Released", figures.day),
        },
    )
    if not is_cut:
        return
    # a table takes a browser longer than the rest of the page: it is made for those who ask for it
    every = st.expander(f"All {figures.counted(found.height, 'film')}", key="breakouts", on_change="rerun")
    if every.open:
        with every:
            _listed(found)


def _listed(found: pl.DataFrame) -> None:
    ranked.table(
        found,
        {
            "factor": layout.number("Times its usual", "%.1f ×"),
            "popularity": layout.number("Popularity", "%.1f"),
            "median_popularity": layout.number("Usual", "%.1f"),
            "z_score": layout.number("Robust z", "%.1f"),
            "days_of_history": layout.number("Days of history"),
            "release_date": st.column_config.DateColumn("Released", format="D MMM YYYY"),
        },
        "breakouts",
    )
