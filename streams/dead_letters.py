"""Records that cannot be used, kept byte for byte with where they came from and why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from schemas.topics import DEAD_LETTERS
from streams.delivery import Delivery, Publisher, Record
from streams.metrics import DEAD_LETTERS as DEAD_LETTERS_TOTAL
from streams.topics import MEBIBYTE, Role

ERROR_MAX_CHARACTERS: Final = 2_000
CLAIM_ABOVE_BYTES: Final = 5 * MEBIBYTE - 64 * 1024
"""A little less than the topic takes, for what the client and the broker add."""


def size(record: Record) -> int:
    """Return how many bytes a record has on the wire, without compression and without framing."""
    headers = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    key = record.key.encode() if isinstance(record.key, str) else record.key
    return len(key or b"") + len(record.value or b"") + headers


class DeadLetters(Protocol):
    """Where a role puts a record that it cannot use."""

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Keep the record. `reason` is a code, `error` a sentence. Raises TryAgainError where it is not kept."""
        ...


class Claims(Protocol):
    """Where values are kept that are too large for the topic."""

    async def keep(self, name: str, value: bytes) -> None:
        """Keep the value under this name; keeping it again changes nothing. Raises TryAgainError."""
        ...


class DeadLetterTopic:
    """Dead letters on their topic: original key, value and headers, and `dlq.*` headers beside them.

    A value that the topic has no room for goes into storage, under the name that the header `dlq.claim` says: brokers
    limit what a record has when it is compressed, so that one may be larger than any topic takes uncompressed.
    """

    def __init__(self, role: Role, publisher: Publisher, claims: Claims, now: Callable[[], datetime]) -> None:
        self._role = role
        self._publisher = publisher
        self._claims = claims
        self._now = now

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Keep the record. Raises TryAgainError where the broker does not take it."""
        record = self.record(delivery, reason, error)
        if record.value is not None and size(record) > CLAIM_ABOVE_BYTES:
            name = f"dead-letters/{self._role}/{delivery.topic}/{delivery.partition}/{delivery.offset}"
            await self._claims.keep(name, record.value)
            record = replace(record, value=None, headers=(*record.headers, ("dlq.claim", name.encode())))
        await self._publisher.publish([record])
        DEAD_LETTERS_TOTAL.labels(self._role, reason).inc()

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
