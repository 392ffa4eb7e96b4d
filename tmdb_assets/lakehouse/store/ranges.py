"""Owned rows in files by ranges of their owners: a merge opens and rewrites only files that can hold an owner it names.

What belongs here: which files hold which owners, what a merge puts in their place, where rows are cut into files, how
such a file is written. What does not: what a merge means (owned.py), the commit (swaps.py) and its guard (delta.py),
files that no version needs any more (retention.py).

deltalake's own ways rewrite a table or a partition, and cut files where they are full, within an owner. So these files
are written here, and one commit swaps them in.
"""

from __future__ import annotations

import functools
import io
import itertools
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from deltalake._internal import DeltaFileSystemHandler  # its public face wants pyarrow, and fails on what pyarrow gives
from deltalake.transaction import AddAction

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store.owned import in_order, merged
from tmdb_assets.lakehouse.store.swaps import Swap, added, removed, statistics
from tmdb_assets.lakehouse.store.tables import Snapshot

#: Rows of a full file. Each file costs whoever reads the table about 0.1 ms, and whoever changes an owner a rewrite of
#: it: benchmark n. measures both.
ROWS_OF_A_FILE = 32_768
#: Files of a table with many rows, about: its files grow with it, so that reading and logging them stays cheap.
FILES = 128
#: More files than this are joined by the next merge: they were full while the table had fewer rows.
CROWDED = 3 * FILES
#: Full files whose rows are read and merged at once.
AT_ONCE = 8

GROUP = "_group"
Read = Callable[[Sequence[str]], pl.DataFrame]


@dataclass(frozen=True, eq=False)
class Group:
    """Files whose ranges touch each other (one, where merges alone have written them): no other file has their
    owners. `low` is the lowest of these."""

    low: Any
    files: pl.DataFrame

    @property
    def rows(self) -> int:
        """Rows of its files, as the log says."""
        return int(self.files.get_column("num_records").sum()) if self.files.height else 0

    @property
    def uris(self) -> list[str]:
        """Where its files lie, in the order of their ranges."""
        return self.files.get_column("uri").to_list() if self.files.height else []


class OwnedFiles:
    """The files of an owned table: read by groups, and written. `uri` is where it lies, `address` the URL of that."""

    def __init__(
        self, contract: Contract, uri: str, address: str, storage_options: dict[str, str] | None = None
    ) -> None:
        self.contract, self.uri, self.storage_options = contract, uri, storage_options
        self._handler = functools.cache(lambda: DeltaFileSystemHandler(address, storage_options))

    def merge(self, files: pl.DataFrame, frame: pl.DataFrame, retracted: pl.DataFrame | None) -> Swap:
        """The files that a merge puts in the place of some of `files`, the table's; none where it changes nothing.

        They are written already. A few groups at a time are in memory, not the table.
        """
        groups = groups_of(self.contract, files, self.read) or [Group(None, files)]
        gone = frame.clear() if retracted is None else retracted
        said, gone = (_numbered(self.contract, groups, of) for of in (frame, gone))
        named = sorted({*said.get_column(GROUP), *gone.get_column(GROUP)})
        is_crowded = len(groups) > CROWDED and any(new for _, _, new in self._become(groups, named, said, gone))
        rewrite = _Rewrite(self, groups, named, _full(files, frame))
        for number, rows, is_new in self._become(groups, range(len(groups)) if is_crowded else named, said, gone):
            if is_new or is_crowded:
                rewrite.take(number, rows)
        rewrite.finish()
        return rewrite.swap

    def _become(
        self, groups: Sequence[Group], numbers: Sequence[int], said: pl.DataFrame, gone: pl.DataFrame
    ) -> Iterator[tuple[int, pl.DataFrame, bool]]:
        """What some groups hold after a merge, and whether that is anything new."""
        contract, nothing = self.contract, self.contract.empty()
        for some in _batches(groups, numbers):
            inside = pl.col(GROUP).is_between(some[0], some[-1])
            offered, retracted = said.filter(inside).drop(GROUP), gone.filter(inside).drop(GROUP)
            there = self.read([uri for number in some for uri in groups[number].uris])
            made = merged(contract, there, offered, retracted if retracted.height else None)
            was, became = (_by_group(contract, groups, rows) for rows in (there, made))
            for number in some:
                rows = became.get(number, nothing)
                yield number, rows, not was.get(number, nothing).equals(rows)

    def read(self, uris: Sequence[str]) -> pl.DataFrame:
        """The rows of some files."""
        return Snapshot(self.contract, self.uri, None, None, tuple(uris), self.storage_options).lazy().collect()

    def write(self, rows: pl.DataFrame) -> AddAction:
        """Write a file and return what tells the log of it: nobody sees it before a commit adds it, and upkeep removes
        it if none does."""
        buffer = io.BytesIO()
        rows.write_parquet(buffer, compression="zstd", compression_level=1, row_group_size=rows.height)
        content, path = buffer.getvalue(), f"part-{uuid.uuid4()}.zstd.parquet"
        stream: Any = self._handler().open_output_stream(path)
        stream.write(content)
        stream.close()
        return added(path, len(content), statistics(self.contract, rows))


class _Rewrite:
    """The groups that changed, in their order: neighbours that fit in one file become one, what is too large is cut."""

    def __init__(self, owned: OwnedFiles, groups: Sequence[Group], named: Collection[int], full: int) -> None:
        self.owned, self.groups, self.full = owned, groups, full
        self.swap = Swap()
        self._settled = set(named)  # the others are free to take in rows of a neighbour
        self._numbers: list[int] = []
        self._rows = owned.contract.empty()

    def take(self, number: int, rows: pl.DataFrame) -> None:
        """Rows that take the place of a group's."""
        fits = self._rows.height + rows.height <= self.full
        if self._numbers and not (self._numbers[-1] + 1 == number and fits):
            self.finish()
        self._numbers.append(number)
        self._rows = pl.concat([self._rows, rows])

    def finish(self) -> None:
        """Write what was taken and not yet written."""
        if not self._numbers:
            return
        if 0 < self._rows.height < self.full // 4:
            self._join_a_neighbour()
        for number in self._numbers:
            self.swap.removes += map(removed, self.groups[number].files.iter_rows(named=True))
        self.swap.adds += map(self.owned.write, cut(self.owned.contract, self._rows, self.full))
        self._numbers, self._rows = [], self.owned.contract.empty()

    def _join_a_neighbour(self) -> None:
        """Few rows go with those of the file before or after them, so that small files do not pile up."""
        for number in (self._numbers[0] - 1, self._numbers[-1] + 1):
            if not 0 <= number < len(self.groups) or number in self._settled:
                continue
            if self.groups[number].rows + self._rows.height <= self.full:
                theirs = self.owned.read(self.groups[number].uris)
                self._numbers.append(number)
                self._settled.add(number)
                self._rows = in_order(self.owned.contract, pl.concat([self._rows, theirs]))
                return


def _full(files: pl.DataFrame, frame: pl.DataFrame) -> int:
    """Rows of a full file of a table: it has about those that it has, or those that it begins with."""
    kept = int(files.get_column("num_records").sum()) if files.height else 0
    return max(ROWS_OF_A_FILE, -(-max(kept, frame.height) // FILES))


def cut(contract: Contract, rows: pl.DataFrame, full: int) -> Iterator[pl.DataFrame]:
    """Rows in their order, by files: equal parts of three quarters of a full one, an owner's rows in one of them."""
    if not rows.height:
        return
    if rows.height <= full or not _is_by_owner(contract):
        yield rows
        return
    number = -(-rows.height * 4 // (full * 3))
    wanted = pl.Series([rows.height * n // number for n in range(1, number)], dtype=pl.Int64)
    ends = rows.get_column(contract.owner[0]).rle().struct.field("len").cast(pl.Int64).cum_sum()
    places = ends.gather([found - 1 for found in ends.search_sorted(wanted, side="right") if found])
    bounds = [0, *places.unique().sort(), rows.height]
    for start, end in itertools.pairwise(bounds):
        yield rows.slice(start, end - start)


def _is_by_owner(contract: Contract) -> bool:
    """Whether the order of the rows is one of owners, so that they can be cut between these."""
    return contract.grain[0] == contract.owner[0]


# -- which files hold which owners -------------------------------------------------------------------------------------


def groups_of(contract: Contract, files: pl.DataFrame, read: Read) -> list[Group]:
    """The files of a table, in the order of their ranges, those together whose ranges touch.

    The log's bounds are used where it has them: of long texts it may round them outwards, which only makes more ranges
    touch. A file that another program wrote without them is looked into. Owners that are null are the last.
    """
    if not files.height:
        return []
    bounded = _bounded(contract, files, read)
    starts: list[int] = []
    high: Any = None
    is_open = not _is_by_owner(contract)  # whether what follows lies in the same group, whatever its owners
    for number, (low, end, nulls) in enumerate(bounded.select("_low", "_high", "_nulls").iter_rows()):
        if not number or not (is_open or low is None or low <= high):
            starts.append(number)
        high = end if high is None or (end is not None and end > high) else high
        is_open = is_open or low is None or bool(nulls)
    ends = [*starts[1:], bounded.height]
    lows = bounded.get_column("_low")
    return [Group(lows[start], bounded.slice(start, end - start)) for start, end in zip(starts, ends, strict=True)]


def lie_apart(contract: Contract, files: pl.DataFrame) -> bool:
    """Whether the log alone says that no two files of an owned table can hold the same owner."""
    return len(groups_of(contract, files, lambda uris: contract.empty())) == files.height


def _bounded(contract: Contract, files: pl.DataFrame, read: Read) -> pl.DataFrame:
    """Files by their lowest owner, with their bounds and how many of their rows have none."""
    owner = contract.owner[0]
    types = pl.Schema({"_low": contract.schema[owner], "_high": contract.schema[owner], "_nulls": pl.Int64()})
    named = zip(types, (f"min.{owner}", f"max.{owner}", f"null_count.{owner}"), strict=True)
    known = [(pl.col(there) if there in files.columns else pl.lit(None)).alias(name) for name, there in named]
    stated = files.with_columns(known).cast(dict(types.items()))
    is_known = pl.all_horizontal(pl.col(list(types)).is_not_null()).alias("_is_known")
    apart = stated.with_columns(is_known).partition_by("_is_known", as_dict=True)
    looked = [
        _look(contract, row, read) for (said,), part in apart.items() if not said for row in part.rows(named=True)
    ]
    found = pl.DataFrame(looked, schema={"uri": pl.String, **types}, orient="row")
    return stated.update(found, on="uri").sort("_low", "_high", "uri", nulls_last=True)


def _look(contract: Contract, file: dict[str, Any], read: Read) -> tuple[Any, ...]:
    owners = read([file["uri"]]).get_column(contract.owner[0])
    return file["uri"], owners.min(), owners.max(), owners.null_count()


def _group_numbers(contract: Contract, groups: Sequence[Group], owners: pl.Series) -> pl.Series:
    """The number of the group that each owner belongs to: the last that begins at or before it, or the first. Rows
    without an owner lie in the last."""
    lows = pl.Series([group.low for group in groups[1:]], dtype=contract.schema[contract.owner[0]])
    found = pl.Series(lows.search_sorted(owners, side="right"), dtype=pl.Int64)
    return pl.select(pl.when(owners.is_null()).then(len(lows)).otherwise(found).alias(GROUP)).to_series()


def _numbered(contract: Contract, groups: Sequence[Group], frame: pl.DataFrame) -> pl.DataFrame:
    """Rows with the number of their group. Of what has no owner nothing is kept."""
    named = frame.filter(pl.col(contract.owner[0]).is_not_null())
    return named.with_columns(_group_numbers(contract, groups, named.get_column(contract.owner[0])))


def _by_group(contract: Contract, groups: Sequence[Group], rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """Rows that lie group after group, by the number of their group."""
    runs = _group_numbers(contract, groups, rows.get_column(contract.owner[0])).rle().struct.unnest()
    parts, start = {}, 0
    for length, number in runs.iter_rows():
        parts[number] = rows.slice(start, length)
        start += length
    return parts


def _batches(groups: Sequence[Group], numbers: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of groups, so many at a time that reading and merging them costs little beside what their rows cost."""
    some: list[int] = []
    rows = 0
    for number in numbers:
        if some and rows + groups[number].rows > AT_ONCE * ROWS_OF_A_FILE:
            yield some
            some, rows = [], 0
        some.append(number)
        rows += groups[number].rows
    if some:
        yield some
