"""What a user may get wrong, each with the sentence that says so, and nothing written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tmdb_assets.assembly import load_definitions
from tmdb_assets.lakehouse.flow.ledger import SANDBOX, Entry, Ledger
from tmdb_assets.lakehouse.store import DeltaStore, LakeError
from tmdb_assets.sources.tmdb import shipped
from tmdb_assets_tests.end_to_end.harness import (
    FILMS,
    JOB,
    RAW,
    TODAY,
    TOKEN,
    asked_of,
    checkout,
    command,
    contents,
    differences,
    fill,
    fill_plainly,
    of_day,
    real_looking,
    versions,
)
from tmdb_assets_tests.sandbox.running import Running, running

REFERENCE = ["tmdb/raw/reference"]  # the first table of a day: what is refused at once is refused there


def test_a_lake_that_cannot_be_written_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    lake = tmp_path / "file" / "lake"
    run = fill(lake, TODAY, select=RAW, tmdb_api_token=TOKEN, tmdb_api_url="http://127.0.0.1:9/3")
    assert not run.success
    assert run.said == [
        f"The lake root {lake} cannot be written (Not a directory): set TMDB_ASSETS_LAKE to a folder or bucket "
        "that you may write to."
    ]


def test_a_setting_that_cannot_be_used_ends_the_command_with_one_line(tmp_path: Path) -> None:
    clone = checkout(tmp_path / "clone")
    (clone / ".env").write_text("TMDB_SCOPE=all\nthis is no setting\n")
    ran = command(clone, *JOB, *of_day(TODAY), TMDB_ASSETS_LAKE=str(tmp_path / "lake"))
    assert ran.returncode == 1
    sentence = "tmdb_assets: The file .env, line 2, is not of the form NAME=value"
    assert ran.stderr.strip().splitlines()[-1].startswith(sentence)
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "lake").exists()


def test_a_scope_that_cannot_be_used_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_SCOPE", "top:many")
    with pytest.raises(SystemExit) as ended:
        load_definitions()
    assert str(ended.value).startswith("tmdb_assets: Setting TMDB_SCOPE='top:many' cannot be used: use `top:N`")


@pytest.mark.parametrize("broken", ["missing", "not text", "unknown continent"])
def test_a_reference_file_that_cannot_be_used_is_named_and_the_star_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    file = tmp_path / "country_continent.csv"
    if broken == "not text":
        file.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    elif broken == "unknown continent":
        file.write_text("iso_3166_1,name,continent\nDE,Germany,Eurasia\n")
    monkeypatch.setattr(shipped.country_continents, "__defaults__", (file,))
    observed = Entry("list", SANDBOX, dt.datetime.now(dt.UTC), is_complete=True, is_finished=True)
    Ledger(DeltaStore(tmp_path / "lake"), "tmdb").write(TODAY, [observed], {})
    run = fill(tmp_path / "lake", TODAY, select=["tmdb/star/dim_country"])
    assert not run.success
    assert len(run.said) == 1
    assert run.said[0].startswith(f"The file {file}")
    assert run.said[0].endswith(": restore it from the project.")
    assert {path for path, version in versions(tmp_path / "lake").items() if version is not None} == {
        "tmdb/raw/extraction_ledger"
    }


def test_a_table_of_a_day_that_was_never_observed_is_not_built_of_nothing(tmp_path: Path) -> None:
    run = fill(tmp_path / "lake", TODAY, select=["tmdb/clean/movies"])
    assert not run.success
    assert run.said == [
        f"tmdb/clean/movies: no complete observation of {TODAY} is kept, so there is nothing to build it of: run "
        "the raw tables of the same partition first."
    ]


def test_a_price_index_that_cannot_be_used_is_named_and_the_last_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, select = tmp_path / "lake", ["tmdb/star/dim_cpi"]
    assert fill(lake, TODAY, select=select).success
    kept, at = contents(lake, only=select), versions(lake)
    file = tmp_path / "us_cpi.csv"
    monkeypatch.setattr(shipped.us_cpi, "__defaults__", (file,))
    for text in (None, "year,cpi_u\n2000,a lot\n", "year,cpi_u\n2000,-172.2\n"):
        if text:
            file.write_text(text)
        run = fill(lake, TODAY, select=select)
        assert not run.success
        assert len(run.said) == 1
        assert run.said[0].startswith(f"The file {file}")
        assert run.said[0].endswith(": restore it from the project.")
        assert versions(lake) == at
        assert differences(contents(lake, only=select), kept) == []


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    """A sandbox for the tests that ask one."""
    with running("--films", str(FILMS), "--token", TOKEN, "--today", TODAY.isoformat()) as found:
        yield found


@pytest.mark.parametrize("first", ["sandbox", "real"])
def test_sandbox_and_real_data_do_not_meet_in_one_lake(tmp_path: Path, sandbox: Running, first: str) -> None:
    lake, yesterday = tmp_path / "lake", TODAY - dt.timedelta(days=1)
    with real_looking(sandbox) as real:
        settings = {"sandbox": {}, "real": asked_of(real.url, TODAY)}
        second = "real" if first == "sandbox" else "sandbox"
        before = fill(lake, TODAY, select=REFERENCE, **settings[first])
        assert before.success, before.said
        kept, at = contents(lake), versions(lake)
        run = fill(lake, yesterday if second == "sandbox" else TODAY, select=REFERENCE, **settings[second])
        assert not run.success
        assert run.said == [
            f"The lake {lake} holds {first} data of tmdb, and this run would add {second} data: set "
            "TMDB_ASSETS_LAKE to another folder, or remove this one."
        ]
        assert versions(lake) == at
        assert differences(contents(lake), kept) == []


def test_a_sandbox_asked_by_the_real_client_is_still_told_from_the_real_tmdb(tmp_path: Path, sandbox: Running) -> None:
    with real_looking(sandbox) as real:
        run = fill(tmp_path / "lake", TODAY, select=REFERENCE, **asked_of(real.url, TODAY))
        assert run.success, run.said
    with pytest.raises(LakeError, match="holds real data of tmdb, and this run would add sandbox data"):
        fill_plainly(tmp_path / "lake", TODAY, only=["tmdb/clean/movies"], **asked_of(sandbox.url, TODAY))
