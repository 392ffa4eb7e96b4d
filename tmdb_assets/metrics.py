"""`make metrics`: how everything stands, as Prometheus reads it, from the lake and Dagster's own storage.

What belongs here: the names of the metrics, what each means, serving them on loopback. What does not: reading the facts
(orchestration/standing/), when to be woken (ops/prometheus/).

They are read at each scrape, and by nobody else: a run that crashed or never started is seen, because nothing depends
on its telling. What is of a day or a partition is told of the newest ones alone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

try:
    from prometheus_client import CollectorRegistry, generate_latest, start_http_server
    from prometheus_client.core import GaugeMetricFamily
except ModuleNotFoundError as error:
    sys.exit(
        f"tmdb_assets: metrics cannot be served: {error.name} is not installed; `make metrics` installs it, and "
        "without make `pip install prometheus-client`, the extra `metrics`, does."
    )

from tmdb_assets.assembly import watch
from tmdb_assets.orchestration.standing.lake import DAYS, Sizes, SourceStanding
from tmdb_assets.orchestration.standing.runs import RUNS, RUNS_READ, CheckStanding, RunsStanding
from tmdb_assets.orchestration.standing.whole import PARTS, SIZES_EVERY_SECONDS, Standing, Watch
from tmdb_assets.orchestration.tables import FRESH
from tmdb_assets.settings import SettingsError, load_settings

HOST, PORT = "127.0.0.1", 9321
LOG = logging.getLogger("tmdb_assets.metrics")

Values = Iterable[tuple[Sequence[str], float]]

_OF_A_DAY = f"of the newest {DAYS} days of a source"
_OF_A_RUN = f"of the newest run of a job and partition, for the {DAYS} partitions run last, among the last {RUNS} runs"
_EVERY = f"measured every {SIZES_EVERY_SECONDS:.0f} seconds at most"
#: Every metric: its name without `tmdb_assets_`, its labels, its meaning. All are gauges: a day can be run again. No
#: label is called `job` or `instance`: these are Prometheus's own, and it would rename ours.
METRICS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "up": (("part",), "Whether a part could be read: the lake, Dagster's storage, the targets published to."),
    "read_seconds": ((), "Seconds that reading all of this took."),
    "runs": (("dagster_job", "status"), "Runs that Dagster's storage has, by job and status as Dagster spells it."),
    "run_status": (("dagster_job", "partition", "status"), f"1: the status {_OF_A_RUN}."),
    "run_duration_seconds": (("dagster_job", "partition"), f"Seconds from start to end, or until now, {_OF_A_RUN}."),
    "run_queue_wait_seconds": (("dagster_job", "partition"), f"Seconds before it started, or until now, {_OF_A_RUN}."),
    "run_last_event_timestamp_seconds": (
        ("dagster_job", "partition"),
        "When a run that is under way last said anything: one whose process died says nothing any more.",
    ),
    "last_success_timestamp_seconds": (
        ("dagster_job", "partition"),
        f"When the {DAYS} partitions that went well last did so.",
    ),
    "cpu_usage_seconds": (
        ("dagster_job", "partition"),
        f"CPU usage: seconds of the process, {_OF_A_RUN}. None for a run that did not come to its last steps.",
    ),
    "memory_usage_bytes": (
        ("dagster_job", "partition"),
        f"Memory usage: the most the process held, {_OF_A_RUN}. None as above.",
    ),
    "daemon_heartbeat_timestamp_seconds": (
        ("daemon",),
        "The last heartbeat of each of Dagster's daemons that ever ran.",
    ),
    "schedule_on": (("name", "kind"), "Whether a schedule or sensor is switched on."),
    "newest_day_timestamp_seconds": (
        ("source",),
        "The newest day whose observation is proven (a month: its last day).",
    ),
    "next_day_due_timestamp_seconds": (("source",), "When the day after that should stand at the latest."),
    "ledger_written_timestamp_seconds": (
        ("source",),
        "When the ledger of a source was last written. A run that asks writes it after every few hundred answers.",
    ),
    "day_proven": (("source", "day"), f"Whether what the source promised arrived, {_OF_A_DAY}."),
    "calls": (("source", "day"), f"HTTP calls, retries included, {_OF_A_DAY}."),
    "request_time_seconds": (
        ("source", "day"),
        f"Request time: waiting for answers, over concurrent calls, {_OF_A_DAY}.",
    ),
    "data_processed_bytes": (("source", "day"), f"Data processed: bytes of the answers' bodies, {_OF_A_DAY}."),
    "error_count": (
        ("source", "day", "kind"),
        "Error count: calls that repeated a failed one (retried), answers 429 among them (throttled), endpoints "
        f"without what they promised (fell_short), {_OF_A_DAY}.",
    ),
    "rows": (
        ("source", "day", "table", "state"),
        f"Rows received, kept, quarantined, duplicate, {_OF_A_DAY}, of its tables kept by the day; once it is built.",
    ),
    "quality_score": (("source", "day", "table"), f"Score of a table, 0 to 100 (vw_data_quality), {_OF_A_DAY}."),
    "failed_checks": (
        ("source", "day", "blocking"),
        f"Checks that did not hold when last made, by the partition, in the newest {RUNS_READ} finished runs.",
    ),
    "check_failed": (("source", "day", "table", "check", "blocking"), "1: each of them by name."),
    "table_materialized_timestamp_seconds": (("source", "table"), "When an asset was last materialized."),
    "table_stale_after_seconds": (("source",), "How old that may be."),
    "lake_bytes": (("source", "stage"), f"Bytes of the newest version of the tables of a stage, {_EVERY}."),
    "lake_disk_bytes": ((), f"Bytes of all files of a lake on a disk, old versions included, {_EVERY}."),
    "warehouse_bytes": (("target",), f"Bytes of what is published to a target, {_EVERY}."),
    "disk_free_bytes": ((), f"Bytes free on the disk of the lake, {_EVERY}."),
    "disk_size_bytes": ((), f"Bytes of that disk, {_EVERY}."),
    "raw_partitions_past_retention": (
        (),
        f"Days whose raw data is older than RAW_RETENTION_DAYS and still there, {_EVERY}.",
    ),
}


class Collector:
    """What a registry of prometheus_client asks at each scrape; one scrape at a time."""

    def __init__(self, watched: Watch) -> None:
        self._watch, self._lock = watched, threading.Lock()
        self._told: Mapping[str, str] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every metric, as things stand now. What cannot be read is left out, and said in the log once."""
        with self._lock:
            began = time.monotonic()
            standing = self._watch.look()
            seconds = time.monotonic() - began
            for part, sentence in standing.trouble.items():
                if self._told.get(part) != sentence:
                    LOG.warning("%s cannot be read: %s", part, sentence)
            self._told = standing.trouble
        yield from families(standing, seconds)


def families(standing: Standing, seconds: float) -> Iterator[GaugeMetricFamily]:
    """The metrics of a moment; `seconds`: how long reading it took."""
    found: dict[str, Values] = {
        "up": [((part,), part not in standing.trouble) for part in PARTS],
        "read_seconds": [((), seconds)],
        "warehouse_bytes": [((target,), size) for target, size in standing.targets.items()],
        **_of_sources(standing.sources),
        **(_of_runs(standing.runs, standing) if standing.runs else {}),
        **(_of_sizes(standing.sizes) if standing.sizes else {}),
    }
    for name, (labels, meaning) in METRICS.items():
        family = GaugeMetricFamily(f"tmdb_assets_{name}", meaning, labels=labels)
        for values, value in found.get(name, ()):
            family.add_metric(values, float(value))
        yield family


def _of_sources(sources: Sequence[SourceStanding]) -> dict[str, Values]:
    days = [(source.name, day) for source in sources for day in source.days]
    tables = [(name, day.key, table) for name, day in days for table in day.tables]
    return {
        "newest_day_timestamp_seconds": [((s.name,), _midnight(s.newest)) for s in sources if s.newest],
        "next_day_due_timestamp_seconds": [((s.name,), s.due_at.timestamp()) for s in sources if s.due_at],
        "ledger_written_timestamp_seconds": [((s.name,), s.written_at) for s in sources if s.written_at],
        "day_proven": [((name, day.key), day.is_proven) for name, day in days],
        "calls": [((name, day.key), day.calls) for name, day in days],
        "request_time_seconds": [((name, day.key), day.seconds) for name, day in days],
        "data_processed_bytes": [((name, day.key), day.bytes) for name, day in days],
        "error_count": [
            ((name, day.key, kind), count)
            for name, day in days
            for kind, count in (
                ("retried", day.retries),
                ("throttled", day.throttled),
                ("fell_short", len(day.fell_short)),
            )
        ],
        "rows": [
            ((name, day, table.table, state), count)
            for name, day, table in tables
            for state, count in (
                ("received", table.received),
                ("kept", table.kept),
                ("quarantined", table.quarantined),
                ("duplicate", table.duplicates),
            )
            if count is not None
        ],
        "quality_score": [((name, day, t.table), t.score) for name, day, t in tables if t.score is not None],
        "table_stale_after_seconds": [((s.name,), FRESH[s.cadence][1].total_seconds()) for s in sources],
    }


def _midnight(day: dt.date) -> float:
    """When a day began."""
    return dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()


def _of_runs(runs: RunsStanding, standing: Standing) -> dict[str, Values]:
    now = standing.at.timestamp()
    each = [((run.job, run.partition), run) for run in runs.runs]
    taken = [(key, run.duration(now)) for key, run in each]
    return {
        "runs": list(runs.counts.items()),
        "run_status": [((*key, run.status), 1) for key, run in each],
        "run_duration_seconds": [(key, seconds) for key, seconds in taken if seconds is not None],
        "run_queue_wait_seconds": [(key, run.waited(now)) for key, run in each],
        "run_last_event_timestamp_seconds": [(key, run.heard_at) for key, run in each if run.heard_at],
        "last_success_timestamp_seconds": list(runs.successes.items()),
        "cpu_usage_seconds": [(key, run.cpu_seconds) for key, run in each if run.cpu_seconds is not None],
        "memory_usage_bytes": [(key, run.peak_memory) for key, run in each if run.peak_memory is not None],
        "daemon_heartbeat_timestamp_seconds": [((name,), beat) for name, beat in runs.heartbeats.items()],
        "schedule_on": [((starter.name, starter.kind), starter.is_on) for starter in runs.starters],
        "table_materialized_timestamp_seconds": [((m.source, m.table), m.at) for m in runs.made],
        **_of_checks(runs.checks),
    }


def _of_checks(checks: Sequence[CheckStanding]) -> dict[str, Values]:
    """Checks that do not hold, counted and by name, of the partitions of each source whose runs are the newest."""
    days = dict.fromkeys((check.source, check.partition) for check in checks)  # in the order of the checks
    counts: dict[tuple[str, str, str], int] = {}
    for source in dict.fromkeys(source for source, _ in days):
        for day in [day for of, day in days if of == source][:DAYS]:
            counts |= {(source, day, "true"): 0, (source, day, "false"): 0}
    named: list[tuple[Sequence[str], float]] = []
    for check in checks:
        place = (check.source, check.partition, str(check.is_blocking).lower())
        if not check.passed and place in counts:
            counts[place] += 1
            named.append(((check.source, check.partition, check.table, check.check, place[2]), 1))
    return {"failed_checks": list(counts.items()), "check_failed": named}


def _of_sizes(sizes: Sizes) -> dict[str, Values]:
    whole = {
        "lake_disk_bytes": sizes.lake_files,
        "disk_free_bytes": sizes.disk_free,
        "disk_size_bytes": sizes.disk_total,
        "raw_partitions_past_retention": sizes.raw_days_past_retention,
    }
    known: dict[str, Values] = {name: [((), size)] for name, size in whole.items() if size is not None}
    return {"lake_bytes": list(sizes.stages.items()), **known}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the metrics until it is ended, or print them once; the exit code."""
    options = _options(argv)
    logging.basicConfig(format="%(asctime)s  %(message)s", datefmt="%H:%M:%S")
    registry = CollectorRegistry()
    try:
        registry.register(Collector(watch(load_settings())))
        text = generate_latest(registry)  # what Dagster and the lake are opened for, the first scrape need not wait for
        if options.once:
            print(text.decode(), end="")
            return 0
        _, thread = start_http_server(options.port, options.host, registry)
    except SettingsError as error:
        print(f"tmdb_assets: {error}", file=sys.stderr)
        return 1
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        print(
            f"tmdb_assets: metrics cannot be served on {options.host}:{options.port} ({why}): choose another one with "
            "--port or --host.",
            file=sys.stderr,
        )
        return 1
    print(f"Metrics: http://{options.host}:{options.port}/metrics (Ctrl+C ends it)", flush=True)
    try:
        thread.join()
    except KeyboardInterrupt:
        print()
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tmdb_assets.metrics", description=__doc__.partition("\n")[0])
    parser.add_argument("--host", default=HOST, help="who may read: this machine alone unless it is said (%(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="(%(default)s)")
    parser.add_argument("--once", action="store_true", help="print them and end, as for node_exporter's text files")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
