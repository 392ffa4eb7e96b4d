"""What Dagster loads.

What belongs here: `defs`, and nothing else. What does not: how it is put together (assembly.py).
"""

from tmdb_assets.assembly import load_definitions

defs = load_definitions()
