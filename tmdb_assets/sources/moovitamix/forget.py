"""Forgets one person everywhere: in every table of this source, and wherever copies of its rows are.

What belongs here: the order in which a person's rows and the copies go, and what will go. What does not: the command
(tmdb_assets/forget.py), which rows are about a person (about.py), recognising them when the source serves them again
(privacy.py), how a table drops its past (lakehouse/store/), the places that have copies (lakehouse/copies.py says what
they must do; the targets of the warehouse are handed in).

A person is the id asked for and every e-mail seen under it, and whoever else used such an e-mail: the same e-mail is
the same person, unless it tells nobody. What remains is a keyed hash of each, so that the next day's run does not bring
them back. It waits for whoever fetches, derives, publishes or keeps up this source's tables in this lake, in whatever
process of this machine, and lets none begin meanwhile; what goes on after it reads what it left. Cut before its end, it
is finished by running it again.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import Contract, Stage
from tmdb_assets.lakehouse.copies import Copies, CopyStays, delete, deleting
from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Event, Run
from tmdb_assets.lakehouse.store import DeltaStore, retention
from tmdb_assets.lakehouse.store.locks import alone, at_work
from tmdb_assets.settings import Settings
from tmdb_assets.sources.moovitamix import contracts, payloads
from tmdb_assets.sources.moovitamix.about import About, emails_anywhere
from tmdb_assets.sources.moovitamix.answers import content_hash, put_together
from tmdb_assets.sources.moovitamix.assets import derived_tables
from tmdb_assets.sources.moovitamix.contracts import HISTORIES_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.persons import Person
from tmdb_assets.sources.moovitamix.privacy import hash_key, subject_hashes

METADATA = {"purpose": "forget"}


class NobodyToForget(LakehouseError):
    """The lake knows no such user."""


class MoreThanConfirmed(LakehouseError):
    """While it waited, more came to light than what was said and confirmed."""


@dataclass(frozen=True)
class Plan:
    """What forgetting a person deletes: rows by table, and copies. `asked` is the id that was asked for."""

    asked: int
    person: Person
    rows: dict[str, int]
    copies: tuple[str, ...]

    def lines(self) -> list[str]:
        """The plan in words; it names ids, tables and files, and no e-mail."""
        others = sorted(self.person.ids - {self.asked})
        told = [f"User {self.asked} is to be forgotten, in every version of every table of this source:"]
        told += [f"  user {other}: the same person, by the same e-mail" for other in others]
        told += [f"  {rows:,} rows of {path}" for path, rows in self.rows.items() if rows]
        told += [f"  {copy}, which has copies" for copy in self.copies]
        return told


@dataclass(frozen=True)
class Removed:
    """What went: users (ids of the person), raw rows, rows of the clean tables and the quarantine, and a sentence on
    each place that had copies of the star."""

    users: int
    raw_rows: int
    clean_rows: int
    copies: tuple[str, ...]


def look_up(store: DeltaStore, settings: Settings, places: Sequence[Copies], user_id: int) -> Plan:
    """What forgetting a user would delete, in the lake and in the places that have copies of it; changes nothing.

    Raises NobodyToForget, KeyUnusable, LakeError, CopyStays.
    """
    with at_work(store, [contracts.SOURCE], lambda line: None, only_reads=True):
        return _plan(store, settings, places, user_id, About.of(store, user_id))


def forget(
    store: DeltaStore,
    settings: Settings,
    places: Sequence[Copies],
    user_id: int,
    log: Callable[[str], None],
    confirmed: Plan | None = None,
) -> Removed:
    """Remove a person from every table, file, log entry and version of this source, and delete what has copies.

    `places`: every place outside of the lake that may have copies. `confirmed`: the plan that was agreed to; nothing
    changes when the person turns out to have more ids by now.

    Raises NobodyToForget when nothing is known of the user and nobody of that id was forgotten before;
    MoreThanConfirmed; KeyUnusable, LakeError, CopyStays.
    """
    store.refuse_unwritable_root()
    key = hash_key(settings)
    with alone(store, contracts.SOURCE, log):
        found = About.of(store, user_id)
        plan = _plan(store, settings, places, user_id, found)
        if confirmed and not plan.person.ids <= confirmed.person.ids:
            more = ", ".join(map(str, sorted(plan.person.ids - confirmed.person.ids)))
            raise MoreThanConfirmed(
                f"While this waited, users came to light that are the same person as {user_id} ({more}): nothing was "
                "changed. Run it again to see what would be deleted."
            )
        return _forget(store, settings, places, key, found, log)


def _forget(
    store: DeltaStore,
    settings: Settings,
    places: Sequence[Copies],
    key: bytes,
    found: About,
    log: Callable[[str], None],
) -> Removed:
    today = Clock(settings.tmdb_assets_today).today()
    hashes = {h for i in found.person.ids for h in subject_hashes(key, i, found.person.emails)}
    # Whoever is on the list cannot come back, whatever of the rest is done: so that comes first.
    kept = set(_stored_hashes(store))
    new = pl.DataFrame(
        {"subject_hash": sorted(hashes - kept), "forgotten_on": today}, schema=contracts.FORGOTTEN.schema
    )
    store.append_new(contracts.FORGOTTEN, new, METADATA)
    # The raw rows, and then the users, go last: after a cut they still tell which ids belong together.
    clean_rows = _drop_rows(store, found, [t for t in found.stays if t is not contracts.USERS])
    raw_rows = _redact_raw(store, found.records)
    clean_rows += _drop_rows(store, found, [contracts.USERS])
    _derive_anew(store, settings, log)
    log("Deleting old versions and the statistics in their log entries")
    for contract in contracts.CONTRACTS:
        if contract not in {contracts.FORGOTTEN, contracts.EXTRACTION_LEDGER}:
            retention.drop_past(store, contract)
    went = _let_go(places, settings.tmdb_assets_reports, found.person, log)
    return Removed(len(found.person.ids), raw_rows, clean_rows, tuple(went))


# -- what will be deleted ----------------------------------------------------------------------------------------------


def _plan(store: DeltaStore, settings: Settings, places: Sequence[Copies], user_id: int, found: About) -> Plan:
    """The plan for what was found. Raises NobodyToForget when there is nothing, and nobody of that id was forgotten."""
    rows = {contracts.RECORDS.path: len(found.records)} | {c.path: n for c, n in found.going.items()}
    if not any(rows.values()):
        kept = set(_stored_hashes(store))
        if not (kept and kept & subject_hashes(hash_key(settings), user_id, ())):
            raise NobodyToForget(f"The lake {store.root} knows no user {user_id}: nothing was changed.")
    for contract in contracts.CONTRACTS:
        if contract.stage in {Stage.STAR, Stage.VIEWS} and "user_id" in contract.schema:
            theirs = store.scan(contract).filter(pl.col("user_id").is_in(list(found.person.ids)))
            rows[contract.path] = theirs.select(pl.len()).collect().item()
    copies = [copy for place in places for copy in place.copies(contracts.SOURCE)]
    copies += [f"the file {file}" for file in _reports_of(settings.tmdb_assets_reports, found.person)]
    return Plan(user_id, found.person, rows, tuple(copies))


def _stored_hashes(store: DeltaStore) -> list[str]:
    return store.scan(contracts.FORGOTTEN).select("subject_hash").collect().get_column("subject_hash").to_list()


# -- raw ---------------------------------------------------------------------------------------------------------------


def _redact_raw(store: DeltaStore, gone: dict[int, str]) -> int:
    """Put a note in place of the person's rows, inside the pages; returns the rows (contents) that went.

    What names the rows is committed before they go, so that a cut leaves pages that can still be put together.
    """
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


# -- clean and what follows --------------------------------------------------------------------------------------------


def _drop_rows(store: DeltaStore, found: About, tables: Sequence[Contract]) -> int:
    """Delete the person's rows from some tables; returns how many."""
    going = [contract for contract in tables if found.going[contract]]
    for contract in going:
        store.overwrite(contract, found.stays[contract], METADATA)
    return sum(found.going[contract] for contract in going)


def _derive_anew(store: DeltaStore, settings: Settings, log: Callable[[str], None]) -> None:
    """Answer star and views anew, and the counts of every day whose raw rows are still there to be counted."""
    days = sorted(store.partition_rows(contracts.CHANGES))

    def tell(event: Event) -> None:
        log(str(event))

    for table in derived_tables(settings):
        if table.contract.is_whole:
            publish(table, Run(store, [], METADATA, tell))
        elif days and (table.contract.stage is Stage.STAR or table.contract is contracts.CHANGES):
            publish(table, Run(store, days, METADATA, tell))


# -- copies ------------------------------------------------------------------------------------------------------------


def _let_go(places: Sequence[Copies], reports: Path, person: Person, log: Callable[[str], None]) -> list[str]:
    """Have every place let go of its copies, and delete the reports that name the person; a sentence on each place that
    had any.

    One place that cannot keeps no other from it. Raises CopyStays, with a sentence on each that could not.
    """
    went, stays = [], []
    for place in places:
        try:
            went.append(place.forget(contracts.SOURCE, log))
        except CopyStays as error:
            stays.append(str(error))
    try:
        with deleting(reports):
            delete(_reports_of(reports, person))
    except CopyStays as error:
        stays.append(str(error))
    if stays:
        raise CopyStays(" ".join(stays))
    return [sentence for sentence in went if sentence]


def _reports_of(folder: Path, person: Person) -> list[Path]:
    """The reports that name the person by an e-mail; reports tell of films alone."""
    if not person.emails:
        return []
    files = [f for f in sorted(folder.glob("*.html*")) if f.is_file()]
    return [f for f in files if not person.emails.isdisjoint(emails_anywhere((_text_of(f),)))]


def _text_of(file: Path) -> str:
    return html.unescape(file.read_text(encoding="utf-8", errors="replace"))
