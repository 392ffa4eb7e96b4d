"""The commands that fill a lake, typed at the root of a clone with no settings: the built-in sandbox serves."""

from __future__ import annotations

import polars as pl
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets_tests.end_to_end.conftest import ByJob
from tmdb_assets_tests.end_to_end.harness import TABLES, command, ledger, read

BREAKOUTS = "tmdb/views/vw_breakouts"  # asks for three weeks of history: after one day it has no rows


def test_the_job_fills_every_table(by_job: ByJob) -> None:
    assert {path for path in TABLES if not read(by_job.lake, path).height} == {BREAKOUTS}


def test_the_ledger_says_that_the_day_is_complete(by_job: ByJob) -> None:
    entries = ledger(by_job.lake, by_job.day)
    lists = {"genre/movie/list", "configuration/languages", "configuration/countries"}
    assert set(entries) == lists | {"exports/movie_ids", "discover/movie", "movie/changes", "movie/{id}"}
    for entry in entries.values():
        assert entry["is_finished"]
        assert entry["is_complete"]
        assert entry["finished_at"] is not None
        assert entry["origin"] == "sandbox"
        assert entry["received_pages"] == entry["promised_pages"]
    details = entries["movie/{id}"]
    assert details["promised_ids"] == details["received_ids"] == read(by_job.lake, "tmdb/raw/movie_details").height


def test_what_is_quarantined_is_explained(by_job: ByJob) -> None:
    rows = read(by_job.lake, "tmdb/clean/quarantine")
    assert set(rows.get_column("origin")) == {"tmdb/clean/movies", "tmdb/raw/movie_changes"}
    text_for_a_number = rows.row(by_predicate=pl.col("origin") == "tmdb/clean/movies", named=True)
    assert text_for_a_number["reason"].startswith('popularity = "')
    assert text_for_a_number["raw_pointer"].startswith(f"tmdb/raw/movie_details date_id={by_job.day} movie_id=")
    assert '"popularity":"' in text_for_a_number["payload"]
    without_id = rows.row(by_predicate=pl.col("origin") == "tmdb/raw/movie_changes", named=True)
    assert without_id["reason"].startswith("id = null: must be a whole number")
    assert (text_for_a_number["column_name"], without_id["column_name"]) == ("popularity", None), "a value, and a row"


@pytest.mark.parametrize("path", sorted(TABLES))
def test_every_commit_says_which_run_made_it(by_job: ByJob, path: str) -> None:
    commits = [c for c in DeltaStore(by_job.lake).history(TABLES[path]) if c["operation"] != "CREATE TABLE"]
    assert commits or path == BREAKOUTS
    for commit in commits:
        assert commit["run_id"].count("-") == 4
        assert commit.get("partitions") == (None if TABLES[path].is_whole else by_job.day.isoformat())
        assert commit["code_version"]
        assert commit["asset_key"] in TABLES
        if path not in {"tmdb/raw/extraction_ledger", "tmdb/clean/quarantine"}:  # filled on behalf of other tables
            assert commit["asset_key"] == path


def test_the_metrics_tell_of_the_run_and_of_what_it_took(by_job: ByJob) -> None:
    told = command(by_job.clone, "python", "-m", "tmdb_assets.metrics", "--once", **by_job.variables)
    assert told.returncode == 0, told.stderr
    values = dict(line.rsplit(" ", 1) for line in told.stdout.splitlines() if not line.startswith("#"))
    run = f'dagster_job="tmdb_daily",partition="{by_job.day}"'
    assert float(values[f'tmdb_assets_run_status{{{run},status="SUCCESS"}}']) == 1
    assert 1 < float(values[f"tmdb_assets_cpu_usage_seconds{{{run}}}"]) < 600
    assert 100e6 < float(values[f"tmdb_assets_memory_usage_bytes{{{run}}}"]) < 4e9
    source = f'day="{by_job.day}",source="tmdb"'
    assert float(values[f"tmdb_assets_day_proven{{{source}}}"]) == 1
    calls = sum(entry["calls"] for entry in ledger(by_job.lake, by_job.day).values())
    assert float(values[f"tmdb_assets_calls{{{source}}}"]) == calls
    assert float(values['tmdb_assets_lake_bytes{source="tmdb",stage="star"}']) > 10_000
    assert float(values['tmdb_assets_warehouse_bytes{target="warehouse"}']) > 100_000
