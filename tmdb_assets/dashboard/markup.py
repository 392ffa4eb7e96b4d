"""What the dashboard draws as HTML without any script: tiles with a figure, and bars; each tells more when pointed at;
the head of a film's page, and links.

What belongs here: frame -> HTML, all of it pure. What does not: how it looks (markup.css), any question, charts with two
axes (drawing.py), what stands around them (layout.py). Why not Streamlit's charts and metrics: a browser draws these as
they arrive, where the libraries behind those take half a second first (benchmark k), and they can be read aloud, copied
and followed as links. Every text from outside passes `escape`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from tmdb_assets.dashboard.drawing import ACCENT, FALL, MUTED, RISE
from tmdb_assets.warehouse import figures

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


def tiles(shown: Sequence[Tile]) -> str:
    """Tiles side by side, as many as there is room for, the others under them; HTML."""
    return f'<div class="tiles">{"".join(map(_tile, shown))}</div>'


def _tile(tile: Tile) -> str:
    colour = {"+": RISE, figures.MINUS: FALL}.get((tile.below or " ")[0], MUTED)
    below = f'<em style="color:{colour}">{escape(tile.below)}</em>' if tile.below else ""
    mark, told = ("<i>?</i>", f"<p>{escape(tile.told)}</p>") if tile.told else ("", "")
    reached = ' tabindex="0"' if tile.told else ""
    return f"<div{reached}><span>{escape(tile.label)}{mark}</span><b>{escape(tile.figure)}</b>{below}{told}</div>"


@dataclass(frozen=True)
class Colours:
    """A colour per state of things: the column that has the state of a row, and what each is drawn in; others are grey."""

    column: str
    of: Mapping[str, str]


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
    pointed at. An unknown value has no bar. Signed bars go to both sides of zero, green and red. `link`: the column that
    has where a label leads.
    """
    numbers = frame.get_column(value).cast(pl.Float64).to_list()  # sums of whole numbers come as decimals
    known = [0.0, *(number for number in numbers if number is not None)]
    rows = ""
    for row, number in zip(frame.iter_rows(named=True), numbers, strict=True):
        colour = colours.of.get(row[colours.column], MUTED) if colours else _colour(number, is_signed)
        rows += _row(row, label, write(row[value]), said, _drawn(number, min(known), max(known), colour), link)
    legend = (
        "".join(f'<span><i style="background:{c}"></i>{escape(s)}</span>' for s, c in colours.of.items())
        if colours
        else ""
    )
    return f'<div class="bars"><p>{legend}{escape(title)}</p><ol>{rows}</ol></div>'


def _colour(number: float | None, is_signed: bool) -> str:
    if not is_signed:
        return ACCENT
    return FALL if (number or 0) < 0 else RISE


def _drawn(number: float | None, low: float, high: float, colour: str) -> str:
    """A bar from zero to its number, and the line of zero where bars go to both sides of it."""
    spread = (high - low) or 1
    zero = f'<s style="left:{-low / spread:.2%}"></s>' if low < 0 else ""
    if number is None:
        return zero
    left, width = (min(number, 0) - low) / spread, abs(number) / spread
    return f'<i style="left:{left:.2%};width:{width:.2%};background:{colour}"></i>{zero}'


def _row(row: Mapping[str, Any], label: str, figure: str, said: Said, drawn: str, link: str | None) -> str:
    called = escape(figures.plain(row[label]))
    if link and row[link]:
        called = f'<a href="{escape(row[link])}">{called}</a>'
    more = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(write(row[column]))}</dd>" for column, (name, write) in said.items()
    )
    return f'<li tabindex="0"><b>{called}</b><u>{drawn}</u><em>{escape(figure)}</em><dl>{more}</dl></li>'


def links(of: Sequence[tuple[str, str]]) -> str:
    """Words that lead somewhere, in a row: what each is called -> its address; HTML."""
    return " · ".join(f'<a href="{escape(to)}">{escape(called)}</a>' for called, to in of)


def head(title: str, lines: Sequence[str | None], poster: str | None, leads_to: Sequence[tuple[str, str]]) -> str:
    """A film as its page begins: its title, what is known of it by line, and its poster; HTML.

    The reader's browser fetches the poster. One that does not come, as without a network, leaves nothing: it has no words
    of its own, and no size.
    """
    picture = f'<img src="{escape(poster)}" alt="" loading="lazy" referrerpolicy="no-referrer">' if poster else ""
    said = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    ways = f"<p>{links(leads_to)}</p>" if leads_to else ""
    return f'<div class="film">{picture}<div><h2>{escape(title)}</h2>{said}{ways}</div></div>'
