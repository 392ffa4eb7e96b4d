"""Views asked over a star of a few rows written by hand, for cases that no world has.

What belongs here: rows of star tables in few words, and `ask`, which answers a view over them and holds the answer to
its contract. What does not: assertions about any figure.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.engines.duckdb import answer
from tmdb_assets.sources.tmdb import contracts

TABLES = {contract.name: contract for contract in contracts.CONTRACTS}
VIEWS = {view.contract.name: view for view in contracts.VIEWS}
DAY = dt.date(2026, 3, 10)  #: a Tuesday

Rows = list[dict[str, Any]]


def ago(days: int) -> dt.date:
    """So many days before DAY."""
    return DAY - dt.timedelta(days=days)


def a_film(movie_id: int, **known: Any) -> dict[str, Any]:
    """A row of dim_movie: a film whose details were observed on DAY."""
    said = {"movie_id": movie_id, "title": f"Film {movie_id}", "observed_on": DAY, "has_implausible_money": False}
    return said | known


def seen(day: dt.date, movie_id: int, popularity: float, *votes: Any) -> dict[str, Any]:
    """A row of fact_movie_daily; `votes` are count and mean, none when only the export saw the film."""
    count, mean = votes or (None, None)
    return {"date_id": day, "movie_id": movie_id, "popularity": popularity, "vote_count": count, "vote_average": mean}


def members(key: str, of: Mapping[int, Iterable[Any]]) -> Rows:
    """Rows of a bridge: `members("genre_id", {1: [18, 35]})` gives film 1 two genres."""
    return [{"movie_id": movie, key: member} for movie, found in of.items() for member in found]


def ask(view: str, **star: Rows) -> Rows:
    """The rows of a view over star tables, those not given empty, in the order of its grain."""
    frames = {name: pl.DataFrame(rows, schema=TABLES[name].schema) for name, rows in star.items()}
    return ask_frames(view, frames).to_dicts()


def ask_frames(view: str, star: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The same over frames."""
    known = dict(star)
    for name in TABLES:  # in the order in which data flows
        if name not in known and name in VIEWS and name in _needed(view):
            known[name] = _answer(name, known)
    return known[view].sort(TABLES[view].grain)


def _needed(view: str) -> set[str]:
    """The view and the views it stands on."""
    return {view}.union(*(_needed(name) for name in VIEWS[view].reads if name in VIEWS))


def _answer(view: str, known: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    inputs = {name: known.get(name, TABLES[name].empty()).lazy() for name in VIEWS[view].reads}
    audit = Audit.of(TABLES[view], answer(VIEWS[view], inputs))
    grain = audit.kept.select(TABLES[view].grain)
    assert not audit.quarantined.height, audit.rules
    assert not grain.is_duplicated().any(), f"{view}: rows share their grain"
    return audit.kept
