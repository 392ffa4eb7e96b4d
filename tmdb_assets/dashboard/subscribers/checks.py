"""Monthly checks: which checks of a month's drop hold, what does not and why, what is known, what has shifted.

What belongs here: the page and its questions. What does not: how a check is made (streamflow's vw_checks and the
functions behind it), when a feature counts as shifted (vw_feature_drift).
"""

from __future__ import annotations

import datetime as dt
from functools import partial

import altair as alt
import polars as pl
import streamlit as st

from tmdb_assets.dashboard import drawing, layout, markup, parts
from tmdb_assets.dashboard.asking import ask, row, warehouse
from tmdb_assets.warehouse import credit, figures

CHECKS = """
SELECT strftime(as_of, '%Y-%m') AS month, as_of, subject, check_name, is_passed, rows, sentence
FROM streamflow.vw_checks
ORDER BY as_of, check_name, subject
"""
DROPPED = """
SELECT min(origin) AS origin, max(started_at) AS read_at
FROM streamflow.extraction_ledger
WHERE date_id = $day
"""
ROWS = """
SELECT
    max(kept) FILTER (WHERE table_name = 'streamflow/clean/users_snapshots') AS users,
    CAST(sum(received) AS BIGINT) AS received,
    CAST(sum(quarantined) AS BIGINT) AS quarantined,
    CAST(sum(values_set_aside) AS BIGINT) AS values_set_aside
FROM streamflow.fact_table_quality
WHERE date_id = $day
"""
KNOWN = """
SELECT strftime(date_id, '%Y-%m') AS month, column_name, table_name, rows, known_rows,
    known_rows / nullif(rows, 0) AS known
FROM streamflow.fact_column_quality
WHERE is_nullable AND rows > 0
ORDER BY date_id, table_name, column_name
"""
DRIFT = """
SELECT feature, psi, verdict, users, users_before, unknown_share, unknown_share_before
FROM streamflow.vw_feature_drift
WHERE as_of = $day
ORDER BY psi DESC, feature
"""
RULES = """
SELECT table_name, rule, rows, values_set_aside
FROM streamflow.vw_quarantine_rules
WHERE as_of = $day
ORDER BY rows + values_set_aside DESC, table_name, rule
"""
#: Check -> what it promises, in the order of the page: first the drop, then its values, then what is only unlikely.
PROMISES = {
    "extraction_complete": "The drop is whole",
    "contract": "Values keep their rules",
    "not_null": "Nothing required is missing",
    "grain": "One row per user",
    "accounting": "Every row is accounted for",
    "rows_have_their_user": "Rows have their user",
    "row_count_drift": "As many rows as before",
    "constant_columns": "Columns tell users apart",
    "active_since_signup": "Tenure fits sign-up",
    "feature_drift": "Features stay as before",
}
HOLDS, FAILS = "holds", "does not hold"
STATES = {HOLDS: drawing.ACCENT, FAILS: drawing.FALL}
VERDICTS = {"stable": drawing.ACCENT, "moved": "#f08c00", "shifted": drawing.FALL}
#: How many months are offered to be invented: of three, two have labels.
OFFERED = 3


def page() -> None:
    """The page."""
    checks = ask(CHECKS).with_columns(
        promise=pl.col("check_name").replace(PROMISES), place=pl.col("subject").str.split("/").list.last()
    )
    if checks.is_empty():
        layout.nothing(_nothing(warehouse().info.published_at.astimezone(dt.UTC).date()))
        return
    months = checks.get_column("month").unique().sort(descending=True).to_list()
    month = layout.pick("Month", months, "month")
    of_month = checks.filter(pl.col("month") == month)
    day: dt.date = of_month.get_column("as_of")[0]
    is_published = _figures(of_month, day)
    with layout.section("What does not hold"):
        _failures(of_month)
    with layout.section("Checks by month"):
        _history(checks)
    left, right = st.columns(2, gap="large")
    with left, layout.section("Feature drift"):
        _drift(day)
    with right, layout.section("Set aside, by rule"):
        _rules(day, is_published)
    with layout.section("Known values"):
        _show_known()


def _nothing(day: dt.date) -> str:
    """What there is to do when no month was dropped up to a day: with the months before it, as the commands take
    them."""
    last = day.replace(day=1) - dt.timedelta(days=1)
    first = last.replace(day=1)
    for _ in range(OFFERED - 1):
        first = (first - dt.timedelta(days=1)).replace(day=1)
    return (
        "No month has been dropped yet: put a month's six files into `data/drops/streamflow/YYYY-MM/` and run `make "
        f"day SOURCE=streamflow DAY=YYYY-MM`. Or invent some: `.venv/bin/python -m tmdb_assets.sandbox drops --months "
        f"{first:%Y-%m}..{last:%Y-%m}` "
        f"writes them, `make backfill SOURCE=streamflow FROM={first:%Y-%m} TO={last:%Y-%m}` takes them in."
    )


def _figures(checks: pl.DataFrame, day: dt.date) -> bool:
    """The month in figures; whether anything of it is published."""
    dropped = row(DROPPED, day=day)
    by = "invented by the built-in sandbox, " if dropped["origin"] == "sandbox" else ""
    st.markdown(f"As of **{figures.day(day)}**: a drop {by}read on {figures.moment(dropped['read_at'])}.")
    rows = row(ROWS, day=day)
    layout.tiles(
        _tile("Checks that hold", checks.filter("is_passed").height, checks.height),
        markup.Tile("Users of the month", figures.count(rows["users"])),
        _tile("Rows set aside", rows["quarantined"], rows["received"]),
        markup.Tile("Values set aside", figures.count(rows["values_set_aside"]), "alone, of rows that are kept"),
    )
    return rows["received"] is not None


def _tile(label: str, value: int | None, whole: int | None) -> markup.Tile:
    """How many of how many."""
    return markup.Tile(label, figures.count(value), None if whole is None else f"of {figures.count(whole)}")


def _failures(checks: pl.DataFrame) -> None:
    failed = checks.filter(~pl.col("is_passed")).sort(_order(), "place")
    if failed.is_empty():
        layout.nothing(f"Nothing: all {figures.counted(checks.height, 'check')} of this month hold.")
        return
    told = failed.with_columns(pl.format("{}: {}", "place", "sentence").alias("found"))
    columns = {"promise": "Check", "found": "What was found"}
    layout.words(told, columns)
    parts.downloads(told.select(list(columns)), f"checks {failed.get_column('month')[0]}", credit.SUBSCRIBERS)
    seen = failed.filter(pl.col("rows") > 0).get_column("rows")
    one = failed.height == 1
    st.caption(
        f"{figures.count(failed.height)} of {figures.counted(checks.height, 'check')} {'does' if one else 'do'} not "
        f"hold" + (f"; {'it' if one else 'each'} looked at {layout.span(seen, 'row')}." if len(seen) else ".")
    )


def _order() -> pl.Expr:
    """Checks in the order of the page; one that it does not know yet comes last."""
    places = {name: place for place, name in enumerate(PROMISES)}
    return pl.col("check_name").replace_strict(places, default=len(places), return_dtype=pl.Int64)


def _history(checks: pl.DataFrame) -> None:
    failed = ~pl.col("is_passed")
    cells = (
        checks.group_by("month", "check_name", "promise")
        .agg(
            made=pl.len(),
            held=pl.col("is_passed").sum(),
            at_fault=pl.col("place").filter(failed).sort().str.join(", "),
            state=pl.when(failed.any()).then(pl.lit(FAILS)).otherwise(pl.lit(HOLDS)),
        )
        .sort("month", _order())
    )
    promises = cells.sort(_order()).get_column("promise").unique(maintain_order=True).to_list()
    drawn = (
        alt.Chart(cells)
        .mark_rect(stroke="white", strokeWidth=1)
        .encode(
            x=_months_across(cells),
            y=alt.Y("promise:N", sort=promises, title=None, axis=_label_axis()),
            color=drawing.states("state", STATES),
            tooltip=drawing.tips(
                {
                    "promise": ("Check", None),
                    "month": ("Month", None),
                    "made": ("Made of", drawing.COUNT),
                    "held": ("Hold", drawing.COUNT),
                    "at_fault": ("Does not hold in", None),
                }
            ),
        )
        .properties(height=len(promises) * drawing.ROW + drawing.BELOW + drawing.LEGEND)
    )
    looked_at = checks.filter(pl.col("check_name") == "grain").get_column("rows")
    parts.picture(
        drawn,
        "Checks of the monthly drops",
        _months(cells),
        f"{figures.counted(checks.height, 'check')} over {figures.counted(cells['month'].n_unique(), 'month')}"
        + (f", resting on {layout.span(looked_at, 'user')} a month" if len(looked_at) else "")
        + ". An empty cell: the check was not made, as where the month before is not kept. What each one looks at "
        "stands at the head of vw_checks.",
        "Heat map: whether each check holds, by month.",
        credit.SUBSCRIBERS,
    )


def _drift(day: dt.date) -> None:
    drift = ask(DRIFT, day=day)
    if drift.is_empty():
        layout.nothing("The month before is not kept, or this one was refused: there is nothing to compare.")
        return
    users, before = drift.select("users", "users_before").row(0)
    layout.bars(
        markup.bars(
            drift,
            "feature",
            "psi",
            title="Population stability index (PSI)",
            write=partial(figures.decimal, digits=3),
            colours=markup.Colours("verdict", VERDICTS),
            said={
                "feature": ("Feature", figures.plain),
                "verdict": ("Verdict", figures.plain),
                "unknown_share": ("Unknown", figures.share),
                "unknown_share_before": ("Unknown the month before", figures.share),
            },
        ),
        f"{figures.counted(users, 'user')} against {figures.count(before)} the month before. 0 is no change; when a "
        f"feature counts as moved or shifted stands at the head of vw_feature_drift.",
    )


def _rules(day: dt.date, is_published: bool) -> None:
    rules = ask(RULES, day=day)
    if rules.is_empty():
        kept = "Nothing was set aside: every row that came in kept its contract."
        layout.nothing(kept if is_published else "Nothing of this month was taken, so nothing was set aside.")
        return
    parts.rules(rules)


def _show_known() -> None:
    known = ask(KNOWN)
    if known.is_empty():
        layout.nothing("No month has been published yet.")
        return
    columns = known.get_column("column_name").unique(maintain_order=True).to_list()
    drawn = drawing.heat(
        known,
        _months_across(known),
        alt.Y("column_name:N", sort=columns, title=None, axis=_label_axis()),
        "known",
        title="Known",
        style=drawing.SHARE,
        domain=[0, 1],
        rows=len(columns),
        tooltip=drawing.tips(
            {
                "column_name": ("Column", None),
                "month": ("Month", None),
                "known": ("Known", drawing.SHARE),
                "known_rows": ("Users with a value", drawing.COUNT),
                "rows": ("Users", drawing.COUNT),
            }
        ),
    )
    parts.picture(
        drawn,
        "Known values by column and month",
        _months(known),
        f"{figures.counted(len(columns), 'column')} that may be unknown over "
        f"{figures.counted(known['month'].n_unique(), 'month')}, resting on "
        f"{layout.span(known['rows'], 'user')} each. The other columns are always known: a row without them is set "
        f"aside.",
        "Heat map: share of users whose value is known, by column and month.",
        credit.SUBSCRIBERS,
    )


def _months(frame: pl.DataFrame) -> str:
    """The months of a chart, in words."""
    months: list[str] = frame["month"].unique().sort().to_list()
    return months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"


def _months_across(frame: pl.DataFrame) -> alt.X:
    """Months as cells, each between the first and the last with a place of its own."""
    first, last = (pl.Series([text]).str.to_date("%Y-%m")[0] for text in (frame["month"].min(), frame["month"].max()))
    every = pl.date_range(first, last, "1mo", eager=True).dt.strftime("%Y-%m").to_list()
    axis = alt.Axis(labelOverlap=True, labelAngle=0, ticks=False)
    return alt.X("month:O", title=None, axis=axis, scale=alt.Scale(domain=every))


def _label_axis() -> alt.Axis:
    return alt.Axis(labelLimit=drawing.LABEL_WIDTH, labelOverlap=False)
