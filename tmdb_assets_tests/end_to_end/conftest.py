"""What more than one file of these tests looks at and is dear to make.

What belongs here: fixtures for that. What does not: how runs are started (harness.py).
"""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tmdb_assets_tests.conftest import PROJECT
from tmdb_assets_tests.end_to_end.harness import JOB, checkout, command, deletions, of_day
from tmdb_assets_tests.sources.tmdb.worlds import made_once, shared_by_workers


@dataclass(frozen=True)
class ByJob:
    """A clone of the project with a Dagster instance of its own, in which the daily job has run for a day."""

    clone: Path
    day: dt.date

    @property
    def variables(self) -> dict[str, str]:
        """Where a user who exports nothing has them: beside the clone's own data."""
        return {"DAGSTER_HOME": str(self.clone / "data" / "dagster")}

    @property
    def lake(self) -> Path:
        """The lake as the job left it, whatever went on in the clone since. Read only."""
        return self.clone.parent / "lake"


@pytest.fixture(scope="session")
def by_job(tmp_path_factory: pytest.TempPathFactory) -> ByJob:
    """The job as a user types it who sets nothing, in a folder with a blank, once for all workers."""
    made = ByJob(shared_by_workers(tmp_path_factory) / "by job" / "ein Klon", deletions()[0][0])

    def run_it(folder: Path) -> None:
        clone = checkout(folder / "ein Klon")
        (clone / "data" / "dagster").mkdir()
        (clone / "data" / "dagster" / "dagster.yaml").symlink_to(PROJECT / "data" / "dagster" / "dagster.yaml")
        ran = command(clone, *JOB, *of_day(made.day), **made.variables)
        assert ran.returncode == 0, ran.stderr[-3000:]
        assert "RUN_SUCCESS" in ran.stderr
        shutil.copytree(clone / "data" / "lake", folder / "lake")

    made_once(made.clone.parent, run_it)
    return made
