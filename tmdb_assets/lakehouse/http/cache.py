"""Answers kept for the day on which they were fetched.

What belongs here: the backends of HTTP_CACHE, and what is kept of an answer. What does not: when an answer is asked for
(client.py).
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests

from tmdb_assets.lakehouse.http.exchange import Answer, CacheUnusable
from tmdb_assets.lakehouse.http.redaction import redact, secret_pattern


class Cache:
    """JSON answers kept by requests-cache until the end of the UTC day they were fetched on: an older answer would be
    filed as an observation of a day on which it was not made. Holds no credentials; JSON, because unpickling what
    another process wrote runs its code."""

    def __init__(self, spec: str, secrets: tuple[str, ...], now: Callable[[], dt.datetime]) -> None:
        self._secrets, self._now = secrets, now
        self._name = redact(spec, secrets)
        # requests-cache loads every backend it knows, boto3 among them: half a second that only a cache should cost.
        try:
            from redis import Redis
            from requests_cache.backends.redis import RedisCache
            from requests_cache.backends.sqlite import SQLiteCache
        except ModuleNotFoundError as error:
            missing = str(error.name).partition(".")[0]
            raise CacheUnusable(
                f"HTTP_CACHE={self._name} cannot be used: {missing} is not installed; "
                "`pip install redis requests-cache`, the extra `cache`, brings it, or set it to `none`."
            ) from None

        kind, _, rest = spec.partition(":")
        self._is_file = kind == "sqlite"
        with self._problems():
            if kind == "sqlite" and rest:
                path = Path(rest if Path(rest).suffix else f"{rest}.sqlite").expanduser().absolute()
                path.parent.mkdir(parents=True, exist_ok=True)
                # requests-cache 1.3 waits for ever for a file it may not write, so try it first.
                with closing(sqlite3.connect(path, isolation_level=None)) as probe:
                    probe.execute("BEGIN IMMEDIATE")
                self._backend: Any = SQLiteCache(path, serializer="json")
                self._backend.delete(expired=True, vacuum=False)
            elif kind in {"redis", "rediss"}:
                connection = Redis.from_url(spec, socket_timeout=5, socket_connect_timeout=5)
                connection.ping()
                self._backend = RedisCache("tmdb_assets_http", connection=connection, serializer="json")
            else:
                raise ValueError("use `sqlite:PATH`, `redis://HOST:PORT/DB` or `none`")

    def key(self, url: str, hidden: Iterable[str]) -> str:
        """The name an answer is kept under; parameters called `hidden` do not take part."""
        from requests_cache.cache_keys import create_key

        return str(create_key(requests.Request("GET", url).prepare(), ignored_parameters=list(hidden)))

    def load(self, key: str) -> Any:
        """The kept answer, None when there is none of today."""
        with self._problems():
            found = self._backend.get_response(key)
        return found if found is not None and found.created_at.date() == self._now().date() else None

    def save(self, key: str, url: str, answer: Answer) -> None:
        """Keep an answer, unless it repeats a secret. The request is kept as its redacted URL only."""
        from requests.structures import CaseInsensitiveDict
        from requests_cache.models.request import CachedRequest
        from requests_cache.models.response import CachedResponse

        if self._secrets and secret_pattern(self._secrets).search(f"{answer.text} {answer.headers}"):
            return
        midnight = dt.datetime.combine(answer.fetched_at.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
        kept = CachedResponse(
            status_code=answer.status,
            url=url,
            request=CachedRequest(method="GET", url=url),
            content=answer.text.encode(),
            headers=CaseInsensitiveDict(answer.headers),
            created_at=answer.fetched_at,
        )
        with self._problems():
            self._backend.save_response(kept, key, midnight)
            # requests-cache 1.3 takes back what SQLite could not write, and says nothing.
            if self._is_file and key not in self._backend.responses:
                raise OSError("an answer could not be written, as on a full disk")

    def close(self) -> None:
        self._backend.close()

    @contextmanager
    def _problems(self) -> Iterator[None]:
        from redis import RedisError

        reason = ""
        try:
            yield
        except (OSError, sqlite3.Error, RedisError, ValueError) as error:
            reason = redact(" ".join(str(error).split()), self._secrets).rstrip(".")
        if reason:
            advice = "make room, or set it to another place or to `none`"
            raise CacheUnusable(f"HTTP_CACHE={self._name} cannot be used: {reason}; {advice}.") from None
