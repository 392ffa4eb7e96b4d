"""Persons and production companies: invented, and the same in every film they appear in.

What belongs here: who exists, by number. What does not: who works on which film (details.py).
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, Final

from tmdb_assets.sandbox.tmdb import vocabulary
from tmdb_assets.sandbox.tmdb.noise import mix, salt

DEPARTMENTS: Final = ("Acting", "Directing", "Writing", "Sound", "Camera", "Editing", "Production", "Art")
_COUNTRIES: Final = sorted(
    {"", *vocabulary.PARTNERS, *(code for t in vocabulary.TONGUES.values() for code in t["homes"])}
)
_COMPANIES_PER_COUNTRY: Final = {
    "US": 90,
    "GB": 30,
    "FR": 30,
    "DE": 18,
    "JP": 18,
    "IN": 18,
    "CA": 15,
    "ES": 12,
    "CN": 12,
}


def home(rng: Random, language: str) -> str:
    """A country that a film in the language comes from; the lists name the usual ones first."""
    homes = vocabulary.TONGUES[language]["homes"]
    return str(homes[draw(rng, len(homes))])


def partners(rng: Random, count: int) -> list[str]:
    """Countries that join in, the usual ones more often."""
    return [vocabulary.PARTNERS[draw(rng, len(vocabulary.PARTNERS))] for _ in range(count)]


def draw(rng: Random, pool: int) -> int:
    """A number below `pool`; small ones are drawn more often, as stars are cast more often than others."""
    return int(pool * rng.random() ** 1.4)


@lru_cache(maxsize=50_000)
def person(seed: int, culture: str, department: str, number: int) -> dict[str, Any]:
    """The shared part of a credit. Callers copy it, never change it."""
    names = vocabulary.CULTURES.index(culture)
    position = (number * len(vocabulary.CULTURES) + names) * len(DEPARTMENTS) + DEPARTMENTS.index(department)
    bits = mix(salt(f"{seed}:people"), position)
    gender = (
        (1, 2, 2, 1, 2, 1, 2, 0)[bits & 7] if department == "Acting" or bits & 8 else (2, 1, 2, 2, 0, 1, 2, 3)[bits & 7]
    )
    name = vocabulary.person_name(culture, bits >> 8, bits >> 20, gender)
    if culture in {"en", "fr", "de", "no"} and number > 150 and bits & 3 and " " in name:
        first, last = name.split(" ", 1)
        name = f"{first} {'ABCDEFGHJKLMNPRSTVW'[(bits >> 40) % 19]}. {last}"
    return {
        "adult": False,
        "gender": gender,
        "id": 1000 + position * 3 + bits % 3,
        "known_for_department": department if (bits >> 32) % 12 else "Acting",
        "name": name,
        "original_name": name,
        "popularity": round(0.02 + 14 / (1 + number / 6) * ((bits >> 44) % 1000) / 1000, 4),
        "profile_path": f"/sandbox-{bits & 0xFFFFFFFF:08x}.jpg" if (bits >> 36) % 5 else None,
    }


@lru_cache(maxsize=10_000)
def company(seed: int, country: str, number: int) -> dict[str, Any]:
    """A production company as it stands in a payload. Callers never change it."""
    position = number * len(_COUNTRIES) + _COUNTRIES.index(country)
    bits = mix(salt(f"{seed}:companies"), position)
    return {
        "id": 100 + position * 5 + bits % 5,
        "logo_path": f"/sandbox-logo-{bits & 0xFFFFFF:06x}.png" if (bits >> 24) % 3 else None,
        "name": vocabulary.company_name(country, bits >> 8),
        "origin_country": country,
    }


def some_company(rng: Random, seed: int, country: str) -> dict[str, Any]:
    """One of that country's companies, the great ones more often; now and then one whose country TMDB does not know."""
    if rng.random() < 0.06 or country not in _COUNTRIES:
        country = ""
    return company(seed, country, draw(rng, _COMPANIES_PER_COUNTRY.get(country, 8)))
