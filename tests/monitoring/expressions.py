"""What an expression of PromQL names, and what is exported."""

import re
from pathlib import Path
from typing import Any, Final

import promql_parser
from prometheus_client import REGISTRY

import agents.metrics
import streams.metrics

_MODULES: Final = (streams.metrics, agents.metrics)
_SUFFIXES: Final = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
REDPANDA: Final = {
    "redpanda_cluster_unavailable_partitions",
    "redpanda_kafka_consumer_group_lag_sum",
    "redpanda_kafka_request_bytes_total",
    "redpanda_kafka_request_latency_seconds_bucket",
    "redpanda_storage_disk_free_bytes",
}
"""Metrics of the broker on /public_metrics, as its reference documents them."""
_SITE: Final = re.compile(r"^\| `(django_posters_\w+)` \|", re.MULTILINE)
_DJANGO_PAGE: Final = Path(__file__).parents[2] / "docs" / "django.md"


def of_sites() -> set[str]:
    """Return the metrics of `django_posters`, which is tested by itself, as its documentation lists them."""
    return set(_SITE.findall(_DJANGO_PAGE.read_text(encoding="utf-8")))


def exported() -> set[str]:
    """Return the names of all series that workers export, those of the process left out."""
    assert _MODULES
    return {
        metric.name + suffix
        for metric in REGISTRY.collect()
        if metric.name.startswith("poster_")
        for suffix in _SUFFIXES[metric.type]
    }


def names_of(expression: str) -> set[str]:
    """Return the metrics that an expression names. Raises ValueError where it does not parse."""
    found: set[str] = set()
    pending: list[Any] = [promql_parser.parse(expression)]
    while pending:
        node = pending.pop()
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, "a selector without a name selects everything"
            found.add(node.name)
        pending += [child for child in children(node) if child is not None]
    return found


def children(node: Any) -> list[Any]:
    """Return the parts of an expression."""
    parts = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "param")]
    arguments = getattr(node, "args", None)
    return [*parts, *(arguments or [])]
