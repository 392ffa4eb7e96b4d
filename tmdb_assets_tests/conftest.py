"""What every test stands on: an empty environment, a lake of its own, a clock that stands still.

What belongs here: fixtures that tests of more than one room need. What does not: the sandbox as a server
(sandbox/conftest.py), and anything a single file can make for itself.
"""

from __future__ import annotations

import datetime as dt
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets_tests.costs import CpuTimes, cheap, is_dear_folder
from tmdb_assets_tests.effort import EFFORT

if TYPE_CHECKING:
    import dagster as dg

#: The checkout: where pyproject.toml and data/ lie.
PROJECT = Path(__file__).resolve().parents[1]

#: The day the frozen clock shows.
TODAY = dt.date(2026, 3, 10)

#: Read before any test runs, since `_clean_environment` unsets it like every variable of the project.
REAL_DATA = os.environ.get("TMDB_ASSETS_REAL_DATA")

_OURS = (
    "TMDB_",
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "DAGSTER_",
    "RAW_",
    "WAREHOUSE_",
    "HTTP_CACHE",
    "SPARK_",
    "MOOVITAMIX_",
    "STREAMFLOW_",
)

settings.register_profile(
    "tmdb_assets",
    deadline=None,  # machines that run the tests are shared: time says nothing
    database=None,
    max_examples=max(1, round(25 * EFFORT)),
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    # A lake made in an example lies in a folder of its own, so that a fixture shared by examples is harmless.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("tmdb_assets")

#: Folders with tests that take a minute: they begin first, so that no worker is left with one of them at the end.
LONG = {"end_to_end", "moovitamix", "streamflow", "warehouse", "dashboard"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a run of the tests may be asked beside pytest's own options."""
    parser.addoption("--fast", action="store_true", help="leave out tests that are dear, and most cases of the others")
    parser.addoption("--cpu-times", action="store_true", help="tell which files cost most processor time")
    parser.addoption("--write-dear", action="store_true", help="the same, and write the list of dear tests anew")


def pytest_configure(config: pytest.Config) -> None:
    """Measure, if asked to."""
    if config.getoption("--cpu-times") or config.getoption("--write-dear"):
        config.pluginmanager.register(CpuTimes(bool(config.getoption("--write-dear"))))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files of which no test runs are not even imported."""
    return True if config.getoption("--fast") and is_dear_folder(collection_path) else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long files first; the order is otherwise that of pytest-randomly."""
    if config.getoption("--fast"):
        kept = cheap(items)
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


def pytest_collection_finish() -> None:
    """All that was imported stays: a tenth of the time went into looking through it for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def pytest_unconfigure() -> None:
    """At the end it goes like everything else."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the caller's shell and no `.env` of the working directory reaches a test."""
    for name in list(os.environ):
        if name.upper().startswith(_OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DAGSTER_HOME", "")  # unset, child processes of .venv would use the project's own instance
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT), prepend=os.pathsep)  # child processes find a package not installed


@pytest.fixture
def lake(tmp_path: Path) -> DeltaStore:
    """An empty lake in a temporary folder."""
    return DeltaStore(tmp_path / "lake")


@pytest.fixture
def fresh_lake(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], DeltaStore]:
    """Makes another empty lake at each call: one per example of a property."""
    return lambda: DeltaStore(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def ledger(lake: DeltaStore) -> Ledger:
    """The ledger of a source called `toy` in the temporary lake."""
    return Ledger(lake, "toy")


@pytest.fixture
def today() -> dt.date:
    """The day the frozen clock shows."""
    return TODAY


@pytest.fixture
def clock(today: dt.date) -> Clock:
    """A clock that stands at `today`."""
    return Clock(frozen_on=today)


@pytest.fixture
def log() -> Callable[[str], None]:
    """Somewhere to log to."""
    return lambda line: None


@pytest.fixture(scope="session")
def _dagster_without_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance of Dagster in which nothing has run: making its databases takes seconds."""
    import dagster as dg  # late: most tests do without it

    folder = tmp_path_factory.mktemp("dagster")
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        instance.all_instigator_state()
        instance.get_runs_count()
        instance.get_daemon_statuses()
    return folder


@pytest.fixture
def instance(_dagster_without_runs: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance of Dagster of the test's own, kept in a folder as any other is."""
    import dagster as dg

    folder = shutil.copytree(_dagster_without_runs, tmp_path / "dagster")
    with dg.DagsterInstance.local_temp(str(folder)) as made:
        yield made


@pytest.fixture(scope="session")
def film_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small warehouse of the sandbox's films and subscribers, made once for all workers of a run. Read only: every
    test shares it."""
    from tmdb_assets_tests.warehouse.published import publish_films  # late: most tests do without all that it needs

    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "film_warehouse"
    with FileLock(folder.with_suffix(".lock")):
        done = folder / "done"
        if not done.exists():
            done.write_text(str(publish_films(folder)), encoding="utf-8")
        return Path(done.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def spark_server() -> Iterator[str]:
    """The address of a Spark Connect server: of one in this process, or of that which TEST_SPARK_REMOTE names."""
    if there := os.environ.get("TEST_SPARK_REMOTE"):
        yield there
        return
    os.environ["RUST_LOG"] = "error"  # it tells of every session otherwise
    from pysail.spark import SparkConnectServer  # late: most tests do without

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    assert server.listening_address is not None
    yield f"sc://127.0.0.1:{server.listening_address[1]}"
    server.stop()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of recorded real input, for tests marked `real`; skips without it."""
    if not REAL_DATA:
        pytest.skip("TMDB_ASSETS_REAL_DATA names no folder of recorded input")
    return Path(REAL_DATA).resolve()
