"""Lakes to measure on: raw tables filled with films, without asking anybody.

What belongs here: films as TMDB would answer them (recorded ones if TMDB_ASSETS_REAL_DATA names their folder, else the
sandbox's), raw tables made of them, and the derived stages run in their order.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Stage
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.http import Http, Request
from tmdb_assets.lakehouse.http.pages import walk_pages
from tmdb_assets.lakehouse.payloads import decode
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts, payloads
from tmdb_assets.sources.tmdb.assets import derived_tables
from tmdb_assets.sources.tmdb.details import APPENDED
from tmdb_assets.sources.tmdb.star import dim_date

NOON = dt.time(12, tzinfo=dt.UTC)
GENRES = {"genres": [{"id": 18, "name": "Drama"}]}


@contextmanager
def sandbox(*options: str) -> Iterator[str]:
    """A sandbox server; yields its URL."""
    command = [sys.executable, "-m", "tmdb_assets.sandbox", "serve", "--exit-with-stdin", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def films(count: int) -> tuple[list[dict[str, Any]], str]:
    """`count` films with full credits, each with an id of its own, and where they come from."""
    folder = os.environ.get("TMDB_ASSETS_REAL_DATA")
    if folder:
        with gzip.open(Path(folder) / "tmdb" / "movies_2017.jsonl.gz", "rt", encoding="utf-8") as lines:
            known, origin = [json.loads(line) for line in lines], "recorded films"
    else:
        known, origin = _invented(min(count, 2000)), "the sandbox's films"
    repeated = [dict(known[n % len(known)]) for n in range(count)]
    for number, film in enumerate(repeated):
        film["id"] = number + 1
    return repeated, f"{len(known)} {origin}, repeated to {count}"


def _invented(count: int) -> list[dict[str, Any]]:
    with sandbox("--films", str(count)) as url, Http(url, headers={"Authorization": "Bearer sandbox"}) as http:
        listed = walk_pages(http, "3/discover/movie", {}, endpoint="discover/movie")
        ids = [film["id"] for page in listed.pages for film in page.items]
        asked = (Request(f"3/movie/{i}", {"append_to_response": APPENDED}) for i in ids)
        answers = list(http.get_many(asked, endpoint="movie/{id}"))
    # the floor of benchmark a. decodes them without looking: what does not fit its column would stop it
    read = decode(pl.Series([answer.text for answer in answers], dtype=pl.String), payloads.Movie)
    fits = read.select(pl.col("_rejected").is_null() & pl.col("_set_aside").is_null()).to_series()
    return [answer.json for answer, is_sound in zip(answers, fits, strict=True) if is_sound]


def fill_raw(
    store: DeltaStore,
    days: Sequence[dt.date],
    listed: Sequence[dict[str, Any]],
    detailed: Callable[[int], Sequence[dict[str, Any]]],
) -> None:
    """Raw tables for some days: every film on list pages and in the export, `detailed(n)` with details on the n-th
    day."""
    texts = {id(film): json.dumps(film, ensure_ascii=False) for film in listed}
    for number, day in enumerate(days):
        asked = detailed(number)
        at = dt.datetime.combine(day, NOON)
        rows = [(day, f["id"], "stale", 200, f["id"], at, texts[id(f)]) for f in asked]
        _keep(store, contracts.MOVIE_DETAILS, rows, day)
        _keep(
            store,
            contracts.MOVIE_IDS,
            [(day, f["id"], f["original_title"], _popularity(f, number), False, False) for f in listed],
            day,
        )
        pages = [listed[i : i + 20] for i in range(0, len(listed), 20)]
        bodies = [
            json.dumps({"page": n, "results": [_row(f, number) for f in page]}) for n, page in enumerate(pages, 1)
        ]
        _keep(
            store,
            contracts.DISCOVER_PAGES,
            [
                (day, "popularity", n, 1, len(pages), len(listed), len(pages[n - 1]), 200, at, body)
                for n, body in enumerate(bodies, 1)
            ],
            day,
        )
        lists = {"genre/movie/list": GENRES, "configuration/languages": [], "configuration/countries": []}
        _keep(store, contracts.REFERENCE, [(day, name, at, json.dumps(body)) for name, body in lists.items()], day)


@contextmanager
def fresh_lake(filled: str) -> Iterator[str]:
    """A lake with the raw tables of another one and nothing else, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / contracts.SOURCE
        raw.mkdir()
        (raw / "raw").symlink_to(Path(filled) / contracts.SOURCE / "raw")
        yield folder


def _keep(store: DeltaStore, contract: Any, rows: Sequence[tuple[Any, ...]], day: dt.date) -> None:
    store.replace(contract, pl.DataFrame(rows, schema=contract.schema, orient="row"), [day], {})


def _popularity(film: dict[str, Any], day: int) -> float:
    return round(float(film["popularity"]) * (1 + (film["id"] * 7 + day) % 10 / 100), 3)


def _row(film: dict[str, Any], day: int) -> dict[str, Any]:
    kept = ("id", "title", "original_title", "vote_average", "vote_count")
    return {**{k: film.get(k) for k in kept}, "popularity": _popularity(film, day), "adult": False}


def daily_tables() -> list[DerivedTable]:
    """The clean and star tables; views are measured apart."""
    return [table for table in derived_tables() if table.contract.stage is not Stage.VIEWS]


def derive(store: DeltaStore, days: Sequence[dt.date]) -> None:
    """Clean and star of some days, every table in its order, as one run does them."""
    for table in daily_tables():
        publish(table, Run(store, days))


def know_days(store: DeltaStore, days: Sequence[dt.date]) -> None:
    """The days in dim_date, to which facts that are written directly refer."""
    store.merge(contracts.DIM_DATE, dim_date(pl.LazyFrame({"date_id": days})), {})
