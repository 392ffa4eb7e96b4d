"""A lake in a bucket, under a prefix with a blank and letters beyond ASCII: it lives as one on a disk does, and two
processes that write to it at once lose and double nothing."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import signal
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import pytest

from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix import forget as forget_module
from tmdb_assets.sources.moovitamix.assets import derived_tables
from tmdb_assets.sources.moovitamix.forget import forget
from tmdb_assets.sources.moovitamix.payloads import FORGOTTEN
from tmdb_assets.warehouse.reader import Warehouse
from tmdb_assets.warehouse.targets import targets_of
from tmdb_assets_tests.lakehouse.store.object_store import object_store
from tmdb_assets_tests.lakehouse.store.test_delta import COUNTS, DAYS, PARTS, SMALL, THINGS, kept
from tmdb_assets_tests.lakehouse.store.writer import ROUNDS, write
from tmdb_assets_tests.sources.moovitamix.lakes import (
    TABLES,
    TODAY,
    Lists,
    ListServer,
    contents,
    day,
    derive,
    differing,
    fill_from_lists,
    history,
    keep_raw,
    lists,
    rows,
    settings_of,
    track,
    user,
)

ROOT = "s3://lake/my films/données"
#: The raw tables, and of the others one of each way to be kept.
DERIVED = {"users", "vanished", "changes", "dim_user", "fact_column_quality", "vw_user_latest"}
USED = [c for c in contracts.CONTRACTS if c.stage == "raw" or c.name in DERIVED]
UNUSED = TABLES.keys() - {c.name for c in USED}


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with object_store("lake") as variables:
        yield variables


@pytest.fixture(autouse=True)
def _reached(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.items():
        monkeypatch.setenv(name, value)


def _bytes(server: dict[str, str]) -> dict[str, bytes]:
    """Every object of the bucket."""
    url = f"{server['AWS_ENDPOINT_URL']}/lake"
    known = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={server['AWS_ACCESS_KEY_ID']}/20260310/us-east-1/s3/aws4_request"
    }

    def get(address: str) -> bytes:
        with urllib.request.urlopen(urllib.request.Request(address, headers=known), timeout=30) as answer:
            return bytes(answer.read())

    found: dict[str, bytes] = {}
    while True:
        after = urllib.parse.quote(max(found, default=""))
        listed = ElementTree.fromstring(get(f"{url}?list-type=2&start-after={after}"))
        keys = [e.text or "" for e in listed.iter() if e.tag.endswith("}Key")]
        if not keys:
            return found
        found |= {key: get(f"{url}/{urllib.parse.quote(key)}") for key in keys}


# -- one after the other -----------------------------------------------------------------------------------------------


def test_a_day_a_backfill_forgetting_and_upkeep_end_as_on_a_disk(
    tmp_path: Path, server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tmdb_assets.assembly import build_definitions

    used = [table for table in derived_tables(settings_of(ROOT)) if table.contract in USED]
    monkeypatch.setattr(forget_module, "derived_tables", lambda settings: used)
    said = lists([track(1), track(2)], [user(7), user(8)], [history(1, 7, 1), history(2, 8, 2)])
    there, here = DeltaStore(ROOT), DeltaStore(tmp_path / "lake")
    for store in (there, here):
        keep_raw(store, day(1), said)
    options = {"tmdb_assets_warehouse": tmp_path / "w.duckdb", "tmdb_assets_reports": tmp_path / "reports"}
    with ListServer(said).running() as api:
        loaded = settings_of(ROOT, moovitamix_url=api.url, **options)
        definitions = build_definitions(loaded)
        job = definitions.resolve_job_def("moovitamix_daily")
        ends = {"start": day(1).isoformat(), "end": TODAY.isoformat()}
        tags = {f"dagster/asset_partition_range_{end}": each for end, each in ends.items()}
        by_job = [dg.AssetKey(c.key) for c in USED if c.stage == "raw" or c.name == "users"]
        assert job.execute_in_process(tags=tags, asset_selection=by_job).success, "a day that was kept, and today"
    keep_raw(here, TODAY, said)
    for store in (there, here):
        for table in used:
            publish(table, Run(store, [day(1), TODAY]))
    assert job.execute_in_process(tags=tags, asset_selection=[dg.AssetKey(["warehouse", "moovitamix"])]).success, (
        "the warehouse"
    )
    apart = {"extraction_ledger", "fact_table_quality", *UNUSED}  # `here` was filled without asking anybody
    assert differing(contents(there, but=apart), contents(here, but=apart)) == []
    assert Warehouse(tmp_path / "w.duckdb").info.lake == ROOT

    assert forget(there, loaded, targets_of(loaded), 7, lambda line: None).users == 1
    assert rows(there, "users").get_column("user_id").to_list() == [8]
    before = contents(there, UNUSED)
    keep = definitions.resolve_job_def("lake_upkeep")
    assert keep.execute_in_process(op_selection=["keep_moovitamix_in_shape"]).success, "upkeep"
    after = contents(there, UNUSED)
    assert differing(after, before) in ([], ["records"])
    gone = before["records"].join(after["records"], on="record_hash", how="anti")
    assert set(gone.get_column("payload")) <= {FORGOTTEN}, "of the notes in a forgotten row's place, those no page has"
    left = _bytes(server)
    # the latter two: of other tests, if they ran before
    ours = tuple(f"my films/données/{folder}/" for folder in ("moovitamix", "at once", "two runs", "one killed"))
    assert [key for key in left if not key.startswith(ours)] == []
    assert [k for k, content in left.items() if k.startswith(ours[0]) and b"user7@example.com" in content] == []


# -- at once -----------------------------------------------------------------------------------------------------------


def test_two_processes_at_once_keep_every_row_once() -> None:
    """They write the same tables, so most commits find another one in their place and begin again."""
    root = f"{ROOT}/at once"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write, args=(root, n)) for n in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=300)
    assert [w.exitcode for w in writers] == [0, 0]
    store, both = DeltaStore(root), range(2)
    assert [thing for thing, *_ in kept(store, THINGS)] == [first * 1000 + n for first in both for n in range(ROUNDS)]
    last = [(DAYS[first], f"round {ROUNDS - 1}", ROUNDS - 1) for first in both]
    new = [(DAYS[9], f"{who} {n}", n) for who in ("both", "0", "1") for n in range(ROUNDS)]
    assert kept(store, COUNTS) == sorted([*last, *new])
    assert kept(store, SMALL) == [(DAYS[0], f"part {first}", ROUNDS - 1) for first in both]
    owners = [(first, ROUNDS - 1, "x", DAYS[0]) for first in both]
    assert kept(store, PARTS) == [*owners, *[(100 + n, 1, "x", DAYS[0]) for n in range(2 * ROUNDS)]]
    assert store.version(PARTS) == 2 * ROUNDS, "each merge was one commit"


#: What each run brings to these is referred to by, or compared with, what the other brings; a bucket, where each file
#: is a request, has one of each way to be kept.
REFERRING = ["changes", "bridge_track_genre", "bridge_user_genre", "fact_listen"]
IN_A_BUCKET = ["changes", "bridge_track_genre"]


def _run(roots: Mapping[str, Sequence[str]], on: dt.date, said: Lists, both: Barrier) -> None:
    """What a run of a day does, without Dagster, beside another run: in one lake after the other."""
    for root, only in roots.items():
        store = DeltaStore(root)
        both.wait(timeout=60)
        keep_raw(store, on, said)
        derive(store, [on], only=only, run_id=str(on))


#: Each day brings rows that the other's tables lack, refer to, or are compared with.
NEIGHBOURS = {
    day(1): lists([track(1), track(2)], [user(7), user(8)], [history(1, 7, 1), history(2, 8, 2)]),
    TODAY: lists([track(2), track(3, genres="New")], [user(8), user(9)], [history(2, 8, 2), history(3, 9, 3)]),
}


def test_two_runs_of_neighbouring_days_at_once_end_as_one_after_the_other(tmp_path: Path) -> None:
    """On a disk and in a bucket."""
    days = NEIGHBOURS
    roots = {str(tmp_path / "together"): REFERRING, f"{ROOT}/two runs": IN_A_BUCKET}
    alone = DeltaStore(tmp_path / "alone")
    fill_from_lists(alone, days, only=REFERRING, one_by_one=True)
    spawn = multiprocessing.get_context("spawn")
    both = spawn.Barrier(2)
    runs = [spawn.Process(target=_run, args=(roots, on, said, both)) for on, said in days.items()]
    for run in runs:
        run.start()
    for run in runs:
        run.join(timeout=300)
    assert [run.exitcode for run in runs] == [0, 0]
    for root, only in roots.items():
        together = DeltaStore(root)
        made = {name for name, contract in TABLES.items() if together.version(contract) is not None}
        assert {*only} <= made
        others = TABLES.keys() - made
        assert differing(contents(together, others), contents(alone, others)) == []


def _begin(root: str, on: dt.date, said: Lists, begun: Event) -> None:
    """A run of a day that says when it has kept what came."""
    store = DeltaStore(root)
    keep_raw(store, on, said)
    begun.set()
    derive(store, [on], only=IN_A_BUCKET, run_id=str(on))


def test_of_two_machines_at_work_in_a_bucket_one_may_be_killed(tmp_path: Path) -> None:
    """Its day is run again by whoever is left, and the tables are those of a lake on which one run did both days."""
    root, spawn = f"{ROOT}/one killed", multiprocessing.get_context("spawn")
    begun = [spawn.Event(), spawn.Event()]
    runs = [
        spawn.Process(target=_begin, args=(root, on, said, event))
        for (on, said), event in zip(NEIGHBOURS.items(), begun, strict=True)
    ]
    for run in runs:
        run.start()
    assert begun[1].wait(timeout=120)
    runs[1].kill()
    for run in runs:
        run.join(timeout=300)
    assert [run.exitcode for run in runs] == [0, -signal.SIGKILL]
    together, alone = DeltaStore(root), DeltaStore(tmp_path / "alone")
    derive(together, [TODAY], only=IN_A_BUCKET, run_id="again")
    fill_from_lists(alone, NEIGHBOURS, only=IN_A_BUCKET)
    made = {name for name, contract in TABLES.items() if alone.version(contract) is not None}
    assert {*IN_A_BUCKET} <= made
    assert differing(contents(together, TABLES.keys() - made), contents(alone, TABLES.keys() - made)) == []
