"""A filled lake and what the source said, side by side: views are held against plain Python over the payloads.

What belongs here: filling a lake with some days (of the sandbox or of recorded films), reading the raw answers back as
dictionaries, reading a view's rows. What does not: how any figure is defined; each test computes its own.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets_tests.end_to_end.harness import TODAY, fill_plainly

#: Days with 1, 7 and 30 days between some of them and the newest, and gaps in between.
DAYS = [TODAY - dt.timedelta(days=n) for n in (37, 31, 30, 14, 8, 7, 6, 2, 1, 0)]

#: One table of the star may be asked for by its name as well.
TABLES = {c.name: c for c in contracts.CONTRACTS}


@dataclass(frozen=True)
class Seen:
    """What one list page or the export said of a film on a day; votes are None in the export."""

    popularity: float
    vote_average: float | None
    vote_count: int | None


@dataclass
class World:
    """What was said, as plain Python, and the lake that was made of it."""

    store: DeltaStore
    #: movie_id -> the payload of its newest details that were not quarantined.
    films: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: movie_id -> the day those details were observed.
    detailed_on: dict[int, dt.date] = field(default_factory=dict)
    #: movie_id -> first day after its newest details on which TMDB said it is gone.
    gone: dict[int, dt.date] = field(default_factory=dict)
    #: day -> movie_id -> figures of the day: of the first list page that has the film, else of the export.
    daily: dict[dt.date, dict[int, Seen]] = field(default_factory=dict)

    @property
    def newest(self) -> dt.date:
        """The newest day."""
        return max(self.daily)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a view or star table, in the order of its grain."""
        contract = TABLES[table]
        return self.store.scan(contract).sort(contract.grain).collect().to_dicts()

    def last_seen(self) -> dict[int, tuple[dt.date, Seen]]:
        """movie_id -> the last day it was observed on, and what was said then."""
        return {film: (day, seen) for day in sorted(self.daily) for film, seen in self.daily[day].items()}


def sandbox_world(folder: Path, films: int = 300, days: list[dt.date] = DAYS) -> World:
    """A lake of the sandbox's films, and what the sandbox said."""
    fill_plainly(folder, *days, together=True, tmdb_assets_sandbox_films=films)
    return world_of(folder)


def recorded_world(folder: Path, real_data: Path) -> World:
    """A lake of every recorded film on two days a week apart, and what was recorded."""
    files = [real_data / "tmdb" / f"movies_{year}.jsonl.gz" for year in (2017, 2025)]
    served = os.pathsep.join(str(file) for file in files)
    fill_plainly(folder, TODAY - dt.timedelta(days=7), TODAY, together=True, tmdb_assets_sandbox_movies=served)
    return world_of(folder)


def recorded_payloads(real_data: Path) -> dict[int, dict[str, Any]]:
    """movie_id -> the recorded answer, the newer recording where both have the film."""
    films: dict[int, dict[str, Any]] = {}
    for year in (2017, 2025):
        with gzip.open(real_data / "tmdb" / f"movies_{year}.jsonl.gz", "rt", encoding="utf-8") as lines:
            films |= {(said := json.loads(line))["id"]: said for line in lines}
    return films


def world_of(folder: Path) -> World:
    """What was said, read back from the raw tables of a lake."""
    world = World(DeltaStore(folder))
    set_aside = {(row["date_id"], row["raw_pointer"]) for row in world.rows("quarantine")}
    for row in _raw(world.store, "movie_details"):
        pointer = f"tmdb/raw/movie_details date_id={row['date_id']} movie_id={row['movie_id']}"
        if row["http_status"] == 404 or row["answered_id"] != row["movie_id"]:
            world.gone.setdefault(row["movie_id"], row["date_id"])
        elif (row["date_id"], pointer) not in set_aside:
            world.films[row["movie_id"]] = json.loads(row["payload"])
            world.detailed_on[row["movie_id"]] = row["date_id"]
            world.gone.pop(row["movie_id"], None)
    for row in _raw(world.store, "discover_pages"):
        seen = world.daily.setdefault(row["date_id"], {})
        for film in json.loads(row["payload"])["results"]:
            if isinstance(film["popularity"], int | float) and film["popularity"] >= 0:
                mean = film["vote_average"] if film["vote_count"] else None
                seen.setdefault(film["id"], Seen(float(film["popularity"]), mean, film["vote_count"]))
    for row in _raw(world.store, "movie_ids"):
        world.daily.setdefault(row["date_id"], {}).setdefault(row["movie_id"], Seen(row["popularity"], None, None))
    return world


def _raw(store: DeltaStore, table: str) -> Iterator[dict[str, Any]]:
    contract = TABLES[table]
    yield from store.scan(contract).sort(contract.grain).collect().iter_rows(named=True)


def approximately(rows: list[dict[str, Any]], digits: int = 9) -> list[dict[str, Any]]:
    """Rows with their floats rounded to so many significant digits: sums depend on the order of addition."""
    return [{k: float(f"{v:.{digits}g}") if isinstance(v, float) else v for k, v in row.items()} for row in rows]


def frame(world: World, table: str) -> pl.DataFrame:
    """A view or star table as a frame, in the order of its grain."""
    return world.store.scan(TABLES[table]).sort(TABLES[table].grain).collect()
