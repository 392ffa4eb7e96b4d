"""A table of last rows: of a table kept by the day the rows that say what is last known of each key.

What belongs here: which rows these are once some days were filled, in whatever order. What does not: the columns and
the key (a source's contracts.py), who reads them (views whose kind is `current`, engines/kinds.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.derived import MARKER
from tmdb_assets.lakehouse.flow.nearby import LAST_KNOWN_ROWS, last_rows
from tmdb_assets.lakehouse.store.tables import within


def keep_last_rows(
    contract: Contract,
    rows: pl.LazyFrame,
    every_row: pl.LazyFrame,
    days: Sequence[dt.date],
    kept: pl.LazyFrame,
    known: str,
) -> pl.DataFrame:
    """All that a table of last rows has to hold of the keys that some days tell of, or that it kept of these days.

    These rows are the last one of each key and its last two in which `known` is not null. `contract` owns its rows by
    the key, and its grain is key and day; `rows` are those of the days, `every_row` those of all days (`days`), `kept`
    is what the table holds. Kept rows of other days stand as they are. Where a kept row of one of the days is not there
    any more, what was last known before is looked for. A key of which nothing is left has a row without a day, marked.
    """
    key, day = list(contract.owner), contract.grain[-1]
    columns = list(contract.schema)
    here = rows.select(columns).collect()
    filled = here.get_column(day).unique()
    before = kept.filter(pl.col(day).is_in(filled.implode())).collect()
    is_known = pl.col(known).is_not_null()
    stands = pl.concat(
        [
            before.join(here, on=[*key, day], how="semi").filter(~is_known),
            before.filter(is_known).join(here.filter(is_known), on=[*key, day], how="semi"),
        ]
    )
    lost = before.join(stands, on=[*key, day], how="anti").select(key).unique()
    keys = pl.concat([here.select(key), before.select(key)]).unique()
    others = kept.filter(~pl.col(day).is_in(filled.implode())).join(keys.lazy(), on=key, how="semi").collect()
    earlier = [each for each in days if each not in set(filled)]

    def scan(wanted: Sequence[dt.date]) -> pl.LazyFrame:
        return every_row.select(columns).filter(within(day, wanted))

    found = [last_rows(scan, earlier, day, lost), last_rows(scan, earlier, day, lost, known, LAST_KNOWN_ROWS)]
    told = pl.concat([here, others, *found]).unique([*key, day], maintain_order=True)
    newest_first = told.sort(day, descending=True)
    wanted = pl.concat(
        [
            newest_first.unique(key, keep="first", maintain_order=True),
            newest_first.filter(is_known).group_by(key, maintain_order=True).head(LAST_KNOWN_ROWS).select(columns),
        ]
    ).unique([*key, day], maintain_order=True)
    nothing = keys.join(wanted, on=key, how="anti").select(
        [pl.col(c) if c in key else pl.lit(None, dtype=dtype).alias(c) for c, dtype in contract.schema.items()]
    )
    marked = [
        frame.with_columns(pl.lit(is_empty).alias(MARKER)) for frame, is_empty in ((wanted, False), (nothing, True))
    ]
    return pl.concat(marked)
