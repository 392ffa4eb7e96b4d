"""What lies on disk for a DuckDB file: the file itself, its logs, the folder its memory overflows into.

What belongs here: the one list of these. Whoever publishes a warehouse clears up by it after a publication that was
killed, and whoever forgets a person leaves none of them behind. What does not: what is in the file (warehouse/), when
it goes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

#: Endings of the logs that a client leaves when it is killed; the last two are of a checkpoint that was under way.
LOGS = (".wal", ".wal.checkpoint", ".wal.recovery")


def unfinished(warehouse: Path) -> Path:
    """Where the next warehouse is made, before it takes the place of the published one."""
    return warehouse.with_name(f"{warehouse.name}.next")


def overflow(file: Path) -> Path:
    """The folder for what does not fit the memory: DuckDB's own choice for a file."""
    return file.with_name(f"{file.name}.tmp")


def remove(file: Path) -> None:
    """Remove the file and all that lies beside it, as far as it is there."""
    for each in beside(file):
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink(missing_ok=True)


def beside(file: Path) -> list[Path]:
    """The file and all that lies beside it, as far as it is there."""
    all_of_it = [file, *(file.with_name(f"{file.name}{ending}") for ending in LOGS), overflow(file)]
    return [each for each in all_of_it if each.exists() or each.is_symlink()]


def remove_logs(file: Path) -> None:
    """Remove the logs alone: they belong to a file that another takes the place of."""
    for ending in LOGS:
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)
