"""The daily report: what it says of a day, that it needs nothing else, that texts from outside stay texts."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from tmdb_assets.lakehouse.engines.views import bases_of
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.report import assets
from tmdb_assets.report.answers import Answers, held_days, read, read_past
from tmdb_assets.report.assets import ReportError, write, write_days
from tmdb_assets.report.page import Cell, as_line, as_table, render, words
from tmdb_assets.report.past import Past
from tmdb_assets.settings import load_settings
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.assets import PARTITIONS
from tmdb_assets.warehouse import figures
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import publish_warehouse
from tmdb_assets.warehouse.reader import Stamp, Warehouse
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets_tests.end_to_end.harness import TODAY
from tmdb_assets_tests.full_disk import no_file_beyond
from tmdb_assets_tests.hostile import HARMLESS, HOSTILE, parts
from tmdb_assets_tests.sources.tmdb.worlds import DAYS
from tmdb_assets_tests.warehouse.published import altered, emptied

VOID = {"meta", "hr", "br", "wbr"}
VIEWS = {view.contract.name: view.sql for view in (*bases_of(contracts.VIEWS), *contracts.VIEWS)}


class Parsed(HTMLParser):
    """Tags and attributes of a page, its texts, and whether every tag that was opened is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "wbr" and self.texts and self.texts[-1].endswith("/"):
            self.texts[-1] += data  # one text that may break there
        else:
            self.texts.append(data)


@pytest.fixture
def answers(film_warehouse: Path) -> Answers:
    """What the small warehouse has to tell."""
    found = read(Warehouse(film_warehouse))
    assert found is not None
    return found


def changed(answers: Answers, **tables: pl.DataFrame) -> Answers:
    return Answers(answers.day, answers.info, answers.head, {**answers.tables, **tables})


def test_the_report_is_of_the_newest_day_and_tells_what_is_there(answers: Answers, film_warehouse: Path) -> None:
    with closing(duckdb.connect(str(film_warehouse), read_only=True)) as connection:
        facts = connection.execute(
            f"SELECT movie.title, fact.popularity FROM tmdb.fact_movie_daily AS fact JOIN tmdb.dim_movie AS movie "
            f"USING (movie_id) WHERE fact.date_id = DATE '{TODAY}' AND movie.gone_on IS NULL"
        ).fetchall()
    titles = [title for title, _ in sorted(facts, key=lambda fact: -fact[1])]
    page = Parsed(render(answers))
    assert answers.day == TODAY
    assert f"Films on {figures.day(TODAY)}" in page.texts
    assert str(len(facts)) in page.texts
    assert all(title in page.texts for title in titles[:20])
    assert "Invented films" in " ".join(page.texts)
    assert "not endorsed or certified by TMDB" in " ".join(page.texts)


def test_missing_days_are_named(answers: Answers) -> None:
    first = TODAY - dt.timedelta(days=14)  # since then days lie no more than a week apart
    missing = [d for n in range((TODAY - first).days) if (d := first + dt.timedelta(days=n)) not in DAYS]
    assert answers.missing_days == missing
    text = " ".join(Parsed(render(answers)).texts)
    assert f"{len(missing)} days were not observed: {figures.days(missing)}." in text


def test_films_of_one_title_are_told_apart_all_over_the_report(
    answers: Answers, film_warehouse: Path, tmp_path: Path
) -> None:
    climbed = answers.tables["climbed"].get_column("movie_id").to_list()
    top = [movie for movie in answers.tables["top"].get_column("movie_id").to_list() if movie not in climbed]
    one, two, three, four = *top[:3], climbed[0]
    twice = "UPDATE tmdb.dim_movie SET title = 'Twice', release_date ="
    made = altered(
        film_warehouse,
        tmp_path / "w.duckdb",
        f"{twice} DATE '1999-01-01' WHERE movie_id IN ({one}, {two})",
        f"{twice} DATE '2004-01-01' WHERE movie_id = {three}",
        f"{twice} NULL WHERE movie_id = {four}",
    )
    told = read(Warehouse(made))
    assert told
    films = pl.concat(
        told.tables[name].select("movie_id", "title") for name in ("top", "climbed", "fallen", "breakouts")
    )
    called = dict(films.iter_rows())
    assert [called[movie] for movie in (one, two, three, four)] == [
        f"Twice (1999) #{one}", f"Twice (1999) #{two}", "Twice (2004)", "Twice",
    ]  # fmt: skip
    assert all(title in " ".join(Parsed(render(told)).texts) for title in (called[one], called[two], called[three]))


def test_the_page_needs_nothing_else(answers: Answers) -> None:
    page = Parsed(render(answers))
    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "base", "form"} == set()
    assert [name for _, attributes in page.tags for name in attributes if name.startswith("on")] == []
    assert [a for _, a in page.tags if {"src", "href", "srcset", "xlink:href"} & set(a)] == []
    assert "url(" not in render(answers)
    assert "@import" not in render(answers)
    policies = [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def everywhere(answers: Answers, text: str) -> str:
    """A report in which every text from outside is this one."""
    info = replace(answers.info, lake=text)
    tables = {
        name: frame.with_columns(pl.lit(text).alias(c) for c, kind in frame.schema.items() if kind == pl.String)
        for name, frame in answers.tables.items()
    }
    return render(Answers(answers.day, info, answers.head, tables))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_from_outside_stays_a_text(many_breakouts: Answers, text: str) -> None:
    harmless = parts(everywhere(many_breakouts, HARMLESS), HARMLESS)
    assert parts(everywhere(many_breakouts, text), text) == harmless
    shown = {"top": 1, "climbed": 1, "fallen": 1, "breakouts": 1, "genres": 1, "continents": 1, "earners": 1}
    shown |= {"quality": 1, "rules": 2, "versions": 1}  # columns of words of each table
    tables = many_breakouts.tables
    assert all(tables[name].height for name in shown)
    assert harmless.count(("text", HARMLESS)) == sum(tables[name].height * count for name, count in shown.items())
    assert ("text", f"What it was made from: {HARMLESS}") in harmless


def test_the_highest_revenue_leaves_out_what_is_hardly_true_and_says_what_it_rests_on(
    film_warehouse: Path, tmp_path: Path
) -> None:
    false = (
        "UPDATE tmdb.dim_movie SET has_implausible_money = true, status = 'Released', budget_usd = NULL, title = "
        "'False', "
        "revenue_usd = 9000000000 WHERE movie_id IN (SELECT movie_id FROM tmdb.vw_rankings WHERE metric = 'revenue' "
        "AND position <= 2)"
    )
    made = altered(film_warehouse, tmp_path / "w.duckdb", false)
    found = read(Warehouse(made))
    assert found is not None
    earners = found.tables["earners"]
    assert "False" not in earners.get_column("title").to_list()
    with closing(duckdb.connect(str(made), read_only=True)) as connection:
        counts = connection.execute(
            "SELECT count(*) FILTER (WHERE has_revenue), count(*) FILTER (WHERE has_budget), count(*) FILTER (WHERE "
            "has_money), count(*) FILTER (WHERE has_revenue AND has_implausible_money) FROM tmdb.vw_movie_financials"
        ).fetchone()
    assert counts is not None
    with_revenue, with_budget, with_both, left_out = counts
    assert left_out >= 2
    text = " ".join(Parsed(render(found)).texts)
    assert (
        f"released ones: {with_revenue} with a known revenue, {with_budget} with a known budget, {with_both} with both."
        in text
    )
    assert f"with both. Without the {left_out} films whose money is hardly true." in text


def test_a_day_with_nothing_but_films_is_told(answers: Answers) -> None:
    nothing = changed(answers, **{name: frame.clear() for name, frame in answers.tables.items() if name != "days"})
    text = " ".join(Parsed(render(nothing)).texts)
    assert "No film broke out on this day." in text
    assert "No film has moved" in text
    assert "Nothing was set aside." in text


@pytest.fixture
def many_breakouts(film_warehouse: Path, tmp_path: Path) -> Answers:
    """What a warehouse has to tell in which every film breaks out."""
    columns = (
        "movie_id, title, release_date, 3.0 AS factor, 9.0 AS popularity, 3.0 AS median_popularity, 5.0 AS z_score, "
        "30 AS days_of_history"
    )
    view = (
        f"CREATE OR REPLACE VIEW tmdb.vw_breakouts AS SELECT {columns}, row_number() OVER (ORDER BY movie_id) AS "
        "breakout_rank FROM tmdb.dim_movie"
    )
    found = read(Warehouse(altered(film_warehouse, tmp_path / "breakouts.duckdb", view)))
    assert found is not None
    return found


def test_all_breakouts_are_counted_and_the_first_are_shown(many_breakouts: Answers, answers: Answers) -> None:
    shown, count = many_breakouts.tables["breakouts"].height, many_breakouts.head["breakouts"]
    assert (shown, count > shown) == (20, True)
    page = Parsed(render(many_breakouts))
    assert page.texts[page.texts.index("breakouts") - 1] == figures.count(count)
    assert f"The first 20 of {figures.count(count)}. Each measured against its own history." in page.texts
    assert answers.head["breakouts"] == answers.tables["breakouts"].height
    assert "The first" not in " ".join(Parsed(render(answers)).texts)


def test_one_day_has_no_line(answers: Answers) -> None:
    one = changed(answers, days=answers.tables["days"].tail(1))
    assert "<svg" in render(answers)
    assert "<svg" not in render(one)
    assert one.missing_days == []


def test_a_line_breaks_where_a_day_is_missing_and_stays_in_its_frame() -> None:
    days = [dt.date(2026, 3, n) for n in (1, 2, 5, 6, 7, 9)]
    drawn = as_line(pl.DataFrame({"day": days, "value": [1.0, 3.0, 2.0, 2.0, 5.0, 4.0]}), "day", "value")
    assert [len(run) for run in drawn.runs] == [2, 3, 1]
    places = [point for run in drawn.runs for point in run]
    assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in places)
    assert places[0][1] == max(y for _, y in places)  # the lowest value is the lowest point
    assert [drawn.high, drawn.low, drawn.first, drawn.last] == ["5", "1", "1 March 2026", "9 March 2026"]
    level = as_line(pl.DataFrame({"day": days[:2], "value": [2.0, 2.0]}), "day", "value")
    assert level.runs == [[(0, 100), (100, 100)]]


def test_a_line_is_drawn_as_it_is_broken_with_a_dot_a_day(answers: Answers) -> None:
    days = answers.tables["days"].get_column("date_id").to_list()
    text = render(answers)
    drawn = text[text.index('<div class="line">') : text.index("</svg>")]
    runs = [points.split() for points in re.findall(r'points="([^"]*)"', drawn)]
    assert len(runs) == 1 + sum((b - a).days > 1 for a, b in itertools.pairwise(days))
    assert sum(map(len, runs)) == drawn.count('class="dot"') == len(days)
    assert all(re.fullmatch(r"\d+\.\d,\d+\.\d", point) for run in runs for point in run)
    assert "<text" not in drawn  # letters in a drawing shrink with it


@pytest.mark.parametrize(
    ("value", "write", "shown"),
    [
        (None, words, "–"),
        ("a & b", words, "a & b"),
        (1234567, figures.count, "1,234,567"),
        (-3, figures.change, "−3"),
        (1.25e9, figures.money, "$1.2B"),
    ],
)
def test_a_cell_is_written_for_people(value: Any, write: Any, shown: str) -> None:
    made = as_table(pl.DataFrame({"it": [value]}), {"it": ("It", write)})
    assert made.rows == [[Cell(shown, is_number=write is not words)]]
    assert made.headings == [Cell("It", is_number=write is not words)]


def test_a_share_has_a_bar_as_long_as_it_is(answers: Answers) -> None:
    shares = pl.DataFrame({"share": [0.5, 2.0, 0.0, None]}, schema={"share": pl.Float64})
    made = as_table(shares, {"share": ("Share", figures.share)}, bar="share")
    assert [cell.bar for (cell,) in made.rows] == [2, 4, None, None]
    assert render(answers).count('class="bar"') == sum(
        answers.tables[name].filter(pl.col("popularity_share") > 0).height for name in ("genres", "continents")
    )


def test_there_is_no_report_without_a_day(film_warehouse: Path, tmp_path: Path) -> None:
    assert read(Warehouse(emptied(film_warehouse, tmp_path / "empty.duckdb"))) is None


class Restless(Warehouse):
    """A warehouse in whose place another is put whenever somebody looks at it."""

    def __init__(self, path: Path, *published: Path) -> None:
        super().__init__(path)
        self.next = itertools.cycle(published)

    @property
    def stamp(self) -> Stamp:
        altered(next(self.next), self.path)
        return super().stamp


def test_a_report_is_of_one_publication(film_warehouse: Path, tmp_path: Path) -> None:
    fewer = altered(
        film_warehouse,
        tmp_path / "fewer.duckdb",
        "DELETE FROM tmdb.fact_movie_daily WHERE movie_id % 2 = 0",
        "UPDATE main.warehouse_info SET lake = 'fewer'",
    )

    def told(warehouse: Warehouse) -> tuple[Any, ...]:
        found = read(warehouse)
        assert found is not None
        films = [found.head["films"], *found.tables["days"].get_column("films")]
        return found.info, films, found.tables["top"].get_column("title").to_list()

    one, other = told(Warehouse(film_warehouse)), told(Warehouse(fewer))
    assert [a == b for a, b in zip(one, other, strict=True)] == [False, False, False]
    restless = Restless(tmp_path / "restless.duckdb", film_warehouse, fewer)
    assert [told(restless) for _ in range(3)] == [one, other, one]


# -- a day that is not the newest --------------------------------------------------------------------------------------


def as_it_stood(published: Path, path: Path, day: dt.date) -> Path:
    """A warehouse as it would have been, had nothing been observed after a day: rows are deleted, not hidden."""
    with closing(duckdb.connect(str(published), read_only=True)) as connection:
        dated = connection.execute(
            "SELECT table_name FROM duckdb_columns() JOIN duckdb_tables() USING (schema_name, table_name) "
            "WHERE schema_name = 'tmdb' AND column_name = 'date_id' AND NOT starts_with(table_name, 'vw_')"
        ).fetchall()
    later = [f"DELETE FROM tmdb.{table} WHERE date_id > DATE '{day}'" for (table,) in dated]
    return altered(published, path, *later, f"UPDATE tmdb.dim_movie SET gone_on = NULL WHERE gone_on > DATE '{day}'")


def rounded(head: Mapping[str, Any]) -> dict[str, Any]:
    """A mean of fractions depends on the order of its terms in the 15th digit."""
    return {name: round(value, 9) if isinstance(value, float) else value for name, value in head.items()}


def past_of(path: Path, day: dt.date) -> Answers:
    warehouse = Warehouse(path)
    return read_past(warehouse, day, held_days(warehouse), Past.of(warehouse, VIEWS))


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_past_day_is_told_as_the_views_told_it_then(film_warehouse: Path, tmp_path: Path, day: dt.date) -> None:
    found, then = past_of(film_warehouse, day), read(Warehouse(as_it_stood(film_warehouse, tmp_path / "w.duckdb", day)))
    assert then is not None
    assert (found.day, found.newest, then.day) == (day, TODAY, day)
    assert rounded(found.head) == rounded({name: then.head[name] for name in found.head})
    assert found.tables.keys() == then.tables.keys() - {"earners"}
    apart = [name for name, frame in found.tables.items() if not frame.equals(then.tables[name])]
    assert apart == []
    assert found.head["films"] > 0


def test_a_past_day_says_what_is_newer_than_it_and_leaves_out_what_has_no_past(
    film_warehouse: Path, answers: Answers
) -> None:
    day = DAYS[-2]
    past = past_of(film_warehouse, day)
    text = " ".join(Parsed(render(past)).texts)
    assert f"Films on {figures.day(day)}" in text
    assert (
        f"Its newest day was {figures.day(TODAY)}: figures here are those of {figures.day(day)}; titles, years" in text
    )
    assert "Unknown: budgets and revenues are kept as last observed, not by the day." in text
    assert "with a known revenue" not in text
    newest = " ".join(Parsed(render(answers)).texts)
    assert "Its newest day was" not in newest
    assert "with a known revenue" in newest


@pytest.fixture(scope="module")
def short_warehouse(film_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The films again, with the facts of the newest ten days alone: 8, 7, 2, 1 and 0 days before the newest."""
    folder = tmp_path_factory.mktemp("short")
    store = DeltaStore(film_warehouse.parent / "lake")
    publish_warehouse(store, DuckDBFile(folder / "w.duckdb"), [Source.of(contracts)], 10, lambda line: None)
    return folder / "w.duckdb"


def test_what_rests_on_days_that_are_not_held_is_unknown(short_warehouse: Path, film_warehouse: Path) -> None:
    for day in DAYS[-4:-1]:
        past, whole = past_of(short_warehouse, day), past_of(film_warehouse, day)
        unknown = {"breakouts"} | ({"climbed", "fallen"} if day - dt.timedelta(days=7) in DAYS[:3] else set())
        assert whole.tables.keys() - past.tables.keys() == unknown
        assert rounded(past.head) == rounded(whole.head) | {"breakouts": None}
        for name in ("top", "genres", "continents"):
            assert past.tables[name].equals(whole.tables[name]), name
        page = " ".join(Parsed(render(past)).texts)
        assert (
            "the warehouse keeps the newest 10 days alone (WAREHOUSE_FACT_DAYS), and with them not all of the 60"
            in page
        )
        assert ("not the day a week before" in page) == ("climbed" in unknown)


def test_each_day_asked_for_has_its_report_and_so_has_the_newest(film_warehouse: Path, tmp_path: Path) -> None:
    said: list[str] = []
    told = write_days(Warehouse(film_warehouse), [DAYS[0], DAYS[3]], VIEWS, tmp_path, said.append)
    assert list(told) == [str(DAYS[0]), str(DAYS[3]), str(TODAY)]
    assert sorted(f.name for f in tmp_path.iterdir()) == [f"{day}.html" for day in told]
    (line_said,) = said
    assert line_said.startswith(f"{tmp_path}: 3 reports, the last of {TODAY}, written in ")


def test_days_that_the_warehouse_does_not_hold_are_one_line(short_warehouse: Path, tmp_path: Path) -> None:
    said: list[str] = []
    told = write_days(Warehouse(short_warehouse), DAYS, VIEWS, tmp_path, said.append)
    assert list(told) == [str(day) for day in DAYS[-5:]]
    assert said[1:] == [
        f"No report of 3 days, {DAYS[0]} to {DAYS[2]}: the warehouse holds the newest 10 days of films alone "
        "(WAREHOUSE_FACT_DAYS)"
    ]
    said.clear()
    write_days(Warehouse(short_warehouse), [TODAY + dt.timedelta(days=1)], VIEWS, tmp_path, said.append)
    assert said[1:] == [f"No report of {TODAY + dt.timedelta(days=1)}: the warehouse does not hold it"]


def test_dagster_is_told_of_the_days_that_have_a_report(film_warehouse: Path, tmp_path: Path) -> None:
    done = materialize(film_warehouse, tmp_path / "reports", DAYS[2], TODAY - dt.timedelta(days=1))
    assert done.success
    told = {event.partition for event in done.asset_materializations_for_node("daily_report")}
    assert told == {str(day) for day in DAYS[2:]}
    assert {f.stem for f in (tmp_path / "reports").iterdir()} == told


# -- the file ----------------------------------------------------------------------------------------------------------


def test_a_report_is_written_whole_and_again(answers: Answers, tmp_path: Path) -> None:
    file = write(answers, tmp_path / "reports")
    assert file == tmp_path / "reports" / f"{TODAY}.html"
    assert file.read_text(encoding="utf-8") == render(answers)
    write(changed(answers, breakouts=answers.tables["breakouts"].clear()), tmp_path / "reports")
    assert [f.name for f in file.parent.iterdir()] == [file.name]


def test_a_full_disk_is_one_sentence_and_leaves_no_half_report(answers: Answers, tmp_path: Path) -> None:
    with (
        no_file_beyond(2_000),
        pytest.raises(ReportError, match=r"cannot be written \(File too large\): make room, or set"),
    ):
        write(answers, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(answers: Answers, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(ReportError, match=r"The report .*\.html cannot be written .* TMDB_ASSETS_REPORTS"):
        write(answers, tmp_path / "reports")


def materialize(
    warehouse: Path, reports: Path, first: dt.date = TODAY, last: dt.date = TODAY
) -> dg.ExecuteInProcessResult:
    settings = load_settings(_env_file=None, tmdb_assets_warehouse=warehouse, tmdb_assets_reports=reports)
    found = assets.build(settings, PARTITIONS, VIEWS)
    ends = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
    days: dict[str, Any] = {"partition_key": str(first)} if first == last else {"tags": ends}
    resources = {"warehouse": assets.warehouse_resource(settings)}
    return dg.materialize(list(found.assets or []), raise_on_error=False, resources=resources, **days)  # type: ignore[arg-type]  # any kind


def test_the_asset_links_its_file(film_warehouse: Path, tmp_path: Path) -> None:
    done = materialize(film_warehouse, tmp_path / "reports")
    assert done.success
    (event,) = done.asset_materializations_for_node("daily_report")
    assert event.partition == str(TODAY)
    file = tmp_path / "reports" / f"{TODAY}.html"
    assert event.metadata["report"].value == str(file)
    assert event.metadata["open"].value == file.as_uri()
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_asset_writes_nothing_for_a_warehouse_without_films(film_warehouse: Path, tmp_path: Path) -> None:
    done = materialize(emptied(film_warehouse, tmp_path / "empty.duckdb"), tmp_path / "reports")
    assert done.success
    assert done.asset_materializations_for_node("daily_report") == []
    assert not (tmp_path / "reports").exists()


def test_the_asset_fails_with_one_sentence(film_warehouse: Path, tmp_path: Path) -> None:
    for warehouse, words_said in (
        (tmp_path / "none.duckdb", "There is no warehouse yet"),
        (altered(film_warehouse, tmp_path / "w.duckdb", "DROP VIEW tmdb.vw_trending"), "lacks what is asked for"),
    ):
        done = materialize(warehouse, tmp_path / "reports")
        assert not done.success
        (failed,) = [event.step_failure_data for event in done.all_events if event.is_step_failure]
        assert words_said in failed.user_failure_data.description
    assert not (tmp_path / "reports").exists()


def test_the_launchpad_may_choose_the_file_and_never_opens_it_for_writing(
    film_warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(
        _env_file=None, tmdb_assets_warehouse=tmp_path / "none.duckdb", tmdb_assets_reports=tmp_path / "reports"
    )
    shared = dg.Definitions(resources={"warehouse": assets.warehouse_resource(settings)})
    found = dg.Definitions.merge(assets.build(settings, PARTITIONS, VIEWS), shared)
    job = found.resolve_implicit_global_asset_job_def()
    assert not job.execute_in_process(partition_key=str(TODAY), raise_on_error=False).success, "there is no such file"
    connect, given = duckdb.connect, []

    def watched(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        given.append(options.get("config", {}).get("access_mode") or options.get("read_only"))
        return connect(*arguments, **options)

    monkeypatch.setattr("dagster_duckdb.resource.duckdb.connect", watched)
    for more in ({}, {"connection_config": {"access_mode": "READ_WRITE", "threads": 1}}):
        chosen = {"resources": {"warehouse": {"config": {"database": str(film_warehouse), **more}}}}
        done = job.execute_in_process(run_config=chosen, partition_key=str(TODAY), raise_on_error=False)
        assert done.success
        assert (tmp_path / "reports" / f"{TODAY}.html").exists()
    assert given == [True, "READ_ONLY"] * 2, "looked at, and then opened by the resource"


# -- links -------------------------------------------------------------------------------------------------------------


def test_links_in_the_place_of_folder_and_report_stay_and_what_they_lead_to_is_written(
    answers: Answers, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "reports").symlink_to("disk")
    name = f"{answers.day}.html"
    (tmp_path / "disk" / name).symlink_to(tmp_path / "latest.html")
    for _ in range(2):
        file = write(answers, tmp_path / "reports")
    assert file == tmp_path / "reports" / name
    assert (tmp_path / "reports").is_symlink()
    assert file.is_symlink()
    assert (tmp_path / "latest.html").read_text(encoding="utf-8") == render(answers)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["disk", "latest.html", "reports"]


@pytest.mark.parametrize(
    ("target", "said"), [("reports", "symbolic links"), ("/no such disk/reports", "/no such disk")]
)
def test_a_link_that_leads_nowhere_is_one_sentence(answers: Answers, tmp_path: Path, target: str, said: str) -> None:
    (tmp_path / "reports").symlink_to(target)
    with pytest.raises(ReportError, match=rf"cannot be written \(.*{said}.*\): make room, or set TMDB_ASSETS_REPORTS"):
        write(answers, tmp_path / "reports")
