"""Rows that have an owner, kept as a set: what a table holds once some owners were observed.

What belongs here: the merge of owners as a function of frames, which observation is newer, the order in which rows are
kept.
What does not: when they are written (delta.py).
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract


def merged(
    contract: Contract, there: pl.DataFrame, frame: pl.DataFrame, retracted: pl.DataFrame | None = None
) -> pl.DataFrame:
    """All rows of a table after the owners in `frame` were observed; `there` are those it holds (see
    DeltaStore.merge)."""
    owner = list(contract.owner)
    owners = frame.select(owner).unique()
    gone = owners.clear()
    if retracted is not None:
        kept_as = [*contract.owner, *contract.order]
        gone = retracted.join(there, on=kept_as, how="semi", nulls_equal=True).select(owner)
        owners = pl.concat([owners, gone]).unique()
    members = frame.filter(pl.all_horizontal(pl.col(contract.grain).is_not_null()))
    if contract.order and not _all_newer(contract, frame, there):
        guarded = there.join(owners, on=owner, how="semi").join(gone, on=owner, how="anti")
        newer = newer_kept(contract, frame, guarded)
        members = members.join(newer, on=owner, how="anti")
        owners = owners.join(newer, on=owner, how="anti")
    return in_order(contract, pl.concat([there.join(owners, on=owner, how="anti"), members]))


def in_order(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows in the order of their grain: the same content is the same file, and readers skip what they do not need."""
    return frame.select(list(contract.schema)).sort(contract.grain, nulls_last=True)


def _all_newer(contract: Contract, offered: pl.DataFrame, kept: pl.DataFrame) -> bool:
    """Whether every offered row is newer than all that is kept, as on a new day: no owner needs to be compared then."""
    if not (offered.height and kept.height):
        return True
    first = contract.order[0]
    later = pl.lit(offered.get_column(first)).min() > pl.lit(kept.get_column(first)).max()
    return not offered.get_column(first).null_count() and bool(pl.select(later.fill_null(value=True)).item())


def newer_kept(contract: Contract, offered: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Owners whose kept rows are newer than those offered; the order columns compare left to right, null first."""
    was = kept.group_by(contract.owner).agg(pl.col(c).first().alias(f"_kept_{c}") for c in contract.order)
    pairs = offered.join(was, on=list(contract.owner), how="inner")
    newer = pl.lit(False)
    for column in reversed(contract.order):
        kept_value, new_value = pl.col(f"_kept_{column}"), pl.col(column)
        later = (kept_value > new_value).fill_null(kept_value.is_not_null() & new_value.is_null())
        newer = later | (kept_value.eq_missing(new_value) & newer)
    return pairs.filter(newer).select(contract.owner).unique()
