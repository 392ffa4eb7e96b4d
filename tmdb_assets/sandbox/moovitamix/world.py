"""Tracks, users and listening histories as they stand on a day, computed from a seed.

What belongs here: what exists on which day and in which state. What does not: pages, paths and errors (api.py).

Nothing is stored: every figure is a function of the seed, a number and a day, so that any day can be asked for in any
order. Days before `EPOCH` look like that day. The quirks of the real API are planted: updated before created, two users
with one e-mail, an e-mail that is none, histories without tracks, tracks that are gone but still listened to, a
duration that is none.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from tmdb_assets.sandbox.tmdb.noise import mix, salt, unit

EPOCH: Final = dt.date(2025, 1, 1).toordinal()
_EDIT_WINDOW: Final = 64  # an entity is edited at most once in so many days
_MODULUS: Final = 99_991  # a prime: multiplying by anything is a permutation, so no two numbers share an id


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST: Final = _words(
    "Ada Bela Ciro Dana Elio Fenna Goro Hedda Ilse Jora Kalle Lumi Miro Nuri Orla Pelle Quirin Runa Sanna Tove Ulla "
    "Vito Wanda Xenia Yuki Zeno"
)
_LAST: Final = _words(
    "Abend Birkeland Castellano Duvall Eklund Farrow Grieg Halloran Ibarra Jansky Kowal Lindqvist Marchetti Novak "
    "Ostrander Pellegrin Quist Rasmussen Sobel Tamm Ubaldi Vestergaard Winther Yilmaz Zeller"
)
_WORDS: Final = _words(
    "amber anchor bellows borrowed cinder copper driftwood ember ferry gravel harbour hollow iron kettle lantern "
    "marble nightjar orchard paper quarry river saltmarsh tinplate umbrella velvet window yonder zephyr"
)
GENRES: Final = (
    "Alternative",
    "Blues",
    "Classical",
    "Country",
    "Electronic",
    "Folk",
    "Funk",
    "Hip Hop",
    "Indie",
    "Jazz",
    "Metal",
    "Pop",
    "Punk",
    "R&B",
    "Reggae",
    "Rock",
    "Techno",
)
_GENDERS: Final = ("Female", "Male", "Non-binary", "Agender", "Genderfluid", "Bigender")
_HOSTS: Final = ("example.com", "example.net", "example.org")


@dataclass(frozen=True)
class Life:
    """When something appears and vanishes, as day numbers; it never vanishes if `gone` is None."""

    number: int
    born: int
    gone: int | None

    def is_there(self, day: int) -> bool:
        """Whether it is listed on a day."""
        return self.born <= day and (self.gone is None or day < self.gone)


class World:
    """Everything the API could be asked about, for one run of its server."""

    def __init__(self, seed: int, listeners: int) -> None:
        self._seed, self._listeners = seed, listeners
        self._known: dict[str, list[Life]] = {"tracks": [], "users": []}
        self._known_until = dict.fromkeys(self._known, EPOCH - 1)
        self._listeners_of = cache(self._who_listened)
        self._catalogue = lru_cache(maxsize=1024)(self._listed_tracks)
        self._history = lru_cache(maxsize=200_000)(self._history_of)

    def tracks(self, day: dt.date) -> list[dict[str, Any]]:
        """The tracks listed on a day, in the order of their appearance."""
        now = _day(day)
        return [self._track(life.number, life.born, now) for life in self._lives("tracks", now) if life.is_there(now)]

    def users(self, day: dt.date) -> list[dict[str, Any]]:
        """The users listed on a day, in the order of their appearance."""
        now = _day(day)
        return [self._user(life.number, life.born, now) for life in self._lives("users", now) if life.is_there(now)]

    def histories(self, day: dt.date) -> list[dict[str, Any]]:
        """The listening histories listed on a day, oldest first; those of users who left stay for a month."""
        now = _day(day)
        heard = [(life, then) for then in range(EPOCH, now + 1) for life in self._listeners_of(then)]
        stay = [(life, then) for life, then in heard if life.gone is None or now < life.gone + 30]
        found = [self._history(life, then, now > then) for life, then in stay]
        return sorted(found, key=lambda row: (row["created_at"], row["user_id"]))

    def truth(self, day: dt.date) -> dict[str, Any]:
        """What is planted up to a day."""
        emails = [user["email"] for user in self.users(day)]
        return {
            "tracks": len(self.tracks(day)),
            "users": len(emails),
            "users_sharing_an_email": sum(emails.count(email) > 1 for email in emails),
            "emails_that_are_none": sum("@" not in email for email in emails),
        }

    # -- who exists ------------------------------------------------------------------------------------------------

    def _lives(self, kind: str, until: int) -> list[Life]:
        """Everything of a kind born up to a day: a stock at the beginning, then more day by day."""
        size = self._listeners if kind == "users" else self._listeners * 3 // 2
        bits, known = salt(f"{self._seed}:{kind}"), self._known[kind]
        for born in range(self._known_until[kind] + 1, until + 1):
            for _ in range(size if born == EPOCH else int(size / 500 + unit(bits, born))):
                stay = 40 + int(1200 * unit(bits + 1, len(known)))
                known.append(Life(len(known), born, born + stay if unit(bits + 2, len(known)) < 0.5 else None))
        self._known_until[kind] = max(until, self._known_until[kind])
        return known[: bisect_right(known, until, key=lambda life: life.born)]

    def _id(self, kind: str, number: int) -> int:
        start = salt(f"{self._seed}:{kind}:ids")
        return 1 + (start + (number + 1) * (1 + start % (_MODULUS - 1))) % _MODULUS

    def _edited_on(self, kind: str, number: int, born: int, now: int) -> tuple[int, int]:
        """(How often something was edited up to now, the day of the last edit)."""
        bits = salt(f"{self._seed}:{kind}:edits:{number}")
        edits, last = 0, born
        for window in range(born // _EDIT_WINDOW, now // _EDIT_WINDOW + 1):
            day = window * _EDIT_WINDOW + mix(bits, window) % _EDIT_WINDOW
            if born < day <= now and unit(bits + 1, window) < 0.6:
                edits, last = edits + 1, day
        return edits, last

    # -- what they look like ---------------------------------------------------------------------------------------

    def _track(self, number: int, born: int, now: int) -> dict[str, Any]:
        bits = mix(salt(f"{self._seed}:track"), number)
        edits, edited = self._edited_on("tracks", number, born, now)
        artist = _name(mix(bits, 1) % 160)
        seconds = 61 + mix(bits, 2) % 3500
        duration = "61:75" if number % 311 == 17 else f"{seconds // 60:02}:{seconds % 60:02}"
        genres = _of(GENRES, mix(bits, 3)) + (f", {_of(GENRES, mix(bits, 4))}" if number % 9 == 4 else "")
        return {
            "id": self._id("tracks", number),
            "name": f"{_of(_WORDS, bits)} {_of(_WORDS, bits >> 8)}",
            "artist": artist,
            "songwriters": _name(mix(bits, 5)),
            "duration": duration,
            "genres": genres,
            "album": f"{_of(_WORDS, bits >> 16)}{' (remastered)' * (edits > 1)}",
            **_stamps(bits, born, edited, edits),
        }

    def _user(self, number: int, born: int, now: int) -> dict[str, Any]:
        bits = mix(salt(f"{self._seed}:user"), number)
        edits, edited = self._edited_on("users", number, born, now)
        # the seventieth user signs up again under another name, with the e-mail of the one before
        told = number - 1 if number % 70 == 40 else number
        first, last = _of(_FIRST, bits), _of(_LAST, mix(bits, edits // 3))
        email = f"{_of(_FIRST, mix(salt(f'{self._seed}:mail'), told)).lower()}{told}@{_of(_HOSTS, told)}"
        return {
            "id": self._id("users", number),
            "first_name": first,
            "last_name": last,
            "email": email.replace("@", " at ") if number % 150 == 90 else email,
            "gender": _of(_GENDERS, bits >> 20),
            "favorite_genres": self._favorite(number, edits),
            **_stamps(bits, born, edited, edits),
        }

    def _favorite(self, number: int, edits: int) -> str:
        return _of(GENRES, mix(salt(f"{self._seed}:favorite:{number}"), edits // 2))

    def _who_listened(self, day: int) -> list[Life]:
        """The users who listened on a day: all on their first, later now and then."""
        bits = salt(f"{self._seed}:listening")

        def listened(life: Life) -> bool:
            eager = 0.002 + 0.008 * unit(bits, life.number) ** 3
            return life.born == day or unit(bits + day, life.number) < eager

        return [life for life in self._lives("users", day) if life.is_there(day) and listened(life)]

    def _listed_tracks(self, day: int) -> list[int]:
        return [life.number for life in self._lives("tracks", day) if life.is_there(day)]

    def _history_of(self, life: Life, heard: int, is_over: bool) -> dict[str, Any]:
        """One history row: a few tracks, one more from the day after on. Callers never change it."""
        bits = mix(salt(f"{self._seed}:history:{life.number}"), heard)
        count = 0 if bits % 41 == 7 else 1 + bits % 7
        continued = is_over and bits % 5 == 0
        catalogue = self._catalogue(heard)
        chosen = [catalogue[int(len(catalogue) * unit(bits, step) ** 2.5)] for step in range(count + int(continued))]
        created = dt.datetime.combine(dt.date.fromordinal(heard), dt.time()) + dt.timedelta(seconds=bits % 86_400)
        updated = created + dt.timedelta(days=int(continued), seconds=60 * count)
        return {
            "user_id": self._id("users", life.number),
            "items": [self._id("tracks", number) for number in dict.fromkeys(chosen)],
            "created_at": _iso(created, bits),
            "updated_at": _iso(updated, bits),
        }


# -- small steps -------------------------------------------------------------------------------------------------------


def _day(day: dt.date) -> int:
    return max(day.toordinal(), EPOCH)


def _of(words: tuple[str, ...], bits: int) -> str:
    return words[bits % len(words)]


def _name(bits: int) -> str:
    return f"{_of(_FIRST, bits)} {_of(_LAST, bits // 26)}"


def _stamps(bits: int, born: int, edited: int, edits: int) -> dict[str, str]:
    """created_at and updated_at; as in the real API, a quarter of what was never edited was updated before it was
    made."""
    created = dt.datetime.combine(dt.date.fromordinal(born), dt.time()) + dt.timedelta(seconds=bits % 86_400)
    updated = dt.datetime.combine(dt.date.fromordinal(edited), dt.time()) + dt.timedelta(seconds=mix(bits, 9) % 86_400)
    if not edits:
        updated = created - dt.timedelta(days=bits % 300) if bits % 4 == 1 else created
    return {"created_at": _iso(created, bits), "updated_at": _iso(updated, bits >> 7)}


def _iso(moment: dt.datetime, bits: int) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{bits % 1_000_000:06}"
