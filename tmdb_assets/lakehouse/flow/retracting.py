"""Taking back: rows of dimensions and bridges that came of a day which, built again, has them no more.

What belongs here: which owners (films, persons) are kept as of such a day, and their rows as the other days have them.
What does not: how a merge leaves newer rows alone (store/owned.py), the order of a publication (publishing.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.flow.transforms import Input, Read
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store.owned import newer_kept


def find_retracted(
    table: DerivedTable, store: DeltaStore, days: Sequence[dt.date], frame: pl.DataFrame
) -> pl.DataFrame:
    """Owners, with the order columns they are kept under, that are kept as of one of these days, though these days no
    longer say so.

    It happens when a day is rebuilt under another rule, or a row is quarantined that was not before.
    """
    contract = table.contract
    kept_as = [*contract.owner, *contract.order]
    newest = [store.largest(contract, column) for column in contract.order]
    if None not in newest and max(newest) < min(days):
        return pl.DataFrame(schema={name: contract.schema[name] for name in kept_as})
    of_these_days = pl.coalesce(contract.order).is_in(days)
    kept = store.scan(contract).filter(of_these_days).select(kept_as).unique().collect()
    owner = list(contract.owner)
    newest_first = frame.select(kept_as).sort(contract.order, descending=True, nulls_last=True)
    said = newest_first.unique(owner, keep="first", maintain_order=True)
    return pl.concat(
        [kept.join(said, on=owner, how="anti"), kept.join(newer_kept(contract, said, kept), on=owner, how="semi")]
    )


def rebuild(table: DerivedTable, run: Run, frame: pl.DataFrame, retracted: pl.DataFrame) -> pl.DataFrame:
    """The frame with the retracted owners' rows taken from every kept day, batch by batch; a table that is read as a
    whole stays whole: what it says of a day may rest on its other owners."""
    contract, store = table.contract, run.store
    owner = list(contract.owner)
    every_day = {day for c in table.reads for day in store.partition_rows(c)}

    def of_retracted(stated: Read, given: Any) -> Any:
        """An input as far as the retracted owners are concerned."""
        if not isinstance(stated, Input):
            return given
        if stated.contract.key == contract.key:
            return given.lazy().clear()
        is_theirs = not stated.is_whole and set(owner) <= set(stated.contract.schema)
        return given.lazy().join(retracted.lazy(), on=owner, how="semi") if is_theirs else given

    histories = []
    for days in table.batches(store, sorted(every_day)):
        inputs = [of_retracted(*each) for each in zip(table.stated, table.inputs(store, days), strict=True)]
        histories.append(table.compute(inputs).join(retracted, on=owner, how="semi"))
    rebuilt = pl.concat([frame.join(retracted, on=owner, how="anti"), *histories])
    # what is newest comes first, as it does from one build of all days
    return rebuilt.sort(contract.order, descending=True, nulls_last=True, maintain_order=True)
