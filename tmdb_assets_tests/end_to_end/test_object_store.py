"""A lake in a bucket, under a prefix with a blank and letters beyond ASCII: it lives as one on a disk does, and two
processes that write to it at once lose and double nothing."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import urllib.parse
import urllib.request
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.sources.moovitamix.forget import forget
from tmdb_assets.sources.moovitamix.payloads import FORGOTTEN
from tmdb_assets.warehouse.reader import Warehouse
from tmdb_assets_tests.lakehouse.object_store import object_store
from tmdb_assets_tests.lakehouse.test_delta import COUNTS, DAYS, PARTS, SMALL, THINGS, kept, rows
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
    settings_of,
    track,
    user,
)

ROOT = "s3://lake/my films/données"
VIEWS = [c.name for c in TABLES.values() if c.stage == "views"]
ROUNDS = 15


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


# -- one after the other -------------------------------------------------------------------------------------------------


def test_a_day_a_backfill_forgetting_and_upkeep_end_as_on_a_disk(tmp_path: Path, server: dict[str, str]) -> None:
    from tmdb_assets.definitions import build_definitions

    said = lists([track(1), track(2)], [user(7), user(8)], [history(1, 7, 1), history(2, 8, 2)])
    there, here = DeltaStore(ROOT), DeltaStore(tmp_path / "lake")
    for store in (there, here):
        for number in (2, 1):
            keep_raw(store, day(number), said)
    options = {"tmdb_assets_warehouse": tmp_path / "w.duckdb", "tmdb_assets_reports": tmp_path / "reports"}
    with ListServer(said).running() as api:
        loaded = settings_of(ROOT, moovitamix_url=api.url, **options)
        definitions = build_definitions(loaded)
        job = definitions.resolve_job_def("moovitamix_daily")
        ends = {"start": day(2).isoformat(), "end": TODAY.isoformat()}
        tags = {f"dagster/asset_partition_range_{end}": each for end, each in ends.items()}
        assert job.execute_in_process(tags=tags).success, "two days that were kept, and today"
    keep_raw(here, TODAY, said)
    derive(here, [day(2), day(1), TODAY], views=True)
    apart = ("extraction_ledger", "fact_table_quality")  # `here` was filled without asking anybody
    assert differing(contents(there, but=apart), contents(here, but=apart)) == []
    assert Warehouse(tmp_path / "w.duckdb").info.lake == ROOT

    assert forget(there, loaded, 7, lambda line: None).users == 1
    assert contents(there, but=("extraction_ledger",))["users"].get_column("user_id").to_list() == [8]
    before = contents(there)
    assert definitions.resolve_job_def("lake_upkeep").execute_in_process().success, "upkeep"
    after = contents(there)
    assert differing(after, before) in ([], ["records"])
    gone = before["records"].join(after["records"], on="record_hash", how="anti")
    assert set(gone.get_column("payload")) <= {FORGOTTEN}, "of the notes in a forgotten row's place, those no page has"
    left = _bytes(server)
    # the latter two: of other tests, if they ran before
    ours = tuple(f"my films/données/{folder}/" for folder in ("moovitamix", "at once", "two runs"))
    assert [key for key in left if not key.startswith(ours)] == []
    assert [key for key, content in left.items() if b"user7@example.com" in content] == []


# -- at once -------------------------------------------------------------------------------------------------------------


def _write(root: str, first: int) -> None:
    store = DeltaStore(root)
    for n in range(ROUNDS):
        store.append(THINGS, rows(THINGS, (first * 1000 + n, "one", DAYS[0], None)), {})
        store.append_new(COUNTS, rows(COUNTS, (DAYS[9], f"both {n}", n), (DAYS[9], f"{first} {n}", n)), {})
        store.replace(COUNTS, rows(COUNTS, (DAYS[first], f"round {n}", n)), [DAYS[first]], {})
        store.replace(SMALL, rows(SMALL, (DAYS[0], f"part {first}", n)), DAYS[:1], {}, {"item": f"part {first}"})
        store.merge(PARTS, rows(PARTS, (first, n, "x", DAYS[0]), (100 + n * 2 + first, 1, "x", DAYS[0])), {})


def test_two_processes_at_once_keep_every_row_once() -> None:
    """They write the same tables, so most commits find another one in their place and begin again."""
    root = f"{ROOT}/at once"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(root, n)) for n in range(2)]
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


def _run(root: str, on: dt.date, said: Lists, both: Barrier) -> None:
    """What a run of a day does, without Dagster, beside another run."""
    store = DeltaStore(root)
    both.wait(timeout=60)
    keep_raw(store, on, said)
    derive(store, [on], views=False, run_id=str(on))


@pytest.mark.parametrize("place", ["a folder", "a bucket"])
def test_two_runs_of_neighbouring_days_at_once_end_as_one_after_the_other(place: str, tmp_path: Path) -> None:
    """Each brings rows that the other's tables lack, refer to, or are compared with."""
    days = {
        day(1): lists([track(1), track(2)], [user(7), user(8)], [history(1, 7, 1), history(2, 8, 2)]),
        TODAY: lists([track(2), track(3, genres="New")], [user(8), user(9)], [history(2, 8, 2), history(3, 9, 3)]),
    }
    together = DeltaStore(f"{ROOT}/two runs" if place == "a bucket" else tmp_path / "together")
    alone = DeltaStore(tmp_path / "alone")
    fill_from_lists(alone, days)
    spawn = multiprocessing.get_context("spawn")
    both = spawn.Barrier(2)
    runs = [spawn.Process(target=_run, args=(together.root, on, said, both)) for on, said in days.items()]
    for run in runs:
        run.start()
    for run in runs:
        run.join(timeout=300)
    assert [run.exitcode for run in runs] == [0, 0]
    assert differing(contents(together, but=VIEWS), contents(alone, but=VIEWS)) == []
