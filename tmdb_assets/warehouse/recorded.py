"""What a target says of itself: when and from what it was published, and what each of its tables was loaded from.

What belongs here: the three tables that say so, with the meaning of their columns, and reading them back. What does
not: how a target keeps them (targets/), what is compared with them (publish.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from tmdb_assets.warehouse.contents import Part
from tmdb_assets.warehouse.reader import Info

INSTANT = pl.Datetime("us", "UTC")

INFO, VERSIONS, PARTS = "warehouse_info", "lake_versions", "loaded_parts"

#: What each table is, and each column; `{noun}` is what the target is called.
_TABLES = {
    INFO: "What this {noun} is: one row.",
    VERSIONS: "Which version of which Delta table each table of this {noun} holds: one row per table.",
    PARTS: "What each table, or each day of it, was loaded from; the next publication compares with it.",
}
_INFO = {
    "format_version": "Version of the layout of this {noun}; readers refuse another one.",
    "published_at": "When the {noun} was published (UTC).",
    "lake": "Root of the lake it was published from.",
    "origin": "Who answered for the data: sandbox (invented), real, or both; null when no ledger says.",
    "fact_days": "Newest days that facts are kept for; null for all.",
    "definitions": "Digest of what the project said of tables, views and macros at that time.",
}
_VERSIONS: dict[str, tuple[type[pl.DataType] | pl.DataType, str]] = {
    "source": (pl.String, "Source of the table: the schema it lies in."),
    "table_name": (pl.String, "Name of the table."),
    "table_path": (pl.String, "Path of the Delta table under the lake's root, also its asset key."),
    "delta_version": (pl.Int64, "Version of the Delta table that the rows are of; null while it was never written."),
    "rows": (pl.Int64, "Rows of the table in this {noun}."),
    "committed_at": (INSTANT, "When that version was committed (UTC)."),
    "run_id": (pl.String, "Dagster run that committed it; null where the lake does not say."),
}
_PARTS = {"source": pl.String, "table_name": pl.String, "day": pl.Date, "digest": pl.String}

#: A table of a target: its schema, which is its source's name, and its name.
Key = tuple[str, str]


@dataclass(frozen=True)
class OwnTable:
    """One of the tables in which a target says what it is: its rows, what it is, what its columns mean."""

    name: str
    frame: pl.DataFrame
    description: str
    meanings: Mapping[str, str]


@dataclass(frozen=True)
class Recorded:
    """What a target says it was made of: digests by table and part, versions by table, and the definitions' digest."""

    parts: Mapping[Key, Mapping[Part, str]]
    versions: Mapping[Key, Mapping[str, object]]
    definitions: str | None

    @classmethod
    def nothing(cls) -> Recorded:
        """What a target says that was never published to."""
        return cls({}, {}, None)

    @classmethod
    def of(cls, info: pl.DataFrame, versions: pl.DataFrame, parts: pl.DataFrame) -> Recorded:
        """What the three tables say, as they were written."""
        loaded: dict[Key, dict[Part, str]] = {}
        for source, table, day, digest in parts.select(list(_PARTS)).iter_rows():
            loaded.setdefault((source, table), {})[day] = digest
        named = {(row["source"], row["table_name"]): row for row in versions.iter_rows(named=True)}
        return cls(loaded, named, info.get_column("definitions").item())


def own_tables(
    info: Info,
    definitions: str,
    versions: Sequence[Mapping[str, object]],
    parts: Mapping[Key, Mapping[Part, str]],
    noun: str,
) -> list[OwnTable]:
    """The three tables of a publication, in the words of a target that is called `noun`."""
    listed = [(*key, day, digest) for key, digests in parts.items() for day, digest in digests.items()]
    frames = {
        INFO: pl.DataFrame(
            [asdict(info) | {"definitions": definitions}],
            schema_overrides={"published_at": INSTANT, "origin": pl.String, "fact_days": pl.Int64},
        ),
        VERSIONS: pl.DataFrame(versions, schema={c: t for c, (t, _) in _VERSIONS.items()}, orient="row"),
        PARTS: pl.DataFrame(listed, schema=_PARTS, orient="row"),
    }
    meanings = {INFO: _INFO, VERSIONS: {c: m for c, (_, m) in _VERSIONS.items()}, PARTS: {}}
    return [
        OwnTable(
            name,
            frame,
            _TABLES[name].format(noun=noun),
            {column: meaning.format(noun=noun) for column, meaning in meanings[name].items()},
        )
        for name, frame in frames.items()
    ]
