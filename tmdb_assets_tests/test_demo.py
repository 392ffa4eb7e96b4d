"""What a newcomer sees first, when a setting is wrong: one sentence, exit code 1, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmdb_assets import demo


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TMDB_ASSETS_TODAY", "1950-01-01", "1950-01-01 cannot be observed: days begin with 2025-01-01 and end with"),
        ("TMDB_ASSETS_TODAY", "2150-01-01", "2150-01-01 cannot be observed: days begin with 2025-01-01 and end with"),
        ("TMDB_API_KEY", "half a key", "Setting TMDB_API_KEY cannot be used: there is a blank"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert demo.main() == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"tmdb_assets: {said}")
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert list(tmp_path.iterdir()) == []
