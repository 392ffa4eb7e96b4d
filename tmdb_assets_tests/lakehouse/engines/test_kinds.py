"""Kinds of views: what a head may say, and that a view which says nothing may not read facts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import Period
from tmdb_assets.lakehouse.contracts import ByDay, ByPeriod, Contract, FewADay, Owned, Whole, col
from tmdb_assets.lakehouse.engines.kinds import All, Current, Daily, Dated, Kind, LastKnown, Periodic, Plain, Windowed
from tmdb_assets.lakehouse.engines.views import SqlError, View, read_views
from tmdb_assets.sources.moovitamix import contracts as moovitamix
from tmdb_assets.sources.streamflow import contracts as streamflow
from tmdb_assets.sources.tmdb import contracts as tmdb

DAY, THING, SEEN = {"date_id": col(pl.Date, "Day.")}, {"thing_id": col(pl.Int64, "Thing.")}, col(pl.Int64, "Seen.")


def toy(name: str, kept: ByDay | FewADay | Owned | Whole, stage: str = "star") -> Contract:
    """A table of things, and of days."""
    return Contract("toy", stage, name, "Toy.", ("date_id", "thing_id"), DAY | THING | {"seen": SEEN}, kept)


FACTS = toy("fact_things", ByDay("date_id"))
LAST = toy("fact_things_last", Owned(("thing_id",)))
LISTENS = toy("fact_listens", Whole())
NOTES = toy("notes", FewADay("date_id"))
THINGS = toy("dim_thing", Owned(("thing_id",), ("date_id",)))
TABLES = (FACTS, LAST, LISTENS, NOTES, THINGS)


def view(folder: Path, table: str, *kind: str, tables: tuple[Contract, ...] = TABLES) -> View:
    """A view over a table, with the lines of its head that say a kind."""
    lines = "".join(f"-- {line}\n" for line in kind)
    columns = "-- date_id   Date   Day.\n-- thing_id  Int64  Thing.\n"
    (folder / "vw_things.sql").write_text(
        f"-- Things.\n--\n-- Grain: date_id, thing_id\n{lines}--\n{columns}\nSELECT date_id, thing_id FROM {table}\n"
    )
    (found,) = read_views(folder, "toy", tables)
    return found


@pytest.mark.parametrize(
    ("lines", "kind", "kept"),
    [
        (["Kind: daily"], Daily(), ByDay("date_id")),
        (["Kind: daily, few rows"], Daily(has_few_rows=True), FewADay("date_id")),
        (
            ["Kind: daily", "After: the last row of thing_id with seen"],
            Daily(after=LastKnown("thing_id", "seen")),
            ByDay("date_id"),
        ),
        (
            ["Dated: dim_thing.date_id by thing_id", "Kind: daily"],
            Daily(dated=(Dated("dim_thing", "date_id", "thing_id"),)),
            ByDay("date_id"),
        ),
        (["Kind: periodic, by the week"], Periodic(Period.WEEK), ByPeriod("date_id", Period.WEEK)),
        (["Kind: periodic, by the month"], Periodic(Period.MONTH), ByPeriod("date_id", Period.MONTH)),
        (["Kind: windowed, 0 to 3 days back"], Windowed((0, 1, 2, 3)), Whole()),
        (["Kind: windowed, 0, 7 and 30 days back"], Windowed((0, 7, 30)), Whole()),
        (["Kind: windowed, 1 day back"], Windowed((1,)), Whole()),
        (["Kind: whole"], All(), Whole()),
        (["Kind: current"], Current(), Whole()),
    ],
    ids=lambda value: " / ".join(value) if isinstance(value, list) else "",
)
def test_a_head_says_what_a_view_needs_of_facts_and_how_it_is_kept(
    tmp_path: Path, lines: list[str], kind: Kind, kept: object
) -> None:
    found = view(tmp_path, "fact_things", *lines)
    assert (found.kind, found.contract.kept) == (kind, kept)


def test_a_current_view_is_handed_the_last_rows_and_one_that_looks_back_has_them_at_hand(tmp_path: Path) -> None:
    assert view(tmp_path, "fact_things", "Kind: current").tables == {"fact_things": LAST}
    looking_back = view(tmp_path, "fact_things", "Kind: daily", "After: the last row of thing_id with seen")
    assert looking_back.tables == {"fact_things": FACTS, "fact_things_last": LAST}


@pytest.mark.parametrize(
    ("table", "lines", "problem"),
    [
        ("fact_things", [], "it reads the facts of fact_things and has no line `Kind:`"),
        ("fact_things_last", [], "it reads the facts of fact_things_last and has no line `Kind:`"),
        ("fact_listens", [], "it reads the facts of fact_listens and has no line `Kind:`"),
        ("fact_listens", ["Kind: daily"], "fact_listens, which are not kept by the day: only `Kind: whole` can"),
        ("fact_listens", ["Kind: windowed, 1 day back"], "fact_listens, which are not kept by the day"),
        ("dim_thing", ["Kind: daily"], "it reads dim_thing, whose rows may change without a day being built again"),
        ("dim_thing", ["Kind: periodic, by the week"], "those with a line `Dated: dim_thing.<day> by <key>`"),
        ("fact_things", ["Kind: weekly"], "line 4: the kind `weekly` is none of: whole; daily; daily, few rows; "),
        ("fact_things", ["Kind: windowed, 9 to 3 days back"], "the kind `windowed, 9 to 3 days back` is none of"),
        ("fact_things", ["Kind: daily", "After: yesterday"], "line 5: `After: yesterday` is not of the form `After: "),
        ("fact_things", ["Dated: dim_thing"], "line 4: `Dated: dim_thing` is not of the form `Dated: <table>.<column>"),
        (
            "fact_things",
            ["Kind: whole", "After: the last row of thing_id with seen"],
            "`After:` goes with `Kind: daily`",
        ),
        ("notes", ["Dated: dim_thing.date_id by thing_id"], "`Dated:` goes with `Kind: daily` and `Kind: periodic`"),
    ],
)
def test_what_a_kind_may_not_read_is_one_sentence(tmp_path: Path, table: str, lines: list[str], problem: str) -> None:
    with pytest.raises(SqlError) as error:
        view(tmp_path, table, *lines)
    assert problem in str(error.value)
    assert "vw_things.sql" in str(error.value)


def test_a_current_view_needs_a_table_of_last_rows(tmp_path: Path) -> None:
    with pytest.raises(SqlError, match="no table fact_things_last keeps the last rows of fact_things"):
        view(tmp_path, "fact_things", "Kind: current", tables=(FACTS,))


def test_a_view_over_few_rows_needs_no_kind(tmp_path: Path) -> None:
    assert view(tmp_path, "notes").kind == Plain()
    assert view(tmp_path, "dim_thing").contract.kept == Whole()


def test_no_view_of_a_source_reads_all_facts_that_are_kept_by_the_day() -> None:
    views = [found for module in (tmdb, moovitamix, streamflow) for found in module.VIEWS]
    whole = {v.contract.name: set(v.tables) for v in views if isinstance(v.kind, All)}
    assert whole["vw_genre_trend"] >= {"vw_movie_weeks"}
    by_day = {c.name for v in views for c in v.tables.values() if isinstance(c.kept, ByDay)}
    assert by_day == {"fact_movie_daily", "user_months"}
    assert [name for name, read in whole.items() if read & by_day] == []
