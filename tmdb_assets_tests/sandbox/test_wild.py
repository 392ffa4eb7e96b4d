"""TMDB as it is: each habit alone does what it says, at about its rate."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.sandbox.answers import Answer, Request, encode
from tmdb_assets.sandbox.tmdb import spoiling
from tmdb_assets_tests.sandbox.running import Reply, running
from tmdb_assets_tests.sandbox.sites import (
    CHANGES,
    DAYS,
    DISCOVER,
    REFERENCE,
    TODAY,
    ask,
    calm,
    export_path,
    film_paths,
    ids,
    pages,
    quirky,
    read,
    rows_of,
    wild,
)

# -- lists that move ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.4])
def test_as_many_films_stand_twice_as_are_on_no_page(share: float) -> None:
    still, moved = pages(calm()), pages(wild(move=share))
    assert [len(page) for page in moved] == [len(page) for page in still]
    shown, rows = set(ids(moved)), len(ids(still))
    assert rows - len(shown) == pytest.approx(share * rows, abs=2 + share * len(quirky()))
    assert shown < set(ids(still))
    assert set(ids(still)) & quirky() <= shown
    assert max(Counter(ids(moved)).values()) == 2
    page_of = {row["id"]: number for number, page in enumerate(still) for row in page}
    assert all(abs(page_of[row["id"]] - number) <= 1 for number, page in enumerate(moved) for row in page)
    places = {film: place for place, film in enumerate(ids(still))}
    assert all(page == sorted(page, key=lambda row: places[row["id"]]) for page in moved)


def test_rows_move_at_the_edges_of_pages_first() -> None:
    still, moved = pages(calm()), pages(wild(move=0.05))
    hidden = set(ids(still)) - set(ids(moved)) - quirky()
    at = [min(place, len(page) - 1 - place) for page in still for place, row in enumerate(page) if row["id"] in hidden]
    assert max(at) <= 4


def test_a_list_moves_alike_on_every_pass_and_otherwise_on_other_days_and_in_other_words() -> None:
    with running("--move", "0.2") as sandbox:

        def walk(path: str, order: Callable[[list[int]], list[int]] = lambda numbers: numbers) -> dict[int, Any]:
            joint = "&" if "?" in path else "?"
            numbers = order(list(range(1, sandbox.json(path)["total_pages"] + 1)))
            return {number: sandbox.json(f"{path}{joint}page={number}")["results"] for number in numbers}

        once = walk(DISCOVER)
        assert walk(DISCOVER, lambda numbers: numbers[::-1]) == once
        assert sandbox.json(DISCOVER)["results"] == once[1]
        assert sandbox.json(f"{DISCOVER}?api_key=sandbox")["results"] == once[1]
        assert walk(f"{DISCOVER}?vote_count.gte=0") != once
        hidden = [{row["id"] for page in walk(f"{DISCOVER}?n={n}").values() for row in page} for n in range(3)]
        assert len(set(map(frozenset, hidden))) == 3
        assert len(frozenset.intersection(*map(frozenset, hidden))) < len(frozenset.union(*map(frozenset, hidden)))
    for site in (wild(move=0.2), wild(move=0.2)):
        assert list(once.values()) == pages(site)
    assert pages(wild(move=0.2, seed=8)) != pages(wild(move=0.2))
    places = [[[row["id"] for row in page[:1]] for page in pages(wild(move=0.2), day=day)] for day in DAYS[:2]]
    assert places[0] != places[1]


def test_a_list_of_one_page_and_one_of_two_move_only_within_themselves() -> None:
    short = f"{DISCOVER}?with_original_language=fr&vote_count.gte="
    for votes in (0, 50, 200, 500, 1000):
        still, moved = pages(calm(), f"{short}{votes}"), pages(wild(move=0.4), f"{short}{votes}")
        assert set(ids(moved)) <= set(ids(still))
        assert [len(page) for page in moved] == [len(page) for page in still]
        if len(still) == 1:
            assert moved == still


def test_exports_stay_away_or_come_late() -> None:
    with running("--no-export") as sandbox:
        assert {sandbox.get(export_path(day)).status for day in DAYS[:5]} == {403}
    late = wild(export_late=2)
    assert [ask(late, export_path(day)).status for day in DAYS[:4]] == [403, 403, 200, 200]
    assert ask(late, export_path(DAYS[3]), DAYS[3]).status == 403


# -- answers that are false at first -----------------------------------------------------------------------------------


def is_false(habit: str, answer: Answer) -> bool:
    """Whether a film's details are false in the way of a habit."""
    if habit in {"failing", "false_404"}:
        return answer.status == {"failing": 500, "false_404": 404}[habit]
    try:
        said = json.loads(read(answer.body))
    except (EOFError, OSError, zlib.error):
        return habit == "garbled"
    return habit == "nameless" and answer.status == 200 and (said is None or "id" not in said)


@pytest.mark.parametrize(
    ("habit", "times"), [("failing", 3), ("false_404", 1), ("nameless", 1), ("garbled", 1)]
)  # fmt: skip
@pytest.mark.parametrize("lasting", [1, 3])
def test_details_are_false_so_often_and_then_true_for_good(habit: str, times: int, lasting: int) -> None:
    site, paths = wild(lasting, 7, **{habit: 0.2}), film_paths()
    asked = [[ask(site, path) for path in paths] for _ in range(times * lasting + 2)]
    struck = [position for position, answer in enumerate(asked[0]) if is_false(habit, answer)]
    assert len(struck) / len(paths) == pytest.approx(0.2, abs=0.06)
    for answers in asked[: times * lasting]:
        assert [position for position, answer in enumerate(answers) if is_false(habit, answer)] == struck
    true = [ask(calm(), path) for path in paths]
    assert asked[times * lasting] == asked[-1] == true
    other = [position for position, path in enumerate(paths) if is_false(habit, ask(site, path, DAYS[1]))]
    assert other
    assert other != struck


def test_a_film_has_one_habit_a_day_and_one_that_does_not_exist_has_none() -> None:
    site = wild(failing=0.25, false_404=0.25, nameless=0.25, garbled=0.25)
    for path in film_paths():
        answer = ask(site, path)
        assert [is_false(habit, answer) for habit in ("failing", "false_404", "garbled", "nameless")].count(True) == 1
    assert {ask(site, "/3/movie/1").status for _ in range(3)} == {404}
    assert ask(wild(false_404=1), f"{CHANGES}?page=501").status == 400


def test_lists_say_at_first_that_they_hold_nothing() -> None:
    site = wild(2, empty_lists=0.3)
    shapes = Counter[int | None]()
    for day in DAYS:
        true = ask(calm(), DISCOVER, day)
        first, second, third = (json.loads(ask(site, DISCOVER, day).body) for _ in range(3))
        assert third == json.loads(true.body)
        assert first == second
        shapes[first["total_pages"] if not first["results"] else None] += 1
    assert set(shapes) == {0, 1, None}
    assert 15 <= shapes[None] <= 27
    later = [ask(wild(empty_lists=1), f"{DISCOVER}?page={page}", day) for day in DAYS for page in range(2, 7)]
    assert 1 <= sum(not json.loads(answer.body)["results"] for answer in later) <= 20


def test_exports_are_absent_empty_or_half_a_file_at_first() -> None:
    site, kinds = wild(bad_exports=0.6), Counter[float | None]()
    for day in DAYS:
        true, path = ask(calm(), export_path(day), day), export_path(day)
        first, second = ask(site, path, day), ask(site, path, day)
        assert second == true
        lines = len(gzip.decompress(first.body).splitlines()) if first.status == 200 else None
        share = None if lines is None else round(lines / len(gzip.decompress(true.body).splitlines()), 1)
        assert first.status == (403 if lines is None else 200)
        kinds[share] += 1
    assert set(kinds) == {None, 0, 0.5, 1}
    assert 6 <= kinds[1] <= 18


@pytest.mark.parametrize("path", REFERENCE)
def test_reference_lists_are_false_at_first(path: str) -> None:
    site, found = wild(bad_reference=0.5), set()
    for day in DAYS:
        found.add(ask(site, path, day).body)
        assert ask(site, path, day) == ask(calm(), path, day)
    assert len(found) == 5
    assert any(b"success" in body for body in found)


# -- what has to be lived with -----------------------------------------------------------------------------------------


def test_changes_of_a_day_can_be_walked_and_those_of_a_fortnight_cannot() -> None:
    with running("--changes") as sandbox:
        first, last = DAYS[13], TODAY
        fortnight = sandbox.json(f"{CHANGES}?start_date={first}&end_date={last}")
        assert fortnight["total_pages"] > 14 * 70
        assert sandbox.get(f"{CHANGES}?start_date={first}&end_date={last}&page=501").json["status_code"] == 22
        assert sandbox.get(f"{CHANGES}?start_date={first}&end_date={last}&page=500").status == 200
        one_day = f"{CHANGES}?start_date={last}&end_date={last}"
        pages = sandbox.json(one_day)["total_pages"]
        walked = [sandbox.json(f"{one_day}&page={page}") for page in range(1, pages + 1)]
    true = json.loads(ask(calm(), one_day).body)["results"]
    rows = [row for page in walked for row in page["results"]]
    assert [len(page["results"]) for page in walked[:-1]] == [100] * (pages - 1)
    assert {page["total_results"] for page in walked} == {len(rows)} == {7000 + len(true)}
    assert true
    assert rows[7000:] == true
    invented = {row["id"] for row in rows[:7000]}
    assert len(invented) == 7000
    assert max(invented) < 2**31
    assert not invented & {entry.movie_id for entry in calm()._catalogue.entries(TODAY)}
    another = json.loads(ask(wild(changes=7000), f"{CHANGES}?start_date={DAYS[1]}&end_date={DAYS[1]}").body)["results"]
    assert not invented & {row["id"] for row in another}


def test_the_true_changes_come_whole_wherever_pages_are_cut() -> None:
    span = f"{CHANGES}?start_date={DAYS[13]}&end_date={TODAY}"
    true = pages(calm(), span)
    for each in (1, 3, 50, 100):
        site = wild(changes=each)
        count = json.loads(ask(site, span).body)["total_pages"]
        rows = [row for n in range(1, count + 1) for row in json.loads(ask(site, f"{span}&page={n}").body)["results"]]
        assert rows[14 * each :] == [row for page in true for row in page]


def test_some_rows_of_lists_cannot_be_read_and_the_others_are_as_they_were() -> None:
    broken = total = 0
    site = wild(broken_rows=0.05)
    for day in DAYS[:10]:
        for page in range(1, 8):
            path = f"{DISCOVER}?page={page}"
            for item, true in zip(
                rows_of(ask(site, path, day).body), json.loads(ask(calm(), path, day).body)["results"], strict=True
            ):
                total += 1
                try:
                    assert msgspec.json.decode(item) == true
                except msgspec.DecodeError:
                    broken += 1
                    told = json.loads(item)
                    known = {"overview", "backdrop_path"}
                    assert {k: v for k, v in told.items() if k not in known} == {
                        k: v for k, v in true.items() if k not in known
                    }
                    assert told["id"] not in quirky()
    assert broken / total == pytest.approx(0.05, abs=0.02)


def test_bytes_are_not_what_the_headers_say() -> None:
    with running("--unsaid-gzip", "--said-gzip", "0.2", "--bom", "0.2") as sandbox:
        paths = [*film_paths()[:150], *(f"/on/{day}{path}" for day in DAYS[:12] for path in (DISCOVER, *REFERENCE))]
        replies = [(path, sandbox.get(path)) for path in paths]
        assert sandbox.get(paths[0]).body == replies[0][1].body
    found = {"film": Counter[str](), "other": Counter[str]()}
    for path, reply in replies:
        found["film" if path.startswith("/3/movie") else "other"][look(reply)] += 1
    assert found["film"]["unsaid gzip"] == pytest.approx(50, abs=17)
    assert set(found["film"]) == {"unsaid gzip", "said gzip", "bom", "plain"}
    assert set(found["other"]) == {"said gzip", "bom", "plain"}
    assert all(read(reply.body) == ask(calm(), path).body for path, reply in replies[:150])


def look(reply: Reply) -> str:
    """What the bytes of a reply are, and whether its header says so."""
    assert int(reply.headers["content-length"]) == len(reply.body)
    if reply.body[:2] == b"\x1f\x8b":
        return "packed" if "content-encoding" in reply.headers else "unsaid gzip"
    if reply.headers.get("content-encoding") == "gzip":
        return "said gzip"
    return "bom" if reply.body.startswith(spoiling.BOM) else "plain"


def test_exports_are_unpacked_or_packed_twice() -> None:
    site, layers = wild(odd_exports=0.5), Counter[int]()
    for day in DAYS:
        body, count = ask(site, export_path(day), day).body, 0
        assert read(body) == read(ask(calm(), export_path(day), day).body)
        while body[:2] == b"\x1f\x8b":
            body, count = gzip.decompress(body), count + 1
        layers[count] += 1
    assert set(layers) == {0, 1, 2}
    assert 8 <= layers[1] <= 22


def test_what_is_unknown_is_impossible_instead_and_what_is_known_stays() -> None:
    site, seen, unknown = wild(impossible=0.5), Counter[tuple[str, bytes]](), 0
    for day in DAYS[:3]:
        for path in film_paths(day):
            true, told = (json.loads(ask(one, path, day).body) for one in (calm(), site))
            changed = {field for field in true if told[field] != true[field]}
            assert list(told) == list(true)
            assert all(true[field] in {None, "", 0} for field in changed)
            assert not (changed and true["id"] in quirky())
            assert all(told[field] in spoiling.IMPOSSIBLE[field] for field in changed)
            seen.update((field, encode(told[field])) for field in changed)
            unknown += 0 if true["id"] in quirky() else len(list(spoiling.unknown_fields(true)))
    assert {field for field, _ in seen} == set(spoiling.IMPOSSIBLE)
    assert len(seen) > 0.8 * sum(map(len, spoiling.IMPOSSIBLE.values()))
    assert seen.total() / unknown == pytest.approx(0.5, abs=0.05)


@given(
    payload=st.dictionaries(
        st.sampled_from([*spoiling.IMPOSSIBLE, "id", "title", "popularity", "vote_count"]),
        st.none() | st.text(max_size=3) | st.integers(-1, 1) | st.booleans() | st.just([]),
    )
)
def test_only_fields_that_say_unknown_are_touched(payload: dict[str, Any]) -> None:
    found = set(spoiling.unknown_fields(payload))
    assert found <= set(spoiling.IMPOSSIBLE)
    assert found == {field for field, value in payload.items() if is_unknown(value)} & set(spoiling.IMPOSSIBLE)


def is_unknown(value: object) -> bool:
    return value is None or value == "" or (type(value) is int and value == 0)


@given(body=st.binary(min_size=1, max_size=200))
def test_spoiled_bodies_cannot_be_unpacked(body: bytes) -> None:
    for spoil in (spoiling.cut, spoiling.damaged):
        with pytest.raises((EOFError, OSError, zlib.error)):
            gzip.decompress(spoil(body))


def test_no_habit_has_no_part_in_an_answer() -> None:
    site = wild()
    for path in (
        DISCOVER,
        f"{DISCOVER}?page=2",
        CHANGES,
        *REFERENCE,
        export_path(TODAY),
        *film_paths()[:50],
        "/3/movie/1",
    ):
        assert ask(site, path) == ask(calm(), path)
    assert site.answer(Request("/moovitamix/tracks", {}, "", TODAY)) is None
    assert ask(wild(false_404=1, bom=1), "/3/movie/100").status in {200, 404}
    refused = wild(false_404=1, bom=1, said_gzip=1).answer(Request(DISCOVER, {}, "Bearer other", TODAY))
    assert refused is not None
    assert (refused.status, json.loads(refused.body)["status_code"]) == (401, 7)
