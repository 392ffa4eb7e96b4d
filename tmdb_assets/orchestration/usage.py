"""What a run costs the machine: CPU time and peak memory of its process, kept as tags of the run.

What belongs here: measuring and keeping. What does not: what a source is asked (the ledger has that), showing it
(metrics.py).

Called by the steps that come last (the publications, the report); each replaces what an earlier one said. A run that
ends before them has neither. It is the process that is measured, from its start: a run has one of its own however it is
started, as long as the steps share it, which they do with the executor of the project. Where a process runs several
runs, one after the other, each is given what was spent since the one before, and the peak of all of them.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import dagster as dg

CPU_TAG, MEMORY_TAG = "tmdb_assets/cpu_seconds", "tmdb_assets/peak_memory_bytes"
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class _Meter:
    """CPU seconds of this process, run by run."""

    def __init__(self) -> None:
        self.run_id, self.began_at, self.read_at = "", 0.0, 0.0

    def spent(self, run_id: str) -> float:
        """What the run has taken so far."""
        if run_id != self.run_id:
            self.run_id, self.began_at = run_id, self.read_at
        self.read_at = time.process_time()
        return self.read_at - self.began_at


_METER = _Meter()


def record_usage(context: dg.AssetExecutionContext) -> None:
    """Keep what the run of a step has taken so far, as tags of the run."""
    run_id = context.run.run_id
    tags = {CPU_TAG: f"{_METER.spent(run_id):.1f}"}
    if peak := peak_memory():
        tags[MEMORY_TAG] = str(peak)
    context.instance.add_run_tags(run_id, tags)


def peak_memory() -> int | None:
    """The most bytes of memory that this process has held; None where the system does not say.

    Linux tells it of the program that runs; the figure of `getrusage` there counts whoever started it as well.
    """
    status = Path("/proc/self/status")
    if status.exists() and (found := _PEAK.search(status.read_text(encoding="ascii", errors="replace"))):
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource  # there is none on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
