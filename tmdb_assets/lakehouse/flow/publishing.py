"""Publishing a derived table: build, audit, check, and only then commit.

What belongs here: the order of things while a clean or star table is rebuilt for some days, the same for every table
of every source. What does not: the transforms (a source's clean.py and star.py), what is checked on the way
(checks.py), how Dagster shows the outcome (orchestration).

A blocking check that does not hold raises before the commit, so what was published before stays untouched.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from tmdb_assets.lakehouse.contracts import Audit, Contract, Stage, Tally
from tmdb_assets.lakehouse.engines import Written
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.checks import (
    Outcome,
    accounting,
    contract_kept,
    drift,
    grain,
    merged,
    references_kept,
    shrinkage,
    unknown,
)
from tmdb_assets.lakehouse.flow.derived import MARKER, DerivedTable
from tmdb_assets.lakehouse.flow.handed import audit_files, grain_of_files
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.flow.quarantine import quarantine
from tmdb_assets.lakehouse.flow.retracting import find_retracted, rebuild
from tmdb_assets.lakehouse.flow.run import Run, name_of
from tmdb_assets.lakehouse.flow.transforms import Reader
from tmdb_assets.lakehouse.store import Commit, DeltaStore, LakeError, OvertakenError
from tmdb_assets.lakehouse.store.changes import with_basis
from tmdb_assets.lakehouse.store.handed import Handed

#: Builds of a table while other runs write what it is made of.
BUILDS_AT_MOST = 5
#: Seconds that a table waits for a dimension which another run is about to bring up to date.
PATIENCE = 120.0
REFERENCES = "referential_integrity"


@dataclass(frozen=True)
class _Built:
    """Rows of a table before they are committed, and what was found about them."""

    audit: Audit
    markers: pl.DataFrame
    retracted: pl.DataFrame | None
    outcomes: list[Outcome]
    handed: Handed | None = None

    @property
    def rows(self) -> int:
        """How many of them are kept."""
        return self.handed.rows if self.handed else self.audit.kept.height


@dataclass
class Published:
    """What publishing a table for some days did."""

    tallies: list[Tally] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    difference: Difference | None = None


@dataclass(frozen=True)
class Difference:
    """What filling partitions again did to the rows kept of them before."""

    added: int
    changed: int
    removed: int
    is_correction: bool = True

    def __add__(self, other: Difference) -> Difference:
        counts = (self.added + other.added, self.changed + other.changed, self.removed + other.removed)
        return Difference(*counts, self.is_correction or other.is_correction)

    @property
    def figures(self) -> dict[str, int]:
        """The counts by the names they have in metadata."""
        return {"rows_added": self.added, "rows_changed": self.changed, "rows_removed": self.removed}


def publish(table: DerivedTable, run: Run) -> Published:
    """Build a table for the days of a run and commit it, as few commits as memory allows (one, unless days are huge).

    A whole table is built of everything there is, whatever the days. Of a day whose raw rows are past their retention,
    what is kept stays as it is: built again, it would be built of nothing.

    Raises BlockedError naming the check that did not hold, ContractError, LakeError; nothing of that batch is visible.
    """
    store = run.store
    store.refuse_unwritable_root()
    done = Published()
    if isinstance(table.build, View) and store.lay_out_anew(table.contract):
        run.note(table.contract, "it was kept with other columns or folders, and is answered anew")
    basis = table.basis(store)
    if table.contract.is_whole and table.is_up_to_date(store):
        return _unchanged(table, run)
    wanted = table.parts_to_build(store, _and_those_after(table, store, run.days))
    expired = _expired(table, store, wanted)
    for day in sorted(expired):
        run.note(table.contract, "its raw rows are past their retention, what is kept stays as it is", [day])
    left = [day for day in wanted if day not in expired]
    batches = [None] if table.contract.is_whole else [*table.batches(store, left)]
    if not batches and isinstance(table.build, View):
        return _unchanged(table, run)
    for batch in batches:
        # cut before its last batch, a table was made of what it was made of before
        recorded = with_basis(run.metadata, basis) if basis and batch == batches[-1] else run.metadata
        _publish_batch(table, replace(run, metadata=recorded), batch, done)
    own = {table.contract.part_of(day) for day in run.days}
    if basis and not own.issuperset(left) and done.commits and not done.commits[-1].changed:
        # days of other runs changed no row, and must not be looked at again by every later one
        store.note(table.contract, with_basis(run.metadata, basis))
    done.outcomes = merged(done.outcomes)
    if expired and not left:
        done.outcomes = [
            Outcome(name, True, "nothing was published: raw is past its retention") for name in table.checks
        ]
    return done


def _unchanged(table: DerivedTable, run: Run) -> Published:
    """What is done when nothing that a view is made of has changed: nothing."""
    what = "nothing that it is made of has changed since it was built"
    run.note(table.contract, what)
    run.store.create(table.contract)  # whoever reads it finds it, be it empty
    return Published(outcomes=[Outcome(name, True, what) for name in table.checks])


def _expired(table: DerivedTable, store: DeltaStore, days: Sequence[dt.date]) -> set[dt.date]:
    """Days that cannot be built again, since raw rows they are made of, or compared with, are kept no more."""
    if table.contract.is_whole:
        return set()
    raw = [c for c in table.reads if c.stage is Stage.RAW and c.folders]
    ledger = Ledger(store, table.contract.source)
    expired = {day for contract in raw for day in ledger.days_expired(contract, days)}
    if raw and table.compared:
        there = set.intersection(*(set(store.partition_rows(contract)) for contract in raw))
        pairs = store.scan(table.compared).select("date_id", "compared_with").drop_nulls().unique()
        before = dict(pairs.collect().iter_rows())
        if not set(before.values()) <= there:
            expired |= {day for day in days if not _reaches_back(table, store, day, before, there)}
    return expired


def _reaches_back(
    table: DerivedTable,
    store: DeltaStore,
    day: dt.date,
    before: Mapping[dt.date, dt.date],
    there: Collection[dt.date],
) -> bool:
    """Whether all the days are there that a day was compared with: the one before it, and those before an unsettled
    one."""
    earlier = before.get(day)
    while earlier is not None and earlier in there:
        if not table.is_unsettled(store, earlier):
            return True
        earlier = before.get(earlier)
    return earlier is None


def _and_those_after(table: DerivedTable, store: DeltaStore, days: Sequence[dt.date]) -> list[dt.date]:
    """The days, and for a table that follows another the kept days next to them, oldest first: of unsettled days the
    one after is compared with the same day as they are."""
    kept = sorted(store.partition_rows(table.follows)) if table.follows else []
    wanted = {*days}
    for day in days:
        for after in (k for k in kept if k > day):
            wanted.add(after)
            if not table.is_unsettled(store, after):
                break
    return sorted(wanted)


def _publish_batch(table: DerivedTable, run: Run, days: Sequence[dt.date] | None, done: Published) -> None:
    """Build, audit and commit. While other runs write what the table is made of, it is built again."""
    contract, store, started = table.contract, run.store, time.monotonic()
    name = name_of(contract, days or ())

    def is_as_read(read: Mapping[tuple[str, ...], frozenset[str]]) -> bool:
        return table.state(store, days) == read

    for _ in range(BUILDS_AT_MOST):
        read = table.state(store, days)
        beside = [store.state(reference) for reference in contract.references.values()]
        built = _build(table, run, days)
        try:
            _refuse_blocked(name, built.outcomes)
            commit, difference = _commit(contract, run, days, built, partial(is_as_read, read))
            break
        except OvertakenError:
            run.note(contract, "another run changed its inputs meanwhile; it is built again", days or ())
        except BlockedError as error:
            if is_as_read(read) and not (error.check == REFERENCES and _catches_up(table, run, beside, days)):
                raise
            run.note(contract, "another run changed what it is held against meanwhile; it is built again", days or ())
    else:
        raise LakeError(
            f"{name}: other runs write what it is made of faster than it is built ({BUILDS_AT_MOST} times), so "
            "nothing was published of it: run it again once they have ended."
        )
    if difference:
        done.difference = difference + done.difference if done.difference else difference
    done.tallies.append(built.audit.tally)
    done.commits.append(commit)
    done.outcomes += built.outcomes
    what = (f"{built.rows:,} rows" if isinstance(table.build, View) else _account(built.audit)) + (
        "" if commit.changed else "; nothing changed"
    )
    run.note_commit(contract, what, days or (), commit, time.monotonic() - started)
    if difference and difference.is_correction and commit.changed:
        run.note(
            contract,
            f"corrected what was kept before: {difference.added:,} rows added, {difference.changed:,} changed, "
            f"{difference.removed:,} removed (version {commit.version})",
            days or (),
        )


def _account(audit: Audit) -> str:
    """What became of the rows that came, in words."""
    became = "".join(f", {what} {rows:,}" for what, rows in audit.became.items())
    if audit.values.height:
        became += f"; {audit.values.height:,} values set aside alone"
    return f"received {audit.received:,}{became}"


def _build(table: DerivedTable, run: Run, days: Sequence[dt.date] | None) -> _Built:
    contract, store = table.contract, run.store
    if isinstance(table.build, View):
        # rows of other days are answered from the rows that these days look back to, which say too little of them
        frame = table.answer(store, days, run.engine)
        if isinstance(frame, Written):
            return _handed(table, run, days, frame)
    else:
        frame = table.compute(table.inputs(store, days))
    retracted = None
    if days and contract.order:
        retracted = find_retracted(table, store, days, frame)
        if retracted.height:
            run.note(contract, f"{retracted.height} owners lost what they were observed with; rebuilt from other days")
            frame = rebuild(table, run, frame, retracted)
    rows, markers = _parted(frame)
    audit = Audit.of(contract, rows)
    return _Built(audit, markers, retracted, list(_check(table, store, days or (), frame, audit, retracted)))


def _handed(table: DerivedTable, run: Run, days: Sequence[dt.date] | None, written: Written) -> _Built:
    """An answer that the engine has left in files."""
    contract, nothing = table.contract, table.contract.empty()
    handed = run.store.handed(contract, written.folder)
    audit = audit_files(contract, handed)
    outcomes = [contract_kept(contract, [audit.tally]), grain_of_files(contract, handed)]
    outcomes += _warnings(table, run.store, days or (), handed.lazy())
    return _Built(audit, nothing, None, outcomes, handed)


def _refuse_blocked(name: str, outcomes: Sequence[Outcome]) -> None:
    blocked = next((o for o in outcomes if not o.passed and not o.warns), None)
    if blocked:
        raise BlockedError(blocked.check, f"{name}: {blocked.sentence}", **blocked.figures)


def _catches_up(
    table: DerivedTable, run: Run, before: Sequence[frozenset[str]], days: Sequence[dt.date] | None
) -> bool:
    """Whether a dimension gets the rows it lacks from another run, which has written what it is made of a moment ago.

    Without such a run nobody is waited for.
    """
    store, dimensions = run.store, list(table.contract.references.values())
    if not any(_is_being_written(store, contract, run.metadata) for contract in table.upstream):
        return False
    what = "a dimension lacks keys that another run has just brought; waiting for that run to write it"
    run.note(table.contract, what, days or ())
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if [store.state(contract) for contract in dimensions] != before:
            return True
        time.sleep(0.5)
    return False


def _is_being_written(store: DeltaStore, contract: Contract, metadata: Mapping[str, str]) -> bool:
    """Whether another run than that of the metadata made the newest commit of a table, not long ago."""
    for newest in store.history(contract, 1):
        age, who = time.time() - newest["timestamp"] / 1000, newest.get("run_id")
        return age < 10 * PATIENCE and who is not None and who != metadata.get("run_id")
    return False


def _difference(contract: Contract, store: DeltaStore, days: Sequence[dt.date], rows: pl.DataFrame) -> Difference:
    """How the rows about to be kept of some partitions differ from those that are."""
    there, grain = store.scan(contract, days).collect(), list(contract.grain)
    again = rows.join(there, on=grain, how="semi")
    changed = again.join(there, on=list(contract.schema), how="anti", nulls_equal=True)
    removed = there.join(rows, on=grain, how="anti")
    return Difference(rows.height - again.height, changed.height, removed.height, bool(there.height))


def _commit(
    contract: Contract, run: Run, days: Sequence[dt.date] | None, built: _Built, is_current: Callable[[], bool]
) -> tuple[Commit, Difference | None]:
    store, metadata, audit, difference = run.store, run.metadata, built.audit, None
    if built.handed:
        return store.take(contract, built.handed, days, metadata, is_current), None
    if days is None:
        return store.overwrite(contract, audit.kept, metadata, is_current), None
    if contract.partition:
        if contract.is_corrected:
            difference = _difference(contract, store, days, audit.kept)
        if contract.stage is not Stage.VIEWS:  # of an answer no row is set aside
            quarantine(store, contract, audit.entries, days, metadata)
        if difference and not any(difference.figures.values()) and (version := store.version(contract)) is not None:
            return Commit(version, 0, 0, 0, changed=False), difference
        told = {n: str(rows) for n, rows in difference.figures.items()} if difference else {}
        return store.replace(contract, audit.kept, days, {**metadata, **told}, is_current=is_current), difference
    # rows of other days, in place of what no longer holds, were set aside on theirs
    quarantine(store, contract, audit.entries.filter(pl.col("date_id").is_in(days)), days, metadata)
    states = pl.concat([audit.kept, built.markers.select(list(contract.schema))])
    return store.merge(contract, states, metadata, built.retracted, is_current), None


def _parted(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the table, and those (marked `_marker`) that only say that an owner was observed: without a member."""
    if MARKER not in frame.columns:
        return frame, frame.clear()
    return frame.filter(~pl.col(MARKER)).drop(MARKER), frame.filter(MARKER).drop(MARKER)


# -- checks ------------------------------------------------------------------------------------------------------------


def _check(
    table: DerivedTable,
    store: DeltaStore,
    days: Sequence[dt.date],
    frame: pl.DataFrame,
    audit: Audit,
    retracted: pl.DataFrame | None,
) -> Iterator[Outcome]:
    yield contract_kept(table.contract, [audit.tally])
    yield grain(table.contract, audit.kept, audit.duplicates)
    if table.received is not None:
        received = _received(table, table.received, store, days)
        yield accounting(received, **audit.became)
    if table.contract.references:
        yield references_kept(table.contract.references, store, audit)
    if table.contract.drift_limit is not None:
        lost = 0 if retracted is None else retracted.join(frame, on=list(table.contract.owner), how="anti").height
        yield (
            shrinkage(table.contract, store, lost)
            if table.contract.owner
            else drift(
                table.contract,
                store,
                days,
                dict.fromkeys(days, 0) | dict(audit.kept.group_by(table.contract.partition).len().iter_rows()),
            )
        )
    if table.shape is not None:
        yield unknown(table.shape, frame)
    yield from _warnings(table, store, days, audit.kept.lazy())


def _warnings(table: DerivedTable, store: DeltaStore, days: Sequence[dt.date], rows: pl.LazyFrame) -> Iterator[Outcome]:
    """The checks that a table has of its own, over the rows about to be kept."""
    for name, judge in table.warnings.items():
        judged = judge(*table.inputs(store, days or None, judge, rows))
        yield replace(judged, check=name, warns=True)


def _received(table: DerivedTable, count: Reader[pl.LazyFrame], store: DeltaStore, days: Sequence[dt.date]) -> int:
    """Rows the table must account for, on all of the days."""
    counted = count(*table.inputs(store, days, count))
    return int(counted.select(pl.col("received").sum()).collect().item())
