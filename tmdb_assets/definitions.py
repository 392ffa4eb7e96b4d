"""What Dagster loads: every source's assets over one lake.

What belongs here: finding the sources, binding the resources they share, the executor. What does not: anything about a
source; a folder under sources/ with an assets.py that has `build(settings)` is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil

import dagster as dg

from tmdb_assets import sources
from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.settings import Settings, SettingsError, load_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """The whole project for some settings; tests assemble the real thing with their own.

    One process runs a whole run: 20 small assets take 4 s in it and over a minute as a process each.
    """
    shared = dg.Definitions(
        resources={
            "lake": dg.ResourceDefinition.hardcoded_resource(
                DeltaStore(settings.tmdb_assets_lake, settings.storage_options)
            ),
            "clock": dg.ResourceDefinition.hardcoded_resource(Clock(settings.tmdb_assets_today)),
        },
        executor=dg.in_process_executor,
    )
    found = [
        importlib.import_module(f"{m.name}.assets")
        for m in pkgutil.iter_modules(sources.__path__, f"{sources.__name__}.")
        if m.ispkg
    ]
    return dg.Definitions.merge(shared, *(module.build(settings) for module in found))


def _load() -> dg.Definitions:
    try:
        return build_definitions(load_settings())
    except SettingsError as error:
        raise SystemExit(f"tmdb_assets: {error}") from None


defs = _load()
