"""Names of rows are made of values: however an id or a moment is spelled, it is the same row."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.moovitamix import answers, clean, contracts
from tmdb_assets_tests.sources.moovitamix.lakes import (
    Lists,
    a_few,
    day,
    derive,
    fill_from_lists,
    history,
    keep_raw,
    lists,
    rows,
    track,
)
from tmdb_assets_tests.sources.moovitamix.test_clean import Raw, raw_frames

STAR = ("dim_track", "dim_user", "fact_listen", "bridge_track_genre", "bridge_user_genre", "dim_genre")
TABLE_OF = {"tracks": "tracks", "users": "users", "listen_history": "listen_histories"}

_instants = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1))
_zones = st.sampled_from([None, "Z", "z", "+00:00", "+0000", "+00", "-00:00", " +00:00", "+02:00", "-11:30"])


def spelled(at: dt.datetime, zone: str | None, separator: str, digits: int) -> str:
    """An instant (UTC) as somebody may write it."""
    if zone and zone[-6:] in {"+02:00", "-11:30"}:
        at += dt.timedelta(hours=2) if zone == "+02:00" else -dt.timedelta(hours=11, minutes=30)
    fraction = f"{at:%f}".ljust(digits, "0")
    fraction = fraction if digits > 6 else fraction[:digits] if not int(fraction[digits:] or 0) else fraction
    return f"{at:%Y-%m-%d}{separator}{at:%H:%M:%S}" + (f".{fraction}" if fraction else "") + (zone or "")


@given(_instants, st.lists(st.tuples(_zones, st.sampled_from(["T", "t", " "]), st.integers(0, 9)), min_size=1))
def test_one_instant_is_one_name(at: dt.datetime, spellings: list[tuple[str | None, str, int]]) -> None:
    texts = [spelled(at, *how) for how in spellings]
    said = pl.Series([f'{{"user_id":4,"created_at":"{text}"}}' for text in texts], dtype=pl.String)
    found = answers.names("listen_history", said)
    assert set(found["row_key"]) == {f"4 {at:%Y-%m-%dT%H:%M:%S.%f}Z"}, texts
    assert set(found["created_at"]) == {at.replace(tzinfo=dt.UTC)}


@pytest.mark.parametrize("spelling", ["4", "4.0", '"4"', '" 4 "', '"4.0"', "4e0", "40E-1"])
@pytest.mark.parametrize("endpoint", ["tracks", "users", "listen_history"])
def test_one_id_is_one_name(endpoint: str, spelling: str) -> None:
    field = "user_id" if endpoint == "listen_history" else "id"
    said = pl.Series([f'{{"{field}":{spelling},"created_at":"2026-01-01T00:00:00"}}'])
    assert answers.names(endpoint, said)["entity_id"].to_list() == [4]


@pytest.mark.parametrize(
    "row", ['{"id":"four"}', '{"id":4.5}', '{"id":NaN}', '{"id":0}', '{"id":1e30}', "null", "[]", '{"id":"\\ud800"}']
)
def test_what_cannot_be_read_has_a_name_of_its_own_and_never_vanishes(row: str) -> None:
    assert answers.names("tracks", pl.Series([row])).row(0) == (None, None, None)


def respelled(said: Lists) -> Lists:
    """The same rows, written otherwise."""

    def written(n: int, row: dict[str, Any]) -> dict[str, Any]:
        ids = {key: (str, float, " {} ".format)[n % 3](row[key]) for key in ("id", "user_id") if key in row}
        moments = {key: row[key].rstrip("0") + ("Z", "+00:00", "000")[n % 3] for key in ("created_at", "updated_at")}
        return row | ids | moments

    return {endpoint: [written(n, row) for n, row in enumerate(found)] for endpoint, found in said.items()}


def test_rows_that_are_only_spelled_otherwise_change_nothing_of_the_star(lake: DeltaStore) -> None:
    fill_from_lists(lake, {day(1): a_few()})
    before = {name: rows(lake, name) for name in STAR}
    fill_from_lists(lake, {day(0): respelled(a_few())})
    assert {name for name in STAR if not before[name].equals(rows(lake, name))} == set()
    assert rows(lake, "vanished").height == rows(lake, "quarantine").height == 0
    for endpoint, table in TABLE_OF.items():
        state = clean.state_on(day(0), rows(lake, table).lazy(), rows(lake, "vanished").lazy(), endpoint)
        assert state.height == len(a_few()[endpoint])


def test_a_list_that_spells_a_name_in_two_ways_has_one_row_of_it() -> None:
    said = lists(
        [track(4), track(4, id="4.0")], histories=[history(1, 2), history(1, 2, at="2025-03-01T20:00:00.000001Z")]
    )
    raw = Raw(raw_frames({day(0): said}))
    for table in ("tracks", "listen_histories"):
        audit = raw.audited(table, day(0))
        assert (audit.kept.height, audit.duplicates, audit.received) == (1, 1, raw.received(table, day(0)))


def test_what_an_old_lake_says_is_gone_on_the_day_on_which_it_is_listed_is_there(lake: DeltaStore) -> None:
    """Names were made of texts once: of a moment written with a zone, the old name vanished as the new one was
    listed."""
    fill_from_lists(lake, {day(1): a_few(), day(0): respelled(a_few())}, only=["fact_listen"])
    listed = rows(lake, "listen_histories").filter(pl.col("date_id") == day(0))
    old = listed.select(
        "date_id",
        endpoint=pl.lit("listen_history"),
        row_key=pl.format("{} 2025-03-01T20:00:00.000001", "user_id"),
        entity_id="user_id",
        created_at="created_at",
    )
    lake.replace(contracts.VANISHED, old, [day(0)], {})
    state = clean.state_on(
        day(0), rows(lake, "listen_histories").lazy(), rows(lake, "vanished").lazy(), "listen_history"
    )
    assert state.height == 4
    derive(lake, [], only=["fact_listen"])
    assert rows(lake, "fact_listen").filter(pl.col("gone_on").is_not_null()).height == 0


def test_a_lake_of_days_kept_before_walks_were_counted_is_read_and_heals(lake: DeltaStore) -> None:
    """Page 2 served track 7 in the place of track 150, and 150 was said to be gone."""
    said = [track(n) for n in range(1, 251)]
    shown = [track(7) if row["id"] == 150 else row for row in said]
    new = ("take", "is_doubted")
    for on, found in ((day(2), said), (day(1), shown), (day(0), said)):
        keep_raw(lake, on, lists(found))
        pages = lake.scan(contracts.PAGES, [on]).collect()
        lake.replace(contracts.PAGES, pages.with_columns(pl.lit(None, pages.schema[c]).alias(c) for c in new), [on], {})
    derive(lake, [day(2), day(0)], only=["changes", "dim_track"], whole=False)
    derive(lake, [day(1)], only=["changes", "dim_track"])
    counts = rows(lake, "changes").filter(pl.col("endpoint") == "tracks").select("date_id", "vanished", "held_back")
    assert counts.rows() == [(day(2), 0, 0), (day(1), 0, 1), (day(0), 0, 0)]
    assert rows(lake, "dim_track").select("is_current", "gone_on").unique().rows() == [(True, None)]
    assert rows(lake, "dim_track").height == 250
