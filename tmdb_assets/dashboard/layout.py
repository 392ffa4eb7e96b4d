"""What stands around the charts of every page: headings, what a chart rests on, words for nothing.

What belongs here: pieces of a page that know neither data nor source. What does not: charts (drawing.py), tiles and
bars (markup.py), the frame of the whole page (app.py).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import polars as pl
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from tmdb_assets.dashboard import files, markup
from tmdb_assets.dashboard.drawing import Drawn
from tmdb_assets.warehouse import figures
from tmdb_assets.warehouse.reader import WarehouseError

#: Characters that mean something in Markdown, as a class of a regular expression has them.
MARKUP = r"\\`*_\[\]<>$~:"

#: What a range may have at its ends.
End = TypeVar("End", int, dt.date)
#: Where a session has what is to be written into the URL.
KEPT = "kept in the URL"
#: Pixels of a row of a table, and of its frame.
ROW, FRAME = 35, 2


@contextmanager
def section(title: str) -> Iterator[None]:
    """A part of a page. What the warehouse lacks is said in its place; the other parts stay."""
    st.subheader(title, anchor=False)
    try:
        yield
    except WarehouseError as error:
        st.warning(str(error), icon=":material/database_off:")


def chart(drawn: Drawn, rests_on: str, alt_text: str) -> None:
    """A chart as wide as its place, and below it what it rests on."""
    st.altair_chart(drawn, width="stretch", alt=alt_text)
    st.caption(rests_on)


def tiles(*shown: markup.Tile) -> None:
    """Figures in large, side by side."""
    st.html(markup.tiles(shown))


def bars(drawn: str, rests_on: str) -> None:
    """What markup.bars() drew, and below it what it rests on."""
    st.html(drawn)
    st.caption(rests_on)


def nothing(sentence: str) -> None:
    """In place of a chart or table that would be empty: why it is."""
    st.info(sentence, icon=":material/info:")


def table(
    frame: pl.DataFrame,
    columns: Mapping[str, ColumnConfig],
    file: str,
    about: Sequence[str],
    rows: int = 10,
    taken: pl.DataFrame | None = None,
) -> None:
    """A table with just these columns, in this order, as high as its rows, or as so many of them.

    Below it the way to take it along as `file`, with every column: `taken`, or the frame. `about`: what the file says
    of itself.
    """
    st.dataframe(
        frame.select(list(columns)),
        column_config=dict(columns),
        hide_index=True,
        width="stretch",
        height=height(frame.height, rows),
        placeholder=figures.UNKNOWN,
    )
    downloads(frame if taken is None else taken, file, about)


def height(rows: int, at_most: int) -> int:
    """Pixels of a table of so many rows, of which so many are seen at once."""
    return (min(rows, at_most) + 1) * ROW + FRAME


def downloads(frame: pl.DataFrame, file: str, about: Sequence[str]) -> None:
    """Buttons that bring a frame as CSV or Excel, a file of this name; it is made when it is asked for."""
    kinds = (
        ("CSV", f"{file}.csv", "text/csv", lambda: files.as_csv(frame)),
        (
            "Excel",
            f"{file}.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            lambda: files.as_excel(frame, about),
        ),
    )
    with st.container(horizontal=True, gap="small"):
        for kind, name, mime, made in kinds:
            st.download_button(
                f"Download {kind}",
                made,
                name,
                mime,
                key=f"take {name}",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
            )


def words(frame: pl.DataFrame, columns: Mapping[str, str], *, are_ours: bool = False) -> None:
    """A table of sentences, each read as a whole: cells break their lines. `columns`: column -> what it is called.

    Cells are Markdown to Streamlit; what the sentences quote is not. `are_ours`: they quote nobody, and what stands in
    backticks is code.
    """
    written = with_code if are_ours else escaped
    plain = frame.select(pl.col(list(columns)).map_elements(written, return_dtype=pl.String))
    st.table(plain.rename(dict(columns)), border="horizontal", hide_index=True)


def choice(label: str, options: Sequence[str], key: str, default: str | None = None) -> str:
    """One of a few options that mean the same on every day, kept in the URL under `key`; unless chosen the default, or
    the first."""
    usual = default or options[0]
    chosen: Any = st.segmented_control(
        label, options, default=usual, required=True, key=key, bind="query-params", wrap=True
    )
    return str(chosen or usual)


# -- what depends on the data stands in the URL whether chosen or not: a link shows tomorrow what it shows today -------


def pick(label: str, options: Sequence[str], key: str) -> str:
    """One of the options that the data have, kept in the URL under `key`; the first unless chosen."""
    said = st.query_params.get(key)
    at = options.index(said) if said in options else 0
    chosen = st.selectbox(label, options, index=at, key=key) or options[at]
    keep(key, [chosen])
    return chosen


def several(
    label: str,
    options: Sequence[str],
    shown: Sequence[str],
    key: str,
    *,
    at_most: int,
    said: Sequence[str] | None = None,
    written: Callable[[str], str] = str,
    **more: Any,
) -> list[str]:
    """Some of the options that the data have, `at_most` so many, kept in the URL under `key`; `shown` unless chosen.

    `said` and `written`: the options that the URL means, and how it names one, where its words are not the options'
    own.
    """
    named = st.query_params.get_all(key) if said is None else said
    known = [option for option in dict.fromkeys(named) if option in set(options)][:at_most]
    chosen: list[str] = st.multiselect(
        label,
        options,
        default=known or shown,
        max_selections=at_most,
        key=key,
        select_all=False,  # else it is the first option, and Enter adds all that match what was typed
        **more,
    )
    keep(key, [written(option) for option in chosen])
    return chosen


def between(
    label: str,
    first: End,
    last: End,
    shown: tuple[End, End],
    key: str,
    style: str | None = None,
    *,
    is_all: bool = False,
) -> tuple[End, End]:
    """A part of `first` to `last`, kept in the URL under `key`; `shown` unless chosen. `is_all`: `shown` means all
    there is, also of data that come later, and is not in the URL.

    A link outlives what it was made from: ends beyond the data become its ends, which is said, reversed ones change
    places.
    """
    said = st.query_params.get_all(key)
    named = _named(said, first)
    asked = shown if named is None else (_within(named[0], first, last), _within(named[1], first, last))
    if said and asked != named:
        what = (
            "cannot be read"
            if named is None
            else f"({_reach(*named)}) reaches beyond what there is ({_reach(first, last)})"
        )
        nothing(f"{label}: what the address asks for {what}, so this shows {_reach(*asked)}.")
    chosen: tuple[End, End] = st.slider(label, first, last, asked, format=style, key=key)
    keep(key, [] if is_all and chosen == shown else [str(end) for end in chosen])
    return chosen


def keep(key: str, values: Sequence[str]) -> None:
    """Have what is chosen in the URL once the page is drawn; no values take it out."""
    st.session_state.setdefault(KEPT, {})[key] = list(values)


def write_kept() -> None:
    """Write what is to be kept into the URL, all of it at once: each writing is a step of the browser's back button."""
    kept: dict[str, list[str]] = st.session_state.pop(KEPT, {})
    for key in [key for key, values in kept.items() if not values and key in st.query_params]:
        del st.query_params[key]
    if changed := {key: values for key, values in kept.items() if values and st.query_params.get_all(key) != values}:
        st.query_params.update(changed)


def _named(said: Sequence[str], like: End) -> tuple[End, End] | None:
    """Both ends as the URL has them, the lower one first; None when it has no two ends."""
    with suppress(ValueError, OverflowError):
        low, high = sorted(_end(word, like) for word in said)
        return low, high
    return None


def _within(end: End, first: End, last: End) -> End:
    """An end of a range, or the end of the data that it lies beyond."""
    return min(max(end, first), last)


def _reach(first: End, last: End) -> str:
    """A range in words: days as everywhere, numbers such as years as they are."""
    if isinstance(first, dt.date) and isinstance(last, dt.date):
        return figures.span(first, last)
    return f"{first}" if first == last else f"{first} to {last}"


def _end(word: str, like: End) -> End:
    """An end of a range as the URL has it: a number or a day, which older links have in microseconds since 1970."""
    if not isinstance(like, dt.date):
        return int(float(word))
    with suppress(ValueError):
        return dt.date.fromisoformat(word)
    return dt.date(1970, 1, 1) + dt.timedelta(microseconds=float(word))


def span(counts: pl.Series, thing: str) -> str:
    """The least and the most of some counts of things: `12 to 3,400 films`, or `1 film` if they are all the same."""
    low, high = counts.to_frame("count").select(low=pl.col("count").min(), high=pl.col("count").max()).row(0)
    return figures.counted(low, thing) if low == high else f"{figures.count(low)} to {figures.counted(high, thing)}"


def escaped(words: str) -> str:
    """Words from outside as Markdown takes them: none of it means anything."""
    return re.sub(f"([{MARKUP}])", r"\\\1", words)


def with_code(words: str) -> str:
    """Words of ours as Markdown takes them: what stands in backticks is code, nothing else means anything."""
    parts = re.split(r"(`[^`\n]+`)", words)
    return "".join(part if at % 2 else escaped(part) for at, part in enumerate(parts))


# -- columns -----------------------------------------------------------------------------------------------------------


def text(label: str, **more: Any) -> ColumnConfig:
    """A column of words."""
    return st.column_config.TextColumn(label, **more)


def link(label: str, display: str, **more: Any) -> ColumnConfig:
    """A column of addresses; `display`: a pattern whose first group is the part of an address that is shown."""
    return st.column_config.LinkColumn(label, display_text=display, **more)


def number(label: str, style: str = "localized", **more: Any) -> ColumnConfig:
    """A column of numbers, written by default as 12,345."""
    return st.column_config.NumberColumn(label, format=style, **more)


def dollars(label: str, **more: Any) -> ColumnConfig:
    """A column of US dollars, written as 1.2B; the heading says that they are dollars."""
    return st.column_config.NumberColumn(f"{label} ($)", format="compact", **more)
