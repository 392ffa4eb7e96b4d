"""What Dagster loads. How it is put together stands in assembly.py."""

from tmdb_assets.assembly import load_definitions

defs = load_definitions()
