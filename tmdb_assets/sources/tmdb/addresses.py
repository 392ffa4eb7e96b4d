"""Where TMDB is asked, said in words: what to check when an address does not answer as TMDB does.

What belongs here: sentences and hints that name the setting of an address. What does not: addresses that can be refused
without asking anybody (the settings' own rules), and asking (raw.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from urllib.parse import urlsplit

from tmdb_assets.lakehouse.http import redact

EXPORT_HINT = "check TMDB_EXPORT_URL"
DAYS_LOOKED_BACK = 3


def api_address_hint(url: str) -> str:
    """What to check while the API has never answered at this address."""
    lacks = "" if urlsplit(url).path.endswith("/3") else ", which probably lacks /3 at its end"
    return f"check TMDB_API_URL{lacks}"


def wrong_export_address(url: str, day: dt.date, is_there: Callable[[dt.date], bool]) -> str | None:
    """Why the folder of the exports is probably another one: it has none of the days before either, which TMDB keeps.

    None when one of them is there: the day's own is only not there yet. `is_there` asks for a day's export.
    """
    before = [day - dt.timedelta(days=n) for n in range(1, DAYS_LOOKED_BACK + 1)]
    if any(map(is_there, before)):
        return None
    return (
        f"exports/movie_ids: {redact(url, ())} has no ID export of {day} nor of the {DAYS_LOOKED_BACK} days before it, "
        f"which TMDB keeps for about 90 days: {EXPORT_HINT}, the folder in which movie_ids_MM_DD_YYYY.json.gz lie."
    )
