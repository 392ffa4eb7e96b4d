"""Answers that an engine has left in files: audited and checked like any other, without being read as a whole.

What belongs here: the audit of files and the checks of a view over them. What does not: the rules (contracts/), what
lies in the files and what becomes of them (store/handed.py), the order of things (publishing.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from tmdb_assets.lakehouse.contracts import Audit, Contract
from tmdb_assets.lakehouse.flow.checks import Outcome, grain, merged
from tmdb_assets.lakehouse.store.handed import Handed

#: Rows whose grain is looked at at once.
AT_ONCE = 250_000
#: Rows that break their contract are told apart up to so many: of an answer one is enough to stop it.
BROKEN_AT_MOST = 1_000


def audit_files(contract: Contract, handed: Handed) -> Audit:
    """The rows of files held to their contract, a file at a time. Of those that keep it the audit counts the rows and
    has none.

    Raises ContractError when a column is missing, unexpected or of another type.
    """
    Audit.of(contract, pl.DataFrame(schema=handed.schema))
    keeps = pl.all_horizontal(pl.lit(True), *[contract.holds(name) for name in contract.schema])
    broken = contract.empty()
    for rows in handed.each():
        if not rows.select(contract.all_hold).collect(engine="streaming").item():
            broken = rows.filter(~keeps).head(BROKEN_AT_MOST).collect(engine="streaming")
            break
    return replace(Audit.of(contract, broken), received=handed.rows)


def grain_of_files(contract: Contract, handed: Handed) -> Outcome:
    """Whether no two rows of files share their grain, some of the keys at a time."""
    outcomes = [grain(contract, keys) for keys in _keys(contract, handed)]
    return merged(outcomes or [grain(contract, contract.empty())])[0]


def _keys(contract: Contract, handed: Handed) -> Iterator[pl.DataFrame]:
    """The keys of all rows; equal ones come at once. Those of two days never are, where the day is one of the keys."""
    for part in handed.parts() if contract.folders in contract.grain else (handed,):
        keys, shares = part.lazy().select(contract.grain), 1 + part.rows // AT_ONCE
        for share in range(shares):
            is_of_it = pl.struct(contract.grain).hash() % shares == share
            yield keys.filter(is_of_it).collect(engine="streaming")
