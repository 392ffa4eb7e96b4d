"""Invented drops as folders: six CSV files a month, which appear complete or not at all.

What belongs here: writing and replacing a month's folder. What does not: what stands in the files (people.py).
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tmdb_assets.sandbox.streamflow.people import Person, Row, last_day, people

SUCCESS = "_SUCCESS"
#: Written into `_SUCCESS`: whoever reads the drop can tell that it is invented.
MARK = "tmdb_assets sandbox"


class FolderError(Exception):
    """A drop that cannot be written. The message names the folder and says why."""


def write_drops(folder: Path, months: Sequence[int], users: int, seed: int) -> Iterator[tuple[Path, int]]:
    """Write the drop of each month; yields its folder and the number of its users once it stands.

    Raises FolderError rather than replace a drop that the sandbox did not write.
    """
    everybody = list(people(users, seed, months[-1]))
    for month in months:
        there = [person for person in everybody if person.is_there(month)]
        target = folder / f"{last_day(month):%Y-%m}"
        _refuse_a_real_drop(target)
        _put(target, {name: _as_csv(rows) for name, rows in files(there, month).items()}, seed)
        yield target, len(there)


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
    mark = target / SUCCESS
    if not (
        target.is_dir() and not target.is_symlink() and mark.is_file() and MARK in mark.read_text(errors="replace")
    ):
        raise FolderError(f"{target} is there and was not written by the sandbox: name another folder with --to.")


def _put(target: Path, contents: dict[str, str], seed: int) -> None:
    """Build the folder beside its place, `_SUCCESS` last, and put it there with one rename.

    A drop that is replaced is away for an instant, never half written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f".{target.name}.{os.getpid()}.new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    for name, text in contents.items():
        (building / name).write_text(text, encoding="utf-8")
    (building / SUCCESS).write_text(f"{MARK}, seed {seed}\n", encoding="utf-8")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    if target.exists():
        target.rename(old)
    building.rename(target)
    shutil.rmtree(old, ignore_errors=True)
