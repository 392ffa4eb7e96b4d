"""What may stand in a setting: what was pasted is pared down to what was meant, or refused with one reason.

What belongs here: rules for one value, without its setting's name. What does not: which setting follows which rule
(settings.py), and anything that opens a file or a socket. A reason never repeats the value: it may be a secret.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, unquote, urlsplit

from tmdb_assets.places import own_path, refuse_expanded

QUOTES = "\"'`´‘’‚‛“”„‟«»‹›"
#: Blanks, line breaks, control characters, and what is not seen at all: a byte order mark, a zero-width space.
UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})

V3_KEY = re.compile(r"[0-9a-fA-F]{32}")
V4_TOKEN = re.compile(r"(?=.{50})[\w-]{4,}(?:\.[\w-]{4,}){2}", re.ASCII)
_HEADER = re.compile(r"(?:authorization\s*:\s*)?bearer(?:\s+|$)", re.IGNORECASE)
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl"})

TMDB_API_URL, TMDB_EXPORT_URL = "https://api.themoviedb.org/3", "https://files.tmdb.org/p/exports"
_API_HOSTS, _EXPORT_HOST = frozenset({"api.themoviedb.org", "api.tmdb.org"}), "files.tmdb.org"


def is_unseen(char: str) -> bool:
    """Whether a character shows nothing: a blank, a line break, a control character, a mark."""
    return unicodedata.category(char) in UNSEEN


def bare(text: str) -> str:
    """A value without the blanks, line breaks and marks around it, and without the quotes it was put in."""
    before = None
    while text != before:
        before, text = text, _trimmed(text)
        if len(text) > 1 and text[0] in QUOTES and text[-1] in QUOTES:
            text = text[1:-1]
    return text


def _trimmed(text: str) -> str:
    first, last = 0, len(text)
    while first < last and is_unseen(text[first]):
        first += 1
    while last > first and is_unseen(text[last - 1]):
        last -= 1
    return text[first:last]


def bare_secret(text: str) -> str:
    """`bare`, and without a quote at one end only: no credential begins or ends with one, half a selection does."""
    before = None
    while text != before:
        before, text = text, _trimmed(text).strip(QUOTES)
    return text


def refuse_unseen(text: str) -> None:
    """Raises ValueError for a value with a line break or another control character inside."""
    for place, char in enumerate(text, 1):
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            raise ValueError(
                f"character {place} of it is a line break or one that cannot be seen: write it on one line"
            )


def credential(text: str) -> str:
    """A token or key as a header or a query can hold it.

    `Bearer ` before it is taken off: TMDB shows its tokens in that form, and nothing else can be meant by it. Raises
    ValueError.
    """
    text = bare_secret(_HEADER.sub("", text, count=1))
    if not any(char.isalnum() for char in text):
        raise ValueError("there is no credential in it: copy it from https://www.themoviedb.org/settings/api")
    for place, char in enumerate(text, 1):
        if char.isspace():
            raise ValueError(f"there is a blank or a line break inside of it, at character {place}: copy it again")
        if is_unseen(char) or ord(char) > 0xFF:
            raise ValueError(f"character {place} of it is one that no HTTP header can hold: copy it again")
    return text


def v4_token(text: str) -> str:
    """A `credential` that is no v3 key. Raises ValueError."""
    text = credential(text)
    if V3_KEY.fullmatch(text):
        raise ValueError("it is a v3 API key: set it as TMDB_API_KEY, or copy the API Read Access Token")
    return text


def v3_key(text: str) -> str:
    """A `credential` that is no v4 token. Raises ValueError."""
    text = credential(text)
    if V4_TOKEN.fullmatch(text):
        raise ValueError("it is a v4 read access token: set it as TMDB_API_TOKEN")
    return text


def looks_secret(text: str) -> bool:
    """Whether a value has the form of one of TMDB's credentials, wherever it was pasted."""
    return any(V3_KEY.fullmatch(word) or V4_TOKEN.fullmatch(word) for word in re.split(r"[^\w.-]+", text))


# -- addresses ---------------------------------------------------------------------------------------------------------


def web_address(text: str) -> str:
    """The root of a server: paths are written behind it. Raises ValueError."""
    parts = _split(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(map(is_unseen, text)):
        raise ValueError("use a full URL such as https://host/path")
    if "?" in text or "#" in text:
        raise ValueError("leave out the ? or # and what follows: paths are written behind the address")
    return text.rstrip("/")


def _split(text: str) -> SplitResult:
    """The parts of a URL whose port is a number; parts of nothing when it is none: errors of urllib may repeat
    passwords."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def api_address(text: str) -> str:
    """A `web_address`, on TMDB's own hosts that of its API, version 3. Raises ValueError."""
    text = web_address(text)
    parts = urlsplit(text)
    host = _host(parts)
    if not _is_of_tmdb(host) or (host in _API_HOSTS and parts.scheme == "https" and parts.path == "/3"):
        return text
    lacks = "it lacks /3 at its end" if host in _API_HOSTS and not parts.path else "it is not the address of TMDB's API"
    raise ValueError(f"{lacks}: use {TMDB_API_URL}, or leave the setting out")


def export_address(text: str) -> str:
    """A `web_address` of a folder, on TMDB's own hosts that of the ID exports. Raises ValueError."""
    text = web_address(text)
    parts = urlsplit(text)
    if parts.path.lower().endswith((".gz", ".json")):
        raise ValueError("it names a file: use the folder in which movie_ids_MM_DD_YYYY.json.gz lie")
    if _is_of_tmdb(_host(parts)) and (_host(parts) != _EXPORT_HOST or parts.path != "/p/exports"):
        raise ValueError(f"TMDB's exports do not lie there: use {TMDB_EXPORT_URL}, or leave the setting out")
    return text


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _is_of_tmdb(host: str) -> bool:
    return host.endswith((".themoviedb.org", ".tmdb.org")) or host in {"themoviedb.org", "tmdb.org"}


def cache_address(text: str) -> str:
    """A backend of the HTTP cache. Raises ValueError."""
    is_known = (
        text == "none" or re.fullmatch(r"sqlite:.+", text) or (re.match(r"rediss?://.", text) and _split(text).scheme)
    )
    if not is_known:
        raise ValueError("use `sqlite:PATH`, `redis://HOST:PORT/DB` or `none`")
    kind, _, path = text.partition(":")
    return f"{kind}:{own_path(path)}" if kind == "sqlite" else text


def spark_address(text: str) -> str:
    """The address of a Spark Connect server, as Spark's clients read it. Raises ValueError."""
    server, _, words = text.partition("/;")
    parts = _split(server)
    if parts.scheme != "sc" or not parts.hostname or "@" in parts.netloc or any(map(is_unseen, text)):
        raise ValueError("use sc://host:15002, and behind it /;token=... where the server asks for one")
    if parts.path.strip("/") or parts.query or parts.fragment or ";" in server:
        raise ValueError("nothing but /;name=value;... may follow the port, as in sc://host:15002/;use_ssl=true")
    if any("=" not in word for word in words.split(";") if word):
        raise ValueError("what follows /; is of the form name=value;name=value, as in /;use_ssl=true;token=...")
    return text


#: What the words behind an address say that is no secret. Headers of one's own may be.
_OPEN_WORDS = frozenset({"use_ssl", "user_id", "user_agent", "session_id"})


def spark_secrets(address: str) -> tuple[str, ...]:
    """What stands in such an address that nobody may see, as it stands there and as it is meant."""
    words = [word.partition("=") for word in address.partition("/;")[2].split(";")]
    said = [value for name, _, value in words if value and name not in _OPEN_WORDS]
    return tuple(dict.fromkeys(form for value in said for form in (value, unquote(value))))


def postgres_address(text: str) -> str:
    """A database of a PostgreSQL server. Raises ValueError.

    A password with @ / ? # or % as they are would make a part of it the host or the database, which are shown.
    """
    parts = _split(text)
    is_plain = parts.netloc.count("@") < 2 and "@" not in parts.path and not re.search("%(?![0-9A-Fa-f]{2})|%00", text)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/") or not is_plain:
        raise ValueError(
            "use postgresql://user:password@host/database, and in a password %40 for @, %2F for /, %25 for %"
        )
    return text


def postgres_secrets(address: str) -> tuple[str, ...]:
    """What of such an address nobody may see: all of it, and the password as it is written and as it is."""
    written = _split(address).password
    return (address, *({written, unquote(written)} if written else ()))


def lake_root(text: str) -> str:
    """A folder of this machine, or a bucket. Raises ValueError."""
    scheme, slashes, rest = text.partition("://")
    if scheme.partition(":")[0].lower() in _OBJECT_STORES and not slashes:
        raise ValueError("a bucket is written with two slashes, as in s3://bucket/folder")
    if not slashes or scheme.lower() == "file":
        return str(own_path(text))
    if scheme.lower() not in _OBJECT_STORES or not rest.strip("/"):
        raise ValueError("use a folder, or a bucket as s3://bucket/folder, az://container/folder or gs://bucket/folder")
    refuse_expanded(rest.partition("@")[2] or rest)  # a container of Azure may be called $web
    return f"{scheme.lower()}://{rest}"
