"""The warehouse in Dagster: one asset a source and target, published after every table and view of that source it
holds.

What belongs here: wiring. What does not: what a target holds (contents.py), how it is published (publish.py), which
targets there are (targets/), which jobs end with them (orchestration/jobs.py).

A target has every source in it. Whoever publishes brings all of it up to date with what stands in the lake, so a run of
one source waits for no other, and a second publication in one run finds nothing changed. Where there are several
targets, one that cannot be reached keeps none of the others from being published.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import dagster as dg

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.errors import BlockedError, LakehouseError
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.orchestration.jobs import publication_options
from tmdb_assets.orchestration.log_file import teller
from tmdb_assets.orchestration.partitions import Events, asset_of
from tmdb_assets.orchestration.resources import ClockResource, LakeResource
from tmdb_assets.orchestration.tables import FRESH
from tmdb_assets.orchestration.usage import record_usage
from tmdb_assets.settings import Settings, SettingsError
from tmdb_assets.warehouse.contents import Layout, Source, lay_out
from tmdb_assets.warehouse.publish import Publication, checks_of, publish_warehouse
from tmdb_assets.warehouse.target import Target
from tmdb_assets.warehouse.targets import targets_of


def build(settings: Settings, contracts: Sequence[ModuleType]) -> dg.Definitions:
    """The asset `warehouse/SOURCE` of each of the sources whose modules `contracts` are given, and its like of other
    targets."""
    sources, days = [Source.of(module) for module in contracts], settings.warehouse_fact_days
    return dg.Definitions(
        assets=[
            _published(target, sources, lay_out(source, days, target.can_answer), days)
            for target in targets_of(settings)
            for source in sources
        ]
    )


def _published(target: Target, sources: Sequence[Source], layout: Layout, days: int | None) -> dg.AssetsDefinition:
    """The asset that publishes to a target once the tables of one source stand."""
    source = layout.source
    key = dg.AssetKey([target.key, source.name])
    held: list[Contract] = [*layout.tables, *(view.contract for view in layout.views if view.is_kept)]
    warn, fail = FRESH[source.contracts[0].cadence]

    @asset_of(
        **publication_options(source.name),
        key=key,
        deps=[dg.AssetKey(contract.key) for contract in held],
        check_specs=[
            dg.AssetCheckSpec(n, asset=key, description=d, blocking=True) for n, d in checks_of(target).items()
        ],
        description=target.description(source.name),
        kinds={target.kind},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn),
    )
    def published(context: dg.AssetExecutionContext, lake: LakeResource, clock: ClockResource) -> Events:
        try:
            done = publish_warehouse(lake.store, target, sources, days, teller(context), clock.clock)
        except (LakehouseError, SettingsError) as error:
            if isinstance(error, BlockedError):
                yield _result(key, Outcome(error.check, False, str(error), error.figures))
            raise dg.Failure(str(error), allow_retries=False) from None
        record_usage(context)
        yield dg.MaterializeResult(asset_key=key, metadata=_metadata(source.name, done))
        for outcome in done.outcomes:
            yield _result(key, outcome)

    return published


def _result(key: dg.AssetKey, outcome: Outcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=outcome.passed,
        asset_key=key,
        check_name=outcome.check,
        description=outcome.sentence,
        metadata=dict(outcome.figures),
    )


def _metadata(source: str, done: Publication) -> dict[str, Any]:
    """What became of the target, and of the tables of this source in it."""
    tables = [t for t in done.tables if t.name.startswith(f"{source}.")]
    lines = ["| table | rows | loaded now | Delta version |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {t.name} | {t.rows:,} | {t.loaded:,} | {t.version} |" for t in tables]
    return {
        "dagster/uri": done.target,
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
