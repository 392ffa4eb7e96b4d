"""A disk that takes no more, for tests that need neither a disk of their own nor root.

What belongs here: making writes of this process fail as they do on a full disk. What does not: assertions.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Meanwhile the system refuses to write any file beyond so many bytes, to whatever library asks for it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
