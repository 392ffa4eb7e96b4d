"""Films in bars and tables, the same on every page about films: a title that leads to the film's page, and figures.

What belongs here: what a film is called, where its page is, what any page draws of a list of films. What does not:
which films and in which order (a page's question), how bars look (markup.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote_plus

import polars as pl
from streamlit.elements.lib.column_types import ColumnConfig

from tmdb_assets.dashboard import layout, markup, parts
from tmdb_assets.dashboard.asking import ask
from tmdb_assets.warehouse import figures
from tmdb_assets.warehouse.films import distinguish_films, of_shared_titles

#: Where a film's page is, beside the page that leads to it.
PAGE = pl.format("film?id={}", "movie_id")
#: A film is called by its title, year and id: titles alone are not unique, and the id finds it again.
_CALLED = """coalesce(movie.title, movie.original_title, 'Film')
    || coalesce(' (' || CAST(year(movie.release_date) AS VARCHAR) || ')', '')
    || ' #' || CAST(movie.movie_id AS VARCHAR)"""
_POPULAR = f"""
SELECT {_CALLED} AS film, movie.movie_id
FROM tmdb.dim_movie AS movie
JOIN tmdb.vw_movie_latest AS latest ON latest.movie_id = movie.movie_id
WHERE latest.is_current AND latest.gone_on IS NULL
ORDER BY latest.popularity DESC, movie.movie_id
LIMIT $offered
"""
_FILMS = "FROM tmdb.dim_movie AS movie WHERE movie.movie_id IN (SELECT unnest($ids))"
_NAMED = f"SELECT {_CALLED} AS film, movie.movie_id {_FILMS}"
OFFERED = 2000  # films to choose from; any other one can be named in the URL


def bars(
    films: pl.DataFrame,
    value: str,
    rests_on: str,
    *,
    title: str,
    write: markup.Write,
    said: markup.Said,
    is_signed: bool = False,
) -> None:
    """A bar per film (`movie_id`, `title`, `value`) in the order of the rows; `said` is what is told beside its
    title."""
    drawn = markup.bars(
        _distinguish_films(films).with_columns(page=PAGE),
        "title",
        value,
        title=title,
        write=write,
        said={"title": ("Film", figures.plain), **said},
        is_signed=is_signed,
        link="page",
    )
    layout.bars(drawn, rests_on)


def table(
    films: pl.DataFrame,
    columns: Mapping[str, ColumnConfig],
    file: str,
    rows: int = 10,
    taken: pl.DataFrame | None = None,
) -> None:
    """A table of films (`movie_id`, `title`): the title leads to the film's page, `columns` follow."""
    # the title comes first in the address: a table that is sorted by this column is sorted by title
    titles = pl.col("title").fill_null(figures.UNKNOWN).map_elements(quote_plus, return_dtype=pl.String)
    listed = films.with_columns(page=pl.format("film?title={}&id={}", titles, "movie_id"))
    shown = {"page": layout.link("Film", r"[?]title=([^&]*)&"), **columns}
    parts.table(listed, shown, file, rows, films if taken is None else taken)


def _distinguish_films(films: pl.DataFrame) -> pl.DataFrame:
    """With the year beside titles that several of these films have, and the id where the year is the same too."""
    shared = of_shared_titles(films).get_column("movie_id").to_list()
    if not shared:
        return films
    called = named(shared)
    known = pl.DataFrame(
        {"movie_id": list(called), "film": list(called.values())}, schema={"movie_id": pl.Int64, "film": pl.String}
    )
    return distinguish_films(films, known)


def named(ids: list[int]) -> dict[int, str]:
    """What films of these ids are called; those that are not known are left out."""
    return {number: film for film, number in ask(_NAMED, ids=sorted(set(ids))).iter_rows()} if ids else {}


def offered(also: list[int]) -> dict[str, int]:
    """What a film is called -> its id: the most popular ones, and these."""
    listed = dict(ask(_POPULAR, offered=OFFERED).iter_rows())
    there = set(listed.values())
    return listed | {film: number for number, film in named(also).items() if number not in there}


def number_in(words: str) -> int | None:
    """The id at the end of what a film is called, or alone: a link may have the title and the year of another day."""
    number = words.rpartition("#")[2]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None
