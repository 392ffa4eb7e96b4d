"""A source is a folder: one of two lists is put beside the others, and a day of it runs with nothing edited elsewhere.

What belongs here: the example source from its API to the warehouse, and what a wrong setting of a run says. What does
not: the project's own sources.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from tmdb_assets import sources
from tmdb_assets.assembly import build_definitions, source_modules
from tmdb_assets.dictionary import dictionary
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import load_settings
from tmdb_assets_tests import example_source
from tmdb_assets_tests.conftest import TODAY
from tmdb_assets_tests.faulty_server import FaultyServer, Reply, Seen, json_reply

AUTHORS = [{"id": 1, "name": "Ada"}, {"id": "2", "name": "Bo"}]
BOOKS = [
    {"id": 1, "title": "One", "author_id": 1, "pages": 100},
    {"id": 2, "title": "Two", "author_id": 1, "pages": -3},
    {"id": 3, "title": " ", "author_id": 2, "pages": 80},
    {"id": 4, "title": "Four", "author_id": 2},
]


@pytest.fixture
def beside_the_others() -> Iterator[None]:
    """The folder of the example among those of the sources, as if it had been put there."""
    sources.__path__.extend(example_source.__path__)
    yield
    sources.__path__[:] = sources.__path__[: -len(example_source.__path__)]
    for name in [name for name in sys.modules if name.startswith("tmdb_assets.sources.books")]:
        del sys.modules[name]
    vars(sources).pop("books", None)


@pytest.fixture
def api() -> Iterator[FaultyServer]:
    """Two lists, two items a page."""

    def answer(seen: Seen) -> Reply:
        items = AUTHORS if seen.path.endswith("authors") else BOOKS
        number = int(seen.query["page"])
        page = {"items": items[2 * number - 2 : 2 * number], "pages": -(-len(items) // 2), "total": len(items)}
        return json_reply(page)

    with FaultyServer(answer) as server:
        yield server


def definitions(tmp_path: Path) -> dg.Definitions:
    settings = load_settings(
        _env_file=None,
        tmdb_assets_lake=str(tmp_path / "lake"),
        tmdb_assets_warehouse=tmp_path / "films.duckdb",
        tmdb_assets_reports=tmp_path / "reports",
        tmdb_assets_today=TODAY,
    )
    return build_definitions(settings)


def run(found: dg.Definitions, day: dt.date = TODAY, **config: dict[str, object]) -> dg.ExecuteInProcessResult:
    job = found.resolve_job_def("books_daily")
    chosen = {"resources": {name: {"config": fields} for name, fields in config.items()}}
    return job.execute_in_process(partition_key=day.isoformat(), run_config=chosen, raise_on_error=False)


def said(result: dg.ExecuteInProcessResult) -> list[str]:
    failed = [e.step_failure_data.user_failure_data for e in result.all_events if e.is_step_failure]
    return [str(told.description) for told in failed if told and "Dependencies" not in str(told.description)]


@pytest.mark.usefixtures("beside_the_others")
def test_a_folder_is_a_source(tmp_path: Path, api: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKS_URL", api.url)
    found = definitions(tmp_path)
    result = run(found)
    assert result.success, said(result)

    store, contracts = DeltaStore(tmp_path / "lake"), sys.modules["tmdb_assets.sources.books.contracts"]
    answered = store.scan(contracts.VIEWS[0].contract).sort("author_id").collect()
    assert answered.rows() == [(1, "Ada", 2, 100.0), (2, "Bo", 1, None)]
    aside = store.scan(contracts.QUARANTINE).sort("column_name", nulls_last=True).collect()
    assert aside.get_column("reason").to_list() == [
        "pages = -3: must lie between 1 and 10000",
        "title =  : must not be blank",
    ]
    ledger = store.scan(contracts.EXTRACTION_LEDGER).sort("endpoint").collect()
    assert ledger.select("endpoint", "promised_ids", "received_ids", "is_complete", "is_finished").rows() == [
        ("authors", 2, 2, True, True),
        ("books", 4, 4, True, True),
    ]
    with duckdb.connect(tmp_path / "films.duckdb", read_only=True) as warehouse:
        asked = "SELECT name, books FROM books.vw_books_per_author ORDER BY author_id"
        assert warehouse.sql(asked).fetchall() == [("Ada", 2), ("Bo", 1)]

    graph = found.resolve_asset_graph()
    assert dg.AssetKey(["warehouse", "books"]) in graph.get_all_asset_keys()
    assert "### `books/star/dim_book`" in dictionary()
    assert contracts in source_modules("contracts")
    again = run(found, TODAY - dt.timedelta(days=1))
    assert any("no complete observation of 2026-03-09 is kept" in sentence for sentence in said(again))


@pytest.mark.usefixtures("beside_the_others")
def test_a_run_may_be_told_what_differs_and_a_wrong_word_is_one_sentence(
    tmp_path: Path, api: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKS_URL", "http://127.0.0.1:9")
    found = definitions(tmp_path)
    (sentence,) = said(run(found, books={"url": api.url}, clock={"today": "yesterday"}))
    assert sentence == "The clock's today='yesterday' cannot be used: write YYYY-MM-DD."
    assert not (tmp_path / "lake" / "books" / "star").exists()
    assert run(found, books={"url": api.url}).success
    assert (tmp_path / "lake" / "books" / "star" / "dim_book").exists()
