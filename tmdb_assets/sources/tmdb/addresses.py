"""Where TMDB is asked, said in words: what to check when an address does not answer as TMDB does.

What belongs here: sentences and hints that name the setting of an address. What does not: addresses that can be refused
without asking anybody (the settings' own rules), and asking (raw.py).
"""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit

from tmdb_assets.lakehouse.http import redact

EXPORT_HINT = "check TMDB_EXPORT_URL"


def api_address_hint(url: str) -> str:
    """What to check while the API has never answered at this address."""
    lacks = "" if urlsplit(url).path.endswith("/3") else ", which probably lacks /3 at its end"
    return f"check TMDB_API_URL{lacks}"


def wrong_export_address(url: str, day: dt.date, days_before: int) -> str:
    """What is said of a folder that has no export of a day, nor of so many days before it: it is probably another
    one."""
    return (
        f"exports/movie_ids: {redact(url, ())} has no ID export of {day} nor of the {days_before} days before it, "
        f"which TMDB keeps for about 90 days: {EXPORT_HINT}, the folder in which movie_ids_MM_DD_YYYY.json.gz lie."
    )
