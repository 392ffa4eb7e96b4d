"""The bad habits of music APIs, and how often each strikes.

What belongs here: the one table of habits and rates. What does not: what a habit does to an answer (wild.py,
spelling.py) and the dice that say when it does (../habits.py).
"""

from __future__ import annotations

from tmdb_assets.sandbox.habits import Habit

ENDLESS = 900_000_000  #: the pages that an endless list says it has

HABITS = (
    # Whole lists that are false at first: a list of a day has one of these at most.
    Habit("music_repeats", 0.15, 1, 1, "of the lists of the music API show at first on each later page a row of "
    "the page before, in place of one of its own"),
    Habit("music_unordered", 0.12, 1, 1, "of the lists of the music API come at first in another order for every "
    "page that is asked for"),
    Habit("music_slips", 0.12, 1, 1, "of the lists of the music API lose a row between two pages: another is "
    "deleted and one is added while one walks, once"),
    Habit("music_totals", 0.12, 1, 1, "of the lists of the music API state at first another total on every page"),
    Habit("music_endless", 0.12, 1, 1, f"of the lists of the music API say at first that they have {ENDLESS:,} "
    "pages; those beyond the last are empty"),
    # For as long as the process lives, on a day.
    Habit("music_held", 0.15, 1, 1, "of the lists of the music API from which nothing was deleted that day hide "
    "rows that are not new behind repeated ones, however often one asks"),
    # Single answers.
    Habit("music_failing", 0.05, 0.2, 1, "of the pages of the music API are at first an error, HTML with status "
    "200, or half a page"),
    # What has to be lived with: the same whenever one asks on that day.
    Habit("music_ids", 0.1, 0.3, 1, 'of the rows of the music API write their ids as "4", 4.0 or " 4 "'),
    Habit("music_instants", 0.1, 0.3, 1, "of the rows of the music API write their instants with Z, with an "
    "offset, or without trailing zeros"),
    Habit("music_broken_rows", 0.01, 0.05, 1, "of the rows of the music API have a further field that is NaN, "
    "Infinity or half a character"),
    Habit("music_no_rows", 0.3, 1, 1, "of the lists of the music API hold rows that are none: without an id, made "
    "in the year 0, or no object"),
)  # fmt: skip
