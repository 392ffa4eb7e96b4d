"""What is the same for every source that is asked over HTTP: whom it asks, who answered, what it cost."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.http_source import HttpSource
from tmdb_assets.lakehouse.flow.ledger import REAL, SANDBOX

DAY = dt.date(2026, 3, 10)
BUILT_IN: Any = SimpleNamespace(url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("sandbox", "markers", "origin"),
    [
        (None, [], None), (None, [set()], None), (None, [{None}], REAL), (None, [set(), {None}], REAL),
        (None, [{"synthetic"}], SANDBOX), (None, [{None}, {None, "synthetic"}], SANDBOX), (BUILT_IN, [], SANDBOX),
    ],
)  # fmt: skip
def test_who_answers_is_told_by_the_marks_of_all_connections(
    sandbox: Any, markers: list[set[str | None]], origin: str | None
) -> None:
    source = HttpSource(Clock(DAY), sandbox)
    for seen in markers:
        source.connect("http://127.0.0.1:1").markers = seen
    assert source.origin() == origin
    source.close()


@pytest.mark.parametrize("sandbox", [None, BUILT_IN])
def test_a_sandbox_is_asked_in_the_place_of_the_source_and_for_any_day(sandbox: Any) -> None:
    source = HttpSource(Clock(DAY), sandbox, max_attempts=3)
    with source.connect("http://127.0.0.2:2", concurrency=2) as http:
        assert http.base_url == (BUILT_IN.url if sandbox else "http://127.0.0.2:2")
        assert (http.concurrency, http._max_attempts, http._now) == (2, 3, source.clock.now)
    assert source.has_history == (sandbox is not None)
    assert source.as_of(DAY, "3", "movie/5") == ("on/2026-03-10/3/movie/5" if sandbox else "movie/5")


def test_what_all_connections_cost_is_told() -> None:
    source = HttpSource(Clock(DAY), None)
    for endpoint, calls in (("a", 2), ("b", 3)):
        source.connect("http://127.0.0.1:1").stats[endpoint].calls = calls
    assert {endpoint: stats.calls for endpoint, stats in source.traffic().items()} == {"a": 2, "b": 3}
    source.close()
