"""Every environment variable of the project: name, default, meaning.

What belongs here: reading and checking the environment and `.env`, once, with one clear sentence for a bad value.
What does not: anything that opens a file, a socket or a table because of a setting.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tmdb_assets.env_file import EnvFile, EnvFileError, read_env_file
from tmdb_assets.places import own_path, own_paths
from tmdb_assets.setting_values import (
    TMDB_API_URL,
    TMDB_EXPORT_URL,
    api_address,
    bare,
    bare_secret,
    cache_address,
    export_address,
    lake_root,
    looks_secret,
    postgres_address,
    postgres_secrets,
    refuse_unseen,
    spark_address,
    spark_secrets,
    v3_key,
    v4_token,
    web_address,
)

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
#: Rules of single values. What is ruled here may hold a password or a key, as in `redis://:PASSWORD@HOST`: a value that
#: cannot be used is never repeated.
CREDENTIALS = {"tmdb_api_token": v4_token, "tmdb_api_key": v3_key}
ADDRESSES = {
    "tmdb_api_url": api_address,
    "tmdb_export_url": export_address,
    "moovitamix_url": web_address,
    "http_cache": cache_address,
    "tmdb_assets_lake": lake_root,
    "spark_remote": spark_address,
    "tmdb_assets_postgres": postgres_address,
}
SECRETS = {*CREDENTIALS, "moovitamix_hash_key"}
PATHS: dict[str, Callable[[str], object]] = {
    "tmdb_assets_warehouse": own_path,
    "tmdb_assets_reports": own_path,
    "tmdb_assets_log_file": own_path,
    "streamflow_drops": own_path,
    "tmdb_assets_sandbox_movies": own_paths,
}
HASH_KEY_CHARACTERS = 16
#: A hundred years of days: what lies beyond can only be a slip, and no calendar can count so far.
DAYS_AT_MOST = 36_500
SHOWN_CHARACTERS = 80


class SettingsError(ValueError):
    """A setting that cannot be used. The message names the variable, what is wrong with it and what to do."""


class Settings(BaseSettings):
    """The project's settings, read from the environment; `load_settings` adds what `.env` says."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True)

    tmdb_api_token: SecretStr | None = Field(
        None,
        description="TMDB v4 read token, sent as a Bearer header; with neither token nor key the built-in sandbox "
        "serves.",
    )
    tmdb_api_key: SecretStr | None = Field(None, description="TMDB v3 API key, used when there is no token.")
    tmdb_api_url: str = Field(
        TMDB_API_URL,
        description="Root of the API; with a token it points the real client anywhere, e.g. a replay server on "
        "loopback.",
    )
    tmdb_export_url: str = Field(TMDB_EXPORT_URL, description="Folder where movie_ids_MM_DD_YYYY.json.gz lie.")
    tmdb_scope: str = Field(
        "top:10000",
        description="`top:N`: the N most popular films; `all`: the whole catalogue, by release-date windows.",
    )
    tmdb_requests_per_second: float = Field(
        35.0,
        gt=0,
        description="Requests a second, for the whole process. The sandbox is not limited unless this is set.",
    )
    tmdb_concurrency: int = Field(8, ge=1, le=64, description="Requests under way at once.")
    tmdb_details_max_age_days: int = Field(
        30, ge=1, le=DAYS_AT_MOST, description="Details older than this are asked for again."
    )
    tmdb_assets_lake: str = Field(
        "data/lake", description="Root of the Delta tables: a folder or an object-store URL (s3://, az://, gs://)."
    )
    tmdb_assets_warehouse: Path = Field(Path("data/warehouse.duckdb"), description="The analysts' DuckDB file.")
    tmdb_assets_postgres: SecretStr | None = Field(
        None,
        description="A PostgreSQL database that is published to as well: `postgresql://user:password@host/database`.",
    )
    tmdb_assets_postgres_reader: str | None = Field(
        None,
        pattern="^[a-z_][a-z0-9_]{0,62}$",
        description="A role that may read what is published there and nothing else; it is made where it is not there.",
    )
    tmdb_assets_reports: Path = Field(
        Path("data/reports"), description="Folder of the daily reports: one HTML file per day."
    )
    tmdb_assets_log_file: Path | None = Field(
        None,
        description="A file for everything that runs say, one line an event; it is put aside at 10 MB, and five such "
        "are kept.",
    )
    tmdb_assets_log_format: Literal["text", "json"] = Field(
        "text", description="The lines of that file: `text`, or `json` for what collects logs."
    )
    tmdb_assets_memory_mb: int = Field(
        2048,
        ge=256,
        le=1_000_000,
        description="Megabytes of memory in which DuckDB answers a view; what takes more is spilled to a folder.",
    )
    tmdb_assets_spill: Path = Field(
        Path("data/spill"), description="Folder of what does not fit into that memory; it is empty between runs."
    )
    tmdb_assets_batch_mb: int = Field(
        16,
        ge=1,
        le=100_000,
        description="Megabytes of stored (compressed) rows that a run over many days reads at once; they take about "
        "thirty times as much memory.",
    )
    tmdb_assets_engine: Literal["duckdb", "spark"] = Field(
        "duckdb",
        description="Who answers the views: `duckdb`, in this process, or `spark`, a cluster (SPARK_REMOTE), where one "
        "machine is not enough.",
    )
    spark_remote: SecretStr | None = Field(
        None,
        description="The Spark Connect server of that cluster, `sc://host:15002`, as Spark's own clients read it; what "
        "follows `/;`, such as `token=...`, is told to nobody.",
    )
    warehouse_fact_days: int | None = Field(
        None,
        ge=1,
        le=DAYS_AT_MOST,
        description="Newest days of the facts that the warehouse holds; without it as many as have 100 million rows: "
        "90 of TMDB's whole catalogue. The lake keeps all.",
    )
    tmdb_assets_allow_mass_delete: bool = Field(
        False,
        description="1 lets through what takes most away. A day on which many films vanished: more than 5% are "
        "gone, or list or export show far fewer than before. A month's drop without users, or a correction that "
        "removes more than half of the month's users or of a column's values.",
    )
    tmdb_assets_today: dt.date | None = Field(
        None, description="Freezes the clock at this day, for trying things on a loopback server only."
    )
    tmdb_assets_sandbox_movies: str | None = Field(
        None,
        description="JSON-lines files (separated by the path separator) the sandbox serves instead of its "
        "synthetic catalogue.",
    )
    tmdb_assets_sandbox_films: int | None = Field(
        None,
        ge=1,
        le=2_000_000,
        description="About how many films the sandbox's synthetic catalogue has by now; without it, the sandbox's "
        "own default. TMDB has 1100000.",
    )
    tmdb_assets_sandbox_wild: bool = Field(
        False,
        description="1 lets the sandbox be TMDB and the music API as they are: lists that move, answers that are "
        "false at first.",
    )
    http_cache: str = Field("none", description="requests-cache backend: `sqlite:PATH`, `redis://...` or `none`.")
    raw_retention_days: int = Field(
        180,
        ge=1,
        le=DAYS_AT_MOST,
        description="Raw older than this expires, and the payloads in the quarantine with it; TMDB's terms forbid "
        "caching for longer than six months.",
    )
    moovitamix_url: str | None = Field(None, description="Root of the music API; without it the sandbox serves.")
    moovitamix_hash_key: SecretStr | None = Field(
        None,
        description="Key of the hashes that stand for e-mails and forgotten listeners, at least 16 characters; "
        "without it one is made, once, and kept in a file beside the lake that only its owner may read.",
    )
    streamflow_drops: Path = Field(
        Path("data/drops/streamflow"), description="Folder where the monthly CSV drops land."
    )

    @model_validator(mode="before")
    @classmethod
    def _what_was_pasted_is_pared(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Blanks, line breaks and quotes around a value are taken off; where nothing is left, nothing was set."""
        pared = {name: _pared(name, value) for name, value in given.items()}
        return {name: value for name, value in pared.items() if value != ""}

    @field_validator("*", mode="before")
    @classmethod
    def _value_keeps_its_rule(cls, value: object, info: ValidationInfo) -> object:
        name = info.field_name or ""
        if not isinstance(value, str):
            return value
        if name in CREDENTIALS:
            return CREDENTIALS[name](value)
        refuse_unseen(value)
        if name in PATHS:
            return PATHS[name](value)
        return ADDRESSES[name](value) if name in ADDRESSES else value

    @field_validator("tmdb_scope")
    @classmethod
    def _scope_is_known(cls, value: str) -> str:
        if value != "all" and not re.fullmatch(r"top:[1-9][0-9]{0,8}", value):
            raise ValueError("use `top:N` with N a positive whole number, or `all`")
        return value

    @field_validator("tmdb_assets_today", mode="before")
    @classmethod
    def _today_is_a_day(cls, value: object) -> object:
        """A bare number would be taken for seconds since 1970."""
        if isinstance(value, str) and not re.fullmatch(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError("use a date of the form YYYY-MM-DD")
        return value

    @field_validator("moovitamix_hash_key")
    @classmethod
    def _hash_key_cannot_be_guessed(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < HASH_KEY_CHARACTERS:
            raise ValueError(f"use at least {HASH_KEY_CHARACTERS} characters")
        return value

    @model_validator(mode="after")
    def _a_cluster_has_an_address(self) -> Settings:
        if self.tmdb_assets_engine == "spark" and self.spark_remote is None:
            raise ValueError(
                "TMDB_ASSETS_ENGINE=spark needs a Spark Connect server: set SPARK_REMOTE=sc://host:15002, or "
                "TMDB_ASSETS_ENGINE=duckdb"
            )
        return self

    @model_validator(mode="after")
    def _a_frozen_clock_never_meets_the_real_music_api(self) -> Settings:
        if self.tmdb_assets_today and self.moovitamix_url and urlsplit(self.moovitamix_url).hostname not in LOOPBACK:
            raise ValueError(
                "TMDB_ASSETS_TODAY freezes the clock, so it would file today's answers under another day: unset "
                "it, or point MOOVITAMIX_URL at loopback"
            )
        return self

    @model_validator(mode="after")
    def _a_frozen_clock_never_meets_the_real_api(self) -> Settings:
        if self.tmdb_assets_today and not self.uses_sandbox and urlsplit(self.tmdb_api_url).hostname not in LOOPBACK:
            raise ValueError(
                "TMDB_ASSETS_TODAY freezes the clock, so it would file today's answers under another day: unset "
                "it, or point TMDB_API_URL at loopback"
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
        of_spark = spark_secrets(self.spark_remote.get_secret_value()) if self.spark_remote else ()
        database = self.tmdb_assets_postgres
        of_postgres = postgres_secrets(database.get_secret_value()) if database else ()
        return (*(s.get_secret_value() for s in known if s), *of_spark, *of_postgres)

    def but(self, **overrides: Any) -> Settings:
        """The same settings but for some. Raises SettingsError, as `load_settings` does."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        changed = {name: value for name, value in overrides.items() if str(value) != str(getattr(self, name))}
        if not changed:
            return self
        try:
            return _Given(**{**given, **changed})
        except ValidationError as error:
            raise SettingsError(" ".join(_sentence(e) for e in error.errors())) from None

    def is_set(self, name: str) -> bool:
        """Whether a setting was given rather than left at its default."""
        return name in self.model_fields_set


class _Given(Settings):
    """Settings that are handed over: neither the environment nor a file is asked again."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is handed over, alone."""
        return (init_settings,)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings: `overrides` (field names) win over the environment, and the environment over `.env`.

    Raises SettingsError: one sentence per bad value, naming the variable; secret values and addresses are never
    repeated.
    """
    env_file = overrides.pop("_env_file", ".env")
    try:
        written = read_env_file(Path(env_file)) if env_file is not None else EnvFile()
        _show_object_store_credentials(written)
        return Settings(**{**_left_to_the_file(written), **overrides})
    except EnvFileError as error:
        raise SettingsError(str(error)) from None
    except ValidationError as error:
        raise SettingsError(" ".join(_sentence(e) for e in error.errors())) from None


def dagster_home() -> Path | None:
    """The folder of Dagster's instance that the environment names, if it names one."""
    named = os.environ.get("DAGSTER_HOME")
    return Path(named) if named else None


def has_dagster_home() -> bool:
    """Whether Dagster knows a folder for its runs. It is Dagster's own variable, so it is no setting of ours."""
    return dagster_home() is not None


def _left_to_the_file(written: EnvFile) -> dict[str, Any]:
    """The settings of the file that the environment does not set itself."""
    set_outside = {
        name.lower() for name, value in os.environ.items() if bare(value) and not written.is_origin_of(name, value)
    }
    return {
        name.lower(): value
        for name, value in written.values.items()
        if name.lower() in Settings.model_fields and name.lower() not in set_outside
    }


def _show_object_store_credentials(written: EnvFile) -> None:
    """Put AWS_*, AZURE_* and GOOGLE_* of the file into the environment, where the object-store clients read them
    themselves: none is ever held here. What the environment says already wins."""
    for name, value in written.values.items():
        is_credential = name.startswith(("AWS_", "AZURE_", "GOOGLE_"))
        if is_credential and (name not in os.environ or written.is_origin_of(name, os.environ[name])):
            os.environ[name] = bare(value)


def _pared(name: str, value: object) -> object:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if not isinstance(value, str):
        return value
    return bare_secret(value) if name in SECRETS else bare(value)


def _sentence(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return f"{message}."
    name, value = str(error["loc"][0]), str(error["input"])
    is_shown = name in Settings.model_fields and name not in {*SECRETS, *ADDRESSES} and not looks_secret(value)
    if len(value) > SHOWN_CHARACTERS:
        value = f"{value[:SHOWN_CHARACTERS]}..."
    return f"Setting {name.upper()}{f'={value!r}' if is_shown else ''} cannot be used: {message}."
