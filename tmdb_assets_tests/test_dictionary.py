"""The data dictionary: complete, and written from the contracts as they are."""

from __future__ import annotations

from tmdb_assets.assembly import all_contracts, source_modules
from tmdb_assets.dictionary import PAGE, dictionary, parsed
from tmdb_assets.lakehouse.engines.parsing import parsed_in
from tmdb_assets.lakehouse.engines.views import bases_of
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.macros import macros_of


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == dictionary(), "docs/tables.md is stale: run `make docs`"


def test_what_lies_beside_the_views_is_what_they_say_when_they_are_parsed() -> None:
    for module in (module for module in source_modules("contracts") if module.VIEWS):
        kept, found = parsed_in(module.VIEWS[0].file.parent), parsed(module.VIEWS)
        assert (kept.tables, kept.lineages) == (found.tables, found.lineages), "parsed.json is stale: run `make docs`"


def test_every_table_and_column_is_described() -> None:
    page = dictionary()
    bases = [base.contract for module in source_modules("contracts") for base in bases_of(module.VIEWS)]
    assert bases
    for contract in [*all_contracts(), *bases]:
        assert f"### `{contract.path}`" in page
        for name, column in contract.columns.items():
            assert column.description, f"{contract.path}.{name} has no description"
            assert f"| {name} |" in page


def test_every_macro_is_described_with_an_example() -> None:
    page = dictionary()
    files = [file for module in source_modules("contracts") if (file := Source.of(module).macros)]
    found = [macro for file in files for macro in macros_of(file)]
    made = sum(file.read_text(encoding="utf-8").count("CREATE OR REPLACE MACRO") for file in files)
    assert len(found) == made > 0
    for macro in found:
        assert f"### `{macro.call}`" in page
        assert macro.description, macro.name
        assert macro.examples, macro.name
        assert all(macro.name in example and f"{example};" in page for example in macro.examples), macro.name
