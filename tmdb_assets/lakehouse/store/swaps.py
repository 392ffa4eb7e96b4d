"""Files put into the place of others in one commit, and what the log says of each.

What belongs here: `Swap`, its commit, the statistics of a file that deltalake did not write itself. What does not:
which files are swapped (ranges.py, handed.py), the guard around a commit (delta.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from deltalake import DeltaTable, Field
from deltalake.transaction import AddAction, RemoveAction

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store.root import as_named
from tmdb_assets.lakehouse.store.tables import commit_properties

#: Stated in the log up to this length, as Delta itself does; an owner always is.
LONGEST_STATED = 32


@dataclass
class Swap:
    """What one commit adds, and what it removes."""

    adds: list[AddAction] = field(default_factory=list)
    removes: list[RemoveAction] = field(default_factory=list)


def commit_swap(contract: Contract, table: DeltaTable, swap: Swap, metadata: Mapping[str, str]) -> None:
    """Put files in the place of others, in one commit, if nobody has committed since the table was opened."""
    properties = commit_properties(metadata, retries=0)
    there = {known.name for known in table.schema().fields}
    if younger := [Field(f.name, f.type) for f in contract.delta_schema.fields if f.name not in there]:
        table.alter.add_columns(younger, commit_properties=properties)
    actions: list[AddAction | RemoveAction] = [*swap.adds, *swap.removes]
    parts = [contract.folders] if contract.folders else None
    table.create_write_transaction(actions, "append", table.schema(), parts, commit_properties=properties)


def added(path: str, size: int, stated: Mapping[str, Any], parts: Mapping[str, str] | None = None) -> AddAction:
    """What tells the log of a new file; `parts`: the values that stand in the names of its folders."""
    return AddAction(path, size, dict(parts or {}), _now(), True, json.dumps(stated))


def removed(file: Mapping[str, Any]) -> RemoveAction:
    """What tells the log that a file of the table belongs to it no more."""
    parts: dict[str, str | None] = {name: str(value) for column, value in file.items() if (name := _part(column))}
    return RemoveAction(as_named(file["path"]), True, _now(), file["size_bytes"], parts)


def _part(column: str) -> str | None:
    kind, dot, name = column.partition(".")
    return name if kind == "partition" and dot else None


def _now() -> int:
    return time.time_ns() // 1_000_000


def statistics(contract: Contract, rows: pl.DataFrame | pl.LazyFrame) -> dict[str, Any]:
    """What the log says of a file: how many rows, and the bounds of what is a number, a day or a short text."""
    bounds: dict[str, dict[str, Any]] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    schema = rows.collect_schema()
    named = [name for name, type_ in schema.items() if _is_stated(type_)]
    told = [
        each.alias(f"{word}.{name}")
        for name in named
        for word, each in (
            ("low", pl.col(name).min()),
            ("high", pl.col(name).max()),
            ("nulls", pl.col(name).null_count()),
        )
    ]
    found = rows.lazy().select(pl.len().alias("rows"), *told).collect(engine="streaming").row(0, named=True)
    for name in named:
        bounds["nullCount"][name] = found[f"nulls.{name}"]
        low, high = found[f"low.{name}"], found[f"high.{name}"]
        if schema[name] != pl.Boolean and _may_state(low, high, is_owner=name in contract.owner):
            bounds["minValues"][name] = str(low) if schema[name] == pl.Date else low
            bounds["maxValues"][name] = str(high) if schema[name] == pl.Date else high
    return {"numRecords": found["rows"], **bounds}


def _is_stated(type_: pl.DataType) -> bool:
    return type_.is_integer() or type_.is_float() or type_ in (pl.Date, pl.String, pl.Boolean)


def _may_state(low: Any, high: Any, *, is_owner: bool) -> bool:
    if low is None or high is None:
        return False
    if isinstance(low, str):
        return is_owner or max(len(low), len(high)) <= LONGEST_STATED
    return not isinstance(low, float) or abs(low) + abs(high) < float("inf")
