"""The analysts' DuckDB file as a target: a copy of it brought up to date beside it, and swapped in by one rename.

What belongs here: all that is done to the file as a whole: its name, copy, lock, swap, copies to forget, and the
sentences when that fails. What does not: its tables and views (duckdb_tables.py), what lies beside it on disk
(duckdb_files.py), the order of a publication (publish.py).

The next file is made beside the published one, so a reader keeps what it has open, and a publication that fails or is
killed at any moment leaves the published file as it was.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tmdb_assets.lakehouse.copies import CopyStays, delete, deleting
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.store.locks import one_publication_at_a_time
from tmdb_assets.places import led_to
from tmdb_assets.warehouse.reader import FORMAT, WarehouseError, first_line, not_ours, read_format, read_info
from tmdb_assets.warehouse.targets.duckdb_files import all_beside, remove_logs, unfinished
from tmdb_assets.warehouse.targets.duckdb_tables import NOUN, Database

HOLES_AT_MOST = 0.5  # share of the file that holds nothing any more; beyond, the file is made anew


class DuckDBFile:
    """The warehouse at a path. Where that is a link, what it leads to is published, and the link stays."""

    noun = NOUN
    key = "warehouse"
    kind = "duckdb"

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def name(self) -> str:
        """Its path, as the setting says it."""
        return str(self.path)

    def description(self, source: str) -> str:
        """What the file is, for the asset that publishes it after a run of a source."""
        return (
            "One DuckDB file for analysts: the star as tables, the questions as views, a schema per source. "
            f"Brought up to date after a run of {source}, beside the published file, and swapped in by one rename."
        )

    def refuse_unfit(self, sources: Collection[str]) -> None:
        """Raise WarehouseError for a path that DuckDB takes for another, or for a schema of the file."""
        with self._sentence_on_failure():
            place = led_to(self.path)
        for path in (self.path, place):
            if found := {"\\", "?"} & set(str(path)):
                raise WarehouseError(
                    f"The warehouse cannot lie at {path}: DuckDB takes the {min(found)} in it for something else. Set "
                    "TMDB_ASSETS_WAREHOUSE to another path."
                )
            if path.stem.lower() in {"main", *sources}:
                raise WarehouseError(
                    f"The warehouse cannot be called {path.name}: DuckDB calls the database after its file, and "
                    f"could not tell it from the schema {path.stem} in it. Set TMDB_ASSETS_WAREHOUSE to a file of "
                    "another name."
                )

    def can_answer(self, view: View) -> bool:
        """Every view: they are written in DuckDB's SQL."""
        return True

    @contextmanager
    def publication(self, log: Callable[[str], None]) -> Iterator[NextFile]:
        """The next file, made beside the published one by one process at a time; a killed one lets go by itself."""
        with self._sentence_on_failure():
            place = led_to(self.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            with one_publication_at_a_time(place, log), NextFile(place) as file:
                yield file

    def size(self) -> int:
        """Bytes of the published file."""
        return self.path.stat().st_size

    def files(self) -> list[Path]:
        """The file and all that lies beside it, under its name and where a link of that name leads; the link is none of
        it."""
        return list(dict.fromkeys([*all_beside(self.path), *all_beside(led_to(self.path))]))

    @contextmanager
    def alone(self, log: Callable[[str], None]) -> Iterator[None]:
        """Nobody publishes the file, deletes it, or makes something of it. Where there is nothing, nothing is
        locked."""
        if not self.files():
            yield
            return
        with one_publication_at_a_time(self.path, log):
            yield

    def copies(self, source: str) -> list[str]:
        """The file with all that lies beside it: it has the star of every source. Raises CopyStays."""
        try:
            return [f"the file {file}" for file in self.files()]
        except OSError as error:
            raise CopyStays(
                f"The warehouse {self.path} cannot be looked up ({error.strerror or error}), and it may have "
                "copies: correct the link or TMDB_ASSETS_WAREHOUSE, and run this again."
            ) from None

    def forget(self, source: str, log: Callable[[str], None]) -> str | None:
        """Delete the whole file, as rows that are deleted leave their bytes in it. Raises CopyStays.

        A link to it stays, what it leads to goes: the next publication follows it.
        """
        if not self.copies(source):
            return None
        with deleting(self.path), self.alone(log):
            delete(self.files())  # as they are now: a publication that was waited for has renamed some
        return f"The warehouse had copies and was deleted: the asset `{self.key}/{source}` makes it anew."

    @contextmanager
    def _sentence_on_failure(self) -> Iterator[None]:
        """A file that cannot be written is one sentence."""
        try:
            yield
        except (duckdb.Error, OSError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or first_line(error)
            raise WarehouseError(
                f"The warehouse {self.path} cannot be published ({reason}): make room, or set "
                "TMDB_ASSETS_WAREHOUSE to a file in a folder that you may write to. What was published before "
                "stays as it was."
            ) from None


class NextFile(Database):
    """The file that will take the place of the one at `place`, which leads nowhere else."""

    def __init__(self, place: Path) -> None:
        self.place = place
        super().__init__(unfinished(place))

    def begin(self) -> str | None:
        """Begin with a copy of the published file.

        Even reading the published file through DuckDB would be in somebody's way, or meet one opened before; a copy is
        not.
        """
        try:
            is_there = self.place.stat().st_size > 0
        except FileNotFoundError:
            is_there = False
        if not is_there:
            self.open()
            return "there was none"
        shutil.copyfile(self.place, self.file)
        try:
            reason = self._unusable()
        except duckdb.Error as error:
            raise WarehouseError(not_ours(str(self.place), first_line(error))) from None
        if reason:
            self.close()
            self.discard()
            self.open()
        return reason

    def _unusable(self) -> str | None:
        """Why the copy of the published file is no ground to build on, None if it is."""
        connection, path = self.open(), str(self.place)
        if read_format(connection, path) != FORMAT:
            return "it was of another version of the project"
        if _nanoseconds(read_info(connection, path).published_at) != self.place.stat().st_mtime_ns:
            return "somebody has written to it"
        return "most of it was empty" if self.holes() > HOLES_AT_MOST else None

    def finish(self, at: dt.datetime) -> None:
        """Put the finished file in the place of the published one: whoever looks sees the one or the other.

        Nobody may write to it: a DuckDB client that opens a file for writing, as it does unless told otherwise, keeps
        all others out. Its time of modification is the time of publication, so that the next publication sees whether
        somebody wrote to it nevertheless; the log that such a client may have left beside it belongs to the file that
        goes.
        """
        self.checkpoint()
        self.close()
        self.file.chmod(stat.S_IMODE(self.file.stat().st_mode) & ~0o222)
        os.utime(self.file, ns=(_nanoseconds(at), _nanoseconds(at)))
        _sync(self.file)
        remove_logs(self.place)
        self.file.replace(self.place)
        _sync(self.place.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _nanoseconds(at: dt.datetime) -> int:
    return (at - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(microseconds=1) * 1000
