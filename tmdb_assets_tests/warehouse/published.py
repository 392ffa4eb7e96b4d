"""A small warehouse of the sandbox's films, and the files a reader may meet instead of it.

What belongs here: publishing one, and altering copies. What does not: assertions, and the toy that the publication
itself is tested on (toy.py).
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import duckdb

from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import publish_warehouse
from tmdb_assets_tests.sources.tmdb.worlds import sandbox_lake


def publish_films(folder: Path) -> Path:
    """The warehouse of the sandbox's films in `folder`; their lake lies beside it, for whoever else needs it."""
    path = folder / "films.duckdb"
    lake = DeltaStore(sandbox_lake(folder.parent))
    publish_warehouse(lake, path, [Source.of(contracts)], None, lambda line: None)
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
