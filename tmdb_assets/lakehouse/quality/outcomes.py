"""Check quality: how the checks of some tables end for each day apart.

What belongs here: the contract of the third profile table, and the object that makes the checks again: the very functions
that are Dagster's checks, over one day's rows at a time, so that what they say of a day is the same whatever other days
were run before, after or beside it. What does not: what a check looks at (checks.py, a source's clean.py and star.py),
checks that need another day (a source's views), the profiles of columns and tables (profiles.py).
"""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Contract, FewADay, col, counting
from tmdb_assets.lakehouse.flow import checks
from tmdb_assets.lakehouse.quality.profiles import days_of, key_columns

CHECK_QUALITY = "fact_check_quality"
OWN_ROWS = "rows"  #: the parameter of a check that stands for the table itself

Judge = Callable[..., checks.Outcome]


def check_quality_contract(source: str, read: Sequence[Contract], cadence: Cadence = Cadence.DAY) -> Contract:
    """The outcomes of a source: one row per day, table and check. `read`: the tables that the checks look at."""
    everything = " ".join(f"{table.name}.{name}" for table in read for name in table.columns)
    return Contract(
        source,
        "star",
        CHECK_QUALITY,
        f"How the checks of each table end for each {cadence.value} by itself, in words.",
        grain=("date_id", "table_name", "check_name"),
        kept=FewADay("date_id"),
        drift_limit=None,
        cadence=cadence,
        comes_from={"*": days_of(read), "is_passed": everything, "sentence": everything},
        columns={
            **key_columns(cadence),
            "check_name": col(pl.String, "Check, as Dagster names it."),
            "is_passed": col(pl.Boolean, "Whether it holds."),
            "rows": col(pl.Int64, "Rows that were looked at, of all tables that the check reads.", counting()),
            "sentence": col(pl.String, "What was found."),
        },
    )


def grain_of(contract: Contract) -> Judge:
    """The check of the grain, on what is kept."""

    def judge(rows: pl.LazyFrame) -> checks.Outcome:
        """No two kept rows share the grain."""
        return checks.grain(contract, rows.select(contract.grain).collect())

    return judge


@dataclass(frozen=True, eq=False)
class CheckQuality:
    """Makes checks again, day by day; wired as a transform is, by the names of what it reads.

    `judged`: table -> its checks by name. Their parameters name tables among `read`, which are partitioned, and `rows` is
    the judged table itself.
    """

    read: Sequence[Contract]
    judged: Mapping[Contract, Mapping[str, Judge]]

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that any check looks at."""
        return tuple(table.name for table in self.read)

    def __call__(self, **tables: pl.LazyFrame) -> pl.DataFrame:
        """The rows of `fact_check_quality`: each check for every day on which a table it looks at has rows."""
        whole = pl.collect_all([tables[c.name] for c in self.read])
        days = {c.name: _by_day(c, frame) for c, frame in zip(self.read, whole, strict=True)}
        nothing = {c.name: frame.clear() for c, frame in zip(self.read, whole, strict=True)}
        rows = [
            (day, contract.path, check, outcome.passed, seen, outcome.sentence)
            for contract, judges in self.judged.items()
            for check, judge in judges.items()
            for day, seen, outcome in _outcomes(contract, judge, days, nothing)
        ]
        return pl.DataFrame(rows, schema=check_quality_contract("", ()).schema, orient="row")


def _by_day(contract: Contract, rows: pl.DataFrame) -> dict[dt.date, pl.DataFrame]:
    parts = rows.partition_by(contract.partition or "date_id", as_dict=True)
    return {day: part for (day,), part in parts.items()}


def _outcomes(
    contract: Contract,
    judge: Judge,
    days: Mapping[str, Mapping[dt.date, pl.DataFrame]],
    nothing: Mapping[str, pl.DataFrame],
) -> Iterator[tuple[dt.date, int, checks.Outcome]]:
    """Day, rows looked at, outcome of one check."""
    wanted = {name: contract.name if name == OWN_ROWS else name for name in inspect.signature(judge).parameters}
    for day in sorted({day for table in wanted.values() for day in days[table]}):
        given = {name: days[table].get(day, nothing[table]) for name, table in wanted.items()}
        seen = sum(frame.height for frame in given.values())
        yield day, seen, judge(**{name: frame.lazy() for name, frame in given.items()})
