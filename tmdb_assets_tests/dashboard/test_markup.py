"""Tiles and bars: what is drawn of a frame, whatever its figures and words are."""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree.ElementTree import Element, fromstring

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.dashboard.drawing import ACCENT, FALL, MUTED, RISE
from tmdb_assets.dashboard.markup import STYLE, Colours, Tile, bars, head, links, tiles
from tmdb_assets.warehouse import figures
from tmdb_assets_tests.hostile import HARMLESS, HOSTILE, parts

SAID = {"name": ("Film", figures.plain), "votes": ("Votes", figures.count)}
#: Words as strangers write them, but for what no page may have anyway.
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
FIGURES = st.one_of(st.none(), st.floats(-1e12, 1e12, allow_subnormal=False), st.integers(-(10**12), 10**12))
NASTY = """<img src=x onerror="alert(1)">'&"""


def drawn(values: list[object], names: list[str | None] | None = None, **more: object) -> list[Element]:
    """The rows of bars with these values."""
    frame = pl.DataFrame(
        {"name": names or [f"Film {n}" for n in range(len(values))], "value": values, "votes": [7] * len(values)},
        schema_overrides={"name": pl.String},
        strict=False,
    )
    how = {"title": "Value", "write": figures.count, "said": SAID, **more}
    return fromstring(bars(frame, "name", "value", **how)).findall("ol/li")  # type: ignore[arg-type]  # a dict of options


def extent(row: Element) -> tuple[float, float] | None:
    """Where a bar begins and ends, in percent of its place."""
    bar = row.find("u/i")
    if bar is None:
        return None
    found = re.match(r"left:(-?[\d.]+)%;width:(-?[\d.]+)%;", bar.attrib["style"])
    assert found
    return float(found[1]), float(found[1]) + float(found[2])


@given(st.lists(FIGURES, min_size=1, max_size=12))
def test_bars_are_as_long_as_their_values_and_begin_at_zero(values: list[float | None]) -> None:
    values = [None if value is None else float(value) for value in values]
    rows = drawn(list(values))
    known = [0.0, *(value for value in values if value is not None)]
    low, high = min(known), max(known)
    zero = 100 * -low / ((high - low) or 1)
    for value, row in zip(values, rows, strict=True):
        ends = extent(row)
        if value is None:
            assert ends is None
            assert row.findtext("em") == figures.UNKNOWN
            continue
        expected = sorted((zero, zero + 100 * value / ((high - low) or 1)))
        assert ends == pytest.approx(expected, abs=0.011)
        assert -0.011 <= ends[0] <= ends[1] <= 100.011
        assert (row.find("u/s") is not None) == (low < 0)


@given(st.lists(st.one_of(st.none(), WORDS), min_size=1, max_size=5), WORDS)
def test_words_are_words_and_never_markup(names: list[str | None], said: str) -> None:
    rows = drawn([1.0] * len(names), names, said={"name": (said, figures.plain)})
    for name, row in zip(names, rows, strict=True):
        shown = figures.UNKNOWN if name is None else name
        assert (row.findtext("b") or "", row.findtext("dl/dt") or "", row.findtext("dl/dd") or "") == (
            shown,
            said,
            shown,
        )
    told = fromstring(tiles([Tile(said, said, said or None, said or None)]))[0]
    assert "".join(told.find("span").itertext()).removesuffix("?" if said else "") == said  # type: ignore[union-attr]  # it is there
    assert told.findtext("b") == said


def test_an_address_cannot_leave_its_place() -> None:
    row = drawn([1.0], title=NASTY, link="name", said={"name": (NASTY, lambda _: NASTY)})[0]
    assert row.find("b/a").attrib == {"href": "Film 0"}  # type: ignore[union-attr]  # it is there
    assert drawn([1.0], [NASTY], link="name")[0].find("b/a").attrib == {"href": NASTY}  # type: ignore[union-attr]  # it is there
    assert drawn([1.0], [None], link="name")[0].find("b/a") is None


def everything(text: str) -> str:
    """All that is drawn, of a text wherever one has room."""
    frame = pl.DataFrame({"name": [text, None], "value": [1, -2], "votes": [1, 2]})
    said = {"name": (text, figures.plain), "votes": (text, lambda _: text)}
    how = {"title": text, "write": lambda _: text, "said": said, "link": "name"}
    return "".join(
        (
            tiles([Tile(text, text, text, text), Tile(text, text)]),
            bars(frame, "name", "value", **how, is_signed=True),  # type: ignore[arg-type]  # a dict of options
            bars(frame, "name", "value", **how, colours=Colours("name", {text: "#111111"})),  # type: ignore[arg-type]  # as above
            links(text, [(text, text), (text, text)]),
            head(text, [text, None], text, [(text, text)]),
        )
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_tries_to_be_more_stays_a_text_wherever_it_stands(text: str) -> None:
    drawn, harmless = parts(everything(text), text), parts(everything(HARMLESS), HARMLESS)
    assert drawn == harmless
    words = " ".join(" ".join(part) for part in drawn)
    assert words.count(HARMLESS) == 41


def test_what_is_told_is_written_as_said_and_sums_may_be_decimals() -> None:
    frame = pl.DataFrame({"name": ["A", "B"], "value": [Decimal(4), Decimal(1)], "votes": [1234, None]})
    rows = fromstring(bars(frame, "name", "value", title="Rows", write=figures.count, said=SAID)).findall("ol/li")
    assert [extent(row) for row in rows] == [(0, 100), (0, 25)]
    assert [[cell.text for cell in row.findall("dl/dd")] for row in rows] == [["A", "1,234"], ["B", figures.UNKNOWN]]


def test_colours_tell_rise_from_fall_and_states_apart() -> None:
    def colours(rows: list[Element]) -> list[str]:
        return [row.find("u/i").attrib["style"].rpartition(":")[2] for row in rows]  # type: ignore[union-attr]  # it is there

    assert colours(drawn([3.0, -2.0])) == [ACCENT, ACCENT]
    assert colours(drawn([3.0, -2.0], is_signed=True)) == [RISE, FALL]
    frame = pl.DataFrame(
        {"name": ["A", "B", "C"], "value": [1.0, 2.0, 3.0], "votes": [1, 1, 1], "state": ["fine", "bad", None]}
    )
    states = Colours("state", {"fine": "#111111", "bad": "#222222"})
    made = fromstring(bars(frame, "name", "value", title="T", write=figures.count, said=SAID, colours=states))
    assert colours(made.findall("ol/li")) == ["#111111", "#222222", MUTED]
    assert [swatch.tail for swatch in made.findall("p/span/i")] == ["fine", "bad"]


@pytest.mark.parametrize(
    ("below", "colour"), [("+3", RISE), (f"{figures.MINUS}3", FALL), ("of 12", MUTED), (None, None)]
)
def test_a_tile_tells_a_rise_from_a_fall(below: str | None, colour: str | None) -> None:
    tile = fromstring(tiles([Tile("Films", "12", below)]))[0]
    said = tile.find("em")
    assert (said.attrib["style"].removeprefix("color:") if said is not None else None) == colour
    assert "tabindex" not in tile.attrib, "nothing is told of it: nobody need get there"


def test_the_style_knows_both_kinds() -> None:
    style = STYLE.read_text(encoding="utf-8")
    assert all(kind in style for kind in (".tiles", ".bars", "subgrid"))
    assert style.count("{") == style.count("}")
