"""The sandbox's music API: the real one's habits, a world that evolves by the day, and a restart when told to."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tmdb_assets.sandbox.answers import Request
from tmdb_assets.sandbox.moovitamix.api import MoovitamixSite
from tmdb_assets.sandbox.moovitamix.world import World
from tmdb_assets_tests.sandbox.running import PROJECT, Running, running

DAY = dt.date(2025, 6, 15)
LISTS = ("tracks", "users", "listen_history")


@pytest.fixture(scope="module")
def world() -> World:
    """A small world; asking it changes nothing."""
    return World(7, 120)


@pytest.fixture(scope="module")
def music() -> Iterator[Running]:
    """A sandbox in its own process."""
    with running("--listeners", "120") as started:
        yield started


def state(world: World, day: dt.date) -> dict[str, list[dict[str, Any]]]:
    return {"tracks": world.tracks(day), "users": world.users(day), "listen_history": world.histories(day)}


def test_another_process_sees_the_same_world_and_another_seed_another(world: World) -> None:
    code = (
        "import datetime as dt, json; from tmdb_assets.sandbox.moovitamix.world import World; w = World(7, 120); "
        "print(json.dumps([w.users(dt.date(2025, 6, 15)), w.histories(dt.date(2025, 6, 15))]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, cwd=PROJECT, capture_output=True, check=True)
    assert json.loads(run.stdout) == [world.users(DAY), world.histories(DAY)]
    ids = [{user["id"] for user in World(seed, 120).users(DAY)} for seed in (7, 8)]
    assert len(ids[0] & ids[1]) < len(ids[0]) / 10


def test_a_day_does_not_depend_on_what_was_asked_before(world: World) -> None:
    days = [DAY - dt.timedelta(days=n) for n in (0, 1, 40)]
    forwards = {day: state(world, day) for day in days}
    other = World(7, 120)
    assert {day: state(other, day) for day in reversed(days)} == forwards


def test_most_rows_stay_as_they_are_and_some_come_change_and_go(world: World) -> None:
    before, after = state(world, DAY - dt.timedelta(days=120)), state(world, DAY)
    for name in ("tracks", "users"):
        was, now = ({row["id"]: row for row in rows[name]} for rows in (before, after))
        changed = sum(was[i] != now[i] for i in was.keys() & now.keys())
        assert now.keys() - was.keys()
        assert was.keys() - now.keys()
        assert 0 < changed < len(now)
    yesterday = state(world, DAY - dt.timedelta(days=1))
    same = sum(row in yesterday["users"] for row in after["users"])
    assert same > 0.95 * len(after["users"])


def test_the_quirks_of_the_real_api_are_there(world: World) -> None:
    users, tracks, histories = world.users(DAY), world.tracks(DAY), world.histories(DAY)
    emails = [user["email"] for user in users]
    assert len(set(emails)) < len(emails), "two users share an e-mail"
    assert any("@" not in email for email in emails)
    assert any(row["created_at"] > row["updated_at"] for row in users + tracks)
    assert any(not row["items"] for row in histories)
    assert not {i for row in histories for i in row["items"]} <= {track["id"] for track in tracks}
    assert any(int(track["duration"][-2:]) > 59 for track in World(7, 400).tracks(DAY))
    assert len({user["id"] for user in users}) == len(users)
    assert len({(row["user_id"], row["created_at"]) for row in histories}) == len(histories)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_walked_page_by_page(music: Running, name: str) -> None:
    path = f"/on/{DAY}/moovitamix/{name}"
    first = music.json(f"{path}?page=1&size=100")
    assert list(first) == ["items", "total", "page", "size", "pages"]
    assert first["pages"] == -(-first["total"] // 100)
    rows = [row for n in range(1, first["pages"] + 1) for row in music.json(f"{path}?page={n}&size=100")["items"]]
    assert len(rows) == first["total"]
    assert rows == state(World(7, 120), DAY)[name]
    past = music.json(f"{path}?page={first['pages'] + 1}&size=100")
    assert (past["items"], past["total"]) == ([], first["total"])
    assert music.json(path)["size"] == 50


def test_the_api_needs_no_credentials_and_is_also_there_without_a_day(music: Running) -> None:
    assert music.get("/moovitamix/users", token=None).json["total"] > 100
    assert music.json("/sandbox/truth")["moovitamix"]["users"] > 100


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("page=0", "page"), ("page=one", "page"), ("size=0", "size"), ("size=101", "size"), ("page=-1&size=9", "page")],
)
def test_a_bad_page_is_told_as_the_framework_tells_it(music: Running, query: str, parameter: str) -> None:
    reply = music.get(f"/moovitamix/tracks?{query}")
    assert reply.status == 422
    assert reply.json["detail"][0]["loc"] == ["query", parameter]
    assert reply.json["detail"][0]["msg"].startswith("Input should be")


def test_an_unknown_path_is_not_found(music: Running) -> None:
    reply = music.get("/moovitamix/albums")
    assert (reply.status, reply.json) == (404, {"detail": "Not Found"})


def test_a_restart_between_two_answers_changes_nearly_every_id_and_the_total() -> None:
    site = MoovitamixSite(7, 120, restarts=[2])

    def ids() -> tuple[int, set[int]]:
        answer = site.answer(Request("/moovitamix/users", {"size": "100"}, "", DAY))
        assert answer is not None
        body = json.loads(answer.body)
        return body["total"], {row["id"] for row in body["items"]}

    first, second, third, fourth = ids(), ids(), ids(), ids()
    assert first == second
    assert third == fourth
    assert first[0] != third[0]
    assert len(first[1] & third[1]) < 10
    assert site.answer(Request("/3/configuration", {}, "", DAY)) is None
