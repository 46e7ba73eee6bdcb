"""Partitions may be added to a topic while workers run."""

import asyncio
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, PartitionMetadata

from agents.settings import Settings
from schemas.topics import JOB_CANCELLATIONS, POSTER_RENDERS
from streams import broker_access
from streams.compacted_topic import CompactedTopicReader
from streams.delivery import Record
from streams.faust_bridge import application
from streams.faust_bridge.application import RoleApp
from streams.inbox import Inbox


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refresh metadata every second instead of every thirty."""
    for module in (application, broker_access):
        monkeypatch.setattr(module, "METADATA_SECONDS", 1.0)


def add_partitions(broker: str, topic: str, total: int) -> None:
    """Give a topic more partitions, and return once clients see them all."""
    admin = AdminClient({"bootstrap.servers": broker})
    for made in admin.create_partitions([NewPartitions(topic, total)]).values():
        made.result()
    until = time.monotonic() + 30
    while len([part for part in _partitions(admin, topic) if part.leader >= 0]) < total:
        assert time.monotonic() < until, f"{topic} does not have {total} partitions"


def _partitions(admin: AdminClient, topic: str) -> list[PartitionMetadata]:
    return list(admin.list_topics(topic, timeout=10).topics[topic].partitions.values())


def put(broker: str, topic: str, partition: int, key: bytes, value: bytes | None) -> None:
    """Put a record on a partition, once it is there."""
    producer = Producer({"bootstrap.servers": broker, "topic.metadata.refresh.interval.ms": 500})
    refused: list[object] = []
    producer.produce(
        topic, key=key, value=value, partition=partition, on_delivery=lambda error, _: refused.append(error)
    )
    assert producer.flush(30) == 0
    assert refused == [None]


async def test_a_role_reads_and_writes_partitions_that_are_added(broker: str) -> None:
    """A role receives the records of an added partition, and publishes to it."""
    inbox = Inbox([POSTER_RENDERS], cap=100)
    app = RoleApp("render", Settings(brokers=broker, fetch_wait=0.1, session_timeout=10), [inbox])
    await app.start()
    seen: set[int] = set()
    new = set(range(12, 16))
    try:
        await app.publisher.publish([Record(topic=POSTER_RENDERS, key="first", value=b"x")])
        await asyncio.to_thread(add_partitions, broker, POSTER_RENDERS, 16)
        for partition in new:
            await asyncio.to_thread(put, broker, POSTER_RENDERS, partition, b"k", b"put there")
        async with asyncio.timeout(60):
            while not new <= seen:
                records = await inbox.take(10)
                seen |= {record.partition for record in records}
                inbox.finish(records)
        seen.clear()
        async with asyncio.timeout(60):
            while not new <= seen:
                keys = [Record(topic=POSTER_RENDERS, key=f"{number}", value=b"published") for number in range(100)]
                await app.publisher.publish(keys)
                records = await inbox.take(100)
                seen |= {record.partition for record in records if record.value == b"published"}
                inbox.finish(records)
    finally:
        await app.stop()

    assert new <= seen


async def test_added_partitions_of_a_compacted_topic_are_read(broker: str) -> None:
    """Added partitions are read, no record is read twice, and the newest record of a key counts on any partition."""
    found: asyncio.Queue[tuple[bytes | None, bytes | None]] = asyncio.Queue()
    settings = Settings(brokers=broker, fetch_wait=0.1)
    reader = CompactedTopicReader(JOB_CANCELLATIONS, settings, lambda key, value: found.put_nowait((key, value)))
    await asyncio.to_thread(put, broker, JOB_CANCELLATIONS, 0, b"job", b"old")
    await reader.start()
    await asyncio.to_thread(add_partitions, broker, JOB_CANCELLATIONS, 3)
    await asyncio.to_thread(put, broker, JOB_CANCELLATIONS, 2, b"job", b"new")
    async with asyncio.timeout(60):
        read = [await found.get(), await found.get()]
    await reader.stop()
    later: dict[bytes | None, bytes | None] = {}
    again = CompactedTopicReader(JOB_CANCELLATIONS, settings, later.__setitem__)
    await again.start()
    await again.stop()

    assert found.empty()
    assert read == [(b"job", b"old"), (b"job", b"new")]
    assert later == {b"job": b"new"}
