"""A drop: what lies in a month's folder, and every fault that keeps it from being used.

What belongs here: reading the six files as they are, and the structural faults, each with file, line and column. What
does not: the types of cells (cells.py), what is kept of a drop (raw.py), when a drop is complete (arrivals.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.checks import contract_kept
from tmdb_assets.sources.streamflow import cells, contracts

SUCCESS = "_SUCCESS"
#: What the sandbox writes into its `_SUCCESS`: a lake takes invented or real drops, not both.
SANDBOX_MARK = b"tmdb_assets sandbox"
LISTED_AT_MOST = 3


@dataclass(frozen=True)
class Fault:
    """Something that makes a drop unusable. `str()` names the file, and the line and column where there are any."""

    file: str
    line: int | None
    column: str | None
    problem: str

    def __str__(self) -> str:
        places = [f"line {self.line}" if self.line else "", f"column {self.column}" if self.column else ""]
        return ", ".join([self.file, *filter(None, places)]) + f": {self.problem}"


@dataclass(frozen=True)
class DropFile:
    """One file of a drop, as it was read at one moment."""

    name: str
    content: bytes

    @property
    def table(self) -> str:
        """The table it fills."""
        return self.name.removesuffix(".csv")

    @cached_property
    def sha256(self) -> str:
        """Hash of its bytes."""
        return sha256(self.content).hexdigest()

    @cached_property
    def text(self) -> str:
        """Its text; bytes that are not UTF-8 are marked, and a fault."""
        return self.content.decode("utf-8", errors="replace")

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """user_id -> line, of every user the file has; empty when the file cannot be taken apart."""
        if self.faults:
            return {}
        return {user: line for line, user in enumerate(cells.ids(self.text), 2)}

    @cached_property
    def faults(self) -> Sequence[Fault]:
        """What is wrong with the file by itself, the first of each kind of place."""
        return list(self._faults())

    def _fault(self, line: int | None, column: str | None, problem: str) -> Fault:
        return Fault(self.name, line, column, problem)

    def _faults(self) -> Iterator[Fault]:
        if fault := self._not_text():
            yield fault
            return
        try:
            header, *rows = cells.values(self.text)
        except cells.LineError as error:
            yield self._fault(error.number, None, f"{error.problem}.")
            return
        yield from self._header_faults(header)
        if wrong := self._first_other_width(header, rows):
            yield wrong
        elif not self.text.endswith("\n"):
            last = header[min(len(rows[-1] if rows else header), len(header)) - 1]
            yield self._fault(len(rows) + 1, last, "the line has no end: the file was cut, or is still being written.")
        elif "user_id" in header:
            yield from self._user_faults(header.index("user_id"), rows)

    def _not_text(self) -> Fault | None:
        if not self.content:
            return self._fault(None, None, "the file is empty.")
        try:
            self.content.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = self._place(error.start)
            byte = self.content[error.start]
            return self._fault(line, column, f"byte 0x{byte:02x} is not UTF-8: write the file as plain UTF-8.")
        if self.content.startswith(b"\xef\xbb\xbf"):
            return self._fault(1, None, "the file begins with a byte-order mark: write it as plain UTF-8 without one.")
        if (place := self.content.find(b"\0")) >= 0:
            return self._fault(*self._place(place), "a NUL byte, so it is not UTF-8 text.")
        return None

    def _place(self, byte: int) -> tuple[int, str]:
        """Line and column of a byte; a column beyond the header, or of a header that is no text, by its number."""
        before = self.content[:byte]
        line = before.count(b"\n") + 1
        nth = before.rpartition(b"\n")[2].count(b",")
        header = self.content.partition(b"\n")[0].split(b",")
        name = header[nth].strip().decode("ascii", errors="replace") if nth < len(header) else ""
        return line, name if line > 1 and name.isidentifier() else str(nth + 1)

    def _header_faults(self, header: list[str]) -> Iterator[Fault]:
        wanted = ["user_id", *contracts.COLUMNS[self.table]]
        for name in wanted:
            if name not in header and name not in contracts.OPTIONAL:
                yield self._fault(1, name, "is missing from the header.")
        for place, name in enumerate(header, 1):
            if name not in wanted:
                shown = name or str(place)
                yield self._fault(1, shown, f"is not one of the file's columns ({', '.join(wanted)}).")
            elif header.index(name) < place - 1:
                yield self._fault(1, name, "stands in the header twice.")

    def _first_other_width(self, header: list[str], rows: list[list[str]]) -> Fault | None:
        for line, row in enumerate(rows, 2):
            if len(row) == len(header):
                continue
            if row == [""]:
                return self._fault(line, header[0], "the line is blank.")
            column = header[min(len(row), len(header) - 1)]
            said = f"{len(row)} values where the header has {len(header)} columns"
            return self._fault(line, column, f"{said}: the line is cut or was written wrongly.")
        return None

    def _user_faults(self, place: int, rows: list[list[str]]) -> Iterator[Fault]:
        first: dict[str, int] = {}
        for line, row in enumerate(rows, 2):
            user = row[place]
            if not user:
                yield self._fault(line, "user_id", "is empty.")
            elif user in first:
                yield self._fault(line, "user_id", f"{user} stands in line {first[user]} already.")
            first.setdefault(user, line)


@dataclass(frozen=True)
class Drop:
    """What lay in a month's folder when it was read."""

    as_of: dt.date
    files: Mapping[str, DropFile]
    others: Sequence[str] = ()
    unreadable: Sequence[Fault] = ()
    is_sandbox: bool = False

    @cached_property
    def faults(self) -> Sequence[Fault]:
        """Everything that keeps the drop from being used; none when it can be."""
        return [*self._folder_faults(), *self.unreadable, *self._file_faults()]

    def _folder_faults(self) -> Iterator[Fault]:
        listed = ", ".join(contracts.FILES)
        for name in contracts.FILES:
            if name not in self.files and name not in {fault.file for fault in self.unreadable}:
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
        """A file has a line for each user of users.csv and for nobody else: one that lacks some was cut between lines."""
        strange = [user for user in file.ids if user not in users.ids]
        absent = [user for user in users.ids if user not in file.ids]
        if strange:
            problem = f"{_listed(strange)} not in users.csv."
            yield Fault(file.name, file.ids[strange[0]], "user_id", problem)
        if absent:
            where = f"users.csv has in line {users.ids[absent[0]]}" if len(absent) == 1 else "users.csv has"
            yield Fault(file.name, None, "user_id", f"the file has no line for {', '.join(absent[:LISTED_AT_MOST])}"
                        f"{_more(absent)}, which {where}.")  # fmt: skip

    def _mostly_broken(self, file: DropFile) -> Iterator[Fault]:
        """A file of which most rows break a rule is not what it should be: a type has changed."""
        contract = contracts.SNAPSHOTS[file.table]
        rows = cells.typed(file.text, contract, as_of=self.as_of)
        audit = contract.audit(rows.rename({"_line": "_pointer"}).cast({"_pointer": pl.String}))
        kept = contract_kept(contract, [audit])
        if not kept.passed and not kept.warns:
            worst = next(iter(audit.rules))
            first = audit.entries.filter(pl.col("rule").str.contains(worst, literal=True)).row(0, named=True)
            line = int(first["raw_pointer"])
            yield Fault(
                file.name, line, str(first["reason"]).split(" = ")[0], f"{kept.sentence}; here {first['reason']}."
            )


def read_drop(folder: Path, as_of: dt.date) -> Drop:
    """The drop that lies in a folder now. Hidden files and `_SUCCESS` are not part of it."""
    files: dict[str, DropFile] = {}
    unreadable: list[Fault] = []
    for name in contracts.FILES:
        try:
            files[name] = DropFile(name, (folder / name).read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable.append(Fault(name, None, None, f"the file cannot be read ({error.strerror})."))
    mark = folder / SUCCESS
    is_sandbox = mark.is_file() and SANDBOX_MARK in mark.read_bytes()
    return Drop(as_of, files, other_files(folder), unreadable, is_sandbox)


def other_files(folder: Path) -> list[str]:
    """Names in a folder that are no file of a drop."""
    known = {*contracts.FILES, SUCCESS}
    return sorted(path.name for path in folder.iterdir() if path.name not in known and not path.name.startswith("."))


def _listed(users: Sequence[str]) -> str:
    return ", ".join(users[:LISTED_AT_MOST]) + _more(users) + (" is" if len(users) == 1 else " are")


def _more(users: Sequence[str]) -> str:
    left = len(users) - LISTED_AT_MOST
    return f" and {left:,} more" if left > 0 else ""
