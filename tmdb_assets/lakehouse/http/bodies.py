"""Bodies as they came over the wire: unpacked and read by their first bytes, whatever the headers say.

What belongs here: taking the packing off (gzip, zlib), within bounds, and bytes -> text. What does not: asking and
asking again (client.py), what a text says (payloads/json_text.py).

TMDB's CDN has sent gzip without the header that says so, the header without gzip, and files that the transport had
already unpacked. The first bytes are always right: no JSON text begins as gzip or zlib do.
"""

from __future__ import annotations

import codecs
import zlib

from tmdb_assets.lakehouse.errors import LakehouseError

#: How often a body may be packed: once by the source, once by what passes it on, and once for luck.
MOST_PACKINGS = 3
#: A bound for what is unpacked into memory: the largest details are 300 KB, an ID export of 1.1 million films 110 MB.
JSON_AT_MOST, FILE_AT_MOST = 64 * 2**20, 2**30

_GZIP, _ZLIB = b"\x1f\x8b", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_PIECE = 64 * 2**10  # small: at the end of each gzip member zlib copies the rest of its piece (`unused_data`)
#: UTF-32 before UTF-16: the mark of one begins as that of the other.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Unpackable(LakehouseError):
    """A body that does not unpack whole, or not within the bound; `str()` says what it is, as a noun."""


def unpacked(body: bytes, at_most: int, said: str = "") -> bytes:
    """The body without its packing: gzip or zlib by the first bytes, in up to MOST_PACKINGS layers; else as it is.

    `said` is its Content-Encoding, which only tells of bare deflate, that has no first bytes of its own. Raises
    Unpackable when it is cut short, garbled, or more than `at_most` bytes unpacked.
    """
    for _ in range(MOST_PACKINGS):
        if body.startswith(_GZIP):
            body = _inflated(body, _GZIP_BITS, at_most)
        elif body.startswith(_ZLIB):
            body = _inflated(body, _ZLIB_BITS, at_most)
        elif said.strip().lower() == "deflate":
            said = ""
            try:
                body = _inflated(body, _RAW_BITS, at_most)
            except Unpackable:
                return body  # the header was not true
        else:
            return body
    if body.startswith((_GZIP, *_ZLIB)):
        raise Unpackable(f"a body packed more than {MOST_PACKINGS} times")
    return body


def text_of(body: bytes) -> str:
    r"""The text of a body: UTF-8, or what its byte order mark says (which is left out).

    A byte that is no text stands as `\xff`: no JSON text has that, so its reader says which value it spoils.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body.decode(encoding, "backslashreplace").lstrip("\ufeff")
    return body.decode("utf-8", "backslashreplace")


def _inflated(body: bytes, bits: int, at_most: int) -> bytes:
    """All members of a packed body, one after the other; zeros between and after them are padding."""
    parts: list[bytes] = []
    size, inflating = 0, zlib.decompressobj(bits)
    for start in range(0, len(body), _PIECE):
        piece = body[start : start + _PIECE]
        while piece := piece.lstrip(b"\0") if inflating.eof else piece:
            inflating = zlib.decompressobj(bits) if inflating.eof else inflating
            try:
                part = inflating.decompress(piece, at_most - size + 1)
            except zlib.error:
                raise Unpackable("a packed body that is garbled") from None
            parts.append(part)
            size += len(part)
            if size > at_most:
                raise Unpackable(f"a body of more than {at_most:,} bytes unpacked")
            piece = inflating.unused_data  # what is behind a member's end
    if not inflating.eof:
        raise Unpackable("a packed body that was cut short")
    return b"".join(parts)
