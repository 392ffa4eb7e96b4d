"""p. A day of 1,500 films beside dlt and a script: the first run, the second of the same day, with answers that fail,
with films that are odd, and killed in the middle.

All ask the same server on loopback (films_server.py), eight requests at a time and with no limit of their own rate;
each is a command in a process of its own, its start and its imports included. Ours is the README's `dagster job
execute` of `tmdb_daily`: raw to star, every view, every check, the warehouse and the report. dlt's is
peers/dlt_films.py, the script peers/by_hand.py: the same answers as Parquet. The marks are wall seconds over dlt's,
medians of rounds by turns; `AGAINST_DLT_ROUNDS` says how many (3).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from benchmarks.contestants import Contestant, Ran, by_hand, compared, dlt, ours, python_environ
from benchmarks.figure import Child, Figure, run_child
from benchmarks.films_server import ODD, Manners, films_server
from benchmarks.lake import films
from benchmarks.peers import DLT, environment

FILMS = 1500
ROUNDS = int(os.environ.get("AGAINST_DLT_ROUNDS", "3"))
FIRST_RUN, SECOND_RUN, FAILING = 2.0, 1.0, 1.2
SEEDS = (7, 8, 9)
RUNS = ("first run", "second run")
LATENCY, FAULTS, ODD_SHARE = 0.02, 0.3, 0.1
#: dlt tries five times: of 1,579 questions of which 30% fail, four fail as often. One who knows that tries more often.
PATIENT = {"RUNTIME__REQUEST_MAX_ATTEMPTS": "10"}


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
        ratio, failing = _failing(file, Path(folder) / "failing", wanted)
        odd = _odd(file, Path(folder) / "odd", wanted)
        killed = _killed(file, Path(folder) / "killed", wanted)
    cpu = " and ".join(f"{_over(rounds, run, lambda child: child.cpu):.3g}x" for run in RUNS)
    details = {
        "second run of the day over dlt's": _marked(_over(rounds, RUNS[1]), SECOND_RUN),
        f"with {FAULTS:.0%} of the answers failing, over dlt's": _marked(ratio, FAILING),
        "in CPU, first and second run": cpu,
        f"with {LATENCY * 1000:.0f} ms to each answer": " and ".join(f"{_over([distant], run):.3g}x" for run in RUNS),
        "films": origin,
    }
    details |= {f"{who}, a round": ran.told(wanted) for who, ran in rounds[len(rounds) // 2].items()}
    details |= {f"{who}, {LATENCY * 1000:.0f} ms to each answer": ran.told(wanted) for who, ran in distant.items()}
    name = f"p. `tmdb_daily` over dlt's pipeline, the first run of a day of {FILMS:,} films"
    return Figure(name, _over(rounds, RUNS[0]), FIRST_RUN, details=details | failing | odd | killed)


def _import_once() -> None:
    """Let Python compile what is imported, which is no part of a day."""
    dlts = str(environment("dlt", DLT) / "python")
    for python, modules in (
        (sys.executable, "tmdb_assets.definitions, pandas, requests"),
        (dlts, "dlt.sources.rest_api"),
    ):
        run_child([python, "-W", "ignore", "-c", f"import {modules}"], python_environ())


def _contestants() -> dict[str, Contestant]:
    return {"dlt": dlt(), "ours": ours(FILMS), "by hand": by_hand()}


def _day(file: Path, manners: Manners, folder: Path) -> dict[str, Ran]:
    """Two runs of a day by each, on a server of its own that is as if nobody had asked it."""
    done: dict[str, Ran] = {}
    for who, contestant in _contestants().items():
        with films_server(file, manners) as url:
            for run in RUNS:
                done[f"{who}, {run}"] = contestant.run(url, folder / who)
    return done


def _failing(file: Path, folder: Path, wanted: Collection[int]) -> tuple[float, dict[str, str]]:
    """A first run while answers fail: wall over that of dlt which tries ten times and so ends, and each in a line.

    How long one waits depends on whether a page of the list fails many times in a row: both are added up over some
    seeds. Besides: dlt as it comes, dlt that waits a tenth as long, and both where a 429 says to wait a second.
    """
    told: dict[str, str] = {}
    walls = {"dlt, ten attempts": 0.0, "ours": 0.0}
    patient, mine = dlt(**PATIENT), ours(FILMS)
    hasty = dlt(**PATIENT, RUNTIME__REQUEST_BACKOFF_FACTOR="0.1")
    besides = {"dlt, five attempts as it comes": dlt(), "dlt, ten attempts, waits of a tenth": hasty}
    for seed, retry_after in [*((seed, "0") for seed in SEEDS), (SEEDS[0], "1")]:
        is_first = (seed, retry_after) == (SEEDS[0], "0")
        some = {"dlt, ten attempts": patient, "ours": mine, **(besides | {"by hand": by_hand()} if is_first else {})}
        weather = f"{FAULTS:.0%} failing, seed {seed}, 429 with Retry-After {retry_after}"
        for who, contestant in some.items():
            with films_server(file, Manners(seed, faults=FAULTS, retry_after=retry_after)) as url:
                ran = contestant.run(url, folder / f"{seed} {retry_after}" / who)
            told[f"{who}, {weather}"] = ran.told(wanted)
            if retry_after == "0" and who in walls:
                walls[who] += ran.child.wall
    return walls["ours"] / walls["dlt, ten attempts"], told


def _odd(file: Path, folder: Path, wanted: Collection[int]) -> dict[str, str]:
    """A first run with odd films: what is published."""
    told: dict[str, str] = {}
    for ways, what in (
        (len(ODD) - 1, "of another type or impossible"),
        (len(ODD), "of another type, impossible or of 65 bits"),
    ):
        manners = Manners(odd=ODD_SHARE, ways=ways)
        count = sum(manners.oddity(movie_id) is not None for movie_id in wanted)
        for who, contestant in _contestants().items():
            with films_server(file, manners) as url:
                ran = contestant.run(url, folder / str(ways) / who)
            last = ran.child.output.strip().rpartition("\n")[2]
            more = contestant.aside(folder / str(ways) / who) if ran.child.exit_code == 0 else f"it says: {last}"
            told[f"{who}, {count} films with a value {what}"] = f"{ran.told(wanted)}; {more}"
    return told


def _killed(file: Path, folder: Path, wanted: Collection[int]) -> dict[str, str]:
    """Killed when half of the films were asked for, and run again."""
    told: dict[str, str] = {}
    for who, contestant in _contestants().items():
        with films_server(file, Manners(latency=LATENCY)) as url:
            seen = contestant.kill(url, folder / who, "movie/{id}", FILMS // 2)
            again = contestant.run(url, folder / who)
        told[f"{who}, killed when half of the films were asked for"] = (
            f"{compared(seen, wanted)} can be read; run again: {again.told(wanted)}"
        )
    return told


def _over(rounds: Sequence[dict[str, Ran]], run: str, of: Callable[[Child], float] = lambda child: child.wall) -> float:
    """Ours over dlt's, each the median of the rounds."""
    mine, theirs = (statistics.median(of(done[f"{who}, {run}"].child) for done in rounds) for who in ("ours", "dlt"))
    return mine / theirs


def _marked(value: float, limit: float) -> str:
    return f"{value:.3g}x (at most {limit:g}x) {'met' if value <= limit else '**missed**'}"
