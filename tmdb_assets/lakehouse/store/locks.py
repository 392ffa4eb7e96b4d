"""Who may be at work on a source in a lake at once, in whatever process and as whatever user of this machine.

What belongs here: the locks of a source and of a published file: where they lie, in which order they are taken, who
waits for whom. What does not: what is done under them (orchestration, warehouse/, a source's own commands), and
single commits, which need none (delta.py).

Two locks a source, hidden files in the lake's root. `.SOURCE.lock` is shared by all that read or write the source's
tables, and held alone by what takes something away from all of them (forgetting a person). `.SOURCE.fetch.lock` is held
alone by what fills or prunes the raw tables. They are taken in that order, those of several sources in the order of
their names, that of a published file last: nobody can wait for each other in a circle. A killed process lets go by
itself.

A lock has the permissions of the folder that it lies in: whoever may write there may take it, whoever made it. On an
object store there is none: Dagster's pools keep its runs apart there, and what is no run has to be started when none
is.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.store.root import LakeRoot
from tmdb_assets.places import led_to


class LockUnusable(LakehouseError):
    """A lock cannot be taken. The message names its file and what to do."""


class Lake(Protocol):
    """A lake, as far as a lock has to know it."""

    root: str

    @property
    def is_local(self) -> bool:
        """Whether the root is a folder of this machine."""

    def refuse_unwritable_root(self) -> None:
        """Makes a local root, or raises with one sentence when it cannot be written."""


@contextmanager
def at_work(
    lake: Lake, sources: Iterable[str], log: Callable[[str], None], *, only_reads: bool = False
) -> Iterator[None]:
    """Nobody takes anything away from the tables of these sources meanwhile; waits while somebody does.

    Who `only_reads` makes no lock where there is none: nobody has ever held it then.
    """
    with ExitStack() as held:
        for source in sorted(sources):
            if only_reads and lake.is_local and not (_root(lake) / f".{source}.lock").exists():
                continue
            waiting = f"A person is being forgotten in {source} in this lake: waiting for it to finish"
            held.enter_context(_lock(lake, f".{source}.lock", waiting, log, is_shared=True))
        yield


@contextmanager
def one_fetch_at_a_time(lake: Lake, source: str, log: Callable[[str], None]) -> Iterator[None]:
    """`at_work`, and nobody else fetches from the source into this lake, or prunes its raw tables; waits its turn.

    Dagster's pool limits runs that share an instance; this also holds between those that do not.
    """
    lake.refuse_unwritable_root()
    waiting = f"Another run is at work on the raw tables of {source} in this lake: waiting for it to finish"
    with at_work(lake, [source], log), _lock(lake, f".{source}.fetch.lock", waiting, log):
        yield


@contextmanager
def alone(lake: Lake, source: str, log: Callable[[str], None]) -> Iterator[None]:
    """Nobody else fetches, derives, publishes or prunes what this lake has of the source; waits for all who do."""
    lake.refuse_unwritable_root()
    waiting = f"Another run is at work on {source} in this lake: waiting for it to finish"
    with _lock(lake, f".{source}.lock", waiting, log):
        yield


@contextmanager
def one_publication_at_a_time(file: Path, log: Callable[[str], None]) -> Iterator[None]:
    """Nobody else publishes a file, deletes it, or makes something of it. Raises OSError where it cannot be locked."""
    with _held(_beside(file), "Another run is publishing this warehouse: waiting for it to finish", log, fcntl.LOCK_EX):
        yield


@contextmanager
def reading_publication(file: Path, log: Callable[[str], None]) -> Iterator[None]:
    """Nobody publishes a file, or deletes it, while something is made of it that is published in turn. Raises
    LockUnusable."""
    try:
        lock = _beside(file)
    except OSError as error:
        raise LockUnusable(f"The warehouse {file} cannot be looked up: {error.strerror or error}.") from None
    if not lock.exists():
        yield  # nobody has published it
        return
    waiting = "Another run is publishing this warehouse: waiting for it to finish"
    with ExitStack() as held:
        try:
            held.enter_context(_held(lock, waiting, log, fcntl.LOCK_SH))
        except OSError as error:
            raise LockUnusable(
                f"The lock {lock} cannot be taken ({error.strerror or error}): see that you may read it."
            ) from None
        yield


def _beside(file: Path) -> Path:
    file = led_to(file)
    return file.with_name(f".{file.name}.lock")


@contextmanager
def _lock(
    lake: Lake, name: str, waiting: str, log: Callable[[str], None], *, is_shared: bool = False
) -> Iterator[None]:
    """Hold a lock of a lake. Raises LockUnusable."""
    if not lake.is_local:
        yield
        return
    folder = _root(lake)
    if is_shared and not (folder / name).exists() and not os.access(folder, os.W_OK):
        yield  # there is no lake yet, or one that is only read here, and nobody has ever held the lock alone
        return
    with ExitStack() as held:
        try:
            held.enter_context(_held(folder / name, waiting, log, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX))
        except OSError as error:
            raise LockUnusable(
                f"The lock {folder / name} cannot be taken ({error.strerror or error}): make room, see that you "
                "may read it, or set TMDB_ASSETS_LAKE to a folder that you may write to."
            ) from None
        yield


def _root(lake: Lake) -> Path:
    """The folder of a lake, the same however it is spelled or linked to."""
    return LakeRoot(lake.root).folder.resolve()


@contextmanager
def _held(file: Path, waiting: str, log: Callable[[str], None], how: int) -> Iterator[None]:
    opened = _taken(file, waiting, log, how)
    try:
        yield
    finally:
        os.close(opened)  # lets go of the lock


def _taken(file: Path, waiting: str, log: Callable[[str], None], how: int) -> int:
    """The open file whose lock is held, made where it is not there; says once that it waits."""
    is_told = False
    while True:
        opened = _open(file)
        try:
            try:
                fcntl.flock(opened, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if not is_told:
                    log(waiting)
                is_told = True
                fcntl.flock(opened, how)
            if _is_still(opened, file):
                return opened
        except BaseException:
            os.close(opened)
            raise
        os.close(opened)  # the lake was removed meanwhile, and its locks with it: another file counts now


def _open(file: Path) -> int:
    """Open a lock, made by whomever; a new one gets the permissions of its folder.

    One that is there is opened without O_CREAT, which in a folder like /tmp is refused for the file of another user.
    """
    while True:
        for mode in (os.O_RDWR, os.O_RDONLY):  # a lock can be held by whoever may read it
            with suppress(FileNotFoundError, PermissionError):
                return os.open(file, mode)
        if file.exists():
            return os.open(file, os.O_RDONLY)  # says why it cannot be
        with suppress(FileExistsError):  # another was first
            return _make(file)


def _make(file: Path) -> int:
    """Make a lock under a name of its own, and give it its name once it has its permissions: nobody meets it
    without."""
    folder = file.parent.stat()
    draft = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}")
    opened = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(PermissionError):  # of a group that one is not in
            os.fchown(opened, -1, folder.st_gid)
        os.fchmod(opened, folder.st_mode & 0o666)
        os.link(draft, file)
    except BaseException:
        os.close(opened)
        raise
    finally:
        draft.unlink(missing_ok=True)
    return opened


def _is_still(opened: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), file.stat())
    except FileNotFoundError:
        return False
