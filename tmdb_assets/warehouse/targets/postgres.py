"""A PostgreSQL database as a target: what changed is written in one transaction, so that a reader sees all of it or
none.

What belongs here: the database as a whole: its connection, its lock, what is forgotten, the role that reads, and the
sentences when that fails. What does not: its tables and views (postgres_tables.py), the rows as PostgreSQL reads them
(postgres_rows.py), the order of a publication (publish.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tmdb_assets.lakehouse.copies import CopyStays
from tmdb_assets.lakehouse.engines.parsing import for_postgres
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.settings import SettingsError
from tmdb_assets.warehouse.reader import WarehouseError
from tmdb_assets.warehouse.targets.postgres_catalog import Connection
from tmdb_assets.warehouse.targets.postgres_tables import NOUN, OWN_SCHEMA, NextState

SETTING = "TMDB_ASSETS_POSTGRES"
#: Seconds until a server that does not answer is given up, and until a reader's lock is.
CONNECT_SECONDS, LOCK_SECONDS = 10, 300
#: The number of the lock that one publication at a time holds, in each database: the first bytes of `tmdb_assets`.
LOCK = int.from_bytes(b"tmdb_ass", "big")


class Postgres:
    """The database that a URL names. `reader`: a role that may read what is published and nothing else; it is made
    where it is not there."""

    noun = NOUN
    key = "postgres"
    kind = "postgres"

    def __init__(self, url: SecretStr, reader: str | None = None) -> None:
        """Raises SettingsError for an address that PostgreSQL's client does not read; what it says may hold a part."""
        self._url, self._reader = url, reader
        try:
            self._said = conninfo_to_dict(url.get_secret_value())
        except psycopg.Error:
            raise SettingsError(
                f"Setting {SETTING} cannot be used: PostgreSQL's client does not read it as an address. Use "
                "postgresql://user:password@host/database; what follows a ? are parameters that it knows."
            ) from None

    @property
    def name(self) -> str:
        """The database and its server, without user and password."""
        said = self._said
        where = f"{said.get('host') or 'localhost'}:{said.get('port') or 5432}"
        return f"PostgreSQL {where}/{said.get('dbname') or said.get('user') or ''}"

    def description(self, source: str) -> str:
        """What the database has, for the asset that publishes to it after a run of a source."""
        return (
            "The star as tables with keys and indexes, the questions as views or tables of answers, a schema per "
            f"source, in a PostgreSQL database. What changed is written after a run of {source}, in one transaction."
        )

    def refuse_unfit(self, sources: Collection[str]) -> None:
        """Raise WarehouseError for a schema that would be taken for another."""
        if OWN_SCHEMA in sources:
            raise WarehouseError(f"No source can be called {OWN_SCHEMA}: {self.name} keeps a schema of that name.")

    def can_answer(self, view: View) -> bool:
        """Whether sqlglot can say the view in PostgreSQL's SQL."""
        try:
            for_postgres(view.sql)
        except ValueError:
            return False
        return True

    @contextmanager
    def publication(self, log: Callable[[str], None]) -> Iterator[NextState]:
        """The next state, in one transaction, by one process at a time; the server itself ends that of a killed one."""
        with (
            self._sentence_on_failure(),
            self._locked(log) as connection,
            NextState(connection, self.name, self._reader, log) as state,
        ):
            yield state

    def size(self) -> int:
        """Bytes of what is published, with its indexes."""
        with self._sentence_on_failure(), self._connected() as connection:
            return _size(connection)

    def files(self) -> Sequence[Path]:
        """None: it is a server."""
        return []

    def alone(self, log: Callable[[str], None]) -> AbstractContextManager[None]:
        """Nobody publishes there meanwhile."""
        return self._alone(log)

    @contextmanager
    def _alone(self, log: Callable[[str], None]) -> Iterator[None]:
        with self._sentence_on_failure(), self._locked(log):
            yield

    def copies(self, source: str) -> list[str]:
        """The schema of the source, where there is one. Raises CopyStays."""
        try:
            with self._connected() as connection:
                return self._copies(connection, source)
        except (psycopg.Error, OSError) as error:
            raise CopyStays(
                f"{self.name} cannot be looked up ({_reason(error)}), and it may have copies: see that the server "
                f"runs, or correct {SETTING}, and run this again."
            ) from None

    def forget(self, source: str, log: Callable[[str], None]) -> str | None:
        """Drop the schema of the source, so that the server lets go of its files. Raises CopyStays."""
        try:
            with self._locked(log) as connection:
                if not self._copies(connection, source):
                    return None
                with NextState(connection, self.name, None, log) as state:
                    state.begin()
                    state.forget(source)
        except (psycopg.Error, OSError) as error:
            raise CopyStays(
                f"{self.name} has copies that cannot be deleted ({_reason(error)}): all else is forgotten. Mend that, "
                "and run this again."
            ) from None
        return (
            f"{self.name} had copies and its schema {source} was dropped: the asset `{self.key}/{source}` makes it "
            "anew. The server's write-ahead log holds them until it is recycled, its backups and replicas as long as "
            "their owner keeps them."
        )

    def _copies(self, connection: Connection, source: str) -> list[str]:
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [source]).fetchone()
        return [f"the schema {source} of {self.name}"] if found else []

    # -- the connection ------------------------------------------------------------------------------------------------

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection that commits each statement."""
        connection: Connection = psycopg.connect(
            self._url.get_secret_value(),
            autocommit=True,
            application_name="tmdb_assets",
            connect_timeout=CONNECT_SECONDS,
            client_encoding="utf8",
        )
        try:
            # whatever the server, the role or the database sets, a value means what it says
            connection.execute(
                f"SET lock_timeout = '{LOCK_SECONDS}s'; SET statement_timeout = 0; SET idle_in_transaction_session_"
                "timeout = 0; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET standard_conforming_strings = on; "
                "SET default_transaction_read_only = off; SET search_path = pg_catalog; SET client_min_messages = error"
            )
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _locked(self, log: Callable[[str], None]) -> Iterator[Connection]:
        """A connection that alone publishes to this database."""
        with self._connected() as connection:
            says = True
            while not _answer(connection, f"SELECT pg_try_advisory_lock({LOCK})"):
                if says:
                    log(f"{self.name}: another publication is under way, waiting for it")
                says = False
                time.sleep(0.5)
            yield connection

    @contextmanager
    def _sentence_on_failure(self) -> Iterator[None]:
        """A database that cannot be written is one sentence."""
        try:
            yield
        except (psycopg.Error, OSError) as error:
            raise WarehouseError(
                f"{self.name} cannot be published to ({_reason(error)}): {_remedy(error)}. What was published before "
                "stays as it was."
            ) from None


def _size(connection: Connection) -> int:
    """Bytes of our schemas' tables."""
    if not _answer(connection, f"SELECT to_regclass('{OWN_SCHEMA}.lake_versions') IS NOT NULL"):
        return 0
    return int(
        str(
            _answer(
                connection,
                "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class AS c "
                "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND (n.nspname = "
                f"'{OWN_SCHEMA}' OR n.nspname IN (SELECT source FROM {OWN_SCHEMA}.lake_versions))",
            )
        )
    )


def _answer(connection: Connection, sql: str) -> object:
    row = connection.execute(sql.encode()).fetchone()
    return row[0] if row else None


def _reason(error: Exception) -> str:
    """The first line of what the server says, and what it says more of it; neither has a password in it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    said = (error.diag.message_primary if isinstance(error, psycopg.Error) else None) or str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [type(error).__name__]
    detail = error.diag.message_detail if isinstance(error, psycopg.Error) else None
    return lines[0].rstrip(".:") + (f"; {detail.splitlines()[0].rstrip('.')}" if detail else "")


def _remedy(error: Exception) -> str:
    """What to do about it."""
    if isinstance(error, errors.InsufficientPrivilege):
        return "grant the role of the setting CREATE on the database, and leave it the owner of what it made"
    if isinstance(error, errors.DiskFull | errors.OutOfMemory):
        return "make room on the server, and materialize the asset again"
    if isinstance(error, errors.ForeignKeyViolation):
        return "rows refer to what their dimension lacks; that foreign key is given up: materialize the asset again"
    if isinstance(error, errors.DependentObjectsStillExist):
        return "somebody's object rests on it: drop that, or let it rest on another"
    if isinstance(error, errors.DuplicateTable | errors.DuplicateObject | errors.WrongObjectType):
        return "an object that is none of ours is in the way: rename it"
    if isinstance(error, errors.LockNotAvailable | errors.DeadlockDetected):
        return "somebody holds it: materialize the asset again once they have ended"
    if isinstance(error, psycopg.ProgrammingError | psycopg.DataError | psycopg.NotSupportedError):
        return "the server does not take what is written to it: is it PostgreSQL 13 or newer, and nobody's but ours?"
    return f"see that the server runs and that {SETTING} names it, its role and its password"
