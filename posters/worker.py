"""The worker process: starts roles, runs them, and shuts them down gracefully.

Shutdown has three steps: stop intake, drain in-flight records within POSTERS_DRAIN_TIMEOUT, abort what still hangs.
Unfinished records are not acknowledged, so the broker delivers them again.
"""

import asyncio
import logging
import signal
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from prometheus_client import REGISTRY

from agents.settings import Settings
from posters.operations.broker.granted import missing_rights, refusal_sentences
from posters.operations.broker.rights import role_rights
from posters.operations.broker.topics import TopicAdmin, all_topics
from posters.roles import RunningRole, now, open_role
from streams.build import build_id
from streams.errors import SettingsError
from streams.faust_bridge.application import require_cython
from streams.health.lag import Lag
from streams.health.liveness import Liveness
from streams.health.memory import freeze_loaded_objects, return_large_blocks
from streams.health.status import StatusServer
from streams.health.watchdog import Watchdog
from streams.metrics import BUILD_INFO
from streams.retry import retry_while_unavailable
from streams.topics import Role

logger = logging.getLogger(__name__)

ABORT_SECONDS: Final = 5.0
"""How long an interrupted start may take before it is aborted."""
STOP_SECONDS: Final = 8.0
"""How long a stop may take beyond its drain timeout. Committing and leaving have limits of their own, below this one
together, so only a consumer that hangs takes longer."""


class Readiness:
    """The reasons why the worker is not ready, for `/ready`."""

    def __init__(self) -> None:
        self._roles: Sequence[Liveness] | None = None

    def started(self, roles: Sequence[Liveness]) -> None:
        """Report what the roles report, from now on."""
        self._roles = roles

    def reasons(self) -> list[str]:
        """Return a sentence for each reason; empty where the worker is ready."""
        if self._roles is None:
            return ["starting"]
        return [reason for role in self._roles for reason in role.reasons()]


class UncleanStopError(Exception):
    """A consumer hangs in its stop; the process must be ended without waiting for it."""


async def run_worker(roles: Sequence[Role], settings: Settings, stop: asyncio.Event) -> None:
    """Run the roles until `stop` is set or one of them ends; then shut all of them down.

    Raises whatever ended a role (its records are delivered again), SettingsError, and UncleanStopError.
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
        opened = await _start_unless_stopped(roles, settings, exit_stack, stop)
        if opened is not None:
            freeze_loaded_objects()
            logger.info("working as %s", ", ".join(roles))
            BUILD_INFO.labels(build_id()).set(1)
            liveness = [role.liveness for role in opened]
            for each in liveness:
                each.export()
            watchdog.watch(liveness)
            readiness.started(liveness)
            await _run(opened, settings, stop)


async def _start_unless_stopped(
    roles: Sequence[Role], settings: Settings, exit_stack: AsyncExitStack, stop: asyncio.Event
) -> Sequence[RunningRole] | None:
    """Return the started roles, or None where `stop` was set first: an unavailable broker must not delay a shutdown."""
    opened: list[RunningRole] = []
    starting = asyncio.ensure_future(_start(roles, settings, exit_stack, opened))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        await starting
        return opened
    logger.info("shutdown requested before every role had started")
    starting.cancel()
    stops = [role.task(role.app.stop()) for role in opened]
    await asyncio.wait({starting, *stops}, timeout=ABORT_SECONDS)
    return None


async def _start(
    roles: Sequence[Role], settings: Settings, exit_stack: AsyncExitStack, opened: list[RunningRole]
) -> None:
    await _require_topics(roles, settings)
    opened += await asyncio.gather(*(open_role(role, settings, exit_stack) for role in roles))
    # Concurrently: one after the other, each would wait for its own consumer group's initial rebalance delay.
    await asyncio.gather(*(role.task(role.app.start()) for role in opened))


async def _require_topics(roles: Sequence[Role], settings: Settings) -> None:
    """Wait for a broker; raise SettingsError where this user lacks rights of these roles, or the broker topics."""
    admin = TopicAdmin(settings)
    rights = [right for role in roles for right in role_rights(role, settings.own_topic_sources)]
    lacking = await retry_while_unavailable(lambda: asyncio.to_thread(missing_rights, settings, rights))
    if lacking:
        raise SettingsError("\n".join(refusal_sentences(lacking, settings)))
    required = {right.name for right in rights if right.kind == "topic"}
    missing = await retry_while_unavailable(lambda: asyncio.to_thread(admin.missing, required))
    if missing:
        raise SettingsError(f"the broker at {settings.brokers} has no topic {', '.join(missing)}; run `posters setup`")
    refused = await retry_while_unavailable(lambda: asyncio.to_thread(admin.refused_session))
    if refused:
        raise SettingsError(refused)
    topics = [topic for topic in all_topics(settings) if topic.name in required]
    for problem in await retry_while_unavailable(lambda: asyncio.to_thread(admin.check, topics)):
        logger.warning("%s", problem)


async def _run(opened: Sequence[RunningRole], settings: Settings, stop: asyncio.Event) -> None:
    tasks = [role.task(coroutine) for role in opened for coroutine in _coroutines(role)]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            await task
        logger.info("shutting down: no new records; up to %g s for those in flight", settings.drain_timeout)
        await _shut_down(opened, settings)
    finally:
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)


def _coroutines(role: RunningRole) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield what runs for a role until it is shut down; whichever ends first ends the worker."""
    yield role.liveness.run(role.work)
    yield Lag(role.app, role.liveness, now).run()
    yield role.app.until_crashed()
    yield role.dead_letter_limit.run()
    for reader in role.readers:
        yield reader.until_refused()


async def _shut_down(opened: Sequence[RunningRole], settings: Settings) -> None:
    """Stop intake, drain, commit and leave the groups. Raises UncleanStopError where that takes too long.

    What cannot be committed or left because the broker is unavailable is only logged: nothing is lost by it.
    """
    stops = [role.task(role.app.stop()) for role in opened]
    _, hanging = await asyncio.wait(stops, timeout=settings.drain_timeout + STOP_SECONDS)
    if hanging:
        raise UncleanStopError("a consumer hangs and is ended; unfinished records are delivered again")


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and on SIGINT (Ctrl-C)."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
