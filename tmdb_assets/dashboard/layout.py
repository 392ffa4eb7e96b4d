"""What stands around the charts of every page: headings, what a chart rests on, words for nothing.

What belongs here: pieces of a page that know neither data nor source. What does not: charts (drawing.py), tiles and
bars (markup.py), the frame of the whole page (app.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import polars as pl
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from tmdb_assets.dashboard import markup
from tmdb_assets.dashboard.drawing import Drawn
from tmdb_assets.warehouse import figures
from tmdb_assets.warehouse.reader import WarehouseError

#: Characters that mean something in Markdown, as a class of a regular expression has them.
MARKUP = r"\\`*_\[\]<>$~:"

#: What a range may have at its ends.
End = TypeVar("End", int, dt.date)


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
    st.info(sentence, icon=":material/hourglass_empty:")


def table(frame: pl.DataFrame, columns: Mapping[str, ColumnConfig], height: int | None = None) -> None:
    """A table with just these columns, in this order."""
    st.dataframe(
        frame.select(list(columns)),
        column_config=dict(columns),
        hide_index=True,
        width="stretch",
        height=height or "auto",
        placeholder=figures.UNKNOWN,
    )


def words(frame: pl.DataFrame, columns: Mapping[str, str]) -> None:
    """A table of sentences, each read as a whole: cells break their lines. `columns`: column -> what it is called.

    Cells are Markdown to Streamlit; what the sentences quote is not.
    """
    plain = frame.select(pl.col(list(columns)).str.replace_all(f"([{MARKUP}])", r"\$1"))
    st.table(plain.rename(dict(columns)), border="horizontal", hide_index=True)


def choice(label: str, options: Sequence[str], key: str) -> str:
    """One of a few options, kept in the URL under `key`; the first unless chosen."""
    chosen: Any = st.segmented_control(label, options, default=options[0], required=True, key=key, bind="query-params")
    return str(chosen or options[0])


def between(
    label: str, first: End, last: End, shown: tuple[End, End], key: str, style: str | None = None
) -> tuple[End, End]:
    """A part of `first` to `last`, kept in the URL under `key`; `shown` unless chosen.

    A link outlives what it was made from: ends beyond the data become its ends, reversed ones change places.
    """

    def within(said: list[str]) -> list[str]:
        try:
            ends = sorted(min(max(_end(word, first), first), last) for word in said)
        except (ValueError, OverflowError):
            return said
        return [str(end) for end in ends]

    mend(key, within)
    chosen: tuple[End, End] = st.slider(label, first, last, shown, format=style, key=key, bind="query-params")
    return chosen


def _end(word: str, like: End) -> End:
    """An end of a range as the URL has it: a number or a day, which Streamlit may write in microseconds since 1970."""
    if not isinstance(like, dt.date):
        return int(float(word))
    with suppress(ValueError):
        return dt.date.fromisoformat(word)
    return dt.date(1970, 1, 1) + dt.timedelta(microseconds=float(word))


def mend(key: str, mended: Callable[[list[str]], list[str]]) -> None:
    """Write what the URL has under `key` as the widget of that key will take it; call it before the widget is made.

    Streamlit drops without a word what is no value of a widget. It reads the URL as a run starts, hence another run.
    """
    said = st.query_params.get_all(key)
    if said and key not in st.session_state and (better := mended(said)) != said:
        st.query_params[key] = better
        st.rerun()


def films(number: int) -> str:
    """So many films, in words."""
    return f"{figures.count(number)} film{'' if number == 1 else 's'}"


def span(counts: pl.Series) -> str:
    """The least and the most of some counts: `12 to 3,400`, or `12` if they are all the same."""
    low, high = counts.to_frame("count").select(low=pl.col("count").min(), high=pl.col("count").max()).row(0)
    return figures.count(low) if low == high else f"{figures.count(low)} to {figures.count(high)}"


# -- columns ------------------------------------------------------------------------------------------------------------


def text(label: str, **more: Any) -> ColumnConfig:
    """A column of words."""
    return st.column_config.TextColumn(label, **more)


def number(label: str, style: str = "localized", **more: Any) -> ColumnConfig:
    """A column of numbers, written by default as 12,345."""
    return st.column_config.NumberColumn(label, format=style, **more)


def dollars(label: str, **more: Any) -> ColumnConfig:
    """A column of US dollars, written as 1.2B; the heading says that they are dollars."""
    return st.column_config.NumberColumn(f"{label} ($)", format="compact", **more)
