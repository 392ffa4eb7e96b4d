"""Lists that move while they are walked, the same cached pages on every pass: the star is that of lists that stand
still."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets_tests.end_to_end.harness import (
    TOKEN,
    Contents,
    Standing,
    asked_of,
    contents,
    differences,
    fill_plainly,
    ledger,
    read,
)
from tmdb_assets_tests.sandbox.running import running

DAY, FILMS = dt.date(2026, 3, 10), 500
#: What everything else of the star is made of. `movie_stats` says where a film was seen, and is compared as the fact.
LISTED = ("tmdb/clean/movies", "tmdb/clean/movie_tombstones", "tmdb/star/dim_movie", "tmdb/star/fact_movie_daily")


@dataclass(frozen=True)
class Outcome:
    """What one day left, and what it cost."""

    star: Contents
    ledger: Mapping[str, dict[str, Any]]
    seen_in: Mapping[str, int]

    @property
    def calls(self) -> int:
        return sum(row["calls"] for row in self.ledger.values())

    @property
    def not_shown(self) -> int:
        """Films that the list did not show though it promised them."""
        row = self.ledger["discover/movie"]
        return int(row["promised_ids"] - row["received_ids"])


def observed(lake: Path, *options: str, **settings: Any) -> Outcome:
    with ExitStack() as stack:
        sandbox = stack.enter_context(running("--films", str(FILMS), "--today", DAY.isoformat(), *options))
        fill_plainly(lake, DAY, only=LISTED, served=Standing(sandbox.url), **settings)
    star = contents(lake, only=LISTED)
    stats = read(lake, "tmdb/clean/movie_stats")
    return Outcome(star, ledger(lake, DAY), dict(stats.group_by("seen_in").len().iter_rows()))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    yield observed(tmp_path_factory.mktemp("calm") / "lake")


def test_of_a_list_that_stands_still_every_film_is_shown(calm: Outcome) -> None:
    assert (calm.not_shown, calm.seen_in.get("details", 0)) == (0, 0)


def test_with_the_days_export_each_film_that_moved_costs_one_call(tmp_path: Path, calm: Outcome) -> None:
    moved = observed(tmp_path / "lake", "--move", "0.2")
    assert differences(moved.star, calm.star) == []
    assert moved.not_shown > 0
    assert moved.not_shown <= moved.seen_in.get("details", 0) <= moved.not_shown + 1  # totals of a list are off by one
    # the one short page of the list is asked for again
    assert moved.calls == calm.calls + 1, "details of every film are asked for: those that moved cost no call more"
    asked = read(tmp_path / "lake", "tmdb/raw/movie_details").filter(pl.col("asked_because") == "unlisted")
    assert asked.height == moved.seen_in.get("details", 0) == moved.ledger["movie/{id}"]["unlisted_ids"]


def test_before_the_days_export_is_there_the_list_is_asked_in_other_words(tmp_path: Path) -> None:
    still = observed(tmp_path / "still", "--export-late", "1")
    moved = observed(tmp_path / "moved", "--export-late", "1", "--move", "0.2")
    assert differences(moved.star, still.star) == []
    assert moved.ledger["exports/movie_ids"]["note"].endswith("votes and pages go on without")


def test_without_any_export_the_list_is_asked_in_other_words(tmp_path: Path) -> None:
    still = observed(tmp_path / "still", "--no-export")
    moved = observed(tmp_path / "moved", "--no-export", "--move", "0.2")
    assert differences(moved.star, still.star) == []
    assert moved.not_shown <= 1


def test_a_part_of_the_list_is_the_same_part(tmp_path: Path) -> None:
    still = observed(tmp_path / "still", tmdb_scope="top:100")
    moved = observed(tmp_path / "moved", "--move", "0.2", tmdb_scope="top:100")
    asked = {name: set(o.star["tmdb/clean/movies"]["movie_id"]) for name, o in (("still", still), ("moved", moved))}
    assert asked["moved"] == asked["still"] and len(asked["still"]) == 100
    facts = [
        o.star["tmdb/star/fact_movie_daily"].filter(pl.col("movie_id").is_in(asked["still"])) for o in (still, moved)
    ]
    assert facts[0].equals(facts[1]), "every film of the scope has its votes"


def test_on_the_real_client_a_list_that_moves_costs_about_the_films_that_moved(tmp_path: Path) -> None:
    before, costs = DAY - dt.timedelta(days=1), {}
    world = ("--films", str(FILMS), "--today", DAY.isoformat(), "--token", TOKEN)
    with running(*world) as still, running(*world, "--move", "0.05") as moving:
        fill_plainly(tmp_path / "still", before, only=LISTED, **asked_of(still.url, before))
        shutil.copytree(tmp_path / "still", tmp_path / "moved")
        for name, server in (("still", still), ("moved", moving)):
            fill_plainly(tmp_path / name, DAY, only=LISTED, **asked_of(server.url, DAY))
            costs[name] = ledger(tmp_path / name, DAY)
    calls = {name: sum(row["calls"] for row in rows.values()) for name, rows in costs.items()}
    lists = costs["moved"]["discover/movie"]
    moved = lists["promised_ids"] - lists["received_ids"]
    assert 0.03 * lists["promised_ids"] < moved < 0.06 * lists["promised_ids"]
    assert calls["still"] < calls["moved"] <= calls["still"] + moved + 2
    facts = [read(tmp_path / name, "tmdb/star/fact_movie_daily") for name in costs]
    assert facts[0].equals(facts[1])
