"""How long is waited, on a clock that moves by waiting alone: between requests, before a repetition, while a source
asks for silence."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from tenacity import RetryCallState

from tmdb_assets.lakehouse.http import Http, Request, pacing
from tmdb_assets.lakehouse.http import client as client_module
from tmdb_assets.lakehouse.http.calls import Call, Failure
from tmdb_assets.lakehouse.http.pacing import Progress, Turnstile
from tmdb_assets_tests.faulty_server import FaultyServer, Reply, Seen, in_turn, json_reply

OK = json_reply({"ok": True})


class StillClock:
    """Stands still until somebody waits. `waits` has how long each time; a `stop` that nobody sets waits on it."""

    def __init__(self) -> None:
        self.now, self.waits = 1000.0, [0.0]

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False

    def since_the_start(self) -> float:
        return self.now - 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    clock = StillClock()
    monkeypatch.setattr(pacing, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


# -- between requests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1, 4, 35])
def test_requests_are_spaced_evenly_a_little_below_the_rate(clock: StillClock, rate: int) -> None:
    turnstile, passed = Turnstile(rate), []
    for _ in range(5):
        turnstile.pass_through(clock)  # type: ignore[arg-type]  # it waits as an event does
        passed.append(clock.since_the_start())
    gap = 1 / (rate * Turnstile.PACE)
    first = gap - Turnstile.CATCH_UP_SECONDS
    assert passed == pytest.approx([0, first, first + gap, first + 2 * gap, first + 3 * gap])


def test_who_comes_late_makes_up_for_no_more_than_a_moment(clock: StillClock) -> None:
    turnstile = Turnstile(10)
    turnstile.pass_through(clock)  # type: ignore[arg-type]  # it waits as an event does
    clock.now += 60
    late = clock.since_the_start()
    for _ in range(2):
        turnstile.pass_through(clock)  # type: ignore[arg-type]  # it waits as an event does
    assert clock.since_the_start() - late == pytest.approx(1 / 9.7 - Turnstile.CATCH_UP_SECONDS)


def test_without_a_rate_nobody_waits(clock: StillClock) -> None:
    turnstile = Turnstile(None)
    for _ in range(100):
        turnstile.pass_through(clock)  # type: ignore[arg-type]  # it waits as an event does
    assert clock.since_the_start() == 0


@pytest.mark.parametrize(("holds", "seconds"), [([7.0], 7.0), ([7.0, 3.0], 7.0), ([3.0, 7.0], 7.0), ([0.0], 0.0)])
def test_a_silence_lasts_as_long_as_the_longest_that_was_asked_for(
    clock: StillClock, holds: list[float], seconds: float
) -> None:
    turnstile = Turnstile(None)
    for hold in holds:
        turnstile.hold(hold)
    turnstile.pass_through(clock)  # type: ignore[arg-type]  # it waits as an event does
    assert clock.since_the_start() == seconds


def test_one_silence_holds_every_thread_back_and_ends_with_stop() -> None:
    turnstile = Turnstile(None)
    turnstile.hold(3600)
    stop, passed = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (turnstile.pass_through(stop), passed.set()))
    thread.start()
    assert not passed.wait(0.05)
    stop.set()
    thread.join(5)
    assert passed.is_set()


def test_progress_is_told_when_five_seconds_are_over_and_not_before(clock: StillClock) -> None:
    said: list[str] = []
    progress = Progress("films", said.append)
    for seconds in (4.9, 0.1, 4.9, 0.1):
        clock.now += seconds
        progress.step(1000)
    assert said == ["films: 2 of 1,000, 0.4/s", "films: 4 of 1,000, 0.4/s"]
    clock.now += 60
    Progress(None, said.append).step(None)
    assert len(said) == 2


# -- before a repetition -----------------------------------------------------------------------------------------------


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited before repetitions; nobody sleeps."""
    waits: list[float] = []
    monkeypatch.setattr(client_module, "sleep_using_event", lambda stop: waits.append)
    return waits


@pytest.fixture
def ask(waits: list[float]) -> Iterator[Callable[..., list[float]]]:
    """Ask a server that first answers as told, once for each answer; returns for how long its turnstile was held."""

    def asked(*replies: Reply, **options: Any) -> list[float]:
        held: list[float] = []
        with FaultyServer(in_turn(*replies, OK)) as server, Http(server.url, **options) as client:
            turnstile: Any = SimpleNamespace(pass_through=lambda stop: None, hold=held.append)
            client._turnstile = turnstile
            assert client.get(Request("x"), endpoint="e").json == {"ok": True}
        return held

    yield asked


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize(("said", "seconds"), [(None, 0.0), ("0", 0.0), ("7", 7.0), ("1.5", 1.5)])
def test_whatever_passes_is_waited_out_for_as_long_as_it_says(
    ask: Callable[..., list[float]], waits: list[float], status: int, said: str | None, seconds: float
) -> None:
    held = ask(Reply(status, b"<html>", {"Retry-After": said} if said else {}))
    (waited,) = waits
    if status == 429 and seconds:
        assert (held, waited) == ([seconds], 0), "the line waits, not the call as well"
    else:
        assert held == [], "what one page cannot give, another may"
        assert seconds + 0.5 <= waited <= seconds + 1.5, "half a second more, and up to one at random"


def test_who_is_sent_away_again_and_again_holds_the_line_longer(
    ask: Callable[..., list[float]], waits: list[float]
) -> None:
    held = ask(*[Reply(429, b"<html>", {"Retry-After": "1"})] * 6, max_wait_seconds=9.0)
    assert waits == [0] * 6
    for seconds, least in zip(held, [1, 1, 2, 4, 8, 9], strict=True):
        assert least <= seconds <= min(least + 1, 9)
    assert held[0] == 1


@pytest.mark.parametrize("calls", [1, 8])
def test_a_429_is_waited_out_once(clock: StillClock, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """Each of some calls is sent away once, and the time that passes is what the source asked for, not more."""
    monkeypatch.setattr(client_module, "sleep_using_event", lambda stop: clock.wait)

    class OnTheClock(Turnstile):
        def pass_through(self, stop: Any) -> None:
            super().pass_through(clock)  # type: ignore[arg-type]  # it waits as an event does

    sent_away: set[str] = set()

    def script(seen: Seen) -> Reply:
        if seen.path in sent_away:
            return OK
        sent_away.add(seen.path)
        return Reply(429, b"<html>", {"Retry-After": "7"})

    with FaultyServer(script) as server, Http(server.url, concurrency=1) as client:
        client._turnstile = OnTheClock(None)
        answers = list(client.get_many([Request(f"x{n}") for n in range(calls)], endpoint="e"))
    assert len(answers) == calls
    assert clock.since_the_start() == 7 * calls


def test_each_repetition_waits_twice_as_long_up_to_the_cap(ask: Callable[..., list[float]], waits: list[float]) -> None:
    ask(*[Reply(500, b"<html>")] * 6, max_wait_seconds=9.0)
    for waited, least in zip(waits, [0.5, 1, 2, 4, 8, 9], strict=True):
        assert least <= waited <= min(least + 1, 9)


@pytest.mark.parametrize("status", [429, 503])
def test_no_wait_is_longer_than_the_cap(ask: Callable[..., list[float]], waits: list[float], status: int) -> None:
    held = ask(Reply(status, b"<html>", {"Retry-After": "3600"}), max_wait_seconds=60.0)
    assert (held, waits) == (([60.0], [0]) if status == 429 else ([], [60.0]))


def test_a_date_is_waited_for(ask: Callable[..., list[float]], waits: list[float]) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    ask(Reply(503, b"<html>", {"Retry-After": f"{later:%a, %d %b %Y %H:%M:%S GMT}"}))
    assert 20 <= waits[0] <= 32


@pytest.mark.parametrize(("seconds", "is_told"), [(3.4, False), (4.5, True)])
def test_a_wait_of_five_seconds_is_told(
    ask: Callable[..., list[float]], waits: list[float], seconds: float, is_told: bool
) -> None:
    lines: list[str] = []
    ask(Reply(503, b"<html>", {"Retry-After": str(seconds)}), log=lines.append)
    assert lines == ([f"e: waiting {waits[0]:.0f} s after HTTP 503"] if is_told else [])


def test_the_wait_is_what_the_source_asked_for_plus_jitter_and_never_beyond_the_cap() -> None:
    waits: list[float] = []
    with Http("http://127.0.0.1:1", max_wait_seconds=60.0) as client:
        for attempt, retry_after in itertools.product(range(1, 9), (0.0, 7.0, 3600.0, float("inf"))):
            state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]  # only its outcome is read
            state.attempt_number = attempt
            state.set_result(Failure("HTTP 503", 503, retry_after))
            waits.append(client._wait(Call(Request("x"), "e", (200,)), state))
            assert min(60.0, retry_after) <= waits[-1] <= 60.0
    assert len(set(waits)) > 8, "no jitter"
