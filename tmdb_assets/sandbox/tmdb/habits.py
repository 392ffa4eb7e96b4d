"""The bad habits of TMDB as it is, and how often each strikes.

What belongs here: the one table of habits and rates. What does not: what a habit does to an answer (wild.py,
spoiling.py) and the dice that say when it does (../habits.py).
"""

from __future__ import annotations

from tmdb_assets.sandbox.habits import Habit

FAILURES = 3  #: how often a film that fails answers 500, times `lasting`
LATER_PAGES = 20  #: an empty list strikes later pages so much more seldom than the first

HABITS = (
    # Lists that move, exports that are not there: so for as long as the process lives.
    Habit("move", 0.05, 0.05, 0.4, "of the rows of /discover/movie repeat a film of the page before or after, and "
    "as many films are on no page"),
    Habit("no_export", 0, 1, 1, "of the days have no ID export, however late one asks"),
    Habit("export_late", 0, 1, 90, "newest ID exports are not there yet (1: the day's own)"),
    # Whole answers that are false at first.
    Habit("empty_lists", 0.25, 0.25, 1, f"of the lists say at first that they hold no film; a {LATER_PAGES}th of "
    "that of their later pages"),
    Habit("bad_exports", 0.3, 0.3, 1, "of the ID exports are absent, empty or half a file at first"),
    Habit("bad_reference", 0.2, 0.2, 1, "of the reference lists are null, empty or an error with status 200 at first"),
    Habit("nameless", 0.01, 0.01, 1, "of the films answer at first with status 200, an error and no id"),
    Habit("false_404", 0.01, 0.01, 1, "of the films answer 404 at first, though they exist"),
    Habit("failing", 0.005, 0.005, 1, f"of the films answer 500 at first, {FAILURES} times as often as --lasting says"),
    Habit("garbled", 0.01, 0.01, 1, "of the films answer at first with a body that cannot be unpacked"),
    # What has to be lived with: the same whenever one asks on that day.
    Habit("changes", 7000, 7000, 100_000, "ids of films that do not exist stand in /movie/changes before the true "
    "ones, each day"),
    Habit("broken_rows", 0.005, 0.005, 1, "of the rows of /discover/movie hold a lone surrogate, NaN or Infinity"),
    Habit("unsaid_gzip", 0.33, 0.33, 1, "of the films answer packed with gzip, and no header says so"),
    Habit("said_gzip", 0.02, 0.02, 1, "of the JSON answers say that they are packed with gzip, and are not"),
    Habit("bom", 0.02, 0.02, 1, "of the JSON answers begin with a byte order mark"),
    Habit("odd_exports", 0.3, 0.3, 1, "of the ID exports are unpacked, or packed twice"),
    Habit("impossible", 0.3, 0.3, 1, "of the values that are unknown are impossible instead: dates, money, ids, types"),
)  # fmt: skip
