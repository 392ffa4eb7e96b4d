"""How a chart of the dashboard looks: lines, heat maps, the map of the world, and what charts have in common.

What belongs here: frame -> Altair chart, with the axes' words and the tooltips. What does not: any question, bars
(markup.py), what stands around a chart (layout.py). Nothing is fetched: the map is drawn from tmdb_assets/reference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any, TypeAlias

import altair as alt
import polars as pl

REFERENCE = Path(__file__).parents[1] / "reference"

ACCENT, RISE, FALL, MUTED, DOUBT = "#0b7285", "#2b8a3e", "#c92a2a", "#868e96", "#c2410c"
HEAT = "teals"
LABEL_WIDTH = 185  # pixels for the label of a row: a phone must have room for the row
TITLE, LINE = 46, 58  # characters of a line of a title, and of what stands below it: as many as a phone has room for
LEGEND_WIDTH = (
    "width - 15"  # pixels for a name in a legend: from its line to the edge of the picture, however wide it is
)
GRADIENT_LENGTH = "min(180, width - 25)"  # pixels of a legend of shades, whose last figure reaches beyond it
LEGEND_ROW = 21
ROW, BELOW, LEGEND = 26, 66, 60  # pixels: of a row, of the axis under it, of a legend

#: What Altair makes of charts laid over each other.
Drawn: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart

#: Formats for axes and tooltips, in d3's words.
COUNT, RATING, SHARE, DOLLARS, DECIMAL = ",.0f", ".1f", ".1%", "$,.0f", ",.2f"
#: $1.2B rather than d3's $1.2G.
_SHORT_DOLLARS = "replace(format(datum.value, '$~s'), 'G', 'B')"
_SHORT_COUNT = "replace(format(datum.value, '~s'), 'G', 'B')"


def titled(drawn: Drawn, title: str, below: Sequence[str], *, is_doubtful: bool) -> Drawn:
    """A chart with a title, and lines below it, in the picture itself: they go wherever it is saved to.

    Labels of axes stand where their values are, those at the ends too. `is_doubtful`: the lines catch the eye.
    """
    heading, lines = wrap(title, TITLE), [part for line in below for part in wrap(line, LINE)]
    said = alt.TitleParams(
        heading,
        subtitle=lines,
        anchor="start",
        fontSize=14,
        subtitleFontSize=11,
        subtitleColor=DOUBT if is_doubtful else MUTED,
        subtitlePadding=4,
        offset=12,
    )
    # the height of a chart is that of all that stands in it
    height = drawn.height + 18 * len(heading) + 14 * len(lines) + 16
    made: Drawn = drawn.properties(title=said, height=height).configure_axis(labelFlush=False, labelBound=False)
    return made


def tips(columns: Mapping[str, tuple[str, str | None]]) -> list[alt.Tooltip]:
    """Tooltip lines: column -> (what it is called, number format; None for words, `day` for a date)."""
    return [_tip(name, label, style) for name, (label, style) in columns.items()]


def _tip(name: str, label: str, style: str | None) -> alt.Tooltip:
    if style == "day":
        return alt.Tooltip(f"{_field(name)}:T", title=label, format="%-d %B %Y")
    return (
        alt.Tooltip(f"{_field(name)}:N", title=label)
        if style is None
        else alt.Tooltip(f"{_field(name)}:Q", title=label, format=style)
    )


def _field(name: str) -> str:
    return name.replace(":", r"\:")


def axis(style: str, **more: Any) -> alt.Axis:
    """The axis of a quantity written in `style`."""
    if style == DOLLARS:
        return alt.Axis(labelExpr=_SHORT_DOLLARS, **more)
    if style == COUNT:
        return alt.Axis(labelExpr=_SHORT_COUNT, tickMinStep=1, **more)
    return alt.Axis(format={SHARE: ".0%", DECIMAL: ",.2~f", RATING: ".1~f"}.get(style, style), **more)


def states(column: str, colours: Mapping[str, str]) -> alt.Color:
    """A colour per state of things, each of them in the legend."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    legend = alt.Legend(orient="bottom", symbolType="square", symbolSize=150, symbolOpacity=1)
    return alt.Color(f"{column}:N", title=None, scale=scale, legend=legend)


def lines(
    frame: pl.DataFrame,
    value: str,
    series: str,
    *,
    title: str,
    style: str,
    tooltip: Sequence[alt.Tooltip],
    day: str = "date_id",
    is_rank: bool = False,
    is_log: bool = False,
    height: int = 260,
) -> Drawn:
    """A line per series over days, in the series' order of appearance. A null breaks the line: nothing was observed
    then.

    `height`: without the legend.
    """
    names = frame.get_column(series).unique(maintain_order=True).to_list()
    longest = max((len(str(name)) for name in names), default=0)
    legend = alt.Legend(
        title=None,
        orient="bottom",
        columns=1 if longest > 20 else 3,
        labelLimit=alt.ExprRef(LEGEND_WIDTH),
        labelFontSize=12,
        symbolType="stroke",
        symbolStrokeWidth=4,
        symbolSize=200,
        symbolOpacity=1,
    )
    # no rank is 0: the axis of ranks ends with the best and the last that are drawn
    scale = alt.Scale(type="log", nice=False) if is_log else alt.Scale(zero=False, reverse=is_rank, nice=not is_rank)
    base = alt.Chart(frame).encode(
        x=alt.X(f"{day}:T", title=None, axis=day_axis(frame, day)),
        y=alt.Y(f"{value}:Q", title=title, axis=axis(style) if is_log else axis(style, tickCount=5), scale=scale),
        color=alt.Color(
            f"{_field(series)}:N",
            sort=names,
            legend=legend if len(names) > 1 else None,
            scale=alt.Scale(range=[ACCENT]) if len(names) == 1 else alt.Undefined,
        ),
        tooltip=list(tooltip),
    )
    line = base.mark_line(strokeWidth=2, invalid="break-paths-show-domains")
    # the points carry the tooltip, and show a day that stands alone between two gaps
    points = base.transform_filter(f"isValid(datum['{value}'])").mark_circle(size=28)
    rows = 0 if len(names) == 1 else len(names) if longest > 20 else -(-len(names) // 3)
    drawn: Drawn = alt.layer(line, points).properties(height=height + (rows and rows * LEGEND_ROW + LEGEND_ROW))
    return drawn


def whole_calendar(
    frame: pl.DataFrame, day: str, series: str | None = None, step: str = "1d", until: dt.date = dt.date.min
) -> pl.DataFrame:
    """The frame with a row for every day between its first and last, of every series; what was not observed is null.

    `until`: the last day if the frame ends before it.
    """
    if frame.is_empty():
        return frame
    first, last = frame.select(first=pl.col(day).min(), last=pl.col(day).max()).row(0)
    last = max(last, until)
    days = pl.DataFrame({day: pl.date_range(first, last, step, eager=True)})
    if series is None:
        return days.join(frame, on=day, how="left").sort(day)
    names = frame.select(series).unique(maintain_order=True)
    return names.join(days, how="cross").join(frame, on=[series, day], how="left", maintain_order="left")


def day_axis(frame: pl.DataFrame, day: str) -> alt.Axis:
    """An axis of days that names each day once, however few there are."""
    days = frame.get_column(day).drop_nulls().unique().sort().to_list()
    if len(days) > 12:
        return alt.Axis(format="%-d %b", labelOverlap=True, tickCount=8)
    values = [alt.DateTime(year=d.year, month=d.month, date=d.day) for d in days]
    return alt.Axis(format="%-d %b", labelOverlap=True, values=values)


def heat(
    frame: pl.DataFrame,
    x: alt.X,
    y: alt.Y,
    value: str,
    *,
    title: str,
    style: str,
    tooltip: Sequence[alt.Tooltip],
    rows: int,
    domain: Sequence[float] | None = None,
    scheme: str = HEAT,
) -> alt.Chart:
    """A coloured cell per row of the frame."""
    scale = alt.Scale(scheme=scheme, domain=domain or alt.Undefined, clamp=bool(domain))  # type: ignore[arg-type]  # schemes are a literal type
    legend = alt.Legend(
        format=".0%" if style == SHARE else style, orient="bottom", gradientLength=alt.ExprRef(GRADIENT_LENGTH)
    )
    drawn: alt.Chart = (
        alt.Chart(frame)
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(x=x, y=y, color=alt.Color(f"{value}:Q", title=title, scale=scale, legend=legend), tooltip=list(tooltip))
        .properties(height=rows * ROW + BELOW + LEGEND)
    )
    return drawn


def world(frame: pl.DataFrame, value: str, *, title: str, tooltip: Sequence[alt.Tooltip]) -> Drawn:
    """A map with a bubble per row that has `latitude` and `longitude`; the area of a bubble is its value."""
    bubbles = (
        alt.Chart(frame)
        .mark_circle(color=ACCENT, opacity=0.65, stroke="white", strokeWidth=0.5)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            size=alt.Size(
                f"{value}:Q",
                title=title,
                scale=alt.Scale(rangeMin=25, rangeMax=900, zero=True),
                legend=alt.Legend(orient="bottom", values=_round_values(frame, value)),
            ),
            tooltip=list(tooltip),
        )
    )
    lands = alt.Chart(alt.InlineData(values=_land())).mark_geoshape(fill="#adb5bd", fillOpacity=0.35, stroke=None)
    net = alt.Chart(alt.graticule(step=[30, 30])).mark_geoshape(stroke="#adb5bd", strokeWidth=0.4, filled=False)
    globe = alt.Chart(alt.sphere()).mark_geoshape(filled=False, stroke="#adb5bd", strokeWidth=0.6)
    layers = alt.layer(globe, net, lands, bubbles)
    drawn: Drawn = layers.project(type="equalEarth", rotate=[-11, 0, 0]).properties(height=400)
    return drawn


def _round_values(frame: pl.DataFrame, value: str) -> list[float]:
    largest = frame.select(pl.col(value).max()).item() or 1
    step = 10.0 ** (len(str(int(largest))) - 1)
    return sorted({max(1.0, step / 2), step, max(1.0, largest // step * step)})


@cache
def positions() -> pl.DataFrame:
    """Where each country lies: iso_3166_1, latitude, longitude."""
    return pl.read_csv(REFERENCE / "country_position.csv", null_values=[])


@cache
def _land() -> list[dict[str, Any]]:
    outlines = pl.read_csv(REFERENCE / "land_outline.csv").group_by("land", maintain_order=True)
    rings = [(name[0], points.select("longitude", "latitude").rows()) for name, points in outlines]
    return [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        }
        for name, ring in rings
    ]
