"""Money: what films cost and earn, by film, genre and year, and who leads each ranking.

What belongs here: the page and its questions. What does not: what profit, roi or a tier is (the views).
"""

from __future__ import annotations

from functools import partial

import altair as alt
import polars as pl
import streamlit as st

from tmdb_assets.dashboard import drawing, layout, markup, parts
from tmdb_assets.dashboard.asking import ask, row
from tmdb_assets.dashboard.films import ranked
from tmdb_assets.warehouse import figures
from tmdb_assets.warehouse.films import money_rule

COVERAGE = """
SELECT
    count(*) AS films,
    count(*) FILTER (WHERE has_budget) AS films_with_budget, count(*) FILTER (WHERE has_revenue) AS films_with_revenue,
    count(*) FILTER (WHERE has_money) AS films_with_both,
    count(*) FILTER (WHERE has_money AND has_implausible_money) AS hardly_true
FROM tmdb.vw_movie_financials
"""
FILMS = """
SELECT movie_id, title, release_year, budget_usd, revenue_usd, profit_usd, roi, budget_tier, has_implausible_money
FROM tmdb.vw_movie_financials
WHERE has_money AND ($with_implausible OR NOT has_implausible_money)
ORDER BY revenue_usd DESC, movie_id
LIMIT $at_most
"""
AT_MOST = 4000  # points: a browser on a phone must draw them
TIERS = ["micro", "low", "medium", "high", "blockbuster"]
GENRES = """
SELECT
    name, ranked_median_roi, films, ranked_films_with_revenue, ranked_films_with_both, ranked_total_revenue_usd,
    (
        SELECT count(*) FROM tmdb.vw_movie_financials WHERE has_money AND has_implausible_money
        AND movie_id IN (SELECT movie_id FROM tmdb.bridge_movie_genre)
    ) AS left_out
FROM tmdb.vw_genre_performance
WHERE ranked_median_roi IS NOT NULL
ORDER BY ranked_median_roi DESC, genre_id
"""
#: `films_with_money`: with a revenue or a budget, or both.
YEARS = """
SELECT
    release_year, films_with_revenue, films_with_budget,
    films_with_revenue + films_with_budget - films_with_both AS films_with_money,
    films_with_implausible_money AS hardly_true,
    total_revenue_usd AS revenue, total_budget_usd AS budget, best_earning_title
FROM tmdb.vw_yearly_box_office
WHERE films_with_revenue + films_with_budget > 0
ORDER BY release_year
"""
REAL_YEARS = """
SELECT
    release_year,
    count(*) FILTER (WHERE has_revenue) AS films_with_revenue, count(*) FILTER (WHERE has_budget) AS films_with_budget,
    count(*) AS films_with_money, count(*) FILTER (WHERE has_implausible_money) AS hardly_true,
    sum(real_revenue_usd) FILTER (WHERE has_revenue) AS revenue,
    sum(real_budget_usd) FILTER (WHERE has_budget) AS budget,
    max(title) FILTER (WHERE place = 1) AS best_earning_title
FROM (
    SELECT *, CASE WHEN revenue_rank IS NOT NULL
        THEN row_number() OVER (PARTITION BY release_year ORDER BY revenue_rank NULLS LAST, movie_id) END AS place
    FROM tmdb.vw_inflation_adjusted
    WHERE has_revenue OR has_budget
)
GROUP BY release_year ORDER BY release_year
"""
PRICES = "SELECT min(year) AS first, max(year) AS last FROM tmdb.dim_cpi"
KINDS = """
SELECT
    CASE WHEN is_franchise THEN 'Part of a series' ELSE 'Standalone' END AS kind,
    films, films_with_revenue, films_with_budget, films_with_both, films_with_votes, films_with_implausible_money,
    mean_revenue_usd, mean_budget_usd, median_roi, mean_rating, mean_popularity
FROM tmdb.vw_franchise_vs_standalone ORDER BY is_franchise DESC
"""
TIER_FIGURES = """
SELECT
    budget_tier, films, films_with_revenue, films_with_both, median_roi, mean_revenue_usd, mean_rating,
    films_with_both - ranked_films_with_both AS hardly_true
FROM tmdb.vw_budget_tiers ORDER BY tier_order
"""
RANKING = """
SELECT position, movie_id, title, value, left_out
FROM tmdb.vw_rankings WHERE metric = $metric
ORDER BY position
"""
TIMES = partial(figures.ratio, digits=2)
#: What a ranking is called -> (metric, how it is written, what it rests on)
RANKINGS: dict[str, tuple[str, markup.Write, str]] = {
    "Revenue": ("revenue", figures.money, "released films with a known revenue"),
    "Budget": ("budget", figures.money, "released films with a known budget"),
    "Highest profit": ("profit_highest", figures.money, "released films with budget and revenue known"),
    "Lowest profit": ("profit_lowest", figures.money, "released films with budget and revenue known"),
    "Highest return": ("roi_highest", TIMES, "released films with a budget of $10M or more and a known revenue"),
    "Lowest return": ("roi_lowest", TIMES, "released films with a budget of $10M or more and a known revenue"),
    "Most votes": ("votes", figures.count, "films whose votes were observed"),
    "Highest rating": ("rating_highest", figures.decimal, "films with at least 10 votes"),
    "Lowest rating": ("rating_lowest", figures.decimal, "films with at least 10 votes"),
    "Popularity": ("popularity", figures.decimal, "films observed on the newest day"),
}
RECENT = 40  # years shown at first
NOMINAL, REAL = "Dollars of the day", "Constant dollars"


def page() -> None:
    """The page."""
    coverage = row(COVERAGE)
    if not coverage["films_with_budget"] + coverage["films_with_revenue"]:
        layout.nothing(
            f"Of {figures.counted(coverage['films'], 'film')} with details, none is released with known money."
        )
        return
    known = (
        f"{figures.count(coverage['films_with_both'])} of {figures.counted(coverage['films'], 'film')} with details: "
        f"released ones with budget and revenue known ({figures.count(coverage['films_with_budget'])} with a budget, "
        f"{figures.count(coverage['films_with_revenue'])} with a revenue)"
    )
    with layout.section("Revenue against budget"):
        _films(known, coverage["hardly_true"])
    left, right = st.columns(2, gap="large")
    with left, layout.section("Return by genre"):
        _genres()
    with right, layout.section("Rankings"):
        _rankings()
    with layout.section("Year by year"):
        _years()
    left, right = st.columns(2, gap="large")
    with left, layout.section("Series against standalone films"):
        _kinds()
    with right, layout.section("Budget tiers"):
        _tiers()


def _films(known: str, hardly_true: int) -> None:
    with_implausible = st.toggle(
        "With entries that are hardly true",
        key="implausible",
        bind="query-params",
        help="TMDB's figures are typed in by hand. Some, such as a budget of $1, are flagged and left out unless asked "
        "for.",
    )
    films = ask(FILMS, with_implausible=with_implausible, at_most=AT_MOST).with_columns(page=ranked.PAGE)
    if films.is_empty():
        layout.nothing("No film has both budget and revenue known, or each that has is flagged as hardly true.")
        return
    ticks = [10**n for n in range(12)]
    dollars = alt.Axis(values=ticks, labelExpr="replace(format(datum.value, '$~s'), 'G', 'B')")
    scale = alt.Scale(type="log", nice=False, padding=12)
    points = (
        alt.Chart(films)
        .mark_circle(size=55, opacity=0.65, cursor="pointer")
        .encode(
            href="page:N",
            x=alt.X("budget_usd:Q", title="Budget", scale=scale, axis=dollars),
            y=alt.Y("revenue_usd:Q", title="Revenue", scale=scale, axis=dollars),
            color=alt.Color(
                "budget_tier:N",
                sort=TIERS,
                title=None,
                scale=alt.Scale(domain=TIERS, scheme="viridis"),
                legend=alt.Legend(orient="bottom", columns=3, symbolOpacity=1, symbolSize=110),
            ),
            tooltip=drawing.tips(
                {
                    "title": ("Film", None),
                    "release_year": ("Year", None),
                    "budget_usd": ("Budget", drawing.DOLLARS),
                    "revenue_usd": ("Revenue", drawing.DOLLARS),
                    "profit_usd": ("Profit", drawing.DOLLARS),
                    "roi": ("Revenue over budget", drawing.DECIMAL),
                }
            ),
        )
    )
    money = pl.col("budget_usd", "revenue_usd")
    low, high = max(films.select(money.min()).row(0)), min(films.select(money.max()).row(0))
    ends = pl.DataFrame({"at": [float(low), float(high)]})
    even = alt.Chart(ends).mark_line(color=drawing.MUTED, strokeDash=[5, 4]).encode(x="at:Q", y="at:Q")
    cut = (
        f", of which the {figures.count(AT_MOST)} with the highest revenue are drawn" if films.height == AT_MOST else ""
    )
    parts.picture(
        (even + points).properties(height=420),
        "Revenue against budget of films",
        parts.newest(),
        f"Shows {figures.counted(films.height, 'film')}; a click on one opens its page. Money is known of "
        f"{known}{cut}. "
        f"{money_rule(hardly_true, are_in=with_implausible)} Above the dashed line a film earned more "
        "than it cost. Both axes are logarithmic.",
        "Points: revenue against budget of each film, on logarithmic axes.",
    )


def _genres() -> None:
    genres = ask(GENRES)
    if genres.is_empty():
        layout.nothing("No genre has a film with budget and revenue known.")
        return
    counted = genres.get_column("ranked_films_with_both")
    layout.bars(
        markup.bars(
            genres,
            "name",
            "ranked_median_roi",
            title="Median revenue over budget (1 is break-even)",
            write=TIMES,
            said={
                "name": ("Genre", figures.plain),
                "ranked_films_with_both": ("Films it rests on", figures.count),
                "films": ("Films of the genre", figures.count),
                "ranked_total_revenue_usd": ("Total revenue", figures.dollars),
                "ranked_films_with_revenue": ("Films with a revenue", figures.count),
            },
        ),
        f"Each bar rests on {layout.span(counted, 'film')} with budget and revenue known. "
        f"{money_rule(genres.item(0, 'left_out'), are_in=False)} A film of two genres counts in both.",
    )


def _rankings() -> None:
    ranking = st.selectbox("Ranked by", list(RANKINGS), key="ranking", bind="query-params") or "Revenue"
    metric, write, rests_on = RANKINGS[ranking]
    films = ask(RANKING, metric=metric)
    if films.is_empty():
        layout.nothing(f"There are no {rests_on}.")
        return
    rule = f" {money_rule(films.item(0, 'left_out'), are_in=False)}" if write in (figures.money, TIMES) else ""
    ranked.bars(
        films,
        "value",
        f"{'The first ' if films.height > 1 else ''}{films.height} of the {rests_on}.{rule}",
        title=ranking,
        write=write,
        is_signed=metric.startswith("profit"),
        said={
            "position": ("Place", figures.count),
            "value": (ranking, figures.dollars if write is figures.money else write),
        },
    )


def _years() -> None:
    dollars = layout.choice("In", [NOMINAL, REAL], "dollars")
    every_year = ask(YEARS)
    if every_year.is_empty():
        layout.nothing("No released film with known money has a year of release.")
        return
    # the same years in either dollars: a span chosen in one holds in the other
    first, last = every_year.select(first=pl.col("release_year").min(), last=pl.col("release_year").max()).row(0)
    if first < last:
        first, last = layout.between("Years", first, last, (max(first, last - RECENT + 1), last), "years")
    is_chosen = pl.col("release_year").is_between(first, last)
    nominal = every_year.filter(is_chosen)
    if nominal.is_empty():
        layout.nothing("No released film of these years has a known budget or revenue.")
        return
    years = nominal if dollars == NOMINAL else ask(REAL_YEARS).filter(is_chosen)
    prices = "" if dollars == NOMINAL else _prices(nominal, years)
    if years.is_empty():
        layout.nothing(prices)
        return
    hardly_true = _sum(years, "hardly_true")
    parts.picture(
        _yearly(years, first, last),
        f"Revenue and budget of films by year of release, {dollars.lower()}",
        f"Released {first} to {last}" if first < last else f"Released {last}",
        f"Rests on {figures.counted(_sum(years, 'films_with_money'), 'released film')} with a year of release: revenue "
        f"on {figures.count(_sum(years, 'films_with_revenue'))} of which it is known, budget on "
        f"{figures.count(_sum(years, 'films_with_budget'))}. {money_rule(hardly_true, are_in=True)}"
        f"{' The film named as having earned most is none of them.' if hardly_true else ''}"
        f"{prices and ' '}{prices} A year without such a film is a gap.",
        "Lines: revenue and budget of all films by year of release.",
    )


def _yearly(years: pl.DataFrame, first: int, last: int) -> alt.Chart:
    long = years.unpivot(["revenue", "budget"], index=["release_year"], variable_name="kind", value_name="dollars")
    rests_on = years.select(
        "release_year", "best_earning_title", revenue="films_with_revenue", budget="films_with_budget"
    ).unpivot(
        ["revenue", "budget"],
        index=["release_year", "best_earning_title"],
        variable_name="kind",
        value_name="films_with_it",
    )
    long = long.join(rests_on, on=["release_year", "kind"], maintain_order="left")
    long = long.with_columns(pl.col("kind").str.to_titlecase())
    gaps = pl.DataFrame({"release_year": range(first, last + 1)})
    every = gaps.join(pl.DataFrame({"kind": ["Revenue", "Budget"]}), how="cross").with_columns(
        pl.col("release_year").cast(pl.Int64)
    )
    drawn: alt.Chart = (
        alt.Chart(
            every.join(long, on=["release_year", "kind"], how="left").with_columns(
                date=pl.date(pl.col("release_year"), 1, 1)
            )
        )
        .mark_line(strokeWidth=2, invalid="break-paths-show-domains", point=alt.OverlayMarkDef(size=22))
        .encode(
            x=alt.X("date:T", title=None, axis=alt.Axis(format="%Y", labelOverlap=True)),
            y=alt.Y("dollars:Q", title="Sum over the year's films", axis=drawing.axis(drawing.DOLLARS)),
            color=alt.Color(
                "kind:N",
                sort=["Revenue", "Budget"],
                title=None,
                scale=alt.Scale(domain=["Revenue", "Budget"], range=[drawing.ACCENT, "#e8590c"]),
                legend=alt.Legend(orient="bottom", symbolType="stroke", symbolStrokeWidth=4, symbolSize=200),
            ),
            tooltip=drawing.tips(
                {
                    "release_year": ("Year", None),
                    "kind": ("Sum of", None),
                    "dollars": ("Dollars", drawing.DOLLARS),
                    "films_with_it": ("Films it rests on", drawing.COUNT),
                    "best_earning_title": ("Earned most", None),
                }
            ),
        )
        .properties(height=300)
    )
    return drawn


def _prices(nominal: pl.DataFrame, real: pl.DataFrame) -> str:
    """Whose dollars constant ones are, and which of the years' films they leave out."""
    known = row(PRICES)
    if known["last"] is None:
        return "No consumer prices are known: there are no constant dollars."
    left_out = _sum(nominal, "films_with_money") - _sum(real, "films_with_money")
    return (
        f"Dollars of {known['last']}, by US consumer prices, which are known from {known['first']} to {known['last']}"
        + (
            f": {figures.counted(left_out, 'film')} of other years {'is' if left_out == 1 else 'are'} left out."
            if left_out
            else "."
        )
    )


def _sum(years: pl.DataFrame, column: str) -> int:
    return int(years.select(pl.col(column).sum()).item())


def _kinds() -> None:
    kinds = ask(KINDS)
    if kinds.is_empty():
        layout.nothing("No film has details yet.")
        return
    for column, kind in zip(st.columns(kinds.height), kinds.iter_rows(named=True), strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{kind['kind']}**")
            layout.tiles(
                markup.Tile("Mean revenue", figures.money(kind["mean_revenue_usd"])),
                markup.Tile("Mean budget", figures.money(kind["mean_budget_usd"])),
                markup.Tile("Median return", figures.ratio(kind["median_roi"]), told="Revenue over budget."),
                markup.Tile("Mean rating", figures.decimal(kind["mean_rating"])),
                markup.Tile("Mean popularity", figures.decimal(kind["mean_popularity"])),
            )
            st.caption(
                f"{figures.counted(kind['films'], 'film')}; revenue rests on "
                f"{figures.count(kind['films_with_revenue'])}, "
                f"budget on {figures.count(kind['films_with_budget'])}, return on "
                f"{figures.count(kind['films_with_both'])}, the rating on {figures.count(kind['films_with_votes'])} "
                f"with votes. {money_rule(kind['films_with_implausible_money'], are_in=True)}"
            )


def _tiers() -> None:
    tiers = ask(TIER_FIGURES)
    if tiers.is_empty():
        layout.nothing("No film has a known budget.")
        return
    each = ", ".join(f"{tier} {figures.count(n)}" for tier, n in tiers.select("budget_tier", "films_with_both").rows())
    layout.bars(
        markup.bars(
            tiers,
            "budget_tier",
            "median_roi",
            title="Median revenue over budget",
            write=TIMES,
            said={
                "budget_tier": ("Tier", figures.plain),
                "mean_revenue_usd": ("Mean revenue", figures.dollars),
                "films_with_revenue": ("Films with a revenue", figures.count),
                "mean_rating": ("Mean rating", figures.decimal),
                "films_with_both": ("Films it rests on", figures.count),
                "films": ("Films", figures.count),
            },
        ),
        f"Released films with budget and revenue known: {each}. "
        f"{money_rule(_sum(tiers, 'hardly_true'), are_in=True)} Budgets under $1M are micro, under $10M low, under "
        f"$50M medium, under $100M high.",
    )
