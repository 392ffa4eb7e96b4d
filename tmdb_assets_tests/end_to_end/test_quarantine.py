"""A row that breaks a rule waits in quarantine; when the rule is corrected the past day gives it back, from what was kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import between, col
from tmdb_assets.sources.tmdb import assets, contracts
from tmdb_assets_tests.end_to_end.harness import (
    DERIVED,
    RAW,
    TABLES,
    contents,
    deletions,
    differences,
    fill,
    fill_plainly,
    read,
    versions,
)

DAY, _ = deletions()[-1]
LONGEST = 125


@contextmanager
def stricter_rule() -> Iterator[None]:
    """A rule that real films break: none may be longer than 125 minutes."""
    runtime = col(pl.Int64, "Running time in minutes.", between(1, LONGEST), nullable=True)
    strict = dataclasses.replace(contracts.MOVIES, columns={**contracts.MOVIES.columns, "runtime_minutes": runtime})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            contracts, "CONTRACTS", tuple(strict if c is contracts.MOVIES else c for c in contracts.CONTRACTS)
        )
        patch.setitem(assets.TABLES, "movies", strict)
        yield


def test_a_corrected_rule_moves_rows_out_of_quarantine_and_a_new_one_moves_them_in(tmp_path: Path) -> None:
    always, lake = tmp_path / "always", tmp_path / "lake"
    fill_plainly(always, DAY, answers=False)
    with stricter_rule():
        fill_plainly(lake, DAY, answers=False)
    under_the_rule, at = contents(lake), versions(lake)
    too_long = read(always, "tmdb/clean/movies").filter(pl.col("runtime_minutes") > LONGEST)
    ids = set(too_long.get_column("movie_id"))
    assert ids
    set_aside = under_the_rule["tmdb/clean/quarantine"].filter(pl.col("rule").str.starts_with("runtime_minutes"))
    assert set(set_aside.get_column("payload").str.json_path_match("$.id").cast(pl.Int64)) == ids
    reasons = {
        f"runtime_minutes = {n}: must lie between 1 and {LONGEST}" for n in too_long.get_column("runtime_minutes")
    }
    assert set(set_aside.get_column("reason")) == reasons
    films = under_the_rule["tmdb/star/dim_movie"].filter(pl.col("observed_on").is_not_null())
    assert ids.isdisjoint(films.get_column("movie_id"))

    # Corrected: derived tables alone, with a source that could not be asked.
    daily = [path for path in DERIVED if not TABLES[path].is_whole]
    run = fill(lake, DAY, select=daily, tmdb_api_token="unused", tmdb_api_url="http://127.0.0.1:9/3")
    assert run.success, run.said
    assert differences(contents(lake), contents(always)) == []
    assert {path for path in RAW if versions(lake)[path] != at[path]} == set()

    # And back again: the rule takes the films out of the star, as if they had never passed.
    with stricter_rule():
        fill_plainly(lake, DAY, answers=False)
    assert differences(contents(lake), under_the_rule) == []
    assert {path for path in RAW if versions(lake)[path] != at[path]} == set()
