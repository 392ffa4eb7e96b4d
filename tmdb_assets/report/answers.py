"""What a day of the warehouse has to tell: films, movers, breakouts, genres, money, quality.

What belongs here: the report's questions. What does not: how the answers look (page.py), where they go (assets.py), how
any figure is defined (the views), how a warehouse is asked about a day that is not its newest (past.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl

from tmdb_assets.report.past import USE, Past
from tmdb_assets.warehouse.films import distinguish_films, of_shared_titles
from tmdb_assets.warehouse.reader import Info, Warehouse

DAYS_BACK = 60  # of the line of total popularity
AMONG = 200  # places within which a mover is one

BREAKOUT_DAYS = 60  # of history that a breakout is measured against; no question looks further back
WEEK = dt.timedelta(days=7)

_NEWEST = "SELECT max(date_id) FROM fact_movie_daily"
_HELD = "SELECT DISTINCT date_id FROM fact_movie_daily"
_OBSERVED = "SELECT date_id FROM dim_date"
_HEAD = """
SELECT
    count(*) AS films,
    avg(vote_average) AS mean_rating,
    count(vote_average) AS films_with_votes,
    sum(vote_count) AS votes,
    (SELECT count(*) FROM vw_breakouts) AS breakouts
FROM vw_movie_latest
WHERE is_current AND gone_on IS NULL
"""
_MONEY = """
SELECT
    count(*) AS films_detailed,
    count(*) FILTER (WHERE has_budget) AS films_with_budget,
    count(*) FILTER (WHERE has_revenue) AS films_with_revenue,
    count(*) FILTER (WHERE has_money) AS films_with_both
FROM vw_movie_financials
"""
_YEAR = "(SELECT year(movie.release_date) FROM dim_movie AS movie WHERE movie.movie_id = vw_trending.movie_id)"
_QUESTIONS = {
    "days": f"""
        SELECT total.date_id, total.films, total.total_popularity AS popularity, observed.days_missed
        FROM vw_daily_popularity AS total
        JOIN vw_observed_days AS observed ON observed.date_id = total.date_id
        WHERE total.date_id > ({_NEWEST}) - {DAYS_BACK}
        ORDER BY total.date_id
    """,
    "top": """
        SELECT movie_id, position, title, year(release_date) AS year, popularity, vote_average, vote_count
        FROM vw_top_movies
        WHERE position <= 20
        ORDER BY position
    """,
    "climbed": f"""
        SELECT
            movie_id, title, {_YEAR} AS year,
            popularity_rank_7d_ago AS rank_before, popularity_rank AS rank_now, rank_change_7d AS places
        FROM vw_trending
        WHERE rank_change_7d > 0 AND least(popularity_rank, popularity_rank_7d_ago) <= {AMONG}
        ORDER BY rank_change_7d DESC, movie_id
        LIMIT 10
    """,
    "fallen": f"""
        SELECT
            movie_id, title, {_YEAR} AS year,
            popularity_rank_7d_ago AS rank_before, popularity_rank AS rank_now, rank_change_7d AS places
        FROM vw_trending
        WHERE rank_change_7d < 0 AND least(popularity_rank, popularity_rank_7d_ago) <= {AMONG}
        ORDER BY rank_change_7d, movie_id
        LIMIT 10
    """,
    "breakouts": """
        SELECT movie_id, title, year(release_date) AS year, factor, popularity, median_popularity, z_score,
            days_of_history
        FROM vw_breakouts
        ORDER BY breakout_rank
        LIMIT 20
    """,
    "genres": """
        SELECT name, popularity_share, films, films_with_votes, mean_rating
        FROM vw_genre_popularity
        ORDER BY popularity_rank
    """,
    "continents": """
        SELECT continent, popularity_share, films, films_with_votes, mean_rating
        FROM vw_continent_popularity
        ORDER BY popularity_rank
    """,
    "earners": """
        SELECT
            ranking.movie_id, ranking.position, ranking.title, money.release_year AS year, money.budget_usd,
            money.revenue_usd, money.roi,
            ranking.left_out
        FROM vw_rankings AS ranking
        JOIN vw_movie_financials AS money ON money.movie_id = ranking.movie_id
        WHERE ranking.metric = 'revenue'
        ORDER BY ranking.position
    """,
    "quality": f"""
        SELECT table_name, score, kept, quarantined, values_set_aside, duplicates, superseded, completeness,
            extraction_completeness
        FROM vw_data_quality
        WHERE date_id = ({_NEWEST})
        ORDER BY score NULLS LAST, table_name
    """,
    "rules": f"""
        SELECT table_name, rule, rows, values_set_aside
        FROM vw_quarantine_rules
        WHERE date_id = ({_NEWEST})
        ORDER BY rows + values_set_aside DESC, table_name, rule
    """,
    "versions": """
        SELECT table_path, delta_version, rows
        FROM main.lake_versions
        WHERE source = 'tmdb' AND delta_version IS NOT NULL
        ORDER BY table_path
    """,
}


@dataclass(frozen=True)
class Days:
    """The days of films that a warehouse knows of. `held`: those whose facts it holds; `observed`: those of the
    lake."""

    held: frozenset[dt.date]
    observed: frozenset[dt.date]

    @property
    def newest(self) -> dt.date | None:
        """The newest day held."""
        return max(self.held, default=None)

    def are_whole(self, first: dt.date, last: dt.date) -> bool:
        """Whether the warehouse holds all that was observed from one day to another: it may hold the newest days
        alone."""
        return not any(first <= day <= last and day < min(self.held) for day in self.observed)


@dataclass(frozen=True)
class Answers:
    """What a report is made of. `head`: films, mean_rating, films_with_votes, votes and breakouts of the day, and of
    all films with details `films_detailed`, `films_with_budget`, `films_with_revenue` and `films_with_both`. `tables`:
    a frame per question above, by its name. What cannot be known of a past day is missing: a count is null, a table not
    there.
    """

    day: dt.date
    info: Info
    head: Mapping[str, Any]
    tables: Mapping[str, pl.DataFrame]
    newest: dt.date | None = None

    @property
    def is_past(self) -> bool:
        """Whether the warehouse held a newer day, so that what it keeps as last observed may be newer than the day."""
        return self.newest is not None and self.newest > self.day

    @property
    def missing_days(self) -> list[dt.date]:
        """Days between the first and the last of `days` that were missed (see vw_observed_days)."""
        days = self.tables["days"].select("date_id", "days_missed").rows()
        found: list[dt.date] = []
        for (before, _), (after, missed) in pairwise(days):
            between = (before + dt.timedelta(days=n) for n in range(1, (after - before).days))
            found += between if missed else ()
        return found


def held_days(warehouse: Warehouse) -> Days:
    """The days that a warehouse knows of. Raises WarehouseError."""
    _, answers = warehouse.query_together({"held": _HELD, "observed": _OBSERVED}, [USE])
    held, observed = (frozenset(answers[name].get_column("date_id")) for name in ("held", "observed"))
    return Days(held, observed)


def read(warehouse: Warehouse) -> Answers | None:
    """The answers of the newest day; None when no day of films has been observed yet. Raises WarehouseError."""
    questions = {"newest": _NEWEST, "head": _HEAD, "money": _MONEY, **_QUESTIONS}
    info, tables = warehouse.query_together(questions, [USE])
    day = tables.pop("newest").item()
    if day is None:
        return None
    head = tables.pop("head").row(0, named=True) | tables.pop("money").row(0, named=True)
    return Answers(day, info, head, _distinguish_films(tables), day)


def read_past(warehouse: Warehouse, day: dt.date, days: Days, past: Past) -> Answers:
    """The answers of a day that is held, as they were true on it. Raises WarehouseError.

    Money is kept as last observed, not by the day, and is left out; so is what rests on days that the warehouse, which
    may hold the newest ones alone, does not hold.
    """
    unknown = {"earners"}
    first = day - dt.timedelta(days=BREAKOUT_DAYS)
    if not days.are_whole(first, day):
        unknown.add("breakouts")
    if not days.are_whole(day - WEEK, day - WEEK):
        unknown |= {"climbed", "fallen"}
    questions = {"head": _HEAD, **{name: text for name, text in _QUESTIONS.items() if name not in unknown}}
    info, tables = warehouse.query_together(questions, past.statements(first, day, questions.values()))
    head = tables.pop("head").row(0, named=True)
    if "breakouts" in unknown:
        head["breakouts"] = None
    return Answers(day, info, head, _distinguish_films(tables), days.newest)


def _distinguish_films(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables, with the year, and else the id, beside titles that several films of the report have."""
    of_films = {name: frame for name, frame in tables.items() if {"movie_id", "title", "year"} <= set(frame.columns)}
    every = pl.concat(frame.select(pl.col("movie_id", "year").cast(pl.Int64), "title") for frame in of_films.values())
    shared = of_shared_titles(every).with_columns(
        title=pl.col("title").fill_null("Film"), beside=pl.format(" ({})", "year").fill_null("")
    )
    called = shared.select("movie_id", film=pl.format("{}{} #{}", "title", "beside", "movie_id"))
    return {**tables, **{name: distinguish_films(frame, called) for name, frame in of_films.items()}}
