"""Dagster's own storage of events in SQLite, with its files kept open between events.

What belongs here: how a connection to one of these files is had. What does not: what is stored in it, which is
Dagster's. `data/dagster/dagster.yaml` names it.

Dagster opens the file anew for each event, of which a day has about a thousand, and whoever closes a file last writes
all of its log into it and waits for the disk: half of a run's CPU and most of its wall on a busy disk, measured with
Dagster 1.13. Here a file stays open as long as it is the same file, and the disk is not waited for at each commit: a
process that is killed loses nothing, a machine that loses power may lose what Dagster was told in the last moments.
The tables are none of this.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from tmdb_assets.settings import SettingsError, dagster_home

#: Files of runs that a process keeps open, beside that of all runs: a web server sees many of them.
OPEN_AT_MOST = 4
#: Inode and device of a file, by which another one of its name is told from it.
_Stamp = tuple[int, int]


class OpenSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's SqliteEventLogStorage, but for opening its files once."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open: OrderedDict[str, tuple[_Stamp, Engine]] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """It takes no configuration: its files lie where Dagster puts them by itself."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> OpenSqliteEventLogStorage:
        """The storage in the folder of the instance. Raises SettingsError where nothing names that folder."""
        home = dagster_home()
        if home is None:
            raise SettingsError(
                "DAGSTER_HOME is not set, so Dagster's events have no place: start it with the commands in .venv/bin, "
                "or set it to the whole path of the folder of dagster.yaml."
            )
        return cls(str(home / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        """The open file, opened where it is not, or where another one has taken its place."""
        path = self.path_for_shard(shard)
        stamp, engine = self._open.get(shard, (None, None))
        if engine is not None and stamp == _stamp(path):
            self._open.move_to_end(shard)
            return engine
        if engine is not None:
            engine.dispose()
            self._initialized_dbs.discard(shard)
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _wait_for_no_disk)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._open[shard] = _stamp(path) or (0, 0), engine
        for old in [each for each in self._open if each != INDEX_SHARD_NAME][:-OPEN_AT_MOST]:
            self._open.pop(old)[1].dispose()
        return engine

    def dispose(self) -> None:
        """Close every file."""
        with self._db_lock:
            while self._open:
                self._open.popitem()[1][1].dispose()
        super().dispose()


def _stamp(path: str) -> _Stamp | None:
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_dev


def _wait_for_no_disk(connection: Any, _: object) -> None:
    """In a log that is written ahead, a commit survives a killed process without it."""
    connection.execute("PRAGMA synchronous = NORMAL")
