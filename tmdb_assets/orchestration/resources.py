"""What the steps of a run share, as Dagster's typed resources: the lake, the clock, the engine of the views, the
sources.

What belongs here: what of them can be set for one run in the launchpad, and how long they live. What does not: what
they do (lakehouse/), the resource of one source (its assets.py).

What is not set for a run is as the settings say. Secrets are no configuration: they stay in the settings.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import Field, PrivateAttr

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.engines import EVERYTHING, Answer, Readable, Wanted, duckdb
from tmdb_assets.lakehouse.engines.spark import Spark
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.flow.extraction import SourceClient
from tmdb_assets.lakehouse.flow.http_source import Served
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.orchestration.sandbox import sandbox_where_needed
from tmdb_assets.settings import Settings, SettingsError

Log = Callable[[str], None]
#: Where DuckDB answers views: in memory, under a name, so that the steps of a run share it.
VIEWS_IN_MEMORY = ":memory:views"


def setting(name: str) -> Any:
    """A field of a resource that stands for a setting: unset it is as the setting says."""
    return Field(None, description=Settings.model_fields[name].description)


class LakeResource(dg.ConfigurableResource[Any]):
    """The Delta tables that a run reads and writes.

    Which lake it is cannot be another one for a run: the key of its hashes, by which forgotten persons are known, lies
    beside it, and the warehouse is made of it.
    """

    store: dg.ResourceDependency[DeltaStore]


class ClockResource(dg.ConfigurableResource[Any]):
    """What day it is."""

    today: str | None = Field(None, description=Settings.model_fields["tmdb_assets_today"].description)

    @property
    def clock(self) -> Clock:
        """The clock. Raises SettingsError for what is no day."""
        try:
            return Clock(dt.date.fromisoformat(self.today) if self.today else None)
        except ValueError:
            raise SettingsError(f"The clock's today={self.today!r} cannot be used: write YYYY-MM-DD.") from None


class DuckDBEngine(DuckDBResource):
    """DuckDB in this process: it answers the views."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Keep one connection for the whole run: a database that nobody is connected to is made anew for each view."""
        with self.get_connection():
            yield self

    def answer(self, view: View, tables: Mapping[str, Readable], wanted: Wanted = EVERYTHING) -> Answer:
        """The rows of a view. Raises SqlError."""
        with self.get_connection() as connection:
            return duckdb.answer(view, tables, wanted, connection)


class SparkEngine(dg.ConfigurableResource[Any]):
    """A Spark cluster: it answers the views.

    Which one cannot be told for a run: its address may hold a token, and what is told is shown.
    """

    settings: dg.ResourceDependency[Settings]

    def answer(self, view: View, tables: Mapping[str, Readable], wanted: Wanted = EVERYTHING) -> Answer:
        """The rows of a view, or where the cluster has left them. Raises SqlError, EngineError."""
        remote = self.settings.spark_remote
        assert remote is not None, "the settings see to it"
        return Spark(remote.get_secret_value(), self.settings.secrets).answer(view, tables, wanted)


class SourceResource(dg.ConfigurableResource[Any]):
    """How a source is asked: opened when the first step of a run needs it, closed with the run.

    A source has one of its own, with a field for each setting that may be another one for a run.
    """

    settings: dg.ResourceDependency[Settings]
    _open: ExitStack = PrivateAttr(default_factory=ExitStack)
    _client: SourceClient | None = PrivateAttr(None)

    @classmethod
    def of(cls, settings: Settings, **fields: Any) -> Self:
        """The resource with its fields as the settings say, which is what the launchpad begins with."""
        said = {name: getattr(settings, name) for name in cls.model_fields if name in Settings.model_fields}
        shown = {name: str(value) if isinstance(value, Path) else value for name, value in said.items()}
        return cls(settings=settings, **shown, **fields)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Close what was opened, however the run ends."""
        with self._open:
            yield self

    def client(self, clock: Clock, log: Log) -> SourceClient:
        """What asks the source. Raises SettingsError for a field that cannot be used."""
        if self._client is None:
            settings = self._settings_of_the_run(clock)
            why = self.why_sandbox(settings)
            sandbox = self._open.enter_context(sandbox_where_needed(settings, log, why))
            self._client = self._open.enter_context(closing(self.connect(settings, clock, sandbox, log)))
        return self._client

    def why_sandbox(self, settings: Settings) -> str | None:
        """Why the sandbox serves in place of the source; None where it does not."""
        return None

    def connect(self, settings: Settings, clock: Clock, sandbox: Served | None, log: Log) -> Any:
        """A client of the source (`SourceClient`), with a method `close`."""
        raise NotImplementedError

    def _settings_of_the_run(self, clock: Clock) -> Settings:
        given = {name: getattr(self, name) for name in type(self).model_fields if name in Settings.model_fields}
        return self.settings.but(
            tmdb_assets_today=clock.frozen_on, **{name: value for name, value in given.items() if value is not None}
        )
