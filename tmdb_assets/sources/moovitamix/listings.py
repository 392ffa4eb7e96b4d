"""What days list: the union of a day's walks, whether they can tell that a row is gone, and what stood before a day.

What belongs here: reading days from the raw tables, row by row and name by name, and the proof of a walk. What does
not: pages as rows (answers.py), walking (raw.py), what a row says beyond its name (clean.py).

Pages are asked for one after the other while the list may move: a row that stood on page 2 may come on page 1 again, or
on no page at all. **A name on two pages is a list that moved.** Then rows are missing that are there, however the
totals agree; so only a walk in which nothing came twice can tell that a row is gone, and only where no other walk of
that day lists it. A day that cannot tell takes nothing away: what stood before it stands, until a later day tells.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tmdb_assets.lakehouse.flow.transforms import every_day, reads
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix.answers import UNNAMED, named_records
from tmdb_assets.sources.moovitamix.contracts import ENDPOINTS

_WALK = ["date_id", "take"]

#: What a day's changes are told from: its pages, those of the days before, and what they are made of.
PAGED = (contracts.PAGES, every_day(contracts.PAGES), contracts.LAYOUTS, contracts.RECORDS)


@dataclass(frozen=True)
class Listings:
    """The days of one endpoint as the raw tables have them."""

    endpoint: str
    pages: pl.LazyFrame
    layouts: pl.LazyFrame
    records: pl.LazyFrame

    def listed(self, days: Sequence[dt.date]) -> pl.DataFrame:
        """The rows listed on days, in order: date_id, record_hash. Each content stands there as often as one walk of
        the day lists it; the last walk, which is nearest to what is there now, comes first."""
        rows = self._walked(days).select(*_WALK, "record_hash")
        nth = pl.int_range(pl.len()).over([*_WALK, "record_hash"])
        once = rows.with_columns(_nth=nth).unique(["date_id", "record_hash", "_nth"], keep="first", maintain_order=True)
        return once.select("date_id", "record_hash")

    def named(self, days: Sequence[dt.date]) -> pl.DataFrame:
        """As `listed`, with payload, row_key, entity_id and created_at; without rows of forgotten persons."""
        rows = self.listed(days)
        names = named_records(self.endpoint, rows.get_column("record_hash"), self.records)
        return rows.join(names, on="record_hash", how="inner", maintain_order="left")

    def telling(self, days: Sequence[dt.date]) -> set[dt.date]:
        """Those of the days that can tell that a row is gone: a walk is whole, and nothing came twice in it.

        An observer that saw rows missing, and could not make sure, doubted the day: then it tells nothing.
        """
        pages = self._pages(days).collect()
        rows = self._walked(days).select(*_WALK, "page", "record_hash")
        names = named_records(self.endpoint, rows.get_column("record_hash"), self.records)
        twice = repeats(rows.join(names, on="record_hash", how="inner").rename({"record_hash": "content"}), *_WALK)
        walks = pages.group_by(_WALK).agg(
            is_whole=(pl.col("total").n_unique() == 1) & (pl.col("row_count").sum() == pl.col("total").first()),
            is_doubted=pl.col("is_doubted").fill_null(False).any(),
        )
        proofs = walks.join(twice, on=_WALK, how="left").with_columns(pl.col("repeats").fill_null(0))
        tells = (pl.col("is_whole") & (pl.col("repeats") == 0)).any() & ~pl.col("is_doubted").any()
        told = proofs.group_by("date_id").agg(tells=tells).filter("tells")
        return set(told.get_column("date_id"))

    def days_before(self, days: Sequence[dt.date]) -> dict[dt.date, list[dt.date]]:
        """Day -> the days that say what stood before it, newest first: the day observed before, and while one of them
        cannot tell what is gone, the one before that."""
        observed = self.pages.select(pl.col("date_id").unique().sort()).collect().get_column("date_id").to_list()
        before = {day: [d for d in reversed(observed) if d < day] for day in days}
        told: dict[dt.date, bool] = {}

        def tell(asked: Sequence[dt.date]) -> None:
            new = sorted({*asked} - told.keys())
            tells = self.telling(new) if new else set()
            told.update({day: day in tells for day in new})

        tell([earlier[0] for earlier in before.values() if len(earlier) > 1])  # most need no more than that
        found: dict[dt.date, list[dt.date]] = {}
        for day, earlier in before.items():
            reach = 1
            while reach < len(earlier):
                tell(earlier[reach - 1 : reach])
                if told[earlier[reach - 1]]:
                    break
                reach += 1
            found[day] = earlier[:reach]
        return found

    def stood_before(self, day: dt.date) -> set[str]:
        """The keys of the rows that stood before a day."""
        (earlier,) = self.days_before([day]).values()
        keys = self.named(earlier).get_column("row_key").unique()
        return set(keys.filter(~keys.str.starts_with(UNNAMED)))

    def _pages(self, days: Sequence[dt.date]) -> pl.LazyFrame:
        of_days = self.pages.filter(pl.col("date_id").is_in(list(days)), pl.col("endpoint") == self.endpoint)
        return of_days.with_columns(pl.col("take").fill_null(1))

    def _walked(self, days: Sequence[dt.date]) -> pl.DataFrame:
        """The rows of every walk: date_id, take, page, record_hash; the last walk of a day first."""
        order = ["date_id", "take", "page"]
        pages = self._pages(days).sort(order, descending=[False, True, False]).select(*order, "page_hash")
        hashes = self.layouts.select("page_hash", record_hash="record_hashes")
        rows = pages.join(hashes, on="page_hash", how="left", maintain_order="left").drop("page_hash")
        return rows.explode("record_hash", empty_as_null=False, keep_nulls=False).collect()


def repeats(rows: pl.DataFrame, *walk: str) -> pl.DataFrame:
    """How many rows of each walk (whose columns are named) came more than once: `repeats`, beside those columns.

    `rows` have page, row_key and content. A page is one answer and tells of one moment: different contents that it
    lists under one name are rows of the source. Whatever else comes under a name that came before is a row that moved.
    """
    on_page = rows.group_by(*walk, "row_key", "page").agg(_rows=pl.len(), _different=pl.col("content").n_unique())
    of_name = on_page.group_by(*walk, "row_key").agg(pl.col("_rows").sum(), _there=pl.col("_different").max())
    return of_name.group_by(walk).agg(repeats=(pl.col("_rows").cast(pl.Int64) - pl.col("_there").cast(pl.Int64)).sum())


@reads(contracts.PAGES, contracts.LAYOUTS, contracts.RECORDS)
def unsettled(pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> set[dt.date]:
    """Days of which some list cannot tell what is gone: the day after is compared with the days before them as well."""
    days = pages.select(pl.col("date_id").unique()).collect().get_column("date_id").to_list()
    return {
        day for endpoint in ENDPOINTS for day in {*days} - Listings(endpoint, pages, layouts, records).telling(days)
    }
