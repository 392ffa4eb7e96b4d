"""The DuckDB file as a target: its name, links to it, what stands in its place, and a publication that is cut."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pytest
from filelock import FileLock, Timeout

from tmdb_assets.lakehouse.copies import CopyStays
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.warehouse.reader import FORMAT, Warehouse, WarehouseError
from tmdb_assets.warehouse.targets import duckdb as duckdb_target
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets.warehouse.targets.duckdb_files import remove, unfinished
from tmdb_assets_tests.warehouse import toy

KILLS = 4
CHILD = [sys.executable, "-W", "ignore", "-m", "tmdb_assets_tests.warehouse.toy"]


# -- nowhere to publish to ---------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_made_is_one_sentence(store: DeltaStore, views: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "warehouse.duckdb"
    with pytest.raises(WarehouseError, match=r"cannot be published \(.*\): make room, or set TMDB_ASSETS_WAREHOUSE"):
        toy.publish(store, path, views)


def test_a_folder_in_its_place_is_one_sentence(store: DeltaStore, path: Path, views: Path) -> None:
    (path / "inside").mkdir(parents=True)
    with pytest.raises(WarehouseError, match=r"warehouse.duckdb cannot be published \(Is a directory\)"):
        toy.publish(store, path, views)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_one_sentence(store: DeltaStore, path: Path, views: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o555)
    with pytest.raises(WarehouseError, match="Permission denied"):
        toy.publish(store, path, views)


@pytest.mark.parametrize("name", ["toy.duckdb", "TOY.db", "main.duckdb"])
def test_a_name_that_duckdb_would_take_for_a_schema_is_refused(
    store: DeltaStore, views: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(WarehouseError, match=rf"^The warehouse cannot be called {name}"):
        toy.publish(store, tmp_path / name, views)


# -- links -------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["same disk", "another disk"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder elsewhere."""
    shared = Path("/dev/shm")
    if request.param == "same disk":
        (tmp_path / "disk").mkdir()
        yield tmp_path / "disk"
        return
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def test_a_warehouse_that_is_a_link_is_published_where_it_leads(
    store: DeltaStore, path: Path, views: Path, disk: Path
) -> None:
    """A rename over the link would leave whoever reads the file itself with the old one for ever, and is impossible
    from one disk to another."""
    path.parent.mkdir()
    path.symlink_to(disk / "films.duckdb")
    for number in (3, 4):
        toy.publish(store, path, views)
        assert toy.everything(disk / "films.duckdb").keys() == toy.everything(path).keys()
        assert path.is_symlink()
        assert (
            Warehouse(path)
            .query("SELECT max(version) FROM (SELECT max(delta_version) AS version FROM lake_versions)")
            .height
        )
        toy.put_day(store, number, 5)
    assert toy.beside(path) == {path.name}
    assert toy.beside(disk / "films.duckdb") == {"films.duckdb", ".films.duckdb.lock"}
    for each in (unfinished(path), path):
        remove(each)
    assert toy.beside(path) == {path.name}, "the link stays: the next file is made where it leads"
    assert toy.beside(disk / "films.duckdb") == {".films.duckdb.lock"}
    assert toy.publish(store, path, views).rebuilt == "there was none"


@pytest.mark.parametrize(
    ("target", "said"),
    [("warehouse.duckdb", "Too many levels of symbolic links"), ("/no such disk/films.duckdb", "/no such disk")],
)
def test_a_warehouse_that_is_a_link_leading_nowhere_is_one_sentence(
    store: DeltaStore, path: Path, views: Path, target: str, said: str
) -> None:
    path.parent.mkdir()
    path.symlink_to(target)
    with pytest.raises(
        WarehouseError, match=rf"cannot be published \(.*{said}.*\): make room, or set TMDB_ASSETS_WAREHOUSE"
    ):
        toy.publish(store, path, views)
    with pytest.raises(WarehouseError, match=r"^(There is no warehouse yet|The warehouse .* cannot be read)"):
        _ = Warehouse(path).info
    assert toy.beside(path) == {path.name}


@pytest.mark.parametrize(
    "name", ["my films/données", "100%", "a%20b", "it's", 'a"b', "a#b", "[a]|b", "a=b", "*", "s3:"]
)
def test_a_warehouse_lies_in_a_folder_of_any_name(store: DeltaStore, views: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name / f"{name.partition('/')[0]} w.duckdb"
    toy.publish(store, path, views)
    assert toy.alone(path)
    assert Warehouse(path).info.lake == store.root


@pytest.mark.parametrize("name", ["a?b", "a\\b"])
def test_a_path_that_duckdb_reads_as_another_is_refused_first(
    store: DeltaStore, views: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(
        WarehouseError, match=r"^The warehouse cannot lie at .* Set TMDB_ASSETS_WAREHOUSE to another path"
    ):
        toy.publish(store, tmp_path / name / "w.duckdb", views)
    assert not (tmp_path / name).exists()


def limited(bytes_at_most: int) -> Callable[[], None]:
    """Lets a child process write no file larger than that, as a full disk would."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, bytes_at_most))

    return limit


def test_a_full_disk_is_one_sentence_and_the_published_file_stays(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    before = path.read_bytes()
    toy.put_day(store, 3, 5)
    said = subprocess.run(
        [*CHILD, store.root, str(path), str(views)],
        preexec_fn=limited(path.stat().st_size // 2),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    ).stderr.splitlines()[-1]
    assert said.startswith("tmdb_assets.warehouse.reader.WarehouseError: The warehouse")
    assert "cannot be published" in said
    assert "make room" in said
    assert path.read_bytes() == before
    assert toy.alone(path)


# -- a file that is not ours, or not as we left it ---------------------------------------------------------------------


@pytest.mark.parametrize("what", ["text", "database", "cut"])
def test_a_file_that_is_no_warehouse_is_never_overwritten(
    store: DeltaStore, path: Path, views: Path, what: str
) -> None:
    path.parent.mkdir()
    if what == "text":
        path.write_text("my only copy of something" * 1000, encoding="utf-8")
    elif what == "database":
        with closing(duckdb.connect(str(path))) as connection:
            connection.execute("CREATE TABLE mine AS SELECT 1 AS x")
    else:
        toy.publish(store, path, views)
        whole = path.read_bytes()
        path.unlink()
        path.write_bytes(whole[: len(whole) // 2])
    before = path.read_bytes()
    with pytest.raises(WarehouseError, match=r"is not a warehouse of this project, or damaged .*: move it away"):
        toy.publish(store, path, views)
    assert path.read_bytes() == before
    assert toy.alone(path)


def test_an_empty_file_is_as_good_as_none(store: DeltaStore, path: Path, views: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert toy.publish(store, path, views).rebuilt == "there was none"


def written_to(path: Path, sql: str) -> None:
    """Somebody who may write opens the file for writing, and does."""
    path.chmod(0o644)
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute(sql)


@pytest.mark.parametrize("version", [FORMAT - 1, FORMAT + 1])
def test_a_file_of_another_version_is_made_anew(store: DeltaStore, path: Path, views: Path, version: int) -> None:
    toy.publish(store, path, views)
    written_to(path, f"UPDATE main.warehouse_info SET format_version = {version}; DROP TABLE main.loaded_parts")
    done = toy.publish(store, path, views)
    assert done.rebuilt == "it was of another version of the project"
    assert sum(t.loaded for t in done.tables) == sum(t.rows for t in done.tables)
    assert toy.ask(path, "SELECT format_version FROM main.warehouse_info") == [(FORMAT,)]


def test_what_somebody_wrote_into_the_file_does_not_stay(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    written_to(path, "DELETE FROM toy.fact_daily WHERE thing_id = 1; CHECKPOINT")
    done = toy.publish(store, path, views)
    assert done.rebuilt == "somebody has written to it"
    assert toy.ask(path, "SELECT count(*) FROM toy.fact_daily") == [(15,)]


def test_nobody_writes_by_accident_and_what_they_leave_behind_goes(store: DeltaStore, path: Path, views: Path) -> None:
    toy.publish(store, path, views)
    assert path.stat().st_mode & 0o222 == 0
    log = path.with_name(f"{path.name}.wal")
    log.write_bytes(b"of a client that was killed")
    toy.put_day(store, 3, 5)
    toy.publish(store, path, views)
    assert not log.exists()
    assert toy.ask(path, "SELECT count(*) FROM toy.fact_daily") == [(20,)]


def test_a_file_that_is_mostly_empty_is_made_anew(
    store: DeltaStore, path: Path, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, path, views)
    monkeypatch.setattr(duckdb_target, "HOLES_AT_MOST", -1.0)
    assert toy.publish(store, path, views).rebuilt == "most of it was empty"


# -- at the same time, and in the middle -------------------------------------------------------------------------------


def test_two_publications_at_once_take_turns(store: DeltaStore, path: Path, views: Path, tmp_path: Path) -> None:
    children = [subprocess.Popen([*CHILD, store.root, str(path), str(views)], stderr=subprocess.PIPE) for _ in range(3)]
    said = [child.communicate(timeout=180)[1] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], said
    assert toy.alone(path)
    toy.publish(store, tmp_path / "anew.duckdb", views)
    assert toy.differences(path, tmp_path / "anew.duckdb") == []


def test_a_publication_waits_for_the_one_before_it(store: DeltaStore, path: Path, views: Path) -> None:
    path.parent.mkdir()
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    said: list[str] = []

    def log(line: str) -> None:
        said.append(line)
        lock.release()

    lock.acquire()
    toy.publish(store, path, views, log=log)
    assert said[0] == "Another run is publishing this warehouse: waiting for it to finish"


def test_what_a_killed_publication_left_goes_with_the_next(store: DeltaStore, path: Path, views: Path) -> None:
    (path.parent / f"{path.name}.next.tmp").mkdir(parents=True)
    for left in (
        ".next",
        ".next.wal",
        ".next.wal.checkpoint",
        ".next.wal.recovery",
        ".next.tmp/spilled",
        ".wal.recovery",
    ):
        (path.parent / f"{path.name}{left}").write_bytes(b"half")
    toy.publish(store, path, views)
    assert toy.alone(path)


def test_killed_at_any_moment_it_leaves_the_old_file_or_the_new_one(
    store: DeltaStore, path: Path, views: Path, tmp_path: Path
) -> None:
    toy.publish(store, path, views)
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    shutil.copy2(path, old)  # with its time of modification, by which the next publication knows it
    toy.put_day(store, 3, 5)
    toy.put_things(store, {n: f"Thing {n}" for n in range(1, 6)})
    seconds = toy.publish(store, new, views).seconds
    whole = [toy.everything(old), toy.everything(new)]
    rng = random.Random(7)
    for number in range(KILLS):
        command = [*CHILD, store.root, str(path), str(views)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert child.stdout
        child.stdout.readline()  # it has imported what it needs
        time.sleep((number + rng.random()) / KILLS * 1.5 * seconds)  # one in every part of it, and one after it
        child.kill()
        child.communicate()
        left = toy.everything(path)
        assert [] in [toy.unlike(left, one) for one in whole]
        path.unlink()
        shutil.copy2(old, path)
    assert toy.publish(store, path, views).rebuilt is None
    assert toy.differences(path, new) == []
    assert toy.alone(path)


# -- what has copies ---------------------------------------------------------------------------------------------------


def test_it_lets_go_of_the_file_and_all_beside_it_and_of_no_link(
    store: DeltaStore, path: Path, views: Path, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    path.parent.mkdir()
    path.symlink_to(tmp_path / "disk" / "films.duckdb")
    file = DuckDBFile(path)
    assert (file.files(), file.copies("toy"), file.forget("toy", print)) == ([], [], None)
    assert toy.beside(path) == {path.name}, "nothing there is nothing to lock"
    toy.publish(store, path, views)
    (path.parent / f"{path.name}.next").write_bytes(b"of a publication that was killed")
    assert file.copies("toy") == [f"the file {each}" for each in file.files()]
    assert {each.name for each in file.files()} == {f"{path.name}.next", "films.duckdb"}
    said = file.forget("toy", print)
    assert said == "The warehouse had copies and was deleted: the asset `warehouse/toy` makes it anew."
    assert file.files() == []
    assert path.is_symlink()
    assert toy.beside(path) == {path.name}


def test_a_publication_under_way_is_waited_for_and_what_it_publishes_goes_too(
    store: DeltaStore, path: Path, views: Path
) -> None:
    path.parent.mkdir()
    (path.parent / f"{path.name}.next").write_bytes(b"half of it")
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    said: list[str] = []

    def log(line: str) -> None:
        said.append(line)
        (path.parent / f"{path.name}.next").rename(path)
        lock.release()

    lock.acquire()
    assert DuckDBFile(path).forget("toy", log)
    assert said == ["Another run is publishing this warehouse: waiting for it to finish"]
    assert not path.exists()


def test_a_file_that_cannot_be_deleted_or_looked_up_is_one_sentence(
    store: DeltaStore, path: Path, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, path, views)

    def refused(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        with pytest.raises(
            CopyStays, match=rf"^{path} cannot be deleted \(Permission denied\), and it has copies: all else"
        ):
            DuckDBFile(path).forget("toy", print)
    assert path.exists()
    path.unlink()
    path.symlink_to(path)
    for asked in (lambda: DuckDBFile(path).copies("toy"), lambda: DuckDBFile(path).forget("toy", print)):
        with pytest.raises(CopyStays, match=rf"^The warehouse {path} cannot be looked up .*, and it may have copies"):
            asked()


def test_nobody_publishes_while_it_is_held(store: DeltaStore, path: Path, views: Path) -> None:
    file = DuckDBFile(path)
    with file.alone(print):
        assert not path.parent.exists(), "where there is nothing, nothing is locked"
    toy.publish(store, path, views)
    with file.alone(print), pytest.raises(Timeout):
        FileLock(path.with_name(f".{path.name}.lock"), timeout=0).acquire()


# -- room --------------------------------------------------------------------------------------------------------------


def test_room_that_was_dropped_is_used_by_what_is_loaded_next(store: DeltaStore, path: Path, views: Path) -> None:
    """Else a file of many rows grows to twice its size, and is mostly empty after a table was made anew."""
    rows = 60_000
    seen = [(toy.day(0), n, n * 7919 % rows, n / 7) for n in range(1, rows)]
    for number in range(3):
        facts = pl.DataFrame(seen, schema=toy.FACT_DAILY.schema, orient="row").with_columns(
            date_id=pl.lit(toy.day(number))
        )
        store.replace(toy.FACT_DAILY, facts, [toy.day(number)], {})
    toy.publish(store, path, views)
    before = path.stat().st_size
    for number in range(3):
        facts = pl.DataFrame(seen, schema=toy.FACT_DAILY.schema, orient="row").with_columns(
            date_id=pl.lit(toy.day(number)), amount=pl.col("amount") + 1
        )
        store.replace(toy.FACT_DAILY, facts, [toy.day(number)], {})
    done = toy.publish(store, path, views)
    assert {t.name for t in done.tables if t.changed} == {"toy.fact_daily"}
    assert done.rebuilt is None
    assert path.stat().st_size < 1.2 * before
