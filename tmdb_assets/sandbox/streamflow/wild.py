"""Months as they come on bad days: dropped again and again, wrong at first, spoiled by a correction, right in the end.

What belongs here: what becomes of the six sound files of a month, bytes in, bytes out, and in which order its wordings
follow each other. What does not: folders (folders.py), what stands in the files (people.py).

A month is dropped `WORDINGS` times: twice in a form that cannot be used, then as it is, then twice spoiled (once with
most of its users gone, once in a further form that cannot be used), and at last as it is again, in other words that
mean the same. Nothing is drawn: the forms take turns from month to month, so that six months show them all.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Files = Mapping[str, bytes]
#: The files of a folder; None is a folder in place of a file.
Contents = Mapping[str, bytes | None]

USERS, LABELS = "users.csv", "labels.csv"
FEW = 10  #: one in so many users is left by a correction that loses the others
WORDINGS = 6
_LONG = 200_000


@dataclass(frozen=True, slots=True)
class Wording:
    """One drop of a month. `is_announced`: it has a `_SUCCESS`. `is_sound`: it says what the calm drop says."""

    form: str
    contents: Contents
    is_sound: bool
    is_announced: bool = True


# -- forms that cannot be used, or should not be -----------------------------------------------------------------------


def _pieces(files: Files) -> Contents:
    """Half of the files, the last of them half written: the others are on their way."""
    names = list(files)[: len(files) // 2]
    return {name: files[name] for name in names} | {names[-1]: files[names[-1]][: len(files[names[-1]]) // 2]}


def _folder(files: Files) -> Contents:
    return {**files, LABELS: None}


def _each(change: Callable[[bytes], bytes]) -> Callable[[Files], Contents]:
    return lambda files: {name: change(content) for name, content in files.items()}


def _labels(change: Callable[[bytes], bytes]) -> Callable[[Files], Contents]:
    return lambda files: {**files, LABELS: change(files[LABELS])}


def _lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def _half_of_the_lines(content: bytes) -> bytes:
    return b"".join(_lines(content)[: len(_lines(content)) // 2])


def _quote_too_many(content: bytes) -> bytes:
    """The fourth line has a quotation mark that nothing closes."""
    lines = _lines(content)
    return b"".join([*lines[:3], b'"' + lines[3], *lines[4:]])


def _long_cell(content: bytes) -> bytes:
    lines = _lines(content)
    return b"".join([*lines[:3], lines[3].rstrip(b"\n") + b"x" * _LONG + b"\n", *lines[4:]])


def _words(content: bytes) -> bytes:
    """Every label is a word that nobody knows."""
    header, *lines = _lines(content)
    return header + b"".join(line.split(b",")[0] + b",perhaps\n" for line in lines)


def _few_users(content: bytes) -> bytes:
    header, *lines = _lines(content)
    return header + b"".join(lines[::FEW])


#: Form -> what becomes of the files of a month that nobody should publish in it.
UNUSABLE: Mapping[str, Callable[[Files], Contents]] = {
    "pieces": _pieces,
    "folder": _folder,
    "semicolons": _each(lambda content: content.replace(b",", b";")),
    "tabs": _labels(lambda content: content.replace(b",", b"\t")),
    "cr_only": _each(lambda content: content.replace(b"\n", b"\r")),
    "quote": _labels(_quote_too_many),
    "long_cell": _labels(_long_cell),
    "packed": _labels(lambda content: gzip.compress(content, mtime=0)),
    "bom": _each(lambda content: b"\xef\xbb\xbf" + content),
    "utf16": _labels(lambda content: content.decode().encode("utf-16")),
    "cut": _labels(_half_of_the_lines),
    "cut_in_a_line": _labels(lambda content: content[:-3]),
    "words": _labels(_words),
}

#: Corrections that lose users of a month that stands.
LOSING: Mapping[str, Callable[[Files], Contents]] = {
    "headers_only": _each(lambda content: _lines(content)[0]),
    "few_users": _each(_few_users),
}


# -- forms that mean the same ------------------------------------------------------------------------------------------


def _quoted(content: bytes) -> bytes:
    """Every value in quotation marks; an empty one stays empty."""
    cells = (line.rstrip(b"\n").split(b",") for line in _lines(content))
    return b"".join(b",".join(b'"%s"' % cell if cell else b"" for cell in line) + b"\n" for line in cells)


def _from_the_end(content: bytes) -> bytes:
    header, *lines = _lines(content)
    return b"".join([header, *reversed(lines)])


def _other_columns(content: bytes) -> bytes:
    """The columns from right to left."""
    return b"".join(b",".join(reversed(line.rstrip(b"\n").split(b","))) + b"\n" for line in _lines(content))


def _flags(yes: bytes, no: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(b"True", yes).replace(b"False", no)


#: Form -> what becomes of the files of a month that says the same in it.
THE_SAME: Mapping[str, Callable[[Files], Contents]] = {
    "plain": _each(lambda content: content),
    "crlf": _each(lambda content: content.replace(b"\n", b"\r\n")),
    "quoted": _each(_quoted),
    "from_the_end": _each(_from_the_end),
    "other_columns": _each(_other_columns),
    "flags_upper": _each(_flags(b"TRUE", b"FALSE")),
    "flags_lower": _each(_flags(b"true", b"false")),
    "flags_digits": _each(_flags(b"1", b"0")),
}

FORMS = {**UNUSABLE, **LOSING, **THE_SAME}


def wording(files: Files, form: str) -> Wording:
    """The month in one form."""
    return Wording(form, FORMS[form](files), form in THE_SAME, form != "pieces")


def wordings(month: int) -> list[str]:
    """The forms in which a month is dropped, one after the other."""
    unusable, losing, same = list(UNUSABLE), list(LOSING), list(THE_SAME)
    return [
        unusable[2 * month % len(unusable)],
        unusable[(2 * month + 1) % len(unusable)],
        same[0],
        losing[month % len(losing)],
        unusable[(2 * month + len(unusable) // 2) % len(unusable)],
        same[month % len(same)],
    ]
