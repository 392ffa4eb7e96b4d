"""Personal data: the key of the hashes that stand for it, and who was forgotten.

What belongs here: where the key comes from, keyed hashes, recognising a forgotten person in a raw row. What does not:
whom a row names (persons.py), removing a person (forget.py), which columns are personal (contracts.py).

The key is never written to a table, a log or a commit. Without it a hash cannot be traced back: ids have five digits,
so a hash without a key, or with a salt that lies beside it, could be tried out in a second.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.store import DeltaStore, without_secrets
from tmdb_assets.lakehouse.store.root import LakeRoot
from tmdb_assets.settings import Settings
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix.contracts import HISTORIES_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.persons import email_of, email_said, named_in, plain_email, user_of

KEY_BYTES = 32


class KeyUnusable(LakehouseError):
    """The key of the hashes cannot be read or made. The message names the file or setting and what to do."""


def hash_key(settings: Settings) -> bytes:
    """The key: MOOVITAMIX_HASH_KEY, else that of the file beside the lake, made on first use and for its owner only.

    Raises KeyUnusable.
    """
    if settings.moovitamix_hash_key is not None:
        return settings.moovitamix_hash_key.get_secret_value().encode()
    file = key_file(settings)
    try:
        if not file.exists():
            _make(file)
        if file.stat().st_mode & 0o077:
            raise KeyUnusable(f"The key file {file} may be read by others than its owner: run `chmod 600 {file}`.")
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise KeyUnusable(
            f"The key file {file} cannot be used ({reason}): make room, restore the file, or set MOOVITAMIX_HASH_KEY."
        ) from None
    if len(key) < KEY_BYTES:
        raise KeyUnusable(f"The key file {file} holds no whole key: restore it, or set MOOVITAMIX_HASH_KEY.")
    return key.encode()


def key_file(settings: Settings) -> Path:
    """Where the key lies when no setting states it: beside the lake, or, where that is a link and no key lies beside it
    yet, beside what it leads to. Raises KeyUnusable for a lake that is no folder of this machine."""
    root = LakeRoot(settings.tmdb_assets_lake.rstrip("/"))
    if not root.is_local:
        raise KeyUnusable(
            f"The lake {without_secrets(root.written)} is an object store, beside which no key can be kept: set "
            "MOOVITAMIX_HASH_KEY (at least 16 characters, the same on every machine)."
        )
    beside = [folder.with_name(f"{folder.name}.moovitamix_key") for folder in (root.named, root.folder)]
    return next((file for file in beside if file.exists()), beside[-1])


def _make(file: Path) -> None:
    """Write a new key whole or not at all; when two runs make one at once, both go on with the first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
            opened.write(secrets.token_hex(KEY_BYTES) + "\n")
        with suppress(FileExistsError):  # another run was first: its key counts
            os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)  # half a key, where the disk is full


def keyed_hash(key: bytes, kind: str, value: str) -> str:
    """128 bits of HMAC-SHA256, in hexadecimal. `kind` keeps an id and an e-mail of the same text apart."""
    return hmac.new(key, f"{kind}:{value}".encode(), "sha256").hexdigest()[:32]


def email_hash(key: bytes, email: str) -> str | None:
    """The keyed hash of an e-mail, however it is spelled; None where it tells nobody."""
    plain = plain_email(email)
    return None if plain is None else keyed_hash(key, "email", plain)


def subject_hashes(key: bytes, user_id: int, emails: Iterable[str]) -> set[str]:
    """The keyed hashes under which a forgotten person is known."""
    return {keyed_hash(key, "user", str(user_id)), *filter(None, (email_hash(key, email) for email in emails))}


class Door:
    """Tells which raw rows belong to forgotten persons, so that they are dropped before they are kept.

    A person is known by the id and by every e-mail seen while they were kept: after a restart of the source, when all
    ids change, the e-mail still tells them. A row that names such an e-mail in any field is dropped, and so is whoever
    is given the id of a forgotten person later: a listener too few is the lesser harm. An e-mail that tells nobody
    shuts the door to nobody, though an older version may have kept a hash of it.
    """

    def __init__(self, store: DeltaStore, load_key: Callable[[], bytes]) -> None:
        kept = store.scan(contracts.FORGOTTEN).select(pl.col("subject_hash")).collect()
        self._hashes = set(kept.get_column("subject_hash").to_list())
        self._key = load_key() if self._hashes else b""
        self._ids: set[int] = set()

    def learn(self, users: Iterable[str]) -> None:
        """Look through a day's rows of /users, so that the listening history of those under a new id is known as
        well."""
        if self._hashes:
            self._ids = {i for text in users if (i := user_of(USERS_ENDPOINT, text)) is not None and self._is_own(text)}

    def is_shut(self, endpoint: str, text: str) -> bool:
        """Whether a row belongs to a forgotten person."""
        if not self._hashes or endpoint not in {USERS_ENDPOINT, HISTORIES_ENDPOINT}:
            return False
        named = named_in(endpoint, text)
        if any(user_id in self._ids or self._has("user", str(user_id)) for user_id in named.ids):
            return True
        return any(self._has("email", email) for email in named.emails) or self._has_as_it_was(text)

    def _is_own(self, text: str) -> bool:
        """Whether a row of /users states a forgotten e-mail as its own."""
        email = email_of(text)
        return email is not None and (self._has("email", email) or self._has_as_it_was(text))

    def _has_as_it_was(self, text: str) -> bool:
        """Whether an older version, which compared e-mails trimmed and in small letters, kept the hash of this one."""
        said = email_said(text)
        return said is not None and plain_email(said) is not None and self._has("email", said.strip().lower())

    def _has(self, kind: str, value: str) -> bool:
        return keyed_hash(self._key, kind, value) in self._hashes
