"""Fixtures of the moovitamix source's tests.

What belongs here: what more than one file of tests needs. What does not: how a lake is filled (lakes.py).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import Settings
from tmdb_assets.sources.moovitamix import forget as forget_module


@pytest.fixture(scope="module")
def only_filled() -> Callable[[pytest.MonkeyPatch], None]:
    """What `only_what_is_filled` does, for a fixture that is made once for a module."""
    tables = forget_module.derived_tables

    def filled(settings: Settings) -> list[DerivedTable]:
        lake = DeltaStore(settings.tmdb_assets_lake)
        return [table for table in tables(settings) if lake.version(table.contract) is not None]

    return lambda patch: patch.setattr(forget_module, "derived_tables", filled)


@pytest.fixture
def only_what_is_filled(monkeypatch: pytest.MonkeyPatch, only_filled: Callable[[pytest.MonkeyPatch], None]) -> None:
    """Lets `forget` answer anew the tables that the lake has, and leave alone those that it never had."""
    only_filled(monkeypatch)
