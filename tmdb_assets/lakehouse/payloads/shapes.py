"""Raw JSON text -> typed columns, with the values and rows that do not fit named instead of bent.

What belongs here: turning a declared shape (msgspec structs) into Polars types, decoding a column of payloads with
it, and noticing fields the shape does not know. What does not: the shapes themselves (each source's payloads.py), what
JSON is (json_text.py), what becomes of a value that does not fit (mending.py).

Polars alone would turn 1.5 into 1 and a too large integer into null without a word, and one bad row raises for the
whole column; msgspec alone would build every row as Python objects. So msgspec judges, what does not fit is mended by
itself, and Polars decodes what fits.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
import os
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import msgspec
import polars as pl

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.lakehouse.payloads.json_text import STRICT_ERRORS, NotJson, read, split
from tmdb_assets.lakehouse.payloads.mending import Mended, mend, naming_fields
from tmdb_assets.lakehouse.rejections import REJECTION, rejection

#: Payloads, and pages of them, decoded at once: small enough to keep all cores busy on a day's films.
SLICE_AT_LEAST, PAGES_AT_LEAST = 500, 25
#: In how many payloads unknown fields are looked for: among their own keys, and among those nested in them.
OWN_KEYS, NESTED_KEYS = 1_500, 30


_MISFIT = object()

#: Bytes of texts that msgspec looks at in one go: what it builds of them stays in the processor's cache.
JUDGED_AT_ONCE = 40_000


class Shape(msgspec.Struct, gc=False):
    """Base of a source's payload shapes: fields are JSON keys; unknown keys are let through (see unknown_fields)."""


class ShapeError(LakehouseError):
    """A field of a shape whose type has no column. The message names class, field and the types there are."""


_SCALARS = {int: pl.Int64, float: pl.Float64, str: pl.String, bool: pl.Boolean}
_ALLOWED = (
    "Int, Id (an Int or its text), float, Numeric (a float or its text), str, bool, another shape, list[...] of these"
)


def polars_type(annotation: Any) -> Any:
    """The Polars type of an annotation: Int, Id, float, Numeric, str, bool, list[...], a Shape, or any of these `|
    None`.

    Raises ShapeError.
    """
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return polars_type(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(inner) == 1:
            return polars_type(inner[0])
    if origin is list and typing.get_args(annotation):
        return pl.List(polars_type(typing.get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return pl.Struct(struct_fields(annotation))
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    said = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
    raise ShapeError(f"no column can hold `{said}`: use one of {_ALLOWED}, or one of them with `| None`.")


def struct_fields(shape: type[Shape]) -> dict[str, Any]:
    """JSON key -> Polars type for the fields of a shape. Raises ShapeError naming class and field."""
    hints = _hints(shape)
    found = {}
    for field in shape.__struct_fields__:
        try:
            found[field] = polars_type(hints[field])
        except ShapeError as error:
            named = str(error) if str(error).startswith("Shape ") else f"Shape {shape.__name__}, field {field}: {error}"
            raise ShapeError(named) from None
    return found


def decode(payloads: pl.Series, shape: type[Shape]) -> pl.DataFrame:
    """Decode a column of JSON texts, whatever they hold.

    Returns one row per payload, in order: the shape's fields as columns, `_rejected` and `_set_aside`. A value that
    does not fit is null where the shape allows it, a member of a list that cannot be mended has left its list, and
    `_set_aside` says which (null: none). A payload whose required fields do not fit has `_rejected`, which of them, and
    no field.
    """
    return _sliced(payloads, SLICE_AT_LEAST, shape, lambda part, _: _decode(part, shape))


def decode_items(pages: pl.Series, key: str | None, shape: type[Shape]) -> pl.DataFrame:
    """The items of each page of a list, decoded one by one: the columns of decode() and of split_items()."""

    def decoded(part: pl.Series, start: int) -> pl.DataFrame:
        items = split_items(part, key).with_columns(pl.col("_page") + start)
        listed = items.select(pl.when(pl.col("_rejected").is_null()).then("_payload")).to_series()
        rows = _decode(listed, shape)
        no_list = items.get_column("_rejected")
        return rows.with_columns(pl.coalesce(no_list, "_rejected").alias("_rejected")).hstack(items.drop("_rejected"))

    return _sliced(pages, PAGES_AT_LEAST, shape, decoded)


def insist_on(rows: pl.DataFrame, *fields: str) -> pl.DataFrame:
    """Decoded rows, without those in which one of these fields was set aside: their table requires it, so they are
    rejected for it."""
    if not rows.height or rows.get_column("_set_aside").null_count() == rows.height:
        return rows
    entry = pl.element().struct
    fatal = pl.element().filter(entry.field("column").is_in(fields))
    required = pl.coalesce("_rejected", pl.col("_set_aside").list.eval(fatal).list.first())
    return rows.with_columns(_rejected=required, _set_aside=pl.when(required.is_null()).then("_set_aside"))


def _sliced(
    texts: pl.Series, at_least: int, shape: type[Shape], decoded: Callable[[pl.Series, int], pl.DataFrame]
) -> pl.DataFrame:
    """`decoded(slice, its start)` of every slice: while Polars decodes one without Python's lock, msgspec judges the
    next."""
    struct_fields(shape)  # a type that no column can hold is named before anything is read
    _many(shape), mend("{}", shape)  # made before there are threads: two that make it at once crash msgspec
    cores = os.cpu_count() or 1
    size = max(at_least, len(texts) // (4 * cores))
    with ThreadPoolExecutor(max_workers=cores) as pool:
        starts = range(0, max(len(texts), 1), size)
        return pl.concat(pool.map(lambda start: decoded(texts.slice(start, size), start), starts))


def _decode(payloads: pl.Series, shape: type[Shape]) -> pl.DataFrame:
    texts: list[str | None] = payloads.to_list()
    chunks = iter(texts)
    together = (payloads.str.len_bytes().fill_null(0).cum_sum() // JUDGED_AT_ONCE).rle().struct.field("len")
    named = [name for count in together for name in _judge(list(itertools.islice(chunks, count)), shape)]
    mended = {n: mend(texts[n], shape) for n, name in enumerate(named) if name is _MISFIT}
    frame = _decode_what_fits(payloads, mended, shape)
    contradicted = [n for n in _contradicted(frame, named, shape) if n not in mended]
    if contradicted:
        mended |= {n: mend(texts[n], shape) for n in contradicted}
        frame = _decode_what_fits(payloads, mended, shape)
    return frame.with_columns(
        _sparse("_rejected", REJECTION, {n: m.rejected for n, m in mended.items() if m.rejected}, len(texts)),
        _sparse(
            "_set_aside", pl.List(REJECTION), {n: m.set_aside for n, m in mended.items() if m.set_aside}, len(texts)
        ),
    )


def _decode_what_fits(payloads: pl.Series, mended: dict[int, Mended], shape: type[Shape]) -> pl.DataFrame:
    """The fields of the payloads, of the mended ones in their place. Polars has limits of its own, also in fields that
    the shape does not know (1e999, depth): what it cannot read is mended too."""
    struct = pl.Struct(struct_fields(shape))
    while True:
        fitting = payloads
        if mended:
            texts = [mended[n].text if n in mended else text for n, text in enumerate(payloads)]
            fitting = pl.Series(texts, dtype=pl.String)
        try:
            return fitting.str.json_decode(struct).struct.unnest()
        except pl.exceptions.ComputeError:
            for n, problem in _unreadable(fitting, struct):
                mended[n] = _beyond_repair(payloads[n], problem) if n in mended else mend(payloads[n], shape)


def _beyond_repair(text: str, problem: str) -> Mended:
    return Mended(None, [], rejection("payload", text, f"must be readable ({problem})"))


def _sparse(name: str, dtype: Any, values: Mapping[int, Any], height: int) -> pl.Series:
    """A column that is null but for a few rows."""
    if not values:
        return pl.Series(name, [None], dtype=dtype).new_from_index(0, height)
    texts = (msgspec.json.encode(values[n]).decode() if n in values else None for n in range(height))
    return pl.Series(name, list(texts), dtype=pl.String).str.json_decode(
        dtype
    )  # many times faster than a Series of objects


@functools.cache
def _many(shape: type[Shape]) -> msgspec.json.Decoder[list[Any]]:
    return msgspec.json.Decoder(list[shape])  # type: ignore[valid-type]  # a type made at run time


def _judge(texts: list[str | None], shape: type[Shape]) -> list[Any]:
    """Per text, what its naming fields say, or _MISFIT. Nearly always all fit: one look at all of them is enough."""
    fields = naming_fields(shape)
    names = operator.attrgetter(*fields) if fields else lambda _: None
    with contextlib.suppress(*STRICT_ERRORS, TypeError):  # a null is no text to join
        found = _many(shape).decode(f"[{','.join(texts)}]")  # type: ignore[arg-type]  # as above
        if len(found) == len(texts):
            return list(map(names, found))
    judge = msgspec.json.Decoder(shape)
    judged: list[Any] = []
    for text in texts:
        try:
            judged.append(names(judge.decode(text or "")))
        except STRICT_ERRORS:
            judged.append(_MISFIT)
    return judged


def _contradicted(frame: pl.DataFrame, named: list[Any], shape: type[Shape]) -> Iterator[int]:
    """Rows that Polars names otherwise than msgspec: of a key that is stated twice, one takes the first, one the
    last."""
    fields = naming_fields(shape)
    for position, field in enumerate(fields):
        values = named if len(fields) == 1 else [n if n is _MISFIT else n[position] for n in named]
        said = pl.Series([None if v is _MISFIT else v for v in values], dtype=frame.schema[field])
        yield from frame.get_column(field).ne_missing(said).arg_true()


def _unreadable(payloads: pl.Series, struct: pl.Struct, first: int = 0) -> Iterator[tuple[int, str]]:
    """Positions of the payloads that Polars cannot read, found by halving, and what it says of each."""
    try:
        payloads.str.json_decode(struct)
    except pl.exceptions.ComputeError as error:
        half = len(payloads) // 2
        if not half:
            yield first, str(error).splitlines()[0].rpartition(": ")[2]
            return
        yield from _unreadable(payloads.slice(0, half), struct, first)
        yield from _unreadable(payloads.slice(half), struct, first + half)


def split_items(pages: pl.Series, key: str | None) -> pl.DataFrame:
    """The items of each page of a list, as JSON text, whatever they hold: one bad item can then be set aside alone.

    `key` names the array in the page; None when the page is the array. Columns: `_page` (position of the page in
    `pages`), `_item` (position on its page), `_payload` and `_rejected`: null, or, in the only row of a page that is no
    list, why. The payload of that row is the page.
    """
    texts: list[str] = []
    counts: list[int] = []
    no_lists: dict[int, dict[str, Any]] = {}
    for page in pages:
        try:
            items = split(page or "", key)
        except NotJson:
            wanted = "must be a list" if key is None else f"must have a list named {key}"
            no_lists[len(texts)] = rejection("page", page or "", wanted)
            items = [page]
        texts += items
        counts.append(len(items))
    places = pl.select(_page=pl.int_range(len(counts)), _item=pl.int_ranges(pl.Series(counts, dtype=pl.Int64)))
    exploded = places.explode("_item", empty_as_null=False)
    return exploded.with_columns(
        _payload=pl.Series(texts, dtype=pl.String), _rejected=_sparse("_rejected", REJECTION, no_lists, len(texts))
    )


def unknown_fields(payloads: pl.Series, shape: type[Shape]) -> set[str]:
    """Paths of keys in the payloads that the shape does not know: `softcore`, `credits.cast[].nickname`.

    The keys of up to OWN_KEYS payloads, evenly spread, are looked at, those nested in them in up to NESTED_KEYS.
    """
    found: set[str] = set()
    top, known = msgspec.json.Decoder(dict[str, msgspec.Raw]), set(_hints(shape))
    some, few = (payloads.gather_every(max(1, -(-len(payloads) // n))) for n in (OWN_KEYS, NESTED_KEYS))
    for text in few:
        with contextlib.suppress(NotJson):
            found |= _unknown(read(text), shape, "")
    for text in some:
        with contextlib.suppress(*STRICT_ERRORS):
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
