"""Dead letters: invalid records (poison messages), stored byte for byte with their origin and the reason."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

import orjson

from schemas.topics import DEAD_LETTERS
from streams.delivery import Delivery, Headers, Publisher, Record
from streams.errors import RecordTooLargeError, UnavailableError
from streams.metrics import DEAD_LETTERS as DEAD_LETTERS_TOTAL
from streams.topics import MEBIBYTE, Role

ERROR_MAX_CHARACTERS: Final = 2_000
CLAIM_ABOVE_BYTES: Final = 5 * MEBIBYTE - 64 * 1024
"""A larger dead letter is stored as a claim. Below the topic's limit, for what the client and the broker add."""
UNDECODABLE: Final = "undecodable"
KEY_MAX_BYTES: Final = 64 * 1024
"""A longer key is omitted where the whole record is in storage."""


def size(record: Record) -> int:
    """Return how many bytes a record has on the wire, without compression and without framing."""
    headers = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    key = record.key.encode() if isinstance(record.key, str) else record.key
    return len(key or b"") + len(record.value or b"") + headers


def _milliseconds(delivery: Delivery) -> int:
    return int(delivery.timestamp.timestamp() * 1000) if delivery.stamped is None else delivery.stamped


def packed(delivery: Delivery) -> bytes:
    """Return key, value and headers of a record as JSON, bytes in base64."""
    content = (delivery.key, delivery.value, delivery.headers)
    return orjson.dumps(content, default=lambda raw: base64.b64encode(raw).decode())


def unpacked(content: bytes) -> tuple[bytes | None, bytes | None, Headers]:
    """Return key, value and headers of `packed` content."""
    key, value, headers = orjson.loads(content)
    return _bytes(key), _bytes(value), tuple((name, _bytes(text)) for name, text in headers)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


class DeadLetters(Protocol):
    """Where a role puts an invalid record."""

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Store the record. `reason` is a code, `error` a sentence. Raises UnavailableError where it is not stored."""
        ...


class Claims(Protocol):
    """Object storage for values that are too large for the topic (claim check)."""

    async def store(self, name: str, value: bytes) -> None:
        """Store the value under this name. Idempotent. Raises UnavailableError."""
        ...


class DeadLetterTopic:
    """Dead letters on their topic: the original key, value and headers, with `dlq.*` headers added.

    What is too large for the topic goes into object storage, and the header `dlq.claim` has its name: brokers limit the
    compressed size, so a record may be larger than any topic accepts uncompressed. Usually only the value is stored
    there. Where key and headers alone are too large, the whole record is, and the header `dlq.claimed` marks that.
    """

    def __init__(self, role: Role, publisher: Publisher, claims: Claims, now: Callable[[], datetime]) -> None:
        self._role = role
        self._publisher = publisher
        self._claims = claims
        self._now = now

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Publish the dead letter. Raises UnavailableError where the broker or the storage is unavailable.

        That of bytes which the broker's client could not decode has the reason `undecodable` and says which offsets.
        """
        if delivery.unreadable is not None:
            reason, error = UNDECODABLE, delivery.unreadable
        record = self.record(delivery, reason, error)
        if size(record) > CLAIM_ABOVE_BYTES:
            record = await self._claimed(delivery, record)
        try:
            await self._publisher.publish([record])
        except RecordTooLargeError:
            await self._publish_claimed(delivery, record)
        DEAD_LETTERS_TOTAL.labels(self._role, reason).inc()

    async def _publish_claimed(self, delivery: Delivery, record: Record) -> None:
        """Publish only a claim: the topic was created with a lower size limit than the one assumed here."""
        try:
            await self._publisher.publish([await self._claimed(delivery, record, whole_record=True)])
        except RecordTooLargeError as error:
            raise UnavailableError(
                f"{DEAD_LETTERS} refuses even a claim; raise its max.message.bytes: {error}"
            ) from error

    async def _claimed(self, delivery: Delivery, record: Record, *, whole_record: bool = False) -> Record:
        rest = replace(record, value=None)
        if not whole_record and delivery.value is not None and size(rest) <= CLAIM_ABOVE_BYTES:
            claim = await self._store(delivery, delivery.value)
            return replace(rest, headers=(*rest.headers, ("dlq.claim", claim)))
        claim = await self._store(delivery, packed(delivery))
        provenance = record.headers[len(delivery.headers) :]
        key = record.key if record.key is None or len(record.key) <= KEY_MAX_BYTES else None
        headers = (*provenance, ("dlq.claim", claim), ("dlq.claimed", b"record"))
        return Record(topic=record.topic, key=key, value=None, headers=headers)

    async def _store(self, delivery: Delivery, content: bytes) -> bytes:
        position = f"{delivery.topic}/{delivery.partition}/{delivery.offset}"
        # A topic that was deleted and created again reuses its offsets, so the content is part of the name.
        name = f"dead-letters/{self._role}/{position}-{hashlib.sha256(content).hexdigest()[:16]}"
        await self._claims.store(name, content)
        return name.encode()

    def record(self, delivery: Delivery, reason: str, error: str) -> Record:
        """Return the dead letter of a record."""
        provenance = {
            "dlq.topic": delivery.topic,
            "dlq.partition": str(delivery.partition),
            "dlq.offset": str(delivery.offset),
            "dlq.timestamp": str(_milliseconds(delivery)),
            "dlq.role": self._role,
            "dlq.reason": reason,
            "dlq.error": error[:ERROR_MAX_CHARACTERS],
            "dlq.time": self._now().isoformat(),
        }
        added = tuple((name, text.encode("utf-8", "replace")) for name, text in provenance.items())
        return Record(topic=DEAD_LETTERS, key=delivery.key, value=delivery.value, headers=(*delivery.headers, *added))
