"""What has copies of a lake's rows outside of it, and lets go of them when a person is forgotten.

What belongs here: what such a place must be able to do, and the one sentence for a file that cannot be deleted. What
does not: the places (warehouse/targets/, a source's reports), and which persons are forgotten (a source's own).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tmdb_assets.lakehouse.errors import LakehouseError


class CopyStays(LakehouseError):
    """Copies that cannot be deleted. The message names where they are and what to do."""


class Copies(Protocol):
    """A place outside of the lake that has copies of its rows: every target of a publication is one."""

    def copies(self, source: str) -> Sequence[str]:
        """What is there of a source, each named as a list of what goes names it (`the file /data/warehouse.duckdb`).

        Changes nothing. Raises CopyStays when that cannot be found out.
        """

    def forget(self, source: str, log: Callable[[str], None]) -> str | None:
        """Let go of all that is there of a source, while nobody publishes there or makes something of it.

        Returns a sentence on what went and how it comes back, None when there was nothing. Raises CopyStays.
        """


@contextmanager
def deleting(place: Path) -> Iterator[None]:
    """Within it, whatever cannot be deleted is one sentence: it names the file, or else the place. Raises CopyStays."""
    try:
        yield
    except OSError as error:
        raise CopyStays(
            f"{error.filename or place} cannot be deleted ({error.strerror or error}), and it has copies: all else is "
            "forgotten. See that you may write to its folder, and run this again."
        ) from None


def delete(files: Iterable[Path]) -> None:
    """Delete files and folders, as far as they are there. Raises OSError."""
    for file in files:
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)
