"""How runs stand, as Dagster's storage has them: runs that failed, wait, are under way or have gone silent, the checks
they made, what starts them.

What belongs here: reading Dagster's storage. What does not: the lake (lake.py), how any of it is shown (metrics.py,
health.py). What a finished run said is read once: it does not change any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.scheduler.instigation import InstigatorStatus

from tmdb_assets.orchestration.logs import failure_sentence
from tmdb_assets.orchestration.standing.lake import DAYS
from tmdb_assets.orchestration.usage import CPU_TAG, MEMORY_TAG

#: So many of the newest runs of a job are looked at, for the DAYS partitions that were run last (a backfill of old days
#: is news too), and of so many runs of all jobs the checks are read.
RUNS, RUNS_READ = 50, 30
#: Of a run, more than it ever makes.
EVENTS = 5_000
PARTITION, RANGE_START, RANGE_END = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
FINISHED = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
UNDER_WAY = {DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING}
STATUSES = tuple(status for status in DagsterRunStatus if status is not DagsterRunStatus.MANAGED)
#: Runs of jobs that are not in the project any more.
OTHER_JOBS = "other"


@dataclass(frozen=True)
class RunStanding:
    """A run: the newest of its job and partition. `partition` is empty for a run without one, `A...B` for a range.

    `heard_at`: when a run that is under way last said anything. `why`: what a failed run says, in one sentence. What it
    cost is known of a run that came to its last steps.
    """

    job: str
    partition: str
    run_id: str
    status: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    heard_at: float | None
    cpu_seconds: float | None
    peak_memory: int | None
    why: str | None

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly."""
        return self.status == DagsterRunStatus.FAILURE.value

    def duration(self, now: float) -> float | None:
        """Seconds that it took, or has taken so far; None before it starts."""
        return None if self.started_at is None else max(0.0, (self.ended_at or now) - self.started_at)

    def waited(self, now: float) -> float:
        """Seconds from when it was asked for until it started, or ended without, or now."""
        return max(0.0, (self.started_at or self.ended_at or now) - self.created_at)


@dataclass(frozen=True)
class CheckStanding:
    """A check of a partition as it ended last."""

    source: str
    partition: str
    table: str
    check: str
    passed: bool
    is_blocking: bool
    sentence: str


@dataclass(frozen=True)
class Starter:
    """A schedule or a sensor, and whether it is switched on."""

    name: str
    kind: str
    job: str
    is_on: bool


@dataclass(frozen=True)
class Made:
    """An asset of a source (a table, a publication), and when it was last materialized."""

    source: str
    table: str
    at: float


@dataclass(frozen=True)
class RunsStanding:
    """Everything that Dagster's storage says.

    `counts`: runs by job and status. `runs`: the newest of each job and partition, newest first. `successes`: when a
    job last went well, by job and partition. `checks`: those of the newest runs first. `heartbeats`: of each daemon
    that ever ran.
    """

    counts: Mapping[tuple[str, str], int]
    runs: tuple[RunStanding, ...]
    successes: Mapping[tuple[str, str], float]
    checks: tuple[CheckStanding, ...]
    starters: tuple[Starter, ...]
    heartbeats: Mapping[str, float]
    made: tuple[Made, ...]


class RunsReader:
    """Reads how runs stand, of the jobs, schedules and assets of a project."""

    def __init__(self, project: dg.RepositoryDefinition) -> None:
        self.jobs = sorted(job.name for job in project.get_all_jobs())
        self._starters = [(s.name, "schedule", s.job_name) for s in project.schedule_defs]
        self._starters += [(s.name, "sensor", s.job_name or "") for s in project.sensor_defs]
        graph = project.asset_graph
        self._assets = {key: graph.get(key).group_name for key in graph.get_all_asset_keys()}
        self._said: dict[str, tuple[CheckStanding, ...]] = {}
        self._why: dict[str, str] = {}

    def read(self, instance: DagsterInstance) -> RunsStanding:
        """How runs stand now. Raises what Dagster and its storage raise."""
        records = {job: instance.get_run_records(dg.RunsFilter(job_name=job), limit=RUNS) for job in self.jobs}
        newest = list(_newest(records.values()))
        return RunsStanding(
            self._counts(instance),
            tuple(self._run(instance, record) for record in newest),
            dict(self._successes(instance)),
            self._checks(instance, [record for found in records.values() for record in found]),
            tuple(self._starters_of(instance)),
            _heartbeats(instance),
            tuple(self._made(instance)),
        )

    def _counts(self, instance: DagsterInstance) -> dict[tuple[str, str], int]:
        """Runs by job and status, none left out; a status that nobody has is asked for once, not for each job."""
        counts = {(job, status.value): 0 for job in self.jobs for status in STATUSES}
        for status in STATUSES:
            left = instance.get_runs_count(dg.RunsFilter(statuses=[status]))
            for job in self.jobs if left else ():
                found = instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=[status]))
                counts[job, status.value] = found
                left -= found
            if left > 0:
                counts[OTHER_JOBS, status.value] = left
        return counts

    def _run(self, instance: DagsterInstance, record: dg.RunRecord) -> RunStanding:
        run = record.dagster_run
        cpu, memory = run.tags.get(CPU_TAG), run.tags.get(MEMORY_TAG)
        return RunStanding(
            run.job_name,
            partition_of(run.tags),
            run.run_id,
            run.status.value,
            record.create_timestamp.timestamp(),
            record.start_time,
            record.end_time,
            _heard_at(instance, run.run_id) if run.status in UNDER_WAY else None,
            float(cpu) if cpu else None,
            int(memory) if memory else None,
            self._reason(instance, run.run_id) if run.status is DagsterRunStatus.FAILURE else None,
        )

    def _reason(self, instance: DagsterInstance, run_id: str) -> str:
        """Why a run failed: the first step that did, else what the run itself says."""
        if run_id not in self._why:
            of_type = dg.DagsterEventType.STEP_FAILURE
            steps = instance.get_records_for_run(run_id, of_type=of_type, limit=1).records
            ends = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.PIPELINE_FAILURE, limit=1).records
            events = [each.event_log_entry.dagster_event for each in (*steps, *ends)]
            said = [failure_sentence(e) if e.is_step_failure else str(e.message) for e in events if e]
            self._why[run_id] = " ".join((said or ["it does not say why"])[0].split())
        return self._why[run_id]

    def _successes(self, instance: DagsterInstance) -> Iterator[tuple[tuple[str, str], float]]:
        """When each job last went well, by partition, for the newest of them."""
        for job in self.jobs:
            well = dg.RunsFilter(job_name=job, statuses=[DagsterRunStatus.SUCCESS])
            found = instance.get_run_records(well, limit=RUNS)
            for record in _newest([found]):
                ended = record.end_time or record.update_timestamp.timestamp()
                yield (job, partition_of(record.dagster_run.tags)), ended

    def _checks(self, instance: DagsterInstance, records: Iterable[dg.RunRecord]) -> tuple[CheckStanding, ...]:
        """Each check of each partition as it ended last, whichever job made it."""
        ended = [r for r in records if r.dagster_run.status in FINISHED and partition_of(r.dagster_run.tags)]
        newest = sorted(ended, key=lambda r: r.create_timestamp, reverse=True)[:RUNS_READ]
        runs, known = [record.dagster_run for record in newest], self._said
        self._said = {
            run.run_id: known[run.run_id] if run.run_id in known else tuple(self._checks_of(instance, run))
            for run in runs
        }
        last: dict[tuple[str, str, str], CheckStanding] = {}
        for run in runs:
            for check in self._said[run.run_id]:
                last.setdefault((check.partition, check.table, check.check), check)
        return tuple(last.values())

    def _checks_of(self, instance: DagsterInstance, run: dg.DagsterRun) -> Iterator[CheckStanding]:
        of_type = dg.DagsterEventType.ASSET_CHECK_EVALUATION
        found = instance.get_records_for_run(run.run_id, of_type=of_type, limit=EVENTS, ascending=False).records
        for each in found:
            event = each.event_log_entry.dagster_event
            if event is None or not (said := event.asset_check_evaluation_data):
                continue
            yield CheckStanding(
                self._assets.get(said.asset_key) or said.asset_key.path[0],
                partition_of(run.tags).rpartition("...")[2],
                said.asset_key.to_user_string(),
                said.check_name,
                said.passed,
                bool(said.blocking) and said.severity is dg.AssetCheckSeverity.ERROR,
                " ".join((said.description or "").split()),
            )

    def _starters_of(self, instance: DagsterInstance) -> Iterator[Starter]:
        on = {s.instigator_name for s in instance.all_instigator_state() if s.status is InstigatorStatus.RUNNING}
        for name, kind, job in self._starters:
            yield Starter(name, kind, job, name in on)

    def _made(self, instance: DagsterInstance) -> Iterator[Made]:
        for record in instance.get_asset_records(list(self._assets)):
            key, last = record.asset_entry.asset_key, record.asset_entry.last_materialization_record
            if last:
                yield Made(self._assets[key] or key.path[0], key.to_user_string(), last.timestamp)


def partition_of(tags: Mapping[str, str]) -> str:
    """The partition of a run, or the range of them; empty where it names none."""
    if PARTITION in tags:
        return tags[PARTITION]
    first, last = tags.get(RANGE_START), tags.get(RANGE_END)
    return f"{first}...{last}" if first and last else ""


def _newest(by_job: Iterable[Sequence[dg.RunRecord]]) -> Iterator[dg.RunRecord]:
    """The newest run of each partition of each job, for the partitions that were run last; of each job the newest
    first."""
    for records in by_job:
        found: dict[str, dg.RunRecord] = {}
        for record in records:
            partition = partition_of(record.dagster_run.tags)
            if partition not in found and len(found) < DAYS:
                found[partition] = record
        yield from found.values()


def _heard_at(instance: DagsterInstance, run_id: str) -> float | None:
    records = instance.get_records_for_run(run_id, limit=1, ascending=False).records
    return records[0].timestamp if records else None


def _heartbeats(instance: DagsterInstance) -> dict[str, float]:
    statuses = instance.get_daemon_statuses().items()
    return {name: status.last_heartbeat.timestamp for name, status in statuses if status.last_heartbeat}
