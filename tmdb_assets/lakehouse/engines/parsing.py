"""What the text of a view says when it is parsed: which tables it reads, and what each of its columns is computed from;
and the same text in Spark's words.

What belongs here: sqlglot, and `Parsed`, which keeps what it found. What does not: the head of a view and its contract
(views.py), who answers it (duckdb.py, spark.py).

Parsing fifty views takes a second, in every process, and depends on their texts alone. So what was found lies beside
the views (parsed.json, written by `make docs`), under a digest of what it depends on; a text that is not there is
parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

FILE = "parsed.json"
#: Column of a view -> (table, column) that it is computed from.
Lineage = dict[str, list[tuple[str, str]]]


@dataclass(frozen=True, eq=False)
class Parsed:
    """What is known of the views of a folder, by digest."""

    tables: dict[str, list[str]] = field(default_factory=dict)
    lineages: dict[str, Lineage] = field(default_factory=dict)

    def tables_in(self, sql: str) -> list[str]:
        """Names of the tables that a SELECT reads, in the order of the alphabet; not those it defines itself.

        Of a text that cannot be parsed, every name in it: what is wrong with it shows when it is run.
        """
        key = digest(sql)
        if key not in self.tables:
            self.tables[key] = _tables_in(sql)
        return self.tables[key]

    def lineage(
        self, sql: str, bases: Mapping[str, str], columns: Mapping[str, Sequence[str]], wanted: Collection[str]
    ) -> Lineage:
        """What each wanted column of a SELECT is computed from; nothing for a plain count.

        `bases`: views in its place, by name; `columns`: those of each table it reads.
        """
        key = digest(sql, *bases.values(), *(f"{table} {' '.join(names)}" for table, names in columns.items()), *wanted)
        if key not in self.lineages:
            self.lineages[key] = _lineage(sql, bases, columns, wanted)
        return self.lineages[key]

    def write(self, folder: Path) -> None:
        """Keep what is known beside the views."""
        kept = {"tables": dict(sorted(self.tables.items())), "lineages": dict(sorted(self.lineages.items()))}
        (folder / FILE).write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")


@cache
def parsed_in(folder: Path) -> Parsed:
    """What is kept beside the views of a folder, and what is found in this process."""
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Parsed()
    lineages = {
        key: {column: [(table, name) for table, name in found] for column, found in lineage.items()}
        for key, lineage in kept["lineages"].items()
    }
    return Parsed(kept["tables"], lineages)


def digest(*texts: str) -> str:
    """What tells some texts from others."""
    return sha256("\0".join(texts).encode()).hexdigest()[:16]


def _tables_in(sql: str) -> list[str]:
    import sqlglot  # most processes find what they need beside the views
    from sqlglot import exp

    try:
        parsed = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return _words_in(sql)
    defined = {each.alias for each in parsed.find_all(exp.CTE)}
    return sorted({table.name for table in parsed.find_all(exp.Table)} - defined)


def _words_in(sql: str) -> list[str]:
    import sqlglot

    try:
        return sorted({token.text for token in sqlglot.tokenize(sql, dialect="duckdb")})
    except sqlglot.errors.SqlglotError:
        return sorted(set(sql.split()))


def _lineage(
    sql: str, bases: Mapping[str, str], columns: Mapping[str, Sequence[str]], wanted: Collection[str]
) -> Lineage:
    import sqlglot
    from sqlglot import exp
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    schema: dict[str, object] = {table: dict.fromkeys(names, "text") for table, names in columns.items()}
    parsed_bases = {name: sqlglot.parse_one(text, dialect="duckdb") for name, text in bases.items()}
    text = exp.expand(sqlglot.parse_one(sql, dialect="duckdb"), parsed_bases, dialect="duckdb")  # type: ignore[arg-type]  # a SELECT is a query
    parsed = qualify(text, schema=schema, dialect="duckdb")
    scope = build_scope(parsed)
    found: Lineage = {}
    for column in wanted:
        nodes = lineage(column, parsed, schema, scope=scope, dialect="duckdb", trim_selects=False).walk()
        leaves = {(n.source.name, n.name.split(".")[-1].strip('"')) for n in nodes if isinstance(n.source, exp.Table)}
        found[column] = [(table, name) for table, name in sorted(leaves) if name in columns.get(table, ())]
    return found


@cache
def for_spark(sql: str) -> str:
    """A SELECT in Spark's words. Raises ValueError, in one sentence, for one that has none there."""
    from sqlglot import exp

    def worded(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Literal) and node.is_number and "." in node.name:
            return exp.cast(node, "double")  # Spark takes 1.5 for a decimal, and computes on with so many digits
        if isinstance(node, exp.Split):
            # Spark's pattern is a regular expression, and not every Spark knows the quotes that sqlglot puts it in
            return exp.RegexpSplit(this=node.this, expression=exp.Literal.string(_escaped(node.expression)))
        return node

    return _translated(sql, "spark", worded)


def for_postgres(sql: str) -> str:
    """A SELECT in PostgreSQL's words. Raises ValueError, in one sentence, for one that has none there."""
    from sqlglot import exp

    def worded(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Split):
            return exp.Anonymous(this="string_to_array", expressions=[node.this, node.expression])
        if isinstance(node, exp.Round) and node.args.get("decimals"):  # it rounds numerics to digits, and no floats
            exact = exp.Round(this=exp.cast(node.this, "decimal"), decimals=node.args["decimals"])
            return exp.Paren(this=exp.cast(exact, "double"))
        return node

    return _translated(sql, "postgres", worded)


def _translated(sql: str, dialect: str, worded: Callable[[Any], Any]) -> str:
    """A SELECT in the words of a dialect, with what sqlglot leaves undone. Raises ValueError."""
    import sqlglot
    from sqlglot import ErrorLevel

    try:
        parsed = sqlglot.parse_one(sql, dialect="duckdb").transform(worded)
        translated: str = parsed.sql(dialect=dialect, unsupported_level=ErrorLevel.RAISE)
        return translated
    except sqlglot.errors.SqlglotError as error:
        plain = re.sub(r"\x1b\[\d*m", "", str(error))  # where it goes wrong is underlined
        raise ValueError(" ".join(plain.split())) from None


def _escaped(separator: Any) -> str:
    """A constant separator as a regular expression that finds it."""
    from sqlglot import exp

    if isinstance(separator, exp.Chr) and len(separator.expressions) == 1 and separator.expressions[0].is_int:
        return re.escape(chr(int(separator.expressions[0].name)))
    if isinstance(separator, exp.Literal) and separator.is_string:
        return re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", separator.name)
    raise ValueError(f"Spark splits by a constant, not by {separator.sql(dialect='duckdb')}")
