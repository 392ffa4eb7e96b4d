"""q. Five views beside dbt: the same SQL over the same rows, and what one bad row does.

The views' text becomes dbt models on DuckDB as it is, with the names of tables replaced by `source` and `ref`, and with
the tests that dbt brings for what our contracts say of keys and nulls; a rule of a number is a singular test. dbt reads
Parquet files, ours the Delta tables that these were written from. Both are a command in a process of its own: `dbt
build`, and ours answering, checking and committing the five.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from benchmarks.contestants import python_environ
from benchmarks.figure import Child, Figure, run_child
from benchmarks.lake import daily_tables, derive, fill_raw, films
from benchmarks.peers import DBT, environment
from benchmarks.warehouse import FIRST, repeat_facts
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.assets import derived_tables

LISTED, DAYS = 10_000, 90
FIVE = ("vw_movie_latest", "vw_genre_popularity", "vw_yearly_box_office", "vw_movie_history", "vw_trending")
#: What the five read beside the star; given to dbt as it was published, so that both answer five.
BEFORE = ("fact_movie_daily_last", "vw_movie_latest", "vw_movie_financials", "vw_daily_popularity")
VIEWS = {view.contract.name: view for view in contracts.VIEWS}
BAD_DAY = FIRST + dt.timedelta(days=DAYS)


def measure() -> Figure:
    """Ours over dbt's, in wall seconds."""
    with tempfile.TemporaryDirectory() as folder:
        lake, project = f"{folder}/lake", Path(folder) / "project"
        known, origin = films(LISTED)
        store = DeltaStore(lake)
        fill_raw(store, [FIRST], known, lambda _: known)
        derive(store, [FIRST])
        repeat_facts(store, DAYS)
        dates = store.scan(contracts.DIM_DATE).collect().head(1)
        later = [dates.with_columns(date_id=pl.lit(FIRST + dt.timedelta(days=n))) for n in range(1, DAYS)]
        store.merge(contracts.DIM_DATE, pl.concat(later), {})
        _publish(store, BEFORE)
        models = _write_project(project, store)
        for name in FIVE:
            shutil.rmtree(store.uri(VIEWS[name].contract), ignore_errors=True)
        theirs = _dbt(project)
        ours = run_child([sys.executable, "-W", "ignore", "-m", __name__, lake], python_environ())
        apart = _differences(project, store)
        details = {
            "dbt build": f"{_told(theirs)}; {_results(project)}",
            "ours": f"{_told(ours)}; in both, imports and start are counted",
            "answers": apart or "the same rows and numbers in all five",
            "tables": f"{LISTED:,} films x {DAYS} days; {origin}; {models}",
            "one bad row, dbt": _bad_row_in_dbt(project, store),
            "one bad row, ours": _bad_row_in_ours(store, known),
        }
    name = "q. five views answered, checked and published over `dbt build` of the same five"
    return Figure(name, ours.wall / theirs.wall, None, details=details)


def _publish(store: DeltaStore, names: tuple[str, ...]) -> None:
    for table in derived_tables():
        if table.contract.name in names:
            publish(table, Run(store, []))


def _told(child: Child) -> str:
    return f"{child.wall:.1f} s, {child.cpu:.1f} s of CPU"


# -- the project -------------------------------------------------------------------------------------------------------


def as_model(view: View, models: tuple[str, ...]) -> str:
    """The text of a view as a dbt model: the tables it names are models of the project, or sources under the name that
    the view knows them by."""
    bases = {base.contract.name for base in view.bases}

    def named(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in view.reads and name not in bases:
            return found[0]
        kept = name if name in bases else view.tables[name].name
        where = f"ref('{kept}')" if kept in models or name in bases else f"source('lake', '{kept}')"
        alias = "" if found["alias"] else f" AS {name}"
        return f"{found['word']} {{{{ {where} }}}}{alias}{found['alias'] or ''}"

    pattern = r"\b(?P<word>FROM|JOIN)\s+(?P<name>[a-z]\w*)(?P<alias>\s+AS\s+\w+)?"
    return re.sub(pattern, named, view.sql)


def _write_project(project: Path, store: DeltaStore) -> str:
    """A dbt project of the five and the steps behind them, and its sources as Parquet; says how large it is."""
    models = project / "models"
    (project / "tests").mkdir(parents=True)
    (project / "parquet").mkdir()
    models.mkdir()
    bases = {base.contract.name: base for name in FIVE for base in VIEWS[name].bases}
    sources: dict[str, Contract] = {}
    for name, view in {**bases, **{name: VIEWS[name] for name in FIVE}}.items():
        kept = "view" if name in bases else "table"
        text = as_model(view, FIVE)
        (models / f"{name}.sql").write_text(f"{{{{ config(materialized='{kept}') }}}}\n{text}\n", encoding="utf-8")
        sources |= {c.name: c for c in view.tables.values() if c.name not in FIVE}
    for name, contract in sources.items():
        store.scan(contract).collect().write_parquet(project / "parquet" / f"{name}.parquet")
    tests = [_tests(VIEWS[name].contract, project / "tests") for name in FIVE]
    found = {
        "version": 2,
        "models": tests,
        "sources": [
            {
                "name": "lake",
                "config": {"external_location": f"read_parquet('{project}/parquet/{{name}}.parquet')"},
                "tables": [{"name": name} for name in sources],
            }
        ],
    }
    (models / "schema.yml").write_text(json.dumps(found), encoding="utf-8")  # JSON is YAML
    about = {"name": "five", "version": "1.0.0", "profile": "five", "flags": {"send_anonymous_usage_stats": False}}
    (project / "dbt_project.yml").write_text(json.dumps(about), encoding="utf-8")
    target = {"type": "duckdb", "path": str(project / "five.duckdb"), "threads": os.cpu_count() or 1}
    profiles = {"five": {"target": "here", "outputs": {"here": target}}}
    (project / "profiles.yml").write_text(json.dumps(profiles), encoding="utf-8")
    columns = sum(len(each["columns"]) for each in tests)
    return (
        f"{len(FIVE)} models and {len(bases)} views behind them, {columns} columns with tests, {len(sources)} sources"
    )


def _tests(contract: Contract, folder: Path) -> dict[str, Any]:
    """dbt's tests of what a contract says: no nulls, a key of one column is unique, numbers from zero on."""
    columns: list[dict[str, Any]] = []
    for name, column in contract.columns.items():
        tests = [] if column.nullable else ["not_null"]
        if contract.grain == (name,):
            tests.append("unique")
        if tests:
            columns.append({"name": name, "data_tests": tests})
    if "popularity" in contract.columns:
        text = f"SELECT * FROM {{{{ ref('{contract.name}') }}}} WHERE popularity < 0\n"
        (folder / f"{contract.name}_popularity.sql").write_text(text, encoding="utf-8")
    return {"name": contract.name, "columns": columns}


def _dbt(project: Path) -> Child:
    """`dbt build`, which may fail."""
    dbt = str(environment("dbt", DBT) / "dbt")
    words = [dbt, "--no-version-check", "build", "--project-dir", str(project), "--profiles-dir", str(project)]
    env = python_environ() | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "HOME": str(project)}
    return run_child(words, env, may_fail=True)


def _results(project: Path) -> str:
    """How many nodes ended how."""
    results = json.loads((project / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    ends: dict[str, int] = {}
    for each in results:
        end = f"{each['unique_id'].split('.')[0]}s {each['status']}"
        ends[end] = ends.get(end, 0) + 1
    return ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))


def _table(project: Path, name: str) -> pl.DataFrame:
    with duckdb.connect(str(project / "five.duckdb"), read_only=True) as database:
        return database.sql(f'FROM "{name}"').pl()


def _differences(project: Path, store: DeltaStore) -> str:
    """Where the answers differ, in a sentence; nothing where they agree."""
    found = []
    for name in FIVE:
        contract = VIEWS[name].contract
        ours, theirs = store.scan(contract).collect(), _table(project, name)
        key = list(contract.grain)
        numbers = [c for c, dtype in contract.schema.items() if dtype.is_numeric() and c not in key]
        both = ours.select(*key, *numbers).join(
            theirs.select(*key, *(pl.col(c).cast(pl.Float64).alias(f"{c}_") for c in numbers)), on=key
        )
        apart = both.filter(
            pl.any_horizontal((pl.col(c) - pl.col(f"{c}_")).abs() > 1e-6 * pl.col(c).abs() for c in numbers)
        )
        if not ours.height == theirs.height == both.height or apart.height:
            found.append(f"{name}: {ours.height}, {theirs.height}, {both.height} met, {apart.height} differ")
    return "; ".join(found)


# -- one bad row -------------------------------------------------------------------------------------------------------


def _bad_row_in_dbt(project: Path, store: DeltaStore) -> str:
    """One popularity below zero in the last observations: what the database holds after `dbt build`."""
    file = project / "parquet" / "fact_movie_daily_last.parquet"
    rows = pl.read_parquet(file)
    is_bad = pl.col("movie_id") == rows.get_column("movie_id").min()
    bad = pl.when(is_bad).then(pl.lit(-1.0)).otherwise(pl.col("popularity")).alias("popularity")
    rows.with_columns(bad).write_parquet(file)
    ran = _dbt(project)
    shown = _table(project, "vw_movie_latest").filter(pl.col("popularity") < 0).height
    return f"exit code {ran.exit_code}; {_results(project)}; {shown} row below zero can be read in vw_movie_latest"


def _bad_row_in_ours(store: DeltaStore, known: list[dict[str, Any]]) -> str:
    """One popularity below zero on a list page of a new day: what the lake holds after the day."""
    spoiled = [{**known[0], "popularity": -1.0}, *known[1:]]
    fill_raw(store, [BAD_DAY], spoiled, lambda _: [])
    for table in [*daily_tables(), *(t for t in derived_tables() if t.contract.name in FIVE + BEFORE)]:
        publish(table, Run(store, [BAD_DAY]))
    facts = store.scan(contracts.FACT_MOVIE_DAILY, [BAD_DAY]).select(pl.len()).collect().item()
    aside = store.scan(contracts.QUARANTINE, [BAD_DAY]).select("origin", "rule").collect().rows()
    latest = store.scan(VIEWS["vw_movie_latest"].contract).collect()
    shown = latest.filter(pl.col("popularity") < 0).height
    told = ", ".join(sorted({f"{origin}: {rule}" for origin, rule in aside}))
    return (
        f"{facts:,} facts of {LISTED:,} films, {len(aside)} entries in the quarantine ({told}); {shown} rows below zero"
    )


if __name__ == "__main__":
    _publish(DeltaStore(sys.argv[1]), FIVE)
