"""Records that cannot be used, kept byte for byte with where they came from and why."""

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
"""A little less than the topic takes, for what the client and the broker add."""
KEY_MAX_BYTES: Final = 64 * 1024
"""A longer key is left out where the whole record is in storage."""


def size(record: Record) -> int:
    """Return how many bytes a record has on the wire, without compression and without framing."""
    headers = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    key = record.key.encode() if isinstance(record.key, str) else record.key
    return len(key or b"") + len(record.value or b"") + headers


def packed(delivery: Delivery) -> bytes:
    """Return key, value and headers of a record as JSON, bytes in base64."""
    whole = (delivery.key, delivery.value, delivery.headers)
    return orjson.dumps(whole, default=lambda raw: base64.b64encode(raw).decode())


def unpacked(content: bytes) -> tuple[bytes | None, bytes | None, Headers]:
    """Return key, value and headers that were `packed`."""
    key, value, headers = orjson.loads(content)
    return _bytes(key), _bytes(value), tuple((name, _bytes(said)) for name, said in headers)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


class DeadLetters(Protocol):
    """Where a role puts a record that it cannot use."""

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Keep the record. `reason` is a code, `error` a sentence. Raises UnavailableError where it is not kept."""
        ...


class Claims(Protocol):
    """Where values are kept that are too large for the topic."""

    async def keep(self, name: str, value: bytes) -> None:
        """Keep the value under this name; keeping it again changes nothing. Raises UnavailableError."""
        ...


class DeadLetterTopic:
    """Dead letters on their topic: original key, value and headers, and `dlq.*` headers beside them.

    What the topic has no room for goes into storage, under the name that the header `dlq.claim` says: brokers limit
    what a record has when it is compressed, so that one may be larger than any topic takes uncompressed. Mostly that is
    the value; where key and headers alone are too large, it is the whole record, and `dlq.claimed` says so.
    """

    def __init__(self, role: Role, publisher: Publisher, claims: Claims, now: Callable[[], datetime]) -> None:
        self._role = role
        self._publisher = publisher
        self._claims = claims
        self._now = now

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Keep the record. Raises UnavailableError where the broker does not take it."""
        record = self.record(delivery, reason, error)
        if size(record) > CLAIM_ABOVE_BYTES:
            record = await self._claimed(delivery, record)
        try:
            await self._publisher.publish([record])
        except RecordTooLargeError:
            await self._publish_claimed(delivery, record)
        DEAD_LETTERS_TOTAL.labels(self._role, reason).inc()

    async def _publish_claimed(self, delivery: Delivery, record: Record) -> None:
        """Publish where to find the record: the topic was made for less than it is here."""
        try:
            await self._publisher.publish([await self._claimed(delivery, record, whole=True)])
        except RecordTooLargeError as error:
            raise UnavailableError(
                f"{DEAD_LETTERS} takes next to nothing; raise its max.message.bytes: {error}"
            ) from error

    async def _claimed(self, delivery: Delivery, record: Record, *, whole: bool = False) -> Record:
        rest = replace(record, value=None)
        if not whole and delivery.value is not None and size(rest) <= CLAIM_ABOVE_BYTES:
            claim = await self._keep(delivery, delivery.value)
            return replace(rest, headers=(*rest.headers, ("dlq.claim", claim)))
        claim = await self._keep(delivery, packed(delivery))
        ours = record.headers[len(delivery.headers) :]
        key = record.key if record.key is None or len(record.key) <= KEY_MAX_BYTES else None
        said = (*ours, ("dlq.claim", claim), ("dlq.claimed", b"record"))
        return Record(topic=record.topic, key=key, value=None, headers=said)

    async def _keep(self, delivery: Delivery, content: bytes) -> bytes:
        place = f"{delivery.topic}/{delivery.partition}/{delivery.offset}"
        # A topic that was made anew counts its offsets anew.
        name = f"dead-letters/{self._role}/{place}-{hashlib.sha256(content).hexdigest()[:16]}"
        await self._claims.keep(name, content)
        return name.encode()

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
