"""One file of a drop: the text its bytes are, the users it has, and every fault that keeps it from being used by
itself.

What belongs here: what bytes are that are no comma-separated UTF-8 text, and which line breaks the shape of a list,
each in one sentence with file, line and column. What does not: getting at the bytes (folders.py), taking lines apart
and the types of cells (cells.py), what the six files must have in common (drops.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from tmdb_assets.sources.streamflow import cells, contracts

#: No column has a value half as long: a longer one is several lines, or another file, in the place of a value.
MOST_CHARACTERS = 1_000
SHOWN_CHARACTERS = 40

_PLAINLY = "write the file as plain UTF-8"
#: What files begin with that are no text.
_MAGIC = {
    b"\x1f\x8b": "is compressed (gzip): unpack it",
    b"PK\x03\x04": "is a ZIP archive or an Excel workbook: write what it holds as comma-separated text",
    b"PK\x05\x06": "is a ZIP archive without anything in it: write the list as comma-separated text",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook: write it as comma-separated text",
    b"BZh": "is compressed (bzip2): unpack it",
    b"\xfd7zXZ": "is compressed (xz): unpack it",
    b"7z\xbc\xaf": "is a 7z archive: unpack it",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd): unpack it",
    b"PAR1": "is a Parquet file: write it as comma-separated text",
    b"%PDF": "is a PDF: write it as comma-separated text",
    b"SQLite format 3": "is a database: write its table as comma-separated text",
}
_WIDE = {b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_WORD = re.compile(r"[a-z_][a-z0-9_]{0,39}", re.IGNORECASE)


@dataclass(frozen=True)
class Fault:
    """Something that makes a drop unusable. `str()` names the file, and the line and column where there are any.

    `may_be_true`: nothing is wrong with how it is written, but it would take away so much that it is not believed
    unasked.
    """

    file: str
    line: int | None
    column: str | None
    problem: str
    may_be_true: bool = False

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
        if fault := self._not_text() or self._not_lines():
            yield fault
            return
        try:
            first, *rows = cells.values(self.text, strict=True)
        except cells.LineError as error:
            yield self._fault(error.number, self._column(error.place), f"{error.problem}.")
            return
        header = cells.header_of(first)
        if wrong := self._too_long([first, *rows]):
            yield wrong
            return
        yield from self._header_faults(header)
        if wrong := self._first_other_width(header, rows):
            yield wrong
        elif not self.text.endswith("\n"):
            last = min(len(rows[-1] if rows else header), len(header))
            yield self._fault(
                len(rows) + 1, self._column(last), "the line has no end: the file was cut, or is still being written."
            )
        elif "user_id" in header:
            yield from self._user_faults(header.index("user_id"), rows)

    # -- what the bytes are --------------------------------------------------------------------------------------------

    def _not_text(self) -> Fault | None:
        if not self.content:
            return self._fault(None, None, "the file is empty.")
        for start, what in _MAGIC.items():
            if self.content.startswith(start):
                return self._fault(1, "1", f"the file {what}.")
        if wide := self._wide():
            return self._fault(1, "1", f"the file is {wide}: {_PLAINLY}.")
        try:
            self.content.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = self._place(error.start)
            byte = self.content[error.start]
            return self._fault(line, column, f"byte 0x{byte:02x} is not UTF-8: {_PLAINLY}.")
        if self.content.startswith(b"\xef\xbb\xbf"):
            return self._fault(1, "1", f"the file begins with a byte-order mark: {_PLAINLY} without one.")
        if (place := self.content.find(b"\0")) >= 0:
            return self._fault(*self._place(place), "a NUL byte, so it is not UTF-8 text.")
        return None

    def _wide(self) -> str | None:
        """The encoding of text that takes two or four bytes for a letter, with a mark at its begin or without."""
        for mark, name in _WIDE.items():
            if self.content.startswith(mark):
                return name
        start = self.content[:16]
        if len(start) >= 4 and start.count(b"\0") * 2 >= len(start):
            return "UTF-32" if start.count(b"\0") * 4 >= len(start) * 3 - 4 else "UTF-16"
        return None

    def _place(self, byte: int) -> tuple[int, str]:
        """Line and column of a byte; a column beyond the header, or of a header that is no text, by its number."""
        before = self.content[:byte]
        line = before.count(b"\n") + 1
        nth = before.rpartition(b"\n")[2].count(b",") + 1
        return line, self._column(nth) if line > 1 else str(nth)

    def _column(self, nth: int) -> str:
        """The name that the header has for a value of a line, from 1; its number where there is none that can be
        shown."""
        header = re.split(r"[\r\n]", self.text, maxsplit=1)[0].split(",")
        name = header[nth - 1].strip(f'{cells.BLANKS}\r"') if nth <= len(header) else ""
        return name if _WORD.fullmatch(name) else str(nth)

    def _not_lines(self) -> Fault | None:
        """Text that is no list of lines with commas in them."""
        first = self.text.partition("\n")[0]
        start = self.text.lstrip()[:1]
        if start == "<":
            return self._fault(
                1, "1", "the file is a web page (HTML or XML), perhaps of an error: fetch the list anew."
            )
        if start in {"{", "["}:
            return self._fault(1, "1", "the file is JSON: write it as comma-separated text.")
        if (place := self.text.replace("\r\n", "\n").find("\r")) >= 0:
            before = self.text.replace("\r\n", "\n")[:place]
            if "\n" not in self.text:
                problem = "lines end with a carriage return alone (CR): end them with LF or CRLF."
                return self._fault(1, self._column(first.partition("\r")[0].count(",") + 1), problem)
            line, nth = before.count("\n") + 1, before.rpartition("\n")[2].count(",") + 1
            problem = "a carriage return (CR) stands inside the line: end lines with LF or CRLF, all in the same way."
            return self._fault(line, self._column(nth), problem)
        for separator, name in _SEPARATORS.items():
            names = [n.strip(f'{cells.BLANKS}\r"') for n in first.split(separator)]
            if len(names) > 1 and "user_id" in names:
                return self._fault(1, "user_id", f"values are separated by {name}: separate them by commas.")
        return None

    # -- what the lines are --------------------------------------------------------------------------------------------

    def _too_long(self, rows: Sequence[Sequence[str]]) -> Fault | None:
        for line, row in enumerate(rows, 1):
            for place, value in enumerate(row, 1):
                if len(value) > MOST_CHARACTERS:
                    said = f"a value of {len(value):,} characters, where at most {MOST_CHARACTERS:,} can be"
                    return self._fault(line, self._column(place), f"{said}: the file is cut, or no list of users.")
        return None

    def _header_faults(self, header: list[str]) -> Iterator[Fault]:
        wanted = ["user_id", *contracts.COLUMNS[self.table]]
        for name in wanted:
            if name not in header and name not in contracts.OPTIONAL:
                yield self._fault(1, name, "is missing from the header.")
        for place, name in enumerate(header, 1):
            if name not in wanted:
                named = shown(name) or str(place)
                yield self._fault(1, named, f"is not one of the file's columns ({', '.join(wanted)}).")
            elif header.index(name) < place - 1:
                yield self._fault(1, name, "stands in the header twice.")

    def _first_other_width(self, header: list[str], rows: list[list[str]]) -> Fault | None:
        for line, row in enumerate(rows, 2):
            if len(row) == len(header):
                continue
            column = self._column(min(len(row) + 1, len(header)))
            if not "".join(row).strip(cells.BLANKS):
                return self._fault(line, self._column(1), "the line is blank.")
            said = f"{len(row)} values where the header has {len(header)} columns"
            why = "the line is cut or was written wrongly."
            if len(row) > len(header):
                why = f"{why[:-1]}, or a value has a comma in it (as 1,234.50) and no quotation marks around it."
            return self._fault(line, column, f"{said}: {why}")
        return None

    def _user_faults(self, place: int, rows: list[list[str]]) -> Iterator[Fault]:
        first: dict[str, int] = {}
        for line, row in enumerate(rows, 2):
            user = cells.user_id(row[place])
            if not user:
                yield self._fault(line, "user_id", "is empty.")
            elif user in first:
                yield self._fault(line, "user_id", f"{shown(user)} stands in line {first[user]} already.")
            first.setdefault(user, line)


def shown(text: str) -> str:
    """A piece of a file in a sentence: cut when long, and without what would break the line."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:SHOWN_CHARACTERS])
    return plain + ("..." if len(text) > SHOWN_CHARACTERS else "")
