"""What JSON is, said once: what is JSON is read as Python reads it, what is not spoils only itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.payloads.json_text import (
    DEEPEST,
    NotJson,
    Unreadable,
    read,
    read_by_parts,
    read_exactly,
    split,
    write,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
LAYOUTS: list[dict[str, Any]] = [
    {},
    {"indent": 1},
    {"separators": (",", ":")},
    {"ensure_ascii": False},
    {"indent": "\t", "ensure_ascii": False},
]
#: One JSON value that is none, each as one token or one pair of brackets.
BAD = [
    "NaN", "-Infinity", "1e999", "01", "+1", ".5", "1.", "0x1F", "undefined", "True", "'x'",
    '"\\ud83d"', '"\\udc00"', '"\\x41"', '"\\u12"',
    '"a\nb"', '"\x00"', "9" * 5000, "[1,]", "[,]", "{,}", '{"a"}', '{"a" 1}', "{1: 2}", "[1 2]",
    '{"a": 1,}', '["a" "b"]', "[:]",
]  # fmt: skip


@given(JSON, st.sampled_from(LAYOUTS))
def test_what_is_json_is_read_as_python_reads_it(value: Any, layout: dict[str, Any]) -> None:
    text = json.dumps(value, **layout)
    assert read(text) == read_exactly(text) == read_by_parts(text) == value
    assert read(write(read(text))) == value
    assert json.loads(write(read_exactly(text))) == value


@given(st.lists(JSON, max_size=5), st.sampled_from(LAYOUTS), st.dictionaries(TEXT, JSON, max_size=3))
def test_the_items_of_a_list_are_split_as_they_are_written(
    items: list[Any], layout: dict[str, Any], beside: dict[str, Any]
) -> None:
    page = json.dumps({**beside, "results": items}, **layout)
    for damaged in (page, page.replace("{", '{"bad": NaN, ', 1)):
        texts = split(damaged, "results")
        assert [json.loads(text) for text in texts] == items
        assert all(text in damaged for text in texts)
    assert [json.loads(text) for text in split(json.dumps(items, **layout), None)] == items


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_json_spoils_only_itself(bad: str) -> None:
    text = f'{{"a": {{"b": [1, {bad}, "x"]}}, "c": 2.50}}'
    found = read(text)
    assert found == {"a": {"b": [1, bad, "x"]}, "c": 2.5}
    assert isinstance(found["a"]["b"][1], Unreadable)
    assert write(read_exactly(text)) == text.replace('": ', '":').replace(", ", ",").replace(
        bad.replace('": ', '":').replace(", ", ","), bad
    )
    assert split(f'{{"results": [1, {bad} , [2]]}}', "results") == ["1", bad, "[2]"]


@given(st.lists(st.sampled_from(BAD) | JSON.map(json.dumps), min_size=1, max_size=6))
def test_as_many_are_read_as_are_split(items: list[str]) -> None:
    page = '{"n": 1, "results": [' + ",".join(items) + "]}"
    assert split(page, "results") == [item.strip() for item in items]
    assert len(read(page)["results"]) == len(items)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "<html>",
        "NaN",
        "{",
        "}",
        "[1",
        '"x',
        '{"a": 1',
        '{"a": 1}}',
        "[1] [2]",
        '{"a": [1}',
        '{"a" 1}',
        "[1 2]",
        "[" * 10**5,
        '{"a": "\\"}',
        "\ufeff{}",
    ],
)
def test_a_text_that_is_no_json_as_a_whole_is_named(text: str) -> None:
    with pytest.raises(NotJson, match=r"^no JSON at character "):
        read(text)
    for key in (None, "a"):
        with pytest.raises(NotJson):
            split(text, key)


@given(st.text('{}[],:"\\ \t1-eNan.x', max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    for ask in (read, read_exactly, read_by_parts, lambda t: split(t, None), lambda t: split(t, "a")):
        try:
            ask(text)
        except NotJson as error:
            assert str(error)


def test_depth_is_no_trouble() -> None:
    deep = "[" * 10**5 + "]" * 10**5
    found = read(f'{{"a": {deep}, "b": 1}}')
    assert (found["b"], write(found)) == (1, f'{{"a":{deep},"b":1}}')
    almost = "[" * 900 + "]" * 900
    assert write(read(almost)) == almost
    nested = read_by_parts("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2))
    for _ in range(DEEPEST):
        (nested,) = nested
    assert isinstance(nested, Unreadable) and nested.wanted == f"must not be nested deeper than {DEEPEST} levels"


def test_a_key_stated_twice_with_two_values_has_none() -> None:
    found = read_by_parts('{"a": 1, "b": 2, "a": 3, "b": 2}')
    assert (found["b"], found["a"], found["a"].wanted) == (2, '1,"a":3', "must be stated once")
    assert write(found) == '{"a":1,"a":3,"b":2}'


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{}", "a"),
        ('{"a": 1}', "a"),
        ('{"a": {}}', "a"),
        ("{}", None),
        ('{"a": NaN}', "a"),
        ('{"b": [], "x": NaN}', "a"),
    ],
)
def test_where_there_is_no_list_nothing_is_split(text: str, key: str | None) -> None:
    with pytest.raises(NotJson):
        split(text, key)
