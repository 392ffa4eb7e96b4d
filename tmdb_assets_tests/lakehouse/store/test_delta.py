"""The lake: what one commit replaces, what a merge leaves alone, what two writers do to each other, what upkeep
removes."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake.exceptions import CommitFailedError
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import ByDay, Contract, FewADay, Owned, Whole, col
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.store import DeltaStore, delta, ranges, retention
from tmdb_assets.lakehouse.store.delta import CHECKPOINT_EVERY, FILES_AT_MOST, OvertakenError
from tmdb_assets.lakehouse.store.root import LakeError
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.lakehouse.store.object_store import object_store

DAYS = [dt.date(2026, 3, n) for n in range(1, 11)]
INT, DATE, TEXT = pl.Int64, pl.Date, pl.String

COUNTS = Contract(
    "toy",
    "clean",
    "counts",
    "Counts of a day.",
    grain=("date_id", "item"),
    kept=ByDay("date_id"),
    columns={"date_id": col(DATE, "Day."), "item": col(TEXT, "Item."), "n": col(INT, "Count.", nullable=True)},
)
SMALL = replace(COUNTS, name="small_counts", kept=FewADay("date_id"))
THINGS = Contract(
    "toy",
    "star",
    "things",
    "Things in their last known state.",
    grain=("thing_id",),
    kept=Owned(("thing_id",), ("seen_on", "listed_on")),
    columns={
        "thing_id": col(INT, "Thing."),
        "name": col(TEXT, "Name.", nullable=True),
        "seen_on": col(DATE, "Seen.", nullable=True),
        "listed_on": col(DATE, "Listed.", nullable=True),
    },
)
PARTS = Contract(
    "toy",
    "star",
    "parts",
    "Parts of each thing.",
    grain=("thing_id", "part_id"),
    kept=Owned(("thing_id",), ("seen_on",)),
    columns={
        "thing_id": col(INT, "Thing."),
        "part_id": col(INT, "Part."),
        "role": col(TEXT, "Role.", nullable=True),
        "seen_on": col(DATE, "Seen."),
    },
)


def rows(contract: Contract, *values: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(values), schema=contract.schema, orient="row")


def retracted(contract: Contract, owner: int, *order: dt.date | None) -> pl.DataFrame:
    names = [*contract.owner, *contract.order]
    return pl.DataFrame([(owner, *order)], schema={n: contract.schema[n] for n in names}, orient="row")


def kept(store: DeltaStore, contract: Contract, **how: Any) -> list[tuple[Any, ...]]:
    return store.scan(contract, **how).collect().sort(contract.grain).rows()


# -- partitions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", [COUNTS, SMALL], ids=["a folder a day", "one folder"])
class TestPartitions:
    def test_a_table_never_written_reads_as_empty(self, lake: DeltaStore, contract: Contract) -> None:
        assert lake.scan(contract).collect().equals(contract.empty())
        assert (lake.version(contract), lake.partition_rows(contract), lake.history(contract)) == (None, {}, [])

    def test_exactly_the_named_days_are_replaced_in_one_commit(self, lake: DeltaStore, contract: Contract) -> None:
        lake.replace(contract, rows(contract, *[(d, "a", 1) for d in DAYS[:4]]), DAYS[:4], {})
        new = rows(contract, (DAYS[1], "b", 2), (DAYS[1], "c", 3))
        commit = lake.replace(contract, new, DAYS[1:3], {})
        assert commit.version == lake.version(contract) == 2
        assert kept(lake, contract) == [
            (DAYS[0], "a", 1),
            (DAYS[1], "b", 2),
            (DAYS[1], "c", 3),
            (DAYS[3], "a", 1),
        ]
        assert lake.partition_rows(contract) == {DAYS[0]: 1, DAYS[1]: 2, DAYS[3]: 1}

    def test_days_that_do_not_touch_each_other_leave_what_lies_between(
        self, lake: DeltaStore, contract: Contract
    ) -> None:
        lake.replace(contract, rows(contract, *[(d, "a", 1) for d in DAYS[:5]]), DAYS[:5], {})
        lake.replace(contract, contract.empty(), [DAYS[4], DAYS[0]], {})
        assert [day for day, *_ in kept(lake, contract)] == DAYS[1:4]

    def test_a_row_outside_of_the_days_is_refused_and_nothing_is_written(
        self, lake: DeltaStore, contract: Contract
    ) -> None:
        lake.replace(contract, rows(contract, (DAYS[0], "a", 1)), DAYS[:1], {})
        with pytest.raises(LakeError, match=r"toy/clean/\w+: 1 rows \(date_id 2026-03-02\) lie outside"):
            lake.replace(contract, rows(contract, (DAYS[0], "b", 1), (DAYS[1], "b", 1)), DAYS[:1], {})
        assert kept(lake, contract) == [(DAYS[0], "a", 1)]
        assert lake.version(contract) == 1

    def test_a_row_without_a_day_is_refused(self, lake: DeltaStore, contract: Contract) -> None:
        with pytest.raises(LakeError, match="lie outside"):
            lake.replace(contract, rows(contract, (None, "a", 1)), DAYS[:1], {})

    def test_no_days_replace_nothing(self, lake: DeltaStore, contract: Contract) -> None:
        lake.replace(contract, rows(contract, (DAYS[0], "a", 1)), DAYS[:1], {})
        lake.replace(contract, contract.empty(), [], {})
        assert kept(lake, contract) == [(DAYS[0], "a", 1)]

    def test_where_replaces_only_that_part_of_the_days(self, lake: DeltaStore, contract: Contract) -> None:
        quote = "d'or"
        start = [(d, item, 1) for d in DAYS[:2] for item in ("a", quote)]
        lake.replace(contract, rows(contract, *start), DAYS[:2], {})
        lake.replace(contract, rows(contract, (DAYS[0], quote, 2)), DAYS[:1], {}, {"item": quote})
        assert kept(lake, contract) == [(DAYS[0], "a", 1), (DAYS[0], quote, 2), (DAYS[1], "a", 1), (DAYS[1], quote, 1)]
        lake.replace(contract, contract.empty(), DAYS[:1], {}, {"item": "a"})
        assert kept(lake, contract, days=DAYS[:1]) == [(DAYS[0], quote, 2)]

    def test_where_refuses_rows_of_another_part(self, lake: DeltaStore, contract: Contract) -> None:
        with pytest.raises(LakeError, match="lie outside"):
            lake.replace(contract, rows(contract, (DAYS[0], "b", 1)), DAYS[:1], {}, {"item": "a"})

    def test_appending_leaves_what_is_there(self, lake: DeltaStore, contract: Contract) -> None:
        lake.append(contract, rows(contract, (DAYS[0], "a", 1)), {})
        lake.append(contract, rows(contract, (DAYS[0], "b", 1), (DAYS[1], "a", None)), {})
        assert len(kept(lake, contract)) == 3
        assert kept(lake, contract, days=DAYS[1:]) == [(DAYS[1], "a", None)]

    def test_scanning_some_days_reads_those_alone(self, lake: DeltaStore, contract: Contract) -> None:
        lake.replace(contract, rows(contract, *[(d, "a", 1) for d in DAYS]), DAYS, {})
        assert [day for day, *_ in kept(lake, contract, days=[DAYS[7], DAYS[2]])] == [DAYS[2], DAYS[7]]
        assert kept(lake, contract, days=[]) == []


def test_the_commit_says_what_it_added_and_removed(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, *[(DAYS[0], str(n), n) for n in range(7)]), DAYS[:1], {})
    commit = lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1), (DAYS[0], "b", 1)), DAYS[:1], {})
    assert (commit.rows_added, commit.rows_removed, commit.changed) == (2, 7, True)
    on_disk = [f.stat().st_size for f in (Path(lake.uri(COUNTS)) / f"date_id={DAYS[0]}").glob("*.parquet")]
    assert commit.bytes_added in on_disk


def test_a_small_table_has_few_files_however_many_days_it_has_and_the_same_rows_cost_nothing(lake: DeltaStore) -> None:
    for n, day in enumerate(reversed(DAYS)):
        commit = lake.replace(SMALL, rows(SMALL, (day, "a", n)), [day], {})
        assert len(lake.files(SMALL)) <= FILES_AT_MOST
        assert (commit.rows_added - commit.rows_removed, commit.rows_added) == (
            1,
            FILES_AT_MOST + 1 if n == FILES_AT_MOST else 1,
        )
    assert [day for day, *_ in kept(lake, SMALL)] == DAYS
    again = lake.replace(SMALL, rows(SMALL, (DAYS[0], "a", len(DAYS) - 1)), DAYS[:1], {})
    assert (again.changed, again.version) == (False, len(DAYS))
    lake.replace(SMALL, rows(SMALL, (DAYS[3], "b", 9)), [DAYS[3]], {})
    assert lake.files(SMALL).get_column("num_records").to_list() == [len(DAYS)]
    assert {day: item for day, item, _ in kept(lake, SMALL)}[DAYS[3]] == "b"


def test_some_days_among_many_are_read_from_their_own_files_alone(lake: DeltaStore) -> None:
    for n, day in enumerate(DAYS):
        lake.replace(COUNTS, rows(COUNTS, (day, "a", n), (day, "b", None)), [day], {})
    some = lake.scan(COUNTS, [DAYS[6], DAYS[1]])
    lake.replace(COUNTS, COUNTS.empty(), DAYS, {})
    assert some.sort("date_id", "item").collect().rows() == [
        (DAYS[1], "a", 1), (DAYS[1], "b", None), (DAYS[6], "a", 6), (DAYS[6], "b", None)
    ]  # fmt: skip
    assert some.filter(pl.col("n") > 1).collect().rows() == [(DAYS[6], "a", 6)]
    assert lake.scan(COUNTS, [dt.date(1999, 1, 1)]).collect().equals(COUNTS.empty())


def test_the_largest_value_is_said_by_the_log_or_not_at_all(lake: DeltaStore) -> None:
    assert lake.largest(THINGS, "seen_on") is None
    lake.append(THINGS, rows(THINGS, (1, "a", DAYS[2], None), (2, "b", None, None)), {})
    lake.append(THINGS, rows(THINGS, (3, "c", DAYS[1], DAYS[5])), {})
    assert lake.largest(THINGS, "seen_on") == DAYS[2]
    assert lake.largest(THINGS, "listed_on") is None, "one file has none"


def test_a_commit_carries_its_metadata(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {"run_id": "r1", "partitions": "2026-03-01"})
    lake.merge(PARTS, rows(PARTS, (1, 1, None, DAYS[0])), {"run_id": "r2"})
    newest = lake.history(COUNTS)[0]
    assert (newest["run_id"], newest["partitions"]) == ("r1", "2026-03-01")
    assert lake.history(PARTS, limit=1)[0]["run_id"] == "r2"


def test_replacing_partitions_of_an_owned_table_is_refused(lake: DeltaStore) -> None:
    with pytest.raises(LakeError, match="toy/star/things has no partitions to replace: merge it"):
        lake.replace(THINGS, THINGS.empty(), DAYS, {})


def test_a_column_added_to_the_contract_reads_as_null_and_can_be_written(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    wider = replace(COUNTS, columns={**COUNTS.columns, "note": col(TEXT, "Note.", nullable=True)})
    assert kept(lake, wider) == [(DAYS[0], "a", 1, None)]
    lake.replace(wider, rows(wider, (DAYS[1], "a", 1, "new")), DAYS[1:2], {})
    assert kept(lake, wider) == [(DAYS[0], "a", 1, None), (DAYS[1], "a", 1, "new")]
    assert kept(lake, COUNTS) == [(DAYS[0], "a", 1), (DAYS[1], "a", 1)]


def test_a_type_that_changed_is_refused_with_what_to_do(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    flipped = replace(COUNTS, columns={**COUNTS.columns, "n": col(pl.Int32, "Count.", nullable=True)})
    with pytest.raises(LakeError) as raised:
        lake.replace(flipped, rows(flipped, (DAYS[0], "a", 2)), DAYS[:1], {})
    assert "toy/clean/counts, column n: the table holds" in str(raised.value)
    assert "Rebuild the table from raw" in str(raised.value)
    assert kept(lake, COUNTS) == [(DAYS[0], "a", 1)]


# -- versions ----------------------------------------------------------------------------------------------------------


def test_any_version_can_be_read_by_number_and_by_instant(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    time.sleep(0.05)  # a commit's instant is that of its file, a little after the one written in it
    between = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 2)), DAYS[:1], {})
    assert [kept(lake, COUNTS, version=v) for v in (0, 1, 2)] == [[], [(DAYS[0], "a", 1)], [(DAYS[0], "a", 2)]]
    assert kept(lake, COUNTS, version=between) == [(DAYS[0], "a", 1)]
    assert kept(lake, COUNTS, version=dt.datetime(2999, 1, 1, tzinfo=dt.UTC)) == [(DAYS[0], "a", 2)]


def test_a_scan_stays_at_its_version_while_the_table_moves_on(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    pinned = lake.scan(COUNTS)
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 2)), DAYS[:1], {})
    assert pinned.collect()["n"].to_list() == [1]


def test_a_version_that_never_was_is_named(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    with pytest.raises(LakeError, match="toy/clean/counts has no version 99"):
        lake.scan(COUNTS, version=99)


def test_an_instant_before_the_table_is_refused(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    with pytest.raises(LakeError, match="toy/clean/counts has no version 2001-01-01"):
        lake.scan(COUNTS, version=dt.datetime(2001, 1, 1, tzinfo=dt.UTC))


def test_a_long_history_is_checkpointed(lake: DeltaStore) -> None:
    for n in range(CHECKPOINT_EVERY + 1):
        lake.append(SMALL, rows(SMALL, (DAYS[0], str(n), n)), {})
    assert list((Path(lake.uri(SMALL)) / "_delta_log").glob("*.checkpoint.parquet"))
    assert len(kept(lake, SMALL)) == CHECKPOINT_EVERY + 1


# -- merging -----------------------------------------------------------------------------------------------------------


def test_a_newer_observation_replaces_and_an_older_one_does_not(lake: DeltaStore) -> None:
    lake.merge(THINGS, rows(THINGS, (1, "b", DAYS[2], None)), {})
    lake.merge(THINGS, rows(THINGS, (1, "a", DAYS[1], None), (2, "x", DAYS[1], None)), {})
    assert kept(lake, THINGS) == [(1, "b", DAYS[2], None), (2, "x", DAYS[1], None)]
    lake.merge(THINGS, rows(THINGS, (1, "c", DAYS[3], None)), {})
    assert kept(lake, THINGS)[0] == (1, "c", DAYS[3], None)


def test_an_observation_of_the_same_day_replaces(lake: DeltaStore) -> None:
    lake.merge(THINGS, rows(THINGS, (1, "a", DAYS[2], None)), {})
    lake.merge(THINGS, rows(THINGS, (1, "b", DAYS[2], None)), {})
    assert kept(lake, THINGS) == [(1, "b", DAYS[2], None)]


@pytest.mark.parametrize(
    ("there", "offered", "wins"),
    [
        ((DAYS[1], None), (None, DAYS[5]), False),
        ((None, DAYS[5]), (DAYS[1], None), True),
        ((None, DAYS[5]), (None, DAYS[4]), False),
        ((None, DAYS[4]), (None, DAYS[5]), True),
        ((None, None), (None, DAYS[5]), True),
        ((None, DAYS[5]), (None, None), False),
        ((None, None), (None, None), True),
        ((DAYS[1], DAYS[5]), (DAYS[1], None), False),
        ((DAYS[1], DAYS[5]), (DAYS[2], None), True),
    ],
)
def test_order_columns_compare_left_to_right_and_null_is_oldest(
    lake: DeltaStore, there: tuple[Any, Any], offered: tuple[Any, Any], wins: bool
) -> None:
    lake.merge(THINGS, rows(THINGS, (1, "there", *there)), {})
    lake.merge(THINGS, rows(THINGS, (1, "offered", *offered)), {})
    assert kept(lake, THINGS)[0][1] == ("offered" if wins else "there")


def test_the_members_of_an_owner_are_replaced_as_a_set(lake: DeltaStore) -> None:
    lake.merge(PARTS, rows(PARTS, *[(t, p, "x", DAYS[0]) for t in (1, 2) for p in (1, 2, 3)]), {})
    commit = lake.merge(PARTS, rows(PARTS, (1, 2, "y", DAYS[1]), (1, 9, "x", DAYS[1])), {})
    assert [r[:3] for r in kept(lake, PARTS)] == [(1, 2, "y"), (1, 9, "x"), (2, 1, "x"), (2, 2, "x"), (2, 3, "x")]
    assert commit.changed


def marker(thing_id: int, seen_on: dt.date) -> pl.DataFrame:
    return rows(PARTS, (thing_id, None, None, seen_on))


def test_a_row_without_a_member_empties_its_owner(lake: DeltaStore) -> None:
    lake.merge(PARTS, rows(PARTS, (1, 1, "x", DAYS[0]), (2, 1, "x", DAYS[0])), {})
    lake.merge(PARTS, marker(1, DAYS[1]), {})
    assert kept(lake, PARTS) == [(2, 1, "x", DAYS[0])]


def test_an_older_row_without_a_member_leaves_newer_members_alone(lake: DeltaStore) -> None:
    lake.merge(PARTS, rows(PARTS, (1, 1, "x", DAYS[5])), {})
    lake.merge(PARTS, marker(1, DAYS[2]), {})
    assert kept(lake, PARTS) == [(1, 1, "x", DAYS[5])]


def test_unchanged_rows_make_no_commit(lake: DeltaStore) -> None:
    state = rows(PARTS, (1, 1, "x", DAYS[0]), (1, 2, None, DAYS[0]))
    first = lake.merge(PARTS, state, {})
    again = lake.merge(PARTS, state.reverse(), {})
    assert (again.version, again.changed, again.rows_added, again.bytes_added) == (first.version, False, 0, 0)
    assert not lake.merge(PARTS, PARTS.empty(), {}).changed
    assert not lake.merge(PARTS, marker(7, DAYS[0]), {}).changed


def test_what_was_retracted_gives_way_to_older_rows(lake: DeltaStore) -> None:
    lake.merge(PARTS, rows(PARTS, (1, 5, "new", DAYS[5]), (2, 5, "new", DAYS[5])), {})
    older = rows(PARTS, (1, 1, "old", DAYS[1]), (2, 1, "old", DAYS[1]))
    lake.merge(PARTS, older, {}, retracted=retracted(PARTS, 1, DAYS[5]))
    assert kept(lake, PARTS) == [(1, 1, "old", DAYS[1]), (2, 5, "new", DAYS[5])]


def test_what_was_published_since_it_was_retracted_stays(lake: DeltaStore) -> None:
    lake.merge(PARTS, rows(PARTS, (1, 5, "newest", DAYS[5])), {})
    lake.merge(PARTS, rows(PARTS, (1, 1, "old", DAYS[1])), {}, retracted=retracted(PARTS, 1, DAYS[3]))
    assert kept(lake, PARTS) == [(1, 5, "newest", DAYS[5])]


def test_what_was_published_since_it_was_retracted_stays_though_it_is_known_nowhere_else(lake: DeltaStore) -> None:
    lake.merge(THINGS, rows(THINGS, (2, "b", DAYS[5], None)), {})
    lake.merge(THINGS, THINGS.empty(), {}, retracted=retracted(THINGS, 2, DAYS[3], None))
    assert kept(lake, THINGS) == [(2, "b", DAYS[5], None)]


def test_what_was_retracted_and_is_known_nowhere_disappears(lake: DeltaStore) -> None:
    lake.merge(THINGS, rows(THINGS, (1, "a", DAYS[5], None), (2, "b", DAYS[5], None)), {})
    lake.merge(THINGS, THINGS.empty(), {}, retracted=retracted(THINGS, 2, DAYS[5], None))
    assert kept(lake, THINGS) == [(1, "a", DAYS[5], None)]


OBSERVED = st.dictionaries(
    st.integers(0, 4), st.dictionaries(st.integers(1, 3), st.integers(1, 3), min_size=1), min_size=1, max_size=5
)


@given(OBSERVED, st.data())
@examples(12)
def test_owned_rows_do_not_depend_on_the_order_of_days(
    fresh_lake: Callable[[], DeltaStore], observed: dict[int, dict[int, int]], data: st.DataObject
) -> None:
    store = fresh_lake()
    order = data.draw(st.permutations(list(observed)))
    order += data.draw(st.lists(st.sampled_from(order), max_size=3))
    for n in order:
        store.merge(PARTS, rows(PARTS, *[(t, p, "r", DAYS[n]) for t, p in observed[n].items()]), {})
    last = {thing: (part, DAYS[n]) for n in sorted(observed) for thing, part in observed[n].items()}
    assert kept(store, PARTS) == [(t, part, "r", day) for t, (part, day) in sorted(last.items())]


# -- writers at once ---------------------------------------------------------------------------------------------------


def _write_days_and_owners(root: str, first: int) -> None:
    ranges.ROWS_OF_A_FILE = 4  # in a process of its own
    store = DeltaStore(root)
    for n in range(4):
        day = DAYS[first * 4 + n]
        store.replace(COUNTS, rows(COUNTS, (day, "a", n)), [day], {})
        store.merge(PARTS, rows(PARTS, (first, n, "x", day), (100 + day.day, 1, "x", day)), {})
        store.replace(SMALL, rows(SMALL, (DAYS[0], f"part {first}", n)), DAYS[:1], {}, {"item": f"part {first}"})


def test_two_processes_writing_at_once_lose_nothing(lake: DeltaStore) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_days_and_owners, args=(lake.root, n)) for n in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)
    assert [w.exitcode for w in writers] == [0, 0]
    assert [day for day, *_ in kept(lake, COUNTS)] == DAYS[:8]
    assert kept(lake, PARTS) == [
        (0, 3, "x", DAYS[3]),
        (1, 3, "x", DAYS[7]),
        *[(100 + d.day, 1, "x", d) for d in DAYS[:8]],
    ]
    assert kept(lake, SMALL) == [(DAYS[0], "part 0", 3), (DAYS[0], "part 1", 3)]


def test_a_new_day_that_two_bring_to_a_small_table_at_once_is_kept_once(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither finds the other's rows as it looks, and appending alone would keep both."""
    lake.replace(SMALL, rows(SMALL, (DAYS[0], "a", 1)), DAYS[:1], {})
    other, write, theirs = DeltaStore(lake.root), lake._write, [rows(SMALL, (DAYS[1], "a", 1))]

    def late(*args: Any, **options: Any) -> None:
        while theirs:
            other.replace(SMALL, theirs.pop(), [DAYS[1]], {})
        write(*args, **options)

    monkeypatch.setattr(lake, "_write", late)
    lake.replace(SMALL, rows(SMALL, (DAYS[1], "a", 2)), [DAYS[1]], {})
    assert kept(DeltaStore(lake.root), SMALL) == [(DAYS[0], "a", 1), (DAYS[1], "a", 2)]


WHOLE = replace(COUNTS, name="whole_counts", kept=Whole())
#: Each way to write a table, of the day and the number it is about.
WRITES: dict[str, tuple[Contract, Callable[..., Any]]] = {
    "days in folders": (
        COUNTS,
        lambda store, day, n, **how: store.replace(COUNTS, rows(COUNTS, (day, "a", n)), [day], {}, **how),
    ),
    "days in few files": (
        SMALL,
        lambda store, day, n, **how: store.replace(SMALL, rows(SMALL, (day, "a", n)), [day], {}, **how),
    ),
    "owners": (PARTS, lambda store, day, n, **how: store.merge(PARTS, rows(PARTS, (n, 1, "x", day)), {}, **how)),
    "everything": (WHOLE, lambda store, day, n, **how: store.overwrite(WHOLE, rows(WHOLE, (day, "a", n)), {}, **how)),
}


def meanwhile(store: DeltaStore, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Between what a store has looked up and its commit, something happens, once."""
    left = [happens]

    def late(write: Callable[..., None]) -> Callable[..., None]:
        def written(*args: Any, **options: Any) -> None:
            while left:
                left.pop()()
            write(*args, **options)

        return written

    monkeypatch.setattr(store, "_write", late(store._write))
    monkeypatch.setattr(delta, "commit_swap", late(delta.commit_swap))


def test_a_day_in_few_files_that_is_written_anew_does_not_pass_by_a_new_one(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other commit only adds a file, which Delta alone lets a table that is written anew pass by."""
    _, write = WRITES["days in few files"]
    write(lake, DAYS[0], 1)
    is_current = [True]
    meanwhile(lake, monkeypatch, lambda: (write(DeltaStore(lake.root), DAYS[1], 2), is_current.clear()))
    with pytest.raises(OvertakenError):
        write(lake, DAYS[0], 3, is_current=lambda: bool(is_current))
    assert kept(DeltaStore(lake.root), SMALL) == [(DAYS[0], "a", 1), (DAYS[1], "a", 2)]


def test_the_options_of_a_store_are_those_it_was_given() -> None:
    options = {"AWS_REGION": "eu"}
    assert DeltaStore("s3://bucket/lake", options).storage_options == options
    assert DeltaStore("s3://bucket/lake").storage_options is None


@pytest.mark.parametrize("way", WRITES)
def test_what_another_commit_has_made_stale_is_not_written(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The other commit is of another day or owner, so Delta alone would let both through."""
    contract, write = WRITES[way]
    write(lake, DAYS[0], 1)
    is_current = [True]

    def other_run() -> None:
        write(DeltaStore(lake.root), DAYS[1], 2)
        is_current[0] = False

    meanwhile(lake, monkeypatch, other_run)
    with pytest.raises(OvertakenError, match=f"{contract.path}: another run changed its inputs meanwhile"):
        write(lake, DAYS[2], 3, is_current=lambda: is_current[0])
    assert DeltaStore(lake.root).version(contract) == 2, "the other run's commit is the last"
    write(lake, DAYS[2], 3, is_current=lambda: True)
    assert DeltaStore(lake.root).version(contract) == 3


@pytest.mark.parametrize("way", WRITES)
def test_what_another_commit_has_kept_in_between_stays(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    contract, write = WRITES[way]
    write(lake, DAYS[0], 1)
    meanwhile(lake, monkeypatch, lambda: write(DeltaStore(lake.root), DAYS[1], 2))
    commit = write(lake, DAYS[2], 3)
    expected = 1 if contract is WHOLE else 3
    assert len(kept(DeltaStore(lake.root), contract)) == expected
    assert (commit.version, commit.changed) == (3, True)


def test_content_that_another_brings_in_between_is_kept_once(lake: DeltaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.append_new(WHOLE, rows(WHOLE, (DAYS[0], "a", 1)), {})
    same = rows(WHOLE, (DAYS[1], "b", 2))
    meanwhile(lake, monkeypatch, lambda: DeltaStore(lake.root).append_new(WHOLE, same, {}))
    commit = lake.append_new(WHOLE, pl.concat([same, rows(WHOLE, (DAYS[2], "c", 3))]), {})
    assert kept(DeltaStore(lake.root), WHOLE) == [(DAYS[0], "a", 1), (DAYS[1], "b", 2), (DAYS[2], "c", 3)]
    assert commit.rows_added == 1, "the other's row is not told as ours"


# -- roots -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["", "/deeper/still"])
def test_a_root_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(LakeError) as raised:
        DeltaStore(f"{tmp_path}/taken{below}").refuse_unwritable_root()
    assert str(raised.value).startswith(f"The lake root {tmp_path}/taken{below} cannot be written (")
    assert str(raised.value).endswith("set TMDB_ASSETS_LAKE to a folder or bucket that you may write to.")


def test_a_writable_root_is_made_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    DeltaStore(f"{tmp_path}/new/lake/").refuse_unwritable_root()
    assert list((tmp_path / "new" / "lake").iterdir()) == []


@pytest.mark.parametrize(
    ("root", "local"), [("data/lake", True), ("file:///data/lake", True), ("s3://b/lake", False), ("az://b", False)]
)
def test_which_roots_are_folders_of_this_machine(root: str, local: bool) -> None:
    assert DeltaStore(root).is_local is local


def test_a_root_given_as_a_url_of_this_machine_works(tmp_path: Path) -> None:
    store = DeltaStore(f"file://{tmp_path}/lake")
    store.refuse_unwritable_root()
    store.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    assert kept(DeltaStore(tmp_path / "lake"), COUNTS) == [(DAYS[0], "a", 1)]


def test_a_relative_root_works(lake: DeltaStore) -> None:
    store = DeltaStore("some/lake")
    store.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    assert kept(store, COUNTS) == [(DAYS[0], "a", 1)]


# -- upkeep ------------------------------------------------------------------------------------------------------------


def aged(file: Path, days: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"left behind")
    then = time.time() - days * 86400
    os.utime(file, (then, then))
    return file


def test_upkeep_compacts_small_files_and_loses_no_row(lake: DeltaStore) -> None:
    for n in range(5):
        lake.append(COUNTS, rows(COUNTS, (DAYS[0], str(n), n)), {})
    before = kept(lake, COUNTS)
    assert retention.upkeep(lake, COUNTS)["files_compacted"] == 5
    table = lake.open(COUNTS)
    assert table is not None
    assert len(table.file_uris()) == 1
    assert kept(lake, COUNTS) == before
    assert kept(lake, COUNTS, version=3) == before[:3]


def test_upkeep_removes_old_orphans_and_staging_files_and_spares_young_ones(lake: DeltaStore) -> None:
    lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
    folder = Path(lake.uri(COUNTS)) / f"date_id={DAYS[0]}"
    log = folder.parent / "_delta_log"
    old = [aged(folder / "part-9-killed.parquet", 30), aged(folder / "part-9-killed.parquet#3", 30)]
    old += [aged(log / f"{7:020}.json#1", 30), aged(log / f"{9:020}.checkpoint.parquet#12", 30)]
    young = [aged(folder / "part-8-writing.parquet", 1), aged(folder / "part-8-writing.parquet#1", 1)]
    young += [aged(log / f"{7:020}.json#2", 1)]
    assert retention.upkeep(lake, COUNTS)["files_deleted"] == 4
    assert [f.exists() for f in old + young] == [False] * 4 + [True] * 3
    assert kept(lake, COUNTS) == [(DAYS[0], "a", 1)]


def test_upkeep_at_once_removes_replaced_files(lake: DeltaStore) -> None:
    for n in range(3):
        lake.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", n)), DAYS[:1], {})
    retention.upkeep(lake, COUNTS, keep_hours=0)
    assert len(list(Path(lake.uri(COUNTS)).rglob("*.parquet"))) == 1 + len(
        list((Path(lake.uri(COUNTS)) / "_delta_log").glob("*.parquet"))
    )
    assert kept(lake, COUNTS) == [(DAYS[0], "a", 2)]


def test_upkeep_of_a_table_never_written_does_nothing(lake: DeltaStore) -> None:
    assert retention.upkeep(lake, COUNTS) == {}
    assert retention.expire(lake, COUNTS, DAYS[0], {}) == 0
    assert not Path(lake.uri(COUNTS)).exists()


@pytest.mark.parametrize("contract", [COUNTS, SMALL], ids=["a folder a day", "one folder"])
def test_expiry_deletes_the_days_before_and_no_other(lake: DeltaStore, contract: Contract) -> None:
    lake.replace(contract, rows(contract, *[(d, i, 1) for d in DAYS[:5] for i in "ab"]), DAYS[:5], {})
    assert retention.expire(lake, contract, DAYS[3], {"run_id": "r9"}) == 6
    assert sorted(lake.partition_rows(contract)) == DAYS[3:5]
    assert lake.history(contract)[0]["run_id"] == "r9"
    version = lake.version(contract)
    assert retention.expire(lake, contract, DAYS[3], {}) == 0
    assert lake.version(contract) == version


def test_expiring_columns_are_emptied_while_their_rows_stay(lake: DeltaStore) -> None:
    contract = quarantine_contract("toy")
    there = [
        (day, COUNTS.path, n, "n must be", "n = -1: must be", '{"n":-1}', "raw", None, None)
        for n, day in enumerate(DAYS[:3])
    ]
    lake.replace(contract, rows(contract, *there), DAYS[:3], {})
    assert retention.expire(lake, contract, DAYS[2], {"run_id": "r9"}) == 2
    assert kept(lake, contract) == [(*row[:5], None, *row[6:]) for row in there[:2]] + there[2:]
    assert lake.history(contract)[0]["run_id"] == "r9"
    version = lake.version(contract)
    assert retention.expire(lake, contract, DAYS[2], {}) == 0
    assert lake.version(contract) == version
    assert retention.expire(lake, replace(contract, name="never_written"), DAYS[2], {}) == 0


@pytest.mark.parametrize("how", ["expire", "upkeep"])
def test_upkeep_begins_again_when_a_run_commits_in_between(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    for n in range(3):
        lake.append(COUNTS, rows(COUNTS, (DAYS[0], str(n), n), (DAYS[1], str(n), n)), {})
    other, left, opened = DeltaStore(lake.root), [1, 2], DeltaStore.open

    def overtaken(self: DeltaStore, contract: Contract, version: Any = None) -> Any:
        table = opened(self, contract, version)
        if self is lake and left:
            n = left.pop()
            other.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", n), (DAYS[1], "a", n)), DAYS[:2], {})
        return table

    monkeypatch.setattr(DeltaStore, "open", overtaken)
    if how == "expire":
        assert retention.expire(lake, COUNTS, DAYS[1], {}) == 1
    else:
        assert retention.upkeep(lake, COUNTS)["files_compacted"] == 0
    assert left == []
    assert kept(lake, COUNTS) == [(DAYS[0], "a", 1), (DAYS[1], "a", 1)][how == "expire" :]


# -- object store ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    with object_store("lake") as variables:
        yield variables


@pytest.fixture
def remote(bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DeltaStore:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    return DeltaStore(f"s3://lake/{tmp_path.name}")


def test_a_lake_in_a_bucket_needs_only_the_environment(remote: DeltaStore, tmp_path: Path) -> None:
    remote.refuse_unwritable_root()
    remote.replace(COUNTS, rows(COUNTS, *[(d, "a", 1) for d in DAYS[:3]]), DAYS[:3], {"run_id": "r1"})
    remote.replace(COUNTS, rows(COUNTS, (DAYS[1], "b", 2)), DAYS[1:2], {})
    remote.replace(SMALL, rows(SMALL, (DAYS[0], "a", 1)), DAYS[:1], {}, {"item": "a"})
    remote.merge(PARTS, rows(PARTS, (1, 1, "x", DAYS[2]), (1, 2, "x", DAYS[2])), {})
    remote.merge(PARTS, rows(PARTS, (1, 3, "x", DAYS[3])), {})
    assert kept(remote, COUNTS) == [(DAYS[0], "a", 1), (DAYS[1], "b", 2), (DAYS[2], "a", 1)]
    assert kept(remote, COUNTS, version=1, days=DAYS[1:2]) == [(DAYS[1], "a", 1)]
    assert kept(remote, SMALL) == [(DAYS[0], "a", 1)]
    assert kept(remote, PARTS) == [(1, 3, "x", DAYS[3])]
    assert remote.partition_rows(COUNTS) == dict.fromkeys(DAYS[:3], 1)
    assert remote.history(COUNTS)[1]["run_id"] == "r1"
    assert retention.expire(remote, COUNTS, DAYS[1], {}) == 1
    assert retention.upkeep(remote, COUNTS, keep_hours=0)["files_deleted"] == 2
    assert kept(remote, COUNTS) == [(DAYS[1], "b", 2), (DAYS[2], "a", 1)]
    assert list(tmp_path.iterdir()) == []


def test_two_writers_on_one_version_of_a_table_in_a_bucket_cannot_both_commit(remote: DeltaStore) -> None:
    remote.merge(PARTS, rows(PARTS, (1, 1, "x", DAYS[0])), {})
    first, second = remote.open(PARTS), remote.open(PARTS)
    assert first is not None
    assert second is not None
    remote._rewrite(first, rows(PARTS, (1, 1, "x", DAYS[0]), (2, 1, "x", DAYS[0])), {})
    remote.merge(PARTS, rows(PARTS, (3, 1, "x", DAYS[0])), {})
    with pytest.raises(CommitFailedError):
        remote._rewrite(second, rows(PARTS, (1, 1, "x", DAYS[0]), (4, 1, "x", DAYS[0])), {})
    assert [thing for thing, *_ in kept(remote, PARTS)] == [1, 2, 3]
