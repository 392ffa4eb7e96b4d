"""A film's own page, the ways that lead to it, and what any page gives away: links, pictures, files, sentences."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit import config
from streamlit.web import bootstrap, cli

from tmdb_assets.dashboard import __main__ as started
from tmdb_assets.dashboard import app, files, layout
from tmdb_assets.dashboard.films import film, money
from tmdb_assets.report.answers import read
from tmdb_assets.report.page import render
from tmdb_assets.warehouse import credit, figures
from tmdb_assets.warehouse.reader import Warehouse
from tmdb_assets_tests.dashboard.test_pages import ADD_SILENT, NASTY, SILENT, asked, markup, said, show, tiles
from tmdb_assets_tests.end_to_end.harness import TODAY
from tmdb_assets_tests.sources.tmdb.worlds import DAYS
from tmdb_assets_tests.warehouse.published import SET_ASIDE, altered, broken_out

__all__ = ["show"]  # a fixture
PATHS = [page.path for pages in app.PAGES.values() for page in pages]


def drawn(test: Any) -> str:
    """All that a page draws itself as HTML."""
    return "\n".join(element.proto.body for element in test.get("html"))


def specs(test: Any) -> list[dict[str, Any]]:
    """The pictures of a page, as Vega-Lite has them."""
    return [json.loads(chart.proto.spec) for chart in test.get("vega_lite_chart")]


def most_popular(warehouse: Path) -> int:
    return int(asked(warehouse, "SELECT movie_id FROM tmdb.vw_top_movies WHERE position = 1")[0][0])


# -- the page ----------------------------------------------------------------------------------------------------------


def test_a_film_is_shown_with_all_that_is_known_of_it(show: Any, film_warehouse: Path) -> None:
    ((number, budget, revenue),) = asked(
        film_warehouse,
        "SELECT movie_id, budget_usd, revenue_usd FROM tmdb.vw_movie_financials WHERE has_money AND NOT "
        "has_implausible_money ORDER BY popularity DESC LIMIT 1",
    )
    ((title, overview, released),) = asked(
        film_warehouse, f"SELECT title, overview, release_date FROM tmdb.dim_movie WHERE movie_id = {number}"
    )
    test = show("film", film_warehouse, id=str(number))
    assert not test.exception
    assert not test.warning
    text = html.unescape(drawn(test))
    assert f"<h2>{title} ({released.year})</h2>" in text
    assert overview in text
    genres = asked(
        film_warehouse,
        f"SELECT name FROM tmdb.bridge_movie_genre JOIN tmdb.dim_genre USING (genre_id) WHERE movie_id = {number} "
        f"ORDER BY name",
    )
    assert f"Genres: {', '.join(name for (name,) in genres)}" in text
    shown = tiles(test)
    assert shown["Budget"][0] == figures.money(budget)
    assert shown["Profit"][0] == figures.money(revenue - budget)
    ((popularity, votes),) = asked(
        film_warehouse, f"SELECT popularity, vote_count FROM tmdb.vw_movie_latest WHERE movie_id = {number}"
    )
    assert (shown["Popularity"][0], shown["Votes"][0]) == (figures.decimal(popularity), figures.count(votes))
    cast, crew, origin = (frame.value for frame in test.dataframe)
    assert (
        len(cast)
        == asked(film_warehouse, f"SELECT count(*) FROM tmdb.bridge_movie_cast WHERE movie_id = {number}")[0][0]
    )
    assert (
        len(crew)
        == asked(film_warehouse, f"SELECT count(*) FROM tmdb.bridge_movie_crew WHERE movie_id = {number}")[0][0]
    )
    facts = asked(film_warehouse, f"SELECT count(*) FROM tmdb.fact_movie_daily WHERE movie_id = {number}")[0][0]
    assert len(origin) == facts + 1
    assert origin["raw_pointer"].str.startswith("tmdb/raw/").all()
    assert origin["delta_version"].notna().all()
    assert f"tmdb_assets.trace vw_movie_latest {number}" in test.code[0].value


@pytest.mark.parametrize("number", ["999999999", "9" * 40, "-1", "film", "1; DROP TABLE x", "²", ""])
def test_an_address_that_means_no_film_says_so(number: str, show: Any, film_warehouse: Path) -> None:
    test = show("film", film_warehouse, id=number)
    assert not test.exception
    assert "No film of this warehouse" in test.warning[0].value
    assert credit.ATTRIBUTION in said(test)
    test.selectbox(key="film").set_value(test.selectbox(key="film").options[1]).run()
    assert not test.warning
    assert f"#{''.join(test.query_params['id'])}" in test.selectbox(key="film").value


def test_a_film_of_which_nothing_is_known_is_a_page_too(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    made = altered(
        film_warehouse,
        tmp_path / "w.duckdb",
        ADD_SILENT,
        f"UPDATE tmdb.dim_movie SET observed_on = NULL, overview = NULL, status = NULL, release_date = NULL, gone_on = "
        f"DATE '{TODAY}', "
        f"budget_usd = NULL, revenue_usd = NULL, runtime_minutes = NULL WHERE movie_id = {SILENT}",
    )
    test = show("film", made, id=str(SILENT))
    assert not test.exception
    assert [film.findtext("div/h2") for film in markup(test, "film")] == [NASTY]
    for words in (
        "never observed",
        "no longer had this film",
        "Nobody of its cast is known",
        "Nothing of this film is kept",
    ):
        assert words in said(test)
    assert tiles(test)["Budget"][0] == figures.UNKNOWN


def test_money_that_is_hardly_true_or_unknown_is_said_to_be(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    number = most_popular(film_warehouse)
    change = "UPDATE tmdb.dim_movie SET {} WHERE movie_id = " + str(number)
    flagged = altered(
        film_warehouse,
        tmp_path / "flagged.duckdb",
        change.format("budget_usd = 1, revenue_usd = 100000000, has_implausible_money = true"),
    )
    test = show("film", flagged, id=str(number))
    assert "Hardly true: TMDB says a budget of \\$1 and a revenue of \\$100,000,000" in test.warning[0].value
    unknown = altered(film_warehouse, tmp_path / "unknown.duckdb", change.format("budget_usd = NULL, revenue_usd = 5"))
    assert "The budget is unknown" in said(show("film", unknown, id=str(number)))


@pytest.mark.parametrize(
    ("origin", "path", "is_shown"),
    [
        ("real", "/abc_D-1.jpg", True),
        ("sandbox and real", "/abc.png", True),
        ("sandbox and real", "/sandbox-abc.jpg", False),
        ("sandbox", "/abc.jpg", False),
        ("real", '/x.jpg" onerror="alert(1)', False),
        ("real", "//elsewhere.example/x.jpg", False),
        ("real", "/../../x.jpg", False),
        ("real", None, False),
    ],
)
def test_a_poster_comes_from_the_image_host_or_not_at_all(
    origin: str, path: str | None, is_shown: bool, show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    number = most_popular(film_warehouse)
    value = "NULL" if path is None else f"$${path}$$"
    made = altered(
        film_warehouse,
        tmp_path / "w.duckdb",
        f"UPDATE main.warehouse_info SET origin = '{origin}'",
        f"UPDATE tmdb.dim_movie SET poster_path = {value} WHERE movie_id = {number}",
    )
    found = re.findall(r"<img[^>]*>", drawn(show("film", made, id=str(number))))
    assert len(found) == is_shown
    for tag in found:
        assert f'src="{film.POSTERS}{path}"' in tag
        assert 'alt=""' in tag  # else words stand where no picture comes


# -- the ways to it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "trends", "places", "money", "find"])
def test_every_film_in_a_bar_or_row_leads_to_its_page(
    path: str, show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    made = altered(film_warehouse, tmp_path / "w.duckdb", broken_out(30))
    test = show(path, made)
    if path == "":
        test.session_state["breakouts"] = True
        test.run()
    known = {number for (number,) in asked(made, "SELECT movie_id FROM tmdb.dim_movie")}
    bars = re.findall(r'<a href="film\?id=(\d+)">', drawn(test))
    rows = [parse_qs(urlsplit(link).query) for frame in test.dataframe for link in frame.value.get("page", [])]
    assert bars or rows
    assert known.issuperset([*map(int, bars), *(int(row["id"][0]) for row in rows)])
    titles = dict(asked(made, "SELECT movie_id, title FROM tmdb.dim_movie"))
    assert all(titles[int(row["id"][0])] == row["title"][0] for row in rows)
    lists = [each for each in markup(test, "bars") if "Film" in [name.text for name in each.iter("dt")]]
    assert all(row.find("b/a") is not None for each in lists for row in each.findall("ol/li"))


def test_points_of_money_lead_to_their_films(show: Any, film_warehouse: Path) -> None:
    spec = specs(show("money", film_warehouse))[0]
    assert any(layer["encoding"].get("href", {}).get("field") == "page" for layer in spec["layer"])
    assert "movie_id" in money.FILMS


def test_a_film_by_an_old_title_in_the_address_is_the_one_of_its_id(show: Any, film_warehouse: Path) -> None:
    number = most_popular(film_warehouse)
    test = show("film", film_warehouse, id=str(number), title="Something else")
    assert test.query_params["id"] in (str(number), [str(number)])
    assert "title" not in test.query_params


# -- a link shows tomorrow what it shows today -------------------------------------------------------------------------

TOMORROW = (
    # a day later on which the least popular films are the most popular, and films that are released years later
    "INSERT INTO tmdb.fact_movie_daily BY NAME SELECT * REPLACE (date_id + 1 AS date_id, 1000 / (1 + popularity) AS "
    "popularity) FROM tmdb.fact_movie_daily WHERE date_id = (SELECT max(date_id) FROM tmdb.fact_movie_daily)",
    "UPDATE tmdb.dim_movie SET release_date = release_date + INTERVAL 3 YEAR WHERE movie_id % 7 = 0",
)
YESTERDAY = [
    f"DELETE FROM streamflow.{table} WHERE date_id > DATE '{SET_ASIDE}-01' + INTERVAL 1 MONTH"
    for table in ("fact_check_quality", "extraction_ledger")
]


def chosen(test: Any) -> dict[str, Any]:
    """What the widgets of a page stand at, by key; those whose first option is the same on every day are left out, and
    of films the id alone is looked at."""
    kept = [*test.slider, *test.multiselect, *test.selectbox]
    values = {widget.key: widget.value for widget in kept if widget.key != "ranking"}
    return values | {
        key: [film.rpartition("#")[2] for film in values[key]]
        if isinstance(values[key], list)
        else values[key].rpartition("#")[2]
        for key in values.keys() & {"films", "film"}
    }


@pytest.mark.parametrize("path", ["trends", "places", "money", "film", "checks"])
def test_a_link_shows_tomorrow_what_it_shows_today(path: str, show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    earlier = altered(film_warehouse, tmp_path / "today.duckdb", *YESTERDAY)
    later = altered(film_warehouse, tmp_path / "tomorrow.duckdb", *TOMORROW)
    today = show(path, earlier)
    assert today.query_params, "nothing of what is shown stands in the address"
    sent = show(path, later, **today.query_params)
    assert not sent.exception
    assert chosen(sent) == chosen(today)
    assert chosen(show(path, later)) != chosen(today)


def test_years_of_all_films_stay_all_years(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    test = show("find", film_warehouse)
    assert "years" not in test.query_params
    ends = test.slider(key="years").value
    test.slider(key="years").set_value((ends[0], ends[0])).run()
    assert list(test.query_params["years"]) == [str(ends[0]), str(ends[0])]


# -- pictures and files that are taken along ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["trends", "places", "money", "film", "quality", "checks"])
@pytest.mark.parametrize("origin", ["sandbox", "real", "sandbox and real"])
def test_a_picture_says_what_it_is_and_whose(
    path: str, origin: str, show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    made = altered(film_warehouse, tmp_path / "w.duckdb", f"UPDATE main.warehouse_info SET origin = '{origin}'")
    pictures = specs(show(path, made))
    assert pictures
    for picture in pictures:
        title = picture["title"]
        assert all(title["text"])
        below = " ".join(title["subtitle"])
        assert re.search(r"\d{4}", title["subtitle"][0]), "no days are named"
        assert (credit.ATTRIBUTION in below) == (path != "checks")
        assert ("INVENTED" in below) == ("sandbox" in origin)
        assert ("Source: " in below) == (origin == "real")
        assert max(map(len, title["subtitle"])) <= 58  # a phone has no room for more


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
DANGEROUS = st.sampled_from(['=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", "https://x.example", "1e5", "{=1}"])


@given(st.lists(st.one_of(TEXTS, DANGEROUS, st.none()), min_size=1, max_size=8))
def test_a_sheet_of_excel_has_every_text_as_a_text(texts: list[str | None]) -> None:
    frame = pl.DataFrame(
        {"title": texts, "genres": [["a", "b"]] * len(texts)}, schema={"title": pl.String, "genres": pl.List(pl.String)}
    )
    with zipfile.ZipFile(BytesIO(files.as_excel(frame, ["What it is", "INVENTED"]))) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        strings = book.read("xl/sharedStrings.xml").decode()
        assert not any("hyperlink" in name for name in book.namelist())
    assert len(sheets) == 2
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
    there = [html.unescape(text) for text in re.findall(r"<si><t[^>]*>(.*?)</t></si>", strings, re.DOTALL)]
    there = [re.sub(r"_x([0-9A-F]{4})_", lambda code: chr(int(code[1], 16)), text) for text in there]
    assert {text for text in texts if text and "_x" not in text} <= set(there)
    assert {"What it is", "INVENTED", "a | b"} <= set(there)


@pytest.mark.parametrize("path", PATHS)
def test_every_table_can_be_taken_along_as_csv_and_as_excel(path: str, show: Any, film_warehouse: Path) -> None:
    test = show(path, film_warehouse)
    labels = [button.proto.label for button in test.get("download_button")]
    tables = len(test.dataframe) + len(test.table)
    assert labels.count("Download CSV") == labels.count("Download Excel") == tables


# -- one of a thing, and few of them -----------------------------------------------------------------------------------

ONE_FILM = (
    "CREATE TEMP TABLE one AS SELECT movie_id FROM tmdb.vw_movie_financials WHERE has_money AND NOT "
    "has_implausible_money ORDER BY "
    "popularity DESC LIMIT 1",
    "DELETE FROM tmdb.fact_movie_daily WHERE movie_id NOT IN (FROM one)",
    "DELETE FROM tmdb.dim_movie WHERE movie_id NOT IN (FROM one)",
    *(
        f"DELETE FROM tmdb.bridge_movie_{what} WHERE movie_id NOT IN (FROM one)"
        for what in ("genre", "company", "country", "language", "keyword", "cast", "crew")
    ),
)
PLURAL = re.compile(
    r"(?<![\d.,])1 (?!with )(?:\w+ "
    r")?(?:films|rows|values|rules|days|weeks|months|checks|users|columns|tables|cells|genres|countries|credits|"
    r"observations|extractions|views|directors|actors|companies|votes)\b"
)


@pytest.fixture(scope="module")
def one_film(film_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of one film, on one day. Read only."""
    alone = f"DELETE FROM tmdb.fact_movie_daily WHERE date_id <> DATE '{max(DAYS)}'"
    return altered(film_warehouse, tmp_path_factory.mktemp("one") / "w.duckdb", *ONE_FILM, alone)


@pytest.mark.parametrize(
    ("path", "query"),
    [(path, {}) for path in PATHS]
    + [("people", {"films": "1", "who": who}) for who in ("Directors", "Actors", "Companies", "Series")]
    + [("trends", {"compare": compare}) for compare in ("Genres", "Continents", "All films")]
    + [("quality", {"last": "30 days"}), ("money", {"dollars": money.REAL})],
)
def test_one_film_is_one_film_in_every_sentence(path: str, query: dict[str, str], show: Any, one_film: Path) -> None:
    test = show(path, one_film, **query)
    assert not test.exception
    text = re.sub(r"<[^>]+>|\*\*", "", said(test) + drawn(test))
    assert not PLURAL.findall(text), PLURAL.findall(text)


def test_the_report_says_one_film_as_well(one_film: Path) -> None:
    answers = read(Warehouse(one_film))
    assert answers
    text = re.sub(r"<[^>]+>", " ", render(answers))
    assert not PLURAL.findall(text), PLURAL.findall(text)


def test_a_table_is_as_high_as_its_rows_and_no_higher_than_it_may() -> None:
    assert layout.height(1, 14) == layout.height(1, 10) < layout.height(2, 14) < layout.height(14, 14)
    assert layout.height(15, 14) == layout.height(2000, 14) == layout.height(14, 14)


# -- words for days, and starting --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-11-19", "2026-11-28", "19 to 28 November 2026"),
        ("2026-10-30", "2026-11-02", "30 October to 2 November 2026"),
        ("2025-12-31", "2026-01-01", "31 December 2025 to 1 January 2026"),
        ("2026-11-19", "2026-11-19", "19 November 2026"),
    ],
)
def test_days_are_said_once(first: str, last: str, words: str) -> None:
    assert figures.span(dt.date.fromisoformat(first), dt.date.fromisoformat(last)) == words


@pytest.mark.parametrize("words", [["--server.port=9876"], ["--server.port", "9876", "--server.headless=false"], []])
def test_options_are_known_before_anything_is_drawn(words: list[str], caplog: pytest.LogCaptureFixture) -> None:
    try:
        started.take_options(words)
        caplog.clear()
        options = cli.main_run.make_context("run", [started.APP, *words]).params
        bootstrap.load_config_options({name: v for name, v in options.items() if name not in {"target", "args"}})
        assert not caplog.records
        assert config.get_option("server.port") == (9876 if words else 8501)
    finally:
        started.take_options([])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prot", "8733"], "tmdb_assets: No such option '--prot': options are those of `streamlit run`"),
        (["--server.port=x"], "'x' is not a valid integer: options are those of `streamlit run`"),
    ],
)
def test_an_option_that_cannot_be_used_is_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        started.take_options(words)
    assert said in str(ended.value)
