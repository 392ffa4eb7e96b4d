"""k. The dashboard's first page until all of it is drawn, over a bare Streamlit page with one chart.

What belongs here: a warehouse of 10,000 films and 90 days, the two servers, a browser that visits them by turns. Needs
Chromium (CHROMIUM names it, if it is not found). What does not: what is on the page.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import polars as pl
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.figure import Figure
from benchmarks.lake import derive, fill_raw, films
from benchmarks.warehouse import FIRST, LISTED, repeat_facts
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import publish_warehouse
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile

DAYS, VISITS = 90, 5
BARE = """
import altair, pandas, streamlit
streamlit.title("Bare")
streamlit.altair_chart(altair.Chart(pandas.DataFrame({"a": [1, 2], "b": [3, 4]})).mark_bar().encode(x="a", y="b"))
"""
#: What a page has when it is whole, and how many of it; beside this, Streamlit says that nothing runs any more.
OURS = {".tiles b": 4, ".bars ol": 3, "[data-testid=stCaptionContainer]": 5}
THEIRS = {"[data-testid=stVegaLiteChart] :is(canvas, svg)": 1}
BROKE_OUT = 30  # films: more than the page draws
#: The page's own clock: from the start of the visit until what was whole has been drawn, two frames later.
CLOCK = """
const parts = %s;
new MutationObserver((_, observer) => {
    const app = document.querySelector(".stApp");
    if (app?.dataset.testScriptState !== "notRunning") return;
    if (!Object.entries(parts).every(([part, n]) => document.querySelectorAll(part).length >= n)) return;
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => { window.drawnAfter = performance.now(); }));
}).observe(document, {childList: true, subtree: true, attributes: true});
"""


def measure() -> Figure:
    """Each visit by a browser that has never been there, then again by the same one; both servers have been warmed."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("k. needs Chromium: install it, or name one with CHROMIUM=/path/to/chromium")
    known, origin = films(LISTED)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        store, warehouse, bare = DeltaStore(f"{folder}/lake"), Path(folder) / "w.duckdb", Path(folder) / "bare.py"
        fill_raw(store, [FIRST], known, lambda _: known)
        derive(store, [FIRST])
        repeat_facts(store, DAYS)
        _break_out(store)
        publish_warehouse(store, DuckDBFile(warehouse), [Source.of(contracts)], None, lambda line: None)
        bare.write_text(BARE, encoding="utf-8")
        ours = stack.enter_context(_served("tmdb_assets.dashboard", TMDB_ASSETS_WAREHOUSE=str(warehouse)))
        floor = stack.enter_context(_served("streamlit", "run", str(bare)))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        first = _visits(browser, ours, OURS)[0]
        visits = [(_visits(browser, ours, OURS), _visits(browser, floor, THEIRS)) for _ in range(VISITS)]
    (new, again), (bare_new, bare_again) = (
        [statistics.median(times) for times in zip(*side, strict=True)] for side in zip(*visits, strict=True)
    )
    return Figure(
        "k. the dashboard's first page over a bare Streamlit page with one chart",
        new / bare_new,
        None,
        details={
            "until all is drawn, a browser that was never there": f"{new:.2f} s (bare page {bare_new:.2f} s)",
            "the same browser again": f"{again:.2f} s (bare page {bare_again:.2f} s)",
            "first visit of the server": f"{first:.2f} s",
            "warehouse": f"{LISTED:,} films x {DAYS} days; films: {origin}; medians of {VISITS} visits each",
        },
    )


@contextmanager
def _served(module: str, *words: str, **variables: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", module, *words, f"--server.port={port}"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env={**os.environ, **variables}, stdout=quiet, stderr=quiet)
    try:
        while not _answers(f"http://127.0.0.1:{port}/_stcore/health"):
            if server.poll() is not None:
                raise SystemExit(f"k. {' '.join(command)} ended with {server.returncode}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def _break_out(store: DeltaStore) -> None:
    """Films that are twenty times as popular on the newest day: without any, the page would be shorter than it is."""
    newest = FIRST + dt.timedelta(days=DAYS - 1)
    facts = store.scan(contracts.FACT_MOVIE_DAILY, [newest]).collect()
    risen = pl.col("popularity").rank("ordinal", descending=True).is_between(101, 100 + BROKE_OUT)
    popularity = pl.when(risen).then(pl.col("popularity") * 20).otherwise(pl.col("popularity"))
    store.replace(contracts.FACT_MOVIE_DAILY, facts.with_columns(popularity), [newest], {})


def _visits(browser: Browser, url: str, parts: Mapping[str, int]) -> tuple[float, float]:
    """Seconds of a first visit and of the next one."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.add_init_script(CLOCK % json.dumps(parts))
    took = (_visit(page, url), _visit(page, url))
    context.close()
    return took


def _visit(page: Page, url: str) -> float:
    page.goto(url, wait_until="commit")
    return float(page.wait_for_function("() => window.drawnAfter", timeout=60_000).json_value()) / 1000
