"""What the newest day of the warehouse has to tell: films, movers, breakouts, genres, money, quality.

What belongs here: the report's questions. What does not: how the answers look (page.py), where they go (assets.py), how
any figure is defined (the views).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl

from tmdb_assets.warehouse.reader import Info, Warehouse

DAYS_BACK = 60  # of the line of total popularity
AMONG = 200  # places within which a mover is one

_NEWEST = "SELECT max(date_id) FROM tmdb.fact_movie_daily"
_HEAD = """
SELECT
    count(*) AS films,
    avg(vote_average) AS mean_rating,
    count(vote_average) AS films_with_votes,
    sum(vote_count) AS votes,
    (SELECT count(*) FROM tmdb.vw_breakouts) AS breakouts
FROM tmdb.vw_movie_latest
WHERE is_current AND gone_on IS NULL
"""
_MONEY = """
SELECT
    count(*) AS films_detailed,
    count(*) FILTER (WHERE has_budget) AS films_with_budget,
    count(*) FILTER (WHERE has_revenue) AS films_with_revenue,
    count(*) FILTER (WHERE has_money) AS films_with_both
FROM tmdb.vw_movie_financials
"""
_QUESTIONS = {
    "days": f"""
        SELECT total.date_id, total.films, total.total_popularity AS popularity, observed.days_missed
        FROM tmdb.vw_daily_popularity AS total
        JOIN tmdb.vw_observed_days AS observed ON observed.date_id = total.date_id
        WHERE total.date_id > ({_NEWEST}) - {DAYS_BACK}
        ORDER BY total.date_id
    """,
    "top": """
        SELECT position, title, year(release_date) AS year, popularity, vote_average, vote_count
        FROM tmdb.vw_top_movies
        WHERE position <= 20
        ORDER BY position
    """,
    "climbed": f"""
        SELECT title, popularity_rank_7d_ago AS rank_before, popularity_rank AS rank_now, rank_change_7d AS places
        FROM tmdb.vw_trending
        WHERE rank_change_7d > 0 AND least(popularity_rank, popularity_rank_7d_ago) <= {AMONG}
        ORDER BY rank_change_7d DESC, movie_id
        LIMIT 10
    """,
    "fallen": f"""
        SELECT title, popularity_rank_7d_ago AS rank_before, popularity_rank AS rank_now, rank_change_7d AS places
        FROM tmdb.vw_trending
        WHERE rank_change_7d < 0 AND least(popularity_rank, popularity_rank_7d_ago) <= {AMONG}
        ORDER BY rank_change_7d, movie_id
        LIMIT 10
    """,
    "breakouts": """
        SELECT title, factor, popularity, median_popularity, z_score, days_of_history
        FROM tmdb.vw_breakouts
        ORDER BY breakout_rank
        LIMIT 20
    """,
    "genres": """
        SELECT name, popularity_share, films, films_with_votes, mean_rating
        FROM tmdb.vw_genre_popularity
        ORDER BY popularity_rank
    """,
    "continents": """
        SELECT continent, popularity_share, films, films_with_votes, mean_rating
        FROM tmdb.vw_continent_popularity
        ORDER BY popularity_rank
    """,
    "earners": """
        SELECT
            ranking.position, ranking.title, money.release_year AS year, money.budget_usd, money.revenue_usd, money.roi,
            ranking.left_out
        FROM tmdb.vw_rankings AS ranking
        JOIN tmdb.vw_movie_financials AS money ON money.movie_id = ranking.movie_id
        WHERE ranking.metric = 'revenue'
        ORDER BY ranking.position
    """,
    "quality": f"""
        SELECT table_name, score, kept, quarantined, values_set_aside, duplicates, superseded, completeness, extraction_completeness
        FROM tmdb.vw_data_quality
        WHERE date_id = ({_NEWEST})
        ORDER BY score NULLS LAST, table_name
    """,
    "rules": f"""
        SELECT table_name, rule, rows, values_set_aside
        FROM tmdb.vw_quarantine_rules
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
class Answers:
    """What a report is made of. `head`: films, mean_rating, films_with_votes, votes and breakouts of the newest day, and of
    all films with details `films_detailed`, `films_with_budget`, `films_with_revenue` and `films_with_both`. `tables`: a
    frame per question above, by its name.
    """

    day: dt.date
    info: Info
    head: Mapping[str, Any]
    tables: Mapping[str, pl.DataFrame]

    @property
    def missing_days(self) -> list[dt.date]:
        """Days between the first and the last of `days` that were missed (see vw_observed_days)."""
        days = self.tables["days"].select("date_id", "days_missed").rows()
        found: list[dt.date] = []
        for (before, _), (after, missed) in pairwise(days):
            between = (before + dt.timedelta(days=n) for n in range(1, (after - before).days))
            found += between if missed else ()
        return found


def read(warehouse: Warehouse) -> Answers | None:
    """The answers of the newest day; None when no day of films has been observed yet. Raises WarehouseError."""
    info, tables = warehouse.query_together({"newest": _NEWEST, "head": _HEAD, "money": _MONEY, **_QUESTIONS})
    day = tables.pop("newest").item()
    if day is None:
        return None
    head = tables.pop("head").row(0, named=True) | tables.pop("money").row(0, named=True)
    return Answers(day, info, head, tables)
