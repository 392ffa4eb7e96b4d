"""Arrivals: which months lie in the drops folder complete, and in which state.

What belongs here: looking at names, sizes and times of files between two looks, and hashing what has come to rest. What
does not: what the files say (drops.py), starting a run (assets.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tmdb_assets.sources.streamflow import contracts
from tmdb_assets.sources.streamflow.drops import SUCCESS, other_files

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Arrival:
    """A month whose drop is complete, with what has not been told before: `run_key` is new for each content."""

    month: str
    run_key: str


@dataclass
class Look:
    """What one look at the drops folder found. `cursor` is what the next look must be given."""

    arrivals: list[Arrival] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    cursor: str = "{}"


def look(drops: Path, cursor: str | None, first: str, last: str) -> Look:
    """Look at the drops folder again, knowing what the look before saw; `first` and `last` are the months to look for.

    A drop is complete when its six files are there and either `_SUCCESS` is, or sizes and times are those of the look
    before. A month is told once per content; content is hashed only when a size or time has changed.
    """
    before: dict[str, Any] = json.loads(cursor) if cursor else {}
    found, now = Look(), {}
    folders = sorted(f for f in drops.iterdir() if MONTH.fullmatch(f.name) and f.is_dir()) if drops.is_dir() else []
    for folder in folders:
        if first <= folder.name <= last:
            now[folder.name] = _look_at(folder, before.get(folder.name, {}), found)
        else:
            found.waiting.append(f"{folder.name} is not looked at: months go from {first} to {last}, which is over")
    # A month that is gone for now may come back: what was told of it stays known.
    found.cursor = json.dumps({**before, **now}, sort_keys=True)
    return found


def _look_at(folder: Path, known: Mapping[str, Any], found: Look) -> dict[str, Any]:
    """Note what there is to say of one month; returns what is to be known of it from now on."""
    files = _state(folder)
    missing = [name for name in contracts.FILES if name not in files]
    if missing:
        found.waiting.append(f"{folder.name} lacks {', '.join(missing)}")
        return {**known, "files": files}
    if SUCCESS not in files and files != known.get("files"):
        found.waiting.append(f"{folder.name} has all files, their sizes must stay the same until the next look")
        return {**known, "files": files}
    if files == known.get("told_files"):
        return dict(known)
    content = _content(folder)
    if content == known.get("told"):
        return {**known, "files": files, "told_files": files}
    # The key told before is part of the new one: a month that is set back to an earlier content is news again.
    key = f"{folder.name}-" + sha256(f"{known.get('run_key', '')} {content}".encode()).hexdigest()[:16]
    found.arrivals.append(Arrival(folder.name, key))
    return {"files": files, "told_files": files, "told": content, "run_key": key}


def _state(folder: Path) -> dict[str, list[int]]:
    """Name -> size and time of last change, of all that would be read or refused."""
    names = [name for name in (*contracts.FILES, SUCCESS, *other_files(folder)) if (folder / name).exists()]
    stats = {name: (folder / name).stat() for name in names}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}


def _content(folder: Path) -> str:
    """Hash of the six files and of the names of any others."""
    total = sha256()
    for name in contracts.FILES:
        with (folder / name).open("rb") as file:
            total.update(name.encode() + b"\0")
            while block := file.read(1 << 20):
                total.update(block)
    return sha256((total.hexdigest() + " ".join(other_files(folder))).encode()).hexdigest()
