"""The job, end to end through Dagster in this process: months, a correction, a faulty drop, checks and metadata."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import load_settings
from tmdb_assets.sources.streamflow import assets, contracts
from tmdb_assets_tests.sources.streamflow.months import FILES, drop, write


@dataclass(frozen=True)
class Run:
    """How a run of the job ended."""

    result: dg.ExecuteInProcessResult

    @property
    def said(self) -> list[str]:
        """The sentences of its failed steps."""
        failed = [e.step_failure_data for e in self.result.all_events if e.is_step_failure]
        return [(f.user_failure_data.description if f.user_failure_data else None) or str(f.error) for f in failed]

    @property
    def checks(self) -> dict[str, bool]:
        """`table check` -> whether it passed."""
        events = [e for e in self.result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
        found = [e.asset_check_evaluation_data for e in events]
        return {f"{c.asset_key.path[-1]} {c.check_name}": c.passed for c in found}

    def metadata(self, table: str) -> dict[str, Any]:
        """What Dagster shows of the table's materialization."""
        shown: Mapping[str, Any] = {}
        for event in self.result.all_events:
            if (
                event.event_type_value == "ASSET_MATERIALIZATION"
                and event.asset_key
                and event.asset_key.path[-1] == table
            ):
                shown = event.step_materialization_data.materialization.metadata
        return {name: value.value for name, value in shown.items()}


def built(folder: Path) -> dg.Definitions:
    """The whole project for a lake and a drops folder."""
    from tmdb_assets.assembly import build_definitions  # late: importing it builds the project for any environment

    settings = load_settings(
        _env_file=None,
        tmdb_assets_lake=str(folder / "lake"),
        streamflow_drops=folder / "drops",
        tmdb_assets_today=dt.date(2026, 3, 10),
    )
    return build_definitions(settings)


def execute(folder: Path, **how: Any) -> Run:
    """Run `streamflow_monthly` as the project builds it."""
    job = built(folder).resolve_job_def("streamflow_monthly")
    return Run(job.execute_in_process(raise_on_error=False, **how))


def test_months_a_correction_and_a_faulty_drop(tmp_path: Path) -> None:
    drops, store = tmp_path / "drops", DeltaStore(tmp_path / "lake")
    write(drops, "2024-01", drop(range(30)))
    write(drops, "2024-02", drop(range(2, 32), 1))
    both = {"dagster/asset_partition_range_start": "2024-01", "dagster/asset_partition_range_end": "2024-02"}
    first = execute(tmp_path, tags=both)
    assert first.result.success, first.said
    for contract in contracts.CONTRACTS:
        assert store.rows(contract) > 0 or contract.name in {"quarantine", "vw_quarantine_rules"}, contract.path
    assert {name for name, passed in first.checks.items() if not passed} == {"vw_feature_drift feature_drift"}
    expected = {(t.contract.name, check) for t in assets.derived_tables() for check in t.checks}
    assert {f"{table} {check}" for table, check in expected} <= set(first.checks)
    commit = store.history(contracts.LABELS_SNAPSHOTS, 1)[0]
    assert (commit["partitions"], commit["asset_key"]) == ("2024-01...2024-02", "streamflow/clean/labels_snapshots")

    write(drops, "2024-01", drop(range(1, 31)))
    some = [dg.AssetKey(c.key) for c in contracts.CONTRACTS if c.stage == "raw" or c.name == "labels_snapshots"]
    again = execute(tmp_path, partition_key="2024-01", asset_selection=some)
    assert again.result.success, again.said
    shown = again.metadata("labels_snapshots")
    assert (shown["rows_added"], shown["rows_changed"], shown["rows_removed"]) == (1, 0, 1)
    assert (shown["dagster/row_count"], shown["delta_version"]) == (60, 2)

    versions = {c.path: store.version(c) for c in contracts.CONTRACTS if c is not contracts.EXTRACTION_LEDGER}
    folder = write(drops, "2024-02", drop(range(40), 1))
    (folder / "labels.csv").write_bytes((folder / "labels.csv").read_bytes()[:-4])
    faulty = execute(tmp_path, partition_key="2024-02", asset_selection=some)
    assert not faulty.result.success
    assert faulty.said[0] == (
        "streamflow/raw/drop_files 2024-02-29: labels.csv, line 41, column churn_label: the line has no end: the "
        "file was cut, or is still being written. Nothing of 2024-02 is published: drop the month again, corrected."
    )
    assert faulty.checks == {"drop_files extraction_complete": False}
    assert {c.path: store.version(c) for c in contracts.CONTRACTS if c is not contracts.EXTRACTION_LEDGER} == versions


def test_a_month_without_a_drop_is_one_sentence(tmp_path: Path) -> None:
    run = execute(tmp_path, partition_key="2024-01", asset_selection=[dg.AssetKey(contracts.DROP_FILES.key)])
    assert not run.result.success
    assert run.said == [
        f"There is no drop of 2024-01: the folder {tmp_path / 'drops' / '2024-01'} does not exist. Put the month's six "
        "files there, or write invented ones with `python -m tmdb_assets.sandbox drops --months 2024-01..2024-01`."
    ]


def test_a_run_without_a_month_is_told_how_to_name_one(tmp_path: Path) -> None:
    run = execute(tmp_path, asset_selection=[dg.AssetKey(contracts.DROP_FILES.key)])
    assert not run.result.success
    assert run.said == [
        "This run names no month, and streamflow/raw/drop_files is filled by the month: use `--tags "
        '\'{"dagster/partition": "2026-11"}\'` for a job, `--partition 2026-11` for assets.'
    ]


def test_partitions_are_months_and_every_asset_but_whole_tables_has_them() -> None:
    specs = {"/".join(spec.key.path): spec for spec in built(Path()).resolve_all_asset_specs()}
    assert {path for path in specs if path.startswith("streamflow/")} == {c.path for c in contracts.CONTRACTS}
    for contract in contracts.CONTRACTS:
        partitions = specs[contract.path].partitions_def
        assert (partitions is None) == contract.is_whole
        if partitions is not None:
            assert partitions.get_partition_keys()[:2] == ["2020-01", "2020-02"]
        assert specs[contract.path].freshness_policy is not None


@pytest.mark.parametrize("table", ["users", "labels_snapshots", "vw_feature_drift"])
def test_a_check_of_its_own_says_what_it_looks_at(table: str) -> None:
    own = next(t for t in assets.derived_tables() if t.contract.name == table)
    for name in own.warnings:
        assert own.checks[name].endswith(".")
        assert len(own.checks[name]) > 30


def test_the_files_of_a_drop_are_the_tables() -> None:
    assert [*FILES] == contracts.FILES
    assert {f"{table}.csv" for table in contracts.SNAPSHOTS} == set(FILES)


# -- a range of which one month cannot be had --------------------------------------------------------------------------


def _spelled(folder: Path) -> None:
    file = folder / "labels.csv"
    file.write_text(file.read_text().replace("True", "yes").replace("False", "no"))


def _as_folder(folder: Path) -> None:
    (folder / "labels.csv").unlink()
    (folder / "labels.csv").mkdir()


def _headers_only(folder: Path) -> None:
    for file in folder.iterdir():
        file.write_text(file.read_text().partition("\n")[0] + "\n")


def _no_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder)


def _invented(folder: Path) -> None:
    (folder / "_SUCCESS").write_text("tmdb_assets sandbox, seed 7\n")


#: What is wrong with a month, one after the other, and how its reason begins.
FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "2024-02": (_headers_only, "users.csv, line 1: the files have a header and no users: nobody is left of 2024-02"),
    "2024-03": (_spelled, "labels.csv, line 2, column churn_label: 12 of 12 values break the rule, here"),
    "2024-04": (_as_folder, "labels.csv: the file cannot be read (Is a directory)"),
    "2024-05": (_no_folder, "2024-05: the folder cannot be read (Too many levels of symbolic links)"),
    "2024-06": (shutil.rmtree, "There is no drop of 2024-06"),
    "2024-07": (_invented, "holds real data of streamflow, and this run would add sandbox data"),
}


def test_a_range_publishes_the_sound_months_and_fails_naming_the_others(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    drops, store = tmp_path / "drops", DeltaStore(tmp_path / "lake")
    for n in range(1, 9):
        write(drops, f"2024-0{n}", drop(range(12), n))
    for month, (damage, _) in FAULTS.items():
        damage(drops / month)
    wanted = [contracts.DROP_FILES, contracts.EXTRACTION_LEDGER, contracts.LABELS_SNAPSHOTS, contracts.USERS_SNAPSHOTS]
    wanted += [contracts.USERS, contracts.LABELS]
    ends = {"dagster/asset_partition_range_start": "2024-01", "dagster/asset_partition_range_end": "2024-08"}
    run = execute(tmp_path, tags=ends, asset_selection=[dg.AssetKey(c.key) for c in wanted])
    assert not run.result.success
    assert run.said == [
        f"streamflow: 6 of 8 months could not be had and are not published, the others are: {', '.join(FAULTS)}; "
        "the log says why of each."
    ]
    kept = store.partition_rows(contracts.LABELS_SNAPSHOTS)
    assert {day.month: rows for day, rows in kept.items()} == {1: 12, 8: 12}
    assert store.rows(contracts.LABELS) == 12
    logged = "".join(capfd.readouterr())
    warned = [line for line in logged.splitlines() if "WARNING" in line]
    for month, (_, reason) in FAULTS.items():
        assert any(reason in line for line in warned), month
