"""Clean to star: histories that depend on the observed days and not on their order, genres, listens, no personal
data."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import contracts, star
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.moovitamix.lakes import (
    TABLES,
    Lists,
    a_few,
    contents,
    day,
    derive,
    differing,
    fill_from_lists,
    history,
    keep_raw,
    lists,
    rows,
    track,
    user,
)

Span = tuple[int, str, dt.date, dt.date | None, bool, dt.date | None]


# -- type 2 histories --------------------------------------------------------------------------------------------------


def told(said: Mapping[dt.date, Mapping[int, str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What clean tables say of states per observed day: (new or changed, gone)."""
    observed = sorted(said)
    changed, gone = [], []
    for before, on in zip([None, *observed], observed, strict=False):
        was = said[before] if before else {}
        changed += [(on, key, value) for key, value in said[on].items() if was.get(key) != value]
        gone += [(on, key) for key in was if key not in said[on]]
    states = pl.DataFrame(changed, schema={"date_id": pl.Date, "key": pl.Int64, "value": pl.String}, orient="row")
    return states, pl.DataFrame(gone, schema={"date_id": pl.Date, "key": pl.Int64}, orient="row")


def plain_spans(said: Mapping[dt.date, Mapping[int, str]]) -> list[Span]:
    """The same history in plain Python, day by day."""
    observed = sorted(said)
    found: list[Span] = []
    for key in sorted({key for states in said.values() for key in states}):
        stretches: list[tuple[dt.date, str | None]] = []
        for on in observed:
            value = said[on].get(key)
            if not stretches or stretches[-1][1] != value:
                stretches.append((on, value))
        for number, (first, value) in enumerate(stretches):
            if value is None:
                continue
            later = stretches[number + 1 :]
            ends = later[0][0] if later else None
            left = ends if len(later) == 1 and later[0][1] is None else None
            found.append((key, value, first, ends, ends is None, left))
    return sorted(found, key=lambda span: span[:1] + span[2:3])


_said = st.dictionaries(
    st.sampled_from([day(n) for n in range(6)]),
    st.dictionaries(st.integers(1, 3), st.sampled_from(["a", "b"]), max_size=3),
    max_size=6,
)


@examples(200)
@given(_said)
def test_a_history_is_what_day_by_day_reading_gives(said: Mapping[dt.date, Mapping[int, str]]) -> None:
    found = star.spans(*told(said), "key").rows()
    assert found == plain_spans(said)


@examples(100)
@given(_said)
def test_every_observed_day_is_read_back_from_the_history(said: Mapping[dt.date, Mapping[int, str]]) -> None:
    history_ = star.spans(*told(said), "key")
    for on, states in said.items():
        stands = (pl.col("valid_from") <= on) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > on))
        assert dict(history_.filter(stands).select("key", "value").iter_rows()) == dict(states)


def test_a_repeated_state_is_no_new_row() -> None:
    states = pl.DataFrame({"date_id": [day(3), day(2), day(1)], "key": [1, 1, 1], "value": ["a", "a", "b"]})
    gone = pl.DataFrame(schema={"date_id": pl.Date, "key": pl.Int64})
    assert star.spans(states, gone, "key").select("valid_from", "valid_to").rows() == [(day(3), day(1)), (day(1), None)]


# -- the tables of a lake ----------------------------------------------------------------------------------------------


def test_a_user_who_changes_leaves_and_returns(lake: DeltaStore) -> None:
    said = {
        day(9): lists(users=[user(1), user(2)]),
        day(8): lists(users=[user(1, favorite_genres="Pop"), user(2)]),
        day(7): lists(users=[user(2)]),
        day(5): lists(users=[user(1, favorite_genres="Pop")]),
        day(4): lists(users=[user(1, favorite_genres="Pop", first_name="Renamed")]),
    }
    fill_from_lists(lake, said, only=["dim_user"])
    found = rows(lake, "dim_user").select(
        "user_id", "favorite_genres", "valid_from", "valid_to", "is_current", "gone_on"
    )
    assert found.rows() == [
        (1, "Jazz", day(9), day(8), False, None),
        (1, "Pop", day(8), day(7), False, None),
        (1, "Pop", day(5), None, True, None),
        (2, "Rock", day(9), day(5), False, day(5)),
    ]


def test_full_churn_is_noticed_and_no_crash(lake: DeltaStore) -> None:
    keep_raw(lake, day(1), a_few())
    compared = ["changes", "dim_track", "fact_listen"]
    derive(lake, [day(1)], only=compared, whole=False)
    other = lists([track(n) for n in range(101, 106)], [user(n) for n in range(51, 55)], [history(51, 101)])
    keep_raw(lake, day(0), other)
    done = derive(lake, [day(0)], only=compared)
    churn = next(o for o in done["changes"].outcomes if o.check == "full_churn")
    assert (churn.passed, churn.warns) == (False, True)
    assert churn.sentence == (
        f"{day(0)}: 5 of 5 tracks of {day(1)} are gone: the source's server restarted and gave new ids"
    )
    assert rows(lake, "dim_track").filter("is_current")["track_id"].to_list() == [101, 102, 103, 104, 105]
    assert rows(lake, "dim_track").filter(~pl.col("is_current"))["gone_on"].unique().to_list() == [day(0)]
    assert rows(lake, "fact_listen").filter(pl.col("gone_on").is_null())["track_id"].to_list() == [101]


def _history_of_days(seed: int) -> dict[dt.date, Lists]:
    """Three days on which tracks, users and history rows come, change, go and return, malformed ones among them."""
    rng = random.Random(seed)
    ids = range(1, 25)  # rows cost little, days much
    said = {}
    for n in (9, 7, 2):
        users = [user(i, favorite_genres=rng.choice(["Pop", "Folk, pop"])) for i in ids if rng.random() < 0.8]
        tracks = [track(i, duration=rng.choice(["02:00", "3:99"])) for i in ids if rng.random() < 0.8]
        heard = [
            history(i, *rng.sample(range(1, 27), rng.randrange(3)), at=f"2026-01-{i:02}T00:00:00", updated_at=None)
            for i in ids
            if rng.random() < 0.7
        ]
        said[day(n)] = lists(tracks, users, heard)
    return said


def test_days_in_any_order_or_in_one_run_give_the_same_tables(fresh_lake: Callable[[], DeltaStore]) -> None:
    """One by one, the last day after the one before it and the first day after both; and all of them in one run."""
    said = _history_of_days(seed=1)
    shuffled, together = fresh_lake(), fresh_lake()
    first, second, last = said
    fill_from_lists(shuffled, {on: said[on] for on in (second, last, first)}, views=True, one_by_one=True)
    fill_from_lists(together, said, views=True)
    expected = contents(together)
    assert differing(expected, contents(shuffled)) == []
    derive(shuffled, [first], whole=False)
    assert differing(expected, contents(shuffled)) == []


def test_genres_are_one_whatever_their_case(lake: DeltaStore) -> None:
    said = lists(
        [track(1, genres="Rock, Jazz"), track(2, genres="rock"), track(3, genres="Rock"), track(4, genres=None)],
        [user(1, favorite_genres="ROCK, Polka"), user(2, favorite_genres="")],
    )
    fill_from_lists(lake, {day(0): said}, only=["bridge_track_genre", "bridge_user_genre"])
    assert rows(lake, "dim_genre").rows() == [
        ("jazz", "Jazz", True, False),
        ("polka", "Polka", False, True),
        ("rock", "Rock", True, True),
    ]
    assert rows(lake, "bridge_track_genre").rows() == [(1, "jazz"), (1, "rock"), (2, "rock"), (3, "rock")]
    assert rows(lake, "bridge_user_genre").rows() == [(1, "polka"), (1, "rock")]


def test_a_bridge_has_the_genres_of_the_last_state(lake: DeltaStore) -> None:
    said = {day(1): lists([track(1, genres="A, B")]), day(0): lists([track(1, genres="B, C")])}
    fill_from_lists(lake, said, only=["bridge_track_genre"])
    assert rows(lake, "bridge_track_genre").rows() == [(1, "b"), (1, "c")]
    assert rows(lake, "dim_genre")["genre_id"].to_list() == ["a", "b", "c"]


def test_listens_are_those_of_the_last_state_of_their_row(lake: DeltaStore) -> None:
    said = {
        day(3): lists(histories=[history(1, 5, 6, 7), history(2, 5), history(3, 9)]),
        day(2): lists(histories=[history(1, 5), history(2, 5), history(3)]),
        day(1): lists(histories=[history(1, 5), history(3)]),
    }
    fill_from_lists(lake, said, only=["fact_listen"])
    found = rows(lake, "fact_listen").select("user_id", "position", "track_id", "observed_on", "gone_on").rows()
    assert found == [(1, 1, 5, day(2), None), (2, 1, 5, day(3), day(1))]


def test_a_listen_told_again_in_other_words_was_observed_on_its_first_day(lake: DeltaStore) -> None:
    at, later = "2025-03-01T20:00:00.500000", "2025-03-02T20:00:00"
    plain, spelled = (
        history(1, 4, 5, at=at),
        history(1, 4, 5, at=at) | {"user_id": " 1 ", "items": ["4", 5.0], "created_at": "2025-03-01T20:00:00.5Z"},
    )
    changed = history(1, 5, 4, at=at)
    said = {
        day(9): [plain, history(2, 4, at=later)],
        day(8): [spelled, history(2, 4, at=later, mood="new")],
        day(7): [plain],
        day(6): [plain | {"mood": 1}, history(2, 4, at=later)],
        day(5): [changed],
        day(4): [changed | {"user_id": "1"}],
    }
    fill_from_lists(lake, {on: lists(histories=found) for on, found in said.items()}, only=["fact_listen"])
    found = rows(lake, "fact_listen").select("user_id", "position", "track_id", "observed_on", "gone_on").rows()
    assert found == [(1, 1, 5, day(5), None), (1, 2, 4, day(5), None), (2, 1, 4, day(6), day(5))]


def test_no_personal_data_reach_star_or_views(lake: DeltaStore) -> None:
    fill_from_lists(lake, {day(0): a_few()}, views=True)
    for name, contract in TABLES.items():
        text = repr(rows(lake, name).to_dicts())
        holds = any(word in text for word in ("First1", "Last2", "user3@example.com"))
        assert holds == (name in {"records", "users"}), name
        assert bool(contract.personal) == (name in {"records", "users", "quarantine"}), name
    assert set(rows(lake, "dim_user").columns).isdisjoint({"first_name", "last_name", "email"})


def test_an_email_is_told_by_its_keyed_hash_alone(lake: DeltaStore) -> None:
    same = [user(1, email="A.B@Example.org "), user(2, email="a.b@example.org"), user(3), user(4, email=None)]
    keep_raw(lake, day(0), lists(users=same))
    done = derive(lake, [day(0)], only=["dim_user"])
    hashes = rows(lake, "dim_user")["email_hash"].to_list()
    assert hashes[0] == hashes[1] != hashes[2]
    assert hashes[3] is None
    found = {o.check: o for o in done["dim_user"].outcomes}
    assert found["email_duplicates"].figures == {"found": 2, "rows": 3}
    assert found["email_shape"].figures == {"found": 1, "rows": 4}
    derive(lake, [day(0)], only=["dim_user"], moovitamix_hash_key="another key of that length")
    assert rows(lake, "dim_user")["email_hash"].to_list()[0] != hashes[0]


# -- warnings ----------------------------------------------------------------------------------------------------------


def outcomes(lake: DeltaStore, said: Lists) -> dict[tuple[str, str], Any]:
    keep_raw(lake, day(0), said)
    done = derive(lake, [day(0)], views=False)
    return {(table, o.check): o for table, published in done.items() for o in published.outcomes}


def test_each_warning_counts_what_it_is_named_after(lake: DeltaStore) -> None:
    late = {"created_at": "2026-03-01T00:00:00", "updated_at": "2026-02-01T00:00:00"}
    found = outcomes(
        lake,
        lists(
            [track(1, **late), track(2)],
            [user(1, **late), user(2, email="nonsense"), user(3)],
            [history(1, 1, 2), history(2, 2, 77), history(8, 2), history(3), history(4) | {"items": []}],
        ),
    )
    assert {key: o.figures["found"] for key, o in found.items() if "found" in o.figures} == {
        ("listen_histories", "created_after_updated"): 0,
        ("listen_histories", "empty_histories"): 2,
        ("dim_track", "created_after_updated"): 1,
        ("dim_user", "created_after_updated"): 1,
        ("dim_user", "email_shape"): 1,
        ("dim_user", "email_duplicates"): 0,
        ("fact_listen", "unknown_tracks"): 1,
        ("fact_listen", "unknown_users"): 1,
        ("fact_listen", "plays_before_track"): 1,
    }
    assert all(o.warns and o.passed == (not o.figures["found"]) for o in found.values() if "found" in o.figures)
    assert found["changes", "full_churn"].passed
    assert found["fact_listen", "unknown_tracks"].sentence == "1 of 5: listens name a track_id that was never listed"


def test_sound_rows_warn_of_nothing(lake: DeltaStore) -> None:
    found = outcomes(lake, a_few())
    assert [key for key, o in found.items() if not o.passed] == []


def test_a_listed_track_that_is_gone_is_no_orphan(lake: DeltaStore) -> None:
    fill_from_lists(lake, {day(1): a_few()}, only=["fact_listen"])
    less = dict(a_few()) | {"tracks": [track(n) for n in range(2, 6)]}
    assert outcomes(lake, less)["fact_listen", "unknown_tracks"].passed
    assert contracts.FACT_LISTEN.references == {}, "orphans are counted, not refused"
