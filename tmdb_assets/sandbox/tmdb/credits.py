"""Who works on which film: the cast and the crew of one film.

What belongs here: the choice of persons, their order and their jobs, the oddities of cast lists included. What does
not: who the persons are (people.py).
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from tmdb_assets.sandbox.tmdb import people, vocabulary
from tmdb_assets.sandbox.tmdb.noise import mix, salt
from tmdb_assets.sandbox.tmdb.timeline import Film

Credit = dict[str, Any]
# job, department, chance that a film has one; above 1 it always has and may have two.
_JOBS: Final = (
    ("Screenplay", "Writing", 0.75),
    ("Writer", "Writing", 0.45),
    ("Original Music Composer", "Sound", 0.8),
    ("Director of Photography", "Camera", 0.85),
    ("Editor", "Editing", 0.85),
    ("Producer", "Production", 1.7),
    ("Executive Producer", "Production", 0.8),
    ("Casting", "Production", 0.5),
    ("Production Design", "Art", 0.5),
    ("Art Direction", "Art", 0.3),
    ("Sound Designer", "Sound", 0.25),
)
_ODD_NAMES: Final = (" Ida Blankenship ", "Jean | Jeanne Double", "Rook &amp; Rye", 'O\'Neil "Sparks" 🦊')


def credits_of(film: Film, seed: int) -> dict[str, list[Credit]]:
    """Cast and crew; the parts of a franchise share their leads and their director."""
    rng = Random(f"{seed}:credits:{film.number}")
    culture = vocabulary.TONGUES[film.language]["names"]
    pool = 3000 if culture == "en" else 500
    actors = _actors(film, rng, pool)
    director = people.draw(rng, pool // 4)
    if film.part:
        shared = Random(f"{seed}:leads:{film.part[0]}")
        actors = list(dict.fromkeys([*(people.draw(shared, pool) for _ in range(3)), *actors]))
        director = people.draw(shared, pool // 4)
    gap = 2 if "cast_order_gaps" in film.quirks or rng.random() < 0.15 else 0
    cast = [
        {
            **people.person(seed, culture if mix(seed, actor) % 7 else "en", "Acting", actor),
            "cast_id": position + 3,
            "character": vocabulary.character(culture, mix(film.salt, position)) if rng.random() < 0.94 else "",
            "credit_id": _credit_id(film, position),
            "order": position + gap * (position // 4),
        }
        for position, actor in enumerate(actors)
    ]
    if "odd_person_names" in film.quirks:
        for credit, name in zip(cast, _ODD_NAMES, strict=False):
            credit.update(name=name, original_name=name, id=80_000_000 + salt(name) % 1000)
    return {"cast": cast, "crew": [] if "no_crew" in film.quirks else _crew(film, seed, rng, culture, director)}


def _actors(film: Film, rng: Random, pool: int) -> list[int]:
    if "no_cast" in film.quirks:
        return []
    if "huge_cast" in film.quirks:
        return list(range(420))
    size = rng.randrange(60, 160) if rng.random() < 0.02 else max(0, int(rng.gauss(12 + 3 * film.fame, 6)))
    if film.quirks:
        size = max(size, 9)
    actors = list(dict.fromkeys(people.draw(rng, pool) for _ in range(size)))
    if "same_person_twice" in film.quirks:
        actors.insert(2, actors[0])
    return actors


def _crew(film: Film, seed: int, rng: Random, culture: str, director: int) -> list[Credit]:
    directors = (
        0 if "no_director" in film.quirks else 21 if "many_directors" in film.quirks else 1 + (rng.random() < 0.06)
    )
    chosen = [("Director", "Directing", director + 7 * extra) for extra in range(directors)]
    pool = 400 if culture == "en" else 90
    for job, department, chance in _JOBS:
        numbers = dict.fromkeys(people.draw(rng, pool) for _ in range(int(chance + rng.random())))
        chosen += [(job, department, number) for number in numbers]
    return [
        {
            **people.person(seed, culture, department, number),
            "credit_id": _credit_id(film, 10_000 + position),
            "department": department,
            "job": job,
        }
        for position, (job, department, number) in enumerate(chosen)
    ]


def _credit_id(film: Film, number: int) -> str:
    return f"{mix(film.salt, number):016x}{number:08x}"
