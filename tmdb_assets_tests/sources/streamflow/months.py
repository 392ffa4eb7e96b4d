"""Small drops made by hand, and a lake filled from them without Dagster.

What belongs here: what several tests of the source stand on. What does not: assertions.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence, Clock
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.extraction import Extractor, Observed
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.flow.publishing import Published, publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.streamflow import contracts
from tmdb_assets.sources.streamflow.assets import derived_tables
from tmdb_assets.sources.streamflow.raw import Streamflow

TODAY = dt.date(2026, 3, 10)
HEADERS = {
    "users.csv": "user_id,signup_date,user_gender,user_is_senior,has_family,has_dependents",
    "subscriptions.csv": "user_id,months_active,plan_stream_tv,plan_stream_movies,contract_type,paperless_billing,"
    "monthly_fee,total_paid,net_service",
    "usage_agg_30d.csv": "user_id,watch_hours_30d,avg_session_mins_7d,unique_devices_30d,skips_7d,rebuffer_events_7d",
    "payments_agg_90d.csv": "user_id,failed_payments_90d",
    "support_agg_90d.csv": "user_id,support_tickets_90d,ticket_avg_resolution_hrs_90d",
    "labels.csv": "user_id,churn_label",
}
FILES = list(HEADERS)
WIDE = {c.name: c for c in contracts.CONTRACTS}

Files = dict[str, list[str]]


def user(number: int) -> str:
    """The id of a made-up user."""
    return f"{number:04d}-{'ABCDEFGHIJ'[number % 10]}BCDE"


def drop(numbers: Iterable[int], month: int = 0, **churned: bool | None) -> Files:
    """The lines of a month's six files, header first, for users by number; figures differ by user and month.

    `churned` by user_id with `_` for the hyphen overrides the label.
    """
    files: Files = {name: [header] for name, header in HEADERS.items()}
    for n in numbers:
        odd, who = n % 2 == 1, user(n)
        plan = ",," if n % 5 == 4 else f"{odd},{n % 3 == 0},"
        terms = ["Month-to-month", "One year", "Two year"]
        files["users.csv"].append(
            f"{who},2022-0{1 + n % 9}-15,{'Male' if odd else 'Female'},{n % 4 == 0},{odd},{n % 3 == 1}"
        )
        files["subscriptions.csv"].append(
            f"{who},{(n + month) % 20},{plan}{terms[n % 3]},{n % 4 != 1},{20 + n + month / 2},"
            f"{100 + 3 * n + month},{['DSL', 'Fiber optic', 'No'][(n + 1) % 3]}"
        )
        files["usage_agg_30d.csv"].append(
            f"{who},{5 + n + 2.5 * month},{20 + n / 10},{1 + n % 3},{(n + month) % 7},{n % 4}"
        )
        files["payments_agg_90d.csv"].append(f"{who},{(n + month) % 3}")
        files["support_agg_90d.csv"].append(f"{who},{n % 5},{3 + n / 2}")
        label = churned.get(who.replace("-", "_"), (n + month) % 4 == 0)
        files["labels.csv"].append(f"{who},{'' if label is None else label}")
    return files


def write(drops: Path, month: str, files: Mapping[str, Sequence[str]]) -> Path:
    """Put a drop into its folder in place of what may be there."""
    folder = drops / month
    folder.mkdir(parents=True, exist_ok=True)
    for there in folder.iterdir():
        there.unlink()
    for name, lines in files.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def tables_for(only: Collection[str]) -> list[DerivedTable]:
    """The derived tables of some names and those they read or refer to, in order; every one when no name is given."""
    built = list(derived_tables())
    if not only:
        return built
    wanted = set(only)
    for table in reversed(built):  # a table stands after those it reads
        if table.contract.name in wanted:
            wanted |= {other.name for other in (*table.reads, *table.contract.references.values())}
    assert wanted <= set(WIDE), "no such table"
    return [table for table in built if table.contract.name in wanted]


def as_of(month: str) -> dt.date:
    """The day a month stands for."""
    return Cadence.MONTH.day(month)


@dataclass
class World:
    """A drops folder and the lake made of it."""

    store: DeltaStore
    drops: Path
    log: list[str] = field(default_factory=list)
    allows_mass_delete: bool = False

    def copied(self, folder: Path) -> World:
        """The same world in another folder, to go on from: a lake need not be filled anew for each test."""
        shutil.copytree(self.store.root, folder / "lake")
        shutil.copytree(self.drops, folder / "drops")
        return World(DeltaStore(folder / "lake"), folder / "drops")

    def in_run(self, days: Sequence[dt.date]) -> Run:
        """A run of some days, whose events are kept as lines."""
        return Run(self.store, days, {"run_id": "r"}, lambda event: self.log.append(str(event)))

    def write(self, month: str, files: Mapping[str, Sequence[str]]) -> Path:
        """Put a drop into its folder."""
        return write(self.drops, month, files)

    def observe(self, *months: str, today: dt.date = TODAY) -> list[Observed]:
        """What the raw asset does: the drops of the months, in this order."""
        clock = Clock(today)
        client = Streamflow(self.drops, clock, allows_mass_delete=self.allows_mass_delete)
        ledger = Ledger(self.store, contracts.SOURCE)
        extractor = Extractor(self.in_run([]), ledger, clock, client)
        table = client.tables()["drop_files"]
        return [extractor.observe(table, as_of(month)) for month in months]

    def derive(
        self, *months: str, views: bool = True, only: Collection[str] = (), whole: bool = True
    ) -> dict[str, Published]:
        """What the other assets do for the months of one run.

        `only` names the tables a test looks at: those they read are published as well, no others. Without `whole`,
        tables that are made of all there is on each run are left out: before the last of several runs nobody sees them.
        """
        days = [as_of(month) for month in months]
        return {
            t.contract.name: publish(t, self.in_run(days))
            for t in tables_for(only)
            if (views or only or t.contract.stage != "views") and (whole or not t.contract.is_whole)
        }

    def run(
        self, *months: str, views: bool = False, only: Collection[str] = (), whole: bool = True
    ) -> dict[str, Published]:
        """A run of the job over some months; errors meant for the user are raised as they are."""
        self.observe(*months)
        return self.derive(*months, views=views, only=only, whole=whole)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A table in the order of its grain."""
        return self.frame(table).to_dicts()

    def frame(self, table: str) -> pl.DataFrame:
        """The same as a frame."""
        contract = WIDE[table]
        return self.store.scan(contract).sort(contract.grain).collect()

    def contents(self) -> dict[str, pl.DataFrame]:
        """Every table but the raw ones, which say when and in which order files were read."""
        return {c.name: self.frame(c.name) for c in contracts.CONTRACTS if c.stage != "raw"}

    def versions(self) -> dict[str, int | None]:
        """The Delta version of every table but the ledger, which notes that a drop was looked at."""
        return {c.name: self.store.version(c) for c in contracts.CONTRACTS if c is not contracts.EXTRACTION_LEDGER}
