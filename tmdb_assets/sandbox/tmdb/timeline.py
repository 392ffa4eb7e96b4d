"""The life of one film: when it appears and vanishes, its release dates, its edits, and its numbers on any day.

What belongs here: everything that depends on the day, in closed form, so that any day is as near as any other. What
does not: what the payload says (details.py). Days are ordinals (datetime.date.toordinal).
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from dataclasses import dataclass, field
from random import Random

from tmdb_assets.sandbox.tmdb.noise import mix, salt, unit
from tmdb_assets.sandbox.tmdb.vocabulary import TONGUES

EPOCH = dt.date(2020, 1, 1).toordinal()
BEFORE_EPOCH = EPOCH - 1
"""The birthday of every film that is there from the start."""
DELETIONS_PER_FILM_AND_DAY = 0.00012
EDITS_PER_FILM_AND_DAY = 0.0075
YEAR = 365.25
WEEK = tuple(1 + 0.09 * math.cos(2 * math.pi * (weekday - 5.5) / 7) for weekday in range(7))
LANGUAGES = list(TONGUES)
LANGUAGE_WEIGHTS = list(itertools.accumulate(tongue["per_mille"] for tongue in TONGUES.values()))
_QUIRKY_LANGUAGES = {"language_cn": "cn", "language_xx": "xx", "titled_unknown": "en"}
STATUS_DAYS = (240, 60, 0)
"""So many days before the premiere the status changes."""
REPORTED = (25, 45)
"""So many days after it the takings are told, at the earliest, and over how many days that spreads."""
EDIT_DAY, EDIT_KIND = 2**33, 2**34
"""Steps of `mix` that draw nothing else."""
# One that is named twice is twice as likely.
_EDIT_KINDS = (
    "overview", "overview", "keyword_added", "keyword_added", "revenue", "revenue", "runtime", "tagline",
    "company_removed",
    "company_added", "country_removed", "country_added",
)  # fmt: skip
GENRE_PROFILES = (
    (18,), (18, 10749), (35,), (35, 10749), (53, 80), (28, 53), (28, 12, 878), (27,), (27, 53, 9648), (16, 10751, 12),
    (99,), (18, 36), (18, 10752, 36), (878, 18), (14, 12, 10751), (10402, 18), (80, 18), (35, 80), (37, 18), (9648, 53),
    (10770, 10751),
)  # fmt: skip


@dataclass(slots=True)
class Breakout:
    """A sudden rise of one film's popularity, planted to be found."""

    first: int
    last: int
    factor: float


@dataclass(slots=True)
class Film:
    """What is known about a film without building its payload."""

    number: int
    movie_id: int
    salt: int
    born: int
    gone: int | None
    language: str
    genre_ids: tuple[int, ...]
    adult: bool
    video: bool
    fame: float
    releases: list[tuple[int, int]]
    """(from this day on, the release date then shown), oldest first; 0 is no date."""
    premiere: int
    """The day it really comes out; 0 is never. Its numbers obey this one, whatever date was shown before."""
    base: float
    peak: float
    decay: float
    votes: float
    rating: float
    quirks: frozenset[str]
    part: tuple[int, int] | None
    """(franchise, which part of it)."""
    breakouts: list[Breakout] = field(default_factory=list)
    named: tuple[str, str] | None = None
    """(English title, original title) where they were drawn for all films at once (columns.py)."""

    def visible(self, day: int) -> bool:
        """Whether the film can be seen on that day."""
        return self.born <= day and (self.gone is None or day < self.gone)

    def release_on(self, day: int) -> int:
        """The release date shown on that day; 0 is none."""
        shown = 0
        for since, release in self.releases:
            if since > day:
                break
            shown = release
        return shown

    def status_on(self, day: int) -> str:
        """TMDB's status on that day."""
        if not self.premiere:
            return "Planned"
        left = self.premiere - day
        if left <= 0:
            return "Released"
        return "Post Production" if left <= 60 else "In Production" if left <= 240 else "Planned"

    def popularity(self, day: int) -> float:
        """A slow wave, a weekly pattern, a peak around the release, breakouts and a little noise."""
        value = (
            self.base * (1 + 0.22 * math.sin((day + self.salt % 1000) / (40 + self.salt % 61))) * WEEK[(day + 6) % 7]
        )
        since = day - self.premiere if self.premiere else -1000
        if since < 0:
            value *= 0.35 + 0.8 * self.peak * math.exp(max(since, -700) / 25)
        elif since < 500:
            value *= 1 + self.peak * math.exp(-since / self.decay)
        for spike in self.breakouts:
            if spike.first <= day <= spike.last:
                value *= spike.factor * (1 - 0.4 * (day - spike.first) / (spike.last - spike.first + 1))
        return round(value * (0.93 + 0.14 * unit(self.salt, day)), 4)

    def vote_count(self, day: int) -> int:
        """Votes grow for ever, fast at first. The noise moves the clock, not the count, so the count never falls."""
        if not self.premiere or day < self.premiere:
            return 0
        if "implausible_votes" in self.quirks:
            return 5
        since = day - self.premiere + unit(self.salt + 1, day)
        share = 0.55 * (1 - math.exp(-since / 90)) + 0.12 * math.log1p(since / 200)
        for spike in self.breakouts:
            share += 0.04 * min(max(day - spike.first, 0) / (spike.last - spike.first + 1), 1)
        count = int(self.votes * share)
        if self.votes_corrected and day >= self.votes_corrected:
            count = int(count * 0.95)
        return count

    @property
    def votes_corrected(self) -> int:
        """The day on which the votes of a few films are corrected downwards; 0 for the others."""
        return EPOCH + 400 + self.salt % 1500 if "vote_correction" in self.quirks else 0

    def vote_average(self, day: int, count: int) -> float:
        """Settles down after the release; 0 without votes."""
        if count == 0:
            return 0.0
        drift = 0.5 * math.exp(-(day - self.premiere) / 120) * (1 if self.salt & 1 else -0.6)
        wobble = (unit(self.salt + 2, day // 7) - 0.5) * 1.2 / math.sqrt(count + 1)
        return round(min(10.0, max(0.5, self.rating + drift + wobble)), 3)


def make_film(seed: int, number: int, born: int, part: tuple[int, int] | None, quirks: tuple[str, ...]) -> Film:
    """The film of that number; `part` is (franchise, which part of it) or None."""
    rng = Random(f"{seed}:film:{number}")
    own = salt(f"{seed}:film:{number}")
    fame = rng.gauss(0.5 if part else 0.0, 1.0)
    lifetime = rng.expovariate(DELETIONS_PER_FILM_AND_DAY)
    language = rng.choices(LANGUAGES, cum_weights=LANGUAGE_WEIGHTS)[0]
    release = _release(rng, born, part)
    if quirks:
        release = min(release, born - 400)
    dated = rng.random() >= 0.01 or release <= born
    releases, premiere = [(born, release if dated else 0)], release if dated else 0
    if premiere > born + 40:
        releases, premiere = _postponements(rng, born, release)
    elif rng.random() < 0.15 and not quirks and premiere:
        corrected = max(born, EPOCH) + 30 + int(2500 * rng.random())
        releases.append((corrected, release + 1 + rng.randrange(3)))
    if "release_date_empty" in quirks:
        releases, premiere = [(born, 0)], 0
    age = max(0.0, (max(born, EPOCH) - (premiere or born)) / YEAR)
    adult, video = rng.random() < 0.008, rng.random() < 0.012
    return Film(
        number=number,
        movie_id=100 + number * 37 + own % 37,
        salt=own,
        born=born,
        gone=None if quirks else born + 1 + int(lifetime),
        language=next((code for quirk, code in _QUIRKY_LANGUAGES.items() if quirk in quirks), language),
        genre_ids=() if "no_genres" in quirks else _genres(rng),
        adult=adult and not quirks,
        video=video and not quirks,
        fame=fame,
        releases=releases,
        premiere=premiere,
        base=math.exp(0.55 + 0.85 * fame + rng.gauss(0, 0.25)) / (1 + age / 45),
        peak=(1.5 + 9 * rng.random() ** 2) * math.exp(0.3 * fame),
        decay=18 + 30 * rng.random(),
        votes=math.exp(4.6 + 1.6 * fame + rng.gauss(0, 0.4)) + (3000 if "vote_correction" in quirks else 0),
        rating=min(8.7, max(3.2, rng.gauss(6.3 + 0.25 * fame, 0.9))),
        quirks=frozenset(quirks),
        part=part,
    )


def edits(film: Film, seed: int, until: int) -> list[tuple[int, str]]:
    """(day, kind) of every change of the payload after the film's first day, oldest first; a longer view only adds to
    it.

    Each kind must bring something that was never there before (see details.py): only then do two days differ exactly
    if a change lies between them.
    """
    rng = Random(f"{seed}:edits:{film.number}")
    day, drawn = max(film.born, EPOCH), []
    while not film.quirks:
        day += 1 + int(rng.expovariate(EDITS_PER_FILM_AND_DAY))
        if day > until:
            break
        drawn.append((day, _EDIT_KINDS[int(rng.random() * len(_EDIT_KINDS))]))
    return in_order(film, drawn, until)


def steady_edits(film: Film, every: int, until: int) -> list[tuple[int, str]]:
    """The same in closed form: one edit in each stretch of `every` days, on a day of its own, so that whether a film
    changes on a day can be said without the days before it."""
    first, phase = max(film.born, EPOCH), film.salt % every
    found = []
    for stretch in range((first + phase) // every, (until + phase) // every + 1):
        day = stretch * every - phase + int(every * unit(film.salt, EDIT_DAY + stretch))
        if first < day:
            found.append((day, _EDIT_KINDS[mix(film.salt, EDIT_KIND + stretch) % len(_EDIT_KINDS)]))
    return in_order(film, found, until)


def in_order(film: Film, edits: list[tuple[int, str]], until: int) -> list[tuple[int, str]]:
    """The edits of a film and those that its release brings, oldest first."""
    if film.quirks:
        return []
    planned = [(day, "release") for day, _ in film.releases[1:]]
    if film.premiere:
        planned += [(film.premiere - left, "status") for left in STATUS_DAYS]
        planned.append((film.premiere + REPORTED[0] + film.salt % REPORTED[1], "reported"))
    last = until if film.gone is None else min(until, film.gone - 1)
    return sorted((day, kind) for day, kind in [*planned, *edits] if film.born < day <= last)


def births(seed: int, day: int, films: int) -> int:
    """How many films appear on a day: more every year, as at TMDB, and in proportion to the size asked for."""
    year = dt.date.fromordinal(day).year
    rate = {2020: 0.35, 2021: 0.4, 2022: 0.5, 2023: 0.6, 2024: 0.8, 2025: 1.1}.get(year, 2.0) * films / 2400
    number = salt(f"{seed}:births")
    return int(2 * rate * unit(number, day) + unit(number + 1, day))


def _release(rng: Random, born: int, part: tuple[int, int] | None) -> int:
    kind, spread = rng.random(), rng.random()
    if born >= EPOCH:
        if part:
            return born + 20 + int(90 * spread)
        if kind < 0.48:
            return born + 10 + int(380 * spread)
        if kind < 0.68:
            return born - int(60 * spread)
    elif part:
        franchise, position = part
        return EPOCH - 365 * (35 - mix(franchise, 1) % 20 - 4 * min(position, 3)) + int(300 * spread)
    elif kind < 0.06:
        return born + 5 + int(300 * spread)
    oldest = EPOCH - dt.date(1925, 1, 1).toordinal()
    return born - 1 - int(oldest * spread**2.2)


def _postponements(rng: Random, born: int, release: int) -> tuple[list[tuple[int, int]], int]:
    """Release dates shown one after the other, each announced before the one it replaces; and the real one."""
    shown = [(born, release)]
    if rng.random() < 0.08:  # announced without a date at first
        shown = [(born, 0), (born + 1 + int((release - born - 2) * rng.random()), release)]
    while len(shown) < 4 and rng.random() < 0.3:
        since = shown[-1][0]
        day = since + 1 + int((release - since - 1) * rng.random())
        if not since < day < release:
            break
        release += 14 + int(120 * rng.random())
        shown.append((day, release))
    return shown, release


def _genres(rng: Random) -> tuple[int, ...]:
    profile = GENRE_PROFILES[int(rng.random() * len(GENRE_PROFILES))]
    return profile if rng.random() < 0.8 else with_one_more(profile)


def with_one_more(profile: tuple[int, ...]) -> tuple[int, ...]:
    """Those genres and another."""
    return (*profile, *((35,) if 35 not in profile else (18,)))
