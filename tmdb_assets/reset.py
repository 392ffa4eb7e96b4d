"""`make reset`: the lake, the warehouse, the reports and Dagster's runs go, as if nothing had ever been observed.

What belongs here: what is a trace of a run and where it lies. What does not: anything that the project came with, or
that was put there by hand: drops, reference files, settings, keys and whatever else lies beside a table stay.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tmdb_assets import consent
from tmdb_assets.assembly import all_contracts
from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store.locks import alone
from tmdb_assets.runs import busy_dagster
from tmdb_assets.settings import Settings, SettingsError, load_settings
from tmdb_assets.warehouse.targets import targets_of

#: Where Dagster keeps the runs of this checkout; what the project came with stays.
DAGSTER = Path(__file__).parents[1] / "data" / "dagster"
OURS = {"dagster.yaml", ".gitignore"}
REPORT = re.compile(r"\d{4}-\d{2}-\d{2}\.html(\.next)?")


class ResetError(LakehouseError):
    """Something cannot be removed. The message names it and what to do."""


def traces(settings: Settings, dagster: Path = DAGSTER) -> Iterator[Path]:
    """Every file and folder that runs have left, as far as it is there and lies on this machine."""
    store = DeltaStore(settings.tmdb_assets_lake)
    if store.is_local:
        tables = {contract.path for contract in all_contracts()}
        yield from (folder for path in sorted(tables) if (folder := store.folder / path).exists())
    for target in targets_of(settings):
        yield from target.files()
    if settings.tmdb_assets_reports.is_dir():
        yield from sorted(f for f in settings.tmdb_assets_reports.iterdir() if REPORT.fullmatch(f.name))
    if dagster.is_dir():
        yield from sorted(each for each in dagster.iterdir() if each.name not in OURS)


def reset(settings: Settings, dagster: Path = DAGSTER) -> None:
    """Remove them, once no run of this lake is under way. Raises ResetError, LakeError."""
    store = DeltaStore(settings.tmdb_assets_lake)
    with ExitStack() as held:
        if store.is_local and store.folder.is_dir():
            for source in sorted({contract.source for contract in all_contracts()}):
                held.enter_context(alone(store, source, print))
        for target in targets_of(settings):
            held.enter_context(target.alone(print))
        for each in traces(settings, dagster):
            try:
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
            except OSError as error:
                raise ResetError(
                    f"{each} cannot be removed ({error.strerror}): see that you may write there, and run it again."
                ) from None
    if store.is_local:
        _remove_empty(store.folder)


def _remove_empty(lake: Path) -> None:
    """Remove the folders above the tables, deepest first, where nothing lies in them but locks."""
    folders = {
        parent for contract in all_contracts() for parent in (lake / contract.path).parents if lake in parent.parents
    }
    for folder in sorted(folders, key=lambda f: len(f.parts), reverse=True):
        with suppress(OSError):  # something else lies there: it stays
            folder.rmdir()
    if lake.is_dir() and all(file.name.endswith(".lock") for file in lake.iterdir()):
        shutil.rmtree(lake)


def main(argv: Sequence[str] | None = None) -> int:
    """Say what goes, ask, and remove it; the exit code."""
    parser = argparse.ArgumentParser(prog="make reset", description="Remove all that runs have left.")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(argv)
    try:
        settings = load_settings()
        found = list(traces(settings))
        if "://" in settings.tmdb_assets_lake:
            print("The lake is a bucket: it stays, remove it with the tools of its store.")
        if not found:
            print("There is nothing to remove.")
            return 0
        if busy := busy_dagster(DAGSTER):
            raise ResetError(f"{busy}: end it first.")
        print("What runs have left, and would go:")
        for folder in sorted({each.parent for each in found}):
            names = [each.name for each in found if each.parent == folder]
            print(f"  {folder}: {', '.join(names[:6])}{f' and {len(names) - 6} more' if len(names) > 6 else ''}")
        if not options.yes and not consent.is_given("reset"):
            return 2
        reset(settings)
    except (LakehouseError, SettingsError, OSError) as error:
        print(f"reset: {error}", file=sys.stderr)
        return 1
    print("Gone. `make demo` begins anew.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
