"""A source that fails, and one that refuses: the first costs time and leaves no trace, the second one sentence."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.http import Unauthorized
from tmdb_assets.sources.tmdb import details
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
    real_looking,
)
from tmdb_assets_tests.faulty_server import DISGUISES, FaultyServer, Reply, Seen, json_reply
from tmdb_assets_tests.sandbox.running import Running, running

WORLD = ("--films", str(FILMS), "--token", TOKEN, "--today", TODAY.isoformat())
#: All that a day brings is in these, and in what they are made of; the rest of the star is made of it.
STAR = ["tmdb/star/dim_movie", "tmdb/star/fact_movie_daily", "tmdb/star/fact_table_quality"]


@dataclass(frozen=True)
class Quiet:
    """A day without a fault: its lake, and the ids of the films whose details were asked for."""

    lake: Path
    asked: list[int]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    """The world that is asked."""
    with running(*WORLD) as found:
        yield found


@pytest.fixture(scope="module")
def quiet(sandbox: Running, tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    """The day that every other one is held against. Read only."""
    lake = tmp_path_factory.mktemp("quiet") / "lake"
    with real_looking(sandbox) as server:
        fill_plainly(lake, TODAY, only=STAR, **asked_of(server.url, TODAY))
        return Quiet(lake, details_asked(server))


def test_a_day_of_faults_gives_the_tables_of_a_quiet_day(tmp_path: Path, quiet: Quiet) -> None:
    with running(*WORLD, "--faults", "0.3", "--slow", "0.1") as rough:
        # More at once than usual: the waits between attempts overlap.
        fill_plainly(tmp_path / "rough", TODAY, only=STAR, **asked_of(rough.url, TODAY), tmdb_concurrency=32)
    apart = COSTS | {"origin"}  # the sandbox owns up to being one where nobody stands before it
    assert differences(contents(tmp_path / "rough", but=apart), contents(quiet.lake, but=apart)) == []
    calls, rough_calls = (
        {endpoint: (row["calls"], row["retries"], row["throttled"]) for endpoint, row in ledger(lake, TODAY).items()}
        for lake in (quiet.lake, tmp_path / "rough")
    )
    assert {retries for _, retries, _ in calls.values()} == {0}
    assert sum(retries for _, retries, _ in rough_calls.values()) > 30
    assert sum(throttled for _, _, throttled in rough_calls.values()) > 5
    for endpoint, (asked, retries, _) in rough_calls.items():
        again = asked - retries - calls[endpoint][0]
        assert again in (range(4) if endpoint == "movie/{id}" else [0]), "films that failed are asked for once more"


def test_a_day_whose_bodies_lie_about_their_packing_gives_the_tables_of_an_honest_one(
    tmp_path: Path, sandbox: Running, quiet: Quiet
) -> None:
    met: Counter[tuple[str, str]] = Counter()
    of_text = sorted(DISGUISES)
    of_files = sorted(set(DISGUISES) - {"BOM", "UTF-16", "gzip with a BOM", "packed thrice"})  # it is packed already

    with real_looking(sandbox) as server:
        honest = server.script

        def lie(seen: Seen) -> Reply:
            kind = next(kind for kind in ("exports", "discover", "changes", "movie/", "") if kind in seen.target)
            disguises = of_files if kind == "exports" else of_text
            fault = disguises[(zlib.crc32(seen.target.encode()) + int(kind == "exports")) % len(disguises)]
            met[kind, fault] += 1
            return replace(honest(seen), fault=fault)

        server.script = lie
        fill_plainly(tmp_path / "lying", TODAY, only=STAR, **asked_of(server.url, TODAY))
    assert {kind for kind, _ in met} >= {"exports", "discover", "movie/"}
    assert {fault for kind, fault in met if kind == "movie/"} == set(DISGUISES)
    assert differences(contents(tmp_path / "lying", but={"bytes"}), contents(quiet.lake, but={"bytes"})) == []


def test_a_day_cut_short_asks_for_the_missing_details_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Running, quiet: Quiet
) -> None:
    monkeypatch.setattr(details, "PER_COMMIT", 16)
    with real_looking(sandbox) as server:
        wanted, answers = quiet.asked, server.script
        assert len(wanted) == len(set(wanted)) > 100

        def revoked(seen: Seen) -> Reply:
            """The token is taken back after some 60 films."""
            if len(details_asked(server)) <= 60:
                return answers(seen)
            return json_reply({"success": False, "status_code": 7, "status_message": "Invalid API key."}, 401)

        server.script = revoked
        with pytest.raises(Unauthorized):
            fill_plainly(tmp_path / "cut", TODAY, only=STAR, **asked_of(server.url, TODAY))
        kept = set(read(tmp_path / "cut", "tmdb/raw/movie_details").get_column("movie_id"))
        assert 0 < len(kept) < len(wanted)
        assert not ledger(tmp_path / "cut", TODAY)["movie/{id}"]["is_finished"]
        assert read(tmp_path / "cut", "tmdb/star/dim_movie").height == 0

        server.script, before = answers, len(details_asked(server))
        fill_plainly(tmp_path / "cut", TODAY, only=STAR, **asked_of(server.url, TODAY))
        assert sorted(details_asked(server)[before:]) == sorted(set(wanted) - kept)
    assert differences(contents(tmp_path / "cut", but=COSTS), contents(quiet.lake, but=COSTS)) == []


def details_asked(server: FaultyServer) -> list[int]:
    """Ids of the films whose details were asked for so far."""
    return [int(found[1]) for seen in list(server.seen) if (found := re.search(r"/3/movie/(\d+)$", seen.path))]


def test_a_wrong_token_is_told_once_and_appears_nowhere(tmp_path: Path, sandbox: Running) -> None:
    clone, lake = checkout(tmp_path / "clone"), tmp_path / "lake"
    wrong = "not-the-right-token-4711"
    url = sandbox.url
    where = {"TMDB_API_URL": f"{url}/3", "TMDB_EXPORT_URL": f"{url}/p/exports", "TMDB_API_TOKEN": wrong}
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
