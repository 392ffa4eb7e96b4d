"""Raw JSON text -> typed columns, with the rows that do not fit named instead of bent.

What belongs here: turning a declared shape (msgspec structs) into Polars types, decoding a column of payloads with
it, and noticing fields the shape does not know. What does not: the shapes themselves (each source's payloads.py).

Polars alone would turn 1.5 into 1 and a too large integer into null without a word, and one bad row raises for the
whole column; msgspec alone would build every row as Python objects. So msgspec judges, and Polars decodes the rest.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import types
import typing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import msgspec
import polars as pl

#: A whole number that fits a 64-bit column; anything else is rejected, not rounded.
Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


#: Payloads, and pages of them, decoded at once: small enough to keep all cores busy on a day's films.
SLICE_AT_LEAST, PAGES_AT_LEAST = 500, 25
#: In how many payloads unknown fields are looked for: among their own keys, and among those nested in them.
OWN_KEYS, NESTED_KEYS = 1_500, 30


#: What decode() sets aside with its reason: a text that is no JSON object at all, or too deep.
_UNREADABLE = (msgspec.MsgspecError, RecursionError)

#: Bytes of texts that msgspec looks at in one go: what it builds of them stays in the processor's cache.
JUDGED_AT_ONCE = 40_000


class Shape(msgspec.Struct, gc=False):
    """Base of a source's payload shapes: fields are JSON keys; unknown keys are let through (see unknown_fields)."""


def polars_type(annotation: Any) -> Any:
    """The Polars type of an annotation: Int, float, str, bool, list[...], a Shape, or any of these `| None`."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return polars_type(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        (inner,) = [a for a in typing.get_args(annotation) if a is not type(None)]
        return polars_type(inner)
    if origin is list:
        return pl.List(polars_type(typing.get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return pl.Struct(struct_fields(annotation))
    return {int: pl.Int64, float: pl.Float64, str: pl.String, bool: pl.Boolean}[annotation]


def struct_fields(shape: type[Shape]) -> dict[str, Any]:
    """JSON key -> Polars type for the fields of a shape."""
    hints = _hints(shape)
    return {field: polars_type(hints[field]) for field in shape.__struct_fields__}


def decode(payloads: pl.Series, shape: type[Shape]) -> pl.DataFrame:
    """Decode a column of JSON texts.

    Returns one row per payload, in order: the shape's fields as columns, and `_rejected`: null, or why the payload
    does not fit (the field's path and what was expected there); the fields of a rejected row are null.
    """
    return _sliced(payloads, SLICE_AT_LEAST, shape, lambda part, _: _decode(part, shape))


def decode_items(pages: pl.Series, key: str | None, shape: type[Shape]) -> pl.DataFrame:
    """The items of each page of a list, decoded one by one: the columns of decode() and of split_items()."""

    def decoded(part: pl.Series, start: int) -> pl.DataFrame:
        items = split_items(part, key).with_columns(pl.col("_page") + start)
        return _decode(items.get_column("_payload"), shape).hstack(items)

    return _sliced(pages, PAGES_AT_LEAST, shape, decoded)


def _sliced(
    texts: pl.Series, at_least: int, shape: type[Shape], decoded: Callable[[pl.Series, int], pl.DataFrame]
) -> pl.DataFrame:
    """`decoded(slice, its start)` of every slice: while Polars decodes one without Python's lock, msgspec judges the next."""
    _many(shape)  # made before there are threads: two that make it at once crash msgspec
    cores = os.cpu_count() or 1
    size = max(at_least, len(texts) // (4 * cores))
    with ThreadPoolExecutor(max_workers=cores) as pool:
        starts = range(0, max(len(texts), 1), size)
        return pl.concat(pool.map(lambda start: decoded(texts.slice(start, size), start), starts))


def _decode(payloads: pl.Series, shape: type[Shape]) -> pl.DataFrame:
    texts = iter(payloads.to_list())
    together = (payloads.str.len_bytes().fill_null(0).cum_sum() // JUDGED_AT_ONCE).rle().struct.field("len")
    reasons = [reason for count in together for reason in _judge(list(itertools.islice(texts, count)), shape)]
    struct = pl.Struct(struct_fields(shape))
    while True:
        rejected = pl.Series("_rejected", reasons, dtype=pl.String)
        fitting = pl.select(pl.when(rejected.is_null()).then(payloads)).to_series()
        try:
            return fitting.str.json_decode(struct).struct.unnest().with_columns(rejected)
        except pl.exceptions.ComputeError:
            # msgspec does not look into fields the shape lacks; Polars does, and 1e999 there raises for the column.
            position, problem = _first_unreadable(fitting, struct)
            reasons[position] = f"{problem} (text begins {payloads[position][:60]!r})"


@functools.cache
def _many(shape: type[Shape]) -> msgspec.json.Decoder[list[Any]]:
    return msgspec.json.Decoder(list[shape])  # type: ignore[valid-type]  # a type made at run time


def _judge(texts: list[str], shape: type[Shape]) -> list[str | None]:
    """Per text, None or why it does not fit. Nearly always all fit: then one look at all of them is enough."""
    try:
        if len(_many(shape).decode(f"[{','.join(texts)}]")) == len(texts):
            return [None] * len(texts)
    except (*_UNREADABLE, UnicodeError):
        pass  # one of them does not fit: the loop below says which
    judge = msgspec.json.Decoder(shape)
    reasons: list[str | None] = []
    for text in texts:
        try:
            judge.decode(text)
            reasons.append(None)
        except (*_UNREADABLE, UnicodeError) as error:
            reasons.append(_reason(text, error))
    return reasons


def _first_unreadable(payloads: pl.Series, struct: pl.Struct) -> tuple[int, str]:
    """Position of a payload that Polars cannot read, found by halving, and what it says of it."""
    first, count = 0, len(payloads)
    while count > 1:
        half = count // 2
        if _problem(payloads.slice(first, half), struct) is None:
            first, count = first + half, count - half
        else:
            count = half
    return first, _problem(payloads.slice(first, 1), struct) or "cannot be read"


def _problem(payloads: pl.Series, struct: pl.Struct) -> str | None:
    try:
        payloads.str.json_decode(struct)
    except pl.exceptions.ComputeError as error:
        return str(error).splitlines()[0]
    return None


def split_items(pages: pl.Series, key: str | None) -> pl.DataFrame:
    """The items of each page of a list, as JSON text: one bad item can then be set aside alone.

    `key` names the array in the page; None when the page is the array. Columns: `_page` (position of the page in
    `pages`), `_item` (position on its page), `_payload`.
    """
    page_decoder, list_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw]), msgspec.json.Decoder(list[msgspec.Raw])
    texts: list[str] = []
    counts: list[int] = []
    for page in pages:
        items = list_decoder.decode(page if key is None else page_decoder.decode(page)[key])
        texts += [str(item, "utf-8") for item in items]
        counts.append(len(items))
    count = pl.Series(counts, dtype=pl.Int64)
    places = pl.select(_page=pl.int_range(len(counts)), _item=pl.int_ranges(count))
    exploded = places.explode("_item", empty_as_null=False)
    return exploded.with_columns(_payload=pl.Series(texts, dtype=pl.String))


def unknown_fields(payloads: pl.Series, shape: type[Shape]) -> set[str]:
    """Paths of keys in the payloads that the shape does not know: `softcore`, `credits.cast[].nickname`.

    The keys of up to OWN_KEYS payloads, evenly spread, are looked at, those nested in them in up to NESTED_KEYS.
    """
    found: set[str] = set()
    top, known = msgspec.json.Decoder(dict[str, msgspec.Raw]), set(_hints(shape))
    some, few = (payloads.gather_every(max(1, -(-len(payloads) // n))) for n in (OWN_KEYS, NESTED_KEYS))
    for text in few:
        with contextlib.suppress(*_UNREADABLE):
            found |= _unknown(msgspec.json.decode(text), shape, "")
    for text in some:
        with contextlib.suppress(*_UNREADABLE):
            found |= top.decode(text).keys() - known
    return found


def _unknown(value: Any, annotation: Any, path: str) -> set[str]:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is list and isinstance(value, list):
        inner = typing.get_args(annotation)[0]
        return {found for item in value for found in _unknown(item, inner, f"{path}[]")}
    if not (isinstance(value, dict) and isinstance(annotation, type) and issubclass(annotation, Shape)):
        return set()
    hints = _hints(annotation)
    prefix = f"{path}." if path else ""
    found = {prefix + key for key in value if key not in hints}
    for key, hint in hints.items():
        if isinstance(value.get(key), dict | list):
            found |= _unknown(value[key], hint, prefix + key)
    return found


@functools.cache
def _hints(shape: type[Shape]) -> dict[str, Any]:
    return typing.get_type_hints(shape, include_extras=True)


def _reason(text: str, error: Exception) -> str:
    """The decoder's complaint with the value found at the path it names."""
    message = str(error)
    _, _, path = message.partition(" - at `$")
    try:
        value = msgspec.json.decode(text)
        for step in path.rstrip("`").replace("[", ".[").split(".")[1:]:
            if step == "[...]":
                return message
            value = value[int(step[1:-1])] if step.startswith("[") else value[step]
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, RecursionError):
        return f"{message} (text begins {text[:60]!r})"
    shown = value if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return f"{path.rstrip('`').lstrip('.') or 'payload'} = {shown!r}: {message.partition(' - at ')[0]}"
