"""Faust on a real broker: every record reaches the role once, although partitions are paused."""

import asyncio
from collections import Counter

import pytest
from confluent_kafka import Producer

from agents.settings import Settings
from streams.delivery import Delivery, Record
from streams.faust_bridge.application import RoleApp, require_cython
from streams.inbox import Acknowledge, Inbox
from streams.topics import EDGES

BULK = 1_500


async def test_paused_partitions_lose_nothing_and_block_no_others(broker: str) -> None:
    """With a backlog on one topic and a small cap, every record arrives once, and the other topic is not delayed."""
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


async def test_no_records_wait_in_a_stream(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetched records are in the inbox one pass of the event loop later, where they count against the cap."""
    producer = Producer({"bootstrap.servers": broker})
    for number in range(BULK):
        producer.produce("poster-progress", value=str(number), partition=0)
    assert producer.flush(30) == 0
    inbox = Inbox(["poster-progress"], cap=10 * BULK)
    app = RoleApp("sink", Settings(brokers=broker, fetch_wait=0.05, session_timeout=10), [inbox])
    waiting: list[int] = []
    done = asyncio.Event()
    deliver = inbox.deliver

    def look(delivery: Delivery, acknowledge: Acknowledge) -> None:
        deliver(delivery, acknowledge)
        actors = [actor for agent in app.agents.values() for actor in agent._actors]
        waiting.append(sum(actor.stream.channel.queue.qsize() for actor in actors))
        if len(waiting) == BULK:
            done.set()

    monkeypatch.setattr(inbox, "deliver", look)
    await app.start()
    try:
        await asyncio.wait_for(done.wait(), 60)
    finally:
        await app.stop()

    records_at_once = EDGES["sink"].records_at_once
    assert records_at_once is not None
    assert max(waiting) <= records_at_once
