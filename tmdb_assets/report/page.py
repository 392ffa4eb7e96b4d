"""The report as one HTML page that needs nothing else: no script, no network, its drawings inline.

What belongs here: which answers the page shows, in which words, all of it pure. What does not: any question
(answers.py), any HTML (page.html.j2) or its looks (page.css), the file (assets.py). The page forbids itself to run or
fetch anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl

from tmdb_assets import templates
from tmdb_assets.report.answers import AMONG, BREAKOUT_DAYS, Answers
from tmdb_assets.warehouse import credit, figures
from tmdb_assets.warehouse.films import money_rule

TEMPLATE = "report/page.html.j2"
MIXED = "Real films and invented ones of the built-in sandbox are mixed here: do not rely on these figures."

#: How a value is written.
Write: TypeAlias = Callable[[Any], str]
#: Column -> its heading, and how its values are written.
Columns: TypeAlias = Mapping[str, tuple[str, Write]]


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, and perhaps a bar before it, as wide as so many letters."""

    text: str
    is_number: bool
    bar: float | None = None


@dataclass(frozen=True)
class Table:
    """A table as it is written, perhaps with a title. `is_wide`: a phone has no room for it, so that each figure has
    its heading beside it there."""

    headings: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    title: str | None = None
    is_wide: bool = False


@dataclass(frozen=True)
class Line:
    """A line over days, broken where a day is missing: its runs of points in a square of 100 by 100, and what stands at
    its ends."""

    label: str
    high: str
    low: str
    first: str
    last: str
    runs: Sequence[Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, what is drawn, and what it rests on. `are_beside`: tables stand beside each other
    where there is room."""

    title: str
    note: str
    line: Line | None = None
    tables: Sequence[Table] = ()
    are_beside: bool = False


def render(answers: Answers) -> str:
    """The whole page."""
    return templates.render(
        TEMPLATE,
        title=f"Films on {figures.day(answers.day)}",
        source=_say_source(answers),
        banner=_say_banner(answers.info.origin),
        figures=_show_figures(answers.head),
        sections=[
            _show_popularity(answers),
            _show_top(answers),
            _show_movers(answers),
            _show_breakouts(answers),
            _show_shares(answers),
            _show_money(answers),
            _show_quality(answers),
        ],
        lake=answers.info.lake,
        versions=_show_versions(answers),
        attribution=credit.ATTRIBUTION,
    )


# -- parts -------------------------------------------------------------------------------------------------------------


def _say_source(answers: Answers) -> str:
    said = f"From the warehouse published {figures.moment(answers.info.published_at)}."
    if answers.is_past:
        said += (
            f" Its newest day was {figures.day(answers.newest)}: figures here are those of {figures.day(answers.day)}; "
            "titles, years, genres and countries are those last observed."
        )
    return said


def _say_banner(origin: str | None) -> str | None:
    if not credit.is_doubtful(origin):
        return None
    return credit.FILMS.invented if origin == "sandbox" else MIXED


def _show_figures(head: Mapping[str, Any]) -> dict[str, str]:
    """What is counted -> its figure."""
    return {
        "film" if head["films"] == 1 else "films": figures.count(head["films"]),
        f"mean rating, of {figures.count(head['films_with_votes'])} with votes": figures.decimal(head["mean_rating"]),
        "vote" if head["votes"] == 1 else "votes": figures.count(head["votes"]),
        "breakout" if head["breakouts"] == 1 else "breakouts": figures.count(head["breakouts"]),
    }


def _show_popularity(answers: Answers) -> Section:
    days = answers.tables["days"]
    missing = answers.missing_days
    gaps = (
        f" {figures.counted(len(missing), 'day')} {'was' if len(missing) == 1 else 'were'} not observed: "
        f"{figures.days(missing)}."
        if missing
        else ""
    )
    return Section(
        "Popularity of all films",
        f"Sum over the films of each day, {figures.count(answers.head['films'])} on the newest; "
        f"{figures.counted(days.height, 'day')}.{gaps}",
        as_line(days, "date_id", "popularity") if days.height > 1 else None,
    )


def _show_top(answers: Answers) -> Section:
    columns: Columns = {
        "position": ("", figures.count),
        "title": ("Film", words),
        "year": ("Year", figures.plain),
        "popularity": ("Popularity", figures.decimal),
        "vote_average": ("Mean vote", figures.decimal),
        "vote_count": ("Votes", figures.count),
    }
    of = f"Of {figures.counted(answers.head['films'], 'film')}."
    return Section("Most popular", of, tables=[as_table(answers.tables["top"], columns)])


def _show_movers(answers: Answers) -> Section:
    title = "Movers of 7 days"
    columns: Columns = {
        "title": ("Film", words),
        "rank_before": ("Then", figures.count),
        "rank_now": ("Now", figures.count),
        "places": ("Places", figures.change),
    }
    if "climbed" not in answers.tables:
        return Section(title, _say_not_held(answers, "the day a week before"))
    either = answers.tables["climbed"].height + answers.tables["fallen"].height
    if not either:
        return Section(title, "No film has moved, or the day a week before was not observed.")
    halves = [as_table(answers.tables[name], columns, title=name.capitalize()) for name in ("climbed", "fallen")]
    return Section(title, f"Among the first {AMONG} of either day.", tables=halves, are_beside=True)


def _show_breakouts(answers: Answers) -> Section:
    title = "Breakouts"
    columns: Columns = {
        "title": ("Film", words),
        "factor": ("Times its usual", figures.ratio),
        "popularity": ("Popularity", figures.decimal),
        "median_popularity": ("Usual", figures.decimal),
        "z_score": ("Robust z", figures.decimal),
        "days_of_history": ("Days of history", figures.count),
    }
    if "breakouts" not in answers.tables:
        return Section(title, _say_not_held(answers, f"all of the {BREAKOUT_DAYS} days before"))
    found = answers.tables["breakouts"]
    if found.is_empty():
        return Section(title, "No film broke out on this day.")
    of_all = answers.head["breakouts"]
    some = f"The first {found.height} of {figures.count(of_all)}. " if of_all > found.height else ""
    return Section(
        title, f"{some}Each measured against its own history.", tables=[as_table(found, columns, is_wide=True)]
    )


def _say_not_held(answers: Answers, what: str) -> str:
    return (
        f"Unknown: the warehouse keeps the newest {figures.counted(answers.info.fact_days or 0, 'day')} alone "
        f"(WAREHOUSE_FACT_DAYS), and with them not {what}."
    )


def _show_shares(answers: Answers) -> Section:
    def of(name: str, column: str, heading: str) -> Table:
        columns: Columns = {
            column: (heading, words),
            "popularity_share": ("Share", figures.share),
            "films": ("Films", figures.count),
            "mean_rating": ("Mean rating", figures.decimal),
        }
        return as_table(answers.tables[name], columns, bar="popularity_share")

    return Section(
        "Genres and continents",
        "Share: of all popularity. A film counts in each of its genres and continents, so shares may add up to more "
        "than 100%.",
        tables=[of("genres", "name", "Genre"), of("continents", "continent", "Continent")],
        are_beside=True,
    )


def _show_money(answers: Answers) -> Section:
    title = "Highest revenue"
    columns: Columns = {
        "position": ("", figures.count),
        "title": ("Film", words),
        "year": ("Year", figures.plain),
        "revenue_usd": ("Revenue", figures.money),
        "budget_usd": ("Budget", figures.money),
        "roi": ("Revenue over budget", figures.ratio),
    }
    if "earners" not in answers.tables:
        return Section(title, "Unknown: budgets and revenues are kept as last observed, not by the day.")
    head, earners = answers.head, answers.tables["earners"]
    known = (
        f"Of {figures.counted(head['films_detailed'], 'film')} with details, released ones: "
        f"{figures.count(head['films_with_revenue'])} "
        f"with a known revenue, {figures.count(head['films_with_budget'])} with a known budget, "
        f"{figures.count(head['films_with_both'])} with both."
    )
    if earners.is_empty():
        return Section(title, known)
    rule = money_rule(earners.item(0, "left_out"), are_in=False)
    return Section(title, f"{known} {rule}", tables=[as_table(earners, columns)])


def _show_quality(answers: Answers) -> Section:
    title = "Data quality of the day"
    of_tables: Columns = {
        "table_name": ("Table", words),
        "score": ("Score", figures.decimal),
        "kept": ("Kept", figures.count),
        "quarantined": ("Set aside", figures.count),
        "values_set_aside": ("Values set aside", figures.count),
        "duplicates": ("Duplicates", figures.count),
        "superseded": ("Superseded", figures.count),
        "completeness": ("Known values", figures.share),
        "extraction_completeness": ("Arrived of promised", figures.share),
    }
    of_rules: Columns = {
        "rule": ("Set aside by", words),
        "table_name": ("Bound for", words),
        "rows": ("Rows", figures.count),
        "values_set_aside": ("Values alone", figures.count),
    }
    shown = as_table(answers.tables["quality"], of_tables, is_wide=True)
    rules = answers.tables["rules"]
    if rules.is_empty():
        return Section(title, "Nothing was set aside.", tables=[shown])
    return Section(title, "100 is perfect.", tables=[shown, as_table(rules, of_rules)])


def _show_versions(answers: Answers) -> Table:
    columns: Columns = {
        "table_path": ("Table", words),
        "delta_version": ("Delta version", figures.count),
        "rows": ("Rows", figures.count),
    }
    return as_table(answers.tables["versions"], columns)


# -- pieces ------------------------------------------------------------------------------------------------------------


def words(value: Any) -> str:
    """A text; its column is not one of numbers."""
    return figures.plain(value)


def as_table(
    frame: pl.DataFrame,
    columns: Columns,
    *,
    title: str | None = None,
    bar: str | None = None,
    is_wide: bool = False,
) -> Table:
    """A table with these columns. `bar`: a column of shares, drawn as well."""
    are_numbers = {name: write is not words for name, (_, write) in columns.items()}

    def written(row: Mapping[str, Any]) -> list[Cell]:
        return [
            Cell(write(row[name]), are_numbers[name], 4 * min(row[name], 1) if name == bar and row[name] else None)
            for name, (_, write) in columns.items()
        ]

    headings = [Cell(heading, are_numbers[name]) for name, (heading, _) in columns.items()]
    return Table(headings, [written(row) for row in frame.iter_rows(named=True)], title, is_wide)


def as_line(frame: pl.DataFrame, day: str, value: str) -> Line:
    """A line over days. Needs two days at least."""
    days, values = frame.get_column(day).to_list(), frame.get_column(value).to_list()
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    runs: list[list[tuple[float, float]]] = []
    for index, (at, height) in enumerate(zip(days, values, strict=True)):
        if not index or (at - days[index - 1]).days > 1:
            runs.append([])
        runs[-1].append((100 * (at - days[0]).days / (days[-1] - days[0]).days, 100 - 100 * (height - low) / spread))
    ends = figures.count(high), figures.count(low), figures.day(days[0]), figures.day(days[-1])
    return Line(f"{value} by day", *ends, runs)
