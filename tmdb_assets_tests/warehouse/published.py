"""A small warehouse of the sandbox's films and of made-up subscribers, and the files a reader may meet instead of it.

What belongs here: publishing one, and altering copies. What does not: assertions, and the toy that the publication
itself is tested on (toy.py).
"""

from __future__ import annotations

import contextlib
import shutil
from contextlib import closing
from pathlib import Path

import duckdb

from tmdb_assets.lakehouse.contracts import ByPeriod
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.streamflow import contracts as streamflow
from tmdb_assets.sources.streamflow.drops import SANDBOX_MARK, SUCCESS
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import publish_warehouse
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets_tests.sources.streamflow.months import Files, World, drop
from tmdb_assets_tests.sources.tmdb.worlds import sandbox_lake

#: Month -> its drop: one row breaks a rule in February, the file of labels is cut in March.
MONTHS: dict[str, Files] = {
    "2024-01": drop(range(40)),
    "2024-02": drop(range(3, 43), 1),
    "2024-03": drop(range(40), 2),
}
SET_ASIDE, REFUSED = "2024-02", "2024-03"


def publish_films(folder: Path) -> Path:
    """The warehouse of the sandbox's films and of MONTHS in `folder`; the films' own lake is left as it is."""
    path, lake = folder / "films.duckdb", folder / "lake"
    lake.mkdir(parents=True, exist_ok=True)
    (lake / contracts.SOURCE).symlink_to(sandbox_lake(folder.parent) / contracts.SOURCE)
    world = World(DeltaStore(lake), folder / "drops")
    take_months(world)
    sources = [Source.of(contracts), Source.of(streamflow)]
    publish_warehouse(world.store, DuckDBFile(path), sources, None, lambda line: None)
    return path


def spoiled_months(world: World) -> None:
    """Put MONTHS into their folder as drops of the sandbox."""
    for month, files in MONTHS.items():
        made = world.write(month, files)
        (made / SUCCESS).write_bytes(SANDBOX_MARK)
    aside = world.drops / SET_ASIDE / "subscriptions.csv"
    aside.write_text(aside.read_text(encoding="utf-8").replace("One year", "Ten years", 1), encoding="utf-8")
    cut = world.drops / REFUSED / "labels.csv"
    cut.write_bytes(cut.read_bytes()[:-4])


def take_months(world: World) -> None:
    """Run MONTHS as drops of the sandbox."""
    spoiled_months(world)
    world.run(*(month for month in MONTHS if month != REFUSED), only=["vw_checks"])
    with contextlib.suppress(BlockedError):
        world.observe(REFUSED)


def altered(published: Path, path: Path, *statements: str) -> Path:
    """A copy of a warehouse at `path` to which something was done; the answers that it keeps follow from it."""
    unfinished = path.with_suffix(".next")
    shutil.copyfile(published, unfinished)
    with closing(duckdb.connect(str(unfinished))) as connection:
        if statements:
            _answer_anew(connection)
        for statement in statements:
            connection.execute(statement)
    unfinished.replace(path)
    return path


def _answer_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """Make views of the answers about films that a warehouse keeps as tables, so that they are true of what is changed
    in it."""
    connection.execute(f"USE {contracts.SOURCE}")
    listed = "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?"
    there = {name for (name,) in connection.execute(listed, [contracts.SOURCE]).fetchall()}
    for view in contracts.VIEWS:
        name, columns = view.contract.name, "*"
        if name in there:
            kinds = connection.execute(f"DESCRIBE {name}").fetchall()
            columns = ", ".join(f'CAST("{column}" AS {kind}) AS "{column}"' for column, kind, *_ in kinds)
            connection.execute(f"DROP TABLE {name}")
        elif not isinstance(view.contract.kept, ByPeriod):
            continue  # it is a view
        text = view.sql.rstrip().rstrip(";")
        connection.execute(f"CREATE VIEW {name} AS SELECT {columns} FROM ({text}\n) AS answer")
    connection.execute("USE main")


def broken_out(films: int) -> str:
    """The statement that makes so many of the most popular films of a warehouse breakouts, 8.25 times as popular as
    usual."""
    return (
        "CREATE OR REPLACE VIEW tmdb.vw_breakouts AS SELECT position AS breakout_rank, movie_id, title, release_date, "
        "popularity, popularity / 8.25 AS median_popularity, 8.25 AS factor, 9.5 AS z_score, 40 AS days_of_history "
        f"FROM tmdb.vw_top_movies WHERE position <= {films}"
    )


def emptied(published: Path, path: Path) -> Path:
    """A copy without a single row of any source."""
    with closing(duckdb.connect(str(published), read_only=True)) as connection:
        listed = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name <> 'main' "
            "AND NOT (schema_name = 'tmdb' AND starts_with(table_name, 'vw_'))"
        ).fetchall()
    return altered(published, path, *(f'DELETE FROM "{schema}"."{name}"' for schema, name in listed))
