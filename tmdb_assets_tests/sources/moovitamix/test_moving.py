"""Lists that move while they are walked: what is there is never taken for gone, and what is gone is told by the first
day that can tell."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import clean, contracts, counting, star
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.moovitamix.lakes import TABLES, contents, day, derive, differing, rows
from tmdb_assets_tests.sources.moovitamix.moving import Move, MovingList, RawTables, Wire, observed, of_tracks

_where = st.integers(0, 30)
_moves = st.lists(
    st.tuples(st.sampled_from(["insert", "delete", "replace", "move", "shuffle", "repeat"]), _where, _where),
    max_size=2,
)
_day = st.lists(_moves, max_size=12)

RECEIVED = {contract.name: count for contract, count in counting.RECEIVED.items()}


def inputs(raw: RawTables, on: dt.date) -> dict[str, pl.LazyFrame]:
    frames = {c.name: raw.scan(c) for c in (contracts.PAGES, contracts.LAYOUTS, contracts.RECORDS)}
    pages = frames["pages"]
    return frames | {"pages": pages.filter(pl.col("date_id") == on), "all_pages": pages}


def told(raw: RawTables, on: dt.date, table: str) -> pl.DataFrame:
    """A clean table of a day, audited and accounted for."""
    audit = Audit.of(TABLES[table], getattr(clean, table)(**inputs(raw, on)))
    assert audit.accounted
    if table in RECEIVED:
        counted = RECEIVED[table](**inputs(raw, on)).collect().get_column("received").sum()
        assert audit.received == counted
    return audit.kept


@examples(6)
@given(st.integers(0, 9), st.integers(1, 5), st.lists(_day, min_size=1, max_size=4))
def test_whatever_a_list_does_what_is_there_is_never_gone_and_a_calm_day_tells(
    count: int, size: int, days: Sequence[Sequence[Sequence[Move]]]
) -> None:
    raw, moving = RawTables(), MovingList(list(range(1, count + 1)), size)
    there: dict[dt.date, set[int]] = {}
    for number, moves in enumerate([*days, []]):
        if number == len(days) and not moving.ids:
            moving.happen(("insert", 0, 0))  # of an empty list nobody is told to be gone, however calm the day
        moving.moves = [list(m) for m in moves]
        chunk = observed(day(9 - number), raw, of_tracks(moving))
        if all(receipt.is_complete for receipt in chunk.receipts):
            raw.keep(chunk)
            there[day(9 - number)] = set(moving.ids)
    states = {on: told(raw, on, "tracks") for on in there}
    gone = {on: told(raw, on, "vanished") for on in there}
    for on, ids in there.items():
        wrong = set(gone[on].get_column("entity_id")) & ids
        assert not wrong, f"{on}: {wrong} are there"
        (counts,) = told(raw, on, "changes").filter(pl.col("endpoint") == "tracks").to_dicts()
        assert counts["vanished"] == gone[on].height
    history = star.dim_track(pl.concat(states.values()).lazy(), pl.concat(gone.values()).lazy())
    assert set(history.filter("is_current").get_column("track_id")) == set(moving.ids)
    last = clean.state_on(max(there), pl.concat(states.values()).lazy(), pl.concat(gone.values()).lazy(), "tracks")
    assert set(last.get_column("track_id")) == set(moving.ids)


def moved_days(seed: int) -> RawTables:
    """Raw tables of six days, on most of which the tracks moved."""
    rng = random.Random(seed)
    raw, moving = RawTables(), MovingList(list(range(1, 13)), 5)
    kinds = ["insert", "delete", "repeat", "repeat", "replace"]
    for number in range(6):
        moving.moves = [
            [(rng.choice(kinds), rng.randrange(30), rng.randrange(30))] if rng.random() < 0.4 * (number % 3) else []
            for _ in range(12)
        ]
        if number % 3 == 0:
            moving.happen(("delete", rng.randrange(30), 0))
        chunk = observed(day(9 - number), raw, of_tracks(moving))
        if all(receipt.is_complete for receipt in chunk.receipts):
            raw.keep(chunk)
    return raw


def test_the_order_of_days_does_not_matter_where_lists_moved(fresh_lake: Callable[[], DeltaStore]) -> None:
    raw = moved_days(seed=1)
    observed_days = raw.frames["pages"].get_column("date_id").unique().sort().to_list()

    def filled(*runs: Sequence[dt.date]) -> DeltaStore:
        store = fresh_lake()
        for contract in (contracts.RECORDS, contracts.LAYOUTS):
            store.append_new(contract, raw.frames[contract.name], {})
        for number, days in enumerate(runs, 1):
            store.replace(contracts.PAGES, raw.frames["pages"].filter(pl.col("date_id").is_in(days)), days, {})
            derive(store, days, only=["changes", "dim_track"], whole=number == len(runs))
        return store

    shuffled = random.Random(1).sample(observed_days, len(observed_days))
    together = filled(observed_days)
    assert rows(together, "changes").get_column("held_back").sum() > 0
    assert differing(contents(together), contents(filled(*([on] for on in shuffled)))) == []


def walked(ids: Sequence[int], *moves: Sequence[Move], size: int = 100) -> Callable[[RawTables, dt.date], Wire]:
    return lambda raw, on: _kept(raw, on, of_tracks(MovingList(list(ids), size, list(moves))))


def _kept(raw: RawTables, on: dt.date, wire: Wire) -> Wire:
    raw.keep(observed(on, raw, wire))
    return wire


def gone(raw: RawTables, on: dt.date) -> list[int]:
    return told(raw, on, "vanished").get_column("entity_id").to_list()


def held_back(raw: RawTables, on: dt.date) -> int:
    return int(told(raw, on, "changes").filter(pl.col("endpoint") == "tracks").get_column("held_back").item())


IDS = range(1, 251)
CALM_CALLS = 5 + 3  # three pages of tracks, one of each other list, and the first page of each list again


def test_a_row_served_in_the_place_of_another_makes_the_list_be_walked_again_and_that_list_only() -> None:
    raw = RawTables()
    assert len(walked(IDS)(raw, day(2)).asked) == CALM_CALLS
    wire = walked(IDS, [], [("repeat", 49, 6)])(raw, day(1))
    assert [n for e, n in wire.asked if e == "tracks"] == [1, 2, 3, 1, 2, 3, 1]
    assert [n for e, n in wire.asked if e == "users"] == [1, 1]
    assert (gone(raw, day(1)), held_back(raw, day(1))) == ([], 0)
    assert raw.frames["pages"].filter(pl.col("date_id") == day(1),
    pl.col("endpoint") == "tracks")["take"].to_list() == [
        1, 1, 1, 2, 2, 2,
    ]  # fmt: skip
    counts = told(raw, day(1), "changes").filter(pl.col("endpoint") == "tracks").row(0, named=True)
    assert (counts["listed"], counts["received"], counts["unchanged"]) == (251, 0, 251)


def test_a_fault_that_stays_takes_nothing_away_for_days_and_a_calm_day_tells() -> None:
    raw = RawTables()
    walked(IDS)(raw, day(5))
    fault: list[Sequence[Move]] = [[], [("repeat", 49, 6)], []]
    for n, at in ((4, 49), (3, 49), (2, 12)):
        fault[1] = [("repeat", at, 6)]
        walked(IDS[:-1], *(fault * 3))(raw, day(n))
        assert (gone(raw, day(n)), held_back(raw, day(n))) == ([], 2), "the one that was hidden, the one that left"
    walked(IDS[:-1])(raw, day(1))
    assert (gone(raw, day(1)), held_back(raw, day(1))) == ([250], 0)
    assert told(raw, day(1), "tracks").height == 0, "what comes back as it was is unchanged"


def test_a_third_walk_that_is_the_first_without_repeats_is_confirmed_by_one_more() -> None:
    raw = RawTables()
    walked(IDS)(raw, day(2))
    fault: list[Sequence[Move]] = [[], [("repeat", 49, 6)], []]
    walked(IDS[:-1], *(fault * 2))(raw, day(1))
    assert (gone(raw, day(1)), held_back(raw, day(1))) == ([250], 0)


def test_pages_in_no_order_take_nothing_away_and_the_ledger_says_so() -> None:
    raw = RawTables()
    walked(IDS)(raw, day(2))
    chunk = observed(day(1), raw, of_tracks(MovingList(list(IDS), 100, [[("shuffle", n, 0)] for n in range(12)])))
    raw.keep(chunk)
    assert gone(raw, day(1)) == []
    (receipt,) = (r for r in chunk.receipts if r.endpoint == "tracks")
    assert receipt.is_complete
    assert receipt.takes == 3
    assert receipt.note.startswith(
        "tracks: 3 walks cannot tell what is gone, since rows came more than once or not in each of them: "
    )


def test_a_row_that_fell_between_two_pages_without_a_trace_is_looked_for_again() -> None:
    """Track 3 leaves from page 1 once that was read and another comes at the end: track 101 moves to page 1 unseen."""
    raw = RawTables()
    walked(IDS)(raw, day(2))
    wire = walked(IDS, [], [("replace", 2, 250)])(raw, day(1))
    assert gone(raw, day(1)) == []
    assert [n for e, n in wire.asked if e == "tracks"] == [1, 2, 3, 1, 2, 3, 1]
    walked([n for n in IDS if n != 3] + [1001])(raw, day(0))
    assert gone(raw, day(0)) == [3]


def test_a_row_that_left_is_told_by_the_same_day_and_leaves_no_trace_of_the_second_look() -> None:
    raw = RawTables()
    walked(IDS)(raw, day(2))
    wire = walked(IDS[:-1])(raw, day(1))
    assert len(wire.asked) == CALM_CALLS + 3
    assert gone(raw, day(1)) == [250]
    assert raw.frames["pages"].filter(pl.col("date_id") == day(1))["take"].unique().to_list() == [1]


def test_what_no_second_walk_can_confirm_is_held_back() -> None:
    """One sound walk lacks a row, and those after it are mixed."""
    raw = RawTables()
    walked(IDS)(raw, day(2))
    grows: list[Sequence[Move]] = [[], [("insert", 0, 300)], []]
    walked(IDS[:-1], [], [], [], *(grows * 2))(raw, day(1))
    assert (gone(raw, day(1)), held_back(raw, day(1))) == ([], 1)
    walked(IDS[:-1])(raw, day(0))
    assert gone(raw, day(0)) == [250]


def test_two_rows_of_one_name_on_one_page_are_rows_of_the_source() -> None:
    """One answer tells of one moment: a source that has two rows of one id can tell what is gone as any other."""
    from tmdb_assets_tests.sources.moovitamix.lakes import lists, track

    raw = RawTables()

    def wire(*tracks: Mapping[str, Any]) -> Wire:
        page = {"items": list(tracks), "total": len(tracks), "page": 1, "pages": 1}
        empty = lists()
        return Wire(
            lambda endpoint, _: page if endpoint == "tracks" else {**page, "items": empty[endpoint], "total": 0}
        )

    twins = (track(1, album="A"), track(1, album="B"))
    _kept(raw, day(2), wire(*twins, track(2), track(3)))
    _kept(raw, day(1), wire(*twins, track(2)))
    assert (gone(raw, day(1)), held_back(raw, day(1))) == ([3], 0)
