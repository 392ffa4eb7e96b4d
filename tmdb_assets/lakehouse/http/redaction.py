"""Secrets taken out of texts before anybody sees them.

What belongs here: the patterns of secrets, known and unknown, and the filter of the log lines of urllib3. What does
not: which values are secret (whoever has them says so).
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterable
from functools import lru_cache

#: Bytes of a secret from which on it is looked for in base64 too: of fewer, too little would be left to tell it by.
BASE64_FROM = 6


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret by `***`, in any mix of its forms: plain, URL-encoded once or more often, escaped as in
    JSON, within base64. The values of `api_key=` and `access_token=`, of Basic and Bearer credentials and of
    `user:password@` in URLs too, whether they are known or not."""
    if known := tuple(s for s in secrets if s):
        text = secret_pattern(known).sub("***", text)
    return _LOOKS_SECRET.sub(r"\g<name>\g<scheme>***", text)


_LOOKS_SECRET = re.compile(
    r"""(?P<name>(?:api[_-]?key|access[_-]?token)\\?["']?\s*(?:=|:|%(?:25)*3[DA])\s*\\?["']?"""
    r"""|\bBearer(?:\s|\+|%(?:25)*20)+|\bauthorization\\?["']?\s*[:=]\s*\\?["']?Basic\s+)[^\s&"'<>,;@)]+"""
    # up to the last @ before the path: a password may hold one, and commas
    r"""|(?P<scheme>://)[^/\s]+(?=@)""",
    re.IGNORECASE,
)


@lru_cache(maxsize=64)
def secret_pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """What finds any of the secrets in a text, in whichever of its forms."""
    longest_first = sorted(secrets, key=len, reverse=True)
    forms = ["".join(map(_any_form, secret)) for secret in longest_first]
    for secret in longest_first:
        for part in _base64_parts(secret.encode("utf-8", "surrogatepass")):
            forms.append("".join(_any_form(char) if char in "+/" else char for char in part))
    return re.compile("|".join(forms))


def _any_form(char: str) -> str:
    """A pattern of a character as it is, URL-encoded, or escaped in JSON."""
    encoded = "".join(f"%(?:25)*{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
    escaped = {json.dumps(char)[1:-1], json.dumps(char, ensure_ascii=False)[1:-1], "\\/" if char == "/" else char}
    forms = [re.escape(char), *(f"(?i:{form})" for form in (encoded, *map(re.escape, sorted(escaped - {char}))))]
    return f"(?:{'|'.join(forms)}{'|[+]' if char == ' ' else ''})"


def _base64_parts(secret: bytes) -> list[str]:
    """What is the same in base64, of either alphabet, whatever stands before and after a secret: of each of the three
    places where it may begin."""
    parts: dict[str, None] = {}
    for before in range(3) if len(secret) >= BASE64_FROM else ():
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(bytes(before) + secret).decode()
            parts[encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]] = None
    return list(parts)


class RedactingFilter(logging.Filter):
    """urllib3 writes full URLs into its log lines; this filter takes the secrets out before any handler sees them."""

    LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage(), self._secrets), ()
        return True
