"""The alerts: a real Prometheus scrapes a lake with a failed day, fires, and resolves; promtool tests every rule."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import dagster as dg
import pytest

from tmdb_assets import health
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.metrics import METRICS, PORT
from tmdb_assets_tests.conftest import PROJECT, TODAY
from tmdb_assets_tests.orchestration.standing.toy import observe, toy
from tmdb_assets_tests.prometheus_server import OPS, program, prometheus
from tmdb_assets_tests.test_metrics import exposed, served

RULES = (OPS / "rules.yml").read_text(encoding="utf-8")
TESTED = (OPS / "rules_test.yml").read_text(encoding="utf-8")
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
NOT_OURS = {"tmdb_assets"}  #: the name of the scrape job and of the group


def promtool(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("promtool"), *words], input=stdin, capture_output=True, text=True, timeout=120)


def test_an_alert_fires_for_a_failed_day_and_resolves_once_it_is_made_good(
    lake: DeltaStore, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    program("prometheus")
    watched = toy(lake, instance)
    observe(lake, TODAY, is_complete=False, quarantined=0)
    watched.run(TODAY, fails=True)
    with served(watched) as port, prometheus(tmp_path / "prometheus", port) as server:

        def alerts() -> set[tuple[str, str]]:
            return {(a["alertname"], a.get("partition") or a.get("day") or "") for a in server.firing()}

        failed = {("RunFailed", "2026-03-10"), ("BlockingCheckFailed", "2026-03-10")}
        assert server.wait_for(lambda: failed <= alerts()), alerts()
        assert {a["dagster_job"] for a in server.firing() if a["alertname"] == "RunFailed"} == {"toy_daily"}
        fell_short = 'tmdb_assets_error_count{kind="fell_short"}'
        assert server.value(fell_short) == 1
        observe(lake, TODAY, quarantined=11)
        watched.run(TODAY)
        assert server.wait_for(lambda: alerts() == {("QuarantineFull", "2026-03-10")}), alerts()
        assert server.value('tmdb_assets_last_success_timestamp_seconds{dagster_job="toy_daily"}')
        observe(lake, TODAY, quarantined=10)
        assert server.wait_for(lambda: server.value(fell_short) == 0 and not alerts()), alerts()


def test_rules_and_configuration_are_what_prometheus_reads() -> None:
    done = promtool("check", "config", str(OPS / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'targets: ["127.0.0.1:{PORT}"]' in (OPS / "prometheus.yml").read_text(encoding="utf-8")


def test_every_rule_fires_and_resolves_as_its_test_says() -> None:
    done = promtool("test", "rules", str(OPS / "rules_test.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    alerts = re.findall(r"- alert: (\w+)", RULES)
    assert (
        alerts
        and {a for a in alerts if f"alertname: {a}\n" not in TESTED or f"{a}, exp_alerts: []" not in TESTED} == set()
    )


@pytest.mark.parametrize(
    ("limit", "other"),
    [
        ("> 3600", "> 3660"),
        ("< 0.05", "< 0.06"),
        ("> 0.1", ">= 0.1"),
        ("< 300", "< 999"),
        ("> 2\n", "> 3\n"),
        ('{blocking="true"} == 1', " == 1"),
        ("unless on (source) tmdb_assets_next_day_due_timestamp_seconds < time()", ""),
    ],
)
def test_a_rule_that_is_changed_does_not_pass_its_test(tmp_path: Path, limit: str, other: str) -> None:
    assert limit in RULES
    shutil.copy(OPS / "rules_test.yml", tmp_path)
    (tmp_path / "rules.yml").write_text(RULES.replace(limit, other), encoding="utf-8")
    assert promtool("test", "rules", str(tmp_path / "rules_test.yml")).returncode == 1


def test_the_names_keep_to_prometheus_conventions(lake: DeltaStore, instance: dg.DagsterInstance) -> None:
    """But for the error count, which keeps the name that people look for."""
    observe(lake, TODAY)
    done = promtool("check", "metrics", stdin=exposed(toy(lake, instance)))
    assert done.stderr.splitlines() == [
        'tmdb_assets_error_count non-histogram and non-summary metrics should not have "_count" suffix'
    ]


def test_no_label_is_one_of_prometheus_own() -> None:
    assert [name for name, (labels, _) in METRICS.items() if {"job", "instance"} & set(labels)] == []


def test_rules_name_metrics_that_there_are() -> None:
    known = {f"tmdb_assets_{name}" for name in METRICS} | NOT_OURS
    assert {name for name in re.findall(r"\btmdb_assets_?\w*", RULES + TESTED) if name not in known} == set()


def test_the_limits_are_those_of_make_health() -> None:
    assert f"last_event_timestamp_seconds > {health.RUN_SILENT}" in RULES
    assert f"queue_wait_seconds > {health.RUN_WAITING}" in RULES
    assert f"heartbeat_timestamp_seconds) < {health.DAEMON_SILENT}" in RULES
    assert f"disk_size_bytes < {health.FREE_SHARE}" in RULES
    assert f"partitions_past_retention > {health.PAST_RETENTION}" in RULES


def test_the_docs_list_every_metric_and_every_alert() -> None:
    listed = re.findall(r"^\| `(\w+)`", OPERATIONS, re.MULTILINE)
    assert sorted(listed) == sorted([*METRICS, *re.findall(r"- alert: (\w+)", RULES)])
