"""Commands that only look, and commands that are refused: exit code, a glimpse of the output, nothing written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tmdb_assets_tests.end_to_end.harness import ASSETS, TODAY, checkout, command, fill


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the project."""
    return checkout(tmp_path_factory.mktemp("looking") / "clone")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("dg", "list", "defs"), ["tmdb/raw/movie_details", "tmdb/star/fact_movie_daily", "tmdb_daily"]),
        (("dg", "check", "defs"), ["All definitions loaded successfully."]),
        (("dagster", "definitions", "validate"), ["All code locations passed validation."]),
    ],
)
def test_the_definitions_can_be_listed_and_validated(clone: Path, words: tuple[str, ...], shown: list[str]) -> None:
    ran = command(clone, *words, COLUMNS="200")
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert [text for text in shown if text not in ran.stdout] == []


def test_a_partition_that_is_not_there_yet_ends_the_command_with_a_sentence_and_nothing_written(
    clone: Path, tmp_path: Path
) -> None:
    ran = command(clone, *ASSETS, "--partition", "2126-01-01", TMDB_ASSETS_LAKE=str(tmp_path / "lake"))
    assert ran.returncode == 1
    assert "partition key `2126-01-01`" in ran.stderr
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
