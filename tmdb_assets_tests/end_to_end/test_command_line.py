"""Commands that only look, and commands that are refused: exit code, a glimpse of the output, nothing written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tmdb_assets_tests.end_to_end.harness import ASSETS, JOB, TODAY, checkout, command, of_day


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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*JOB, *of_day(TODAY + dt.timedelta(days=1))), f"has not begun (today is {TODAY} UTC)"),
        ((*ASSETS, "--partition", "2126-01-01"), "partition key `2126-01-01`"),
        (JOB, "This run names no day, and tmdb/raw/reference is filled by the day"),
    ],
    ids=["job for tomorrow", "assets for a partition that is not there yet", "job without a day"],
)
def test_a_day_that_cannot_be_run_ends_with_a_sentence_and_nothing_written(
    clone: Path, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    ran = command(clone, *words, TMDB_ASSETS_LAKE=str(tmp_path / "lake"))
    assert ran.returncode == 1
    assert sentence in ran.stderr
    assert not (tmp_path / "lake").exists()
