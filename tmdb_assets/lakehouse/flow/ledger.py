"""The ledger: per day and endpoint, what a source promised, what arrived, and what it cost.

What belongs here: the ledger's contract, its rows, and what is decided from them: whether a day is finished or must be
resumed, since when changes must be asked for, and whether a lake holds sandbox or real data. What does not: fetching
(a source's raw.py over http/), and how a source's days may be fetched (calendar.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import (
    Contract,
    FewADay,
    Stage,
    col,
    counting,
    in_range,
    is_value,
    isin,
    within_days,
    within_instants,
)
from tmdb_assets.lakehouse.contracts.rules import MOST
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.store import DeltaStore, LakeError

LEDGER = "extraction_ledger"
SANDBOX, REAL = "sandbox", "real"

_KEY = ["date_id", "endpoint"]

#: Asked for, and there was nothing, not even a promise: what an archive does not have yet stays open.
_AWAITED = (
    ~pl.col("is_finished")
    & (pl.col("received_ids") == 0).fill_null(value=False)
    & pl.all_horizontal(pl.col("promised_pages", "promised_ids", "received_pages").is_null())
)


def ledger_contract(source: str, cadence: Cadence = Cadence.DAY) -> Contract:
    """The extraction ledger of a source: one row per day and endpoint."""
    some = counting()
    return Contract(
        source,
        Stage.RAW,
        LEDGER,
        "What was asked and what came: per day and endpoint, the pages and ids the source promised and those that "
        "arrived, with the calls it took. A day is complete when every endpoint is finished and kept its promise.",
        grain=("date_id", "endpoint"),
        kept=FewADay("date_id"),
        drift_limit=None,
        cadence=cadence,
        columns={
            "date_id": col(pl.Date, "Day of the observation (UTC).", within_days()),
            "endpoint": col(pl.String, "What was asked, as the source spells it."),
            "origin": col(pl.String, "Who answered: the built-in sandbox or the real source.", isin([SANDBOX, REAL])),
            "promised_pages": col(pl.Int64, "Pages the source said there are (and serves).", some, nullable=True),
            "received_pages": col(pl.Int64, "Distinct pages that arrived.", some, nullable=True),
            "promised_ids": col(
                pl.Int64, "Distinct ids the source said there are, or that were asked for.", some, nullable=True
            ),
            "received_ids": col(pl.Int64, "Distinct ids that arrived.", some, nullable=True),
            "unlisted_ids": col(
                pl.Int64,
                "Those of the promised ids that were asked for because a list of the day did not show them; null "
                "where no list is walked before.",
                some,
                nullable=True,
            ),
            "table_name": col(pl.String, "Path of the raw table that its rows were bound for.", nullable=True),
            "received_rows": col(
                pl.Int64,
                "Rows that came for that table, whichever of its endpoints brought them: kept, set aside or "
                "duplicates.",
                some,
                nullable=True,
            ),
            "duplicate_rows": col(
                pl.Int64, "Those of them that were left out because their grain had come before.", some, nullable=True
            ),
            "takes": col(
                pl.Int64,
                "How often it was asked for from the start: again, when the source changed meanwhile, so that no "
                "two of its states are mixed.",
                counting(1),
                nullable=True,
            ),
            "note": col(
                pl.String,
                "What could not be had or was not believed though the day goes on without it, or why a day that "
                "arrived is not published; null when there is nothing to say.",
                nullable=True,
            ),
            "is_complete": col(pl.Boolean, "Whether what was promised arrived, and may be published."),
            "is_finished": col(
                pl.Boolean, "False while under way or cut, or when the next run asks for it again: the note says what."
            ),
            "calls": col(pl.Int64, "HTTP calls, retries included.", some),
            "retries": col(pl.Int64, "Calls that repeated a failed one.", some),
            "throttled": col(pl.Int64, "Calls answered with 429.", some),
            "cache_hits": col(pl.Int64, "Answers that came from the HTTP cache.", some),
            "bytes": col(pl.Int64, "Bytes of the answers' bodies.", some),
            "seconds": col(
                pl.Float64, "Seconds spent waiting for answers, summed over concurrent calls.", in_range(0, MOST)
            ),
            "started_at": col(
                pl.Datetime("us", "UTC"), "When this observation of the endpoint began.", within_instants()
            ),
            "finished_at": col(
                pl.Datetime("us", "UTC"),
                "When it was finished; null while it is not.",
                within_instants(),
                nullable=True,
            ),
        },
    )


@dataclass(frozen=True)
class Entry:
    """One row of the ledger, without its day."""

    endpoint: str
    origin: str
    started_at: dt.datetime
    promised_pages: int | None = None
    received_pages: int | None = None
    promised_ids: int | None = None
    received_ids: int | None = None
    is_complete: bool = False
    is_finished: bool = False
    calls: int = 0
    retries: int = 0
    throttled: int = 0
    cache_hits: int = 0
    bytes: int = 0
    seconds: float = 0.0
    finished_at: dt.datetime | None = None
    table_name: str | None = None
    received_rows: int | None = None
    duplicate_rows: int | None = None
    takes: int | None = None
    note: str | None = None
    unlisted_ids: int | None = None


class Ledger:
    """The ledger of one source in one lake."""

    def __init__(self, store: DeltaStore, source: str) -> None:
        self.store = store
        self.contract = ledger_contract(source)

    def entry(self, day: dt.date, endpoint: str) -> Entry | None:
        """The row of a day and endpoint, if there is one."""
        rows = self.store.scan(self.contract, [day]).filter(pl.col("endpoint") == endpoint).drop("date_id").collect()
        return Entry(**rows.row(0, named=True)) if rows.height else None

    def write(self, day: dt.date, entries: Sequence[Entry], metadata: Mapping[str, str]) -> None:
        """Put the rows of a day and some endpoints in place of those that may be there, in one commit."""
        if entries:
            frame = pl.DataFrame([{"date_id": day, **asdict(e)} for e in entries], schema=self.contract.schema)
            self.store.replace(self.contract, frame, [day], metadata, {"endpoint": [e.endpoint for e in entries]})

    def finished_days(self, endpoint: str) -> list[dt.date]:
        """Days on which the endpoint was observed to the end, oldest first."""
        done = self.store.scan(self.contract).filter((pl.col("endpoint") == endpoint) & pl.col("is_finished"))
        return done.select(pl.col("date_id").sort()).collect().get_column("date_id").to_list()

    def origins(self) -> list[str]:
        """Who answered for what this lake holds: one of sandbox and real, or nobody yet."""
        return self.store.scan(self.contract).select(pl.col("origin").unique()).collect().get_column("origin").to_list()

    def refuse_mixing(self, origin: str) -> None:
        """Raises LakeError when the lake already holds what another kind of source said."""
        other = [o for o in self.origins() if o != origin]
        if other:
            raise LakeError(
                f"The lake {self.store.root} holds {other[0]} data of {self.contract.source}, and this run would add "
                f"{origin} data: set TMDB_ASSETS_LAKE to another folder, or remove this one."
            )

    def days_short(self, days: Collection[dt.date]) -> pl.DataFrame:
        """Rows of the given days that were cut, did not keep their promise, or may not be published."""
        cut = ~pl.col("is_finished") & ~_AWAITED & pl.col("note").is_null()
        return self.store.scan(self.contract, days).filter(cut | ~pl.col("is_complete")).sort(_KEY).collect()

    def days_noted(self, days: Collection[dt.date]) -> pl.DataFrame:
        """Rows of the given days that go on without something: what an archive did not have yet, what the note says."""
        goes_on = pl.col("is_complete") & pl.col("note").is_not_null()
        return self.store.scan(self.contract, days).filter(_AWAITED | goes_on).sort(_KEY).collect()

    def days_proven(self, days: Collection[dt.date]) -> list[dt.date]:
        """Those of the given days of which something was observed and nothing fell short, oldest first."""
        there = self.store.scan(self.contract, days).select(pl.col("date_id").unique()).collect().get_column("date_id")
        return sorted({*there} - {*self.days_short(days).get_column("date_id")})

    def days_expired(self, raw: Contract, days: Collection[dt.date]) -> set[dt.date]:
        """Days of which a raw table kept rows once and keeps none any more: they are past their retention."""
        gone = set(days) - set(self.store.partition_rows(raw))
        if not gone:
            return set()
        came = self.store.scan(self.contract, gone).filter(pl.col("table_name") == raw.path).collect()
        rejected = self.store.scan(quarantine_contract(raw.source), gone).filter(
            pl.col("origin") == raw.path, ~is_value()
        )
        aside = rejected.group_by("date_id").agg(rejected=pl.len().cast(pl.Int64))
        was_kept = pl.col("received_rows") - pl.col("duplicate_rows").fill_null(0) - pl.col("rejected").fill_null(0)
        return set(came.join(aside.collect(), on="date_id", how="left").filter(was_kept > 0).get_column("date_id"))
