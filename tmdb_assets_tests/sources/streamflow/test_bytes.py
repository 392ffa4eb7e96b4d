"""Whatever bytes lie in a drop: it is refused in sentences that name a file of it, or every line of it is accounted
for."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.sources.streamflow import cells, contracts, folders
from tmdb_assets.sources.streamflow.drops import Drop, read_drop
from tmdb_assets.sources.streamflow.files import DropFile
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.streamflow.months import FILES, World, as_of, drop, user, write

MONTH = "2024-01"
USERS = range(12)
SOUND = {name: "".join(f"{line}\n" for line in lines).encode() for name, lines in drop(USERS).items()}
#: What is put into a file, or in the place of some of its bytes: of all kinds that have a meaning to somebody.
PIECES = [
    b"", b",", b";", b"\t", b"|", b'"', b'""', b"'", b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\xff", b"\xef\xbb\xbf",
    b"\xc3", "\u00a0".encode(), "\u2028".encode(), "\u0130".encode(), b" ", b"-", b"+", b".", b"1e999", b"9" * 30,
    b"nan",
    b"NULL", b"TRUE", b"false", b"0", b"2024-02-30", b"-0001-01-01", b"x" * 1_001, b"<html>", b"{", b"=1+1",
    b"\x1f\x8b",
    b"PK\x03\x04", b"user_id", user(3).encode(), user(3).lower().encode(), user(90).encode(), b"\x85", b"\x0c", b"\x1c",
]  # fmt: skip
WHOLE: list[Callable[[bytes], bytes]] = [
    lambda content: b"",
    gzip.compress,
    bz2.compress,
    lzma.compress,
    bytes.upper,
    bytes.lower,
    lambda content: content.decode().encode("utf-16"),
    lambda content: content.decode().encode("utf-16-be"),
    lambda content: content.decode().encode("utf-32"),
    lambda content: content.replace(b"\n", b"\r"),
    lambda content: content.replace(b"\n", b"\r\n"),
    lambda content: content.replace(b",", b";"),
    lambda content: content.replace(b",", b", "),
    lambda content: re.sub(rb"([^,\n]+)", rb'"\1"', content),
    lambda content: content * 2,
    lambda content: content.partition(b"\n")[2],
    lambda content: content.partition(b"\n")[0] + b"\n",
    lambda content: b"\n".join(sorted(content.splitlines())) + b"\n",
    lambda content: content[:-1],
]


@cache
def sound() -> Drop:
    """The sound drop, judged once: what is made of it shares what did not change."""
    made = Drop(as_of(MONTH), {name: DropFile(name, content) for name, content in SOUND.items()})
    assert not made.faults
    return made


def with_another(name: str, content: bytes) -> Drop:
    """The sound drop with other bytes in one file."""
    audits = {other: audit for other, audit in sound()._audits.items() if other != name}
    return Drop(as_of(MONTH), {**sound().files, name: DropFile(name, content)}, _audits=audits)


@st.composite
def edits(draw: Any) -> tuple[str, bytes]:
    """A file of a sound drop and what became of it: one to three pieces put in or in place of others, or all of it
    changed."""
    name = draw(st.sampled_from(FILES))
    content = SOUND[name]
    if draw(st.integers(0, 3)) == 0:
        return name, draw(st.sampled_from(WHOLE))(content)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        taken = draw(st.sampled_from([0, 0, 1, 1, 2, 5, 40, 10_000]))
        content = content[:at] + draw(st.sampled_from(PIECES) | st.binary(max_size=3)) + content[at + taken :]
    return name, content


def assert_accounted_or_refused(made: Drop) -> bool:
    """Every line is kept or set aside and every user is there, or sentences name a file of the drop; whether it is
    sound."""
    said = [str(fault) for fault in made.faults]
    for sentence in said:
        assert re.match(r"[a-z_0-9]+\.csv(, line [0-9]+)?(, column \S.*?)?: \S.*\.$", sentence), sentence
        assert sentence.split(".csv")[0] + ".csv" in FILES
        assert sentence.isprintable() and len(sentence) < 600, sentence
    if said:
        return False
    everybody = {cells.user_id(user(n)) for n in USERS}
    for name, file in made.files.items():
        lines = file.content.count(b"\n") - 1
        audit = made.audit(file)
        assert audit.received == len(file.ids) == lines
        assert audit.received == audit.kept.height + audit.quarantined.height
        assert audit.quarantined.height <= lines / 2, "else its rows are mostly broken"
        assert {*file.ids} == {*made.files["users.csv"].ids}
        # a user can only be another one in all six files, so that one file alone has changed none
        assert {*file.ids} == everybody, name
    return True


@examples(80)
@given(edit=edits())
def test_a_drop_of_which_a_file_became_anything_is_refused_by_name_or_accounted_for(edit: tuple[str, bytes]) -> None:
    assert_accounted_or_refused(with_another(*edit))


@examples(30)
@given(content=st.binary(max_size=40) | st.text(max_size=30).map(str.encode), name=st.sampled_from(FILES))
def test_bytes_that_are_no_list_at_all_are_refused(content: bytes, name: str) -> None:
    assert not assert_accounted_or_refused(with_another(name, content))


@examples(5)
@given(several=st.lists(edits(), min_size=1, max_size=3))
def test_a_run_over_any_bytes_ends_with_a_sentence_or_with_all_users(
    fresh_world: Callable[[], World], several: list[tuple[str, bytes]]
) -> None:
    world = fresh_world()
    folder = world.write(MONTH, drop(USERS))
    for name, content in several:
        (folder / name).write_bytes(content)
    try:
        world.run(MONTH, only=["labels_snapshots", "users_snapshots"])
    except BlockedError as error:
        assert str(error).startswith("streamflow/raw/drop_files 2024-01-31: ")  # the one end; the other is below
        assert world.versions()["labels_snapshots"] is None
        return
    received = {row["file"]: row["row_count"] for row in world.rows("drop_files")}
    aside = [r["origin"] for r in world.rows("quarantine") if not r["column_name"]]
    for table in ("labels", "users"):
        kept = len(world.rows(f"{table}_snapshots"))
        assert received[f"{table}.csv"] == kept + aside.count(f"streamflow/clean/{table}_snapshots")


@pytest.mark.parametrize("whole", range(len(WHOLE)))
def test_a_file_that_became_another_as_a_whole_is_one_sentence_or_the_same(whole: int) -> None:
    for name in FILES:
        assert_accounted_or_refused(with_another(name, WHOLE[whole](SOUND[name])))


# -- while it is read --------------------------------------------------------------------------------------------------


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, MONTH, drop(USERS))
    blocks = folders.blocks(folder / "labels.csv")
    next(blocks)
    with (folder / "labels.csv").open("a") as file:
        file.write(f"{user(20)},True\n")
    with pytest.raises(folders.Unreadable, match="it changed while it was read"):
        list(blocks)


def test_a_file_that_is_put_in_the_place_of_another_while_it_is_read_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, MONTH, drop(USERS))
    blocks = folders.blocks(folder / "labels.csv")
    next(blocks)
    (tmp_path / "new").write_bytes(b"x")
    (tmp_path / "new").replace(folder / "labels.csv")
    with pytest.raises(folders.Unreadable, match="it changed while it was read"):
        list(blocks)


def test_a_drop_whose_files_are_of_two_moments_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file was at rest while it was read; the first was replaced before the last one was."""
    folder, read = write(tmp_path, MONTH, drop(USERS)), folders.read

    def replaced_meanwhile(path: Path) -> bytes:
        content = read(path)
        if path.name == "labels.csv":
            (folder / "users.csv").write_bytes(SOUND["users.csv"] * 2)
        return content

    monkeypatch.setattr(folders, "read", replaced_meanwhile)
    assert [str(fault) for fault in read_drop(folder, as_of(MONTH)).faults][:1] == [
        "users.csv: the file changed while the drop was read: it is still being written."
    ]


def test_a_file_too_large_for_a_cell_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "users.csv").open("wb") as file:
        os.ftruncate(file.fileno(), folders.MOST_BYTES + 1)
    with pytest.raises(
        folders.Unreadable, match=r"1,073,741,825 bytes, more than the 1,073,741,824 that a file may have"
    ):
        folders.read(tmp_path / "users.csv")


ODD_FOLDERS: dict[str, Callable[[Path], object]] = {
    "Not a directory": Path.touch,
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "Too many levels of symbolic links": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("reason", ODD_FOLDERS)
def test_a_months_folder_that_is_none_is_that_months_fault_alone(world: World, reason: str) -> None:
    world.write("2024-02", drop(USERS))
    ODD_FOLDERS[reason](world.drops / MONTH)
    with pytest.raises(BlockedError) as raised:
        world.observe(MONTH)
    assert str(raised.value) == (
        f"streamflow/raw/drop_files 2024-01-31: 2024-01: the folder cannot be read ({reason}). Nothing of 2024-01 is "
        "published: drop the month again, corrected."
    )
    world.observe("2024-02")
    assert {row["as_of"] for row in world.rows("drop_files")} == {as_of("2024-02")}


def test_a_linked_folder_of_linked_files_is_a_drop(tmp_path: Path) -> None:
    folder = write(tmp_path / "elsewhere", MONTH, drop(USERS))
    (tmp_path / "linked").mkdir()
    for file in folder.iterdir():
        (tmp_path / "linked" / file.name).symlink_to(file)
    (tmp_path / MONTH).symlink_to("linked")
    assert read_drop(tmp_path / MONTH, as_of(MONTH)).faults == []


def lines_of(limit: int) -> Iterator[str]:
    yield from (f"{n:04d}-ABCDE,{n % 2 == 0}" for n in range(limit))


def test_a_file_without_quotes_and_one_with_them_say_the_same() -> None:
    contract = contracts.SNAPSHOTS["labels"]
    plain = "user_id,churn_label\n" + "".join(f"{line}\n" for line in lines_of(200))
    quoted = re.sub(r"([^,\n]+)", r'"\1"', plain)
    one, other = (cells.typed(text, contract, as_of=as_of(MONTH)).drop("_payload") for text in (plain, quoted))
    assert one.equals(other)
