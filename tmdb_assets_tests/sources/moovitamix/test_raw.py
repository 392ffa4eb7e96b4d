"""The client: a day is three lists of one state of the source, kept verbatim, each content once."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.calendar import CalendarError
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.extraction import NothingToObserve
from tmdb_assets.lakehouse.flow.ledger import Entry, Ledger
from tmdb_assets.lakehouse.http import RefusedRequest, SourceUnavailable
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import answers, contracts
from tmdb_assets_tests.faulty_server import Reply, json_reply
from tmdb_assets_tests.sandbox.running import running
from tmdb_assets_tests.sources.moovitamix.lakes import (
    TODAY,
    Lists,
    ListServer,
    a_few,
    cost,
    day,
    derive,
    history,
    keep_raw,
    lists,
    observe,
    observe_history,
    page_text,
    rows,
    track,
    user,
)

MANY = lists(
    [track(n) for n in range(1, 251)], [user(n) for n in range(1, 151)], [history(n, n, n + 1) for n in range(1, 121)]
)


def other(said: Lists, shift: int = 100_000) -> Lists:
    """What the API serves after a restart: other ids, another total."""
    return {endpoint: [_shifted(row, shift) for row in found[:-7]] for endpoint, found in said.items()}


def _shifted(row: dict[str, Any], shift: int) -> dict[str, Any]:
    if "items" in row:
        return row | {"user_id": row["user_id"] + shift, "items": [i + shift for i in row["items"]]}
    return row | {"id": row["id"] + shift}


def kept_pages(store: DeltaStore) -> list[tuple[str, int, str]]:
    """(endpoint, page, text) of every page kept, as put together again."""
    frames = (store.scan(contracts.PAGES), store.scan(contracts.LAYOUTS), store.scan(contracts.RECORDS))
    return answers.restored_pages(*frames).select("endpoint", "page", "payload").rows()


def entries(store: DeltaStore, on: dt.date = TODAY) -> dict[str, Entry]:
    ledger = Ledger(store, contracts.SOURCE)
    return {e: found for e in contracts.ENDPOINTS if (found := ledger.entry(on, e))}


# -- pages taken apart and put together --------------------------------------------------------------------------------

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(_json, max_size=6), st.text(), st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_a_page_is_put_together_as_it_came(items: list[Any], name: str, marks: tuple[str, str], escaped: bool) -> None:
    text = json.dumps({name: items, "items": items, "total": len(items)}, separators=marks, ensure_ascii=escaped)
    layout, texts = answers.take_apart(text)
    assert [json.loads(t) for t in texts] == json.loads(text)["items"]
    assert answers.put_together(layout, texts) == text
    assert layout.count(answers.SEPARATOR) == len(texts)


def test_a_layout_has_nothing_of_its_rows() -> None:
    layout, texts = answers.take_apart(page_text([user(1), user(2)], 1, 100))
    assert layout == '{"items":[\x1e,\x1e],"total":2,"page":1,"size":100,"pages":1}'
    assert len(texts) == 2


def test_the_same_text_has_the_same_hash_in_every_process_and_another_under_another_endpoint() -> None:
    assert answers.content_hash("users", '{"id":1}') == 5269753013445699388
    assert answers.content_hash("tracks", '{"id":1}') != answers.content_hash("users", '{"id":1}')


# -- a day -------------------------------------------------------------------------------------------------------------


def test_a_day_is_kept_verbatim_and_proved(lake: DeltaStore) -> None:
    with ListServer(MANY).running() as server:
        observed = observe(lake, server.url, TODAY)
    assert observed.rows_kept == 3 + 2 + 2
    assert kept_pages(lake) == [
        (endpoint, n, page_text(MANY[endpoint], n, 100))
        for endpoint, count in (("listen_history", 2), ("tracks", 3), ("users", 2))
        for n in range(1, count + 1)
    ]
    for endpoint, entry in entries(lake).items():
        total = len(MANY[endpoint])
        assert (entry.promised_ids, entry.received_ids, entry.promised_pages) == (total, total, -(-total // 100))
        assert (entry.is_complete, entry.is_finished, entry.takes, entry.origin) == (True, True, 1, "real")
    assert {seen.query["size"] for seen in server.seen} == {"100"}


def test_an_empty_source_is_a_day_like_any_other(lake: DeltaStore) -> None:
    with ListServer(lists()).running() as server:
        assert observe(lake, server.url, TODAY).rows_kept == 3
    assert {e.promised_ids for e in entries(lake).values()} == {0}
    assert rows(lake, "pages")["row_count"].to_list() == [0, 0, 0]


def test_429_without_any_header_every_third_answer_costs_time_only(lake: DeltaStore) -> None:
    spoil = ListServer(
        MANY, lambda number, _: json_reply({"detail": "Too Many Requests"}, 429) if number % 3 == 0 else None
    )
    with spoil.running() as server:
        observe(lake, server.url, TODAY)
    found = entries(lake)
    assert sum(e.throttled for e in found.values()) == sum(n % 3 == 0 for n in range(1, server.calls + 1)) > 2
    assert all(e.is_complete and e.takes == 1 for e in found.values())
    assert [(e, n, t) for e, n, t in kept_pages(lake)] == [
        (e, n, page_text(MANY[e], n, 100)) for e, n, _ in kept_pages(lake)
    ]


@pytest.mark.parametrize("at", range(2, 11))
def test_a_restart_between_any_two_answers_mixes_nothing(lake: DeltaStore, at: int) -> None:
    """10 answers make a take: 7 pages and, at the end, the first page of each list again."""
    restarted = other(MANY)

    def restart(number: int, server: ListServer) -> None:
        if number == at:
            server.said = restarted

    said: list[str] = []
    with ListServer(MANY, restart).running() as server:
        observe(lake, server.url, TODAY, said.append)
    assert [text for _, _, text in kept_pages(lake)] == [
        page_text(restarted[endpoint], n, 100) for endpoint, n, _ in kept_pages(lake)
    ]
    assert max(e.takes or 0 for e in entries(lake).values()) == 2
    assert {e.is_complete for e in entries(lake).values()} == {True}
    assert any("taken again from the start, nothing of this take is kept" in line for line in said)


def test_a_restart_after_the_last_answer_of_a_list_is_seen_though_each_list_is_sound(lake: DeltaStore) -> None:
    """Same totals, other ids: only the first pages, asked for again at the end, can tell."""
    same_size = {endpoint: [_shifted(row, 5_000) for row in found] for endpoint, found in MANY.items()}

    def restart(number: int, server: ListServer) -> None:
        if number == 6:  # the tracks and users are through
            server.said = same_size

    with ListServer(MANY, restart).running() as server:
        observe(lake, server.url, TODAY)
    assert {text for _, _, text in kept_pages(lake)} == {
        page_text(same_size[endpoint], n, 100) for endpoint, n, _ in kept_pages(lake)
    }
    assert {endpoint: e.takes for endpoint, e in entries(lake).items()} == {
        "tracks": 2,
        "users": 2,
        "listen_history": 1,
    }


def test_a_source_that_never_stands_still_keeps_nothing_and_says_so(lake: DeltaStore) -> None:
    def grow(number: int, server: ListServer) -> None:
        server.said = lists([track(n) for n in range(1, 150 + number)], MANY["users"], MANY["listen_history"])

    with ListServer(MANY, grow).running() as server, pytest.raises(BlockedError) as raised:
        observe(lake, server.url, TODAY)
    assert raised.value.check == "extraction_complete"
    assert str(raised.value).startswith(f"moovitamix/raw/pages {TODAY}: tracks: page 1 says there are ")
    assert "3 takes in a row: nothing of them is kept. Run the day again." in str(raised.value)
    assert [lake.version(c) for c in (contracts.PAGES, contracts.LAYOUTS, contracts.RECORDS)] == [None] * 3
    assert {(e.takes, e.is_complete, e.is_finished) for e in entries(lake).values()} == {(3, False, False)}


def test_a_row_that_changes_while_one_walks_is_no_restart(lake: DeltaStore) -> None:
    changed = dict(MANY) | {"tracks": [track(1, album="Other"), *MANY["tracks"][1:]]}

    def change(number: int, server: ListServer) -> None:
        if number == 5:
            server.said = changed

    with ListServer(MANY, change).running() as server:
        observe(lake, server.url, TODAY)
    assert {e.takes for e in entries(lake).values()} == {1}


def test_a_page_the_source_refuses_is_missing(lake: DeltaStore) -> None:
    refusal = json_reply({"detail": [{"loc": ["query", "page"], "msg": "Input should be less", "type": "x"}]}, 422)

    def refuse(number: int, server: ListServer) -> Reply | None:
        return refusal if server.asked[-1].query["page"] == "2" else None

    with ListServer(MANY, refuse).running() as server, pytest.raises(BlockedError, match="page 2 of 3 did not come"):
        observe(lake, server.url, TODAY)
    assert lake.version(contracts.PAGES) is None


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_reply({"detail": [{"msg": "no"}]}, 422), RefusedRequest),
        (Reply(500, b"<html>"), SourceUnavailable),
        (Reply(200, b'{"items": [', {"Content-Type": "application/json"}), SourceUnavailable),
    ],
)
def test_a_source_that_does_not_answer_writes_nothing(lake: DeltaStore, reply: Reply, kind: type[Exception]) -> None:
    with ListServer(MANY, lambda *_: reply).running() as server, pytest.raises(kind):
        observe(lake, server.url, TODAY)
    assert lake.version(contracts.PAGES) is None


#: What strict readers of JSON stop at.
UNREADABLE = ["NaN", "Infinity", "-1e999", '"\\ud800"', '"a\x01b"', "[" * 3000 + "]" * 3000, "tru", '"\\x"', "9" * 500]


def test_what_no_reader_of_json_takes_is_set_aside_alone(lake: DeltaStore) -> None:
    """Each bad value in a field nobody knows, in one that may be unknown, and in the ids, of all three lists."""

    def page(endpoint: str) -> bytes:
        make = {"tracks": track, "users": user, "listen_history": history}[endpoint]
        key = "user_id" if endpoint == "listen_history" else "id"
        places = [("extra", 100), ("updated_at", 200), (key, 300)]
        texts = [json.dumps(make(n)) for n in range(1, 4)]
        for field, first in places:
            for n, bad in enumerate(UNREADABLE, first):
                texts.append(json.dumps(make(n) | {field: "@"}).replace('"@"', bad))
        return f'{{"items":[{",".join(texts)}],"total":{len(texts)},"page":1,"size":100,"pages":1}}'.encode()

    answer = {endpoint: page(endpoint) for endpoint in contracts.ENDPOINTS}
    server = ListServer(MANY)
    server.spoil = lambda *_: Reply(200, answer[server.asked[-1].path.strip("/")], {"Content-Type": "application/json"})
    with server.running() as running_:
        for on in (day(1), day(0)):
            observe(lake, running_.url, on)
    derive(lake, [day(1), day(0)], only=["changes", "listen_histories", "dim_track", "dim_user"])
    assert {e: text.encode() for e, _, text in kept_pages(lake)} == answer
    count = len(UNREADABLE)
    for table, key in (("tracks", "track_id"), ("users", "user_id"), ("listen_histories", "user_id")):
        kept = rows(lake, table)
        assert set(kept[key]) == {1, 2, 3, *range(100, 100 + count), *range(200, 200 + count)}
        assert kept.filter(pl.col(key).is_between(200, 299)).get_column("updated_at").null_count() == count
        aside = rows(lake, "quarantine").filter(pl.col("origin") == f"moovitamix/clean/{table}")
        assert aside["column_name"].to_list().count(None) == aside["column_name"].to_list().count("updated_at") == count
    assert rows(lake, "vanished").height == 0
    assert rows(lake, "changes").filter(pl.col("date_id") == day(0))["received"].sum() == 0


@pytest.mark.parametrize("pages", [4, 900_000_000])
def test_pages_without_end_are_not_asked_for_and_spoil_no_day_whose_rows_all_came(lake: DeltaStore, pages: int) -> None:
    server = ListServer(MANY)

    def promise(number: int, _: ListServer) -> Reply:
        seen = server.asked[-1]
        body = json.loads(page_text(MANY[seen.path.strip("/")], int(seen.query["page"]), 100))
        return json_reply(body | {"pages": pages})

    server.spoil = promise
    with server.running() as running_:
        observe(lake, running_.url, TODAY)
    assert running_.calls < 60
    assert {e: entry.received_ids for e, entry in entries(lake).items()} == {e: len(MANY[e]) for e in MANY}


@pytest.mark.parametrize("kind", ["empty", "the first for ever"])
def test_a_source_that_promises_more_than_it_has_is_asked_no_further_and_told(lake: DeltaStore, kind: str) -> None:
    server = ListServer(MANY)

    def promise(number: int, _: ListServer) -> Reply:
        asked = server.asked[-1]
        items = MANY[asked.path.strip("/")][:100] if kind != "empty" else []
        return json_reply({"items": items, "total": 10**9, "pages": 900_000_000})

    server.spoil = promise
    with server.running() as running_, pytest.raises(BlockedError) as raised:
        observe(lake, running_.url, TODAY)
    assert running_.calls < 150
    assert "of 900,000,000" in str(raised.value)
    assert "though 1,000,000,000 rows are promised" in str(raised.value)
    assert lake.version(contracts.PAGES) is None


def test_what_is_no_page_beyond_the_last_row_is_the_end_of_the_list(lake: DeltaStore) -> None:
    server = ListServer(MANY)

    def promise(number: int, _: ListServer) -> Reply:
        seen = server.asked[-1]
        body = json.loads(page_text(MANY[seen.path.strip("/")], int(seen.query["page"]), 100))
        return json_reply(body | {"pages": 900_000_000} | ({} if body["items"] else {"items": None}))

    server.spoil = promise
    with server.running() as running_:
        observe(lake, running_.url, TODAY)
    assert running_.calls < 60
    assert {e: entry.received_ids for e, entry in entries(lake).items()} == {e: len(MANY[e]) for e in MANY}


@pytest.mark.parametrize("kind", ["no page for ever", "new rows for ever"])
def test_a_source_that_goes_on_for_ever_is_asked_no_further_and_told(lake: DeltaStore, kind: str) -> None:
    server = ListServer(MANY)

    def promise(number: int, _: ListServer) -> Reply:
        page = int(server.asked[-1].query["page"])
        items = [{"id": page * 100 + n} for n in range(100)]
        if kind == "no page for ever" and page > 1:
            return json_reply({"items": None, "total": 250, "pages": 900_000_000})
        return json_reply({"items": items, "total": 250, "pages": 900_000_000})

    server.spoil = promise
    with server.running() as running_, pytest.raises(BlockedError) as raised:
        observe(lake, running_.url, TODAY)
    assert running_.calls < 150
    said = "answers in a row are no page" if kind == "no page for ever" else "of 900,000,000, though 250 are promised"
    assert said in str(raised.value)


def test_a_total_that_is_no_count_is_one_sentence(lake: DeltaStore) -> None:
    server = ListServer(MANY)
    server.spoil = lambda number, _: json_reply({"items": [], "total": 2**63, "pages": 1})
    with server.running() as running_, pytest.raises(Exception, match="no field 'total' with a whole number from 0 to"):
        observe(lake, running_.url, TODAY)


def test_pages_of_more_rows_than_were_asked_for_are_kept(lake: DeltaStore) -> None:
    server = ListServer(MANY)

    def whole(number: int, _: ListServer) -> Reply:
        rows = MANY[server.asked[-1].path.strip("/")]
        return json_reply({"items": rows, "total": len(rows), "pages": 1})

    server.spoil = whole
    with server.running() as running_:
        observe(lake, running_.url, TODAY)
    assert {
        e: lake.scan(contracts.PAGES).filter(pl.col("endpoint") == e).collect()["row_count"].to_list() for e in MANY
    } == {e: [len(MANY[e])] for e in MANY}


@pytest.mark.parametrize("status", [404, 422, 500])
def test_an_error_of_the_source_that_repeats_a_person_is_not_repeated(lake: DeltaStore, status: int) -> None:
    server = ListServer(MANY)
    server.spoil = lambda number, _: json_reply({"detail": "no such user: ann.zq@example.org"}, status)
    with server.running() as running_, pytest.raises(Exception, match=f"HTTP {status}") as raised:
        observe(lake, running_.url, TODAY)
    assert "ann" not in str(raised.value)


def test_an_empty_list_takes_nothing_away(lake: DeltaStore) -> None:
    with ListServer(MANY).running() as running_:
        observe(lake, running_.url, day(1), today=day(1))
    server = ListServer(MANY)
    server.spoil = lambda number, _: json_reply({"items": [], "total": 0, "pages": 0})
    with server.running() as running_:
        observe(lake, running_.url, TODAY)
    assert lake.scan(contracts.PAGES, [TODAY]).collect().get_column("is_doubted").all()
    assert all("cannot tell what is gone" in str(entry.note) for entry in entries(lake).values())


# -- the honest calendar -----------------------------------------------------------------------------------------------


def test_a_past_day_never_asked_stays_empty_and_says_so_in_one_sentence(lake: DeltaStore) -> None:
    with ListServer(MANY).running() as server, pytest.raises(NothingToObserve) as raised:
        observe(lake, server.url, day(3), today=TODAY)
    assert str(raised.value) == (
        f"{day(3)}: nothing was kept on that day, and the music API only knows the present; a past day cannot be "
        "observed any more, so it stays empty."
    )
    assert server.calls == 0
    assert lake.version(contracts.PAGES) is None


def test_a_day_that_has_not_begun_is_refused(lake: DeltaStore) -> None:
    with ListServer(MANY).running() as server, pytest.raises(CalendarError):
        observe(lake, server.url, TODAY + dt.timedelta(days=1), today=TODAY)
    assert server.calls == 0


def test_what_is_kept_of_a_past_day_stays_and_is_not_asked_for_again(lake: DeltaStore) -> None:
    with ListServer(MANY).running() as server:
        observe(lake, server.url, day(1))
        before, calls = rows(lake, "pages"), server.calls
        observed = observe(lake, server.url, day(1), today=TODAY)
        assert (observed.fetched, server.calls) == (False, calls)
    assert rows(lake, "pages").equals(before)


def test_a_past_day_whose_run_was_cut_after_its_pages_were_kept_is_finished_without_asking(lake: DeltaStore) -> None:
    with ListServer(a_few()).running() as server:
        observe(lake, server.url, day(1))
        ledger = Ledger(lake, contracts.SOURCE)
        for endpoint, entry in entries(lake, day(1)).items():
            ledger.write(day(1), [Entry(endpoint, entry.origin, entry.started_at, takes=1)], {})
        calls = server.calls
        observe(lake, server.url, day(1), today=TODAY)
        assert server.calls == calls
    for endpoint, entry in entries(lake, day(1)).items():
        assert (entry.is_finished, entry.received_ids) == (True, len(a_few()[endpoint]))


def test_today_asked_again_replaces_today(lake: DeltaStore) -> None:
    with ListServer(a_few()).running() as server:
        observe(lake, server.url, TODAY)
    with ListServer(other(MANY)).running() as server:
        observe(lake, server.url, TODAY)
    assert sum(rows(lake, "pages")["row_count"]) == sum(len(found) for found in other(MANY).values())


def test_the_sandbox_has_history_and_its_data_never_mix_with_real_ones(lake: DeltaStore) -> None:
    with running("--listeners", "30") as sandbox:
        observe_history(lake, sandbox.url, [day(40), day(2)])
        assert rows(lake, "pages")["date_id"].unique().sort().to_list() == [day(40), day(2)]
        assert {e.origin for e in entries(lake, day(2)).values()} == {"sandbox"}
    with ListServer(a_few()).running() as server, pytest.raises(Exception, match="holds sandbox data of moovitamix"):
        observe(lake, server.url, TODAY)


def test_nobody_there_names_the_setting(lake: DeltaStore) -> None:
    with pytest.raises(
        SourceUnavailable, match=r"failed connection \(ConnectionRefusedError\): check MOOVITAMIX_URL\.$"
    ):
        observe(lake, "http://127.0.0.1:1", TODAY)


def test_a_sandbox_told_to_restart_is_noticed(lake: DeltaStore) -> None:
    with running("--listeners", "60", "--restart-after", "2") as sandbox:
        observe_history(lake, sandbox.url, [day(1)])
    assert max(e.takes or 0 for e in entries(lake, day(1)).values()) == 2


# -- what identical content costs --------------------------------------------------------------------------------------


def test_identical_pages_of_the_next_day_add_a_thin_list_only(lake: DeltaStore) -> None:
    keep_raw(lake, day(1), MANY)
    before = {c.name: cost(lake.uri(c)) for c in (contracts.PAGES, contracts.LAYOUTS, contracts.RECORDS)}
    keep_raw(lake, day(0), MANY)
    after = {c.name: cost(lake.uri(c)) for c in (contracts.PAGES, contracts.LAYOUTS, contracts.RECORDS)}
    assert after["layouts"] == before["layouts"]
    assert after["records"] == before["records"]
    assert after["pages"][0] - before["pages"][0] == 2, "one file and its log entry"


def test_one_changed_row_adds_one_row_and_one_layout(lake: DeltaStore) -> None:
    keep_raw(lake, day(1), MANY)
    keep_raw(lake, day(0), dict(MANY) | {"users": [*MANY["users"][:-1], user(150, album="x", last_name="New")]})
    assert rows(lake, "records").height == 250 + 150 + 120 + 1
    assert rows(lake, "layouts").height == 7 + 1
    assert rows(lake, "layouts").filter(pl.col("endpoint") == "users").height == 3
