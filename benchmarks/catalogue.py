"""l. A whole day against a catalogue of TMDB's true size: 1.1 million films in the ID export, lists and details of
top:10000.

A server of its own on loopback answers the real client: the sandbox's films, and an export padded with films of which
nothing but their line is known. The floor reads the same export with plain Polars and writes it once.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import write_deltalake

from benchmarks.figure import Child, Figure, run_child
from tmdb_assets.lakehouse.http import Http, Request
from tmdb_assets.lakehouse.store.delta import WRITER
from tmdb_assets.sandbox.answers import encode
from tmdb_assets.sandbox.server import Application, Weather, run
from tmdb_assets.sandbox.tmdb.api import TmdbSite
from tmdb_assets.sandbox.tmdb.catalogue import Cache, Change, SyntheticCatalogue
from tmdb_assets.sandbox.tmdb.lists import Listing, Wanted
from tmdb_assets.sandbox.tmdb.reference import GENRES

EXPORTED, KNOWN = 1_100_000, 12_000
DAYS = [dt.date(2026, 11, 1), dt.date(2026, 11, 2)]
#: The first day's export is held against that of the day before.
EXPORTED_DAYS = (DAYS[0] - dt.timedelta(days=1), *DAYS)
TOKEN, SEED = "sandbox", 7


def measure() -> Figure:
    """The first day and the one after it, each as the command of the README; CPU of the first over that of the
    floor."""
    with tempfile.TemporaryDirectory() as folder, _server() as url:
        floor = run_child([sys.executable, "-W", "ignore", "-m", __name__, "floor", url, f"{folder}/floor"])
        exported = int(floor.output.split()[-1])
        days = [_day(url, day, Path(folder)) for day in DAYS]
        floor_bytes = _bytes(Path(folder) / "floor")
    return Figure(
        f"l. a day against a catalogue of {EXPORTED:,} films over reading its export and writing it once, in CPU",
        days[0][0].cpu / floor.cpu,
        None,
        details={
            "export": f"{exported:,} films; lists and details of top:10000",
            "first day": days[0][1],
            "second day": days[1][1],
            "floor (gunzip, read_ndjson, write_deltalake)": f"{_told(floor)}, {floor_bytes / 1e6:.0f} MB",
        },
    )


def _day(url: str, day: dt.date, folder: Path) -> tuple[Child, str]:
    """Run the daily job; what it took, and what stands afterwards."""
    lake, warehouse = folder / "lake", folder / "warehouse.duckdb"
    settings = {
        "TMDB_API_TOKEN": TOKEN,
        "TMDB_API_URL": f"{url}/on/{day}/3",
        "TMDB_EXPORT_URL": f"{url}/on/{day}/p/exports",
        "TMDB_REQUESTS_PER_SECOND": "100000",
        "TMDB_ASSETS_TODAY": day.isoformat(),
        "TMDB_ASSETS_LAKE": str(lake),
        "TMDB_ASSETS_WAREHOUSE": str(warehouse),
        "TMDB_ASSETS_REPORTS": str(folder / "reports"),
    }
    dagster = str(Path(sys.executable).with_name("dagster"))
    partition = json.dumps({"dagster/partition": day.isoformat()})
    command = [dagster, "job", "execute", "-m", "tmdb_assets.definitions", "-j", "tmdb_daily", "--tags", partition]
    done = run_child(command, os.environ | settings)
    return done, f"{_told(done)}; lake {_bytes(lake) / 1e6:.0f} MB, warehouse {_bytes(warehouse) / 1e6:.0f} MB"


def _told(child: Child) -> str:
    return f"{child.wall:.1f} s, {child.cpu:.1f} s of CPU, peak memory {child.peak_mb:.0f} MB"


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


# -- the floor ---------------------------------------------------------------------------------------------------------


def _floor(url: str, folder: str) -> None:
    """The least that keeping the export of a day can cost; prints how many films it has."""
    day = DAYS[0]
    with Http(f"{url}/on/{day}/p/exports") as http:
        body = http.get_bytes(Request(f"movie_ids_{day:%m_%d_%Y}.json.gz"), endpoint="export").content
    rows = pl.read_ndjson(body).with_columns(date_id=pl.lit(day))
    write_deltalake(folder, rows, partition_by=["date_id"], writer_properties=WRITER)
    print(rows.height)


# -- the server --------------------------------------------------------------------------------------------------------


class _Padded:
    """A catalogue whose export has many more films than anybody lists: ids above the others, popularity below."""

    def __init__(self, catalogue: SyntheticCatalogue, exported: int) -> None:
        self._catalogue, self._exported, self._exports = catalogue, exported, Cache(len(EXPORTED_DAYS))

    def listing(self, day: dt.date, wanted: Wanted) -> Listing:
        return self._catalogue.listing(day, wanted)

    def details(self, movie_id: int, day: dt.date, parts: Sequence[str]) -> bytes | None:
        return self._catalogue.details(movie_id, day, parts)

    def changes(self, first: dt.date, last: dt.date, seen_from: dt.date) -> list[Change]:
        return self._catalogue.changes(first, last, seen_from)

    def truth(self, today: dt.date) -> dict[str, Any]:
        return self._catalogue.truth(today)

    def export(self, day: dt.date) -> bytes:
        return self._exports.get(day, lambda: self._export(day))

    def _export(self, day: dt.date) -> bytes:
        known = gzip.decompress(self._catalogue.export(day)).splitlines()
        above = 1 + max(int(json.loads(line)["id"]) for line in known)
        moved = day.toordinal()
        padding = (
            encode(
                {
                    "adult": n % 97 == 0,
                    "id": above + n,
                    "original_title": f"Obscure film number {n * 7919 % self._exported}",
                    "popularity": (n * 31 + moved * 17) % 1000 / 10_000,
                    "video": n % 53 == 0,
                }
            )
            for n in range(self._exported - len(known))
        )
        return gzip.compress(b"\n".join([*known, *padding]) + b"\n", compresslevel=6, mtime=0)


def _serve() -> None:
    """Until its standard input ends."""
    catalogue = SyntheticCatalogue(KNOWN, SEED, DAYS[-1])
    site = TmdbSite(_Padded(catalogue, EXPORTED), TOKEN, GENRES)
    run(Application([site], lambda: DAYS[-1], Weather()), "127.0.0.1", 0, exit_with_stdin=True)


@contextmanager
def _server() -> Iterator[str]:
    """The server; yields its URL, when every day's export is made."""
    command = [sys.executable, "-m", __name__, "serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        url = json.loads(process.stdout.readline())["url"]
        for day in EXPORTED_DAYS:
            with Http(f"{url}/on/{day}/p/exports", timeout_seconds=(5, 120)) as http:
                http.get_bytes(Request(f"movie_ids_{day:%m_%d_%Y}.json.gz"), endpoint="export")
        yield url
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve()
    else:
        _floor(*sys.argv[2:])
