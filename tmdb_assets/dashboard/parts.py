"""Parts that pages of several sources have in common.

What belongs here: a part of a page that draws the same answer for any source, and what goes with a chart or a table
that is taken along. What does not: the question (a page's module), pieces that know no data (layout.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl
from streamlit.elements.lib.column_types import ColumnConfig

from tmdb_assets.dashboard import drawing, layout, markup
from tmdb_assets.dashboard.asking import warehouse
from tmdb_assets.warehouse import credit, figures

MOST_RULES = 15
_SAID = {
    "rule": ("Rule", figures.plain),
    "table_name": ("Bound for", figures.plain),
    "rows": ("Rows", figures.count),
    "values_set_aside": ("Values", figures.count),
    "days": ("Days", figures.count),
    "last_on": ("Last on", figures.day),
}


def picture(
    drawn: drawing.Drawn, title: str, when: str, rests_on: str, alt_text: str, source: credit.Source = credit.FILMS
) -> None:
    """A chart that can be saved and shown elsewhere: in it stand its title, `when` it is of, whose figures they are and
    whether they are invented. Below it, on the page alone, what it rests on."""
    origin = warehouse().info.origin
    titled = drawing.titled(drawn, title, [when, *source.beside(origin)], is_doubtful=credit.is_doubtful(origin))
    layout.chart(titled, rests_on, alt_text)


def table(
    frame: pl.DataFrame,
    columns: Mapping[str, ColumnConfig],
    file: str,
    rows: int = 10,
    taken: pl.DataFrame | None = None,
    source: credit.Source = credit.FILMS,
) -> None:
    """A table (layout.table) whose file says where it comes from."""
    layout.table(frame, columns, _file_name(file), _about(file, source), rows, taken)


def downloads(frame: pl.DataFrame, file: str, source: credit.Source) -> None:
    """The buttons of layout.downloads, whose file says where it comes from."""
    layout.downloads(frame, _file_name(file), _about(file, source))


def _file_name(file: str) -> str:
    return credit.file_name(file, warehouse().info.origin)


def _about(file: str, source: credit.Source) -> list[str]:
    info = warehouse().info
    return [file, f"Warehouse published on {figures.moment(info.published_at)}.", *source.beside(info.origin)]


def newest() -> str:
    """When a chart is of that has no days of its own: the publication."""
    return f"As of {figures.day(warehouse().info.published_at.astimezone(dt.UTC).date())}"


def rules(broken: pl.DataFrame) -> None:
    """Rows and values set aside by broken rule, as `broken` (rule, table_name, rows, values_set_aside, perhaps days and
    last_on) has them in order."""
    rows, values = broken.select(pl.col("rows", "values_set_aside").sum()).row(0)
    layout.bars(
        markup.bars(
            broken.head(MOST_RULES).with_columns(set_aside=pl.col("rows") + pl.col("values_set_aside")),
            "rule",
            "set_aside",
            title="Set aside",
            write=figures.count,
            said={name: said for name, said in _SAID.items() if name in broken.columns},
        ),
        f"Set aside: {figures.counted(rows, 'row')}, and {figures.counted(values, 'value')} alone, by "
        f"{figures.counted(broken.height, 'rule')}. A row that breaks two rules counts for both.",
    )
