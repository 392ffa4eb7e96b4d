"""o. A year of TMDB's whole catalogue: what a day costs after many kept days, over what the first day cost.

The sandbox serves 1.1 million films, as a process of its own that is not counted; a day is the README's command. The
days between are written directly: facts of every film with its popularity moved a little, and the views over facts and
the warehouse brought up to them in one process, which is what a backfill of these days does after its facts.

`python -m benchmarks o` measures after 31 days; `TRUE_SIZE_DAYS=31,90,365` says after how many (90 take about half an
hour more, 365 two).
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmarks.figure import Child, Figure, run_child
from benchmarks.lake import know_days, sandbox
from tmdb_assets.assembly import source_modules
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.assets import derived_tables
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import publish_warehouse
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile

FILMS, SCOPE = 1_100_000, "top:10000"
FIRST = dt.date(2026, 11, 20)
DAYS = sorted(int(days) for days in os.environ.get("TRUE_SIZE_DAYS", "31").split(","))
#: What is made of facts, in the order of a run.
OVER_FACTS = ("fact_movie_daily_last", "vw_daily_popularity", "vw_movie_history", "vw_movie_weeks")
#: What details of films alone come into.
OF_DETAILS = {"movie_details", "movies", *(c.name for c in contracts.TABLES if c.name.startswith("bridge_"))} | {
    c.name for c in (contracts.DIM_PERSON, contracts.DIM_COMPANY, contracts.DIM_COLLECTION, contracts.DIM_KEYWORD)
}


def measure() -> Figure:
    """The first day, then a day after each number of kept days; CPU of the dearest of these over that of the first."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox("--films", str(FILMS), "--today", str(_day(len(DAYS)))) as url,
    ):
        first = _run(url, FIRST, Path(folder))
        details = {"films": f"{FILMS:,}; lists and details of {SCOPE}", "first day": _told(first, Path(folder))}
        costs = []
        for number, kept in enumerate(DAYS, 1):
            filled = run_child([sys.executable, "-W", "ignore", "-m", __name__, folder, str(kept)])
            details[f"views and warehouse of {kept} days, facts written directly"] = _cost(filled)
            before, kept_before = _bytes(Path(folder)), _kept_bytes(folder)
            day = _run(url, _day(number), Path(folder))
            added = _bytes(Path(folder)) - before
            facts = DeltaStore(f"{folder}/lake").partition_bytes(contracts.FACT_MOVIE_DAILY)[_day(number)]
            details[f"a day after {kept} kept days"] = _told(day, Path(folder))
            details[f"bytes of that day, after {kept}"] = _grown(added, kept_before, _kept_bytes(folder), facts)
            costs.append(day.cpu)
    name = f"o. CPU of a day after {', '.join(map(str, DAYS))} kept days of the whole catalogue over the first day's"
    return Figure(name, max(costs) / first.cpu, 1.2, details=details)


def _day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def _run(url: str, day: dt.date, folder: Path) -> Child:
    """The daily job, all of it."""
    settings = {
        "TMDB_API_TOKEN": "sandbox",
        "TMDB_API_URL": f"{url}/on/{day}/3",
        "TMDB_EXPORT_URL": f"{url}/on/{day}/p/exports",
        "TMDB_REQUESTS_PER_SECOND": "100000",
        "TMDB_SCOPE": SCOPE,
        "TMDB_ASSETS_TODAY": day.isoformat(),
        "TMDB_ASSETS_LAKE": str(folder / "lake"),
        "TMDB_ASSETS_WAREHOUSE": str(folder / "warehouse.duckdb"),
        "TMDB_ASSETS_REPORTS": str(folder / "reports"),
        "TMDB_ASSETS_SPILL": str(folder / "spill"),
        "DAGSTER_HOME": "",
    }
    command = [sys.executable, "-W", "ignore", "-m", "tmdb_assets.runs", day.isoformat(), "--source", "tmdb"]
    return run_child(command, os.environ | settings)


def _cost(child: Child) -> str:
    return f"{child.wall:.0f} s, {child.cpu:.0f} s of CPU, peak memory {child.peak_mb:.0f} MB"


def _told(child: Child, folder: Path) -> str:
    warehouse = (folder / "warehouse.duckdb").stat().st_size
    return f"{_cost(child)}; lake {_bytes(folder) / 1e6:.0f} MB, warehouse {warehouse / 1e6:.0f} MB"


def _kept_bytes(folder: str) -> dict[str, int]:
    """Bytes of each table's newest version: what is left of the lake once upkeep has removed older ones."""
    store = DeltaStore(f"{folder}/lake")
    files = {contract.name: store.files(contract) for contract in contracts.CONTRACTS}
    return {name: int(listed.get_column("size_bytes").sum()) if listed.height else 0 for name, listed in files.items()}


def _grown(added: int, before: Mapping[str, int], after: Mapping[str, int], facts: int) -> str:
    """What a day added, in words: in all, and to the newest versions of tables that no details come into."""
    grown = {name: after[name] - before[name] for name in after if name not in OF_DETAILS}
    stays = sum(grown.values())
    largest = [f"{name} {grown[name] / 1e6:.1f}" for name in sorted(grown, key=grown.__getitem__)[:-6:-1]]
    return (
        f"{added / 1e6:.0f} MB, of which {stays / 1e6:.1f} MB stay once older versions are removed, details apart: "
        f"{stays / facts:.1f}x of its facts' {facts / 1e6:.1f} MB ({', '.join(largest)})"
    )


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "lake").rglob("*") if file.is_file())


# -- days that are written directly ------------------------------------------------------------------------------------


def _fill(folder: Path, count: int) -> None:
    """Facts of so many days before the first one, as far as they are missing, what is made of them, and both in the
    warehouse."""
    store = DeltaStore(folder / "lake")
    facts = store.scan(contracts.FACT_MOVIE_DAILY, [FIRST]).collect()
    kept = store.partition_rows(contracts.FACT_MOVIE_DAILY)
    days = [day for n in range(1, count + 1) if (day := FIRST - dt.timedelta(days=n)) not in kept]
    for day in days:
        moved = 1 + (pl.col("movie_id") * 7 + day.toordinal()) % 100 / 1000
        votes = pl.col("vote_count") - (FIRST - day).days
        rows = facts.with_columns(
            date_id=pl.lit(day), popularity=(pl.col("popularity") * moved).round(4), vote_count=votes.clip(0)
        )
        store.replace(contracts.FACT_MOVIE_DAILY, rows, [day], {})
    know_days(store, days)
    for table in derived_tables():
        if table.contract.name in OVER_FACTS:
            publish(table, Run(store, [FIRST]))
    sources = [Source.of(module) for module in source_modules("contracts")]
    publish_warehouse(store, DuckDBFile(folder / "warehouse.duckdb"), sources, None, print)


if __name__ == "__main__":
    _fill(Path(sys.argv[1]), int(sys.argv[2]))
