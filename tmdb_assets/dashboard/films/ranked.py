"""Bars of films, the same on every page about films: a title, a figure, and the way to the film's days.

What belongs here: what any page draws of a list of films. What does not: which films and in which order (a page's
question), how bars look (markup.py).
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.dashboard import layout, markup
from tmdb_assets.warehouse import figures

#: Where a film's days are drawn: Trends, which knows a film in the URL by its id.
FOLLOWED = pl.format("trends?films=%23{}", "movie_id")


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
    """A bar per film (`movie_id`, `title`, `value`) in the order of the rows; `said` is what is told beside its title."""
    drawn = markup.bars(
        films.with_columns(followed=FOLLOWED),
        "title",
        value,
        title=title,
        write=write,
        said={"title": ("Film", figures.plain), **said},
        is_signed=is_signed,
        link="followed",
    )
    layout.bars(drawn, rests_on)
