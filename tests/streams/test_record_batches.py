"""Whatever a broker holds, a consumer gets behind it: odd records are read, damaged ones are set aside."""

import gzip
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aiokafka import codec as codecs
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.faust_bridge.record_batches import FetchedBatches, TolerantRecords, UnreadableHeaders
from tests.streams.raw_batches import at_offset, packed_batch, raw_batch, raw_record

READ_COMMITTED = 1
_topics: Iterator[int] = iter(range(10**9))


def fetched(content: bytes, partition: TopicPartition, offset: int = 0) -> tuple[list[Any], int]:
    """Return the records of one fetch, and where the next one begins."""
    batches: Any = FetchedBatches(content)
    make: Any = TolerantRecords
    records = make(partition, batches, None, offset, None, None, True, READ_COMMITTED)
    return list(records), records.next_fetch_offset


def consumed(batches: Sequence[bytes]) -> list[Any]:
    """Return all that a consumer gets of batches, in as many fetches as it takes; each begins where the last ended."""
    partition = TopicPartition(f"topic-{next(_topics)}", 0)
    stored, end = [], 0
    for batch in batches:
        stored.append((end, at_offset(batch, end)))
        end += struct.unpack_from(">i", batch, 23)[0] + 1
    found: list[Any] = []
    offset = fetches = 0
    while offset < end:
        begin = max(first for first, _ in stored if first <= offset)
        records, offset = fetched(b"".join(batch for first, batch in stored if first >= begin), partition, offset)
        found += records
        fetches += 1
        assert fetches <= 2 * len(batches) + 1, "the consumer does not get on"
    return found


def test_a_header_name_that_is_not_utf8_is_escaped_and_its_record_read() -> None:
    """The record, its value and its other headers are as they were sent; so are those before and behind it."""
    headers = [(b"\xff\xfe", b"1"), (b"traceparent", b"\xff"), (b"", None)]
    records = consumed(
        [
            raw_batch([raw_record(b"a", b"1")]),
            raw_batch([raw_record(b"b", b"2"), raw_record(None, b"3", headers, offset_delta=1, timestamp_delta=5)]),
            raw_batch([raw_record(b"c", None)]),
        ]
    )

    assert [(each.offset, each.key, each.value) for each in records] == [
        (0, b"a", b"1"),
        (1, b"b", b"2"),
        (2, None, b"3"),
        (3, b"c", None),
    ]
    assert records[2].headers == (("\\xff\\xfe", b"1"), ("traceparent", b"\xff"), ("", None))
    assert records[2].timestamp == 1_767_225_600_005


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_an_odd_record_is_read_with_every_codec(codec: int) -> None:
    """Compression changes nothing."""
    compress: Any = [gzip.compress, codecs.snappy_encode, codecs.lz4_encode, codecs.zstd_encode][codec - 1]
    record = raw_record(b"k", b"v", [(b"\xff", b"1")])
    content = compress(bytes([2 * len(record)]) + record)

    (found,) = consumed([packed_batch(content, 1, attributes=codec)])

    assert (found.key, found.value, found.headers) == (b"k", b"v", (("\\xff", b"1"),))


def damaged(batch: bytes) -> bytes:
    """Return a batch with one bit turned over."""
    return batch[:-1] + bytes([batch[-1] ^ 1])


@pytest.mark.parametrize(
    "batch",
    [
        packed_batch(b"garbage", 3, attributes=1),
        packed_batch(b"garbage", 3, attributes=5),
        damaged(raw_batch([raw_record(b"k", b"v", offset_delta=number) for number in range(3)])),
    ],
    ids=["not gzip", "an unknown codec", "a wrong checksum"],
)
def test_a_batch_that_cannot_be_decoded_is_a_dead_letter_once(batch: bytes) -> None:
    """One record stands for it: with its bytes, its last offset, and the reason; what is behind it is read."""
    records = consumed([raw_batch([raw_record(b"a", b"1")]), batch, raw_batch([raw_record(b"c", b"3")])])

    assert [each.offset for each in records] == [0, 3, 4]
    assert records[1].value == at_offset(batch, 1)
    assert isinstance(records[1].headers, UnreadableHeaders)
    assert records[1].headers.reason.startswith("offsets 1 to 3: ")
    assert not isinstance(records[2].headers, UnreadableHeaders)


def test_a_wrong_checksum_is_fetched_again_first() -> None:
    """The bytes may have been damaged on the way: nothing is set aside before they are wrong twice."""
    partition = TopicPartition("fetched-again", 0)
    good = raw_batch([raw_record(b"k", b"v")])

    first, after_first = fetched(damaged(good), partition)
    second, after_second = fetched(good, partition)

    assert (first, after_first) == ([], 0)
    assert ([each.value for each in second], after_second) == ([b"v"], 1)


def test_a_malformed_record_is_a_dead_letter_alone() -> None:
    """Others of its batch are read."""
    records = consumed([raw_batch([raw_record(b"a", b"1"), b"\0\0\2\xff\xff", raw_record(b"c", b"3", offset_delta=2)])])

    assert [each.offset for each in records] == [0, 1, 2]
    assert [isinstance(each.headers, UnreadableHeaders) for each in records] == [False, True, False]
    assert records[1].value == b"\0\0\2\xff\xff"


def test_a_restart_behind_a_damaged_batch_does_not_repeat_it() -> None:
    """The commit behind the record that stands for it is behind all its offsets."""
    batch = damaged(raw_batch([raw_record(b"k", b"v", offset_delta=number) for number in range(3)]))
    partition = TopicPartition("restart", 0)
    fetched(batch, partition)
    (stand_in,), following = fetched(batch, partition)

    assert (stand_in.offset, following) == (2, 3)


FIELD = st.none() | st.binary(max_size=12)
RECORD = st.tuples(FIELD, FIELD, st.lists(st.tuples(st.binary(max_size=6), FIELD), max_size=5))
TIMESTAMP = st.sampled_from([-1, 0, -5_000, 2**62, -(2**62), 253_402_300_800_000]) | st.integers(0, 2**45)


@given(st.lists(st.tuples(st.lists(RECORD, min_size=1, max_size=4), TIMESTAMP), min_size=1, max_size=5))
def test_every_record_that_a_broker_takes_is_read(batches: list[tuple[list[Any], int]]) -> None:
    """Any key, value, headers and time: all records arrive, in order, with their bytes."""
    records = consumed(
        [
            raw_batch(
                [raw_record(*record, offset_delta=number) for number, record in enumerate(batch)], timestamp=timestamp
            )
            for batch, timestamp in batches
        ]
    )
    sent = [(record, timestamp) for batch, timestamp in batches for record in batch]

    assert [(each.offset, each.key, each.value, each.timestamp) for each in records] == [
        (offset, key, value, timestamp) for offset, ((key, value, _), timestamp) in enumerate(sent)
    ]
    assert [tuple(content for _, content in each.headers) for each in records] == [
        tuple(content for _, content in headers) for (_, _, headers), _ in sent
    ]


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 15), st.integers(1, 6), st.booleans()), max_size=5))
def test_no_bytes_keep_a_consumer_from_what_is_behind_them(batches: list[tuple[bytes, int, int, bool]]) -> None:
    """Batches of anything, compressed by anything, damaged or not: the record behind them arrives, offsets rise."""
    odd = [packed_batch(content, count, attributes=attributes) for content, attributes, count, _ in batches]
    odd = [damaged(batch) if is_damaged else batch for batch, (*_, is_damaged) in zip(odd, batches, strict=True)]

    records = consumed([*odd, raw_batch([raw_record(b"last", b"v")])])
    offsets = [each.offset for each in records]

    assert records[-1].key == b"last"
    assert offsets == sorted(set(offsets))
