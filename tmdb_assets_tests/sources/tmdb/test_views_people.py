"""Directors, actors and production companies, against plain Python over the payloads and over a few films made by
hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

import pytest

from tmdb_assets_tests.sources.tmdb.money import (
    Film,
    Row,
    a_film,
    a_star,
    answer,
    differences,
    figures,
    films_of,
    grouped,
    years,
)
from tmdb_assets_tests.sources.tmdb.worlds import World


def directors(film: Film) -> set[int]:
    return {member["id"] for member in film.credits("crew") if member["job"].strip() == "Director"}


def actors(film: Film) -> set[int]:
    return {member["id"] for member in film.credits("cast")}


def leads(film: Film, person: int) -> bool:
    return any(member["order"] < 3 for member in film.credits("cast") if member["id"] == person)


def said(world: World, lists: Callable[[Film], Iterable[Row]], field: str) -> dict[int, set[str | None]]:
    """What was ever said of each id: one may go by several names."""
    found: dict[int, set[str | None]] = {}
    for film in films_of(world):
        for item in lists(film):
            found.setdefault(item["id"], set()).add((item.get(field) or "").strip() or None)
    return found


def test_directors(world: World) -> None:
    answered = world.rows("vw_directors")
    names = said(world, lambda film: film.credits("crew") + film.credits("cast"), "name")
    assert [row["person_id"] for row in answered if row.pop("name") not in names[row["person_id"]]] == []
    expected = [
        {"person_id": person} | figures(films) | years(films)
        for person, films in grouped(films_of(world), directors).items()
    ]
    assert len(expected) > 50
    assert differences(answered, expected) == []


def test_actors(world: World) -> None:
    answered = world.rows("vw_actors")
    names = said(world, lambda film: film.credits("crew") + film.credits("cast"), "name")
    assert [row["person_id"] for row in answered if row.pop("name") not in names[row["person_id"]]] == []
    expected = [
        {"person_id": person, "leading_roles": sum(leads(film, person) for film in films)}
        | figures(films)
        | years(films)
        for person, films in grouped(films_of(world), actors).items()
    ]
    assert len(expected) > 50
    assert differences(answered, expected) == []


def test_companies(world: World) -> None:
    answered = world.rows("vw_companies")
    for column in ("name", "origin_country"):
        known = said(world, lambda film: film.said["production_companies"], column)
        assert [row["company_id"] for row in answered if row.pop(column) not in known[row["company_id"]]] == []
    expected = [
        {"company_id": company} | figures(films) | years(films)
        for company, films in grouped(films_of(world), lambda film: film.ids("production_companies")).items()
    ]
    assert expected
    assert differences(answered, expected) == []


# -- made by hand ------------------------------------------------------------------------------------------------------


def credit(movie_id: int, person_id: int, **more: object) -> Row:
    return {"movie_id": movie_id, "person_id": person_id, "observed_on": dt.date(2026, 3, 1)} | more


def directed(movie_id: int, person_id: int, job: str = "Director") -> Row:
    return credit(movie_id, person_id, credit_id=f"{movie_id}-{person_id}-{job}", job=job, department="Directing")


def played(movie_id: int, person_id: int, order: int | None) -> Row:
    return credit(movie_id, person_id, credit_id=f"{movie_id}-{person_id}-{order}", cast_order=order)


ANN, BEN, CAT = ({"person_id": n, "name": name} for n, name in enumerate(("Ann", "Ben", "Cat"), start=1))


def test_a_film_of_two_directors_counts_in_full_for_both_and_other_jobs_do_not() -> None:
    crew = [directed(1, 1), directed(1, 2), directed(2, 2), directed(2, 3, "Producer"), directed(1, 3, "Co-Director")]
    star = a_star(
        a_film(1, budget_usd=10, revenue_usd=30, vote_average=8.0),
        a_film(2, budget_usd=20, revenue_usd=20, vote_average=5.0, release_date=dt.date(2010, 1, 1)),
        bridge_movie_crew=crew,
        dim_person=[ANN, BEN, CAT],
    )
    ann, ben = answer(star, "vw_directors")
    assert (ann["name"], ann["films"], ann["total_revenue_usd"], ann["median_roi"]) == ("Ann", 1, 30, 3.0)
    assert (ben["name"], ben["films"], ben["total_revenue_usd"], ben["median_roi"]) == ("Ben", 2, 50, 2.0)
    assert (ben["mean_rating"], ben["first_year"], ben["last_year"]) == (6.5, 2000, 2010)
    assert (ben["total_profit_usd"], ben["mean_budget_usd"], ben["median_revenue_usd"]) == (20, 15.0, 25.0)


def test_a_director_without_money_votes_or_a_date_has_nulls_and_says_so() -> None:
    unknown = {"budget_usd": 5, "revenue_usd": None, "vote_average": None, "vote_count": 0, "release_date": None}
    star = a_star(a_film(1, **unknown), bridge_movie_crew=[directed(1, 1)], dim_person=[ANN])
    (ann,) = answer(star, "vw_directors")
    assert (ann["films"], ann["films_with_both"], ann["films_with_votes"]) == (1, 0, 0)
    assert (ann["films_with_budget"], ann["films_with_revenue"], ann["total_budget_usd"]) == (1, 0, 5)
    assert {name for name, value in ann.items() if value is None} == {
        "first_year",
        "last_year",
        "median_roi",
        "mean_rating",
        "ranked_total_revenue_usd",
        "ranked_median_revenue_usd",
        "ranked_median_roi",
        *(f"{kind}_{what}_usd" for kind in ("total", "mean", "median") for what in ("revenue", "profit")),
    }


def test_one_who_is_credited_twice_directed_the_film_once() -> None:
    crew = [directed(1, 1), directed(1, 1) | {"credit_id": "again"}]
    star = a_star(a_film(1), bridge_movie_crew=crew, dim_person=[ANN])
    (ann,) = answer(star, "vw_directors")
    assert (ann["films"], ann["total_budget_usd"]) == (1, 10_000_000)


def test_a_film_that_is_gone_counts_for_nobody() -> None:
    gone = a_film(1, gone_on=dt.date(2026, 3, 2))
    star = a_star(
        gone,
        a_film(2),
        bridge_movie_crew=[directed(1, 1), directed(1, 2), directed(2, 2)],
        bridge_movie_cast=[played(1, 3, 0)],
        bridge_movie_company=[credit(1, 0, company_id=7)],
        dim_person=[ANN, BEN, CAT],
        dim_company=[{"company_id": 7, "name": "Seven"}],
    )
    assert [(row["name"], row["films"]) for row in answer(star, "vw_directors")] == [("Ben", 1)]
    assert answer(star, "vw_actors") == []
    assert answer(star, "vw_companies") == []


@pytest.mark.parametrize(
    ("orders", "leading"),
    [([0], 1), ([2], 1), ([3], 0), ([7, 1], 1), ([3, None], 0), ([None], 0), ([0, 1, 2], 1)],
)
def test_an_actor_with_several_roles_acts_in_the_film_once_and_leads_in_it_at_most_once(
    orders: list[int | None], leading: int
) -> None:
    cast = [played(1, 1, order) for order in orders]
    star = a_star(a_film(1), bridge_movie_cast=cast, dim_person=[ANN])
    (ann,) = answer(star, "vw_actors")
    assert (ann["films"], ann["leading_roles"], ann["total_revenue_usd"]) == (1, leading, 30_000_000)


def test_companies_of_one_name_stay_apart() -> None:
    star = a_star(
        a_film(1),
        a_film(2),
        bridge_movie_company=[credit(1, 0, company_id=7), credit(2, 0, company_id=8)],
        dim_company=[
            {"company_id": 7, "name": "Same", "origin_country": "FR"},
            {"company_id": 8, "name": "Same"},
            {"company_id": 9, "name": "Without a film"},
        ],
    )
    answered = answer(star, "vw_companies")
    assert [(row["company_id"], row["name"], row["origin_country"], row["films"]) for row in answered] == [
        (7, "Same", "FR", 1),
        (8, "Same", None, 1),
    ]
