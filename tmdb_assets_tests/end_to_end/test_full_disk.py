"""A disk that fills up while a run is at work: one sentence, no success, and the next run goes on from there."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from deltalake.exceptions import DeltaError

from tmdb_assets.lakehouse.store import DeltaStore, LakeError
from tmdb_assets_tests.end_to_end.harness import (
    ASSETS,
    COSTS,
    DAILY,
    TODAY,
    checkout,
    command,
    contents,
    differences,
    fill,
    fill_plainly,
)

FILMS = 40
STAR = ["tmdb/star/dim_movie", "tmdb/star/fact_movie_daily"]  # what is written after it is written as these are
SAID = (
    "The lake root {} cannot be written (No space left on device): make room there, or set TMDB_ASSETS_LAKE to "
    "a folder "
)


class FullDisk:
    """Lets so many writes of Delta tables through, and refuses those that follow as deltalake does on a full disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        write = DeltaStore._write

        def refused_at_last(store: DeltaStore, *args: Any, **options: Any) -> None:
            if not self.left:
                number = errno.ENOSPC
                raise DeltaError(f"Generic LocalFileSystem error: {os.strerror(number)} (os error {number})")
            self.left -= 1
            write(store, *args, **options)

        monkeypatch.setattr(DeltaStore, "_write", refused_at_last)


def test_runs_that_find_the_disk_full_again_and_again_end_where_one_run_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, lake = tmp_path / "whole", tmp_path / "lake"
    fill_plainly(whole, TODAY, only=STAR, tmdb_assets_sandbox_films=FILMS)
    disk = FullDisk(monkeypatch)
    failed = 0
    for disk.left in (0, 4, 9, 12, 1000):
        try:
            fill_plainly(lake, TODAY, only=STAR, tmdb_assets_sandbox_films=FILMS)
        except LakeError as error:
            failed += 1
            assert str(error).startswith(SAID.format(lake))
    assert failed == 4
    assert disk.left, "the last run found room"
    costs = COSTS | {"started_at"}
    assert differences(contents(lake, but=costs, only=DAILY), contents(whole, but=costs, only=DAILY)) == []


def test_a_full_disk_ends_the_job_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FullDisk(monkeypatch).left = 2
    run = fill(tmp_path / "lake", TODAY, select=["tmdb/raw/reference"], tmdb_assets_sandbox_films=FILMS)
    assert not run.success
    assert [said.startswith(SAID.format(tmp_path / "lake")) for said in run.said] == [True]


# -- disks of their own ------------------------------------------------------------------------------------------------


def mounted(folder: Path, options: str) -> tuple[str, ...]:
    """What runs a command, and nothing else, with an empty disk mounted there; skips where nobody may."""
    mount = f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"'
    start = ("unshare", "--mount", "sh", "-c", mount, str(folder))
    if not shutil.which("unshare") or subprocess.run([*start, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    return start


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        ("moovitamix/raw/pages", "ro", "Read-only file system"),
        ("moovitamix/raw/pages", "size=200k", "No space left on device"),
    ],
)
def test_a_disk_that_takes_nothing_ends_the_command_with_one_sentence(
    tmp_path: Path, table: str, options: str, said: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    words = (*ASSETS[:-1], f"key:{table}", "--partition", TODAY.isoformat())
    done = command(checkout(tmp_path / "clone"), *mounted(disk, options), *words, TMDB_ASSETS_LAKE=str(disk))
    lines = [line for line in (done.stdout + done.stderr).splitlines() if f"The lake root {disk} " in line]
    assert done.returncode != 0
    assert f"The lake root {disk} cannot be written ({said})" in lines[0]
    assert "TMDB_ASSETS_LAKE" in lines[0]
    assert "Traceback" not in done.stdout + done.stderr
