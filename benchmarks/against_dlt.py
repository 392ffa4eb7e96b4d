"""p. A day of 1,500 films beside dlt and a script: the first run, the second of the same day, with answers that fail,
with films that are odd.

All ask the same server on loopback (films_server.py), eight requests at a time and with no limit of their own rate;
each is a command in a process of its own, its start and its imports included. Ours is the README's `dagster job
execute` of `tmdb_daily`: raw to star, every view, every check, the warehouse and the report. dlt's is
peers/dlt_films.py, the script peers/by_hand.py: the same answers as Parquet. The marks are wall seconds over dlt's,
medians of rounds by turns; `AGAINST_DLT_ROUNDS` says how many (3).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.figure import Child, Figure, run_child
from benchmarks.films_server import TOKEN, Manners, counted, films_server
from benchmarks.lake import films
from benchmarks.peers import DLT, environment
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts

FILMS = 1500
DAY = dt.date(2026, 11, 20)
ROUNDS = int(os.environ.get("AGAINST_DLT_ROUNDS", "3"))
FIRST_RUN, SECOND_RUN, FAILING = 2.0, 1.0, 1.2
LATENCY, FAULTS, ODD = 0.02, 0.3, 0.1
#: dlt tries five times: of 1,578 questions of which 30% fail, four fail as often. One who knows that tries more often.
PATIENT = {"RUNTIME__REQUEST_MAX_ATTEMPTS": "10"}
DAGSTER_HOME = Path(__file__).parents[1] / "data" / "dagster" / "dagster.yaml"


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
        cost = f"{self.child.wall:.1f} s, {self.child.cpu:.1f} s of CPU"
        asked = f"{self.calls:,} calls, {self.asked['bytes'] / 1e6:.1f} MB answered"
        failed = f", {self.asked['failed']:,} failed" if self.asked["failed"] else ""
        end = "" if self.child.exit_code == 0 else f"; exit code {self.child.exit_code}"
        return f"{cost}; {asked}{failed}; {compared(self.arrived, wanted)}, {self.kept / 1e6:.1f} MB on disk{end}"


Run = Callable[[str, Path], Ran]


def measure() -> Figure:
    """The first run over dlt's; the other marks are among the details."""
    known, origin = films(FILMS)
    wanted = {int(film["id"]) for film in known}
    _import_once()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "films.jsonl"
        file.write_text("".join(json.dumps(film) + "\n" for film in known), encoding="utf-8")
        rounds = [_day(file, Manners(), Path(folder) / f"round {n}") for n in range(ROUNDS)]
        distant = _day(file, Manners(latency=LATENCY), Path(folder) / "distant")
        failing = _failing(file, Path(folder) / "failing", wanted)
        odd = _odd(file, Path(folder) / "odd", wanted)
    first = _over(rounds, "first run")
    details = {
        "second run of the day over dlt's": _marked(_over(rounds, "second run"), SECOND_RUN),
        f"with {FAULTS:.0%} of the answers failing, over dlt's": _marked(failing[0], FAILING),
        "in CPU seconds, first and second run": " and ".join(
            f"{_over(rounds, run, lambda child: child.cpu):.3g}x" for run in ("first run", "second run")
        ),
        "films": origin,
    }
    middle = rounds[len(rounds) // 2]
    details |= {f"{who}, a round": ran.told(wanted) for who, ran in middle.items()}
    details |= {f"{who}, {LATENCY * 1000:.0f} ms to each answer": ran.told(wanted) for who, ran in distant.items()}
    details |= {
        f"with {LATENCY * 1000:.0f} ms, over dlt's": " and ".join(
            f"{_over([distant], run):.3g}x" for run in ("first run", "second run")
        )
    }
    name = f"p. `tmdb_daily` over dlt's pipeline, the first run of a day of {FILMS:,} films"
    return Figure(name, first, FIRST_RUN, details=details | failing[1] | odd)


def compared(arrived: Counter[int], wanted: Collection[int]) -> str:
    """Which films arrived, against those that were served: missing, unknown and repeated ones are counted."""
    there = arrived.keys() & set(wanted)
    said = [f"{len(there):,} of {len(wanted):,} films"]
    if unknown := len(arrived) - len(there):
        said.append(f"{unknown:,} that nobody serves")
    if repeated := arrived.total() - len(arrived):
        said.append(f"{repeated:,} rows more than films")
    return ", ".join(said)


# -- what is run -------------------------------------------------------------------------------------------------------


def _day(file: Path, manners: Manners, folder: Path) -> dict[str, Ran]:
    """Two runs of a day by each, on a server of its own that is as if nobody had asked it."""
    done: dict[str, Ran] = {}
    for who, run in {"dlt": _dlt(), "ours": _ours, "by hand": _by_hand}.items():
        with films_server(file, manners) as url:
            for nth in ("first run", "second run"):
                done[f"{who}, {nth}"] = run(url, folder / who)
    return done


def _failing(file: Path, folder: Path, wanted: Collection[int]) -> tuple[float, dict[str, str]]:
    """A first run while answers fail: wall over dlt's, and each in a line.

    Kept apart: dlt as it is, dlt that tries ten times and so ends, and how each takes a server that says how long to
    wait.
    """
    told: dict[str, str] = {}
    ratio = float("nan")
    for retry_after in ("0", "1"):
        manners = Manners(faults=FAULTS, retry_after=retry_after)
        runs: dict[str, Run] = {"dlt, ten attempts": _dlt(PATIENT), "ours": _ours, "by hand": _by_hand}
        if retry_after == "0":
            runs = {"dlt, five attempts as it comes": _dlt(), **runs}
            runs["dlt, ten attempts, waits of a tenth"] = _dlt(PATIENT | {"RUNTIME__REQUEST_BACKOFF_FACTOR": "0.1"})
        done = {}
        for who, run in runs.items():
            with films_server(file, manners) as url:
                done[who] = run(url, folder / retry_after / who)
        if retry_after == "0":
            ratio = done["ours"].child.wall / done["dlt, ten attempts"].child.wall
        told |= {
            f"{who}, {FAULTS:.0%} failing, 429 with Retry-After {retry_after}": ran.told(wanted)
            for who, ran in done.items()
        }
    return ratio, told


def _odd(file: Path, folder: Path, wanted: Collection[int]) -> dict[str, str]:
    """A first run with odd films: what is published."""
    told: dict[str, str] = {}
    for ways, what in (
        (9, "nine ways, each a value of another type or out of range"),
        (10, "and whole numbers of 65 bits"),
    ):
        manners = Manners(odd=ODD, ways=ways)
        count = sum(manners.oddity(movie_id) is not None for movie_id in wanted)
        for who, run in {"dlt": _dlt(), "ours": _ours, "by hand": _by_hand}.items():
            where = folder / str(ways) / who
            with films_server(file, manners) as url:
                ran = run(url, where)
            more = {"ours": _set_aside, "dlt": _variants}.get(who, _last_line)(where, ran)
            told[f"{who}, {count} odd films ({what})"] = f"{ran.told(wanted)}; {more}"
    return told


def _dlt(settings: dict[str, str] | None = None) -> Run:
    """dlt's pipeline, in its environment."""

    def run(url: str, folder: Path) -> Ran:
        folder.mkdir(parents=True, exist_ok=True)
        env = _environ(HOME=str(folder), RUNTIME__DLTHUB_TELEMETRY="false", EXTRACT__WORKERS="8", **(settings or {}))
        program = str(Path(__file__).parent / "peers" / "dlt_films.py")
        kept = folder / "kept"
        child = run_child([str(_dlt_python()), program, f"{url}/on/{DAY}/3/", TOKEN, str(kept)], env, may_fail=True)
        return Ran(child, counted(url), _ids(sorted((kept / "tmdb" / "movies").glob("*.parquet"))), _bytes(kept))

    return run


def _dlt_python() -> Path:
    return environment("dlt", DLT) / "python"


def _by_hand(url: str, folder: Path) -> Ran:
    """The script, in our environment."""
    folder.mkdir(parents=True, exist_ok=True)
    program = str(Path(__file__).parent / "peers" / "by_hand.py")
    child = run_child(
        [sys.executable, program, f"{url}/on/{DAY}/3/", TOKEN, str(folder / "kept")], _environ(), may_fail=True
    )
    return Ran(child, counted(url), _ids(sorted((folder / "kept").glob("movies.parquet"))), _bytes(folder / "kept"))


def _ours(url: str, folder: Path) -> Ran:
    """The README's command, with a lake, a warehouse and an instance of Dagster that are new on the first run."""
    home = folder / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(DAGSTER_HOME, home)
    settings = {
        "TMDB_API_TOKEN": TOKEN,
        "TMDB_API_URL": f"{url}/on/{DAY}/3",
        "TMDB_EXPORT_URL": f"{url}/on/{DAY}/p/exports",
        "TMDB_REQUESTS_PER_SECOND": "100000",
        "TMDB_SCOPE": f"top:{FILMS}",
        "TMDB_ASSETS_TODAY": DAY.isoformat(),
        "TMDB_ASSETS_LAKE": str(folder / "lake"),
        "TMDB_ASSETS_WAREHOUSE": str(folder / "warehouse.duckdb"),
        "TMDB_ASSETS_REPORTS": str(folder / "reports"),
        "TMDB_ASSETS_SPILL": str(folder / "spill"),
        "DAGSTER_HOME": str(home),
    }
    dagster = str(Path(sys.executable).with_name("dagster"))
    partition = json.dumps({"dagster/partition": DAY.isoformat()})
    command = [dagster, "job", "execute", "-m", "tmdb_assets.definitions", "-j", "tmdb_daily", "--tags", partition]
    child = run_child(command, _environ(**settings), may_fail=True)
    facts = DeltaStore(str(folder / "lake")).scan(contracts.FACT_MOVIE_DAILY, [DAY]).select("movie_id").collect()
    arrived = Counter(facts.get_column("movie_id").to_list())
    return Ran(child, counted(url), arrived, _bytes(folder / "lake"))


def _environ(**settings: str) -> dict[str, str]:
    """This environment with some settings, in which Python keeps what it compiled, as it does for a user."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | settings


def _import_once() -> None:
    """Let Python compile both, which is no part of a day."""
    for python, module in (
        (sys.executable, "tmdb_assets.definitions"),
        (str(_dlt_python()), "dlt.sources.rest_api"),
        (sys.executable, "pandas, requests"),
    ):
        run_child([python, "-W", "ignore", "-c", f"import {module}"], _environ())


# -- what is told ------------------------------------------------------------------------------------------------------


def _over(rounds: Sequence[dict[str, Ran]], run: str, of: Callable[[Child], float] = lambda child: child.wall) -> float:
    """Ours over dlt's, each the median of the rounds."""
    ours, theirs = (statistics.median(of(done[f"{who}, {run}"].child) for done in rounds) for who in ("ours", "dlt"))
    return ours / theirs


def _marked(value: float, limit: float) -> str:
    return f"{value:.3g}x (at most {limit:g}x) {'met' if value <= limit else '**missed**'}"


def _ids(files: Sequence[Path]) -> Counter[int]:
    """The ids in dlt's files, each as often as it stands there; a film whose id is no number is not counted."""
    columns = [pl.read_parquet(file, columns=["id"]).get_column("id") for file in files]
    numbers = [column.cast(pl.Int64, strict=False).drop_nulls() for column in columns]
    return Counter(movie_id for column in numbers for movie_id in column.to_list())


def _last_line(folder: Path, ran: Ran) -> str:
    """What a run said last."""
    return ran.child.output.strip().rpartition("\n")[2]


def _variants(folder: Path, ran: Ran) -> str:
    """The columns that dlt made for values that did not fit, with how many there are; else what it said last."""
    if ran.child.exit_code:
        return _last_line(folder, ran)
    found: Counter[str] = Counter()
    for file in (folder / "kept" / "tmdb" / "movies").glob("*.parquet"):
        frame = pl.read_parquet(file)
        for name in (name for name in frame.columns if "__v_" in name or name.startswith("genres__")):
            found[name] += frame.get_column(name).count()
    return ", ".join(f"{name} {n}" for name, n in sorted(found.items())) or "no column of another type"


def _set_aside(folder: Path, ran: Ran) -> str:
    """The entries of our quarantine by origin and column."""
    entries = DeltaStore(str(folder / "lake")).scan(contracts.QUARANTINE, [DAY]).select("rule").collect()
    counts = entries.group_by("rule").len().sort("len", descending=True)
    rules = ", ".join(f"{rule} {n}" for rule, n in counts.iter_rows())
    films_kept = DeltaStore(str(folder / "lake")).scan(contracts.DIM_MOVIE).select(pl.len()).collect().item()
    return f"{films_kept:,} films with details; {entries.height:,} entries in the quarantine ({rules})"


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
