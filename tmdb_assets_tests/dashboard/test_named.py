"""What films are called where several are listed, and what is said where nothing moved."""

from __future__ import annotations

import datetime as dt
import html
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.warehouse.films import shortly_called
from tmdb_assets_tests.dashboard.test_films import drawn, specs
from tmdb_assets_tests.dashboard.test_pages import asked, bars, said, show
from tmdb_assets_tests.sources.tmdb.worlds import DAYS
from tmdb_assets_tests.warehouse.published import altered

__all__ = ["show"]  # a fixture

LONG = "Night of the Day of the Dawn of the Son of the Bride of the Return of the Revenge of the Terror, Part 3"
TITLES = [
    "Броненосец «Потёмкин»",
    LONG,
    "$9.99 *bold* _it_ `code` [link](http://x)",
    "<b>bold</b> & <script>alert(1)</script>",
    "=1+1",
    "100% Wolf?&id=3",
    "مرحبا",
    "#1 (2020) #5",
]


def listed(warehouse: Path, number: int) -> list[int]:
    """The ids of the most popular films."""
    sql = f"SELECT movie_id FROM tmdb.vw_top_movies WHERE position <= {number} ORDER BY position"
    return [movie for (movie,) in asked(warehouse, sql)]


@pytest.fixture(scope="module")
def odd(film_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose most popular films are called as films are, at worst. Read only."""
    films = listed(film_warehouse, len(TITLES))
    calls = [
        f"UPDATE tmdb.dim_movie SET title = $t${title}$t$ WHERE movie_id = {number}"
        for number, title in zip(films, TITLES, strict=True)
    ]
    return altered(film_warehouse, tmp_path_factory.mktemp("odd") / "w.duckdb", *calls)


def test_films_of_one_title_are_told_apart_by_year_and_else_by_id(
    show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    one, two, three, four, five = listed(film_warehouse, 5)
    made = altered(
        film_warehouse,
        tmp_path / "w.duckdb",
        f"UPDATE tmdb.dim_movie SET title = 'Twice', release_date = DATE '1999-01-01' WHERE movie_id IN ({one}, {two})",
        f"UPDATE tmdb.dim_movie SET title = 'Twice', release_date = DATE '2004-01-01' WHERE movie_id = {three}",
        f"UPDATE tmdb.dim_movie SET title = 'Twice', release_date = NULL WHERE movie_id = {four}",
    )
    labels = [label for label, _ in bars(show("", made))[0]]
    assert labels[:4] == [f"Twice (1999) #{one}", f"Twice (1999) #{two}", "Twice (2004)", "Twice"]
    assert labels[4] == asked(made, f"SELECT title FROM tmdb.dim_movie WHERE movie_id = {five}")[0][0]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", " (1999)", " (2004)"])), min_size=1, max_size=8))
def test_what_films_are_called_for_short_is_never_the_same(films: list[tuple[str, str]]) -> None:
    frame = pl.DataFrame(
        {"movie_id": range(len(films)), "film": [f"{title}{year} #{n}" for n, (title, year) in enumerate(films)]}
    )
    short = shortly_called(frame).get_column("film").to_list()
    assert len(set(short)) == len(films)
    assert all(("#" in name) == (films.count(film) > 1) for name, film in zip(short, films, strict=True))


@pytest.mark.parametrize("path", ["", "trends", "film", "find"])
def test_odd_titles_are_shown_word_for_word(path: str, show: Any, odd: Path) -> None:
    test = show(path, odd)
    assert not test.exception
    seen = html.unescape(re.sub(r"</?(?!b>|script>)\w[^>]*>", "", drawn(test)))
    shown = [*(label for each in bars(test) for label, _ in each), seen]
    if path == "find":
        links = test.dataframe[0].value["page"].tolist()
        numbers = dict(zip(listed(odd, len(TITLES)), TITLES, strict=True))
        assert {number for number in numbers if any(link.endswith(f"&id={number}") for link in links)} == set(numbers)
        return
    expected = {"": TITLES, "trends": TITLES[:5], "film": TITLES[:1]}[path]
    assert [title for title in expected if not any(title in text for text in shown)] == []


def test_a_name_in_a_legend_has_the_room_that_there_is(show: Any, odd: Path) -> None:
    (spec,) = specs(show("trends", odd))
    legend = spec["layer"][0]["encoding"]["color"]["legend"]
    assert legend["columns"] == 1
    assert "width" in legend["labelLimit"]["expr"]  # a fixed one cuts names on a wide screen, or is cut on a phone


def test_films_stand_in_the_address_by_their_ids_alone(show: Any, odd: Path) -> None:
    test = show("trends", odd)
    assert list(test.query_params["films"]) == [str(number) for number in listed(odd, 5)]


def test_the_way_to_the_payload_can_be_typed_as_it_stands(show: Any, film_warehouse: Path) -> None:
    test = show("film", film_warehouse)
    assert test.code[0].value.startswith(".venv/bin/python -m tmdb_assets.trace vw_movie_latest ")
    assert test.code[0].proto.wrap_lines


# -- nothing moved -----------------------------------------------------------------------------------------------------


def test_a_day_that_was_not_observed_is_named_with_what_asks_for_it(
    show: Any, film_warehouse: Path, tmp_path: Path
) -> None:
    week_before = max(DAYS) - dt.timedelta(days=7)
    made = altered(
        film_warehouse,
        tmp_path / "w.duckdb",
        f"DELETE FROM tmdb.fact_movie_daily WHERE date_id <> DATE '{max(DAYS)}'",
    )
    told = said(show("", made))
    assert "was not observed: there is nothing to compare with." in told
    assert f"`make day DAY={week_before}`" in told


def test_films_that_did_not_move_are_no_missing_day(show: Any, film_warehouse: Path, tmp_path: Path) -> None:
    newest = max(DAYS)
    copied = (
        "INSERT INTO tmdb.fact_movie_daily BY NAME SELECT * REPLACE (DATE '{}' AS date_id) "
        "FROM tmdb.fact_movie_daily WHERE date_id = DATE '{}'"
    )
    still = newest - dt.timedelta(days=7)
    made = altered(
        film_warehouse,
        tmp_path / "w.duckdb",
        f"DELETE FROM tmdb.fact_movie_daily WHERE date_id <> DATE '{newest}'",
        copied.format(still, newest),
    )
    told = said(show("", made))
    assert "No film of the first 200 has moved since" in told
    assert "was not observed" not in told
