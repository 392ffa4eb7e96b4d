"""What the job of a source runs: its tables, and then what is published of them.

What belongs here: what every source's job has in common, and how an asset joins one. What does not: partitions and
schedules, which are a source's own.

A source's tables and what is published of them are one group of assets: no job, and no selection of a group, waits for
another source.
"""

from typing import Any

import dagster as dg

#: What the tag `stage` says of an asset that is no table but something published of them.
PUBLICATION = "publication"
#: Dagster's UI lists on the page of a job the runs of its code location (workspace.yaml). Those that it starts itself
#: are tagged so; a run that a command starts is, when its job is.
LISTED = {".dagster/repository": "__repository__@tmdb_assets"}


def tables_and_publication(source: str) -> dg.AssetSelection:
    """Every table of a source, and what is published of it once they stand."""
    return dg.AssetSelection.groups(source)


def publication_options(source: str) -> dict[str, Any]:
    """What every asset that publishes a source's tables shares: its group, its tags, its owner, a range in one run."""
    return {
        "group_name": source,
        "tags": {"stage": PUBLICATION, "source": source},
        "owners": ["team:data-engineering"],
        "backfill_policy": dg.BackfillPolicy.single_run(),  # else a range of days that ends with it is refused
    }
