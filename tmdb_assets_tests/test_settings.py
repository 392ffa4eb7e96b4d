"""Settings: one sentence for a bad value, with the variable's name and never a secret."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest

from tmdb_assets.settings import TMDB_API_URL, Settings, SettingsError, load_settings

TOKEN = "s3cret-t0ken"


def refused(**overrides: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(**overrides)
    assert raised.value.__cause__ is None, "no cause: a cause would print the value that was given"
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_with_nothing_set_the_sandbox_serves() -> None:
    settings = load_settings()
    assert settings.uses_sandbox
    assert (settings.tmdb_api_url, settings.tmdb_scope, settings.scope_size) == (TMDB_API_URL, "top:10000", 10_000)
    assert (settings.raw_retention_days, settings.http_cache, settings.secrets) == (180, "none", ())


def test_object_store_credentials_of_the_file_reach_the_environment_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "some.env"
    file.write_text("AWS_REGION=eu-central-1\nAWS_ACCESS_KEY_ID=of-the-file\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-environment")
    monkeypatch.setenv("AWS_REGION", "")  # so that it is put back as it was
    monkeypatch.delenv("AWS_REGION")
    load_settings(_env_file=str(file))
    assert (os.environ["AWS_REGION"], os.environ["AWS_ACCESS_KEY_ID"]) == ("eu-central-1", "of-the-environment")
    assert "OTHER" not in os.environ


@pytest.mark.parametrize("name", ["TMDB_API_TOKEN", "TMDB_API_KEY"])
def test_either_credential_turns_to_the_real_api(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, TOKEN)
    settings = load_settings()
    assert not settings.uses_sandbox
    assert settings.secrets == (TOKEN,)


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMDB_API_TOKEN", "TMDB_SCOPE", "TMDB_CONCURRENCY"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.uses_sandbox, settings.tmdb_scope, settings.tmdb_concurrency) == (True, "top:10000", 8)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TMDB_SCOPE", "best:5", "use `top:N` with N a positive whole number, or `all`"),
        ("TMDB_SCOPE", "top:0", "use `top:N`"),
        ("TMDB_SCOPE", "top:-5", "use `top:N`"),
        ("TMDB_SCOPE", "top:1.5", "use `top:N`"),
        ("TMDB_SCOPE", "ALL", "use `top:N`"),
        ("TMDB_REQUESTS_PER_SECOND", "0", "greater than 0"),
        ("TMDB_REQUESTS_PER_SECOND", "fast", "valid number"),
        ("TMDB_CONCURRENCY", "0", "greater than or equal to 1"),
        ("TMDB_CONCURRENCY", "65", "less than or equal to 64"),
        ("TMDB_CONCURRENCY", "2.5", "valid integer"),
        ("TMDB_DETAILS_MAX_AGE_DAYS", "0", "greater than or equal to 1"),
        ("RAW_RETENTION_DAYS", "0", "greater than or equal to 1"),
        ("RAW_RETENTION_DAYS", "ever", "valid integer"),
        ("TMDB_ASSETS_TODAY", "yesterday", "date"),
        ("TMDB_ASSETS_TODAY", "2026-02-30", "date"),
        ("TMDB_ASSETS_ALLOW_MASS_DELETE", "perhaps", "boolean"),
    ],
)
def test_a_bad_value_is_one_sentence_with_the_variable_and_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv("TMDB_API_TOKEN", TOKEN)
    monkeypatch.setenv(name, value)
    sentence = refused()
    assert sentence.startswith(f"Setting {name}={value!r} cannot be used: ")
    assert said in sentence
    assert sentence.endswith(".")
    assert TOKEN not in sentence


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        (
            "HTTP_CACHE",
            ["memcached", "sqlite:", f"redis:/:{TOKEN}@cache:6379/0"],
            "use `sqlite:PATH`, `redis://HOST:PORT/DB` or `none`",
        ),
        *[
            (
                name,
                [
                    "host",
                    "ftp://host/3",
                    "https://",
                    "localhost:8000",
                    f"host/3?api_key={TOKEN}",
                    f"ftp://me:{TOKEN}@host/",
                    f"https://[{TOKEN}]/",
                    f"https://me:{TOKEN}\u2100@host/",  # which Python's own message repeats
                ],
                "use a full URL such as https://host/path",
            )
            for name in ("TMDB_API_URL", "TMDB_EXPORT_URL", "MOOVITAMIX_URL")
        ],
    ],
)
def test_a_bad_address_is_one_sentence_with_the_variable_and_without_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, values: list[str], said: str
) -> None:
    for value in values:
        monkeypatch.setenv(name, value)
        assert refused() == f"Setting {name} cannot be used: {said}."


def test_every_bad_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_SCOPE", "x")
    monkeypatch.setenv("TMDB_CONCURRENCY", "y")
    assert all(f"Setting {name}=" in refused() for name in ("TMDB_SCOPE", "TMDB_CONCURRENCY"))


@pytest.mark.parametrize("name", ["tmdb_api_token", "tmdb_api_key"])
def test_a_secret_of_the_wrong_kind_is_not_repeated(name: str) -> None:
    sentence = refused(**{name: [TOKEN]})
    assert sentence.startswith(f"Setting {name.upper()} cannot be used")
    assert TOKEN not in sentence


def test_no_secret_shows_when_settings_are_printed() -> None:
    settings = load_settings(tmdb_api_token=TOKEN, tmdb_api_key=TOKEN)
    assert TOKEN not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_frozen_clock_never_meets_the_real_api() -> None:
    day = dt.date(2026, 3, 1)
    sentence = refused(tmdb_api_token=TOKEN, tmdb_assets_today=day)
    assert sentence.startswith("TMDB_ASSETS_TODAY freezes the clock")
    assert TOKEN not in sentence
    assert load_settings(tmdb_assets_today=day).tmdb_assets_today == day
    for host in ("127.0.0.1:8000", "localhost", "[::1]:9"):
        load_settings(tmdb_api_token=TOKEN, tmdb_assets_today=day, tmdb_api_url=f"http://{host}/3")


@pytest.mark.parametrize("url", ["http://127.0.0.1.evil.example/3", "http://localhost@evil.example/3"])
def test_a_host_that_only_looks_like_loopback_is_none(url: str) -> None:
    sentence = refused(tmdb_api_token=TOKEN, tmdb_assets_today=dt.date(2026, 3, 1), tmdb_api_url=url)
    assert sentence.startswith("TMDB_ASSETS_TODAY freezes the clock")


@pytest.mark.parametrize(("scope", "size"), [("top:1", 1), ("top:25000", 25_000), ("all", None)])
def test_the_scope_is_a_number_of_films_or_all(scope: str, size: int | None) -> None:
    assert load_settings(tmdb_scope=scope).scope_size == size


def test_a_url_loses_its_last_slash() -> None:
    assert load_settings(tmdb_api_url="http://127.0.0.1:9/3/").tmdb_api_url == "http://127.0.0.1:9/3"


# -- .env ----------------------------------------------------------------------------------------------------------------


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("TMDB_SCOPE=top:5\nTMDB_CONCURRENCY=3\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("TMDB_SCOPE", "all")
    settings = load_settings()
    assert (settings.tmdb_scope, settings.tmdb_concurrency) == ("all", 3)
    assert settings.is_set("tmdb_concurrency")
    assert not settings.is_set("tmdb_requests_per_second")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"TMDB_API_TOKEN={TOKEN}\nthis is no setting {TOKEN}\n", 2),
        (f"\n\n# comment\nTMDB_API_TOKEN {TOKEN}\n", 4),
        (f"TMDB_API_TOKEN={TOKEN}\nTMDB_SCOPE\n", 2),
        (f"A=1\n\n\n\nTMDB_API_TOKEN='{TOKEN}\n", 5),
        (f"={TOKEN}\n", 1),
    ],
)
def test_a_malformed_file_names_file_and_line_and_no_secret(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / ".env").write_text(text)
    sentence = refused()
    assert sentence.startswith(f"The file .env, line {line}, is not of the form NAME=value")
    assert TOKEN not in sentence


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n\n", "export TMDB_SCOPE=all\n", 'TMDB_SCOPE="all" # why\r\n', "TMDB_SCOPE=\n"]
)
def test_what_python_dotenv_understands_is_no_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(text)
    assert load_settings().tmdb_scope == ("all" if "all" in text else "top:10000")


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"TMDB_API_TOKEN=\xff\xfe\xfa\n")
    assert refused() == ("The file .env cannot be read as UTF-8 text (UnicodeDecodeError): correct or remove it.")


def test_the_example_names_every_setting_and_holds_no_other_default() -> None:
    example = Path(__file__).resolve().parents[1] / ".env.example"
    text = example.read_text(encoding="utf-8")
    missing = [name.upper() for name in Settings.model_fields if name.upper() not in text]
    assert missing == []
    assert load_settings(_env_file=str(example)) == load_settings(_env_file=None)


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, f in Settings.model_fields.items() if not f.description] == []
