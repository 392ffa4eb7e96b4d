"""The small world of `running()` in this process, calm and wild, and readers that take its answers as they are.

What belongs here: asking and reading. What does not: assertions about answers.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from functools import cache
from typing import Any

from tmdb_assets.sandbox.answers import Answer, Request
from tmdb_assets.sandbox.tmdb import spoiling
from tmdb_assets.sandbox.tmdb.api import TmdbSite
from tmdb_assets.sandbox.tmdb.catalogue import SyntheticCatalogue
from tmdb_assets.sandbox.tmdb.reference import GENRES
from tmdb_assets.sandbox.tmdb.wild import WildSite

TODAY = dt.date(2026, 11, 20)
DAYS = [TODAY - dt.timedelta(days=ago) for ago in range(30)]
DISCOVER, CHANGES = "/3/discover/movie", "/3/movie/changes"
REFERENCE = ("/3/genre/movie/list", "/3/configuration/languages", "/3/configuration/countries")


@cache
def calm() -> TmdbSite:
    """The world of `running()` in this process: habits wrap it and change nothing in it."""
    return TmdbSite(SyntheticCatalogue(400, 7, TODAY), "sandbox", GENRES)


def wild(lasting: int = 1, seed: int = 7, **rates: float) -> WildSite:
    return WildSite(calm(), rates, lasting, seed)


def ask(site: TmdbSite | WildSite, path: str, day: dt.date = TODAY) -> Answer:
    path, _, query = path.partition("?")
    words = dict(word.split("=", 1) for word in query.split("&") if word)
    answer = site.answer(Request(path, words, "Bearer sandbox", day))
    assert answer is not None
    return answer


def film_paths(day: dt.date = TODAY) -> list[str]:
    """The details of every film of a day."""
    return [f"/3/movie/{entry.movie_id}" for entry in calm()._catalogue.entries(day)]


def pages(site: TmdbSite | WildSite, path: str = DISCOVER, day: dt.date = TODAY) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    joint = "&" if "?" in path else "?"
    last = json.loads(ask(calm(), path, day).body)["total_pages"]
    return [json.loads(ask(site, f"{path}{joint}page={page}", day).body)["results"] for page in range(1, last + 1)]


def ids(rows: list[list[dict[str, Any]]]) -> list[int]:
    return [row["id"] for page in rows for row in page]


def export_path(day: dt.date) -> str:
    return f"/p/exports/movie_ids_{day:%m_%d_%Y}.json.gz"


def quirky() -> set[int]:
    return {film for films in calm().truth(TODAY)["quirks"].values() for film in films}


def rows_of(page: bytes) -> list[bytes]:
    """The rows of a list page as they are written. Python's own reader takes what is no JSON, so it finds where they
    end."""
    decoder, text = json.JSONDecoder(), page[page.index(b"[") + 1 :].decode()
    items, at = [], 0
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        items.append(text[at:end].encode())
        at = end + (text[end] == ",")
    return items


def read(body: bytes) -> bytes:
    """The bytes, whatever the headers say of them."""
    while body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    return body.removeprefix(spoiling.BOM)
