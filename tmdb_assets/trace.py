"""Where a figure comes from: `python -m tmdb_assets.trace VIEW FILM [--day DAY]`.

What belongs here: walking from a film's row in a view to the star rows it rests on, the commits they were written in,
and the raw answers they were read from, along what each table says it reads. What does not: what any table reads (a
source's functions and contracts say so), and the same question asked of the warehouse (a source's macros.sql).

FILM is an id or a title. Every error is one sentence and exit code 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tmdb_assets.assembly import source_modules
from tmdb_assets.lakehouse.contracts import Contract, Stage
from tmdb_assets.lakehouse.contracts.showing import shown
from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.payloads.json_text import read
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import SettingsError, load_settings

FILM, DATE = "movie_id", "date_id"
ROWS, CHARACTERS = 5, 160  #: how much of a table and of a text is shown


class TraceError(LakehouseError):
    """The figure cannot be traced: an unknown view or film, or nothing there. The message says what to do."""


@dataclass(frozen=True)
class Film:
    """The film that was asked for."""

    movie_id: int
    title: str | None
    release_date: str | None

    def __str__(self) -> str:
        year = f" ({self.release_date.rsplit('-', 2)[0]})" if self.release_date else ""
        return f"film {self.movie_id}, {self.title or 'without a title'}{year}"


def main(words: Sequence[str] | None = None) -> int:
    """Print the trace; returns the exit code."""
    asked = _arguments(words)
    try:
        store = DeltaStore(load_settings().tmdb_assets_lake)
        tables = [t for module in source_modules("assets") for t in module.derived_tables()]
        for line in trace(store, tables, asked.view, " ".join(asked.film), asked.day):
            print(line)
    except (LakehouseError, SettingsError) as error:
        print(f"tmdb_assets: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    what = "Lead from a film's figure in a view to the rows, commits and raw answers behind it."
    parser = argparse.ArgumentParser(prog="python -m tmdb_assets.trace", description=what)
    parser.add_argument("view", metavar="VIEW", help="a view, e.g. vw_movie_latest")
    parser.add_argument("film", metavar="FILM", nargs="+", help="the film's id or its title")
    parser.add_argument("--day", help="the day whose facts are traced, e.g. 2026-03-01; by default the film's newest")
    return parser.parse_args(words)


def trace(
    store: DeltaStore, tables: Sequence[DerivedTable], view: str, film: str, day: str | None = None
) -> Iterator[str]:
    """The lines of a trace: the answer, the rows it rests on, the clean rows and raw answers behind those.

    Raises TraceError when there is nothing to trace.
    """
    asked = _view(tables, view)
    by_key = {t.contract.key: t for t in tables}
    films = _film_table(tables, asked)
    _refuse_unwritten(store, asked, films)
    found = _film(store, films, film)
    rests_on = _rests_on(asked, by_key)
    rows = {t.contract.path: _star_rows(store, t, found, day) for t in rests_on}
    _refuse_without_facts(store, rests_on, rows, found, day)

    yield f"{asked.contract.name}, {found}"
    yield from ("", "The answer")
    yield from _answer(store, asked, rests_on, rows, found, _day(day) if day else None)
    yield from ("", "It rests on")
    behind: dict[tuple[str, dt.date], DerivedTable] = {}
    for table in rests_on:
        yield from _written(store, table.contract, _newest_day(table.contract, rows[table.contract.path]))
        yield from _shown(rows[table.contract.path], table.contract.schema)
        for clean, observed in _observations(table, rows[table.contract.path].head(ROWS), by_key):
            behind[(clean.contract.path, observed)] = clean
    others = [c for c in _star(asked, by_key) if FILM not in c.columns]
    if others:
        yield f"  and, without a row of their own per film: {', '.join(c.name for c in others)}"
    yield from ("", "It was said in")
    told: set[str] = set()
    for (path, observed), clean in behind.items():
        raw = _raw_behind(clean, by_key)
        lines = [line for contract in raw for line in _raw_lines(store, contract, observed, found)]
        if not lines:
            yield (
                f"  {' and '.join(c.path for c in raw)}, where {path} of {observed} came from, keep nothing of "
                "it any more"
            )
        if not told.issuperset(lines):
            yield from lines
        told |= set(lines)


# -- what was asked for ------------------------------------------------------------------------------------------------


def _view(tables: Sequence[DerivedTable], name: str) -> DerivedTable:
    views = {t.contract.name: t for t in tables if t.contract.stage is Stage.VIEWS}
    found = views.get(name.rsplit("/", maxsplit=1)[-1])
    if found is None:
        near = difflib.get_close_matches(name, views, n=3) or sorted(views)
        raise TraceError(f"There is no view {name!r}: choose one such as {', '.join(near[:3])}.")
    return found


def _film_table(tables: Sequence[DerivedTable], view: DerivedTable) -> Contract:
    for table in tables:
        if table.contract.source == view.contract.source and table.contract.grain == (FILM,) and table.contract.owner:
            return table.contract
    raise TraceError(f"{view.contract.path} says nothing about films: its source has none.")


def _refuse_unwritten(store: DeltaStore, view: DerivedTable, films: Contract) -> None:
    if store.version(films) is None:
        raise TraceError(f"There is no lake at {store.root} yet: run `make demo` first.")
    if store.version(view.contract) is None:
        raise TraceError(
            f"{view.contract.path} has never been answered in this lake: materialize it, or run `make demo`."
        )


def _film(store: DeltaStore, films: Contract, words: str) -> Film:
    known = shown(store.scan(films).select(FILM, "title", "original_title", "release_date").sort(FILM).collect())
    wanted = words.strip().casefold()
    if wanted.isdecimal():
        of_the_id = known.filter(pl.col(FILM) == int(wanted)) if int(wanted) < 2**63 else known.clear()
        if of_the_id.height:
            return _as_film(of_the_id.row(0, named=True))
    titles = [
        (row, {(row[c] or "").strip().casefold() for c in ("title", "original_title")})
        for row in known.iter_rows(named=True)
    ]
    called = [_as_film(row) for row, names in titles if wanted in names]
    if len(called) == 1:
        return called[0]
    if called:
        listed = ", ".join(f"{f.movie_id} ({f.release_date or 'no date'})" for f in called)
        raise TraceError(f"{len(called)} films are called {words!r}, give the id of one: {listed}.")
    near = [_as_film(row) for row, names in titles if any(wanted in name for name in names)][:ROWS]
    hint = f"; near it: {', '.join(f'{f.movie_id} {f.title}' for f in near)}" if near else ""
    raise TraceError(f"No film has the id or title {words!r}{hint}.")


def _as_film(row: Mapping[str, Any]) -> Film:
    return Film(row[FILM], row["title"] or row["original_title"], row["release_date"])


# -- the tables behind a view ------------------------------------------------------------------------------------------


def _star(view: DerivedTable, by_key: Mapping[tuple[str, str, str], DerivedTable]) -> list[Contract]:
    """The star tables that a view reads, itself or through other views, nearest first; the facts themselves in place of
    a table that keeps the last of them."""
    found: dict[tuple[str, str, str], Contract] = {}
    waiting = [view]
    while waiting:
        for contract in waiting.pop(0).reads:
            if contract.stage is Stage.VIEWS:
                waiting.append(by_key[contract.key])
            elif contract.stage is Stage.STAR:
                of = by_key[contract.key].catches_up_with or contract
                found.setdefault(of.key, of)
    return list(found.values())


def _raw_behind(clean: DerivedTable, by_key: Mapping[tuple[str, str, str], DerivedTable]) -> list[Contract]:
    """The raw tables that a clean table is made of, itself or through another one."""
    read = list(clean.reads)
    through = [c for table in read if table.stage is Stage.CLEAN for c in _raw_behind(by_key[table.key], by_key)]
    return [c for c in read if c.stage is Stage.RAW] + through


def _rests_on(view: DerivedTable, by_key: Mapping[tuple[str, str, str], DerivedTable]) -> list[DerivedTable]:
    """Star tables behind a view that have rows per film; the facts first."""
    star = [by_key[c.key] for c in _star(view, by_key) if FILM in c.columns]
    if not star:
        raise TraceError(
            f"{view.contract.path} says nothing about single films: it rests on no table that has a {FILM}."
        )
    return sorted(star, key=lambda t: (t.contract.partition is None, t.contract.grain != (FILM,)))


def _star_rows(store: DeltaStore, table: DerivedTable, film: Film, day: str | None) -> pl.DataFrame:
    """The film's rows; of a table kept by the day the newest first, from `day` backwards."""
    contract = table.contract
    rows = store.scan(contract).filter(pl.col(FILM) == film.movie_id)
    if contract.partition is None:
        return rows.sort(contract.grain).collect()
    if day is not None:
        rows = rows.filter(pl.col(contract.partition) <= _day(day))
    return rows.sort(contract.partition, descending=True).collect()


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise TraceError(f"{text!r} is no day: write it as 2026-03-01.") from None


def _refuse_without_facts(
    store: DeltaStore, rests_on: Sequence[DerivedTable], rows: Mapping[str, pl.DataFrame], film: Film, day: str | None
) -> None:
    facts = [t.contract for t in rests_on if t.contract.partition]
    for contract in facts:
        newest = rows[contract.path]
        if not newest.height:
            until = f" on or before {day}" if day else ""
            raise TraceError(f"There are no facts{until} of {film}: {contract.path} has no row of it.")
        if day and newest.item(0, str(contract.partition)) != _day(day):
            last = newest.item(0, str(contract.partition))
            raise TraceError(f"There are no facts of {day} of {film}: the last before are of {last}.")


def _newest_day(contract: Contract, rows: pl.DataFrame) -> dt.date | None:
    return rows.item(0, contract.partition) if contract.partition and rows.height else None


def _observations(
    table: DerivedTable, rows: pl.DataFrame, by_key: Mapping[tuple[str, str, str], DerivedTable]
) -> Iterator[tuple[DerivedTable, dt.date]]:
    """Clean tables and days that star rows were made of: of their newest row, where they are kept by the day."""
    of_a_day = rows.head(1) if table.contract.partition else rows
    for column, sources in table.lineage.items():
        for source, name in sources:
            if source.stage is Stage.CLEAN and name == source.partition and source.key in by_key:
                for day in of_a_day.get_column(column).drop_nulls().unique().sort():
                    yield by_key[source.key], day


# -- what is shown -----------------------------------------------------------------------------------------------------


def _answer(
    store: DeltaStore,
    view: DerivedTable,
    rests_on: Sequence[DerivedTable],
    rows: Mapping[str, pl.DataFrame],
    film: Film,
    day: dt.date | None,
) -> Iterator[str]:
    """The view's rows about the film: its own, else those of what it belongs to (its genres, its people).

    Those of the day that was asked for; a view that has no rows by the day says which day its rows are of.
    """
    contract = view.contract
    yield from _written(store, contract, None)
    answers = store.scan(contract)
    if day and DATE in contract.grain:
        answers = answers.filter(pl.col(DATE) == day)
    elif day:
        yield from _day_of_answer(store, rests_on, day)
    if FILM in contract.columns:
        own = answers.filter(pl.col(FILM) == film.movie_id).sort(contract.grain).collect()
        without = f"    has no row of the film{f' on {day}' if day and DATE in contract.grain else ''}"
        yield from _shown(own, contract.schema) if own.height else [without]
        return
    for table in rests_on:
        keys = [c for c in table.contract.references if c in contract.grain and c not in {FILM, DATE}]
        if keys:
            members = rows[table.contract.path].select(keys).unique().lazy()
            related = answers.join(members, on=keys, how="semi").sort(contract.grain).collect()
            yield f"    has no row per film; it counts in {related.height} rows by its {', '.join(keys)}"
            yield from _shown(related, contract.schema)
            return
    yield f"    has no row per film: one row is one {', '.join(contract.grain)}"


def _day_of_answer(store: DeltaStore, rests_on: Sequence[DerivedTable], day: dt.date) -> Iterator[str]:
    """Which day the rows of a view are of that keeps one answer alone, if not of this one."""
    facts = [t.contract for t in rests_on if t.contract.partition]
    newest = max((kept for contract in facts for kept in store.partition_rows(contract)), default=day)
    if newest != day:
        yield f"    of {newest}, the newest day: it keeps no answer of {day}, whose facts stand below"


def _written(store: DeltaStore, contract: Contract, day: dt.date | None) -> Iterator[str]:
    """A table's version and the commit that wrote it, or the one that last wrote a day of it."""
    commits = store.history(contract, None if day else 1)
    of_the_day = [c for c in commits if day and _covers(c.get("partitions"), day)]
    yield f"  {contract.path}, version {store.version(contract)}, {_commit(commits[0]) if commits else 'never written'}"
    if of_the_day and of_the_day[0] is not commits[0]:
        yield f"    {day} written in version {of_the_day[0]['version']}, {_commit(of_the_day[0])}"


def _covers(partitions: str | None, day: dt.date) -> bool:
    if not partitions:
        return False
    first, _, last = partitions.partition("...")
    return first <= day.isoformat() <= (last or first)


def _commit(commit: Mapping[str, Any]) -> str:
    at = dt.datetime.fromtimestamp(commit["timestamp"] / 1000, dt.UTC)
    return (
        f"committed {at:%Y-%m-%d %H:%M:%S} UTC by "
        f"{'run ' + commit['run_id'] if commit.get('run_id') else 'no named run'}"
    )


def _shown(rows: pl.DataFrame, schema: Iterable[str]) -> Iterator[str]:
    if not rows.height:
        yield "    no row of the film"
    for row in shown(rows.head(ROWS)).iter_rows(named=True):
        yield "    " + " · ".join(f"{name} {_text(row[name])}" for name in schema if row[name] is not None)
    if rows.height > ROWS:
        yield f"    and {rows.height - ROWS} more rows"


def _text(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + "…"


def _raw_lines(store: DeltaStore, raw: Contract, day: dt.date, film: Film) -> Iterator[str]:
    """Pointers to the raw rows of a day that speak of the film, each with that part of its payload."""
    rows = store.scan(raw, [day])
    if FILM in raw.columns:
        rows = rows.filter(pl.col(FILM) == film.movie_id)
    for row in rows.sort(raw.grain).collect().iter_rows(named=True):
        payload = read(row["payload"]) if "payload" in row else None
        parts = [("payload", payload)] if FILM in raw.columns else list(_parts_about(payload, film.movie_id, "payload"))
        for place, part in parts:
            key = " ".join(f"{name}={row[name]}" for name in raw.grain)
            fetched = f", fetched {row['fetched_at']:%Y-%m-%d %H:%M:%S} UTC" if row.get("fetched_at") else ""
            yield f"  {raw.path} {key}{fetched}"
            shown = part if "payload" in row else {c: v for c, v in row.items() if c not in raw.grain}
            yield (
                f"    {place if 'payload' in row else 'row'}: "
                f"{json.dumps(_brief(shown), ensure_ascii=False, default=str)}"
            )


def _parts_about(value: Any, film: int, path: str) -> Iterator[tuple[str, Any]]:
    """The objects in a payload whose id is the film's, with their places."""
    if isinstance(value, dict):
        if value.get("id") == film:
            yield path, value
            return
        for key, inner in value.items():
            yield from _parts_about(inner, film, f"{path}.{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _parts_about(inner, film, f"{path}[{position}]")


def _brief(value: Any) -> Any:
    """An object with its own numbers and texts, long ones cut, and how much is nested in it."""
    if not isinstance(value, dict):
        return value
    nested = {k: f"({len(v)} {'keys' if isinstance(v, dict) else 'items'})" for k, v in value.items() if _is_nested(v)}
    return {k: nested.get(k, _text(v) if isinstance(v, str) else v) for k, v in value.items()}


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict | list) for v in value))


if __name__ == "__main__":
    sys.exit(main())
