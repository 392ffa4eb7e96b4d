"""Paths as people write them: each means what they meant or is refused, and links are followed before anything is
written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tmdb_assets.places import led_to, own_path
from tmdb_assets.settings import SettingsError, load_settings

PATHS = ["tmdb_assets_lake", "tmdb_assets_warehouse", "tmdb_assets_reports", "streamflow_drops"]
ALL = [*PATHS, "tmdb_assets_sandbox_movies", "http_cache"]
FORM = {"http_cache": "sqlite:{}"}


def read(name: str, value: str) -> str:
    form = FORM.get(name, "{}")
    return str(getattr(load_settings(_env_file=None, **{name: form.format(value)}), name)).removeprefix("sqlite:")


def refused(name: str, value: str) -> str:
    with pytest.raises(SettingsError) as raised:
        read(name, value)
    return str(raised.value)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("start", ["~", "$HOME", "${HOME}"])
def test_the_home_folder_is_meant_however_it_is_written(home: Path, name: str, start: str) -> None:
    assert read(name, f"{start}/a place") == f"{home}/a place"


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///lake", "/lake"),
        ("file:/lake", "/lake"),
        ("FILE://localhost/lake", "/lake"),
        ("file:///my%20films/donn%C3%A9es", "/my films/données"),
        ("file:///100%", "/100%"),
    ],
)
def test_an_address_of_this_machine_is_the_path_it_names(name: str, address: str, path: str) -> None:
    assert read(name, address) == path


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "value",
    [
        *["$USER/x", "a/$HOME/x", "a/${HOME}", "${DATA}/x", "/data/$name", "${HOME", "$(pwd)/x", "`pwd`/x", "$HOMES/x"],
        *["%USERPROFILE%/x", "~nobody-we-know/x", "C:\\films", "\\\\server\\films", "C:"],
        *[
            "s3:/bucket/x",
            "S3:bucket",
            "az:/b",
            "gs:b",
            "https://host/x",
            "http:/host",
            "hdfs://host/x",
            "ftp:/x",
            "odd+1://x",
        ],
        *["file://host/x", "file:x", "file:", "file://", "FILE:~/x", "file:///x?y", "file:///x#y", "file://[/x"],
    ],
)
def test_what_nobody_means_as_the_name_of_a_folder_is_one_sentence(name: str, value: str) -> None:
    sentence = refused(name, value)
    assert sentence.startswith(f"Setting {name.upper()}")
    assert " cannot be used: " in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("value", ["s3://", "S3://", "s3:///", "s3://$BUCKET/x", "s3://bucket/$HOME", "s3://b/${X}"])
def test_a_bucket_that_is_none_is_one_sentence(value: str) -> None:
    assert refused("tmdb_assets_lake", value).startswith("Setting TMDB_ASSETS_LAKE cannot be used: ")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("S3://bucket/My Films/données", "s3://bucket/My Films/données"),
        ("abfss://$web@account.dfs.core.windows.net/x", "abfss://$web@account.dfs.core.windows.net/x"),
    ],
)
def test_a_bucket_is_kept_as_it_is_called(value: str, kept: str) -> None:
    assert read("tmdb_assets_lake", value) == kept


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", ["it's $5", "a: b", "12h30", "50% off", "./~/x", "/~/x", "a~", "ab@c", "$", "été"])
def test_a_name_that_is_only_unusual_is_kept(name: str, value: str) -> None:
    assert Path(read(name, value)).absolute() == Path(value).absolute()


@pytest.mark.parametrize("name", [n for n in ALL if n != "tmdb_assets_sandbox_movies"])
def test_a_drive_is_refused_with_either_slash(name: str) -> None:
    assert "it has no drives" in refused(name, "c:/films")


def test_several_files_of_the_sandbox_are_each_read(home: Path) -> None:
    assert read("tmdb_assets_sandbox_movies", "~/a.jsonl:/b.jsonl:c.jsonl") == f"{home}/a.jsonl:/b.jsonl:c.jsonl"
    assert read("tmdb_assets_sandbox_movies", "c:/films:") == "c:/films:", "two files, the first of them called c"
    assert "none of them can be a URL" in refused("tmdb_assets_sandbox_movies", "/a.jsonl:file:///b.jsonl")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12))
@example("~")
@example("$HOME/$HOME")
@example("file:/%7E")
def test_whatever_is_written_is_a_path_or_one_sentence(text: str) -> None:
    try:
        path = own_path(text)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert path.parts[:1] not in [("~",), ("$HOME",), ("${HOME}",), ("file:",), ("s3:",)]


# -- .env and the environment ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dagster_first", [False, True], ids=["alone", "after Dagster read the file"])
def test_a_path_in_the_file_is_read_by_the_same_rule(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, dagster_first: bool
) -> None:
    (tmp_path / ".env").write_text("TMDB_ASSETS_LAKE=${HOME}/lake\nTMDB_ASSETS_REPORTS=$HOME/reports\n")
    if dagster_first:
        monkeypatch.setenv("TMDB_ASSETS_LAKE", f"{home}/lake")
        monkeypatch.setenv("TMDB_ASSETS_REPORTS", "$HOME/reports")
    settings = load_settings()
    assert (settings.tmdb_assets_lake, settings.tmdb_assets_reports) == (f"{home}/lake", home / "reports")


# -- links -------------------------------------------------------------------------------------------------------------


def test_a_path_leads_where_its_links_lead(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "folder").symlink_to("disk")
    (tmp_path / "disk" / "file").symlink_to(tmp_path / "disk" / "real")
    assert led_to(tmp_path / "folder" / "file") == tmp_path / "disk" / "real"
    assert led_to(tmp_path / "nothing" / "here") == tmp_path / "nothing" / "here"
    assert led_to(Path("folder/x")) == tmp_path / "disk" / "x", "the tests' working folder is tmp_path"


def test_links_that_lead_nowhere_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "gone").symlink_to("/no such disk/lake")
    for path, said in (
        ("a", "symbolic links"),
        ("a/x", "symbolic links"),
        ("gone", "/no such disk"),
        ("gone/x/y", "/no "),
    ):
        with pytest.raises(OSError) as raised:
            led_to(tmp_path / path)
        assert said in os.strerror(raised.value.errno or 0) + str(raised.value.strerror)
