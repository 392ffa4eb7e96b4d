"""Programs of other tools that benchmarks measure ours against, each run in an environment of its own.

Nothing here is imported by the project, and what it imports is not among the project's dependencies: `environment`
installs it, once, beside the other caches of this user, so that no lock file carries it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DLT = ("dlt[parquet,filesystem]==1.31.0",)
#: dbt-core 1.12 brings a parser that its installation downloads from elsewhere; 1.11 comes whole.
DBT = ("dbt-duckdb==1.11.1", "dbt-core==1.11.16", "duckdb==2.0.0")


def environment(name: str, requirements: tuple[str, ...]) -> Path:
    """The folder of the commands of an environment that has these packages; made by uv if it is not there yet.

    Raises CalledProcessError when they cannot be installed.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder, wanted = caches / "tmdb_assets" / "peers" / name, "\n".join(requirements)
    ready = folder / "ready"
    if not ready.is_file() or ready.read_text(encoding="utf-8") != wanted:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *requirements]
        subprocess.run(install, check=True)
        ready.write_text(wanted, encoding="utf-8")
    return folder / "bin"
