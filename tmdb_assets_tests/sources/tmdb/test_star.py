"""Clean to star: names, films that go and come back, members that leave, and days in any order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import Audit, Contract
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import clean, contracts, shipped, star
from tmdb_assets.sources.tmdb.exports import EXPORT
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.tmdb.films import DAYS, NOON, details, export, film, listed, page, role, rows

TABLES = {c.name: c for c in contracts.CONTRACTS}
D = DAYS


def tables() -> dict[str, DerivedTable]:
    return {table.contract.name: table for table in (*clean.TABLES, *star.TABLES)}


@dataclass
class Lake:
    """The TMDB tables in one lake, filled from invented raw rows."""

    store: DeltaStore

    def raw(self, contract: Contract, day: dt.date, *frames: pl.DataFrame) -> None:
        self.store.replace(contract, pl.concat([contract.empty(), *frames]), [day], {})

    def export(self, day: dt.date, *films: int, is_whole: bool = True) -> None:
        """The day's ID export, and what the ledger says of it."""
        self.raw(contracts.MOVIE_IDS, day, export(day, *[(n, 1.0) for n in films]))
        said = {"date_id": day, "endpoint": EXPORT, "origin": "real", "received_ids": len(films)}
        said |= {"is_complete": is_whole, "is_finished": is_whole, "started_at": NOON, "seconds": 0.0}
        said |= dict.fromkeys(("calls", "retries", "throttled", "cache_hits", "bytes"), 0)
        self.raw(contracts.EXTRACTION_LEDGER, day, pl.DataFrame([said], schema=contracts.EXTRACTION_LEDGER.schema))

    def details(self, day: dt.date, *answers: Any) -> None:
        self.raw(contracts.MOVIE_DETAILS, day, details(day, *answers))

    def publish(self, *names: str, days: list[dt.date]) -> None:
        made = tables()
        for name in names:
            publish(made[name], Run(self.store, days))

    def kept(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        contract = TABLES[name]
        scan = self.store.scan(contract).collect().sort(contract.grain)
        return scan.select(columns or contract.columns.keys()).rows()


@pytest.fixture
def films(lake: DeltaStore) -> Lake:
    return Lake(lake)


CLEAN = ("movies", "movie_tombstones", "movie_stats")
TO_DIM_MOVIE = (*CLEAN, "dim_movie")  # the invented films name no language and no series: nothing to refer to


# -- names of dimensions -----------------------------------------------------------------------------------------------


def movies(day: dt.date, *answers: Any) -> pl.DataFrame:
    return Audit.of(contracts.MOVIES, clean.movies(details(day, *answers).lazy())).kept


def companies(*said: tuple[int, str | None, str]) -> dict[str, Any]:
    return {"production_companies": [{"id": i, "name": n, "origin_country": c} for i, n, c in said]}


def test_of_several_names_of_one_id_the_most_frequent_counts() -> None:
    seen = movies(D[0], *[film(n, **companies((5, name, "US"))) for n, name in enumerate(["B", "A", "B"], start=1)])
    assert star.dim_company(seen.lazy()).rows() == [(5, "B", "US", D[0])]


def test_the_fullest_state_counts_before_the_most_frequent() -> None:
    seen = movies(D[0], *[film(n, **companies((5, "B", ""))) for n in (1, 2)], film(3, **companies((5, "A", "FR"))))
    assert star.dim_company(seen.lazy()).rows() == [(5, "A", "FR", D[0])]


def test_between_equals_the_first_in_text_order_counts_whatever_the_order_of_films() -> None:
    one_way = movies(D[0], film(1, **companies((5, "B", "US"))), film(2, **companies((5, "A", "US"))))
    other_way = movies(D[0], film(1, **companies((5, "A", "US"))), film(2, **companies((5, "B", "US"))))
    assert (
        star.dim_company(one_way.lazy()).rows() == star.dim_company(other_way.lazy()).rows() == [(5, "A", "US", D[0])]
    )


def test_the_newest_day_counts_before_the_fullest_and_most_frequent() -> None:
    old = movies(D[0], *[film(n, **companies((5, "Old", "US"))) for n in (1, 2, 3)])
    new = movies(D[1], film(1, **companies((5, "New", ""))))
    assert star.dim_company(pl.concat([new, old]).lazy()).rows() == [(5, "New", None, D[1])]


def test_one_name_may_belong_to_several_ids() -> None:
    seen = movies(D[0], film(1, **companies((5, "Same", "US"), (6, "Same", "US"))))
    assert [r[0] for r in star.dim_company(seen.lazy()).rows()] == [5, 6]


def test_people_come_from_cast_and_crew() -> None:
    crew = [{"id": 8, "credit_id": "d1", "name": "Director", "gender": 0, "department": "Directing", "job": "Director"}]
    cast = [role("c1", 5), role("c2", 5), role("c3", 8, "Director")]
    seen = movies(D[0], film(1, credits={"cast": cast, "crew": crew}))
    assert star.dim_person(seen.lazy()).select("person_id", "name", "gender").rows() == [
        (5, "Someone", 1),
        (8, "Director", 1),
    ]


def reference(day: dt.date, endpoint: str, text: str) -> pl.LazyFrame:
    return rows(contracts.REFERENCE, (day, endpoint, NOON, text)).lazy()


def test_the_name_of_tmdbs_list_counts_before_that_of_the_films() -> None:
    said = reference(D[0], "genre/movie/list", '{"genres": [{"id": 1, "name": "Drama"}, {"id": 2, "name": "War"}]}')
    seen = movies(D[0], film(1, genres=[{"id": 1, "name": "drama"}, {"id": 3, "name": "Gone"}]))
    assert [r[:2] for r in star.dim_genre(seen.lazy(), said).rows()] == [(1, "Drama"), (2, "War"), (3, "Gone")]


def test_a_name_that_tmdbs_list_leaves_out_does_not_erase_the_films_own() -> None:
    said = reference(
        D[0], "genre/movie/list", '{"genres": [{"id": 1}, {"id": 2, "name": ""}, {"id": 3, "name": "War"}]}'
    )
    seen = movies(D[0], film(1, genres=[{"id": 1, "name": "Drama"}, {"id": 3, "name": "war"}]))
    assert [r[:2] for r in star.dim_genre(seen.lazy(), said).rows()] == [(1, "Drama"), (2, None), (3, "War")]


def test_languages_come_from_the_list_the_films_and_their_originals() -> None:
    text = '[{"iso_639_1": "xx", "english_name": "No Language", "name": ""}, {"iso_639_1": "sh", "english_name": ""}]'
    spoken = [{"iso_639_1": "cn", "english_name": "Cantonese", "name": ""}]
    seen = movies(D[0], film(1, original_language="de", spoken_languages=spoken))
    found = star.dim_language(seen.lazy(), reference(D[0], "configuration/languages", text))
    assert [r[:2] for r in found.rows()] == [("cn", "Cantonese"), ("de", None), ("sh", None), ("xx", "No Language")]


def test_countries_have_a_continent_those_that_iso_dropped_too() -> None:
    seen = movies(D[0], film(1, production_countries=[{"iso_3166_1": c, "name": f"x{c}"} for c in ("SU", "ZZ")]))
    text = '[{"iso_3166_1": "NA", "english_name": "Namibia", "native_name": "Namibia"}]'
    said = reference(D[0], "configuration/countries", text)
    found = star.dim_country(seen.lazy(), said, shipped.country_continents())
    by_code = {code: (name, continent) for code, name, continent, _ in found.rows()}
    assert by_code["NA"] == ("Namibia", "Africa")
    assert by_code["SU"] == ("xSU", "Europe")
    assert by_code["ZZ"] == ("xZZ", None)
    for code in ("AN", "BU", "CS", "TP", "XC", "XG", "XI", "XK", "YU", "ZR"):
        assert by_code[code][1] in contracts.CONTINENTS, code
    assert Audit.of(contracts.DIM_COUNTRY, found).quarantined.height == 0


def test_the_calendar_says_iso_weeks_and_weekends() -> None:
    days = [dt.date(2025, 12, 28), dt.date(2025, 12, 29), dt.date(2026, 1, 1), dt.date(2027, 1, 2)]
    stats = pl.DataFrame({"date_id": days + days[:1]}).lazy()
    assert star.dim_date(stats).rows() == [
        (days[0], 2025, 4, 12, 28, 52, 7, True),
        (days[1], 2025, 4, 12, 29, 1, 1, False),
        (days[2], 2026, 1, 1, 1, 1, 4, False),
        (days[3], 2027, 1, 1, 2, 53, 6, True),
    ]


# -- films -------------------------------------------------------------------------------------------------------------


def dim_movie(films: Lake, *days: dt.date) -> list[tuple[Any, ...]]:
    films.publish(*TO_DIM_MOVIE, days=list(days))
    return films.kept("dim_movie", "movie_id", "title", "observed_on", "gone_on", "listed_on")


def test_a_film_has_the_state_of_its_newest_details(films: Lake) -> None:
    films.details(D[0], film(1, title="Old", budget=5))
    films.details(D[1], film(1, title="New", budget=0))
    dim_movie(films, D[1])
    dim_movie(films, D[0])
    assert films.kept("dim_movie", "title", "budget_usd", "observed_on") == [("New", None, D[1])]


@pytest.mark.parametrize("runs", [[[0, 2, 4]], [[0], [4], [2]], [[4], [2], [0]], [[2, 4], [0], [0]]])
def test_a_film_that_is_gone_keeps_its_last_state_and_the_first_day_it_was_missed(
    films: Lake, runs: list[list[int]]
) -> None:
    films.details(D[0], film(1))
    films.details(D[2], (1, None))
    films.details(D[4], (1, None))
    for run in runs:
        last = dim_movie(films, *[D[n] for n in run])
    assert last == [(1, "Film 1", D[0], D[2], None)]


def test_a_film_that_comes_back_is_not_gone(films: Lake) -> None:
    films.details(D[0], film(1))
    films.details(D[2], (1, None))
    films.details(D[4], film(1, title="Back"))
    assert dim_movie(films, D[0], D[2]) == [(1, "Film 1", D[0], D[2], None)]
    assert dim_movie(films, D[4]) == [(1, "Back", D[4], None, None)]
    assert dim_movie(films, D[2]) == [(1, "Back", D[4], None, None)]
    assert dim_movie(films, D[0]) == [(1, "Back", D[4], None, None)]


def test_a_film_merged_into_another_is_gone_and_the_other_stays(films: Lake) -> None:
    films.details(D[0], film(1), film(2))
    films.details(D[1], (2, film(1)))
    assert dim_movie(films, D[0], D[1]) == [(1, "Film 1", D[0], None, None), (2, "Film 2", D[0], D[1], None)]


def test_a_film_never_observed_that_is_gone_is_no_film(films: Lake) -> None:
    films.details(D[0], (1, None))
    assert dim_movie(films, D[0]) == []


def test_a_film_that_was_only_listed_has_its_titles_and_no_more(films: Lake) -> None:
    films.raw(contracts.DISCOVER_PAGES, D[0], page(D[0], 1, listed(1)))
    films.raw(contracts.MOVIE_IDS, D[0], export(D[0], (1, 5.0), (2, 0.1)))
    assert dim_movie(films, D[0]) == [(1, "Film 1", None, None, D[0]), (2, None, None, None, D[0])]
    films.raw(contracts.MOVIE_IDS, D[1], export(D[1], (2, 0.2)))
    assert dim_movie(films, D[1])[1] == (2, None, None, None, D[1])


@pytest.mark.parametrize("runs", [[[0, 1, 2]], [[1], [0, 2]], [[2], [1], [0]]])
def test_a_film_only_listed_whose_first_details_say_it_is_gone_is_gone(films: Lake, runs: list[list[int]]) -> None:
    films.raw(contracts.MOVIE_IDS, D[0], export(D[0], (1, 5.0), (2, 5.0)))
    films.details(D[0], (1, None))
    films.details(D[1], (2, None))
    films.raw(contracts.MOVIE_IDS, D[2], export(D[2], (2, 4.0)))  # the export is slow to forget
    for run in runs:
        last = dim_movie(films, *[D[n] for n in run])
    assert last == [(1, None, None, D[0], D[0]), (2, None, None, D[1], D[2])]


def test_a_listing_that_is_rebuilt_without_a_film_gives_way_to_the_one_before(films: Lake) -> None:
    films.raw(contracts.DISCOVER_PAGES, D[0], page(D[0], 1, listed(1, title="Old"), listed(2)))
    films.raw(contracts.DISCOVER_PAGES, D[1], page(D[1], 1, listed(1, title="New"), listed(3)))
    dim_movie(films, D[0])
    assert [row[:2] for row in dim_movie(films, D[1])] == [(1, "New"), (2, "Film 2"), (3, "Film 3")]
    films.raw(contracts.DISCOVER_PAGES, D[1], page(D[1], 1, listed(4)))
    assert dim_movie(films, D[1]) == [
        (1, "Old", None, None, D[0]),
        (2, "Film 2", None, None, D[0]),
        (4, "Film 4", None, None, D[1]),
    ]


def test_details_of_any_day_count_before_any_listing(films: Lake) -> None:
    films.details(D[0], film(1, title="Known"))
    films.raw(contracts.MOVIE_IDS, D[3], export(D[3], (1, 5.0)))
    assert dim_movie(films, D[3]) == [(1, None, None, None, D[3])]
    assert dim_movie(films, D[0]) == [(1, "Known", D[0], None, None)]
    assert dim_movie(films, D[3]) == [(1, "Known", D[0], None, None)]


def test_details_that_are_set_aside_later_give_way_to_the_listing(films: Lake) -> None:
    films.details(D[0], film(1, title="Known"))
    films.raw(contracts.DISCOVER_PAGES, D[0], page(D[0], 1, listed(1, title="Listed")))
    assert dim_movie(films, D[0]) == [(1, "Known", D[0], None, None)]
    films.details(D[0], film(1, title=""))
    assert dim_movie(films, D[0]) == [(1, "Listed", None, None, D[0])]


# -- holes in the calendar ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Life:
    """When a film is in TMDB: from one day on, for so many days, and once more after a pause, if it comes back."""

    begins: int
    lasts: int
    pause: int

    def is_there(self, day: int) -> bool:
        return self.begins <= day < self.begins + self.lasts or (
            self.pause > 0 and day >= self.begins + self.lasts + self.pause
        )


@st.composite
def a_calendar(draw: st.DrawFn) -> tuple[list[Life], dict[int, str], list[list[int]]]:
    """Lives of some films, what is known of each observed day (details and export, or an export, whole or not), and
    runs over these days in any order, some of them twice."""
    lives = draw(
        st.lists(st.builds(Life, st.integers(0, 4), st.integers(1, 6), st.integers(0, 2)), min_size=2, max_size=5)
    )
    kinds = st.sampled_from(["observed", "observed", "exported", "doubted"])
    days = draw(st.dictionaries(st.integers(0, len(D) - 1), kinds, min_size=2, max_size=5))
    order = draw(st.permutations(sorted(days))) + draw(st.lists(st.sampled_from(sorted(days)), max_size=1))
    cuts = [0, *sorted(draw(st.sets(st.integers(1, len(order) - 1)))), len(order)]
    return lives, days, [sorted(set(order[first:last])) for first, last in pairwise(cuts)]


def observe(films: Lake, lives: list[Life], day: int, kind: str) -> None:
    """What a source with history tells of a day: all that is there, and of what is not, what left since the day
    before."""
    there = [n for n, life in enumerate(lives, 1) if life.is_there(day)]
    left = [n for n, life in enumerate(lives, 1) if life.is_there(day - 1) and n not in there]
    films.export(D[day], *there, is_whole=kind != "doubted")
    if kind == "observed":
        films.details(D[day], *[film(n) for n in there], *[(n, None) for n in left])


def gone_by_then(lives: list[Life], days: dict[int, str]) -> list[tuple[int, dt.date | None]]:
    """movie_id and first day gone of every film that some day told of."""
    found = []
    for n, life in enumerate(lives, 1):
        told = [day for day in days if life.is_there(day)]
        if not told:
            continue
        seen = max((day for day in told if days[day] == "observed"), default=-1)
        left = [d for d in days if days[d] == "observed" and life.is_there(d - 1) and not life.is_there(d) and d > seen]
        silent = [d for d in days if d > max(told) and days[d] != "doubted" and any(x.is_there(d) for x in lives)]
        first = min([*left, *silent], default=None)
        found.append((n, None if first is None else D[first]))
    return found


@given(a_calendar())
@examples(4)
def test_who_is_gone_depends_neither_on_the_order_of_days_nor_on_the_holes_between_them(
    fresh_lake: Callable[[], DeltaStore], calendar: tuple[list[Life], dict[int, str], list[list[int]]]
) -> None:
    lives, days, runs = calendar
    films = Lake(fresh_lake())
    observed: set[int] = set()
    for run in runs:
        for day in set(run) - observed:
            observe(films, lives, day, days[day])
        observed |= set(run)
        dim_movie(films, *[D[day] for day in run])
        known = {day: kind for day, kind in days.items() if day in observed}
        assert films.kept("dim_movie", "movie_id", "gone_on") == gone_by_then(lives, known)


def test_an_export_that_has_not_come_to_the_clean_tables_yet_says_nothing(films: Lake) -> None:
    films.export(D[0], 1, 2)
    dim_movie(films, D[0])
    films.export(D[3], 1, 2)
    dim_movie(films, D[0])
    assert films.kept("dim_movie", "gone_on") == [(None,), (None,)]


# -- members -----------------------------------------------------------------------------------------------------------

TO_GENRES = ("movies", "movie_tombstones", "dim_movie", "dim_genre", "bridge_movie_genre")


def with_genres(movie_id: int, *genres: int) -> dict[str, Any]:
    return film(movie_id, genres=[{"id": g, "name": f"Genre {g}"} for g in genres])


def genres(films: Lake, *days: dt.date) -> list[tuple[Any, ...]]:
    films.publish(*TO_GENRES, days=list(days))
    return films.kept("bridge_movie_genre", "movie_id", "genre_id")


def test_members_that_left_disappear(films: Lake) -> None:
    films.details(D[0], with_genres(1, 1, 2), with_genres(2, 1))
    films.details(D[1], with_genres(1, 2, 3))
    assert genres(films, D[0]) == [(1, 1), (1, 2), (2, 1)]
    assert genres(films, D[1]) == [(1, 2), (1, 3), (2, 1)]
    assert genres(films, D[0]) == [(1, 2), (1, 3), (2, 1)]


def test_an_empty_list_removes_every_member_whatever_day_comes_last(films: Lake) -> None:
    films.details(D[0], with_genres(1, 1, 2))
    films.details(D[1], with_genres(1))
    assert genres(films, D[0]) == [(1, 1), (1, 2)]
    assert genres(films, D[1]) == []
    assert genres(films, D[0]) == []


def test_a_list_that_was_not_observed_leaves_the_members_known_so_far(films: Lake) -> None:
    films.details(D[0], with_genres(1, 1, 2))
    films.details(D[1], film(1, genres=...))
    for day in (D[0], D[1], D[0]):
        assert genres(films, day) == [(1, 1), (1, 2)]


def test_a_list_that_was_not_observed_leaves_them_in_one_run_too(films: Lake) -> None:
    films.details(D[0], with_genres(1, 1, 2))
    films.details(D[1], film(1, genres=...))
    assert genres(films, D[0], D[1]) == [(1, 1), (1, 2)]


def test_a_member_without_a_key_is_set_aside_with_its_reason(films: Lake) -> None:
    countries = [{"iso_3166_1": "", "name": "Atlantis"}, {"iso_3166_1": "US", "name": "USA"}]
    films.details(D[0], film(1, production_countries=countries), film(2, production_countries=[]))
    films.publish(*CLEAN, "dim_country", "dim_movie", "bridge_movie_country", days=[D[0]])
    assert films.kept("bridge_movie_country", "movie_id", "iso_3166_1") == [(1, "US")]
    aside = films.store.scan(contracts.QUARANTINE).select("date_id", "origin", "reason").collect().rows()
    assert aside == [(D[0], "tmdb/star/bridge_movie_country", "iso_3166_1 = null: must not be null")]


def test_a_code_tmdb_has_not_told_of_stops_nobody(films: Lake) -> None:
    films.details(D[0], film(1, credits={"cast": [role("c1", 7, gender=4)], "crew": []}))
    films.publish(*CLEAN, "dim_person", "dim_movie", "bridge_movie_cast", days=[D[0]])
    assert films.kept("dim_person", "person_id", "gender") == [(7, 4)]
    assert films.kept("bridge_movie_cast", "person_id") == [(7,)]


def test_of_a_member_a_value_that_may_be_unknown_is_set_aside_alone(films: Lake) -> None:
    roles = [role("c1", 7, order=-1), role("", 8), role("c3", 9, gender=2**40, order=2**40), role("c4", 0)]
    films.details(D[0], film(1, credits={"cast": roles, "crew": []}))
    films.publish(*CLEAN, "dim_person", "dim_movie", "bridge_movie_cast", days=[D[0]])
    assert films.kept("bridge_movie_cast", "person_id", "cast_order") == [(7, None), (9, None)]
    assert films.kept("dim_person", "person_id", "gender") == [(7, 1), (8, 1), (9, None)]
    told = films.kept("quarantine", "origin", "column_name", "value")
    cast, person = "tmdb/star/bridge_movie_cast", "tmdb/star/dim_person"
    assert sorted(told, key=str) == sorted(
        [(cast, None, None), (cast, None, None), (cast, "cast_order", "-1"), (cast, "cast_order", str(2**40)),
         (person, None, None), (person, "gender", str(2**40))],
        key=str,
    )  # fmt: skip


@pytest.mark.parametrize("contract", [c for c in contracts.CONTRACTS if c.order], ids=lambda c: c.name)
def test_a_dimension_adds_no_rule_beyond_its_keys(contract: Contract) -> None:
    """A row that only a dimension refuses would leave those that refer to it without it, and stop their publication."""
    kept_before = {
        r for c in contracts.CONTRACTS if c.stage == "clean" for column in c.columns.values() for r in column.rules
    }
    shipped = {"continent"}  # held to its list as it is read
    others = contract.required - {*contract.grain, *contract.references, *contract.order, *shipped}
    added = {name for name in others if not set(contract.columns[name].rules) <= kept_before}
    assert contract.owner != contract.grain or not added


def test_a_member_stated_twice_is_kept_once(films: Lake) -> None:
    films.details(D[0], with_genres(1, 4, 4))
    assert genres(films, D[0]) == [(1, 4)]


def test_one_person_may_have_several_credits_in_one_film(films: Lake) -> None:
    films.details(D[0], film(1, credits={"cast": [role("c1", 5), role("c2", 5, order=9)], "crew": []}))
    films.publish(*TO_DIM_MOVIE, "dim_person", "bridge_movie_cast", days=[D[0]])
    assert films.kept("bridge_movie_cast", "credit_id", "person_id", "cast_order") == [("c1", 5, 0), ("c2", 5, 9)]


def test_the_fact_table_has_one_row_per_film_and_day(films: Lake) -> None:
    for day in D[:2]:
        films.raw(contracts.DISCOVER_PAGES, day, page(day, 1, listed(1), listed(1, 4.0), listed(2)))
    films.publish(*TO_DIM_MOVIE, "dim_date", "fact_movie_daily", days=D[:2])
    assert films.kept("fact_movie_daily", "date_id", "movie_id", "popularity") == [
        (d, i, 5.0) for d in D[:2] for i in (1, 2)
    ]
    assert films.kept("dim_date", "date_id") == [(D[0],), (D[1],)]


# -- days in any order -------------------------------------------------------------------------------------------------


@st.composite
def a_film(draw: st.DrawFn) -> Any:
    movie_id = draw(st.integers(1, 3))
    if draw(st.integers(0, 5)) == 0:
        return movie_id, None
    title = draw(st.sampled_from(["A", "B", ""]))
    chosen = draw(st.sets(st.integers(1, 3), max_size=2))
    said = with_genres(movie_id, *chosen) | {"title": title}
    return {k: v for k, v in said.items() if k != "genres"} if draw(st.integers(0, 3)) == 0 else said


@st.composite
def a_day(draw: st.DrawFn) -> tuple[list[Any], list[int]]:
    answers = draw(st.lists(a_film(), max_size=3, unique_by=lambda a: a["id"] if isinstance(a, dict) else a[0]))
    return answers, draw(st.lists(st.integers(1, 4), max_size=2, unique=True))


@given(st.lists(a_day(), min_size=2, max_size=3), st.data())
@examples(2)
def test_the_star_does_not_depend_on_the_order_of_days(
    fresh_lake: Callable[[], DeltaStore], said: list[tuple[list[Any], list[int]]], data: st.DataObject
) -> None:
    at_once, one_by_one = Lake(fresh_lake()), Lake(fresh_lake())
    for films in (at_once, one_by_one):
        for day, (answers, listing) in zip(D, said, strict=False):
            films.details(day, *answers)
            films.raw(contracts.MOVIE_IDS, day, export(day, *[(i, 1.0) for i in listing]))
    at_once.publish("movie_stats", days=D[: len(said)])
    one_by_one.publish("movie_stats", days=D[: len(said)])
    genres(at_once, *D[: len(said)])
    order = data.draw(st.permutations(D[: len(said)]))
    order += data.draw(st.lists(st.sampled_from(order), max_size=1))
    cuts = data.draw(st.sets(st.integers(1, len(order) - 1)))
    for first, last in pairwise([0, *sorted(cuts), len(order)]):
        genres(one_by_one, *sorted(set(order[first:last])))
    for name in ("dim_movie", "dim_genre", "bridge_movie_genre"):
        assert one_by_one.kept(name) == at_once.kept(name), name


# -- the shipped table -------------------------------------------------------------------------------------------------


def test_the_shipped_table_has_every_code_once_and_namibia() -> None:
    table = shipped.country_continents()
    assert table["iso_3166_1"].is_unique().all()
    assert table.height >= 249
    assert table.filter(pl.col("iso_3166_1") == "NA").rows() == [("NA", "Namibia", "Africa")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("iso_3166_1,name,continent\n", "has no countries"),
        ("iso_3166_1,name,continent\nFR,France,Europe\n,Nowhere,Asia\n", "line 3: code None"),
        ("iso_3166_1,name,continent\nFR,France,Atlantis\n", "line 2: code 'FR' with continent 'Atlantis'"),
        ("iso_3166_1,name,continent\nFR,France,\n", "line 2: code 'FR' with continent None"),
        ("iso_3166_1,name,continent\nFR,France,Europe\nFR,Francia,Europe\n", "line 2: code 'FR'"),
        ("iso_3166_1,name\nFR,France\n", "cannot be"),
        ("code,name,continent\nFR,France,Europe\n", "cannot be"),
        (b"iso_3166_1,name,continent\nCI,C\xf4te,Africa\n", "cannot be read"),
    ],
)
def test_a_table_of_countries_that_cannot_be_used_is_said_in_one_sentence(
    tmp_path: Path, text: str | bytes | None, said: str
) -> None:
    file = tmp_path / "countries.csv"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(shipped.ReferenceFileError) as raised:
        shipped.country_continents(file)
    assert str(file) in str(raised.value)
    assert said in str(raised.value)
    assert str(raised.value).endswith("restore it from the project.")
    assert "\n" not in str(raised.value)


def test_the_shipped_prices_have_every_year_from_1913_and_the_base_period_is_100() -> None:
    index = dict(shipped.us_cpi().iter_rows())
    assert list(index) == list(range(1913, max(index) + 1))
    assert sum(index[year] for year in (1982, 1983, 1984)) / 3 == pytest.approx(100, abs=0.05)
    assert (index[1913], index[1950], index[2000], index[2024]) == (9.9, 24.1, 172.2, 313.689)
    assert max(abs(index[year] / index[year - 1] - 1) for year in list(index)[1:]) < 0.2, "a digit is astray"
    assert star.dim_cpi(shipped.us_cpi()).schema == contracts.DIM_CPI.schema


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("year,cpi_u\n", "has no years"),
        ("year,cpi_u\n2000,172.2\n2000,177.1\n", "line 2: year 2000 with index 172.2"),
        ("year,cpi_u\n2000,172.2\n,177.1\n", "line 3: year None"),
        ("year,cpi_u\n2000,172.2\n2001,\n", "line 3: year 2001 with index None"),
        ("year,cpi_u\n2000,0\n", "line 2: year 2000 with index 0.0"),
        ("year,cpi_u\n2000,-1\n", "line 2: year 2000 with index -1.0"),
        ("year,cpi_u\n2000,inf\n", "line 2: year 2000 with index inf"),
        ("year,cpi_u\n2000,NaN\n", "line 2: year 2000 with index nan"),
        ("year,cpi_u\n2000,n/a\n", "cannot be read"),
        ("year\n2000\n", "cannot be"),
        ("jahr,cpi_u\n2000,172.2\n", "cannot be"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "cannot be"),
    ],
)
def test_a_table_of_prices_that_cannot_be_used_is_said_in_one_sentence(
    tmp_path: Path, text: str | bytes | None, said: str
) -> None:
    file = tmp_path / "prices.csv"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(shipped.ReferenceFileError) as raised:
        shipped.us_cpi(file)
    assert str(file) in str(raised.value)
    assert said in str(raised.value)
    assert str(raised.value).endswith("restore it from the project.")
    assert "\n" not in str(raised.value)
