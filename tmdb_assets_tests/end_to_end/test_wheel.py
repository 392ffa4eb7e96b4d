"""The project as a wheel, in an environment that has what the wheel asks for and no repository."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tmdb_assets_tests.conftest import PROJECT, TODAY
from tmdb_assets_tests.distributions import brought_by, lying_in_site_packages, named

#: How much a day costs here hardly depends on how much it is.
SMALL = {"TMDB_ASSETS_TODAY": str(TODAY), "TMDB_ASSETS_SANDBOX_FILMS": "60", "TMDB_SCOPE": "top:20"}


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and an empty folder to work in."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where commands are typed."""
        return self.home / "work"

    def add(self, extra: str) -> None:
        """What an extra names, and all that it brings. It is installed already, so links to it are enough."""
        (packages,) = self.home.glob("lib/python3*/site-packages")
        for place in {place for name in brought_by(named(extra)) for place in lying_in_site_packages(name)}:
            link = packages / place.name
            if not link.is_symlink():
                link.symlink_to(place)

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command; nothing of the caller's environment reaches it."""
        return subprocess.run(
            [self.home / "bin" / "python", *words],
            cwd=self.folder,
            env={"HOME": str(self.home), "PATH": os.defpath, "LANG": "C.UTF-8"} | SMALL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a release would have it, built with what is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], PROJECT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel with what running needs, in which a day has been observed."""
    there = Installed(tmp_path_factory.mktemp("installed"))
    venv.create(there.home, symlinks=True)
    there.folder.mkdir()
    there.add("")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-cache", "--offline", "--no-deps"]
    run([*uv, "--python", str(there.home / "bin" / "python"), str(wheel)], there.folder)
    ran = there.python("-m", "tmdb_assets.runs", str(TODAY))
    assert ran.returncode == 0, ran.stderr[-3000:]
    return there


def run(words: Sequence[str], folder: Path) -> None:
    """A command that works."""
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("this is no clone, so that nothing says which files belong to the package")
    listed = ["git", "ls-files", "-z", "--", "tmdb_assets"]
    ran = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    owned = {name for name in ran.stdout.split("\0") if (PROJECT / name).is_file()}
    assert {Path(name).suffix for name in owned} >= {".py", ".sql", ".csv", ".json", ".toml"}
    assert owned - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_nothing_else_is_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"tmdb_assets"}
    assert [name for name in names if "__pycache__" in name or Path(name).name.startswith(".env")] == []


def test_a_day_lies_where_the_command_was_typed(installed: Installed) -> None:
    data = installed.folder / "data"
    assert (data / "warehouse.duckdb").is_file()
    assert (data / "lake" / "tmdb" / "star" / "dim_movie" / "_delta_log").is_dir()
    assert [report.name for report in (data / "reports").glob("*.html")] != []


def test_whoever_is_to_be_forgotten_is_looked_for(installed: Installed) -> None:
    ran = installed.python("-m", "tmdb_assets.forget", "46853", "--dry-run")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "forget: The lake data/lake knows no user 46853: nothing was changed.\n"


def test_what_nothing_needs_is_not_there_and_what_it_is_needed_for_says_so(installed: Installed) -> None:
    ran = installed.python(
        "-c",
        "from tmdb_assets.lakehouse.http import Http\n"
        "try: Http('http://127.0.0.1:1', cache='sqlite:here')\n"
        "except Exception as error: print(error)",
    )
    assert ran.stdout.startswith("HTTP_CACHE=sqlite:here cannot be used: redis is not installed; "), ran.stderr
    started = installed.python("-m", "tmdb_assets.dashboard", "--help")
    assert started.returncode == 1
    assert started.stderr.startswith("tmdb_assets: the dashboard cannot start: ")
    assert started.stderr.count("\n") == 1
    # with what it needs beside the rest, which the other tests of this file do not mind, the dashboard shows the day
    installed.add("dashboard")
    ran = installed.python(
        "-c",
        "from tmdb_assets.dashboard.__main__ import take_options, warm_up\n"
        "take_options(['--server.port=8502'])\n"
        "warm_up()",
    )
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr[-3000:]
