"""Pages of moovitamix as rows of the raw tables, and back.

What belongs here: taking a page apart (layout and rows, each content under its hash), putting it together again, and
reading which rows a day's pages list. What does not: asking for pages (raw.py), what a row says beyond its name
(clean.py), who is forgotten (privacy.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.json_text import split
from tmdb_assets.lakehouse.pages import Page
from tmdb_assets.lakehouse.payloads import Shape, decode
from tmdb_assets.sources.moovitamix import payloads
from tmdb_assets.sources.moovitamix.contracts import HISTORIES_ENDPOINT, LAYOUTS, PAGES, RECORDS

#: Stands in a layout in place of a row. JSON text never has it: control characters must be escaped there, and one that
#: is not is escaped in the layout.
SEPARATOR = "\x1e"


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
    day: dt.date, pages: Mapping[str, Iterable[Page]], is_forgotten: Callable[[str, str], bool] = lambda *_: False
) -> Rows:
    """The pages of each endpoint as rows of the raw tables; a row `is_forgotten(endpoint, text)` leaves a note only."""
    listed, layouts, records = [], [], []
    for endpoint, of_endpoint in pages.items():
        for page in of_endpoint:
            layout, texts = take_apart(page.answer.text)
            kept = [payloads.FORGOTTEN if is_forgotten(endpoint, text) else text for text in texts]
            page_hash = content_hash(endpoint, put_together(layout, kept))
            hashes = [content_hash(endpoint, text) for text in kept]
            listed.append(
                (
                    day, endpoint, page.number, page_hash, len(texts), kept.count(payloads.FORGOTTEN), page.total_items,
                    page.total_pages, page.answer.status, page.answer.fetched_at,
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


def listing(endpoint: str, pages: pl.LazyFrame, layouts: pl.LazyFrame) -> pl.DataFrame:
    """The rows listed on each day, in the order of the pages: date_id, record_hash."""
    of_days = pages.filter(pl.col("endpoint") == endpoint).sort("date_id", "page").select("date_id", "page_hash")
    hashes = layouts.select("page_hash", record_hash="record_hashes")
    joined = of_days.join(hashes, on="page_hash", how="left", maintain_order="left")
    return (
        joined.explode("record_hash", empty_as_null=False, keep_nulls=False).select("date_id", "record_hash").collect()
    )


def named_records(endpoint: str, hashes: pl.Series, records: pl.LazyFrame) -> pl.DataFrame:
    """The records of some hashes with what names them: record_hash, payload, row_key, entity_id, moment.

    A row whose name cannot be read has a key made of its content, which no other row has. Rows of forgotten persons are
    left out.
    """
    wanted = hashes.unique().sort().to_frame("record_hash")
    kept = records.filter(pl.col("payload") != payloads.FORGOTTEN).select("record_hash", "payload")
    there = kept.join(wanted.lazy(), on="record_hash", how="semi").collect().sort("record_hash")
    shape: type[Shape] = payloads.NamedHistory if endpoint == HISTORIES_ENDPOINT else payloads.Named
    names = decode(there.get_column("payload"), shape)
    if endpoint == HISTORIES_ENDPOINT:
        names = names.select(entity_id="user_id", moment="created_at")
        key = pl.format("{} {}", "entity_id", "moment")
    else:
        names = names.select(entity_id="id", moment=pl.lit(None, dtype=pl.String))
        key = pl.col("entity_id").cast(pl.String)
    unnamed = pl.format("?{}", "record_hash")
    return there.hstack(names).with_columns(row_key=pl.coalesce(key, unnamed))


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
