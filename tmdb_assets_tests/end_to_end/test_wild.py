"""TMDB on its bad days: lists that move, answers that are false, bytes that lie, values that cannot be. The star and
the views are those of calm days, and each day ends by itself, run again at most twice."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets_tests.end_to_end.harness import (
    TABLES,
    Standing,
    answer_views,
    contents,
    differences,
    fill_plainly,
    read,
)
from tmdb_assets_tests.sandbox.running import running

LAST = dt.date(2026, 3, 10)
#: A month takes ten minutes, and views that are made of the same star are the same: both are asked for by WILD_MONTH=1.
MONTH = bool(os.environ.get("WILD_MONTH"))
DAYS, STAGES = (30, {"star", "views"}) if MONTH else (2, {"star"})
FILMS = 150
RUNS_AT_MOST = 3
#: What tells of the quarantine and of the ledger, and of the rows that came: it differs, and should.
ACCOUNTS = ("quality", "quarantine")
COMPARED = [
    path for path, contract in TABLES.items() if contract.stage in STAGES and not any(word in path for word in ACCOUNTS)
]


def is_settled(lake: Path, day: dt.date) -> bool:
    """Whether the ledger has nothing open of a day: else it is run again, as its sentence says."""
    rows = read(lake, "tmdb/raw/extraction_ledger").filter(pl.col("date_id") == day)
    return bool(rows.height and (rows["is_finished"] & rows["is_complete"]).all())


def live(lake: Path, days: list[dt.date], server: Standing) -> Counter[int]:
    """Observe the days one by one, each again until it is settled; how many took how many runs."""
    runs: Counter[int] = Counter()
    for day in days:
        for number in range(1, RUNS_AT_MOST + 1):
            try:
                fill_plainly(lake, day, answers=False, served=server)
            except LakehouseError as stopped:
                if number == RUNS_AT_MOST:
                    raise AssertionError(f"{day}, run {number}: {stopped}") from stopped
                continue
            if is_settled(lake, day):
                break
        runs[number] += 1
    if "views" in STAGES:
        answer_views(lake)
    return runs


def test_wild_days_give_the_star_and_the_views_of_calm_ones(tmp_path: Path) -> None:
    days = [LAST - dt.timedelta(days=n) for n in range(DAYS - 1, -1, -1)]
    world = ("--films", str(FILMS), "--today", LAST.isoformat())
    runs: dict[str, Counter[int]] = {}
    for name, options in (("calm", ()), ("wild", ("--wild", "--lasting", "3"))):
        with running(*world, *options) as server:
            runs[name] = live(tmp_path / name, days, Standing(server.url))
    assert runs["calm"] == {1: DAYS}
    assert sum(runs["wild"].values()) == DAYS
    calm, wild = (contents(tmp_path / name, only=COMPARED) for name in ("calm", "wild"))
    assert differences(wild, calm) == []
    quarantine = read(tmp_path / "wild", "tmdb/clean/quarantine")
    assert quarantine.filter(pl.col("column_name").is_not_null()).height and quarantine["reason"].null_count() == 0
    print(
        f"{DAYS} wild days took so many runs each: {dict(runs['wild'])}; {quarantine.height:,} entries in the "
        "quarantine"
    )
