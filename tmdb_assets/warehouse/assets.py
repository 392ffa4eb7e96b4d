"""The warehouse in Dagster: one asset, published after every table and view it holds.

What belongs here: wiring. What does not: what the file holds (contents.py), how it is published (publish.py), which
jobs end with it (orchestration/jobs.py).
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.errors import BlockedError, LakehouseError
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.orchestration.jobs import PUBLICATION
from tmdb_assets.settings import Settings
from tmdb_assets.warehouse.contents import Source, lay_out
from tmdb_assets.warehouse.publish import CHECKS, Publication, publish_warehouse

KEY = dg.AssetKey("warehouse")


def build(settings: Settings, contracts: Sequence[ModuleType]) -> dg.Definitions:
    """The asset `warehouse` over the sources whose modules `contracts` are given."""
    sources = [Source.of(module) for module in contracts]
    layouts = [lay_out(source, settings.warehouse_fact_days) for source in sources]
    held = [c for la in layouts for c in [*la.tables, *(view.contract for view in la.views if view.is_kept)]]

    @dg.asset(
        key=KEY,
        deps=[dg.AssetKey(contract.key) for contract in held],
        check_specs=[dg.AssetCheckSpec(n, asset=KEY, description=d, blocking=True) for n, d in CHECKS.items()],
        required_resource_keys={"lake", "clock"},
        description="One DuckDB file for analysts: the star as tables, the questions as views, a schema per source. Brought "
        "up to date beside the published file and swapped in by one rename.",
        group_name=PUBLICATION,
        kinds={"duckdb"},
        backfill_policy=dg.BackfillPolicy.single_run(),  # else a range of days that ends with it is refused
        owners=["team:data-engineering"],
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=dt.timedelta(hours=48), warn_window=dt.timedelta(hours=30)
        ),
    )
    def warehouse(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        lake, clock, days = context.resources.lake, context.resources.clock, settings.warehouse_fact_days
        try:
            done = publish_warehouse(lake, settings.tmdb_assets_warehouse, sources, days, context.log.info, clock)
        except LakehouseError as error:
            if isinstance(error, BlockedError):
                yield _result(Outcome(error.check, False, str(error), error.figures))
            raise dg.Failure(str(error), allow_retries=False) from None
        yield dg.MaterializeResult(asset_key=KEY, metadata=_metadata(done))
        for outcome in done.outcomes:
            yield _result(outcome)

    return dg.Definitions(assets=[warehouse])


def _result(outcome: Outcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=outcome.passed,
        asset_key=KEY,
        check_name=outcome.check,
        description=outcome.sentence,
        metadata=dict(outcome.figures),
    )


def _metadata(done: Publication) -> dict[str, Any]:
    lines = ["| table | rows | loaded now | Delta version |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {t.name} | {t.rows:,} | {t.loaded:,} | {t.version} |" for t in done.tables]
    return {
        "dagster/uri": str(done.path),
        "dagster/row_count": sum(t.rows for t in done.tables),
        "rows_loaded": sum(t.loaded for t in done.tables),
        "bytes": done.bytes,
        "seconds": round(done.seconds, 2),
        "tables": len(done.tables),
        "tables_changed": sum(t.changed for t in done.tables),
        "is_new_file": done.swapped,
        "made_anew_because": done.rebuilt or "it was not",
        "delta_versions": dg.MetadataValue.md("\n".join(lines)),
    }
