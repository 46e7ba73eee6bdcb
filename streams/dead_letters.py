"""Records that cannot be used, kept byte for byte with where they came from and why."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from schemas.topics import DEAD_LETTERS
from streams.delivery import Delivery, Publisher, Record
from streams.topics import Role

ERROR_MAX_CHARACTERS: Final = 2_000


class DeadLetters(Protocol):
    """Where a role puts a record that it cannot use."""

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Keep the record. `reason` is a code, `error` a sentence. Raises TryAgainError where it is not kept."""
        ...


class DeadLetterTopic:
    """Dead letters on their topic: original key, value and headers, and `dlq.*` headers beside them."""

    def __init__(self, role: Role, publisher: Publisher, now: Callable[[], datetime]) -> None:
        self._role = role
        self._publisher = publisher
        self._now = now

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Keep the record. Raises TryAgainError where the broker does not take it."""
        await self._publisher.publish([self.record(delivery, reason, error)])

    def record(self, delivery: Delivery, reason: str, error: str) -> Record:
        """Return the dead letter of a record."""
        provenance = {
            "dlq.topic": delivery.topic,
            "dlq.partition": str(delivery.partition),
            "dlq.offset": str(delivery.offset),
            "dlq.timestamp": str(int(delivery.timestamp.timestamp() * 1000)),
            "dlq.role": self._role,
            "dlq.reason": reason,
            "dlq.error": error[:ERROR_MAX_CHARACTERS],
            "dlq.time": self._now().isoformat(),
        }
        added = tuple((name, text.encode("utf-8", "replace")) for name, text in provenance.items())
        return Record(topic=DEAD_LETTERS, key=delivery.key, value=delivery.value, headers=(*delivery.headers, *added))
