"""How a lake is filled for these tests, and how two lakes are compared.

What belongs here: starting runs, in this process or as a command, standing in for the real TMDB, reading lakes back.
What does not: assertions about any rule.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import random
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow import run as flow_run
from tmdb_assets.lakehouse.flow.extraction import Extractor
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.sandbox import Sandbox
from tmdb_assets.sandbox.tmdb.catalogue import SyntheticCatalogue
from tmdb_assets.settings import Settings, load_settings
from tmdb_assets.sources.tmdb.assets import WHY_SANDBOX, derived_tables
from tmdb_assets.sources.tmdb.contracts import CONTRACTS, SOURCE
from tmdb_assets.sources.tmdb.raw import Tmdb
from tmdb_assets_tests.faulty_server import FaultyServer, Reply, Seen
from tmdb_assets_tests.sandbox.running import Running

PROJECT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

TODAY = dt.date(2026, 3, 10)  #: the day the frozen clock of most runs shows
FILMS = 150  #: 128 by then, some of which vanish; fewer would save little, since a run goes into its 29 tables
SEED = 7  #: of the sandbox's world, its own default
DEFAULTS = {"tmdb_assets_today": TODAY, "tmdb_assets_sandbox_films": FILMS}
TOKEN = "secret-token-123"

CLOCK_TIMES = frozenset({"fetched_at", "started_at", "finished_at", "seconds"})
COSTS = frozenset({"calls", "retries", "throttled", "cache_hits", "bytes"})

RAW = [c.path for c in CONTRACTS if c.stage == "raw"]
DERIVED = [c.path for c in CONTRACTS if c.stage != "raw"]
DAILY = [
    c.path for c in CONTRACTS if not c.is_whole
]  #: what a day's run keeps; whole tables are answered anew from these
TABLES = {c.path: c for c in CONTRACTS}


# -- runs --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """How a run ended: `said` are the sentences of its failed steps, `events` what Dagster was told."""

    success: bool
    said: list[str]
    events: Sequence[dg.DagsterEvent]

    @property
    def failed_checks(self) -> set[str]:
        """`table check` of every check that did not pass."""
        checks = [e.asset_check_evaluation_data for e in self.events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
        return {f"{'/'.join(c.asset_key.path)} {c.check_name}" for c in checks if not c.passed}

    @property
    def told(self) -> dict[str, set[str]]:
        """The partitions of each table that Dagster shows as materialized for this run."""
        found: dict[str, set[str]] = {}
        for event in self.events:
            if event.is_step_materialization and event.partition and event.asset_key:
                found.setdefault("/".join(event.asset_key.path), set()).add(event.partition)
        return found


def fill(
    lake: Path, first: dt.date | None, last: dt.date | None = None, *, select: Collection[str] = (), **settings: Any
) -> Run:
    """Run the daily job in this process, for one day or a range of days as one run, or without naming any.

    `select`: paths of the tables to materialize, all of them by default. `settings` are fields of Settings.
    """
    with _clean_environment():
        places = {
            "tmdb_assets_lake": str(lake),
            "tmdb_assets_warehouse": lake.with_name(f"{lake.name}.duckdb"),
            "tmdb_assets_reports": lake.with_name(f"{lake.name}-reports"),
        }
        job = _job(tuple((places | DEFAULTS | settings).items()))
        days: dict[str, Any] = {"partition_key": first.isoformat()} if first else {}
        if first and last:
            ends = {"start": first.isoformat(), "end": last.isoformat()}
            days = {"tags": {f"dagster/asset_partition_range_{end}": day for end, day in ends.items()}}
        selection = [dg.AssetKey(TABLES[path].key) for path in select] or None
        result = job.execute_in_process(raise_on_error=False, asset_selection=selection, **days)
    failed = [e.step_failure_data for e in result.all_events if e.is_step_failure]
    said = [(f.user_failure_data.description if f.user_failure_data else None) or str(f.error) for f in failed]
    return Run(result.success, said, result.all_events)


@functools.lru_cache(maxsize=2)  # runs that follow each other on a lake are of the same project
def _job(settings: tuple[tuple[str, Any], ...]) -> dg.JobDefinition:
    # Imported late: importing it builds the project for whatever the environment says.
    from tmdb_assets.assembly import build_definitions

    return build_definitions(load_settings(_env_file=None, **dict(settings))).resolve_job_def("tmdb_daily")


@dataclass(frozen=True)
class Standing:
    """A sandbox that outlives the runs that ask it, so that what it does in one run it remembers in the next."""

    url: str


def fill_plainly(
    lake: Path,
    *days: dt.date,
    only: Collection[str] = (),
    together: bool = False,
    answers: bool = True,
    served: Standing | None = None,
    log: Callable[[str], None] = lambda line: None,
    **settings: Any,
) -> None:
    """What runs of the daily job do to the lake, one day after the other, in a third of their time: without Dagster.

    Whole tables, which every run answers anew, are answered once, after the last day, or not at all without `answers`;
    `together` derives the other tables of all days at once as well, as a run over a range does. `only`: of the derived
    tables these paths, and what they are made of. `served`: the sandbox that is asked, in place of one of its own.
    `log` is told what a run says.

    An error meant for the user is raised as it is.
    """
    with _clean_environment(), ExitStack() as stack:
        loaded = load_settings(_env_file=None, tmdb_assets_lake=str(lake), **(DEFAULTS | settings))
        store, clock = DeltaStore(lake), Clock(loaded.tmdb_assets_today)
        sandbox = Sandbox(loaded, log, WHY_SANDBOX) if loaded.uses_sandbox and not served else None
        if sandbox:
            stack.callback(sandbox.stop)
        client = stack.enter_context(closing(Tmdb(loaded, clock, served or sandbox, log)))
        extractor = Extractor(
            flow_run.Run(store, days, tell=lambda event: log(str(event))), Ledger(store, SOURCE), clock, client
        )
        for run in [days] if together else [[day] for day in days]:
            for day in run:
                for table in client.tables().values():
                    extractor.observe(table, day)
            _derive(store, run, log, whole=False, only=only)
        if answers:
            _derive(store, [], log, whole=True, only=only)


def derive_plainly(lake: Path, *days: dt.date, only: Collection[str] = ()) -> None:
    """What a run derives of raw rows that are kept, with nobody to ask: these paths and what they are made of, or
    all."""
    _derive(DeltaStore(lake), days, lambda line: None, whole=False, only=only)


def answer_views(lake: Path, only: Collection[str] = ()) -> None:
    """Answer the tables that every run answers anew; all, or these and those that they are made of."""
    _derive(DeltaStore(lake), [], lambda line: None, whole=True, only=only)


def _derive(
    store: DeltaStore,
    days: Sequence[dt.date],
    log: Callable[[str], None],
    *,
    whole: bool,
    only: Collection[str] = (),
) -> None:
    tables = derived_tables()
    wanted = {*only} or {*DERIVED}
    for table in reversed(tables):  # each comes after those that it is made of
        if table.contract.path in wanted:
            wanted |= {contract.path for contract in table.upstream}
    for table in tables:
        if table.contract.is_whole == whole and table.contract.path in wanted:
            publish(table, flow_run.Run(store, days, tell=lambda event: log(str(event))))


@contextmanager
def _clean_environment() -> Iterator[None]:
    """No variable and no `.env` of the caller: fixtures of modules run before the one that sees to that for each
    test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(__file__).parent)
        for name in [*Settings.model_fields, "dagster_home"]:
            patch.delenv(name.upper(), raising=False)
        patch.setenv("PYTHONPATH", str(PROJECT))
        yield


def checkout(folder: Path) -> Path:
    """The project as a fresh clone shows it, without the `.env`, lake and caches of whoever runs the tests."""
    (folder / "data").mkdir(parents=True)
    for name in ("tmdb_assets", "tmdb_assets_tests", "pyproject.toml", "workspace.yaml"):
        (folder / name).symlink_to(PROJECT / name)
    return folder


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """All that a command started by a test sees."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    # unset, Dagster would use the instance of the project whose .venv it lies in
    frozen = {"DAGSTER_HOME": "", "TMDB_ASSETS_TODAY": TODAY.isoformat(), "TMDB_ASSETS_SANDBOX_FILMS": str(FILMS)}
    return {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "PYTHONPATH": str(PROJECT)} | (
        frozen | variables
    )


def command(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command as a user types it at the root of a clone."""
    return subprocess.run(
        words,
        cwd=folder,
        env=environment(folder.parent, **variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


JOB = ("dagster", "job", "execute", "-m", "tmdb_assets.definitions", "-j", "tmdb_daily")
ASSETS = ("dagster", "asset", "materialize", "-m", "tmdb_assets.definitions", "--select", "group:tmdb")


def of_day(day: dt.date) -> tuple[str, str]:
    """How JOB is told its day."""
    return "--tags", f'{{"dagster/partition": "{day}"}}'


# -- the real TMDB, for want of it -------------------------------------------------------------------------------------


def real_looking(sandbox: Running) -> FaultyServer:
    """A server that says what the sandbox says without owning up to being one; `seen` has every request."""

    def forward(seen: Seen) -> Reply:
        reply = sandbox.get(seen.target, seen.headers.get("authorization", "").removeprefix("Bearer ") or None)
        kept = {name: value for name, value in reply.headers.items() if name in {"content-type", "retry-after"}}
        return Reply(reply.status, reply.body, kept)

    return FaultyServer(forward)


def asked_of(url: str, day: dt.date, token: str = TOKEN) -> dict[str, Any]:
    """Settings of the real client that asks a sandbox, reached at `url`, as it stood on `day`, on that day."""
    return {
        "tmdb_api_token": token,
        "tmdb_api_url": f"{url}/on/{day}/3",
        "tmdb_export_url": f"{url}/on/{day}/p/exports",
        "tmdb_requests_per_second": 1000.0,
        "tmdb_assets_today": day,
    }


def deletions(films: int = FILMS) -> list[tuple[dt.date, int]]:
    """(day, movie_id) of the ordinary films that vanish from the sandbox's world in the year before TODAY, oldest
    first."""
    world = SyntheticCatalogue(films, SEED, TODAY)
    gone = [(dt.date.fromisoformat(d["day"]), int(d["movie_id"])) for d in world.truth(TODAY)["deleted"]]
    listed = {
        entry.movie_id for day, _ in gone for entry in world.entries(day - dt.timedelta(days=1)) if not entry.adult
    }
    unlisted = {e.movie_id for day, _ in gone for e in world.entries(day - dt.timedelta(days=1)) if e.video}
    year = TODAY - dt.timedelta(days=365)
    return [(day, film) for day, film in gone if year < day < TODAY and film in listed - unlisted]


# -- lakes -------------------------------------------------------------------------------------------------------------

Contents = Mapping[str, pl.DataFrame]


def read(lake: Path, path: str) -> pl.DataFrame:
    """One table, sorted by its grain."""
    contract = TABLES[path]
    return DeltaStore(lake).scan(contract).sort(contract.grain).collect()


def contents(lake: Path, *, but: Collection[str] = (), only: Collection[str] = TABLES) -> Contents:
    """Every table, sorted by its grain, without clock times and the columns named by `but`."""
    return {path: read(lake, path).drop(CLOCK_TIMES | set(but), strict=False) for path in only}


def differences(one: Contents, other: Contents) -> list[str]:
    """A line for each table that differs, with an example from either side."""
    return [
        f"{path}: {one[path].height} and {other[path].height} rows; {_example(one[path], other[path])}"
        for path in one
        if not one[path].equals(other[path])
    ]


def _example(one: pl.DataFrame, other: pl.DataFrame) -> str:
    pairs = zip(one.iter_rows(named=True), other.iter_rows(named=True), strict=False)
    for left, right in pairs:
        if left != right:
            apart = {c: (str(left[c])[:80], str(right[c])[:80]) for c in left if left[c] != right[c]}
            return f"first difference beside {dict(list(left.items())[:3])}: {apart}"
    return "the shorter one is the beginning of the longer one"


def versions(lake: Path) -> dict[str, int | None]:
    """The Delta version of every table."""
    store = DeltaStore(lake)
    return {path: store.version(contract) for path, contract in TABLES.items()}


def ledger(lake: Path, day: dt.date) -> dict[str, dict[str, Any]]:
    """The ledger of a day: its rows by endpoint."""
    rows = read(lake, "tmdb/raw/extraction_ledger").filter(pl.col("date_id") == day)
    return {row["endpoint"]: row for row in rows.iter_rows(named=True)}


def shuffled(days: Sequence[dt.date], seed: int) -> list[dt.date]:
    """The days in an order that is not their own."""
    order = list(days)
    rng = random.Random(seed)
    while order == sorted(days):
        rng.shuffle(order)
    return order
