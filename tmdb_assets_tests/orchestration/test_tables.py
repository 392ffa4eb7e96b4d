"""Raw tables and the ledger as assets: what their checks find, and what stops a run."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import ByDay, Contract, col, ge
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, RawTable, Receipt
from tmdb_assets.lakehouse.flow.ledger import REAL, ledger_contract
from tmdb_assets.lakehouse.http import EndpointStats
from tmdb_assets.lakehouse.store import Commit, DeltaStore
from tmdb_assets.orchestration.accounts import ledger_asset
from tmdb_assets.orchestration.partitions import Events, asset_of
from tmdb_assets.orchestration.resources import ClockResource, LakeResource, SourceResource
from tmdb_assets.orchestration.tables import RawStep, preview
from tmdb_assets.settings import load_settings
from tmdb_assets_tests.conftest import TODAY

PARTITIONS = dg.DailyPartitionsDefinition(start_date="2026-01-01", timezone="UTC", end_offset=1)
THINGS = Contract(
    "toy",
    "raw",
    "things",
    "Things.",
    ("date_id", "thing_id"),
    {"date_id": col(pl.Date, "Day."), "thing_id": col(pl.Int64, "Thing.", ge(1))},
    kept=ByDay("date_id"),
    duplicates="first",
    drift_limit=None,
)


@dataclass
class Client:
    """A source that brings some things, or has none yet."""

    ids: tuple[int, ...] = ()
    archived: bool = False
    cut_after: int | None = None
    has_history: bool = False

    def fetch(self, asked: Asked) -> Iterator[Chunk]:
        for number, thing_id in enumerate(self.ids if self.cut_after is not None else ()):
            if number == self.cut_after:
                raise RuntimeError("cut")
            yield self.chunk(asked.day, thing_id)
        if self.ids:
            yield self.chunk(asked.day, *self.ids)

    def chunk(self, day: dt.date, *ids: int) -> Chunk:
        frame = pl.DataFrame([(day, n) for n in ids], schema=THINGS.schema, orient="row")
        return Chunk(frame, [Receipt("things", promised_pages=1, received_pages=1)])

    def tables(self) -> Mapping[str, RawTable]:
        return {"things": RawTable(THINGS, self.fetch, ["things"], archived=self.archived)}

    def origin(self) -> str | None:
        return REAL

    def traffic(self) -> Mapping[str, EndpointStats]:
        return {}


class LossyStore(DeltaStore):
    """Loses the last row of whatever is kept."""

    def replace(self, contract: Contract, frame: pl.DataFrame, *args: Any, **options: Any) -> Commit:
        return super().replace(contract, frame.head(-1) if contract is THINGS else frame, *args, **options)


class Toy(SourceResource):
    """Asks the client of a test."""

    name: str

    def client(self, clock: Clock, log: Any) -> Any:
        return CLIENTS[self.name]


#: Dagster makes resources anew from their configuration, so that they find by name what a test hands them.
CLIENTS: dict[str, Client] = {}


def toy_of(client: Client) -> Toy:
    CLIENTS["toy"] = client
    return Toy(settings=load_settings(_env_file=None), name="toy")


def toy_asset(step: RawStep) -> dg.AssetsDefinition:
    @asset_of(**step.options)
    def observe(context: dg.AssetExecutionContext, lake: LakeResource, clock: ClockResource, toy: Toy) -> Events:
        yield from step.observe(context, lake, clock, toy)

    return observe


def run(store: DeltaStore, client: Client, day: dt.date = TODAY, today: dt.date = TODAY) -> dg.ExecuteInProcessResult:
    assets = [toy_asset(RawStep(THINGS, PARTITIONS)), ledger_asset(ledger_contract("toy"), PARTITIONS, [THINGS])]
    resources = {
        "lake": LakeResource(store=store),
        "clock": ClockResource(today=today.isoformat()),
        "toy": toy_of(client),
    }
    return dg.materialize(assets, partition_key=day.isoformat(), resources=resources, raise_on_error=False)


def found(done: dg.ExecuteInProcessResult) -> dict[tuple[str, str], tuple[bool, str, str]]:
    """(table, check) -> passed, severity, description."""
    return {
        (e.asset_key.path[-1], e.check_name): (e.passed, e.severity.value, str(e.description))
        for e in done.get_asset_check_evaluations()
    }


def failures(done: dg.ExecuteInProcessResult) -> list[str]:
    return [str(e.step_failure_data.user_failure_data.description) for e in done.all_events if e.is_step_failure]  # type: ignore[union-attr]  # a Failure of ours has one


def test_what_came_is_held_against_what_is_kept(lake: DeltaStore) -> None:
    done = run(lake, Client((1, 2, 2, 0)))
    assert done.success
    told = "received 4 = kept 2 + quarantined 1 + duplicates 1"
    assert found(done)["things", "accounting"] == (True, "ERROR", told)
    assert found(done)["extraction_ledger", "extraction_complete"][0]


def test_a_row_lost_while_it_was_kept_is_noticed(lake: DeltaStore) -> None:
    passed, severity, told = found(run(LossyStore(lake.root), Client((1, 2, 3))))["things", "accounting"]
    assert (passed, severity) == (False, "ERROR")
    assert told == "not accounted for: received 3 = kept 2 + quarantined 0 + duplicates 0"


def test_a_table_whose_type_flipped_stops_the_run_and_keeps_nothing(lake: DeltaStore) -> None:
    done = run(lake, Client(tuple(range(-39, 11))))
    assert not done.success
    assert found(done)["things", "contract"][:2] == (False, "ERROR")
    assert failures(done)[0].startswith(f"toy/raw/things {TODAY}: 40 of 50 rows break it")
    assert lake.version(THINGS) is None


def test_what_an_archive_does_not_have_yet_is_a_warning(lake: DeltaStore) -> None:
    done = run(lake, Client(archived=True))
    assert done.success
    passed, severity, told = found(done)["extraction_ledger", "extraction_complete"]
    assert (passed, severity) == (False, "WARN")
    assert told == f"things on {TODAY} had nothing yet, and what was observed goes on without: run the day again later"
    assert found(run(lake, Client((1,), archived=True)))["extraction_ledger", "extraction_complete"][0]


def test_a_day_that_was_cut_and_is_over_says_what_can_be_done(lake: DeltaStore) -> None:
    assert not run(lake, Client((1, 2), cut_after=1)).success
    done = run(lake, Client((1, 2)), today=TODAY + dt.timedelta(days=1))
    assert failures(done) == [
        f"things on {TODAY} fell short: run the day again; one that is over, and that the source does not keep, stays "
        "incomplete and is not published"
    ]
    assert run(lake, Client((1, 2))).success, "today it can be run again"


@pytest.mark.parametrize("cut_after", [0, 1])
def test_a_day_that_was_whole_before_its_second_run_was_cut_is_whole(lake: DeltaStore, cut_after: int) -> None:
    assert run(lake, Client((1, 2))).success
    assert not run(lake, Client((1, 2), cut_after=cut_after)).success
    assert run(lake, Client(), today=TODAY + dt.timedelta(days=1)).success


@given(
    st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=7),
    st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats() | st.none(),
)
def test_a_preview_never_fails_whatever_the_values(
    days: list[int | None], instant: int | None, number: float | None
) -> None:
    day, at = (
        pl.Series("day", days, dtype=pl.Int32).cast(pl.Date),
        pl.Series("at", [instant] * len(days), dtype=pl.Int64),
    )
    frame = pl.DataFrame([day, at.cast(pl.Datetime("us", "UTC"))]).with_columns(
        number=pl.lit(number, dtype=pl.Float64),
        listed=pl.concat_list("day", "day"),
        nested=pl.struct("at", inner=pl.concat_list(pl.struct("day"))),
    )
    lines = preview(frame.lazy(), ["number"]).splitlines()
    assert lines[0] == "| day | at | number | listed | nested |"
    assert len(lines) == 2 + min(len(days), 5)


def test_a_preview_shows_days_that_python_has_not() -> None:
    frame = pl.DataFrame({"day": ["0000-01-01", "-0001-05-05"]}).with_columns(pl.col("day").str.to_date("%Y-%m-%d"))
    assert preview(frame.lazy()).splitlines()[2:] == ["| 0000-01-01 |", "| -0001-05-05 |"]
