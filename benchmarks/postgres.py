"""r. Publishing the star of 10,000 films x 90 days to PostgreSQL over plain COPY of the same rows into tables without
keys.

The server is one of this machine's own (Debian's postgresql), started for this and asked for no durability, as are both
that are compared.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time

import psycopg
from pydantic import SecretStr

from benchmarks.figure import Figure
from benchmarks.lake import derive, fill_raw, films
from benchmarks.warehouse import DETAILED, FIRST, LISTED, repeat_facts
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.warehouse.contents import Source, lay_out
from tmdb_assets.warehouse.publish import Publication, publish_warehouse
from tmdb_assets.warehouse.targets.postgres import Postgres
from tmdb_assets.warehouse.targets.postgres_rows import as_csv, type_of
from tmdb_assets_tests.warehouse.targets.postgres_server import running

KEPT_DAYS = 90


def measure() -> Figure:
    """The first publication, then one more day with details of a few films."""
    known, origin = films(LISTED)
    with running() as server, tempfile.TemporaryDirectory() as folder:
        store = DeltaStore(f"{folder}/lake")
        fill_raw(store, [FIRST], known, lambda _: known)
        derive(store, [FIRST])
        repeat_facts(store, KEPT_DAYS)
        derive(store, [FIRST])  # what is made of those facts
        source, target = Source.of(contracts), Postgres(SecretStr(server.database("films")))
        first = publish_warehouse(store, target, [source], None, lambda line: None)
        plain, rows = _copied(store, lay_out(source, None, target.can_answer).tables, server.database("plain"))
        newest = FIRST + dt.timedelta(days=KEPT_DAYS)
        fill_raw(store, [newest], known, lambda _: known[:DETAILED])
        derive(store, [newest])
        more = publish_warehouse(store, target, [source], None, lambda line: None)
    return Figure(
        f"r. publishing {LISTED:,} films x {KEPT_DAYS} days to PostgreSQL over plain COPY of the same rows",
        first.seconds / plain,
        None,
        details={
            "first publication": _told(first),
            "one more day": _told(more),
            "plain COPY": f"{rows:,} rows, {plain:.1f} s",
            "films": origin,
        },
    )


def _copied(store: DeltaStore, tables: tuple[Contract, ...], url: str) -> tuple[float, int]:
    """Seconds and rows of COPY alone, of the same text, into tables without keys, indexes or comments."""
    started, rows = time.monotonic(), 0
    with psycopg.connect(url) as connection:
        for table in tables:
            columns = ", ".join(f'"{name}" {type_of(dtype)}' for name, dtype in table.schema.items())
            connection.execute(f"CREATE TABLE {table.name} ({columns})".encode())
            frame = store.scan(table).collect()
            copy = f"COPY {table.name} FROM STDIN (FORMAT csv, NULL '\\N')".encode()
            with connection.cursor() as cursor, cursor.copy(copy) as stream:
                for part in frame.iter_slices(100_000):
                    stream.write(as_csv(part))
            rows += frame.height
    return time.monotonic() - started, rows


def _told(done: Publication) -> str:
    loaded = sum(table.loaded for table in done.tables)
    return f"{done.seconds:.1f} s, {loaded:,} rows loaded, {done.bytes / 1e6:.0f} MB with indexes"
