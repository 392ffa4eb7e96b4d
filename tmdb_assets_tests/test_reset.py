"""`make reset`: what runs have left goes, once somebody agreed; what they did not make stays."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from tmdb_assets import reset
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import contracts as moovitamix
from tmdb_assets.sources.tmdb import contracts as tmdb


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which runs have been, with things of others among what they left."""
    data = tmp_path / "data"
    store = DeltaStore(data / "lake")
    for contract in (tmdb.MOVIES, moovitamix.PAGES):
        store.create(contract)
    for name in (
        "warehouse.duckdb",
        "warehouse.duckdb.wal",
        "warehouse.duckdb.next",
        "reports/2026-03-10.html",
        "reports/mine.html",
        "dagster/dagster.yaml",
        "dagster/history/runs.db",
        "reference/us_cpi.csv",
        "lake/tmdb/notes.txt",
        "lake.moovitamix_key",
    ):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("")
    monkeypatch.setattr(reset, "DAGSTER", data / "dagster")
    monkeypatch.setattr(reset.traces, "__defaults__", (data / "dagster",))
    monkeypatch.setattr(reset.reset, "__defaults__", (data / "dagster",))
    monkeypatch.setattr(reset, "busy_dagster", lambda home: "")
    return data


def files(folder: Path) -> set[str]:
    """Every file, but for locks."""
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and not f.name.endswith(".lock")}


def test_what_runs_have_left_goes_and_nothing_else(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reset.main(["--yes"]) == 0
    assert "data/reports: 2026-03-10.html" in capsys.readouterr().out
    assert files(project) == {
        "reports/mine.html",
        "dagster/dagster.yaml",
        "reference/us_cpi.csv",
        "lake/tmdb/notes.txt",
        "lake.moovitamix_key",
    }
    assert reset.main(["--yes"]) == 0
    assert capsys.readouterr().out == "There is nothing to remove.\n"
    (project / "lake/tmdb/notes.txt").unlink()


def test_a_lake_with_nothing_else_in_it_goes_as_a_whole(project: Path) -> None:
    (project / "lake/tmdb/notes.txt").unlink()
    assert reset.main(["--yes"]) == 0
    assert not (project / "lake").exists()


def test_nothing_goes_when_nobody_agrees(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(project)
    assert reset.main([]) == 2
    told = capsys.readouterr()
    assert "warehouse.duckdb.wal" in told.out
    assert told.err.startswith("reset: nothing was changed, because nobody can be asked here: give YES=1")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: "no")
    assert reset.main([]) == 2
    assert files(project) == before


def test_nothing_goes_while_dagster_is_at_work(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reset, "busy_dagster", lambda home: "2 runs are under way")
    assert reset.main(["--yes"]) == 1
    assert capsys.readouterr().err == "reset: 2 runs are under way: end it first.\n"
    assert (project / "warehouse.duckdb").exists()


def test_a_run_that_is_under_way_is_seen(tmp_path: Path) -> None:
    from tmdb_assets.runs import busy_dagster

    assert busy_dagster(tmp_path) == ""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.create_run_for_job(dg.GraphDefinition("nothing").to_job(), status=dg.DagsterRunStatus.STARTED)
    assert busy_dagster(tmp_path) == "1 run is under way"


def test_a_lake_in_a_bucket_stays(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMDB_ASSETS_LAKE", "s3://bucket/lake")
    assert reset.main(["--yes"]) == 0
    assert "The lake is a bucket: it stays" in capsys.readouterr().out
    assert not (project / "warehouse.duckdb").exists()


@pytest.mark.parametrize(("seconds", "said"), [(10, "Dagster's UI or daemon (`make dev`) is running"), (120, "")])
def test_a_daemon_whose_heart_stopped_beating_is_not_waited_for(tmp_path: Path, seconds: int, said: str) -> None:
    from tmdb_assets.runs import busy_dagster

    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds, "SCHEDULER", "1", []))
    (tmp_path / "storage").mkdir(exist_ok=True)
    assert busy_dagster(tmp_path) == said
