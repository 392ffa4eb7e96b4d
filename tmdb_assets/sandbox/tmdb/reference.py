"""Genres, languages and countries as TMDB lists them, read from reference.toml.

What belongs here: public codes and their names, with the peculiarities a reader of TMDB must survive (codes outside ISO
639-1 such as cn, xx and sh; empty native names; country codes that ISO withdrew). What does not: anything about a film.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

_FACTS: Final = tomllib.loads(Path(__file__).with_name("reference.toml").read_text(encoding="utf-8"))
_GENRES: Final = (
    "28 Action|12 Adventure|16 Animation|35 Comedy|80 Crime|99 Documentary|18 Drama|10751 Family|14 Fantasy|"
    "36 History|27 Horror|10402 Music|9648 Mystery|10749 Romance|878 Science Fiction|10770 TV Movie|53 Thriller|"
    "10752 War|37 Western"
)

GENRE_NAMES: Final = {int(item.split(" ", 1)[0]): item.split(" ", 1)[1] for item in _GENRES.split("|")}
GENRES: Final = [{"id": genre_id, "name": name} for genre_id, name in GENRE_NAMES.items()]
LANGUAGES: Final = [{"english_name": english, "iso_639_1": c, "name": own} for c, english, own in _FACTS["languages"]]
COUNTRIES: Final = sorted(
    (
        {"english_name": name, "iso_3166_1": code, "native_name": (own or [name])[0]}
        for code, name, *own in [*_FACTS["countries"], *_FACTS["former_countries"]]
    ),
    key=lambda row: row["english_name"],
)
LANGUAGE_ROWS: Final[dict[str, dict[str, str]]] = {row["iso_639_1"]: row for row in LANGUAGES}
COUNTRY_NAMES: Final[dict[str, str]] = {row["iso_3166_1"]: row["english_name"] for row in COUNTRIES}
CONFIGURATION: Final[dict[str, Any]] = {
    "images": {
        "base_url": "http://sandbox.invalid/t/p/",
        "secure_base_url": "https://sandbox.invalid/t/p/",
        "backdrop_sizes": ["w300", "w780", "original"],
        "logo_sizes": ["w45", "w92", "original"],
        "poster_sizes": ["w92", "w154", "w342", "original"],
        "profile_sizes": ["w45", "w185", "original"],
        "still_sizes": ["w92", "w300", "original"],
    },
    "change_keys": ["budget", "overview", "plot_keywords", "release_dates", "revenue", "runtime", "status", "tagline"],
}
