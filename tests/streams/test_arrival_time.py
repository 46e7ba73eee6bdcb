"""The time of a record: any number that a producer gives, or none, and never a time ahead."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.dead_letters.dead_letters import DeadLetterTopic
from streams.delivery import arrival_time, record_time
from tests.sink.ports import Announcements
from tests.streams.deliveries import EPOCH, delivery
from tests.streams.test_dead_letters import Claims

START = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.none() | st.integers(-(2**63), 2**63 - 1))
def test_every_number_is_a_time(milliseconds: int | None) -> None:
    """It can be shown in every zone, and written everywhere."""
    found = record_time(milliseconds)

    assert START <= found <= datetime(9999, 12, 31, tzinfo=UTC)
    assert found.astimezone(UTC) + timedelta(hours=14)


@pytest.mark.parametrize(("seconds", "by_producer", "expected"), [(5, True, 0), (5, False, 5), (-5, True, -5)])
def test_a_producers_time_ahead_of_now_is_now(seconds: int, *, by_producer: bool, expected: int) -> None:
    """The broker's time is right by definition; what a producer says may not lie ahead."""
    milliseconds = round((EPOCH + timedelta(seconds=seconds)).timestamp() * 1000)

    assert arrival_time(milliseconds, EPOCH, by_producer=by_producer) == EPOCH + timedelta(seconds=expected)


def test_a_dead_letter_is_identified_by_the_records_own_number() -> None:
    """However late the record is read again: otherwise one record would be two dead letters."""
    topic = DeadLetterTopic("intake", Announcements(), Claims(), lambda: EPOCH)
    record = topic.record(delivery(0, stamped=2**62), "invalid_request", "bad")

    assert dict(record.headers)["dlq.timestamp"] == str(2**62).encode()


async def test_a_dead_letter_of_undecodable_bytes_says_which_offsets() -> None:
    """Its reason is `undecodable`, and its value the raw bytes."""
    published = Announcements()
    topic = DeadLetterTopic("intake", published, Claims(), lambda: EPOCH)
    await topic.put(delivery(7, value=b"\0raw", unreadable="offsets 5 to 7: not a record"), "invalid_request", "JSON")

    (record,) = published.records
    headers = dict(record.headers)
    assert (record.value, headers["dlq.reason"]) == (b"\0raw", b"undecodable")
    assert headers["dlq.error"] == b"offsets 5 to 7: not a record"
