"""Invented drops: believable, the same for the same seed, complete or not there, and taken by the source."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import subprocess
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.sandbox.streamflow import folders
from tmdb_assets.sandbox.streamflow.people import ADD_ONS_SINCE, Person, last_day, month_number, people
from tmdb_assets.sources.streamflow.drops import read_drop
from tmdb_assets_tests.sandbox.running import COMMAND, PROJECT

FILES = [
    "users.csv",
    "subscriptions.csv",
    "usage_agg_30d.csv",
    "payments_agg_90d.csv",
    "support_agg_90d.csv",
    "labels.csv",
]
AUGUST, SEPTEMBER, OCTOBER = (month_number(dt.date(2026, m, 1)) for m in (8, 9, 10))


def rows(folder: Path, name: str) -> dict[str, dict[str, str]]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return {row["user_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def drops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """August to October 2026, about 300 users a month. Read only."""
    folder = tmp_path_factory.mktemp("invented")
    assert len(list(folders.write_drops(folder, [AUGUST, SEPTEMBER, OCTOBER], 300, 7))) == 3
    return folder


def test_every_month_is_a_sound_drop(drops: Path) -> None:
    assert sorted(f.name for f in drops.iterdir()) == ["2026-08", "2026-09", "2026-10"]
    for folder in drops.iterdir():
        drop = read_drop(folder, Cadence.MONTH.day(folder.name))
        assert drop.faults == []
        assert drop.is_sandbox
        assert {f.name for f in folder.iterdir()} == {*FILES, "_SUCCESS"}
        assert 200 < len(rows(folder, "users.csv")) < 500


def test_headers_are_those_of_the_recorded_drops_and_add_ons_come_later(drops: Path) -> None:
    headers = {(f.name, n): (f / n).read_text().splitlines()[0] for f in drops.iterdir() for n in FILES}
    base = (
        "user_id,months_active,plan_stream_tv,plan_stream_movies,contract_type,paperless_billing,monthly_fee,total_paid,"
        "net_service"
    )
    add_ons = ",add_on_security,add_on_backup,add_on_device_protect,add_on_support"
    assert headers["2026-08", "subscriptions.csv"] == base
    assert {headers[m, "subscriptions.csv"] for m in ("2026-09", "2026-10")} == {base + add_ons}
    assert last_day(ADD_ONS_SINCE) == dt.date(2026, 9, 30)
    assert headers["2026-08", "labels.csv"] == "user_id,churn_label"


@pytest.mark.real
def test_columns_are_those_of_the_recorded_drops(drops: Path, real_data: Path) -> None:
    for name in FILES:
        recorded = (real_data / "streamflow" / "month_000" / name).read_text().splitlines()[0]
        assert (drops / "2026-08" / name).read_text().splitlines()[0] == recorded


def test_users_come_and_go_and_what_does_not_change_stays(drops: Path) -> None:
    august, september = (rows(drops / m, "users.csv") for m in ("2026-08", "2026-09"))
    stayed = set(august) & set(september)
    assert set(august) - stayed
    assert set(september) - stayed
    assert len(stayed) > 0.9 * len(august)
    assert all(august[who] == september[who] for who in stayed)
    usage = [rows(drops / m, "usage_agg_30d.csv") for m in ("2026-08", "2026-09")]
    assert sum(usage[0][who] != usage[1][who] for who in stayed) > 0.9 * len(stayed)


def test_who_leaves_churned_in_the_month_before(drops: Path) -> None:
    there = [set(rows(drops / m, "users.csv")) for m in ("2026-08", "2026-09", "2026-10")]
    for month, (now, after) in zip(("2026-08", "2026-09"), itertools.pairwise(there), strict=True):
        labels = rows(drops / month, "labels.csv")
        assert {labels[who]["churn_label"] for who in now - after} == {"True"}


def test_who_stays_goes_on_living_whatever_the_number_of_months(drops: Path) -> None:
    months = [
        {who: int(row["months_active"]) for who, row in rows(drops / m, "subscriptions.csv").items()}
        for m in ("2026-08", "2026-09")
    ]
    stayed = set(months[0]) & set(months[1])
    assert {months[1][who] - months[0][who] for who in stayed} == {1}
    assert max(months[1].values()) > 72


def test_churn_follows_the_features() -> None:
    everybody = list(people(400, 7, 12))
    risks = [(p, m) for p in everybody for m in range(12) if p.is_there(m)]

    def rate(group: list[tuple[Person, int]]) -> float:
        return sum(p.churns(m) for p, m in group) / len(group)

    monthly = [(p, m) for p, m in risks if p.contract_type == "Month-to-month"]
    bound = [(p, m) for p, m in risks if p.contract_type == "Two year"]
    failed = [(p, m) for p, m in monthly if int(str(p.payments(m)["failed_payments_90d"])) > 0]
    paid = [(p, m) for p, m in monthly if int(str(p.payments(m)["failed_payments_90d"])) == 0]
    assert rate(monthly) > 3 * rate(bound)
    assert rate(failed) > 1.3 * rate(paid)


def test_the_same_seed_writes_the_same_month_whatever_months_are_asked(drops: Path, tmp_path: Path) -> None:
    assert len(list(folders.write_drops(tmp_path, [SEPTEMBER], 300, 7))) == 1
    for name in [*FILES, "_SUCCESS"]:
        assert (tmp_path / "2026-09" / name).read_bytes() == (drops / "2026-09" / name).read_bytes()
    list(folders.write_drops(tmp_path / "other", [SEPTEMBER], 300, 8))
    assert (tmp_path / "other" / "2026-09" / "users.csv").read_bytes() != (drops / "2026-09" / "users.csv").read_bytes()


def test_a_month_appears_complete_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(folders.write_drops(tmp_path, [AUGUST], 40, 7))
    before = {f.name: f.read_bytes() for f in (tmp_path / "2026-08").iterdir()}

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(target))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="No space left"):
            list(folders.write_drops(tmp_path, [AUGUST, SEPTEMBER], 40, 8))
    assert not (tmp_path / "2026-09").exists()
    assert {f.name: f.read_bytes() for f in (tmp_path / "2026-08").iterdir()} == before
    list(folders.write_drops(tmp_path, [AUGUST], 40, 8))
    assert {f.name: f.read_bytes() for f in (tmp_path / "2026-08").iterdir()} != before
    assert [f.name for f in tmp_path.iterdir() if not f.name.endswith(".new")] == ["2026-08"]


def test_a_drop_that_is_not_invented_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "2026-08").mkdir()
    (tmp_path / "2026-08" / "users.csv").write_text("user_id\n")
    with pytest.raises(folders.FolderError, match="2026-08 is there and was not written by the sandbox"):
        list(folders.write_drops(tmp_path, [AUGUST], 40, 7))
    assert [f.name for f in (tmp_path / "2026-08").iterdir()] == ["users.csv"]


def command(*options: str, **more: str) -> subprocess.CompletedProcess[str]:
    import os

    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **more}
    return subprocess.run(
        [*COMMAND, "drops", *options], capture_output=True, text=True, timeout=120, check=False, env=environment
    )


def test_the_command_writes_where_the_setting_says_and_tells_what(tmp_path: Path) -> None:
    run = command("--months", "2026-09..2026-10", "--users", "30", STREAMFLOW_DROPS=str(tmp_path / "here"))
    assert (run.returncode, run.stderr) == (0, "")
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == [
        str(tmp_path / "here" / "2026-09"), str(tmp_path / "here" / "2026-10"),
    ]  # fmt: skip
    one = command("--months", "2026-09", "--users", "30", "--to", str(tmp_path / "there"))
    assert one.returncode == 0
    for name in FILES:
        assert (tmp_path / "here" / "2026-09" / name).read_bytes() == (
            tmp_path / "there" / "2026-09" / name
        ).read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--months", "2026-9x"], "2026-9x is not of the form YYYY-MM..YYYY-MM"),
        (["--months", "2026-10..2026-08"], "2026-10..2026-08 ends before it begins"),
        (["--months", "2019-12"], "2019-12 is not between 2020-01 and 2050-12"),
        (["--months", "2026-08", "--users", "3"], "3 is not a number from 20 to 1e+06"),
        (["--months", "2026-08", "--to", "/proc/nowhere", "--users", "20"], "drops cannot be written to /proc/nowhere"),
        ([], "--months"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(options: list[str], said: str) -> None:
    run = command(*options)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""
