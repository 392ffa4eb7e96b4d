"""A TMDB on loopback for a benchmark and its peer: the same films, the same faults for both, and a count of what was
asked.

Whether an answer fails, and how, depends on the seed, the question and how often it was asked, not on who asks or in
which order: two clients meet the same faults. `GET /counted` tells what was asked since it was told last.

    python -m benchmarks.films_server FILMS.jsonl SEED LATENCY FAULTS ODD WAYS RETRY_AFTER
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs
from urllib.request import urlopen

from tmdb_assets.sandbox import faults
from tmdb_assets.sandbox.answers import Answer, encode, tmdb_error
from tmdb_assets.sandbox.server import Application, Weather, run
from tmdb_assets.sandbox.tmdb.api import TmdbSite
from tmdb_assets.sandbox.tmdb.recorded import RecordedCatalogue

TOKEN = "sandbox"
KINDS = ("error", "limit", "cut")
#: Fields of an odd film, and what stands there: wrong types, impossible values, objects where a list should be.
ODD: tuple[tuple[str, Any], ...] = (
    ("budget", "12M"),
    ("runtime", 1.5),
    ("release_date", "2021-02-30"),
    ("vote_count", "many"),
    ("popularity", "12.5"),
    ("genres", {"id": 18, "name": "Drama"}),
    ("title", None),
    ("id", "none"),
    ("imdb_id", 1234567),
    ("revenue", 2**64),
)


@dataclass(frozen=True)
class Manners:
    """How the server behaves: seconds before each answer, share of answers that fail, share of films whose details are
    odd, in how many of the ways of `ODD`, and what a 429 says about waiting."""

    seed: int = 7
    latency: float = 0.0
    faults: float = 0.0
    odd: float = 0.0
    ways: int = len(ODD)
    retry_after: str = "0"

    def fault(self, question: str, nth: int) -> str | None:
        """How the nth answer to a question fails, if it does."""
        dice = random.Random(f"{self.seed} {question} {nth}")
        return dice.choice(KINDS) if dice.random() < self.faults else None

    def oddity(self, movie_id: int) -> tuple[str, Any] | None:
        """The field of a film that is odd, and what it says; the same whenever one asks."""
        dice = random.Random(f"{self.seed} odd {movie_id}")
        return dice.choice(ODD[: self.ways]) if dice.random() < self.odd else None


class OddCatalogue(RecordedCatalogue):
    """Recorded films, of which some have an odd field in their details."""

    def __init__(self, files: Sequence[Path], manners: Manners) -> None:
        super().__init__(files)
        self._manners = manners

    def details(self, movie_id: int, day: dt.date, parts: Sequence[str]) -> bytes | None:
        """The recorded answer, or an odd one."""
        body, odd = super().details(movie_id, day, parts), self._manners.oddity(movie_id)
        return body if body is None or odd is None else encode({**json.loads(body), odd[0]: odd[1]})


class Counting:
    """The application, between its callers and the sandbox's own: counts, and lets answers fail."""

    def __init__(self, inner: Application, manners: Manners) -> None:
        self._inner, self._manners = inner, manners
        self._asked: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()

    async def __call__(self, scope: faults.Scope, receive: faults.Receive, send: faults.Send) -> None:
        """Serve one request."""
        path = scope["path"]
        if path == "/counted":
            await _send(Answer(200, encode(self._counted)), send)
            self._counted.clear()
            return
        page = parse_qs(scope["query_string"].decode("latin-1")).get("page", ["1"])[0]
        question = f"{path} {page}"
        self._asked[question] += 1
        self._counted[endpoint_of(path)] += 1
        if self._manners.latency:
            await asyncio.sleep(self._manners.latency)
        fault = self._manners.fault(question, self._asked[question])
        if fault is not None:
            self._counted["failed"] += 1
        if fault == "error":
            await self._counting(Answer(500, b"<html><body>The server is unwell.</body></html>", "text/html"), send)
        elif fault == "limit":
            await self._counting(tmdb_error(429, 25, "Over the limit.", self._manners.retry_after), send)
        elif fault == "cut":
            start, body = await self._whole(scope, receive)
            self._counted["bytes"] += len(body) // 2
            await faults.cut(scope["state"]["transport"], start, body, send, receive)
        else:
            start, body = await self._whole(scope, receive)
            self._counted["bytes"] += len(body)
            await send(start)
            await send({"type": "http.response.body", "body": body})

    async def _whole(self, scope: faults.Scope, receive: faults.Receive) -> tuple[faults.Message, bytes]:
        """The true answer."""
        said: list[faults.Message] = []

        async def keep(message: faults.Message) -> None:
            said.append(message)

        await self._inner(scope, receive, keep)
        return said[0], said[1]["body"]

    async def _counting(self, answer: Answer, send: faults.Send) -> None:
        self._counted["bytes"] += len(answer.body)
        await _send(answer, send)


async def _send(answer: Answer, send: faults.Send) -> None:
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", b"%d" % len(answer.body))]
    if answer.retry_after is not None:
        headers.append((b"retry-after", answer.retry_after.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def endpoint_of(path: str) -> str:
    """What a path asks for, without day and id."""
    if path.startswith("/on/"):
        path = "/" + path.split("/", 3)[3]
    if path.startswith("/p/exports/"):
        return "exports"
    words = path.removeprefix("/3/").split("/")
    return "/".join("{id}" if word.isdigit() else word for word in words)


@contextmanager
def films_server(films: Path, manners: Manners) -> Iterator[str]:
    """The server as a process of its own; yields its URL."""
    words = [str(films), *(str(getattr(manners, name)) for name in Manners.__dataclass_fields__)]
    command = [sys.executable, "-m", __name__, *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def counted(url: str) -> Counter[str]:
    """Requests by endpoint, of them `failed`, and `bytes` of their bodies, since this was asked last."""
    with urlopen(f"{url}/counted", timeout=30) as answer:
        return Counter(json.loads(answer.read()))


def application(films: Path, manners: Manners) -> Counting:
    """What is served."""
    catalogue = OddCatalogue([films], manners)
    site = TmdbSite(catalogue, TOKEN, catalogue.genres())
    return Counting(Application([site], lambda: dt.datetime.now(dt.UTC).date(), Weather()), manners)


def _serve(films: str, seed: str, latency: str, share: str, odd: str, ways: str, retry_after: str) -> None:
    """Until its standard input ends."""
    manners = Manners(int(seed), float(latency), float(share), float(odd), int(ways), retry_after)
    run(cast(Any, application(Path(films), manners)), "127.0.0.1", 0, exit_with_stdin=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
