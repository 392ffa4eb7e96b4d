"""a. Raw to star for 4,800 films with full credits, against bare Polars: decode with the schema, write the same
tables."""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

from benchmarks.figure import Figure, peak_mb, run_child, seconds
from benchmarks.lake import daily_tables, derive, fill_raw, films, fresh_lake
from tmdb_assets.lakehouse.payloads import struct_fields
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store.delta import WRITER
from tmdb_assets.sources.tmdb import contracts, payloads

FILMS, DAY = 4_800, dt.date(2026, 11, 1)
SIDES, RUNS = ("ours", "floor"), 5


def measure() -> Figure:
    """Ratio of our raw -> star to the floor; each side in a process of its own, the best of five runs."""
    with tempfile.TemporaryDirectory() as folder:
        known, origin = films(FILMS)
        fill_raw(DeltaStore(folder), [DAY], known, lambda _: known)
        # by turns, because a machine's speed may change within minutes
        pairs = [[run_child([sys.executable, "-m", __name__, side, folder]) for side in SIDES] for _ in range(RUNS)]
    ours, floor = zip(*pairs, strict=True)
    mine, least = (min((c.output.split() for c in side), key=lambda words: float(words[0])) for side in (ours, floor))
    return Figure(
        "a. raw -> star for 4,800 films over the floor",
        float(mine[0]) / float(least[0]),
        3.0,
        details={
            "films": origin,
            "raw -> star": f"{mine[0]} s, peak memory {mine[1]} MB",
            "floor (json_decode with the schema, each table written once)": f"{least[0]} s, peak memory {least[1]} MB",
        },
    )


def _ours(folder: str) -> None:
    with fresh_lake(folder) as fresh:
        store = DeltaStore(fresh)
        took = seconds(lambda: derive(store, [DAY]))
        _keep_result(store, folder)
    print(f"{took:.2f} {peak_mb():.0f}")


def _floor(folder: str) -> None:
    tables = [(t.contract, pl.read_parquet(_result(folder, t.contract))) for t in daily_tables()]
    with tempfile.TemporaryDirectory() as fresh:

        def work() -> None:
            details = DeltaStore(folder).scan(contracts.MOVIE_DETAILS).select("payload").collect().to_series()
            details.str.json_decode(pl.Struct(struct_fields(payloads.Movie)))
            for contract, frame in tables:
                parts = [contract.folders] if contract.folders else None
                write_deltalake(f"{fresh}/{contract.path}", frame, partition_by=parts, writer_properties=WRITER)

        took = seconds(work)
    print(f"{took:.2f} {peak_mb():.0f}")


def _result(folder: str, contract: contracts.Contract) -> Path:
    return Path(folder) / f"result-{contract.name}.parquet"


def _keep_result(store: DeltaStore, folder: str) -> None:
    for table in daily_tables():
        store.scan(table.contract).collect().write_parquet(_result(folder, table.contract))


if __name__ == "__main__":
    {"ours": _ours, "floor": _floor}[sys.argv[1]](sys.argv[2])
