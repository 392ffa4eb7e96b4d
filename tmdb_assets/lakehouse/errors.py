"""The root of every error that speaks to a user.

What belongs here: the one class that says "this message is a sentence for a person: show it, and no stack". What does
not: the errors themselves, which live beside what raises them and carry fields (table, column, day, ...).
"""


class LakehouseError(Exception):
    """Something a user can understand and act on; `str()` is one clear sentence that names what and what to do."""


class BlockedError(LakehouseError):
    """A blocking check that did not hold, found before anything was published. Fields: `check`, and figures for its
    metadata."""

    def __init__(self, check: str, message: str, **figures: int | float | str) -> None:
        self.check, self.figures = check, figures
        super().__init__(message)
