"""Publishing through the role's Faust producer."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from streams.delivery import Record
from streams.errors import TryAgainError


class FaustPublisher:
    """A `Publisher` over a Faust app's producer: it returns once every record is acknowledged by the broker."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def publish(self, records: Iterable[Record]) -> None:
        """Publish the records, in order for each key. Raises TryAgainError where the broker did not take them all."""
        producer = self._app.producer
        try:
            sent = [await _send(producer, record) for record in records]
            await asyncio.gather(*sent)
        except (KafkaError, ProducerSendError) as error:
            raise TryAgainError(f"the broker did not acknowledge: {error!r}") from error


async def _send(producer: Any, record: Record) -> Awaitable[Any]:
    if record.key is None and record.value is None:
        return await _send_nothing(producer, record)
    sent: Awaitable[Any] = await producer.send(
        record.topic, _bytes(record.key), record.value, None, None, list(record.headers)
    )
    return sent


async def _send_nothing(producer: Any, record: Record) -> Awaitable[Any]:
    # A dead letter may have neither key nor value. Kafka takes such a record; the client's `send` refuses it, so that
    # it goes straight to what `send` itself calls.
    client = producer._ensure_producer()
    await client.client._wait_on_metadata(record.topic)
    partition = client._partition(record.topic, None, None, None, None, None)
    sent: Awaitable[Any] = await client._message_accumulator.add_message(
        TopicPartition(record.topic, partition),
        None,
        None,
        client._request_timeout_ms / 1000,
        headers=list(record.headers),
    )
    return sent


def _bytes(key: str | bytes | None) -> bytes | None:
    return key.encode() if isinstance(key, str) else key
