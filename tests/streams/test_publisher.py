"""Publishing on a real broker: a call returns when its records are acknowledged, and raises otherwise."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from typing import Any
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
    """Return a consumer that reads the topic from its present end, and that offset."""
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


async def test_a_record_too_large_for_its_topic_raises(publisher: KafkaPublisher) -> None:
    """The error says that a retry does not help, and the next record is published."""
    with pytest.raises(RecordTooLargeError):
        await publisher.publish([Record(topic="poster-logs", key="job", value=os.urandom(2 * 1024 * 1024))])
    await publisher.publish([Record(topic="poster-logs", key="job", value=b"the next one is")])


async def test_records_are_on_the_topic_when_the_call_returns(publisher: KafkaPublisher, broker: str) -> None:
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


async def test_an_unavailable_broker_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an acknowledgement in time the call raises UnavailableError."""
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT_SECONDS", 0.3)
    publisher = KafkaPublisher(Settings(brokers=f"127.0.0.1:{free_port()}"))
    with pytest.raises(UnavailableError, match="did not acknowledge"):
        await publisher.publish([Record(topic=TOPIC, key="k", value=b"v")] * 3)
    await publisher.close()


async def test_a_record_too_large_for_the_client_raises(publisher: KafkaPublisher) -> None:
    """A record above the limit is refused before it is sent, and the call does not wait for the others without end."""
    too_large = Record(topic=TOPIC, key="k", value=bytes(publishing.MESSAGE_MAX_BYTES + 1))
    with pytest.raises(RecordTooLargeError, match="too large"):
        await publisher.publish([Record(topic=TOPIC, key="k", value=b"v"), too_large])


async def test_a_caller_that_is_cancelled_disturbs_nobody(publisher: KafkaPublisher, broker: str) -> None:
    """Its record is published all the same; the acknowledgement that nobody awaits raises nothing in the event loop."""
    await publisher.publish([Record(topic=TOPIC, key="k", value=b"first")])
    consumer, _ = end(broker)
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    cancelled = asyncio.create_task(publisher.publish([Record(topic=TOPIC, key="k", value=b"cancelled")]))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    # Acknowledged in order: when this returns, the first acknowledgement has been handled.
    await publisher.publish([Record(topic=TOPIC, key="k", value=b"next")])
    arrived = await asyncio.to_thread(consumer.consume, 2, 10)
    consumer.close()

    assert cancelled.cancelled()
    assert errors == []
    assert [message.value() for message in arrived] == [b"cancelled", b"next"]


@pytest.mark.parametrize("code", sorted(publishing._PERMANENT))
def test_a_refusal_for_good_is_not_retried(code: int) -> None:
    """What no retry changes ends the process with the broker's reason; a missing acknowledgement is waited for."""
    assert isinstance(publishing._exception_of(KafkaError(code)), KafkaException)
    assert isinstance(publishing._exception_of(KafkaError(KafkaError.REQUEST_TIMED_OUT)), UnavailableError)


def test_a_fatal_error_is_not_retried() -> None:
    """A fatal error of librdkafka ends the process instead of being retried forever."""
    assert isinstance(publishing._exception_of(KafkaError(KafkaError._FATAL, "fenced", fatal=True)), KafkaException)


class FatalProducer:
    """Accepts nothing, and raises its fatal error where it is closed."""

    def __init__(self, *_: object, **__: object) -> None:
        self._ended = threading.Event()

    def produce(self, *_: object, **__: object) -> None:
        """Refuse the record."""
        raise KafkaException(FENCED)

    def poll(self, seconds: float) -> None:
        """Wait."""
        self._ended.wait(seconds)

    def flush(self, _: float) -> None:
        """Raise."""
        self._ended.set()
        raise KafkaException(FENCED)


FENCED = KafkaError(KafkaError._FATAL, "fenced", fatal=True)


async def test_a_fatal_error_does_not_keep_a_publisher_from_being_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client may raise it there, once: the stop of a role goes on, and the thread ends."""
    before = set(threading.enumerate())
    monkeypatch.setattr(publishing, "Producer", FatalProducer)
    publisher = KafkaPublisher(Settings(brokers="127.0.0.1:9"))
    with pytest.raises(KafkaException):
        await publisher.publish([Record(topic=TOPIC, key="k", value=b"v")])
    await publisher.close()

    assert [each.name for each in set(threading.enumerate()) - before if each.name == "publisher"] == []
