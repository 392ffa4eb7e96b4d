"""Views: one SQL file, one table; the file's head is the table's contract.

What belongs here: reading a .sql file into a `View` (contract and text), with errors that name the file and the line,
and what its columns come from. What does not: who answers it (duckdb.py, spark.py), what becomes of the answer
(flow/publishing.py), the questions themselves (a source's views/).

The head of a file is a comment: what the table is, its grain, and a line per column with type, rule and meaning.

    -- The 200 most popular films of the newest day.
    -- Defined: only films that TMDB lists on that day.
    --
    -- Grain: movie_id
    --
    -- movie_id      Int64              Film.
    -- vote_average  Float64{0..10}?    Mean vote; null without votes.
    -- budget_tier   String{low|high}?  Tier of the budget,
    --                                  in words.

`?` allows null; `{>=0}`, `{0..10}` and `{a|b}` are rules; a deeper line continues the meaning above it.

Two lines keep a meaning in one place. `-- Kept: no` below the grain: the answer is no table of the lake but a step that
other views read (a *base*): they are wired to the tables behind it, and it is a plain SQL view wherever they are asked.
`{films_money}`, alone on a line of a head and on one of a SELECT, stands for the columns of columns/films_money.sql,
whose head says `Columns of: film`: the rows that its SELECT adds up are called `film` in the view as well. What is run,
published and shown has them written out.

A view over facts says below its grain what it needs of them (`-- Kind: daily`): see kinds.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Column, Contract, Rule, Stage, col, ge, in_range, isin
from tmdb_assets.lakehouse.engines.kinds import Kind, KindError, KindLines, Plain, kept_as, read_by
from tmdb_assets.lakehouse.engines.parsing import Parsed, parsed_in
from tmdb_assets.lakehouse.errors import LakehouseError

TYPES: dict[str, Any] = {
    "Int64": pl.Int64,
    "Float64": pl.Float64,
    "String": pl.String,
    "Boolean": pl.Boolean,
    "Date": pl.Date,
    "List(String)": pl.List(pl.String),
    "List(Int64)": pl.List(pl.Int64),
}
_COLUMN = re.compile(
    r"(?P<name>[a-z]\w*) +(?P<type>[A-Z]\w*(?:\(\w+\))?)(?:\{(?P<rule>[^}]*)\})?(?P<null>\?)? +(?P<meaning>\S.*)"
)
_COMMENT = re.compile(r"--[^\n]*")
_GROUP = re.compile(r"\{(?P<name>[a-z]\w*)\}")
_GROUP_LINE = re.compile(rf"^(?P<indent>[ \t]*){_GROUP.pattern}(?P<comma>,?)[ \t]*$", re.MULTILINE)
_SELECT = re.compile(r"^SELECT\b(?P<list>.*?)^FROM\b", re.MULTILINE | re.DOTALL)


class SqlError(LakehouseError):
    """A .sql file cannot be read or run. The message names the file, the line where there is one, and the fault."""

    def __init__(self, file: Path, line: int | None, problem: str) -> None:
        self.file, self.line, self.problem = file, line, problem
        where = f"{'/'.join(file.parts[-4:])}, line {line}" if line else "/".join(file.parts[-4:])
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True, eq=False)
class View:
    """One .sql file: what its table promises and the text that an engine answers it by.

    `kind`: what it needs of facts. `tables`: the tables and kept views that it reads, those behind its bases among
    them, by the name that it reads: a `current` view is handed the last rows in place of the facts. `bases`: the views
    it reads that are kept nowhere, each after those it reads itself.
    """

    contract: Contract
    file: Path
    sql: str
    tables: Mapping[str, Contract]
    bases: tuple[View, ...] = ()
    is_kept: bool = True
    kind: Kind = field(default_factory=Plain)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tables that it reads."""
        return tuple(self.tables)

    def lineage(self, parsed: Parsed | None = None) -> dict[str, list[tuple[Contract, str]]]:
        """Column -> the columns of its tables that it is computed from; none for a plain count.

        `parsed`: where to look first, and to keep what is found; by default what lies beside the view.
        """
        found = (parsed or parsed_in(self.file.parent)).lineage(
            self.sql,
            {base.contract.name: base.sql for base in self.bases},
            {name: tuple(contract.columns) for name, contract in self.tables.items()},
            self.contract.columns,
        )
        return {column: [(self.tables[table], name) for table, name in leaves] for column, leaves in found.items()}


def read_views(
    folder: Path,
    source: str,
    tables: Collection[Contract],
    cadence: Cadence = Cadence.DAY,
    subjects: Collection[str] = (),
) -> tuple[View, ...]:
    """Every kept view of a folder over some tables and each other, each after those it reads.

    `subjects`: names of columns that say which person a row is about, wherever they occur.

    Raises SqlError when a head cannot be read, when views read each other in a circle, when one that is kept nowhere
    is read by none, or when one reads facts in a way that its kind does not allow.
    """
    alone = [_read(file, source, cadence, subjects) for file in sorted(folder.glob("*.sql"))]
    known = {contract.name: contract for contract in (*tables, *(view.contract for view in alone))}
    waiting = {view.contract.name: _over(view, known) for view in alone}
    ordered: dict[str, View] = {}
    while waiting:
        ready = [view for view in waiting.values() if not set(view.reads) & set(waiting)]
        if not ready:
            first = next(iter(waiting.values()))
            raise SqlError(first.file, None, f"these views read each other in a circle: {', '.join(waiting)}")
        for view in ready:
            ordered[view.contract.name] = _through(waiting.pop(view.contract.name), ordered)
    kept = tuple(_handed(view, known) for view in ordered.values() if view.is_kept)
    for lost in {view for view in ordered.values() if not view.is_kept} - set(bases_of(kept)):
        raise SqlError(lost.file, None, "it is kept nowhere and no view reads it: let one read it, or keep it")
    return kept


def bases_of(views: Iterable[View]) -> tuple[View, ...]:
    """The views that some views read and that are kept nowhere, each once and after those it reads itself."""
    return tuple(dict.fromkeys(base for view in views for base in view.bases))


def _through(view: View, others: Mapping[str, View]) -> View:
    """The view with those it reads that are kept nowhere as its bases, and wired to the tables behind them."""
    read = {name: others[name] for name in view.reads if name in others}
    direct = {name: other for name, other in read.items() if not other.is_kept}
    tables: dict[str, Contract] = {}
    for name, contract in view.tables.items():
        tables |= direct[name].tables if name in direct else {name: read[name].contract if name in read else contract}
    if not direct:
        return replace(view, tables=tables)
    bases = tuple(dict.fromkeys(base for found in direct.values() for base in (*found.bases, found)))
    versions = [view.contract.code_version, *(base.contract.code_version for base in bases)]
    contract = replace(view.contract, code_version=_digest("\n".join(versions)))
    return replace(view, contract=contract, tables=tables, bases=bases)


def _handed(view: View, known: Mapping[str, Contract]) -> View:
    """The view with the tables that its kind is handed. Raises SqlError when it may not read one of them."""
    try:
        return replace(view, tables=read_by(view.kind, view.tables, known))
    except KindError as error:
        raise SqlError(view.file, None, str(error)) from None


def read_view(
    file: Path,
    source: str,
    tables: Collection[Contract],
    cadence: Cadence = Cadence.DAY,
    subjects: Collection[str] = (),
) -> View:
    """A view over some tables from its file, read alone: what it reads that is kept nowhere is none of its bases yet.

    Raises SqlError naming the line of the head that is not of the form this module describes, or that names columns
    which are not there. A fault in the SELECT itself shows when it is run: one view with a typo does not keep the
    others from being loaded.
    """
    return _over(_read(file, source, cadence, subjects), {contract.name: contract for contract in tables})


def _over(view: View, known: Mapping[str, Contract]) -> View:
    """The view with those of the known tables that its text reads."""
    names = parsed_in(view.file.parent).tables_in(view.sql)
    return replace(view, tables={name: known[name] for name in names if name in known})


def _read(file: Path, source: str, cadence: Cadence, subjects: Collection[str]) -> View:
    """A view from its file, without what it reads."""
    text = file.read_text(encoding="utf-8")
    head = _head(file, text)
    if not (head.description and head.grain and head.columns):
        raise SqlError(file, 1, "the head comment must say what the table is, its `Grain:` and its columns")
    sql = _written_out(file, text)
    contract = Contract(
        source,
        Stage.VIEWS,
        file.stem,
        " ".join(head.description),
        head.grain,
        head.columns,
        kept_as(head.kind, head.grain),
        drift_limit=None,
        cadence=cadence,
        subjects=tuple(name for name in head.columns if name in subjects),
        code_version=_digest(sql),
    )
    return View(contract, file, sql, {}, is_kept=head.is_kept, kind=head.kind)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:8]


# -- heads -------------------------------------------------------------------------------------------------------------


@dataclass
class _Head:
    """What the comment at the top of a file says."""

    description: list[str] = field(default_factory=list)
    grain: tuple[str, ...] = ()
    rows: str = ""
    columns: dict[str, Column] = field(default_factory=dict)
    is_kept: bool = True
    kind: Kind = field(default_factory=Plain)


def _head(file: Path, text: str) -> _Head:
    head, kinds = _Head(), KindLines()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("--"):
            break
        words = line[2:].strip()
        if words.startswith("Grain:"):
            head.grain = tuple(name.strip() for name in words.removeprefix("Grain:").split(","))
        elif words.startswith("Columns of:"):
            head.rows = words.removeprefix("Columns of:").strip()
        elif words == "Kept: no":
            head.is_kept = False
        elif not words or _takes(file, number, kinds, words):
            continue
        elif not (head.grain or head.rows):
            head.description.append(words)
        elif line.startswith("--     ") and head.columns:
            last = next(reversed(head.columns))
            described = f"{head.columns[last].description} {words}"
            head.columns[last] = replace(head.columns[last], description=described)
        elif group := _GROUP.fullmatch(words):
            head.columns |= _columns_of(file, number, group["name"])[0]
        else:
            name, column = _column(file, number, words)
            head.columns[name] = column
    try:
        head.kind = kinds.stated()
    except KindError as error:
        raise SqlError(file, 1, str(error)) from None
    return head


def _takes(file: Path, number: int, kinds: KindLines, words: str) -> bool:
    """Whether a line of a head is one about the kind of the view. Raises SqlError when it is, and cannot be read."""
    try:
        return kinds.read(words)
    except KindError as error:
        raise SqlError(file, number, str(error)) from None


def _written_out(file: Path, text: str) -> str:
    """The text with the columns of each group in place of its name, on one line: lines keep the numbers they have."""

    def columns(found: re.Match[str]) -> str:
        number = text.count("\n", 0, found.start("name")) + 1
        return f"{found['indent']}{_columns_of(file, number, found['name'])[1]}{found['comma']}"

    return _GROUP_LINE.sub(columns, text)


def _columns_of(view: Path, number: int, name: str) -> tuple[dict[str, Column], str]:
    """The columns of a group, and the list of its SELECT; a view names the group on the line of that number."""
    file = view.parent / "columns" / f"{name}.sql"
    if not file.is_file():
        raise SqlError(
            view, number, f"there is no file columns/{name}.sql with the columns {{{name}}} beside the views"
        )
    text = file.read_text(encoding="utf-8")
    head = _head(file, text)
    listed = _SELECT.search(_COMMENT.sub("", text))
    if not (head.rows and head.columns and listed):
        raise SqlError(file, 1, "it must say `Columns of:` which rows, its columns, and SELECT them FROM a table")
    return head.columns, re.sub(r"\s*\n\s*", " ", listed["list"].strip())


def _column(file: Path, number: int, words: str) -> tuple[str, Column]:
    found = _COLUMN.fullmatch(words)
    if not found:
        raise SqlError(file, number, f"`{words}` is not of the form `name  Type  meaning`")
    if found["type"] not in TYPES:
        raise SqlError(file, number, f"the type {found['type']} is none of {', '.join(TYPES)}")
    rules = [] if found["rule"] is None else [_rule(file, number, found["rule"])]
    return found["name"], col(TYPES[found["type"]], found["meaning"], *rules, nullable=bool(found["null"]))


def _rule(file: Path, number: int, rule: str) -> Rule:
    if least := re.fullmatch(r">=(-?[\d.]+)", rule):
        return ge(float(least[1]))
    if ends := re.fullmatch(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)", rule):
        return in_range(float(ends[1]), float(ends[2]))
    if "|" in rule:
        return isin(rule.split("|"))
    raise SqlError(file, number, f"the rule {{{rule}}} is none of {{>=0}}, {{0..10}}, {{a|b}}")
