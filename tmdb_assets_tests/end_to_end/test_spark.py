"""A run of Dagster whose views are answered by Spark: the same tables, and one sentence where there is no server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.engines import spark
from tmdb_assets_tests.end_to_end.harness import Run, fill, read
from tmdb_assets_tests.sources.tmdb.worlds import DAYS, sandbox_lake, shared_by_workers

VIEWS = ["tmdb/views/vw_movie_latest", "tmdb/views/vw_movie_history", "tmdb/views/vw_actors"]
TOKEN = "tok-of-the-cluster"


@pytest.fixture
def lake(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled lake, in which some views have yet to be answered."""
    lake = Path(shutil.copytree(sandbox_lake(shared_by_workers(tmp_path_factory)), tmp_path / "lake"))
    for view in VIEWS:
        shutil.rmtree(lake / view)
    return lake


def answered(lake: Path, address: str) -> Run:
    return fill(
        lake,
        DAYS[0],
        DAYS[-1],
        select=VIEWS,
        tmdb_assets_sandbox_films=300,
        tmdb_assets_engine="spark",
        spark_remote=address,
    )


@pytest.mark.parametrize("rows_at_most", [spark.ROWS_AT_MOST, 500], ids=["handed over", "left in files"])
def test_a_run_answers_views_by_spark(
    rows_at_most: int,
    lake: Path,
    spark_server: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.setattr(spark, "ROWS_AT_MOST", rows_at_most)
    run = answered(lake, spark_server)
    assert run.success, run.said
    assert run.failed_checks == set()
    whole = sandbox_lake(shared_by_workers(tmp_path_factory))
    for view in VIEWS:
        assert read(lake, view).equals(read(whole, view)), view
    left = {view: len(list((lake / view).glob("answer-*"))) for view in VIEWS}
    assert list(left.values()) == ([0, 0, 0] if rows_at_most > 500 else [1, 1, 1])
    assert run.told["tmdb/views/vw_movie_history"] == {day.isoformat() for day in DAYS}


def test_a_run_without_a_server_ends_in_one_sentence_and_changes_nothing(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "APART_MS", 10)
    run = answered(lake, f"sc://127.0.0.1:1/;use_ssl=false;x-api-token={TOKEN}")
    assert not run.success
    said = [sentence for sentence in run.said if "Spark" in sentence]
    assert said and all(" no Spark Connect server answers at SPARK_REMOTE=sc://127.0.0.1:1 " in each for each in said)
    assert not [sentence for sentence in run.said if TOKEN in sentence or "Traceback" in sentence]
    assert not [event for event in run.events if TOKEN in str(event)]
    kept = {view: (lake / view / "_delta_log").exists() and read(lake, view).height for view in VIEWS}
    assert not any(kept.values())
