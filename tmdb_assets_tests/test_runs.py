"""`make day` and `make backfill`: which partition is meant, what a run that fails says last, where its run is kept."""

from __future__ import annotations

import datetime as dt
import sys
import sysconfig
from pathlib import Path

import dagster as dg
import pytest

from tmdb_assets import runs
from tmdb_assets.lakehouse.calendar import Cadence

TODAY = dt.date(2026, 3, 1)


@pytest.mark.parametrize(
    ("said", "day", "month"),
    [
        ("today", "2026-03-01", "2026-02"),
        ("Yesterday ", "2026-02-28", "2026-02"),
        ("2026-02-28", "2026-02-28", "2026-02"),
        ("2026-02", None, "2026-02"),
        ("7-days-ago", "2026-02-22", None),
        ("1 day ago", "2026-02-28", None),
        ("0-days-ago", "2026-03-01", None),
        ("1-month-ago", None, "2026-02"),
        ("3 Months Ago", None, "2025-12"),
        ("days-ago", None, None),
        ("-7-days-ago", None, None),
        ("2026-02-30", None, None),
        ("2026-13", None, None),
        ("tomorrow", None, None),
        ("28.02.2026", None, None),
        ("", None, None),
    ],
)
def test_a_partition_is_said_as_people_say_it(said: str, day: str | None, month: str | None) -> None:
    for cadence, key in ((Cadence.DAY, day), (Cadence.MONTH, month)):
        if key is None:
            with pytest.raises(runs.RunError, match=f"is no {cadence.value}: write a {cadence.value} such as"):
                runs.partition(said, cadence, TODAY)
        else:
            assert runs.partition(said, cadence, TODAY) == key


def test_the_last_day_of_a_month_ends_it() -> None:
    assert runs.partition("today", Cadence.MONTH, dt.date(2026, 2, 28)) == "2026-02"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["today", "--source", "spotify"], ("There is no source 'spotify': SOURCE is one of moovitamix, "
        "streamflow, tmdb.")),
        (["2024-12-31"], "2024-12-31 cannot be observed: days begin with 2025-01-01 and end with"),
        (["2026-03-01", "2026-02-27"], "The range ends before it begins: from 2026-03-01 to 2026-02-27."),
        (["2026-01", "--source", "tmdb"], ("'2026-01' is no day: write a day such as 2026-11-20, `today`, "
        "`yesterday` or, for ")),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs.main(words) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"tmdb_assets: {said}")
    assert (told.err.count("\n"), told.out) == (1, "")


def test_a_run_that_fails_ends_with_why_and_is_kept_where_the_ui_looks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert runs.main(["2026-01", "2026-02", "--source", "streamflow"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("streamflow, 2026-01 to 2026-02: streamflow/raw/drop_files failed: ")
    assert "does not exist. Put the month's six files there" in last
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
    assert (run.job_name, run.status) == ("streamflow_monthly", dg.DagsterRunStatus.FAILURE)


def test_a_run_that_the_ui_will_not_show_says_so_first(capfd: pytest.CaptureFixture[str]) -> None:
    assert runs.main(["2026-02", "--source", "streamflow"]) == 1
    first = capfd.readouterr().err.splitlines()[0]
    assert "WARNING: DAGSTER_HOME is not set, so Dagster's UI will not show this run" in first
    assert "`make setup`" in first


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="no .venv made by `make setup`")
def test_the_environment_that_make_sets_up_knows_the_projects_instance() -> None:
    """The line that Python executes as it starts; who sets DAGSTER_HOME has the last word."""
    files = list(Path(sysconfig.get_path("purelib")).glob("tmdb_assets_dagster_home.pth"))
    if not files:
        pytest.skip("this environment was not made by `make setup`")
    line = files[0].read_text(encoding="ascii")
    home = line.split("'")[1]
    assert Path(home).parts[-2:] == ("data", "dagster")
    assert (Path(home) / "dagster.yaml").is_file()
    environment: dict[str, str] = {}
    exec(line.replace("os.environ", "environment"), {"environment": environment})  # as Python itself does
    assert environment == {"DAGSTER_HOME": home}
