"""A run killed at any moment: the lake stays readable, the next run takes up where it stopped, nothing is left
behind."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psutil
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb.contracts import MOVIE_DETAILS
from tmdb_assets_tests.end_to_end.harness import (
    COSTS,
    contents,
    deletions,
    differences,
    environment,
    fill_plainly,
    ledger,
    read,
)

DAY, _ = deletions()[-1]
#: Tables after which a run is killed, and the last one of a run, so that there is something left to do.
STAR = [f"tmdb/star/{name}" for name in ("dim_collection", "dim_keyword", "dim_movie", "bridge_movie_crew")]
MADE = [*STAR, "tmdb/star/fact_table_quality"]
PER_COMMIT, READ_AHEAD = 16, 4 * 8
CHILD = f"""
import datetime, pathlib, sys
from tmdb_assets.sources.tmdb import details
from tmdb_assets_tests.end_to_end.harness import fill_plainly
from tmdb_assets_tests.end_to_end.test_kill import MADE
details.PER_COMMIT = {PER_COMMIT}
day = datetime.date.fromisoformat(sys.argv[2])
say = lambda line: print(line, file=sys.stderr, flush=True)
fill_plainly(pathlib.Path(sys.argv[1]), day, only=MADE, answers=False, log=say, tmdb_requests_per_second=30.0)
"""
#: What a run says when it begins to ask for details, and how many it asks for and has kept already.
TO_ASK = re.compile(r"movie/\{id\}: (\d+) to ask \(.*\), (\d+) kept already")


@dataclass(frozen=True)
class Moment:
    """When a run is killed: after it said something, and after it kept some details or after a while."""

    after: str
    details_kept: int = 0
    seconds: float = 0.0


def moments(seed: int) -> list[Moment]:
    """Five: two while details come in, one on the way to the star, two within it."""
    rng = random.Random(seed)
    star = [f"{path} .*: received" for path in STAR]
    early, late = sorted(rng.sample(range(len(star)), 2))
    return [
        Moment(TO_ASK.pattern, details_kept=rng.randint(1, 2 * PER_COMMIT)),
        Moment(TO_ASK.pattern, details_kept=rng.randint(3 * PER_COMMIT, 4 * PER_COMMIT)),
        Moment("tmdb/raw/movie_details .* rows kept", seconds=rng.uniform(0.0, 1.0)),
        Moment(star[early], seconds=rng.uniform(0.0, 0.6)),
        Moment(star[late], seconds=rng.uniform(0.0, 0.6)),
    ]


class Child:
    """A run of the day in its own process; `lines` is what it has said so far."""

    def __init__(self, lake: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(lake), DAY.isoformat()],
            cwd=lake.parent,
            env=environment(lake.parent),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    def says(self, pattern: str) -> bool:
        """Wait until it says something that matches; False when it ends without."""
        for line in self.process.stderr or ():
            self.lines.append(line)
            if re.search(pattern, line):
                return True
        return False

    def kill(self) -> list[psutil.Process]:
        """Kill it, and it alone; the processes it had started."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        os.kill(self.process.pid, signal.SIGKILL)
        self.finish()
        return started

    def finish(self) -> int:
        """Wait for its end; the exit code."""
        if self.process.stderr:
            with self.process.stderr as rest:
                self.lines += rest
        return self.process.wait()

    @property
    def asked_and_kept(self) -> tuple[int, int] | None:
        """How many details it was going to ask for and how many it found, None when it did not say."""
        found = next((m for m in map(TO_ASK.search, self.lines) if m), None)
        return (int(found[1]), int(found[2])) if found else None


def details_kept(lake: Path) -> int:
    """How many films' details the lake holds."""
    return int(DeltaStore(lake).scan(MOVIE_DETAILS).select(pl.len()).collect().item())


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day in one go."""
    lake = tmp_path_factory.mktemp("uninterrupted") / "lake"
    fill_plainly(lake, DAY, only=MADE, answers=False)
    return lake


def test_killed_five_times_the_day_ends_as_if_it_had_run_in_one_go(uninterrupted: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    films = read(uninterrupted, "tmdb/raw/movie_details").height
    plans: list[tuple[int, int] | None] = []
    orphans: list[int] = []
    for moment in moments(seed=20):
        child = Child(lake)
        assert child.says(moment.after), (moment, child.finish(), child.lines[-20:])
        while details_kept(lake) < moment.details_kept and child.process.poll() is None:
            time.sleep(0.05)
        time.sleep(moment.seconds)
        servers = child.kill()
        orphans.append(len(servers))
        assert child.process.returncode == -signal.SIGKILL
        assert psutil.wait_procs(servers, timeout=30)[1] == []
        contents(lake)
        plans.append(child.asked_and_kept)
    assert orphans == [1, 1, 1, 0, 0]  # the sandbox, while there was something left to ask
    last = Child(lake)
    assert last.finish() == 0, last.lines[-20:]
    assert differences(contents(lake, but=COSTS), contents(uninterrupted, but=COSTS)) == []

    first, second, third, *rest = plans
    assert first == (films, 0)
    assert second is not None
    assert third is not None
    assert all(asked + kept == films for asked, kept in (second, third))
    assert 0 < second[1] < third[1] < films
    assert [*rest, last.asked_and_kept] == [None, None, None]
    calls = ledger(lake, DAY)["movie/{id}"]["calls"]
    assert films <= calls <= films + 2 * (PER_COMMIT + READ_AHEAD)
