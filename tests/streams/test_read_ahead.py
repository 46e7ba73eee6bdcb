"""Waiting records are read ahead as little as possible."""

from collections.abc import Callable

from streams.dead_letters.read_ahead import DECODABLE_FAILURES_MAX, READ_AT_ONCE, READ_EVERY_SECONDS, ReadAhead
from streams.delivery import Delivery
from tests.streams.deliveries import delivery


def reading(read: list[int]) -> Callable[[Delivery], bool]:
    """Return a function that notes what it reads; records with the value `good` can be decoded."""

    def is_decodable(each: Delivery) -> bool:
        read.append(each.offset)
        return each.value == b"good"

    return is_decodable


def waiting(count: int, *good: int) -> list[Delivery]:
    """Return so many records, of which these can be decoded."""
    return [delivery(offset, value=b"good" if offset in good else b"bad") for offset in range(count)]


def test_one_decodable_record_is_enough() -> None:
    """What is behind it is not read, and what was read is not read again."""
    read: list[int] = []
    ahead, records = ReadAhead(reading(read)), waiting(10, 3, 5)
    found = [ahead.has_decodable(lambda: records, READ_EVERY_SECONDS * number) for number in range(3)]

    assert found == [True] * 3
    assert read == [0, 1, 2, 3]
    assert [each.offset for each in ahead.decodable(records)] == [3, 5]
    assert read == list(range(10))


def test_records_are_read_in_steps() -> None:
    """A decodable one behind many others is found by a later look."""
    read: list[int] = []
    ahead, records = ReadAhead(reading(read)), waiting(READ_AT_ONCE + 1, READ_AT_ONCE)

    assert not ahead.has_decodable(lambda: records, 0.0)
    assert not ahead.has_decodable(lambda: records, READ_EVERY_SECONDS / 2)
    assert len(read) == READ_AT_ONCE
    assert ahead.has_decodable(lambda: records, READ_EVERY_SECONDS)


def test_after_some_failures_decoding_proves_nothing_until_a_reset() -> None:
    """Dead letters that could not be decoded do not count."""
    ahead, records = ReadAhead(reading([])), waiting(2, 1)
    for _ in range(DECODABLE_FAILURES_MAX):
        ahead.add_failure(records[0])
    before = ahead.has_decodable(lambda: records, 0.0)
    for _ in range(DECODABLE_FAILURES_MAX):
        ahead.add_failure(records[1])
    after = ahead.has_decodable(lambda: records, 0.0), ahead.decodable(records)
    ahead.reset()

    assert before
    assert after == (False, [])
    assert ahead.has_decodable(lambda: records, 0.0)
