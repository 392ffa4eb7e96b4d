"""Raw to clean: what is new, changed or gone on a day, typed; frame -> frame.

What belongs here: one function per clean table, named as the table, what it reads stated above it; TABLES puts them
together. Times
without a zone are UTC, blank text is unknown. What does not: asking (raw.py), taking pages apart (answers.py), keys of
the star (star.py), the rules a row must keep (contracts.py).

A day is compared with what stood before it, by content: of a row whose content is the same nothing is repeated. What
the day does not list is gone only if the day can tell (listings.py); else it is held back, and stands as it was. Every
row whose name (id; user and moment for a history row) has another content than before is taken, all rows of that name
on the day included, so that the audit can account for all of them: received = kept + quarantined + duplicates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract, Stage
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.transforms import Reader, Transform, reads
from tmdb_assets.lakehouse.payloads import Shape, decode, insist_on
from tmdb_assets.sources.moovitamix import checks, contracts, payloads
from tmdb_assets.sources.moovitamix.answers import UNNAMED
from tmdb_assets.sources.moovitamix.cells import is_readable, known_texts, split, stamped, timed
from tmdb_assets.sources.moovitamix.contracts import ENDPOINTS, HISTORIES_ENDPOINT, TRACKS_ENDPOINT, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.counting import RECEIVED
from tmdb_assets.sources.moovitamix.listings import PAGED, Listings, unsettled

PLAUSIBLE_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"


@reads(*PAGED)
def changes(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """What each day brought, by endpoint."""
    return pl.concat(_Comparison(endpoint, pages, all_pages, layouts, records).counts for endpoint in ENDPOINTS)


@reads(*PAGED)
def tracks(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """Tracks that are new or changed."""
    changed = _Comparison(TRACKS_ENDPOINT, pages, all_pages, layouts, records).changed
    typed = changed.pipe(_decoded, payloads.Track).pipe(stamped, contracts.TRACKS).pipe(timed)
    return typed.with_columns(*known_texts("name", "artist", "songwriters", "album")).select(
        *_columns("tracks", track_id="id", genres=split("genres"))
    )


@reads(*PAGED)
def users(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """Users that are new or changed."""
    changed = _Comparison(USERS_ENDPOINT, pages, all_pages, layouts, records).changed
    typed = changed.pipe(_decoded, payloads.User).pipe(stamped, contracts.USERS)
    typed = typed.with_columns(*known_texts("first_name", "last_name", "email", "gender"))
    plausible = pl.col("email").str.contains(PLAUSIBLE_EMAIL).fill_null(False)
    return typed.select(
        *_columns("users", user_id="id", has_plausible_email=plausible, favorite_genres=split("favorite_genres"))
    )


@reads(*PAGED)
def listen_histories(
    pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
) -> pl.DataFrame:
    """Rows of the listening history that are new or changed."""
    return _histories(pages, all_pages, layouts, records).select(*_columns("listen_histories"))


@reads(*PAGED)
def listens(pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """What was listened to in those rows; of two rows of one user and moment the first counts, as in
    `listen_histories`."""
    rows = _histories(pages, all_pages, layouts, records).filter(is_readable())
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


# -- one endpoint, day against the day before --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Comparison:
    """The rows of one endpoint on each day of the run, against what stood before it: as the day observed before lists
    it, and where that day cannot tell what is gone, as the days before list what it lacks."""

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
        """date_id, record_hash, payload, row_key, entity_id, created_at of every row listed on any of these days, in
        order."""
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


# -- steps -------------------------------------------------------------------------------------------------------------


def _decoded(changed: pl.DataFrame, shape: type[Shape]) -> pl.DataFrame:
    """Changed rows with their payload decoded beside them; a row's own fields win over those of its name."""
    pointer = pl.format("moovitamix/raw/records record_hash={}", "record_hash")
    raw = changed.select("date_id", "row_key", "record_hash", _payload="payload", _pointer=pointer)
    rows = decode(raw.get_column("_payload"), shape).pipe(
        insist_on, "created_at", *(["name"] if shape is payloads.Track else [])
    )
    return raw.hstack(rows)


def _histories(
    pages: pl.LazyFrame, all_pages: pl.LazyFrame, layouts: pl.LazyFrame, records: pl.LazyFrame
) -> pl.DataFrame:
    """Changed rows of the listening history, typed, with their items (none stated: none)."""
    changed = _Comparison(HISTORIES_ENDPOINT, pages, all_pages, layouts, records).changed
    rows = changed.pipe(_decoded, payloads.History).pipe(stamped, contracts.LISTEN_HISTORIES)
    items = pl.col("items").fill_null(pl.lit([], dtype=pl.List(pl.Int64)))
    return rows.with_columns(items=items, listen_count=items.list.len().cast(pl.Int64))


def _columns(table: str, **renamed: str | pl.Expr) -> list[pl.Expr]:
    """The contract's columns, typed, and the trace of each row."""
    contract = {c.name: c for c in contracts.TABLES if c.stage is Stage.CLEAN}[table]
    found: dict[str, Any] = {name: renamed.get(name, name) for name in contract.schema}
    exprs = [(pl.col(e) if isinstance(e, str) else e).cast(contract.schema[n]).alias(n) for n, e in found.items()]
    return [*exprs, pl.col("^_(rejected|set_aside|payload|pointer)$")]


# -- the tables --------------------------------------------------------------------------------------------------------


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


# -- reading a day's state back ----------------------------------------------------------------------------------------


def state_on(day: dt.date, rows: pl.LazyFrame, vanished: pl.LazyFrame, endpoint: str) -> pl.DataFrame:
    """The rows of a clean table (tracks, users or listen_histories) as they stood on a day: each in its last state up
    to it, without what had vanished by then."""
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
