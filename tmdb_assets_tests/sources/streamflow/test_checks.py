"""What is said of every month's checks: against plain Python over the lines of the drops, and each kind of check
failing."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.streamflow import contracts
from tmdb_assets.sources.streamflow.assets import derived_tables
from tmdb_assets_tests.sources.streamflow.months import FILES, WIDE, Files, World, as_of, drop, user

JAN, FEB, MAR = "2024-01", "2024-02", "2024-03"
CHECKS = ["vw_checks"]
QUALITY = ["fact_column_quality", "fact_table_quality", "fact_check_quality", "vw_quarantine_rules", "vw_checks"]
FLAGS = {"True", "False", ""}
ADD_ONS = ["add_on_security", "add_on_backup", "add_on_device_protect", "add_on_support"]
#: Words a column may have; the empty one where it may be unknown.
WORDS = {
    "user_gender": {"Female", "Male", ""},
    "contract_type": {"Month-to-month", "One year", "Two year"},
    "net_service": {"DSL", "Fiber optic", "No"},
    **dict.fromkeys(["user_is_senior", "has_family", "has_dependents", "plan_stream_tv", "plan_stream_movies"], FLAGS),
    **dict.fromkeys(["paperless_billing", "churn_label", *ADD_ONS], FLAGS),
}
REQUIRED = ["signup_date", "months_active", "contract_type", "monthly_fee", "net_service"]
SUFFIX = "_snapshots"

Key = tuple[dt.date, str, str]
Line = Mapping[str, str]


def replaced(files: Files, name: str, number: int, column: str, text: str) -> Files:
    """The drop with something else in a cell of a user."""
    place = files[name][0].split(",").index(column)
    lines = [line.split(",") for line in files[name]]
    told = [[*line[:place], text, *line[place + 1 :]] if line[0] == user(number) else line for line in lines]
    assert told != lines
    return files | {name: [",".join(line) for line in told]}


def faulty() -> dict[str, Files]:
    """January is sound; in February values break rules and two are unlikely; in March many users are gone."""
    bad = drop(range(2, 42), 1)
    bad = replaced(bad, "subscriptions.csv", 3, "monthly_fee", "-1")
    bad = replaced(bad, "subscriptions.csv", 4, "monthly_fee", "")
    bad = replaced(bad, "subscriptions.csv", 5, "contract_type", "")
    bad = replaced(bad, "subscriptions.csv", 5, "net_service", "Cable")
    bad = replaced(bad, "subscriptions.csv", 6, "months_active", "71")
    bad = replaced(bad, "users.csv", 7, "user_gender", "Other")
    bad = replaced(bad, "users.csv", 8, "signup_date", "")
    bad["payments_agg_90d.csv"] = [line.split(",")[0] + ",2" for line in bad["payments_agg_90d.csv"]]
    bad["payments_agg_90d.csv"][0] = "user_id,failed_payments_90d"
    return {JAN: drop(range(40)), FEB: bad, MAR: drop(range(20), 2)}


@pytest.fixture(scope="module")
def faulty_months(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The three months, run one after the other. Read only."""
    folder = tmp_path_factory.mktemp("faulty_months")
    world = World(DeltaStore(folder / "lake"), folder / "drops")
    for month, files in faulty().items():
        world.write(month, files)
        world.run(month, only=CHECKS, whole=month == MAR)
    return world


@pytest.fixture(params=["faulty", "made", pytest.param("recorded", marks=pytest.mark.real)])
def seen(request: pytest.FixtureRequest) -> World:
    """Months with faults, months without, and the two recorded ones."""
    names = {"faulty": "faulty_months", "made": "three_months", "recorded": "recorded_months"}
    found: World = request.getfixturevalue(names[request.param])
    return found


def told(world: World) -> dict[Key, dict[str, Any]]:
    return {(row["as_of"], row["subject"], row["check_name"]): row for row in world.rows("vw_checks")}


def failing(world: World, month: str) -> dict[tuple[str, str], str]:
    """(subject, check) -> sentence of what does not hold in a month."""
    return {
        (subject, check): row["sentence"]
        for (day, subject, check), row in told(world).items()
        if day == as_of(month) and not row["is_passed"]
    }


# -- against plain Python ----------------------------------------------------------------------------------------------


def is_fit(column: str, text: str) -> bool:
    """Whether a cell keeps its column's rule."""
    if column == "user_id":
        return True
    if not text and column in REQUIRED:
        return False
    if column in WORDS:
        return text in WORDS[column]
    if column == "signup_date" or not text:
        return True
    return 0 <= float(text) <= (1200 if column == "months_active" else float("inf"))


def kept_of(lines: Sequence[Line]) -> list[Line]:
    """The lines whose required cells are fit, without what is not fit of the others."""
    sound = [line for line in lines if all(is_fit(*cell) for cell in line.items() if cell[0] in {*REQUIRED, "user_id"})]
    return [{column: text if is_fit(column, text) else "" for column, text in line.items()} for line in sound]


def lines_of(file: Path) -> list[Line]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def months_between(first: dt.date, last: dt.date) -> int:
    whole = (last.year - first.year) * 12 + last.month - first.month
    return whole if last.day >= first.day or (last + dt.timedelta(days=1)).month != last.month else whole - 1


def is_active_too_long(line: Line, person: Line, day: dt.date) -> bool:
    since = months_between(dt.date.fromisoformat(person["signup_date"]), day)
    return int(float(line["months_active"])) > since + 1


def expected_of(folder: Path) -> tuple[dict[Key, tuple[bool, int | None]], dict[str, int]]:
    """Of one month: key -> (holds, rows looked at), but for checks against the month before; and the rows kept by
    table."""
    day = Cadence.MONTH.day(folder.name)
    came = {name.removesuffix(".csv"): lines_of(folder / name) for name in FILES}
    kept = {table: kept_of(lines) for table, lines in came.items()}
    expected: dict[Key, tuple[bool, int | None]] = {(day, "drop", "extraction_complete"): (True, None)}
    for table, lines in came.items():
        path, rows = f"streamflow/clean/{table}{SUFFIX}", kept[table]
        columns = [c for c in lines[0] if c != "user_id"]
        constant = [c for c in columns if len(found := {value(line[c]) for line in rows}) == 1 and found != {""}]
        missing = [line for line in lines if any(column in REQUIRED and not text for column, text in line.items())]
        expected |= {
            (day, f"{table}.csv", "extraction_complete"): (True, len(lines)),
            (day, path, "contract"): (all(is_fit(*cell) for line in lines for cell in line.items()), len(lines)),
            (day, path, "not_null"): (not missing, len(lines)),
            (day, path, "accounting"): (True, len(lines)),
            (day, path, "grain"): (True, len(rows)),
            (day, path, "constant_columns"): (not constant, len(rows)),
        }
    people = {line["user_id"]: line for line in kept["users"]}
    homeless = [line for lines in kept.values() for line in lines if line["user_id"] not in people]
    active = [line for line in kept["subscriptions"] if line["user_id"] in people]
    odd = [line for line in active if is_active_too_long(line, people[line["user_id"]], day)]
    counts = {table: len(rows) for table, rows in kept.items()}
    expected[day, "streamflow/star/users", "rows_have_their_user"] = (not homeless, sum(counts.values()))
    expected[day, "streamflow/star/subscriptions", "active_since_signup"] = (
        not odd, counts["users"] + counts["subscriptions"],
    )  # fmt: skip
    return expected, counts


def expected_checks(world: World) -> dict[Key, tuple[bool, int | None]]:
    expected: dict[Key, tuple[bool, int | None]] = {}
    counts: dict[dt.date, dict[str, int]] = {}
    for folder in sorted(world.drops.iterdir()):
        of_month, counts[Cadence.MONTH.day(folder.name)] = expected_of(folder)
        expected |= of_month
    for day, now in counts.items():
        before = counts.get(Cadence.MONTH.before(day))
        if before is None:
            continue
        for table, rows in now.items():
            key = (day, f"streamflow/clean/{table}{SUFFIX}", "row_count_drift")
            expected[key] = (abs(rows - before[table]) <= 0.25 * before[table], rows)
        drift = [row for row in world.rows("vw_feature_drift") if row["as_of"] == day]
        is_still = all(row["verdict"] != "shifted" for row in drift)
        expected[day, "streamflow/views/vw_feature_drift", "feature_drift"] = (is_still, now["users"])
    return expected


def test_every_check_of_every_month_ends_as_the_lines_say(seen: World) -> None:
    assert {key: (row["is_passed"], row["rows"]) for key, row in told(seen).items()} == expected_checks(seen)


@pytest.mark.real
def test_what_does_not_hold_in_the_recorded_months(recorded_months: World) -> None:
    usage, live = "streamflow/clean/usage_agg_30d_snapshots", "streamflow/star/subscriptions"
    for month in (JAN, FEB):
        found = failing(recorded_months, month)
        assert set(found) == {(usage, "constant_columns"), (live, "active_since_signup")}
        assert found[usage, "constant_columns"] == f"avg_session_mins_7d is the same for all users of {month}"


# -- each kind of check failing ----------------------------------------------------------------------------------------


def test_values_that_break_rules_or_are_unlikely_are_told_in_their_month_alone(faulty_months: World) -> None:
    clean = "streamflow/clean/"
    assert failing(faulty_months, JAN) == {}
    found = failing(faulty_months, FEB)
    drift = found.pop(("streamflow/views/vw_feature_drift", "feature_drift"))
    assert drift.startswith("shifted since the month before: ")
    assert "failed_payments_90d (PSI " in drift
    assert found == {
        (f"{clean}subscriptions_snapshots", "contract"): "3 of 40 rows are set aside: contract_type must not be "
        "null: 1; monthly_fee must lie between 0 and 1000000000: 1; monthly_fee must not be null: 1; "
        "net_service must be one of DSL, Fiber optic, No: 1",
        (f"{clean}subscriptions_snapshots", "not_null"): "required values are missing: contract_type must not be "
        "null: 1; monthly_fee must not be null: 1",
        (f"{clean}users_snapshots", "contract"): "1 of 40 rows are set aside, and 1 values alone: signup_date "
        "must not be null: 1; user_gender must be one of Female, Male: 1",
        (f"{clean}users_snapshots", "not_null"): "required values are missing: signup_date must not be null: 1",
        (f"{clean}payments_agg_90d_snapshots", "constant_columns"): ("failed_payments_90d is the same for all "
        "users of 2024-02"),
        ("streamflow/star/users", "rows_have_their_user"): "rows whose users row was set aside, so that live "
        "tables leave them out: 1 of subscriptions, 1 of usage_agg_30d, 1 of payments_agg_90d, 1 of "
        "support_agg_90d, 1 of labels",
        ("streamflow/star/subscriptions", "active_since_signup"): "1 of 36 users were active for more months than have "
        f"passed since they signed up, e.g. {user(6)}: months_active 71, but signup_date 2022-07-15 is 19 months "
        "before 2024-02-29",
    }  # fmt: skip
    assert (
        failing(faulty_months, MAR)[f"{clean}users_snapshots", "row_count_drift"] == "20 rows after 39 the month before"
    )
    assert {check for _, check in failing(faulty_months, MAR)} == {"row_count_drift", "feature_drift"}


def refused(world: World, month: str) -> dict[tuple[str, str], str]:
    """What does not hold after a drop was refused, once the next run answers the view."""
    with pytest.raises(BlockedError):
        world.observe(month)
    again(world, CHECKS)
    return failing(world, month)


def again(world: World, tables: list[str], *months: str) -> None:
    """Publish some tables anew over what the lake has."""
    for table in derived_tables():
        if table.contract.name in tables:
            publish(table, world.in_run([as_of(month) for month in months]))


def test_a_refused_drop_is_a_failed_check_though_nothing_of_it_is_published(world: World) -> None:
    world.write(JAN, drop(range(12)))
    world.run(JAN, only=CHECKS)
    folder = world.write(FEB, drop(range(12), 1))
    (folder / "labels.csv").write_bytes((folder / "labels.csv").read_bytes()[:-4])
    (folder / "support_agg_90d.csv").unlink()
    assert refused(world, FEB) == {
        ("drop", "extraction_complete"): "refused, so that nothing of it is published: drop the month again, "
        "corrected; at fault: labels.csv, support_agg_90d.csv",
        ("labels.csv", "extraction_complete"): "not what it should be, the log of the run names line and column; users "
        "read: 0 of 12",
        ("support_agg_90d.csv", "extraction_complete"): "the file is missing or cannot be read",
    }  # fmt: skip
    assert {check for day, _, check in told(world) if day == as_of(FEB)} == {"extraction_complete"}
    world.write(FEB, drop(range(12), 1))
    world.run(FEB, only=CHECKS)
    assert "extraction_complete" not in {check for _, check in failing(world, FEB)}


@pytest.mark.parametrize("is_there", [True, False])
def test_without_the_list_of_users_nobody_knows_whose_lines_a_file_must_have(world: World, is_there: bool) -> None:
    files = drop(range(12))
    users = {"users.csv": [*files["users.csv"], "?"]} if is_there else {}
    world.write(JAN, {name: lines for name, lines in files.items() if name != "users.csv"} | users)
    assert set(refused(world, JAN)) == {("drop", "extraction_complete"), ("users.csv", "extraction_complete")}
    whole = told(world)[as_of(JAN), "labels.csv", "extraction_complete"]
    assert (whole["is_passed"], whole["rows"]) == (True, 12)
    assert whole["sentence"] == "12 users; users.csv, which names them all, cannot be used"


def test_a_refused_correction_fails_beside_what_stays_published(world: World) -> None:
    world.write(JAN, drop(range(12)))
    world.run(JAN, only=CHECKS)
    before = told(world)
    folder = world.write(JAN, drop(range(12)))
    (folder / "notes.txt").write_text("?", encoding="utf-8")
    assert set(refused(world, JAN)) == {("drop", "extraction_complete")}
    assert "at fault: files that do not belong there" in failing(world, JAN)["drop", "extraction_complete"]
    assert set(told(world)) == set(before)


def test_a_run_that_was_cut_is_no_refusal(world: World) -> None:
    world.write(JAN, drop(range(12)))
    world.run(JAN, only=CHECKS)
    ledger = Ledger(world.store, contracts.SOURCE)
    entry = ledger.entry(as_of(JAN), "labels.csv")
    assert entry
    ledger.write(as_of(JAN), [dataclasses.replace(entry, is_finished=False)], {})
    again(world, CHECKS)
    assert failing(world, JAN) == {
        ("drop", "extraction_complete"): "the run was cut while it took the drop: run the month again"
    }


def test_rows_lost_or_doubled_by_hand_are_found(three_months: World, tmp_path: Path) -> None:
    world = three_months.copied(tmp_path)
    labels, users = contracts.LABELS_SNAPSHOTS, contracts.USERS_SNAPSHOTS
    lost = world.store.scan(labels, [as_of(FEB)]).collect().sort("user_id").slice(3)
    world.store.replace(labels, lost, [as_of(FEB)], {})
    world.store.append(users, world.store.scan(users, [as_of(FEB)]).collect().sort("user_id").head(2), {})
    again(world, QUALITY, FEB)
    found = failing(world, FEB)
    assert found[labels.path, "accounting"] == "received 41 = kept 38 + quarantined 0 + duplicates 0 + lost 3"
    assert found[users.path, "accounting"] == (
        "received 41 = kept 43 + quarantined 0 + duplicates 0 - never received 2"
    )
    assert found[users.path, "grain"].startswith("4 rows share their grain, e.g. ")


# -- the months in any order -------------------------------------------------------------------------------------------


def test_months_that_arrive_last_first_end_as_months_in_one_run(faulty_months: World, world: World) -> None:
    for month, files in faulty().items():
        world.write(month, files)
    world.run(MAR, only=CHECKS, whole=False)
    world.run(JAN, FEB, only=CHECKS)
    for table in QUALITY:
        assert world.frame(table).equals(faulty_months.frame(table)), table


def test_known_values_are_those_of_the_cells(seen: World) -> None:
    answered = {
        (row["date_id"], row["column_name"]): (row["rows"], row["known_rows"])
        for row in seen.rows("fact_column_quality")
        if row["column_name"] not in {"as_of", "user_id"}
    }
    expected = {}
    for folder in sorted(seen.drops.iterdir()):
        for table, columns in contracts.COLUMNS.items():
            lines = kept_of(lines_of(folder / f"{table}.csv"))
            for column in columns:
                known = sum(bool(line.get(column)) for line in lines)
                expected[Cadence.MONTH.day(folder.name), column] = (len(lines), known)
    assert answered == expected


def test_the_profiles_are_of_every_snapshot_and_month(three_months: World) -> None:
    profiled: pl.DataFrame = three_months.frame("fact_table_quality")
    found = set(profiled.select("date_id", "table_name").iter_rows())
    paths = {WIDE[f"{table}{SUFFIX}"].path for table in contracts.COLUMNS}
    assert found == {(as_of(month), path) for month in (JAN, FEB, MAR) for path in paths}
    assert set(profiled.get_column("drift_limit")) == {0.25}
