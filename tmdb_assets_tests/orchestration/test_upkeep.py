"""The upkeep job: what expires, what a fetch under way keeps, and one table that fails while the others go on."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack

import dagster as dg
import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import ByDay, Contract, col
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.store import DeltaStore, retention
from tmdb_assets.lakehouse.store.locks import one_fetch_at_a_time
from tmdb_assets.orchestration.logs import console
from tmdb_assets.orchestration.resources import ClockResource, LakeResource
from tmdb_assets.orchestration.upkeep import keep_tables_in_shape, upkeep
from tmdb_assets_tests.conftest import TODAY

OLD, YOUNG = TODAY - dt.timedelta(days=181), TODAY - dt.timedelta(days=180)

PAGES = Contract(
    "toy",
    "raw",
    "pages",
    "Pages.",
    ("date_id",),
    {"date_id": col(pl.Date, "Day."), "text_hash": col(pl.Int64, "Content named.")},
    kept=ByDay("date_id"),
)
TEXTS = Contract(
    "toy",
    "raw",
    "texts",
    "Contents.",
    ("text_hash",),
    {"text_hash": col(pl.Int64, "Key."), "text": col(pl.String, "Content.")},
    kept_for=(PAGES, "text_hash"),
)
QUARANTINE = quarantine_contract("toy")
CONTRACTS = [PAGES, TEXTS, QUARANTINE]


def frame(contract: Contract, *rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=contract.schema, orient="row")


def keep(store: DeltaStore, day: dt.date, number: int) -> None:
    """A day with one page, its content, and a row set aside."""
    store.append_new(TEXTS, frame(TEXTS, (number, f"text {number}")), {})
    store.replace(PAGES, frame(PAGES, (day, number)), [day], {})
    aside = (day, PAGES.path, 0, "a rule", "a reason", f"payload {number}", None, None, None)
    store.replace(QUARANTINE, frame(QUARANTINE, aside), [day], {})


def run(store: DeltaStore) -> dg.ExecuteInProcessResult:
    shared = dg.Definitions(
        resources={
            "lake": LakeResource(store=store),
            "clock": ClockResource(today=TODAY.isoformat()),
        },
        loggers={"console": console},
    )
    job = dg.Definitions.merge(shared, upkeep(CONTRACTS, 180)).resolve_job_def("lake_upkeep")
    return job.execute_in_process(raise_on_error=False)


def test_raw_goes_after_its_retention_and_of_the_quarantine_the_payload_alone(lake: DeltaStore) -> None:
    keep(lake, OLD, 1)
    keep(lake, YOUNG, 2)
    assert run(lake).success
    assert lake.scan(PAGES).collect().rows() == [(YOUNG, 2)]
    assert lake.scan(TEXTS).collect().rows() == [(2, "text 2")]
    assert lake.scan(QUARANTINE).sort("date_id").select("date_id", "rule", "reason", "payload").collect().rows() == [
        (OLD, "a rule", "a reason", None),
        (YOUNG, "a rule", "a reason", "payload 2"),
    ]


def test_contents_of_a_fetch_under_way_are_kept(lake: DeltaStore) -> None:
    keep(lake, YOUNG, 1)
    said: list[str] = []
    with ExitStack() as fetch:
        fetch.enter_context(one_fetch_at_a_time(lake, "toy", said.append))
        lake.append_new(TEXTS, frame(TEXTS, (2, "text 2")), {})

        def log(line: str) -> None:
            said.append(line)
            if len(said) == 1:
                lake.replace(PAGES, frame(PAGES, (TODAY, 2)), [TODAY], {})
                fetch.close()

        assert keep_tables_in_shape(lake, [TEXTS, PAGES], OLD, {}, log) == {}
    assert "waiting for it to finish" in said[0]
    assert sorted(lake.scan(TEXTS).collect().rows()) == [(1, "text 1"), (2, "text 2")]


def test_one_table_that_fails_is_named_at_the_end_and_the_others_are_kept_in_shape(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(lake, OLD, 1)
    expire = retention.expire

    def failing(self: DeltaStore, contract: Contract, *arguments: object) -> int:
        if contract is PAGES:
            raise OSError("the disk is away")
        return expire(self, contract, *arguments)  # type: ignore[arg-type]  # they are passed on as they came

    monkeypatch.setattr(retention, "expire", failing)
    result = run(lake)
    assert not result.success
    (failure,) = [e.step_failure_data for e in result.all_events if e.is_step_failure]
    assert failure.user_failure_data
    assert failure.user_failure_data.description == (
        "1 of 3 tables could not be kept in shape, for reasons given above: toy/raw/pages."
    )
    assert "toy/raw/pages: OSError: the disk is away" in capsys.readouterr().err
    assert lake.scan(QUARANTINE).select("payload").collect().item() is None
