"""Raw to clean: one row per user and month, typed; frame -> frame.

What belongs here: one function per snapshot table, named as the table, what it reads stated above it; TABLES puts them
together. What does not: reading folders (raw.py), the types of cells (cells.py), the last known state (star.py), the
rules a row must keep (contracts.py).

Every function returns one row per line of the month's newest drop, those with an unreadable cell included (`_set_aside`
says why), so that the audit can account for all of them: received = kept + quarantined.
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.contracts import TRACE, Contract
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.transforms import ROWS, Transform, reads
from tmdb_assets.sources.streamflow import cells, contracts


@reads(contracts.DROP_FILES)
def users_snapshots(drop_files: pl.LazyFrame) -> pl.DataFrame:
    """Who the subscribers are: the lines of users.csv."""
    return _snapshots(drop_files, "users")


@reads(contracts.DROP_FILES)
def subscriptions_snapshots(drop_files: pl.LazyFrame) -> pl.DataFrame:
    """What they subscribe to and pay: the lines of subscriptions.csv."""
    return _snapshots(drop_files, "subscriptions")


@reads(contracts.DROP_FILES)
def usage_agg_30d_snapshots(drop_files: pl.LazyFrame) -> pl.DataFrame:
    """What they watched: the lines of usage_agg_30d.csv."""
    return _snapshots(drop_files, "usage_agg_30d")


@reads(contracts.DROP_FILES)
def payments_agg_90d_snapshots(drop_files: pl.LazyFrame) -> pl.DataFrame:
    """How they paid: the lines of payments_agg_90d.csv."""
    return _snapshots(drop_files, "payments_agg_90d")


@reads(contracts.DROP_FILES)
def support_agg_90d_snapshots(drop_files: pl.LazyFrame) -> pl.DataFrame:
    """What support they asked for: the lines of support_agg_90d.csv."""
    return _snapshots(drop_files, "support_agg_90d")


@reads(contracts.DROP_FILES)
def labels_snapshots(drop_files: pl.LazyFrame) -> pl.DataFrame:
    """Who counts as churned: the lines of labels.csv."""
    return _snapshots(drop_files, "labels")


def constant_columns(contract: Contract) -> Transform[Outcome]:
    """The check that no column of a table says the same of every user of a month."""

    @reads(ROWS)
    def judge(rows: pl.LazyFrame) -> Outcome:
        """No column says the same of every user of a month: such a column tells nothing, or was filled in."""
        given = [c for c in contract.schema if c not in contract.grain]
        is_same = [((pl.col(c).n_unique() == 1) & pl.col(c).is_not_null().any()).alias(c) for c in given]
        counted = rows.group_by("as_of").agg(pl.len().alias("_rows"), *is_same)
        months = counted.filter(pl.col("_rows") > 1).sort("as_of").collect()
        same = [(row["as_of"], c) for row in months.iter_rows(named=True) for c in given if row[c]]
        told = "; ".join(f"{c} is the same for all users of {contracts.CADENCE.key(day)}" for day, c in same)
        return Outcome(
            "constant_columns", not same, told or "every column differs between users", {"columns": len(same)}
        )

    return judge


def _received(table: str) -> Transform[pl.LazyFrame]:
    """Counts the lines of a table's file as raw has them, by the month."""

    @reads(contracts.DROP_FILES)
    def count(drop_files: pl.LazyFrame) -> pl.LazyFrame:
        lines = _newest_drop(drop_files.drop("payload")).filter(pl.col("file") == f"{table}.csv")
        return lines.group_by("as_of").agg(received=pl.col("row_count").sum())

    return count


#: Lines each table receives by the month, counted apart from the transform: the accounting is held against it.
RECEIVED = {contract: _received(table) for table, contract in contracts.SNAPSHOTS.items()}
#: The checks each table has of its own.
WARNINGS = {contract: {"constant_columns": constant_columns(contract)} for contract in contracts.SNAPSHOTS.values()}

TABLES = tuple(
    DerivedTable(contract, build, received=RECEIVED[contract], warnings=WARNINGS[contract])
    for contract, build in (
        (contracts.USERS_SNAPSHOTS, users_snapshots),
        (contracts.SUBSCRIPTIONS_SNAPSHOTS, subscriptions_snapshots),
        (contracts.USAGE_AGG_30D_SNAPSHOTS, usage_agg_30d_snapshots),
        (contracts.PAYMENTS_AGG_90D_SNAPSHOTS, payments_agg_90d_snapshots),
        (contracts.SUPPORT_AGG_90D_SNAPSHOTS, support_agg_90d_snapshots),
        (contracts.LABELS_SNAPSHOTS, labels_snapshots),
    )
)


def _newest_drop(drop_files: pl.LazyFrame) -> pl.LazyFrame:
    return drop_files.filter(pl.col("drop_number") == pl.col("drop_number").max().over("as_of"))


def _snapshots(drop_files: pl.LazyFrame, table: str) -> pl.DataFrame:
    """The lines of a table's file in the newest drop of each month, with where each is kept."""
    contract = contracts.SNAPSHOTS[table]
    files = _newest_drop(drop_files).filter(pl.col("file") == f"{table}.csv").sort("as_of").collect()
    months = [
        cells.typed(row["payload"], contract, as_of=row["as_of"]).with_columns(
            _pointer=pl.format(
                "streamflow/raw/drop_files as_of={} drop_number={} file={} line={}",
                pl.lit(row["as_of"]), pl.lit(row["drop_number"]), pl.lit(row["file"]), "_line",
            )
        )
        for row in files.iter_rows(named=True)
    ]  # fmt: skip
    nothing = contract.empty().with_columns(pl.lit(None, dtype=t).alias(c) for c, t in TRACE.items())
    return pl.concat([nothing, *[m.drop("_line") for m in months]], how="diagonal")
