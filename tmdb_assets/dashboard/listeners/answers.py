"""Where the answers about listeners and tracks are: in the warehouse, by name, without charts of their own yet.

What belongs here: the list of what can be asked. What does not: what a view means (its own head).
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from tmdb_assets.dashboard import layout, parts
from tmdb_assets.dashboard.asking import ask
from tmdb_assets.warehouse import credit, figures

#: Views that are kept as tables in this file count as views: that is what they are called.
ANSWERS = """
SELECT name, comment
FROM (
    SELECT schema_name, view_name AS name, comment FROM duckdb_views()
    UNION ALL
    SELECT schema_name, table_name, comment FROM duckdb_tables()
) AS listed
WHERE schema_name = 'moovitamix' AND starts_with(name, 'vw_')
ORDER BY name
"""
KEPT = """
SELECT coalesce(sum(rows), 0) AS rows
FROM main.lake_versions
WHERE source = 'moovitamix'
"""


def page() -> None:
    """The page."""
    st.markdown(
        "The music API **moovitamix**, the third source beside films and subscribers, has no charts here yet. Its "
        "answers are views of the warehouse, for SQL."
    )
    listed = ask(ANSWERS)
    if listed.is_empty() or not ask(KEPT).item():
        layout.nothing(
            "Nothing of it is in this warehouse yet: run `make day SOURCE=moovitamix`, or the job `moovitamix_daily`."
        )
    if listed.is_empty():
        return
    with layout.section("What can be asked"):
        answers = listed.select(
            "name", pl.col("comment").fill_null(figures.UNKNOWN).str.replace(r" Grain: [^.]*\.$", "")
        )
        layout.words(answers, {"name": "View", "comment": "What it answers"}, are_ours=True)
        st.code(f"FROM moovitamix.{answers.item(0, 'name')} LIMIT 20;", language="sql")
        parts.downloads(answers, "moovitamix views", credit.LISTENERS)
        st.caption(f"{figures.counted(answers.height, 'view')}; their columns stand in docs/tables.md.")
