"""A toy source with every kind of table and view a warehouse knows, and ways to fill and read it.

What belongs here: the toy's contracts and views, writing its lake, reading a warehouse back. What does not: assertions.
Run as a program, it publishes a lake: `python -m tmdb_assets_tests.warehouse.toy LAKE WAREHOUSE VIEWS`.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import polars as pl

from tmdb_assets.lakehouse.contracts import ByDay, Column, Contract, FewADay, Owned, col, ge, isin
from tmdb_assets.lakehouse.engines.duckdb import answer as answer_view
from tmdb_assets.lakehouse.engines.views import read_views
from tmdb_assets.lakehouse.flow.ledger import SANDBOX, Entry, Ledger, ledger_contract
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import Publication, publish_warehouse
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile

FIRST = dt.date(2026, 3, 1)
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
METADATA = {"run_id": "run-1", "asset_key": "toy"}


def day(number: int) -> dt.date:
    """The n-th day, from 0."""
    return FIRST + dt.timedelta(days=number)


def _table(stage: str, name: str, grain: tuple[str, ...], columns: Mapping[str, Column], **more: Any) -> Contract:
    return Contract("toy", stage, name, f"It's the toy's {name}.", grain=grain, columns=columns, **more)


_DAY = {"date_id": col(pl.Date, "Day of the observation.")}
_THING = {"thing_id": col(pl.Int64, "Thing.", ge(1))}

PAGES = _table(
    "raw",
    "pages",
    ("date_id", "page"),
    {**_DAY, "page": col(pl.Int64, "Page."), "payload": col(pl.String, "As it came.")},
    kept=ByDay("date_id"),
)
LEDGER = ledger_contract("toy")
NOTES = _table(
    "clean",
    "notes",
    ("date_id", "line"),
    {**_DAY, "line": col(pl.Int64, "Line."), "note": col(pl.String, "Note.", nullable=True)},
    kept=FewADay("date_id"),
)
DIM_THING = _table(
    "star",
    "dim_thing",
    ("thing_id",),
    {
        **_THING,
        "name": col(pl.String, "Name.", nullable=True),
        "order": col(pl.String, "A reserved word.", isin(["low", "high"]), nullable=True),
        "is_new": col(pl.Boolean, "Whether it is new."),
        "seen_at": col(pl.Datetime("us", "UTC"), "When it was seen."),
        "tags": col(pl.List(pl.String), "Tags.", nullable=True),
        "box": col(pl.Struct({"width": pl.Float64, "since": pl.Date}), "Box.", nullable=True),
        "observed_on": col(pl.Date, "Day."),
    },
    kept=Owned(("thing_id",), ("observed_on",)),
)
FACT_DAILY = _table(
    "star",
    "fact_daily",
    ("date_id", "thing_id"),
    {**_DAY, **_THING, "amount": col(pl.Int64, "Amount."), "share": col(pl.Float64, "Share.", nullable=True)},
    kept=ByDay("date_id"),
    references={"thing_id": DIM_THING},
)
TABLES = (PAGES, LEDGER, NOTES, DIM_THING, FACT_DAILY)

#: name -> text. `vw_totals` adds whole numbers, which DuckDB widens; `vw_pages` reads a table that is not in the file.
VIEWS = {
    "vw_totals": """-- Amount of each thing.
--
-- Grain: thing_id
-- Kind: whole
--
-- thing_id  Int64    Thing.
-- name      String?  Name.
-- total     Int64    Amount of all days.
-- days      Int64    Days.

SELECT fact_daily.thing_id, dim_thing.name, sum(fact_daily.amount) AS total, count(*) AS days
FROM fact_daily
JOIN dim_thing ON dim_thing.thing_id = fact_daily.thing_id
GROUP BY fact_daily.thing_id, dim_thing.name
ORDER BY total DESC
""",
    "vw_days": """-- Amount of each day.
--
-- Grain: date_id
-- Kind: whole
--
-- date_id  Date     Day.
-- amount   Int64    Amount.
-- before   Int64?   Amount of the day before; null on the first one.

SELECT date_id, sum(amount) AS amount, lag(sum(amount)) OVER (ORDER BY date_id) AS before
FROM fact_daily
GROUP BY date_id
""",
    "vw_best": """-- The thing with most.
--
-- Grain: thing_id
--
-- thing_id  Int64  Thing.
-- total     Int64  Amount of all days.

SELECT thing_id, total FROM vw_totals ORDER BY total DESC, thing_id LIMIT 1
""",
    "vw_pages": """-- Pages a day.
--
-- Grain: date_id
-- Kind: whole
--
-- date_id  Date   Day.
-- pages    Int64  Pages.

SELECT date_id, count(*) AS pages FROM pages GROUP BY date_id
""",
    "vw_busy": """-- Days with more than one page.
--
-- Grain: date_id
--
-- date_id  Date  Day.

SELECT vw_pages.date_id FROM vw_pages JOIN notes ON notes.date_id = vw_pages.date_id WHERE pages > 1
""",
    "vw_things": """-- Names.
--
-- Grain: thing_id
--
-- thing_id  Int64    Thing.
-- name      String?  Name.

SELECT thing_id, name FROM dim_thing
""",
}
MACROS = """
CREATE MACRO toy.on_day(day) AS TABLE SELECT * FROM toy.fact_daily WHERE date_id = CAST(day AS DATE);
COMMENT ON MACRO TABLE toy.on_day IS 'Facts of a day; nothing more.';
CREATE MACRO toy.twice(x) AS 2 * x;
"""


def write_views(folder: Path, views: Mapping[str, str] = VIEWS, macros: str | None = MACROS) -> Path:
    """The toy's views and macros as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.sql"):
        file.unlink()
    for name, text in views.items():
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    (folder.parent / "macros.sql").unlink(missing_ok=True)
    if macros is not None:
        (folder.parent / "macros.sql").write_text(macros, encoding="utf-8")
    return folder


def module(views: Path) -> ModuleType:
    """What a source's module `contracts` would be."""
    made = ModuleType("toy.contracts")
    made.__file__ = str(views.parent / "contracts.py")
    read = read_views(views, "toy", TABLES)
    made.__dict__.update(SOURCE="toy", VIEWS=read, CONTRACTS=(*TABLES, *(view.contract for view in read)))
    return made


def source(views: Path) -> Source:
    """The toy as the warehouse takes it."""
    return Source.of(module(views))


def fill(store: DeltaStore, views: Path, days: Iterable[int], things: int = 5) -> None:
    """Days of the toy, each with every thing, two pages and a note; then its views are answered."""
    put_things(store, {n: f"thing {n}" for n in range(1, things + 1)})
    for number in days:
        put_day(store, number, things)
    answer(store, views)


def put_things(store: DeltaStore, names: Mapping[int, str | None]) -> None:
    """Put the things in place of those there are."""
    rows = [
        (
            n,
            name,
            "high" if n % 2 else None,
            n % 3 == 0,
            NOON,
            ["a", "ü"] if n % 2 else None,
            {"width": n / 3, "since": FIRST},
            FIRST,
        )
        for n, name in names.items()
    ]
    store.overwrite(DIM_THING, pl.DataFrame(rows, schema=DIM_THING.schema, orient="row"), METADATA)


def put_day(store: DeltaStore, number: int, things: int, factor: int = 1) -> None:
    """Put a day in place of what there is of it; no things: the day is gone."""
    date = day(number)
    facts = [(date, n, factor * (10 * n + number), n / 7) for n in range(1, things + 1)]
    rows: dict[Contract, Sequence[tuple[Any, ...]]] = {
        FACT_DAILY: facts,
        PAGES: [(date, page, "{}") for page in (1, 2)] if things else [],
        NOTES: [(date, 1, f"note {factor}")] if things else [],
    }
    for contract, listed in rows.items():
        store.replace(contract, pl.DataFrame(listed, schema=contract.schema, orient="row"), [date], METADATA)


def answer(store: DeltaStore, views: Path) -> None:
    """Answer every view and keep the answers in the lake."""
    tables = {c.name: c for c in TABLES}
    for view in source(views).views:
        answered = answer_view(view, {name: store.scan(tables[name]) for name in view.reads})
        store.overwrite(view.contract, answered, METADATA)
        tables[view.contract.name] = view.contract


def changes(store: DeltaStore, views: Path) -> list[Callable[[], object]]:
    """What may happen to the toy between publications, of each kind one: nothing, a new day, one in another month, a
    day anew and gone, other things, other answers, other views."""
    return [
        lambda: None,
        lambda: put_day(store, 3, 5),
        lambda: put_day(store, 40, 5),
        lambda: put_day(store, 1, 3, factor=9),
        lambda: put_day(store, 0, 0),
        lambda: put_things(store, {n: f"Thing {n}" for n in range(1, 8)}),
        lambda: answer(store, views),
        lambda: write_views(views, {"vw_things": VIEWS["vw_things"]}, macros=None),
        lambda: None,
    ]


def own_up(store: DeltaStore, origin: str = SANDBOX) -> None:
    """Write into the toy's ledger who answered."""
    Ledger(store, "toy").write(FIRST, [Entry("pages", origin, NOON)], METADATA)


def publish(
    store: DeltaStore,
    path: Path,
    views: Path,
    fact_days: int | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> Publication:
    """Publish the toy."""
    return publish_warehouse(store, DuckDBFile(path), [source(views)], fact_days, log)


# -- what lies there ---------------------------------------------------------------------------------------------------


def beside(path: Path) -> set[str]:
    """Names of what lies in the warehouse's folder."""
    return {file.name for file in path.parent.iterdir()}


def alone(path: Path) -> bool:
    """Whether nothing of a publication is left but the file and its lock."""
    return beside(path) <= {path.name, f".{path.name}.lock"}


# -- reading back ------------------------------------------------------------------------------------------------------


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """The answer of a warehouse, in a connection of its own."""
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        return connection.execute(sql).fetchall()


def everything(path: Path) -> dict[str, pl.DataFrame]:
    """Every table and view of a warehouse's sources, sorted, and the versions it names."""
    own = "SELECT source, table_name, delta_version, rows, committed_at, run_id FROM main.lake_versions"
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        listed = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name <> 'main' UNION ALL "
            "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        found = {f"{s}.{t}": _frame(connection, f'SELECT * FROM "{s}"."{t}"') for s, t in sorted(listed)}
        return found | {"versions": _frame(connection, own)}


def _frame(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    frame: pl.DataFrame = connection.sql(sql).pl()
    sortable = [name for name, dtype in frame.schema.items() if not dtype.is_nested()]
    return frame.sort(sortable, nulls_last=True)


def differences(one: Path, other: Path) -> list[str]:
    """Names of what two warehouses do not agree on."""
    return unlike(everything(one), everything(other))


def unlike(left: Mapping[str, pl.DataFrame], right: Mapping[str, pl.DataFrame]) -> list[str]:
    """Names of what two contents of warehouses do not agree on."""
    return [
        name
        for name in sorted({*left, *right})
        if name not in left or name not in right or not left[name].equals(right[name])
    ]


if __name__ == "__main__":
    print("begun", flush=True)
    publish(DeltaStore(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
    os._exit(0)  # at once: nothing else may look like part of a publication
