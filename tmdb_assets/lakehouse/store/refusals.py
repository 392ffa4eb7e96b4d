"""What a disk or an object store refuses, in one sentence.

What belongs here: errors of deltalake, of the system and of object stores, told apart and put into words. What does
not: when a commit is tried again (delta.py).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tmdb_assets.lakehouse.store.root import LakeError, without_secrets

CREDENTIALS = "AWS_*, AZURE_* or GOOGLE_*"
#: No room, no quota, beyond the limit of one file.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def no_panic(root: str) -> Iterator[None]:
    """What makes deltalake panic is one sentence: its panics are no `Exception`, and would end whatever runs us."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        said = first_line(error)
    else:
        return
    raise LakeError(
        f"The lake root {without_secrets(root)} cannot be used ({said}): set TMDB_ASSETS_LAKE to another folder or "
        "bucket, plainly named."
    )


def refusal(root: str, error: Exception, what: str, *, is_local: bool) -> LakeError | None:
    """What to say of a root that cannot be `what` (read, written); None when the fault is not the system's."""
    refused = refused_by_the_system(error)
    if refused is None:
        return None
    number, reason = refused
    advice = "make room there, or set" if number in FULL else "set"
    if not is_local:
        advice = (
            f"see that the bucket is there and that {CREDENTIALS} name a key, region and endpoint it is "
            "reached with, or set"
        )
    return LakeError(
        f"The lake root {without_secrets(root)} cannot be {what} ({reason}): {advice} TMDB_ASSETS_LAKE to a folder "
        "or bucket that you may write to. What was kept before stays as it was, and another run goes on from there."
    )


def refused_by_the_system(error: Exception) -> tuple[int | None, str] | None:
    """The error number, if any, and the reason of a file system or an object store; None when the fault is another.

    deltalake gives the errors of either as text, coloured and over many lines, in more than one class of exception. A
    file that is not there is another fault: the table's.
    """
    if isinstance(error, FileNotFoundError):
        return None
    if isinstance(error, OSError) and error.strerror:
        return error.errno, error.strerror
    text = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).split())
    if numbers := re.findall(r"(?:\(os error |\bOs { code: )(\d+)", text):
        number = int(numbers[-1])
        return None if number == errno.ENOENT else (number, os.strerror(number))
    if "panicked with message" in text:
        return None, "deltalake gave up: an address such as AWS_ENDPOINT_URL is a full URL, https://host"
    if isinstance(error, OSError):
        said = re.sub(r"(://)(?:[^/\s]*@)?([^\s?#]*)\S*", r"\1\2", text)  # URLs may be signed
        said = said.removeprefix("Kernel error -> ").replace(" ↳", ":")
        if answer := re.search(r"<Code>(.*?)</Code>(?:.*?<Message>(.*?)</Message>)?", said):
            return None, ": ".join(filter(None, answer.groups()))[:200]
        return None, said.partition("<?xml")[0].rstrip(": ")[:200]
    return None


def first_line(error: BaseException) -> str:
    """What an error says, without its details."""
    return str(error).strip().partition("\n")[0]
