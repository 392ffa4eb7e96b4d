"""What is said of films wherever they are listed: which of their money counts, and what one is called among others.

What belongs here: words that the dashboard and the report share. What does not: how a figure is written (figures.py),
any question, any markup.
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.warehouse import figures


def money_rule(hardly_true: int | None, *, are_in: bool) -> str:
    """Which money a sum, a mean or a ranking rests on. `hardly_true`: the films flagged so that are in it, or left out
    of it; None: each row says its own.
    """
    if hardly_true == 0:
        return "Every known figure counts: none is hardly true."
    which = "films" if hardly_true is None else figures.counted(hardly_true, "film")
    if are_in:
        return f"Every known figure counts, also of the {which} whose money is hardly true."
    return f"Without the {which} whose money is hardly true."


def shortly_called(films: pl.DataFrame) -> pl.DataFrame:
    """Films (`movie_id`, `film`: what it is called) without the id at the end, unless another one is called the
    same."""
    short = pl.col("film").str.replace(r" #\d+$", "")
    is_alone = pl.col("movie_id").n_unique().over(short) == 1
    return films.with_columns(film=pl.when(is_alone).then(short).otherwise("film"))


def of_shared_titles(films: pl.DataFrame) -> pl.DataFrame:
    """Those of some films (`movie_id`, `title`) whose title another one of them has."""
    return films.filter(pl.col("movie_id").n_unique().over("title") > 1)


def distinguish_films(films: pl.DataFrame, called: pl.DataFrame) -> pl.DataFrame:
    """Films (`movie_id`, `title`) with what these are called (`movie_id`, `film`: title, year and id) as their title,
    for short: the year beside a title that several have, and the id where the year is the same too.
    """
    short = shortly_called(called.unique("movie_id"))
    told = films.join(short, on="movie_id", how="left", maintain_order="left")
    return told.with_columns(title=pl.coalesce("film", "title")).drop("film")
