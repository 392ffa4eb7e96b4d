"""A small warehouse of the sandbox's films, and the files a reader may meet instead of it.

What belongs here: publishing one, and altering copies. What does not: assertions, and the toy that the publication
itself is tested on (toy.py).
"""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import closing
from pathlib import Path

import duckdb

from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import publish_warehouse
from tmdb_assets_tests.end_to_end.harness import TODAY, fill_plainly

#: Observed days: 1, 7 and 8 days before the newest among them, and a gap.
DAYS = [TODAY - dt.timedelta(days=n) for n in (9, 8, 7, 2, 1, 0)]


def publish_films(folder: Path, days: list[dt.date] = DAYS) -> Path:
    """A lake of the sandbox's films in `folder`, and the warehouse beside it."""
    fill_plainly(folder / "lake", *days, together=True)
    path = folder / "films.duckdb"
    publish_warehouse(DeltaStore(folder / "lake"), path, [Source.of(contracts)], None, lambda line: None)
    return path


def altered(published: Path, path: Path, *statements: str) -> Path:
    """A copy of a warehouse at `path` to which something was done."""
    unfinished = path.with_suffix(".next")
    shutil.copyfile(published, unfinished)
    with closing(duckdb.connect(str(unfinished))) as connection:
        for statement in statements:
            connection.execute(statement)
    unfinished.replace(path)
    return path


def emptied(published: Path, path: Path) -> Path:
    """A copy without a single row of any source."""
    with closing(duckdb.connect(str(published), read_only=True)) as connection:
        listed = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name <> 'main'"
        ).fetchall()
    return altered(published, path, *(f'DELETE FROM "{schema}"."{name}"' for schema, name in listed))
