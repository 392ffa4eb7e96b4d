"""Days whose ID export is whole: what nothing tells of on such a day is not there.

What belongs here: which days these are, and since when they are silent about a film. What does not: who counts as gone
(star.py), fetching an export (exports.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cached_property

import polars as pl

from tmdb_assets.lakehouse.flow.nearby import last_rows
from tmdb_assets.lakehouse.store.tables import within
from tmdb_assets.sources.tmdb.exports import EXPORT
from tmdb_assets.sources.tmdb.scope import few_of

#: So many rows of an export may have been set aside on their way to movie_stats, and it still stands there as a whole.
SET_ASIDE_FEW, SET_ASIDE_SHARE = 10, 0.01


class WholeExports:
    """The days whose ID export is whole and stands in movie_stats: a film that nothing tells of on one is not there.

    An export is asked for by the day; the days between do not matter, nor the order in which they came.
    """

    def __init__(self, ledger: pl.LazyFrame, movie_stats: pl.LazyFrame) -> None:
        whole = ledger.filter(pl.col("endpoint") == EXPORT, pl.col("is_finished"), pl.col("received_ids") > 0)
        self._ids: dict[dt.date, int] = dict(whole.select("date_id", "received_ids").collect().iter_rows())
        self._days: list[dt.date] = ledger.select(pl.col("date_id").unique()).collect().to_series().to_list()
        self._stats = movie_stats
        self._stands: dict[dt.date, bool] = {}

    def told_on(self, day: dt.date) -> pl.LazyFrame:
        """movie_id of the films that anything told of on a day."""
        return self._stats.filter(pl.col("date_id") == day).select("movie_id")

    @cached_property
    def newest(self) -> dt.date | None:
        """The newest of the days."""
        return next((day for day in sorted(self._ids, reverse=True) if self._is_there(day)), None)

    def first_after(self, day: dt.date) -> dt.date | None:
        """The first of the days after another one."""
        return next((later for later in sorted(self._ids) if later > day and self._is_there(later)), None)

    def silent_since(self, films: pl.DataFrame) -> pl.DataFrame:
        """movie_id, silent_on: the first of the days after the last that told of a film, of films that have one."""
        known = films.select("movie_id", known_on=pl.max_horizontal("observed_on", "listed_on")).lazy()
        if self.newest is None:
            return known.select("movie_id", silent_on=pl.lit(None, dtype=pl.Date)).collect().clear()
        silent = known.join(self.told_on(self.newest), on="movie_id", how="anti").collect()
        seen = last_rows(self._told, self._days, "date_id", silent.select("movie_id"))
        last = silent.join(seen, on="movie_id", how="left")
        last = last.select("movie_id", last_on=pl.max_horizontal("known_on", "date_id")).drop_nulls()
        days = last.get_column("last_on").unique().to_list()
        since = pl.DataFrame(
            {"last_on": days, "silent_on": [self.first_after(day) for day in days]},
            schema={"last_on": pl.Date, "silent_on": pl.Date},
        )
        return last.join(since, on="last_on").select("movie_id", "silent_on").drop_nulls()

    def _told(self, days: Sequence[dt.date]) -> pl.LazyFrame:
        """movie_id, date_id: the films that anything told of on some days."""
        return self._stats.filter(within("date_id", days)).select("movie_id", "date_id")

    def _is_there(self, day: dt.date) -> bool:
        """Whether movie_stats tells of the films of the day's export. It does not while the day is half run; a few rows
        may have been set aside."""
        if day not in self._stands:
            told = self.told_on(day).select(pl.len()).collect().item()
            self._stands[day] = told >= self._ids[day] - few_of(self._ids[day], SET_ASIDE_SHARE, SET_ASIDE_FEW)
        return self._stands[day]
