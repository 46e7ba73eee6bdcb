"""Publish the outbox."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from django.db import InterfaceError, OperationalError, connections

from . import outbox
from .errors import BrokerError
from .kafka import ACK_SECONDS, is_permanent
from .models import OutboxEvent

logger = logging.getLogger(__name__)

BATCH: Final = 200
_RETRY_SECONDS: Final = 1.0


def publish_batch(producer: Producer, *, limit: int = BATCH) -> int:
    """Publish up to `limit` events, remove those the broker took, and return how many are settled.

    An event that the broker refuses for ever is kept with the reason and stands in nobody's way. Raises BrokerError
    where the broker did not take one in time: that event stays, and is published again with the same id and bytes.
    """
    with outbox.claim(limit) as events:
        if not events:
            return 0
        outcome = _Outcome()
        for event in events:
            _produce(producer, event, outcome)
        producer.flush()
        rows = OutboxEvent.objects.using(outbox.database())
        rows.filter(pk__in=outcome.taken).delete()
        for pk, reason in outcome.refused.items():
            logger.error("the broker refuses outbox event %s for ever: %s", pk, reason)
            rows.filter(pk=pk).update(refused=reason)
    if outcome.late:
        raise BrokerError(
            f"the broker did not take {len(outcome.late)} events in {ACK_SECONDS} s: {outcome.late[0].str()}"
        )
    return len(outcome.taken) + len(outcome.refused)


def relay_until(stop: threading.Event, producer: Producer) -> None:
    """Publish what is committed, at once, until `stop`; whatever is away meanwhile is tried again each second."""
    wakeup = _Wakeup()
    while not stop.is_set():
        try:
            if not publish_batch(producer):
                wakeup.wait(stop)
        except BrokerError as error:
            logger.warning("%s; trying again", error)
            stop.wait(_RETRY_SECONDS)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database is away: %s; trying again", error)
            connections[outbox.database()].close()
            stop.wait(_RETRY_SECONDS)


def relay_once(stop: threading.Event, producer: Producer) -> int:
    """Publish all that is committed now, or some of it if `stop` comes; return how much. Raises BrokerError."""
    total = 0
    while not stop.is_set() and (settled := publish_batch(producer)):
        total += settled
    return total


class _Outcome:
    """What became of each event of a batch."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.refused: dict[int, str] = {}
        self.late: list[KafkaError] = []

    def reporter(self, pk: int) -> Callable[[KafkaError | None, Message], None]:
        def report(error: KafkaError | None, _: Message) -> None:
            self.settle(pk, error)

        return report

    def settle(self, pk: int, error: KafkaError | None) -> None:
        if error is None:
            self.taken.append(pk)
        elif is_permanent(error):
            self.refused[pk] = str(error)
        else:
            self.late.append(error)


def _produce(producer: Producer, event: OutboxEvent, outcome: _Outcome) -> None:
    headers: list[tuple[str, str | bytes | None]] = list(event.headers.items())
    try:
        producer.produce(
            event.topic,
            key=event.key.encode(),
            value=bytes(event.value),
            headers=headers,
            on_delivery=outcome.reporter(event.pk),
        )
    except KafkaException as error:
        outcome.settle(event.pk, error.args[0])
    except BufferError:
        outcome.settle(event.pk, KafkaError(KafkaError._QUEUE_FULL))


class _Wakeup:
    """What ends a wait for new events: on PostgreSQL a notification, else time."""

    def __init__(self) -> None:
        self._listening: Any = None

    def wait(self, stop: threading.Event) -> None:
        connection = connections[outbox.database()]
        connection.ensure_connection()
        driver: Any = connection.connection
        if not _can_listen(connection):
            stop.wait(0.1)
        elif driver is not self._listening:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {outbox.CHANNEL}")
            # Not waiting this time: what was committed before we listened is looked for once more.
            self._listening = driver
        else:
            # A second bounds what a lost notification costs, and how long TERM waits.
            for _ in driver.notifies(timeout=1.0, stop_after=1):
                pass


def _can_listen(connection: Any) -> bool:
    if connection.vendor != "postgresql":
        return False
    major, minor, *_ = connection.Database.__version__.split(".")
    return (int(major), int(minor)) >= (3, 2)
