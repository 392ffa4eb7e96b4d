"""What this project asks to be installed, and what is installed here.

What belongs here: reading the lists of pyproject.toml, and what a distribution brings. What does not: which lists are
right (test_dependencies_declared.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tmdb_assets_tests.conftest import PROJECT


@cache
def extras() -> dict[str, list[Requirement]]:
    """The lists of pyproject.toml by the extra's name; what running needs has none."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(each) for each in lists[extra]] for extra in lists}


def named(*wanted: str) -> list[Requirement]:
    """All that these extras name."""
    return [each for extra in wanted for each in extras()[extra]]


def brought_by(requirements: Iterable[Requirement]) -> set[str]:
    """Names of the distributions that come with these on this machine, themselves included."""
    seen: set[tuple[str, str]] = set()
    left = [(each, "") for each in requirements]
    while left:
        requirement, extra_of_its_parent = left.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra_of_its_parent}):
            continue
        for extra in ("", *requirement.extras):
            pair = (canonicalize_name(requirement.name), extra)
            if pair not in seen:
                seen.add(pair)
                left += [(Requirement(each), extra) for each in distribution(requirement.name).requires or ()]
    return {name for name, _ in seen}


def lying_in_site_packages(name: str) -> set[Path]:
    """The folders and files that a distribution brings, its metadata included, without what it adds elsewhere."""
    files = distribution(name).files or ()
    tops = {file.parts[0] for file in files} - {"..", "__pycache__"}
    return {Path(str(distribution(name).locate_file(top))) for top in tops if not top.endswith(".pth")}
