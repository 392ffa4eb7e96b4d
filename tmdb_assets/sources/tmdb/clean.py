"""Raw to clean: typed rows, one per film and day; frame -> frame.

What belongs here: one function per clean table, named as the table, what it reads stated above it; TABLES puts them
together. TMDB writes "unknown" as 0, "" or an empty text; here unknown is null. What does not: asking (raw.py), keys of
the star (star.py), the rules a row must keep (contracts.py).

Every function returns one row per raw row received, the ones that do not fit included (`_rejected` says why), so that
the audit can account for all of them: received = kept + quarantined + duplicates + superseded.
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.contracts import Audit, Contract, Stage, holds, reading, set_aside
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.transforms import Transform, reads
from tmdb_assets.lakehouse.payloads import decode, insist_on
from tmdb_assets.sources.tmdb import contracts, payloads
from tmdb_assets.sources.tmdb.answers import listed_movies, shows_figures

#: Raw rows each clean table receives by the day, counted apart from the transform: the accounting is held against it.
RECEIVED: dict[Contract, Transform[pl.LazyFrame]] = {
    contracts.MOVIES: reads(contracts.MOVIE_DETAILS)(lambda details: _by_day(details.filter(~_is_tombstone()))),
    contracts.MOVIE_TOMBSTONES: reads(contracts.MOVIE_DETAILS)(
        lambda details: _by_day(details.filter(_is_tombstone()))
    ),
    contracts.MOVIE_STATS: reads(contracts.DISCOVER_PAGES, contracts.MOVIES, contracts.MOVIE_IDS)(
        lambda discover_pages, movies, movie_ids: (
            pl.concat(
                [
                    _by_day(discover_pages, pl.col("result_count").sum()),
                    _by_day(movies.filter(_has_figures())),
                    _by_day(movie_ids),
                ]
            )
            .group_by("date_id")
            .agg(pl.col("received").sum())
        )
    ),
}


@reads(contracts.DISCOVER_PAGES, contracts.MOVIES, contracts.MOVIE_IDS)
def left_out_of_movie_stats(
    discover_pages: pl.LazyFrame, movies: pl.LazyFrame, movie_ids: pl.LazyFrame
) -> pl.DataFrame:
    """The rows of movie_stats that do not count, as its audit tells them.

    The export names a film once: where nothing else tells of the film, its row is not looked at.
    """
    key = ["date_id", "movie_id"]
    told = pl.concat([_listed_stats(discover_pages).select(key), _detailed_stats(movies).select(key)]).unique()
    told_twice = movie_ids.join(told.lazy(), on=key, how="semi")
    return Audit.of(contracts.MOVIE_STATS, movie_stats(discover_pages, movies, told_twice)).left_out


#: Tables that rank what they are made of: the rows that each leaves out, told apart from what is kept.
LEFT_OUT: dict[Contract, Transform[pl.DataFrame]] = {contracts.MOVIE_STATS: left_out_of_movie_stats}

DOLLARS_TOO_FEW = 1_000
DOLLARS_MUCH = 1_000_000
REVENUE_HUGE = 100_000_000
VOTES_FEW = 50


@reads(contracts.MOVIE_DETAILS)
def movies(movie_details: pl.LazyFrame) -> pl.DataFrame:
    """Films whose details were observed: one row per raw details row that is not a tombstone."""
    return (
        movie_details.filter(~_is_tombstone())
        .pipe(_decoded)
        .pipe(_typed_film)
        .pipe(_read_release_date)
        .pipe(_note_release_days)
        .pipe(_without_implausible_figures)
        .pipe(_flag_implausible_money)
        .select(*_columns("movies"))
    )


def _without_implausible_figures(films: pl.DataFrame) -> pl.DataFrame:
    return set_aside(contracts.MOVIES, films, "budget_usd", "revenue_usd", "vote_count")


@reads(contracts.MOVIE_DETAILS)
def movie_tombstones(movie_details: pl.LazyFrame) -> pl.DataFrame:
    """Films that answered 404, or with another film's id (merged)."""
    gone = movie_details.filter(_is_tombstone()).sort("date_id", "movie_id")
    return gone.select("date_id", "movie_id", merged_into_id="answered_id", _payload="payload").collect()


@reads(contracts.DISCOVER_PAGES, contracts.MOVIES, contracts.MOVIE_IDS)
def movie_stats(discover_pages: pl.LazyFrame, movies: pl.LazyFrame, movie_ids: pl.LazyFrame) -> pl.DataFrame:
    """Popularity and votes of each film and day: a row from each list page, details and export that has the film. The
    audit keeps the best by the contract's `precedence`; the others are superseded."""
    told = [_listed_stats(discover_pages), _detailed_stats(movies), _exported_stats(movie_ids)]
    return pl.concat(told, how="diagonal").select(*_columns("movie_stats"))


TABLES = tuple(
    DerivedTable(contract, build, received=RECEIVED[contract], shape=shape)
    for contract, build, shape in (
        (contracts.MOVIES, movies, payloads.Movie),
        (contracts.MOVIE_TOMBSTONES, movie_tombstones, None),
        (contracts.MOVIE_STATS, movie_stats, payloads.ListedMovie),
    )
)


# -- steps of movies ---------------------------------------------------------------------------------------------------


def _is_tombstone() -> pl.Expr:
    merged = (pl.col("answered_id") != pl.col("movie_id")).fill_null(False)
    return (pl.col("http_status") == 404) | merged


def _decoded(movie_details: pl.LazyFrame) -> pl.DataFrame:
    """Raw details with their payload decoded beside them."""
    pointer = pl.format("tmdb/raw/movie_details date_id={} movie_id={}", "date_id", "movie_id")
    raw = movie_details.sort("date_id", "movie_id").select("date_id", "movie_id", _payload="payload", _pointer=pointer)
    kept = raw.collect()
    rows = decode(kept.get_column("_payload"), payloads.Movie).pipe(insist_on, "title")
    return pl.concat([kept, rows], how="horizontal")


def _typed_film(raw: pl.DataFrame) -> pl.DataFrame:
    """Our names, trimmed text, unknown as null, nested lists with our keys."""
    return raw.select(
        "date_id",
        "movie_id",
        pl.col(_TRACE),
        *[_known_text(c).alias(c) for c in _TEXTS],
        *[pl.col(c) for c in ("adult", "video", "popularity", "poster_path", "backdrop_path")],
        is_softcore="softcore",
        release_text=_known_text("release_date"),
        runtime_minutes=_nonzero("runtime"),
        budget_usd=_nonzero("budget"),
        revenue_usd=_nonzero("revenue"),
        vote_average=pl.when(pl.col("vote_count") > 0).then("vote_average"),
        vote_count="vote_count",
        imdb_id=pl.coalesce(_known_text("imdb_id"), _known_text(_in("external_ids", "imdb_id"))),
        wikidata_id=_known_text(_in("external_ids", "wikidata_id")),
        collection_id=_in("belongs_to_collection", "id"),
        collection_name=_known_text(_in("belongs_to_collection", "name")),
        origin_countries=pl.col("origin_country").list.eval(_known_text(pl.element()).drop_nulls()),
        genres=_members("genres", genre_id="id", name=_NAME),
        companies=_members("production_companies", company_id="id", name=_NAME,
        origin_country=_known_text(_field("origin_country"))),
        countries=_members("production_countries", iso_3166_1=_known_text(_field("iso_3166_1")), name=_NAME),
        languages=_members(
            "spoken_languages",
            iso_639_1=_known_text(_field("iso_639_1")),
            name=pl.coalesce(_known_text(_field("english_name")), _NAME),
        ),
        keywords=_members(_in("keywords", "keywords"), keyword_id="id", name=_NAME),
        cast=_members(
            _in("credits", "cast"), **_PERSON, character=_known_text(_field("character")), cast_order=_field("order")
        ),
        crew=_members(_in("credits", "crew"), **_PERSON, department=_known_text(_field("department")),
        job=_known_text(_field("job"))),
        releases=_releases(),
        release_texts=_in("release_dates", "results").list.eval(
            _field("release_dates").list.eval(_field("release_date"))
        ),
    )  # fmt: skip


def _read_release_date(film: pl.DataFrame) -> pl.DataFrame:
    """A release date that is no date is set aside with its text, not read as unknown."""
    text = pl.col("release_text")
    film = film.with_columns(release_date=reading.day(text))
    return reading.noted(film, reading.unread("release_date", text, pl.col("release_date"), "must be a date"))


def _note_release_days(film: pl.DataFrame) -> pl.DataFrame:
    """The same for the releases by country, which are nested: a text that has no day in them is noted."""
    texts = film.select("release_texts", _film=pl.int_range(pl.len()))
    for _ in range(2):  # by country, and by release
        texts = texts.explode("release_texts", empty_as_null=False, keep_nulls=False)
    text, day = _known_text("release_texts"), _release_day(_known_text("release_texts"))
    unread = texts.select(pl.col("release_texts").unique()).filter(text.is_not_null() & day.is_null())
    if not unread.height:
        return film
    path = "release_dates.results[].release_dates[].release_date"
    notes = texts.join(unread, on="release_texts", how="semi", maintain_order="left").group_by("_film")
    found = notes.agg(reading.unread(path, text, day, contracts.RELEASED.error).alias("_notes"))
    films = film.with_columns(_film=pl.int_range(pl.len()))
    beside = films.join(found, on="_film", how="left", maintain_order="left")
    return reading.noted(beside, pl.col("_notes")).drop("_film", "_notes")


def _release_day(text: pl.Expr) -> pl.Expr:
    """The day of a release; TMDB dates them with a time of day that means nothing."""
    day = reading.day(text, then="T")
    return pl.when(holds(contracts.RELEASED, day)).then(day)


def _flag_implausible_money(film: pl.DataFrame) -> pl.DataFrame:
    """Entries that are hardly true are flagged, not dropped: whoever asks about money can leave them out."""
    budget, revenue = pl.col("budget_usd"), pl.col("revenue_usd")
    lopsided = ((budget < DOLLARS_TOO_FEW) & (revenue > DOLLARS_MUCH)) | (
        (revenue < DOLLARS_TOO_FEW) & (budget > DOLLARS_MUCH)
    )
    in_millions = (budget < DOLLARS_TOO_FEW) & (revenue < DOLLARS_TOO_FEW)  # or in thousands: nobody meant dollars
    unseen = (revenue > REVENUE_HUGE) & (pl.col("vote_count") < VOTES_FEW)
    signs = [sign.fill_null(False) for sign in (lopsided, in_millions, unseen)]
    return film.with_columns(has_implausible_money=pl.any_horizontal(signs))


# -- steps of movie_stats ----------------------------------------------------------------------------------------------


def _listed_stats(discover_pages: pl.LazyFrame) -> pl.DataFrame:
    pages = discover_pages.sort("date_id", "window", "page", "pass_number").collect()
    of_page = (
        pages.select("date_id", "window", "page").with_row_index("_page").with_columns(pl.col("_page").cast(pl.Int64))
    )
    pointer = pl.format("tmdb/raw/discover_pages date_id={} window={} page={}", "date_id", "window", "page")
    return (
        listed_movies(pages.get_column("payload"))
        .pipe(insist_on, "popularity")
        .join(of_page, on="_page", how="left", maintain_order="left")
        .select(
            "date_id",
            pl.col("^_(rejected|set_aside|payload)$"),
            "popularity",
            "adult",
            movie_id="id",
            vote_average=pl.when(pl.col("vote_count") > 0).then("vote_average"),
            vote_count="vote_count",
            title=_known_text("title"),
            original_title=_known_text("original_title"),
            seen_in=pl.when(shows_figures()).then(pl.lit("list")).otherwise(pl.lit("list in part")),
            _pointer=pointer,
        )
    )


def _has_figures() -> pl.Expr:
    return pl.col("popularity").is_not_null()


def _detailed_stats(movies: pl.LazyFrame) -> pl.DataFrame:
    figures = ("popularity", "vote_average", "vote_count", "title", "original_title", "adult")
    pointer = pl.format("tmdb/raw/movie_details date_id={} movie_id={}", "date_id", "movie_id")
    rows = movies.filter(_has_figures()).sort("date_id", "movie_id")
    return rows.select("date_id", "movie_id", *figures, seen_in=pl.lit("details"), _pointer=pointer).collect()


def _exported_stats(movie_ids: pl.LazyFrame) -> pl.DataFrame:
    return movie_ids.sort("date_id", "movie_id").select(
        "date_id", "movie_id", "popularity", "original_title", "adult", seen_in=pl.lit("export")
    ).collect()  # fmt: skip


# -- small words -------------------------------------------------------------------------------------------------------

_TRACE = "^_(rejected|set_aside|payload|pointer)$"
_TEXTS = ("title", "original_title", "original_language", "status", "homepage", "tagline", "overview")


def _columns(table: str) -> list[pl.Expr]:
    """The contract's columns, typed (a column no row has is null), and the trace of each row."""
    contract = {c.name: c for c in contracts.TABLES if c.stage is Stage.CLEAN}[table]
    return [pl.col(c).cast(t) for c, t in contract.schema.items()] + [pl.col(_TRACE)]


def _by_day(frame: pl.LazyFrame, received: pl.Expr | None = None) -> pl.LazyFrame:
    """Rows received on each day: those of the frame, unless told otherwise."""
    return frame.group_by("date_id").agg(received=(pl.len() if received is None else received).cast(pl.Int64))


def _field(name: str) -> pl.Expr:
    return pl.element().struct.field(name)


def _in(struct: str, field: str) -> pl.Expr:
    return pl.col(struct).struct.field(field)


def _known_text(text: str | pl.Expr) -> pl.Expr:
    """Trimmed text; blank is unknown."""
    trimmed = (pl.col(text) if isinstance(text, str) else text).str.strip_chars()
    return pl.when(trimmed != "").then(trimmed)


def _nonzero(column: str) -> pl.Expr:
    """TMDB's 0 is unknown."""
    return pl.when(pl.col(column) != 0).then(pl.col(column))


_NAME = _known_text(_field("name"))
_PERSON: dict[str, str | pl.Expr] = {
    "credit_id": "credit_id",
    "person_id": "id",
    "name": _NAME,
    "gender": pl.when(_field("gender") != 0).then(_field("gender")),
    "known_for_department": _known_text(_field("known_for_department")),
}


def _members(items: str | pl.Expr, **fields: str | pl.Expr) -> pl.Expr:
    """A nested list with our field names; null (not observed) stays null, empty stays empty."""
    source = pl.col(items) if isinstance(items, str) else items
    renamed = [(_field(v) if isinstance(v, str) else v).alias(k) for k, v in fields.items()]
    return source.list.eval(pl.struct(renamed))


def _releases() -> pl.Expr:
    """Releases, per country."""
    one = pl.struct(
        released_on=_release_day(_known_text(_field("release_date"))),
        release_type=_field("type"),
        certification=_known_text(_field("certification")),
    )
    country = pl.struct(iso_3166_1=_field("iso_3166_1"), releases=_field("release_dates").list.eval(one))
    return _in("release_dates", "results").list.eval(country)
