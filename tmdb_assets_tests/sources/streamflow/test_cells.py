"""Cells: what is typed, what is unknown, what is refused, and that no line is lost on the way."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.sources.streamflow import cells, contracts
from tmdb_assets_tests.rejected import sentence

MONTH = dt.date(2024, 1, 31)
SUBSCRIPTIONS = contracts.SNAPSHOTS["subscriptions"]
BARE = "must be a number, without separators of thousands, with a point for the fraction, and no sign of a currency"
GOOD = {
    "user_id": "0001-ABCDE",
    "months_active": "3",
    "plan_stream_tv": "True",
    "plan_stream_movies": "False",
    "contract_type": "One year",
    "paperless_billing": "True",
    "monthly_fee": "29.85",
    "total_paid": "1e2",
    "net_service": "Fiber optic",
}


def read(**changes: str) -> dict[str, Any]:
    row = GOOD | changes
    quoted = [f'"{cell}"' if "," in cell else cell for cell in row.values()]
    text = f"{','.join(row)}\n{','.join(quoted)}\n"
    return cells.typed(text, SUBSCRIPTIONS, as_of=MONTH).row(0, named=True)


def refused(row: dict[str, Any]) -> list[str]:
    return [sentence(note) for note in row["_set_aside"]]


def test_a_line_becomes_a_row_with_where_it_stood() -> None:
    row = read()
    assert refused(row) == []
    assert (row["_line"], row["_payload"]) == (2, ",".join(GOOD.values()))
    assert (row["as_of"], row["user_id"], row["months_active"]) == (MONTH, "0001-ABCDE", 3)
    assert (row["plan_stream_tv"], row["plan_stream_movies"]) == (True, False)
    assert (row["monthly_fee"], row["total_paid"]) == (29.85, 100.0)
    assert row["add_on_security"] is None, "a column that the file does not have is unknown"


@pytest.mark.parametrize("column", ["plan_stream_tv", "months_active", "total_paid", "contract_type"])
def test_an_empty_cell_is_unknown_whatever_its_type(column: str) -> None:
    row = read(**{column: ""})
    assert row[column] is None
    assert refused(row) == [], "whether unknown is allowed is the contract's word, not the reader's"


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [
        ("plan_stream_tv", "yes", "must be True, False or empty"),
        ("plan_stream_tv", "Y", "must be True, False or empty"),
        ("plan_stream_tv", "2", "must be True, False or empty"),
        ("plan_stream_tv", "-1", "must be True, False or empty"),
        ("plan_stream_tv", "0.5", "must be True, False or empty"),
        ("plan_stream_tv", "True True", "must be True, False or empty"),
        ("plan_stream_tv", "unknown", "must be True, False or empty"),
        ("months_active", "1.5", "must be a whole number"),
        ("months_active", "1e3", "must be a whole number"),
        ("months_active", "9" * 30, "must be a whole number"),
        ("months_active", "٣", "must be a whole number"),
        ("months_active", "-１２.0", "must be a whole number"),
        ("monthly_fee", "٣.5", "must be a number"),
        ("monthly_fee", "1e٣", "must be a number"),
        ("monthly_fee", "?", "must be a number"),
        ("monthly_fee", "1,5", BARE),
        ("monthly_fee", "1 000", BARE),
        ("monthly_fee", "1'000.5", BARE),
        ("monthly_fee", "$12", BARE),
        ("monthly_fee", "12%", BARE),
        ("months_active", "1,000", BARE.replace("a number", "a whole number")),
        ("monthly_fee", "inf", "must be a number"),
        ("monthly_fee", "1e999", "must be a number"),
        ("monthly_fee", "12 EUR", "must be a number"),
    ],
)
def test_what_is_not_of_its_type_is_refused_with_column_and_value(column: str, value: str, wanted: str) -> None:
    row = read(**{column: value})
    assert refused(row) == [f"{column} = {value}: {wanted}"]
    assert row[column] is None


@pytest.mark.parametrize(
    "value", ["2022-02-30", "2022-2-3", "05/02/2022", "2022-02-05T00:01", "20220205", "yesterday", "２０22-02-05"]
)
def test_what_is_no_day_is_refused(value: str) -> None:
    text = f"user_id,signup_date,user_gender,user_is_senior,has_family,has_dependents\n0001-ABCDE,{value},Male,,,\n"
    row = cells.typed(text, contracts.SNAPSHOTS["users"], as_of=MONTH).row(0, named=True)
    assert refused(row) == [f"signup_date = {value}: must be a day such as 2024-01-31"]


def test_a_user_id_has_digits_that_a_keyboard_has() -> None:
    text = "user_id,failed_payments_90d\n٠٠٠1-ABCDE,1\n0001-ABCDE,1\n"
    contract = contracts.SNAPSHOTS["payments_agg_90d"]
    audit = Audit.of(contract, cells.typed(text, contract, as_of=MONTH).drop("_line"))
    assert audit.kept["user_id"].to_list() == ["0001-ABCDE"]
    assert audit.rules == {"user_id must be four digits, a hyphen, five capital letters": 1}


@pytest.mark.parametrize(
    ("column", "value", "spellings"),
    [
        ("plan_stream_tv", True, ["True", "TRUE", "true", "1", "1.0", " True ", "\u00a0true\t"]),
        ("plan_stream_tv", False, ["False", "FALSE", "false", "0", "0.0", "0.00", " false"]),
        ("months_active", 3, ["3", "3.0", "3.", "+3", " 3 ", "03", "3.000"]),
        ("monthly_fee", 12.5, ["12.5", "12.50", "+12.5", " 12.5", "1.25e1", "1.25E+01", "012.5"]),
        ("contract_type", "One year", ["One year", " One year", "One year\t"]),
        ("user_id", "0001-ABCDE", ["0001-ABCDE", "0001-abcde", " 0001-Abcde\u202f"]),
    ],
)
def test_a_cell_is_what_it_plainly_says_however_it_is_spelled(column: str, value: Any, spellings: list[str]) -> None:
    for spelling in spellings:
        row = read(**{column: spelling})
        assert refused(row) == [], spelling
        assert row[column] == value, spelling
        assert type(row[column]) is type(value)


@pytest.mark.parametrize("spelling", ["2022-02-05", " 2022-02-05", "2022-02-05 00:00:00", "2022-02-05T00:00:00.000Z"])
def test_a_day_is_one_whether_or_not_its_midnight_is_told(spelling: str) -> None:
    text = f"user_id,signup_date,user_gender,user_is_senior,has_family,has_dependents\n0001-ABCDE,{spelling},Male,,,\n"
    row = cells.typed(text, contracts.SNAPSHOTS["users"], as_of=MONTH).row(0, named=True)
    assert (row["signup_date"], refused(row)) == (dt.date(2022, 2, 5), [])


@pytest.mark.parametrize(
    "word", ["", " ", "NaN", "nan", "NULL", "null", "None", "N/A", "n/a", "#N/A", "NA", "<NA>", "NaT", "\\N"]
)
@pytest.mark.parametrize("column", ["user_id", "plan_stream_tv", "months_active", "total_paid", "net_service"])
def test_words_of_databases_and_of_pandas_for_unknown_are_unknown(column: str, word: str) -> None:
    row = read(**{column: word})
    assert row[column] is None
    assert refused(row) == []
    text = f"user_id,churn_label\n{word},True\n"
    assert [*cells.ids(text)] == [""], "and a user without an id is a fault of the drop"


def test_a_row_of_several_faults_names_each() -> None:
    assert refused(read(plan_stream_tv="x", monthly_fee="y")) == [
        "plan_stream_tv = x: must be True, False or empty", "monthly_fee = y: must be a number",
    ]  # fmt: skip


def test_columns_are_found_by_name_in_any_order() -> None:
    row = dict(reversed(list(GOOD.items())))
    text = f"{','.join(row)}\n{','.join(row.values())}\n"
    frame = cells.typed(text, SUBSCRIPTIONS, as_of=MONTH)
    assert frame.columns[: len(SUBSCRIPTIONS.schema)] == list(SUBSCRIPTIONS.schema)
    assert frame.row(0, named=True)["monthly_fee"] == 29.85


def test_a_header_alone_is_no_row() -> None:
    frame = cells.typed(",".join(GOOD) + "\n", SUBSCRIPTIONS, as_of=MONTH)
    assert frame.height == 0
    assert Audit.of(SUBSCRIPTIONS, frame.drop("_line")).accounted


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_may_end_as_unix_or_windows_has_them(end: str) -> None:
    assert list(cells.values(f"a,b{end}1,2{end}")) == [["a", "b"], ["1", "2"]]


def test_quoted_values_are_taken_apart_as_csv_has_them() -> None:
    assert list(cells.values('a,b\n"1","x,""y"""\n')) == [["a", "b"], ["1", 'x,"y"']]


@pytest.mark.parametrize("line", ['1,"2', '1,"2"x', '"1,2'])
def test_a_quotation_mark_that_does_not_fit_names_its_line(line: str) -> None:
    with pytest.raises(cells.LineError) as raised:
        list(cells.values(f"a,b\n3,4\n{line}\n5,6\n"))
    assert raised.value.number == 3


CELL = st.text(st.characters(exclude_characters='\n\r,"', exclude_categories=("Cs",)), max_size=8)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=20))
def test_every_line_is_one_row_and_is_typed_or_refused(pairs: list[tuple[str, str]]) -> None:
    text = "user_id,failed_payments_90d\n" + "".join(f"{a},{b}\n" for a, b in pairs)
    contract = contracts.SNAPSHOTS["payments_agg_90d"]
    frame = cells.typed(text, contract, as_of=MONTH)
    assert frame.height == len(pairs)
    for (who, count), row in zip(pairs, frame.iter_rows(named=True), strict=True):
        assert row["user_id"] == (cells.user_id(who) or None)
        is_unknown = not cells.user_id(count)
        assert (row["failed_payments_90d"] is None) == (is_unknown or bool(refused(row)))
    audit = Audit.of(contract, frame.drop("_line"))
    assert audit.accounted


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0))
def test_a_number_is_read_as_it_was_written(value: float) -> None:
    read_back = read(monthly_fee=repr(value))["monthly_fee"]
    assert isinstance(read_back, float)
    assert math.isclose(read_back, value, rel_tol=1e-15, abs_tol=5e-324)
