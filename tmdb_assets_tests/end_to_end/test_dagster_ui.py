"""Dagster's UI, asked what its pages ask: no warning before a range is materialized, and partitions that are the
lake's.

The UI's own questions go over GraphQL to the server that `make dev` starts. Its partitions page is held against the
lake after runs started in three ways: a job and assets on Dagster's command line, and the UI's *Materialize all*. That
a run of `make day` is kept where the UI looks is test_runs.py's.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.assembly import all_contracts
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets_tests.end_to_end.conftest import ByJob
from tmdb_assets_tests.end_to_end.harness import ASSETS, BIN, RAW, TODAY, command, environment

JOBS = ("tmdb_daily", "moovitamix_daily", "streamflow_monthly")
FIRST, SECOND, LAST = (TODAY - dt.timedelta(days=n) for n in (5, 4, 3))
BY_UI = [TODAY - dt.timedelta(days=n) for n in (12, 11)]
#: What the assets on the command line are: some of each stage.
BY_ASSETS = [*RAW, *(f"tmdb/clean/{name}" for name in ("movies", "movie_stats", "movie_tombstones"))]
BY_ASSETS += [
    f"tmdb/star/{name}" for name in ("dim_language", "dim_collection", "dim_movie", "dim_date", "fact_movie_daily")
]
PARTITIONED = [c for c in all_contracts() if c.source == "tmdb" and not c.is_whole]
REPORT = "daily_report"
PATIENCE = 600  # seconds: machines that run the tests are shared

REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "tmdb_assets"}
ASSETS_OF_JOB = """
query ($selector: PipelineSelector!) { assetNodes(pipeline: $selector) {
  assetKey { path } isPartitioned isMaterializable jobNames dependencyKeys { path } } }
"""
GROUP = """
query ($group: AssetGroupSelector!) { assetNodes(group: $group) {
  assetKey { path } isPartitioned isMaterializable jobNames dependencyKeys { path } } }
"""
PARTITIONS = """
query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetPartitionStatuses {
  ... on TimePartitionStatuses { ranges { status startKey endKey } } } } } }
"""
LAUNCH = """
mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
RUNS = "{ runsOrError { ... on Runs { results { jobName status } } } }"
WORKSPACE = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"


class Ui:
    """The server behind Dagster's UI."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, question: str, **variables: Any) -> Any:
        """What one question of the UI is answered."""
        body = json.dumps({"query": question, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            answer = json.load(reply)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def assets_of(self, job: str) -> list[dict[str, Any]]:
        """What the page of a job shows."""
        return list(self.ask(ASSETS_OF_JOB, selector={"pipelineName": job, **REPOSITORY})["assetNodes"])

    def partitions(self, path: str) -> dict[str, set[str]]:
        """What an asset's partitions page shows: status -> days."""
        key = {"path": path.split("/")}
        ranges = self.ask(PARTITIONS, key=key)["assetNodeOrError"]["assetPartitionStatuses"]["ranges"]
        found: dict[str, set[str]] = {}
        for one in ranges:
            first, last = dt.date.fromisoformat(one["startKey"]), dt.date.fromisoformat(one["endKey"])
            days = {str(first + dt.timedelta(days=n)) for n in range((last - first).days + 1)}
            found.setdefault(one["status"], set()).update(days)
        return found


@pytest.fixture(scope="module")
def ui(by_job: ByJob) -> Iterator[Ui]:
    """The UI as `make dev` starts it, once it has loaded the project."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [BIN / "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    served, home = Ui(port), by_job.clone
    with (home / "served.log").open("wb") as log:
        server = subprocess.Popen(
            words,
            cwd=home,
            env=environment(home.parent, **by_job.variables),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait(lambda: _is_loaded(served, server), home / "served.log")
            yield served
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and all that it started: it ignores a polite word where whoever runs the tests ignores Ctrl-C."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(timeout=30)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait(timeout=30)


def _is_loaded(ui: Ui, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None
    try:
        entries = ui.ask(WORKSPACE)["workspaceOrError"]["locationEntries"]
    except OSError:
        return False
    return [entry["loadStatus"] for entry in entries] == ["LOADED"]


def _wait(is_done: Any, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not is_done():
        assert time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(1)


@pytest.mark.parametrize("job", JOBS)
def test_no_asset_outside_a_job_is_asked_for_before_it_runs(ui: Ui, job: str) -> None:
    """The UI warns of what a selection depends on and does not hold, were it never materialized: nothing ever was
    here."""
    nodes = ui.assets_of(job)
    source = job.split("_")[0]
    selected = {"/".join(node["assetKey"]["path"]) for node in nodes}
    needed = {"/".join(key["path"]) for node in nodes for key in node["dependencyKeys"]}
    assert needed - selected == set()
    assert f"warehouse/{source}" in selected
    assert all(node["isMaterializable"] and job in node["jobNames"] for node in nodes)
    group = ui.ask(GROUP, group={"groupName": source, **REPOSITORY})["assetNodes"]
    assert {"/".join(node["assetKey"]["path"]) for node in group} == selected, "the page of the group asks the same"


def launch(ui: Ui, home: Path, job: str, days: list[dt.date]) -> None:
    """*Materialize all* on the page of a job, for some days, until no run is under way."""
    params = {
        "selector": {
            "partitionSetName": f"{job}_partition_set",
            "repositorySelector": REPOSITORY,
        },
        "assetSelection": [{"path": node["assetKey"]["path"]} for node in ui.assets_of(job)],
        "partitionNames": [str(day) for day in days],
        "fromFailure": False,
        "tags": [],
    }
    before = len(ui.ask(RUNS)["runsOrError"]["results"])
    launched = ui.ask(LAUNCH, params=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def is_over() -> bool:
        runs = ui.ask(RUNS)["runsOrError"]["results"][: -before or None]
        assert not any(run["status"] in {"FAILURE", "CANCELED"} for run in runs), (home / "served.log").read_text()[
            -3000:
        ]
        return bool(runs) and all(run["status"] == "SUCCESS" for run in runs)

    _wait(is_over, home / "served.log")
    assert len(ui.ask(RUNS)["runsOrError"]["results"]) == before + 1, "a range is one run"


def test_the_partitions_page_is_the_lake_after_runs_started_in_three_ways(ui: Ui, by_job: ByJob) -> None:
    home, some = by_job.clone, " or ".join(f"key:{path}" for path in BY_ASSETS)
    ran = command(home, *ASSETS[:-1], some, "--partition-range", f"{FIRST}...{LAST}", **by_job.variables)
    assert ran.returncode == 0, ran.stderr[-3000:]
    launch(ui, home, "tmdb_daily", BY_UI)
    days = {by_job.day, FIRST, SECOND, LAST, *BY_UI}
    store = DeltaStore(home / "data" / "lake")
    proven = set(Ledger(store, "tmdb").days_proven(days | {TODAY - dt.timedelta(days=n) for n in range(20)}))
    assert proven == days
    told = {str(day) for day in proven}
    whole = told - {str(day) for day in (FIRST, SECOND, LAST)}
    shown = {c.path: told if c.path in BY_ASSETS else whole for c in PARTITIONED}
    assert {path: ui.partitions(path) for path in shown} == {
        path: {"MATERIALIZED": days} for path, days in shown.items()
    }
    by_day = [c for c in PARTITIONED if c.partition]
    kept = {c.path: set(store.scan(c).select(pl.col(c.partition).unique()).collect().to_series()) for c in by_day}
    parts = {c.path: {c.part_of(day) for day in proven} for c in by_day}
    assert {path: found - parts[path] for path, found in kept.items() if found - parts[path]} == {}, (
        "a day that Dagster does not show"
    )
    everywhere = (
        "tmdb/raw/discover_pages",
        "tmdb/raw/movie_ids",
        "tmdb/clean/movie_stats",
        "tmdb/star/fact_movie_daily",
    )
    assert {path: days for path, days in kept.items() if path in everywhere} == dict.fromkeys(everywhere, proven)
    reported = whole | {str(LAST)}  # the newest day always has its report
    assert ui.partitions(REPORT) == {"MATERIALIZED": reported}
    assert {file.stem for file in (home / "data" / "reports").iterdir()} == reported
