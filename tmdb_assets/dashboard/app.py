"""The dashboard: its pages, and what stands around every one of them. `streamlit run` starts this file.

What belongs here: the list of pages, the banner, when the data was updated, the footer, what is said when there is no
warehouse. What does not: anything on a page (films/, subscribers/).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from tmdb_assets.dashboard import layout
from tmdb_assets.dashboard.asking import warehouse
from tmdb_assets.dashboard.films import film, money, people, places, quality, search, today, trends
from tmdb_assets.dashboard.listeners import answers
from tmdb_assets.dashboard.markup import STYLE
from tmdb_assets.dashboard.subscribers import checks
from tmdb_assets.settings import SettingsError
from tmdb_assets.warehouse import credit, figures
from tmdb_assets.warehouse.reader import Info, Stamp, WarehouseError

LOOK_AGAIN_SECONDS = 10


@dataclass(frozen=True)
class Page:
    """A page: `path` is its place in the URL, `source` who its figures come from."""

    title: str
    path: str
    icon: str
    draw: Callable[[], None]
    source: credit.Source = credit.FILMS


#: Heading -> pages, in the order of the menu; a source with pages of its own adds a heading.
PAGES = {
    "Films": [
        Page("Today", "", ":material/today:", today.page),
        Page("Trends", "trends", ":material/trending_up:", trends.page),
        Page("Genres and places", "places", ":material/public:", places.page),
        Page("Money", "money", ":material/payments:", money.page),
        Page("People and companies", "people", ":material/groups:", people.page),
        Page("Film", "film", ":material/movie:", film.page),
        Page("Find films", "find", ":material/search:", search.page),
        Page("Data quality", "quality", ":material/verified:", quality.page),
    ],
    "Subscribers": [
        Page("Monthly checks", "checks", ":material/checklist:", checks.page, credit.SUBSCRIBERS),
    ],
    "Listeners": [
        Page("Answers in SQL", "listeners", ":material/music_note:", answers.page, credit.LISTENERS),
    ],
}


def main() -> None:
    """The whole page."""
    st.set_page_config("Films", "🎬", layout="wide")
    listed = {
        heading: [
            st.Page(_drawn(page), title=page.title, icon=page.icon, url_path=page.path, default=not page.path)
            for page in pages
        ]
        for heading, pages in PAGES.items()
    }
    st.navigation(listed).run()


def show(path: str) -> None:
    """The page at a path with all that stands around it, without the menu."""
    page = next(page for pages in PAGES.values() for page in pages if page.path == path)
    _drawn(page)()


def _drawn(page: Page) -> Callable[[], None]:
    def draw() -> None:
        st.html(STYLE)
        st.title(page.title, anchor=False)
        stamp, info = _stamp(), None  # before anything is asked: a file that comes later is noticed
        try:
            info = warehouse().info
            _banner(info, page.source)
            page.draw()
        except (WarehouseError, SettingsError) as error:
            st.info(str(error), icon=":material/database_off:")
        layout.write_kept()
        _footer(info, stamp)

    draw.__name__ = page.title  # Streamlit tells pages apart by it
    return draw


def _banner(info: Info, source: credit.Source) -> None:
    """Who answered for the data, unless every source of it is real."""
    if info.origin == "sandbox":
        st.info(source.banner, icon=":material/science:")
    elif credit.is_doubtful(info.origin):
        st.warning(credit.MIXED, icon=":material/science:")


def _footer(info: Info | None, stamp: Stamp | None) -> None:
    st.divider()
    _updated(info, stamp)
    st.caption(credit.ATTRIBUTION)


def _stamp() -> Stamp | None:
    """What tells the file from the one before and after it; None while there is none."""
    try:
        return warehouse().stamp
    except (WarehouseError, SettingsError):
        return None


@st.fragment(run_every=LOOK_AGAIN_SECONDS)
def _updated(info: Info | None, stamp: Stamp | None) -> None:
    """When the file was published. Looks at it from time to time: a new one, or the first one, draws the page anew."""
    if _stamp() != stamp:
        st.rerun()
    if info is None:
        return
    kept = f" · the newest {figures.count(info.fact_days)} days of facts" if info.fact_days else ""
    ago = figures.ago(info.published_at, dt.datetime.now(dt.UTC))
    st.caption(f"Updated {ago} ({figures.moment(info.published_at)}){kept}")


if __name__ == "__main__":
    main()
