"""Invented subscribers: who they are, what they do in a month, when they churn.

What belongs here: pure functions of seed, user and month. What does not: files (folders.py).

A month is a number, 0 is January 2020. Who churns follows from what they do: a contract that can be ended every month,
failed payments, open tickets, interruptions, few hours watched and a fast, dear connection raise the risk; a long
membership lowers it. Most of those who churn are gone the month after.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tmdb_assets.sandbox.tmdb.noise import salt, unit

FIRST_MONTH = dt.date(2020, 1, 1)
ADD_ONS_SINCE = 80  #: September 2026: from then on subscriptions tell of add-ons
LOYAL_AFTER = 72  #: months as a subscriber; a longer membership lowers the risk no further
BORN_BEFORE = 36  #: the first users joined up to so many months before January 2020
JOIN_RATE = 0.027  #: joining a month, as a share of the first users: about as many as leave
LEAVE_SHARE = 0.8
RISE_OF_FEES = 1.04  #: each October
CONTRACT_TYPES = ("Month-to-month", "One year", "Two year")
NET_SERVICES = ("DSL", "Fiber optic", "No")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WINTER = tuple(1 + 0.15 * math.cos(2 * math.pi * month / 12) for month in range(12))

Row = Mapping[str, object]


def month_number(day: dt.date) -> int:
    """The month of a day."""
    return (day.year - FIRST_MONTH.year) * 12 + day.month - 1


def last_day(month: int) -> dt.date:
    """The last day of a month."""
    year, of_year = divmod(month + 1, 12)
    return dt.date(FIRST_MONTH.year + year, of_year + 1, 1) - dt.timedelta(days=1)


@dataclass(frozen=True)
class Person:
    """One invented subscriber."""

    number: int
    seed: int
    joined: int  #: month of the first subscription

    @cached_property
    def salt(self) -> int:
        """What this person's chances are drawn from."""
        return salt(f"{self.seed}:streamflow:{self.number}")

    def chance(self, what: int) -> float:
        """A number in [0, 1) that is this person's own."""
        return unit(self.salt, what)

    @cached_property
    def user_id(self) -> str:
        """Four digits, a hyphen, five letters; the letters alone tell any two people apart."""
        place = (self.number * 7_654_321 + 1_234_567) % 26**5
        letters = "".join(LETTERS[place // 26**n % 26] for n in range(5))
        return f"{self.salt % 10_000:04d}-{letters}"

    @cached_property
    def contract_type(self) -> str:
        """Term of the contract."""
        return CONTRACT_TYPES[(self.chance(1) > 0.55) + (self.chance(1) > 0.76)]

    @cached_property
    def net_service(self) -> str:
        """Internet connection."""
        return NET_SERVICES[(self.chance(2) > 0.34) + (self.chance(2) > 0.78)]

    def signed_up(self) -> dt.date:
        """Day of the first subscription; of one in two hundred it was written down a few years too late."""
        day = last_day(self.joined).replace(day=1 + int(self.chance(3) * 28))
        return day + dt.timedelta(days=900) if self.chance(4) < 0.005 else day

    def months_active(self, month: int) -> int:
        """Months as a subscriber, the present one included."""
        return month - self.joined + 1

    def user(self) -> Row:
        """The person's line of users.csv; nothing of it ever changes."""
        has_family = self.chance(7) < 0.48
        return {
            "user_id": self.user_id,
            "signup_date": self.signed_up().isoformat(),
            "user_gender": "Female" if self.chance(5) < 0.5 else "Male",
            "user_is_senior": self.chance(6) < 0.16,
            "has_family": has_family,
            "has_dependents": self.chance(8) < (0.5 if has_family else 0.1),
        }

    def fee(self, month: int) -> float:
        """Fee of the month: the connection, what is streamed, add-ons, and the rise of each October."""
        base = {"DSL": 44.0, "Fiber optic": 70.0, "No": 19.5}[self.net_service]
        extras = 9.5 * sum(flag is True for flag in self.plan()) + 4.5 * self.chance(12)
        rises = (month + 3) // 12
        return round((base + extras) * RISE_OF_FEES**rises / RISE_OF_FEES**6, 2)

    def plan(self) -> tuple[bool | None, bool | None]:
        """Whether series and films can be streamed; nobody knows of those without a connection."""
        if self.net_service == "No":
            return None, None
        return self.chance(9) < 0.5, self.chance(10) < 0.5

    def subscription(self, month: int) -> Row:
        """The person's line of subscriptions.csv."""
        television, films = self.plan()
        months, fee = self.months_active(month), self.fee(month)
        row = {
            "user_id": self.user_id,
            "months_active": months,
            "plan_stream_tv": television,
            "plan_stream_movies": films,
            "contract_type": self.contract_type,
            "paperless_billing": self.chance(11) < 0.59,
            "monthly_fee": fee,
            "total_paid": round(fee * months * (0.94 + 0.06 * self.chance(13)), 2),
            "net_service": self.net_service,
        }
        if month >= ADD_ONS_SINCE:
            names = ("add_on_security", "add_on_backup", "add_on_device_protect", "add_on_support")
            has_net = self.net_service != "No"
            row |= {name: self.chance(20 + n) < 0.35 if has_net else None for n, name in enumerate(names)}
        return row

    def usage(self, month: int) -> Row:
        """The person's line of usage_agg_30d.csv."""
        return {
            "user_id": self.user_id,
            "watch_hours_30d": self._hours(month),
            "avg_session_mins_7d": round(18 + 30 * self.chance(31) + 6 * self._this(month, 2), 3),
            "unique_devices_30d": 1 + int(3.6 * self.chance(32) ** 1.5 + 0.8 * self._this(month, 3)),
            "skips_7d": int(7 * self._this(month, 4) ** 1.4),
            "rebuffer_events_7d": self._rebuffers(month),
        }

    def payments(self, month: int) -> Row:
        """The person's line of payments_agg_90d.csv."""
        return {"user_id": self.user_id, "failed_payments_90d": self._failed(month)}

    def support(self, month: int) -> Row:
        """The person's line of support_agg_90d.csv."""
        hours = round(3 + 21 * self._this(month, 9), 1)
        return {
            "user_id": self.user_id,
            "support_tickets_90d": self._tickets(month),
            "ticket_avg_resolution_hrs_90d": hours,
        }

    def _hours(self, month: int) -> float:
        """More in winter than in summer."""
        return round(self._habit * _WINTER[month % 12] * (0.7 + 0.6 * self._this(month, 1)), 3)

    def _rebuffers(self, month: int) -> int:
        return int((7 if self.net_service == "DSL" else 4) * self._this(month, 5) ** 2)

    def _failed(self, month: int) -> int:
        return (self._this(month, 6) < 0.12) + (self._this(month, 7) < self._carelessness)

    def _tickets(self, month: int) -> int:
        return int(3.4 * self._this(month, 8) ** 3)

    @cached_property
    def _habit(self) -> float:
        return 8 + 34 * math.pow(self.chance(30), 1.3)

    @cached_property
    def _carelessness(self) -> float:
        return 0.05 + 0.1 * self.chance(33)

    @cached_property
    def _proneness(self) -> float:
        dear = 0.5 if self.net_service == "Fiber optic" else 0.0
        return {"Month-to-month": -2.9, "One year": -4.5, "Two year": -5.4}[self.contract_type] + dear

    def risk(self, month: int) -> float:
        """Chance of churning in the month."""
        score = (
            self._proneness
            + 0.7 * self._failed(month)
            + 0.35 * self._tickets(month)
            + 0.12 * self._rebuffers(month)
            - 0.03 * (self._hours(month) - 22)
            - 0.01 * min(LOYAL_AFTER, self.months_active(month))
        )
        return 1 / (1 + math.exp(-score))

    def churns(self, month: int) -> bool:
        """The person's churn label of the month."""
        return self._this(month, 10) < self.risk(month)

    @cached_property
    def left(self) -> int:
        """The first month in which the person is no longer there."""
        month = max(self.joined, 0)
        while not (self.churns(month) and self._this(month, 11) < LEAVE_SHARE):
            month += 1
        return month + 1

    def is_there(self, month: int) -> bool:
        """Whether the person is in the month's drop."""
        return self.joined <= month < self.left

    def _this(self, month: int, what: int) -> float:
        return unit(self.salt, 1000 + 32 * month + what)


def people(users: int, seed: int, until: int) -> Iterator[Person]:
    """Everybody who has joined by a month, oldest first; about `users` of them are there in any month."""
    own = salt(f"{seed}:streamflow")
    for number in range(users):
        yield Person(number, seed, -int(unit(own, number) * BORN_BEFORE) - 1)
    number = users
    for month in range(until + 1):
        for _ in range(round(users * JOIN_RATE * (0.7 + 0.6 * unit(own, 1_000_000 + month)))):
            yield Person(number, seed, month)
            number += 1
