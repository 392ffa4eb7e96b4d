"""The lock of a source in a lake: it is one however the lake is spelled, and keeps nobody else waiting."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.lakehouse.locks import LockUnusable, one_fetch_at_a_time


def said_while(held: DeltaStore, wanted: DeltaStore, source: str = "toy") -> list[str]:
    """What is said when the lock of `toy` is held in one lake and somebody wants one; being told, the holder lets go."""
    said: list[str] = []
    with ExitStack() as holder:
        holder.enter_context(one_fetch_at_a_time(held, "toy", said.append))

        def log(line: str) -> None:
            said.append(line)
            holder.close()

        with one_fetch_at_a_time(wanted, source, log):
            pass
    return said


@pytest.mark.parametrize("spelled", ["{}", "{}/", "file://{}", "data/lake", "./data/../data/lake", "link/lake"])
def test_the_second_in_a_lake_waits_however_the_lake_is_spelled(tmp_path: Path, spelled: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert Path.cwd() == tmp_path
    lake = tmp_path / "data" / "lake"
    assert said_while(DeltaStore(lake), DeltaStore(spelled.format(lake))) == [
        "Another run is at work on the raw tables of toy in this lake: waiting for it to finish"
    ]


def test_another_source_or_another_lake_waits_for_nobody(tmp_path: Path) -> None:
    bucket = f"s3://lake-{os.getpid()}/a"
    assert said_while(DeltaStore(tmp_path / "a"), DeltaStore(tmp_path / "a"), "other") == []
    assert said_while(DeltaStore(tmp_path / "a"), DeltaStore(tmp_path / "b")) == []
    assert said_while(DeltaStore(bucket), DeltaStore(f"{bucket}b")) == []
    assert len(said_while(DeltaStore(bucket), DeltaStore(bucket))) == 1


@pytest.mark.parametrize("missing", [True, False], ids=["no such folder", "a file in its place"])
def test_a_lock_that_cannot_be_taken_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "gettempdir", nowhere if missing else lambda: str(tmp_path / "file"))
    with (
        pytest.raises(
            LockUnusable, match=r"^(A|The) lock .*cannot be taken \(.+\): make room, or set TMPDIR to a folder"
        ),
        one_fetch_at_a_time(DeltaStore(tmp_path / "a"), "toy", print),
    ):
        pass
