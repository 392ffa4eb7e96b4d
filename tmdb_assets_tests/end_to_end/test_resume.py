"""A run of the day that is cut while it asks: the next one asks for what is missing, and for nothing else."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.http import Unauthorized
from tmdb_assets.sources.tmdb import details, parts
from tmdb_assets_tests.end_to_end.harness import (
    COSTS,
    RAW,
    TODAY,
    TOKEN,
    asked_of,
    contents,
    differences,
    environment,
    fill_plainly,
    ledger,
    read,
    real_looking,
)
from tmdb_assets_tests.faulty_server import FaultyServer, Reply, Seen, json_reply
from tmdb_assets_tests.sandbox.running import running

FILMS = 700
WORLD = ("--films", str(FILMS), "--token", TOKEN, "--today", TODAY.isoformat())
#: Little of what a day derives: these tests are about what it asks.
LITTLE = ["tmdb/star/dim_genre"]
REVOKED = json_reply({"success": False, "status_code": 7, "status_message": "Invalid API key."}, 401)
OBSERVE = ("dagster", "asset", "materialize", "-m", "tmdb_assets.definitions", "--partition", TODAY.isoformat())


def details_asked(server: FaultyServer) -> list[int]:
    """Ids of the films whose details were asked for so far."""
    return [int(found[1]) for seen in list(server.seen) if (found := re.search(r"/3/movie/(\d+)$", seen.path))]


def pages_asked(server: FaultyServer) -> list[int]:
    """Pages of the list that were asked for so far."""
    return [int(seen.query["page"]) for seen in list(server.seen) if seen.path.endswith("/3/discover/movie")]


def details_kept(lake: Path) -> int:
    return read(lake, "tmdb/raw/movie_details").height


def same_raw(one: Path, other: Path) -> bool:
    """Whether two lakes hold the same raw tables, the ledger included."""
    return differences(*(contents(lake, but=COSTS, only=RAW) for lake in (one, other))) == []


def test_killed_in_the_midst_of_the_details_the_command_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    settings = {"TMDB_ASSETS_LAKE": str(tmp_path / "lake"), "TMDB_CONCURRENCY": "4"}
    with running(*WORLD) as sandbox, real_looking(sandbox) as server:
        asked_here = asked_of(server.url, TODAY)
        fill_plainly(tmp_path / "uncut", TODAY, only=LITTLE, answers=False, **asked_here)
        wanted, answers = details_asked(server), server.script
        assert len(wanted) == len(set(wanted)) > 3 * details.PER_COMMIT

        def observe() -> subprocess.Popen[str]:
            variables = {name.upper(): str(value) for name, value in asked_here.items()} | settings
            return subprocess.Popen(
                [*OBSERVE, "--select", "+key:tmdb/raw/movie_details"],
                cwd=tmp_path,
                env=environment(tmp_path, **variables),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

        before, is_there, goes_on = len(details_asked(server)), threading.Event(), threading.Event()

        def silent(seen: Seen) -> Reply:
            """Says nothing any more when it has answered for two commits and a half."""
            if len(details_asked(server)) - before > 2.5 * details.PER_COMMIT:
                is_there.set()
                goes_on.wait(60)
            return answers(seen)

        server.script = silent
        cut = observe()
        assert is_there.wait(120), cut.communicate(timeout=60)[0]
        while details_kept(tmp_path / "lake") < 2 * details.PER_COMMIT:
            time.sleep(0.1)
        os.killpg(cut.pid, signal.SIGKILL)
        cut.communicate()
        goes_on.set()
        kept_ids = set(read(tmp_path / "lake", "tmdb/raw/movie_details").get_column("movie_id"))
        assert len(kept_ids) == 2 * details.PER_COMMIT
        assert not ledger(tmp_path / "lake", TODAY)["movie/{id}"]["is_finished"]

        server.script, before = answers, len(details_asked(server))
        resumed = observe()
        said = resumed.communicate(timeout=240)[0]
        assert resumed.returncode == 0, said
        assert sorted(details_asked(server)[before:]) == sorted(set(wanted) - kept_ids)
    assert same_raw(tmp_path / "lake", tmp_path / "uncut")


def test_a_list_that_was_cut_is_walked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PAGES_PER_COMMIT", 4)
    few = {"tmdb_scope": "top:300", "tmdb_concurrency": 1}
    with running(*WORLD) as sandbox, real_looking(sandbox) as server:
        asked_here = asked_of(server.url, TODAY) | few
        fill_plainly(tmp_path / "uncut", TODAY, only=LITTLE, answers=False, **asked_here)
        wanted, answers = pages_asked(server), server.script
        assert set(wanted) == set(range(1, 16))
        before = len(wanted)

        def revoked(seen: Seen) -> Reply:
            return answers(seen) if len(pages_asked(server)) - before <= 10 else REVOKED

        server.script = revoked
        with pytest.raises(Unauthorized):
            fill_plainly(tmp_path / "lake", TODAY, only=LITTLE, answers=False, **asked_here)
        kept = read(tmp_path / "lake", "tmdb/raw/discover_pages")
        assert kept.get_column("page").to_list() == list(range(1, 9))
        assert set(kept.get_column("window")) == {"popularity (under way)"}
        assert not ledger(tmp_path / "lake", TODAY)["discover/movie"]["is_finished"]

        server.script, before = answers, len(pages_asked(server))
        fill_plainly(tmp_path / "lake", TODAY, only=LITTLE, answers=False, **asked_here)
        again = pages_asked(server)[before:]
        assert again[:7] == list(range(9, 16))
        assert sorted([*range(1, 9), *again]) == sorted(wanted), "a page that is short is looked at twice, as ever"
    assert same_raw(tmp_path / "lake", tmp_path / "uncut")
