"""How the words of vocabulary.toml become titles, names and sentences.

What belongs here: text, invented. What does not: numbers, ids, dates, or any real film or person; a likeness is chance.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from random import Random
from typing import Any, Final

_WORDS: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("vocabulary.toml").read_text(encoding="utf-8"))

TONGUES: Final[dict[str, dict[str, Any]]] = _WORDS["tongues"]
CULTURES: Final[tuple[str, ...]] = tuple(_WORDS["names"])
COMPANY_WORDS: Final[list[str]] = _WORDS["company_words"]
KEYWORDS: Final[list[str]] = _WORDS["keywords"]
PARTNERS: Final[list[str]] = _WORDS["partners"]


def english_title(rng: Random) -> str:
    """A title of an English film that does not exist."""
    pattern, adjective, noun = rng.random(), rng.choice(_WORDS["adjectives"]), rng.choice(_WORDS["nouns"])
    place = rng.choice(_WORDS["places"])
    if pattern < 0.34:
        return f"The {adjective} {noun}"
    if pattern < 0.50:
        return f"{noun} of {place}"
    if pattern < 0.62:
        return f"{rng.choice(_WORDS['verbs'])} the {noun}"
    if pattern < 0.74:
        return f"{rng.choice(_WORDS['names']['en']['women'])} and the {adjective} {noun}"
    if pattern < 0.84:
        return f"{adjective} {noun}"
    if pattern < 0.92:
        return f"{'An' if noun[0] in 'AEIOU' else 'A'} {noun} for {rng.choice(_WORDS['names']['en']['men'])}"
    return f"{place[0].upper()}{place[1:]}, {rng.randrange(1890, 2030)}"


def title_in(rng: Random, language: str) -> tuple[str, str]:
    """(English title, original title) of a film in `language`; an English one twice where we have no words for it."""
    words = TONGUES[language]
    if "heads" not in words:
        title = english_title(rng)
        return title, title
    head, tail, after = rng.randrange(10), rng.randrange(10), rng.randrange(9)
    english = f"The {_WORDS['heads'][head]} {_WORDS['tails'][tail]}"
    parts = [words["heads"][head], words["tails"][tail]]
    if words["tail_first"]:
        parts.reverse()
    if after < len(words["afters"]):
        english += f" {_WORDS['afters'][after]}"
        parts.insert(0 if words["tail_first"] else 2, words["afters"][after])
    original = words["separator"].join(parts)
    return (english if rng.random() < 0.93 else original), original


def person_name(culture: str, given: int, family: int, gender: int) -> str:
    """A name in that culture; the family name stands first where that is the custom."""
    names = _WORDS["names"][culture]
    firsts = names["women" if gender == 1 else "men"]
    first, last = firsts[given % len(firsts)], names["families"][family % len(names["families"])]
    return f"{last} {first}" if culture in {"ko", "zh"} else f"{first} {last}"


def company_name(country: str, number: int) -> str:
    """A production company of that country; the same number is the same name."""
    endings = _WORDS["company_endings"].get(country or "unknown", _WORDS["company_endings"]["elsewhere"])
    return f"{COMPANY_WORDS[number % len(COMPANY_WORDS)]} {endings[number // len(COMPANY_WORDS) % len(endings)]}"


def overview(rng: Random) -> str:
    """Two or three sentences that could stand on a poster's back."""
    role, quest, place = rng.choice(_WORDS["roles"]), rng.choice(_WORDS["quests"]), rng.choice(_WORDS["places"])
    sentences = [f"In {place}, {role} {quest}."]
    if rng.random() < 0.5:
        second = rng.choice(_WORDS["roles"])
        sentences.append(f"{second[0].upper()}{second[1:]} {rng.choice(_WORDS['quests'])}.")
    return " ".join([*sentences, rng.choice(_WORDS["turns"])])


def added_sentence(number: int, when: str) -> str:
    """The sentence an edit appends to an overview; it carries its day, so no two states of a text are equal."""
    return f" {_WORDS['turns'][number % len(_WORDS['turns'])]} ({when})"


def tagline(number: int) -> str:
    """A line for the poster."""
    return str(_WORDS["taglines"][number % len(_WORDS["taglines"])])


def character(culture: str, number: int) -> str:
    """A role in a cast list."""
    word = str(_WORDS["characters"][number % len(_WORDS["characters"])])
    if word.startswith("The ") or word.endswith(")"):
        return word
    names = _WORDS["names"][culture]["women" if number & 1 else "men"]
    name = names[number // 7 % len(names)]
    return f"{word} {name}" if number % 5 < 2 else str(name)
