"""The row of a key that is nearest to a day, looked for in growing windows of days rather than in all of them.

What belongs here: looking back and looking ahead through a table kept by the day. What does not: who needs such a row
(view_inputs.py, a source's star.py).

A table of TMDB's whole catalogue has a million rows a day: what it said of a film before is nearly always said by the
day before, and the few films that were not there on that day are looked for in the 2 days before it, then in the 4
before these, and so on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import polars as pl

#: Rows with a known value that a table of last rows keeps of each key: the last one, and the one it is compared with.
LAST_KNOWN_ROWS = 2
#: Rows of some days of a table.
Scan = Callable[[Sequence[dt.date]], pl.LazyFrame]


def last_rows(
    scan: Scan, days: Sequence[dt.date], day: str, keys: pl.DataFrame, known: str | None = None, count: int = 1
) -> pl.DataFrame:
    """The newest rows of each key on some days, `count` of them where it has as many.

    `day` names the column of the day, `keys` is a frame of the key columns, each key once. `known`: only rows in which
    that column is not null count.
    """
    found, waiting = scan([]).head(0).collect(), keys
    for window in _windows(sorted(days, reverse=True)):
        if not waiting.height:
            break
        rows = pl.concat([found, _rows(scan, window, waiting, known).collect()])
        found = (
            rows.sort(day, descending=True, maintain_order=True).group_by(keys.columns, maintain_order=True).head(count)
        )
        found = found.select(rows.columns)
        enough = found.group_by(keys.columns).len().filter(pl.col("len") >= count)
        waiting = waiting.join(enough, on=keys.columns, how="anti")
    return found


def next_days(
    scan: Scan, days: Sequence[dt.date], day: str, after: pl.DataFrame, known: str | None = None
) -> set[dt.date]:
    """The days on which keys are found next.

    `after` is a frame of the key columns and of the column `day`: a row asks for the first day later than its own on
    which its key has a row.
    """
    key = [column for column in after.columns if column != day]
    found: set[dt.date] = set()
    waiting = after.unique()
    first = min(waiting.get_column(day), default=dt.date.max)
    for window in _windows(sorted(each for each in days if each > first)):
        if not waiting.height:
            break
        rows = _rows(scan, window, waiting.select(key).unique(), known).select(*key, _at=day).collect()
        later = waiting.join(rows, on=key).filter(pl.col("_at") > pl.col(day))
        nearest = later.group_by(*key, day).agg(pl.col("_at").min())
        found |= set(nearest.get_column("_at"))
        waiting = waiting.join(nearest, on=[*key, day], how="anti")
    return found


def _rows(scan: Scan, days: Sequence[dt.date], keys: pl.DataFrame, known: str | None) -> pl.LazyFrame:
    rows = scan(days)
    counted = rows if known is None else rows.filter(pl.col(known).is_not_null())
    return counted.join(keys.lazy(), on=keys.columns, how="semi")


def _windows(days: Sequence[dt.date]) -> Iterator[Sequence[dt.date]]:
    """The days in their order, first one, then twice as many each time."""
    start, size = 0, 1
    while start < len(days):
        yield days[start : start + size]
        start, size = start + size, size * 2
