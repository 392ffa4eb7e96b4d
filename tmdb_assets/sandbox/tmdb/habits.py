"""The bad habits of TMDB as it is, how often each strikes, and the dice that say when.

What belongs here: the one table of habits and rates, and the draw that decides whether a habit strikes. What does not:
what a habit does to an answer (wild.py, spoiling.py) and failures of the network (../faults.py).

A draw depends on the seed, the day and the question alone, so asking again meets the same habits, another day others,
and the same question in other words too. What is false at first is told `lasting` times in a row, counted in the memory of
the process, and then the truth for good.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tmdb_assets.sandbox.tmdb.noise import salt, unit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Habit:
    """One habit: its name, its rate with `--wild`, and its rate when its option is given without a number."""

    name: str
    wild: float
    alone: float
    most: float
    meaning: str

    @property
    def option(self) -> str:
        """How the command line spells it."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def counts(self) -> bool:
        """Whether its number is a whole one, rather than a share."""
        return self.most > 1


FAILURES = 3  #: how often a film that fails answers 500, times `lasting`
LATER_PAGES = 20  #: an empty list strikes later pages so much more seldom than the first

HABITS = (
    # Lists that move, exports that are not there: so for as long as the process lives.
    Habit("move", 0.05, 0.05, 0.4, "of the rows of /discover/movie repeat a film of the page before or after, and as many films are on no page"),
    Habit("no_export", 0, 1, 1, "of the days have no ID export, however late one asks"),
    Habit("export_late", 0, 1, 90, "newest ID exports are not there yet (1: the day's own)"),
    # Whole answers that are false at first.
    Habit("empty_lists", 0.25, 0.25, 1, f"of the lists say at first that they hold no film; a {LATER_PAGES}th of that of their later pages"),
    Habit("bad_exports", 0.3, 0.3, 1, "of the ID exports are absent, empty or half a file at first"),
    Habit("bad_reference", 0.2, 0.2, 1, "of the reference lists are null, empty or an error with status 200 at first"),
    Habit("nameless", 0.01, 0.01, 1, "of the films answer at first with status 200, an error and no id"),
    Habit("false_404", 0.01, 0.01, 1, "of the films answer 404 at first, though they exist"),
    Habit("failing", 0.005, 0.005, 1, f"of the films answer 500 at first, {FAILURES} times as often as --lasting says"),
    Habit("garbled", 0.01, 0.01, 1, "of the films answer at first with a body that cannot be unpacked"),
    # What has to be lived with: the same whenever one asks on that day.
    Habit("changes", 7000, 7000, 100_000, "ids of films that do not exist stand in /movie/changes before the true ones, each day"),
    Habit("broken_rows", 0.005, 0.005, 1, "of the rows of /discover/movie hold a lone surrogate, NaN or Infinity"),
    Habit("unsaid_gzip", 0.33, 0.33, 1, "of the films answer packed with gzip, and no header says so"),
    Habit("said_gzip", 0.02, 0.02, 1, "of the JSON answers say that they are packed with gzip, and are not"),
    Habit("bom", 0.02, 0.02, 1, "of the JSON answers begin with a byte order mark"),
    Habit("odd_exports", 0.3, 0.3, 1, "of the ID exports are unpacked, or packed twice"),
    Habit("impossible", 0.3, 0.3, 1, "of the values that are unknown are impossible instead: dates, money, ids, types"),
)  # fmt: skip


class Dice:
    """Says for each question whether a habit strikes, and counts what has been told."""

    def __init__(self, rates: Mapping[str, float], lasting: int, seed: int) -> None:
        self._rates, self._lasting, self._seed = dict(rates), lasting, seed
        self._told: Counter[tuple[dt.date, str, str]] = Counter()
        self._struck: dict[str, Counter[str]] = {}

    def rate(self, habit: str) -> float:
        """The rate of a habit."""
        return self._rates.get(habit, 0)

    def draw(self, purpose: str, day: dt.date, question: str) -> float:
        """A number in [0, 1)."""
        return unit(salt(f"{self._seed}:{purpose}:{day}:{question}"), 0)

    def one_of(self, options: Sequence[T], purpose: str, day: dt.date, question: str) -> T:
        """One of some ways to do it."""
        return options[int(len(options) * self.draw(f"{purpose} which", day, question))]

    def strikes(self, habit: str, day: dt.date, question: str) -> bool:
        """Whether a habit that stays strikes this question."""
        return self.rate(habit) > self.draw(habit, day, question) and self._note(habit, day)

    def strikes_at_first(self, day: dt.date, question: str, rates: Mapping[str, float]) -> str | None:
        """Which of some habits, given with their rates, strikes this question once more: at most one, and not for ever."""
        number = self.draw("at first", day, question)
        for habit, rate in rates.items():
            if number < rate:
                told = self._told[day, habit, question]
                if told >= self._lasting * (FAILURES if habit == "failing" else 1):
                    return None
                self._told[day, habit, question] += 1
                self._note(habit, day)
                return habit
            number -= rate
        return None

    def _note(self, habit: str, day: dt.date) -> bool:
        self._struck.setdefault(day.isoformat(), Counter())[habit] += 1
        return True

    def truth(self) -> dict[str, Any]:
        """The rates, and how many answers (or rows, or values) each habit has spoiled so far, by the day asked about."""
        return {"rates": self._rates, "lasting": self._lasting, "struck": self._struck}
