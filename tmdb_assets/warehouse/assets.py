"""The warehouse in Dagster: one asset a source, published after every table and view of that source that it holds.

What belongs here: wiring. What does not: what the file holds (contents.py), how it is published (publish.py), which
jobs end with it (orchestration/jobs.py).

There is one file with every source in it. Whoever publishes brings all of it up to date with what stands in the lake,
so a run of one source waits for no other, and a second publication in one run finds nothing changed.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.errors import BlockedError, LakehouseError
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.orchestration.jobs import publication_options
from tmdb_assets.orchestration.partitions import Events, asset_of
from tmdb_assets.orchestration.tables import FRESH
from tmdb_assets.settings import Settings
from tmdb_assets.warehouse.contents import Layout, Source, lay_out
from tmdb_assets.warehouse.publish import CHECKS, Publication, publish_warehouse


def build(settings: Settings, contracts: Sequence[ModuleType]) -> dg.Definitions:
    """The asset `warehouse/SOURCE` of each of the sources whose modules `contracts` are given."""
    sources = [Source.of(module) for module in contracts]
    layouts = [lay_out(source, settings.warehouse_fact_days) for source in sources]
    return dg.Definitions(assets=[_warehouse(settings, sources, layout) for layout in layouts])


def _warehouse(settings: Settings, sources: Sequence[Source], layout: Layout) -> dg.AssetsDefinition:
    """The asset that publishes the file once the tables of one source stand."""
    source = layout.source
    key = dg.AssetKey(["warehouse", source.name])
    held: list[Contract] = [*layout.tables, *(view.contract for view in layout.views if view.is_kept)]
    warn, fail = FRESH[source.contracts[0].cadence]

    @asset_of(
        **publication_options(source.name),
        key=key,
        deps=[dg.AssetKey(contract.key) for contract in held],
        check_specs=[dg.AssetCheckSpec(n, asset=key, description=d, blocking=True) for n, d in CHECKS.items()],
        required_resource_keys={"lake", "clock"},
        description=f"One DuckDB file for analysts: the star as tables, the questions as views, a schema per source. Brought "
        f"up to date after a run of {source.name}, beside the published file, and swapped in by one rename.",
        kinds={"duckdb"},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn),
    )
    def warehouse(context: dg.AssetExecutionContext) -> Events:
        lake, clock, days = context.resources.lake, context.resources.clock, settings.warehouse_fact_days
        try:
            done = publish_warehouse(lake, settings.tmdb_assets_warehouse, sources, days, context.log.info, clock)
        except LakehouseError as error:
            if isinstance(error, BlockedError):
                yield _result(key, Outcome(error.check, False, str(error), error.figures))
            raise dg.Failure(str(error), allow_retries=False) from None
        yield dg.MaterializeResult(asset_key=key, metadata=_metadata(source.name, done))
        for outcome in done.outcomes:
            yield _result(key, outcome)

    return warehouse


def _result(key: dg.AssetKey, outcome: Outcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=outcome.passed,
        asset_key=key,
        check_name=outcome.check,
        description=outcome.sentence,
        metadata=dict(outcome.figures),
    )


def _metadata(source: str, done: Publication) -> dict[str, Any]:
    """What became of the file, and of the tables of this source in it."""
    tables = [t for t in done.tables if t.name.startswith(f"{source}.")]
    lines = ["| table | rows | loaded now | Delta version |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {t.name} | {t.rows:,} | {t.loaded:,} | {t.version} |" for t in tables]
    return {
        "dagster/uri": str(done.path),
        "dagster/row_count": sum(t.rows for t in tables),
        "rows_loaded": sum(t.loaded for t in tables),
        "bytes": done.bytes,
        "seconds": round(done.seconds, 2),
        "tables": len(tables),
        "tables_changed": sum(t.changed for t in tables),
        "is_new_file": done.swapped,
        "made_anew_because": done.rebuilt or "it was not",
        "delta_versions": dg.MetadataValue.md("\n".join(lines)),
    }
