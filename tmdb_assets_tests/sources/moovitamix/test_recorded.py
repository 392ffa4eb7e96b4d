"""The recorded rows of the real API: all kept, all explained, and what a day costs on which one user in a hundred
changed."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.lakehouse.payloads import unknown_fields
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import answers, payloads
from tmdb_assets_tests.sources.moovitamix.lakes import (
    TODAY,
    Lists,
    ListServer,
    cost,
    day,
    derive,
    keep_raw,
    observe,
    recorded,
    rows,
)

pytestmark = pytest.mark.real

SHAPES = {"tracks": payloads.Track, "users": payloads.User, "listen_history": payloads.History}


@pytest.fixture(scope="module")
def said(real_data: Path) -> Lists:
    """All rows of one run of the real server."""
    return recorded(real_data)


def test_every_recorded_row_is_kept(lake: DeltaStore, said: Lists) -> None:
    with ListServer(said).running() as server:
        observe(lake, server.url, TODAY)
    done = derive(lake, [TODAY])
    heights = {
        name: rows(lake, name).height for name in ("tracks", "users", "listen_histories", "listens", "quarantine")
    }
    assert heights == {"tracks": 1000, "users": 1000, "listen_histories": 1000, "listens": 5000, "quarantine": 0}
    star = {name: rows(lake, name).height for name in ("dim_track", "dim_user", "fact_listen", "vw_orphans")}
    assert star == {"dim_track": 1000, "dim_user": 1000, "fact_listen": 5000, "vw_orphans": 0}
    found = {(table, o.check): o.figures.get("found") for table, d in done.items() for o in d.outcomes if not o.passed}
    assert found == {
        ("dim_track", "created_after_updated"): 270,
        ("dim_user", "created_after_updated"): 249,
        ("dim_user", "email_duplicates"): 2,
        ("fact_listen", "plays_before_track"): 2633,
    }
    for endpoint, listed in said.items():
        assert unknown_fields(pl.Series([json.dumps(row) for row in listed]), SHAPES[endpoint]) == set()


@pytest.mark.parametrize("endpoint", SHAPES)
def test_a_recorded_page_is_put_together_byte_for_byte(real_data: Path, endpoint: str) -> None:
    text = (real_data / "moovitamix" / f"{endpoint}_page1.json").read_text(encoding="utf-8")
    layout, texts = answers.take_apart(text)
    assert (len(texts), answers.put_together(layout, texts)) == (100, text)


def test_a_day_with_one_changed_user_in_a_hundred_costs_little(
    tmp_path: Path, said: Lists, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints files and bytes that the second day adds, beside those of writing the same day anew."""
    chosen = set(random.Random(1).sample(range(1000), 10))
    changed = {"last_name": "Changed", "updated_at": "2026-11-20T10:20:01.845419"}
    users = [row | (changed if n in chosen else {}) for n, row in enumerate(said["users"])]
    second = dict(said) | {"users": users}
    store, anew = DeltaStore(tmp_path / "lake"), DeltaStore(tmp_path / "anew")
    for target, on, lists in ((store, day(1), said), (anew, day(0), second)):
        keep_raw(target, on, lists)
        derive(target, [on])
    folders = ("raw", "clean", "star", "views")
    before = {f: cost(Path(store.root) / "moovitamix" / f) for f in folders}
    keep_raw(store, day(0), second)
    derive(store, [day(0)])
    lines = ["", "stage   files  bytes added by the day      files  bytes of writing it anew     ratio"]
    total = [0, 0, 0, 0]
    for folder in folders:
        files, size = cost(Path(store.root) / "moovitamix" / folder)
        added = (files - before[folder][0], size - before[folder][1])
        full = cost(Path(anew.root) / "moovitamix" / folder)
        total = [a + b for a, b in zip(total, (*added, *full), strict=True)]
        lines.append(
            f"{folder:<7} {added[0]:>5} {added[1]:>12,} {full[0]:>20} {full[1]:>12,} {added[1] / full[1]:>18.1%}"
        )
        if folder in {"raw", "clean"}:
            assert added[1] < 0.15 * full[1]
    lines.append(
        f"{'all':<7} {total[0]:>5} {total[1]:>12,} {total[2]:>20} {total[3]:>12,} {total[1] / total[3]:>18.1%}"
    )
    with capsys.disabled():
        print("\n".join(lines))
    assert total[1] < 0.2 * total[3]
    assert total[0] < 0.5 * total[2]
    assert rows(store, "users").height == 1010
    assert rows(store, "records").height == 3010
