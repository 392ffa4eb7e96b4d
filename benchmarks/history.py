"""b. One day's derived stages after 365 kept days over the first day's. c. 90 days in one run over one day's."""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.figure import Figure, run_child, seconds
from benchmarks.lake import derive, fill_raw, films
from tmdb_assets.lakehouse.delta import DeltaStore

FIRST = dt.date(2025, 11, 1)
LISTED, DETAILED = 10_000, 450  # a day at top:10000 in steady state: the whole list, details of a few
KEPT_DAYS = 365


def days(start: int, end: int) -> list[dt.date]:
    """Days number `start` to `end` (not included)."""
    return [FIRST + dt.timedelta(days=n) for n in range(start, end)]


def measure_after_a_year() -> Figure:
    """Every day brings the same amount, and a measured day is a process of its own, as a day's run is.

    A kept day counts as a run of its own as far as the Delta log goes: the 364 between are 73 runs of 5 days.
    """
    known, _ = films(2_000)
    with tempfile.TemporaryDirectory() as folder:
        store = DeltaStore(folder)
        # every twentieth film, so that no day gets all the long ones
        fill_raw(store, days(0, KEPT_DAYS + 3), known, lambda n: [known[(n + 20 * i) % 2_000] for i in range(100)])
        first = _in_a_process(folder, 0, 1)
        for start in range(1, KEPT_DAYS, 5):
            derive(store, days(start, min(start + 5, KEPT_DAYS)))
        later = [_in_a_process(folder, n, n + 1) for n in range(KEPT_DAYS, KEPT_DAYS + 3)]
    return Figure(
        "b. one day's derived stages after 365 kept days over the first day's",
        statistics.median(later) / first,
        1.2,
        details={
            "first day": f"{first:.2f} s",
            "a day after 365": f"{statistics.median(later):.2f} s (median of 3)",
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
        fill_raw(store, days(0, 92), known, detailed)
        derive(store, days(0, 1))
        one = _in_a_process(folder, 1, 2)
        many = _in_a_process(folder, 2, 92)
    return Figure(
        "c. a 90-day backfill of the derived stages in one run over one day's",
        many / one,
        10.0,
        details={
            "one day": f"{one:.2f} s",
            "90 days": f"{many:.2f} s",
            "a day": "10,000 films listed, 450 with details",
        },
    )


if __name__ == "__main__":
    where, first_day, end_day = DeltaStore(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    print(seconds(lambda: derive(where, days(first_day, end_day))))
