"""Statements to a PostgreSQL database, and what its catalogue says is there.

What belongs here: running a statement made of names and values, and asking which schemas, tables and views there are.
What does not: what a publication writes (postgres_tables.py).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.warehouse.targets.postgres_rows import type_of

Connection = psycopg.Connection[tuple[Any, ...]]


class Database:
    """A database over one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def one(self, statement: str) -> Any:
        row = self.connection.execute(statement.encode()).fetchone()
        return row[0] if row else None

    def rows(self, statement: sql.SQL | sql.Composed) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement).fetchall()

    def run(self, statement: str, *parts: sql.Composable, **named: sql.Composable) -> None:
        self.connection.execute(sql.SQL(statement).format(*parts, **named))

    def make_schema(self, schema: str) -> None:
        if not self.has_schema(schema):  # whoever may not make one can still be given it
            self.run("CREATE SCHEMA {}", sql.Identifier(schema))

    def has_schema(self, schema: str) -> bool:
        return bool(self.rows(sql.SQL("SELECT 1 FROM pg_namespace WHERE nspname = {}").format(sql.Literal(schema))))

    def tables(self, schema: str) -> set[str]:
        """Tables of a schema; partitions are part of theirs."""
        return self.relations(schema, "r", "p")

    def relations(self, schema: str, *kinds: str) -> set[str]:
        listed = sql.SQL(", ").join(map(sql.Literal, kinds or ("r", "p", "v", "m", "f", "S")))
        found = sql.SQL(
            "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname = {} AND c.relkind IN ({}) AND NOT c.relispartition"
        )
        return {row[0] for row in self.rows(found.format(sql.Literal(schema), listed))}

    def kind(self, schema: str, name: str) -> str | None:
        """What a relation is in PostgreSQL's letters: `r` a table, `p` one with partitions, `v` a view."""
        found = sql.SQL(
            "SELECT c.relkind::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname = {} AND c.relname = {}"
        )
        rows = self.rows(found.format(sql.Literal(schema), sql.Literal(name)))
        return str(rows[0][0]) if rows else None

    def exists(self, schema: str, name: str) -> bool:
        return self.kind(schema, name) is not None

    def comment(self, kind: str, name: sql.Composable, text: str) -> None:
        self.run(f"COMMENT ON {kind} {{}} IS {{}}", name, sql.Literal(text))


def key_of(contract: Contract) -> tuple[str, str]:
    """The schema and the name of a table."""
    return contract.source, contract.name


def table_of(*names: str) -> sql.Identifier:
    """A schema's table, or a column of it, as a statement names it."""
    return sql.Identifier(*names)


def regclass_of(contract: Contract) -> sql.Literal:
    """A table as the catalogue is asked for it: `'"tmdb"."dim_movie"'::regclass`."""
    return sql.Literal(spelled(*key_of(contract)))


def spelled(*names: str) -> str:
    """Names in quotes, with points between them."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def names_of(columns: Collection[str]) -> sql.Composed:
    """Columns, as a statement lists them."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def typed(dtype: pl.DataType | type[pl.DataType]) -> sql.SQL:
    """The type of a column, as a statement names it."""
    return sql.SQL(type_of(dtype))


def selecting(schema: str, table: str, what: str) -> sql.Composed:
    """`SELECT what FROM schema.table`."""
    return sql.SQL("SELECT {} FROM {}").format(sql.SQL(what), table_of(schema, table))
