"""A range of days is published day by day as far as it can be: what cannot be had is named at its end, and takes no
other day with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tmdb_assets_tests.end_to_end.harness import (
    TOKEN,
    asked_of,
    contents,
    differences,
    fill,
    fill_plainly,
    ledger,
    read,
    real_looking,
)
from tmdb_assets_tests.faulty_server import Reply
from tmdb_assets_tests.sandbox.running import Running, running

TODAY = dt.date(2026, 3, 10)
DAYS = [TODAY - dt.timedelta(days=n) for n in (5, 4, 3, 2)]
FIRST, LOST, CUT, LAST = DAYS
WORLD = ("--films", "150", "--token", TOKEN, "--today", TODAY.isoformat())
SOME = [
    "tmdb/raw/reference",
    "tmdb/raw/movie_ids",
    "tmdb/raw/discover_pages",
    "tmdb/raw/movie_changes",
    "tmdb/raw/movie_details",
    "tmdb/raw/extraction_ledger",
    "tmdb/clean/movies",
    "tmdb/clean/movie_stats",
    "tmdb/clean/movie_tombstones",
    "tmdb/star/dim_language",
    "tmdb/star/dim_collection",
    "tmdb/star/dim_movie",
    "tmdb/star/dim_date",
    "tmdb/star/fact_movie_daily",
]
KEPT = [path for path in SOME if path.startswith(("tmdb/clean", "tmdb/star"))]

ABSENT = Reply(403, b"<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "application/xml"})
HALF = Reply(200, b'{"id": 1, "popularity": 1.0}\n', {"Content-Type": "application/gzip"})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    """A sandbox for all of these tests."""
    with running(*WORLD) as found:
        yield found


def test_days_that_cannot_be_had_are_named_after_the_others_are_published(tmp_path: Path, sandbox: Running) -> None:
    """The export of one day is absent, that of another is not whole."""
    with real_looking(sandbox) as server:
        honest = server.script
        asked = asked_of(server.url, TODAY)
        fill_plainly(tmp_path / "alone", FIRST, LAST, only=KEPT, **asked)
        alone = contents(tmp_path / "alone", only=KEPT)
        spoiled = {f"{LOST:%m_%d_%Y}": ABSENT, f"{CUT:%m_%d_%Y}": HALF}
        server.script = lambda seen: next((spoiled[day] for day in spoiled if day in seen.path), None) or honest(seen)
        run = fill(tmp_path / "range", FIRST, LAST, select=SOME, **asked)
        assert not run.success
        (said,) = run.said
        assert said.startswith(f"tmdb: 2 of 4 days could not be had and are not published, the others are: {LOST}")
        assert str(CUT) in said
        assert "tmdb/raw/extraction_ledger every_day" in run.failed_checks
        assert differences(contents(tmp_path / "range", only=KEPT), alone) == []
        had = {FIRST.isoformat(), LAST.isoformat()}
        # what comes before the archive has nothing to ask of a past day
        early = {path: {day.isoformat() for day in DAYS} for path in ("tmdb/raw/reference", "tmdb/raw/movie_changes")}
        assert run.told == dict.fromkeys(SOME, had) | early
        for lost in (LOST, CUT):
            kept = ledger(tmp_path / "range", lost)
            assert not kept or not kept["exports/movie_ids"]["is_complete"]

        server.script = honest
        again = fill(tmp_path / "range", FIRST, LAST, select=SOME, **asked)
        assert again.success, again.said
    assert again.told == {path: {day.isoformat() for day in DAYS} for path in SOME}
    facts = read(tmp_path / "range", "tmdb/star/fact_movie_daily")
    assert sorted(set(facts["date_id"])) == DAYS


def test_a_range_of_which_no_day_can_be_had_publishes_nothing(tmp_path: Path, sandbox: Running) -> None:
    with real_looking(sandbox) as server:
        honest = server.script
        server.script = lambda seen: ABSENT if "exports" in seen.path else honest(seen)
        run = fill(tmp_path / "lake", FIRST, LAST, select=SOME, **asked_of(server.url, TODAY))
    assert not run.success
    (said,) = run.said
    assert said.startswith(f"4 days cannot be observed; the first: {FIRST}: nothing was kept on that day")
    assert read(tmp_path / "lake", "tmdb/raw/extraction_ledger").is_empty()


class StandIn:
    """A sandbox that runs already."""

    def __init__(self, url: str) -> None:
        self.url = url

    def stop(self) -> None:
        """It goes on."""


def test_a_day_that_is_blocked_keeps_no_other_day_of_the_range_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox tells each day anew; on one of them it says that most films are gone."""
    with running("--films", "150", "--today", TODAY.isoformat()) as sandbox, real_looking(sandbox) as server:
        monkeypatch.setattr("tmdb_assets.orchestration.sandbox.Sandbox", lambda *_: StandIn(server.url))
        honest = server.script
        gone = Reply(404, b'{"success": false, "status_code": 34}', {"Content-Type": "application/json"})
        server.script = lambda seen: gone if f"/on/{LOST}/3/movie/1" in seen.path else honest(seen)
        run = fill(tmp_path / "lake", FIRST, CUT, select=SOME)
        assert not run.success
        assert run.said[-1].startswith(
            f"tmdb: 1 of 3 days could not be had and are not published, the others are: {LOST}"
        )
        rows = ledger(tmp_path / "lake", LOST)
        assert not rows["movie/{id}"]["is_complete"] and "are gone, more than 5%" in rows["movie/{id}"]["note"]
        assert set(read(tmp_path / "lake", "tmdb/star/fact_movie_daily")["date_id"]) == {FIRST, CUT}
        server.script = honest
        again = fill(tmp_path / "lake", FIRST, CUT, select=SOME)
        assert again.success, again.said
    assert ledger(tmp_path / "lake", LOST)["movie/{id}"]["is_complete"]
    assert set(read(tmp_path / "lake", "tmdb/star/fact_movie_daily")["date_id"]) == {FIRST, LOST, CUT}
