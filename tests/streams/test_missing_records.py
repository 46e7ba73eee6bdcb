"""What Faust fetches and then drops is fetched again, and nothing after it is committed before."""

import asyncio
from datetime import UTC, datetime

from confluent_kafka import Consumer, Producer, TopicPartition

from agents.settings import Settings
from schemas.topics import POSTER_RENDERS
from streams.delivery import Delivery
from streams.faust_bridge.application import RoleApp
from streams.inbox import Acknowledge, Inbox
from streams.lag import Lag
from streams.liveness import Liveness

RECORDS = 6


class Losing(Inbox):
    """An inbox to which some records do not come the first time, as in a rebalance."""

    def __init__(self, lost: set[int]) -> None:
        super().__init__([POSTER_RENDERS], cap=100)
        self.lost = set(lost)

    def deliver(self, delivery: Delivery, acknowledge: Acknowledge) -> None:
        """Take what comes, save what is lost."""
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


async def look_on(lag: Lag) -> None:
    """Look at the broker again and again."""
    while True:
        await lag.update()


async def taken_by(inbox: Losing, broker: str, *, looks: bool) -> list[int]:
    """Return the offsets in the order in which a role gets them; it finishes each at once and commits."""
    await asyncio.to_thread(put, broker)
    app = RoleApp("render", Settings(brokers=broker, fetch_wait=0.1, session_timeout=10), [inbox])
    lag = Lag(app, Liveness("render", [inbox]), lambda: datetime.now(UTC))
    await app.start()
    offsets: list[int] = []
    looking = asyncio.ensure_future(look_on(lag) if looks else asyncio.Event().wait())
    try:
        async with asyncio.timeout(60):
            while len(offsets) < RECORDS:
                records = await inbox.take(1)
                offsets += [record.offset for record in records]
                inbox.finish(records)
    finally:
        looking.cancel()
        await app.stop()
    return offsets


async def test_records_that_are_lost_on_the_way_come_before_those_after_them(broker: str) -> None:
    """The first of an assignment, and some between others: all come, in order, once, and all is committed."""
    inbox = Losing({0, 2, 3})
    offsets = await taken_by(inbox, broker, looks=False)

    assert inbox.lost == set()
    assert offsets == list(range(RECORDS))
    assert await asyncio.to_thread(committed, broker) == RECORDS


async def test_a_record_after_which_none_comes_is_missed_as_well(broker: str) -> None:
    """It is noticed where the broker's end is looked at, at the second look."""
    offsets = await taken_by(Losing({RECORDS - 1}), broker, looks=True)

    assert offsets == list(range(RECORDS))
