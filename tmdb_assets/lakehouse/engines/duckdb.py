"""DuckDB, in this process: the engine that answers views where nothing else is asked for.

What belongs here: a view run over lazy frames and files, DuckDB's errors with the file and line. What does not: the
text (views.py), the types of the answer (answers.py), which tables the frames come from and what becomes of it (flow/).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl

from tmdb_assets.lakehouse.engines import EVERYTHING, Extended, ParquetFiles, Readable, Wanted
from tmdb_assets.lakehouse.engines.answers import typed
from tmdb_assets.lakehouse.engines.views import SqlError, View

#: What means more than itself in a path that DuckDB is told.
_GLOB = re.compile(r"([*?\[])")


def answer(
    view: View,
    tables: Mapping[str, Readable],
    wanted: Wanted = EVERYTHING,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> pl.DataFrame:
    """The answer of a view over tables, by the names it reads, and over its bases, on a connection (by default to an
    empty database of this process), typed as its contract says.

    Columns and filters are pushed into the scans. Files on this machine are read by DuckDB itself: 67 million rows of
    60 days took it 0.35 GB and 4 s of CPU, through a lazy frame 2.8 GB and 10 s. Raises SqlError with the line in the
    file, or in that of a base, that DuckDB stumbled over.
    """
    with (connection or _database()).cursor() as cursor:  # sees nothing of other ones
        for name, table in tables.items():
            _register(cursor, name, table)
        for base in view.bases:
            try:
                cursor.execute(f"CREATE TEMP VIEW {base.contract.name} AS {base.sql}")
            except duckdb.Error as error:
                raise as_sql_error(_with_its_line(cursor, base.sql, error), base.file) from None
        try:
            found: pl.DataFrame = cursor.sql(view.sql).pl()
        except duckdb.Error as error:
            raise as_sql_error(_with_its_line(cursor, view.sql, error), view.file) from None
    return typed(found, view.contract, wanted.parts)


def _register(cursor: duckdb.DuckDBPyConnection, name: str, table: Readable) -> None:
    """Let the cursor read a table by its name."""
    if isinstance(table, Extended):
        _register(cursor, f"{name}_as_kept", table.table)
        cursor.register(f"{name}_beside", table.rows)
        both = f"SELECT * FROM {name}_as_kept UNION ALL BY NAME SELECT * FROM {name}_beside"
        cursor.execute(f"CREATE TEMP VIEW {name} AS {both}")
        return
    paths = table.paths if isinstance(table, ParquetFiles) else None
    if not paths or not isinstance(table, ParquetFiles):
        cursor.register(name, table.lazy())
        return
    folder = table.contract.folders
    hive = f"hive_partitioning = true, hive_types = {{'{folder}': DATE}}" if folder else "hive_partitioning = false"
    listed = ", ".join(_as_text(path) for path in paths)
    found = f"read_parquet([{listed}], union_by_name = true, {hive})"
    there = {column for column, *_ in cursor.execute(f"DESCRIBE FROM {found}").fetchall()}
    missing = [column for column in table.contract.columns if column not in there]
    if missing:  # they are younger than every file, which is rare: Polars knows their types
        cursor.register(name, table.lazy())
        return
    columns = ", ".join(f'"{column}"' for column in table.contract.columns)
    cursor.execute(f"CREATE TEMP VIEW {name} AS SELECT {columns} FROM {found}")


def _as_text(path: str) -> str:
    """A path as DuckDB reads it, whatever its folders are called."""
    plain = _GLOB.sub(r"[\1]", path)
    return "'" + plain.replace("'", "''") + "'"


@functools.cache  # to make one takes longer than most answers do
def _database() -> duckdb.DuckDBPyConnection:
    """An empty database, on which each answer has a connection of its own."""
    return duckdb.connect()


def _with_its_line(connection: duckdb.DuckDBPyConnection, sql: str, error: duckdb.Error) -> duckdb.Error:
    """The fault of a text that could not be run: sql() keeps the line to itself, EXPLAIN tells it."""
    try:
        connection.execute(f"EXPLAIN {sql}").fetchall()
    except duckdb.Error as told_with_line:
        return told_with_line
    return error


def as_sql_error(error: duckdb.Error, file: Path) -> SqlError:
    """DuckDB's first sentence, and the line it points at."""
    text = str(error)
    line = re.search(r"^LINE (\d+):", text, re.MULTILINE)
    return SqlError(file, int(line[1]) if line else None, text.splitlines()[0])
