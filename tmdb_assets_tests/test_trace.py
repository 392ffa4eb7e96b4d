"""The trace: from a figure to the rows, commits and raw answers behind it, and one sentence for whatever cannot be
traced."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.assets import derived_tables
from tmdb_assets.trace import ROWS, TraceError, main, trace
from tmdb_assets_tests.end_to_end.harness import TODAY, fill
from tmdb_assets_tests.sources.tmdb.worlds import DAYS, sandbox_lake, shared_by_workers

YESTERDAY = TODAY - dt.timedelta(days=1)
TABLES = {c.name: c for c in contracts.CONTRACTS}
DERIVED = derived_tables()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sandbox's films, filled without Dagster but for the newest facts, which a run of the job wrote. Read only."""
    shared = sandbox_lake(shared_by_workers(tmp_path_factory))
    folder = Path(shutil.copytree(shared, tmp_path_factory.mktemp("traced") / "lake"))
    run = fill(folder, TODAY, select=[contracts.FACT_MOVIE_DAILY.path])
    assert run.success, run.said
    return folder


@pytest.fixture(scope="module")
def film(lake: Path) -> dict[str, Any]:
    """A film of every day with votes, details and more than one genre: its row in the dimension."""
    store = DeltaStore(lake)
    facts = store.scan(contracts.FACT_MOVIE_DAILY).drop_nulls("vote_count").group_by("movie_id").len()
    genres = store.scan(contracts.BRIDGE_MOVIE_GENRE).group_by("movie_id").len()
    films = store.scan(contracts.DIM_MOVIE).filter(pl.col("title").is_unique())
    always = facts.filter(pl.col("len") == len(DAYS)).join(genres.filter(pl.col("len") > 1), on="movie_id")
    return films.join(always, on="movie_id").sort("movie_id").collect().row(0, named=True)


def told(lake: Path, view: str, film: Any, day: str | None = None) -> list[str]:
    return list(trace(DeltaStore(lake), DERIVED, view, str(film), day))


def after(lines: list[str], heading: str) -> list[str]:
    """The lines under a heading."""
    begins = lines.index(heading) + 1
    ends = lines.index("", begins) if "" in lines[begins:] else len(lines)
    return lines[begins:ends]


def test_a_figure_leads_to_the_facts_the_commit_and_the_page_it_was_said_on(lake: Path, film: dict[str, Any]) -> None:
    store, movie_id = DeltaStore(lake), film["movie_id"]
    lines = told(lake, "vw_movie_latest", movie_id)
    assert lines[0].startswith(f"vw_movie_latest, film {movie_id}, {film['title']}")
    pages = store.scan(contracts.DISCOVER_PAGES, [TODAY]).sort("page").collect()
    said = [
        (page["page"], place, item)
        for page in pages.iter_rows(named=True)
        for place, item in enumerate(json.loads(page["payload"])["results"])
        if item["id"] == movie_id
    ]
    page, place, item = said[0]

    (answer,) = [line for line in after(lines, "The answer") if "movie_id" in line]
    assert f"popularity {item['popularity']} " in answer
    assert f"vote_count {item['vote_count']} " in answer

    facts = [line for line in after(lines, "It rests on") if f"movie_id {movie_id} · popularity" in line]
    assert [line.split()[1] for line in facts] == [day.isoformat() for day in sorted(DAYS, reverse=True)[:ROWS]]
    assert f"popularity {item['popularity']} " in facts[0]
    (commit,) = [line for line in lines if line.startswith(f"  {contracts.FACT_MOVIE_DAILY.path}, version")]
    newest = store.history(contracts.FACT_MOVIE_DAILY, 1)[0]
    assert f"version {store.version(contracts.FACT_MOVIE_DAILY)}, committed " in commit
    assert commit.endswith(f"by run {newest['run_id']}")

    pointers = after(lines, "It was said in")
    pointer = f"  {contracts.DISCOVER_PAGES.path} date_id={TODAY} window=popularity page={page} pass_number=1, fetched "
    (found,) = [n for n, line in enumerate(pointers) if line.startswith(pointer)]
    shown = pointers[found + 1].removeprefix(f"    payload.results[{place}]: ")
    assert {k: json.loads(shown)[k] for k in ("id", "popularity", "vote_count")} == {
        k: item[k] for k in ("id", "popularity", "vote_count")
    }


def test_details_are_shown_with_their_own_figures_and_how_much_is_nested(lake: Path, film: dict[str, Any]) -> None:
    movie_id = film["movie_id"]
    lines = after(told(lake, "vw_movie_financials", movie_id), "It was said in")
    pointer = f"  {contracts.MOVIE_DETAILS.path} date_id={film['observed_on']} movie_id={movie_id}"
    (found,) = [n for n, line in enumerate(lines) if line.startswith(pointer)]
    shown = json.loads(lines[found + 1].removeprefix("    payload: "))
    assert (shown["id"], shown["budget"] or None, shown["revenue"] or None) == (
        movie_id,
        film["budget_usd"],
        film["revenue_usd"],
    )
    assert shown["credits"] == "(2 keys)"


def test_an_earlier_day_is_traced_when_it_is_named(lake: Path, film: dict[str, Any]) -> None:
    lines = told(lake, "vw_movie_latest", film["movie_id"], YESTERDAY.isoformat())
    pages = [line for line in after(lines, "It was said in") if contracts.DISCOVER_PAGES.path in line]
    assert pages
    assert all(f"date_id={YESTERDAY}" in line for line in pages)


def test_the_answer_is_of_the_day_that_is_named_or_says_which_day_it_is_of(lake: Path, film: dict[str, Any]) -> None:
    def answer(view: str, day: dt.date | None) -> list[str]:
        return after(told(lake, view, film["movie_id"], day.isoformat() if day else None), "The answer")[1:]

    newest, old = (f"    date_id {day} · movie_id {film['movie_id']} · " for day in (TODAY, DAYS[2]))
    assert [len(answer("vw_movie_history", day)) for day in (DAYS[2], TODAY)] == [1, 1]
    assert answer("vw_movie_history", DAYS[2])[0].startswith(old)
    assert answer("vw_movie_history", TODAY)[0].startswith(newest)
    for view in ("vw_movie_latest", "vw_genre_popularity"):
        note, *rows = answer(view, YESTERDAY)
        said = f"    of {TODAY}, the newest day: it keeps no answer of {YESTERDAY}, whose facts stand below"
        assert (note, rows) == (said, answer(view, None))
        assert answer(view, TODAY) == answer(view, None)


def test_a_view_without_films_shows_what_the_film_counts_in(lake: Path, film: dict[str, Any]) -> None:
    store = DeltaStore(lake)
    members = store.scan(contracts.BRIDGE_MOVIE_GENRE).filter(pl.col("movie_id") == film["movie_id"]).collect()
    genres = sorted(members.get_column("genre_id"))
    answer = after(told(lake, "vw_genre_popularity", film["movie_id"]), "The answer")
    assert answer[1].strip() == f"has no row per film; it counts in {len(genres)} rows by its genre_id"
    assert [int(line.split()[1]) for line in answer[2:]] == genres[:5]


@pytest.mark.parametrize("view", [v.contract.name for v in contracts.VIEWS])
def test_every_view_is_traced_or_says_in_one_sentence_why_not(lake: Path, film: dict[str, Any], view: str) -> None:
    try:
        lines = told(lake, view, film["movie_id"])
    except TraceError as error:
        assert "says nothing about single films" in str(error)
        assert not any("movie_id" in c.columns for c in _behind(view)), "it does rest on films"
        return
    assert {"The answer", "It rests on", "It was said in"} <= set(lines)
    assert any(line.startswith("  tmdb/raw/") for line in after(lines, "It was said in"))


def _behind(view: str) -> list[Any]:
    """Star tables that a view reads, through other views as well."""
    read = next(t for t in DERIVED if t.contract.name == view).reads
    return [c for r in read for c in (_behind(r.name) if r.stage == "views" else [r]) if c.stage == "star"]


def test_what_is_no_longer_kept_is_said_so(film: dict[str, Any], lake: Path, tmp_path: Path) -> None:
    store = DeltaStore(tmp_path / "lake")
    facts = store_of(lake, contracts.FACT_MOVIE_DAILY).filter(pl.col("date_id") >= YESTERDAY)
    store.replace(contracts.FACT_MOVIE_DAILY, facts, [TODAY, YESTERDAY], {})
    store.merge(contracts.DIM_MOVIE, store_of(lake, contracts.DIM_MOVIE), {})
    store.overwrite(TABLES["vw_movie_latest"], store_of(lake, TABLES["vw_movie_latest"]), {})
    lines = told(tmp_path / "lake", "vw_movie_latest", film["movie_id"])
    gone = [line for line in after(lines, "It was said in") if "keep nothing of it any more" in line]
    assert any(f"{contracts.MOVIE_STATS.path} of {TODAY}" in line for line in gone)
    assert "by no named run" in lines[3]


def store_of(lake: Path, contract: Any) -> pl.DataFrame:
    return DeltaStore(lake).scan(contract).collect()


# -- what cannot be traced ---------------------------------------------------------------------------------------------


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A lake of four films in the dimension, an answered view and one fact."""
    store = DeltaStore(tmp_path / "few")
    seen = {"observed_on": TODAY, "has_implausible_money": False}
    films = [
        {"movie_id": 1, "title": "Unknown", "release_date": dt.date(2011, 2, 16), **seen},
        {"movie_id": 2, "title": "Other", "original_title": " unknown ", **seen},
        {"movie_id": 3, "title": "1", **seen},
        {"movie_id": 4, "title": "Éclair | Noir, Part 2", **seen},
    ]
    store.merge(contracts.DIM_MOVIE, pl.DataFrame(films, schema=contracts.DIM_MOVIE.schema), {})
    store.create(TABLES["vw_movie_latest"])
    fact = {"date_id": TODAY, "movie_id": 4, "popularity": 1.5}
    facts = pl.DataFrame([fact], schema=contracts.FACT_MOVIE_DAILY.schema)
    store.replace(contracts.FACT_MOVIE_DAILY, facts, [TODAY], {})
    return tmp_path / "few"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["vw_movie_latst", "4"], "There is no view 'vw_movie_latst': choose one such as vw_movie_latest"),
        (["vw_trending", "4"], "tmdb/views/vw_trending has never been answered in this lake"),
        (["vw_movie_latest", "99"], "No film has the id or title '99'."),
        (["vw_movie_latest", "9" * 30], "No film has the id or title"),
        (["vw_movie_latest", "eclair"], "No film has the id or title 'eclair'."),
        (["vw_movie_latest", "éclair"], "No film has the id or title 'éclair'; near it: 4 Éclair | Noir, Part 2."),
        (
            ["vw_movie_latest", "unknown"],
            "2 films are called 'unknown', give the id of one: 1 (2011-02-16), 2 (no date).",
        ),
        (
            ["vw_movie_latest", "1"],
            "There are no facts of film 1, Unknown (2011): tmdb/star/fact_movie_daily has no row",
        ),
        (["vw_movie_latest", "4", "--day", "2026-3-1"], "'2026-3-1' is no day: write it as 2026-03-01."),
        (["vw_movie_latest", "4", "--day", "2026-03-01"], "There are no facts on or before 2026-03-01 of film 4"),
        (["vw_movie_latest", "4", "--day", "2026-03-11"], "There are no facts of 2026-03-11 of film 4"),
    ],
)
def test_what_cannot_be_traced_is_one_sentence_and_exit_code_1(
    few: Path, words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMDB_ASSETS_LAKE", str(few))
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"tmdb_assets: {sentence}")
    assert len(said.err.splitlines()) == 1


def test_a_title_of_several_words_and_signs_needs_no_id(
    few: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMDB_ASSETS_LAKE", str(few))
    assert main(["tmdb/views/vw_movie_latest", "éclair", "|", "noir,", "part", "2"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "vw_movie_latest, film 4, Éclair | Noir, Part 2"
    assert "has no row of the film" in said.out
    assert said.err == ""


def test_without_a_lake_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMDB_ASSETS_LAKE", str(tmp_path / "nowhere"))
    assert main(["vw_movie_latest", "4"]) == 1
    assert (
        capsys.readouterr().err
        == f"tmdb_assets: There is no lake at {tmp_path / 'nowhere'} yet: run `make demo` first.\n"
    )


def test_a_view_of_another_subject_has_nothing_to_say(few: Path) -> None:
    DeltaStore(few).create(TABLES["vw_column_quality"])
    with pytest.raises(TraceError, match="vw_column_quality says nothing about single films"):
        told(few, "vw_column_quality", 4)
