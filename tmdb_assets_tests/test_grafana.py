"""Grafana's dashboard: the file is what the script builds, and asks only for metrics and labels that there are."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tmdb_assets.metrics import METRICS
from tmdb_assets_tests.conftest import PROJECT
from tmdb_assets_tests.test_prometheus import promtool

GRAFANA = PROJECT / "ops" / "grafana"
TEXT = (GRAFANA / "dashboards" / "tmdb_assets.json").read_text(encoding="utf-8")
PANELS: list[dict[str, Any]] = json.loads(TEXT)["panels"]
TARGETS = [target for panel in PANELS for target in panel.get("targets", ())]


def test_the_file_is_what_the_script_builds() -> None:
    built = runpy.run_path(str(GRAFANA / "build.py"))["text"]()
    assert built == TEXT, "`.venv/bin/python ops/grafana/build.py` writes it anew"


def test_the_file_is_read_by_grafanas_own_types() -> None:
    register_default_plugins()
    read = Dashboard.from_json(json.loads(TEXT))
    assert holds(json.loads(JSONEncoder().encode(read)), json.loads(TEXT)), "it drops what it does not know"


def holds(read: Any, written: Any) -> bool:
    """Whether what was read has all that was written; types add their defaults."""
    if isinstance(written, dict):
        return all(key in read and holds(read[key], value) for key, value in written.items())
    if isinstance(written, list):
        return len(read) == len(written) and all(map(holds, read, written))
    return bool(read == written)


def test_panels_have_numbers_of_their_own_and_lie_apart() -> None:
    numbers = [panel["id"] for panel in PANELS]
    assert len(set(numbers)) == len(numbers)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_panels_ask_for_metrics_and_name_labels_that_there_are() -> None:
    assert len(TARGETS) > 15
    for target in TARGETS:
        names = [name.removeprefix("tmdb_assets_") for name in re.findall(r"tmdb_assets_\w+", target["expr"])]
        assert set(names) <= METRICS.keys() and (names or target["expr"].startswith("ALERTS")), target["expr"]
        legend = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
        assert legend <= {label for name in names for label in METRICS[name][0]}, target["expr"]


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": target["expr"]} for number, target in enumerate(TARGETS)]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_ask_the_source_that_is_provisioned() -> None:
    provisioned = (GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text(encoding="utf-8")
    (uid,) = re.findall(r"uid: (\w+)", provisioned)
    assert {target["datasource"]["uid"] for target in TARGETS} == {uid}
