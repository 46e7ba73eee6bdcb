"""Leaving a consumer group within a limit, whatever the broker and the other members do.

aiokafka completes a rebalance before it leaves its group, so it waits for the slowest member to join, or for a
coordinator that does not answer. A member that is gone without having left costs the group one session timeout and
loses nothing: what it had not committed is delivered again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiokafka.client import CoordinationType
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest

logger = logging.getLogger(__name__)

LOOKUP_SECONDS: Final = 1.0
"""How long the coordinator of the group may be looked for before."""
LEAVE_SECONDS: Final = 2.0
"""How long a consumer may take to complete a rebalance, to leave its group and to close its connections."""
LAST_REQUEST_SECONDS: Final = 1.0
"""How long the request to leave may take where that was not enough."""
CLOSE_SECONDS: Final = 0.5
_CONNECTION: Final = "leaving"
"""A connection of its own: on the others the broker answers earlier requests first, such as the one to join."""


async def leave_within_limit(consumer: Any, stop: Callable[[], Awaitable[None]]) -> None:
    """Call `stop`, which leaves the group and closes the consumer; beyond the limit only ask to leave, and close it."""
    stopping = asyncio.ensure_future(_stop(consumer, stop))
    # Not `asyncio.timeout`: parts of aiokafka ignore a cancellation.
    await asyncio.wait({stopping}, timeout=LEAVE_SECONDS)
    # aiokafka's `stop` ends as cancelled, before it closes its connections, where a fetch was about to be repeated.
    if stopping.done() and not stopping.cancelled():
        await stopping
        return
    stopping.cancel()
    try:
        async with asyncio.timeout(LAST_REQUEST_SECONDS):
            await _leave(consumer)
    except (KafkaError, TimeoutError) as error:
        logger.warning("the group was not left; others get its partitions after the session timeout: %r", error)
    await asyncio.wait({asyncio.ensure_future(consumer._client.close())}, timeout=CLOSE_SECONDS)


async def _stop(consumer: Any, stop: Callable[[], Awaitable[None]]) -> None:
    if _is_member(consumer):
        # Once it is stopping, aiokafka does not look for a coordinator any more.
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                await consumer._coordinator.ensure_coordinator_known()
        except (KafkaError, TimeoutError) as error:
            logger.warning("the group has no coordinator: %r", error)
    await stop()


async def _leave(consumer: Any) -> None:
    """Ask the coordinator to let this member go. Raises KafkaError where it is unavailable."""
    coordinator, client = consumer._coordinator, consumer._client
    if not _is_member(consumer):
        return
    node = coordinator.coordinator_id
    if node is None:
        node = await client.coordinator_lookup(CoordinationType.GROUP, coordinator.group_id)
    request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
    await client.send(node, request, group=_CONNECTION)


def _is_member(consumer: Any) -> bool:
    """Whether there is a member that can leave; one with a name stays, to find its partitions again."""
    coordinator = None if consumer is None else consumer._coordinator
    return (
        coordinator is not None
        and coordinator.member_id != JoinGroupRequest.UNKNOWN_MEMBER_ID
        and coordinator._group_instance_id is None
    )
