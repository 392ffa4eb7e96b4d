"""A .sql file is a table: its head is read as a contract, its text is run, its faults are told with file and line."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import Contract, Owned, col
from tmdb_assets.lakehouse.engines import duckdb
from tmdb_assets.lakehouse.engines.parsing import Parsed, digest, parsed_in
from tmdb_assets.lakehouse.engines.views import SqlError, View, bases_of, read_view, read_views
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import Published, publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore

FILMS = Contract(
    "toy",
    "star",
    "films",
    "Films.",
    grain=("film_id",),
    kept=Owned(("film_id",)),
    columns={
        "film_id": col(pl.Int64, "Film."),
        "genre": col(pl.String, "Genre.", nullable=True),
        "earned": col(pl.Int64, "Dollars.", nullable=True),
    },
)

HEAD = """\
-- Films and dollars of each genre,
-- unknown genres left out.
--
-- Grain: genre
--
-- genre         String{drama|comedy}  Genre.
-- films         Int64{>=1}            Films.
-- total_earned  Int64?                Dollars of the films whose earnings
--                                     are known.
-- share         Float64{0..1}?        Of all dollars, a ratio.
"""
SELECT = """
SELECT
    genre,
    count(*) AS films,
    sum(earned) AS total_earned,
    sum(earned) / CAST((SELECT sum(earned) FROM films) AS DOUBLE) AS share
FROM films -- FROM nowhere
WHERE genre IS NOT NULL
GROUP BY genre
"""


def films(*rows: tuple[int, str | None, int | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=FILMS.schema, orient="row")


SOME = films((1, "drama", 10), (2, "drama", None), (3, "comedy", 30), (4, None, 60))


def written(folder: Path, text: str, name: str = "vw_genres") -> Path:
    file = folder / f"{name}.sql"
    file.write_text(text, encoding="utf-8")
    return file


def view(folder: Path, text: str = HEAD + SELECT) -> View:
    return read_view(written(folder, text), "toy", [FILMS])


def answered(text: View, rows: pl.DataFrame) -> pl.DataFrame:
    return duckdb.answer(text, {name: rows.lazy() for name in text.reads})


def published(store: DeltaStore, answer: View) -> Published:
    table = DerivedTable(answer.contract, answer)
    return publish(table, Run(store, []))


def test_the_head_is_the_contract(tmp_path: Path) -> None:
    contract = view(tmp_path).contract
    assert contract.path == "toy/views/vw_genres"
    assert contract.description == "Films and dollars of each genre, unknown genres left out."
    assert contract.grain == ("genre",)
    assert contract.is_whole
    assert contract.schema == {"genre": pl.String, "films": pl.Int64, "total_earned": pl.Int64, "share": pl.Float64}
    assert [c for c, column in contract.columns.items() if column.nullable] == ["total_earned", "share"]
    assert contract.columns["total_earned"].description == "Dollars of the films whose earnings are known."


def test_it_is_wired_by_the_tables_it_names_and_not_by_its_comments(tmp_path: Path) -> None:
    assert view(tmp_path).reads == ("films",)


def test_the_answer_is_typed_as_the_head_says(tmp_path: Path) -> None:
    answer = answered(view(tmp_path), SOME)
    assert answer.schema == view(tmp_path).contract.schema
    assert answer.sort("genre").rows() == [("comedy", 1, 30, 0.3), ("drama", 2, 10, 0.1)]


def test_rows_in_another_order_give_the_same_fractions_and_exact_ones_stay_as_they_are(tmp_path: Path) -> None:
    head = (
        "-- Means.\n--\n-- Grain: genre\n--\n-- genre  String   Genre.\n-- mean  Float64  Mean.\n-- most  "
        "Float64  Most.\n"
    )
    means = view(
        tmp_path,
        f"{head}SELECT genre, avg(earned / 1000) AS mean, max(earned / 1000) AS most FROM films GROUP BY genre\n",
    )
    rows = films(*((n, f"genre {n % 40}", (n * 7919) % 99_991) for n in range(4_000)))
    answers = [answered(means, rows.sample(fraction=1, shuffle=True, seed=seed)).sort("genre") for seed in range(20)]
    assert all(answer.equals(answers[0]) for answer in answers)
    most = rows.group_by("genre").agg(pl.col("earned").max()).sort("genre").get_column("earned")
    assert answers[0].get_column("most").to_list() == [cents / 1000 for cents in most]


def test_another_text_is_another_code_version(tmp_path: Path) -> None:
    first = view(tmp_path).contract.code_version
    assert view(tmp_path, HEAD + SELECT.replace("count(*)", "count(film_id)")).contract.code_version != first
    assert view(tmp_path).contract.code_version == first


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-- films Integer Films.", "the type Integer is none of Int64, Float64"),
        ("-- films Int64{many} Films.", r"the rule \{many\} is none of"),
        ("-- films: how many", "is not of the form `name  Type  meaning`"),
    ],
)
def test_a_head_that_cannot_be_read_names_file_and_line(tmp_path: Path, line: str, problem: str) -> None:
    text = HEAD.replace("-- films         Int64{>=1}            Films.", line) + SELECT
    with pytest.raises(SqlError, match=rf"vw_genres\.sql, line 7: .*{problem}"):
        view(tmp_path, text)


def test_a_file_without_a_head_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SqlError, match=r"vw_genres\.sql, line 1: the head comment must say"):
        view(tmp_path, SELECT)


@pytest.mark.parametrize(
    ("right", "wrong", "line", "problem"),
    [
        ("GROUP BY genre", "GROUP genre", 19, "syntax error"),
        ("sum(earned) AS", "sum(eraned) AS", 15, "eraned"),
        ("FROM films --", "FROM fims --", 17, "fims"),
    ],
)
def test_a_typo_is_told_with_its_line_and_keeps_nothing_from_loading(
    tmp_path: Path, right: str, wrong: str, line: int, problem: str
) -> None:
    broken = view(tmp_path, HEAD + SELECT.replace(right, wrong))
    with pytest.raises(SqlError, match=rf"vw_genres\.sql, line {line}: .*{problem}") as caught:
        answered(broken, SOME)
    assert caught.value.line == line


def test_views_come_after_those_they_read(tmp_path: Path) -> None:
    written(tmp_path, HEAD + SELECT.replace("FROM films --", "FROM vw_b --"), "vw_a")
    written(tmp_path, HEAD + SELECT, "vw_b")
    assert [v.contract.name for v in read_views(tmp_path, "toy", [FILMS])] == ["vw_b", "vw_a"]


def test_views_that_read_each_other_are_refused(tmp_path: Path) -> None:
    written(tmp_path, HEAD + SELECT.replace("FROM films --", "FROM vw_b --"), "vw_a")
    written(tmp_path, HEAD + SELECT.replace("FROM films --", "JOIN vw_a --"), "vw_b")
    with pytest.raises(SqlError, match="in a circle: vw_a, vw_b"):
        read_views(tmp_path, "toy", [FILMS])


# -- columns that several views have -----------------------------------------------------------------------------------

GROUP = """\
-- What films earned.
--
-- Columns of: film
--
-- total_earned  Int64?           Dollars of the films
--                                whose earnings are known.
-- share         Float64{0..1}?   Of all dollars, a ratio.

SELECT
    sum(film.earned) AS total_earned, -- null without any
    sum(film.earned) / 100.0 AS share
FROM films AS film
"""
GROUPED = """\
-- Films and dollars of each genre.
--
-- Grain: genre
--
-- genre  String{drama|comedy}  Genre.
-- films  Int64{>=1}            Films.
-- {earnings}
-- most   Int64?                Most that one earned.

SELECT
    film.genre,
    count(*) AS films,
    {earnings},
    max(film.earned) AS most
FROM films AS film
WHERE film.genre IS NOT NULL
GROUP BY film.genre
"""


def grouped(folder: Path, group: str = GROUP, text: str = GROUPED) -> View:
    (folder / "columns").mkdir(exist_ok=True)
    (folder / "columns" / "earnings.sql").write_text(group, encoding="utf-8")
    return view(folder, text)


def test_a_group_of_columns_stands_in_head_and_select_where_it_is_named(tmp_path: Path) -> None:
    made = grouped(tmp_path)
    assert list(made.contract.columns) == ["genre", "films", "total_earned", "share", "most"]
    assert made.contract.columns["total_earned"].description == "Dollars of the films whose earnings are known."
    assert [c for c, column in made.contract.columns.items() if column.nullable] == ["total_earned", "share", "most"]
    assert answered(made, SOME).sort("genre").rows() == [("comedy", 1, 30, 0.3, 30), ("drama", 2, 10, 0.1, 10)]
    assert made.lineage()["total_earned"] == [(FILMS, "earned")]
    assert [v.contract.name for v in read_views(tmp_path, "toy", [FILMS])] == ["vw_genres"], "a group is no view"


def test_lines_are_those_of_the_file_though_columns_are_written_out(tmp_path: Path) -> None:
    broken = grouped(tmp_path, text=GROUPED.replace("max(film.earned)", "max(film.eraned)"))
    with pytest.raises(SqlError, match=r"vw_genres\.sql, line 14: .*eraned"):
        answered(broken, SOME)


def test_another_text_of_a_group_is_another_code_version_of_its_views(tmp_path: Path) -> None:
    first = grouped(tmp_path).contract.code_version
    assert grouped(tmp_path, GROUP.replace("/ 100.0", "/ 1000.0")).contract.code_version != first
    assert grouped(tmp_path).contract.code_version == first


@pytest.mark.parametrize(
    ("group", "text", "problem"),
    [
        (
            GROUP,
            GROUPED.replace("-- {earnings}", "-- {earnigns}"),
            r"vw_genres\.sql, line 7: there is no file columns/earnigns",
        ),
        (GROUP, GROUPED.replace("    {earnings},", "    {earnigns},"), r"vw_genres\.sql, line 13: there is no file"),
        (
            GROUP.replace("-- Columns of: film\n", ""),
            GROUPED,
            r"columns/earnings\.sql, line 1: it must say `Columns of:`",
        ),
        (GROUP.replace("FROM films AS film", ""), GROUPED, r"columns/earnings\.sql, line 1: it must say"),
        (GROUP.replace("Int64?  ", "Whole?  "), GROUPED, r"columns/earnings\.sql, line 5: the type Whole is none of"),
    ],
)
def test_a_group_that_cannot_be_read_names_file_and_line(tmp_path: Path, group: str, text: str, problem: str) -> None:
    with pytest.raises(SqlError, match=problem):
        grouped(tmp_path, group, text)


# -- views that are kept nowhere ---------------------------------------------------------------------------------------

KNOWN = """\
-- Films whose genre is known.
--
-- Grain: film_id
-- Kept: no
--
-- film_id  Int64   Film.
-- genre    String  Genre.
-- earned   Int64?  Dollars.

SELECT film_id, genre, earned FROM films WHERE genre IS NOT NULL
"""
RICH = KNOWN.replace("FROM films WHERE genre IS NOT NULL", "FROM known WHERE earned >= 20").replace(
    "genre is known", "genre is known, that earned"
)


def stacked(folder: Path, known: str = KNOWN) -> tuple[View, ...]:
    written(folder, known, "known")
    written(folder, RICH, "rich")
    written(folder, HEAD + SELECT.replace("FROM films --", "FROM rich --"), "vw_rich")
    written(folder, HEAD + SELECT.replace("FROM films --", "FROM known --"), "vw_genres")
    return read_views(folder, "toy", [FILMS])


def test_a_view_that_is_kept_nowhere_is_a_step_of_those_that_read_it(tmp_path: Path) -> None:
    genres, rich = stacked(tmp_path)
    assert [genres.contract.name, rich.contract.name] == ["vw_genres", "vw_rich"]
    assert [base.contract.name for base in bases_of([rich, genres])] == ["known", "rich"]
    assert genres.reads == rich.reads == ("films",), "they are wired to the tables behind it"
    assert answered(genres, SOME).sort("genre").select("genre", "films").rows() == [("comedy", 1), ("drama", 2)]
    assert answered(rich, SOME).select("genre", "films").rows() == [("comedy", 1)]
    assert rich.lineage()["total_earned"] == [(FILMS, "earned")]


def test_another_text_of_a_base_is_another_code_version_of_its_readers(tmp_path: Path) -> None:
    before = [v.contract.code_version for v in stacked(tmp_path)]
    after = [v.contract.code_version for v in stacked(tmp_path, KNOWN.replace("IS NOT NULL", "<> 'war'"))]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_a_fault_of_a_base_is_told_with_its_own_file_and_line(tmp_path: Path) -> None:
    *_, rich = stacked(tmp_path, KNOWN.replace("genre, earned FROM", "gnere AS genre, earned FROM"))
    with pytest.raises(SqlError, match=r"known\.sql, line 10: .*gnere"):
        answered(rich, SOME)


def test_a_view_that_is_kept_nowhere_and_read_by_none_is_refused(tmp_path: Path) -> None:
    written(tmp_path, KNOWN, "known")
    with pytest.raises(SqlError, match=r"known\.sql: it is kept nowhere and no view reads it"):
        read_views(tmp_path, "toy", [FILMS])


def test_a_view_is_published_whole_and_the_same_answer_again_costs_nothing(lake: DeltaStore, tmp_path: Path) -> None:
    lake.merge(FILMS, SOME, {})
    answer = view(tmp_path)
    assert published(lake, answer).commits[0].rows_added == 2
    again = published(lake, answer)
    assert not again.commits, "nothing that it reads has changed"
    assert {outcome.check for outcome in again.outcomes} == {"contract", "grain"}
    assert all(outcome.passed for outcome in again.outcomes)
    lake.merge(FILMS, films((3, "drama", 30)), {})
    assert published(lake, answer).commits[0].changed
    assert lake.scan(answer.contract).collect().rows() == [("drama", 3, 40, 0.4)]


def test_an_answer_that_breaks_its_contract_is_not_published(lake: DeltaStore, tmp_path: Path) -> None:
    lake.merge(FILMS, SOME, {})
    answer = view(tmp_path)
    published(lake, answer)
    lake.merge(FILMS, films((5, "western", 1)), {})
    with pytest.raises(
        BlockedError, match="toy/views/vw_genres: 1 of 3 rows break it, most often: genre must be one of"
    ):
        published(lake, answer)
    assert lake.rows(answer.contract) == 2


def test_a_typo_leaves_what_was_published(lake: DeltaStore, tmp_path: Path) -> None:
    lake.merge(FILMS, SOME, {})
    published(lake, view(tmp_path))
    with pytest.raises(SqlError, match="line 19"):
        published(lake, view(tmp_path, HEAD + SELECT.replace("GROUP BY genre", "GROUP genre")))
    assert lake.rows(view(tmp_path).contract) == 2


def test_a_view_over_a_table_never_written_answers_with_no_rows(lake: DeltaStore, tmp_path: Path) -> None:
    published(lake, view(tmp_path))
    assert lake.rows(view(tmp_path).contract) == 0


# -- what a text reads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT * FROM films JOIN genres USING (film_id)", ["films", "genres"]),
        ("WITH films AS (SELECT 1 AS n) SELECT * FROM films", []),
        ("WITH recent AS (FROM films) SELECT * FROM recent, genres", ["films", "genres"]),
        ("SELECT (SELECT max(day) FROM days) AS newest FROM films", ["days", "films"]),
        ("SELECT 'FROM ghosts' AS words, extract(year FROM born) AS year FROM films -- FROM nowhere", ["films"]),
        (
            "SELECT * FROM films WHERE film_id IN (SELECT film_id FROM gone) UNION ALL FROM others",
            ["films", "gone", "others"],
        ),
    ],
)
def test_the_tables_of_a_text_are_those_it_reads_and_no_others(sql: str, tables: list[str]) -> None:
    assert Parsed().tables_in(sql) == tables


def test_a_text_that_cannot_be_parsed_may_read_whatever_it_names() -> None:
    assert {"films", "genres"} <= set(Parsed().tables_in("SELECT FROM WHERE films ) JOIN genres 'open"))


def test_what_lies_beside_the_views_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Parsed({digest("SELECT 1"): ["told"]}, {}).write(tmp_path)
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    assert parsed_in(tmp_path).tables_in("SELECT 1") == ["told"]
    with pytest.raises(ImportError):
        parsed_in(tmp_path).tables_in("SELECT 2")
