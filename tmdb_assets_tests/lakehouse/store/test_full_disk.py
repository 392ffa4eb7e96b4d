"""A lake that takes no more: one sentence, what was kept stays as it was, and the same write succeeds once there is
room."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake.exceptions import CommitFailedError, DeltaError

from tmdb_assets.lakehouse.store import DeltaStore, LakeError, retention
from tmdb_assets.lakehouse.store.retention import STAGING_FILE
from tmdb_assets_tests.full_disk import no_file_beyond
from tmdb_assets_tests.lakehouse.store.test_delta import COUNTS, DAYS, SMALL, THINGS, kept, rows

Write = Callable[[DeltaStore], Any]

OLD = rows(COUNTS, *[(day, f"item {n}", n) for day in DAYS[:2] for n in range(50)])
NEW = rows(COUNTS, *[(DAYS[1], f"item {n}", -n) for n in range(60)])
THING = rows(THINGS, (1, "one", DAYS[0], None), (2, "two", DAYS[0], None))
LATER = rows(THINGS, (1, "uno", DAYS[1], None))

WRITES: dict[str, Write] = {
    "replace": lambda store: store.replace(COUNTS, NEW, DAYS[1:2], {}),
    "replace in one folder": lambda store: store.replace(SMALL, NEW, DAYS[1:2], {}),
    "append": lambda store: store.append(THINGS, rows(THINGS, (3, "three", DAYS[1], None)), {}),
    "append new": lambda store: store.append_new(THINGS, rows(THINGS, (3, "three", DAYS[1], None)), {}),
    "merge": lambda store: store.merge(THINGS, LATER, {}),
    "overwrite": lambda store: store.overwrite(THINGS, LATER, {}),
    "expire": lambda store: retention.expire(store, COUNTS, DAYS[1], {}),
}
UPKEEP: dict[str, Write] = {
    "keep in shape": lambda store: retention.upkeep(store, COUNTS, keep_hours=0),
    "drop the past": lambda store: retention.drop_past(store, COUNTS),
}
CREATE: Write = lambda store: store.create(COUNTS)  # noqa: E731  # one of the same kind

SENTENCE = (
    "The lake root {root} cannot be written ({reason}): {advice} TMDB_ASSETS_LAKE to a folder or bucket that you "
    "may write to. What was kept before stays as it was, and another run goes on from there."
)
ROOM, ELSE = "make room there, or set", "set"
KEYS = (
    "see that the bucket is there and that AWS_*, AZURE_* or GOOGLE_* name a key, region and endpoint it is "
    "reached with, or set"
)


def fill(store: DeltaStore) -> None:
    for day in DAYS[:2]:
        store.replace(COUNTS, OLD.filter(date_id=day), [day], {})
    store.replace(SMALL, OLD, DAYS[:2], {})
    store.merge(THINGS, THING, {})


def everything(root: str) -> list[list[tuple[Any, ...]]]:
    """What a reader that comes now finds."""
    return [kept(DeltaStore(root), contract) for contract in (COUNTS, SMALL, THINGS)]


def staged(root: str) -> list[str]:
    return [file.name for file in Path(root).rglob("*") if STAGING_FILE.fullmatch(file.name)]


@pytest.mark.parametrize("size", [0, 700, 1400])
@pytest.mark.parametrize("write", [*WRITES, *UPKEEP])
def test_a_full_disk_is_one_sentence_and_the_same_write_succeeds_later(
    lake: DeltaStore, tmp_path: Path, write: str, size: int
) -> None:
    fill(lake)
    before = everything(lake.root)
    shutil.copytree(lake.root, tmp_path / "other")
    action = (WRITES | UPKEEP)[write]
    action(DeltaStore(tmp_path / "other"))
    after = everything(str(tmp_path / "other"))
    said = None
    with no_file_beyond(size):
        try:
            action(lake)
        except LakeError as error:
            said = str(error)
    assert said == (SENTENCE.format(root=lake.root, reason="File too large", advice=ROOM) if said else None)
    assert said or size, "nothing can be written where no file may have a byte"
    assert everything(lake.root) == (before if said else after)
    assert staged(lake.root) == []
    if said:
        action(lake)
    assert everything(lake.root) == after


def test_a_table_that_finds_no_room_is_made_by_the_next_run(lake: DeltaStore) -> None:
    with no_file_beyond(0), pytest.raises(LakeError, match=r"cannot be written \(File too large\)"):
        CREATE(lake)
    assert DeltaStore(lake.root).version(COUNTS) is None
    CREATE(lake)
    assert kept(lake, COUNTS) == []


# -- as deltalake says it ----------------------------------------------------------------------------------------------

PARQUET = "Failed to parse parquet: External: Generic LocalFileSystem error: Unable to copy data to file: {}"
LOG = "Generic LocalFileSystem error\n   \x1b[31m↳\x1b[0m Unable to copy data to file\n    \x1b[31m↳\x1b[0m {}\n"


@pytest.mark.parametrize(("form", "error"), [(PARQUET, DeltaError), (LOG, OSError), (LOG, CommitFailedError)])
@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, ROOM), (errno.EDQUOT, ROOM), (errno.EROFS, ELSE), (errno.EACCES, ELSE), (errno.EIO, ELSE)],
)
def test_what_the_system_refuses_is_one_sentence_at_once(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch, number: int, advice: str, form: str, error: type[Exception]
) -> None:
    asked = []

    def refuse(*args: Any, **options: Any) -> None:
        asked.append(1)
        raise error(form.format(f"{os.strerror(number)} (os error {number})"))

    monkeypatch.setattr(lake, "_write", refuse)
    with pytest.raises(LakeError) as raised:
        WRITES["append"](lake)
    assert str(raised.value) == SENTENCE.format(root=lake.root, reason=os.strerror(number), advice=advice)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None, "nothing of the error's text is told"
    assert len(asked) == 1, "trying again at once would find the same disk"


def test_what_a_bucket_refuses_is_one_sentence_without_secrets(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(
            "Generic S3 error\n \x1b[31m↳\x1b[0m Error performing PUT https://key:s3cret@host/bucket/x?sig=s3cret "
            "in 2 s\n \x1b[31m↳\x1b[0m Client error with status 403 Forbidden"
        )

    lake.root, root = "s3://key:s3cret@bucket/lake?token=s3cret", lake.root
    monkeypatch.setattr(DeltaStore, "_address", lambda self, contract: f"{root}/{contract.path}")
    monkeypatch.setattr(DeltaStore, "is_local", False)
    monkeypatch.setattr(lake, "_write", refuse)
    with pytest.raises(LakeError) as raised:
        WRITES["replace"](lake)
    reason = (
        "Generic S3 error: Error performing PUT https://host/bucket/x in 2 s: Client error with status 403 Forbidden"
    )
    assert str(raised.value) == SENTENCE.format(root="s3://bucket/lake", reason=reason, advice=KEYS)


@pytest.mark.parametrize(
    "error",
    [
        DeltaError("Schema error: it does not fit"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "part-0.parquet"),
        DeltaError("Object not found: part-0.parquet: No such file or directory (os error 2)"),
    ],
)
def test_an_error_of_another_kind_stays_what_it_is(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(lake, "_write", fail)
    with pytest.raises(type(error)) as raised:
        WRITES["append"](lake)
    assert raised.value is error


def test_a_bucket_that_did_not_answer_once_is_asked_again(lake: DeltaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write, resets = lake._write, [1, 1]

    def reset_at_first(*args: Any, **options: Any) -> None:
        if resets:
            resets.pop()
            raise CommitFailedError(LOG.format("Connection reset by peer (os error 104)"))
        write(*args, **options)

    monkeypatch.setattr(lake, "_write", reset_at_first)
    monkeypatch.setattr(DeltaStore, "is_local", False)
    WRITES["append"](lake)
    assert kept(DeltaStore(lake.root), THINGS) == [(3, "three", DAYS[1], None)]


# -- a root that goes while a run is at work ---------------------------------------------------------------------------


def test_a_root_that_is_gone_in_the_middle_is_one_sentence_and_comes_back(lake: DeltaStore, tmp_path: Path) -> None:
    fill(lake)
    before, root = everything(lake.root), Path(lake.root)
    root.rename(tmp_path / "unplugged")
    root.touch()
    for write in (write for name, write in WRITES.items() if name != "expire"):  # nothing there is nothing too old
        with pytest.raises(
            LakeError, match=r"^The lake root \S+ cannot be (read|written) \(Not a directory\): set TMDB_"
        ):
            write(lake)
    root.unlink()
    (tmp_path / "unplugged").rename(root)
    assert everything(lake.root) == before
    for write in WRITES.values():
        write(lake)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_root_that_may_not_be_written_any_more_is_one_sentence(lake: DeltaStore) -> None:
    fill(lake)
    folders = [Path(lake.root), *(path for path in Path(lake.root).rglob("*") if path.is_dir())]
    before = everything(lake.root)
    for folder in folders:
        folder.chmod(0o555)
    for write in WRITES.values():
        with pytest.raises(LakeError, match=r"cannot be written \(Permission denied\): set TMDB_ASSETS_LAKE"):
            write(lake)
    for folder in folders:
        folder.chmod(0o755)
    assert everything(lake.root) == before


def test_a_log_that_is_no_log_is_one_sentence(lake: DeltaStore) -> None:
    fill(lake)
    log = Path(lake.uri(COUNTS)) / "_delta_log"
    (log / f"{DeltaStore(lake.root).version(COUNTS) or 0:020}.json").write_text("garbage")
    with pytest.raises(
        LakeError, match=r"^toy/clean/counts cannot be read \(.+\): its _delta_log is damaged, restore it"
    ):
        DeltaStore(lake.root).open(COUNTS)
