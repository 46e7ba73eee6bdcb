"""`python -m posters.isolated ROLE`: handles the records on standard input as the role would, and ends.

It opens the role as a worker does, except its consumer. The exit code says how that ended (`posters/isolation.py`).
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import cast

import msgspec

from agents.postgres import SchemaMismatchError
from agents.settings import Settings, read_settings
from posters.isolation import LENGTH_BYTES, READY, REFUSED_EXIT_CODE
from posters.masking import mask_secrets
from posters.roles import open_role
from streams.delivery import Delivery
from streams.errors import SettingsError
from streams.health.memory import return_large_blocks
from streams.health.watchdog import Watchdog
from streams.inbox import Partition
from streams.logs import configure_logging
from streams.topics import Role


class _EveryRecord:
    """Stands for the consumer: the records that the child got are all there are."""

    def pause_partition(self, partition: Partition) -> None:
        """Do nothing."""

    def resume_partition(self, partition: Partition) -> None:
        """Do nothing."""

    def accept(self, partition: Partition, offset: int, after: int | None) -> bool:
        """Accept any record."""
        return True


async def handle(role: Role, settings: Settings, deliveries: Sequence[Delivery]) -> None:
    """Handle records of a role and return when their effects are durable. Raises what ends the role."""
    async with AsyncExitStack() as exit_stack:
        watchdog = Watchdog(asyncio.get_running_loop(), settings.watchdog_seconds)
        watchdog.start()
        exit_stack.callback(watchdog.stop)
        opened = await open_role(role, replace(settings, render_slots=1), exit_stack, guarded=False)
        exit_stack.push_async_callback(opened.app.publisher.close)
        watchdog.watch([opened.liveness])
        (inbox,) = opened.app.inboxes
        inbox.attach(_EveryRecord())
        acknowledged = asyncio.Semaphore(0)
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        work = opened.task(opened.liveness.run(opened.work))
        for delivery in deliveries:
            inbox.deliver(delivery, acknowledged.release)
        finished = asyncio.ensure_future(_acquire(acknowledged, len(deliveries)))
        try:
            done, _ = await asyncio.wait({work, finished}, return_when=asyncio.FIRST_COMPLETED)
            if work in done:
                await work
        finally:
            for task in (work, finished):
                task.cancel()
            await asyncio.gather(work, finished, return_exceptions=True)


async def _acquire(semaphore: asyncio.Semaphore, times: int) -> None:
    for _ in range(times):
        await semaphore.acquire()


def _end_with_parent() -> None:
    """End this process when the worker does: its end closes the pipe."""
    sys.stdin.buffer.read()
    os._exit(REFUSED_EXIT_CODE)


def main() -> None:
    """Handle the records on standard input for the role that is the argument."""
    role = cast("Role", sys.argv[1])
    size = int.from_bytes(sys.stdin.buffer.read(LENGTH_BYTES))
    deliveries = msgspec.msgpack.decode(sys.stdin.buffer.read(size), type=list[Delivery])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    settings = read_settings()
    configure_logging(settings, mask=mask_secrets)
    return_large_blocks()
    code = 0
    try:
        asyncio.run(handle(role, settings, deliveries))
    except Exception as error:
        logging.getLogger(__name__).exception("handling %d records alone has failed", len(deliveries))
        code = REFUSED_EXIT_CODE if _is_refusal(error) else 1
    logging.shutdown()
    os._exit(code)


def _is_refusal(error: Exception) -> bool:
    """Return whether the records are not the reason. Roles run in task groups, which wrap errors."""
    kinds = (SettingsError, SchemaMismatchError)
    return isinstance(error, kinds) or (isinstance(error, ExceptionGroup) and error.subgroup(kinds) is not None)


if __name__ == "__main__":
    main()
