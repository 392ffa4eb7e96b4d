"""Rules that every view of every source keeps, so that its SQL runs on other engines and its answer says what it rests
on.

What belongs here: rules that can be read off a .sql file, with the proof that each one catches its example. What does
not: whether a figure is right (the tests of each view).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlglot
from sqlglot import ErrorLevel, exp

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines import duckdb
from tmdb_assets.lakehouse.engines.views import SqlError, View, bases_of, read_view
from tmdb_assets_tests.conftest import PROJECT

FILES = sorted((PROJECT / "tmdb_assets" / "sources").glob("*/views/*.sql"))

#: What only DuckDB speaks, or what Spark answers differently: name -> (pattern, an example it must catch).
FORBIDDEN = {
    "an ordered list aggregate (write list_sort(list(x)))": (
        r"\b(?:list|array_agg)\s*\([^()]*\bORDER\s+BY\b",
        "SELECT list(name ORDER BY place) FROM t",
    ),
    "the day of the week (its first day differs)": (
        r"\b(?:dayofweek|weekday|isodow)\b|\b(?:extract|date_part)\s*\(\s*'?dow\b",
        "SELECT dayofweek(date_id) FROM t",
    ),
    "date_diff by more than days": (
        r"\b(?:date_?diff|date_?sub)\s*\(\s*'(?:week|month|quarter|year|decade|century)s?'",
        "SELECT date_diff('month', a, b) FROM t",
    ),
    "ASOF joins": (r"\bASOF\b", "SELECT a FROM t ASOF JOIN u ON t.a >= u.a"),
    "PIVOT": (r"\b(?:UN)?PIVOT\b", "PIVOT t ON a"),
    "slices": (r"\[[^\]]*:[^\]]*\]", "SELECT names[1:3] FROM t"),
    "* REPLACE": (r"\*\s*REPLACE\b", "SELECT * REPLACE (1 AS a) FROM t"),
    "EXCLUDE": (r"\bEXCLUDE\b", "SELECT * EXCLUDE (a) FROM t"),
    "to_date of an empty text": (r"\bto_date\s*\(\s*''", "SELECT to_date('')"),
    "DISTINCT ON": (r"\bDISTINCT\s+ON\b", "SELECT DISTINCT ON (a) a, b FROM t"),
    "GROUP BY ALL, ORDER BY ALL": (r"\bBY\s+ALL\b", "SELECT a, count(*) FROM t GROUP BY ALL"),
    "whole division with //": (r"//", "SELECT a // 2 FROM t"),
    "samples": (r"\bUSING\s+SAMPLE\b|\bTABLESAMPLE\b", "SELECT a FROM t USING SAMPLE 10"),
    "lambdas and JSON arrows": (r"->|\blambda\b", "SELECT list_transform(a, x -> x + 1) FROM t"),
    "struct literals": (r"\{\s*'?\w+'?\s*:|\bstruct_pack\s*\(", "SELECT {'a': 1} AS s"),
    "a field of an expression": (r"\)\s*\.\s*[a-z_]", "SELECT (s).a FROM t"),
    "casts with :: (write CAST)": (r"::", "SELECT a::DOUBLE FROM t"),
}
#: Keywords that end a FROM clause at its own depth.
_AFTER_FROM = re.compile(r"\b(?:WHERE|GROUP|HAVING|WINDOW|QUALIFY|ORDER|LIMIT|UNION|INTERSECT|EXCEPT|SELECT)\b", re.I)


def code(text: str) -> str:
    """The SQL without its comments."""
    return re.sub(r"--[^\n]*", "", text)


def outermost(sql: str) -> str:
    """The SQL with everything in parentheses left out."""
    kept, depth = [], 0
    for character in re.sub(r"'[^']*'", "''", sql):
        depth -= character == ")"
        if depth == 0 and character != ")":
            kept.append(character)
        depth += character == "("
    return "".join(kept)


def clauses(sql: str) -> list[str]:
    """The text of every SELECT, each without those inside its parentheses."""
    found, waiting = [], [re.sub(r"'[^']*'", "''", sql)]
    while waiting:
        text = waiting.pop()
        found.append(outermost(text))
        waiting += _inside_parentheses(text)
    return [text for text in found if re.search(r"\bSELECT\b", text, re.I)]


def _inside_parentheses(text: str) -> list[str]:
    inside, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character == "(":
            depth += 1
            start = position + 1 if depth == 1 else start
        elif character == ")":
            depth -= 1
            if depth == 0:
                inside.append(text[start:position])
    return inside


def comma_joins(sql: str) -> list[str]:
    """FROM clauses that name several tables with a comma between."""
    found = []
    for clause in clauses(sql):
        for begins in re.finditer(r"(?<!DISTINCT)\s+FROM\b", clause, re.I):
            rest = clause[begins.end() :]
            ends = _AFTER_FROM.search(rest)
            tables = rest[: ends.start()] if ends else rest
            if "," in tables:
                found.append(" ".join(tables.split()))
    return found


def ctes(sql: str) -> list[str]:
    """Names given to common table expressions."""
    return re.findall(r"(?:\bWITH|,)\s+(?:RECURSIVE\s+)?(\w+)\s+AS\s*(?:(?:NOT\s+)?MATERIALIZED\s*)?\(", sql, re.I)


def final_select(sql: str) -> str:
    """What the last SELECT asks for."""
    text = outermost(sql)
    begins = [found.end() for found in re.finditer(r"\bSELECT\b", text, re.I)][-1]
    return re.split(r"(?<!DISTINCT)\s+FROM\b", text[begins:], maxsplit=1, flags=re.I)[0]


def stars(sql: str) -> list[str]:
    """Columns of the final SELECT that stand for all columns of something."""
    items = [re.sub(r"^DISTINCT\s+", "", item.strip(), flags=re.I) for item in final_select(sql).split(",")]
    return [item for item in items if re.fullmatch(r"(?:\w+\s*\.\s*)?\*", item)]


def uncovered(columns: Sequence[str]) -> list[str]:
    """What an aggregate over films does not say that it rests on, where it speaks of money or of ratings."""
    needed = {
        "films_with_budget": any("budget_usd" in column for column in columns),
        "films_with_revenue": any("revenue_usd" in column for column in columns),
        "films_with_both": any("profit" in column or "roi" in column for column in columns),
        "films_with_votes": "mean_rating" in columns,
    }
    return [name for name, is_needed in needed.items() if "films" in columns and is_needed and name not in columns]


def contracts_of(file: Path) -> list[Contract]:
    """Every table of the source that a view belongs to."""
    source = file.parts[-3]
    found: Sequence[Contract] = importlib.import_module(f"tmdb_assets.sources.{source}.contracts").CONTRACTS
    return list(found)


def views_of(source: str) -> dict[str, View]:
    """Every view of a source by its name, those that are kept nowhere included."""
    kept: Sequence[View] = importlib.import_module(f"tmdb_assets.sources.{source}.contracts").VIEWS
    return {view.contract.name: view for view in (*bases_of(kept), *kept)}


def view_of(file: Path) -> View:
    """The view of a file, with its groups of columns written out."""
    return views_of(file.parts[-3])[file.stem]


every_view = pytest.mark.parametrize("file", FILES, ids=[f"{file.parts[-3]}/{file.stem}" for file in FILES])


# -- the rules ---------------------------------------------------------------------------------------------------------


def test_there_are_views() -> None:
    assert len(FILES) > 10


@every_view
def test_the_head_parses_and_the_answer_has_its_columns_in_its_order(file: Path) -> None:
    """Asked over empty tables: it also shows that a lake that is not filled yet is no error."""
    view, tables = view_of(file), {c.name: c for c in contracts_of(file)}
    assert view.reads, "reads no table"
    answered = duckdb.answer(view, {name: tables[name].empty().lazy() for name in view.reads})
    assert answered.columns == list(view.contract.schema)


@every_view
def test_it_speaks_only_what_other_engines_speak(file: Path) -> None:
    text = code(view_of(file).sql)
    assert [name for name, (pattern, _) in FORBIDDEN.items() if re.search(pattern, text, re.I)] == []


@every_view
def test_joins_are_written_out(file: Path) -> None:
    assert comma_joins(code(view_of(file).sql)) == []


@every_view
def test_no_step_is_named_as_a_table(file: Path) -> None:
    """The name after FROM would be taken for the table, and the table for something the view reads."""
    names = {name.lower() for name in ctes(code(view_of(file).sql))}
    assert names & ({c.name for c in contracts_of(file)} | set(views_of(file.parts[-3]))) == set()


@every_view
def test_the_answer_names_its_columns(file: Path) -> None:
    assert stars(code(view_of(file).sql)) == []


@every_view
def test_spark_can_be_told_it(file: Path) -> None:
    """What is written out is plain SQL: it parses, and stands in Spark's words with nothing left to fill in."""
    (spark,) = sqlglot.transpile(view_of(file).sql, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)
    assert sqlglot.parse_one(spark, dialect="spark").find(exp.Select)
    assert "{" not in code(view_of(file).sql)


@every_view
def test_money_and_ratings_say_how_many_films_they_rest_on(file: Path) -> None:
    assert uncovered(list(view_of(file).contract.schema)) == []


# -- each rule catches what it is for ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_forbidden_is_found(name: str) -> None:
    pattern, example = FORBIDDEN[name]
    assert re.search(pattern, code(example), re.I)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list_sort(list(name)) AS names, string_agg(name, ', ' ORDER BY place) AS text FROM t",
        "SELECT date_diff('day', a, b) AS days, date_trunc('week', a) AS week, CAST(a AS DOUBLE) / 2 AS half FROM t",
        "SELECT rank() OVER (PARTITION BY a ORDER BY b) AS place -- a::b, x -> y and [1:2] in a comment\nFROM t AS u",
        "SELECT DISTINCT a, count(*) FILTER (WHERE u.b > 0) AS n, names[1] AS first FROM t AS u GROUP BY a, b",
    ],
)
def test_what_both_speak_is_let_through(sql: str) -> None:
    assert [name for name, (pattern, _) in FORBIDDEN.items() if re.search(pattern, code(sql), re.I)] == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t, u WHERE t.a = u.a",
        "SELECT a FROM t AS x JOIN u ON x.a = coalesce(u.a, u.b), v",
        "WITH s AS (SELECT a FROM t, u) SELECT a FROM s",
        "SELECT a FROM t WHERE a IN (SELECT b FROM u, v)",
    ],
)
def test_a_comma_join_is_found(sql: str) -> None:
    assert len(comma_joins(sql)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        (
            "WITH s AS (SELECT a, b FROM t), r AS (SELECT a FROM u) SELECT s.a, s.b FROM s JOIN r USING (a, b) ORDER "
            "BY a, b"
        ),
        "SELECT a IS DISTINCT FROM b AS differs, extract(year FROM c) AS y, max(d, e) AS m FROM t GROUP BY a, b",
        "SELECT a FROM t JOIN u ON coalesce(t.a, t.b) = u.a WINDOW w AS (PARTITION BY a, b)",
    ],
)
def test_other_commas_are_no_joins(sql: str) -> None:
    assert comma_joins(sql) == []


def test_steps_are_found_by_their_names() -> None:
    sql = "WITH first AS (SELECT 1), second AS MATERIALIZED (SELECT 2) SELECT CAST(a AS DOUBLE) FROM first"
    assert ctes(sql) == ["first", "second"]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT * FROM t", ["*"]),
        ("WITH s AS (SELECT a FROM t) SELECT DISTINCT s.*, 1 AS b FROM s", ["s.*"]),
        ("SELECT a, t.* FROM t", ["t.*"]),
        ("WITH s AS (SELECT * FROM t) SELECT a * b AS c, count(*) AS n FROM s", []),
    ],
)
def test_a_star_is_found_in_the_final_select_only(sql: str, found: list[str]) -> None:
    assert stars(sql) == found


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (["genre_id", "films", "mean_budget_usd"], ["films_with_budget"]),
        (["genre_id", "films", "films_with_budget", "mean_budget_usd"], []),
        (["genre_id", "films", "films_with_budget", "total_revenue_usd"], ["films_with_revenue"]),
        (["genre_id", "films", "films_with_revenue", "median_roi"], ["films_with_both"]),
        (["genre_id", "films", "films_with_revenue", "mean_profit_usd"], ["films_with_both"]),
        (["genre_id", "films", "mean_rating"], ["films_with_votes"]),
        (["genre_id", "films", "films_with_votes", "mean_rating"], []),
        (["movie_id", "budget_usd"], []),
    ],
)
def test_missing_coverage_is_found(columns: list[str], missing: list[str]) -> None:
    assert uncovered(columns) == missing


def test_a_head_that_does_not_parse_is_found(tmp_path: Path) -> None:
    file = tmp_path / "tmdb" / "views" / "vw_odd.sql"
    file.parent.mkdir(parents=True)
    file.write_text("-- Odd.\n--\n-- Grain: a\n--\n-- a Whatever meaning\nSELECT 1 AS a\n", encoding="utf-8")
    with pytest.raises(SqlError, match="line 5"):
        read_view(file, "tmdb", [])
