"""Publishing a derived table: build, audit, check, and only then commit.

What belongs here: the order of things while a clean or star table is rebuilt for some days, the same for every table
of every source, and the checks made on the way. What does not: the transforms (a source's clean.py and star.py), how
Dagster shows the outcome (orchestration).

A blocking check that does not hold raises before the commit, so what was published before stays untouched.
"""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Audit, Contract
from tmdb_assets.lakehouse.delta import Commit, DeltaStore
from tmdb_assets.lakehouse.extraction import BlockedError, quarantine
from tmdb_assets.lakehouse.payloads import Shape, unknown_fields
from tmdb_assets.lakehouse.sql import View

# Days are built together up to this many kept (compressed) bytes of input: a long backfill must fit a laptop's memory,
# and film payloads take about thirty times as much room decoded.
BYTES_PER_BATCH = 128_000_000
REJECTED_AT_MOST = 0.5
REJECTED_FEW = 20
SHRINK_AT_MOST = 0.05

CHECKS = {
    "contract": "Rows that break the contract are quarantined; when more than half of them do, nothing is published.",
    "grain": "No two published rows share the grain.",
    "accounting": "Every row received is kept, quarantined or a duplicate.",
    "referential_integrity": "Every key that refers to a dimension exists there.",
    "row_count_drift": "The row count stays near that of the day before (a dimension does not shrink).",
    "unknown_fields": "The source sends no field that the payload shapes do not know.",
}
BLOCKING = {"contract", "grain", "accounting", "referential_integrity"}


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check: whether it held, a sentence, figures. `warns`: it never stops a publication."""

    check: str
    passed: bool
    sentence: str
    figures: Mapping[str, int | float | str] = field(default_factory=dict)
    warns: bool = False


@dataclass(frozen=True, eq=False)
class DerivedTable:
    """A table built from other tables of its source by a pure function whose parameters name what it reads.

    A parameter `<name>` is that table: the days of the run where it is kept by day, else whole; `all_<name>` is all of
    it; any other name is found in `loaded`, read at run time. `received` counts the raw rows the table must account
    for; `shape` is what its payloads should look like.
    """

    contract: Contract
    build: Callable[..., pl.DataFrame]
    tables: Mapping[str, Contract]
    loaded: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    received: Callable[..., int] | None = None
    shape: type[Shape] | None = None

    def reads(self, function: Callable[..., Any] | None = None) -> dict[str, Contract]:
        """Parameter -> contract of the tables a function reads (by default the one that builds the table)."""
        names = inspect.signature(function or self.build).parameters
        return {name: self.tables[name.removeprefix("all_")] for name in names if name not in self.loaded}

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
        """Tables that must stand before this one: those it reads and those it refers to."""
        named = {c.key: c for c in [*self.reads().values(), *self.references.values()] if c is not self.contract}
        return list(named.values())

    @property
    def checks(self) -> list[str]:
        """Names of the checks made on this table."""
        skipped = {
            "referential_integrity": not self.contract.references,
            "unknown_fields": self.shape is None,
            "row_count_drift": self.contract.drift_limit is None,
        }
        return [name for name in CHECKS if not skipped.get(name)]


@dataclass
class Published:
    """What publishing a table for some days did."""

    audits: list[Audit] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


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
    for batch in [None] if table.contract.is_whole else _batches(table, store, sorted(days)):
        _publish_batch(table, store, batch, metadata, log, done)
    done.outcomes = _merged(done.outcomes)
    return done


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
    commit = _commit(contract, store, days, audit, frame.filter(markers), metadata, retracted)
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


def _commit(
    contract: Contract,
    store: DeltaStore,
    days: Sequence[dt.date] | None,
    audit: Audit,
    markers: pl.DataFrame,
    metadata: Mapping[str, str],
    retracted: pl.DataFrame | None,
) -> Commit:
    if days is None:
        return store.overwrite(contract, audit.kept, metadata)
    quarantine(store, contract, audit.quarantined, days, metadata)
    if contract.partition:
        return store.replace(contract, audit.kept, days, metadata)
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
    yield _grain(table.contract, audit.kept, audit.duplicates)
    received = table.received(**_inputs(table, store, days, table.received)) if table.received else audit.received
    yield accounting(received, [audit])
    if table.contract.references:
        yield _references(table, store, audit)
    if table.contract.drift_limit is not None:
        lost = 0 if retracted is None else retracted.join(frame, on=list(table.contract.owner), how="anti").height
        yield (
            _shrinkage(table.contract, store, lost)
            if table.contract.owner
            else drift(
                table.contract,
                store,
                days,
                dict.fromkeys(days, 0) | dict(audit.kept.group_by("date_id").len().iter_rows()),
            )
        )
    if table.shape is not None:
        yield _unknown(table.shape, frame)


def contract_kept(contract: Contract, audits: Sequence[Audit]) -> Outcome:
    """Whether every row kept its contract; a warning, unless most rows break it: then a type has flipped.

    A whole table is our own arithmetic: one row that breaks its contract is a fault of it, and nothing to set aside.
    """
    received, bad = sum(a.received for a in audits), sum(a.quarantined.height for a in audits)
    rules: dict[str, int] = {}
    for rule, count in (item for a in audits for item in a.rules.items()):
        rules[rule] = rules.get(rule, 0) + count
    many = contract.is_whole or (bad > REJECTED_FEW and bad > REJECTED_AT_MOST * received)
    worst = max(rules, key=lambda r: rules[r], default="")
    sentence = f"{bad:,} of {received:,} rows break it, most often: {worst}" if bad else "every row keeps its contract"
    return Outcome("contract", not bad, sentence, {"quarantined": bad, **rules}, warns=not many)


def accounting(received: int, audits: Sequence[Audit]) -> Outcome:
    """received = kept + quarantined + duplicates."""
    kept, bad = sum(a.kept.height for a in audits), sum(a.quarantined.height for a in audits)
    twice = sum(a.duplicates for a in audits)
    figures = {"received": received, "kept": kept, "quarantined": bad, "duplicates": twice}
    passed = received == kept + bad + twice
    sentence = f"received {received:,} = kept {kept:,} + quarantined {bad:,} + duplicates {twice:,}"
    return Outcome("accounting", passed, sentence if passed else f"not accounted for: {sentence}", figures)


def grain_kept(contract: Contract, store: DeltaStore, days: Sequence[dt.date]) -> Outcome:
    """Whether the kept rows of some days have no grain twice."""
    return _grain(contract, store.scan(contract, days).select(contract.grain).collect())


def drift(
    contract: Contract, store: DeltaStore, days: Sequence[dt.date], published: Mapping[dt.date, int] | None = None
) -> Outcome:
    """Whether each day has about as many rows as the day before; `published`: rows about to be kept per day."""
    counted = {**store.partition_rows(contract), **(published or {})}
    figures: dict[str, int | float | str] = {}
    moved: list[str] = []
    for day in days:
        was, rows = counted.get(day - dt.timedelta(days=1), 0), counted.get(day, 0)
        if was and abs(rows - was) > (contract.drift_limit or 0) * was:
            moved.append(f"{day}: {rows:,} rows after {was:,} the day before")
        figures = {"rows": rows, "rows_the_day_before": was}
    return Outcome("row_count_drift", not moved, "; ".join(moved) or "near the day before", figures, warns=True)


def _grain(contract: Contract, rows: pl.DataFrame, left_out: int = 0) -> Outcome:
    keys = rows.select(contract.grain)
    twice = keys.filter(keys.is_duplicated())
    sentence = f"{twice.height} rows share their grain, e.g. {twice.row(0)}" if twice.height else "no grain twice"
    return Outcome("grain", not twice.height, sentence, {"duplicates_left_out": left_out})


def _references(table: DerivedTable, store: DeltaStore, audit: Audit) -> Outcome:
    orphans: dict[str, int] = {}
    example = ""
    for column, dimension in table.references.items():
        key = dimension.grain[0]
        known = store.scan(dimension).select(pl.col(key).alias(column))
        missing = audit.kept.lazy().select(column).drop_nulls().join(known, on=column, how="anti").collect()
        orphans[f"{column} not in {dimension.name}"] = missing.height
        if missing.height and not example:
            example = (
                f"{missing.height} rows refer to a {column} that {dimension.path} lacks, e.g. {missing.item(0, 0)}"
            )
    return Outcome("referential_integrity", not example, example or "every key exists in its dimension", orphans)


def _shrinkage(contract: Contract, store: DeltaStore, lost: int) -> Outcome:
    """A dimension only grows; owners are lost when the days that knew them no longer do."""
    if not lost:
        return Outcome("row_count_drift", True, "nothing was lost", {"lost": 0}, warns=True)
    before = store.scan(contract).select(contract.owner).unique().select(pl.len()).collect().item()
    sentence = f"{lost:,} of {before:,} lost their rows"
    figures = {"before": before, "lost": lost}
    return Outcome("row_count_drift", lost <= SHRINK_AT_MOST * before, sentence, figures, warns=True)


def _unknown(shape: type[Shape], frame: pl.DataFrame) -> Outcome:
    payloads = frame.get_column("_payload").drop_nulls()
    found = sorted(unknown_fields(payloads, shape))
    sentence = f"fields that {shape.__name__} does not know: {', '.join(found)}" if found else "no unknown field"
    return Outcome("unknown_fields", not found, sentence, {"payloads": len(payloads)}, warns=True)


def _merged(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """One outcome per check over the batches of a run: figures add up, a failure stays one."""
    merged: dict[str, Outcome] = {}
    for o in outcomes:
        was = merged.get(o.check)
        if was is None:
            merged[o.check] = o
            continue
        figures = dict(was.figures)
        for name, value in o.figures.items():
            old = figures.get(name, 0)
            figures[name] = old + value if isinstance(value, int | float) and isinstance(old, int | float) else value
        worse = o if was.passed else was
        merged[o.check] = Outcome(o.check, was.passed and o.passed, worse.sentence, figures, was.warns and o.warns)
    return list(merged.values())


def _span(days: Sequence[dt.date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]}..{days[-1]} ({len(days)} days)"
