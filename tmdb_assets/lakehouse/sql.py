"""Views: one SQL file, one table; the file's head is the table's contract.

What belongs here: reading a .sql file into a `View` (contract and text) and running its text in DuckDB over lazy
frames, with errors that name the file and the line. What does not: which tables the frames come from and what becomes
of the answer (publishing.py), the questions themselves (a source's views/).

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
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import polars.selectors as cs

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Column, Contract, Rule, at_least, between, col, one_of
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
#: Sums of fractions depend on the order of their terms, which is that of files and threads, in the 15th digit or so; no
#: source is as exact, and the same rows must give the same table.
SIGNIFICANT_DIGITS = 12

_COLUMN = re.compile(
    r"(?P<name>[a-z]\w*) +(?P<type>[A-Z]\w*(?:\(\w+\))?)(?:\{(?P<rule>[^}]*)\})?(?P<null>\?)? +(?P<meaning>\S.*)"
)
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([a-z]\w*)", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*")


class SqlError(LakehouseError):
    """A .sql file cannot be read or run. The message names the file, the line where there is one, and the fault."""

    def __init__(self, file: Path, line: int | None, problem: str) -> None:
        self.file, self.line, self.problem = file, line, problem
        where = f"{'/'.join(file.parts[-4:])}, line {line}" if line else "/".join(file.parts[-4:])
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True, eq=False)
class View:
    """One .sql file: what its table promises and the text that answers it. Called with its tables, it answers."""

    contract: Contract
    file: Path
    sql: str
    reads: tuple[str, ...]

    @property
    def __signature__(self) -> inspect.Signature:
        """Its tables as parameters: a view is wired as a transform is, by the names of what it reads."""
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Signature([inspect.Parameter(name, kind) for name in self.reads])

    def __call__(self, **tables: pl.LazyFrame) -> pl.DataFrame:
        """The answer, typed as its contract says (whole numbers of any width become Int64, decimals Float64).

        Fractions are kept to SIGNIFICANT_DIGITS.

        Raises SqlError naming the line that DuckDB stumbled over.
        """
        return run(self.sql, tables, self.file).pipe(_typed, self.contract)

    def lineage(self, tables: Mapping[str, Contract]) -> dict[str, list[tuple[Contract, str]]]:
        """Column -> the columns of its tables that it is computed from; none for a plain count.

        It takes a while, for a long text and for the import: meant for a materialization, not for loading.
        """
        read = {name: tables[name] for name in self.reads}
        leaves = _leaves(self, tuple((name, tuple(contract.columns)) for name, contract in read.items()))
        return {column: [(read[table], name) for table, name in found] for column, found in leaves.items()}


@functools.cache  # a process that runs a day again and again asks once
def _leaves(view: View, columns: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, list[tuple[str, str]]]:
    """Column of the view -> (table, column) it is computed from; `columns` are those of each table."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    known = dict(columns)
    schema: dict[str, object] = {name: dict.fromkeys(of_table, "text") for name, of_table in columns}
    parsed = qualify(sqlglot.parse_one(view.sql, dialect="duckdb"), schema=schema, dialect="duckdb")
    scope = build_scope(parsed)
    found: dict[str, list[tuple[str, str]]] = {}
    for column in view.contract.columns:
        nodes = lineage(column, parsed, schema, scope=scope, dialect="duckdb", trim_selects=False).walk()
        leaves = {(n.source.name, n.name.split(".")[-1].strip('"')) for n in nodes if isinstance(n.source, exp.Table)}
        found[column] = [(table, name) for table, name in sorted(leaves) if name in known.get(table, ())]
    return found


def run(sql: str, tables: Mapping[str, pl.LazyFrame], file: Path) -> pl.DataFrame:
    """Run one SELECT over lazy frames registered under their names: columns and filters are pushed into their scans.

    Raises SqlError with the line in `file` that DuckDB stumbled over.
    """
    with duckdb.connect() as connection:
        for name, frame in tables.items():
            connection.register(name, frame)
        try:
            answer: pl.DataFrame = connection.sql(sql).pl()
        except duckdb.Error as error:
            raise told(_with_its_line(connection, sql, error), file) from None
    return answer


def _with_its_line(connection: duckdb.DuckDBPyConnection, sql: str, error: duckdb.Error) -> duckdb.Error:
    """The fault of a text that could not be run: sql() keeps the line to itself, EXPLAIN tells it."""
    try:
        connection.execute(f"EXPLAIN {sql}").fetchall()
    except duckdb.Error as told_with_line:
        return told_with_line
    return error


def read_views(folder: Path, source: str, tables: Collection[str], cadence: Cadence = Cadence.DAY) -> tuple[View, ...]:
    """Every view of a folder over the named tables and each other, each after those it reads.

    Raises SqlError when a head cannot be read, or when views read each other in a circle.
    """
    files = sorted(folder.glob("*.sql"))
    known = {*tables, *(file.stem for file in files)}
    waiting = {file.stem: read_view(file, source, known, cadence) for file in files}
    ordered: list[View] = []
    while waiting:
        ready = [view for view in waiting.values() if not set(view.reads) & set(waiting)]
        if not ready:
            first = next(iter(waiting.values()))
            raise SqlError(first.file, None, f"these views read each other in a circle: {', '.join(waiting)}")
        for view in ready:
            ordered.append(waiting.pop(view.contract.name))
    return tuple(ordered)


def read_view(file: Path, source: str, tables: Collection[str], cadence: Cadence = Cadence.DAY) -> View:
    """A view over the named tables from its file.

    Raises SqlError naming the line of the head that is not of the form this module describes. A fault in the SELECT
    itself shows when it is run: one view with a typo does not keep the others from being loaded.
    """
    text = file.read_text(encoding="utf-8")
    description: list[str] = []
    grain: tuple[str, ...] = ()
    columns: dict[str, Column] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("--"):
            break
        words = line[2:].strip()
        if words.startswith("Grain:"):
            grain = tuple(name.strip() for name in words.removeprefix("Grain:").split(","))
        elif not words:
            continue
        elif not grain:
            description.append(words)
        elif line.startswith("--     ") and columns:
            last = next(reversed(columns))
            columns[last] = replace(columns[last], description=f"{columns[last].description} {words}")
        else:
            name, column = _column(file, number, words)
            columns[name] = column
    if not (description and grain and columns):
        raise SqlError(file, 1, "the head comment must say what the table is, its `Grain:` and its columns")
    contract = Contract(
        source,
        "views",
        file.stem,
        " ".join(description),
        grain,
        columns,
        drift_limit=None,
        cadence=cadence,
        code_version=sha256(text.encode()).hexdigest()[:8],
    )
    read = dict.fromkeys(name for name in _TABLE.findall(_COMMENT.sub("", text)) if name in tables)
    return View(contract, file, text, tuple(read))


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
        return at_least(float(least[1]))
    if ends := re.fullmatch(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)", rule):
        return between(float(ends[1]), float(ends[2]))
    if "|" in rule:
        return one_of(rule.split("|"))
    raise SqlError(file, number, f"the rule {{{rule}}} is none of {{>=0}}, {{0..10}}, {{a|b}}")


def _typed(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """SQL widens sums; a text where a number is promised is left for the audit to refuse."""
    same_kind = {
        name: dtype
        for name, dtype in contract.schema.items()
        if (found := frame.schema.get(name)) is not None
        and ((_is_whole_number(found) and dtype.is_integer()) or (found.is_numeric() and dtype.is_float()))
    }
    typed = frame.cast(same_kind)  # type: ignore[arg-type]  # a mapping of names to types is what it takes
    return typed.with_columns(cs.float().round_sig_figs(SIGNIFICANT_DIGITS))


def _is_whole_number(dtype: pl.DataType) -> bool:
    """A sum of whole numbers arrives as a decimal without a fraction."""
    return dtype.is_integer() or (isinstance(dtype, pl.Decimal) and dtype.scale == 0)


def told(error: duckdb.Error, file: Path) -> SqlError:
    """DuckDB's first sentence, and the line it points at."""
    text = str(error)
    line = re.search(r"^LINE (\d+):", text, re.MULTILINE)
    return SqlError(file, int(line[1]) if line else None, text.splitlines()[0])
