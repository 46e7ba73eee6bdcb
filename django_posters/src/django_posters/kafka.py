"""The clients of the broker, set up for delivery as documented."""

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
"""How long the broker has to take a message before the relay counts it as away."""


REPEAT_SECONDS: Final = 10
"""While a broker is away its clients say so several times a second."""


class _Repeats(logging.Filter):
    """Lets each sentence through once in REPEAT_SECONDS."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        self._said = {sentence: at for sentence, at in self._said.items() if now - at < REPEAT_SECONDS}
        sentence = re.sub(r"\(after \d+ms[^)]*\)", "", record.getMessage())
        return self._said.setdefault(sentence, now) == now


logger.addFilter(_Repeats())


def make_producer(settings: Settings) -> Producer:
    """Return a producer that neither loses nor reorders what it is given, and gives up after ACK_SECONDS.

    Raises PostersSettingsError.
    """
    options = {
        "message.max.bytes": 4 * MEBIBYTE,
        "linger.ms": 1,
        **_shared(settings),
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": ACK_SECONDS * 1000,
    }
    with _blaming_the_options():
        return Producer(options, logger=logger)


def make_consumer(settings: Settings, *, group: str) -> Consumer:
    """Return a consumer that starts at the beginning and commits what was stored by `store_offsets()`.

    Raises PostersSettingsError.
    """
    options = {
        # Embedded brokers do not wake a waiting fetch.
        "fetch.wait.max.ms": 50,
        # A topic that `posters setup` has yet to make is found soon after.
        "topic.metadata.refresh.interval.ms": 5_000,
        # While the database is away, nothing is polled; that is no reason to leave the group.
        "max.poll.interval.ms": 86_400_000,
        "auto.commit.interval.ms": 1_000,
        **_shared(settings),
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
    }
    with _blaming_the_options():
        return Consumer(options, logger=logger)


def _shared(settings: Settings) -> dict[str, Any]:
    if not settings.bootstrap_servers:
        raise PostersSettingsError(
            'POSTERS has no BOOTSTRAP_SERVERS, so there is no broker to ask; with "BACKEND": "placeholder" '
            "neither a broker nor this command is needed"
        )

    def report(error: KafkaError) -> None:
        logger.warning("no broker can be used at %s: %s", settings.bootstrap_servers, error.str())

    return {
        "error_cb": report,
        "client.id": f"django-posters-{settings.site}",
        **settings.kafka_options,
        "bootstrap.servers": settings.bootstrap_servers,
    }


@contextmanager
def _blaming_the_options() -> Iterator[None]:
    try:
        yield
    except (KafkaException, TypeError, ValueError) as error:
        reason = error.args[0].str() if isinstance(error, KafkaException) else error
        raise PostersSettingsError(
            f'the client of the broker cannot be set up: {reason}; mend POSTERS["KAFKA_OPTIONS"]'
        ) from error


def is_permanent(error: KafkaError) -> bool:
    """Say whether the broker will answer the same to the same message for ever."""
    return error.code() in (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.RECORD_LIST_TOO_LARGE,
    )
