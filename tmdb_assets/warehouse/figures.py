"""How figures of the warehouse are written for people: $1.2B, 12,345, 7.3.

What belongs here: the words for a number, a day or a moment, for every reader of the warehouse. What does not: what any
figure means, charts, HTML. An unknown figure is a dash: never a zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

UNKNOWN = "–"
MINUS = "−"


def plain(value: Any) -> str:
    """A text, or a number without separators such as a year: as it is."""
    return UNKNOWN if value is None else str(value)


def count(value: float | None) -> str:
    """A number of things: `12,345`."""
    return UNKNOWN if value is None else _signed(f"{value:,.0f}")


def counted(number: float | None, thing: str, things: str | None = None) -> str:
    """So many things, in words: `1 film`, `12,345 films`, `2 countries`."""
    return f"{count(number)} {thing if number == 1 else things or thing + 's'}"


def change(value: float | None) -> str:
    """A difference between two counts: `+12`, `−3`, `0`."""
    return UNKNOWN if value is None else _signed(f"{value:+,.0f}" if round(value) else "0")


def money(value: float | None) -> str:
    """US dollars, short: `$1.2B`, `$340M`, `−$12.5K`, `$980`."""
    if value is None:
        return UNKNOWN
    size = abs(value)
    for unit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if size >= unit * 0.9995:  # what would be rounded to 1000 of the smaller unit
            scaled = size / unit
            text = f"${scaled:.1f}".removesuffix(".0") if scaled < 99.95 else f"${scaled:.0f}"
            return (MINUS if value < 0 else "") + text + letter
    return (MINUS if value < 0 else "") + f"${size:,.0f}"


def dollars(value: float | None) -> str:
    """US dollars to the dollar: `$2,923,706,026`, `−$12,500`."""
    return UNKNOWN if value is None else (MINUS if round(value) < 0 else "") + f"${abs(value):,.0f}"


def decimal(value: float | None, digits: int = 1) -> str:
    """A figure with a fixed number of decimals, such as a rating: `7.3`."""
    return UNKNOWN if value is None else _signed(f"{value:,.{digits}f}")


def ratio(value: float | None, digits: int = 1) -> str:
    """How many times: `2.2×`."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}×"


def share(value: float | None) -> str:
    """A share of 0 to 1 in percent: `37.8%`; `100%` and `0%` only when it is just that."""
    if value is None:
        return UNKNOWN
    return f"{value:.0%}" if value in (0, 1) else f"{min(max(value * 100, 0.1), 99.9):.1f}%"


def day(value: dt.date | None) -> str:
    """A day: `10 March 2026`."""
    return UNKNOWN if value is None else f"{value.day} {value:%B %Y}"


def span(first: dt.date, last: dt.date) -> str:
    """Days from the first to the last: `19 to 28 November 2026`, `30 October to 2 November 2026`, or just the one."""
    if first == last:
        return day(last)
    shared = 2 if (first.year, first.month) == (last.year, last.month) else 1 if first.year == last.year else 0
    return f"{' '.join(day(first).split()[: 3 - shared])} to {day(last)}"


def days(listed: Sequence[dt.date], at_most: int = 7) -> str:
    """Days in order by name, or of many the first and the last: `1 March 2026, 4 March 2026`, `31 days, the first 1
    March 2026, the last 9 May 2026`."""
    if len(listed) <= at_most:
        return ", ".join(day(one) for one in listed)
    return f"{counted(len(listed), 'day')}, the first {day(listed[0])}, the last {day(listed[-1])}"


def moment(value: dt.datetime) -> str:
    """An instant: `21 November 2026, 03:25 UTC`."""
    at = value.astimezone(dt.UTC)
    return f"{day(at.date())}, {at:%H:%M} UTC"


def ago(value: dt.datetime, now: dt.datetime) -> str:
    """How long ago an instant was: `just now`, `5 minutes ago`, `1 day ago`."""
    seconds = (now - value).total_seconds()
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number:,} {name}{'' if number == 1 else 's'} ago"
    return "just now"


def _signed(text: str) -> str:
    """With the minus sign that is as wide as a plus; -0 is 0."""
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", MINUS)
