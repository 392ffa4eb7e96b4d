"""The two recorded months: every line is kept or explained, the counts are those of the files."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from tmdb_assets.sources.streamflow import contracts
from tmdb_assets_tests.sources.streamflow.months import World

pytestmark = pytest.mark.real

JAN, FEB = dt.date(2024, 1, 31), dt.date(2024, 2, 29)
USERS = 7043


@pytest.mark.parametrize("table", list(contracts.COLUMNS))
def test_every_user_stands_in_both_snapshots_and_once_in_the_live_table(recorded_months: World, table: str) -> None:
    snapshots = recorded_months.frame(f"{table}_snapshots")
    assert dict(snapshots.group_by("as_of").len().iter_rows()) == {JAN: USERS, FEB: USERS}
    live = recorded_months.frame(table)
    assert live.height == USERS
    assert live.get_column("as_of").unique().to_list() == [FEB]


def test_nothing_is_quarantined(recorded_months: World) -> None:
    assert recorded_months.rows("quarantine") == []


@pytest.mark.parametrize("column", ["plan_stream_tv", "plan_stream_movies"])
def test_an_empty_plan_is_unknown_and_not_true(recorded_months: World, column: str) -> None:
    for table in ("subscriptions", "subscriptions_snapshots"):
        rows = recorded_months.frame(table)
        months = [rows] if table == "subscriptions" else rows.partition_by("as_of")
        for month in months:
            assert month.get_column(column).null_count() == 1526
            no_net = month.filter(pl.col("net_service") == "No")
            assert no_net.get_column(column).null_count() == no_net.height == 1526


def test_labels(recorded_months: World) -> None:
    labels = recorded_months.frame("labels_snapshots")
    churned = labels.filter("churn_label").group_by("as_of").len()
    assert dict(churned.iter_rows()) == {JAN: 1869, FEB: 1701}
    assert recorded_months.frame("labels").get_column("churn_label").sum() == 1701


def test_the_training_set_has_the_label_of_february_for_january(recorded_months: World) -> None:
    rows = recorded_months.frame("training_set")
    assert rows.height == 2 * USERS
    january = rows.filter(pl.col("as_of") == JAN)
    assert january.get_column("churned_next_month").sum() == 1701
    assert january.get_column("label_as_of").unique().to_list() == [FEB]
    february = rows.filter(pl.col("as_of") == FEB)
    assert february.get_column("churned_next_month").null_count() == USERS
    assert february.get_column("watch_hours_30d_change").null_count() == 0


def test_figures_are_those_of_the_lines(recorded_months: World) -> None:
    for month, day in (("2024-01", JAN), ("2024-02", FEB)):
        lines = (recorded_months.drops / month / "usage_agg_30d.csv").read_text().splitlines()[1:]
        rows = {
            row["user_id"]: (row["watch_hours_30d"], row["unique_devices_30d"], row["rebuffer_events_7d"])
            for row in recorded_months.rows("usage_agg_30d_snapshots")
            if row["as_of"] == day
        }
        assert len(rows) == len(lines) == USERS
        for line in lines:
            who, hours, _, devices, _, rebuffers = line.split(",")
            assert rows[who] == (float(hours), int(devices), int(rebuffers))


def test_no_bound_is_near_what_is_recorded(recorded_months: World) -> None:
    """What a recorded month reaches the next one exceeds: a figure that time moves has its end far away."""
    for table, contract in contracts.SNAPSHOTS.items():
        rows = recorded_months.frame(f"{table}_snapshots")
        for name, column in contract.columns.items():
            for high in (r.statistics["max_value"] for r in column.rules if "max_value" in r.statistics):
                highest: Any = rows.get_column(name).max()
                if isinstance(highest, dt.date):
                    assert high.year - highest.year > 100, name
                else:
                    assert 10 * highest <= high, name
