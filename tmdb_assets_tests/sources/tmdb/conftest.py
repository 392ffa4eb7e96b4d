"""The two worlds that views are held against: the sandbox's, and the recorded one where there is a recording.

What belongs here: fixtures for tests of the TMDB source's views. What does not: how a world is made (worlds.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tmdb_assets_tests.sources.tmdb.worlds import World, recorded_lake, sandbox_lake, shared_by_workers, world_of


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Eight days of the sandbox's films: its lake and what was said. Read only: every test shares it."""
    return world_of(sandbox_lake(shared_by_workers(tmp_path_factory)))


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> World:
    """The recorded films: their lake and what was said. Read only; skips where there is no recording."""
    return world_of(recorded_lake(shared_by_workers(tmp_path_factory), real_data))


@pytest.fixture(params=["sandbox", pytest.param("recorded", marks=pytest.mark.real)])
def world(request: pytest.FixtureRequest) -> World:
    """Each world in turn."""
    found: World = request.getfixturevalue(request.param)
    return found
