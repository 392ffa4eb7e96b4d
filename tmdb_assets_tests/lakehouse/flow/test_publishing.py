"""Publishing: what blocks a commit, what only warns, what is taken back, and that the order of days does not matter."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import ByDay, Column, Contract, Owned, Rule, Whole, col, ge, not_blank
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow import publishing as publishing_module
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import MARKER, DerivedTable
from tmdb_assets.lakehouse.flow.ledger import REAL, Entry, Ledger
from tmdb_assets.lakehouse.flow.publishing import Published, publish
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.payloads import Int, Shape, decode
from tmdb_assets.lakehouse.store import DeltaStore, LakeError
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.holding import frames_in
from tmdb_assets_tests.stating import by_name

DAYS = [dt.date(2026, 3, n) for n in range(1, 8)]


# -- a toy source: notices about things and their parts ----------------------------------------------------------------


class Notice(Shape):
    id: Int
    name: str | None = None
    size: Int | None = None
    parts: list[Int] | None = None


NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SINCE_THE_SECOND = Rule("greater_than_or_equal_to", {"min_value": DAYS[1]}, "must not be the first day")


def toy(stage: str, name: str, grain: tuple[str, ...], columns: Mapping[str, Column], **more: Any) -> Contract:
    return Contract("toy", stage, name, f"Toy {name}.", grain=grain, columns=columns, **more)


DAY = {"date_id": col(pl.Date, "Day.")}
SEEN = {"observed_on": col(pl.Date, "Day.")}
THING = {"thing_id": col(pl.Int64, "Thing.", ge(1))}
STATE = {"name": col(pl.String, "Name.", not_blank()), "size": col(pl.Int64, "Size.", ge(0), nullable=True)}
PART = {"part_id": col(pl.Int64, "Part.", ge(1))}

NOTICES = toy(
    "raw",
    "notices",
    ("date_id", "line"),
    {**DAY, "line": col(pl.Int64, "Line."), "payload": col(pl.String, "As it came.")},
    kept=ByDay("date_id"),
)
THINGS = toy(
    "clean",
    "things",
    ("date_id", "thing_id"),
    {**DAY, **THING, **STATE, "parts": col(pl.List(pl.Int64), "Parts.", nullable=True)},
    kept=ByDay("date_id"),
    duplicates="first",
)
DIM_THING = toy(
    "star",
    "dim_thing",
    ("thing_id",),
    {**THING, **STATE, **SEEN},
    kept=Owned(("thing_id",), ("observed_on",)),
    duplicates="first",
)
DIM_PART = toy(
    "star",
    "dim_part",
    ("part_id",),
    {**PART, **SEEN},
    kept=Owned(("part_id",), ("observed_on",)),
    duplicates="first",
)
BRIDGE = toy(
    "star",
    "bridge_thing_part",
    ("thing_id", "part_id"),
    {**THING, **PART, **SEEN},
    kept=Owned(("thing_id",), ("observed_on",)),
    duplicates="first",
    references={"thing_id": DIM_THING, "part_id": DIM_PART},
)
FACT = toy(
    "star",
    "fact_size",
    ("date_id", "thing_id"),
    {**DAY, **THING, "size": STATE["size"]},
    kept=ByDay("date_id"),
    references={"thing_id": DIM_THING},
)
TABLES = {c.name: c for c in (NOTICES, THINGS, DIM_THING, DIM_PART, BRIDGE, FACT)}


def things(notices: pl.LazyFrame) -> pl.DataFrame:
    raw = notices.sort("date_id", "line").select("date_id", _payload="payload").collect()
    rows = pl.concat([raw, decode(raw["_payload"], Notice)], how="horizontal").rename({"id": "thing_id"})
    return rows.select(*THINGS.schema, "_rejected", "_payload")


def dim_thing(things: pl.LazyFrame) -> pl.DataFrame:
    seen = things.sort("date_id", "thing_id", descending=True)
    return seen.select("thing_id", "name", "size", observed_on="date_id").collect()


def dim_part(things: pl.LazyFrame) -> pl.DataFrame:
    seen = things.explode("parts", empty_as_null=False, keep_nulls=False).sort("date_id", descending=True)
    return seen.select(part_id="parts", observed_on="date_id").unique(maintain_order=True).collect()


def bridge_thing_part(things: pl.LazyFrame, dim_thing: pl.LazyFrame) -> pl.DataFrame:
    seen = things.select("thing_id", observed_on="date_id", part_id="parts")
    newest = seen.join(dim_thing.select("thing_id", "observed_on"), on=["thing_id", "observed_on"], how="semi")
    is_marker = newest.with_columns((pl.col("part_id").list.len() == 0).alias(MARKER))
    members = is_marker.explode("part_id", empty_as_null=True, keep_nulls=False)
    return members.select("thing_id", "part_id", "observed_on", MARKER).sort("thing_id", "part_id").collect()


def fact_size(things: pl.LazyFrame) -> pl.DataFrame:
    return things.select("date_id", "thing_id", "size").collect()


BUILDERS: tuple[Callable[..., pl.DataFrame], ...] = (things, dim_thing, dim_part, bridge_thing_part, fact_size)


def noticed(notices: pl.LazyFrame) -> pl.LazyFrame:
    return notices.group_by("date_id").agg(received=pl.len().cast(pl.Int64))


def derived(function: Callable[..., pl.DataFrame], **changes: Any) -> DerivedTable:
    changes = {"received": by_name(noticed, TABLES) if function is things else None} | changes
    contract = changes.pop("contract", TABLES[function.__name__])
    return DerivedTable(contract, by_name(changes.pop("build", function), TABLES), **changes)


@dataclass
class Toy:
    """The toy source in one lake."""

    store: DeltaStore
    lines: list[str] = field(default_factory=list)

    def says(self, day: dt.date, *notices: Any) -> None:
        texts = [n if isinstance(n, str) else json.dumps(n) for n in notices]
        rows = [(day, line, text) for line, text in enumerate(texts)]
        frame = pl.DataFrame(rows, schema=NOTICES.schema, orient="row")
        self.store.replace(NOTICES, frame, [day], {})

    def publish(self, table: DerivedTable, *days: dt.date) -> Published:
        return publish(table, self.in_run(days))

    def in_run(self, days: Sequence[dt.date], run_id: str = "r1") -> Run:
        return Run(self.store, days, {"run_id": run_id}, lambda event: self.lines.append(str(event)))

    def run(self, *days: dt.date) -> None:
        for function in BUILDERS:
            self.publish(derived(function), *days)

    def kept(self, contract: Contract) -> list[tuple[Any, ...]]:
        return self.store.scan(contract).collect().sort(contract.grain).rows()

    def rejected(self) -> list[tuple[Any, ...]]:
        rows = self.store.scan(quarantine_contract("toy")).sort("date_id", "origin", "row_number").collect()
        return rows.select("date_id", "origin", "reason").rows()


@pytest.fixture
def source(lake: DeltaStore) -> Toy:
    return Toy(lake)


def notice(thing_id: int, name: str = "a", size: int | None = 1, parts: Collection[int] | None = ()) -> dict[str, Any]:
    return {"id": thing_id, "name": name, "size": size, "parts": None if parts is None else list(parts)}


def blocked(source: Toy, table: DerivedTable, *days: dt.date) -> BlockedError:
    """Publishing is blocked, and the table stays as it is at the version it had."""
    before = (source.store.version(table.contract), source.kept(table.contract), source.rejected())
    with pytest.raises(BlockedError) as raised:
        source.publish(table, *days)
    assert (source.store.version(table.contract), source.kept(table.contract), source.rejected()) == before
    return raised.value


# -- one day, many days ------------------------------------------------------------------------------------------------


def test_a_day_flows_from_raw_to_star(source: Toy) -> None:
    source.says(DAYS[0], notice(1, "a", 5, [7, 8]), notice(2, "b", None, []))
    source.run(DAYS[0])
    assert source.kept(THINGS) == [(DAYS[0], 1, "a", 5, [7, 8]), (DAYS[0], 2, "b", None, [])]
    assert source.kept(DIM_THING) == [(1, "a", 5, DAYS[0]), (2, "b", None, DAYS[0])]
    assert source.kept(BRIDGE) == [(1, 7, DAYS[0]), (1, 8, DAYS[0])]
    assert source.kept(FACT) == [(DAYS[0], 1, 5), (DAYS[0], 2, None)]


def test_many_days_are_one_commit_that_says_who_made_it(source: Toy) -> None:
    for day in DAYS:
        source.says(day, notice(1))
    done = source.publish(derived(things), *reversed(DAYS))
    assert len(done.commits) == 1
    assert source.store.version(THINGS) == 1
    assert source.store.history(THINGS)[0]["run_id"] == "r1"
    assert [row[0] for row in source.kept(THINGS)] == DAYS
    told = f"toy/clean/things {DAYS[0]}..{DAYS[-1]} ({len(DAYS)} days): received {len(DAYS)}, kept {len(DAYS)}"
    assert source.lines[-1].startswith(told)


def test_a_day_without_input_empties_the_day_that_was_kept(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    source.run(DAYS[0])
    source.says(DAYS[0])
    source.publish(derived(things), DAYS[0])
    assert source.kept(THINGS) == []


def test_the_same_day_again_changes_no_owned_table(source: Toy) -> None:
    source.says(DAYS[0], notice(1, parts=[1]))
    source.run(DAYS[0])
    done = source.publish(derived(bridge_thing_part), DAYS[0])
    assert [c.changed for c in done.commits] == [False]
    assert any("nothing changed" in line for line in source.lines)


def test_batches_give_the_same_tables_as_one(source: Toy, fresh_lake: Callable[[], DeltaStore]) -> None:
    other = Toy(fresh_lake())
    for n, day in enumerate(DAYS):
        for toy_source in (source, other):
            toy_source.says(day, notice(1, f"n{n}", n, [n + 1, n + 2]), notice(2 + n % 3, "x", -(n % 2), [9][: n % 2]))
    source.run(*DAYS)
    other.store.bytes_per_batch = 1
    other.run(*DAYS)
    assert other.store.version(THINGS) == len(DAYS), "a batch a day"
    for contract in (THINGS, DIM_THING, DIM_PART, BRIDGE, FACT):
        assert other.kept(contract) == source.kept(contract)
    assert other.rejected() == source.rejected()
    assert len(source.rejected()) == 3


def test_the_outcomes_of_batches_add_up(source: Toy) -> None:
    source.store.bytes_per_batch = 1
    for day in DAYS[:3]:
        source.says(day, notice(1), notice(0))
    done = source.publish(derived(things), *DAYS[:3])
    outcomes = {o.check: o for o in done.outcomes}
    assert len(done.outcomes) == len(outcomes)
    assert outcomes["accounting"].figures == {"received": 6, "kept": 3, "quarantined": 3, "duplicates": 0}
    assert not outcomes["contract"].passed
    assert [tally.received for tally in done.tallies] == [2, 2, 2]
    assert not list(frames_in(done)), "rows of a batch are gone once it is committed"


# -- checks that block -------------------------------------------------------------------------------------------------


def test_a_row_lost_on_the_way_blocks(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    source.run(DAYS[0])
    source.says(DAYS[0], notice(2), notice(3))
    loses = derived(things, build=lambda notices: things(notices).head(1))
    error = blocked(source, loses, DAYS[0])
    assert error.check == "accounting"
    assert "not accounted for: received 2 = kept 1 + quarantined 0 + duplicates 0" in str(error)
    assert error.figures["received"] == 2


def test_a_grain_twice_blocks_where_it_is_a_fault(source: Toy) -> None:
    source.says(DAYS[0], notice(1), notice(1, "b"))
    strict = derived(things, contract=replace(THINGS, duplicates="refuse"))
    error = blocked(source, strict, DAYS[0])
    assert error.check == "grain"
    assert "toy/clean/things 2026-03-01: 2 rows share their grain" in str(error)


def test_duplicates_that_are_expected_are_counted(source: Toy) -> None:
    source.says(DAYS[0], notice(1), notice(1, "b"))
    done = source.publish(derived(things), DAYS[0])
    assert source.kept(THINGS) == [(DAYS[0], 1, "a", 1, [])]
    figures = {o.check: o.figures for o in done.outcomes}
    assert (figures["grain"]["duplicates_left_out"], figures["accounting"]["duplicates"]) == (1, 1)


def test_a_key_that_its_dimension_lacks_blocks(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    source.run(DAYS[0])
    source.says(DAYS[1], notice(1), notice(44))
    source.publish(derived(things), DAYS[1])
    error = blocked(source, derived(fact_size), DAYS[1])
    assert error.check == "referential_integrity"
    assert "1 rows refer to a thing_id that toy/star/dim_thing lacks, e.g. 44" in str(error)
    assert error.figures == {"thing_id not in dim_thing": 1}


def test_a_type_that_flipped_blocks_instead_of_emptying_the_table(source: Toy) -> None:
    source.says(DAYS[0], *[notice(n) for n in range(1, 31)])
    source.run(DAYS[0])
    source.says(DAYS[0], *[{"id": str(n), "name": "a"} for n in range(1, 31)], notice(31))
    error = blocked(source, derived(things), DAYS[0])
    assert error.check == "contract"
    assert "30 of 31 rows break it" in str(error)
    assert len(source.kept(THINGS)) == 30


# -- other runs at once ------------------------------------------------------------------------------------------------


def meanwhile(build: Callable[..., pl.DataFrame], happens: Callable[[], object]) -> Callable[..., pl.DataFrame]:
    """A function that reads its tables, and then takes so long that something happens."""

    @functools.wraps(build)
    def slow(*tables: pl.LazyFrame) -> pl.DataFrame:
        made = build(*tables)
        happens()
        return made

    return slow


def once(happens: Callable[[], object]) -> Callable[[], object]:
    left = iter([happens])
    return lambda: next(left, lambda: None)()


def test_a_table_whose_inputs_another_run_wrote_meanwhile_is_built_again(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    adds = once(lambda: source.says(DAYS[0], notice(1), notice(2)))
    source.publish(derived(things, build=meanwhile(things, adds)), DAYS[0])
    assert [row[1] for row in source.kept(THINGS)] == [1, 2]
    assert sum("another run changed what it is held against meanwhile" in line for line in source.lines) == 1


@pytest.mark.parametrize("function", [dim_thing, fact_size, bridge_thing_part])
def test_rows_of_an_older_state_never_take_the_place_of_newer_ones(
    source: Toy, function: Callable[..., pl.DataFrame]
) -> None:
    """Another run writes the input, builds all tables of it and ends, while this one still holds what it had read."""
    source.says(DAYS[0], notice(1, "old", 1, [1]))
    source.run(DAYS[0])
    source.says(DAYS[0], notice(1, "older", 2, [1, 2]))
    source.publish(derived(things), DAYS[0])

    def other_run() -> None:
        source.says(DAYS[0], notice(1, "new", 3, [3]), notice(2, "new", 4, [4]))
        source.run(DAYS[0])

    source.publish(derived(function, build=meanwhile(function, once(other_run))), DAYS[0])
    alone = Toy(DeltaStore(f"{source.store.root}/alone"))
    alone.says(DAYS[0], notice(1, "new", 3, [3]), notice(2, "new", 4, [4]))
    alone.run(DAYS[0])
    for contract in (THINGS, DIM_THING, DIM_PART, BRIDGE, FACT):
        newest = source.kept(contract)
        assert set(alone.kept(contract)) <= set(newest) if contract is DIM_PART else newest == alone.kept(contract)


def test_other_days_of_the_inputs_may_be_written_meanwhile(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    built = []

    def other_day() -> None:
        built.append(DAYS[len(built) + 1])
        source.says(built[-1], notice(1))

    source.publish(derived(things, build=meanwhile(things, other_day)), DAYS[0])
    assert built == [DAYS[1]]
    assert len(source.kept(THINGS)) == 1


def test_a_table_whose_inputs_never_rest_is_not_built_for_ever(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    built: list[int] = []

    def adds() -> None:
        built.append(len(built))
        source.says(DAYS[0], *[notice(n + 1) for n in range(len(built) + 1)])

    before = source.store.version(THINGS)
    with pytest.raises(LakeError, match="toy/clean/things 2026-03-01: other runs write what it is made of faster than"):
        source.publish(derived(things, build=meanwhile(things, adds)), DAYS[0])
    assert len(built) == publishing_module.BUILDS_AT_MOST
    assert source.store.version(THINGS) == before


def test_a_dimension_that_another_run_is_about_to_write_is_waited_for(
    source: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.says(DAYS[0], notice(1))
    source.run(DAYS[0])
    source.says(DAYS[1], notice(1), notice(44))
    publish(derived(things), source.in_run(DAYS[1:2], "another"))
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            publish(derived(dim_thing), source.in_run(DAYS[1:2], "another"))

    monkeypatch.setattr(publishing_module.time, "sleep", nap)
    source.publish(derived(fact_size), DAYS[1])
    assert [row[:2] for row in source.kept(FACT)] == [(DAYS[0], 1), (DAYS[1], 1), (DAYS[1], 44)]
    assert len(naps) == 2


def test_a_run_that_died_is_not_waited_for_for_ever(source: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    source.says(DAYS[0], notice(1))
    source.run(DAYS[0])
    source.says(DAYS[1], notice(44))
    publish(derived(things), source.in_run(DAYS[1:2], "another"))
    monkeypatch.setattr(publishing_module, "PATIENCE", 0.01)
    assert blocked(source, derived(fact_size), DAYS[1]).check == "referential_integrity"


def test_a_few_bad_rows_never_block_however_small_the_day(source: Toy) -> None:
    source.says(DAYS[0], notice(0), notice(-1), "{cut")
    done = source.publish(derived(things), DAYS[0])
    outcome = next(o for o in done.outcomes if o.check == "contract")
    assert (outcome.passed, outcome.warns, outcome.figures["quarantined"]) == (False, True, 3)
    assert source.kept(THINGS) == []
    assert len(source.rejected()) == 3


def test_a_frame_of_another_shape_stops_and_changes_nothing(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    source.run(DAYS[0])
    wrong = derived(things, build=lambda notices: things(notices).with_columns(pl.col("size").cast(pl.Float64)))
    with pytest.raises(Exception, match="toy/clean/things, column size: must be Int64, the frame has Float64"):
        source.publish(wrong, DAYS[0])
    assert source.store.version(THINGS) == 1


def test_an_unwritable_root_stops_before_anything_is_built(tmp_path: Any) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(LakeError, match="cannot be written"):
        Toy(DeltaStore(tmp_path / "taken")).publish(derived(things), DAYS[0])


# -- checks that warn --------------------------------------------------------------------------------------------------


def outcome(done: Published, check: str) -> Outcome:
    return next(o for o in done.outcomes if o.check == check)


@pytest.mark.parametrize(("rows", "passed"), [(5, True), (3, True), (2, False), (6, False), (0, False)])
def test_a_day_unlike_the_day_before_warns_and_is_published(source: Toy, rows: int, passed: bool) -> None:
    source.says(DAYS[0], *[notice(n + 1) for n in range(4)])
    source.says(DAYS[1], *[notice(n + 1) for n in range(rows)])
    source.publish(derived(things), DAYS[0])
    drift = outcome(source.publish(derived(things), DAYS[1]), "row_count_drift")
    assert (drift.passed, drift.warns) == (passed, True)
    assert drift.figures == {"rows": rows, "rows_the_day_before": 4}
    assert len(source.kept(THINGS)) == 4 + rows


def test_the_first_day_has_nothing_to_differ_from(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    assert outcome(source.publish(derived(things), DAYS[0]), "row_count_drift").passed


def test_every_day_of_a_long_run_is_compared_with_the_one_before(source: Toy) -> None:
    for day, rows in zip(DAYS, (4, 4, 1, 1, 4, 4, 4), strict=True):
        source.says(day, *[notice(n + 1) for n in range(rows)])
    drift = outcome(source.publish(derived(things), *DAYS), "row_count_drift")
    assert drift.sentence == "2026-03-03: 1 rows after 4 the day before; 2026-03-05: 4 rows after 1 the day before"


def test_a_field_the_shape_does_not_know_warns_and_is_published(source: Toy) -> None:
    source.says(DAYS[0], notice(1) | {"colour": "red"}, notice(2))
    unknown = outcome(source.publish(derived(things, shape=Notice), DAYS[0]), "unknown_fields")
    assert (unknown.passed, unknown.warns) == (False, True)
    assert unknown.sentence == "fields that Notice does not know: colour"
    assert len(source.kept(THINGS)) == 2


def test_a_dimension_that_shrinks_much_warns_and_is_published(source: Toy) -> None:
    source.says(DAYS[0], *[notice(n + 1) for n in range(4)])
    source.run(DAYS[0])
    source.says(DAYS[0], notice(1), notice(2))
    source.publish(derived(things), DAYS[0])
    drift = outcome(source.publish(derived(dim_thing), DAYS[0]), "row_count_drift")
    assert (drift.passed, drift.warns, drift.figures) == (False, True, {"before": 4, "lost": 2})
    assert [row[0] for row in source.kept(DIM_THING)] == [1, 2]


@pytest.mark.parametrize(
    ("function", "changes", "names"),
    [
        (things, {}, ["contract", "grain", "accounting", "row_count_drift"]),
        (things, {"shape": Notice}, ["contract", "grain", "accounting", "row_count_drift", "unknown_fields"]),
        (things, {"contract": replace(THINGS, drift_limit=None)}, ["contract", "grain", "accounting"]),
        (fact_size, {}, ["contract", "grain", "referential_integrity", "row_count_drift"]),
    ],
)
def test_every_check_a_table_names_has_an_outcome(
    source: Toy, function: Any, changes: dict[str, Any], names: list[str]
) -> None:
    source.says(DAYS[0], notice(1))
    source.run(DAYS[0])
    table = derived(function, **changes)
    assert list(table.checks) == names
    assert [o.check for o in source.publish(table, DAYS[0]).outcomes] == names


# -- taking back -------------------------------------------------------------------------------------------------------


def test_a_row_quarantined_later_gives_way_to_the_observation_before_it(source: Toy) -> None:
    source.says(DAYS[0], notice(1, "old", 1, [7]), notice(2, "other", 1, [7]))
    source.says(DAYS[1], notice(1, "new", 2, [8]))
    source.run(*DAYS[:2])
    assert source.kept(DIM_THING)[0] == (1, "new", 2, DAYS[1])
    source.says(DAYS[1], notice(1, "", 2, [8]))
    source.run(DAYS[1])
    assert source.kept(DIM_THING) == [(1, "old", 1, DAYS[0]), (2, "other", 1, DAYS[0])]
    assert source.kept(BRIDGE) == [(1, 7, DAYS[0]), (2, 7, DAYS[0])]
    assert source.kept(DIM_PART) == [(7, DAYS[0])]
    assert source.rejected() == [(DAYS[1], "toy/clean/things", "name = : must not be blank")]


def test_a_row_quarantined_later_and_known_nowhere_else_disappears(source: Toy) -> None:
    source.says(DAYS[0], notice(1, parts=[7]), notice(2, parts=[8]))
    source.run(DAYS[0])
    source.says(DAYS[0], notice(1, " ", parts=[7]), notice(2, parts=[8]))
    source.run(DAYS[0])
    assert source.kept(DIM_THING) == [(2, "a", 1, DAYS[0])]
    assert source.kept(BRIDGE) == [(2, 8, DAYS[0])]


def test_a_rule_that_is_relaxed_lets_the_rows_out_of_quarantine(source: Toy) -> None:
    source.says(DAYS[0], notice(1, size=-2), notice(2))
    source.says(DAYS[1], notice(3, size=-3))
    source.publish(derived(things), *DAYS[:2])
    assert len(source.rejected()) == 2
    relaxed = replace(THINGS, columns={**THINGS.columns, "size": col(pl.Int64, "Size.", nullable=True)})
    source.publish(derived(things, contract=relaxed), *DAYS[:2])
    assert source.rejected() == []
    assert [row[1] for row in source.kept(THINGS)] == [1, 2, 3]


def test_a_value_set_aside_leaves_its_row_and_comes_back_when_its_rule_is_relaxed(source: Toy) -> None:
    source.says(DAYS[0], notice(1, size=-2, parts=[7]), notice(2))
    source.says(DAYS[1], notice(1, size=3, parts=[7]))
    source.run(*DAYS[:2])
    assert [(row[0], row[1], row[3]) for row in source.kept(THINGS)] == [
        (DAYS[0], 1, None), (DAYS[0], 2, 1), (DAYS[1], 1, 3),
    ]  # fmt: skip
    assert source.kept(DIM_THING) == [(1, "a", 3, DAYS[1]), (2, "a", 1, DAYS[0])]
    entry = source.store.scan(quarantine_contract("toy")).collect().row(0, named=True)
    said = {"column_name": "size", "value": "-2", "rule": "size must be at least 0", "origin": "toy/clean/things"}
    assert entry.items() >= said.items()
    assert json.loads(entry["payload"])["id"] == 1
    assert "received 3, kept 3, quarantined 0, duplicates 0; 1 values set aside alone" in "\n".join(source.lines)
    relaxed = replace(THINGS, columns={**THINGS.columns, "size": col(pl.Int64, "Size.", nullable=True)})
    source.publish(derived(things, contract=relaxed), *DAYS[:2])
    assert source.rejected() == []
    assert source.kept(THINGS)[0][3] == -2


def test_a_lake_whose_quarantine_knows_no_values_yet_goes_on(source: Toy) -> None:
    now = quarantine_contract("toy")
    before = replace(now, columns={n: c for n, c in now.columns.items() if n not in {"column_name", "value"}})
    rows = [(day, THINGS.path, 0, "size must be 1", "size = 9: must be 1", "{}", None) for day in DAYS[:2]]
    source.store.replace(before, pl.DataFrame(rows, schema=before.schema, orient="row"), DAYS[:2], {})
    source.says(DAYS[1], notice(1, size=-2), notice(0))
    source.publish(derived(things), DAYS[1])
    told = source.store.scan(now).sort("date_id", "row_number").collect()
    assert told.select("date_id", "row_number", "reason", "column_name", "value").rows() == [
        (DAYS[0], 0, "size = 9: must be 1", None, None),
        (DAYS[1], 1, "thing_id = 0: must be at least 1", None, None),
        (DAYS[1], 2, "size = -2: must be at least 0", "size", "-2"),
    ]
    assert told.schema == now.schema


def test_a_column_that_most_rows_lose_is_a_type_that_has_flipped(source: Toy) -> None:
    source.says(DAYS[0], *[notice(n, size=-1 if n <= 50 else 1) for n in range(1, 101)])
    source.publish(derived(things), DAYS[0])
    assert len(source.kept(THINGS)) == 100, "half of the rows may lose it"
    source.says(DAYS[1], *[notice(n, size=-1 if n <= 51 else 1) for n in range(1, 101)])
    error = blocked(source, derived(things), DAYS[1])
    assert "51 values of 100 rows are set aside alone, most often: size must be at least 0" in str(error)
    assert error.check == "contract"
    assert {day for day, *_ in source.rejected()} == {DAYS[0]}, "nothing of the day is visible"


def test_rows_set_aside_and_rows_that_lost_a_value_count_together(source: Toy) -> None:
    source.says(DAYS[0], *[notice(n, " " if n <= 30 else "a", -1 if 30 < n <= 51 else 1) for n in range(1, 101)])
    error = blocked(source, derived(things), DAYS[0])
    assert "30 of 100 rows break it and 21 values of 100 rows are set aside alone" in str(error)


def test_a_view_is_our_own_arithmetic_and_sets_no_value_aside(source: Toy) -> None:
    whole = replace(FACT, kept=Whole(), references={})
    source.says(DAYS[0], notice(1, size=1))
    source.publish(derived(things), DAYS[0])
    wrong = derived(
        fact_size, contract=whole, build=lambda things: fact_size(things).with_columns(size=pl.lit(-1, dtype=pl.Int64))
    )
    assert blocked(source, wrong).check == "contract"


def test_a_rule_that_is_tightened_moves_rows_into_quarantine_day_by_day(source: Toy) -> None:
    for day in DAYS[:2]:
        source.says(day, notice(1, size=5), notice(2, size=50))
    source.publish(derived(things), *DAYS[:2])
    tight = replace(THINGS, columns={**THINGS.columns, "size": col(pl.Int64, "Size.", ge(10), nullable=True)})
    source.publish(derived(things, contract=tight), DAYS[0])
    assert source.rejected() == [(DAYS[0], "toy/clean/things", "size = 5: must be at least 10")]
    assert [(*row[:2], row[3]) for row in source.kept(THINGS)] == [
        (DAYS[0], 1, None), (DAYS[0], 2, 50), (DAYS[1], 1, 5), (DAYS[1], 2, 50),
    ]  # fmt: skip


def test_quarantine_of_a_dimension_belongs_to_the_day_of_the_row(source: Toy) -> None:
    tight = replace(DIM_PART, columns={**DIM_PART.columns, "part_id": col(pl.Int64, "Part.", ge(5))})
    source.says(DAYS[0], notice(1, parts=[1, 9]))
    source.says(DAYS[1], notice(1, parts=[2, 9]))
    source.run(*DAYS[:2])
    source.publish(derived(dim_part, contract=tight), *DAYS[:2])
    assert [row[:2] for row in source.rejected()] == [(day, "toy/star/dim_part") for day in DAYS[:2]]
    source.publish(derived(dim_part), *DAYS[:2])
    assert source.rejected() == []


def test_rows_of_another_day_that_take_a_place_are_set_aside_on_their_own(source: Toy) -> None:
    tight = replace(DIM_PART, columns={**DIM_PART.columns, "observed_on": col(pl.Date, "Day.", SINCE_THE_SECOND)})
    source.says(DAYS[0], notice(1, parts=[7]))
    source.says(DAYS[1], notice(1, parts=[7]))
    for day in DAYS[:2]:
        source.publish(derived(things), day)
        source.publish(derived(dim_part, contract=tight), day)
    aside = source.rejected()
    assert [row[:2] for row in aside] == [(DAYS[0], "toy/star/dim_part")]
    source.says(DAYS[1], notice(1, parts=[]))
    source.publish(derived(things), DAYS[1])
    source.publish(derived(dim_part, contract=tight), DAYS[1])
    assert (source.kept(DIM_PART), source.rejected()) == ([], aside)


def test_what_is_rebuilt_from_other_days_is_built_batch_by_batch(source: Toy) -> None:
    heights = []

    def counted(things: pl.LazyFrame) -> pl.DataFrame:
        heights.append(things.select(pl.len()).collect().item())
        return dim_part(things)

    for n, day in enumerate(DAYS):
        source.says(day, notice(1, parts=[1, n + 2]), notice(2))
    source.run(*DAYS)
    source.says(DAYS[6], notice(1, parts=[8]), notice(2))
    source.publish(derived(things), DAYS[6])
    source.store.bytes_per_batch = 1
    source.publish(derived(dim_part, build=counted), DAYS[6])
    assert heights == [2] * (1 + len(DAYS)), "its own day, then each day by itself"
    assert source.kept(DIM_PART) == [(1, DAYS[5]), *[(n + 2, DAYS[n]) for n in range(7)]]


# -- raw past its retention --------------------------------------------------------------------------------------------


def expire(source: Toy, *days: dt.date) -> None:
    """The days' raw rows go as the upkeep takes them; the ledger stays."""
    for day in days:
        rows = source.store.partition_rows(NOTICES)[day]
        told = Entry("notices", REAL, NOON, is_complete=True, is_finished=True, table_name=NOTICES.path)
        Ledger(source.store, "toy").write(day, [replace(told, received_rows=rows, duplicate_rows=0)], {})
        source.store.replace(NOTICES, NOTICES.empty(), [day], {})


def test_a_day_whose_raw_rows_have_expired_stays_as_it_is(source: Toy) -> None:
    for day in DAYS[:3]:
        source.says(day, notice(1, f"on {day}", parts=[day.day]), notice(0))
    source.run(*DAYS[:3])
    before = state(source)
    assert len(source.rejected()) == 3
    expire(source, DAYS[0], DAYS[1])
    source.run(DAYS[0])
    source.run(*DAYS[:3])
    assert state(source) == before
    done = source.publish(derived(things), DAYS[0])
    assert (done.commits, {o.check for o in done.outcomes}) == ([], set(derived(things).checks))
    assert any("2026-03-01: its raw rows are past their retention" in line for line in source.lines)


def test_a_day_that_raw_says_nothing_about_for_another_reason_is_built(source: Toy) -> None:
    source.says(DAYS[0], notice(1))
    source.run(DAYS[0])
    source.says(DAYS[0])
    source.run(DAYS[0])
    assert source.kept(THINGS) == []


def changes(notices: pl.LazyFrame, all_notices: pl.LazyFrame) -> pl.DataFrame:
    days = all_notices.select(pl.col("date_id").unique().sort()).with_columns(compared_with=pl.col("date_id").shift(1))
    return days.join(notices, on="date_id", how="semi").collect()


def test_a_day_compared_with_one_whose_raw_rows_have_expired_stays_as_it_is(source: Toy) -> None:
    compared = toy("clean", "changes", ("date_id",), {**DAY, "compared_with": col(pl.Date, "Day before.",
    nullable=True)},
                   kept=ByDay("date_id"))  # fmt: skip
    table = DerivedTable(compared, by_name(changes, TABLES), follows=NOTICES, compared=compared)
    for day in DAYS[:3]:
        source.says(day, notice(1))
    source.publish(table, *DAYS[:3])
    before = source.kept(compared)
    assert before == [(DAYS[0], None), (DAYS[1], DAYS[0]), (DAYS[2], DAYS[1])]
    expire(source, DAYS[0])
    source.publish(table, DAYS[0])
    source.publish(table, DAYS[1])
    source.publish(table, *DAYS[:3])
    assert source.kept(compared) == before
    source.says(DAYS[3], notice(1))
    source.publish(table, DAYS[3])
    assert source.kept(compared) == [*before, (DAYS[3], DAYS[2])]


class Unsettled:
    """A table of which some days do not tell all that stood on them."""

    def __init__(self, *days: dt.date, follows: Contract | None = NOTICES) -> None:
        self.days, self.follows = days, follows

    def is_unsettled(self, store: DeltaStore, day: dt.date) -> bool:
        return day in self.days


@pytest.mark.parametrize(
    ("table", "days", "wanted"),
    [
        (Unsettled(), [0], [0, 1]),
        (Unsettled(), [1], [1, 3]),
        (Unsettled(), [3], [3]),
        (Unsettled(), [2], [2, 3]),
        (Unsettled(), [0, 1], [0, 1, 3]),
        (Unsettled(DAYS[1]), [0], [0, 1, 3]),
        (Unsettled(DAYS[0]), [0], [0, 1]),
        (Unsettled(DAYS[1], DAYS[3]), [0], [0, 1, 3]),
        (Unsettled(follows=None), [0], [0]),
    ],
)
def test_a_table_that_follows_another_is_built_for_the_kept_days_after_too(
    source: Toy, table: Any, days: list[int], wanted: list[int]
) -> None:
    for kept_day in (DAYS[0], DAYS[1], DAYS[3]):
        source.says(kept_day, notice(1))
    asked = [DAYS[n] for n in days]
    assert publishing_module._and_those_after(table, source.store, asked) == [DAYS[n] for n in wanted]


def test_a_member_that_its_dimension_lacks_blocks_a_bridge(source: Toy) -> None:
    source.says(DAYS[0], notice(1, parts=[1]))
    source.run(DAYS[0])
    source.says(DAYS[1], notice(1, parts=[1, 7]))
    for function in (things, dim_thing):
        source.publish(derived(function), DAYS[1])
    error = blocked(source, derived(bridge_thing_part), DAYS[1])
    assert error.check == "referential_integrity"
    assert error.figures == {"thing_id not in dim_thing": 0, "part_id not in dim_part": 1}
    assert "1 rows refer to a part_id that toy/star/dim_part lacks, e.g. 7" in str(error)


# -- the order of days -------------------------------------------------------------------------------------------------

SAID = st.lists(
    st.builds(
        notice,
        st.integers(1, 3),
        st.sampled_from("abc"),
        st.none() | st.integers(-1, 2),
        st.sets(st.integers(1, 3), max_size=2),
    ),
    max_size=3,
)


def state(source: Toy) -> list[list[tuple[Any, ...]]]:
    return [source.kept(c) for c in (THINGS, DIM_THING, DIM_PART, BRIDGE, FACT)] + [source.rejected()]


def in_runs(order: Sequence[dt.date], cuts: Collection[int]) -> list[list[dt.date]]:
    edges = [0, *sorted(c for c in set(cuts) if 0 < c < len(order)), len(order)]
    return [sorted(set(order[a:b])) for a, b in pairwise(edges)]


@given(st.dictionaries(st.sampled_from(DAYS[:4]), SAID, min_size=1, max_size=4), st.data())
@examples(3)
def test_days_in_any_order_and_grouping_give_the_same_tables(
    fresh_lake: Callable[[], DeltaStore], said: dict[dt.date, list[dict[str, Any]]], data: st.DataObject
) -> None:
    at_once, one_by_one = Toy(fresh_lake()), Toy(fresh_lake())
    for source in (at_once, one_by_one):
        for day, notices in said.items():
            source.says(day, *notices)
    at_once.run(*sorted(said))
    order = data.draw(st.permutations(sorted(said)))
    order += data.draw(st.lists(st.sampled_from(order), max_size=1))
    for days in in_runs(order, data.draw(st.sets(st.integers(1, 4)))):
        one_by_one.run(*days)
    assert state(one_by_one) == state(at_once)
