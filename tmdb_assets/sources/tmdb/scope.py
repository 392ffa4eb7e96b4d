"""Which films a day is about, and whose details it needs: frames in, frames out, but for what the lake has kept.

What belongs here: the scope, what a list did not show of it, why details are asked for, how few is too few. What does
not: asking (raw.py), the exports (exports.py).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from tmdb_assets.lakehouse.flow.extraction import Asked
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.answers import listed_movies, shows_figures
from tmdb_assets.sources.tmdb.parts import is_whole

#: Films of one list: 500 pages of 20.
LISTED_AT_MOST = 20 * 500
#: A list that shows a smaller share of the films that it should is not believed; one that moves shows nearly all.
LIST_AT_LEAST = 0.7
NEAR_DAYS = 30


def listed_films(store: DeltaStore, day: dt.date) -> pl.DataFrame:
    """movie_id, popularity of the films that the kept list pages of a day show with all their figures, each once."""
    pages = store.scan(contracts.DISCOVER_PAGES, [day]).select("payload").collect()
    return shown_on(pages.get_column("payload"))


def shown_on(pages: pl.Series) -> pl.DataFrame:
    """movie_id, popularity of the films that some list pages show with all their figures, each once."""
    shown = listed_movies(pages).filter(shows_figures()).select(movie_id="id", popularity="popularity")
    return shown.group_by("movie_id").agg(pl.col("popularity").max())


def listable(exported: pl.LazyFrame) -> pl.LazyFrame:
    """movie_id, popularity of the exported films that the lists show: neither adult nor video."""
    shown = exported.filter(~pl.col("adult").fill_null(False), ~pl.col("video").fill_null(False))
    return shown.select("movie_id", "popularity")


def scope(listed: pl.DataFrame, exported: pl.LazyFrame, size: int | None) -> pl.DataFrame:
    """movie_id of the films that the day is about: the `size` most popular of list and export, or all of both.

    What a list says of a film's popularity counts before what the export says.
    """
    if size is None:
        return pl.concat([listed.select("movie_id"), exported.select("movie_id").collect()]).unique()
    known = listable(exported).join(listed.lazy(), on="movie_id", how="anti").collect()
    films = pl.concat([listed, known.select("movie_id", "popularity")])
    best = films.sort("popularity", "movie_id", descending=[True, False], nulls_last=True)
    return best.head(size).select("movie_id")


def popularity_floor(exported: pl.LazyFrame, size: int) -> float:
    """Popularity of the `size`-th film of an export; -inf when it has fewer."""
    top = listable(exported).select(pl.col("popularity").top_k(size).min(), films=pl.len()).collect()
    floor, films = top.row(0)
    return float("-inf") if floor is None or films < size else float(floor)


def unlisted(listed: pl.DataFrame, in_scope: pl.DataFrame, last: pl.DataFrame, size: int | None) -> pl.DataFrame:
    """movie_id of the films of the scope that the list did not show.

    A scope of more films than one list holds is walked by release dates, and a film without one is in no such list on
    any day. So there, a film whose newest details were already asked for because it was not listed is left out: it
    is asked for again when its details are stale or have changed, as any film is.
    """
    missing = in_scope.join(listed, on="movie_id", how="anti")
    if size is not None and size <= LISTED_AT_MOST:
        return missing
    by_habit = last.filter("is_alive", pl.col("asked_because") == "unlisted")
    return missing.join(by_habit, on="movie_id", how="anti")


def last_details(store: DeltaStore, before: dt.date) -> pl.DataFrame:
    """movie_id, date_id, asked_because, is_alive of each film's newest details before a day, every film once.

    A film that was merged into another is not alive, though it answers: it would be looked for every day. An answer
    without an id says nothing about the film.
    """
    kept = store.scan(contracts.MOVIE_DETAILS).filter(pl.col("date_id") < before, _says_something())
    state = kept.select(
        "movie_id",
        "date_id",
        "asked_because",
        is_alive=(pl.col("http_status") == 200) & (pl.col("answered_id") == pl.col("movie_id")).fill_null(False),
    )
    return state.sort("date_id").group_by("movie_id").last().collect()


def details_kept(store: DeltaStore, day: dt.date) -> pl.DataFrame:
    """movie_id, asked_because, is_answered of the details kept on a day; a film that is gone may come back in a later
    run of the day, and an answer without an id is none: these are not answered."""
    told = (pl.col("http_status") == 200) & (pl.col("answered_id") == pl.col("movie_id"))
    return (
        store.scan(contracts.MOVIE_DETAILS, [day])
        .select("movie_id", "asked_because", is_answered=told.fill_null(False))
        .collect()
    )


def changed_since_seen(asked: Asked, alive: pl.DataFrame, oldest: dt.date) -> pl.DataFrame:
    """movie_id of the known films that TMDB said changed after their newest details, on the asked day or since
    `oldest`: one that could not be had on its day is asked for again."""
    told = asked.store.scan(contracts.MOVIE_CHANGES).filter(pl.col("date_id").is_between(oldest, asked.day))
    newest = told.group_by("movie_id").agg(told_on=pl.col("date_id").max()).collect()
    later = alive.join(newest, on="movie_id", how="inner").filter(pl.col("told_on") > pl.col("date_id"))
    return later.select("movie_id")


def few_of(films: int, share: float, at_least: int) -> float:
    """How many of some films may be missing without a word that stops the day: a share of them, of a small number at
    least so many, but never more than half."""
    return max(share * films, min(at_least, max(1, films / 2)))


def because(*parts: tuple[str, pl.DataFrame]) -> pl.DataFrame:
    """movie_id, asked_because: each film once, with the first reason that holds."""
    frames = [frame.select("movie_id", asked_because=pl.lit(why)) for why, frame in parts]
    return pl.concat(frames).unique("movie_id", keep="first", maintain_order=True)


def too_few_listed(asked: Asked, shown: int, size: int | None, exported: tuple[dt.date, pl.LazyFrame] | None) -> str:
    """Why a list that shows so many films is not believed: it shows none, or far fewer than the list of a day before or
    the export; else nothing."""
    if not shown:
        return "the list shows no film at all"
    most = min(size or LISTED_AT_MOST, LISTED_AT_MOST) if size and size <= LISTED_AT_MOST else None
    expected: list[tuple[int, str]] = []
    days = [d for d in asked.store.partition_rows(contracts.DISCOVER_PAGES) if 0 < (asked.day - d).days <= NEAR_DAYS]
    pages = asked.store.scan(contracts.DISCOVER_PAGES, days).filter(pl.col("pass_number") == 1, is_whole())
    listed = pages.group_by("date_id").agg(pl.col("result_count").sum()).sort("date_id").collect()
    for day, rows in listed.tail(1).rows():
        expected.append((rows, f"the list of {day}"))
    if exported is not None and most is not None:
        films = listable(exported[1]).select(pl.len()).collect().item()
        expected.append((films, f"the export of {exported[0]}"))
    for films, where in expected:
        wanted = films if most is None else min(films, most)
        if shown < LIST_AT_LEAST * wanted:
            return f"the list shows {shown:,} films where {where} holds {films:,}"
    return ""


def _says_something() -> pl.Expr:
    return (pl.col("http_status") != 200) | pl.col("answered_id").is_not_null()
