"""What an asset says it needs: nothing of another source, and of each dependency partitions that exist, or none.

Dagster's UI holds every run against it: an asset outside the selection that was never materialized, or whose partitions
are missing, is a warning before the run starts.
"""

from __future__ import annotations

import re

import dagster as dg
import pytest
from dagster import AssetKey

from tmdb_assets.assembly import build_definitions, source_modules
from tmdb_assets.settings import load_settings
from tmdb_assets_tests.conftest import PROJECT

SOURCES = [module.SOURCE for module in source_modules("contracts")]
JOBS = {"tmdb": "tmdb_daily", "moovitamix": "moovitamix_daily", "streamflow": "streamflow_monthly"}


@pytest.fixture(scope="module", params=[None, 30], ids=["all facts", "the newest 30 days"])
def definitions(request: pytest.FixtureRequest) -> dg.Definitions:
    return build_definitions(load_settings(_env_file=None, warehouse_fact_days=request.param))


def needed_by(definitions: dg.Definitions, key: AssetKey) -> set[AssetKey]:
    """Everything before an asset, however far."""
    graph = definitions.resolve_asset_graph()
    found: set[AssetKey] = set()
    left = {key}
    while left:
        left = {parent for each in left for parent in graph.get(each).parent_keys} - found
        found |= left
    return found


def test_no_asset_needs_another_source(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        group = graph.get(key).group_name
        assert group in SOURCES
        others = {n.to_user_string() for n in needed_by(definitions, key) if graph.get(n).group_name != group}
        assert others == set(), f"{key.to_user_string()} waits for another source"


@pytest.mark.parametrize("source", SOURCES)
def test_a_job_is_its_group_and_ends_with_what_is_published(definitions: dg.Definitions, source: str) -> None:
    graph = definitions.resolve_asset_graph()
    run = definitions.resolve_job_def(JOBS[source]).asset_layer.executable_asset_keys
    assert run == {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == source}
    assert AssetKey(["warehouse", source]) in run
    last = AssetKey(["warehouse", source])
    assert {k.path[1] for k in needed_by(definitions, last)} >= {"star", "clean", "raw"}


@pytest.mark.parametrize("source", SOURCES)
def test_the_assets_of_a_source_share_their_partitions(definitions: dg.Definitions, source: str) -> None:
    graph = definitions.resolve_asset_graph()
    found = [graph.get(k).partitions_def for k in graph.get_all_asset_keys() if graph.get(k).group_name == source]
    assert len({p for p in found if p is not None}) == 1, "else a range cannot be materialized in one go"


def test_each_dependency_maps_to_partitions_that_exist_or_to_none(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    mapped = 0
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        keys = node.partitions_def.get_partition_keys() if node.partitions_def else []
        for parent in map(graph.get, node.parent_keys):
            if parent.partitions_def is None:
                continue  # whatever the partition, it is needed as it stands
            mapping = graph.get_partition_mapping(key, parent.key)
            for one in [keys[0], keys[-2], keys[-1]] if keys else [None]:
                asked = node.partitions_def.subset_with_partition_keys([one]) if node.partitions_def and one else None
                found = mapping.get_upstream_mapped_partitions_result_for_partitions(
                    asked, node.partitions_def, parent.partitions_def
                )
                assert list(found.required_but_nonexistent_subset.get_partition_keys()) == [], (key, parent.key, one)
                needed = set(found.partitions_subset.get_partition_keys())
                assert needed == {one} if one else needed <= set(parent.partitions_def.get_partition_keys())
                mapped += 1
    assert mapped > len(SOURCES)


def test_a_backfill_of_a_group_reaches_every_partitioned_asset(definitions: dg.Definitions) -> None:
    """Dagster goes from the partitions of the first assets to those after them, and forgets one behind a whole
    asset."""
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        if node.partitions_def and node.parent_keys:
            assert any(graph.get(parent).partitions_def for parent in node.parent_keys), key.to_user_string()


@pytest.mark.parametrize("job", JOBS.values())
def test_runs_of_a_job_are_listed_on_its_page_however_they_are_started(definitions: dg.Definitions, job: str) -> None:
    """The page asks for the runs of the code location, whose name stands in workspace.yaml."""
    (name,) = re.findall(r"location_name: (\w+)", (PROJECT / "workspace.yaml").read_text(encoding="utf-8"))
    assert definitions.resolve_job_def(job).tags[".dagster/repository"] == f"__repository__@{name}"
