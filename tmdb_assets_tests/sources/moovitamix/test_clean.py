"""Raw to clean: typed, only what is new or changed, every row accounted for, and every day's state read back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.flow.ledger import REAL, Entry, Ledger
from tmdb_assets.lakehouse.store import DeltaStore, retention
from tmdb_assets.sources.moovitamix import clean, contracts, counting
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.rejected import sentence
from tmdb_assets_tests.sources.moovitamix.lakes import (
    NOON,
    TABLES,
    Lists,
    a_few,
    contents,
    day,
    derive,
    differing,
    fill_from_lists,
    history,
    keep_raw,
    lists,
    raw_frames,
    rows,
    track,
    user,
)

STAGE = ("changes", "tracks", "users", "listen_histories", "listens", "vanished")

RECEIVED = {contract.name: count for contract, count in counting.RECEIVED.items()}


def inputs(store: DeltaStore, on: dt.date) -> dict[str, pl.LazyFrame]:
    return {
        "pages": store.scan(contracts.PAGES, [on]),
        "all_pages": store.scan(contracts.PAGES),
        "layouts": store.scan(contracts.LAYOUTS),
        "records": store.scan(contracts.RECORDS),
    }


def received(store: DeltaStore, table: str, on: dt.date) -> int:
    return int(RECEIVED[table](**inputs(store, on)).collect().get_column("received").sum())


def audited(store: DeltaStore, table: str, on: dt.date) -> Audit:
    return Audit.of(TABLES[table], getattr(clean, table)(**inputs(store, on)))


@dataclass(frozen=True)
class Raw:
    """Raw tables of some days without a lake: what clean makes of them is a function of frames."""

    frames: Mapping[str, pl.DataFrame]

    def inputs(self, on: dt.date) -> dict[str, pl.LazyFrame]:
        """What a clean table of a day is made of."""
        frames = {name: frame.lazy() for name, frame in self.frames.items()}
        pages = frames["pages"]
        return frames | {"pages": pages.filter(pl.col("date_id") == on), "all_pages": pages}

    def audited(self, table: str, on: dt.date) -> Audit:
        """The audit of a clean table of a day."""
        return Audit.of(TABLES[table], getattr(clean, table)(**self.inputs(on)))

    def received(self, table: str, on: dt.date) -> int:
        """The rows that a clean table of a day must account for."""
        return int(RECEIVED[table](**self.inputs(on)).collect().get_column("received").sum())


def first_day(said: Lists) -> Callable[[str], Audit]:
    """The audits of a first day's tables."""
    raw = Raw(raw_frames({day(0): said}))
    return lambda table: raw.audited(table, day(0))


def test_rows_are_typed() -> None:
    of = first_day(
        lists(
            [track(1, duration="61:05", genres=" Rock, Jazz ,, Rock", artist=" ", updated_at=None)],
            [user(2, email="  A@b.org ", created_at="2026-01-02T03:04:05", updated_at="2026-01-01T00:00:00.5")],
            [history(2, 7, 9, 7, at="2026-02-03T04:05:06.000007")],
        ),
    )
    found = of("tracks").kept.row(0, named=True)
    assert (found["duration_seconds"], found["genres"], found["artist"]) == (3665, ["Rock", "Jazz"], None)
    assert (found["updated_at"], found["is_created_after_updated"]) == (None, False)
    found = of("users").kept.row(0, named=True)
    assert (found["email"], found["has_plausible_email"], found["favorite_genres"]) == ("A@b.org", True, ["Rock"])
    assert found["created_at"] == dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert found["updated_at"] == dt.datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=dt.UTC)
    assert found["is_created_after_updated"]
    assert of("listen_histories").kept["listen_count"].to_list() == [3]
    assert of("listens").kept.select("position", "track_id").rows() == [(1, 7), (2, 9), (3, 7)]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05.678901", dt.datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=dt.UTC)),
        ("2026-01-02T03:04:05", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        ("2026-01-02T03:04:05.5Z", dt.datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=dt.UTC)),
        ("2026-01-02T03:04:05+02:00", dt.datetime(2026, 1, 2, 1, 4, 5, tzinfo=dt.UTC)),
    ],
)
def test_a_moment_without_a_zone_is_utc(text: str, moment: dt.datetime) -> None:
    assert first_day(lists(users=[user(1, created_at=text)]))("users").kept["created_at"].to_list() == [moment]


@pytest.mark.parametrize(
    ("table", "said", "rule"),
    [
        ("tracks", lists([track(1, name=" ")]), "name must not be null"),
        ("tracks", lists([track(1, created_at="soon")]), "created_at must be an ISO date and time"),
        ("tracks", lists([track(1, created_at=None)]), "created_at must not be null"),
        ("tracks", lists([track(1, created_at="0001-01-01T00:00:00+02:00")]), ("created_at must lie between "
        "1900-01-01 and")),
        ("tracks", lists([track(1, created_at="-0001-01-01T00:00:00")]), "created_at must be an ISO date and time"),
        ("tracks", lists([track(1, created_at="+10000-01-01T00:00:00")]), "created_at must be an ISO date and time"),
        ("tracks", lists([track(1, created_at="9999-12-31T23:59:59-05:00")]), ("created_at must lie between "
        "1900-01-01 and")),
        ("users", lists(users=[user(2**62)]), "user_id must lie between 1 and"),
        ("tracks", lists([track(0)]), "track_id must lie between 1 and"),
        ("tracks", lists([track(1, id="one")]), "id must be a whole number of 64 bits"),
        ("tracks", lists([track(1, id=None)]), "id must be a whole number of 64 bits"),
        ("tracks", lists([track(1, name=5)]), "name must be text"),
        ("tracks", lists([track(1, created_at=5)]), "created_at must be text"),
        ("users", lists(users=["a text"]), "payload must be an object"),
        ("listen_histories", lists(histories=[history(1, 2, at="x")]), "created_at must be an ISO date and time"),
        ("listen_histories", lists(histories=[history(1, 2, at="0001-01-01T00:00:00+02:00")]), ("created_at must "
        "lie between")),
        ("listens", lists(histories=[history(1, 0)]), "track_id must lie between 1 and"),
    ],
)  # fmt: skip
def test_a_row_that_breaks_its_contract_is_set_aside_with_its_reason(table: str, said: Lists, rule: str) -> None:
    raw = Raw(raw_frames({day(0): said}))
    audit = raw.audited(table, day(0))
    assert (audit.kept.height, audit.quarantined.height, audit.accounted) == (0, 1, True)
    found = next(iter(audit.rules))
    assert found.startswith(rule.split(" (")[0]), found
    assert raw.received(table, day(0)) == 1


def test_a_value_of_another_type_is_set_aside_and_its_row_kept() -> None:
    said = lists([track(1, album=5)], [user(1, email=["x"])], [history(1, 2) | {"items": [1, "two", 3]}])
    raw = Raw(raw_frames({day(0): said}))
    entries = {
        table: [sentence(entry) for entry in getattr(clean, table)(**raw.inputs(day(0)))["_set_aside"].item()]
        for table in ("tracks", "users", "listen_histories")
    }
    assert entries == {
        "tracks": ["album = 5: must be text"],
        "users": ['email = ["x"]: must be text'],
        "listen_histories": ['items[] = "two": must be a whole number of 64 bits'],
    }
    assert raw.audited("listens", day(0)).kept["track_id"].to_list() == [1, 3]
    assert raw.received("listens", day(0)) == 2


@pytest.mark.parametrize(
    "email", ["jane", "jane@", "@example.com", "jane at example.com", "a b@c.de", "jane@host", None, ""]
)
def test_an_implausible_email_is_flagged_and_kept(email: str | None) -> None:
    kept = first_day(lists(users=[user(1, email=email), user(2)]))("users").kept
    assert kept["has_plausible_email"].to_list() == [False, True]


def test_of_two_rows_of_one_id_the_first_counts() -> None:
    audit = first_day(lists([track(1, album="A"), track(2), track(1, album="B")]))("tracks")
    assert (audit.kept["album"].to_list(), audit.duplicates) == (["A", "Album"], 1)


def test_of_two_history_rows_of_one_user_and_moment_the_first_counts_with_its_listens() -> None:
    said = lists(histories=[history(1, 5), history(1, 6, 7), history(1, 8, at="2026-01-01T00:00:00")])
    of = first_day(said)
    assert (of("listen_histories").kept.height, of("listen_histories").duplicates) == (2, 1)
    assert of("listens").kept["track_id"].to_list() == [5, 8]
    assert Raw(raw_frames({day(0): said})).received("listens", day(0)) == 2


def test_an_empty_history_is_a_row_without_listens() -> None:
    unsaid = {key: value for key, value in history(3).items() if key != "items"}
    said = lists(histories=[history(1), history(2) | {"items": None}, unsaid])
    of = first_day(said)
    assert of("listen_histories").kept["listen_count"].to_list() == [0, 0, 0]
    assert of("listens").kept.height == 0
    assert Raw(raw_frames({day(0): said})).received("listens", day(0)) == 0


# -- one day against the day before ------------------------------------------------------------------------------------


def two_days(store: DeltaStore, before: Lists, after: Lists) -> dict[str, list[dict[str, Any]]]:
    """What the second of two days brings, by table."""
    keep_raw(store, day(1), before)
    keep_raw(store, day(0), after)
    return {table: audited(store, table, day(0)).kept.to_dicts() for table in STAGE}


def test_an_unchanged_day_brings_nothing(lake: DeltaStore) -> None:
    found = two_days(lake, a_few(), a_few())
    assert {table: len(brought) for table, brought in found.items() if table != "changes"} == dict.fromkeys(
        STAGE[1:], 0
    )
    assert {
        (r["received"], r["vanished"], r["unchanged"] == r["listed"] == r["listed_before"]) for r in found["changes"]
    } == {(0, 0, True)}


def test_only_what_changed_is_taken_and_what_went_is_said(lake: DeltaStore) -> None:
    before, after = a_few(), dict(a_few())
    after["users"] = [user(1), user(2, last_name="Other"), user(4), user(9)]
    after["listen_history"] = [history(1, 1, 2, 3, 4), history(2, 2, 1), history(3, 5, 4)]
    found = two_days(lake, before, after)
    assert [r["user_id"] for r in found["users"]] == [2, 9]
    assert [(r["user_id"], r["position"], r["track_id"]) for r in found["listens"]] == [(1, n, n) for n in (1, 2, 3, 4)]
    assert [(r["endpoint"], r["entity_id"], r["created_at"] is None) for r in found["vanished"]] == [
        ("users", 3, True),
        ("listen_history", 4, False),
    ]
    of_users = next(r for r in found["changes"] if r["endpoint"] == "users")
    assert (of_users["compared_with"], of_users["listed"], of_users["received"]) == (day(1), 4, 2)
    assert (of_users["unchanged"], of_users["listed_before"], of_users["vanished"]) == (2, 4, 1)


def test_rows_that_only_move_between_pages_are_unchanged(lake: DeltaStore) -> None:
    said = [track(n) for n in range(1, 30)]
    keep_raw(lake, day(1), lists(said), size=10)
    keep_raw(lake, day(0), lists(said[::-1]), size=7)
    assert audited(lake, "tracks", day(0)).received == 0


@pytest.mark.parametrize(
    ("table", "said", "column", "rule"),
    [
        ("tracks", track(1, duration="61:75"), "duration", "must be minutes and seconds as MM:SS"),
        ("tracks", track(1, duration="3:05:07"), "duration", "must be minutes and seconds as MM:SS"),
        ("tracks", track(1, duration="٠٣:0٥"), "duration", "must be minutes and seconds as MM:SS"),
        ("users", user(1, updated_at="yesterday"), "updated_at", "must be an ISO date and time"),
        ("users", user(1, updated_at="0001-01-01T00:00:00+02:00"), "updated_at", ("must lie between 1900-01-01 and "
        "2199-12-31")),
        ("tracks", track(1, updated_at="0000-01-01T00:00:00"), "updated_at", ("must lie between 1900-01-01 and "
        "2199-12-31")),
    ],
)  # fmt: skip
def test_a_value_that_may_be_unknown_is_set_aside_alone(table: str, said: Any, column: str, rule: str) -> None:
    raw = Raw(raw_frames({day(0): lists([said]) if table == "tracks" else lists(users=[said])}))
    audit = raw.audited(table, day(0))
    assert (audit.kept.height, audit.quarantined.height, audit.accounted) == (1, 0, True)
    kept = audit.kept.row(0, named=True)
    assert kept["duration_seconds" if column == "duration" else column] is None
    assert kept["is_created_after_updated"] is False
    entry = audit.values.row(0, named=True)
    assert (entry["column_name"], entry["rule"]) == (column, f"{column} {rule}")
    assert json.loads(entry["payload"]) == said


def test_listens_of_a_history_row_without_a_moment_go_with_it(lake: DeltaStore) -> None:
    early = history(1, 2, 3, at="0001-01-01T00:00:00+02:00")
    said = {day(1): lists(histories=[early, history(2, 5)]), day(0): lists(histories=[history(2, 5)])}
    fill_from_lists(lake, said, only=["fact_listen"])
    assert lake.scan(TABLES["listens"]).select("user_id", "track_id").collect().rows() == [(2, 5)]
    assert lake.scan(TABLES["vanished"]).collect().height == 0, "what could not be kept had no state"
    told = lake.scan(TABLES["quarantine"]).select("origin", "column_name").collect().rows()
    assert told == [("moovitamix/clean/listen_histories", None)]


def test_a_row_that_becomes_malformed_is_set_aside_and_has_not_vanished(lake: DeltaStore) -> None:
    found = two_days(lake, lists([track(1), track(2)]), lists([track(1, name=" "), track(2)]))
    assert (found["tracks"], found["vanished"]) == ([], [])
    assert audited(lake, "tracks", day(0)).quarantined.height == 1


def test_a_day_that_was_not_observed_is_stepped_over(lake: DeltaStore) -> None:
    keep_raw(lake, day(5), a_few())
    keep_raw(lake, day(0), lists([track(1)]))
    assert {r["compared_with"] for r in audited(lake, "changes", day(0)).kept.to_dicts()} == {day(5)}
    assert audited(lake, "vanished", day(0)).kept.height == 4 + 4 + 4


# -- any days, in any order --------------------------------------------------------------------------------------------

_ids = st.integers(1, 4)
_tracks = st.lists(
    st.builds(track, _ids, album=st.sampled_from("AB"), duration=st.sampled_from(["03:04", "x"]))
    | st.just({"id": "none"})
    | st.none(),
    max_size=5,
)
_users = st.lists(
    st.builds(user, _ids, last_name=st.sampled_from("AB"), email=st.sampled_from(["a@b.de", "c"])), max_size=5
)
_histories = st.lists(
    st.builds(
        lambda who, heard, at: history(who, *heard, at=at),
        _ids,
        st.lists(_ids, max_size=3),
        st.sampled_from(["2026-01-01T00:00:00", "2026-01-02T00:00:00", "never"]),
    ),
    max_size=4,
)
_days = st.dictionaries(
    st.sampled_from([day(n) for n in range(4)]), st.builds(lists, _tracks, _users, _histories), min_size=1, max_size=4
)


@examples(4)
@given(_days)
def test_every_row_is_accounted_for(said: Mapping[dt.date, Lists]) -> None:
    raw = Raw(raw_frames(said, size=3))
    for on in said:
        audits = {t: raw.audited(t, on) for t in ("tracks", "users", "listen_histories", "listens")}
        for table, audit in audits.items():
            assert audit.accounted
            assert audit.received == raw.received(table, on)
        for row in raw.audited("changes", on).kept.iter_rows(named=True):
            assert row["listed"] == len(said[on][row["endpoint"]])
            table = {"listen_history": "listen_histories"}.get(row["endpoint"], row["endpoint"])
            assert row["received"] == audits[table].received


@examples(1)
@given(_days)
def test_a_lake_accounts_for_the_same_rows(fresh_lake: Callable[[], DeltaStore], said: Mapping[dt.date, Lists]) -> None:
    store, raw = fresh_lake(), Raw(raw_frames(said, size=3))
    for on, found in said.items():
        keep_raw(store, on, found, size=3)
    for on in said:
        for table in STAGE:
            audit, of_frames = audited(store, table, on), raw.audited(table, on)
            assert audit.accounted
            assert audit.kept.equals(of_frames.kept), table
            assert (audit.received, audit.duplicates) == (of_frames.received, of_frames.duplicates)
            if table in RECEIVED:
                assert received(store, table, on) == raw.received(table, on)


def plain_state(
    said: Mapping[dt.date, Lists], on: dt.date, endpoint: str, is_sound: Callable[[Any], bool]
) -> dict[Any, Any]:
    """What stood on a day, in plain Python: the first row of each name, in its last sound state since it was last
    absent.

    A day on which the same row comes twice cannot tell that another is absent.
    """

    def name(row: Any) -> Any:
        return (row["user_id"], row["created_at"]) if "items" in row else row["id"]

    standing: dict[Any, Any] = {}
    for day_ in sorted(d for d in said if d <= on):
        listed: dict[Any, list[Any]] = {}
        for row in said[day_][endpoint]:
            if isinstance(row, dict) and not isinstance(row.get("id"), str):
                listed.setdefault(name(row), []).append(row)
        texts = [json.dumps(row) for row in said[day_][endpoint]]
        tells = len(set(texts)) == len(texts)
        standing = {n: row for n, row in standing.items() if n in listed or not tells}
        for n, found in listed.items():
            sound = [row for row in found if is_sound(row)]
            if sound:
                standing[n] = sound[0]
    return standing


@examples(6)
@given(_days)
def test_every_days_state_is_read_back(said: Mapping[dt.date, Lists]) -> None:
    raw = Raw(raw_frames(said))
    kept = {
        t: pl.concat([raw.audited(t, on).kept for on in said]).lazy()
        for t in ("tracks", "users", "listen_histories", "vanished")
    }
    for on in said:
        expected = plain_state(said, on, "tracks", lambda row: True)
        found = clean.state_on(on, kept["tracks"], kept["vanished"], "tracks")
        assert dict(found.select("track_id", "album").iter_rows()) == {n: row["album"] for n, row in expected.items()}
        expected = plain_state(said, on, "users", lambda row: True)
        found = clean.state_on(on, kept["users"], kept["vanished"], "users")
        assert dict(found.select("user_id", "last_name").iter_rows()) == {
            n: row["last_name"] for n, row in expected.items()
        }
        expected = plain_state(said, on, "listen_history", lambda row: row["created_at"] != "never")
        found = clean.state_on(on, kept["listen_histories"], kept["vanished"], "listen_history")
        assert sorted(found.select("user_id", "listen_count").iter_rows()) == sorted(
            (n[0], len(row["items"])) for n, row in expected.items()
        )


def test_publishing_the_same_day_again_costs_nothing(lake: DeltaStore) -> None:
    fill_from_lists(lake, {day(1): a_few(), day(0): a_few()})
    versions = {name: lake.version(contract) for name, contract in TABLES.items()}
    derive(lake, [day(0), day(1)], views=False)
    again = {name: lake.version(contract) for name, contract in TABLES.items()}
    changed = {name for name in versions if versions[name] != again[name]}
    assert changed <= {"fact_column_quality", "fact_table_quality"}, "the profiles are the core's, replaced by the day"


def test_the_day_before_is_found_whatever_days_a_run_has(lake: DeltaStore) -> None:
    for n in (3, 2, 1):
        keep_raw(lake, day(n), lists([track(1, album=str(n))]))
    derive(lake, [day(3), day(1)], only=["tracks"])
    assert rows(lake, "tracks").select("date_id", "album").rows() == [(day(n), str(n)) for n in (3, 2, 1)]


def test_a_day_stays_as_it_is_when_its_pages_or_those_it_was_compared_with_have_expired(lake: DeltaStore) -> None:
    """Compared with nothing, a day would bring back who had left before it."""
    here = a_few()
    left = lists(here["tracks"], here["users"][:2], here["listen_history"][:2])
    came = {"is_complete": True, "is_finished": True, "table_name": contracts.PAGES.path, "duplicate_rows": 0}
    entry = Entry("tracks", REAL, NOON, received_rows=3, **came)
    Ledger(lake, contracts.SOURCE).write(day(2), [entry], {})
    compared = ["changes", "dim_user", "fact_listen"]
    fill_from_lists(lake, {day(2): here, day(1): left, day(0): left}, only=compared)
    was = contents(lake, but=["pages"])
    assert was["dim_user"].filter(pl.col("gone_on") == day(1)).height == 2
    retention.expire(lake, contracts.PAGES, day(1), {})
    for days in ([day(1)], [day(2)], [day(2), day(1), day(0)]):
        derive(lake, days, only=compared)
        assert differing(was, contents(lake, but=["pages"])) == []
