"""`make demo`: the main job for today, with its progress, and what it built.

What belongs here: what a newcomer sees first. What does not: anything the ordinary commands do not do as well.
"""

from __future__ import annotations

import datetime as dt
import sys
import time

from tmdb_assets.assembly import all_contracts
from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.http import redact
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.runs import RunError, execute, plan
from tmdb_assets.settings import Settings, SettingsError, load_settings
from tmdb_assets.sources.tmdb.assets import FIRST_DAY


def main() -> int:
    """Run the day and print what stands; returns the exit code."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"tmdb_assets: {error}", file=sys.stderr)
        return 1
    day = Clock(settings.tmdb_assets_today).today().isoformat()
    try:
        planned = plan(settings, "tmdb", day, day)
    except RunError as error:
        print(f"tmdb_assets: {str(error).removesuffix('.')}; correct TMDB_ASSETS_TODAY.", file=sys.stderr)
        return 1
    source = (
        "the built-in sandbox (invented films, no account needed)" if settings.uses_sandbox else settings.tmdb_api_url
    )
    places = f"from {source} into {settings.tmdb_assets_lake}"
    print(f"Observing {day} (UTC) {redact(places, settings.secrets)}\n", flush=True)
    started = time.monotonic()
    done = execute(planned)
    if done.trouble:
        print(
            f"\n{done.trouble}\nThe day is not complete. Run `make demo` again: what was kept is not asked for again."
        )
        return 1
    print(f"\nBuilt in {time.monotonic() - started:.0f} s:\n")
    print(_standing(settings))
    passed = sum(c.passed for c in done.checks)
    print(f"\nChecks: {passed} of {len(done.checks)} passed.")
    for check in done.checks:
        if not check.passed:
            print(f"  noticed: {check.asset_key.to_user_string()} {check.check_name}: {check.description}")
    print(_next(settings, dt.date.fromisoformat(day)))
    return 0


def _standing(settings: Settings) -> str:
    """Tables, rows and Delta versions, as a text table."""
    store = DeltaStore(settings.tmdb_assets_lake)
    rows = [("table", "rows", "version")]
    for contract in all_contracts():
        version = store.version(contract)
        if version is not None:
            rows.append((contract.path, f"{store.rows(contract):,}", str(version)))
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"  {name:<{width}}  {count:>9}  {version:>7}" for name, count, version in rows)


def _next(settings: Settings, day: dt.date) -> str:
    lines = [
        "make dashboard                                the answers as a web page, on http://localhost:8501",
        (
            "make dev                                      lineage, checks and partitions in Dagster's UI, on "
            "http://localhost:3000"
        ),
    ]
    first = _first_to_compare(day)
    if settings.uses_sandbox and first < day:
        lines.append(
            f"make backfill FROM={first} TO={day}   a week before it too: what moved since (the sandbox has history)"
        )
    return "\nTry next:\n" + "".join(f"  {line}\n" for line in lines)


def _first_to_compare(day: dt.date) -> dt.date:
    """The day a week before: with it, each film has its popularity of 7 days ago and the report its movers."""
    return max(day - dt.timedelta(days=7), dt.date.fromisoformat(FIRST_DAY))


if __name__ == "__main__":
    sys.exit(main())
