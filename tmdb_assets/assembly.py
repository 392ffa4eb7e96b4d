"""The whole project put together: every source's assets over one lake, and the warehouse published from it.

What belongs here: finding the sources, binding the resources that they share, the executor. What does not: anything
about a source: every package under sources/ is taken, by the names that CONTRIBUTING.md lists (A new source).
"""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
from types import ModuleType
from typing import Any

import dagster as dg

from tmdb_assets import sources
from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines.views import bases_of
from tmdb_assets.lakehouse.http import redact
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.log_file import keep_log_file
from tmdb_assets.orchestration.logs import console
from tmdb_assets.orchestration.resources import VIEWS_IN_MEMORY, ClockResource, DuckDBEngine, LakeResource, SparkEngine
from tmdb_assets.orchestration.standing.lake import Watched
from tmdb_assets.orchestration.standing.runs import RunsReader
from tmdb_assets.orchestration.standing.whole import Watch
from tmdb_assets.orchestration.upkeep import upkeep
from tmdb_assets.report import assets as report
from tmdb_assets.settings import Settings, SettingsError, load_settings
from tmdb_assets.warehouse import assets as warehouse
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.targets import targets_of


def source_modules(name: str) -> list[ModuleType]:
    """The module `name` (contracts, assets) of every source."""
    folders = [m.name for m in pkgutil.iter_modules(sources.__path__, f"{sources.__name__}.") if m.ispkg]
    return [importlib.import_module(f"{folder}.{name}") for folder in folders]


def all_contracts() -> list[Contract]:
    """Every table of every source, in the order in which data flows."""
    return [contract for module in source_modules("contracts") for contract in module.CONTRACTS]


def build_definitions(settings: Settings, **resources: Any) -> dg.Definitions:
    """The whole project for some settings; tests assemble the real thing with their own.

    `resources` take the place of those that all sources share (lake, clock, engine). One process runs a whole run: 20
    small assets take 4 s in it and over a minute as a process each.
    """
    keep_log_file(settings)
    today = settings.tmdb_assets_today
    shared = dg.Definitions(
        resources={
            "lake": LakeResource(store=_store(settings)),
            "clock": ClockResource(today=today.isoformat() if today else None),
            "engine": _engine(settings),
            "warehouse": report.warehouse_resource(settings),
            **resources,
        },
        executor=dg.in_process_executor,
        loggers={"console": console},
    )
    found = [module.build(settings) for module in source_modules("assets")]
    found.append(warehouse.build(settings, source_modules("contracts")))
    found.append(_report(settings))
    return dg.Definitions.merge(shared, upkeep(all_contracts(), settings.raw_retention_days), *found)


def _store(settings: Settings) -> DeltaStore:
    """The lake, read as much at once as the settings say."""
    store = DeltaStore(settings.tmdb_assets_lake)
    store.bytes_per_batch = settings.tmdb_assets_batch_mb * 1_000_000
    return store


def _engine(settings: Settings) -> DuckDBEngine | SparkEngine:
    """Who answers the views, as the settings say."""
    if settings.tmdb_assets_engine == "spark":
        return SparkEngine(settings=settings)
    return DuckDBEngine(database=VIEWS_IN_MEMORY, connection_config=_bounds(settings))


def _bounds(settings: Settings) -> dict[str, str]:
    """What keeps DuckDB within its memory: the order of rows that nobody asked to keep takes a lot of it."""
    return {
        "memory_limit": f"{settings.tmdb_assets_memory_mb}MB",
        "temp_directory": str(settings.tmdb_assets_spill),
        "preserve_insertion_order": "false",
    }


def load_definitions() -> dg.Definitions:
    """The whole project as the environment says. Ends with one sentence for a setting that cannot be used."""
    try:
        return build_definitions(load_settings())
    except SettingsError as error:
        raise SystemExit(f"tmdb_assets: {error}") from None


def watch(settings: Settings) -> Watch:
    """What tells how everything stands: every source, Dagster's storage, the room that is taken. Raises
    SettingsError."""
    project = build_definitions(settings).get_repository_def()
    crons = {schedule.job_name: str(schedule.cron_schedule) for schedule in project.schedule_defs}
    return Watch(
        _store(settings),
        [
            Watched(module.SOURCE, module.CONTRACTS, _time_of(crons.get(f"{module.SOURCE}_daily")))
            for module in source_modules("contracts")
        ],
        Clock(settings.tmdb_assets_today),
        settings.raw_retention_days,
        RunsReader(project),
        {target.key: target.size for target in targets_of(settings)},
        tell=lambda sentence: redact(sentence, settings.secrets),
    )


def _time_of(cron: str | None) -> dt.timedelta:
    """The time of day at which a daily schedule starts its run."""
    if cron is None:
        return dt.timedelta()
    minute, hour = cron.split()[:2]
    return dt.timedelta(hours=int(hour), minutes=int(minute))


def _report(settings: Settings) -> dg.Definitions:
    """The daily report, told the days and the views of the source that it is of."""
    days = {module.contracts.SOURCE: module.PARTITIONS for module in source_modules("assets")}
    views = {source.name: source for source in map(Source.of, source_modules("contracts"))}
    asked = views[report.SOURCE].views
    texts = {view.contract.name: view.sql for view in (*bases_of(asked), *asked)}
    return report.build(settings, days[report.SOURCE], texts)
