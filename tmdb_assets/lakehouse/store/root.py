"""Where a lake lies: a folder of this machine or a prefix of a bucket, and how Delta is told of it.

What belongs here: reading a root, refusing one whose tables could not be read back, the names of tables and files as
deltalake writes them and as they are. What does not: what is done with the tables there (delta.py).

deltalake takes and gives the addresses of URLs (`my%20films`), Polars reads the names that it is given (`my films`). So
a root is written as a URL on the way in, and names are unescaped on the way out, in both kinds of places alike.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.places import led_to, own_path

#: What deltalake or Polars takes for something else: the end of a host, an escape, a column and its value.
_UNFIT = re.compile(r"[\[\]|^\\=\x00-\x1f\x7f-\x9f\ud800-\udfff]|%[0-9A-Fa-f]{2}")
_BUCKET = re.compile(r"(?:[\w.$-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


class LakeError(LakehouseError):
    """The lake cannot be read or written as asked. The message names the root or table and what to do."""


class LakeRoot:
    """A root as it was written. `folder` and `address` follow links anew each time: they may be made to lead
    elsewhere."""

    def __init__(self, written: str) -> None:
        self.written = written
        self._is_file = written[:5].lower() == "file:"
        self.is_local = self._is_file or "://" not in written

    @property
    def named(self) -> Path:
        """The folder of a root on this machine, as it is called. Raises LakeError."""
        try:
            return own_path(self.written) if self._is_file else Path(self.written)
        except ValueError as error:
            raise self._unusable(str(error)) from None

    @property
    def folder(self) -> Path:
        """The folder of a root on this machine, links followed. Raises LakeError."""
        named = self.named
        try:
            found = led_to(named)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        except ValueError:  # a null character
            raise self._unusable("no path has a null character in it") from None
        if named.is_symlink() and not found.exists():
            raise self._unusable(f"it is a link to {found}, where nothing lies")
        return found

    def address(self, table: str) -> str:
        """The URL of a table. Raises LakeError for a root whose tables could not be read back."""
        if self.is_local:
            folder = self.folder
            self._refuse_unfit(str(folder))
            return (folder / table).as_uri()
        scheme, _, rest = self.written.partition("://")
        bucket, _, prefix = rest.partition("/")
        self._refuse_bucket(bucket)
        if {"?", "#"} & set(prefix):
            raise self._unusable("the path in a bucket has no ? and no #: leave them out, and what follows")
        self._refuse_unfit(prefix)
        if prefix and not {"", ".", ".."}.isdisjoint(prefix.split("/")):
            raise self._unusable("an empty name, a . or a .. stands between two slashes of its path")
        return f"{scheme}://{bucket}/{quote('/'.join(filter(None, (prefix, table))))}"

    def _refuse_bucket(self, bucket: str) -> None:
        if ":" in bucket.rpartition("@")[0]:
            raise self._unusable(
                "it holds a user and a password: credentials are read from AWS_*, AZURE_* or GOOGLE_* in the "
                "environment or .env"
            )
        if not _BUCKET.fullmatch(bucket):
            raise self._unusable("no bucket can be called so")

    def _refuse_unfit(self, path: str) -> None:
        found = _UNFIT.search(path)
        if not found:
            return
        said = found.group()
        mend = f"write the character {unquote(said)!r} itself" if said.startswith("%") else "rename that folder"
        where = "" if said in self.written else f", {path},"
        raise self._unusable(f"{said} stands in its path{where} where no Delta table is found again: {mend}")

    def _unusable(self, reason: str) -> LakeError:
        said = (
            f"The lake root {without_secrets(self.written)} cannot be used ({reason}): set TMDB_ASSETS_LAKE to "
            "another folder or bucket."
        )
        return LakeError("".join(c if c.isprintable() else ascii(c)[1:-1] for c in said))


def as_named(address: str) -> str:
    """A path or URL of deltalake's as Polars reads it: the name of a file or object."""
    return unquote(address)


def without_secrets(root: str) -> str:
    """A lake's root as it may be written down: without user, password and query of a URL."""
    if "://" not in root:
        return root
    scheme, _, rest = root.partition("://")
    before, _, after = rest.rpartition("@")
    if ":" in before:  # a password may hold slashes
        rest = after
    bucket, slash, path = rest.partition("/")
    return f"{scheme}://{bucket.rpartition('@')[2]}{slash}{re.split('[?#]', path, maxsplit=1)[0]}"
