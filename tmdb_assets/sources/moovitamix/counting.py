"""What each clean table receives by the day, counted in plain Python, apart from the transforms that the count is held
against.

What belongs here: RECEIVED and how names and listens are counted in the texts of a day. What does not: the rows
themselves (clean.py), what a walk can tell (listings.py).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.contracts.rules import MOST
from tmdb_assets.lakehouse.flow.transforms import Transform, reads
from tmdb_assets.lakehouse.payloads import decode
from tmdb_assets.lakehouse.payloads.json_text import NotJson, read_by_parts, read_exactly
from tmdb_assets.lakehouse.payloads.mending import whole_number
from tmdb_assets.sources.moovitamix import contracts, payloads
from tmdb_assets.sources.moovitamix.cells import instant, is_readable, stamped
from tmdb_assets.sources.moovitamix.contracts import HISTORIES_ENDPOINT, TRACKS_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.listings import PAGED, Listings


def _received(endpoint: str, weigh: Callable[[list[str]], int]) -> Transform[pl.LazyFrame]:
    """Counts, in plain Python, what the new or changed names of an endpoint bring: `weigh(texts of one name)`."""

    @reads(*PAGED)
    def count(
        pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
    ) -> pl.LazyFrame:
        days = pages.select(pl.col("date_id").unique()).collect().get_column("date_id").to_list()
        listings = Listings(endpoint, all_pages, layouts, records)
        received = []
        for day, earlier in listings.days_before(days).items():
            was: dict[str, list[str]] = {}
            for each in reversed(earlier):
                was |= _named_texts(listings, each)
            now = _named_texts(listings, day)
            other = (texts for name, texts in now.items() if _once(was.get(name, ())) != _once(texts))
            received.append(sum(weigh(texts) for texts in other))
        return pl.LazyFrame({"date_id": days, "received": received}, schema={"date_id": pl.Date, "received": pl.Int64})

    return count


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _named_texts(listings: Listings, day: dt.date) -> dict[str, list[str]]:
    """Name -> the texts listed under it on a day."""
    rows = listings.listed([day]).lazy().join(listings.records, on="record_hash", how="inner", maintain_order="left")
    texts = [t for t in rows.select("payload").collect().get_column("payload") if t != payloads.FORGOTTEN]
    named: dict[str, list[str]] = defaultdict(list)
    for name, text in zip(_names(listings.endpoint, texts), texts, strict=True):
        named[name].append(text)
    return named


def _names(endpoint: str, texts: list[str]) -> Iterator[str]:
    """The name of each row, by its values; of one that has none, its text."""
    is_history = endpoint == HISTORIES_ENDPOINT
    table, fields = contracts.LISTEN_HISTORIES, ("user_id", "created_at") if is_history else ("id",)
    ids, moments = zip(*(_members(text, *fields) for text in texts), strict=True) if texts else ((), ())
    said = pl.DataFrame({"created_at": moments}, schema={"created_at": pl.String}).with_columns(instant("created_at"))
    at = said.select(pl.when(table.holds("created_at")).then(pl.col("created_at").to_physical())).to_series()
    for entity_id, moment, text in zip(ids, at, texts, strict=True):
        is_named = entity_id is not None and 1 <= entity_id <= MOST and (moment is not None or not is_history)
        yield f"{entity_id} {moment}" if is_named else text


def _members(text: str, key: str, moment: str = "") -> tuple[int | None, str | None]:
    try:
        row = (read_by_parts if text.count(f'"{key}"') > 1 or "\\u" in text else read_exactly)(text)
    except NotJson:
        return None, None
    found = row if isinstance(row, dict) else {}
    said = found.get(moment)
    return whole_number(found.get(key)), said if type(said) is str else None


def _listens_in(texts: list[str]) -> int:
    """Listens in the first row of a name that can be read; the others are duplicates of it, or in quarantine."""
    rows = decode(pl.Series(texts, dtype=pl.String), payloads.History).pipe(stamped, contracts.LISTEN_HISTORIES)
    first = rows.filter(is_readable()).head(1).get_column("items").explode(empty_as_null=False)
    return first.len() - first.null_count()


#: Raw rows each clean table receives by the day: the accounting is held against it.
RECEIVED: dict[Contract, Transform[pl.LazyFrame]] = {
    contracts.TRACKS: _received(TRACKS_ENDPOINT, len),
    contracts.USERS: _received(USERS_ENDPOINT, len),
    contracts.LISTEN_HISTORIES: _received(HISTORIES_ENDPOINT, len),
    contracts.LISTENS: _received(HISTORIES_ENDPOINT, _listens_in),
}
