"""Answers that an engine leaves in files: audited before anybody sees them, put in place of what was, and what of them
comes to nothing is removed."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import ByDay, Contract, ContractError, col
from tmdb_assets.lakehouse.engines import Answer, Readable, Wanted, Written, duckdb
from tmdb_assets.lakehouse.engines.views import View, read_view
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow import handed
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import Published, publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore, LakeError
from tmdb_assets.lakehouse.store.retention import drop_past, upkeep

DAYS = [dt.date(2026, 3, n) for n in (1, 2, 3)]
FACTS = Contract(
    "toy",
    "star",
    "fact_heat",
    "Heat.",
    ("date_id", "place"),
    {"date_id": col(pl.Date, "Day."), "place": col(pl.Int64, "Place."), "heat": col(pl.Float64, "Heat.")},
    kept=ByDay("date_id"),
)
COLUMNS = "-- date_id  Date           Day.\n-- place    Int64          Place.\n-- heat     Float64{>=0}?  Heat.\n"
DAILY = f"-- Heat.\n--\n-- Grain: date_id, place\n-- Kind: daily\n--\n{COLUMNS}"
WHOLE = f"-- Heat.\n--\n-- Grain: date_id, place\n-- Kind: whole\n--\n{COLUMNS}"
SELECT = "SELECT date_id, place, heat / 2 AS heat FROM fact_heat\n"


@dataclass
class Leaving:
    """Answers as DuckDB does, and leaves them in files as a cluster does: some, with its marks beside them.

    `spoil` is done to the rows on the way; `fails`: it is cut once they are written.
    """

    spoil: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows
    fails: bool = False
    wanted: list[Wanted] = field(default_factory=list)

    def answer(self, view: View, tables: Mapping[str, Readable], wanted: Wanted) -> Answer:
        self.wanted.append(wanted)
        if wanted.folder is None:
            return duckdb.answer(view, tables, wanted)
        rows = self.spoil(duckdb.answer(view, tables, wanted))
        folder, day = Path(wanted.folder.removeprefix("file://")), view.contract.folders
        parts = rows.partition_by(day, as_dict=True, include_key=False) if day else {("",): rows}
        folder.mkdir(parents=True)
        for (of,), part in parts.items():
            place = folder / f"{day}={of}" if day else folder
            place.mkdir(exist_ok=True)
            for number in range(2):
                part.gather_every(2, number).write_parquet(place / f"part-{number}.parquet")
            part.clear().write_parquet(place / "part-empty.parquet")
        (folder / "_SUCCESS").touch()
        (folder / "_temporary" / "0").mkdir(parents=True)
        (folder / "_temporary" / "0" / "part-0.parquet").write_bytes(b"cut")
        (folder / ".part-0.parquet.crc").write_bytes(b"sum")
        if self.fails:
            raise KeyboardInterrupt
        return Written(wanted.folder)


def table(folder: Path, head: str, select: str = SELECT) -> DerivedTable:
    file = folder / "vw_heat.sql"
    file.write_text(head + select, encoding="utf-8")
    view = read_view(file, "toy", [FACTS])
    return DerivedTable(view.contract, view)


def facts(lake: DeltaStore, *days: dt.date, more: float = 0) -> None:
    for day in days:
        rows = [(day, place, place + more + day.day / 10) for place in range(5)]
        lake.replace(FACTS, pl.DataFrame(rows, schema=FACTS.schema, orient="row"), [day], {})


def run(lake: DeltaStore, built: DerivedTable, engine: Any, *days: dt.date) -> Published:
    return publish(built, Run(lake, days, {"run_id": "r"}, engine=engine))


def rows(lake: DeltaStore, contract: Contract) -> pl.DataFrame:
    return lake.scan(contract).sort(contract.grain).collect()


def files(lake: DeltaStore, contract: Contract) -> set[Path]:
    """All files of a table but those of its log."""
    there = Path(lake.uri(contract)).rglob("*")
    return {file for file in there if file.is_file() and "_delta_log" not in file.parts}


def aged(paths: set[Path], days: float = 8) -> None:
    then = time.time() - days * 86_400
    for path in paths:
        os.utime(path, (then, then))


@pytest.fixture(params=[DAILY, WHOLE], ids=["daily", "whole"])
def heat(request: pytest.FixtureRequest, tmp_path: Path) -> DerivedTable:
    return table(tmp_path, request.param)


def test_what_lies_in_files_is_the_table_that_a_frame_gives(
    heat: DerivedTable, lake: DeltaStore, fresh_lake: Callable[[], DeltaStore]
) -> None:
    other, engine = fresh_lake(), Leaving()
    for store, by in ((lake, engine), (other, duckdb)):
        facts(store, *DAYS[:2])
        run(store, heat, by, *DAYS[:2])
        facts(store, DAYS[2])
        facts(store, DAYS[1], more=7)
        done = run(store, heat, by, *DAYS[1:])
        assert {outcome.check: outcome.passed for outcome in done.outcomes} == {"contract": True, "grain": True}
        assert done.tallies[0].received == (10 if heat.contract.folders else 15)
    assert rows(lake, heat.contract).equals(rows(other, heat.contract))
    assert lake.rows(heat.contract) == other.rows(heat.contract) == 15
    assert lake.partition_rows(heat.contract) == other.partition_rows(heat.contract)
    assert heat.is_up_to_date(lake), "what it was made of is recorded with it"
    assert [wanted.parts for wanted in engine.wanted] == (
        [DAYS[:2], DAYS[1:]] if heat.contract.folders else [None, None]
    )
    assert [wanted.rows for wanted in engine.wanted] == [10, 10], "as many as facts, then as there were"


def test_files_of_both_kinds_are_one_table_to_every_reader(tmp_path: Path, lake: DeltaStore) -> None:
    """Days that DuckDB's answer brought lie in folders of the table, those of a cluster's one folder further down."""
    heat = table(tmp_path, DAILY)
    facts(lake, *DAYS[:2])
    run(lake, heat, duckdb, *DAYS[:2])
    facts(lake, DAYS[1], more=1)
    facts(lake, DAYS[2])
    run(lake, heat, Leaving(), *DAYS[1:])
    assert {path.startswith("answer-") for path in lake.files(heat.contract)["path"]} == {True, False}
    file = tmp_path / "vw_again.sql"
    file.write_text(WHOLE + "SELECT date_id, place, heat FROM vw_heat\n", encoding="utf-8")
    again = read_view(file, "toy", [heat.contract])
    by_duckdb = duckdb.answer(again, {"vw_heat": lake.snapshot(heat.contract)}).sort(heat.contract.grain)
    assert by_duckdb.equals(rows(lake, heat.contract)) and by_duckdb.height == 15
    some = duckdb.answer(again, {"vw_heat": lake.snapshot(heat.contract, DAYS[:2])}).sort(heat.contract.grain)
    assert some.equals(lake.scan(heat.contract, DAYS[:2]).sort(heat.contract.grain).collect())
    upkeep(lake, heat.contract)
    assert rows(lake, heat.contract).equals(by_duckdb), "joined with each other, they are what they were"
    opened = lake.open(heat.contract)
    assert opened is not None and opened.to_pyarrow_table().num_rows == 15


def test_the_log_says_what_lies_in_each_file(heat: DerivedTable, lake: DeltaStore) -> None:
    facts(lake, *DAYS)
    run(lake, heat, Leaving(), *DAYS)
    listed = lake.files(heat.contract)
    assert listed.height == (6 if heat.contract.folders else 2), "files without rows are none"
    assert listed.get_column("num_records").sum() == 15
    assert (listed.get_column("min.place").min(), listed.get_column("max.place").max()) == (0, 4)
    table = lake.open(heat.contract)
    assert table is not None and table.to_pyarrow_table().num_rows == 15, "other readers of Delta read it as well"


def test_the_same_rows_again_make_no_new_version_of_a_whole_table(tmp_path: Path, lake: DeltaStore) -> None:
    heat = table(tmp_path, WHOLE)
    facts(lake, *DAYS)
    run(lake, heat, Leaving())
    version = lake.version(heat.contract)
    handed_over = heat.answer(lake, None, Leaving(lambda rows: rows.reverse()))
    assert isinstance(handed_over, Written)
    assert not lake.take(heat.contract, lake.handed(heat.contract, handed_over.folder), None, {}).changed
    facts(lake, DAYS[0], more=1)
    run(lake, heat, Leaving())
    assert lake.version(heat.contract) == version + 1 if version is not None else False


def put(at: int, /, **values: Any) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Rows in which those of a place have other values."""
    return lambda rows: rows.with_columns(
        pl.when(pl.col("place") == at).then(pl.lit(value)).otherwise(name).alias(name) for name, value in values.items()
    )


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (put(3, heat=-1.0), BlockedError, "values of .* rows are set aside alone, most often: .*heat"),
        (put(3, place=2), BlockedError, r"rows share their grain, e\.g\. \(datetime"),
        (lambda rows: rows.with_columns(pl.col("heat").cast(pl.String)), ContractError, "column heat.*must be Float64"),
        (lambda rows: rows.drop("heat"), ContractError, "column heat.*is missing"),
        (lambda rows: rows.with_columns(odd=1), ContractError, "column odd.*is not in the contract"),
    ],
    ids=["a value", "the grain", "a type", "a column too few", "a column too many"],
)
def test_what_breaks_its_contract_is_never_visible(
    heat: DerivedTable, lake: DeltaStore, spoil: Any, error: type[Exception], sentence: str
) -> None:
    facts(lake, *DAYS)
    run(lake, heat, Leaving(), *DAYS)
    before, version = rows(lake, heat.contract), lake.version(heat.contract)
    facts(lake, *DAYS, more=1)
    with pytest.raises(error, match=sentence):
        run(lake, heat, Leaving(spoil), *DAYS)
    assert lake.version(heat.contract) == version
    assert rows(lake, heat.contract).equals(before)


def test_keys_are_held_against_each_other_some_at_a_time(
    heat: DerivedTable, lake: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed, "AT_ONCE", 2)
    facts(lake, *DAYS)
    run(lake, heat, Leaving(), *DAYS)
    facts(lake, DAYS[1], more=1)
    with pytest.raises(BlockedError, match="rows share their grain"):
        run(lake, heat, Leaving(put(3, place=2)), DAYS[1])


def test_rows_of_another_day_are_refused(tmp_path: Path, lake: DeltaStore) -> None:
    heat = table(tmp_path, DAILY)
    facts(lake, *DAYS)
    run(lake, heat, Leaving(), *DAYS)
    version = lake.version(heat.contract)
    facts(lake, DAYS[1], more=1)
    late = put(3, date_id=DAYS[2])
    with pytest.raises(LakeError, match=r"vw_heat: rows \(date_id 2026-03-03\) lie outside of the partitions"):
        run(lake, heat, Leaving(late), DAYS[1])
    assert lake.version(heat.contract) == version


def test_a_table_of_few_rows_a_day_is_handed_over(tmp_path: Path, lake: DeltaStore) -> None:
    """Its days share files, so that none of them can take the place of another."""
    heat, engine = table(tmp_path, DAILY.replace("daily", "daily, few rows")), Leaving()
    facts(lake, *DAYS)
    run(lake, heat, engine, *DAYS)
    assert engine.wanted[0].folder is None
    assert rows(lake, heat.contract).height == 15


def test_an_answer_without_rows_empties_what_was_kept(heat: DerivedTable, lake: DeltaStore) -> None:
    facts(lake, *DAYS)
    run(lake, heat, Leaving(), *DAYS)
    facts(lake, DAYS[0], more=1)
    run(lake, heat, Leaving(lambda rows: rows.clear()), DAYS[0])
    assert lake.rows(heat.contract) == (10 if heat.contract.folders else 0)


def test_upkeep_removes_what_came_to_nothing_and_nothing_else(heat: DerivedTable, lake: DeltaStore) -> None:
    facts(lake, *DAYS)
    run(lake, heat, Leaving(), *DAYS)
    standing = {Path(uri.removeprefix("file://")) for uri in lake.files(heat.contract)["uri"]}
    facts(lake, *DAYS, more=1)
    with pytest.raises(KeyboardInterrupt):
        run(lake, heat, Leaving(fails=True), *DAYS)
    kept, there = rows(lake, heat.contract), files(lake, heat.contract)
    assert len(there - standing) >= 10
    upkeep(lake, heat.contract)
    assert files(lake, heat.contract) >= there, "what is young may be somebody's who is at work"
    aged(there)
    upkeep(lake, heat.contract)
    left = files(lake, heat.contract)
    assert left & there <= standing, "of what is old only what a version of the last week needs"
    assert rows(lake, heat.contract).equals(kept)
    upkeep(lake, heat.contract, keep_hours=0)
    named = {Path(uri.removeprefix("file://")) for uri in lake.files(heat.contract)["uri"]}
    assert files(lake, heat.contract) == named
    aged(set(Path(lake.uri(heat.contract)).rglob("answer-*/**")))
    upkeep(lake, heat.contract)
    folders = [path for path in Path(lake.uri(heat.contract)).iterdir() if path.name.startswith("answer-")]
    assert [folder for folder in folders if not any(folder in path.parents for path in named)] == []


def test_a_dropped_past_leaves_nothing_of_them(heat: DerivedTable, lake: DeltaStore) -> None:
    facts(lake, *DAYS)
    with pytest.raises(KeyboardInterrupt):
        run(lake, heat, Leaving(fails=True), *DAYS)
    run(lake, heat, Leaving(), *DAYS)
    drop_past(lake, heat.contract)
    named = {Path(uri.removeprefix("file://")) for uri in lake.files(heat.contract)["uri"]}
    assert files(lake, heat.contract) == named
