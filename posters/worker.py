"""Running roles in one process until they are told to stop."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from prometheus_client import REGISTRY

from agents.settings import Settings
from posters.operations.topics import TopicAdmin
from posters.roles import RunningRole, now, open_role
from streams.build import build_id
from streams.errors import SettingsError
from streams.faust_bridge.application import require_cython
from streams.lag import Lag
from streams.liveness import Liveness
from streams.memory import freeze_loaded_objects, return_large_blocks
from streams.metrics import BUILD_INFO
from streams.retry import retry_while_unavailable
from streams.status import StatusServer
from streams.topics import EDGES, Role
from streams.watchdog import Watchdog

logger = logging.getLogger(__name__)

ABANDON_SECONDS: Final = 5.0
"""How long a start that was interrupted, or a stop beyond its drain, may take."""


class Readiness:
    """Why the worker is not ready, if it is not."""

    def __init__(self) -> None:
        self._roles: Sequence[Liveness] | None = None

    def started(self, roles: Sequence[Liveness]) -> None:
        """Say that everything has started; from now on the roles speak for themselves."""
        self._roles = roles

    def reasons(self) -> list[str]:
        """Return a sentence for each reason."""
        if self._roles is None:
            return ["starting"]
        return [reason for role in self._roles for reason in role.reasons()]


class UncleanStopError(Exception):
    """The worker stopped, but something of it still hangs; the process has to be ended from outside."""


async def run_worker(roles: Sequence[Role], settings: Settings, stop: asyncio.Event) -> None:
    """Run the roles until `stop` is set or one of them ends; then finish what is in hand and leave.

    Raises whatever ended a role: a bug ends the process, and its records are delivered again.
    """
    require_cython()
    return_large_blocks()
    async with AsyncExitStack() as exit_stack:
        readiness = Readiness()
        watchdog = Watchdog(asyncio.get_running_loop(), settings.watchdog_seconds)
        watchdog.start()
        exit_stack.callback(watchdog.stop)
        if settings.status_address is not None:
            status = StatusServer(settings.status_address, readiness.reasons, REGISTRY)
            await status.start()
            exit_stack.push_async_callback(status.stop)
        opened = await _started(roles, settings, exit_stack, stop)
        if opened is not None:
            freeze_loaded_objects()
            logger.info("working as %s", ", ".join(roles))
            BUILD_INFO.labels(build_id()).set(1)
            for role in opened:
                role.progress.export()
            watchdog.watch([role.progress for role in opened])
            readiness.started([role.progress for role in opened])
            await _work(opened, settings, stop)


async def _started(
    roles: Sequence[Role], settings: Settings, exit_stack: AsyncExitStack, stop: asyncio.Event
) -> Sequence[RunningRole] | None:
    """Return the started roles, or None where `stop` was set first: a broker that is away must not hold us here."""
    opened: list[RunningRole] = []
    starting = asyncio.ensure_future(_start(roles, settings, exit_stack, opened))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        await starting
        return opened
    logger.info("told to stop before everything had started")
    starting.cancel()
    stops = [role.task(role.app.stop()) for role in opened]
    await asyncio.wait({starting, *stops}, timeout=ABANDON_SECONDS)
    return None


async def _start(
    roles: Sequence[Role], settings: Settings, exit_stack: AsyncExitStack, opened: list[RunningRole]
) -> None:
    await _require_topics(roles, settings)
    opened += await asyncio.gather(*(open_role(role, settings, exit_stack) for role in roles))
    # All at once: started one after the other, each would wait for its own group's initial delay.
    await asyncio.gather(*(role.task(role.app.start()) for role in opened))


async def _require_topics(roles: Sequence[Role], settings: Settings) -> None:
    """Wait for a broker; raise SettingsError where it does not have the topics of these roles."""
    named = {
        name for role in roles for name in (*EDGES[role].consumes, *EDGES[role].reads_compacted, *EDGES[role].writes)
    }
    admin = TopicAdmin(settings)
    missing = await retry_while_unavailable(lambda: asyncio.to_thread(admin.missing, named))
    if missing:
        raise SettingsError(f"the broker at {settings.brokers} has no topic {', '.join(missing)}; run `posters setup`")
    for problem in await retry_while_unavailable(lambda: asyncio.to_thread(admin.check)):
        logger.warning("%s", problem)


async def _work(opened: Sequence[RunningRole], settings: Settings, stop: asyncio.Event) -> None:
    loops = [role.task(role.progress.run(role.work)) for role in opened]
    loops += [role.task(Lag(role.app, role.progress, now).run()) for role in opened]
    loops += [role.task(role.app.until_crashed()) for role in opened]
    stopping = asyncio.ensure_future(stop.wait())
    loops += [role.task(role.fuse.run()) for role in opened]
    try:
        done, _ = await asyncio.wait([*loops, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            await task
        logger.info("finishing what is in hand")
        await _stop(opened, settings)
    finally:
        for task in (*loops, stopping):
            task.cancel()
        await asyncio.gather(*loops, stopping, return_exceptions=True)


async def _stop(opened: Sequence[RunningRole], settings: Settings) -> None:
    stops = [role.task(role.app.stop()) for role in opened]
    _, hanging = await asyncio.wait(stops, timeout=settings.drain_timeout + ABANDON_SECONDS)
    if hanging:
        raise UncleanStopError(
            "the consumers did not leave their groups in time; is the broker away? The rest is delivered again"
        )


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on TERM and on Ctrl-C."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
