"""The oddities of real film data, planted on purpose in a handful of films each.

What belongs here: which films carry which oddity, and what it does to a payload. What does not: ordinary variety
(details.py). A film with a quirk is there from the first day, released, never edited and never deleted: a test may rely
on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Payload = dict[str, Any]


def _set(**values: Any) -> Callable[[Payload], None]:
    return lambda payload: payload.update(values)


def _without(*keys: str) -> Callable[[Payload], None]:
    def drop(payload: Payload) -> None:
        for key in keys:
            payload.pop(key, None)

    return drop


def _company(**values: Any) -> Callable[[Payload], None]:
    base = {"id": 90001, "logo_path": None, "name": "Mirrorwood Pictures", "origin_country": "US"}

    def put(payload: Payload) -> None:
        payload["production_companies"] = [{**base, **values}, *payload["production_companies"][:1]]

    return put


def _country(code: str, name: str) -> Callable[[Payload], None]:
    return _set(production_countries=[{"iso_3166_1": code, "name": name}], origin_country=[code])


def _language(code: str, name: str, english_name: str) -> Callable[[Payload], None]:
    return _set(spoken_languages=[{"english_name": english_name, "iso_639_1": code, "name": name}])


def _reissued_company_name(payload: Payload) -> None:
    """One id, another name on each film: the way a renamed company looks in payloads of different ages."""
    names = ("Tern Island Films", "Tern Island Film Group", "TIFG Studios", "Tern Island (US)")
    name = names[payload["id"] % len(names)]
    payload["production_companies"] = [{"id": 90002, "logo_path": None, "name": name, "origin_country": "GB"}]


def _shared_company_name(payload: Payload) -> None:
    """One name, another id on each film."""
    company = {
        "id": 91000 + payload["id"] % 997,
        "logo_path": None,
        "name": "Commonplace Films",
        "origin_country": "CA",
    }
    payload["production_companies"] = [company]


# What each quirk does to the main payload. Quirks of the credits and of the numbers are looked up by name where those
# are made (credits.py, timeline.py) and do nothing here.
EFFECTS: dict[str, Callable[[Payload], None]] = {
    "popularity_text": _set(),
    "same_person_twice": _set(),
    "cast_order_gaps": _set(),
    "no_director": _set(),
    "many_directors": _set(),
    "huge_cast": _set(),
    "odd_person_names": _set(),
    "vote_correction": _set(),
    "budget_zero": _set(budget=0),
    "revenue_zero": _set(revenue=0),
    "runtime_zero": _set(runtime=0),
    "runtime_null": _set(runtime=None),
    "release_date_empty": _set(release_date="", status="Rumored", revenue=0),
    "revenue_above_int32": _set(budget=310_000_000, revenue=2_914_750_163),
    "no_genres": _set(genres=[]),
    "no_companies": _set(production_companies=[]),
    "no_countries": _set(production_countries=[], origin_country=[]),
    "no_languages": _set(spoken_languages=[]),
    "no_cast": _set(),
    "no_crew": _set(),
    "no_keywords": _set(),
    "company_id_with_several_names": _reissued_company_name,
    "company_name_with_several_ids": _shared_company_name,
    "company_without_country": _company(id=90003, name="Anywhere Films", origin_country=""),
    "pipe_in_name": _company(id=90004, name="Foxglove | Fern Pictures"),
    "entity_in_name": _company(id=90005, name="Salt &amp; Pepper Productions"),
    "blanks_around_name": _company(id=90006, name="  Outer Margin Films "),
    "language_cn": _language("cn", "廣州話", "Cantonese"),
    "language_xx": _language("xx", "No Language", "No Language"),
    "language_sh": _language("sh", "", "Serbo-Croatian"),
    "language_without_name": _language("kn", "", ""),
    "country_cs": _country("CS", "Serbia and Montenegro"),
    "country_su": _country("SU", "Soviet Union"),
    "country_na": _country("NA", "Namibia"),
    "country_xk": _country("XK", "Kosovo"),
    "imdb_id_null": _set(imdb_id=None),
    "imdb_id_empty": _set(imdb_id=""),
    "older_payload": _without("softcore", "origin_country"),
    "implausible_revenue": _set(budget=1, revenue=100_000_000),
    "implausible_votes": _set(budget=0, revenue=2_800_000_000),
    "long_overview": lambda payload: payload.update(overview=" ".join([payload["overview"]] * 40)),
    "emoji": lambda payload: payload.update(tagline="🎬 Every cut counts 🦊", overview=f"{payload['overview']} 🌊🕯️"),
    "title_with_blanks": lambda payload: payload.update(title=f" {payload['title']}  "),
    "titled_unknown": _set(title="Unknown", original_title="Unknown", original_language="en"),
}
# One film only: these must not become common.
SINGLE = frozenset({"popularity_text", "titled_unknown"})
_COPIES = 4


def plant(first_films: int) -> dict[int, tuple[str, ...]]:
    """Film number -> its quirks, spread over the films that exist from the start, at most one each if those suffice."""
    planted: dict[int, tuple[str, ...]] = {}
    total = len(EFFECTS)
    step = 2 if first_films >= 2 * total else 1
    for position, name in enumerate(EFFECTS):
        copies = 1 if name in SINGLE else max(1, min(_COPIES, first_films // (step * total)))
        for copy in range(copies):
            number = step * (copy * total + position) % first_films
            planted[number] = (*planted.get(number, ()), name)
    return planted
