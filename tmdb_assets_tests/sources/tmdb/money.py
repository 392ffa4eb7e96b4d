"""Films and their money as plain Python, and stars of a few films made by hand, for the tests of the money views.

What belongs here: a world's films with the figures that were said of them, what any group of films must add up to,
running a view over hand-made rows. What does not: which films a view's row is about; each test says so.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.engines.duckdb import answer as answer_view
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets_tests.sources.tmdb.worlds import World

DAY = dt.date(2026, 3, 1)
VIEWS = {view.contract.name: view for view in contracts.VIEWS}
Row = dict[str, Any]


@dataclass(frozen=True)
class Film:
    """A film that is there: what its details said, and its last popularity and votes."""

    movie_id: int
    said: dict[str, Any]
    popularity: float | None
    rating: float | None
    votes: int | None
    detailed_on: dt.date

    @property
    def title(self) -> str:
        """Without the blanks around it."""
        return str(self.said["title"]).strip()

    @property
    def year(self) -> int | None:
        """Of the first release."""
        return int(self.said["release_date"][:4]) if self.said.get("release_date") else None

    @property
    def budget(self) -> int | None:
        """In dollars; TMDB writes an unknown one as 0."""
        return self.said["budget"] or None

    @property
    def revenue(self) -> int | None:
        """In dollars; TMDB writes an unknown one as 0."""
        return self.said["revenue"] or None

    @property
    def is_released(self) -> bool:
        """As its status says; without one, as its date says on the day its details were observed."""
        status = (self.said.get("status") or "").strip()
        released = self.said.get("release_date") or ""
        return status == "Released" if status else "" < released <= self.detailed_on.isoformat()

    @property
    def is_implausible(self) -> bool:
        """Whether its money is hardly true."""
        known = (self.budget, self.revenue)
        small, large = min(filter(None, known), default=0), max(filter(None, known), default=0)
        pair = None not in known and small < 1_000 and (large < 1_000 or large > 1_000_000)
        votes = self.said.get("vote_count")
        return pair or ((self.revenue or 0) > 100_000_000 and votes is not None and votes < 50)

    @property
    def counted_budget(self) -> int | None:
        """The budget of a released film."""
        return self.budget if self.is_released else None

    @property
    def counted_revenue(self) -> int | None:
        """The revenue of a released film."""
        return self.revenue if self.is_released else None

    @property
    def runtime(self) -> int | None:
        """In minutes."""
        return self.said["runtime"] or None

    @property
    def money(self) -> tuple[int, int] | None:
        """Budget and revenue, when both count."""
        both = (self.counted_budget, self.counted_revenue)
        return both if both[0] and both[1] else None  # type: ignore[return-value]  # neither is null

    @property
    def series(self) -> int | None:
        """The collection."""
        return (self.said.get("belongs_to_collection") or {}).get("id")

    def ids(self, items: str) -> set[int]:
        """The ids in one of its lists."""
        return {item["id"] for item in self.said.get(items) or []}

    def credits(self, part: str) -> list[dict[str, Any]]:
        """Its cast or crew; an older payload has none."""
        return (self.said.get("credits") or {}).get(part) or []


def films_of(world: World) -> list[Film]:
    """Every film whose details were observed and that is not gone."""
    last = world.last_seen()
    voted = {f: s for day in sorted(world.daily) for f, s in world.daily[day].items() if s.vote_count is not None}
    return [
        Film(
            movie_id,
            said,
            last[movie_id][1].popularity if movie_id in last else None,
            voted[movie_id].vote_average if movie_id in voted else None,
            voted[movie_id].vote_count if movie_id in voted else None,
            world.detailed_on[movie_id],
        )
        for movie_id, said in world.films.items()
        if movie_id not in world.gone
    ]


# -- what a group of films adds up to ----------------------------------------------------------------------------------


def figures(films: Sequence[Film]) -> Row:
    """The columns that every grouped view has."""
    money = [film.money for film in films if film.money]
    ratings = [film.rating for film in films if film.rating is not None]
    popularities = [film.popularity for film in films if film.popularity is not None]
    amounts = {
        "budget": [film.counted_budget for film in films if film.counted_budget],
        "revenue": [film.counted_revenue for film in films if film.counted_revenue],
        "profit": [revenue - budget for budget, revenue in money],
    }
    row: Row = {
        "films": len(films),
        "films_with_budget": len(amounts["budget"]),
        "films_with_revenue": len(amounts["revenue"]),
        "films_with_both": len(money),
        "films_with_implausible_money": sum(
            film.is_implausible and bool(film.counted_budget or film.counted_revenue) for film in films
        ),
        "films_with_votes": len(ratings),
    }
    for name, values in amounts.items():
        row[f"total_{name}_usd"] = sum(values) if values else None
        row[f"mean_{name}_usd"] = fmean(values) if values else None
        row[f"median_{name}_usd"] = float(median(values)) if values else None
    row["median_roi"] = median(revenue / budget for budget, revenue in money) if money else None
    true = [film for film in films if not film.is_implausible]
    earned = [film.counted_revenue for film in true if film.counted_revenue]
    returns = [film.money[1] / film.money[0] for film in true if film.money]
    row |= {
        "ranked_films_with_revenue": len(earned),
        "ranked_films_with_both": len(returns),
        "ranked_total_revenue_usd": sum(earned) if earned else None,
        "ranked_median_revenue_usd": float(median(earned)) if earned else None,
        "ranked_median_roi": median(returns) if returns else None,
    }
    row["mean_rating"] = fmean(ratings) if ratings else None
    row["mean_popularity"] = fmean(popularities) if popularities else None
    return row


def years(films: Iterable[Film]) -> Row:
    """First and last year of release."""
    known = [film.year for film in films if film.year is not None]
    return {"first_year": min(known, default=None), "last_year": max(known, default=None)}


def best_earning(films: Iterable[Film]) -> Row:
    """The film of the highest revenue that counts, those left out whose money is hardly true."""
    earning = [f for f in films if f.counted_revenue and not f.is_implausible]
    best = min(earning, key=lambda f: (-(f.revenue or 0), f.movie_id), default=None)
    return {
        "best_earning_movie_id": best.movie_id if best else None,
        "best_earning_title": best.title if best else None,
        "best_earning_revenue_usd": best.revenue if best else None,
    }


def grouped(films: Iterable[Film], keys: Callable[[Film], Iterable[Any]]) -> dict[Any, list[Film]]:
    """The films under each of the keys they have; None is no key."""
    groups: dict[Any, list[Film]] = {}
    for film in films:
        for key in keys(film):
            if key is not None:
                groups.setdefault(key, []).append(film)
    return dict(sorted(groups.items()))


def differences(answered: Sequence[Row], expected: Sequence[Row]) -> list[str]:
    """Where rows differ, in words; decimals may differ by the order in which they were added."""
    if len(answered) != len(expected):
        return [f"{len(answered)} rows, not {len(expected)}"]
    return [
        f"row {number}, {column}: {got.get(column)!r}, not {want.get(column)!r}"
        for number, (got, want) in enumerate(zip(answered, expected, strict=True))
        for column in dict.fromkeys([*got, *want])
        if column not in got or column not in want or not _same(got[column], want[column])
    ][:10]


def _same(got: Any, want: Any) -> bool:
    if isinstance(got, float) and isinstance(want, float):
        return math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-9)
    return type(got) is type(want) and bool(got == want)


# -- stars made by hand ------------------------------------------------------------------------------------------------


def a_film(movie_id: int, **changes: Any) -> Row:
    """A film with money and votes: a row of dim_movie and one of fact_movie_daily in one."""
    return {
        "movie_id": movie_id,
        "title": f"Film {movie_id}",
        "original_language": "en",
        "status": "Released",
        "release_date": dt.date(2000, 5, 1),
        "runtime_minutes": 100,
        "budget_usd": 10_000_000,
        "revenue_usd": 30_000_000,
        "has_implausible_money": False,
        "observed_on": DAY,
        "date_id": DAY,
        "popularity": 1.0,
        "vote_average": 6.0,
        "vote_count": 100,
    } | changes


def a_star(*films: Row, **tables: Iterable[Row]) -> dict[str, pl.DataFrame]:
    """The star tables of some films; `tables` are rows of bridges and dimensions, columns not named are null."""
    rows: dict[str, Iterable[Row]] = {"dim_movie": films, "fact_movie_daily": films} | tables
    return {
        table.name: pl.DataFrame(
            [{column: row.get(column) for column in table.schema} for row in rows.get(table.name, ())],
            schema=table.schema,
        )
        for table in contracts.CONTRACTS
        if table.stage == "star"
    }


def answer(star: dict[str, pl.DataFrame], name: str) -> list[Row]:
    """The rows of a view over a hand-made star, in the order of its grain; they must keep the view's contract."""
    frame = _answered(star, name)
    contract = VIEWS[name].contract
    audit = Audit.of(contract, frame)
    assert audit.rules == {}
    assert frame.select(contract.grain).is_unique().all()
    return frame.sort(contract.grain).to_dicts()


def _answered(star: dict[str, pl.DataFrame], name: str) -> pl.DataFrame:
    view = VIEWS[name]
    return answer_view(
        view, {read: (star[read] if read in star else _answered(star, read)).lazy() for read in view.reads}
    )
