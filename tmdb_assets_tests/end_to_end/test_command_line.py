"""Commands that only look, and commands that are refused: exit code, a glimpse of the output, nothing written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from dagster._core.errors import DagsterUnknownPartitionError

from tmdb_assets_tests.end_to_end.harness import TODAY, checkout, command, fill


def test_the_definitions_can_be_listed(tmp_path: Path) -> None:
    """They load, and Dagster's tools find them. test_dagster_ui.py loads them by workspace.yaml."""
    ran = command(checkout(tmp_path / "clone"), "dg", "list", "defs", COLUMNS="200")
    assert ran.returncode == 0, ran.stderr[-3000:]
    shown = ["tmdb/raw/movie_details", "tmdb/star/fact_movie_daily", "tmdb_daily"]
    assert [text for text in shown if text not in ran.stdout] == []


def test_a_partition_that_is_not_there_yet_is_refused_with_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(DagsterUnknownPartitionError, match="with key `2126-01-01`"):
        fill(tmp_path / "lake", dt.date(2126, 1, 1))
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (TODAY + dt.timedelta(days=1), f"has not begun (today is {TODAY} UTC)"),
        (None, "This run names no day, and tmdb/raw/reference is filled by the day"),
    ],
    ids=["tomorrow", "no day"],
)
def test_a_day_that_cannot_be_run_ends_with_a_sentence_and_nothing_written(
    tmp_path: Path, day: dt.date | None, sentence: str
) -> None:
    run = fill(tmp_path / "lake", day, select=["tmdb/raw/reference"])
    assert not run.success
    assert len(run.said) == 1
    assert sentence in run.said[0]
    assert not (tmp_path / "lake").exists()
