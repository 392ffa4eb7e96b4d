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
# job, department, chance that a film has one (more than 1: several).
JOBS: Final = (
    ("Director", "Directing", 1.0), ("Screenplay", "Writing", 0.75), ("Writer", "Writing", 0.45), ("Original Music Composer", "Sound", 0.8),
    ("Director of Photography", "Camera", 0.85), ("Editor", "Editing", 0.85), ("Producer", "Production", 1.7), ("Executive Producer", "Production", 0.8),
    ("Casting", "Production", 0.5), ("Production Design", "Art", 0.5), ("Art Direction", "Art", 0.3), ("Sound Designer", "Sound", 0.25),
)  # fmt: skip
# Where films in a language come from, most often first; a country named twice is twice as likely.
_HOMES: Final = {
    "en": "US US US US US US US US GB GB GB CA CA AU IE NZ ZA NG KE GH JM SG NA".split(),
    "fr": "FR FR FR FR FR FR FR BE BE CA CH SN MA CI CM TN HT".split(),
    "es": "ES ES ES ES MX MX MX AR AR CL CO PE UY CU VE EC GT BO".split(),
    "de": "DE DE DE DE DE AT CH LU".split(),
    "pt": "BR BR BR BR PT PT AO MZ".split(),
    "ar": "EG EG EG LB MA TN SA AE DZ JO PS SY IQ".split(),
    "zh": "CN CN CN TW TW SG MY".split(),
    "hi": "IN IN IN IN NP FJ".split(),
    "ru": "RU RU RU KZ GE BY".split(),
}  # fmt: skip
PARTNERS: Final = "US GB FR DE CA BE ES IT SE DK NL NO FI PL CZ HU RO BG GR TR IL IN CN HK TW JP KR AU NZ ZA BR AR MX QA IS LU CH AT IE UA".split()
_COUNTRIES: Final = sorted(
    {*PARTNERS, *(code for codes in _HOMES.values() for code in codes), "TH", "IR", "RS", "EG", "RU", "PT", ""}
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
    "KR": 12,
}


def home(rng: Random, language: str) -> str:
    """A country that a film in the language comes from."""
    homes = _HOMES.get(language)
    if homes is None or rng.random() < 0.03:
        return str(vocabulary.TONGUES[language]["country"])
    return homes[int(rng.random() * len(homes))]


def draw(rng: Random, pool: int) -> int:
    """A number below `pool`; small ones are drawn far more often, as stars are cast more often than others."""
    return int(pool * rng.random() ** 2.4)


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
