"""The quarantine: what is set aside of a source's tables, row by row and value by value.

What belongs here: the contract of that table and how a run replaces what it holds of a table and its days. What does
not: what is set aside and why (contracts/audit.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Contract, FewADay, Stage, col, counting, within_days
from tmdb_assets.lakehouse.store import DeltaStore

QUARANTINE = "quarantine"


def quarantine_contract(source: str, cadence: Cadence = Cadence.DAY) -> Contract:
    """The quarantine table of a source: one row per row that broke its contract, and one per value set aside alone,
    whatever table they were bound for."""
    return Contract(
        source,
        Stage.CLEAN,
        QUARANTINE,
        "Rows and single values set aside because they broke their table's contract, with the reason and the raw "
        "payload; re-materializing the day after a rule is corrected moves them out. A value (`column_name`) is "
        "null in its row, which is kept; of a row that is not kept no value is told apart.",
        grain=("date_id", "origin", "row_number"),
        kept=FewADay("date_id"),
        drift_limit=None,
        cadence=cadence,
        expiring=("payload",),
        columns={
            "date_id": col(pl.Date, "Day of the observation (UTC).", within_days()),
            "origin": col(pl.String, "Path of the table the row was bound for."),
            "row_number": col(
                pl.Int64,
                "Position of the row among those received for that table and day; a value has a number after all "
                "of them.",
                counting(),
            ),
            "rule": col(pl.String, "Broken rules, separated by '; '."),
            "reason": col(pl.String, "Each broken rule with its column and value, separated by '; '."),
            "payload": col(
                pl.String,
                "The row as it came: raw JSON text where there is one; null once raw of its day has expired "
                "(RAW_RETENTION_DAYS).",
                nullable=True,
            ),
            "raw_pointer": col(pl.String, "Where the raw observation is kept: table, day and key.", nullable=True),
            "column_name": col(
                pl.String, "Column, or path in the payload, of a value set aside alone; null for a row.", nullable=True
            ),
            "value": col(pl.String, "That value as text, cut when it is long; null for a row.", nullable=True),
        },
    )


def quarantine(
    store: DeltaStore, contract: Contract, rejected: pl.DataFrame, days: Sequence[dt.date], metadata: Mapping[str, str]
) -> None:
    """Put what is set aside of a table and its days, rows and values, in place of those that were there: a corrected
    rule lets them go."""
    target = quarantine_contract(contract.source)
    there = store.scan(target, days).filter(pl.col("origin") == contract.path).select(pl.len()).collect().item()
    if rejected.height or there:
        store.replace(target, rejected, days, metadata, {"origin": contract.path})
