"""The root of every error that speaks to a user.

What belongs here: the one class that says "this message is a sentence for a person: show it, and no stack". What does
not: the errors themselves, which live beside what raises them and carry fields (table, column, day, ...).
"""


class LakehouseError(Exception):
    """Something a user can understand and act on; `str()` is one clear sentence that names what and what to do."""
