"""The outbox relay: publish committed events to Kafka and delete those that the broker acknowledged.

An event is deleted only after its acknowledgement, so a killed relay publishes some events twice (at-least-once).
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from django_posters.conf import get_settings
from django_posters.database import UNAVAILABLE, close_connection, database_alias
from django_posters.errors import BrokerError
from django_posters.kafka import ACK_SECONDS, is_permanent
from django_posters.models import OutboxEvent
from django_posters.tracing import sending

from .notifications import Wakeup
from .positions import Position, record_positions
from .store import claim_events

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 200
_RETRY_SECONDS: Final = 1.0


def publish_batch(producer: Producer, *, limit: int = BATCH_SIZE) -> int:
    """Publish up to `limit` events, delete the acknowledged ones, and return how many were acknowledged or refused.

    An event that the broker refuses permanently stays in the table with the reason and does not block others.
    Raises BrokerError where the broker did not acknowledge an event in time: that event stays, and is published again
    with the same id and bytes.
    """
    with claim_events(limit) as events:
        if not events:
            return 0
        report = _DeliveryReport()
        for event in events:
            _produce(producer, event, report)
        producer.flush()
        rows = OutboxEvent.objects.using(database_alias())
        rows.filter(pk__in=report.acknowledged).delete()
        record_positions(events, report.positions)
        for pk, reason in report.refused.items():
            logger.error("the broker permanently refuses outbox event %s: %s", pk, reason)
            rows.filter(pk=pk).update(refused=reason)
    if report.late:
        raise BrokerError(
            f"the broker did not take {len(report.late)} events in {ACK_SECONDS} s: {report.late[0].str()}"
        )
    return len(report.acknowledged) + len(report.refused)


def relay_until(
    stop: threading.Event, producer: Producer, *, beat: Callable[[str], object] = lambda waits_for: None
) -> None:
    """Publish events as soon as they are committed, until `stop`. Retry each second while a server is unavailable.

    `beat` is called at least every second, and while a batch waits for the broker every ten, with what the relay waits
    for, or "".
    """
    wakeup = Wakeup()
    while not stop.is_set():
        try:
            published = publish_batch(producer)
            beat("")
            if not published:
                wakeup.wait(stop)
        except BrokerError as error:
            logger.warning("%s; retrying", error)
            beat(str(error))
            stop.wait(_RETRY_SECONDS)
        except UNAVAILABLE as error:
            logger.warning("the database is unavailable: %s; retrying", error)
            beat(f"the database is unavailable: {error}")
            close_connection()
            stop.wait(_RETRY_SECONDS)


def relay_once(stop: threading.Event, producer: Producer) -> int:
    """Publish what is committed now, or a part of it if `stop` is set; return the count. Raises BrokerError."""
    total = 0
    while not stop.is_set() and (settled := publish_batch(producer)):
        total += settled
    return total


class _DeliveryReport:
    """What the broker answered for each event of a batch, by the event's primary key."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.positions: dict[int, Position] = {}
        """Of the acknowledged events, as far as the broker says where they are."""
        self.refused: dict[int, str] = {}
        self.late: list[KafkaError] = []

    def callback(
        self, pk: int, sent: Callable[[str | None, Message], None]
    ) -> Callable[[KafkaError | None, Message], None]:
        """Return what the producer calls with the broker's answer; `sent` ends the event's span."""

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            sent(None if error is None else error.name(), message)
            if error is None:
                self.acknowledged.append(pk)
                partition, offset = message.partition(), message.offset()
                if partition is not None and offset is not None and offset >= 0:
                    self.positions[pk] = (partition, offset)
            else:
                self.record(pk, error)

        return on_delivery

    def record(self, pk: int, error: KafkaError) -> None:
        if is_permanent(error):
            self.refused[pk] = str(error)
        else:
            self.late.append(error)


def _produce(producer: Producer, event: OutboxEvent, report: _DeliveryReport) -> None:
    traced, sent = sending(event.topic, event.key, event.headers)
    headers: list[tuple[str, str | bytes | None]] = list(traced.items())
    try:
        producer.produce(
            get_settings().written_topic(event.topic),
            key=event.key.encode(),
            value=bytes(event.value),
            headers=headers,
            on_delivery=report.callback(event.pk, sent),
        )
    except KafkaException as error:
        sent(error.args[0].name(), None)
        report.record(event.pk, error.args[0])
    except BufferError as error:
        sent(type(error).__name__, None)
        report.record(event.pk, KafkaError(KafkaError._QUEUE_FULL))
