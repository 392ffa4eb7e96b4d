"""Reading: one-sentence errors, and a file that is replaced while it is open."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.warehouse.reader import FORMAT, Warehouse, WarehouseError
from tmdb_assets_tests.warehouse import toy

COUNT = "SELECT count(*) AS rows FROM toy.fact_daily"


def count(warehouse: Warehouse) -> int:
    return int(warehouse.query(COUNT).item())


def test_it_answers_and_says_what_it_is(store: DeltaStore, path: Path, views: Path) -> None:
    toy.own_up(store)
    toy.publish(store, path, views, fact_days=30)
    warehouse = Warehouse(path)
    assert count(warehouse) == 15
    one = "SELECT name FROM toy.dim_thing WHERE thing_id = "
    assert warehouse.query(one + "?", [3]).item() == "thing 3"
    assert warehouse.query(one + "$id", {"id": 4}).item() == "thing 4"
    info = warehouse.info
    assert (info.format_version, info.lake, info.origin, info.fact_days) == (FORMAT, store.root, "sandbox", 30)
    assert int(info.published_at.timestamp() * 1e6) == path.stat().st_mtime_ns // 1000


def test_without_a_file_the_reader_is_told_what_to_do(path: Path) -> None:
    sentence = "There is no warehouse yet at .*: run `make demo` first, or materialize the asset `warehouse/tmdb`."
    warehouse = Warehouse(path)
    for asked in (lambda: warehouse.query("SELECT 1"), lambda: warehouse.info, lambda: warehouse.stamp):
        with pytest.raises(WarehouseError, match=sentence):
            asked()


@pytest.mark.parametrize(("by", "age"), [(-1, "an older"), (1, "a newer")])
def test_a_file_of_another_version_is_not_read(store: DeltaStore, path: Path, views: Path, by: int, age: str) -> None:
    toy.publish(store, path, views)
    path.chmod(0o644)
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute(f"UPDATE main.warehouse_info SET format_version = {FORMAT + by}")
    with pytest.raises(WarehouseError, match=rf"was written by {age} version of the project: materialize the asset"):
        Warehouse(path).query(COUNT)
    toy.publish(store, path, views)
    assert count(Warehouse(path)) == 15, "the next publication mends it, for the same process too"


@pytest.mark.parametrize("what", ["text", "database"])
def test_a_file_that_is_no_warehouse_is_one_sentence(tmp_path: Path, what: str) -> None:
    path = tmp_path / "some.duckdb"
    if what == "text":
        path.write_text("no database" * 1000, encoding="utf-8")
    else:
        with closing(duckdb.connect(str(path))) as connection:
            connection.execute("CREATE TABLE mine AS SELECT 1 AS x")
    with pytest.raises(WarehouseError, match="is not a warehouse of this project, or damaged"):
        Warehouse(path).query("SELECT 1")


def test_a_table_that_the_file_lacks_is_a_file_of_another_version(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    with pytest.raises(WarehouseError, match=r"lacks what is asked for \(.*vw_new.*\); .*: materialize the asset"):
        Warehouse(path).query("SELECT * FROM toy.vw_new")


def test_nothing_can_be_written(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    with pytest.raises(duckdb.Error, match="read-only"):
        Warehouse(path).query("DELETE FROM toy.fact_daily")


def test_a_file_open_for_writing_elsewhere_is_one_sentence(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    path.chmod(0o644)
    holding = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        with pytest.raises(WarehouseError, match="is open for writing in another program: close it there"):
            Warehouse(path).query(COUNT)
        toy.put_day(store, 3, 5)
        toy.publish(store, path, views)
        assert count(Warehouse(path)) == 20, "a publication is not held up, and its file is free again"
        other.stdin.write("\n")


def test_an_open_reader_keeps_its_data_and_the_warehouse_moves_on(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    holding = (
        f"import duckdb; c = duckdb.connect({str(path)!r}, read_only=True); print('open', flush=True)\n"
        f"while input(): print(c.execute({COUNT!r}).fetchone()[0], c.execute('SELECT sum(total) FROM "
        "toy.vw_totals').fetchone()[0], flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        warehouse = Warehouse(path)
        stamps = [warehouse.stamp]
        for number in (3, 4):
            assert count(warehouse) == 5 * number
            toy.put_day(store, number, 5)
            toy.publish(store, path, views)
            stamps.append(warehouse.stamp)
            other.stdin.write("again\n")
            other.stdin.flush()
            assert other.stdout.readline() == "15 465\n", "as when it was opened"
        assert count(warehouse) == 25
        assert len(set(stamps)) == 3
        other.stdin.write("\n")


def test_two_readers_of_a_process_see_the_new_file(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    one, other = Warehouse(path), Warehouse(os.path.relpath(path))
    assert (count(one), count(other)) == (15, 15)
    toy.put_day(store, 3, 5)
    toy.publish(store, path, views)
    assert (count(one), count(other)) == (20, 20)


def test_threads_may_share_it_while_it_is_replaced(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    warehouse, seen, stop = Warehouse(path), set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(count(warehouse))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in (3, 4):
        toy.put_day(store, number, 5)
        toy.publish(store, path, views)
    stop.set()
    for thread in threads:
        thread.join()
    seen.add(count(warehouse))
    assert {15, 25} <= seen <= {15, 20, 25}


def test_questions_put_together_are_answered_by_one_file(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)

    class Questions(dict[str, str]):
        """Another file takes the place of the first after the first question."""

        def items(self) -> Any:
            for number, question in enumerate(super().items()):
                if number == 1:
                    toy.put_day(store, 3, 5)
                    toy.publish(store, path, views)
                yield question

    warehouse = Warehouse(path)
    before = warehouse.info
    info, answers = warehouse.query_together(Questions(one=COUNT, other=COUNT))
    assert (info, {name: int(answer.item()) for name, answer in answers.items()}) == (before, {"one": 15, "other": 15})
    assert (count(warehouse), warehouse.info == before) == (20, False)
    with pytest.raises(WarehouseError, match=r"lacks what is asked for \(.*vw_new.*\)"):
        warehouse.query_together({"one": COUNT, "other": "SELECT * FROM toy.vw_new"})


def test_a_file_that_goes_and_comes_back_is_read_again(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    warehouse = Warehouse(path)
    assert count(warehouse) == 15
    path.unlink()
    with pytest.raises(WarehouseError, match="There is no warehouse yet"):
        count(warehouse)
    toy.put_day(store, 3, 5)
    toy.publish(store, path, views)
    assert count(warehouse) == 20
    warehouse.close()
    assert count(warehouse) == 20


# -- opened by Dagster's resource --------------------------------------------------------------------------------------


def resource(path: Path) -> DuckDBResource:
    return DuckDBResource(database=str(path), connection_config={"access_mode": "READ_ONLY"})


def test_a_resource_may_open_it_and_it_moves_on_with_the_file(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    plain, by_resource = Warehouse(path), Warehouse(path, resource(path).get_connection)
    assert [count(each) for each in (plain, by_resource, plain, by_resource)] == [15] * 4, "one process, one connection"
    assert by_resource.query("SELECT current_setting('TimeZone')").item() == "UTC"
    assert by_resource.query("SELECT current_setting('custom_user_agent')").item() == "dagster"
    toy.put_day(store, 3, 5)
    toy.publish(store, path, views)
    assert (count(by_resource), by_resource.info == plain.info) == (20, True)
    with pytest.raises(WarehouseError, match=r"lacks what is asked for \(.*vw_new.*\)"):
        by_resource.query("SELECT * FROM toy.vw_new")
    by_resource.close()
    path.chmod(0o644)
    with closing(duckdb.connect(str(path))) as connection:  # refused while anything of this process has it open
        connection.execute("UPDATE main.warehouse_info SET format_version = 0")
    with pytest.raises(WarehouseError, match="was written by an older version of the project"):
        count(by_resource)
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute("SELECT 1")


def test_a_resource_is_not_asked_to_try_again_what_cannot_be_opened(
    store: DeltaStore, path: Path, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tries would take 100 s before the sentence came."""
    warehouse = Warehouse(path, resource(path).get_connection)
    with monkeypatch.context() as patch:
        patch.setattr("dagster._utils.backoff.time.sleep", lambda seconds: pytest.fail(f"it waits {seconds} s"))
        with pytest.raises(WarehouseError, match="There is no warehouse yet"):
            count(warehouse)
        toy.publish(store, path, views)
        whole = path.read_bytes()
        path.unlink()
        for content in (b"no database" * 1000, whole[: len(whole) // 2]):
            path.write_bytes(content)
            with pytest.raises(WarehouseError, match="is not a warehouse of this project, or damaged"):
                count(warehouse)
