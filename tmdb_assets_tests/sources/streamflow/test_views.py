"""The views against plain Python over the lines of the drops: churn rates, profile of churners, drift."""

from __future__ import annotations

import bisect
import csv
import datetime as dt
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.engines.answers import SIGNIFICANT_DIGITS
from tmdb_assets.sources.streamflow import star
from tmdb_assets_tests.sources.streamflow.months import FILES, World, as_of, drop

Person = dict[str, str]
DRIFT = ["vw_feature_drift"]


def said(drops: Path) -> dict[dt.date, list[Person]]:
    """as_of -> what the month's files say of each user, as text."""
    months: dict[dt.date, list[Person]] = {}
    for folder in sorted(drops.iterdir()):
        people: dict[str, Person] = defaultdict(dict)
        for name in FILES:
            with (folder / name).open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    people[row["user_id"]] |= row
        months[Cadence.MONTH.day(folder.name)] = list(people.values())
    return months


def plan(person: Person) -> str:
    parts = (person["plan_stream_tv"], person["plan_stream_movies"])
    if "" in parts:
        return "unknown"
    return {("True", "True"): "tv and movies", ("True", "False"): "tv", ("False", "True"): "movies"}.get(
        parts, "neither"
    )


@pytest.fixture(params=["made", pytest.param("recorded", marks=pytest.mark.real)])
def seen(request: pytest.FixtureRequest) -> World:
    """Three small months, and the two recorded ones."""
    found: World = request.getfixturevalue({"made": "three_months", "recorded": "recorded_months"}[request.param])
    return found


@pytest.mark.parametrize(
    ("view", "column", "key"),
    [
        ("vw_churn_by_contract", "contract_type", lambda p: p["contract_type"]),
        ("vw_churn_by_service", "net_service", lambda p: p["net_service"]),
        ("vw_churn_by_plan", "plan", plan),
    ],
)
def test_churn_rates(seen: World, view: str, column: str, key: Callable[[Person], str]) -> None:
    expected = {}
    for day, people in said(seen.drops).items():
        for value in {key(p) for p in people}:
            group = [p for p in people if key(p) == value]
            labels = [p["churn_label"] for p in group if p["churn_label"]]
            churned = labels.count("True")
            fee = statistics.fmean(float(p["monthly_fee"]) for p in group)
            rate = float(f"{churned / len(labels):.{SIGNIFICANT_DIGITS}g}") if labels else None
            expected[day, value] = (len(group), len(labels), churned, rate, pytest.approx(fee))
    assert expected
    answered = {
        (row["as_of"], row[column]): (
            row["users"], row["users_with_label"], row["churned"], row["churn_rate"], row["mean_monthly_fee"],
        )
        for row in seen.rows(view)
    }  # fmt: skip
    assert answered == expected


def test_the_profile_of_those_who_churned_and_of_those_who_stayed(seen: World) -> None:
    answered = {(row["as_of"], row["outcome"]): row for row in seen.rows("vw_churner_profile")}
    outcomes = {"True": "churned", "False": "stayed", "": "unknown"}
    means = {
        "mean_watch_hours_30d": "watch_hours_30d",
        "mean_session_mins_7d": "avg_session_mins_7d",
        "mean_unique_devices_30d": "unique_devices_30d",
        "mean_skips_7d": "skips_7d",
        "mean_rebuffer_events_7d": "rebuffer_events_7d",
        "mean_failed_payments_90d": "failed_payments_90d",
        "mean_support_tickets_90d": "support_tickets_90d",
        "mean_resolution_hours_90d": "ticket_avg_resolution_hrs_90d",
        "mean_monthly_fee": "monthly_fee",
    }
    groups = defaultdict(list)
    for day, people in said(seen.drops).items():
        for person in people:
            groups[day, outcomes[person["churn_label"]]].append(person)
    assert set(answered) == set(groups)
    for key, people in groups.items():
        row = answered[key]
        numbers = {c: [float(p[c]) for p in people if p[c]] for c in [*means.values(), "total_paid"]}
        assert row["users"] == len(people)
        assert row["users_with_usage"] == len(numbers["watch_hours_30d"])
        assert row["users_with_payments"] == len(numbers["failed_payments_90d"])
        for column, of in means.items():
            assert row[column] == pytest.approx(statistics.fmean(numbers[of])), column
        failed = numbers["failed_payments_90d"]
        assert row["share_with_failed_payment"] == pytest.approx(sum(f > 0 for f in failed) / len(failed))
        assert row["median_watch_hours_30d"] == pytest.approx(statistics.median(numbers["watch_hours_30d"]))
        assert row["median_total_paid"] == pytest.approx(statistics.median(numbers["total_paid"]))


NUMBERS = [
    "months_active", "monthly_fee", "total_paid", "watch_hours_30d", "avg_session_mins_7d", "unique_devices_30d",
    "skips_7d",
    "rebuffer_events_7d", "failed_payments_90d", "support_tickets_90d", "ticket_avg_resolution_hrs_90d",
]  # fmt: skip
WORDS = [
    "user_gender", "user_is_senior", "has_family", "has_dependents", "plan_stream_tv", "plan_stream_movies",
    "contract_type",
    "paperless_billing", "net_service", "add_on_security", "add_on_backup", "add_on_device_protect", "add_on_support",
]  # fmt: skip


def psi(before: list[Any], now: list[Any]) -> tuple[float, int]:
    """The index as the view's head defines it, and how many bins there are."""
    known = sorted(v for v in before if isinstance(v, float))

    def bin_of(value: Any) -> Any:
        if not isinstance(value, float):
            return value
        at_most = bisect.bisect_right(known, value)
        return max(1, -(-10 * at_most // len(known))) if known else "known"

    counts_before, counts_now = Counter(map(bin_of, before)), Counter(map(bin_of, now))
    bins = set(counts_before) | set(counts_now)
    shares = [(max(counts_now[b] / len(now), 1e-4), max(counts_before[b] / len(before), 1e-4)) for b in bins]
    return sum((a - e) * math.log(a / e) for a, e in shares), len(bins)


def value(person: Person, feature: str) -> Any:
    text = person.get(feature, "")
    return None if text == "" else float(text) if feature in NUMBERS else text


@pytest.mark.real
def test_drift_of_the_recorded_months(recorded_months: World) -> None:
    assert_drift(recorded_months)


def test_drift_of_every_feature(three_months: World) -> None:
    assert_drift(three_months)


def assert_drift(world: World) -> None:
    """Every feature of every month whose month before is there."""
    months = said(world.drops)
    answered = {(row["as_of"], row["feature"]): row for row in world.rows("vw_feature_drift")}
    pairs = [(day, Cadence.MONTH.before(day)) for day in months if Cadence.MONTH.before(day) in months]
    assert pairs
    assert set(answered) == {(day, feature) for day, _ in pairs for feature in [*NUMBERS, *WORDS]}
    for day, day_before in pairs:
        for feature in [*NUMBERS, *WORDS]:
            before, now = ([value(p, feature) for p in months[d]] for d in (day_before, day))
            expected, bins = psi(before, now)
            row = answered[day, feature]
            assert row["psi"] == pytest.approx(expected, rel=5e-12, abs=1e-12), feature
            assert row["bins"] == bins, feature
            assert row["kind"] == ("number" if feature in NUMBERS else "word")
            assert (row["users"], row["users_before"]) == (len(now), len(before))
            assert row["unknown_share"] == pytest.approx(now.count(None) / len(now))
            assert row["unknown_share_before"] == pytest.approx(before.count(None) / len(before))
            verdict = "stable" if expected < 0.1 else "moved" if expected < 0.25 else "shifted"
            assert row["verdict"] == verdict


def test_a_month_whose_month_before_is_missing_has_no_drift(world: World) -> None:
    world.write("2024-01", drop(range(10)))
    world.write("2024-03", drop(range(10), 2))
    world.run("2024-01", "2024-03", only=DRIFT)
    assert world.rows("vw_feature_drift") == []


def changed(column: str, name: str, place: int, text: str) -> Mapping[str, list[str]]:
    files = drop(range(20))
    lines = [line.split(",") for line in files[name]]
    assert lines[0][place] == column
    return files | {
        name: [",".join(line if n == 0 else [*line[:place], text, *line[place + 1 :]]) for n, line in enumerate(lines)]
    }


def test_a_feature_that_shifts_warns_and_is_published(world: World) -> None:
    world.write("2024-01", drop(range(20)))
    world.write("2024-02", changed("monthly_fee", "subscriptions.csv", 6, "99"))
    world.run("2024-01", only=DRIFT)
    done = world.run("2024-02", only=DRIFT)
    drift = next(o for o in done["vw_feature_drift"].outcomes if o.check == "feature_drift")
    assert (drift.passed, drift.warns) == (False, True)
    assert drift.figures["shifted"] == 1
    assert drift.sentence.startswith("2024-02-29: shifted against the month before: monthly_fee (PSI ")
    row = next(row for row in world.rows("vw_feature_drift") if row["feature"] == "monthly_fee")
    assert row["verdict"] == "shifted"


def test_months_that_say_the_same_do_not_drift(world: World) -> None:
    world.write("2024-01", drop(range(20)))
    world.write("2024-02", drop(range(20)))
    done = world.run("2024-01", "2024-02", only=DRIFT)
    assert {row["psi"] for row in world.rows("vw_feature_drift")} == {0.0}
    drift = next(o for o in done["vw_feature_drift"].outcomes if o.check == "feature_drift")
    assert (drift.passed, drift.sentence) == (True, "no feature has shifted")


def test_only_the_newest_month_warns(world: World) -> None:
    world.write("2024-01", drop(range(20)))
    world.write("2024-02", changed("monthly_fee", "subscriptions.csv", 6, "99"))
    world.write("2024-03", changed("monthly_fee", "subscriptions.csv", 6, "99"))
    done = world.run("2024-01", "2024-02", "2024-03", only=DRIFT)
    assert next(o for o in done["vw_feature_drift"].outcomes if o.check == "feature_drift").passed
    assert star.WARNINGS_OF_VIEWS["vw_feature_drift"]["feature_drift"] is star.feature_drift


def test_a_value_nobody_was_known_to_have_before_is_a_bin_of_its_own(world: World) -> None:
    world.write("2024-01", changed("total_paid", "subscriptions.csv", 7, ""))
    world.write("2024-02", drop(range(20)))
    world.run("2024-01", "2024-02", only=DRIFT)
    row = next(row for row in world.rows("vw_feature_drift") if row["feature"] == "total_paid")
    assert row["psi"] == pytest.approx(2 * (1 - 1e-4) * math.log(1e4))
    assert (row["unknown_share_before"], row["unknown_share"], row["bins"]) == (1.0, 0.0, 2)
    assert row["as_of"] == as_of("2024-02")
