"""docs/quarantine.md, step by step, on the value that the sandbox plants: what was set aside comes out."""

from __future__ import annotations

import datetime as dt
import re
import sys
import types
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.sources.tmdb import payloads
from tmdb_assets_tests.conftest import PROJECT
from tmdb_assets_tests.end_to_end.harness import DERIVED, RAW, TABLES, TODAY, fill, fill_plainly, read, versions

DAY = TODAY - dt.timedelta(days=1)  # of a past day, what is kept is not asked for again
PAGE = (PROJECT / "docs" / "quarantine.md").read_text(encoding="utf-8")
ACCOUNTS = "tmdb/views/vw_data_quality"
#: What a run of the day derives, and the account of it; the other views stand on these.
DERIVED_BY_THE_DAY = [path for path in DERIVED if not TABLES[path].is_whole]


def as_the_page_says(text: str) -> str:
    """A text with the page's changes made: of each, the line with a minus becomes the one with a plus, below its
    context."""
    changes = re.findall(r"```diff\n(.*?)```", PAGE, re.DOTALL)
    assert len(changes) == 2
    for change in changes:
        lines = [line.strip() for line in change.splitlines() if line.strip()]
        below = next((line for line in lines if line[0] not in "+-"), "")
        old, new = (next(line[1:] for line in lines if line[0] == sign) for sign in "-+")
        start = text.index(below)
        assert old in text[start:]
        text = text[:start] + text[start:].replace(old, new, 1)
    return text


def test_the_sandboxs_own_value_comes_out_of_the_quarantine_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    fill_plainly(lake, DAY, answers=False)
    at = versions(lake)
    (aside,) = read(lake, "tmdb/clean/quarantine").to_dicts()
    assert (aside["origin"], aside["rule"]) == ("tmdb/clean/movies", "popularity must be a number")
    film = int(aside["raw_pointer"].rpartition("=")[2])

    changed = types.ModuleType(payloads.__name__)
    text = as_the_page_says(Path(payloads.__file__).read_text(encoding="utf-8"))
    monkeypatch.setitem(sys.modules, payloads.__name__, changed)  # annotations are looked up there
    exec(compile(text, payloads.__file__, "exec"), changed.__dict__)  # our own file, changed as our page says
    monkeypatch.setattr(payloads, "Movie", changed.Movie)
    run = fill(lake, DAY, select=[*DERIVED_BY_THE_DAY, "tmdb/views/vw_quarantine_rules", ACCOUNTS])
    assert run.success, run.said
    assert run.failed_checks == set()

    assert read(lake, "tmdb/clean/quarantine").is_empty()
    kept = read(lake, "tmdb/clean/movies").row(by_predicate=pl.col("movie_id") == film, named=True)
    assert kept["popularity"] == float(aside["value"])
    assert {path for path in RAW if versions(lake)[path] != at[path]} == set(), "nothing was asked for again"
    accounts = read(lake, ACCOUNTS).filter(pl.col("received").is_not_null())
    parts = ("kept", "quarantined", "duplicates", "superseded")
    became = accounts.select(pl.sum_horizontal(pl.col(part).fill_null(0) for part in parts)).to_series()
    assert accounts.get_column("received").to_list() == became.to_list()
    assert accounts.height > 3
