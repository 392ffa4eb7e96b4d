"""The feed of changed films: windows that are too long for it are halved, and what it cannot tell stops no day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.http import Http, Unauthorized
from tmdb_assets.sources.tmdb import changes
from tmdb_assets.sources.tmdb.changes import Feed, halves
from tmdb_assets_tests.faulty_server import FaultyServer, Reply, Script, Seen, json_reply

FIRST = dt.date(2026, 3, 1)
TOO_FAR = json_reply({"success": False, "status_code": 22, "status_message": "Pages start at 1 and max at 3."}, 400)


@pytest.fixture(autouse=True)
def short_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that serves three pages of ten."""
    monkeypatch.setattr(changes, "MAX_PAGE", 3)
    monkeypatch.setattr(changes, "STYLE", changes.PageStyle(page_size=10, max_page=3))


def on(day: int, films: int) -> list[int]:
    """Ids of the films that changed on a day of March."""
    return [day * 1000 + n for n in range(films)]


def feed(a_day: dict[int, int]) -> Script:
    """Serves the films changed in a window, both ends included, ten a page, three pages at most."""

    def script(seen: Seen) -> Reply:
        first, last = (dt.date.fromisoformat(seen.query[f"{end}_date"]).day for end in ("start", "end"))
        ids = [film for day in range(first, last + 1) for film in on(day, a_day.get(day, 0))]
        page = int(seen.query["page"])
        if page > 3:
            return TOO_FAR
        rows = [{"id": film, "adult": False} for film in ids[10 * (page - 1) : 10 * page]]
        return json_reply({"results": rows, "total_pages": max(1, -(-len(ids) // 10)), "total_results": len(ids)})

    return script


def walked(server: FaultyServer, first: dt.date, last: dt.date) -> Feed:
    with Http(server.url, max_attempts=2, max_wait_seconds=0.01) as http:
        told = Feed(http, "movie/changes")
        told.walk(first, last)
    return told


def ids_of(told: Feed) -> set[int]:
    return {item["id"] for _, _, walk in told.walks for page in walk.pages for item in page.items}


@pytest.fixture
def fortnight() -> Iterator[FaultyServer]:
    with FaultyServer(feed(dict.fromkeys(range(1, 15), 25))) as server:
        yield server


def test_a_window_of_more_pages_than_are_served_is_halved_until_every_film_is_told(fortnight: FaultyServer) -> None:
    told = walked(fortnight, FIRST, FIRST + dt.timedelta(days=13))
    assert ids_of(told) == {film for day in range(1, 15) for film in on(day, 25)}
    assert (told.cut, told.failed) == ([], [])
    assert not any(int(seen.query["page"]) > 3 for seen in fortnight.seen)


def test_a_day_of_more_pages_than_are_served_is_told_as_far_as_it_goes() -> None:
    with FaultyServer(feed({1: 5, 2: 70, 3: 5})) as server:
        told = walked(server, FIRST, FIRST + dt.timedelta(days=2))
    assert ids_of(told) == {*on(1, 5), *on(2, 30), *on(3, 5)}
    assert told.failed == [] and set(told.cut) == {"2026-03-02..2026-03-02 has 7 pages, of which 3 are served"}


@pytest.mark.parametrize(
    "reply", [Reply(500), json_reply({"success": False, "status_code": 34}), Reply(200, b"<html>")]
)
def test_a_window_that_cannot_be_had_is_named_and_stops_nothing(reply: Reply) -> None:
    with FaultyServer(lambda seen: reply) as server:
        told = walked(server, FIRST, FIRST)
    assert told.walks == [] and told.failed[0].startswith("2026-03-01..2026-03-01 could not be had (movie/changes: ")


def test_refused_credentials_are_raised() -> None:
    refused = json_reply({"status_code": 7, "status_message": "no"}, 401)
    with FaultyServer(lambda seen: refused) as server, pytest.raises(Unauthorized):
        walked(server, FIRST, FIRST)


@given(st.integers(1, 400), st.integers(0, 1))
def test_halves_cover_their_window_and_are_shorter(days: int, shortest: int) -> None:
    last, least = FIRST + dt.timedelta(days=days), dt.timedelta(days=shortest)
    if last - FIRST <= least:
        return
    (first, middle), (again, end) = halves(FIRST, last, least)
    assert (first, end) == (FIRST, last) and middle >= again - dt.timedelta(days=1)
    assert max(middle - first, end - again) < last - FIRST
