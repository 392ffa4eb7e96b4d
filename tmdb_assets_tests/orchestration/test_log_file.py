"""The log file: everything that runs say, one line an event, no secret, and no run stopped by it."""

import datetime as dt
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import Contract, col
from tmdb_assets.lakehouse.flow.run import Event
from tmdb_assets.orchestration import log_file
from tmdb_assets.orchestration.log_file import keep_log_file, tell, tell_failure, teller
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG, console
from tmdb_assets.settings import SettingsError, load_settings

THINGS = Contract("toy", "clean", "things", "Things.", grain=("n",), columns={"n": col(pl.Int64, "Number.")})
SECRET = "hunter2secrethunter2"


@pytest.fixture
def configure(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Lets runs write to a file, for the time of a test."""

    def configured(file: str = "logs/runs.log", form: str = "text") -> Path:
        path = tmp_path / file
        options = {"tmdb_assets_log_file": path, "tmdb_assets_log_format": form, "tmdb_api_key": "a" * 32}
        keep_log_file(load_settings(_env_file=None, moovitamix_hash_key=SECRET, **options))
        return path

    yield configured
    keep_log_file(load_settings(_env_file=None))


@dg.asset
def things(context: dg.AssetExecutionContext) -> None:
    """A table of two events, one with a secret and a line break in it."""
    tell(context, Event(THINGS, "kept 3", [dt.date(2026, 3, 1)], rows=3, bytes=70, seconds=0.5))
    teller(context, logging.WARNING)(f"asked with {SECRET}\nand again")


@dg.asset
def broken(context: dg.AssetExecutionContext) -> None:
    """One that fails with a sentence."""
    tell_failure(context, "the list is not there")
    raise dg.Failure("the list is not there", allow_retries=False)


def run(*assets: dg.AssetsDefinition, by_job: bool) -> bool:
    """Materialize assets, by a job or as a selection."""
    jobs = [dg.define_asset_job("all_of_it", selection=list(assets), config=CONSOLE_CONFIG)] if by_job else []
    defs = dg.Definitions(assets, jobs=jobs, loggers={"console": console})
    job = defs.resolve_job_def("all_of_it") if by_job else defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(raise_on_error=False).success


@pytest.mark.parametrize("by_job", [True, False], ids=["a job", "a selection"])
def test_what_a_step_tells_is_a_line_with_its_fields_whoever_started_the_run(
    configure: Callable[..., Path], by_job: bool
) -> None:
    path = configure(form="json")
    assert run(things, by_job=by_job)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    (kept,) = [line for line in lines if line.get("table")]
    assert {name: kept[name] for name in ("level", "step", "table", "partitions", "rows", "bytes", "seconds")} == {
        "level": "INFO",
        "step": "things",
        "table": "toy/clean/things",
        "partitions": ["2026-03-01"],
        "rows": 3,
        "bytes": 70,
        "seconds": 0.5,
    }
    assert kept["message"] == "toy/clean/things 2026-03-01: kept 3"
    assert len(kept["run_id"]) == 36
    (asked,) = [line for line in lines if "asked" in line["message"]]
    assert (asked["level"], asked["message"]) == ("WARNING", "asked with ***\nand again")
    assert ("RUN_SUCCESS" in [line.get("event") for line in lines]) == by_job


def test_as_text_a_line_is_a_line_without_a_secret(configure: Callable[..., Path]) -> None:
    path = configure()
    assert run(things, by_job=True)
    text = path.read_text(encoding="utf-8")
    assert SECRET not in text
    (asked,) = [line for line in text.splitlines() if " WARNING " in line and "asked" in line]
    assert asked.endswith("things  asked with ***\\nand again")


@pytest.mark.parametrize("by_job", [True, False], ids=["a job", "a selection"])
def test_a_failure_is_told_once_in_its_own_words(configure: Callable[..., Path], by_job: bool) -> None:
    path = configure(form="json")
    assert not run(broken, by_job=by_job)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    told = [line["message"] for line in lines if "the list is not there" in line["message"]]
    assert told == (["broken failed: the list is not there"] if by_job else ["the list is not there"])


def test_without_the_setting_nothing_is_written(tmp_path: Path) -> None:
    keep_log_file(load_settings(_env_file=None))
    assert run(things, by_job=False)
    assert list(tmp_path.rglob("*.log*")) == []


def test_a_file_that_cannot_be_written_is_one_sentence_and_stops_no_run(
    configure: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("in the way")
    configure()
    assert run(things, by_job=False)
    said = [line for line in capsys.readouterr().err.splitlines() if "log file" in line]
    assert len(said) == 1
    assert "set TMDB_ASSETS_LOG_FILE to a file in a folder that you may write to" in said[0]


def test_a_full_file_is_put_aside_and_a_few_of_those_are_kept(
    configure: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "BYTES_AT_MOST", 2_000)
    monkeypatch.setattr(log_file, "KEPT", 2)
    path = configure()
    for number in range(100):
        log_file.RUNS.info("line %s of a text that is somewhat longer than a few words", number)
    names = sorted(file.name for file in path.parent.iterdir() if not file.name.startswith("."))
    assert names == ["runs.log", "runs.log.1", "runs.log.2"]
    assert "line 99 " in path.read_text(encoding="utf-8")


def test_two_processes_write_to_one_file(configure: Callable[..., Path]) -> None:
    path = configure()
    program = (
        "import sys, logging; from tmdb_assets.orchestration.log_file import keep_log_file, RUNS\n"
        "from tmdb_assets.settings import load_settings\n"
        "keep_log_file(load_settings(_env_file=None, tmdb_assets_log_file=sys.argv[1]))\n"
        "[RUNS.info('%s %s', sys.argv[2], n) for n in range(50)]\n"
    )
    commands = [[sys.executable, "-W", "ignore", "-c", program, str(path), who] for who in "ab"]
    both = [subprocess.Popen(command) for command in commands]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    told = [line.split("  ")[-1] for line in path.read_text(encoding="utf-8").splitlines()]
    assert sorted(told) == sorted(f"{who} {n}" for who in "ab" for n in range(50))


@pytest.mark.parametrize("value", ["yaml", "JSON "])
def test_a_form_that_is_none_is_one_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TMDB_ASSETS_LOG_FORMAT", value)
    with pytest.raises(SettingsError, match="TMDB_ASSETS_LOG_FORMAT"):
        load_settings()


def test_what_is_said_has_a_place_for_every_field() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "plain", (), None)
    said: dict[str, Any] = log_file._Redacting(()).told(record)
    assert set(said) == {"time", "level", "message"}
