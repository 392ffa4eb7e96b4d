"""What breaks a rule waits in quarantine; when the rule is corrected the past day gives it back, from what was kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import Rule, col, in_range
from tmdb_assets.sources.tmdb import clean, contracts
from tmdb_assets_tests.end_to_end.harness import (
    RAW,
    contents,
    deletions,
    derive_plainly,
    differences,
    fill_plainly,
    read,
    versions,
)

DAY, _ = deletions()[-1]
LONGEST = 125
#: Films, what belongs to them, their figures, and the accounts: what a rule of films could reach.
STAR = [f"tmdb/star/{name}" for name in ("bridge_movie_genre", "fact_movie_daily", "fact_table_quality")]


@contextmanager
def stricter_rules(third: Collection[int]) -> Iterator[None]:
    """Rules that real films break: none may be longer than 125 minutes, or be one of these multiples of 3."""
    columns = {
        "runtime_minutes": col(pl.Int64, "Running time in minutes.", in_range(1, LONGEST), nullable=True),
        "movie_id": col(pl.Int64, "Film.", Rule("notin", {"forbidden_values": third}, "must not be a multiple of 3")),
    }
    strict = dataclasses.replace(contracts.MOVIES, columns={**contracts.MOVIES.columns, **columns})
    with pytest.MonkeyPatch.context() as patch:
        tables = [
            dataclasses.replace(t, contract=strict) if t.contract is contracts.MOVIES else t for t in clean.TABLES
        ]
        patch.setattr(clean, "TABLES", tuple(tables))
        yield


def test_a_corrected_rule_moves_rows_and_values_out_of_quarantine_and_a_new_one_moves_them_in(tmp_path: Path) -> None:
    always, lake = tmp_path / "always", tmp_path / "lake"
    fill_plainly(always, DAY, only=STAR)
    movies = read(always, "tmdb/clean/movies")
    others = movies.filter(pl.col("movie_id") % 3 != 0)
    third = set(movies.get_column("movie_id")) - set(others.get_column("movie_id"))
    with stricter_rules(third):
        fill_plainly(lake, DAY, only=STAR)
    under_the_rule, at = contents(lake), versions(lake)
    aside = under_the_rule["tmdb/clean/quarantine"]
    too_long = others.filter(pl.col("runtime_minutes") > LONGEST)
    ids = set(too_long.get_column("movie_id"))
    assert ids
    assert third
    values = aside.filter(pl.col("column_name") == "runtime_minutes")
    assert set(values.get_column("payload").str.json_path_match("$.id").cast(pl.Int64)) == ids
    reasons = {
        f"runtime_minutes = {n}: must lie between 1 and {LONGEST}" for n in too_long.get_column("runtime_minutes")
    }
    assert set(values.get_column("reason")) == reasons
    rows = aside.filter(pl.col("rule").str.starts_with("movie_id must not be a multiple"))
    assert set(rows.get_column("payload").str.json_path_match("$.id").cast(pl.Int64)) == third
    films = under_the_rule["tmdb/star/dim_movie"].filter(pl.col("observed_on").is_not_null())
    assert third.isdisjoint(films.get_column("movie_id"))
    unknown = films.filter(pl.col("movie_id").is_in(list(ids)))
    assert (unknown.height, unknown.get_column("runtime_minutes").null_count()) == (len(ids), len(ids))

    # Corrected: derived tables alone, with a source that could not be asked.
    derive_plainly(lake, DAY, only=STAR)
    assert differences(contents(lake), contents(always)) == []
    assert {path for path in RAW if versions(lake)[path] != at[path]} == set()

    # And back again: the rules take films and lengths out of the star, as if they had never passed.
    with stricter_rules(third):
        fill_plainly(lake, DAY, only=STAR)
    assert differences(contents(lake), under_the_rule) == []
    assert {path for path in RAW if versions(lake)[path] != at[path]} == set()
