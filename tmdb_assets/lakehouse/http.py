"""The only door to HTTP: ask a JSON source politely, and walk its pages.

What belongs here: rate limit, retries, cache, redaction of secrets, call statistics, and the page walker.
What does not: any knowledge of a source (which paths exist, what a payload means) and anything of Dagster.
No other module imports requests.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import sqlite3
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlencode, urlsplit

import requests
from requests import exceptions as rex
from requests.auth import HTTPBasicAuth
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, stop_when_event_set
from tenacity.nap import sleep_using_event
from tenacity.wait import wait_exponential_jitter
from urllib3.exceptions import HTTPError as TransportError
from urllib3.exceptions import IncompleteRead, ProtocolError

from tmdb_assets.lakehouse.bodies import FILE_AT_MOST, JSON_AT_MOST, Unpackable, text_of, unpacked
from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.json_text import NotJson, read

PROGRESS_SECONDS = 5.0
READ_AT_ONCE = 64 * 2**10
#: Took too long, too early, too many: each says that the same may work later (RFC 9110, 8470, 6585).
PASSING = frozenset({408, 425, 429})
_logger = logging.getLogger(__name__)


class HttpError(LakehouseError):
    """A request that brought no usable answer. `str()` is one sentence; no field ever holds a secret.

    `request` is what was asked, as the caller wrote it (so without the client's credentials); None where the fault is
    not one request's.
    """

    def __init__(
        self,
        message: str,
        endpoint: str = "",
        status: int | None = None,
        url: str = "",
        request: Request | None = None,
    ) -> None:
        super().__init__(message, endpoint, status, url)
        self.message, self.endpoint, self.status, self.url, self.request = message, endpoint, status, url, request

    def __str__(self) -> str:
        return self.message


class Unauthorized(HttpError):
    """The credentials were refused: nothing is retried, the sentence says which setting to check."""


class SourceUnavailable(HttpError):
    """Every attempt failed; the sentence says how many were made and what came last."""


class RefusedRequest(HttpError):
    """The source understood the request and will not serve it (a 4xx that was not `accepted`): never retried."""


class CacheUnusable(HttpError):
    """The backend named by the setting HTTP_CACHE cannot be read or written."""


@dataclass(frozen=True)
class Request:
    """One GET: a path below the base URL, its query, and a tag of the caller's that comes back with the answer."""

    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    key: Any = None


@dataclass(frozen=True)
class Answer:
    """What came back: `text` and `json` from `get`, `content` (unpacked, whatever its headers said) from `get_bytes`.

    `fetched_at` is the instant (UTC) the body was received, also when it is read from the cache later.
    """

    request: Request
    status: int
    headers: Mapping[str, str]
    fetched_at: dt.datetime
    text: str = ""
    content: bytes = b""
    json: Any = None
    from_cache: bool = False


@dataclass
class EndpointStats:
    """What one endpoint cost. `calls` counts every request sent, so it includes `retries`; `throttled` are the 429s
    among them; `bytes` are bodies as unpacked; `seconds` is time spent on the wire, summed over threads."""

    calls: int = 0
    retries: int = 0
    throttled: int = 0
    cache_hits: int = 0
    bytes: int = 0
    seconds: float = 0.0


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret, in any mix of plain and URL-encoded characters, by `***`; the values of `api_key=`, of
    Bearer tokens and of `user:password@` in URLs too, whether they are known or not."""
    if known := tuple(s for s in secrets if s):
        text = _secret_pattern(known).sub("***", text)
    return _LOOKS_SECRET.sub(r"\g<name>\g<scheme>***", text)


_LOOKS_SECRET = re.compile(
    r"""(?P<name>(?:api_?key|access_token)["']?\s*(?:=|:|%3D)\s*["']?|\bBearer(?:\s|\+|%20)+)[^\s&"'<>,;@)]+"""
    r"""|(?P<scheme>://)[^/\s]+(?=@)""",  # up to the last @ before the path: a password may hold one, and commas
    re.IGNORECASE,
)


@lru_cache(maxsize=64)
def _secret_pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    def either_form(char: str) -> str:
        encoded = "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        return f"(?:{re.escape(char)}|(?i:{encoded}){'|[+]' if char == ' ' else ''})"

    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join("".join(map(either_form, secret)) for secret in longest_first))


class _RedactingFilter(logging.Filter):
    """urllib3 writes full URLs into its log lines; this filter takes the secrets out before any handler sees them."""

    LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage(), self._secrets), ()
        return True


class _Turnstile:
    """Lets requests through evenly spaced, and none at all while a source has asked for silence.

    Our own, because it must hold still after a 429 and stop when told to, and for its rate. At 35/s, 8 threads and 200 ms
    of latency pyrate-limiter 4.5 let through 25.3/s as it comes, up to 35 at once with its default algorithm, and
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
def _turnstile(host: str, requests_per_second: float | None) -> _Turnstile:
    """One per host and process: a source counts all our requests, however many `Http` they come from."""
    return _Turnstile(requests_per_second)


class _Cache:
    """JSON answers kept by requests-cache until the end of the UTC day they were fetched on: an older answer would be
    filed as an observation of a day on which it was not made. Holds no credentials; JSON, because unpickling what
    another process wrote runs its code."""

    def __init__(self, spec: str, secrets: tuple[str, ...], now: Callable[[], dt.datetime]) -> None:
        # requests-cache loads every backend it knows, boto3 among them: half a second that only a cache should cost.
        from redis import Redis
        from requests_cache.backends.redis import RedisCache
        from requests_cache.backends.sqlite import SQLiteCache

        self._secrets, self._now = secrets, now
        self._name = redact(spec, secrets)
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

        if self._secrets and _secret_pattern(self._secrets).search(f"{answer.text} {answer.headers}"):
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


@dataclass(frozen=True)
class _Failure:
    """An attempt that may be repeated."""

    reason: str
    status: int | None = None
    retry_after: float = 0.0


@dataclass
class _Call:
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


class _Flock:
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


class Http:
    """A client for one source, safe to use from many threads.

    `secrets` are the values to redact; put credentials into `headers` where the source allows, into `params` otherwise.
    `requests_per_second` None means unlimited. `cache` is `none`, `sqlite:PATH` or `redis://...` (CacheUnusable when it
    does not work). `credential_hint` says which setting to check when credentials are refused, `address_hint` when nothing
    at the address has ever answered as a source does. Waits are seconds; a wait before a retry, also one the source asks for, is at most
    `max_wait_seconds`. Statistics are in `stats`, per endpoint. `markers` holds every value of `marker_header` seen in
    answers, None for an answer without it: it tells a built-in stand-in from the real source. `now` dates the answers.
    `quotes_answers` False: no error repeats what an answer said, for a source whose answers hold personal data.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        secrets: Iterable[str] = (),
        credential_hint: str = "",
        address_hint: str = "",
        quotes_answers: bool = True,
        requests_per_second: float | None = None,
        concurrency: int = 8,
        cache: str = "none",
        timeout_seconds: tuple[float, float] = (5.0, 30.0),
        max_attempts: int = 8,
        max_wait_seconds: float = 60.0,
        marker_header: str = "X-Sandbox",
        log: Callable[[str], None] = _logger.info,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.concurrency = concurrency
        self.stats: dict[str, EndpointStats] = defaultdict(EndpointStats)
        self.markers: set[str | None] = set()
        self._headers, self._params = dict(headers or {}), dict(params or {})
        self._secrets = tuple(s for s in secrets if s)
        self._hidden = {n for n, v in self._params.items() if redact(str(v), self._secrets) != str(v)} | {"api_key"}
        self._hint = credential_hint or "check the credentials"
        self._address_hint = f": {address_hint}" if address_hint else ""
        self._quotes_answers = quotes_answers
        self._timeout, self._max_attempts, self._max_wait = timeout_seconds, max_attempts, max_wait_seconds
        self._marker_header, self._log, self._now = marker_header, log, now
        self._backoff = wait_exponential_jitter(multiplier=0.5, max=max_wait_seconds, jitter=1.0)
        self._turnstile = _turnstile(urlsplit(self.base_url).netloc, requests_per_second)
        self._lock = threading.Lock()
        self._sessions: deque[requests.Session] = deque()
        self._cache = None if cache == "none" else _Cache(cache, self._secrets, now)
        self._filter = _RedactingFilter(self._secrets)
        for name in _RedactingFilter.LOGGERS:
            logging.getLogger(name).addFilter(self._filter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and cache. The statistics stay readable."""
        while self._sessions:
            self._sessions.pop().close()
        if self._cache:
            self._cache.close()
        for name in _RedactingFilter.LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)

    def get(self, request: Request, *, endpoint: str, accepted: Iterable[int] = (200,), fresh: bool = False) -> Answer:
        """Ask for JSON. A status in `accepted` is an answer (404 may mean "gone"), provided its body is JSON too: an
        HTML 404 comes from something in between. `fresh` passes the cache by (and renews it).

        Raises Unauthorized, RefusedRequest, SourceUnavailable, CacheUnusable.
        """
        return self._fetch(_Call(request, endpoint, tuple(accepted), fresh))

    def get_bytes(self, request: Request, *, endpoint: str, accepted: Iterable[int] = (200,)) -> Answer:
        """Ask for a file, never cached, and unpack it: `content` of a `.json.gz` is its lines, on whatever way it came.
        A body that is short of its Content-Length, or does not unpack whole, is asked for again. Raises as `get`."""
        return self._fetch(_Call(request, endpoint, tuple(accepted), as_json=False))

    def get_many(
        self,
        requests: Iterable[Request],
        *,
        endpoint: str,
        accepted: Iterable[int] = (200,),
        fresh: bool = False,
        progress: str | None = None,
        total: int | None = None,
    ) -> Generator[Answer, None, None]:
        """`get` for each request, `concurrency` at once, answered in the order of the requests.

        Reads at most 4 x `concurrency` requests ahead of the consumer. The first error ends it (nothing further is
        sent) and is raised when all that had arrived is handed out; leaving the loop early ends it too. With
        `progress`, a line is logged every 5 seconds.
        """
        how: dict[str, Any] = {"endpoint": endpoint, "accepted": accepted, "fresh": fresh}
        outcomes = self.get_each(requests, **how, give_up_after=1, progress=progress, total=total)
        with closing(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, Answer):  # an error would have ended it
                    yield outcome

    def get_each(
        self,
        requests: Iterable[Request],
        *,
        endpoint: str,
        accepted: Iterable[int] = (200,),
        fresh: bool = False,
        attempts: int | None = None,
        give_up_after: int | None = None,
        progress: str | None = None,
        total: int | None = None,
    ) -> Generator[Answer | HttpError, None, None]:
        """`get_many` where a request that fails does not end the others: its SourceUnavailable or RefusedRequest is
        handed out in its place, with the request in it. `attempts` are made for each, not the client's `max_attempts`.

        What no other request would survive is raised: refused credentials, an unusable cache, and the last of
        `give_up_after` failures with no answer in between, in order of time: the source is down. What had arrived by
        then is handed out before.
        """
        flock = _Flock(give_up_after)
        statuses, report = tuple(accepted), Progress(progress, self.say)

        def work(request: Request) -> Answer | HttpError | None:
            call = _Call(request, endpoint, statuses, fresh, stop=flock.stop, max_attempts=attempts)
            return flock.outcome(lambda: self._fetch(call))

        ahead: deque[Future[Answer | HttpError | None]] = deque()
        source = iter(requests)
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="http")
        try:
            while True:
                while len(ahead) < 4 * self.concurrency and not flock.stop.is_set():
                    request = next(source, None)
                    if request is None:
                        break
                    ahead.append(pool.submit(work, request))
                if not ahead:
                    break
                outcome = ahead.popleft().result()
                if outcome is not None:
                    report.step(total)
                    yield outcome
            if flock.ended_by:
                raise flock.ended_by[0]
        finally:
            flock.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            flock.ended_by.clear()

    def say(self, line: str) -> None:
        self._log(redact(line, self._secrets))

    def _error(self, kind: type[HttpError], call: _Call, said: str, status: int | None = None) -> HttpError:
        sentence = " ".join(redact(f"{call.endpoint}: {call.shown_url} {said}", self._secrets).split()).rstrip(".")
        return kind(f"{sentence}.", call.endpoint, status, call.shown_url, call.request)

    def _fetch(self, call: _Call) -> Answer:
        """From the cache where that is allowed, else from the source."""
        request = call.request
        query = urlencode({**self._params, **request.params})
        call.url = f"{self.base_url}/{request.path.lstrip('/')}" + (f"?{query}" if query else "")
        call.shown_url = redact(call.url, self._secrets)
        cache = self._cache if call.as_json else None
        key = cache.key(call.url, self._hidden) if cache else ""
        kept = cache.load(key) if cache and not call.fresh else None
        if kept is not None:
            text = kept.content.decode()
            answer = Answer(request, kept.status_code, kept.headers, kept.created_at, text, b"", read(text), True)
            self._count(call, cache_hits=1)
        else:
            answer = self._try_until_answered(call)
            if cache and answer.status == 200:
                cache.save(key, call.shown_url, answer)
        with self._lock:
            self.markers.add(answer.headers.get(self._marker_header))
        return answer

    def _try_until_answered(self, call: _Call) -> Answer:
        retrying = Retrying(
            retry=retry_if_result(lambda outcome: isinstance(outcome, _Failure)),
            stop=stop_after_attempt(call.max_attempts or self._max_attempts) | stop_when_event_set(call.stop),
            wait=self._wait,
            sleep=sleep_using_event(call.stop),
            before_sleep=lambda state: self._tell_of_a_long_wait(call, state),
            retry_error_callback=_outcome,
        )
        outcome = retrying(self._attempt, call)
        if isinstance(outcome, Answer):
            return outcome
        times = "1 attempt" if call.attempts == 1 else f"{call.attempts} attempts"
        said = f"gave no usable answer in {times}; the last one brought {outcome.reason}"
        if outcome.status in {None, *call.accepted}:
            said += self._where_to_look()
        raise self._error(SourceUnavailable, call, said, outcome.status)

    def _wait(self, state: RetryCallState) -> float:
        return float(min(self._max_wait, _outcome(state).retry_after + self._backoff(state)))

    def _tell_of_a_long_wait(self, call: _Call, state: RetryCallState) -> None:
        if state.next_action and state.next_action.sleep >= PROGRESS_SECONDS:
            self.say(f"{call.endpoint}: waiting {state.next_action.sleep:.0f} s after {_outcome(state).reason}")

    def _attempt(self, call: _Call) -> Answer | _Failure:
        """Send once. Errors that a repetition cannot cure are raised, the others returned."""
        self._turnstile.pass_through(call.stop)
        if call.stop.is_set():
            return _Failure("nothing, because it was stopped")
        call.attempts += 1
        started = time.monotonic()
        received = self._send(call)
        seconds = time.monotonic() - started
        if isinstance(received, _Failure):
            self._count(call, calls=1, retries=int(call.attempts > 1), seconds=seconds)
            return received
        response, body, problem = received
        status, size = response.status_code, len(body)
        calls, throttled = 1 + len(response.history), int(status == 429)  # history: redirects followed on the way
        self._count(call, calls=calls, retries=int(call.attempts > 1), throttled=throttled, bytes=size, seconds=seconds)
        for _ in response.history:
            self._turnstile.pass_through(call.stop)  # they were sent without a turn: it is taken afterwards
        if status not in call.accepted:
            return self._refusal(call, response, body)
        if problem:
            return _Failure(f"HTTP {status} with {problem}", status)
        answer = Answer(call.request, status, response.headers, self._now(), content=body)
        if not call.as_json:
            is_packed_nothing = response.headers.get("Content-Length", "0") != "0"  # what it says is for the caller
            if size or is_packed_nothing or status != 200:
                return answer
            return _Failure(f"HTTP {status} with an empty body", status)
        try:
            text = text_of(body)
            return replace(answer, text=text, content=b"", json=read(text))
        except NotJson:
            kind = response.headers.get("Content-Type", "no content type") if size else "empty"
            return _Failure(f"HTTP {status} with a body that is not JSON ({kind}, {size:,} bytes)", status)

    def _send(self, call: _Call) -> tuple[requests.Response, bytes, str] | _Failure:
        """The response, its body, and why that does not unpack (it is then as it came). Sent with a session nobody else
        holds: requests does not promise that threads may share one. No exception of requests leaves this function,
        because its text carries the URL."""
        try:
            session = self._sessions.pop()
        except IndexError:
            session = self._new_session()
        try:
            response = session.get(call.url, timeout=self._timeout, stream=True)
            return response, *_body_of(response, JSON_AT_MOST if call.as_json else FILE_AT_MOST)
        except (rex.RequestException, TransportError, ValueError) as error:
            # Malformed URLs and headers are ValueErrors, of requests or of http.client.
            hopeless = isinstance(error, ValueError | rex.TooManyRedirects) or "CERTIFICATE_VERIFY_FAILED" in str(error)
            was_cut = isinstance(error, rex.ChunkedEncodingError | ProtocolError | IncompleteRead)
            cause = _cause(error)
        finally:
            self._sessions.append(session)
        if hopeless:
            raise self._error(HttpError, call, f"cannot be asked ({cause}){self._where_to_look()}")
        if was_cut:
            return _Failure("a body that was cut short")
        return _Failure("no answer in time" if "Timeout" in cause else f"a failed connection ({cause})")

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update({"Accept-Encoding": "gzip, deflate"} | self._headers)  # what bodies.py unpacks
        session.auth = self._sign  # or an entry in ~/.netrc would replace our Authorization header
        # A proxy named in the environment cannot reach this machine's loopback.
        session.trust_env = urlsplit(self.base_url).hostname not in {"127.0.0.1", "localhost", "::1"}
        return session

    def _sign(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        """Credentials in the base URL go by header, unless there is one."""
        parts = urlsplit(self.base_url)
        if parts.username is None or "Authorization" in self._headers:
            return prepared
        signed: requests.PreparedRequest = HTTPBasicAuth(
            unquote(parts.username).encode(), unquote(parts.password or "").encode()
        )(prepared)
        return signed

    def _refusal(self, call: _Call, response: requests.Response, body: bytes) -> _Failure:
        """A failure for what may pass; Unauthorized or RefusedRequest for the rest."""
        status = response.status_code
        code, words = _words_of_the_source(body)
        if not self._quotes_answers:
            words = ""
        if status in PASSING or status >= 500:
            retry_after = _retry_after_seconds(response.headers.get("Retry-After", ""))
            if status == 429:
                self._turnstile.hold(min(retry_after, self._max_wait))
            return _Failure(f"HTTP {status}{words}", status, retry_after)
        # TMDB documents code 7 as "Invalid API key"; it comes with 401, behind some proxies with 403.
        if status == 401 or (status == 403 and code == 7):
            said = f"refused the credentials with HTTP {status}{words}: {self._hint}"
            raise self._error(Unauthorized, call, said, status)
        hint = self._where_to_look() if status == 404 else ""
        raise self._error(RefusedRequest, call, f"refused the request with HTTP {status}{words}{hint}", status)

    def _where_to_look(self) -> str:
        """The hint at the address, for as long as it has not proved right by an answer."""
        return "" if self.markers else self._address_hint

    def _count(self, call: _Call, **amounts: float) -> None:
        with self._lock:
            stats = self.stats[call.endpoint]
            for name, amount in amounts.items():
                setattr(stats, name, getattr(stats, name) + amount)


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


def _outcome(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None


def _cause(error: BaseException) -> str:
    """The name of the exception below those of requests and urllib3, whose texts carry the URL."""
    while type(error).__module__.startswith(("requests", "urllib3")) and (
        inner := error.__cause__ or error.__context__
    ):
        error = inner
    name = type(error).__name__
    return "unknown host" if name == "gaierror" else name


def _body_of(response: requests.Response, at_most: int) -> tuple[bytes, str]:
    """A response's body, unpacked, and "". As it came, with the reason, when it does not unpack."""
    parts: list[bytes] = []
    size = 0
    # urllib3 2 enforces Content-Length and the last chunk; test_http.py holds it to that.
    for part in response.raw.stream(READ_AT_ONCE, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > at_most:
            response.close()
            return b"", f"a body of more than {at_most:,} bytes"
    body = b"".join(parts)
    try:
        return unpacked(body, at_most, response.headers.get("Content-Encoding", "")), ""
    except Unpackable as error:
        return body, str(error)


def _words_of_the_source(body: bytes) -> tuple[Any, str]:
    """The error code and message of a JSON error body ({status_code, status_message}), as " (7: Invalid key)"."""
    text = text_of(body)
    try:
        said = read(text)
    except NotJson:
        return None, ""
    if not isinstance(said, dict) or "status_message" not in said:
        return None, f" ({text[:200]})"
    return said.get("status_code"), f" ({said.get('status_code')}: {str(said['status_message'])[:200].rstrip('. ')})"


def _retry_after_seconds(value: str) -> float:
    """Seconds from a Retry-After header: whole, fractional or an HTTP date; 0 when missing, past or malformed."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return 0.0
        aware = when if when.tzinfo else when.replace(tzinfo=dt.UTC)
        seconds = (aware - dt.datetime.now(dt.UTC)).total_seconds()
    return seconds if seconds > 0 else 0.0  # also for nan
