"""Kafka producer and consumer, configured for the documented delivery guarantees."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from .conf import Settings
from .errors import PostersSettingsError

logger = logging.getLogger(__name__)

MEBIBYTE: Final = 1024 * 1024

ACK_SECONDS: Final = 10
"""Delivery timeout of a message, after which the broker counts as unavailable."""

LOG_INTERVAL_SECONDS: Final = 10
"""Kafka clients log several times a second while a broker is unavailable."""


class _RateLimitFilter(logging.Filter):
    """Passes each message once in LOG_INTERVAL_SECONDS."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        self._logged_at = {text: at for text, at in self._logged_at.items() if now - at < LOG_INTERVAL_SECONDS}
        text = re.sub(r"\(after \d+ms[^)]*\)", "", record.getMessage())
        return self._logged_at.setdefault(text, now) == now


logger.addFilter(_RateLimitFilter())


def make_producer(settings: Settings) -> Producer:
    """Return an idempotent producer: no loss, no reordering, and an error for a message after ACK_SECONDS.

    Raises PostersSettingsError.
    """
    options = {
        "message.max.bytes": 8 * MEBIBYTE,
        "linger.ms": 1,
        **_shared(settings),
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": ACK_SECONDS * 1000,
    }
    with _option_errors():
        return Producer(options, logger=logger)


def make_consumer(settings: Settings, *, group: str) -> Consumer:
    """Return a consumer that starts at the earliest offset and commits offsets stored by `store_offsets()`.

    Raises PostersSettingsError.
    """
    options = {
        # Embedded brokers do not end a fetch early when a record arrives.
        "fetch.wait.max.ms": 50,
        # Finds a topic soon after `posters setup` creates it.
        "topic.metadata.refresh.interval.ms": 5_000,
        # While the database is unavailable nothing is polled; the consumer must stay in its group.
        "max.poll.interval.ms": 86_400_000,
        "auto.commit.interval.ms": 1_000,
        "isolation.level": "read_committed",
        **_shared(settings),
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
    }
    with _option_errors():
        return Consumer(options, logger=logger)


def _shared(settings: Settings) -> dict[str, Any]:
    if not settings.bootstrap_servers:
        raise PostersSettingsError(
            'POSTERS has no BOOTSTRAP_SERVERS, so there is no broker to connect to; with "BACKEND": "placeholder" '
            "neither a broker nor this command is needed"
        )

    def report(error: KafkaError) -> None:
        logger.warning("no broker is available at %s: %s", settings.bootstrap_servers, error.str())

    return {
        "error_cb": report,
        "client.id": f"django-posters-{settings.site}",
        **settings.kafka_options,
        "bootstrap.servers": settings.bootstrap_servers,
    }


@contextmanager
def _option_errors() -> Iterator[None]:
    try:
        yield
    except (KafkaException, TypeError, ValueError) as error:
        reason = error.args[0].str() if isinstance(error, KafkaException) else error
        raise PostersSettingsError(
            f'the Kafka client cannot be created: {reason}; correct POSTERS["KAFKA_OPTIONS"]'
        ) from error


def is_permanent(error: KafkaError) -> bool:
    """Whether the broker would refuse the same message again at every retry."""
    return error.code() in (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.RECORD_LIST_TOO_LARGE,
    )
