"""One name everywhere: contract, function, asset key and folder; every column knows where it comes from."""

from __future__ import annotations

from importlib import import_module

import dagster as dg
import pytest

from tmdb_assets.assembly import all_contracts, build_definitions, source_modules
from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.ledger import ledger_contract
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.flow.transforms import Transform
from tmdb_assets.orchestration.source import PROFILES
from tmdb_assets.settings import load_settings
from tmdb_assets.sources.tmdb import assets as tmdb_assets
from tmdb_assets.sources.tmdb import contracts, raw
from tmdb_assets_tests.conftest import PROJECT

#: source -> its contracts, and its wiring.
SOURCES = {module.SOURCE: module for module in source_modules("contracts")}
WIRED = dict(zip(SOURCES, source_modules("assets"), strict=True))
CONTRACTS = all_contracts()
VIEWS = {view.contract.path: view for module in SOURCES.values() for view in module.VIEWS}
SIDE_TABLES = {ledger_contract("tmdb").name, quarantine_contract("tmdb").name}
DERIVED: list[DerivedTable] = [table for module in WIRED.values() for table in module.derived_tables()]
#: Tables that are made by an object of the ground floor rather than by a function of the source.
QUALITY = {contract for contract in CONTRACTS if contract.name in PROFILES}
BY_NAME = {(c.source, c.name): c for c in CONTRACTS}


def path(item: Contract | DerivedTable) -> str:
    return (item.contract if isinstance(item, DerivedTable) else item).path


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(load_settings(_env_file=None))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {"/".join(spec.key.path): spec for spec in definitions.resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def checks(definitions: dg.Definitions) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in definitions.resolve_asset_graph().asset_check_keys:
        found.setdefault("/".join(key.asset_key.path), set()).add(key.name)
    return found


def test_no_two_tables_share_a_name() -> None:
    assert len({c.path for c in CONTRACTS}) == len(CONTRACTS)
    assert len(BY_NAME) == len(CONTRACTS), "functions are found by the name alone"


@pytest.mark.parametrize("contract", [c for c in CONTRACTS if c.path not in VIEWS], ids=path)
def test_a_contracts_constant_is_named_as_its_table(contract: Contract) -> None:
    assert getattr(SOURCES[contract.source], contract.name.upper()) is contract


@pytest.mark.parametrize("contract", [c for c in CONTRACTS if c.path in VIEWS], ids=path)
def test_a_view_is_the_file_of_its_name(contract: Contract) -> None:
    assert contract.stage == "views"
    folder = PROJECT / "tmdb_assets" / "sources" / contract.source / "views"
    assert VIEWS[contract.path].file == folder / f"{contract.name}.sql"


@pytest.mark.parametrize(
    "contract", [c for c in CONTRACTS if c.stage in {"clean", "star"} and c.name not in SIDE_TABLES], ids=path
)
def test_every_table_has_a_function_of_its_name_in_its_stages_module(contract: Contract) -> None:
    (build,) = [t.build for t in DERIVED if t.contract is contract]
    if contract in QUALITY:  # one object profiles many tables
        return
    assert isinstance(build, Transform)
    package = WIRED[contract.source].__name__.rpartition(".")[0]
    stated = getattr(import_module(f"{package}.{contract.stage}"), contract.name)
    assert build.function is getattr(stated, "function", stated)
    assert build.doc


def test_every_raw_table_is_asked_by_the_client_and_wired() -> None:
    client = raw.Tmdb(load_settings(_env_file=None), Clock(), None, print)
    tables = client.tables()
    assert {c.name for c in contracts.CONTRACTS if c.stage == "raw"} - SIDE_TABLES == set(tables)
    assert set(tables) == {c.name for c in tmdb_assets.RAW_AFTER}
    for name, table in tables.items():
        assert table.contract is BY_NAME["tmdb", name]
        assert table.fetch == getattr(client, name)
        assert table.fetch.__doc__
    endpoints = [e for table in tables.values() for e in table.endpoints]
    assert len(endpoints) == len(set(endpoints)), "an endpoint has one row a day in the ledger"


@pytest.mark.parametrize("table", DERIVED, ids=path)
def test_a_table_reads_tables_of_its_source_that_stand_before(table: DerivedTable) -> None:
    stages = ["raw", "clean", "star", "views"]
    for read in table.reads:
        assert read is BY_NAME[table.contract.source, read.name]
        assert stages.index(read.stage) <= stages.index(table.contract.stage)
    if table.contract.stage == "clean":  # a clean table may be made of one that stands before it
        order = [contract.key for key, contract in BY_NAME.items() if key[0] == table.contract.source]
        assert all(c.stage == "raw" or order.index(c.key) < order.index(table.contract.key) for c in table.reads)
    answers = [c for c in table.reads if table.contract.stage == "views" and c.name not in SIDE_TABLES]
    assert all(c.stage in {"star", "views"} for c in answers)


@pytest.mark.parametrize("table", DERIVED, ids=path)
def test_what_a_table_refers_to_is_a_dimension_keyed_by_one_column_of_that_type(table: DerivedTable) -> None:
    for column, dimension in table.contract.references.items():
        assert dimension.stage == "star"
        # a dimension that keeps its history has a row per key and day it changed on
        assert dimension.grain[1:] in {(), ("valid_from",)}
        assert dimension.schema[dimension.grain[0]] == table.contract.schema[column]


def test_every_key_of_the_star_refers_to_its_dimension() -> None:
    for contract in contracts.CONTRACTS:
        # the profiles are of tables, and of every day, those without a fact included
        if contract.name.startswith(("bridge_", "fact_")) and contract not in QUALITY:
            assert set(contract.grain) - {"credit_id"} <= set(contract.references), contract.name


@pytest.mark.parametrize("table", [t for t in DERIVED if t.contract.stage in {"star", "views"}], ids=path)
def test_every_star_and_view_column_comes_from_columns_that_exist(table: DerivedTable) -> None:
    assert list(table.lineage) == list(table.contract.columns)
    assert table.stated, "it is made of nothing"
    for column, sources in table.lineage.items():
        # a plain count, or a word a view writes itself, comes from no column; a shipped table from its file alone
        assert sources or table.contract.stage == "views" or not table.reads, column
        for source, name in sources:
            assert name in source.columns, f"{column}: {source.path} has no {name}"
            assert source is not table.contract


# -- as Dagster sees it ------------------------------------------------------------------------------------------------


def test_the_assets_are_the_tables(specs: dict[str, dg.AssetSpec]) -> None:
    assert {p for p in specs if p.split("/")[0] in SOURCES} == {c.path for c in CONTRACTS}


@pytest.mark.parametrize("contract", CONTRACTS, ids=path)
def test_every_asset_says_what_it_is(
    specs: dict[str, dg.AssetSpec], checks: dict[str, set[str]], contract: Contract
) -> None:
    spec = specs[contract.path]
    assert spec.description
    assert contract.description in spec.description
    assert (spec.group_name, spec.code_version) == (contract.source, contract.code_version)
    assert spec.owners
    assert "deltalake" in spec.kinds
    assert spec.tags["stage"] == contract.stage
    assert (spec.partitions_def is None) == contract.is_whole
    assert checks[contract.path]
    schema = spec.metadata["dagster/column_schema"]
    assert [(c.name, c.type) for c in schema.columns] == [(n, str(t)) for n, t in contract.schema.items()]
    assert all(c.description for c in schema.columns)
    assert [c.constraints.nullable for c in schema.columns] == [bool(c.nullable) for c in contract.columns.values()]


@pytest.mark.parametrize("table", DERIVED, ids=path)
def test_an_asset_depends_on_what_its_function_reads_and_shows_its_checks(
    specs: dict[str, dg.AssetSpec], checks: dict[str, set[str]], table: DerivedTable
) -> None:
    spec = specs[table.contract.path]
    depends = {"/".join(d.asset_key.path) for d in spec.deps}
    read = {c.path for c in table.upstream}
    assert read <= depends
    assert depends - read <= {SOURCES[table.contract.source].EXTRACTION_LEDGER.path}
    assert set(table.checks) == checks[table.contract.path]
    if table.contract.stage == "star":
        lineage = spec.metadata["dagster/column_lineage"].deps_by_column
        assert set(lineage) == set(table.contract.columns)


def test_clean_tables_wait_for_the_proof_of_completeness(specs: dict[str, dg.AssetSpec]) -> None:
    for contract in CONTRACTS:
        if contract.stage == "clean" and contract.name not in SIDE_TABLES:
            ledger = SOURCES[contract.source].EXTRACTION_LEDGER
            assert ledger.path in {"/".join(d.asset_key.path) for d in specs[contract.path].deps}


@pytest.mark.parametrize("name", ["tmdb_daily", "moovitamix_daily", "streamflow_monthly"])
def test_the_job_runs_every_table_of_its_source(definitions: dg.Definitions, name: str) -> None:
    job = definitions.resolve_job_def(name)
    keys = {"/".join(key.path) for key in job.asset_layer.executable_asset_keys}
    source = name.split("_")[0]
    published = {f"warehouse/{source}"} | ({"daily_report"} if source == "tmdb" else set())
    assert keys == {c.path for c in CONTRACTS if c.source == source} | published


@pytest.mark.parametrize("room", ["contracts", "assets"])
def test_every_source_has_the_rooms_that_are_looked_for(room: str) -> None:
    found = {module.__name__.split(".")[-2] for module in source_modules(room)}
    assert found == {module.__name__.split(".")[-2] for module in source_modules("contracts")}
    assert "tmdb" in found
