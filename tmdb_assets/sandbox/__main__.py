"""The sandbox's command line: `python -m tmdb_assets.sandbox [serve | drops] [options]`.

What belongs here: options and their checking. What does not: what is served (server.py and the folders of the sources).
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from tmdb_assets.sandbox.habits import Habit
from tmdb_assets.sandbox.moovitamix import habits as of_music
from tmdb_assets.sandbox.moovitamix.api import MoovitamixSite
from tmdb_assets.sandbox.moovitamix.wild import WildMusicSite
from tmdb_assets.sandbox.server import HISTORY_STARTS, Application, Weather, run
from tmdb_assets.sandbox.streamflow.folders import FolderError, write_drops
from tmdb_assets.sandbox.streamflow.people import FIRST_MONTH, month_number
from tmdb_assets.sandbox.streamflow.wild import FORMS, WORDINGS, wordings
from tmdb_assets.sandbox.tmdb import habits as of_films
from tmdb_assets.sandbox.tmdb.api import TmdbSite
from tmdb_assets.sandbox.tmdb.catalogue import Catalogue, SyntheticCatalogue
from tmdb_assets.sandbox.tmdb.recorded import RecordedCatalogue, RecordingError
from tmdb_assets.sandbox.tmdb.reference import GENRES
from tmdb_assets.sandbox.tmdb.wild import WildSite
from tmdb_assets.settings import SettingsError, load_settings

FILM_BY_FILM = 20_000
"""Worlds of up to so many films keep every film as an object, greater ones as columns."""
FILMS_AT_MOST = 2_000_000
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Parser(argparse.ArgumentParser):
    """argparse with one sentence for an error, and no usage text around it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"sandbox: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or (given[0].startswith("-") and given[0] not in {"-h", "--help"}):
        given.insert(0, "serve")
    options = _parser().parse_args(given)
    if options.command == "drops":
        return _drop(options)
    try:
        return _serve(options)
    except RecordingError as error:
        print(f"sandbox: {error}", file=sys.stderr)
    except OSError as error:
        print(f"sandbox: {options.host} port {options.port} cannot be served: {error.strerror}.", file=sys.stderr)
    return 2


def _serve(options: argparse.Namespace) -> int:
    def today() -> dt.date:
        return options.today or dt.datetime.now(dt.UTC).date()

    if options.movies:
        recorded = RecordedCatalogue(options.movies)
        site = TmdbSite(recorded, options.token, recorded.genres(), options.drift)
    else:
        site = TmdbSite(_world(options.films, options.seed, today()), options.token, GENRES, options.drift)
    weather = Weather(options.latency, options.rate_limit, options.faults, options.slow, options.seed)
    calm = MoovitamixSite(options.seed, options.listeners, options.restart_after)
    films_rates, music_rates = (_wild_rates(options, source.HABITS) for source in (of_films, of_music))
    films = WildSite(site, films_rates, options.lasting, options.seed) if any(films_rates.values()) else site
    music = WildMusicSite(calm, music_rates, options.lasting, options.seed) if any(music_rates.values()) else calm
    run(Application([films, music], today, weather), options.host, options.port, options.exit_with_stdin)
    return 0


def _world(films: int, seed: int, today: dt.date) -> Catalogue:
    if films <= FILM_BY_FILM:
        return SyntheticCatalogue(films, seed, today)
    from tmdb_assets.sandbox.tmdb.wide import WideCatalogue  # it brings Polars, which no small world needs

    world = WideCatalogue(films, seed, today)
    world.prepare()  # before the ready line, for which callers wait longer than for an answer
    return world


def _wild_rates(options: argparse.Namespace, habits: Sequence[Habit]) -> dict[str, float]:
    """The rate of each bad habit of a source: what its own option says, else what --wild says, else none."""
    given = {habit.name: getattr(options, habit.name) for habit in habits}
    usual = {habit.name: habit.wild if options.wild else 0 for habit in habits}
    return {name: usual[name] if rate is None else rate for name, rate in given.items()}


def _form(options: argparse.Namespace) -> Callable[[int], str]:
    """In which form the drop of a month is written."""
    if options.form:
        return lambda month: options.form
    return lambda month: wordings(month)[options.wild - 1] if options.wild else "plain"


def _drop(options: argparse.Namespace) -> int:
    try:
        folder = options.to or load_settings().streamflow_drops
        form = _form(options)
        for written, users, form_of_it in write_drops(folder, options.months, options.users, options.seed, form):
            told = f", {form_of_it}" if options.wild or options.form else ""
            print(f"{written}: {users:,} users{told}", flush=True)
    except (FolderError, SettingsError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
    except OSError as error:
        print(f"sandbox: drops cannot be written to {error.filename or folder} ({error.strerror}).", file=sys.stderr)
    else:
        return 0
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m tmdb_assets.sandbox", description="A stand-in for the project's sources, on loopback only."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    drops = commands.add_parser("drops", help="write monthly CSV drops of streamflow into a folder")
    add = drops.add_argument
    add("--months", required=True, type=_months, metavar="YYYY-MM..YYYY-MM", help="the months to write, or one of them")
    add("--to", type=Path, metavar="FOLDER", help="where to (the setting STREAMFLOW_DROPS)")
    add("--users", default=2000, type=_between(int, 20, 1_000_000), help="about how many users a month has (2000)")
    add("--seed", default=7, type=int, help="another number is another service (7)")
    spoiled = drops.add_mutually_exclusive_group().add_argument
    spoiled(
        "--wild",
        nargs="?",
        const=1,
        type=_between(int, 1, WORDINGS),
        metavar="N",
        help=f"months as they come on bad days, each dropped {WORDINGS} times: write the Nth of these (1); the "
        "last is right again",
    )
    spoiled("--form", choices=FORMS, metavar="FORM", help=f"write the months in one form: {', '.join(FORMS)}")
    add = commands.add_parser("serve", help="serve the APIs (the default)").add_argument
    add("--host", default="127.0.0.1", type=_host, help="loopback only (127.0.0.1)")
    add("--port", default=0, type=_between(int, 0, 65535), help="0 takes a free port; the ready line says which")
    add("--token", default="sandbox", help="the credential callers must show (sandbox)")
    add(
        "--films",
        default=2400,
        type=_between(int, 1, FILMS_AT_MOST),
        help="about how many films there are by now (2400); TMDB has 1100000",
    )
    add(
        "--listeners",
        default=300,
        type=_between(int, 1, 20_000),
        help="how many listeners the music API had when it opened (300)",
    )
    add(
        "--restart-after",
        action="append",
        default=[],
        type=_between(int, 0, 1_000_000),
        metavar="ANSWERS",
        help="let the music API restart after so many answers: nearly every id changes (repeatable)",
    )
    add("--seed", default=7, type=int, help="another number is another world (7)")
    add("--today", type=_day, metavar="YYYY-MM-DD", help="the day it is (the real one, in UTC)")
    add(
        "--movies",
        action="append",
        type=Path,
        metavar="FILE",
        help="serve recorded films from a .jsonl or .jsonl.gz (repeatable)",
    )
    add("--latency", default=0.0, type=_between(float, 0, 3600), metavar="SECONDS", help="wait before every answer")
    add(
        "--rate-limit",
        default=0.0,
        type=_between(float, 0, 1e9),
        metavar="PER_SECOND",
        help="answer 429 above it (0: no limit)",
    )
    add(
        "--faults",
        default=0.0,
        type=_between(float, 0, 1),
        metavar="FRACTION",
        help="let that part of the requests fail",
    )
    add(
        "--slow",
        default=0.5,
        type=_between(float, 0, 3600),
        metavar="SECONDS",
        help="how long a slow answer takes, with --faults (0.5)",
    )
    add("--drift", action="store_true", help="rows move between list pages while one walks them")
    add("--wild", action="store_true", help="the sources as they are: every bad habit below, at its own rate")
    for habit in (*of_films.HABITS, *of_music.HABITS):
        add(
            habit.option,
            nargs="?",
            const=habit.alone,
            type=_between(int if habit.counts else float, 0, habit.most),
            metavar="N" if habit.counts else "FRACTION",
            help=f"{habit.meaning} ({habit.alone:g}; with --wild {habit.wild:g})",
        )
    add(
        "--lasting",
        default=1,
        type=_between(int, 1, 1_000_000),
        metavar="N",
        help="how many times in a row an answer that is false at first comes before the true one (1)",
    )
    add("--exit-with-stdin", action="store_true", help="end when stdin ends, so as to die with the parent")
    return parser


def _host(text: str) -> str:
    if text not in LOOPBACK:
        raise argparse.ArgumentTypeError(f"{text} is not loopback: the sandbox serves on {', '.join(LOOPBACK)} only.")
    return text


def _day(text: str) -> dt.date:
    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a day of the form YYYY-MM-DD.") from None
    if day < HISTORY_STARTS:
        raise argparse.ArgumentTypeError(f"{text} is before {HISTORY_STARTS}, where the sandbox's history starts.")
    return day


def _months(text: str) -> list[int]:
    first, _, last = text.partition("..")
    try:
        ends = [dt.datetime.strptime(month, "%Y-%m").date() for month in (first, last or first)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not of the form YYYY-MM..YYYY-MM.") from None
    if ends[0] < FIRST_MONTH or ends[1].year > 2050:
        raise argparse.ArgumentTypeError(f"{text} is not between {FIRST_MONTH:%Y-%m} and 2050-12.")
    if ends[1] < ends[0]:
        raise argparse.ArgumentTypeError(f"{text} ends before it begins.")
    return list(range(month_number(ends[0]), month_number(ends[1]) + 1))


def _between(kind: Callable[[str], float], low: float, high: float) -> Callable[[str], float]:
    def check(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {low:g} to {high:g}.")
        return value

    return check


if __name__ == "__main__":
    sys.exit(main())
