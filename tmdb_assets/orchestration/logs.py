"""What a person reads on the console while a run goes on: one short line a step, no stack for an error that is a
sentence.

What belongs here: the `console` logger and the run configuration that chooses it. What does not: what is logged; steps
log through Dagster, which keeps every event for its own pages whatever this logger prints.
"""

import logging
from typing import Any

import dagster as dg
from dagster import InitLoggerContext

from tmdb_assets.settings import has_dagster_home

CONSOLE_CONFIG = {"loggers": {"console": {"config": {"log_level": "INFO"}}}}

#: The logger that leads to the file of TMDB_ASSETS_LOG_FILE (log_file.py).
RUNS = "tmdb_assets.runs"

UNSEEN = (
    "DAGSTER_HOME is not set, so Dagster's UI will not show this run: start it with the commands in .venv/bin "
    "that `make setup` installs, or set DAGSTER_HOME to the whole path of this project's folder data/dagster"
)


class _Sentence(logging.Formatter):
    """`HH:MM:SS  message`, without run ids; a failed step is said by its error's own words."""

    def format(self, record: logging.LogRecord) -> str:
        message = words_of(record)
        clock = self.formatTime(record, "%H:%M:%S")
        return f"{clock}  {message}" if record.levelno < logging.WARNING else f"{clock}  {record.levelname}: {message}"


def words_of(record: logging.LogRecord) -> str:
    """What a record says, without run ids; a failure in its error's own words."""
    meta: dict[str, Any] = getattr(record, "dagster_meta", {})
    event = meta.get("dagster_event")
    if event is not None and event.is_step_failure:
        return failure_sentence(event)
    if event is not None and event.is_failure:
        return str(event.message)
    return str(meta.get("orig_message") or record.getMessage())


def failure_sentence(event: dg.DagsterEvent) -> str:
    """What a failed step says of itself: its name and its error's own words."""
    failure = event.step_failure_data
    told = failure.user_failure_data
    cause = failure.error.cause if failure.error else None
    words = (told.description if told else None) or str(cause or failure.error).strip()
    return f"{str(event.step_key).replace('__', '/')} failed: {words}"


def _is_news(record: logging.LogRecord) -> bool:
    """A step that is not run because one before it failed is no news: the failure was told."""
    return not str(getattr(record, "dagster_meta", {}).get("orig_message", "")).startswith("Dependencies for step")


@dg.logger(
    config_schema={"log_level": dg.Field(str, is_required=False, default_value="INFO")},
    description="Short lines for a person at a terminal.",
)
def console(context: InitLoggerContext) -> logging.Logger:
    """Dagster's console logger with lines a person can follow."""
    logger = logging.Logger("tmdb_assets", level=logging.DEBUG)
    handler = logging.StreamHandler()
    handler.setLevel(context.logger_config["log_level"])
    handler.setFormatter(_Sentence())
    handler.addFilter(_is_news)
    logger.addHandler(handler)
    for kept in logging.getLogger(RUNS).handlers:
        logger.addHandler(kept)
    if not has_dagster_home():
        logger.warning(UNSEEN)
    return logger
