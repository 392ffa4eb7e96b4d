"""Cells: what is typed, what is unknown, what is refused, and that no line is lost on the way."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.sources.streamflow import cells, contracts

MONTH = dt.date(2024, 1, 31)
SUBSCRIPTIONS = contracts.SNAPSHOTS["subscriptions"]
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
    text = f"{','.join(row)}\n{','.join(row.values())}\n"
    return cells.typed(text, SUBSCRIPTIONS, as_of=MONTH).row(0, named=True)


def refused(row: dict[str, Any]) -> list[str]:
    return [note["reason"] for note in row["_set_aside"]]


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
        ("plan_stream_tv", "true", "must be True, False or empty"),
        ("plan_stream_tv", "1", "must be True, False or empty"),
        ("plan_stream_tv", " True", "must be True, False or empty"),
        ("plan_stream_tv", "NaN", "must be True, False or empty"),
        ("months_active", "1.5", "must be a whole number"),
        ("months_active", "1e3", "must be a whole number"),
        ("months_active", "9" * 30, "must be a whole number"),
        ("months_active", "٣", "must be a whole number"),
        ("months_active", "-１２.0", "must be a whole number"),
        ("monthly_fee", "٣.5", "must be a number"),
        ("monthly_fee", "1e٣", "must be a number"),
        ("monthly_fee", "nan", "must be a number"),
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
    "value", ["2022-02-30", "2022-2-3", "05/02/2022", "2022-02-05T00:00", "yesterday", "２０22-02-05"]
)
def test_what_is_no_day_is_refused(value: str) -> None:
    text = f"user_id,signup_date,user_gender,user_is_senior,has_family,has_dependents\n0001-ABCDE,{value},Male,,,\n"
    row = cells.typed(text, contracts.SNAPSHOTS["users"], as_of=MONTH).row(0, named=True)
    assert refused(row) == [f"signup_date = {value}: must be a day such as 2024-01-31"]


def test_a_user_id_has_digits_that_a_keyboard_has() -> None:
    text = "user_id,failed_payments_90d\n٠٠٠1-ABCDE,1\n0001-ABCDE,1\n"
    contract = contracts.SNAPSHOTS["payments_agg_90d"]
    audit = contract.audit(cells.typed(text, contract, as_of=MONTH).drop("_line"))
    assert audit.kept["user_id"].to_list() == ["0001-ABCDE"]
    assert audit.rules == {"user_id must be four digits, a hyphen, five capital letters": 1}


def test_a_whole_number_written_with_a_fraction_of_zero_is_one() -> None:
    assert read(months_active="3.0")["months_active"] == 3


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
    assert SUBSCRIPTIONS.audit(frame.drop("_line")).accounted


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
        assert row["user_id"] == (who or None)
        assert (row["failed_payments_90d"] is None) == (count == "" or bool(refused(row)))
    audit = contract.audit(frame.drop("_line"))
    assert audit.accounted


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0))
def test_a_number_is_read_as_it_was_written(value: float) -> None:
    read_back = read(monthly_fee=repr(value))["monthly_fee"]
    assert isinstance(read_back, float)
    assert math.isclose(read_back, value, rel_tol=1e-15, abs_tol=5e-324)
