"""The data dictionary: complete, and written from the contracts as they are."""

from __future__ import annotations

from tmdb_assets.definitions import all_contracts, source_modules
from tmdb_assets.dictionary import PAGE, dictionary
from tmdb_assets.lakehouse.sql import bases_of


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == dictionary(), "docs/tables.md is stale: run `make docs`"


def test_every_table_and_column_is_described() -> None:
    page = dictionary()
    bases = [base.contract for module in source_modules("contracts") for base in bases_of(module.VIEWS)]
    assert bases
    for contract in [*all_contracts(), *bases]:
        assert f"### `{contract.path}`" in page
        for name, column in contract.columns.items():
            assert column.description, f"{contract.path}.{name} has no description"
            assert f"| {name} |" in page
