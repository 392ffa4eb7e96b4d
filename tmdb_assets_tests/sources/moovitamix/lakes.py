"""How a moovitamix lake is filled for these tests: from lists of rows, from a server, from the sandbox.

What belongs here: rows as the API writes them, a server of such lists on loopback, filling a lake without Dagster,
lakes compared. What does not: assertions about any rule.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.extraction import Extractor, Observed
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.flow.publishing import Published, publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.http import Answer, Request
from tmdb_assets.lakehouse.http.pages import Page
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import Settings, load_settings
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix.answers import Rows, page_rows
from tmdb_assets.sources.moovitamix.assets import derived_tables
from tmdb_assets.sources.moovitamix.raw import Moovitamix
from tmdb_assets_tests.faulty_server import FaultyServer, Reply, Script, Seen, json_reply

TODAY = dt.date(2026, 3, 10)  #: the day the frozen clock shows
NOON = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
KEY = "a key for tests only"
VOLATILE = ("fetched_at", "started_at", "finished_at", "seconds", "bytes", "calls", "retries", "throttled")
TABLES = {c.name: c for c in contracts.CONTRACTS}

Lists = Mapping[str, Sequence[Any]]  #: endpoint -> its rows


def day(number: int) -> dt.date:
    """The day that many days before TODAY."""
    return TODAY - dt.timedelta(days=number)


# -- rows as the API writes them ---------------------------------------------------------------------------------------


def track(track_id: int, **changed: Any) -> dict[str, Any]:
    """A row of /tracks."""
    return {
        "id": track_id,
        "name": f"Track {track_id}",
        "artist": f"Artist {track_id % 3}",
        "songwriters": "Somebody",
        "duration": f"{3 + track_id % 4:02}:{track_id % 60:02}",
        "genres": ("Rock", "Jazz, Blues", "rock")[track_id % 3],
        "album": "Album",
        "created_at": "2025-01-01T08:00:00.000001",
        "updated_at": "2025-02-01T08:00:00.000001",
    } | changed


def user(user_id: int, **changed: Any) -> dict[str, Any]:
    """A row of /users."""
    return {
        "id": user_id,
        "first_name": f"First{user_id}",
        "last_name": f"Last{user_id}",
        "email": f"user{user_id}@example.com",
        "gender": "Female",
        "favorite_genres": ("Rock", "Jazz")[user_id % 2],
        "created_at": "2025-01-02T08:00:00.000001",
        "updated_at": "2025-02-02T08:00:00.000001",
    } | changed


def history(user_id: int, *track_ids: int, at: str = "2025-03-01T20:00:00.000001", **changed: Any) -> dict[str, Any]:
    """A row of /listen_history."""
    return {"user_id": user_id, "items": list(track_ids), "created_at": at, "updated_at": at} | changed


def lists(tracks: Sequence[Any] = (), users: Sequence[Any] = (), histories: Sequence[Any] = ()) -> Lists:
    """The three lists of a day."""
    return {"tracks": tracks, "users": users, "listen_history": histories}


def a_few() -> Lists:
    """Five tracks, four users, four history rows."""
    return lists(
        [track(n) for n in range(1, 6)],
        [user(n) for n in range(1, 5)],
        [history(1, 1, 2, 3), history(2, 2, 1), history(3, 5, 4), history(4, 1, 2)],
    )


# -- raw tables from lists ---------------------------------------------------------------------------------------------


def page_text(rows: Sequence[Any], number: int, size: int) -> str:
    """One page of a list as the API writes it."""
    items = list(rows)[(number - 1) * size : number * size]
    body = {"items": items, "total": len(rows), "page": number, "size": size, "pages": -(-len(rows) // size)}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def pages_of(rows: Sequence[Any], size: int = 100) -> list[Page]:
    """A list as the pages that a walk brings."""
    texts = [page_text(rows, n, size) for n in range(1, max(1, -(-len(rows) // size)) + 1)]
    found = []
    for number, text in enumerate(texts, start=1):
        body = json.loads(text)
        answer = Answer(Request("list", key=number), 200, {}, NOON, text, b"", body)
        found.append(Page(number, answer, body["items"], body["pages"], body["total"]))
    return found


def raw_rows(on: dt.date, said: Lists, size: int = 100) -> Rows:
    """The lists of a day as rows of the raw tables."""
    return page_rows(on, {endpoint: pages_of(rows, size) for endpoint, rows in said.items()})


def keep_raw(store: DeltaStore, on: dt.date, said: Lists, size: int = 100) -> None:
    """Put the lists of a day into the raw tables, as an extraction does."""
    rows = raw_rows(on, said, size)
    for target, texts in rows.contents.items():
        store.append_new(target, texts, {})
    store.replace(contracts.PAGES, rows.pages, [on], {})


def raw_frames(said: Mapping[dt.date, Lists], size: int = 100) -> dict[str, pl.DataFrame]:
    """The three raw tables of some days as `keep_raw` would leave them, without a lake."""
    of_days = [raw_rows(on, found, size) for on, found in said.items()]
    frames = {contracts.PAGES.name: pl.concat([found.pages for found in of_days])}
    for contract in (contracts.LAYOUTS, contracts.RECORDS):
        texts = pl.concat([contract.empty(), *[found.contents[contract] for found in of_days]])
        frames[contract.name] = texts.unique(contract.grain, keep="first", maintain_order=True)
    return frames


def copied(store: DeltaStore, folder: Path) -> DeltaStore:
    """The same lake in another folder, to go on from: a lake need not be filled anew for each test."""
    shutil.copytree(store.root, folder)
    return DeltaStore(folder)


# -- filling a lake ----------------------------------------------------------------------------------------------------


def settings_of(lake: str | Path, **changed: Any) -> Settings:
    """Settings of a lake with a frozen clock and a key of its own."""
    options = {"tmdb_assets_lake": str(lake), "tmdb_assets_today": TODAY, "moovitamix_hash_key": KEY}
    return load_settings(_env_file=None, **(options | changed))


settings_of.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


def derive(
    store: DeltaStore,
    days: Sequence[dt.date],
    *,
    only: Collection[str] = (),
    views: bool = True,
    whole: bool = True,
    run_id: str = "",
    log: Callable[[str], None] = lambda line: None,
    **settings: Any,
) -> dict[str, Published]:
    """Publish every derived table for some days, as a run does; what each did, by name.

    `only`: these tables and those that they are made of. Without `whole`, tables that are made of all there is on each
    run are left out: before the last of several runs nobody sees them.
    """
    done = {}
    metadata = {"run_id": run_id} if run_id else {}
    tables = derived_tables(settings_of(store.root, **settings))
    wanted = _with_what_they_are_made_of(tables, only) if only else TABLES
    for table in tables:
        if table.contract.name not in wanted:
            continue
        if (only or views or table.contract.stage != "views") and (whole or not table.contract.is_whole):
            done[table.contract.name] = publish(table, Run(store, days, metadata, lambda event: log(str(event))))
    return done


def _with_what_they_are_made_of(tables: Sequence[DerivedTable], names: Collection[str]) -> set[str]:
    found = set(names)
    for table in reversed(tables):  # each comes after those that it is made of
        if table.contract.name in found:
            found |= {contract.name for contract in table.upstream}
    return found


def fill_from_lists(
    store: DeltaStore,
    days: Mapping[dt.date, Lists],
    *,
    only: Collection[str] = (),
    views: bool = False,
    one_by_one: bool = False,
) -> None:
    """Fill a lake with days, of all tables or `only` some and what they are made of.

    In one run, which costs what a day costs, or `one_by_one`, each a run of its own, in the order given; what is made
    of all days then comes with the last one.
    """
    for number, (on, said) in enumerate(days.items(), 1):
        keep_raw(store, on, said)
        if one_by_one:
            derive(store, [on], only=only, views=views, whole=number == len(days))
    if not one_by_one:
        derive(store, list(days), only=only, views=views)


def observe(
    store: DeltaStore,
    url: str,
    on: dt.date,
    log: Callable[[str], None] = lambda line: None,
    *,
    today: dt.date | None = None,
) -> Observed:
    """Observe a day of the API at a URL, on that day unless `today` is another."""
    loaded = settings_of(store.root, tmdb_assets_today=today or on, moovitamix_url=url)
    clock = Clock(today or on)
    with closing(Moovitamix(loaded, clock, None, log, max_wait_seconds=0.02)) as client:
        extractor = Extractor(
            Run(store, [on], tell=lambda event: log(str(event))), Ledger(store, contracts.SOURCE), clock, client
        )
        return extractor.observe(client.tables()["pages"], on)


@dataclass(frozen=True)
class At:
    """Something that serves at a URL already."""

    url: str


def observe_history(store: DeltaStore, url: str, days: Sequence[dt.date], *, today: dt.date = TODAY) -> None:
    """Observe days of a running sandbox, each as it stood then."""
    loaded, clock = settings_of(store.root, tmdb_assets_today=today), Clock(today)
    with closing(Moovitamix(loaded, clock, At(url), lambda line: None)) as client:
        extractor = Extractor(Run(store, days), Ledger(store, contracts.SOURCE), clock, client)
        for on in days:
            extractor.observe(client.tables()["pages"], on)


# -- a server of lists -------------------------------------------------------------------------------------------------


@dataclass
class ListServer:
    """Serves lists as the API does. `spoil(number of the request)` may answer in its place; `said` may be exchanged."""

    said: Lists
    spoil: Callable[[int, ListServer], Reply | None] = lambda number, server: None
    asked: list[Seen] = field(default_factory=list)

    def script(self) -> Script:
        """What a FaultyServer needs."""

        def answer(seen: Seen) -> Reply:
            self.asked.append(seen)
            spoiled = self.spoil(len(self.asked), self)
            if spoiled is not None:
                return spoiled
            endpoint = urlsplit(seen.target).path.strip("/")
            if endpoint not in self.said:
                return json_reply({"detail": "Not Found"}, 404)
            page, size = int(seen.query.get("page", "1")), int(seen.query.get("size", "50"))
            return Reply(200, page_text(self.said[endpoint], page, size).encode(), {"Content-Type": "application/json"})

        return answer

    def running(self) -> FaultyServer:
        """The server; use as a context manager."""
        return FaultyServer(self.script())


# -- lakes compared ----------------------------------------------------------------------------------------------------


def rows(store: DeltaStore, table: str) -> pl.DataFrame:
    """One table, in the order of its grain."""
    contract = TABLES[table]
    return store.scan(contract).sort(contract.grain).collect()


def contents(store: DeltaStore, but: Collection[str] = ()) -> dict[str, pl.DataFrame]:
    """Every table in the order of its grain, without clock times and costs."""
    return {name: rows(store, name).drop(VOLATILE, strict=False) for name in TABLES if name not in but}


def differing(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> list[str]:
    """Names of the tables that differ."""
    return [name for name in one if not one[name].equals(other[name])]


def recorded(real_data: Path) -> Lists:
    """All rows of one run of the real server."""
    with gzip.open(real_data / "moovitamix" / "full_run.json.gz", "rt", encoding="utf-8") as file:
        said = json.load(file)
    return lists(said["tracks"], said["users"], said["listen_history"])


def cost(root: str | Path) -> tuple[int, int]:
    """(files, bytes) below a folder, log entries and checkpoints included."""
    sizes = [file.stat().st_size for file in Path(root).rglob("*") if file.is_file()]
    return len(sizes), sum(sizes)
