"""The real client over several days: what is asked of TMDB, what is not, and what a day that is gone still gives."""

from __future__ import annotations

import datetime as dt
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import CalendarError
from tmdb_assets.lakehouse.flow.extraction import NothingToObserve
from tmdb_assets_tests.end_to_end.harness import (
    COSTS,
    DAILY,
    DERIVED,
    RAW,
    TOKEN,
    Contents,
    asked_of,
    contents,
    deletions,
    differences,
    fill,
    fill_plainly,
    ledger,
    read,
    real_looking,
    versions,
)
from tmdb_assets_tests.sandbox.running import Running, running

FILMS = 300
GONE_ON, GONE = deletions(FILMS)[-1]
FIRST, SECOND = GONE_ON - dt.timedelta(days=1), GONE_ON
EXPORT_ONLY, TOO_OLD = SECOND - dt.timedelta(days=10), SECOND - dt.timedelta(days=120)
DETAILS = re.compile(r"/3/movie/(\d+)\?")
MAX_AGE = 30
#: What the story is about, of what a day derives.
STAR = ["tmdb/star/dim_movie", "tmdb/star/bridge_movie_genre", "tmdb/star/fact_movie_daily"]


@dataclass(frozen=True)
class Step:
    """One run of the story: what it asked (paths with their query), the lake after it, and what went wrong."""

    asked: list[str]
    lake: Contents
    versions: Mapping[str, int | None]
    ledger: Mapping[str, dict[str, Any]]
    error: Exception | None = None

    @property
    def details_asked(self) -> list[int]:
        """Ids of the films whose details were asked for, each as often as it was."""
        return sorted(int(found[1]) for path in self.asked if (found := DETAILS.search(path)))

    @property
    def kinds_asked(self) -> set[str]:
        """What was asked, without the day it was asked on and without ids."""
        bare = [re.sub(r"^/on/[\d-]+/", "", path.partition("?")[0]) for path in self.asked]
        return {re.sub(r"[\d_]{4,}", "*", path) for path in bare}


@pytest.fixture(scope="module")
def tmdb() -> Iterator[Running]:
    """The world that is asked."""
    with running("--films", str(FILMS), "--token", TOKEN, "--today", SECOND.isoformat()) as started:
        yield started


@pytest.fixture(scope="module")
def story(tmdb: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """The runs, in the order in which they happen on one lake."""
    lake = tmp_path_factory.mktemp("story") / "lake"
    steps: dict[str, Step] = {}
    with real_looking(tmdb) as server:

        def step(name: str, day: dt.date, today: dt.date) -> None:
            before, error = len(server.seen), None
            try:
                fill_plainly(lake, day, only=STAR, **asked_of(server.url, today))
            except (CalendarError, NothingToObserve) as refused:
                error = refused
            asked = [seen.target for seen in server.seen[before:]]
            steps[name] = Step(asked, contents(lake, but=COSTS), versions(lake), ledger(lake, day), error)

        step("first day", FIRST, FIRST)
        step("second day", SECOND, SECOND)
        step("second day again", SECOND, SECOND)
        step("first day again", FIRST, SECOND)
        step("only an export", EXPORT_ONLY, SECOND)
        step("only an export again", EXPORT_ONLY, SECOND)
        step("too old", TOO_OLD, SECOND)
        step("tomorrow", SECOND + dt.timedelta(days=1), SECOND)
    return steps


def answer(tmdb: Running, path: str) -> Any:
    """What the source answers, asked directly."""
    return tmdb.get(path, TOKEN).json


def listed(tmdb: Running, day: dt.date) -> set[int]:
    """Ids on the list pages of a day."""
    path = f"/on/{day}/3/discover/movie?sort_by=popularity.desc&include_adult=false&include_video=false&page="
    pages = answer(tmdb, path + "1")["total_pages"]
    return {film["id"] for page in range(1, pages + 1) for film in answer(tmdb, f"{path}{page}")["results"]}


def exported(tmdb: Running, day: dt.date) -> dict[int, float]:
    """Popularity by id in the export of a day."""
    body = zlib.decompress(tmdb.get(f"/on/{day}/p/exports/movie_ids_{day:%m_%d_%Y}.json.gz", None).body, wbits=31)
    return {film["id"]: film["popularity"] for film in map(json.loads, body.splitlines())}


def test_the_first_day_asks_for_every_listed_film_once(tmdb: Running, story: dict[str, Step]) -> None:
    step = story["first day"]
    wanted = listed(tmdb, FIRST)
    assert step.details_asked == sorted(wanted)
    details = step.lake["tmdb/raw/movie_details"]
    assert set(details.select("movie_id", "asked_because").rows()) == {(film, "new") for film in wanted}
    entry = step.ledger["movie/{id}"]
    assert entry["calls"] == entry["promised_ids"] == entry["received_ids"] == len(wanted)
    assert {row["origin"] for row in step.ledger.values()} == {"real"}


def test_the_next_day_asks_for_new_vanished_changed_and_stale_films_only(tmdb: Running, story: dict[str, Step]) -> None:
    known, now, there = listed(tmdb, FIRST), listed(tmdb, SECOND), exported(tmdb, SECOND)
    feed = answer(tmdb, f"/on/{SECOND}/3/movie/changes?start_date={FIRST}&end_date={FIRST}")
    assert feed["total_results"] == 0, "in this small world nothing changed on the first day, so today is asked too"
    feed = answer(tmdb, f"/on/{SECOND}/3/movie/changes?start_date={FIRST}&end_date={SECOND}")
    assert feed["total_pages"] == 1 and feed["total_results"] > 0
    changed = {row["id"] for row in feed["results"]} & (now | known)
    turn = {film for film in known & now if film % MAX_AGE == SECOND.toordinal() % MAX_AGE}
    reasons = {"new": now - known, "vanished": known - there.keys(), "changed": changed, "stale": turn}
    expected: dict[int, str] = {}
    for reason, films in reasons.items():
        expected = {**dict.fromkeys(films, reason), **expected}
    assert GONE in reasons["vanished"]
    step = story["second day"]
    assert step.details_asked == sorted(expected)
    rows = step.lake["tmdb/raw/movie_details"].filter(pl.col("date_id") == SECOND)
    assert dict(rows.select("movie_id", "asked_because").iter_rows()) == expected
    assert step.ledger["movie/{id}"]["calls"] == len(expected) < len(known) / 10


def test_a_deleted_film_becomes_a_tombstone_and_is_gone(tmdb: Running, story: dict[str, Step]) -> None:
    assert {"movie_id": GONE, "day": GONE_ON.isoformat()} in answer(tmdb, "/sandbox/truth")["deleted"]
    lake = story["second day"].lake
    row = lake["tmdb/raw/movie_details"].row(
        by_predicate=(pl.col("movie_id") == GONE) & (pl.col("date_id") == SECOND), named=True
    )
    assert (row["http_status"], row["answered_id"]) == (404, None)
    assert lake["tmdb/clean/movie_tombstones"].select("date_id", "movie_id").rows() == [(SECOND, GONE)]
    gone = lake["tmdb/star/dim_movie"].filter(pl.col("gone_on").is_not_null())
    assert gone.select("movie_id", "observed_on", "gone_on").rows() == [(GONE, FIRST, SECOND)]
    assert lake["tmdb/star/bridge_movie_genre"].filter(pl.col("movie_id") == GONE).height


def test_the_same_day_again_asks_for_the_lists_and_for_the_film_that_was_gone(story: dict[str, Step]) -> None:
    once, again = story["second day"], story["second day again"]
    assert again.details_asked == [GONE]
    assert again.kinds_asked == once.kinds_asked
    assert again.ledger["movie/{id}"]["calls"] == 1
    assert differences(again.lake, once.lake) == []


def test_a_past_day_that_was_kept_is_not_asked_for_again(story: dict[str, Step]) -> None:
    before, again = story["second day again"], story["first day again"]
    assert again.asked == []
    assert differences(again.lake, before.lake) == []
    assert {path for path in RAW if again.versions[path] != before.versions[path]} == set()


def test_a_past_day_of_which_nothing_was_kept_asks_for_the_export_alone(tmdb: Running, story: dict[str, Step]) -> None:
    before, step = story["first day again"], story["only an export"]
    assert step.kinds_asked == {"p/exports/movie_ids*.json.gz"}
    assert set(step.ledger) == {"exports/movie_ids"}
    facts = step.lake["tmdb/star/fact_movie_daily"].filter(pl.col("date_id") == EXPORT_ONLY)
    assert dict(facts.select("movie_id", "popularity").iter_rows()) == exported(tmdb, EXPORT_ONLY)
    assert facts.get_column("vote_count").null_count() == facts.get_column("vote_average").null_count() == facts.height
    kept = ["tmdb/raw/discover_pages", "tmdb/raw/movie_changes", "tmdb/raw/movie_details", "tmdb/raw/reference"]
    assert {path for path in kept if step.versions[path] != before.versions[path]} == set()
    films = ["tmdb/clean/movies", "tmdb/star/bridge_movie_genre"]
    assert differences({p: step.lake[p] for p in films}, before.lake) == []


def test_an_older_listing_leaves_what_newer_days_said_of_a_film(story: dict[str, Step]) -> None:
    before, after = (story[n].lake["tmdb/star/dim_movie"] for n in ("first day again", "only an export"))
    known = after.join(before.select("movie_id"), on="movie_id", how="semi")
    assert known.sort("movie_id").equals(before)


def test_a_past_day_whose_export_is_kept_is_not_asked_for_again(story: dict[str, Step]) -> None:
    before, again = story["only an export"], story["only an export again"]
    assert again.asked == []
    assert differences(again.lake, before.lake) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("too old", f"{TOO_OLD}: nothing was kept on that day and TMDB has no ID export of it"),
        ("tomorrow", f"{SECOND + dt.timedelta(days=1)} has not begun (today is {SECOND} UTC)"),
    ],
    ids=["too old", "tomorrow"],
)
def test_a_day_that_cannot_be_observed_is_refused_and_nothing_is_written(
    story: dict[str, Step], name: str, sentence: str
) -> None:
    before, step = story["only an export again"], story[name]
    assert str(step.error).startswith(sentence)
    assert step.versions == before.versions
    assert {re.sub(r"^.*/", "", path) for path in step.asked} <= {f"movie_ids_{TOO_OLD:%m_%d_%Y}.json.gz"}


# -- mass deletion -----------------------------------------------------------------------------------------------------


def film(movie_id: int) -> dict[str, Any]:
    """A plain film."""
    return {
        "id": movie_id, "title": f"Film {movie_id}", "original_title": f"Film {movie_id}", "original_language": "en",
        "release_date": "2020-05-01", "status": "Released", "runtime": 90, "budget": 0, "revenue": 0, "adult": False,
        "video": False, "popularity": movie_id / 10, "vote_average": 6.5, "vote_count": 10 * movie_id,
        "genres": [{"id": 18, "name": "Drama"}], "production_companies": [], "production_countries": [],
        "spoken_languages": [], "keywords": {"keywords": []}, "external_ids": {},
        "credits": {"cast": [{"id": 7, "credit_id": f"c{movie_id}", "name": "A Person", "order": 0}], "crew": []},
    }  # fmt: skip


def test_a_mass_deletion_stops_before_anything_is_published_until_it_is_allowed(tmp_path: Path) -> None:
    lake, first, second = tmp_path / "lake", dt.date(2026, 3, 9), dt.date(2026, 3, 10)
    gone = {3, 17, 20, 41, 55, 60}
    for name, ids in (("all", range(1, 61)), ("fewer", sorted(set(range(1, 61)) - gone))):
        (tmp_path / name).with_suffix(".jsonl").write_text("".join(json.dumps(film(n)) + "\n" for n in ids))
    with running("--movies", str(tmp_path / "all.jsonl"), "--token", TOKEN, "--today", first.isoformat()) as tmdb:
        fill_plainly(lake, first, only=STAR, **asked_of(tmdb.url, first))
    before, at = contents(lake, only=DERIVED), versions(lake)
    assert before["tmdb/star/dim_movie"].height == 60
    with running("--movies", str(tmp_path / "fewer.jsonl"), "--token", TOKEN, "--today", second.isoformat()) as tmdb:
        run = fill(lake, second, select=DAILY, **asked_of(tmdb.url, second))
        assert not run.success
        assert len(run.said) == 1
        assert run.said[0].startswith(f"{second}: TMDB says that 6 of 60 films are gone, more than 5%.")
        assert "TMDB_ASSETS_ALLOW_MASS_DELETE=1" in run.said[0]
        assert run.failed_checks == {"tmdb/raw/movie_details mass_delete"}
        assert {path for path in DERIVED if versions(lake)[path] != at[path]} == set()
        assert differences(contents(lake, only=DERIVED), before) == []
        fill_plainly(lake, second, only=STAR, **asked_of(tmdb.url, second), tmdb_assets_allow_mass_delete=True)
    films = read(lake, "tmdb/star/dim_movie")
    assert films.height == 60
    assert set(films.filter(pl.col("gone_on") == second).get_column("movie_id")) == gone
    assert read(lake, "tmdb/star/fact_movie_daily").filter(pl.col("date_id") == second).height == 54
