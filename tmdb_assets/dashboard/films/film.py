"""Film: one film on a page of its own, whose address can be sent: what it is, who made it, what it cost and earned, how
it is followed day by day, and where each of these figures comes from.

What belongs here: the page and its questions. What does not: how a film's days are drawn (followed.py), what a figure
means (the views), the walk to the payload itself (`python -m tmdb_assets.trace`).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import polars as pl
import streamlit as st

from tmdb_assets.dashboard import layout, markup, parts
from tmdb_assets.dashboard.asking import ask, row, warehouse
from tmdb_assets.dashboard.films import followed, ranked
from tmdb_assets.warehouse import figures

FILM = """
SELECT
    movie.movie_id, movie.title, movie.original_title, movie.release_date, movie.status, movie.runtime_minutes,
    movie.budget_usd, movie.revenue_usd, movie.has_implausible_money, movie.imdb_id, movie.tagline, movie.overview,
    movie.poster_path, movie.observed_on, movie.gone_on, movie.listed_on,
    coalesce(language.name, movie.original_language) AS language,
    series.name AS series
FROM tmdb.dim_movie AS movie
LEFT JOIN tmdb.dim_language AS language ON language.iso_639_1 = movie.original_language
LEFT JOIN tmdb.dim_collection AS series ON series.collection_id = movie.collection_id
WHERE movie.movie_id = $id
"""
#: What a film belongs to: what it is called, and the names of it.
MEMBERS = """
SELECT 'Genres' AS kind, genre.name
FROM tmdb.bridge_movie_genre AS member JOIN tmdb.dim_genre AS genre ON genre.genre_id = member.genre_id
WHERE member.movie_id = $id
UNION ALL
SELECT 'Countries', coalesce(country.name, country.iso_3166_1)
FROM tmdb.bridge_movie_country AS member JOIN tmdb.dim_country AS country ON country.iso_3166_1 = member.iso_3166_1
WHERE member.movie_id = $id
UNION ALL
SELECT 'Companies', company.name
FROM tmdb.bridge_movie_company AS member JOIN tmdb.dim_company AS company ON company.company_id = member.company_id
WHERE member.movie_id = $id
UNION ALL
SELECT 'Keywords', keyword.name
FROM tmdb.bridge_movie_keyword AS member JOIN tmdb.dim_keyword AS keyword ON keyword.keyword_id = member.keyword_id
WHERE member.movie_id = $id
ORDER BY ALL
"""
CAST = """
SELECT person.name, member.character, member.cast_order
FROM tmdb.bridge_movie_cast AS member
JOIN tmdb.dim_person AS person ON person.person_id = member.person_id
WHERE member.movie_id = $id
ORDER BY member.cast_order NULLS LAST, person.name, member.credit_id
"""
CREW = """
SELECT person.name, member.job, member.department
FROM tmdb.bridge_movie_crew AS member
JOIN tmdb.dim_person AS person ON person.person_id = member.person_id
WHERE member.movie_id = $id
ORDER BY member.job <> 'Director', member.department <> 'Writing', member.department, member.job, person.name,
    member.credit_id
"""
MONEY = """
SELECT is_released, profit_usd, roi, budget_tier
FROM tmdb.vw_movie_financials
WHERE movie_id = $id
"""
LATEST = """
SELECT observed_on, is_current, popularity, popularity_rank, votes_on, vote_average, vote_count
FROM tmdb.vw_movie_latest
WHERE movie_id = $id
"""
DAYS = "SELECT min(date_id) AS first, max(date_id) AS last FROM tmdb.fact_movie_daily WHERE movie_id = $id"
TRACE = """
SELECT said.table_name, said.date_id, version.delta_version, said.popularity, said.vote_average, said.vote_count,
    said.raw_pointer
FROM tmdb.trace_film($id) AS said
LEFT JOIN main.lake_versions AS version ON version.source = 'tmdb' AND version.table_name = said.table_name
ORDER BY said.table_name, said.date_id DESC
"""
POSTERS = "https://image.tmdb.org/t/p/w342"
#: A path of TMDB's image host and nothing else; the sandbox's own pictures are nowhere.
POSTER = re.compile(r"/(?!sandbox-)[A-Za-z0-9_-]+\.(?:jpg|png|webp)")
NAMED = 12  # companies or keywords in a line


def page() -> None:
    """The page."""
    number = _chosen()
    if number is None:
        return
    film = row(FILM, id=number)
    members = {
        str(kind): names
        for kind, names in ask(MEMBERS, id=number).group_by("kind", maintain_order=True).agg("name").rows()
    }
    _head(film, members)
    latest = ask(LATEST, id=number)
    _figures(film, latest.row(0, named=True) if latest.height else None)
    with layout.section("Money"):
        _money(film)
    with layout.section("Day by day"):
        _days(number, _with_year(film))
    left, right = st.columns(2, gap="large")
    with left, layout.section("Cast"):
        _people(ask(CAST, id=number), film, "cast", {"name": layout.text("Name"), "character": layout.text("Role")})
    with right, layout.section("Crew"):
        _people(ask(CREW, id=number), film, "crew", {"name": layout.text("Name"), "job": layout.text("Job")})
    with layout.section("Where these figures come from"):
        _origin(number, film)


def _chosen() -> int | None:
    """The film that the URL names, or another one chosen on the page; the most popular one when it names none."""
    said = st.query_params.get("id")
    number = int(said) if said and said.isascii() and said.isdecimal() and len(said) < 19 else None
    offered = ranked.offered([] if number is None else [number])
    if not offered:
        layout.nothing("No film has been observed yet: run `make demo`, or the job `tmdb_daily`.")
        return None
    names, ids = list(offered), list(offered.values())
    at = 0 if said is None else ids.index(number) if number in ids else None
    chosen = st.selectbox(
        "Film",
        names,
        index=at,
        key="film",
        placeholder="type a title",
        help=f"The {figures.counted(min(len(names), ranked.OFFERED), 'most popular film')}; *Find films* leads to "
        f"every other one.",
    )
    if chosen is None:
        what = (
            f"has the id {number}"
            if number is not None
            else "is meant by this address, which has no number as its `id`"
        )
        st.warning(
            f"No film of this warehouse {what}: choose one above, or look for it on *Find films*.",
            icon=":material/search_off:",
        )
        return None
    layout.keep("title", [])  # a table puts it there, and it may be that of another film by now
    layout.keep("id", [str(offered[chosen])])
    return offered[chosen]


def _called(film: dict[str, Any]) -> str:
    return str(film["title"] or film["original_title"] or f"Film {film['movie_id']}")


def _with_year(film: dict[str, Any]) -> str:
    return _called(film) + (f" ({film['release_date'].year})" if film["release_date"] else "")


def _head(film: dict[str, Any], members: dict[str, list[str]]) -> None:
    title, released = _called(film), film["release_date"]
    origin = warehouse().info.origin
    is_real = origin != "sandbox"
    facts = [
        figures.day(released) if released else "Release unknown",
        film["status"],
        _length(film["runtime_minutes"]),
        film["language"],
    ]
    lines = [
        " · ".join(str(fact) for fact in facts if fact),
        film["original_title"] and film["original_title"] != title and f"Original title: {film['original_title']}",
        film["tagline"],
        film["overview"] or "Its summary is unknown.",
        *(_line(kind, members[kind]) for kind in ("Genres", "Countries", "Companies", "Keywords") if kind in members),
        film["series"] and f"Series: {film['series']}",
    ]
    path = film["poster_path"]
    leads_to = [("Compare with other films", f"trends?films={film['movie_id']}")]
    if is_real:
        leads_to.append(("TMDB", f"https://www.themoviedb.org/movie/{film['movie_id']}"))
        if film["imdb_id"]:
            leads_to.append(("IMDb", f"https://www.imdb.com/title/{film['imdb_id']}/"))
    poster = POSTERS + path if is_real and path and POSTER.fullmatch(path) else None
    st.html(markup.head(_with_year(film), [line or None for line in lines], poster, leads_to))
    if film["gone_on"]:
        st.warning(
            f"TMDB has no longer had this film since {figures.day(film['gone_on'])}: what follows was observed before."
        )
    if film["observed_on"] is None:
        st.info("Its details were never observed: only lists or the ID export have named it, so most is unknown.")


def _length(minutes: int | None) -> str:
    if minutes is None:
        return "Running time unknown"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _line(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{kind}: {', '.join(name or figures.UNKNOWN for name in names[:NAMED])}{more}"


def _figures(film: dict[str, Any], latest: dict[str, Any] | None) -> None:
    if latest is None:
        layout.nothing("No day of this film has been observed: its popularity and votes are unknown.")
        return
    on = figures.day(latest["observed_on"])
    rank = latest["popularity_rank"]
    layout.tiles(
        markup.Tile("Popularity", figures.decimal(latest["popularity"]), told=f"TMDB's own measure, on {on}."),
        markup.Tile("Rank", figures.count(rank), told=f"Among the films there on {on}; 1 is the most popular."),
        markup.Tile("Mean vote", figures.decimal(latest["vote_average"]), told="0 to 10; unknown without votes."),
        markup.Tile("Votes", figures.count(latest["vote_count"])),
    )
    votes = f"; its votes on {figures.day(latest['votes_on'])}" if latest["votes_on"] else "; its votes never were"
    st.caption(f"Observed on {on}{votes}.")


def _money(film: dict[str, Any]) -> None:
    budget, revenue = film["budget_usd"], film["revenue_usd"]
    answered = ask(MONEY, id=film["movie_id"])
    money: dict[str, Any] = answered.row(0, named=True) if answered.height else {}
    layout.tiles(
        markup.Tile("Budget", figures.money(budget), money.get("budget_tier")),
        markup.Tile("Revenue", figures.money(revenue)),
        markup.Tile("Profit", figures.money(money.get("profit_usd")), told="Revenue less budget."),
        markup.Tile("Return", figures.ratio(money.get("roi")), told="Revenue over budget: 1 is break-even."),
    )
    if film["has_implausible_money"]:
        st.warning(
            f"Hardly true: TMDB says a budget of {figures.dollars(budget)} and a revenue of "
            f"{figures.dollars(revenue)}. It "
            "stands here as it was typed in; no ranking by money takes it in.".replace("$", r"\$"),
            icon=":material/flag:",
        )
    st.caption(_rests_on(film, money))


def _rests_on(film: dict[str, Any], money: dict[str, Any]) -> str:
    """What the money rests on, in a sentence."""
    unknown = [
        name for name, value in (("budget", film["budget_usd"]), ("revenue", film["revenue_usd"])) if value is None
    ]
    if film["observed_on"] is None:
        return "Money comes with a film's details, which were never observed."
    if unknown:
        which = " and ".join(unknown)
        return (
            f"The {which} {'is' if len(unknown) == 1 else 'are'} unknown (TMDB writes 0), so there is neither profit "
            f"nor return. From the details observed on {figures.day(film['observed_on'])}."
        )
    observed = figures.day(film["observed_on"])
    if money and not money["is_released"]:
        return f"Not released: its money counts in no figure yet. From the details observed on {observed}."
    return f"In dollars of the day, from the details observed on {observed}."


def _days(number: int, called: str) -> None:
    ends = row(DAYS, id=number)
    first, last = ends["first"], ends["last"]
    if first is None:
        layout.nothing("No day of this film has been observed.")
        return
    measure = followed.MEASURES[layout.choice("Figure", list(followed.MEASURES), "figure")]
    shown = _period(first, last)
    known = followed.known_days(followed.history({number: called}, *shown), measure)
    if known.is_empty():
        layout.nothing(f"Nothing of this was observed in this period: {figures.span(*shown)}.")
        return
    followed.lines(
        known,
        measure,
        f"Rests on {figures.counted(known.height, 'observed day')}. A gap is a day that was not observed.",
    )


def _period(first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    if first == last:
        st.caption(f"Only one day of it has been observed: {figures.day(first)}.")
        return first, last
    return layout.between("Period", first, last, (first, last), "period", "D MMM YYYY")


def _people(people: pl.DataFrame, film: dict[str, Any], kind: str, columns: dict[str, Any]) -> None:
    if people.is_empty():
        layout.nothing(f"Nobody of its {kind} is known.")
        return
    parts.table(people, columns, f"{kind} of film {film['movie_id']}")
    st.caption(
        f"{figures.counted(people.height, 'credit')}, from the details observed on {figures.day(film['observed_on'])}."
    )


def _origin(number: int, film: dict[str, Any]) -> None:
    said = ask(TRACE, id=number)
    if said.is_empty():
        layout.nothing("Nothing of this film is kept: neither a day of it nor its details.")
    else:
        parts.table(
            said,
            {
                "date_id": st.column_config.DateColumn("Day", format="D MMM YYYY"),
                "table_name": layout.text("Table"),
                "delta_version": layout.number("Delta version", "%d"),
                "popularity": layout.number("Popularity", "%.1f"),
                "vote_average": layout.number("Mean vote", "%.1f"),
                "vote_count": layout.number("Votes", "%,d"),
                "raw_pointer": layout.text("Where the lake keeps what TMDB said"),
            },
            f"origin of film {number}",
        )
        st.caption(
            f"{figures.counted(said.height, 'row')} of the lake {layout.escaped(warehouse().info.lake)}, at the "
            f"versions that this warehouse was made from. The raw answers themselves, word for word:"
        )
    st.code(f".venv/bin/python -m tmdb_assets.trace vw_movie_latest {number}", language="bash", wrap_lines=True)
