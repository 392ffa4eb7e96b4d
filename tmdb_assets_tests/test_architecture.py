"""The house keeps its shape: who imports whom, where Dagster and HTTP live, what every file owes its reader."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "tmdb_assets"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((PROJECT / "tmdb_assets_tests").rglob("*.py"))

MANY_LINES = 400
#: Modules longer than that, with the reason why they are one thing. A module that shrinks again leaves the list.
LONG_ON_PURPOSE = {
    "tmdb_assets/lakehouse/store/delta.py": "one store: every way to read and write a table",
    "tmdb_assets/sources/tmdb/contracts.py": "a list of tables",
    "tmdb_assets/sources/moovitamix/contracts.py": "a list of tables",
}
VAGUE_NAMES = {"utils", "helpers", "common", "misc", "util", "base"}


def name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@cache
def imported(path: Path) -> set[str]:
    """Roots of the packages that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        (
            "dagster",
            r"tmdb_assets/(assembly|runs)\.py|tmdb_assets/orchestration/.*|tmdb_assets/(sources/\w+|warehouse|report)/assets\.py",
        ),
        ("requests", r"tmdb_assets/lakehouse/http/.*"),
        ("requests_cache", r"tmdb_assets/lakehouse/http/cache\.py"),
        ("deltalake", r"tmdb_assets/lakehouse/(store/\w+|contracts/contract)\.py"),
        ("pandera", r"tmdb_assets/lakehouse/contracts/(schema|validation)\.py"),
        ("sqlglot", r"tmdb_assets/lakehouse/engines/parsing\.py"),
        ("psycopg", r"tmdb_assets/warehouse/targets/postgres\w*\.py"),
        ("prometheus_client", r"tmdb_assets/metrics\.py"),
        ("duckdb", r"tmdb_assets/(lakehouse/engines/duckdb|warehouse/(targets/duckdb\w*|reader))\.py"),
        ("pyspark", r"tmdb_assets/lakehouse/engines/spark\.py"),
        ("dagster_duckdb", r"tmdb_assets/(report/assets|orchestration/resources)\.py"),
        ("msgspec", r"tmdb_assets/(lakehouse/payloads/\w+|sandbox/answers)\.py"),
        ("jinja2", r"tmdb_assets/templates\.py"),
        ("streamlit", r"tmdb_assets/dashboard/.*"),
        ("altair", r"tmdb_assets/dashboard/.*"),
        ("pandas", r"(?!)"),
        ("pydantic_settings", r"tmdb_assets/settings\.py"),
    ],
)
def test_a_library_is_imported_only_where_it_belongs(package: str, allowed: str) -> None:
    users = [name(m) for m in MODULES if package in imported(m)]
    assert [u for u in users if not re.fullmatch(allowed, u)] == []
    assert users or package == "pandas", "nobody imports it any more: drop the rule"


def test_json_of_a_source_is_read_in_one_place() -> None:
    """What is read elsewhere is the project's own: a sensor's cursor, the first line of the built-in sandbox, what
    views say when they are parsed, what a commit says it was made of."""
    reads = re.compile(r"json\.loads?\(|json_decode|json\.Decoder|\.json\(\)")
    allowed = re.compile(
        r"tmdb_assets/lakehouse/payloads/\w+\.py|tmdb_assets/sandbox/.*"
        r"|tmdb_assets/sources/streamflow/arrivals\.py|tmdb_assets/orchestration/sandbox\.py"
        r"|tmdb_assets/lakehouse/engines/parsing\.py|tmdb_assets/lakehouse/store/tables\.py"
    )
    assert [
        name(m) for m in MODULES if reads.search(m.read_text(encoding="utf-8")) and not allowed.fullmatch(name(m))
    ] == []


def test_the_environment_is_read_in_the_settings_alone() -> None:
    reads = re.compile(r"os\.environ|os\.getenv|environ\[")
    allowed = re.compile(r"tmdb_assets/settings\.py|tmdb_assets/sandbox/.*|tmdb_assets/orchestration/sandbox\.py")
    assert [
        name(m) for m in MODULES if reads.search(m.read_text(encoding="utf-8")) and not allowed.fullmatch(name(m))
    ] == []


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def test_every_module_says_what_it_is() -> None:
    assert [name(m) for m in MODULES + TESTS if len(docstring(m).partition("\n")[0]) <= 15] == []


def test_every_module_with_code_says_what_belongs_here_and_what_does_not() -> None:
    with_code = [m for m in MODULES if m.name not in {"__init__.py", "__main__.py"} and m.parent.name != "sandbox"]
    said = {name(m): " ".join(docstring(m).split()) for m in with_code}
    assert [m for m, text in said.items() if "What belongs here:" not in text or "What does not:" not in text] == []


def test_no_module_grows_long_unnoticed() -> None:
    lines = {name(m): len(m.read_text(encoding="utf-8").splitlines()) for m in MODULES}
    long = {module for module, count in lines.items() if count > MANY_LINES}
    assert long == set(LONG_ON_PURPOSE), "ask whether it does two things; if not, give the reason above"


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name(m) for m in MODULES if m.stem.strip("_") in VAGUE_NAMES or m.parent.name in VAGUE_NAMES] == []


def test_every_exemption_from_a_rule_says_why() -> None:
    exempt = re.compile(r"#\s*(noqa|type:\s*ignore)\b(?P<rest>.*)")
    bare = []
    for path in MODULES + TESTS:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            found = exempt.search(line)
            if found and "re.compile" not in line and not re.search(r"#\s*\w+", found["rest"]):
                bare.append(f"{name(path)}:{number}")
    assert bare == []


def test_tests_mirror_the_package() -> None:
    rooms = {
        p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*") if p.is_dir() and (p / "__init__.py").exists()
    }
    tested = {t.parent.relative_to(PROJECT / "tmdb_assets_tests").as_posix() for t in TESTS}
    apart = {".", "end_to_end", "example_source", "example_source/books"}  # the example is no test
    foreign = {f for f in tested if f not in apart and f not in rooms}
    assert foreign == set()


def test_the_package_itself_only_explains() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assert len(tree.body) == 1
