"""Everything at one moment: a part that cannot be read is said, and takes no other part with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.standing import whole
from tmdb_assets.orchestration.standing.whole import DAGSTER, LAKE, TARGETS, dagster_home
from tmdb_assets_tests.conftest import TODAY
from tmdb_assets_tests.orchestration.standing.toy import LEDGER, Toy, observe, toy


@pytest.fixture
def watched(lake: DeltaStore, instance: dg.DagsterInstance) -> Toy:
    return toy(lake, instance)


def test_all_parts_stand(watched: Toy) -> None:
    observe(watched.store, TODAY)
    watched.run(TODAY)
    standing = watched.watch.look()
    assert standing.trouble == {}
    assert standing.sources[0].newest == standing.at.date() == TODAY
    assert standing.runs and standing.runs.runs and standing.sizes


def test_a_lake_that_is_not_there_is_said_and_runs_are_told_of(watched: Toy) -> None:
    watched.run(TODAY, fails=True)
    standing = watched.watch.look()
    assert set(standing.trouble) == {LAKE}
    assert "is not there: nothing has been observed yet" in standing.trouble[LAKE]
    assert standing.sources == () and standing.runs and standing.runs.runs[0].is_failed


def test_a_damaged_table_is_said_by_its_name(watched: Toy) -> None:
    observe(watched.store, TODAY)
    for log in (watched.store.folder / LEDGER.path / "_delta_log").iterdir():
        log.write_text("{no json")
    standing = watched.watch.look()
    assert "toy/raw/extraction_ledger cannot be read" in standing.trouble[LAKE]
    assert standing.runs is not None


def test_without_a_home_nothing_is_known_of_runs(watched: Toy) -> None:
    observe(watched.store, TODAY)
    watched.watch.home = dagster_home
    standing = watched.watch.look()
    assert standing.trouble == {
        DAGSTER: "DAGSTER_HOME is not set, so no runs are known: set it to the whole path of data/dagster."
    }
    assert standing.runs is None and standing.sources[0].days


def test_a_home_that_is_no_folder_is_said_in_one_line(
    watched: Toy, monkeypatch: pytest.MonkeyPatch, lake: DeltaStore
) -> None:
    observe(watched.store, TODAY)
    monkeypatch.setenv("DAGSTER_HOME", f"{lake.folder}/nowhere")
    watched.watch.home = dagster_home
    (said,) = watched.watch.look().trouble.values()
    assert "nowhere" in said and "\n" not in said


def test_an_instance_that_broke_is_opened_again(watched: Toy) -> None:
    observe(watched.store, TODAY)
    opened = []

    @contextmanager
    def home() -> Iterator[dg.DagsterInstance]:
        opened.append("opened")
        yield watched.instance
        opened.append("closed")

    watched.watch.home = home
    read, watched.watch.reader.read = watched.watch.reader.read, lambda _: 1 / 0  # type: ignore[method-assign]  # broken
    assert watched.watch.look().trouble[DAGSTER] == "ZeroDivisionError: division by zero"
    watched.watch.reader.read = read  # type: ignore[method-assign]  # whole again
    for _ in range(2):
        assert watched.watch.look().runs is not None
    watched.watch.close()
    assert opened == ["opened", "closed", "opened", "closed"]


def test_a_target_that_cannot_be_reached_is_said_without_its_secret(watched: Toy) -> None:
    def unreachable() -> int:
        raise ConnectionError("no route to\nhost as password hunter22")

    observe(watched.store, TODAY)
    watched.watch.targets = {"warehouse": lambda: 5, "postgres": unreachable}
    watched.watch.tell = lambda sentence: sentence.replace("hunter22", "***")
    standing = watched.watch.look()
    assert standing.trouble == {TARGETS: "ConnectionError: no route to host as password ***"}
    assert standing.targets == {}
    assert standing.sources and standing.runs


def test_sizes_are_measured_only_so_often(watched: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    observe(watched.store, TODAY)
    now = [1_000.0]
    monkeypatch.setattr(whole.time, "monotonic", lambda: now[0])
    first = watched.watch.look().sizes
    (watched.store.folder / "more").write_bytes(b"x" * 5_000)
    now[0] += whole.SIZES_EVERY_SECONDS - 1
    assert watched.watch.look().sizes == first
    now[0] += 1
    later = watched.watch.look().sizes
    assert first and later and first.lake_files and later.lake_files == first.lake_files + 5_000
