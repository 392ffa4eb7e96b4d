"""Keeping the lake in shape: expire old raw data, compact, checkpoint, vacuum.

What belongs here: the upkeep job and its schedule. What does not: how a table is kept in shape (lakehouse/store/).
"""

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence

import dagster as dg
from dagster import OpExecutionContext

from tmdb_assets.lakehouse.contracts import Contract, FewADay, Stage
from tmdb_assets.lakehouse.store import DeltaStore, retention
from tmdb_assets.lakehouse.store.locks import one_fetch_at_a_time
from tmdb_assets.orchestration.log_file import teller
from tmdb_assets.orchestration.logs import CONSOLE_CONFIG
from tmdb_assets.orchestration.resources import ClockResource, LakeResource

#: How long the versions of a table stay readable, in hours. Of the whole catalogue the answers that each run replaces
#: take more than all else that a day writes, and can be answered again of the facts of that time.
HOURS, HOURS_OF_AN_ANSWER = 168.0, 24.0


def upkeep(contracts: Sequence[Contract], raw_retention_days: int) -> dg.Definitions:
    """Job `lake_upkeep` over every table of every source, daily at 03:00 UTC.

    Raw partitions older than the retention are deleted (TMDB's terms forbid caching for longer than six months), the
    contents that no kept row names any more, and the payloads in the quarantine. The rest of the quarantine stays, and
    the ledger: they are our own record of what was observed. Old Delta versions are readable for seven days more, those
    of answers that each run replaces as a whole for one.
    """

    ops = [
        _keep_in_shape(source, contracts, raw_retention_days) for source in dict.fromkeys(c.source for c in contracts)
    ]

    @dg.job(
        name="lake_upkeep",
        description="Expire raw data past its retention, compact small files, drop what no version needs.",
        config=CONSOLE_CONFIG,
    )
    def lake_upkeep() -> None:
        for op in ops:
            op()

    schedule = dg.ScheduleDefinition(
        job=lake_upkeep, cron_schedule="0 3 * * *", execution_timezone="UTC", name="lake_upkeep_schedule"
    )
    return dg.Definitions(jobs=[lake_upkeep], schedules=[schedule])


def _keep_in_shape(source: str, contracts: Sequence[Contract], raw_retention_days: int) -> dg.OpDefinition:
    """The step for the tables of one source, in the pool of its fetches: on an object store that alone keeps them
    apart."""
    of_source = [contract for contract in contracts if contract.source == source]

    @dg.op(
        name=f"keep_{source}_in_shape",
        description=f"Expire, compact, checkpoint and vacuum every table of {source}.",
        pool=f"{source}_fetch",
    )
    def keep_in_shape(context: OpExecutionContext, lake: LakeResource, clock: ClockResource) -> None:
        oldest = clock.clock.today() - dt.timedelta(days=raw_retention_days)
        metadata = {"run_id": context.run_id, "purpose": "upkeep"}
        failed = keep_tables_in_shape(lake.store, of_source, oldest, metadata, teller(context))
        for path, error in failed.items():
            teller(context, logging.ERROR)(f"{path}: {type(error).__name__}: {error}")
        if failed:
            raise dg.Failure(
                f"{len(failed)} of {len(of_source)} tables could not be kept in shape, for reasons given above: "
                f"{', '.join(failed)}.",
                allow_retries=False,
            )

    return keep_in_shape


def keep_tables_in_shape(
    store: DeltaStore,
    contracts: Sequence[Contract],
    oldest: dt.date,
    metadata: Mapping[str, str],
    log: Callable[[str], None],
) -> dict[str, Exception]:
    """Keep every table in shape, one after the other; returns what went wrong, by table.

    Nobody fetches from a table's source meanwhile: a fetch relies on contents that nothing names yet. It waits for the
    table at hand at most, not for all of them.
    """
    failed: dict[str, Exception] = {}
    for contract in contracts:
        try:
            with one_fetch_at_a_time(store, contract.source, log):
                expired = 0
                if contract.expiring or (contract.stage is Stage.RAW and not isinstance(contract.kept, FewADay)):
                    expired = retention.expire(store, contract, oldest, metadata)
                if contract.kept_for:
                    expired = retention.drop_unnamed(store, contract, metadata)
                is_answer = contract.is_whole and contract.stage is Stage.VIEWS
                done = retention.upkeep(store, contract, keep_hours=HOURS_OF_AN_ANSWER if is_answer else HOURS)
        except Exception as error:  # whatever ails one table, the others need their upkeep
            failed[contract.path] = error
        else:
            if done:
                told = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in done.items())
                log(f"{contract.path}: rows expired {expired}, {told}")
    return failed
