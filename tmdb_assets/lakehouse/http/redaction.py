"""Secrets taken out of texts before anybody sees them.

What belongs here: the patterns of secrets, known and unknown, and the filter of the log lines of urllib3. What does
not: which values are secret (whoever has them says so).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from functools import lru_cache


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret, in any mix of plain and URL-encoded characters, by `***`; the values of `api_key=`, of
    Bearer tokens and of `user:password@` in URLs too, whether they are known or not."""
    if known := tuple(s for s in secrets if s):
        text = secret_pattern(known).sub("***", text)
    return _LOOKS_SECRET.sub(r"\g<name>\g<scheme>***", text)


_LOOKS_SECRET = re.compile(
    r"""(?P<name>(?:api_?key|access_token)["']?\s*(?:=|:|%3D)\s*["']?|\bBearer(?:\s|\+|%20)+)[^\s&"'<>,;@)]+"""
    r"""|(?P<scheme>://)[^/\s]+(?=@)""",  # up to the last @ before the path: a password may hold one, and commas
    re.IGNORECASE,
)


@lru_cache(maxsize=64)
def secret_pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """What finds any of the secrets in a text, whichever of its characters are URL-encoded."""

    def either_form(char: str) -> str:
        encoded = "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        return f"(?:{re.escape(char)}|(?i:{encoded}){'|[+]' if char == ' ' else ''})"

    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join("".join(map(either_form, secret)) for secret in longest_first))


class RedactingFilter(logging.Filter):
    """urllib3 writes full URLs into its log lines; this filter takes the secrets out before any handler sees them."""

    LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage(), self._secrets), ()
        return True
