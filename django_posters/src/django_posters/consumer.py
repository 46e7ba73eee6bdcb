"""Read the results of this site's posters from the broker."""

import logging
import threading
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from django.db import DataError, InterfaceError, OperationalError, connections
from django.utils import timezone

from . import outbox
from .contract.codec import ContractError, decode
from .contract.outcomes import PosterOutcome
from .contract.topics import POSTER_COMPLETIONS
from .models import SetAsideEvent
from .results import apply

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0


def consume_until(stop: threading.Event, consumer: Consumer, *, site: str) -> None:
    """Apply what is meant for `site` until `stop`. What was applied is not read again, save for the last second."""
    consumer.subscribe([POSTER_COMPLETIONS])
    while not stop.is_set():
        message = consumer.poll(_POLL_SECONDS)
        if message is None:
            continue
        error = message.error()
        if error is not None:
            logger.warning("the broker reports: %s", error.str())
        elif _handle_patiently(stop, message, site):
            _store_offset(consumer, message)


def handle(message: Message, site: str) -> None:
    """Apply one record. One that cannot be applied is kept as a SetAsideEvent; one of another site is left alone."""
    try:
        outcome = decode(message.value(), PosterOutcome)
        if outcome.source == site:
            apply(outcome)
    except (ContractError, DataError) as error:
        _set_aside(message, error)


def _handle_patiently(stop: threading.Event, message: Message, site: str) -> bool:
    """Apply one record, waiting for the database as long as it takes; False where `stop` came first."""
    while True:
        try:
            handle(message, site)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database is away: %s; trying again", error)
            connections[outbox.database()].close()
            if stop.wait(_RETRY_SECONDS):
                return False
        else:
            return True


def _set_aside(message: Message, error: Exception) -> None:
    place: dict[str, Any] = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
    logger.error("set aside %(topic)s/%(partition)s@%(offset)s", place, exc_info=error)
    SetAsideEvent.objects.using(outbox.database()).update_or_create(
        **place,
        defaults={"key": message.key(), "value": message.value(), "error": str(error), "seen_at": timezone.now()},
    )


def _store_offset(consumer: Consumer, message: Message) -> None:
    try:
        consumer.store_offsets(message)
    except KafkaException as error:
        # The partition went to another consumer of this site, which reads the record again: that changes nothing.
        if error.args[0].code() != KafkaError._STATE:
            raise
