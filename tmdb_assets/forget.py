"""`make forget USER=46853`, or `python -m tmdb_assets.forget 46853`: forgets one person everywhere.

What belongs here: what is said and asked before, which places may have copies, the exit code. What does not: what goes,
and in which order (sources/moovitamix/forget.py: no other source tells of persons by name).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tmdb_assets import consent
from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.payloads.json_text import read_exactly
from tmdb_assets.lakehouse.payloads.mending import whole_number
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import SettingsError, load_settings
from tmdb_assets.sources.moovitamix.forget import forget, look_up
from tmdb_assets.warehouse.targets import targets_of


def main(argv: Sequence[str] | None = None) -> int:
    """Forget the user named on the command line; the exit code: 2 when nobody said yes, so that nothing was changed."""
    parser = argparse.ArgumentParser(
        prog="make forget",
        description="Forget one moovitamix user everywhere: says what it will delete, and asks.",
    )
    parser.add_argument("user", type=_user, help="the source's user id")
    parser.add_argument("--yes", action="store_true", help="do not ask (make: YES=1)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, change nothing (DRY_RUN=1)")
    options = parser.parse_args(argv)
    try:
        settings = load_settings()
        store, places = DeltaStore(settings.tmdb_assets_lake), targets_of(settings)
        plan = look_up(store, settings, places, options.user)
        print("\n".join(plan.lines()), flush=True)
        if options.dry_run:
            print("Nothing was changed.")
            return 0
        if not options.yes and not consent.is_given("forget"):
            return 2
        removed = forget(store, settings, places, options.user, print, plan)
    except (LakehouseError, SettingsError) as error:
        print(f"forget: {error}", file=sys.stderr)
        return 1
    print(
        f"Forgotten: {removed.users} {'id' if removed.users == 1 else 'ids'} of one person, {removed.raw_rows:,} "
        f"raw rows, {removed.clean_rows:,} rows of clean tables, in every version; star and views were answered anew."
    )
    for sentence in removed.copies:
        print(sentence)
    print("If the source still serves this person, later runs drop the rows before they are kept, and count them.")
    return 0


def _user(text: str) -> int:
    try:
        found = whole_number(read_exactly(text)) if text.strip() else None
    except LakehouseError:
        found = None
    if found is None:
        raise argparse.ArgumentTypeError("it must be the source's user id, a whole number")
    return found


if __name__ == "__main__":
    sys.exit(main())
