"""A catalogue of recorded answers: what was recorded from /movie/{id} is served as it was, on every day.

What belongs here: reading the recording, and deriving from it what the list pages and the export would have shown. What
does not: any change to a recorded payload. What a payload lacks is written in lists the way TMDB writes "unknown".
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tmdb_assets.sandbox.answers import encode
from tmdb_assets.sandbox.tmdb.catalogue import Change, export_row
from tmdb_assets.sandbox.tmdb.details import PARTS
from tmdb_assets.sandbox.tmdb.lists import Entry, Wanted
from tmdb_assets.sandbox.tmdb.reference import GENRE_NAMES

Payload = dict[str, Any]
_UNKNOWN: Payload = {
    "adult": False, "backdrop_path": None, "genre_ids": [], "id": 0, "title": "", "original_language": "",
    "original_title": "", "overview": "", "popularity": 0.0, "poster_path": None, "release_date": "", "softcore": False,
    "video": False, "vote_average": 0.0, "vote_count": 0,
}  # fmt: skip


class RecordingError(ValueError):
    """A recording that cannot be served; the message names the file, the line and what is wrong."""


class RecordedCatalogue:
    """The films of some JSON-lines files; of several recordings of one film the last wins."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._films: dict[int, Payload] = {}
        for file in files:
            for film in _read(file):
                self._films[film["id"]] = film
        self._encoded: dict[int, tuple[bytes, dict[str, bytes]]] = {}

    def __len__(self) -> int:
        return len(self._films)

    def genres(self) -> list[Payload]:
        """TMDB's genres and whatever else the films name."""
        names = dict(GENRE_NAMES)
        for film in self._films.values():
            for genre in film.get("genres") or []:
                names.setdefault(genre["id"], genre["name"])
        return [{"id": genre_id, "name": name} for genre_id, name in names.items()]

    def listing(self, day: dt.date, wanted: Wanted) -> list[Entry]:
        """The films asked for, in the order asked for; the same on every day."""
        return wanted.choose(self._entries)

    @cached_property
    def _entries(self) -> list[Entry]:
        return sorted(
            (_entry(film) for film in self._films.values()), key=lambda entry: (-entry.popularity, entry.movie_id)
        )

    def details(self, movie_id: int, day: dt.date, parts: Sequence[str]) -> bytes | None:
        """The recorded answer, with those of the parts that were recorded."""
        film = self._films.get(movie_id)
        if film is None:
            return None
        if movie_id not in self._encoded:
            recorded = {part: b',"%s":%s' % (part.encode(), encode(film[part])) for part in PARTS if part in film}
            self._encoded[movie_id] = encode({key: value for key, value in film.items() if key not in PARTS}), recorded
        main, kept = self._encoded[movie_id]
        return b"".join([main[:-1], *(kept[part] for part in parts if part in kept), b"}"])

    def changes(self, first: dt.date, last: dt.date, seen_from: dt.date) -> list[Change]:
        """Nothing: a recording stands still."""
        return []

    def export(self, day: dt.date) -> bytes:
        """The gzipped ID export."""
        return self._export

    @cached_property
    def _export(self) -> bytes:
        rows = [_row(film) for film in self._films.values()]
        lines = [
            export_row(row["id"], row["original_title"], row["popularity"], row["video"])
            for row in rows
            if not row["adult"]
        ]
        return gzip.compress(b"".join(lines), compresslevel=1, mtime=0)

    def truth(self, today: dt.date) -> Payload:
        """Nothing was planted."""
        return {"films": len(self), "breakouts": [], "deleted": [], "quirks": {}}


def _read(file: Path) -> Iterator[Payload]:
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield _film(file, number, line)
    except (OSError, EOFError) as error:
        raise RecordingError(f"The file {file} cannot be read: {error}.") from None


def _film(file: Path, number: int, line: bytes) -> Payload:
    try:
        film = json.loads(line)
    except ValueError as error:
        raise RecordingError(f"The file {file}, line {number}, is not JSON: {error}.") from None
    if not isinstance(film, dict) or type(film.get("id")) is not int:
        raise RecordingError(
            f"The file {file}, line {number}, is not a film: it must be a JSON object with a whole number as id."
        )
    return film


def _row(film: Payload) -> Payload:
    row = {key: unknown if film.get(key) is None else film[key] for key, unknown in _UNKNOWN.items()}
    row["genre_ids"] = [genre["id"] for genre in film.get("genres") or []]
    return row


def _entry(film: Payload) -> Entry:
    row = _row(film)
    body = encode(row)
    return Entry(
        film["id"],
        _number(row["popularity"]),
        int(_number(row["vote_count"])),
        str(row["release_date"]),
        str(row["original_language"]),
        tuple(row["genre_ids"]),
        row["adult"] is True,
        row["video"] is True,
        lambda: int(_number(film.get("revenue"))),
        lambda: body,
    )


def _number(value: Any) -> float:
    """Something to sort by: recorded values may be text, or nothing."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if math.isfinite(number) else 0.0
