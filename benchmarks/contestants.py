"""Who loads a day of films in benchmark p.: ours, dlt, a script; how each is started and what it left behind.

What belongs here: commands, environments, what can be read afterwards. What does not: in which weather they run and
what is made of it (against_dlt.py).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from benchmarks.figure import Child, run_child
from benchmarks.films_server import TOKEN, counted
from benchmarks.peers import DLT, environment
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts

DAY = dt.date(2026, 11, 20)
PEERS = Path(__file__).parent / "peers"
DAGSTER_YAML = Path(__file__).parents[1] / "data" / "dagster" / "dagster.yaml"


@dataclass(frozen=True)
class Ran:
    """A run: what it cost, what it asked, which films can be read afterwards, and the bytes that lie there."""

    child: Child
    asked: Counter[str]
    arrived: Counter[int]
    kept: int

    @property
    def calls(self) -> int:
        """Requests, those that failed included."""
        return sum(n for name, n in self.asked.items() if name not in {"bytes", "failed"})

    def told(self, wanted: Collection[int]) -> str:
        """All of it in one line."""
        asked = f"{self.calls:,} calls, {self.asked['bytes'] / 1e6:.1f} MB answered"
        failed = f", {self.asked['failed']:,} failed" if self.asked["failed"] else ""
        end = "" if self.child.exit_code == 0 else f"; exit code {self.child.exit_code}"
        held = f"{compared(self.arrived, wanted)}, {self.kept / 1e6:.1f} MB on disk"
        return f"{self.child.wall:.1f} s, {self.child.cpu:.1f} s of CPU; {asked}{failed}; {held}{end}"


@dataclass(frozen=True)
class Contestant:
    """One way to load the day: `command` and `settings` for a server and a folder of its own, the ids of films that can
    be read in the folder afterwards, and what more is to be said of odd films."""

    command: Callable[[str, Path], Sequence[str]]
    settings: Callable[[str, Path], Mapping[str, str]]
    films: Callable[[Path], Counter[int]]
    kept: str
    aside: Callable[[Path], str]
    more: Mapping[str, str] = field(default_factory=dict)

    def run(self, url: str, folder: Path) -> Ran:
        """Run it to its end, which may be a failure."""
        child = run_child(self.command(url, folder), self._environ(url, folder), may_fail=True)
        return Ran(child, counted(url), self.films(folder), _bytes(folder / self.kept))

    def kill(self, url: str, folder: Path, endpoint: str, after: int) -> Counter[int]:
        """Start it, and kill it as soon as so many calls of an endpoint have arrived; the films that can be read."""
        command, env = self.command(url, folder), self._environ(url, folder)
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asked = 0
        while asked < after and process.poll() is None:
            time.sleep(0.05)
            asked += counted(url)[endpoint]
        process.kill()
        process.wait()
        counted(url)
        return self.films(folder)

    def _environ(self, url: str, folder: Path) -> dict[str, str]:
        folder.mkdir(parents=True, exist_ok=True)
        return python_environ() | dict(self.settings(url, folder)) | dict(self.more)


def python_environ() -> dict[str, str]:
    """This environment, in which Python keeps what it compiled, as it does for a user."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def compared(arrived: Counter[int], wanted: Collection[int]) -> str:
    """Which films arrived, against those that were served: missing, unknown and repeated ones are counted."""
    there = arrived.keys() & set(wanted)
    said = [f"{len(there):,} of {len(wanted):,} films"]
    if unknown := len(arrived) - len(there):
        said.append(f"{unknown:,} that nobody serves")
    if repeated := arrived.total() - len(arrived):
        said.append(f"{repeated:,} rows more than films")
    return ", ".join(said)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


# -- dlt, and the script -----------------------------------------------------------------------------------------------


def dlt(**more: str) -> Contestant:
    """dlt's pipeline in its environment, with eight workers; `more` is configuration of dlt."""
    python = str(environment("dlt", DLT) / "python")
    return Contestant(
        lambda url, folder: [python, str(PEERS / "dlt_films.py"), f"{url}/on/{DAY}/3/", TOKEN, str(folder / "kept")],
        lambda url, folder: {"HOME": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false", "EXTRACT__WORKERS": "8"},
        lambda folder: _ids(sorted((folder / "kept" / "tmdb" / "movies").glob("*.parquet"))),
        "kept",
        _variants,
        more,
    )


def by_hand() -> Contestant:
    """The script, in our environment."""
    return Contestant(
        lambda url, folder: [
            sys.executable, str(PEERS / "by_hand.py"), f"{url}/on/{DAY}/3/", TOKEN, str(folder / "kept")
        ],
        lambda url, folder: {},
        lambda folder: _ids(sorted((folder / "kept").glob("movies.parquet"))),
        "kept",
        lambda folder: "nothing told apart",
    )  # fmt: skip


def _ids(files: Sequence[Path]) -> Counter[int]:
    """The ids in some files, each as often as it stands there; a film whose id is no number is not counted."""
    columns = [pl.read_parquet(file, columns=["id"]).get_column("id") for file in files]
    numbers = [column.cast(pl.Int64, strict=False).drop_nulls() for column in columns]
    return Counter(movie_id for column in numbers for movie_id in column.to_list())


def _variants(folder: Path) -> str:
    """The columns that dlt made for values that did not fit, with how many there are."""
    found: Counter[str] = Counter()
    for file in (folder / "kept" / "tmdb" / "movies").glob("*.parquet"):
        frame = pl.read_parquet(file)
        for name in (name for name in frame.columns if "__v_" in name or name.startswith("genres__")):
            found[name] += frame.get_column(name).count()
    return ", ".join(f"{name} {n}" for name, n in sorted(found.items())) or "no column of another type"


# -- ours --------------------------------------------------------------------------------------------------------------


def ours(scope: int) -> Contestant:
    """The README's command, with a lake, a warehouse and an instance of Dagster that are new on the first run."""
    dagster = str(Path(sys.executable).with_name("dagster"))
    tags = json.dumps({"dagster/partition": DAY.isoformat()})
    words = [dagster, "job", "execute", "-m", "tmdb_assets.definitions", "-j", "tmdb_daily", "--tags", tags]
    return Contestant(
        lambda url, folder: words,
        lambda url, folder: _settings(url, folder, scope),
        lambda folder: Counter(_store(folder).scan(contracts.FACT_MOVIE_DAILY, [DAY]).collect()["movie_id"].to_list()),
        "lake",
        _set_aside,
    )


def _settings(url: str, folder: Path, scope: int) -> dict[str, str]:
    (folder / "dagster").mkdir(exist_ok=True)
    shutil.copy(DAGSTER_YAML, folder / "dagster")
    return {
        "TMDB_API_TOKEN": TOKEN,
        "TMDB_API_URL": f"{url}/on/{DAY}/3",
        "TMDB_EXPORT_URL": f"{url}/on/{DAY}/p/exports",
        "TMDB_REQUESTS_PER_SECOND": "100000",
        "TMDB_SCOPE": f"top:{scope}",
        "TMDB_ASSETS_TODAY": DAY.isoformat(),
        "TMDB_ASSETS_LAKE": str(folder / "lake"),
        "TMDB_ASSETS_WAREHOUSE": str(folder / "warehouse.duckdb"),
        "TMDB_ASSETS_REPORTS": str(folder / "reports"),
        "TMDB_ASSETS_SPILL": str(folder / "spill"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }


def _store(folder: Path) -> DeltaStore:
    return DeltaStore(str(folder / "lake"))


def _set_aside(folder: Path) -> str:
    """How many films have details, and the entries of the quarantine by rule."""
    entries = _store(folder).scan(contracts.QUARANTINE, [DAY]).select("rule").collect()
    counts = entries.group_by("rule").len().sort("len", "rule", descending=[True, False])
    rules = ", ".join(f"{rule} {n}" for rule, n in counts.iter_rows())
    known = _store(folder).scan(contracts.MOVIES, [DAY]).select(pl.len()).collect().item()
    return f"{known:,} films with details, {entries.height:,} entries in the quarantine ({rules})"
