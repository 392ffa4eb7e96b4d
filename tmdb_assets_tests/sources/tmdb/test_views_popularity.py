"""Popularity by genre, country, language and continent, against plain Python over the payloads."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tmdb_assets_tests.conftest import PROJECT
from tmdb_assets_tests.sources.tmdb.tiny import DAY, Rows, a_film, ago, ask, members, seen
from tmdb_assets_tests.sources.tmdb.worlds import Seen, World, approximately

TOP = 50


def continents() -> dict[str, str]:
    """Country code -> continent, as shipped."""
    with (PROJECT / "tmdb_assets" / "reference" / "country_continent.csv").open(encoding="utf-8") as lines:
        return {row["iso_3166_1"]: row["continent"] for row in csv.DictReader(lines)}


def current(world: World) -> dict[int, Seen]:
    """Films of the newest day that are not gone."""
    return {film: said for film, said in world.daily[world.newest].items() if film not in world.gone}


def votes(world: World) -> dict[int, Seen]:
    """What was said of each film on its last day with votes."""
    return {
        film: said
        for day in sorted(world.daily)
        for film, said in world.daily[day].items()
        if said.vote_count is not None
    }


def genres(world: World) -> dict[int, set[int]]:
    return {film: {genre["id"] for genre in said["genres"]} for film, said in world.films.items()}


def countries(world: World) -> dict[int, set[str]]:
    said = {film: {c["iso_3166_1"].strip() for c in f["production_countries"]} for film, f in world.films.items()}
    return {film: codes - {""} for film, codes in said.items()}


def of_continents(world: World) -> dict[int, set[str]]:
    known = continents()
    return {film: {known.get(code, "Unknown") for code in codes} for film, codes in countries(world).items()}


def languages(world: World) -> dict[int, set[str]]:
    spoken = {film: (said["original_language"] or "").strip() for film, said in world.films.items()}
    return {film: {code} for film, code in spoken.items() if code}


def reference(world: World, endpoint: str) -> dict[Any, str]:
    """Code or id -> name of a small list as last observed."""
    row = next(r for r in reversed(world.rows("reference")) if r["endpoint"] == endpoint)
    said = json.loads(row["payload"])
    if endpoint == "genre/movie/list":
        return {entry["id"]: entry["name"] for entry in said["genres"]}
    return {entry.get("iso_3166_1", entry.get("iso_639_1")): entry["english_name"] for entry in said}


def exact(values: list[float]) -> float:
    return float(sum(Decimal(f"{value:.6f}") for value in values))


def expected(world: World, key: str, groups: Mapping[int, set[Any]]) -> list[dict[str, Any]]:
    """The figures of each group of films, in the order of its key."""
    films, rated = current(world), votes(world)
    everything = exact([said.popularity for said in films.values()])
    found = []
    for group in sorted({member for film in films for member in groups.get(film, ())}):
        inside = [film for film in films if group in groups.get(film, ())]
        popularity = [films[film].popularity for film in inside]
        counts = [rated[film].vote_count or 0 for film in inside if film in rated]
        ratings = [r for film in inside if film in rated and (r := rated[film].vote_average) is not None]
        found.append(
            {
                key: group,
                "films": len(inside),
                "total_popularity": exact(popularity),
                "mean_popularity": exact(popularity) / len(inside),
                "median_popularity": statistics.median(popularity),
                "popularity_share": exact(popularity) / everything,
                "films_with_votes": len(ratings),
                "mean_rating": statistics.fmean(ratings) if ratings else None,
                "total_votes": sum(counts) if counts else None,
            }
        )
    order = sorted(found, key=lambda row: (-row["total_popularity"], row[key]))
    for rank, row in enumerate(order, 1):
        row["popularity_rank"] = rank
    return found


def without(rows: list[dict[str, Any]], *columns: str) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in columns} for row in rows]


# -- over the worlds ---------------------------------------------------------------------------------------------------


def test_popularity_of_genres(world: World) -> None:
    answered = world.rows("vw_genre_popularity")
    assert len(answered) > 5
    assert approximately(without(answered, "name")) == approximately(expected(world, "genre_id", genres(world)))
    listed = reference(world, "genre/movie/list")
    named = {row["genre_id"]: row["name"] for row in answered if row["genre_id"] in listed}
    assert named == {genre: listed[genre] for genre in named}
    assert named


def test_popularity_of_countries(world: World) -> None:
    answered = world.rows("vw_country_popularity")
    assert len(answered) > 5
    figures = expected(world, "iso_3166_1", countries(world))
    assert approximately(without(answered, "name", "continent")) == approximately(figures)
    known, listed = continents(), reference(world, "configuration/countries")
    assert {r["iso_3166_1"]: r["continent"] for r in answered} == {
        r["iso_3166_1"]: known.get(r["iso_3166_1"]) for r in answered
    }
    named = {row["iso_3166_1"]: row["name"] for row in answered if row["iso_3166_1"] in listed}
    assert named == {code: listed[code] for code in named}
    assert named


def test_popularity_of_languages(world: World) -> None:
    answered = world.rows("vw_language_popularity")
    assert len(answered) > 5
    assert approximately(without(answered, "name")) == approximately(expected(world, "iso_639_1", languages(world)))
    listed = reference(world, "configuration/languages")
    named = {row["iso_639_1"]: row["name"] for row in answered if row["iso_639_1"] in listed}
    assert named == {code: listed[code] for code in named}
    assert named


def test_popularity_of_continents(world: World) -> None:
    answered = world.rows("vw_continent_popularity")
    assert len(answered) > 3
    assert approximately(answered) == approximately(expected(world, "continent", of_continents(world)))


def test_a_film_of_many_countries_is_there(world: World) -> None:
    """Else the tests of continents could not tell a film counted once from one counted per country."""
    known = continents()
    placed = [[known.get(code) for code in codes] for codes in countries(world).values()]
    assert any(len(places) > len(set(places)) for places in placed)


def test_top_films_of_continents(world: World) -> None:
    films, rated, places = current(world), votes(world), of_continents(world)
    answered = world.rows("vw_top_movies_by_continent")
    wanted = []
    for continent in sorted({place for film in films for place in places.get(film, ())}):
        best = sorted(
            (film for film in films if continent in places.get(film, ())), key=lambda f: (-films[f].popularity, f)
        )
        for position, movie in enumerate(best[:TOP], 1):
            said, voted = world.films[movie], rated.get(movie)
            wanted.append(
                {
                    "continent": continent,
                    "position": position,
                    "movie_id": movie,
                    "title": said["title"].strip(),
                    "release_date": said["release_date"] or None,
                    "popularity": films[movie].popularity,
                    "vote_average": voted.vote_average if voted else None,
                    "vote_count": voted.vote_count if voted else None,
                    "observed_on": world.newest,
                }
            )
    shown = [r | {"release_date": r["release_date"].isoformat() if r["release_date"] else None} for r in answered]
    assert shown == wanted
    assert max(row["position"] for row in answered) == TOP


# -- by hand -----------------------------------------------------------------------------------------------------------

COUNTRIES: Rows = [
    {"iso_3166_1": "FR", "name": "France", "continent": "Europe"},
    {"iso_3166_1": "DE", "name": "Germany", "continent": "Europe"},
    {"iso_3166_1": "JP", "name": "Japan", "continent": "Asia"},
    {"iso_3166_1": "QQ", "name": "Atlantis", "continent": None},
]
PLACED: dict[str, Rows] = {
    "dim_movie": [a_film(1), a_film(2), a_film(3), a_film(4), a_film(5, gone_on=DAY)],
    "dim_country": COUNTRIES,
    "bridge_movie_country": members("iso_3166_1", {1: ["FR", "DE"], 2: ["FR", "JP"], 3: ["QQ"], 5: ["JP"]}),
    "fact_movie_daily": [
        seen(DAY, 1, 10.0, 100, 8.0),
        seen(DAY, 2, 6.0, 0, None),
        seen(DAY, 3, 3.0),
        seen(DAY, 4, 1.0),
        seen(DAY, 5, 500.0, 9, 9.0),
    ],
}


def test_a_continent_counts_a_film_once_and_unknown_ones_stay_visible() -> None:
    answered = {row["continent"]: row for row in ask("vw_continent_popularity", **PLACED)}
    figures = {name: (row["films"], row["total_popularity"], row["popularity_share"]) for name, row in answered.items()}
    assert figures == {"Europe": (2, 16.0, 0.8), "Asia": (1, 6.0, 0.3), "Unknown": (1, 3.0, 0.15)}
    assert [answered[name]["popularity_rank"] for name in ("Europe", "Asia", "Unknown")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("view", "key", "of", "bridge"),
    [
        ("vw_genre_popularity", "genre_id", (18, 27, 35), "bridge_movie_genre"),
        ("vw_country_popularity", "iso_3166_1", ("FR", "JP", "QQ"), "bridge_movie_country"),
        ("vw_language_popularity", "iso_639_1", ("fr", "ja", "xx"), None),
        ("vw_continent_popularity", "continent", ("Europe", "Asia", "Unknown"), "bridge_movie_country"),
    ],
)
def test_figures_rest_on_what_is_known_and_there(view: str, key: str, of: tuple[Any, ...], bridge: str | None) -> None:
    """Films 1 and 2 in one group, 3, of which only the export tells, in another, 5, which is gone, in a third."""
    groups = {1: of[0], 2: of[0], 3: of[1], 5: of[2]}
    star = dict(PLACED)
    if bridge is None:
        star["dim_movie"] = [row | {"original_language": groups.get(row["movie_id"])} for row in PLACED["dim_movie"]]
    else:
        named = {"Europe": "FR", "Asia": "JP", "Unknown": "QQ"}
        column = "iso_3166_1" if key == "continent" else key
        star[bridge] = members(column, {movie: [named.get(group, group)] for movie, group in groups.items()})
    figures = {
        row[key]: {k: v for k, v in row.items() if k not in {key, "name", "continent"}} for row in ask(view, **star)
    }
    unrated = {"films_with_votes": 0, "mean_rating": None, "total_votes": None}
    rated = {"films_with_votes": 1, "mean_rating": 8.0, "total_votes": 100}
    assert figures == {
        of[0]: {
            **{"films": 2, "total_popularity": 16.0, "mean_popularity": 8.0, "median_popularity": 8.0},
            **{"popularity_share": 0.8, "popularity_rank": 1, **rated},
        },
        of[1]: {
            **{"films": 1, "total_popularity": 3.0, "mean_popularity": 3.0, "median_popularity": 3.0},
            **{"popularity_share": 0.15, "popularity_rank": 2, **unrated},
        },
    }


def test_a_country_without_continent_has_its_row() -> None:
    answered = {row["iso_3166_1"]: row for row in ask("vw_country_popularity", **PLACED)}
    assert {code: (row["name"], row["continent"], row["films"]) for code, row in answered.items()} == {
        "FR": ("France", "Europe", 2),
        "DE": ("Germany", "Europe", 1),
        "JP": ("Japan", "Asia", 1),
        "QQ": ("Atlantis", None, 1),
    }


def test_the_top_of_a_continent_has_a_film_once_and_none_that_is_gone() -> None:
    answered = ask("vw_top_movies_by_continent", **PLACED)
    assert [(row["continent"], row["position"], row["movie_id"]) for row in answered] == [
        ("Asia", 1, 2),
        ("Europe", 1, 1),
        ("Europe", 2, 2),
        ("Unknown", 1, 3),
    ]


def test_between_equals_the_lower_key_comes_first() -> None:
    films = [a_film(1), a_film(2)]
    facts = [seen(DAY, 2, 5.0), seen(DAY, 1, 5.0)]
    genre = members("genre_id", {1: [35], 2: [18]})
    by_genre = ask("vw_genre_popularity", dim_movie=films, fact_movie_daily=facts, bridge_movie_genre=genre)
    assert [(row["genre_id"], row["popularity_rank"]) for row in by_genre] == [(18, 1), (35, 2)]
    place = members("iso_3166_1", {1: ["FR"], 2: ["FR"]})
    top = ask(
        "vw_top_movies_by_continent",
        dim_movie=films,
        fact_movie_daily=facts,
        dim_country=COUNTRIES,
        bridge_movie_country=place,
    )
    assert [row["movie_id"] for row in top] == [1, 2]


def test_only_films_of_the_newest_day_count_with_the_votes_they_last_had() -> None:
    answered = ask(
        "vw_language_popularity",
        dim_movie=[a_film(1, original_language="fr"), a_film(2, original_language="fr"), a_film(3)],
        dim_language=[{"iso_639_1": "fr", "name": "French"}],
        fact_movie_daily=[
            seen(ago(1), 1, 9.0, 40, 7.0),
            seen(ago(1), 2, 8.0, 10, 6.0),
            seen(DAY, 1, 2.0),
            seen(DAY, 3, 2.0),
        ],
    )
    assert [(r["iso_639_1"], r["name"], r["films"], r["total_votes"], r["mean_rating"]) for r in answered] == [
        ("fr", "French", 1, 40, 7.0)
    ]
    assert answered[0]["popularity_share"] == 0.5


def test_a_day_without_any_popularity_has_no_shares() -> None:
    answered = ask(
        "vw_genre_popularity",
        dim_movie=[a_film(1)],
        fact_movie_daily=[seen(DAY, 1, 0.0)],
        bridge_movie_genre=members("genre_id", {1: [18]}),
    )
    assert [(row["films"], row["total_popularity"], row["popularity_share"]) for row in answered] == [(1, 0.0, None)]


@pytest.mark.parametrize(
    "view",
    [
        "vw_genre_popularity",
        "vw_country_popularity",
        "vw_language_popularity",
        "vw_continent_popularity",
        "vw_top_movies_by_continent",
    ],
)
def test_an_empty_lake_gives_no_rows(view: str) -> None:
    assert ask(view) == []
