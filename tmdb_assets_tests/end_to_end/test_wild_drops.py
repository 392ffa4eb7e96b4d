"""Months as they come on bad days: wrong at first, right, spoiled by a correction, right again in other words. What
stands of a month is at any time what its sound drop says, or nothing yet; in the end every table is that of calm
months.

What tells of the drops themselves differs, and should: `drop_files` (each drop that was kept), the ledger (when it was
read, how many bytes), the quarantine and the profiles of it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sandbox.streamflow.folders import write_drops
from tmdb_assets.sandbox.streamflow.people import last_day
from tmdb_assets.sandbox.streamflow.wild import THE_SAME, WORDINGS, wordings
from tmdb_assets.sources.streamflow import contracts
from tmdb_assets.sources.streamflow.arrivals import look
from tmdb_assets_tests.sources.streamflow.months import World, as_of

LAST = 73  #: February 2026, the month before the day that the frozen clock shows
#: Six months take minutes: they are asked for by WILD_MONTH=1.
MONTHS = list(range(LAST - (6 if os.environ.get("WILD_MONTH") else 2) + 1, LAST + 1))
NAMES = [f"{last_day(month):%Y-%m}" for month in MONTHS]
USERS = 100 if os.environ.get("WILD_MONTH") else 40
WAITING = ("pieces", "folder")  #: forms that keep their own month waiting, and no other
LOOKS = 2  #: a drop without a mark must have come to rest
ACCOUNTS = ("drop_files", "extraction_ledger", "quarantine", "quality", "vw_checks")
COMPARED = [c.name for c in contracts.CONTRACTS if not any(word in c.name for word in ACCOUNTS)]
SNAPSHOTS = [contract.name for contract in contracts.SNAPSHOTS.values()]


def drop(world: World, number: int, months: list[int] = MONTHS) -> None:
    """Put the months into the folder in their `number`-th wording."""
    list(write_drops(world.drops, months, USERS, 7, lambda month: wordings(month)[number]))


def arrived(world: World, cursor: str | None) -> tuple[list[str], str | None]:
    """The months for which the sensor starts a run, and what it knows from then on."""
    months: list[str] = []
    for _ in range(LOOKS):
        found = look(world.drops, cursor, NAMES[0], NAMES[-1])
        months += [arrival.month for arrival in found.arrivals]
        cursor = found.cursor
    return months, cursor


def take(world: World, month: str) -> str:
    """A run of the job over one month; what it said when it stopped."""
    try:
        world.run(month, only=[*contracts.COLUMNS], whole=False)  # the live tables, which say what stands of each user
    except LakehouseError as stopped:
        return str(stopped)
    return ""


def snapshots(world: World, month: str) -> dict[str, pl.DataFrame]:
    return {name: world.frame(name).filter(pl.col("as_of") == as_of(month)) for name in SNAPSHOTS}


def live(world: World, calm: Mapping[str, Mapping[str, pl.DataFrame]]) -> Counter[str]:
    """Let the months come in all of their wordings; how many runs were published, and refused."""
    cursor: str | None = None
    ended: Counter[str] = Counter()
    for number in range(WORDINGS):
        drop(world, number)
        months, cursor = arrived(world, cursor)
        told = {month: take(world, month) for month in months}
        ended.update("refused" if said else "published" for said in told.values())
        for month, name in zip(MONTHS, NAMES, strict=True):
            form = wordings(month)[number]
            assert (name in told) == (form not in WAITING), f"{name} {form}: the sensor starts what can be read"
            assert not (form in THE_SAME and told[name]), f"{name} {form}: {told[name]}"
            standing = snapshots(world, name)
            rows = sum(frame.height for frame in standing.values())
            assert not rows or standing_as(standing, calm[name]), (
                f"{name} {form}: other rows stand than those of its sound drop"
            )
            assert rows or number < 2, f"{name} {form}: nothing stands"
    return ended


def standing_as(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> bool:
    return all(one[name].equals(other[name]) for name in one)


def test_wild_months_give_the_tables_of_calm_ones(tmp_path: Path) -> None:
    calm, wild = (World(DeltaStore(tmp_path / name / "lake"), tmp_path / name / "drops") for name in ("calm", "wild"))
    list(write_drops(calm.drops, MONTHS, USERS, 7))
    calm.run(*NAMES, whole=False)
    ended = live(wild, {month: snapshots(calm, month) for month in NAMES})
    for world in (calm, wild):
        world.derive(*NAMES, views=True)
    differing = [name for name in COMPARED if not calm.frame(name).equals(wild.frame(name))]
    assert differing == []
    assert ended["refused"]
    print(f"{len(MONTHS)} wild months of {WORDINGS} drops each: {dict(ended)}")
