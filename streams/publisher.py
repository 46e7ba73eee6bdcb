"""Publishes through librdkafka, whose threads batch, send and retry while the event loop continues."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.broker_access import librdkafka_options
from streams.delivery import Record
from streams.errors import AuthorizationError, RecordTooLargeError, UnavailableError
from streams.settings import StreamSettings
from streams.topics import MEBIBYTE

logger = logging.getLogger(__name__)

MESSAGE_MAX_BYTES: Final = 8 * MEBIBYTE + 64 * 1024
"""As much as the largest record of any topic, with what the client adds."""
DELIVERY_TIMEOUT_SECONDS: Final = 30.0
"""A record that is not acknowledged in this time counts as not published; the caller retries it."""
_PERMANENT: Final = frozenset(
    {
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError.UNSUPPORTED_COMPRESSION_TYPE,
        KafkaError.INVALID_REQUIRED_ACKS,
        KafkaError.INVALID_CONFIG,
        KafkaError.POLICY_VIOLATION,
        KafkaError._UNSUPPORTED_FEATURE,
    }
)
"""Refusals that no retry changes: the broker, or its configuration, is none that this producer can write to."""
CLOSE_SECONDS: Final = 1.0
"""Whoever awaits an acknowledgement when the publisher is closed has not finished its record, which comes again."""
POLL_SECONDS: Final = 0.2
"""How soon the thread notices that it should end; acknowledgements wake it at once."""


class KafkaPublisher:
    """A `Publisher` that returns once every record is acknowledged by all in-sync replicas.

    Idempotent: its own retries neither repeat nor reorder records. Log records of its thread have the log context in
    which it was constructed.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._topic_prefix = settings.topic_prefix
        self._configuration: dict[str, Any] = {
            **librdkafka_options(settings),
            "enable.idempotence": True,
            "linger.ms": 0,
            # The Java client's, so that a key has the same partition whichever client writes it.
            "partitioner": "murmur2_random",
            "message.max.bytes": MESSAGE_MAX_BYTES,
            "message.timeout.ms": int(DELIVERY_TIMEOUT_SECONDS * 1000),
            "log.connection.close": False,
        }
        self._context = contextvars.copy_context()
        self._producer: Producer | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    async def publish(self, records: Iterable[Record]) -> None:
        """Publish the records, in order for each key.

        Raises UnavailableError where the broker did not acknowledge them all, RecordTooLargeError and
        AuthorizationError where it never will, and KafkaException where this producer cannot send again, or the broker
        refuses what it sends for good.
        """
        batch = list(records)
        if batch:
            pending = _PendingBatch(len(batch), asyncio.get_running_loop())
            self._send(batch, pending)
            await pending.acknowledged

    async def close(self) -> None:
        """Wait for unacknowledged records, a second at most, and end the thread."""
        if self._producer is not None and self._thread is not None:
            try:
                await asyncio.to_thread(self._producer.flush, CLOSE_SECONDS)
            except KafkaException as error:
                # The client raises a fatal error once, here or in its thread. Whoever awaits an acknowledgement has it.
                logger.warning("the publisher was closed after a fatal error: %s", error)
            self._closed.set()
            await asyncio.to_thread(self._thread.join)

    def _send(self, batch: list[Record], pending: "_PendingBatch") -> None:
        producer = self._producer or self._start()
        for sent, record in enumerate(batch):
            try:
                producer.produce(
                    self._topic_prefix + record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=pending.on_delivery,
                )
            except (BufferError, KafkaException) as error:
                pending.on_refused(error, record.topic, len(batch) - sent)
                return

    def _start(self) -> Producer:
        producer = self._producer = Producer(self._configuration, logger=logger)
        self._thread = threading.Thread(
            target=self._context.run, args=(self._serve, producer), name="publisher", daemon=True
        )
        self._thread.start()
        return producer

    def _serve(self, producer: Producer) -> None:
        while not self._closed.is_set():
            try:
                producer.poll(POLL_SECONDS)
            except KafkaException as error:
                # The client raises a fatal error here once. Reports of records still come, and callers wait for them.
                logger.error("this producer cannot publish any more: %s", error)  # noqa: TRY400 - no bug of ours


class _PendingBatch:
    """Counts the acknowledgements of one `publish` call.

    The publisher's thread calls `on_delivery`; the caller's event loop calls `on_refused`.
    """

    def __init__(self, records: int, loop: asyncio.AbstractEventLoop) -> None:
        self.acknowledged: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._lock = threading.Lock()
        self._unacknowledged = records
        self._error: Exception | None = None

    def on_delivery(self, error: KafkaError | None, message: Message) -> None:
        """Count one record as acknowledged, or as failed with `error`."""
        self._count(None if error is None else _exception_of(error, message.topic()), 1)

    def on_refused(self, error: Exception, topic: str, records: int) -> None:
        """Count this many records as failed: the producer did not accept the first, for `topic`, for sending."""
        cause = error.args[0] if isinstance(error, KafkaException) else None
        exception = (
            _exception_of(cause, topic)
            if isinstance(cause, KafkaError)
            else UnavailableError(f"the queue is full: {error}")
        )
        self._count(exception, records)

    def _count(self, error: Exception | None, records: int) -> None:
        with self._lock:
            self._error = self._error or error
            self._unacknowledged -= records
            last = self._unacknowledged == 0
        if last and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._complete)

    def _complete(self) -> None:
        if self.acknowledged.done():
            return  # the caller was cancelled
        if self._error is None:
            self.acknowledged.set_result(None)
        else:
            self.acknowledged.set_exception(self._error)


def write_refusal(error: KafkaError, topic: str | None) -> AuthorizationError | None:
    """Return which right a producer lacks, or None where `error` is of another kind."""
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return AuthorizationError("Write", f"topic {topic}")
    if error.code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED:
        # An idempotent producer needs `Write` on any topic, so the right on this one is missing too.
        return AuthorizationError("Write", f"topic {topic} (Kafka before 2.8: `IdempotentWrite` on the cluster)")
    return None


def _exception_of(error: KafkaError, topic: str | None = None) -> Exception:
    """Return the exception for an error of librdkafka.

    A fatal one ends this producer; its process has to restart. A refusal that no retry changes ends the process as
    well: whoever runs it sees the reason, instead of a role that waits.
    """
    refusal = write_refusal(error, topic)
    if refusal is not None:
        return refusal
    if error.fatal() or error.code() in _PERMANENT:
        return KafkaException(error)
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return RecordTooLargeError(f"the broker does not take it: {error.str()}")
    return UnavailableError(f"the broker did not acknowledge: {error.str()}")
