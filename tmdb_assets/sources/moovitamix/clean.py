"""Raw to clean: what is new, changed or gone on a day, typed; frame -> frame.

What belongs here: one function per clean table, named as the table, what it reads stated above it; TABLES puts them
together. Times
without a zone are UTC, blank text is unknown. What does not: asking (raw.py), taking pages apart (answers.py), keys of
the star (star.py), the rules a row must keep (contracts.py).

A day is compared with what stood before it, by content: of a row whose content is the same nothing is repeated. What the
day does not list is gone only if the day can tell (listings.py); else it is held back, and stands as it was. Every row whose name (id; user and moment for a history row) has another content than before is taken, all rows of that
name on the day included, so that the audit can account for all of them: received = kept + quarantined + duplicates.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract, Stage, reading, set_aside
from tmdb_assets.lakehouse.contracts.rules import MOST
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.transforms import Reader, Transform, every_day, reads
from tmdb_assets.lakehouse.payloads import Shape, decode, insist_on
from tmdb_assets.lakehouse.payloads.json_text import NotJson, read_by_parts, read_exactly
from tmdb_assets.lakehouse.payloads.mending import whole_number
from tmdb_assets.sources.moovitamix import checks, contracts, payloads
from tmdb_assets.sources.moovitamix.answers import UNNAMED
from tmdb_assets.sources.moovitamix.contracts import ENDPOINTS, HISTORIES_ENDPOINT, TRACKS_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.listings import Listings, unsettled

#: What a day's changes are told from: its pages, those of the days before, and what they are made of.
PAGED = (contracts.PAGES, every_day(contracts.PAGES), contracts.LAYOUTS, contracts.RECORDS)

PLAUSIBLE_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"


@reads(*PAGED)
def changes(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """What each day brought, by endpoint."""
    return pl.concat(_Comparison(endpoint, pages, all_pages, layouts, records).counts for endpoint in ENDPOINTS)


@reads(*PAGED)
def tracks(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """Tracks that are new or changed."""
    changed = _Comparison(TRACKS_ENDPOINT, pages, all_pages, layouts, records).changed
    typed = changed.pipe(_decoded, payloads.Track).pipe(_stamped, contracts.TRACKS).pipe(_timed)
    return typed.with_columns(*_known_texts("name", "artist", "songwriters", "album")).select(
        *_columns("tracks", track_id="id", genres=_split("genres"))
    )


@reads(*PAGED)
def users(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """Users that are new or changed."""
    changed = _Comparison(USERS_ENDPOINT, pages, all_pages, layouts, records).changed
    typed = changed.pipe(_decoded, payloads.User).pipe(_stamped, contracts.USERS)
    typed = typed.with_columns(*_known_texts("first_name", "last_name", "email", "gender"))
    plausible = pl.col("email").str.contains(PLAUSIBLE_EMAIL).fill_null(False)
    return typed.select(
        *_columns("users", user_id="id", has_plausible_email=plausible, favorite_genres=_split("favorite_genres"))
    )


@reads(*PAGED)
def listen_histories(
    pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
) -> pl.DataFrame:
    """Rows of the listening history that are new or changed."""
    return _histories(pages, all_pages, layouts, records).select(*_columns("listen_histories"))


@reads(*PAGED)
def listens(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """What was listened to in those rows; of two rows of one user and moment the first counts, as in `listen_histories`."""
    rows = _histories(pages, all_pages, layouts, records).filter(_is_readable())
    first = rows.filter(pl.struct("date_id", "row_key").is_first_distinct())
    numbered = first.with_columns(position=pl.int_ranges(1, pl.col("items").list.len().cast(pl.Int64) + 1))
    exploded = numbered.explode("items", "position", empty_as_null=False, keep_nulls=False)
    return exploded.select(*_columns("listens", track_id="items")).drop("^_(payload|rejected|set_aside)$")


@reads(*PAGED)
def vanished(
    pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
) -> pl.DataFrame:
    """What was listed on the day observed before, and is not any more."""
    return pl.concat(_Comparison(endpoint, pages, all_pages, layouts, records).vanished for endpoint in ENDPOINTS)


# -- one endpoint, day against the day before ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Comparison:
    """The rows of one endpoint on each day of the run, against what stood before it: as the day observed before lists it,
    and where that day cannot tell what is gone, as the days before list what it lacks."""

    endpoint: str
    pages: pl.LazyFrame
    all_pages: pl.LazyFrame
    layouts: pl.LazyFrame
    records: pl.LazyFrame

    @cached_property
    def _listings(self) -> Listings:
        return Listings(self.endpoint, self.all_pages, self.layouts, self.records)

    @cached_property
    def _compared(self) -> dict[dt.date, list[dt.date]]:
        """Day of the run -> the days that say what stood before it, newest first; none for the first of all."""
        wanted = self.pages.select(pl.col("date_id").unique().sort()).collect().get_column("date_id").to_list()
        return self._listings.days_before(wanted)

    @cached_property
    def days(self) -> pl.DataFrame:
        """date_id of the run's observed days, before: the day observed before each, null for the first of all, tells:
        whether what is not listed on it is gone."""
        days = list(self._compared)
        telling = self._listings.telling(days)
        before = [earlier[0] if earlier else None for earlier in self._compared.values()]
        schema = {"date_id": pl.Date, "before": pl.Date, "tells": pl.Boolean}
        return pl.DataFrame([days, before, [day in telling for day in days]], schema=schema)

    @cached_property
    def listed(self) -> pl.DataFrame:
        """date_id, record_hash, payload, row_key, entity_id, created_at of every row listed on any of these days, in order."""
        days = {*self._compared, *(earlier for found in self._compared.values() for earlier in found)}
        return self._listings.named(sorted(days))

    @cached_property
    def _states(self) -> pl.DataFrame:
        """date_id, row_key, contents: what is listed under each name, every content once, in order."""
        once = self.listed.unique(["date_id", "row_key", "record_hash"], keep="first", maintain_order=True)
        contents = pl.col("record_hash").cast(pl.String).str.join(",").alias("contents")
        return once.group_by("date_id", "row_key", maintain_order=True).agg(contents)

    @cached_property
    def _before(self) -> pl.DataFrame:
        """What stood before each day, under that day: the last state that the days before it say of each name."""
        pairs = [(day, earlier) for day, found in self._compared.items() for earlier in found]
        asked = pl.DataFrame(pairs, schema={"date_id": pl.Date, "_on": pl.Date}, orient="row")
        said = asked.join(self._states, left_on="_on", right_on="date_id", how="inner")
        newest = said.sort("date_id", "_on", descending=[False, True], maintain_order=True)
        return newest.unique(["date_id", "row_key"], keep="first", maintain_order=True).drop("_on")

    @cached_property
    def changed(self) -> pl.DataFrame:
        """The rows whose name has another content than before, in order."""
        today = self._states.join(self.days, on="date_id", how="semi")
        other = today.join(self._before, on=["date_id", "row_key", "contents"], how="anti")
        return self.listed.join(other, on=["date_id", "row_key"], how="semi", maintain_order="left")

    @cached_property
    def _named_before(self) -> pl.DataFrame:
        """The names that stood before each day. What could not be named had no state, so it cannot vanish."""
        return self._before.filter(~pl.col("row_key").str.starts_with(UNNAMED)).select("date_id", "row_key")

    @cached_property
    def _lacking(self) -> pl.DataFrame:
        """Those of them that the day does not list, and whether it `tells` that they are gone."""
        gone = self._named_before.join(self._states, on=["date_id", "row_key"], how="anti")
        return gone.join(self.days.select("date_id", "tells"), on="date_id")

    @cached_property
    def vanished(self) -> pl.DataFrame:
        """Rows of `clean/vanished`."""
        names = self.listed.unique("row_key").select("row_key", "entity_id", "created_at")
        typed = self._lacking.filter("tells").join(names, on="row_key").with_columns(endpoint=pl.lit(self.endpoint))
        return typed.sort("date_id", "row_key").select(list(contracts.VANISHED.schema))

    @cached_property
    def counts(self) -> pl.DataFrame:
        """Rows of `clean/changes`."""

        def per_day(rows: pl.DataFrame, name: str) -> pl.DataFrame:
            return rows.group_by("date_id").agg(pl.len().cast(pl.Int64).alias(name))

        of_endpoint = self.pages.filter(pl.col("endpoint") == self.endpoint)
        dropped = of_endpoint.group_by("date_id", "take").agg(forgotten=pl.col("forgotten_count").sum())
        forgotten = dropped.group_by("date_id").agg(pl.col("forgotten").max())  # each walk brings them again
        counted = self.days.rename({"before": "compared_with"})
        for rows, name in (
            (self.listed, "listed"),
            (self.changed, "received"),
            (self._named_before, "listed_before"),
            (self.vanished, "vanished"),
            (self._lacking.filter(~pl.col("tells")), "held_back"),
        ):
            counted = counted.join(per_day(rows, name), on="date_id", how="left")
        counted = counted.join(forgotten.collect(), on="date_id")
        there_before = pl.col("compared_with").is_not_null()
        return counted.select(
            "date_id",
            "compared_with",
            pl.col("listed", "received", "vanished", "held_back").fill_null(0),
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
    shown = set_aside(contract, stamped, "updated_at")
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
    contract = {c.name: c for c in contracts.TABLES if c.stage is Stage.CLEAN}[table]
    found: dict[str, Any] = {name: renamed.get(name, name) for name in contract.schema}
    exprs = [(pl.col(e) if isinstance(e, str) else e).cast(contract.schema[n]).alias(n) for n, e in found.items()]
    return [*exprs, pl.col("^_(rejected|set_aside|payload|pointer)$")]


# -- what each table must account for, counted apart from the transforms -------------------------------------------------


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
    said = pl.DataFrame({"created_at": moments}, schema={"created_at": pl.String}).with_columns(_instant("created_at"))
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
    rows = decode(pl.Series(texts, dtype=pl.String), payloads.History).pipe(_stamped, contracts.LISTEN_HISTORIES)
    first = rows.filter(_is_readable()).head(1).get_column("items").explode(empty_as_null=False)
    return first.len() - first.null_count()


#: Raw rows each clean table receives by the day: the accounting is held against it.
RECEIVED: dict[Contract, Transform[pl.LazyFrame]] = {
    contracts.TRACKS: _received(TRACKS_ENDPOINT, len),
    contracts.USERS: _received(USERS_ENDPOINT, len),
    contracts.LISTEN_HISTORIES: _received(HISTORIES_ENDPOINT, len),
    contracts.LISTENS: _received(HISTORIES_ENDPOINT, _listens_in),
}


def compared_table(
    contract: Contract,
    build: Reader[pl.DataFrame],
    shape: type[Shape] | None = None,
    warnings: Mapping[str, Transform[Outcome]] | None = None,
) -> DerivedTable:
    """A table of which each day is compared with the day before."""
    return DerivedTable(
        contract,
        build,
        RECEIVED.get(contract),
        shape,
        warnings or {},
        follows=contracts.PAGES,
        compared=contracts.CHANGES,
        unsettled=unsettled,
    )


TABLES = (
    compared_table(contracts.CHANGES, changes, warnings=checks.CHANGES),
    compared_table(contracts.TRACKS, tracks, payloads.Track),
    compared_table(contracts.USERS, users, payloads.User),
    compared_table(contracts.LISTEN_HISTORIES, listen_histories, payloads.History, checks.LISTEN_HISTORIES),
    compared_table(contracts.LISTENS, listens),
    compared_table(contracts.VANISHED, vanished),
)


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
        # what is listed on the very day on which it is said to be gone is there: its name was only spelled otherwise
        pl.col("_gone").is_null() | (pl.col("_gone") <= pl.col("date_id"))
    )
    return there.drop("_gone").sort(key[endpoint]).collect()
