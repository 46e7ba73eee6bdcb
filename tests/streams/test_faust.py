"""Faust on a real broker: every record reaches the role once, though partitions are held back."""

import asyncio
from collections import Counter

from confluent_kafka import Producer

from streams.application import RoleApp, require_cython
from streams.delivery import Record
from streams.inbox import Inbox
from streams.settings import Settings

BULK = 1_500


async def test_holding_partitions_back_loses_nothing_and_lets_others_through(broker: str) -> None:
    """With a backlog on one topic and a small cap, every record arrives once, and the other topic is not held up."""
    require_cython()
    producer = Producer({"bootstrap.servers": broker})
    for number in range(BULK):
        producer.produce("poster-renders-bulk", value=str(number), partition=number % 2)
    assert producer.flush(30) == 0
    lone, bulk = Inbox(["poster-renders"], cap=4), Inbox(["poster-renders-bulk"], cap=4)
    app = RoleApp("render", Settings(brokers=broker, fetch_wait=0.05, session_timeout=10), [lone, bulk])
    seen: Counter[bytes | None] = Counter()
    through_after: list[int] = []
    done = asyncio.Event()

    async def work(inbox: Inbox) -> None:
        while True:
            for record in await inbox.take(1):
                await asyncio.sleep(0)
                if inbox is lone:
                    through_after.append(len(seen))
                else:
                    seen[record.value] += 1
                inbox.finish([record])
                if len(seen) == BULK and through_after:
                    done.set()

    await app.start()
    workers = [asyncio.create_task(work(inbox)) for inbox in (lone, bulk)]
    await app.publisher.publish([Record(topic="poster-renders", key="k", value=b"lone")])
    try:
        await asyncio.wait_for(done.wait(), 60)
    finally:
        await app.stop()
        for worker in workers:
            worker.cancel()

    assert len(seen) == BULK
    assert set(seen.values()) == {1}
    assert len(through_after) == 1
