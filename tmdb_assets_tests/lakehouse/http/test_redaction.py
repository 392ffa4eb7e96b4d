"""Secrets are taken out of texts in whatever form they stand there."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.http import redact
from tmdb_assets_tests.effort import examples

plain_text = st.text(st.characters(exclude_characters="*", codec="utf-8"), max_size=30)
secret_text = st.text(st.characters(exclude_characters="*", codec="utf-8"), min_size=1, max_size=12)


def whole(secret: str) -> str:
    return quote(secret, safe="")


#: Ways in which a text holds a secret whose characters can still be told.
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quoted": lambda s: f'"{s}"',
    "URL-encoded": quote,
    "as a form": quote_plus,
    "URL-encoded as a whole": whole,
    "in small letters": lambda s: whole(s).replace("%C3", "%c3").replace("%2F", "%2f").replace("%E2", "%e2"),
    "URL-encoded twice": lambda s: whole(whole(s)),
    "URL-encoded thrice": lambda s: whole(whole(whole(s))),
    "every byte encoded": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "in JSON": lambda s: json.dumps({"key": s}),
    "in JSON with its letters": lambda s: json.dumps({"key": s}, ensure_ascii=False),
    "in JSON that spares markup": lambda s: json.dumps({"key": s}).replace("/", "\\/"),
    "in the query of a URL": lambda s: f"https://host/3/movie?page=1&session={whole(s)}&x=1",
    "in the user part of a URL": lambda s: f"https://me:{whole(s)}@host/3/movie",
    "as an access token": lambda s: f"ACCESS_TOKEN={whole(s)}",
    "as a key": lambda s: f"Api_Key={whole(s)}",
}


def told(form: str, text: str) -> str:
    """A text as its reader would take it out of the form."""
    if "JSON" in form:
        return str(json.loads(text[text.index("{") : text.rindex("}") + 1])["key"])
    if form == "as a form":
        return unquote_plus(text)
    for _ in range(3):
        text = unquote(text)
    return text


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(secret_text, min_size=1, max_size=3), st.lists(plain_text, min_size=1, max_size=4))
def test_redact_leaves_no_secret_in_any_form(form: str, secrets: list[str], parts: list[str]) -> None:
    text = "".join(part + FORMS[form](secret) for part in parts for secret in secrets)
    clean = redact(text, secrets)
    cores = {FORMS[form](secret) for secret in secrets}
    assert not [core for core in cores if core in clean]
    assert not [secret for secret in secrets if secret in clean]
    assert redact(clean, secrets) == clean


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", ["s3cret/+ key=\u00e9", 'a"b\\c/d\n\u20ac', "0123456789abcdef0123456789ABCDEF"])
def test_what_is_left_does_not_tell_the_secret_when_it_is_read(form: str, secret: str) -> None:
    text = FORMS[form](secret)
    assert secret in told(form, text), "the form holds it"
    assert told(form, redact(text, [secret])).count(secret) == 0
    assert "***" in redact(text, [secret])


@examples(60)
@given(st.text(st.characters(codec="utf-8"), min_size=3, max_size=40), st.text(max_size=7), st.text(max_size=5))
def test_no_secret_is_left_within_base64(secret: str, before: str, after: str) -> None:
    assume(len(secret.encode()) >= 6)
    pair = f"{before}:{secret}{after}".encode("utf-8", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        packed = encode(pair).decode()
        for text in (
            f"Proxy: {packed}",
            json.dumps({"auth": packed}),
            f"?auth={quote(packed)}",
            quote(quote(packed, "")),
        ):
            clean = redact(text, [secret])
            assert packed not in clean and quote(packed) not in clean and quote(quote(packed, "")) not in clean
            assert "***" in clean


@pytest.mark.parametrize("secret", ["12345", "123456"])
def test_a_secret_too_short_to_be_told_within_base64_takes_no_other_text_with_it(secret: str) -> None:
    packed = base64.b64encode(f"me:{secret}".encode()).decode()
    assert (redact(packed, [secret]) == packed) == (len(secret) < 6)


@given(plain_text)
def test_redact_leaves_other_text_alone(text: str) -> None:
    if not any(word in text.lower() for word in ("key", "bearer", "token", "authorization", "@")):
        assert redact(text, ()) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /3/movie?api_key=abc&page=1", "GET /3/movie?api_key=***&page=1"),
        ("GET /3/movie?access_token=abc&page=1", "GET /3/movie?access_token=***&page=1"),
        ("?Access_Token=abc&API-KEY=def&apikey=g", "?Access_Token=***&API-KEY=***&apikey=***"),
        ("{'api_key': 'abc', 'page': 1}", "{'api_key': '***', 'page': 1}"),
        ('{"access_token": "abc", "page": 1}', '{"access_token": "***", "page": 1}'),
        (r'"{\"api_key\": \"abc\", \"page\": 1}"', r'"{\"api_key\": \"***", \"page\": 1}"'),
        ("Authorization: Bearer ey.x-y_z", "Authorization: Bearer ***"),
        ("Authorization: Basic bWU6c2VjcmV0", "Authorization: Basic ***"),
        ("{'authorization': 'basic bWU6c2VjcmV0'}", "{'authorization': 'basic ***'}"),
        ("Basic answers need no key", "Basic answers need no key"),
        ("redis://user:pass@host:6379/0", "redis://***@host:6379/0"),
        ("redis://:pa,ss@host/0 and s3://a:b&c@d, e@f", "redis://***@host/0 and s3://***@d, e@f"),
        ("http://me:p@ss;'w)rd\"<@host/x@y", "http://***@host/x@y"),
        ("next=https%3A%2F%2Fx%3Fapi_key%3Dabc", "next=https%3A%2F%2Fx%3Fapi_key%3D***"),
        ("next=https%253A%252F%252Fx%253Faccess_token%253Dabc", "next=https%253A%252F%252Fx%253Faccess_token%253D***"),
    ],
)
def test_redact_knows_what_credentials_look_like(text: str, clean: str) -> None:
    assert redact(text, ()) == clean
