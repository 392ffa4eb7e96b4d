"""The music API on its bad days: each habit alone does what it says, at about its rate, and then tells the truth."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections import Counter
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.payloads.mending import whole_number
from tmdb_assets.sandbox.answers import Answer, Request, encode
from tmdb_assets.sandbox.moovitamix import spelling
from tmdb_assets.sandbox.moovitamix.api import MoovitamixSite
from tmdb_assets.sandbox.moovitamix.habits import ENDLESS, HABITS
from tmdb_assets.sandbox.moovitamix.wild import WildMusicSite
from tmdb_assets_tests.sandbox.running import running
from tmdb_assets_tests.sandbox.sites import rows_of

TODAY = dt.date(2025, 8, 20)
DAYS = [TODAY - dt.timedelta(days=ago) for ago in range(12)]
LISTS = ("tracks", "users", "listen_history")
SIZE = 40


@cache
def calm() -> MoovitamixSite:
    """A small world: habits wrap it and change nothing in it."""
    return MoovitamixSite(7, 120)


def wild(lasting: int = 1, seed: int = 7, **rates: float) -> WildMusicSite:
    return WildMusicSite(calm(), {f"music_{habit}": rate for habit, rate in rates.items()}, lasting, seed)


def ask(site: MoovitamixSite | WildMusicSite, endpoint: str, page: int = 1, day: dt.date = TODAY) -> Answer:
    answer = site.answer(Request(f"/moovitamix/{endpoint}", {"page": str(page), "size": str(SIZE)}, "", day))
    assert answer is not None
    return answer


def page_count(endpoint: str, day: dt.date = TODAY) -> int:
    return -(-len(calm().rows(endpoint, day)) // SIZE)


def walk(site: WildMusicSite, endpoint: str, day: dt.date = TODAY) -> list[dict[str, Any]]:
    """Every page of a list, each asked for once."""
    return [json.loads(ask(site, endpoint, page, day).body) for page in range(1, page_count(endpoint, day) + 1)]


def named(row: dict[str, Any]) -> Any:
    return (row["user_id"], row["created_at"]) if "user_id" in row else row["id"]


def names(pages: list[dict[str, Any]]) -> list[Any]:
    return [named(row) for page in pages for row in page["items"]]


def true_names(endpoint: str, day: dt.date = TODAY) -> list[Any]:
    return [named(row) for row in calm().rows(endpoint, day)]


# -- lists that are false at first -------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", LISTS)
@pytest.mark.parametrize("lasting", [1, 3])
def test_rows_are_hidden_behind_repeated_ones_others_each_time_and_then_none(endpoint: str, lasting: int) -> None:
    site, true = wild(lasting, repeats=1), true_names(endpoint)
    found = [walk(site, endpoint) for _ in range(lasting + 1)]
    hidden = [set(true) - set(names(pages)) for pages in found]
    assert all(
        len(names(pages)) == len(true) == page["total"] and set(names(pages)) <= set(true)
        for pages in found
        for page in pages
    )
    assert all(1 <= len(gone) <= page_count(endpoint) - 1 for gone in hidden[:-1])
    assert sum(map(len, hidden)) == len(set().union(*hidden)), "what one walk hides another shows"
    assert names(found[-1]) == true
    assert names(found[0][:1]) == true[:SIZE]
    repeated = [name for name, times in Counter(names(found[0])).items() if times > 1]
    assert len(repeated) == len(hidden[0])


def test_held_rows_stay_hidden_all_day_and_are_neither_new_nor_beside_a_deletion() -> None:
    site, spared = wild(held=1), set()
    for endpoint in LISTS:
        for day, before in itertools.pairwise(DAYS):
            true, known = true_names(endpoint, day), {encode(row) for row in calm().rows(endpoint, before)}
            hidden = [frozenset(set(true) - set(names(walk(site, endpoint, day)))) for _ in range(3)]
            assert len(set(hidden)) == 1
            was_deleted = bool(set(true_names(endpoint, before)) - set(true))
            spared.add(was_deleted)
            assert bool(hidden[0]) != was_deleted
            rows = [row for row in calm().rows(endpoint, day) if named(row) in hidden[0]]
            assert {encode(row) for row in rows} <= known
    assert spared == {True, False}


def test_pages_are_cut_from_other_orders_until_the_list_rests() -> None:
    """Of half of the lists, the first page too."""
    first_pages = set()
    for day in DAYS:
        for endpoint in LISTS:
            site, true = wild(2, unordered=1), true_names(endpoint, day)
            first, second, third = (names(walk(site, endpoint, day)) for _ in range(3))
            assert len(first) == len(true)
            assert len(set(first)) < 0.9 * len(true)
            assert first != second
            assert third == true
            first_pages.add(first[:SIZE] == true[:SIZE])
    assert first_pages == {True, False}


@pytest.mark.parametrize("endpoint", LISTS)
def test_a_row_falls_between_two_pages_once_and_none_stands_twice(endpoint: str) -> None:
    slipped = 0
    for day in DAYS:
        site, true = wild(3, slips=1), true_names(endpoint, day)
        pages = walk(site, endpoint, day)
        rows = [row for page in pages for row in page["items"]]
        strange = [row for row in rows if row is None or row not in calm().rows(endpoint, day)]
        seen = [named(row) for row in rows if row not in strange]
        assert {page["total"] for page in pages} == {len(true)} == {len(rows)}
        assert len(set(seen)) == len(seen)
        assert len(set(true) - set(seen)) == len(strange) == 1
        assert pages[0] == json.loads(ask(calm(), endpoint, 1, day).body)
        assert names(walk(site, endpoint, day)) == true
        slipped += 1
    assert slipped == len(DAYS)


def test_totals_differ_from_page_to_page_at_first() -> None:
    site, true = wild(2, totals=1), true_names("tracks")
    for pages in (walk(site, "tracks"), walk(site, "tracks")):
        assert names(pages) == true
        assert len({page["total"] for page in pages}) == len(pages)
    assert {page["total"] for page in walk(site, "tracks")} == {len(true)}


def test_a_list_without_end_has_empty_pages_beyond_its_last() -> None:
    site = wild(2, endless=1)
    beyond = page_count("users") + 1
    for _ in range(2):
        pages = walk(site, "users")
        assert names(pages) == true_names("users")
        assert {page["pages"] for page in pages} == {ENDLESS}
        assert json.loads(ask(site, "users", beyond).body)["items"] == []
    assert {page["pages"] for page in walk(site, "users")} == {page_count("users")}


def test_pages_fail_at_first_in_every_way() -> None:
    site, seen = wild(2, failing=0.5), Counter[str]()
    asked = [
        (endpoint, page, day) for day in DAYS for endpoint in LISTS for page in range(1, page_count(endpoint, day) + 1)
    ]
    for question in asked:
        true, told = ask(calm(), *question), [ask(site, *question) for _ in range(3)]
        assert told[2] == true
        assert (told[0] == true) == (told[1] == true)
        if told[0] != true:
            assert told[0] == told[1]
            seen[f"{told[0].status} {told[0].content_type[:9]} {len(told[0].body) in (0, len(true.body) // 2)}"] += 1
    assert set(seen) == {
        "500 applicati False", "503 text/html False", "200 text/html False", "200 applicati True",
    }  # fmt: skip
    assert seen.total() / len(asked) == pytest.approx(0.5, abs=0.1)


def test_a_list_has_one_habit_a_day_at_most_and_other_days_have_others() -> None:
    lists = [habit.name.removeprefix("music_") for habit in HABITS[:6]]
    site = wild(**dict.fromkeys(lists, 1 / 6))
    found = set()
    for day in DAYS:
        for endpoint in LISTS:
            before = Counter(site.truth(day)["moovitamix"]["wild"]["struck"].get(day.isoformat(), {}))
            walk(site, endpoint, day)
            after = Counter(site.truth(day)["moovitamix"]["wild"]["struck"].get(day.isoformat(), {}))
            assert len(after - before) <= 1
            found |= set(after - before)
    assert found == {f"music_{habit}" for habit in lists}


# -- what has to be lived with -----------------------------------------------------------------------------------------


def value(row: Any) -> Any:
    """A row as its values, however ids and instants are written."""

    def plain(field: str, said: Any) -> Any:
        if isinstance(said, list):
            return [plain(field, one) for one in said]
        if field in spelling.ID_FIELDS:
            return whole_number(str(said))
        if field in spelling.INSTANT_FIELDS:
            moment = dt.datetime.fromisoformat(said)
            return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return said

    return {field: plain(field, said) for field, said in row.items()}


@pytest.mark.parametrize("endpoint", LISTS)
def test_rows_are_spelled_otherwise_and_mean_the_same(endpoint: str) -> None:
    site = wild(ids=0.5, instants=0.5)
    pages = walk(site, endpoint)
    told, true = [row for page in pages for row in page["items"]], calm().rows(endpoint, TODAY)
    assert [value(row) for row in told] == [value(row) for row in true]
    changed = sum(encode(one) != encode(other) for one, other in zip(told, true, strict=True))
    assert changed / len(true) == pytest.approx(0.7, abs=0.12)
    assert walk(site, endpoint) == pages, "the same whenever one asks on that day"
    ids = {type(row.get("id", row.get("user_id"))) for row in told}
    assert ids == {int, str, float}
    ends = {row["created_at"][26:] for row in told}
    assert ends >= {"", "Z", "+00:00", "+02:00"}


@given(
    number=st.integers(1, 99_991),
    moment=st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1)),
)
def test_every_spelling_is_the_value_it_spells(number: int, moment: dt.datetime) -> None:
    written = f"{moment:%Y-%m-%dT%H:%M:%S.%f}"
    row = {"id": number, "items": [number], "created_at": written, "name": "4"}
    for spell_id in spelling.ID_SPELLINGS:
        assert value(spelling.with_ids(row, spell_id)) == value(row)
    for spell in spelling.INSTANT_SPELLINGS:
        assert value(spelling.with_instants(row, spell)) == value(row)


def test_some_rows_have_a_field_that_cannot_be_read_and_are_as_they_were_beside_it() -> None:
    site, fields = wild(broken_rows=0.3), set()
    broken = total = 0
    for day in DAYS[:4]:
        for page in range(1, page_count("users", day) + 1):
            texts = rows_of(ask(site, "users", page, day).body)
            true = json.loads(ask(calm(), "users", page, day).body)["items"]
            for text, row in zip(texts, true, strict=True):
                total += 1
                told = json.loads(text)
                if "mood" in told:
                    broken += 1
                    fields.add(text.rpartition(b',"mood":')[2])
                    with pytest.raises(msgspec.DecodeError):
                        msgspec.json.decode(text)
                assert {field: said for field, said in told.items() if field != "mood"} == row
    assert broken / total == pytest.approx(0.3, abs=0.06)
    assert len(fields) == len(spelling.BROKEN_FIELDS)


def test_rows_that_are_none_are_counted_and_stand_among_the_others() -> None:
    site, kinds = wild(no_rows=1), Counter[str]()
    for day in DAYS:
        for endpoint in LISTS:
            pages = [
                json.loads(ask(site, endpoint, page, day).body) for page in range(1, page_count(endpoint, day) + 2)
            ]
            rows, true = [row for page in pages for row in page["items"]], calm().rows(endpoint, day)
            assert {page["total"] for page in pages} == {len(rows)} == {len(true) + 2}
            assert [row for row in rows if row in true] == true
            for row in (row for row in rows if row not in true):
                key = "user_id" if endpoint == "listen_history" else "id"
                kinds["null" if row is None else "no id" if row.get(key) is None else str(row["created_at"])] += 1
    assert set(kinds) == {"null", "no id", spelling.YEAR_0, "None"}


# -- all of it ---------------------------------------------------------------------------------------------------------


def test_no_habit_has_no_part_in_an_answer() -> None:
    site = wild()
    for endpoint in (*LISTS, "nothing"):
        for page in (1, 2, 99):
            assert ask(site, endpoint, page) == ask(calm(), endpoint, page)
    assert site.answer(Request("/3/movie/1", {}, "", TODAY)) is None
    wrong = site.answer(Request("/moovitamix/tracks", {"page": "0"}, "", TODAY))
    assert wrong is not None
    assert wrong.status == 422


def test_the_command_line_makes_it_wild_and_the_films_with_it() -> None:
    with running("--listeners", "60", "--wild", "--music-repeats", "0") as sandbox:
        rates = sandbox.json("/sandbox/truth")["moovitamix"]["wild"]["rates"]
        assert rates == {habit.name: 0 if habit.name == "music_repeats" else habit.wild for habit in HABITS}
        assert sandbox.json("/sandbox/truth")["wild"]["rates"]["move"] > 0
    with running("--listeners", "60", "--music-endless") as sandbox:
        assert sandbox.json("/moovitamix/tracks")["pages"] == ENDLESS
        assert "wild" not in sandbox.json("/sandbox/truth"), "the films stay calm"
