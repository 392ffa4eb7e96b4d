"""The warehouse as Dagster sees it: after everything it holds, with its checks, at the end of every source's job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.jobs import PUBLICATION, tables_and_publication
from tmdb_assets.orchestration.resources import ClockResource, LakeResource
from tmdb_assets.settings import load_settings
from tmdb_assets.warehouse import assets
from tmdb_assets.warehouse.targets.duckdb_tables import Database
from tmdb_assets_tests.warehouse import toy


def definitions(store: DeltaStore, path: Path, views: Path, **settings: Any) -> dg.Definitions:
    loaded = load_settings(_env_file=None, tmdb_assets_warehouse=path, **settings)
    resources = {"lake": LakeResource(store=store), "clock": ClockResource()}
    return dg.Definitions.merge(assets.build(loaded, [toy.module(views)]), dg.Definitions(resources=resources))


def run(store: DeltaStore, path: Path, views: Path, **settings: Any) -> dg.ExecuteInProcessResult:
    job = definitions(store, path, views, **settings).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(raise_on_error=False)


def test_it_waits_for_every_table_and_view_it_holds(store: DeltaStore, path: Path, views: Path) -> None:
    specs = definitions(store, path, views).resolve_all_asset_specs()
    (spec,) = [spec for spec in specs if spec.key == dg.AssetKey(["warehouse", "toy"])]
    assert (spec.group_name, spec.tags["stage"], spec.kinds) == ("toy", PUBLICATION, {"duckdb"})
    assert spec.partitions_def is None
    held = {"/".join(dep.asset_key.path) for dep in spec.deps}
    answered = {view.contract.path for view in toy.source(views).views}
    assert held == answered | {"toy/star/dim_thing", "toy/star/fact_daily", "toy/clean/notes"}


def test_a_run_tells_what_it_did(store: DeltaStore, path: Path, views: Path) -> None:
    first = run(store, path, views)
    assert first.success
    toy.put_day(store, 3, 5)
    second = run(store, path, views)
    (told,) = second.asset_materializations_for_node("warehouse__toy")
    figures = {name: value.value for name, value in told.metadata.items()}
    assert figures["dagster/row_count"] == sum(row[0] for row in toy.ask(path, "SELECT rows FROM main.lake_versions"))
    assert (figures["rows_loaded"], figures["tables_changed"], figures["tables"]) == (9, 2, 4)
    assert figures["bytes"] == path.stat().st_size
    assert (figures["is_new_file"], figures["made_anew_because"]) == (True, "it was not")
    assert f"| toy.fact_daily | 20 | 5 | {store.version(toy.FACT_DAILY)} |" in figures["delta_versions"]
    checks = {c.check_name: c.passed for c in second.get_asset_check_evaluations()}
    assert checks == {"rows": True, "views": True}


def test_the_setting_limits_the_days(store: DeltaStore, path: Path, views: Path) -> None:
    assert run(store, path, views, warehouse_fact_days=1).success
    assert toy.ask(path, "SELECT count(*) FROM toy.fact_daily") == [(5,)]


def said(result: dg.ExecuteInProcessResult) -> str:
    (failed,) = [e.step_failure_data for e in result.all_events if e.is_step_failure]
    assert failed.user_failure_data
    return str(failed.user_failure_data.description)


def test_what_a_user_can_mend_is_one_sentence(lake: DeltaStore, path: Path, views: Path) -> None:
    result = run(lake, path, views)
    assert not result.success
    assert said(result).startswith("The lake")
    assert "\n" not in said(result)


def test_a_check_that_does_not_hold_stops_the_publication(
    store: DeltaStore, path: Path, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Database.append
    monkeypatch.setattr(Database, "append", lambda self, contract, frame: append(self, contract, frame.head(3)))
    result = run(store, path, views)
    assert not result.success
    assert {c.check_name: c.passed for c in result.get_asset_check_evaluations()} == {"rows": False}
    assert said(result).startswith("The warehouse is not published: ")
    assert not path.exists()


def test_a_sources_job_ends_with_it(store: DeltaStore, path: Path, views: Path) -> None:
    @dg.asset(key=["toy", "star", "fact_daily"], group_name="toy")
    def fact_daily() -> None:
        """A table of the source."""

    @dg.asset(group_name="other")
    def unrelated() -> None:
        """A table of another source."""

    both = dg.Definitions.merge(definitions(store, path, views), dg.Definitions(assets=[fact_daily, unrelated]))
    chosen = tables_and_publication("toy").resolve(both.resolve_asset_graph())
    assert chosen == {dg.AssetKey(["toy", "star", "fact_daily"]), dg.AssetKey(["warehouse", "toy"])}
