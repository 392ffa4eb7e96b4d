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

from tmdb_assets.lakehouse.contracts import TRACE
from tmdb_assets.lakehouse.payloads import (
    Id,
    Int,
    Numeric,
    Shape,
    ShapeError,
    decode,
    decode_items,
    insist_on,
    split_items,
    struct_fields,
    unknown_fields,
)
from tmdb_assets.lakehouse.payloads.json_text import read
from tmdb_assets_tests.rejected import rejection, sentence


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
    count: Int | None = None
    lead: Role | None = None
    cast: Cast | None = None


def decoded(text: str) -> dict[str, Any]:
    return decode(pl.Series([text], dtype=pl.String), Film).row(0, named=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"id": 1.5}', "id = 1.5: must be a whole number of 64 bits"),
        ('{"id": "7"}', 'id = "7": must be a whole number of 64 bits'),
        ('{"id": null, "title": 5}', "id = null: must be a whole number of 64 bits"),
        ('{"id": true}', "id = true: must be a whole number of 64 bits"),
        ('{"id": 9223372036854775808}', "id = 9223372036854775808: must be a whole number of 64 bits"),
        ('{"id": -9223372036854775809}', "id = -9223372036854775809: must be a whole number of 64 bits"),
        ('{"id": 123456789012345678901234567890}', "id = 123456789012345678901234567890: must be"),
        ('{"id": NaN}', "id = NaN: must be a whole number of 64 bits"),
        ('{"id": 1e999}', "id = 1e999: must be a whole number of 64 bits"),
        ('{"id": 1, "id": 2}', 'id = 1,"id":2: must be stated once'),
        ('{"id": 2, "title": 5, "id": 1}', 'id = 2,"id":1: must be stated once'),
        ('{"title": "x"}', "id = (missing): must be a whole number of 64 bits"),
        ("[1]", "payload = [1]: must be an object"),
        ("null", "payload = null: must be an object"),
        ('{"id": 1, "title": "cu', 'payload = {"id": 1, "title": "cu: must be JSON'),
        ("", "payload = : must be JSON"),
        ("<html>busy</html>", "payload = <html>busy</html>: must be JSON"),
        ('{"id": 1} {"id": 2}', 'payload = {"id": 1} {"id": 2}: must be JSON'),
        ('{"id": 1 "title": "x"}', 'payload = {"id": 1 "title": "x"}: must be JSON'),
        ("[" * 3000 + "]" * 3000, "]: must be an object"),
        ("[" * 3000, "[: must be JSON"),
    ],
)
def test_a_row_whose_required_fields_do_not_fit_is_rejected(text: str, reason: str) -> None:
    row = decoded(text)
    assert reason in sentence(row.pop("_rejected")).replace("[" * 200 + ":", "]:" if text.endswith("]") else "[:")
    assert set(row.values()) == {None}


@pytest.mark.parametrize(
    ("fields", "column", "value", "wanted"),
    [
        ('"score": "5.5"', "score", "5.5", "must be a number"),
        ('"score": NaN', "score", "NaN", "must be a number"),
        ('"score": -Infinity', "score", "-Infinity", "must be a number"),
        ('"score": 1e999', "score", "1e999", "must be a number"),
        (f'"score": {"9" * 400}', "score", "9" * 200, "must be a number"),
        ('"score": 01', "score", "01", "must be a number"),
        ('"score": true', "score", "true", "must be a number"),
        ('"title": 5', "title", "5", "must be text"),
        ('"title": "\\ud83d"', "title", '"\\ud83d"', "must be well-formed text"),
        ('"title": "\\udc00!"', "title", '"\\udc00!"', "must be well-formed text"),
        ('"title": "Am\\xe9lie"', "title", '"Am\\xe9lie"', "must be well-formed text"),
        ('"title": "a\tb"', "title", '"a\tb"', "must be well-formed text"),
        ('"title": {"a" 1}', "title", '{"a" 1}', "must be well-formed JSON"),
        ('"is_out": 1', "is_out", "1", "must be true or false"),
        ('"is_out": "maybe"', "is_out", "maybe", "must be true or false"),
        ('"tags": {"a": 1.50}', "tags", '{"a":1.50}', "must be a list"),
        ('"count": "120 min"', "count", "120 min", "must be a whole number of 64 bits"),
        (f'"count": {2**63}', "count", str(2**63), "must be a whole number of 64 bits"),
        ('"count": 9223372036854775808.0', "count", "9223372036854775808.0", "must be a whole number of 64 bits"),
        ('"count": 4.5', "count", "4.5", "must be a whole number of 64 bits"),
        ('"count": 1e-99999999999999999999', "count", "1e-99999999999999999999", "must be a whole number of 64 bits"),
        ('"cast": []', "cast", "[]", "must be an object"),
        (f'"title": {"[" * 70 + "]" * 70}', "title", "[" * 70 + "]" * 70, "must be text"),
    ],
)
def test_a_value_that_does_not_fit_is_set_aside_alone(fields: str, column: str, value: str, wanted: str) -> None:
    row = decoded(f'{{"id": 1, {fields}, "years": [1990], "unknown": {{"deep": 1e999}}}}')
    assert (row.pop("_rejected"), row.pop("id"), row.pop("years")) == (None, 1, [1990])
    is_text = f'"{value}"' in fields
    assert row.pop("_set_aside") == [rejection(column, value, wanted, is_text)]
    assert set(row.values()) == {None}


@pytest.mark.parametrize(
    ("fields", "kept", "set_aside"),
    [
        (
            '"tags": ["a", 2, null, "b"]',
            {"tags": ["a", "b"]},
            ["tags[] = 2: must be text", "tags[] = null: must be text"],
        ),
        (
            '"cast": {"roles": [{"id": 1}, {"id": null, "name": "x"}, {"id": 3, "name": 4}, null, {"name": "y"}]}',
            {"cast": {"roles": [{"id": 1, "name": None}, {"id": 3, "name": None}]}},
            [
                "cast.roles[].id = null: must be a whole number of 64 bits",
                "cast.roles[].name = 4: must be text",
                "cast.roles[] = null: must be an object",
                "cast.roles[].id = (missing): must be a whole number of 64 bits",
            ],
        ),
        ('"cast": {"roles": {"id": 1}}', {"cast": {"roles": None}}, ['cast.roles = {"id":1}: must be a list']),
        ('"lead": {"name": "x"}', {"lead": None}, ["lead.id = (missing): must be a whole number of 64 bits"]),
    ],
)
def test_a_member_that_cannot_be_mended_leaves_its_list(
    fields: str, kept: dict[str, Any], set_aside: list[str]
) -> None:
    row = decoded(f'{{"id": 1, {fields}}}')
    assert row["_rejected"] is None
    assert {name: row[name] for name in kept} == kept
    assert [sentence(entry) for entry in row["_set_aside"]] == set_aside


@pytest.mark.parametrize(
    ("written", "value"),
    [("4.0", 4), ("4e2", 400), ("-0.0", 0), ("9007199254740993.0", 2**53 + 1), ("9223372036854775807.000", 2**63 - 1)],
)
def test_a_whole_number_is_whole_however_it_is_written(written: str, value: int) -> None:
    row = decoded(f'{{"id": {written}, "count": {written}}}')
    assert (row["id"], row["count"], row["_rejected"], row["_set_aside"]) == (value, value, None, None)


class Reference(Shape):
    """What is named by an id, and refers to others."""

    id: Id
    others: list[Id] | None = None


@pytest.mark.parametrize(
    ("written", "value"),
    [("4", 4), ("4.0", 4), ('"4"', 4), ('" 4 "', 4), ('"4.0"', 4), ('"\\u0034"', 4), ('"9007199254740993"', 2**53 + 1)],
)
def test_an_id_is_its_value_however_it_is_spelled(written: str, value: int) -> None:
    text = f'{{"id": {written}, "others": [{written}, "four", "1e3", "\u0664", ""]}}'
    row = decode(pl.Series([text], dtype=pl.String), Reference).row(0, named=True)
    assert (row["id"], row["others"], row["_rejected"]) == (value, [value], None)
    assert len(row["_set_aside"]) == 4


class Measured(Shape):
    """A rate that may come as text."""

    rate: Numeric | None = None


@pytest.mark.parametrize(
    ("written", "value"),
    [("0.1643", 0.1643), ('"0.1643"', 0.1643), ('" 7 "', 7.0), ('"-1.5e2"', -150.0), ("3", 3.0), ("null", None)],
)
def test_a_shape_can_be_widened_to_numbers_that_come_as_text(written: str, value: float | None) -> None:
    row = decode(pl.Series([f'{{"rate": {written}}}']), Measured).row(0, named=True)
    assert row == {"rate": value, "_rejected": None, "_set_aside": None}


@pytest.mark.parametrize("text", ["", "much", "1,5", "0x10", "1e999", "NaN", "Infinity", "\u0664"])
def test_a_text_that_is_no_number_is_set_aside(text: str) -> None:
    row = decode(pl.Series([json.dumps({"rate": text})]), Measured).row(0, named=True)
    assert (row["rate"], [entry["value"] for entry in row["_set_aside"]]) == (None, [text])


class Widened(Shape):
    """A type that no column has."""

    popularity: float | str | None = None


class Holder(Shape):
    """It stands deeper."""

    film: Widened | None = None
    extra: dict[str, int] | None = None


@pytest.mark.parametrize("shape", [Widened, Holder])
def test_a_type_that_no_column_can_hold_is_named(shape: type[Shape]) -> None:
    with pytest.raises(ShapeError, match=r"^Shape Widened, field popularity: no column can hold `float | str") as error:
        decode(pl.Series(["{}"]), shape)
    assert "Numeric (a float or its text)" in str(error.value)


@pytest.mark.parametrize(
    "unknown",
    ["1e999", "NaN", '"\\ud83d"', "[" * 3000 + "]" * 3000, "9" * 5000, '"\\x"', "[1,]", '{"a": 1, "a": 2}', "'x'"],
)
def test_what_nobody_asks_for_may_be_anything(unknown: str) -> None:
    row = decoded(f'{{"id": 1, "unknown": {unknown}, "title": "x"}}')
    assert (row["id"], row["title"], row["_rejected"], row["_set_aside"]) == (1, "x", None, None)


def test_no_text_at_all_is_rejected_too() -> None:
    rows = decode(pl.Series([None, '{"id": 1}'], dtype=pl.String), Film)
    assert rows.select("id", "_rejected").rows() == [(None, rejection("payload", "", "must be JSON")), (1, None)]


def test_rows_may_insist_on_a_field() -> None:
    texts = ['{"id": 1, "title": 5, "score": "x"}', '{"id": 2, "score": "x"}', '{"id": 3}', "{"]
    rows = insist_on(decode(pl.Series(texts), Film), "title", "cast")
    assert [sentence(why) for why in rows["_rejected"]] == [
        "title = 5: must be text",
        "",
        "",
        "payload = {: must be JSON",
    ]
    assert rows["_rejected"].is_null().to_list() == [False, True, True, False]
    assert rows["_set_aside"].is_null().to_list() == [True, False, True, True]
    assert insist_on(rows.filter(id=3), "title").equals(rows.filter(id=3))


def test_a_rejected_row_does_not_disturb_its_neighbours() -> None:
    rows = decode(pl.Series(['{"id": 1}', '{"id": 1.5}', "{", '{"id": 4, "score": 2}']), Film)
    assert rows["id"].to_list() == [1, None, None, 4]
    assert rows["score"].to_list() == [None, None, None, 2.0]
    assert rows["_rejected"].is_null().to_list() == [True, False, False, True]


def test_several_rows_that_only_polars_refuses_are_each_found() -> None:
    texts = [f'{{"id": {n}, "unknown": {"1e999" if n in {2, 3, 7} else n}}}' for n in range(9)]
    rows = decode(pl.Series(texts), Film)
    assert rows["id"].to_list() == list(range(9))
    assert rows["_rejected"].null_count() == rows["_set_aside"].null_count() == 9


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
    assert empty.columns == [*struct_fields(Film), "_rejected", "_set_aside"]
    assert {name: empty.schema[name] for name in ("_rejected", "_set_aside")}.items() <= TRACE.items()
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
    rows = split_items(pages, "results")
    assert rows.drop("_rejected").rows() == [(0, 0, '{"id":1}'), (0, 1, "null"), (2, 0, '"x"')]
    assert rows["_rejected"].null_count() == 3
    assert split_items(pl.Series(["[1, 2]"]), None)["_payload"].to_list() == ["1", "2"]


def test_items_of_many_pages_come_out_as_if_split_and_decoded_one_after_the_other() -> None:
    film: dict[str, Any] = {"id": 1}
    pages = pl.Series([json.dumps({"results": [film | {"id": n}, None, {"id": "x"}][: n % 4]}) for n in range(300)])
    items = split_items(pages, "results").drop("_rejected")
    assert decode_items(pages, "results", Film).equals(decode(items["_payload"], Film).hstack(items))
    assert decode_items(pages.clear(), "results", Film).height == 0


@pytest.mark.parametrize(
    "page",
    [
        "{}",
        '{"results": null, "id": 5}',
        '{"results": {"id": 1}}',
        "[]",
        '"x"',
        "",
        "<html>",
        '{"results": [1 2]}',
        '{"results": [{"id": 1]}',
        "[" * 3000,
    ],
)
def test_a_page_that_is_no_list_is_named_and_spoils_no_other(page: str) -> None:
    good = '{"results": [{"id": 1}, {"id": 2}]}'
    rows = decode_items(pl.Series([good, page, good]), "results", Film)
    assert rows["id"].to_list() == [1, 2, None, 1, 2]
    assert rows.row(2, named=True) | {} == {
        **dict.fromkeys(rows.columns),
        **{"_page": 1, "_item": 0, "_payload": page},
        "_rejected": rejection("page", page[:200], "must have a list named results"),
    }


BAD_ITEMS = [
    '{"id": 7, "title": "\\ud83d"}', '{"id": NaN}', '{"id": 7, "score": 1e999}', '{"id": Infinity}',
    '{"id": 1, "id": 2}', "null",
    '{"id": 7, "title": "a\x01"}', "[" * 2000 + "]" * 2000, '{"id": 7 "title": 1}',
    '{"id": 7, "title": "\\xff"}', "5", '"x"', "undefined",
    '{"id": 7,}', '{"id": ' + "9" * 5000 + "}", "[]", '{"\\ud83d": 1, "id": 7}', "{}",
]  # fmt: skip


@given(st.lists(st.sampled_from(BAD_ITEMS) | st.integers(0, 99).map(lambda n: json.dumps({"id": n})), max_size=8))
def test_whatever_a_list_holds_every_item_comes_out_once(items: list[str]) -> None:
    page = '{"page": 1, "results": [' + " , ".join(items) + '], "total_pages": 3}'
    rows = decode_items(pl.Series([page]), "results", Film)
    assert rows["_payload"].to_list() == items
    for text, row in zip(items, rows.to_dicts(), strict=True):
        if text not in BAD_ITEMS:
            assert (row["id"], row["_rejected"], row["_set_aside"]) == (json.loads(text)["id"], None, None)
        else:
            assert row["id"] == 7 or row["_rejected"]["rule"].startswith("must be ")
    said = read(page)
    assert (said["page"], said["total_pages"], len(said["results"])) == (1, 3, len(items))


@given(
    st.lists(
        st.text(st.characters(codec="utf-8"), max_size=40) | st.text('{}[],:"\\ \t1e.-nulltrue', max_size=40),
        max_size=5,
    )
)
def test_no_text_raises_anything(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    rows = decode(series, Film)
    assert rows.height == len(texts)
    assert (rows["_rejected"].is_null() == rows["id"].is_not_null()).all()
    for key in (None, "results"):
        assert set(decode_items(series, key, Film)["_page"]) <= set(range(len(texts)))


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
        "_set_aside": None,
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


FIELDS = {
    "title": str,
    "score": float | int,
    "is_out": bool,
    "count": int,
    "tags": list,
    "years": list,
    "lead": dict,
    "cast": dict,
}


@given(st.lists(ANY_JSON, min_size=1, max_size=4))
def test_any_json_is_kept_as_it_is_or_set_aside_with_its_place(values: list[Any]) -> None:
    rows = decode(pl.Series([json.dumps(v) for v in values], dtype=pl.String), Film).to_dicts()
    assert len(rows) == len(values)
    for value, row in zip(values, rows, strict=True):
        said = [] if row["_set_aside"] is None else [entry["column"] for entry in row["_set_aside"]]
        if row["_rejected"] is not None:
            assert all(v is None for k, v in row.items() if k != "_rejected")
            assert not isinstance(value, dict) or type(value.get("id")) is not int
            continue
        assert row["id"] == value["id"] and not isinstance(value["id"], bool | str)
        for field, kind in FIELDS.items():
            given_value, fits = value.get(field), isinstance(value.get(field), kind)
            fits = fits and not (isinstance(given_value, bool) and kind is not bool)
            if field == "count" and isinstance(given_value, float) and given_value == int(given_value):
                fits = -(2**63) <= given_value < 2**63
            assert given_value is None or fits == (field not in said), field
            if fits and not isinstance(given_value, list | dict):
                assert row[field] == given_value


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
