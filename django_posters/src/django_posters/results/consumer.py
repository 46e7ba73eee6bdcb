"""Kafka consumer of a site: results of its posters and jobs, and the template catalog.

Delivery is at-least-once: offsets are stored after a record is applied, and applying a record is idempotent.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from django.db import DataError, IntegrityError
from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.contract.codec import decode
from django_posters.contract.envelope import Envelope
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.contract.templates import TemplateAnswer, TemplateUploaded
from django_posters.contract.topics import JOB_EVENTS, POSTER_COMPLETIONS, TEMPLATE_CATALOG, TEMPLATE_EVENTS
from django_posters.database import UNAVAILABLE, close_connection, database_alias
from django_posters.models import DeadLetterEvent
from django_posters.tracing import processing

from .damaged_batches import DamagedBatches
from .outcomes import apply_job, apply_outcome
from .template_results import apply_answer, apply_version

logger = logging.getLogger(__name__)

EXPECTED: Final[dict[str, type[Envelope]]] = {
    POSTER_COMPLETIONS: PosterOutcome,
    JOB_EVENTS: JobEvent,
    TEMPLATE_EVENTS: TemplateAnswer,
    # The catalog is compacted: it still has every version for a site that starts after older events expired.
    TEMPLATE_CATALOG: TemplateUploaded,
}

_INVALID: Final = (ValueError, OverflowError, DataError, IntegrityError)
"""The record is not an event of the contract, or a value does not fit its column; drivers raise different errors."""
DEAD_LETTERS_KEPT: Final = 1_000
"""Rows; the oldest are deleted, so that bad records cannot fill the database."""
VALUE_MAX_BYTES: Final = 64 * 1024
"""What a row holds of a record's key and of its value."""
PERIOD_SECONDS: Final = 10.0
"""Between two calls of what the consumer does beside its records."""
_LOG_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0


def consume_until(
    stop: threading.Event,
    consumer: Consumer,
    *,
    site: str,
    periodic: Callable[[], object] = lambda: None,
    beat: Callable[[str], object] = lambda waits_for: None,
) -> None:
    """Apply the records of `site` until `stop`. A restart repeats at most the records of the last second.

    `periodic` is called every ten seconds between two records, and `beat` after each record and at least every second,
    with what the consumer waits for, or "".
    """
    consumer.subscribe([get_settings().topic(name) for name in EXPECTED])
    damaged = DamagedBatches()
    next_call = time.monotonic()
    while not stop.is_set():
        if time.monotonic() >= next_call:
            _call(periodic)
            next_call = time.monotonic() + PERIOD_SECONDS
        beat("")
        message = consumer.poll(_POLL_SECONDS)
        if message is None:
            continue
        error = message.error()
        if error is not None:
            if damaged.skip(consumer, message):
                logger.error(
                    "skipped a batch of %s/%s@%s, which cannot be decoded: %s",
                    *(message.topic(), message.partition(), message.offset(), error.str()),
                )
            else:
                logger.warning("the broker reports: %s", error.str())
        elif _handle_with_retries(stop, message, site, beat):
            _store_offset(consumer, message)


def _call(periodic: Callable[[], object]) -> None:
    try:
        periodic()
    except UNAVAILABLE as error:
        logger.warning("the database is unavailable: %s; trying again later", error)
        close_connection()


def handle(message: Message, site: str) -> None:
    """Apply one record; ignore those of other sites. One that cannot be applied is stored as a DeadLetterEvent."""
    topic, value = _topic(message), message.value()
    if value is None and topic == TEMPLATE_CATALOG:
        return  # a tombstone: the compacted topic dropped this entry
    try:
        _apply(message, topic, value, site)
    except _INVALID as error:
        _store_dead_letter(message, error)


def _topic(message: Message) -> str:
    """Return the name of the topic in the contract."""
    return (message.topic() or "").removeprefix(get_settings().topic_prefix)


def _apply(message: Message, topic: str, value: bytes | None, site: str) -> None:
    match decode(value, EXPECTED[topic]):
        case TemplateUploaded() as version if topic == TEMPLATE_CATALOG:
            apply_version(version)
        case TemplateAnswer() as event:  # templates are shared by all sites of the cluster
            with processing(message):
                apply_answer(event)
        case PosterOutcome() as event if event.source == site:
            with processing(message):
                apply_outcome(event, position=(message.partition(), message.offset()))
        case JobEvent() as event if event.source == site:
            with processing(message):
                apply_job(event)


def _handle_with_retries(stop: threading.Event, message: Message, site: str, beat: Callable[[str], object]) -> bool:
    """Apply one record and retry while the database is unavailable; return False where `stop` was set first."""
    while True:
        try:
            handle(message, site)
        except UNAVAILABLE as error:
            logger.warning("the database is unavailable: %s; retrying", error)
            beat(f"the database is unavailable: {error}")
            close_connection()
            if stop.wait(_RETRY_SECONDS):
                return False
        else:
            return True


def _store_dead_letter(message: Message, error: Exception) -> None:
    position: dict[str, Any] = {"topic": _topic(message), "partition": message.partition(), "offset": message.offset()}
    _dead_letter_log.write("dead letter: cannot apply %(topic)s/%(partition)s@%(offset)s", position, error)
    columns: dict[str, Any] = {"error": str(error).replace("\0", "\ufffd"), "seen_at": timezone.now()}
    for name, content in (("key", message.key()), ("value", message.value())):
        raw = content.encode() if isinstance(content, str) else content
        columns[name] = raw if raw is None else raw[:VALUE_MAX_BYTES]
        if raw is not None and len(raw) > VALUE_MAX_BYTES:
            columns["error"] += f"\n(The {name} is cut: it has {len(raw):,} bytes.)"
    rows = DeadLetterEvent.objects.using(database_alias())
    row, is_new = rows.update_or_create(**position, defaults=columns)
    if is_new:
        rows.filter(pk__lte=row.pk - DEAD_LETTERS_KEPT).delete()


class _DeadLetterLog:
    """Logs one dead letter a minute, with its traceback and the number of those before it."""

    def __init__(self) -> None:
        self._next = 0.0
        self._suppressed = 0

    def write(self, text: str, position: dict[str, Any], error: Exception) -> None:
        """Log a dead letter, unless one was logged within the last minute."""
        now = time.monotonic()
        if now < self._next:
            self._suppressed += 1
            return
        self._next = now + _LOG_SECONDS
        more = f" ({self._suppressed} more since the last message)" if self._suppressed else ""
        self._suppressed = 0
        logger.error(text + more, position, exc_info=error)


_dead_letter_log: Final = _DeadLetterLog()


def _store_offset(consumer: Consumer, message: Message) -> None:
    try:
        consumer.store_offsets(message)
    except KafkaException as error:
        # The partition was reassigned to another consumer of this site. It repeats the record, which is idempotent.
        if error.args[0].code() != KafkaError._STATE:
            raise
