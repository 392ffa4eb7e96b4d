"""Publishing a derived table: build, audit, check, and only then commit.

What belongs here: the order of things while a clean or star table is rebuilt for some days, the same for every table
of every source. What does not: the transforms (a source's clean.py and star.py), what is checked on the way (checks.py),
how Dagster shows the outcome (orchestration).

A blocking check that does not hold raises before the commit, so what was published before stays untouched.
"""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.checks import (
    CHECKS,
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
from tmdb_assets.lakehouse.contracts import Audit, Contract
from tmdb_assets.lakehouse.delta import Commit, DeltaStore
from tmdb_assets.lakehouse.extraction import BlockedError, quarantine
from tmdb_assets.lakehouse.payloads import Shape
from tmdb_assets.lakehouse.sql import View

# Days are built together up to this many kept (compressed) bytes of input: a long backfill must fit a laptop's memory,
# and film payloads take about thirty times as much room decoded.
BYTES_PER_BATCH = 128_000_000


@dataclass(frozen=True, eq=False)
class DerivedTable:
    """A table built from other tables of its source by a pure function whose parameters name what it reads.

    A parameter `<name>` is that table: the days of the run where it is kept by day, else whole; `all_<name>` is all of
    it; any other name is found in `loaded`, read at run time. `received` counts the rows the table must account for,
    by partition: a frame with a column `received`; `shape` is what its payloads should look like. `warnings` are checks of its own, by name, that never stop a
    publication: a function whose parameters name tables, and `rows` for those about to be published; its docstring says
    what is checked. `follows` names a table whose days are told one against the other: a day of this one says what
    changed since the kept day before it, so that publishing a day publishes the kept day after it too.
    """

    contract: Contract
    build: Callable[..., pl.DataFrame]
    tables: Mapping[str, Contract]
    loaded: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    received: Callable[..., pl.LazyFrame] | None = None
    shape: type[Shape] | None = None
    warnings: Mapping[str, Callable[..., Outcome]] = field(default_factory=dict)
    follows: str = ""

    def reads(self, function: Callable[..., Any] | None = None) -> dict[str, Contract]:
        """Parameter -> contract of the tables a function reads (by default the one that builds the table)."""
        names = inspect.signature(function or self.build).parameters
        own = {*self.loaded, "rows"}
        return {name: self.tables[name.removeprefix("all_")] for name in names if name not in own}

    @cached_property
    def lineage(self) -> dict[str, list[tuple[Contract, str]]]:
        """Column -> the columns it comes from.

        A view's text says it; else it is as the contract states, else those of its name in the tables read.
        """
        if isinstance(self.build, View):
            return self.build.lineage(self.tables)
        read = {c.name: c for c in self.reads().values() if c is not self.contract}
        found: dict[str, list[tuple[Contract, str]]] = {}
        stated = self.contract.comes_from
        for name in self.contract.columns:
            namesakes = [(table, name) for table in read.values() if name in table.columns]
            words = stated.get(name) or ("" if namesakes else stated.get("*", ""))
            found[name] = [(read[t], c) for t, c in (word.split(".") for word in words.split())] or namesakes
        return found

    @property
    def references(self) -> dict[str, Contract]:
        """Column -> dimension that must hold its values."""
        return {column: self.tables[name] for column, name in self.contract.references.items()}

    @property
    def upstream(self) -> list[Contract]:
        """Tables that must stand before this one: those it reads, those its warnings read and those it refers to."""
        read = [c for f in (self.build, *self.warnings.values()) for c in self.reads(f).values()]
        named = {c.key: c for c in [*read, *self.references.values()] if c is not self.contract}
        return list(named.values())

    @property
    def checks(self) -> dict[str, str]:
        """The checks made on this table: name -> what is checked."""
        skipped = {
            "referential_integrity": not self.contract.references,
            "unknown_fields": self.shape is None,
            "row_count_drift": self.contract.drift_limit is None,
        }
        usual = {name: meaning for name, meaning in CHECKS.items() if not skipped.get(name)}
        return usual | {name: inspect.getdoc(judge) or name for name, judge in self.warnings.items()}


@dataclass
class Published:
    """What publishing a table for some days did."""

    audits: list[Audit] = field(default_factory=list)
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


def publish(
    table: DerivedTable,
    store: DeltaStore,
    days: Sequence[dt.date],
    metadata: Mapping[str, str],
    log: Callable[[str], None],
) -> Published:
    """Build a table for the given days and commit it, as few commits as memory allows (one, unless days are huge).

    A whole table is built of everything there is, whatever the days.

    Raises BlockedError naming the check that did not hold, ContractError, LakeError; nothing of that batch is visible.
    """
    store.refuse_unwritable_root()
    done = Published()
    for batch in [None] if table.contract.is_whole else _batches(table, store, _and_those_after(table, store, days)):
        _publish_batch(table, store, batch, metadata, log, done)
    done.outcomes = merged(done.outcomes)
    return done


def _and_those_after(table: DerivedTable, store: DeltaStore, days: Sequence[dt.date]) -> list[dt.date]:
    """The days, and for a table that follows another the kept days next to them, oldest first."""
    kept = sorted(store.partition_rows(table.tables[table.follows])) if table.follows else []
    after = (next((k for k in kept if k > day), None) for day in days)
    return sorted({*days, *(day for day in after if day)})


def _publish_batch(
    table: DerivedTable,
    store: DeltaStore,
    days: Sequence[dt.date] | None,
    metadata: Mapping[str, str],
    log: Callable[[str], None],
    done: Published,
) -> None:
    contract = table.contract
    frame = table.build(**_inputs(table, store, days))
    retracted = None
    if days and contract.order:
        retracted = _retracted(table, store, days, frame)
        if retracted.height:
            log(
                f"{contract.path}: {retracted.height} owners lost what they were observed with; rebuilt from other days"
            )
            frame = _rebuilt(table, store, frame, retracted)
    markers = _markers(contract, frame)
    audit = contract.audit(frame.filter(~markers) if markers.any() else frame)
    outcomes = list(_check(table, store, days or (), frame, audit, retracted))
    name = f"{contract.path} {_span(days)}" if days else contract.path
    blocked = next((o for o in outcomes if not o.passed and not o.warns), None)
    if blocked:
        raise BlockedError(blocked.check, f"{name}: {blocked.sentence}", **blocked.figures)
    difference = _difference(contract, store, days, audit.kept) if days and contract.is_corrected else None
    commit = _commit(contract, store, days, audit, frame.filter(markers), metadata, retracted, difference)
    if difference:
        done.difference = difference + done.difference if done.difference else difference
    done.audits.append(audit)
    done.commits.append(commit)
    done.outcomes += outcomes
    if days is None:
        log(f"{name}: {audit.kept.height:,} rows" + ("" if commit.changed else "; nothing changed"))
        return
    log(
        f"{name}: received {audit.received:,}, kept {audit.kept.height:,}, "
        f"quarantined {audit.quarantined.height:,}, duplicates {audit.duplicates:,}"
        + ("" if commit.changed else "; nothing changed")
    )
    if difference and difference.is_correction and commit.changed:
        log(
            f"{name} was kept before and is corrected: {difference.added:,} rows added, {difference.changed:,} changed, "
            f"{difference.removed:,} removed (version {commit.version})"
        )


def _difference(contract: Contract, store: DeltaStore, days: Sequence[dt.date], rows: pl.DataFrame) -> Difference:
    """How the rows about to be kept of some partitions differ from those that are."""
    there, grain = store.scan(contract, days).collect(), list(contract.grain)
    again = rows.join(there, on=grain, how="semi")
    changed = again.join(there, on=list(contract.schema), how="anti", nulls_equal=True)
    removed = there.join(rows, on=grain, how="anti")
    return Difference(rows.height - again.height, changed.height, removed.height, bool(there.height))


def _commit(
    contract: Contract,
    store: DeltaStore,
    days: Sequence[dt.date] | None,
    audit: Audit,
    markers: pl.DataFrame,
    metadata: Mapping[str, str],
    retracted: pl.DataFrame | None,
    difference: Difference | None = None,
) -> Commit:
    if days is None:
        return store.overwrite(contract, audit.kept, metadata)
    quarantine(store, contract, audit.quarantined, days, metadata)
    if contract.partition:
        if difference and not any(difference.figures.values()) and (version := store.version(contract)) is not None:
            return Commit(version, 0, 0, 0, changed=False)
        told = {n: str(rows) for n, rows in difference.figures.items()} if difference else {}
        return store.replace(contract, audit.kept, days, {**metadata, **told})
    states = pl.concat([audit.kept, markers.select(list(contract.schema))])
    return store.merge(contract, states, metadata, retracted)


# -- inputs --------------------------------------------------------------------------------------------------------------


def _inputs(
    table: DerivedTable, store: DeltaStore, days: Sequence[dt.date] | None, function: Callable[..., Any] | None = None
) -> dict[str, Any]:
    """Arguments of a table's function: lazy frames pinned to one version each. `days` None: every day."""
    wanted = inspect.signature(function or table.build).parameters
    read = table.reads(function)
    frames = {n: store.scan(c, None if n.startswith("all_") or not c.partition else days) for n, c in read.items()}
    return frames | {n: load() for n, load in table.loaded.items() if n in wanted}


def _batches(table: DerivedTable, store: DeltaStore, days: Sequence[dt.date]) -> Iterator[list[dt.date]]:
    daily = [store.partition_bytes(c) for c in table.reads().values() if len(days) > 1]
    batch: list[dt.date] = []
    size = 0
    for day in days:
        more = sum(kept.get(day, 0) for kept in daily)
        if batch and size + more > BYTES_PER_BATCH:
            yield batch
            batch, size = [], 0
        batch.append(day)
        size += more
    if batch:
        yield batch


def _retracted(table: DerivedTable, store: DeltaStore, days: Sequence[dt.date], frame: pl.DataFrame) -> pl.DataFrame:
    """Owners that are kept as observed on one of these days, though these days no longer say so.

    It happens when a day is rebuilt under another rule, or a row is quarantined that was not before.
    """
    contract = table.contract
    owner, observed = list(contract.owner), contract.order[0]
    newest = store.largest(contract, observed)
    if newest is not None and newest < min(days):
        return pl.DataFrame(schema={name: contract.schema[name] for name in owner})
    kept = store.scan(contract).filter(pl.col(observed).is_in(days)).select(*owner, _kept=observed).unique()
    now = frame.lazy().group_by(owner).agg(pl.col(observed).max().alias("_now"))
    unsupported = pl.col("_now").is_null() | (pl.col("_now") < pl.col("_kept"))
    return kept.join(now, on=owner, how="left").filter(unsupported).select(owner).unique().collect()


def _rebuilt(table: DerivedTable, store: DeltaStore, frame: pl.DataFrame, retracted: pl.DataFrame) -> pl.DataFrame:
    """The frame with the retracted owners' rows taken from every kept day."""
    owner = list(table.contract.owner)
    inputs = _inputs(table, store, None)
    for name, read in inputs.items():
        if isinstance(read, pl.LazyFrame) and set(owner) <= set(read.collect_schema()):
            inputs[name] = read.join(retracted.lazy(), on=owner, how="semi")
    if table.contract.name in inputs:
        inputs[table.contract.name] = inputs[table.contract.name].clear()
    history = table.build(**inputs).join(retracted, on=owner, how="semi")
    return pl.concat([frame.join(retracted, on=owner, how="anti"), history])


def _markers(contract: Contract, frame: pl.DataFrame) -> pl.Series:
    """Rows that only say an owner was observed: everything of the grain beyond the owner is null."""
    beyond = [c for c in contract.grain if c not in contract.owner]
    if not contract.owner or not beyond:
        return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    return frame.select(pl.all_horizontal(pl.col(beyond).is_null())).to_series()


# -- checks --------------------------------------------------------------------------------------------------------------


def _check(
    table: DerivedTable,
    store: DeltaStore,
    days: Sequence[dt.date],
    frame: pl.DataFrame,
    audit: Audit,
    retracted: pl.DataFrame | None,
) -> Iterator[Outcome]:
    yield contract_kept(table.contract, [audit])
    yield grain(table.contract, audit.kept, audit.duplicates)
    yield accounting(_received(table, store, days, audit), [audit])
    if table.contract.references:
        yield references_kept(table.references, store, audit)
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
    for name, judge in table.warnings.items():
        inputs = _inputs(table, store, days or None, judge)
        if "rows" in inspect.signature(judge).parameters:
            inputs["rows"] = audit.kept.lazy()
        yield replace(judge(**inputs), check=name, warns=True)


def _received(table: DerivedTable, store: DeltaStore, days: Sequence[dt.date], audit: Audit) -> int:
    """Rows the table must account for, on all of the days; those of its frame where nobody counts them apart."""
    if table.received is None:
        return audit.received
    counted = table.received(**_inputs(table, store, days, table.received))
    return int(counted.select(pl.col("received").sum()).collect().item())


def _span(days: Sequence[dt.date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]}..{days[-1]} ({len(days)} days)"
