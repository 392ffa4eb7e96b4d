"""Every table of the TMDB source: columns, units, grain, how it is kept, what it refers to.

What belongs here: contracts only; the functions that fill a table have its name and live in its stage's module.
What does not: TMDB's own JSON (payloads.py), transforms, Dagster.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import (
    ByDay,
    Column,
    Contract,
    Duplicates,
    FewADay,
    Owned,
    Stage,
    col,
    counting,
    in_range,
    isin,
    not_blank,
    str_matches,
    within_days,
    within_instants,
)
from tmdb_assets.lakehouse.contracts.rules import FIRST_DAY, LAST_DAY
from tmdb_assets.lakehouse.engines.views import read_views
from tmdb_assets.lakehouse.flow.ledger import ledger_contract
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.quality.profiles import column_quality_contract, table_quality_contract

SOURCE = "tmdb"
INSTANT = pl.Datetime("us", "UTC")
STATUSES = ["Canceled", "In Production", "Planned", "Post Production", "Released", "Rumored"]
# Bounds of a film's figures. All that were ever seen lie within; what lies outside is a typing error, and one of them
# would spoil every sum. Runtime and money begin at 1: TMDB writes 0 for unknown, which clean.py makes null.
MOST_ID = 2**31 - 1  # TMDB's reference calls ids int32
ID = in_range(1, MOST_ID)
RELEASED = within_days(dt.date(1870, 1, 1), dt.date(2199, 12, 31))  # the first films; "100 Years" is announced for 2115
POPULARITY = in_range(0, 1_000_000)  # the most popular film of a day has had some 10,000
VOTE_COUNT = counting(0, 1_000_000_000)  # the most voted film has 40,000
RUNTIME = in_range(1, 100_000)  # minutes: the longest film, "Logistics", has 51,420
DOLLARS = in_range(
    1, 10_000_000_000
)  # the most expensive film cost, and the most successful brought, less than 3 billion
CAST_ORDER = counting(0, 1_000_000)
LANGUAGE_CODE = str_matches("[a-z]{2,3}", "two or three small letters")
SEEN_IN = ("list", "details", "list in part", "export")  # where a film's figures of a day may stand, the best first
CONTINENTS = ["Africa", "Antarctica", "Asia", "Europe", "North America", "Oceania", "South America"]


def _day(meaning: str = "Day of the observation (UTC).") -> Column:
    return col(pl.Date, meaning, within_days())


def _id(meaning: str) -> Column:
    return col(pl.Int64, meaning, ID)


def _text(meaning: str) -> Column:
    return col(pl.String, meaning + "; null when unknown.", nullable=True)


def _flag(meaning: str) -> Column:
    return col(pl.Boolean, meaning + "; null when not stated.", nullable=True)


def _iso_country() -> Column:
    return col(
        pl.String,
        "ISO 3166-1 alpha-2 code, or one that TMDB still uses.",
        str_matches("[A-Z]{2}", "two capital letters"),
    )


def _iso_language() -> Column:
    return col(pl.String, "ISO 639-1 code, or TMDB's own (cn, xx, sh).", LANGUAGE_CODE)


def _structs(meaning: str, **fields: Any) -> Column:
    return col(pl.List(pl.Struct(fields)), meaning, nullable=True)


# -- raw: what came, verbatim ------------------------------------------------------------------------------------------

RAW_NOTE = "Payload as it came, byte for byte after UTF-8 decoding."


def _raw(name: str, description: str, grain: tuple[str, ...], columns: Mapping[str, Column], **more: Any) -> Contract:
    grain = ("date_id", *grain)
    columns = {"date_id": _day(), **columns}
    return Contract(
        SOURCE, Stage.RAW, name, description, grain, columns, kept=ByDay("date_id"), duplicates=Duplicates.FIRST, **more
    )


DISCOVER_PAGES = _raw(
    "discover_pages",
    "Pages of /discover/movie as they came. A list moves while one walks it: films may stand on two pages of a day.",
    ("window", "page", "pass_number"),
    {
        "window": col(
            pl.String,
            "What part of the list: `popularity` for the whole, else `FROM..TO` release dates. It ends in ` (under "
            "way)` while the list is walked, and where a run of the day was cut and never resumed.",
        ),
        "page": col(pl.Int64, "Page number.", in_range(1, 500)),
        "pass_number": col(
            pl.Int64, "1; higher when the list was walked again for films the first pass missed.", counting(1)
        ),
        "total_pages": col(pl.Int64, "Pages the answer said there are.", counting()),
        "total_results": col(pl.Int64, "Films the answer said there are.", counting()),
        "result_count": col(pl.Int64, "Films on this page.", in_range(0, 20)),
        "http_status": col(pl.Int64, "HTTP status of the answer.", in_range(100, 599)),
        "fetched_at": col(INSTANT, "When the answer came.", within_instants()),
        "payload": col(pl.String, RAW_NOTE),
    },
)

MOVIE_IDS = _raw(
    "movie_ids",
    "The daily ID export: every film TMDB knows that day, with its popularity.",
    ("movie_id",),
    {
        "movie_id": _id("TMDB's film id."),
        "original_title": _text("Title in the original language"),
        "popularity": col(pl.Float64, "TMDB popularity of that day.", POPULARITY, nullable=True),
        "adult": _flag("Whether TMDB files it as adult"),
        "video": _flag("Whether TMDB files it as a video"),
    },
)

MOVIE_CHANGES = _raw(
    "movie_changes",
    "Films that TMDB says changed from the day last observed to the day before; deleted films are not listed.",
    ("movie_id",),
    {
        "movie_id": _id("TMDB's film id."),
        "adult": _flag("Whether TMDB files it as adult"),
        "changed_from": _day("First day of the span that was asked for (UTC)."),
        "changed_to": _day("Last day of the span that was asked for (UTC)."),
    },
    drift_limit=None,
)

MOVIE_DETAILS = _raw(
    "movie_details",
    "Answers of /movie/{id} with credits, keywords, external ids and release dates appended; a film that is gone is "
    "kept as a tombstone with status 404.",
    ("movie_id",),
    {
        "movie_id": _id("The film id that was asked for."),
        "asked_because": col(
            pl.String,
            "Why details were asked for.",
            isin(["new", "changed", "stale", "vanished", "unlisted", "history"]),
        ),
        "http_status": col(pl.Int64, "HTTP status of the answer; 404 is a tombstone.", in_range(200, 404)),
        "answered_id": col(
            pl.Int64,
            "The film that answered: another id when films were merged, null for a tombstone.",
            ID,
            nullable=True,
        ),
        "fetched_at": col(INSTANT, "When the answer came.", within_instants()),
        "payload": col(pl.String, RAW_NOTE),
    },
    drift_limit=None,
)

REFERENCE = _raw(
    "reference",
    "Answers of the small reference lists: genres, languages, countries.",
    ("endpoint",),
    {
        "endpoint": col(pl.String, "Path of the list."),
        "fetched_at": col(INSTANT, "When the answer came.", within_instants()),
        "payload": col(pl.String, RAW_NOTE),
    },
)

EXTRACTION_LEDGER = ledger_contract(SOURCE)

# -- clean: typed rows, one per film and day ---------------------------------------------------------------------------

_STATS = {
    "popularity": col(pl.Float64, "TMDB popularity of that day.", POPULARITY),
    "vote_average": col(
        pl.Float64,
        "Mean vote, 0 to 10; null without votes or when only the export saw the film.",
        in_range(0, 10),
        nullable=True,
    ),
    "vote_count": col(pl.Int64, "Votes so far; null when only the export saw the film.", VOTE_COUNT, nullable=True),
}

_FILM = {
    "title": col(pl.String, "Title in English.", not_blank()),
    "original_title": _text("Title in the original language"),
    "original_language": col(pl.String, "Language code of the original.", LANGUAGE_CODE, nullable=True),
    "release_date": col(pl.Date, "First release; null when unknown.", RELEASED, nullable=True),
    "status": col(pl.String, "Production status; null when unknown.", isin(STATUSES), nullable=True),
    "runtime_minutes": col(
        pl.Int64, "Running time in minutes; null when unknown (TMDB writes 0).", RUNTIME, nullable=True
    ),
    "budget_usd": col(
        pl.Int64, "Budget in whole US dollars; null when unknown (TMDB writes 0).", DOLLARS, nullable=True
    ),
    "revenue_usd": col(
        pl.Int64, "Revenue in whole US dollars; null when unknown (TMDB writes 0).", DOLLARS, nullable=True
    ),
    "has_implausible_money": col(
        pl.Boolean,
        "Budget or revenue is known but hardly true: under 1,000 dollars beside more than a million, both under 1,000 "
        "(written in millions or thousands), or revenue above 100 million with fewer than 50 votes. Flagged, not "
        "dropped.",
    ),
    "adult": _flag("Whether TMDB files it as adult"),
    "homepage": _text("Web page"),
    "imdb_id": col(
        pl.String,
        "IMDb id; null when unknown.",
        str_matches("tt[0-9]{7,}", "an IMDb title id such as tt0111161"),
        nullable=True,
    ),
    "tagline": _text("Tagline"),
    "overview": _text("Summary"),
    "collection_id": col(pl.Int64, "Series the film belongs to; null for most.", ID, nullable=True),
    "poster_path": _text("Poster, path under TMDB's image server"),
}

_PERSON = {
    "credit_id": pl.String,
    "person_id": pl.Int64,
    "name": pl.String,
    "gender": pl.Int64,
    "known_for_department": pl.String,
}

_RELEASE = {"released_on": pl.Date, "release_type": pl.Int64, "certification": pl.String}

MOVIES = Contract(
    SOURCE,
    Stage.CLEAN,
    "movies",
    "Films whose details were observed that day, typed, unknown as null, nested lists kept typed (null: not observed).",
    grain=("date_id", "movie_id"),
    kept=ByDay("date_id"),
    columns={
        "date_id": _day(),
        "movie_id": _id("TMDB's film id."),
        **_FILM,
        "popularity": col(pl.Float64, "TMDB popularity in the details.", POPULARITY, nullable=True),
        "vote_average": col(pl.Float64, "Mean vote, 0 to 10; null without votes.", in_range(0, 10), nullable=True),
        "vote_count": col(pl.Int64, "Votes so far.", VOTE_COUNT, nullable=True),
        "video": _flag("Whether TMDB files it as a video"),
        "is_softcore": _flag("Whether TMDB files it as softcore"),
        "backdrop_path": _text("Backdrop, path under TMDB's image server"),
        "collection_name": _text("Name of the series"),
        "wikidata_id": _text("Wikidata id"),
        "origin_countries": col(pl.List(pl.String), "Countries of origin as TMDB states them.", nullable=True),
        "genres": _structs("Genres.", genre_id=pl.Int64, name=pl.String),
        "companies": _structs("Production companies.", company_id=pl.Int64, name=pl.String, origin_country=pl.String),
        "countries": _structs("Production countries.", iso_3166_1=pl.String, name=pl.String),
        "languages": _structs("Spoken languages.", iso_639_1=pl.String, name=pl.String),
        "keywords": _structs("Keywords.", keyword_id=pl.Int64, name=pl.String),
        "cast": _structs("Roles.", **_PERSON, character=pl.String, cast_order=pl.Int64),
        "crew": _structs("Jobs.", **_PERSON, department=pl.String, job=pl.String),
        "releases": _structs("Releases by country.", iso_3166_1=pl.String, releases=pl.List(pl.Struct(_RELEASE))),
    },
    duplicates=Duplicates.FIRST,
    drift_limit=None,
)

MOVIE_TOMBSTONES = Contract(
    SOURCE,
    Stage.CLEAN,
    "movie_tombstones",
    "Films that were gone on a day: TMDB answered 404, or answered with another film (merged).",
    grain=("date_id", "movie_id"),
    kept=FewADay("date_id"),
    columns={
        "date_id": _day("First day on which the film was asked for and gone (UTC)."),
        "movie_id": _id("The film id that is gone."),
        "merged_into_id": col(pl.Int64, "Film that answered in its place; null when none did.", ID, nullable=True),
    },
    duplicates=Duplicates.FIRST,
    drift_limit=None,
)

MOVIE_STATS = Contract(
    SOURCE,
    Stage.CLEAN,
    "movie_stats",
    "Popularity and votes per film and day: from a list page that states them, else from the film's details of "
    "the day, else from the ID export (votes null). What a better one of these says of a film supersedes the others.",
    grain=("date_id", "movie_id"),
    kept=ByDay("date_id"),
    columns={
        "date_id": _day(),
        "movie_id": _id("TMDB's film id."),
        **_STATS,
        "title": _text("Title in English, when a list page stated it"),
        "original_title": _text("Title in the original language"),
        "adult": _flag("Whether TMDB files it as adult"),
        "seen_in": col(
            pl.String,
            "Where the figures come from; a list row that lacks one of them is a list in part.",
            isin(SEEN_IN),
        ),
    },
    duplicates=Duplicates.FIRST,
    precedence=("seen_in", SEEN_IN),
)

QUARANTINE = quarantine_contract(SOURCE)

# -- star --------------------------------------------------------------------------------------------------------------

_OBSERVED = {"observed_on": _day("Day of the observation this row comes from (UTC): the last known state.")}


def _dimension(name: str, description: str, key: str, comes_from: str, columns: Mapping[str, Column]) -> Contract:
    return Contract(
        SOURCE,
        Stage.STAR,
        name,
        description,
        grain=(key,),
        kept=Owned((key,), ("observed_on",)),
        columns={**columns, **_OBSERVED},
        duplicates=Duplicates.FIRST,
        comes_from={"*": comes_from, "observed_on": "movies.date_id"},
    )


def _bridge(
    name: str, description: str, key: str, comes_from: str, columns: Mapping[str, Column], **references: Contract
) -> Contract:
    return Contract(
        SOURCE,
        Stage.STAR,
        name,
        description,
        grain=("movie_id", key),
        kept=Owned(("movie_id",), ("observed_on",)),
        columns={"movie_id": _id("Film."), **columns, **_OBSERVED},
        duplicates=Duplicates.FIRST,
        references={"movie_id": DIM_MOVIE, **references},
        comes_from={"*": comes_from, "movie_id": "movies.movie_id", "observed_on": "movies.date_id"},
    )


DIM_GENRE = _dimension(
    "dim_genre",
    "Genres, from TMDB's list and from the films.",
    "genre_id",
    "movies.genres reference.payload",
    {"genre_id": _id("TMDB's genre id."), "name": _text("Name in English")},
)
DIM_COMPANY = _dimension(
    "dim_company",
    "Production companies. One name may belong to several ids.",
    "company_id",
    "movies.companies",
    {"company_id": _id("TMDB's company id."), "name": _text("Name"), "origin_country": _text("Country code")},
)
DIM_COLLECTION = _dimension(
    "dim_collection",
    "Film series.",
    "collection_id",
    "movies.collection_name",
    {"collection_id": _id("TMDB's collection id."), "name": _text("Name")},
)
DIM_KEYWORD = _dimension(
    "dim_keyword",
    "Keywords.",
    "keyword_id",
    "movies.keywords",
    {"keyword_id": _id("TMDB's keyword id."), "name": _text("Keyword")},
)
DIM_PERSON = _dimension(
    "dim_person",
    "People before and behind the camera.",
    "person_id",
    "movies.cast movies.crew",
    {
        "person_id": _id("TMDB's person id."),
        "name": _text("Name"),
        "gender": col(
            pl.Int64,
            "TMDB's code: 1 female, 2 male, 3 non-binary; null when not stated (TMDB writes 0).",
            counting(1, 99),
            nullable=True,
        ),
        "known_for_department": _text("Department the person is known for"),
    },
)
DIM_COUNTRY = _dimension(
    "dim_country",
    "Countries, those that ISO dropped but TMDB uses included.",
    "iso_3166_1",
    "movies.countries reference.payload",
    {
        "iso_3166_1": _iso_country(),
        "name": _text("Name in English"),
        "continent": col(
            pl.String,
            "Continent, from tmdb_assets/reference/country_continent.csv; null when the code is in neither.",
            isin(CONTINENTS),
            nullable=True,
        ),
    },
)
DIM_LANGUAGE = _dimension(
    "dim_language",
    "Languages.",
    "iso_639_1",
    "movies.languages movies.original_language reference.payload",
    {"iso_639_1": _iso_language(), "name": _text("Name in English")},
)

DIM_DATE = Contract(
    SOURCE,
    Stage.STAR,
    "dim_date",
    "Days of the fact table.",
    comes_from={"*": "movie_stats.date_id"},
    grain=("date_id",),
    kept=Owned(("date_id",)),
    columns={
        "date_id": _day("The day (UTC)."),
        "year": col(pl.Int64, "Calendar year.", in_range(FIRST_DAY.year, LAST_DAY.year)),
        "quarter": col(pl.Int64, "Quarter, 1 to 4.", in_range(1, 4)),
        "month": col(pl.Int64, "Month, 1 to 12.", in_range(1, 12)),
        "day": col(pl.Int64, "Day of the month.", in_range(1, 31)),
        "week": col(pl.Int64, "ISO 8601 week, 1 to 53.", in_range(1, 53)),
        "day_of_week": col(pl.Int64, "ISO 8601 day of the week, Monday 1 to Sunday 7.", in_range(1, 7)),
        "is_weekend": col(pl.Boolean, "Saturday or Sunday."),
    },
)

DIM_CPI = Contract(
    SOURCE,
    Stage.STAR,
    "dim_cpi",
    "Consumer prices in the United States by year, as shipped in tmdb_assets/reference/us_cpi.csv (source there): "
    "what money of one year is worth in that of another.",
    grain=("year",),
    drift_limit=None,
    columns={
        "year": col(pl.Int64, "Calendar year; one without a published average is absent.", in_range(1913, 2100)),
        "cpi_u": col(
            pl.Float64,
            "Annual average of the CPI-U (all items, U.S. city average, not seasonally adjusted); 1982-84 is 100.",
            in_range(0, 100_000),
        ),
    },
)

DIM_MOVIE = Contract(
    SOURCE,
    Stage.STAR,
    "dim_movie",
    "Every film ever seen, in its last known state. A film known only from a list or the export has its titles and no "
    "more (`observed_on` null) until its details are observed.",
    grain=("movie_id",),
    kept=Owned(("movie_id",), ("observed_on", "listed_on")),
    columns={
        "movie_id": _id("TMDB's film id."),
        **(
            _FILM
            | {
                "title": col(
                    pl.String, "Title in English; null while only the export has seen the film.", nullable=True
                )
            }
        ),
        "observed_on": col(
            pl.Date,
            "Day on which the details were last observed (UTC); null while they never were.",
            within_days(),
            nullable=True,
        ),
        "gone_on": col(
            pl.Date,
            "First day on which the film was gone, after its last observation: TMDB said so, or nothing told of "
            "it on a day whose ID export is whole; null while it is there.",
            within_days(),
            nullable=True,
        ),
        "listed_on": col(
            pl.Date,
            "Day of the listing the titles come from, while details were never observed; else null.",
            within_days(),
            nullable=True,
        ),
    },
    duplicates=Duplicates.FIRST,
    references={"original_language": DIM_LANGUAGE, "collection_id": DIM_COLLECTION},
    comes_from={
        "observed_on": "movies.date_id",
        "gone_on": "movie_tombstones.date_id movie_stats.date_id extraction_ledger.date_id",
        "listed_on": "movie_stats.date_id",
    },
)

BRIDGE_MOVIE_GENRE = _bridge(
    "bridge_movie_genre",
    "Genres of a film at its last observation.",
    "genre_id",
    "movies.genres",
    {"genre_id": _id("Genre.")},
    genre_id=DIM_GENRE,
)
BRIDGE_MOVIE_COMPANY = _bridge(
    "bridge_movie_company",
    "Production companies of a film at its last observation.",
    "company_id",
    "movies.companies",
    {"company_id": _id("Company.")},
    company_id=DIM_COMPANY,
)
BRIDGE_MOVIE_COUNTRY = _bridge(
    "bridge_movie_country",
    "Production countries of a film at its last observation.",
    "iso_3166_1",
    "movies.countries",
    {"iso_3166_1": _iso_country()},
    iso_3166_1=DIM_COUNTRY,
)
BRIDGE_MOVIE_LANGUAGE = _bridge(
    "bridge_movie_language",
    "Spoken languages of a film at its last observation.",
    "iso_639_1",
    "movies.languages",
    {"iso_639_1": _iso_language()},
    iso_639_1=DIM_LANGUAGE,
)
BRIDGE_MOVIE_KEYWORD = _bridge(
    "bridge_movie_keyword",
    "Keywords of a film at its last observation.",
    "keyword_id",
    "movies.keywords",
    {"keyword_id": _id("Keyword.")},
    keyword_id=DIM_KEYWORD,
)
_CREDIT = {
    "credit_id": col(pl.String, "TMDB's id of the credit: one person may have several in one film.", not_blank()),
    "person_id": _id("Person."),
}
BRIDGE_MOVIE_CAST = _bridge(
    "bridge_movie_cast",
    "Roles in a film at its last observation.",
    "credit_id",
    "movies.cast",
    {
        **_CREDIT,
        "character": _text("Role"),
        "cast_order": col(pl.Int64, "Billing, from 0, with gaps.", CAST_ORDER, nullable=True),
    },
    person_id=DIM_PERSON,
)
BRIDGE_MOVIE_CREW = _bridge(
    "bridge_movie_crew",
    "Jobs in a film at its last observation.",
    "credit_id",
    "movies.crew",
    {**_CREDIT, "department": _text("Department"), "job": _text("Job")},
    person_id=DIM_PERSON,
)

FACT_MOVIE_DAILY = Contract(
    SOURCE,
    Stage.STAR,
    "fact_movie_daily",
    "Popularity and votes, one row per film and day.",
    grain=("date_id", "movie_id"),
    kept=ByDay("date_id"),
    columns={"date_id": _day(), "movie_id": _id("Film."), **_STATS},
    references={"movie_id": DIM_MOVIE, "date_id": DIM_DATE},
)

FACT_MOVIE_DAILY_LAST = Contract(
    SOURCE,
    Stage.STAR,
    "fact_movie_daily_last",
    "Of fact_movie_daily the rows that say what is last known of each film: its last row, and its last two with votes. "
    "What a film's newest state is read from, and the votes that new ones are compared with, without all days.",
    grain=("movie_id", "date_id"),
    kept=Owned(("movie_id",)),
    columns={"date_id": _day(), "movie_id": _id("Film."), **_STATS},
    references={"movie_id": DIM_MOVIE, "date_id": DIM_DATE},
    drift_limit=None,
)

#: Tables whose days are profiled: those kept by the day, but for those that tell of the others.
PROFILED = (
    DISCOVER_PAGES,
    MOVIE_IDS,
    MOVIE_CHANGES,
    MOVIE_DETAILS,
    REFERENCE,
    MOVIES,
    MOVIE_TOMBSTONES,
    MOVIE_STATS,
    FACT_MOVIE_DAILY,
)

FACT_COLUMN_QUALITY = column_quality_contract(SOURCE, PROFILED)
FACT_TABLE_QUALITY = table_quality_contract(SOURCE)

# -- views -------------------------------------------------------------------------------------------------------------

#: Every table that is no view, in the order in which data flows.
TABLES = (
    DISCOVER_PAGES,
    MOVIE_IDS,
    MOVIE_CHANGES,
    MOVIE_DETAILS,
    REFERENCE,
    EXTRACTION_LEDGER,
    MOVIES,
    MOVIE_TOMBSTONES,
    MOVIE_STATS,
    QUARANTINE,
    DIM_GENRE,
    DIM_COMPANY,
    DIM_COLLECTION,
    DIM_KEYWORD,
    DIM_PERSON,
    DIM_COUNTRY,
    DIM_LANGUAGE,
    DIM_DATE,
    DIM_CPI,
    DIM_MOVIE,
    BRIDGE_MOVIE_GENRE,
    BRIDGE_MOVIE_COMPANY,
    BRIDGE_MOVIE_COUNTRY,
    BRIDGE_MOVIE_LANGUAGE,
    BRIDGE_MOVIE_KEYWORD,
    BRIDGE_MOVIE_CAST,
    BRIDGE_MOVIE_CREW,
    FACT_MOVIE_DAILY,
    FACT_MOVIE_DAILY_LAST,
    FACT_COLUMN_QUALITY,
    FACT_TABLE_QUALITY,
)

#: The questions: each .sql file is its own contract, in its head.
VIEWS = read_views(Path(__file__).parent / "views", SOURCE, TABLES)

#: Every table of the source, in the order in which data flows.
CONTRACTS: tuple[Contract, ...] = (*TABLES, *(view.contract for view in VIEWS))
