"""The locks of a lake: who waits for whom, where a lock lies and whose it is, and that a killed process lets go."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.store import DeltaStore, LakeError
from tmdb_assets.lakehouse.store.locks import (
    LockUnusable,
    alone,
    at_work,
    one_fetch_at_a_time,
    one_publication_at_a_time,
    reading_publication,
)

NOBODY = 65534
Log = Callable[[str], None]
Kind = Callable[[DeltaStore, str, Log], AbstractContextManager[None]]


def working(store: DeltaStore, source: str, log: Log) -> AbstractContextManager[None]:
    return at_work(store, [source], log)


KINDS: dict[str, Kind] = {"works": working, "fetches": one_fetch_at_a_time, "is alone": alone}


def said_while(
    held: DeltaStore,
    wanted: DeltaStore,
    source: str = "toy",
    holds: Kind = one_fetch_at_a_time,
    wants: Kind = one_fetch_at_a_time,
) -> list[str]:
    """What is said when a lock of `toy` is held in one lake and somebody wants one; being told, the holder lets go."""
    said: list[str] = []
    with ExitStack() as holder:
        holder.enter_context(holds(held, "toy", said.append))

        def log(line: str) -> None:
            said.append(line)
            holder.close()

        with wants(wanted, source, log):
            pass
    return said


@pytest.mark.parametrize(
    "spelled", ["{}", "{}/", "file://{}", "data/lake", "./data/../data/lake", "link/lake", "short"]
)
def test_the_second_in_a_lake_waits_however_the_lake_is_spelled(tmp_path: Path, spelled: str) -> None:
    (tmp_path / "data" / "lake").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (tmp_path / "short").symlink_to(tmp_path / "data" / "lake")
    assert Path.cwd() == tmp_path
    lake = tmp_path / "data" / "lake"
    assert said_while(DeltaStore(lake), DeltaStore(spelled.format(lake))) == [
        "Another run is at work on the raw tables of toy in this lake: waiting for it to finish"
    ]


@pytest.mark.parametrize("wants", KINDS)
@pytest.mark.parametrize("holds", KINDS)
def test_work_is_shared_fetching_is_for_one_and_forgetting_for_one_alone(
    lake: DeltaStore, holds: str, wants: str
) -> None:
    Path(lake.root).mkdir()
    waits = "is alone" in {holds, wants} or holds == wants == "fetches"
    said = said_while(lake, lake, holds=KINDS[holds], wants=KINDS[wants])
    assert len(said) == waits, said
    if holds == "is alone" != wants:
        assert said == ["A person is being forgotten in toy in this lake: waiting for it to finish"]
    elif waits:
        assert said[0].startswith("Another run is at work on ")


def test_another_source_or_another_lake_waits_for_nobody_and_a_bucket_has_no_lock_of_this_machine(
    tmp_path: Path,
) -> None:
    assert said_while(DeltaStore(tmp_path / "a"), DeltaStore(tmp_path / "a"), "other", alone, alone) == []
    assert said_while(DeltaStore(tmp_path / "a"), DeltaStore(tmp_path / "b"), "toy", alone, alone) == []
    bucket = DeltaStore("s3://lake/a")
    assert said_while(bucket, bucket, "toy", alone, alone) == []
    assert {p.name for p in tmp_path.iterdir()} == {"a", "b"}, "locks lie in the lake alone"


def test_whoever_reads_a_lake_that_is_not_there_makes_none(lake: DeltaStore) -> None:
    with at_work(lake, ["toy"], print):
        assert not Path(lake.root).exists()


def test_a_publication_waits_for_one_of_the_same_file_and_for_what_is_made_of_it(tmp_path: Path) -> None:
    file, link, said = tmp_path / "w.duckdb", tmp_path / "link.duckdb", []
    link.symlink_to(file)
    with reading_publication(file, said.append):
        pass
    assert list(tmp_path.iterdir()) == [link], "nobody has published it yet"
    kinds = (one_publication_at_a_time, reading_publication)
    for holds, wants in [(kinds[0], kinds[0]), (kinds[0], kinds[1]), (kinds[1], kinds[0]), (kinds[1], kinds[1])]:
        with ExitStack() as holder:
            holder.enter_context(holds(file, said.append))

            def log(line: str, holder: ExitStack = holder) -> None:
                said.append(line)
                holder.close()

            with wants(link, log):
                pass
    assert said == ["Another run is publishing this warehouse: waiting for it to finish"] * 3


# -- other processes, other users --------------------------------------------------------------------------------------

HOLD = """
import os, sys
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store import locks
kind, root, user = sys.argv[1:]
if user != "-":  # the interpreter may lie where the other user cannot start it
    os.umask(0o077), os.setgroups([]), os.setgid(int(user)), os.setuid(int(user))
store = DeltaStore(root)
with locks.at_work(store, ["toy"], print) if kind == "at_work" else getattr(locks, kind)(store, "toy", print):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(lake: DeltaStore, kind: str, user: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process, of another user if told, that holds a lock until it is killed or its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, kind, lake.root, "-" if user is None else str(user)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None and process.stderr is not None
            if process.stdout.readline() != "held\n":
                pytest.fail(process.stderr.read())
            yield process
        finally:
            process.kill()


def test_a_killed_process_lets_go(lake: DeltaStore) -> None:
    said: list[str] = []
    with holder(lake, "one_fetch_at_a_time") as process:

        def log(line: str) -> None:
            said.append(line)
            process.send_signal(signal.SIGKILL)

        with alone(lake, "toy", log):
            pass
    assert said == ["Another run is at work on toy in this lake: waiting for it to finish"]


def test_a_lock_has_the_permissions_of_the_lake(tmp_path: Path) -> None:
    for mode, wanted in ((0o700, 0o600), (0o755, 0o644), (0o2775, 0o664), (0o777, 0o666)):
        folder = tmp_path / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        with one_fetch_at_a_time(DeltaStore(folder), "toy", print):
            pass
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
        assert modes == {".toy.lock": wanted, ".toy.fetch.lock": wanted}
        assert {p.stat().st_gid for p in folder.iterdir()} == {folder.stat().st_gid}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process of another user")
@pytest.mark.parametrize("kind", ["at_work", "one_fetch_at_a_time", "alone"])
def test_two_users_of_one_machine_share_a_lake(kind: str) -> None:
    with tempfile.TemporaryDirectory() as made:  # pytest's own folders are for their owner only
        folder = Path(made)
        folder.chmod(0o1777)
        shared_by_two(folder, kind)


def shared_by_two(folder: Path, kind: str) -> None:
    lake, said = DeltaStore(folder), []
    with holder(lake, kind, NOBODY) as other:

        def log(line: str) -> None:
            said.append(line)
            other.kill()

        with alone(lake, "toy", log):
            pass
    assert len(said) == 1, "the lock of the other is taken as one's own"
    assert folder.joinpath(".toy.lock").stat().st_uid == NOBODY
    with holder(lake, kind, NOBODY):  # and the other way round
        pass
    for lock in folder.glob(".*.lock"):
        lock.unlink()
    with alone(lake, "toy", print), one_publication_at_a_time(folder / "w", print):
        pass
    with holder(lake, kind, NOBODY):
        pass


def test_a_lake_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "lake").touch()
    for kind in (one_fetch_at_a_time, alone):
        with pytest.raises(LakeError, match=r"^The lake root .* cannot be written"), kind(
            DeltaStore(tmp_path / "lake"), "toy", print
        ):  # fmt: skip
            pass
    (tmp_path / "other" / ".toy.lock").mkdir(parents=True)
    with (
        pytest.raises(LockUnusable, match=r"^The lock .* cannot be taken \(Is a directory\): make room, "),
        alone(DeltaStore(tmp_path / "other"), "toy", print),
    ):
        pass


def test_a_lake_removed_while_somebody_waits_has_another_lock(tmp_path: Path) -> None:
    lake, said = DeltaStore(tmp_path / "lake"), []
    with ExitStack() as first:
        first.enter_context(alone(lake, "toy", said.append))

        def log(line: str) -> None:
            said.append(line)
            (tmp_path / "lake" / ".toy.lock").unlink()
            first.close()

        with alone(lake, "toy", log):
            assert (tmp_path / "lake" / ".toy.lock").exists()
    assert len(said) == 1
