"""Parts that pages of several sources have in common.

What belongs here: a part of a page that draws the same answer for any source. What does not: the question (a page's
module), pieces that know no data (layout.py).
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.dashboard import layout, markup
from tmdb_assets.warehouse import figures

MOST_RULES = 15
_SAID = {
    "rule": ("Rule", figures.plain),
    "table_name": ("Bound for", figures.plain),
    "rows": ("Rows", figures.count),
    "values_set_aside": ("Values", figures.count),
    "days": ("Days", figures.count),
    "last_on": ("Last on", figures.day),
}


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
        f"Set aside: {figures.count(rows)} rows, and {figures.count(values)} values alone, by {broken.height} rules. A row "
        "that breaks two rules counts for both.",
    )
