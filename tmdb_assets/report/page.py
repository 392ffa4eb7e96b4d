"""The report as one HTML page that needs nothing else: no script, no network, its drawings inline.

What belongs here: answers -> HTML, all of it pure. What does not: any question (answers.py), the file (assets.py). Every
text from outside passes `escape`; the page forbids itself to run or fetch anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import polars as pl

from tmdb_assets.report.answers import AMONG, BREAKOUT_DAYS, Answers
from tmdb_assets.warehouse import credit, figures
from tmdb_assets.warehouse.films import money_rule

MIXED = "Real films and invented ones of the built-in sandbox are mixed here: do not rely on these figures."

Write = Callable[[Any], str]

_STYLE = """
:root { color-scheme: light dark; --accent: #0b7285; --faint: #8883; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; }
.note { color: #888; font-size: .87rem; } .banner { border-left: 4px solid var(--accent); background: var(--faint); padding: .6rem 1rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 3rem; margin: 1.5rem 0; } .figures b { display: block; font-size: 1.9rem; line-height: 1.2; }
/* a shadow at the edge beyond which a table goes on */
.scroll { overflow-x: auto; background: linear-gradient(to left, Canvas 40%, transparent) right / 3rem 100% no-repeat local,
  linear-gradient(to left, #8886, transparent) right / .8rem 100% no-repeat scroll; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--faint); }
th { vertical-align: bottom; } td { white-space: nowrap; }
td.words { white-space: normal; overflow-wrap: break-word; min-width: 7em; } th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
.line { display: grid; grid-template-columns: auto 1fr; gap: .4rem .7rem; font-size: .8rem; color: #888; }
.line p { display: flex; flex-direction: column; justify-content: space-between; margin: 0; text-align: right; }
.line .ends { flex-direction: row; grid-column: 2; text-align: left; }
svg { width: 100%; height: 11rem; overflow: visible; fill: none; stroke: var(--accent); stroke-width: 2; stroke-linecap: round; }
svg * { vector-effect: non-scaling-stroke; } svg .dot { stroke-width: 5; }
.bar { display: inline-block; height: .8em; background: var(--accent); border-radius: 2px; vertical-align: middle; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0 2rem; }
@media (max-width: 40rem) { .scroll { font-size: .8rem; } th, td { padding: .25rem .28rem; } td.words { min-width: 5.5em; } h1 { font-size: 1.6rem; } }
"""


def render(answers: Answers) -> str:
    """The whole page."""
    day = figures.day(answers.day)
    body = "\n".join(
        part
        for part in (
            f"<h1>Films on {escape(day)}</h1>",
            _source(answers),
            _banner(answers.info.origin),
            _head(answers),
            _popularity(answers),
            _top(answers),
            _movers(answers),
            _breakouts(answers),
            _shares(answers),
            _money(answers),
            _quality(answers),
            _versions(answers),
            f'<hr><p class="note">{escape(credit.ATTRIBUTION)}</p>',
        )
        if part
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Films on {escape(day)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


# -- parts ---------------------------------------------------------------------------------------------------------------


def _source(answers: Answers) -> str:
    told = f"From the warehouse published {figures.moment(answers.info.published_at)}."
    if answers.is_past:
        told += (
            f" Its newest day was {figures.day(answers.newest)}: figures here are those of {figures.day(answers.day)}; "
            "titles, years, genres and countries are those last observed."
        )
    return f'<p class="note">{escape(told)}</p>'


def _banner(origin: str | None) -> str:
    if not credit.is_doubtful(origin):
        return ""
    return f'<p class="banner">{escape(credit.FILMS.invented if origin == "sandbox" else MIXED)}</p>'


def _head(answers: Answers) -> str:
    head = answers.head
    shown = {
        "film" if head["films"] == 1 else "films": figures.count(head["films"]),
        f"mean rating, of {figures.count(head['films_with_votes'])} with votes": figures.decimal(head["mean_rating"]),
        "vote" if head["votes"] == 1 else "votes": figures.count(head["votes"]),
        "breakout" if head["breakouts"] == 1 else "breakouts": figures.count(head["breakouts"]),
    }
    cells = "".join(f"<div><b>{escape(value)}</b>{escape(name)}</div>" for name, value in shown.items())
    return f'<div class="figures">{cells}</div>'


def _popularity(answers: Answers) -> str:
    days = answers.tables["days"]
    missing = answers.missing_days
    gaps = (
        f" {figures.counted(len(missing), 'day')} {'was' if len(missing) == 1 else 'were'} not observed: {figures.days(missing)}."
        if missing
        else ""
    )
    return section(
        "Popularity of all films",
        line(days, "date_id", "popularity") if days.height > 1 else "",
        f"Sum over the films of each day, {figures.count(answers.head['films'])} on the newest; {figures.counted(days.height, 'day')}.{gaps}",
    )


def _top(answers: Answers) -> str:
    shown = table(
        answers.tables["top"],
        {
            "position": ("", figures.count),
            "title": ("Film", words),
            "year": ("Year", figures.plain),
            "popularity": ("Popularity", figures.decimal),
            "vote_average": ("Mean vote", figures.decimal),
            "vote_count": ("Votes", figures.count),
        },
    )
    return section("Most popular", shown, f"Of {figures.counted(answers.head['films'], 'film')}.")


def _movers(answers: Answers) -> str:
    columns: dict[str, tuple[str, Write]] = {
        "title": ("Film", words),
        "rank_before": ("Then", figures.count),
        "rank_now": ("Now", figures.count),
        "places": ("Places", figures.change),
    }
    if "climbed" not in answers.tables:
        return section("Movers of 7 days", "", _not_held(answers, "the day a week before"))
    either = answers.tables["climbed"].height + answers.tables["fallen"].height
    if not either:
        return section("Movers of 7 days", "", "No film has moved, or the day a week before was not observed.")
    halves = "".join(
        f"<div><h3>{title}</h3>{table(answers.tables[name], columns)}</div>"
        for name, title in (("climbed", "Climbed"), ("fallen", "Fallen"))
    )
    return section("Movers of 7 days", f'<div class="pair">{halves}</div>', f"Among the first {AMONG} of either day.")


def _breakouts(answers: Answers) -> str:
    if "breakouts" not in answers.tables:
        return section("Breakouts", "", _not_held(answers, f"all of the {BREAKOUT_DAYS} days before"))
    found = answers.tables["breakouts"]
    if found.is_empty():
        return section("Breakouts", "", "No film broke out on this day.")
    shown = table(
        found,
        {
            "title": ("Film", words),
            "factor": ("Times its usual", figures.ratio),
            "popularity": ("Popularity", figures.decimal),
            "median_popularity": ("Usual", figures.decimal),
            "z_score": ("Robust z", figures.decimal),
            "days_of_history": ("Days of history", figures.count),
        },
    )
    of_all = answers.head["breakouts"]
    some = f"The first {found.height} of {figures.count(of_all)}. " if of_all > found.height else ""
    return section("Breakouts", shown, f"{some}Each measured against its own history.")


def _not_held(answers: Answers, what: str) -> str:
    return (
        f"Unknown: the warehouse keeps the newest {figures.counted(answers.info.fact_days or 0, 'day')} alone "
        f"(WAREHOUSE_FACT_DAYS), and with them not {what}."
    )


def _shares(answers: Answers) -> str:
    def shown(name: str, label: str) -> str:
        columns: dict[str, tuple[str, Write]] = {
            label: (label.replace("name", "genre").capitalize(), words),
            "popularity_share": ("Share", figures.share),
            "films": ("Films", figures.count),
            "mean_rating": ("Mean rating", figures.decimal),
        }
        return f"<div>{table(answers.tables[name], columns, bar='popularity_share')}</div>"

    halves = shown("genres", "name") + shown("continents", "continent")
    return section(
        "Genres and continents",
        f'<div class="pair">{halves}</div>',
        "Share: of all popularity. A film counts in each of its genres and continents, so shares may add up to more than 100%.",
    )


def _money(answers: Answers) -> str:
    if "earners" not in answers.tables:
        return section(
            "Highest revenue", "", "Unknown: budgets and revenues are kept as last observed, not by the day."
        )
    head = answers.head
    known = (
        f"Of {figures.counted(head['films_detailed'], 'film')} with details, released ones: {figures.count(head['films_with_revenue'])} "
        f"with a known revenue, {figures.count(head['films_with_budget'])} with a known budget, "
        f"{figures.count(head['films_with_both'])} with both."
    )
    if answers.tables["earners"].is_empty():
        return section("Highest revenue", "", known)
    shown = table(
        answers.tables["earners"],
        {
            "position": ("", figures.count),
            "title": ("Film", words),
            "year": ("Year", figures.plain),
            "revenue_usd": ("Revenue", figures.money),
            "budget_usd": ("Budget", figures.money),
            "roi": ("Revenue over budget", figures.ratio),
        },
    )
    left_out = answers.tables["earners"].item(0, "left_out")
    return section("Highest revenue", shown, f"{known} {money_rule(left_out, are_in=False)}")


def _quality(answers: Answers) -> str:
    shown = table(
        answers.tables["quality"],
        {
            "table_name": ("Table", words),
            "score": ("Score", figures.decimal),
            "kept": ("Kept", figures.count),
            "quarantined": ("Set aside", figures.count),
            "values_set_aside": ("Values set aside", figures.count),
            "duplicates": ("Duplicates", figures.count),
            "superseded": ("Superseded", figures.count),
            "completeness": ("Known values", figures.share),
            "extraction_completeness": ("Arrived of promised", figures.share),
        },
    )
    rules = answers.tables["rules"]
    if rules.is_empty():
        return section("Data quality of the day", shown, "Nothing was set aside.")
    aside = table(
        rules,
        {
            "rule": ("Set aside by", words),
            "table_name": ("Bound for", words),
            "rows": ("Rows", figures.count),
            "values_set_aside": ("Values alone", figures.count),
        },
    )
    return section("Data quality of the day", shown + "<p></p>" + aside, "100 is perfect.")


def _versions(answers: Answers) -> str:
    listed = table(
        answers.tables["versions"],
        {
            "table_path": ("Table", words),
            "delta_version": ("Delta version", figures.count),
            "rows": ("Rows", figures.count),
        },
    )
    return f"<details><summary>What it was made from: {escape(answers.info.lake)}</summary>{listed}</details>"


# -- pieces --------------------------------------------------------------------------------------------------------------


def words(value: Any) -> str:
    """A text; its column is not one of numbers."""
    return figures.plain(value)


def section(title: str, content: str, note: str) -> str:
    """A heading (plain text), its content (HTML) and what it rests on (plain text)."""
    return f'<h2>{escape(title)}</h2>\n{content}\n<p class="note">{escape(note)}</p>'


def table(frame: pl.DataFrame, columns: Mapping[str, tuple[str, Write]], bar: str | None = None) -> str:
    """A table with these columns: name -> (heading, how a value is written). `bar`: a column of shares, drawn as well."""
    numbers = {name for name, (_, write) in columns.items() if write is not words}
    heads = "".join(_cell("th", name in numbers, escape(heading)) for name, (heading, _) in columns.items())
    rows = "".join(f"<tr>{_row(row, columns, numbers, bar)}</tr>\n" for row in frame.iter_rows(named=True))
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div>'


def _row(row: Mapping[str, Any], columns: Mapping[str, tuple[str, Write]], numbers: set[str], bar: str | None) -> str:
    cells = []
    for name, (_, write) in columns.items():
        drawn = ""
        if name == bar and row[name]:
            drawn = f'<span class="bar" style="width:{min(row[name], 1) * 4:.2f}em"></span> '
        cells.append(_cell("td", name in numbers, drawn + escape(write(row[name])).replace("/", "/<wbr>")))
    return "".join(cells)


def _cell(tag: str, is_number: bool, content: str) -> str:
    return f'<{tag} class="{"number" if is_number else "words"}">{content}</{tag}>'


def line(frame: pl.DataFrame, day: str, value: str) -> str:
    """A line over days as SVG, broken where a day is missing, as wide as its place. Needs two days at least.

    What is written beside it is HTML: a drawing that is made narrow for a phone would take its letters with it.
    """
    days, values = frame.get_column(day).to_list(), frame.get_column(value).to_list()
    low, high = min(values), max(values)
    spread = (high - low) or 1.0

    def at(index: int) -> tuple[float, float]:
        x = 100 * (days[index] - days[0]).days / (days[-1] - days[0]).days
        return x, 100 - 100 * (values[index] - low) / spread

    runs: list[list[int]] = []
    for index in range(len(days)):
        if index and (days[index] - days[index - 1]).days == 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    paths = "".join(f'<polyline points="{_points(map(at, run))}"/>' for run in runs)
    # a line without a length is a dot that stays round, however the drawing is stretched
    dots = "".join(f'<path class="dot" d="M{x:.1f} {y:.1f}h0"/>' for x, y in map(at, range(len(days))))
    drawn = f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{escape(value)} by day">{paths}{dots}</svg>'
    high_low, ends = (
        "".join(f"<span>{escape(word)}</span>" for word in words)
        for words in ((figures.count(high), figures.count(low)), (figures.day(days[0]), figures.day(days[-1])))
    )
    return f'<div class="line"><p>{high_low}</p>{drawn}<p class="ends">{ends}</p></div>'


def _points(places: Sequence[tuple[float, float]] | Any) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
