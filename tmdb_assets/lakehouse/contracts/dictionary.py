"""The data dictionary: contracts as Markdown.

What belongs here: the lines of a table and its columns. What does not: which tables there are, and where the dictionary
lies (the command `python -m tmdb_assets.dictionary`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tmdb_assets.lakehouse.contracts.contract import Contract


def dictionary_lines(contracts: Sequence[Contract], whole: str = "answered anew by each run") -> list[str]:
    """The data dictionary of some tables as Markdown lines: what a row is, grain, partition, columns with units.

    `whole` says how those that are neither partitioned nor owned are kept.
    """
    lines: list[str] = []
    for contract in contracts:
        kept = f"last known state, replaced per `{', '.join(contract.owner)}`"
        if contract.partition:
            kept = f"one partition per `{contract.partition}`"
        elif contract.is_whole:
            kept = whole
        lines += [f"### `{contract.path}`", "", contract.description, ""]
        lines.append(f"Grain: `{', '.join(contract.grain)}` · {kept}")
        lines += ["", "| column | type | null | meaning |", "| --- | --- | --- | --- |"]
        for name, column in contract.columns.items():
            rules = "; ".join(rule.error for rule in column.rules)
            target = f" → `{contract.references[name].name}`" if name in contract.references else ""
            meaning = column.description.replace("|", "\\|") + (f" ({rules})" if rules else "") + target
            lines.append(
                f"| {name} | {_type_name(contract.schema[name])} | {'yes' if column.nullable else 'no'} | {meaning} |"
            )
        lines.append("")
    return lines


def _type_name(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.List):
        return f"List({_type_name(dtype.inner)})"  # type: ignore[arg-type]  # inner is typed as class or instance
    if isinstance(dtype, pl.Struct):
        return "Struct(" + ", ".join(f"{f.name}: {_type_name(f.dtype)}" for f in dtype.fields) + ")"  # type: ignore[arg-type]  # as above
    return str(dtype)
