"""Places of one's own on this machine: what a path in a setting means, and where a link leads.

What belongs here: the one rule by which a written path is read, and the one by which links are followed before anything
is written. What does not: which setting holds a path (settings.py), what lies there, and buckets
(lakehouse/store/root.py).
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FILE = re.compile(r"file:", re.IGNORECASE)
#: `s3:/bucket`, `https://host`; `a: b` and `12:30` are names like any other.
_SCHEMES = "s3|s3a|gs|gcs|az|azure|adl|abfss?|wasbs?|https?|hdfs"
_ADDRESS = re.compile(rf"[a-z][a-z0-9+.-]+:/|(?:{_SCHEMES}):", re.IGNORECASE)
#: One among paths that are joined by colons, where `a:/b` are two.
_AMONG_PATHS = re.compile(
    rf"(?:^|:)(?:(?:{_SCHEMES}|file|ftp):|[a-z][a-z0-9+.-]+://|[a-z]:(?:\\|$)|\\\\)", re.IGNORECASE
)
_WINDOWS = re.compile(r"[a-z]:(?:[/\\]|$)|\\\\", re.IGNORECASE)
_HOME = re.compile(r"^(?:\$HOME|\$\{HOME\})(?=/|$)")
#: What a shell would put something in place of: `$NAME`, `${NAME}`, `$(command)`, a command in backticks, `%NAME%`.
_EXPANDED = re.compile(r"\$\{?[A-Za-z_]\w*\}?|\$\{|\$\(|`.*`|%[A-Za-z_]\w*%")


def own_path(text: str) -> Path:
    """A path on this machine as a setting writes it: `~`, `$HOME` and `${HOME}` at its beginning are the home folder,
    and `file:` addresses are the path they name.

    Whatever else a shell would expand is refused: made into a folder of that name, it would be found by nobody. Raises
    ValueError, without repeating what was written.
    """
    if _FILE.match(text):
        return _path_of(text)
    if _ADDRESS.match(text):
        raise ValueError("use a path on this machine: it cannot be a URL")
    if _WINDOWS.match(text):
        raise ValueError("use a path as this machine writes it, with slashes: it has no drives")
    text = _HOME.sub("~", text, count=1)
    if _EXPANDED.search(text):
        raise ValueError(
            "variables and commands in a path are not expanded, $HOME at its beginning excepted: write the path out"
        )
    path = Path(text)
    if not path.parts[:1] or not path.parts[0].startswith("~"):
        return path
    if not text.startswith("~"):
        return path.absolute()  # `./~` is a folder, which whoever is given `~` alone would take for home
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("whose home folder is meant cannot be told: write the path out") from None


def own_paths(text: str) -> str:
    """Several such paths, joined by the path separator. Raises ValueError."""
    if _AMONG_PATHS.search(text):
        raise ValueError("use paths on this machine, each written plainly: none of them can be a URL or on a drive")
    return os.pathsep.join(str(own_path(file)) if file else "" for file in text.split(os.pathsep))


def refuse_expanded(text: str) -> None:
    """Raises ValueError for a path with a variable or a command in it, as a shell expands them."""
    if _EXPANDED.search(text):
        raise ValueError(
            "variables and commands in a path are not expanded, $HOME at its beginning excepted: write the path out"
        )


def _path_of(address: str) -> Path:
    """The path that `file:///folder` or `file:/folder` names, its escapes read."""
    wrong = "a folder of this machine is written with three slashes, as in file:///folder, or plainly"
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValueError(wrong) from None
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise ValueError(wrong)
    return Path(unquote(parts.path))


def led_to(path: Path) -> Path:
    """Where a path leads once every link in it is followed, absolute; nothing needs to lie there yet.

    Raises OSError for links that lead in a circle, and for one into a folder that is not there: what it led to may be
    on a disk that is not mounted, and must not be made anew in its place.
    """
    path = path.absolute()
    if (there := str(path)) == os.path.realpath(there) and path.exists():
        return path  # no link at all, which is usual and quickly seen
    try:
        found = path.resolve()
    except (OSError, RuntimeError):  # RuntimeError until Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None
    if found.is_symlink():  # since Python 3.13 a circle is given back as it is
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    for link in (path, *path.parents):
        if link.is_symlink():
            missing = link.resolve() if link != path else found.parent
            if not missing.exists():
                raise OSError(errno.ENOENT, f"it is a link to {found}, and there is no folder {missing}", str(path))
    return found
