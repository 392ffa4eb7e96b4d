"""Trends: films, genres or continents beside each other over a chosen period, or all films together.

What belongs here: the page and its questions. What does not: what a share of popularity or a percentile is (the views).
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from tmdb_assets.dashboard import drawing, layout
from tmdb_assets.dashboard.asking import ask, row
from tmdb_assets.warehouse import figures

FILMS, GENRES, CONTINENTS, ALL = "Films", "Genres", "Continents", "All films"
OFFERED = 2000  # films to choose from; any other one can be named in the URL
AT_MOST, AT_FIRST = 10, 5

ENDS = "SELECT min(date_id) AS first, max(date_id) AS last FROM tmdb.fact_movie_daily"
#: A film is called by its title, year and id: titles alone are not unique, and the id finds it again.
CALLED = """coalesce(movie.title, movie.original_title, 'Film')
    || coalesce(' (' || CAST(year(movie.release_date) AS VARCHAR) || ')', '') || ' #' || CAST(movie.movie_id AS VARCHAR)"""
POPULAR = f"""
SELECT {CALLED} AS film, movie.movie_id
FROM tmdb.dim_movie AS movie
JOIN tmdb.vw_movie_latest AS latest ON latest.movie_id = movie.movie_id
WHERE latest.is_current AND latest.gone_on IS NULL
ORDER BY latest.popularity DESC, movie.movie_id
LIMIT $offered
"""
NAMED = f"SELECT {CALLED} AS film, movie.movie_id FROM tmdb.dim_movie AS movie WHERE movie.movie_id IN (SELECT unnest($ids))"
HISTORY = """
SELECT date_id, movie_id, popularity, popularity_rank, percentile, vote_count, new_votes / new_votes_days AS new_votes_a_day, vote_average
FROM tmdb.vw_movie_history
WHERE movie_id IN (SELECT unnest($ids)) AND date_id BETWEEN $first AND $last
ORDER BY date_id
"""
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
#: What is drawn of a film: column, axis title, format.
MEASURES = {
    "Popularity": ("popularity", "TMDB popularity", drawing.DECIMAL),
    "Rank": ("popularity_rank", "Rank by popularity", drawing.COUNT),
    "New votes": ("new_votes_a_day", "New votes a day", drawing.COUNT),
    "Votes": ("vote_count", "Votes so far", drawing.COUNT),
    "Rating": ("vote_average", "Mean vote", drawing.RATING),
}

LOGARITHMIC = {"popularity", "vote_count"}  # what never falls below zero: a zero itself is left out


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
    offered = _offered()
    chosen = st.multiselect(
        "Films",
        list(offered),
        default=list(offered)[:AT_FIRST],
        max_selections=AT_MOST,
        key="films",
        bind="query-params",
        help=f"The {figures.count(min(len(offered), OFFERED))} most popular films, up to {AT_MOST} at once; type to find one.",
    )
    if not chosen:
        layout.nothing("Choose a film.")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        column, title, style = MEASURES[layout.choice("Figure", list(MEASURES), "figure")]
    with right:
        is_log = st.toggle("Logarithmic", key="log", bind="query-params") and column in LOGARITHMIC
    ids = [offered[film] for film in chosen]
    names = pl.DataFrame({"movie_id": ids, "film": list(chosen)}, schema={"movie_id": pl.Int64, "film": pl.String})
    history = ask(HISTORY, ids=ids, first=first, last=last).join(names, on="movie_id")
    known = history.filter(pl.col(column) > 0 if is_log else pl.col(column).is_not_null())
    silent = [film for film in chosen if film not in set(known.get_column("film"))]
    if known.is_empty():
        layout.nothing(f"Nothing of this was observed between {figures.day(first)} and {figures.day(last)}.")
        return
    ordered = names.select("film").join(known, on="film", how="inner", maintain_order="left")
    drawn = drawing.lines(
        drawing.whole_calendar(ordered, "date_id", "film"),
        column,
        "film",
        title=title,
        style=style,
        is_rank=column == "popularity_rank",
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
    layout.chart(
        drawn,
        f"Rests on {figures.count(ordered.get_column('film').n_unique())} of {len(chosen)} chosen films and {figures.count(known.height)} "
        "observations. A gap is a day that was not observed.",
        f"Lines: {title} of the chosen films by day.",
    )
    if silent:
        st.info(f"Nothing of this was observed of {len(silent)} of the chosen films in this period.")
        st.dataframe(pl.DataFrame({"Film": silent}), hide_index=True, width="stretch")


def _offered() -> dict[str, int]:
    """What a film is called -> its id: the most popular ones, and those that the URL names.

    The id alone names a film in the URL: the title and the year in a link may be those of another day.
    """
    listed = ask(POPULAR, offered=OFFERED)
    ids = {name: number for name in st.query_params.get_all("films") if (number := _id(name)) is not None}
    if ids:
        named = ask(NAMED, ids=sorted(set(ids.values())))
        listed = pl.concat([listed, named]).unique("movie_id", keep="first", maintain_order=True)
        called = {number: film for film, number in named.iter_rows()}
        layout.mend("films", lambda said: list(dict.fromkeys(called.get(ids.get(name, -1), name) for name in said)))
    return dict(listed.iter_rows())


def _id(name: str) -> int | None:
    """The id at the end of what a film is called."""
    number = name.rpartition("#")[2]
    return int(number) if number.isdecimal() and len(number) < 19 else None


def _shares(compared: str, first: dt.date, last: dt.date) -> None:
    weeks = ask(GENRE_WEEKS if compared == GENRES else CONTINENT_WEEKS, first=first, last=last)
    weeks = weeks.filter(pl.col("series").is_not_null())
    if weeks.is_empty():
        layout.nothing("No film of these days has details yet, so none has a genre or a country.")
        return
    by_size = weeks.group_by("series").agg(pl.col("popularity_share").mean()).sort("popularity_share", descending=True)
    names = by_size.get_column("series").to_list()
    chosen = st.multiselect(
        compared, names, default=names[:AT_FIRST], max_selections=AT_MOST, key=compared.lower(), bind="query-params"
    )
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
    layout.chart(
        drawn,
        f"By week from Monday; each line rests on up to {layout.span(films)} films "
        "a week. A film counts in each of its groups, so shares may add up to more than 100%.",
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
    layout.chart(
        drawn,
        f"Observed days: {days.height}, with {layout.span(days['films'])} films each. A gap is a day that was not observed.",
        "Line: total popularity of all films by day.",
    )
