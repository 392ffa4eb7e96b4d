"""How hard the tests look for a counterexample: one number for all of them.

What belongs here: how many examples a property is tried on. What does not: any property.
"""

from __future__ import annotations

import os

from hypothesis import settings

#: 1 is what `make test` takes; TEST_EFFORT=10 tries ten times as many examples, `make test-fast` a few.
EFFORT = float(os.environ.get("TEST_EFFORT") or 1)


def examples(number: int) -> settings:
    """A property that is tried on so many examples: few where one costs a lake, many where it costs nothing."""
    return settings(max_examples=max(1, round(number * EFFORT)))
