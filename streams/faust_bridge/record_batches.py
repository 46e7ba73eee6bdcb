"""Record batches that aiokafka cannot decode: its parser gives up on a whole fetch, and would do so again and again.

One header name that is not UTF-8, one damaged batch or an unknown codec keeps a consumer from everything behind it.
This module decodes what aiokafka's parser refuses, record by record. What cannot be decoded at all is delivered as its
raw bytes with the reason, so that a role makes it a dead letter, and the consumer goes on behind it.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import aiokafka.consumer.fetcher
from aiokafka import codec
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import ConsumerRecord
from cachetools import LRUCache

from streams.delivery import Headers
from streams.faust_bridge.record_fields import Fields

_OVERHEAD: Final = 12
"""Bytes of a batch before those that its length counts: the offset and the length."""
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_CHECKED_FROM: Final = 21
"""Where the content begins that the checksum covers."""
_FORMAT: Final = 2
"""The version of batches since Kafka 0.11; older ones have no headers, and a checksum of another kind."""
_LARGEST_BATCH: Final = 1_000_000
"""Records of a batch; a larger number in a damaged one is damage."""
_DECODERS: Final[dict[int, Callable[[bytes], bytes]]] = {
    0: bytes,
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}
_damaged: LRUCache[tuple[Any, int], bytes] = LRUCache(maxsize=1_000)
"""Checksums of damaged batches, by partition and offset: the first time, a batch is fetched again."""


class UnreadableHeaders(tuple[()]):
    """The headers of a record that cannot be decoded: none. `reason` says which offsets it stands for, and why."""

    reason: str

    @classmethod
    def because(cls, reason: str) -> "UnreadableHeaders":
        """Return headers with this reason."""
        headers = cls()
        headers.reason = reason
        return headers


@dataclass(frozen=True, slots=True)
class _BatchHeader:
    first: int
    last_delta: int
    codec: int
    appended_at: int | None
    """The broker's time, where the topic's records carry that."""
    began_at: int
    count: int
    is_control: bool
    intact: bool


def decode_every_batch() -> None:
    """Let the consumers of this process decode with `TolerantRecords`. A repeated call changes nothing."""
    fetcher: Any = aiokafka.consumer.fetcher
    fetcher.MemoryRecords = FetchedBatches
    fetcher.PartitionRecords = TolerantRecords


class FetchedBatches:
    """The batches of one partition in the answer to a fetch, of which the broker may cut off the last."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def has_next(self) -> bool:
        """Return whether there is a whole batch."""
        return next(_batches(self.content), None) is not None

    def size_in_bytes(self) -> int:
        """Return the size of the answer."""
        return len(self.content)


class TolerantRecords(PartitionRecords):
    """The records of a fetch, of each batch those that can be decoded, and one that stands for what cannot."""

    def _unpack_records(self) -> Iterator[Any]:
        for batch in _batches(self._records.content):
            try:
                self._records = MemoryRecords(batch)
                yield from super()._unpack_records()  # type: ignore[no-untyped-call]
            except MemoryError:
                raise  # not the batch's fault
            except Exception as error:  # noqa: BLE001 - whatever a parser or a codec makes of the bytes; it is passed on
                header = _header(batch)
                if header is None or not header.intact:
                    if self._is_first_time(batch):
                        return  # fetched again from here: it may have been damaged on the way
                    yield from self._stand_in_for_batch(batch, header, error)
                elif header.is_control:
                    self.next_fetch_offset = header.first + header.last_delta + 1
                else:
                    yield from self._decode(batch, header, error)

    def _is_first_time(self, batch: bytes) -> bool:
        position = (self._tp, int.from_bytes(batch[:8], signed=True))
        if _damaged.get(position) == batch[8:_CHECKED_FROM]:
            return False
        _damaged[position] = batch[8:_CHECKED_FROM]
        return True

    def _decode(self, batch: bytes, header: _BatchHeader, error: Exception) -> Iterator[Any]:
        """Yield the records of a batch that aiokafka refused; one that is malformed is unreadable alone."""
        last = header.first + header.last_delta
        try:
            content = _DECODERS[header.codec](batch[_HEADER.size :])
        except Exception as cause:  # noqa: BLE001 - codecs raise errors of many kinds
            yield from self._stand_in_for_batch(batch, header, error if isinstance(cause, KeyError) else cause)
            return
        fields, offset = Fields(content), header.first - 1
        for _ in range(header.count):
            try:
                raw = fields.field()
            except ValueError as cause:
                yield from self._stand_in(content, offset + 1, last, cause)
                break
            try:
                record = self._record(Fields(raw or b""), header)
                offset = cast("int", record.offset)
            except ValueError as cause:
                offset += 1
                yield from self._stand_in(raw or b"", offset, offset, cause)
            else:
                yield from self._due(record)
        self.next_fetch_offset = max(self.next_fetch_offset, last + 1)

    def _record(self, fields: Fields, header: _BatchHeader) -> Any:
        fields.skip(1)
        timestamp = header.began_at + fields.number()
        delta = fields.number()
        if not 0 <= delta <= header.last_delta:
            raise ValueError(f"its offset is not one of the batch: {delta} of {header.last_delta}")
        key, value = fields.field(), fields.field()
        headers = fields.headers()
        is_appended = header.appended_at is not None
        return self._consumer_record_of(
            header.first + delta, header.appended_at if is_appended else timestamp, is_appended, key, value, headers
        )

    def _due(self, record: Any) -> Iterator[Any]:
        if record.offset >= self.next_fetch_offset:
            self.next_fetch_offset = record.offset + 1
            yield record

    def _stand_in_for_batch(self, batch: bytes, header: _BatchHeader | None, error: Exception) -> Iterator[Any]:
        first = int.from_bytes(batch[:8], signed=True)
        delta = header.last_delta if header is not None and 0 <= header.last_delta < _LARGEST_BATCH else 0
        return self._stand_in(batch, first, max(first + delta, self.next_fetch_offset), error)

    def _stand_in(self, content: bytes, first: int, last: int, error: Exception) -> Iterator[Any]:
        """Yield one record for the offsets up to `last`, with that offset: a commit behind it is behind them all."""
        first = max(first, self.next_fetch_offset)
        if last >= first:
            offsets = f"offset {last}" if first == last else f"offsets {first} to {last}"
            headers = UnreadableHeaders.because(f"{offsets}: not a record that can be decoded: {error}"[:500])
            self.next_fetch_offset = last + 1
            yield self._consumer_record_of(last, -1, True, None, content, headers)

    def _consumer_record_of(
        self,
        offset: int,
        timestamp: int | None,
        is_appended: bool,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> Any:
        sizes = (-1 if key is None else len(key), -1 if value is None else len(value))
        position = (self._tp.topic, self._tp.partition, offset)
        return ConsumerRecord(*position, timestamp, int(is_appended), key, value, None, *sizes, headers)  # type: ignore[arg-type]


def _batches(content: bytes) -> Iterator[bytes]:
    """Yield each whole batch. One whose length makes no sense is yielded with all that follows it."""
    start = 0
    while len(content) - start >= _OVERHEAD:
        length: int = struct.unpack_from(">i", content, start + 8)[0]
        end = start + _OVERHEAD + length if length > 0 else len(content)
        if end > len(content):
            return
        yield content[start:end]
        start = end


def _header(batch: bytes) -> _BatchHeader | None:
    if len(batch) < _HEADER.size or batch[16] != _FORMAT:
        return None
    first, _, _, _, checksum, attributes, last_delta, began_at, newest_at, *_, count = _HEADER.unpack_from(batch)
    return _BatchHeader(
        first=first,
        last_delta=last_delta,
        codec=attributes & 0x7,
        appended_at=newest_at if attributes & 0x8 else None,
        began_at=began_at,
        count=count,
        is_control=bool(attributes & 0x20),
        intact=calc_crc32c(batch[_CHECKED_FROM:]) == checksum,
    )
