"""moovitamix as a user of Dagster runs it: the job in this process, its checks, what a past or a malformed day says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets_tests.sandbox.running import running
from tmdb_assets_tests.sources.moovitamix.lakes import (
    TABLES,
    TODAY,
    At,
    ListServer,
    a_few,
    contents,
    day,
    derive,
    differing,
    history,
    keep_raw,
    lists,
    observe_history,
    rows,
    settings_of,
    track,
    user,
)

RAW = [name for name, contract in TABLES.items() if contract.stage == "raw" and contract.partition]
CLEAN = ["changes", "tracks", "users", "listen_histories", "listens", "vanished"]


def run(
    lake: Path, on: dt.date, last: dt.date | None = None, *, only: Collection[str] = (), **settings: Any
) -> dg.ExecuteInProcessResult:
    """The daily job in this process, for one day or a range of days as one run; of `only` some tables, or of all."""
    from tmdb_assets.assembly import build_definitions

    job = build_definitions(settings_of(lake, **settings)).resolve_job_def("moovitamix_daily")
    days: dict[str, Any] = {"partition_key": on.isoformat()}
    if last is not None:
        ends = {"start": on.isoformat(), "end": last.isoformat()}
        days = {"tags": {f"dagster/asset_partition_range_{end}": d for end, d in ends.items()}}
    chosen = [dg.AssetKey(TABLES[name].key) for name in only] or None
    return job.execute_in_process(raise_on_error=False, asset_selection=chosen, **days)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """`table check` -> whether it passed."""
    found = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    return {f"{c.asset_key.path[-1]} {c.check_name}": c.passed for c in found}


def said(result: dg.ExecuteInProcessResult) -> list[str]:
    """The sentences of failed steps."""
    failed = [e.step_failure_data for e in result.all_events if e.is_step_failure]
    return [str(f.user_failure_data.description if f.user_failure_data else f.error) for f in failed]


class StandIn(At):
    """A sandbox that runs already."""

    def stop(self) -> None:
        """It goes on."""


def test_the_job_fills_every_table_from_the_sandbox_for_a_range_as_for_its_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one, together = tmp_path / "one_by_one", tmp_path / "together"
    stores = DeltaStore(one_by_one), DeltaStore(together)
    with running("--listeners", "60", "--today", TODAY.isoformat()) as sandbox:
        monkeypatch.setattr("tmdb_assets.orchestration.sandbox.Sandbox", lambda *_, **__: StandIn(sandbox.url))
        for on in (day(1), day(2)):
            observe_history(stores[0], sandbox.url, [on])
            derive(stores[0], [on], whole=on == day(2))
        result = run(together, day(2), day(1))
    assert result.success, said(result)
    found = checks(result)
    assert len(found) > 80
    assert {name for name, passed in found.items() if not passed} <= {
        "dim_track created_after_updated",
        "dim_user created_after_updated",
        "dim_user email_shape",
        "dim_user email_duplicates",
        "fact_listen unknown_tracks",
        "fact_listen unknown_users",
        "fact_listen plays_before_track",
        "listen_histories empty_histories",
        "tracks contract",
    }
    assert found["layouts verbatim"]
    assert found["extraction_ledger extraction_complete"]
    assert found["changes full_churn"]
    assert differing(*map(contents, stores)) == []
    empty = {name for name in contents(stores[0]) if not rows(stores[0], name).height}
    assert empty <= {"forgotten", "vanished", "vw_orphans", "quarantine"}
    previews = [
        str(value)
        for e in result.all_events
        if e.event_type_value == "ASSET_MATERIALIZATION"
        for value in e.materialization.metadata.values()
    ]
    emails = rows(stores[0], "users")["email"].drop_nulls().to_list()
    assert not [p for p in previews if any(email in p for email in emails)], "metadata live outside of the lake"


BETWEEN = "must lie between 1900-01-01 and 2199-12-31"
YEAR_0 = "0001-01-01T00:00:00+02:00"


def keep_days_of_the_year_0(store: DeltaStore, on: dt.date) -> None:
    """A lake as it was filled before instants had a range."""
    keep_raw(store, on, lists([track(1), track(2)], [user(1)], [history(1, 2)]))
    derive(store, [on], only=CLEAN)
    year_0 = (
        pl.lit("0000-12-31T22:00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").dt.replace_time_zone("UTC")
    )
    for name in ("tracks", "users", "listen_histories", "listens"):
        contract = TABLES[name]
        store.overwrite(contract, store.scan(contract).with_columns(created_at=year_0).collect(), {})


def test_a_malformed_row_goes_to_quarantine_and_a_past_day_says_why_it_stays_empty(tmp_path: Path) -> None:
    """Neither does a day of the year 0 stop a step: not as it comes, and not in a lake that took it in before."""
    lake = tmp_path / "lake"
    keep_days_of_the_year_0(DeltaStore(lake), day(1))
    early = {"created_at": YEAR_0}
    tracks = [track(1), track(2, duration="9:99"), track(3, **early), track(4, updated_at=YEAR_0)]
    said_ = lists(tracks, [user(1), user(2, **early)], [history(1, 2), history(2, 2, at=YEAR_0, updated_at=None)])
    with ListServer(said_).running() as server:
        result = run(lake, TODAY, only=[*RAW, *CLEAN, "dim_track"], moovitamix_url=server.url)
        assert result.success, said(result)
        assert not checks(result)["tracks contract"]
        past = run(lake, day(4), only=RAW, moovitamix_url=server.url)
    store = DeltaStore(lake)
    told = rows(store, "quarantine").select(pl.col("origin").str.split("/").list.last(), "rule").rows()
    assert set(told) == {
        ("tracks", "duration must be minutes and seconds as MM:SS"),
        *[(t, f"created_at {BETWEEN}") for t in ("tracks", "users", "listen_histories")],
        ("tracks", f"updated_at {BETWEEN}"),
    }
    assert rows(store, "dim_track").filter("is_current")["track_id"].to_list() == [2, 4]
    assert rows(store, "dim_track").filter(pl.col("created_at").dt.year() < 1900).height == 0
    derive(store, [day(1)], only=["dim_track"])
    assert rows(store, "dim_track").filter("is_current")["track_id"].to_list() == [1, 2, 4], (
        "derived again, a day heals"
    )
    assert not past.success
    assert said(past) == [
        f"{day(4)}: nothing was kept on that day, and the music API only knows the present; a past day cannot be "
        "observed any more, so it stays empty."
    ]
    assert rows(store, "pages")["date_id"].unique().sort().to_list() == [day(1), TODAY]


def test_a_mixed_day_stops_before_anything_is_published(tmp_path: Path) -> None:
    def grow(number: int, server: ListServer) -> None:
        server.said = lists([track(n) for n in range(1, 150 + number)])

    with ListServer(a_few(), grow).running() as server:
        result = run(tmp_path / "lake", TODAY, only=[*RAW, *CLEAN], moovitamix_url=server.url)
    assert not result.success
    assert "3 takes in a row" in said(result)[0]
    store = DeltaStore(tmp_path / "lake")
    assert {n for n, c in {c.name: c for c in contracts.CONTRACTS}.items() if store.version(c) is not None} <= {
        "extraction_ledger"
    }


def test_upkeep_expires_old_pages_and_the_contents_only_they_had(tmp_path: Path) -> None:
    from tmdb_assets.assembly import build_definitions

    store = DeltaStore(tmp_path / "lake")
    keep_raw(store, day(200), lists([track(1), track(2)]))
    keep_raw(store, day(1), lists([track(2), track(3)]))
    job = build_definitions(settings_of(store.root)).resolve_job_def("lake_upkeep")
    assert job.execute_in_process().success
    assert rows(store, "pages")["date_id"].unique().to_list() == [day(1)]
    assert rows(store, "layouts").height == 3, "tracks, and two empty lists"
    assert sorted(p[6] for p in rows(store, "records")["payload"]) == ["2", "3"]


def test_the_schedule_observes_the_day_it_runs_on() -> None:
    from tmdb_assets.assembly import build_definitions

    definitions = build_definitions(settings_of("lake"))
    schedule = definitions.resolve_schedule_def("moovitamix_daily_schedule")
    moment = dt.datetime(2026, 3, 9, 22, 30, tzinfo=dt.UTC)
    repository = definitions.get_repository_def()
    with dg.build_schedule_context(scheduled_execution_time=moment, repository_def=repository) as context:
        (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == "2026-03-09"


def test_a_frozen_clock_never_meets_a_real_api() -> None:
    with pytest.raises(ValueError, match="point MOOVITAMIX_URL at loopback"):
        settings_of("lake", moovitamix_url="https://music.example.org")
