"""Every table of the streamflow source: columns, units, grain, how it is kept, what it refers to.

What belongs here: contracts only, and with them what a drop's files must look like: a file's columns are those of its
table. What does not: reading files (cells.py, drops.py), transforms, Dagster.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
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
    str_matches,
    within_days,
    within_instants,
)
from tmdb_assets.lakehouse.engines.views import read_views
from tmdb_assets.lakehouse.flow.ledger import ledger_contract
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.quality.outcomes import check_quality_contract
from tmdb_assets.lakehouse.quality.profiles import column_quality_contract, table_quality_contract

SOURCE = "streamflow"
INSTANT = pl.Datetime("us", "UTC")
CADENCE = Cadence.MONTH
MOST_MONTHS = 12 * 100  # a hundred years: people go on living, and time itself reaches whatever is near
GENDERS = ["Female", "Male"]
MOST_PAID = 1_000_000_000  # in any currency: the largest of the recorded months is 8,685
MOST_HOURS = 24 * 30 * 100  # a hundred devices that play day and night
MOST_MINUTES = 7 * 24 * 60  # a session as long as its week
MOST_HOURS_OPEN = 24 * 366 * 100  # a ticket that was open for a hundred years
CONTRACT_TYPES = ["Month-to-month", "One year", "Two year"]
NET_SERVICES = ["DSL", "Fiber optic", "No"]

#: Columns that a file may lack: earlier months do not have them yet.
OPTIONAL = frozenset({"add_on_security", "add_on_backup", "add_on_device_protect", "add_on_support"})


def _as_of(meaning: str = "Last day of the month that the drop tells of.") -> Column:
    return col(pl.Date, meaning, within_days())


def _user() -> Column:
    return col(
        pl.String, "Subscriber.", str_matches("[0-9]{4}-[A-Z]{5}", "four digits, a hyphen, five capital letters")
    )


def _flag(meaning: str) -> Column:
    return col(
        pl.Boolean, f"{meaning}; null when the cell was empty: unknown, not false and never true.", nullable=True
    )


def _add_on(what: str) -> Column:
    meaning = f"Whether the {what} is booked; null when the cell was empty or the month had no such column yet."
    return col(pl.Boolean, meaning, nullable=True)


def _count(meaning: str, most: int = 1_000_000) -> Column:
    return col(pl.Int64, f"{meaning}; null when the cell was empty.", counting(0, most), nullable=True)


def _amount(meaning: str, most: float) -> Column:
    return col(pl.Float64, f"{meaning}; null when the cell was empty.", in_range(0, most), nullable=True)


_USERS = {
    "signup_date": col(pl.Date, "Day of the first subscription.", within_days()),
    "user_gender": col(
        pl.String, "Gender as the user stated it; null when the cell was empty.", isin(GENDERS), nullable=True
    ),
    "user_is_senior": _flag("Whether the user is a senior"),
    "has_family": _flag("Whether the user has a partner or family"),
    "has_dependents": _flag("Whether the user has dependents"),
}
_SUBSCRIPTIONS = {
    "months_active": col(pl.Int64, "Months as a paying subscriber.", in_range(0, MOST_MONTHS)),
    "plan_stream_tv": _flag("Whether the plan has series and television"),
    "plan_stream_movies": _flag("Whether the plan has films"),
    "contract_type": col(pl.String, "Term of the contract.", isin(CONTRACT_TYPES)),
    "paperless_billing": _flag("Whether bills come by e-mail"),
    "monthly_fee": col(pl.Float64, "Fee a month, in the service's currency.", in_range(0, MOST_PAID)),
    "total_paid": _amount("Paid since the first subscription, in the service's currency", MOST_PAID),
    "net_service": col(pl.String, "The user's internet connection; `No` is none.", isin(NET_SERVICES)),
    "add_on_security": _add_on("security add-on"),
    "add_on_backup": _add_on("backup add-on"),
    "add_on_device_protect": _add_on("device protection"),
    "add_on_support": _add_on("support add-on"),
}
_USAGE = {
    "watch_hours_30d": _amount("Hours watched in the 30 days up to as_of", MOST_HOURS),
    "avg_session_mins_7d": _amount("Mean length of a session in the last 7 days, in minutes", MOST_MINUTES),
    "unique_devices_30d": _count("Devices used in the last 30 days"),
    "skips_7d": _count("Titles left before their end in the last 7 days"),
    "rebuffer_events_7d": _count("Times that playing stopped to load in the last 7 days"),
}
_PAYMENTS = {"failed_payments_90d": _count("Payments that failed in the last 90 days")}
_SUPPORT = {
    "support_tickets_90d": _count("Support tickets opened in the last 90 days"),
    "ticket_avg_resolution_hrs_90d": _amount(
        "Mean time until a ticket was resolved in the last 90 days, in hours", MOST_HOURS_OPEN
    ),
}
_LABELS = {"churn_label": _flag("Whether the user counts as churned in this month")}

#: Table -> its columns after user_id. Its file is `<table>.csv`.
COLUMNS: Mapping[str, Mapping[str, Column]] = {
    "users": _USERS,
    "subscriptions": _SUBSCRIPTIONS,
    "usage_agg_30d": _USAGE,
    "payments_agg_90d": _PAYMENTS,
    "support_agg_90d": _SUPPORT,
    "labels": _LABELS,
}
FILES = [f"{table}.csv" for table in COLUMNS]

#: What the ledger calls the folder of a drop as a whole.
FOLDER = "drop"

# -- raw: what was dropped, as it came ---------------------------------------------------------------------------------

DROP_FILES = Contract(
    SOURCE,
    Stage.RAW,
    "drop_files",
    "The six files of every drop as they came. A month that is dropped again with other content is a further drop; the "
    "newest one counts, the earlier ones stay for tracing.",
    grain=("as_of", "drop_number", "file"),
    kept=FewADay("as_of"),
    # six rows a month: they share one folder, and like all such tables they are never too old to be kept
    drift_limit=None,
    cadence=CADENCE,
    columns={
        "as_of": _as_of(),
        "drop_number": col(
            pl.Int64, "1 for the first drop of the month, 2 for the one that corrected it.", counting(1)
        ),
        "file": col(pl.String, "Name of the file.", isin(FILES)),
        "row_count": col(pl.Int64, "Lines after the header.", counting()),
        "bytes": col(pl.Int64, "Size of the file.", counting(1)),
        "sha256": col(pl.String, "Hash of the file's bytes.", str_matches("[0-9a-f]{64}", "a SHA-256 in hexadecimal")),
        "fetched_at": col(INSTANT, "When the file was read.", within_instants()),
        "payload": col(pl.String, "The file as it came: its bytes, decoded as UTF-8."),
    },
)

EXTRACTION_LEDGER = ledger_contract(SOURCE, CADENCE)

# -- clean: snapshots, one row per user and month ----------------------------------------------------------------------


def _snapshots(table: str, what: str, drift_limit: float | None = 0.25) -> Contract:
    return Contract(
        SOURCE,
        Stage.CLEAN,
        f"{table}_snapshots",
        f"{what}, per user and month, as the month's newest drop says. A month dropped again replaces its rows in "
        "a new Delta version.",
        grain=("as_of", "user_id"),
        kept=ByDay("as_of"),
        drift_limit=drift_limit,
        cadence=CADENCE,
        is_corrected=True,
        columns={"as_of": _as_of(), "user_id": _user(), **COLUMNS[table]},
    )


USERS_SNAPSHOTS = _snapshots("users", "Who the subscribers are")
SUBSCRIPTIONS_SNAPSHOTS = _snapshots("subscriptions", "What they subscribe to and pay")
USAGE_AGG_30D_SNAPSHOTS = _snapshots("usage_agg_30d", "What they watched")
PAYMENTS_AGG_90D_SNAPSHOTS = _snapshots("payments_agg_90d", "How they paid")
SUPPORT_AGG_90D_SNAPSHOTS = _snapshots("support_agg_90d", "What support they asked for")
LABELS_SNAPSHOTS = _snapshots("labels", "Who counts as churned")

#: Table -> its snapshots.
SNAPSHOTS: Mapping[str, Contract] = {
    "users": USERS_SNAPSHOTS,
    "subscriptions": SUBSCRIPTIONS_SNAPSHOTS,
    "usage_agg_30d": USAGE_AGG_30D_SNAPSHOTS,
    "payments_agg_90d": PAYMENTS_AGG_90D_SNAPSHOTS,
    "support_agg_90d": SUPPORT_AGG_90D_SNAPSHOTS,
    "labels": LABELS_SNAPSHOTS,
}

QUARANTINE = quarantine_contract(SOURCE, CADENCE)

# -- star: the last known state, and the training set ------------------------------------------------------------------


def _live(table: str, what: str) -> Contract:
    return Contract(
        SOURCE,
        Stage.STAR,
        table,
        f"{what}: the last known state of every user ever kept. It follows the newest month whatever the order in "
        "which months arrive; a user who is not in a later month stays as last known, `as_of` says of when. Rows "
        "of a month in which the user's own row in users was set aside are left out.",
        grain=("user_id",),
        kept=Owned(("user_id",), ("as_of",)),
        duplicates=Duplicates.FIRST,
        references={} if table == "users" else {"user_id": USERS},
        cadence=CADENCE,
        columns={"user_id": _user(), **COLUMNS[table], "as_of": _as_of("Month of the last known state, its last day.")},
    )


USERS = _live("users", "Subscribers")
SUBSCRIPTIONS = _live("subscriptions", "Subscriptions")
USAGE_AGG_30D = _live("usage_agg_30d", "Usage")
PAYMENTS_AGG_90D = _live("payments_agg_90d", "Payments")
SUPPORT_AGG_90D = _live("support_agg_90d", "Support")
LABELS = _live("labels", "Churn labels")

FEATURES: Mapping[str, Column] = {
    name: column for table, columns in COLUMNS.items() if table != "labels" for name, column in columns.items()
}


def _optional(column: Column) -> Column:
    """The same column where a user's row may have been set aside: null is allowed."""
    meaning = column.description.split("; null")[0].rstrip(".")
    return col(column.dtype, f"{meaning}; null when unknown.", *column.rules, nullable=True)


USER_MONTHS = Contract(
    SOURCE,
    Stage.STAR,
    "user_months",
    "Everything a month's newest drop said of a user, in one row: the six snapshots side by side, for the users "
    "whose own row was kept. What was set aside of a user is null.",
    grain=("as_of", "user_id"),
    kept=ByDay("as_of"),
    references={"user_id": USERS},
    cadence=CADENCE,
    is_corrected=True,
    columns={
        "as_of": _as_of(),
        "user_id": _user(),
        **{name: _optional(column) for name, column in FEATURES.items()},
        **_LABELS,
    },
)

TRAINING_SET = Contract(
    SOURCE,
    Stage.STAR,
    "training_set",
    "One row per user and month: what was known at as_of, and whether the user churned in the month after. "
    "Features come from that month and the month before alone, so no later month can change them; the month's own "
    "label is not among them. The label is null while the month after has not been dropped, or does not have the user.",
    grain=("as_of", "user_id"),
    drift_limit=None,
    cadence=CADENCE,
    comes_from={
        "months_since_signup": "user_months.signup_date user_months.as_of",
        "watch_hours_30d_change": "user_months.watch_hours_30d",
        "monthly_fee_change": "user_months.monthly_fee",
        "label_as_of": "user_months.as_of",
        "churned_next_month": "user_months.churn_label",
    },
    columns={
        "as_of": _as_of("Last day of the month whose state the features are."),
        "user_id": _user(),
        **{name: USER_MONTHS.columns[name] for name in FEATURES},
        "months_since_signup": col(
            pl.Int64, "Full months from signup_date to as_of; negative when it lies after.", in_range(-3600, 3600)
        ),
        "watch_hours_30d_change": col(
            pl.Float64,
            "Hours watched more than in the month before; null when either is unknown.",
            in_range(-MOST_HOURS, MOST_HOURS),
            nullable=True,
        ),
        "monthly_fee_change": col(
            pl.Float64,
            "Fee more than in the month before; null when either is unknown.",
            in_range(-MOST_PAID, MOST_PAID),
            nullable=True,
        ),
        "label_as_of": col(
            pl.Date, "Last day of the month after, once its label is known; else null.", within_days(), nullable=True
        ),
        "churned_next_month": col(pl.Boolean, "Label of the month after; null while unknown.", nullable=True),
    },
)

#: Tables whose months are profiled: the snapshots. user_months is them side by side; drop_files keeps earlier drops
#: too.
PROFILED = tuple(SNAPSHOTS.values())

FACT_COLUMN_QUALITY = column_quality_contract(SOURCE, PROFILED, CADENCE)
FACT_TABLE_QUALITY = table_quality_contract(SOURCE, CADENCE)
FACT_CHECK_QUALITY = check_quality_contract(SOURCE, PROFILED, CADENCE)

# -- views -------------------------------------------------------------------------------------------------------------

#: Every table that is no view, in the order in which data flows.
TABLES = (
    DROP_FILES,
    EXTRACTION_LEDGER,
    USERS_SNAPSHOTS,
    SUBSCRIPTIONS_SNAPSHOTS,
    USAGE_AGG_30D_SNAPSHOTS,
    PAYMENTS_AGG_90D_SNAPSHOTS,
    SUPPORT_AGG_90D_SNAPSHOTS,
    LABELS_SNAPSHOTS,
    QUARANTINE,
    USERS,
    SUBSCRIPTIONS,
    USAGE_AGG_30D,
    PAYMENTS_AGG_90D,
    SUPPORT_AGG_90D,
    LABELS,
    USER_MONTHS,
    TRAINING_SET,
    FACT_COLUMN_QUALITY,
    FACT_TABLE_QUALITY,
    FACT_CHECK_QUALITY,
)

#: The questions: each .sql file is its own contract, in its head.
VIEWS = read_views(Path(__file__).parent / "views", SOURCE, TABLES, CADENCE)

#: Every table of the source, in the order in which data flows.
CONTRACTS: tuple[Contract, ...] = (*TABLES, *(view.contract for view in VIEWS))
