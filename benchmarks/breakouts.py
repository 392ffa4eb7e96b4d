"""g. Breakouts: of the films that vw_breakouts reports, the share that the sandbox planted as breakouts.

What belongs here: the past of a sandbox world as star frames, made in this process, and the view held against what was
planted. What does not: the view, which never sees what was planted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from benchmarks.figure import Figure
from tmdb_assets.lakehouse.engines.duckdb import answer
from tmdb_assets.sandbox.tmdb.catalogue import SyntheticCatalogue
from tmdb_assets.sandbox.tmdb.lists import Entry
from tmdb_assets.sources.tmdb import contracts

VIEWS = {view.contract.name: view for view in contracts.VIEWS}
FILMS, NEWEST, DAYS = 2_400, dt.date(2026, 3, 10), 90
#: The thresholds were chosen on one world and are judged by others.
TUNED_ON, JUDGED_BY = 1, (2, 3, 4)
HISTORY_DAYS = 60
TOP = 10


@dataclass(frozen=True)
class Past:
    """A sandbox world day by day: facts of all days, the films as a day showed them, the breakouts active on a day."""

    facts: pl.DataFrame
    films: dict[dt.date, pl.DataFrame]
    planted: dict[dt.date, set[int]]


@dataclass(frozen=True)
class Counts:
    """Films reported and planted, summed over days: a film counts on each day on which it is reported or planted."""

    reported: int = 0
    right: int = 0
    top_reported: int = 0
    top_right: int = 0
    planted: int = 0

    def __add__(self, other: Counts) -> Counts:
        ours, theirs = vars(self), vars(other)
        return Counts(**{name: ours[name] + theirs[name] for name in ours})

    @property
    def precision(self) -> float:
        """Share of the reported that was planted."""
        return self.right / self.reported if self.reported else 0.0

    @property
    def top_precision(self) -> float:
        """The same among the ten that rank highest on each day."""
        return self.top_right / self.top_reported if self.top_reported else 0.0

    @property
    def recall(self) -> float:
        """Share of the planted that was reported."""
        return self.right / self.planted if self.planted else 0.0

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.3f} ({self.right} of {self.reported} reported), at the top {TOP} "
            f"{self.top_precision:.3f}, recall {self.recall:.3f} (of {self.planted} planted)"
        )


def measure() -> Figure:
    """Precision over many newest days of worlds that had no part in choosing the thresholds."""
    chosen = back_test(FILMS, TUNED_ON, NEWEST, DAYS)
    judged = {seed: back_test(FILMS, seed, NEWEST, DAYS) for seed in JUDGED_BY}
    overall = sum(judged.values(), Counts())
    return Figure(
        f"g. vw_breakouts: precision over {DAYS} newest days each of {len(judged)} sandbox worlds of {FILMS:,} films",
        overall.precision,
        0.9,
        unit="",
        at_most=False,
        details={"all worlds": str(overall)}
        | {f"seed {seed}": str(counts) for seed, counts in judged.items()}
        | {f"seed {TUNED_ON}, on which the thresholds were chosen": str(chosen)},
    )


def back_test(films: int, seed: int, newest: dt.date, days: int) -> Counts:
    """The view asked on each of the `days` up to `newest`, with the history that each of them had."""
    past = past_of(films, seed, newest, days + HISTORY_DAYS)
    total = Counts()
    for day in sorted(past.films)[-days:]:
        reported, planted = reported_on(past, day), past.planted[day]
        right = [film in planted for film in reported]
        total += Counts(len(right), sum(right), len(right[:TOP]), sum(right[:TOP]), len(planted))
    return total


def past_of(films: int, seed: int, newest: dt.date, days: int) -> Past:
    """The `days` up to `newest` of a world, as the lists show it: adult films are in none."""
    world = SyntheticCatalogue(films, seed, newest)
    spikes = [
        (spike["movie_id"], dt.date.fromisoformat(spike["day"]), dt.date.fromisoformat(spike["last_day"]))
        for spike in world.truth(newest)["breakouts"]
    ]
    facts, shown, planted = [], {}, {}
    for day in (newest - dt.timedelta(days=n) for n in reversed(range(days))):
        seen = [entry for entry in world.entries(day) if not entry.adult]
        facts.append(_facts(day, seen))
        shown[day] = _films(day, seen)
        there = {entry.movie_id for entry in seen}
        planted[day] = {film for film, first, last in spikes if first <= day <= last and film in there}
    return Past(pl.concat(facts), shown, planted)


def reported_on(past: Past, day: dt.date) -> Sequence[int]:
    """The films that the view reports when `day` is the newest, best rank first."""
    since = day - dt.timedelta(days=HISTORY_DAYS)
    facts = past.facts.lazy().filter(pl.col("date_id").is_between(since, day))
    films = past.films[day].lazy()
    latest = answer(VIEWS["vw_movie_latest"], {"fact_movie_daily": facts, "dim_movie": films})
    given = {"fact_movie_daily": facts, "dim_movie": films, "vw_movie_latest": latest.lazy()}
    found = answer(VIEWS["vw_breakouts"], given)
    return found.sort("breakout_rank").get_column("movie_id").to_list()


def _facts(day: dt.date, seen: Iterable[Entry]) -> pl.DataFrame:
    rows = [(day, e.movie_id, e.popularity, None, e.vote_count) for e in seen]
    return pl.DataFrame(rows, schema=contracts.FACT_MOVIE_DAILY.schema, orient="row")


def _films(day: dt.date, seen: Iterable[Entry]) -> pl.DataFrame:
    rows = [
        {
            "movie_id": e.movie_id,
            "release_date": dt.date.fromisoformat(e.release_date) if e.release_date else None,
            "observed_on": day,
        }
        for e in seen
    ]
    return pl.DataFrame(rows, schema=contracts.DIM_MOVIE.schema)
