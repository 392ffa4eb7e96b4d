"""What is written from contracts, views and macros: docs/tables.md, and what views say when they are parsed.

`python -m tmdb_assets.dictionary` (`make docs`) writes both. What belongs here: the order and the frame of the page.
What does not: a word about a column or a macro (that is its contract's, or its head's), how a view is parsed
(lakehouse/engines/).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tmdb_assets.assembly import source_modules
from tmdb_assets.lakehouse.contracts import Stage
from tmdb_assets.lakehouse.contracts.dictionary import dictionary_lines
from tmdb_assets.lakehouse.engines.parsing import Parsed
from tmdb_assets.lakehouse.engines.views import View, bases_of
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.macros import macros_of

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"
STAGES = {
    Stage.RAW: "Raw: what came, verbatim",
    Stage.CLEAN: "Clean: typed rows, audited",
    Stage.STAR: "Star: dimensions, bridges, facts",
    Stage.VIEWS: "Views: answers",
}


def dictionary() -> str:
    """The page as Markdown."""
    lines = [
        "# Tables",
        "",
        (
            "Written by `make docs` from the contracts; a test says when it is stale. Every table lies under the lake "
            "root at its"
        ),
        (
            "own name, as a Delta table; its name is also its asset key in Dagster. The macros of the warehouse stand "
            "at the end of"
        ),
        "each source. [asking.md](asking.md) shows how both are asked.",
        "",
    ]
    for module in source_modules("contracts"):
        for stage, heading in STAGES.items():
            contracts = [c for c in module.CONTRACTS if c.stage is stage]
            if contracts:
                lines += [f"## {module.SOURCE}: {heading}", "", *dictionary_lines(contracts)]
        bases = [base.contract for base in bases_of(module.VIEWS)]
        lines += dictionary_lines(
            bases, "kept in no table: a SQL view in the warehouse, a step of the views that read it"
        )
        lines += _macro_lines(Source.of(module))
    return "\n".join(lines).rstrip() + "\n"


def _macro_lines(source: Source) -> list[str]:
    """The macros of a source: how each is called, what it gives, examples."""
    lines = [f"## {source.name}: Macros: questions with parameters", ""]
    lines += ["In the warehouse only. A parameter with `:=` may be left out.", ""]
    found = macros_of(source.macros)
    for macro in found:
        lines += [
            f"### `{macro.call}`",
            "",
            macro.description,
            "",
            "```sql",
            *(f"{e};" for e in macro.examples),
            "```",
            "",
        ]
    return lines if found else []


def parsed(views: Sequence[View]) -> Parsed:
    """What the views of a source say when they are parsed."""
    found = Parsed()
    for view in (*bases_of(views), *views):
        found.tables_in(view.sql)
        view.lineage(found)
    return found


if __name__ == "__main__":
    PAGE.write_text(dictionary(), encoding="utf-8")
    for views in (module.VIEWS for module in source_modules("contracts") if module.VIEWS):
        parsed(views).write(views[0].file.parent)
