"""What changed in a table since something was made of it.

What belongs here: the versions that a table says it was made of, and what differs between such a version and the newest
one: the days written since, the rows of owners that changed. What does not: what has to be built of it (flow/), how a
commit is made (delta.py).

A table records the versions in the commit that its rows came with, as Delta's application transactions: one for each
table read, under its path, its Delta id (a table that was deleted and made anew counts its versions from 0 again) and
the version of the code. They stand in the table's state, so neither compaction nor an expired log loses them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store.delta import DeltaStore
from tmdb_assets.lakehouse.store.root import LakeError
from tmdb_assets.lakehouse.store.tables import MADE_OF, snapshot_of

#: The versions of tables that something was made of, by the word under which they are recorded.
Basis = Mapping[str, int]


def basis_of(store: DeltaStore, contract: Contract, read: Collection[Contract]) -> Basis:
    """What a table is recorded to be made of when it is built of the newest versions of those it reads.

    A table that has never been written has no version; it counts as changed once it has one.
    """
    opened = {each: store.open(each) for each in read}
    return {_word(contract, each, table.metadata().id): table.version() for each, table in opened.items() if table}


def with_basis(metadata: Mapping[str, str], basis: Basis) -> dict[str, str]:
    """The metadata of a commit that records what its rows are made of."""
    return {**metadata, MADE_OF: json.dumps(dict(basis), sort_keys=True)}


def recorded_version(store: DeltaStore, contract: Contract, read: Contract) -> int | None:
    """The version of a table that another one was made of; None where that is not known, or can be no more."""
    table, other = store.open(contract), store.open(read)
    if table is None or other is None:
        return None
    version = table.transaction_version(_word(contract, read, other.metadata().id))
    return None if version is None or version > other.version() else int(version)


def _word(contract: Contract, read: Contract, table_id: object) -> str:
    return f"{read.path} {table_id} {contract.code_version}"


def is_unchanged(store: DeltaStore, contract: Contract, since: int | None) -> bool:
    """Whether a table has the very files that it had at a version: a version may be new because of its upkeep alone."""
    if since == store.version(contract):
        return True
    was, now = _files_at(store, contract, since), store.files(contract)
    return was is not None and bool(was.height and now.height) and {*was["path"]} == {*now["path"]}


def changed_days(store: DeltaStore, contract: Contract, since: int | None) -> set[dt.date]:
    """Days of a table kept by the day whose files are others than at a version; all days where that cannot be told."""
    now = store.files(contract)
    was = _files_at(store, contract, since)
    if was is None:
        return set(store.partition_rows(contract))
    return {day for files, others in ((now, was), (was, now)) for day in _days_apart(contract, files, others)}


def _days_apart(contract: Contract, files: pl.DataFrame, others: pl.DataFrame) -> list[dt.date]:
    """Days of files that are not among others."""
    if not files.height:
        return []
    apart = files.join(others, on="path", how="anti") if others.height else files
    return apart.get_column(f"partition.{contract.folders}").to_list()


def changed_rows(
    store: DeltaStore, contract: Contract, since: int | None, columns: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Some columns of the rows that a table lost, and of those it gained, since a version; None where that cannot be
    told.

    Only files are read that the one has and the other has not. A row of both is in neither.
    """
    was, table = _files_at(store, contract, since), store.open(contract)
    if was is None or table is None:
        return None
    now = table.files
    pairs = []
    for files, others in ((was, now), (now, was)):
        apart = files.join(others, on="path", how="anti") if files.height and others.height else files
        uris = tuple(apart.get_column("uri")) if apart.height else ()
        snapshot = snapshot_of(contract, table, store.uri(contract), None, store.storage_options).only(uris)
        try:
            pairs.append(snapshot.lazy().select(list(columns)).collect())
        except (OSError, pl.exceptions.ComputeError):
            return None  # the files of that version are deleted
    lost, gained = pairs
    key = list(columns)
    return (
        lost.join(gained, on=key, how="anti", nulls_equal=True),
        gained.join(lost, on=key, how="anti", nulls_equal=True),
    )


def _files_at(store: DeltaStore, contract: Contract, version: int | None) -> pl.DataFrame | None:
    """The files of a table at a version, from the log alone; None where the log does not reach back so far."""
    if version is None:
        return None
    try:
        return store.files(contract, version)
    except LakeError:
        return None
