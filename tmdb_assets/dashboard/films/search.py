"""Find films: by words, people, genre, country, year and rating; what is found leads to its pages, and can be taken
along.

What belongs here: the form and the table. What does not: what matches (the macro tmdb.search_movies).
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from tmdb_assets.dashboard import layout
from tmdb_assets.dashboard.asking import ask
from tmdb_assets.dashboard.films import ranked
from tmdb_assets.warehouse import figures

FOUND = """
SELECT
    movie_id, title, original_title, release_date, release_year, status, original_language, vote_average, vote_count,
    popularity, runtime_minutes, budget_usd, revenue_usd, profit_usd, roi, has_implausible_money, genres, directors,
    writers, actors, companies, countries, languages, keywords, collection_name, tagline, overview, imdb_id
FROM tmdb.search_movies(
    genres := $genres, actor := $actor, director := $director, min_rating := $min_rating, years := $years,
    keyword := $keyword, company := $company, text := $text, min_votes := $min_votes, min_budget := $min_budget,
    max_budget := $max_budget, min_revenue := $min_revenue, status := $status
)
-- the macro would take a part of the name, and a name that was chosen may be part of another one
WHERE $country IS NULL OR list_contains(countries, $country)
ORDER BY {order} DESC NULLS LAST, movie_id
"""
GENRES = "SELECT name FROM tmdb.dim_genre WHERE name IS NOT NULL ORDER BY name"
#: Two codes may share one name: it is offered once, and finds the films of both.
COUNTRIES = """
SELECT coalesce(country.name, country.iso_3166_1) AS called
FROM tmdb.dim_country AS country
JOIN tmdb.bridge_movie_country AS member ON member.iso_3166_1 = country.iso_3166_1
GROUP BY called
ORDER BY count(DISTINCT member.movie_id) DESC, called
"""
YEARS = "SELECT min(release_year), max(release_year) FROM tmdb.vw_movie_financials"
STATUSES = (
    "SELECT status FROM tmdb.vw_movie_search WHERE status IS NOT NULL GROUP BY status ORDER BY count(*) DESC, status"
)
#: An order by money puts what is hardly true last, as the rankings leave it out.
TRUE_MONEY = "CASE WHEN NOT has_implausible_money THEN {column} END"
#: What films are put in order by -> column
ORDERS = {
    "Popularity": "popularity",
    "Rating": "vote_average",
    "Votes": "vote_count",
    "Revenue": TRUE_MONEY.format(column="revenue_usd"),
    "Profit": TRUE_MONEY.format(column="profit_usd"),
    "Return": TRUE_MONEY.format(column="roi"),
    "Release": "release_date",
    "Running time": "runtime_minutes",
}
VOTES = [0, 10, 50, 100, 500, 1000]
AMOUNTS = {figures.money(n * 1e6): n * 1_000_000 for n in (1, 5, 10, 20, 50, 100, 200, 500, 1000)}
LISTED_AT_MOST, NAMED = 1000, 4
FREE = ("words", "actor", "director", "keyword", "company")


def page() -> None:
    """The page."""
    wanted, order = _form()
    found = ask(FOUND.format(order=ORDERS[order]), **wanted)
    if found.is_empty():
        total = ask("SELECT count(*) FROM tmdb.vw_movie_search").item()
        layout.nothing(
            f"None of {figures.counted(total, 'film')} with details has all of this."
            if total
            else "No film has details yet: run `make demo`, or the job `tmdb_daily`."
        )
        return
    cut = (
        f"; the first {figures.count(LISTED_AT_MOST)} are listed, the file has all"
        if found.height > LISTED_AT_MOST
        else ""
    )
    st.markdown(f"**{figures.count(found.height)}** film{'' if found.height == 1 else 's'}{cut}")
    _table(found)


def _form() -> tuple[dict[str, object], str]:
    """What is asked for: the macro's parameters, and what to order by."""
    words = st.text_input(
        "Words", key="words", bind="query-params", placeholder="in the title, the tagline or the summary"
    )
    genre_names = ask(GENRES).get_column("name").to_list()
    genres = st.multiselect(
        "Genres", genre_names, key="genres", bind="query-params", placeholder="all of them must apply"
    )
    first, second, third = st.columns(3)
    actor = first.text_input("Actor", key="actor", bind="query-params", placeholder="any part of the name")
    director = second.text_input("Director", key="director", bind="query-params", placeholder="any part of the name")
    order = third.selectbox("Order by", list(ORDERS), key="order", bind="query-params") or "Popularity"
    with st.expander("More: year, rating, votes, country, company, keyword, status, money"):
        years = _years()
        left, middle, right = st.columns(3)
        rating = left.slider(
            "Mean vote at least", 0.0, 10.0, 0.0, 0.5, key="rating", bind="query-params", format="%.1f"
        )
        votes = middle.selectbox("Votes at least", VOTES, key="votes", bind="query-params") or 0
        countries = ask(COUNTRIES).get_column("called").to_list()
        country = right.selectbox(
            "Country", countries, index=None, key="country", bind="query-params", placeholder="any"
        )
        company = left.text_input("Company", key="company", bind="query-params", placeholder="any part of the name")
        keyword = middle.text_input("Keyword", key="keyword", bind="query-params", placeholder="any part of it")
        known = ask(STATUSES).get_column("status").to_list()
        status = right.selectbox("Status", known, index=None, key="status", bind="query-params", placeholder="any")
        amounts = {
            name: place.selectbox(label, list(AMOUNTS), index=None, key=name, bind="query-params", placeholder="any")
            for place, name, label in (
                (left, "min_budget", "Budget at least"),
                (middle, "max_budget", "Budget at most"),
                (right, "min_revenue", "Revenue at least"),
            )
        }
    return {
        "text": words.strip() or None,
        "genres": genres or None,
        "actor": actor.strip() or None,
        "director": director.strip() or None,
        "years": years,
        "min_rating": rating or None,
        "min_votes": votes or None,
        "country": country,
        "company": company.strip() or None,
        "keyword": keyword.strip() or None,
        "status": status,
        **{name: AMOUNTS[amount] if amount else None for name, amount in amounts.items()},
    }, order


def _years() -> list[int] | None:
    """First and last year of release; None for all, films without a date included."""
    first, last = ask(YEARS).row(0)
    if first is None or first == last:
        return None
    chosen = layout.between("Years of release", first, last, (first, last), "years", is_all=True)
    return None if chosen == (first, last) else list(chosen)


def _table(found: pl.DataFrame) -> None:
    names = [pl.col(name).list.head(NAMED).list.join(", ") for name in ("genres", "directors", "actors", "countries")]
    ranked.table(
        found.head(LISTED_AT_MOST).with_columns(names),
        {
            "release_year": layout.number("Year", "%d", width=60),
            "vote_average": layout.number("Mean vote", "%.1f"),
            "vote_count": layout.number("Votes", "%,d"),
            "popularity": layout.number("Popularity", "%.1f"),
            "runtime_minutes": layout.number("Minutes", "%d"),
            "genres": layout.text("Genres"),
            "directors": layout.text("Directors"),
            "actors": layout.text("Cast"),
            "status": layout.text("Status"),
            "budget_usd": layout.dollars("Budget"),
            "revenue_usd": layout.dollars("Revenue"),
            "profit_usd": layout.dollars("Profit"),
            "roi": layout.number("Return", "%.1f ×"),
            "has_implausible_money": st.column_config.CheckboxColumn("Hardly true"),
            "countries": layout.text("Countries"),
        },
        "films",
        rows=14,
        taken=found,
    )
    st.caption(
        "Every film whose details were observed and that TMDB still has can be found. In an order by money, entries "
        "that are hardly true come last. The table goes on to the right, and the files have more columns."
    )
