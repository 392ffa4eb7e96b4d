"""HTML is written by templates alone, which escape every value and know every name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from tmdb_assets import templates
from tmdb_assets_tests.conftest import PROJECT

PACKAGE = PROJECT / "tmdb_assets"
FILES = sorted(PACKAGE.rglob("*.j2"))
#: Readers of the warehouse: what they write, a browser reads. The sandbox speaks HTML as other servers do, in bytes.
PAGES = [file for room in ("report", "dashboard", "warehouse") for file in sorted((PACKAGE / room).rglob("*.py"))]
#: The name of a group of a regular expression is none.
TAG = re.compile(r"(?<!\?P)</?[a-z][a-z0-9]*(?:[\s/>]|$)")
UNESCAPED = re.compile(r"\|\s*safe\b|\bautoescape\b|\bMarkup\b")


def test_a_value_is_escaped_and_an_unknown_name_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "t.html.j2").write_text("{% macro say(it) %}<p>{{ it.name }}</p>{% endmacro %}{{ say(it) }}")
    monkeypatch.setattr(templates._TEMPLATES, "loader", type(templates._TEMPLATES.loader)(tmp_path))  # type: ignore[call-arg]  # a loader of files
    assert templates.render("t.html.j2", it={"name": "<b>"}) == "<p>&lt;b&gt;</p>"
    with pytest.raises(UndefinedError, match="name"):
        templates.render("t.html.j2", it={})
    with pytest.raises(UndefinedError, match="'it' is undefined"):
        templates.render("t.html.j2")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_template_and_no_page_lets_a_value_through_unescaped(file: Path) -> None:
    assert UNESCAPED.findall(file.read_text(encoding="utf-8")) == []
    users = [p.name for p in PAGES if UNESCAPED.search(p.read_text(encoding="utf-8"))]
    assert users == []


def tags_written(source: str) -> list[str]:
    """Texts of a module that hold a tag; what a module says of itself is not one of them."""
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in said
    ]
    return [text.value for text in texts if TAG.search(str(text.value))]


def test_no_page_writes_a_tag_by_hand() -> None:
    assert tags_written('x = f"<b>{y}</b>"') == ["<b>", "</b>"]
    assert {file.name: tags for file in PAGES if (tags := tags_written(file.read_text(encoding="utf-8")))} == {}
    assert {file.name for file in FILES} >= {"page.html.j2", "markup.html.j2"}
