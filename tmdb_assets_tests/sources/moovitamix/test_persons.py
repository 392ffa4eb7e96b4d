"""Whom a row names: the same person however it is spelled, and never another."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.payloads import decode
from tmdb_assets.sources.moovitamix import payloads
from tmdb_assets.sources.moovitamix.persons import (
    NAMES_OF_A_PLACEHOLDER,
    Acquaintances,
    Named,
    Person,
    emails_in,
    named_in,
    plain_email,
    user_of,
)

SAME = [
    ["ann.lee@example.org", " Ann.Lee@Example.ORG\t", '"ann.lee"@example.org', "mailto:ann.lee@example.org?subject=x",
     "Ann Lee <ann.lee@example.org>", "<ann.lee@example.org>", "ann.lee@example.org.",
     "ann\u200b.lee@exam\u00adple.org",
     "ａｎｎ．ｌｅｅ＠ｅｘａｍｐｌｅ．ｏｒｇ", "ann.lee@example。org", "mailto:ann.lee%40example.org",
     '"ann\\.lee"@example.org'],
    ["zoé@bücher.example", "zoe\u0301@bu\u0308cher.example", "ZOÉ@BÜCHER.EXAMPLE", "zoé@xn--bcher-kva.example",
     "Zoé@XN--BCHER-KVA.example."],
    ['"a b"@example.org', ' "A B"@example.org'],
    ["weiß@example.org", "WEISS@example.org"],
    ["o'brien@example.org", "O'BRIEN@example.org"],
    ["ann@[192.0.2.1]"],
    ["annlee@example.org"], ["ann.lee+tag@example.org"], ["ann.lee@example.org.uk"], ["joann.lee@example.org"],
    ["ann.lee@mail.example.org"], ["brien@example.org"], ["none@example.org"], ["ann@none.com"],
]  # fmt: skip
NOBODY = [
    None, 7, "", "  ", "n/a", "none", "-", "x", "unknown@", "@example.org", "ann@localhost", "none@none.com",
    "N/A@n/a.com",
    "no-email@noemail.org", "Test@Test.de", "ann@example", "ann@.org", "ann@exam ple..org", '""@example.org',
    "\u200b@example.org",
    "ann@example.org bob@example.org", "-@-.com", "?@?.?", "0@0.com", "noreply@noreply.com", "email@email.com",
]  # fmt: skip


def test_an_email_has_one_form_and_others_have_others() -> None:
    forms = [{plain_email(spelled) for spelled in spellings} for spellings in SAME]
    assert all(len(found) == 1 and None not in found for found in forms), forms
    assert len(set.union(*forms)) == len(SAME)


@pytest.mark.parametrize("said", NOBODY)
def test_what_is_no_email_or_stands_for_none_tells_nobody(said: object) -> None:
    assert plain_email(said) is None


TEXTS = [
    "see ann.lee@example.org", "see ann.lee@example.org. Bye",
    "Ann Lee ann.lee@example.org", "e-mail: ANN.LEE@example.org!",
    "(ann.lee@example.org)", "mailto:ann.lee@example.org?subject=hello now",
    "write to ann.lee%40example.org", "ann.lee&#64;example.org", "ann\\u002elee@example.org",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_an_email_in_a_text_is_found(text: str) -> None:
    assert "ann.lee@example.org" in emails_in(text)
    assert "ann.lee@example.org" in named_in("users", json.dumps({"id": 7, "note": text})).emails


# -- any person, any spelling ------------------------------------------------------------------------------------------

WORDS = st.text("abcxyzéöñßåИжα0123456789._+'-", min_size=3, max_size=12).filter(lambda w: w[0].isalnum())
LABELS = st.text("abcxyzéöñ0123456789", min_size=2, max_size=8)
EMAILS = st.builds(lambda local, label: f"{local}@{label}.example", WORDS, LABELS)
IDS = st.integers(1, 2**63 - 1)


def escaped(text: str, draw: Any) -> str:
    """JSON text of a text, any of its characters escaped."""
    parts = []
    for char in text:
        units = char.encode("utf-16-be")
        hexed = "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))
        plain = json.dumps(char, ensure_ascii=False)[1:-1]
        parts.append(draw(st.sampled_from([plain, hexed, hexed.upper().replace("\\U", "\\u")])))
    return "".join(parts)


@st.composite
def respelled(draw: st.DrawFn, email: str) -> str:
    """An e-mail spelled in another way."""
    local, _, domain = email.rpartition("@")
    if draw(st.booleans()):
        domain = ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in domain.split(".")
        )
    local = draw(st.sampled_from([local, local.upper(), f'"{local}"', unicodedata.normalize("NFD", local)]))
    domain = draw(st.sampled_from([domain, domain.upper(), f"{domain}."]))
    said = f"{local}@{domain}"
    return draw(st.sampled_from(["{}", " {}\n", "<{}>", "mailto:{}", "Ann <{}>", "\u2060{}\ufeff"])).format(said)


def id_spelled(draw: Any, number: int) -> str:
    return str(draw(st.sampled_from(["{}", "{}.0", '"{}"', '" {} "', '"{}.0"', '"\\u0020{}"']))).format(number)


@given(st.data(), EMAILS, IDS)
def test_whoever_is_spelled_otherwise_is_the_same(data: st.DataObject, email: str, number: int) -> None:
    plain = plain_email(email)
    assume(plain is not None)
    assert plain is not None
    said = data.draw(respelled(email))
    assert plain_email(said) == plain
    draw = data.draw
    field = draw(st.sampled_from(["email", "gender", "more"]))
    row = f'{{"first_name":"N","{field}":"{escaped(said, draw)}","id":{id_spelled(draw, number)}}}'
    nested = row.replace('"N"', '{"deep":[1,{"er":null}]}')
    for text in (row, nested):
        named = named_in("users", text)
        assert named == Named(frozenset({number}), frozenset({plain}))
        assert user_of("users", text) == number == decode(pl.Series([text]), payloads.User)["id"][0]
    for broken in (
        row[:-1],
        row.replace('"N"', "nul"),
        row.replace('"N"', '"\\ud800"'),
        row + "}",
        row.replace("{", "{,"),
    ):
        named = named_in("users", broken)
        assert plain in named.emails, broken
        assert number in named.ids, broken


@example("000@00.example", "00_@00.example", "mail={}")
@given(EMAILS, EMAILS, st.sampled_from(["{}", "see {}, please", "({})", "mail={}", "'{}'", '"{}"', '\\"{}\\"', "{}."]))
def test_another_email_is_never_found(one: str, other: str, around: str) -> None:
    assume(plain_email(one) != plain_email(other))
    found = emails_in(around.format(other), is_escaped=True)
    assert plain_email(other) in found
    assert plain_email(one) not in found


@given(IDS, IDS)
def test_another_id_is_never_found(one: int, other: int) -> None:
    assume(one != other)
    person = Person(frozenset({one}), frozenset())
    for text in (f'{{"id":{other}}}', f'{{"id":"{other}.0","items":[{one}]}}', f'{{"id":{other},'):
        assert not person.is_in(named_in("users", text))
    assert not person.is_in(named_in("tracks", f'{{"id":{one}}}')), "a track of that number"
    assert not person.is_in(named_in("listen_history", f'{{"user_id":{other},"id":{one}}}'))


def test_an_id_stated_twice_counts_twice() -> None:
    assert named_in("users", '{"id":43,"id":44,"email":"a@x.org","email":"b@x.org"}') == Named(
        frozenset({43, 44}), frozenset({"a@x.org", "b@x.org"})
    )


# -- who belongs together ----------------------------------------------------------------------------------------------


def test_an_email_of_many_names_is_nobodys_and_one_of_many_ids_is() -> None:
    seen = Acquaintances()
    for number in range(1, 21):
        seen.meet(number, "hello@shop.example", f"name {number}")
        seen.meet(100 + number, "ann@shop.example", "ann lee" if number % 2 else "ann smith")
    for number in range(201, 201 + NAMES_OF_A_PLACEHOLDER - 1):
        seen.meet(number, "family@home.example", f"name {number}")
    assert seen.person(7) == Person(frozenset({7}), frozenset())
    assert seen.person(101) == Person(frozenset(range(101, 121)), frozenset({"ann@shop.example"}))
    assert len(seen.person(201).ids) == NAMES_OF_A_PLACEHOLDER - 1
