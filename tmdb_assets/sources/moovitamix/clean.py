"""Raw to clean: what is new, changed or gone on a day, typed; frame -> frame.

What belongs here: one function per clean table, named as the table; its parameters name the tables it reads. Times
without a zone are UTC, blank text is unknown. What does not: asking (raw.py), taking pages apart (answers.py), keys of
the star (star.py), the rules a row must keep (contracts.py).

A day is compared with the day observed before it, by content: of a row whose content is the same nothing is repeated.
Every row whose name (id; user and moment for a history row) has another content than before is taken, all rows of that
name on the day included, so that the audit can account for all of them: received = kept + quarantined + duplicates.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from tmdb_assets.lakehouse import reading
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.json_text import NotJson, read
from tmdb_assets.lakehouse.payloads import Shape, decode, insist_on
from tmdb_assets.sources.moovitamix import contracts, payloads
from tmdb_assets.sources.moovitamix.answers import listing, named_records
from tmdb_assets.sources.moovitamix.contracts import ENDPOINTS, HISTORIES_ENDPOINT, TRACKS_ENDPOINT, USERS_ENDPOINT

#: The shape behind the payloads of each clean table: fields it does not know are reported.
SHAPES: dict[str, type[Shape]] = {
    "tracks": payloads.Track,
    "users": payloads.User,
    "listen_histories": payloads.History,
}

PLAUSIBLE_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"


def changes(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """What each day brought, by endpoint."""
    return pl.concat(_Comparison(endpoint, pages, all_pages, layouts, records).counts for endpoint in ENDPOINTS)


def tracks(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """Tracks that are new or changed."""
    changed = _Comparison(TRACKS_ENDPOINT, pages, all_pages, layouts, records).changed
    typed = changed.pipe(_decoded, payloads.Track).pipe(_stamped, contracts.TRACKS).pipe(_timed)
    return typed.with_columns(*_known_texts("name", "artist", "songwriters", "album")).select(
        *_columns("tracks", track_id="id", genres=_split("genres"))
    )


def users(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """Users that are new or changed."""
    changed = _Comparison(USERS_ENDPOINT, pages, all_pages, layouts, records).changed
    typed = changed.pipe(_decoded, payloads.User).pipe(_stamped, contracts.USERS)
    typed = typed.with_columns(*_known_texts("first_name", "last_name", "email", "gender"))
    plausible = pl.col("email").str.contains(PLAUSIBLE_EMAIL).fill_null(False)
    return typed.select(
        *_columns("users", user_id="id", has_plausible_email=plausible, favorite_genres=_split("favorite_genres"))
    )


def listen_histories(
    pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
) -> pl.DataFrame:
    """Rows of the listening history that are new or changed."""
    return _histories(pages, all_pages, layouts, records).select(*_columns("listen_histories"))


def listens(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """What was listened to in those rows; of two rows of one user and moment the first counts, as in `listen_histories`."""
    rows = _histories(pages, all_pages, layouts, records).filter(_is_readable())
    first = rows.filter(pl.struct("date_id", "row_key").is_first_distinct())
    numbered = first.with_columns(position=pl.int_ranges(1, pl.col("items").list.len().cast(pl.Int64) + 1))
    exploded = numbered.explode("items", "position", empty_as_null=False, keep_nulls=False)
    return exploded.select(*_columns("listens", track_id="items")).drop("^_(payload|rejected|set_aside)$")


def vanished(
    pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
) -> pl.DataFrame:
    """What was listed on the day observed before, and is not any more."""
    return pl.concat(_Comparison(endpoint, pages, all_pages, layouts, records).vanished for endpoint in ENDPOINTS)


# -- one endpoint, day against the day before ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Comparison:
    """The rows of one endpoint on each day of the run, against those of the day observed before it."""

    endpoint: str
    pages: pl.LazyFrame
    all_pages: pl.LazyFrame
    layouts: pl.LazyFrame
    records: pl.LazyFrame

    @cached_property
    def days(self) -> pl.DataFrame:
        """date_id of the run's observed days, before: the day observed before each, null for the first of all."""
        observed = self.all_pages.select(pl.col("date_id").unique()).collect().sort("date_id")
        wanted = self.pages.select(pl.col("date_id").unique())
        return observed.with_columns(before=pl.col("date_id").shift(1)).join(wanted.collect(), on="date_id", how="semi")

    @cached_property
    def listed(self) -> pl.DataFrame:
        """date_id, record_hash, payload, row_key, entity_id, moment of every row listed on any of these days, in order."""
        days = pl.concat([self.days.get_column("date_id"), self.days.get_column("before")]).drop_nulls().unique()
        pages = self.all_pages.filter(pl.col("date_id").is_in(days.implode()))
        rows = listing(self.endpoint, pages, self.layouts)
        names = named_records(self.endpoint, rows.get_column("record_hash"), self.records)
        return rows.join(names, on="record_hash", how="inner", maintain_order="left")

    @cached_property
    def _states(self) -> pl.DataFrame:
        """date_id, row_key, contents: what is listed under each name, every content in order."""
        contents = pl.col("record_hash").cast(pl.String).str.join(",").alias("contents")
        return self.listed.group_by("date_id", "row_key", maintain_order=True).agg(contents)

    @cached_property
    def _before(self) -> pl.DataFrame:
        """The states of the day before each day, under that day."""
        pairs = self.days.drop_nulls("before")
        return pairs.join(self._states, left_on="before", right_on="date_id", how="inner")

    @cached_property
    def changed(self) -> pl.DataFrame:
        """The rows whose name has another content than the day before, in order."""
        today = self._states.join(self.days, on="date_id", how="semi")
        other = today.join(self._before, on=["date_id", "row_key", "contents"], how="anti")
        return self.listed.join(other, on=["date_id", "row_key"], how="semi", maintain_order="left")

    @cached_property
    def vanished(self) -> pl.DataFrame:
        """Rows of `clean/vanished`. What could not be named had no state, so it cannot vanish."""
        gone = self._before.join(self._states, on=["date_id", "row_key"], how="anti")
        names = self.listed.unique("row_key").select("row_key", "entity_id", "moment").drop_nulls("entity_id")
        typed = gone.join(names, on="row_key").with_columns(
            endpoint=pl.lit(self.endpoint), created_at=_instant("moment")
        )
        kept = typed.filter(contracts.LISTEN_HISTORIES.holds("created_at") | pl.col("moment").is_null())
        return kept.sort("date_id", "row_key").select(list(contracts.VANISHED.schema))

    @cached_property
    def counts(self) -> pl.DataFrame:
        """Rows of `clean/changes`."""

        def per_day(rows: pl.DataFrame, name: str) -> pl.DataFrame:
            return rows.group_by("date_id").agg(pl.len().cast(pl.Int64).alias(name))

        dropped = self.pages.filter(pl.col("endpoint") == self.endpoint).group_by("date_id")
        named_before = self._before.filter(~pl.col("row_key").str.starts_with("?"))
        counted = self.days.rename({"before": "compared_with"})
        for rows, name in (
            (self.listed, "listed"),
            (self.changed, "received"),
            (named_before, "listed_before"),
            (self.vanished, "vanished"),
        ):
            counted = counted.join(per_day(rows, name), on="date_id", how="left")
        counted = counted.join(dropped.agg(forgotten=pl.col("forgotten_count").sum()).collect(), on="date_id")
        there_before = pl.col("compared_with").is_not_null()
        return counted.select(
            "date_id",
            "compared_with",
            pl.col("listed", "received", "vanished").fill_null(0),
            endpoint=pl.lit(self.endpoint),
            unchanged=pl.col("listed").fill_null(0) - pl.col("received").fill_null(0),
            listed_before=pl.when(there_before).then(pl.col("listed_before").fill_null(0)),
            forgotten="forgotten",
        ).select(list(contracts.CHANGES.schema))


# -- steps ---------------------------------------------------------------------------------------------------------------


def _decoded(changed: pl.DataFrame, shape: type[Shape]) -> pl.DataFrame:
    """Changed rows with their payload decoded beside them; a row's own fields win over those of its name."""
    pointer = pl.format("moovitamix/raw/records record_hash={}", "record_hash")
    raw = changed.select("date_id", "row_key", "record_hash", _payload="payload", _pointer=pointer)
    rows = decode(raw.get_column("_payload"), shape).pipe(
        insist_on, "created_at", *(["name"] if shape is payloads.Track else [])
    )
    return raw.hstack(rows)


def _stamped(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Both moments as instants; one that is none, or that nobody can show, is set aside with its text."""
    wanted = "must be an ISO date and time"
    noted = reading.noted(
        rows,
        *[reading.unread(name, _known(name), _instant(name), wanted) for name in ("created_at", "updated_at")],
    )
    stamped = noted.with_columns(created_at=_instant("created_at"), updated_at=_instant("updated_at"))
    shown = contract.set_aside(stamped, "updated_at")
    return shown.with_columns(is_created_after_updated=(pl.col("created_at") > pl.col("updated_at")).fill_null(False))


def _is_readable() -> pl.Expr:
    """Whether a row of the listening history says when: else it is set aside, and its listens with it."""
    return pl.col("_rejected").is_null() & contracts.LISTEN_HISTORIES.holds("created_at")


def _timed(rows: pl.DataFrame) -> pl.DataFrame:
    """MM:SS in seconds; an hour and a half may be written 90:00. Anything else is set aside with its text."""
    parts = _known("duration").str.extract_groups(r"^([0-9]{1,4}):([0-5][0-9])$")
    seconds = parts.struct.field("1").cast(pl.Int64) * 60 + parts.struct.field("2").cast(pl.Int64)
    note = reading.unread("duration", _known("duration"), seconds, "must be minutes and seconds as MM:SS")
    return reading.noted(rows, note).with_columns(duration_seconds=seconds)


def _histories(
    pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
) -> pl.DataFrame:
    """Changed rows of the listening history, typed, with their items (none stated: none)."""
    changed = _Comparison(HISTORIES_ENDPOINT, pages, all_pages, layouts, records).changed
    rows = changed.pipe(_decoded, payloads.History).pipe(_stamped, contracts.LISTEN_HISTORIES)
    items = pl.col("items").fill_null(pl.lit([], dtype=pl.List(pl.Int64)))
    return rows.with_columns(items=items, listen_count=items.list.len().cast(pl.Int64))


def _instant(column: str) -> pl.Expr:
    """The instant a text states, in UTC when it names no zone."""
    return reading.instant(_known(column))


def _known(column: str) -> pl.Expr:
    """Trimmed text; blank is unknown."""
    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)


def _known_texts(*columns: str) -> list[pl.Expr]:
    return [_known(column).alias(column) for column in columns]


def _split(column: str) -> pl.Expr:
    """The parts of a text between commas, each once; unknown stays null."""
    part = pl.element().str.strip_chars()
    return _known(column).str.split(",").list.eval(part.filter(part != "")).list.unique(maintain_order=True)


def _columns(table: str, **renamed: str | pl.Expr) -> list[pl.Expr]:
    """The contract's columns, typed, and the trace of each row."""
    contract = {c.name: c for c in contracts.CONTRACTS if c.stage == "clean"}[table]
    found: dict[str, Any] = {name: renamed.get(name, name) for name in contract.schema}
    exprs = [(pl.col(e) if isinstance(e, str) else e).cast(contract.schema[n]).alias(n) for n, e in found.items()]
    return [*exprs, pl.col("^_(rejected|set_aside|payload|pointer)$")]


# -- what each table must account for, counted apart from the transforms -------------------------------------------------


def _received(endpoint: str, weigh: Callable[[list[str]], int]) -> Callable[..., pl.LazyFrame]:
    """Counts, in plain Python, what the new or changed names of an endpoint bring: `weigh(texts of one name)`."""

    def count(
        pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
    ) -> pl.LazyFrame:
        days = pages.select(pl.col("date_id").unique()).collect().get_column("date_id").to_list()
        observed = sorted(all_pages.select(pl.col("date_id").unique()).collect().get_column("date_id").to_list())
        received = []
        for day in days:
            earlier = [d for d in observed if d < day]
            now = _named_texts(endpoint, day, all_pages, layouts, records)
            was = _named_texts(endpoint, earlier[-1], all_pages, layouts, records) if earlier else {}
            received.append(sum(weigh(texts) for name, texts in now.items() if was.get(name) != texts))
        return pl.LazyFrame({"date_id": days, "received": received}, schema={"date_id": pl.Date, "received": pl.Int64})

    return count


def _named_texts(
    endpoint: str, day: dt.date, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
) -> dict[str, list[str]]:
    """Name -> the texts listed under it on a day."""
    rows = listing(endpoint, all_pages.filter(pl.col("date_id") == day), layouts)
    texts = rows.lazy().join(records, on="record_hash", how="inner", maintain_order="left").select("payload").collect()
    named: dict[str, list[str]] = defaultdict(list)
    for text in texts.get_column("payload"):
        if text != payloads.FORGOTTEN:
            named[_name(endpoint, text)].append(text)
    return named


def _name(endpoint: str, text: str) -> str:
    try:
        row = read(text)
    except NotJson:
        return text
    fields = ("user_id", "created_at") if endpoint == HISTORIES_ENDPOINT else ("id",)
    names = [row.get(field) for field in fields] if isinstance(row, dict) else [None]
    number, *rest = names
    number = int(number) if isinstance(number, float) and number.is_integer() else number
    return repr([number, *rest]) if type(number) is int and all(type(n) is str for n in rest) else text


def _listens_in(texts: list[str]) -> int:
    """Listens in the first row of a name that can be read; the others are duplicates of it, or in quarantine."""
    rows = decode(pl.Series(texts, dtype=pl.String), payloads.History).pipe(_stamped, contracts.LISTEN_HISTORIES)
    first = rows.filter(_is_readable()).head(1).get_column("items").explode(empty_as_null=False)
    return first.len() - first.null_count()


#: Raw rows each clean table receives by the day: the accounting is held against it.
RECEIVED: dict[str, Callable[..., pl.LazyFrame]] = {
    "tracks": _received(TRACKS_ENDPOINT, len),
    "users": _received(USERS_ENDPOINT, len),
    "listen_histories": _received(HISTORIES_ENDPOINT, len),
    "listens": _received(HISTORIES_ENDPOINT, _listens_in),
}


# -- reading a day's state back ------------------------------------------------------------------------------------------


def state_on(day: dt.date, rows: pl.LazyFrame, vanished: pl.LazyFrame, endpoint: str) -> pl.DataFrame:
    """The rows of a clean table (tracks, users or listen_histories) as they stood on a day: each in its last state up to
    it, without what had vanished by then."""
    key = {TRACKS_ENDPOINT: ["track_id"], USERS_ENDPOINT: ["user_id"], HISTORIES_ENDPOINT: ["user_id", "created_at"]}
    names = {key[endpoint][0]: pl.col("entity_id"), **{c: pl.col(c) for c in key[endpoint][1:]}}
    gone = vanished.filter(pl.col("endpoint") == endpoint).select(**names, _gone="date_id")
    until = rows.filter(pl.col("date_id") <= day).sort("date_id").unique(key[endpoint], keep="last")
    last_gone = gone.filter(pl.col("_gone") <= day).group_by(key[endpoint]).agg(pl.col("_gone").max())
    there = until.join(last_gone, on=key[endpoint], how="left").filter(
        pl.col("_gone").is_null() | (pl.col("_gone") < pl.col("date_id"))
    )
    return there.drop("_gone").sort(key[endpoint]).collect()
