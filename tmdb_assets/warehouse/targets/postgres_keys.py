"""Keys, indexes and partitions of a table in PostgreSQL, and a table brought up to the rows beside it.

What belongs here: what is done to one table once its rows are loaded. What does not: loading them, and when this is
done (postgres_tables.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

import polars as pl
from psycopg import errors, sql

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.warehouse.target import refuses
from tmdb_assets.warehouse.targets.postgres_catalog import (
    Database,
    key_of,
    names_of,
    regclass_of,
    selecting,
    spelled,
    table_of,
)


def merge(database: Database, contract: Contract, beside: sql.Identifier) -> None:
    """Write into a table what is new or other in the rows beside it, and delete what is not there.

    Raises WarehouseError for rows that have no grain of their own.
    """
    table = table_of(*key_of(contract))
    _add_primary_key(database, contract, beside)
    database.run("ANALYZE {}", beside)
    same = sql.SQL(" AND ").join(sql.SQL("now.{0} = beside.{0}").format(sql.Identifier(c)) for c in contract.grain)
    database.run("DELETE FROM {} AS now WHERE NOT EXISTS (SELECT FROM {} AS beside WHERE {})", table, beside, same)
    others = [column for column in contract.schema if column not in contract.grain]
    update: sql.Composable = sql.SQL("DO NOTHING")
    if others:
        update = sql.SQL("DO UPDATE SET {} WHERE ({}) IS DISTINCT FROM ({})").format(
            sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c)) for c in others),
            sql.SQL(", ").join(sql.SQL("now.{}").format(sql.Identifier(c)) for c in others),
            sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in others),
        )
    database.run(
        "INSERT INTO {} AS now ({columns}) SELECT {columns} FROM {} ON CONFLICT ({grain}) {}",
        table,
        beside,
        update,
        columns=names_of(contract.schema),
        grain=names_of(contract.grain),
    )


def make_primary_key(database: Database, contract: Contract) -> None:
    """The primary key of a new table, and an index for each key to another table that it does not begin with.

    Raises WarehouseError for rows that have no grain of their own.
    """
    table = table_of(*key_of(contract))
    _add_primary_key(database, contract, table)
    for column in contract.references:
        if column != contract.grain[0]:
            rest = [each for each in contract.grain if each != column]
            database.run("CREATE INDEX ON {} ({})", table, names_of([column, *rest]))
    database.run("ANALYZE {}", table)


def _add_primary_key(database: Database, contract: Contract, table: sql.Identifier) -> None:
    try:
        database.run("ALTER TABLE {} ADD PRIMARY KEY ({})", table, names_of(contract.grain))
    except errors.IntegrityError as error:
        raise refuses(contract, str(error).splitlines()[0]) from None


def make_references(database: Database, contract: Contract, known: Collection[tuple[str, str]]) -> Iterator[str]:
    """Make the foreign keys that are not there yet, to tables that are known; yields a sentence for each that the rows
    do not hold. They are checked when a transaction ends: tables come in any order."""
    kept = sql.SQL("SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = {}::regclass")
    there = {row[0] for row in database.rows(kept.format(regclass_of(contract)))}
    for column, dimension in contract.references.items():
        name = f"{column}_refers_to_{dimension.name}"[:63]
        if name in there or len(dimension.grain) != 1 or key_of(dimension) not in known:
            continue
        database.run("SAVEPOINT key")
        try:
            database.run(
                "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) DEFERRABLE INITIALLY DEFERRED",
                table_of(*key_of(contract)),
                sql.Identifier(name),
                sql.Identifier(column),
                table_of(*key_of(dimension)),
                names_of(dimension.grain),
            )
        except errors.ForeignKeyViolation:
            database.run("ROLLBACK TO SAVEPOINT key")
            yield (
                f"{contract.source}.{contract.name} refers to {column}s that {dimension.name} lacks, so it has no "
                "foreign key: it gets one once those days are materialized again"
            )
        else:
            database.run("RELEASE SAVEPOINT key")


def drop_reference(database: Database, schema: str, table: str, name: str) -> None:
    """Drop a foreign key; of a partition, that of its table."""
    parent = sql.SQL(
        "SELECT n.nspname, c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhparent "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE i.inhrelid = {}::regclass"
    )
    found = database.rows(parent.format(sql.Literal(spelled(schema, table))))
    of = found[0] if found else (schema, table)
    database.run("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", table_of(*of), sql.Identifier(name))


def make_months(database: Database, contract: Contract, rows: pl.DataFrame) -> None:
    """A partition for each month that some rows have."""
    for month in rows.get_column(contract.folders or "").dt.truncate("1mo").unique().sort():
        name = f"{contract.name}_{month:%Y_%m}"
        if not database.kind(contract.source, name):
            database.run(
                "CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})",
                table_of(contract.source, name),
                table_of(*key_of(contract)),
                sql.Literal(month),
                sql.Literal((month + dt.timedelta(days=31)).replace(day=1)),
            )


def drop_empty_months(database: Database, contract: Contract) -> None:
    """Drop the partitions of a table that have no rows; nothing for one without partitions."""
    if not contract.folders:
        return
    parts = sql.SQL(
        "SELECT n.nspname, c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE i.inhparent = {}::regclass"
    )
    for schema, name in database.rows(parts.format(regclass_of(contract))):
        if not database.rows(selecting(schema, name, "1") + sql.SQL(" LIMIT 1")):
            database.run("DROP TABLE {}", table_of(schema, name))
