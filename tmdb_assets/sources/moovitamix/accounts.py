"""What is read at the end of a run from the tables that the raw pages fill: whether all is there and as it came.

What belongs here: the verdicts. What does not: what fills these tables (raw.py), whom a source forgets (forget.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import answers, contracts


def verbatim(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
    """Puts the days' pages together again and compares each with the hash of what came."""
    frames = (store.scan(contracts.PAGES, days), store.scan(contracts.LAYOUTS), store.scan(contracts.RECORDS))
    pages = answers.restored_pages(*frames)
    other = [
        (day, endpoint, page)
        for day, endpoint, page, page_hash, text in pages.iter_rows()
        if answers.content_hash(endpoint, text) != page_hash
    ]
    sentence = f"{pages.height:,} pages can be put together again as they came"
    if other:
        day, endpoint, page = other[0]
        sentence = f"{len(other)} pages read otherwise than they came, first page {page} of {endpoint} on {day}"
    return Outcome("verbatim", not other, sentence, {"pages": pages.height, "other": len(other)}), {}


def all_there(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
    """Looks for rows that a layout of the days names and that are not kept."""
    wanted = store.scan(contracts.PAGES, days).select("page_hash").unique()
    named = store.scan(contracts.LAYOUTS).join(wanted, on="page_hash", how="semi").select(record_hash="record_hashes")
    rows = named.explode("record_hash", empty_as_null=False, keep_nulls=False).unique()
    missing = rows.join(store.scan(contracts.RECORDS), on="record_hash", how="anti").collect().height
    sentence = f"{missing:,} rows named by a page are not kept" if missing else "every row named by a page is kept"
    return Outcome("all_there", not missing, sentence, {"missing": missing}), {}


def nobody_back(store: DeltaStore, days: Sequence[dt.date]) -> tuple[Outcome, dict[str, Any]]:
    """Counts the rows that were dropped before they were kept."""
    kept = store.scan(contracts.FORGOTTEN).collect()
    dropped = int(store.scan(contracts.PAGES, days).collect().get_column("forgotten_count").sum())
    sentence = f"{dropped:,} rows of forgotten persons came and were not kept"
    return Outcome("dropped", dropped == 0, sentence, {"hashes": kept.height, "rows": dropped}, warns=True), {}
