"""What every test of a page stands on.

What belongs here: fixtures of more than one file of this folder. What does not: how a page is run, which differs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from altair.utils import schemapi
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(scope="session", autouse=True)
def _installed_packages_are_searched_once() -> Iterator[None]:
    """Each run of a page looks through all that is installed for components, which takes longer than the page."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _a_chart_is_judged_once() -> Iterator[None]:
    """Altair holds each part of a chart against its schema as it is made, and the whole chart again as it is drawn."""
    with schemapi.debug_mode(False):
        yield
