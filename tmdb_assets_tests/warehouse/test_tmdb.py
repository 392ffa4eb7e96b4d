"""The warehouse of the TMDB source: every table and view of it, as the lake has them."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tmdb_assets.assembly import source_modules
from tmdb_assets.lakehouse.contracts import ByPeriod, FewADay
from tmdb_assets.lakehouse.engines.duckdb import answer
from tmdb_assets.lakehouse.engines.kinds import Plain
from tmdb_assets.lakehouse.engines.views import View, bases_of
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.warehouse.contents import Source, lay_out
from tmdb_assets.warehouse.macros import Macro, macros_of
from tmdb_assets.warehouse.publish import Publication, publish_warehouse
from tmdb_assets.warehouse.reader import Warehouse
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets_tests.end_to_end.harness import TODAY
from tmdb_assets_tests.sources.tmdb.worlds import sandbox_lake, shared_by_workers
from tmdb_assets_tests.warehouse import toy

SOURCE = Source.of(contracts)
LAYOUT = lay_out(SOURCE, None)
HELD = [*(c.name for c in LAYOUT.tables), *(view.contract.name for view in LAYOUT.views if view.is_kept)]
CONTRACTS = {c.name: c for c in contracts.CONTRACTS}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    """Some days of the sandbox's films. Read only: every test shares it."""
    return DeltaStore(sandbox_lake(shared_by_workers(tmp_path_factory)))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the warehouse is."""
    return tmp_path_factory.mktemp("tmdb") / "warehouse.duckdb"


@pytest.fixture(scope="module")
def published(store: DeltaStore, path: Path) -> Publication:
    """Its publication."""
    return publish_warehouse(store, DuckDBFile(path), [SOURCE], None, lambda line: None)


def test_the_star_is_there_as_tables_and_every_question_as_a_view_or_as_its_answers(
    published: Publication, path: Path
) -> None:
    assert all(outcome.passed for outcome in published.outcomes)
    star = {c.name for c in contracts.CONTRACTS if c.stage == "star"}
    tables = {name for (name,) in toy.ask(path, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'tmdb'")}
    assert star <= tables
    assert not any(CONTRACTS[name].stage == "raw" and not isinstance(CONTRACTS[name].kept, FewADay) for name in tables)
    views = {name for (name,) in toy.ask(path, "SELECT view_name FROM duckdb_views() WHERE schema_name = 'tmdb'")}
    sums = {view.contract.name for view in contracts.VIEWS if isinstance(view.contract.kept, ByPeriod)}
    assert views | tables >= {view.contract.name for view in contracts.VIEWS} - sums
    assert {"vw_column_quality", "vw_quarantine_rules"} <= views
    over_facts = {view.contract.name for view in contracts.VIEWS if not isinstance(view.kind, Plain)}
    assert (over_facts | {"vw_top_movies", "vw_movie_search"}) - sums <= tables, (
        "nobody who asks reads all films' facts"
    )


@pytest.mark.parametrize("name", HELD)
@pytest.mark.usefixtures("published")
def test_it_answers_as_the_lake_does(store: DeltaStore, path: Path, name: str) -> None:
    contract = CONTRACTS[name]
    kept = store.scan(contract).sort(contract.grain).collect()
    held = Warehouse(path).query(f"SELECT * FROM tmdb.{name}").sort(contract.grain)
    assert dict(held.schema) == dict(contract.schema)
    assert_frame_equal(held, kept, check_exact=contract.stage != "views")  # sums of floats depend on their order


@pytest.mark.usefixtures("published")
def test_a_view_that_the_lake_keeps_nowhere_is_answered_from_the_star(store: DeltaStore, path: Path) -> None:
    bases = bases_of(SOURCE.views)
    assert [base.contract.name for base in bases] == ["vw_movie_days"]
    for base in bases:
        assert store.version(base.contract) is None
        answered = answer(base, {name: store.scan(CONTRACTS[name]) for name in base.reads}).sort(base.contract.grain)
        held = Warehouse(path).query(f"SELECT * FROM tmdb.{base.contract.name}").sort(base.contract.grain)
        assert_frame_equal(held, answered, check_exact=False)
        assert held.height > 1_000


@pytest.mark.usefixtures("published")
def test_every_column_of_every_table_and_view_says_what_it_means(path: Path) -> None:
    mute = "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'tmdb' AND comment IS NULL"
    assert toy.ask(path, mute) == []


@pytest.mark.skipif(SOURCE.macros is None, reason="the source has no macros")
@pytest.mark.usefixtures("published")
def test_every_macro_is_there_and_says_what_it_gives(path: Path) -> None:
    text = SOURCE.macros.read_text(encoding="utf-8") if SOURCE.macros else ""
    found = dict(toy.ask(path, "SELECT function_name, comment FROM duckdb_functions() WHERE schema_name = 'tmdb'"))
    assert found
    assert text.count("CREATE OR REPLACE MACRO tmdb.") == len(found)
    assert all(found.values())


@pytest.mark.parametrize("macro", macros_of(SOURCE.macros), ids=lambda macro: macro.name)
@pytest.mark.usefixtures("published")
def test_the_examples_of_every_macro_have_an_answer(macro: Macro, path: Path) -> None:
    for example in macro.examples:
        assert toy.ask(path, example), example


def test_fewer_days_give_the_same_answers_about_them(store: DeltaStore, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    publish_warehouse(store, DuckDBFile(path), [SOURCE], 2, lambda line: None)
    warehouse = Warehouse(path)
    first = TODAY - dt.timedelta(days=1)
    assert warehouse.query("SELECT min(date_id) FROM tmdb.fact_movie_daily").item() == first
    for view in contracts.VIEWS:
        contract = view.contract
        if isinstance(contract.kept, ByPeriod):
            continue  # it stays in the lake
        kept = store.scan(contract).sort(contract.grain).collect()
        if "date_id" in contract.grain and contract.name in lay_out(SOURCE, 2).by_day:
            kept = kept.filter(pl.col("date_id") >= first)
        held = warehouse.query(f"SELECT * FROM tmdb.{contract.name}").sort(contract.grain)
        assert_frame_equal(held, kept, check_exact=False)


KEPT = [view for module in source_modules("contracts") for view in getattr(module, "VIEWS", ())]
VIEWS = [*bases_of(KEPT), *KEPT]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.contract.path)
def test_older_clients_know_which_column_an_answer_is_ordered_by(view: View) -> None:
    """DuckDB 1.4 takes a bare name after ORDER BY for a column of any joined table, and calls it ambiguous."""
    columns, _, rest = view.sql.rpartition("\nFROM ")
    tables, _, order = rest.partition("\nORDER BY ")
    if "JOIN " in tables:
        made = set(re.findall(r"\bAS (\w+),?$", columns.rpartition("\nSELECT")[2], re.MULTILINE))
        names = {term.split()[0] for term in order.replace(";", "").split(",") if term.strip()}
        assert [name for name in names if "." not in name and name not in made] == []
