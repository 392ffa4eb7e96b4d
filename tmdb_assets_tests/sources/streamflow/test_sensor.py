"""The sensor: when a month is complete, once per content, again when it is dropped again."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.settings import load_settings
from tmdb_assets.sources.streamflow import arrivals, assets, folders
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.streamflow.months import drop, write

TODAY = dt.date(2026, 3, 10)
USERS = range(6)


class _Told(logging.Handler):
    """Keeps what a sensor warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass
class Watch:
    """A drops folder and the sensor that looks at it, its cursor carried from one look to the next."""

    drops: Path
    today: dt.date = TODAY
    cursor: str | None = None
    skipped: str = ""
    warned: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def look(self) -> list[str]:
        """The months of the runs that one look asks for; a run key asked for twice would be one run to Dagster."""
        built = assets.build(load_settings(_env_file=None, streamflow_drops=self.drops, tmdb_assets_today=self.today))
        (sensor,) = built.sensors or ()
        with dg.build_sensor_context(cursor=self.cursor) as context:
            told = _Told()
            context.log.addHandler(told)
            result = sensor(context)
            self.warned = told.lines
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        self.skipped = result.skip_reason.skip_message or "" if result.skip_reason else ""
        requests = result.run_requests or []
        keys = [(str(r.partition_key), str(r.run_key)) for r in requests]
        assert not set(keys) & set(self.asked)
        self.asked += keys
        return [month for month, _ in keys]


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """An empty drops folder."""
    (tmp_path / "drops").mkdir()
    return Watch(tmp_path / "drops")


def touch(folder: Path, seconds: int) -> None:
    """Let every file look as if it had just been written."""
    for file in folder.iterdir():
        stat = file.stat()
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + seconds * 10**9))


def test_no_drops_at_all_is_said(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "nowhere")
    assert watch.look() == []
    assert watch.skipped == "no new drop"


def test_a_drop_without_a_mark_must_stay_the_same_between_two_looks(watch: Watch) -> None:
    write(watch.drops, "2024-01", drop(USERS))
    assert watch.look() == []
    assert watch.skipped == "2024-01 has all files, their sizes must stay the same until the next look"
    assert watch.look() == ["2024-01"]
    assert watch.look() == []


def test_a_drop_that_still_grows_is_waited_for(watch: Watch) -> None:
    folder = write(watch.drops, "2024-01", drop(USERS))
    for _ in range(3):
        assert watch.look() == []
        with (folder / "labels.csv").open("a") as file:
            file.write("0009-ABCDE,True\n")
    watch.look()
    assert watch.look() == ["2024-01"]


def test_a_marked_drop_is_complete_at_once(watch: Watch) -> None:
    (write(watch.drops, "2024-01", drop(USERS)) / "_SUCCESS").touch()
    assert watch.look() == ["2024-01"]
    assert watch.look() == []


@pytest.mark.parametrize("marked", [True, False])
def test_a_drop_that_lacks_files_is_waited_for_by_name(watch: Watch, marked: bool) -> None:
    folder = write(watch.drops, "2024-01", drop(USERS))
    (folder / "labels.csv").unlink()
    (folder / "users.csv").rename(folder / "users.csv.part")
    if marked:
        (folder / "_SUCCESS").touch()
    for _ in range(2):
        assert watch.look() == []
        assert watch.skipped == "2024-01 lacks users.csv, labels.csv"


def test_a_month_dropped_again_is_news_and_the_same_content_is_not(watch: Watch) -> None:
    folder = write(watch.drops, "2024-01", drop(USERS))
    (folder / "_SUCCESS").touch()
    assert watch.look() == ["2024-01"]
    touch(folder, 60)
    assert watch.look() == [], "the same bytes at another time"
    first = drop(USERS)
    for files in (drop(USERS, 1), first, drop(USERS, 1)):
        (write(watch.drops, "2024-01", files) / "_SUCCESS").touch()
        touch(folder, 120)
        assert watch.look() == ["2024-01"], "set back to an earlier content, it is news again"
        assert watch.look() == []
    assert len({key for _, key in watch.asked}) == 4


def test_a_file_too_many_starts_a_run_that_will_say_so_and_so_does_taking_it_away(watch: Watch) -> None:
    folder = write(watch.drops, "2024-01", drop(USERS))
    (folder / "_SUCCESS").touch()
    (folder / "notes.txt").touch()
    assert watch.look() == ["2024-01"]
    (folder / "notes.txt").unlink()
    assert watch.look() == ["2024-01"]


def test_several_months_are_told_at_once_in_order(watch: Watch) -> None:
    for month in ("2024-03", "2024-01", "2024-02"):
        (write(watch.drops, month, drop(USERS)) / "_SUCCESS").touch()
    assert watch.look() == ["2024-01", "2024-02", "2024-03"]


def test_other_folders_and_months_to_come_are_not_looked_at(watch: Watch) -> None:
    for name in ("month_000", "2024-13", "202٠-01", ".2024-01.new", "2026-03", "2019-12"):
        (write(watch.drops, name, drop(USERS)) / "_SUCCESS").touch()
    (watch.drops / "2024-02").write_text("a file")
    assert watch.look() == []
    assert watch.skipped == (
        "2019-12 is not looked at: months go from 2020-01 to 2026-02, which is over; "
        "2024-02 cannot be read (Not a directory); "
        "2026-03 is not looked at: months go from 2020-01 to 2026-02, which is over"
    )
    watch.today = dt.date(2026, 3, 31)
    assert watch.look() == ["2026-03"], "on its last day a month can be told of"


def test_a_month_that_is_away_and_comes_back_unchanged_is_no_news(watch: Watch) -> None:
    folder = write(watch.drops, "2024-01", drop(USERS))
    (folder / "_SUCCESS").touch()
    assert watch.look() == ["2024-01"]
    folder.rename(watch.drops / "away")
    assert watch.look() == []
    (watch.drops / "away").rename(folder)
    assert watch.look() == []


# -- what lies there as nobody expects it ------------------------------------------------------------------------------


def in_place_of(folder: Path, name: str, put: Callable[[Path], object]) -> None:
    (folder / name).unlink(missing_ok=True)
    put(folder / name)


def in_place_of_all(folder: Path, put: Callable[[Path], object]) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    put(folder)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder for a file": (
        lambda f: in_place_of(f, "labels.csv", Path.mkdir),
        "cannot be read (labels.csv: Is a directory)",
    ),
    "a pipe for a file": (lambda f: in_place_of(f, "users.csv", os.mkfifo), "cannot be read (users.csv: a named pipe)"),
    "a device for a file": (
        lambda f: in_place_of(f, "users.csv", lambda path: path.symlink_to("/dev/zero")),
        "cannot be read (users.csv: a device)",
    ),
    "a link to nowhere for a file": (
        lambda f: in_place_of(f, "users.csv", lambda path: path.symlink_to("nowhere")),
        "cannot be read (users.csv: a link that leads nowhere)",
    ),
    "a link to itself for a file": (
        lambda f: in_place_of(f, "users.csv", lambda path: path.symlink_to(path)),
        "cannot be read (users.csv: Too many levels of symbolic links)",
    ),
    "a folder for the mark": (
        lambda f: in_place_of(f, "_SUCCESS", Path.mkdir),
        "cannot be read (_SUCCESS: Is a directory)",
    ),
    "a file for the month": (lambda f: in_place_of_all(f, Path.touch), "cannot be read (Not a directory)"),
    "a pipe for the month": (lambda f: in_place_of_all(f, os.mkfifo), "cannot be read (Not a directory)"),
    "a link to nowhere for the month": (
        lambda f: in_place_of_all(f, lambda path: path.symlink_to("nowhere")),
        "cannot be read (a link that leads nowhere)",
    ),
    "a link to itself for the month": (
        lambda f: in_place_of_all(f, lambda path: path.symlink_to(path)),
        "cannot be read (Too many levels of symbolic links)",
    ),
    "six folders for six files": (
        lambda f: [in_place_of(f, file.name, Path.mkdir) for file in sorted(f.glob("*.csv"))],
        "cannot be read (users.csv: Is a directory)",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_a_month_that_cannot_be_read_waits_with_its_reason_and_the_others_start(
    watch: Watch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in ("2024-01", "2024-02", "2024-03"):
        (write(watch.drops, month, drop(USERS)) / "_SUCCESS").touch()
    put, reason = ODD[name]
    put(watch.drops / "2024-02")
    assert watch.look() == ["2024-01", "2024-03"]
    assert watch.warned == [f"2024-02 {reason}"]
    assert watch.look() == []
    assert watch.skipped == f"2024-02 {reason}"
    in_place_of_any(watch.drops / "2024-02")
    (write(watch.drops, "2024-02", drop(USERS)) / "_SUCCESS").touch()
    assert watch.look() == ["2024-02"], "once it can be read, it starts"


def in_place_of_any(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def test_a_name_that_is_no_text_stops_nobody(watch: Watch) -> None:
    folder = write(watch.drops, "2024-01", drop(USERS))
    for place in (folder, watch.drops):
        Path(os.fsdecode(os.fsencode(place) + b"/\xff\xfe\n2024-02")).touch()
    assert watch.look() == []
    assert watch.look() == ["2024-01"]
    assert watch.cursor is not None
    watch.cursor.encode()


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (Path.touch, "Not a directory"),
        (lambda path: path.symlink_to("nowhere"), "a link that leads nowhere"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
)
def test_a_drops_folder_that_is_none_is_said(tmp_path: Path, put: Callable[[Path], object], reason: str) -> None:
    watch = Watch(tmp_path / "drops")
    put(watch.drops)
    assert watch.look() == []
    assert watch.skipped == f"the drops folder {watch.drops} cannot be read ({reason}): set STREAMFLOW_DROPS to another"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["2024-01", "files", "told", "told_files", "run_key"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@examples(30)
@given(cursor=JSON.map(json.dumps) | st.text(max_size=20) | st.just("[" * 100_000))
def test_whatever_the_cursor_says_every_month_is_told_or_waits(tmp_path_factory: Any, cursor: str) -> None:
    drops = tmp_path_factory.mktemp("cursor")
    write(drops, "2024-01", drop(range(1)))
    first = arrivals.look(drops, cursor, "2020-01", "2026-02")
    assert len(first.arrivals) + len(first.waiting) == 1
    second = arrivals.look(drops, first.cursor, "2020-01", "2026-02")
    assert [a.month for a in (*first.arrivals, *second.arrivals)] == ["2024-01"]


def test_a_file_that_changes_while_it_is_hashed_is_waited_for(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(watch.drops, "2024-01", drop(USERS))
    (folder / "_SUCCESS").touch()
    (write(watch.drops, "2024-02", drop(USERS)) / "_SUCCESS").touch()
    read = folders.blocks

    def written_meanwhile(path: Path) -> Iterator[bytes]:
        yield from read(path)
        if path.name == "labels.csv" and path.parent == folder:
            with (folder / "users.csv").open("a") as file:
                file.write("0009-ABCDE,")

    with monkeypatch.context() as patch:
        patch.setattr(folders, "blocks", written_meanwhile)
        assert watch.look() == ["2024-02"]
        assert watch.warned == ["2024-01 has all files, but they change while they are read"]
    assert watch.look() == ["2024-01"]
