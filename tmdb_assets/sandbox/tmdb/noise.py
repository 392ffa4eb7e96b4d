"""Numbers that look random and are not: the same arguments give the same number in every process and in any order.

What belongs here: hashing of integers, fast enough for one call per film and day. What does not: what the numbers mean.
Python's own hash() is salted per process, and a Random object depends on what was drawn from it before.
"""

from __future__ import annotations

import hashlib

_MASK = (1 << 64) - 1


def salt(text: str) -> int:
    """64 bits that stand for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def mix(number: int, step: int) -> int:
    """64 well-mixed bits of two integers (the finalizer of splitmix64)."""
    x = (number + step * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def unit(number: int, step: int) -> float:
    """A number in [0, 1) of two integers."""
    return (mix(number, step) >> 11) / 9007199254740992.0
