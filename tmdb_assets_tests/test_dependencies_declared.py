"""What is imported is named in pyproject.toml, what is named is imported; the lock files hold what the lists ask
for."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tmdb_assets.lakehouse.http import CacheUnusable, Http
from tmdb_assets_tests.conftest import PROJECT
from tmdb_assets_tests.distributions import brought_by, extras, named

OWN = {"tmdb_assets", "tmdb_assets_tests", "benchmarks"}

#: Where a list is used -> the lists whose names may be imported there: it comes with those before it.
PACKAGE = PROJECT / "tmdb_assets"
DASHBOARD = PACKAGE / "dashboard"
CACHE = PACKAGE / "lakehouse" / "http" / "cache.py"
SPARK = PACKAGE / "lakehouse" / "engines" / "spark.py"
METRICS = PACKAGE / "metrics.py"
POSTGRES = set((PACKAGE / "warehouse" / "targets").glob("postgres*.py"))
#: What is run in an environment of its own: what it imports is installed there.
APART = {PROJECT / "benchmarks" / "peers" / "dlt_films.py"}
MODULES = {path for path in PACKAGE.rglob("*.py") if DASHBOARD not in path.parents}
#: What a user may install with the package.
OF_USERS = ("cache", "metrics", "postgres", "dashboard", "spark")
ROOMS = {
    "": (MODULES - {CACHE, METRICS, SPARK} - POSTGRES, ("",)),
    "cache": ({CACHE}, ("", "cache")),
    "metrics": ({METRICS}, ("", "metrics")),
    "spark": ({SPARK}, ("", "spark")),
    "postgres": (POSTGRES, ("", "postgres")),
    "dashboard": (set(DASHBOARD.rglob("*.py")), ("", "dashboard")),
    "test": (
        set((PROJECT / "tmdb_assets_tests").rglob("*.py")),
        ("", *OF_USERS, "setup", "test"),
    ),
    "dev": (
        {*(PROJECT / "benchmarks").rglob("*.py"), *(PROJECT / "ops").rglob("*.py")} - APART,
        tuple(extras()),
    ),
}

#: What is named though nobody imports it, and why. A name that is imported after all leaves the list.
NOT_IMPORTED = {
    "": {
        "dagster-dg-cli": "a command, `dg`",
        "dagster-webserver": "`dagster dev` starts it",
        "pyarrow": "Polars and DuckDB import it for `to_arrow` and `.pl()`, and do not bring it",
        "typer": "held back for dagster-dg-cli",
        "tzdata": "zoneinfo reads it where the system has no time zones",
    },
    "postgres": {"dagster-postgres": "dagster.yaml names it, where Dagster's storage is a database"},
    "setup": {
        "editables": "hatchling imports it to install the project as a folder that can be edited",
        "hatchling": "builds the project: a command",
        "uv": "installs what is locked: a command",
    },
    "test": {
        "flask": "moto's server imports it, and moto does not bring it",
        "flask-cors": "the same",
        "pytest-randomly": "a plugin of pytest",
        "pytest-xdist": "a plugin of pytest",
    },
    "dev": {
        "import-linter": "a command, `lint-imports`",
        "mypy": "a command",
        "pytest-cov": "a plugin of pytest",
        "ruff": "a command",
        "types-psutil": "mypy reads it",
        "types-requests": "mypy reads it",
    },
}


@cache
def imports(path: Path) -> set[str]:
    """Roots of the packages that a module imports anywhere in it, programs for other processes that it holds as text
    included; a module of the standard library is none."""
    found: set[str] = set()
    left: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while left:
        for node in ast.walk(left.pop()):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                left += program(node.value)
    return found - sys.stdlib_module_names - OWN


def program(text: str) -> Iterator[ast.AST]:
    """The text as Python, if it is that and imports something."""
    if re.search(r"^\s*(import|from) \w", text, re.MULTILINE):
        try:
            yield ast.parse(text)
        except SyntaxError:
            return  # prose, or a program with places left open


@cache
def homes() -> dict[str, set[str]]:
    """Root of an import -> the distributions that bring it."""
    return {root: {canonicalize_name(name) for name in names} for root, names in packages_distributions().items()}


def names(requirements: Iterable[Requirement]) -> set[str]:
    return {canonicalize_name(each.name) for each in requirements}


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_imported_is_named(room: str) -> None:
    modules, lists = ROOMS[room]
    allowed = names(named(*lists))
    unnamed = {
        f"{path.relative_to(PROJECT)} imports {root}, which {homes().get(root) or 'nothing that is installed'} brings"
        for path in modules
        for root in imports(path)
        if not homes().get(root, set()) & allowed
    }
    assert unnamed == set()


@pytest.mark.parametrize("extra", extras())
def test_what_is_named_is_imported_or_has_a_reason(extra: str) -> None:
    modules, _ = ROOMS.get(extra, (set(), ()))
    imported = {name for path in modules for root in imports(path) for name in homes().get(root, ())}
    assert names(extras()[extra]) - imported == set(NOT_IMPORTED.get(extra, ()))


def test_nothing_is_named_twice() -> None:
    everything = [canonicalize_name(each.name) for each in named(*extras())]
    assert sorted(everything) == sorted(set(everything))


def test_a_program_held_as_text_is_looked_into(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    text = "\nfrom moto.core import serialize\n"
    module.write_text(f"import os, polars.io\nfrom . import near\nTEXT = {text!r}\nPROSE = 'from here on'\n")
    assert imports(module) == {"polars", "moto"}


def test_packages_have_ranges_and_locks_have_pins() -> None:
    """Who installs the wheel beside something else can: a pin of ours would be in the way."""
    assert [str(each) for each in named("", *OF_USERS) if "==" in str(each.specifier)] == []
    unbounded = {each.name for each in named("", *OF_USERS) if not re.search(r">=.*<|<.*>=", str(each.specifier))}
    assert unbounded == {"tzdata"}, "its releases are years, and what a time zone is does not change"


# --- the lock files ---

LOCKS = {
    "requirements.lock": ("", "setup", "cache", "metrics", "postgres"),
    "requirements-dashboard.lock": ("dashboard",),
    "requirements-dev.lock": ("spark", "test", "dev"),
}


def locked(file: str) -> dict[str, str]:
    """Names and versions; a package that a system alone needs is among them."""
    text = (PROJECT / file).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z][\w.-]*)==([\w.]+)", text, re.MULTILINE))


def test_each_lock_file_fulfils_its_lists_and_those_before_it() -> None:
    held: dict[str, str] = {}
    for file, lists in LOCKS.items():
        held |= locked(file)
        unfulfilled = [
            str(e) for e in named(*lists) if not e.specifier.contains(held.get(canonicalize_name(e.name), "0"))
        ]
        assert unfulfilled == [], f"{file}: `make lock` writes it anew"
        assert {name for name in brought_by(named(*lists)) if name not in held} == set(), f"{file}: `make lock`"


def test_the_lock_files_agree_on_every_version() -> None:
    versions: dict[str, set[str]] = {}
    for file in LOCKS:
        for name, version in locked(file).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_who_only_runs_installs_no_tool() -> None:
    """A browser driver, an S3 stand-in, a type checker, or what draws the dashboard, to see a day."""
    tools = {
        "playwright",
        "moto",
        "mypy",
        "ruff",
        "pytest",
        "hypothesis",
        "boto3",
        "pandas",
        "streamlit",
        "pyspark-client",
        "pysail",
    }
    assert tools & locked("requirements.lock").keys() == set()
    assert tools <= {name for file in LOCKS for name in locked(file)}


def test_the_makefile_installs_these_files_in_this_order() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    sets: dict[str, str] = {}
    for name, value in re.findall(r"^(TO_[A-Z]+) := (.+)$", makefile, re.MULTILINE):
        sets[name] = re.sub(r"\$\((\w+)\)", lambda found: sets[found[1]], value)
    files = list(LOCKS)
    assert [value.split() for value in sets.values()] == [files[:1], files[:2], files]


@pytest.mark.parametrize(
    ("needed", "targets"),
    [
        ("to-run", {"demo", "day", "backfill", "dev", "docs", "forget", "health", "metrics", "reset", "lock"}),
        ("to-show", {"dashboard"}),
        ("to-develop", {"setup", "test", "test-fast", "coverage", "mutants", "check", "bench"}),
    ],
)
def test_a_target_installs_what_it_needs_and_no_more(needed: str, targets: set[str]) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(rf"^([a-z-]+): {needed} ##", makefile, re.MULTILINE)) == targets


# --- the extras ---


@pytest.mark.parametrize("missing", ["redis", "requests_cache"])
@pytest.mark.parametrize("spec", ["sqlite:{tmp}/c", "redis://:pw-of-it@127.0.0.1:1/0"])
def test_a_cache_without_its_extra_is_one_sentence(
    spec: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] in {"requests_cache", "redis"}]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        CacheUnusable, match=rf"^HTTP_CACHE=\S+ cannot be used: {missing} is not installed; .+\.$"
    ) as raised:
        Http("http://127.0.0.1:1", cache=spec.format(tmp=tmp_path))
    assert "pw-of-it" not in str(raised.value)
    assert f"`pip install {' '.join(sorted(names(named('cache'))))}`" in str(raised.value)
    Http("http://127.0.0.1:1", cache="none").close()


def test_the_dashboard_says_what_its_extra_is() -> None:
    told = (DASHBOARD / "__main__.py").read_text(encoding="utf-8")
    assert f"`pip install {' '.join(sorted(names(named('dashboard'))))}`" in told
