"""What the warehouse is to hold: which tables and views of each source, and what the lake has for them now.

What belongs here: the choice between table and view, which days of a fact are kept, and how a table, or a day of it,
is told from what it was at the last publication. What does not: where it is held (targets/), what a table promises or a
view asks (a source's contracts.py and views/).

A source's schema holds its star as tables and its views as SQL views. Three kinds of views are kept as tables of the
answers that the lake has: those over facts, and those that rest on them (a row per film of the whole catalogue), which
would take seconds each time somebody asks; those over large raw or clean tables, which are not in the target; and those
whose SQL a target does not speak. A view that the lake keeps
nowhere (a base of others) is a SQL view always, of the days that are there. Sums by the week or month, which other
views are made of, stay in the lake.

Of facts the newest days are kept: as many as the setting says, else as many as hold FACT_ROWS_AT_MOST rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import polars as pl

from tmdb_assets.lakehouse.contracts import ByDay, ByPeriod, Contract, FewADay, Stage
from tmdb_assets.lakehouse.engines.kinds import All, Plain
from tmdb_assets.lakehouse.engines.views import View, bases_of
from tmdb_assets.lakehouse.store import DeltaStore

#: Rows of a table of facts in a target, where nobody says how many days: 90 days of TMDB's whole catalogue, or 27 years
#: of 10,000 films a day. Such a file takes about 3 GB, and a publication copies it.
FACT_ROWS_AT_MOST = 100_000_000
#: Part of a table that is loaded as a whole.
WHOLE = None
Part = dt.date | None


@dataclass(frozen=True, eq=False)
class Source:
    """What a source brings to the warehouse: its tables, its views (each after those it reads), its macros."""

    name: str
    contracts: tuple[Contract, ...]
    views: tuple[View, ...] = ()
    macros: Path | None = None

    @classmethod
    def of(cls, contracts: ModuleType) -> Source:
        """A source by its module `contracts`: SOURCE, CONTRACTS, perhaps VIEWS, and macros.sql beside it."""
        macros = Path(contracts.__file__ or "").with_name("macros.sql")
        return cls(
            contracts.SOURCE,
            tuple(contracts.CONTRACTS),
            tuple(getattr(contracts, "VIEWS", ())),
            macros if macros.is_file() else None,
        )


@dataclass(frozen=True)
class Layout:
    """How a source's schema is laid out. `by_day`: tables of which only the newest days are kept, and their day
    column; `fact_days`: how many days these are, None for all."""

    source: Source
    tables: tuple[Contract, ...]
    views: tuple[View, ...]
    by_day: Mapping[str, str]
    fact_days: int | None = None

    def notes(self, noun: str) -> dict[str, str]:
        """What a table's comment adds to its contract's words, in a target that is called `noun`."""
        shortened = [v.contract.name for v in self.views if not self.by_day.keys().isdisjoint(v.reads)]
        limited = dict.fromkeys([*self.by_day, *shortened], f" Only its newest days are in this {noun}.")
        return limited | {
            c.name: f" The answers that the lake has, kept as a table.{limited.get(c.name, '')}"
            for c in self.tables
            if c.stage is Stage.VIEWS
        }


def fact_days_of(store: DeltaStore, source: Source, asked: int | None) -> int | None:
    """How many of the newest days of a source's facts a target keeps; None for all.

    `asked`: what the setting says. Without it, as many days as have FACT_ROWS_AT_MOST rows in any one table.
    """
    if asked:
        return asked
    found: list[int] = []
    for contract in (c for c in source.contracts if c.stage is Stage.STAR and isinstance(c.kept, ByDay)):
        rows, days = 0, sorted(store.partition_rows(contract).items(), reverse=True)
        for number, (day, of_day) in enumerate(days):
            rows += of_day
            if number and rows > FACT_ROWS_AT_MOST:
                found.append((days[0][0] - day).days)
                break
    return min(found, default=None)


def lay_out(source: Source, fact_days: int | None, can_answer: Callable[[View], bool] = lambda view: True) -> Layout:
    """Star tables, small tables that a view reads (ledger, quarantine), and each view as a view where that is good.

    A table with personal columns stays in the lake. `can_answer`: whether the target speaks the SQL of a view; one that
    it does not speak is a table of the answers that the lake has.
    """
    read = {name for view in source.views for name in view.reads}
    tables = [
        c
        for c in source.contracts
        if (c.stage is Stage.STAR or (isinstance(c.kept, FewADay) and c.stage is not Stage.VIEWS and c.name in read))
        and not c.personal
    ]
    by_day = {c.name: c.folders for c in tables if fact_days and c.folders}
    there = {c.name for c in tables}
    views, over_facts = [], set[str]()
    for view in (*bases_of(source.views), *source.views):
        contract = view.contract
        if isinstance(contract.kept, ByPeriod):
            continue
        if not (isinstance(view.kind, Plain | All) and over_facts.isdisjoint(view.reads)):
            over_facts.add(contract.name)
        is_small = contract.name not in over_facts and by_day.keys().isdisjoint(view.reads)
        is_true = there.issuperset(view.reads) and (not view.is_kept or is_small)
        if is_true and can_answer(view):
            views.append(view)
        elif view.is_kept:
            tables.append(contract)
            if day := next((column for column in contract.grain if column in by_day.values()), None):
                by_day[contract.name] = day
        else:
            continue  # what it stands on is not in the target, or not in words that it knows
        there.add(contract.name)
    return Layout(source, tuple(tables), tuple(views), by_day, fact_days)


@dataclass(frozen=True)
class Wanted:
    """A table as the lake has it at one version: what each of its parts is made of, and how many rows it has.

    `parts` maps a day (or WHOLE, for a table that is not kept by the day) to a digest of its Delta files' names, which
    never name anything else. `since` is the first day kept, by the column `day`; None for all.
    """

    contract: Contract
    version: int | None
    parts: Mapping[Part, str]
    rows: Mapping[Part, int]
    since: dt.date | None = None
    day: str = ""

    @property
    def name(self) -> str:
        """`source.table`, as an analyst writes it."""
        return f"{self.contract.source}.{self.contract.name}"

    @property
    def height(self) -> int:
        """Rows of all parts."""
        return sum(self.rows.values())

    def scan(self, store: DeltaStore, days: Sequence[dt.date] | None = None) -> pl.LazyFrame:
        """The rows of some days, or all that are wanted."""
        if self.version is None:
            return self.contract.empty().lazy()
        frame = store.scan(self.contract, days, version=self.version)
        return frame if self.since is None or days is not None else frame.filter(pl.col(self.day) >= self.since)


def look_up(store: DeltaStore, layouts: Sequence[Layout]) -> list[Wanted]:
    """Every table of the layouts as the lake has it now; versions are taken first, all at one moment."""
    versions = {c.key: store.version(c) for layout in layouts for c in layout.tables}
    wanted = []
    for layout in layouts:
        files = {c.name: _files(store, c, versions[c.key]) for c in layout.tables}
        facts = [c.name for c in layout.tables if _by_folder(c)]
        newest = max((day for name in facts for day in files[name].get_column("part").to_list()), default=None)
        since = newest - dt.timedelta(days=layout.fact_days - 1) if layout.fact_days and newest else None
        for contract in layout.tables:
            day = layout.by_day.get(contract.name, "")
            table = _wanted(contract, versions[contract.key], files[contract.name], since if day else None, day)
            if table.since and not _by_folder(contract):  # the log does not say how many of its rows are of those days
                kept = table.scan(store).select(pl.len()).collect().item()
                table = replace(table, rows={WHOLE: kept})
            wanted.append(table)
    return wanted


def _by_folder(contract: Contract) -> bool:
    return bool(contract.folders)


def _files(store: DeltaStore, contract: Contract, version: int | None) -> pl.DataFrame:
    """Files of a table at a version: part, path, num_records."""
    schema = pl.Schema({"part": pl.Date, "path": pl.String, "num_records": pl.Int64})
    if version is None:
        return pl.DataFrame(schema=schema)
    part = pl.col(f"partition.{contract.partition}") if _by_folder(contract) else pl.lit(None)
    files = store.files(contract, version)
    return (
        files.select(part.alias("part"), "path", "num_records").cast(schema)
        if files.height
        else pl.DataFrame(schema=schema)
    )


def _wanted(contract: Contract, version: int | None, files: pl.DataFrame, since: dt.date | None, day: str) -> Wanted:
    if _by_folder(contract):
        kept = files if since is None else files.filter(pl.col("part") >= since)
        days = kept.sort("part", "path").group_by("part", maintain_order=True)
        grouped = days.agg(pl.col("path"), pl.col("num_records").sum())
        parts: dict[Part, str] = {part: _digest(paths) for part, paths, _ in grouped.iter_rows()}
        rows: dict[Part, int] = {part: count for part, _, count in grouped.iter_rows()}
        return Wanted(contract, version, parts, rows, since, day)
    digest = _digest([*sorted(files.get_column("path").to_list()), str(since)])
    return Wanted(contract, version, {WHOLE: digest}, {WHOLE: int(files.get_column("num_records").sum())}, since, day)


def definitions_of(layouts: Sequence[Layout], *more: object) -> str:
    """A digest of all that is said of the tables, views and macros, and of what else the file says of itself."""
    said: list[str] = [str(word) for word in more]
    for layout in layouts:
        for contract in [*layout.tables, *(view.contract for view in layout.views)]:
            said += [
                contract.path,
                contract.description,
                *contract.grain,
                str({column: dimension.name for column, dimension in contract.references.items()}),
                str(contract.schema),
            ]
            for column in contract.columns.values():
                said += [
                    column.description,
                    str(column.nullable),
                    *(rule.error for rule in column.rules),
                ]
        said += [view.sql for view in layout.views] + sorted(layout.by_day)
        said.append(layout.source.macros.read_text(encoding="utf-8") if layout.source.macros else "")
    return _digest(said)


def _digest(words: Sequence[str]) -> str:
    return sha256("\n".join(words).encode()).hexdigest()[:16]
