"""h. Every view on 10,000 films and 365 days over reading the star once. j. The same questions asked of pandas.

What belongs here: a year of star tables, the views published over it in their order, and five of their questions put to
pandas, whose answers must agree. What does not: the views.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
import time
from collections.abc import Callable

import pandas as pd
import polars as pl
from deltalake import DeltaTable

from benchmarks.figure import Figure, peak_mb, run_child, seconds
from benchmarks.lake import derive, fill_raw, films
from benchmarks.warehouse import FIRST, KEPT_DAYS, LISTED, repeat_facts
from tmdb_assets.lakehouse.contracts import Stage
from tmdb_assets.lakehouse.engines.duckdb import answer
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.assets import derived_tables

TABLES = {c.name: c for c in contracts.CONTRACTS}
VIEWS = {view.contract.name: view for view in contracts.VIEWS}
SLOWEST = 5


def measure() -> Figure:
    """Every view is published, read and written as Delta tables, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        origin = _a_year(folder)
        took = run_child([sys.executable, "-W", "ignore", "-m", "benchmarks.views", folder]).output.split()
    total, floor, peak, *slow = took
    return Figure(
        "h. publishing every view on 10,000 films x 365 days over reading the star once",
        float(total) / float(floor),
        None,
        details={
            f"{len(VIEWS)} views": f"{total} s, peak memory {peak} MB",
            "reading every star table into memory": f"{floor} s",
            "slowest": ", ".join(slow),
            "films": origin,
        },
    )


def measure_pandas() -> Figure:
    """Both sides read the same Delta tables; the sum over the questions, and the answers compared."""
    with tempfile.TemporaryDirectory() as folder:
        origin = _a_year(folder)
        store = DeltaStore(folder)
        for table in _views():
            publish(table, Run(store, []))
        ours, theirs, told = 0.0, 0.0, []
        for name, question in QUESTIONS.items():
            started = time.perf_counter()
            answer = _by_sql(store, name)
            halfway = time.perf_counter()
            other = _by_pandas(store, name, question)
            sql, pandas = halfway - started, time.perf_counter() - halfway
            _compare(name, answer, other)
            ours, theirs = ours + sql, theirs + pandas
            told.append(f"{name} {sql:.2f} s / {pandas:.2f} s")
    return Figure(
        "j. five questions asked of pandas over the same in the views' SQL",
        theirs / ours,
        None,
        details={"SQL / pandas": ", ".join(told), "films": origin},
    )


# -- the lake ----------------------------------------------------------------------------------------------------------


def _a_year(folder: str) -> str:
    """Star tables of every film seen once with its details, and facts of a year; says where the films come from."""
    known, origin = films(LISTED)
    store = DeltaStore(folder)
    fill_raw(store, [FIRST], known, lambda _: known)
    derive(store, [FIRST])
    repeat_facts(store, KEPT_DAYS)
    return origin


def _views() -> list[DerivedTable]:
    return [table for table in derived_tables() if table.contract.stage is Stage.VIEWS]


def _publish_all(folder: str) -> None:
    """Prints seconds for all views, seconds for reading the star, peak megabytes, and the slowest views."""
    store = DeltaStore(folder)
    star = [c for c in contracts.CONTRACTS if c.stage == "star"]
    floor = seconds(lambda: [store.scan(c).collect() for c in star])
    took = {t.contract.name: seconds(lambda t=t: publish(t, Run(store, []))) for t in _views()}
    slowest = sorted(took, key=lambda name: -took[name])[:SLOWEST]
    print(f"{sum(took.values()):.2f} {floor:.2f} {peak_mb():.0f}", *(f"{n}:{took[n]:.1f}s" for n in slowest))


# -- the same questions ------------------------------------------------------------------------------------------------


def _by_sql(store: DeltaStore, name: str) -> pl.DataFrame:
    view = VIEWS[name]
    return answer(view, {table: store.scan(TABLES[table]) for table in view.reads})


def _by_pandas(store: DeltaStore, name: str, question: Callable[..., pd.DataFrame]) -> pl.DataFrame:
    read = {t: DeltaTable(store.uri(TABLES[t])).to_pandas() for t in VIEWS[name].reads}
    return pl.from_pandas(question(**read))


def _latest(fact_movie_daily: pd.DataFrame, dim_movie: pd.DataFrame) -> pd.DataFrame:
    facts = fact_movie_daily.sort_values("date_id")
    last = facts.groupby("movie_id").last().reset_index()[["movie_id", "date_id", "popularity"]]
    voted = facts.dropna(subset=["vote_count"]).groupby("movie_id")[["vote_count", "vote_average"]].last()
    answer = last.merge(voted, on="movie_id", how="left").merge(dim_movie[["movie_id", "title"]], on="movie_id")
    current = answer["date_id"] == answer["date_id"].max()
    answer["popularity_rank"] = answer.loc[current, "popularity"].rank(method="min", ascending=False)
    return answer


def _genres(vw_movie_latest: pd.DataFrame, bridge_movie_genre: pd.DataFrame, dim_genre: pd.DataFrame) -> pd.DataFrame:
    there = vw_movie_latest[vw_movie_latest["is_current"] & vw_movie_latest["gone_on"].isna()]
    members = there.merge(bridge_movie_genre[["movie_id", "genre_id"]], on="movie_id")
    grouped = members.groupby("genre_id")
    answer = grouped["popularity"].agg(films="size", total_popularity="sum", median_popularity="median").reset_index()
    answer["popularity_share"] = answer["total_popularity"] / there["popularity"].sum()
    return answer.merge(dim_genre[["genre_id", "name"]], on="genre_id")


def _years(vw_movie_financials: pd.DataFrame) -> pd.DataFrame:
    films_of_years = vw_movie_financials.dropna(subset=["release_year"])
    earning = films_of_years[films_of_years["has_revenue"]]
    sums = earning.groupby("release_year").agg(
        films_with_revenue=("movie_id", "size"), median_roi=("roi", "median"), mean_revenue_usd=("revenue_usd", "mean")
    )
    return films_of_years.groupby("release_year").size().rename("films").to_frame().join(sums).reset_index()


def _history(
    fact_movie_daily: pd.DataFrame, dim_movie: pd.DataFrame, vw_daily_popularity: pd.DataFrame
) -> pd.DataFrame:
    facts = fact_movie_daily.sort_values(["movie_id", "date_id"])
    by_day = facts.groupby("date_id")["popularity"]
    facts["popularity_rank"] = by_day.rank(method="min", ascending=False)
    facts["percentile"] = (by_day.transform("size") - facts["popularity_rank"]) / (by_day.transform("size") - 1)
    facts["new_votes"] = facts.groupby("movie_id")["vote_count"].diff()
    return facts[["date_id", "movie_id", "popularity", "popularity_rank", "percentile", "new_votes"]]


def _trending(fact_movie_daily: pd.DataFrame, vw_movie_latest: pd.DataFrame, dim_movie: pd.DataFrame) -> pd.DataFrame:
    newest = fact_movie_daily["date_id"].max()
    answer: pd.DataFrame | None = None
    for days in (0, 1, 7, 30):
        that_day = fact_movie_daily[fact_movie_daily["date_id"] == newest - dt.timedelta(days=days)]
        name = f"popularity_rank_{days}d_ago" if days else "popularity_rank"
        ranks = that_day[["movie_id"]].assign(**{name: that_day["popularity"].rank(method="min", ascending=False)})
        answer = ranks if answer is None else answer.merge(ranks, on="movie_id", how="left")
    assert answer is not None
    return answer


QUESTIONS: dict[str, Callable[..., pd.DataFrame]] = {
    "vw_movie_latest": _latest,
    "vw_genre_popularity": _genres,
    "vw_yearly_box_office": _years,
    "vw_movie_history": _history,
    "vw_trending": _trending,
}


def _compare(name: str, ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    """Both answered the same rows, and the columns they share agree."""
    key = list(TABLES[name].grain)
    shared = [c for c in theirs.columns if c in ours.columns and c not in key and ours.schema[c].is_numeric()]
    both = ours.select(*key, *shared).join(
        theirs.select(*(pl.col(c).cast(ours.schema[c]) for c in key), *(pl.col(c).alias(f"{c}_") for c in shared)),
        on=key,
    )
    apart = both.filter(pl.any_horizontal((pl.col(c) - pl.col(f"{c}_")).abs() > 1e-6 * pl.col(c).abs() for c in shared))
    if both.height != ours.height or not shared or apart.height:
        raise SystemExit(f"{name}: SQL and pandas disagree: {both.height} of {ours.height} rows met, {apart.head(1)}")


if __name__ == "__main__":
    _publish_all(sys.argv[1])
