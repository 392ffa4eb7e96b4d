"""The music API on its bad days: lists that move, pages that lie, rows in other words. The star and the views are those
of calm days, and each day ends by itself, run again at most twice.

Both lakes begin with a calm day: a row that is hidden on the very first day of a lake cannot be known. On a day on
which rows stay hidden however often one asks (`--music-held`) the sandbox hides none that is new, and deletes none: so
what the star says of the days is that of calm ones, to the day. For the same reason false pages last for one asking: of
a list that moves in each of a day's three walks nothing is proven to be gone, and its deletions are told by a later
day. The clean tables and the ledger tell what came in which words and how often it was asked for: they differ, and
should, as do the quarantine and the profiles of it.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sandbox.moovitamix.habits import HABITS
from tmdb_assets_tests.sandbox.running import Running, running
from tmdb_assets_tests.sources.moovitamix.lakes import TABLES, copied, derive, differing, observe, rows

LAST = dt.date(2025, 6, 30)
#: Fifteen days take minutes, and views that are made of the same star are the same: both are asked for by WILD_MONTH=1.
DAYS, STAGES = (15, {"star", "views"}) if os.environ.get("WILD_MONTH") else (3, {"star"})
LISTENERS = 110
SEED = 201  #: a world in which every habit strikes, and rows are deleted, within three days
RUNS_AT_MOST = 3
ACCOUNTS = ("quality", "quarantine")
COMPARED = [
    name for name, contract in TABLES.items() if contract.stage in STAGES and not any(word in name for word in ACCOUNTS)
]


def is_settled(store: DeltaStore, day: dt.date) -> bool:
    """Whether the ledger has nothing open of a day: else it is run again, as its sentence says."""
    ledger = rows(store, "extraction_ledger").filter(pl.col("date_id") == day)
    return bool(ledger.height and (ledger["is_finished"] & ledger["is_complete"]).all())


def live(store: DeltaStore, server: Running, days: list[dt.date]) -> Counter[int]:
    """Observe the days one by one, each on its day and again until it is settled; how many took how many runs."""
    runs: Counter[int] = Counter()
    for day in days:
        for number in range(1, RUNS_AT_MOST + 1):
            try:
                observe(store, f"{server.url}/on/{day}/moovitamix", day)
            except LakehouseError as stopped:
                if number == RUNS_AT_MOST:
                    raise AssertionError(f"{day}, run {number}: {stopped}") from stopped
                continue
            derive(store, [day], only=COMPARED, whole=day == days[-1])
            if is_settled(store, day):
                break
        runs[number] += 1
    return runs


def compared(store: DeltaStore) -> Mapping[str, pl.DataFrame]:
    return {name: rows(store, name) for name in COMPARED}


def first_differences(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> list[tuple[Any, ...]]:
    """Of each table that differs, how many rows only one of the two has, and one of them."""
    found = []
    for name in differing(one, other):
        keys = one[name].columns
        left, right = (
            a[name].join(b[name], on=keys, how="anti", nulls_equal=True) for a, b in ((one, other), (other, one))
        )
        found.append((name, left.height, left.head(2).to_dicts(), right.height, right.head(2).to_dicts()))
    return found


def test_wild_days_give_the_star_and_the_views_of_calm_ones(tmp_path: Path) -> None:
    days = [LAST - dt.timedelta(days=n) for n in range(DAYS, -1, -1)]
    world = ("--listeners", str(LISTENERS), "--seed", str(SEED), "--today", LAST.isoformat())
    calm = DeltaStore(tmp_path / "calm")
    with running(*world) as server:
        assert live(calm, server, days[:1]) == {1: 1}
        wild = copied(calm, tmp_path / "wild")
        for day in days[1:]:
            observe(calm, f"{server.url}/on/{day}/moovitamix", day)
    derive(calm, days[1:], only=COMPARED)
    with running(*world, "--wild", "--lasting", "1") as server:
        runs = live(wild, server, days[1:])
        struck = server.json("/sandbox/truth")["moovitamix"]["wild"]["struck"]
    assert sum(runs.values()) == DAYS
    assert {habit for day in days[1:] for habit in struck.get(day.isoformat(), {})} == {habit.name for habit in HABITS}
    assert rows(calm, "vanished").height, "rows were truly deleted"
    assert first_differences(compared(wild), compared(calm)) == []
    quarantine = rows(wild, "quarantine")
    assert quarantine.height
    assert quarantine["reason"].null_count() == 0
    print(f"{DAYS} wild days took so many runs each: {dict(runs)}; {quarantine.height:,} entries in the quarantine")
