"""Fixtures shared by the sandbox's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tmdb_assets_tests.sandbox.running import Running, running


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    """One small sandbox for all tests that only read."""
    with running() as started:
        yield started
