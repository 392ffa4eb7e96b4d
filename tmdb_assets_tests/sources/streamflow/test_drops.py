"""Structural faults: each is one clear sentence with file, line and column, and nothing of the month is published."""

from __future__ import annotations

import datetime as dt
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.streamflow.drops import read_drop
from tmdb_assets_tests.sources.streamflow.months import FILES, World, as_of, drop, user, write

MONTH = "2024-01"
USERS = range(6)
LISTED = "users.csv, subscriptions.csv, usage_agg_30d.csv, payments_agg_90d.csv, support_agg_90d.csv, labels.csv"


def change(name: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(edit((folder / name).read_bytes()))

    return apply


def replaced(old: str, new: str, count: int = 1) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), count)

    return edit


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def as_folder(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return apply


def as_link(name: str, target: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return apply


def as_pipe(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return apply


def line(number: int, text: bytes | None) -> Callable[[bytes], bytes]:
    """Puts another line in place of one, or takes it out."""

    def edit(content: bytes) -> bytes:
        lines = content.split(b"\n")
        lines[number - 1 : number] = [] if text is None else [text]
        return b"\n".join(lines)

    return edit


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing file": (without("labels.csv"), f"labels.csv: the file is missing; a drop has {LISTED}."),
    "extra file": (
        lambda folder: (folder / "notes.txt").touch(),
        f"notes.txt: is not a file of a drop, which has {LISTED}: remove it.",
    ),
    "extra folder": (
        lambda folder: (folder / "old").mkdir(),
        f"old: is not a file of a drop, which has {LISTED}: remove it.",
    ),
    "a folder for a file": (
        as_folder("labels.csv"),
        "labels.csv: the file cannot be read (Is a directory).",
    ),
    "empty file": (change("labels.csv", lambda content: b""), "labels.csv: the file is empty."),
    "column missing": (
        change("users.csv", replaced("has_family", "has_kin")),
        "users.csv, line 1, column has_family: is missing from the header.",
    ),
    "column too many": (
        change("labels.csv", lambda content: content.replace(b"\n", b",x\n")),
        "labels.csv, line 1, column x: is not one of the file's columns (user_id, churn_label).",
    ),
    "column twice": (
        change("payments_agg_90d.csv", lambda content: content.replace(b"failed_payments_90d\n", b"user_id\n")),
        "payments_agg_90d.csv, line 1, column failed_payments_90d: is missing from the header.",
    ),
    "no header": (
        change("labels.csv", line(1, None)),
        "labels.csv, line 1, column user_id: is missing from the header.",
    ),
    "not UTF-8": (
        change("subscriptions.csv", line(3, f"{user(1)},1,True,False,Un ann\xe9e,True,1,2,DSL".encode("latin-1"))),
        "subscriptions.csv, line 3, column contract_type: byte 0xe9 is not UTF-8: write the file as plain UTF-8.",
    ),
    "UTF-16": (
        change("labels.csv", lambda content: content.decode().encode("utf-16")),
        "labels.csv, line 1, column 1: the file is UTF-16: write the file as plain UTF-8.",
    ),
    "UTF-16 without a mark": (
        change("labels.csv", lambda content: content.decode().encode("utf-16-le")),
        "labels.csv, line 1, column 1: the file is UTF-16: write the file as plain UTF-8.",
    ),
    "byte-order mark": (
        change("labels.csv", lambda content: b"\xef\xbb\xbf" + content),
        (
            "labels.csv, line 1, column 1: the file begins with a byte-order mark: write the file as plain UTF-8 "
            "without one."
        ),
    ),
    "user twice": (
        change("labels.csv", line(4, f"{user(0)},True".encode())),
        f"labels.csv, line 4, column user_id: {user(0)} stands in line 2 already.",
    ),
    "user without an id": (change("labels.csv", line(4, b",True")), "labels.csv, line 4, column user_id: is empty."),
    "user not in users": (
        change("labels.csv", lambda content: content + f"{user(9)},True\n".encode()),
        f"labels.csv, line 8, column user_id: {user(9)} is not in users.csv.",
    ),
    "several users not in users": (
        change("users.csv", lambda content: b"\n".join(content.split(b"\n")[:2]) + b"\n"),
        f"subscriptions.csv, line 3, column user_id: {user(1)}, {user(2)}, {user(3)} and 2 more are not in users.csv.",
    ),
    "file cut between lines": (
        change("payments_agg_90d.csv", line(7, None)),
        f"payments_agg_90d.csv, column user_id: the file has no line for {user(5)}, which users.csv has in line 7.",
    ),
    "line cut in a value": (
        change("labels.csv", lambda content: content[:-3]),
        "labels.csv, line 7, column churn_label: the line has no end: the file was cut, or is still being written.",
    ),
    "line cut between values": (
        change("usage_agg_30d.csv", lambda content: content[: content.rfind(b",")]),
        "usage_agg_30d.csv, line 7, column rebuffer_events_7d: 5 values where the header has 6 columns: the line "
        "is cut or was written wrongly.",
    ),
    "line with too many values": (
        change("labels.csv", line(3, f"{user(1)},True,x".encode())),
        "labels.csv, line 3, column churn_label: 3 values where the header has 2 columns: the line is cut or was "
        "written wrongly, or a value has a comma in it (as 1,234.50) and no quotation marks around it.",
    ),
    "blank line": (change("labels.csv", line(3, b"")), "labels.csv, line 3, column user_id: the line is blank."),
    "open quote": (
        change("labels.csv", line(3, f'{user(1)},"True'.encode())),
        "labels.csv, line 3, column churn_label: a quotation mark is not closed on its line, or stands inside a value.",
    ),
    "a quotation mark too many": (
        change("labels.csv", line(3, f'{user(1)},True"'.encode())),
        "labels.csv, line 3, column churn_label: a quotation mark too many: it stands inside a value.",
    ),
    "text after a quoted value": (
        change("users.csv", line(3, f'{user(1)},"2022-02-15"x,Male,,,'.encode())),
        "users.csv, line 3, column signup_date: a quotation mark is not closed on its line, or stands inside a value.",
    ),
    "semicolons": (
        change("users.csv", lambda content: content.replace(b",", b";")),
        "users.csv, line 1, column user_id: values are separated by semicolons: separate them by commas.",
    ),
    "tabs": (
        change("labels.csv", lambda content: content.replace(b",", b"\t")),
        "labels.csv, line 1, column user_id: values are separated by tabs: separate them by commas.",
    ),
    "bars": (
        change("labels.csv", lambda content: content.replace(b",", b"|")),
        "labels.csv, line 1, column user_id: values are separated by vertical bars: separate them by commas.",
    ),
    "line ends of CR": (
        change("labels.csv", lambda content: content.replace(b"\n", b"\r")),
        (
            "labels.csv, line 1, column churn_label: lines end with a carriage return alone (CR): end them with LF or "
            "CRLF."
        ),
    ),
    "one line end of CR": (
        change("labels.csv", lambda content: content.replace(b"\n", b"\r", 3).replace(b"\r", b"\n", 2)),
        "labels.csv, line 3, column churn_label: a carriage return (CR) stands inside the line: end lines with LF "
        "or CRLF, all in the same way.",
    ),
    "NUL": (
        change("labels.csv", line(3, f"{user(1)},Tr\0ue".encode())),
        "labels.csv, line 3, column churn_label: a NUL byte, so it is not UTF-8 text.",
    ),
    "a value too long": (
        change("labels.csv", line(3, f"{user(1)},{'x' * 200_000}".encode())),
        "labels.csv, line 3, column churn_label: a value of 200,000 characters, where at most 1,000 can be: the "
        "file is cut, or no list of users.",
    ),
    "a quoted value too long": (
        change("labels.csv", line(3, f'{user(1)},"{"x" * 200_000}"'.encode())),
        "labels.csv, line 3, column churn_label: a value of 200,000 characters, where at most 1,000 can be: the "
        "file is cut, or no list of users.",
    ),
    "gzip": (
        change("labels.csv", gzip.compress),
        "labels.csv, line 1, column 1: the file is compressed (gzip): unpack it.",
    ),
    "a workbook": (
        change("labels.csv", lambda content: b"PK\x03\x04\x14\0\x06\0" + content),
        "labels.csv, line 1, column 1: the file is a ZIP archive or an Excel workbook: write what it holds as "
        "comma-separated text.",
    ),
    "a web page": (
        change("labels.csv", lambda content: b"\n<!DOCTYPE html><html><body>502 Bad Gateway</body></html>\n"),
        "labels.csv, line 1, column 1: the file is a web page (HTML or XML), perhaps of an error: fetch the list anew.",
    ),
    "JSON": (
        change("labels.csv", lambda content: b'{"error": "try later"}\n'),
        "labels.csv, line 1, column 1: the file is JSON: write it as comma-separated text.",
    ),
    "thousands": (
        change("subscriptions.csv", lambda content: content.replace(b",21.5,", b",1,021.5,")),
        "subscriptions.csv, line 3, column net_service: 10 values where the header has 9 columns: the line is cut "
        "or was written wrongly, or a value has a comma in it (as 1,234.50) and no quotation marks around it.",
    ),
    "a user in two spellings": (
        change("labels.csv", line(4, f" {user(0).lower()},True".encode())),
        f"labels.csv, line 4, column user_id: {user(0)} stands in line 2 already.",
    ),
    "a link that leads nowhere": (
        as_link("labels.csv", "nowhere"),
        "labels.csv: the file cannot be read (a link that leads nowhere).",
    ),
    "a link to itself": (
        as_link("labels.csv", "labels.csv"),
        "labels.csv: the file cannot be read (Too many levels of symbolic links).",
    ),
    "a pipe": (as_pipe("labels.csv"), "labels.csv: the file cannot be read (a named pipe)."),
    "a device": (as_link("labels.csv", "/dev/zero"), "labels.csv: the file cannot be read (a device)."),
    "a mark that is a folder": (
        lambda folder: (folder / "_SUCCESS").mkdir(),
        "_SUCCESS: the file cannot be read (Is a directory).",
    ),
    "a name that is no text": (
        lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/n\xe9\n.csv")).touch(),
        f"n\\xe9\\n.csv: is not a file of a drop, which has {LISTED}: remove it.",
    ),
    "all rows of a file break a rule": (
        change("subscriptions.csv", lambda content: content.replace(b"-to-month", b"ly").replace(b" year", b"")),
        "subscriptions.csv, line 2, column contract_type: 6 of 6 rows break a rule, here Monthly: must be one of "
        "Month-to-month, One year, Two year.",
    ),
    "all values of a column break a rule": (
        change("labels.csv", lambda content: content.replace(b"True", b"yes").replace(b"False", b"no")),
        "labels.csv, line 2, column churn_label: 6 of 6 values break the rule, here no: must be True, False or empty.",
    ),
    "the values that there are break a rule": (
        change("labels.csv", lambda content: content.replace(b"True", b"Y").replace(b"False", b"")),
        "labels.csv, line 5, column churn_label: 1 of 1 values break the rule, here Y: must be True, False or empty.",
    ),
}


@pytest.fixture(scope="module")
def december(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world in which a month stands. Read only: copy it."""
    folder = tmp_path_factory.mktemp("december")
    world = World(DeltaStore(folder / "lake"), folder / "drops")
    world.write("2023-12", drop(USERS))
    world.run("2023-12", only=["labels", "users"])
    return world


@pytest.mark.parametrize("name", FAULTS)
def test_a_structural_fault_is_named_and_nothing_of_the_month_is_published(
    december: World, tmp_path: Path, name: str
) -> None:
    damage, sentence = FAULTS[name]
    world = december.copied(tmp_path)
    versions = world.versions()
    assert versions["labels"] is not None, "a month stands"
    damage(world.write(MONTH, drop(USERS, 1)))
    with pytest.raises(BlockedError) as raised:
        world.run(MONTH)
    assert raised.value.check == "extraction_complete"
    said = str(raised.value)
    assert said.startswith(f"streamflow/raw/drop_files 2024-01-31: {sentence}")
    assert said.endswith(f"Nothing of {MONTH} is published: drop the month again, corrected.")
    assert any(sentence in line for line in world.log), "every fault is in the log"
    assert world.versions() == versions
    ledger = [row for row in world.rows("extraction_ledger") if row["date_id"] == as_of(MONTH)]
    assert any(not row["is_complete"] for row in ledger)
    assert not any(row["is_finished"] for row in ledger)


def test_a_corrected_drop_goes_through_after_a_faulty_one(world: World) -> None:
    without("labels.csv")(world.write(MONTH, drop(USERS)))
    with pytest.raises(BlockedError):
        world.run(MONTH)
    world.write(MONTH, drop(USERS))
    world.run(MONTH, only=["labels"])
    assert len(world.rows("labels")) == len(USERS)
    assert all(row["is_complete"] and row["is_finished"] for row in world.rows("extraction_ledger"))


def test_a_faulty_drop_of_a_month_that_stands_leaves_it_standing(world: World) -> None:
    world.write(MONTH, drop(USERS))
    world.run(MONTH)
    before = world.contents()
    change("users.csv", line(3, None))(world.write(MONTH, drop(USERS, 3)))
    with pytest.raises(BlockedError):
        world.run(MONTH)
    assert all(frame.equals(before[table]) for table, frame in world.contents().items())
    assert len(world.rows("drop_files")) == len(FILES)


def test_a_file_whose_rows_mostly_break_a_rule_is_a_structural_fault(world: World) -> None:
    files = drop(range(30))
    files["subscriptions.csv"] = [
        line.replace("True", "yes").replace("False", "no") for line in files["subscriptions.csv"]
    ]
    world.write(MONTH, files)
    with pytest.raises(BlockedError) as raised:
        world.run(MONTH)
    assert (
        "subscriptions.csv, line 2, column paperless_billing: 30 of 30 values break the rule, here yes: must be "
        "True, False or empty." in str(raised.value)
    )
    assert world.versions()["users_snapshots"] is None, "nor are the five files that are right published"


def test_several_faults_are_counted_in_the_sentence_and_all_in_the_log(world: World) -> None:
    folder = world.write(MONTH, drop(USERS))
    without("labels.csv")(folder)
    change("users.csv", line(3, b""))(folder)
    with pytest.raises(BlockedError, match=r"1 more faults are in the log"):
        world.run(MONTH)
    told = [line for line in world.log if line.startswith(f"streamflow/raw/drop_files {MONTH}")]
    assert [line.split(":")[1].split(",")[0].strip() for line in told] == ["labels.csv", "users.csv"]


@pytest.mark.parametrize("name", ["_SUCCESS", ".DS_Store", ".labels.csv.swp"])
def test_marks_and_hidden_files_are_no_fault(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, MONTH, drop(USERS))
    (folder / name).write_bytes(b"")
    assert read_drop(folder, as_of(MONTH)).faults == []


def test_add_on_columns_may_be_there_and_all_or_some_of_them(world: World) -> None:
    files = drop(USERS)
    files["subscriptions.csv"] = [
        line + (",add_on_backup,add_on_security" if n == 0 else [",True,", ",,False"][n % 2])
        for n, line in enumerate(files["subscriptions.csv"])
    ]
    world.write(MONTH, drop(USERS))
    world.write("2024-02", files)
    world.run(MONTH, "2024-02", only=["subscriptions_snapshots"])
    rows = world.rows("subscriptions_snapshots")
    assert {row["add_on_backup"] for row in rows if row["as_of"] == as_of(MONTH)} == {None}
    assert {row["add_on_backup"] for row in rows if row["as_of"] > as_of(MONTH)} == {True, None}
    assert {row["add_on_security"] for row in rows if row["as_of"] > as_of(MONTH)} == {False, None}
    assert {row["add_on_support"] for row in rows} == {None}


def test_a_month_that_is_not_over_is_refused(world: World) -> None:
    world.write("2026-03", drop(USERS))
    with pytest.raises(Exception, match=r"2026-03 is not over \(today is 2026-03-10 UTC\): a month"):
        world.observe("2026-03", today=dt.date(2026, 3, 10))
    world.observe("2026-03", today=dt.date(2026, 3, 31))
    assert len(world.rows("drop_files")) == len(FILES)
