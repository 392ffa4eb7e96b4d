"""The pace at which a source is asked, and how far a long walk has come.

What belongs here: the turnstile of a host, and the lines that tell of progress. What does not: what is asked
(client.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache

PROGRESS_SECONDS = 5.0


class Turnstile:
    """Lets requests through evenly spaced, and none at all while a source has asked for silence.

    Our own, because it must hold still after a 429 and stop when told to, and for its rate. At 35/s, 8 threads and 200
    ms of latency pyrate-limiter 4.5 let through 25.3/s as it comes, up to 35 at once with its default algorithm, and
    31.6-33.0/s with GCRA and no buffer, for it never makes up for a thread that woke late; this one 33.6/s.
    """

    PACE = 0.97  # of the rate allowed, so that 25 ms of jitter on the way put no 36th request into a sliding second
    CATCH_UP_SECONDS = 0.005

    def __init__(self, requests_per_second: float | None) -> None:
        self._gap = 1 / (requests_per_second * self.PACE) if requests_per_second else 0.0
        self._next = self._held_until = 0.0
        self._lock = threading.Lock()

    def hold(self, seconds: float) -> None:
        """Let nobody through for so many seconds."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def pass_through(self, stop: threading.Event) -> None:
        """Wait for one's turn, or until `stop` is set."""
        with self._lock:
            while (wait := max(self._next, self._held_until) - time.monotonic()) > 0 and not stop.wait(wait):
                pass
            self._next = max(self._next, time.monotonic() - self.CATCH_UP_SECONDS) + self._gap


@cache
def turnstile(host: str, requests_per_second: float | None) -> Turnstile:
    """One per host and process: a source counts all our requests, however many `Http` they come from."""
    return Turnstile(requests_per_second)


class Progress:
    """Says how far a long job is, every PROGRESS_SECONDS."""

    def __init__(self, label: str | None, say: Callable[[str], None]) -> None:
        self._label, self.say = label, say
        self._done, self._started = 0, time.monotonic()
        self._told = self._started

    def step(self, total: int | None) -> None:
        self._done += 1
        now = time.monotonic()
        if self._label and now - self._told >= PROGRESS_SECONDS:
            self._told = now
            of = f" of {total:,}" if total is not None else ""
            self.say(f"{self._label}: {self._done:,}{of}, {self._done / max(now - self._started, 1e-9):.1f}/s")
