"""Check quality: how the checks of some tables end for each day apart.

What belongs here: the contract of the third profile table, and the object that makes the checks again: the very
functions that are Dagster's checks, over one day's rows at a time, so that what they say of a day is the same whatever
other days were run before, after or beside it. What does not: what a check looks at (checks.py, a source's clean.py and
star.py), checks that need another day (a source's views), the profiles of columns and tables (profiles.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Contract, FewADay, Stage, col, counting
from tmdb_assets.lakehouse.flow import checks
from tmdb_assets.lakehouse.flow.transforms import ROWS, Input, Transform, reads
from tmdb_assets.lakehouse.quality.profiles import key_columns, partition_columns

CHECK_QUALITY = "fact_check_quality"

Judge = Transform[checks.Outcome]


def check_quality_contract(source: str, read: Sequence[Contract], cadence: Cadence = Cadence.DAY) -> Contract:
    """The outcomes of a source: one row per day, table and check. `read`: the tables that the checks look at."""
    everything = " ".join(f"{table.name}.{name}" for table in read for name in table.columns)
    return Contract(
        source,
        Stage.STAR,
        CHECK_QUALITY,
        f"How the checks of each table end for each {cadence.value} by itself, in words.",
        grain=("date_id", "table_name", "check_name"),
        kept=FewADay("date_id"),
        drift_limit=None,
        cadence=cadence,
        comes_from={"*": partition_columns(read), "is_passed": everything, "sentence": everything},
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

    @reads(ROWS)
    def judge(rows: pl.LazyFrame) -> checks.Outcome:
        """No two kept rows share the grain."""
        return checks.grain(contract, rows.select(contract.grain).collect())

    return judge


@dataclass(frozen=True, eq=False)
class CheckQuality:
    """Makes checks again, day by day.

    `judged`: table -> its checks by name. They read tables among `read`, which are partitioned; the rows of the judged
    table are those kept of it.
    """

    read: Sequence[Contract]
    judged: Mapping[Contract, Mapping[str, Judge]]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The tables that any check looks at."""
        return tuple(Input(table) for table in self.read)

    def __call__(self, *tables: pl.LazyFrame) -> pl.DataFrame:
        """The rows of `fact_check_quality`: each check for every day on which a table it looks at has rows."""
        whole = pl.collect_all(tables)
        days = {c: _by_day(c, frame) for c, frame in zip(self.read, whole, strict=True)}
        nothing = {c: frame.clear() for c, frame in zip(self.read, whole, strict=True)}
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
    days: Mapping[Contract, Mapping[dt.date, pl.DataFrame]],
    nothing: Mapping[Contract, pl.DataFrame],
) -> Iterator[tuple[dt.date, int, checks.Outcome]]:
    """Day, rows looked at, outcome of one check."""
    wanted = [each.contract if isinstance(each, Input) else contract for each in judge.inputs]
    for day in sorted({day for table in wanted for day in days[table]}):
        given = [days[table].get(day, nothing[table]) for table in wanted]
        yield day, sum(frame.height for frame in given), judge(*(frame.lazy() for frame in given))
