"""Questions with parameters: the macros of a source's macros.sql, as their own heads describe them.

What belongs here: reading the comment above each macro: what it gives, and examples. What does not: running the file
(targets/), what a macro asks (a source's macros.sql), the page that lists them (dictionary.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: The comment right above a macro, its name with the schema, and its parameters.
_MACRO = re.compile(
    r"(?P<head>(?:^--[^\n]*\n)+)CREATE OR REPLACE MACRO (?P<name>[\w.]+)\((?P<parameters>[^)]*)\) AS", re.MULTILINE
)
_EXAMPLE = "--   "


@dataclass(frozen=True)
class Macro:
    """A macro as its head says: `examples` are statements that run as they stand, in any lake that has a day."""

    name: str
    parameters: str
    description: str
    examples: tuple[str, ...]

    @property
    def call(self) -> str:
        """`schema.name(parameters)`, those that may be left out with their default."""
        return f"{self.name}({self.parameters})"


def macros_of(file: Path | None) -> list[Macro]:
    """The macros of a file, in their order; none without one."""
    macros = []
    for found in _MACRO.finditer(file.read_text(encoding="utf-8") if file else ""):
        lines = found["head"].splitlines()
        examples = tuple(line.removeprefix(_EXAMPLE) for line in lines if line.startswith(_EXAMPLE))
        words = " ".join(line.removeprefix("--").strip() for line in lines if not line.startswith(_EXAMPLE))
        macros.append(Macro(found["name"], " ".join(found["parameters"].split()), words, examples))
    return macros
