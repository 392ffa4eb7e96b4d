"""Running any day twice, in any order, in one run or many gives the same tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets_tests.end_to_end.harness import (
    COSTS,
    DAILY,
    TABLES,
    answer_views,
    contents,
    deletions,
    differences,
    fill,
    fill_plainly,
    read,
    shuffled,
    versions,
)

OWNED = {path for path, contract in TABLES.items() if contract.owner}
WHOLE = {path for path, contract in TABLES.items() if contract.is_whole}
VIEWS = ["tmdb/views/vw_top_movies", "tmdb/views/vw_directors"]  # two of those that every run answers anew, and theirs


@pytest.fixture(scope="module")
def days() -> list[dt.date]:
    """Three days in a row; a film vanishes on the second."""
    gone_on, _ = deletions()[-1]
    return [gone_on + dt.timedelta(days=n) for n in (-1, 0, 1)]


@pytest.fixture(scope="module")
def in_one_run(days: list[dt.date], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake filled with the days in one run of Dagster, and what every run answers anew."""
    lake = tmp_path_factory.mktemp("range") / "lake"
    run = fill(lake, days[0], days[-1], select=DAILY)
    assert run.success, run.said
    answer_views(lake, VIEWS)
    return lake


def test_days_one_by_one_in_any_order_give_what_one_run_gives(
    days: list[dt.date], in_one_run: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    *earlier, last = shuffled(days, seed=1)
    for day in earlier:
        fill_plainly(lake, day, answers=False)
    fill_plainly(lake, last, answers=False)
    answer_views(lake, VIEWS)
    # an export is held against another one: which one is kept, and which must be asked for, is a matter of order
    assert differences(contents(lake, but=COSTS), contents(in_one_run, but=COSTS)) == []


def test_a_range_is_one_commit_per_table(days: list[dt.date], in_one_run: Path) -> None:
    of_the_range = f"{days[0]}...{days[-1]}"
    for path, contract in TABLES.items():
        history = DeltaStore(in_one_run).history(contract)
        commits = [c.get("partitions") for c in history if c["operation"] != "CREATE TABLE"]
        if contract.is_whole:
            assert len(commits) <= 1, path  # none for an answer without rows
            continue
        if path.startswith("tmdb/star/") or path == "tmdb/clean/movies":
            assert commits.count(of_the_range) == 1, path


def test_the_film_that_vanished_is_marked_and_keeps_its_last_state(days: list[dt.date], in_one_run: Path) -> None:
    gone_on, film = deletions()[-1]
    assert gone_on == days[1]
    row = read(in_one_run, "tmdb/star/dim_movie").row(by_predicate=pl.col("movie_id") == film, named=True)
    assert (row["observed_on"], row["gone_on"]) == (days[0], days[1])
    assert row["title"]
    tombstones = read(in_one_run, "tmdb/clean/movie_tombstones")
    assert tombstones.select("date_id", "movie_id").rows() == [(days[1], film)]


def test_the_same_days_again_change_nothing(days: list[dt.date], in_one_run: Path) -> None:
    before, at = contents(in_one_run), versions(in_one_run)
    fill_plainly(in_one_run, days[1], answers=False)
    answer_views(in_one_run, VIEWS)
    assert differences(contents(in_one_run), before) == []
    now = versions(in_one_run)
    assert {path for path in OWNED | WHOLE if now[path] != at[path]} == set()
    assert {path for path in TABLES if path.startswith("tmdb/raw/") and now[path] != at[path]} == set()
