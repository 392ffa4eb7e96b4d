"""TMDB's answers as rows of the raw tables.

What belongs here: one function per kind of answer, answer -> frame, with rows that do not fit marked for quarantine.
What does not: asking for them (raw.py), reading more of a payload than a key or a count (clean.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.http import Answer
from tmdb_assets.lakehouse.http.bodies import FILE_AT_MOST, Unpackable, text_of, unpacked
from tmdb_assets.lakehouse.http.pages import Page
from tmdb_assets.lakehouse.payloads import decode, decode_items
from tmdb_assets.lakehouse.payloads.json_text import NotJson, read, write
from tmdb_assets.sources.tmdb import contracts, payloads


def export_rows(answer: Answer, day: dt.date) -> pl.DataFrame:
    """The lines of an ID export as rows of raw/movie_ids, with those that do not fit marked for quarantine.

    Raises BlockedError when the file does not unpack whole, or holds anything but a film a line.
    """
    try:
        text = text_of(unpacked(answer.content, FILE_AT_MOST))
    except Unpackable as error:
        raise BlockedError("extraction_complete", f"The ID export of {day} does not unpack: it is {error}.") from None
    lines = pl.Series("line", [line for line in text.split("\n") if line.strip()], dtype=pl.String)
    if len(lines) and not lines.str.starts_with("{").any():
        said = f"The ID export of {day} is no list of films: it begins with {text[:60]!r}."
        raise BlockedError("extraction_complete", said)
    rows = decode(lines, payloads.ExportedMovie)
    return rows.select(
        date_id=pl.lit(day),
        movie_id="id",
        original_title=_trimmed("original_title"),
        popularity="popularity",
        adult="adult",
        video="video",
        _rejected="_rejected",
        _set_aside="_set_aside",
        _payload=lines,
        _pointer=pl.format("movie_ids_{}.json.gz line {}", pl.lit(f"{day:%m_%d_%Y}"), pl.int_range(1, pl.len() + 1)),
    )


def listed_movies(pages: pl.Series) -> pl.DataFrame:
    """The films on discover pages, in order, one row each; a row that does not fit has `_rejected` set.

    Columns: the fields of payloads.ListedMovie, `_rejected`, `_set_aside`, and those of split_items.
    """
    return decode_items(pages, "results", payloads.ListedMovie)


def shows_figures() -> pl.Expr:
    """Whether a row of listed_movies() names a film that can be, with its popularity and its votes, as the contract has
    it."""
    count = pl.col("vote_count")
    mean = pl.when(count > 0).then("vote_average")
    figures = {"movie_id": pl.col("id"), "popularity": pl.col("popularity"), "vote_count": count, "vote_average": mean}
    kept = [contracts.MOVIE_STATS.holds(name, of=value) for name, value in figures.items()]
    has_votes = (count == 0) | mean.is_not_null()
    return pl.col("_rejected").is_null() & pl.all_horizontal(*kept, has_votes.fill_null(False))


def page_rows(day: dt.date, window: str, pages: Sequence[Page]) -> pl.DataFrame:
    """Pages of a walk, verbatim, as rows of raw/discover_pages."""
    rows = [
        (
            day, window, page.number, page.pass_number, page.total_pages, page.total_items, len(page.items),
            page.answer.status, page.answer.fetched_at, page.answer.text,
        )
        for page in pages
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=contracts.DISCOVER_PAGES.schema, orient="row")


def change_rows(items: Sequence[Any], day: dt.date, first: dt.date, last: dt.date) -> pl.DataFrame:
    """Items of the changes feed as rows of raw/movie_changes; TMDB lists a null id now and then."""
    texts = pl.Series([write(item) for item in items], dtype=pl.String)
    rows = decode(texts, payloads.ChangedMovie)
    return rows.select(
        date_id=pl.lit(day),
        movie_id="id",
        adult="adult",
        changed_from=pl.lit(first),
        changed_to=pl.lit(last),
        _rejected="_rejected",
        _set_aside="_set_aside",
        _payload=texts,
        _pointer=pl.lit(f"movie/changes {first}..{last}"),
    )


def details_rows(day: dt.date, answers: Iterable[Answer]) -> pl.DataFrame:
    """Answers of /movie/{id}, verbatim, as rows of raw/movie_details; a request's key is (movie_id, asked_because)."""
    rows = [
        (day, *answer.request.key, answer.status, answered_id(answer), answer.fetched_at, answer.text)
        for answer in answers
    ]
    return pl.DataFrame(rows, schema=contracts.MOVIE_DETAILS.schema, orient="row")


EXACT_BELOW = 2.0**53  # whole numbers that a float holds exactly

#: A small list may lose so many entries from one day to the next: they hardly ever change.
ENTRIES_LOST_AT_MOST, ENTRIES_FEW = 0.3, 3

#: Path of each small list: where in the answer it stands (None: it is the answer), and the key of each entry.
REFERENCE_KEYS: dict[str, tuple[str | None, str]] = {
    "genre/movie/list": ("genres", "id"),
    "configuration/languages": (None, "iso_639_1"),
    "configuration/countries": (None, "iso_3166_1"),
}


def reference_problem(endpoint: str, body: Any, text: str, before: int) -> str:
    """Why an answer is not the small list that was asked for; nothing when it is: a list of entries that have a key,
    about as many as the one kept `before` had."""
    name, key = REFERENCE_KEYS[endpoint]
    where = f"no list {name!r}" if name else "no list"
    if name is not None:
        body = body.get(name) if isinstance(body, dict) else None
    if not isinstance(body, list):
        return f"the answer has {where} (it begins {text[:60]!r})"
    entries = sum(isinstance(entry, dict) and entry.get(key) is not None for entry in body)
    if not entries:
        return f"the list is empty, or no entry has a {key!r}"
    if before - entries > max(ENTRIES_FEW, ENTRIES_LOST_AT_MOST * before):
        return f"the list has {entries:,} entries with a {key!r} where the one kept before has {before:,}"
    return ""


def reference_entries(endpoint: str, text: str) -> int:
    """Entries that a kept small list has; 0 for one that cannot be read."""
    name, _ = REFERENCE_KEYS[endpoint]
    try:
        body = read(text)
    except NotJson:
        return 0
    found = body.get(name) if name is not None and isinstance(body, dict) else body
    return len(found) if isinstance(found, list) else 0


def id_problem(answer: Answer) -> str:
    """Why an answer with status 200 names no film, in few words."""
    found = answer.json.get("id") if isinstance(answer.json, dict) else None
    return "an answer without an id" if found is None else f"an answer whose id is {write(found)[:60]}"


def answered_id(answer: Answer) -> int | None:
    """Id of the film that answered; None when none did. A whole number may be written 4.0."""
    found = answer.json.get("id") if answer.status == 200 and isinstance(answer.json, dict) else None
    if isinstance(found, float) and found.is_integer() and abs(found) < EXACT_BELOW:
        return int(found)
    return found if type(found) is int else None


def _trimmed(column: str) -> pl.Expr:
    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)
