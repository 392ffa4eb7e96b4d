"""Keeping the lake in shape: expire old raw data, compact, checkpoint, vacuum.

What belongs here: the upkeep job and its schedule. What does not: how a table is kept in shape (lakehouse/delta.py).
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster import OpExecutionContext

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.delta import DeltaStore
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG


def upkeep(contracts: Sequence[Contract], raw_retention_days: int) -> dg.Definitions:
    """Job `lake_upkeep` over every table of every source, weekly on Sunday at 03:00 UTC.

    Raw partitions older than the retention are deleted (TMDB's terms forbid caching for longer than six months); the
    ledger stays: it is our own record of what was observed. Contents that no kept row names any more go with them. Old
    Delta versions are readable for seven days more.
    """

    @dg.op(required_resource_keys={"lake", "clock"}, description="Expire, compact, checkpoint and vacuum every table.")
    def keep_in_shape(context: OpExecutionContext) -> None:
        store: DeltaStore = context.resources.lake
        clock: Clock = context.resources.clock
        oldest = clock.today() - dt.timedelta(days=raw_retention_days)
        metadata: dict[str, str] = {"run_id": context.run_id, "purpose": "upkeep"}
        tables = {c.key: c for c in contracts}
        for contract in contracts:
            expired = store.expire(contract, oldest, metadata) if contract.stage == "raw" and not contract.small else 0
            if contract.kept_for:
                name, column = contract.kept_for.split(".")
                naming = store.scan(tables[contract.source, contract.stage, name]).select(column)
                expired = store.drop_unnamed(contract, naming, metadata)
            done: dict[str, Any] = store.upkeep(contract)
            if done:
                told = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in done.items())
                context.log.info(f"{contract.path}: rows expired {expired}, {told}")

    @dg.job(
        name="lake_upkeep",
        description="Expire raw data past its retention, compact small files, drop what no version needs.",
        config=CONSOLE_CONFIG,
    )
    def lake_upkeep() -> None:
        keep_in_shape()

    schedule = dg.ScheduleDefinition(
        job=lake_upkeep, cron_schedule="0 3 * * 0", execution_timezone="UTC", name="lake_upkeep_schedule"
    )
    return dg.Definitions(jobs=[lake_upkeep], schedules=[schedule])
