"""What each test costs, and which tests `make test-fast` leaves out for it.

What belongs here: measuring processor time, and the list made of it (dear.txt), which is written by measuring and by
nobody's hand: `make test ARGS=--write-dear`. What does not: how hard a property is tried (effort.py).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Generator, Iterable
from pathlib import Path

import pytest

#: A test function of which a case takes that many seconds of processor time, children included, is dear.
DEAR_SECONDS = 0.25
#: Tests of a file that share a fixture of so many seconds are dear: without them nobody makes it.
DEAR_TO_SHARE = 1.5
DEAR = Path(__file__).with_name("dear.txt")
#: Folders of which every test starts whole runs.
ALWAYS_DEAR = {"end_to_end"}
CASES_AT_MOST = 1  #: of one function: cases mostly run the same lines
PHASES = ("setup", "call", "teardown")


def function_of(node: str) -> str:
    """The test function of a case."""
    return node.partition("[")[0]


def is_dear_folder(path: Path) -> bool:
    """Whether no test below it is run where time counts."""
    return not ALWAYS_DEAR.isdisjoint(path.parts)


def is_dear(item: pytest.Item, listed: Collection[str]) -> bool:
    """Whether a test is left out where time counts."""
    return is_dear_folder(item.path) or function_of(item.nodeid) in listed


def cheap(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The tests that are not dear, and of each so many cases."""
    cases: Counter[str] = Counter()
    listed, kept = _listed(), []
    for item in items:
        cases[function_of(item.nodeid)] += 1
        if not is_dear(item, listed) and cases[function_of(item.nodeid)] <= CASES_AT_MOST:
            kept.append(item)
    return kept


def _listed() -> set[str]:
    return set(DEAR.read_text(encoding="utf-8").splitlines()) if DEAR.exists() else set()


def _seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class CpuTimes:
    """Measures tests where they run, and tells of them at the end where the run was started."""

    def __init__(self, writes: bool) -> None:
        self.writes = writes
        self.spent: dict[str, dict[str, float]] = {}
        self.made: dict[tuple[Path, str], float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """What the fixtures of a file cost, whichever of its tests asks first."""
        before = _seconds()
        try:
            return (yield)
        finally:
            if fixturedef.scope == "module":
                self.made[request.path, fixturedef.argname] = _seconds() - before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Before a test: fixtures that others share are told of the first that asks."""
        try:
            return (yield from _measured(item, "setup"))
        finally:
            names = item.fixturenames if isinstance(item, pytest.Function) else []
            item.user_properties.append(("shared", f"{sum(self.made.get((item.path, n), 0) for n in names):.3f}"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """The test itself."""
        return (yield from _measured(item, "call"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """After a test: children are counted when they have ended."""
        return (yield from _measured(item, "teardown"))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """From whichever worker it comes."""
        told = {name: float(str(value)) for name, value in report.user_properties if name in {*PHASES, "shared"}}
        self.spent.setdefault(report.nodeid, {}).update(told)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The files that cost most, and all of them together."""
        files: Counter[str] = Counter()
        for node, phases in self.spent.items():
            files[node.partition("::")[0]] += sum(phases.get(phase, 0.0) for phase in PHASES)
        terminalreporter.section("seconds of processor time")
        for file, seconds in files.most_common(30):
            terminalreporter.write_line(f"{seconds:8.1f}  {file}")
        terminalreporter.write_line(f"{files.total():8.1f}  all {len(files)} files, without imports and collection")
        if self.writes:
            self._write()

    def _write(self) -> None:
        """The list anew, as far as its files ran."""
        ran = {node.partition("::")[0] for node in self.spent}
        dear = {name for name in _listed() if name.partition("::")[0] not in ran}
        for node, phases in self.spent.items():
            is_dear = phases.get("call", 0) >= DEAR_SECONDS or phases.get("shared", 0) >= DEAR_TO_SHARE
            if is_dear and not is_dear_folder(Path(node.partition("::")[0])):
                dear.add(function_of(node))
        DEAR.write_text("".join(f"{name}\n" for name in sorted(dear)), encoding="utf-8")


def _measured(item: pytest.Item, when: str) -> Generator[None, None, None]:
    before = _seconds()
    try:
        return (yield)
    finally:
        item.user_properties.append((when, f"{_seconds() - before:.3f}"))
