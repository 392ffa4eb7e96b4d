"""The ledger: one row per day and endpoint, what is short, and who answered."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import Audit, ByDay, Contract, col
from tmdb_assets.lakehouse.flow.ledger import REAL, SANDBOX, Entry, Ledger
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.store import DeltaStore, LakeError

DAYS = [dt.date(2026, 3, n) for n in (1, 2, 3)]
BEGAN = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
DONE = Entry("list", REAL, BEGAN, 5, 5, 100, 99, True, True, 7, 2, 1, 0, 900, 1.5, BEGAN + dt.timedelta(minutes=1))


def test_an_entry_comes_back_as_it_was_written(ledger: Ledger) -> None:
    open_entry = Entry("details", SANDBOX, BEGAN)
    ledger.write(DAYS[0], [DONE], {})
    ledger.write(DAYS[0], [open_entry], {})
    assert ledger.entry(DAYS[0], "list") == DONE
    assert ledger.entry(DAYS[0], "details") == open_entry
    assert ledger.entry(DAYS[1], "list") is None
    assert ledger.entry(DAYS[0], "other") is None


def test_an_entry_takes_the_place_of_its_own_day_and_endpoint_only(ledger: Ledger, lake: DeltaStore) -> None:
    for day in DAYS[:2]:
        ledger.write(day, [DONE], {})
        ledger.write(day, [replace(DONE, endpoint="movie/{id}'s")], {})
    ledger.write(DAYS[0], [replace(DONE, calls=99)], {"run_id": "r7"})
    rows = lake.scan(ledger.contract).sort("date_id", "endpoint").select("date_id", "endpoint", "calls").collect()
    assert rows.rows() == [
        (DAYS[0], "list", 99),
        (DAYS[0], "movie/{id}'s", 7),
        (DAYS[1], "list", 7),
        (DAYS[1], "movie/{id}'s", 7),
    ]
    assert lake.history(ledger.contract)[0]["run_id"] == "r7"


def test_its_rows_keep_its_contract(ledger: Ledger, lake: DeltaStore) -> None:
    ledger.write(DAYS[0], [DONE], {})
    ledger.write(DAYS[0], [Entry("details", SANDBOX, BEGAN)], {})
    audit = Audit.of(ledger.contract, lake.scan(ledger.contract).collect())
    assert (audit.kept.height, audit.quarantined.height) == (2, 0)


def test_finished_days_are_those_observed_to_the_end_oldest_first(ledger: Ledger) -> None:
    for day in (DAYS[2], DAYS[0]):
        ledger.write(day, [DONE], {})
    ledger.write(DAYS[1], [replace(DONE, is_finished=False)], {})
    ledger.write(DAYS[1], [replace(DONE, endpoint="other")], {})
    assert ledger.finished_days("list") == [DAYS[0], DAYS[2]]


def test_a_day_is_short_when_an_endpoint_is_unfinished_or_broke_its_promise(ledger: Ledger) -> None:
    ledger.write(DAYS[0], [DONE], {})
    ledger.write(DAYS[1], [replace(DONE, is_complete=False)], {})
    ledger.write(DAYS[1], [replace(DONE, endpoint="cut", is_finished=False)], {})
    ledger.write(DAYS[2], [replace(DONE, is_complete=False)], {})
    assert ledger.days_short(DAYS[:2]).select("date_id", "endpoint").rows() == [(DAYS[1], "cut"), (DAYS[1], "list")]
    assert ledger.days_short(DAYS[:1]).height == 0


def test_what_an_archive_does_not_have_yet_is_awaited_and_what_was_cut_is_short(ledger: Ledger) -> None:
    nothing = Entry("archive", REAL, BEGAN, received_ids=0, is_complete=True)
    ledger.write(DAYS[0], [nothing, replace(nothing, endpoint="cut", promised_pages=3, received_pages=1)], {})
    ledger.write(DAYS[1], [replace(nothing, is_finished=True)], {})
    assert ledger.days_noted(DAYS).select("date_id", "endpoint").rows() == [(DAYS[0], "archive")]
    assert ledger.days_short(DAYS).select("date_id", "endpoint").rows() == [(DAYS[0], "cut")]


def test_days_that_came_and_are_kept_no_more_are_expired(ledger: Ledger, lake: DeltaStore) -> None:
    raw = Contract(
        "toy",
        "raw",
        "things",
        "Things.",
        ("date_id",),
        {"date_id": col(pl.Date, "Day."), "n": col(pl.Int64, "N.")},
        kept=ByDay("date_id"),
    )
    came = replace(DONE, table_name=raw.path, received_rows=3, duplicate_rows=1)
    ledger.write(DAYS[0], [came], {})
    ledger.write(DAYS[1], [came], {})
    ledger.write(DAYS[2], [replace(came, received_rows=1)], {})  # a duplicate alone: nothing was kept
    lake.append(raw, pl.DataFrame({"date_id": [DAYS[1]], "n": [1]}), {})
    assert ledger.days_expired(raw, DAYS) == {DAYS[0]}
    assert ledger.days_expired(raw, DAYS[1:]) == set()
    aside = quarantine_contract("toy")
    told = {"row_number": [0, 1], "rule": "r", "reason": "r", "payload": "p", "raw_pointer": None}
    told |= {"column_name": None, "value": None}
    values = told | {"row_number": [2, 3], "column_name": "n", "value": "-1"}
    lake.append(aside, pl.DataFrame({"date_id": DAYS[0], "origin": raw.path, **values}, schema=aside.schema), {})
    assert ledger.days_expired(raw, DAYS) == {DAYS[0]}, "values set aside are of rows that were kept"
    rows = pl.DataFrame({"date_id": DAYS[0], "origin": raw.path, **told}, schema=aside.schema)
    lake.append(aside, rows, {})
    assert ledger.days_expired(raw, DAYS) == set()


@pytest.mark.parametrize(("there", "new"), [(SANDBOX, REAL), (REAL, SANDBOX)])
def test_sandbox_and_real_data_never_meet_in_one_lake(ledger: Ledger, there: str, new: str) -> None:
    assert ledger.origins() == []
    ledger.refuse_mixing(new)
    ledger.write(DAYS[0], [replace(DONE, origin=there)], {})
    ledger.refuse_mixing(there)
    with pytest.raises(
        LakeError, match=f"holds {there} data of toy, and this run would add {new} data: set TMDB_ASSETS"
    ):
        ledger.refuse_mixing(new)
