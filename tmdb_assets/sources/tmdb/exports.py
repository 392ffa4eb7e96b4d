"""The daily ID exports: asking for one, and whether what came can be believed.

What belongs here: which export of which day, how many films one should hold, what is said of one that holds fewer. What
does not: its lines as rows (answers.py), what its films are used for (scope.py), the table they are kept in (raw.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from tmdb_assets.lakehouse.calendar import Reach
from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.extraction import Asked
from tmdb_assets.lakehouse.http import Http, Request, SourceUnavailable
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.answers import export_rows

EXPORT = "exports/movie_ids"
#: An export may hold so many films less than the one next to it: the catalogue grows, and loses a few hundred a day.
SHRINKS_AT_MOST, SHRINKS_FEW = 0.10, 10
#: Exports this many days apart are compared, or stand in for each other.
NEAR_DAYS = 30
#: How many days before a day are asked for an export while it has none of its own.
ASKED_BACK_DAYS = 3
TIMES_ASKED = 2


@dataclass
class Exports:
    """The exports of one source. `path` tells where the export of a day lies, as the file server stood on another;
    `is_trusted`: one that holds far fewer films than another is believed (TMDB_ASSETS_ALLOW_MASS_DELETE)."""

    server: Callable[[], Http]
    path: Callable[[dt.date, dt.date], str]
    is_trusted: bool = False
    _told: dict[tuple[dt.date, dt.date], pl.DataFrame | None] = field(default_factory=dict)

    def ask(self, day: dt.date, seen_on: dt.date) -> pl.DataFrame | None:
        """The export of a day as rows of raw/movie_ids; None when there is none.

        Raises BlockedError when it does not unpack whole, HttpError when the server gives no answer.
        """
        answer = self.server().get_bytes(Request(self.path(day, seen_on)), endpoint=EXPORT, accepted=(200, 403, 404))
        return export_rows(answer, day) if answer.status == 200 else None

    def of(self, asked: Asked, day: dt.date) -> pl.LazyFrame | None:
        """The export of another day than the asked one, as it is kept, else as it can still be had; None when it
        cannot.

        One that is much smaller than the asked day's own is asked for once more.
        """
        if day in stored_exports_near(asked, before=NEAR_DAYS, after=NEAR_DAYS):
            return asked.store.scan(contracts.MOVIE_IDS, [day])
        if (day, asked.day) not in self._told:
            own = stored_exports_near(asked, before=0, after=0).get(asked.day, 0)
            told: pl.DataFrame | None = None
            for _ in range(TIMES_ASKED):
                try:
                    told = self.ask(day, asked.day)
                except (BlockedError, SourceUnavailable):
                    continue
                if told is not None and told.height and not is_much_less(told.height, own):
                    break
            while len(self._told) >= ASKED_BACK_DAYS:
                self._told.pop(next(iter(self._told)))
            # without the lines it was read from, which take most of the room
            self._told[(day, asked.day)] = None if told is None else Audit.of(contracts.MOVIE_IDS, told).kept
        kept = self._told[(day, asked.day)]
        return None if kept is None or not kept.height else kept.lazy()

    def believed(self, asked: Asked) -> tuple[pl.DataFrame | None, str]:
        """The export of the asked day, or None and why: there is none (then the sentence is empty), or what came is not
        believed. It is asked for once more before that is said."""
        problem = ""
        for _ in range(TIMES_ASKED):
            try:
                frame = self.ask(asked.day, asked.day)
            except (BlockedError, SourceUnavailable) as error:
                problem = str(error)
                continue
            problem = self._too_small(asked, frame) if frame is not None else ""
            if frame is not None and not problem:
                return frame, ""
        return None, problem

    def is_compared(self, asked: Asked) -> bool:
        """Whether another day's export tells how many films the asked day's should hold."""
        return self._to_compare_with(asked)[1] > 0

    def _too_small(self, asked: Asked, frame: pl.DataFrame) -> str:
        name = f"{EXPORT} {asked.day}"
        if not frame.height:
            return f"{name}: the file holds no film"
        other, rows = self._to_compare_with(asked)
        if self.is_trusted or not is_much_less(frame.height, rows):
            return ""
        return f"{name}: the file holds {frame.height:,} films where that of {other} holds {rows:,}, so it is not whole"

    def _to_compare_with(self, asked: Asked) -> tuple[dt.date, int]:
        """The nearest other day with an export, and how many films that has."""
        near = {
            d: n for d, n in stored_exports_near(asked, before=NEAR_DAYS, after=NEAR_DAYS).items() if d != asked.day
        }
        if near:
            day = min(near, key=lambda d: (abs(d - asked.day), d))
            return day, near[day]
        day = asked.day - dt.timedelta(days=1)
        told = self.of(asked, day)
        return day, 0 if told is None else int(told.select(pl.len()).collect().item())

    def newest(self, asked: Asked) -> tuple[dt.date, pl.LazyFrame] | None:
        """The newest export that tells what belongs to the asked day: its own, else the last one before it, kept or
        not."""
        own = stored_exports_near(asked, before=0, after=0)
        if own:
            return asked.day, asked.store.scan(contracts.MOVIE_IDS, [asked.day])
        if asked.reach is not Reach.PAST:
            for back in range(1, ASKED_BACK_DAYS + 1):
                day = asked.day - dt.timedelta(days=back)
                if (told := self.of(asked, day)) is not None:
                    return day, told
        kept = stored_exports_near(asked, before=NEAR_DAYS, after=0)
        return (max(kept), asked.store.scan(contracts.MOVIE_IDS, [max(kept)])) if kept else None


def is_much_less(films: int, than: int) -> bool:
    """Whether so many films are far fewer than those: by more than 10%, and by more than ten."""
    return than - films > max(SHRINKS_FEW, SHRINKS_AT_MOST * than)


def stored_exports_near(asked: Asked, *, before: int, after: int) -> dict[dt.date, int]:
    """Rows of the kept exports of the days around the asked one, itself included."""
    rows = asked.store.partition_rows(contracts.MOVIE_IDS)
    return {day: n for day, n in rows.items() if n and -before <= (day - asked.day).days <= after}


def has_whole_export(asked: Asked) -> bool:
    """Whether the day's own export is kept, and nothing has said that it is not whole."""
    entry = asked.ledger.entry(asked.day, EXPORT)
    is_doubted = entry is not None and not entry.is_finished
    return not is_doubted and bool(asked.store.partition_rows(contracts.MOVIE_IDS).get(asked.day))
