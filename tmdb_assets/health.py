"""`make health`: how everything stands, on one screen, and an exit code.

What belongs here: what is said, and what counts as something that needs a hand. What does not: reading the facts
(orchestration/standing/), the same for Prometheus (metrics.py, ops/prometheus/rules.yml).

The exit code is 0 when all is well, 1 when something failed or is late, 2 when that cannot be told.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from tmdb_assets.assembly import watch
from tmdb_assets.orchestration.standing.lake import SourceStanding
from tmdb_assets.orchestration.standing.runs import RunsStanding, RunStanding
from tmdb_assets.orchestration.standing.whole import Standing
from tmdb_assets.orchestration.tables import FRESH
from tmdb_assets.settings import SettingsError, load_settings
from tmdb_assets.warehouse import figures

WELL, FAILED, UNKNOWN = 0, 1, 2
#: Seconds after which a run that says nothing, or still waits, is told of; and a daemon that is needed.
RUN_SILENT, RUN_WAITING, DAEMON_SILENT = 3600, 3600, 300
#: Of the disk, what should be free.
FREE_SHARE = 0.05
#: The job that keeps the lake in shape, and how old its last success may be.
UPKEEP, UPKEEP_EVERY = "lake_upkeep", dt.timedelta(hours=48)
#: Days past their retention before that is told of: a run of the upkeep may be missed once.
PAST_RETENTION = 2
SENTENCES = 12  #: of what needs a hand, so that it stays one screen
CHARACTERS = 300  #: of one of them
_FINISHED = {"SUCCESS": "went well", "FAILURE": "failed", "CANCELED": "was canceled"}


def needs(standing: Standing) -> list[str]:
    """What failed, is late or is nearly full, a sentence each; what fails first stands first."""
    found = [sentence for source in standing.sources for sentence in _needs_of_source(source, standing.at)]
    if standing.runs:
        found += _needs_of_runs(standing.runs, standing)
    if (sizes := standing.sizes) and sizes.disk_total and sizes.disk_free is not None:
        if sizes.disk_free < FREE_SHARE * sizes.disk_total:
            found.append(f"The disk of the lake is nearly full: {_bytes(sizes.disk_free)} are free.")
        if sizes.raw_days_past_retention > PAST_RETENTION:
            days = sizes.raw_days_past_retention
            found.append(f"Raw data of {days} days is older than RAW_RETENTION_DAYS: run the job {UPKEEP}.")
    return found


def _needs_of_source(source: SourceStanding, now: dt.datetime) -> Iterator[str]:
    if source.due_at and now > source.due_at and source.newest:
        newest = source.cadence.key(source.newest)
        yield (
            f"{source.name} is late: {newest} is the newest {source.cadence.value} observed to the end, and the next "
            f"was due by {source.due_at:%Y-%m-%d %H:%M} UTC."
        )
    if source.days and not source.days[0].is_proven:
        day = source.days[0]
        why = " ".join(f"{note.rstrip('.')}." for note in day.notes)
        yield f"{source.name} {day.key} fell short at {', '.join(day.fell_short)}: run it again. {why}".strip()


def _needs_of_runs(runs: RunsStanding, standing: Standing) -> Iterator[str]:
    at, now = standing.at, standing.at.timestamp()
    is_asking = any(now - source.written_at <= RUN_SILENT for source in standing.sources if source.written_at)
    for run in runs.runs:
        named = f"{run.job} {run.partition}".strip()
        if run.is_failed:
            yield f"{named} failed{_ago(run.ended_at, at)}: {run.why}"
        elif run.heard_at and now - run.heard_at > RUN_SILENT and not is_asking:
            yield f"{named} is under way and last said something{_ago(run.heard_at, at)}: was its process killed?"
        elif not run.started_at and not run.ended_at and run.waited(now) > RUN_WAITING:
            yield f"{named} was asked for{_ago(run.created_at, at)} and has not started: is a daemon running?"
    for check in runs.checks:
        if not check.passed and check.is_blocking:
            yield f"{check.table} {check.partition}, check {check.check}: {check.sentence}"
    on = [starter.name for starter in runs.starters if starter.is_on]
    heard = max(runs.heartbeats.values(), default=None)
    if on and (heard is None or now - heard > DAEMON_SILENT):
        since = "no daemon has ever run" if heard is None else f"the daemon was last heard{_ago(heard, at)}"
        yield f"{', '.join(on)} {'is' if len(on) == 1 else 'are'} on, and {since}: start `make dev`."
    yield from _stale(runs, standing)


def _stale(runs: RunsStanding, standing: Standing) -> Iterator[str]:
    """Sources with tables that fell behind though the day itself was observed in time."""
    now = standing.at.timestamp()
    for source in standing.sources:
        limit = FRESH[source.cadence][1].total_seconds()
        is_late = source.due_at is not None and standing.at > source.due_at
        old = [made for made in runs.made if made.source == source.name and now - made.at > limit]
        if old and source.due_at and not is_late:
            oldest = min(old, key=lambda made: made.at)
            others = f" and {figures.counted(len(old) - 1, 'more table')}" if len(old) > 1 else ""
            yield f"{oldest.table}{others} of {source.name} fell behind: last made{_ago(oldest.at, standing.at)}."


def lines(standing: Standing) -> Iterator[str]:
    """How everything stands, a line or a few for each part."""
    width = max(9, *(len(source.name) for source in standing.sources), 0) + 2
    for source in standing.sources:
        yield f"{source.name:<{width}}{_source(source)}"
    if standing.runs:
        seen: set[str] = set()
        for run in standing.runs.runs:
            if run.job not in seen:
                yield f"{'' if seen else 'Runs':<{width}}{_run(run, standing.at)}"
                seen.add(run.job)
        if not seen:
            yield f"{'Runs':<{width}}none yet"
        yield f"{'Schedules':<{width}}{_starters(standing.runs, standing.at)}"
        yield f"{'Upkeep':<{width}}{_upkeep(standing)}"
    yield f"{'Room':<{width}}{_room(standing)}"


def _source(source: SourceStanding) -> str:
    if not source.days:
        return "nothing observed yet"
    day = source.days[0]
    retried = f", {day.retries:,} of them repeated" if day.retries else ""
    said = (
        f"{day.key} {'observed' if day.is_proven else 'fell short'}: {day.calls:,} calls{retried}, {_bytes(day.bytes)}"
    )
    if day.tables:
        aside = sum(table.quarantined for table in day.tables)
        said += f"; {figures.counted(len(day.tables), 'table')}, {figures.counted(aside, 'row')} set aside"
        scores = [table.score for table in day.tables if table.score is not None]
        said += f", mean score {sum(scores) / len(scores):.1f}" if scores else ""
    else:
        said += "; not built"
    return said + (f"; the next by {source.due_at:%Y-%m-%d %H:%M} UTC" if source.due_at else "")


def _run(run: RunStanding, now: dt.datetime) -> str:
    named = f"{run.job} {run.partition}".strip()
    seconds = run.duration(now.timestamp())
    said = f"{named} {_FINISHED.get(run.status, f'is {run.status.lower()}')}"
    said += f" in {seconds:,.0f} s" if seconds is not None and run.ended_at else ""
    said += f", CPU {run.cpu_seconds:,.0f} s" if run.cpu_seconds is not None else ""
    said += f", at most {_bytes(run.peak_memory)} of memory" if run.peak_memory else ""
    return said + _ago(run.ended_at or run.started_at or run.created_at, now, ", ")


def _starters(runs: RunsStanding, now: dt.datetime) -> str:
    listed = ", ".join(f"{starter.name} {'on' if starter.is_on else 'off'}" for starter in runs.starters)
    heard = max(runs.heartbeats.values(), default=None)
    return f"{listed}; " + (f"a daemon last heard{_ago(heard, now)}" if heard else "no daemon has run yet")


def _upkeep(standing: Standing) -> str:
    last = standing.runs.successes.get((UPKEEP, "")) if standing.runs else None
    is_due = last is None or standing.at.timestamp() - last > UPKEEP_EVERY.total_seconds()
    said = f"{UPKEEP} " + (f"last went well{_ago(last, standing.at)}" if last else "never went well")
    past = standing.sizes.raw_days_past_retention if standing.sizes else 0
    if past:
        return f"{said}; due: raw data of {figures.counted(past, 'day')} is past its retention"
    return f"{said}; due: it compacts and drops old versions" if is_due else f"{said}; nothing is due"


def _room(standing: Standing) -> str:
    said = []
    if sizes := standing.sizes:
        newest = _bytes(sum(sizes.stages.values()))
        files = f"{_bytes(sizes.lake_files)}, the newest versions {newest}" if sizes.lake_files is not None else newest
        said.append(f"lake {files}")
    said += [f"{target} {_bytes(size)}" for target, size in standing.targets.items()]
    if sizes and sizes.disk_free is not None and sizes.disk_total:
        said.append(f"{_bytes(sizes.disk_free)} of {_bytes(sizes.disk_total)} free")
    return "; ".join(said) or "not known"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"


def _ago(moment: float | None, now: dt.datetime, before: str = " ") -> str:
    """` 3 hours ago`; nothing for a moment that is not known."""
    return "" if moment is None else f"{before}{figures.ago(dt.datetime.fromtimestamp(moment, dt.UTC), now)}"


def exit_code(standing: Standing, found: Sequence[str]) -> int:
    """What failed is certain whatever else cannot be read."""
    if found:
        return FAILED
    return UNKNOWN if standing.trouble else WELL


def main(argv: Sequence[str] | None = None) -> int:
    """Say how everything stands; the exit code."""
    parser = argparse.ArgumentParser(prog="make health", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="the same for a program")
    options = parser.parse_args(argv)
    try:
        watched = watch(load_settings())
    except SettingsError as error:
        print(f"tmdb_assets: {error}", file=sys.stderr)
        return UNKNOWN
    try:
        standing = watched.look()
    finally:
        watched.close()
    found = [watched.tell(sentence) for sentence in needs(standing)]
    code = exit_code(standing, found)
    print(_as_json(standing, found, code) if options.json else "\n".join(_screen(standing, found)))
    return code


def _screen(standing: Standing, found: Sequence[str]) -> Iterator[str]:
    yield from lines(standing)
    yield ""
    for part, sentence in standing.trouble.items():
        yield f"Cannot be told: {part}: {_cut(sentence)}"
    if found:
        yield f"{figures.counted(len(found), 'thing needs', 'things need')} a hand:"
        yield from (f"- {_cut(sentence)}" for sentence in found[:SENTENCES])
        if len(found) > SENTENCES:
            yield f"- and {len(found) - SENTENCES} more: `--json` has all"
    elif not standing.trouble:
        yield "All is well."


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= CHARACTERS else f"{sentence[:CHARACTERS]}…"


def _as_json(standing: Standing, found: Sequence[str], code: int) -> str:
    """The facts by their names; what a mapping has by several keys is a list of them."""
    runs, sizes = standing.runs, standing.sizes
    told: dict[str, Any] = asdict(replace(standing, runs=None, sizes=None))
    if runs:
        counts = [{"job": job, "status": status, "runs": n} for (job, status), n in runs.counts.items()]
        well = [{"job": job, "partition": p, "at": at} for (job, p), at in runs.successes.items()]
        told["runs"] = asdict(replace(runs, counts={}, successes={})) | {"counts": counts, "successes": well}
    if sizes:
        stages = [{"source": source, "stage": stage, "bytes": n} for (source, stage), n in sizes.stages.items()]
        told["sizes"] = asdict(replace(sizes, stages={})) | {"stages": stages}
    return json.dumps({"exit_code": code, "needs": list(found), **told}, default=_plain, indent=1)


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))


if __name__ == "__main__":
    sys.exit(main())
