"""Reading the warehouse: open it read-only, ask it in SQL, notice when it has been replaced.

What belongs here: all that a reader (the dashboard, a report, a notebook) needs of this project, errors for people
included. What does not: how the file is made (targets/), any question put to it.

The file is replaced as a whole by one rename, so whoever has it open keeps the old one. DuckDB shares one opened
database among all connections of a process to the same path, a replaced one too: this module therefore keeps the only
connection of the process, and closes it before it opens the new file.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from tmdb_assets.lakehouse.errors import LakehouseError

#: What readers can rely on: raised when the tables of schema `main` change, or what a source's schema is.
FORMAT = 1

#: What tells a file from the one that replaced it: inode, time of modification in nanoseconds, bytes.
Stamp = tuple[int, int, int]


class WarehouseError(LakehouseError):
    """The warehouse cannot be read or published. The message names the file and what to do."""


@dataclass(frozen=True)
class Info:
    """What a warehouse says of itself: when and from which lake it was published.

    `origin` is who answered for the data: `sandbox`, `real`, `sandbox and real`, or None when no ledger says.
    `fact_days` is the number of newest days that facts are kept for; None for all.
    """

    format_version: int
    published_at: dt.datetime
    lake: str
    origin: str | None
    fact_days: int | None


#: Opens the file to read, as Dagster's resource for DuckDB does.
Connect = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass
class _Opened:
    stamp: Stamp
    connection: duckdb.DuckDBPyConnection
    info: Info
    connect: Connect | None
    held: ExitStack


_opened: dict[Path, _Opened] = {}
_one_at_a_time = threading.Lock()


class Warehouse:
    """The warehouse at a path, for asking. Cheap to make, safe to share between threads; answers come one at a time.

    Every method raises WarehouseError: there is no file yet, it is not a warehouse, or another version of the project
    wrote it.
    """

    def __init__(self, path: str | Path, connect: Connect | None = None) -> None:
        """`connect`: what opens that path to read, such as Dagster's resource; without it this module does."""
        self.path = Path(path).absolute()
        self._connect = connect

    @property
    def stamp(self) -> Stamp:
        """What tells this file from the one before and after it: a key for caching answers."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise WarehouseError(
                f"There is no warehouse yet at {self.path}: run `make demo` first, or materialize the asset "
                "`warehouse/tmdb`."
            ) from None
        except OSError as error:
            raise WarehouseError(f"The warehouse {self.path} cannot be read ({error.strerror}).") from None
        return found.st_ino, found.st_mtime_ns, found.st_size

    @property
    def info(self) -> Info:
        """What the file, as it stands now, says of itself."""
        with _one_at_a_time:
            return self._current().info

    def query(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pl.DataFrame:
        """The answer of the newest file to one SELECT; `parameters` fill `?` or `$name`.

        Raises WarehouseError as well when the file lacks a table that the question names.
        """
        with _one_at_a_time:
            return self._answer(self._current().connection, sql, parameters)

    def query_together(
        self, questions: Mapping[str, str], before: Sequence[str] = ()
    ) -> tuple[Info, dict[str, pl.DataFrame]]:
        """The answers to several SELECTs, by name, all of one file, whatever takes its place meanwhile; and what it is.

        `before`: statements for these questions alone, such as a choice of schema or a temporary view.

        Raises WarehouseError as `query` does.
        """
        with _one_at_a_time:
            opened = self._current()
            with closing(opened.connection.cursor()) as session:
                with self._sentence_on_failure():
                    for statement in before:
                        session.execute(statement)
                return opened.info, {name: self._answer(session, sql) for name, sql in questions.items()}

    def _answer(
        self,
        connection: duckdb.DuckDBPyConnection,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
    ) -> pl.DataFrame:
        with self._sentence_on_failure():
            answer: pl.DataFrame = connection.sql(sql, params=parameters or None).pl()
        return answer

    @contextmanager
    def _sentence_on_failure(self) -> Iterator[None]:
        """A question about what the file has not is one sentence."""
        try:
            yield
        except (duckdb.CatalogException, duckdb.BinderException) as error:  # no such table, or no such column
            raise WarehouseError(
                f"The warehouse {self.path} lacks what is asked for ({first_line(error)}); it was written by another "
                "version of the project: materialize the asset `warehouse/tmdb`."
            ) from None

    def close(self) -> None:
        """Let go of the file. Nobody needs to: asking again opens it again."""
        with _one_at_a_time:
            _close(self.path)

    def _current(self) -> _Opened:
        stamp = self.stamp
        opened = _opened.get(self.path)
        if opened is None or opened.stamp != stamp or opened.connect != self._connect:
            _close(self.path)
            with ExitStack() as held:
                connection = held.enter_context(_open(self.path, self._connect))
                info = read_info(connection, str(self.path))
                opened = _opened[self.path] = _Opened(stamp, connection, info, self._connect, held.pop_all())
        return opened


def _close(path: Path) -> None:
    if opened := _opened.pop(path, None):
        opened.held.close()


@contextmanager
def _open(path: Path, connect: Connect | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the file, by whatever opens it. Raises WarehouseError."""
    with ExitStack() as held:
        with _sentence_on_failure(path):
            connection = held.enter_context(closing(duckdb.connect(str(path), read_only=True)))
            if connect is not None:
                held.close()  # it can be opened: Dagster's resource would have tried again for 100 s before it said so
                connection = held.enter_context(connect())
                held.callback(connection.close)  # the resource leaves it open where an error passes through
            connection.execute("SET TimeZone = 'UTC'")
        yield connection


@contextmanager
def _sentence_on_failure(path: Path) -> Iterator[None]:
    """A file that cannot be opened is one sentence."""
    try:
        yield
    except duckdb.Error as error:
        if "lock" in str(error):
            raise WarehouseError(
                f"The warehouse {path} is open for writing in another program: close it there, or open it read-only."
            ) from None
        raise WarehouseError(not_ours(str(path), first_line(error))) from None


def read_info(connection: duckdb.DuckDBPyConnection, path: str, schema: str = "main") -> Info:
    """What the warehouse says of itself; `schema` is where an attached one keeps its own tables.

    Raises WarehouseError when it is no warehouse, or not of this version.
    """
    version = read_format(connection, path, schema)
    if version != FORMAT:
        age = "an older" if version < FORMAT else "a newer"
        raise WarehouseError(
            f"The warehouse {path} was written by {age} version of the project: materialize the asset `warehouse/tmdb`."
        )
    said = f"SELECT format_version, epoch_us(published_at), lake, origin, fact_days FROM {schema}.warehouse_info"
    try:
        format_version, published, lake, origin, fact_days = connection.execute(said).fetchall()[0]
    except duckdb.Error as error:
        raise WarehouseError(not_ours(path, first_line(error))) from None
    at = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=published)
    return Info(format_version, at, lake, origin, fact_days)


def read_format(connection: duckdb.DuckDBPyConnection, path: str, schema: str = "main") -> int:
    """The format version of a warehouse. Raises WarehouseError when it is none."""
    try:
        rows = connection.execute(f"SELECT format_version FROM {schema}.warehouse_info").fetchall()
        return int(rows[0][0])
    except (duckdb.Error, IndexError, TypeError) as error:
        raise WarehouseError(not_ours(path, first_line(error))) from None


def not_ours(path: str, reason: str) -> str:
    """The sentence about a file that is there and is no warehouse."""
    return (
        f"{path} is not a warehouse of this project, or damaged ({reason}): move it away and materialize the asset "
        "`warehouse/tmdb`, or set TMDB_ASSETS_WAREHOUSE to another path."
    )


def first_line(error: BaseException) -> str:
    """What an error says, for a sentence."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
