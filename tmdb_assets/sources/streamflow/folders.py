"""Folders and files as a disk has them: read whole and at rest, or refused with the reason; nothing here blocks or
surprises.

What belongs here: listing a folder, reading a file, and every way in which either cannot be done: a folder or a pipe in
the place of a file, a link that leads nowhere, no permission, a name that is no text, bytes that change while they are
read. What does not: which files a drop has (drops.py), what they say (files.py), when to look (arrivals.py).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: A file is kept in one cell of a table, whose texts end at 2 GiB; a million subscribers take a tenth of this.
MOST_BYTES = 2**30
_BLOCK = 1 << 20
_KINDS = {
    stat.S_IFDIR: "Is a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Unreadable(Exception):
    """A file or folder that cannot be read; the message is the reason, to stand in parentheses."""


@dataclass(frozen=True)
class Item:
    """What a folder has under a name. `stamp` is size and time of last change; `problem` why it is no file to be
    read."""

    path: Path
    stamp: tuple[int, int] = (0, 0)
    problem: str = ""


def is_there(path: Path) -> bool:
    """Whether anything has this name, be it a link that leads nowhere. Raises Unreadable where nobody can tell."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Unreadable(_reason(path, error)) from None
    return True


def items(folder: Path) -> dict[str, Item]:
    """All that lies in a folder but hidden files, by the name that people can be shown. Raises Unreadable."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise Unreadable(_reason(folder, error)) from None
    return {_shown(name): _item(folder / name) for name in names if not name.startswith(".")}


def blocks(path: Path, most: int = MOST_BYTES) -> Iterator[bytes]:
    """The bytes of a file, as they lay there at one moment. Raises Unreadable, at the latest after the last of them."""
    item = _item(path)
    if item.problem:
        raise Unreadable(item.problem)
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123  # a descriptor
            stamp, came = _stamp(os.fstat(file.fileno())), 0
            if stamp[0] > most:
                raise Unreadable(f"{stamp[0]:,} bytes, more than the {most:,} that a file may have")
            while came <= most and (block := file.read(_BLOCK)):
                came += len(block)
                yield block
            # also by its name: another file may have taken its place meanwhile
            if not came == stamp[0] or not stamp == _stamp(os.fstat(file.fileno())) == _item(path).stamp:
                raise Unreadable("it changed while it was read: it is still being written")
    except OSError as error:
        raise Unreadable(_reason(path, error)) from None


def read(path: Path, most: int = MOST_BYTES) -> bytes:
    """The same in one piece."""
    return b"".join(blocks(path, most))


def _item(path: Path) -> Item:
    try:
        found = path.stat()
    except OSError as error:
        return Item(path, problem=_reason(path, error))
    kind = stat.S_IFMT(found.st_mode)
    return Item(path, _stamp(found), "" if kind == stat.S_IFREG else _KINDS.get(kind, "no file"))


def _stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _reason(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "a link that leads nowhere" if path.is_symlink() else "it is gone"
    return error.strerror or type(error).__name__


def _shown(name: str) -> str:
    """A name as text: bytes that are none, and what would break a line, are written as escapes."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
