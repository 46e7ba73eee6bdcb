"""Batches that librdkafka cannot decode: it reports the same one again and again, and never gets behind it."""

from collections.abc import Hashable
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

UNDECODABLE: Final = frozenset({KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG, KafkaError._UNDERFLOW})
ATTEMPTS: Final = 3
"""So often a batch is fetched: it may have been damaged on the way."""


class DamagedBatches:
    """Lets one consumer get behind batches that cannot be decoded."""

    def __init__(self) -> None:
        self._failed: dict[Hashable, tuple[int, int, int]] = {}

    def skip(self, consumer: Consumer, message: Message) -> bool:
        """Return whether the consumer now reads behind the offset of this error; False for another error, or at first.

        A batch may hold many offsets, of which the error names the first, so this is called several times for one.
        """
        error, offset = message.error(), message.offset()
        if error is None or error.code() not in UNDECODABLE or offset is None:
            return False
        partition = (message.topic(), message.partition())
        first, attempts, last = self._failed.get(partition, (offset, 0, offset - 1))
        if first != offset:
            attempts, last = 0, offset - 1
        self._failed[partition] = (offset, attempts + 1, last)
        if attempts + 1 < ATTEMPTS:
            return False
        self._failed[partition] = (offset, attempts + 1, last + 1)
        try:
            consumer.seek(TopicPartition(message.topic() or "", message.partition() or 0, last + 2))
        except KafkaException:
            return False  # the partition was reassigned meanwhile
        return True
