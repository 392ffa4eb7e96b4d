"""The dashboard in a real browser: every page is clicked through, filtered, shared by its URL, and taken along as CSV.

Skipped where no chromium is installed. The server listens on loopback alone, and nothing may leave it.
"""

from __future__ import annotations

import csv
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, TimeoutError, expect, sync_playwright

from tmdb_assets.dashboard import app
from tmdb_assets.warehouse import credit
from tmdb_assets_tests.end_to_end.harness import environment
from tmdb_assets_tests.sources.tmdb.worlds import DAYS
from tmdb_assets_tests.warehouse.published import altered, broken_out

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium is installed: `apt-get install chromium` brings it"
)

TITLES = [page.title for pages in app.PAGES.values() for page in pages]
LISTENERS = "Answers in SQL"
PATIENCE = 60_000  # milliseconds: machines that run the tests are shared
#: Streamlit asks for these beside every page's own path first, and then at the root, where they are.
ASKED_BESIDE_A_PAGE = re.compile(r"/\w+/_stcore/(health|host-config)$")
#: Of each button for a file, how many pixels of it a table covers.
COVERED = """() => [...document.querySelectorAll('[data-testid=stDataFrame]')].flatMap(table => {
    const at = table.getBoundingClientRect();
    return [...document.querySelectorAll('[data-testid=stDownloadButton]')].map(button =>
        button.getBoundingClientRect())
        .filter(it => it.top >= at.top && it.top < at.bottom - 1 && it.left < at.right && it.right > at.left).map(it =>
            at.bottom - it.top);
})"""
CHART = "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg, .bars li, [data-testid=stTable]"


@dataclass
class Seen:
    """What a page did that it should not: requests that leave the machine, errors of the console."""

    away: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> Page:
        page.on("request", lambda request: self._asked(request.url))
        page.on("console", self._told)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(PATIENCE)
        return page

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).hostname != "127.0.0.1":
            self.away.append(url)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not ASKED_BESIDE_A_PAGE.search(message.location["url"]):
            self.errors.append(f"{message.text} ({message.location['url']})")


@pytest.fixture(scope="module")
def warehouse(film_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of this file's own: it is replaced while the page is open."""
    return altered(film_warehouse, tmp_path_factory.mktemp("served") / "w.duckdb")


@pytest.fixture
def replaceable(warehouse: Path, film_warehouse: Path) -> Iterator[Path]:
    """The warehouse that is served; other tests find it as it was, whatever becomes of it."""
    yield warehouse
    altered(film_warehouse, warehouse)


@pytest.fixture(scope="module")
def url(warehouse: Path) -> Iterator[str]:
    """The dashboard, served as `make dashboard` does."""
    folder = warehouse.parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tmdb_assets.dashboard"]
    variables = environment(folder, TMDB_ASSETS_WAREHOUSE=str(warehouse))
    with (folder / "served.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, f"--server.port={port}"], cwd=folder, env=variables, stdout=log, stderr=log
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", folder / "served.log", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)
    told = (folder / "served.log").read_text()
    assert "Traceback" not in told
    assert "restart" not in told  # Streamlit's word about options that it learns of late


def _wait_for(address: str, log: Path, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The dashboard does not answer: {log.read_text()}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def seen() -> Iterator[Seen]:
    """Sees to it that nothing left the machine and nothing went wrong in the page."""
    watched = Seen()
    yield watched
    assert watched.away == []
    assert watched.errors == []


@pytest.fixture
def page(browser: Browser, seen: Seen) -> Iterator[Page]:
    """A fresh window on a large screen."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    yield seen.watch(context.new_page())
    context.close()


@pytest.fixture
def phone(browser: Browser, seen: Seen) -> Iterator[Page]:
    """A fresh window on a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    yield seen.watch(context.new_page())
    context.close()


def arrived(page: Page, title: str) -> None:
    """Wait until a page is whole: its title, its footer, nothing running."""
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("p", has_text=credit.ATTRIBUTION)).to_be_visible(timeout=PATIENCE)
    page.wait_for_function("() => document.querySelector('.stApp').dataset.testScriptState === 'notRunning'")


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_every_page_is_reached_by_the_menu_and_draws_its_charts(page: Page, url: str) -> None:
    page.goto(url)
    for title in TITLES:
        page.get_by_role("link", name=title, exact=True).click()
        arrived(page, title)
        expect(page.locator("[data-testid=stException], [data-testid=stAlertContentWarning]")).to_have_count(0)
        if title == LISTENERS:  # this warehouse has nothing of that source
            expect(page.get_by_text("moovitamix_daily")).to_be_visible(timeout=PATIENCE)
            continue
        expect(page.locator(f"{CHART}, [data-testid=stDataFrame] canvas").first).to_be_visible(timeout=PATIENCE)


def test_a_filter_goes_into_the_url_and_the_url_brings_it_back(page: Page, url: str) -> None:
    page.goto(f"{url}/trends")
    arrived(page, "Trends")
    page.get_by_role("radio", name="Genres").click()
    expect(page.get_by_role("heading", name="Genres by their share of popularity")).to_be_visible(timeout=PATIENCE)
    page.wait_for_url("**/trends?*")
    assert query(page)["compare"] == ["Genres"]
    page.reload()
    arrived(page, "Trends")
    expect(page.get_by_role("heading", name="Genres by their share of popularity")).to_be_visible(timeout=PATIENCE)
    # a default is not in the URL
    page.get_by_role("radio", name="Films", exact=True).click()
    expect(page.get_by_role("heading", name="Films over time")).to_be_visible(timeout=PATIENCE)
    page.wait_for_function("() => !location.search.includes('compare')")


def test_a_bar_tells_more_when_pointed_at_and_leads_to_its_film(page: Page, url: str) -> None:
    page.goto(url)
    arrived(page, "Today")
    bar = page.locator(".bars li").first
    title = bar.get_by_role("link").inner_text()
    expect(bar.locator("dl")).to_be_hidden()
    bar.hover()
    expect(bar.locator("dl")).to_be_visible()
    expect(bar.locator("dl")).to_contain_text("Mean vote")
    tile = page.locator(".tiles > div").first
    tile.focus()  # as a keyboard or a finger does
    expect(tile.locator("p")).to_be_visible()
    bar.get_by_role("link").click()
    arrived(page, "Film")
    assert "id" in query(page)
    expect(page.locator(".film h2")).to_contain_text(title)


def test_enter_adds_one_film_and_the_address_has_all_that_is_shown(page: Page, url: str) -> None:
    page.goto(f"{url}/trends")
    arrived(page, "Trends")
    page.wait_for_function("() => location.search.includes('films')")
    before = query(page)
    assert before["period"] == [DAYS[0].isoformat(), DAYS[-1].isoformat()]
    films = page.get_by_role("combobox", name="Films")
    films.fill("the")
    expect(page.get_by_role("option").nth(1)).to_be_visible(timeout=PATIENCE)
    films.press("Enter")
    expect(page.get_by_text("of 6 chosen films")).to_be_visible(timeout=PATIENCE)
    page.wait_for_function("() => new URLSearchParams(location.search).getAll('films').length === 6")
    assert query(page)["films"][:5] == before["films"]


def test_a_title_in_a_table_opens_the_films_page(page: Page, url: str) -> None:
    page.goto(f"{url}/find?words=the")
    arrived(page, "Find films")
    table = page.locator("[data-testid=stDataFrame] canvas").first
    expect(table).to_be_visible(timeout=PATIENCE)
    page.wait_for_function("() => document.querySelector('[data-testid=stDataFrame] canvas').offsetHeight > 70")
    film = _opened_by_a_click(page, table)
    arrived(film, "Film")
    film.wait_for_function("() => !location.search.includes('title')")
    assert "id" in query(film)


def _opened_by_a_click(page: Page, table: Locator) -> Page:
    """What the first cell opens. A table takes clicks only some time after it was drawn, and does not say when."""
    for _ in range(20):
        place = table.bounding_box()
        assert place
        with suppress(TimeoutError), page.context.expect_page(timeout=3000) as opened:
            page.mouse.move(place["x"] + 30, place["y"] + 50)
            page.mouse.move(place["x"] + 32, place["y"] + 52, steps=4)
            page.mouse.click(place["x"] + 32, place["y"] + 52, delay=50)
        if len(page.context.pages) > 1:
            return opened.value
    pytest.fail("A click on a title opened nothing")


def test_a_poster_that_does_not_come_leaves_no_trace(
    browser: Browser, url: str, replaceable: Path, film_warehouse: Path
) -> None:
    altered(
        film_warehouse,
        replaceable,
        "UPDATE main.warehouse_info SET origin = 'real'",
        "UPDATE tmdb.dim_movie SET poster_path = '/some.jpg'",
    )
    page = browser.new_page()
    asked: list[str] = []
    page.route("https://image.tmdb.org/**", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(f"{url}/film")
    arrived(page, "Film")
    picture = page.locator(".film img")
    page.wait_for_function("() => document.querySelector('.film img').complete")
    assert len(set(asked)) == 1
    place = picture.bounding_box()
    assert place is None or place["width"] * place["height"] == 0
    page.close()


def test_bars_end_where_the_others_do(page: Page, url: str) -> None:
    page.goto(url)
    arrived(page, "Today")
    places = page.locator(".bars").first.locator("u")
    expect(places.last).to_be_visible(timeout=PATIENCE)
    ends = places.evaluate_all("us => us.map(u => u.getBoundingClientRect()).map(at => [at.left, at.right])")
    assert len(ends) > 1
    assert len({(round(left), round(right)) for left, right in ends}) == 1


def test_breakouts_that_are_not_drawn_are_listed_for_who_asks(
    page: Page, url: str, replaceable: Path, film_warehouse: Path
) -> None:
    altered(film_warehouse, replaceable, broken_out(30))
    page.goto(url)
    arrived(page, "Today")
    expect(page.get_by_text("The first 16 of 30 films")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)
    page.get_by_text("All 30 films").click()
    expect(page.locator("[data-testid=stDataFrame] canvas").first).to_be_visible(timeout=PATIENCE)


def test_a_link_that_outlived_its_data_is_put_right(page: Page, url: str) -> None:
    page.goto(f"{url}/trends?compare=Genres&period=2100-01-01&period={DAYS[3]}")
    arrived(page, "Trends")
    page.wait_for_function("() => !location.search.includes('2100')")
    assert (query(page)["compare"], query(page)["period"]) == (["Genres"], [DAYS[3].isoformat(), DAYS[-1].isoformat()])
    expect(page.get_by_role("slider").first).to_have_attribute("aria-valuetext", re.compile(f"{DAYS[3].day} "))


def test_a_month_is_shared_by_its_url(page: Page, url: str) -> None:
    page.goto(f"{url}/checks")
    arrived(page, "Monthly checks")
    page.get_by_role("combobox", name="Month").click()
    page.get_by_role("option", name="2024-01").click()
    page.wait_for_url("**/checks?month=2024-01")
    page.reload()
    arrived(page, "Monthly checks")
    expect(page.get_by_text("As of 31 January 2024")).to_be_visible(timeout=PATIENCE)


def test_films_are_found_and_taken_along(page: Page, url: str, tmp_path: Path) -> None:
    page.goto(f"{url}/find")
    arrived(page, "Find films")
    everything = _found(page)
    page.get_by_label("Words").fill("the")
    page.get_by_label("Words").press("Enter")
    page.wait_for_url("**words=the*")
    arrived(page, "Find films")
    expect(page.get_by_text(re.compile(rf"^(?!{everything} films$)[\d,]+ films$"))).to_be_visible(timeout=PATIENCE)
    number = _found(page)
    assert 0 < number < everything
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Download CSV").click()
    download.value.save_as(tmp_path / "films.csv")
    assert download.value.suggested_filename == "films-sandbox-invented.csv"
    with (tmp_path / "films.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == number
    said = ("title", "original_title", "tagline", "overview")
    assert all(any("the" in row[column].lower() for column in said) for row in rows)


def _found(page: Page) -> int:
    text = page.get_by_text(re.compile(r"^[\d,]+ films$")).inner_text()
    return int(text.removesuffix(" films").replace(",", ""))


def test_every_page_fits_a_phone(phone: Page, url: str) -> None:
    for path, title in [(page.path, page.title) for pages in app.PAGES.values() for page in pages]:
        phone.goto(f"{url}/{path}")
        arrived(phone, title)
        wide = phone.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
        assert wide <= 390, f"{title} is {wide} pixels wide"
        assert phone.evaluate(COVERED) == [], f"a table of {title} lies over what follows it"


def test_an_open_page_notices_that_the_warehouse_was_replaced(
    page: Page, url: str, replaceable: Path, film_warehouse: Path
) -> None:
    page.clock.install()
    page.goto(url)
    arrived(page, "Today")
    films = page.locator(".tiles b").first
    before = int(films.inner_text())
    altered(
        film_warehouse,
        replaceable,
        "DELETE FROM tmdb.fact_movie_daily WHERE movie_id IN (SELECT movie_id FROM tmdb.vw_top_movies WHERE position "
        "<= 5)",
    )
    _later(page)
    expect(films).to_have_text(str(before - 5), timeout=PATIENCE)  # nobody touched the page
    arrived(page, "Today")  # whole: a file that goes while a page is drawn is missed by each of its parts
    replaceable.unlink()
    _later(page)
    expect(page.get_by_text("There is no warehouse yet")).to_be_visible(timeout=PATIENCE)
    arrived(page, "Today")
    altered(film_warehouse, replaceable)
    _later(page)
    expect(films).to_have_text(str(before), timeout=PATIENCE)


def _later(page: Page) -> None:
    """The page's clock goes on until it has looked at the warehouse again; the test need not wait for that."""
    page.clock.fast_forward(1000 * app.LOOK_AGAIN_SECONDS)
