"""Genres and places: where films come from, and which genres were made when.

What belongs here: the page and its questions. What does not: how popularity is shared out among countries (the views).
"""

from __future__ import annotations

import altair as alt
import polars as pl
import streamlit as st

from tmdb_assets.dashboard import drawing, layout, markup, parts
from tmdb_assets.dashboard.asking import ask
from tmdb_assets.dashboard.films import ranked
from tmdb_assets.warehouse import figures

COUNTRIES = """
SELECT iso_3166_1, coalesce(name, iso_3166_1) AS name, continent, films, total_popularity, mean_popularity,
    popularity_share, mean_rating
FROM tmdb.vw_country_popularity
ORDER BY popularity_rank
"""
CONTINENTS = """
SELECT continent, films, films_with_votes, total_popularity, popularity_share, mean_rating
FROM tmdb.vw_continent_popularity
ORDER BY popularity_rank
"""
TOP = """
SELECT position, movie_id, title, release_date, popularity, vote_average, vote_count
FROM tmdb.vw_top_movies_by_continent
WHERE continent = $continent
ORDER BY position
"""
GENRES = """
SELECT name, films, films_with_votes, total_popularity, mean_popularity, popularity_share, mean_rating
FROM tmdb.vw_genre_popularity
ORDER BY popularity_rank
"""
YEARS = """
SELECT min(release_year) AS first, max(release_year) AS last
FROM tmdb.vw_movie_financials
"""
GENRE_YEARS = """
SELECT
    genre.name,
    film.release_year,
    count(*) AS films,
    count(film.vote_average) AS films_with_votes,
    avg(film.vote_average) AS mean_rating,
    avg(film.popularity) AS mean_popularity
FROM tmdb.vw_movie_financials AS film
JOIN tmdb.bridge_movie_genre AS member ON member.movie_id = film.movie_id
JOIN tmdb.dim_genre AS genre ON genre.genre_id = member.genre_id
WHERE film.release_year BETWEEN $first AND $last AND genre.name IS NOT NULL
GROUP BY genre.name, film.release_year
ORDER BY genre.name, film.release_year
"""
RECENT = 25  # years shown at first
SHADES = {
    "Films": ("films", "Films", drawing.COUNT, "films"),
    "Mean rating": ("mean_rating", "Mean rating", drawing.RATING, "films_with_votes"),
    "Popularity": ("mean_popularity", "Mean popularity", drawing.DECIMAL, "films"),
}


def page() -> None:
    """The page."""
    with layout.section("Where films come from"):
        _map()
    with layout.section("Continents"):
        _continents()
    with layout.section("Top films of a continent"):
        _top()
    with layout.section("Genres"):
        _genres()
    with layout.section("Genres by year of release"):
        _genre_years()


def _map() -> None:
    countries = ask(COUNTRIES)
    if countries.is_empty():
        layout.nothing("No film of the newest day has details yet, so none has a country.")
        return
    placed = countries.join(drawing.positions(), on="iso_3166_1", how="left")
    off = placed.filter(pl.col("latitude").is_null()).height
    drawn = drawing.world(
        placed.filter(pl.col("latitude").is_not_null()),
        "films",
        title="Films",
        tooltip=drawing.tips(
            {
                "name": ("Country", None),
                "films": ("Films", drawing.COUNT),
                "popularity_share": ("Share of popularity", drawing.SHARE),
                "mean_rating": ("Mean rating", drawing.RATING),
            }
        ),
    )
    largest = countries.sort("films", descending=True).head(3)
    first = ", ".join(f"{name} {figures.count(films)}" for name, films in largest.select("name", "films").iter_rows())
    parts.picture(
        drawn,
        "Where films come from",
        parts.newest(),
        f"Production countries of the films of the newest day: "
        f"{figures.counted(countries.height, 'country', 'countries')}, most in {first}. A film of two "
        f"countries counts in both.{f' {off} have no place on the map.' if off else ''}",
        "Map of the world: a bubble per country, its area the number of films.",
    )


def _continents() -> None:
    continents = ask(CONTINENTS)
    if continents.is_empty():
        layout.nothing("No film of the newest day has a country yet.")
        return
    each = ", ".join(f"{name} {figures.count(films)}" for name, films in continents.select("continent", "films").rows())
    _shares(
        continents,
        "continent",
        "Continent",
        f"Films: {each}. A film counts on each of its continents, so shares may add up to more than 100%.",
    )


def _top() -> None:
    names = ask(CONTINENTS).get_column("continent").to_list()
    if not names:
        layout.nothing("No film of the newest day has a country yet.")
        return
    continent = layout.pick("Continent", names, "continent")
    top = ask(TOP, continent=continent)
    ranked.table(
        top,
        {
            "popularity": layout.number("Popularity", "%.1f"),
            "vote_average": layout.number("Mean vote", "%.1f"),
            "vote_count": layout.number("Votes", "%,d"),
            "release_date": st.column_config.DateColumn("Released", format="D MMM YYYY"),
        },
        f"top films {continent}",
    )
    st.caption(f"The most popular films of the newest day: {figures.counted(top.height, 'film')}.")


def _genres() -> None:
    genres = ask(GENRES)
    if genres.is_empty():
        layout.nothing("No film of the newest day has a genre yet.")
        return
    _shares(
        genres,
        "name",
        "Genre",
        f"{figures.counted(genres.height, 'genre')}, resting on {layout.span(genres['films'], 'film')} each. A film of "
        f"two genres counts in both.",
    )


def _shares(groups: pl.DataFrame, label: str, called: str, rests_on: str) -> None:
    """A bar per genre or continent: its share of popularity."""
    drawn = markup.bars(
        groups,
        label,
        "popularity_share",
        title="Share of all popularity",
        write=figures.share,
        said={
            label: (called, figures.plain),
            "films": ("Films", figures.count),
            "mean_rating": ("Mean rating", figures.decimal),
            "films_with_votes": ("Films with votes", figures.count),
        },
    )
    layout.bars(drawn, rests_on)


def _genre_years() -> None:
    ends = ask(YEARS).row(0, named=True)
    if ends["last"] is None:
        layout.nothing("No film has a year of release yet.")
        return
    first, last = ends["first"], ends["last"]
    if first < last:
        chosen = (max(first, last - RECENT + 1), last)
        first, last = layout.between("Years", first, last, chosen, "years")
    column, title, style, rests_on = SHADES[layout.choice("Shade", list(SHADES), "shade")]
    cells = ask(GENRE_YEARS, first=first, last=last).filter(pl.col(column).is_not_null())
    if cells.is_empty():
        layout.nothing("No film of these years has a genre.")
        return
    drawn = drawing.heat(
        cells,
        alt.X(
            "release_year:O", title=None, axis=alt.Axis(labelOverlap=True, labelAngle=0), scale=_all_years(first, last)
        ),
        alt.Y("name:N", title=None, axis=alt.Axis(labelLimit=drawing.LABEL_WIDTH, labelOverlap=False)),
        column,
        title=title,
        style=style,
        rows=cells.get_column("name").n_unique(),
        tooltip=drawing.tips(
            {
                "name": ("Genre", None),
                "release_year": ("Year", None),
                "films": ("Films", drawing.COUNT),
                "mean_rating": ("Mean rating", drawing.RATING),
                "films_with_votes": ("Films with votes", drawing.COUNT),
                "mean_popularity": ("Mean popularity", drawing.DECIMAL),
            }
        ),
    )
    counted = cells.get_column(rests_on)
    parts.picture(
        drawn,
        f"{title} by genre and year of release",
        f"Released {first} to {last}" if first < last else f"Released {last}",
        f"{figures.counted(cells.height, 'cell')}, each resting on {layout.span(counted, 'film')}. "
        "An empty cell has none. A film of two genres counts in both.",
        f"Heat map: {title.lower()} by genre and year of release.",
    )


def _all_years(first: int, last: int) -> alt.Scale:
    return alt.Scale(domain=list(range(first, last + 1)))
