"""A list that moves while it is walked, without a server: rows leave, come, change places and come twice between two
answers.

What belongs here: the list and what it does, the client that walks it, days of raw tables that come of it. What does
not: assertions about any rule.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock, Reach
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk
from tmdb_assets.lakehouse.http import Answer, Request
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix.raw import Moovitamix
from tmdb_assets_tests.sources.moovitamix.lakes import NOON, Lists, lists, settings_of, track

#: What happens to a list before an answer: what, and two numbers that say where.
Move = tuple[str, int, int]


@dataclass
class MovingList:
    """Tracks in the order in which they are served; `moves` happen before an answer each, and are used up."""

    ids: list[int]
    size: int
    moves: list[Sequence[Move]] = field(default_factory=list)
    next_id: int = 1000

    def answer(self, number: int) -> dict[str, Any]:
        """A page, after what happens before it."""
        repeat: Move | None = None
        for move in self.moves.pop(0) if self.moves else ():
            repeat = move if move[0] == "repeat" else repeat
            self.happen(move)
        items = self.ids[(number - 1) * self.size : number * self.size]
        if repeat and items:  # a row in the place of another
            items[repeat[1] % len(items)] = self.ids[repeat[2] % len(self.ids)]
        total = len(self.ids)
        return {"items": [track(n) for n in items], "total": total, "page": number, "pages": -(-total // self.size)}

    def happen(self, move: Move) -> None:
        """One change."""
        what, here, there = move
        if what in {"insert", "replace"}:
            self.next_id += 1
            self.ids.insert(there % (len(self.ids) + 1), self.next_id)
        if what in {"delete", "replace"} and self.ids:
            del self.ids[here % len(self.ids)]
        if what == "move" and self.ids:
            self.ids.insert(there % len(self.ids), self.ids.pop(here % len(self.ids)))
        if what == "shuffle":
            random.Random(here).shuffle(self.ids)


@dataclass
class Wire:
    """Stands for the HTTP client: answers at once, in the order of the questions."""

    answer: Callable[[str, int], Mapping[str, Any]]
    asked: list[tuple[str, int]] = field(default_factory=list)
    concurrency: int = 1

    def get(self, request: Request, **_: Any) -> Answer:
        """One answer."""
        endpoint, number = request.path.split("/")[-1], int(request.params["page"])
        self.asked.append((endpoint, number))
        text = json.dumps(self.answer(endpoint, number))
        return Answer(request, 200, {}, NOON, text, text.encode(), json.loads(text))

    def get_each(self, requests: Iterable[Request], **_: Any) -> Iterator[Answer]:
        """An answer each."""
        yield from map(self.get, requests)

    def say(self, line: str) -> None:
        """Nobody listens."""


@dataclass
class RawTables:
    """Raw tables without a lake: they are read, and take a day's chunk."""

    frames: dict[str, pl.DataFrame] = field(default_factory=dict)

    def scan(self, contract: Contract, *_: Any) -> pl.LazyFrame:
        """One table."""
        return self.frames.get(contract.name, contract.empty()).lazy()

    def keep(self, chunk: Chunk) -> None:
        """Take a day in, each content once."""
        for contract, rows in {contracts.PAGES: chunk.frame, **chunk.contents}.items():
            both = pl.concat([self.frames.get(contract.name, contract.empty()), rows])
            self.frames[contract.name] = both.unique(contract.grain, keep="first", maintain_order=True)


def observed(on: Any, store: RawTables, wire: Wire, log: Callable[[str], None] = lambda line: None) -> Chunk:
    """Walk a day's lists over a wire: what would be kept of it."""
    client = Moovitamix(settings_of("lake"), Clock(on), None, lambda line: None)
    vars(client)["api"] = wire
    (chunk,) = client.pages(Asked(on, Reach.LIVE, NOON, store, None, log))  # type: ignore[arg-type]  # stand-ins
    return chunk


def of_tracks(moving: MovingList, rest: Lists | None = None) -> Wire:
    """A wire on which the tracks move, and nothing else does."""
    still = rest or lists()

    def answer(endpoint: str, number: int) -> Mapping[str, Any]:
        if endpoint == "tracks":
            return moving.answer(number)
        rows = list(still[endpoint])
        items = rows[(number - 1) * 100 : number * 100]
        return {"items": items, "total": len(rows), "page": number, "pages": -(-len(rows) // 100)}

    return Wire(answer)
