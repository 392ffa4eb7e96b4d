"""Builds the dashboard of Grafana: `.venv/bin/python ops/grafana/build.py` writes dashboards/tmdb_assets.json anew.

What belongs here: which panels there are, and what each asks of Prometheus. What does not: the metrics themselves
(tmdb_assets/metrics.py), when somebody is woken (ops/prometheus/rules.yml).
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BarGaugeDisplayMode, BigValueGraphMode, LegendPlacement, VizOrientation
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

FILE = Path(__file__).parent / "dashboards" / "tmdb_assets.json"
#: As ops/grafana/provisioning/datasources/prometheus.yml calls it.
SOURCE = DataSourceRef(type_val="prometheus", uid="tmdb_assets_prometheus")
HALF, THIRD = 12, 8  #: of the 24 columns that a dashboard has

RUN, DAY = "{{dagster_job}} {{partition}}", "{{source}} {{day}}"
Panel = bargauge.Panel | stat.Panel | table.Panel | timeseries.Panel


def build() -> dashboard.Dashboard:
    """The whole dashboard, from what is wrong to what room is left."""
    made = dashboard.Dashboard("tmdb_assets").uid("tmdb_assets").tags(["tmdb_assets"])
    made = made.refresh("1m").time("now-7d", "now").timezone("utc").readonly()
    numbers = count(1)
    for title, panels in ROWS.items():
        made = made.with_row(dashboard.Row(title).id(next(numbers)))
        for panel in panels:
            made = made.with_panel(panel.id(next(numbers)))
    return made


def asked(expr: str, legend: str = "", name: str = "A") -> prometheus.Dataquery:
    """A query, by its name within the panel."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(name).datasource(SOURCE)


def figures(title: str, expr: str, legend: str, unit: str) -> stat.Panel:
    """A figure for each of a few things."""
    made = stat.Panel().title(title).unit(unit).datasource(SOURCE).span(HALF).height(5)
    return made.graph_mode(BigValueGraphMode.NONE).with_target(asked(expr, legend).instant())


def listed(title: str, expr: str) -> table.Panel:
    """A row for each of what there is now."""
    query = asked(expr).instant().format(PromQueryFormat.TABLE)
    return table.Panel().title(title).datasource(SOURCE).span(HALF).height(8).show_header(True).with_target(query)


def by_day(title: str, expr: str, unit: str, legend: str = DAY) -> bargauge.Panel:
    """A bar for each day of each source."""
    made = bargauge.Panel().title(title).unit(unit).datasource(SOURCE).span(THIRD).height(9)
    made = made.orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC)
    return made.with_target(asked(expr, legend).instant())


def over_time(title: str, unit: str, **queries: str) -> timeseries.Panel:
    """Lines; each query by its legend, where `__` stands for a blank."""
    made = timeseries.Panel().title(title).unit(unit).min(0).datasource(SOURCE).span(HALF).height(8)
    made = made.legend(common.VizLegendOptions().placement(LegendPlacement.BOTTOM))
    for name, (legend, expr) in zip(ascii_uppercase, queries.items(), strict=False):
        made = made.with_target(asked(expr, legend.replace("__", " "), name).range())
    return made


ROWS: dict[str, list[Panel]] = {
    "What needs a hand": [
        figures(
            "Since the newest day began",
            "time() - tmdb_assets_newest_day_timestamp_seconds",
            "{{source}}",
            "dtdurations",
        ),
        figures("Read", "tmdb_assets_up", "{{part}}", "bool"),
        listed("Alerts that fire", 'ALERTS{alertstate="firing"}'),
        listed("Checks that do not hold", "tmdb_assets_check_failed"),
    ],
    "Runs": [
        by_day("Duration", "tmdb_assets_run_duration_seconds", "s", RUN),
        by_day("CPU usage", "tmdb_assets_cpu_usage_seconds", "s", RUN),
        by_day("Memory usage", "tmdb_assets_memory_usage_bytes", "bytes", RUN),
        listed("Status of the newest run of each partition", "tmdb_assets_run_status"),
        listed("Schedules and sensors (1: on)", "tmdb_assets_schedule_on"),
    ],
    "Sources": [
        by_day("Calls", "tmdb_assets_calls", "short"),
        by_day("Request time", "tmdb_assets_request_time_seconds", "s"),
        by_day("Data processed", "tmdb_assets_data_processed_bytes", "bytes"),
        by_day("Error count", "tmdb_assets_error_count", "short", f"{DAY} {{{{kind}}}}"),
        by_day(
            "Rows set aside",
            'sum by (source, day) (tmdb_assets_rows{state="quarantined"})',
            "short",
        ),
        by_day("Lowest quality score", "min by (source, day) (tmdb_assets_quality_score)", "short"),
    ],
    "Room": [
        over_time(
            "Lake and targets",
            "bytes",
            lake="tmdb_assets_lake_disk_bytes",
            newest__versions="sum(tmdb_assets_lake_bytes)",
            targets="sum(tmdb_assets_warehouse_bytes)",
        ),
        over_time("Disk of the lake", "bytes", free="tmdb_assets_disk_free_bytes", size="tmdb_assets_disk_size_bytes"),
    ],
}


def text() -> str:
    """The dashboard as Grafana reads it."""
    return JSONEncoder(sort_keys=True, indent=2).encode(build().build()) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
