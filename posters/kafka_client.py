"""What a command needs of the broker: send events, and follow a topic from now on."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.codec import encode
from schemas.envelope import Envelope
from streams.errors import TryAgainError
from streams.settings import Settings

TIMEOUT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.2


class KafkaClient:
    """Sends events and follows topics with librdkafka."""

    def __init__(self, settings: Settings) -> None:
        self._brokers = settings.brokers
        self._fetch_wait = settings.fetch_wait

    def send(self, topic: str, key: str, events: Sequence[Envelope]) -> None:
        """Send events of one key, in order, and return once the broker has them all. Raises TryAgainError."""
        failures: list[str] = []
        producer = Producer({**self._configuration(), "enable.idempotence": True, "partitioner": "murmur2_random"})
        for event in events:
            producer.produce(
                topic,
                key=key,
                value=encode(event),
                headers=[("content-type", b"application/json")],
                on_delivery=lambda error, _: failures.append(str(error)) if error else None,
            )
        waiting = producer.flush(TIMEOUT_SECONDS)
        if waiting or failures:
            reason = failures[0] if failures else "no answer"
            raise TryAgainError(f"the broker at {self._brokers} did not take the events for {topic}: {reason}")

    @contextmanager
    def following(self, topic: str, *, from_beginning: bool = False) -> Iterator["Follower"]:
        """Give a follower of `topic`, from now on or from its beginning. Raises TryAgainError."""
        consumer = Consumer(
            {
                **self._configuration(),
                "group.id": f"posters-{uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": max(1, int(min(self._fetch_wait, 0.1) * 1000)),
            }
        )
        try:
            yield Follower(consumer, self._positions(consumer, topic, from_beginning=from_beginning))
        except KafkaException as error:
            raise TryAgainError(f"the broker at {self._brokers} does not answer: {error.args[0].str()}") from error
        finally:
            consumer.close()

    def _positions(self, consumer: Consumer, topic: str, *, from_beginning: bool) -> list[TopicPartition]:
        found = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
        if found.error is not None or not found.partitions:
            raise TryAgainError(f"topic {topic} does not exist; run `posters setup`")
        positions = []
        for number in found.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=TIMEOUT_SECONDS)
            positions.append(TopicPartition(topic, number, low if from_beginning else high))
        return positions

    def _configuration(self) -> dict[str, Any]:
        return {"bootstrap.servers": self._brokers, "log_level": 0, "message.timeout.ms": int(TIMEOUT_SECONDS * 1000)}


class Follower:
    """The records of a topic, one after the other."""

    def __init__(self, consumer: Consumer, positions: list[TopicPartition]) -> None:
        self._consumer = consumer
        self._open_ends = {position.partition for position in positions}
        consumer.assign(positions)

    def values(self, timeout: float) -> Iterator[bytes]:
        """Yield record values as they come, for `timeout` seconds."""
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            value = self._poll(min(left, POLL_SECONDS))
            if value is not None:
                yield value

    def present_values(self) -> Iterator[bytes]:
        """Yield the record values that are there, and end where the topic ends now."""
        while self._open_ends:
            value = self._poll(POLL_SECONDS)
            if value is not None:
                yield value

    def _poll(self, seconds: float) -> bytes | None:
        message = self._consumer.poll(seconds)
        if message is None:
            return None
        error = message.error()
        if error is None:
            value: bytes | None = message.value()
            return value
        if error.code() == KafkaError._PARTITION_EOF:
            self._open_ends.discard(message.partition())
            return None
        raise KafkaException(error)
