"""What a view is handed of the tables that it reads, and which of its days or periods a run has to build.

What belongs here: for each kind of view (engines/kinds.py) the parts to build and the rows to read for them. What does
not: how a part is built and committed (publishing.py), who answers the view (engines/), what changed in a table
(store/changes.py).

The rule behind it: whatever order days are filled in, the table of a view is what one answer over all facts would be.
So a run builds the parts whose facts changed since the view was last built, be they of its days or not, and those that
a change reaches through `After` or `Dated` lines. Each is answered over its own facts and what these lines add.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract, FewADay
from tmdb_assets.lakehouse.engines import Extended, Readable
from tmdb_assets.lakehouse.engines.kinds import Daily, Dated, Periodic, Windowed
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.flow.nearby import LAST_KNOWN_ROWS, last_rows, next_days
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store.changes import changed_days, changed_rows, recorded_version


@dataclass(frozen=True, eq=False)
class ViewInputs:
    """A view over the tables of a store, as they are now."""

    view: View
    store: DeltaStore

    @cached_property
    def _facts(self) -> dict[str, Contract]:
        """The tables that it is handed by the day, by name."""
        by_part = isinstance(self.view.kind, Daily | Periodic)
        return {
            name: c
            for name, c in self.view.tables.items()
            if (c.partition if by_part else isinstance(self.view.kind, Windowed) and c.folders)
        }

    @cached_property
    def _days(self) -> list[dt.date]:
        """The days that any of its facts has, oldest first."""
        return sorted({day for c in self._facts.values() if c.folders for day in self.store.partition_rows(c)})

    # -- which parts -----------------------------------------------------------------------------------------------

    def parts(self, days: Collection[dt.date]) -> list[dt.date]:
        """The days, or the first days of the periods, that a run for some days has to build; oldest first.

        Days of the run on which nothing changed are built only if the view was never answered before.
        """
        contract, kind = self.view.contract, self.view.kind
        read = self.view.tables.values()
        is_known = all(recorded_version(self.store, contract, c) is not None for c in read if self.store.open(c))
        touched = set() if is_known and self.store.open(contract) else {*days}
        for fact in self._facts.values():
            touched |= self._changed(fact)
        if isinstance(kind, Daily | Periodic):
            for dated in kind.dated:
                touched |= self._reached(dated, touched)
        if isinstance(kind, Daily) and kind.after:
            touched |= self._following(touched)
        return sorted({contract.part_of(day) for day in touched})

    def _changed(self, read: Contract) -> set[dt.date]:
        """Days of a table that changed since the view was last built of it."""
        since = recorded_version(self.store, self.view.contract, read)
        if not isinstance(read.kept, FewADay):
            return changed_days(self.store, read, since)
        apart = changed_rows(self.store, read, since, list(read.schema))
        if apart is None:
            return set(self.store.partition_rows(read))
        return {day for rows in apart for day in rows.get_column(read.kept.partition)}

    def _reached(self, dated: Dated, built: Collection[dt.date]) -> set[dt.date]:
        """Days from which on a dated value counts that did not, or counts no more, as far as its key has facts then."""
        read = self.view.tables[dated.table]
        since = recorded_version(self.store, self.view.contract, read)
        apart = changed_rows(self.store, read, since, [dated.key, dated.column])
        if apart is None:
            return set(self._days)
        was, now = (rows.drop_nulls(dated.column) for rows in apart)
        spans = was.join(now, on=dated.key, how="full", coalesce=True, suffix="_now").select(
            dated.key,
            start=pl.min_horizontal(dated.column, f"{dated.column}_now"),
            end=pl.when(pl.col(dated.column).is_not_null() & pl.col(f"{dated.column}_now").is_not_null()).then(
                pl.max_horizontal(dated.column, f"{dated.column}_now")
            ),
        )
        if not spans.height:
            return set()
        first = min(spans.get_column("start"))
        left = [day for day in self._days if day >= first and day not in built]
        found: set[dt.date] = set()
        for read in self._facts.values():
            if left and read.folders and dated.key in read.schema:
                rows = self.store.scan(read, left).join(spans.lazy(), on=dated.key)
                day = pl.col(read.folders)
                within = (day >= pl.col("start")) & (pl.col("end").is_null() | (day < pl.col("end")))
                found |= set(rows.filter(within).select(day.unique()).collect().to_series())
        return found

    def _following(self, built: Collection[dt.date]) -> set[dt.date]:
        """Days that look back to a row of a day that is built, where that row is not as it was."""
        assert isinstance(self.view.kind, Daily)
        after, contract = self.view.kind.after, self.view.contract
        later = [day for day in self._days if built and day > min(built)]
        if after is None or not set(later) - set(built):
            return set()
        (read,) = [c for c in self._facts.values() if after.column in c.schema and c.folders]
        day = str(read.folders)
        columns = [after.key, day, after.column]
        here = sorted(built)
        was, now = (self.store.scan(table, here).select(columns).drop_nulls().collect() for table in (contract, read))
        apart = pl.concat([was.join(now, on=columns, how="anti"), now.join(was, on=columns, how="anti")])
        asking = apart.select(after.key, day).unique()
        return next_days(lambda days: self.store.scan(read, days), later, day, asking, after.column)

    def batches(self, parts: Sequence[dt.date]) -> Iterator[list[dt.date]]:
        """The parts, as many at a time as have few bytes kept of facts."""
        contract = self.view.contract
        sizes: dict[dt.date, int] = {}
        for read in self._facts.values():
            for day, size in self.store.partition_bytes(read).items():
                sizes[contract.part_of(day)] = sizes.get(contract.part_of(day), 0) + size
        batch: list[dt.date] = []
        for part in parts:
            if batch and sum(sizes.get(each, 0) for each in (*batch, part)) > self.store.bytes_per_batch:
                yield batch
                batch = []
            batch.append(part)
        if batch:
            yield batch

    # -- which rows ------------------------------------------------------------------------------------------------

    def days_read(self, parts: Collection[dt.date] | None) -> list[dt.date] | None:
        """The days of facts that some parts are answered over; None for all."""
        kind = self.view.kind
        if isinstance(kind, Windowed):
            newest = max(self._days, default=None)
            return [] if newest is None else [newest - dt.timedelta(days=back) for back in kind.days_back]
        if parts is None:
            return None
        return [day for day in self._days if self.view.contract.part_of(day) in parts]

    def state(self, parts: Collection[dt.date] | None) -> dict[tuple[str, ...], frozenset[str]]:
        """Which files hold what some parts are answered over."""
        days = self.days_read(parts)
        return {
            tuple(contract.key): self.store.state(contract, days if name in self._facts else None)
            for name, contract in self.view.tables.items()
        }

    def tables(self, parts: Collection[dt.date] | None) -> dict[str, Readable]:
        """What the view is answered over, by the names that it reads; each table at one version."""
        days = self.days_read(parts)
        return {
            name: self._handed(contract, days) if name in self._facts else self.store.snapshot(contract)
            for name, contract in self.view.tables.items()
        }

    def _handed(self, read: Contract, days: Sequence[dt.date] | None) -> Readable:
        snapshot = self.store.snapshot(read, days)
        kind = self.view.kind
        if not (isinstance(kind, Daily) and kind.after and days and read.folders and kind.after.column in read.schema):
            return snapshot
        return Extended(snapshot, self._last_rows_before(read, sorted(days)))

    def _last_rows_before(self, read: Contract, days: Sequence[dt.date]) -> pl.DataFrame:
        """Of each key that has a known value on some days, its last row with one before them; between days that do not
        follow each other as well."""
        assert isinstance(self.view.kind, Daily) and self.view.kind.after
        after, day, wanted = self.view.kind.after, str(read.folders), set(days)
        found = [read.empty()]
        for group in _in_a_row(self._days, wanted):
            known = self.store.scan(read, group).filter(pl.col(after.column).is_not_null())
            keys = known.select(after.key).unique().collect()
            earlier = [each for each in self._days if each < group[0]]
            near, keys = self._as_kept(read, group[0], keys)
            far = last_rows(lambda days: self.store.scan(read, days), earlier, day, keys, after.column)
            found += [near, far]
        beside = pl.concat(found).unique([after.key, day], maintain_order=True)
        return beside.filter(~pl.col(day).is_in(list(days)))  # those of the days themselves are read with them

    def _as_kept(self, read: Contract, before: dt.date, keys: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows that the table of last rows tells of, and the keys of which it cannot tell.

        It keeps the newest rows with a known value of each key: one of them before the day is the last one before it,
        if the key has a row on that day; and where it keeps fewer than it may, there are no others.
        """
        assert isinstance(self.view.kind, Daily) and self.view.kind.after
        after, last = self.view.kind.after, self.view.tables.get(f"{read.name}_last")
        if last is None or recorded_version(self.store, last, read) != self.store.version(read):
            return read.empty(), keys
        kept = self.store.scan(last).filter(pl.col(after.column).is_not_null()).join(keys.lazy(), on=after.key)
        rows = kept.select(list(read.schema)).collect()
        is_before = pl.col(str(read.folders)) < before
        newest = rows.filter(is_before).sort(str(read.folders)).unique(after.key, keep="last", maintain_order=True)
        counted = rows.group_by(after.key).agg(rows=pl.len(), before=is_before.sum())
        # a row before the day with none kept between it and the day, or no other row at all
        told = counted.filter((pl.col("before") > 0) | (pl.col("rows") < LAST_KNOWN_ROWS))
        return newest, keys.join(told, on=after.key, how="anti")


def _in_a_row(days: Sequence[dt.date], wanted: Collection[dt.date]) -> Iterator[list[dt.date]]:
    """The wanted days in groups between which there are others."""
    group: list[dt.date] = []
    for day in days:
        if day in wanted:
            group.append(day)
        elif group:
            yield group
            group = []
    if group:
        yield group
