"""TMDB_ASSETS_LOG_FILE: everything that runs say, one line an event, in a file that rotates.

What belongs here: the file and the form of its lines. What does not: what a person reads on the console (logs.py), what
is said (the steps).

A run of a job tells the file all of Dagster's events, by the job's logger. Assets that are materialized without a job
(a selection in Dagster's UI) have no logger of ours: the steps themselves tell it what happens to their tables. Several
processes may write to the file at once.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
from concurrent_log_handler import ConcurrentRotatingFileHandler

from tmdb_assets.lakehouse.flow.run import Event
from tmdb_assets.lakehouse.http import redact
from tmdb_assets.orchestration import logs
from tmdb_assets.settings import Settings

#: The logger that leads to the file; without the setting it has no handler.
RUNS = logging.getLogger(logs.RUNS)
#: Bytes after which a file is put aside, and how many such are kept.
BYTES_AT_MOST, KEPT = 10_000_000, 5
#: Under which name a log record carries the fields of an event.
FIELDS = "tmdb_assets_fields"
Context = dg.AssetExecutionContext | dg.OpExecutionContext
#: Jobs that Dagster makes for a selection of assets begin so.
_UNNAMED = "__"


def keep_log_file(settings: Settings) -> None:
    """Let RUNS lead to the file of the settings, or to none."""
    for handler in list(RUNS.handlers):
        RUNS.removeHandler(handler)
        handler.close()
    RUNS.setLevel(logging.DEBUG)
    RUNS.propagate = False
    if settings.tmdb_assets_log_file is None:
        RUNS.addHandler(logging.NullHandler())
        return
    handler = LogFile(settings.tmdb_assets_log_file)
    form = _AsJson if settings.tmdb_assets_log_format == "json" else _AsText
    handler.setFormatter(form(settings.secrets))
    RUNS.addHandler(handler)


class LogFile(ConcurrentRotatingFileHandler):
    """The file. One that cannot be written never stops a run: the first line that is lost is said once."""

    def __init__(self, path: Path) -> None:
        self._path, self._has_failed = path, False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._complain(error)
        super().__init__(str(path), maxBytes=BYTES_AT_MOST, backupCount=KEPT, encoding="utf-8", keep_file_open=False)

    def handleError(self, record: logging.LogRecord) -> None:
        self._complain(sys.exc_info()[1])

    def _complain(self, error: BaseException | None) -> None:
        if self._has_failed:
            return
        self._has_failed = True
        reason = error.strerror if isinstance(error, OSError) else str(error)
        print(
            f"tmdb_assets: the log file {self._path} cannot be written ({reason}): set TMDB_ASSETS_LOG_FILE to a file "
            "in a folder that you may write to. Runs go on without it.",
            file=sys.stderr,
        )


class _Redacting(logging.Formatter):
    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets

    def told(self, record: logging.LogRecord) -> dict[str, Any]:
        """What a line says, by field; what does not apply is not there."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "run_id": meta.get("run_id"),
            "job": meta.get("job_name"),
            "step": str(meta["step_key"]).replace("__", "/") if meta.get("step_key") else None,
            "event": event.event_type.name if event is not None else None,
            **getattr(record, FIELDS, {}),
            "message": redact(logs.words_of(record), self._secrets),
        }
        return {name: value for name, value in said.items() if value is not None}


class _AsText(_Redacting):
    """`2026-11-20T09:00:12.345Z INFO 1f0c22aa tmdb/star/dim_movie  message`; a line is a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = self.told(record)
        where = [str(said["run_id"])[:8]] if "run_id" in said else []
        where += [said[name] for name in ("step",) if name in said]
        message = str(said["message"]).replace("\r", "\\r").replace("\n", "\\n")
        return " ".join([said["time"], said["level"], *where]) + f"  {message}"


class _AsJson(_Redacting):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.told(record), ensure_ascii=False)


# -- what steps tell ---------------------------------------------------------------------------------------------------


def tell(context: Context, event: Event) -> None:
    """An event of a step: a line of Dagster's log, and of the file."""
    _say(context, str(event), logging.INFO, {FIELDS: _fields(event)})


def teller(context: Context, level: int = logging.INFO) -> Callable[[str], None]:
    """What says a line in a step: in Dagster's log, and in the file."""
    return lambda line: _say(context, line, level, {})


def tell_failure(context: Context, sentence: str) -> None:
    """The failure of a step whose run has no logger of ours; others tell it by Dagster's own event."""
    if context.run.job_name.startswith(_UNNAMED):
        RUNS.error(sentence, extra=_place(context))


def _say(context: Context, line: str, level: int, extra: dict[str, Any]) -> None:
    context.log.log(level, line, extra=extra)
    if context.run.job_name.startswith(_UNNAMED):
        RUNS.log(level, line, extra=extra | _place(context))


def _place(context: Context) -> dict[str, Any]:
    step = context.get_step_execution_context().step.key
    return {"dagster_meta": {"run_id": context.run.run_id, "step_key": step}}


def _fields(event: Event) -> dict[str, Any]:
    """What an event says, for machines."""
    keys = [event.contract.cadence.key(day) for day in event.days]
    counts = {name: getattr(event, name) for name in ("rows", "bytes", "calls", "seconds")}
    return {"table": event.contract.path, "partitions": keys or None, **counts}
