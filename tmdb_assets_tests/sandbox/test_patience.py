"""TMDB as it is, all of it at once: a patient client sees the calm world behind it, and the options go together."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import zlib
from typing import Any

import msgspec

from tmdb_assets.sandbox.answers import encode
from tmdb_assets.sandbox.tmdb import spoiling
from tmdb_assets.sandbox.tmdb.habits import HABITS
from tmdb_assets_tests.sandbox.running import Running, running
from tmdb_assets_tests.sandbox.sites import (
    DAYS,
    DISCOVER,
    TODAY,
    ask,
    calm,
    export_path,
    film_paths,
    pages,
    read,
    rows_of,
)


def test_a_patient_client_sees_the_calm_world_behind_the_wild_one() -> None:
    """Asks a whole answer again before it believes it false and a film again that failed, reads the bytes that are
    there, sets rows and values aside, asks by id for what a list did not show: the client that the rates are made
    for."""
    with running("--wild") as sandbox:
        for day in DAYS[:3]:
            listed, rows = walk_patiently(sandbox, day)
            exported = export_patiently(sandbox, day)
            assert exported == json.loads(
                b"[%s]" % b",".join(read(ask(calm(), export_path(day), day).body).splitlines())
            )
            scope = {film["id"] for film in exported if not film["video"]} | set(listed)
            true = {row["id"]: row for page in pages(calm(), day=day) for row in page}
            assert scope == set(true)
            films = {film: film_patiently(sandbox, day, film) for film in scope}
            missing = scope - set(listed)
            assert 0.04 * rows < len(missing) < 0.12 * rows
            figures = ("popularity", "vote_count", "vote_average")
            for film in scope:
                source = listed.get(film) or films[film]
                assert {f: source[f] for f in figures} == {f: true[film][f] for f in figures}
                details = json.loads(ask(calm(), f"/3/movie/{film}", day).body)
                assert set_aside(films[film]) == set_aside(details)
        struck = sandbox.json("/sandbox/truth")["wild"]["struck"]
    assert {"move", "no_export", "export_late"} & set(struck[TODAY.isoformat()]) == set()
    assert {habit for day in struck.values() for habit in day} >= {
        "impossible",
        "unsaid_gzip",
        "false_404",
        "broken_rows",
    }


def walk_patiently(sandbox: Running, day: dt.date) -> tuple[dict[int, Any], int]:
    """The films of a list that can be read, by id; and how many rows there were."""
    found, rows, last, page = {}, 0, 1, 0
    while (page := page + 1) <= last:
        for _ in range(2):
            body = read(sandbox.get(f"/on/{day}{DISCOVER}?page={page}").body)
            head = json.loads(body)
            if head["results"]:
                break
        last = max(last, head["total_pages"])
        for item in rows_of(body):
            rows += 1
            try:
                row = msgspec.json.decode(item)
            except msgspec.DecodeError:
                continue
            found[row["id"]] = row
    return found, rows


def export_patiently(sandbox: Running, day: dt.date) -> list[Any]:
    """The films of an export: of two answers the one with more of them."""
    replies = [sandbox.get(f"/on/{day}{export_path(day)}") for _ in range(2)]
    lines = [read(reply.body).splitlines() for reply in replies if reply.status == 200]
    return [json.loads(line) for line in max(lines, key=len)]


def film_patiently(sandbox: Running, day: dt.date, film: int) -> Any:
    """The details of a film that is there."""
    for _ in range(4):
        reply = sandbox.get(f"/on/{day}/3/movie/{film}")
        try:
            told = json.loads(read(reply.body))
        except (EOFError, OSError, zlib.error):
            continue
        if reply.status == 200 and isinstance(told, dict) and "id" in told:
            return told
    raise AssertionError(f"film {film} is never told on {day}")


def set_aside(film: dict[str, Any]) -> dict[str, Any]:
    """The film with what is unknown or impossible left out."""
    impossible = [encode(value) for values in spoiling.IMPOSSIBLE.values() for value in values]
    return {k: v for k, v in film.items() if v not in (None, "", 0) and encode(v) not in impossible}


def test_wild_is_every_habit_and_an_option_beside_it_wins() -> None:
    with running("--wild", "--move", "0", "--lasting", "3", "--false-404") as sandbox:
        truth = sandbox.json("/sandbox/truth")["wild"]
    assert truth["lasting"] == 3
    assert truth["rates"] == {habit.name: habit.wild for habit in HABITS} | {"move": 0}
    assert all(habit.wild for habit in HABITS if habit.name not in {"no_export", "export_late"})
    with running("--lasting", "3", "--move", "0") as sandbox:
        assert "wild" not in sandbox.json("/sandbox/truth")


def test_habits_and_faults_of_the_network_go_together() -> None:
    with running("--wild", "--faults", "0.2", "--slow", "0") as sandbox:
        broken = 0
        for path in film_paths()[:40]:
            try:
                sandbox.get(path)
            except (OSError, http.client.HTTPException):  # reset, cut
                broken += 1
        assert broken
        assert sandbox.process.poll() is None
