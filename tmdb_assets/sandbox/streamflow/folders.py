"""Invented drops as folders: six CSV files a month, which appear complete or not at all.

What belongs here: writing and replacing a month's folder. What does not: what stands in the files (people.py), what a
bad day makes of them (wild.py).
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tmdb_assets.sandbox.streamflow import wild
from tmdb_assets.sandbox.streamflow.people import Person, Row, last_day, people

SUCCESS = "_SUCCESS"
#: Written into `_SUCCESS`: whoever reads the drop can tell that it is invented.
MARK = "tmdb_assets sandbox"
#: Written into a folder that has no `_SUCCESS` yet, so that the sandbox knows it as its own.
HIDDEN_MARK = ".sandbox"


class FolderError(Exception):
    """A drop that cannot be written. The message names the folder and says why."""


def write_drops(
    folder: Path, months: Sequence[int], users: int, seed: int, form: Callable[[int], str] = lambda month: "plain"
) -> Iterator[tuple[Path, int, str]]:
    """Write the drop of each month in a form; yields its folder, the number of its users and the form once it stands.

    Raises FolderError rather than replace a drop that the sandbox did not write.
    """
    everybody = list(people(users, seed, months[-1]))
    for month in months:
        there = [person for person in everybody if person.is_there(month)]
        target = folder / f"{last_day(month):%Y-%m}"
        _refuse_a_real_drop(target)
        sound = {name: _as_csv(rows).encode() for name, rows in files(there, month).items()}
        _put(target, wild.wording(sound, form(month)), seed)
        yield target, len(there), form(month)


def files(there: Sequence[Person], month: int) -> dict[str, list[Row]]:
    """The lines of each file."""
    return {
        "users.csv": [person.user() for person in there],
        "subscriptions.csv": [person.subscription(month) for person in there],
        "usage_agg_30d.csv": [person.usage(month) for person in there],
        "payments_agg_90d.csv": [person.payments(month) for person in there],
        "support_agg_90d.csv": [person.support(month) for person in there],
        "labels.csv": [{"user_id": person.user_id, "churn_label": person.churns(month)} for person in there],
    }


def _as_csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)  # True, False, and nothing for None
    return text.getvalue()


def _refuse_a_real_drop(target: Path) -> None:
    if not target.exists():
        return
    marks = [target / name for name in (SUCCESS, HIDDEN_MARK)]
    is_marked = any(mark.is_file() and MARK in mark.read_text(errors="replace") for mark in marks)
    if not (target.is_dir() and not target.is_symlink() and is_marked):
        raise FolderError(f"{target} is there and was not written by the sandbox: name another folder with --to.")


def _put(target: Path, wording: wild.Wording, seed: int) -> None:
    """Build the folder beside its place, its mark last, and put it there with one rename.

    A drop that is replaced is away for an instant, never half written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f".{target.name}.{os.getpid()}.new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    for name, content in wording.contents.items():
        if content is None:
            (building / name).mkdir()
        else:
            (building / name).write_bytes(content)
    mark = SUCCESS if wording.is_announced else HIDDEN_MARK
    (building / mark).write_text(f"{MARK}, seed {seed}\n", encoding="utf-8")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    if target.exists():
        target.rename(old)
    building.rename(target)
    shutil.rmtree(old, ignore_errors=True)
