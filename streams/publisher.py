"""Publishing through librdkafka, whose threads batch, send and retry while the event loop works on."""

import asyncio
import logging
import threading
from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.broker_access import librdkafka_options
from streams.delivery import Record
from streams.errors import RecordTooLargeError, UnavailableError
from streams.settings import StreamSettings
from streams.topics import MEBIBYTE

logger = logging.getLogger(__name__)

MESSAGE_MAX_BYTES: Final = 5 * MEBIBYTE
GIVE_UP_SECONDS: Final = 30.0
"""After this long without an acknowledgement a record counts as not taken; the caller then sends it again."""
LOOK_SECONDS: Final = 0.2
"""How soon the thread notices that it should end; acknowledgements wake it at once."""


class KafkaPublisher:
    """A `Publisher` that returns once every record is acknowledged by all in-sync replicas.

    Idempotent: a retry of its own neither repeats nor reorders records.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._configuration: dict[str, Any] = {
            **librdkafka_options(settings),
            "enable.idempotence": True,
            "linger.ms": 0,
            # As the Java client does, so that a key has the same partition whoever writes it.
            "partitioner": "murmur2_random",
            "message.max.bytes": MESSAGE_MAX_BYTES,
            "message.timeout.ms": int(GIVE_UP_SECONDS * 1000),
            "log.connection.close": False,
        }
        self._producer: Producer | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    async def publish(self, records: Iterable[Record]) -> None:
        """Publish the records, in order for each key.

        Raises UnavailableError where the broker did not take them all, RecordTooLargeError where it never will, and
        KafkaException where this producer will never send again.
        """
        batch = list(records)
        if batch:
            sending = _Sending(len(batch), asyncio.get_running_loop())
            self._send(batch, sending)
            await sending.acknowledged

    async def close(self) -> None:
        """Wait for what is on its way, 30 seconds at most, and end the thread."""
        if self._producer is not None and self._thread is not None:
            await asyncio.to_thread(self._producer.flush, GIVE_UP_SECONDS)
            self._closed.set()
            await asyncio.to_thread(self._thread.join)

    def _send(self, batch: list[Record], sending: "_Sending") -> None:
        producer = self._producer or self._start()
        for sent, record in enumerate(batch):
            try:
                producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=sending.on_delivery,
                )
            except (BufferError, KafkaException) as error:
                sending.refused(error, len(batch) - sent)
                return

    def _start(self) -> Producer:
        self._producer = Producer(self._configuration, logger=logger)
        self._thread = threading.Thread(target=self._serve, args=(self._producer,), name="publisher", daemon=True)
        self._thread.start()
        return self._producer

    def _serve(self, producer: Producer) -> None:
        while not self._closed.is_set():
            producer.poll(LOOK_SECONDS)


class _Sending:
    """Counts the acknowledgements of one call; all but its making happens in the publisher's thread, save a refusal."""

    def __init__(self, records: int, loop: asyncio.AbstractEventLoop) -> None:
        self.acknowledged: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._lock = threading.Lock()
        self._open = records
        self._error: Exception | None = None

    def on_delivery(self, error: KafkaError | None, _: Message) -> None:
        """Take in what became of one record."""
        self._settle(None if error is None else _meaning(error), 1)

    def refused(self, error: Exception, records: int) -> None:
        """Take in that so many records were not even accepted for sending."""
        cause = error.args[0] if isinstance(error, KafkaException) else None
        meaning = _meaning(cause) if isinstance(cause, KafkaError) else UnavailableError(f"the queue is full: {error}")
        self._settle(meaning, records)

    def _settle(self, error: Exception | None, records: int) -> None:
        with self._lock:
            self._error = self._error or error
            self._open -= records
            last = self._open == 0
        if last and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self.acknowledged.done():
            return  # the caller was cancelled
        if self._error is None:
            self.acknowledged.set_result(None)
        else:
            self.acknowledged.set_exception(self._error)


def _meaning(error: KafkaError) -> Exception:
    """A fatal error ends this producer for good; the process that holds it has to start anew."""
    if error.fatal():
        return KafkaException(error)
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return RecordTooLargeError(f"the broker does not take it: {error.str()}")
    return UnavailableError(f"the broker did not acknowledge: {error.str()}")
