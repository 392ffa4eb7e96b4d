"""Clean to star: dimensions, bridges and the fact table; frame -> frame.

What belongs here: one function per star table, named as the table; its parameters name the tables it reads (a daily
table comes with the days of the run, a dimension, or a table asked for as `all_<name>`, whole). What does not: whether a row is newer than the one kept
(lakehouse/store/, by the contract's owner and order), rules (contracts.py).

A dimension's function returns the run's observations, newest first: the first of each key counts. A bridge's function
returns the members of each film whose newest observation lies in the run, and a row without a member for a film that
has none, so that members which left disappear.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.flow.derived import MARKER
from tmdb_assets.lakehouse.payloads import decode_items
from tmdb_assets.lakehouse.quality.profiles import ColumnQuality, TableQuality
from tmdb_assets.sources.tmdb import clean, contracts, payloads
from tmdb_assets.sources.tmdb.whole_exports import WholeExports

REFERENCE = Path(__file__).parents[2] / "reference"
COUNTRY_CONTINENT = REFERENCE / "country_continent.csv"
US_CPI = REFERENCE / "us_cpi.csv"
RESTORE = "restore it from the project"


class ReferenceFileError(LakehouseError):
    """A file of tmdb_assets/reference cannot be used. The message names the file, what is wrong and what to do."""


# -- dimensions ----------------------------------------------------------------------------------------------------------


def dim_movie(
    movies: pl.LazyFrame,
    movie_stats: pl.LazyFrame,
    movie_tombstones: pl.LazyFrame,
    all_movie_stats: pl.LazyFrame,
    all_movie_tombstones: pl.LazyFrame,
    all_extraction_ledger: pl.LazyFrame,
    dim_movie: pl.LazyFrame,
) -> pl.DataFrame:
    """Films in the state of their newest details, those only listed so far with their titles; gone films marked.

    A film that is not there says nothing of itself: its last known state comes from the dimension.
    """
    exports = WholeExports(all_extraction_ledger, all_movie_stats)
    judged_anew = _judged_anew(dim_movie, movie_stats, movie_tombstones, exports)
    return (
        pl.concat([_newest_details(movies), _listed_only(movies, movie_stats), judged_anew], how="diagonal")
        .pipe(_newest_of_each)
        .collect()
        .pipe(_gone, all_movie_tombstones, exports)
        .select([pl.col(c).cast(t) for c, t in contracts.DIM_MOVIE.schema.items()])
    )


def dim_genre(movies: pl.LazyFrame, reference: pl.LazyFrame) -> pl.DataFrame:
    """Genres of TMDB's list, and those only films still carry."""
    listed = _reference(reference, "genre/movie/list", payloads.Genre, "genres")
    listed = listed.select(genre_id="id", name=_known("name"), observed_on="date_id")
    return _newest("genre_id", listed, _members(movies, "genres", "genre_id", "name"))


def dim_company(movies: pl.LazyFrame) -> pl.DataFrame:
    """Production companies, by id: on one day one id may carry several names, the most frequent counts."""
    return _newest("company_id", _members(movies, "companies", "company_id", "name", "origin_country"))


def dim_collection(movies: pl.LazyFrame) -> pl.DataFrame:
    """Film series."""
    series = movies.select("collection_id", name="collection_name", observed_on="date_id").drop_nulls("collection_id")
    return _newest("collection_id", series.collect())


def dim_keyword(movies: pl.LazyFrame) -> pl.DataFrame:
    """Keywords."""
    return _newest("keyword_id", _members(movies, "keywords", "keyword_id", "name"))


def dim_person(movies: pl.LazyFrame) -> pl.DataFrame:
    """People, from cast and crew."""
    columns = ("person_id", "name", "gender", "known_for_department")
    return _newest("person_id", pl.concat([_members(movies, "cast", *columns), _members(movies, "crew", *columns)]))


def dim_country(movies: pl.LazyFrame, reference: pl.LazyFrame, country_continent: pl.DataFrame) -> pl.DataFrame:
    """Countries: TMDB's list, the codes of the films, and every code of the shipped table (ISO's and those it dropped)."""
    listed = _reference(reference, "configuration/countries", payloads.Country, None)
    listed = listed.select("iso_3166_1", name=_known("english_name"), observed_on="date_id")
    days = pl.concat([movies.select(observed_on="date_id"), reference.select(observed_on="date_id")]).unique().collect()
    shipped = country_continent.select("iso_3166_1", "name").join(days, how="cross")
    continents = country_continent.select("iso_3166_1", "continent")
    newest = _newest("iso_3166_1", listed, _members(movies, "countries", "iso_3166_1", "name"), shipped)
    return newest.join(continents, on="iso_3166_1", how="left").select(list(contracts.DIM_COUNTRY.schema))


def dim_language(movies: pl.LazyFrame, reference: pl.LazyFrame) -> pl.DataFrame:
    """Languages of TMDB's list, and every code a film is in or speaks."""
    listed = _reference(reference, "configuration/languages", payloads.Language, None)
    listed = listed.select("iso_639_1", name=_known("english_name"), observed_on="date_id")
    original = movies.select(iso_639_1="original_language", name=pl.lit(None, dtype=pl.String), observed_on="date_id")
    return _newest("iso_639_1", listed, _members(movies, "languages", "iso_639_1", "name"), original.collect())


def dim_date(movie_stats: pl.LazyFrame) -> pl.DataFrame:
    """The days of the fact table."""
    day = pl.col("date_id")
    weekday = day.dt.weekday().cast(pl.Int64)
    return (
        movie_stats.select(day.unique().sort())
        .select(
            day,
            year=day.dt.year().cast(pl.Int64),
            quarter=day.dt.quarter().cast(pl.Int64),
            month=day.dt.month().cast(pl.Int64),
            day=day.dt.day().cast(pl.Int64),
            week=day.dt.week().cast(pl.Int64),
            day_of_week=weekday,
            is_weekend=weekday >= 6,
        )
        .collect()
    )


def dim_cpi(us_cpi: pl.DataFrame) -> pl.DataFrame:
    """Consumer prices by year: the shipped table."""
    return us_cpi


# -- bridges -------------------------------------------------------------------------------------------------------------


def bridge_movie_genre(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Genres of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "genres", "genre_id")


def bridge_movie_company(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Production companies of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "companies", "company_id")


def bridge_movie_country(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Production countries of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "countries", "iso_3166_1")


def bridge_movie_language(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Spoken languages of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "languages", "iso_639_1")


def bridge_movie_keyword(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Keywords of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "keywords", "keyword_id")


def bridge_movie_cast(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Roles in each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "cast", "credit_id", "person_id", "character", "cast_order")


def bridge_movie_crew(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Jobs in each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "crew", "credit_id", "person_id", "department", "job")


# -- fact ----------------------------------------------------------------------------------------------------------------


def fact_movie_daily(movie_stats: pl.LazyFrame) -> pl.DataFrame:
    """Popularity and votes, one row per film and day."""
    return movie_stats.select(list(contracts.FACT_MOVIE_DAILY.schema)).collect()


# -- quality -------------------------------------------------------------------------------------------------------------

#: Rows by the day that each star table kept by the day must account for.
RECEIVED: dict[str, Callable[..., pl.LazyFrame]] = {
    "fact_movie_daily": lambda movie_stats: movie_stats.group_by("date_id").agg(received=pl.len())
}

fact_column_quality = ColumnQuality(contracts.PROFILED)
fact_table_quality = TableQuality(contracts.PROFILED, clean.RECEIVED | RECEIVED, clean.LEFT_OUT)


# -- steps ---------------------------------------------------------------------------------------------------------------


def country_continents(path: Path = COUNTRY_CONTINENT) -> pl.DataFrame:
    """iso_3166_1, name, continent of every code, as shipped; `NA` is Namibia, not a null.

    Raises ReferenceFileError when the file is missing, unreadable, or lacks a column, a code or a known continent.
    """
    table = _shipped(path, pl.Schema(dict.fromkeys(("iso_3166_1", "name", "continent"), pl.String())), "countries")
    bad = table.with_row_index("line", offset=2).filter(
        pl.col("iso_3166_1").is_null() | ~pl.col("continent").is_in(contracts.CONTINENTS).fill_null(False)
        | pl.col("iso_3166_1").is_duplicated()
    )  # fmt: skip
    if bad.height:
        line, code, _, continent = bad.row(0)
        raise ReferenceFileError(
            f"The file {path}, line {line}: code {code!r} with continent {continent!r} cannot be used "
            f"(a code once, a continent of {', '.join(contracts.CONTINENTS)}): {RESTORE}."
        )
    return table


def us_cpi(path: Path = US_CPI) -> pl.DataFrame:
    """year, cpi_u (annual average, 1982-84 is 100) of every year with a published average, as shipped.

    Raises ReferenceFileError when the file is missing, unreadable, or lacks a column, a year or an index.
    """
    table = _shipped(path, contracts.DIM_CPI.schema, "years")
    index = pl.col("cpi_u")
    bad = table.with_row_index("line", offset=2).filter(
        pl.col("year").is_null() | pl.col("year").is_duplicated()
        | ~(index.is_finite() & (index > 0)).fill_null(False)
    )  # fmt: skip
    if bad.height:
        line, year, value = bad.row(0)
        raise ReferenceFileError(
            f"The file {path}, line {line}: year {year} with index {value} cannot be used "
            f"(a year once, an index above 0): {RESTORE}."
        )
    return table


def _shipped(path: Path, schema: pl.Schema, what: str) -> pl.DataFrame:
    """A file of tmdb_assets/reference, typed; an error says which file it is and why it cannot be read."""
    try:
        table = pl.read_csv(path, schema=schema, null_values=[""])
    except (OSError, pl.exceptions.PolarsError, UnicodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReferenceFileError(f"The file {path} cannot be read ({reason}): {RESTORE}.") from None
    if not table.height:
        raise ReferenceFileError(f"The file {path} has no {what}: {RESTORE}.")
    return table


def _newest_details(movies: pl.LazyFrame) -> pl.LazyFrame:
    nested = [c for c, t in contracts.MOVIES.schema.items() if isinstance(t, pl.List)]
    return movies.select(pl.all().exclude(nested)).rename({"date_id": "observed_on"})


def _newest_of_each(films: pl.LazyFrame) -> pl.LazyFrame:
    newest_first = films.sort("observed_on", "listed_on", descending=True, nulls_last=True, maintain_order=True)
    return newest_first.unique("movie_id", keep="first", maintain_order=True)


def _judged_anew(
    dim_movie: pl.LazyFrame, movie_stats: pl.LazyFrame, movie_tombstones: pl.LazyFrame, exports: WholeExports
) -> pl.LazyFrame:
    """Films of the dimension of which the days of the run, or the newest export, may say that they are gone, that they
    are not, or since when."""
    ran = movie_stats.select(pl.col("date_id").unique()).collect().to_series()
    turns = {day for ran_on in ran for day in (ran_on, exports.first_after(ran_on)) if day}
    is_gone = pl.col("gone_on").is_not_null()
    parts = [
        dim_movie.join(movie_tombstones, on="movie_id", how="semi"),
        dim_movie.filter(is_gone).join(movie_stats, on="movie_id", how="semi"),
        dim_movie.filter(pl.col("gone_on").is_in(sorted(turns))),
    ]
    if exports.newest:
        parts.append(dim_movie.filter(~is_gone).join(exports.told_on(exports.newest), on="movie_id", how="anti"))
    films = pl.concat([part.select("movie_id") for part in parts]).unique().collect()
    return dim_movie.join(films.lazy(), on="movie_id", how="semi")


def _gone(films: pl.DataFrame, tombstones: pl.LazyFrame, exports: WholeExports) -> pl.DataFrame:
    """`gone_on`: the first day on which the film was gone, whatever days lie between those that were observed.

    A tombstone says so after the newest details, if there are any; only details say that the film is back: lists and
    export are slow to forget. The silence of a whole export says so after anything that told of the film.
    """
    after = films.lazy().select("movie_id", "observed_on").join(
        tombstones.select("movie_id", said_on="date_id"), on="movie_id"
    )  # fmt: skip
    later = pl.col("observed_on").is_null() | (pl.col("said_on") > pl.col("observed_on"))
    said = after.filter(later).group_by("movie_id").agg(pl.col("said_on").min()).collect()
    judged = films.drop("gone_on", strict=False).join(said, on="movie_id", how="left")
    judged = judged.join(exports.silent_since(films), on="movie_id", how="left")
    return judged.with_columns(gone_on=pl.min_horizontal("said_on", "silent_on"))


def _listed_only(movies: pl.LazyFrame, movie_stats: pl.LazyFrame) -> pl.LazyFrame:
    """The newest listing of each film without details in the run; a film that has some from another day keeps them."""
    listed = movie_stats.join(movies.select("movie_id"), on="movie_id", how="anti")
    newest = listed.sort("date_id", descending=True).unique("movie_id", keep="first", maintain_order=True)
    return newest.select(
        "movie_id", "title", "original_title", "adult", has_implausible_money=pl.lit(False), listed_on="date_id"
    )


def _members(movies: pl.LazyFrame, items: str, *fields: str) -> pl.DataFrame:
    """The members of a nested list with the day they were observed."""
    exploded = movies.select(observed_on="date_id", item=items).explode("item", empty_as_null=False, keep_nulls=False)
    return exploded.select(*[pl.col("item").struct.field(f) for f in fields], "observed_on").collect()


def _newest(key: str, *ranked: pl.DataFrame) -> pl.DataFrame:
    """One row per key: what was seen on its newest day, by the best source of that day (the first frame is the best).

    Within one source and day the fullest state counts, then the most frequent, then text order: what is kept must not
    depend on the order in which films happen to stand.
    """
    seen = pl.concat([frame.with_columns(_rank=pl.lit(rank)) for rank, frame in enumerate(ranked)])
    state = [c for c in seen.columns if c not in {key, "observed_on", "_rank"}]
    newest = seen.drop_nulls(key).filter(pl.col("observed_on") == pl.col("observed_on").max().over(key))
    counted = newest.group_by(key, "observed_on", "_rank", *state).len("_times")
    order = {"observed_on": True, "_full": True, "_rank": False, "_times": True, **dict.fromkeys(state, False)}
    full = pl.sum_horizontal(pl.col(c).is_not_null().cast(pl.Int64) for c in state)
    best = counted.with_columns(_full=full).sort(list(order), descending=list(order.values()), nulls_last=True)
    return best.unique(key, keep="first", maintain_order=True).sort(key).select(key, *state, "observed_on")


def _reference(reference: pl.LazyFrame, endpoint: str, shape: type, key: str | None) -> pl.DataFrame:
    """The entries of a small list with the day it was observed."""
    lists = reference.filter(pl.col("endpoint") == endpoint).sort("date_id").collect()
    days = lists.select("date_id").with_row_index("_page").with_columns(pl.col("_page").cast(pl.Int64))
    entries = decode_items(lists.get_column("payload"), key, shape)
    return entries.filter(pl.col("_rejected").is_null()).join(days, on="_page", maintain_order="left")


def _bridge(
    movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame, items: str, *fields: str
) -> pl.DataFrame:
    """Members of each film whose newest observation is in the run; the dimension says which one that is.

    An empty list removes the members. One that was not observed (null: an older payload) leaves those of the newest
    that was, so for its films, in whatever order days are run, all days are looked through.
    """
    key = ["movie_id", "date_id"]
    observed, lists = (rows.select(*key, item=items) for rows in (movies, all_movies))
    in_run = observed.select(key).collect()
    newest = dim_movie.select("movie_id", date_id="observed_on").drop_nulls().collect()
    films = newest.join(in_run, on="movie_id", how="semi")
    current = observed.join(films.lazy(), on=key, how="semi").collect()
    unsaid = current.filter(pl.col("item").is_null())
    if current.height < films.height:  # the newest observation of some lies on a day outside of the run
        others = films.join(in_run, on=key, how="anti")
        days = others.get_column("date_id").unique().sort()
        of_those_days = lists.filter(
            pl.col("date_id").is_between(days.min(), days.max()), pl.col("date_id").is_in(days.implode())
        )
        elsewhere = of_those_days.join(others.lazy(), on=key, how="semi").filter(pl.col("item").is_null())
        unsaid = pl.concat([unsaid, elsewhere.collect()])
    if unsaid.height:
        earlier = lists.join(unsaid.lazy(), on="movie_id", how="semi").drop_nulls("item").sort("date_id")
        current = pl.concat([current, earlier.unique("movie_id", keep="last", maintain_order=True).collect()])
    members = current.explode("item", empty_as_null=True, keep_nulls=False)
    columns = [pl.col("item").struct.field(f) for f in fields]
    none = pl.col("item").is_null().alias(MARKER)
    return members.select("movie_id", *columns, none, observed_on="date_id").sort("movie_id", fields[0])


def _known(column: str) -> pl.Expr:
    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)
