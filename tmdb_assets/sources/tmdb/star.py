"""Clean to star: dimensions, bridges and the fact table; frame -> frame.

What belongs here: one function per star table, named as the table, what it reads stated above it (a daily table comes
with the days of the run, a dimension whole); TABLES puts them together. What does not: whether a row is newer than the
one kept (lakehouse/store/, by the contract's owner and order), rules (contracts.py).

A dimension's function returns the run's observations, newest first: the first of each key counts. A bridge's function
returns the members of each film whose newest observation lies in the run, and a row without a member for a film that
has none, so that members which left disappear.
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.flow.derived import MARKER, DerivedTable
from tmdb_assets.lakehouse.flow.last_rows import keep_last_rows
from tmdb_assets.lakehouse.flow.transforms import every_day, loaded, reads
from tmdb_assets.lakehouse.payloads import decode_items
from tmdb_assets.lakehouse.quality.profiles import ColumnQuality, TableQuality
from tmdb_assets.sources.tmdb import clean, contracts, payloads, shipped
from tmdb_assets.sources.tmdb.whole_exports import WholeExports

# -- dimensions --------------------------------------------------------------------------------------------------------


@reads(
    contracts.MOVIES,
    contracts.MOVIE_STATS,
    contracts.MOVIE_TOMBSTONES,
    every_day(contracts.MOVIE_STATS),
    every_day(contracts.MOVIE_TOMBSTONES),
    every_day(contracts.EXTRACTION_LEDGER),
    contracts.DIM_MOVIE,
)
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


@reads(contracts.MOVIES, contracts.REFERENCE)
def dim_genre(movies: pl.LazyFrame, reference: pl.LazyFrame) -> pl.DataFrame:
    """Genres of TMDB's list, and those only films still carry."""
    listed = _reference(reference, "genre/movie/list", payloads.Genre, "genres")
    listed = listed.select(genre_id="id", name=_known_text("name"), observed_on="date_id")
    return _newest("genre_id", listed, _members(movies, "genres", "genre_id", "name"))


@reads(contracts.MOVIES)
def dim_company(movies: pl.LazyFrame) -> pl.DataFrame:
    """Production companies, by id: on one day one id may carry several names, the most frequent counts."""
    return _newest("company_id", _members(movies, "companies", "company_id", "name", "origin_country"))


@reads(contracts.MOVIES)
def dim_collection(movies: pl.LazyFrame) -> pl.DataFrame:
    """Film series."""
    series = movies.select("collection_id", name="collection_name", observed_on="date_id").drop_nulls("collection_id")
    return _newest("collection_id", series.collect())


@reads(contracts.MOVIES)
def dim_keyword(movies: pl.LazyFrame) -> pl.DataFrame:
    """Keywords."""
    return _newest("keyword_id", _members(movies, "keywords", "keyword_id", "name"))


@reads(contracts.MOVIES)
def dim_person(movies: pl.LazyFrame) -> pl.DataFrame:
    """People, from cast and crew."""
    columns = ("person_id", "name", "gender", "known_for_department")
    return _newest("person_id", pl.concat([_members(movies, "cast", *columns), _members(movies, "crew", *columns)]))


@reads(contracts.MOVIES, contracts.REFERENCE, loaded(shipped.country_continents))
def dim_country(movies: pl.LazyFrame, reference: pl.LazyFrame, country_continent: pl.DataFrame) -> pl.DataFrame:
    """Countries: TMDB's list, the codes of the films, and every code of the shipped table (ISO's and those it
    dropped)."""
    listed = _reference(reference, "configuration/countries", payloads.Country, None)
    listed = listed.select("iso_3166_1", name=_known_text("english_name"), observed_on="date_id")
    days = pl.concat([movies.select(observed_on="date_id"), reference.select(observed_on="date_id")]).unique().collect()
    shipped = country_continent.select("iso_3166_1", "name").join(days, how="cross")
    continents = country_continent.select("iso_3166_1", "continent")
    newest = _newest("iso_3166_1", listed, _members(movies, "countries", "iso_3166_1", "name"), shipped)
    return newest.join(continents, on="iso_3166_1", how="left").select(list(contracts.DIM_COUNTRY.schema))


@reads(contracts.MOVIES, contracts.REFERENCE)
def dim_language(movies: pl.LazyFrame, reference: pl.LazyFrame) -> pl.DataFrame:
    """Languages of TMDB's list, and every code a film is in or speaks."""
    listed = _reference(reference, "configuration/languages", payloads.Language, None)
    listed = listed.select("iso_639_1", name=_known_text("english_name"), observed_on="date_id")
    original = movies.select(iso_639_1="original_language", name=pl.lit(None, dtype=pl.String), observed_on="date_id")
    return _newest("iso_639_1", listed, _members(movies, "languages", "iso_639_1", "name"), original.collect())


@reads(contracts.MOVIE_STATS)
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


@reads(loaded(shipped.us_cpi))
def dim_cpi(us_cpi: pl.DataFrame) -> pl.DataFrame:
    """Consumer prices by year: the shipped table."""
    return us_cpi


# -- bridges -----------------------------------------------------------------------------------------------------------


@reads(contracts.MOVIES, every_day(contracts.MOVIES), contracts.DIM_MOVIE)
def bridge_movie_genre(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Genres of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "genres", "genre_id")


@reads(contracts.MOVIES, every_day(contracts.MOVIES), contracts.DIM_MOVIE)
def bridge_movie_company(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Production companies of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "companies", "company_id")


@reads(contracts.MOVIES, every_day(contracts.MOVIES), contracts.DIM_MOVIE)
def bridge_movie_country(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Production countries of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "countries", "iso_3166_1")


@reads(contracts.MOVIES, every_day(contracts.MOVIES), contracts.DIM_MOVIE)
def bridge_movie_language(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Spoken languages of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "languages", "iso_639_1")


@reads(contracts.MOVIES, every_day(contracts.MOVIES), contracts.DIM_MOVIE)
def bridge_movie_keyword(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Keywords of each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "keywords", "keyword_id")


@reads(contracts.MOVIES, every_day(contracts.MOVIES), contracts.DIM_MOVIE)
def bridge_movie_cast(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Roles in each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "cast", "credit_id", "person_id", "character", "cast_order")


@reads(contracts.MOVIES, every_day(contracts.MOVIES), contracts.DIM_MOVIE)
def bridge_movie_crew(movies: pl.LazyFrame, all_movies: pl.LazyFrame, dim_movie: pl.LazyFrame) -> pl.DataFrame:
    """Jobs in each film at its last observation."""
    return _bridge(movies, all_movies, dim_movie, "crew", "credit_id", "person_id", "department", "job")


# -- fact --------------------------------------------------------------------------------------------------------------


@reads(contracts.MOVIE_STATS)
def fact_movie_daily(movie_stats: pl.LazyFrame) -> pl.DataFrame:
    """Popularity and votes, one row per film and day."""
    return movie_stats.select(list(contracts.FACT_MOVIE_DAILY.schema)).collect()


@reads(
    contracts.FACT_MOVIE_DAILY,
    every_day(contracts.FACT_MOVIE_DAILY),
    contracts.DIM_DATE,
    contracts.FACT_MOVIE_DAILY_LAST,
)
def fact_movie_daily_last(
    fact_movie_daily: pl.LazyFrame,
    all_fact_movie_daily: pl.LazyFrame,
    dim_date: pl.LazyFrame,
    fact_movie_daily_last: pl.LazyFrame,
) -> pl.DataFrame:
    """The last row, and the last two with votes, of each film that the days of the run tell of, or that were kept of
    them."""
    days = dim_date.select("date_id").collect().to_series().to_list()
    contract = contracts.FACT_MOVIE_DAILY_LAST
    return keep_last_rows(contract, fact_movie_daily, all_fact_movie_daily, days, fact_movie_daily_last, "vote_count")


# -- quality -----------------------------------------------------------------------------------------------------------


@reads(contracts.MOVIE_STATS)
def _films_of_each_day(movie_stats: pl.LazyFrame) -> pl.LazyFrame:
    """Rows that the fact must account for."""
    return movie_stats.group_by("date_id").agg(received=pl.len())


#: Rows by the day that each star table kept by the day must account for.
RECEIVED = {contracts.FACT_MOVIE_DAILY: _films_of_each_day}

TABLES = (
    DerivedTable(contracts.DIM_GENRE, dim_genre),
    DerivedTable(contracts.DIM_COMPANY, dim_company),
    DerivedTable(contracts.DIM_COLLECTION, dim_collection),
    DerivedTable(contracts.DIM_KEYWORD, dim_keyword),
    DerivedTable(contracts.DIM_PERSON, dim_person),
    DerivedTable(contracts.DIM_COUNTRY, dim_country),
    DerivedTable(contracts.DIM_LANGUAGE, dim_language),
    DerivedTable(contracts.DIM_DATE, dim_date),
    DerivedTable(contracts.DIM_CPI, dim_cpi),
    DerivedTable(contracts.DIM_MOVIE, dim_movie),
    DerivedTable(contracts.BRIDGE_MOVIE_GENRE, bridge_movie_genre),
    DerivedTable(contracts.BRIDGE_MOVIE_COMPANY, bridge_movie_company),
    DerivedTable(contracts.BRIDGE_MOVIE_COUNTRY, bridge_movie_country),
    DerivedTable(contracts.BRIDGE_MOVIE_LANGUAGE, bridge_movie_language),
    DerivedTable(contracts.BRIDGE_MOVIE_KEYWORD, bridge_movie_keyword),
    DerivedTable(contracts.BRIDGE_MOVIE_CAST, bridge_movie_cast),
    DerivedTable(contracts.BRIDGE_MOVIE_CREW, bridge_movie_crew),
    DerivedTable(contracts.FACT_MOVIE_DAILY, fact_movie_daily, received=_films_of_each_day),
    DerivedTable(contracts.FACT_MOVIE_DAILY_LAST, fact_movie_daily_last, catches_up_with=contracts.FACT_MOVIE_DAILY),
    DerivedTable(contracts.FACT_COLUMN_QUALITY, ColumnQuality(contracts.PROFILED)),
    DerivedTable(
        contracts.FACT_TABLE_QUALITY,
        TableQuality(
            contracts.PROFILED,
            contracts.FACT_COLUMN_QUALITY,
            contracts.EXTRACTION_LEDGER,
            contracts.QUARANTINE,
            clean.RECEIVED | RECEIVED,
            clean.LEFT_OUT,
        ),
    ),
)


# -- steps -------------------------------------------------------------------------------------------------------------


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


def _known_text(column: str) -> pl.Expr:
    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)
