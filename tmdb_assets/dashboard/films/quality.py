"""Data quality: how good each day is, what was set aside and why, which days are missing, what arrived.

What belongs here: the page and its questions. What does not: how the score is made (vw_data_quality).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import altair as alt
import polars as pl
import streamlit as st

from tmdb_assets.dashboard import drawing, layout, markup, parts
from tmdb_assets.dashboard.asking import ask, warehouse
from tmdb_assets.warehouse import figures

SCORES = """
SELECT
    date_id, table_name, score, received, kept, quarantined, values_set_aside, duplicates, superseded, unaccounted,
    orphans,
    completeness, extraction_completeness, is_extraction_finished, days_stale
FROM tmdb.vw_data_quality
WHERE date_id > (SELECT max(date_id) FROM tmdb.vw_data_quality) - $days
ORDER BY date_id, table_name
"""
RULES = """
SELECT
    table_name, rule, sum(rows) AS rows, sum(values_set_aside) AS values_set_aside, count(DISTINCT date_id) AS days,
    max(date_id) AS last_on
FROM tmdb.vw_quarantine_rules
WHERE date_id > (SELECT max(date_id) FROM tmdb.vw_data_quality) - $days
GROUP BY table_name, rule
ORDER BY sum(rows) + sum(values_set_aside) DESC, table_name, rule
"""
OBSERVED = """
SELECT date_id, films, films_with_votes, days_missed
FROM tmdb.vw_observed_days
ORDER BY date_id
"""
PERIODS = {"30 days": 30, "90 days": 90, "1 year": 366}
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def page() -> None:
    """The page."""
    days = PERIODS[layout.choice("The last", list(PERIODS), "last", "90 days")]
    with layout.section("Score by day"):
        _scores(days)
    with layout.section("Missing days"):
        _calendar(days)
    with layout.section("Set aside, by rule"):
        _rules(days)
    with layout.section("Extraction completeness"):
        _extraction(days)


def _scores(days: int) -> None:
    scores = ask(SCORES, days=days).filter(pl.col("score").is_not_null())
    if scores.is_empty():
        layout.nothing("No table has a score yet: run `make demo`, or the job `tmdb_daily`.")
        return
    newest = scores.filter(pl.col("date_id") == pl.col("date_id").max())
    worst = newest.sort("score", "table_name").row(0, named=True)
    kept, quarantined, values = newest.select(pl.col("kept", "quarantined", "values_set_aside").sum()).row(0)
    mean = newest.select(pl.col("score").mean()).item()
    layout.tiles(
        markup.Tile("Mean score of the newest day", figures.decimal(mean), told="0 to 100."),
        markup.Tile("Lowest score", figures.decimal(worst["score"]), worst["table_name"]),
        markup.Tile("Rows set aside", figures.count(quarantined), f"of {figures.count(kept + quarantined)}"),
        markup.Tile("Values set aside", figures.count(values), "alone, of rows that are kept"),
    )
    tables = scores.get_column("table_name").unique().sort().to_list()
    drawn = drawing.heat(
        scores,
        _days_across(scores),
        alt.Y("table_name:N", sort=tables, title=None, axis=_table_axis()),
        "score",
        title="Score",
        style=drawing.COUNT,
        rows=len(tables),
        domain=[50, 100],
        scheme="redyellowgreen",
        tooltip=drawing.tips(
            {
                "table_name": ("Table", None),
                "date_id": ("Day", "day"),
                "score": ("Score", drawing.RATING),
                "received": ("Received", drawing.COUNT),
                "kept": ("Kept", drawing.COUNT),
                "quarantined": ("Set aside", drawing.COUNT),
                "values_set_aside": ("Values set aside", drawing.COUNT),
                "duplicates": ("Duplicates", drawing.COUNT),
                "superseded": ("Superseded", drawing.COUNT),
                "orphans": ("Orphans", drawing.COUNT),
                "completeness": ("Known values", drawing.SHARE),
                "days_stale": ("Days stale", drawing.COUNT),
            }
        ),
    )
    films = scores.filter(pl.col("table_name").str.ends_with("fact_movie_daily")).get_column("kept")
    parts.picture(
        drawn,
        "Data quality: score by table and day",
        figures.span(*scores.select(first=pl.col("date_id").min(), last=pl.col("date_id").max()).row(0)),
        f"{figures.counted(len(tables), 'table')} over {figures.counted(scores['date_id'].n_unique(), 'day')}"
        + (
            f", resting on up to {figures.counted(films.to_frame().select(pl.col('kept').max()).item(), 'film')} a day"
            if len(films)
            else ""
        )
        + ". 100 is perfect; what a score is made of stands at the head of vw_data_quality.",
        "Heat map: quality score by table and day.",
    )


def _days_across(frame: pl.DataFrame) -> alt.X:
    """Days as cells, each day between the first and the last with a place of its own."""
    first, last = frame.select(first=pl.col("date_id").min(), last=pl.col("date_id").max()).row(0)
    every = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    return alt.X(
        "yearmonthdate(date_id):O",
        title=None,
        axis=alt.Axis(format="%-d %b", labelOverlap=True, labelAngle=0, ticks=False),
        scale=_days(every),
    )


def _days(listed: Sequence[dt.date]) -> alt.Scale:
    """A place for each of these days."""
    return alt.Scale(domain=[{"year": day.year, "month": day.month, "date": day.day} for day in listed])


def _table_axis() -> alt.Axis:
    """Tables by their short name."""
    return alt.Axis(
        labelExpr="slice(datum.label, lastindexof(datum.label, '/') + 1)",
        labelLimit=drawing.LABEL_WIDTH,
        labelOverlap=False,
    )


def _calendar(days: int) -> None:
    observed = ask(OBSERVED)
    if observed.is_empty():
        layout.nothing("No day has been observed yet: run `make demo`, or the job `tmdb_daily`.")
        return
    # every day before the publication could have been observed by then; its own day may still be
    due = warehouse().info.published_at.astimezone(dt.UTC).date() - dt.timedelta(days=1)
    every = drawing.whole_calendar(observed, "date_id", until=due).tail(days)
    monday = pl.col("date_id") - pl.duration(days=pl.col("date_id").dt.weekday() - 1)
    cells = every.with_columns(
        week=monday,
        weekday=pl.col("date_id").dt.weekday().replace_strict(dict(enumerate(WEEKDAYS, 1)), return_dtype=pl.String),
        state=pl.when(pl.col("films").is_null())
        .then(pl.lit("missing"))
        .when(pl.col("films_with_votes") == 0)
        .then(pl.lit("without votes"))
        .otherwise(pl.lit("observed")),
    )
    weeks = drawing.whole_calendar(cells.select("week").unique(), "week", step="1w").get_column("week").to_list()
    # a day before the lake was at work was not missed, and has no cell; those after the newest day were
    is_due = pl.col("films").is_not_null() | (pl.col("days_missed").backward_fill().fill_null(1) > 0)
    cells = cells.filter(is_due)
    states = {"observed": drawing.ACCENT, "without votes": "#99d8d0", "missing": "#e03131"}
    drawn = (
        alt.Chart(cells)
        .mark_rect(stroke="white", strokeWidth=2, cornerRadius=3)
        .encode(
            x=alt.X(
                "yearmonthdate(week):O",
                title=None,
                axis=alt.Axis(format="%-d %b", labelOverlap=True, labelAngle=0, ticks=False, domain=False),
                scale=_days(weeks),
            ),
            y=alt.Y(
                "weekday:O", sort=WEEKDAYS, title=None, axis=alt.Axis(ticks=False, domain=False, labelOverlap=False)
            ),
            color=drawing.states("state", states),
            tooltip=drawing.tips(
                {
                    "date_id": ("Day", "day"),
                    "state": ("State", None),
                    "films": ("Films", drawing.COUNT),
                    "films_with_votes": ("With votes observed", drawing.COUNT),
                }
            ),
        )
        .properties(height=7 * drawing.ROW + drawing.BELOW + 20)
    )
    missing = cells.filter(pl.col("state") == "missing").get_column("date_id").to_list()
    known = cells.get_column("films").drop_nulls()
    parts.picture(
        drawn,
        "Days observed and missing",
        figures.span(*cells.select(first=pl.col("date_id").min(), last=pl.col("date_id").max()).row(0)),
        f"{figures.counted(cells.height - len(missing), 'day')} observed and {figures.count(len(missing))} missing"
        + (f", with {layout.span(known, 'film')} each" if len(known) else "")
        + (f". Missing: {figures.days(missing)}" if missing else "")
        + ". A missing day is never filled with another day's figures.",
        "Calendar: a cell per day, coloured by whether it was observed.",
    )


def _rules(days: int) -> None:
    rules = ask(RULES, days=days)
    if rules.is_empty():
        layout.nothing("Nothing was set aside: every row that came in kept its contract.")
        return
    parts.rules(rules)


def _extraction(days: int) -> None:
    asked = ask(SCORES, days=days).filter(pl.col("extraction_completeness").is_not_null())
    if asked.is_empty():
        layout.nothing("Nothing was asked of the source in these days.")
        return
    by_table = (
        asked.group_by("table_name")
        .agg(
            pl.col("extraction_completeness").mean().alias("mean"),
            pl.col("extraction_completeness").min().alias("lowest"),
            pl.len().alias("days"),
            (~pl.col("is_extraction_finished").fill_null(value=False)).sum().alias("unfinished"),
            pl.col("kept").sum().alias("rows"),
        )
        .sort("mean", "table_name")
    )
    parts.table(
        by_table.with_columns(pl.col("table_name").str.split("/").list.last()),
        {
            "table_name": layout.text("Asked for"),
            "mean": st.column_config.ProgressColumn(
                "Arrived of what was promised", format="percent", min_value=0, max_value=1
            ),
            "lowest": layout.number("Worst day", "percent"),
            "unfinished": layout.number("Unfinished days", "%d"),
            "days": layout.number("Days", "%d"),
            "rows": layout.number("Rows", "%,d"),
        },
        "extraction completeness",
    )
    whole = asked.filter(pl.col("extraction_completeness") >= 1).height
    st.caption(
        f"{figures.count(whole)} of {figures.counted(asked.height, 'extraction')} brought all that the source "
        f"promised: pages or ids, whichever is less."
    )
