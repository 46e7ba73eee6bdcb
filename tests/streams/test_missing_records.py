"""Records that Faust fetches and drops are fetched again, and nothing after them is committed before."""

import asyncio
from datetime import UTC, datetime

from confluent_kafka import Consumer, Producer, TopicPartition

from agents.settings import Settings
from schemas.topics import POSTER_RENDERS
from streams.delivery import Delivery
from streams.faust_bridge.application import RoleApp
from streams.health.lag import Lag
from streams.health.liveness import Liveness
from streams.inbox import Acknowledge, Inbox

RECORDS = 6


class Losing(Inbox):
    """An inbox that some records do not reach the first time, as in a rebalance."""

    def __init__(self, lost: set[int]) -> None:
        super().__init__([POSTER_RENDERS], cap=100)
        self.lost = set(lost)

    def deliver(self, delivery: Delivery, acknowledge: Acknowledge) -> None:
        """Accept the record, unless it is lost this time."""
        if delivery.offset in self.lost:
            self.lost.discard(delivery.offset)
        else:
            super().deliver(delivery, acknowledge)


def put(broker: str) -> None:
    """Put some records on one partition."""
    producer = Producer({"bootstrap.servers": broker})
    for number in range(RECORDS):
        producer.produce(POSTER_RENDERS, key=f"{number}", value=b"x", partition=0)
    assert producer.flush(30) == 0


def committed(broker: str) -> int:
    """Return the offset that the group has committed."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "render"})
    (place,) = consumer.committed([TopicPartition(POSTER_RENDERS, 0)], timeout=10)
    consumer.close()
    return place.offset


async def keep_updating(lag: Lag) -> None:
    """Update the lag without end."""
    while True:
        await lag.update()


async def taken_by(inbox: Losing, broker: str, *, with_lag: bool) -> list[int]:
    """Return the offsets in the order in which a role gets them; it finishes each at once and commits."""
    await asyncio.to_thread(put, broker)
    app = RoleApp("render", Settings(brokers=broker, fetch_wait=0.1, session_timeout=10), [inbox])
    lag = Lag(app, Liveness("render", [inbox]), lambda: datetime.now(UTC))
    await app.start()
    offsets: list[int] = []
    updating = asyncio.ensure_future(keep_updating(lag) if with_lag else asyncio.Event().wait())
    try:
        async with asyncio.timeout(60):
            while len(offsets) < RECORDS:
                records = await inbox.take(1)
                offsets += [record.offset for record in records]
                inbox.finish(records)
    finally:
        updating.cancel()
        await app.stop()
    return offsets


async def test_lost_records_arrive_before_those_after_them(broker: str) -> None:
    """The first of an assignment, and some between others: all come, in order, once, and all is committed."""
    inbox = Losing({0, 2, 3})
    offsets = await taken_by(inbox, broker, with_lag=False)

    assert inbox.lost == set()
    assert offsets == list(range(RECORDS))
    assert await asyncio.to_thread(committed, broker) == RECORDS


async def test_a_lost_record_at_the_end_is_noticed_as_well(broker: str) -> None:
    """The second update of the lag finds it."""
    offsets = await taken_by(Losing({RECORDS - 1}), broker, with_lag=True)

    assert offsets == list(range(RECORDS))
