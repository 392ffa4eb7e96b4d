"""What a table promises, and the audit that holds a frame to it.

What belongs here: `Contract` (columns, units, grain, partition, ownership, references), everything derived from it
(Polars schema, Delta schema, the lines of the data dictionary) and `audit`, which splits a frame into kept and
quarantined rows. What does not: reading or writing tables (delta.py), and any source's tables (its contracts.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import deltalake
import polars as pl
from deltalake import Schema as DeltaSchema

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.errors import LakehouseError

#: Columns a frame may carry to its audit beside the contract's own; they never reach a table.
#: `_rejected`: why the row was already refused, as "column = value: what it must be", else null ·
#: `_payload`: the raw text behind the row · `_pointer`: where that text is kept.
TRACE = {"_rejected": pl.String, "_payload": pl.String, "_pointer": pl.String}

MAX_VALUE_CHARACTERS = 200  # of a value, where it is told


class ContractError(LakehouseError):
    """A frame does not have the shape its table promises: a fault of the code, not of a row.

    Fields: `table`, `column` (None when it is about the whole frame) and `problem`.
    """

    def __init__(self, table: str, column: str | None, problem: str) -> None:
        self.table, self.column, self.problem = table, column, problem
        where = f"{table}, column {column}" if column else table
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True)
class Rule:
    """What every value of a column must be: an expression that is true where it holds, and the words for where it does not.

    A null keeps every rule; whether a column may have any is said by the column.
    """

    holds: Callable[[pl.Expr], pl.Expr]
    error: str


@dataclass(frozen=True)
class Column:
    """A column of a contract: Polars type, meaning (with its unit), rules; not null unless `nullable`."""

    dtype: Any
    description: str
    rules: tuple[Rule, ...] = ()
    nullable: bool = False


def col(dtype: Any, description: str, *rules: Rule, nullable: bool = False) -> Column:
    """A column, as contracts write it."""
    return Column(dtype, description, rules, nullable)


def at_least(minimum: float) -> Rule:
    """The value is `minimum` or more."""
    return Rule(lambda value: value >= minimum, f"must be at least {minimum:g}")


def between(minimum: float, maximum: float) -> Rule:
    """The value lies in the closed interval."""
    return Rule(lambda value: value.is_between(minimum, maximum), f"must lie between {minimum:g} and {maximum:g}")


def matches(pattern: str, meaning: str) -> Rule:
    """The whole text matches the regular expression; `meaning` says in words what that is."""
    return Rule(lambda value: value.str.contains(f"^(?:{pattern})$"), f"must be {meaning}")


def one_of(values: Iterable[str]) -> Rule:
    """The value is one of a closed list."""
    listed = sorted(values)
    return Rule(lambda value: value.is_in(listed), f"must be one of {', '.join(listed)}")


def not_blank() -> Rule:
    """The text has at least one character that is not white space."""
    return Rule(lambda value: value.str.contains(r"\S"), "must not be blank")


@dataclass(frozen=True, eq=False)
class Contract:
    """The promise of one table. `source/stage/name` is its asset key and its path under the lake root.

    A table is kept in one of three ways. *Partitioned* (`partition` names a date column): a run replaces exactly its
    days; with `small`, a few rows a day, all days lie in a few files, so that neither reading nor writing costs more for
    the days gone by.
    *Owned* (`owner` names columns): the rows of one owner are replaced as a set, by an observation that is at
    least as new (`order` names the columns that say how new); a dimension is the case where owner and grain are the
    same. *Whole* (neither): every run replaces all of it, as a view's answer is. `duplicates` says whether two rows of one grain are expected and the first counts ("first") or are a fault
    ("refuse"). `references` maps a column to the dimension that must hold its value. `drift_limit` is the share by
    which the rows of a day may differ from the day before without a warning; None where a day's rows follow demand.
    `comes_from` maps a column to those it is made of ("movies.genres reference.payload"), `*` all others that have no
    namesake in the tables read. `cadence` is how often the table is filled: a partition stands for the last day of its
    span. `is_corrected`: a partition may be filled again from another input; what that adds, changes and removes is then
    reported, and the same rows again cost nothing. `kept_for` names what the rows are kept for, as "pages.page_hash": a
    row whose (only) key nothing there names any more is dropped by the upkeep. `personal` columns hold data of persons,
    which never leave the lake for a log or a preview. `expiring` columns hold what a source may forbid to keep for long:
    they become null when raw of the row's day expires, while the row stays.
    """

    source: str
    stage: str
    name: str
    description: str
    grain: tuple[str, ...]
    columns: Mapping[str, Column]
    partition: str | None = None
    owner: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    duplicates: str = "refuse"
    references: Mapping[str, str] = field(default_factory=dict)
    drift_limit: float | None = 0.25
    small: bool = False
    comes_from: Mapping[str, str] = field(default_factory=dict)
    cadence: Cadence = Cadence.DAY
    is_corrected: bool = False
    kept_for: str = ""
    personal: tuple[str, ...] = ()
    expiring: tuple[str, ...] = ()
    code_version: str = "1"

    def __post_init__(self) -> None:
        named = {*self.grain, *self.owner, *self.order, *self.references, *self.personal, *self.expiring}
        named |= {self.partition} if self.partition else set()
        for missing in sorted(named - set(self.columns)):
            raise ContractError(self.path, missing, "is named by the contract but is not among its columns")
        for held in (c for c in self.expiring if not self.partition or not self.columns[c].nullable):
            raise ContractError(self.path, held, "cannot expire: it must be nullable, and the table partitioned by day")
        if self.partition and self.owner:
            raise ContractError(self.path, None, "has a partition column and an owner: it can be kept in one way only")

    @property
    def key(self) -> tuple[str, str, str]:
        """Asset key of the table, also its folder under the lake root."""
        return (self.source, self.stage, self.name)

    @property
    def is_whole(self) -> bool:
        """Whether every run replaces all of the table."""
        return not self.partition and not self.owner

    @property
    def path(self) -> str:
        """The key as a path: `tmdb/star/dim_movie`."""
        return "/".join(self.key)

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and Polars types, in order."""
        return pl.Schema({name: column.dtype for name, column in self.columns.items()})

    @cached_property
    def _holds(self) -> pl.Expr:
        """Whether all rows keep all rules, in one pass."""
        present = [pl.col(name).null_count() == 0 for name, c in self.columns.items() if not c.nullable]
        kept = [rule.holds(pl.col(name)).all() for name, c in self.columns.items() for rule in c.rules]
        return pl.all_horizontal(pl.lit(True), *present, *kept)

    @cached_property
    def delta_schema(self) -> DeltaSchema:
        """The Delta schema: types, nullability, and each description as the column's comment."""
        arrow = DeltaSchema.from_arrow(self.empty().to_arrow().schema)
        return DeltaSchema(
            [
                deltalake.Field(
                    f.name,
                    f.type,
                    nullable=self.columns[f.name].nullable,
                    metadata={"comment": self.columns[f.name].description},
                )
                for f in arrow.fields
            ]
        )

    def empty(self) -> pl.DataFrame:
        """A frame with the contract's columns and no rows."""
        return pl.DataFrame(schema=self.schema)

    def audit(self, frame: pl.DataFrame) -> Audit:
        """Hold a frame to the contract, row by row.

        `frame` has exactly the contract's columns (in any order) and, if it likes, those of `TRACE`. Rows that break
        a rule are set aside with every broken rule named; among the others the first of each grain counts when the
        contract expects duplicates. Nothing is lost: received = kept + quarantined + duplicates.

        Raises ContractError when a column is missing, unexpected or of another type: that is a fault of the code.
        """
        return _audit(self, frame)


@dataclass(frozen=True, eq=False)
class Audit:
    """A frame held to its contract: what is kept, what is set aside and why, and the count of it all."""

    contract: Contract
    kept: pl.DataFrame
    quarantined: pl.DataFrame
    received: int
    duplicates: int

    @property
    def accounted(self) -> bool:
        """received = kept + quarantined + duplicates."""
        return self.received == self.kept.height + self.quarantined.height + self.duplicates

    @property
    def rules(self) -> dict[str, int]:
        """How many rows each broken rule set aside."""
        counted = self.quarantined.select(pl.col("rule").str.split("; ").explode().value_counts(sort=True)).unnest(
            "rule"
        )
        return dict(counted.iter_rows())


def _audit(contract: Contract, frame: pl.DataFrame) -> Audit:
    _refuse_other_shape(contract, frame)
    received = frame.height
    traced = frame.with_row_index("_row").with_columns(
        pl.col("_row").cast(pl.Int64),
        *[pl.lit(None, dtype=t).alias(c) for c, t in TRACE.items() if c not in frame.columns],
    )
    broken = pl.concat([_already_rejected(traced), _broken_rules(contract, traced)])
    bad = broken.group_by("_row", maintain_order=True).agg(
        _rules=pl.col("rule").str.join("; "), _reasons=pl.col("reason").str.join("; ")
    )
    valid = traced.join(bad, on="_row", how="anti", maintain_order="left") if bad.height else traced
    kept = _first_of_each(valid, contract.grain) if contract.duplicates == "first" else valid
    return Audit(
        contract,
        kept.select(list(contract.schema)),
        _quarantine_rows(contract, traced, bad),
        received,
        valid.height - kept.height,
    )


def _first_of_each(rows: pl.DataFrame, grain: Sequence[str]) -> pl.DataFrame:
    """The first row of each grain; wide rows are only moved when there is something to leave out."""
    later = ~rows.select(pl.struct(grain).is_first_distinct()).to_series()
    return rows.filter(~later) if later.any() else rows


def _refuse_other_shape(contract: Contract, frame: pl.DataFrame) -> None:
    for name, dtype in contract.schema.items():
        if name not in frame.columns:
            raise ContractError(contract.path, name, "is missing from the frame")
        if frame.schema[name] != dtype:
            raise ContractError(contract.path, name, f"must be {dtype}, the frame has {frame.schema[name]}")
    for name in frame.columns:
        if name not in contract.schema and name not in TRACE:
            raise ContractError(contract.path, name, "is not in the contract")


def _already_rejected(traced: pl.DataFrame) -> pl.DataFrame:
    """The rule is the reason without the value and the position in a list, so that rows count under one rule.

    A value may say anything, the words after it have no ": ": so it ends at the last one, and it is cut out first.
    """
    value, position, text = r"(?s)^([^\s=]+) = .*: ", r"\[\d+\]", r"(?s) \(text begins .*"
    rule = pl.col("_rejected").str.replace(value, "${1} ").str.replace(text, "").str.replace_all(position, "[]")
    return traced.filter(pl.col("_rejected").is_not_null()).select("_row", rule=rule, reason="_rejected")


def _broken_rules(contract: Contract, traced: pl.DataFrame) -> pl.DataFrame:
    """One row per row and broken rule: _row, rule, reason with column and value."""
    fits = traced.get_column("_rejected").is_null()
    checked = traced if fits.all() else traced.filter(fits)
    if checked.select(contract._holds).item():
        return pl.DataFrame(schema={"_row": pl.Int64, "rule": pl.String, "reason": pl.String})
    # Pandera takes a second to import, and most runs have no row for it
    from tmdb_assets.lakehouse.validation import failures

    return failures(contract, checked)


def _quarantine_rows(contract: Contract, traced: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """Rejected rows in the layout of `quarantine_contract`; their day is the frame's own."""
    days = [c for c in (contract.partition, *contract.order, "date_id") if c and c in contract.schema]
    day = pl.coalesce(pl.col(c).cast(pl.Date) for c in days) if days else pl.lit(None, dtype=pl.Date)
    position = pl.int_range(pl.len()).over(day)  # the same in a run of one day and of many
    layout = quarantine_contract(contract.source)
    if not bad.height:
        return layout.empty()
    as_json = pl.struct(list(contract.schema)).struct.json_encode()
    rejected: pl.DataFrame = (
        traced.with_columns(position.alias("_position"), day.alias("_day"))
        .join(bad, on="_row", how="inner", maintain_order="left")
        .select(
            date_id="_day",
            origin=pl.lit(contract.path),
            row_number="_position",
            rule="_rules",
            reason="_reasons",
            payload=pl.coalesce("_payload", as_json),
            raw_pointer="_pointer",
        )
        .select(list(layout.schema))
    )
    return rejected


def quarantine_contract(source: str, cadence: Cadence = Cadence.DAY) -> Contract:
    """The quarantine table of a source: one row per row that broke its contract, whatever table it was bound for."""
    return Contract(
        source,
        "clean",
        "quarantine",
        "Rows set aside because they broke their table's contract, with the reason and the raw payload; "
        "re-materializing the day after a rule is corrected moves them out.",
        grain=("date_id", "origin", "row_number"),
        partition="date_id",
        small=True,
        drift_limit=None,
        cadence=cadence,
        expiring=("payload",),
        columns={
            "date_id": col(pl.Date, "Day of the observation (UTC)."),
            "origin": col(pl.String, "Path of the table the row was bound for."),
            "row_number": col(
                pl.Int64, "Position of the row among those received for that table and day.", at_least(0)
            ),
            "rule": col(pl.String, "Broken rules, separated by '; '."),
            "reason": col(pl.String, "Each broken rule with its column and value, separated by '; '."),
            "payload": col(
                pl.String,
                "The row as it came: raw JSON text where there is one; null once raw of its day has expired "
                "(RAW_RETENTION_DAYS).",
                nullable=True,
            ),
            "raw_pointer": col(pl.String, "Where the raw observation is kept: table, day and key.", nullable=True),
        },
    )


def dictionary_lines(contracts: Sequence[Contract], whole: str = "answered anew by each run") -> list[str]:
    """The data dictionary of some tables as Markdown lines: what a row is, grain, partition, columns with units.

    `whole` says how those that are neither partitioned nor owned are kept.
    """
    lines: list[str] = []
    for contract in contracts:
        kept = f"last known state, replaced per `{', '.join(contract.owner)}`"
        if contract.partition:
            kept = f"one partition per `{contract.partition}`"
        elif contract.is_whole:
            kept = whole
        lines += [f"### `{contract.path}`", "", contract.description, ""]
        lines.append(f"Grain: `{', '.join(contract.grain)}` · {kept}")
        lines += ["", "| column | type | null | meaning |", "| --- | --- | --- | --- |"]
        for name, column in contract.columns.items():
            rules = "; ".join(rule.error for rule in column.rules)
            target = f" → `{contract.references[name]}`" if name in contract.references else ""
            meaning = column.description.replace("|", "\\|") + (f" ({rules})" if rules else "") + target
            lines.append(
                f"| {name} | {_type_name(contract.schema[name])} | {'yes' if column.nullable else 'no'} | {meaning} |"
            )
        lines.append("")
    return lines


def _type_name(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.List):
        return f"List({_type_name(dtype.inner)})"  # type: ignore[arg-type]  # inner is typed as class or instance
    if isinstance(dtype, pl.Struct):
        return "Struct(" + ", ".join(f"{f.name}: {_type_name(f.dtype)}" for f in dtype.fields) + ")"  # type: ignore[arg-type]  # as above
    return str(dtype)
