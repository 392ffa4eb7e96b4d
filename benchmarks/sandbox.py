"""m. The sandbox at TMDB's true size: 1.1 million films, the questions of a day.

The sandbox serves as a process of its own; so does the floor, the same server over answers that are already bytes: what
the sandbox said, recorded in this run. Both are asked the same questions by one client, one after the other. The
export's floor is one process that writes the rows of the same export with Polars and packs them.
"""

from __future__ import annotations

import datetime as dt
import gzip
import http.client
import io
import json
import pickle
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import psutil

from benchmarks.figure import Figure
from tmdb_assets.sandbox.answers import NOT_FOUND, Answer, Request
from tmdb_assets.sandbox.server import Application, Weather, run

FILMS, TODAY, TOKEN = 1_100_000, dt.date(2026, 11, 24), "sandbox"
LIST = "/3/discover/movie?include_adult=false&include_video=false"
PARTS = "credits,keywords,external_ids,release_dates"
DETAILS = 1_500


@dataclass(frozen=True)
class Told:
    """What some questions took: wall seconds, CPU seconds of the server, and the answers."""

    wall: float
    cpu: float
    bodies: dict[str, bytes]


def measure() -> Figure:
    """CPU of the sandbox for the questions of a day over that of the bare server."""
    with tempfile.TemporaryDirectory() as folder:
        with _served([sys.executable, "-m", "tmdb_assets.sandbox", "serve", *_options()]) as (process, ask):
            first = _ask(process, ask, [f"{LIST}&page=1"])
            exports = [_ask(process, ask, [_export(TODAY - dt.timedelta(days=ago))]) for ago in (0, 1)]
            groups = {name: _ask(process, ask, paths) for name, paths in _questions(ask).items()}
            peak = _peak_mb(process.pid)
        answers = Path(folder) / "answers"
        answers.write_bytes(
            pickle.dumps({path: body for told in groups.values() for path, body in told.bodies.items()})
        )
        with _served([sys.executable, "-m", __name__, str(answers)]) as (process, ask):
            bare = {name: _ask(process, ask, list(told.bodies)) for name, told in groups.items()}
        export = next(iter(exports[1].bodies.values()))
        floor = _pack_again(export)
    asked = sum(len(told.bodies) for told in groups.values())
    return Figure(
        f"m. a day's questions to the sandbox's {FILMS:,} films over the same bytes from its bare server, in CPU",
        sum(told.cpu for told in groups.values()) / sum(told.cpu for told in bare.values()),
        None,
        details={
            "first answer, after the world was made": f"{first.wall:.1f} s, {first.cpu:.1f} s of CPU",
            **{
                f"export, {name} day asked for": f"{told.wall:.1f} s, {told.cpu:.1f} s of CPU"
                for name, told in zip(("first", "second"), exports, strict=True)
            },
            "floor of an export (write_ndjson, zlib 1)": f"{floor:.1f} s of CPU, {len(export) / 1e6:.1f} MB packed",
            **{name: _compared(told, bare[name]) for name, told in groups.items()},
            "all": f"{asked:,} answers, {asked / sum(told.wall for told in groups.values()):.0f} a second",
            "peak memory": f"{peak:.0f} MB",
        },
    )


def _questions(ask: http.client.HTTPConnection) -> dict[str, list[str]]:
    """Each kind of question of a day; the windows are those of a few years, five pages each at most."""
    top = [f"{LIST}&sort_by=popularity.desc&page={page}" for page in range(1, 501)]
    windows = []
    for year in range(1985, 2025):
        window = f"{LIST}&primary_release_date.gte={year}-01-01&primary_release_date.lte={year}-03-31"
        pages = json.loads(_get(ask, window))["total_pages"]
        windows += [f"{window}&page={page}" for page in range(1, min(pages, 5) + 1)]
    yesterday = TODAY - dt.timedelta(days=1)
    feed = f"/3/movie/changes?start_date={yesterday}&end_date={yesterday}"
    head = json.loads(_get(ask, feed))
    feeds = [f"{feed}&page={page}" for page in range(1, head["total_pages"] + 1)]
    changed = [row["id"] for path in feeds for row in json.loads(_get(ask, path))["results"] if row["id"] is not None]
    films = [f"/3/movie/{film}?append_to_response={PARTS}" for film in changed[:: max(1, len(changed) // DETAILS)]]
    return {
        "500 pages of the most popular": top,
        "pages of release-date windows": windows,
        f"pages of a day's changes ({head['total_results']:,} films)": feeds,
        "details of changed films": films,
    }


def _compared(told: Told, bare: Told) -> str:
    count = len(told.bodies)
    return (
        f"{count / told.wall:.0f} a second, {told.cpu / count * 1000:.2f} ms of CPU each; the bare server "
        f"{count / bare.wall:.0f} a second, {bare.cpu / count * 1000:.2f} ms"
    )


def _options() -> list[str]:
    return ["--films", str(FILMS), "--today", TODAY.isoformat(), "--token", TOKEN, "--exit-with-stdin"]


def _export(day: dt.date) -> str:
    return f"/p/exports/movie_ids_{day:%m_%d_%Y}.json.gz"


def _pack_again(export: bytes) -> float:
    """CPU seconds of writing the rows of an export with Polars and packing them."""
    rows = pl.read_ndjson(gzip.decompress(export))
    started, packer = time.process_time(), zlib.compressobj(1, wbits=31)
    lines = io.BytesIO()
    rows.write_ndjson(lines)
    packer.compress(lines.getvalue())
    packer.flush()
    return time.process_time() - started


# -- asking ------------------------------------------------------------------------------------------------------------


@contextmanager
def _served(command: list[str]) -> Iterator[tuple[psutil.Process, http.client.HTTPConnection]]:
    """A server that has said it is ready, and a connection to it."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        address = json.loads(process.stdout.readline())["url"].removeprefix("http://")
        yield psutil.Process(process.pid), http.client.HTTPConnection(address, timeout=300)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def _ask(process: psutil.Process, ask: http.client.HTTPConnection, paths: list[str]) -> Told:
    started, before = time.perf_counter(), process.cpu_times()
    bodies = {path: _get(ask, path) for path in paths}
    after = process.cpu_times()
    return Told(time.perf_counter() - started, after.user + after.system - before.user - before.system, bodies)


def _get(ask: http.client.HTTPConnection, path: str) -> bytes:
    ask.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
    response = ask.getresponse()
    body = response.read()
    assert response.status == 200, (path, response.status, body[:200])
    return body


def _peak_mb(pid: int) -> float:
    """Peak resident memory of a process that still runs; what it has now where the system does not keep the peak."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return int(found[1]) / 1024 if found else psutil.Process(pid).memory_info().rss / 2**20


# -- the bare server ---------------------------------------------------------------------------------------------------


class _Recorded:
    """Answers that are there already."""

    def __init__(self, bodies: Mapping[str, bytes]) -> None:
        self._bodies = {_words(path): Answer(200, body) for path, body in bodies.items()}

    def answer(self, request: Request) -> Answer:
        return self._bodies.get((request.path, *sorted(request.query.items())), NOT_FOUND)

    def truth(self, today: dt.date) -> dict[str, Any]:
        return {}


def _words(path: str) -> tuple[Any, ...]:
    name, _, query = path.partition("?")
    return (name, *sorted(tuple(word.split("=", 1)) for word in query.split("&")))


def _serve(file: str) -> None:
    """Until its standard input ends."""
    site = _Recorded(pickle.loads(Path(file).read_bytes()))
    run(Application([site], lambda: TODAY, Weather()), "127.0.0.1", 0, exit_with_stdin=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
