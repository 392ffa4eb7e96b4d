"""HTML is written by templates: files `*.html.j2` beside the code that fills them.

What belongs here: the one Jinja environment, in which every value is escaped and a name that a template lacks is an
error.
What does not: any template, what is written into one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(template: str, **values: Any) -> str:
    """A whole template, named by its path within the package."""
    return _TEMPLATES.get_template(template).render(values)


def call(template: str, macro: str, *values: Any) -> str:
    """One macro of a template."""
    return str(getattr(_TEMPLATES.get_template(template).module, macro)(*values))
