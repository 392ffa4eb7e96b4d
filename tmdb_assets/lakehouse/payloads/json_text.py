"""What JSON is, said once: text -> values, text -> the texts of a list's items, values -> text.

What belongs here: reading any JSON text of any source, strictly where it is JSON, and where it is not, value by value:
what cannot be read stands as `Unreadable` in its place and spoils nothing beside it. What does not: what a payload
should look like (shapes.py), bytes (http/bodies.py).

Strict readers part ways over half a surrogate pair, NaN, 1e999, depth and control characters, and each gives up the
whole text for one of them. So msgspec reads what is JSON, and what is not is read by its brackets and quotes alone.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from tmdb_assets.lakehouse.errors import LakehouseError

#: Values nested deeper are not looked into; a film's details have six levels.
DEEPEST = 64
_DIGITS_AT_MOST = 400  # of a number that is read: no float is larger

#: What msgspec raises for a text that it cannot read. How deep it can depends on who calls it.
STRICT_ERRORS = (msgspec.MsgspecError, RecursionError, UnicodeError)


class NotJson(LakehouseError, ValueError):
    """A text whose brackets and quotes make no JSON value."""


class Unreadable(str):
    """A part of a text that is no JSON value, verbatim; `wanted` says what it must be, where that is not the type's to
    say."""

    __slots__ = ("wanted",)
    wanted: str

    def __new__(cls, text: str, wanted: str = "") -> Unreadable:
        self = super().__new__(cls, text)
        self.wanted = wanted
        return self


class Number(float):
    """A number with a point or an exponent, and how it was written: 9007199254740993.0 is no float."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        self = super().__new__(cls, text)
        self.text = text
        return self


def read(text: str) -> Any:
    """The value of a JSON text; a part that is none is `Unreadable`. Raises NotJson where the text as a whole is
    none."""
    try:
        return msgspec.json.decode(text)
    except STRICT_ERRORS:
        return read_by_parts(text)


def read_exactly(text: str) -> Any:
    """As `read`, with every number that has a point or an exponent as `Number`."""
    try:
        return _exact.decode(text)
    except STRICT_ERRORS:
        return read_by_parts(text)


def read_by_parts(text: str) -> Any:
    """As `read_exactly`, and a key that is stated twice with two values is `Unreadable`: readers take the first or the
    last."""
    return _whole(text, lambda at: _value(text, at, 0))


def split(text: str, key: str | None) -> list[str]:
    """The items of a list, each as it is written: the list stands under `key` of an object, None: it is the text.

    What an item holds is not looked at. Raises NotJson, also where there is no such list.
    """
    try:
        items = _list.decode(text if key is None else _object.decode(text)[key])
        return [str(item, "utf-8") for item in items]
    except (*STRICT_ERRORS, KeyError):
        return _split_by_parts(text, key)


def write(value: Any) -> str:
    """A value as JSON text; what could not be read is written as it was."""
    parts: list[str] = []
    pending = [value]  # and not by calling itself: what msgspec reads may be nested deeper than Python calls
    while pending:
        one = pending.pop()
        if isinstance(one, Unreadable):
            parts.append(one)
        elif isinstance(one, Number):
            parts.append(one.text)
        elif isinstance(one, dict | list):
            pending += reversed(_spelled(one))
        else:
            parts.append(json.dumps(one, ensure_ascii=False))
    return "".join(parts)


def _spelled(container: dict[str, Any] | list[Any]) -> list[Any]:
    """The members of a container and the marks around them."""
    is_object = isinstance(container, dict)
    parts: list[Any] = []
    for member in container.items() if isinstance(container, dict) else container:
        parts += [Unreadable(","), *((member[0], Unreadable(":"), member[1]) if is_object else (member,))]
    parts[:1] = [Unreadable("{" if is_object else "[")]
    return [*parts, Unreadable("}" if is_object else "]")]


# -- by brackets and quotes --------------------------------------------------------------------------------------------

_exact = msgspec.json.Decoder(float_hook=Number)
_object, _list = msgspec.json.Decoder(dict[str, msgspec.Raw]), msgspec.json.Decoder(list[msgspec.Raw])

_TOKEN = re.compile(
    r'[ \t\r\n]*(?:(?P<mark>[{}\[\],:])|(?P<text>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<bare>[^ \t\r\n{}\[\],:"]+))', re.DOTALL
)
_END = re.compile(r"[ \t\r\n]*\Z")
_PLAIN = re.compile(r'"[^"\\\x00-\x1f]*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_WORDS = {"null": None, "true": True, "false": False}
_CLOSED_BY = {"{": "}", "[": "]"}
_Found = TypeVar("_Found")


class _Broken(Exception):
    """A container whose members do not follow each other as they must; `args[0]` is where."""


class _Unbalanced(_Broken):
    """Brackets or quotes that do not match: there is no telling where anything ends."""


def _whole(text: str, part: Callable[[int], tuple[_Found, int]]) -> _Found:
    try:
        found, end = part(0)
        if not _END.match(text, end):
            raise _Broken(end)
        if isinstance(found, Unreadable):
            raise _Broken(0)
    except _Broken as error:
        raise NotJson(f"no JSON at character {error.args[0]:,}") from None
    return found


def _token(text: str, at: int) -> re.Match[str]:
    found = _TOKEN.match(text, at)
    if found is None:
        raise _Unbalanced(at)
    return found


def _members(
    text: str, opening: re.Match[str], read_one: Callable[[int], tuple[Any, int]]
) -> tuple[list[tuple[str, Any]], int]:
    """Key ("" in a list) and value of each member of the container that opens there, and its end."""
    is_object, closing = opening["mark"] == "{", _CLOSED_BY[opening["mark"]]
    members: list[tuple[str, Any]] = []
    at, token = opening.end(), _token(text, opening.end())
    if token["mark"] == closing:
        return members, token.end()
    while True:
        key = ""
        if is_object:
            name, colon = token, _token(text, token.end())
            if name["text"] is None or colon["mark"] != ":":
                raise _Broken(name.end())
            key, at = _text(name["text"]), colon.end()
        value, at = read_one(at)
        members.append((key, value))
        token = _token(text, at)
        if token["mark"] == closing:
            return members, token.end()
        if token["mark"] != ",":
            raise _Broken(at)
        at, token = token.end(), _token(text, token.end())


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    token = _token(text, at)
    if token["text"] is not None:
        return _text(token["text"]), token.end()
    if token["bare"] is not None:
        return _bare(token["bare"]), token.end()
    if token["mark"] not in _CLOSED_BY:
        raise _Broken(at)
    wanted = "must be well-formed JSON"
    try:
        if depth >= DEEPEST:
            wanted = f"must not be nested deeper than {DEEPEST} levels"
            raise _Broken(at)
        members, end = _members(text, token, lambda at: _value(text, at, depth + 1))
        return _of_members(members) if token["mark"] == "{" else [value for _, value in members], end
    except _Unbalanced:
        raise
    except _Broken:
        if depth == 0:
            raise
        (start, end), _ = _extent(text, at)
        return Unreadable(text[start:end], wanted), end


def _of_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if key in found and write(found[key]) != write(value):
            value = Unreadable(f"{write(found[key])},{write(key)}:{write(value)}", "must be stated once")
        found[key] = value
    return found


def _text(token: str) -> str:
    if _PLAIN.fullmatch(token):
        return token[1:-1]
    try:
        return msgspec.json.decode(token, type=str)
    except STRICT_ERRORS:
        return Unreadable(token, "must be well-formed text")


def _bare(token: str) -> Any:
    if token in _WORDS:
        return _WORDS[token]
    number = _NUMBER.fullmatch(token)
    if not number or len(token) > _DIGITS_AT_MOST:
        return Unreadable(token)
    if not number["fraction"]:
        return int(token)
    found = Number(token)
    return found if math.isfinite(found) else Unreadable(token)


def _extent(text: str, at: int) -> tuple[tuple[int, int], int]:
    """Where the value that begins there starts and ends, by its brackets; the end twice, as readers of members say
    it."""
    first = token = _token(text, at)
    start = first.start(first.lastgroup or 0)
    awaited: list[str] = []
    while True:
        mark = token["mark"]
        if mark in _CLOSED_BY:
            awaited.append(_CLOSED_BY[mark])
        elif mark in ("}", "]"):
            if not awaited or awaited.pop() != mark:
                raise _Unbalanced(token.start())
        elif mark and not awaited:
            raise _Broken(token.start())
        if not awaited:
            return (start, token.end()), token.end()
        token = _token(text, token.end())


def _split_by_parts(text: str, key: str | None) -> list[str]:
    start = 0
    if key is not None:
        members = dict(_whole(text, lambda at: _container(text, at, "{")))
        if key not in members:
            raise NotJson(f"no field {key!r}")
        start, end = members[key]
        text = text[:end]
    return [text[first:last] for _, (first, last) in _whole(text, lambda at: _container(text, at + start, "["))]


def _container(text: str, at: int, mark: str) -> tuple[list[tuple[str, Any]], int]:
    opening = _token(text, at)
    if opening["mark"] != mark:
        raise _Broken(at)
    return _members(text, opening, lambda at: _extent(text, at))
