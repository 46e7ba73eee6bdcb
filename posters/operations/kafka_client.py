"""A synchronous Kafka client for one operation: publish records, read a topic to its end or from now on."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import methodcaller
from typing import Any, Final, cast
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents.settings import Settings
from schemas.envelope import Envelope
from streams.broker_access import librdkafka_options
from streams.delivery import Headers, Record
from streams.errors import AuthorizationError, UnavailableError
from streams.publisher import write_refusal
from streams.records import event_headers, event_record

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.2
_ADDRESS: Final = "POSTERS_BROKERS has its address"
MESSAGE_MAX_BYTES: Final = 256 * 1024 * 1024
_UNDECODABLE: Final = frozenset({KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG, KafkaError._UNDERFLOW})
_headers: Final = methodcaller("headers")
"""Not called as `message.headers()`: for a name that is not UTF-8 the client returns a result with an exception set.
Python raises that as SystemError in every call but the ones that its interpreter specializes."""


class KafkaClient:
    """Publishes records and reads topics with librdkafka."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._brokers = settings.brokers
        self._topic_prefix = settings.topic_prefix
        self._fetch_wait = settings.fetch_wait

    def send(self, topic: str, key: str, events: Sequence[Envelope]) -> None:
        """Publish events of one key, in order, and return once all are acknowledged. Raises UnavailableError."""
        self.publish([event_record(topic, key, event, event_headers()) for event in events])

    def publish(self, records: Sequence[Record]) -> None:
        """Publish records, in order for each key, and return once all are acknowledged.

        Raises UnavailableError, and AuthorizationError where this user may not write to one of the topics.
        """
        failures: list[Exception] = []
        # The broker limits the compressed size; the client's own limit would count uncompressed bytes.
        settings = {"partitioner": "murmur2_random", "message.max.bytes": MESSAGE_MAX_BYTES, "compression.type": "gzip"}
        producer = Producer({**self._configuration(), **settings, "enable.idempotence": True})
        for record in records:
            self._produce(producer, record, failures)
        unacknowledged = producer.flush(TIMEOUT_SECONDS)
        if unacknowledged or failures:
            reason = failures[0] if failures else "no answer"
            if isinstance(reason, AuthorizationError):
                raise reason
            topics = ", ".join(sorted({record.topic for record in records}))
            message = f"the broker at {self._brokers} did not take the records for {topics}: {reason}; {_ADDRESS}"
            raise UnavailableError(message)

    def _produce(self, producer: Producer, record: Record, failures: list[Exception]) -> None:
        def report(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(write_refusal(error, record.topic) or UnavailableError(str(error)))

        while True:
            try:
                producer.produce(
                    self._topic_prefix + record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=report,
                )
            except BufferError:
                producer.poll(POLL_SECONDS)
            else:
                return

    @contextmanager
    def reader(self, topic: str, *, from_beginning: bool = False) -> Iterator["TopicReader"]:
        """Give a reader of `topic`, from now on or from its beginning.

        Its messages have the broker's name of the topic, which starts with POSTERS_TOPIC_PREFIX. Raises
        UnavailableError, and AuthorizationError where this user may not read it.
        """
        topic = self._topic_prefix + topic
        consumer = Consumer(
            {
                **self._configuration(),
                "group.id": f"{self._topic_prefix}posters-{uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": max(1, int(min(self._fetch_wait, 0.1) * 1000)),
            }
        )
        try:
            yield TopicReader(consumer, self._positions(consumer, topic, from_beginning=from_beginning))
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise AuthorizationError("Read", f"topic {topic}") from error
            reason = error.args[0].str()
            raise UnavailableError(f"the broker at {self._brokers} does not answer: {reason}; {_ADDRESS}") from error
        finally:
            consumer.close()

    def _positions(self, consumer: Consumer, topic: str, *, from_beginning: bool) -> list[TopicPartition]:
        found = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
        if found.error is not None and found.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise KafkaException(found.error)
        if found.error is not None or not found.partitions:
            raise UnavailableError(f"topic {topic} does not exist; run `posters setup`")
        positions = []
        for number in found.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=TIMEOUT_SECONDS)
            positions.append(TopicPartition(topic, number, low if from_beginning else high))
        return positions

    def _configuration(self) -> dict[str, Any]:
        quiet = {"log_level": 0, "message.timeout.ms": int(TIMEOUT_SECONDS * 1000)}
        return {**librdkafka_options(self._settings), **quiet}


def headers_of(message: Message) -> Headers:
    """Return all headers of a record, repeated names included, in their order.

    It returns none where a name is not UTF-8: the client raises an error, and nothing that we write has such a name.
    """
    try:
        return cast("Headers", tuple(_headers(message) or ()))
    except SystemError:
        return ()


class TopicReader:
    """Reads the records of all partitions of a topic, without a consumer group's offsets."""

    def __init__(self, consumer: Consumer, positions: list[TopicPartition]) -> None:
        self._consumer = consumer
        self._unfinished = {position.partition for position in positions}
        self._skipped: dict[int, int] = {}
        consumer.assign(positions)

    def values(self, timeout: float) -> Iterator[bytes]:
        """Yield record values as they arrive, for `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            value = self._poll(min(left, POLL_SECONDS))
            if value is not None:
                yield value

    def values_until_end(self) -> Iterator[bytes]:
        """Yield the values of the records up to the current end of the topic."""
        for message in self.until_end():
            value: bytes | None = message.value()
            if value is not None:
                yield value

    def until_end(self) -> Iterator[Message]:
        """Yield the records up to the current end of the topic."""
        while self._unfinished:
            message = self._poll_message(POLL_SECONDS)
            if message is not None:
                yield message

    def _poll(self, seconds: float) -> bytes | None:
        message = self._poll_message(seconds)
        value: bytes | None = None if message is None else message.value()
        return value

    def _poll_message(self, seconds: float) -> Message | None:
        message = self._consumer.poll(seconds)
        if message is None:
            return None
        error = message.error()
        if error is None:
            return message
        if error.code() == KafkaError._PARTITION_EOF:
            self._unfinished.discard(message.partition())
            return None
        if error.code() in _UNDECODABLE:
            self._skip_undecodable(message)
            return None
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return None  # the client looks for its group's coordinator, which this reader does not need
        raise KafkaException(error)

    def _skip_undecodable(self, message: Message) -> None:
        """Read behind a batch that cannot be decoded, offset by offset; librdkafka would report it without end."""
        partition = cast("int", message.partition())
        # The error names the first offset of the batch, also after some of them were skipped.
        offset = max(cast("int", message.offset()), self._skipped.get(partition, -1) + 1)
        self._skipped[partition] = offset
        following = TopicPartition(cast("str", message.topic()), partition, offset + 1)
        logger.warning("skipped what cannot be decoded: %s[%d]@%d", following.topic, partition, offset)
        self._consumer.seek(following)
