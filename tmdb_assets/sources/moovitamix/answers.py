"""Pages of moovitamix as rows of the raw tables, and back.

What belongs here: taking a page apart (layout and rows, each content under its hash), putting it together again, and
what names a row. What does not: asking for pages (raw.py), which rows a day lists (listings.py), what a row says beyond
its name (clean.py), who is forgotten (privacy.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract, reading
from tmdb_assets.lakehouse.http.pages import Page
from tmdb_assets.lakehouse.payloads import Shape, decode
from tmdb_assets.lakehouse.payloads.json_text import split
from tmdb_assets.sources.moovitamix import payloads
from tmdb_assets.sources.moovitamix.contracts import (
    HISTORIES_ENDPOINT,
    LAYOUTS,
    LISTEN_HISTORIES,
    PAGES,
    RECORDS,
    VANISHED,
)

#: Stands in a layout in place of a row. JSON text never has it: control characters must be escaped there, and one that
#: is not is escaped in the layout.
SEPARATOR = "\x1e"
#: Begins the key of a row whose name cannot be read.
UNNAMED = "?"


@dataclass(frozen=True)
class Rows:
    """A day's pages, and the contents they name: layouts and records, to be kept where they are new."""

    pages: pl.DataFrame
    contents: Mapping[Contract, pl.DataFrame]


def content_hash(endpoint: str, text: str) -> int:
    """64 bits that stand for a text of an endpoint, as a signed number; the same in every process."""
    digest = hashlib.blake2b(f"{endpoint}\n{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def take_apart(page: str) -> tuple[str, list[str]]:
    """(layout, texts of the rows) of a page's JSON text."""
    rows = split(page, "items")
    between, start = [], 0
    for row in rows:  # should a row's text stand earlier by chance as well, the page is put together the same
        at = page.index(row, start)
        between.append(page[start:at])
        start = at + len(row)
    parts = [part.replace(SEPARATOR, "\\u001e") for part in (*between, page[start:])]
    return SEPARATOR.join(parts), rows


def put_together(layout: str, rows: Sequence[str]) -> str:
    """The page's text again."""
    parts = layout.split(SEPARATOR)
    return "".join(text for pair in zip(parts, [*rows, ""], strict=True) for text in pair)


def page_rows(
    day: dt.date,
    pages: Mapping[str, Iterable[Page]],
    is_forgotten: Callable[[str, str], bool] = lambda *_: False,
    doubted: Collection[str] = (),
) -> Rows:
    """The pages of each endpoint as rows of the raw tables; a row `is_forgotten(endpoint, text)` leaves a note only.

    A page's pass is the walk it is of; `doubted` are endpoints whose walks lack rows that nothing proves to be gone.
    """
    listed, layouts, records = [], [], []
    for endpoint, page in ((e, page) for e, of_endpoint in pages.items() for page in of_endpoint):
        layout, texts = take_apart(page.answer.text)
        kept = [payloads.FORGOTTEN if is_forgotten(endpoint, text) else text for text in texts]
        page_hash = content_hash(endpoint, put_together(layout, kept))
        hashes = [content_hash(endpoint, text) for text in kept]
        listed.append(
            (
                day, endpoint, page.number, page_hash, len(texts), kept.count(payloads.FORGOTTEN), page.total_items,
                page.total_pages, page.answer.status, page.answer.fetched_at,
                page.pass_number, endpoint in doubted,
            )
        )  # fmt: skip
        layouts.append((page_hash, endpoint, layout, hashes))
        records += [(h, endpoint, text) for h, text in zip(hashes, kept, strict=True)]
    frames = (
        pl.DataFrame(rows, schema=contract.schema, orient="row")
        for contract, rows in ((PAGES, listed), (LAYOUTS, layouts), (RECORDS, records))
    )
    of_pages, of_layouts, of_records = frames
    return Rows(of_pages, {RECORDS: of_records.unique(), LAYOUTS: of_layouts.unique("page_hash")})


def names(endpoint: str, texts: pl.Series) -> pl.DataFrame:
    """What names each row of a list: row_key, entity_id, created_at (the moment of a history row); in the order of
    `texts`.

    A name is made of values, never of how they are spelled. All three are null where the id or the moment cannot be
    read or is beyond what its column may hold: such a row is never kept, so there is nothing of it that could vanish.
    """
    is_history = endpoint == HISTORIES_ENDPOINT
    shape: type[Shape] = payloads.NamedHistory if is_history else payloads.Named
    read = decode(texts, shape)
    said = reading.instant(pl.col("created_at")) if is_history else pl.lit(None, dtype=VANISHED.schema["created_at"])
    values = read.select(entity_id="user_id" if is_history else "id", created_at=said)
    is_named = VANISHED.holds("entity_id") & (LISTEN_HISTORIES.holds("created_at") if is_history else pl.lit(True))
    named = values.with_columns(pl.when(is_named).then(pl.all()))
    key = pl.col("entity_id").cast(pl.String)
    if is_history:
        key = pl.format("{} {}", "entity_id", pl.col("created_at").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ"))
    return named.select("entity_id", "created_at", row_key=key)


def named_records(endpoint: str, hashes: pl.Series, records: pl.LazyFrame) -> pl.DataFrame:
    """The records of some hashes with what names them: record_hash, payload, row_key, entity_id, created_at.

    A row whose name cannot be read has a key made of its content, which no other row has. Rows of forgotten persons are
    left out.
    """
    wanted = hashes.unique().sort().to_frame("record_hash")
    kept = records.filter(pl.col("payload") != payloads.FORGOTTEN).select("record_hash", "payload")
    there = kept.join(wanted.lazy(), on="record_hash", how="semi").collect().sort("record_hash")
    found = there.hstack(names(endpoint, there.get_column("payload")))
    return found.with_columns(pl.coalesce("row_key", pl.format(f"{UNNAMED}{{}}", "record_hash")))


def restored_pages(pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """The pages as they came: date_id, endpoint, page, page_hash, payload."""
    of_days = pages.select("date_id", "endpoint", "page", "page_hash").sort("date_id", "endpoint", "page").collect()
    texts: dict[int, str] = dict(records.select("record_hash", "payload").collect().iter_rows())
    named = layouts.join(of_days.lazy().select("page_hash"), on="page_hash", how="semi")
    whole = {
        page_hash: put_together(layout, [texts[h] for h in hashes])
        for page_hash, layout, hashes in named.select("page_hash", "layout", "record_hashes").collect().iter_rows()
    }
    payload = pl.Series("payload", [whole[h] for h in of_days.get_column("page_hash")], dtype=pl.String)
    return of_days.with_columns(payload)
