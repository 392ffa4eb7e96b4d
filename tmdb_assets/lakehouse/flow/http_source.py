"""A source that is asked over HTTP: its servers, or the sandbox in their place.

What belongs here: what every such source has in common: connections that share a clock and a log, whose word the
answers are, what was asked so far. What does not: what is asked (a source's raw.py), HTTP itself (http/).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Protocol

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.flow.ledger import REAL, SANDBOX
from tmdb_assets.lakehouse.http import EndpointStats, Http


class Served(Protocol):
    """Something that serves at a URL, and may start when it is first asked for it (the sandbox)."""

    @property
    def url(self) -> str:
        """Root of the server."""


class HttpSource:
    """Base of a source's client. A sandbox keeps its history, so each day is asked as it stood then."""

    def __init__(self, clock: Clock, sandbox: Served | None, **common: Any) -> None:
        """`common`: options of every connection (see `Http`)."""
        self.clock = clock
        self.sandbox = sandbox
        self._common = {"now": clock.now, **common}
        self._connections: list[Http] = []

    @property
    def has_history(self) -> bool:
        """Whether any day can be asked for as it stood then."""
        return self.sandbox is not None

    def connect(self, root: str, **options: Any) -> Http:
        """A connection to a server of the source, or to the sandbox; closed with the source."""
        http = Http(self.sandbox.url if self.sandbox else root, **{**self._common, **options})
        self._connections.append(http)
        return http

    def as_of(self, day: dt.date, folder: str, path: str) -> str:
        """A path below the root, as of `day` where the source can tell; the sandbox has each source in a folder."""
        return f"on/{day}/{folder}/{path}" if self.has_history else path

    def origin(self) -> str | None:
        """Who has been answering: the sandbox marks every answer, wherever it is reached. None before any answer."""
        seen = {marker for http in self._connections for marker in http.markers}
        if self.has_history or seen - {None}:
            return SANDBOX
        return REAL if seen else None

    def traffic(self) -> Mapping[str, EndpointStats]:
        """Calls per endpoint so far."""
        return {endpoint: stats for http in self._connections for endpoint, stats in http.stats.items()}

    def close(self) -> None:
        """Close the connections."""
        for http in self._connections:
            http.close()
