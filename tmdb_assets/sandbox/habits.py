"""Bad habits of a source: what one is, how often it strikes, and the dice that say when.

What belongs here: a habit, and the draw that decides whether it strikes. What does not: which habits a source has
(habits.py in its folder), what one does to an answer (wild.py there) and failures of the network (faults.py).

A draw depends on the seed, the day and the question alone, so asking again meets the same habits, another day others,
and the same question in other words too. What is false at first is told `lasting` times in a row, counted in the memory
of the process, and then the truth for good.
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


class Dice:
    """Says for each question whether a habit strikes, and counts what has been told."""

    def __init__(
        self, rates: Mapping[str, float], lasting: int, seed: int, longer: Mapping[str, int] | None = None
    ) -> None:
        """`longer`: habits that last so many times as long as the others."""
        self._rates, self.lasting, self._seed, self._longer = dict(rates), lasting, seed, longer or {}
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
        return self.rate(habit) > self.draw(habit, day, question) and self.note(habit, day)

    def at_most_one(self, day: dt.date, question: str, rates: Mapping[str, float]) -> str | None:
        """Which of some habits, given with their rates, a question has: at most one."""
        number = self.draw("at first", day, question)
        for habit, rate in rates.items():
            if number < rate:
                return habit
            number -= rate
        return None

    def strikes_at_first(self, day: dt.date, question: str, rates: Mapping[str, float]) -> str | None:
        """Which of some habits, given with their rates, strikes this question once more: at most one, and not for
        ever."""
        habit = self.at_most_one(day, question, rates)
        if habit is None or self._told[day, habit, question] >= self.lasting * self._longer.get(habit, 1):
            return None
        self._told[day, habit, question] += 1
        self.note(habit, day)
        return habit

    def note(self, habit: str, day: dt.date) -> bool:
        """Count that a habit has struck; always true."""
        self._struck.setdefault(day.isoformat(), Counter())[habit] += 1
        return True

    def truth(self) -> dict[str, Any]:
        """The rates, and how many answers (or rows, or values) each habit has spoiled so far, by the day asked
        about."""
        return {"rates": self._rates, "lasting": self.lasting, "struck": self._struck}
