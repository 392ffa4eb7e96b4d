"""Every table of the moovitamix source: columns, units, grain, how it is kept, what it refers to.

What belongs here: contracts only; the functions that fill a table have its name and live in its stage's module.
What does not: the API's own JSON (payloads.py), transforms, Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
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

SOURCE = "moovitamix"
INSTANT = pl.Datetime("us", "UTC")

ID = counting(1)
MOST_SECONDS = 7 * 24 * 60 * 60  # of a track: a week

#: Columns that say which person a row is about, wherever they occur: no log, check or preview shows them.
SUBJECTS = (
    "user_id",
    "entity_id",
    "row_key",
    "orphan_id",
    "email_hash",
    "subject_hash",
    "record_hash",
    "record_hashes",
)

TRACKS_ENDPOINT, USERS_ENDPOINT, HISTORIES_ENDPOINT = ENDPOINTS = ("tracks", "users", "listen_history")


def _day(meaning: str = "Day of the observation (UTC).") -> Column:
    return col(pl.Date, meaning, within_days())


def _id(meaning: str) -> Column:
    return col(pl.Int64, meaning, ID)


def _text(meaning: str) -> Column:
    return col(pl.String, meaning + "; null when unknown.", nullable=True)


def _count(meaning: str, *, nullable: bool = False) -> Column:
    return col(pl.Int64, meaning, counting(), nullable=nullable)


def _instant(meaning: str, *, nullable: bool = False) -> Column:
    return col(INSTANT, meaning, within_instants(), nullable=nullable)


def _hash(meaning: str) -> Column:
    return col(pl.Int64, meaning + ": 64 bits of BLAKE2b over endpoint and text.")


def _subjects(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if name in SUBJECTS)


def _endpoint() -> Column:
    return col(pl.String, "Path below the API's root.", isin(ENDPOINTS))


# -- raw: what came, verbatim ------------------------------------------------------------------------------------------

PAGES = Contract(
    SOURCE,
    Stage.RAW,
    "pages",
    "Pages as they came, one thin row each: `layouts` and `records` hold their text, every content once whatever "
    "days have it. All pages of a walk were read from one server; a list that moved meanwhile was walked again, "
    "and the union of its walks counts.",
    grain=("date_id", "endpoint", "take", "page"),
    kept=ByDay("date_id"),
    columns={
        "date_id": _day(),
        "endpoint": _endpoint(),
        "page": col(pl.Int64, "Page number.", counting(1)),
        "page_hash": _hash("Content of the page; names its layout"),
        "row_count": col(pl.Int64, "Rows on the page, the forgotten ones included.", counting(0)),
        "forgotten_count": _count("Rows of forgotten persons, dropped before they were kept."),
        "total": _count("Rows the answer said there are."),
        "total_pages": _count("Pages the answer said there are."),
        "http_status": col(pl.Int64, "HTTP status of the answer.", in_range(100, 599)),
        "fetched_at": _instant("When the answer came."),
        "take": col(
            pl.Int64,
            "Which of the day's walks of the list the page is of, from 1; null in days of one walk kept before "
            "walks were counted.",
            counting(1),
            nullable=True,
        ),
        "is_doubted": col(
            pl.Boolean,
            "Whether the walks of the list lack rows that were listed before, and no two of them show together "
            "that these are gone; null in days kept before it was asked.",
            nullable=True,
        ),
    },
)

LAYOUTS = Contract(
    SOURCE,
    Stage.RAW,
    "layouts",
    "Pages with their rows taken out, each once: the text with a separator (U+001E) in place of every row, and "
    "the rows' hashes in order. Put together they are the page, byte for byte after UTF-8 decoding.",
    grain=("page_hash",),
    kept=Owned(("page_hash",)),
    kept_for=(PAGES, "page_hash"),
    drift_limit=None,
    subjects=("record_hashes",),
    columns={
        "page_hash": _hash("Content of the page"),
        "endpoint": _endpoint(),
        "layout": col(pl.String, "Text of the page, a separator in place of each row."),
        "record_hashes": col(pl.List(pl.Int64), "Hashes of its rows, in order."),
    },
)

RECORDS = Contract(
    SOURCE,
    Stage.RAW,
    "records",
    "Rows of pages, verbatim, each content once. A forgotten person's row is replaced by a note that says so.",
    grain=("record_hash",),
    kept=Owned(("record_hash",)),
    kept_for=(LAYOUTS, "record_hashes"),
    drift_limit=None,
    personal=("payload",),
    subjects=("record_hash",),
    columns={
        "record_hash": _hash("Content of the row"),
        "endpoint": _endpoint(),
        "payload": col(pl.String, "The row as it came: JSON text."),
    },
)

FORGOTTEN = Contract(
    SOURCE,
    Stage.RAW,
    "forgotten",
    "Persons who were forgotten, as keyed hashes of their id and e-mails: rows of theirs that the source still "
    "serves are dropped before they are kept.",
    grain=("subject_hash",),
    kept=Owned(("subject_hash",)),
    drift_limit=None,
    subjects=("subject_hash",),
    columns={
        "subject_hash": col(
            pl.String,
            "128 bits of HMAC-SHA256 over the id or an e-mail.",
            str_matches("[0-9a-f]{32}", "32 hexadecimal digits"),
        ),
        "forgotten_on": _day("Day on which they were forgotten (UTC)."),
    },
)

EXTRACTION_LEDGER = ledger_contract(SOURCE)

# -- clean: what is new or changed on a day, typed ---------------------------------------------------------------------

_STAMPS = {
    "created_at": _instant("When it was made, as stated; the source writes no zone, it is read as UTC."),
    "updated_at": _instant("When it was last changed, as stated; null when unknown.", nullable=True),
    "is_created_after_updated": col(
        pl.Boolean, "Whether it claims to have been changed before it was made. Flagged, not dropped: it is common."
    ),
}

_TRACK = {
    "name": col(pl.String, "Title.", not_blank()),
    "artist": _text("Artist"),
    "songwriters": _text("Songwriters, as one text"),
    "album": _text("Album"),
    "duration_seconds": col(
        pl.Int64, "Length in seconds; null when unknown.", counting(0, MOST_SECONDS), nullable=True
    ),
}

_GENRES = col(pl.List(pl.String), "Genres: the text split at commas; null when unknown.", nullable=True)
_RECORD = {"record_hash": _hash("Content of the raw row; names it in raw/records")}
_DELTA = (
    "Rows of days without a change are not repeated: the state of a day is each row's last one up to it, "
    "unless `vanished`."
)


def _clean(name: str, description: str, grain: tuple[str, ...], columns: Mapping[str, Column], **more: Any) -> Contract:
    return Contract(
        SOURCE,
        Stage.CLEAN,
        name,
        description,
        grain=("date_id", *grain),
        kept=FewADay("date_id"),
        columns={"date_id": _day("First day of this state (UTC)."), **columns},
        drift_limit=None,
        is_corrected=True,
        duplicates=Duplicates.FIRST,
        subjects=_subjects(columns),
        **more,
    )


CHANGES = _clean(
    "changes",
    "What each observed day brought, by endpoint, counted against the day observed before it; a first day has "
    "none before.",
    ("endpoint",),
    {
        "endpoint": _endpoint(),
        "compared_with": col(pl.Date, "Day observed before; null for the first.", within_days(), nullable=True),
        "listed": _count(
            "Rows listed, each content as often as one walk of the day lists it, without those of forgotten persons."
        ),
        "received": _count("Those of them that are new or changed: the clean tables take these."),
        "unchanged": _count("Those of them that are as they were: they cost nothing."),
        "listed_before": _count(
            "Different keys that stood before: listed on the day observed before, or held back on it; null for a "
            "first day.",
            nullable=True,
        ),
        "vanished": _count("Those of them that are gone: not listed any more, as a walk of the day proves."),
        "forgotten": _count("Rows of forgotten persons, dropped before they were kept."),
        "held_back": _count(
            "Those of them that were not listed and that no walk proves to be gone, since the list moved while it "
            "was walked: they stand as they were until a later day tells. Null in days derived before it was counted.",
            nullable=True,
        ),
    },
)

TRACKS = _clean(
    "tracks",
    f"Tracks that are new or changed on a day. {_DELTA}",
    ("track_id",),
    {"track_id": _id("The source's track id."), **_TRACK, "genres": _GENRES, **_STAMPS, **_RECORD},
)

USERS = _clean(
    "users",
    f"Users that are new or changed on a day. Holds personal data. {_DELTA}",
    ("user_id",),
    {
        "user_id": _id("The source's user id."),
        "first_name": _text("First name (personal)"),
        "last_name": _text("Last name (personal)"),
        "email": _text("E-mail as stated (personal)"),
        "has_plausible_email": col(pl.Boolean, "Whether the e-mail looks like one: something@host.domain."),
        "gender": _text("Gender as stated"),
        "favorite_genres": col(
            pl.List(pl.String), "Favourite genres: the text split at commas; null when unknown.", nullable=True
        ),
        **_STAMPS,
        **_RECORD,
    },
    personal=("first_name", "last_name", "email"),
)

LISTEN_HISTORIES = _clean(
    "listen_histories",
    "Rows of the listening history that are new or changed on a day, empty ones included; what was listened to "
    f"stands in `listens`. The source gives them no id: user and moment name one. {_DELTA}",
    ("user_id", "created_at"),
    {"user_id": _id("Who listened."), **_STAMPS, "listen_count": _count("Tracks in it."), **_RECORD},
)

LISTENS = _clean(
    "listens",
    "Tracks of the new or changed rows of the listening history: one row per user, history row and position. When a "
    "history row changes, all of its positions stand here again.",
    ("user_id", "created_at", "position"),
    {
        "user_id": _id("Who listened."),
        "created_at": _STAMPS["created_at"],
        "position": col(pl.Int64, "Position in the history row, from 1.", counting(1)),
        "track_id": _id("What was listened to; the source may not list that track."),
    },
)

VANISHED = _clean(
    "vanished",
    "What was there before and is gone: a walk of the day, in which nothing came twice, does not list it, nor "
    "does any other.",
    ("endpoint", "row_key"),
    {
        "date_id": _day("First observed day without it (UTC)."),
        "endpoint": _endpoint(),
        "row_key": col(pl.String, "What names it: the id, or user id and moment of a history row.", not_blank()),
        "entity_id": _id("Track id or user id."),
        "created_at": _instant("Moment of the history row; null for a track or a user.", nullable=True),
    },
)

QUARANTINE = replace(quarantine_contract(SOURCE), personal=("reason", "payload", "value"), subjects=("raw_pointer",))

# -- star --------------------------------------------------------------------------------------------------------------

_SPAN = {
    "valid_from": _day("First observed day of this state (UTC); the state itself may be older."),
    "valid_to": col(
        pl.Date,
        "First observed day on which it was another, or not listed (UTC); null while it stands.",
        within_days(),
        nullable=True,
    ),
    "is_current": col(pl.Boolean, "Whether this state stands on the newest observed day."),
    "gone_on": col(
        pl.Date,
        "On the last state of what vanished and did not come back: first observed day without it (UTC); else null.",
        within_days(),
        nullable=True,
    ),
}


def _span_from(table: str) -> dict[str, str]:
    ends = f"{table}.date_id vanished.date_id"
    return {"valid_from": f"{table}.date_id", "valid_to": ends, "is_current": ends, "gone_on": "vanished.date_id"}


def _star(name: str, description: str, grain: tuple[str, ...], columns: Mapping[str, Column], **more: Any) -> Contract:
    told = {"drift_limit": None, "subjects": _subjects(columns), **more}
    return Contract(SOURCE, Stage.STAR, name, description, grain=grain, columns=columns, **told)


DIM_DATE = _star(
    "dim_date",
    "Observed days.",
    ("date_id",),
    {
        "date_id": _day("The day (UTC)."),
        "observed_before": col(pl.Date, "Observed day before it; null for the first.", within_days(), nullable=True),
        "year": col(pl.Int64, "Calendar year.", in_range(FIRST_DAY.year, LAST_DAY.year)),
        "month": col(pl.Int64, "Month, 1 to 12.", in_range(1, 12)),
        "day": col(pl.Int64, "Day of the month.", in_range(1, 31)),
        "week": col(pl.Int64, "ISO 8601 week, 1 to 53.", in_range(1, 53)),
        "day_of_week": col(pl.Int64, "ISO 8601 day of the week, Monday 1 to Sunday 7.", in_range(1, 7)),
        "is_weekend": col(pl.Boolean, "Saturday or Sunday."),
    },
    comes_from={"*": "changes.date_id", "observed_before": "changes.compared_with"},
)

DIM_TRACK = _star(
    "dim_track",
    "Tracks in every state they were observed in (a type 2 dimension): a new row when one of its columns changes.",
    ("track_id", "valid_from"),
    {"track_id": _id("The source's track id."), **_TRACK, "genres": _text("Genres, as one text"), **_STAMPS, **_SPAN},
    comes_from=_span_from("tracks"),
)

DIM_USER = _star(
    "dim_user",
    "Users in every state they were observed in (a type 2 dimension), without personal data: a new row when one of its "
    "columns changes.",
    ("user_id", "valid_from"),
    {
        "user_id": _id("The source's user id."),
        "email_hash": col(
            pl.String,
            "Keyed hash of the e-mail (128 bits of HMAC-SHA256, key MOOVITAMIX_HASH_KEY): equal for equal "
            "e-mails, however they are spelled; null when unknown, or when what is stated tells nobody (n/a, "
            "none@none.com).",
            str_matches("[0-9a-f]{32}", "32 hexadecimal digits"),
            nullable=True,
        ),
        "has_plausible_email": col(pl.Boolean, "Whether the e-mail looks like one."),
        "gender": _text("Gender as stated"),
        "favorite_genres": _text("Favourite genres, as one text"),
        **_STAMPS,
        **_SPAN,
    },
    comes_from={"email_hash": "users.email"} | _span_from("users"),
)

DIM_GENRE = _star(
    "dim_genre",
    "Genres ever stated for a track or as a favourite, one row whatever their case.",
    ("genre_id",),
    {
        "genre_id": col(pl.String, "The genre in small letters.", not_blank()),
        "name": col(pl.String, "The genre as it is most often written.", not_blank()),
        "is_of_tracks": col(pl.Boolean, "Whether a track was ever given it."),
        "is_favorite": col(pl.Boolean, "Whether a user ever named it as a favourite."),
    },
    comes_from={
        "*": "tracks.genres users.favorite_genres",
        "is_of_tracks": "tracks.genres",
        "is_favorite": "users.favorite_genres",
    },
)

BRIDGE_TRACK_GENRE = _star(
    "bridge_track_genre",
    "Genres of each track in its last state.",
    ("track_id", "genre_id"),
    {"track_id": _id("Track."), "genre_id": col(pl.String, "Genre.")},
    references={"track_id": DIM_TRACK, "genre_id": DIM_GENRE},
    comes_from={"genre_id": "tracks.genres"},
)

BRIDGE_USER_GENRE = _star(
    "bridge_user_genre",
    "Favourite genres of each user in their last state.",
    ("user_id", "genre_id"),
    {"user_id": _id("User."), "genre_id": col(pl.String, "Genre.")},
    references={"user_id": DIM_USER, "genre_id": DIM_GENRE},
    comes_from={"genre_id": "users.favorite_genres"},
)

FACT_LISTEN = _star(
    "fact_listen",
    "Listens: one row per user, history row and position, in the last state of the history row. Tracks and users "
    "that the source never listed occur: they are counted by checks, not dropped.",
    ("user_id", "listened_at", "position"),
    {
        "user_id": _id("Who listened."),
        "listened_at": _instant("Moment of the history row, as stated (UTC)."),
        "position": col(pl.Int64, "Position in the history row, from 1.", counting(1)),
        "track_id": _id("What was listened to."),
        "listened_on": _day("Day of that moment (UTC)."),
        "observed_on": _day("First observed day of this state of the history row (UTC)."),
        "gone_on": col(
            pl.Date,
            "First observed day on which the history row was not listed any more; null while it is.",
            within_days(),
            nullable=True,
        ),
    },
    comes_from={
        "user_id": "listens.user_id",
        "listened_at": "listens.created_at",
        "listened_on": "listens.created_at",
        "observed_on": "listen_histories.date_id",
        "gone_on": "vanished.date_id",
    },
)

#: Tables whose days are profiled: those kept by the day, but for those that tell of the others.
PROFILED = (PAGES, CHANGES, TRACKS, USERS, LISTEN_HISTORIES, LISTENS, VANISHED)

FACT_COLUMN_QUALITY = column_quality_contract(SOURCE, PROFILED)
FACT_TABLE_QUALITY = table_quality_contract(SOURCE)

# -- views -------------------------------------------------------------------------------------------------------------

#: Every table that is no view, in the order in which data flows.
TABLES = (
    PAGES,
    LAYOUTS,
    RECORDS,
    FORGOTTEN,
    EXTRACTION_LEDGER,
    CHANGES,
    TRACKS,
    USERS,
    LISTEN_HISTORIES,
    LISTENS,
    VANISHED,
    QUARANTINE,
    DIM_DATE,
    DIM_TRACK,
    DIM_USER,
    DIM_GENRE,
    BRIDGE_TRACK_GENRE,
    BRIDGE_USER_GENRE,
    FACT_LISTEN,
    FACT_COLUMN_QUALITY,
    FACT_TABLE_QUALITY,
)

#: The questions: each .sql file is its own contract, in its head.
VIEWS = read_views(Path(__file__).parent / "views", SOURCE, TABLES, subjects=SUBJECTS)

#: Every table of the source, in the order in which data flows.
CONTRACTS: tuple[Contract, ...] = (*TABLES, *(view.contract for view in VIEWS))
