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
from tmdb_assets_tests.sources.tmdb.films import DAY, DAYS, details, export, film, listed, page, role


def cleaned(*answers: Any) -> Audit:
    return contracts.MOVIES.audit(clean.movies(details(DAY, *answers).lazy()))


def one(**changes: Any) -> dict[str, Any]:
    """The one clean film that a payload with these changes becomes."""
    audit = cleaned(film(7, **changes))
    assert audit.quarantined["reason"].to_list() == []
    return audit.kept.row(0, named=True)


def reason(**changes: Any) -> str:
    audit = cleaned(film(7, **changes))
    assert audit.kept.height == 0
    return str(audit.quarantined["reason"].item())


# -- unknown -------------------------------------------------------------------------------------------------------------


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


# -- nested lists --------------------------------------------------------------------------------------------------------


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


# -- set aside -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["2020-13-01", "2021-02-29", "20200101", "soon", "2020", "2020-01-01T00:00:00Z"])
def test_a_date_that_is_none_is_set_aside_with_its_text(written: str) -> None:
    assert reason(release_date=written) == f"release_date = {written}: must be a date"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"popularity": "12.5"}, "popularity = '12.5': Expected `float | null`, got `str`"),
        ({"budget": 1.5}, "budget = 1.5: Expected `int | null`, got `float`"),
        ({"revenue": 2**63}, "revenue = 9223372036854775808"),
        ({"runtime": -5}, "runtime_minutes = -5: must be at least 1"),
        ({"status": "Lost"}, "status = Lost: must be one of Canceled"),
        ({"vote_average": 11.0}, "vote_average = 11.0: must lie between 0 and 10"),
        ({"imdb_id": "nm0000001"}, "imdb_id = nm0000001: must be an IMDb title id"),
        ({"imdb_id": "tt٠١٢٣٤٥٦"}, "imdb_id = tt٠١٢٣٤٥٦: must be an IMDb title id"),
        ({"original_language": "FR"}, "original_language = FR: must be two or three small letters"),
        ({"genres": [None]}, "genres"),
        ({"genres": [{"id": "5"}]}, "genres[0].id = '5'"),
    ],
)
def test_what_breaks_a_rule_is_set_aside_with_column_and_value(changes: dict[str, Any], said: str) -> None:
    assert said in reason(**changes)


def test_a_rejected_film_keeps_its_payload_and_where_it_lies() -> None:
    audit = cleaned(film(1), (9, '{"id": 9, "title": "cut'), film(2))
    row = audit.quarantined.row(0, named=True)
    assert (row["payload"], row["raw_pointer"]) == (
        '{"id": 9, "title": "cut',
        "tmdb/raw/movie_details date_id=2026-03-01 movie_id=9",
    )
    assert audit.kept["movie_id"].to_list() == [1, 2]


# -- flagged -------------------------------------------------------------------------------------------------------------


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


# -- older and newer payloads --------------------------------------------------------------------------------------------


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


# -- gone ----------------------------------------------------------------------------------------------------------------


def test_films_that_are_gone_or_merged_are_tombstones_and_no_films() -> None:
    raw = details(DAY, film(1), (2, None), (3, film(1)))
    assert clean.movies(raw.lazy())["movie_id"].to_list() == [1]
    stones = contracts.MOVIE_TOMBSTONES.audit(clean.movie_tombstones(raw.lazy()))
    assert stones.kept.rows() == [(DAY, 2, None), (DAY, 3, 1)]
    received = [counted(name, movie_details=raw.lazy()) for name in clean.RECEIVED if name != "movie_stats"]
    assert received == [1, 2], "every raw row is either a film or a tombstone"


# -- stats ---------------------------------------------------------------------------------------------------------------


def counted(table: str, **given: pl.LazyFrame) -> int:
    return int(clean.RECEIVED[table](**given).collect().get_column("received").sum())


def stats(pages: list[pl.DataFrame], ids: list[pl.DataFrame]) -> Audit:
    given = {
        "discover_pages": pl.concat(pages).lazy() if pages else contracts.DISCOVER_PAGES.empty().lazy(),
        "movie_ids": pl.concat(ids).lazy() if ids else contracts.MOVIE_IDS.empty().lazy(),
    }
    frame = clean.movie_stats(**given)
    assert frame.height == counted("movie_stats", **given)
    return contracts.MOVIE_STATS.audit(frame)


def figures(audit: Audit) -> list[tuple[Any, ...]]:
    return audit.kept.sort("date_id", "movie_id").select("movie_id", "popularity", "vote_count", "seen_in").rows()


def test_a_list_page_counts_before_the_export() -> None:
    audit = stats([page(DAY, 1, listed(1, 5.5))], [export(DAY, (1, 5.0), (2, 0.6))])
    assert figures(audit) == [(1, 5.5, 10, "list"), (2, 0.6, None, "export")]
    assert (audit.received, audit.duplicates) == (3, 1)


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
    assert audit.quarantined["reason"][0].startswith("popularity = '9.5'")
    assert audit.quarantined["row_number"].to_list() == [1, 2, 3]
    assert set(audit.quarantined["raw_pointer"]) == {
        "tmdb/raw/discover_pages date_id=2026-03-01 window=popularity page=3"
    }
    assert json.loads(audit.quarantined["payload"][0])["id"] == 2


def test_an_empty_page_brings_no_row() -> None:
    assert stats([page(DAY, 1)], []).received == 0


def test_every_clean_table_states_how_many_rows_it_receives() -> None:
    names = {c.name for c in contracts.CONTRACTS if c.stage == "clean" and c is not contracts.QUARANTINE}
    assert set(clean.RECEIVED) == names
