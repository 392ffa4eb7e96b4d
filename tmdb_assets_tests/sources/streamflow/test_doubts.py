"""Drops that are well formed and would take most of a month away: refused in one sentence, let through by the
setting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.streamflow import contracts, doubts
from tmdb_assets_tests.sources.streamflow.months import FILES, HEADERS, Files, World, drop

JAN, FEB = "2024-01", "2024-02"
USERS = range(40)
LET_THROUGH = "if it is true, run the month with TMDB_ASSETS_ALLOW_MASS_DELETE=1."
HEADERS_ONLY: Files = {name: [header] for name, header in HEADERS.items()}


def emptied(users: Iterable[int], name: str, column: str, but: int = 0, month: int = 0) -> Files:
    """A drop in which only the first `but` lines of a file have a value of the column."""
    files = drop(users, month)
    place = files[name][0].split(",").index(column)
    for n, line in enumerate(files[name][1:], 1):
        cells = line.split(",")
        cells[place] = cells[place] if n <= but else ""
        files[name][n] = ",".join(cells)
    return files


def refused(world: World, month: str, files: Files) -> str:
    """The sentence with which a drop is refused, once everything was seen to be as it was."""
    world.write(month, files)
    versions = world.versions()
    with pytest.raises(BlockedError) as raised:
        world.run(month)
    assert raised.value.check == "extraction_complete"
    assert world.versions() == versions
    return str(raised.value)


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world in which January stands with 40 users. Read only: copy it."""
    folder = tmp_path_factory.mktemp("january")
    world = World(DeltaStore(folder / "lake"), folder / "drops")
    world.write(JAN, drop(USERS))
    world.run(JAN, only=["training_set", *contracts.COLUMNS])
    return world


DOUBTS: dict[str, tuple[str, Files, str]] = {
    "a correction of headers only": (
        JAN,
        HEADERS_ONLY,
        (
            "users.csv, line 1: the files have a header and no users: nobody is left of 2024-01, and 40 users are "
            "kept of it."
        ),
    ),
    "a first drop of headers only": (
        FEB,
        HEADERS_ONLY,
        "users.csv, line 1: the files have a header and no users: nobody is left of 2024-02.",
    ),
    "a correction that removes most users": (
        JAN,
        drop(range(19)),
        "users.csv, column user_id: the file lacks 21 of the 40 users kept of 2024-01.",
    ),
    "a correction without the values of a column": (
        JAN,
        emptied(USERS, "usage_agg_30d.csv", "watch_hours_30d", but=19),
        "usage_agg_30d.csv, column watch_hours_30d: 21 of the 40 values kept of 2024-01 would become unknown.",
    ),
    "a correction without labels": (
        JAN,
        emptied(USERS, "labels.csv", "churn_label"),
        "labels.csv, column churn_label: 40 of the 40 values kept of 2024-01 would become unknown.",
    ),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_what_would_take_most_away_is_refused_and_what_was_published_stays(
    january: World, tmp_path: Path, name: str
) -> None:
    month, files, sentence = DOUBTS[name]
    world = january.copied(tmp_path)
    said = refused(world, month, files)
    day = {JAN: "2024-01-31", FEB: "2024-02-29"}[month]
    assert said == (
        f"streamflow/raw/drop_files {day}: {sentence} Nothing of {month} is published: drop the month again, "
        f"corrected; {LET_THROUGH}"
    )


@pytest.mark.parametrize("name", ["a correction of headers only", "a correction that removes most users"])
def test_what_is_true_is_let_through_once_and_stays_so(january: World, tmp_path: Path, name: str) -> None:
    month, files, sentence = DOUBTS[name]
    world = january.copied(tmp_path)
    refused(world, month, files)
    world.allows_mass_delete = True
    some = ["labels_snapshots", "labels", "training_set"]
    world.run(month, only=some)
    left = len(files["users.csv"]) - 1
    assert [len(world.rows(table)) for table in some] == [left] * 3
    assert (
        f"streamflow/raw/drop_files {month}: {sentence} It is let through by TMDB_ASSETS_ALLOW_MASS_DELETE=1."
        in world.log
    )
    world.allows_mass_delete = False
    versions = world.versions()
    world.run(month, only=some)
    assert world.versions() == versions, "what was let through is what is kept: there is nothing to ask again"
    world.write(month, drop(USERS))
    world.run(month, only=["labels"])
    assert len(world.rows("labels")) == 40, "and it can be taken back"


SOUND: dict[str, tuple[str, Files]] = {
    "a correction that removes half of the users": (JAN, drop(range(20))),
    "a correction without half of the values": (JAN, emptied(USERS, "labels.csv", "churn_label", but=20)),
    "a first drop without labels, which are not known yet": (FEB, emptied(USERS, "labels.csv", "churn_label", month=1)),
    "a month that has few of the users of the month before": (FEB, drop(range(37, 45), 1)),
    "a correction that has many more users": (JAN, drop(range(19, 90))),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_takes_less_away_is_published(january: World, tmp_path: Path, name: str) -> None:
    month, files = SOUND[name]
    world = january.copied(tmp_path)
    world.write(month, files)
    world.run(month, only=["users"])
    assert sum(row["as_of"].month == int(month[-2:]) for row in world.rows("users_snapshots")) == (
        len(files["users.csv"]) - 1
    )


@pytest.mark.parametrize(
    ("lost", "of", "are_most"),
    [(3, 3, False), (4, 4, True), (3, 5, False), (4, 7, True), (4, 8, False), (5, 8, True), (20, 40, False),
     (21, 40, True)],
)  # fmt: skip
def test_most_is_more_than_half_and_more_than_three(lost: int, of: int, are_most: bool) -> None:
    assert doubts._are_most(lost, of) == are_most


def test_of_a_handful_of_users_three_may_go(world: World) -> None:
    world.write(JAN, drop(range(4)))
    world.observe(JAN)
    world.write(JAN, drop(range(1)))
    world.observe(JAN)
    world.write(JAN, HEADERS_ONLY)
    with pytest.raises(BlockedError, match="and 1 user is kept of it"):
        world.observe(JAN)


def test_add_ons_that_a_month_had_do_not_vanish_unseen(world: World) -> None:
    files = drop(USERS)
    files["subscriptions.csv"] = [
        line + (",add_on_backup" if n == 0 else ",True") for n, line in enumerate(files["subscriptions.csv"])
    ]
    world.write(JAN, files)
    world.run(JAN, only=["subscriptions"])
    assert refused(world, JAN, drop(USERS)).startswith(
        "streamflow/raw/drop_files 2024-01-31: subscriptions.csv, column add_on_backup: 40 of the 40 values kept"
    )


@pytest.mark.parametrize(
    ("spell", "is_read"),
    [
        (str.upper, True),
        (str.lower, True),
        (lambda flag: str(int(flag == "True")), True),
        (lambda flag: f"{flag == 'True':.1f}", True),
        (lambda flag: f" {flag}\t", True),
        (lambda flag: {"True": "yes", "False": "no"}[flag], False),
        (lambda flag: flag[0], False),
        (lambda flag: {"True": "vrai", "False": "faux"}[flag], False),
    ],
)  # fmt: skip
def test_a_correction_whose_labels_are_all_spelled_otherwise_is_read_or_refused(
    january: World, tmp_path: Path, spell: Callable[[str], str], is_read: bool
) -> None:
    world, files = january.copied(tmp_path), drop(USERS)
    before = world.frame("labels")
    files["labels.csv"] = [re.sub("True|False", lambda m: spell(m[0]), line) for line in files["labels.csv"]]
    world.write(JAN, files)
    if is_read:
        world.run(JAN, only=["labels"])
        assert world.frame("labels").equals(before)
        assert world.rows("quarantine") == []
        return
    said = refused(world, JAN, files)
    assert "labels.csv, line 2, column churn_label: 40 of 40 values break the rule, here" in said
    assert LET_THROUGH not in said, "a spelling is no question of belief"


def test_one_word_for_a_third_of_the_labels_is_a_spelling_too(world: World) -> None:
    files = drop(USERS)
    files["labels.csv"] = [
        re.sub("True|False", "yes" if n % 3 == 0 else "False", line) for n, line in enumerate(files["labels.csv"])
    ]
    said = refused(world, JAN, files)
    assert "labels.csv, line 4, column churn_label: 13 of 40 values break the rule, here yes" in said


@pytest.mark.parametrize("users", [1, 2, 12, 40])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_says_nothing_right_is_refused_however_small(world: World, users: int, name: str) -> None:
    files = drop(range(users))
    files[name] = [files[name][0], *(line.split(",")[0] + ",?" * line.count(",") for line in files[name][1:])]
    world.write(JAN, files)
    with pytest.raises(
        BlockedError, match=rf"{name}, line 2, column \w+: {users} of {users} .* break (a|the) rule, here \?: "
    ):
        world.observe(JAN)


def test_what_an_older_version_published_empty_heals_by_the_same_drop(world: World) -> None:
    """Labels written `TRUE` were once set aside, each of them: the drop is kept, and read as what it says from now
    on."""
    files = drop(range(12))
    files["labels.csv"] = [line.replace("True", "TRUE").replace("False", "FALSE") for line in files["labels.csv"]]
    world.write(JAN, files)
    world.run(JAN, only=["labels"])
    assert world.frame("labels").get_column("churn_label").null_count() == 0
    assert world.frame("drop_files").filter(pl.col("file") == "labels.csv").item(0, "payload").count("TRUE") == 3
