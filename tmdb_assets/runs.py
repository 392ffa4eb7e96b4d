"""`make day` and `make backfill`: the job of a source for a day, a month or a range of them, told in short lines.

What belongs here: starting a run of any source's job in the project's own Dagster instance, and what it says at its
end.
What does not: what a job does (each source's assets.py), what a newcomer sees after it (demo.py).
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster import AssetCheckEvaluation

from tmdb_assets.assembly import build_definitions, source_modules
from tmdb_assets.lakehouse.calendar import Cadence, Clock
from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG, failure_sentence
from tmdb_assets.settings import Settings, SettingsError, has_dagster_home, load_settings

#: The partition of a run, and the ends of a range, as Dagster's own commands tag them.
PARTITION, RANGE_START, RANGE_END = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)


class RunError(LakehouseError):
    """A run that cannot be started as asked. The message says what to write instead."""


#: A daemon's heart beats every 30 seconds.
SILENT_SECONDS = 75


@dataclass(frozen=True)
class Done:
    """What became of a run: `trouble` is its failure in one sentence, None when it went well."""

    trouble: str | None
    checks: tuple[AssetCheckEvaluation, ...]


def cadences() -> dict[str, Cadence]:
    """Every source, and how often it is observed."""
    return {module.SOURCE: module.EXTRACTION_LEDGER.cadence for module in source_modules("contracts")}


def partition(text: str, cadence: Cadence, today: dt.date) -> str:
    """The key of the partition that is meant: a day, a month, `today`, `yesterday` or so many of them ago. Raises
    RunError.

    Of a source that is observed by the month, `yesterday`, `today` and `1-month-ago` mean the last month that is over.
    """
    said = text.strip().lower()
    if found := re.fullmatch(rf"(\d{{1,4}})[ -]{cadence.value}s?[ -]ago", said):
        return cadence.key(_ago(int(found[1]), cadence, today))
    if said in {"today", "yesterday"}:
        if cadence is Cadence.MONTH:
            return cadence.key(cadence.before(today + dt.timedelta(days=1)))
        return cadence.key(today - dt.timedelta(days=said == "yesterday"))
    for form in ("%Y-%m-%d", "%Y-%m") if cadence is Cadence.MONTH else ("%Y-%m-%d",):
        try:
            return cadence.key(dt.datetime.strptime(said, form).date())
        except ValueError:
            continue
    wanted = "a month such as 2026-10" if cadence is Cadence.MONTH else "a day such as 2026-11-20"
    raise RunError(
        f"{text!r} is no {cadence.value}: write {wanted}, `today`, `yesterday` or, for example, "
        f"`7-{cadence.value}s-ago`."
    )


def _ago(number: int, cadence: Cadence, today: dt.date) -> dt.date:
    """The day, or the last day of the month, that is so many of them before today's; the calendar's first at most."""
    if cadence is Cadence.DAY:
        return today - dt.timedelta(days=number)
    months = today.year * 12 + today.month - 1 - number
    return dt.date(max(months // 12, 1), months % 12 + 1, 1)


@dataclass(frozen=True)
class Plan:
    """A run that can be started: the job of a source, and the partitions it is of."""

    job: dg.JobDefinition
    tags: Mapping[str, str]


def plan(settings: Settings, source: str, first: str, last: str) -> Plan:
    """The run of a source's job for the partitions from `first` to `last`. Raises RunError."""
    cadence = cadences()[source]
    job = build_definitions(settings).resolve_job_def(f"{source}_{'daily' if cadence is Cadence.DAY else 'monthly'}")
    known = job.partitions_def.get_partition_keys() if job.partitions_def else []
    for key in (first, last):
        if key not in known:
            raise RunError(
                f"{key} cannot be observed: {cadence.value}s begin with {known[0]} and end with {known[-1]}."
            )
    if first > last:
        raise RunError(f"The range ends before it begins: from {first} to {last}.")
    return Plan(job, {PARTITION: first} if first == last else {RANGE_START: first, RANGE_END: last})


def execute(planned: Plan) -> Done:
    """Run it in this process.

    With a Dagster home (`make setup` gives one) the run is seen in the UI; without, it is only for these lines.
    """
    with dg.DagsterInstance.get() if has_dagster_home() else dg.DagsterInstance.ephemeral() as instance:
        result = planned.job.execute_in_process(
            run_config=CONSOLE_CONFIG, tags=dict(planned.tags), instance=instance, raise_on_error=False
        )
    events = result.all_events
    checks = [e.asset_check_evaluation_data for e in events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    failures = [failure_sentence(event) for event in events if event.is_step_failure]
    if result.success:
        return Done(None, tuple(checks))
    return Done((failures or ["the run did not come to its end; the lines above say why"])[0], tuple(checks))


def busy_dagster(home: Path) -> str:
    """What is at work on the instance kept in a folder, in words; empty when nothing is."""
    if not (home / "storage").is_dir() and not (home / "history").is_dir():
        return ""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        beats = [status.last_heartbeat for status in instance.get_daemon_statuses().values() if status.last_heartbeat]
        # Dagster itself calls a daemon healthy for half an hour after its last heartbeat
        if any(time.time() - beat.timestamp < SILENT_SECONDS for beat in beats):
            return "Dagster's UI or daemon (`make dev`) is running"
        under_way = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    return f"{under_way} {'run is' if under_way == 1 else 'runs are'} under way" if under_way else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; the exit code. The last line of a run that failed says why."""
    options = _options(argv)
    try:
        settings = load_settings()
        known = cadences()
        if options.source not in known:
            raise RunError(f"There is no source {options.source!r}: SOURCE is one of {', '.join(known)}.")
        today = Clock(settings.tmdb_assets_today).today()
        first, last = (partition(text, known[options.source], today) for text in (options.first, options.last))
        done = execute(plan(settings, options.source, first, last))
    except (RunError, SettingsError) as error:
        print(f"tmdb_assets: {error}", file=sys.stderr)
        return 1
    named = first if first == last else f"{first} to {last}"
    if done.trouble:
        print(f"\n{options.source}, {named}: {done.trouble}", file=sys.stderr)
        return 1
    noticed = [check for check in done.checks if not check.passed]
    for check in noticed:
        print(f"noticed: {check.asset_key.to_user_string()} {check.check_name}: {check.description}")
    print(f"{options.source}, {named}: done, {len(done.checks) - len(noticed)} of {len(done.checks)} checks passed.")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tmdb_assets.runs", description=__doc__.partition("\n")[0])
    parser.add_argument("first", help="a day (2026-11-20), a month (2026-10), `today`, `yesterday`, `7-days-ago`")
    parser.add_argument("last", nargs="?", help="the last one of a range; without it the first one alone")
    parser.add_argument("--source", default="tmdb", help="whose job is run (default: tmdb)")
    options = parser.parse_args(argv)
    options.last = options.last or options.first
    return options


if __name__ == "__main__":
    sys.exit(main())
