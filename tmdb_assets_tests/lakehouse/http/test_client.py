"""The door to HTTP against a real, faulty server on loopback: nothing here needs a network beyond this machine."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import gzip
import itertools
import json
import logging
import pickle
import random
import socketserver
import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.http import (
    Answer,
    CacheUnusable,
    Http,
    HttpError,
    RefusedRequest,
    Request,
    SourceUnavailable,
    Unauthorized,
    pacing,
)
from tmdb_assets.lakehouse.http.bodies import JSON_AT_MOST
from tmdb_assets.lakehouse.http.pages import Page, PageStyle, finish, pages_as_they_come, walk_pages
from tmdb_assets.lakehouse.http.responses import retry_after_seconds
from tmdb_assets.lakehouse.payloads import split_items
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.faulty_server import DISGUISES, Disguise, FaultyServer, Reply, Script, Seen, in_turn, json_reply
from tmdb_assets_tests.full_disk import no_file_beyond

SECRET = "s3cret/+ key=é"
OK = json_reply({"ok": True})
HTML = Reply(503, b"<html><h1>Service Unavailable</h1></html>", {"Content-Type": "text/html"})
BAD_KEY = json_reply({"success": False, "status_code": 7, "status_message": "Invalid API key: be granted one."}, 401)
GONE = json_reply({"success": False, "status_code": 34, "status_message": "Not here."}, 404)


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[FaultyServer, Http]]]:
    """Start a server with a script and a client for it; both end with the test, the client first."""
    started: list[tuple[FaultyServer, Http]] = []

    def start(script: Script | Reply, limit_per_second: int | None = None, **options: Any) -> tuple[FaultyServer, Http]:
        server = FaultyServer(
            (lambda _: script) if isinstance(script, Reply) else script, limit_per_second=limit_per_second
        )
        server.__enter__()
        options = {"max_wait_seconds": 0.02, "timeout_seconds": (2.0, 2.0), **options}
        client = Http(server.url, **options)
        started.append((server, client))
        return server, client

    yield start
    for server, client in started:
        client.close()
        server.__exit__()


def numbered(count: int) -> list[Request]:
    return [Request("item", {"n": n}, key=n) for n in range(count)]


# --- one answer ---


def test_answer_keeps_the_body_verbatim(serve: Any) -> None:
    body = '{ "title": "Amélie",\n "votes": 1.50, "x": [] }'
    server, client = serve(Reply(body=body.encode(), headers={"X-Other": "1"}))
    before = dt.datetime.now(dt.UTC)
    request = Request("/movie/1", {"language": "en-US", "append": "a,b c"}, key=1)
    answer = client.get(request, endpoint="details")
    assert (answer.text, answer.status, answer.from_cache) == (body, 200, False)
    assert answer.json == {"title": "Amélie", "votes": 1.5, "x": []}
    assert answer.request is request and answer.headers["x-other"] == "1"
    assert before <= answer.fetched_at <= dt.datetime.now(dt.UTC)
    assert server.seen[0].path == "/movie/1"
    assert server.seen[0].query == {"language": "en-US", "append": "a,b c"}


@pytest.mark.parametrize(
    "item", [('{"id": 2, "title": '
    '"\\ud83d"}'), '{"id": NaN}', '{"id": 1e999}', "[" * 3000 + "]" * 3000, "[" * 940 + "]" * 940, '{"id": 2,}',
    '"\\x"', "9" * 5000]
)  # fmt: skip
def test_one_bad_item_does_not_spoil_an_answer(serve: Any, item: str) -> None:
    body = f'{{"results": [{{"id": 1}}, {item}, {{"id": 3}}], "total_pages": 1, "total_results": 3}}'
    _, client = serve(Reply(body=body.encode()))
    walk = walk_pages(client, "x", {}, endpoint="x")
    assert walk.complete and walk.received_items == 3
    assert walk.pages[0].answer.text == body
    assert split_items(pl.Series([body]), "results")["_payload"].to_list() == ['{"id": 1}', item, '{"id": 3}']


def test_a_byte_that_is_no_text_does_not_spoil_an_answer_either(serve: Any) -> None:
    _, client = serve(Reply(body=b'{"id": 1, "title": "Am\xe9lie"}'))
    answer = client.get(Request("x"), endpoint="e")
    assert (answer.json["id"], answer.text) == (1, r'{"id": 1, "title": "Am\xe9lie"}')


def test_credentials_go_by_header_and_by_parameter_and_netrc_does_not_replace_them(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server, client = serve(OK, headers={"Authorization": "Bearer abc"}, params={"api_key": "k"})
    client.get(Request("x", {"page": 2}), endpoint="e")
    assert server.seen[0].headers["authorization"] == "Bearer abc"
    assert server.seen[0].query == {"api_key": "k", "page": "2"}


def test_credentials_in_the_address_go_by_header_and_are_told_to_nobody() -> None:
    with FaultyServer(in_turn(OK, BAD_KEY)) as server:
        with Http(server.url.replace("://", "://me%40home:s%3Acret@")) as client:
            client.get(Request("x"), endpoint="e")
            with pytest.raises(Unauthorized) as e:
                client.get(Request("x"), endpoint="e")
        assert server.seen[0].headers["authorization"] == "Basic " + base64.b64encode(b"me@home:s:cret").decode()
        assert "cret" not in f"{e.value} {e.value.url}"
        own = {"Authorization": "Bearer abc"}
        with Http(server.url.replace("://", "://me:pw@"), headers=own) as client, pytest.raises(Unauthorized):
            client.get(Request("x"), endpoint="e")
        assert server.seen[-1].headers["authorization"] == "Bearer abc"


def test_markers_tell_who_answered(serve: Any) -> None:
    _, client = serve(in_turn(json_reply({}, X_Sandbox="synthetic"), OK))
    client.get(Request("x"), endpoint="e")
    assert client.markers == {"synthetic"}
    client.get(Request("x"), endpoint="e")
    assert client.markers == {"synthetic", None}


def test_404_is_an_answer_only_where_accepted_and_only_as_json(serve: Any) -> None:
    server, client = serve(lambda seen: Reply(404, b"<html>404") if seen.path == "/html" else GONE, max_attempts=2)
    answer = client.get(Request("x", key=7), endpoint="details", accepted=(200, 404))
    assert (answer.status, answer.request.key, answer.json["status_code"]) == (404, 7, 34)
    with pytest.raises(
        RefusedRequest, match=r"^details: .*/x refused the request with HTTP 404 \(34: Not here\)\.$"
    ) as e:
        client.get(Request("x"), endpoint="details")
    assert (e.value.status, e.value.endpoint) == (404, "details")
    with pytest.raises(SourceUnavailable, match="not JSON"):
        client.get(Request("html"), endpoint="details", accepted=(200, 404))
    assert server.calls == 4


def test_file_is_unpacked_whatever_the_way_it_came(serve: Any) -> None:
    lines = b'{"id": 1}\n' * 50
    packed = gzip.compress(lines)
    _, client = serve(in_turn(Reply(body=packed, fault="cut"), Reply(body=packed), Reply(403, b"<Error/>")))
    answer = client.get_bytes(Request("export.json.gz"), endpoint="export")
    assert (answer.content, answer.text, answer.json) == (lines, "", None)
    assert client.stats["export"].retries == 1 and client.stats["export"].bytes == len(lines)
    assert client.get_bytes(Request("export.json.gz"), endpoint="export", accepted=(200, 403)).status == 403


# --- the bytes, not the headers ---


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_body_is_read_by_its_bytes(serve: Any, disguise: Disguise) -> None:
    said = {"title": "Amélie 😀", "results": [{"id": n} for n in range(40)]}
    server, client = serve(replace(json_reply(said), fault=disguise))
    for _ in range(3):
        answer = client.get(Request("x"), endpoint="e")
        assert (answer.json, answer.text) == (said, json.dumps(said))
    assert (server.calls, server.connections, client.stats["e"].retries) == (3, 1, 0)
    refused = replace(GONE, fault=disguise)
    _, client = serve(refused)
    with pytest.raises(RefusedRequest, match=r"\(34: Not here\)"):
        client.get(Request("x"), endpoint="e")


@pytest.mark.parametrize("disguise", [d for d in DISGUISES if d not in {"BOM", "UTF-16", "gzip with a BOM"}])
def test_a_file_is_read_by_its_bytes(serve: Any, disguise: Disguise) -> None:
    lines = b'{"id": 1}\n' * 900
    for body in (lines, gzip.compress(lines)):
        _, client = serve(Reply(body=body, fault=disguise))
        if disguise == "packed thrice" and body != lines:
            continue
        answer = client.get_bytes(Request("movie_ids.json.gz"), endpoint="export")
        assert answer.content == lines and client.stats["export"].retries == 0


BOMB = Reply(body=gzip.compress(b" " * (JSON_AT_MOST + 1)))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(body=gzip.compress(b'{"a": 1}' * 40)[:-12]), "HTTP 200 with a packed body that was cut short"),
        (Reply(body=gzip.compress(b'{"a": 1}')[:-8] + b"\1" * 8), "HTTP 200 with a packed body that is garbled"),
        (Reply(body=gzip.compress(b"{}") + b"<html>"), "HTTP 200 with a packed body that is garbled"),
        (BOMB, "HTTP 200 with a body of more than 67,108,864 bytes unpacked"),
        (Reply(body=gzip.compress(BOMB.body)), "HTTP 200 with a body of more than 67,108,864 bytes unpacked"),
        (Reply(body=gzip.compress(b"{}"), fault="packed thrice"), "HTTP 200 with a body packed more than 3 times"),
        (replace(BOMB, status=502), "HTTP 502"),
    ],
    ids=["cut", "wrong sum", "more behind it", "a bomb", "a bomb in a parcel", "a Russian doll", "an error's bomb"],
)
def test_what_does_not_unpack_is_asked_for_again(serve: Any, reply: Reply, reason: str) -> None:
    _, client = serve(in_turn(reply, OK))
    assert client.get(Request("x"), endpoint="e").json == {"ok": True}
    assert client.stats["e"].retries == 1
    server, client = serve(reply, max_attempts=2)
    with pytest.raises(SourceUnavailable) as e:
        client.get(Request("x"), endpoint="e")
    assert str(e.value) == f"e: {server.url}/x gave no usable answer in 2 attempts; the last one brought {reason}."


def test_a_throttling_whose_body_is_broken_is_still_one(serve: Any) -> None:
    _, client = serve(in_turn(Reply(429, b"busy", {"Retry-After": "0"}, fault="broken gzip"), OK))
    assert client.get(Request("x"), endpoint="e").json == {"ok": True}
    assert client.stats["e"].throttled == 1


# --- retries ---

TRANSIENT = {
    "reset": Reply(fault="reset"),
    "body cut short": Reply(body=b'{"a": 12345}', fault="cut"),
    "valid JSON, last chunk missing": Reply(body=b"{}", fault="cut chunks"),
    "gzip cut": Reply(body=b'{"a": 12345}', fault="cut gzip"),
    "not the gzip it says": Reply(fault="broken gzip"),
    "HTML with 503": HTML,
    **{f"HTTP {status}": Reply(status, b"<html>") for status in (408, 425, 500, 502, 504, 520, 521, 522, 523, 524)},
    "HTML with 200": Reply(body=b"<html>", headers={"Content-Type": "text/html"}),
    "HTML that says it is JSON": Reply(body=b"<html>", headers={"Content-Type": "application/json"}),
    "empty": Reply(body=b""),
    "not UTF-8": Reply(body=b'\xff\xff{"a": 1}'),
    "two values": Reply(body=b'{"a": 1} {"a": 2}'),
    "cut, and nobody noticed": Reply(body=b'{"a": [1, 2'),
}


@pytest.mark.parametrize("reply", TRANSIENT.values(), ids=TRANSIENT)
def test_passing_fault_is_tried_again(serve: Any, reply: Reply) -> None:
    server, client = serve(in_turn(reply, reply, OK))
    assert client.get(Request("x"), endpoint="e").json == {"ok": True}
    stats = client.stats["e"]
    assert (server.calls, stats.calls, stats.retries, stats.throttled) == (3, 3, 2, 0)


@pytest.mark.parametrize("fault", ["hang", "slow body"])
def test_silence_is_tried_again(serve: Any, fault: Any) -> None:
    server, client = serve(in_turn(Reply(fault=fault), OK), timeout_seconds=(2.0, 0.1))
    assert client.get(Request("x"), endpoint="e").json == {"ok": True}
    assert server.calls == 2


def _date(seconds_from_now: float) -> str:
    return format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds_from_now), usegmt=True)


PAST, FUTURE = "a date an hour ago", "a date in an hour"


@pytest.mark.parametrize(
    "value", [None, "0", "1", "0.005", "3600", PAST, FUTURE, "-5", "nan", "inf", "soon", "", "Mon, 99 Foo 2026"]
)
def test_429_is_waited_out_whatever_its_retry_after_says(serve: Any, value: str | None) -> None:
    written = {PAST: _date(-3600), FUTURE: _date(3600)}.get(value or "", value)
    headers = {} if written is None else {"Retry-After": written}
    server, client = serve(in_turn(Reply(429, b"<html>slow down", headers), OK))
    assert client.get(Request("x"), endpoint="e").json == {"ok": True}
    assert client.stats["e"].throttled == client.stats["e"].retries == 1
    assert server.calls == 2


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("", 0, 0), ("0", 0, 0), ("7", 7, 7), ("1.5", 1.5, 1.5), ("-3", 0, 0), ("nan", 0, 0), ("x", 0, 0),
     (PAST, 0, 0), (FUTURE, 3000, 3601), ("Wed, 21 Oct 2099 07:28:00 -0000", 1e9, 1e10)],
)  # fmt: skip
def test_retry_after_is_understood(value: str, low: float, high: float) -> None:
    written = {PAST: _date(-3600), FUTURE: _date(3600)}.get(value, value)
    assert low <= retry_after_seconds(written) <= high


def test_exhausted_retries_say_how_often_and_what_came_last(serve: Any) -> None:
    server, client = serve(in_turn(Reply(fault="reset"), Reply(fault="reset"), HTML), max_attempts=3)
    with pytest.raises(SourceUnavailable) as e:
        client.get(Request("x"), endpoint="discover")
    expected = f"discover: {server.url}/x gave no usable answer in 3 attempts; the last one brought HTTP 503."
    assert str(e.value) == expected
    assert (e.value.status, e.value.endpoint, e.value.url, server.calls) == (503, "discover", f"{server.url}/x", 3)
    assert str(pickle.loads(pickle.dumps(e.value))) == expected


def test_nobody_there_is_told() -> None:
    client = Http("http://127.0.0.1:1", max_attempts=2, max_wait_seconds=0.01)
    with client, pytest.raises(SourceUnavailable, match=r"2 attempts.*failed connection \(ConnectionRefusedError\)\.$"):
        client.get(Request("x"), endpoint="e")


@pytest.mark.parametrize("status", [400, 403, 405, 418, 422])
def test_refusal_is_not_tried_again(serve: Any, status: int) -> None:
    server, client = serve(json_reply({"status_code": 22, "status_message": "Invalid page."}, status))
    with pytest.raises(RefusedRequest, match=rf"HTTP {status} \(22: Invalid page\)\.$"):
        client.get(Request("x"), endpoint="e")
    assert server.calls == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_the_setting(serve: Any, status: int) -> None:
    server, client = serve(Reply(status, BAD_KEY.body), credential_hint="check TMDB_API_TOKEN")
    with pytest.raises(Unauthorized, match=r"be granted one\): check TMDB_API_TOKEN\.$"):
        client.get(Request("x"), endpoint="e")
    assert server.calls == 1


# --- many ---


def test_many_come_in_order_over_few_connections(serve: Any) -> None:
    def script(seen: Seen) -> Reply:
        return json_reply(int(seen.query["n"])) if seen.nth > 1 or random.random() < 0.9 else HTML

    server, client = serve(script, concurrency=6)
    for _ in range(2):
        answers = list(client.get_many(numbered(60), endpoint="e"))
        assert [answer.json for answer in answers] == [answer.request.key for answer in answers] == list(range(60))
    assert server.connections <= 6 and server.most_at_once <= 6
    stats = client.stats["e"]
    assert stats.calls == server.calls == 120 + stats.retries


def test_input_is_read_lazily_and_leaving_the_loop_ends_the_sending(serve: Any) -> None:
    server, client = serve(OK, concurrency=3)
    taken = itertools.count()
    requests = (Request("item", {"n": next(taken)}) for _ in itertools.count())
    answers = client.get_many(requests, endpoint="e")
    for _ in range(5):
        next(answers)
    answers.close()
    assert next(taken) <= 5 + 4 * 3
    calls = server.calls
    assert calls == client.stats["e"].calls <= 5 + 4 * 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("http")]


def test_refused_credentials_end_a_flood_at_once(serve: Any) -> None:
    server, client = serve(BAD_KEY, concurrency=4, max_attempts=8)
    with pytest.raises(Unauthorized):
        list(client.get_many(numbered(500), endpoint="e"))
    assert server.calls <= 4


def test_first_error_ends_the_waiting_of_the_others(serve: Any) -> None:
    def script(seen: Seen) -> Reply:
        return GONE if seen.query["n"] == "3" else Reply(503, b"")

    server, client = serve(script, concurrency=4, max_wait_seconds=3600.0)
    with pytest.raises(RefusedRequest):
        list(client.get_many(numbered(100), endpoint="e"))
    assert server.calls <= 8


def test_error_in_the_input_ends_it_too(serve: Any) -> None:
    _, client = serve(OK)

    def requests() -> Iterator[Request]:
        yield Request("x")
        raise LookupError("no more")

    with pytest.raises(LookupError):
        list(client.get_many(requests(), endpoint="e"))


def of_each(replies: dict[int, Reply]) -> Script:
    return lambda seen: replies.get(int(seen.query["n"]), json_reply(int(seen.query["n"])))


def test_one_that_fails_does_not_end_the_others(serve: Any) -> None:
    bad = {3: HTML, 4: GONE, 5: Reply(fault="reset"), 11: Reply(body=b"<html>"), 29: HTML}
    server, client = serve(of_each(bad), concurrency=4)
    outcomes = list(client.get_each(numbered(30), endpoint="details", attempts=2))
    assert [outcome.request.key for outcome in outcomes if outcome.request] == list(range(30))
    failed = {e.request.key: e for e in outcomes if isinstance(e, HttpError) and e.request}
    assert {n: type(e) for n, e in failed.items()} == dict.fromkeys(bad, SourceUnavailable) | {4: RefusedRequest}
    assert [a.json for a in outcomes if isinstance(a, Answer)] == [n for n in range(30) if n not in bad]
    assert str(failed[3]) == (
        f"details: {server.url}/item?n=3 gave no usable answer in 2 attempts; the last one brought HTTP 503."
    )
    assert failed[3].__traceback__ is None and str(pickle.loads(pickle.dumps(failed[3]))) == str(failed[3])
    assert server.calls == 25 + 4 * 2 + 1
    assert not list(client.get_each([], endpoint="details"))


@pytest.mark.parametrize("method", ["get_each", "get_many"])
def test_what_had_arrived_is_handed_out_before_refused_credentials_end_it(serve: Any, method: str) -> None:
    others = threading.Semaphore(0)

    def script(seen: Seen) -> Reply:
        if seen.query["n"] == "9":
            for _ in range(9):
                assert others.acquire(timeout=10)
            return BAD_KEY
        others.release()
        return json_reply(int(seen.query["n"]))

    server, client = serve(script, concurrency=10, max_attempts=1)
    got: list[Answer] = []
    with pytest.raises(Unauthorized) as e:
        got.extend(getattr(client, method)(numbered(500), endpoint="e"))
    assert {answer.json for answer in got} >= set(range(9))
    assert e.value.request == Request("item", {"n": 9}, key=9)
    assert server.calls <= 50


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_source_that_is_down_is_given_up(serve: Any, concurrency: int) -> None:
    server, client = serve(
        lambda seen: OK if int(seen.query["n"]) < 10 else HTML, concurrency=concurrency, max_attempts=1
    )
    outcomes: list[Any] = []
    with pytest.raises(SourceUnavailable, match=r"HTTP 503\.$"):
        outcomes.extend(client.get_each(numbered(500), endpoint="e", give_up_after=5))
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds[:10] == [Answer] * 10 and set(kinds[10:]) == {SourceUnavailable}
    assert server.calls < 100, "how many depends on when the last answer came"
    if concurrency == 1:
        assert (len(kinds), server.calls) == (10 + 4, 10 + 5)


@examples(25)
@given(st.lists(st.booleans(), max_size=30), st.integers(1, 6))
def test_giving_up_counts_failures_with_no_answer_in_between(good: list[bool], give_up_after: int) -> None:
    outcomes: list[Any] = []
    runs = [len(list(run)) for fine, run in itertools.groupby(good) if not fine]
    gives_up = any(run >= give_up_after for run in runs)
    server = FaultyServer(of_each({n: GONE for n, fine in enumerate(good) if not fine}))
    expected = pytest.raises(RefusedRequest) if gives_up else contextlib.nullcontext()
    with server, Http(server.url, concurrency=1) as client, expected:
        outcomes.extend(client.get_each(numbered(len(good)), endpoint="e", give_up_after=give_up_after))
    assert [isinstance(outcome, Answer) for outcome in outcomes] == good[: len(outcomes)]
    assert gives_up or len(outcomes) == len(good)


def test_progress_is_told(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "PROGRESS_SECONDS", 0.0)
    lines: list[str] = []
    _, client = serve(OK, log=lines.append)
    list(client.get_many(numbered(3), endpoint="e", progress="details", total=2431))
    assert [line.rsplit(", ", 1)[0] for line in lines] == [f"details: {n} of 2,431" for n in (1, 2, 3)]
    assert lines[0].endswith("/s")


def test_rate_limit_is_never_exceeded(serve: Any) -> None:
    server, client = serve(OK, limit_per_second=60, requests_per_second=50.0)
    list(client.get_many(numbered(75), endpoint="e"))
    assert client.stats["e"].throttled == 0
    assert server.calls == 75


# --- secrets ---


@pytest.mark.parametrize("reply", [BAD_KEY, GONE, HTML, Reply(fault="reset"), Reply(fault="cut"), Reply(fault="hang")])
@pytest.mark.parametrize("method", ["get", "get_bytes", "get_many"])
def test_no_secret_in_errors_tracebacks_or_logs(
    serve: Any, reply: Reply, method: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "PROGRESS_SECONDS", 0.0)
    caplog.set_level(logging.DEBUG)
    lines: list[str] = []
    _, client = serve(
        reply,
        params={"api_key": SECRET, "q": f"see {SECRET}"},
        headers={"Authorization": "Bearer tok3n"},
        secrets=[SECRET, "tok3n"],
        timeout_seconds=(1.0, 0.05),
        max_attempts=2,
        log=lines.append,
    )
    ask: Any = getattr(client, method)
    with pytest.raises(HttpError) as e:
        list(ask([Request("x")], endpoint="e")) if method == "get_many" else ask(Request("x"), endpoint="e")
    shown = ["".join(traceback.format_exception(e.value)), repr(e.value), *lines]
    chain: BaseException | None = e.value
    while chain is not None:
        shown += [str(chain), repr(chain), repr(vars(chain))]
        chain = chain.__cause__ or chain.__context__
    shown += [logging.Formatter().format(record) for record in caplog.records]
    for form in (SECRET, quote(SECRET), quote_plus(SECRET), quote(SECRET, safe=""), "tok3n"):
        assert not [text for text in shown if form in text]
    if reply.fault == "none":
        assert any(
            "api_key=***" in record.getMessage() for record in caplog.records if record.name.startswith("urllib3")
        )


def test_redirects_are_followed_and_counted(serve: Any) -> None:
    server, client = serve(lambda seen: Reply(302, b"", {"Location": "/new"}) if seen.path == "/old" else OK)
    assert client.get(Request("old"), endpoint="e").json == {"ok": True}
    assert client.stats["e"].calls == server.calls == 2
    _, client = serve(lambda seen: Reply(302, b"", {"Location": seen.target}))
    with pytest.raises(HttpError, match=r"cannot be asked \(TooManyRedirects\)\.$"):
        client.get(Request("x"), endpoint="e")


def test_redirects_take_their_turns(serve: Any) -> None:
    server, client = serve(
        lambda seen: Reply(302, b"", {"Location": "/new"}) if seen.path == "/old" else OK, requests_per_second=50
    )
    for _ in range(6):
        client.get(Request("old"), endpoint="e")
    arrived = sorted(seen.at for seen in server.seen)
    assert len(arrived) == 12
    assert arrived[-1] - arrived[0] > 9 / 50, "twelve requests, not six"


def test_malformed_credentials_do_not_leak_either(serve: Any) -> None:
    _, client = serve(OK, headers={"Authorization": "Bearer tok3n\n"})
    with pytest.raises(HttpError, match="cannot be asked") as e:
        client.get(Request("x"), endpoint="e")
    assert e.value.__context__ is None and "tok3n" not in str(e.value)


# --- cache ---


def test_cached_answer_costs_no_call_and_holds_no_secret(serve: Any, tmp_path: Path) -> None:
    def script(seen: Seen) -> Reply:
        if seen.path == "/echo":
            return json_reply({"you": seen.headers["authorization"]})
        return json_reply({"n": seen.nth}, X_Sandbox="synthetic") if seen.nth > 1 else HTML

    file = tmp_path / "cache.sqlite"
    options: dict[str, Any] = {
        "cache": f"sqlite:{file}",
        "params": {"api_key": SECRET, "language": "en"},
        "headers": {"Authorization": "Bearer tok3n"},
        "secrets": [SECRET, "tok3n"],
    }
    server, client = serve(script, **options)
    first = client.get(Request("x", {"page": 1}), endpoint="e")
    again = client.get(Request("x", {"page": 1}, key="tag"), endpoint="e")
    assert (first.from_cache, again.from_cache, again.request.key) == (False, True, "tag")
    assert (again.text, again.json, again.fetched_at) == (first.text, {"n": 2}, first.fetched_at)
    assert client.markers == {"synthetic"}
    assert (server.calls, client.stats["e"].calls, client.stats["e"].cache_hits) == (2, 2, 1)
    assert not client.get(Request("x", {"page": 2}), endpoint="e").from_cache
    assert client.get(Request("x", {"page": 1}), endpoint="e", fresh=True).json == {"n": 3}
    assert client.get(Request("x", {"page": 1}), endpoint="e").json == {"n": 3}, "a fresh answer renews the kept one"
    client.get(Request("echo"), endpoint="e")
    assert not client.get(Request("echo"), endpoint="e").from_cache
    client.close()
    with Http(server.url, **options | {"params": {"api_key": "another", "language": "en"}}) as other:
        assert other.get(Request("x", {"page": 1}), endpoint="e").from_cache, "another key sees the same data"
    with Http(server.url, **options | {"params": {"api_key": SECRET, "language": "fr"}}) as other:
        assert not other.get(Request("x", {"page": 9}), endpoint="e").from_cache
    with contextlib.closing(sqlite3.connect(file)) as opened:
        kept = [value for (value,) in opened.execute("SELECT value FROM responses")]
    assert kept
    bodies = b"".join(base64.b64decode(value.split('_content": "')[1].split('"')[0]) for value in kept)
    assert b'{"n": 3}' in bodies
    for form in (SECRET, quote(SECRET), quote_plus(SECRET), quote(SECRET, safe=""), "tok3n", "Bearer"):
        assert form.encode() not in b"".join(f.read_bytes() for f in tmp_path.iterdir()) + bodies


def test_only_200_json_is_kept(serve: Any, tmp_path: Path) -> None:
    server, client = serve(lambda seen: GONE if seen.path == "/gone" else OK, cache=f"sqlite:{tmp_path}/c")
    for _ in range(2):
        client.get(Request("gone"), endpoint="e", accepted=(200, 404))
        client.get_bytes(Request("file"), endpoint="e")
    assert server.calls == 4 and client.stats["e"].cache_hits == 0


def test_yesterdays_answer_is_not_todays_observation(serve: Any, tmp_path: Path) -> None:
    server, client = serve(OK, cache=f"sqlite:{tmp_path}/c.sqlite")
    answer = client.get(Request("x"), endpoint="e")
    key = client._cache.key(f"{server.url}/x", ["api_key"])
    assert client._cache.load(key) is not None
    yesterday = replace(answer, fetched_at=answer.fetched_at - dt.timedelta(days=1))
    client._cache.save(key, f"{server.url}/x", yesterday)
    assert client._cache.load(key) is None
    assert not client.get(Request("x"), endpoint="e").from_cache


def test_cache_goes_by_the_day_that_is_observed(tmp_path: Path) -> None:
    """A clock that is set to another day has that day's answers and no other's."""
    noon = dt.datetime.now(dt.UTC) + dt.timedelta(days=10)
    with FaultyServer(lambda seen: json_reply({"nth": seen.nth})) as server:
        for now, nth in ((noon, 1), (noon, 1), (noon + dt.timedelta(days=1), 2)):
            with Http(server.url, cache=f"sqlite:{tmp_path}/c", now=lambda now=now: now) as client:
                answer = client.get(Request("x"), endpoint="e")
            assert (answer.json, answer.fetched_at) == ({"nth": nth}, now)


def test_cache_serves_many_threads(serve: Any, tmp_path: Path) -> None:
    server, client = serve(OK, cache=f"sqlite:{tmp_path}/c.sqlite", concurrency=8)
    for _ in range(2):
        list(client.get_many(numbered(80), endpoint="e"))
    assert server.calls == 80 and client.stats["e"].cache_hits == 80


class _TinyRedis(socketserver.StreamRequestHandler):
    """The few commands of Redis that the cache needs."""

    kept: dict[bytes, bytes]

    def handle(self) -> None:
        while line := self.rfile.readline():
            words = [self._word() for _ in range(int(line[1:]))]
            name = words[0].upper()
            if name in {b"SET", b"SETEX"}:
                self.kept[words[1]] = words[-1]
            value = self.kept.get(words[1]) if name == b"GET" else None
            bulk = b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
            unknown = name not in {b"GET", b"SET", b"SETEX", b"PING", b"HGET", b"AUTH", b"CLIENT"}
            simple = b"-ERR unknown command\r\n" if unknown else b"+PONG\r\n" if name == b"PING" else b"+OK\r\n"
            self.wfile.write(bulk if name in {b"GET", b"HGET"} else simple)

    def _word(self) -> bytes:
        size = int(self.rfile.readline()[1:])
        return self.rfile.read(size + 2)[:-2]


# requests-cache 1.3 calls `setex`, which redis 8 calls deprecated.
@pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
def test_redis_serves_as_cache(serve: Any) -> None:
    kept: dict[bytes, bytes] = {}
    handler = type("Handler", (_TinyRedis,), {"kept": kept})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as redis, contextlib.ExitStack() as at_the_end:
        threading.Thread(target=redis.serve_forever, kwargs={"poll_interval": 0.01}).start()
        at_the_end.callback(redis.shutdown)
        spec = f"redis://127.0.0.1:{redis.server_address[1]}/0?protocol=2"
        server, client = serve(OK, cache=spec, params={"api_key": SECRET}, secrets=[SECRET])
        at_the_end.callback(client.close)
        for _ in range(2):
            assert client.get(Request("x"), endpoint="e").json == {"ok": True}
        assert server.calls == 1 and client.stats["e"].cache_hits == 1
        assert len(kept) == 1 and SECRET.encode() not in b"".join(kept.values())


@pytest.mark.parametrize(
    "spec", ["sqlite:{tmp}/file/x.sqlite", "sqlite:{tmp}/file", "redis://:pw@127.0.0.1:1/0", "redis://h:p", "x"]
)
def test_unusable_cache_is_one_sentence(spec: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a folder it is not")
    (tmp_path / "file.sqlite").write_text("a database it is not " * 50)
    with pytest.raises(CacheUnusable, match=r"^HTTP_CACHE=\S+ cannot be used: .+\.$") as e:
        Http("http://127.0.0.1:1", cache=spec.format(tmp=tmp_path))
    assert "pw" not in str(e.value)


def test_cache_on_a_full_disk_is_told_and_goes_on_when_there_is_room(serve: Any, tmp_path: Path) -> None:
    server, client = serve(json_reply({"text": "x" * 100_000}), cache=f"sqlite:{tmp_path}/c.sqlite")
    with (
        no_file_beyond((tmp_path / "c.sqlite").stat().st_size + 4096),
        pytest.raises(
            CacheUnusable, match=r"^HTTP_CACHE=sqlite:\S+ cannot be used: .+; make room, or set it to another"
        ),
    ):
        client.get(Request("x"), endpoint="e")
    assert [client.get(Request("x"), endpoint="e").from_cache for _ in range(2)] == [False, True]
    assert server.calls == 2


def test_cache_that_breaks_on_the_way_is_told(serve: Any, tmp_path: Path) -> None:
    _, client = serve(OK, cache=f"sqlite:{tmp_path}/c.sqlite")
    client._cache._backend.responses._connection.execute("DROP TABLE responses")
    with pytest.raises(CacheUnusable, match="HTTP_CACHE"):
        client.get(Request("x"), endpoint="e")


# --- pages ---


def paged(items: list[Any], size: int = 20, **changes: Any) -> Script:
    """Serve a list in pages; `changes` replace fields of every page."""

    def script(seen: Seen) -> Reply:
        number = int(seen.query["page"])
        page = {"page": number, "results": items[(number - 1) * size : number * size]}
        total = {"total_pages": -(-len(items) // size), "total_results": len(items)}
        return json_reply({**page, **total, **changes})

    return script


def films(*ids: int) -> list[dict[str, int]]:
    return [{"id": n} for n in ids]


def test_stable_list_is_walked_once(serve: Any) -> None:
    server, client = serve(paged(films(*range(95))))
    walk = walk_pages(client, "discover", {"sort": "x"}, endpoint="discover")
    assert [page.number for page in walk.pages] == [1, 2, 3, 4, 5]
    assert (walk.promised_pages, walk.promised_items, walk.received_items, walk.duplicates) == (5, 95, 95, 0)
    assert walk.complete and walk.passes == 1 and walk.missing_pages == []
    assert server.calls == client.stats["discover"].calls == 5
    assert all(seen.query["sort"] == "x" for seen in server.seen)
    assert walk.describe() == "discover: 5 of 5 pages, 95 of 95 promised items (0 repeated rows, 1 pass): complete."


@pytest.mark.parametrize("had", [{1}, {2, 3}, {1, 2, 3, 4}, {5}, {1, 2, 3, 4, 5}])
def test_pages_that_were_had_before_are_not_asked_for_and_the_walk_is_the_same(serve: Any, had: set[int]) -> None:
    _, client = serve(paged(films(*range(95))))
    whole = walk_pages(client, "x", {}, endpoint="x")
    known = {page.number: page.answer for page in whole.pages if page.number in had}
    server, client = serve(paged(films(*range(95))))
    walking, handed_out = pages_as_they_come(client, "x", {}, endpoint="x", known=known), []
    try:
        while True:
            handed_out.append(next(walking).number)
    except StopIteration as end:
        walk = end.value
    missing = sorted({1, 2, 3, 4, 5} - had)
    assert handed_out == missing
    assert sorted(int(seen.query["page"]) for seen in server.seen) == missing
    assert [(page.number, page.items) for page in walk.pages] == [(page.number, page.items) for page in whole.pages]
    assert walk.describe() == whole.describe()


def test_a_fresh_walk_asks_for_all_pages_whatever_was_had_before(serve: Any) -> None:
    _, client = serve(paged(films(*range(45))))
    known = {page.number: page.answer for page in walk_pages(client, "x", {}, endpoint="x").pages}
    server, client = serve(paged(films(*range(45))))
    finish(pages_as_they_come(client, "x", {}, endpoint="x", known=known, fresh=True))
    assert server.calls == 3


def test_empty_list_is_complete(serve: Any) -> None:
    server, client = serve(paged([]))
    walk = walk_pages(client, "discover", {}, endpoint="discover")
    assert walk.complete and (walk.promised_items, walk.received_items, len(walk.pages), server.calls) == (0, 0, 1, 1)


def test_cap_of_the_source_bounds_the_promise(serve: Any) -> None:
    server, client = serve(paged(films(*range(100)), total_pages=58_324, total_results=1_166_463))
    walk = walk_pages(client, "discover", {}, endpoint="discover", style=PageStyle(max_page=5))
    assert walk.complete and (walk.promised_pages, walk.promised_items, server.calls) == (5, 100, 5)


def test_other_names_of_fields_and_an_unknown_page_size(serve: Any) -> None:
    def script(seen: Seen) -> Reply:
        assert seen.query["per"] == "7"
        return json_reply({"items": films(1, 2), "pages": 1, "total": 2})

    names: dict[str, Any] = {"items": "items", "total_pages": "pages", "total_items": "total", "page": "p"}
    _, client = serve(script)
    walk = walk_pages(client, "x", {}, endpoint="x", style=PageStyle(**names, page_size=7, size_param="per"))
    assert walk.complete and walk.received_items == 2
    _, client = serve(paged(films(*range(30)), size=7))
    style = PageStyle(page_size=None, max_page=2)
    walk = walk_pages(client, "x", {}, endpoint="x", style=style)
    assert walk.complete and (walk.promised_pages, walk.promised_items) == (2, 14)
    walk = walk_pages(client, "x", {}, endpoint="x", style=PageStyle(page_size=None, max_page=None))
    assert walk.complete and (walk.promised_pages, walk.promised_items) == (5, 30)


def test_short_page_is_asked_again_and_its_fullest_answer_kept(serve: Any) -> None:
    full = paged(films(*range(60)))

    def script(seen: Seen) -> Reply:
        if seen.query["page"] != "2" or seen.nth > 1:
            return full(seen)
        return json_reply({"results": films(*range(20, 25)), "total_pages": 3, "total_results": 60})

    server, client = serve(script)
    walk = walk_pages(client, "x", {}, endpoint="x")
    assert walk.complete and walk.received_items == 60 and walk.passes == 1 and len(walk.pages) == 3
    assert server.calls == 3 + 1


def test_rows_of_a_short_answer_that_is_not_kept_are_missing(serve: Any) -> None:
    """The list moved between both answers: what only the first of them had must be asked for again."""
    pages = {1: [[1, 2, 3]], 2: [[4], [5, 6], [4, 5, 6]], 3: [[7]]}

    def script(seen: Seen) -> Reply:
        answers = pages[int(seen.query["page"])]
        rows = answers[min(seen.nth, len(answers)) - 1]
        return json_reply({"results": films(*rows), "total_pages": 3, "total_results": 7})

    _, client = serve(script)
    walk = walk_pages(client, "x", {}, endpoint="x", style=PageStyle(page_size=3), max_passes=1)
    kept = {item["id"] for page in walk.pages for item in page.items}
    assert (walk.received_items, len(kept), walk.complete) == (6, 6, False)
    _, client = serve(script)
    walk = walk_pages(client, "x", {}, endpoint="x", style=PageStyle(page_size=3))
    kept = {item["id"] for page in walk.pages for item in page.items}
    assert (walk.received_items, len(kept), walk.complete, walk.passes) == (7, 7, True, 2)


def test_page_that_stays_short_is_accepted(serve: Any) -> None:
    items = films(*range(59))

    def script(seen: Seen) -> Reply:
        served = {1: items[:20], 2: items[20:39], 3: items[39:]}[int(seen.query["page"])]
        return json_reply({"results": served, "total_pages": 3, "total_results": 59})

    server, client = serve(script)
    walk = walk_pages(client, "x", {}, endpoint="x")
    assert walk.complete and walk.received_items == 59 and walk.passes == 1
    assert server.calls == 3  # nothing is missing, so nothing is asked again


def test_page_that_stays_short_with_rows_missing_is_asked_again_and_accepted(serve: Any) -> None:
    items = films(*range(59))

    def script(seen: Seen) -> Reply:
        served = {1: items[:20], 2: items[20:39], 3: items[39:]}[int(seen.query["page"])]
        return json_reply({"results": served, "total_pages": 3, "total_results": 60})

    server, client = serve(script)
    walk = walk_pages(client, "x", {}, endpoint="x", tolerance=0.05)
    assert walk.complete and walk.received_items == 59 and walk.promised_items == 60 and walk.passes == 1
    assert server.calls == 3 + 1


@pytest.mark.parametrize(("idle", "gives_out"), [(4, False), (5, False), (6, True)])
def test_a_list_gives_out_after_five_pages_that_bring_nothing(serve: Any, idle: int, gives_out: bool) -> None:
    _, client = serve(paged(films(*range(60)), total_pages=3 + idle, total_results=20 * (3 + idle)), concurrency=1)
    walk = walk_pages(client, "x", {}, endpoint="x", max_passes=1)
    assert ("page 4 of 9 is empty, and so do those after it" in walk.describe()) == gives_out, walk.describe()


def test_larger_total_seen_on_the_way_is_obeyed(serve: Any) -> None:
    def script(seen: Seen) -> Reply:
        number = int(seen.query["page"])
        full = films(*range(number * 20, number * 20 + 20))
        return json_reply({"results": full, "total_pages": min(4, number + 1), "total_results": 80})

    _, client = serve(script)
    walk = walk_pages(client, "x", {}, endpoint="x")
    assert walk.complete and walk.promised_pages == 4 and walk.received_items == 80


def test_total_stated_most_often_is_the_promise(serve: Any) -> None:
    def script(seen: Seen) -> Reply:
        number = int(seen.query["page"])
        totals = {1: 61, 2: 60, 3: 60, 4: 61, 5: 59}
        full = films(*range(number * 12, number * 12 + 12))
        return json_reply({"results": full, "total_pages": 5, "total_results": totals[number]})

    _, client = serve(script)
    walk = walk_pages(client, "x", {}, endpoint="x", style=PageStyle(page_size=None), max_passes=1)
    assert walk.promised_items == 61 and walk.received_items == 60
    assert not walk.complete and "incomplete" in walk.describe()


def test_rows_that_moved_are_found_on_another_pass(serve: Any) -> None:
    moved = paged(films(*range(20), *range(19, 39)), total_results=40)  # 39 slipped away while 19 came twice
    still = paged(films(*range(40)))
    server, client = serve(lambda seen: moved(seen) if seen.nth == 1 else still(seen))
    walk = walk_pages(client, "x", {}, endpoint="x")
    assert walk.complete and (walk.received_items, walk.duplicates, walk.passes) == (40, 20 + 0, 2)
    assert [(page.number, page.pass_number) for page in walk.pages] == [(1, 1), (2, 1), (2, 2)]
    assert sum(len(page.items) for page in walk.pages) == walk.received_items + walk.duplicates
    assert server.calls == client.stats["x"].calls


def test_passes_end_when_they_bring_nothing(serve: Any) -> None:
    server, client = serve(paged(films(*range(40)), total_results=50, total_pages=3))
    walk = walk_pages(client, "x", {}, endpoint="x", tolerance=0.05, max_passes=9)
    assert not walk.complete and walk.passes == 2 and len(walk.pages) == 3 and walk.received_items == 40
    assert server.calls == 6


def test_few_missing_rows_are_not_worth_another_pass(serve: Any) -> None:
    server, client = serve(paged(films(*range(40)), total_results=41, total_pages=3))
    walk = walk_pages(client, "x", {}, endpoint="x", tolerance=0.05, max_passes=9)
    assert walk.complete and walk.passes == 1 and walk.received_items == 40 and walk.promised_items == 41
    assert server.calls == 3


def test_page_the_source_refuses_is_missing(serve: Any) -> None:
    good = paged(films(*range(80)))
    refused = json_reply({"status_code": 22, "status_message": "Invalid page."}, 422)
    _, client = serve(lambda seen: refused if seen.query["page"] == "3" else good(seen))
    walk = walk_pages(client, "x", {}, endpoint="x", tolerance=1.0)
    assert walk.missing_pages == [3] and not walk.complete and walk.received_items == 60


def test_items_without_the_key_are_compared_whole(serve: Any) -> None:
    items: list[Any] = [
        {"id": 1, "a": 1},
        {"id": 1, "a": 2},
        {"id": None, "x": 1},
        {"x": 1},
        {"x": 1},
        5,
        5,
        "5",
        [1],
        {"id": "1"},
    ]
    _, client = serve(paged(items))
    walk = walk_pages(client, "x", {}, endpoint="x", max_passes=1)
    assert (walk.received_items, walk.duplicates) == (7, 3)


def test_stop_ends_the_walk_after_its_page(serve: Any) -> None:
    server, client = serve(paged(films(*range(2000))), concurrency=4)
    walk = walk_pages(client, "x", {}, endpoint="x", stop=lambda page: page.items[-1]["id"] >= 130)
    assert [page.number for page in walk.pages] == [1, 2, 3, 4, 5, 6, 7]
    assert walk.complete and (walk.promised_pages, walk.promised_items) == (7, 140)
    assert server.calls <= 1 + 2 * 4
    walk = walk_pages(client, "x", {}, endpoint="x", stop=lambda _: True)
    assert walk.complete and len(walk.pages) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"results": [], "total_results": 1}, "total_pages"),
        ({"results": [], "total_pages": "3", "total_results": 1}, "total_pages"),
        ({"results": [], "total_pages": True, "total_results": 1}, "total_pages"),
        ({"results": [], "total_pages": 1, "total_results": -1}, "total_results"),
        ({"results": [], "total_pages": 1.0, "total_results": 1}, "total_pages"),
        ({"results": {}, "total_pages": 1, "total_results": 1}, "results"),
        ([], "results"),
    ],
)
def test_answer_that_is_no_page_is_told(serve: Any, body: Any, field: str) -> None:
    _, client = serve(json_reply(body))
    with pytest.raises(HttpError, match=rf"^discover: page 1 of x has no field '{field}' with ") as e:
        walk_pages(client, "x", {}, endpoint="discover")
    assert e.value.endpoint == "discover"


def test_walk_asks_afresh_where_it_asks_again(serve: Any, tmp_path: Path) -> None:
    first = paged(films(*range(39), 38))
    server, client = serve(
        lambda seen: (first if seen.nth == 1 else paged(films(*range(40))))(seen), cache=f"sqlite:{tmp_path}/c.sqlite"
    )
    walk = walk_pages(client, "x", {}, endpoint="x")
    assert walk.complete and walk.received_items == 40 and server.calls >= 4
    calls = server.calls
    assert walk_pages(client, "x", {}, endpoint="x").complete
    assert server.calls == calls, "a second walk on the same day is served from the cache"


class _DriftingHttp:
    """Stands in for Http: a list whose rows move, come and go between any two answers."""

    concurrency = 4

    def __init__(self, size: int, count: int, seed: int, drift: float) -> None:
        self.size, self.rows, self.random, self.drift = size, list(range(count)), random.Random(seed), drift
        self.served: list[tuple[int, tuple[int, ...]]] = []
        self.always = set(self.rows)
        self.calls = 0

    def say(self, line: str) -> None:
        """Nobody listens."""

    def get(self, request: Request, **_: Any) -> Answer:
        self.calls += 1
        if self.random.random() < self.drift and self.rows:
            self.rows.insert(
                self.random.randrange(len(self.rows)), self.rows.pop(self.random.randrange(len(self.rows)))
            )
        if self.random.random() < self.drift / 4 and self.rows:
            self.always.discard(self.rows.pop(self.random.randrange(len(self.rows))))
        number = int(request.params["page"])
        shown = self.rows[(number - 1) * self.size : number * self.size]
        self.served.append((number, tuple(shown)))
        body = {
            "results": films(*shown),
            "total_pages": -(-len(self.rows) // self.size),
            "total_results": len(self.rows),
        }
        return Answer(request, 200, {}, dt.datetime.now(dt.UTC), json=body)

    def get_each(self, requests: Any, **_: Any) -> Iterator[Answer]:
        for request in requests:
            yield self.get(request)


@examples(150)
@given(st.integers(1, 7), st.integers(0, 80), st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_walking_a_drifting_list_loses_nothing_it_was_served(size: int, count: int, seed: int, drift: float) -> None:
    source = _DriftingHttp(size, count, seed, drift)
    walk = walk_pages(source, "x", {}, endpoint="x", style=PageStyle(page_size=size))  # type: ignore[arg-type]  # a stand-in
    got = [item["id"] for page in walk.pages for item in page.items]
    assert walk.received_items == len(set(got))
    assert walk.duplicates == len(got) - len(set(got))
    kept = {(page.number, tuple(item["id"] for item in page.items)) for page in walk.pages}
    assert kept <= set(source.served)
    if drift == 0.0:
        assert walk.complete and set(got) == source.always and walk.duplicates == 0
        assert walk.passes == 1 and source.calls == max(1, -(-count // size))
    full_pages = {row for number, rows in source.served if len(rows) == size for row in rows}
    answered_short = {number for number, rows in source.served if len(rows) < size}
    if not answered_short - {walk.promised_pages}:
        assert full_pages <= set(got), "an item of a full page was served and lost"
    assert walk.complete == (not walk.missing_pages and len(set(got)) >= 0.99 * walk.promised_items)
    assert [(p.number, p.pass_number) for p in walk.pages] == sorted({(p.number, p.pass_number) for p in walk.pages})


def test_page_is_what_stop_sees(serve: Any) -> None:
    _, client = serve(paged(films(1, 2)))
    seen: list[Page] = []
    walk = walk_pages(client, "x", {}, endpoint="x", stop=lambda page: bool(seen.append(page)))
    assert seen == walk.pages and seen[0].answer.text.startswith('{"page": 1')
