"""Asking before something is deleted for good.

What belongs here: the question, and what is said where nobody can be asked. What does not: what is deleted, and the
list of it that is printed before (each command's own).
"""

from __future__ import annotations

import sys


def is_given(command: str) -> bool:
    """Whether somebody at the terminal says yes; what to do where there is no terminal is said under the command's
    name."""
    if not sys.stdin.isatty():
        print(
            f"{command}: nothing was changed, because nobody can be asked here: give YES=1 (make) or --yes to "
            "delete all that.",
            file=sys.stderr,
        )
        return False
    try:
        answer = input("Delete all that, for good? Type yes or no: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() in {"y", "yes"}:
        return True
    print("Nothing was changed.")
    return False
