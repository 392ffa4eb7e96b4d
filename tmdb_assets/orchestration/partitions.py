"""What an asset tells Dagster: of the partitions of a run those that stand when it ends, and no others.

What belongs here: the events that say so, whatever the asset. What does not: which partitions of a run stand
(tables.py, the report).

Dagster takes every partition of a run's range for materialized once the asset has a result. A range is published as far
as it can be, so partitions that could not be had would look as if they were there: where a range falls short, each
partition that stands is told by an event of its own, and the result, which later steps wait for, by none.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

# The one way to keep Dagster from telling the whole range; it uses it for assets that tell their partitions themselves.
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION as TELLS_ITSELF

Materialized = dg.MaterializeResult[Any] | dg.AssetMaterialization
Events = Iterator[Materialized | dg.AssetCheckResult]


def asset_of(**options: Any) -> Callable[[Callable[..., Events]], dg.AssetsDefinition]:
    """`dg.asset` with a type: its overloads do not see through a dictionary of options."""

    def make(function: Callable[..., Events]) -> dg.AssetsDefinition:
        with warnings.catch_warnings():  # a user of the project can do nothing about what Dagster calls beta
            warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
            made: dg.AssetsDefinition = dg.asset(**options)(function)
        return made

    return make


def materialized(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    metadata: Mapping[str, Any],
    standing: Mapping[str, Mapping[str, Any]],
) -> Iterator[Materialized]:
    """The result of an asset with partitions. `standing`: the partitions that stand, each with metadata of its own."""
    if standing and set(standing) == set(partition_keys(context)):
        for partition, more in standing.items():
            context.add_asset_metadata(more, asset_key=key, partition_key=partition)
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        return
    for partition, more in standing.items():
        yield dg.AssetMaterialization(key, partition=partition, metadata={**metadata, **more})
    yield dg.MaterializeResult(asset_key=key, metadata={TELLS_ITSELF: True})


def partition_keys(context: dg.AssetExecutionContext) -> Sequence[str]:
    """The partitions of a run; none for a run that names none."""
    is_named = context.has_partition_key or context.has_partition_key_range
    return context.partition_keys if is_named else []
