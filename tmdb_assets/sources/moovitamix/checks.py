"""What is noticed in moovitamix and stops nothing: warnings of this source's own.

What belongs here: one function per warning, what it reads stated above it; its docstring says what is checked. What
does not: rules a row must keep (contracts.py). No sentence names a person.
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.transforms import ROWS, reads
from tmdb_assets.sources.moovitamix import contracts

CHURN = 0.5
TOLD = 3  # lists of days that a sentence names


@reads(ROWS)
def full_churn(rows: pl.LazyFrame) -> Outcome:
    """At most half of the tracks and of the users vanished since the day observed before: more, and the server
    restarted."""
    compared = rows.filter(pl.col("listed_before") > 0, pl.col("endpoint") != "listen_history").collect()
    shares = compared.with_columns(share=pl.col("vanished") / pl.col("listed_before")).sort("date_id", "endpoint")
    worst = shares.filter(pl.col("share") > CHURN)
    figures: dict[str, int | float | str] = {
        "vanished": int(shares.get_column("vanished").sum()),
        "listed_before": int(shares.get_column("listed_before").sum()),
    }
    if not worst.height:
        return Outcome("full_churn", True, "most ids stayed", figures, warns=True)
    row = worst.row(0, named=True)
    sentence = (
        f"{row['date_id']}: {row['vanished']:,} of {row['listed_before']:,} {row['endpoint']} of "
        f"{row['compared_with']} are gone: the source's server restarted and gave new ids"
    )
    return Outcome("full_churn", False, sentence, figures, warns=True)


@reads(ROWS)
def held_back(rows: pl.LazyFrame) -> Outcome:
    """Whatever stood before and is not listed is proven to be gone."""
    some = rows.filter(pl.col("held_back") > 0).sort("date_id", "endpoint").collect()
    figures: dict[str, int | float | str] = {"held_back": int(some.get_column("held_back").sum())}
    if not some.height:
        return Outcome("held_back", True, "every row is listed or proven to be gone", figures, warns=True)
    of_days = [f"{row['held_back']:,} {row['endpoint']} on {row['date_id']}" for row in some.iter_rows(named=True)]
    more = f" and {len(of_days) - TOLD:,} more" if len(of_days) > TOLD else ""
    sentence = (
        f"not listed and not proven to be gone: {', '.join(of_days[:TOLD])}{more}. The lists moved while they "
        "were walked; these rows stand as they were until a later day tells"
    )
    return Outcome("held_back", False, sentence, figures, warns=True)


@reads(ROWS)
def created_after_updated(rows: pl.LazyFrame) -> Outcome:
    """No row claims to have been changed before it was made (flagged, not dropped)."""
    standing = rows.filter("is_current") if "is_current" in rows.collect_schema() else rows
    return _counted(
        "created_after_updated", standing, pl.col("is_created_after_updated"), "were changed before they were made"
    )


@reads(ROWS)
def empty_histories(rows: pl.LazyFrame) -> Outcome:
    """Every row of the listening history names at least one track."""
    return _counted("empty_histories", rows, pl.col("listen_count") == 0, "new or changed history rows name no track")


@reads(ROWS)
def email_shape(rows: pl.LazyFrame) -> Outcome:
    """Every current user has an e-mail that looks like one."""
    return _counted("email_shape", rows.filter("is_current"), ~pl.col("has_plausible_email"), "current users have none")


@reads(ROWS)
def email_duplicates(rows: pl.LazyFrame) -> Outcome:
    """No two current users share an e-mail (in any case of its letters)."""
    known = rows.filter("is_current").drop_nulls("email_hash")
    shared = pl.col("email_hash").is_duplicated()
    return _counted("email_duplicates", known, shared, "current users share their e-mail with another")


@reads(ROWS, contracts.DIM_TRACK)
def unknown_tracks(rows: pl.LazyFrame, dim_track: pl.LazyFrame) -> Outcome:
    """Every track listened to was listed at some time."""
    return _orphans("unknown_tracks", rows, dim_track, "track_id")


@reads(ROWS, contracts.DIM_USER)
def unknown_users(rows: pl.LazyFrame, dim_user: pl.LazyFrame) -> Outcome:
    """Everyone who listened was listed at some time."""
    return _orphans("unknown_users", rows, dim_user, "user_id")


@reads(ROWS, contracts.DIM_TRACK)
def plays_before_track(rows: pl.LazyFrame, dim_track: pl.LazyFrame) -> Outcome:
    """No track was listened to before it was made, as far as both moments are known."""
    made = dim_track.group_by("track_id").agg(pl.col("created_at").min())
    known = rows.filter(pl.col("gone_on").is_null()).join(made, on="track_id")
    early = pl.col("listened_at") < pl.col("created_at")
    return _counted("plays_before_track", known, early, "listens are older than their track")


#: The warnings of each table that has some.
CHANGES = {"full_churn": full_churn, "held_back": held_back}
LISTEN_HISTORIES = {"created_after_updated": created_after_updated, "empty_histories": empty_histories}
DIM_TRACK = {"created_after_updated": created_after_updated}
DIM_USER = {
    "created_after_updated": created_after_updated,
    "email_shape": email_shape,
    "email_duplicates": email_duplicates,
}
FACT_LISTEN = {
    "unknown_tracks": unknown_tracks,
    "unknown_users": unknown_users,
    "plays_before_track": plays_before_track,
}


def _counted(check: str, rows: pl.LazyFrame, bad: pl.Expr, meaning: str) -> Outcome:
    found, count = rows.select(bad.fill_null(False).sum().cast(pl.Int64), pl.len().cast(pl.Int64)).collect().row(0)
    sentence = f"{found:,} of {count:,}: {meaning}" if found else f"none of {count:,}"
    return Outcome(check, not found, sentence, {"found": found, "rows": count}, warns=True)


def _orphans(check: str, rows: pl.LazyFrame, dimension: pl.LazyFrame, key: str) -> Outcome:
    listed = rows.filter(pl.col("gone_on").is_null())
    known = dimension.select(key).unique().with_columns(_known=pl.lit(True))
    joined = listed.select(key).join(known, on=key, how="left")
    return _counted(check, joined, pl.col("_known").is_null(), f"listens name a {key} that was never listed")
