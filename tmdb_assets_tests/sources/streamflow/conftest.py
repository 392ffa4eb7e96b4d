"""Fixtures of the streamflow source's tests.

What belongs here: worlds that more than one file of tests needs. What does not: how they are made (months.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets_tests.sources.streamflow.months import World, drop


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty lake and an empty drops folder."""
    return World(DeltaStore(tmp_path / "lake"), tmp_path / "drops")


@pytest.fixture
def fresh_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], World]:
    """Makes another empty world at each call: one per example of a property."""

    def make() -> World:
        folder = tmp_path_factory.mktemp("world")
        return World(DeltaStore(folder / "lake"), folder / "drops")

    return make


@pytest.fixture(scope="session")
def three_months(tmp_path_factory: pytest.TempPathFactory) -> World:
    """January to March 2024: users leave, come and come back; every table and view filled. Read only."""
    folder = tmp_path_factory.mktemp("three_months")
    world = World(DeltaStore(folder / "lake"), folder / "drops")
    world.write("2024-01", drop(range(40)))
    world.write("2024-02", drop([*range(5, 40), *range(50, 56)], 1))
    world.write("2024-03", drop([0, *range(8, 56)], 2))
    world.run("2024-01", "2024-02", "2024-03", views=True)
    return world


@pytest.fixture(scope="session")
def recorded_months(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> World:
    """The two recorded months, run one after the other. Read only; skips where there is no recording."""
    folder = tmp_path_factory.mktemp("recorded_months")
    (folder / "drops").mkdir()
    for month, recorded in (("2024-01", "month_000"), ("2024-02", "month_001")):
        (folder / "drops" / month).symlink_to(real_data / "streamflow" / recorded)
    world = World(DeltaStore(folder / "lake"), folder / "drops")
    world.run("2024-01", views=True)
    world.run("2024-02", views=True)
    return world
