"""Publishing through the role's Faust producer."""

import asyncio
from collections.abc import Iterable
from typing import Any

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
            sent = [
                await producer.send(record.topic, _bytes(record.key), record.value, None, None, list(record.headers))
                for record in records
            ]
            await asyncio.gather(*sent)
        except (KafkaError, ProducerSendError) as error:
            raise TryAgainError(f"the broker did not acknowledge: {error!r}") from error


def _bytes(key: str | bytes | None) -> bytes | None:
    return key.encode() if isinstance(key, str) else key
