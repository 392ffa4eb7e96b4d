"""Doubts: what a sound drop would take away from what is kept, and when that is too much to be believed unasked.

What belongs here: holding a drop against the one that it corrects. What does not: what is wrong with a
drop by itself (files.py, drops.py), whether a doubt stops a month (raw.py: TMDB_ASSETS_ALLOW_MASS_DELETE lets it
through).

A file that was cut, or an export without its values, is well formed: it can only be told by what it lacks. Whoever
corrects a month adds and changes; whoever removes most of it says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from tmdb_assets.sources.streamflow import contracts
from tmdb_assets.sources.streamflow.drops import Drop
from tmdb_assets.sources.streamflow.files import Fault

#: A correction may take away this share of the month's users, or of the values of a column, unasked.
LOST_AT_MOST = 0.5
#: So few may always go, if anybody stays: of a handful of users they are soon more than half.
FEW = 3


def doubts(drop: Drop, corrected: Drop | None) -> Iterator[Fault]:
    """What makes a drop without faults incredible, the worst first; none when it is not.

    `corrected` is the month's own drop as it was kept until now. It is not held against other months: what is published
    must not depend on the order in which months come.
    """
    month = contracts.CADENCE.key(drop.as_of)
    users = drop.files["users.csv"].ids
    if not users:
        kept = len(corrected.files["users.csv"].ids) if corrected else 0
        was = f", and {kept:,} {'user is' if kept == 1 else 'users are'} kept of it" if kept else ""
        yield _doubt("users.csv", 1, None, f"the files have a header and no users: nobody is left of {month}{was}.")
    elif corrected:
        yield from _taken_away(drop, corrected, month)


def _taken_away(drop: Drop, corrected: Drop, month: str) -> Iterator[Fault]:
    was, now = (d.files["users.csv"] for d in (corrected, drop))
    gone = [user for user in was.ids if user not in now.ids]
    if _are_most(len(gone), len(was.ids)):
        yield _doubt(
            now.name, None, "user_id", f"the file lacks {len(gone):,} of the {len(was.ids):,} users kept of {month}."
        )
        return
    for name, file in drop.files.items():
        old, new = (d.audit(d.files[name]).kept for d in (corrected, drop))
        both = old.join(new, on="user_id", how="inner", suffix="_now")
        rows = old.filter(old.get_column("user_id").is_in(list(file.ids)))
        if _are_most(rows.height - both.height, rows.height):
            told = (
                f"of {rows.height - both.height:,} of the {rows.height:,} users kept of {month} no row can be "
                "kept any more."
            )
            yield _doubt(name, None, "user_id", told)
        for column in contracts.COLUMNS[file.table]:
            known = both.filter(both.get_column(column).is_not_null())
            emptied = known.get_column(f"{column}_now").null_count()
            if _are_most(emptied, known.height):
                told = f"{emptied:,} of the {known.height:,} values kept of {month} would become unknown."
                yield _doubt(name, None, column, told)


def _are_most(lost: int, of: int) -> bool:
    return lost > FEW and lost > LOST_AT_MOST * of


def _doubt(file: str, line: int | None, column: str | None, problem: str) -> Fault:
    return Fault(file, line, column, problem, may_be_true=True)
