"""Arrivals: which months lie in the drops folder complete, and in which state.

What belongs here: looking at names, sizes and times of files between two looks, and hashing what has come to rest. A
month of which something cannot be read waits with its reason, and keeps no other waiting. What does not: how a folder
is read (folders.py), what the files say (drops.py), starting a run (assets.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tmdb_assets.sources.streamflow import contracts, folders
from tmdb_assets.sources.streamflow.drops import SUCCESS, changed, other_files

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
#: What may be known of a month, and as what: a cursor may have been written by another version, or by hand.
KNOWN = {"files": dict, "told_files": dict, "told": str, "run_key": str}


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
    before. A month is told once per content; content is hashed only when a size or time has changed. Of a cursor that
    cannot be read nothing is known: the run of a month whose content did not change changes nothing.
    """
    before = _read_cursor(cursor)
    found, now = Look(), {}
    try:
        months = folders.items(drops) if folders.is_there(drops) else {}
    except folders.Unreadable as error:
        found.waiting.append(f"the drops folder {drops} cannot be read ({error}): set STREAMFLOW_DROPS to another")
        months = {}
    for month in sorted(filter(MONTH.fullmatch, months)):
        if not first <= month <= last:
            found.waiting.append(f"{month} is not looked at: months go from {first} to {last}, which is over")
            continue
        try:
            now[month] = _look_at(drops / month, before.get(month, {}), found)
        except folders.Unreadable as error:
            found.waiting.append(f"{month} cannot be read ({error})")
    # A month that is gone for now may come back: what was told of it stays known.
    found.cursor = json.dumps({**before, **now}, sort_keys=True)
    return found


def _read_cursor(cursor: str | None) -> dict[str, dict[str, Any]]:
    """What the look before knew of each month, without what is not of its type."""
    try:
        told = json.loads(cursor or "{}")
    except (ValueError, RecursionError):
        return {}
    months = told.items() if isinstance(told, dict) else ()
    return {
        month: {name: value for name, value in known.items() if isinstance(value, KNOWN.get(name, ()))}
        for month, known in months
        if isinstance(known, dict)
    }


def _look_at(folder: Path, known: Mapping[str, Any], found: Look) -> dict[str, Any]:
    """Note what there is to say of one month; returns what is to be known of it from now on. Raises Unreadable."""
    items = folders.items(folder)
    files = {name: [*item.stamp] for name, item in items.items()}
    missing = [name for name in contracts.FILES if name not in files]
    if missing:
        found.waiting.append(f"{folder.name} lacks {', '.join(missing)}")
        return {**known, "files": files}
    for name in [*contracts.FILES, SUCCESS]:
        if name in items and items[name].problem:
            raise folders.Unreadable(f"{name}: {items[name].problem}")
    if SUCCESS not in files and files != known.get("files"):
        found.waiting.append(f"{folder.name} has all files, their sizes must stay the same until the next look")
        return {**known, "files": files}
    if files == known.get("told_files"):
        return dict(known)
    content = _content(items)
    if changed(folder, items):
        found.waiting.append(f"{folder.name} has all files, but they change while they are read")
        return {**known, "files": files}
    if content == known.get("told"):
        return {**known, "files": files, "told_files": files}
    # The key told before is part of the new one: a month that is set back to an earlier content is news again.
    key = f"{folder.name}-" + sha256(f"{known.get('run_key', '')} {content}".encode()).hexdigest()[:16]
    found.arrivals.append(Arrival(folder.name, key))
    return {"files": files, "told_files": files, "told": content, "run_key": key}


def _content(items: Mapping[str, folders.Item]) -> str:
    """Hash of the six files and of the names of any others. Raises Unreadable."""
    total = sha256()
    for name in contracts.FILES:
        total.update(name.encode() + b"\0")
        try:
            for block in folders.blocks(items[name].path):
                total.update(block)
        except folders.Unreadable as error:
            raise folders.Unreadable(f"{name}: {error}") from None
    return sha256((total.hexdigest() + " ".join(other_files(items))).encode()).hexdigest()
