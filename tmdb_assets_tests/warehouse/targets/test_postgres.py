"""The PostgreSQL target against a real server: it holds what the file holds, with keys; nobody sees half of it; what
the server cannot do is one sentence, and the last publication stays."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tmdb_assets.lakehouse.copies import CopyStays
from tmdb_assets.lakehouse.engines.views import SqlError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sandbox.moovitamix.world import World as MusicSandbox
from tmdb_assets.settings import SettingsError, load_settings
from tmdb_assets.sources.moovitamix import contracts as moovitamix
from tmdb_assets.sources.streamflow import contracts as streamflow
from tmdb_assets.sources.tmdb import contracts as tmdb
from tmdb_assets.warehouse.contents import Source, lay_out, look_up
from tmdb_assets.warehouse.publish import Publication, publish_warehouse
from tmdb_assets.warehouse.reader import WarehouseError
from tmdb_assets.warehouse.targets import targets_of
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets.warehouse.targets.postgres import Postgres
from tmdb_assets.warehouse.targets.postgres_rows import as_csv, type_of
from tmdb_assets.warehouse.targets.postgres_tables import NextState
from tmdb_assets_tests.conftest import PROJECT
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.moovitamix import lakes
from tmdb_assets_tests.warehouse import toy
from tmdb_assets_tests.warehouse.targets.postgres_server import Server, ask, do, rows_of, running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.fixture
def url(server: Server) -> str:
    return server.database("films")


@pytest.fixture
def target(url: str) -> Postgres:
    return Postgres(SecretStr(url))


def publish(store: DeltaStore, target: Postgres, views: Path, fact_days: int | None = None) -> Publication:
    return publish_warehouse(store, target, [toy.source(views)], fact_days, lambda line: None)


def unlike_the_file(url: str, path: Path, views: Path) -> list[str]:
    """Names of the tables and views that are not in the database as in the file."""
    layout = lay_out(toy.source(views), None)
    contracts = [*layout.tables, *(view.contract for view in layout.views)]
    file, there = toy.everything(path), {}
    for contract in contracts:
        there[f"toy.{contract.name}"] = rows_of(url, contract)
        held = file[f"toy.{contract.name}"]
        file[f"toy.{contract.name}"] = held.select(there[f"toy.{contract.name}"].columns).sort(contract.grain)
    return toy.unlike(there, {name: file[name] for name in there})


# -- what it holds -----------------------------------------------------------------------------------------------------


def test_it_comes_to_hold_what_the_file_holds_whatever_changes(
    store: DeltaStore, path: Path, views: Path, url: str, target: Postgres
) -> None:
    for fact_days in (None, 2):
        for step in toy.changes(store, views):
            step()
            told = publish(store, target, views, fact_days)
            by_file = publish_warehouse(store, DuckDBFile(path), [toy.source(views)], fact_days, lambda line: None)
            assert [(t.name, t.rows, t.changed) for t in told.tables] == [
                (t.name, t.rows, t.changed) for t in by_file.tables
            ]
            assert (told.swapped, bool(told.rebuilt)) == (by_file.swapped, bool(by_file.rebuilt))
            assert unlike_the_file(url, path, views) == []
    assert told.bytes > 0
    assert ask(url, "SELECT count(*) FROM tmdb_assets.lake_versions") == [(len(told.tables),)]


def test_tables_have_keys_months_comments_and_what_is_in_a_box(
    store: DeltaStore, views: Path, url: str, target: Postgres
) -> None:
    toy.put_day(store, 40, 5)
    publish(store, target, views)
    keys = ask(
        url,
        "SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'toy'::regnamespace AND contype IN ('p', 'f') AND conparentid = 0 "
        "AND conrelid::regclass::text NOT LIKE '%_2026_%' ORDER BY 1, 2",
    )
    fact = [(kind, said) for table, kind, said in keys if table == "toy.fact_daily"]
    assert fact == [
        ("f", "FOREIGN KEY (thing_id) REFERENCES toy.dim_thing(thing_id) DEFERRABLE INITIALLY DEFERRED"),
        ("p", "PRIMARY KEY (date_id, thing_id)"),
    ]
    assert {table for table, kind, _ in keys if kind == "p"} == {
        f"toy.{contract.name}" for contract in lay_out(toy.source(views), None).tables
    }
    months = ask(url, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'toy.fact_daily'::regclass")
    assert sorted(months) == [("toy.fact_daily_2026_03",), ("toy.fact_daily_2026_04",)]
    indexes = {said for (said,) in ask(url, "SELECT indexdef FROM pg_indexes WHERE tablename = 'fact_daily'")}
    assert any("(thing_id, date_id)" in said for said in indexes)
    assert ask(url, "SELECT obj_description('toy.vw_totals'::regclass)") == [
        ("Amount of each thing. Grain: thing_id.",)
    ]
    assert ask(url, "SELECT col_description('toy.fact_daily'::regclass, 2)") == [
        ("Thing. (must be at least 1) Refers to dim_thing.",)
    ]
    assert ask(url, "SELECT box->>'since' FROM toy.dim_thing WHERE thing_id = 1") == [("2026-03-01",)]


def test_an_empty_month_goes(store: DeltaStore, views: Path, url: str, target: Postgres) -> None:
    toy.put_day(store, 40, 5)
    publish(store, target, views)
    toy.put_day(store, 40, 0)
    publish(store, target, views)
    months = ask(url, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'toy.fact_daily'::regclass")
    assert months == [("toy.fact_daily_2026_03",)]


def test_only_what_differs_is_written(store: DeltaStore, views: Path, url: str, target: Postgres) -> None:
    publish(store, target, views)
    before = dict(ask(url, "SELECT thing_id, xmin::text FROM toy.dim_thing"))
    toy.put_things(store, {n: "another" if n == 2 else f"thing {n}" for n in range(1, 7)})
    publish(store, target, views)
    after = dict(ask(url, "SELECT thing_id, xmin::text FROM toy.dim_thing"))
    assert {thing for thing, written in after.items() if before.get(thing) != written} == {2, 6}


def music(folder: Path) -> DeltaStore:
    """Two days of the music API, months apart."""
    world, store = MusicSandbox(7, 40), DeltaStore(folder / "music")
    days = [lakes.day(120), lakes.day(0)]
    for on in days:
        said = {"tracks": world.tracks(on), "users": world.users(on), "listen_history": world.histories(on)}
        lakes.keep_raw(store, on, said)
    lakes.derive(store, days)
    return store


def test_every_view_of_every_source_answers_as_in_the_file(
    film_warehouse: Path, server: Server, tmp_path: Path
) -> None:
    """A new view that PostgreSQL answers otherwise, or not at all, is found here."""
    seen = 0
    for store, modules in (
        (DeltaStore(film_warehouse.parent / "lake"), [tmdb, streamflow]),
        (music(tmp_path), [moovitamix]),
    ):
        url, path = server.database("parity"), tmp_path / "parity.duckdb"
        sources = [Source.of(module) for module in modules]
        publish_warehouse(store, Postgres(SecretStr(url)), sources, None, lambda line: None)
        publish_warehouse(store, DuckDBFile(path), sources, None, lambda line: None)
        file = toy.everything(path)
        for source in sources:
            for view in lay_out(source, None).views:
                expected = file[f"{source.name}.{view.contract.name}"].sort(view.contract.grain)
                found = rows_of(url, view.contract)
                assert found.equals(expected.select(found.columns)), view.contract.name
                seen += found.height > 0
        path.unlink()
    assert seen >= 15, "views with rows"


@pytest.mark.parametrize("module", [tmdb, streamflow, moovitamix], ids=lambda module: module.SOURCE)
def test_every_view_of_every_source_can_be_said(module: Any, target: Postgres) -> None:
    layout = lay_out(Source.of(module), None)
    assert [view.contract.name for view in layout.views if not target.can_answer(view)] == []


# -- rows --------------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["", "\\N", "\\.", '"', ",", "\n", "\r\n", "NULL", "{}", '{"a"}', "\\", "a\tb", "\x00", "'"]
)
VALUES: dict[str, tuple[pl.DataType | type[pl.DataType], st.SearchStrategy[Any]]] = {
    "whole": (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "fraction": (pl.Float64, st.floats(allow_nan=False)),
    "text": (pl.String, TEXTS),
    "flag": (pl.Boolean, st.booleans()),
    "day": (pl.Date, st.dates(dt.date(1, 1, 1))),
    "instant": (pl.Datetime("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC))),
    "texts": (pl.List(pl.String), st.lists(st.none() | TEXTS, max_size=3)),
    "numbers": (pl.List(pl.Int64), st.lists(st.none() | st.integers(-9, 9), max_size=3)),
}


@examples(30)
@given(data=st.data())
def test_every_value_comes_back_as_it_went(server: Server, data: st.DataObject) -> None:
    kinds = {name: (dtype, st.none() | values) for name, (dtype, values) in VALUES.items()}
    rows = data.draw(st.lists(st.fixed_dictionaries({n: v for n, (_, v) in kinds.items()}), max_size=5))
    schema = {name: dtype for name, (dtype, _) in kinds.items()}
    frame = pl.DataFrame(rows, schema=schema).with_row_index("n")
    columns = ", ".join(f"{name} {type_of(dtype)}" for name, dtype in schema.items())
    with psycopg.connect(server.url("postgres")) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(f"CREATE TEMP TABLE t (n bigint, {columns})".encode())
        with connection.cursor() as cursor, cursor.copy("COPY t FROM STDIN (FORMAT csv, NULL '\\N')") as copy:
            copy.write(as_csv(frame))
        found = connection.execute("SELECT * FROM t ORDER BY n").fetchall()
    told = [tuple(_without_nul(value) for value in row) for row in frame.rows()]
    assert found == told


def _without_nul(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def test_days_before_the_first_year_are_days_there(server: Server) -> None:
    frame = pl.DataFrame({"day": pl.Series([-719528, -719894, 0], dtype=pl.Int32).cast(pl.Date)})
    with psycopg.connect(server.url("postgres")) as connection:
        connection.execute("CREATE TEMP TABLE t (day date)")
        with connection.cursor() as cursor, cursor.copy("COPY t FROM STDIN (FORMAT csv, NULL '\\N')") as copy:
            copy.write(as_csv(frame))
        found = connection.execute("SELECT day - DATE '1970-01-01' FROM t").fetchall()
    assert found == [(-719528,), (-719894,), (0,)]


# -- nobody sees half --------------------------------------------------------------------------------------------------


def test_readers_see_the_last_publication_until_the_next_one_is_whole_and_wait_for_nobody(
    store: DeltaStore, views: Path, url: str, target: Postgres
) -> None:
    publish(store, target, views)
    before = ask(url, "SELECT sum(amount) FROM toy.fact_daily")
    toy.put_day(store, 1, 5, factor=3)
    toy.put_things(store, dict.fromkeys(range(1, 6), "renamed"))
    toy.answer(store, views)
    source = toy.source(views)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM toy.dim_thing, toy.fact_daily, toy.vw_totals LIMIT 1")  # and it stays open
        with target.publication(print) as draft:
            (layout,) = layouts = [lay_out(source, None, target.can_answer)]
            draft.begin()
            for wanted in look_up(store, layouts):
                assert draft.has(wanted.contract)
                if wanted.contract.partition != "date_id":
                    draft.create(wanted.contract)
                    draft.append(wanted.contract, wanted.scan(store).collect())
            draft.describe(layout, [])
            draft.record([])
            assert ask(url, "SELECT sum(amount) FROM toy.fact_daily") == before
            assert ask(url, "SELECT DISTINCT name FROM toy.dim_thing WHERE name = 'renamed'") == []
            assert ask(url, "SELECT count(*) FROM toy.vw_totals") == [(5,)]
    assert ask(url, "SELECT DISTINCT name FROM toy.dim_thing WHERE name = 'renamed'") == [], "it was not finished"
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM toy.dim_thing, toy.fact_daily, toy.vw_totals LIMIT 1")
        publish(store, target, views)
    assert ask(url, "SELECT DISTINCT name FROM toy.dim_thing") == [("renamed",)]


def test_a_publication_that_is_killed_leaves_what_was_there(
    store: DeltaStore, views: Path, url: str, target: Postgres, path: Path
) -> None:
    publish(store, target, views)
    before = ask(url, "SELECT count(*), sum(amount) FROM toy.fact_daily")
    toy.put_day(store, 2, 4, factor=7)
    code = (
        "import sys, time; from pathlib import Path; from pydantic import SecretStr\n"
        "from tmdb_assets.lakehouse.store import DeltaStore; from tmdb_assets_tests.warehouse import toy\n"
        "from tmdb_assets.warehouse.publish import publish_warehouse\n"
        "from tmdb_assets.warehouse.targets.postgres import Postgres\n"
        "from tmdb_assets.warehouse.targets.postgres_tables import NextState\n"
        "def hang(self, tables): print('here', flush=True); time.sleep(60)\n"
        "NextState.record = hang\n"
        "publish_warehouse(DeltaStore(sys.argv[1]), Postgres(SecretStr(sys.argv[2])), "
        "[toy.source(Path(sys.argv[3]))], None, print)\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(store.root), url, str(views)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
    assert ask(url, "SELECT count(*), sum(amount) FROM toy.fact_daily") == before
    publish(store, target, views)
    publish_warehouse(store, DuckDBFile(path), [toy.source(views)], None, lambda line: None)
    assert unlike_the_file(url, path, views) == []


def test_another_publication_is_waited_for(store: DeltaStore, views: Path, target: Postgres) -> None:
    lines: list[str] = []

    def end_the_other(line: str) -> None:
        lines.append(line)
        other.__exit__(None, None, None)

    other = target.alone(lines.append)
    other.__enter__()
    with target.alone(end_the_other):
        assert lines == [f"{target.name}: another publication is under way, waiting for it"]


# -- what cannot be ----------------------------------------------------------------------------------------------------


def test_a_server_that_is_gone_is_one_sentence_without_a_password(
    store: DeltaStore, views: Path, server: Server
) -> None:
    target = Postgres(SecretStr("postgresql://publisher:hunter2secret@127.0.0.1:9/films"))
    with pytest.raises(WarehouseError) as raised:
        publish(store, target, views)
    said = str(raised.value)
    assert said.startswith("PostgreSQL 127.0.0.1:9/films cannot be published to (")
    assert "TMDB_ASSETS_POSTGRES" in said
    assert "hunter2secret" not in said
    assert "\n" not in said
    with pytest.raises(CopyStays, match="may have copies"):
        target.copies("toy")
    with pytest.raises(WarehouseError, match="nowhere"):
        publish(store, Postgres(SecretStr(server.url("nowhere"))), views)


def test_a_server_that_falls_over_in_the_midst_leaves_what_was_there(
    store: DeltaStore, views: Path, url: str, target: Postgres, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, target, views)
    before = ask(url, "SELECT count(*) FROM toy.fact_daily")
    toy.put_day(store, 7, 4)
    monkeypatch.setattr(NextState, "record", lambda self, tables: (server.stop(), self.run("SELECT 1"))[1])
    with pytest.raises(WarehouseError, match=r"^PostgreSQL .* cannot be published to .*stays as it was\.$"):
        publish(store, target, views)
    monkeypatch.undo()
    server.start()
    assert ask(url, "SELECT count(*) FROM toy.fact_daily") == before
    publish(store, target, views)


def test_a_role_that_may_not_is_one_sentence(store: DeltaStore, views: Path, url: str, server: Server) -> None:
    do(server.url("postgres"), "DROP ROLE IF EXISTS nobody_much", "CREATE ROLE nobody_much LOGIN")
    with pytest.raises(WarehouseError, match=r"permission denied for database films.*grant the role"):
        publish(store, Postgres(SecretStr(server.url("films", "nobody_much"))), views)


def test_what_is_not_ours_is_never_written_into(store: DeltaStore, views: Path, url: str, target: Postgres) -> None:
    do(url, "CREATE SCHEMA toy", "CREATE TABLE toy.mine (a int)")
    with pytest.raises(WarehouseError, match=r"a schema toy that this project did not make.*rename that schema"):
        publish(store, target, views)
    assert ask(url, "SELECT count(*) FROM toy.mine") == [(0,)]
    do(url, "DROP SCHEMA toy CASCADE", "CREATE SCHEMA tmdb_assets", "CREATE TABLE tmdb_assets.mine (a int)")
    with pytest.raises(WarehouseError, match=r"a schema tmdb_assets that this project did not make"):
        publish(store, target, views)


def test_somebodys_view_on_a_table_stays_or_is_named(
    store: DeltaStore, views: Path, url: str, target: Postgres
) -> None:
    publish(store, target, views)
    do(url, "CREATE VIEW public.mine AS SELECT count(*) AS things FROM toy.dim_thing")
    toy.put_things(store, {n: f"thing {n}" for n in range(1, 9)})
    publish(store, target, views)
    assert ask(url, "SELECT things FROM public.mine") == [(8,)], "a table that keeps its columns keeps its views"
    toy.write_views(views, toy.VIEWS | {"vw_pages": toy.VIEWS["vw_pages"].replace("pages  ", "pages_  ")})
    do(url, "CREATE VIEW public.theirs AS SELECT * FROM toy.vw_totals")
    with pytest.raises(WarehouseError, match=r"depend.*somebody's object rests on it"):
        publish(store, target, views)
    assert ask(url, "SELECT count(*) FROM public.theirs") == [(5,)]


def test_rows_without_their_dimension_are_published_without_the_foreign_key(
    store: DeltaStore, views: Path, url: str, target: Postgres
) -> None:
    """A lake may hold such rows from before; they must not keep a database from being published to for ever."""
    keys = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'toy.fact_daily'::regclass AND contype = 'f'"
    publish(store, target, views)
    assert ask(url, keys) == [(1,)]
    toy.put_day(store, 3, 9)
    with pytest.raises(WarehouseError, match=r"violates foreign key.*thing_id.*materialize the asset again"):
        publish(store, target, views)
    assert ask(url, "SELECT max(thing_id) FROM toy.fact_daily") == [(5,)]
    lines: list[str] = []
    publish_warehouse(store, target, [toy.source(views)], None, lines.append)
    assert ask(url, "SELECT max(thing_id) FROM toy.fact_daily") == [(9,)]
    assert any("toy.fact_daily refers to thing_ids that dim_thing lacks" in line for line in lines)
    assert ask(url, keys) == [(0,)]
    toy.put_things(store, {n: f"thing {n}" for n in range(1, 10)})
    publish(store, target, views)
    assert ask(url, keys) == [(1,)]


def test_a_database_of_another_encoding_is_refused(store: DeltaStore, views: Path, server: Server) -> None:
    url = server.database("latin", "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(WarehouseError, match=r"keeps texts as LATIN1.*ENCODING 'UTF8'"):
        publish(store, Postgres(SecretStr(url)), views)


def test_a_view_that_it_does_not_answer_names_its_file(
    store: DeltaStore, views: Path, url: str, target: Postgres
) -> None:
    publish(store, target, views)
    text = toy.VIEWS["vw_things"].replace(
        "thing_id, name FROM", "thing_id, list_aggregate([name], 'first') AS name FROM"
    )
    toy.write_views(views, toy.VIEWS | {"vw_things": text})
    with pytest.raises(SqlError, match=r"toy/views/vw_things.sql: in PostgreSQL: "):
        publish(store, target, views)
    assert ask(url, "SELECT count(*) FROM toy.vw_things") == [(5,)]


def test_a_view_that_cannot_be_said_is_a_table_of_answers(
    store: DeltaStore, views: Path, url: str, target: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Postgres, "can_answer", lambda self, view: view.contract.name != "vw_things")
    publish(store, target, views)
    assert ask(url, "SELECT relkind::text FROM pg_class WHERE oid = 'toy.vw_things'::regclass") == [("r",)]
    assert ask(url, "SELECT count(*) FROM toy.vw_things") == [(5,)]


# -- rights, forgetting, settings --------------------------------------------------------------------------------------


def test_a_reader_reads_all_of_it_and_writes_nothing(store: DeltaStore, views: Path, url: str, server: Server) -> None:
    do(server.url("postgres"), "DROP ROLE IF EXISTS dashboards")
    target, lines = Postgres(SecretStr(url), "dashboards"), list[str]()
    publish_warehouse(store, target, [toy.source(views)], None, lines.append)
    assert any("the role dashboards was made, without a password" in line for line in lines)
    as_reader = server.url("films", "dashboards")
    assert ask(as_reader, "SELECT count(*) FROM toy.vw_totals") == [(5,)]
    assert ask(as_reader, "SELECT count(*) > 3 FROM tmdb_assets.lake_versions") == [(True,)]
    for statement in (
        "DELETE FROM toy.dim_thing",
        "SET default_transaction_read_only = off; DELETE FROM toy.dim_thing",
    ):
        with pytest.raises(psycopg.Error):
            ask(as_reader, statement)
    toy.write_views(views, {"vw_totals": toy.VIEWS["vw_totals"]}, macros=None)
    publish_warehouse(store, target, [toy.source(views)], None, lines.append)
    assert ask(as_reader, "SELECT count(*) FROM toy.vw_totals") == [(5,)], "of a view that was made anew too"
    do(url, "DROP OWNED BY dashboards", "DROP ROLE dashboards")


def test_forgetting_drops_the_schema_and_the_next_publication_makes_it_anew(
    store: DeltaStore, views: Path, url: str, target: Postgres, path: Path
) -> None:
    assert target.copies("toy") == []
    assert target.forget("toy", lambda line: None) is None
    publish(store, target, views)
    assert target.copies("toy") == [f"the schema toy of {target.name}"]
    said = target.forget("toy", lambda line: None)
    assert said is not None
    assert "the asset `postgres/toy` makes it anew" in said
    assert "write-ahead log" in said
    assert target.copies("toy") == []
    assert ask(url, "SELECT count(*) FROM tmdb_assets.lake_versions") == [(0,)]
    publish(store, target, views)
    publish_warehouse(store, DuckDBFile(path), [toy.source(views)], None, lambda line: None)
    assert unlike_the_file(url, path, views) == []


def test_the_setting_brings_the_target_and_a_bad_one_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_ASSETS_POSTGRES", "postgresql://me:hunter2secret@db.example:5433/films")
    settings = load_settings()
    assert [target.name for target in targets_of(settings)][1] == "PostgreSQL db.example:5433/films"
    assert "hunter2secret" in "".join(settings.secrets)
    assert "hunter2secret" not in repr(settings)
    for bad in (
        "mysql://me:hunter2secret@host/db",
        "postgresql://me:hunter2secret@host",
        "hunter2secret",
        *(f"postgresql://me:{said}@host/db" for said in ("a@hunter2secret", "12/hunter2secret", "hunter2secret%zz")),
        *(f"postgresql://me:{said}@host/db" for said in ("hunter2secret?b", "hunter2secret#b", "hunter2secret%00")),
    ):
        monkeypatch.setenv("TMDB_ASSETS_POSTGRES", bad)
        with pytest.raises(SettingsError, match=r"TMDB_ASSETS_POSTGRES cannot be used: use postgresql://") as raised:
            load_settings()
        assert "hunter2secret" not in str(raised.value)


def test_an_address_that_the_client_does_not_read_is_one_sentence_without_it() -> None:
    with pytest.raises(SettingsError, match="TMDB_ASSETS_POSTGRES cannot be used") as raised:
        Postgres(SecretStr("postgresql://me:hunter2secret@host/db?hunter2secret=1"))
    assert "hunter2secret" not in str(raised.value)


def test_a_password_is_a_secret_as_it_is_written_and_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_ASSETS_POSTGRES", "postgresql://me:hunter%402@host/db")
    assert {"hunter%402", "hunter@2"} <= set(load_settings().secrets)


def test_without_its_packages_the_setting_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_ASSETS_POSTGRES", "postgresql://me@host/films")
    for name in [name for name in sys.modules if name.startswith("tmdb_assets.warehouse.targets.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"psycopg is not installed; .*the extra `postgres`, brings it"):
        targets_of(load_settings())


def test_nothing_of_it_is_a_file(target: Postgres) -> None:
    assert list(target.files()) == []
    assert os.linesep not in target.name


def test_dagsters_own_storage_may_lie_beside_what_is_published(
    store: DeltaStore, views: Path, url: str, target: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/storage.md says: another process of that database sees the runs, and neither is in the other's way."""
    page = (PROJECT / "docs" / "storage.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"```yaml\n(storage:.*?)```", page, re.DOTALL)
    (tmp_path / "dagster.yaml").write_text(said + "telemetry:\n  enabled: false\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_POSTGRES", url.replace("postgresql://", "postgresql+psycopg2://"))
    publish(store, target, views)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        done = dg.materialize([_thing], instance=instance)
    assert done.success
    with dg.DagsterInstance.from_config(str(tmp_path)) as another:
        (run,) = another.get_run_records()
        assert (run.dagster_run.run_id, run.dagster_run.status) == (done.run_id, dg.DagsterRunStatus.SUCCESS)
    assert ask(url, "SELECT run_id FROM public.runs") == [(done.run_id,)]
    toy.put_day(store, 3, 5)
    publish(store, target, views)
    assert ask(url, "SELECT count(*) FROM toy.fact_daily") == [(20,)]


@dg.asset(name="thing")
def _thing() -> None:
    """A table of nothing."""
