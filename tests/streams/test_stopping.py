"""A role that is stopped at a bad moment: it ends in time, commits what the broker takes and leaves its group."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import ConsumerGroupState, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from agents.settings import Settings
from schemas.topics import POSTER_RENDERS
from streams.delivery import Delivery
from streams.faust_bridge import transport
from streams.faust_bridge.application import RoleApp
from streams.inbox import Inbox
from streams.topics import TOPICS
from tests.faults.broker_faults import FarKafka
from tests.faults.proxy import Mode
from tests.parts.ports import free_port
from tests.streams.test_membership import GROUP, PARTITIONS, assigned, shared_by, watch

PATIENCE_SECONDS = 60.0
STOP_SECONDS = 15.0
"""Twice what a stop may take after the drain."""
SESSION_SECONDS = 40


def member(broker: str, *, session: float = SESSION_SECONDS) -> RoleApp:
    """Return one of the group, yet to be started. It commits when it has to, and not in between."""
    settings = Settings(brokers=broker, fetch_wait=0.1, session_timeout=session)
    app = RoleApp("render", settings, [Inbox([POSTER_RENDERS], cap=100)])
    app.conf.broker_commit_interval = 3_600
    return app


Start = Callable[..., Awaitable[RoleApp]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a member of the group of a broker; what a test does not stop is stopped at its end."""
    apps = []

    async def start_member(broker: str, *, session: float = SESSION_SECONDS) -> RoleApp:
        apps.append(member(broker, session=session))
        await apps[-1].start()
        watch(apps[-1])
        return apps[-1]

    yield start_member
    for app in apps:
        await app.stop()


def publish(broker: str, *values: bytes) -> None:
    """Put a value on each of as many partitions."""
    producer = Producer({"bootstrap.servers": broker})
    for partition, value in enumerate(values):
        producer.produce(POSTER_RENDERS, value, partition=partition)
    assert producer.flush(10) == 0


async def take(app: RoleApp, count: int) -> dict[bytes | None, Delivery]:
    """Return so many records that are in flight from now on, by their values."""
    taken: dict[bytes | None, Delivery] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(taken) < count:
            taken |= {record.value: record for record in await app.inboxes[0].take(1)}
    return taken


async def stopped(stopping: "asyncio.Task[None]") -> float:
    """Wait until an app has stopped, and return how many seconds that took. Raises TimeoutError."""
    began = time.monotonic()
    await asyncio.wait_for(stopping, STOP_SECONDS)
    return time.monotonic() - began


def revoked(app: RoleApp, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return an event that is set when partitions are taken from the app, also where it is about to stop."""
    event, consumer = asyncio.Event(), cast("Any", app.consumer)
    revoke = consumer.on_partitions_revoked

    async def notice(partitions: Any) -> None:
        await revoke(partitions)
        event.set()

    monkeypatch.setattr(consumer, "on_partitions_revoked", notice)
    return event


async def test_a_rebalance_during_the_drain_does_not_end_the_membership(
    broker: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was finished before is not delivered again, and the others have all partitions as soon as it has stopped."""
    admin = AdminClient({"bootstrap.servers": broker})
    publish(broker, b"finished", b"in flight")
    first = await start(broker)
    moved = revoked(first, monkeypatch)
    records = await take(first, 2)
    first.inboxes[0].finish([records[b"finished"]])
    stopping = asyncio.create_task(first.stop())
    second = await start(broker)
    await asyncio.wait_for(moved.wait(), PATIENCE_SECONDS)
    await shared_by(admin, 2)
    first.inboxes[0].finish([records[b"in flight"]])
    await stopped(stopping)
    began = time.monotonic()
    await shared_by(admin, 1)
    waited = time.monotonic() - began
    publish(broker, *[b"later"] * PARTITIONS)
    seen = [value async for value in arriving(second, PARTITIONS * [b"later"])]

    assert waited < SESSION_SECONDS / 2
    assert b"finished" not in seen


async def arriving(app: RoleApp, awaited: list[bytes]) -> AsyncIterator[bytes | None]:
    """Yield the values that arrive until as many have come as are awaited."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while awaited:
            for record in await app.inboxes[0].take(PARTITIONS):
                app.inboxes[0].finish([record])
                if record.value in awaited:
                    awaited.remove(record.value)
                yield record.value


async def test_a_rebalance_after_the_drain_does_not_keep_the_group_from_being_left(
    broker: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the drain and the last commit partitions may be moved as well: Faust would close the consumer then."""
    admin = AdminClient({"bootstrap.servers": broker})
    first = await start(broker)
    moved, close = revoked(first, monkeypatch), first.publisher.close
    about_to_commit = asyncio.Event()

    async def wait_and_close() -> None:
        about_to_commit.set()
        await asyncio.wait_for(moved.wait(), PATIENCE_SECONDS)
        await shared_by(admin, 2)
        await close()

    await shared_by(admin, 1)
    monkeypatch.setattr(first.publisher, "close", wait_and_close)
    stopping = asyncio.create_task(first.stop())
    await about_to_commit.wait()
    await start(broker)
    await asyncio.wait_for(stopping, PATIENCE_SECONDS + STOP_SECONDS)
    began = time.monotonic()
    await shared_by(admin, 1)

    assert time.monotonic() - began < SESSION_SECONDS / 2


async def test_a_rebalance_that_waits_for_another_member_holds_up_no_stop(
    broker: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The join is given up and the group is left: the others do not wait for a session timeout of ours."""
    admin = AdminClient({"bootstrap.servers": broker})
    first, slow = await start(broker), await start(broker)
    await shared_by(admin, 2)
    moved, go = revoked(first, monkeypatch), asyncio.Event()

    async def wait(_: Any) -> None:
        await go.wait()

    monkeypatch.setattr(slow.consumer, "on_partitions_revoked", wait)
    try:
        third = asyncio.ensure_future(start(broker))
        await asyncio.wait_for(moved.wait(), PATIENCE_SECONDS)
        await until_joining(admin, 3)
        await stopped(asyncio.create_task(first.stop()))
        left = await asyncio.to_thread(members_of, admin)
    finally:
        go.set()
    await third

    assert left == (ConsumerGroupState.PREPARING_REBALANCING, 2)


def members_of(admin: AdminClient, name: str = GROUP) -> tuple[ConsumerGroupState, int]:
    """Return the state of a group, and how many members it has; unknown and none while the broker cannot say."""
    try:
        group = admin.describe_consumer_groups([name], request_timeout=10)[name].result()
    except KafkaException:
        # A new broker may have no coordinator of the group yet.
        return ConsumerGroupState.UNKNOWN, 0
    return group.state, len(group.members)


async def until_joining(admin: AdminClient, members: int) -> None:
    """Wait until so many members are in the group, which waits for one of them."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = await asyncio.to_thread(members_of, admin)
        if found == (ConsumerGroupState.PREPARING_REBALANCING, members):
            return
        assert time.monotonic() < until, f"the group came to {found}"


async def test_a_coordinator_that_is_not_known_is_looked_up_to_leave(broker: str, start: Start) -> None:
    """A coordinator that was lost just before is found again, and the others do not wait for a session timeout."""
    admin = AdminClient({"bootstrap.servers": broker})
    first = await start(broker)
    await shared_by(admin, 1)
    consumer: Any = first.consumer
    thread = consumer._thread

    async def lose_coordinator() -> None:
        thread._consumer._coordinator.coordinator_id = None

    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(lose_coordinator(), thread.thread_loop))
    await stopped(asyncio.create_task(first.stop()))

    assert await asyncio.to_thread(assigned, admin) == {}
    assert (await asyncio.to_thread(members_of, admin))[1] == 0


@pytest.fixture(scope="module")
def far_kafka(parts_directory: Path) -> Iterator[FarKafka]:
    """A broker behind a proxy, with the topics."""
    with FarKafka(parts_directory / "far") as kafka:
        kafka.make_topics(NewTopic(topic.name, topic.partitions, 1, config=topic.configuration()) for topic in TOPICS)
        yield kafka


@pytest.mark.parametrize("fault", ["black hole", "refuse"])
async def test_without_a_broker_a_stop_ends_in_time_and_nothing_is_lost(
    far_kafka: FarKafka, start: Start, fault: Mode
) -> None:
    """What could not be committed is delivered again to the next member, once the session has ended."""
    far_kafka.link.set("ok")
    value = f"finished before: {fault}".encode()
    publish(far_kafka.address, value)
    app = await start(far_kafka.far_address, session=10)
    assert value in [each async for each in arriving(app, [value])]
    far_kafka.link.set(fault)
    await stopped(asyncio.create_task(app.stop()))
    # What the link still holds, a commit among it, is lost.
    far_kafka.link.reset()
    far_kafka.link.set("ok")
    following = await start(far_kafka.far_address, session=10)

    assert value in [each async for each in arriving(following, [value])]


class Noticed(logging.Handler):
    """Sets an event at the first log record, of whatever thread."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def emit(self, _: logging.LogRecord) -> None:
        """Set the event."""
        self.event.set()


async def test_a_start_that_no_broker_answers_can_be_stopped() -> None:
    """It ends in time, and leaves no thread that would keep the process from ending."""
    before, trying = set(threading.enumerate()), Noticed()
    transport.logger.addHandler(trying)
    app = member(f"127.0.0.1:{free_port()}")
    starting = asyncio.create_task(app.start())
    try:
        assert await asyncio.to_thread(trying.event.wait, PATIENCE_SECONDS)
        await stopped(asyncio.create_task(app.stop()))
    finally:
        transport.logger.removeHandler(trying)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)

    assert [thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("asyncio_")] == []


def test_a_worker_without_a_broker_ends_with_zero(far_kafka: FarKafka, database: str, tmp_path: Path) -> None:
    """An operator or a supervisor learns of no failure: nothing was lost. The log says what could not be done."""
    far_kafka.link.set("ok")
    log, admin = tmp_path / "worker.log", AdminClient({"bootstrap.servers": far_kafka.address})
    settings = {
        "POSTERS_BROKERS": far_kafka.far_address,
        "POSTERS_DATABASE_URL": database,
        "POSTERS_STORAGE_URL": tmp_path.as_uri(),
    }
    with log.open("wb") as file:
        command = [sys.executable, "-m", "posters", "worker", "retry"]
        worker = subprocess.Popen(command, env={**os.environ, **settings}, stdout=file, stderr=file)
    try:
        until = time.monotonic() + 2 * PATIENCE_SECONDS
        while members_of(admin, "retry") != (ConsumerGroupState.STABLE, 1) or b"working as" not in log.read_bytes():
            assert worker.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
        far_kafka.link.set("black hole")
        began = time.monotonic()
        worker.terminate()
        code = worker.wait(PATIENCE_SECONDS)
        seconds = time.monotonic() - began
    finally:
        far_kafka.link.set("ok")
        worker.kill()
        worker.wait()

    assert code == 0, log.read_text()
    assert seconds < STOP_SECONDS
    assert "the group was not left" in log.read_text()
