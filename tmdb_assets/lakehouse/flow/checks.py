"""Checks: what is looked at before a table is published, and what each finding means.

What belongs here: `Outcome` and one function per check, over rows and their audit, the same for every table of every
source. What does not: when a check is made and what it stops (publishing.py, extraction.py), the rules of one table
(contracts/), a source's own warnings (its star.py).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from tmdb_assets.lakehouse.contracts import Audit, Contract, Stage, Tally
from tmdb_assets.lakehouse.payloads import Shape, unknown_fields
from tmdb_assets.lakehouse.store import DeltaStore

REJECTED_AT_MOST = 0.5
REJECTED_FEW = 20
SHRINK_AT_MOST = 0.05

CHECKS = {
    "contract": "Rows, and values that may be unknown, are quarantined where they break the contract; when more "
    "than half of the rows do, or lose the same column, nothing is published.",
    "grain": "No two published rows share the grain.",
    "accounting": "Every row received is kept, quarantined, a duplicate or superseded by a better source of its day.",
    "referential_integrity": "Every key that refers to a dimension exists there.",
    "row_count_drift": "The row count stays near that of the day or month before (a dimension does not shrink).",
    "unknown_fields": "The source sends no field that the payload shapes do not know.",
}
BLOCKING = {"contract", "grain", "accounting", "referential_integrity"}


#: How a field, or one in a list or an object, is named.
FIELD_NAME = re.compile(r"[\w$-]{1,60}(?:(?:\[\])*\.[\w$-]{1,60}|\[\]){0,20}")


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check: whether it held, a sentence, figures. `warns`: it never stops a publication."""

    check: str
    passed: bool
    sentence: str
    figures: Mapping[str, int | float | str] = field(default_factory=dict)
    warns: bool = False


def contract_kept(contract: Contract, tallies: Sequence[Tally]) -> Outcome:
    """Whether every row kept its contract; a warning, unless most rows break it: then a type has flipped.

    Counted as broken are the rows set aside and, beside them, the rows that lost a value of one column: of the column
    that lost most. A whole table (such as a view's answer) is our own arithmetic: where that breaks its contract the
    code is at fault, so it always blocks.
    """
    received, bad = sum(t.received for t in tallies), sum(t.quarantined for t in tallies)
    values = sum(t.values for t in tallies)
    lost = _summed(t.lost for t in tallies)
    broken = bad + max(lost.values(), default=0)
    is_ours = contract.is_whole or contract.stage is Stage.VIEWS
    many = is_ours or (broken > REJECTED_FEW and broken > REJECTED_AT_MOST * received)
    rules = _summed(t.rules for t in tallies)
    worst = max(rules, key=lambda r: rules[r], default="")
    told = [f"{bad:,} of {received:,} rows break it"] if bad else []
    if values:
        told.append(f"{values:,} values of {received:,} rows are set aside alone")
    sentence = f"{' and '.join(told)}, most often: {worst}" if told else "every row keeps its contract"
    figures = {"quarantined": bad, "values_set_aside": values, **rules}
    return Outcome("contract", not told, sentence, figures, warns=not many)


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for name, count in (item for counted in counts for item in counted.items()):
        total[name] = total.get(name, 0) + count
    return total


def accounting(received: int, **became: int) -> Outcome:
    """received = kept + quarantined + duplicates + superseded: `became`, by these names.

    `received` must be counted apart from the others, or it proves nothing.
    """
    figures = {"received": received, **became}
    passed = received == sum(became.values())
    sentence = f"received {received:,} = " + " + ".join(f"{name} {rows:,}" for name, rows in became.items())
    return Outcome("accounting", passed, sentence if passed else f"not accounted for: {sentence}", figures)


def grain_kept(contract: Contract, store: DeltaStore, days: Sequence[dt.date]) -> Outcome:
    """Whether the kept rows of some days have no grain twice."""
    return grain(contract, store.scan(contract, days).select(contract.grain).collect())


def drift(
    contract: Contract, store: DeltaStore, days: Sequence[dt.date], published: Mapping[dt.date, int] | None = None
) -> Outcome:
    """Whether each day has about as many rows as the one before; `published`: rows about to be kept per day."""
    counted = {**store.partition_rows(contract), **(published or {})}
    figures: dict[str, int | float | str] = {}
    moved: list[str] = []
    span = contract.cadence.value
    for day in days:
        was, rows = counted.get(contract.cadence.before(day), 0), counted.get(day, 0)
        if was and abs(rows - was) > (contract.drift_limit or 0) * was:
            moved.append(f"{day}: {rows:,} rows after {was:,} the {span} before")
        figures = {"rows": rows, f"rows_the_{span}_before": was}
    return Outcome("row_count_drift", not moved, "; ".join(moved) or f"near the {span} before", figures, warns=True)


def grain(contract: Contract, rows: pl.DataFrame, left_out: int = 0) -> Outcome:
    """Whether no two of some rows share their grain; `left_out`: how many already were because they did."""
    keys = rows.select(contract.grain)
    twice = keys.filter(keys.is_duplicated())
    example = "" if set(contract.grain) & set(contract.hidden) or not twice.height else f", e.g. {twice.row(0)}"
    sentence = f"{twice.height} rows share their grain{example}" if twice.height else "no grain twice"
    return Outcome("grain", not twice.height, sentence, {"duplicates_left_out": left_out})


def references_kept(references: Mapping[str, Contract], store: DeltaStore, audit: Audit) -> Outcome:
    """Whether every kept value of a column that refers to a dimension is there; `references`: column -> dimension."""
    orphans: dict[str, int] = {}
    example = ""
    for column, dimension in references.items():
        key = dimension.grain[0]
        known = store.scan(dimension).select(pl.col(key).alias(column))
        missing = audit.kept.lazy().select(column).drop_nulls().join(known, on=column, how="anti").collect()
        orphans[f"{column} not in {dimension.name}"] = missing.height
        if missing.height and not example:
            example = f"{missing.height} rows refer to a {column} that {dimension.path} lacks"
            example += "" if key in dimension.hidden else f", e.g. {missing.item(0, 0)}"
    return Outcome("referential_integrity", not example, example or "every key exists in its dimension", orphans)


def shrinkage(contract: Contract, store: DeltaStore, lost: int) -> Outcome:
    """A dimension only grows; owners are lost when the days that knew them no longer do."""
    if not lost:
        return Outcome("row_count_drift", True, "nothing was lost", {"lost": 0}, warns=True)
    before = store.scan(contract).select(contract.owner).unique().select(pl.len()).collect().item()
    sentence = f"{lost:,} of {before:,} lost their rows"
    figures = {"before": before, "lost": lost}
    return Outcome("row_count_drift", lost <= SHRINK_AT_MOST * before, sentence, figures, warns=True)


def unknown(shape: type[Shape], frame: pl.DataFrame) -> Outcome:
    """Whether the payloads behind some rows have no field that their shape does not know.

    Only what looks like the name of a field is told: a key may be anything, an e-mail as well.
    """
    payloads = frame.get_column("_payload").drop_nulls()
    found = sorted(unknown_fields(payloads, shape))
    names = [name for name in found if FIELD_NAME.fullmatch(name)]
    odd = [f"{len(found) - len(names):,} whose names are no names of fields"] if len(names) < len(found) else []
    sentence = f"fields that {shape.__name__} does not know: {', '.join(names + odd)}" if found else "no unknown field"
    return Outcome("unknown_fields", not found, sentence, {"payloads": len(payloads)}, warns=True)


def merged(outcomes: Sequence[Outcome]) -> list[Outcome]:
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
