"""The key of the hashes, the door, and a person forgotten everywhere: not a byte of them stays, and they do not come
back."""

from __future__ import annotations

import functools
import json
import re
import stat
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.forget import main
from tmdb_assets.lakehouse.store import Commit, DeltaStore
from tmdb_assets.lakehouse.store.locks import one_fetch_at_a_time
from tmdb_assets.sources.moovitamix import answers, contracts, privacy
from tmdb_assets.sources.moovitamix.forget import NobodyToForget, Removed, forget
from tmdb_assets.warehouse.targets import targets_of
from tmdb_assets_tests.full_disk import no_file_beyond
from tmdb_assets_tests.sources.moovitamix.lakes import (
    KEY,
    TABLES,
    TODAY,
    Lists,
    ListServer,
    a_few,
    contents,
    copied,
    day,
    derive,
    differing,
    history,
    keep_raw,
    lists,
    observe,
    rows,
    settings_of,
    track,
    user,
)

WHO = 987_654_321
LEFT_OVERS = (".wal", ".tmp/x.tmp", ".next", ".next.wal", ".next.wal.checkpoint", ".next.tmp/x.tmp")
MARKS = ("987654321", "987_654_321", "Zzyzxia", "Quuxbury", "QUUX", "unique.person")


# -- the key -----------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_beside_the_lake_for_its_owner_only(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "lake", moovitamix_hash_key=None)
    key = privacy.hash_key(settings)
    file = tmp_path / "lake.moovitamix_key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="ascii").strip().encode() == key
    assert len(key) >= 32
    assert privacy.hash_key(settings) == key
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    assert privacy.hash_key(settings_of(tmp_path / "other", moovitamix_hash_key=None)) != key


def test_the_setting_wins_and_nothing_is_written(tmp_path: Path) -> None:
    assert privacy.hash_key(settings_of(tmp_path / "lake")) == KEY.encode()
    assert list(tmp_path.iterdir()) == []


def chmod(file: Path, mode: int) -> None:
    file.chmod(mode)


@pytest.mark.parametrize(
    ("lake", "spoil", "said"),
    [
        *[
            (
                "lake",
                functools.partial(chmod, mode=0o600 | bit),
                r"may be read by others than its owner: run `chmod 600",
            )
            for bit in (0o040, 0o020, 0o010, 0o004, 0o002, 0o001)
        ],
        ("lake", lambda f: f.write_text("short"), r"holds no whole key"),
        ("lake", lambda f: f.write_bytes(b"\xff" * 80), r"cannot be used \(it is not text\)"),
        ("s3://bucket/lake", None, r"set MOOVITAMIX_HASH_KEY \(at least 16 characters"),
    ],
)
def test_a_key_that_cannot_be_used_is_one_sentence(tmp_path: Path, lake: str, spoil: object, said: str) -> None:
    root = lake if "://" in lake else str(tmp_path / lake)
    settings = settings_of(root, moovitamix_hash_key=None)
    if callable(spoil):
        privacy.hash_key(settings)
        spoil(privacy.key_file(settings))
    with pytest.raises(privacy.KeyUnusable, match=said):
        privacy.hash_key(settings)


def test_a_full_disk_leaves_no_half_key_and_the_next_run_makes_it(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "lake", moovitamix_hash_key=None)
    with (
        no_file_beyond(20),
        pytest.raises(privacy.KeyUnusable, match=r"cannot be used \(File too large\): make room, "),
    ):
        privacy.hash_key(settings)
    assert list(tmp_path.iterdir()) == []
    assert len(privacy.hash_key(settings)) >= 32


def test_a_short_key_in_the_settings_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="MOOVITAMIX_HASH_KEY cannot be used") as raised:
        settings_of("lake", moovitamix_hash_key="tooshort")
    assert "tooshort" not in str(raised.value)


def test_the_key_is_in_no_file_of_the_lake(lake: DeltaStore) -> None:
    keep_raw(lake, day(0), a_few())
    derive(lake, [day(0)], only=["vw_user_latest"])
    assert KEY not in every_byte(Path(lake.root))


# -- forgetting --------------------------------------------------------------------------------------------------------


def with_person(**changed: object) -> Lists:
    """A few rows, among them those of the person who will be forgotten."""
    said = {endpoint: list(found) for endpoint, found in a_few().items()}
    row = user(WHO, first_name="Zzyzxia", last_name="Quuxbury", email="Unique.Person@Example.org") | changed
    said["users"].insert(2, row)
    said["listen_history"] += [
        history(WHO, 1, 2),
        history(WHO, at="2026-01-01T00:00:00"),
        history(2, 1, at="2026-01-01T00:00:00"),
    ]
    return said


#: The last of the tables that name or count users; the others are made of these and no user.
NAMING_USERS = ["vw_user_activity", "bridge_user_genre", "fact_table_quality"]


def filled(store: DeltaStore) -> None:
    """Five days on which the person signs up, changes, is malformed, leaves, and returns with another e-mail.

    The first day is a run of its own, so that an old version of each table knows the person as well.
    """
    for n, said in (
        (5, with_person()),
        (4, with_person(last_name="QUUX")),
        (3, with_person(created_at="rubbish")),
        (2, a_few()),
        (1, with_person(email="unique.person.2@example.org", id=str(WHO))),
        (0, with_person(email="unique.person.2@example.org")),
    ):
        keep_raw(store, day(n), said)
        if n == 5:
            derive(store, [day(n)], only=NAMING_USERS)
    derive(store, [day(n) for n in range(4, -1, -1)], only=NAMING_USERS)


@dataclass(frozen=True)
class Forgetting:
    """A lake before and after a person was forgotten, and what that did. Read only: copy it."""

    before: DeltaStore
    after: DeltaStore
    removed: Removed
    warehouse: Path


@pytest.fixture(scope="module")
def forgetting(
    tmp_path_factory: pytest.TempPathFactory, only_filled: Callable[[pytest.MonkeyPatch], None]
) -> Forgetting:
    """The five days, and the person forgotten after them."""
    folder = tmp_path_factory.mktemp("forgetting")
    before = DeltaStore(folder / "before")
    filled(before)
    after, warehouse = copied(before, folder / "after"), folder / "warehouse.duckdb"
    warehouse.write_bytes(b"copies of the star")
    for ending in LEFT_OVERS:  # of a client and of a publication that were killed
        left = folder / f"{warehouse.name}{ending}"
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"copies of the star")
    settings = settings_of(after.root, tmdb_assets_warehouse=warehouse)
    with pytest.MonkeyPatch.context() as patch:
        only_filled(patch)
        removed = forget(after, settings, targets_of(settings), WHO, lambda line: None)
    return Forgetting(before, after, removed, warehouse)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    """Two days on which the person is malformed and then sound, without most of the star. Read only: copy it."""
    store = DeltaStore(tmp_path_factory.mktemp("known") / "lake")
    keep_raw(store, day(1), with_person(created_at="rubbish"))
    keep_raw(store, day(0), with_person())
    derive(store, [day(1), day(0)], only=["fact_listen"])
    return store


def every_byte(folder: Path) -> str:
    """Every file below a folder as text: parquet files column by column, statistics included, all others as they
    are."""
    said = []
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        said.append(file.read_bytes().decode("utf-8", errors="replace"))
        if ".parquet" in file.name:
            said.append(repr(pl.read_parquet(file, hive_partitioning=False).to_dicts()))
    return "\n".join([*said, *[str(p) for p in folder.rglob("*")]])


def traces(folder: Path) -> list[str]:
    text = every_byte(folder).lower()
    return [mark for mark in MARKS if mark.lower() in text]


def test_not_a_byte_of_a_forgotten_person_stays(forgetting: Forgetting) -> None:
    before, after, removed = forgetting.before, forgetting.after, forgetting.removed
    assert set(traces(Path(before.root))) == set(MARKS) - {"987_654_321"}
    assert "quarantine" in {n for n in TABLES if str(WHO) in repr(rows(before, n).to_dicts())}
    went = "The warehouse had copies and was deleted: the asset `warehouse/moovitamix` makes it anew."
    assert removed == Removed(users=1, raw_rows=5 + 2, clean_rows=removed.clean_rows, copies=(went,))
    assert removed.clean_rows > 8
    assert traces(Path(after.root)) == []
    assert list(forgetting.warehouse.parent.glob(f"{forgetting.warehouse.name}*")) == []
    assert rows(after, "forgotten").height == 3, "the id and two e-mails, as keyed hashes"
    assert rows(after, "dim_user")["user_id"].to_list() == [1, 2, 3, 4]


def test_the_lake_is_as_if_the_person_had_only_been_dropped_at_the_door(forgetting: Forgetting, tmp_path: Path) -> None:
    lake = copied(forgetting.after, tmp_path / "lake")
    before = contents(lake)
    derive(lake, [day(n) for n in range(6)], only=NAMING_USERS)
    assert differing(before, contents(lake)) == []
    told = rows(lake, "changes").filter(pl.col("endpoint") == "users").select("date_id", "listed", "forgotten").rows()
    assert told == [(day(n), 4, 0 if n == 2 else 1) for n in (5, 4, 3, 2, 1, 0)]


def test_others_keep_every_state_and_their_pages_can_be_put_together(forgetting: Forgetting) -> None:
    lake = forgetting.after
    for name in ("users", "dim_user", "fact_listen", "listens"):
        kept = rows(forgetting.before, name).filter(pl.col("user_id") != WHO)
        assert kept.height
        assert rows(lake, name).equals(kept), name
    frames = (lake.scan(contracts.PAGES), lake.scan(contracts.LAYOUTS), lake.scan(contracts.RECORDS))
    pages = answers.restored_pages(*frames)
    assert all(answers.content_hash(e, text) == h for _, e, _, h, text in pages.iter_rows())
    noted = pages.filter(pl.col("payload").str.contains('{"forgotten":true}', literal=True))
    assert noted.height == 10, "users and histories of five days"


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6, 7, 8, 10])
@pytest.mark.usefixtures("only_what_is_filled")
def test_a_cut_forgetting_is_finished_by_the_next(
    known: DeltaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    lake = copied(known, tmp_path / "lake")
    assert traces(Path(lake.root))
    overwrite, left = DeltaStore.overwrite, [steps]

    def cut(self: DeltaStore, *arguments: Any) -> Commit:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return overwrite(self, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(DeltaStore, "overwrite", cut)
        forget(lake, settings_of(lake.root), [], WHO, lambda line: None)
    forget(lake, settings_of(lake.root), [], WHO, lambda line: None)
    assert traces(Path(lake.root)) == []


@pytest.mark.usefixtures("only_what_is_filled")
def test_whoever_uses_the_same_email_is_the_same_person(lake: DeltaStore) -> None:
    said = lists(users=[user(1), user(2, email="USER1@example.com"), user(3)], histories=[history(2, 1), history(3, 1)])
    keep_raw(lake, day(0), said)
    derive(lake, [day(0)], only=["fact_listen"])
    assert forget(lake, settings_of(lake.root), [], 1, lambda line: None).users == 2
    assert rows(lake, "dim_user")["user_id"].to_list() == [3]
    assert rows(lake, "fact_listen")["user_id"].to_list() == [3]


@pytest.mark.usefixtures("only_what_is_filled")
def test_a_fetch_under_way_is_waited_for_and_what_it_brings_is_forgotten_too(lake: DeltaStore) -> None:
    keep_raw(lake, day(1), with_person())
    said: list[str] = []
    with ExitStack() as fetch:
        fetch.enter_context(one_fetch_at_a_time(lake, contracts.SOURCE, said.append))

        def log(line: str) -> None:
            said.append(line)
            if len(said) == 1:
                keep_raw(lake, day(0), with_person(last_name="QUUX"))
                fetch.close()

        forget(lake, settings_of(lake.root), [], WHO, log)
    assert "waiting for it to finish" in said[0]
    assert set(rows(lake, "pages")["date_id"]) == {day(0), day(1)}
    assert traces(Path(lake.root)) == []


@pytest.mark.usefixtures("only_what_is_filled")
def test_a_blank_email_is_nobodys(lake: DeltaStore) -> None:
    """Users who state none are not one person, and nobody else's row says nothing of it."""
    blank = [user(1, email="  "), user(2, email="\t"), user(3, email="")]
    said = lists([track(1), track(2, duration="x")], [*blank, user(4)], [history(n, 1) for n in range(1, 5)])
    keep_raw(lake, day(0), said)
    derive(lake, [day(0)], only=["fact_listen"])
    removed = forget(lake, settings_of(lake.root), [], 1, lambda line: None)
    assert (removed.users, removed.raw_rows) == (1, 2)
    assert rows(lake, "dim_user").select("user_id", pl.col("email_hash").is_null()).rows() == [
        (2, True), (3, True), (4, False),
    ]  # fmt: skip
    assert rows(lake, "fact_listen")["user_id"].to_list() == [2, 3, 4]
    assert rows(lake, "quarantine")["origin"].to_list() == [contracts.TRACKS.path]
    assert rows(lake, "forgotten").height == 1, "the id alone"


def test_a_hash_of_a_blank_email_shuts_the_door_to_nobody(lake: DeltaStore) -> None:
    kept = [privacy.keyed_hash(KEY.encode(), *told) for told in (("email", ""), ("email", "jane@example.org"))]
    hashes = pl.DataFrame({"subject_hash": kept, "forgotten_on": TODAY}, schema=contracts.FORGOTTEN.schema)
    lake.append_new(contracts.FORGOTTEN, hashes, {})
    door = privacy.Door(lake, KEY.encode)
    shut = {email: door.is_shut("users", json.dumps(user(5, email=email))) for email in ("", " ", " Jane@example.ORG")}
    assert shut == {"": False, " ": False, " Jane@example.ORG": True}
    assert not door.is_shut("users", json.dumps(user(5, email=None)))


@pytest.mark.usefixtures("only_what_is_filled")
def test_a_forgotten_person_who_is_still_served_is_dropped_at_the_door_and_counted(lake: DeltaStore) -> None:
    with ListServer(with_person()).running() as server:
        observe(lake, server.url, day(1))
        derive(lake, [day(1)], only=["fact_listen"])
    forget(lake, settings_of(lake.root), [], WHO, lambda line: None)
    new_id = with_person(id=WHO + 1)
    new_id["listen_history"][-2]["user_id"] = WHO + 1  # type: ignore[index]  # the lists are ours
    said: list[str] = []
    with ListServer(new_id).running() as server:
        observe(lake, server.url, TODAY, said.append)
        derive(lake, [TODAY], only=["changes", "fact_listen"])
    assert f"moovitamix/raw/pages {TODAY}: 3 rows of forgotten persons are not kept" in said, (
        "by e-mail, by id, and by the id of that e-mail"
    )
    today = rows(lake, "changes").filter(pl.col("date_id") == TODAY)
    assert dict(today.select("endpoint", "forgotten").iter_rows()) == {"users": 1, "tracks": 0, "listen_history": 2}
    assert traces(Path(lake.root)) == []
    assert str(WHO + 1) not in every_byte(Path(lake.root))
    assert rows(lake, "dim_user")["user_id"].to_list() == [1, 2, 3, 4]


@pytest.mark.usefixtures("only_what_is_filled")
def test_nobody_known_changes_nothing(lake: DeltaStore) -> None:
    keep_raw(lake, day(0), a_few())
    derive(lake, [day(0)], only=["fact_listen"])
    versions = {n: lake.version(c) for n, c in TABLES.items()}
    with pytest.raises(NobodyToForget, match="knows no user 77: nothing was changed"):
        forget(lake, settings_of(lake.root), [], 77, lambda line: None)
    assert {n: lake.version(c) for n, c in TABLES.items()} == versions
    forget(lake, settings_of(lake.root), [], 3, lambda line: None)
    forget(lake, settings_of(lake.root), [], 3, lambda line: None)


class Terminal:
    """A terminal at which somebody may be asked."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("only_what_is_filled")
def test_the_command_says_what_it_will_do_and_asks(
    known: DeltaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = copied(known, tmp_path / "lake")
    for name, value in (("LAKE", lake.root), ("TODAY", TODAY.isoformat())):
        monkeypatch.setenv(f"TMDB_ASSETS_{name}", value)
    monkeypatch.setenv("MOOVITAMIX_HASH_KEY", KEY)
    untouched = every_byte(Path(lake.root))
    plan = [
        f"User {WHO} is to be forgotten, in every version of every table of this source:",
        "  4 rows of moovitamix/raw/records",
        "  2 rows of moovitamix/clean/listens",
    ]
    for options, code in ((["--dry-run"], 0), ([], 2)):  # a test has no terminal
        assert main([str(WHO), *options]) == code
        told = capsys.readouterr()
        assert told.out.splitlines()[:3] == plan
        assert "othing was changed" in told.out + told.err
    assert "give YES=1 (make) or --yes" in told.err
    monkeypatch.setattr("sys.stdin", Terminal())
    for answer in ("no", "", "y es"):
        monkeypatch.setattr("builtins.input", lambda asked, answer=answer: answer)
        assert main([str(WHO)]) == 2
    assert every_byte(Path(lake.root)) == untouched
    capsys.readouterr()
    monkeypatch.setattr("builtins.input", lambda asked: " Yes ")
    assert main([f" {WHO}.0 "]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[:3] == plan
    assert "Forgotten: 1 id of one person, 4 raw rows, " in said
    assert not re.search("zzyzx|quux|unique", said, re.IGNORECASE)
    assert main(["123"]) == 1
    assert "forget: The lake" in capsys.readouterr().err
    monkeypatch.setenv("MOOVITAMIX_HASH_KEY", "x")
    assert main([str(WHO)]) == 1
    assert "MOOVITAMIX_HASH_KEY" in capsys.readouterr().err


@pytest.mark.usefixtures("only_what_is_filled")
def test_a_track_of_the_same_number_is_not_taken_for_the_user(lake: DeltaStore) -> None:
    keep_raw(
        lake, day(0), lists([track(1, duration="x"), track(2)], [user(1, updated_at="x"), user(2)], [history(2, 1)])
    )
    derive(lake, [day(0)], only=["fact_listen"])
    assert rows(lake, "quarantine").height == 2
    forget(lake, settings_of(lake.root), [], 1, lambda line: None)
    assert rows(lake, "tracks")["track_id"].to_list() == [1, 2]
    assert rows(lake, "quarantine")["origin"].to_list() == [contracts.TRACKS.path], "a value of the user went with them"
    assert rows(lake, "fact_listen")["track_id"].to_list() == [1]


# -- a lake that is a link ---------------------------------------------------------------------------------------------


def test_the_key_of_a_lake_that_is_a_link_is_found_by_either_name(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "lake").symlink_to("disk")
    linked, plain = (
        settings_of(tmp_path / "lake", moovitamix_hash_key=None),
        settings_of(tmp_path / "disk", moovitamix_hash_key=None),
    )
    assert privacy.hash_key(linked) == privacy.hash_key(plain)
    assert not (tmp_path / "lake.moovitamix_key").exists()


def test_a_key_made_beside_the_link_before_stays_the_one(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    before = privacy.hash_key(settings_of(tmp_path / "lake", moovitamix_hash_key=None))
    (tmp_path / "lake").rename(tmp_path / "disk")
    (tmp_path / "lake").symlink_to("disk")
    assert privacy.hash_key(settings_of(tmp_path / "lake", moovitamix_hash_key=None)) == before
