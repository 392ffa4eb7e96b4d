"""Requests on their way: one through its attempts, many together.

What belongs here: what is known of a call, why an attempt failed, what ends all that are under way. What does not:
sending (client.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tmdb_assets.lakehouse.http.exchange import Answer, HttpError, RefusedRequest, Request, SourceUnavailable


@dataclass(frozen=True)
class Failure:
    """An attempt that may be repeated."""

    reason: str
    status: int | None = None
    retry_after: float = 0.0


@dataclass
class Call:
    """One request on its way through its attempts. `url` holds the credentials, `shown_url` does not."""

    request: Request
    endpoint: str
    accepted: tuple[int, ...]
    fresh: bool = False
    as_json: bool = True
    stop: threading.Event = field(default_factory=threading.Event)
    max_attempts: int | None = None
    url: str = ""
    shown_url: str = ""
    attempts: int = 0


class Batch:
    """Requests under way together: `stop` ends all of them, `ended_by` holds what ended them, the first one first."""

    def __init__(self, give_up_after: int | None) -> None:
        self.stop = threading.Event()
        self.ended_by: list[BaseException] = []
        self._give_up_after = give_up_after
        self._failures = 0
        self._lock = threading.Lock()

    def outcome(self, ask: Callable[[], Answer]) -> Answer | HttpError | None:
        """What came of one of them; None for one that ended them all, or that was stopped by another's end."""
        try:
            answer = ask()
        except (SourceUnavailable, RefusedRequest) as error:
            with self._lock:
                if self.stop.is_set():
                    return None
                self._failures += 1
                if self._failures != self._give_up_after:
                    return error.with_traceback(None)  # it may be kept for long, and its frames hold the client
                self._end(error)
        except BaseException as error:
            with self._lock:
                self._end(error)
        else:
            with self._lock:
                self._failures = 0
            return answer
        return None

    def _end(self, error: BaseException) -> None:
        self.ended_by.append(error)
        self.stop.set()
