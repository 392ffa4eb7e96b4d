"""People and companies: directors, actors, companies and series by what they earned and how they are liked.

What belongs here: the page and its questions. What does not: who counts as a director or a leading actor (the views).
"""

from __future__ import annotations

from urllib.parse import quote_plus

import polars as pl
import streamlit as st

from tmdb_assets.dashboard import layout, markup, parts
from tmdb_assets.dashboard.asking import ask
from tmdb_assets.warehouse import figures
from tmdb_assets.warehouse.films import money_rule

#: Kind -> (view, what one of them is called)
KINDS = {
    "Directors": ("vw_directors", "director"),
    "Actors": ("vw_actors", "actor"),
    "Companies": ("vw_companies", "company"),
    "Series": ("vw_franchises", "series"),
}
#: Kind -> where its films are found, by name.
FILMS_OF = {"Directors": "find?director={}", "Actors": "find?actor={}", "Companies": "find?company={}"}
#: Figure -> (column, how it is written, the column that says on how many films it rests)
FIGURES = {
    "Total revenue": ("ranked_total_revenue_usd", figures.money, "ranked_films_with_revenue"),
    "Median revenue": ("ranked_median_revenue_usd", figures.money, "ranked_films_with_revenue"),
    "Median return": ("ranked_median_roi", figures.ratio, "ranked_films_with_both"),
    "Mean rating": ("mean_rating", figures.decimal, "films_with_votes"),
    "Mean popularity": ("mean_popularity", figures.decimal, "films"),
    "Films": ("films", figures.count, "films"),
}
#: `{view}`, `{figure}` and `{rests_on}` come from the two tables above, never from the URL.
LISTED = """
SELECT
    name, films, first_year, last_year, ranked_films_with_revenue, ranked_films_with_both, films_with_implausible_money,
    films_with_votes, ranked_total_revenue_usd, ranked_median_revenue_usd, ranked_median_roi, mean_rating,
    mean_popularity,
    count(*) OVER () AS found
FROM tmdb.{view}
WHERE {figure} IS NOT NULL AND {rests_on} >= $at_least AND name IS NOT NULL
    AND ($part IS NULL OR tmdb.says(name, $part))
ORDER BY {figure} DESC, name
LIMIT $at_most
"""
AT_LEAST = [1, 2, 3, 5, 10, 20]
SHOWN, LISTED_AT_MOST = 15, 500


def page() -> None:
    """The page."""
    kind = layout.choice("Who", list(KINDS), "who")
    view, called = KINDS[kind]
    left, middle, right = st.columns(3)
    with left:
        label = st.selectbox("By", list(FIGURES), key="by", bind="query-params") or "Total revenue"
    figure, write, rests_on = FIGURES[label]
    with middle:
        at_least = st.selectbox(
            "With at least so many films",
            AT_LEAST,
            index=1,
            key="films",
            bind="query-params",
            help="Films that the figure rests on: released ones with the money known, those with votes, or all.",
        )
    with right:
        part = st.text_input("Name", key="name", bind="query-params", placeholder="any part of it")
    with layout.section(f"{kind} by {label.lower()}"):
        found = ask(
            LISTED.format(view=view, figure=figure, rests_on=rests_on),
            at_least=at_least,
            part=part.strip() or None,
            at_most=LISTED_AT_MOST,
        )
        if found.is_empty():
            layout.nothing(
                f"No {called} has {figures.counted(at_least, 'such film')}{' and this name' if part.strip() else ''}."
            )
            return
        _bars(_leading(found.head(SHOWN), kind), figure, label, write, rests_on)
        _table(found, kind)


def _leading(found: pl.DataFrame, kind: str) -> pl.DataFrame:
    """With the column `leads_to`: where the films of each are listed."""
    if kind not in FILMS_OF:
        return found.with_columns(leads_to=pl.lit(None, pl.String))
    return found.with_columns(
        leads_to=pl.format(FILMS_OF[kind], pl.col("name").map_elements(quote_plus, return_dtype=pl.String))
    )


def _bars(shown: pl.DataFrame, figure: str, label: str, write: markup.Write, rests_on: str) -> None:
    counted = shown.get_column(rests_on)
    known = {
        "ranked_films_with_revenue": " with a known revenue",
        "ranked_films_with_both": " with budget and revenue known",
        "films_with_votes": " with votes",
    }.get(rests_on, "")
    is_of_money = figure.startswith("ranked_")
    layout.bars(
        markup.bars(
            shown,
            "name",
            figure,
            title=label,
            write=write,
            said={
                "name": ("Name", figures.plain),
                "films": ("Films", figures.count),
                "ranked_films_with_revenue": ("With a revenue", figures.count),
                "ranked_total_revenue_usd": ("Total revenue", figures.dollars),
                "ranked_films_with_both": ("With budget and revenue", figures.count),
                "ranked_median_roi": ("Median return", figures.ratio),
                "films_with_implausible_money": ("Left out, hardly true", figures.count),
                "films_with_votes": ("With votes", figures.count),
                "mean_rating": ("Mean rating", figures.decimal),
                "first_year": ("From", figures.plain),
                "last_year": ("To", figures.plain),
            },
            link="leads_to",
        ),
        f"Each bar rests on {layout.span(counted, 'film')}{known}. A film counts in full for everyone who took part."
        f"{' ' + money_rule(None, are_in=False) if is_of_money else ''}",
    )


def _table(found: pl.DataFrame, kind: str) -> None:
    parts.table(
        found.drop("found"),
        {
            "name": layout.text("Name"),
            "films": layout.number("Films", "%,d"),
            "ranked_films_with_revenue": layout.number("With revenue", "%,d", help="Films with a known revenue."),
            "ranked_total_revenue_usd": layout.dollars("Total", help="Revenue of all its films."),
            "ranked_median_revenue_usd": layout.dollars("Median", help="Revenue of the film in the middle."),
            "ranked_films_with_both": layout.number("With both", "%,d", help="Films with a known budget and revenue."),
            "ranked_median_roi": layout.number(
                "Return", "%.1f ×", help="Revenue over budget of the film in the middle."
            ),
            "mean_rating": layout.number("Rating", "%.1f", help="Mean of its films with votes."),
            "mean_popularity": layout.number("Popularity", "%.1f", help="Mean of its films."),
            "first_year": layout.number("From", "%d", width=50),
            "last_year": layout.number("To", "%d", width=50),
        },
        kind.lower(),
    )
    total = found.item(0, "found")
    cut = f", the first {figures.count(found.height)} of which are listed" if total > found.height else ""
    st.caption(f"{figures.counted(total, KINDS[kind][1], kind.lower())}{cut}. The files have more columns.")
