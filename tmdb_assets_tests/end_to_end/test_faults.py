"""A source that fails, and one that refuses: the first costs time and leaves no trace, the second one sentence."""

from __future__ import annotations

import re
from pathlib import Path

from tmdb_assets_tests.end_to_end.harness import (
    COSTS,
    FILMS,
    JOB,
    TODAY,
    TOKEN,
    asked_of,
    checkout,
    command,
    contents,
    differences,
    fill_plainly,
    ledger,
    of_day,
    read,
)
from tmdb_assets_tests.sandbox.running import running

WORLD = ("--films", str(FILMS), "--token", TOKEN, "--today", TODAY.isoformat())


def test_a_day_of_faults_gives_the_tables_of_a_quiet_day(tmp_path: Path) -> None:
    with running(*WORLD) as quiet:
        fill_plainly(tmp_path / "quiet", TODAY, **asked_of(quiet.url, TODAY))
    with running(*WORLD, "--faults", "0.3", "--slow", "0.1") as rough:
        # More at once than usual: the waits between attempts overlap.
        fill_plainly(tmp_path / "rough", TODAY, **asked_of(rough.url, TODAY), tmdb_concurrency=32)
    assert differences(contents(tmp_path / "rough", but=COSTS), contents(tmp_path / "quiet", but=COSTS)) == []
    calls, rough_calls = (
        {
            endpoint: (row["calls"], row["retries"], row["throttled"])
            for endpoint, row in ledger(tmp_path / n, TODAY).items()
        }
        for n in ("quiet", "rough")
    )
    assert {retries for _, retries, _ in calls.values()} == {0}
    assert sum(retries for _, retries, _ in rough_calls.values()) > 30
    assert sum(throttled for _, _, throttled in rough_calls.values()) > 5
    for endpoint, (asked, retries, _) in rough_calls.items():
        assert asked - retries == calls[endpoint][0]


def test_a_wrong_token_is_told_once_and_appears_nowhere(tmp_path: Path) -> None:
    clone, lake = checkout(tmp_path / "clone"), tmp_path / "lake"
    wrong = "not-the-right-token-4711"
    with running(*WORLD) as tmdb:
        where = {"TMDB_API_URL": f"{tmdb.url}/3", "TMDB_EXPORT_URL": f"{tmdb.url}/p/exports", "TMDB_API_TOKEN": wrong}
        ran = command(clone, *JOB, *of_day(TODAY), TMDB_ASSETS_LAKE=str(lake), **where)
    assert ran.returncode == 1
    said = set(re.findall(r"[^\n:]+: \S+ refused the credentials[^\n]*", ran.stderr))
    assert len(said) == 1
    assert "check TMDB_API_TOKEN (or TMDB_API_KEY)." in said.pop()
    failed = set(re.findall(r"STEP_FAILURE - Execution of step \"(\w+)\" failed", ran.stderr))
    assert failed == {"tmdb__raw__reference"}
    assert wrong not in ran.stdout + ran.stderr
    kept = [file for folder in (lake, tmp_path / "home") for file in folder.rglob("*") if file.is_file()]
    assert [file for file in kept if wrong.encode() in file.read_bytes()] == []
    assert [file for file in kept if file.suffix == ".parquet"] == []
    assert read(lake, "tmdb/raw/extraction_ledger").height == 0
