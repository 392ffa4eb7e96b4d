"""Parts that pages of several sources have in common.

What belongs here: a part of a page that draws the same answer for any source. What does not: the question (a page's
module), pieces that know no data (layout.py).
"""

from __future__ import annotations

import polars as pl

from tmdb_assets.dashboard import drawing, layout
from tmdb_assets.warehouse import figures

MOST_RULES = 15
_SAID = {
    "rule": ("Rule", None),
    "table_name": ("Bound for", None),
    "rows": ("Rows", drawing.COUNT),
    "days": ("Days", drawing.COUNT),
    "last_on": ("Last on", "day"),
}


def rules(broken: pl.DataFrame) -> None:
    """Rows set aside by broken rule, as `broken` (rule, table_name, rows, perhaps days and last_on) has them in order."""
    drawn = drawing.bars(
        broken.head(MOST_RULES),
        "rule",
        "rows",
        title="Rows set aside",
        style=drawing.COUNT,
        label_width=220,
        tooltip=drawing.tips({name: said for name, said in _SAID.items() if name in broken.columns}),
    )
    rows = broken.select(pl.col("rows").sum()).item()
    layout.chart(
        drawn,
        f"Rows set aside: {figures.count(rows)}, by {broken.height} rules. A row that breaks two rules counts for both.",
        "Bars: rows set aside by broken rule.",
    )
