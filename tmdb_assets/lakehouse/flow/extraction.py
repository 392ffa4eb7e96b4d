"""Keeping what a source says: chunks of raw rows committed as they come, each with its entry in the ledger.

What belongs here: the order of things while a raw table is filled for one day (refuse what cannot be asked, prove,
keep, account, finish), the same for every source. What does not: which questions to ask (a source's raw.py), how
they are asked (http/), when (orchestration).
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock, Reach
from tmdb_assets.lakehouse.contracts import Audit, Contract, Tally, is_value
from tmdb_assets.lakehouse.errors import BlockedError, LakehouseError
from tmdb_assets.lakehouse.flow.checks import contract_kept
from tmdb_assets.lakehouse.flow.ledger import REAL, Entry, Ledger
from tmdb_assets.lakehouse.flow.quarantine import quarantine, quarantine_contract
from tmdb_assets.lakehouse.flow.run import Event, Run
from tmdb_assets.lakehouse.http import EndpointStats
from tmdb_assets.lakehouse.store import Commit, DeltaStore, retention

COUNTED = ("calls", "retries", "throttled", "cache_hits", "bytes", "seconds")


class NothingToObserve(LakehouseError):
    """Nothing is kept for a past day and the source has no archive of it."""


@dataclass(frozen=True)
class Receipt:
    """What one endpoint promised and what arrived, so far.

    `is_complete` false stops the day, and `sentence` says why. `note` is what could not be had, or was not believed,
    though the day goes on without it; with `is_finished` false the next run of the day asks for it again.
    """

    endpoint: str
    promised_pages: int | None = None
    received_pages: int | None = None
    promised_ids: int | None = None
    received_ids: int | None = None
    is_complete: bool = True
    sentence: str = ""
    takes: int = 1
    is_finished: bool = True
    note: str = ""
    unlisted_ids: int | None = None


@dataclass(frozen=True)
class Chunk:
    """Raw rows to be kept in one commit, with the proof that goes with them.

    `replaces` names the part of the day they replace, by the values of columns (`{}`: all of it); None means they are
    new and are appended.
    `contents` are texts the rows name by their hash: tables in which each is kept once, whatever days have it. They are
    kept before the rows, so that no row ever names what is not there. `measure` says how much rows are: less never
    takes the place of more.
    """

    frame: pl.DataFrame
    receipts: Sequence[Receipt]
    replaces: Mapping[str, str | Sequence[str] | Sequence[int]] | None = field(default_factory=dict)
    contents: Mapping[Contract, pl.DataFrame] = field(default_factory=dict)
    measure: pl.Expr = field(default_factory=pl.len)


@dataclass(frozen=True)
class Asked:
    """What a raw function is told: the day, how far it can be reached, and when this observation of it began.

    `log` tells something of the table's day. `since` is earlier than now when a run that was cut is being resumed: what
    was kept since then is not asked again.
    """

    day: dt.date
    reach: Reach
    since: dt.datetime
    store: DeltaStore
    ledger: Ledger
    log: Callable[[str], None]


@dataclass(frozen=True)
class RawTable:
    """A raw table and the function that asks for its rows.

    `endpoints` are its rows in the ledger. `archived`: the source keeps an archive of it, so that a past day may still
    be asked for. `is_corrected`: the source may tell a day that is over anew, so that every run asks. `verify` looks at
    each day before the ledger calls it complete, kept or fetched, and raises BlockedError to stop what comes after.
    """

    contract: Contract
    fetch: Callable[[Asked], Iterator[Chunk]]
    endpoints: Sequence[str]
    archived: bool = False
    is_corrected: bool = False
    verify: Callable[[Asked], None] | None = None


@dataclass
class Observed:
    """What observing one raw table on one day did."""

    day: dt.date
    fetched: bool
    rows_kept: int = 0
    quarantined: int = 0
    entries: list[Entry] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)


@dataclass
class _Standing:
    """What stands of a table's day while its chunks come in: rows kept, rows set aside, duplicates left out.

    `rejected_before` and `duplicates_before` are what an observation before this one left: they go with its rows, and
    stay with those of them that stay.
    """

    kept: int
    duplicates: int
    rejected: list[pl.DataFrame]
    rejected_before: pl.DataFrame
    duplicates_before: int

    @property
    def received(self) -> int:
        """Rows that came: each is one of the three. Values set aside alone are of rows that were kept."""
        return self.kept + sum(rows.filter(~is_value()).height for rows in self.rejected) + self.duplicates

    def reject(self, rows: pl.DataFrame, at_least: int = 0) -> None:
        """Set rows and values aside, numbered after those that were."""
        first = max([at_least, *(n + 1 for r in self.rejected for n in r.get_column("row_number"))])
        self.rejected.append(rows.with_columns(pl.col("row_number") + first))

    def stays(self) -> None:
        """Something of the observation before stays: so does all it set aside."""
        self.duplicates = max(self.duplicates, self.duplicates_before)
        if not self.rejected:
            self.rejected.append(self.rejected_before)
        same = ["column_name", "rule", "reason", "payload"]
        gone = self.rejected_before.join(pl.concat(self.rejected), on=same, how="anti", nulls_equal=True)
        if gone.height:
            self.reject(gone)


class SourceClient(Protocol):
    """What a source brings: its raw tables, and who it has been talking to."""

    has_history: bool

    def tables(self) -> Mapping[str, RawTable]:
        """Raw tables by name, in the order in which they are asked."""

    def origin(self) -> str | None:
        """Who has been answering, None before any answer."""

    def traffic(self) -> Mapping[str, EndpointStats]:
        """Calls per endpoint so far."""


@dataclass
class Extractor:
    """Fills raw tables day by day, within the rules of time.

    A source that keeps its history (the sandbox does) may be asked for any day, as it stood then.
    """

    run: Run
    ledger: Ledger
    clock: Clock
    client: SourceClient

    @property
    def store(self) -> DeltaStore:
        """Where the rows are kept."""
        return self.run.store

    @property
    def metadata(self) -> Mapping[str, str]:
        """What each commit says of itself."""
        return self.run.metadata

    def observe(self, table: RawTable, day: dt.date) -> Observed:
        """Observe one raw table on one day, or leave what is kept of a day that is gone.

        Raises CalendarError (a future day, or midnight passed meanwhile), BlockedError (the source did not keep its
        promise), LakeError and HttpError; whatever is raised, what was kept before stays as it was.
        """
        started = time.monotonic()
        reach = self.clock.reach(day, has_history=self.client.has_history, cadence=table.contract.cadence)
        entries = [self.ledger.entry(day, e) for e in table.endpoints]
        finished = all(e is not None and e.is_finished and e.is_complete for e in entries)
        begun = [e.started_at for e in entries if e is not None and not e.is_finished]
        log = partial(self.run.note, table.contract, days=[day])
        asked = Asked(day, reach, min(begun, default=self.clock.now()), self.store, self.ledger, log)
        observed = Observed(day, fetched=self._may_ask(table, reach, day, finished))
        if observed.fetched:
            self._keep(table, asked, observed, {e.endpoint: e for e in entries if e is not None})
        else:
            asked.log("the day is gone, what is kept stays as it is")
            observed.entries = [e for e in entries if e is not None]
            self._verify(table, asked, observed)
        observed.rows_kept = self.store.partition_rows(table.contract).get(day, 0)
        calls = sum(e.calls for e in observed.entries)
        self.run.tell(
            Event(
                table.contract,
                f"{observed.rows_kept:,} rows kept, {calls:,} calls",
                [day],
                sum(commit.rows_added for commit in observed.commits),
                sum(commit.bytes_added for commit in observed.commits),
                calls,
                time.monotonic() - started,
            )
        )
        return observed

    def _verify(self, table: RawTable, asked: Asked, observed: Observed) -> None:
        """Hold the day to `verify` and write its entries: of a finished endpoint, only this makes it incomplete."""
        blocked: BlockedError | None = None
        try:
            if table.verify:
                table.verify(asked)
        except BlockedError as error:
            blocked = error
        why = str(blocked) if blocked else None
        judged = [
            replace(e, is_complete=not why, note=why or (e.note if e.is_complete else None)) if e.is_finished else e
            for e in observed.entries
        ]
        if observed.fetched or judged != observed.entries:
            self.ledger.write(asked.day, judged, self.metadata)
        observed.entries = judged
        if blocked:
            raise blocked

    def _may_ask(self, table: RawTable, reach: Reach, day: dt.date, finished: bool) -> bool:
        if reach is Reach.LIVE or (reach is Reach.HISTORY and day == self.clock.today()):
            return True
        return table.is_corrected or (not finished and (reach is Reach.HISTORY or table.archived))

    def _keep(self, table: RawTable, asked: Asked, observed: Observed, earlier: Mapping[str, Entry]) -> None:
        """Ask, and keep what comes.

        Of an endpoint that was finished for the day, the ledger says what it said until the new observation is whole:
        were this one cut, what the earlier one kept is still all that was promised. What may be corrected on any day is
        told at once: it can be asked for again.
        """
        self.store.refuse_unwritable_root()
        before = {e: replace(self.client.traffic().get(e, EndpointStats())) for e in table.endpoints}
        done = {endpoint: entry for endpoint, entry in earlier.items() if entry.is_finished and entry.is_complete}
        resumed = {endpoint: entry for endpoint, entry in earlier.items() if endpoint not in done}
        kept = self.store.partition_rows(table.contract).get(asked.day, 0)
        left_out = max((e.duplicate_rows or 0 for e in earlier.values()), default=0)
        aside = self._quarantined(table.contract, asked.day)
        standing = _Standing(kept, left_out if resumed else 0, [aside] if resumed else [], aside, left_out)

        def account(receipt: Receipt, *, finished: bool) -> Entry:
            return replace(
                self._entry(receipt, asked, before, resumed, finished=finished),
                table_name=table.contract.path,
                received_rows=standing.received,
                duplicate_rows=standing.duplicates,
            )

        last: dict[str, Receipt] = {}
        came = False
        for chunk in table.fetch(asked):
            if not last:
                self.ledger.refuse_mixing(self._origin())
            self._refuse_if_midnight_passed(asked)
            last |= {r.endpoint: r for r in chunk.receipts}
            untold = [] if table.is_corrected else done
            told = [account(r, finished=False) for r in chunk.receipts if r.endpoint not in untold]
            self.ledger.write(asked.day, told, self.metadata)
            if short := next((r for r in chunk.receipts if not r.is_complete), None):
                raise BlockedError("extraction_complete", f"{table.contract.path} {asked.day}: {short.sentence}")
            if chunk.replaces is not None or chunk.frame.height:
                came = True
                self._keep_chunk(table.contract, asked.day, chunk, standing, observed)
        if not last:
            self.ledger.refuse_mixing(self._origin())
        if not came:
            standing.stays()
        retention.compact_day(self.store, table.contract, asked.day, self.metadata)
        for receipt in last.values():
            if receipt.note:
                asked.log(receipt.note)
        # What an archive does not have yet stays open, so that a later run asks for it again.
        nothing = [Receipt(e, received_ids=0) for e in table.endpoints if e not in last]
        observed.entries = [done.get(r.endpoint) or account(r, finished=not table.archived) for r in nothing]
        for r in last.values():
            stays = done.get(r.endpoint) if not (came or r.is_finished) else None
            observed.entries.append(replace(stays, note=r.note) if stays else account(r, finished=r.is_finished))
        self._verify(table, asked, observed)
        observed.quarantined = sum(tally.quarantined for tally in observed.tallies)

    def _quarantined(self, contract: Contract, day: dt.date) -> pl.DataFrame:
        rows = self.store.scan(quarantine_contract(contract.source), [day])
        return rows.filter(pl.col("origin") == contract.path).collect()

    def _origin(self) -> str:
        """Who answers; before any answer, who did so far in this lake."""
        return self.client.origin() or next(iter(self.ledger.origins()), REAL)

    def _keep_chunk(
        self, contract: Contract, day: dt.date, chunk: Chunk, standing: _Standing, observed: Observed
    ) -> None:
        """Keep one chunk. Its rejected rows join those of the chunks before it, in this run or the cut one it
        resumes."""
        audit = Audit.of(contract, chunk.frame)
        contracted = contract_kept(contract, [audit.tally])
        if not contracted.passed and not contracted.warns:
            raise BlockedError("contract", f"{contract.path} {day}: {contracted.sentence}", **contracted.figures)
        if chunk.replaces is None:
            self._set_aside(contract, day, audit, standing, observed)
            if audit.kept.height:
                observed.commits.append(self.store.append(contract, audit.kept, self.metadata))
                standing.kept += audit.kept.height
                standing.duplicates += audit.duplicates
            return
        same_part = [pl.col(c).is_in([v] if isinstance(v, str) else list(v)) for c, v in chunk.replaces.items()]
        there = self.store.scan(contract, [day]).filter(pl.lit(True), *same_part)
        kept, worth = there.select(pl.len().alias("_rows"), chunk.measure.alias("_worth")).collect().row(0)
        came = audit.kept.select(chunk.measure).item()
        if worth > came:
            self.run.note(contract, f"{worth} rows are kept, only {came} came now: the kept ones stay", [day])
            standing.stays()
            quarantine(self.store, contract, pl.concat(standing.rejected), [day], self.metadata)
            return
        if not chunk.replaces:
            standing.rejected.clear()
        self._set_aside(contract, day, audit, standing, observed)
        for target, texts in chunk.contents.items():
            observed.commits.append(self.store.append_new(target, texts, self.metadata))
        observed.commits.append(self.store.replace(contract, audit.kept, [day], self.metadata, chunk.replaces))
        standing.kept += audit.kept.height - kept
        standing.duplicates = audit.duplicates + (standing.duplicates if chunk.replaces else 0)

    def _set_aside(
        self, contract: Contract, day: dt.date, audit: Audit, standing: _Standing, observed: Observed
    ) -> None:
        is_first = not observed.tallies and not standing.rejected
        if audit.entries.height or is_first:
            standing.reject(audit.entries, sum(tally.received for tally in observed.tallies))
            quarantine(self.store, contract, pl.concat(standing.rejected), [day], self.metadata)
        observed.tallies.append(audit.tally)

    def _refuse_if_midnight_passed(self, asked: Asked) -> None:
        if asked.reach is Reach.LIVE and self.clock.today() != asked.day:
            raise BlockedError(
                "extraction_complete",
                f"Midnight (UTC) passed while {asked.day} was being observed: the rest would be filed under the wrong "
                "day. What was kept stays; run the new day.",
            )

    def _entry(
        self,
        receipt: Receipt,
        asked: Asked,
        before: Mapping[str, EndpointStats],
        resumed: Mapping[str, Entry],
        *,
        finished: bool,
    ) -> Entry:
        now, was = self.client.traffic().get(receipt.endpoint, EndpointStats()), before[receipt.endpoint]
        earlier = resumed.get(receipt.endpoint)
        spent = {c: getattr(now, c) - getattr(was, c) + (getattr(earlier, c) if earlier else 0) for c in COUNTED}
        return Entry(
            receipt.endpoint,
            self._origin(),
            asked.since,
            receipt.promised_pages,
            receipt.received_pages,
            receipt.promised_ids,
            receipt.received_ids,
            receipt.is_complete,
            finished,
            **spent,
            finished_at=self.clock.now() if finished else None,
            takes=receipt.takes,
            note=receipt.note or None,
            unlisted_ids=receipt.unlisted_ids,
        )
