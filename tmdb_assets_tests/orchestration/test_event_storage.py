"""Dagster's events in files that stay open: what one process writes every other reads, whatever its storage, and a
killed process loses nothing."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from tmdb_assets.orchestration.event_storage import INDEX_SHARD_NAME, OPEN_AT_MOST, OpenSqliteEventLogStorage
from tmdb_assets.settings import SettingsError
from tmdb_assets_tests.conftest import PROJECT


@dg.asset
def thing() -> dg.MaterializeResult[None]:
    """A table of nothing."""
    return dg.MaterializeResult(metadata={"rows": 3})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance with the project's own dagster.yaml."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    shutil.copyfile(PROJECT / "data" / "dagster" / "dagster.yaml", folder / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


@contextmanager
def instance(home: Path, *, is_plain: bool = False) -> Iterator[dg.DagsterInstance]:
    """The instance, or the same files as Dagster itself reads them."""
    if is_plain:
        config = (home / "dagster.yaml").read_text(encoding="utf-8")
        (home / "plain.yaml").write_text(re.sub(r"^event_log_storage:\n(?:  .*\n)+", "", config, flags=re.MULTILINE))
    with dg.DagsterInstance.from_config(str(home), "plain.yaml" if is_plain else "dagster.yaml") as found:
        yield found


def storage(found: dg.DagsterInstance) -> OpenSqliteEventLogStorage:
    kept = found.event_log_storage
    assert isinstance(kept, OpenSqliteEventLogStorage)
    return kept


def told(found: dg.DagsterInstance, run_id: str) -> list[str]:
    return [str(record.event_log_entry.dagster_event_type) for record in found.get_records_for_run(run_id).records]


def rows_of_thing(found: dg.DagsterInstance) -> list[object]:
    records = found.fetch_materializations(dg.AssetKey("thing"), limit=100).records
    return [m.metadata["rows"].value for record in records if (m := record.asset_materialization)]


def test_what_it_writes_dagster_reads_and_the_other_way_round(home: Path) -> None:
    with instance(home) as ours:
        assert type(storage(ours)) is OpenSqliteEventLogStorage
        first = dg.materialize([thing], instance=ours)
    with instance(home, is_plain=True) as plain:
        assert type(plain.event_log_storage) is SqliteEventLogStorage
        assert "DagsterEventType.RUN_SUCCESS" in told(plain, first.run_id)
        second = dg.materialize([thing], instance=plain)
        with instance(home) as ours:
            assert told(ours, second.run_id) == told(plain, second.run_id)
            assert rows_of_thing(ours) == rows_of_thing(plain) == [3, 3]
            third = dg.materialize([thing], instance=ours)
            assert told(plain, third.run_id) == told(ours, third.run_id), "while both have the files open"


def test_files_of_a_few_runs_stay_open(home: Path) -> None:
    with instance(home) as ours:
        runs = [dg.materialize([thing], instance=ours).run_id for _ in range(OPEN_AT_MOST + 2)]
        for run_id in runs:
            assert told(ours, run_id)
        assert set(storage(ours)._open) == {INDEX_SHARD_NAME, *runs[-OPEN_AT_MOST:]}
    assert storage(ours)._open == {}


def test_a_file_that_another_took_the_place_of_is_opened_anew(home: Path) -> None:
    """As when the instance is deleted, or a copy put back, while the UI is open."""
    with instance(home) as ours:
        gone = dg.materialize([thing], instance=ours)
        shutil.rmtree(home / "history")
        (home / "history" / "runs").mkdir(parents=True)
        assert told(ours, gone.run_id) == []
        assert rows_of_thing(ours) == []
    with instance(home) as ours:
        assert "DagsterEventType.RUN_SUCCESS" in told(ours, dg.materialize([thing], instance=ours).run_id)


def test_a_killed_process_loses_nothing_that_was_told(home: Path) -> None:
    program = (
        "import os, signal, dagster as dg\n"
        "@dg.asset\n"
        "def thing(): return dg.MaterializeResult(metadata={'rows': 3})\n"
        "@dg.asset(deps=[thing])\n"
        "def killed(): os.kill(os.getpid(), signal.SIGKILL)\n"
        "dg.materialize([thing, killed], instance=dg.DagsterInstance.get(), run_config={})\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    with instance(home, is_plain=True) as plain:
        assert rows_of_thing(plain) == [3]
        (run,) = plain.get_runs()
        assert told(plain, run.run_id)[-1] == "DagsterEventType.STEP_START"


def test_two_processes_at_once_lose_nothing(home: Path) -> None:
    program = (
        "import dagster as dg\n"
        "@dg.asset\n"
        "def thing(): return dg.MaterializeResult(metadata={'rows': 3})\n"
        "instance = dg.DagsterInstance.get()\n"
        "[dg.materialize([thing], instance=instance) for _ in range(5)]\n"
    )
    with instance(home):  # the files are made once
        pass
    both = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", program]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    with instance(home, is_plain=True) as plain:
        assert rows_of_thing(plain) == [3] * 10


def test_without_an_instance_it_says_where_it_would_be(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    with pytest.raises(SettingsError, match="DAGSTER_HOME is not set"), instance(home) as ours:
        assert ours.event_log_storage
