"""Snapshots, live tables and the training set: corrections, order of arrival, users who leave, quarantine, no
leakage."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.flow.publishing import Published
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.streamflow import contracts, star
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.sources.streamflow.months import Files, World, as_of, drop, user

JAN, FEB, MAR = "2024-01", "2024-02", "2024-03"
LIVE = list(contracts.COLUMNS)
SNAPSHOTS = [f"{table}_snapshots" for table in LIVE]


def edited(files: Files, name: str, number: int, old: str, new: str) -> Files:
    """The drop with something else in the line of a user."""
    lines = [line.replace(old, new, 1) if line.startswith(user(number)) else line for line in files[name]]
    assert lines != files[name]
    return files | {name: lines}


# -- snapshots ---------------------------------------------------------------------------------------------------------


def test_every_table_has_a_snapshot_of_every_user_and_month(world: World) -> None:
    world.write(JAN, drop(range(6)))
    world.write(FEB, drop(range(2, 8), 1))
    world.run(JAN, FEB, only=SNAPSHOTS)
    for table in SNAPSHOTS:
        found = {(row["as_of"], row["user_id"]) for row in world.rows(table)}
        assert found == {(as_of(JAN), user(n)) for n in range(6)} | {(as_of(FEB), user(n)) for n in range(2, 8)}


def test_a_month_dropped_again_is_a_new_version_that_says_what_it_did(world: World) -> None:
    world.write(JAN, drop(range(10)))
    world.run(JAN, only=["payments_agg_90d_snapshots"])
    before = world.frame("payments_agg_90d_snapshots")
    version = world.store.version(contracts.PAYMENTS_AGG_90D_SNAPSHOTS)
    files = edited(drop(range(2, 13)), "payments_agg_90d.csv", 5, ",2", ",1")
    world.write(JAN, files)
    done = world.run(JAN, only=["payments_agg_90d_snapshots"])["payments_agg_90d_snapshots"]
    assert done.difference is not None
    assert done.difference.figures == {"rows_added": 3, "rows_changed": 1, "rows_removed": 2}
    assert done.difference.is_correction
    assert (
        "streamflow/clean/payments_agg_90d_snapshots 2024-01: corrected what was kept before: 3 rows added, 1 changed, "
        "2 removed (version 2)"
    ) in world.log
    commit = world.store.history(contracts.PAYMENTS_AGG_90D_SNAPSHOTS, 1)[0]
    assert (commit["rows_added"], commit["rows_changed"], commit["rows_removed"]) == ("3", "1", "2")
    earlier = world.store.scan(contracts.PAYMENTS_AGG_90D_SNAPSHOTS, version=version).sort("as_of", "user_id").collect()
    assert earlier.equals(before), "what was said before can be read back"


def test_the_same_month_again_is_no_new_version(world: World) -> None:
    world.write(JAN, drop(range(6)))
    world.run(JAN)
    versions = world.versions()
    done = world.run(JAN)
    assert world.versions() == versions
    assert [done[table].difference.figures for table in SNAPSHOTS] == [  # type: ignore[union-attr]  # snapshots have one
        {"rows_added": 0, "rows_changed": 0, "rows_removed": 0}
    ] * 6
    assert not any("is corrected" in line for line in world.log)


# -- quarantine --------------------------------------------------------------------------------------------------------


def with_cell(files: Files, name: str, number: int, column: str, text: str) -> Files:
    """The drop with something else in a cell of a user."""
    place, line_number = files[name][0].split(",").index(column), number + 1
    cells = files[name][line_number].split(",")
    assert cells[0] == user(number) and cells[place] != text
    cells[place] = text
    return files | {name: [*files[name][:line_number], ",".join(cells), *files[name][line_number + 1 :]]}


def counted(cases: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """How many of the cases are of each table."""
    return Counter(name.removesuffix(".csv") for name, *_ in cases)


def accounts(done: Mapping[str, Published], table: str) -> Mapping[str, Any]:
    accounting = next(o for o in done[f"{table}_snapshots"].outcomes if o.check == "accounting")
    assert accounting.passed
    return accounting.figures


def test_a_required_value_that_breaks_a_rule_sets_its_row_aside_and_the_month_goes_on(world: World) -> None:
    days = "must lie between 1900-01-01 and 2199-12-31"
    cases = [
        ("subscriptions.csv", "contract_type", "Ten years", "must be one of Month-to-month, One year, Two year"),
        ("subscriptions.csv", "months_active", "1201", "must lie between 0 and 1200"),
        ("subscriptions.csv", "net_service", "Cable", "must be one of DSL, Fiber optic, No"),
        ("subscriptions.csv", "monthly_fee", "-21.0", "must lie between 0 and 1000000000"),
        ("subscriptions.csv", "monthly_fee", "", "must not be null"),
        ("users.csv", "signup_date", "0001-02-15", days),
        ("users.csv", "signup_date", "202-02-15", "must be a day such as 2024-01-31"),
    ]
    files = drop(range(12))
    for number, (name, column, text, _) in enumerate(cases):
        files = with_cell(files, name, number, column, text)
    world.write(JAN, files)
    done = world.run(JAN, only=["subscriptions_snapshots", "users"])
    quarantined = {(row["origin"], row["raw_pointer"]): row for row in world.rows("quarantine")}
    assert len(quarantined) == len(cases)
    for number, (name, column, text, rule) in enumerate(cases):
        table = name.removesuffix(".csv") + "_snapshots"
        line = f"streamflow/raw/drop_files as_of=2024-01-31 drop_number=1 file={name} line={number + 2}"
        row = quarantined[f"streamflow/clean/{table}", line]
        assert (row["rule"], row["reason"]) == (f"{column} {rule}", f"{column} = {text or 'null'}: {rule}")
        assert row["payload"] == files[name][number + 1]
        assert user(number) not in {row["user_id"] for row in world.rows(table)}
    for table, aside in counted(cases).items():
        kept = {"received": 12, "kept": 12 - aside, "quarantined": aside, "duplicates": 0}
        assert accounts(done, table) == kept
    assert len(world.rows("users")) == 12 - 2


def test_a_value_that_may_be_unknown_is_set_aside_alone(world: World) -> None:
    cases = [
        ("users.csv", "user_gender", "Other", "Other: must be one of Female, Male"),
        ("subscriptions.csv", "plan_stream_tv", "maybe", "maybe: must be True, False or empty"),
        ("subscriptions.csv", "total_paid", "1e300", "1e+300: must lie between 0 and 1000000000"),
        ("usage_agg_30d.csv", "watch_hours_30d", "-6.0", "-6.0: must lie between 0 and 72000"),
        ("usage_agg_30d.csv", "avg_session_mins_7d", "10081", "10081.0: must lie between 0 and 10080"),
        ("payments_agg_90d.csv", "failed_payments_90d", "1.5", "1.5: must be a whole number"),
        (
            "payments_agg_90d.csv", "failed_payments_90d", "999999999999999",
            "999999999999999: must lie between 0 and 1000000",
        ),
        ("labels.csv", "churn_label", "no", "no: must be True, False or empty"),
    ]  # fmt: skip
    files = drop(range(12))
    for number, (name, column, text, _) in enumerate(cases):
        files = with_cell(files, name, number, column, text)
    world.write(JAN, files)
    done = world.run(JAN, only=[*counted(cases), "fact_table_quality"])
    entries = {(row["origin"], row["raw_pointer"].rsplit(" ", 1)[1]): row for row in world.rows("quarantine")}
    assert len(entries) == len(cases)
    kept = {table: {row["user_id"]: row for row in world.rows(table)} for table in counted(cases)}
    for number, (name, column, _, reason) in enumerate(cases):
        table = name.removesuffix(".csv")
        entry = entries[f"streamflow/clean/{table}_snapshots", f"line={number + 2}"]
        assert (entry["column_name"], entry["reason"]) == (column, f"{column} = {reason}")
        assert entry["payload"] == files[name][number + 1]
        assert kept[table][user(number)][column] is None
    quality = {row["table_name"]: row for row in world.rows("fact_table_quality")}
    for table, values in counted(cases).items():
        assert len(kept[table]) == 12
        assert accounts(done, table) == {"received": 12, "kept": 12, "quarantined": 0, "duplicates": 0}
        told = {"received": 12, "kept": 12, "quarantined": 0, "values_set_aside": values, "unaccounted": 0}
        assert quality[f"streamflow/clean/{table}_snapshots"].items() >= told.items()


def test_a_bad_user_id_is_set_aside_in_every_table_and_the_others_go_on(world: World) -> None:
    files = {name: [line.replace(user(1), "1-x") for line in lines] for name, lines in drop(range(8)).items()}
    world.write(JAN, files)
    world.run(JAN, only=LIVE)
    assert {row["origin"] for row in world.rows("quarantine")} == {f"streamflow/clean/{table}" for table in SNAPSHOTS}
    assert [len(world.rows(table)) for table in LIVE] == [7] * 6


def test_rows_of_a_user_set_aside_stay_out_of_the_live_tables_and_the_check_says_so(world: World) -> None:
    world.write(JAN, edited(drop(range(8)), "users.csv", 1, "2022-02-15", "soon"))
    done = world.run(JAN, only=LIVE)
    assert user(1) in {row["user_id"] for row in world.rows("labels_snapshots")}
    assert [len(world.rows(table)) for table in LIVE] == [7] * 6
    said = next(o for o in done["users"].outcomes if o.check == "rows_have_their_user")
    assert (said.passed, said.warns) == (False, True)
    assert said.figures == {
        "subscriptions": 1,
        "usage_agg_30d": 1,
        "payments_agg_90d": 1,
        "support_agg_90d": 1,
        "labels": 1,
    }


def test_a_corrected_month_lets_the_quarantine_go(world: World) -> None:
    world.write(JAN, edited(drop(range(8)), "labels.csv", 1, ",False", ",no"))
    world.run(JAN, only=["labels"])
    assert len(world.rows("quarantine")) == 1
    world.write(JAN, drop(range(8)))
    world.run(JAN, only=["labels"])
    assert world.rows("quarantine") == []
    assert len(world.rows("labels")) == 8


def test_no_rule_is_broken_by_time_alone(world: World) -> None:
    """Subscribers of sixty years, who have paid for as long, and a ticket that lay for thirty."""
    files = drop(range(8))
    files = {name: [line.replace("2022-", "2019-") for line in lines] for name, lines in files.items()}
    files = edited(files, "subscriptions.csv", 1, f"{user(1)},1,", f"{user(1)},720,")
    files = edited(files, "subscriptions.csv", 1, ",103,", ",9999999.99,")
    files = edited(files, "support_agg_90d.csv", 1, ",3.5", ",262980")
    world.write("2079-12", files)
    world.observe("2079-12", today=dt.date(2080, 1, 1))
    world.derive("2079-12", only=["subscriptions", "support_agg_90d", "training_set"])
    assert world.rows("quarantine") == []
    row = next(row for row in world.rows("training_set") if row["user_id"] == user(1))
    assert (row["months_active"], row["months_since_signup"] > 720) == (720, True)
    assert row["ticket_avg_resolution_hrs_90d"] == 262980


# -- live tables -------------------------------------------------------------------------------------------------------


def test_live_tables_follow_the_newest_month_and_keep_users_who_left(world: World) -> None:
    world.write(JAN, drop(range(6)))
    world.write(FEB, drop(range(2, 8), 1))
    for month in (FEB, JAN):
        world.run(month, only=LIVE)
    for table in LIVE:
        newest = {row["user_id"]: row["as_of"] for row in world.rows(table)}
        assert newest == {user(n): as_of(JAN) for n in (0, 1)} | {user(n): as_of(FEB) for n in range(2, 8)}
    fees = {row["user_id"]: row["monthly_fee"] for row in world.rows("subscriptions")}
    assert (fees[user(0)], fees[user(3)]) == (20.0, 23.5)


def test_a_user_taken_out_of_a_month_falls_back_to_the_month_before_or_goes(world: World) -> None:
    world.write(JAN, drop(range(6)))
    world.write(FEB, drop(range(8), 1))
    world.run(JAN, FEB, only=LIVE)
    world.write(FEB, drop(range(1, 7), 1))
    world.run(FEB, only=LIVE)
    for table in LIVE:
        newest = {row["user_id"]: row["as_of"] for row in world.rows(table)}
        assert newest == {user(0): as_of(JAN)} | {user(n): as_of(FEB) for n in range(1, 7)}
    assert {row["user_id"]: row["monthly_fee"] for row in world.rows("subscriptions")}[user(0)] == 20.0


MONTHS = {
    JAN: [drop(range(8)), edited(drop(range(1, 9)), "users.csv", 3, "Male", "Other")],
    FEB: [drop(range(3, 10), 1), edited(drop(range(8), 1), "labels.csv", 2, ",False", ",x")],
    MAR: [drop([0, 1, 5, 6, 12], 2), drop([0, 2, 5], 2)],
}
EVENTS = [(month, n) for month, versions in MONTHS.items() for n in range(len(versions))]


#: Live tables in which the versions of a month differ most: one has a row set aside in users, one in its own file.
SOME = ["users", "labels"]


def happened(world: World, events: Sequence[tuple[str, int]], only: Collection[str] = ()) -> World:
    """A world in which versions of months arrive one after the other, each with a run of its own."""
    for number, (month, n) in enumerate(events, 1):
        world.write(month, MONTHS[month][n])
        world.run(month, only=only, whole=number == len(events))
    return world


def assert_same_tables(world: World, expected: Mapping[str, pl.DataFrame]) -> None:
    """Every table but raw ones says the same."""
    for table, frame in world.contents().items():
        # a quarantined row points at the drop it came with, and drops are numbered as they come
        left, right = (f.drop("raw_pointer", strict=False) for f in (frame, expected[table]))
        assert left.equals(right), table


def test_months_that_arrive_last_first_and_are_then_corrected_give_every_table_as_months_in_one_run(
    fresh_world: Callable[[], World],
) -> None:
    events = [(MAR, 1), (JAN, 0), (FEB, 1), (JAN, 1)]
    one, other = happened(fresh_world(), events), fresh_world()
    for month, versions in MONTHS.items():
        other.write(month, versions[1])
    other.run(*MONTHS)
    expected = other.contents()
    assert {table for table, frame in expected.items() if not frame.height} == {
        v.contract.name for v in contracts.VIEWS
    }
    assert_same_tables(one, expected)


Standing = Callable[[tuple[tuple[str, int], ...], bool], dict[str, pl.DataFrame]]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Standing:
    """The tables of versions of months in their order, in one run or one after the other; made once for all
    examples."""

    @cache
    def made(versions: tuple[tuple[str, int], ...], at_once: bool) -> dict[str, pl.DataFrame]:
        folder = tmp_path_factory.mktemp("standing")
        world = World(DeltaStore(folder / "lake"), folder / "drops")
        if not at_once:
            return happened(world, versions, SOME).contents()
        for month, n in versions:
            world.write(month, MONTHS[month][n])
        world.run(*[month for month, _ in versions], only=SOME)
        return world.contents()

    return made


@examples(1)
@given(st.permutations(EVENTS).map(lambda events: events[:4]), st.booleans())
@example([(FEB, 1), (JAN, 0), (JAN, 1), (FEB, 0)], True)
def test_the_order_in_which_months_arrive_and_are_corrected_does_not_matter(
    fresh_world: Callable[[], World], standing: Standing, events: list[tuple[str, int]], at_once: bool
) -> None:
    last = tuple(sorted(dict(events).items()))
    assert_same_tables(happened(fresh_world(), events, SOME), standing(last, at_once))


@examples(3)
@given(st.data())
def test_received_is_kept_plus_quarantined_whatever_the_values(fresh_world: Callable[[], World], data: Any) -> None:
    world = fresh_world()
    files = drop(range(12))
    for name in files:
        for n in data.draw(st.sets(st.integers(1, 12), max_size=5)):
            cells = files[name][n].split(",")
            place = data.draw(st.integers(1, len(cells) - 1))
            cells[place] = data.draw(st.sampled_from(["", "-1", "x", "True", "2024-13-01", "1e999", "nan", "0"]))
            files[name][n] = ",".join(cells)
    world.write(JAN, files)
    done = world.run(JAN, only=SNAPSHOTS)
    quarantined = world.rows("quarantine")
    for table in SNAPSHOTS:
        (tally,) = done[table].tallies
        assert tally.received == 12
        assert tally.accounted
        set_aside = [row for row in quarantined if row["origin"].endswith(f"/{table}")]
        alone = [row for row in set_aside if row["column_name"]]
        assert len(world.rows(table)) + len(set_aside) - len(alone) == 12
        assert len(alone) == tally.values
        assert all(row["payload"] in files[table.removesuffix("_snapshots") + ".csv"] for row in set_aside)


# -- training set ------------------------------------------------------------------------------------------------------

TRAINING = ["training_set"]
LABEL_COLUMNS = ["label_as_of", "churned_next_month"]


def test_features_are_of_the_month_and_the_label_of_the_month_after(world: World) -> None:
    world.write(JAN, drop(range(6)))
    world.write(FEB, drop(range(2, 8), 1, **{user(2).replace("-", "_"): True, user(3).replace("-", "_"): None}))
    world.run(JAN, FEB, only=TRAINING)
    rows = {(row["as_of"], row["user_id"]): row for row in world.rows("training_set")}
    assert len(rows) == 12
    jan = rows[as_of(JAN), user(2)]
    assert (jan["watch_hours_30d"], jan["monthly_fee"]) == (7.0, 22.0)
    assert (jan["watch_hours_30d_change"], jan["months_since_signup"]) == (None, 22)
    assert (jan["churned_next_month"], jan["label_as_of"]) == (True, as_of(FEB))
    assert (rows[as_of(JAN), user(3)]["churned_next_month"], rows[as_of(JAN), user(3)]["label_as_of"]) == (None, None)
    assert rows[as_of(JAN), user(0)]["churned_next_month"] is None, "the month after does not have the user"
    feb = rows[as_of(FEB), user(2)]
    assert (feb["watch_hours_30d_change"], feb["monthly_fee_change"]) == (2.5, 0.5)
    assert feb["churned_next_month"] is None, "the month after has not been dropped"


def test_a_month_that_is_missing_is_not_bridged(world: World) -> None:
    world.write(JAN, drop(range(6)))
    world.write(MAR, drop(range(6), 2))
    world.run(JAN, MAR, only=TRAINING)
    for row in world.rows("training_set"):
        assert row["churned_next_month"] is None
        assert row["watch_hours_30d_change"] is None


FOUR = {month: drop(range(n, n + 8), n) for n, month in enumerate([JAN, FEB, MAR, "2024-04"])}


@pytest.fixture(scope="module")
def known_early(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """Month -> the training set of the months up to it, when no later one is known."""
    known = {}
    folder = tmp_path_factory.mktemp("early")
    early = World(DeltaStore(folder / "lake"), folder / "drops")
    for month in [*FOUR][:-1]:
        early.write(month, FOUR[month])
        early.run(month, only=TRAINING)
        known[month] = early.frame("training_set")
    return known


def test_no_feature_changes_when_later_months_are_added(world: World, known_early: dict[str, pl.DataFrame]) -> None:
    """What is known at as_of is a function of the months up to as_of: no later month leaks into it, not one that was
    there before them either."""
    order = [*FOUR][::-1]
    for month in order:
        world.write(month, FOUR[month])
        world.run(month, only=TRAINING, whole=month == order[-1])
    for month, early in known_early.items():
        later = world.frame("training_set").filter(pl.col("as_of") <= as_of(month))
        assert later.drop(LABEL_COLUMNS).equals(early.drop(LABEL_COLUMNS))
        before = later.filter(pl.col("as_of") < as_of(month)).select(LABEL_COLUMNS)
        assert before.equals(early.filter(pl.col("as_of") < as_of(month)).select(LABEL_COLUMNS))


def test_the_months_own_label_is_no_feature(world: World) -> None:
    world.write(JAN, drop(range(6)))
    world.run(JAN, only=TRAINING)
    before = world.frame("training_set")
    turned = [
        line.replace("False", "x").replace("True", "False").replace("x", "True")
        for line in drop(range(6))["labels.csv"]
    ]
    world.write(JAN, drop(range(6)) | {"labels.csv": turned})
    world.run(JAN, only=TRAINING)
    assert world.frame("training_set").equals(before)
    assert "churn_label" not in before.columns


def test_a_user_of_whom_something_was_set_aside_has_unknown_features(world: World) -> None:
    world.write(JAN, edited(drop(range(6)), "usage_agg_30d.csv", 1, ",6.0,", ",lots,"))
    world.run(JAN, only=TRAINING)
    row = next(row for row in world.rows("training_set") if row["user_id"] == user(1))
    assert (row["watch_hours_30d"], row["skips_7d"], row["monthly_fee"]) == (None, 1, 21.0)


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2022-02-05", "2024-01-31", 23), ("2022-01-31", "2024-01-31", 24), ("2022-01-31", "2022-02-28", 1),
        ("2022-03-15", "2022-03-31", 0), ("2024-02-10", "2024-01-31", -1), ("2024-01-31", "2024-02-29", 1),
    ],
)  # fmt: skip
def test_full_months(first: str, last: str, months: int) -> None:
    days = {"first": dt.date.fromisoformat(first), "last": dt.date.fromisoformat(last)}
    assert pl.DataFrame([days]).select(star._full_months("first", "last")).item() == months


# -- warnings ----------------------------------------------------------------------------------------------------------


def outcome(done: Any, check: str) -> Any:
    return next(o for o in done.outcomes if o.check == check)


def test_a_column_that_says_the_same_of_everybody_warns(world: World) -> None:
    files = drop(range(8))
    files["payments_agg_90d.csv"] = [
        line.split(",")[0] + ("" if n == 0 else ",2") for n, line in enumerate(files["payments_agg_90d.csv"])
    ]
    files["payments_agg_90d.csv"][0] = "user_id,failed_payments_90d"
    world.write(JAN, files)
    done = world.run(JAN, only=["payments_agg_90d_snapshots", "subscriptions_snapshots"])
    said = outcome(done["payments_agg_90d_snapshots"], "constant_columns")
    assert (said.passed, said.warns) == (False, True)
    assert said.sentence == "failed_payments_90d is the same for all users of 2024-01"
    assert len(world.rows("payments_agg_90d_snapshots")) == 8
    unknown = outcome(done["subscriptions_snapshots"], "constant_columns")
    assert unknown.passed, "add-ons that no user has are unknown, not the same"


def test_more_active_months_than_since_signup_warns(world: World) -> None:
    files = edited(drop(range(8)), "subscriptions.csv", 1, ",1,", ",60,")
    world.write(JAN, files)
    said = outcome(world.run(JAN, only=["subscriptions"])["subscriptions"], "active_since_signup")
    assert (said.passed, said.warns) == (False, True)
    assert said.sentence == (
        f"1 of 8 users were active for more months than have passed since they signed up, e.g. {user(1)}: "
        "months_active 60, but signup_date 2022-02-15 is 23 months before 2024-01-31"
    )
    world.write(JAN, drop(range(8)))
    assert outcome(world.run(JAN, only=["subscriptions"])["subscriptions"], "active_since_signup").passed


def test_a_month_with_far_fewer_users_than_the_month_before_warns(world: World) -> None:
    world.write(JAN, drop(range(12)))
    world.write(FEB, drop(range(6), 1))
    world.write(MAR, drop(range(6), 1))
    world.run(JAN, only=["users_snapshots"])
    done = world.run(FEB, only=["users_snapshots"])
    said = outcome(done["users_snapshots"], "row_count_drift")
    assert (said.passed, said.warns) == (False, True)
    assert said.sentence == "2024-02-29: 6 rows after 12 the month before"
    assert outcome(world.run(MAR, only=["users_snapshots"])["users_snapshots"], "row_count_drift").figures == {
        "rows": 6,
        "rows_the_month_before": 6,
    }
