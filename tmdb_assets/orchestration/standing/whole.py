"""How everything stands at one moment: each part is read by itself, and one that cannot be read is said.

What belongs here: which parts there are, where they are read, what becomes of an error. What does not: reading a part
(lake.py, runs.py), showing it (metrics.py, health.py).
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import dagster as dg

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.store import DeltaStore, LakeError
from tmdb_assets.orchestration.standing.lake import (
    Sizes,
    SourceStanding,
    Watched,
    read_sizes,
    read_source,
    read_targets,
)
from tmdb_assets.orchestration.standing.runs import RunsReader, RunsStanding
from tmdb_assets.settings import SettingsError, has_dagster_home

T = TypeVar("T")
LAKE, DAGSTER, TARGETS = "lake", "dagster", "targets"
PARTS = (LAKE, DAGSTER, TARGETS)
#: Sizes are measured at most so often: that looks at every file, and asks every target.
SIZES_EVERY_SECONDS = 300.0


@dataclass(frozen=True)
class Standing:
    """How everything stands. What could not be read is None or empty, and `trouble` says why, by part."""

    at: dt.datetime
    sources: tuple[SourceStanding, ...]
    sizes: Sizes | None
    runs: RunsStanding | None
    targets: Mapping[str, int]
    trouble: Mapping[str, str]


def dagster_home() -> AbstractContextManager[dg.DagsterInstance]:
    """Dagster's instance, as its own variable names it. Raises SettingsError where it names none."""
    if not has_dagster_home():
        raise SettingsError("DAGSTER_HOME is not set, so no runs are known: set it to the whole path of data/dagster.")
    return dg.DagsterInstance.get()


@dataclass
class Watch:
    """What is watched. `targets`: how large each is; `tell` makes a sentence fit to be shown, without secrets.

    Dagster's instance is opened once, and again after it could not be read: its files may have been removed.
    """

    store: DeltaStore
    sources: Sequence[Watched]
    clock: Clock
    raw_retention_days: int
    reader: RunsReader
    targets: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    home: Callable[[], AbstractContextManager[dg.DagsterInstance]] = dagster_home
    tell: Callable[[str], str] = str

    _opened: ExitStack = field(default_factory=ExitStack, init=False)
    _instance: dg.DagsterInstance | None = field(default=None, init=False)
    _measured: dict[str, tuple[float, Any]] = field(default_factory=dict, init=False)

    def look(self) -> Standing:
        """How everything stands now."""
        trouble: dict[str, str] = {}
        sources = self._part(LAKE, trouble, self._sources)
        sizes = self._part(LAKE, trouble, lambda: self._seldom(LAKE, self._sizes))
        runs = self._part(DAGSTER, trouble, self._runs)
        taken = self._part(TARGETS, trouble, lambda: self._seldom(TARGETS, lambda: read_targets(self.targets)))
        return Standing(self.clock.now(), sources or (), sizes, runs, taken or {}, trouble)

    def close(self) -> None:
        """Close Dagster's instance."""
        self._instance = None
        self._opened.close()

    def _sources(self) -> tuple[SourceStanding, ...]:
        if self.store.is_local and not self.store.folder.is_dir():
            raise LakeError(
                f"The lake {self.store.root} is not there: nothing has been observed yet, or its disk is away."
            )
        return tuple(read_source(self.store, source) for source in self.sources)

    def _runs(self) -> RunsStanding:
        try:
            if self._instance is None:
                self._instance = self._opened.enter_context(self.home())
            return self.reader.read(self._instance)
        except Exception:
            self.close()
            raise

    def _sizes(self) -> Sizes:
        return read_sizes(self.store, self.sources, self.clock.today() - dt.timedelta(days=self.raw_retention_days))

    def _seldom(self, name: str, measure: Callable[[], T]) -> T:
        """What was measured last, or now, where that is too long ago or failed."""
        now = time.monotonic()
        if name not in self._measured or now - self._measured[name][0] >= SIZES_EVERY_SECONDS:
            self._measured[name] = now, measure()
        found: T = self._measured[name][1]
        return found

    def _part(self, part: str, trouble: dict[str, str], read: Callable[[], T]) -> T | None:
        """A part, or nothing and why: whoever watches must see the others, whatever ails this one."""
        try:
            return read()
        except Exception as error:
            words = " ".join(str(error).split()) or "no reason is given"
            is_sentence = isinstance(error, LakehouseError | SettingsError)
            said = words if is_sentence else f"{type(error).__name__}: {words}"
            trouble[part] = self.tell(said)
            return None
