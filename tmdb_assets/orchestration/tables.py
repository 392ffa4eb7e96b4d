"""Tables as Dagster assets: one asset a table, its schema, its checks, its metadata.

What belongs here: how Dagster sees a raw table (extraction.py), a derived one (publishing.py) and a side table that
others fill (ledger, quarantine). What does not: any decision about rows or days; those are the lakehouse's.
"""

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from tmdb_assets.lakehouse.calendar import Cadence
from tmdb_assets.lakehouse.contracts import Contract, Stage
from tmdb_assets.lakehouse.contracts.showing import shown
from tmdb_assets.lakehouse.engines import Engine, duckdb
from tmdb_assets.lakehouse.errors import BlockedError, LakehouseError
from tmdb_assets.lakehouse.flow.checks import BLOCKING, CHECKS, Outcome
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.extraction import Extractor, NothingToObserve
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Event, Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store.locks import at_work, one_fetch_at_a_time
from tmdb_assets.orchestration.fetching import ledger_metadata, observe_days, raw_outcomes
from tmdb_assets.orchestration.log_file import tell, tell_failure, teller
from tmdb_assets.orchestration.partitions import Events, Materialized, asset_of, materialized, partition_keys
from tmdb_assets.orchestration.resources import ClockResource, LakeResource, SourceResource
from tmdb_assets.settings import SettingsError

#: What fills the tables of a stage, as Dagster's icons call it; Polars the others.
KINDS = {Stage.RAW: "python", Stage.VIEWS: "duckdb"}
#: How old the newest partition may grow before Dagster warns, and before it calls the table stale.
FRESH = {
    Cadence.DAY: (dt.timedelta(hours=30), dt.timedelta(hours=48)),
    Cadence.MONTH: (dt.timedelta(days=35), dt.timedelta(days=45)),
}
PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 60

RAW_CHECKS = {
    "contract": CHECKS["contract"],
    "grain": CHECKS["grain"],
    "accounting": "Every row received, as the ledger has it, is kept, quarantined or a duplicate.",
    "extraction_complete": "Everything the source promised for the day arrived.",
    "row_count_drift": CHECKS["row_count_drift"],
    "mass_delete": "At most 5% of the films known or asked for vanished in a day (of few films at most 5, and half).",
}
RAW_BLOCKING = {"contract", "extraction_complete", "mass_delete"}


def days_of_run(context: dg.AssetExecutionContext, contract: Contract) -> list[dt.date]:
    """The days of the run, oldest first; none for a table that is not filled by the day.

    A run started without a partition is told how to name its day.
    """
    if contract.is_whole:
        return []
    if not partition_keys(context):
        span, key = contract.cadence.value, contract.cadence.key(dt.date(2026, 11, 20))
        how = f"""`--tags '{{"dagster/partition": "{key}"}}'` for a job, `--partition {key}` for assets"""
        raise dg.Failure(
            f"This run names no {span}, and {contract.path} is filled by the {span}: use {how}.", allow_retries=False
        )
    return sorted(contract.cadence.day(key) for key in context.partition_keys)


def asset_options(contract: Contract, partitions: dg.PartitionsDefinition[str]) -> dict[str, Any]:
    """What every asset of a table shares: key, description, schema, group, kinds, tags, owner, freshness.

    A whole table has no partitions: each run answers it anew.
    """
    warn, fail = FRESH[contract.cadence]
    daily = {} if contract.is_whole else {"partitions_def": partitions}
    return daily | {
        "key": dg.AssetKey(contract.key),
        "description": f"{contract.description}\n\nGrain: `{', '.join(contract.grain)}`.",
        "group_name": contract.source,
        "kinds": {"deltalake", KINDS.get(contract.stage, "polars")},
        "tags": {"stage": contract.stage.value, "source": contract.source},
        "owners": ["team:data-engineering"],
        "code_version": contract.code_version,
        "backfill_policy": dg.BackfillPolicy.single_run(),  # of a whole table too, else a range is refused
        "freshness_policy": dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn),
        "metadata": {
            "dagster/column_schema": column_schema(contract),
            "dagster/table_name": contract.path,
            "grain": ", ".join(contract.grain),
        },
    }


def column_schema(contract: Contract) -> dg.TableSchema:
    """The contract's columns as Dagster shows them: type, description, nullability, rules."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                name,
                str(contract.schema[name]),
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable,
                    unique=contract.grain == (name,),
                    other=[rule.error for rule in column.rules],
                ),
            )
            for name, column in contract.columns.items()
        ]
    )


def column_lineage(table: DerivedTable) -> dg.TableColumnLineage:
    """Which columns each column comes from."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(dg.AssetKey(source.key), name) for source, name in sources]
            for column, sources in table.lineage.items()
        }
    )


# -- three kinds of tables ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RawStep:
    """The step of a raw table: its source's client asks, day by day; one run at a time.

    `after`: tables whose rows of the day decide what is asked. `more_checks`: names of RAW_CHECKS beyond the usual
    ones. A source makes it an asset, because the resource that asks is called as the source is:

        def raw_asset(step: RawStep) -> dg.AssetsDefinition:
            @asset_of(**step.options)
            def observe(
                context: dg.AssetExecutionContext, lake: LakeResource, clock: ClockResource, tmdb: TmdbResource
            ) -> Events:
                yield from step.observe(context, lake, clock, tmdb)

            return observe
    """

    contract: Contract
    partitions: dg.PartitionsDefinition[str]
    after: Sequence[Contract] = ()
    more_checks: Sequence[str] = ()

    @property
    def checks(self) -> list[str]:
        """Names of the checks made on the table."""
        names = ["contract", "grain", "accounting", "extraction_complete", *self.more_checks]
        return names + (["row_count_drift"] if self.contract.drift_limit is not None else [])

    @property
    def options(self) -> dict[str, Any]:
        """What the asset is made with."""
        return asset_options(self.contract, self.partitions) | {
            "deps": [dg.AssetKey(c.key) for c in self.after],
            "check_specs": _specs(self.contract, {n: RAW_CHECKS[n] for n in self.checks}, RAW_BLOCKING),
            "pool": f"{self.contract.source}_fetch",
        }

    def observe(
        self, context: dg.AssetExecutionContext, lake: LakeResource, clock: ClockResource, source: SourceResource
    ) -> Events:
        """Ask for the days of the run, keep what comes, tell Dagster."""
        contract, store = self.contract, lake.store
        days = days_of_run(context, contract)

        def events() -> Events:
            today = clock.clock
            # of days to come alone, nothing is made
            today.reach(days[0], has_history=True, cadence=contract.cadence)
            with one_fetch_at_a_time(store, contract.source, teller(context)):
                client, ledger = source.client(today, teller(context)), Ledger(store, contract.source)
                run, told = _run(context, contract, store, days)
                extractor = Extractor(run, ledger, today, client)
                observed, lost = observe_days(extractor, contract, days, self.after, teller(context, logging.WARNING))
                seen = [o.day for o in observed]
                if any(client.tables()[c.name].archived for c in self.after):
                    seen = ledger.days_proven(seen)  # nothing was asked of a past day that the archive does not have
                results = _materialized(context, contract, store, seen, told, ledger_metadata(observed))
                outcomes = list(raw_outcomes(store, contract, observed, lost, self.checks))
            yield from results
            yield from _results(contract, outcomes)

        yield from _sentence_on_failure(context, contract, events())


def derived_asset(
    table: DerivedTable, partitions: dg.PartitionsDefinition[str], after: Iterable[Contract] = ()
) -> dg.AssetsDefinition:
    """A clean or star table, or a view: built from the tables its function names, audited, then committed.

    `after`: tables that must stand first though the function does not read them.
    """
    contract = table.contract
    options = asset_options(contract, partitions)
    if contract.stage is Stage.STAR:
        options["metadata"] |= {"dagster/column_lineage": column_lineage(table)}

    @asset_of(
        **options,
        deps=[dg.AssetKey(c.key) for c in [*table.upstream, *after]],
        check_specs=_specs(contract, table.checks, BLOCKING),
    )
    def build(context: dg.AssetExecutionContext, lake: LakeResource, engine: dg.ResourceParam[Engine]) -> Events:
        store = lake.store
        wanted = days_of_run(context, contract)

        def events() -> Events:
            with at_work(store, [contract.source], teller(context)):
                days = _proven(store, contract, wanted, teller(context))
                run, told = _run(context, contract, store, days, engine)
                done = publish(table, run)
                more: dict[str, Any] = dict(done.difference.figures) if done.difference else {}
                if contract.stage is Stage.VIEWS:  # done on loading, it would keep every command waiting
                    more["dagster/column_lineage"] = column_lineage(table)
                results = _materialized(context, contract, store, days, told, more)
            yield from results
            yield from _results(contract, done.outcomes)

        yield from _sentence_on_failure(context, contract, events())

    return build


def side_asset(
    contract: Contract,
    partitions: dg.PartitionsDefinition[str],
    after: Iterable[Contract],
    check: str,
    meaning: str,
    verdict: Callable[[DeltaStore, Sequence[dt.date]], tuple[Outcome, Mapping[str, Any]]],
) -> dg.AssetsDefinition:
    """A table that others fill row by row (ledger, quarantine): materializing it reads the day's rows and judges
    them."""

    @asset_of(
        **asset_options(contract, partitions),
        deps=[dg.AssetKey(c.key) for c in after],
        check_specs=_specs(contract, {check: meaning}, {check}),
    )
    def report(context: dg.AssetExecutionContext, lake: LakeResource) -> Events:
        store = lake.store
        days = days_of_run(context, contract)

        def events() -> Events:
            with at_work(store, [contract.source], teller(context)):
                store.create(contract)
                outcome, metadata = verdict(store, days)
                if not outcome.passed and not outcome.warns:
                    raise BlockedError(outcome.check, outcome.sentence, **outcome.figures)
                standing = _proven(store, contract, days, teller(context))
                results = _materialized(context, contract, store, standing, [], metadata)
            yield from results
            yield from _results(contract, [outcome])

        yield from _sentence_on_failure(context, contract, events())

    return report


# -- days of the ledger ------------------------------------------------------------------------------------------------


def _proven(store: DeltaStore, contract: Contract, days: list[dt.date], log: Callable[[str], None]) -> list[dt.date]:
    """Those of the days whose observation the ledger proves: what a table may be built of.

    Raises NothingToObserve when that is none of them.
    """
    if not days:
        return days
    proven = Ledger(store, contract.source).days_proven(days)
    left_out = [day.isoformat() for day in days if day not in proven]
    if not proven:
        raise NothingToObserve(
            f"{contract.path}: no complete observation of {', '.join(left_out)} is kept, so there is nothing to "
            "build it of: run the raw tables of the same partition first."
        )
    if left_out:
        log(f"{contract.path}: {', '.join(left_out)} left out, their observation is not complete")
    return proven


# -- telling Dagster ---------------------------------------------------------------------------------------------------


def _specs(contract: Contract, checks: Mapping[str, str], blocking: set[str]) -> list[dg.AssetCheckSpec]:
    key = dg.AssetKey(contract.key)
    return [dg.AssetCheckSpec(n, asset=key, description=d, blocking=n in blocking) for n, d in checks.items()]


def _results(contract: Contract, outcomes: Iterable[Outcome]) -> Iterator[dg.AssetCheckResult]:
    for o in outcomes:
        yield dg.AssetCheckResult(
            passed=o.passed,
            asset_key=dg.AssetKey(contract.key),
            check_name=o.check,
            severity=dg.AssetCheckSeverity.WARN if o.warns else dg.AssetCheckSeverity.ERROR,
            description=o.sentence,
            metadata=dict(o.figures),
        )


def _sentence_on_failure(context: dg.AssetExecutionContext, contract: Contract, events: Events) -> Events:
    """Pass events on; an error meant for people becomes a failed check (if it is one) and one sentence, without a
    stack."""
    try:
        yield from events
    except (LakehouseError, SettingsError) as error:
        if isinstance(error, BlockedError):
            yield from _results(contract, [Outcome(error.check, False, str(error), error.figures)])
        tell_failure(context, str(error))
        raise dg.Failure(str(error), allow_retries=False) from None


def _run(
    context: dg.AssetExecutionContext,
    contract: Contract,
    store: DeltaStore,
    days: Sequence[dt.date],
    engine: Engine = duckdb,
) -> tuple[Run, list[Event]]:
    """The run of a step, and what happens in it: each event is a line of Dagster's log."""
    told: list[Event] = []

    def listen(event: Event) -> None:
        told.append(event)
        tell(context, event)

    return Run(store, days, _commit_metadata(context, contract), listen, engine), told


def _commit_metadata(context: dg.AssetExecutionContext, contract: Contract) -> dict[str, str]:
    days = [] if contract.is_whole else context.partition_keys
    named = {"partitions": days[0] if len(days) == 1 else f"{days[0]}...{days[-1]}"} if days else {}
    return {
        "run_id": context.run.run_id,
        "asset_key": contract.path,
        **named,
        "code_version": contract.code_version,
    }


def _materialized(
    context: dg.AssetExecutionContext,
    contract: Contract,
    store: DeltaStore,
    days: Sequence[dt.date],
    told: Sequence[Event],
    more: Mapping[str, Any],
) -> list[Materialized]:
    """What Dagster is told of a table: of the days that stand, if it is filled by the day."""
    counted = store.partition_rows(contract)
    metadata: dict[str, Any] = {
        "dagster/row_count": store.rows(contract),
        "dagster/uri": store.uri(contract),
        "bytes_written": sum(event.bytes or 0 for event in told),
        "rows_written": sum(event.rows or 0 for event in told),
        "preview": dg.MetadataValue.md(
            preview(store.scan(contract, {contract.part_of(day) for day in days}), contract.hidden)
        ),
        **more,
    }
    version = store.version(contract)
    if version is not None:
        metadata["delta_version"] = version
    key = dg.AssetKey(contract.key)
    if contract.is_whole:
        return [dg.MaterializeResult(asset_key=key, metadata=metadata)]
    standing = {
        contract.cadence.key(day): {"dagster/partition_row_count": counted.get(contract.part_of(day), 0)}
        if contract.partition
        else {}
        for day in days
    }
    return list(materialized(context, key, metadata, standing))


def preview(rows: pl.LazyFrame, hidden: Sequence[str] = ()) -> str:
    """A few rows as a Markdown table, long texts cut; what is hidden stays in the lake.

    What Python has no value for (a day of the year 0) is shown as well: a preview is no reason to fail.
    """
    head = rows.head(PREVIEW_ROWS).with_columns(pl.lit("***").alias(c) for c in hidden).collect()
    lines = ["| " + " | ".join(head.columns) + " |", "|" + " --- |" * head.width]
    for row in shown(head).iter_rows():
        cells = [str(value)[:PREVIEW_CHARACTERS].replace("|", "\\|").replace("\n", " ") for value in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
