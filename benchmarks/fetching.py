"""d. The rate kept against a slow server. e. API calls per film and day in steady state."""

from __future__ import annotations

import datetime as dt
import tempfile
import time

import dagster as dg
import polars as pl

from benchmarks.figure import Figure
from benchmarks.lake import sandbox
from tmdb_assets.assembly import build_definitions
from tmdb_assets.lakehouse.http import Http, Request
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import load_settings
from tmdb_assets.sources.tmdb import contracts

RATE, SECONDS = 35.0, 20
SCOPE = 10_000
SETTLING_DAYS, STEADY_DAYS = 32, 5  # a catalogue loaded in one day takes the age limit, 30 days, to come to its rhythm
FIRST = dt.date(2026, 10, 1)


def measure_rate() -> Figure:
    """35 requests a second against a server with 200 ms latency that answers 429 above 36 a second."""
    asked = int(RATE * SECONDS)
    with (
        sandbox("--latency", "0.2", "--rate-limit", "36") as url,
        Http(url, headers={"Authorization": "Bearer sandbox"}, requests_per_second=RATE, concurrency=8) as http,
    ):
        started = time.perf_counter()
        for _ in http.get_many((Request("3/configuration") for _ in range(asked)), endpoint="configuration"):
            pass
        took = time.perf_counter() - started
        throttled = http.stats["configuration"].throttled
    return Figure(
        "d. fetching against 200 ms latency, share of the bucket's 35 requests a second",
        asked / took / RATE,
        0.95,
        unit="",
        at_most=False,
        details={"requests": f"{asked} in {took:.1f} s = {asked / took:.1f}/s", "429 caused": str(throttled)},
    )


def measure_calls() -> Figure:
    """Calls in the ledger per film and day at top:10000, a month after the first load (each day with its first run).

    The naive way asks for the list pages and for the details of every film.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number in range(SETTLING_DAYS + STEADY_DAYS):
            day = FIRST + dt.timedelta(days=number)
            with sandbox("--films", str(int(SCOPE * 1.2)), "--today", day.isoformat()) as url:
                settings = load_settings(
                    _env_file=None,
                    tmdb_api_token="sandbox",
                    tmdb_api_url=f"{url}/3",
                    tmdb_export_url=f"{url}/p/exports",
                    tmdb_assets_lake=folder,
                    tmdb_assets_today=day,
                    tmdb_scope=f"top:{SCOPE}",
                    tmdb_requests_per_second=100_000,
                )
                definitions = build_definitions(settings)
                raw = dg.AssetSelection.key_prefixes([contracts.SOURCE, "raw"])
                keys = list(raw.resolve(definitions.resolve_asset_graph()))
                job = definitions.resolve_implicit_global_asset_job_def()
                job.execute_in_process(partition_key=day.isoformat(), asset_selection=keys)
        steady = FIRST + dt.timedelta(days=SETTLING_DAYS)
        ledger = DeltaStore(folder).scan(contracts.EXTRACTION_LEDGER).filter(pl.col("date_id") >= steady).collect()
    per_endpoint = ledger.group_by("endpoint").agg(pl.col("calls").sum() / STEADY_DAYS).sort("calls", descending=True)
    calls = float(per_endpoint.get_column("calls").sum())
    return Figure(
        "e. API calls per film and day in steady state at top:10000",
        calls / SCOPE,
        0.1,
        unit="",
        details={"naive (list pages and all details)": "1.05"}
        | {f"{name} a day": f"{n:.0f}" for name, n in per_endpoint.iter_rows()},
    )
