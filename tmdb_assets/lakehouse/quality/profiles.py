"""Data quality: what each day of each table is like, profiled at the end of the day's run.

What belongs here: the contracts of the two profile tables and the functions that fill them, for any source: per column
how much is known and how much lies far off, per table how many rows came and what became of them. What does not: how
the checks of a day ended (outcomes.py), the figures that SQL can make of profiles and the score (a source's views),
the rules a row must keep (contracts/).

A profile is of a day's rows alone, so it is the same whatever other days were run before, after or beside it. Profiled
are tables partitioned by day, or by month, which stands for its last day; a dimension has no state of a day that would
not depend on the order of runs.

What an outlier is stands in measuring.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import (
    Column,
    Contract,
    ContractError,
    Duplicates,
    FewADay,
    Stage,
    col,
    counting,
    in_range,
    is_value,
    within_days,
)
from tmdb_assets.lakehouse.contracts.rules import MOST
from tmdb_assets.lakehouse.flow.ledger import LEDGER
from tmdb_assets.lakehouse.flow.quarantine import QUARANTINE
from tmdb_assets.lakehouse.flow.transforms import Input, Transform, tables_of
from tmdb_assets.lakehouse.quality.measuring import (
    SIGMAS,
    count_columns,
    measured_columns,
    nullable_columns,
    profile_columns,
)

_PROMISED = {"table_name": pl.String, "is_daily": pl.Boolean, "drift_limit": pl.Float64, "_repeats": pl.Boolean}
_LEFT_OUT = {"_repeated": pl.Int64, "_superseded": pl.Int64}

COLUMN_QUALITY, TABLE_QUALITY = "fact_column_quality", "fact_table_quality"

_MEANINGS = {Cadence.DAY: "Day of the observation (UTC).", Cadence.MONTH: "Last day of the month."}


def key_columns(cadence: Cadence) -> dict[str, Column]:
    """What every profile says first: of which day, and of which table."""
    return {
        "date_id": col(pl.Date, _MEANINGS[cadence], within_days()),
        "table_name": col(pl.String, "Path of the table."),
    }


def partition_columns(profiled: Iterable[Contract]) -> str:
    """The partition columns of some tables, as `Contract.comes_from` names them."""
    return " ".join(f"{table.name}.{table.partition}" for table in profiled)


def column_quality_contract(source: str, profiled: Sequence[Contract], cadence: Cadence = Cadence.DAY) -> Contract:
    """The column profile of a source: one row per day, table and column, of tables that are partitioned by day."""
    some, span = counting(), cadence.value
    known = " ".join(f"{table.name}.{name}" for table in profiled for name in nullable_columns(table))
    numbers = " ".join(f"{table.name}.{name}" for table in profiled for name in measured_columns(table))
    return Contract(
        source,
        Stage.STAR,
        COLUMN_QUALITY,
        f"How much of each column is known, and how much of it lies far off, per {span} of each table kept by the "
        f"{span}.",
        grain=("date_id", "table_name", "column_name"),
        kept=FewADay("date_id"),
        drift_limit=None,
        cadence=cadence,
        comes_from={"*": partition_columns(profiled), "known_rows": known, "outliers": numbers},
        columns={
            **key_columns(cadence),
            "column_name": col(pl.String, "Column."),
            "is_nullable": col(
                pl.Boolean, "Whether the column may be unknown; it counts for the table's completeness."
            ),
            "rows": col(pl.Int64, f"Rows of the table on that {span}.", some),
            "known_rows": col(pl.Int64, "Rows whose value is known (not null).", some),
            "outliers": col(
                pl.Int64,
                f"Values more than {SIGMAS} robust standard deviations from the {span}'s median; null for a "
                "column without numbers, for keys, and where half of the values are equal.",
                some,
                nullable=True,
            ),
        },
    )


def table_quality_contract(source: str, cadence: Cadence = Cadence.DAY) -> Contract:
    """The table profile of a source: one row per day and table, of tables that are partitioned by day."""
    some, span = counting(), cadence.value
    return Contract(
        source,
        Stage.STAR,
        TABLE_QUALITY,
        f"What became of the rows of each {span} of each table kept by the {span}: received = kept + quarantined + "
        "duplicates + superseded + unaccounted.",
        grain=("date_id", "table_name"),
        kept=FewADay("date_id"),
        drift_limit=None,
        cadence=cadence,
        comes_from={
            "date_id": f"{COLUMN_QUALITY}.date_id",
            **dict.fromkeys(
                ("table_name", "is_daily", "drift_limit", "superseded", "orphans"), f"{COLUMN_QUALITY}.table_name"
            ),
            "kept": f"{COLUMN_QUALITY}.rows",
            "received": f"{LEDGER}.received_rows",
            "quarantined": f"{QUARANTINE}.origin",
            "values_set_aside": f"{QUARANTINE}.origin {QUARANTINE}.column_name",
            "duplicates": f"{LEDGER}.duplicate_rows",
            "unaccounted": f"{LEDGER}.received_rows {QUARANTINE}.origin {COLUMN_QUALITY}.rows",
            "completeness": f"{COLUMN_QUALITY}.known_rows {COLUMN_QUALITY}.is_nullable",
            "outliers": f"{COLUMN_QUALITY}.outliers",
            "extraction_completeness": f"{LEDGER}.received_ids {LEDGER}.promised_ids {LEDGER}.received_pages "
            f"{LEDGER}.promised_pages",
            "is_extraction_finished": f"{LEDGER}.is_finished",
        },
        columns={
            **key_columns(cadence),
            "is_daily": col(pl.Boolean, f"Whether rows are expected every {span}; elsewhere they follow demand."),
            "drift_limit": col(
                pl.Float64,
                f"Share by which the rows may differ from those of the {span} before without a warning, a ratio; "
                "null where they follow demand.",
                some,
                nullable=True,
            ),
            "received": col(
                pl.Int64,
                "Rows that came for the table: counted by the extraction, or in the tables it is made of; null when "
                "nobody counted them.",
                some,
                nullable=True,
            ),
            "kept": col(pl.Int64, "Rows the table has.", some),
            "quarantined": col(pl.Int64, "Rows set aside because they broke the contract.", some),
            "values_set_aside": col(
                pl.Int64,
                "Values set aside alone: null in rows that are kept; null when nobody counted.",
                some,
                nullable=True,
            ),
            "duplicates": col(
                pl.Int64,
                "Rows left out because their grain had come before: in a derived table that expects such rows and "
                "ranks none, those received that are neither kept nor quarantined; null when nobody counted.",
                some,
                nullable=True,
            ),
            "superseded": col(
                pl.Int64,
                "Rows left out because a better source of the day told of the same (in a table that ranks its "
                "sources); null when nobody counted.",
                some,
                nullable=True,
            ),
            "unaccounted": col(
                pl.Int64,
                "Rows received that are nowhere; negative: rows kept that nobody received. 0 unless a table was "
                "changed by hand or a commit lost; null when nobody counted.",
                in_range(-MOST, MOST),
                nullable=True,
            ),
            "orphans": col(
                pl.Int64,
                "Rows that refer to something that no dimension had when the day was last built; null where there are "
                "no such references.",
                some,
                nullable=True,
            ),
            "completeness": col(
                pl.Float64,
                "Mean share of known values over the nullable columns, a ratio; null without rows or such columns.",
                in_range(0, 1),
                nullable=True,
            ),
            "outliers": col(
                pl.Int64, "Outliers of all columns; null when none could be measured.", some, nullable=True
            ),
            "extraction_completeness": col(
                pl.Float64,
                "What arrived over what the source promised, pages or ids, whichever is less, a ratio; null for a "
                "table that is not asked for, or without a promise.",
                in_range(0, 1),
                nullable=True,
            ),
            "is_extraction_finished": col(
                pl.Boolean,
                "Whether it was asked for to the end; null for a table that is not asked for.",
                nullable=True,
            ),
        },
    )


# -- all tables of a source --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ColumnQuality:
    """Profiles every column of some tables."""

    profiled: Sequence[Contract]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The profiled tables."""
        return tuple(Input(table) for table in self.profiled)

    def __call__(self, *tables: pl.LazyFrame) -> pl.DataFrame:
        """The rows of `fact_column_quality` for every day on which any of the tables has rows."""
        counted = pl.collect_all([count_columns(c, rows) for c, rows in zip(self.profiled, tables, strict=True)])
        days = pl.concat(frame.get_column("date_id") for frame in counted)
        return pl.concat(profile_columns(c, frame, days) for c, frame in zip(self.profiled, counted, strict=True))


@dataclass(frozen=True, eq=False)
class TableQuality:
    """Accounts for the rows of some tables.

    `columns`, `ledger` and `quarantine` are the source's own. `received`: per derived table, a function that counts the
    rows it must account for by the day (the table's partition column, `received`; a day without rows may be left out).
    What a raw table received stands in the ledger. `left_out`: per table with a precedence, a function that tells the
    rows that another one of their grain stood for (as `Audit.left_out`), so that none of them is a mere remainder.
    """

    profiled: Sequence[Contract]
    columns: Contract
    ledger: Contract
    quarantine: Contract
    received: Mapping[Contract, Transform[pl.LazyFrame]] = field(default_factory=dict)
    left_out: Mapping[Contract, Transform[pl.DataFrame]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for contract in self.profiled:
            if contract.precedence and contract not in self.left_out:
                problem = "has a precedence, and nothing counts the rows that it leaves out"
                raise ContractError(contract.path, None, problem)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The column profile, the ledger, the quarantine, and the tables in which received rows are counted."""
        functions: list[Transform[Any]] = [*self.received.values(), *self.left_out.values()]
        read = [
            self.columns,
            self.ledger,
            self.quarantine,
            *(table for count in functions for table in tables_of(count)),
            *(table for c in self._referring for table in (c, *c.references.values())),
        ]
        return tuple(Input(table) for table in dict.fromkeys(read))

    @property
    def _referring(self) -> list[Contract]:
        """The profiled tables that refer to dimensions."""
        return [c for c in self.profiled if c.references]

    def __call__(self, *inputs: pl.LazyFrame) -> pl.DataFrame:
        """The rows of `fact_table_quality`, one per day and table of the column profile."""
        tables = {stated.contract: frame for stated, frame in zip(self.inputs, inputs, strict=True)}
        key = ["date_id", "table_name"]
        promised = pl.DataFrame(
            [
                (c.path, c.drift_limit is not None, c.drift_limit, c.duplicates is Duplicates.FIRST)
                for c in self.profiled
            ],
            schema={"table_name": pl.String, "is_daily": pl.Boolean, "drift_limit": pl.Float64, "_repeats": pl.Boolean},
            orient="row",
        )
        columns = tables[self.columns].collect()
        counted, ranked = ([c.path for c in self.profiled if c in told] for told in (self.received, self.left_out))
        rejected = (
            tables[self.quarantine]
            .group_by("date_id", table_name="origin")
            .agg(quarantined=(~is_value()).sum().cast(pl.Int64), values_set_aside=is_value().sum().cast(pl.Int64))
        )
        accounted = (
            _summed_up(columns)
            .join(promised, on="table_name", how="left")
            .join(rejected.collect(), on=key, how="left")
            .join(_extraction_figures(tables[self.ledger]), on=key, how="left")
            .join(self._counted(tables), on=key, how="left")
            .join(self._left_out_rows(tables), on=key, how="left")
            .join(self._orphans(tables), on=key, how="left")
            .with_columns(
                pl.col("quarantined", "values_set_aside").fill_null(0),
                pl.when(pl.col("table_name").is_in(ranked)).then(pl.col("_repeated", "_superseded").fill_null(0)),
                pl.when(pl.col("table_name").is_in([c.path for c in self._referring])).then(
                    pl.col("orphans").fill_null(0)
                ),
                counted=pl.coalesce("counted", pl.when(pl.col("table_name").is_in(counted)).then(0)),
            )
            .with_columns(received=pl.coalesce("received_rows", "counted"))
        )
        rest = pl.col("received") - pl.col("kept") - pl.col("quarantined")
        # a derived table that ranks nothing leaves out duplicates it expects, and nothing else: its own run has proved
        # that
        repeated = pl.coalesce("_repeated", pl.when("_repeats").then(rest.clip(0)).otherwise(0))
        duplicates = pl.coalesce("duplicate_rows", pl.when(pl.col("counted").is_not_null()).then(repeated))
        superseded = pl.when(duplicates.is_not_null()).then(pl.col("_superseded").fill_null(0))
        unaccounted = rest - duplicates - superseded
        became = accounted.with_columns(duplicates=duplicates, superseded=superseded, unaccounted=unaccounted)
        return became.select(list(table_quality_contract("").schema))

    def _left_out_rows(self, tables: Mapping[Contract, pl.LazyFrame]) -> pl.DataFrame:
        """date_id, table_name, _repeated, _superseded: the rows each ranked table left out, on the days it did."""
        counts = [pl.DataFrame(schema={"date_id": pl.Date, "table_name": pl.String, **_LEFT_OUT})]
        for contract in (c for c in self.profiled if c in self.left_out):
            tell = self.left_out[contract]
            rows = tell(*(tables[table] for table in tables_of(tell)))
            is_superseded = pl.col("is_superseded")
            by_day = rows.group_by(date_id=contract.partition, table_name=pl.lit(contract.path)).agg(
                _repeated=(~is_superseded).sum().cast(pl.Int64), _superseded=is_superseded.sum().cast(pl.Int64)
            )
            counts.append(by_day)
        return pl.concat(counts)

    def _orphans(self, tables: Mapping[Contract, pl.LazyFrame]) -> pl.DataFrame:
        """date_id, table_name, orphans: the rows that refer to what no dimension has, on the days that have some."""
        counts = [pl.LazyFrame(schema={"date_id": pl.Date, "table_name": pl.String, "orphans": pl.Int64})]
        for contract in self._referring:
            rows, found = tables[contract], pl.lit(value=True)
            for number, (column, dimension) in enumerate(contract.references.items()):
                (key,) = dimension.grain
                has = f"_has_{number}"
                there = tables[dimension].select(pl.col(key).alias(column), pl.lit(value=True).alias(has))
                rows, found = rows.join(there, on=column, how="left"), found & pl.col(has).is_not_null()
            orphans = rows.filter(~found).group_by(date_id=contract.partition, table_name=pl.lit(contract.path))
            counts.append(orphans.agg(orphans=pl.len().cast(pl.Int64)))
        return pl.concat(counts).collect()

    def _counted(self, tables: Mapping[Contract, pl.LazyFrame]) -> pl.DataFrame:
        """date_id, table_name, counted: the rows each derived table received on the days that brought it some."""
        counts = []
        for contract in (c for c in self.profiled if c in self.received):
            count = self.received[contract]
            rows = count(*(tables[table] for table in tables_of(count)))
            counted = pl.col("received").cast(pl.Int64)
            counts.append(rows.select(date_id=contract.partition, table_name=pl.lit(contract.path), counted=counted))
        nothing = pl.LazyFrame(schema={"date_id": pl.Date, "table_name": pl.String, "counted": pl.Int64})
        return pl.concat([nothing, *counts]).collect()


def _summed_up(columns: pl.DataFrame) -> pl.DataFrame:
    """date_id, table_name, kept, completeness, outliers of each table from those of its columns."""
    share = (pl.col("known_rows") / pl.col("rows")).filter(pl.col("is_nullable") & (pl.col("rows") > 0))
    measured = pl.col("outliers")
    return columns.group_by("date_id", "table_name").agg(
        kept=pl.col("rows").first(),
        completeness=share.mean(),
        outliers=pl.when(measured.count() > 0).then(measured.sum()),
    )


def _extraction_figures(ledger: pl.LazyFrame) -> pl.DataFrame:
    """date_id, table_name and what its endpoints promised and brought; a table's rows stand with each of them."""

    def arrived(what: str) -> pl.Expr:
        promised = pl.col(f"promised_{what}").filter(pl.col(f"promised_{what}") > 0).sum()
        came = pl.col(f"received_{what}").filter(pl.col(f"promised_{what}") > 0).sum()
        return pl.when(promised > 0).then((came / promised).clip(0, 1))

    return (
        ledger.drop_nulls("table_name")
        .group_by("date_id", "table_name")
        .agg(
            pl.col("received_rows", "duplicate_rows").max(),
            arrived("pages").alias("_pages"),
            arrived("ids").alias("_ids"),
            is_extraction_finished=pl.col("is_finished").all(),
        )
        .with_columns(extraction_completeness=pl.min_horizontal("_pages", "_ids"))
        .collect()
    )
