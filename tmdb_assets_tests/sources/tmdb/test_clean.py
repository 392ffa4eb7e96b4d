"""Raw to clean: what TMDB writes for "unknown", what is set aside, what older and newer payloads do."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.sources.tmdb import clean, contracts
from tmdb_assets_tests.rejected import sentence
from tmdb_assets_tests.sources.tmdb.films import DAY, DAYS, details, export, film, listed, page, role


def cleaned(*answers: Any) -> Audit:
    return Audit.of(contracts.MOVIES, clean.movies(details(DAY, *answers).lazy()))


def one(**changes: Any) -> dict[str, Any]:
    """The one clean film that a payload with these changes becomes."""
    audit = cleaned(film(7, **changes))
    assert audit.quarantined["reason"].to_list() == []
    return audit.kept.row(0, named=True)


def reason(**changes: Any) -> str:
    audit = cleaned(film(7, **changes))
    assert audit.kept.height == 0
    return str(audit.quarantined["reason"].item())


def reason_alone(**changes: Any) -> str:
    audit = cleaned(film(7, **changes))
    assert (audit.kept.height, audit.quarantined.height, audit.values.height) == (1, 0, 1)
    assert json.loads(audit.values["payload"].item()) == film(7, **changes)
    assert audit.values["raw_pointer"].item() == "tmdb/raw/movie_details date_id=2026-03-01 movie_id=7"
    column = audit.values["column_name"].item()
    assert column not in audit.kept.columns or audit.kept[column].item() is None
    return str(audit.values["reason"].item())


# -- unknown -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "column"), [("budget", "budget_usd"), ("revenue", "revenue_usd"), ("runtime", "runtime_minutes")]
)
@pytest.mark.parametrize(("written", "read"), [(0, None), (None, None), (..., None), (1, 1), (90, 90)])
def test_nothing_is_not_an_amount(field: str, column: str, written: Any, read: Any) -> None:
    assert one(**{field: written})[column] == read


@pytest.mark.parametrize("field", ["overview", "tagline", "homepage", "original_title", "status", "original_language"])
@pytest.mark.parametrize("written", ["", "  ", "\n\t", None, ...])
def test_blank_text_is_unknown(field: str, written: Any) -> None:
    assert one(**{field: written})[field] is None


@pytest.mark.parametrize("written", ["", "   ", None, ...])
def test_a_blank_release_date_is_unknown(written: Any) -> None:
    assert one(release_date=written)["release_date"] is None


def test_text_is_trimmed_and_nothing_else() -> None:
    names = one(title="  Unknown ", overview=" Tom &amp; Jo | two \n", tagline="N/A")
    assert (names["title"], names["overview"], names["tagline"]) == ("Unknown", "Tom &amp; Jo | two", "N/A")


def test_a_title_is_never_replaced_by_another() -> None:
    assert reason(title="") == "title = null: must not be null"


@pytest.mark.parametrize(
    ("count", "average", "read"), [(0, 0.0, None), (0, 8.0, None), (1, 8.0, 8.0), (None, 8.0, None)]
)
def test_a_mean_without_votes_is_no_mean(count: Any, average: float, read: Any) -> None:
    assert one(vote_count=count, vote_average=average)["vote_average"] == read


def test_revenue_beyond_32_bits_is_kept() -> None:
    assert one(revenue=2_923_706_026, vote_count=30_000)["revenue_usd"] == 2_923_706_026


@pytest.mark.parametrize(
    ("own", "external", "read"),
    [("tt1234567", "tt7654321", "tt1234567"), ("", "tt7654321", "tt7654321"), (None, "", None), (None, None, None)],
)
def test_the_imdb_id_is_the_films_own_or_else_the_external_one(own: Any, external: Any, read: Any) -> None:
    assert one(imdb_id=own, external_ids={"imdb_id": external})["imdb_id"] == read


def test_the_series_is_unknown_for_most_films() -> None:
    assert (one()["collection_id"], one()["collection_name"]) == (None, None)
    series = one(belongs_to_collection={"id": 10, "name": " A Series "})
    assert (series["collection_id"], series["collection_name"]) == (10, "A Series")


# -- nested lists ------------------------------------------------------------------------------------------------------


def test_an_empty_list_is_empty_and_a_missing_one_was_not_observed() -> None:
    empty = one()
    missing = one(genres=..., production_companies=None, keywords=..., credits=..., belongs_to_collection=...)
    for column in ("genres", "companies", "keywords", "cast", "crew"):
        assert (empty[column], missing[column]) == ([], None), column
    assert one(keywords={})["keywords"] is None
    assert (one(credits={"cast": []})["cast"], one(credits={"cast": []})["crew"]) == ([], None)


def test_names_keep_their_characters_and_lose_their_blanks() -> None:
    read = one(
        genres=[{"id": 1, "name": " Rock | Roll "}],
        production_companies=[{"id": 3, "name": "Tom &amp; Co", "origin_country": ""}, {"id": 3, "name": ""}],
        keywords={"keywords": [{"id": 9, "name": "a|b "}]},
    )
    assert read["genres"] == [{"genre_id": 1, "name": "Rock | Roll"}]
    assert read["companies"] == [
        {"company_id": 3, "name": "Tom &amp; Co", "origin_country": None},
        {"company_id": 3, "name": None, "origin_country": None},
    ]
    assert read["keywords"] == [{"keyword_id": 9, "name": "a|b"}]


@pytest.mark.parametrize("code", ["NA", "CS", "SU", "XK"])
def test_country_codes_are_text_and_na_is_namibia(code: str) -> None:
    read = one(production_countries=[{"iso_3166_1": code, "name": "A land"}], origin_country=[code, " ", ""])
    assert read["countries"] == [{"iso_3166_1": code, "name": "A land"}]
    assert read["origin_countries"] == [code]


@pytest.mark.parametrize(
    ("spoken", "name"),
    [
        ({"iso_639_1": "cn", "english_name": "Cantonese", "name": "廣州話"}, "Cantonese"),
        ({"iso_639_1": "cn", "english_name": "", "name": " 廣州話 "}, "廣州話"),
        ({"iso_639_1": "cn", "name": ""}, None),
    ],
)
def test_a_language_has_its_english_name_or_else_its_own(spoken: dict[str, str], name: str | None) -> None:
    assert one(spoken_languages=[spoken])["languages"] == [{"iso_639_1": "cn", "name": name}]


@pytest.mark.parametrize("code", ["cn", "xx", "sh"])
def test_languages_of_tmdbs_own_are_kept(code: str) -> None:
    assert one(original_language=code)["original_language"] == code


def test_one_person_may_have_several_roles_and_an_unstated_gender() -> None:
    cast = one(credits={"cast": [role("c1", 5, gender=0, order=0), role("c2", 5, " Eva ", gender=2, order=945)]})[
        "cast"
    ]
    assert [(c["credit_id"], c["person_id"], c["name"], c["gender"], c["cast_order"]) for c in cast] == [
        ("c1", 5, "Someone", None, 0),
        ("c2", 5, "Eva", 2, 945),
    ]


def test_releases_keep_their_day_and_not_the_meaningless_hour() -> None:
    dates = [{"release_date": "2020-02-29T00:00:00.000Z", "type": 3, "certification": ""}, {"release_date": "soon"}]
    read = one(release_dates={"results": [{"iso_3166_1": "FR", "release_dates": dates}]})["releases"]
    assert read == [
        {
            "iso_3166_1": "FR",
            "releases": [
                {"released_on": dt.date(2020, 2, 29), "release_type": 3, "certification": None},
                {"released_on": None, "release_type": None, "certification": None},
            ],
        }
    ]


# -- set aside ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["2020-13-01", "2021-02-29", "20200101", "soon", "2020", "2020-01-01T00:00:00Z", "202-01-01", "-0001-05-05",
     "+10000-01-01", "2020-1-1", "٢٠٢٠-01-01"],
)  # fmt: skip
def test_a_date_that_is_none_is_set_aside_with_its_text(written: str) -> None:
    assert reason_alone(release_date=written) == f"release_date = {written}: must be a date"


@pytest.mark.parametrize("written", ["0000-01-01", "0202-01-01", "1869-12-31", "2200-01-01", "9999-12-31"])
def test_a_date_of_a_year_that_no_film_can_have_is_set_aside(written: str) -> None:
    told = f"{written}: must lie between 1870-01-01 and 2199-12-31"
    assert reason_alone(release_date=written) == f"release_date = {told}"
    releases = [{"iso_3166_1": "FR", "release_dates": [{"release_date": f"{written}T00:00:00.000Z", "type": 3}]}]
    path = "release_dates.results[].release_dates[].release_date"
    said = f"{path} = {written}T00:00:00.000Z: must lie between 1870-01-01 and 2199-12-31"
    assert reason_alone(release_dates={"results": releases}) == said


@pytest.mark.parametrize("written", ["1870-01-01", "1895-12-28", "2115-11-18", "2199-12-31"])
def test_the_first_films_and_those_announced_for_long_have_their_date(written: str) -> None:
    assert cleaned(film(7, release_date=written)).kept["release_date"].item() == dt.date.fromisoformat(written)


def test_a_release_without_a_day_leaves_the_others_of_its_film() -> None:
    days = ["2020-02-29T00:00:00.000Z", "soon", "", "-0001-01-01", "2021-01-01"]
    said = [{"release_date": text, "type": 3, "certification": ""} for text in days]
    two = [{"iso_3166_1": "FR", "release_dates": said[:2]}, {"iso_3166_1": "US", "release_dates": said[2:]}]
    audit = cleaned(film(7, release_dates={"results": two}), film(8))
    kept = [[r["released_on"] for r in c["releases"]] for c in audit.kept["releases"][0]]
    assert kept == [[dt.date(2020, 2, 29), None], [None, None, dt.date(2021, 1, 1)]]
    assert audit.values["value"].to_list() == ["soon", "-0001-01-01"]
    assert audit.lost == {"release_dates.results[].release_dates[].release_date": 1}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runtime": -5}, "runtime_minutes = -5: must lie between 1 and 100000"),
        ({"runtime": 10**9}, "runtime_minutes = 1000000000: must lie between 1 and 100000"),
        ({"budget": 2**62}, "budget_usd = 4611686018427387904: must lie between 1 and 10000000000"),
        ({"revenue": 2**63 - 1}, "revenue_usd = 9223372036854775807: must lie between 1 and 10000000000"),
        ({"popularity": 1e16}, "popularity = 1e+16: must lie between 0 and 1000000"),
        ({"vote_count": 2**62}, "vote_count = 4611686018427387904: must lie between 0 and 1000000000"),
        ({"status": "Lost"}, "status = Lost: must be one of Canceled"),
        ({"vote_average": 11.0}, "vote_average = 11.0: must lie between 0 and 10"),
        ({"imdb_id": "nm0000001"}, "imdb_id = nm0000001: must be an IMDb title id"),
        ({"imdb_id": "tt٠١٢٣٤٥٦"}, "imdb_id = tt٠١٢٣٤٥٦: must be an IMDb title id"),
        ({"original_language": "FR"}, "original_language = FR: must be two or three small letters"),
        ({"belongs_to_collection": {"id": -4, "name": "S"}}, "collection_id = -4: must lie between 1 and 2147483647"),
    ],
)
def test_a_value_that_breaks_a_rule_is_set_aside_and_its_film_stays(changes: dict[str, Any], said: str) -> None:
    assert said in reason_alone(**changes)


def test_money_that_is_set_aside_is_not_what_makes_the_rest_implausible() -> None:
    assert cleaned(film(7, revenue=2**62, vote_count=3)).kept["has_implausible_money"].item() is False
    assert cleaned(film(7, revenue=10**9, vote_count=3)).kept["has_implausible_money"].item() is True


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": 5}, "title = 5: must be text"),
        ({"id": "7"}, 'id = "7": must be a whole number of 64 bits'),
        ({"title": " "}, "title = null: must not be null"),
    ],
)
def test_what_breaks_a_rule_is_set_aside_with_column_and_value(changes: dict[str, Any], said: str) -> None:
    assert said in reason(**changes)


@pytest.mark.parametrize(
    ("changes", "column", "value", "kept"),
    [
        ({"popularity": "12.5"}, "popularity", "12.5", {"popularity": None}),
        ({"runtime": "120 min"}, "runtime", "120 min", {"runtime_minutes": None}),
        ({"budget": 1.5}, "budget", "1.5", {"budget_usd": None}),
        ({"revenue": 2**63}, "revenue", "9223372036854775808", {"revenue_usd": None}),
        ({"adult": "maybe"}, "adult", "maybe", {"adult": None}),
        ({"genres": [None]}, "genres[]", "null", {"genres": []}),
        ({"genres": [{"id": "5"}, {"id": 6}]}, "genres[].id", "5", {"genres": [{"genre_id": 6, "name": None}]}),
        ({"production_companies": [{"id": None, "name": "A"}]}, "production_companies[].id", "null", {"companies": []}),
        ({"spoken_languages": {}}, "spoken_languages", "{}", {"languages": None}),
    ],
)
def test_a_value_of_another_type_is_set_aside_and_its_film_kept(
    changes: dict[str, Any], column: str, value: str, kept: dict[str, Any]
) -> None:
    frame = clean.movies(details(DAY, film(7, **changes)).lazy())
    (entry,) = frame["_set_aside"].item()
    assert (entry["column"], entry["value"]) == (column, value)
    assert sentence(entry).startswith(f"{column} = ") and ": must be " in sentence(entry)
    row = Audit.of(contracts.MOVIES, frame).kept.row(0, named=True)
    assert {name: row[name] for name in kept} == kept


def test_a_film_whose_runtime_is_written_as_a_decimal_runs_as_long() -> None:
    assert one(runtime=120.0, vote_count=3.0)["runtime_minutes"] == 120


def test_a_rejected_film_keeps_its_payload_and_where_it_lies() -> None:
    audit = cleaned(film(1), (9, '{"id": 9, "title": "cut'), film(2))
    row = audit.quarantined.row(0, named=True)
    assert (row["payload"], row["raw_pointer"]) == (
        '{"id": 9, "title": "cut',
        "tmdb/raw/movie_details date_id=2026-03-01 movie_id=9",
    )
    assert audit.kept["movie_id"].to_list() == [1, 2]


# -- flagged -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "revenue", "votes", "flagged"),
    [
        (1, 100_000_000, 900, True),
        (999, 1_000_001, 900, True),
        (1000, 100_000_000, 900, False),
        (999, 1_000_000, 900, False),
        (2_000_000, 5, 900, True),
        (0, 100_000_000, 900, False),
        (100, 200, 900, True),
        (30, 103, 900, True),
        (999, 999, 900, True),
        (999, 1_000, 900, False),
        (1_000, 999, 900, False),
        (7, 0, 900, False),
        (0, 7, 900, False),
        (7, 5, None, True),
        (0, 2_800_000_000, 5, True),
        (0, 2_800_000_000, 50, False),
        (0, 100_000_000, 5, False),
        (0, 0, 0, False),
        (0, 2_800_000_000, None, False),
    ],
)
def test_money_that_is_hardly_true_is_flagged_and_kept(budget: int, revenue: int, votes: Any, flagged: bool) -> None:
    read = one(budget=budget, revenue=revenue, vote_count=votes)
    assert read["has_implausible_money"] is flagged
    assert (read["budget_usd"], read["revenue_usd"]) == (budget or None, revenue or None)


def flags(*films: tuple[int, int]) -> list[bool]:
    """The flag of each film of many votes, given its budget and revenue."""
    told = [film(n, budget=b, revenue=r, vote_count=900) for n, (b, r) in enumerate(films, start=1)]
    return cleaned(*told).kept.sort("movie_id")["has_implausible_money"].to_list()


amounts = st.integers(1, 999)


@given(st.lists(st.tuples(amounts, amounts), min_size=1), st.sampled_from([1_000, 1_000_000]))
def test_money_written_in_millions_or_thousands_is_flagged_and_the_same_in_dollars_is_not(
    pairs: list[tuple[int, int]], unit: int
) -> None:
    assert all(flags(*pairs))
    assert not any(flags(*((budget * unit, revenue * unit) for budget, revenue in pairs)))


# -- older and newer payloads ------------------------------------------------------------------------------------------


def test_an_older_payload_lacks_whole_parts_and_is_kept() -> None:
    read = one(
        keywords=..., credits=..., belongs_to_collection=..., external_ids=..., release_dates=..., origin_country=...
    )
    for column in ("keywords", "cast", "crew", "releases", "origin_countries", "collection_id", "wikidata_id"):
        assert read[column] is None, column
    assert (read["title"], read["is_softcore"]) == ("Film 7", None)


def test_a_newer_payload_with_unknown_fields_is_kept() -> None:
    read = one(softcore=True, mood={"tense": 0.5}, credits={"cast": [role("c", 1, nickname="Z")], "writers": []})
    assert read["is_softcore"] is True
    assert len(read["cast"]) == 1


def test_an_id_and_a_title_are_enough() -> None:
    audit = cleaned((3, {"id": 3, "title": "Short"}))
    assert (audit.kept.height, audit.kept["title"].item()) == (1, "Short")
    assert audit.kept["has_implausible_money"].item() is False


# -- gone --------------------------------------------------------------------------------------------------------------


def test_films_that_are_gone_or_merged_are_tombstones_and_no_films() -> None:
    raw = details(DAY, film(1), (2, None), (3, film(1)))
    assert clean.movies(raw.lazy())["movie_id"].to_list() == [1]
    stones = Audit.of(contracts.MOVIE_TOMBSTONES, clean.movie_tombstones(raw.lazy()))
    assert stones.kept.rows() == [(DAY, 2, None), (DAY, 3, 1)]
    received = [counted(name, details=raw.lazy()) for name in ("movies", "movie_tombstones")]
    assert received == [1, 2], "every raw row is either a film or a tombstone"


# -- stats -------------------------------------------------------------------------------------------------------------


RECEIVED = {contract.name: count for contract, count in clean.RECEIVED.items()}


def counted(table: str, **given: pl.LazyFrame) -> int:
    return int(RECEIVED[table](**given).collect().get_column("received").sum())


def stats(pages: list[pl.DataFrame], ids: list[pl.DataFrame], asked: pl.DataFrame | None = None) -> Audit:
    movies = clean.movies((contracts.MOVIE_DETAILS.empty() if asked is None else asked).lazy())
    given = {
        "discover_pages": pl.concat(pages).lazy() if pages else contracts.DISCOVER_PAGES.empty().lazy(),
        "movies": Audit.of(contracts.MOVIES, movies).kept.lazy(),
        "movie_ids": pl.concat(ids).lazy() if ids else contracts.MOVIE_IDS.empty().lazy(),
    }
    frame = clean.movie_stats(**given)
    assert frame.height == counted("movie_stats", **given)
    return Audit.of(contracts.MOVIE_STATS, frame)


def figures(audit: Audit) -> list[tuple[Any, ...]]:
    return audit.kept.sort("date_id", "movie_id").select("movie_id", "popularity", "vote_count", "seen_in").rows()


def test_a_list_page_counts_before_the_export() -> None:
    audit = stats([page(DAY, 1, listed(1, 5.5))], [export(DAY, (1, 5.0), (2, 0.6))])
    assert figures(audit) == [(1, 5.5, 10, "list"), (2, 0.6, None, "export")]
    assert (audit.received, audit.duplicates, audit.superseded) == (3, 0, 1)


def test_a_film_that_no_list_showed_stands_with_the_figures_of_its_details() -> None:
    asked = details(DAY, film(1, popularity=9.0), film(2, popularity=8.0, vote_count=7), film(3, popularity=None))
    audit = stats([page(DAY, 1, listed(1, 5.5))], [export(DAY, (1, 5.0), (2, 0.6), (3, 0.5))], asked)
    assert figures(audit) == [(1, 5.5, 10, "list"), (2, 8.0, 7, "details"), (3, 0.5, None, "export")]
    assert (audit.received, audit.duplicates, audit.superseded) == (6, 0, 3)


@pytest.mark.parametrize(
    "changes", [{"vote_count": None}, {"vote_count": 10**12}, {"vote_average": 11.0}, {"vote_average": None}], ids=str
)
def test_a_list_row_that_lacks_a_figure_gives_way_to_the_details_and_not_to_the_export(changes: dict[str, Any]) -> None:
    pages = [page(DAY, 1, listed(1, 5.5, **changes), listed(2, 4.5, **changes))]
    audit = stats(pages, [export(DAY, (1, 5.0), (2, 0.6))], details(DAY, film(1, popularity=9.0, vote_count=7)))
    one, two = figures(audit)
    assert one == (1, 9.0, 7, "details")
    assert (two[0], two[1], two[3]) == (2, 4.5, "list in part")
    assert (audit.received, audit.superseded, audit.accounted) == (5, 3, True)


def test_a_film_on_two_pages_counts_once_as_on_the_first() -> None:
    pages = [page(DAY, 2, listed(1, 4.0)), page(DAY, 1, listed(1, 5.0), listed(2, 4.5))]
    assert figures(stats(pages, [])) == [(1, 5.0, 10, "list"), (2, 4.5, 10, "list")]


def test_each_day_has_its_own_figures() -> None:
    audit = stats([page(DAYS[1], 1, listed(1, 6.0)), page(DAYS[0], 1, listed(1, 5.0))], [export(DAYS[2], (1, 4.0))])
    assert audit.kept.sort("date_id")["popularity"].to_list() == [5.0, 6.0, 4.0]


@pytest.mark.parametrize(("count", "read"), [(0, None), (3, 7.0)])
def test_a_listed_mean_without_votes_is_no_mean(count: int, read: Any) -> None:
    assert stats([page(DAY, 1, listed(1, vote_count=count))], []).kept["vote_average"].item() == read


def test_a_listed_row_that_does_not_fit_is_set_aside_alone() -> None:
    audit = stats([page(DAY, 3, listed(1), listed(2, "9.5"), None, listed(None), listed(4))], [])
    assert audit.kept["movie_id"].to_list() == [1, 4]
    assert audit.quarantined["reason"][0].startswith('popularity = "9.5": must be a number')
    assert audit.quarantined["row_number"].to_list() == [1, 2, 3]
    assert set(audit.quarantined["raw_pointer"]) == {
        "tmdb/raw/discover_pages date_id=2026-03-01 window=popularity page=3"
    }
    assert json.loads(audit.quarantined["payload"][0])["id"] == 2


def test_an_empty_page_brings_no_row() -> None:
    assert stats([page(DAY, 1)], []).received == 0


def test_every_clean_table_states_how_many_rows_it_receives() -> None:
    names = {c.name for c in contracts.CONTRACTS if c.stage == "clean" and c is not contracts.QUARANTINE}
    assert set(RECEIVED) == names
