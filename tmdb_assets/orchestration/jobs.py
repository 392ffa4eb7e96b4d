"""What the job of a source runs: its tables, and then whatever is published from the lake.

What belongs here: what every source's job has in common. What does not: partitions and schedules, which are a source's
own, and the assets that publish, which say by their group that they do.
"""

import dagster as dg

#: Group of the assets that publish what all sources keep: every source's job ends with them.
PUBLICATION = "publication"


def tables_and_publication(source: str) -> dg.AssetSelection:
    """Every table of a source, and what is published from the lake once they stand."""
    return dg.AssetSelection.groups(source, PUBLICATION)
