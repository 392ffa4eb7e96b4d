"""Every environment variable of the project: name, default, meaning.

What belongs here: reading and checking the environment and `.env`, once, with one clear sentence for a bad value.
What does not: anything that opens a file, a socket or a table because of a setting.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

TMDB_API_URL = "https://api.themoviedb.org/3"
TMDB_EXPORT_URL = "https://files.tmdb.org/p/exports"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
WEB_ADDRESSES = ("tmdb_api_url", "tmdb_export_url", "moovitamix_url")
#: May hold a password or a key, as in `redis://:PASSWORD@HOST`: a value that cannot be used is never repeated.
ADDRESSES = {*WEB_ADDRESSES, "http_cache", "tmdb_assets_lake"}


class SettingsError(ValueError):
    """A setting that cannot be used. The message names the variable, what is wrong with it and what to do."""


class Settings(BaseSettings):
    """The project's settings, read from the environment first and from `.env` in the working directory second."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    tmdb_api_token: SecretStr | None = Field(
        None,
        description="TMDB v4 read token, sent as a Bearer header; with neither token nor key the built-in sandbox serves.",
    )
    tmdb_api_key: SecretStr | None = Field(None, description="TMDB v3 API key, used when there is no token.")
    tmdb_api_url: str = Field(
        TMDB_API_URL,
        description="Root of the API; with a token it points the real client anywhere, e.g. a replay server on loopback.",
    )
    tmdb_export_url: str = Field(TMDB_EXPORT_URL, description="Folder where movie_ids_MM_DD_YYYY.json.gz lie.")
    tmdb_scope: str = Field(
        "top:10000",
        description="`top:N`: the N most popular films; `all`: the whole catalogue, by release-date windows.",
    )
    tmdb_requests_per_second: float = Field(
        35.0,
        gt=0,
        description="Rate of the one token bucket of the process. The sandbox is not limited unless this is set.",
    )
    tmdb_concurrency: int = Field(8, ge=1, le=64, description="Requests under way at once.")
    tmdb_details_max_age_days: int = Field(30, ge=1, description="Details older than this are asked for again.")
    tmdb_assets_lake: str = Field(
        "data/lake", description="Root of the Delta tables: a folder or an object-store URL (s3://, az://, gs://)."
    )
    tmdb_assets_warehouse: Path = Field(Path("data/warehouse.duckdb"), description="The analysts' DuckDB file.")
    tmdb_assets_reports: Path = Field(
        Path("data/reports"), description="Folder of the daily reports: one HTML file per day."
    )
    warehouse_fact_days: int | None = Field(
        None, ge=1, description="Newest days of the facts that the warehouse holds; all of them without it."
    )
    tmdb_assets_allow_mass_delete: bool = Field(
        False, description="1 lets a day through on which more than 5% of the known films vanished."
    )
    tmdb_assets_today: dt.date | None = Field(
        None, description="Freezes the clock at this day, for trying things on a loopback server only."
    )
    tmdb_assets_sandbox_movies: str | None = Field(
        None,
        description="JSON-lines files (separated by the path separator) the sandbox serves instead of its synthetic catalogue.",
    )
    tmdb_assets_sandbox_films: int | None = Field(
        None,
        ge=1,
        le=200_000,
        description="About how many films the sandbox's synthetic catalogue has by now; without it, the sandbox's own default.",
    )
    tmdb_assets_sandbox_wild: bool = Field(
        False,
        description="1 lets the sandbox be TMDB as it is: lists that move, answers that are false at first, odd bytes.",
    )
    http_cache: str = Field("none", description="requests-cache backend: `sqlite:PATH`, `redis://...` or `none`.")
    raw_retention_days: int = Field(
        180,
        ge=1,
        description="Raw older than this expires, and the payloads in the quarantine with it; TMDB's terms forbid caching "
        "for longer than six months.",
    )
    moovitamix_url: str | None = Field(None, description="Root of the music API; without it the sandbox serves.")
    moovitamix_hash_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="Key of the hashes that stand for e-mails and forgotten listeners, at least 16 characters; without it "
        "one is made, once, and kept in a file beside the lake that only its owner may read.",
    )
    streamflow_drops: Path = Field(
        Path("data/drops/streamflow"), description="Folder where the monthly CSV drops land."
    )

    @field_validator("tmdb_scope")
    @classmethod
    def _scope_is_known(cls, value: str) -> str:
        if value != "all" and not re.fullmatch(r"top:[1-9]\d*", value):
            raise ValueError("use `top:N` with N a positive whole number, or `all`")
        return value

    @field_validator("http_cache")
    @classmethod
    def _cache_is_known(cls, value: str) -> str:
        if value != "none" and not re.match(r"(sqlite:.|rediss?://.)", value):
            raise ValueError("use `sqlite:PATH`, `redis://HOST:PORT/DB` or `none`")
        return value

    @field_validator(*WEB_ADDRESSES)
    @classmethod
    def _url_is_http(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:  # its message may repeat user and password
            is_usable = False
        if not is_usable:
            raise ValueError("use a full URL such as https://host/path")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _a_frozen_clock_never_meets_the_real_music_api(self) -> Settings:
        if self.tmdb_assets_today and self.moovitamix_url and urlsplit(self.moovitamix_url).hostname not in LOOPBACK:
            raise ValueError(
                "TMDB_ASSETS_TODAY freezes the clock, so it would file today's answers under another day: unset it, or point MOOVITAMIX_URL at loopback"
            )
        return self

    @model_validator(mode="after")
    def _a_frozen_clock_never_meets_the_real_api(self) -> Settings:
        if self.tmdb_assets_today and not self.uses_sandbox and urlsplit(self.tmdb_api_url).hostname not in LOOPBACK:
            raise ValueError(
                "TMDB_ASSETS_TODAY freezes the clock, so it would file today's answers under another day: unset it, or point TMDB_API_URL at loopback"
            )
        return self

    @property
    def uses_sandbox(self) -> bool:
        """True when no TMDB credentials are set: the built-in sandbox serves."""
        return self.tmdb_api_token is None and self.tmdb_api_key is None

    @property
    def scope_size(self) -> int | None:
        """N of `top:N`; None for `all`."""
        return None if self.tmdb_scope == "all" else int(self.tmdb_scope.removeprefix("top:"))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for redaction."""
        known = (self.tmdb_api_token, self.tmdb_api_key, self.moovitamix_hash_key)
        return tuple(s.get_secret_value() for s in known if s)

    def is_set(self, name: str) -> bool:
        """Whether a setting was given rather than left at its default."""
        return name in self.model_fields_set


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` (field names) win over the environment.

    Raises SettingsError: one sentence per bad value, naming the variable; secret values and addresses are never repeated.
    """
    env_file = overrides.pop("_env_file", ".env")
    if env_file is not None:
        _refuse_malformed_env_file(Path(env_file))
        _show_object_store_credentials(Path(env_file))
    try:
        return Settings(**{"_env_file": env_file, **overrides})
    except ValidationError as error:
        raise SettingsError(" ".join(_sentence(e) for e in error.errors())) from None


def _show_object_store_credentials(path: Path) -> None:
    """Put AWS_*, AZURE_* and GOOGLE_* of the file into the environment, where the object-store clients read them
    themselves: none is ever held here. What the environment says already wins."""
    for name, value in dotenv_values(path).items():
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")) and value is not None:
            os.environ.setdefault(name, value)


def _sentence(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return f"{message}."
    name = str(error["loc"][0])
    field = Settings.model_fields.get(name)
    is_secret = field is None or name in ADDRESSES or field.annotation in {SecretStr, SecretStr | None}
    value = "" if is_secret else f"={str(error['input'])!r}"
    return f"Setting {name.upper()}{value} cannot be used: {message}."


def _refuse_malformed_env_file(path: Path) -> None:
    """python-dotenv skips lines it cannot parse with a log line; a setting that silently does not hold is worse than a stop."""
    if not path.is_file():
        return
    try:
        lines = list(parse_stream(StringIO(path.read_text(encoding="utf-8"))))
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(
            f"The file {path} cannot be read as UTF-8 text ({type(error).__name__}): correct or remove it."
        ) from None
    for binding in lines:
        if binding.error or (binding.key and binding.value is None):
            text = binding.original.string
            line = binding.original.line + len(text) - len(text.lstrip("\n"))  # blank lines count to what follows
            raise SettingsError(f"The file {path}, line {line}, is not of the form NAME=value: correct or remove it.")
