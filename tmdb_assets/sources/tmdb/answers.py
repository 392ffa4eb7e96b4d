"""TMDB's answers as rows of the raw tables.

What belongs here: one function per kind of answer, answer -> frame, with rows that do not fit marked for quarantine.
What does not: asking for them (raw.py), reading more of a payload than a key or a count (clean.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.bodies import FILE_AT_MOST, Unpackable, text_of, unpacked
from tmdb_assets.lakehouse.extraction import BlockedError
from tmdb_assets.lakehouse.http import Answer
from tmdb_assets.lakehouse.json_text import write
from tmdb_assets.lakehouse.pages import PageWalk
from tmdb_assets.lakehouse.payloads import decode, decode_items
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


def page_rows(day: dt.date, window: str, walk: PageWalk) -> pl.DataFrame:
    """The pages of a walk, verbatim, as rows of raw/discover_pages."""
    rows = [
        (
            day, window, page.number, page.pass_number, page.total_pages, page.total_items, len(page.items),
            page.answer.status, page.answer.fetched_at, page.answer.text,
        )
        for page in walk.pages
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


#: Path of each small list: where in the answer it stands (None: it is the answer), and the key of each entry.
REFERENCE_KEYS: dict[str, tuple[str | None, str]] = {
    "genre/movie/list": ("genres", "id"),
    "configuration/languages": (None, "iso_639_1"),
    "configuration/countries": (None, "iso_3166_1"),
}


def reference_problem(endpoint: str, answer: Answer) -> str:
    """Why an answer is not the small list that was asked for; nothing when it is: a list, with an entry that has a key."""
    name, key = REFERENCE_KEYS[endpoint]
    body = answer.json
    where = f"no list {name!r}" if name else "no list"
    if name is not None:
        body = body.get(name) if isinstance(body, dict) else None
    if not isinstance(body, list):
        return f"the answer has {where} (it begins {answer.text[:60]!r})"
    if not any(isinstance(entry, dict) and entry.get(key) is not None for entry in body):
        return f"the list is empty, or no entry has a {key!r}"
    return ""


def answered_id(answer: Answer) -> int | None:
    """Id of the film that answered; None when none did."""
    found = answer.json.get("id") if answer.status == 200 and isinstance(answer.json, dict) else None
    return found if type(found) is int else None


def _trimmed(column: str) -> pl.Expr:
    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)
