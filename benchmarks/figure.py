"""What a benchmark returns, and how it is timed and told.

What belongs here: the shape of a result, timing, peak memory of a child process, the machine's description.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured ratio: `value` against `limit` (`at_most` or at least), and the numbers behind it."""

    name: str
    value: float
    limit: float | None
    unit: str = "x"
    at_most: bool = True
    details: dict[str, str] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the mark is met; a figure without a mark is only reported."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def lines(self) -> list[str]:
        """The figure as Markdown."""
        mark = "" if self.limit is None else f" ({'at most' if self.at_most else 'at least'} {self.limit:g}{self.unit})"
        verdict = "" if self.limit is None else (" met" if self.met else " **missed**")
        behind = [f"  - {name}: {value}" for name, value in self.details.items()]
        return [f"- **{self.name}: {self.value:.3g}{self.unit}**{mark}{verdict}", *behind]


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


@dataclass(frozen=True)
class Child:
    """What a child process used: wall and CPU seconds, peak resident megabytes, its standard output, how it ended."""

    wall: float
    cpu: float
    peak_mb: float
    output: str
    exit_code: int = 0


def run_child(command: Sequence[str], env: dict[str, str] | None = None, *, may_fail: bool = False) -> Child:
    """Run a command to its end and measure it alone. Raises CalledProcessError with its last lines, unless it may
    fail."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode and not may_fail:
        raise subprocess.CalledProcessError(process.returncode, command, "\n".join(output.splitlines()[-20:]))
    return Child(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output, process.returncode)


def peak_mb() -> float:
    """Peak resident memory of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine() -> str:
    """The machine in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        model = next(
            (row.split(":", 1)[1].strip() for row in info.read_text().splitlines() if row.startswith("model name")),
            model,
        )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, {platform.system()} {platform.release()}, Python "
        f"{platform.python_version()}"
    )
