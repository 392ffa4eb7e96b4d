"""Films over time: what is known of each day, drawn as lines, for one film or several.

What belongs here: the question about a film's days, and the picture of its answer. What does not: which films (a page).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from tmdb_assets.dashboard import drawing, parts
from tmdb_assets.dashboard.asking import ask
from tmdb_assets.warehouse import figures
from tmdb_assets.warehouse.films import shortly_called

_HISTORY = """
SELECT date_id, movie_id, popularity, popularity_rank, percentile, vote_count,
    new_votes / new_votes_days AS new_votes_a_day, vote_average
FROM tmdb.vw_movie_history
WHERE movie_id IN (SELECT unnest($ids)) AND date_id BETWEEN $first AND $last
ORDER BY date_id
"""


@dataclass(frozen=True)
class Measure:
    """What is drawn of a film: its column, what it is called, how it is written; `is_logarithmic`: whether it may
    be."""

    column: str
    title: str
    style: str
    is_logarithmic: bool = False  # what never falls below zero: a zero itself is left out


MEASURES = {
    "Popularity": Measure("popularity", "TMDB popularity", drawing.DECIMAL, is_logarithmic=True),
    "Rank": Measure("popularity_rank", "Rank by popularity", drawing.COUNT),
    "New votes": Measure("new_votes_a_day", "New votes a day", drawing.COUNT),
    "Votes": Measure("vote_count", "Votes so far", drawing.COUNT, is_logarithmic=True),
    "Rating": Measure("vote_average", "Mean vote", drawing.RATING),
}


def history(films: dict[int, str], first: dt.date, last: dt.date) -> pl.DataFrame:
    """The observed days of films (id -> what it is called, the column `film`), in the order of the films."""
    names = pl.DataFrame(
        {"movie_id": list(films), "film": list(films.values())}, schema={"movie_id": pl.Int64, "film": pl.String}
    )
    days = ask(_HISTORY, ids=list(films), first=first, last=last)
    return names.join(days, on="movie_id", how="inner", maintain_order="left_right")


def known_days(days: pl.DataFrame, measure: Measure, *, is_log: bool = False) -> pl.DataFrame:
    """The days on which a measure was observed, and can be drawn."""
    column = pl.col(measure.column)
    return days.filter(column > 0 if is_log else column.is_not_null())


def lines(days: pl.DataFrame, measure: Measure, rests_on: str, *, is_log: bool = False) -> None:
    """A line per film over its known days."""
    first, last = days.select(first=pl.col("date_id").min(), last=pl.col("date_id").max()).row(0)
    days = shortly_called(days)
    films = days.get_column("film").unique(maintain_order=True).to_list()
    drawn = drawing.lines(
        drawing.whole_calendar(days, "date_id", "film"),
        measure.column,
        "film",
        title=measure.title,
        style=measure.style,
        is_rank=measure.column == "popularity_rank",
        is_log=is_log,
        tooltip=drawing.tips(
            {
                "film": ("Film", None),
                "date_id": ("Day", "day"),
                "popularity": ("Popularity", drawing.DECIMAL),
                "popularity_rank": ("Rank", drawing.COUNT),
                "percentile": ("More popular than", drawing.SHARE),
                "vote_count": ("Votes so far", drawing.COUNT),
                "new_votes_a_day": ("New votes a day", drawing.COUNT),
                "vote_average": ("Mean vote", drawing.RATING),
            }
        ),
    )
    whose = films[0] if len(films) == 1 else figures.counted(len(films), "film")
    title = f"{measure.title}{', logarithmic' if is_log else ''}: {whose}"
    parts.picture(drawn, title, figures.span(first, last), rests_on, f"Lines: {measure.title} by day of {whose}.")
