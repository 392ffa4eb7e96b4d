"""What the dashboard draws as HTML without any script: tiles with a figure, and bars; each tells more when pointed at;
the head of a film's page, and links.

What belongs here: what is drawn of a frame, all of it pure. What does not: the HTML itself (markup.html.j2) and how it
looks (markup.css), any question, charts with two axes (drawing.py), what stands around them (layout.py). Why not
Streamlit's charts and metrics: a browser draws these as they arrive, where the libraries behind those take half a
second first (benchmark k), and they can be read aloud, copied and followed as links.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from tmdb_assets import templates
from tmdb_assets.dashboard.drawing import ACCENT, FALL, MUTED, RISE
from tmdb_assets.warehouse import figures

TEMPLATE = "dashboard/markup.html.j2"
#: To be put into a page once, before anything of this module.
STYLE = Path(__file__).with_suffix(".css")
#: How a value is written.
Write: TypeAlias = Callable[[Any], str]
#: Column -> what it is called, and how its values are written.
Said: TypeAlias = Mapping[str, tuple[str, Write]]


@dataclass(frozen=True)
class Tile:
    """A figure in large, what it is, and perhaps a word below it and what is told when it is pointed at.

    `below`: a change, `+…` or `−…`, is green or red; anything else is grey.
    """

    label: str
    figure: str
    below: str | None = None
    told: str | None = None

    @property
    def colour(self) -> str:
        """What the word below is drawn in."""
        return {"+": RISE, figures.MINUS: FALL}.get((self.below or " ")[0], MUTED)


def tiles(shown: Sequence[Tile]) -> str:
    """Tiles side by side, as many as there is room for, the others under them; HTML."""
    return templates.call(TEMPLATE, "tiles", shown)


@dataclass(frozen=True)
class Colours:
    """A colour per state of things: the column that has the state of a row, and what each is drawn in; others are
    grey."""

    column: str
    of: Mapping[str, str]


@dataclass(frozen=True)
class Bar:
    """A bar as it is written: what it is of, its figure, and what is told when it is pointed at.

    `ends`: how far from the left it begins and how wide it is, as shares of its place; an unknown value has none.
    """

    label: str
    figure: str
    said: Sequence[tuple[str, str]]
    colour: str
    ends: tuple[float, float] | None
    link: str | None


def bars(
    frame: pl.DataFrame,
    label: str,
    value: str,
    *,
    title: str,
    write: Write,
    said: Said,
    is_signed: bool = False,
    colours: Colours | None = None,
    link: str | None = None,
) -> str:
    """A bar per row, in the order of the rows, as long as its value is to the largest of them; HTML.

    `title` is what the values are, `write` how each is written beside its bar, `said` what is told of a row that is
    pointed at. An unknown value has no bar. Signed bars go to both sides of zero, green and red. `link`: the column
    that has where a label leads.
    """
    numbers = frame.get_column(value).cast(pl.Float64).to_list()  # sums of whole numbers come as decimals
    known = [0.0, *(number for number in numbers if number is not None)]
    low, spread = min(known), (max(known) - min(known)) or 1
    shown = [
        Bar(
            figures.plain(row[label]),
            write(row[value]),
            [(name, write_it(row[column])) for column, (name, write_it) in said.items()],
            colours.of.get(row[colours.column], MUTED) if colours else _colour(number, is_signed),
            None if number is None else ((min(number, 0) - low) / spread, abs(number) / spread),
            row[link] if link else None,
        )
        for row, number in zip(frame.iter_rows(named=True), numbers, strict=True)
    ]
    return templates.call(TEMPLATE, "bars", title, colours.of if colours else {}, -low / spread, shown)


def _colour(number: float | None, is_signed: bool) -> str:
    if not is_signed:
        return ACCENT
    return FALL if (number or 0) < 0 else RISE


def links(words: str, of: Sequence[tuple[str, str]]) -> str:
    """Words, and after them words that lead somewhere: what each is called -> its address; HTML."""
    return templates.call(TEMPLATE, "words_and_links", words, of)


def head(title: str, lines: Sequence[str | None], poster: str | None, leads_to: Sequence[tuple[str, str]]) -> str:
    """A film as its page begins: its title, what is known of it by line, and its poster, which the reader's browser
    fetches; HTML."""
    return templates.call(TEMPLATE, "film", title, [line for line in lines if line], poster, leads_to)
