"""The partitions of a worker when it stops: static and dynamic group membership."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from confluent_kafka import ConsumerGroupState, Producer
from confluent_kafka.admin import AdminClient

from agents.settings import Settings
from schemas.topics import POSTER_RENDERS
from streams.faust_bridge.application import RoleApp
from streams.health.lag import Lag
from streams.health.liveness import Liveness
from streams.inbox import Inbox
from streams.topics import Role

GROUP: Role = "render"
NAMED: Role = "retry"
"""The group of members with names: they never leave, so that others would wait for their session timeout."""
PARTITIONS = 12
PATIENCE_SECONDS = 60.0


def member(broker: str, instance: str | None) -> RoleApp:
    """Return a member of the group, yet to be started."""
    settings = Settings(brokers=broker, fetch_wait=0.1, session_timeout=20, instance=instance)
    return RoleApp(NAMED if instance else GROUP, settings, [Inbox([POSTER_RENDERS], cap=100)])


async def started(broker: str, instance: str | None) -> RoleApp:
    """Return a member of the group."""
    app = member(broker, instance)
    await app.start()
    watch(app)
    return app


def watch(app: RoleApp) -> None:
    """Have records that a rebalance has dropped fetched again, as in a worker, until the app is stopped."""
    app.add_future(Lag(app, Liveness(app.role, app.inboxes), lambda: datetime.now(UTC)).run())


def assigned(admin: AdminClient, name: str = GROUP) -> Mapping[str, frozenset[int]]:
    """Return the partitions of each member of the group, by its instance name or else its id, while it is stable."""
    group = admin.describe_consumer_groups([name], request_timeout=10)[name].result()
    if group.state is not ConsumerGroupState.STABLE:
        return {}
    return {
        member.group_instance_id or member.member_id: frozenset(
            each.partition for each in member.assignment.topic_partitions
        )
        for member in group.members
    }


async def shared_by(admin: AdminClient, members: int, group: str = GROUP) -> Mapping[str, frozenset[int]]:
    """Return the partitions of each member once so many have all of them between them."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = await asyncio.to_thread(assigned, admin, group)
        if len(found) == members and sum(map(len, found.values())) == PARTITIONS and all(found.values()):
            return found
        assert time.monotonic() < until, f"the group came to {found}"


async def test_a_named_worker_that_is_restarted_finds_its_partitions_again(broker: str) -> None:
    """Its partitions wait for it: there is no rebalance when it stops nor when it returns."""
    admin = AdminClient({"bootstrap.servers": broker})
    first = await started(broker, "one")
    second = await started(broker, "two")
    rebalanced: list[None] = []
    second.on_partitions_revoked.connect(lambda *_, **__: rebalanced.append(None), weak=False)
    try:
        before = await shared_by(admin, 2, NAMED)
        rebalanced.clear()
        await first.stop()
        while_stopped = await asyncio.to_thread(assigned, admin, NAMED)
        first = await started(broker, "one")
        after = await shared_by(admin, 2, NAMED)
    finally:
        await first.stop()
        await second.stop()

    assert set(before) == {"one-retry", "two-retry"}
    assert before == while_stopped == after
    assert rebalanced == []


async def test_a_worker_without_a_name_hands_its_partitions_over_when_it_stops(broker: str) -> None:
    """The others have them well before the session timeout."""
    admin = AdminClient({"bootstrap.servers": broker})
    first = await started(broker, None)
    second = await started(broker, None)
    try:
        await shared_by(admin, 2)
        began = time.monotonic()
        await first.stop()
        await shared_by(admin, 1)

        assert time.monotonic() - began < 20 / 2
    finally:
        await second.stop()


async def test_what_is_finished_when_partitions_are_moved_is_not_delivered_again(broker: str) -> None:
    """Not even what was finished since the last commit: it is committed before they go."""
    admin, producer = AdminClient({"bootstrap.servers": broker}), Producer({"bootstrap.servers": broker})
    for partition in range(PARTITIONS):
        producer.produce(POSTER_RENDERS, b"finished", partition=partition)
    assert producer.flush(10) == 0
    first = member(broker, None)
    first.conf.broker_commit_interval = 3_600
    await first.start()
    watch(first)
    second = None
    try:
        (inbox,) = first.inboxes
        for _ in range(PARTITIONS):
            inbox.finish(await asyncio.wait_for(inbox.take(1), PATIENCE_SECONDS))
        second = await started(broker, None)
        await shared_by(admin, 2)
        for partition in range(PARTITIONS):
            producer.produce(POSTER_RENDERS, b"later", partition=partition)
        assert producer.flush(10) == 0
        async with asyncio.TaskGroup() as tasks:
            came: asyncio.Queue[bytes | None] = asyncio.Queue()
            readers = [tasks.create_task(read(app.inboxes[0], came)) for app in (first, second)]
            values = {await asyncio.wait_for(came.get(), PATIENCE_SECONDS) for _ in range(PARTITIONS)}
            for reader in readers:
                reader.cancel()
    finally:
        await first.stop()
        if second is not None:
            await second.stop()

    assert values == {b"later"}


async def read(inbox: Inbox, came: "asyncio.Queue[bytes | None]") -> None:
    """Finish the records that are delivered and put their values into a queue, without end."""
    while True:
        for record in await inbox.take(PARTITIONS):
            inbox.finish([record])
            came.put_nowait(record.value)
