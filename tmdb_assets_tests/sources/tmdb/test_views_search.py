"""Search: the wide row of each film, and the warehouse's macros, against plain Python over the payloads."""

from __future__ import annotations

import csv
import datetime as dt
import json
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tmdb_assets.sources.tmdb import contracts
from tmdb_assets_tests.conftest import PROJECT
from tmdb_assets_tests.sources.tmdb.money import films_of
from tmdb_assets_tests.sources.tmdb.tiny import DAY, a_film, ask, members, seen
from tmdb_assets_tests.sources.tmdb.worlds import World, recorded_payloads

MACROS = Path(contracts.__file__).parent / "macros.sql"
State = tuple[Any, ...]


# -- what was said, in plain Python ------------------------------------------------------------------------------------


def known(text: Any) -> str | None:
    """Trimmed text; blank is unknown."""
    return (text or "").strip() or None


def names(world: World, states: Callable[[dict[str, Any]], Iterable[State]]) -> dict[Any, str | None]:
    """Key -> name as last seen: of the newest day's states (key, name, ...) the fullest, the most frequent, the
    first."""
    newest: dict[Any, dt.date] = {}
    seen_on: dict[Any, list[tuple[dt.date, State]]] = {}
    for movie_id, said in world.films.items():
        day = world.detailed_on[movie_id]
        for key, *state in states(said):
            newest[key] = max(newest.get(key, day), day)
            seen_on.setdefault(key, []).append((day, tuple(state)))
    found = {}
    for key, observed in seen_on.items():
        counted = Counter(state for day, state in observed if day == newest[key])
        best = min(
            counted,
            key=lambda s: (-sum(v is not None for v in s), -counted[s], [(v is None, v or "") for v in s]),
        )
        found[key] = best[0]
    return found


def listed(items: str, *fields: str) -> Callable[[dict[str, Any]], Iterator[State]]:
    """The members of a list of the payload, texts trimmed."""

    def states(said: dict[str, Any]) -> Iterator[State]:
        found = (said.get("keywords") or {}).get("keywords") if items == "keywords" else said.get(items)
        for item in found or ():
            yield tuple(known(item.get(f)) if f != "id" else item["id"] for f in fields)

    return states


def credits(said: dict[str, Any], side: str) -> list[dict[str, Any]]:
    return (said.get("credits") or {}).get(side) or []


def people(said: dict[str, Any]) -> Iterator[State]:
    for person in credits(said, "cast") + credits(said, "crew"):
        yield (
            person["id"],
            known(person.get("name")),
            person.get("gender") or None,
            known(person.get("known_for_department")),
        )


def reference(world: World, endpoint: str, code: str) -> dict[str, str]:
    """Code -> English name of the newest small list."""
    rows = [row for row in world.rows("reference") if row["endpoint"] == endpoint]
    return {item[code]: item["english_name"].strip() for item in json.loads(rows[-1]["payload"])}


def by_name(found: Iterable[str | None]) -> list[str] | None:
    return sorted({name for name in found if name}, key=str.encode) or None


def made(
    said: dict[str, Any], person: dict[Any, str | None], does: Callable[[dict[str, Any]], bool]
) -> list[str] | None:
    ids = {member["id"] for member in credits(said, "crew") if does(member)}
    return sorted((person[i] for i in ids if person[i]), key=lambda name: str(name).encode()) or None  # type: ignore[return-value]  # the nulls are left out


def cast(said: dict[str, Any], person: dict[Any, str | None]) -> list[str | None] | None:
    place: dict[int, float] = {}
    for member in credits(said, "cast"):
        order = member.get("order")
        place[member["id"]] = min(place.get(member["id"], float("inf")), float("inf") if order is None else order)
    return [person[i] for i in sorted(place, key=lambda i: (place[i], i)) if person[i]] or None


# -- the wide row ------------------------------------------------------------------------------------------------------


def test_one_wide_row_per_film_says_what_its_payload_says(world: World) -> None:
    answered = {row["movie_id"]: row for row in world.rows("vw_movie_search")}
    assert set(answered) == set(world.films) - set(world.gone)
    genre = names(world, listed("genres", "id", "name"))
    keyword = names(world, listed("keywords", "id", "name"))
    company = names(world, listed("production_companies", "id", "name", "origin_country"))
    person = names(world, people)
    with (PROJECT / "tmdb_assets" / "reference" / "country_continent.csv").open(encoding="utf-8") as shipped:
        shipped_names = {row["iso_3166_1"]: row["name"] for row in csv.DictReader(shipped)}
    countries = shipped_names | names(world, listed("production_countries", "iso_3166_1", "name"))
    countries |= reference(world, "configuration/countries", "iso_3166_1")
    spoken = {
        (item["iso_639_1"], known(item.get("english_name")) or known(item.get("name")))
        for said in world.films.values()
        for item in said["spoken_languages"]
    }
    languages = dict(sorted(spoken, key=lambda s: s[1] or "")) | reference(
        world, "configuration/languages", "iso_639_1"
    )
    of_films = {film.movie_id: film for film in films_of(world)}
    for movie_id, row in answered.items():
        said = world.films[movie_id]
        assert (row["title"], row["original_title"]) == (said["title"].strip(), known(said["original_title"]))
        assert (row["overview"], row["tagline"]) == (known(said.get("overview")), known(said.get("tagline")))
        assert (row["budget_usd"], row["revenue_usd"]) == (said["budget"] or None, said["revenue"] or None)
        film = of_films[movie_id]
        assert (row["status"], row["has_implausible_money"]) == (known(said["status"]), film.is_implausible)
        assert row["profit_usd"] == (film.money[1] - film.money[0] if film.money else None)
        assert row["roi"] == (pytest.approx(film.money[1] / film.money[0]) if film.money else None)
        assert row["runtime_minutes"] == (said["runtime"] or None)
        assert str(row["release_date"] or "") == (said["release_date"] or "")
        assert row["release_year"] == (int(said["release_date"][:4]) if said["release_date"] else None)
        assert row["poster_path"] == said.get("poster_path")
        assert row["imdb_id"] == (known(said.get("imdb_id")) or known((said.get("external_ids") or {}).get("imdb_id")))
        assert row["collection_name"] == known((said.get("belongs_to_collection") or {}).get("name"))
        assert row["genres"] == by_name(genre[g["id"]] for g in said["genres"])
        assert row["keywords"] == by_name(keyword[k["id"]] for k in (said.get("keywords") or {}).get("keywords") or ())
        assert row["companies"] == by_name(company[c["id"]] for c in said["production_companies"])
        codes = [c["iso_3166_1"] for c in said["production_countries"]]
        assert row["countries"] == by_name(countries[code] or code for code in codes)
        codes = [s["iso_639_1"] for s in said["spoken_languages"]]
        assert row["languages"] == by_name(languages[code] or code for code in codes)
        assert row["directors"] == made(said, person, lambda m: m["job"] == "Director")
        assert row["writers"] == made(said, person, lambda m: m["department"] == "Writing")
        assert row["actors"] == cast(said, person)


def test_the_figures_are_those_of_the_films_last_observation(world: World) -> None:
    last = world.last_seen()
    for row in world.rows("vw_movie_search"):
        seen_last = last.get(row["movie_id"])
        assert row["popularity"] == (seen_last[1].popularity if seen_last else None)


def credit(movie_id: int, person_id: int, order: int | None, role: str = "") -> dict[str, Any]:
    name = f"{movie_id}-{person_id}-{order}-{role}"
    return {"movie_id": movie_id, "person_id": person_id, "cast_order": order, "character": role, "credit_id": name}


def test_the_cast_stands_in_billing_order_each_person_once_and_the_unbilled_last() -> None:
    people = {1: "Zoe", 2: "Ann", 3: "Ann", 4: "Mo", 5: None, 10: "Bo"}
    (row,) = ask(
        "vw_movie_search",
        dim_movie=[a_film(7)],
        dim_person=[{"person_id": i, "name": name} for i, name in people.items()],
        bridge_movie_cast=[
            credit(7, 1, 10), credit(7, 2, 9), credit(7, 3, 100), credit(7, 4, None), credit(7, 5, 0),
            credit(7, 3, 2, "her twin"), credit(7, 10, 9),
        ],
    )  # fmt: skip
    assert row["actors"] == ["Ann", "Ann", "Bo", "Zoe", "Mo"]


def test_names_with_any_sign_in_them_stay_whole() -> None:
    odd = ["A | B", "C, D", "E;F", "G\tH", "I & J", "K &amp; L", "", "  ", "Ö \U0001f3ac", "M\nN"]
    bound = [a_film(1)]
    (row,) = ask(
        "vw_movie_search",
        dim_movie=bound,
        dim_company=[{"company_id": n, "name": name or None} for n, name in enumerate(odd, 1)],
        bridge_movie_company=members("company_id", {1: range(1, len(odd) + 1)}),
        dim_person=[{"person_id": n, "name": name or None} for n, name in enumerate(odd, 1)],
        bridge_movie_cast=[credit(1, n, n) for n in range(1, len(odd) + 1)],
    )
    assert row["actors"] == [name for name in odd if name]
    assert row["companies"] == sorted((name for name in odd if name), key=str.encode)


def test_the_sign_that_lists_are_cut_at_is_a_blank_in_a_name() -> None:
    (row,) = ask(
        "vw_movie_search",
        dim_movie=[a_film(1)],
        dim_genre=[{"genre_id": 1, "name": "A\x1fB"}, {"genre_id": 2, "name": "C"}],
        bridge_movie_genre=members("genre_id", {1: [1, 2]}),
    )
    assert row["genres"] == ["A B", "C"]


def test_one_name_of_two_companies_stands_once_and_nothing_known_is_null() -> None:
    rows = ask(
        "vw_movie_search",
        dim_movie=[a_film(1), a_film(2), a_film(3, gone_on=DAY), a_film(4, observed_on=None)],
        dim_company=[{"company_id": n, "name": "Same Films"} for n in (1, 2)],
        bridge_movie_company=members("company_id", {1: [1, 2]}),
    )
    assert [(row["movie_id"], row["companies"], row["genres"], row["actors"]) for row in rows] == [
        (1, ["Same Films"], None, None),
        (2, None, None, None),
    ]


def test_a_country_or_language_without_a_name_stands_with_its_code() -> None:
    (row,) = ask(
        "vw_movie_search",
        dim_movie=[a_film(1)],
        dim_country=[{"iso_3166_1": "XX"}],
        bridge_movie_country=members("iso_3166_1", {1: ["XX"]}),
        dim_language=[{"iso_639_1": "kn"}],
        bridge_movie_language=members("iso_639_1", {1: ["kn"]}),
    )
    assert (row["countries"], row["languages"]) == (["XX"], ["kn"])


def test_who_writes_is_everybody_in_the_department_and_who_directs_has_the_job() -> None:
    jobs = [
        (1, "Writing", "Novel"),
        (1, "Writing", "Screenplay"),
        (2, "Directing", "Director"),
        (2, "Writing", "Story"),
    ]
    jobs += [(3, "Directing", "Assistant Director"), (4, "Production", "Producer")]
    (row,) = ask(
        "vw_movie_search",
        dim_movie=[a_film(1)],
        dim_person=[{"person_id": n, "name": f"P{n}"} for n in (1, 2, 3, 4)],
        bridge_movie_crew=[
            {"movie_id": 1, "person_id": p, "department": d, "job": j, "credit_id": f"{p}{j}"} for p, d, j in jobs
        ],
    )
    assert (row["directors"], row["writers"]) == (["P2"], ["P1", "P2"])


# -- macros ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def warehouse_of() -> Iterator[Callable[[World], duckdb.DuckDBPyConnection]]:
    """Opens a database with a world's star and views in the schema tmdb and the macros beside them, once per world."""
    opened: dict[str, duckdb.DuckDBPyConnection] = {}

    def of(world: World) -> duckdb.DuckDBPyConnection:
        if world.store.root not in opened:
            opened[world.store.root] = database(
                {c.name: world.store.scan(c).collect() for c in contracts.CONTRACTS if c.stage in {"star", "views"}}
            )
        return opened[world.store.root]

    yield of
    for connection in opened.values():
        connection.close()


def database(tables: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA tmdb")
    for name, frame in tables.items():
        connection.register("_frame", frame)
        connection.execute(f"CREATE TABLE tmdb.{name} AS SELECT * FROM _frame")
        connection.unregister("_frame")
    for statement in connection.extract_statements(MACROS.read_text(encoding="utf-8")):
        connection.execute(statement)
    return connection


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[dict[str, Any]]:
    return connection.sql(sql, params=list(values)).pl().to_dicts()


Warehouse = Callable[[World], duckdb.DuckDBPyConnection]


def titles(said: Iterable[dict[str, Any]]) -> list[str]:
    return [film["title"].strip() for film in said]


@pytest.mark.real
@pytest.mark.parametrize("genres", [["Science Fiction", "Action"], ["Action"], ["Thriller"]], ids="+".join)
def test_science_fiction_and_action_with_bruce_willis_by_rating(
    recorded: World, warehouse_of: Warehouse, real_data: Path, genres: list[str]
) -> None:
    wanted = [
        said
        for said in recorded_payloads(real_data).values()
        if set(genres) <= {g["name"] for g in said["genres"]}
        and any(member["name"] == "Bruce Willis" for member in credits(said, "cast"))
    ]
    wanted.sort(key=lambda said: (-said["vote_average"], said["id"]))
    assert len(wanted) > (len(genres) == 1), "one film is both, several are one of them"
    answered = warehouse_of(recorded).execute(
        "SELECT title FROM tmdb.search_movies(genres := ?, actor := 'bruce willis') "
        "ORDER BY vote_average DESC NULLS LAST, movie_id",
        [[genre.lower() for genre in genres]],
    )
    assert [title for (title,) in answered.fetchall()] == titles(wanted)


@pytest.mark.real
def test_uma_thurman_directed_by_quentin_tarantino_by_runtime(
    recorded: World, warehouse_of: Warehouse, real_data: Path
) -> None:
    wanted = [
        said
        for said in recorded_payloads(real_data).values()
        if any(member["name"] == "Uma Thurman" for member in credits(said, "cast"))
        and any((m["name"], m["job"]) == ("Quentin Tarantino", "Director") for m in credits(said, "crew"))
    ]
    wanted.sort(key=lambda said: said["runtime"])
    assert wanted
    answered = warehouse_of(recorded).execute(
        "SELECT title FROM tmdb.search_movies(actor := 'Uma Thurman', director := 'tarantino') ORDER BY runtime_minutes"
    )
    assert [title for (title,) in answered.fetchall()] == titles(wanted)


def found(connection: duckdb.DuckDBPyConnection, conditions: str) -> set[int]:
    return {i for (i,) in connection.execute(f"SELECT movie_id FROM tmdb.search_movies({conditions})").fetchall()}


def test_every_condition_narrows_as_plain_python_does(world: World, warehouse_of: Warehouse) -> None:
    connection = warehouse_of(world)
    rows = {row["movie_id"]: row for row in world.rows("vw_movie_search")}
    assert found(connection, "") == set(rows)
    assert found(connection, "genres := [], years := []") == set(rows), "an empty list is no condition"

    def has(column: str, part: str) -> set[int]:
        return {i for i, row in rows.items() if any(part.lower() in name.lower() for name in row[column] or ())}

    some = max(rows.values(), key=lambda row: (len(row["actors"] or ()), row["movie_id"]))
    actor = some["actors"][-1].replace("'", "''")
    assert found(connection, f"actor := upper('{actor[: len(actor) // 2 + 1]}')") >= {some["movie_id"]}
    for parameter, column in (
        ("director", "directors"), ("keyword", "keywords"), ("company", "companies"), ("country", "countries"),
        ("language", "languages"), ("writer", "writers"),
    ):  # fmt: skip
        name = next(row[column][0] for row in rows.values() if row[column] and row[column][0].isascii())
        quoted = name.replace("'", "''").upper()
        expected = has(column, name)
        assert found(connection, f"{parameter} := '{quoted}'") == expected, parameter
        assert expected
        other = next(n for row in reversed(rows.values()) for n in row[column] or () if n.isascii() and n != name)
        both = f"['{quoted}', '{other.replace(chr(39), chr(39) * 2)}']"
        assert found(connection, f"{parameter} := {both}") == expected & has(column, other), parameter
        assert found(connection, f"{parameter} := []") == set(rows), parameter
    rated = {i for i, row in rows.items() if row["vote_average"] is not None and row["vote_average"] >= 6.5}
    assert found(connection, "min_rating := 6.5") == rated
    voted = {i for i, row in rows.items() if row["vote_count"] is not None and row["vote_count"] >= 100}
    assert found(connection, "min_votes := 100") == voted
    nineties = {i for i, row in rows.items() if row["release_year"] and 1990 <= row["release_year"] <= 1999}
    assert found(connection, "years := [1990, 1999]") == nineties
    since = {i for i, row in rows.items() if row["release_year"] and row["release_year"] >= 1990}
    assert found(connection, "years := [1990, NULL]") == since
    for parameter, column, meets in (
        ("min_budget", "budget_usd", operator.ge),
        ("max_budget", "budget_usd", operator.le),
        ("min_revenue", "revenue_usd", operator.ge),
    ):
        amounts = sorted(row[column] for row in rows.values() if row[column] is not None)
        middle = amounts[len(amounts) // 2]
        expected = {i for i, row in rows.items() if row[column] is not None and meets(row[column], middle)}
        assert found(connection, f"{parameter} := {middle}") == expected, parameter
        assert set() < expected < set(rows)
    for status in {row["status"] for row in rows.values()} - {None}:
        with_it = {i for i, row in rows.items() if row["status"] == status}
        assert found(connection, f"status := ' {status.upper()} '") == with_it
    assert found(connection, "status := 'release'") == set(), "a status is named whole"
    assert found(connection, "status := ['released', 'Rumored']") == {
        i for i, row in rows.items() if row["status"] in {"Released", "Rumored"}
    }
    assert found(connection, "status := []") == set(rows)
    texts = {
        i
        for i, row in rows.items()
        if any("the" in (row[c] or "").lower() for c in ("title", "original_title", "tagline", "overview"))
    }
    assert found(connection, "text := 'The'") == texts
    assert found(connection, "years := [1990, 1999], min_rating := 6.5, text := 'the'") == nineties & rated & texts
    for first in {name for row in rows.values() for name in row["genres"] or ()}:
        with_it = {i for i, row in rows.items() if first in (row["genres"] or ())}
        assert found(connection, f"genres := ['{first.lower()}']") == with_it
        assert found(connection, f"genres := '{first.lower()}'") == with_it
    assert found(connection, "genres := ['no such genre']") == set()
    assert found(connection, "genres := ['dram']") == set(), "a genre is named whole"


def test_films_as_of_a_day_are_those_last_seen_by_then(world: World, warehouse_of: Warehouse) -> None:
    connection = warehouse_of(world)
    for day in sorted(world.daily)[:: max(1, len(world.daily) - 1)]:
        rows = rows_of(connection, "SELECT * FROM tmdb.movies_as_of(?)", day.isoformat())
        seen_by_then = {
            film: (d, seen) for d in sorted(world.daily) if d <= day for film, seen in world.daily[d].items()
        }
        voted = {
            film: seen
            for d in sorted(world.daily)
            if d <= day
            for film, seen in world.daily[d].items()
            if seen.vote_count is not None
        }
        assert {row["movie_id"] for row in rows} == set(seen_by_then)
        for row in rows:
            film = row["movie_id"]
            last_day, last = seen_by_then[film]
            assert (row["observed_on"], row["popularity"]) == (last_day, last.popularity)
            votes = voted.get(film)
            assert (row["vote_count"], row["vote_average"]) == (
                (votes.vote_count, votes.vote_average) if votes else (None, None)
            )
            gone = world.gone.get(film)
            assert row["gone_on"] == (gone if gone and gone <= day else None)


def test_facts_on_a_day_are_its_observations(world: World, warehouse_of: Warehouse) -> None:
    connection = warehouse_of(world)
    assert rows_of(connection, "FROM tmdb.facts_on()") == rows_of(connection, "FROM tmdb.facts_on(?)", world.newest)
    for day in (world.newest, world.newest - dt.timedelta(days=1), min(world.daily)):
        if day not in world.daily:
            continue
        rows = rows_of(connection, "SELECT * FROM tmdb.facts_on(?)", day)
        assert {row["movie_id"]: row["popularity"] for row in rows} == {
            film: seen.popularity for film, seen in world.daily.get(day, {}).items()
        }
        assert {row["date_id"] for row in rows} <= {day}


def test_a_day_that_was_not_observed_is_said_with_those_that_were(world: World, warehouse_of: Warehouse) -> None:
    connection = warehouse_of(world)
    first, newest, days = min(world.daily), world.newest, len(world.daily)
    hole = next(d for n in range(60) if (d := first + dt.timedelta(days=n + 1)) not in world.daily)
    there = f"there are {days} days, from {first} to {newest}; the nearest is {first}"
    with pytest.raises(duckdb.Error, match=f"No films were observed on {hole}: {there}"):
        connection.execute("FROM tmdb.facts_on(?)", [hole]).fetchall()
    with pytest.raises(duckdb.Error, match=f"No films were observed on or before 1999-01-01: {there}"):
        connection.execute("FROM tmdb.movies_as_of('1999-01-01')").fetchall()
    later = newest + dt.timedelta(days=400)
    assert rows_of(connection, "FROM tmdb.movies_as_of(?)", later) == rows_of(connection, "FROM tmdb.movies_as_of()")
    with database({c.name: c.empty() for c in contracts.CONTRACTS if c.stage in {"star", "views"}}) as nothing:
        for macro in ("facts_on()", "movies_as_of(current_date)"):
            with pytest.raises(duckdb.Error, match="No day of films has been observed yet"):
                nothing.execute(f"FROM tmdb.{macro}").fetchall()


def test_the_trace_of_a_film_points_to_what_the_source_said(world: World, warehouse_of: Warehouse) -> None:
    connection = warehouse_of(world)
    movie_id = min(set(world.films) & set(world.daily[world.newest]) - set(world.gone))
    by_id = rows_of(connection, "SELECT * FROM tmdb.trace_film(?)", movie_id)
    days = [day for day in sorted(world.daily, reverse=True) if movie_id in world.daily[day]]
    pointers = [(r["date_id"], r["raw_pointer"]) for r in by_id if r["table_name"] == "fact_movie_daily"]
    assert pointers == [
        (
            day,
            f"tmdb/raw/discover_pages date_id={day}, else tmdb/raw/movie_details date_id={day} movie_id={movie_id}"
            if world.daily[day][movie_id].vote_count is not None
            else f"tmdb/raw/movie_ids date_id={day} movie_id={movie_id}",
        )
        for day in days
    ]
    (details,) = [r for r in by_id if r["table_name"] == "dim_movie"]
    said_on = world.detailed_on[movie_id]
    assert details["raw_pointer"] == f"tmdb/raw/movie_details date_id={said_on} movie_id={movie_id}"
    title = world.films[movie_id]["title"].strip()
    by_title = rows_of(connection, "SELECT * FROM tmdb.trace_film(?)", title.upper())
    assert [r for r in by_title if r["movie_id"] == movie_id] == by_id
    assert connection.execute("FROM tmdb.trace_film('no such film')").fetchall() == []


def test_a_number_that_is_a_title_is_a_title_only_as_text() -> None:
    star = {c.name: c.empty() for c in contracts.CONTRACTS if c.stage in {"star", "views"}}
    film_1917 = {"movie_id": 2, "title": "1917", "observed_on": DAY}
    star["dim_movie"] = star["dim_movie"].vstack(
        type(star["dim_movie"])([film_1917, a_film(1917)], schema=star["dim_movie"].schema)
    )
    fact = star["fact_movie_daily"]
    star["fact_movie_daily"] = fact.vstack(type(fact)([seen(DAY, 2, 1.0), seen(DAY, 1917, 2.0)], schema=fact.schema))
    with database(star) as connection:
        for asked, expected in (("'1917'", {2}), ("1917", {1917})):
            rows = connection.execute(f"SELECT DISTINCT movie_id FROM tmdb.trace_film({asked})").fetchall()
            assert {i for (i,) in rows} == expected


def test_accents_and_case_do_not_matter_and_every_macro_says_what_it_is() -> None:
    star = {c.name: c.empty() for c in contracts.CONTRACTS if c.stage in {"star", "views"}}
    with database(star) as connection:
        assert connection.execute("SELECT tmdb.any_says(['Al', 'Penélope Cruz'], ' PENELOPE ')").fetchall() == [(True,)]
        assert connection.execute("SELECT tmdb.says(NULL, 'x'), tmdb.any_says(NULL, 'x')").fetchall() == [
            (False, False)
        ]
        told = connection.execute(
            "SELECT function_name, comment FROM duckdb_functions() WHERE schema_name = 'tmdb'"
        ).fetchall()
    assert {name for name, _ in told} == {
        "says", "any_says", "listed", "all_said", "search_movies", "observed_day", "movies_as_of", "facts_on",
        "trace_film",
    }  # fmt: skip
    assert all(comment for _, comment in told)
