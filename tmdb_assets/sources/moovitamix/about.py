"""What a lake has about one person: who else they are, which raw rows are about them, which rows of the clean tables.

What belongs here: which rows go when a person is forgotten, found without changing anything. What does not: whom a row
names (persons.py), what becomes of the rows (forget.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix.contracts import HISTORIES_ENDPOINT, TRACKS_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.persons import (
    Acquaintances,
    Person,
    email_of,
    emails_in,
    folded_name,
    name_of,
    named_in,
    plain_email,
    user_of,
)

#: Tables whose raw rows are about a person, by where a quarantined row was bound for.
ENDPOINT_OF = {
    contracts.USERS.path: USERS_ENDPOINT,
    contracts.LISTEN_HISTORIES.path: HISTORIES_ENDPOINT,
    contracts.LISTENS.path: HISTORIES_ENDPOINT,
}
POINTER = r"record_hash=(-?[0-9]+)$"


@dataclass(frozen=True)
class About:
    """A person, and what is about them: hash -> endpoint of raw rows, and of each clean table what stays and how many
    rows go."""

    person: Person
    records: dict[int, str]
    stays: dict[Contract, pl.DataFrame]
    going: dict[Contract, int]

    @classmethod
    def of(cls, store: DeltaStore, user_id: int) -> About:
        raw = store.scan(contracts.RECORDS).filter(pl.col("endpoint") != TRACKS_ENDPOINT).collect()
        users, aside = store.scan(contracts.USERS).collect(), store.scan(contracts.QUARANTINE).collect()
        person = _person(user_id, raw, users, aside)
        records = {
            record_hash: endpoint
            for record_hash, endpoint, text in raw.iter_rows()
            if person.is_in(named_in(endpoint, text))
        }
        theirs = _theirs(store, person, records, users, aside)
        stays = {contract: rows.filter(~is_theirs) for contract, (rows, is_theirs) in theirs.items()}
        going = {contract: rows.height - stays[contract].height for contract, (rows, _) in theirs.items()}
        return cls(person, records, stays, going)


def _person(user_id: int, raw: pl.DataFrame, users: pl.DataFrame, aside: pl.DataFrame) -> Person:
    """Every id and e-mail that belong together, starting from one id: by all that was ever kept of users."""
    seen = Acquaintances()
    for found, email, first, last in users.select("user_id", "email", "first_name", "last_name").iter_rows():
        seen.meet(found, plain_email(email), folded_name(first, last))
    texts = [raw.filter(pl.col("endpoint") == USERS_ENDPOINT), aside.filter(pl.col("origin") == contracts.USERS.path)]
    for text in pl.concat(frame.get_column("payload") for frame in texts).drop_nulls():
        seen.meet(user_of(USERS_ENDPOINT, text), email_of(text), name_of(text))
    return seen.person(user_id)


def _theirs(
    store: DeltaStore, person: Person, records: dict[int, str], users: pl.DataFrame, aside: pl.DataFrame
) -> dict[Contract, tuple[pl.DataFrame, pl.Series]]:
    """The rows of each clean table, and which of them are about the person: by an id, by the raw row that they came of,
    by an e-mail."""
    ids, texts = list(person.ids), ("first_name", "last_name", "email", "gender", "favorite_genres")
    told = users.select(*texts[:-1], pl.col(texts[-1]).list.join(" ")).rows()
    named = pl.Series(
        [not person.emails.isdisjoint(e for t in row if t for e in emails_in(t)) for row in told], dtype=pl.Boolean
    )
    of_users = users.select(pl.col("user_id").is_in(ids) | pl.col("record_hash").is_in(list(records)) | named)
    histories = store.scan(contracts.LISTEN_HISTORIES).collect()
    is_history = histories.select(pl.col("user_id").is_in(ids) | pl.col("record_hash").is_in(list(records)))
    of_histories = is_history.to_series()
    key = ["date_id", "user_id", "created_at"]
    gone = histories.filter(of_histories).select(key).unique().with_columns(_gone=pl.lit(True))
    listens = store.scan(contracts.LISTENS).collect().join(gone, on=key, how="left", maintain_order="left")
    vanished = store.scan(contracts.VANISHED).collect()
    hashes = {*records, *users.filter(of_users.to_series()).get_column("record_hash")}
    hashes |= {*histories.filter(of_histories).get_column("record_hash")}
    pointed = aside.select(pl.col("raw_pointer").str.extract(POINTER).cast(pl.Int64).is_in(list(hashes)))
    said = aside.select("origin", "payload", "reason", "value").iter_rows()
    told_of = pl.Series([_is_about(person, *row) for row in said], dtype=pl.Boolean)
    is_listen = listens.select(pl.col("user_id").is_in(ids) | pl.col("_gone").fill_null(False))
    is_vanished = vanished.select((pl.col("endpoint") != TRACKS_ENDPOINT) & pl.col("entity_id").is_in(ids))
    return {
        contracts.LISTENS: (listens.drop("_gone"), is_listen.to_series()),
        contracts.LISTEN_HISTORIES: (histories, of_histories),
        contracts.VANISHED: (vanished, is_vanished.to_series()),
        contracts.QUARANTINE: (aside, pointed.to_series().fill_null(False) | told_of),
        contracts.USERS: (users, of_users.to_series()),
    }


def emails_anywhere(texts: Sequence[str | None]) -> set[str]:
    """E-mails anywhere in some texts, whatever escapes hide them, in their plain form."""
    return {email for text in texts if text for email in emails_in(text, is_escaped=True)}


def _is_about(person: Person, origin: str, payload: str | None, reason: str, value: str | None) -> bool:
    """Whether a quarantined row or value is about the person: by its id, or by an e-mail anywhere in it."""
    if payload and person.is_in(named_in(ENDPOINT_OF.get(origin, TRACKS_ENDPOINT), payload)):
        return True
    return not person.emails.isdisjoint(emails_anywhere((reason, value)))
