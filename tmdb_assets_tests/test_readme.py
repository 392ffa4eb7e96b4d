"""What the README, the docs and the demo name is there: commands, files, tables, schedules, days and ids."""

from __future__ import annotations

import datetime as dt
import re
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
import pytest

from tmdb_assets import demo, runs
from tmdb_assets.assembly import build_definitions
from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.sandbox.moovitamix.world import World
from tmdb_assets.settings import Settings
from tmdb_assets.sources.tmdb.assets import FIRST_DAY
from tmdb_assets_tests.conftest import PROJECT

PAGES = {path: path.read_text(encoding="utf-8") for path in (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md"))}
README = PAGES[PROJECT / "README.md"]
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
EVERYTHING = "\n".join(PAGES.values())


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    """All that Dagster is told of, of a lake that is nowhere."""
    return build_definitions(Settings()).get_repository_def()


def test_the_readme_is_read_in_one_go() -> None:
    assert README.count("\n") < 150


def test_every_command_can_be_typed_as_it_stands() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", EVERYTHING, re.MULTILINE))
    assert {"demo", "day", "backfill", "test", "docs", "dev", "dashboard", "forget"} <= named <= targets
    modules = set(re.findall(r"-m (tmdb_assets[\w.]*)", EVERYTHING))
    assert modules
    assert [module for module in sorted(modules) if not find_spec(module)] == []


def test_every_file_that_is_linked_to_is_there() -> None:
    for page, text in PAGES.items():
        links = [link.partition("#")[0] for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", text)]
        assert [link for link in links if link and not (page.parent / link).exists()] == [], page.name


def test_one_file_of_tests_and_one_table_are_run_by_names_that_exist(repository: dg.RepositoryDefinition) -> None:
    (file,) = re.findall(r"make test ARGS=(\S+)", README)
    assert Path(PROJECT, file).is_file()
    (table,) = re.findall(r"dagster asset materialize .* --select (\S+) --partition", README)
    assert dg.AssetKey(table.split("/")) in repository.asset_graph.get_all_asset_keys()


def test_all_that_runs_by_itself_is_named_and_off_until_switched_on(repository: dg.RepositoryDefinition) -> None:
    alone = [*repository.schedule_defs, *repository.sensor_defs]
    assert len(alone) == 4
    assert [each.name for each in alone if f"`{each.name}`" not in README] == []
    statuses = {each.default_status.value for each in alone}
    assert statuses == {"STOPPED"}


def test_days_of_the_readme_are_the_readers_own() -> None:
    """A day of the calendar would be too old for somebody sooner or later; months are those that the sandbox is told to
    write."""
    assert re.findall(r"\d{4}-\d\d-\d\d", README) == []
    (first, last) = re.findall(r"drops --months (\S+)\.\.(\S+)", README)[0]
    assert f"FROM={first} TO={last}" in README
    asked = re.findall(r"make backfill FROM=(\S+) TO=([\w-]+)", README)
    assert asked
    for ends in asked:
        for end in ends:
            runs.partition(end, Cadence.DAY, dt.date(2027, 5, 1))


def test_the_listener_to_forget_is_one_of_the_sandboxs_on_any_day() -> None:
    (number,) = set(re.findall(r"make forget USER=(\d+)", EVERYTHING + MAKEFILE))
    world = World(7, 300)
    for day in (dt.date(2025, 1, 1), dt.date(2026, 6, 1), dt.date(2029, 1, 1)):
        assert int(number) in {user["id"] for user in world.users(day)}


@pytest.mark.parametrize(
    ("day", "first"), [("2026-11-28", "2026-11-21"), ("2025-01-03", "2025-01-01"), (FIRST_DAY, None)]
)
def test_the_demo_offers_the_days_that_make_a_week(day: str, first: str | None) -> None:
    offered = re.findall(r"make backfill FROM=(\S+) TO=(\S+)", demo._next(Settings(), dt.date.fromisoformat(day)))
    assert offered == ([] if first is None else [(first, day)])
