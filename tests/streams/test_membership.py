"""What becomes of a worker's partitions when it stops."""

import asyncio
import time
from collections.abc import Mapping

from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from schemas.topics import POSTER_RENDERS
from streams.application import RoleApp
from streams.inbox import Inbox
from streams.settings import Settings

GROUP = "render"
PARTITIONS = 12
PATIENCE_SECONDS = 60.0


async def started(broker: str, instance: str | None) -> RoleApp:
    """Return a member of the render role's group."""
    settings = Settings(brokers=broker, fetch_wait=0.1, session_timeout=20, instance=instance)
    app = RoleApp("render", settings, [Inbox([POSTER_RENDERS], cap=100)])
    await app.start()
    return app


def assigned(admin: AdminClient) -> Mapping[str, frozenset[int]]:
    """Return the partitions of each member of the group, by its instance name or else its id, while it is stable."""
    group = admin.describe_consumer_groups([GROUP], request_timeout=10)[GROUP].result()
    if group.state is not ConsumerGroupState.STABLE:
        return {}
    return {
        member.group_instance_id or member.member_id: frozenset(
            each.partition for each in member.assignment.topic_partitions
        )
        for member in group.members
    }


async def shared_by(admin: AdminClient, members: int) -> Mapping[str, frozenset[int]]:
    """Return the partitions of each member once so many have all of them between them."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = await asyncio.to_thread(assigned, admin)
        if len(found) == members and sum(map(len, found.values())) == PARTITIONS and all(found.values()):
            return found
        assert time.monotonic() < until, f"the group came to {found}"


async def test_a_named_worker_that_is_restarted_finds_its_partitions_again(broker: str) -> None:
    """While it is away its partitions wait for it, and nobody's are moved, neither when it goes nor when it is back."""
    admin = AdminClient({"bootstrap.servers": broker})
    first = await started(broker, "one")
    second = await started(broker, "two")
    rebalanced: list[None] = []
    second.on_partitions_revoked.connect(lambda *_, **__: rebalanced.append(None), weak=False)
    try:
        before = await shared_by(admin, 2)
        rebalanced.clear()
        await first.stop()
        away = await asyncio.to_thread(assigned, admin)
        first = await started(broker, "one")
        after = await shared_by(admin, 2)
    finally:
        await first.stop()
        await second.stop()

    assert set(before) == {"one-render", "two-render"}
    assert before == away == after
    assert rebalanced == []


async def test_a_worker_without_a_name_hands_its_partitions_over_when_it_stops(broker: str) -> None:
    """Well before the session timeout the others have them."""
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
