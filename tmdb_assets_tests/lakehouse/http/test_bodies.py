"""Bodies by their first bytes: whatever they were packed in comes out as it was, and nothing fills the memory."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.http.bodies import FILE_AT_MOST, MOST_PACKINGS, Unpackable, text_of, unpacked

PACKINGS: list[Callable[[bytes], bytes]] = [
    lambda body: gzip.compress(body, mtime=0),
    zlib.compress,
    lambda body: zlib.compress(body, 9),
    lambda body: b"".join(gzip.compress(body[at : at + 7]) for at in range(0, len(body), 7)) or gzip.compress(b""),
]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"))
HEADERS = st.sampled_from(["", "gzip", "deflate", "identity", "br"])


@given(TEXTS, st.lists(st.sampled_from(PACKINGS), max_size=MOST_PACKINGS), HEADERS)
def test_what_was_packed_comes_out_as_it_was(text: str, packings: list[Callable[[bytes], bytes]], said: str) -> None:
    plain = b"{" + text.encode()
    body = plain
    for pack in packings:
        body = pack(body)
    assert unpacked(body, FILE_AT_MOST, said) == plain


@given(st.binary(), HEADERS, st.integers(0, 100))
def test_any_bytes_come_out_or_are_named(body: bytes, said: str, at_most: int) -> None:
    for packed in (body, b"\x1f\x8b\x08" + body, b"\x78\x9c" + body, gzip.compress(body)[:-1], gzip.compress(body)):
        try:
            assert len(unpacked(packed, at_most, said)) <= max(at_most, len(packed))
        except Unpackable as error:
            assert str(error).startswith("a ")


@pytest.mark.parametrize("size", [99, 100, 101])
def test_the_bound_is_exact(size: int) -> None:
    packed = gzip.compress(gzip.compress(b" " * size))
    if size <= 100:
        assert len(unpacked(packed, 100)) == size
    else:
        with pytest.raises(Unpackable, match=r"^a body of more than 100 bytes unpacked$"):
            unpacked(packed, 100)


def test_members_may_end_anywhere() -> None:
    plain = bytes(range(32, 127)) * 4_000
    members = b"".join(
        gzip.compress(plain[at : at + 50_000], 1) + b"\0" * 65_600 for at in range(0, len(plain), 50_000)
    )
    assert unpacked(members, FILE_AT_MOST) == plain


@given(TEXTS, st.sampled_from(["utf-8-sig", "utf-16", "utf-32", "utf-8"]))
def test_a_byte_order_mark_is_obeyed_and_left_out(text: str, encoding: str) -> None:
    assert text_of(text.encode(encoding)) == text
    assert text_of(codecs.BOM_UTF8 * 2 + text.encode()) == text


@given(st.binary())
def test_any_bytes_become_text_that_can_be_stored(body: bytes) -> None:
    text = text_of(body)
    assert text.encode().decode() == text


def test_a_byte_that_is_no_text_is_shown() -> None:
    assert text_of(b'{"title": "Am\xe9lie", "id": 1}') == '{"title": "Am\\xe9lie", "id": 1}'
