"""The audit: which rows of a frame are kept, and what is set aside of it and why.

What belongs here: `Audit` and the steps that lead to it: rows that break a rule, values that do, rows that another one
stands for, and all of them in the layout of the quarantine. What does not: what a table promises (contract.py), the
kinds of rules (rules.py), which values break them (validation.py), when a frame is audited (flow/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from tmdb_assets.lakehouse.contracts.columns import ContractError
from tmdb_assets.lakehouse.contracts.contract import Contract, Duplicates
from tmdb_assets.lakehouse.contracts.showing import showable
from tmdb_assets.lakehouse.rejections import FIELDS, REJECTION, broken_rule, place, reason

#: Columns a frame may carry to its audit beside the contract's own; they never reach a table.
#: `_rejected`: the value for which the row was already refused, else null ·
#: `_set_aside`: the values that are already null in the row, because they did not fit ·
#: `_payload`: the raw text behind the row · `_pointer`: where that text is kept.
TRACE: Mapping[str, Any] = {
    "_rejected": REJECTION,
    "_set_aside": pl.List(REJECTION),
    "_payload": pl.String,
    "_pointer": pl.String,
}


#: The columns of a quarantine, as `quarantine_contract` has them.
ENTRY = pl.Schema(
    {"date_id": pl.Date, "origin": pl.String, "row_number": pl.Int64}
    | dict.fromkeys(("rule", "reason", "payload", "raw_pointer", "column_name", "value"), pl.String)
)


@dataclass(frozen=True)
class Tally:
    """The count of an audit, without its rows: a run over many days keeps one for each of its frames.

    `received` rows came; `became` says how many of them became what; `values` were set aside alone; `lost` says how
    many kept rows lost a value of each column, `rules` how many rows and values each broken rule set aside.
    """

    received: int
    became: Mapping[str, int]
    values: int
    lost: Mapping[str, int]
    rules: Mapping[str, int]

    @property
    def quarantined(self) -> int:
        """Rows set aside."""
        return self.became["quarantined"]

    @property
    def accounted(self) -> bool:
        """received = kept + quarantined + duplicates + superseded."""
        return self.received == sum(self.became.values())


@dataclass(frozen=True, eq=False)
class Audit:
    """A frame held to its contract: what is kept, what is set aside and why, and the count of it all.

    `quarantined` are the rows set aside; `values` are the single values set aside of rows that are kept; both have the
    columns of the quarantine. `lost` says how many kept rows lost a value of each column. A bad value of a row that is
    set aside is not among `values`: it goes with its row. `rejections` has every bad value, one a row, with the
    `raw_pointer` of its row; `is_of_row` is true where the whole row was set aside, false where the value alone was.
    `left_out` has the grain of each row that was dropped because another row of the same grain was kept;
    `is_superseded` is true where that one ranks higher by the contract's `precedence`, false for a duplicate.
    """

    contract: Contract
    kept: pl.DataFrame
    quarantined: pl.DataFrame
    values: pl.DataFrame
    received: int
    left_out: pl.DataFrame
    lost: Mapping[str, int]
    rejections: pl.DataFrame

    @classmethod
    def of(cls, contract: Contract, frame: pl.DataFrame) -> Self:
        """Hold a frame to its contract, row by row.

        `frame` has exactly the contract's columns (in any order) and, if it likes, those of `TRACE`. A value that
        breaks a rule is set aside alone where its column may be null; elsewhere its row is, with every broken rule
        named. Among the other rows the first of each grain counts when the contract expects duplicates, or the best by
        its precedence. Nothing is lost: received = kept + quarantined + duplicates + superseded.

        Raises ContractError when a column is missing, unexpected or of another type: that is a fault of the code.
        """
        _refuse_other_shape(contract, frame)
        trace = [pl.lit(None, dtype=t).alias(c) for c, t in TRACE.items() if c not in frame.columns]
        came = frame.with_columns(*trace, _row=pl.int_range(pl.len()))
        has_trace = came.select(pl.col("_rejected").count() + pl.col("_set_aside").list.len().sum()).item()
        rows, marks = came, _no_marks(came)
        if has_trace or not came.select(contract.all_hold).item():
            rows = set_aside(contract, came)
            marks = _marks(contract, rows)
        bad = marks.filter("is_of_row")
        valid = rows.join(bad, on="_row", how="anti", maintain_order="left") if bad.height else rows
        left_out = _left_out(contract, valid)
        # wide rows are only moved when there is something to leave out
        kept = valid.join(left_out, on="_row", how="anti", maintain_order="left") if left_out.height else valid
        alone = marks.filter(~pl.col("is_of_row")).join(kept.select("_row"), on="_row", how="semi")
        lost = alone.group_by(place()).agg(pl.col("_row").n_unique())
        return cls(
            contract,
            kept.select(list(contract.schema)),
            _entries(contract, came, _of_rows(bad)),
            _entries(contract, came, _of_values(alone)),
            frame.height,
            left_out.drop("_row"),
            dict(lost.iter_rows()),
            pl.concat([bad, alone]).drop("_row"),
        )

    @property
    def superseded(self) -> int:
        """Rows left out because one of their grain ranks higher by the contract's precedence."""
        return int(self.left_out.get_column("is_superseded").sum())

    @property
    def duplicates(self) -> int:
        """Rows left out because one of their grain, of the same rank, came before."""
        return self.left_out.height - self.superseded

    @property
    def became(self) -> dict[str, int]:
        """How many rows became what: kept, quarantined, duplicates and, in a table with a precedence, superseded."""
        became = {"kept": self.kept.height, "quarantined": self.quarantined.height, "duplicates": self.duplicates}
        return became | ({"superseded": self.superseded} if self.contract.precedence else {})

    @property
    def tally(self) -> Tally:
        """The count of it all."""
        return Tally(self.received, self.became, self.values.height, self.lost, self.rules)

    @property
    def accounted(self) -> bool:
        """received = kept + quarantined + duplicates + superseded."""
        return self.tally.accounted

    @property
    def entries(self) -> pl.DataFrame:
        """What goes to the quarantine: rows, and values."""
        return pl.concat([self.quarantined, self.values])

    @property
    def rules(self) -> dict[str, int]:
        """How many rows and values each broken rule set aside, the most frequent first."""
        counted = self.rejections.group_by(rule=broken_rule()).len()
        return dict(counted.sort("len", "rule", descending=[True, False]).iter_rows())


def _left_out(contract: Contract, valid: pl.DataFrame) -> pl.DataFrame:
    """Rows that another one of their grain stands for: _row, the grain, and whether they are superseded."""
    grain = list(contract.grain)
    rank = pl.lit(0)
    if contract.precedence:
        column, best_first = contract.precedence
        places = {value: place for place, value in enumerate(best_first)}
        rank = pl.col(column).replace_strict(places, default=len(places), return_dtype=pl.Int64)
    rows = valid if contract.duplicates is Duplicates.FIRST else valid.clear()
    shared = rows.select("_row", *grain, rank.alias("_rank")).filter(pl.struct(grain).is_duplicated())
    ranked = shared.with_columns(is_superseded=pl.col("_rank") > pl.col("_rank").min().over(grain))
    counts = ranked.filter(~pl.col("is_superseded")).filter(pl.struct(grain).is_first_distinct())
    return ranked.join(counts, on="_row", how="anti", maintain_order="left").select("_row", *grain, "is_superseded")


# -- what is set aside: rows (without a column_name), and values -------------------------------------------------------


def _no_marks(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.clear().select("_row", *_fields("_rejected"), raw_pointer="_pointer", is_of_row=pl.lit(value=True))


def _fields(rejection: str) -> list[pl.Expr]:
    return [pl.col(rejection).struct.field(name) for name in FIELDS]


def _marks(contract: Contract, rows: pl.DataFrame) -> pl.DataFrame:
    """What is set aside of some rows, as `Audit.rejections` has it, with `_row`. With a row go the values it lost."""
    fits = pl.col("_rejected").is_null()
    keeps = pl.all_horizontal(
        pl.lit(True), *[contract.holds(name) for name in contract.schema if name in contract.required]
    )
    refused = rows.filter(~fits).select("_row", "_rejected")
    broken = failures(contract, rows.filter(fits & ~keeps), sorted(contract.required))
    noted = rows.filter(pl.col("_set_aside").list.len() > 0).select("_row", _rejected="_set_aside")
    values = noted.explode("_rejected", empty_as_null=False, keep_nulls=False)
    refused, broken, values = (found.select("_row", *_fields("_rejected")) for found in (refused, broken, values))
    # a required value that a reader could not read is missing for that reason
    missing = broken.join(values, on=["_row", "column"], how="semi").filter(pl.col("value") == "null")
    fatal = values.filter(pl.col("column").is_in(list(contract.required)))
    of_rows = pl.concat([refused, fatal, broken.join(missing, on=["_row", "column"], how="anti")])
    others = values.join(fatal, on=["_row", "column"], how="anti")
    of_rows = pl.concat([of_rows, others.join(of_rows, on="_row", how="semi")])
    alone = others.join(of_rows, on="_row", how="anti")
    marks = pl.concat(
        [of_rows.with_columns(is_of_row=pl.lit(value=True)), alone.with_columns(is_of_row=pl.lit(value=False))]
    )
    pointed = marks.join(rows.select("_row", raw_pointer="_pointer"), on="_row", how="left", maintain_order="left")
    return pointed.select(_no_marks(rows).columns)


def _of_rows(marks: pl.DataFrame) -> pl.DataFrame:
    """_row, column_name, value, rule, reason of the rows set aside: all that is wrong with one is told together."""
    told = marks.group_by("_row", maintain_order=True).agg(
        rule=broken_rule().str.join("; "), reason=reason().str.join("; ")
    )
    nothing = pl.lit(None, dtype=pl.String)
    return told.select("_row", "rule", "reason", column_name=nothing, value=nothing)


def _of_values(marks: pl.DataFrame) -> pl.DataFrame:
    """The same of the values set aside alone."""
    return marks.select("_row", "value", rule=broken_rule(), reason=reason(), column_name=place())


def _with_notes(rows: pl.DataFrame, broken: pl.DataFrame) -> pl.DataFrame:
    """Rows with what is broken of them (`_row`, `_rejected`) added to their `_set_aside`."""
    found = broken.group_by("_row", maintain_order=True).agg(_found="_rejected")
    if "_set_aside" not in rows.columns:
        rows = rows.with_columns(_set_aside=pl.lit(None, dtype=TRACE["_set_aside"]))
    nothing = pl.lit([], dtype=TRACE["_set_aside"])
    before = found.join(rows.select("_row", "_set_aside"), on="_row", how="left", maintain_order="left")
    notes = before.select("_row", _notes=pl.concat_list(pl.col("_set_aside").fill_null(nothing), "_found"))
    beside = rows.join(notes, on="_row", how="left", maintain_order="left")
    return beside.with_columns(_set_aside=pl.coalesce("_notes", "_set_aside")).drop("_notes")


def _entries(contract: Contract, came: pl.DataFrame, marks: pl.DataFrame) -> pl.DataFrame:
    """What is set aside in the layout of the quarantine; its day is the frame's own. Values come after all rows."""
    if not marks.height:
        return pl.DataFrame(schema=ENTRY)
    days = [c for c in (contract.partition, *contract.order, "date_id") if c and c in contract.schema]
    day = pl.coalesce(pl.col(c).cast(pl.Date) for c in days) if days else pl.lit(None, dtype=pl.Date)
    as_json = pl.struct(showable(dtype, pl.col(name)).alias(name) for name, dtype in contract.schema.items())
    places = came.select(
        "_row",
        _day=day,
        _position=pl.int_range(pl.len()).over(day),  # the same in a run of one day and of many
        _rows=pl.len().over(day).cast(pl.Int64),
    )
    told = ("column_name", "value", "rule", "reason")
    marked = places.join(
        marks.rename({name: f"_{name}" for name in told}), on="_row", how="inner", maintain_order="left"
    )
    is_row = pl.col("_column_name").is_null()
    number = pl.when(is_row).then("_position").otherwise(pl.col("_rows") + pl.int_range(pl.len()).over("_day"))
    return marked.join(came, on="_row", how="left", maintain_order="left").select(
        date_id="_day",
        origin=pl.lit(contract.path),
        row_number=number,
        payload=pl.coalesce("_payload", as_json.struct.json_encode()),
        raw_pointer="_pointer",
        **{name: f"_{name}" for name in told},
    ).select(list(ENTRY))  # fmt: skip


def is_value(column: str = "column_name") -> pl.Expr:
    """Whether an entry of a quarantine is a value that was set aside alone, and no row."""
    return pl.col(column).is_not_null()


# -- rules that do not hold --------------------------------------------------------------------------------------------


def set_aside(contract: Contract, frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The frame without values that break the rules of columns that may be null: they are null, and in `_set_aside`.

    The audit does it; a step that computes with such columns (`names`; none: all) does it first.
    """
    ruled = [n for n in names or contract.columns if contract.columns[n].rules and n not in contract.required]
    is_refused = pl.col("_rejected").is_not_null() if "_rejected" in frame.columns else pl.lit(False)
    holds = {name: contract.holds(name) | is_refused for name in ruled}
    if frame.select(pl.all_horizontal(pl.lit(True), *[held.all() for held in holds.values()])).item():
        return frame
    rows = frame.with_columns(_row=pl.int_range(pl.len()))
    broken = failures(contract, rows.filter(~pl.all_horizontal(*holds.values())), ruled)
    sound = rows.with_columns(pl.when(held).then(name).alias(name) for name, held in holds.items())
    return _with_notes(sound, broken).drop(() if "_row" in frame.columns else "_row")


def failures(contract: Contract, rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """One row per value of some columns that breaks rules: _row, and `_rejected`."""
    if not rows.height:
        return pl.DataFrame(schema={"_row": pl.Int64, "_rejected": REJECTION})
    # Pandera takes seconds to import, and most runs have no row for it
    from tmdb_assets.lakehouse.contracts import validation

    return validation.failures(contract, rows, columns)


def _refuse_other_shape(contract: Contract, frame: pl.DataFrame) -> None:
    for name, dtype in contract.schema.items():
        if name not in frame.columns:
            raise ContractError(contract.path, name, "is missing from the frame")
        if frame.schema[name] != dtype:
            raise ContractError(contract.path, name, f"must be {dtype}, the frame has {frame.schema[name]}")
    for name in frame.columns:
        if name not in contract.schema and name not in TRACE:
            raise ContractError(contract.path, name, "is not in the contract")
