"""i. Publishing one more day into the warehouse over publishing 365 days at once."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import polars as pl

from benchmarks.figure import Figure
from benchmarks.lake import derive, fill_raw, films, know_days
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import Publication, publish_warehouse
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile

FIRST = dt.date(2025, 11, 1)
LISTED, DETAILED = 10_000, 450  # a day at top:10000 in steady state: the whole list, details of a few
KEPT_DAYS, PER_COMMIT = 365, 52


def measure() -> Figure:
    """Every film has been seen with its details once; each later day brings its facts, the measured one details too."""
    known, origin = films(LISTED)
    with tempfile.TemporaryDirectory() as folder:
        store, path = DeltaStore(f"{folder}/lake"), Path(folder) / "warehouse.duckdb"
        fill_raw(store, [FIRST], known, lambda _: known)
        derive(store, [FIRST])
        repeat_facts(store, KEPT_DAYS)
        whole = _publish(store, path)
        newest = FIRST + dt.timedelta(days=KEPT_DAYS)
        fill_raw(store, [newest], known, lambda _: known[:DETAILED])
        derive(store, [newest])
        more = _publish(store, path)
    return Figure(
        "i. publishing one more day into the warehouse over publishing 365 days at once",
        more.seconds / whole.seconds,
        None,
        unit="",
        details={
            "365 days at once": f"{whole.seconds:.1f} s, {_loaded(whole)}",
            "one more day": f"{more.seconds:.1f} s, {_loaded(more)}",
            "a day": f"{LISTED:,} films listed, {DETAILED} with details; films: {origin}",
        },
    )


def repeat_facts(store: DeltaStore, count: int) -> None:
    """Facts of the days after the first one, as many days in all as `count`, each with other figures."""
    facts = store.scan(contracts.FACT_MOVIE_DAILY, [FIRST]).collect()
    later = [FIRST + dt.timedelta(days=n) for n in range(1, count)]
    for start in range(0, len(later), PER_COMMIT):
        some = later[start : start + PER_COMMIT]
        frames = [
            facts.with_columns(
                date_id=pl.lit(day),
                popularity=(pl.col("popularity") * (1 + (pl.col("movie_id") * 7 + day.toordinal()) % 11 / 100)).round(
                    3
                ),
                vote_count=pl.col("vote_count") + (day - FIRST).days,
            )
            for day in some
        ]
        store.replace(contracts.FACT_MOVIE_DAILY, pl.concat(frames), some, {})
    know_days(store, later)


def _publish(store: DeltaStore, path: Path) -> Publication:
    return publish_warehouse(store, DuckDBFile(path), [Source.of(contracts)], None, lambda line: None)


def _loaded(done: Publication) -> str:
    rows, loaded = sum(t.rows for t in done.tables), sum(t.loaded for t in done.tables)
    return f"{loaded:,} of {rows:,} rows loaded, {done.bytes / 1e6:.0f} MB"
