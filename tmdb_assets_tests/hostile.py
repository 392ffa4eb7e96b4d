"""Texts that try to be more than texts, and what a page is made of but for one of them."""

from __future__ import annotations

from html.parser import HTMLParser

HARMLESS = "HARMLESS"
#: As strangers write them: each must come out as it is.
HOSTILE = (
    "<script>alert(1)</script>",
    "&amp; &lt;b&gt; &#60;i&#62;",
    """'"`> onmouseover="alert(1)" x='""",
    "{{ 7*7 }} {% raw %} {# #}",
    "</style></title></table><!-- -->",
    "%s %(name)s ${x}",
    "Söhne 電影 \u202e🎬",
)


class _Parts(HTMLParser):
    """Tags with their attributes, and texts; a text that may break behind a slash is one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[tuple[str, ...]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "wbr":
            self.parts.append(("<", tag, *(f"{name}={value}" for name, value in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(("</", tag))

    def handle_comment(self, data: str) -> None:
        self.parts.append(("<!--", data))

    def handle_data(self, data: str) -> None:
        if self.parts and self.parts[-1][0] == "text":
            data = self.parts.pop()[1] + data
        self.parts.append(("text", data))


def parts(page: str, text: str) -> list[tuple[str, ...]]:
    """What a page is made of, with HARMLESS in place of this text."""
    return [tuple(each.replace(text, HARMLESS) for each in part) for part in _Parts(page).parts]
