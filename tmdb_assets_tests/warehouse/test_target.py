"""Publishing knows no place: whatever the target, it is told the same, sees nothing unfinished, and can let go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.resources import ClockResource, LakeResource
from tmdb_assets.settings import load_settings
from tmdb_assets.warehouse import assets
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import Publication, checks_of, publish_warehouse
from tmdb_assets.warehouse.reader import WarehouseError
from tmdb_assets.warehouse.recorded import INFO, VERSIONS
from tmdb_assets.warehouse.target import Target
from tmdb_assets.warehouse.targets import targets_of
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets_tests.warehouse import toy
from tmdb_assets_tests.warehouse.memory import Memory, Next


def publish(store: DeltaStore, target: Target, views: Path, fact_days: int | None = None) -> Publication:
    return publish_warehouse(store, target, [toy.source(views)], fact_days, lambda line: None)


def unlike_the_file(memory: Memory, path: Path) -> list[str]:
    """Names of the tables that are not in both targets with the same rows."""
    held = {f"{schema}.{name}": frame for (schema, name), frame in memory.state.tables.items()}
    in_file = {name: frame for name, frame in toy.everything(path).items() if name in held}
    sortable = {n: [c for c, dtype in frame.schema.items() if not dtype.is_nested()] for n, frame in held.items()}
    return toy.unlike({n: frame.sort(sortable[n], nulls_last=True) for n, frame in held.items()}, in_file)


def test_two_targets_are_told_the_same_and_come_to_hold_the_same(store: DeltaStore, path: Path, views: Path) -> None:
    memory, file = Memory(), DuckDBFile(path)
    for fact_days in (None, 2):
        for step in toy.changes(store, views):
            step()
            told, by_file = publish(store, memory, views, fact_days), publish(store, file, views, fact_days)
            as_in_file = replace(told, target=by_file.target, bytes=by_file.bytes, seconds=by_file.seconds)
            assert as_in_file == by_file
            assert unlike_the_file(memory, path) == []
            comments = dict(toy.ask(path, "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'toy'"))
            for (_, name), comment in memory.state.comments.items():
                description, _, note = comment.replace("this memory", "this file").partition(".")
                assert comments[name].startswith(description)
                assert comments[name].endswith(note)
    assert memory.state.own[VERSIONS].meanings["rows"] == "Rows of the table in this memory."
    published = memory.state.own[INFO].frame.get_column("published_at").item()
    assert published == memory.state.published_at


@pytest.mark.parametrize("fact_days", [None, 2])
def test_a_view_whose_sql_a_target_does_not_speak_is_a_table_of_the_lakes_answers(
    store: DeltaStore, path: Path, views: Path, fact_days: int | None
) -> None:
    memory = Memory(silent_on=frozenset({"vw_totals", "vw_things"}))
    publish(store, memory, views, fact_days)
    publish(store, DuckDBFile(path), views, fact_days)
    assert {("toy", "vw_totals"), ("toy", "vw_things")} <= memory.state.tables.keys()
    assert ("toy", "vw_best") in memory.state.views, "what reads it is a view nevertheless"
    assert unlike_the_file(memory, path) == []


def test_what_fails_its_proof_is_never_seen(store: DeltaStore, views: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    publish(store, memory, views)
    before = memory.state
    toy.put_day(store, 3, 5)
    append = Next.append
    monkeypatch.setattr(Next, "append", lambda self, contract, frame: append(self, contract, frame.head(3)))
    with pytest.raises(BlockedError, match=r"toy.notes has 3 rows, the lake 4; toy.fact_daily has 18 rows"):
        publish(store, memory, views)
    monkeypatch.setattr(Next, "append", append)
    monkeypatch.setattr(Next, "create_views", lambda self, layout: None)
    toy.write_views(views, toy.VIEWS, macros=None)
    with pytest.raises(BlockedError, match="vw_things does not answer"):
        publish(store, memory, views)
    assert memory.state is before
    assert memory.state.tables["toy", "fact_daily"].height == 15


def test_a_target_that_can_never_hold_a_source_says_so_before_anything_is_looked_up(lake: DeltaStore) -> None:
    with pytest.raises(WarehouseError, match="The memory has a schema of that name"):
        publish_warehouse(lake, Memory(), [Source("memory", ())], None, lambda line: None)
    assert not Path(lake.root).exists()


def test_what_a_target_let_go_of_comes_back_as_a_whole(store: DeltaStore, views: Path) -> None:
    memory = Memory()
    first = publish(store, memory, views)
    assert memory.forget("other", print) is None
    assert memory.forget("toy", print) == "memory let go of toy."
    assert (memory.copies("toy"), memory.forget("toy", print)) == ([], None)
    again = publish(store, memory, views)
    assert [t.loaded for t in again.tables] == [t.loaded for t in first.tables]


def test_each_target_is_an_asset_and_one_that_is_gone_keeps_no_other_from_being_published(
    store: DeltaStore, path: Path, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, there = Memory(trouble="The memory cannot be reached."), DuckDBFile(path)
    monkeypatch.setattr(assets, "targets_of", lambda settings: [gone, there])
    built = assets.build(load_settings(_env_file=None), [toy.module(views)])
    resources = {"lake": LakeResource(store=store), "clock": ClockResource()}
    definitions = dg.Definitions.merge(built, dg.Definitions(resources=resources))
    specs = {
        "/".join(spec.key.path): spec
        for spec in definitions.resolve_all_asset_specs()
        if spec.key.path[0] in {"memory", "warehouse"}
    }
    assert set(specs) == {"memory/toy", "warehouse/toy"}
    assert specs["memory/toy"].kinds == {"python"}
    assert specs["memory/toy"].deps == specs["warehouse/toy"].deps
    done = definitions.resolve_implicit_global_asset_job_def().execute_in_process(raise_on_error=False)
    assert not done.success
    assert toy.ask(path, "SELECT count(*) FROM toy.fact_daily") == [(15,)]
    assert {c.asset_key.path[0] for c in done.get_asset_check_evaluations() if c.passed} == {"warehouse"}


def test_the_targets_are_those_of_the_settings(tmp_path: Path) -> None:
    (target,) = targets_of(load_settings(_env_file=None, tmdb_assets_warehouse=tmp_path / "w.duckdb"))
    assert (target.name, target.key) == (str(tmp_path / "w.duckdb"), "warehouse")
    assert set(checks_of(target)) == {"rows", "views"}
    assert "checked before the file is swapped in" in checks_of(target)["rows"]
