"""b. One day's derived stages after 365 kept days over the first day's. c. 90 days in one run over one day's."""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.figure import Figure, run_child, seconds
from benchmarks.lake import derive, fill_raw, films, fresh_lake
from tmdb_assets.lakehouse.store import DeltaStore

FIRST = dt.date(2025, 11, 1)
LISTED, DETAILED = 10_000, 450  # a day at top:10000 in steady state: the whole list, details of a few
KEPT_DAYS = 365
RUNS = 5


def days(start: int, end: int) -> list[dt.date]:
    """Days number `start` to `end` (not included)."""
    return [FIRST + dt.timedelta(days=n) for n in range(start, end)]


def measure_after_a_year() -> Figure:
    """Every day brings the same amount, and a measured day is a process of its own, as a day's run is.

    A kept day counts as a run of its own as far as the Delta log goes: the 365 are 73 runs of 5 days.
    """
    known, _ = films(2_000)
    with tempfile.TemporaryDirectory() as folder:
        store = DeltaStore(folder)
        # every twentieth film, so that no day gets all the long ones
        fill_raw(store, days(0, KEPT_DAYS + RUNS), known, lambda n: [known[(n + 20 * i) % 2_000] for i in range(100)])
        for start in range(0, KEPT_DAYS, 5):
            derive(store, days(start, start + 5))
        first, later = [], []
        for n in range(RUNS):  # by turns, because a machine's speed may change within minutes
            with fresh_lake(folder) as fresh:
                first.append(_in_a_process(fresh, n, n + 1))
            later.append(_in_a_process(folder, KEPT_DAYS + n, KEPT_DAYS + n + 1))
    return Figure(
        "b. one day's derived stages after 365 kept days over the first day's",
        statistics.median(later) / statistics.median(first),
        1.2,
        details={
            "first day": f"{statistics.median(first):.2f} s (median of {RUNS}, by turns with the later ones)",
            "a day after 365": f"{statistics.median(later):.2f} s (median of {RUNS})",
            "a day": "2,000 films listed, 100 with details",
        },
    )


def _in_a_process(folder: str, start: int, end: int) -> float:
    """Seconds that a fresh process takes for the derived stages of some days, imports left out."""
    child = run_child([sys.executable, "-W", "ignore", "-m", "benchmarks.history", folder, str(start), str(end)])
    return float(child.output.split()[-1])


def measure_backfill() -> Figure:
    """A steady-state day, and 90 of them in one run; each is a process of its own, as a run is."""
    known, _ = films(LISTED)

    def detailed(n: int) -> Sequence[dict[str, object]]:
        return [known[(n * DETAILED + i) % LISTED] for i in range(DETAILED)]

    with tempfile.TemporaryDirectory() as folder:
        store = DeltaStore(folder)
        fill_raw(store, days(0, 93), known, detailed)
        derive(store, days(0, 1))
        # a day before the many and one after, because a machine's speed may change within minutes
        before, many, after = (_in_a_process(folder, *span) for span in ((1, 2), (2, 92), (92, 93)))
        one = (before + after) / 2
    return Figure(
        "c. a 90-day backfill of the derived stages in one run over one day's",
        many / one,
        10.0,
        details={
            "one day": f"{one:.2f} s (mean of one before and one after the 90)",
            "90 days": f"{many:.2f} s",
            "a day": "10,000 films listed, 450 with details",
        },
    )


if __name__ == "__main__":
    where, first_day, end_day = DeltaStore(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    print(seconds(lambda: derive(where, days(first_day, end_day))))
