"""The music API's surface: three paths, pages, errors, and a restart that changes nearly every id.

What belongs here: what a caller of the API can see. What does not: who listens to what (world.py) and failures of the
network (../faults.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from tmdb_assets.sandbox.answers import Answer, Request, json_answer
from tmdb_assets.sandbox.moovitamix.world import World

ROOT = "/moovitamix/"
DEFAULT_SIZE, MAX_SIZE = 50, 100
_NOT_FOUND = json_answer({"detail": "Not Found"}, 404)
_RESTARTED_SEED = 1_000_003


class MoovitamixSite:
    """The music API below `/moovitamix/`. After as many answers as `restarts` says, its server restarts: another
    world."""

    def __init__(self, seed: int, listeners: int, restarts: Sequence[int] = ()) -> None:
        self._seed, self._listeners, self._restarts = seed, listeners, sorted(restarts)
        self._answers = 0
        self._start(seed)

    def _start(self, seed: int) -> None:
        world = World(seed, self._listeners)
        self._world = world
        lists: dict[str, Callable[[dt.date], list[dict[str, Any]]]] = {
            "tracks": world.tracks,
            "users": world.users,
            "listen_history": world.histories,
        }
        self._lists = {name: lru_cache(maxsize=16)(rows) for name, rows in lists.items()}

    def answer(self, request: Request) -> Answer | None:
        """Answer a request, or None for a path that is not the music API's."""
        if not request.path.startswith(ROOT):
            return None
        rows = self._lists.get(request.path.removeprefix(ROOT))
        if rows is None:
            return _NOT_FOUND
        page = _whole(request, "page", 1, None)
        size = _whole(request, "size", DEFAULT_SIZE, MAX_SIZE)
        wrong = [fault for fault in (page, size) if isinstance(fault, dict)]
        if wrong:
            return json_answer({"detail": wrong}, 422)
        self._count_and_restart()
        found = self.rows(request.path.removeprefix(ROOT), request.today)
        assert isinstance(page, int)
        assert isinstance(size, int)
        items = found[(page - 1) * size : page * size]
        pages = -(-len(found) // size)
        return json_answer({"items": items, "total": len(found), "page": page, "size": size, "pages": pages})

    def rows(self, endpoint: str, day: dt.date) -> list[dict[str, Any]]:
        """All rows of a list on a day. Callers never change them."""
        return self._lists[endpoint](day)

    def truth(self, today: dt.date) -> dict[str, Any]:
        """What was planted up to a day."""
        return {"moovitamix": self._world.truth(today)}

    def _count_and_restart(self) -> None:
        if self._answers in self._restarts:
            self._seed += _RESTARTED_SEED
            self._start(self._seed)
        self._answers += 1


def _whole(request: Request, name: str, default: int, most: int | None) -> int | dict[str, Any]:
    """The parameter's value, or what the API's framework says of one it cannot use."""
    text = request.query.get(name, str(default))
    try:
        value = int(text)
    except ValueError:
        message = "Input should be a valid integer, unable to parse string as an integer"
        return {"type": "int_parsing", "loc": ["query", name], "msg": message, "input": text}
    if value < 1:
        message = "Input should be greater than or equal to 1"
        return {"type": "greater_than_equal", "loc": ["query", name], "msg": message, "input": text, "ctx": {"ge": 1}}
    if most is not None and value > most:
        message = f"Input should be less than or equal to {most}"
        return {"type": "less_than_equal", "loc": ["query", name], "msg": message, "input": text, "ctx": {"le": most}}
    return value
