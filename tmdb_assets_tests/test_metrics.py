"""The metrics: each has its value, no label has ever more of them, what cannot be read is a 0 and a line of the log."""

from __future__ import annotations

import datetime as dt
import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from tmdb_assets import metrics
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.metrics import METRICS, Collector
from tmdb_assets.orchestration.standing.lake import DAYS
from tmdb_assets_tests.conftest import TODAY
from tmdb_assets_tests.orchestration.standing.toy import PAGES, YESTERDAY, Toy, observe, toy

PREFIX = "tmdb_assets_"
Samples = dict[tuple[str, ...], float]
OF_A_RUN = ("toy_daily", "2026-03-10")


@pytest.fixture
def watched(lake: DeltaStore, instance: dg.DagsterInstance) -> Toy:
    return toy(lake, instance)


def exposed(watched: Toy) -> str:
    registry = CollectorRegistry()
    registry.register(Collector(watched.watch))
    return generate_latest(registry).decode()


def samples(text: str) -> dict[str, Samples]:
    """Name without prefix -> values of its labels, in the order in which they are declared -> value."""
    found: dict[str, Samples] = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation
        name = family.name.removeprefix(PREFIX)
        found[name] = {tuple(s.labels[label] for label in METRICS[name][0]): s.value for s in family.samples}
    return found


@contextmanager
def served(watched: Toy) -> Iterator[int]:
    """The metrics on a free port, which is told."""
    registry = CollectorRegistry()
    registry.register(Collector(watched.watch))
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_metric_has_a_value_once_everything_has_happened(watched: Toy) -> None:
    observe(watched.store, TODAY)
    watched.run(TODAY, warns=True)
    started = create_run_for_test(watched.instance, "toy_daily", status=DagsterRunStatus.STARTED)
    watched.instance.report_engine_event("still here", started)
    watched.instance.add_daemon_heartbeat(DaemonHeartbeat(1_000.0, "SCHEDULER", "1", []))
    watched.watch.targets = {"warehouse": lambda: 77}
    found = samples(exposed(watched))
    assert {name for name in METRICS if not found[name]} == set()
    assert found.keys() == METRICS.keys()


def test_a_day_is_told_with_what_it_cost(watched: Toy) -> None:
    observe(watched.store, TODAY, quarantined=7)
    found = samples(exposed(watched))
    day = ("toy", "2026-03-10")
    midnight = dt.datetime(2026, 3, 10, tzinfo=dt.UTC).timestamp()
    assert found["newest_day_timestamp_seconds"] == {("toy",): midnight}
    assert found["next_day_due_timestamp_seconds"] == {("toy",): midnight + (24 + 9 + 3) * 3600}
    assert (found["calls"][day], found["request_time_seconds"][day], found["data_processed_bytes"][day]) == (
        12,
        1.5,
        4_000,
    )
    assert found["error_count"] == {(*day, "retried"): 3, (*day, "throttled"): 2, (*day, "fell_short"): 0}
    states = {"received": 102.0, "kept": 93.0, "quarantined": 7.0, "duplicate": 2.0}
    assert found["rows"] == {(*day, PAGES.path, state): count for state, count in states.items()}
    assert found["quality_score"] == {(*day, PAGES.path): 87.5}
    assert found["day_proven"] == {day: 1}
    assert found["table_stale_after_seconds"] == {("toy",): 48 * 3600}


def test_a_failed_run_is_seen_until_it_goes_well(watched: Toy) -> None:
    observe(watched.store, TODAY, is_complete=False)
    watched.run(TODAY, fails=True)
    found = samples(exposed(watched))
    assert found["run_status"] == {(*OF_A_RUN, "FAILURE"): 1}
    assert found["runs"]["toy_daily", "FAILURE"] == 1
    assert found["day_proven"] == {("toy", "2026-03-10"): 0}
    assert found["error_count"]["toy", "2026-03-10", "fell_short"] == 1
    assert found["failed_checks"] == {("toy", "2026-03-10", "true"): 1, ("toy", "2026-03-10", "false"): 0}
    assert found["check_failed"] == {("toy", "2026-03-10", "toy/star/figures", "whole", "true"): 1}
    assert found["cpu_usage_seconds"] == found["memory_usage_bytes"] == found["last_success_timestamp_seconds"] == {}
    observe(watched.store, TODAY)
    watched.run(TODAY)
    found = samples(exposed(watched))
    assert found["run_status"] == {(*OF_A_RUN, "SUCCESS"): 1}
    assert found["failed_checks"] == {("toy", "2026-03-10", "true"): 0, ("toy", "2026-03-10", "false"): 0}
    assert found["check_failed"] == {}
    assert found["memory_usage_bytes"][OF_A_RUN] > 1_000_000
    assert set(found["last_success_timestamp_seconds"]) == {OF_A_RUN}


def test_labels_have_no_more_days_than_are_promised(watched: Toy) -> None:
    for before in range(DAYS + 2):
        day = TODAY - dt.timedelta(days=before)
        observe(watched.store, day)
        tags = {"dagster/partition": day.isoformat()}
        create_run_for_test(watched.instance, "toy_daily", status=DagsterRunStatus.SUCCESS, tags=tags)
    found = samples(exposed(watched))
    for name, (labels, _) in METRICS.items():
        for label in {"day", "partition"} & set(labels):
            assert len({values[labels.index(label)] for values in found[name]}) <= DAYS, name
    assert len(found["calls"]) == len(found["run_status"]) == DAYS


def test_what_cannot_be_read_is_a_zero_and_one_line_of_the_log(watched: Toy, caplog: pytest.LogCaptureFixture) -> None:
    watched.run(TODAY)

    def unreachable() -> int:
        raise ConnectionError("no route to the host of hunter22")

    watched.watch.targets = {"postgres": unreachable}
    watched.watch.tell = lambda sentence: sentence.replace("hunter22", "***")
    with served(watched) as port:
        for _ in range(2):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            assert answer.status == 200
            found = samples(text)
            assert found["up"] == {("lake",): 0, ("dagster",): 1, ("targets",): 0}
            assert found["run_status"] and found["disk_free_bytes"] and not found["calls"]
            assert "hunter22" not in text
    lines = [record.getMessage() for record in caplog.records if record.name == "tmdb_assets.metrics"]
    assert lines == [
        f"lake cannot be read: The lake {watched.store.root} is not there: nothing has been observed yet, or its disk "
        "is away.",
        "targets cannot be read: ConnectionError: no route to the host of ***",
    ]


def test_they_can_be_printed_once(
    watched: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    observe(watched.store, TODAY)
    monkeypatch.setattr(metrics, "watch", lambda settings: watched.watch)
    assert metrics.main(["--once"]) == 0
    assert samples(capsys.readouterr().out)["up"]["lake",] == 1


@pytest.mark.parametrize(("host", "why"), [("127.0.0.1", "in use"), ("no.such.host.invalid", "")])
def test_a_port_or_host_that_is_not_to_be_had_is_one_sentence(
    watched: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, why: str
) -> None:
    monkeypatch.setattr(metrics, "watch", lambda settings: watched.watch)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert metrics.main(["--port", str(port), "--host", host]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tmdb_assets: metrics cannot be served on {host}:{port} (")
    assert why in line and line.endswith("choose another one with --port or --host.")


def test_a_setting_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAW_RETENTION_DAYS", "many")
    assert metrics.main(["--once"]) == 1
    assert capsys.readouterr().err.startswith("tmdb_assets: Setting RAW_RETENTION_DAYS='many' cannot be used")


def test_the_command_tells_of_the_real_project_before_anything_has_run(tmp_path: Path) -> None:
    """Its jobs, schedules and sources; nothing is there yet, and nothing is made."""
    done = subprocess.run(
        [sys.executable, "-m", "tmdb_assets.metrics", "--once"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={**os.environ, "DAGSTER_HOME": ""},
    )
    found = samples(done.stdout)
    assert found["up"] == {("lake",): 0, ("dagster",): 0, ("targets",): 1}
    assert "Traceback" not in done.stderr and "lake cannot be read" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_its_extra_one_sentence_says_how_to_install_it() -> None:
    program = (
        "import runpy, sys\nsys.modules['prometheus_client'] = None\n"
        "runpy.run_module('tmdb_assets.metrics', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "tmdb_assets: metrics cannot be served: prometheus_client is not installed; `make metrics` installs it, and "
        "without make `pip install prometheus-client`, the extra `metrics`, does."
    ]


def test_yesterdays_failure_is_told_beside_todays_success(watched: Toy) -> None:
    watched.run(YESTERDAY, fails=True)
    watched.run(TODAY)
    found = samples(exposed(watched))
    assert found["run_status"] == {(*OF_A_RUN, "SUCCESS"): 1, ("toy_daily", "2026-03-09", "FAILURE"): 1}
