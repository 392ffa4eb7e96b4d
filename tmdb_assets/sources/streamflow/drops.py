"""A drop: what lies in a month's folder, and every fault that keeps its six files from being used together.

What belongs here: which files a drop has, and the structural faults of the whole, each with file, line and column. What
does not: what is wrong with a file by itself (files.py), getting at its bytes (folders.py), whether a sound drop can be
believed (doubts.py), what is kept of it (raw.py), when it is complete (arrivals.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.flow.checks import REJECTED_FEW
from tmdb_assets.sources.streamflow import cells, contracts, folders
from tmdb_assets.sources.streamflow.files import DropFile, Fault, shown

SUCCESS = "_SUCCESS"
#: What the sandbox writes into its `_SUCCESS`: a lake takes invented or real drops, not both.
SANDBOX_MARK = b"tmdb_assets sandbox"
LISTED_AT_MOST = 3
#: A file of which more than this share of the rows, or of the values of a column, break a rule is spelled otherwise.
BROKEN_AT_MOST = 0.5
#: Unless these values are but a few: 20, and of a small file a twentieth of its rows. A column that hardly anybody has
#: is no spelling.
FEW_VALUES = 0.05
#: One word in so many cells of a flag, and in this share of them, is another spelling of it.
SLIPS_AT_MOST, SLIPS_SHARE = 5, 0.1


@dataclass(frozen=True)
class Drop:
    """What lay in a month's folder when it was read. `is_sandbox` is None where nobody can tell, and `is_listed` says
    whether the folder itself could be read."""

    as_of: dt.date
    files: Mapping[str, DropFile]
    others: Sequence[str] = ()
    unreadable: Sequence[Fault] = ()
    is_sandbox: bool | None = False
    is_listed: bool = True
    _audits: dict[str, Audit] = field(default_factory=dict, repr=False)

    @cached_property
    def faults(self) -> Sequence[Fault]:
        """Everything that keeps the drop from being used; none when it can be."""
        return [*self._folder_faults(), *self.unreadable, *self._file_faults()]

    def audit(self, file: DropFile) -> Audit:
        """A sound file held to its contract; the pointer of what is set aside is the number of its line."""
        if file.name not in self._audits:
            contract = contracts.SNAPSHOTS[file.table]
            rows = cells.typed(file.text, contract, as_of=self.as_of)
            pointed = rows.rename({"_line": "_pointer"}).cast({"_pointer": pl.String})
            self._audits[file.name] = Audit.of(contract, pointed)
        return self._audits[file.name]

    def _folder_faults(self) -> Iterator[Fault]:
        listed = ", ".join(contracts.FILES)
        found = {*self.files, *(fault.file for fault in self.unreadable)}
        for name in contracts.FILES if self.is_listed else ():
            if name not in found:
                yield Fault(name, None, None, f"the file is missing; a drop has {listed}.")
        for name in self.others:
            yield Fault(name, None, None, f"is not a file of a drop, which has {listed}: remove it.")

    def _file_faults(self) -> Iterator[Fault]:
        for file in self.files.values():
            yield from file.faults
        users = self.files.get("users.csv")
        if users is None or users.faults:
            return
        for file in self.files.values():
            if not file.faults:
                yield from self._other_users(users, file) if file is not users else ()
                yield from self._mostly_broken(file)

    def _other_users(self, users: DropFile, file: DropFile) -> Iterator[Fault]:
        """A file has a line for each user of users.csv and for nobody else: one that lacks some was cut between
        lines."""
        strange = [user for user in file.ids if user not in users.ids]
        absent = [user for user in users.ids if user not in file.ids]
        if strange:
            problem = f"{_listed(strange)} not in users.csv."
            yield Fault(file.name, file.ids[strange[0]], "user_id", problem)
        if absent:
            where = f"users.csv has in line {users.ids[absent[0]]}" if len(absent) == 1 else "users.csv has"
            names = ", ".join(map(shown, absent[:LISTED_AT_MOST]))
            yield Fault(file.name, None, "user_id", f"the file has no line for {names}{_more(absent)}, which {where}.")

    def _mostly_broken(self, file: DropFile) -> Iterator[Fault]:
        """A file of which most rows, or most values of a column, break a rule is not what it should be: a type has
        changed, or it is spelled otherwise. Set aside one by one they would be published as unknown, and nobody would
        see."""
        audit = self.audit(file)
        bad, received = audit.quarantined.height, audit.received
        if bad > BROKEN_AT_MOST * received:
            of_rows = audit.rejections.filter("is_of_row")
            rules = of_rows.group_by("column", "rule").len()
            worst = rules.sort("len", "column", "rule", descending=[True, False, False]).head(1)
            of_it = of_rows.join(worst, on=["column", "rule"], how="semi")
            yield _broken(file, f"{bad:,} of {received:,} rows break a rule", of_it)
            return
        for column, lost in sorted(audit.lost.items(), key=lambda item: (-item[1], item[0])):
            given = audit.kept.get_column(column).count() + lost
            is_spelling = lost > min(REJECTED_FEW, FEW_VALUES * received) and lost > BROKEN_AT_MOST * given
            is_spelling = is_spelling or self._is_another_spelling(file, column, audit, given)
            if is_spelling or bad + lost > BROKEN_AT_MOST * received:
                of_it = audit.rejections.filter(~pl.col("is_of_row"), pl.col("column") == column)
                yield _broken(file, f"{lost:,} of {given:,} values break the rule", of_it)

    def _is_another_spelling(self, file: DropFile, column: str, audit: Audit, given: int) -> bool:
        """Whether one and the same word stands for a flag in many rows: `yes` beside `False` is a value, not a slip."""
        if contracts.SNAPSHOTS[file.table].schema[column] != pl.Boolean:
            return False
        words = audit.values.filter(pl.col("column_name") == column).get_column("value").value_counts()
        most = int(words.get_column("count").max() or 0)  # type: ignore[arg-type]  # a column of integers
        return most > SLIPS_AT_MOST and most > SLIPS_SHARE * given


def _broken(file: DropFile, said: str, rejections: pl.DataFrame) -> Fault:
    """The first line of these is shown."""
    first = rejections.sort(pl.col("raw_pointer").cast(pl.Int64)).row(0, named=True)
    problem = f"{said}, here {shown(first['value'])}: {first['rule']}."
    return Fault(file.name, int(first["raw_pointer"]), first["column"], problem)


def read_drop(folder: Path, as_of: dt.date) -> Drop:
    """The drop that lies in a folder now. Hidden files and `_SUCCESS` are not part of it.

    Nothing that may lie there raises: what cannot be read, or changes meanwhile, is a fault.
    """
    try:
        items = folders.items(folder)
    except folders.Unreadable as error:
        fault = Fault(folder.name, None, None, f"the folder cannot be read ({error}).")
        return Drop(as_of, {}, unreadable=[fault], is_sandbox=None, is_listed=False)
    files: dict[str, DropFile] = {}
    unreadable: list[Fault] = []
    contents: dict[str, bytes] = {}
    for name in [*contracts.FILES, SUCCESS]:
        if name not in items:
            continue
        try:
            contents[name] = folders.read(items[name].path)
        except folders.Unreadable as error:
            unreadable.append(Fault(name, None, None, f"the file cannot be read ({error})."))
    files = {name: DropFile(name, content) for name, content in contents.items() if name != SUCCESS}
    moved = changed(folder, items)
    unreadable += [
        Fault(name, None, None, "the file changed while the drop was read: it is still being written.")
        for name in moved
        if name in items and name not in {fault.file for fault in unreadable}
    ]
    is_told = SUCCESS in contents or SUCCESS not in items
    is_sandbox = SANDBOX_MARK in contents.get(SUCCESS, b"") if is_told else None
    return Drop(as_of, files, other_files(items), unreadable, is_sandbox)


def changed(folder: Path, before: Mapping[str, folders.Item]) -> list[str]:
    """Names of what is not there any more, or not as it was before. Other files that came are news, and no change."""
    try:
        now = folders.items(folder)
    except folders.Unreadable:
        return list(before)
    return [name for name, item in before.items() if now.get(name) != item]


def other_files(items: Collection[str]) -> list[str]:
    """Those of some names that are no file of a drop."""
    return sorted({*items} - {*contracts.FILES, SUCCESS})


def _listed(users: Sequence[str]) -> str:
    names = ", ".join(map(shown, users[:LISTED_AT_MOST]))
    return names + _more(users) + (" is" if len(users) == 1 else " are")


def _more(users: Sequence[str]) -> str:
    left = len(users) - LISTED_AT_MOST
    return f" and {left:,} more" if left > 0 else ""
