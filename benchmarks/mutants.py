"""`make mutants`: plant small faults one at a time, and see whether the tests beside them notice.

What belongs here: which faults are planted (Cosmic Ray's operators), in what order, which tests belong to a module.
What does not: the faults themselves, and any test. Cosmic Ray's own runner has one command for all modules and no
sample; with the whole suite as that command a single fault would take minutes.

Faults are drawn at random (`--seed`) until `--minutes` are over, each planted in a copy of the project. Its module's
tests run until one fails: the file that mirrors the module first, then those of the same room that import it, then the
others of the room; cheap tests before those of dear.txt. A test that takes over a minute has noticed; a fault of which
the tests say nothing within `--patience` seconds counts as missed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import datetime as dt
import difflib
import importlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

PROJECT = Path(__file__).resolve().parents[1]
ROOMS = ("tmdb_assets/lakehouse", "tmdb_assets/sources")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "data", ".*_cache", "__pycache__", ".hypothesis", "*.egg-info")
#: Of each kind of fault the one that is nearest to the truth: `<` becomes `<=` and not `is`.
OPERATORS = (
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Mod_Mul", "Pow_Mul", "BitOr_BitAnd", "BitAnd_BitOr")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"ReplaceUnaryOperator_Delete_{name}" for name in ("USub", "Invert", "Not")),
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer"),
    *("RemoveDecorator", "ZeroIterationForLoop"),
)
#: What takes most of the seconds before a test begins: loaded once, before any fault. None of it starts a thread by
#: that.
LIBRARIES = ("dagster", "deltalake", "duckdb", "flask", "hypothesis.strategies", "polars", "sqlglot")
#: Tests of modules that stand in no room, by a part of the module's path.
BESIDE = {"contracts": ("test_dictionary.py", "test_rules.py"), "lakehouse/copies": ("test_reset.py",)}


class _WithoutAnnotations(ast.NodeTransformer):
    """Takes away what no run of the code evaluates, and how arguments may be named."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        node.args, node.posonlyargs, node.kwonlyargs = [*node.posonlyargs, *node.args, *node.kwonlyargs], [], []
        node.kw_defaults = [default for default in node.kw_defaults if default]
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def meaning(source: str) -> str:
    """What a run of the code sees of it; nothing of what is no Python. Annotations of a `Shape` are read at run
    time."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ""
    return ast.dump(tree if "(Shape)" in source else _WithoutAnnotations().visit(tree))


def faults(root: Path) -> Iterator[tuple[Path, str, int]]:
    """Module, operator and which of its places in the module, of every fault that can be planted."""
    for module in sorted(m for room in ROOMS for m in (root / room).rglob("*.py")):
        nodes = list(ast_nodes(get_ast(module.read_text(encoding="utf-8"))))
        for name in OPERATORS:
            operator = get_operator(f"core/{name}")()
            places = sum(1 for node in nodes for _ in operator.mutation_positions(node))
            yield from ((module, name, place) for place in range(places))


def tests_of(module: Path, root: Path) -> list[str]:
    """The test files of a module: that of its name, those that import it, the others of its room, short ones first."""
    inside = module.relative_to(root / "tmdb_assets")
    room = root / "tmdb_assets_tests" / inside.parent
    own = room / f"test_{module.name}"
    files = sorted(room.glob("test_*.py"), key=lambda f: f.stat().st_size)
    imports = re.compile(rf"^(from|import) .*\b{module.stem}\b|^    {module.stem},$", re.MULTILINE)
    users = [f for f in files if imports.search(f.read_text(encoding="utf-8"))]
    more = [root / "tmdb_assets_tests" / f for at, those in BESIDE.items() if at in inside.as_posix() for f in those]
    found = dict.fromkeys([*([own] if own.exists() else []), *more, *users, *files])
    return [str(f.relative_to(root)) for f in found]


class Part:
    """A plugin of pytest: tests that are dear, or those that are not; the first that fails goes to a file."""

    def __init__(self, file: Path, *, dear: bool) -> None:
        self.file, self.dear = file, dear

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        from tmdb_assets_tests.costs import is_dear  # late: of the copy

        items[:] = [item for item in items if is_dear(item) is self.dear]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.file.write_text(report.nodeid, encoding="utf-8")


def _test(tests: list[str], root: Path, part: Part | None) -> None:
    os.setsid()
    os.chdir(root)
    sys.path.insert(0, str(root))
    os.environ |= {"TEST_EFFORT": "0.2", "CI": "1", "DAGSTER_HOME": "", "PYTHONPATH": str(root)}
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    options = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=60"]
    options += ["-o", "faulthandler_exit_on_timeout=true", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    os._exit(pytest.main([*options, *tests], plugins=[part] if part else []))


def ended_with(tests: list[str], root: Path, until: float, part: Part | None = None) -> int | None:
    """How pytest ended, in a process that need not import the libraries again; None where it had not by then."""
    if not (child := os.fork()):
        try:
            _test(tests, root, part)
        finally:  # whatever happens, a child never goes on as its parent
            os._exit(70)
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < until:
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests started ends with them
    if not ended[0]:
        os.waitpid(child, 0)
        return None
    return os.waitstatus_to_exitcode(ended[1])


def noticed_by(tests: list[str], root: Path, patience: float) -> str:
    """The first test that fails, of all that are cheap, then of the dear ones; else `MISSED`, or that time was over."""
    until = time.monotonic() + patience
    failed = root / "failed"
    for dear in (False, True):
        failed.unlink(missing_ok=True)
        code = ended_with(tests, root, until, Part(failed, dear=dear))
        if failed.exists():
            return failed.read_text(encoding="utf-8")
        if code is None:
            return "NOT IN TIME"
        if code not in {0, pytest.ExitCode.NO_TESTS_COLLECTED}:
            return f"pytest ended with {code}"  # a module that cannot be imported, a test that hangs
    return "MISSED"


def main(arguments: list[str]) -> None:
    """Plant, look, tell; the score at the end."""
    options = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    options.add_argument("--minutes", type=float, default=20, help="how long faults are planted (default 20)")
    options.add_argument("--seed", type=int, default=1, help="which faults are drawn (default 1)")
    options.add_argument("--patience", type=float, default=180, help="seconds that tests have for one (default 180)")
    options.add_argument("--only", default="", help="modules whose path holds this text")
    asked = options.parse_args(arguments)
    until, noticed, missed = time.monotonic() + 60 * asked.minutes, 0, 0
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        shutil.copytree(PROJECT, root, ignore=LEFT_OUT)
        drawn = [f for f in faults(root) if asked.only in f[0].relative_to(root).as_posix()]
        random.Random(asked.seed).shuffle(drawn)
        sound: dict[tuple[str, ...], bool] = {}
        for module, name, place in drawn:
            if time.monotonic() > until:
                break
            source = module.read_text(encoding="utf-8")
            mutant = mutate_code(source, get_operator(f"core/{name}")(), place)
            if not mutant or meaning(mutant) in {"", meaning(source)}:
                continue
            tests, shown = tests_of(module, root), module.relative_to(root)
            module.write_text(mutant, encoding="utf-8")
            outcome = noticed_by(tests, root, asked.patience)
            module.write_text(source, encoding="utf-8")
            is_noticed = outcome not in {"MISSED", "NOT IN TIME"}
            again = (outcome,) if "::" in outcome else ("--collect-only", *tests)
            if is_noticed and again not in sound:
                sound[again] = ended_with(list(again), root, time.monotonic() + asked.patience) == 0
            if is_noticed and not sound[again]:
                sys.exit(f"{' '.join(again)} fails without any fault: mend it first.")
            noticed, missed = noticed + is_noticed, missed + (not is_noticed)
            print(f"{shown} {name} {place}: {outcome}", flush=True)
            if not is_noticed:
                lines = difflib.unified_diff(source.splitlines(), mutant.splitlines(), lineterm="", n=1)
                print("\n".join(f"    {line}" for line in list(lines)[2:]), flush=True)
    share = f"{noticed / (noticed + missed):.1%}" if noticed + missed else "none"
    print(f"{dt.date.today()}, seed {asked.seed}: {noticed} of {noticed + missed} faults noticed ({share})")


if __name__ == "__main__":
    main(sys.argv[1:])
