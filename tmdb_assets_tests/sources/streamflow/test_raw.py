"""What is kept of a drop: every file as it came, every drop of a month, and what the ledger says of it."""

from __future__ import annotations

import hashlib

import pytest

from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.extraction import NothingToObserve
from tmdb_assets_tests.sources.streamflow.months import FILES, World, as_of, drop

MONTH = "2024-01"
USERS = range(6)


def test_every_file_is_kept_byte_for_byte_with_its_hash(world: World) -> None:
    folder = world.write(MONTH, drop(USERS))
    (folder / "labels.csv").write_bytes((folder / "labels.csv").read_bytes().replace(b"\n", b"\r\n"))
    world.observe(MONTH)
    rows = {row["file"]: row for row in world.rows("drop_files")}
    assert set(rows) == set(FILES)
    for name, row in rows.items():
        content = (folder / name).read_bytes()
        assert row["payload"].encode() == content
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert (row["bytes"], row["row_count"], row["drop_number"]) == (len(content), len(USERS), 1)
        assert row["as_of"] == as_of(MONTH)


def test_the_same_drop_again_is_not_kept_twice(world: World) -> None:
    world.write(MONTH, drop(USERS))
    world.observe(MONTH)
    versions = world.versions()
    world.observe(MONTH)
    assert world.versions() == versions


def test_every_drop_of_a_month_is_kept_and_numbered(world: World) -> None:
    drops = [drop(USERS), drop(USERS, 1), drop(USERS)]
    for files in drops:
        world.write(MONTH, files)
        world.observe(MONTH)
    kept = {(row["drop_number"], row["file"]): row["payload"] for row in world.rows("drop_files")}
    assert len(kept) == 3 * len(FILES)
    for number, files in enumerate(drops, 1):
        assert {name: kept[number, name] for name in FILES} == {
            n: "\n".join(lines) + "\n" for n, lines in files.items()
        }


def test_the_ledger_says_what_a_drop_promised_and_what_came(world: World) -> None:
    world.write(MONTH, drop(USERS))
    world.observe(MONTH)
    ledger = {row["endpoint"]: row for row in world.rows("extraction_ledger")}
    assert set(ledger) == {"drop", *FILES}
    folder = ledger.pop("drop")
    assert (folder["promised_pages"], folder["received_pages"]) == (6, 6)
    for name, row in ledger.items():
        assert (row["promised_pages"], row["received_pages"]) == (1, 1)
        assert (row["promised_ids"], row["received_ids"]) == (len(USERS), len(USERS))
        assert row["bytes"] == (world.drops / MONTH / name).stat().st_size
        assert (row["calls"], row["origin"]) == (0, "real")
        assert row["is_finished"]
        assert row["is_complete"]


def test_a_drop_that_is_gone_leaves_what_was_kept(world: World) -> None:
    folder = world.write(MONTH, drop(USERS))
    world.run(MONTH)
    before = world.contents()
    folder.rename(world.drops / "archived")
    world.run(MONTH)
    assert f"streamflow/raw/drop_files {MONTH}: the drop's folder is gone, what was kept of it stays" in world.log
    assert all(frame.equals(before[table]) for table, frame in world.contents().items())
    assert all(row["is_complete"] for row in world.rows("extraction_ledger"))


def test_a_month_without_a_drop_says_so_and_what_to_do(world: World) -> None:
    with pytest.raises(NothingToObserve) as raised:
        world.observe(MONTH)
    assert str(raised.value) == (
        f"There is no drop of 2024-01: the folder {world.drops / MONTH} does not exist. Put the month's six files "
        "there, or write invented ones with `python -m tmdb_assets.sandbox drops --months 2024-01..2024-01`."
    )
    assert set(world.versions().values()) == {None}


def test_invented_and_real_drops_do_not_meet_in_one_lake(world: World) -> None:
    folder = world.write(MONTH, drop(USERS))
    (folder / "_SUCCESS").write_text("tmdb_assets sandbox, seed 7\n")
    world.observe(MONTH)
    assert {row["origin"] for row in world.rows("extraction_ledger")} == {"sandbox"}
    world.write("2024-02", drop(USERS))
    with pytest.raises(BlockedError, match="holds sandbox data of streamflow, and this run would add real data"):
        world.observe("2024-02")
    assert {row["as_of"] for row in world.rows("drop_files")} == {as_of(MONTH)}
