"""The one reader of JSON: declared shapes, payloads decoded into columns, what does not fit set aside by itself."""

from tmdb_assets.lakehouse.payloads.mending import Id, Int, Numeric
from tmdb_assets.lakehouse.payloads.shapes import (
    Shape,
    ShapeError,
    decode,
    decode_items,
    insist_on,
    split_items,
    struct_fields,
    unknown_fields,
)

__all__ = [
    "Id",
    "Int",
    "Numeric",
    "Shape",
    "ShapeError",
    "decode",
    "decode_items",
    "insist_on",
    "split_items",
    "struct_fields",
    "unknown_fields",
]
