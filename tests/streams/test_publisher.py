"""Publishing on a real broker: what returns is acknowledged, what is not raises, and every record arrives as it was."""

import asyncio
import os
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from agents.settings import Settings
from streams import publisher as publishing
from streams.delivery import Record
from streams.errors import RecordTooLargeError, UnavailableError
from streams.publisher import KafkaPublisher
from tests.parts import free_port

TOPIC = "dead-letters"


@pytest.fixture
async def publisher(broker: str) -> AsyncIterator[KafkaPublisher]:
    """A publisher, closed after the test."""
    publisher = KafkaPublisher(Settings(brokers=broker))
    yield publisher
    await publisher.close()


def end(broker: str) -> tuple[Consumer, int]:
    """Return a consumer that reads the topic from now on, and the offset of now."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": uuid4().hex})
    _, high = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
    consumer.assign([TopicPartition(TOPIC, 0, high)])
    return consumer, high


async def test_a_record_arrives_byte_for_byte(publisher: KafkaPublisher, broker: str) -> None:
    """Key and value may be missing or any bytes, and a header name may come twice."""
    headers = (("a", b"1"), ("a", b"\xff"))
    records = [
        Record(topic=TOPIC, key=None, value=None),
        Record(topic=TOPIC, key=b"\xff\x00", value=b"", headers=headers),
        Record(topic=TOPIC, key="schlüssel", value=b"x" * 3_000_000),
    ]
    await publisher.publish([Record(topic=TOPIC, key="first", value=b"metadata is known from here on")])
    consumer, _ = end(broker)
    await publisher.publish(records)
    arrived = await asyncio.to_thread(consumer.consume, 3, 10)
    consumer.close()

    assert [(message.key(), message.value()) for message in arrived] == [
        (None, None),
        (b"\xff\x00", b""),
        ("schlüssel".encode(), b"x" * 3_000_000),
    ]
    assert arrived[1].headers() == list(headers)


async def test_a_record_that_its_topic_never_takes_is_told(publisher: KafkaPublisher) -> None:
    """What the broker refuses for its size is no reason to try again, and the next record is taken."""
    with pytest.raises(RecordTooLargeError):
        await publisher.publish([Record(topic="poster-logs", key="job", value=os.urandom(2 * 1024 * 1024))])
    await publisher.publish([Record(topic="poster-logs", key="job", value=b"the next one is")])


async def test_what_returns_is_on_the_topic(publisher: KafkaPublisher, broker: str) -> None:
    """Many calls at once each return only when their records are there, in the order of the calls for a key."""
    await publisher.publish([Record(topic=TOPIC, key="first", value=b"0")])
    consumer, before = end(broker)
    calls = [[Record(topic=TOPIC, key="k", value=f"{call}-{n}".encode()) for n in range(5)] for call in range(200)]
    await asyncio.gather(*(publisher.publish(records) for records in calls))
    _, after = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
    arrived = await asyncio.to_thread(consumer.consume, 1_000, 10)
    consumer.close()

    assert after - before == 1_000
    assert [message.value() for message in arrived] == [record.value for records in calls for record in records]


async def test_a_broker_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an acknowledgement in time the caller is told to try again, not that all is well."""
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT_SECONDS", 0.3)
    publisher = KafkaPublisher(Settings(brokers=f"127.0.0.1:{free_port()}"))
    with pytest.raises(UnavailableError, match="did not acknowledge"):
        await publisher.publish([Record(topic=TOPIC, key="k", value=b"v")] * 3)
    await publisher.close()


async def test_a_record_that_no_broker_takes_is_told(publisher: KafkaPublisher) -> None:
    """A record above the limit is refused before it is sent; the others of the call are not waited for in vain."""
    too_large = Record(topic=TOPIC, key="k", value=bytes(publishing.MESSAGE_MAX_BYTES + 1))
    with pytest.raises(RecordTooLargeError, match="too large"):
        await publisher.publish([Record(topic=TOPIC, key="k", value=b"v"), too_large])


async def test_a_caller_that_is_cancelled_disturbs_nobody(publisher: KafkaPublisher) -> None:
    """The acknowledgement of a call that nobody waits for is dropped."""
    gone = asyncio.create_task(publisher.publish([Record(topic=TOPIC, key="k", value=b"v")]))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    await publisher.publish([Record(topic=TOPIC, key="k", value=b"v")])


def test_an_error_for_good_is_not_tried_again() -> None:
    """What librdkafka calls fatal ends the process instead of looping for ever."""
    assert isinstance(publishing._exception_of(KafkaError(KafkaError._FATAL, "fenced", fatal=True)), KafkaException)
