"""Months on bad days: each form is what it says, six months show them all, and the last word means what the calm drop
says."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.sandbox.streamflow import folders, wild
from tmdb_assets.sources.streamflow.drops import Drop, read_drop
from tmdb_assets_tests.sandbox.streamflow.test_drops import AUGUST, FILES, OCTOBER, SEPTEMBER, command

USERS = 40
NAME = "2026-09"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The six files of September 2026."""
    folder = tmp_path_factory.mktemp("sound")
    list(folders.write_drops(folder, [SEPTEMBER], USERS, 7))
    return {name: (folder / NAME / name).read_bytes() for name in FILES}


def dropped(folder: Path, form: str) -> Path:
    list(folders.write_drops(folder, [SEPTEMBER], USERS, 7, lambda month: form))
    return folder / NAME


def read(folder: Path) -> Drop:
    return read_drop(folder, Cadence.MONTH.day(folder.name))


def said(content: bytes) -> list[dict[str, str]]:
    """What a file says: its lines by user, its columns by name, its flags in one spelling."""
    flags = {"TRUE": "True", "true": "True", "1": "True", "FALSE": "False", "false": "False", "0": "False"}
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    named = [
        {
            name: flags.get(value, value)
            if name.startswith(("user_is", "has", "plan", "paper", "add_on", "churn"))
            else value
            for name, value in sorted(row.items())
        }
        for row in rows
    ]
    return sorted(named, key=lambda row: row["user_id"])


@pytest.mark.parametrize("form", wild.THE_SAME)
def test_the_last_word_means_what_the_calm_drop_says(form: str, sound: dict[str, bytes], tmp_path: Path) -> None:
    folder = dropped(tmp_path, form)
    told = {name: (folder / name).read_bytes() for name in FILES}
    assert {name: said(content) for name, content in told.items()} == {n: said(c) for n, c in sound.items()}
    assert (told == sound) == (form == "plain")


@pytest.mark.parametrize("form", wild.UNUSABLE)
def test_a_form_that_cannot_be_used_is_other_than_the_sound_drop(
    form: str, sound: dict[str, bytes], tmp_path: Path
) -> None:
    folder = dropped(tmp_path, form)
    there = {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
    assert there != sound
    assert (folder / folders.SUCCESS).exists() == (form != "pieces")
    for name in FILES if form in {"semicolons", "cr_only", "bom"} else ():
        assert there[name] != sound[name]
    changes = {
        "pieces": list(there) == FILES[:3],
        "folder": (folder / wild.LABELS).is_dir(),
        "packed": gzip.decompress(there.get(wild.LABELS, gzip.compress(b""))) == sound[wild.LABELS]
        if form == "packed"
        else False,
        "semicolons": b"," not in there["users.csv"],
        "tabs": there.get(wild.LABELS, b"").count(b"\t") == sound[wild.LABELS].count(b","),
        "cr_only": b"\n" not in there["users.csv"],
        "quote": there.get(wild.LABELS, b"").count(b'"') == 1,
        "long_cell": len(there.get(wild.LABELS, b"")) > 100_000,
        "bom": there["users.csv"].startswith(b"\xef\xbb\xbf"),
        "utf16": there.get(wild.LABELS, b"")[:2] == b"\xff\xfe",
        "cut": there.get(wild.LABELS, b"").count(b"\n") == sound[wild.LABELS].count(b"\n") // 2,
        "cut_in_a_line": there.get(wild.LABELS, b"") == sound[wild.LABELS][:-3],
        "words": there.get(wild.LABELS, b"").count(b"perhaps") == sound[wild.LABELS].count(b"\n") - 1,
    }
    assert set(changes) == set(wild.UNUSABLE)
    assert [name for name, holds in changes.items() if holds] == [form]


def test_corrections_lose_users_in_all_files_alike(sound: dict[str, bytes], tmp_path: Path) -> None:
    counts = {}
    for form in wild.LOSING:
        drop = read(dropped(tmp_path, form))
        counts[form] = {len(file.content.splitlines()) - 1 for file in drop.files.values()}
    assert counts["headers_only"] == {0}
    assert counts["few_users"] == {-(-(sound[wild.USERS].count(b"\n") - 1) // wild.FEW)}


def test_six_months_show_every_form_and_each_ends_sound() -> None:
    shown: set[str] = set()
    for first in range(80):
        months = [wild.wordings(month) for month in range(first, first + 6)]
        shown |= {form for forms in months for form in forms}
        assert set(wild.UNUSABLE) | set(wild.LOSING) <= {form for forms in months for form in forms}
        for forms in months:
            assert len(forms) == wild.WORDINGS
            assert forms[2] == "plain"
            assert forms[-1] in wild.THE_SAME
            assert len(set(forms) & set(wild.LOSING)) == 1
    assert shown == set(wild.FORMS)


def test_the_command_writes_wording_after_wording_and_any_form(sound: dict[str, bytes], tmp_path: Path) -> None:
    options = ("--users", str(USERS), "--to", str(tmp_path))
    for number in range(1, wild.WORDINGS + 1):
        run = command("--months", "2026-08..2026-10", *options, "--wild", str(number))
        assert (run.returncode, run.stderr) == (0, "")
        forms = [line.rpartition(", ")[2] for line in run.stdout.splitlines()]
        assert forms == [wild.wordings(month)[number - 1] for month in (AUGUST, SEPTEMBER, OCTOBER)]
    assert all(read(tmp_path / name).is_sandbox for name in ("2026-08", "2026-09", "2026-10"))
    run = command("--months", "2026-09", *options, "--form", "headers_only")
    assert run.stdout.endswith("headers_only\n")
    assert (tmp_path / NAME / wild.LABELS).read_bytes() == b"user_id,churn_label\n"
    assert command("--months", "2026-09", *options, "--wild", "7").returncode == 2
    assert command("--months", "2026-09", *options, "--form", "none").returncode == 2
    assert command("--months", "2026-09", *options, "--form", "cut", "--wild").returncode == 2
