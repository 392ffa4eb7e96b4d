"""What one of two processes writes that are at work on the same tables.

What belongs here: that, in a module that a process of its own imports quickly. What does not: assertions.
"""

from __future__ import annotations

from tmdb_assets.lakehouse.store import DeltaStore, ranges
from tmdb_assets_tests.lakehouse.store.test_delta import COUNTS, DAYS, PARTS, SMALL, THINGS, rows

ROUNDS = 6


def write(root: str, first: int) -> None:
    """Rounds of writing in each way there is; `first` tells the writers apart."""
    ranges.ROWS_OF_A_FILE = 4
    store = DeltaStore(root)
    for n in range(ROUNDS):
        store.append(THINGS, rows(THINGS, (first * 1000 + n, "one", DAYS[0], None)), {})
        store.append_new(COUNTS, rows(COUNTS, (DAYS[9], f"both {n}", n), (DAYS[9], f"{first} {n}", n)), {})
        store.replace(COUNTS, rows(COUNTS, (DAYS[first], f"round {n}", n)), [DAYS[first]], {})
        store.replace(SMALL, rows(SMALL, (DAYS[0], f"part {first}", n)), DAYS[:1], {}, {"item": f"part {first}"})
        store.merge(PARTS, rows(PARTS, (first, n, "x", DAYS[0]), (100 + n * 2 + first, 1, "x", DAYS[0])), {})
