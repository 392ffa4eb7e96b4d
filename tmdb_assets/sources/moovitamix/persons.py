"""Who a row, a value or a text is about: the one reader of ids and e-mails, wherever a person may be named.

What belongs here: when two e-mails, or two ids, are the same however they are spelled; which of them a row names, in
any field, and in a text that is no JSON as well. What does not: who was forgotten (privacy.py), which rows go
(forget.py).

An id is a whole number, however it is written. Two e-mails are the same when they differ only in what mail systems,
JSON or Unicode allow to write otherwise: escapes, case (ß is ss), composed or full-width letters, letters that are not
seen, quotation marks around the local part, an IDNA domain in either form or with a dot at its end, `mailto:`, a name
before it in angle brackets. Dots and tags in the local part tell mailboxes apart.

An implausible e-mail names nobody: one without a mailbox or a dotted domain, or whose words on both sides stand for
"none" (none@none.com). Nor does one under which many different names stand: a placeholder that looks like an e-mail.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from tmdb_assets.lakehouse.payloads.json_text import NotJson, Unreadable, read_by_parts, read_exactly
from tmdb_assets.lakehouse.payloads.mending import whole_number
from tmdb_assets.sources.moovitamix.contracts import HISTORIES_ENDPOINT, USERS_ENDPOINT

#: An e-mail under which so many names stand (of so many ids) is nobody's own.
NAMES_OF_A_PLACEHOLDER = 5
#: Fields that say whom a row is about.
ID_FIELDS = {USERS_ENDPOINT: ("id", "user_id"), HISTORIES_ENDPOINT: ("user_id",)}

_NONE_WORDS = frozenset(
    {"none", "null", "nil", "nan", "na", "n/a", "no", "noemail", "nomail", "noone", "nobody", "unknown", "undefined"}
    | {
        "anonymous",
        "anon",
        "empty",
        "missing",
        "dummy",
        "fake",
        "invalid",
        "deleted",
        "removed",
        "test",
        "x",
        "xx",
        "xxx",
        "noreply",
        "email",
        "mail",
        "0",
    }
)
#: Not seen, though no control or format character: fillers, joiners, variation selectors.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_AT = frozenset("@\uff20\ufe6b")
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_NAMED = re.compile(r"[^<>]*<([^<>]+)>\s*", re.DOTALL)
_DOMAIN = re.compile(r"(?:[^\s.@<>\[\]\"(),:;\\]+\.)+[^\s.@<>\[\]\"(),:;\\]+|\[[^\s@\[\]]+\]")
#: What may be an e-mail in a longer text; an apostrophe or a sign may belong to it or to the text around.
_CANDIDATE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s<>()\[\]:;,"\\@]+)\s?@\s?(?:\[[^\s\[\]]+\]|[^\s<>()\[\]:;,"\\@]+)')
#: What an @ or a letter may be written with in a text: HTML, URLs, escapes of JSON inside of it.
_HIDING = ("&#", "&commat", "%40", "\\")
_AROUND = "'`´’‘“”*_~|={}/&?!#$%^.-"
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ID_SAID = r"""["']?(?<![A-Za-z0-9_])(?:{})["']?\s*[:=]\s*["']?\s*(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"""


# -- when two are the same ---------------------------------------------------------------------------------------------


def plain_email(email: object) -> str | None:
    """The one form of an e-mail, by which it is compared; None where it tells nobody."""
    if isinstance(email, Unreadable):
        email = unescaped(email).strip().removeprefix('"').removesuffix('"')
    return _plain(email) if isinstance(email, str) and (not _AT.isdisjoint(email) or "%40" in email) else None


@lru_cache(maxsize=100_000)
def _plain(email: str) -> str | None:
    text = _folded(email).strip()
    if named := _NAMED.fullmatch(text):
        text = named[1].strip()
    if text.startswith("mailto:"):
        text = _folded(unquote(text.removeprefix("mailto:").partition("?")[0])).strip()
    local, at, domain = text.rpartition("@")
    local, domain = local.strip(), _domain(domain.strip())
    if quoted := _QUOTED.fullmatch(local):
        local = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)
    elif not {"@", '"', " "}.isdisjoint(local):
        return None
    if not (at and local.strip() and _DOMAIN.fullmatch(domain)) or _is_none(local, domain):
        return None
    return f"{local}@{domain}"


def folded_name(*names: object) -> str:
    """Names as they are compared: case, composition and blanks tell nobody apart."""
    return " ".join(word for name in names if isinstance(name, str) for word in _folded(name).split())


def _folded(text: str) -> str:
    """A text without differences of case and composition, and without what is not seen; all blanks are spaces."""
    while True:
        shown = (" " if c.isspace() else c for c in _UNSEEN.sub("", text))
        seen = "".join(c for c in shown if unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
        if folded == text:
            return folded
        text = folded


def _domain(domain: str) -> str:
    """A domain in Unicode letters, without the dot that may end it."""
    labels = domain.translate(_DOTS).removesuffix(".").split(".")
    return ".".join(_label(label) for label in labels)


def _label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return _folded(label[4:].encode("ascii").decode("punycode"))
    except (UnicodeError, ValueError, OverflowError):
        return label


def _is_none(local: str, domain: str) -> bool:
    words = [local.strip().replace("-", "").replace("_", "").replace(".", ""), domain.split(".")[0].replace("-", "")]
    return all(word in _NONE_WORDS or not any(map(str.isalnum, word)) for word in words)


# -- what a row names --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """Whom a row names: ids in the fields that say whom it is about, e-mails in any field."""

    ids: frozenset[int]
    emails: frozenset[str]


@dataclass(frozen=True)
class Person:
    """Who is to be recognised: ids and e-mails (in their plain form) of one person."""

    ids: frozenset[int]
    emails: frozenset[str]

    def is_in(self, named: Named) -> bool:
        """Whether a row that names these is about the person."""
        return not (self.ids.isdisjoint(named.ids) and self.emails.isdisjoint(named.emails))


def named_in(endpoint: str, text: str) -> Named:
    """Whom the JSON text of a row names; of one that is no JSON, or in part, whom its text does."""
    value, broken = _read(text)
    said = [] if value is None else [value]
    ids = {i for v in said for i in _ids(v, ID_FIELDS.get(endpoint, ()))}
    ids |= {i for piece in broken for i in _ids_said(piece, ID_FIELDS.get(endpoint, ()))}
    emails = {email for v in said for string in _strings(v) for email in emails_in(string)}
    emails |= {email for piece in broken for email in emails_in(piece, is_escaped=True)}
    return Named(frozenset(ids), frozenset(emails))


def emails_in(text: str, *, is_escaped: bool = False) -> set[str]:
    """E-mails that a text is or else has in it, in their plain form; `is_escaped`: escapes of any kind may hide them,
    and what looks like one may be more than one."""
    is_escaped = is_escaped or isinstance(text, Unreadable) or any(sign in text for sign in _HIDING)
    found = {plain} if (plain := plain_email(text)) else set()
    if found and not is_escaped:
        return found
    for spelled in _spellings(text) if is_escaped else (text,):
        if not _AT.isdisjoint(spelled):
            candidates = [c for match in _CANDIDATE.finditer(_folded(spelled)) for c in _trimmed(match[0])]
            found |= {plain for c in candidates if (plain := plain_email(c))}
    return found


def user_of(endpoint: str, text: str) -> int | None:
    """The user whom a raw row is about; None for a track, and where nobody can be read from it."""
    field_name = {USERS_ENDPOINT: "id", HISTORIES_ENDPOINT: "user_id"}.get(endpoint)
    value, _ = _read(text)
    return whole_number(value.get(field_name)) if field_name and isinstance(value, dict) else None


def email_said(text: str) -> str | None:
    """The e-mail in a raw row of /users as it is written there."""
    value, _ = _read(text)
    said = value.get("email") if isinstance(value, dict) else None
    return said if isinstance(said, str) and not isinstance(said, Unreadable) else None


def email_of(text: str) -> str | None:
    """The e-mail in a raw row of /users, in its plain form."""
    value, _ = _read(text)
    return plain_email(value.get("email")) if isinstance(value, dict) else None


def name_of(text: str) -> str:
    """The full name in a raw row of /users, as it is compared; empty where none is stated."""
    value, _ = _read(text)
    return folded_name(value.get("first_name"), value.get("last_name")) if isinstance(value, dict) else ""


def unescaped(text: str) -> str:
    """A text with the escapes of JSON read, as far as they are some."""

    def read(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _ESCAPED.get(match[2], match[2])

    said = _ESCAPE.sub(read, text)
    return said.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _read(text: str) -> tuple[Any, list[str]]:
    """The value of a text, and those parts of it that are none: the whole text where it is no JSON."""
    try:
        value = read_exactly(text)
        if any(text.count(f'"{key}"') > 1 for key in ("id", "user_id", "email")):
            value = read_by_parts(text)  # a key stated twice: both count
    except NotJson:
        return None, [text]
    return value, [s for s in _strings(value) if isinstance(s, Unreadable)] + _contradicted(value)


def _contradicted(value: Any) -> list[str]:
    """Keys that are stated twice, as text with their name: what they say cannot be told from the value alone."""
    if not isinstance(value, dict):
        return []
    return [f'"{key}":{said}' for key, said in value.items() if isinstance(said, Unreadable)]


def _ids(value: Any, fields: Iterable[str]) -> Iterator[int]:
    if isinstance(value, dict):
        for name in fields:
            if (found := whole_number(value.get(name))) is not None:
                yield found


def _ids_said(text: str, fields: tuple[str, ...]) -> Iterator[int]:
    if not fields:
        return
    said = re.compile(_ID_SAID.format("|".join(fields)))
    for spelled in _spellings(text):
        for match in said.finditer(spelled):
            if (found := whole_number(_number(match[1]))) is not None:
                yield found


def _number(text: str) -> Any:
    try:
        return read_exactly(text.lstrip("0") or "0")
    except NotJson:
        return text


def _strings(value: Any) -> Iterator[str]:
    """Every text in a value, names of fields included."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            pending += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            pending += one


def _spellings(text: str) -> list[str]:
    """A text as it is, and with the escapes of JSON (once and twice), of HTML and of URLs read."""
    once = unescaped(text)
    twice = unescaped(once)
    return list(dict.fromkeys([text, once, twice, html.unescape(once), unquote(once), unquote(html.unescape(twice))]))


def _trimmed(candidate: str) -> Iterator[str]:
    """A candidate, and what is left of it without the signs of the text around it."""
    yield candidate
    yield candidate.strip(_AROUND)
    if "?" in candidate.partition("@")[2]:  # mailto:ann@example.org?subject=...
        yield candidate.partition("?")[0].strip(_AROUND)
    if "=" in candidate.partition("@")[0]:
        local, _, domain = candidate.partition("@")
        named = local.rpartition("=")[2]  # what stands right before the @ belongs to the e-mail
        yield f"{named}@{domain.rstrip(_AROUND)}"
        yield f"{named.lstrip(_AROUND)}@{domain.rstrip(_AROUND)}"


# -- who belongs together ----------------------------------------------------------------------------------------------


@dataclass
class Acquaintances:
    """Which ids and e-mails were seen together, and under which names: who else a person is."""

    ids: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    emails: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    names: dict[str, dict[str, set[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))

    def meet(self, user_id: int | None, email: str | None, name: str) -> None:
        """An id was seen with an e-mail (in its plain form) under a name."""
        if user_id is not None and email is not None:
            self.ids[email].add(user_id)
            self.emails[user_id].add(email)
            self.names[email][name].add(user_id)

    def is_placeholder(self, email: str) -> bool:
        """Whether so many users of different names state an e-mail that it is nobody's own.

        One person has few names, however many ids; of users without a name nobody can tell.
        """
        names = {name for name in self.names[email] if name} if email in self.names else set()
        return len(names) >= NAMES_OF_A_PLACEHOLDER and len(self.ids[email]) >= NAMES_OF_A_PLACEHOLDER

    def person(self, user_id: int) -> Person:
        """Every id and e-mail that belong together, starting from one id."""
        ids, emails = {user_id}, set[str]()
        while True:
            more_emails = {e for i in ids for e in self.emails.get(i, ()) if not self.is_placeholder(e)}
            more_ids = ids | {i for e in more_emails for i in self.ids[e]}
            if (more_ids, more_emails) == (ids, emails):
                return Person(frozenset(ids), frozenset(emails))
            ids, emails = more_ids, more_emails
