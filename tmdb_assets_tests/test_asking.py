"""Every example of docs/asking.md and the questions of the README, run on a warehouse and a lake as the defaults name
them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tmdb_assets_tests.conftest import PROJECT
from tmdb_assets_tests.warehouse.published import altered

PAGE = (PROJECT / "docs" / "asking.md").read_text(encoding="utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def filled(film_warehouse: Path) -> Path:
    """A folder with the lake and warehouse of several days and months. Read only."""
    return film_warehouse.parent


@pytest.fixture(autouse=True)
def here(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that the examples are run in."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lake").symlink_to(filled / "lake")
    (tmp_path / "data" / "warehouse.duckdb").symlink_to(filled / "films.duckdb")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.parametrize("code", examples("python"), ids=range(len(examples("python"))))
def test_a_python_example_has_an_answer(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    exec(compile(code, "docs/asking.md", "exec"), names)  # the page is ours, and is what is tested
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("text", examples("sql"), ids=range(len(examples("sql"))))
def test_an_sql_example_has_an_answer(text: str) -> None:
    with closing(duckdb.connect("data/warehouse.duckdb", read_only=True)) as warehouse:
        for statement in warehouse.extract_statements(text):
            assert warehouse.execute(statement).fetchall(), statement.query


def test_the_newest_day_names_each_film_once() -> None:
    (code,) = (c for c in examples("python") if "scan_delta" in c and "fact_movie_daily" in c)
    names: dict[str, object] = {}
    exec(compile(code, "docs/asking.md", "exec"), names)  # as above
    best = names["best"].collect()  # type: ignore[attr-defined]  # a frame of the example
    assert best.height == best.get_column("movie_id").n_unique() > 100


def test_a_training_set_of_no_months_is_empty(film_warehouse: Path, here: Path) -> None:
    emptied = altered(film_warehouse, here / "none.duckdb", "DELETE FROM streamflow.training_set")
    (code,) = (c for c in examples("python") if "training_set" in c)
    names: dict[str, Any] = {}
    exec(compile(code.replace("data/warehouse.duckdb", str(emptied)), "docs/asking.md", "exec"), names)  # as above
    assert names["train"].height == names["labelled"].height == 0


def test_two_of_three_months_have_labels() -> None:
    (text,) = (t for t in examples("sql") if "training_set" in t)
    with closing(duckdb.connect("data/warehouse.duckdb", read_only=True)) as warehouse:
        labelled = [row[2] for row in warehouse.execute(text).fetchall()]
    assert labelled[-1] == 0
    assert any(labelled[:-1])


def test_the_file_for_excel_begins_with_its_mark_and_has_no_list(here: Path) -> None:
    (text,) = (t for t in examples("sql") if "COPY" in t)
    with closing(duckdb.connect("data/warehouse.duckdb", read_only=True)) as warehouse:
        warehouse.execute(text)
        films = warehouse.execute("SELECT count(*), max(len(genres)) FROM tmdb.vw_movie_search").fetchone()
    assert films
    written = (here / "films.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    rows = [row for row in csv.DictReader(io.StringIO(written.decode("utf-8-sig"))) if row["Title"]]
    assert len(rows) == films[0]
    assert max(row["Genres"].count("; ") for row in rows) == films[1] - 1 > 0
    assert not any(row["Genres"].startswith("[") for row in rows)
