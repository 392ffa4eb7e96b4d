"""What must not be published: each is one sentence, and what was published before stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import Column, Contract
from tmdb_assets.lakehouse.engines.views import SqlError
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import publish_warehouse
from tmdb_assets.warehouse.reader import WarehouseError
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets.warehouse.targets.duckdb_tables import Database
from tmdb_assets_tests.warehouse import toy


def test_an_empty_lake_is_nothing_to_publish(lake: DeltaStore, path: Path, views: Path) -> None:
    with pytest.raises(WarehouseError, match=r"^The lake .* holds no table yet: run `make demo` first"):
        toy.publish(lake, path, views)
    assert not path.exists()
    assert toy.alone(path)


def test_a_typo_in_a_view_names_file_and_line(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    before = path.read_bytes()
    text = toy.VIEWS["vw_things"].replace("thing_id, name FROM", "thing_id,\n    nam FROM")
    toy.write_views(views, toy.VIEWS | {"vw_things": text})
    with pytest.raises(SqlError, match=r"toy/views/vw_things.sql, line 9: Binder Error: .*nam"):
        toy.publish(store, path, views)
    assert path.read_bytes() == before
    assert toy.alone(path)


def test_a_typo_in_a_macro_names_file_and_line(store: DeltaStore, path: Path, views: Path) -> None:
    toy.write_views(views, macros="CREATE MACRO toy.one() AS 1;\nCREATE MACRO toy.two() AS (SELECT x FROM nowhere);\n")
    with pytest.raises(SqlError, match=r"toy/macros.sql, line 2: .*nowhere"):
        toy.publish(store, path, views)
    assert not path.exists()


def test_fewer_rows_than_the_lake_has_are_not_published(
    store: DeltaStore, path: Path, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, path, views)
    before = path.read_bytes()
    toy.put_day(store, 3, 5)
    append = Database.append
    monkeypatch.setattr(Database, "append", lambda self, contract, frame: append(self, contract, frame.head(3)))
    with pytest.raises(
        BlockedError, match=r"not published: toy.notes has 3 rows, the lake 4; toy.fact_daily has 18 rows"
    ):
        toy.publish(store, path, views)
    assert path.read_bytes() == before


def test_a_view_that_does_not_keep_its_promise_is_not_published(store: DeltaStore, path: Path, views: Path) -> None:
    text = toy.VIEWS["vw_things"].replace("thing_id, name FROM", "thing_id, name, is_new FROM")
    toy.write_views(views, toy.VIEWS | {"vw_things": text})
    with pytest.raises(BlockedError, match=r"vw_things has the columns .*is_new.*, its contract promises"):
        toy.publish(store, path, views)
    assert not path.exists()


def test_a_null_that_a_contract_has_come_to_forbid_is_one_sentence(store: DeltaStore, path: Path, views: Path) -> None:
    def strictly(columns: Mapping[str, Column]) -> Contract:
        return Contract("toy", "star", "dim_strict", "Strict.", ("line",), columns)

    kept = strictly({name: toy.NOTES.columns[name] for name in ("line", "note")})
    store.overwrite(kept, pl.DataFrame({"line": [1], "note": [None]}, schema=kept.schema), {})
    strict = strictly({"line": toy.NOTES.columns["line"], "note": toy.PAGES.columns["payload"]})
    with pytest.raises(WarehouseError, match=r"^toy.dim_strict holds what its contract forbids \(.*note.*\)"):
        publish_warehouse(store, DuckDBFile(path), [Source("toy", (*toy.TABLES, strict))], None, lambda line: None)
