"""Fitting a payload to its shape value by value: what does not fit is taken out, and said.

What belongs here: which value of a payload does not fit, what becomes of it (null where the shape allows, else its
member leaves the list, else the row is no row) and the words for it. What does not: reading JSON (json_text.py), many
payloads at once (shapes.py).
"""

from __future__ import annotations

import decimal
import functools
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from tmdb_assets.lakehouse.payloads.json_text import NotJson, Number, Unreadable, read_by_parts, read_exactly, write
from tmdb_assets.lakehouse.rejections import rejection

#: A whole number that fits a 64-bit column; anything else is set aside, not rounded.
Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
#: What marks an annotation of numbers that may be written as text.
READ_FROM_TEXT = {"read_from_text": True}
#: An `Int` that names something: its text says it as well, since a name is a value, however it is spelled.
Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1, extra=READ_FROM_TEXT)]
#: A number, as a number or as its text.
Numeric = Annotated[float, msgspec.Meta(extra=READ_FROM_TEXT)]

#: A value that does not fit, as a row of rejections.REJECTION.
SetAside = dict[str, Any]
#: (value, its path, the list that takes what is set aside) -> the value as it fits; raises _Misfit.
_Fit = Callable[[Any, str, list[SetAside]], Any]


@dataclass(frozen=True)
class Mended:
    """A payload made to fit: its text, and each value taken out. Text null: it cannot be mended, `rejected` says
    why."""

    text: str | None
    set_aside: list[SetAside]
    rejected: SetAside | None = None


class _Misfit(Exception):
    """A value that does not fit, at a path."""

    def __init__(self, path: str, value: Any, wanted: str) -> None:
        super().__init__(path)
        text = value if isinstance(value, str) else write(value)
        wanted = value.wanted or wanted if isinstance(value, Unreadable) else wanted
        self.rejection = rejection(path or "payload", text, wanted, is_text=type(value) is str)


_MISSING = Unreadable("(missing)")
#: Digits are written [0-9]: \d takes those of every script.
_WHOLE = re.compile(r"[ \t\r\n]*-?[0-9]{1,400}(?:\.[0-9]{1,400})?[ \t\r\n]*")
_NUMBER = re.compile(r"[ \t\r\n]*-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?[ \t\r\n]*")


def mend(text: str | None, shape: type[msgspec.Struct]) -> Mended:
    """The payload with what does not fit taken out."""
    set_aside: list[SetAside] = []
    text = text or ""
    try:
        may_contradict = any(text.count(f'"{name}"') > 1 for name in naming_fields(shape))
        value = (read_by_parts if may_contradict else read_exactly)(text)
        fitted = _fit(shape)(value, "", set_aside)
        return Mended(msgspec.json.encode(fitted).decode(), set_aside)
    except NotJson:
        return Mended(None, [], rejection("payload", text, "must be JSON"))
    except _Misfit as misfit:
        return Mended(None, [], misfit.rejection)


@functools.cache
def naming_fields(shape: type[msgspec.Struct]) -> tuple[str, ...]:
    """The required fields of a shape that are whole numbers or texts: they name what a payload is about."""
    kinds = {name: _plain(hint) for name, hint in typing.get_type_hints(shape, include_extras=True).items()}
    return tuple(f.name for f in msgspec.structs.fields(shape) if f.required and kinds[f.name] in {int, str})


def _plain(annotation: Any) -> Any:
    """An annotation without its bounds."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Annotated else annotation


def _reads_text(annotation: Any) -> bool:
    return any(getattr(meta, "extra", None) == READ_FROM_TEXT for meta in getattr(annotation, "__metadata__", ()))


@functools.cache
def _fit(annotation: Any) -> _Fit:
    """How a value is made to fit an annotation: Int, Id, float, Numeric, str, bool, list[...], a shape, or any of
    these `| None`."""
    if _reads_text(annotation):
        return _scalar({int: Id, float: Numeric}[_plain(annotation)])
    annotation = _plain(annotation)
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        (inner,) = [a for a in typing.get_args(annotation) if a is not type(None)]
        return _nullable(_fit(inner))
    if typing.get_origin(annotation) is list:
        return _list(_fit(typing.get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _object(annotation)
    return _scalar(annotation)


def _nullable(fit: _Fit) -> _Fit:
    def fitted(value: Any, path: str, set_aside: list[SetAside]) -> Any:
        if value is None:
            return None
        try:
            return fit(value, path, set_aside)
        except _Misfit as misfit:
            set_aside.append(misfit.rejection)
            return None

    return fitted


def _list(fit: _Fit) -> _Fit:
    def fitted(value: Any, path: str, set_aside: list[SetAside]) -> Any:
        if not isinstance(value, list):
            raise _Misfit(path, value, "must be a list")
        members, inner = [], f"{path}[]"
        for member in value:
            try:
                members.append(fit(member, inner, set_aside))
            except _Misfit as misfit:
                set_aside.append(misfit.rejection)
        return members

    return fitted


def _object(shape: type[msgspec.Struct]) -> _Fit:
    hints = typing.get_type_hints(shape, include_extras=True)
    fields = [(f.encode_name, _fit(hints[f.name]), f.required) for f in msgspec.structs.fields(shape)]

    def fitted(value: Any, path: str, set_aside: list[SetAside]) -> Any:
        if not isinstance(value, Mapping):
            raise _Misfit(path, value, "must be an object")
        prefix = f"{path}." if path else ""
        found = {}
        for name, fit, required in fields:
            if name in value:
                found[name] = fit(value[name], prefix + name, set_aside)
            elif required:
                found[name] = fit(_MISSING, prefix + name, set_aside)
        return found

    return fitted


def _scalar(kind: Any) -> _Fit:
    check, wanted = _SCALARS[kind]

    def fitted(value: Any, path: str, set_aside: list[SetAside]) -> Any:
        found = check(value)
        if found is None or isinstance(value, Unreadable):
            raise _Misfit(path, value, wanted)
        return found

    return fitted


def whole_number(value: Any) -> int | None:
    """The whole number of 64 bits that a value plainly is, as a number or as its text: 4, 4.0, "4", " 4 " and "4.0" are
    the same. None where it is none. Numbers must have been read exactly (json_text.read_exactly)."""
    if isinstance(value, str) and not isinstance(value, Unreadable) and _WHOLE.fullmatch(value):
        value = Number(value)
    return _whole_number(value)


def _whole_number(value: Any) -> int | None:
    if isinstance(value, Number) and abs(value) <= 2.0**63:
        try:
            exact = decimal.Decimal(value.text)
            value = int(exact) if exact == exact.to_integral_value() else None
        except decimal.InvalidOperation:  # an exponent of many digits
            return None
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _numeric(value: Any) -> float | None:
    """The number that a value plainly is: 0.5 and "0.5" are the same."""
    if isinstance(value, str) and not isinstance(value, Unreadable) and _NUMBER.fullmatch(value):
        value = float(value)
    return _number(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


_SCALARS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    int: (_whole_number, "must be a whole number of 64 bits"),
    Id: (whole_number, "must be a whole number of 64 bits"),
    float: (_number, "must be a number"),
    Numeric: (_numeric, "must be a number"),
    str: (lambda value: value if isinstance(value, str) else None, "must be text"),
    bool: (lambda value: value if isinstance(value, bool) else None, "must be true or false"),
}
