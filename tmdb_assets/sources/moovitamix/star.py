"""Clean to star: dimensions with their history, genres, listens; frame -> frame.

What belongs here: one function per star table, named as the table, what it reads stated above it; `tables` puts them
together. What does not: personal data (it stays in clean; an e-mail becomes a keyed hash here), rules (contracts.py),
warnings (checks.py).

The star is computed from all that the clean tables hold, on each run: it depends on which days were observed and not on
the order in which they came. The clean tables hold changes only, so that this stays cheap however many days they have.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.transforms import Transform, loaded, reads
from tmdb_assets.lakehouse.quality.profiles import ColumnQuality, TableQuality
from tmdb_assets.sources.moovitamix import checks, contracts
from tmdb_assets.sources.moovitamix.clean import compared_table
from tmdb_assets.sources.moovitamix.contracts import HISTORIES_ENDPOINT, TRACKS_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.privacy import email_hash

GENRES_JOINED = ", "


@reads(contracts.CHANGES)
def dim_date(changes: pl.LazyFrame) -> pl.DataFrame:
    """The observed days."""
    day = pl.col("date_id")
    weekday = day.dt.weekday().cast(pl.Int64)
    return (
        changes.select("date_id", observed_before="compared_with")
        .unique()
        .sort("date_id")
        .with_columns(
            year=day.dt.year().cast(pl.Int64),
            month=day.dt.month().cast(pl.Int64),
            day=day.dt.day().cast(pl.Int64),
            week=day.dt.week().cast(pl.Int64),
            day_of_week=weekday,
            is_weekend=weekday >= 6,
        )
        .collect()
    )


@reads(contracts.TRACKS, contracts.VANISHED)
def dim_track(tracks: pl.LazyFrame, vanished: pl.LazyFrame) -> pl.DataFrame:
    """Tracks in every state they were observed in."""
    states = (
        _sound(contracts.TRACKS, tracks)
        .with_columns(pl.col("genres").list.join(GENRES_JOINED))
        .drop("record_hash")
        .collect()
    )
    return spans(states, _gone(vanished, TRACKS_ENDPOINT, "track_id"), "track_id").select(
        list(contracts.DIM_TRACK.schema)
    )


def dim_user(users: pl.LazyFrame, vanished: pl.LazyFrame, hash_key: bytes) -> pl.DataFrame:
    """Users in every state they were observed in, without names; the e-mail as a keyed hash."""
    kept = _sound(contracts.USERS, users).drop("first_name", "last_name", "record_hash").collect()
    hashed = kept.get_column("email").unique().drop_nulls()
    hashes = pl.DataFrame(
        {"email": hashed, "email_hash": [email_hash(hash_key, email) for email in hashed]},
        schema={"email": pl.String, "email_hash": pl.String},
    )
    states = kept.join(hashes, on="email", how="left", maintain_order="left").drop("email")
    states = states.with_columns(pl.col("favorite_genres").list.join(GENRES_JOINED))
    return spans(states, _gone(vanished, USERS_ENDPOINT, "user_id"), "user_id").select(list(contracts.DIM_USER.schema))


@reads(contracts.TRACKS, contracts.USERS)
def dim_genre(tracks: pl.LazyFrame, users: pl.LazyFrame) -> pl.DataFrame:
    """Genres ever stated, named as most often written (ties: the first in the alphabet)."""
    stated = pl.concat(
        [
            _sound(contracts.TRACKS, tracks).select(genre="genres", is_of_tracks=pl.lit(True)),
            _sound(contracts.USERS, users).select(genre="favorite_genres", is_of_tracks=pl.lit(False)),
        ]
    )
    named = stated.explode("genre", empty_as_null=False, keep_nulls=False).with_columns(genre_id=_genre_id("genre"))
    spellings = named.group_by("genre_id", "genre").agg(pl.len().alias("_times"))
    best = spellings.sort("genre_id", "_times", "genre", descending=[False, True, False]).unique(
        "genre_id", keep="first", maintain_order=True
    )
    given = named.group_by("genre_id").agg(
        is_of_tracks=pl.col("is_of_tracks").any(), is_favorite=pl.col("is_of_tracks").not_().any()
    )
    return best.join(given, on="genre_id").select("genre_id", "genre", "is_of_tracks", "is_favorite").rename(
        {"genre": "name"}
    ).sort("genre_id").collect()  # fmt: skip


@reads(contracts.TRACKS)
def bridge_track_genre(tracks: pl.LazyFrame) -> pl.DataFrame:
    """Genres of each track in its last state."""
    return _genres_of(_sound(contracts.TRACKS, tracks), "track_id", "genres")


@reads(contracts.USERS)
def bridge_user_genre(users: pl.LazyFrame) -> pl.DataFrame:
    """Favourite genres of each user in their last state."""
    return _genres_of(_sound(contracts.USERS, users), "user_id", "favorite_genres")


@reads(contracts.LISTEN_HISTORIES, contracts.LISTENS, contracts.VANISHED)
def fact_listen(listen_histories: pl.LazyFrame, listens: pl.LazyFrame, vanished: pl.LazyFrame) -> pl.DataFrame:
    """The listens of each history row in its last state; one that vanished says since when. A row that is only written
    otherwise (the same moment with a zone) is in the state it was in."""
    row = ["user_id", "created_at"]
    listens, listen_histories = _sound(contracts.LISTENS, listens), _sound(contracts.LISTEN_HISTORIES, listen_histories)
    heard = listens.sort("position").group_by("date_id", *row).agg(pl.col("track_id").cast(pl.String).str.join(","))
    states = listen_histories.drop("record_hash").join(heard, on=["date_id", *row], how="left").collect()
    gone = vanished.filter(pl.col("endpoint") == HISTORIES_ENDPOINT).select(
        "date_id", "created_at", user_id="entity_id"
    )
    key = pl.struct(row).alias("_row")
    history = spans(states.with_columns(key), gone.select("date_id", key).collect(), "_row")
    last = history.unique("_row", keep="last").select(*row, "gone_on", observed_on="valid_from").lazy()
    newest = listen_histories.sort("date_id").unique(row, keep="last").select("date_id", *row)
    return (
        listens.join(newest, on=["date_id", *row], how="semi")
        .join(last, on=row)
        .rename({"created_at": "listened_at"})
        .with_columns(listened_on=pl.col("listened_at").dt.date())
        .select(list(contracts.FACT_LISTEN.schema))
        .sort("user_id", "listened_at", "position")
        .collect()
    )


# -- quality -----------------------------------------------------------------------------------------------------------

#: Rows each clean table took on a day, as counted when the days were compared.
COUNTED: dict[Contract, Transform[pl.LazyFrame]] = {
    contracts.TRACKS: reads(contracts.CHANGES)(lambda changes: _received(changes, TRACKS_ENDPOINT)),
    contracts.USERS: reads(contracts.CHANGES)(lambda changes: _received(changes, USERS_ENDPOINT)),
    contracts.LISTEN_HISTORIES: reads(contracts.CHANGES)(lambda changes: _received(changes, HISTORIES_ENDPOINT)),
}


def tables(hash_key: Callable[[], bytes]) -> tuple[DerivedTable, ...]:
    """Every star table; `hash_key` is asked for when e-mails are hashed."""
    hashing = reads(contracts.USERS, contracts.VANISHED, loaded(hash_key))(dim_user)
    accounts = TableQuality(
        contracts.PROFILED,
        contracts.FACT_COLUMN_QUALITY,
        contracts.EXTRACTION_LEDGER,
        contracts.QUARANTINE,
        COUNTED,
    )
    return (
        DerivedTable(contracts.DIM_DATE, dim_date),
        DerivedTable(contracts.DIM_TRACK, dim_track, warnings=checks.DIM_TRACK),
        DerivedTable(contracts.DIM_USER, hashing, warnings=checks.DIM_USER),
        DerivedTable(contracts.DIM_GENRE, dim_genre),
        DerivedTable(contracts.BRIDGE_TRACK_GENRE, bridge_track_genre),
        DerivedTable(contracts.BRIDGE_USER_GENRE, bridge_user_genre),
        DerivedTable(contracts.FACT_LISTEN, fact_listen, warnings=checks.FACT_LISTEN),
        compared_table(contracts.FACT_COLUMN_QUALITY, ColumnQuality(contracts.PROFILED)),
        compared_table(contracts.FACT_TABLE_QUALITY, accounts),
    )


def _received(changes: pl.LazyFrame, endpoint: str) -> pl.LazyFrame:
    return changes.filter(pl.col("endpoint") == endpoint).group_by("date_id").agg(pl.col("received").sum())


# -- steps -------------------------------------------------------------------------------------------------------------


def spans(states: pl.DataFrame, gone: pl.DataFrame, key: str) -> pl.DataFrame:
    """A type 2 history: one row per key and unbroken stretch of equal states, oldest first.

    `states` (date_id, key, columns) says what was new or changed on a day, `gone` (date_id, key) what was not there any
    more; both tell observed days only, and what both tell of one day is there. Adds valid_from, valid_to (the day of
    what came after), is_current and, on the last state of what is gone, gone_on.
    """
    columns = [c for c in states.columns if c not in {"date_id", key}]
    left = gone.join(states, on=["date_id", key], how="anti")
    events = pl.concat(
        [
            states.with_columns(_is_there=pl.lit(True)),
            left.select("date_id", key, _is_there=pl.lit(False)),
        ],
        how="diagonal",
    ).sort(key, "date_id")
    same = pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).shift(1).over(key)) for c in [*columns, "_is_there"])
    is_first = pl.col(key).is_first_distinct()
    turns = events.filter(is_first | ~same).with_columns(
        valid_to=pl.col("date_id").shift(-1).over(key),
        _leaves=pl.col("_is_there").shift(-1).over(key).not_().fill_null(False)
        & pl.col("_is_there").shift(-2).over(key).is_null(),
    )
    return (
        turns.filter("_is_there")
        .rename({"date_id": "valid_from"})
        .with_columns(
            is_current=pl.col("valid_to").is_null(),
            gone_on=pl.when("_leaves").then("valid_to"),
        )
        .select(key, *columns, "valid_from", "valid_to", "is_current", "gone_on")
        .sort(key, "valid_from")
    )


def _sound(contract: Contract, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows as their table would keep them today: what a lake took in before a column had its rules stops no star. The
    day derived again sets it aside."""
    required = [contract.holds(name) for name in contract.schema if name in contract.required]
    ruled = [name for name, column in contract.columns.items() if column.rules and name not in contract.required]
    alone = [pl.when(contract.holds(name)).then(name).alias(name) for name in ruled]
    return rows.filter(required).with_columns(alone)


def _gone(vanished: pl.LazyFrame, endpoint: str, key: str) -> pl.DataFrame:
    return vanished.filter(pl.col("endpoint") == endpoint).select("date_id", pl.col("entity_id").alias(key)).collect()


def _genre_id(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase()


def _genres_of(rows: pl.LazyFrame, key: str, genres: str) -> pl.DataFrame:
    last = rows.sort("date_id").unique(key, keep="last").select(key, genre_id=genres)
    members = last.explode("genre_id", empty_as_null=False, keep_nulls=False).with_columns(_genre_id("genre_id"))
    return members.unique().sort(key, "genre_id").collect()
