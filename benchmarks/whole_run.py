"""f. `dagster job execute` for a day of the sandbox, end to end."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.figure import Figure, run_child


def measure() -> Figure:
    """Wall, CPU and peak memory of the whole command, and the share of the wall spent importing."""
    dagster = str(Path(sys.executable).with_name("dagster"))
    day = json.dumps({"dagster/partition": dt.datetime.now(dt.UTC).date().isoformat()})
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "TMDB_ASSETS_LAKE": folder}
        imports = run_child([sys.executable, "-W", "ignore", "-c", "import tmdb_assets.definitions"], env)
        whole = run_child(
            [dagster, "job", "execute", "-m", "tmdb_assets.definitions", "-j", "tmdb_daily", "--tags", day], env
        )
    return Figure(
        "f. share of a whole `dagster job execute` spent importing",
        imports.wall / whole.wall,
        None,
        unit="",
        details={
            "wall": f"{whole.wall:.1f} s, of it importing {imports.wall:.1f} s",
            "CPU": f"{whole.cpu:.1f} s (without the sandbox's process)",
            "peak memory": f"{whole.peak_mb:.0f} MB",
        },
    )
