"""`make bench`: run every benchmark, or those whose letter is given (`make bench ARGS='a d'`), and print the figures.

With `--write` the results go into benchmarks/README.md, with the machine they were measured on.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

from benchmarks import (
    against_dbt,
    against_dlt,
    breakouts,
    catalogue,
    fetching,
    first_page,
    history,
    postgres,
    proportion,
    raw_to_star,
    sandbox,
    true_size,
    views,
    warehouse,
    whole_run,
)
from benchmarks.figure import machine

PAGE = Path(__file__).parent / "README.md"
BENCHMARKS = {
    "a": raw_to_star.measure,
    "b": history.measure_after_a_year,
    "c": history.measure_backfill,
    "d": fetching.measure_rate,
    "e": fetching.measure_calls,
    "f": whole_run.measure,
    "g": breakouts.measure,
    "h": views.measure,
    "i": warehouse.measure,
    "j": views.measure_pandas,
    "k": first_page.measure,
    "l": catalogue.measure,
    "m": sandbox.measure,
    "n": proportion.measure,
    "o": true_size.measure,
    "p": against_dlt.measure,
    "q": against_dbt.measure,
    "r": postgres.measure,
}


def main(words: list[str]) -> None:
    """Measure, print, and write if asked to."""
    chosen = [w for w in words if w in BENCHMARKS] or list(BENCHMARKS)
    lines = [f"Measured on {dt.date.today()} on {machine()}.", ""]
    print(lines[0])
    for name in chosen:
        figure = BENCHMARKS[name]()
        print("\n".join(figure.lines()), flush=True)
        lines += figure.lines()
    if "--write" in words:
        head = PAGE.read_text(encoding="utf-8").split("## Results")[0] if PAGE.exists() else ""
        PAGE.write_text(head + "## Results\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
