"""The report in a real browser: on screens of any width, no table loses a column.

Skipped where no chromium is installed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Page, sync_playwright

from tmdb_assets.report.answers import Answers, read
from tmdb_assets.report.page import render
from tmdb_assets.warehouse.reader import Warehouse

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium is installed: `apt-get install chromium` brings it"
)

#: Those of a phone and of usual windows, and where tables begin to stand beside each other.
WIDTHS = (390, 640, 768, *range(820, 1000, 12), 1100, 1280)
#: Heading of the first column of words, and pixels that lie beyond the edge, of each table that has any.
CUT = """() => [...document.querySelectorAll('.scroll')].filter(it => it.scrollWidth > it.clientWidth)
    .map(it => [it.querySelector('th.words').textContent, it.scrollWidth - it.clientWidth])"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.fixture(scope="module")
def answers(film_warehouse: Path) -> Answers:
    """A report whose figures are as wide as those of all of TMDB, with a row of every table."""
    found = read(Warehouse(film_warehouse))
    assert found
    wide = pl.lit(1_112_345).alias
    votes = pl.lit(38_123).alias("vote_count")
    tables = dict(found.tables)
    for name, columns in {
        "quality": ["kept", "quarantined", "values_set_aside", "duplicates", "superseded"],
        "rules": ["rows", "values_set_aside"],
        "genres": ["films"],
        "continents": ["films"],
        "versions": ["rows"],
    }.items():
        tables[name] = tables[name].with_columns(map(wide, columns))
    tables["top"] = tables["top"].with_columns(votes, popularity=1234.5)
    tables["breakouts"] = tables["top"].select(
        "movie_id", "title", factor=112.5, popularity=1234.5, median_popularity=123.4, z_score=123.4, days_of_history=60
    )
    moved = tables["breakouts"].select("movie_id", "title", rank_before=1_112_345, rank_now=1, places=1_112_344)
    tables |= {"climbed": moved, "fallen": moved}
    genres = pl.Series("name", ["Science Fiction"] + ["Documentary"] * (tables["genres"].height - 1))
    tables["genres"] = tables["genres"].with_columns(genres, popularity_share=0.999)
    return Answers(found.day, found.info, found.head, tables)


def test_no_table_loses_a_column_on_any_screen(answers: Answers, page: Page) -> None:
    page.set_content(render(answers))
    page.evaluate("() => document.querySelector('details').open = true")
    assert page.locator(".scroll").count() == 10
    cut = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        cut[width] = page.evaluate(CUT)
    assert {width: tables for width, tables in cut.items() if tables} == {}


def test_a_table_that_is_wide_for_a_phone_has_every_heading_beside_its_figure(answers: Answers, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.set_content(render(answers))
    headings = []
    for table in page.locator(".wide").all():
        assert table.locator("thead").is_hidden()
        headings.append([heading.strip() for heading in table.locator("thead th").all_text_contents()])
        for row in table.locator("tbody tr").all():
            said = row.locator("td").evaluate_all(
                "cells => cells.map(cell => getComputedStyle(cell, '::before').content)"
            )
            assert said == ["none", *(f'"{heading} "' for heading in headings[-1][1:])]
    assert [(names[0], len(names)) for names in headings] == [("Film", 6), ("Table", 9)]
    page.set_viewport_size({"width": 1100, "height": 844})
    assert page.locator(".wide thead").first.is_visible()
