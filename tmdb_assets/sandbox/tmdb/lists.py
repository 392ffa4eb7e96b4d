"""What a list of films is asked for, and what it shows.

What belongs here: reading a question of /discover/movie, choosing and ordering films that are there one by one. What
does not: pages (api.py), and choosing among a million films at once (wide.py).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = Callable[[], bytes]


class Listed(Protocol):
    """A film on a page."""

    @property
    def movie_id(self) -> int:
        """Its id."""

    @property
    def row(self) -> Row:
        """Writes its row."""


class Listing(Protocol):
    """The films that a question gets, in its order."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: slice, /) -> Sequence[Listed]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A film as the lists of a day see it: what they sort and filter by, and how to write its row."""

    movie_id: int
    popularity: float
    vote_count: int
    release_date: str
    language: str
    genre_ids: tuple[int, ...]
    adult: bool
    video: bool
    revenue: Callable[[], int]
    row: Row


_SORTS: dict[str, Callable[[Entry], Any]] = {
    "popularity.asc": lambda entry: (entry.popularity, entry.movie_id),
    "vote_count.desc": lambda entry: (-entry.vote_count, entry.movie_id),
    "revenue.desc": lambda entry: (-entry.revenue(), entry.movie_id),
    "primary_release_date.asc": lambda entry: (not entry.release_date, entry.release_date, entry.movie_id),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a discover request asks for; equal questions are equal."""

    adult: bool
    video: bool
    after: str
    """The first release date, "" for any; the same of `before`, the last one."""
    before: str
    votes: int
    language: str
    genres: frozenset[int]
    any_genre: bool
    """Whether one of the genres is enough."""
    sort: str

    @staticmethod
    def read(query: Mapping[str, str]) -> Wanted:
        """The question of a query. Raises ValueError for what TMDB answers with 422."""
        bounds = [
            read_date(query, f"{name}.{side}")
            for side in ("gte", "lte")
            for name in ("primary_release_date", "release_date")
        ]
        texts = [bound.isoformat() if bound else "" for bound in bounds]
        genres = query.get("with_genres", "")
        return Wanted(
            adult=query.get("include_adult") == "true",
            video=query.get("include_video") == "true",
            after=max(texts[:2]),
            before=min([text for text in texts[2:] if text], default=""),
            votes=int(query.get("vote_count.gte") or 0),
            language=query.get("with_original_language", ""),
            genres=frozenset(int(genre) for genre in re.split(r"[,|]", genres) if genre),
            any_genre="|" in genres,
            sort=query.get("sort_by", "popularity.desc"),
        )

    def choose(self, entries: list[Entry]) -> list[Entry]:
        """The entries asked for, in the order asked for; they come most popular first."""
        found = [entry for entry in entries if self._fits(entry)]
        if self.sort == "primary_release_date.desc":
            return sorted(found, key=lambda entry: (entry.release_date, -entry.movie_id), reverse=True)
        key = _SORTS.get(self.sort)
        return sorted(found, key=key) if key else found

    def fits_genres(self, genre_ids: tuple[int, ...]) -> bool:
        """Whether a film of those genres is asked for."""
        has = self.genres.intersection(genre_ids)
        return bool(has) if self.any_genre else has == self.genres

    def _fits(self, entry: Entry) -> bool:
        if (entry.adult and not self.adult) or (entry.video and not self.video) or entry.vote_count < self.votes:
            return False
        if (self.after or self.before) and not entry.release_date:
            return False
        if entry.release_date < self.after or (self.before and entry.release_date > self.before):
            return False
        if self.language and entry.language != self.language:
            return False
        return self.fits_genres(entry.genre_ids)


def read_date(query: Mapping[str, str], name: str) -> dt.date | None:
    """The date that a parameter names, if it does. Raises ValueError for one that is none."""
    text = query.get(name, "")
    if text and not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(f"{name} is not a date: {text}")
    return dt.date.fromisoformat(text) if text else None
