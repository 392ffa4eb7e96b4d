"""Every page of the dashboard, run without a browser: full, empty, without a warehouse, and with one it cannot use."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus
from xml.etree.ElementTree import Element, fromstring

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from tmdb_assets.dashboard import app, asking, files, layout
from tmdb_assets.dashboard.films import followed, money, people, places, quality, search, today, trends
from tmdb_assets.dashboard.subscribers import checks
from tmdb_assets.report.answers import read
from tmdb_assets.warehouse import credit, figures
from tmdb_assets.warehouse.reader import Warehouse
from tmdb_assets_tests.end_to_end.harness import TODAY
from tmdb_assets_tests.sources.tmdb.worlds import DAYS
from tmdb_assets_tests.warehouse.published import REFUSED, SET_ASIDE, altered, broken_out, emptied

PAGES = {page.title: page for pages in app.PAGES.values() for page in pages}
PATHS = [page.path for page in PAGES.values()]
#: A film that was never observed on any day, and whose title is all that a page could stumble over.
SILENT = 999_999
NASTY = "O'Brien & <b>Söhne</b> *$x$* #1"
ADD_SILENT = (
    "INSERT INTO tmdb.dim_movie BY NAME SELECT * REPLACE (999999 AS movie_id, $$O'Brien & <b>Söhne</b> *$x$* #1$$ AS "
    "title, "
    "DATE '2020-05-01' AS release_date, NULL AS gone_on) FROM tmdb.dim_movie WHERE observed_on IS NOT NULL AND gone_on "
    "IS NULL LIMIT 1"
)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a page over a warehouse; words after the path are what the URL says."""

    def run(path: str, warehouse: Path, **query: str | list[str]) -> AppTest:
        monkeypatch.setenv("TMDB_ASSETS_WAREHOUSE", str(warehouse))
        asking.warehouse.cache_clear()
        test = AppTest.from_string(f"from tmdb_assets.dashboard.app import show\nshow({path!r})", default_timeout=120)
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    return run


@pytest.fixture(scope="module")
def empty(film_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse without a single row of any source. Read only."""
    return emptied(film_warehouse, tmp_path_factory.mktemp("empty") / "w.duckdb")


@pytest.fixture(scope="module")
def old(film_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that an older version of the project wrote. Read only."""
    older = "UPDATE main.warehouse_info SET format_version = 0"
    return altered(film_warehouse, tmp_path_factory.mktemp("old") / "w.duckdb", older)


def asked(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    """The answer of a warehouse, in a connection that knows nothing of the dashboard."""
    with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
        return connection.execute(sql).fetchall()


def said(test: AppTest) -> str:
    """All that a page says in words."""
    kinds = (test.title, test.subheader, test.markdown, test.caption, test.info, test.warning, test.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def charts(test: AppTest) -> int:
    return len(test.get("arrow_vega_lite_chart")) + len(test.get("vega_lite_chart")) + len(bars(test))


def markup(test: AppTest, kind: str) -> list[Element]:
    """What a page draws itself of a kind: `tiles` or `bars`."""
    bodies = [element.proto.body for element in test.get("html")]
    return [fromstring(body) for body in bodies if body.startswith(f'<div class="{kind}">')]


def tiles(test: AppTest) -> dict[str, tuple[str | None, str | None]]:
    """The figures of a page's tiles and what stands below each, by what they are called."""
    every = [tile for drawn in markup(test, "tiles") for tile in drawn]
    return {str(tile.findtext("span")): (tile.findtext("b"), tile.findtext("em")) for tile in every}


def bars(test: AppTest) -> list[list[tuple[str, str]]]:
    """Of each chart of bars of a page: label and figure of every bar."""
    rows = [drawn.findall("ol/li") for drawn in markup(test, "bars")]
    return [[("".join(row[0].itertext()), str(row.findtext("em"))) for row in each] for each in rows]


# -- full --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", PAGES)
def test_a_page_shows_its_charts_and_says_what_they_rest_on(title: str, show: Any, film_warehouse: Path) -> None:
    test = show(PAGES[title].path, film_warehouse)
    assert not test.exception
    assert [element.value for element in test.title] == [title]
    assert not test.warning
    if title == "Answers in SQL":
        assert "run `make day SOURCE=moovitamix`" in said(test)  # this warehouse has nothing of that source
    else:
        assert charts(test) + len(test.dataframe) >= 1
    # one caption under each chart, one for the update, one for the attribution
    assert len(test.caption) >= charts(test) + 2
    assert "not endorsed or certified by TMDB" in said(test)
    assert PAGES[title].source.banner in said(test)
    assert "Updated" in said(test)


def test_today_counts_the_films_of_the_newest_day(show: Any, film_warehouse: Path) -> None:
    observed = asked(
        film_warehouse,
        f"SELECT fact.movie_id, fact.vote_average, movie.gone_on FROM tmdb.fact_movie_daily AS fact "
        f"JOIN tmdb.dim_movie AS movie USING (movie_id) WHERE date_id = DATE '{TODAY}'",
    )
    there = [row for row in observed if row[2] is None]
    rated = [vote for _, vote, _ in there if vote is not None]
    test = show("", film_warehouse)
    assert f"As observed on **{TODAY.day} {TODAY:%B %Y}**" in said(test)
    assert tiles(test)["Films"][0] == str(len(there))
    assert tiles(test)["Mean rating"][0] == f"{sum(rated) / len(rated):.1f}"
    newest, before = asked(film_warehouse, "SELECT films FROM tmdb.vw_daily_popularity ORDER BY date_id DESC LIMIT 2")
    assert tiles(test)["Films"][1] == (figures.change(newest[0] - before[0]) if newest != before else None)
    [[votes, a_day]] = asked(
        film_warehouse,
        "SELECT (SELECT sum(vote_count) FROM tmdb.vw_movie_latest WHERE is_current AND gone_on IS NULL), "
        "(SELECT sum(votes_per_day_7d) FROM tmdb.vw_trending)",
    )
    assert tiles(test)["Votes"] == (f"{votes:,}", f"{figures.change(a_day)} a day")
    popular = asked(film_warehouse, "SELECT title, popularity FROM tmdb.vw_top_movies ORDER BY position LIMIT 16")
    assert bars(test)[0] == [(title, f"{popularity:,.1f}") for title, popularity in popular]


@pytest.mark.parametrize("number", [1, today.BREAKOUTS_DRAWN, today.BREAKOUTS_DRAWN + 1])
def test_breakouts_are_drawn_and_all_of_them_listed_for_who_asks(
    number: int, show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    test = show("", altered(film_warehouse, tmp_path / "w.duckdb", broken_out(number)))
    assert not test.exception
    assert tiles(test)["Breakouts"][0] == str(number)
    assert [figure for _, figure in bars(test)[-1]] == ["8.2×"] * min(number, today.BREAKOUTS_DRAWN)
    some = (
        f"The first {today.BREAKOUTS_DRAWN} of {number} films" if number > today.BREAKOUTS_DRAWN else f"{number} film"
    )
    assert some in said(test)
    assert [expander.label for expander in test.expander] == (
        [f"All {number} films"] if number > today.BREAKOUTS_DRAWN else []
    )
    assert not test.dataframe, "a table is drawn before anybody asked for it"


def test_movers_are_those_of_the_days_chosen(show: Any, film_warehouse: Path) -> None:
    week, day = show("", film_warehouse), show("", film_warehouse, since="1 day")
    assert week.get("button_group")[0].value == "7 days"
    assert day.get("button_group")[0].value == "1 day"
    for shown, since in ((week, "7d"), (day, "1d")):
        moved = asked(
            film_warehouse,
            f"SELECT title, rank_change_{since} FROM tmdb.vw_trending WHERE rank_change_{since} <> 0 AND "
            f"least(popularity_rank, popularity_rank_{since}_ago) <= {today.AMONG} "
            f"ORDER BY rank_change_{since} DESC, movie_id",
        )
        climbed, fallen = [m for m in moved if m[1] > 0], [m for m in moved if m[1] < 0]
        drawn = climbed[: today.SHOWN] + fallen[-today.SHOWN :]
        assert drawn, "else nothing is compared with nothing"
        titles = [(re.sub(r" \(\d{4}\)$", "", title), places) for title, places in bars(shown)[1]]
        assert titles == [(title, figures.change(places)) for title, places in drawn]
    rests = [caption.value for caption in day.caption if "climbed" in caption.value]
    moved = asked(
        film_warehouse,
        "SELECT count(*) FILTER (WHERE rank_change_1d > 0) FROM tmdb.vw_trending WHERE least(popularity_rank, "
        f"popularity_rank_1d_ago) <= {today.AMONG}",
    )
    assert rests[0].startswith(f"Rests on {moved[0][0]} films that climbed")


def published(warehouse: Path, path: Path, day: dt.date) -> Path:
    """A copy that was published in the first hour of a day (UTC)."""
    return altered(warehouse, path, f"UPDATE main.warehouse_info SET published_at = TIMESTAMPTZ '{day} 00:30:00+00'")


# before its newest day, on it, on the day after, weeks later: a day that is not over is not missed
@pytest.mark.parametrize(("days", "since"), [(-400, 0), (0, 0), (1, 0), (2, 1), (20, 19)])
def test_missing_days_are_counted_up_to_the_publication(
    days: int, since: int, show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    made = published(film_warehouse, tmp_path / "w.duckdb", TODAY + dt.timedelta(days=days))
    began = TODAY - dt.timedelta(days=14)  # the first of the last days that lie no more than a week apart
    missing = (max(DAYS) - began).days + 1 - sum(day >= began for day in DAYS)
    assert missing > 0
    text = said(show("quality", made))
    assert f"{len(DAYS)} days observed and {missing + since} missing, with" in text
    every = [began + dt.timedelta(days=n) for n in range(15 + since)]
    named = [day for day in every if day not in DAYS]
    assert len(named) == missing + since
    assert f"Missing: {figures.days(named)}." in text


def test_a_period_without_an_observed_day_is_missing_as_a_whole(
    show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    made = published(film_warehouse, tmp_path / "w.duckdb", TODAY + dt.timedelta(days=200))
    test = show("quality", made, last="30 days")
    assert not test.exception
    last = TODAY + dt.timedelta(days=199)
    first = last - dt.timedelta(days=29)
    assert (
        f"0 days observed and 30 missing. Missing: 30 days, the first {figures.day(first)}, the last "
        f"{figures.day(last)}." in said(test)
    )


@pytest.mark.parametrize("weekday", range(7))
def test_every_day_of_the_calendar_has_a_place(weekday: int, show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    end = TODAY + dt.timedelta(days=60 + weekday)
    made = published(film_warehouse, tmp_path / "w.duckdb", end + dt.timedelta(days=1))
    for days in (30, 90):
        specs = [
            json.loads(chart.proto.spec) for chart in show("quality", made, last=f"{days} days").get("vega_lite_chart")
        ]
        across = next(x for spec in specs if (x := spec["encoding"]["x"]).get("field") == "week")
        places = [dt.date(place["year"], place["month"], place["date"]) for place in across["scale"]["domain"]]
        first = max(end - dt.timedelta(days=days - 1), min(DAYS))
        mondays = {day - dt.timedelta(days=day.weekday()) for day in (first, end)}
        assert {places[0], places[-1]} == mondays
        assert {after - before for before, after in pairwise(places)} == {dt.timedelta(days=7)}


# two countries of one name, and one whose name has that name in it
NAMESAKES = (
    "UPDATE tmdb.dim_country SET name = 'Congo' WHERE iso_3166_1 IN (SELECT iso_3166_1 FROM tmdb.bridge_movie_country "
    "GROUP BY iso_3166_1 ORDER BY count(*) DESC, iso_3166_1 LIMIT 2)",
    "UPDATE tmdb.dim_country SET name = 'Congo and more' WHERE iso_3166_1 IN (SELECT iso_3166_1 FROM "
    "tmdb.bridge_movie_country GROUP BY iso_3166_1 ORDER BY count(*) DESC, iso_3166_1 LIMIT 2 OFFSET 2)",
)


def test_a_country_finds_its_own_films_and_is_offered_once(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    made = altered(film_warehouse, tmp_path / "w.duckdb", *NAMESAKES)
    films = dict(asked(made, "SELECT movie_id, countries FROM tmdb.vw_movie_search WHERE countries IS NOT NULL"))
    other = [countries for countries in films.values() if "Congo and more" in countries and "Congo" not in countries]
    assert other
    test = show("find", made, country="Congo")
    assert f"**{sum('Congo' in countries for countries in films.values())}** films" in said(test)
    offered = test.selectbox(key="country").options
    assert len(offered) == len(set(offered)) > 2


def test_years_without_money_are_a_sentence_and_the_page_goes_on(
    show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    years = [row[0] for row in asked(film_warehouse, f"SELECT release_year FROM ({money.YEARS})")]
    gap = next(year for year in range(years[0], years[-1]) if year not in years)
    for dollars in (money.NOMINAL, money.REAL):
        test = show("money", film_warehouse, years=[str(gap), str(gap)], dollars=dollars)
        assert not test.exception
        assert test.slider(key="years").value == (gap, gap)
        assert "No released film of these years has a known budget or revenue" in said(test)
        assert "Budget tiers" in said(test)
        assert credit.ATTRIBUTION in said(test)


def test_constant_dollars_say_which_films_they_leave_out(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    films = dict(asked(film_warehouse, f"SELECT release_year, films_with_money FROM ({money.YEARS})"))
    newest = max(films)
    assert len(films) > 1
    made = altered(film_warehouse, tmp_path / "w.duckdb", f"DELETE FROM tmdb.dim_cpi WHERE year >= {newest}")
    span = [str(min(films)), str(newest)]
    text = said(show("money", made, years=span, dollars=money.REAL))
    assert f"Rests on {sum(films.values()) - films[newest]} released films with a year of release" in text
    assert re.search(
        rf"known from 1913 to {newest - 1}: {films[newest]} films? of other years (is|are) left out\.", text
    )
    alone = show("money", made, years=[str(newest), str(newest)], dollars=money.REAL)
    assert not alone.exception
    assert any(f"to {newest - 1}: {films[newest]} film" in info.value for info in alone.info)
    assert "of other years" not in said(show("money", made, years=span))


def test_nominal_and_constant_dollars_are_of_the_same_films(film_warehouse: Path) -> None:
    columns = "release_year, films_with_revenue, films_with_budget, films_with_money"
    covered = "WHERE release_year IN (SELECT year FROM tmdb.dim_cpi) ORDER BY release_year"
    nominal, real = (
        asked(film_warehouse, f"SELECT {columns} FROM ({years}) {covered}") for years in (money.YEARS, money.REAL_YEARS)
    )
    assert nominal == real
    assert any(revenue != budget for _, revenue, budget, _ in nominal)


#: Two popular films with the largest revenues and budgets there are, both flagged.
FALSE_MONEY = (
    "UPDATE tmdb.dim_movie SET has_implausible_money = true, status = 'Released', title = 'False ' || movie_id, "
    "budget_usd = 8000000000, revenue_usd = 9000000000, release_date = DATE '2001-01-01' WHERE movie_id IN "
    "(SELECT movie_id FROM tmdb.vw_top_movies JOIN tmdb.vw_movie_financials USING (movie_id) ORDER BY position LIMIT 2)"
)


@pytest.mark.parametrize("ranking", [name for name, (metric, *_) in money.RANKINGS.items() if metric[:5] != "ratin"])
def test_a_ranking_by_money_leaves_out_what_is_hardly_true_and_says_so(
    ranking: str, show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    made = altered(film_warehouse, tmp_path / "w.duckdb", FALSE_MONEY)
    test = show("money", made, ranking=ranking)
    is_of_money = ranking not in {"Most votes", "Popularity"}
    drawn = " ".join(label for chart in bars(test) for label, _ in chart)
    captions = [element.value for element in test.caption if " of the " in element.value and "first" in element.value]
    assert bool(re.search(r" Without the [2-9] films whose money is hardly true\.", captions[0])) == is_of_money
    assert "False" not in drawn or not is_of_money


def test_every_sum_of_money_says_which_films_it_rests_on(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    made = altered(
        film_warehouse, tmp_path / "w.duckdb", "UPDATE tmdb.dim_movie SET has_implausible_money = false", FALSE_MONEY
    )
    with_them, without = (
        "also of the 2 films whose money is hardly true.",
        "Without the 2 films whose money is hardly true.",
    )
    test = show("money", made, years=["1990", "2020"])
    rules = [(with_them in c.value, without in c.value) for c in test.caption if "hardly true" in c.value]
    kinds = [c.value for c in test.caption if "; revenue rests on" in c.value]
    assert len(kinds) == 2
    assert all("Every known figure counts" in kind for kind in kinds)
    years = next(c.value for c in test.caption if "with a year of release" in c.value)
    tiers = next(c.value for c in test.caption if "Budgets under $1M" in c.value)
    genres = next(c.value for c in test.caption if "A film of two genres" in c.value)
    assert with_them in years
    assert "The film named as having earned most is none of them." in years
    assert with_them in tiers
    assert without in genres
    assert rules.count((False, True)) == 3  # points, genres, rankings
    assert (
        with_them
        in said(show("money", made, implausible="true")).split("opens its page")[1].split("Above the dashed")[0]
    )
    none = show(
        "money",
        altered(film_warehouse, tmp_path / "n.duckdb", "UPDATE tmdb.dim_movie SET has_implausible_money = false"),
    )
    assert "Every known figure counts: none is hardly true." in said(none)
    assert "whose money is hardly true" not in said(none)


def test_what_stands_in_backticks_is_code_and_nothing_else_is_markup() -> None:
    assert layout.with_code("Of *all* (`gone_on` says so) `x") == r"Of \*all\* (`gone_on` says so) \`x"


def test_films_in_an_order_by_money_end_with_what_is_hardly_true(
    show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    made = altered(film_warehouse, tmp_path / "w.duckdb", FALSE_MONEY)
    for order, column in (("Revenue", "revenue_usd"), ("Profit", "profit_usd"), ("Return", "roi")):
        found = show("find", made, order=order).dataframe[0].value
        true = found[~found["has_implausible_money"]][column].dropna().tolist()
        assert found[column].tolist()[: len(true)] == sorted(true, reverse=True)
        assert found["has_implausible_money"].tolist()[: len(true)] == [False] * len(true)
    assert found["has_implausible_money"].sum() >= 2


def test_films_are_found_by_status_and_money(show: Any, film_warehouse: Path) -> None:
    statuses = dict(
        asked(
            film_warehouse, "SELECT status, count(*) FROM tmdb.vw_movie_search WHERE status IS NOT NULL GROUP BY status"
        )
    )
    assert len(statuses) > 1
    for status, films in statuses.items():
        assert f"**{films}** film{'' if films == 1 else 's'}" in said(show("find", film_warehouse, status=status))
    ((films,),) = asked(
        film_warehouse,
        "SELECT count(*) FROM tmdb.vw_movie_search WHERE budget_usd BETWEEN 5000000 AND 100000000 AND revenue_usd >= "
        "10000000",
    )
    test = show("find", film_warehouse, min_budget="$5M", max_budget="$100M", min_revenue="$10M")
    assert films > 0
    assert f"**{films}** films" in said(test)
    assert search.AMOUNTS["$1B"] == 1_000_000_000


def test_nobody_leads_by_money_that_is_hardly_true(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    made = altered(film_warehouse, tmp_path / "w.duckdb", FALSE_MONEY)
    for by in ("Total revenue", "Median revenue", "Median return"):
        column = people.FIGURES[by][0]
        for who, (view, _) in people.KINDS.items():
            ((most, largest),) = asked(made, f"SELECT max({column}), max(total_revenue_usd) FROM tmdb.{view}")
            assert most is None or most < 9_000_000_000 <= largest or view == "vw_franchises"
            test = show("people", made, who=who, by=by, films="1")
            assert "Without the films whose money is hardly true." in said(test)
            assert test.dataframe[0].value[column].tolist()[0] == most
    assert "money is hardly true" not in said(show("people", made, who="Directors", by="Mean rating", films="1"))


def test_the_line_of_all_films_is_one_wherever_it_is_drawn(film_warehouse: Path, tmp_path: Path) -> None:
    """A film that is gone counts on no page and in no report from that day on."""
    gone = (
        "UPDATE tmdb.dim_movie SET gone_on = (SELECT max(date_id) - 1 FROM tmdb.fact_movie_daily) WHERE movie_id IN "
        "(SELECT movie_id FROM tmdb.vw_top_movies WHERE position <= 5)"
    )
    made = altered(film_warehouse, tmp_path / "w.duckdb", gone)
    there = asked(
        made,
        "SELECT date_id, count(*), round(sum(popularity), 3) FROM tmdb.fact_movie_daily JOIN tmdb.dim_movie USING "
        "(movie_id) WHERE gone_on IS NULL OR date_id < gone_on GROUP BY date_id ORDER BY date_id",
    )
    with closing(duckdb.connect(str(made), read_only=True)) as connection:
        drawn = connection.execute(trends.DAYS, {"first": min(DAYS), "last": TODAY}).fetchall()
        newest = connection.execute(today.NEWEST_DAYS).fetchall()
    answers = read(Warehouse(made))
    assert answers is not None
    assert [(day, films, round(popularity, 3)) for day, films, popularity in drawn] == there
    assert newest == [row[:2] for row in reversed(there)][:2]
    assert answers.tables["days"].drop("days_missed").rows() == drawn
    assert answers.tables["days"].rows() != [], "the report has a line"


def test_a_filter_in_the_url_is_the_filter_of_the_page(show: Any, film_warehouse: Path) -> None:
    test = show("find", film_warehouse, genres=["Drama"], order="Votes")
    assert test.multiselect(key="genres").value == ["Drama"]
    assert test.selectbox(key="order").value == "Votes"
    dramas = asked(film_warehouse, "SELECT count(*) FROM tmdb.vw_movie_search WHERE list_contains(genres, 'Drama')")
    assert f"**{dramas[0][0]}** films" in said(test)
    votes = test.dataframe[0].value["vote_count"].tolist()
    assert votes == sorted(votes, reverse=True)


@pytest.mark.parametrize(
    "typed", ["'; DROP TABLE tmdb.dim_movie; --", "%", "$text", "\\", "🎬", 'a"b', "x" * 5000, "?"]
)
def test_what_a_user_types_is_a_value_and_never_sql(typed: str, show: Any, film_warehouse: Path) -> None:
    test = show("find", film_warehouse, **dict.fromkeys(search.FREE, typed))
    assert not test.exception
    assert not test.warning
    assert [test.text_input(key=name).value for name in search.FREE] == [typed] * len(search.FREE)
    assert asked(film_warehouse, "SELECT count(*) FROM tmdb.dim_movie")[0][0] > 0
    test = show("people", film_warehouse, name=typed, who="Series' OR 1=1", by="total_revenue_usd; --")
    assert not test.exception
    assert test.get("button_group")[0].value == "Directors"  # what is no option is not taken


@pytest.mark.parametrize(
    ("who", "by"), [*(("Directors", by) for by in people.FIGURES), *((who, "Mean rating") for who in people.KINDS)]
)
def test_people_are_put_in_order_by_any_figure(who: str, by: str, show: Any, film_warehouse: Path) -> None:
    test = show("people", film_warehouse, who=who, by=by, films="1")
    assert not test.exception
    column, _, rests_on = people.FIGURES[by]
    view, _ = people.KINDS[who]
    figures = [
        row[0]
        for row in asked(
            film_warehouse,
            f"SELECT {column} FROM tmdb.{view} WHERE {rests_on} >= 1 AND {column} IS NOT NULL AND name IS NOT NULL",
        )
    ]
    shown = test.dataframe[0].value[column].tolist()
    assert shown == pytest.approx(sorted(figures, reverse=True)[: people.LISTED_AT_MOST])


@pytest.mark.parametrize("figure", followed.MEASURES)
def test_every_figure_of_a_film_can_be_followed(figure: str, show: Any, film_warehouse: Path) -> None:
    test = show("trends", film_warehouse, figure=figure, log="true")
    assert not test.exception
    assert len(test.multiselect(key="films").value) == trends.AT_FIRST
    assert "films and" in said(test)


@pytest.mark.parametrize("compare", [trends.GENRES, trends.CONTINENTS])
def test_groups_are_compared_by_week(compare: str, show: Any, film_warehouse: Path) -> None:
    test = show("trends", film_warehouse, compare=compare)
    assert not test.exception
    assert charts(test) == 1
    assert "By week from Monday" in said(test)


def test_all_films_are_followed_day_by_day(show: Any, film_warehouse: Path) -> None:
    test = show("trends", film_warehouse, compare=trends.ALL)
    assert not test.exception
    assert charts(test) == 1
    first, last = DAYS[3].isoformat(), DAYS[4].isoformat()
    films = asked(
        film_warehouse,
        "SELECT count(*) FROM tmdb.fact_movie_daily JOIN tmdb.dim_movie USING (movie_id) WHERE (gone_on IS NULL OR "
        f"gone_on > date_id) AND date_id BETWEEN DATE '{first}' AND DATE '{last}' GROUP BY date_id ORDER BY count(*)",
    )
    shown = said(show("trends", film_warehouse, compare=trends.ALL, period=[first, last]))
    counts = list(dict.fromkeys(str(number) for (number,) in films))
    assert f"Observed days: {len(films)}, with {' to '.join(counts)} films each" in shown


def test_a_period_in_the_url_limits_what_is_shown(show: Any, film_warehouse: Path) -> None:
    chosen = show("trends", film_warehouse).multiselect(key="films").value
    ids = ", ".join(film.rpartition("#")[2] for film in chosen)
    first, last = (DAYS[3].isoformat(), DAYS[4].isoformat())
    test = show("trends", film_warehouse, period=[first, last])
    assert test.slider(key="period").value == (dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    rows = asked(
        film_warehouse,
        f"SELECT count(*) FROM tmdb.fact_movie_daily WHERE movie_id IN ({ids}) AND date_id BETWEEN DATE '{first}' AND "
        f"DATE '{last}'",
    )
    assert f"films and {rows[0][0]} observations" in said(test)


@pytest.mark.parametrize(
    ("said_first", "said_last", "first", "last"),
    [
        ("2020-01-01", DAYS[4].isoformat(), DAYS[0], DAYS[4]),
        (DAYS[3].isoformat(), "2100-01-01", DAYS[3], DAYS[-1]),
        (DAYS[4].isoformat(), DAYS[3].isoformat(), DAYS[3], DAYS[4]),
        ("2100-01-01", DAYS[3].isoformat(), DAYS[3], DAYS[-1]),
        ("2000-01-01", "2001-01-01", DAYS[0], DAYS[0]),
        (f"{dt.datetime(2100, 1, 1).timestamp() * 1e6:.0f}", DAYS[3].isoformat(), DAYS[3], DAYS[-1]),
        ("a week", "ago", DAYS[0], DAYS[-1]),
        ("inf", "1e30", DAYS[0], DAYS[-1]),
    ],
)
def test_a_period_that_the_data_do_not_have_is_the_part_they_have(
    said_first: str, said_last: str, first: dt.date, last: dt.date, show: Any, film_warehouse: Path
) -> None:
    test = show("trends", film_warehouse, period=[said_first, said_last], compare=trends.GENRES)
    assert not test.exception
    assert test.slider(key="period").value == (first, last)
    assert test.get("button_group")[0].value == trends.GENRES
    assert test.query_params.get("period") == [first.isoformat(), last.isoformat()]
    unreadable = said_first in {"a week", "inf"}
    beyond = not unreadable and {first.isoformat(), last.isoformat()} != {said_first, said_last}
    assert ("what the address asks for cannot be read" in said(test)) == unreadable
    assert ("reaches beyond what there is" in said(test)) == beyond
    assert (f"so this shows {figures.span(first, last)}." in said(test)) == (unreadable or beyond)
    test.slider(key="period").set_value((DAYS[1], DAYS[2])).run()
    assert "what the address asks for" not in said(test)
    assert test.slider(key="period").value == (DAYS[1], DAYS[2])


@pytest.mark.parametrize("path", ["money", "places", "find"])
def test_years_that_the_data_do_not_have_are_the_part_they_have(path: str, show: Any, film_warehouse: Path) -> None:
    years = show(path, film_warehouse).slider(key="years")
    for wanted, within in [
        (["1995", "1990"], (1990, 1995)),
        (["1500", "1995"], (years.min, 1995)),
        (["2500", "1995"], (1995, years.max)),
    ]:
        test = show(path, film_warehouse, years=wanted)
        assert not test.exception
        assert test.slider(key="years").value == within
        told = f"({min(wanted)} to {max(wanted)}) reaches beyond what there is ({years.min:.0f} to {years.max:.0f})"
        assert (told in said(test)) == (wanted != ["1995", "1990"])


@pytest.mark.parametrize("shade", places.SHADES)
def test_genres_by_year_can_be_shaded_by_each_figure(shade: str, show: Any, film_warehouse: Path) -> None:
    test = show("places", film_warehouse, shade=shade, continent="Asia")
    assert not test.exception
    assert test.selectbox(key="continent").value == "Asia"


def test_every_country_of_the_reference_has_a_place_on_the_map() -> None:
    from tmdb_assets.dashboard.drawing import positions
    from tmdb_assets.sources.tmdb.shipped import country_continents

    known = set(country_continents().get_column("iso_3166_1"))
    assert set(positions().get_column("iso_3166_1")) == known
    assert positions().get_column("latitude").is_between(-90, 90).all()
    assert positions().get_column("longitude").is_between(-180, 180).all()


# -- the checks of a month ---------------------------------------------------------------------------------------------


def of_month(warehouse: Path, month: str) -> list[tuple[str, str, bool, str]]:
    return asked(  # type: ignore[return-value]  # the columns say so
        warehouse,
        "SELECT subject, check_name, is_passed, sentence FROM streamflow.vw_checks "
        f"WHERE strftime(as_of, '%Y-%m') = '{month}'",
    )


def failures(test: AppTest) -> list[tuple[str, str]]:
    """Check and what was found, of the table of what does not hold, as a reader sees it."""
    rows = test.table[0].value.itertuples(index=False) if len(test.table) else []
    return [(check, re.sub(r"\\(\W|_)", r"\1", found)) for check, found in rows]


@pytest.mark.parametrize("month", ["2024-01", SET_ASIDE])
def test_a_month_shows_how_many_checks_hold_and_each_that_does_not(month: str, show: Any, film_warehouse: Path) -> None:
    test = show("checks", film_warehouse, month=month)
    assert not test.exception
    assert test.selectbox(key="month").value == month
    made = of_month(film_warehouse, month)
    failed = {
        (checks.PROMISES[check], f"{subject.split('/')[-1]}: {said}") for subject, check, held, said in made if not held
    }
    shown = tiles(test)
    assert shown["Checks that hold"] == (str(len(made) - len(failed)), f"of {len(made)}")
    assert shown["Users of the month"][0] == "40"
    assert shown["Rows set aside"] == (("1", "of 240") if month == SET_ASIDE else ("0", "of 240"))
    assert set(failures(test)) == failed
    assert bool(failed) == (month == SET_ASIDE)
    assert ("all 39 checks of this month hold" in said(test)) == (not failed)
    assert ("every row that came in kept its contract" in said(test)) == (not failed)
    assert "a drop invented by the built-in sandbox" in said(test)


def test_a_refused_month_comes_first_and_says_what_is_wrong_with_it(show: Any, film_warehouse: Path) -> None:
    test = show("checks", film_warehouse)
    assert not test.exception
    assert test.selectbox(key="month").value == REFUSED
    assert {label: figure for label, (figure, _) in tiles(test).items()} == {
        "Checks that hold": "5", "Users of the month": "–", "Rows set aside": "–", "Values set aside": "–",
    }  # fmt: skip
    found = failures(test)
    assert [check for check, _ in found] == [checks.PROMISES["extraction_complete"]] * 2
    assert "drop the month again, corrected; at fault: labels.csv" in found[0][1]
    assert "Nothing of this month was taken" in said(test)
    assert charts(test) == 2, "what was published of other months is shown nevertheless"


def test_every_check_has_words_and_each_verdict_a_colour(film_warehouse: Path) -> None:
    made = {row[0] for row in asked(film_warehouse, "SELECT DISTINCT check_name FROM streamflow.vw_checks")}
    assert made == set(checks.PROMISES)
    verdicts = {row[0] for row in asked(film_warehouse, "SELECT DISTINCT verdict FROM streamflow.vw_feature_drift")}
    assert verdicts <= set(checks.VERDICTS)


def test_a_month_that_the_url_names_wrongly_is_not_taken(show: Any, film_warehouse: Path) -> None:
    for month in ("2023-12", "'; DROP TABLE x; --", ""):
        test = show("checks", film_warehouse, month=month)
        assert not test.exception
        assert test.selectbox(key="month").value == REFUSED


def test_what_a_file_said_is_no_markup(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    made = altered(
        film_warehouse, tmp_path / "w.duckdb", "UPDATE streamflow.quarantine SET rule = $$a: *[b](c)* $x$ <i>$$"
    )
    test = show("checks", made, month=SET_ASIDE)
    assert not test.exception
    cells = [row.iloc[1] for _, row in test.table[0].value.iterrows()]
    assert any(r"a\: \*\[b\](c)\* \$x\$ \<i\>" in cell for cell in cells)
    assert any("a: *[b](c)* $x$ <i>: 1" in found for _, found in failures(test))


def test_without_a_month_the_page_names_what_to_run(show: Any, empty: Path) -> None:
    assert "No month has been dropped yet" in said(show("checks", empty))


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [("2026-11-28", "2026-08", "2026-10"), ("2026-03-31", "2025-12", "2026-02"), ("2026-01-01", "2025-10", "2025-12")],
)
def test_the_months_that_are_offered_are_over_and_can_be_run(day: str, first: str, last: str) -> None:
    told = checks._nothing(dt.date.fromisoformat(day))
    assert f"`.venv/bin/python -m tmdb_assets.sandbox drops --months {first}..{last}`" in told
    assert f"`make backfill SOURCE=streamflow FROM={first} TO={last}`" in told


# -- the file to take along --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("sandbox", "films-sandbox-invented"),
        ("sandbox and real", "films-partly-sandbox-invented"),
        ("real", "films"),
        (None, "films"),
    ],
)
def test_a_file_of_invented_figures_is_called_so(origin: str | None, name: str) -> None:
    assert credit.file_name("films", origin) == name


def test_every_button_brings_a_file_that_says_whether_it_is_invented(show: Any, film_warehouse: Path) -> None:
    drawn = (show(page.path, film_warehouse) for page in PAGES.values())
    named = [str(button.key) for test in drawn for button in test.get("download_button")]
    assert len(named) >= 12
    assert [name for name in named if not re.search(r"-sandbox-invented\.(csv|xlsx)$", name)] == []


def test_the_csv_has_every_film_found_and_nothing_a_spreadsheet_would_run(
    show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    import polars as pl

    found = pl.DataFrame(
        {
            "movie_id": [1, 2],
            "title": ['=HYPERLINK("http://x")', 'A "quoted", title\nof two lines'],
            "vote_average": [None, -1.5],
            "genres": [["Drama", "Crime"], None],
        },
        schema={"movie_id": pl.Int64, "title": pl.String, "vote_average": pl.Float64, "genres": pl.List(pl.String)},
    )
    text = files.as_csv(found).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["title"] for row in rows] == ['\'=HYPERLINK("http://x")', 'A "quoted", title\nof two lines']
    assert [row["genres"] for row in rows] == ["Drama | Crime", ""]
    assert [row["vote_average"] for row in rows] == ["", "-1.5"]


# -- a film with no facts, and texts from strangers --------------------------------------------------------------------


def test_a_film_without_facts_is_found_and_said_to_be_silent(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    warehouse = altered(film_warehouse, tmp_path / "w.duckdb", ADD_SILENT)
    found = show("find", warehouse, words=NASTY)
    assert not found.exception
    assert found.dataframe[0].value["page"].tolist() == [f"film?title={quote_plus(NASTY)}&id={SILENT}"]
    assert found.dataframe[0].value["popularity"].isna().all()
    name = f"{NASTY} (2020) #{SILENT}"
    alone = show("trends", warehouse, films=[name])
    assert not alone.exception
    assert alone.multiselect(key="films").value == [name]
    assert "Nothing of this was observed" in said(alone)
    other = alone.multiselect(key="films").options[0]
    both = show("trends", warehouse, films=[name, other])
    assert "1 of the chosen films" in said(both)
    assert charts(both) == 1


def test_a_film_is_found_by_its_id_whatever_it_was_called(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    one, other, third = show("trends", film_warehouse).multiselect(key="films").options[:3]
    movie = one.rpartition("#")[2]
    made = altered(
        film_warehouse,
        tmp_path / "w.duckdb",
        f"UPDATE tmdb.dim_movie SET title = 'Quite #7 new', release_date = DATE '1999-01-01' WHERE movie_id = {movie}",
        ADD_SILENT,
    )
    renamed = f"Quite #7 new (1999) #{movie}"
    test = show("trends", made, films=[other, one, f"#{SILENT}", f"#{movie}", third], figure="Rank")
    assert not test.exception
    assert test.multiselect(key="films").value == [other, renamed, f"{NASTY} (2020) #{SILENT}", third]
    ids = [film.rpartition("#")[2] for film in (other, renamed, f"#{SILENT}", third)]
    assert test.query_params["films"] == ids  # no title, which may be long, and another one tomorrow
    assert show("trends", made, films=ids).multiselect(key="films").value == test.multiselect(key="films").value
    assert test.get("button_group")[1].value == "Rank"
    test.multiselect(key="films").set_value([third]).run()
    assert test.multiselect(key="films").value == [third]


def test_a_film_that_the_url_names_wrongly_is_not_taken(show: Any, film_warehouse: Path) -> None:
    for name in ("No such film #12345678", "#", "# 1; DROP", f"#{'9' * 40}"):
        test = show("trends", film_warehouse, films=[name])
        assert not test.exception
        assert name not in test.multiselect(key="films").value


# -- nothing to show ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_without_a_warehouse_a_page_says_what_to_run(path: str, show: Any, tmp_path: Path) -> None:
    test = show(path, tmp_path / "none.duckdb")
    assert not test.exception
    assert "run `make demo` first" in said(test)
    assert "not endorsed or certified by TMDB" in said(test)


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_warehouse_is_an_empty_page(path: str, show: Any, empty: Path) -> None:
    test = show(path, empty)
    assert not test.exception
    assert not test.warning
    assert charts(test) == 0
    assert len(test.info) > 1  # besides the banner


def test_a_warehouse_of_one_day_has_no_period(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    one = altered(
        film_warehouse, tmp_path / "one.duckdb", f"DELETE FROM tmdb.fact_movie_daily WHERE date_id <> DATE '{TODAY}'"
    )
    for path in PATHS:
        assert not show(path, one).exception
    assert "Only one day has been observed so far" in said(show("trends", one))


# -- a file that is not what it should be ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_warehouse_of_an_older_version_is_one_sentence(path: str, show: Any, old: Path) -> None:
    test = show(path, old)
    assert not test.exception
    assert "was written by an older version of the project: materialize the asset `warehouse/tmdb`" in said(test)
    assert charts(test) == 0


def test_a_file_that_is_no_warehouse_is_one_sentence(show: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    other.write_bytes(b"something else" * 1000)
    test = show("", other)
    assert not test.exception
    assert "is not a warehouse of this project, or damaged" in said(test)


def test_a_missing_view_leaves_the_other_parts_of_its_page(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    lacking = altered(film_warehouse, tmp_path / "w.duckdb", "DROP VIEW tmdb.vw_top_movies_by_continent")
    test = show("places", lacking)
    assert not test.exception
    assert len(test.warning) == 1
    assert "vw_top_movies_by_continent" in test.warning[0].value
    assert "materialize the asset `warehouse/tmdb`" in test.warning[0].value
    assert charts(test) == 4


def test_a_missing_column_is_said_like_a_missing_view(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    lacking = altered(
        film_warehouse,
        tmp_path / "w.duckdb",
        "CREATE OR REPLACE VIEW tmdb.vw_quarantine_rules AS SELECT DATE '2026-01-01' AS date_id, 'x' AS table_name",
    )
    test = show("quality", lacking)
    assert not test.exception
    assert any("lacks what is asked for" in warning.value for warning in test.warning)


def test_a_setting_that_cannot_be_used_is_one_sentence(
    show: Any, film_warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMDB_SCOPE", "some")
    test = show("", film_warehouse)
    assert not test.exception
    assert "TMDB_SCOPE" in said(test)


# -- who answered ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "invented"), [("", credit.FILMS.banner), ("checks", credit.SUBSCRIBERS.banner)])
@pytest.mark.parametrize(
    ("origin", "is_invented", "is_mixed"),
    [("'real'", False, False), ("'sandbox and real'", False, True), ("'sandbox'", True, False), ("NULL", False, False)],
)
def test_the_banner_says_who_answered(
    path: str,
    invented: str,
    origin: str,
    is_invented: bool,
    is_mixed: bool,
    show: Any,
    film_warehouse: Path,
    tmp_path: Path,
) -> None:
    made = altered(film_warehouse, tmp_path / "w.duckdb", f"UPDATE main.warehouse_info SET origin = {origin}")
    text = said(show(path, made))
    assert (invented in text, credit.MIXED in text) == (is_invented, is_mixed)
    assert sum(words in text for words in (credit.FILMS.banner, credit.SUBSCRIBERS.banner)) == is_invented


def test_a_replaced_warehouse_is_asked_anew(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    warehouse = altered(film_warehouse, tmp_path / "w.duckdb")
    test = show("", warehouse)
    before = int(tiles(test)["Films"][0])
    altered(
        film_warehouse,
        warehouse,
        "DELETE FROM tmdb.fact_movie_daily WHERE movie_id IN (SELECT movie_id FROM tmdb.vw_top_movies WHERE position "
        "<= 3)",
    )
    test.run()
    assert int(tiles(test)["Films"][0]) == before - 3


def test_periods_of_the_quality_page(show: Any, film_warehouse: Path) -> None:
    for label in quality.PERIODS:
        assert not show("quality", film_warehouse, last=label).exception
