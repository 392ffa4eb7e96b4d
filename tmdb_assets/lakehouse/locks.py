"""One at a time: whoever fills, keeps up or redacts the raw tables of a source, in whatever process of this machine.

What belongs here: the lock of a source in a lake. What does not: what is done under it (orchestration/tables.py,
orchestration/upkeep.py, a source's own commands), and single commits, which need none (delta.py).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.lakehouse.errors import LakehouseError


class LockUnusable(LakehouseError):
    """The lock of a source cannot be taken. The message names its file and what to do."""


@contextmanager
def one_fetch_at_a_time(store: DeltaStore, source: str, log: Callable[[str], None]) -> Iterator[None]:
    """Nobody else fetches from a source into a lake, or takes away what a fetch relies on, meanwhile; waits its turn.

    Dagster's pool limits runs that share an instance; this also holds between those that do not. A killed process lets
    go by itself.
    """
    name = sha256(f"{_place(store)}|{source}".encode()).hexdigest()[:16]
    try:
        file = Path(tempfile.gettempdir()) / f"tmdb_assets-{name}.lock"
    except FileNotFoundError:  # none of the usual folders can be written, be it for want of room
        raise _unusable(None, "no folder for temporary files can be written") from None
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log(f"Another run is at work on the raw tables of {source} in this lake: waiting for it to finish")
        lock.acquire()
    except OSError as error:
        raise _unusable(file, error.strerror or str(error)) from None
    try:
        yield
    finally:
        lock.release()


def _unusable(file: Path | None, reason: str) -> LockUnusable:
    named = f"The lock {file}" if file else "A lock"
    return LockUnusable(
        f"{named} cannot be taken ({reason}): make room, or set TMPDIR to a folder that you and whoever else fills this lake "
        "may write to."
    )


def _place(store: DeltaStore) -> str:
    """The root of a lake, the same however it is spelled: `data/lake`, its whole path, a URL or a link to it."""
    return str(Path(store.root.removeprefix("file://")).resolve()) if store.is_local else store.root
