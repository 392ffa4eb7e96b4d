"""A view's text in PostgreSQL's SQL.

What belongs here: what sqlglot leaves undone. What does not: making the view (postgres_tables.py).
"""

from __future__ import annotations

from sqlglot import exp, parse_one
from sqlglot.errors import ErrorLevel, SqlglotError


def in_postgres(sql: str) -> str | None:
    """A SELECT of DuckDB as PostgreSQL reads it; None where sqlglot knows that it cannot be said there."""
    try:
        said = parse_one(sql, read="duckdb").transform(_said_otherwise)
        return said.sql("postgres", unsupported_level=ErrorLevel.RAISE)
    except SqlglotError:
        return None


def _said_otherwise(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Split):
        return exp.Anonymous(this="string_to_array", expressions=[node.this, node.expression])
    if isinstance(node, exp.Round) and node.args.get("decimals"):  # it rounds numerics to digits, and no floats
        exact = exp.Round(this=exp.cast(node.this, "decimal"), decimals=node.args["decimals"])
        return exp.Paren(this=exp.cast(exact, "double"))
    return node
