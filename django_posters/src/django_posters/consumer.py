"""Read the results of this site's posters, and what there is of templates, from the broker."""

import logging
import threading
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connections
from django.utils import timezone

from . import outbox
from .contract.codec import decode
from .contract.envelope import Envelope
from .contract.outcomes import JobEvent, PosterOutcome
from .contract.templates import TemplateAnswer, TemplateUploaded
from .contract.topics import JOB_EVENTS, POSTER_COMPLETIONS, TEMPLATE_CATALOG, TEMPLATE_EVENTS
from .models import SetAsideEvent
from .results import apply_job, apply_outcome
from .templates_told import apply_answer, apply_version

logger = logging.getLogger(__name__)

EXPECTED: Final[dict[str, type[Envelope]]] = {
    POSTER_COMPLETIONS: PosterOutcome,
    JOB_EVENTS: JobEvent,
    TEMPLATE_EVENTS: TemplateAnswer,
    # The same of every version there is, for a site that starts when the events of old have gone.
    TEMPLATE_CATALOG: TemplateUploaded,
}

_BAD: Final = (ValueError, OverflowError, DataError, IntegrityError)
"""No event of the contract, or one whose values a column of ours cannot hold, each in the words of its driver."""
_POLL_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0


def consume_until(stop: threading.Event, consumer: Consumer, *, site: str) -> None:
    """Apply what is meant for `site` until `stop`. What was applied is not read again, save for the last second."""
    consumer.subscribe(list(EXPECTED))
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
    value = message.value()
    if value is None and message.topic() == TEMPLATE_CATALOG:
        return  # how a compacted topic says that an entry is gone
    try:
        _apply(message.topic() or "", value, site)
    except _BAD as error:
        _set_aside(message, error)


def _apply(topic: str, value: bytes | None, site: str) -> None:
    match decode(value, EXPECTED[topic]):
        case TemplateUploaded() as version if topic == TEMPLATE_CATALOG:
            apply_version(version)
        case TemplateAnswer() as event:  # templates belong to every site of the cluster
            apply_answer(event)
        case PosterOutcome() as event if event.source == site:
            apply_outcome(event)
        case JobEvent() as event if event.source == site:
            apply_job(event)


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
