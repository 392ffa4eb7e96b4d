"""Settings: one sentence for a bad value, with the variable's name and never a secret."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tmdb_assets.setting_values import QUOTES
from tmdb_assets.settings import TMDB_API_URL, TMDB_EXPORT_URL, Settings, SettingsError, load_settings

TOKEN = "s3cret-t0ken"
V3 = "0123456789abcdef0123456789ABCDEF"
V4 = f"eyJhbGciOiJIUzI1NiJ9.{'eyJhdWQi' * 12}.{'Sg-_9' * 9}"
KEY = "correct horse battery $taple #1"


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
        ("TMDB_ASSETS_ENGINE", "flink", "'duckdb' or 'spark'"),
        ("TMDB_ASSETS_ENGINE", "Spark", "'duckdb' or 'spark'"),
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


# -- what was pasted ---------------------------------------------------------------------------------------------------

IN_A_HEADER = st.characters(min_codepoint=0x21, max_codepoint=0xFF, categories=["L", "N", "P", "S"])
AROUND = st.text(st.sampled_from([*" \t\r\n\xa0\u2003\u2028\ufeff\u200b\x00\x1f", *QUOTES]), max_size=6)
BEFORE = st.sampled_from(["", "Bearer ", "bearer\t", "BEARER  ", "Authorization: Bearer ", "authorization :bearer "])
UNFIT = [*" \t\n\r\xa0\x00\x07\x7f\x85\xad\u200b\u2009\u2013\u2026\u2028Ā漢😀"]


def secret_of(settings: Settings, name: str) -> str | None:
    value = getattr(settings, name)
    return None if value is None else str(value.get_secret_value())


def test_a_cluster_without_an_address_is_one_sentence() -> None:
    assert refused(tmdb_assets_engine="spark") == (
        "TMDB_ASSETS_ENGINE=spark needs a Spark Connect server: set SPARK_REMOTE=sc://host:15002, or "
        "TMDB_ASSETS_ENGINE=duckdb."
    )
    assert load_settings(tmdb_assets_engine="spark", spark_remote="sc://host").tmdb_assets_engine == "spark"
    assert load_settings(spark_remote="sc://host").tmdb_assets_engine == "duckdb", "who has one may do without"


@pytest.mark.parametrize(
    ("words", "secrets"),
    [
        ("", ()),
        ("/", ()),
        ("/;use_ssl=true;user_id=me;token=a%2Fb", ("a%2Fb", "a/b")),
        ("/;x-key=k1;session_id=0;token=t1", ("k1", "t1")),
    ],
)
def test_what_stands_behind_the_address_of_a_cluster_is_told_to_nobody(words: str, secrets: tuple[str, ...]) -> None:
    settings = load_settings(spark_remote=f"sc://host:15002{words}")
    assert settings.secrets == secrets
    assert secret_of(settings, "spark_remote") == f"sc://host:15002{words}", "handed on as it is"
    assert not [secret for secret in secrets if secret in repr(settings)]


@pytest.mark.parametrize("name", ["tmdb_api_token", "tmdb_api_key"])
@given(core=st.text(IN_A_HEADER, max_size=40), before=AROUND, prefix=BEFORE, within=AROUND, after=AROUND)
@example(core="", before="\n", prefix="Bearer ", within="“", after="”\r\n")
def test_what_surrounds_a_credential_is_taken_off(
    name: str, core: str, before: str, prefix: str, within: str, after: str
) -> None:
    wanted = f"a{core}z"
    settings = load_settings(**{name: f"{before}{prefix}{within}{wanted}{after}"})
    assert secret_of(settings, name) == wanted
    assert settings.secrets == (wanted,)


@pytest.mark.parametrize("name", ["tmdb_api_token", "tmdb_api_key"])
@given(place=st.integers(1, len(TOKEN) - 1), unfit=st.sampled_from(UNFIT))
def test_a_credential_that_no_header_can_hold_is_one_sentence(name: str, place: int, unfit: str) -> None:
    sentence = refused(**{name: TOKEN[:place] + unfit + TOKEN[place:]})
    assert sentence.startswith(f"Setting {name.upper()} cannot be used: ")
    assert f"character {place + 1}" in sentence
    assert sentence.endswith("copy it again.")
    assert not any(part in sentence for part in (TOKEN[:place], TOKEN[place:]) if len(part) > 3)


@pytest.mark.parametrize("name", ["tmdb_api_token", "tmdb_api_key"])
@pytest.mark.parametrize("value", ["...", "Bearer", "Bearer ...", "authorization: bearer", "-"])
def test_a_credential_without_one_in_it_is_one_sentence(name: str, value: str) -> None:
    assert refused(**{name: value}) == (
        f"Setting {name.upper()} cannot be used: there is no credential in it: copy it from "
        "https://www.themoviedb.org/settings/api."
    )


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "\n'{}' \r\n", "“{}”"])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "TMDB_API_TOKEN",
            V3,
            "it is a v3 API key: set it as TMDB_API_KEY, or copy the API Read Access Token",
        ),
        ("TMDB_API_KEY", V4, "it is a v4 read access token: set it as TMDB_API_TOKEN"),
    ],
)
def test_one_credential_in_the_place_of_the_other_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str, form: str
) -> None:
    monkeypatch.setenv(name, form.format(value))
    assert refused() == f"Setting {name} cannot be used: {said}."


def test_each_credential_in_its_own_place_is_none_of_the_other() -> None:
    settings = load_settings(tmdb_api_token=V4, tmdb_api_key=V3)
    assert settings.secrets == (V4, V3)
    assert not refused(tmdb_scope=f"top:{V3}").count(V3), "nor is it repeated where it was pasted by mistake"


@given(before=AROUND, after=AROUND)
def test_the_hash_key_is_the_same_however_it_was_pasted(before: str, after: str) -> None:
    assert secret_of(load_settings(moovitamix_hash_key=f"{before}{KEY}{after}"), "moovitamix_hash_key") == KEY


@pytest.mark.parametrize("value", ["too short", "15 characters..", f"{KEY[:20]}\n{KEY[20:]}", f"{KEY}\x1b{KEY}"])
def test_a_hash_key_that_cannot_be_used_is_not_repeated(value: str) -> None:
    sentence = refused(moovitamix_hash_key=value)
    assert sentence.startswith("Setting MOOVITAMIX_HASH_KEY cannot be used: ")
    assert KEY[:15] not in sentence
    assert value not in sentence


@pytest.mark.parametrize("value", ["", " ", "\r\n", '""', "''", ' "" ', "“”", "\ufeff"])
def test_a_setting_of_blanks_and_quotes_is_not_set(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), value)
    assert load_settings().model_fields_set == set()


USUAL = {
    "tmdb_api_url": "http://127.0.0.1:9/3",
    "tmdb_export_url": "https://files.tmdb.org/p/exports",
    "moovitamix_url": "http://me:pa55@localhost/api",
    "http_cache": "sqlite:some where/cache",
    "tmdb_assets_lake": "s3://bucket/some where",
    "tmdb_assets_warehouse": "some where/it's.duckdb",
    "tmdb_assets_reports": "/reports",
    "streamflow_drops": "drops'",
    "tmdb_scope": "top:25",
    "tmdb_requests_per_second": "2.5",
    "raw_retention_days": "9",
    "tmdb_assets_today": "2026-03-01",
    "tmdb_assets_allow_mass_delete": "1",
}


@pytest.mark.parametrize(("before", "after"), [(" ", "\r\n"), ('"', '"'), ("\ufeff“", "” \n"), ("\t'", "'\x00")])
def test_what_surrounds_any_other_value_is_taken_off(before: str, after: str) -> None:
    pasted = {name: f"{before}{value}{after}" for name, value in USUAL.items()}
    assert load_settings(**pasted) == load_settings(**USUAL)


@pytest.mark.parametrize("unseen", ["\n", "\r", "\x00", "\x1b", "\u2028"])
@pytest.mark.parametrize("name", [n for n, value in USUAL.items() if len(value) > 4])
def test_a_value_with_a_line_break_inside_is_one_sentence(name: str, unseen: str) -> None:
    sentence = refused(**{name: f"{USUAL[name][:3]}{unseen}{USUAL[name][3:]}"})
    assert sentence.startswith(f"Setting {name.upper()}")
    assert " cannot be used: " in sentence
    assert sentence.isprintable()


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TMDB_API_URL", "https://api.themoviedb.org", f"it lacks /3 at its end: use {TMDB_API_URL}"),
        ("TMDB_API_URL", "https://API.TheMovieDB.org:443/", f"it lacks /3 at its end: use {TMDB_API_URL}"),
        ("TMDB_API_URL", "https://api.tmdb.org", f"it lacks /3 at its end: use {TMDB_API_URL}"),
        *[
            ("TMDB_API_URL", url, f"it is not the address of TMDB's API: use {TMDB_API_URL}")
            for url in (
                "https://api.themoviedb.org/4",
                "https://api.themoviedb.org/3/movie",
                "https://www.themoviedb.org/3",
                "https://themoviedb.org",
                "https://files.tmdb.org/3",
                f"http://me:{TOKEN}@api.themoviedb.org/3",  # in the clear
            )
        ],
        *[
            (name, f"https://host/3?api_key={TOKEN}", "leave out the ? or # and what follows")
            for name in ("TMDB_API_URL", "TMDB_EXPORT_URL", "MOOVITAMIX_URL")
        ],
        *[
            (name, url, "use a full URL such as https://host/path")
            for name in ("TMDB_API_URL", "TMDB_EXPORT_URL", "MOOVITAMIX_URL")
            for url in (f"https://me:{TOKEN} @host/3", "https://ho st/3", "https://host:port/3", "https://host:99999/3")
        ],
        *[
            ("TMDB_EXPORT_URL", url, "it names a file: use the folder in which movie_ids_MM_DD_YYYY.json.gz lie")
            for url in (
                f"{TMDB_EXPORT_URL}/movie_ids_05_15_2026.json.gz",
                "http://127.0.0.1:9/movie_ids_05_15_2026.json",
                "https://host/IDS.GZ",
            )
        ],
        *[
            ("TMDB_EXPORT_URL", url, f"TMDB's exports do not lie there: use {TMDB_EXPORT_URL}")
            for url in (
                "https://files.tmdb.org",
                "https://files.tmdb.org/p",
                "https://api.themoviedb.org/3",
                "https://files.tmdb.org/exports",
            )
        ],
        *[
            ("HTTP_CACHE", value, "use `sqlite:PATH`, `redis://HOST:PORT/DB` or `none`")
            for value in (f"redis://:{TOKEN}@host:port/0", f"redis://[{TOKEN}/0")
        ],
        *[
            ("TMDB_ASSETS_LAKE", value, "use a folder, or a bucket as s3://bucket/folder")
            for value in ("s3://", "hdfs://host/lake", f"https://me:{TOKEN}@host/lake", "S4://b", "gs:///")
        ],
        *[
            ("TMDB_ASSETS_LAKE", value, "a bucket is written with two slashes, as in s3://bucket/folder")
            for value in ("s3:/bucket/lake", "S3:bucket", "az:/b")
        ],
        *[
            ("SPARK_REMOTE", value, "use sc://host:15002, and behind it /;token=... where the server asks for one")
            for value in (
                f"https://host:15002/;token={TOKEN}",
                f"host:15002/;token={TOKEN}",
                f"sc:///;token={TOKEN}",
                f"sc://me:{TOKEN}@host:15002",
                f"sc://host:port/;token={TOKEN}",
                f"sc://host:15002;token={TOKEN}",
                f"sc://host/;token={TOKEN} {TOKEN}",
            )
        ],
        *[
            ("SPARK_REMOTE", value, "nothing but /;name=value;... may follow the port")
            for value in (f"sc://host:15002/{TOKEN}", f"sc://host?token={TOKEN}")
        ],
        ("SPARK_REMOTE", f"sc://host/;{TOKEN}", "what follows /; is of the form name=value;name=value"),
        ("TMDB_ASSETS_LAKE", "file://lake", "a folder of this machine is written with three slashes"),
        ("TMDB_ASSETS_LAKE", "~nobody-we-know/lake", "whose home folder is meant cannot be told"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence_without_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    sentence = refused()
    assert sentence.startswith(f"Setting {name} cannot be used: {said}")
    assert TOKEN not in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tmdb_api_url", "https://api.themoviedb.org/3"),
        ("tmdb_api_url", "https://api.tmdb.org/3"),
        ("tmdb_api_url", "http://127.0.0.1:8000"),
        ("tmdb_api_url", "https://replay.example/on/2026-03-01/3"),
        ("tmdb_api_url", "https://nottmdb.org"),
        ("tmdb_export_url", "http://files.tmdb.org/p/exports"),
        ("tmdb_export_url", "http://127.0.0.1:8000"),
        ("http_cache", "none"),
        ("http_cache", "redis://:pa$$@host:6379/0"),
        ("http_cache", "redis:///1"),
        ("tmdb_assets_lake", "az://container/lake"),
        ("tmdb_assets_lake", "a lake"),
    ],
)
def test_an_address_that_may_be_right_is_kept_as_it_is(name: str, value: str) -> None:
    assert getattr(load_settings(**{name: value}), name) == value


@pytest.mark.parametrize(
    "name", ["tmdb_assets_lake", "tmdb_assets_warehouse", "tmdb_assets_reports", "streamflow_drops"]
)
def test_a_folder_is_one_of_this_machine_and_a_tilde_is_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(getattr(load_settings(**{name: "~/mine"}), name)) == f"{tmp_path}/mine"
    if name != "tmdb_assets_lake":
        assert refused(**{name: "s3://bucket/x"}) == (
            f"Setting {name.upper()}='s3://bucket/x' cannot be used: use a path on this machine: it cannot be a URL."
        )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TMDB_ASSETS_TODAY", "20260310", "YYYY-MM-DD"),
        ("TMDB_ASSETS_TODAY", "1773100800", "YYYY-MM-DD"),
        ("TMDB_ASSETS_TODAY", "0001-01-01", "YYYY-MM-DD"),
        ("TMDB_SCOPE", "top:99999999999999999999", "use `top:N`"),
        ("TMDB_SCOPE", "top:٣", "use `top:N`"),
        *[
            (name, str(10**30), "less than or equal to 36500")
            for name in ("RAW_RETENTION_DAYS", "TMDB_DETAILS_MAX_AGE_DAYS", "WAREHOUSE_FACT_DAYS")
        ],
    ],
)
def test_a_number_that_nothing_can_count_with_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    sentence = refused()
    assert sentence.startswith(f"Setting {name}={value!r} cannot be used: ")
    assert said in sentence


def test_a_long_value_is_not_repeated_whole() -> None:
    assert len(refused(tmdb_scope="top:" + "9" * 5000)) < 250


# -- .env --------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("MOOVITAMIX_HASH_KEY=abc$def${HOME}-$HOME-$1", "abc$def${HOME}-$HOME-$1"),
        ('MOOVITAMIX_HASH_KEY="abc$def${HOME}-$HOME-$1"', "abc$def${HOME}-$HOME-$1"),
        ("MOOVITAMIX_HASH_KEY='abc$def${HOME}-$HOME-$1' # why", "abc$def${HOME}-$HOME-$1"),
        ("MOOVITAMIX_HASH_KEY=0123456789abc#def # why", "0123456789abc#def"),
        ('MOOVITAMIX_HASH_KEY="0123456789 # def"', "0123456789 # def"),
        ("MOOVITAMIX_HASH_KEY='0123456789 \\' def'", "0123456789 ' def"),
        ("MOOVITAMIX_HASH_KEY=0123456789\\n=def", "0123456789\\n=def"),
        ("MOOVITAMIX_HASH_KEY = 0123456789abcdef", "0123456789abcdef"),
        ("export MOOVITAMIX_HASH_KEY=0123456789abcdef", "0123456789abcdef"),
        ("MOOVITAMIX_HASH_KEY=“0123456789abcdef”", "0123456789abcdef"),
        ("moovitamix_hash_key=0123456789abcdef", "0123456789abcdef"),
    ],
)
@pytest.mark.parametrize("start", ["", "\ufeff", "\ufeff# first\n"], ids=["plain", "mark", "mark and comment"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""], ids=["lf", "crlf", "none"])
def test_a_value_of_the_file_is_what_stands_there(tmp_path: Path, line: str, value: str, start: str, end: str) -> None:
    (tmp_path / ".env").write_bytes(f"{start}{line}{end}".replace("first\n", f"first{end or chr(10)}").encode())
    assert secret_of(load_settings(), "moovitamix_hash_key") == value


def test_credentials_of_the_object_store_are_not_expanded_either(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("AWS_SECRET_ACCESS_KEY=a$HOME${USER}b/+=\r\n", encoding="utf-8", newline="")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")  # so that it is put back as it was
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    load_settings()
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "a$HOME${USER}b/+="


def test_what_others_expanded_and_put_into_the_environment_is_still_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Dagster's commands do before they load the project."""
    lines = ["MOOVITAMIX_HASH_KEY=0123456789${HOME}", "TMDB_SCOPE=top:5", "AWS_SECRET_ACCESS_KEY=a${HOME}b"]
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("MOOVITAMIX_HASH_KEY", "0123456789/home/me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a/home/meb")
    monkeypatch.setenv("TMDB_SCOPE", "top:6")
    settings = load_settings()
    assert (secret_of(settings, "moovitamix_hash_key"), settings.tmdb_scope) == ("0123456789${HOME}", "top:6")
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "a${HOME}b"


def test_a_blank_variable_leaves_it_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("TMDB_SCOPE=top:5\n")
    monkeypatch.setenv("TMDB_SCOPE", " ")
    assert load_settings().tmdb_scope == "top:5"


@pytest.mark.parametrize("text", ["TMDB_SCOPE=all\n".encode("utf-16-le"), b"TMDB_SCOPE=a\0ll\n"])
def test_a_file_of_other_characters_is_one_sentence(tmp_path: Path, text: bytes) -> None:
    (tmp_path / ".env").write_bytes(text)
    assert refused() == ("The file .env cannot be read as UTF-8 text (it holds null characters): correct or remove it.")


def test_an_invisible_character_in_a_name_is_a_malformed_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n\u200bTMDB_SCOPE=all\n", encoding="utf-8")
    assert refused().startswith("The file .env, line 2, is not of the form NAME=value")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0)
    assert refused() == "The file .env cannot be read (Permission denied): correct its permissions or remove it."


def test_a_folder_of_that_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()  # as `python -m venv .env` makes
    assert load_settings() == load_settings(_env_file=None)


def test_the_example_names_every_setting_and_holds_no_other_default() -> None:
    example = Path(__file__).resolve().parents[1] / ".env.example"
    text = example.read_text(encoding="utf-8")
    missing = [name.upper() for name in Settings.model_fields if name.upper() not in text]
    assert missing == []
    assert load_settings(_env_file=str(example)) == load_settings(_env_file=None)


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, f in Settings.model_fields.items() if not f.description] == []
