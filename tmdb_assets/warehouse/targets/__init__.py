"""The targets that the settings name, each with what it knows of its place.

duckdb.py         the analysts' file: a copy brought up to date beside the published one, and swapped in by one rename
duckdb_tables.py  tables, views, macros and comments in such a file
duckdb_files.py   what lies on disk for one

postgres.py          a PostgreSQL database: written in one transaction
postgres_tables.py   tables, keys, views and comments in such a database
postgres_keys.py     keys, indexes and partitions of a table
postgres_catalog.py  its statements, and what its catalogue says is there
postgres_rows.py     rows and types as PostgreSQL reads them
"""

from __future__ import annotations

from tmdb_assets.settings import Settings, SettingsError
from tmdb_assets.warehouse.target import Target
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile


def targets_of(settings: Settings) -> list[Target]:
    """Every place that is published to, forgets persons, and is asked before a reset. A new target is one entry here.

    Raises SettingsError when a setting names one whose packages are not installed.
    """
    targets: list[Target] = [DuckDBFile(settings.tmdb_assets_warehouse)]
    if url := settings.tmdb_assets_postgres:
        try:  # of an extra
            from tmdb_assets.warehouse.targets.postgres import Postgres
        except ModuleNotFoundError as error:
            missing = str(error.name).partition(".")[0]
            raise SettingsError(
                f"Setting TMDB_ASSETS_POSTGRES cannot be used: {missing} is not installed; "
                "`pip install 'psycopg[binary]'`, the extra `postgres`, brings it, or leave the setting out."
            ) from None
        targets.append(Postgres(url, settings.tmdb_assets_postgres_reader))
    return targets
