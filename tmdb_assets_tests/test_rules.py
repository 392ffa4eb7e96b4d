"""One truth: of every rule of every contract, Pandera and the verdict in one pass say the same of the same value."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tmdb_assets.assembly import all_contracts, source_modules
from tmdb_assets.lakehouse.contracts import Column, Contract, ContractError, Rule, Whole, col
from tmdb_assets.lakehouse.contracts.schema import SchemaErrors, pa
from tmdb_assets.lakehouse.contracts.verdict import EXPRESSIONS
from tmdb_assets.lakehouse.engines.views import bases_of
from tmdb_assets_tests.effort import examples

BASES = [base.contract for module in source_modules("contracts") for base in bases_of(module.VIEWS)]
EVERY_CONTRACT = [*all_contracts(), *BASES]

#: The checks that no contract uses, or not with these statistics, and some that look alike.
NUMBER: Any = pl.Int64
OTHERS = [
    col(NUMBER, "x", Rule("equal_to", {"value": 3}, "x")),
    col(NUMBER, "x", Rule("not_equal_to", {"value": 3}, "x"), nullable=True),
    col(NUMBER, "x", Rule("greater_than", {"min_value": 3}, "x"), nullable=True),
    col(NUMBER, "x", Rule("less_than", {"max_value": 3}, "x"), nullable=True),
    col(NUMBER, "x", Rule("less_than_or_equal_to", {"max_value": 3}, "x"), nullable=True),
    col(NUMBER, "x", Rule("notin", {"forbidden_values": [3, 4]}, "x"), nullable=True),
    *[
        col(pl.Float64, "x", Rule("in_range", {"min_value": 0, "max_value": 1, **ends}, "x"), nullable=True)
        for ends in ({"include_min": False}, {"include_max": False}, {"include_min": False, "include_max": False})
    ],
    col(pl.String, "x", Rule("str_matches", {"pattern": "a|b"}, "x"), nullable=True),
    col(pl.String, "x", Rule("str_startswith", {"string": "a."}, "x"), nullable=True),
    col(pl.String, "x", Rule("str_endswith", {"string": "a."}, "x"), nullable=True),
]
#: Texts that look empty or the same and are not: blanks, breaks, marks, other scripts and widths; and some that match.
TEXTS = ["", " ", "\n", "\r\n", "\t", "\u00a0", "\u2003", "\u200b", "\ufeff", "\x00", "a", "b", "a.", "a\n", "\nb",
         "xa.", "A", "É",
         "1234-ABCDE", "0" * 32, "f" * 64, "tt0111161", "fr", "e\u0301", "ß", "١٢", "𝒂𝒃",
         "\u212a", "0", "tt0000001\n", "fr\n", "FR", "Ⅳ"]  # fmt: skip


def distinct() -> dict[str, Column]:
    """Each pair of type and rules that any contract has, under a name of its own."""
    found: dict[tuple[Any, ...], Column] = {}
    for column in [*(c for contract in EVERY_CONTRACT for c in contract.columns.values()), *OTHERS]:
        rules = [(r.name, sorted((s, repr(v)) for s, v in r.statistics.items())) for r in column.rules]
        found.setdefault((str(column.dtype), column.nullable, str(rules)), column)
    held = [column for column in found.values() if column.rules or not column.nullable]
    return {f"c{number}": column for number, column in enumerate(held)}


COLUMNS = distinct()
TABLE = Contract(
    "toy", "clean", "every_rule", "Each rule that there is.", grain=("row",), kept=Whole(),
    columns={"row": col(pl.Int64, "Row."), **COLUMNS}
)  # fmt: skip


def near(end: Any) -> list[Any]:
    """An end of a range and what lies beside it."""
    if isinstance(end, dt.datetime):
        return [end, end - dt.timedelta(microseconds=1), end + dt.timedelta(microseconds=1)]
    if isinstance(end, dt.date):
        return [end, end - dt.timedelta(1), end + dt.timedelta(1)]
    return [end, end - 1, end + 1, math.nextafter(end, -math.inf), math.nextafter(end, math.inf)]


def decisive(column: Column) -> list[Any]:
    """Values on which the rules of a column decide, and those that are odd of their kind; null among them."""
    statistics = [(name, value) for rule in column.rules for name, value in rule.statistics.items()]
    ends = [v for name, value in statistics if name in {"min_value", "max_value", "value"} for v in near(value)]
    members = [v for name, value in statistics if name.endswith(("_values", "string")) for v in value]
    if column.dtype.is_integer():
        return [None, *(int(v) for v in ends + members), 0, -1, 1, -(2**63), 2**63 - 1]
    if column.dtype.is_float():
        return [None, *(float(v) for v in ends), math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1e308]
    if column.dtype == pl.Date:
        return [None, *ends, dt.date.min, dt.date.max]
    if isinstance(column.dtype, pl.Datetime):
        return [None, *ends, *(moment.replace(tzinfo=dt.UTC) for moment in (dt.datetime.min, dt.datetime.max))]
    if column.dtype == pl.String:
        return [None, *(text for v in members for text in (v, f"{v} ", f"{v}\n", v.upper(), v[:1])), *TEXTS]
    if isinstance(column.dtype, pl.List):
        return [None, [], [None], [0, None, 0]]
    assert column.dtype == pl.Boolean, f"say here what the odd values of {column.dtype} are"
    return [None, True, False]


def some(column: Column) -> st.SearchStrategy[Any]:
    """Any value of a column's type, many of them where its rules decide."""
    values: st.SearchStrategy[Any] = st.sampled_from(decisive(column))
    if column.dtype.is_integer():
        values |= st.integers(-(2**63), 2**63 - 1)
    elif column.dtype.is_float():
        values |= st.floats()
    elif column.dtype == pl.String:
        values |= st.text(max_size=6)
        for pattern in (rule.statistics["pattern"] for rule in column.rules if rule.name == "str_matches"):
            values |= st.from_regex(re.compile(pattern)).map(lambda text: text.encode(errors="replace").decode())
    return values


def by_pandera(table: Contract, frame: pl.DataFrame) -> set[tuple[str, int]]:
    """The column and row of each value that Pandera refuses."""
    try:
        table.pandera.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        assert cases.get_column("index").null_count() == 0, cases
        return set(cases.select("column", pl.col("index").cast(pl.Int64)).rows())
    return set()


def in_one_pass(table: Contract, frame: pl.DataFrame) -> set[tuple[str, int]]:
    """The same by the contract's own verdict."""
    held = frame.select(table.holds(name).alias(name) for name in table.columns)
    assert sum(held.null_count().row(0)) == 0
    return {(name, row) for name in table.columns for row in (~held.get_column(name)).arg_true()}


def hold_against_each_other(values: Mapping[str, Sequence[Any]]) -> int:
    """Hold the verdicts on these values of the columns against each other; how many are refused."""
    rows = max(map(len, values.values()))
    columns = [
        pl.Series(name, [*values[name], *[None] * (rows - len(values[name]))], dtype=column.dtype)
        for name, column in COLUMNS.items()
    ]
    frame = pl.DataFrame([pl.int_range(rows, eager=True).alias("row"), *columns])
    refused = by_pandera(TABLE, frame)
    assert in_one_pass(TABLE, frame) == refused
    assert frame.select(TABLE.all_hold).item() == (not refused)
    return len(refused)


def test_pandera_and_the_verdict_in_one_pass_agree_where_a_rule_decides() -> None:
    assert hold_against_each_other({name: decisive(column) for name, column in COLUMNS.items()}) > len(COLUMNS)


@settings(examples(3), phases=[Phase.generate])  # to shrink a table of every rule takes minutes, and says no more
@given(st.fixed_dictionaries({name: st.lists(some(c), min_size=6, max_size=6) for name, c in COLUMNS.items()}))
def test_pandera_and_the_verdict_in_one_pass_agree_on_any_value(values: dict[str, list[Any]]) -> None:
    hold_against_each_other(values)


def test_both_verdicts_hold_a_table_that_keeps_every_rule() -> None:
    """What no column refuses, the table does not either: the verdict is no constant."""
    kept: dict[str, list[Any]] = {}
    for name, column in COLUMNS.items():
        values = pl.DataFrame({name: pl.Series(decisive(column), dtype=column.dtype)})
        kept[name] = values.filter(TABLE.holds(name)).get_column(name).head(1).to_list()
    sound = {name: values for name, values in kept.items() if values}
    assert len(sound) == len(COLUMNS), "a rule that no value at its ends keeps"
    assert hold_against_each_other(sound) == 0


@pytest.mark.parametrize(
    "rule",
    [
        Rule("in_rnge", {"min_value": 1, "max_value": 2}, "x"),
        Rule("in_range", {"min_value": 1, "maximum": 2}, "x"),
        Rule("in_range", {"min_value": 1}, "x"),
        Rule("unique_values_eq", {"values": [1]}, "x"),
    ],
    ids=lambda rule: str(rule.statistics),
)
def test_a_check_that_cannot_be_held_in_one_pass_is_refused(rule: Rule) -> None:
    columns = {"a": col(pl.Int64, "A."), "b": col(pl.Int64, "B.", rule)}
    with pytest.raises(ContractError, match=rf"^toy/clean/t, column b: the check {rule.name}\(.*\) cannot be held"):
        Contract("toy", "clean", "t", "T.", grain=("a",), columns=columns)


def test_every_check_that_can_be_held_is_one_of_panderas() -> None:
    assert [name for name in EXPRESSIONS if not callable(getattr(pa.Check, name, None))] == []
    used = {rule.name for column in COLUMNS.values() for rule in column.rules}
    assert used == set(EXPRESSIONS), "a check that nobody holds against Pandera's"


@pytest.mark.parametrize("contract", EVERY_CONTRACT, ids=lambda c: c.path)
def test_a_contract_is_a_schema_of_panderas(contract: Contract) -> None:
    schema = contract.pandera
    assert schema.validate(contract.empty()).schema == contract.schema
    assert (schema.name, schema.description, schema.unique) == (contract.path, contract.description, [*contract.grain])
    for name, column in contract.columns.items():
        found = schema.columns[name]
        assert (found.nullable, found.description) == (column.nullable, column.description)
        told = [(check.name, check.error) for check in found.checks]
        assert told == [(rule.name, rule.error) for rule in column.rules]


LIMITS = [
    ("moovitamix/clean/tracks", "duration_seconds", 604_800, 604_801),
    ("streamflow/clean/subscriptions_snapshots", "months_active", 1_200, 1_201),
    ("streamflow/clean/usage_agg_30d_snapshots", "avg_session_mins_7d", 10_080.0, 10_080.5),
    ("tmdb/clean/movies", "runtime_minutes", 100_000, 100_001),
    ("tmdb/clean/movies", "movie_id", 2**31 - 1, 2**31),
    ("tmdb/clean/movies", "movie_id", 1, 0),
    ("tmdb/clean/movie_stats", "vote_average", 10.0, 10.01),
    ("tmdb/clean/movie_stats", "popularity", 1_000_000.0, 1_000_000.5),
]


@pytest.mark.parametrize(("path", "column", "last", "beyond"), LIMITS)
def test_the_last_value_that_a_column_holds(path: str, column: str, last: float, beyond: float) -> None:
    [contract] = [contract for contract in all_contracts() if contract.path == path]
    values = pl.DataFrame({column: [last, beyond]}, schema={column: contract.schema[column]})
    assert values.select(held=contract.holds(column)).to_series().to_list() == [True, False]
