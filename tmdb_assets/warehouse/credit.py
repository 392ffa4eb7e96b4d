"""Who is named beside figures of the warehouse, and what is said when the sandbox invented them.

What belongs here: those sentences, for every reader of the warehouse. What does not: where they stand (a page, a
picture, a report), how figures are written (figures.py).
"""

from __future__ import annotations

from dataclasses import dataclass

ATTRIBUTION = "This product uses the TMDB API but is not endorsed or certified by TMDB."
MIXED = (
    "Some sources of this warehouse are real, others are invented by the built-in sandbox: find out which "
    "before you rely on a figure."
)


@dataclass(frozen=True)
class Source:
    """Who a figure comes from. `line` names the source, `brief` does it in a word or two, `invented` says what the
    sandbox made up, `real_ones` how real ones come; `terms` must stand beside its figures, whoever answered."""

    line: str
    brief: str
    invented: str
    real_ones: str
    terms: str | None = None

    @property
    def banner(self) -> str:
        """What a page says of figures that the sandbox invented."""
        return f"{self.invented} {self.real_ones}"

    def beside(self, origin: str | None) -> list[str]:
        """The lines that go with a picture or a file of figures, wherever it is taken. `origin` as the warehouse has
        it."""
        if origin == "sandbox":
            said = f"INVENTED DATA of the built-in sandbox, not from {self.brief}."
        elif origin and "sandbox" in origin:
            said = "REAL AND INVENTED DATA MIXED: the built-in sandbox answered for some of it."
        else:
            said = self.line
        return [said, self.terms] if self.terms else [said]


def file_name(name: str, origin: str | None) -> str:
    """What a file of figures is called that is taken along: a table has no other place that says what it is made of."""
    if not is_doubtful(origin):
        return name
    return f"{name}-sandbox-invented" if origin == "sandbox" else f"{name}-partly-sandbox-invented"


def is_doubtful(origin: str | None) -> bool:
    """Whether the sandbox answered for any of it."""
    return "sandbox" in (origin or "")


FILMS = Source(
    "Source: The Movie Database (TMDB).",
    "TMDB",
    "Invented films: these figures come from the built-in sandbox, not from TMDB.",
    "Set TMDB_API_TOKEN to observe real ones.",
    ATTRIBUTION,
)
SUBSCRIBERS = Source(
    "Source: the monthly drops of a streaming service.",
    "a streaming service",
    "Invented subscribers: these figures come from the built-in sandbox, not from a streaming service.",
    "Drop a month's files to see real ones.",
)
LISTENERS = Source(
    "Source: the music API moovitamix.",
    "moovitamix",
    "Invented listeners: these figures come from the built-in sandbox, not from a music service.",
    "Set MOOVITAMIX_URL to ask a real one.",
)
