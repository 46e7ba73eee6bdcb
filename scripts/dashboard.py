#!/usr/bin/env python3
"""Write deploy/grafana/posters.json: the Grafana dashboard, from the table of panels below.

`PANELS` has rows, and in each row panels with their unit and their expressions. Rates look back two minutes and
quantiles five, so that they have values at the usual scrape interval of 15 to 30 seconds.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
TARGET: Final = ROOT / "deploy" / "grafana" / "posters.json"
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_SOURCES: Final = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 7


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart: its title, its unit by Grafana's name, its expressions by legend, and what it tells."""

    title: str
    unit: str
    expressions: dict[str, str]
    description: str = ""


def _quantile(share: float, metric: str, by: str = "", where: str = "") -> str:
    labels = ", ".join(filter(None, ["le", by]))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{where}[5m])))"


def _rate(metric: str, by: str = "") -> str:
    return f"sum by ({by}) (rate({metric}[2m]))" if by else f"sum(rate({metric}[2m]))"


def _gone(metric: str) -> str:
    return f"(max by (site) (max_over_time({metric}[1d])) unless max by (site) ({metric})) * 0 + 1"


_SINGLE: Final = '{kind="single"}'
_SLOW: Final = (
    '1 - sum(rate(poster_end_to_end_seconds_bucket{kind="single",le="5.0"}[5m]))'
    ' / sum(rate(poster_end_to_end_seconds_count{kind="single"}[5m]))'
)

_FAILED: Final = 'poster_outcomes_total{status="failed"}'

PANELS: Final[dict[str, list[Panel]]] = {
    "Flow": [
        Panel(
            "Outcomes", "ops", {"{{status}}": _rate("poster_outcomes_total", "status")},
            "Posters a second that ended.",
        ),
        Panel("Records received", "ops", {"{{role}}": _rate("poster_records_received_total", "role")}),
        Panel(
            "Age of the oldest unfinished record", "s", {"{{role}}": "max by (role) (poster_consumer_lag_seconds)"},
            "The lag that people feel. `retry` holds posters back on purpose.",
        ),
        Panel("Unfinished records", "short", {"{{role}}": "sum by (role) (poster_consumer_lag_messages)"}),
        Panel(
            "In flight and unacknowledged", "short",
            {
                "{{role}} in flight": "sum by (role) (poster_inflight)",
                "{{role}} unacknowledged": "sum by (role) (poster_uncommitted_window)",
            },
        ),
        Panel(
            "Since the last progress", "s",
            {"{{role}}": "time() - max by (role) (poster_last_progress_timestamp_seconds > 0)"},
        ),
        Panel(
            "Waiting, paused, storage unavailable", "short",
            {
                "{{role}} waits": "max by (role) (poster_waiting)",
                "{{role}} paused": "max by (role) (poster_fuse_blown)",
                "storage unavailable": "max(poster_storage_breaker_open)",
            },
            "1 while it is so.",
        ),
        Panel("Rebalances", "ops", {"{{role}}": _rate("poster_rebalances_total", "role")}),
        Panel(
            "Workers, by build and by role", "short",
            {
                "{{build}}": "count by (build) (poster_build_info)",
                "{{role}}": "count by (role) (poster_waiting)",
            },
            "A process may have several roles.",
        ),
    ],
    "Latency": [
        Panel(
            "Single posters, from request to outcome", "s",
            {
                f"p{share * 100:g}": _quantile(share, "poster_end_to_end_seconds", where=_SINGLE)
                for share in (0.5, 0.95, 0.99)
            },
        ),
        Panel(
            "Stages, 95th percentile", "s",
            {
                "waiting, {{lane}}": _quantile(0.95, "poster_queue_wait_seconds", "lane"),
                "drawing": _quantile(0.95, "poster_render_duration_seconds"),
                "storing": _quantile(0.95, "poster_upload_duration_seconds"),
                "writing": _quantile(0.95, "poster_sink_flush_seconds"),
            },
        ),
        Panel(
            "Single posters slower than 5 s", "percentunit", {"share": _SLOW},
            "The objective is less than 1 %.",
        ),
    ],
    "Errors": [
        Panel("Failed posters", "ops", {"{{error_code}}": _rate(_FAILED, "error_code")}),
        Panel("Retries", "ops", {"tier {{tier}}, {{error_code}}": _rate("poster_retries_total", "tier, error_code")}),
        Panel(
            "Dead letters", "ops",
            {
                "{{role}}, {{reason}}": _rate("poster_dlq_total", "role, reason"),
                "{{role}}, over budget": _rate("poster_dlq_suppressed_total", "role"),
            },
        ),
        Panel(
            "Contradicting outcomes", "short",
            {"within an hour": "sum(increase(poster_terminal_conflicts_total[1h]))"},
        ),
    ],
    "Browsers": [
        Panel("Posters drawn", "ops", {"{{format}}": _rate("poster_render_duration_seconds_count", "format")}),
        Panel(
            "Drawing, by format", "s",
            {"{{format}} p95": _quantile(0.95, "poster_render_duration_seconds", "format")},
        ),
        Panel("Browsers replaced", "ops", {"{{reason}}": _rate("poster_browser_restarts_total", "reason")}),
    ],
    "Sink": [
        Panel(
            "Written a second", "ops",
            {
                "records": _rate("poster_sink_records_total"),
                "states": _rate("poster_sink_moved_total"),
                "log lines": _rate("poster_sink_logged_total"),
            },
        ),
        Panel(
            "Rows in a transaction", "short",
            {"mean": "sum(rate(poster_sink_batch_rows_sum[5m])) / sum(rate(poster_sink_batch_rows_count[5m]))"},
        ),
        Panel(
            "Refused", "ops",
            {
                "batches halved": _rate("poster_sink_bisections_total"),
                "requests skipped": _rate("poster_sink_skipped_total"),
            },
        ),
    ],
    "Sources": [
        Panel("Posters", "ops", {"{{source}}": _rate("poster_source_posters_total", "source")}),
        Panel(
            "Share of the browsers' time", "percentunit",
            {
                "{{source}}": "sum by (source) (rate(poster_source_render_seconds_total[5m]))"
                " / scalar(sum(rate(poster_source_render_seconds_total[5m])))",
            },
        ),
        Panel(
            "Wait, 95th percentile", "s",
            {"{{source}}": _quantile(0.95, "poster_source_queue_wait_seconds", "source")},
        ),
        Panel(
            "Refused, and slow templates", "short",
            {
                "{{command}} of another source": _rate("poster_source_mismatch_total", "command"),
                "templates tried less": "sum(poster_slow_templates)",
            },
        ),
        Panel(
            "Posters over a quota, in an hour", "short",
            {"{{source}}, {{quota}}": "sum by (source, quota) (increase(poster_quota_exceeded_total[1h]))"},
            "Nothing while no quota is set.",
        ),
    ],
    "Sites": [
        Panel(
            "Age of the oldest event in the outbox", "s",
            {"{{site}}": "max by (site) (django_posters_outbox_age_seconds)"},
            "How far `relay_posters` is behind. Of sites whose commands are scraped.",
        ),
        Panel(
            "Events in the outbox", "short",
            {
                "{{site}}": "max by (site) (django_posters_outbox_events)",
                "{{site}}, refused": "max by (site) (django_posters_outbox_refused_events)",
            },
        ),
        Panel(
            "Records that consume_posters has not read", "short",
            {"{{site}}": "sum by (site) (django_posters_consumer_lag)"},
        ),
        Panel(
            "Relays and consumers that are gone", "short",
            {
                "{{site}}, relay": _gone("django_posters_outbox_age_seconds"),
                "{{site}}, consumer": _gone("django_posters_consumer_lag"),
            },
            "1 for what was scraped within a day and is not any more.",
        ),
    ],
    "Redpanda": [
        Panel(
            "Bytes", "Bps",
            {"{{redpanda_request}}": 'sum by (redpanda_request) (rate(redpanda_kafka_request_bytes_total[2m]))'},
        ),
        Panel(
            "Latency of requests, 99th percentile", "s",
            {"{{redpanda_request}}": _quantile(0.99, "redpanda_kafka_request_latency_seconds", "redpanda_request")},
        ),
        Panel(
            "Lag of groups", "short",
            {"{{redpanda_group}}": "sum by (redpanda_group) (redpanda_kafka_consumer_group_lag_sum)"},
            "As the broker counts it, once a minute. It includes records in flight.",
        ),
        Panel(
            "Partitions without a leader, and free disk", "short",
            {
                "unavailable partitions": "max(redpanda_cluster_unavailable_partitions)",
                "free GiB": "min(redpanda_storage_disk_free_bytes) / 1024 / 1024 / 1024",
            },
        ),
    ],
}  # fmt: skip


def dashboard() -> dict[str, Any]:
    """Return the dashboard in Grafana's format."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row, members in PANELS.items():
        place = {"h": 1, "w": _COLUMNS * _WIDTH, "x": 0, "y": top}
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": row, "collapsed": False, "gridPos": place, "panels": []}
        )
        top += 1
        for number, panel in enumerate(members):
            place = {
                "h": _HEIGHT,
                "w": _WIDTH,
                "x": number % _COLUMNS * _WIDTH,
                "y": top + number // _COLUMNS * _HEIGHT,
            }
            panels.append(_chart(panel, len(panels) + 1, place))
        top += (len(members) + _COLUMNS - 1) // _COLUMNS * _HEIGHT
    return {
        "uid": "posterstream",
        "title": "Posterstream",
        "description": "Flow, latency by stage, errors, browsers, sink, sources, sites, and Redpanda beside it.",
        "tags": ["posterstream"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "annotations": {"list": [_alerts()]},
        "panels": panels,
    }


def _chart(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "custom": {"lineWidth": 1, "fillOpacity": 8, "spanNulls": False},
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _DATASOURCE, "expr": expression, "legendFormat": legend}
            for index, (legend, expression) in enumerate(panel.expressions.items())
        ],
    }


def _alerts() -> dict[str, Any]:
    """Return the annotation that marks when alerts of ours fired."""
    return {
        "name": "Alerts",
        "datasource": _DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'max by (alertname) (ALERTS{alertname=~"Posters.*", alertstate="firing"})',
        "titleFormat": "{{alertname}}",
        "step": "60s",
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(dashboard(), indent=2) + "\n", encoding="utf-8")
