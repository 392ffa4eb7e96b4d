"""A filled lake and what the source said, side by side: views are held against plain Python over the payloads.

What belongs here: filling a lake with some days (of the sandbox or of recorded films) once for all workers of a run,
reading the raw answers back as dictionaries, reading a view's rows. What does not: how any figure is defined; each
test computes its own.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from filelock import FileLock

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets_tests.end_to_end.harness import TODAY, fill_plainly

#: Days with 1, 7, 14 and 30 days between some of them and the newest, and gaps in between.
DAYS = [TODAY - dt.timedelta(days=n) for n in (37, 30, 14, 8, 7, 2, 1, 0)]

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
    #: movie_id -> first day after its newest details on which TMDB said it is gone, or nothing told of it any more.
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


def shared_by_workers(factory: pytest.TempPathFactory) -> Path:
    """The folder of a test run that all its workers see."""
    root = factory.getbasetemp()
    return root.parent if "PYTEST_XDIST_WORKER" in os.environ else root


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """A folder that `make` fills when it is first asked for; other workers wait until it is whole. Read only."""
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what an attempt that failed has left
            make(folder)
            done.touch()
    return folder


def sandbox_lake(shared: Path) -> Path:
    """The lake of 300 of the sandbox's films on eight days, made once in a folder that all workers see."""
    return made_once(
        shared / "sandbox_lake", lambda lake: fill_plainly(lake, *DAYS, together=True, tmdb_assets_sandbox_films=300)
    )


def recorded_lake(shared: Path, real_data: Path) -> Path:
    """The lake of every recorded film on two days a week apart, made once in a folder that all workers see."""
    files = [real_data / "tmdb" / f"movies_{year}.jsonl.gz" for year in (2017, 2025)]
    served = os.pathsep.join(str(file) for file in files)
    days = (TODAY - dt.timedelta(days=7), TODAY)
    return made_once(
        shared / "recorded_lake",
        lambda lake: fill_plainly(lake, *days, together=True, tmdb_assets_sandbox_movies=served),
    )


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
    rows = (row for row in world.rows("quarantine") if row["column_name"] is None)
    set_aside = {(row["date_id"], row["raw_pointer"]) for row in rows}
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
    for film, (listed_on, _) in world.last_seen().items():
        last = max(listed_on, world.detailed_on.get(film, listed_on))
        if silent := [day for day in world.daily if day > last]:
            world.gone[film] = min([*silent, *([world.gone[film]] if film in world.gone else [])])
    return world


def _raw(store: DeltaStore, table: str) -> Iterator[dict[str, Any]]:
    contract = TABLES[table]
    yield from store.scan(contract).sort(contract.grain).collect().iter_rows(named=True)


class Near(float):
    """A figure that equals another one that is the same but for its last digits: sums depend on the order of
    addition."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and math.isclose(self, other, rel_tol=1e-11)

    __hash__ = None  # type: ignore[assignment]  # equals would need equal hashes


def approximately(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose floats are compared as Near ones are."""
    return [{k: Near(v) if isinstance(v, float) else v for k, v in row.items()} for row in rows]


def frame(world: World, table: str) -> pl.DataFrame:
    """A view or star table as a frame, in the order of its grain."""
    return world.store.scan(TABLES[table]).sort(TABLES[table].grain).collect()
