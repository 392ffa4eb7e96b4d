"""Every view against plain Python over the rows that were served: the sandbox's on several days, and the recorded
ones."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sandbox.moovitamix.world import World as Sandbox
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.warehouse.macros import macros_of
from tmdb_assets_tests.sources.moovitamix.lakes import Lists, day, derive, keep_raw, recorded, rows

Row = dict[str, Any]


@dataclass
class World:
    """A lake, and what was served on each observed day."""

    store: DeltaStore
    said: dict[dt.date, Lists]

    @property
    def days(self) -> list[dt.date]:
        """The observed days, oldest first."""
        return sorted(self.said)

    def answer(self, view: str) -> list[Row]:
        """The rows of a view in the order of its grain."""
        return rows(self.store, view).to_dicts()

    def latest(self, endpoint: str) -> dict[int, Row]:
        """The last row of every id ever listed."""
        found: dict[int, Row] = {}
        for on in self.days:
            found |= {row["id"]: row for row in self.said[on][endpoint]}
        return found

    def listed(self, endpoint: str) -> dict[int, Row]:
        """The last row of the ids listed on the newest day."""
        now = {row["id"] for row in self.said[self.days[-1]][endpoint]}
        return {i: row for i, row in self.latest(endpoint).items() if i in now}

    def histories(self) -> list[Row]:
        """The history rows of the newest day."""
        return list(self.said[self.days[-1]]["listen_history"])

    def listens(self) -> Iterator[tuple[int, dt.date, int, str]]:
        """(user, day, track, moment) of every listen of the newest day."""
        for row in self.histories():
            for track in row["items"]:
                yield row["user_id"], dt.date.fromisoformat(row["created_at"][:10]), track, row["created_at"]


def seconds(row: Row) -> int | None:
    """The length of a track: the one malformed thing served is a duration, which is then unknown."""
    minutes, rest = map(int, row["duration"].split(":"))
    return minutes * 60 + rest if rest < 60 else None


def genres(text: str) -> set[str]:
    return {part.strip().lower() for part in text.split(",")}


def filled(folder: Path, said: dict[dt.date, Lists]) -> World:
    store = DeltaStore(folder)
    for on, found in said.items():
        keep_raw(store, on, found)
    derive(store, list(said))
    return World(store, said)


@pytest.fixture(scope="module")
def sandbox_music(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Days of the sandbox months apart, on which tracks and users came, changed and went."""
    world = Sandbox(7, 60)
    days = [day(n) for n in (300, 200, 120, 30, 1, 0)]
    said = {d: {"tracks": world.tracks(d), "users": world.users(d), "listen_history": world.histories(d)} for d in days}
    return filled(tmp_path_factory.mktemp("music") / "lake", said)


@pytest.fixture(scope="module")
def recorded_music(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> World:
    """The recorded rows, as of two days between which a few users left."""
    said = recorded(real_data)
    less = dict(said) | {"users": said["users"][:-9]}
    return filled(tmp_path_factory.mktemp("recorded_music") / "lake", {day(1): said, day(0): less})


@pytest.fixture(params=["sandbox_music", pytest.param("recorded_music", marks=pytest.mark.real)])
def world(request: pytest.FixtureRequest) -> World:
    """Each world in turn."""
    found: World = request.getfixturevalue(request.param)
    return found


def first_seen(world: World, endpoint: str) -> dict[int, dt.date]:
    seen: dict[int, dt.date] = {}
    for on in world.days:
        for row in world.said[on][endpoint]:
            seen.setdefault(row["id"], on)
    return seen


def gone_on(world: World, endpoint: str) -> dict[int, dt.date | None]:
    found: dict[int, dt.date | None] = {}
    for key in world.latest(endpoint):
        listed = [on for on in world.days if any(row["id"] == key for row in world.said[on][endpoint])]
        later = [on for on in world.days if on > listed[-1]]
        found[key] = later[0] if later else None
    return found


@pytest.mark.parametrize(
    ("view", "endpoint", "key"), [("vw_track_latest", "tracks", "track_id"), ("vw_user_latest", "users", "user_id")]
)
def test_last_states(world: World, view: str, endpoint: str, key: str) -> None:
    answered = {row[key]: row for row in world.answer(view)}
    latest, seen, gone = world.latest(endpoint), first_seen(world, endpoint), gone_on(world, endpoint)
    assert set(answered) == set(latest)
    for found, row in answered.items():
        assert (row["first_seen_on"], row["gone_on"]) == (seen[found], gone[found])
        said = latest[found]
        if endpoint == "tracks":
            assert (row["name"], row["artist"], row["album"]) == (said["name"], said["artist"], said["album"])
            assert row["duration_seconds"] == seconds(said)
        else:
            assert (row["gender"], row["favorite_genres"]) == (said["gender"], said["favorite_genres"])


def test_top_tracks(world: World) -> None:
    tracks = world.listed("tracks")
    heard: dict[int, list[tuple[int, dt.date]]] = defaultdict(list)
    for user, on, track, _ in world.listens():
        if track in tracks:
            heard[track].append((user, on))
    best = sorted(heard, key=lambda t: (-len(heard[t]), -len({u for u, _ in heard[t]}), t))[:200]
    answered = world.answer("vw_top_tracks")
    assert [row["track_id"] for row in answered] == best
    for position, row in enumerate(answered, start=1):
        listens = heard[row["track_id"]]
        assert row["position"] == position
        assert (row["listens"], row["listeners"]) == (len(listens), len({u for u, _ in listens}))
        assert (row["first_listened_on"], row["last_listened_on"]) == (
            min(d for _, d in listens),
            max(d for _, d in listens),
        )
        assert row["name"] == tracks[row["track_id"]]["name"]


def test_top_artists(world: World) -> None:
    tracks = world.listed("tracks")
    heard: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for user, _, track, _ in world.listens():
        if track in tracks:
            heard[tracks[track]["artist"]].append((user, track))
    best = sorted(heard, key=lambda a: (-len(heard[a]), -len({u for u, _ in heard[a]}), a))[:200]
    answered = world.answer("vw_top_artists")
    assert [row["artist"] for row in answered] == best
    for row in answered:
        listens = heard[row["artist"]]
        assert (row["listens"], row["tracks"]) == (len(listens), len({t for _, t in listens}))
        assert (row["listened_seconds"], row["timed_listens"]) == (
            sum(seconds(tracks[t]) or 0 for _, t in listens),
            len([t for _, t in listens if seconds(tracks[t]) is not None]),
        )


def test_listening_by_genre(world: World) -> None:
    tracks = world.listed("tracks")
    heard: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for user, _, track, _ in world.listens():
        for genre in genres(tracks[track]["genres"]) if track in tracks else ():
            heard[genre].append((user, track))
    answered = {row["genre_id"]: row for row in world.answer("vw_genre_listening")}
    assert set(answered) == set(heard)
    total = sum(len(listens) for listens in heard.values())
    for genre, row in answered.items():
        listens = heard[genre]
        assert (row["listens"], row["listeners"]) == (len(listens), len({u for u, _ in listens}))
        assert row["tracks"] == len({t for _, t in listens})
        assert row["listen_share"] == pytest.approx(len(listens) / total)
        assert row["listened_seconds"] == sum(seconds(tracks[t]) or 0 for _, t in listens)
        assert row["name"].lower() == genre


def test_listening_by_the_listeners_favourite_genre(world: World) -> None:
    users, ever = world.listed("users"), world.latest("tracks")
    heard: dict[int, list[int]] = defaultdict(list)
    for user, _, track, _ in world.listens():
        heard[user].append(track)
    fans: dict[str, list[int]] = defaultdict(list)
    for user, row in users.items():
        for genre in genres(row["favorite_genres"]):
            fans[genre].append(user)
    answered = {row["genre_id"]: row for row in world.answer("vw_favorite_genre_listening")}
    assert set(answered) == set(fans)
    for genre, row in answered.items():
        listens = [t for user in fans[genre] for t in heard[user]]
        known = [t for t in listens if t in ever]
        of_it = sum(genre in genres(ever[t]["genres"]) for t in known)
        assert (row["users"], row["listeners"]) == (len(fans[genre]), sum(bool(heard[u]) for u in fans[genre]))
        assert (row["listens"], row["listens_with_genre"]) == (len(listens), len(known))
        assert row["listens_per_user"] == pytest.approx(len(listens) / len(fans[genre]))
        assert row["favorite_share"] == (pytest.approx(of_it / len(known)) if known else None)


def test_user_activity(world: World) -> None:
    tracks = world.latest("tracks")
    heard: dict[int, list[tuple[dt.date, int, str]]] = defaultdict(list)
    for user, on, track, moment in world.listens():
        heard[user].append((on, track, moment))
    answered = {row["user_id"]: row for row in world.answer("vw_user_activity")}
    assert set(answered) == set(world.latest("users"))
    for user, row in answered.items():
        listens = heard[user]
        days = {d for d, _, _ in listens}
        assert (row["listens"], row["active_days"]) == (len(listens), len(days))
        assert (row["history_rows"], row["tracks"]) == (len({m for *_, m in listens}), len({t for _, t, _ in listens}))
        assert row["artists"] == len({tracks[t]["artist"] for _, t, _ in listens if t in tracks})
        assert (row["first_listened_on"], row["last_listened_on"]) == (min(days, default=None), max(days, default=None))


def test_new_and_lost_users(world: World) -> None:
    def state(row: Row) -> list[Any]:
        return [row[c] for c in ("email", "gender", "favorite_genres", "created_at", "updated_at")]

    answered = world.answer("vw_new_and_lost_users")
    assert [row["date_id"] for row in answered] == world.days
    listed = [{row["id"]: row for row in world.said[on]["users"]} for on in world.days]
    assert [row["users"] for row in answered] == [len(found) for found in listed]
    first = answered[0]
    assert [first[c] for c in ("observed_before", "new_users", "returned_users", "lost_users", "changed_users")] == [
        None
    ] * 5
    ever = set(listed[0])
    for row, (was, now), before in zip(answered[1:], pairwise(listed), world.days, strict=False):
        assert row["observed_before"] == before
        assert row["new_users"] == len(now.keys() - ever)
        assert row["returned_users"] == len((now.keys() & ever) - was.keys())
        assert row["lost_users"] == len(was.keys() - now.keys())
        assert row["changed_users"] == sum(state(was[i]) != state(now[i]) for i in was.keys() & now.keys())
        ever |= set(now)


def test_tracks_listened_to_together(world: World) -> None:
    tracks = world.listed("tracks")
    audience: dict[int, set[int]] = defaultdict(set)
    together: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in world.histories():
        heard = {t for t in row["items"] if t in tracks}
        for track in heard:
            audience[track].add(row["user_id"])
        for pair in permutations(heard, 2):
            together[pair].append(row["user_id"])
    partners: dict[int, list[tuple[int, float, int]]] = defaultdict(list)
    for (one, other), users in together.items():
        both = len(set(users))
        if both >= 2:
            partners[one].append((-both, -both / (len(audience[one]) + len(audience[other]) - both), other))
    expected = {
        (one, found[2]): (n, -found[0], -found[1])
        for one in partners
        for n, found in enumerate(sorted(partners[one])[:20], start=1)
    }
    answered = world.answer("vw_tracks_together")
    assert answered
    assert {(r["track_id"], r["other_track_id"]): (r["position"], r["users_together"]) for r in answered} == {
        pair: found[:2] for pair, found in expected.items()
    }
    for row in answered:
        pair = (row["track_id"], row["other_track_id"])
        assert row["closeness"] == pytest.approx(expected[pair][2])
        assert row["histories"] == len(together[pair])
        assert (row["name"], row["other_name"]) == tuple(tracks[i]["name"] for i in pair)


def test_coverage_and_orphans(world: World) -> None:
    tracks, users = world.latest("tracks"), world.latest("users")
    listens = list(world.listens())
    expected = {
        "listens of tracks": (len(listens), sum(t in tracks for _, _, t, _ in listens)),
        "listens of users": (len(listens), sum(u in users for u, *_ in listens)),
        "tracks": (len(world.listed("tracks")), len({t for _, _, t, _ in listens} & world.listed("tracks").keys())),
        "users": (len(world.listed("users")), len({u for u, *_ in listens} & world.listed("users").keys())),
    }
    answered = {row["subject"]: row for row in world.answer("vw_coverage")}
    assert {s: (r["total"], r["covered"]) for s, r in answered.items()} == expected
    for row in answered.values():
        assert row["uncovered"] == row["total"] - row["covered"]
        assert row["covered_share"] == pytest.approx(row["covered"] / row["total"])
        assert row["as_of"] == world.days[-1]
    orphans = Counter(("track", t) for _, _, t, _ in listens if t not in tracks)
    orphans += Counter(("user", u) for u, *_ in listens if u not in users)
    assert {(r["kind"], r["orphan_id"]): r["listens"] for r in world.answer("vw_orphans")} == dict(orphans)


def test_the_macros_of_the_warehouse(world: World) -> None:
    file = Path(contracts.__file__).with_name("macros.sql")
    statements = file.read_text(encoding="utf-8")
    with duckdb.connect() as warehouse:
        warehouse.execute("CREATE SCHEMA moovitamix")
        for name in ("dim_date", "dim_track", "dim_user", "vw_tracks_together"):
            kept = rows(world.store, name)
            warehouse.register("kept", kept)
            warehouse.execute(f"CREATE TABLE moovitamix.{name} AS FROM kept")
        warehouse.execute(statements)
        for on in world.days:
            for macro, endpoint, key in (("users_on", "users", "user_id"), ("tracks_on", "tracks", "track_id")):
                found = warehouse.execute(f"SELECT {key} FROM moovitamix.{macro}('{on}')").fetchall()
                assert {i for (i,) in found} == {row["id"] for row in world.said[on][endpoint]}
                assert len(found) == len(set(found))
        early = world.days[0] - dt.timedelta(days=1)
        for macro in ("users_on", "tracks_on"):
            told = f"on or before {early}: there are {len(world.days)} days, from {world.days[0]} to {world.days[-1]}"
            with pytest.raises(duckdb.Error, match=told):
                warehouse.execute(f"FROM moovitamix.{macro}('{early}')").fetchall()
            with pytest.raises(duckdb.Error, match="Say which day"):
                warehouse.execute(f"FROM moovitamix.{macro}(NULL)").fetchall()
        for example in (one for macro in macros_of(file) for one in macro.examples):
            assert warehouse.execute(example).fetchall(), example
        best = world.answer("vw_tracks_together")[0]
        found = warehouse.execute(f"FROM moovitamix.recommend({best['track_id']})").fetchall()
        assert [row[0] for row in found] == list(range(1, len(found) + 1))


def test_views_of_nothing_answer_with_nothing(lake: DeltaStore) -> None:
    keep_raw(lake, day(0), {"tracks": [], "users": [], "listen_history": []})
    derive(lake, [day(0)])
    counts = {v.contract.name: rows(lake, v.contract.name).height for v in contracts.VIEWS}
    assert counts == dict.fromkeys(counts, 0) | {"vw_coverage": 4, "vw_new_and_lost_users": 1}
    assert {row["covered_share"] for row in rows(lake, "vw_coverage").to_dicts()} == {None}
