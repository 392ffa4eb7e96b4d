"""A toy lake of three days with its views, and where its warehouse goes.

What belongs here: fixtures of more than one file of this folder. What does not: the toy itself (toy.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets_tests.warehouse import toy


@pytest.fixture
def views(tmp_path: Path) -> Path:
    """The folder of the toy's views."""
    return toy.write_views(tmp_path / "toy" / "views")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy's lake: three days of five things. Read only: every test has a copy."""
    folder = tmp_path_factory.mktemp("filled")
    toy.fill(DeltaStore(folder / "lake"), toy.write_views(folder / "toy" / "views"), range(3))
    return folder / "lake"


@pytest.fixture
def store(lake: DeltaStore, filled: Path) -> DeltaStore:
    """The toy's lake: three days of five things, in a copy that may be written to."""
    shutil.copytree(filled, lake.root)
    return lake


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the warehouse is published."""
    return tmp_path / "out" / "warehouse.duckdb"
