"""What of a run may be said in the launchpad, and what may not.

What belongs here: the typed resources by themselves. What does not: a whole run with them (test_example_source.py).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from tmdb_assets.assembly import build_definitions
from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.orchestration.resources import VIEWS_IN_MEMORY, ClockResource, DuckDBEngine, SparkEngine
from tmdb_assets.settings import Settings, SettingsError, load_settings
from tmdb_assets.sources.tmdb.assets import TmdbResource

DAY = dt.date(2026, 3, 10)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJhIn0.c2lnbmF0dXJlLW9mLW5vYm9keQ"


def settings(**given: Any) -> Settings:
    return load_settings(_env_file=None, **given)


def settings_of(resource: TmdbResource, clock: Clock | None = None) -> Settings:
    """What the client of a source is made with."""
    made: list[Settings] = []

    class Recording(type(resource)):  # type: ignore[misc]  # a base that is known at run time
        def connect(self, settings: Settings, *others: Any) -> Any:
            made.append(settings)
            return SimpleNamespace(close=lambda: None)

    told = {name: getattr(resource, name) for name in type(resource).model_fields}
    Recording(**told).client(clock or Clock(), lambda line: None)
    return made[0]


def test_the_launchpad_begins_with_what_the_settings_say() -> None:
    resource = TmdbResource.of(settings(tmdb_scope="top:7"))
    assert (resource.tmdb_scope, resource.tmdb_concurrency, resource.tmdb_requests_per_second) == ("top:7", 8, 35.0)


def test_what_is_left_as_it_is_changes_nothing() -> None:
    """A rate that nobody set does not hold the sandbox back because the launchpad shows it."""
    given = settings()
    assert settings_of(TmdbResource.of(given)) is given
    assert not given.is_set("tmdb_requests_per_second")


def test_what_is_told_for_a_run_reaches_its_client_and_no_other_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(tmdb_api_token=TOKEN, tmdb_concurrency=3)
    monkeypatch.setenv("TMDB_DETAILS_MAX_AGE_DAYS", "5")
    monkeypatch.setenv("TMDB_SCOPE", "top:9")
    told = settings_of(TmdbResource(settings=given, tmdb_scope="top:2"))
    assert (told.tmdb_scope, told.tmdb_concurrency, told.tmdb_details_max_age_days) == ("top:2", 3, 30)
    assert told.secrets == (TOKEN,)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"tmdb_scope": "many"}, "Setting TMDB_SCOPE='many'"),
        ({"tmdb_concurrency": 65}, "Setting TMDB_CONCURRENCY='65'"),
    ],
)
def test_a_field_that_cannot_be_used_is_one_sentence(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        settings_of(TmdbResource(settings=settings(), **fields))


def test_a_clock_that_a_run_freezes_never_meets_the_real_api() -> None:
    real, stand_in = settings(tmdb_api_token=TOKEN), settings(tmdb_api_token=TOKEN, tmdb_api_url="http://127.0.0.1:1/3")
    with pytest.raises(SettingsError, match="TMDB_ASSETS_TODAY freezes the clock") as raised:
        settings_of(TmdbResource.of(real), Clock(DAY))
    assert TOKEN not in str(raised.value)
    assert settings_of(TmdbResource.of(stand_in), Clock(DAY)).tmdb_assets_today == DAY


def test_a_day_that_is_none_is_one_sentence() -> None:
    assert ClockResource(today="2026-03-10").clock == Clock(DAY)
    with pytest.raises(SettingsError, match="today='soon' cannot be used: write YYYY-MM-DD"):
        _ = ClockResource(today="soon").clock


def test_neither_a_secret_nor_another_lake_can_be_told_for_a_run(tmp_path: Path) -> None:
    given = settings(
        tmdb_api_token=TOKEN,
        tmdb_assets_lake=str(tmp_path),
        moovitamix_url="http://u:pw@127.0.0.1/x",
        tmdb_assets_engine="spark",
        spark_remote=f"sc://127.0.0.1/;token={TOKEN}",
    )
    job = build_definitions(given).resolve_job_def("tmdb_daily")
    kinds = {name: resource.config_schema for name, resource in job.resource_defs.items()}
    shown = {name: str(getattr(schema, "default_value", "")) for name, schema in kinds.items()}
    assert not [text for text in shown.values() if TOKEN in text or "pw@" in text]
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(job, {"resources": {"lake": {"config": {"root": "/elsewhere"}}}})


@pytest.mark.parametrize(("name", "kind"), [("duckdb", DuckDBEngine), ("spark", SparkEngine)])
def test_the_settings_say_who_answers_the_views(name: str, kind: type) -> None:
    found = build_definitions(settings(tmdb_assets_engine=name, spark_remote="sc://127.0.0.1:1"))
    assert isinstance(found.resolve_job_def("tmdb_daily").resource_defs["engine"], kind | dg.ResourceDefinition)
    assert isinstance((found.resources or {})["engine"], kind)
    graph = found.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["tmdb", "views", "vw_actors"])).kinds == {"deltalake", name}
    assert graph.get(dg.AssetKey(["tmdb", "star", "dim_movie"])).kinds == {"deltalake", "polars"}


def test_the_steps_of_a_run_share_one_database() -> None:
    engine = DuckDBEngine(database=VIEWS_IN_MEMORY)
    context = dg.build_init_resource_context()
    with engine.yield_for_execution(context), engine.get_connection() as one:
        one.execute("CREATE TABLE kept AS SELECT 1 AS n")
        with engine.get_connection() as other:
            assert other.execute("FROM kept").fetchall() == [(1,)]
    with engine.get_connection() as later:
        assert later.execute("SHOW TABLES").fetchall() == [], "nothing of a run is left for the next one"
