"""The targets that the settings name, each with what it knows of its place.

duckdb.py         the analysts' file: a copy brought up to date beside the published one, and swapped in by one rename
duckdb_tables.py  tables, views, macros and comments in such a file
duckdb_files.py   what lies on disk for one
"""

from __future__ import annotations

from tmdb_assets.settings import Settings
from tmdb_assets.warehouse.target import Target
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile


def targets_of(settings: Settings) -> list[Target]:
    """Every place that is published to, forgets persons, and is asked before a reset. A new target is one entry
    here."""
    return [DuckDBFile(settings.tmdb_assets_warehouse)]
