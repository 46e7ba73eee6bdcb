"""A consumer that stops without a message is detected, although Faust never asks it for errors."""

import asyncio
import contextlib
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError

from agents.settings import Settings
from schemas.topics import POSTER_RENDERS
from streams.delivery import Record
from streams.errors import AuthorizationError
from streams.faust_bridge.application import RoleApp
from streams.faust_bridge.transport import ConsumerStoppedError
from streams.inbox import Inbox


async def running(broker: str) -> tuple[RoleApp, Inbox]:
    """Return a role's app that has joined its group, and its inbox."""
    inbox = Inbox([POSTER_RENDERS], cap=100)
    app = RoleApp("render", Settings(brokers=broker, fetch_wait=0.1, session_timeout=10), [inbox])
    await app.start()
    await app.publisher.publish([Record(topic=POSTER_RENDERS, key="k", value=b"first")])
    inbox.finish(await asyncio.wait_for(inbox.take(1), 60))
    return app, inbox


async def error_of(app: RoleApp) -> BaseException:
    """Return the error by which a worker learns that its consumer failed, and stop the app."""
    consumer: Any = app.consumer

    async def asking() -> None:
        async with asyncio.timeout(60):
            while True:
                await consumer.fetch_states()

    watches = {asyncio.create_task(asking()), asyncio.create_task(app.until_crashed())}
    done, others = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(app.stop(), 30)
    error = done.pop().exception()
    assert error is not None
    return error


async def in_its_thread(app: RoleApp, work: Any) -> None:
    """Run `work` with the group's coordinator, in the thread of the consumer."""
    consumer: Any = app.consumer
    thread = consumer._thread

    async def there() -> None:
        work(thread._consumer._coordinator)

    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), thread.thread_loop))


@pytest.mark.parametrize(
    "error", [GroupAuthorizationFailedError("render"), ValueError("a bug")], ids=["refused", "bug"]
)
async def test_a_consumer_that_cannot_join_its_group_is_an_error(broker: str, error: Exception) -> None:
    """Neither a group that refuses it nor a task of its own that ends leaves a role that only seems to work."""
    app, _ = await running(broker)

    def break_it(coordinator: Any) -> None:
        async def broken(_: Any) -> bool:
            raise error

        coordinator._do_rejoin_group = broken
        coordinator.request_rejoin()

    await in_its_thread(app, break_it)
    found = await error_of(app)

    assert isinstance(found, AuthorizationError | ConsumerStoppedError | RuntimeError), found
    assert not isinstance(found, TimeoutError)


async def test_fetch_states_say_how_far_each_partition_is_fetched(broker: str) -> None:
    """All that was published is fetched."""
    app, _ = await running(broker)
    consumer: Any = app.consumer
    seen = await consumer.fetch_states()
    await app.stop()

    assert len(seen) == 12
    assert all(fetched.is_member for fetched in seen.values())
    assert sum(fetched.end for fetched in seen.values()) == 1
    assert [fetched.position for fetched in seen.values() if fetched.end] == [1]
