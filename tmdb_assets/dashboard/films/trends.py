"""Trends: films, genres or continents beside each other over a chosen period, or all films together.

What belongs here: the page and its questions. What does not: what a share of popularity or a percentile is (the views).
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from tmdb_assets.dashboard import drawing, layout, markup, parts
from tmdb_assets.dashboard.asking import ask, row
from tmdb_assets.dashboard.films import followed, ranked
from tmdb_assets.warehouse import figures

FILMS, GENRES, CONTINENTS, ALL = "Films", "Genres", "Continents", "All films"
AT_MOST, AT_FIRST = 10, 5

ENDS = "SELECT min(date_id) AS first, max(date_id) AS last FROM tmdb.fact_movie_daily"
GENRE_WEEKS = """
SELECT week_starts_on, name AS series, popularity_share, days_observed, films
FROM tmdb.vw_genre_trend
WHERE week_starts_on + 6 >= $first AND week_starts_on <= $last
ORDER BY week_starts_on
"""
CONTINENT_WEEKS = """
SELECT week_starts_on, continent AS series, popularity_share, days_observed, films
FROM tmdb.vw_continent_trend
WHERE week_starts_on + 6 >= $first AND week_starts_on <= $last
ORDER BY week_starts_on
"""
DAYS = """
SELECT date_id, films, total_popularity AS popularity
FROM tmdb.vw_daily_popularity
WHERE date_id BETWEEN $first AND $last
ORDER BY date_id
"""


def page() -> None:
    """The page."""
    ends = row(ENDS)
    if ends["last"] is None:
        layout.nothing("No day has been observed yet: run `make demo`, or the job `tmdb_daily`.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        compared = layout.choice("Compare", [FILMS, GENRES, CONTINENTS, ALL], "compare")
    with right:
        period = _period(ends["first"], ends["last"])
    if compared == FILMS:
        with layout.section("Films over time"):
            _films(*period)
    elif compared == ALL:
        with layout.section("Popularity of all films"):
            _all_films(*period)
    else:
        with layout.section(f"{compared} by their share of popularity"):
            _shares(compared, *period)


def _period(first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    if first == last:
        st.caption(f"Only one day has been observed so far: {figures.day(first)}.")
        return first, last
    return layout.between("Period", first, last, (first, last), "period", "D MMM YYYY")


def _films(first: dt.date, last: dt.date) -> None:
    ids = [ranked.number_in(name) for name in st.query_params.get_all("films")]
    offered = ranked.offered([number for number in ids if number is not None])
    called = {number: film for film, number in offered.items()}
    chosen = layout.several(
        "Films",
        list(offered),
        list(offered)[:AT_FIRST],
        "films",
        at_most=AT_MOST,
        said=[called[number] for number in ids if number in called],
        written=lambda film: str(offered[film]),  # a title may be long, and another one tomorrow
        help=f"The {figures.counted(min(len(offered), ranked.OFFERED), 'most popular film')}, up to {AT_MOST} at once; "
        f"type to find one.",
    )
    if not chosen:
        layout.nothing("Choose a film.")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        measure = followed.MEASURES[layout.choice("Figure", list(followed.MEASURES), "figure")]
    with right:
        is_log = st.toggle("Logarithmic", key="log", bind="query-params") and measure.is_logarithmic
    films = {offered[film]: film for film in chosen}
    known = followed.known_days(followed.history(films, first, last), measure, is_log=is_log)
    silent = {number: film for number, film in films.items() if number not in set(known.get_column("movie_id"))}
    if known.is_empty():
        layout.nothing(f"Nothing of this was observed in this period: {figures.span(first, last)}.")
    else:
        followed.lines(
            known,
            measure,
            f"Rests on {len(films) - len(silent)} of {figures.counted(len(films), 'chosen film')} and "
            f"{figures.counted(known.height, 'observation')}. A gap is a day that was not observed.",
            is_log=is_log,
        )
    pages = [(film.rpartition(" #")[0], f"film?id={number}") for number, film in films.items()]
    st.html(markup.links("More of each:", pages))
    if silent and len(silent) < len(films):
        st.info(
            f"Nothing of this was observed of {len(silent)} of the chosen films in this period: "
            f"{layout.escaped(', '.join(silent.values()))}."
        )


def _shares(compared: str, first: dt.date, last: dt.date) -> None:
    weeks = ask(GENRE_WEEKS if compared == GENRES else CONTINENT_WEEKS, first=first, last=last)
    weeks = weeks.filter(pl.col("series").is_not_null())
    if weeks.is_empty():
        layout.nothing("No film of these days has details yet, so none has a genre or a country.")
        return
    by_size = weeks.group_by("series").agg(pl.col("popularity_share").mean()).sort("popularity_share", descending=True)
    names = by_size.get_column("series").to_list()
    chosen = layout.several(compared, names, names[:AT_FIRST], compared.lower(), at_most=AT_MOST)
    if not chosen:
        layout.nothing(f"Choose at least one of the {len(names)} {compared.lower()}.")
        return
    shown = pl.DataFrame({"series": chosen}).join(weeks, on="series", maintain_order="left")
    drawn = drawing.lines(
        drawing.whole_calendar(shown, "week_starts_on", "series", "7d"),
        "popularity_share",
        "series",
        day="week_starts_on",
        title="Share of all popularity",
        style=drawing.SHARE,
        tooltip=drawing.tips(
            {
                "series": (compared.removesuffix("s"), None),
                "week_starts_on": ("Week from", "day"),
                "popularity_share": ("Share", drawing.SHARE),
                "days_observed": ("Days observed", drawing.COUNT),
                "films": ("Films", drawing.COUNT),
            }
        ),
    )
    films = shown.group_by("series").agg(pl.col("films").max()).get_column("films")
    parts.picture(
        drawn,
        f"{compared} by their share of popularity",
        f"Weeks from {figures.span(*_ends(shown, 'week_starts_on'))}",
        f"By week from Monday; each line rests on up to {layout.span(films, 'film')} a week. A film counts in each of "
        f"its groups, so shares may add up to more than 100%.",
        f"Lines: share of popularity of {compared.lower()} by week.",
    )


def _all_films(first: dt.date, last: dt.date) -> None:
    days = ask(DAYS, first=first, last=last)
    if days.is_empty():
        layout.nothing(f"No day was observed between {figures.day(first)} and {figures.day(last)}.")
        return
    calendar = drawing.whole_calendar(days, "date_id")
    drawn = drawing.lines(
        calendar.with_columns(series=pl.lit(ALL)),
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
    )
    parts.picture(
        drawn,
        "Popularity of all films",
        figures.span(*_ends(days, "date_id")),
        f"Observed days: {days.height}, with {layout.span(days['films'], 'film')} each. A gap is a day that was not "
        f"observed.",
        "Line: total popularity of all films by day.",
    )


def _ends(frame: pl.DataFrame, day: str) -> tuple[dt.date, dt.date]:
    first, last = frame.select(first=pl.col(day).min(), last=pl.col(day).max()).row(0)
    return first, last
