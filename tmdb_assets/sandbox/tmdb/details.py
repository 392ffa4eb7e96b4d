"""The payload of one film: what /movie/{id} says, version by version.

What belongs here: everything that does not change from day to day, and the edits that do change it. What does not: the
numbers of a day (timeline.py), whose places are left open, and pages of films (catalogue.py).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from random import Random
from typing import Any

from tmdb_assets.sandbox.answers import encode_fast
from tmdb_assets.sandbox.tmdb import people, vocabulary
from tmdb_assets.sandbox.tmdb.credits import credits_of
from tmdb_assets.sandbox.tmdb.noise import mix, unit
from tmdb_assets.sandbox.tmdb.quirks import EFFECTS
from tmdb_assets.sandbox.tmdb.reference import COUNTRY_NAMES, GENRE_NAMES, LANGUAGE_ROWS
from tmdb_assets.sandbox.tmdb.timeline import Film

Payload = dict[str, Any]
PARTS = ("credits", "keywords", "external_ids", "release_dates")
_ROW = (
    "adult", "backdrop_path", "genre_ids", "id", "title", "original_language", "original_title", "overview",
    "popularity",
    "poster_path", "release_date", "softcore", "video", "vote_average", "vote_count",
)  # fmt: skip
_NUMBERS = ("popularity", "vote_average", "vote_count")
_HOLE = "\0"
_HOLES = dict.fromkeys(_NUMBERS, _HOLE)


class Version:
    """One state of a film's payload, encoded, with holes where the numbers of a day go."""

    def __init__(self, payload: Payload, parts: dict[str, Callable[[], Any]]) -> None:
        self.original_title = str(payload["original_title"])
        self.revenue = int(payload["revenue"])
        self._payload = payload
        self._makers = parts
        self._parts: dict[str, bytes] = {}

    def details(self, numbers: Sequence[bytes], asked: Sequence[str]) -> bytes:
        """The whole answer, with the parts that were asked for."""
        body = _fill(self._main_pieces, numbers)
        if not asked:
            return body
        return b"".join([body[:-1], *(self._part(name) for name in asked), b"}"])

    def row(self, numbers: Sequence[bytes]) -> bytes:
        """The film as a list page shows it."""
        return _fill(self._row_pieces, numbers)

    @cached_property
    def _main_pieces(self) -> list[bytes]:
        return _with_holes(self._payload)

    @cached_property
    def _row_pieces(self) -> list[bytes]:
        payload = self._payload
        row = {key: payload.get(key, False) for key in _ROW}
        row["genre_ids"] = [genre["id"] for genre in payload["genres"]]
        return _with_holes(row)

    def _part(self, name: str) -> bytes:
        if name not in self._parts:
            self._parts[name] = b',"%s":%s' % (name.encode(), encode_fast(self._makers[name]()))
        return self._parts[name]


def titles(film: Film, seed: int) -> tuple[str, str]:
    """(English title, original title); the parts of a franchise share theirs."""
    if film.named:
        return film.named
    if "titled_unknown" in film.quirks:
        return "Unknown", "Unknown"
    if film.part:
        franchise, part = film.part
        title = franchise_titles(seed, franchise)[part - 1]
        return title, title
    return vocabulary.title_in(Random(f"{seed}:title:{film.number}"), film.language)


def franchise_titles(seed: int, franchise: int) -> tuple[str, str, str]:
    """The titles of the three parts."""
    rng = Random(f"{seed}:franchise:{franchise}")
    first = vocabulary.english_title(rng)
    second, third = (" II", " III") if rng.random() < 0.5 else (": Part 2", ": Part 3")
    return first, f"{first}{second}", f"{first}{third}"


def build(film: Film, seed: int, edits: Sequence[tuple[int, str]]) -> Version:
    """The film's payload after those edits."""
    rng = Random(f"{seed}:details:{film.number}")
    payload, keywords = _first_payload(film, seed, rng)
    planned_revenue = payload["revenue"]
    day = film.born
    if not film.quirks and (not film.premiere or film.premiere + 25 > day):
        payload["revenue"] = 0
    for name in sorted(film.quirks):
        EFFECTS[name](payload)
    gone: set[Any] = set()
    for day, kind in edits:
        _edit(film, seed, payload, keywords, gone, day, kind, planned_revenue)
    release, countries = film.release_on(day), [country["iso_3166_1"] for country in payload["production_countries"]]
    imdb_id = payload["imdb_id"]
    return Version(
        payload,
        {
            "credits": lambda: credits_of(film, seed),
            "keywords": lambda: {"keywords": keywords},
            "external_ids": lambda: _external_ids(film, imdb_id),
            "release_dates": lambda: {"results": _release_dates(film, release, countries)},
        },
    )


def _first_payload(film: Film, seed: int, rng: Random) -> tuple[Payload, list[dict[str, Any]]]:
    title, original_title = titles(film, seed)
    country = people.home(rng, film.language)
    countries = [country, *people.partners(rng, rng.choices((0, 1, 2, 3), cum_weights=(70, 90, 98, 100))[0])]
    countries = list(dict.fromkeys(countries)) if rng.random() > 0.04 else []
    languages = [
        film.language,
        *rng.sample(
            ("en", "fr", "es", "de", "ja", "ar", "it", "ru"), rng.choices((0, 1, 2), cum_weights=(75, 95, 100))[0]
        ),
    ]
    makers = [
        people.some_company(rng, seed, rng.choice(countries or [country]))
        for _ in range(rng.choices((0, 1, 2, 3, 5), cum_weights=(7, 40, 73, 93, 100))[0])
    ]
    keyword_count = rng.choices((0, 3, 7, 12), cum_weights=(20, 60, 90, 100))[0]
    keywords = [_keyword(seed, number) for number in rng.sample(range(len(vocabulary.KEYWORDS)), keyword_count)]
    budget, revenue = _money(film, rng)
    picture = f"{film.salt & 0xFFFFFFFFFF:010x}"
    payload: Payload = {
        "adult": film.adult,
        "backdrop_path": f"/sandbox-back-{picture}.jpg" if rng.random() < 0.8 else None,
        "belongs_to_collection": _collection(film, seed),
        "budget": budget,
        "genres": [{"id": genre_id, "name": GENRE_NAMES[genre_id]} for genre_id in film.genre_ids],
        "homepage": f"https://sandbox.invalid/film/{film.movie_id}" if rng.random() < 0.25 else "",
        "id": film.movie_id,
        "imdb_id": f"tt9{film.movie_id:08d}" if rng.random() < 0.9 else None if rng.random() < 0.7 else "",
        "origin_country": countries[:1],
        "original_language": film.language,
        "original_title": original_title,
        "overview": vocabulary.overview(rng) if rng.random() < 0.96 else "",
        "popularity": 0.0,
        "poster_path": f"/sandbox-{picture}.jpg" if rng.random() < 0.93 else None,
        "production_companies": list({maker["id"]: maker for maker in makers}.values()),
        "production_countries": [_country(code) for code in countries],
        "release_date": _iso(film.release_on(film.born)),
        "revenue": revenue,
        "runtime": 0 if rng.random() < 0.03 else min(245, max(4, int(rng.gauss(104, 19)))),
        "softcore": False,
        "spoken_languages": [LANGUAGE_ROWS[code] for code in dict.fromkeys(languages)],
        "status": film.status_on(film.born),
        "tagline": vocabulary.tagline(rng.randrange(99)) if rng.random() < 0.5 else "",
        "title": title,
        "video": film.video,
        "vote_average": 0.0,
        "vote_count": 0,
    }
    return payload, [] if "no_keywords" in film.quirks else keywords


def _money(film: Film, rng: Random) -> tuple[int, int]:
    """Budget and revenue in dollars, 0 where TMDB would not know them; old films were cheaper."""
    year = dt.date.fromordinal(film.premiere or film.born).year
    era = 1 / (1 + max(0, 2020 - year) / 22)
    known = rng.random() < 0.45 + 0.2 * film.fame
    budget = min(360e6, math.exp(15.1 + 1.15 * film.fame + rng.gauss(0, 0.8)) * era)
    takings = min(2.6e9 * era, budget * math.exp(rng.gauss(0.45 + 0.2 * film.fame, 1.05)))
    if rng.random() > (0.85 if known else 0.15):
        takings = 0
    step = 10 ** max(2, int(math.log10(budget)) - 1)
    return int(budget / step) * step if known else 0, int(takings)


def _edit(
    film: Film,
    seed: int,
    payload: Payload,
    keywords: list[Any],
    gone: set[Any],
    day: int,
    kind: str,
    planned_revenue: int,
) -> None:
    """Apply one edit. No earlier state may return, so a member once removed stays away and figures only grow."""
    bits = mix(film.salt, day)
    makers, countries = payload["production_companies"], payload["production_countries"]
    if kind == "release":
        payload["release_date"] = _iso(film.release_on(day))
    elif kind == "status":
        payload["status"] = film.status_on(day)
    elif kind == "reported" and planned_revenue and not payload["revenue"]:
        payload["revenue"] = planned_revenue
    elif kind == "revenue" and payload["revenue"]:
        payload["revenue"] += 1 + int(payload["revenue"] * unit(bits, 1) * 0.02)
    elif kind == "runtime" and payload["runtime"]:
        payload["runtime"] += 1 + bits % 3
    elif kind == "company_removed" and len(makers) > 1:
        gone.add(makers.pop(bits % len(makers))["id"])
    elif kind == "country_removed" and len(countries) > 1:
        gone.add(countries.pop(bits % len(countries))["iso_3166_1"])
    elif kind == "company_added" and (company := _new_company(seed, bits, makers, gone)):
        makers.append(company)
    elif kind == "country_added" and (code := vocabulary.PARTNERS[bits % len(vocabulary.PARTNERS)]) not in gone | {
        c["iso_3166_1"] for c in countries
    }:
        countries.append(_country(code))
    elif kind == "keyword_added" and (keyword := _keyword(seed, bits % len(vocabulary.KEYWORDS))) not in keywords:
        keywords.append(keyword)
    elif kind == "tagline" and not payload["tagline"]:
        payload["tagline"] = vocabulary.tagline(bits)
    else:
        payload["overview"] = (payload["overview"] + vocabulary.added_sentence(bits, _iso(day))).strip()


def _new_company(seed: int, bits: int, makers: list[dict[str, Any]], gone: set[Any]) -> dict[str, Any] | None:
    company = people.some_company(Random(bits), seed, vocabulary.PARTNERS[bits % len(vocabulary.PARTNERS)])
    return None if company["id"] in gone | {maker["id"] for maker in makers} else company


@lru_cache(maxsize=2_000)
def _keyword(seed: int, number: int) -> dict[str, Any]:
    return {"id": 300 + number * 17 + mix(seed, number) % 17, "name": vocabulary.KEYWORDS[number]}


def _collection(film: Film, seed: int) -> Payload | None:
    if film.part is None:
        return None
    franchise = film.part[0]
    name = vocabulary.english_title(Random(f"{seed}:franchise:{franchise}"))
    picture = f"/sandbox-collection-{franchise}.jpg"
    return {"id": 500_000 + franchise, "name": f"{name} Collection", "poster_path": picture, "backdrop_path": None}


def _external_ids(film: Film, imdb_id: str | None) -> Payload:
    wikidata = f"Q9{film.movie_id:09d}" if film.salt % 3 else None
    return {"imdb_id": imdb_id, "wikidata_id": wikidata, "facebook_id": None, "instagram_id": None, "twitter_id": None}


def _release_dates(film: Film, release: int, countries: list[str]) -> list[Payload]:
    """Release type 3 is theatrical, 1 a premiere, 4 digital."""
    if not release:
        return []
    marks = {
        "US": ("PG-13", "R", "PG", "NR"),
        "DE": ("12", "16", "6"),
        "GB": ("15", "12A"),
        "FR": ("TP", "12"),
        "BR": ("14", "L"),
    }
    rows = []
    for position, code in enumerate(dict.fromkeys([*countries, *("US", "GB", "DE", "BR")[: film.salt % 5]])):
        marks_here = marks.get(code, ("",))
        dates: list[Payload] = [
            {
                "certification": marks_here[film.salt % len(marks_here)],
                "descriptors": [],
                "iso_639_1": "",
                "note": "Sandbox Film Days" if kind == 1 else "",
                "release_date": f"{_iso(release + position * 6 + delay)}T00:00:00.000Z",
                "type": kind,
            }
            for kind, delay in ((1, 0), (3, 0), (4, 90))
            if kind == 3 or (position == 0 and (film.salt >> kind) & 3 == 0)
        ]
        rows.append({"iso_3166_1": code, "release_dates": dates})
    return rows


def _country(code: str) -> dict[str, str]:
    return {"iso_3166_1": code, "name": COUNTRY_NAMES[code]}


def _iso(day: int) -> str:
    return dt.date.fromordinal(day).isoformat() if day else ""


def _with_holes(payload: Payload) -> list[bytes]:
    """The encoded payload, cut where the numbers belong; payloads keep the order of _NUMBERS."""
    text = encode_fast({**payload, **_HOLES})
    return text.split(encode_fast(_HOLE))


def _fill(pieces: list[bytes], numbers: Sequence[bytes]) -> bytes:
    popularity, average, count = numbers
    return b"".join([pieces[0], popularity, pieces[1], average, pieces[2], count, pieces[3]])
