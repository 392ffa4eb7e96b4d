"""Which entries of the quarantine are about a person, also when the row that they came of is kept no more."""

from __future__ import annotations

import json

import pytest

from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix.about import _is_about, emails_anywhere
from tmdb_assets.sources.moovitamix.persons import Person

ANN = Person(frozenset({7}), frozenset({"ann@example.org"}))
USERS, TRACKS = contracts.USERS.path, contracts.TRACKS.path
OTHER = json.dumps({"id": 8, "email": "bob@example.org"})
HERS = json.dumps({"id": 7, "email": None})
A_RULE = "age = 900: must lie between 0 and 150"
#: Ways in which a reason, or a value, quotes an e-mail.
QUOTES = ["ann@example.org", "ANN@Example.org", "mailto:ann@example.org", "ann\\u0040example.org", "ann%40example.org"]


@pytest.mark.parametrize("quoted", QUOTES)
@pytest.mark.parametrize("payload", [None, OTHER], ids=["expired", "another's"])
def test_an_entry_that_quotes_an_email_is_about_its_person_without_the_payload(
    payload: str | None, quoted: str
) -> None:
    assert _is_about(ANN, USERS, payload, f'email = "{quoted}": must have at most 10 characters', None)
    assert _is_about(ANN, USERS, payload, A_RULE, quoted)
    assert not _is_about(ANN, USERS, payload, A_RULE, None)
    assert not _is_about(ANN, USERS, payload, f"email = {quoted.replace('ann', 'bob').replace('ANN', 'BOB')}", "bob")


@pytest.mark.parametrize(("payload", "is_hers"), [(HERS, True), (OTHER, False), (None, False), ("", False)])
def test_an_entry_is_about_whom_its_payload_names(payload: str | None, is_hers: bool) -> None:
    assert _is_about(ANN, USERS, payload, A_RULE, None) == is_hers


def test_a_track_of_the_same_number_names_nobody() -> None:
    assert not _is_about(ANN, TRACKS, HERS, A_RULE, None)
    assert _is_about(ANN, TRACKS, json.dumps({"id": 1, "name": "by ann@example.org"}), A_RULE, None)


def test_emails_are_found_in_any_of_some_texts() -> None:
    assert emails_anywhere((None, "", "x ann@example.org, Bob@Example.org")) == {"ann@example.org", "bob@example.org"}
