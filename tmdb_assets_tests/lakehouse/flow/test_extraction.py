"""Extraction: what is kept of a day, what is never asked again, and what a run that was cut leaves behind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import CalendarError, Clock
from tmdb_assets.lakehouse.contracts import ByDay, Contract, col, ge, in_range
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, Extractor, NothingToObserve, RawTable, Receipt
from tmdb_assets.lakehouse.flow.ledger import REAL, SANDBOX, Ledger
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.http import EndpointStats
from tmdb_assets.lakehouse.store import DeltaStore, LakeError
from tmdb_assets_tests.holding import frames_in

RAW = Contract(
    "toy",
    "raw",
    "things",
    "Things as they came.",
    grain=("date_id", "part", "thing_id"),
    kept=ByDay("date_id"),
    duplicates="first",
    columns={
        "date_id": col(pl.Date, "Day."),
        "part": col(pl.String, "Part of the list."),
        "thing_id": col(pl.Int64, "Thing.", ge(1)),
    },
)
LIST = "things/list"


@dataclass
class FakeClient:
    """A source whose answers are a list of chunks; every chunk costs two calls."""

    chunks: list[Any] = field(default_factory=list)
    has_history: bool = False
    answers_as: str = REAL
    archived: bool = False
    calls: int = 0
    told: list[Asked] = field(default_factory=list)
    verified: int = 0

    def fetch(self, asked: Asked) -> Iterator[Chunk]:
        self.told.append(asked)
        for chunk in self.chunks:
            self.calls += 2
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk(asked) if callable(chunk) else chunk

    def verify(self, asked: Asked) -> None:
        self.verified += 1

    def tables(self) -> Mapping[str, RawTable]:
        return {"things": RawTable(RAW, self.fetch, [LIST], archived=self.archived, verify=self.verify)}

    def origin(self) -> str | None:
        return self.answers_as if self.calls else None

    def traffic(self) -> Mapping[str, EndpointStats]:
        return {LIST: EndpointStats(calls=self.calls, bytes=10 * self.calls)}


@dataclass
class Room:
    """One lake and what is needed to observe into it."""

    store: DeltaStore
    clock: Clock
    lines: list[str] = field(default_factory=list)

    def run(self, run_id: str = "") -> Run:
        return Run(self.store, [], {"run_id": run_id} if run_id else {}, lambda event: self.lines.append(str(event)))

    def observe(self, client: FakeClient, day: dt.date) -> Any:
        ledger = Ledger(self.store, "toy")
        extractor = Extractor(self.run("r1"), ledger, self.clock, client)
        return extractor.observe(client.tables()["things"], day)

    def entry(self, day: dt.date) -> Any:
        return Ledger(self.store, "toy").entry(day, LIST)

    def kept(self, day: dt.date) -> list[tuple[str, int]]:
        return self.store.scan(RAW, [day]).select("part", "thing_id").sort("part", "thing_id").collect().rows()

    def rejected(self, day: dt.date) -> list[str]:
        rows = self.store.scan(quarantine_contract("toy"), [day]).sort("row_number").collect()
        return rows.get_column("reason").to_list()


@pytest.fixture
def room(lake: DeltaStore, clock: Clock) -> Room:
    return Room(lake, clock)


def things(day: dt.date, *ids: int, part: str = "all") -> pl.DataFrame:
    return pl.DataFrame([(day, part, n) for n in ids], schema=RAW.schema, orient="row")


def chunk(day: dt.date, *ids: int, part: str = "all", how: Any = "part", **receipt: Any) -> Chunk:
    replaces = {"part": part} if how == "part" else how
    return Chunk(things(day, *ids, part=part), [Receipt(LIST, **receipt)], replaces)


@pytest.fixture
def yesterday(today: dt.date) -> dt.date:
    return today - dt.timedelta(days=1)


def test_a_complete_day_is_kept_proved_and_finished(room: Room, today: dt.date) -> None:
    client = FakeClient(
        [
            chunk(today, 1, 2, part="a", promised_pages=2, received_pages=1),
            chunk(today, 3, part="b", promised_pages=2, received_pages=2, promised_ids=3, received_ids=3),
        ]
    )
    observed = room.observe(client, today)
    assert room.kept(today) == [("a", 1), ("a", 2), ("b", 3)]
    entry = room.entry(today)
    assert (entry.is_complete, entry.is_finished, entry.origin) == (True, True, REAL)
    assert (entry.promised_pages, entry.received_pages, entry.promised_ids, entry.received_ids) == (2, 2, 3, 3)
    assert (entry.calls, entry.bytes) == (4, 40)
    assert entry.started_at <= entry.finished_at
    assert (observed.fetched, observed.rows_kept, observed.quarantined, client.verified) == (True, 3, 0, 1)
    assert observed.entries == [entry]
    assert [tally.received for tally in observed.tallies] == [2, 1]
    assert not list(frames_in(observed)), "rows of a chunk are gone once it is committed"
    assert room.store.history(RAW)[0]["run_id"] == "r1"


def test_contents_that_the_rows_of_a_chunk_name_are_kept_once(room: Room, today: dt.date) -> None:
    texts = Contract(
        "toy",
        "raw",
        "texts",
        "Contents.",
        ("text_hash",),
        {"text_hash": col(pl.Int64, "Key."), "text": col(pl.String, "Content.")},
    )
    one, two = (pl.DataFrame({"text_hash": [1, n], "text": ["a", f"text {n}"]}) for n in (2, 3))
    chunks = [changed(chunk(today, n, part=str(n)), contents={texts: said}) for n, said in ((1, one), (2, two))]
    room.observe(FakeClient(chunks), today)
    assert room.store.scan(texts).sort("text_hash").collect().rows() == [(1, "a"), (2, "text 2"), (3, "text 3")]


def test_a_broken_promise_blocks_and_keeps_nothing_of_it(room: Room, today: dt.date) -> None:
    short = chunk(today, 1, 2, promised_ids=9, received_ids=2, is_complete=False, sentence="2 of 9 films came")
    with pytest.raises(BlockedError, match=f"toy/raw/things {today}: 2 of 9 films came") as raised:
        room.observe(FakeClient([short]), today)
    assert raised.value.check == "extraction_complete"
    assert room.kept(today) == []
    assert (room.entry(today).is_complete, room.entry(today).is_finished) == (False, False)
    assert Ledger(room.store, "toy").days_short([today]).height == 1


def test_a_broken_promise_leaves_what_was_kept_before(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, 2)]), today)
    with pytest.raises(BlockedError):
        room.observe(FakeClient([chunk(today, 5, 6, 7, is_complete=False)]), today)
    assert room.kept(today) == [("all", 1), ("all", 2)]


def test_a_run_cut_between_chunks_is_resumed_since_its_first_start(room: Room, today: dt.date) -> None:
    first, second = chunk(today, 1, part="a", received_ids=1), chunk(today, 2, part="b", received_ids=2)
    with pytest.raises(RuntimeError, match="the machine went down"):
        room.observe(FakeClient([first, RuntimeError("the machine went down")]), today)
    cut = room.entry(today)
    assert (room.kept(today), cut.is_finished, cut.received_ids) == ([("a", 1)], False, 1)
    again = FakeClient([second])
    room.observe(again, today)
    assert again.told[0].since == cut.started_at
    assert room.kept(today) == [("a", 1), ("b", 2)]
    done = room.entry(today)
    assert (done.is_finished, done.started_at) == (True, cut.started_at)
    assert done.calls == 4, "two calls of the run that was cut were accounted for, and two of the one that resumed"


def test_a_finished_day_is_observed_anew_today_and_counted_anew(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1)]), today)
    first = room.entry(today)
    room.observe(FakeClient([chunk(today, 2, 3)]), today)
    second = room.entry(today)
    assert room.kept(today) == [("all", 2), ("all", 3)]
    assert second.calls == 2
    assert second.started_at > first.started_at


def test_a_finished_day_stays_finished_when_observing_it_anew_is_cut(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, 2, part="a"), chunk(today, 3, part="b")]), today)
    done = room.entry(today)
    with pytest.raises(RuntimeError):
        room.observe(FakeClient([chunk(today, 1, 9, part="a"), RuntimeError("cut")]), today)
    short = chunk(today, 1, part="a", promised_ids=9, received_ids=1, is_complete=False, sentence="1 of 9 came")
    with pytest.raises(BlockedError, match="1 of 9 came"):
        room.observe(FakeClient([short]), today)
    assert room.entry(today) == done
    assert room.kept(today) == [("a", 1), ("a", 9), ("b", 3)]
    assert Ledger(room.store, "toy").days_short([today]).is_empty()


def test_kept_rows_are_never_overwritten_by_fewer(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, 2, 3, part="a"), chunk(today, 1, part="b")]), today)
    room.observe(FakeClient([chunk(today, 9, part="a"), chunk(today, 7, 8, part="b")]), today)
    assert room.kept(today) == [("a", 1), ("a", 2), ("a", 3), ("b", 7), ("b", 8)]
    assert any("3 rows are kept, only 1 came now: the kept ones stay" in line for line in room.lines)


def test_appended_chunks_add_to_what_is_there(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, how=None), chunk(today, 2, how=None), chunk(today, how=None)]), today)
    assert room.kept(today) == [("all", 1), ("all", 2)]


def test_a_chunk_may_replace_the_whole_day(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, part="a")]), today)
    room.observe(FakeClient([chunk(today, 2, 3, part="b", how={})]), today)
    assert room.kept(today) == [("b", 2), ("b", 3)]


def test_a_past_day_that_is_not_archived_is_never_asked(room: Room, yesterday: dt.date) -> None:
    client = FakeClient([chunk(yesterday, 1)])
    observed = room.observe(client, yesterday)
    assert (client.told, observed.fetched, observed.entries, room.kept(yesterday)) == ([], False, [], [])
    assert client.verified == 1


def test_a_past_day_keeps_what_was_observed_on_it(lake: DeltaStore, today: dt.date, yesterday: dt.date) -> None:
    Room(lake, Clock(yesterday)).observe(FakeClient([chunk(yesterday, 1, 2)]), yesterday)
    before = lake.version(RAW)
    later = FakeClient([chunk(yesterday, 8, 9, 10)])
    observed = Room(lake, Clock(today)).observe(later, yesterday)
    assert (later.told, lake.version(RAW), observed.rows_kept) == ([], before, 2)
    assert [e.is_finished for e in observed.entries] == [True]


def test_an_archived_past_day_is_asked_once(room: Room, yesterday: dt.date) -> None:
    first, second = (FakeClient([chunk(yesterday, 1)], archived=True) for _ in range(2))
    assert room.observe(first, yesterday).fetched
    assert not room.observe(second, yesterday).fetched
    assert (len(first.told), second.told, room.kept(yesterday)) == (1, [], [("all", 1)])


@dataclass
class TwoEndpoints(FakeClient):
    """A table of two endpoints, of which the second has no chunk of its own."""

    def tables(self) -> Mapping[str, RawTable]:
        return {"things": RawTable(RAW, self.fetch, [LIST, "things/more"], archived=True)}

    def traffic(self) -> Mapping[str, EndpointStats]:
        return {LIST: EndpointStats(), "things/more": EndpointStats()}


@pytest.mark.parametrize(
    ("first", "second", "is_asked_again"),
    [({}, {}, False), ({"is_finished": False}, {}, True), ({}, {"is_finished": False}, True)],
)  # fmt: skip
def test_a_day_is_over_when_every_endpoint_of_its_table_is_finished(
    room: Room, yesterday: dt.date, first: dict[str, Any], second: dict[str, Any], is_asked_again: bool
) -> None:
    receipts = [Receipt(LIST, **first), Receipt("things/more", **second)]
    room.observe(TwoEndpoints([Chunk(things(yesterday, 1), receipts, {"part": "all"})]), yesterday)
    again = TwoEndpoints([Chunk(things(yesterday, 1), receipts, {"part": "all"})])
    assert room.observe(again, yesterday).fetched == is_asked_again
    assert bool(again.told) == is_asked_again


def test_what_an_archive_does_not_have_yet_is_asked_again(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([], archived=True), today)
    assert not room.entry(today).is_finished
    ledger = Ledger(room.store, "toy")
    assert (ledger.days_short([today]).height, ledger.days_noted([today]).height) == (0, 1)
    later = Room(room.store, Clock(today + dt.timedelta(days=1)))
    assert later.observe(FakeClient([chunk(today, 1)], archived=True), today).fetched
    assert (later.kept(today), later.entry(today).is_finished) == ([("all", 1)], True)
    later.observe(FakeClient([], archived=True), today)
    assert later.entry(today).is_finished
    assert ledger.days_noted([today]).is_empty()


def test_a_table_that_is_not_archived_and_answers_nothing_is_finished(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([]), today)
    entry = room.entry(today)
    assert (entry.is_finished, entry.is_complete, entry.received_ids) == (True, True, 0)


def test_a_past_day_without_archive_fails_and_writes_nothing(room: Room, yesterday: dt.date) -> None:
    with pytest.raises(NothingToObserve, match="no export"):
        room.observe(FakeClient([NothingToObserve("no export of that day")], archived=True), yesterday)
    assert room.store.version(RAW) is None
    assert room.entry(yesterday) is None


@pytest.mark.parametrize("has_history", [False, True])
def test_a_future_day_is_refused_before_anything_is_asked(room: Room, today: dt.date, has_history: bool) -> None:
    tomorrow = today + dt.timedelta(days=1)
    client = FakeClient([chunk(tomorrow, 1)], has_history=has_history)
    with pytest.raises(CalendarError):
        room.observe(client, tomorrow)
    assert client.told == []


def test_a_source_with_history_is_asked_for_a_past_day_until_it_is_finished(room: Room, yesterday: dt.date) -> None:
    def client() -> FakeClient:
        return FakeClient([chunk(yesterday, 1)], has_history=True, answers_as=SANDBOX)

    assert room.observe(client(), yesterday).fetched
    assert not room.observe(client(), yesterday).fetched


@pytest.mark.parametrize(("there", "new"), [(SANDBOX, REAL), (REAL, SANDBOX)])
def test_another_kind_of_source_is_refused_before_anything_is_written(
    room: Room, today: dt.date, there: str, new: str
) -> None:
    room.observe(FakeClient([chunk(today, 1)], answers_as=there), today)
    ledger = Ledger(room.store, "toy")
    before = (room.store.version(RAW), room.store.version(ledger.contract), room.kept(today))
    with pytest.raises(LakeError, match=f"holds {there} data of toy, and this run would add {new} data"):
        room.observe(FakeClient([chunk(today, 1, 2, 3)], answers_as=new), today)
    assert (room.store.version(RAW), room.store.version(ledger.contract), room.kept(today)) == before


def test_another_kind_of_source_that_brings_nothing_is_refused_too(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1)]), today)
    tomorrow = today + dt.timedelta(days=1)
    later = Room(room.store, Clock(tomorrow))
    with pytest.raises(LakeError, match="holds real data of toy, and this run would add sandbox data"):
        later.observe(FakeClient([], calls=1, answers_as=SANDBOX, has_history=True), tomorrow)
    later.observe(FakeClient([chunk(tomorrow, 1)]), tomorrow)
    assert Ledger(room.store, "toy").origins() == [REAL]


@dataclass(frozen=True)
class LateClock(Clock):
    """A clock whose day turns after it was looked at a few times."""

    looked: list[int] = field(default_factory=list)
    turns_after: int = 0

    def today(self) -> dt.date:
        self.looked.append(1)
        assert self.frozen_on is not None
        return self.frozen_on + dt.timedelta(days=len(self.looked) > self.turns_after)


def test_midnight_stops_a_run_and_what_came_before_stays(lake: DeltaStore, today: dt.date) -> None:
    chunks = [chunk(today, n, part=str(n)) for n in (1, 2, 3)]
    late = LateClock(today, turns_after=3)
    with pytest.raises(BlockedError, match=rf"Midnight \(UTC\) passed while {today} was being observed"):
        Room(lake, late).observe(FakeClient(chunks), today)
    room = Room(lake, Clock(today))
    assert 0 < len(room.kept(today)) < 3
    assert not room.entry(today).is_finished


def test_midnight_does_not_matter_to_a_source_with_history(lake: DeltaStore, today: dt.date) -> None:
    client = FakeClient([chunk(today, 1), chunk(today, 2, part="b")], has_history=True, answers_as=SANDBOX)
    Room(lake, LateClock(today, turns_after=2)).observe(client, today)
    assert len(Room(lake, Clock(today)).kept(today)) == 2


HOW = pytest.mark.parametrize("how", [{}, "part", None], ids=["the day", "a part", "appended"])


@HOW
def test_rejected_rows_go_to_quarantine_and_are_counted(room: Room, today: dt.date, how: Any) -> None:
    observed = room.observe(FakeClient([chunk(today, 1, 0, -2, how=how)]), today)
    assert room.kept(today) == [("all", 1)]
    assert room.rejected(today) == ["thing_id = 0: must be at least 1", "thing_id = -2: must be at least 1"]
    assert (observed.quarantined, observed.rows_kept) == (2, 1)


@pytest.mark.parametrize("how", ["part", None], ids=["a part", "appended"])
def test_rejected_rows_of_several_chunks_are_numbered_apart(room: Room, today: dt.date, how: Any) -> None:
    chunks = [chunk(today, n, 0, part=str(n), how=how) for n in (1, 2, 3)]
    observed = room.observe(FakeClient(chunks), today)
    rows = room.store.scan(quarantine_contract("toy"), [today]).collect()
    assert sorted(rows["row_number"]) == [1, 3, 5]
    assert observed.quarantined == 3


@HOW
def test_rejected_rows_are_replaced_as_a_set_when_the_day_is_run_again(room: Room, today: dt.date, how: Any) -> None:
    room.observe(FakeClient([chunk(today, 1, 0, -1, how=how)]), today)
    room.observe(FakeClient([chunk(today, 1, 2, -7, how=how)]), today)
    assert room.rejected(today) == ["thing_id = -7: must be at least 1"]


@HOW
def test_a_clean_day_empties_its_quarantine(room: Room, today: dt.date, how: Any) -> None:
    room.observe(FakeClient([chunk(today, 1, 0, how=how)]), today)
    room.observe(FakeClient([chunk(today, 1, 2, how=how)]), today)
    assert room.rejected(today) == []


@pytest.mark.parametrize("how", ["part", None], ids=["a part", "appended"])
def test_a_resumed_run_keeps_what_the_cut_one_set_aside(room: Room, today: dt.date, how: Any) -> None:
    with pytest.raises(RuntimeError):
        room.observe(FakeClient([chunk(today, 0, 1, part="a", how=how), RuntimeError("cut")]), today)
    observed = room.observe(FakeClient([chunk(today, -3, 2, part="b", how=how)]), today)
    assert room.rejected(today) == ["thing_id = 0: must be at least 1", "thing_id = -3: must be at least 1"]
    assert observed.quarantined == 1
    grain = room.store.scan(quarantine_contract("toy"), [today]).select("date_id", "origin", "row_number").collect()
    assert grain.is_unique().all()


WEIGHED = changed(RAW, columns={**RAW.columns, "weight": col(pl.Float64, "Weight.", in_range(0, 9), nullable=True)})


class Weighing(FakeClient):
    """A source that says what things weigh."""

    def tables(self) -> Mapping[str, RawTable]:
        return {"things": RawTable(WEIGHED, self.fetch, [LIST])}


def weighed(day: dt.date, *said: tuple[int, float | None], how: Any = None) -> Chunk:
    rows = [(day, "all", thing, weight) for thing, weight in said]
    return Chunk(pl.DataFrame(rows, schema=WEIGHED.schema, orient="row"), [Receipt(LIST)], how)


def test_values_are_set_aside_chunk_by_chunk_and_are_no_rows(room: Room, today: dt.date) -> None:
    first = weighed(today, (1, 5.0), (2, -1.0), (2, 7.0), (0, 99.0))
    cut = Weighing([first, weighed(today, (3, 99.0), (4, None)), ValueError("cut")])
    with pytest.raises(ValueError, match="cut"):
        room.observe(cut, today)
    observed = room.observe(Weighing([weighed(today, (5, 1e300), (6, 1.0))]), today)
    kept = room.store.scan(WEIGHED, [today]).sort("thing_id").select("thing_id", "weight").collect().rows()
    assert kept == [(1, 5.0), (2, None), (3, None), (4, None), (5, None), (6, 1.0)]
    entries = room.store.scan(quarantine_contract("toy"), [today]).collect()
    told = entries.sort("row_number").select("column_name", "value", "reason").rows()
    assert told == [
        (None, None, "thing_id = 0: must be at least 1; weight = 99.0: must lie between 0 and 9"),
        ("weight", "-1.0", "weight = -1.0: must lie between 0 and 9"),
        ("weight", "99.0", "weight = 99.0: must lie between 0 and 9"),
        ("weight", "1e+300", "weight = 1e+300: must lie between 0 and 9"),
    ]
    assert entries["row_number"].is_unique().all()
    entry = room.entry(today)
    assert (entry.received_rows, entry.duplicate_rows) == (8, 1), "6 kept, 1 set aside, 1 duplicate"
    assert observed.quarantined == 0
    assert Ledger(room.store, "toy").days_expired(WEIGHED, [today]) == set()


def test_values_of_rows_that_stay_stay_set_aside(room: Room, today: dt.date) -> None:
    room.observe(Weighing([weighed(today, (1, -1.0), (2, 2.0), how={})]), today)
    room.observe(Weighing([weighed(today, (1, 3.0), how={})]), today)
    assert room.store.scan(WEIGHED, [today]).collect().height == 2, "fewer rows never replace more"
    assert room.rejected(today) == ["weight = -1.0: must lie between 0 and 9"]
    room.observe(Weighing([weighed(today, (1, 3.0), (2, 2.0), how={})]), today)
    assert room.rejected(today) == []


def test_other_tables_and_days_keep_their_quarantine(lake: DeltaStore, today: dt.date, yesterday: dt.date) -> None:
    Room(lake, Clock(yesterday)).observe(FakeClient([chunk(yesterday, 0)]), yesterday)
    foreign = pl.DataFrame(
        [(today, "toy/clean/other", 0, "r", "r", None, None, None, None)],
        schema=quarantine_contract("toy").schema,
        orient="row",
    )
    lake.replace(quarantine_contract("toy"), foreign, [today], {}, {"origin": "toy/clean/other"})
    room = Room(lake, Clock(today))
    room.observe(FakeClient([chunk(today, 0)]), today)
    room.observe(FakeClient([chunk(today, 1, how={})]), today)
    assert (room.rejected(today), len(room.rejected(yesterday))) == (["r"], 1)


def test_verification_runs_on_a_kept_day_too_and_may_block(room: Room, today: dt.date) -> None:
    def refuse(asked: Asked) -> None:
        raise BlockedError("mass_delete", "too many are gone", gone=9)

    client = FakeClient([chunk(today, 1)])
    table = changed(client.tables()["things"], verify=refuse)
    for day in (today, today - dt.timedelta(days=1)):
        extractor = Extractor(room.run(), Ledger(room.store, "toy"), room.clock, client)
        with pytest.raises(BlockedError, match="too many are gone") as raised:
            extractor.observe(table, day)
        assert raised.value.figures == {"gone": 9}


def test_an_unwritable_root_stops_before_anything_is_asked(
    tmp_path: Any, clock: Clock, today: dt.date, log: Callable[[str], None]
) -> None:
    (tmp_path / "taken").write_text("")
    client = FakeClient([chunk(today, 1)])
    with pytest.raises(LakeError, match="cannot be written"):
        Room(DeltaStore(tmp_path / "taken"), clock).observe(client, today)
    assert client.told == []


def test_what_was_set_aside_stays_with_the_rows_that_stay(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, 2, 3, 0, -1, 3, how={})]), today)
    before = (room.kept(today), room.rejected(today), accounted(room, today))
    assert (len(before[0]), len(before[1])) == (3, 2)
    room.observe(FakeClient([chunk(today, 1, 0, 0, how={})]), today)
    assert (room.kept(today), room.rejected(today), accounted(room, today)) == before


def test_what_a_part_that_stays_had_set_aside_stays_beside_that_of_a_new_part(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, 0, part="a"), chunk(today, 2, 3, -1, part="b")]), today)
    room.observe(FakeClient([chunk(today, 1, -7, part="a"), chunk(today, 2, -9, part="b")]), today)
    assert room.kept(today) == [("a", 1), ("b", 2), ("b", 3)]
    assert {text.split(":")[0] for text in room.rejected(today)} == {"thing_id = -7", "thing_id = 0", "thing_id = -1"}
    rows = room.store.scan(quarantine_contract("toy"), [today]).collect()
    assert rows.get_column("row_number").is_unique().all()
    assert accounted(room, today) == (RAW.path, 6, 0)


def test_a_table_whose_rows_mostly_break_its_contract_is_not_kept(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1)]), today)
    before = room.rejected(today)
    flipped = chunk(today, *range(1, 31), *range(-40, 0))
    with pytest.raises(BlockedError, match=r"toy/raw/things 2026-.*: 40 of 70 rows break it") as raised:
        room.observe(FakeClient([flipped]), today)
    assert raised.value.check == "contract"
    assert (room.kept(today), room.rejected(today)) == ([("all", 1)], before)


def accounted(room: Room, day: dt.date) -> tuple[Any, ...]:
    entry = room.entry(day)
    return entry.table_name, entry.received_rows, entry.duplicate_rows


@HOW
def test_the_ledger_says_how_many_rows_came_and_were_left_out(room: Room, today: dt.date, how: Any) -> None:
    room.observe(FakeClient([chunk(today, 1, 0, 2, 2, 2, how=how)]), today)
    assert accounted(room, today) == (RAW.path, 5, 2)


@pytest.mark.parametrize("how", ["part", None], ids=["a part", "appended"])
def test_rows_of_several_chunks_and_runs_add_up(room: Room, today: dt.date, how: Any) -> None:
    with pytest.raises(RuntimeError):
        room.observe(FakeClient([chunk(today, 1, 0, part="a", how=how), RuntimeError("cut")]), today)
    room.observe(FakeClient([chunk(today, 2, 2, part="b", how=how), chunk(today, 3, part="c", how=how)]), today)
    assert accounted(room, today) == (RAW.path, 5, 1)
    assert (len(room.kept(today)), len(room.rejected(today))) == (3, 1)


def test_duplicates_counted_before_a_cut_are_not_forgotten(room: Room, today: dt.date) -> None:
    first = [chunk(today, 1, 1, part="a"), chunk(today, 2, part="b"), RuntimeError("cut")]
    with pytest.raises(RuntimeError):
        room.observe(FakeClient(first), today)
    room.observe(FakeClient([chunk(today, 3, part="c")]), today)
    assert accounted(room, today) == (RAW.path, 4, 1)


def test_rows_of_a_day_observed_anew_are_counted_anew(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, 1, 0, part="a")]), today)
    room.observe(FakeClient([chunk(today, 2, 3, part="a"), chunk(today, 4, part="b")]), today)
    assert accounted(room, today) == (RAW.path, 3, 0)
    room.observe(FakeClient([chunk(today, 5, 6, 7, 7, part="z", how={})]), today)
    assert accounted(room, today) == (RAW.path, 4, 1)


def test_kept_rows_that_stay_are_those_that_count(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, 2, 3, how={})]), today)
    room.observe(FakeClient([chunk(today, 8, 8, how={})]), today)
    assert accounted(room, today) == (RAW.path, 3, 0)


def test_rows_kept_stay_counted_when_a_later_run_brings_none(room: Room, today: dt.date) -> None:
    room.observe(FakeClient([chunk(today, 1, 2, 0)]), today)
    room.observe(FakeClient([]), today)
    assert accounted(room, today) == (RAW.path, 3, 0)


@pytest.mark.parametrize("has_history", [False, True])
def test_a_day_that_may_be_corrected_is_asked_each_time(
    room: Room, today: dt.date, yesterday: dt.date, has_history: bool
) -> None:
    client = FakeClient([chunk(yesterday, 1, how=None)], has_history=has_history)
    table = changed(client.tables()["things"], is_corrected=True)
    extractor = Extractor(room.run(), Ledger(room.store, "toy"), room.clock, client)
    assert extractor.observe(table, yesterday).fetched
    client.chunks = [chunk(yesterday, 2, how=None)]
    assert extractor.observe(table, yesterday).fetched
    assert room.kept(yesterday) == [("all", 1), ("all", 2)]


def test_every_endpoint_of_a_chunk_is_accounted_for_before_the_one_that_fell_short_blocks(
    room: Room, today: dt.date
) -> None:
    receipts = [Receipt(LIST, promised_ids=9, is_complete=False, sentence="2 of 9 came"), Receipt("things/more", 1, 1)]
    client = FakeClient([Chunk(things(today, 1), receipts)])
    table = changed(client.tables()["things"], endpoints=[LIST, "things/more"])
    ledger = Ledger(room.store, "toy")
    client.traffic = lambda: {LIST: EndpointStats(), "things/more": EndpointStats()}  # type: ignore[method-assign]  # two endpoints here
    with pytest.raises(BlockedError, match="2 of 9 came"):
        Extractor(room.run(), ledger, room.clock, client).observe(table, today)
    assert (ledger.entry(today, LIST).is_complete, ledger.entry(today, "things/more").is_complete) == (False, True)  # type: ignore[union-attr]  # both were written
    assert room.kept(today) == []
