"""The tables of a DuckDB file while it is being made: tables, views, macros, comments, and what it says of itself.

What belongs here: the DuckDB side of a publication; every statement that writes. What does not: the file as a whole,
its copy and its swap (duckdb.py), what is loaded and when (publish.py), what the file is to hold (contents.py), reading
a published file (reader.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Self

import duckdb
import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines.duckdb import as_sql_error
from tmdb_assets.lakehouse.engines.views import SqlError, View
from tmdb_assets.warehouse.contents import Layout
from tmdb_assets.warehouse.reader import first_line
from tmdb_assets.warehouse.recorded import INFO, PARTS, VERSIONS, OwnTable, Recorded
from tmdb_assets.warehouse.target import described, refuses
from tmdb_assets.warehouse.targets.duckdb_files import overflow, remove

#: The oldest format that still holds all we write: clients since DuckDB 1.4.0 can open the file.
STORAGE_VERSION = "v1.4.0"
NAME = "warehouse"
NOUN = "file"  #: what it is called in a sentence

Column = tuple[str, str, bool]


class Database:
    """A DuckDB file that nobody else knows of yet. As a context: what is not finished is removed at its end."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.discard()
        config: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": str(overflow(file)),
            "autoinstall_known_extensions": "false",
        }
        self._connection = duckdb.connect(":memory:", config=config)
        self._known: dict[tuple[str, str, str], list[Column]] = {}
        self._has_dropped = False  # whether room can be had by a checkpoint

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self.discard()

    def discard(self) -> None:
        """Remove the file and what DuckDB keeps beside it, those of a publication that was killed too."""
        remove(self.file)

    def open(self) -> duckdb.DuckDBPyConnection:
        """Attach the file, made if it is not there. It needs no log to recover by: half-made, it is thrown away."""
        file = str(self.file).replace("'", "''")
        self._connection.execute(
            f"ATTACH '{file}' AS {NAME} (STORAGE_VERSION '{STORAGE_VERSION}', RECOVERY_MODE no_wal_writes)"
        )
        self._connection.execute(f"USE {NAME}.main")
        return self._connection

    def close(self) -> None:
        """Let go of the file, everything written."""
        self._connection.execute("USE memory.main")
        self._connection.execute(f"DETACH {NAME}")

    def checkpoint(self) -> None:
        """Write everything to the file; room that is no longer used is free afterwards."""
        self._connection.execute(f"CHECKPOINT {NAME}")
        self._has_dropped = False

    def holes(self) -> float:
        """The share of the file that holds nothing any more."""
        sizes = f"SELECT total_blocks, free_blocks FROM pragma_database_size() WHERE database_name = '{NAME}'"
        total, free = self._connection.execute(sizes).fetchall()[0]
        return free / total if total else 0.0

    # -- what it was made of ---------------------------------------------------------------------------------------

    def recorded(self) -> Recorded:
        """What the file says it was made of; nothing for a new one."""
        if not self._connection.execute(
            f"SELECT 1 FROM duckdb_tables() WHERE database_name = '{NAME}' AND table_name = '{PARTS}'"
        ).fetchall():
            return Recorded.nothing()
        return Recorded.of(*(self._frame(f"SELECT * FROM main.{table}") for table in (INFO, VERSIONS, PARTS)))

    def record(self, tables: Sequence[OwnTable]) -> None:
        """Write down what the file is and what it was made of."""
        for table in tables:
            name = f"main.{table.name}"
            self._connection.register("incoming", table.frame)
            self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM incoming")
            self._comment("TABLE", name, table.description)
            for column, meaning in table.meanings.items():
                self._comment("COLUMN", f"{name}.{column}", meaning)

    # -- tables ----------------------------------------------------------------------------------------------------

    def drop_all_but(self, layouts: Sequence[Layout]) -> None:
        """Drop every view and macro, and every table and schema that no layout has; views and macros are made anew."""
        wanted = {(layout.source.name, table.name) for layout in layouts for table in layout.tables}
        ours = {layout.source.name for layout in layouts}
        self._has_dropped = True
        for schema, name in self._listed("duckdb_views()", "view_name"):
            self._connection.execute(f"DROP VIEW {_quoted(schema, name)}")
        for kind, said in (("macro", "MACRO"), ("table_macro", "MACRO TABLE")):
            for schema, name in self._listed("duckdb_functions()", "function_name", f"function_type = '{kind}'"):
                self._connection.execute(f"DROP {said} {_quoted(schema, name)}")
        for schema, name in self._listed("duckdb_tables()", "table_name", "schema_name <> 'main'"):
            if (schema, name) not in wanted:
                self._connection.execute(f"DROP TABLE {_quoted(schema, name)}")
        for (schema,) in self._connection.execute(
            f"SELECT schema_name FROM duckdb_schemas() WHERE database_name = '{NAME}' AND NOT internal AND "
            "schema_name <> 'main'"
        ).fetchall():
            if schema not in ours:
                self._connection.execute(f"DROP SCHEMA {_quoted(schema)} CASCADE")
        for source in ours:
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(source)}")

    def has(self, contract: Contract) -> bool:
        """Whether the table is there as its contract says: columns, types, which of them may be null."""
        return self._columns(contract) == self._promised(contract)

    def create(self, contract: Contract) -> None:
        """Make the table, empty, in place of one that may be there."""
        columns = ", ".join(
            f"{_quoted(name)} {kind}{'' if nullable else ' NOT NULL'}"
            for name, kind, nullable in self._promised(contract)
        )
        table = _quoted(contract.source, contract.name)
        self._has_dropped = True
        self._connection.execute(f"DROP TABLE IF EXISTS {table}")
        self._connection.execute(f"CREATE TABLE {table} ({columns})")

    def delete_days(self, contract: Contract, days: Collection[dt.date]) -> None:
        """Delete the rows of some days."""
        listed = ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days))
        table = _quoted(contract.source, contract.name)
        self._has_dropped = True
        self._connection.execute(f"DELETE FROM {table} WHERE {_quoted(contract.partition or '')} IN ({listed})")

    def append(self, contract: Contract, frame: pl.DataFrame) -> None:
        """Add rows, in the order of their grain: neighbours compress well, and a reader skips the days it is not asked
        for."""
        if self._has_dropped:
            self.checkpoint()  # what was dropped leaves room for what is loaded
        table = _quoted(contract.source, contract.name)
        self._connection.register("incoming", frame.select(list(contract.schema)).sort(contract.grain))
        try:
            self._connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")
        except duckdb.ConstraintException as error:
            raise refuses(contract, first_line(error)) from None

    def count(self, contract: Contract) -> int:
        """Rows of a table."""
        table = _quoted(contract.source, contract.name)
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])

    def _columns(self, contract: Contract) -> list[Column]:
        found = self._connection.execute(
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
            f"WHERE database_name = '{NAME}' AND schema_name = ? AND table_name = ? ORDER BY column_index",
            [contract.source, contract.name],
        )
        return [(name, kind, bool(nullable)) for name, kind, nullable in found.fetchall()]

    def _promised(self, contract: Contract) -> list[Column]:
        """A contract's columns in DuckDB's words: name, type, whether null is allowed."""
        if contract.key not in self._known:
            self._connection.register("incoming", contract.empty())
            described = self._connection.execute("DESCRIBE SELECT * FROM incoming").fetchall()
            nullable = {name: column.nullable for name, column in contract.columns.items()}
            self._known[contract.key] = [(name, kind, nullable[name]) for name, kind, *_ in described]
        return self._known[contract.key]

    # -- views -----------------------------------------------------------------------------------------------------

    def create_views(self, layout: Layout) -> None:
        """Make a source's views and macros, with their names resolved in the source's own schema.

        Raises SqlError naming the file and line that DuckDB stumbled over.
        """
        self._connection.execute(f"USE {NAME}.{_quoted(layout.source.name)}")
        for view in layout.views:
            self._create_view(view)
        if macros := layout.source.macros:
            self._run(macros)
        self._connection.execute(f"USE {NAME}.main")

    def _run(self, file: Path) -> None:
        """Run the statements of a file. Raises SqlError naming the line that one of them begins on."""
        text = file.read_text(encoding="utf-8")
        try:
            statements = self._connection.extract_statements(text)
        except duckdb.Error as error:
            raise as_sql_error(error, file) from None
        begins = 0
        for statement in statements:
            begins = text.index(statement.query, begins)
            try:
                self._connection.execute(statement)
            except duckdb.Error as error:
                raise SqlError(file, text.count("\n", 0, begins) + 1, first_line(error)) from None

    def _create_view(self, view: View) -> None:
        name = _quoted(view.contract.source, view.contract.name)
        try:
            # on one line, so that the lines DuckDB counts are those of the file
            self._connection.execute(f"CREATE VIEW {name} AS {view.sql}")
        except duckdb.Error as error:
            raise as_sql_error(error, view.file) from None
        found = dict(row[:2] for row in self._connection.execute(f"DESCRIBE {name}").fetchall())
        promised = {column: kind for column, kind, _ in self._promised(view.contract)}
        if found != promised and set(found) == set(promised):
            typed = ", ".join(f"CAST({_quoted(c)} AS {kind}) AS {_quoted(c)}" for c, kind in promised.items())
            text = view.sql.rstrip().rstrip(";")
            self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT {typed} FROM ({text}\n) AS answer")

    def columns_apart(self, view: View) -> str | None:
        """What keeps a view of the file from being what its contract promises, None if nothing does."""
        name = _quoted(view.contract.source, view.contract.name)
        try:
            found = [row[:2] for row in self._connection.execute(f"DESCRIBE SELECT * FROM {name}").fetchall()]
        except duckdb.Error as error:
            return f"{view.contract.name} does not answer: {str(error).splitlines()[0]}"
        promised = [(column, kind) for column, kind, _ in self._promised(view.contract)]
        if found == promised:
            return None
        return f"{view.contract.name} has the columns {found}, its contract promises {promised}"

    # -- comments --------------------------------------------------------------------------------------------------

    def describe(self, layout: Layout, anew: Collection[Contract] | None = None) -> None:
        """Put the contracts' words on a source's tables, views and columns, or on some of its tables."""
        notes = layout.notes(NOUN)
        kinds = dict.fromkeys(layout.tables, "TABLE") | {view.contract: "VIEW" for view in layout.views}
        self._connection.execute("BEGIN")
        for contract, kind in kinds.items():
            if anew is None or contract in anew:
                self._describe(kind, contract, notes.get(contract.name, ""))
        self._connection.execute("COMMIT")

    def _describe(self, kind: str, contract: Contract, note: str) -> None:
        name = _quoted(contract.source, contract.name)
        said, columns = described(contract, note)
        self._comment(kind, name, said)
        for column, meaning in columns.items():
            self._comment("COLUMN", f"{name}.{_quoted(column)}", meaning)

    def _comment(self, kind: str, name: str, text: str) -> None:
        quoted = text.replace("'", "''")
        self._connection.execute(f"COMMENT ON {kind} {name} IS '{quoted}'")

    def _listed(self, function: str, column: str, where: str = "true") -> list[tuple[str, str]]:
        found = self._connection.execute(
            f"SELECT DISTINCT schema_name, {column} FROM {function} WHERE database_name = '{NAME}' AND NOT "
            f"internal AND {where}"
        )
        return [(schema, name) for schema, name in found.fetchall()]

    def _frame(self, sql: str) -> pl.DataFrame:
        frame: pl.DataFrame = self._connection.sql(sql).pl()
        return frame


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)
