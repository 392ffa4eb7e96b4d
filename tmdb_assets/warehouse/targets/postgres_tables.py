"""The tables of a PostgreSQL database while a publication is made: one transaction that nobody sees into.

What belongs here: every statement that writes: tables, keys, indexes, partitions, views, comments, grants, and what the
database says of itself. What does not: the connection and its failures (postgres.py), rows as text (postgres_rows.py),
what is loaded and when (publish.py).

A table that has changed as a whole is not emptied: its rows are loaded beside it, and only those that differ are
written. So readers wait for nobody, keys stay valid, and the views on it stay. Locks that keep readers out are taken
where a table gets other columns, and for the moment in which an empty month is dropped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Self

import polars as pl
import psycopg
from psycopg import errors, sql

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines.parsing import for_postgres
from tmdb_assets.lakehouse.engines.views import SqlError, View
from tmdb_assets.warehouse.contents import Layout
from tmdb_assets.warehouse.reader import FORMAT, WarehouseError
from tmdb_assets.warehouse.recorded import INFO, PARTS, VERSIONS, OwnTable, Recorded
from tmdb_assets.warehouse.target import described, refuses
from tmdb_assets.warehouse.targets.postgres_catalog import (
    Connection,
    Database,
    key_of,
    regclass_of,
    selecting,
    spelled,
    table_of,
    typed,
)
from tmdb_assets.warehouse.targets.postgres_keys import (
    drop_empty_months,
    drop_reference,
    make_months,
    make_primary_key,
    make_references,
    merge,
)
from tmdb_assets.warehouse.targets.postgres_rows import NULL, as_csv, type_of

#: The schema of what the database says of itself.
OWN_SCHEMA = "tmdb_assets"
NOUN = "database"  #: what it is called in a sentence


class NextState(Database):
    """What a database will hold once its transaction is committed. As a context: what is not finished is rolled
    back."""

    def __init__(self, connection: Connection, name: str, reader: str | None, log: Callable[[str], None]) -> None:
        super().__init__(connection)
        self._name, self._reader, self._log = name, reader, log
        self._begun = False
        self._contracts: dict[tuple[str, str], Contract] = {}
        self._layouts: dict[str, Layout] = {}
        self._fresh: set[tuple[str, str]] = set()
        self._beside: dict[tuple[str, str], sql.Identifier] = {}
        self._written: set[tuple[str, str]] = set()
        self._ours: set[str] = set()
        self._broken: tuple[str, str, str] | None = None  #: a foreign key that what was written does not hold

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._begun and not self.connection.closed:
            with suppress(psycopg.OperationalError):  # a server that is gone has rolled back by itself
                self.connection.execute("ROLLBACK")
                if self._broken:
                    drop_reference(self, *self._broken)

    # -- what it was made of -------------------------------------------------------------------------------------------

    def begin(self) -> str | None:
        """Begin the transaction, upon what the last publication holds."""
        self.connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        self._begun = True
        encoding = self.one("SHOW server_encoding")
        if encoding != "UTF8":
            raise WarehouseError(
                f"{self._name} keeps texts as {encoding}, which cannot hold the titles of films: make a database "
                "with ENCODING 'UTF8', and name it in TMDB_ASSETS_POSTGRES."
            )
        if not self.exists(OWN_SCHEMA, INFO):
            if self.has_schema(OWN_SCHEMA) and self.relations(OWN_SCHEMA):
                raise WarehouseError(self._not_ours(OWN_SCHEMA))
            return "there was none"
        found = self.rows(sql.SQL("SELECT format_version FROM {}").format(table_of(OWN_SCHEMA, INFO)))
        self._ours = {row[0] for row in self.rows(selecting(OWN_SCHEMA, VERSIONS, "DISTINCT source"))}
        if found and found[0][0] == FORMAT:
            return None
        for schema in (*self._ours, OWN_SCHEMA):
            self._drop_schema(schema)
        self._ours = set()
        return "it was of another version of the project"

    def recorded(self) -> Recorded:
        """What the database says it was made of; nothing for a new one."""
        if not self.exists(OWN_SCHEMA, PARTS):
            return Recorded.nothing()
        return Recorded.of(*(self._frame(table) for table in (INFO, VERSIONS, PARTS)))

    def record(self, tables: Sequence[OwnTable]) -> None:
        """Bring what was loaded beside its table into it, make keys and indexes, and write down what the database
        is."""
        self._settle()
        self.make_schema(OWN_SCHEMA)
        for table in tables:
            name = table_of(OWN_SCHEMA, table.name)
            columns = [sql.SQL("{} {}").format(sql.Identifier(c), typed(t)) for c, t in table.frame.schema.items()]
            self.run("CREATE TABLE IF NOT EXISTS {} ({})", name, sql.SQL(", ").join(columns))
            self.run("DELETE FROM {}", name)
            self._copy(name, table.frame)
            self.comment("TABLE", name, table.description)
            for column, meaning in table.meanings.items():
                self.comment("COLUMN", table_of(OWN_SCHEMA, table.name, column), meaning)

    def forget(self, source: str) -> None:
        """Drop the schema of a source and commit; the next publication takes it for one that never was there."""
        self._drop_schema(source)
        for name in (VERSIONS, PARTS):
            self.run("DELETE FROM {} WHERE source = {}", table_of(OWN_SCHEMA, name), sql.Literal(source))
        self.run("UPDATE {} SET definitions = ''", table_of(OWN_SCHEMA, INFO))
        self._commit()

    # -- tables --------------------------------------------------------------------------------------------------------

    def drop_all_but(self, layouts: Sequence[Layout]) -> None:
        """Drop every view, and every table and schema that no layout has; make the schemas of those that have.

        Raises WarehouseError for a schema that is there and none of ours.
        """
        wanted = {layout.source.name: {table.name for table in layout.tables} for layout in layouts}
        for schema in self._ours:
            self._drop_views(schema)
            if schema not in wanted:
                self._drop_schema(schema)
                continue
            for name in self.tables(schema) - wanted[schema]:
                self._drop_table(schema, name)
        for schema in wanted:
            if schema not in self._ours and self.has_schema(schema) and self.relations(schema):
                raise WarehouseError(self._not_ours(schema))
            self.make_schema(schema)

    def has(self, contract: Contract) -> bool:
        """Whether the table is there as its contract says: columns, types, which may be null, its partitions."""
        self._contracts[key_of(contract)] = contract
        kind = self.kind(*key_of(contract))
        if kind != ("p" if contract.folders else "r"):
            return False
        found = self.rows(
            sql.SQL(
                "SELECT attname, format_type(atttypid, NULL), attnotnull FROM pg_attribute "
                "WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ).format(regclass_of(contract))
        )
        keys = sql.SQL("SELECT 1 FROM pg_constraint WHERE contype = 'p' AND conrelid = {}::regclass")
        is_same = [tuple(row) for row in found] == [
            (name, type_of(dtype), not contract.columns[name].nullable) for name, dtype in contract.schema.items()
        ]
        return is_same and bool(self.rows(keys.format(regclass_of(contract))))

    def create(self, contract: Contract) -> None:
        """Make the table, empty. Where it stands as its contract says, the rows to come are kept beside it first."""
        key = key_of(contract)
        if key not in self._fresh and self.has(contract) and not contract.folders:
            self._beside[key] = sql.Identifier("pg_temp", f"next_{len(self._beside)}")
            self.run("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP", self._beside[key], table_of(*key))
            return
        if self.kind(*key):
            self._drop_table(*key)
        columns = [
            sql.SQL("{} {}{}").format(
                sql.Identifier(name), typed(dtype), sql.SQL("" if contract.columns[name].nullable else " NOT NULL")
            )
            for name, dtype in contract.schema.items()
        ]
        parted = sql.SQL(" PARTITION BY RANGE ({})").format(sql.Identifier(contract.folders or ""))
        how = parted if contract.folders else sql.SQL("")
        self.run("CREATE TABLE {} ({}){}", table_of(*key), sql.SQL(", ").join(columns), how)
        self._fresh.add(key)

    def delete_days(self, contract: Contract, days: Collection[dt.date]) -> None:
        """Delete the rows of some days."""
        day, listed = sql.Identifier(contract.partition or ""), sql.SQL(", ").join(map(sql.Literal, sorted(days)))
        self.run("DELETE FROM {} WHERE {} IN ({})", table_of(*key_of(contract)), day, listed)
        self._written.add(key_of(contract))

    def append(self, contract: Contract, frame: pl.DataFrame) -> None:
        """Add rows, in the order of their grain."""
        key, rows = key_of(contract), frame.select(list(contract.schema)).sort(contract.grain)
        if contract.folders:
            make_months(self, contract, rows)
        try:
            self._copy(self._beside.get(key, table_of(*key)), rows)
        except errors.IntegrityError as error:
            raise refuses(contract, str(error).splitlines()[0]) from None
        self._written.add(key)

    def count(self, contract: Contract) -> int:
        """Rows of a table."""
        return int(self.rows(selecting(*key_of(contract), "count(*)"))[0][0])

    def _copy(self, table: sql.Composable, frame: pl.DataFrame) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL {})").format(table, columns, sql.Literal(NULL))
        with self.connection.cursor() as cursor, cursor.copy(copy) as stream:
            for part in frame.iter_slices(100_000):
                stream.write(as_csv(part))

    # -- once all rows are loaded --------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Merge what was loaded beside its table; keys and indexes of what is new; views that are missing."""
        for key, beside in self._beside.items():
            merge(self, self._contracts[key], beside)
        try:
            self.run("SET CONSTRAINTS ALL IMMEDIATE")
        except errors.ForeignKeyViolation as error:
            self._broken = error.diag.schema_name or "", error.diag.table_name or "", error.diag.constraint_name or ""
            raise
        for key in sorted(self._fresh):
            make_primary_key(self, self._contracts[key])
        for contract in self._contracts.values():
            for line in make_references(self, contract, self._contracts):
                self._log(f"{self._name}: {line}")
        for layout in self._layouts.values():
            if any(not self.kind(layout.source.name, view.contract.name) for view in layout.views):
                self._drop_views(layout.source.name)
                self.create_views(layout)
                self._describe(layout, [view.contract for view in layout.views])

    # -- views ---------------------------------------------------------------------------------------------------------

    def create_views(self, layout: Layout) -> None:
        """Make a source's views, with their names resolved in the source's own schema. It has no macros.

        Raises SqlError naming the file of a view that PostgreSQL does not answer.
        """
        self.run("SET LOCAL search_path = {}, pg_catalog", sql.Identifier(layout.source.name))
        for view in layout.views:
            try:
                text = for_postgres(view.sql)
            except ValueError as error:
                raise SqlError(view.file, None, f"in PostgreSQL: {error}") from None
            columns = sql.SQL(", ").join(
                sql.SQL("CAST({0} AS {1}) AS {0}").format(sql.Identifier(name), typed(dtype))
                for name, dtype in view.contract.schema.items()
            )
            try:
                self.run(
                    "CREATE VIEW {} AS SELECT {} FROM ({}) AS answer",
                    table_of(*key_of(view.contract)),
                    columns,
                    sql.SQL(text),
                )
            except (psycopg.ProgrammingError, psycopg.DataError) as error:
                if isinstance(error, errors.InsufficientPrivilege):
                    raise
                raise SqlError(view.file, None, f"in PostgreSQL: {str(error).splitlines()[0]}") from None
        self.run("SET LOCAL search_path = pg_catalog")

    def columns_apart(self, view: View) -> str | None:
        """What keeps a view from being what its contract promises, None if nothing does; asked for a row of it."""
        self.run("SAVEPOINT asked")
        try:
            cursor = self.connection.execute(selecting(*key_of(view.contract), "*") + sql.SQL(" LIMIT 1"))
        except psycopg.Error as error:
            self.run("ROLLBACK TO SAVEPOINT asked")
            return f"{view.contract.name} does not answer: {str(error).splitlines()[0]}"
        self.run("RELEASE SAVEPOINT asked")
        found, promised = [column.name for column in cursor.description or ()], list(view.contract.schema)
        return None if found == promised else f"{view.contract.name} has the columns {found}, not {promised}"

    # -- comments, rights, the end -------------------------------------------------------------------------------------

    def describe(self, layout: Layout, anew: Collection[Contract] | None = None) -> None:
        """Put the contracts' words on a source's tables, views and columns, or on some of its tables."""
        self._layouts[layout.source.name] = layout
        fresh = [contract for contract in layout.tables if key_of(contract) in self._fresh]
        self._describe(layout, fresh if anew is not None else [*layout.tables, *(v.contract for v in layout.views)])

    def _describe(self, layout: Layout, contracts: Sequence[Contract]) -> None:
        notes, views = layout.notes(NOUN), {view.contract for view in layout.views}
        for contract in contracts:
            said, columns = described(contract, notes.get(contract.name, ""))
            self.comment("VIEW" if contract in views else "TABLE", table_of(*key_of(contract)), said)
            for name, meaning in columns.items():
                self.comment("COLUMN", table_of(*key_of(contract), name), meaning)

    def finish(self, at: dt.datetime) -> None:
        """Commit. What readers need to be fast (statistics, room) is seen to afterwards."""
        for key in sorted(self._written):
            drop_empty_months(self, self._contracts[key])
        self._grant()
        self._commit()
        try:
            for key in sorted(self._written):
                self.run("VACUUM (ANALYZE, SKIP_LOCKED) {}", table_of(*key))
        except psycopg.Error as error:  # it is published, and the server's own upkeep comes later
            self._log(f"{self._name}: published, but its tables were not vacuumed ({str(error).splitlines()[0]})")

    def _commit(self) -> None:
        self.connection.execute("COMMIT")
        self._begun = False

    def _grant(self) -> None:
        """Let the reader read all of it and nothing else."""
        if self._reader is None:
            return
        role = sql.Identifier(self._reader)
        if not self.rows(sql.SQL("SELECT 1 FROM pg_roles WHERE rolname = {}").format(sql.Literal(self._reader))):
            self.run("CREATE ROLE {} LOGIN", role)
            self.run("ALTER ROLE {} SET default_transaction_read_only = on", role)
            self._log(f"{self._name}: the role {self._reader} was made, without a password: give it one to log in by")
        for schema in (OWN_SCHEMA, *self._layouts):
            self.run("GRANT USAGE ON SCHEMA {} TO {}", sql.Identifier(schema), role)
            self.run("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}", sql.Identifier(schema), role)

    # -- what goes ----------------------------------------------------------------------------------------------------

    def _not_ours(self, schema: str) -> str:
        return (
            f"{self._name} has a schema {schema} that this project did not make, and it is never written into: rename "
            "that schema, or name another database in TMDB_ASSETS_POSTGRES."
        )

    def _drop_views(self, schema: str) -> None:
        if views := self.relations(schema, "v"):
            self.run("DROP VIEW {}", sql.SQL(", ").join(table_of(schema, name) for name in sorted(views)))

    def _drop_table(self, schema: str, name: str) -> None:
        """Drop a table, with the views of its schema and the keys that refer to it; both are made again."""
        self._drop_views(schema)
        found = sql.SQL(
            "SELECT n.nspname, c.relname, k.conname FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid "
            "JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = {}::regclass"
        )
        for other_schema, other, key in self.rows(found.format(sql.Literal(spelled(schema, name)))):
            self.run("ALTER TABLE {} DROP CONSTRAINT {}", table_of(other_schema, other), sql.Identifier(key))
        self.run("DROP TABLE {}", table_of(schema, name))

    def _drop_schema(self, schema: str) -> None:
        if not self.has_schema(schema):
            return
        self._drop_views(schema)
        if tables := self.tables(schema):
            self.run("DROP TABLE {}", sql.SQL(", ").join(table_of(schema, name) for name in sorted(tables)))
        self.run("DROP SCHEMA {}", sql.Identifier(schema))

    def _frame(self, table: str) -> pl.DataFrame:
        cursor = self.connection.execute(selecting(OWN_SCHEMA, table, "*"))
        names = [column.name for column in cursor.description or ()]
        return pl.DataFrame(cursor.fetchall(), schema=names, orient="row", infer_schema_length=None)
