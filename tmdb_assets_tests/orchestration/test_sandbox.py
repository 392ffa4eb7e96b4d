"""The built-in sandbox is the one that the settings ask for."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tmdb_assets.orchestration.sandbox import Sandbox
from tmdb_assets.settings import load_settings


@contextmanager
def truth(**settings: Any) -> Iterator[dict[str, Any]]:
    """What a sandbox says of itself."""
    sandbox = Sandbox(load_settings(tmdb_assets_sandbox_films=50, **settings), lambda line: None, "No token")
    try:
        with closing(urllib.request.urlopen(f"{sandbox.url}/sandbox/truth")) as answer:
            yield json.load(answer)
    finally:
        sandbox.stop()


def test_it_is_calm_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    with truth() as said:
        assert "wild" not in said
        assert "wild" not in said["moovitamix"]
    monkeypatch.setenv("TMDB_ASSETS_SANDBOX_WILD", "1")
    with truth() as said:
        assert said["wild"]["rates"]["move"] > 0
        assert said["moovitamix"]["wild"]["rates"]["music_repeats"] > 0
