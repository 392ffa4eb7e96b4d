"""Clean to star: users as last known, users month by month, the training set, and the profiles; frame -> frame.

What belongs here: one function per star table, named as the table, and the warnings that hold a table against another;
what each reads is stated above it (months of the run, for the training set all), TABLES puts them together. What does
not: whether a row is newer than the one kept (lakehouse/store/, by the contract's owner and order), rules
(contracts.py).

A live table's function returns the run's snapshots, newest first: the first of each user counts.
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.transforms import ROWS, reads
from tmdb_assets.lakehouse.quality.outcomes import CheckQuality, Judge, grain_of
from tmdb_assets.lakehouse.quality.profiles import ColumnQuality, TableQuality
from tmdb_assets.sources.streamflow import clean, contracts

MONTHS_OF_GRACE = 1  # a month that has begun may be counted as active


@reads(contracts.USERS_SNAPSHOTS)
def users(users_snapshots: pl.LazyFrame) -> pl.DataFrame:
    """Subscribers as last known."""
    return _newest_first(users_snapshots, contracts.USERS)


@reads(contracts.SUBSCRIPTIONS_SNAPSHOTS, contracts.USERS_SNAPSHOTS)
def subscriptions(subscriptions_snapshots: pl.LazyFrame, users_snapshots: pl.LazyFrame) -> pl.DataFrame:
    """Subscriptions as last known."""
    return _newest_first(subscriptions_snapshots.pipe(_of_kept_users, users_snapshots), contracts.SUBSCRIPTIONS)


@reads(contracts.USAGE_AGG_30D_SNAPSHOTS, contracts.USERS_SNAPSHOTS)
def usage_agg_30d(usage_agg_30d_snapshots: pl.LazyFrame, users_snapshots: pl.LazyFrame) -> pl.DataFrame:
    """Usage as last known."""
    return _newest_first(usage_agg_30d_snapshots.pipe(_of_kept_users, users_snapshots), contracts.USAGE_AGG_30D)


@reads(contracts.PAYMENTS_AGG_90D_SNAPSHOTS, contracts.USERS_SNAPSHOTS)
def payments_agg_90d(payments_agg_90d_snapshots: pl.LazyFrame, users_snapshots: pl.LazyFrame) -> pl.DataFrame:
    """Payments as last known."""
    return _newest_first(payments_agg_90d_snapshots.pipe(_of_kept_users, users_snapshots), contracts.PAYMENTS_AGG_90D)


@reads(contracts.SUPPORT_AGG_90D_SNAPSHOTS, contracts.USERS_SNAPSHOTS)
def support_agg_90d(support_agg_90d_snapshots: pl.LazyFrame, users_snapshots: pl.LazyFrame) -> pl.DataFrame:
    """Support as last known."""
    return _newest_first(support_agg_90d_snapshots.pipe(_of_kept_users, users_snapshots), contracts.SUPPORT_AGG_90D)


@reads(contracts.LABELS_SNAPSHOTS, contracts.USERS_SNAPSHOTS)
def labels(labels_snapshots: pl.LazyFrame, users_snapshots: pl.LazyFrame) -> pl.DataFrame:
    """Churn labels as last known."""
    return _newest_first(labels_snapshots.pipe(_of_kept_users, users_snapshots), contracts.LABELS)


@reads(*contracts.SNAPSHOTS.values())
def user_months(
    users_snapshots: pl.LazyFrame,
    subscriptions_snapshots: pl.LazyFrame,
    usage_agg_30d_snapshots: pl.LazyFrame,
    payments_agg_90d_snapshots: pl.LazyFrame,
    support_agg_90d_snapshots: pl.LazyFrame,
    labels_snapshots: pl.LazyFrame,
) -> pl.DataFrame:
    """The six snapshots side by side, for every user whose own row was kept."""
    rows = users_snapshots
    for other in (
        subscriptions_snapshots, usage_agg_30d_snapshots, payments_agg_90d_snapshots, support_agg_90d_snapshots,
        labels_snapshots,
    ):  # fmt: skip
        rows = rows.join(other, on=["as_of", "user_id"], how="left")
    return rows.select(list(contracts.USER_MONTHS.schema)).sort("as_of", "user_id").collect()


@reads(contracts.USER_MONTHS)
def training_set(user_months: pl.LazyFrame) -> pl.DataFrame:
    """Features of each user and month, with the label of the month after."""
    return (
        user_months.with_columns(months_since_signup=_full_months("signup_date", "as_of"))
        .pipe(_with_change, user_months, "watch_hours_30d")
        .pipe(_with_change, user_months, "monthly_fee")
        .pipe(_with_next_label, user_months)
        .select(list(contracts.TRAINING_SET.schema))
        .sort("as_of", "user_id")
        .collect()
    )


# -- warnings ----------------------------------------------------------------------------------------------------------


@reads(contracts.SUBSCRIPTIONS_SNAPSHOTS, contracts.USERS_SNAPSHOTS)
def active_since_signup(subscriptions_snapshots: pl.LazyFrame, users_snapshots: pl.LazyFrame) -> Outcome:
    """Nobody has been active for more months than have passed since they signed up, or signed up after the month."""
    tenure = subscriptions_snapshots.join(users_snapshots, on=["as_of", "user_id"]).select(
        "as_of", "user_id", "months_active", "signup_date", passed=_full_months("signup_date", "as_of")
    )
    odd = tenure.filter(pl.col("months_active") > pl.col("passed") + MONTHS_OF_GRACE).sort("as_of", "user_id").collect()
    users_seen = int(tenure.select(pl.len()).collect().item())
    figures = {"users": users_seen, "active_for_too_long": odd.height}
    if not odd.height:
        return Outcome("active_since_signup", True, "months_active fits signup_date", figures)
    day, user, months, signup, passed = odd.row(0)
    told = (
        f"{odd.height:,} of {users_seen:,} users were active for more months than have passed since they signed up, "
        f"e.g. {user}: months_active {months}, but signup_date {signup} is {passed} months before {day}"
    )
    return Outcome("active_since_signup", False, told, figures)


@reads(*contracts.SNAPSHOTS.values())
def rows_have_their_user(
    users_snapshots: pl.LazyFrame,
    subscriptions_snapshots: pl.LazyFrame,
    usage_agg_30d_snapshots: pl.LazyFrame,
    payments_agg_90d_snapshots: pl.LazyFrame,
    support_agg_90d_snapshots: pl.LazyFrame,
    labels_snapshots: pl.LazyFrame,
) -> Outcome:
    """Every kept row has its user's own row of that month, which was not set aside: live tables leave others out."""
    others = {
        "subscriptions": subscriptions_snapshots,
        "usage_agg_30d": usage_agg_30d_snapshots,
        "payments_agg_90d": payments_agg_90d_snapshots,
        "support_agg_90d": support_agg_90d_snapshots,
        "labels": labels_snapshots,
    }
    left_out = {
        table: int(rows.join(users_snapshots, on=["as_of", "user_id"], how="anti").select(pl.len()).collect().item())
        for table, rows in others.items()
    }
    told = ", ".join(f"{count:,} of {table}" for table, count in left_out.items() if count)
    sentence = f"rows whose users row was set aside, so that live tables leave them out: {told}" if told else "all have"
    return Outcome("rows_have_their_user", not told, sentence, left_out)


@reads(ROWS)
def feature_drift(rows: pl.LazyFrame) -> Outcome:
    """No feature of the newest month is distributed otherwise than in the month before (PSI below 0.25)."""
    newest = (
        rows.filter(pl.col("as_of") == pl.col("as_of").max()).sort("psi", "feature", descending=[True, False]).collect()
    )
    moved = newest.filter(pl.col("verdict") == "shifted")
    figures: dict[str, int | float | str] = {"features": newest.height, "shifted": moved.height}
    if newest.height:
        figures["largest_psi"] = float(newest.item(0, "psi"))
    told = ", ".join(f"{name} (PSI {psi:.2f})" for name, psi in moved.select("feature", "psi").iter_rows())
    month = newest.item(0, "as_of") if newest.height else None
    sentence = f"{month}: shifted against the month before: {told}" if told else "no feature has shifted"
    return Outcome("feature_drift", not moved.height, sentence, figures)


# -- steps -------------------------------------------------------------------------------------------------------------


def _newest_first(snapshots: pl.LazyFrame, contract: Contract) -> pl.DataFrame:
    return snapshots.sort("as_of", "user_id", descending=[True, False]).select(list(contract.schema)).collect()


def _of_kept_users(snapshots: pl.LazyFrame, users_snapshots: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of users whose own row of that month was kept: the same whatever other months are there."""
    return snapshots.join(users_snapshots.select("as_of", "user_id"), on=["as_of", "user_id"], how="semi")


def _full_months(first: str, last: str) -> pl.Expr:
    """Whole months from one day to another; the last day of a month completes it."""
    start, end = pl.col(first), pl.col(last)
    months = (end.dt.year() - start.dt.year()).cast(pl.Int64) * 12 + (
        end.dt.month().cast(pl.Int64) - start.dt.month().cast(pl.Int64)
    )
    is_short = (end.dt.day() < start.dt.day()) & (end != end.dt.month_end())
    return months - is_short.cast(pl.Int64)


def _with_change(rows: pl.LazyFrame, user_months: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """`<column>_change`: against the month before, and no other."""
    before = user_months.select("user_id", as_of=pl.col("as_of").dt.offset_by("1d").dt.month_end(), _before=column)
    joined = rows.join(before, on=["as_of", "user_id"], how="left")
    return joined.with_columns((pl.col(column) - pl.col("_before")).alias(f"{column}_change")).drop("_before")


def _with_next_label(rows: pl.LazyFrame, user_months: pl.LazyFrame) -> pl.LazyFrame:
    after = user_months.drop_nulls("churn_label").select(
        "user_id",
        as_of=pl.col("as_of").dt.month_start().dt.offset_by("-1d"),
        label_as_of="as_of",
        churned_next_month="churn_label",
    )
    return rows.join(after, on=["as_of", "user_id"], how="left")


# -- quality -----------------------------------------------------------------------------------------------------------

_USERS = {"rows_have_their_user": rows_have_their_user}
_SUBSCRIPTIONS = {"active_since_signup": active_since_signup}

#: The checks that are made again for each month by itself; the others need the month before (vw_checks).
JUDGED: dict[Contract, dict[str, Judge]] = {
    **{c: {"grain": grain_of(c), **clean.WARNINGS[c]} for c in contracts.PROFILED},
    contracts.USERS: _USERS,
    contracts.SUBSCRIPTIONS: _SUBSCRIPTIONS,
}

TABLES = (
    DerivedTable(contracts.USERS, users, warnings=_USERS),
    DerivedTable(contracts.SUBSCRIPTIONS, subscriptions, warnings=_SUBSCRIPTIONS),
    DerivedTable(contracts.USAGE_AGG_30D, usage_agg_30d),
    DerivedTable(contracts.PAYMENTS_AGG_90D, payments_agg_90d),
    DerivedTable(contracts.SUPPORT_AGG_90D, support_agg_90d),
    DerivedTable(contracts.LABELS, labels),
    DerivedTable(contracts.USER_MONTHS, user_months),
    DerivedTable(contracts.TRAINING_SET, training_set),
    DerivedTable(contracts.FACT_COLUMN_QUALITY, ColumnQuality(contracts.PROFILED)),
    DerivedTable(
        contracts.FACT_TABLE_QUALITY,
        TableQuality(
            contracts.PROFILED,
            contracts.FACT_COLUMN_QUALITY,
            contracts.EXTRACTION_LEDGER,
            contracts.QUARANTINE,
            clean.RECEIVED,
        ),
    ),
    DerivedTable(contracts.FACT_CHECK_QUALITY, CheckQuality(contracts.PROFILED, JUDGED)),
)

#: The checks of views.
WARNINGS_OF_VIEWS = {"vw_feature_drift": {"feature_drift": feature_drift}}
