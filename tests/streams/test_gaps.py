"""Gaps in the offsets, left by compaction and transactions, do not keep commits from the end of a partition."""

import asyncio
import time
from datetime import UTC, datetime

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from agents.settings import Settings
from schemas.topics import POSTER_RENDERS
from streams.faust_bridge.application import RoleApp
from streams.health.lag import Lag
from streams.health.liveness import Liveness
from streams.inbox import Inbox
from tests.parts import KafkaServer

COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.0",
    "segment.ms": "100",
    "max.compaction.lag.ms": "100",
}


COMMITTED_RECORDS = 6
"""Of nine in three transactions; those of the one that is aborted are nobody's."""


def put(broker: str, *keys: str) -> None:
    """Put a record a key on the first partition, one after the other."""
    producer = Producer({"bootstrap.servers": broker})
    for key in keys:
        producer.produce(POSTER_RENDERS, key=key, value=b"x", partition=0)
    assert producer.flush(30) == 0


def put_in_transactions(broker: str) -> None:
    """Put records in a transaction that ends well, and in one that does not; both leave a marker behind them."""
    producer = Producer({"bootstrap.servers": broker, "transactional.id": "gaps"})
    producer.init_transactions(60)
    for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        for number in range(3):
            producer.produce(POSTER_RENDERS, key=f"{end.__name__} {number}", value=b"x", partition=0)
        producer.flush(30)
        end(60)


def offsets(broker: str) -> list[int]:
    """Return the offsets of the records that are there."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "offsets", "isolation.level": "read_uncommitted"})
    _, end = consumer.get_watermark_offsets(TopicPartition(POSTER_RENDERS, 0), timeout=10)
    consumer.assign([TopicPartition(POSTER_RENDERS, 0, 0)])
    found: list[int] = []
    while (message := consumer.poll(1.0)) is not None and (offset := message.offset()) is not None and offset < end:
        found.append(offset)
    consumer.close()
    return found


def make_gap_after_the_first(server: KafkaServer) -> None:
    """Make the topic with a record at offset 0 and the next one some offsets later."""
    admin = server.admin()
    backoff = ConfigEntry("log.cleaner.backoff.ms", "200", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[backoff])
    for done in admin.incremental_alter_configs([resource]).values():
        done.result()
    server.make_topics([NewTopic(POSTER_RENDERS, 1, config=COMPACTED), NewTopic("poster-renders-bulk", 1)])
    put(server.address, "first", *["again"] * 6)
    until = time.monotonic() + 120
    while offsets(server.address)[1] < 3:
        assert time.monotonic() < until, "the broker did not compact the topic"
        put(server.address, "again")


def committed(broker: str) -> tuple[int, int]:
    """Return the committed offset and the end of the partition."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "render"})
    (position,) = consumer.committed([TopicPartition(POSTER_RENDERS, 0)], timeout=10)
    _, end = consumer.get_watermark_offsets(TopicPartition(POSTER_RENDERS, 0), timeout=10)
    consumer.close()
    return position.offset, end


async def test_commits_reach_the_end_over_every_gap(empty_broker: str, kafka: KafkaServer) -> None:
    """A gap right after offset 0, markers between records, one at the end: all is committed, the role is not behind."""
    await asyncio.to_thread(make_gap_after_the_first, kafka)
    await asyncio.to_thread(put_in_transactions, empty_broker)
    inbox = Inbox([POSTER_RENDERS], cap=100)
    app = RoleApp("render", Settings(brokers=empty_broker, fetch_wait=0.1, session_timeout=10), [inbox])
    liveness = Liveness("render", [inbox])
    lag = Lag(app, liveness, lambda: datetime.now(UTC))
    await app.start()
    where = (-1, 0)
    async with asyncio.timeout(120):
        while where[0] < where[1]:
            await _finish_what_comes(inbox)
            await lag.update()
            where = await asyncio.to_thread(committed, empty_broker)
    await app.stop()

    assert where[0] == where[1]
    assert not liveness.behind


async def test_a_marker_at_the_end_waits_for_the_records_before_it(broker: str) -> None:
    """While a record is in flight nothing after it is committed."""
    await asyncio.to_thread(put_in_transactions, broker)
    inbox = Inbox([POSTER_RENDERS], cap=100)
    app = RoleApp("render", Settings(brokers=broker, fetch_wait=0.1, session_timeout=10), [inbox])
    lag = Lag(app, Liveness("render", [inbox]), lambda: datetime.now(UTC))
    await app.start()
    taken = await asyncio.wait_for(inbox.take(1), 60)
    while inbox.finished < COMMITTED_RECORDS - 1:
        rest = await asyncio.wait_for(inbox.take(8), 60)
        inbox.finish(rest)
    for _ in range(3):
        await lag.update()
        await app.consumer.commit()
    while_in_flight, end = await asyncio.to_thread(committed, broker)
    inbox.finish(taken)
    await app.stop()
    after, _ = await asyncio.to_thread(committed, broker)

    assert while_in_flight <= 0
    assert after == end


async def _finish_what_comes(inbox: Inbox) -> None:
    try:
        inbox.finish(await asyncio.wait_for(inbox.take(100), 0.5))
    except TimeoutError:
        return
