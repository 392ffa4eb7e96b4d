"""Ask a JSON source politely: one request or many at once.

What belongs here: `Http`: attempts and retries, many requests under way together, what they cost. What does not: the
pace (pacing.py), what is kept of answers (cache.py), secrets (redaction.py), the walk through pages (pages.py), and any
knowledge of a source (which paths exist, what a payload means).
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
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

from tmdb_assets.lakehouse.http import pacing
from tmdb_assets.lakehouse.http.bodies import FILE_AT_MOST, JSON_AT_MOST, text_of
from tmdb_assets.lakehouse.http.cache import Cache
from tmdb_assets.lakehouse.http.calls import Batch, Call, Failure
from tmdb_assets.lakehouse.http.exchange import (
    Answer,
    EndpointStats,
    HttpError,
    RefusedRequest,
    Request,
    SourceUnavailable,
    Unauthorized,
)
from tmdb_assets.lakehouse.http.pacing import Progress, turnstile
from tmdb_assets.lakehouse.http.redaction import RedactingFilter, redact
from tmdb_assets.lakehouse.http.responses import body_of, cause_of, retry_after_seconds, words_of_the_source
from tmdb_assets.lakehouse.payloads.json_text import NotJson, read

#: Took too long, too early, too many: each says that the same may work later (RFC 9110, 8470, 6585).
PASSING = frozenset({408, 425, 429})
_logger = logging.getLogger(__name__)


class Http:
    """A client for one source, safe to use from many threads.

    `secrets` are the values to redact; put credentials into `headers` where the source allows, into `params` otherwise.
    `requests_per_second` None means unlimited. `cache` is `none`, `sqlite:PATH` or `redis://...` (CacheUnusable when it
    does not work). `credential_hint` says which setting to check when credentials are refused, `address_hint` when
    nothing at the address has ever answered as a source does. Waits are seconds; a wait before a retry, also one the
    source asks for, is at most `max_wait_seconds`. Statistics are in `stats`, per endpoint. `markers` holds every value
    of `marker_header` seen in answers, None for an answer without it: it tells a built-in stand-in from the real
    source. `now` dates the answers. `quotes_answers` False: no error repeats what an answer said, for a source whose
    answers hold personal data.
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
        self._turnstile = turnstile(urlsplit(self.base_url).netloc, requests_per_second)
        self._lock = threading.Lock()
        self._sessions: deque[requests.Session] = deque()
        self._cache = None if cache == "none" else Cache(cache, self._secrets, now)
        self._filter = RedactingFilter(self._secrets)
        for name in RedactingFilter.LOGGERS:
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
        for name in RedactingFilter.LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)

    def get(self, request: Request, *, endpoint: str, accepted: Iterable[int] = (200,), fresh: bool = False) -> Answer:
        """Ask for JSON. A status in `accepted` is an answer (404 may mean "gone"), provided its body is JSON too: an
        HTML 404 comes from something in between. `fresh` passes the cache by (and renews it).

        Raises Unauthorized, RefusedRequest, SourceUnavailable, CacheUnusable.
        """
        return self._fetch(Call(request, endpoint, tuple(accepted), fresh))

    def get_bytes(self, request: Request, *, endpoint: str, accepted: Iterable[int] = (200,)) -> Answer:
        """Ask for a file, never cached, and unpack it: `content` of a `.json.gz` is its lines, on whatever way it came.
        A body that is short of its Content-Length, or does not unpack whole, is asked for again. Raises as `get`."""
        return self._fetch(Call(request, endpoint, tuple(accepted), as_json=False))

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
        batch = Batch(give_up_after)
        statuses, report = tuple(accepted), Progress(progress, self.say)

        def work(request: Request) -> Answer | HttpError | None:
            call = Call(request, endpoint, statuses, fresh, stop=batch.stop, max_attempts=attempts)
            return batch.outcome(lambda: self._fetch(call))

        ahead: deque[Future[Answer | HttpError | None]] = deque()
        source = iter(requests)
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="http")
        try:
            while True:
                while len(ahead) < 4 * self.concurrency and not batch.stop.is_set():
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
            if batch.ended_by:
                raise batch.ended_by[0]
        finally:
            batch.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            batch.ended_by.clear()

    def say(self, line: str) -> None:
        self._log(redact(line, self._secrets))

    def _error(self, kind: type[HttpError], call: Call, said: str, status: int | None = None) -> HttpError:
        sentence = " ".join(redact(f"{call.endpoint}: {call.shown_url} {said}", self._secrets).split()).rstrip(".")
        return kind(f"{sentence}.", call.endpoint, status, call.shown_url, call.request)

    def _fetch(self, call: Call) -> Answer:
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

    def _try_until_answered(self, call: Call) -> Answer:
        retrying = Retrying(
            retry=retry_if_result(lambda outcome: isinstance(outcome, Failure)),
            stop=stop_after_attempt(call.max_attempts or self._max_attempts) | stop_when_event_set(call.stop),
            wait=lambda state: self._wait(call, state),
            sleep=sleep_using_event(call.stop),
            before_sleep=lambda state: self._tell_of_a_long_wait(call, state.upcoming_sleep, state),
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

    def _wait(self, call: Call, state: RetryCallState) -> float:
        """How long this call waits by itself before it is repeated. Where a 429 says for how long, it does not: the
        line waits, once for all calls, and longer when the call was sent away before."""
        failure, alone = _outcome(state), self._backoff(state)
        if not (failure.status == 429 and failure.retry_after):
            return float(min(self._max_wait, failure.retry_after + alone))
        at_least = alone if state.attempt_number > 1 else 0.0
        seconds = float(min(self._max_wait, max(failure.retry_after, at_least)))
        self._turnstile.hold(seconds)
        self._tell_of_a_long_wait(call, seconds, state)
        return 0.0

    def _tell_of_a_long_wait(self, call: Call, seconds: float, state: RetryCallState) -> None:
        if seconds >= pacing.PROGRESS_SECONDS:
            self.say(f"{call.endpoint}: waiting {seconds:.0f} s after {_outcome(state).reason}")

    def _attempt(self, call: Call) -> Answer | Failure:
        """Send once. Errors that a repetition cannot cure are raised, the others returned."""
        self._turnstile.pass_through(call.stop)
        if call.stop.is_set():
            return Failure("nothing, because it was stopped")
        call.attempts += 1
        started = time.monotonic()
        received = self._send(call)
        seconds = time.monotonic() - started
        if isinstance(received, Failure):
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
            return Failure(f"HTTP {status} with {problem}", status)
        answer = Answer(call.request, status, response.headers, self._now(), content=body)
        if not call.as_json:
            is_packed_nothing = response.headers.get("Content-Length", "0") != "0"  # what it says is for the caller
            if size or is_packed_nothing or status != 200:
                return answer
            return Failure(f"HTTP {status} with an empty body", status)
        try:
            text = text_of(body)
            return replace(answer, text=text, content=b"", json=read(text))
        except NotJson:
            kind = response.headers.get("Content-Type", "no content type") if size else "empty"
            return Failure(f"HTTP {status} with a body that is not JSON ({kind}, {size:,} bytes)", status)

    def _send(self, call: Call) -> tuple[requests.Response, bytes, str] | Failure:
        """The response, its body, and why that does not unpack (it is then as it came). Sent with a session nobody else
        holds: requests does not promise that threads may share one. No exception of requests leaves this function,
        because its text carries the URL."""
        try:
            session = self._sessions.pop()
        except IndexError:
            session = self._new_session()
        try:
            response = session.get(call.url, timeout=self._timeout, stream=True)
            return response, *body_of(response, JSON_AT_MOST if call.as_json else FILE_AT_MOST)
        except (rex.RequestException, TransportError, ValueError) as error:
            # Malformed URLs and headers are ValueErrors, of requests or of http.client.
            hopeless = isinstance(error, ValueError | rex.TooManyRedirects) or "CERTIFICATE_VERIFY_FAILED" in str(error)
            was_cut = isinstance(error, rex.ChunkedEncodingError | ProtocolError | IncompleteRead)
            cause = cause_of(error)
        finally:
            self._sessions.append(session)
        if hopeless:
            raise self._error(HttpError, call, f"cannot be asked ({cause}){self._where_to_look()}")
        if was_cut:
            return Failure("a body that was cut short")
        return Failure("no answer in time" if "Timeout" in cause else f"a failed connection ({cause})")

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

    def _refusal(self, call: Call, response: requests.Response, body: bytes) -> Failure:
        """A failure for what may pass; Unauthorized or RefusedRequest for the rest."""
        status = response.status_code
        code, words = words_of_the_source(body)
        if not self._quotes_answers:
            words = ""
        if status in PASSING or status >= 500:
            retry_after = retry_after_seconds(response.headers.get("Retry-After", ""))
            return Failure(f"HTTP {status}{words}", status, retry_after)
        # TMDB documents code 7 as "Invalid API key"; it comes with 401, behind some proxies with 403.
        if status == 401 or (status == 403 and code == 7):
            said = f"refused the credentials with HTTP {status}{words}: {self._hint}"
            raise self._error(Unauthorized, call, said, status)
        hint = self._where_to_look() if status == 404 else ""
        raise self._error(RefusedRequest, call, f"refused the request with HTTP {status}{words}{hint}", status)

    def _where_to_look(self) -> str:
        """The hint at the address, for as long as it has not proved right by an answer."""
        return "" if self.markers else self._address_hint

    def _count(self, call: Call, **amounts: float) -> None:
        with self._lock:
            stats = self.stats[call.endpoint]
            for name, amount in amounts.items():
                setattr(stats, name, getattr(stats, name) + amount)


def _outcome(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None
