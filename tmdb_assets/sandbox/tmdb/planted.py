"""What is planted into a world to be found: breakouts, and how what was planted is told.

What belongs here: where breakouts go, and the answer of /sandbox/truth. What does not: what a breakout does to a film
(timeline.py) and oddities of payloads (quirks.py).
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from tmdb_assets.sandbox.tmdb import quirks
from tmdb_assets.sandbox.tmdb.timeline import Breakout, Film

HISTORY_STARTS = dt.date(2020, 1, 1)


def plant_breakouts(seed: int, until: dt.date, born: Sequence[int], film_of: Callable[[int], Film]) -> None:
    """Two to five a month, on films that had calmed down, so that nothing else explains the rise. `born`: the first
    days of all films by number, oldest first; `film_of` gives the same object whenever it is asked for a number."""
    month = HISTORY_STARTS
    while month <= until:
        first = month.toordinal()
        following = (month + dt.timedelta(days=32)).replace(day=1)
        known = bisect_left(born, first)
        rng = Random(f"{seed}:breakouts:{month}")
        for _ in range(rng.randrange(2, 6)):
            day, length = first + rng.randrange(27), rng.randrange(3, 12)
            factor = round(5 + 15 * rng.random(), 2)
            for _ in range(40):
                film = film_of(rng.randrange(known))
                calm = film.premiere and film.premiere + 500 < day and not (film.adult or film.video or film.quirks)
                stays = film.gone is None or film.gone > day + length
                if calm and stays and all(day > spike.last + 60 for spike in film.breakouts):
                    film.breakouts.append(Breakout(day, day + length - 1, factor))
                    break
        month = following


def tell_breakouts(films: Iterable[Film], today: int) -> list[dict[str, Any]]:
    """The breakouts that have begun by a day, in the order of their beginning."""
    found = [(film, spike) for film in films for spike in film.breakouts if spike.first <= today]
    return [
        {
            "movie_id": film.movie_id,
            "day": iso(spike.first),
            "last_day": iso(spike.last),
            "factor": spike.factor,
        }
        for film, spike in sorted(found, key=lambda pair: (pair[1].first, pair[0].movie_id))
    ]


def tell_quirks(films: Iterable[Film]) -> dict[str, list[int]]:
    """Which films have which oddity."""
    quirky: dict[str, list[int]] = {name: [] for name in quirks.EFFECTS}
    for film in films:
        for name in sorted(film.quirks):
            quirky[name].append(film.movie_id)
    return quirky


def tell_vote_corrections(films: Iterable[Film], today: int) -> list[dict[str, Any]]:
    """The corrections of votes that have come by a day."""
    return [
        {"movie_id": film.movie_id, "day": iso(film.votes_corrected)}
        for film in films
        if 0 < film.votes_corrected <= today
    ]


def iso(day: int) -> str:
    """A day as it is written."""
    return dt.date.fromordinal(day).isoformat()
