"""One name everywhere: contract, function, asset key and folder; every column knows where it comes from."""

from __future__ import annotations

import inspect
from types import ModuleType

import dagster as dg
import pytest

from tmdb_assets.definitions import all_contracts, build_definitions, source_modules
from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import Contract, quarantine_contract
from tmdb_assets.lakehouse.ledger import ledger_contract
from tmdb_assets.lakehouse.publishing import DerivedTable
from tmdb_assets.settings import load_settings
from tmdb_assets.sources.tmdb import assets as tmdb_assets
from tmdb_assets.sources.tmdb import clean, contracts, raw, star
from tmdb_assets_tests.conftest import PROJECT

STAGES: dict[str, ModuleType] = {"clean": clean, "star": star}
VIEWS = {view.contract.name: view for view in contracts.VIEWS}
SIDE_TABLES = {ledger_contract("tmdb").name, quarantine_contract("tmdb").name}
DERIVED = tmdb_assets.derived_tables()
BY_NAME = {c.name: c for c in contracts.CONTRACTS}


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
    paths = [c.path for c in all_contracts()]
    assert len(paths) == len(set(paths))
    assert len(BY_NAME) == len(contracts.CONTRACTS), "functions are found by the name alone"


@pytest.mark.parametrize("contract", [c for c in contracts.CONTRACTS if c.name not in VIEWS], ids=path)
def test_a_contracts_constant_is_named_as_its_table(contract: Contract) -> None:
    assert getattr(contracts, contract.name.upper()) is contract


@pytest.mark.parametrize("contract", [c for c in contracts.CONTRACTS if c.name in VIEWS], ids=path)
def test_a_view_is_the_file_of_its_name(contract: Contract) -> None:
    assert contract.stage == "views"
    assert VIEWS[contract.name].file == PROJECT / "tmdb_assets" / "sources" / "tmdb" / "views" / f"{contract.name}.sql"


@pytest.mark.parametrize(
    "contract", [c for c in contracts.CONTRACTS if c.name not in SIDE_TABLES and c.name not in VIEWS], ids=path
)
def test_every_table_has_a_function_of_its_name_in_its_stages_module(contract: Contract) -> None:
    room = raw.Tmdb if contract.stage == "raw" else STAGES[contract.stage]
    function = getattr(room, contract.name)
    assert inspect.isfunction(function)
    assert function.__doc__


def test_every_raw_table_is_asked_by_the_client_and_wired() -> None:
    client = raw.Tmdb(load_settings(_env_file=None), Clock(), None, print)
    tables = client.tables()
    assert {c.name for c in contracts.CONTRACTS if c.stage == "raw"} - SIDE_TABLES == set(tables)
    assert set(tables) == {c.name for c in tmdb_assets.RAW_AFTER}
    for name, table in tables.items():
        assert table.contract is BY_NAME[name]
        assert table.fetch == getattr(client, name)
    endpoints = [e for table in tables.values() for e in table.endpoints]
    assert len(endpoints) == len(set(endpoints)), "an endpoint has one row a day in the ledger"


@pytest.mark.parametrize("table", DERIVED, ids=path)
def test_parameters_name_tables_that_exist_and_stand_before(table: DerivedTable) -> None:
    stages = ["raw", "clean", "star", "views"]
    for name, read in table.reads().items():
        assert read is BY_NAME[name.removeprefix("all_")]
        assert stages.index(read.stage) <= stages.index(table.contract.stage)
    assert table.contract.stage != "clean" or all(c.stage == "raw" for c in table.reads().values())
    assert table.contract.stage != "views" or all(c.stage in {"star", "views"} for c in table.reads().values())


@pytest.mark.parametrize("table", DERIVED, ids=path)
def test_what_a_table_refers_to_is_a_dimension_keyed_by_one_column_of_that_type(table: DerivedTable) -> None:
    for column, dimension in table.references.items():
        assert dimension.stage == "star"
        assert len(dimension.grain) == 1
        assert dimension.schema[dimension.grain[0]] == table.contract.schema[column]


def test_every_key_of_the_star_refers_to_its_dimension() -> None:
    for contract in contracts.CONTRACTS:
        if contract.name.startswith(("bridge_", "fact_")):
            assert set(contract.grain) - {"credit_id"} <= set(contract.references), contract.name


@pytest.mark.parametrize("table", [t for t in DERIVED if t.contract.stage in {"star", "views"}], ids=path)
def test_every_star_and_view_column_comes_from_columns_that_exist(table: DerivedTable) -> None:
    assert list(table.lineage) == list(table.contract.columns)
    for column, sources in table.lineage.items():
        # a plain count, or a word that a view writes itself, comes from no column
        assert sources or table.contract.stage == "views", column
        for source, name in sources:
            assert name in source.columns, f"{column}: {source.path} has no {name}"
            assert source is not table.contract


# -- as Dagster sees it --------------------------------------------------------------------------------------------------


def test_the_assets_are_the_tables(specs: dict[str, dg.AssetSpec]) -> None:
    assert {c.path for c in all_contracts()} <= set(specs)
    tables = {p for p in specs if p.split("/")[0] == contracts.SOURCE}
    assert tables == {c.path for c in contracts.CONTRACTS}


@pytest.mark.parametrize("contract", contracts.CONTRACTS, ids=path)
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
    assert depends - read <= {contracts.EXTRACTION_LEDGER.path}
    assert set(table.checks) == checks[table.contract.path]
    if table.contract.stage == "star":
        lineage = spec.metadata["dagster/column_lineage"].deps_by_column
        assert set(lineage) == set(table.contract.columns)


def test_clean_tables_wait_for_the_proof_of_completeness(specs: dict[str, dg.AssetSpec]) -> None:
    for contract in contracts.CONTRACTS:
        if contract.stage == "clean" and contract.name not in SIDE_TABLES:
            assert contracts.EXTRACTION_LEDGER.path in {"/".join(d.asset_key.path) for d in specs[contract.path].deps}


def test_the_job_runs_every_table_of_its_source(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("tmdb_daily")
    keys = {"/".join(key.path) for key in job.asset_layer.executable_asset_keys}
    assert keys == {c.path for c in contracts.CONTRACTS}


@pytest.mark.parametrize("room", ["contracts", "assets"])
def test_every_source_has_the_rooms_that_are_looked_for(room: str) -> None:
    found = {module.__name__.split(".")[-2] for module in source_modules(room)}
    assert found == {module.__name__.split(".")[-2] for module in source_modules("contracts")}
    assert "tmdb" in found
