"""What lies on disk for a DuckDB file: the file itself, its logs, the folder its memory overflows into.

What belongs here: the one list of these. Where the file is a link, they lie beside what it leads to, and the link
stays. Whoever publishes a warehouse clears up by it after a publication that was killed, and whoever forgets a person
leaves none of them behind. What does not: what is in the file
(duckdb_tables.py), when it goes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tmdb_assets.places import led_to

#: Endings of the logs that a client leaves when it is killed; the last two are of a checkpoint that was under way.
LOGS = (".wal", ".wal.checkpoint", ".wal.recovery")


def unfinished(warehouse: Path) -> Path:
    """Where the next warehouse is made, before it takes the place of the published one."""
    warehouse = led_to(warehouse)
    return warehouse.with_name(f"{warehouse.name}.next")


def overflow(file: Path) -> Path:
    """The folder for what does not fit the memory: DuckDB's own choice for a file."""
    file = led_to(file)
    return file.with_name(f"{file.name}.tmp")


def remove(file: Path) -> None:
    """Remove the file and all that lies beside it, as far as it is there. Of a link, what it leads to."""
    file = led_to(file)
    file.unlink(missing_ok=True)
    remove_logs(file)
    if overflow(file).exists():
        shutil.rmtree(overflow(file))


def remove_logs(file: Path) -> None:
    """Remove the logs alone: they belong to a file that another takes the place of."""
    file = led_to(file)
    for ending in LOGS:
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)


def all_beside(file: Path) -> list[Path]:
    """Whatever of all this is there under a file's own name, the next one's included; a link is none of it, nor is a
    folder but the one for what overflows: what else a folder of that name holds is not DuckDB's."""
    names = [f"{file.name}{ending}" for ending in ("", *LOGS, ".tmp")]
    names += [name.replace(file.name, f"{file.name}.next", 1) for name in names]
    found = [file.with_name(name) for name in names]
    return [
        each
        for each in found
        if not each.is_symlink() and (each.is_file() or (each.is_dir() and each.name.endswith(".tmp")))
    ]
