"""Prometheus metrics, for sites that have `prometheus-client` or `django-prometheus`: outbox and consumer lag.

`register()` adds the outbox to the registry that `django-prometheus` serves. Both commands serve their own metrics with
`--metrics-address`.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min, Q
from django.utils import timezone

from .conf import get_settings
from .database import close_connection, database_alias
from .errors import PostersSettingsError
from .models import OutboxEvent

logger = logging.getLogger(__name__)

_KAFKA_SECONDS: Final = 2.0


class OutboxCollector:
    """Reads the outbox when Prometheus asks: one query."""

    def collect(self) -> Iterator[Any]:
        """Yield the gauges; none while the database is unavailable."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - an optional package

        try:
            found = _outbox()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the metrics of the outbox cannot be read: %s", error)
            close_connection()
            return
        for name, text in _OUTBOX.items():
            gauge = GaugeMetricFamily(f"django_posters_{name}", text, labels=["site"])
            gauge.add_metric([get_settings().site], found[name])
            yield gauge


_OUTBOX: Final = {
    "outbox_events": "Events that wait for relay_posters, without those that are to be published later.",
    "outbox_age_seconds": "How long the oldest of these events has been due: the lag of the relay.",
    "outbox_refused_events": "Events that the broker refuses permanently.",
}


def _outbox() -> dict[str, float]:
    now = timezone.now()
    waits = Q(refused="")
    due = waits & (Q(due_at=None) | Q(due_at__lte=now))
    found = OutboxEvent.objects.using(database_alias()).aggregate(
        due=Count("pk", filter=due),
        refusals=Count("pk", filter=~waits),
        oldest=Min("created_at", filter=due & Q(due_at=None)),
        oldest_due=Min("due_at", filter=due),
    )
    oldest = min((at for at in (found["oldest"], found["oldest_due"]) if at is not None), default=now)
    return {
        "outbox_events": found["due"],
        "outbox_refused_events": found["refusals"],
        "outbox_age_seconds": max(0.0, (now - oldest).total_seconds()),
    }


class ConsumerLagCollector:
    """Compares the positions of `consume_posters` with the ends of its partitions, as of the last fetch."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def collect(self) -> Iterator[Any]:
        """Yield the lag of each assigned partition whose end is known."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - an optional package

        gauge = GaugeMetricFamily(
            "django_posters_consumer_lag",
            "Records of a topic that consume_posters has not read yet.",
            labels=["site", "topic", "partition"],
        )
        try:
            for topic, partition, lag in self._lags():
                gauge.add_metric([get_settings().site, topic, str(partition)], lag)
        except (KafkaException, RuntimeError) as error:  # RuntimeError: the consumer is closed
            logger.warning("the lag of the consumer cannot be read: %s", error)
        yield gauge

    def _lags(self) -> Iterable[tuple[str, int, int]]:
        positions = self._consumer.position(self._consumer.assignment())
        unread = [each for each in positions if each.offset < 0]
        if unread:  # nothing was read since the start
            committed = {
                (each.topic, each.partition): each.offset
                for each in self._consumer.committed(unread, timeout=_KAFKA_SECONDS)
            }
        for each in positions:
            low, high = self._consumer.get_watermark_offsets(each, cached=True)
            if high < 0:
                continue
            offset = each.offset if each.offset >= 0 else committed[each.topic, each.partition]
            yield each.topic, each.partition, max(0, high - max(low, offset))


def register(registry: Any = None) -> None:
    """Add the metrics of the outbox to a registry, by default to that of `prometheus_client`. Call it once."""
    if registry is None:
        from prometheus_client import REGISTRY as registry  # noqa: N811, PLC0415 - an optional package
    registry.register(OutboxCollector())


def serve(address: str | None, *collectors: Any) -> AbstractContextManager[object]:
    """Serve metrics on `host:port` while the returned block runs; None for not at all.

    Raises PostersSettingsError where the address or the package is missing.
    """
    if not address:
        return nullcontext()
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise PostersSettingsError(f'--metrics-address is {address!r}; it takes "host:port", as in "127.0.0.1:9101"')
    try:
        import prometheus_client  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise PostersSettingsError("--metrics-address needs a package: pip install prometheus-client") from error
    return _serving(prometheus_client, host.strip("[]"), int(port), collectors)


@contextmanager
def _serving(prometheus_client: Any, host: str, port: int, collectors: Iterable[Any]) -> Iterator[None]:
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.PlatformCollector(registry)
    prometheus_client.ProcessCollector(registry=registry)
    for collector in collectors:
        registry.register(collector)
    try:
        server, thread = prometheus_client.start_http_server(port, host, registry)
    except (OSError, OverflowError) as error:  # the port is taken, or is none
        raise PostersSettingsError(f"the metrics cannot be served on {host}:{port}: {error}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
