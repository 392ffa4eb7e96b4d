"""Forgets one person everywhere: `make forget USER=46803`, or `python -m tmdb_assets.sources.moovitamix.forget 46803`.

What belongs here: which rows are about a person, in every table of this source, and the order in which they go. What does
not: recognising them when the source serves them again (privacy.py), how a table drops its past (lakehouse/delta.py).

A person is the id asked for and every e-mail seen under it, and whoever else used such an e-mail: the same e-mail is the
same person. What remains is a keyed hash of each, so that the next day's run does not bring them back. It waits for a
fetch of this source or an upkeep of the same lake on this machine, and lets none begin meanwhile. It does not see what
derives tables (clean, star, views), publishes the warehouse, or runs on another machine: start it while none of that is
under way. Cut before its end, it is finished by running it again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tmdb_assets.database_files import remove, unfinished
from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.json_text import NotJson, read
from tmdb_assets.lakehouse.locks import one_fetch_at_a_time
from tmdb_assets.lakehouse.publishing import publish
from tmdb_assets.settings import Settings, SettingsError, load_settings
from tmdb_assets.sources.moovitamix import contracts, payloads
from tmdb_assets.sources.moovitamix.answers import content_hash, put_together
from tmdb_assets.sources.moovitamix.assets import derived_tables
from tmdb_assets.sources.moovitamix.contracts import HISTORIES_ENDPOINT, TRACKS_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.privacy import email_of, hash_key, plain_email, subject_hashes, user_of

METADATA = {"purpose": "forget"}


class NobodyToForget(LakehouseError):
    """The lake knows no such user."""


@dataclass(frozen=True)
class Person:
    """Who is to be forgotten."""

    ids: frozenset[int]
    emails: frozenset[str]


@dataclass(frozen=True)
class Removed:
    """What went: users (ids of the person), raw rows, rows of the clean tables and the quarantine, and whether there was
    a warehouse file to delete."""

    users: int
    raw_rows: int
    clean_rows: int
    warehouse: bool


def forget(store: DeltaStore, settings: Settings, user_id: int, log: Callable[[str], None]) -> Removed:
    """Remove a person from every table, file, log entry and version of this source, and delete the warehouse file.

    Raises NobodyToForget when nothing is known of the user and nobody of that id was forgotten before; KeyUnusable,
    LakeError.
    """
    store.refuse_unwritable_root()
    key = hash_key(settings)
    with one_fetch_at_a_time(store, contracts.SOURCE, log):
        return _forget(store, settings, key, user_id, log)


def _forget(store: DeltaStore, settings: Settings, key: bytes, user_id: int, log: Callable[[str], None]) -> Removed:
    person = _person(store, user_id)
    today = Clock(settings.tmdb_assets_today).today()
    hashes = {h for i in person.ids for h in subject_hashes(key, i, person.emails)}
    kept = store.scan(contracts.FORGOTTEN).select("subject_hash").collect().get_column("subject_hash").to_list()
    if not _is_known(store, person) and not hashes & set(kept):
        raise NobodyToForget(f"The lake {store.root} knows no user {user_id}: nothing was changed.")
    # Whoever is on the list cannot come back, whatever of the rest is done: so that comes first.
    new = pl.DataFrame(
        {"subject_hash": sorted(hashes - set(kept)), "forgotten_on": today}, schema=contracts.FORGOTTEN.schema
    )
    store.append_new(contracts.FORGOTTEN, new, METADATA)
    raw_rows = _redact_raw(store, person)
    clean_rows = _drop_rows(store, person)
    _derive_anew(store, settings, log)
    log("Deleting old versions and the statistics in their log entries")
    for contract in contracts.CONTRACTS:
        if contract not in {contracts.FORGOTTEN, contracts.EXTRACTION_LEDGER}:
            store.drop_past(contract)
    warehouse = _delete_warehouse(settings.tmdb_assets_warehouse)
    return Removed(len(person.ids), raw_rows, clean_rows, warehouse)


# -- who it is -----------------------------------------------------------------------------------------------------------


def _person(store: DeltaStore, user_id: int) -> Person:
    """Every id and e-mail that belong together, starting from one id."""
    clean = store.scan(contracts.USERS).select("user_id", "email").collect().iter_rows()
    known = {(i, plain) for i, email in clean if (plain := plain_email(email))}
    raw = store.scan(contracts.RECORDS).filter(pl.col("endpoint") == USERS_ENDPOINT).select("payload").collect()
    for text in raw.get_column("payload"):
        found, email = user_of(USERS_ENDPOINT, text), email_of(text)
        if found is not None and email:
            known.add((found, email))
    ids, emails = {user_id}, set[str]()
    while True:
        more_emails = {e for i, e in known if i in ids}
        more_ids = ids | {i for i, e in known if e in more_emails}
        if (more_ids, more_emails) == (ids, emails):
            return Person(frozenset(ids), frozenset(emails))
        ids, emails = more_ids, more_emails


def _is_known(store: DeltaStore, person: Person) -> bool:
    ids = list(person.ids)
    tables = (contracts.USERS, contracts.LISTEN_HISTORIES, contracts.LISTENS)
    in_clean = any(store.scan(t).filter(pl.col("user_id").is_in(ids)).head(1).collect().height for t in tables)
    return in_clean or bool(_raw_rows_of(store, person))


def _raw_rows_of(store: DeltaStore, person: Person) -> dict[int, str]:
    """Record hash -> endpoint of the raw rows that are about a person."""
    rows = store.scan(contracts.RECORDS).filter(pl.col("endpoint") != TRACKS_ENDPOINT).collect()
    return {
        record_hash: endpoint
        for record_hash, endpoint, text in rows.iter_rows()
        if user_of(endpoint, text) in person.ids or email_of(text) in person.emails
    }


# -- raw -----------------------------------------------------------------------------------------------------------------


def _redact_raw(store: DeltaStore, person: Person) -> int:
    """Put a note in place of the person's rows, inside the pages; returns the rows (contents) that went.

    What names the rows is committed before they go, so that a cut leaves pages that can still be put together.
    """
    gone = _raw_rows_of(store, person)
    if not gone:
        return 0
    notes = {e: content_hash(e, payloads.FORGOTTEN) for e in (USERS_ENDPOINT, HISTORIES_ENDPOINT)}
    store.append_new(
        contracts.RECORDS,
        pl.DataFrame(
            [(h, endpoint, payloads.FORGOTTEN) for endpoint, h in notes.items()],
            schema=contracts.RECORDS.schema,
            orient="row",
        ),
        METADATA,
    )
    records, layouts = store.scan(contracts.RECORDS).collect(), store.scan(contracts.LAYOUTS).collect()
    texts: dict[int, str] = dict(records.select("record_hash", "payload").iter_rows())
    redacted, renamed = [], {}
    for page_hash, endpoint, layout, hashes in layouts.iter_rows():
        if not gone.keys() & set(hashes):
            continue
        left = [notes[endpoint] if h in gone else h for h in hashes]
        new_hash = content_hash(endpoint, put_together(layout, [texts[h] for h in left]))
        renamed[page_hash] = (new_hash, left.count(notes[endpoint]))
        redacted.append((new_hash, endpoint, layout, left))
    new_layouts = pl.DataFrame(redacted, schema=contracts.LAYOUTS.schema, orient="row")
    store.append_new(contracts.LAYOUTS, new_layouts, METADATA)
    names = pl.DataFrame(
        [(old, new, count) for old, (new, count) in renamed.items()],
        schema={"page_hash": pl.Int64, "_new": pl.Int64, "_count": pl.Int64},
        orient="row",
    )
    pages = store.scan(contracts.PAGES).collect().join(names, on="page_hash", how="left")
    pages = pages.with_columns(
        page_hash=pl.coalesce("_new", "page_hash"), forgotten_count=pl.coalesce("_count", "forgotten_count")
    )
    store.overwrite(contracts.PAGES, pages.select(list(contracts.PAGES.schema)), METADATA)
    old = pl.col("page_hash").is_in(list(renamed))
    store.overwrite(contracts.LAYOUTS, store.scan(contracts.LAYOUTS).filter(~old).collect(), METADATA)
    store.overwrite(contracts.RECORDS, records.filter(~pl.col("record_hash").is_in(list(gone))), METADATA)
    return len(gone)


# -- clean and what follows ----------------------------------------------------------------------------------------------


def _drop_rows(store: DeltaStore, person: Person) -> int:
    """Delete the person's rows from the clean tables and the quarantine; returns how many.

    The users go last: after a cut they still tell which ids belong together.
    """
    ids = list(person.ids)
    of_person = pl.col("user_id").is_in(ids)
    vanished = (pl.col("endpoint") != TRACKS_ENDPOINT) & pl.col("entity_id").is_in(ids)
    rows = store.scan(contracts.QUARANTINE).collect()
    said = rows.select("origin", "payload", "reason", "value").iter_rows()
    quarantined = pl.lit(pl.Series([_is_about(person, *row) for row in said], dtype=pl.Boolean))
    theirs = {
        contracts.QUARANTINE: quarantined,
        contracts.LISTENS: of_person,
        contracts.LISTEN_HISTORIES: of_person,
        contracts.VANISHED: vanished,
        contracts.USERS: of_person,
    }
    dropped = 0
    for contract, is_theirs in theirs.items():
        rows = store.scan(contract).collect()
        kept = rows.filter(~is_theirs)
        if kept.height < rows.height:
            store.overwrite(contract, kept, METADATA)
        dropped += rows.height - kept.height
    return dropped


def _is_about(person: Person, origin: str, payload: str | None, reason: str, value: str | None) -> bool:
    """Whether a quarantined row or value is about the person: by its id, or by an e-mail anywhere in it."""
    said = f"{payload or ''} {reason} {value or ''}".lower()
    if any(email in said for email in person.emails):
        return True
    if origin == contracts.TRACKS.path:
        return False
    try:
        row = read(payload or "null")
    except NotJson:
        return False
    named = (
        [row.get("user_id"), row.get("id") if origin == contracts.USERS.path else None] if isinstance(row, dict) else []
    )
    return any(str(found) in {str(i) for i in person.ids} for found in named if found is not None)


def _derive_anew(store: DeltaStore, settings: Settings, log: Callable[[str], None]) -> None:
    """Answer star and views anew, and the counts of every day whose raw rows are still there to be counted."""
    days = sorted(store.partition_rows(contracts.CHANGES))
    for table in derived_tables(settings):
        if table.contract.is_whole:
            publish(table, store, [], METADATA, log)
        elif days and (table.contract.stage == "star" or table.contract is contracts.CHANGES):
            publish(table, store, days, METADATA, log)


def _delete_warehouse(file: Path) -> bool:
    """The warehouse has copies of the star: it goes as a whole, and is made anew from the lake."""
    there = file.exists()
    for each in (file, unfinished(file)):  # the next one may lie beside it, where a publication was killed
        remove(each)
    return there


# -- the command ---------------------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Forget the user named on the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="make forget", description="Forget one moovitamix user everywhere.")
    parser.add_argument("user", type=int, help="the source's user id")
    options = parser.parse_args(argv)
    try:
        settings = load_settings()
        removed = forget(DeltaStore(settings.tmdb_assets_lake), settings, options.user, print)
    except (LakehouseError, SettingsError) as error:
        print(f"forget: {error}", file=sys.stderr)
        return 1
    print(
        f"Forgotten: {removed.users} {'id' if removed.users == 1 else 'ids'} of one person, {removed.raw_rows:,} raw rows, "
        f"{removed.clean_rows:,} rows of clean tables, in every version; star and views were answered anew."
    )
    if removed.warehouse:
        print(
            f"The warehouse file {settings.tmdb_assets_warehouse} had copies and was deleted: the asset `warehouse` makes "
            "it anew."
        )
    print("If the source still serves this person, later runs drop the rows before they are kept, and count them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
