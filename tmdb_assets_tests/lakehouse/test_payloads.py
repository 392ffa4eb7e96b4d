"""Decoding JSON: what fits comes out as plain JSON says, what does not fit is named instead of bent."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.payloads import Int, Shape, decode, decode_items, split_items, struct_fields, unknown_fields


class Role(Shape):
    id: Int
    name: str | None = None


class Cast(Shape):
    roles: list[Role] | None = None


class Film(Shape):
    id: Int
    title: str | None = None
    score: float | None = None
    is_out: bool | None = None
    tags: list[str] | None = None
    years: list[Int] | None = None
    cast: Cast | None = None


def decoded(text: str) -> dict[str, Any]:
    return decode(pl.Series([text], dtype=pl.String), Film).row(0, named=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"id": 1.5}', "id = 1.5: Expected `int`, got `float`"),
        ('{"id": "7"}', "id = '7': Expected `int`, got `str`"),
        ('{"id": null}', "id = None: Expected `int`, got `null`"),
        ('{"id": true}', "id = True: Expected `int`, got `bool`"),
        ('{"id": 9223372036854775808}', "id = 9223372036854775808: "),
        ('{"id": -9223372036854775809}', "id = -9223372036854775809: "),
        ('{"id": 123456789012345678901234567890}', "id = 1"),
        ('{"id": 1, "score": "5.5"}', "score = '5.5': Expected `float | null`, got `str`"),
        ('{"id": 1, "title": 5}', "title = 5: Expected `str | null`, got `int`"),
        ('{"id": 1, "is_out": 1}', "is_out = 1: Expected `bool | null`, got `int`"),
        ('{"id": 1, "is_out": "false"}', "is_out = 'false': Expected `bool | null`, got `str`"),
        ('{"id": 1, "tags": ["a", 2]}', "Expected `str`, got `int`"),
        ('{"id": 1, "cast": {"roles": {"id": 1}}}', "cast.roles = 'dict': Expected `array | null`, got `object`"),
        ('{"title": "x"}', "Object missing required field `id`"),
        ("[1]", "payload = 'list': Expected `object`, got `array`"),
        ("null", "payload = None: Expected `object`, got `null`"),
        ('{"id": 1, "title": "cu', 'Input data was truncated (text begins \'{"id": 1, "title": "cu\')'),
        ("", "Input data was truncated (text begins '')"),
        ("<html>busy</html>", "JSON is malformed"),
        ('{"id": 1} {"id": 2}', "JSON is malformed"),
        ('{"id": 1, "title": "\\ud800"}', "Input data was truncated"),
        ('{"id": 1, "title": "\\udc00"}', "invalid utf-16 surrogate pair"),
        ('{"id": 1, "score": 1e999}', "Number out of range"),
        ('{"id": 1, "unknown": 1e999}', "InvalidNumber"),
        ('{"id": 1, "unknown": ' + "[" * 3000 + "]" * 3000 + "}", "maximum recursion depth exceeded"),
        ('{"id": NaN}', "JSON is malformed"),
    ],
)
def test_what_does_not_fit_is_rejected_with_its_path_and_value(text: str, reason: str) -> None:
    row = decoded(text)
    assert reason in row.pop("_rejected")
    assert set(row.values()) == {None}


@pytest.mark.parametrize("item", ["null", '"x"', "[]"])
def test_an_element_that_is_no_object_rejects_the_row_and_names_the_list(item: str) -> None:
    assert "cast.roles" in decoded(f'{{"id": 1, "cast": {{"roles": [{{"id": 1}}, {item}]}}}}')["_rejected"]


def test_a_rejected_row_does_not_disturb_its_neighbours() -> None:
    rows = decode(pl.Series(['{"id": 1}', '{"id": 1.5}', "{", '{"id": 4, "score": 2}']), Film)
    assert rows["id"].to_list() == [1, None, None, 4]
    assert rows["score"].to_list() == [None, None, None, 2.0]
    assert rows["_rejected"].is_null().to_list() == [True, False, False, True]


def test_several_rows_that_only_polars_refuses_are_each_found() -> None:
    texts = [f'{{"id": {n}, "unknown": {"1e999" if n in {2, 3, 7} else n}}}' for n in range(9)]
    rows = decode(pl.Series(texts), Film)
    assert rows["id"].to_list() == [0, 1, None, None, 4, 5, 6, None, 8]
    assert rows.filter(pl.col("_rejected").is_null())["id"].to_list() == [0, 1, 4, 5, 6, 8]


def test_the_ends_of_a_64_bit_column_fit() -> None:
    row = decoded(f'{{"id": {2**63 - 1}, "years": [{-(2**63)}]}}')
    assert (row["id"], row["years"], row["_rejected"]) == (2**63 - 1, [-(2**63)], None)


def test_a_missing_field_is_null_and_an_empty_list_is_empty() -> None:
    row = decoded('{"id": 1, "tags": []}')
    assert (row["title"], row["tags"], row["cast"], row["years"]) == (None, [], None, None)


def test_a_field_the_shape_does_not_know_is_let_through() -> None:
    assert decoded('{"id": 1, "softcore": {"deep": [1]}, "cast": {"crew": 1}}')["_rejected"] is None


def test_a_whole_number_fits_a_rate() -> None:
    assert decoded('{"id": 1, "score": 7}')["score"] == 7.0


def test_text_keeps_every_character() -> None:
    title = 'A | B &amp; "C" \\ é 😀 \u2028'
    assert decoded(json.dumps({"id": 1, "title": title}))["title"] == title
    assert decoded('{"id": 1, "title": "\\ud83d\\ude00"}')["title"] == "😀"


def test_no_payload_gives_no_row_and_all_columns() -> None:
    empty = decode(pl.Series([], dtype=pl.String), Film)
    assert empty.columns == [*struct_fields(Film), "_rejected"]
    assert empty.height == 0
    assert empty.schema["cast"] == pl.Struct({"roles": pl.List(pl.Struct({"id": pl.Int64, "name": pl.String}))})


def test_when_every_payload_is_rejected_the_columns_stay_typed() -> None:
    rows = decode(pl.Series(["{", "["]), Film)
    assert rows.height == 2
    assert rows.schema["years"] == pl.List(pl.Int64)


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"id": 1}, set()),
        ({"id": 1, "softcore": False}, {"softcore"}),
        ({"cast": {"roles": [{"id": 1}, {"id": 2, "nick": "x"}], "crew": []}}, {"cast.roles[].nick", "cast.crew"}),
        ({"cast": None, "tags": None}, set()),
        ({"cast": {"roles": [None, 3]}}, set()),
        ([], set()),
    ],
)
def test_unknown_fields_are_named_by_their_path(value: Any, paths: set[str]) -> None:
    assert unknown_fields(pl.Series([json.dumps(value), "{cut", "[" * 3000]), Film) == paths


def test_the_items_of_pages_are_numbered_and_kept_as_text() -> None:
    pages = pl.Series(['{"results": [{"id":1}, null], "page": 1}', '{"results": []}', '{"results":["x"]}'])
    assert split_items(pages, "results").rows() == [(0, 0, '{"id":1}'), (0, 1, "null"), (2, 0, '"x"')]
    assert split_items(pl.Series(["[1, 2]"]), None)["_payload"].to_list() == ["1", "2"]


def test_items_of_many_pages_come_out_as_if_split_and_decoded_one_after_the_other() -> None:
    film: dict[str, Any] = {"id": 1}
    pages = pl.Series([json.dumps({"results": [film | {"id": n}, None, {"id": "x"}][: n % 4]}) for n in range(300)])
    items = split_items(pages, "results")
    assert decode_items(pages, "results", Film).equals(decode(items["_payload"], Film).hstack(items))
    assert decode_items(pages.clear(), "results", Film).height == 0


INTS = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


FITTING = st.fixed_dictionaries(
    {"id": INTS},
    optional={
        "title": maybe(TEXT),
        "score": maybe(FLOATS),
        "is_out": maybe(st.booleans()),
        "tags": maybe(st.lists(TEXT, max_size=3)),
        "years": maybe(st.lists(INTS, max_size=3)),
        "cast": maybe(
            st.fixed_dictionaries(
                {},
                optional={
                    "roles": maybe(
                        st.lists(st.fixed_dictionaries({"id": INTS}, optional={"name": maybe(TEXT)}), max_size=3)
                    )
                },
            )
        ),
        "extra": st.dictionaries(TEXT, INTS, max_size=2),
    },
)


def expected(value: dict[str, Any]) -> dict[str, Any]:
    cast = value.get("cast")
    roles = None if cast is None else cast.get("roles")
    return {
        **{name: value.get(name) for name in Film.__struct_fields__},
        "cast": None
        if cast is None
        else {"roles": None if roles is None else [{"id": r["id"], "name": r.get("name")} for r in roles]},
        "_rejected": None,
    }


@given(st.lists(FITTING, min_size=1, max_size=4), st.booleans())
def test_what_fits_comes_out_as_plain_json_says(values: list[dict[str, Any]], ascii_only: bool) -> None:
    texts = [json.dumps(value, ensure_ascii=ascii_only) for value in values]
    assert decode(pl.Series(texts, dtype=pl.String), Film).to_dicts() == [expected(v) for v in values]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | INTS | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(struct_fields(Film))), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(st.lists(ANY_JSON, min_size=1, max_size=4))
def test_any_json_is_either_kept_as_it_is_or_rejected_whole(values: list[Any]) -> None:
    rows = decode(pl.Series([json.dumps(v) for v in values], dtype=pl.String), Film).to_dicts()
    assert len(rows) == len(values)
    for value, row in zip(values, rows, strict=True):
        if row["_rejected"] is None:
            assert row["id"] == value["id"]
            assert type(row["id"]) is type(value["id"])
        else:
            assert all(v is None for k, v in row.items() if k != "_rejected")


FIRST_USES = """
import sys
import polars as pl
from tmdb_assets.lakehouse.payloads import Shape, decode

sys.setswitchinterval(1e-6)
texts = pl.Series(['{"member": {"id": 1}}'] * 2_000)
for number in range(60):
    member = type("Member", (Shape,), {"__annotations__": {"id": int}})
    whole = type("Whole", (Shape,), {"__annotations__": {"member": member}})
    assert decode(texts, whole).height == len(texts)
"""


def test_a_shape_met_for_the_first_time_by_several_threads_crashes_nothing() -> None:
    """msgspec reads a shape's fields on first use, and two threads at it ended the process without a word."""
    done = subprocess.run([sys.executable, "-c", FIRST_USES], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
